//! Any moment of a recording: what it looks like, and where it leads.

use cluster::Server;
use cluster::{
    Recording,
    replay::{SeekError, SegmentEnd, seek},
    sim::{HostConfig, SimulationConfig},
};
use raftstore::RuleBook;
use types::{event::EventId, time::VirtualTime};

use crate::support::{Sim, kill, seconds, store};

const BOOK: RuleBook = RuleBook::new(|_| None);

fn recorded(sim: &mut Sim) -> Recording {
    Recording::decode(sim.recording()).expect("a recording of our own")
}

#[test]
fn every_moment_of_a_recording_has_the_hashes_that_the_run_had_there() {
    for seed in 0..12 {
        let until = seconds(6);
        let mut config = SimulationConfig::from_seed(seed, until);
        config.host = HostConfig::restless(seed);
        let mut sim = Sim::new(config);
        let mut ends: Vec<SegmentEnd> = Vec::new();
        for moment in 1..=20 {
            sim.run_until(VirtualTime::new(moment * 271_828));
            if !sim.conductor().is_round_open() {
                ends.push(sim.end());
            }
            if moment == 10 {
                sim.reload();
            }
        }
        let recording = recorded(&mut sim);
        for end in ends.iter().rev() {
            let moment = seek::<Server>(&recording, &BOOK, end.event, Some(end.now));
            let moment = moment.expect("the recording has it");
            assert_eq!(moment.hashes(), *end, "seed {seed}");
        }
    }
}

#[test]
fn an_event_in_the_midst_of_a_round_stands_for_the_end_of_the_round() {
    let until = seconds(3);
    let mut sim = Sim::new(SimulationConfig::from_seed(2, until));
    sim.run_until(until);
    let recording = recorded(&mut sim);
    let last = sim.conductor().event();
    let mut stands = Vec::new();
    for seq in 0..=last.seq {
        let event = EventId { seq, ..last };
        let moment = seek::<Server>(&recording, &BOOK, event, None).expect("it has it");
        let at = moment.hashes().event.seq;
        assert!(at >= seq, "{event} was passed by");
        stands.push(at);
    }
    let shared = stands.windows(2).filter(|two| two[0] == two[1]).count();
    assert!(shared > 10, "only {shared} events share a round");
    assert!(stands.is_sorted());
}

#[test]
fn a_fork_that_meets_nothing_is_the_run_itself() {
    for seed in 0..8 {
        let until = seconds(8);
        let mut config = SimulationConfig::from_seed(seed, until);
        config.script.clear();
        let mut sim = Sim::new(config);
        sim.run_until(seconds(3));
        let middle = sim.end();
        sim.run_until(until);
        let recording = recorded(&mut sim);
        let moment = seek::<Server>(&recording, &BOOK, middle.event, Some(middle.now));
        let mut fork = moment.expect("it has it").fork();
        assert_eq!(fork.end(), middle, "seed {seed}");
        fork.run_until(until);
        assert_eq!(fork.end(), sim.end(), "seed {seed}");
    }
}

#[test]
fn a_fork_knows_nothing_of_what_people_did_later() {
    let mut sim = Sim::new(SimulationConfig::quiet(5));
    sim.run_ms(2_000);
    let middle = sim.end();
    kill(&mut sim, store(1));
    sim.run_ms(2_000);
    let recording = recorded(&mut sim);
    let moment = seek::<Server>(&recording, &BOOK, middle.event, None).expect("it has it");
    let mut fork = moment.fork();
    fork.run_ms(2_000);
    assert_eq!(fork.conductor().running().len(), 5);
    assert_eq!(sim.conductor().running().len(), 4);
}

#[test]
fn a_fork_of_a_troubled_run_goes_on_and_never_waits_for_ever() {
    for seed in 0..12 {
        let until = seconds(6);
        let mut config = SimulationConfig::from_seed(seed, until);
        config.host = HostConfig::restless(seed);
        let mut sim = Sim::new(config);
        sim.run_until(until);
        let recording = recorded(&mut sim);
        let last = sim.conductor().event();
        for part in 1..6 {
            let seq = last.seq * part / 6;
            let event = EventId { seq, ..last };
            let moment = seek::<Server>(&recording, &BOOK, event, None).expect("it has it");
            let mut fork = moment.fork();
            let before = fork.conductor().event();
            fork.run_ms(1_000);
            assert!(fork.conductor().event() > before, "seed {seed}, {event}");
        }
    }
}

#[test]
fn a_moment_that_a_recording_does_not_have_is_refused() {
    let mut sim = Sim::new(SimulationConfig::quiet(5));
    sim.run_ms(500);
    let recording = recorded(&mut sim);
    let last = sim.conductor().event();
    for event in [last.next(), EventId { segment: 2, seq: 1 }] {
        let sought = seek::<Server>(&recording, &BOOK, event, None).map(drop);
        assert_eq!(sought, Err(SeekError::NoSuchEvent { event }));
    }
}
