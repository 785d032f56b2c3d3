//! R13, membership: at most one change is on its way, memberships that follow each other have
//! quorums that intersect, every peer goes through the same ones at the same index, and learners
//! are never counted (paper, section 6; thesis, chapter 4).
//!
//! A membership comes into force when its entry is applied. A fact does not say which entry that
//! is; it is the oldest membership entry of the peer's log whose turn has not come. An entry that
//! is applied without any fact changed nothing.

use std::collections::{BTreeMap, VecDeque};

use types::id::PeerId;
use types::raft::{ConfState, EntryBrief, EntryKind, LogIndex, Term};

use crate::quorum::decides;
use crate::replica::{Replica, Start};
use crate::violation::{Fault, Invariant, Judgement, fault};

/// The memberships of a group, each from the index on at which it came into force.
#[derive(Debug, Clone, Default)]
pub(crate) struct Memberships {
    in_force: BTreeMap<LogIndex, ConfState>,
}

/// What led to the last change of a peer's membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It started; it may tell the membership that it found.
    Started,
    /// A snapshot took the place of its log; it tells the membership within.
    Restored,
    /// It applies entries.
    Applying,
}

/// Where one peer stands among the memberships.
#[derive(Debug, Clone)]
pub(crate) struct Seat {
    membership: Option<ConfState>,
    stage: Stage,
    /// Membership entries up to here had their turn.
    done: LogIndex,
    /// The membership entries of its log behind `done`.
    entries: VecDeque<LogIndex>,
}

/// What a told membership was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Change {
    /// Nobody told it before.
    pub(crate) is_new: bool,
    /// A joint phase begins with it.
    pub(crate) enters_joint: bool,
}

impl Seat {
    /// A peer that came up.
    pub(crate) fn new(start: &Start<'_>, memberships: &Memberships) -> Self {
        let behind = start.entries.iter().filter(|entry| entry.index > start.applied);
        Self {
            membership: memberships.at(start.applied).cloned(),
            stage: Stage::Started,
            done: start.applied,
            entries: behind.filter(|entry| is_change(entry)).map(|entry| entry.index).collect(),
        }
    }

    /// The membership by which the peer counts.
    pub(crate) fn membership(&self) -> Option<&ConfState> {
        self.membership.as_ref()
    }

    pub(crate) fn appended(&mut self, entries: &[EntryBrief]) {
        let changes = entries.iter().filter(|entry| is_change(entry));
        self.entries.extend(changes.map(|entry| entry.index));
    }

    pub(crate) fn truncated(&mut self, from: LogIndex) {
        while self.entries.pop_back_if(|index| *index >= from).is_some() {}
    }

    /// The peer applied more; what it had applied `before` had its turn.
    pub(crate) fn applied(&mut self, before: LogIndex) {
        self.stage = Stage::Applying;
        self.finish(before);
    }

    /// A snapshot ending at `last` took the place of the log.
    pub(crate) fn restored(&mut self, last: LogIndex, memberships: &Memberships) {
        self.stage = Stage::Restored;
        self.entries.clear();
        self.done = last;
        if let Some(membership) = memberships.at(last) {
            self.membership = Some(membership.clone());
        }
    }

    fn finish(&mut self, to: LogIndex) {
        while let Some(index) = self.entries.pop_front_if(|index| *index <= to) {
            self.done = index;
        }
    }
}

impl Memberships {
    /// The membership that a group starts with. Only the first word counts.
    pub(crate) fn bootstrap(&mut self, membership: &ConfState) {
        if self.in_force.is_empty() {
            self.in_force.insert(LogIndex::ZERO, membership.clone());
        }
    }

    /// The membership in force at `index`.
    pub(crate) fn at(&self, index: LogIndex) -> Option<&ConfState> {
        let (_, membership) = self.in_force.range(..=index).next_back()?;
        Some(membership)
    }

    /// The latest one that anybody told.
    pub(crate) fn newest(&self) -> Option<&ConfState> {
        let (_, membership) = self.in_force.last_key_value()?;
        Some(membership)
    }

    /// A peer told its membership. It comes with the peer's next membership entry, or is the one
    /// that the peer has anyway.
    pub(crate) fn told(&mut self, replica: &mut Replica, now: &ConfState) -> Result<Change, Fault> {
        let seat = &replica.seat;
        let is_found = seat.stage != Stage::Applying;
        let is_known = seat.membership.as_ref() == Some(now);
        let next = self.entry_of(replica, now);
        let change = if is_found && seat.membership.is_none() {
            self.adopt(seat.done, now)
        } else if is_known && (is_found || next.is_none()) {
            Change::default()
        } else if seat.stage == Stage::Started && replica.commit == LogIndex::ZERO {
            // A peer that holds nothing of the group yet knows what its host knows.
            Change::default()
        } else if seat.stage == Stage::Restored {
            let message = format!("a snapshot at {} brought {}", seat.done, shown(now));
            return Err(replica.fault(Invariant::Membership, seat.done, message));
        } else if let Some(index) = next {
            let change = self.applied(replica, index, now)?;
            replica.seat.finish(index);
            change
        } else {
            let message = format!("{} with no entry that brings it", shown(now));
            return Err(replica.fault(Invariant::Membership, replica.reached(), message));
        };
        replica.seat.stage = Stage::Applying;
        replica.seat.membership = Some(now.clone());
        Ok(change)
    }

    /// The entry that brought `now`: the oldest committed one that had no turn. One that was called
    /// off brings nothing, and is passed over where the group knows of what came behind it.
    fn entry_of(&self, replica: &Replica, now: &ConfState) -> Option<LogIndex> {
        let committed = replica.seat.entries.iter().copied();
        let mut committed = committed.take_while(|index| *index <= replica.commit).peekable();
        let oldest = committed.peek().copied();
        let fits = |index: &LogIndex| !self.is_known(*index) || self.at(*index) == Some(now);
        committed.find(fits).or(oldest)
    }

    /// Whether somebody told a membership that came into force at `index` or behind it.
    fn is_known(&self, index: LogIndex) -> bool {
        self.in_force.range(index..).next().is_some()
    }

    fn adopt(&mut self, index: LogIndex, now: &ConfState) -> Change {
        if !now.voters.is_empty() {
            self.in_force.insert(index, now.clone());
        }
        Change::default()
    }

    fn applied(
        &mut self,
        replica: &Replica,
        index: LogIndex,
        now: &ConfState,
    ) -> Result<Change, Fault> {
        let wrong = |message| Err(replica.fault(Invariant::Membership, index, message));
        if self.is_known(index) {
            return match self.at(index) {
                Some(first) if first != now => wrong(format!(
                    "the entry at {index} made it {}, elsewhere {}",
                    shown(now),
                    shown(first)
                )),
                _ => Ok(Change::default()),
            };
        }
        let before = replica.seat.membership.clone().unwrap_or_default();
        if let Some(objection) = objection(&before, now) {
            return wrong(format!("from {} to {}: {objection}", shown(&before), shown(now)));
        }
        self.in_force.insert(index, now.clone());
        Ok(Change {
            is_new: before != *now,
            enters_joint: now.is_joint() && !before.is_joint(),
        })
    }
}

/// A leader appended entries: at most one membership change waits to be applied.
pub(crate) fn appended(replica: &Replica, entries: &[EntryBrief]) -> Judgement {
    if !replica.leads() {
        return Ok(());
    }
    let applied = replica.reached().max(replica.seat.done);
    let mut waiting = replica.seat.entries.back().copied().filter(|index| *index > applied);
    for entry in entries.iter().filter(|entry| is_change(entry)) {
        if let Some(earlier) = waiting {
            let message = format!(
                "{} appended a membership change at {}; the one at {earlier} is not applied",
                replica.peer, entry.index
            );
            return Err(replica.fault(Invariant::Membership, entry.index, message));
        }
        waiting = Some(entry.index);
    }
    Ok(())
}

/// A candidate became leader by the votes that it counted.
pub(crate) fn elected(replica: &Replica, term: Term) -> Judgement {
    let yes = |peer| replica.votes.contains(&(peer, true));
    match replica.seat.membership() {
        Some(membership) if decides(membership, yes) => Ok(()),
        Some(membership) => {
            let voters = replica.votes.iter().filter(|(_, granted)| *granted);
            let names: Vec<String> = voters.map(|(peer, _)| peer.to_string()).collect();
            let message = format!(
                "{} won {term} with the votes of [{}], its membership is {}",
                replica.peer,
                names.join(" "),
                shown(membership)
            );
            Err(fault(Invariant::Membership, term, LogIndex::ZERO, message))
        }
        None => {
            let message = "nobody told the membership by which it counts";
            Err(fault(Invariant::Membership, term, LogIndex::ZERO, message))
        }
    }
}

/// A leader counted these peers for a commit.
pub(crate) fn counted(
    replica: &Replica,
    to: LogIndex,
    matched: &[(PeerId, LogIndex)],
) -> Judgement {
    let Some(membership) = replica.seat.membership() else {
        return Ok(());
    };
    match matched.iter().find(|(peer, _)| !membership.is_voter(*peer)) {
        None => Ok(()),
        Some((peer, _)) => {
            let message = format!("{peer}, who does not vote, was counted for the commit of {to}");
            Err(replica.fault(Invariant::Membership, to, message))
        }
    }
}

/// Whether a snapshot at `last` carries the membership that was in force there.
pub(crate) fn snapshot(
    replica: &Replica,
    last: LogIndex,
    carried: &ConfState,
    memberships: &Memberships,
) -> Judgement {
    match memberships.at(last) {
        Some(in_force) if in_force != carried => {
            let (carried, in_force) = (shown(carried), shown(in_force));
            let message = format!("a snapshot at {last} carries {carried}, in force is {in_force}");
            Err(replica.fault(Invariant::Membership, last, message))
        }
        _ => Ok(()),
    }
}

/// Why `after` cannot follow `before`. What is left has quorums that intersect: they differ by one
/// voter, or one of them decides jointly with the other.
fn objection(before: &ConfState, after: &ConfState) -> Option<&'static str> {
    if after.learners.iter().any(|peer| after.is_voter(*peer)) {
        return Some("a learner votes");
    }
    match (before.is_joint(), after.is_joint()) {
        (false, false) => {
            let differing = differing(&before.voters, &after.voters);
            (differing > 1).then_some("more than one voter changed without a joint phase")
        }
        (false, true) if after.outgoing != before.voters => {
            Some("the outgoing half is not the membership before")
        }
        (false, true) if after.voters.is_empty() => Some("the incoming half is empty"),
        (false, true) => None,
        (true, false) if after.voters != before.voters => {
            Some("the joint phase ended with other voters than it had")
        }
        (true, false) => {
            let mut learners = [&before.learners[..], &before.learners_next].concat();
            learners.sort_unstable();
            learners.dedup();
            (learners != after.learners).then_some("the joint phase ended with other learners")
        }
        (true, true) => (before != after).then_some("a joint phase changed"),
    }
}

fn differing(one: &[PeerId], other: &[PeerId]) -> usize {
    let only = |of: &[PeerId], not: &[PeerId]| of.iter().filter(|peer| !not.contains(peer)).count();
    only(one, other) + only(other, one)
}

fn is_change(entry: &&EntryBrief) -> bool {
    entry.kind == EntryKind::ConfChange
}

/// A membership in one line.
pub(crate) fn shown(membership: &ConfState) -> String {
    let names = |peers: &[PeerId]| {
        let names: Vec<String> = peers.iter().map(ToString::to_string).collect();
        names.join(" ")
    };
    let mut shown = format!("voters [{}]", names(&membership.voters));
    let more = [
        ("outgoing", &membership.outgoing),
        ("learners", &membership.learners),
        ("learners next", &membership.learners_next),
    ];
    for (name, peers) in more {
        if !peers.is_empty() {
            shown.push_str(&format!(" {name} [{}]", names(peers)));
        }
    }
    shown
}
