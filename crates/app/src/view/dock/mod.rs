//! The dock: the client, what happened, and the log of every store.

pub mod client;
pub mod feed;
pub mod log;
pub mod operations;

use yew::prelude::*;

use super::cx::Cx;

/// The whole dock.
pub fn dock(cx: Cx<'_>) -> Html {
    html! {
        <section class="dock" aria-label={cx.t("dock-label")}
            style={format!("--lanes:{}", cx.state.stores().len())}>
            <div class="dk-client">
                <div class="dk-head">
                    <h2>{ cx.t("client-title") }</h2>
                    <span class="dk-sub">{ cx.t("client-sub") }</span>
                </div>
                <div class="dk-body">{ client::client(cx) }{ operations::operations(cx) }</div>
            </div>
            <div class="dk-feed">
                <div class="dk-head"><h2>{ cx.t("feed-title") }</h2></div>
                { feed::feed(cx) }
            </div>
            <div class="dk-log">
                { log::head(cx) }
                { log::matrix(cx, 16) }
            </div>
        </section>
    }
}
