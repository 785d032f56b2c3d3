//! Stores of the page with every broken rule of the catalogue: what a rule breaks is a verdict, or
//! a store's last word, and never a panic of ours.

use cluster::Server;
use cluster::sim::{HostConfig, Simulation, SimulationConfig};
use labs::{BrokenRule, CATALOGUE};
use raftstore::RuleBook;
use types::{action::Action, frame::Life, id::StoreId, io::Stop, time::VirtualTime};

const SEEDS: u64 = 12;
const UNTIL: VirtualTime = VirtualTime::new(15_000_000);

/// How a run ended.
#[derive(Default)]
struct End {
    /// The invariant that was broken, by its number.
    broken: Option<u8>,
    /// The words of a panic.
    panic: Option<String>,
}

fn run(broken: Option<&BrokenRule>, seed: u64) -> End {
    let mut config = SimulationConfig::from_seed(seed, UNTIL);
    if let Some(broken) = broken {
        config.cluster.settings.preset = broken.preset as u64;
    }
    config.host = HostConfig {
        catch_panics: true,
        ..HostConfig::new(seed)
    };
    let book = RuleBook::new(labs::rules);
    let mut sim = Simulation::<Server>::with_setup(config, book);
    sim.conductor_mut().watch();
    for store in (1..=sim.conductor().settings().stores).map(StoreId::new) {
        let name = broken.map(|broken| broken.name.to_owned());
        sim.act(Action::Rule { store, name })
            .expect("a rule of the catalogue");
    }
    while sim.advance(UNTIL) && sim.conductor().violation().is_none() {}
    let broken = sim.conductor().violation();
    let broken = broken.map(|violation| violation.invariant.number());
    let stores = sim.conductor_mut().frame().stores.into_iter();
    let panic = stores.into_iter().find_map(|store| match store.life {
        Life::Stopped(Stop::Panic { message }) => Some(message),
        _ => None,
    });
    End { broken, panic }
}

#[test]
fn no_broken_rule_makes_a_store_panic_and_most_are_named_live() {
    let mut named = 0;
    let mut panics = Vec::new();
    for broken in CATALOGUE {
        let ends: Vec<End> = (0..SEEDS).map(|seed| run(Some(broken), seed)).collect();
        named += usize::from(ends.iter().any(|end| end.broken.is_some()));
        panics.extend(ends.into_iter().filter_map(|end| end.panic));
    }
    assert_eq!(panics, Vec::<String>::new());
    assert!(named >= 15, "only {named} rules were named");
}

#[test]
fn the_correct_rules_are_never_objected_to() {
    for seed in 0..40 {
        let end = run(None, seed);
        assert_eq!((end.broken, end.panic), (None, None), "seed {seed}");
    }
}
