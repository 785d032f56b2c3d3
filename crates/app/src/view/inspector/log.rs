//! The entries of the log, newest first.

use types::{
    frame::StoreFrame,
    raft::{EntryKind, LogIndex},
    store::Command,
    view::{LogEntryView, PeerView, StoreView},
};
use yew::prelude::*;

use super::{absent, list::list, shown_peer};
use crate::{
    model::{
        bytes::{clip, shown},
        client::Verb,
    },
    view::{
        cx::{Cx, term_pill, yes},
        icons::icon,
    },
    words::variants,
};

/// The page.
pub fn log(cx: Cx<'_>, _store: &StoreFrame, view: &StoreView) -> Html {
    let Some(peer) = shown_peer(cx, view) else {
        return absent(cx);
    };
    let head = html! {
        <div class="vl-head lg-row" role="row">
            <span>{ cx.t("column-index") }</span><span>{ cx.t("column-term") }</span>
            <span>{ cx.t("column-entry") }</span><span class="n">{ cx.t("column-held") }</span>
        </div>
    };
    let count = peer.log.len();
    html! {
        <>
            { list(cx, "log-list", count, head, |at| entry(cx, peer, &peer.log[count - 1 - at])) }
            <p class="vl-foot">
                { cx.tr("log-truncated", [
                    ("index", peer.truncated.index.to_string().into()),
                    ("term", peer.truncated.term.get().to_string().into()),
                ]) }
            </p>
        </>
    }
}

fn entry(cx: Cx<'_>, peer: &PeerView, view: &LogEntryView) -> Html {
    let entry = &view.entry;
    let command = view.request.as_ref().map(|request| &request.command);
    let verb = command.map(|command| Verb::of(command).name());
    let committed = entry.index <= peer.hard_state.commit;
    let text = match (entry.kind, command) {
        (EntryKind::Normal, Some(command)) => clip(&operand(command), 40),
        (kind, _) => cx.t(variants::entry_key(kind)),
    };
    html! {
        <div class={classes!("vl-row", "lg-row", (!committed).then_some("unc"))} role="row"
            key={entry.index.get()} data-testid="entry" data-index={entry.index.to_string()}
            data-term={entry.term.get().to_string()} data-kind={variants::entry(entry.kind)}
            data-command={verb.unwrap_or_default()} data-committed={yes(committed)}>
            <span class="n">{ entry.index.get() }</span>
            { term_pill(entry.term) }
            <span class="lg-text"><em>{ verb.unwrap_or("") }</em>{ text }</span>
            <span class="n">{ held(peer, entry.index, committed) }</span>
        </div>
    }
}

fn operand(command: &Command) -> String {
    let text = variants::command_text(command);
    let verb = Verb::of(command).name().len() + 1;
    text.get(verb..)
        .map(str::to_owned)
        .unwrap_or_else(|| shown(command.key()))
}

/// A tick when it is committed, else how many stores hold it as far as this leader knows.
fn held(peer: &PeerView, index: LogIndex, committed: bool) -> Html {
    if committed {
        return html! { <span class="ok-t">{ icon("check") }</span> };
    }
    if peer.progress.is_empty() {
        return html! { <span class="warn-t">{ "–" }</span> };
    }
    // The leader's own disk counts, and is not among those that it tracks.
    let others = peer.progress.iter().filter(|known| known.peer != peer.peer);
    let voters = others.clone().count() + 1;
    let holders = others.filter(|known| known.matched >= index).count()
        + usize::from(peer.persisted >= index);
    html! { <span class="warn-t">{ format!("{holders}/{voters}") }</span> }
}
