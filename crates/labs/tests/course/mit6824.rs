//! Lab 2, one row for each test of the course.

mod lab_2a;
mod lab_2b;
mod lab_2c;
mod lab_2d;
mod lab_3;
mod row;

use crate::kv::Count::{
    Acknowledged, Compactions, Crashes as Stopped, Cut, Leaders, Lost, Snapshots,
};
use crate::kv::generic::Mix;
use crate::kv::row::{self as kv_row, kv_rows};
use crate::rig::Count::{
    Applied, Crashes, Disconnects, Elections, LateAnswers, LostAnswers, LostRequests, Overwrites,
    Remembered, SnapshotsInstalled, SnapshotsTaken,
};
use crate::rig::Host::{Forgets, KeepsItsLog, Repeats};
use crate::support::{on_two_threads, write_file};
use row::Breakage::{Host, Rule};
use row::{Log, Network, Row};

macro_rules! rows {
    ($($name:ident = $course:literal: $servers:literal servers, $network:ident, $log:ident,
        $script:path,
        does: $does:literal,
        floors: [$($count:ident $least:literal),*],
        red_under: [$($breakage:expr),+];)*) => {
        /// Every test, in the order of the course.
        static ROWS: &[Row] = &[$(Row {
            name: stringify!($name),
            course: $course,
            servers: $servers,
            network: Network::$network,
            log: Log::$log,
            script: $script,
            does: $does,
            floors: &[$(($count, $least)),*],
            red_under: &[$($breakage),+],
        }),*];

        $(
            #[test]
            fn $name() {
                row::judge(ROWS, stringify!($name));
            }
        )*
    };
}

rows! {
    initial_election_2a = "InitialElection2A": 3 servers, Reliable, Whole,
        lab_2a::initial_election,
        does: "waits for a leader, then 2 s more",
        floors: [Elections 1],
        red_under: [Rule("equal_log_loses"), Rule("votes_for_everybody")];
    re_election_2a = "ReElection2A": 3 servers, Reliable, Whole,
        lab_2a::re_election,
        does: "disconnects the leader, brings it back, takes the quorum away and gives it back",
        floors: [Elections 3, Disconnects 3],
        red_under: [Rule("more_yes_than_no_wins")];
    many_elections_2a = "ManyElections2A": 7 servers, Reliable, Whole,
        lab_2a::many_elections,
        does: "9 rounds without up to 3 servers",
        floors: [Elections 4, Disconnects 18],
        red_under: [Rule("votes_for_everybody"), Rule("more_yes_than_no_wins")];
    basic_agree_2b = "BasicAgree2B": 3 servers, Reliable, Whole,
        lab_2b::basic_agree,
        does: "3 commands at the indexes 1 to 3, none committed before it was given",
        floors: [Applied 3],
        red_under: [Rule("nothing_commits")];
    rpc_bytes_2b = "RPCBytes2B": 3 servers, Reliable, Whole,
        lab_2b::rpc_bytes,
        does: "10 commands of 5,000 bytes, calls of at most 200,000 bytes",
        floors: [Applied 11],
        red_under: [Rule("nothing_commits"), Host(Repeats)];
    fail_agree_2b = "FailAgree2B": 3 servers, Reliable, Whole,
        lab_2b::fail_agree,
        does: "a follower is away for 4 commands and catches up",
        floors: [Applied 8, Elections 2, Disconnects 1],
        red_under: [Rule("refusal_goes_nowhere")];
    fail_no_agree_2b = "FailNoAgree2B": 5 servers, Reliable, Whole,
        lab_2b::fail_no_agree,
        does: "3 followers are away: nothing commits for 2 s, then all agree",
        floors: [Applied 3, Disconnects 3, Elections 2, Overwrites 1],
        red_under: [Rule("half_commits")];
    concurrent_starts_2b = "ConcurrentStarts2B": 3 servers, Reliable, Whole,
        lab_2b::concurrent_starts,
        does: "5 commands at one instant, all committed in one term",
        floors: [Applied 6],
        red_under: [Rule("nothing_commits")];
    rejoin_2b = "Rejoin2B": 3 servers, Reliable, Whole,
        lab_2b::rejoin,
        does: "a leader that was cut off comes back with entries of its own",
        floors: [Applied 4, Disconnects 2, Overwrites 1],
        red_under: [Rule("conflicts_kept"), Rule("longer_log_wins")];
    backup_2b = "Backup2B": 5 servers, Reliable, Whole,
        lab_2b::backup,
        does: "50 entries that must go on one side, 50 that stay on the other, twice",
        floors: [Applied 102, Disconnects 8, Overwrites 2],
        red_under: [Rule("refusal_goes_nowhere"), Rule("prev_not_checked")];
    count_2b = "Count2B": 3 servers, Reliable, Whole,
        lab_2b::count,
        does: "1 to 30 calls to a leader, at most 42 for 12 commands, 60 in an idle second",
        floors: [Applied 12],
        red_under: [Rule("equal_log_loses"), Host(Repeats)];
    persist1_2c = "Persist12C": 3 servers, Reliable, Whole,
        lab_2c::persist1,
        does: "restarts all, the leader, a leader that was away, a follower that was away",
        floors: [Applied 6, Crashes 6, Disconnects 2],
        red_under: [Rule("entries_skipped_when_handed_over"), Host(Forgets)];
    persist2_2c = "Persist22C": 5 servers, Reliable, Whole,
        lab_2c::persist2,
        does: "5 rounds of disconnects and restarts in a fixed rotation",
        floors: [Applied 16, Crashes 15, Disconnects 25],
        red_under: [Rule("commits_to_its_last_index"), Host(Forgets)];
    persist3_2c = "Persist32C": 3 servers, Reliable, Whole,
        lab_2c::persist3,
        does: "the leader restarts with a follower that was away, without the one that was not",
        floors: [Applied 4, Crashes 2, Disconnects 1],
        red_under: [Rule("logs_not_compared"), Host(Forgets)];
    figure8_2c = "Figure82C": 5 servers, Reliable, Whole,
        lab_2c::figure8,
        does: "1,000 rounds: commands, the leader crashes, another server starts if fewer than 3",
        floors: [Elections 20, Crashes 20, Overwrites 2],
        red_under: [Rule("old_terms_are_counted"), Rule("conflicts_kept")];
    unreliable_agree_2c = "UnreliableAgree2C": 5 servers, Unreliable, Whole,
        lab_2c::unreliable_agree,
        does: "49 rounds of 4 commands at once and 1 more",
        floors: [Applied 246, LostRequests 20, LostAnswers 20],
        red_under: [Rule("truncates_always"), Rule("refusal_goes_below_the_match")];
    figure8_unreliable_2c = "Figure8Unreliable2C": 5 servers, Unreliable, Whole,
        lab_2c::figure8_unreliable,
        does: "1,000 rounds: commands, the leader is disconnected in half of them; late answers \
               from round 200 on",
        floors: [Elections 5, Disconnects 20, Overwrites 4,
            LostRequests 20, LostAnswers 15, LateAnswers 50],
        red_under: [Rule("truncates_always"), Rule("longer_log_wins")];
    reliable_churn_2c = "ReliableChurn2C": 5 servers, Reliable, Whole,
        lab_2c::churn,
        does: "3 clients, 20 rounds of 700 ms with disconnects, crashes and restarts",
        floors: [Elections 2, Disconnects 2, Crashes 2, Remembered 100],
        red_under: [Rule("commits_to_its_last_index")];
    unreliable_churn_2c = "UnreliableChurn2C": 5 servers, Unreliable, Whole,
        lab_2c::churn,
        does: "ReliableChurn on an unreliable network",
        floors: [Elections 2, Disconnects 2, Crashes 2,
            Remembered 50, LostRequests 50, LostAnswers 50],
        red_under: [Rule("conflicts_kept"), Rule("truncates_always")];
    snapshot_basic_2d = "SnapshotBasic2D": 3 servers, Reliable, Snapshots,
        lab_2d::snapshot_basic,
        does: "30 rounds of 11 commands, raft states below 2,000 bytes",
        floors: [SnapshotsTaken 30],
        red_under: [Rule("nothing_commits"), Host(KeepsItsLog)];
    snapshot_install_2d = "SnapshotInstall2D": 3 servers, Reliable, Snapshots,
        lab_2d::snapshot_install,
        does: "30 rounds of 11 commands, each with a server disconnected that comes back",
        floors: [SnapshotsTaken 30, SnapshotsInstalled 10, Disconnects 30],
        red_under: [Rule("snapshot_ignored"), Host(KeepsItsLog)];
    snapshot_install_unreliable_2d = "SnapshotInstallUnreliable2D":
        3 servers, Unreliable, Snapshots,
        lab_2d::snapshot_install,
        does: "SnapshotInstall on an unreliable network",
        floors: [SnapshotsTaken 30, SnapshotsInstalled 10, Disconnects 30,
            LostRequests 40, LostAnswers 40],
        red_under: [Rule("snapshot_keeps_the_old_log"), Host(KeepsItsLog)];
    snapshot_install_crash_2d = "SnapshotInstallCrash2D": 3 servers, Reliable, Snapshots,
        lab_2d::snapshot_install_crash,
        does: "30 rounds of 11 commands, each with a server that crashes and starts again",
        floors: [SnapshotsTaken 30, SnapshotsInstalled 10, Crashes 30],
        red_under: [Rule("snapshot_ignored"), Host(KeepsItsLog)];
    snapshot_install_un_crash_2d = "SnapshotInstallUnCrash2D": 3 servers, Unreliable, Snapshots,
        lab_2d::snapshot_install_crash,
        does: "SnapshotInstallCrash on an unreliable network",
        floors: [SnapshotsTaken 30, SnapshotsInstalled 10, Crashes 30,
            LostRequests 30, LostAnswers 30],
        red_under: [Rule("truncates_always"), Host(KeepsItsLog)];
}

#[test]
fn each_row_goes_red_under_the_rule_that_it_names() {
    let todo: Vec<&'static Row> = ROWS.iter().collect();
    let reports = on_two_threads(todo, Row::redden);
    write_file("course-mit6824-lab2.md", &row::table(&reports));
    let pale: Vec<String> = reports.iter().flat_map(row::Report::pale).collect();
    assert!(pale.is_empty(), "nothing turned these red: {pale:#?}");
}

#[test]
fn the_page_of_course_tests_has_every_row_as_it_is() {
    let page = include_str!("../../../../docs/course-tests.md");
    let part = page
        .split("\n## ")
        .find(|part| part.starts_with("Part D:"))
        .expect("part D");
    let written: Vec<&str> = part
        .lines()
        .filter(|line| line.starts_with('|') && line.contains("`mit6824::"))
        .collect();
    let lines: Vec<String> = ROWS.iter().map(Row::line).collect();
    assert_eq!(written, lines);
}
kv_rows! { LAB_3 of "mit6824", otherwise lab_3::PLAIN:
    generic {
    basic_3a = "Basic3A": 1 clients, [];
        seeds: 3, floors: [Acknowledged 100], red_under: ["nothing_commits"];
    concurrent_3a = "Concurrent3A": 5 clients, [];
        seeds: 3, floors: [Acknowledged 100], red_under: ["nothing_commits"];
    unreliable_3a = "Unreliable3A": 5 clients, [unreliable];
        seeds: 3, floors: [Acknowledged 100, Lost 100], red_under: ["refusal_goes_nowhere"];
    many_partitions_one_client_3a = "ManyPartitionsOneClient3A": 1 clients, [partitions];
        seeds: 3, floors: [Acknowledged 30, Cut 100], red_under: ["half_commits"];
    many_partitions_many_clients_3a = "ManyPartitionsManyClients3A": 5 clients, [partitions];
        seeds: 3, floors: [Acknowledged 30, Cut 100], red_under: ["half_commits"];
    persist_one_client_3a = "PersistOneClient3A": 1 clients, [crash];
        seeds: 3, floors: [Acknowledged 100, Stopped 15], red_under:
            ["entries_accepted_before_they_are_durable"];
    persist_concurrent_3a = "PersistConcurrent3A": 5 clients, [crash];
        seeds: 3, floors: [Acknowledged 100, Stopped 15], red_under:
            ["entries_accepted_before_they_are_durable"];
    persist_concurrent_unreliable_3a = "PersistConcurrentUnreliable3A": 5 clients,
        [unreliable crash];
        seeds: 3, floors: [Acknowledged 100, Lost 100, Stopped 15], red_under:
            ["entries_accepted_before_they_are_durable"];
    persist_partition_3a = "PersistPartition3A": 5 clients, [crash partitions];
        seeds: 3, floors: [Acknowledged 30, Cut 100, Stopped 15], red_under: ["half_commits"];
    persist_partition_unreliable_3a = "PersistPartitionUnreliable3A": 5 clients,
        [unreliable crash partitions];
        seeds: 3, floors: [Acknowledged 30, Lost 100, Cut 100, Stopped 15], red_under:
            ["half_commits"];
    persist_partition_unreliable_linearizable_3a = "PersistPartitionUnreliableLinearizable3A": 15
        clients, [unreliable crash partitions], stores 7, mix Mix::SharedKeys { keys: 15 };
        seeds: 3, floors: [Acknowledged 1, Lost 100, Cut 100, Stopped 21], red_under:
            ["half_commits"];
    snapshot_recover_3b = "SnapshotRecover3B": 1 clients, [crash] keeps 1000;
        seeds: 3, floors: [Acknowledged 100, Stopped 15, Compactions 10], red_under:
            ["vote_given_before_it_is_durable"];
    snapshot_recover_many_clients_3b = "SnapshotRecoverManyClients3B": 20 clients, [crash]
        keeps 1000;
        seeds: 2, floors: [Acknowledged 100, Stopped 15, Compactions 10], red_under:
            ["entries_accepted_before_they_are_durable"];
    snapshot_unreliable_3b = "SnapshotUnreliable3B": 5 clients, [unreliable] keeps 1000;
        seeds: 3, floors: [Acknowledged 100, Lost 100, Compactions 10], red_under:
            ["snapshot_ignored"];
    snapshot_unreliable_recover_3b = "SnapshotUnreliableRecover3B": 5 clients, [unreliable crash]
        keeps 1000;
        seeds: 3, floors: [Acknowledged 100, Lost 100, Stopped 15, Compactions 10], red_under:
            ["snapshot_ignored"];
    snapshot_unreliable_recover_concurrent_partition_3b =
        "SnapshotUnreliableRecoverConcurrentPartition3B": 5 clients,
        [unreliable crash partitions] keeps 1000;
        seeds: 3, floors: [Acknowledged 30, Lost 100, Cut 100, Stopped 15, Compactions 10],
            red_under: ["half_commits"];
    snapshot_unreliable_recover_concurrent_partition_linearizable_3b =
        "SnapshotUnreliableRecoverConcurrentPartitionLinearizable3B": 15 clients,
        [unreliable crash partitions] keeps 1000, stores 7, mix Mix::SharedKeys { keys: 15 };
        seeds: 3, floors: [Acknowledged 1, Lost 100, Cut 100, Stopped 21, Compactions 10],
            red_under: ["half_commits"];
    }
    scenarios {
    speed_3a = "Speed3A": lab_3::three_servers, lab_3::speed,
        does: "1,000 appends, each in a third of a heartbeat",
        seeds: 3, floors: [Leaders 1], red_under: ["nothing_commits"];
    unreliable_one_key_3a = "UnreliableOneKey3A": lab_3::three_servers,
        lab_3::unreliable_one_key,
        does: "5 clients append 10 times each to one key, messages are lost",
        seeds: 10, floors: [Lost 5], red_under: ["nothing_commits"];
    one_partition_3a = "OnePartition3A": lab_3::five_servers, lab_3::one_partition,
        does: "the leader is cut off with one other: what it is asked waits until the end",
        seeds: 10, floors: [Cut 10, Leaders 2], red_under: ["nothing_commits"];
    speed_3b = "Speed3B": lab_3::three_with_snapshots, lab_3::speed,
        does: "Speed3A with logs of 1,000 bytes",
        seeds: 3, floors: [Compactions 50], red_under: ["nothing_commits"];
    snapshot_rpc_3b = "SnapshotRPC3B": lab_3::three_with_snapshots, lab_3::snapshot_rpc,
        does: "a server that was cut off gets a snapshot and serves from it",
        seeds: 10, floors: [Snapshots 1, Cut 10], red_under: ["snapshot_ignored"];
    snapshot_size_3b = "SnapshotSize3B": lab_3::three_with_snapshots, lab_3::snapshot_size,
        does: "400 writes of one key: no log beyond 8,000 bytes, no state beyond 500",
        seeds: 3, floors: [Compactions 10], red_under: ["nothing_commits"];
    }
}

#[test]
fn each_row_of_lab_3_goes_red_under_the_rule_that_it_names() {
    kv_row::demand_red(LAB_3, "course-mit6824-lab3.md");
}

#[test]
fn the_page_of_course_tests_has_every_row_of_lab_3_as_it_is() {
    kv_row::demand_page(LAB_3, "Part E:");
}
