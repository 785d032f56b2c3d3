//! What no invariant asks for: how long somebody led, and votes that were split.

use std::collections::{BTreeMap, BTreeSet};

use types::{
    id::StoreId,
    raft::{RaftFact, Role, Term},
    time::VirtualTime,
    view::FactBody,
};

use crate::sim::{Observed, Sight};

/// Watches one group of stores.
#[derive(Debug, Clone, Default)]
pub(crate) struct Observer {
    leading: BTreeSet<StoreId>,
    since: VirtualTime,
    led_us: u64,
    terms: BTreeMap<Term, Contest>,
}

/// Who wants to lead a term.
#[derive(Debug, Clone, Default)]
struct Contest {
    candidates: BTreeSet<StoreId>,
    is_won: bool,
}

impl Observer {
    /// Takes in what was seen, in order.
    pub(crate) fn take(&mut self, observed: &[Observed]) {
        for Observed {
            store, at, sight, ..
        } in observed
        {
            match sight {
                Sight::Fact(fact) => {
                    if let FactBody::Raft(RaftFact::RoleChanged { role, term, .. }) = &fact.body {
                        self.role(*store, *role, *term, *at);
                    }
                }
                Sight::Down => self.leads(*store, false, *at),
                Sight::Sent(_) | Sight::Written(_) | Sight::Stopped(_) => {}
            }
        }
    }

    fn role(&mut self, store: StoreId, role: Role, term: Term, at: VirtualTime) {
        self.leads(store, role == Role::Leader, at);
        let contest = self.terms.entry(term).or_default();
        match role {
            Role::Candidate => {
                contest.candidates.insert(store);
            }
            Role::Leader => contest.is_won = true,
            Role::Follower | Role::PreCandidate => {}
        }
    }

    fn leads(&mut self, store: StoreId, leads: bool, at: VirtualTime) {
        self.pass(at);
        if leads {
            self.leading.insert(store);
        } else {
            self.leading.remove(&store);
        }
    }

    fn pass(&mut self, at: VirtualTime) {
        if !self.leading.is_empty() {
            self.led_us += at.since(self.since);
        }
        self.since = self.since.max(at);
    }

    /// For how long somebody led until `now`, in microseconds.
    pub(crate) fn led_us(&self, now: VirtualTime) -> u64 {
        let last = if self.leading.is_empty() {
            0
        } else {
            now.since(self.since)
        };
        self.led_us + last
    }

    /// Terms in which two or more stood and nobody won.
    pub(crate) fn split_votes(&self) -> u64 {
        let is_split = |contest: &&Contest| contest.candidates.len() > 1 && !contest.is_won;
        let split = self.terms.values().filter(is_split).count();
        u64::try_from(split).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use types::{event::EventId, id::RegionId, raft::RoleReason, view::Fact};

    use super::*;

    fn seen(store: u64, ms: u64, sight: Sight) -> Observed {
        Observed {
            store: StoreId::new(store),
            at: VirtualTime::new(ms * 1_000),
            event: EventId::default(),
            sight,
        }
    }

    fn role(store: u64, ms: u64, role: Role, term: u64) -> Observed {
        let body = FactBody::Raft(RaftFact::RoleChanged {
            role,
            leader: None,
            term: Term::new(term),
            reason: RoleReason::Started,
        });
        let fact = Fact {
            cause: EventId::default(),
            waited_for: None,
            region: RegionId::new(1),
            body,
        };
        seen(store, ms, Sight::Fact(fact))
    }

    #[test]
    fn time_with_two_leaders_counts_once_and_a_dead_one_leads_no_more() {
        let mut observer = Observer::default();
        observer.take(&[
            role(1, 10, Role::Leader, 1),
            role(2, 20, Role::Leader, 2),
            role(1, 30, Role::Follower, 2),
            seen(2, 50, Sight::Down),
        ]);
        assert_eq!(observer.led_us(VirtualTime::new(90_000)), 40_000);
    }

    #[test]
    fn a_vote_is_split_when_two_stood_and_nobody_won() {
        let mut observer = Observer::default();
        observer.take(&[
            role(1, 10, Role::Candidate, 1),
            role(2, 11, Role::Candidate, 1),
            role(1, 20, Role::Candidate, 2),
            role(3, 30, Role::Candidate, 3),
            role(2, 31, Role::Candidate, 3),
            role(3, 40, Role::Leader, 3),
        ]);
        assert_eq!(observer.split_votes(), 1);
    }
}
