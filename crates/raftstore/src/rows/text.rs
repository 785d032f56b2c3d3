//! What people read of a row in the browser's developer tools.

use std::fmt::Write as _;

use types::{
    codec,
    disk::{Field, FieldValue, RowKey},
    raft::{Entry, EntryKind},
    store::{Command, Proposal},
};

use super::{Content, LogRun, PeerState};

/// How many commands of a run are spelt out.
const COMMANDS_SHOWN: usize = 16;
/// How many characters of a key or value a command shows.
const SHORT: usize = 24;

/// `bytes` as text from which they can be told again: UTF-8 as it stands, `\\` for a backslash,
/// `\xNN` for control characters and what is no UTF-8.
#[must_use]
pub fn lossless(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c == '\\' {
                out.push_str("\\\\");
            } else if c.is_control() {
                let mut utf8 = [0; 4];
                hex(&mut out, c.encode_utf8(&mut utf8).as_bytes());
            } else {
                out.push(c);
            }
        }
        hex(&mut out, chunk.invalid());
    }
    out
}

fn hex(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        write!(out, "\\x{byte:02x}").expect("a string takes any text");
    }
}

/// A row's key in words.
pub(crate) fn key(key: &RowKey) -> String {
    match key {
        RowKey::StoreIdent => "store ident".to_owned(),
        RowKey::LastCycle => "last cycle".to_owned(),
        RowKey::RaftLog { region, first } => format!("{region} log from {first}"),
        RowKey::RaftState { region } => format!("{region} raft state"),
        RowKey::ApplyState { region } => format!("{region} apply state"),
        RowKey::RegionState { region } => format!("{region} region state"),
        RowKey::Session { region, client } => format!("{region} session of {client}"),
        RowKey::Data { cf, key } => format!("{}_{}", cf.name(), lossless(key)),
        RowKey::Scheduler(key) => format!("scheduler {key:?}"),
    }
}

/// The fields of a row, with TinyKV's names where TinyKV has them.
pub(super) fn fields(key: &RowKey, content: &Content) -> Vec<Field> {
    match content {
        Content::StoreIdent(ident) => vec![
            number("version", u64::from(ident.version)),
            number("store_id", ident.store.get()),
        ],
        Content::LastCycle(cycle) => vec![number("cycle", cycle.get())],
        Content::RaftLog(run) => log_fields(run),
        Content::RaftState(state) => {
            let vote = state.hard_state.vote;
            vec![
                number("hard_state.term", state.hard_state.term.get()),
                number("hard_state.vote", vote.map_or(0, types::id::PeerId::get)),
                number("hard_state.commit", state.hard_state.commit.get()),
                number("last_index", state.last.index.get()),
                number("last_term", state.last.term.get()),
            ]
        }
        Content::ApplyState(state) => vec![
            number("applied_index", state.applied.get()),
            number("truncated_state.index", state.truncated.index.get()),
            number("truncated_state.term", state.truncated.term.get()),
        ],
        Content::RegionState(state) => {
            let region = &state.region;
            let peers: Vec<String> = region
                .peers
                .iter()
                .map(|peer| format!("{} on {}", peer.id, peer.store))
                .collect();
            let name = match state.state {
                PeerState::Normal => "Normal",
                PeerState::Uninitialised => "Uninitialised",
                PeerState::Tombstone { .. } => "Tombstone",
            };
            vec![
                text("state", name.to_owned()),
                number("peer_id", state.peer.get()),
                number("region.id", region.id.get()),
                text("region.start_key", lossless(&region.start)),
                text("region.end_key", lossless(&region.end)),
                text("region.region_epoch", region.epoch.to_string()),
                text("region.peers", peers.join(", ")),
            ]
        }
        Content::Session(session) => {
            let result = format!("{:?}", session.result);
            vec![
                number("seq", session.seq),
                text("result", result.chars().take(SHORT).collect()),
            ]
        }
        Content::Scheduler(bytes) => vec![number("bytes", bytes.len() as u64)],
        Content::Data(value) => {
            let RowKey::Data { cf, key } = key else {
                return Vec::new();
            };
            vec![
                text("cf", cf.name().to_owned()),
                text("key", lossless(key)),
                text("value", lossless(value)),
            ]
        }
    }
}

fn number(name: &str, value: u64) -> Field {
    Field {
        name: name.to_owned(),
        value: FieldValue::Number(value),
    }
}

fn text(name: &str, value: String) -> Field {
    Field {
        name: name.to_owned(),
        value: FieldValue::Text(value),
    }
}

fn log_fields(run: &LogRun) -> Vec<Field> {
    let index = |entry: Option<&Entry>| entry.map_or(0, |entry| entry.index.get());
    let mut terms: Vec<u64> = run.entries.iter().map(|entry| entry.term.get()).collect();
    terms.dedup();
    let terms: Vec<String> = terms.iter().map(u64::to_string).collect();
    let shown = run.entries.iter().take(COMMANDS_SHOWN).map(command);
    let mut commands: Vec<String> = shown.collect();
    if run.entries.len() > COMMANDS_SHOWN {
        let more = run.entries.len() - COMMANDS_SHOWN;
        commands.push(format!("and {more} more"));
    }
    vec![
        number("first_index", index(run.entries.first())),
        number("last_index", index(run.entries.last())),
        text("terms", terms.join(", ")),
        text("commands", commands.join("; ")),
    ]
}

fn command(entry: &Entry) -> String {
    match entry.kind {
        EntryKind::NoOp => return "no-op".to_owned(),
        EntryKind::ConfChange => return "membership change".to_owned(),
        EntryKind::Normal => {}
    }
    match codec::decode::<Proposal>(&entry.data) {
        Ok(Proposal::Request(request)) => client_command(&request.command),
        Ok(Proposal::CompactLog { to }) => format!("compact up to {}", to.index),
        Ok(Proposal::Split(split)) => {
            format!("split {} at {}", split.new_region, short(&split.key))
        }
        Err(_) => format!("{} unreadable bytes", entry.data.len()),
    }
}

fn client_command(command: &Command) -> String {
    match command {
        Command::Put { key, value } => format!("put {}={}", short(key), short(value)),
        Command::Delete { key } => format!("delete {}", short(key)),
        Command::Get { key } => format!("get {}", short(key)),
        Command::Scan { start, end, limit } => {
            format!("scan {}..{} limit {limit}", short(start), short(end))
        }
        Command::Append { key, value } => format!("append {}+={}", short(key), short(value)),
        Command::CompareAndSet { key, expected, new } => {
            let expected = expected.as_deref().map_or("nothing".to_owned(), short);
            format!("set {}={} if {expected}", short(key), short(new))
        }
    }
}

fn short(bytes: &[u8]) -> String {
    let text = lossless(&bytes[..bytes.len().min(4 * SHORT)]);
    if bytes.len() <= 4 * SHORT && text.chars().count() <= SHORT {
        return text;
    }
    text.chars().take(SHORT - 1).chain(['…']).collect()
}
