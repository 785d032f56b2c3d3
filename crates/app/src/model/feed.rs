//! The newest things that happened, for people to read.

use std::collections::{BTreeMap, VecDeque};

use types::{
    action::Action,
    frame::{FactFrame, Frame},
    id::StoreId,
    raft::{CommitEvidence, RaftFact},
    time::VirtualTime,
    view::FactBody,
};

/// How many lines are kept.
pub const LINES: usize = 120;
/// How many samples of a store's disk activity are kept.
pub const SAMPLES: usize = 11;
/// Virtual microseconds between two samples.
const SAMPLE_US: u64 = 250_000;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Counts up; a stable name for the line.
    pub number: u64,
    /// When it happened.
    pub at: VirtualTime,
    /// What happened.
    pub what: What,
}

/// What a line tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Something that the cluster did.
    Fact(Box<FactFrame>),
    /// Something that a person did.
    Deed(Action),
    /// Facts that were too many to be told.
    Skipped(u64),
}

/// The feed, and the disks' recent activity.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Feed {
    /// The lines, newest first.
    pub lines: VecDeque<Line>,
    /// Writes per second at regular instants, oldest first.
    pub writes: BTreeMap<StoreId, VecDeque<u32>>,
    next: u64,
    sampled: Option<VirtualTime>,
}

impl Feed {
    /// Takes what a frame tells.
    pub fn take(&mut self, frame: &Frame) {
        if frame.facts_skipped > 0 {
            self.push(frame.now, What::Skipped(frame.facts_skipped));
        }
        for fact in frame.facts.iter().filter(|fact| is_told(&fact.fact.body)) {
            self.push(fact.at, What::Fact(Box::new(fact.clone())));
        }
        self.sample(frame);
    }

    /// Takes what a person did.
    pub fn deed(&mut self, at: VirtualTime, action: &Action) {
        if !matches!(action, Action::Submit { .. }) {
            self.push(at, What::Deed(action.clone()));
        }
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        *self = Self {
            next: self.next,
            ..Self::default()
        };
    }

    fn push(&mut self, at: VirtualTime, what: What) {
        let number = self.next;
        self.next += 1;
        self.lines.push_front(Line { number, at, what });
        self.lines.truncate(LINES);
    }

    fn sample(&mut self, frame: &Frame) {
        let due = self
            .sampled
            .is_none_or(|last| frame.now < last || frame.now.since(last) >= SAMPLE_US);
        if !due {
            return;
        }
        self.sampled = Some(frame.now);
        for store in &frame.stores {
            let samples = self.writes.entry(store.id).or_default();
            samples.push_back(store.writes_per_second);
            while samples.len() > SAMPLES {
                samples.pop_front();
            }
        }
    }
}

/// Whether a fact is worth a line: what every write brings along is not.
fn is_told(body: &FactBody) -> bool {
    match body {
        FactBody::Started { .. }
        | FactBody::Proposed { .. }
        | FactBody::RegionChanged { .. }
        | FactBody::PeerRemoved { .. }
        | FactBody::RulesChanged { .. } => true,
        FactBody::Raft(fact) => match fact {
            RaftFact::RoleChanged { .. }
            | RaftFact::VoteDecided { .. }
            | RaftFact::Truncated { .. }
            | RaftFact::ConfChanged { .. }
            | RaftFact::SnapshotSent { .. }
            | RaftFact::SnapshotRestored { .. }
            | RaftFact::Compacted { .. }
            | RaftFact::TransferStarted { .. }
            | RaftFact::TransferEnded { .. } => true,
            RaftFact::Committed { evidence, .. } => {
                matches!(evidence, CommitEvidence::Quorum { .. })
            }
            RaftFact::TermChanged { .. }
            | RaftFact::VoteCounted { .. }
            | RaftFact::Appended { .. }
            | RaftFact::Durable { .. }
            | RaftFact::Progressed { .. }
            | RaftFact::ReadAsked { .. }
            | RaftFact::ReadConfirmed { .. } => false,
        },
        FactBody::Applied { .. }
        | FactBody::Flushed { .. }
        | FactBody::TimerReset { .. }
        | FactBody::TimerStopped => false,
    }
}
