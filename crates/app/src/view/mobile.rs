//! The layout of narrow windows: the stage, three panels, the transport below.

use yew::prelude::*;

use super::{
    cx::{Cx, yes},
    dock::{client, log, operations},
    icons::icon,
    inspector, over, ruler, stage, topbar, verdict,
};
use crate::model::{
    state::Phase,
    ui::{Overlay, Panel, Person, Tool},
};

/// The whole page.
pub fn mobile(cx: Cx<'_>) -> Html {
    html! {
        <div class="mobile">
            <header class="mo-top">
                { topbar::cluster_button(cx) }
                <span class="spacer"></span>
                { topbar::live(cx) }
                { topbar::languages(cx) }
                { topbar::theme(cx) }
                <button type="button" class="ib" data-testid="help-open"
                    aria-label={cx.t("shortcuts-title")}
                    onclick={cx.on(Person::Open(Overlay::Shortcuts))}>{ icon("help") }</button>
            </header>
            { over::banner::banner(cx) }
            { ruler::ruler(cx) }
            { stage::stage(cx) }
            { panels(cx) }
            <div class="mo-panel">{ verdict::card(cx).unwrap_or_else(|| panel(cx)) }</div>
            { bar(cx) }
        </div>
    }
}

fn panels(cx: Cx<'_>) -> Html {
    let tab = |panel: Panel, id: &'static str, words: String| {
        let on = cx.state.panel == panel;
        html! {
            <button type="button" role="tab" data-testid={id} aria-selected={yes(on)}
                onclick={cx.on(Person::Panel(panel))}>{ words }</button>
        }
    };
    html! {
        <div class="tabs mo-tabs" role="tablist" aria-label={cx.t("panels-label")}>
            { tab(Panel::Log, "mobile-tab-log", cx.t("log-title")) }
            { tab(Panel::Inspect, "mobile-tab-inspect", cx.t("panel-inspect")) }
            { tab(Panel::Client, "mobile-tab-client", cx.t("client-title")) }
        </div>
    }
}

fn panel(cx: Cx<'_>) -> Html {
    match cx.state.panel {
        Panel::Log => log::matrix(cx, 10),
        Panel::Inspect => inspector::inspector(cx),
        Panel::Client => html! {
            <div class="mo-client">{ client::client(cx) }{ operations::operations(cx) }</div>
        },
    }
}

fn bar(cx: Cx<'_>) -> Html {
    let walling = cx.state.tool == Tool::Wall;
    let tool = if walling { Tool::Select } else { Tool::Wall };
    html! {
        <footer class="mo-bar">
            { verdict::chips(cx) }
            <div class="mo-line">{ topbar::clock(cx) }</div>
            <div class="mo-btns">
                <button type="button" class={classes!("ib", walling.then_some("on"))}
                    data-testid="tool-wall" aria-pressed={yes(walling)}
                    disabled={cx.state.phase != Phase::Open}
                    aria-label={cx.t("tool-wall")} onclick={cx.on(Person::Take(tool))}>
                    { icon("wall") }
                </button>
                { topbar::step(cx) }
                { topbar::play(cx) }
                <button type="button" class="ib" data-testid="settings-open"
                    aria-label={cx.t("settings-title")}
                    onclick={cx.on(Person::Open(Overlay::Settings))}>{ icon("settings") }</button>
                { topbar::speed_button(cx) }
            </div>
        </footer>
    }
}
