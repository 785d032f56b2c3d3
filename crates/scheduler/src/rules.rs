//! The decisions of the scheduler, each a small pure function.
//!
//! A scheduler calls them through a [`Rules`] table, so that a bug lab can run it with a broken
//! one. A rule sees small values and returns a verdict; it changes nothing and keeps nothing.
//! Names such as "X21" are the pitfalls that a rule guards against.

use std::fmt;

use types::store::RegionEpoch;

/// The table of rules that a scheduler decides by. [`CORRECT`] is the one to use.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// See [`check_heartbeat`].
    pub check_heartbeat: fn(&HeartbeatCheck<'_>) -> HeartbeatVerdict,
    /// See [`is_worth_moving`].
    pub is_worth_moving: fn(&MoveCheck) -> MoveVerdict,
    /// See [`is_worth_leading`].
    pub is_worth_leading: fn(u64, u64) -> bool,
    /// See [`is_overtaken`].
    pub is_overtaken: fn(&ChangeCheck) -> bool,
    /// See [`may_hand_out`].
    pub may_hand_out: fn(u64, u64, u64) -> bool,
}

/// Every rule as it should be.
pub static CORRECT: Rules = Rules {
    check_heartbeat,
    is_worth_moving,
    is_worth_leading,
    is_overtaken,
    may_hand_out,
};

/// What [`check_heartbeat`] sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeartbeatCheck<'a> {
    /// The epoch that is reported.
    pub epoch: RegionEpoch,
    /// The epoch of the region of that id, where one is known.
    pub known: Option<RegionEpoch>,
    /// The epochs of all other regions that the reported range overlaps.
    pub overlapped: &'a [RegionEpoch],
}

/// What [`check_heartbeat`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeartbeatVerdict {
    /// It is taken in.
    Fresh,
    /// It tells of the past.
    Stale {
        /// The epoch of a region that is known to have come later.
        newer: RegionEpoch,
    },
}

/// Whether a region's heartbeat is taken in (TinyKV 3C; X21: else a leader that was cut off rolls
/// the map back). A region that is known must not fall back in either half of its epoch. One that
/// is not known must not be older, in either half, than any region that it would displace. A known
/// region that would displace others must have been cut or joined no earlier than they.
#[must_use]
pub fn check_heartbeat(check: &HeartbeatCheck<'_>) -> HeartbeatVerdict {
    let is_older = |than: RegionEpoch| {
        check.epoch.version < than.version || check.epoch.conf_ver < than.conf_ver
    };
    let newer = match check.known {
        Some(known) if is_older(known) => Some(known),
        Some(_) => {
            let mut overlapped = check.overlapped.iter().copied();
            overlapped.find(|other| check.epoch.version < other.version)
        }
        None => check.overlapped.iter().copied().find(|it| is_older(*it)),
    };
    newer.map_or(HeartbeatVerdict::Fresh, |newer| HeartbeatVerdict::Stale {
        newer,
    })
}

/// What [`is_worth_moving`] sees. Sizes are in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MoveCheck {
    /// What the store holds that would lose the replica.
    pub source: u64,
    /// What the store holds that would get it.
    pub target: u64,
    /// What would move.
    pub region: u64,
}

/// What [`is_worth_moving`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoveVerdict {
    /// It evens the stores out.
    Worth,
    /// The stores differ too little: the move could be followed by the one back.
    TooClose {
        /// How much they differ; zero when the target holds more.
        difference: u64,
    },
}

/// Whether a replica moves from a fuller store to an emptier one: when they differ by more than
/// twice its size, so that the source holds more even afterwards (TinyKV 3C; X22: else the replica
/// wanders back and forth).
#[must_use]
pub fn is_worth_moving(check: &MoveCheck) -> MoveVerdict {
    let difference = check.source.saturating_sub(check.target);
    if difference > check.region.saturating_mul(2) {
        MoveVerdict::Worth
    } else {
        MoveVerdict::TooClose { difference }
    }
}

/// By how many leaders two stores must differ before one is moved.
pub const LEADER_MARGIN: u64 = 10;

/// Whether a leadership moves from a store with so many leaders to another: from
/// [`LEADER_MARGIN`] more on (TinyKV's balance-leader: twice a tolerance of five).
#[must_use]
pub fn is_worth_leading(source: u64, target: u64) -> bool {
    source.saturating_sub(target) >= LEADER_MARGIN
}

/// What [`is_overtaken`] sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangeCheck {
    /// The region's `conf_ver` when the operator was made.
    pub made_at: u64,
    /// Its `conf_ver` now.
    pub now: u64,
    /// How many changes of membership the operator's own steps explain.
    pub own: u64,
}

/// Whether somebody else has changed the membership under an operator, so that it is called off:
/// its steps were made for another one (TinyKV: `OperatorController.Dispatch`).
#[must_use]
pub fn is_overtaken(check: &ChangeCheck) -> bool {
    check.now.saturating_sub(check.made_at) > check.own
}

/// Whether `count` ids from `next` on may be named, given the first id that is not durably
/// reserved: an id that a crash makes the scheduler forget would be named twice.
#[must_use]
pub fn may_hand_out(next: u64, count: u64, reserved_to: u64) -> bool {
    next.checked_add(count)
        .is_some_and(|end| end <= reserved_to)
}

/// Finds tables of the scheduler's rules by their names. A host hands it over; the default knows
/// no name, so that a scheduler decides by the correct rules and nothing else.
#[derive(Clone, Copy)]
pub struct RuleBook(fn(&str) -> Option<&'static Rules>);

impl RuleBook {
    /// A book that looks names up with `find`.
    #[must_use]
    pub const fn new(find: fn(&str) -> Option<&'static Rules>) -> Self {
        Self(find)
    }

    /// Whether there are rules of this name.
    #[must_use]
    pub fn knows(&self, name: &str) -> bool {
        (self.0)(name).is_some()
    }

    /// The rules of this name; the correct ones have none.
    pub(crate) fn rules(&self, name: Option<&str>) -> Option<&'static Rules> {
        name.map_or(Some(&CORRECT), self.0)
    }
}

impl Default for RuleBook {
    fn default() -> Self {
        Self(|_| None)
    }
}

impl fmt::Debug for RuleBook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RuleBook")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn epoch(conf_ver: u64, version: u64) -> RegionEpoch {
        RegionEpoch { conf_ver, version }
    }

    fn is_fresh(at: RegionEpoch, known: Option<RegionEpoch>, overlapped: &[RegionEpoch]) -> bool {
        let check = HeartbeatCheck {
            epoch: at,
            known,
            overlapped,
        };
        check_heartbeat(&check) == HeartbeatVerdict::Fresh
    }

    #[test]
    fn a_known_region_must_not_fall_back_in_either_half_of_its_epoch() {
        let known = Some(epoch(2, 2));
        assert!(is_fresh(epoch(2, 2), known, &[]));
        assert!(is_fresh(epoch(3, 2), known, &[]) && is_fresh(epoch(2, 3), known, &[]));
        assert!(!is_fresh(epoch(9, 1), known, &[]) && !is_fresh(epoch(1, 9), known, &[]));
    }

    #[test]
    fn an_unknown_region_must_not_be_older_than_any_that_it_overlaps() {
        let overlapped = [epoch(1, 1), epoch(2, 3), epoch(1, 2)];
        assert!(is_fresh(epoch(2, 3), None, &overlapped));
        assert!(!is_fresh(epoch(2, 2), None, &overlapped));
        assert!(!is_fresh(epoch(1, 3), None, &overlapped));
        assert!(is_fresh(epoch(0, 0), None, &[]));
    }

    #[test]
    fn a_known_region_displaces_only_what_was_not_cut_later() {
        let known = Some(epoch(1, 1));
        assert!(is_fresh(epoch(1, 3), known, &[epoch(9, 3)]));
        assert!(!is_fresh(epoch(1, 2), known, &[epoch(1, 3)]));
    }

    #[test]
    fn a_move_leaves_the_source_with_more() {
        let worth = |source, target, region| {
            let check = MoveCheck {
                source,
                target,
                region,
            };
            is_worth_moving(&check) == MoveVerdict::Worth
        };
        assert!(worth(121, 100, 10) && !worth(120, 100, 10));
        assert!(!worth(100, 300, 0) && !worth(u64::MAX, 0, u64::MAX));
    }

    #[test]
    fn a_lead_moves_from_ten_more_on() {
        assert!(is_worth_leading(12, 2) && !is_worth_leading(11, 2));
        assert!(!is_worth_leading(2, 40));
    }

    #[test]
    fn ids_are_named_only_below_what_is_durably_reserved() {
        assert!(may_hand_out(7, 3, 10) && !may_hand_out(7, 4, 10));
        assert!(!may_hand_out(u64::MAX, 1, u64::MAX));
    }
}
