//! Which words belong to which variant. Every match is exhaustive, so that a new variant asks for
//! its words.

use protocol::{DiskKind, Notice, OpenError, QueryError};
use types::{
    action::{Action, MessageDeed, Misuse},
    event::MadeBy,
    frame::{Held, Holder, Life, LossReason, OperationState, Owed},
    id::{RegionId, StoreId},
    io::Stop,
    raft::{EntryKind, MessageKind, Preset, Role},
    scheduler::{OperatorRequest, OperatorStep},
    settings::SettingError,
    store::{AdminCommand, BusyReason, Command, Peer, ReplyError},
};

use super::{Arg, Sentence};
use crate::model::{bytes::shown, setup::SetupError, state::Tell};

/// The name of a role.
#[must_use]
pub const fn role(role: Role) -> &'static str {
    match role {
        Role::Follower => "follower",
        Role::PreCandidate => "pre-candidate",
        Role::Candidate => "candidate",
        Role::Leader => "leader",
    }
}

/// The locale key of a role.
#[must_use]
pub const fn role_key(role: Role) -> &'static str {
    match role {
        Role::Follower => "role-follower",
        Role::PreCandidate => "role-pre-candidate",
        Role::Candidate => "role-candidate",
        Role::Leader => "role-leader",
    }
}

/// The name of a store's life.
#[must_use]
pub const fn life(life: &Life) -> &'static str {
    match life {
        Life::Starting => "starting",
        Life::Up => "up",
        Life::Late => "late",
        Life::Paused => "paused",
        Life::Killed => "killed",
        Life::Stopped(_) => "stopped",
    }
}

/// The locale key of a store's life.
#[must_use]
pub const fn life_key(life: &Life) -> &'static str {
    match life {
        Life::Starting => "life-starting",
        Life::Up => "life-up",
        Life::Late => "life-late",
        Life::Paused => "life-paused",
        Life::Killed => "life-killed",
        Life::Stopped(_) => "life-stopped",
    }
}

/// The name of a kind of message.
#[must_use]
pub const fn message(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::PreVote => "pre-vote",
        MessageKind::PreVoteResponse => "pre-vote-response",
        MessageKind::RequestVote => "request-vote",
        MessageKind::RequestVoteResponse => "request-vote-response",
        MessageKind::Append => "append",
        MessageKind::AppendResponse => "append-response",
        MessageKind::Heartbeat => "heartbeat",
        MessageKind::HeartbeatResponse => "heartbeat-response",
        MessageKind::Snapshot => "snapshot",
        MessageKind::TimeoutNow => "timeout-now",
        MessageKind::TransferLeader => "transfer-leader",
        MessageKind::ReadIndex => "read-index",
        MessageKind::ReadIndexResponse => "read-index-response",
        MessageKind::Tombstone => "tombstone",
    }
}

/// The locale key of a kind of message.
#[must_use]
pub const fn message_key(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::PreVote => "message-pre-vote",
        MessageKind::PreVoteResponse => "message-pre-vote-response",
        MessageKind::RequestVote => "message-request-vote",
        MessageKind::RequestVoteResponse => "message-request-vote-response",
        MessageKind::Append => "message-append",
        MessageKind::AppendResponse => "message-append-response",
        MessageKind::Heartbeat => "message-heartbeat",
        MessageKind::HeartbeatResponse => "message-heartbeat-response",
        MessageKind::Snapshot => "message-snapshot",
        MessageKind::TimeoutNow => "message-timeout-now",
        MessageKind::TransferLeader => "message-transfer-leader",
        MessageKind::ReadIndex => "message-read-index",
        MessageKind::ReadIndexResponse => "message-read-index-response",
        MessageKind::Tombstone => "message-tombstone",
    }
}

/// What a preset stands for, in a sentence.
#[must_use]
pub const fn preset_key(preset: Preset) -> &'static str {
    match preset {
        Preset::TinyKv => "preset-tinykv",
        Preset::Mit6824 => "preset-mit6824",
        Preset::Etcd => "preset-etcd",
    }
}

/// The name of a reason for a loss.
#[must_use]
pub const fn loss(reason: LossReason) -> &'static str {
    match reason {
        LossReason::Cut => "cut",
        LossReason::Chance => "chance",
        LossReason::Down => "down",
        LossReason::Full => "full",
        LossReason::Hand => "hand",
    }
}

/// The name of who holds a message; empty where nobody does.
#[must_use]
pub fn holder(held: Option<Held>) -> &'static str {
    match held.map(|held| held.by) {
        None => "",
        Some(Holder::Hand) => "hand",
        Some(Holder::Link) => "link",
    }
}

/// The name of a kind of entry.
#[must_use]
pub const fn entry(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Normal => "normal",
        EntryKind::NoOp => "no-op",
        EntryKind::ConfChange => "conf-change",
    }
}

/// The words for an entry that carries no command.
#[must_use]
pub const fn entry_key(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Normal => "entry-normal",
        EntryKind::NoOp => "entry-no-op",
        EntryKind::ConfChange => "entry-conf-change",
    }
}

/// The name of how an operation stands.
#[must_use]
pub const fn operation(state: &OperationState) -> &'static str {
    match state {
        OperationState::Open => "open",
        OperationState::Done { .. } => "done",
        OperationState::Failed { .. } => "failed",
        OperationState::Unknown { .. } => "unknown",
        OperationState::NeverSent { .. } => "never-sent",
    }
}

/// The locale key of how an operation stands.
#[must_use]
pub const fn operation_key(state: &OperationState) -> &'static str {
    match state {
        OperationState::Open => "operation-open",
        OperationState::Done { .. } => "operation-done",
        OperationState::Failed { .. } => "operation-failed",
        OperationState::Unknown { .. } => "operation-unknown",
        OperationState::NeverSent { .. } => "operation-never-sent",
    }
}

/// What the clock waits for: its name, its store, its words.
#[must_use]
pub fn owed(owed: Owed) -> (&'static str, StoreId, Sentence) {
    match owed {
        Owed::Answer { store } => ("answer", store, named("held-answer", store)),
        Owed::Disk { store, .. } => ("disk", store, named("held-disk", store)),
        Owed::Load { store } => ("load", store, named("held-load", store)),
    }
}

fn named(key: &'static str, store: StoreId) -> Sentence {
    let name = match store {
        StoreId::SCHEDULER => Arg::Key("scheduler-name"),
        store => store.to_string().into(),
    };
    Sentence::plain(key).with("store", name)
}

/// Why an action makes no sense now.
#[must_use]
pub fn misuse(misuse: &Misuse) -> Sentence {
    match misuse {
        Misuse::NoSuchStore { store } => named("misuse-no-such-store", *store),
        Misuse::NotRunning { store } => named("misuse-not-running", *store),
        Misuse::AlreadyRunning { store } => named("misuse-already-running", *store),
        Misuse::NotDown { store } => named("misuse-not-down", *store),
        Misuse::AlreadyPaused { store } => named("misuse-already-paused", *store),
        Misuse::NotPaused { store } => named("misuse-not-paused", *store),
        Misuse::BadRate => Sentence::plain("misuse-bad-rate"),
        Misuse::NoScheduler => Sentence::plain("misuse-no-scheduler"),
        Misuse::NoIdLeft => Sentence::plain("misuse-no-id-left"),
        Misuse::NoSuchRules { name } => {
            Sentence::plain("misuse-no-such-rules").with("rule", name.clone())
        }
        Misuse::BadGroups => Sentence::plain("misuse-bad-groups"),
        Misuse::TooLong { bytes, limit } => Sentence::plain("misuse-too-long")
            .with("bytes", bytes.to_string())
            .with("limit", limit.to_string()),
        Misuse::EmptyKey => Sentence::plain("misuse-empty-key"),
        Misuse::NoSuchLink { store } => named("misuse-no-such-link", *store),
        Misuse::NoSuchMessage { id } => message_misuse("misuse-no-such-message", *id),
        Misuse::MessageHeld { id } => message_misuse("misuse-message-held", *id),
        Misuse::MessageNotHeld { id } => message_misuse("misuse-message-not-held", *id),
        Misuse::MessageDoubled { id } => message_misuse("misuse-message-doubled", *id),
        Misuse::BadDelay { ms, limit } => Sentence::plain("misuse-bad-delay")
            .with("ms", ms.to_string())
            .with("limit", limit.to_string()),
        Misuse::Setting(error) => setting(error),
        Misuse::NotLive { name } => {
            Sentence::plain("misuse-not-live").with("setting", name.clone())
        }
    }
}

fn message_misuse(key: &'static str, id: MadeBy) -> Sentence {
    Sentence::plain(key).with("message", id.to_string())
}

/// The name of a misuse.
#[must_use]
pub const fn misuse_name(misuse: &Misuse) -> &'static str {
    match misuse {
        Misuse::NoSuchStore { .. } => "NoSuchStore",
        Misuse::NotRunning { .. } => "NotRunning",
        Misuse::AlreadyRunning { .. } => "AlreadyRunning",
        Misuse::NotDown { .. } => "NotDown",
        Misuse::AlreadyPaused { .. } => "AlreadyPaused",
        Misuse::NotPaused { .. } => "NotPaused",
        Misuse::BadRate => "BadRate",
        Misuse::NoScheduler => "NoScheduler",
        Misuse::NoIdLeft => "NoIdLeft",
        Misuse::NoSuchRules { .. } => "NoSuchRules",
        Misuse::BadGroups => "BadGroups",
        Misuse::TooLong { .. } => "TooLong",
        Misuse::EmptyKey => "EmptyKey",
        Misuse::NoSuchLink { .. } => "NoSuchLink",
        Misuse::NoSuchMessage { .. } => "NoSuchMessage",
        Misuse::MessageHeld { .. } => "MessageHeld",
        Misuse::MessageNotHeld { .. } => "MessageNotHeld",
        Misuse::MessageDoubled { .. } => "MessageDoubled",
        Misuse::BadDelay { .. } => "BadDelay",
        Misuse::Setting(_) => "Setting",
        Misuse::NotLive { .. } => "NotLive",
    }
}

/// Why a setting is not usable.
#[must_use]
pub fn setting(error: &SettingError) -> Sentence {
    match error {
        SettingError::Unknown { name } => {
            Sentence::plain("setting-error-unknown").with("setting", name.clone())
        }
        SettingError::NotANumber { name, text } => Sentence::plain("setting-error-not-a-number")
            .with("setting", name.clone())
            .with("text", text.clone()),
        SettingError::NoSuchChoice {
            name,
            text,
            choices,
        } => Sentence::plain("setting-error-no-such-choice")
            .with("setting", name.clone())
            .with("text", text.clone())
            .with("choices", choices.clone()),
        SettingError::OutOfRange {
            name,
            value,
            min,
            max,
        } => Sentence::plain("setting-error-out-of-range")
            .with("setting", name.clone())
            .with("value", value.to_string())
            .with("min", min.to_string())
            .with("max", max.to_string()),
        SettingError::Order { smaller, larger } => Sentence::plain("setting-error-order")
            .with("smaller", smaller.clone())
            .with("larger", larger.clone()),
    }
}

/// What the address asks for in vain.
#[must_use]
pub fn setup(error: &SetupError) -> Sentence {
    match error {
        SetupError::Cluster(text) => {
            Sentence::plain("setup-bad-cluster").with("text", text.clone())
        }
        SetupError::Setting(error) => setting(error),
    }
}

/// Why a command was not carried out.
#[must_use]
pub fn reply(error: &ReplyError) -> Sentence {
    match error {
        ReplyError::NotLeader { leader, .. } => match leader {
            Some(peer) => named("reply-not-leader-hint", peer.store),
            None => Sentence::plain("reply-not-leader"),
        },
        ReplyError::EpochNotMatch { .. } => Sentence::plain("reply-epoch-not-match"),
        ReplyError::KeyNotInRegion { region } => {
            Sentence::plain("reply-key-not-in-region").with("region", region.to_string())
        }
        ReplyError::RegionNotFound { region } => {
            Sentence::plain("reply-region-not-found").with("region", region.to_string())
        }
        ReplyError::StaleCommand { term } => {
            Sentence::plain("reply-stale-command").with("term", term.get().to_string())
        }
        ReplyError::ServerIsBusy { reason } => match reason {
            BusyReason::DirtyData => Sentence::plain("reply-busy-dirty-data"),
            BusyReason::Uncommitted => Sentence::plain("reply-busy-uncommitted"),
        },
        ReplyError::Undetermined { region } => {
            Sentence::plain("reply-undetermined").with("region", region.to_string())
        }
        ReplyError::SessionAhead { seq } => {
            Sentence::plain("reply-session-ahead").with("seq", seq.to_string())
        }
        ReplyError::ValueTooLong { bytes, limit } => Sentence::plain("reply-value-too-long")
            .with("bytes", bytes.to_string())
            .with("limit", limit.to_string()),
    }
}

/// Why a store ended itself.
#[must_use]
pub fn stop(stop: &Stop) -> Sentence {
    match stop {
        Stop::CorruptRow { table, reason } => Sentence::plain("stop-corrupt-row")
            .with("table", table.name())
            .with("reason", reason.clone()),
        Stop::InconsistentDisk { region, reason } => Sentence::plain("stop-inconsistent-disk")
            .with("region", region.to_string())
            .with("reason", reason.clone()),
        Stop::NewerDisk { found, known } => Sentence::plain("stop-newer-disk")
            .with("found", found.to_string())
            .with("known", known.to_string()),
        Stop::ForeignDisk { found, expected } => Sentence::plain("stop-foreign-disk")
            .with("found", found.to_string())
            .with("expected", expected.to_string()),
        Stop::CommittedOverwritten {
            region,
            index,
            term,
        } => Sentence::plain("stop-committed-overwritten")
            .with("region", region.to_string())
            .with("index", index.to_string())
            .with("term", term.get().to_string()),
        Stop::EntriesSkipped {
            region,
            expected,
            found,
        } => Sentence::plain("stop-entries-skipped")
            .with("region", region.to_string())
            .with("expected", expected.to_string())
            .with("found", found.to_string()),
        Stop::Panic { message } => Sentence::plain("stop-panic").with("message", message.clone()),
    }
}

/// Why a question has no answer.
#[must_use]
pub fn query(error: &QueryError) -> Sentence {
    match error {
        QueryError::NoSuchStore { store } => named("query-no-such-store", *store),
        QueryError::Silent { store } => named("query-silent", *store),
        QueryError::Disk { reason } => Sentence::plain("query-disk").with("reason", reason.clone()),
    }
}

/// Why a cluster could not be opened.
#[must_use]
pub fn open(error: &OpenError) -> Sentence {
    match error {
        OpenError::Settings(error) => setting(error),
        OpenError::Newer { reason } => Sentence::plain("open-newer").with("reason", reason.clone()),
        OpenError::Corrupt { reason } => {
            Sentence::plain("open-corrupt").with("reason", reason.clone())
        }
        OpenError::Browser { reason } => {
            Sentence::plain("open-browser").with("reason", reason.clone())
        }
    }
}

/// The name and the words of a notice. The words of a stop are a sentence of their own.
#[must_use]
pub fn notice(notice: &Notice) -> (&'static str, Vec<Sentence>) {
    match notice {
        Notice::CannotOpen(error) => ("CannotOpen", vec![open(error)]),
        Notice::DiskRefused { store, reason } => (
            "DiskRefused",
            vec![named("notice-disk-refused", *store).with("reason", reason.clone())],
        ),
        Notice::StoreStopped { store, stop: why } => (
            "StoreStopped",
            vec![named("notice-store-stopped", *store), stop(why)],
        ),
        Notice::Refused { reason } => (
            "Refused",
            vec![Sentence::plain("notice-refused").with("reason", reason.clone())],
        ),
    }
}

/// The name and the words of what a person should know.
#[must_use]
pub fn tell(tell: &Tell) -> (&'static str, Vec<Sentence>) {
    match tell {
        Tell::Notice(told) => notice(told),
        Tell::Misuse(error) => ("Misuse", vec![misuse(error)]),
        Tell::Unreadable(reason) => (
            "Unreadable",
            vec![Sentence::plain("notice-unreadable").with("reason", reason.clone())],
        ),
        Tell::NoFile(error) => (
            "NoFile",
            vec![Sentence::plain("notice-no-file"), query(error)],
        ),
    }
}

/// Where the disks are, in a word.
#[must_use]
pub const fn disks(kind: &DiskKind) -> &'static str {
    match kind {
        DiskKind::IndexedDb => "indexeddb",
        DiskKind::Memory { .. } => "memory",
    }
}

/// What a person did.
#[must_use]
pub fn deed(action: &Action) -> Sentence {
    let list = |stores: &[StoreId]| {
        stores
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(" ")
    };
    match action {
        Action::Kill { store } => named("deed-kill", *store),
        Action::Start { store } => named("deed-start", *store),
        Action::Cut { groups } => Sentence::plain("deed-cut").with(
            "groups",
            groups
                .iter()
                .map(|group| list(group))
                .collect::<Vec<_>>()
                .join(" | "),
        ),
        Action::Heal => Sentence::plain("deed-heal"),
        Action::Operator { request } => operator(request),
        Action::Submit { command, .. } => {
            Sentence::plain("deed-submit").with("command", command_text(command))
        }
        Action::Set { name, value } => Sentence::plain("deed-set")
            .with("setting", name.clone())
            .with("value", value.to_string()),
        Action::Block { ways } if ways.is_empty() => Sentence::plain("deed-unblock"),
        Action::Block { ways } => {
            let way = |(from, to): &(StoreId, StoreId)| format!("{from} → {to}");
            let ways: Vec<String> = ways.iter().map(way).collect();
            Sentence::plain("deed-block").with("ways", ways.join(", "))
        }
        Action::Admin { store, request } => admin(&request.command, *store),
        Action::Link { from, to, plan } => Sentence::plain(match plan {
            None => "deed-link-usual",
            Some(plan) if plan.clogged => "deed-link-clogged",
            Some(_) => "deed-link",
        })
        .with("way", format!("{from} → {to}")),
        Action::Message { id, deed, .. } => message_deed(*deed, *id),
        Action::Pause { store } => named("deed-pause", *store),
        Action::Resume { store } => named("deed-resume", *store),
        Action::Drift { store, rate } => named("deed-drift", *store)
            .with("ahead", rate.ahead.to_string())
            .with("of", rate.of.to_string()),
        Action::FillDisk { store, full: true } => named("deed-fill-disk", *store),
        Action::FillDisk { store, full: false } => named("deed-make-room", *store),
        Action::CorruptRow { store, .. } => named("deed-corrupt-row", *store),
        Action::Wipe { store, .. } => named("deed-wipe", *store),
        Action::Rule { store, name: None } => named("deed-rule-correct", *store),
        Action::Rule {
            store,
            name: Some(name),
        } => named("deed-rule", *store).with("rule", Arg::Rule(name.clone())),
    }
}

/// What a person did to a message.
fn message_deed(deed: MessageDeed, id: MadeBy) -> Sentence {
    let sentence = match deed {
        MessageDeed::Hold => Sentence::plain("deed-message-hold"),
        MessageDeed::Release => Sentence::plain("deed-message-release"),
        MessageDeed::Drop => Sentence::plain("deed-message-drop"),
        MessageDeed::Delay { ms } => {
            Sentence::plain("deed-message-delay").with("ms", ms.to_string())
        }
        MessageDeed::Double => Sentence::plain("deed-message-double"),
    };
    sentence.with("message", id.to_string())
}

/// What a person asked a peer for.
fn admin(command: &AdminCommand, store: StoreId) -> Sentence {
    match command {
        AdminCommand::TransferLeader { to } => {
            named("deed-transfer", store).with("peer", to.to_string())
        }
        AdminCommand::ChangePeers { .. } => named("deed-change-peers", store),
        AdminCommand::CompactLog { keep } => {
            named("deed-compact", store).with("keep", keep.to_string())
        }
        AdminCommand::Campaign => named("deed-campaign", store),
        AdminCommand::ForgetLeader => named("deed-forget-leader", store),
        AdminCommand::Step(step) => self::step(step, store),
        AdminCommand::ChangeJointly(_) => named("deed-change-peers", store),
        AdminCommand::Split { key, .. } => named("deed-split", store).with("key", shown(key)),
        AdminCommand::SendSnapshot { to } => {
            named("deed-send-snapshot", store).with("peer", to.to_string())
        }
    }
}

/// What a person asked the scheduler for.
fn operator(request: &OperatorRequest) -> Sentence {
    let about = |key, region: &RegionId| Sentence::plain(key).with("region", region.to_string());
    let on = |key, region: &RegionId, store: &StoreId| {
        about(key, region).with("store", store.to_string())
    };
    match request {
        OperatorRequest::AddPeer { region, store } => on("deed-operator-add", region, store),
        OperatorRequest::RemovePeer { region, store } => on("deed-operator-remove", region, store),
        OperatorRequest::MovePeer { region, from, to } => {
            on("deed-operator-move", region, to).with("from", from.to_string())
        }
        OperatorRequest::TransferLeader { region, to } => on("deed-operator-transfer", region, to),
        OperatorRequest::Split {
            region,
            key: Some(key),
        } => about("deed-operator-split", region).with("key", shown(key)),
        OperatorRequest::Split { region, key: None } => about("deed-operator-split-halves", region),
        OperatorRequest::Cancel { region } => about("deed-operator-cancel", region),
        OperatorRequest::TakeOffline { store } => named("deed-operator-offline", *store),
        OperatorRequest::BringOnline { store } => named("deed-operator-online", *store),
    }
}

/// A step of an operator that a person asked a peer for.
fn step(step: &OperatorStep, store: StoreId) -> Sentence {
    let about = |key, peer: &Peer| {
        named(key, store)
            .with("peer", peer.id.to_string())
            .with("on", peer.store.to_string())
    };
    match step {
        OperatorStep::AddPeer { peer } | OperatorStep::AddLearner { peer } => {
            about("deed-add-peer", peer)
        }
        OperatorStep::PromoteLearner { peer } => about("deed-promote-peer", peer),
        OperatorStep::RemovePeer { peer } => about("deed-remove-peer", peer),
        OperatorStep::TransferLeader { to } => {
            named("deed-transfer", store).with("peer", to.id.to_string())
        }
        OperatorStep::Split { key: Some(key) } => {
            named("deed-split", store).with("key", shown(key))
        }
        OperatorStep::Split { key: None } => named("deed-split-halves", store),
    }
}

/// A command as practitioners write it; the same in every language.
#[must_use]
pub fn command_text(command: &Command) -> String {
    match command {
        Command::Put { key, value } => format!("put {} = {}", shown(key), shown(value)),
        Command::Get { key } => format!("get {}", shown(key)),
        Command::Delete { key } => format!("delete {}", shown(key)),
        Command::Scan { start, end, limit } => {
            let end = if end.is_empty() {
                "∞".to_owned()
            } else {
                shown(end)
            };
            format!("scan [{}, {end}) ≤ {limit}", shown(start))
        }
        Command::Append { key, value } => format!("append {} += {}", shown(key), shown(value)),
        Command::CompareAndSet { key, expected, new } => {
            let expected = expected
                .as_ref()
                .map_or("∅".to_owned(), |value| shown(value));
            format!(
                "compare-and-set {} = {expected} → {}",
                shown(key),
                shown(new)
            )
        }
    }
}
