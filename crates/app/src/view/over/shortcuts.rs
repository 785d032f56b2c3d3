//! The keys.

use yew::prelude::*;

use super::dialog;
use crate::view::{cx::Cx, stage};

const KEYS: [(&str, &str); 19] = [
    ("Space", "key-play"),
    (".", "key-step"),
    ("[  ]", "key-speed"),
    ("1 … 9", "key-pick"),
    ("K", "key-kill"),
    ("R", "key-start"),
    ("X", "key-isolate"),
    ("P", "key-wall"),
    ("1 … 9", "key-wall-side"),
    ("Enter", "key-wall-build"),
    ("H", "key-heal"),
    ("Alt ← →", "key-region"),
    ("G", "key-region-menu"),
    ("S", "key-split"),
    ("C", "key-compact"),
    ("T", "key-lead"),
    ("E", "key-campaign"),
    ("?", "key-help"),
    ("Esc", "key-close"),
];

/// The list, and the stage in words.
pub fn shortcuts(cx: Cx<'_>) -> Html {
    let line = |(key, words): (&'static str, &'static str)| {
        html! { <div><dt><kbd>{ key }</kbd></dt><dd>{ cx.t(words) }</dd></div> }
    };
    let content = html! {
        <div class="dg-body">
            <dl class="keys">{ for KEYS.into_iter().map(line) }</dl>
            <p class="mut">{ cx.t("key-mouse") }</p>
            <h2>{ cx.t("describe-title") }</h2>
            <p data-testid="describe">{ stage::describe(cx) }</p>
        </div>
    };
    dialog::frame(cx, "shortcuts", cx.t("shortcuts-title"), content)
}
