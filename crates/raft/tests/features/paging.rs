//! Committed entries come in pages, and are applied when the host has time.

use bytes::Bytes;
use raft::{Config, Limits, ProposeError, RawNode, Ready, Restored};
use types::raft::{Entry, MessageKind, ReadId, Role};

use crate::harness::{
    Network, append, config, drain, hard_state, index, lone, position, read, remove, restored_with,
    settle_in, start, step, take,
};

fn paged(committed_bytes: usize) -> Config {
    Config {
        limits: Limits {
            committed_bytes,
            ..Limits::default()
        },
        ..config(1, 1)
    }
}

fn entries_of(sizes: &[usize]) -> Vec<Entry> {
    let of = |(entry, &size): (Entry, &usize)| Entry {
        data: Bytes::from(vec![0; size]),
        ..entry
    };
    let terms = vec![1; sizes.len()];
    let entries = crate::harness::entries(&terms).into_iter();
    entries.zip(sizes).map(of).collect()
}

/// A peer with committed entries of these sizes, of which it has applied none.
fn with_committed(sizes: &[usize], committed_bytes: usize) -> RawNode {
    let count = sizes.len() as u64;
    let restored = Restored {
        entries: entries_of(sizes),
        ..restored_with(hard_state(1, 0, count), &[])
    };
    start(paged(committed_bytes), restored)
}

fn pages(node: &mut RawNode) -> Vec<Vec<u64>> {
    let mut pages = Vec::new();
    while let Some(ready) = node.ready() {
        pages.push(indexes(&ready));
    }
    pages
}

fn indexes(ready: &Ready) -> Vec<u64> {
    let committed = ready.committed.iter();
    committed.map(|entry| entry.index.get()).collect()
}

#[test]
fn committed_entries_come_in_pages_of_bounded_size_each_once_and_in_order() {
    let mut node = with_committed(&[4, 4, 4, 1, 1], 9);
    assert_eq!(pages(&mut node), [vec![1, 2], vec![3, 4, 5]]);
    assert!(!node.has_ready());
}

#[test]
fn an_entry_that_is_larger_than_a_page_has_one_for_itself() {
    let mut node = with_committed(&[1, 100, 1], 9);
    assert_eq!(pages(&mut node), [[1], [2], [3]]);
}

#[test]
fn the_next_page_does_not_wait_until_the_last_is_applied() {
    let mut node = with_committed(&[9, 9, 9], 9);
    assert_eq!(pages(&mut node).len(), 3);
    assert_eq!(node.applied_index(), index(0));
    node.applied(index(2));
    node.applied(index(3));
    node.applied(index(1));
    assert_eq!(node.applied_index(), index(3), "it never falls");
}

#[test]
fn a_restarted_peer_applies_from_behind_what_it_applied() {
    let mut restored = restored_with(hard_state(1, 0, 4), &[1, 1, 1, 1]);
    restored.applied = index(2);
    let mut node = lone(1, 1, restored);
    assert_eq!(pages(&mut node), [[3, 4]]);
}

#[test]
fn whoever_reads_slowly_loses_nothing() {
    let mut network = Network::with(3, |config| Config {
        limits: Limits {
            committed_bytes: 10,
            append_entries: 3,
            ..Limits::default()
        },
        ..config
    });
    network.campaign(1);
    network.isolate(3);
    for _ in 0..50 {
        network.propose(1, "nine byte");
    }
    network.heal();
    network.beat(1);
    assert_eq!(network.applied(3), vec!["nine byte"; 50]);
}

mod async_apply {
    use super::*;

    #[test]
    fn the_log_goes_on_while_the_state_machine_is_behind() {
        let mut network = Network::new(3);
        network.campaign(1);
        for id in 1..=3 {
            network.member(id).is_lazy = true;
        }
        for _ in 0..5 {
            network.propose(1, "some data");
        }
        assert_eq!(network.commits(), [6; 3]);
        assert_eq!(network.node(1).applied_index(), index(1));
        network.apply(1);
        assert_eq!(network.node(1).applied_index(), index(6));
        assert_eq!(network.applied(1).len(), 5);
    }

    #[test]
    fn several_readys_may_be_applied_together() {
        let mut node = lone(1, 1, Restored::default());
        settle_in(&mut node, &[]);
        for _ in 0..3 {
            node.propose("some data".into()).expect("a leader");
            while let Some(ready) = node.ready() {
                node.persisted(ready.number);
            }
        }
        assert_eq!(node.applied_index(), index(1));
        node.applied(index(4));
        assert_eq!(node.applied_index(), index(4));
    }

    #[test]
    fn nothing_is_applied_that_the_own_disk_does_not_hold() {
        let mut node = lone(2, 3, Restored::default());
        let entries = crate::harness::entries(&[1, 1]);
        step(&mut node, 1, 1, append(position(0, 0), entries.clone(), 2));
        let ready = node.ready().expect("entries");
        assert_eq!(node.commit(), index(2));
        assert_eq!(ready.committed, []);
        node.persisted(ready.number);
        let ready = node.ready().expect("entries to apply");
        assert_eq!(ready.committed, entries);
    }

    #[test]
    fn entries_are_handed_out_while_later_ones_are_on_their_way_to_the_disk() {
        let mut node = lone(2, 3, Restored::default());
        let entries = crate::harness::entries(&[1, 1]);
        let (first, second) = (entries[..1].to_vec(), entries[1..].to_vec());
        step(&mut node, 1, 1, append(position(0, 0), first.clone(), 2));
        let written = node.ready().expect("entries");
        step(&mut node, 1, 1, append(position(1, 1), second, 2));
        node.ready().expect("entries");
        node.persisted(written.number);
        let ready = node.ready().expect("entries to apply");
        assert_eq!(ready.committed, first);
    }

    #[test]
    fn the_next_change_waits_for_the_state_machine() {
        let mut network = Network::new(3);
        network.campaign(1);
        network.member(1).is_lazy = true;
        network.change(1, &remove(3));
        let refused = network.node_mut(1).propose_conf_change(&remove(2));
        let index = index(2);
        assert_eq!(refused, Err(ProposeError::ChangePending { index }));
        network.apply(1);
        let node = network.node_mut(1);
        assert!(node.propose_conf_change(&remove(2)).is_ok());
    }

    #[test]
    fn a_log_that_is_not_applied_is_not_compacted() {
        let mut network = Network::new(3);
        network.campaign(1);
        network.member(1).is_lazy = true;
        network.propose(1, "some data");
        assert!(network.node_mut(1).compact(index(2)).is_err());
        network.apply(1);
        assert!(network.node_mut(1).compact(index(2)).is_ok());
    }

    #[test]
    fn a_read_may_be_confirmed_before_its_index_is_applied() {
        let mut network = Network::new(3);
        network.campaign(1);
        network.member(1).is_lazy = true;
        network.propose(1, "some data");
        network.read(1, 7);
        assert_eq!(network.member(1).reads, [read(7, 2)]);
        assert_eq!(network.node(1).applied_index(), index(1));
    }

    #[test]
    fn a_peer_whose_state_machine_is_behind_may_lead() {
        let mut network = Network::new(3);
        network.campaign(1);
        network.member(2).is_lazy = true;
        network.propose(1, "some data");
        network.campaign(2);
        assert_eq!(network.node(2).role(), Role::Leader);
        network.node_mut(2).read_index(ReadId(1)).expect("a leader");
        network.settle();
        assert_eq!(network.member(2).reads, [read(1, 3)]);
        network.apply(2);
        assert_eq!(network.applied(2), ["some data"]);
        assert_eq!(network.count_sent(MessageKind::Snapshot), 0);
    }

    #[test]
    #[should_panic(expected = "cannot be applied")]
    fn what_was_not_given_out_cannot_be_applied() {
        let mut node = lone(1, 1, Restored::default());
        node.applied(index(1));
    }

    #[test]
    fn a_ready_without_anything_durable_in_it_need_not_be_written() {
        let mut node = with_committed(&[1], 9);
        let ready = node.ready().expect("an entry to apply");
        assert!(!ready.must_persist());
        assert_eq!(take(&mut node).committed, []);
        assert_eq!(drain(&mut node), []);
    }
}
