//! A store on the stage: a button with its dial and its plate.

use types::{
    frame::{Life, StoreFrame},
    id::StoreId,
};
use yew::prelude::*;

use super::dial::dial;
use crate::{
    model::{
        geometry::{Geometry, Place, Side},
        state::is_alive,
        ui::{Overlay, Person, Tool},
    },
    view::{
        cx::{Cx, yes},
        icons::{icon, role_icon},
        ruler, rules,
    },
    words::variants,
};

/// The store at `place`.
pub fn store(cx: Cx<'_>, geometry: &Geometry, place: Place) -> Html {
    let id = place.store;
    let frame = cx.state.store(id);
    let far = cx.state.far.contains(&id);
    let selected = cx.state.selected == Some(id);
    let side = match place.side {
        Side::Right => "side-r",
        Side::TopRight => "side-tr",
        Side::Left => "side-l",
        Side::Below => "side-b",
    };
    let stop = |event: &MouseEvent| {
        event.stop_propagation();
        event.prevent_default();
    };
    let pick = cx.send.reform(move |event: MouseEvent| {
        stop(&event);
        Person::Pick(Some(id))
    });
    let menu = cx.send.reform(move |event: MouseEvent| {
        stop(&event);
        let (x, y) = (f64::from(event.client_x()), f64::from(event.client_y()));
        Person::Open(Overlay::StoreMenu(id, x, y))
    });
    let twice = cx.send.reform(move |event: MouseEvent| {
        stop(&event);
        Person::KillOrStart(id)
    });
    let walling = cx.state.tool == Tool::Wall;
    html! {
        <button type="button" key={id.get()} data-testid="store"
            class={classes!("store", side, selected.then_some("is-sel"), far.then_some("is-far"))}
            style={format!("transform:translate({:.1}px,{:.1}px);--ds:{:.3}",
                place.at.x, place.at.y, geometry.dial)}
            aria-label={name(cx, id, frame)} aria-pressed={yes(selected)}
            data-store={id.get().to_string()} data-far={yes(far)}
            data-role={frame.map(role_name)}
            data-peer={frame.map(|store| {
                store.peer.map(|peer| peer.get().to_string()).unwrap_or_default()
            })}
            data-life={frame.map(|store| variants::life(&store.life))}
            data-term={frame.map(|store| store.term.get().to_string())}
            data-incarnation={frame.map(|store| store.incarnation.to_string())}
            data-vote={frame.map(|store| optional(store.vote))}
            data-leader={frame.map(|store| optional(store.leader))}
            data-last={frame.map(|store| store.last.index.to_string())}
            data-last-term={frame.map(|store| store.last.term.get().to_string())}
            data-durable={frame.map(|store| store.durable.to_string())}
            data-commit={frame.map(|store| store.commit.to_string())}
            data-applied={frame.map(|store| store.applied.to_string())}
            data-flushed={frame.map(|store| store.flushed.to_string())}
            data-rules={frame.map(|store| store.rules_in_force.clone().unwrap_or_default())}
            data-writing={frame.map(|store| {
                store.writing.map(|cycle| cycle.to_string()).unwrap_or_default()
            })}
            onclick={pick} oncontextmenu={menu}
            ondblclick={(!walling).then_some(twice)}>
            { dial(cx, id, frame, geometry.dial) }
            if cx.state.small { { tag(cx, id, frame) } } else { { plate(cx, id, frame) } }
        </button>
    }
}

fn optional(store: Option<StoreId>) -> String {
    store
        .map(|store| store.get().to_string())
        .unwrap_or_default()
}

/// The role in attributes; a store without a peer of the region has none.
fn role_name(store: &StoreFrame) -> &'static str {
    match store.peer {
        Some(_) => variants::role(store.role),
        None => "none",
    }
}

fn role_words(cx: Cx<'_>, frame: Option<&StoreFrame>) -> String {
    match frame {
        None => cx.t("life-starting"),
        Some(store) if is_alive(&store.life) && store.peer.is_none() => cx.t("role-none"),
        Some(store) if is_alive(&store.life) => cx.t(variants::role_key(store.role)),
        Some(store) => cx.t(variants::life_key(&store.life)),
    }
}

fn name(cx: Cx<'_>, id: StoreId, frame: Option<&StoreFrame>) -> String {
    cx.tr(
        "store-name",
        [
            ("store", id.get().to_string().into()),
            ("role", role_words(cx, frame).into()),
            (
                "term",
                frame.map_or(0, |store| store.term.get()).to_string().into(),
            ),
        ],
    )
}

/// The name below the dial, for small stages.
fn tag(cx: Cx<'_>, id: StoreId, frame: Option<&StoreFrame>) -> Html {
    html! {
        <span class="tag-under">
            <b>{ id.to_string() }</b>{ " " }{ role_words(cx, frame) }
            if let Some(store) = frame { { rules::mark(cx, store) } }
        </span>
    }
}

fn sign(store: &StoreFrame) -> Html {
    match store.peer {
        Some(_) => role_icon(store.role),
        None => icon("r-none"),
    }
}

fn plate(cx: Cx<'_>, id: StoreId, frame: Option<&StoreFrame>) -> Html {
    let alive = frame.is_some_and(|store| is_alive(&store.life));
    html! {
        <span class="plate">
            <span class="p-top">
                <b class="p-name">{ id.to_string() }</b>
                <span class="p-role">
                    if let Some(store) = frame.filter(|_| alive) { { sign(store) } }
                    if alive { { role_words(cx, frame) } }
                </span>
                { state_tag(cx, frame) }
            </span>
            if let Some(store) = frame.filter(|store| store.peer.is_some()) {
                <span class="p-idx">
                    <span>{ cx.t("plate-last") }{ " " }<b>{ store.last.index.get() }</b></span>
                    <span>{ cx.t("plate-commit") }{ " " }<b>{ store.commit.get() }</b></span>
                </span>
            }
            if let Some(store) = frame {
                { ruler::chips(cx, id) }
                { last_word(cx, store) }
                { rules::mark(cx, store) }
                { disk(cx, store) }
            }
        </span>
    }
}

fn state_tag(cx: Cx<'_>, frame: Option<&StoreFrame>) -> Html {
    let Some(store) = frame else {
        return html! { <span class="p-state">{ cx.t("life-starting") }</span> };
    };
    let tag = match &store.life {
        Life::Up => return behind(cx, store),
        Life::Starting => "p-state",
        Life::Late | Life::Paused => "p-state warn",
        Life::Killed | Life::Stopped(_) => "p-state bad",
    };
    html! { <span class={tag}>{ cx.t(variants::life_key(&store.life)) }</span> }
}

/// A mark for a store that lacks committed entries.
fn behind(cx: Cx<'_>, store: &StoreFrame) -> Html {
    let lacking = cx.state.commit().since(store.last.index);
    if lacking < 2 || store.peer.is_none() {
        return Html::default();
    }
    html! {
        <span class="p-state warn">
            { cx.tr("plate-behind", [("count", lacking.to_string().into())]) }
        </span>
    }
}

fn last_word(cx: Cx<'_>, store: &StoreFrame) -> Html {
    let Life::Stopped(stop) = &store.life else {
        return Html::default();
    };
    let words = cx.say(&variants::stop(stop));
    html! { <span class="p-stop" title={words.clone()}>{ words }</span> }
}

fn disk(cx: Cx<'_>, store: &StoreFrame) -> Html {
    if store.disk_full {
        return html! {
            <span class="p-disk is-full">
                { icon("disk") }<span>{ cx.t("plate-disk-full") }</span>
            </span>
        };
    }
    if matches!(cx.state.disks, Some(protocol::DiskKind::Memory { .. })) {
        return html! {
            <span class="p-disk ram">{ icon("memory") }<span>{ cx.t("disks-memory") }</span></span>
        };
    }
    let writing = store.writing.is_some().then_some("is-writing");
    html! {
        <span class={classes!("p-disk", writing)}>
            { icon("disk") }
            { bars(cx, store.id) }
            <span>
                { cx.tr("plate-writes", [("rate", store.writes_per_second.to_string().into())]) }
            </span>
        </span>
    }
}

fn bars(cx: Cx<'_>, id: StoreId) -> Html {
    let none = std::collections::VecDeque::new();
    let samples = cx.state.feed.writes.get(&id).unwrap_or(&none);
    let most = cx
        .state
        .feed
        .writes
        .values()
        .flatten()
        .copied()
        .max()
        .unwrap_or(1)
        .max(8);
    let bar = |(at, sample): (usize, &u32)| {
        let height = 1.0 + 11.0 * f64::from(*sample) / f64::from(most);
        html! {
            <rect x={(at * 4).to_string()} y={format!("{:.1}", 12.0 - height)} width="3"
                height={format!("{height:.1}")} />
        }
    };
    html! {
        <svg class="bars" width="44" height="12" aria-hidden="true">
            { for samples.iter().enumerate().map(bar) }
        </svg>
    }
}
