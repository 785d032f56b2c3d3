//! The peer's consensus state, and what it knows of the others.

use types::{
    frame::StoreFrame,
    id::{PeerId, StoreId},
    raft::Role,
    store::Region,
    view::{PeerView, ProgressView, StoreView},
};
use yew::prelude::*;

use super::{
    absent,
    fields::{Field, fields, heading},
    shown_peer, waiting,
};
use crate::{
    view::{
        cx::{Cx, term_pill, yes},
        ruler::range,
    },
    words::variants,
};

/// The page.
pub fn raft(cx: Cx<'_>, store: &StoreFrame, view: Option<&StoreView>) -> Html {
    let Some(view) = view else { return waiting() };
    let Some(peer) = shown_peer(cx, view) else {
        return absent(cx);
    };
    html! {
        <>
            { heading(cx.t("heading-peer"), String::new()) }
            { fields(cx, false, state(cx, peer)) }
            { progress(cx, peer) }
            { votes(cx, store, peer) }
            { heading(cx.t("heading-region"), peer.region.id.to_string()) }
            { fields(cx, true, shape(cx, peer)) }
            { heading(cx.t("heading-apply"), String::new()) }
            { fields(cx, false, apply(peer)) }
        </>
    }
}

fn store_of(region: &Region, peer: Option<PeerId>) -> Option<StoreId> {
    region.peer(peer?).map(|peer| peer.store)
}

fn named(region: &Region, peer: Option<PeerId>, none: String) -> Html {
    match store_of(region, peer) {
        Some(store) => html! { { store.to_string() } },
        None => html! { <small>{ none }</small> },
    }
}

fn number(store: Option<StoreId>) -> String {
    store
        .map(|store| store.get().to_string())
        .unwrap_or_default()
}

fn state(cx: Cx<'_>, peer: &PeerView) -> Vec<Field> {
    let region = &peer.region;
    let hard = peer.hard_state;
    let of_ticks = |ticks: u32| cx.tr("field-of-ticks", [("ticks", ticks.to_string().into())]);
    let timer = match peer.role {
        Role::Leader => Field::noted(
            "heartbeat",
            "field-heartbeat",
            &peer.heartbeat.0,
            &of_ticks(peer.heartbeat.1),
        ),
        Role::Follower | Role::PreCandidate | Role::Candidate => Field::noted(
            "election",
            "field-election",
            &peer.election.0,
            &of_ticks(peer.election.1),
        ),
    };
    vec![
        Field::drawn("term", "field-term", &hard.term.get(), term_pill(hard.term)),
        Field::drawn(
            "vote",
            "field-vote",
            &number(store_of(region, hard.vote)),
            named(region, hard.vote, cx.t("nobody")),
        ),
        Field::drawn(
            "role",
            "field-role",
            &variants::role(peer.role),
            html! { { cx.t(variants::role_key(peer.role)) } },
        ),
        Field::drawn(
            "leader",
            "field-leader",
            &number(store_of(region, peer.leader)),
            named(region, peer.leader, cx.t("nobody")),
        ),
        Field::plain("commit", "field-commit", &hard.commit),
        Field::noted(
            "last",
            "field-last",
            &peer.last.index,
            &format!("t{}", peer.last.term.get()),
        ),
        Field::plain("persisted", "field-persisted", &peer.persisted),
        timer,
        Field::plain("peer", "field-peer", &peer.peer.get()),
    ]
}

/// The region as this peer knows it.
fn shape(cx: Cx<'_>, peer: &PeerView) -> Vec<Field> {
    let region = &peer.region;
    let stores: Vec<String> = region
        .peers
        .iter()
        .map(|peer| peer.store.to_string())
        .collect();
    vec![
        Field::plain("range", "field-range", &range(cx, region)),
        Field::plain("epoch", "field-epoch", &region.epoch),
        Field::plain("stores", "field-on-stores", &stores.join(" ")),
    ]
}

/// How far the log is applied, and what of it is gone.
fn apply(peer: &PeerView) -> Vec<Field> {
    vec![
        Field::plain("applied", "field-applied", &peer.applied),
        Field::plain("flushed", "field-flushed", &peer.flushed),
        Field::noted(
            "truncated",
            "field-truncated",
            &peer.truncated.index,
            &format!("t{}", peer.truncated.term.get()),
        ),
    ]
}

fn progress(cx: Cx<'_>, peer: &PeerView) -> Html {
    if peer.role != Role::Leader {
        return Html::default();
    }
    // A leader counts its own log too: as far as its disk holds it.
    let own = ProgressView {
        peer: peer.peer,
        matched: peer.persisted,
        next: peer.last.index.next(),
    };
    let others = peer.progress.iter().filter(|known| known.peer != peer.peer);
    let mut all: Vec<&ProgressView> = others.chain([&own]).collect();
    all.sort_by_key(|known| known.peer);
    let row = |known: &ProgressView| {
        let store = store_of(&peer.region, Some(known.peer));
        let own = known.peer == peer.peer;
        let lacks = peer.last.index.since(known.matched);
        let (class, words) = match (own, lacks) {
            (true, _) => ("pst self", cx.t("progress-self")),
            (false, 0) => ("pst ok", cx.t("progress-level")),
            (false, lacks) => (
                "pst warn",
                cx.tr("progress-behind", [("count", lacks.to_string().into())]),
            ),
        };
        html! {
            <tr class={own.then_some("self")} data-testid="progress"
                data-peer-store={number(store)} data-match={known.matched.to_string()}
                data-next={known.next.to_string()}>
                <td><b>{ store.map(|store| store.to_string()) }</b></td>
                <td><span class={class}>{ words }</span></td>
                <td class="n">{ known.matched.get() }</td>
                <td class="n">{ known.next.get() }</td>
            </tr>
        }
    };
    html! {
        <>
            { heading(
                cx.t("heading-progress"),
                cx.tr("progress-quorum", [
                    ("quorum", cx.state.quorum().to_string().into()),
                    ("voters", cx.state.voters().to_string().into()),
                ]),
            ) }
            <table class="tbl">
                <thead><tr>
                    <th>{ cx.t("column-store") }</th><th>{ cx.t("column-state") }</th>
                    <th class="n">{ "match" }</th><th class="n">{ "next" }</th>
                </tr></thead>
                <tbody>{ for all.into_iter().map(row) }</tbody>
            </table>
        </>
    }
}

fn votes(cx: Cx<'_>, store: &StoreFrame, peer: &PeerView) -> Html {
    let term = peer.hard_state.term;
    let (heading_key, term, yes_key, no_key) = match peer.role {
        Role::Candidate => ("heading-votes", term, "vote-granted", "vote-refused"),
        // It asks about the term that would come.
        Role::PreCandidate => (
            "heading-pre-votes",
            term.next(),
            "vote-would-grant",
            "vote-would-refuse",
        ),
        Role::Follower | Role::Leader => return Html::default(),
    };
    let row = |voter: StoreId| {
        let vote = peer
            .votes
            .iter()
            .find(|(from, _)| store_of(&peer.region, Some(*from)) == Some(voter))
            .map(|(_, granted)| *granted);
        let own = voter == store.id;
        let (class, key) = match vote {
            Some(true) if own => ("pst self", "vote-self"),
            Some(true) => ("pst ok", yes_key),
            Some(false) => ("pst warn", no_key),
            None => ("pst lost", "vote-silent"),
        };
        html! {
            <tr class={own.then_some("self")} data-testid="vote"
                data-voter={voter.get().to_string()}
                data-granted={vote.map(yes).unwrap_or_default()}>
                <td><b>{ voter.to_string() }</b></td>
                <td><span class={class}>{ cx.t(key) }</span></td>
            </tr>
        }
    };
    html! {
        <>
            { heading(
                cx.tr(heading_key, [("term", term.get().to_string().into())]),
                cx.tr("votes-needed", [
                    ("quorum", cx.state.quorum().to_string().into()),
                    ("voters", cx.state.voters().to_string().into()),
                ]),
            ) }
            <table class="tbl"><tbody>
                { for peer.region.peers.iter().map(|peer| row(peer.store)) }
            </tbody></table>
        </>
    }
}
