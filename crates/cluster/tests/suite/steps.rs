use cluster::{
    ClusterConfig, Conductor, HostEffect, Next, StoreRequest,
    sim::{HostConfig, SimulationConfig},
};
use types::{
    frame::Owed,
    id::{Cycle, StoreId},
    io::Output,
    settings::Settings,
    time::{StoreTime, VirtualTime},
};

use crate::support::{Sim, demand_replay, led, seconds};

#[test]
fn a_step_takes_exactly_one_event() {
    let (mut sim, _) = led(1);
    for _ in 0..500 {
        let before = sim.conductor().event();
        sim.step();
        assert_eq!(sim.conductor().event(), before.next());
    }
    sim.run_ms(500);
    demand_replay(&mut sim);
}

#[test]
fn a_step_delivers_at_most_one_input() {
    let mut conductor = new_conductor();
    conductor.begin();
    for id in 1..=3 {
        conductor.loaded(StoreId::new(id), Cycle::ZERO, Some(<_>::default()));
    }
    for _ in 0..3 {
        match conductor.step_one() {
            Next::Round(round) => {
                assert_eq!(round.first, round.last);
                assert_eq!(round.deliveries.len(), 1);
                conductor.answer(round.deliveries[0].store, sleepy());
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(matches!(
        conductor.next(seconds(1)),
        Next::Idle { next_at: None }
    ));
}

#[test]
fn while_nobody_asks_for_more_every_hash_stays() {
    let until = seconds(5);
    let mut config = SimulationConfig::from_seed(9, until);
    config.host = HostConfig::restless(9);
    let mut sim = Sim::new(config);
    sim.run_until(until);
    let end = sim.end();
    sim.conductor_mut().frame();
    sim.recording();
    assert_eq!(sim.end(), end);
    sim.run_until(until);
    assert_eq!(sim.end(), end, "the clock stands");
}

#[test]
fn the_clock_waits_for_loads_and_then_boots_all_stores_in_one_round() {
    let mut conductor = new_conductor();
    let effects = conductor.begin();
    let load = |id| HostEffect::Load {
        store: StoreId::new(id),
        incarnation: types::id::Incarnation::new(1),
        image: true,
    };
    assert_eq!(effects, [load(1), load(2), load(3)]);
    let owed = |id| Owed::Load {
        store: StoreId::new(id),
    };
    assert_eq!(
        conductor.next(seconds(9)),
        Next::Held(vec![owed(1), owed(2), owed(3)])
    );
    for id in [3, 1] {
        conductor.loaded(StoreId::new(id), Cycle::ZERO, Some(<_>::default()));
    }
    assert_eq!(conductor.next(seconds(9)), Next::Held(vec![owed(2)]));
    assert_eq!(conductor.now(), VirtualTime::ZERO);
    conductor.load_late(StoreId::new(2));
    let Next::Round(round) = conductor.next(seconds(9)) else {
        panic!("two stores can boot");
    };
    let stores: Vec<u64> = round
        .deliveries
        .iter()
        .map(|delivery| delivery.store.get())
        .collect();
    assert_eq!(stores, [1, 3]);
    let boots =
        |delivery: &cluster::Delivery| matches!(delivery.request, StoreRequest::Boot { .. });
    assert!(round.deliveries.iter().all(boots));
}

#[test]
fn answers_count_in_the_order_of_stores_and_not_of_arrival() {
    let run = |order: [u64; 3]| {
        let mut conductor = booting();
        for id in order {
            assert!(conductor.is_round_open());
            assert!(conductor.answer(StoreId::new(id), writing()));
        }
        assert!(!conductor.is_round_open());
        (conductor.run_hash(), conductor.state_hash())
    };
    assert_eq!(run([1, 2, 3]), run([3, 1, 2]));
}

#[test]
fn what_a_disk_does_before_its_time_shows_nowhere() {
    let mut conductor = booting();
    for id in 1..=3 {
        conductor.answer(StoreId::new(id), writing());
    }
    let before = conductor.state_hash();
    conductor.disk_done(StoreId::new(2), Cycle::new(1));
    assert_eq!(conductor.state_hash(), before);
    let Next::Held(owed) = conductor.next(seconds(1)) else {
        panic!("the disks of two stores are not done");
    };
    assert!(!owed.contains(&Owed::Disk {
        store: StoreId::new(2),
        cycle: Cycle::new(1),
    }));
}

#[test]
fn an_answer_that_nobody_waits_for_is_dropped() {
    let mut conductor = booting();
    let store = StoreId::new(2);
    conductor
        .act(types::action::Action::Kill { store })
        .expect("it is starting");
    assert!(!conductor.answer(store, writing()));
    assert!(conductor.answer(StoreId::new(1), sleepy()));
    assert!(
        !conductor.answer(StoreId::new(1), sleepy()),
        "one answer is enough"
    );
}

#[test]
fn a_store_that_wants_to_wake_in_the_past_does_not_stop_the_clock() {
    let mut conductor = booting();
    for id in 1..=3 {
        let wake_at = Some(StoreTime::ZERO);
        conductor.answer(
            StoreId::new(id),
            Output {
                wake_at,
                ..Output::default()
            },
        );
    }
    assert!(matches!(
        conductor.next(VirtualTime::ZERO),
        Next::Idle { next_at: Some(_) }
    ));
}

fn new_conductor() -> Conductor {
    let settings = Settings {
        stores: 3,
        ..Settings::default()
    };
    Conductor::create(ClusterConfig {
        settings,
        workload: None,
    })
}

/// A conductor whose three stores owe the answers to their boots.
fn booting() -> Conductor {
    let mut conductor = new_conductor();
    conductor.begin();
    for id in 1..=3 {
        conductor.loaded(StoreId::new(id), Cycle::ZERO, Some(<_>::default()));
    }
    assert!(matches!(conductor.next(VirtualTime::ZERO), Next::Round(_)));
    conductor
}

/// An answer that wants nothing.
fn sleepy() -> Output {
    Output::default()
}

/// An answer with a write.
fn writing() -> Output {
    Output {
        write: Some(types::disk::DiskWrite {
            cycle: Cycle::new(1),
            ops: Vec::new(),
        }),
        ..Output::default()
    }
}
