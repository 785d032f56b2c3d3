use cluster::{
    ENGINE_VERSION, Recording, RecordingError,
    replay::{Divergence, replay},
    sim::{HostConfig, SimulationConfig},
};
use types::{action::Action, id::StoreId};

use crate::support::{Sim, demand_replay, kill, led, seconds, start, wait_for_leader, write};

fn run(seed: u64, host: HostConfig) -> Sim {
    let until = seconds(10);
    let mut config = SimulationConfig::from_seed(seed, until);
    config.host = host;
    let mut sim = Sim::new(config);
    sim.run_until(until);
    sim
}

#[test]
fn a_replay_ends_in_the_hashes_of_the_original() {
    for seed in 0..60 {
        demand_replay(&mut run(seed, HostConfig::new(seed)));
    }
}

#[test]
fn a_replay_of_a_run_with_lateness_ends_in_the_hashes_of_the_original() {
    for seed in 0..100 {
        demand_replay(&mut run(seed, HostConfig::restless(seed)));
    }
}

#[test]
fn a_run_is_the_same_whenever_its_hashes_are_asked_for_and_its_recording_is_taken() {
    for seed in 0..10 {
        let whole = run(seed, HostConfig::new(seed));
        let until = seconds(10);
        let mut sim = Sim::new(SimulationConfig::from_seed(seed, until));
        for half in 1..=20 {
            sim.run_until(types::time::VirtualTime::new(half * 500_000));
            sim.recording();
            sim.conductor_mut().frame();
        }
        assert_eq!(sim.end(), whole.end(), "seed {seed}");
        demand_replay(&mut sim);
    }
}

#[test]
fn every_moment_of_a_run_can_be_replayed() {
    let mut config = SimulationConfig::from_seed(5, seconds(10));
    config.host = HostConfig::restless(5);
    let mut sim = Sim::new(config);
    for moment in 1..40 {
        sim.run_until(types::time::VirtualTime::new(moment * 123_457));
        demand_replay(&mut sim);
    }
}

#[test]
fn a_cluster_that_was_reloaded_goes_on_and_every_segment_replays() {
    for seed in 0..20 {
        let mut config = SimulationConfig::quiet(seed);
        config.host = HostConfig::restless(seed);
        config.host.kills_permille = 0;
        let mut sim = Sim::new(config);
        let leader = wait_for_leader(&mut sim, &[]);
        write(&mut sim, "key", "value");
        kill(&mut sim, leader);
        sim.run_ms(333);
        let before = sim.conductor().now();
        sim.reload();
        assert!(sim.conductor().now() >= before);
        let second = wait_for_leader(&mut sim, &[]);
        assert_ne!(leader, second, "the dead store stays dead");
        assert_eq!(
            crate::support::read(&mut sim, "key").as_deref(),
            Some("value")
        );
        start(&mut sim, leader);
        sim.run_ms(2_000);
        let segments = demand_replay(&mut sim);
        assert_eq!(segments.len(), 2, "seed {seed}");
    }
}

#[test]
fn after_a_reload_a_cut_is_still_there_and_an_open_operation_is_unknown() {
    let (mut sim, leader) = led(7);
    crate::support::isolate(&mut sim, &[leader]);
    let put = crate::support::put("key", "value");
    let id = crate::support::submit(&mut sim, put, Some(leader));
    sim.run_ms(100);
    let cut = sim.conductor_mut().frame().cut;
    sim.reload();
    assert_eq!(sim.conductor_mut().frame().cut, cut);
    let state = crate::support::state(&mut sim, id);
    assert!(matches!(
        state,
        types::frame::OperationState::Unknown { .. }
    ));
    let next = crate::support::submit(&mut sim, crate::support::get("key"), None);
    assert!(next > id, "operations keep counting");
}

#[test]
fn a_recording_without_its_tail_replays_as_far_as_it_goes() {
    let mut sim = run(3, HostConfig::restless(3));
    let mut chunked = Sim::new({
        let mut config = SimulationConfig::from_seed(3, seconds(10));
        config.host = HostConfig::restless(3);
        config
    });
    let mut ends = Vec::new();
    for second in 1..=10 {
        chunked.run_until(seconds(second));
        ends.push((chunked.recording().len(), chunked.end()));
    }
    let bytes = chunked.recording().to_vec();
    for (length, end) in &ends {
        for missing in [0, 1, 7, 30] {
            let cut = bytes.len().min(length + missing);
            let recording = Recording::decode(&bytes[..cut]).expect("a tail may be missing");
            let replayed = replay(&recording).expect("what is there is whole");
            let known = ends
                .iter()
                .any(|(_, end)| replayed.segments == [end.clone()]);
            assert!(known && (missing > 0 || replayed.segments == [end.clone()]));
        }
    }
    demand_replay(&mut sim);
}

#[test]
fn a_recording_of_another_engine_is_refused() {
    let mut recording = recorded(1);
    recording.segments[0].engine_version = ENGINE_VERSION + 1;
    assert!(matches!(
        replay(&recording),
        Err(Divergence::OtherEngine { .. })
    ));
}

#[test]
fn a_replay_names_the_first_answer_that_differs() {
    let mut recording = recorded(2);
    let answer = &mut recording.segments[0].answers[40];
    answer.hash ^= 1;
    let (seq, store) = (answer.seq, answer.store);
    match replay(&recording) {
        Err(Divergence::Answer {
            event,
            store: found,
            ..
        }) => assert_eq!((event.seq, found), (seq, store)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_recording_that_leaves_something_out_does_not_replay() {
    let strikes = recorded(3).segments[0].strikes.len();
    for left_out in 0..strikes {
        let mut recording = recorded(3);
        let strike = recording.segments[0].strikes.remove(left_out);
        assert!(replay(&recording).is_err(), "without {strike:?}");
    }
}

#[test]
fn a_hostile_recording_is_refused() {
    assert!(matches!(
        Recording::decode(b"GIF89a"),
        Err(RecordingError::NotARecording { at: 0 })
    ));
    assert!(Recording::decode(b"").is_err());
    let mut sim = run(4, HostConfig::restless(4));
    let bytes = sim.recording().to_vec();
    for at in (0..bytes.len()).step_by(61) {
        let mut spoilt = bytes.clone();
        spoilt[at] ^= 0x55;
        // Another length may look like a missing tail; nothing else passes.
        if let Ok(recording) = Recording::decode(&spoilt) {
            assert!(
                recording.segments.is_empty() || replay(&recording).is_err(),
                "byte {at}"
            );
        }
    }
}

#[test]
fn chance_that_makes_no_sense_is_a_divergence_and_no_panic() {
    use cluster::Chance;
    let nobody = StoreId::new(77);
    let chances = [
        Chance::Act(Action::Kill { store: nobody }),
        Chance::AnswerCame(nobody),
        Chance::StoreLate(nobody),
        Chance::LateAnswer(StoreId::new(1)),
        Chance::DiskDone(nobody, types::id::Cycle::new(5)),
        Chance::Loaded {
            store: nobody,
            cycle: types::id::Cycle::new(5),
            image: None,
        },
        Chance::Loaded {
            store: StoreId::new(1),
            cycle: types::id::Cycle::ZERO,
            image: Some(types::disk::DiskImage::default()),
        },
    ];
    for chance in chances {
        let mut recording = recorded(5);
        let strikes = &mut recording.segments[0].strikes;
        let mut last = strikes.last().expect("loads are recorded").clone();
        last.chance = chance;
        strikes.push(last.clone());
        assert!(replay(&recording).is_err(), "{last:?}");
    }
}

fn recorded(seed: u64) -> Recording {
    let (mut sim, leader) = led(seed);
    write(&mut sim, "key", "value");
    kill(&mut sim, leader);
    sim.run_ms(500);
    start(&mut sim, leader);
    sim.run_ms(1_000);
    Recording::decode(sim.recording()).expect("our own recording")
}
