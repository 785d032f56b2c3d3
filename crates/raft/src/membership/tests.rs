use proptest::prelude::*;

use super::*;

fn ids(ids: &[u64]) -> Vec<PeerId> {
    ids.iter().copied().map(PeerId::new).collect()
}

fn of(voters: &[u64]) -> Membership {
    Membership::new(ConfState::of_voters(ids(voters))).expect("a membership")
}

fn change(transition: Transition, changes: &[SingleChange]) -> ConfChange {
    ConfChange {
        transition,
        changes: changes.to_vec(),
        ..ConfChange::default()
    }
}

fn add(peer: u64) -> SingleChange {
    SingleChange::AddVoter(PeerId::new(peer))
}

fn learn(peer: u64) -> SingleChange {
    SingleChange::AddLearner(PeerId::new(peer))
}

fn drop_peer(peer: u64) -> SingleChange {
    SingleChange::Remove(PeerId::new(peer))
}

#[test]
fn one_change_is_made_in_one_step() {
    let next = of(&[1, 2, 3])
        .after(&ConfChange::single(add(4)))
        .expect("simple");
    assert_eq!(next.state(), &ConfState::of_voters(ids(&[1, 2, 3, 4])));
    let next = next
        .after(&ConfChange::single(drop_peer(1)))
        .expect("simple");
    assert_eq!(next.state(), &ConfState::of_voters(ids(&[2, 3, 4])));
}

#[test]
fn several_changes_at_once_go_through_a_joint_phase_that_ends_by_itself() {
    let changes = change(Transition::Auto, &[add(4), drop_peer(1)]);
    let joint = of(&[1, 2, 3]).after(&changes).expect("joint");
    assert_eq!(joint.state().voters, ids(&[2, 3, 4]));
    assert_eq!(joint.state().outgoing, ids(&[1, 2, 3]));
    assert!(joint.state().auto_leave);
    let left = joint.after(&ConfChange::leave_joint()).expect("left");
    assert_eq!(left.state(), &ConfState::of_voters(ids(&[2, 3, 4])));
}

#[test]
fn an_explicit_joint_phase_lasts_until_somebody_ends_it() {
    let joint = of(&[1])
        .after(&change(Transition::JointExplicit, &[add(2)]))
        .expect("joint");
    assert!(joint.is_joint() && !joint.state().auto_leave);
    let refused = joint.after(&ConfChange::single(add(3)));
    assert_eq!(refused, Err(ConfChangeError::StillJoint));
}

#[test]
fn a_voter_that_is_demoted_in_a_joint_phase_keeps_its_old_vote_until_the_end() {
    let demoted = change(Transition::Auto, &[learn(1), add(4)]);
    let joint = of(&[1, 2, 3]).after(&demoted).expect("joint");
    let one = PeerId::new(1);
    assert_eq!(joint.state().learners_next, [one]);
    assert!(joint.state().learners.is_empty());
    assert_eq!(
        joint.counts(one),
        Counts {
            incoming: false,
            outgoing: true
        }
    );
    let left = joint.after(&ConfChange::leave_joint()).expect("left");
    assert_eq!(left.state().learners, [one]);
    assert!(!left.is_voter(one) && left.contains(one));
}

#[test]
fn a_learner_is_promoted_and_a_voter_demoted_in_one_step_each() {
    let learner = of(&[1, 2])
        .after(&ConfChange::single(learn(3)))
        .expect("simple");
    assert_eq!(learner.voters(), ids(&[1, 2]));
    assert_eq!(learner.members(), ids(&[1, 2, 3]));
    let voter = learner.after(&ConfChange::single(add(3))).expect("simple");
    assert_eq!(voter.state(), &ConfState::of_voters(ids(&[1, 2, 3])));
    let back = voter.after(&ConfChange::single(learn(2))).expect("simple");
    assert_eq!(
        (back.voters(), back.state().learners.clone()),
        (ids(&[1, 3]), ids(&[2]))
    );
}

#[test]
fn a_change_of_what_already_is_or_of_nobody_changes_nothing() {
    let group = of(&[1, 2]);
    for same in [add(1), drop_peer(9), SingleChange::AddVoter(PeerId::ZERO)] {
        assert_eq!(group.after(&ConfChange::single(same)).as_ref(), Ok(&group));
    }
}

#[test]
fn the_last_voter_may_be_removed_in_one_step_but_a_joint_phase_needs_voters() {
    let nobody = of(&[1])
        .after(&ConfChange::single(drop_peer(1)))
        .expect("simple");
    assert!(nobody.members().is_empty());
    let joint = change(Transition::JointImplicit, &[drop_peer(1)]);
    assert_eq!(of(&[1]).after(&joint), Err(ConfChangeError::NoVoters));
}

#[test]
fn only_a_joint_phase_can_be_left() {
    let refused = of(&[1, 2]).after(&ConfChange::leave_joint());
    assert_eq!(refused, Err(ConfChangeError::NotJoint));
}

#[test]
fn a_membership_that_contradicts_itself_is_refused() {
    let learner_votes = ConfState {
        learners: ids(&[1]),
        ..ConfState::of_voters(ids(&[1, 2]))
    };
    let refused = Membership::new(learner_votes);
    assert_eq!(
        refused,
        Err(ConfigError::VotingLearner {
            peer: PeerId::new(1)
        })
    );
    let leaves_nothing = ConfState {
        auto_leave: true,
        ..ConfState::of_voters(ids(&[1, 2]))
    };
    assert_eq!(
        Membership::new(leaves_nothing),
        Err(ConfigError::AutoLeaveWithoutJoint)
    );
    let zero = Membership::new(ConfState::of_voters(ids(&[0, 1])));
    assert_eq!(zero, Err(ConfigError::ZeroPeer));
}

fn single_change() -> impl Strategy<Value = SingleChange> {
    (1_u64..7, 0..3).prop_map(|(peer, kind)| match kind {
        0 => add(peer),
        1 => learn(peer),
        _ => drop_peer(peer),
    })
}

/// Whether every majority of one list of voters meets every majority of the other.
fn majorities_meet(one: &[PeerId], other: &[PeerId]) -> bool {
    let both = one.iter().filter(|peer| other.contains(peer)).count();
    let need = |voters: &[PeerId]| crate::quorum::majority(voters.len());
    // The smallest overlap: each majority takes as few of the common peers as it can.
    let least = |voters: &[PeerId]| need(voters).saturating_sub(voters.len() - both);
    least(one) + least(other) > both
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(50_000))]

    #[test]
    fn one_step_and_joint_changes_arrive_at_the_same_membership(
        start in prop::collection::btree_set(1_u64..7, 1..6),
        changes in prop::collection::vec(single_change(), 1..6),
    ) {
        let start = of(&start.into_iter().collect::<Vec<_>>());
        let mut one_by_one = start.clone();
        for &single in &changes {
            one_by_one = one_by_one.after(&ConfChange::single(single)).expect("simple");
        }
        let at_once = change(Transition::JointExplicit, &changes);
        match start.after(&at_once) {
            Ok(joint) => {
                let left = joint.after(&ConfChange::leave_joint()).expect("joint");
                prop_assert_eq!(left, one_by_one);
            }
            Err(error) => {
                prop_assert_eq!(error, ConfChangeError::NoVoters);
                prop_assert!(one_by_one.voters().is_empty());
            }
        }
    }

    #[test]
    fn every_majority_before_a_change_meets_every_majority_after_it(
        start in prop::collection::btree_set(1_u64..7, 1..6),
        changes in prop::collection::vec(single_change(), 1..5),
    ) {
        let before = of(&start.into_iter().collect::<Vec<_>>());
        let Ok(after) = before.after(&change(Transition::Auto, &changes)) else {
            return Ok(());
        };
        prop_assert!(Membership::new(after.state().clone()).is_ok(), "{:?}", after);
        if after.is_joint() {
            // Whoever decides in the joint phase has a majority of the old voters too.
            prop_assert_eq!(&after.state().outgoing, &before.state().voters);
        } else if !after.voters().is_empty() {
            prop_assert!(majorities_meet(&before.state().voters, &after.state().voters));
        }
    }
}
