//! R13, membership: at most one change is on its way, memberships that follow each other have
//! quorums that intersect, every peer goes through the same ones at the same index, and learners
//! are never counted (paper, section 6; thesis, chapter 4).
//!
//! A membership comes into force when its entry is applied. A fact does not say which entry that
//! is; it is the oldest membership entry of the peer's log whose turn has not come. An entry that
//! is applied without any fact changed nothing.

use std::collections::{BTreeMap, VecDeque};

use types::id::PeerId;
use types::raft::{ConfState, EntryBrief, EntryKind, LogIndex};

use crate::replica::{Replica, Start};
use crate::violation::{Fault, Invariant, Judgement};

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
    /// A peer that came up. It may have applied more than it lived to tell: what nobody told of may
    /// have brought the membership that it comes with.
    pub(crate) fn new(start: &Start<'_>, memberships: &Memberships) -> Self {
        let untold = |entry: &EntryBrief| !memberships.is_known(entry.index);
        let behind = start
            .entries
            .iter()
            .filter(|entry| entry.index > start.applied || untold(entry));
        Self {
            membership: memberships.at(start.applied).cloned(),
            stage: Stage::Started,
            done: start.applied,
            entries: behind.filter(is_change).map(|entry| entry.index).collect(),
        }
    }

    /// The membership by which the peer counts.
    pub(crate) fn membership(&self) -> Option<&ConfState> {
        self.membership.as_ref()
    }

    pub(crate) fn appended(&mut self, entries: &[EntryBrief]) {
        let changes = entries.iter().filter(is_change);
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
        let mut committed = committed
            .take_while(|index| *index <= replica.commit)
            .peekable();
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
            return wrong(format!(
                "from {} to {}: {objection}",
                shown(&before),
                shown(now)
            ));
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
    let mut waiting = replica
        .seat
        .entries
        .back()
        .copied()
        .filter(|index| *index > applied);
    for entry in entries.iter().filter(is_change) {
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

/// A peer stood for election: it votes in its own membership, and it knows of no committed change
/// that it has not applied, or it would ask the quorum of a membership that is past.
pub(crate) fn stood(replica: &Replica) -> Judgement {
    let seat = &replica.seat;
    if let Some(membership) = seat.membership()
        && !membership.is_voter(replica.peer)
    {
        let (peer, shown) = (replica.peer, shown(membership));
        let message = format!("{peer} stood for election, its membership is {shown}");
        return Err(replica.fault(Invariant::Membership, LogIndex::ZERO, message));
    }
    let is_open = |index: &&LogIndex| **index > replica.reached() && **index <= replica.commit;
    match seat.entries.iter().find(is_open) {
        Some(&index) => {
            let peer = replica.peer;
            let message = format!("{peer} stood for election before it applied the change {index}");
            Err(replica.fault(Invariant::Membership, index, message))
        }
        None => Ok(()),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::{Stage, at, broken, index, peer, voters};
    use types::raft::{CommitEvidence, MessageBody, RaftFact, Role, Snapshot, Term};

    fn joint(incoming: &[u64], outgoing: &[u64]) -> ConfState {
        ConfState {
            outgoing: voters(outgoing).voters,
            ..voters(incoming)
        }
    }

    /// A settled group whose peers 4 and 5 have started with nothing.
    fn with_newcomers() -> Stage {
        let mut stage = Stage::settled();
        for newcomer in [4, 5] {
            stage.start(newcomer).expect("it holds nothing");
            stage
                .conf_changed(newcomer, &ConfState::default())
                .expect("nor knows anything");
            stage.hear(newcomer, 1, 1);
        }
        stage
    }

    /// Peer 4 learns the log up to index 3 from a snapshot.
    fn snapshot_for_4(stage: &mut Stage) {
        let restored = RaftFact::SnapshotRestored {
            last: at(3, 1),
            prefix_hash: stage.hash(1, 3),
        };
        stage.raft(4, restored).expect("it is committed");
    }

    #[test]
    fn one_voter_at_a_time_or_a_joint_phase_changes_a_membership() {
        let mut stage = with_newcomers();
        stage.change(1, &[2, 3], &voters(&[1, 2, 3, 4]));
        stage.replicate(1, 4);
        stage.change(1, &[2, 3, 4], &voters(&[1, 2, 4]));
        stage.change(1, &[2, 4], &joint(&[2, 4, 5], &[1, 2, 4]));
        stage.replicate(1, 5);
        stage.elect(2, 2, &[1, 4, 5]);
        stage.change(2, &[1, 4, 5], &voters(&[2, 4, 5]));
        let counts = stage.checker.counts();
        assert_eq!(counts.conf_changes, 4);
        assert_eq!((counts.joint_phases, counts.joint_leader_changes), (1, 1));
    }

    #[test]
    fn a_restarted_peer_tells_the_membership_of_its_applied_index() {
        let mut stage = with_newcomers();
        let before = stage.conf.clone();
        stage.change(1, &[2, 3], &voters(&[1, 2]));
        stage.persist(2);
        stage.restart(2);
        stage
            .conf_changed(2, &before)
            .expect("it has applied nothing yet");
        stage.apply(2);
        stage
            .conf_changed(2, &voters(&[1, 2]))
            .expect("applied again");
        stage.compact(2);
        stage.restart(2);
        let mut wrong = stage.clone();
        assert_eq!(
            broken(wrong.conf_changed(2, &before)),
            Invariant::Membership
        );
        stage
            .conf_changed(2, &voters(&[1, 2]))
            .expect("it has applied the change");
    }

    #[test]
    fn an_entry_that_was_called_off_is_passed_over() {
        let mut stage = with_newcomers();
        stage.write(1, &[2], EntryKind::ConfChange);
        stage.change(1, &[2], &voters(&[1, 2]));
        // Peer 3 applies both at once and tells of one change.
        stage.replicate(1, 3);
        stage.follow(3, 5);
        stage.apply(3);
        stage
            .conf_changed(3, &voters(&[1, 2]))
            .expect("it came with the second");
        stage.change(1, &[2, 3], &voters(&[1, 2, 3]));
        assert_eq!(stage.checker.counts().conf_changes, 2);
    }

    #[test]
    fn the_first_to_tell_may_have_passed_an_entry_that_was_called_off() {
        let mut stage = with_newcomers();
        let commit = |stage: &mut Stage| {
            stage.append(1, EntryKind::ConfChange);
            stage.persist(1);
            stage.replicate(1, 2);
            stage.commit(1);
        };
        commit(&mut stage);
        stage.apply(1);
        commit(&mut stage);
        // Peer 2 applies both at once and is the first to tell; peer 1 applies them one by one.
        stage.follow(2, 5);
        stage.apply(2);
        stage
            .conf_changed(2, &voters(&[1, 2]))
            .expect("nobody knows better");
        stage.apply(1);
        stage
            .conf_changed(1, &voters(&[1, 2]))
            .expect("it came with the second");
        stage.conf = voters(&[1, 2]);
        stage.change(1, &[2], &voters(&[1]));
    }

    #[test]
    fn two_voters_changed_at_once_are_found() {
        let mut stage = with_newcomers();
        stage.write(1, &[2, 3], EntryKind::ConfChange);
        let planted = voters(&[1, 2, 4]);
        assert_eq!(
            broken(stage.conf_changed(1, &planted)),
            Invariant::Membership
        );
    }

    #[test]
    fn joint_phases_that_begin_or_end_wrongly_are_found() {
        let mut stage = with_newcomers();
        let change = |stage: &Stage, planted: &ConfState| {
            let mut stage = stage.clone();
            stage.write(1, &[2, 3], EntryKind::ConfChange);
            broken(stage.conf_changed(1, planted))
        };
        assert_eq!(
            change(&stage, &joint(&[1, 4, 5], &[1, 2])),
            Invariant::Membership
        );
        assert_eq!(
            change(&stage, &joint(&[], &[1, 2, 3])),
            Invariant::Membership
        );
        stage.change(1, &[2, 3], &joint(&[1, 2], &[1, 2, 3]));
        assert_eq!(change(&stage, &voters(&[1, 2, 3])), Invariant::Membership);
        assert_eq!(
            change(&stage, &joint(&[1], &[1, 2, 3])),
            Invariant::Membership
        );
        let with_learner = ConfState {
            learners: vec![peer(3)],
            ..voters(&[1, 2])
        };
        assert_eq!(change(&stage, &with_learner), Invariant::Membership);
    }

    #[test]
    fn a_learner_that_votes_is_found() {
        let mut stage = with_newcomers();
        stage.write(1, &[2, 3], EntryKind::ConfChange);
        let planted = ConfState {
            learners: vec![peer(3)],
            ..voters(&[1, 2, 3])
        };
        assert_eq!(
            broken(stage.conf_changed(1, &planted)),
            Invariant::Membership
        );
    }

    #[test]
    fn another_membership_at_the_same_entry_is_found() {
        let mut stage = with_newcomers();
        stage.write(1, &[2, 3], EntryKind::ConfChange);
        stage.conf_changed(1, &voters(&[1, 2])).expect("the first");
        assert_eq!(
            broken(stage.conf_changed(2, &voters(&[1, 3]))),
            Invariant::Membership
        );
    }

    #[test]
    fn a_membership_without_an_entry_is_found() {
        let mut stage = with_newcomers();
        stage
            .conf_changed(1, &voters(&[1, 2, 3]))
            .expect("the one that it has");
        assert_eq!(
            broken(stage.conf_changed(1, &voters(&[1, 2]))),
            Invariant::Membership
        );
    }

    #[test]
    fn a_snapshot_brings_the_membership_of_its_index() {
        let mut stage = with_newcomers();
        let before = stage.conf.clone();
        let after = voters(&[1, 2, 3, 4]);
        stage.change(1, &[2, 3], &after);
        snapshot_for_4(&mut stage);
        let mut wrong = stage.clone();
        assert_eq!(broken(wrong.conf_changed(4, &after)), Invariant::Membership);
        stage.conf_changed(4, &before).expect("that of index 3");
        let snapshot = |conf_state: &ConfState| MessageBody::Snapshot {
            snapshot: Box::new(Snapshot {
                last: at(3, 1),
                conf_state: conf_state.clone(),
                ..Snapshot::default()
            }),
        };
        stage
            .sent(1, 4, 1, snapshot(&before))
            .expect("that of index 3");
        assert_eq!(
            broken(stage.sent(1, 4, 1, snapshot(&after))),
            Invariant::Membership
        );
    }

    #[test]
    fn a_second_change_while_the_first_waits_is_found() {
        let mut stage = Stage::settled();
        stage.append(1, EntryKind::ConfChange);
        let planted = crate::stage::brief(5, 1, EntryKind::ConfChange);
        assert_eq!(
            broken(stage.appended(1, &[planted], 0)),
            Invariant::Membership
        );
    }

    #[test]
    fn a_new_leader_waits_for_the_change_that_it_inherits() {
        let mut stage = Stage::settled();
        stage.append(1, EntryKind::ConfChange);
        stage.persist(1);
        stage.replicate(1, 2);
        stage.elect(2, 2, &[3]);
        stage.append(2, EntryKind::NoOp);
        let planted = crate::stage::brief(6, 2, EntryKind::ConfChange);
        assert_eq!(
            broken(stage.clone().appended(2, &[planted], 0)),
            Invariant::Membership
        );
        stage.persist(2);
        stage.replicate(2, 3);
        stage.commit(2);
        stage.apply(2);
        stage.append(2, EntryKind::ConfChange);
    }

    #[test]
    fn a_candidate_that_does_not_vote_is_found() {
        let mut stage = with_newcomers();
        stage.change(1, &[2, 3], &voters(&[1, 2]));
        let mut outsider = stage.clone();
        assert_eq!(
            broken(outsider.role(3, Role::Candidate, 1)),
            Invariant::Membership
        );
        assert_eq!(
            broken(stage.role(3, Role::PreCandidate, 1)),
            Invariant::Membership
        );
    }

    #[test]
    fn a_candidate_with_a_committed_change_unapplied_is_found() {
        let mut stage = with_newcomers();
        stage.append(1, EntryKind::ConfChange);
        stage.persist(1);
        stage.replicate(1, 2);
        stage.commit(1);
        let mut early = stage.clone();
        early.follow(2, 4);
        assert_eq!(
            broken(early.role(2, Role::PreCandidate, 1)),
            Invariant::Membership
        );
        stage
            .role(2, Role::PreCandidate, 1)
            .expect("it does not know of the commit");
    }

    #[test]
    fn a_learner_that_is_counted_for_a_commit_is_found() {
        let mut stage = with_newcomers();
        let with_learner = ConfState {
            learners: vec![peer(4)],
            ..stage.conf.clone()
        };
        stage.change(1, &[2, 3], &with_learner);
        stage.append(1, EntryKind::Normal);
        stage.persist(1);
        stage.replicate(1, 2);
        let evidence = CommitEvidence::Quorum {
            matched: [1, 2, 3, 4].map(|id| (peer(id), index(5))).to_vec(),
            term: Term::new(1),
        };
        assert_eq!(
            broken(stage.committed(1, 5, evidence)),
            Invariant::Membership
        );
    }
}
