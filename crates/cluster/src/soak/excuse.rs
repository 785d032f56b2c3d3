//! Why a healed run need not come together.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The only excuses that count. Which one holds is read off the cluster as it stands, never off
/// the plan of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Excuse {
    /// Fewer than a quorum of the voters live and reach each other.
    QuorumLost,
    /// There is a quorum only with voters whose disks are full.
    DisksFull,
    /// There is a quorum only with voters whose disks were found corrupt.
    DisksCorrupt,
    /// There is a quorum only with voters whose disks were wiped.
    DisksWiped,
}

impl Excuse {
    /// Every excuse.
    pub const ALL: [Self; 4] = [
        Self::QuorumLost,
        Self::DisksFull,
        Self::DisksCorrupt,
        Self::DisksWiped,
    ];

    /// The stable name, in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::QuorumLost => "quorum lost",
            Self::DisksFull => "disks of a quorum full",
            Self::DisksCorrupt => "disks of a quorum corrupt",
            Self::DisksWiped => "disks of a quorum wiped",
        }
    }
}

impl fmt::Display for Excuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How one voter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stand {
    /// It lives, its disk works, and the others of the core hear it.
    Well,
    /// It does not live, or the core does not hear it.
    Gone,
    /// It lives, and its disk has no room.
    Full,
    /// It found a corrupt row and stays down.
    Corrupt,
    /// Its disk was wiped; its machine is another store now.
    Wiped,
}

/// Whether a group of voters cannot work, and why. One that can has no excuse.
pub(super) fn excuse(voters: &[Stand]) -> Option<Excuse> {
    let quorum = voters.len() / 2 + 1;
    let number = |wanted: Stand| voters.iter().filter(|stand| **stand == wanted).count();
    let well = number(Stand::Well);
    if well >= quorum {
        return None;
    }
    let would_do = |stand: Stand| well + number(stand) >= quorum;
    Some(if would_do(Stand::Full) {
        Excuse::DisksFull
    } else if would_do(Stand::Corrupt) {
        Excuse::DisksCorrupt
    } else if would_do(Stand::Wiped) {
        Excuse::DisksWiped
    } else {
        Excuse::QuorumLost
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stands(well: usize, of: usize, others: Stand) -> Vec<Stand> {
        let all = (0..of).map(|nth| if nth < well { Stand::Well } else { others });
        all.collect()
    }

    #[test]
    fn a_cluster_without_a_quorum_is_excused_by_what_it_lacks_and_a_bare_quorum_is_not() {
        for (others, wanted) in [
            (Stand::Gone, Excuse::QuorumLost),
            (Stand::Full, Excuse::DisksFull),
            (Stand::Corrupt, Excuse::DisksCorrupt),
            (Stand::Wiped, Excuse::DisksWiped),
        ] {
            for size in 3..=9 {
                let quorum = size / 2 + 1;
                assert_eq!(excuse(&stands(quorum - 1, size, others)), Some(wanted));
                assert_eq!(excuse(&stands(quorum, size, others)), None);
                assert_eq!(excuse(&stands(size, size, others)), None);
            }
        }
    }
}
