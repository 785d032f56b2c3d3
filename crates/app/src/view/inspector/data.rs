//! Keys and values, as applied in the store's memory.

use types::view::StoreView;
use yew::prelude::*;

use super::{absent, fields::heading, list::list, shown_peer};
use crate::{
    model::bytes::{clip, hex, shown},
    view::cx::Cx,
};

/// The page.
pub fn data(cx: Cx<'_>, view: &StoreView) -> Html {
    let Some(peer) = shown_peer(cx, view) else {
        return absent(cx);
    };
    let head = html! {
        <div class="vl-head kv-row" role="row">
            <span>{ cx.t("column-key") }</span><span>{ cx.t("column-value") }</span>
        </div>
    };
    let note = cx.tr("data-note", [("index", peer.applied.to_string().into())]);
    if peer.data.is_empty() {
        return html! {
            <>
                { heading(cx.t("heading-data"), note) }
                <p class="empty">{ cx.t("data-empty") }</p>
            </>
        };
    }
    let pair = |at: usize| {
        let (key, value) = &peer.data[at];
        html! {
            <div class="vl-row kv-row" role="row" data-testid="pair" data-key-hex={hex(key)}
                data-value-hex={hex(value)}>
                <code title={shown(key)}>{ clip(&shown(key), 32) }</code>
                <code title={clip(&shown(value), 400)}>{ clip(&shown(value), 40) }</code>
            </div>
        }
    };
    html! {
        <>
            { heading(cx.t("heading-data"), note) }
            { list(cx, "pair-list", peer.data.len(), head, pair) }
            if peer.data_len > peer.data.len() as u64 {
                <p class="vl-foot">
                    { cx.tr("data-more", [
                        ("shown", peer.data.len().to_string().into()),
                        ("all", peer.data_len.to_string().into()),
                    ]) }
                </p>
            }
        </>
    }
}
