use super::*;

#[test]
fn a_seed_and_a_profile_determine_the_run() {
    for profile in Profile::ALL {
        for seed in 0..3 {
            assert_eq!(
                run(seed, profile, None),
                run(seed, profile, None),
                "{profile} {seed}"
            );
        }
    }
}

#[test]
fn a_seed_of_all_is_the_sum_of_its_runs() {
    for seed in 10..13 {
        let (store, raft) = (
            run(seed, Profile::Store, None),
            run(seed, Profile::Raft, None),
        );
        let all = run(seed, Profile::All, None);
        assert_eq!(all.events, store.events + raft.events);
        assert_eq!(all.acknowledged, store.acknowledged + raft.acknowledged);
        assert_eq!(all.virtual_us, store.virtual_us + raft.virtual_us);
        assert_eq!(all.leader_us, store.leader_us + raft.leader_us);
        let kills = |report: &SeedReport| report.faults[&crate::sim::FaultKind::Kill];
        assert_eq!(kills(&all), kills(&store) + kills(&raft));
    }
}

#[test]
fn a_planted_rule_fails_with_one_line_and_the_trace_that_leads_there() {
    let rules: &'static Rules = {
        static RULES: Rules = Rules {
            leader_commit: |_| raft::rules::CommitVerdict::Unchanged,
            ..raft::CORRECT
        };
        &RULES
    };
    let planted = Planted {
        name: "nothing_commits",
        preset: Preset::TinyKv,
        rules,
    };
    let report = run(1, Profile::All, Some(planted));
    assert_eq!(report.failures.len(), 1);
    let failure = &report.failures[0];
    assert_eq!(failure.profile, Profile::Raft);
    assert_eq!(failure.to_string().lines().count(), 1, "{failure}");
    assert!(!failure.trace.is_empty());
    assert_eq!(
        failure.command(Some(planted.name)),
        "cargo xtask soak --seeds 1..2 --profile raft --trace --rule nothing_commits"
    );
}
