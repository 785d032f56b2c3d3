use super::*;

#[test]
fn smoke() {
    for seed in 0..20 {
        let t = run(seed, 30);
        assert_eq!(t, run(seed, 30));
        eprintln!("{seed} {t:?}");
    }
}
#[test]
fn smoke_replay() {
    for seed in 0..100u64 {
        let until = VirtualTime::new(10_000_000);
        let mut config = SimulationConfig::from_seed(seed, until);
        if seed % 2 == 1 {
            config.host = HostConfig::restless(seed);
        }
        let mut s = Simulation::<Store>::new(config);
        s.run_until(until);
        let end = s.end();
        let recording = crate::Recording::decode(s.recording()).unwrap();
        let r = crate::replay::replay(&recording).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        assert_eq!(r.segments.last(), Some(&end), "{seed}");
        if seed < 6 {
            eprintln!(
                "{seed} {} {:?} {}",
                s.recording().len(),
                s.counts(),
                s.misused()
            );
        }
    }
}
