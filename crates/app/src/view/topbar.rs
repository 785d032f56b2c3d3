//! The bar on top: which cluster, how time passes, how the page looks.

use yew::prelude::*;

use super::{
    cx::{Cx, yes},
    icons::{icon, logo},
    over::menu,
};
use crate::{
    model::{
        bytes::{factor, measured, tenths},
        look::{Lang, Theme},
        state::Phase,
        ui::{Overlay, Person, SPEEDS},
    },
    words::variants,
};

/// The whole bar.
pub fn topbar(cx: Cx<'_>) -> Html {
    html! {
        <header class="topbar">
            <a class="brand" href="./" aria-label={cx.t("brand-home")}>
                { logo() }<span>{ cx.t("brand-name") }</span>
            </a>
            { cluster_button(cx) }
            <div class="transport" role="group" aria-label={cx.t("transport-label")}>
                { play(cx) }
                { step(cx) }
                { speeds(cx) }
            </div>
            { clock(cx) }
            { held(cx) }
            { live(cx) }
            <span class="spacer"></span>
            { languages(cx) }
            { theme(cx) }
            <button type="button" class="ib" data-testid="settings-open"
                title={cx.t("settings-title")} aria-label={cx.t("settings-title")}
                onclick={cx.on(Person::Open(Overlay::Settings))}>{ icon("settings") }</button>
            <button type="button" class="ib" data-testid="help-open"
                title={cx.t("shortcuts-title")} aria-label={cx.t("shortcuts-title")}
                onclick={cx.on(Person::Open(Overlay::Shortcuts))}>{ icon("help") }</button>
        </header>
    }
}

/// The name of the cluster; it opens the cluster's menu.
pub fn cluster_button(cx: Cx<'_>) -> Html {
    let open = cx.state.overlay == Some(Overlay::ClusterMenu);
    html! {
        <div class="anchor">
            <button type="button" class="picker" data-testid="cluster-menu"
                aria-haspopup="menu" aria-expanded={yes(open)}
                onclick={cx.on(Person::Open(Overlay::ClusterMenu))}>
                { icon("cluster") }
                <span class="pk-k">{ cx.t("cluster-label") }</span>
                <span class="pk-n" data-testid="cluster-name">
                    { cx.state.setup.cluster.as_str().to_owned() }
                </span>
                { preset(cx) }
                { icon("chevron") }
            </button>
            if open { { menu::cluster(cx) } }
        </div>
    }
}

/// The preset that every store of the cluster runs.
fn preset(cx: Cx<'_>) -> Html {
    let preset = cx.state.settings().preset();
    let title = format!(
        "{} {}: {}",
        cx.t("preset-label"),
        preset.name(),
        cx.t(variants::preset_key(preset)),
    );
    html! {
        <span class="preset" data-testid="preset" data-value={preset.name()} title={title}>
            { preset.name() }
        </span>
    }
}

/// Play or pause.
pub fn play(cx: Cx<'_>) -> Html {
    let running = cx.state.running();
    let words = cx.t(if running {
        "transport-pause"
    } else {
        "transport-play"
    });
    html! {
        <button type="button" class="ib play" data-testid="transport-play"
            data-running={yes(running)} aria-pressed={yes(running)}
            title={format!("{words} (Space)")} aria-label={words}
            disabled={cx.state.phase != Phase::Open} onclick={cx.on(Person::Toggle)}>
            { icon(if running { "pause" } else { "play" }) }
        </button>
    }
}

/// One event.
pub fn step(cx: Cx<'_>) -> Html {
    let words = cx.t("transport-step");
    html! {
        <button type="button" class="ib" data-testid="transport-step"
            title={format!("{words} (.)")} aria-label={words}
            disabled={cx.state.phase != Phase::Open} onclick={cx.on(Person::Step)}>
            { icon("step") }
        </button>
    }
}

fn asked(cx: Cx<'_>) -> u32 {
    cx.state
        .frame
        .as_ref()
        .map_or(1_000, |frame| frame.pace.asked_permille)
}

fn speeds(cx: Cx<'_>) -> Html {
    let now = asked(cx);
    let button = |permille: u32| {
        html! {
            <button type="button" role="radio" aria-checked={yes(now == permille)}
                data-testid={format!("speed-{permille}")}
                disabled={cx.state.phase != Phase::Open}
                onclick={cx.on(Person::Speed(permille))}>{ factor(permille) }</button>
        }
    };
    html! {
        <div class="seg speed" role="radiogroup" aria-label={cx.t("speed-label")}>
            { for SPEEDS.into_iter().map(button) }
        </div>
    }
}

/// The speed as one button that walks through the speeds, for small screens.
pub fn speed_button(cx: Cx<'_>) -> Html {
    let now = asked(cx);
    let next = SPEEDS
        .into_iter()
        .find(|speed| *speed > now)
        .unwrap_or(SPEEDS[0]);
    html! {
        <button type="button" class="mo-speed" data-testid="speed-cycle"
            aria-label={cx.t("speed-label")} disabled={cx.state.phase != Phase::Open}
            onclick={cx.on(Person::Speed(next))}>{ factor(now) }</button>
    }
}

/// Virtual time, real time, and the speeds.
pub fn clock(cx: Cx<'_>) -> Html {
    let pace = cx
        .state
        .frame
        .as_ref()
        .map(|frame| frame.pace.clone())
        .unwrap_or_default();
    let reached = if pace.running {
        pace.reached_permille
    } else {
        0
    };
    html! {
        <div class="clocks" role="group" aria-label={cx.t("clock-label")}>
            // The painter writes the text, so that it never runs ahead of what is drawn.
            <span class="clock" title={cx.t("clock-virtual")}>
                <b id="clock" data-testid="clock"></b><span>{ "s" }</span>
            </span>
            <span class="pace">
                <span title={cx.t("pace-explained")}>
                    <b data-testid="pace-asked" data-permille={asked(cx).to_string()}>
                        { factor(asked(cx)) }
                    </b>
                    { format!(" {} · ", cx.t("pace-asked")) }
                    <b data-testid="pace-reached"
                        data-permille={pace.reached_permille.to_string()}>
                        { measured(reached) }
                    </b>
                    { format!(" {}", cx.t("pace-reached")) }
                </span>
                <span data-testid="real-time" data-ms={pace.real_ms.to_string()}>
                    { format!("{} ", cx.t("clock-real")) }
                    <b>{ tenths(pace.real_ms) }</b>
                    { " s" }
                </span>
            </span>
        </div>
    }
}

fn held(cx: Cx<'_>) -> Html {
    let owed = cx
        .state
        .frame
        .as_ref()
        .filter(|frame| frame.pace.running)
        .and_then(|frame| frame.pace.held_by);
    let Some(owed) = owed else {
        return Html::default();
    };
    let (name, store, sentence) = variants::owed(owed);
    html! {
        <span class="held" data-testid="held-by" data-held={name}
            data-store={store.get().to_string()}>{ cx.say(&sentence) }</span>
    }
}

/// Whether the cluster lives, in a word.
pub fn live(cx: Cx<'_>) -> Html {
    let running = cx.state.running();
    let (state, class, key) = match (&cx.state.phase, running) {
        (Phase::Open, true) => ("live", "live is-live", "live-running"),
        (Phase::Open, false) => ("paused", "live is-stop", "live-paused"),
        (Phase::Booting | Phase::Opening, _) => ("off", "live is-off", "live-loading"),
        _ => ("off", "live is-off", "live-off"),
    };
    html! {
        <span class={class} data-testid="live-pill" data-state={state} role="status">
            <i></i><span>{ cx.t(key) }</span>
        </span>
    }
}

/// The languages.
pub fn languages(cx: Cx<'_>) -> Html {
    let button = |lang: Lang, id: &'static str, name: &'static str| {
        html! {
            <button type="button" data-testid={id} lang={lang.name()}
                aria-pressed={yes(cx.state.lang == lang)}
                onclick={cx.on(Person::Lang(lang))}>{ name }</button>
        }
    };
    html! {
        <div class="seg lang" role="group" aria-label={cx.t("language-label")}>
            { button(Lang::En, "lang-en", "EN") }
            { button(Lang::Zh, "lang-zh", "中文") }
        </div>
    }
}

/// The colours.
pub fn theme(cx: Cx<'_>) -> Html {
    let theme = cx.state.theme;
    let (sign, key) = match theme {
        Theme::Auto => ("auto", "theme-auto"),
        Theme::Light => ("sun", "theme-light"),
        Theme::Dark => ("moon", "theme-dark"),
    };
    html! {
        <button type="button" class="ib" data-testid="theme-toggle"
            data-theme-choice={theme.name()} title={cx.t(key)} aria-label={cx.t(key)}
            onclick={cx.on(Person::Theme(theme.next()))}>{ icon(sign) }</button>
    }
}
