//! TinyKV's cluster tests, one row for each.
//!
//! Where the course's harness has holes its intent stands here: the network changes and members
//! come and go in all three rounds, and lost messages stay a tenth, where the course's filters
//! pile up. Peers get new ids where the course gives old ones again.

mod scenarios;

use crate::kv::Count::{
    Acknowledged, Changes, Compactions, Crashes, Cut, Leaders, Lost, Snapshots, Splits,
};
use crate::kv::generic::{Generic, Mix};
use crate::kv::row::{self, kv_rows};

/// Nothing switched on.
const PLAIN: Generic = Generic {
    clients: 1,
    stores: 5,
    mix: Mix::PutAndScan,
    unreliable: false,
    crash: false,
    partitions: false,
    limit: None,
    conf_change: false,
    split: false,
};

kv_rows! { ROWS of "tinykv", otherwise PLAIN:
    generic {
    basic_2b = "Basic2B": 1 clients, [];
        seeds: 3, floors: [Acknowledged 100], red_under: ["nothing_commits"];
    concurrent_2b = "Concurrent2B": 5 clients, [];
        seeds: 3, floors: [Acknowledged 100], red_under: ["nothing_commits"];
    unreliable_2b = "Unreliable2B": 5 clients, [unreliable];
        seeds: 3, floors: [Acknowledged 100, Lost 100], red_under: ["refusal_goes_nowhere"];
    many_partitions_one_client_2b = "ManyPartitionsOneClient2B": 1 clients, [partitions];
        seeds: 3, floors: [Acknowledged 15, Cut 100], red_under: ["half_commits"];
    many_partitions_many_clients_2b = "ManyPartitionsManyClients2B": 5 clients, [partitions];
        seeds: 3, floors: [Acknowledged 15, Cut 100], red_under: ["half_commits"];
    persist_one_client_2b = "PersistOneClient2B": 1 clients, [crash];
        seeds: 3, floors: [Acknowledged 100, Crashes 15], red_under:
            ["entries_accepted_before_they_are_durable"];
    persist_concurrent_2b = "PersistConcurrent2B": 5 clients, [crash];
        seeds: 3, floors: [Acknowledged 100, Crashes 15], red_under:
            ["entries_accepted_before_they_are_durable"];
    persist_concurrent_unreliable_2b = "PersistConcurrentUnreliable2B": 5 clients,
        [unreliable crash];
        seeds: 3, floors: [Acknowledged 100, Lost 100, Crashes 15], red_under:
            ["entries_accepted_before_they_are_durable"];
    persist_partition_2b = "PersistPartition2B": 5 clients, [crash partitions];
        seeds: 3, floors: [Acknowledged 15, Cut 100, Crashes 15], red_under: ["half_commits"];
    persist_partition_unreliable_2b = "PersistPartitionUnreliable2B": 5 clients,
        [unreliable crash partitions];
        seeds: 3, floors: [Acknowledged 15, Lost 100, Cut 100, Crashes 15], red_under:
            ["half_commits"];
    snapshot_recover_2c = "SnapshotRecover2C": 1 clients, [crash] keeps 100;
        seeds: 3, floors: [Acknowledged 100, Crashes 15, Compactions 10], red_under:
            ["vote_given_before_it_is_durable"];
    snapshot_recover_many_clients_2c = "SnapshotRecoverManyClients2C": 20 clients, [crash]
        keeps 100;
        seeds: 2, floors: [Acknowledged 100, Crashes 15, Compactions 10], red_under:
            ["entries_accepted_before_they_are_durable"];
    snapshot_unreliable_2c = "SnapshotUnreliable2C": 5 clients, [unreliable] keeps 100;
        seeds: 3, floors: [Acknowledged 100, Lost 100, Compactions 10], red_under:
            ["snapshot_ignored"];
    snapshot_unreliable_recover_2c = "SnapshotUnreliableRecover2C": 5 clients, [unreliable crash]
        keeps 100;
        seeds: 3, floors: [Acknowledged 100, Lost 100, Crashes 15, Compactions 10], red_under:
            ["snapshot_ignored"];
    snapshot_unreliable_recover_concurrent_partition_2c =
        "SnapshotUnreliableRecoverConcurrentPartition2C": 5 clients,
        [unreliable crash partitions] keeps 100;
        seeds: 3, floors: [Acknowledged 15, Lost 100, Cut 100, Crashes 15, Compactions 10],
            red_under: ["half_commits"];
    conf_change_recover_3b = "ConfChangeRecover3B": 1 clients, [crash conf_change];
        seeds: 3, floors: [Acknowledged 100, Crashes 15, Changes 10], red_under:
            ["snapshot_membership_ignored"];
    conf_change_recover_many_clients_3b = "ConfChangeRecoverManyClients3B": 20 clients,
        [crash conf_change];
        seeds: 2, floors: [Acknowledged 100, Crashes 15, Changes 10], red_under:
            ["entries_accepted_before_they_are_durable"];
    conf_change_unreliable_3b = "ConfChangeUnreliable3B": 5 clients, [unreliable conf_change];
        seeds: 3, floors: [Acknowledged 40, Lost 100, Changes 10], red_under:
            ["snapshot_membership_ignored"];
    conf_change_unreliable_recover_3b = "ConfChangeUnreliableRecover3B": 5 clients,
        [unreliable crash conf_change];
        seeds: 3, floors: [Acknowledged 40, Lost 100, Crashes 15, Changes 10], red_under:
            ["snapshot_membership_ignored"];
    conf_change_snapshot_unreliable_recover_3b = "ConfChangeSnapshotUnreliableRecover3B": 5
        clients, [unreliable crash conf_change] keeps 100;
        seeds: 3, floors: [Acknowledged 40, Lost 100, Crashes 15, Compactions 10, Changes 10],
            red_under: ["snapshot_membership_ignored"];
    conf_change_snapshot_unreliable_recover_concurrent_partition_3b =
        "ConfChangeSnapshotUnreliableRecoverConcurrentPartition3B": 5 clients,
        [unreliable crash partitions conf_change] keeps 100;
        seeds: 3, floors: [Acknowledged 10, Lost 20, Cut 50, Crashes 15, Compactions 10,
            Changes 5], red_under: ["half_commits"];
    split_recover_3b = "SplitRecover3B": 1 clients, [crash split];
        seeds: 3, floors: [Acknowledged 100, Crashes 15, Splits 5], red_under:
            ["entries_accepted_before_they_are_durable"];
    split_recover_many_clients_3b = "SplitRecoverManyClients3B": 20 clients, [crash split];
        seeds: 1, floors: [Acknowledged 100, Crashes 15, Splits 5], red_under:
            ["entries_accepted_before_they_are_durable"];
    split_unreliable_3b = "SplitUnreliable3B": 5 clients, [unreliable split];
        seeds: 3, floors: [Acknowledged 100, Lost 100, Splits 5], red_under:
            ["entries_accepted_before_they_are_durable"];
    split_unreliable_recover_3b = "SplitUnreliableRecover3B": 5 clients, [unreliable crash split];
        seeds: 3, floors: [Acknowledged 100, Lost 100, Crashes 15, Splits 5], red_under:
            ["entries_accepted_before_they_are_durable"];
    split_conf_change_snapshot_unreliable_recover_3b =
        "SplitConfChangeSnapshotUnreliableRecover3B": 5 clients,
        [unreliable crash conf_change split] keeps 100;
        seeds: 3, floors: [Acknowledged 40, Lost 100, Crashes 15, Compactions 10, Changes 10,
            Splits 5], red_under: ["snapshot_membership_ignored"];
    split_conf_change_snapshot_unreliable_recover_concurrent_partition_3b =
        "SplitConfChangeSnapshotUnreliableRecoverConcurrentPartition3B": 5 clients,
        [unreliable crash partitions conf_change split] keeps 100;
        seeds: 3, floors: [Acknowledged 10, Lost 20, Cut 50, Crashes 15, Compactions 10,
            Changes 5, Splits 5], red_under: ["half_commits"];
    }
    scenarios {
    one_partition_2b = "OnePartition2B": scenarios::five_stores, scenarios::one_partition,
        does: "two of five stores are cut off, then the leader with one other",
        seeds: 10, floors: [Cut 10, Leaders 2], red_under: ["nothing_commits"];
    one_snapshot_2c = "OneSnapshot2C": scenarios::small_logs, scenarios::one_snapshot,
        does: "a store that was cut off gets a snapshot, which takes a deleted key away too",
        seeds: 10, floors: [Snapshots 1, Compactions 2, Crashes 1],
        red_under: ["snapshot_ignored"];
    transfer_leader_3b = "TransferLeader3B": scenarios::five_stores, scenarios::transfer_leader,
        does: "each of five stores gets the lead, one after the other",
        seeds: 10, floors: [Leaders 5], red_under: ["equal_log_loses"];
    basic_conf_change_3b = "BasicConfChange3B": scenarios::five_stores,
        scenarios::basic_conf_change,
        does: "peers leave and join; who joined has all data, who left has none",
        seeds: 10, floors: [Changes 10, Snapshots 3], red_under: ["snapshot_ignored"];
    conf_change_remove_leader_3b = "ConfChangeRemoveLeader3B": scenarios::five_stores,
        scenarios::conf_change_remove_leader,
        does: "the leader is removed, of five and of two",
        seeds: 10, floors: [Changes 7, Leaders 3], red_under: ["snapshot_ignored"];
    one_split_3b = "OneSplit3B": scenarios::small_regions, scenarios::one_split,
        does: "a region splits while a store is cut off, which then follows",
        seeds: 10, floors: [Splits 1, Cut 10], red_under: ["nothing_commits"];
    }
}

#[test]
fn each_row_goes_red_under_the_rule_that_it_names() {
    row::demand_red(ROWS, "course-tinykv.md");
}

#[test]
fn the_page_of_course_tests_has_every_row_as_it_is() {
    row::demand_page(ROWS, "Part B:");
}
