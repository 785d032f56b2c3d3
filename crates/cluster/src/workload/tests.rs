use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use types::{
    event::EventId,
    id::ClientId,
    store::{Command, CommandResult},
};

use super::*;

fn worker(plan: WorkloadPlan) -> Worker {
    Worker::new(plan, KeyTable::of(&plan), 1, 1, ClientId::new(2))
}

/// What a client wants in a thousand turns.
fn commands(plan: WorkloadPlan) -> Vec<Command> {
    let mut worker = worker(plan);
    let event = |seq| EventId { segment: 1, seq };
    let draw = |seq| worker.draw_command(ClientId::new(2), event(seq));
    (1..=1_000).map(draw).collect()
}

#[test]
fn each_kind_of_command_comes_as_often_as_its_share() {
    let plan = WorkloadPlan {
        put_permille: 200,
        delete_permille: 100,
        append_permille: 250,
        scan_permille: 50,
        compare_and_set_permille: 150,
        ..WorkloadPlan::default()
    };
    let mut counts: BTreeMap<OperationKind, u32> = BTreeMap::new();
    for command in commands(plan) {
        *counts.entry(OperationKind::of(&command)).or_default() += 1;
    }
    for kind in OperationKind::ALL {
        let (count, share) = (counts[&kind], plan.share(kind));
        assert!(
            count.abs_diff(share) < 40,
            "{count} {} of {share}",
            kind.name()
        );
    }
}

#[test]
fn no_value_is_written_twice() {
    let plan = WorkloadPlan {
        put_permille: 300,
        append_permille: 300,
        compare_and_set_permille: 300,
        ..WorkloadPlan::default()
    };
    let value = |command: Command| match command {
        Command::Put { value, .. } | Command::Append { value, .. } => Some(value),
        Command::CompareAndSet { new, .. } => Some(new),
        _ => None,
    };
    let values: Vec<Bytes> = commands(plan).into_iter().filter_map(value).collect();
    let different: BTreeSet<&Bytes> = values.iter().collect();
    assert!(values.len() > 800 && different.len() == values.len());
}

#[test]
fn under_zipfs_law_the_first_key_is_wanted_twice_as_often_as_the_second() {
    let counts_of = |key_choice| {
        let plan = WorkloadPlan {
            keys: 50,
            key_choice,
            ..WorkloadPlan::default()
        };
        let mut counts: BTreeMap<Bytes, u32> = BTreeMap::new();
        for command in commands(plan) {
            *counts.entry(command.key().clone()).or_default() += 1;
        }
        ["k000", "k001", "k049"].map(|key| counts.get(key.as_bytes()).copied().unwrap_or(0))
    };
    let [first, second, last] = counts_of(KeyChoice::Zipf);
    // The weights of fifty keys add up to 4.499 times the first one's.
    assert!((190..260).contains(&first), "{first} of 1000");
    assert!((90..135).contains(&second), "{second} of 1000");
    assert!(last < 15, "{last} of 1000");
    let even = counts_of(KeyChoice::Uniform);
    assert!(even.iter().all(|count| (8..35).contains(count)), "{even:?}");
}

#[test]
fn the_largest_table_of_keys_can_draw_each_of_them() {
    let plan = WorkloadPlan {
        keys: WORKLOAD_KEYS_MAX,
        key_choice: KeyChoice::Zipf,
        ..WorkloadPlan::default()
    };
    let KeyTable::Weights(sums) = KeyTable::of(&plan) else {
        panic!("Zipf's law has weights");
    };
    assert_eq!(sums.len() as u64, u64::from(WORKLOAD_KEYS_MAX));
    assert!(sums.is_sorted_by(|a, b| a < b), "a key has no weight");
}

#[test]
fn a_compare_and_set_expects_what_the_client_last_heard_of_the_key() {
    let mut worker = worker(WorkloadPlan {
        keys: 1,
        put_permille: 0,
        delete_permille: 0,
        compare_and_set_permille: 1_000,
        ..WorkloadPlan::default()
    });
    let mut seq = 0;
    let mut next = |worker: &mut Worker| {
        seq += 1;
        worker.draw_command(ClientId::new(2), EventId { segment: 1, seq })
    };
    let expected = |command: &Command| match command {
        Command::CompareAndSet { expected, .. } => expected.clone(),
        other => panic!("{other:?}"),
    };
    let answer = |swapped, found: Option<&'static str>| CommandResult::CompareAndSet {
        swapped,
        found: found.map(|value| Bytes::from_static(value.as_bytes())),
    };
    let first = next(&mut worker);
    assert_eq!(expected(&first), None);
    worker.learn(&first, &answer(false, Some("other")));
    let second = next(&mut worker);
    assert_eq!(expected(&second).as_deref(), Some(&b"other"[..]));
    worker.learn(&second, &answer(true, Some("other")));
    let third = next(&mut worker);
    assert_eq!(expected(&third).as_deref(), Some(&b"C2@1.2"[..]));
}

#[test]
fn a_plan_out_of_range_is_not_valid() {
    type Spoil = fn(&mut WorkloadPlan);
    let spoil: [Spoil; 10] = [
        |plan| plan.clients = 0,
        |plan| plan.clients = WORKLOAD_CLIENTS_MAX + 1,
        |plan| plan.keys = 0,
        |plan| plan.keys = WORKLOAD_KEYS_MAX + 1,
        |plan| plan.think_ms_max = 0,
        |plan| plan.think_ms_max = WORKLOAD_THINK_MS_MAX + 1,
        |plan| plan.append_permille = 401,
        |plan| plan.scan_permille = u32::MAX,
        |plan| plan.client_loop = ClientLoop::Open { open_max: 0 },
        |plan| plan.client_loop = ClientLoop::Open { open_max: 65 },
    ];
    assert!(WorkloadPlan::default().is_valid());
    for (nth, spoil) in spoil.iter().enumerate() {
        let mut plan = WorkloadPlan::default();
        spoil(&mut plan);
        assert!(!plan.is_valid(), "{nth}");
    }
}

#[test]
fn a_plan_names_what_it_uses_and_what_is_not_built() {
    let plan = WorkloadPlan {
        append_permille: 100,
        client_loop: ClientLoop::Open { open_max: 8 },
        ..WorkloadPlan::default()
    };
    let with = |presence| {
        let all = ClientFeature::ALL.into_iter();
        let there = all.filter(|feature| plan.presence(*feature) == presence);
        there.map(ClientFeature::name).collect::<Vec<_>>()
    };
    assert_eq!(
        with(Presence::Used),
        [
            "open loop",
            "uniform keys",
            "put",
            "append",
            "delete",
            "get",
            "timeouts",
            "retries"
        ]
    );
    assert_eq!(
        with(Presence::Unused),
        ["closed loop", "Zipf keys", "scan", "compare-and-set"]
    );
    assert_eq!(with(Presence::Absent), ["sessions"]);
}
