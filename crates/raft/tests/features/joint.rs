//! Membership changes, in one step and through a joint phase (paper, section 6; thesis, chapter
//! 4; in force once applied, as in etcd and TinyKV).

use raft::progress::Progress;
use raft::{ConfChangeError, Config, ProposeError, RawNode, Restored};
use types::raft::{
    ConfChange, ConfState, EntryKind, MessageBody, Preset, Role, SingleChange, Transition,
};

use crate::harness::{
    Network, acknowledge, add, add_learner, change, config, config_as, drain, elect, index, lone,
    matched, message, peer, peers, position, remove, settle_in, start, step, take, term, vote,
};

mod removal;

use SingleChange::{AddLearner, AddVoter, Remove};

/// 1, 2 and 3 become 1, 4 and 5.
fn swap(transition: Transition) -> ConfChange {
    change(
        transition,
        &[
            AddVoter(peer(4)),
            AddVoter(peer(5)),
            Remove(peer(2)),
            Remove(peer(3)),
        ],
    )
}

fn joint(voters: &[u64], outgoing: &[u64]) -> ConfState {
    ConfState {
        voters: peers(voters),
        outgoing: peers(outgoing),
        ..ConfState::default()
    }
}

fn restored_in(conf_state: ConfState) -> Restored {
    Restored {
        conf_state: Some(conf_state),
        ..Restored::default()
    }
}

/// Leader 1 of {1, 2, 3}, with 4 and 5 ready to join.
fn five_with_three_members() -> Network {
    let mut network = Network::new(3);
    network.add_blank(4);
    network.add_blank(5);
    network.campaign(1);
    network
}

fn propose(node: &mut RawNode, change: &ConfChange) -> Result<(), ProposeError> {
    node.propose_conf_change(change).map(|_| ())
}

mod one_step {
    use super::*;

    #[test]
    fn a_change_takes_effect_when_it_is_applied_not_when_it_is_appended() {
        let mut node = lone(1, 3, Restored::default());
        settle_in(&mut node, &[2, 3]);
        propose(&mut node, &add(4)).expect("a leader");
        drain(&mut node);
        acknowledge(&mut node, &[2, 3]);
        assert_eq!(node.commit(), index(2));
        assert_eq!(node.voters(), peers(&[1, 2, 3]));
        let committed = take(&mut node).committed;
        assert_eq!(committed[0].kind, EntryKind::ConfChange);
        assert_eq!(node.voters(), peers(&[1, 2, 3, 4]));
    }

    #[test]
    fn a_change_commits_by_the_membership_that_it_leaves() {
        let mut node = lone(1, 1, Restored::default());
        settle_in(&mut node, &[]);
        propose(&mut node, &add(2)).expect("a leader");
        drain(&mut node);
        assert_eq!(node.voters(), peers(&[1, 2]));
        node.propose("needs both".into()).expect("a leader");
        drain(&mut node);
        assert_eq!(node.commit(), index(2));
        step(&mut node, 2, 1, matched(3));
        assert_eq!(node.commit(), index(3));
    }

    #[test]
    fn a_blank_peer_joins_and_is_brought_up() {
        let mut network = five_with_three_members();
        network.propose(1, "before it joined");
        network.change(1, &add(4));
        assert_eq!(network.node(4).voters(), peers(&[1, 2, 3, 4]));
        assert_eq!(network.applied(4), ["before it joined"]);
        network.isolate(2);
        network.propose(1, "with its vote");
        assert_eq!(network.applied(4), ["before it joined", "with its vote"]);
    }

    #[test]
    fn at_most_one_change_is_on_its_way() {
        let mut node = lone(1, 3, Restored::default());
        settle_in(&mut node, &[2, 3]);
        propose(&mut node, &add(4)).expect("a leader");
        let pending = Err(ProposeError::ChangePending { index: index(2) });
        assert_eq!(propose(&mut node, &add(5)), pending);
        drain(&mut node);
        assert_eq!(propose(&mut node, &add(5)), pending, "not committed");
        acknowledge(&mut node, &[2, 3]);
        let ready = node.ready().expect("the change");
        node.persisted(ready.number);
        assert_eq!(propose(&mut node, &add(5)), pending, "not applied");
        node.apply_conf_change(&add(4)).expect("it can follow");
        assert_eq!(propose(&mut node, &add(5)), pending, "not said to be");
        node.applied(index(2));
        propose(&mut node, &add(5)).expect("nothing is pending");
    }

    #[test]
    fn a_new_leader_waits_for_what_its_log_may_hold() {
        let mut node = lone(1, 3, crate::harness::restored(&[1, 1]));
        elect(&mut node, &[2]);
        drain(&mut node);
        // Entries 1 and 2 may be changes; the no-op at 3 is none.
        let pending = Err(ProposeError::ChangePending { index: index(2) });
        assert_eq!(propose(&mut node, &add(4)), pending);
        acknowledge(&mut node, &[2]);
        drain(&mut node);
        propose(&mut node, &add(4)).expect("all is applied");
    }

    #[test]
    fn a_change_that_the_host_calls_off_has_no_effect_and_the_next_may_follow() {
        let mut node = lone(1, 1, Restored::default());
        settle_in(&mut node, &[]);
        propose(&mut node, &add(2)).expect("a leader");
        let ready = node.ready().expect("an entry to write");
        node.persisted(ready.number);
        let ready = node.ready().expect("an entry to apply");
        assert_eq!(ready.committed.len(), 1);
        node.applied(index(2));
        assert_eq!(node.voters(), peers(&[1]));
        propose(&mut node, &add(3)).expect("nothing is pending");
    }

    #[test]
    fn peer_zero_changes_nobody() {
        let mut node = lone(1, 3, Restored::default());
        for step in [add(0), add_learner(0), remove(0)] {
            let after = node.apply_conf_change(&step).expect("it can follow");
            assert_eq!(after, ConfState::of_voters(peers(&[1, 2, 3])));
        }
    }

    #[test]
    fn a_removed_followers_missing_acknowledgement_holds_nothing_up() {
        let mut network = Network::new(2);
        network.campaign(1);
        // The change itself still needs 2, what comes after does not.
        network.change(1, &remove(2));
        network.isolate(2);
        network.propose(1, "alone");
        assert_eq!(network.node(1).commit(), index(3));
    }

    #[test]
    fn only_a_leader_takes_a_change() {
        let mut node = lone(1, 3, Restored::default());
        let refused = propose(&mut node, &add(4));
        assert_eq!(refused, Err(ProposeError::NotLeader { leader: None }));
    }

    #[test]
    fn a_leader_that_hands_over_takes_no_change() {
        let mut network = Network::new(3);
        network.campaign(1);
        network.isolate(2);
        network.transfer(1, 2);
        let refused = propose(network.node_mut(1), &add(4));
        assert_eq!(refused, Err(ProposeError::Transferring { to: peer(2) }));
    }

    #[test]
    fn a_follower_that_joins_again_is_probed_from_the_start() {
        let mut network = Network::new(3);
        network.campaign(1);
        network.propose(1, "some data");
        network.change(1, &remove(3));
        network.change(1, &add(3));
        network.beat(1);
        assert_eq!(network.commits(), [4; 3]);
    }
}

mod phases {
    use super::*;

    #[test]
    fn an_explicit_joint_phase_lasts_until_it_is_left() {
        let mut network = five_with_three_members();
        network.change(1, &swap(Transition::JointExplicit));
        for id in 1..=5 {
            let expected = joint(&[1, 4, 5], &[1, 2, 3]);
            assert_eq!(*network.node(id).conf_state(), expected, "peer {id}");
        }
        for _ in 0..5 {
            network.beat(1);
        }
        assert!(network.node(1).conf_state().is_joint());
        network.change(1, &ConfChange::leave_joint());
        let left = ConfState::of_voters(peers(&[1, 4, 5]));
        assert_eq!(*network.node(1).conf_state(), left);
        assert_eq!(*network.node(5).conf_state(), left);
    }

    #[test]
    fn an_implicit_joint_phase_is_left_by_the_leader_itself() {
        for transition in [Transition::JointImplicit, Transition::Auto] {
            let mut network = five_with_three_members();
            network.change(1, &swap(transition));
            let left = ConfState::of_voters(peers(&[1, 4, 5]));
            for id in [1, 4, 5] {
                assert_eq!(*network.node(id).conf_state(), left, "peer {id}");
            }
            // The no-op, the change, and the one that leaves.
            assert_eq!(network.node(1).commit(), index(3));
        }
    }

    #[test]
    fn a_single_step_goes_through_a_joint_phase_only_when_asked_to() {
        for (transition, is_joint) in [
            (Transition::Auto, false),
            (Transition::JointImplicit, true),
            (Transition::JointExplicit, true),
        ] {
            let mut node = lone(1, 3, Restored::default());
            let change = change(transition, &[AddVoter(peer(4))]);
            let after = node.apply_conf_change(&change).expect("it can follow");
            assert_eq!(after.is_joint(), is_joint, "{transition:?}");
            let auto_leave = transition == Transition::JointImplicit;
            assert_eq!(after.auto_leave, auto_leave, "{transition:?}");
        }
    }

    #[test]
    fn a_commit_needs_both_halves() {
        for (acknowledging, is_committed) in [
            (&[2, 3][..], false),
            (&[4, 5], false),
            (&[2, 4], true),
            (&[3, 5], true),
        ] {
            let mut node = lone(1, 1, restored_in(joint(&[1, 4, 5], &[1, 2, 3])));
            settle_in(&mut node, &[2, 3, 4, 5]);
            node.propose("some data".into()).expect("a leader");
            drain(&mut node);
            acknowledge(&mut node, acknowledging);
            assert_eq!(node.commit() == index(2), is_committed, "{acknowledging:?}");
            assert_eq!(node.why(index(2)).is_reached(), is_committed);
        }
    }

    #[test]
    fn an_election_needs_both_halves() {
        for (granting, role) in [
            (&[2, 3][..], Role::Candidate),
            (&[4, 5], Role::Candidate),
            (&[2, 5], Role::Leader),
        ] {
            let mut node = lone(1, 1, restored_in(joint(&[1, 4, 5], &[1, 2, 3])));
            node.campaign();
            let asked: Vec<_> = drain(&mut node).into_iter().map(|m| m.to).collect();
            assert_eq!(asked, peers(&[2, 3, 4, 5]));
            for &voter in granting {
                step(&mut node, voter, 1, vote(true));
            }
            assert_eq!(node.role(), role, "{granting:?}");
        }
    }

    #[test]
    fn an_election_is_lost_when_one_half_refuses() {
        let mut node = lone(1, 1, restored_in(joint(&[1, 4, 5], &[1, 2, 3])));
        node.campaign();
        drain(&mut node);
        for (voter, granted) in [(4, true), (5, true), (2, false), (3, false)] {
            step(&mut node, voter, 1, vote(granted));
        }
        assert_eq!((node.role(), node.term()), (Role::Follower, term(1)));
    }

    #[test]
    fn a_leader_that_counts_in_one_half_only_counts_only_there() {
        let mut node = lone(1, 1, restored_in(joint(&[4, 5, 6], &[1, 2, 3])));
        settle_in(&mut node, &[2, 3, 4, 5, 6]);
        node.propose("some data".into()).expect("a leader");
        drain(&mut node);
        acknowledge(&mut node, &[2, 4]);
        assert_eq!(node.commit(), index(1), "4 alone of 4, 5 and 6");
        acknowledge(&mut node, &[6]);
        assert_eq!(node.commit(), index(2));
    }

    #[test]
    fn a_demoted_voter_counts_in_the_old_half_and_learns_afterwards() {
        let mut node = lone(1, 3, Restored::default());
        let demote = change(Transition::JointExplicit, &[AddLearner(peer(3))]);
        let after = node.apply_conf_change(&demote).expect("it can follow");
        let expected = ConfState {
            learners_next: peers(&[3]),
            ..joint(&[1, 2], &[1, 2, 3])
        };
        assert_eq!(after, expected);
        let left = node
            .apply_conf_change(&ConfChange::leave_joint())
            .expect("it is joint");
        let expected = ConfState {
            voters: peers(&[1, 2]),
            learners: peers(&[3]),
            ..ConfState::default()
        };
        assert_eq!(left, expected);
    }

    #[test]
    fn a_promotion_and_a_demotion_swap_two_peers_at_once() {
        let mut network = Network::new(3);
        network.add_blank(4);
        network.campaign(1);
        network.change(1, &add_learner(4));
        let swap = change(Transition::Auto, &[AddVoter(peer(4)), AddLearner(peer(3))]);
        network.change(1, &swap);
        let expected = ConfState {
            voters: peers(&[1, 2, 4]),
            learners: peers(&[3]),
            ..ConfState::default()
        };
        for id in 1..=4 {
            assert_eq!(*network.node(id).conf_state(), expected, "peer {id}");
        }
    }

    #[test]
    fn the_next_leader_leaves_a_joint_phase_that_leaves_by_itself() {
        let mut network = five_with_three_members();
        network.isolate(5);
        // The leader is gone before it leaves: its word that the change is committed is its last.
        let node = network.node_mut(1);
        propose(node, &swap(Transition::JointImplicit)).expect("a leader");
        network.member(1).is_lazy = true;
        network.settle();
        assert!(network.node(2).conf_state().is_joint());
        assert!(!network.node(1).conf_state().is_joint());
        network.silence(1);
        network.heal();
        for ready_to_vote in [2, 3, 4, 5] {
            network.node_mut(ready_to_vote).forget_leader();
        }
        network.campaign(2);
        assert_eq!(network.node(2).role(), Role::Leader);
        network.beat(2);
        for id in [4, 5] {
            let left = ConfState::of_voters(peers(&[1, 4, 5]));
            assert_eq!(*network.node(id).conf_state(), left, "peer {id}");
        }
    }

    #[test]
    fn no_change_but_the_leaving_one_follows_in_a_joint_phase() {
        let mut node = lone(1, 1, restored_in(joint(&[1, 4, 5], &[1, 2, 3])));
        settle_in(&mut node, &[2, 3, 4, 5]);
        let refused = propose(&mut node, &add(6));
        assert_eq!(
            refused,
            Err(ProposeError::BadChange(ConfChangeError::StillJoint))
        );
        propose(&mut node, &ConfChange::leave_joint()).expect("it is joint");
    }

    #[test]
    fn there_is_nothing_to_leave_outside_of_a_joint_phase() {
        let mut node = lone(1, 3, Restored::default());
        settle_in(&mut node, &[2, 3]);
        let refused = propose(&mut node, &ConfChange::leave_joint());
        assert_eq!(
            refused,
            Err(ProposeError::BadChange(ConfChangeError::NotJoint))
        );
        assert_eq!(node.log().last_index(), index(1), "nothing was appended");
    }

    #[test]
    fn a_change_that_leaves_no_voter_is_refused() {
        let mut node = lone(1, 2, Restored::default());
        settle_in(&mut node, &[2]);
        let nobody = change(Transition::Auto, &[Remove(peer(1)), Remove(peer(2))]);
        let refused = propose(&mut node, &nobody);
        assert_eq!(
            refused,
            Err(ProposeError::BadChange(ConfChangeError::NoVoters))
        );
    }

    #[test]
    fn a_peer_that_restarts_in_a_joint_phase_is_still_in_it() {
        let mut network = five_with_three_members();
        network.change(1, &swap(Transition::JointExplicit));
        for id in 1..=5 {
            network.crash(id);
            let expected = joint(&[1, 4, 5], &[1, 2, 3]);
            assert_eq!(*network.node(id).conf_state(), expected);
        }
        network.campaign(4);
        assert_eq!(network.node(4).role(), Role::Leader);
        network.change(4, &ConfChange::leave_joint());
        assert_eq!(network.node(5).voters(), peers(&[1, 4, 5]));
    }

    #[test]
    fn who_is_in_the_old_half_alone_is_dropped_when_the_phase_ends() {
        let mut network = five_with_three_members();
        network.change(1, &swap(Transition::JointExplicit));
        assert_eq!(network.node(1).progress().len(), 4);
        network.change(1, &ConfChange::leave_joint());
        let followers: Vec<_> = network.node(1).progress().map(Progress::id).collect();
        assert_eq!(followers, peers(&[4, 5]));
    }
}

mod campaigning {
    use super::*;

    /// Peer 2 with a change that is committed and that its host did not apply.
    fn with_an_unapplied_change() -> Network {
        let mut network = Network::new(3);
        network.campaign(1);
        network.member(2).is_lazy = true;
        network.change(1, &remove(3));
        assert_eq!(network.node(2).commit(), index(2));
        network
    }

    #[test]
    fn nobody_campaigns_with_a_committed_change_that_it_did_not_apply() {
        let mut network = with_an_unapplied_change();
        for _ in 0..5 {
            network.campaign(2);
            network.pass(2, 20);
            assert_eq!(network.node(2).role(), Role::Follower);
            assert_eq!(network.node(2).term(), term(1));
        }
        network.apply(2);
        network.campaign(2);
        assert_eq!(network.node(2).role(), Role::Leader);
    }

    #[test]
    fn not_even_when_its_leader_asks() {
        let mut network = with_an_unapplied_change();
        network.inject(1, 2, 1, MessageBody::TimeoutNow);
        assert_eq!(network.node(2).role(), Role::Follower);
        assert_eq!(network.node(1).role(), Role::Leader);
    }

    /// A peer of three whose log holds a change at 1, not known to be committed, and who asks.
    fn asking_with_a_change_in_its_log(pre_vote: bool) -> RawNode {
        let change = types::raft::Entry {
            kind: EntryKind::ConfChange,
            data: types::codec::encode(&remove(3)).into(),
            ..crate::harness::entry(1, 1)
        };
        let restored = Restored {
            entries: vec![change],
            ..crate::harness::restored_with(crate::harness::hard_state(1, 0, 0), &[])
        };
        let mut node = start(
            Config {
                pre_vote,
                ..config(1, 3)
            },
            restored,
        );
        node.campaign();
        drain(&mut node);
        node
    }

    #[test]
    fn who_learns_of_a_committed_change_while_it_asks_goes_no_further_before_it_is_applied() {
        let mut node = asking_with_a_change_in_its_log(true);
        assert_eq!(node.role(), Role::PreCandidate);
        let yes = MessageBody::PreVoteResponse {
            granted: true,
            commit: position(1, 1),
        };
        step(&mut node, 2, 2, yes);
        assert_eq!((node.role(), node.term()), (Role::Follower, term(1)));
        take(&mut node);
        assert_eq!(node.voters(), peers(&[1, 2]));
        node.campaign();
        assert_eq!(node.role(), Role::PreCandidate);
    }

    #[test]
    fn who_learns_of_a_committed_change_while_it_stands_wins_by_no_old_membership() {
        let mut node = asking_with_a_change_in_its_log(false);
        let refusal = MessageBody::RequestVoteResponse {
            granted: false,
            commit: position(1, 1),
        };
        step(&mut node, 3, 2, refusal);
        step(&mut node, 2, 2, vote(true));
        assert_ne!(node.role(), Role::Leader, "the change is not applied");
        take(&mut node);
        node.campaign();
        drain(&mut node);
        let of = node.term().get();
        step(&mut node, 2, of, vote(true));
        assert_eq!(node.role(), Role::Leader);
    }

    #[test]
    fn a_change_that_is_not_committed_keeps_nobody_from_campaigning() {
        let mut network = Network::new(3);
        network.campaign(1);
        network.isolate(3);
        network.ignore(types::raft::MessageKind::AppendResponse);
        network.change(1, &remove(3));
        assert_eq!(network.node(2).log().last_index(), index(2));
        network.heal();
        network.campaign(2);
        assert_eq!(network.node(2).role(), Role::Leader);
    }
}

mod why {
    use super::*;

    #[test]
    fn it_names_who_has_an_index_and_who_lacks_it() {
        let mut node = lone(1, 3, Restored::default());
        settle_in(&mut node, &[2, 3]);
        node.propose("some data".into()).expect("a leader");
        let before = node.why(index(2));
        assert_eq!(before.incoming.have, []);
        assert_eq!(before.incoming.lack, peers(&[1, 2, 3]));
        drain(&mut node);
        step(&mut node, 3, 1, matched(2));
        let after = node.why(index(2));
        assert_eq!(after.incoming.have, peers(&[1, 3]));
        assert_eq!(after.incoming.lack, peers(&[2]));
        assert_eq!(after.incoming.needed, 2);
        assert!(after.is_reached() && after.outgoing.is_none());
    }

    #[test]
    fn it_names_both_halves_of_a_joint_membership() {
        let mut node = lone(1, 1, restored_in(joint(&[1, 4, 5], &[1, 2, 3])));
        settle_in(&mut node, &[2, 3, 4, 5]);
        node.propose("some data".into()).expect("a leader");
        drain(&mut node);
        acknowledge(&mut node, &[2]);
        let why = node.why(index(2));
        assert_eq!(why.incoming.have, peers(&[1]));
        let outgoing = why.outgoing.clone().expect("a joint membership");
        assert_eq!(outgoing.have, peers(&[1, 2]));
        assert!(outgoing.is_reached() && !why.incoming.is_reached());
        assert!(!why.is_reached());
    }
}
