//! The commit gauge in the middle: the index, and who holds it.

use types::{frame::StoreFrame, raft::LogIndex};
use yew::prelude::*;

use crate::{
    model::{
        geometry::{Geometry, Point},
        state::Phase,
    },
    view::cx::{Cx, term_class, yes},
};

/// The gauge; with an even number of stores a link crosses the middle, and the gauge moves up.
pub fn gauge(cx: Cx<'_>, geometry: &Geometry) -> Html {
    if cx.state.small {
        return Html::default();
    }
    let stores = cx.state.stores();
    let at = if stores.len() % 2 == 1 {
        geometry.center
    } else {
        Point::new(150.0, 124.0)
    };
    let Some(frame) = &cx.state.frame else {
        return loading(cx, at);
    };
    let commit = cx.state.commit();
    let members = || frame.stores.iter().filter(|store| store.peer.is_some());
    let middle = (members().count() as f64 - 1.0) / 2.0;
    let pip = |(place, store): (usize, &StoreFrame)| {
        let x = (place as f64 - middle) * 25.0;
        let holds = holds(store, commit);
        let class = if holds { "q-p ok" } else { "q-p" };
        let term = cx.state.leader().map_or(store.term, |leader| leader.term);
        html! {
            <g class={term_class(term)} data-testid="pip" data-store={store.id.get().to_string()}
                data-holds={yes(holds)} transform={format!("translate({x:.1} 24)")}>
                <circle r="9.5" class={class} />
                <text class={if holds { "q-i ok" } else { "q-i" }} y="4">{ store.id.get() }</text>
            </g>
        }
    };
    html! {
        <g class="quorum" data-testid="gauge" data-commit={commit.to_string()}
            transform={format!("translate({:.1} {:.1})", at.x, at.y)}>
            <text class="q-k" y="-26">{ cx.t("gauge-committed") }</text>
            <text class="q-v" y="2">{ commit.get() }</text>
            { for members().enumerate().map(pip) }
        </g>
    }
}

/// Whether a store's disk holds the entry.
#[must_use]
pub fn holds(store: &StoreFrame, commit: LogIndex) -> bool {
    store.peer.is_some() && store.durable >= commit && commit > LogIndex::ZERO
}

fn loading(cx: Cx<'_>, at: Point) -> Html {
    let key = match cx.state.phase {
        Phase::Booting | Phase::Opening | Phase::Open => "gauge-starting",
        _ => return Html::default(),
    };
    html! {
        <g class="quorum" transform={format!("translate({:.1} {:.1})", at.x, at.y)}>
            <text class="q-k" y="4">{ cx.t(key) }</text>
        </g>
    }
}
