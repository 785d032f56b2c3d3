use types::{
    action::{Acted, Action, Misuse},
    frame::OperationState,
    settings::SettingError,
    store::{Command, CommandResult, ReplyError},
};

use crate::support::{
    agreement, commit, converge, demand_replay, done, get, isolate, kill, led, put, quiet, state,
    store, submit, wait_for_leader, write,
};

#[test]
fn through_the_cut_off_leader_a_put_and_a_get_end_unknown_and_its_commit_stands_still() {
    for seed in 0..20 {
        let (mut sim, old) = led(seed);
        write(&mut sim, "key", "before");
        sim.run_ms(300);
        isolate(&mut sim, &[old]);
        let stood = commit(&sim, old);
        let lost = submit(&mut sim, put("key", "cut off"), Some(old));
        let asked = submit(&mut sim, get("key"), Some(old));
        let new = wait_for_leader(&mut sim, &[old]);
        write(&mut sim, "key", "after");
        sim.run_ms(3_500);
        for id in [lost, asked] {
            let state = state(&mut sim, id);
            assert!(
                matches!(state, OperationState::Unknown { .. }),
                "seed {seed}: {state:?}"
            );
        }
        assert_eq!(commit(&sim, old), stood, "seed {seed}");
        assert!(commit(&sim, new) > stood, "seed {seed}");
        converge(&mut sim);
        sim.run_ms(1_000);
        assert_eq!(agreement(&sim), Ok(()), "seed {seed}");
        // Another entry took their place: the late answer says so.
        for id in [lost, asked] {
            let state = state(&mut sim, id);
            let error = ReplyError::StaleCommand {
                term: types::raft::Term::ZERO,
            };
            let stale = matches!(
                &state,
                OperationState::Failed { error: found, .. }
                    if std::mem::discriminant(found) == std::mem::discriminant(&error)
            );
            assert!(stale, "seed {seed}: {state:?}");
        }
        demand_replay(&mut sim);
    }
}

#[test]
fn through_a_follower_a_put_fails_with_the_name_of_the_leader() {
    let (mut sim, leader) = led(1);
    let follower = if leader == store(1) {
        store(2)
    } else {
        store(1)
    };
    sim.run_ms(300);
    let id = submit(&mut sim, put("key", "value"), Some(follower));
    sim.run_ms(200);
    match state(&mut sim, id) {
        OperationState::Failed {
            error: ReplyError::NotLeader {
                leader: Some(peer), ..
            },
            ..
        } => assert_eq!(peer.store, leader),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_client_finds_the_leader_wherever_it_is() {
    for seed in 0..20 {
        let mut sim = quiet(seed);
        write(&mut sim, "key", "value");
        let leader = wait_for_leader(&mut sim, &[]);
        kill(&mut sim, leader);
        write(&mut sim, "key", "again");
    }
}

#[test]
fn with_every_store_down_an_operation_was_never_sent() {
    let mut sim = quiet(1);
    sim.run_ms(100);
    for id in 1..=5 {
        kill(&mut sim, store(id));
    }
    let id = submit(&mut sim, put("key", "value"), None);
    sim.run_ms(4_000);
    assert!(matches!(
        state(&mut sim, id),
        OperationState::NeverSent { .. }
    ));
}

#[test]
fn a_delete_removes_and_a_scan_reads_in_order() {
    let mut sim = quiet(1);
    for key in ["a", "b", "c"] {
        write(&mut sim, key, key);
    }
    let delete = Command::Delete {
        key: bytes::Bytes::from_static(b"b"),
    };
    let id = submit(&mut sim, delete, None);
    assert_eq!(done(&mut sim, id), CommandResult::Delete);
    let scan = Command::Scan {
        start: bytes::Bytes::new(),
        end: bytes::Bytes::new(),
        limit: 10,
    };
    let id = submit(&mut sim, scan, None);
    match done(&mut sim, id) {
        CommandResult::Scan { pairs } => {
            let keys: Vec<&[u8]> = pairs.iter().map(|(key, _)| key.as_ref()).collect();
            assert_eq!(keys, [b"a".as_ref(), b"c".as_ref()]);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_action_that_makes_no_sense_changes_nothing() {
    let (mut sim, _) = led(1);
    let before = sim.end();
    let set = |name: &str, value| Action::Set {
        name: name.to_owned(),
        value,
    };
    let submit = |command| Action::Submit { command, via: None };
    let refused = [
        (
            Action::Kill { store: store(9) },
            Misuse::NoSuchStore { store: store(9) },
        ),
        (
            Action::Start { store: store(1) },
            Misuse::AlreadyRunning { store: store(1) },
        ),
        (Action::Cut { groups: vec![] }, Misuse::BadGroups),
        (
            Action::Cut {
                groups: vec![vec![store(1)], vec![store(2)]],
            },
            Misuse::BadGroups,
        ),
        (submit(put("", "value")), Misuse::EmptyKey),
        (
            submit(get(&"x".repeat(5_000))),
            Misuse::TooLong {
                bytes: 5_000,
                limit: types::action::KEY_BYTES_MAX,
            },
        ),
        (
            set("stores", 7),
            Misuse::NotLive {
                name: "stores".to_owned(),
            },
        ),
        (
            set("nothing", 7),
            Misuse::Setting(SettingError::Unknown {
                name: "nothing".to_owned(),
            }),
        ),
    ];
    for (action, misuse) in refused {
        assert_eq!(sim.act(action), Err(misuse));
    }
    assert_eq!(sim.end(), before);
    assert_eq!(sim.act(set("loss_permille", 10)), Ok(Acted::Done));
    assert_ne!(sim.end(), before);
}
