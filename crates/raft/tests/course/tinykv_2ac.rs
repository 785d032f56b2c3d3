//! Project 2AC: the door and its Readys.

use raft::Restored;

use crate::harness::{
    command, drain, entries, hard_state, index, lone, no_op, only_to_apply, restored_with,
};

#[test]
fn raw_node_start_gives_a_single_peers_proposal_out_to_be_written_and_then_to_be_applied() {
    let mut node = lone(1, 1, Restored::default());
    node.campaign();
    drain(&mut node);
    assert_eq!(node.log().entry(index(1)), Some(&no_op(1, 1)));
    assert!(!node.has_ready());
    node.propose("foo".into()).expect("a leader");
    let proposed = command(2, 1, "foo");
    let first = node.ready().expect("an entry to write");
    assert_eq!(first.entries, std::slice::from_ref(&proposed));
    // The course has the entry in both lists of one Ready. Here a peer does not count itself
    // before its disk has the entry, and applies nothing that it could still lose.
    assert_eq!(first.committed, []);
    assert!(!node.has_ready());
    node.persisted(first.number);
    let second = node.ready().expect("an entry to apply");
    assert_eq!(second.committed, [proposed]);
    assert_eq!(second.entries, []);
    node.persisted(second.number);
    node.applied(index(2));
    assert!(!node.has_ready());
}

#[test]
fn raw_node_restart_first_gives_out_what_is_committed_and_not_applied_and_nothing_else() {
    let mut node = lone(1, 1, restored_with(hard_state(1, 0, 1), &[1, 1]));
    let ready = node.ready().expect("an entry to apply");
    assert_eq!(ready, only_to_apply(entries(&[1])));
    assert!(!ready.must_persist());
    node.persisted(ready.number);
    node.applied(index(1));
    assert!(!node.has_ready());
}
