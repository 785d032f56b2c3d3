//! A store's dial: shape is role, colour is term, the outer ring is the election timer.

use types::{
    frame::{Life, StoreFrame},
    id::StoreId,
    raft::Role,
};
use yew::prelude::*;

use crate::{
    model::state::is_alive,
    view::cx::{Cx, term_class},
};

/// The dial of `store`, `scale` times 132 pixels wide.
pub fn dial(cx: Cx<'_>, id: StoreId, store: Option<&StoreFrame>, scale: f64) -> Html {
    let size = format!("{:.1}", 132.0 * scale);
    let selected = cx.state.selected == Some(id);
    html! {
        <svg class="dial" viewBox="-66 -66 132 132" width={size.clone()} height={size}
            aria-hidden="true">
            if selected { <circle r="52.5" class="d-sel" /> }
            <circle r="48" class="d-bg" />
            { ring(id, store) }
            { core(store) }
            { votes(cx, store) }
            { badge(store) }
        </svg>
    }
}

fn ring(id: StoreId, store: Option<&StoreFrame>) -> Html {
    let Some(store) = store else {
        return html! { <circle r="43" class="d-dead" /> };
    };
    if store.peer.is_none() && is_alive(&store.life) {
        return html! { <circle r="43" class="d-none" /> };
    }
    match (&store.life, store.role) {
        (Life::Starting, _) => html! {
            <><circle r="43" class="d-idle" /><circle r="43" class="d-load" /></>
        },
        (Life::Killed | Life::Stopped(_), _) => html! { <circle r="43" class="d-dead" /> },
        (Life::Up | Life::Late | Life::Paused, Role::Leader) => {
            html! { <circle r="43" class="d-hb" /> }
        }
        (Life::Up | Life::Late | Life::Paused, _) if store.timer.is_some() => html! {
            <>
                <circle r="43" class="d-track" />
                // The painter turns these two.
                <circle r="43" id={format!("arc-{}", id.get())} transform="rotate(-90)" />
                <circle r="3.6" id={format!("head-{}", id.get())} />
                <path d="M0 -48.5V-38" class="d-zero" />
            </>
        },
        (Life::Up | Life::Late | Life::Paused, _) => html! { <circle r="43" class="d-track" /> },
    }
}

fn core(store: Option<&StoreFrame>) -> Html {
    let Some(store) = store.filter(|store| store.incarnation.get() > 0 && store.peer.is_some())
    else {
        return html! {
            <g class="core">
                <circle r="31" class="c-none" /><text class="d-term" y="8">{ "–" }</text>
            </g>
        };
    };
    let dead = (!is_alive(&store.life)).then_some("is-dead");
    let classes = classes!("core", term_class(store.term), dead);
    let term = store.term.get();
    let (role, shape, y) = match store.role {
        Role::Leader if dead.is_none() => ("role-leader", leader(), "12"),
        Role::Candidate if dead.is_none() => ("role-candidate", candidate(term), "6.5"),
        Role::PreCandidate if dead.is_none() => ("role-pre-candidate", pre_candidate(), "6.5"),
        Role::Leader | Role::Candidate | Role::PreCandidate | Role::Follower => (
            "role-follower",
            html! { <circle r="31" class="c-ring" /> },
            "8",
        ),
    };
    html! {
        <g class={classes!(classes, role)}>
            { shape }
            <text class="d-term" y={y}><tspan class="d-t">{ "T" }</tspan>{ term }</text>
        </g>
    }
}

fn leader() -> Html {
    html! {
        <>
            <polygon class="c-solid"
                points="0,-35 30.3,-17.5 30.3,17.5 0,35 -30.3,17.5 -30.3,-17.5" />
            <use href="#i-crown" x="-8" y="-26.5" width="16" height="16" class="c-crown" />
        </>
    }
}

fn candidate(term: u64) -> Html {
    html! {
        <>
            <polygon points="0,-39 39,0 0,39 -39,0" class="c-cand"
                fill={format!("url(#cand{})", term % 6)} />
            <circle r="21" class="c-plate" />
        </>
    }
}

fn pre_candidate() -> Html {
    html! { <polygon points="0,-38 38,0 0,38 -38,0" class="c-pre" /> }
}

/// The votes that a candidate counts, or those it would get, one pip per store.
fn votes(cx: Cx<'_>, store: Option<&StoreFrame>) -> Html {
    let asks = |store: &&StoreFrame| match store.role {
        Role::PreCandidate | Role::Candidate => is_alive(&store.life),
        Role::Follower | Role::Leader => false,
    };
    let Some(store) = store.filter(asks) else {
        return Html::default();
    };
    let mut voters = cx.state.stores();
    voters.retain(|voter| cx.state.votes_of(&[*voter]) == 1);
    let middle = (voters.len() as f64 - 1.0) / 2.0;
    let pip = |(at, voter): (usize, StoreId)| {
        let angle = (at as f64 - middle) * 0.26;
        let vote = store.votes.iter().find(|(from, _)| *from == voter);
        let class = match vote {
            Some((_, true)) => "pip yes",
            Some((_, false)) => "pip no",
            None if walled(cx, store.id, voter) => "pip lost",
            None => "pip",
        };
        html! {
            <circle class={classes!(class, term_class(store.term))} r="5.2"
                cx={format!("{:.1}", 60.0 * angle.sin())}
                cy={format!("{:.1}", 60.0 * angle.cos())} />
        }
    };
    voters.into_iter().enumerate().map(pip).collect()
}

/// Whether a wall stands between two stores.
#[must_use]
pub fn walled(cx: Cx<'_>, a: StoreId, b: StoreId) -> bool {
    let side = |store: StoreId| {
        cx.state
            .cut()
            .iter()
            .position(|group| group.contains(&store))
    };
    cx.state.cut().len() > 1 && side(a) != side(b)
}

fn badge(store: Option<&StoreFrame>) -> Html {
    let (class, icon) = match store.map(|store| &store.life) {
        Some(Life::Killed) => ("badge b-crash", "power"),
        Some(Life::Stopped(_)) => ("badge b-crash", "warn"),
        Some(Life::Late) => ("badge b-late", "hourglass"),
        Some(Life::Paused) => ("badge b-late", "pause"),
        Some(Life::Starting | Life::Up) | None => return Html::default(),
    };
    html! {
        <g transform="translate(33,33)" class={class}>
            <circle r="12" />
            <use href={format!("#i-{icon}")} x="-7.5" y="-7.5" width="15" height="15" />
        </g>
    }
}
