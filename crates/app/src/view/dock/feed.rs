//! The newest things that happened, in words.

use yew::prelude::*;

use crate::{
    model::{
        bytes::seconds,
        feed::{Line, What},
    },
    view::cx::{Cx, term_class},
    words::{facts, variants},
};

/// How many lines are in the page at once.
const SHOWN: usize = 40;

/// The list, newest first.
pub fn feed(cx: Cx<'_>) -> Html {
    let lines = &cx.state.feed.lines;
    if lines.is_empty() {
        return html! { <p class="empty">{ cx.t("feed-empty") }</p> };
    }
    html! {
        <ol class="feed" data-testid="feed" aria-label={cx.t("feed-title")}>
            { for lines.iter().take(SHOWN).map(|one| line(cx, one)) }
        </ol>
    }
}

fn line(cx: Cx<'_>, line: &Line) -> Html {
    let time = html! { <time>{ seconds(line.at.get()) }</time> };
    let Some(frame) = &cx.state.frame else {
        return Html::default();
    };
    match &line.what {
        What::Fact(fact) => {
            let term = facts::term(&fact.fact.body).map(term_class);
            html! {
                <li key={line.number} data-testid="fact"
                    data-store={fact.store.get().to_string()}
                    data-fact={facts::name(&fact.fact.body)}>
                    { time }<i class={classes!("fd-dot", term)} aria-hidden="true"></i>
                    <b>{ fact.store.to_string() }</b>
                    <span>
                        if frame.regions.len() > 1 {
                            <em class={classes!("fd-region",
                                cx.state.region_class(fact.fact.region))}>
                                { fact.fact.region.to_string() }
                            </em>
                        }
                        { cx.say(&facts::sentence(fact, frame)) }
                    </span>
                </li>
            }
        }
        What::Deed(action) => html! {
            <li key={line.number} class="is-deed" data-testid="deed">
                { time }<i class="fd-dot you" aria-hidden="true"></i>
                <b>{ cx.t("feed-you") }</b>
                <span>{ cx.say(&variants::deed(action)) }</span>
            </li>
        },
        What::Skipped(count) => html! {
            <li key={line.number} class="is-skipped">
                { time }<i class="fd-dot" aria-hidden="true"></i><b></b>
                <span>{ cx.tr("feed-skipped", [("count", count.to_string().into())]) }</span>
            </li>
        },
    }
}
