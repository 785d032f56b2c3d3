//! Menus: what can be done to a store, and to the cluster.

use types::{
    action::{Action, Identity},
    frame::{Life, StoreFrame},
    id::StoreId,
};
use yew::prelude::*;

use super::region;
use crate::{
    model::{
        inspect::Tab,
        state::is_alive,
        ui::{Overlay, Person},
    },
    view::{
        cx::{Cx, term_pill, yes},
        icons::{icon, role_icon},
        rules,
    },
    words::variants,
};

/// What can be done to `store`, at a point of the page.
pub fn store(cx: Cx<'_>, id: StoreId, x: f64, y: f64) -> Html {
    let Some(store) = cx.state.store(id) else {
        return Html::default();
    };
    let dead = matches!(store.life, Life::Killed | Life::Stopped(_));
    let peer = cx
        .state
        .frame
        .as_ref()
        .and_then(|frame| frame.region.peer_on(id));
    // The menu opens towards the middle of the window.
    let place = format!(
        "left:min({x:.0}px, calc(100vw - 288px));top:max(8px, min({y:.0}px, calc(100vh - 830px)))"
    );
    let paused = store.life == Life::Paused;
    let if_alive = |action| (!dead).then_some(Person::Act(action));
    let if_dead = |action| dead.then_some(Person::Act(action));
    let why_dead = cx.t("menu-is-down");
    let why_alive = cx.t("menu-is-up");
    html! {
        <div class="menu" role="menu" data-testid="menu" style={place}
            aria-label={id.to_string()}>
            <div class="mn-head">
                <b>{ id.to_string() }</b>
                { head(cx, store) }
                <span class="spacer"></span>
                if let Some(peer) = peer {
                    <span class="mut">
                        { cx.tr("inspector-peer", [("peer", peer.id.get().to_string().into())]) }
                    </span>
                }
            </div>
            { item(cx, "menu-kill", "power", cx.t("action-kill"), "K",
                (!dead).then_some(Person::KillOrStart(id)), &why_dead) }
            { item(cx, "menu-start", "restart", cx.t("action-start"), "R",
                dead.then_some(Person::KillOrStart(id)), &why_alive) }
            { item(cx, "menu-pause", if paused { "play" } else { "pause" },
                cx.t(if paused { "action-resume" } else { "action-pause" }), "",
                if_alive(if paused { Action::Resume { store: id } }
                    else { Action::Pause { store: id } }), &why_dead) }
            <hr />
            { item(cx, "menu-isolate", "wall", cx.t("action-isolate"), "X",
                Some(Person::Isolate(id)), "") }
            { item(cx, "menu-heal", "heal", cx.t("tool-heal"), "H",
                (cx.state.cut().len() > 1).then_some(Person::Heal), &cx.t("menu-no-wall")) }
            <hr />
            { region::on_store(cx, store) }
            <hr />
            { item(cx, "menu-inspect", "disk", cx.t("action-rows"), "",
                Some(Person::Turn(Tab::Storage)), "") }
            { item(cx, "menu-fill-disk", "disk",
                cx.t(if store.disk_full { "action-make-room" } else { "action-fill-disk" }), "",
                Some(Person::Act(Action::FillDisk { store: id, full: !store.disk_full })), "") }
            { item(cx, "menu-corrupt-row", "bolt", cx.t("action-corrupt-row"), "",
                if_dead(Action::CorruptRow { store: id, nth: store.last.index.get() }),
                &why_alive) }
            { item(cx, "menu-wipe", "x", cx.t("action-wipe"), "",
                if_dead(Action::Wipe { store: id, identity: Identity::New }), &why_alive) }
            <hr />
            { rules::choice(cx, store, "menu-rules") }
        </div>
    }
}

fn head(cx: Cx<'_>, store: &StoreFrame) -> Html {
    if is_alive(&store.life) && store.peer.is_none() {
        html! { <span class="mut">{ cx.t("role-none") }</span> }
    } else if is_alive(&store.life) {
        html! {
            <span>{ role_icon(store.role) }{ cx.t(variants::role_key(store.role)) }
                { term_pill(store.term) }</span>
        }
    } else {
        html! { <span class="bad-t">{ cx.t(variants::life_key(&store.life)) }</span> }
    }
}

/// An item; without a deed it stays, disabled, and says why.
pub fn item(
    cx: Cx<'_>,
    id: &'static str,
    sign: &'static str,
    words: String,
    key: &'static str,
    deed: Option<Person>,
    why: &str,
) -> Html {
    let closed = deed.is_none();
    let send = cx.send.clone();
    let click = Callback::from(move |_: MouseEvent| {
        if let Some(deed) = &deed {
            send.emit(deed.clone());
        }
    });
    html! {
        <button type="button" class="mi" role="menuitem" data-testid={id}
            data-first={(!closed).then_some("")} aria-disabled={yes(closed)} onclick={click}>
            { icon(sign) }
            <span>{ words }if closed { <small>{ why.to_owned() }</small> }</span>
            if !key.is_empty() { <kbd>{ key }</kbd> }
        </button>
    }
}

/// An item with something to choose from beside its words.
pub fn item_with(sign: &'static str, words: String, choice: Html) -> Html {
    html! { <div class="mi is-wide">{ icon(sign) }<span>{ words }</span>{ choice }</div> }
}

/// What can be done to the cluster.
pub fn cluster(cx: Cx<'_>) -> Html {
    let open = cx.state.phase == crate::model::state::Phase::Open;
    let if_open = |person: Person| open.then_some(person);
    let why = cx.t("menu-not-open");
    html! {
        <div class="menu hang" role="menu" data-testid="menu" aria-label={cx.t("cluster-label")}>
            { item(cx, "new-cluster", "restart", cx.t("menu-new-cluster"), "",
                Some(Person::Open(Overlay::NewCluster)), "") }
            { item(cx, "menu-settings", "settings", cx.t("settings-title"), "",
                if_open(Person::Open(Overlay::Settings)), &why) }
            <hr />
            { item(cx, "download-recording", "download", cx.t("menu-download-recording"), "",
                if_open(Person::SaveRecording), &why) }
            { item(cx, "download-disks", "disk", cx.t("menu-download-disks"), "",
                if_open(Person::SaveDisks), &why) }
        </div>
    }
}
