//! The store itself: its life, its clock, its disk cycles, its hash.

use types::{frame::StoreFrame, view::StoreView};
use yew::prelude::*;

use super::fields::{Field, fields, heading};
use crate::{
    model::bytes::{grouped, seconds},
    view::{cx::Cx, rules},
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
    let region = cx.state.frame.as_ref().map(|frame| &frame.region);
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
            if let Some(region) = region {
                { heading(cx.t("heading-region"), region.id.to_string()) }
                { fields(cx, false, vec![
                    Field::plain("epoch", "field-epoch", &region.epoch),
                    Field::plain("peers", "field-peers", &region.peers.len()),
                ]) }
            }
        </>
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
