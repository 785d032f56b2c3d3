//! What is measured. `xtask` has the same names and misses any that is not here.

/// One case: so many passes of the same work.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// As `xtask` asks for it.
    pub name: &'static str,
    /// Groups that share the loop.
    pub groups: usize,
    /// Voters of each.
    pub voters: usize,
    /// What every group does in a pass.
    pub work: Work,
    /// How often; about a fifth of a second for the slower core.
    pub passes: usize,
}

/// What a group does in a pass, until all of its peers are quiet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// The leader is given so many proposals at once.
    Propose(usize),
    /// Every peer ticks once, which makes the leader send heartbeats.
    Tick,
}

/// All cases.
pub const CASES: [Case; 5] = [
    Case {
        name: "singles3",
        groups: 1,
        voters: 3,
        work: Work::Propose(1),
        passes: 64_000,
    },
    Case {
        name: "batch3",
        groups: 1,
        voters: 3,
        work: Work::Propose(64),
        passes: 1_500,
    },
    Case {
        name: "batch5",
        groups: 1,
        voters: 5,
        work: Work::Propose(64),
        passes: 1_000,
    },
    Case {
        name: "groups1000",
        groups: 1_000,
        voters: 3,
        work: Work::Propose(1),
        passes: 40,
    },
    Case {
        name: "idle1000",
        groups: 1_000,
        voters: 3,
        work: Work::Tick,
        passes: 200,
    },
];

impl Case {
    /// The case of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        CASES.iter().find(|case| case.name == name)
    }

    /// What is counted as operations: committed proposals, or ticks of a group.
    #[must_use]
    pub fn operations_in_a_pass(&self) -> usize {
        match self.work {
            Work::Propose(batch) => self.groups * batch,
            Work::Tick => self.groups,
        }
    }
}
