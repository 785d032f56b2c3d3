//! The inspector: one store from inside.

pub mod data;
pub mod fields;
pub mod list;
pub mod log;
pub mod raft;
pub mod storage;
pub mod store;

use types::{
    frame::{Life, StoreFrame},
    view::{PeerView, StoreView},
};
use yew::prelude::*;

use super::{
    cx::{Cx, yes},
    icons::{icon, role_icon},
};
use crate::{
    model::{inspect::Tab, state::is_alive, ui::Person},
    words::variants,
};

/// The whole inspector.
pub fn inspector(cx: Cx<'_>) -> Html {
    let Some(id) = cx.state.selected else {
        return html! {
            <aside class="insp" aria-label={cx.t("inspector-label")}>
                <p class="empty">{ cx.t("inspector-empty") }</p>
            </aside>
        };
    };
    let store = cx.state.store(id);
    html! {
        <aside class="insp" data-testid="inspector" data-store={id.get().to_string()}
            aria-label={cx.t("inspector-label")}>
            <div class="in-head">
                <b class="in-who">{ id.to_string() }</b>
                { peer(cx) }
                <span class="spacer"></span>
                if let Some(store) = store { { role(cx, store) }{ power(cx, store) } }
            </div>
            { tabs(cx) }
            if let Some(store) = store { { body(cx, store) } }
        </aside>
    }
}

fn peer(cx: Cx<'_>) -> Html {
    let region = cx.state.frame.as_ref().map(|frame| &frame.region);
    let peer = cx.state.selected.and_then(|store| region?.peer_on(store));
    match peer {
        Some(peer) => html! {
            <span class="in-peer">
                { cx.tr("inspector-peer", [("peer", peer.id.get().to_string().into())]) }
            </span>
        },
        None => Html::default(),
    }
}

fn role(cx: Cx<'_>, store: &StoreFrame) -> Html {
    html! {
        <span class="in-role">
            if is_alive(&store.life) && store.peer.is_none() {
                { cx.t("role-none") }
            } else if is_alive(&store.life) {
                { role_icon(store.role) }{ cx.t(variants::role_key(store.role)) }
            } else {
                <span class="bad-t">{ cx.t(variants::life_key(&store.life)) }</span>
            }
        </span>
    }
}

fn power(cx: Cx<'_>, store: &StoreFrame) -> Html {
    let id = store.id;
    match store.life {
        Life::Killed | Life::Stopped(_) => html! {
            <button type="button" class="btn sm" data-testid="inspector-start"
                title={format!("{} (R)", cx.t("action-start"))}
                onclick={cx.on(Person::KillOrStart(id))}>
                { icon("restart") }{ cx.t("action-start") }
            </button>
        },
        Life::Starting | Life::Up | Life::Late | Life::Paused => html! {
            <button type="button" class="btn sm danger" data-testid="inspector-kill"
                title={format!("{} (K)", cx.t("action-kill"))}
                onclick={cx.on(Person::KillOrStart(id))}>
                { icon("power") }{ cx.t("action-kill") }
            </button>
        },
    }
}

fn tabs(cx: Cx<'_>) -> Html {
    let open = cx.state.inspector.tab;
    let tab = |tab: Tab| {
        let (id, words) = match tab {
            Tab::Store => ("tab-store", cx.t("tab-store")),
            Tab::Raft => ("tab-raft", cx.t("tab-raft")),
            Tab::Log => ("tab-log", cx.t("tab-log")),
            Tab::Storage => ("tab-storage", cx.t("tab-storage")),
            Tab::Data => ("tab-data", cx.t("tab-data")),
        };
        html! {
            <button type="button" role="tab" data-testid={id} aria-selected={yes(tab == open)}
                tabindex={if tab == open { "0" } else { "-1" }}
                onclick={cx.on(Person::Turn(tab))} onkeydown={walk(cx, open)}>{ words }</button>
        }
    };
    html! {
        <div class="tabs" role="tablist" aria-label={cx.t("inspector-label")}>
            { for Tab::ALL.into_iter().map(tab) }
        </div>
    }
}

/// Left and right walk through the tabs.
fn walk(cx: Cx<'_>, open: Tab) -> Callback<KeyboardEvent> {
    let send = cx.send.clone();
    Callback::from(move |event: KeyboardEvent| {
        let step = match event.key().as_str() {
            "ArrowRight" => 1,
            "ArrowLeft" => Tab::ALL.len() - 1,
            _ => return,
        };
        let at = Tab::ALL.iter().position(|tab| *tab == open).unwrap_or(0);
        send.emit(Person::Turn(Tab::ALL[(at + step) % Tab::ALL.len()]));
    })
}

fn body(cx: Cx<'_>, store: &StoreFrame) -> Html {
    let inspector = &cx.state.inspector;
    let view = inspector
        .view
        .as_deref()
        .filter(|view| view.store == store.id);
    let content = match (inspector.tab, view) {
        (Tab::Store, view) => store::store(cx, store, view),
        (Tab::Raft, view) => raft::raft(cx, store, view),
        (Tab::Log, Some(view)) => log::log(cx, store, view),
        (Tab::Data, Some(view)) => data::data(cx, view),
        (Tab::Storage, view) => storage::storage(cx, store, view),
        (Tab::Log | Tab::Data, None) => waiting(),
    };
    html! {
        <div class="in-body" role="tabpanel">
            { silent(cx, store) }
            { content }
        </div>
    }
}

fn silent(cx: Cx<'_>, store: &StoreFrame) -> Html {
    if let Life::Stopped(stop) = &store.life {
        return html! {
            <p class="in-note bad" data-testid="inspector-stop">
                { icon("warn") }<span>{ cx.say(&variants::stop(stop)) }</span>
            </p>
        };
    }
    let Some(error) = &cx.state.inspector.silent else {
        return Html::default();
    };
    html! {
        <p class="in-note" data-testid="inspector-silent">
            { icon("info") }<span>{ cx.say(&variants::query(error)) }</span>
        </p>
    }
}

/// The store's peer of the region that is shown.
fn shown_peer<'a>(cx: Cx<'_>, view: &'a StoreView) -> Option<&'a PeerView> {
    let shown = cx.state.region()?.id;
    view.peers.iter().find(|peer| peer.region.id == shown)
}

/// In place of a peer that is not on this store.
fn absent(cx: Cx<'_>) -> Html {
    let Some(region) = cx.state.region() else {
        return waiting();
    };
    let region = region.id.to_string();
    html! {
        <p class="empty" data-testid="no-peer">
            { cx.tr("inspector-no-peer", [("region", region.into())]) }
        </p>
    }
}

fn waiting() -> Html {
    let line = |width: u32| {
        html! {
            <div class="sk-row">
                <span class="sk" style={format!("width:{width}px")}></span>
                <span class="sk" style="width:44px"></span>
            </div>
        }
    };
    html! { <div class="in-wait">{ for [96, 120, 88, 110, 100].into_iter().map(line) }</div> }
}
