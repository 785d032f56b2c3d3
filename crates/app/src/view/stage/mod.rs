//! The stage: the stores in their ring, the links between them, and what travels there.

pub mod dial;
pub mod gauge;
pub mod hud;
pub mod links;
pub mod plate;

use yew::prelude::*;

use super::cx::Cx;
use crate::model::{
    state::{State, is_alive},
    ui::{Person, Tool},
};

/// The whole stage.
pub fn stage(cx: Cx<'_>) -> Html {
    let geometry = cx.state.geometry();
    let torn = !geometry.islands.is_empty();
    let walling = cx.state.tool == Tool::Wall;
    html! {
        <main id="stage" class={classes!(
            "stage", torn.then_some("is-torn"), walling.then_some("is-walling")
        )} aria-label={cx.t("stage-label")} onclick={cx.on(Person::Pick(None))}>
            <svg class="stage-svg" role="img" aria-label={describe(cx)}>
                { links::ground(&geometry) }
                { links::links(cx, &geometry) }
                // The painter fills this group.
                <g id="messages"></g>
                if !torn && !walling { { gauge::gauge(cx, &geometry) } }
            </svg>
            { for geometry.places.iter().map(|place| plate::store(cx, &geometry, *place)) }
            { hud::islands(cx, &geometry) }
            { hud::title(cx) }
            { hud::tools(cx) }
            if walling { { hud::wall_preview(cx, &geometry) } }
            if !cx.state.small { { hud::legend(cx) } }
        </main>
    }
}

/// The stage in one sentence.
#[must_use]
pub fn describe(cx: Cx<'_>) -> String {
    let state = cx.state;
    let stores = state.stores().len();
    let down = down(state);
    let leader = leader(cx);
    let cut = if state.cut().len() > 1 {
        cx.tr("stage-cut", [("groups", state.cut().len().into())])
    } else {
        String::new()
    };
    let summary = cx.tr(
        "stage-summary",
        [("stores", stores.into()), ("down", down.into())],
    );
    format!("{summary} {leader} {cut}").trim_end().to_owned()
}

/// Who leads, in one sentence.
#[must_use]
pub fn leader(cx: Cx<'_>) -> String {
    match cx.state.leader() {
        Some(leader) => cx.tr(
            "stage-leader",
            [
                ("store", leader.id.to_string().into()),
                ("term", leader.term.get().to_string().into()),
            ],
        ),
        None => cx.t("stage-no-leader"),
    }
}

fn down(state: &State) -> usize {
    state.frame.as_ref().map_or(0, |frame| {
        frame
            .stores
            .iter()
            .filter(|store| !is_alive(&store.life))
            .count()
    })
}
