//! Counting majorities. Written apart from the core's own arithmetic on purpose: a checker that
//! borrowed it would agree with its mistakes.

use types::id::PeerId;
use types::raft::ConfState;

/// Whether those for whom `has` holds are a majority of each half of `membership`. Learners do not
/// count, and a membership without voters decides nothing.
pub(crate) fn decides(membership: &ConfState, has: impl Fn(PeerId) -> bool) -> bool {
    let majority =
        |half: &[PeerId]| 2 * half.iter().filter(|&&peer| has(peer)).count() > half.len();
    majority(&membership.voters)
        && (membership.outgoing.is_empty() || majority(&membership.outgoing))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peers(ids: &[u64]) -> Vec<PeerId> {
        ids.iter().copied().map(PeerId::new).collect()
    }

    fn decided(voters: &[u64], outgoing: &[u64], learners: &[u64], has: &[u64]) -> bool {
        let membership = ConfState {
            voters: peers(voters),
            outgoing: peers(outgoing),
            learners: peers(learners),
            ..ConfState::default()
        };
        let has = peers(has);
        decides(&membership, |peer| has.contains(&peer))
    }

    #[test]
    fn more_than_half_of_each_half_decides() {
        assert!(decided(&[1, 2, 3], &[], &[], &[1, 3]));
        assert!(!decided(&[1, 2, 3], &[], &[], &[1]));
        assert!(!decided(&[1, 2, 3, 4], &[], &[], &[1, 2]));
        assert!(!decided(&[1, 2, 3], &[3, 4, 5], &[], &[1, 2]));
        assert!(decided(&[1, 2, 3], &[3, 4, 5], &[], &[1, 3, 4]));
    }

    #[test]
    fn a_learner_is_never_counted_and_nobody_is_no_majority() {
        assert!(!decided(&[1, 2, 3], &[], &[4], &[1, 4]));
        assert!(!decided(&[], &[], &[], &[]));
        assert!(!decided(&[], &[], &[1], &[1]));
    }
}
