//! The loop: groups of peers in one thread, each woken when something was told to it.

use std::collections::VecDeque;

use crate::cases::{Case, Work};
use crate::core::{Applied, Core};

/// Bytes of one command.
const COMMAND_BYTES: usize = 128;
/// Logs are compacted after so many entries of a group …
const COMPACT_EVERY: usize = 1_024;
/// … to the last so many.
const COMPACT_TO: u64 = 64;

/// All peers of a case, group by group; the first of a group is its leader.
pub struct Cluster<C: Core> {
    case: &'static Case,
    peers: Vec<C>,
    applied: Vec<Applied>,
    /// Whose turn is next, each at most once.
    awake: VecDeque<usize>,
    is_awake: Vec<bool>,
    /// Kept only to save an allocation for each turn.
    out: Vec<C::Message>,
    host: C::Host,
    proposed: u64,
    /// Entries of each group since the last compaction.
    uncompacted: usize,
}

impl<C: Core> Cluster<C> {
    /// Starts all peers and elects the first of each group.
    ///
    /// # Panics
    ///
    /// When another peer was elected.
    #[must_use]
    pub fn new(case: &'static Case) -> Self {
        let count = case.groups * case.voters;
        let peer = |at: usize| {
            let id = (at % case.voters) as u64 + 1;
            C::new(id, case.voters as u64, at as u64 + 1)
        };
        let mut cluster = Self {
            case,
            peers: (0..count).map(peer).collect(),
            applied: vec![Applied::default(); count],
            awake: VecDeque::with_capacity(count),
            is_awake: vec![false; count],
            out: Vec::new(),
            host: C::Host::default(),
            proposed: 0,
            uncompacted: 0,
        };
        for leader in cluster.leaders() {
            cluster.peers[leader].campaign();
            cluster.wake(leader);
        }
        cluster.settle();
        let elected = cluster
            .leaders()
            .all(|leader| cluster.peers[leader].leads());
        assert!(elected, "the first of each group leads");
        cluster
    }

    fn leaders(&self) -> impl Iterator<Item = usize> + use<C> {
        (0..self.peers.len()).step_by(self.case.voters)
    }

    /// One pass: every group does its work, until all peers are quiet.
    pub fn pass(&mut self) {
        match self.case.work {
            Work::Propose(batch) => {
                for leader in self.leaders() {
                    let first = self.proposed;
                    self.proposed += batch as u64;
                    self.peers[leader].propose(Commands {
                        next: first,
                        left: batch,
                    });
                    self.wake(leader);
                }
                self.uncompacted += batch;
            }
            Work::Tick => {
                for at in 0..self.peers.len() {
                    self.peers[at].tick();
                    self.wake(at);
                }
            }
        }
        self.settle();
        if self.uncompacted >= COMPACT_EVERY {
            self.uncompacted = 0;
            for peer in &mut self.peers {
                peer.compact(COMPACT_TO);
            }
        }
    }

    fn wake(&mut self, at: usize) {
        if !std::mem::replace(&mut self.is_awake[at], true) {
            self.awake.push_back(at);
        }
    }

    fn settle(&mut self) {
        let mut out = std::mem::take(&mut self.out);
        while let Some(at) = self.awake.pop_front() {
            self.is_awake[at] = false;
            let applied = &mut self.applied[at];
            self.peers[at].drain(&mut self.host, &mut out, applied);
            let group = at - at % self.case.voters;
            for message in out.drain(..) {
                let to = group + C::receiver(&message) as usize - 1;
                self.peers[to].step(message);
                self.wake(to);
            }
        }
        self.out = out;
    }

    /// What was applied, over all groups: the count of one peer each, and a hash.
    ///
    /// # Panics
    ///
    /// When two peers of a group applied different things.
    #[must_use]
    pub fn applied(&self) -> Applied {
        let mut total = Applied::default();
        for group in self.applied.chunks(self.case.voters) {
            let first = group[0];
            assert!(group.iter().all(|peer| *peer == first), "{group:?}");
            let count = total.count + first.count;
            total.apply(first.count, &first.hash.to_le_bytes());
            total.count = count;
        }
        total
    }
}

/// Commands in order, each another one.
struct Commands {
    next: u64,
    left: usize,
}

impl Iterator for Commands {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        self.left = self.left.checked_sub(1)?;
        let mut command = vec![0x5a; COMMAND_BYTES];
        command[..8].copy_from_slice(&self.next.to_le_bytes());
        self.next += 1;
        Some(command)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Commands {}
