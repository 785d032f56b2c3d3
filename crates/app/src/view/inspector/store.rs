//! The store itself: its life, its clock, its disk cycles, its hash.

use types::{
    frame::StoreFrame,
    view::{PeerView, StoreView},
};
use yew::prelude::*;

use super::fields::{Field, fields, heading};
use crate::{
    model::{
        bytes::{grouped, seconds},
        ui::Person,
    },
    view::{
        cx::{Cx, term_pill},
        icons::role_icon,
        ruler::range,
        rules,
    },
    words::variants,
};

/// The page.
pub fn store(cx: Cx<'_>, store: &StoreFrame, view: Option<&StoreView>) -> Html {
    let life = Field::drawn(
        "life",
        "field-life",
        &variants::life(&store.life),
        html! { { cx.t(variants::life_key(&store.life)) } },
    );
    let mut list = vec![
        life,
        Field::plain("incarnation", "field-incarnation", &store.incarnation),
    ];
    if let Some(view) = view {
        list.push(Field::drawn(
            "now",
            "field-now",
            &view.now,
            html! { { format!("{} s", seconds(view.now.get())) } },
        ));
        list.push(Field::plain("written", "field-written", &view.written));
        list.push(Field::plain("durable", "field-durable", &view.durable));
    }
    let tick = cx.state.settings().tick_ms;
    list.push(Field::drawn(
        "tick",
        "field-tick",
        &tick,
        html! { { format!("{tick} ms") } },
    ));
    html! {
        <>
            { heading(cx.t("heading-store"), String::new()) }
            { fields(cx, false, list) }
            { rules::choice(cx, store, "inspector-rules") }
            { hashes(cx, store) }
            { heading(cx.t("heading-regions"), cx.tr("regions-led", [
                ("regions", store.regions.to_string().into()),
                ("leads", store.leads.to_string().into()),
            ])) }
            if let Some(view) = view { { regions(cx, view) } }
        </>
    }
}

/// Every peer of the store; a click shows its region.
fn regions(cx: Cx<'_>, view: &StoreView) -> Html {
    let row = |peer: &PeerView| {
        let id = peer.region.id;
        html! {
            <tr data-testid="store-region" data-region={id.get().to_string()}>
                <td>
                    <button type="button" class={classes!("go", cx.state.region_class(id))}
                        onclick={cx.on(Person::Show(id))}>{ id.to_string() }</button>
                </td>
                <td><code>{ range(cx, &peer.region) }</code></td>
                <td>
                    <span class="st-role">
                        { role_icon(peer.role) }{ term_pill(peer.hard_state.term) }
                    </span>
                </td>
                <td class="n">{ peer.applied.get() }</td>
            </tr>
        }
    };
    html! {
        <table class="tbl">
            <thead><tr>
                <th>{ cx.t("heading-region") }</th><th>{ cx.t("field-range") }</th>
                <th>{ cx.t("column-state") }</th><th class="n">{ cx.t("field-applied") }</th>
            </tr></thead>
            <tbody>{ for view.peers.iter().map(row) }</tbody>
        </table>
    }
}

fn hashes(cx: Cx<'_>, store: &StoreFrame) -> Html {
    let Some(hashes) = &cx.state.inspector.hashes else {
        return Html::default();
    };
    let own = hashes.stores.iter().find(|hash| hash.store == store.id);
    let mut list = Vec::new();
    if let Some(own) = own {
        list.push(Field::plain(
            "state-hash",
            "field-state-hash",
            &format!("{:016x}", own.state),
        ));
    }
    list.push(Field::plain(
        "conductor-hash",
        "field-conductor-hash",
        &format!("{:016x}", hashes.conductor),
    ));
    list.push(Field::plain(
        "run-hash",
        "field-run-hash",
        &format!("{:016x}", hashes.run),
    ));
    list.push(Field::drawn(
        "event",
        "field-event",
        &hashes.event,
        html! { { format!("{}.{}", hashes.event.segment, grouped(hashes.event.seq)) } },
    ));
    html! {
        <>
            { heading(cx.t("heading-hashes"), format!("{} s", seconds(hashes.now.get()))) }
            { fields(cx, true, list) }
        </>
    }
}
