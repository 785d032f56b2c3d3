//! Dialogs: a new cluster, and the settings that take effect at once.

use types::{
    raft::Preset,
    settings::{Scope, SettingSpec, TABLE},
};
use yew::prelude::*;

use crate::{
    model::{
        state::Phase,
        ui::{Overlay, Person},
    },
    view::{
        cx::{Cx, yes},
        icons::icon,
    },
    words::variants,
};

/// The settings that have a row of their own.
const STORES: &str = "stores";
const PRESET: &str = "preset";

/// A dialog's frame.
pub fn frame(cx: Cx<'_>, name: &'static str, title: String, content: Html) -> Html {
    html! {
        <section class="dialog" role="dialog" aria-modal="true" aria-label={title.clone()}
            data-testid="dialog" data-dialog={name}>
            <header>
                <h1>{ title }</h1>
                <button type="button" class="ib" data-testid="dialog-close"
                    aria-label={cx.t("close")} onclick={cx.on(Person::Close)}>{ icon("x") }</button>
            </header>
            { content }
        </section>
    }
}

/// The form of a new cluster.
pub fn new_cluster(cx: Cx<'_>) -> Html {
    let good = cx.state.knob_settings();
    let confirm = cx.state.confirm_renew;
    let can_renew = matches!(cx.state.phase, Phase::Open | Phase::CannotOpen(_));
    let visit = cx.send.reform(|event: SubmitEvent| {
        event.prevent_default();
        Person::OpenNamed
    });
    let name_fits = protocol::ClusterName::try_from(cx.state.other_cluster.clone()).is_ok();
    let words = if confirm {
        cx.t("dialog-confirm-reset")
    } else {
        cx.t("dialog-reset")
    };
    let cluster = cx.state.setup.cluster.as_str().to_owned();
    let plain = |spec: &&SettingSpec| ![STORES, PRESET].contains(&spec.name);
    let content = html! {
        <div class="dg-body">
            { stores(cx) }
            { preset(cx) }
            <div class="dg-grid">
                { for TABLE.iter().filter(plain).map(|spec| knob(cx, spec)) }
            </div>
            { error(cx) }
            <div class="dg-act">
                <button type="button" data-testid="dialog-apply"
                    class={if confirm { "btn danger-solid" } else { "btn primary" }}
                    disabled={good.is_err() || !can_renew}
                    onclick={cx.on(Person::Renew)}>{ words }</button>
                <p>{ cx.tr("dialog-reset-explained", [("cluster", cluster.into())]) }</p>
            </div>
            <form class="dg-act other" onsubmit={visit}>
                <input type="text" class="in" data-testid="other-cluster" spellcheck="false"
                    placeholder={cx.t("dialog-other-name")} aria-label={cx.t("dialog-other-name")}
                    value={cx.state.other_cluster.clone()}
                    oninput={cx.typed(Person::NameCluster)} />
                <button type="submit" class="btn" data-testid="other-open"
                    disabled={!name_fits || good.is_err()}>{ cx.t("dialog-other") }</button>
            </form>
        </div>
    };
    frame(cx, "new-cluster", cx.t("menu-new-cluster"), content)
}

fn stores(cx: Cx<'_>) -> Html {
    let now = cx.state.knobs.text(STORES, cx.state.settings());
    let button = |count: u64| {
        let text = count.to_string();
        html! {
            <button type="button" role="radio" aria-checked={yes(now == text)}
                data-testid={format!("stores-{count}")}
                onclick={cx.on(Person::Knob(STORES.to_owned(), text.clone()))}>{ text }</button>
        }
    };
    html! {
        <div class="dg-stores">
            <span>{ cx.t("settings-stores") }</span>
            <div class="seg big" role="radiogroup" aria-label={cx.t("settings-stores")}>
                { for (3..=9).map(button) }
            </div>
        </div>
    }
}

/// The choice of a preset, with what the chosen one stands for.
fn preset(cx: Cx<'_>) -> Html {
    let now = cx.state.knobs.text(PRESET, cx.state.settings());
    let chosen = Preset::ALL.into_iter().find(|preset| preset.name() == now);
    let option = |preset: Preset| {
        html! {
            <option value={preset.name()} selected={chosen == Some(preset)}>
                { preset.name() }
            </option>
        }
    };
    html! {
        <label class="dg-preset">
            <span>{ cx.t("settings-preset") }</span>
            <select class="in" data-testid={format!("field-{PRESET}")}
                onchange={cx.chosen(|text| Person::Knob(PRESET.to_owned(), text))}>
                { for Preset::ALL.into_iter().map(option) }
            </select>
            if let Some(preset) = chosen {
                <small data-testid="preset-explained">
                    { cx.t(variants::preset_key(preset)) }
                </small>
            }
        </label>
    }
}

/// The settings that take effect at once.
pub fn settings(cx: Cx<'_>) -> Html {
    let live = |spec: &&SettingSpec| spec.scope == Scope::Live;
    let content = html! {
        <div class="dg-body">
            <p>{ cx.t("settings-live-explained") }</p>
            <div class="dg-grid">
                { for TABLE.iter().filter(live).map(|spec| knob(cx, spec)) }
            </div>
            { error(cx) }
            <div class="dg-act">
                <button type="button" class="btn"
                    onclick={cx.on(Person::Open(Overlay::NewCluster))}>
                    { cx.t("settings-more") }
                </button>
            </div>
        </div>
    };
    frame(cx, "settings", cx.t("settings-title"), content)
}

fn knob(cx: Cx<'_>, spec: &'static SettingSpec) -> Html {
    let name = spec.name;
    let unit = match spec.unit {
        "" => String::new(),
        "ms" => "ms".to_owned(),
        "ticks" => cx.t("unit-ticks"),
        "bytes" => cx.t("unit-bytes"),
        "entries" => cx.t("unit-entries"),
        "bytes/ms" => cx.t("unit-bytes-per-ms"),
        _ => "‰".to_owned(),
    };
    let id = format!("field-{name}");
    html! {
        // A lower and an upper limit stand side by side.
        <label class={classes!("knob", name.ends_with("_min").then_some("is-min"))}>
            <span>{ cx.t(&format!("settings-{}", name.replace('_', "-"))) }</span>
            <input type="text" inputmode="numeric" class="in" data-testid={id}
                value={cx.state.knobs.text(name, cx.state.settings())}
                oninput={cx.typed(move |text| Person::Knob(name.to_owned(), text))} />
            <small>{ unit }</small>
        </label>
    }
}

fn error(cx: Cx<'_>) -> Html {
    match cx.state.knob_settings() {
        Ok(_) => Html::default(),
        Err(error) => html! {
            <p class="cl-error" role="alert" data-testid="dialog-error">
                { cx.say(&variants::setting(&error)) }
            </p>
        },
    }
}
