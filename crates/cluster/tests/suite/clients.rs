//! What clients can ask for, and clients that run by themselves.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use checker::history::{self, Budget, Verdict};
use cluster::{
    ClientLoop, History, HistoryEvent, KeyChoice, OperationKind, SavedCluster, WORKLOAD_KEYS_MAX,
    WorkloadPlan,
    group::GroupNode,
    sim::{Simulation, SimulationConfig},
};
use types::{
    action::{Action, Misuse, VALUE_BYTES_MAX},
    frame::OperationState,
    settings::Settings,
    store::{Command, CommandResult, ReplyError},
};

use crate::support::{
    Sim, all, converge, demand_replay, done, kill, led, put, read, seconds, start, state, submit,
    wait_for_leader,
};

fn b(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

fn append(key: &str, value: &str) -> Command {
    let (key, value) = (b(key), b(value));
    Command::Append { key, value }
}

fn swap(key: &str, expected: Option<&str>, new: &str) -> Command {
    Command::CompareAndSet {
        key: b(key),
        expected: expected.map(b),
        new: b(new),
    }
}

fn swapped(swapped: bool, found: Option<&str>) -> CommandResult {
    let found = found.map(b);
    CommandResult::CompareAndSet { swapped, found }
}

/// Every kind of operation, on few keys.
const EVERYTHING: WorkloadPlan = WorkloadPlan {
    clients: 4,
    keys: 5,
    key_choice: KeyChoice::Zipf,
    client_loop: ClientLoop::Closed,
    think_ms_max: 100,
    put_permille: 150,
    delete_permille: 50,
    append_permille: 200,
    scan_permille: 50,
    compare_and_set_permille: 250,
    until: None,
};

fn three_stores(workload: Option<WorkloadPlan>) -> SimulationConfig {
    let mut config = SimulationConfig::quiet(3);
    config.cluster.settings.stores = 3;
    config.cluster.workload = workload;
    config
}

#[test]
fn appends_and_compare_and_sets_go_through_the_log_of_three_stores_and_survive_their_restart() {
    let mut sim = Sim::new(three_stores(None));
    wait_for_leader(&mut sim, &[]);
    for (command, result) in [
        (append("list", "a"), CommandResult::Append),
        (append("list", "b"), CommandResult::Append),
        (swap("lock", Some("x"), "me"), swapped(false, None)),
        (swap("lock", None, "me"), swapped(true, None)),
        (swap("lock", None, "you"), swapped(false, Some("me"))),
        (swap("list", Some("ab"), "c"), swapped(true, Some("ab"))),
        (append("list", "d"), CommandResult::Append),
    ] {
        let id = submit(&mut sim, command, None);
        assert_eq!(done(&mut sim, id), result, "{id}");
    }
    converge(&mut sim);
    for store in all(&sim) {
        kill(&mut sim, store);
    }
    for store in all(&sim) {
        start(&mut sim, store);
    }
    wait_for_leader(&mut sim, &[]);
    assert_eq!(read(&mut sim, "list").as_deref(), Some("cd"));
    assert_eq!(read(&mut sim, "lock").as_deref(), Some("me"));
    converge(&mut sim);
    demand_replay(&mut sim);
}

#[test]
fn an_append_beyond_the_longest_value_fails_for_good_and_changes_nothing() {
    let (mut sim, _) = led(1);
    let most = usize::try_from(VALUE_BYTES_MAX).expect("a megabyte");
    let id = submit(&mut sim, put("k", &"x".repeat(most)), None);
    assert_eq!(done(&mut sim, id), CommandResult::Put);
    let id = submit(&mut sim, append("k", "y"), None);
    sim.run_ms(2_000);
    let (bytes, limit) = (VALUE_BYTES_MAX + 1, VALUE_BYTES_MAX);
    match state(&mut sim, id) {
        OperationState::Failed { error, .. } => {
            assert_eq!(error, ReplyError::ValueTooLong { bytes, limit });
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(read(&mut sim, "k").map(|value| value.len()), Some(most));
    let longer = "x".repeat(most + 1);
    for command in [
        append("k", &longer),
        swap("k", Some(&longer), ""),
        swap("k", None, &longer),
    ] {
        let refused = sim.act(Action::Submit { command, via: None });
        assert_eq!(refused, Err(Misuse::TooLong { bytes, limit }));
    }
    for command in [append("", "v"), swap("", None, "v")] {
        let refused = sim.act(Action::Submit { command, via: None });
        assert_eq!(refused, Err(Misuse::EmptyKey));
    }
}

#[test]
fn a_raw_group_carries_out_the_same_commands() {
    let mut sim = Simulation::<GroupNode>::new(three_stores(None));
    sim.run_ms(3_000);
    for command in [
        append("list", "a"),
        append("list", "b"),
        swap("list", None, "never"),
        swap("list", Some("ab"), "c"),
    ] {
        assert!(sim.act(Action::Submit { command, via: None }).is_ok());
        sim.run_ms(500);
    }
    let operations = sim.conductor_mut().frame().operations;
    let result = |state| match state {
        OperationState::Done { result, .. } => result,
        other => panic!("{other:?}"),
    };
    let results: Vec<_> = operations
        .into_iter()
        .map(|one| result(one.state))
        .collect();
    let appended = CommandResult::Append;
    assert_eq!(
        results,
        [
            appended.clone(),
            appended,
            swapped(false, Some("ab")),
            swapped(true, Some("ab")),
        ]
    );
    for (store, _) in sim.conductor().running() {
        let data = sim.node(store).expect("it runs").data();
        assert_eq!(data.get(&b"list"[..]), Some(&b("c")), "{store}");
    }
}

/// What the clients of a run did, which must be explained by one order of all operations.
fn demand_linearizable(sim: &mut Sim) -> History {
    let seed = sim.conductor().settings().seed;
    let history = sim.conductor_mut().take_history();
    let converted = history.convert().expect("a whole history");
    let judged = history::History::new(converted.operations).expect("one thing at a time");
    let verdict = history::check(&judged, Budget::default()).verdict;
    assert!(
        matches!(verdict, Verdict::Linearizable { .. }),
        "seed {seed}: {verdict:?}"
    );
    history
}

#[test]
fn whatever_clients_do_under_faults_one_order_explains_it() {
    let mut done: BTreeMap<OperationKind, u32> = BTreeMap::new();
    for seed in 0..20 {
        let mut config = SimulationConfig::from_seed(seed, seconds(10));
        config.cluster.workload = Some(WorkloadPlan {
            client_loop: match seed % 2 {
                0 => ClientLoop::Closed,
                _ => ClientLoop::Open { open_max: 3 },
            },
            ..EVERYTHING
        });
        let mut sim = Sim::new(config);
        sim.run_until(seconds(12));
        for event in demand_linearizable(&mut sim).events {
            if let HistoryEvent::Invoked { command, .. } = event {
                *done.entry(OperationKind::of(&command)).or_default() += 1;
            }
        }
        demand_replay(&mut sim);
    }
    for kind in OperationKind::ALL {
        assert!(done[&kind] > 100, "{} of {}", done[&kind], kind.name());
    }
}

#[test]
fn clients_that_swap_what_they_know_sometimes_succeed_and_sometimes_do_not() {
    let mut sim = Sim::new(three_stores(Some(EVERYTHING)));
    sim.run_until(seconds(30));
    let history = demand_linearizable(&mut sim);
    let swaps = |wanted: bool| {
        let is_one = |event: &&HistoryEvent| {
            matches!(
                event,
                HistoryEvent::Returned {
                    state: OperationState::Done {
                        result: CommandResult::CompareAndSet { swapped, .. },
                        ..
                    },
                    ..
                } if *swapped == wanted
            )
        };
        history.events.iter().filter(is_one).count()
    };
    let (swapped, not) = (swaps(true), swaps(false));
    assert!(swapped > 30 && not > 30, "{swapped} swapped, {not} not");
}

/// The most operations that any one client had open at once.
fn most_open(history: &History) -> usize {
    let mut open: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    let mut most = 0;
    for event in &history.events {
        match event {
            HistoryEvent::Invoked {
                client, operation, ..
            } => {
                let open = open.entry(*client).or_default();
                open.insert(*operation);
                most = most.max(open.len());
            }
            HistoryEvent::Returned {
                client, operation, ..
            } => {
                open.entry(*client).or_default().remove(operation);
            }
        }
    }
    most
}

#[test]
fn an_open_loop_goes_on_without_answers_and_sheds_what_would_be_too_much() {
    let run = |client_loop, latency_ms| {
        let mut config = three_stores(Some(WorkloadPlan {
            client_loop,
            think_ms_max: 40,
            ..EVERYTHING
        }));
        config.cluster.settings.latency_ms_min = latency_ms;
        config.cluster.settings.latency_ms_max = latency_ms;
        let mut sim = Sim::new(config);
        sim.run_until(seconds(20));
        demand_linearizable(&mut sim)
    };
    let slow = run(ClientLoop::Open { open_max: 6 }, 100);
    assert!(slow.shed > 100, "{} shed", slow.shed);
    assert_eq!(most_open(&slow), 6);
    let fast = run(ClientLoop::Open { open_max: 6 }, 1);
    assert!(fast.shed < slow.shed, "{} shed", fast.shed);
    let closed = run(ClientLoop::Closed, 100);
    assert_eq!((closed.shed, most_open(&closed)), (0, 1));
    assert!(slow.events.len() > 2 * closed.events.len());
}

#[test]
fn the_history_holds_the_page_when_it_is_asked_to() {
    let history = |records: bool| {
        let mut sim = Sim::new(three_stores(None));
        if records {
            sim.conductor_mut().record_page_client();
        }
        let id = submit(&mut sim, put("k", "v"), None);
        done(&mut sim, id);
        (demand_linearizable(&mut sim).events.len(), sim.end())
    };
    let ((without, end), (with, other_end)) = (history(false), history(true));
    assert_eq!((without, with), (0, 2));
    assert_eq!(end, other_end);
}

#[test]
fn a_saved_cluster_with_a_workload_out_of_range_is_refused() {
    let saved = |workload| SavedCluster::fresh(Settings::default(), Some(workload)).encode();
    assert!(SavedCluster::decode(&saved(EVERYTHING)).is_ok());
    for hostile in [
        WorkloadPlan {
            keys: WORKLOAD_KEYS_MAX + 1,
            ..EVERYTHING
        },
        WorkloadPlan {
            scan_permille: u32::MAX,
            append_permille: u32::MAX,
            ..EVERYTHING
        },
        WorkloadPlan {
            client_loop: ClientLoop::Open { open_max: u32::MAX },
            ..EVERYTHING
        },
    ] {
        assert!(
            SavedCluster::decode(&saved(hostile)).is_err(),
            "{hostile:?}"
        );
    }
}
