use std::collections::BTreeMap;

use super::*;

fn range(from: u64, to: u64) -> Range {
    Range { from, to }
}

#[test]
fn seeds_are_two_numbers_with_something_between_them() {
    assert_eq!(parse_range("7..9").expect("a range"), range(7, 9));
    for bad in ["7", "7..", "..9", "9..9", "9..7", "a..b", "-1..3"] {
        assert!(parse_range(bad).is_err(), "{bad}");
    }
}

fn environment(pairs: &[(&str, &str)]) -> Result<Option<Shard>> {
    let pairs: BTreeMap<&str, &str> = pairs.iter().copied().collect();
    Shard::of_environment(|name| pairs.get(name).map(|text| (*text).to_owned()))
}

#[test]
fn a_slurm_array_is_split_by_its_own_numbering() {
    for (first, step) in [(0, 1), (1, 1), (100, 1), (3, 4)] {
        for count in 1..=9_u64 {
            let mut next = 50;
            for nth in 0..count {
                let id = first + nth * step;
                let said = [
                    ("SLURM_ARRAY_TASK_ID", id),
                    ("SLURM_ARRAY_TASK_COUNT", count),
                    ("SLURM_ARRAY_TASK_MIN", first),
                    ("SLURM_ARRAY_TASK_STEP", step),
                ]
                .map(|(name, number)| (name, number.to_string()));
                let said: Vec<(&str, &str)> = said
                    .iter()
                    .map(|(name, text)| (*name, text.as_str()))
                    .collect();
                let shard = environment(&said).expect("valid").expect("an array");
                let part = shard.of(range(50, 87));
                assert_eq!(part.from, next, "{said:?}");
                next = part.to;
            }
            assert_eq!(next, 87);
        }
    }
}

#[test]
fn an_indexed_job_is_split_by_its_index_and_a_count_that_must_be_given() {
    let mut next = 0;
    for index in 0..6 {
        let index = index.to_string();
        let said = [
            ("JOB_COMPLETION_INDEX", index.as_str()),
            ("SOAK_SHARDS", "6"),
        ];
        let shard = environment(&said).expect("valid").expect("a job");
        let part = shard.of(range(0, 100));
        assert_eq!(part.from, next);
        next = part.to;
    }
    assert_eq!(next, 100);
    let error = environment(&[("JOB_COMPLETION_INDEX", "0")]).expect_err("of how many");
    assert!(error.to_string().contains("SOAK_SHARDS"), "{error}");
}

#[test]
fn outside_of_array_jobs_nothing_is_split_and_nonsense_is_refused() {
    assert_eq!(environment(&[]).expect("valid"), None);
    for bad in ["3/3", "1", "a/2", "-1/2", "0/0"] {
        assert!(Shard::parse(bad).is_err(), "{bad}");
    }
    assert_eq!(Shard::parse("2/3").expect("valid"), Shard { nth: 2, of: 3 });
    let said = [
        ("SLURM_ARRAY_TASK_ID", "4"),
        ("SLURM_ARRAY_TASK_COUNT", "4"),
    ];
    assert!(environment(&said).is_err());
}

fn wanted(from: u64, to: u64, jobs: usize) -> run::Wanted {
    run::Wanted {
        range: range(from, to),
        profile: Profile::Raft,
        planted: None,
        jobs,
        trace: false,
    }
}

fn totals(wanted: &run::Wanted) -> Totals {
    let mut steps = Steps::new();
    let totals = steps.run("soak", |progress| Ok(run::all(wanted, progress)));
    totals.expect("a soak always has totals")
}

#[test]
fn totals_do_not_depend_on_the_number_of_threads() {
    let alone = totals(&wanted(0, 12, 1));
    assert_eq!(totals(&wanted(0, 12, 4)), alone);
    assert_eq!(alone.seeds, 12);
    let value = document::value(&alone, None).expect("a value");
    assert_eq!(value["seeds"], 12);
    assert_eq!(value["violations"], 0);
    assert!(value["virtual_seconds"].as_u64() > Some(0));
}

#[test]
fn files_of_parts_add_up_to_the_file_of_the_whole() {
    let folder = std::env::temp_dir().join(format!("xtask-soak-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for files");
    let file = |name: &str| folder.join(name);
    let whole = totals(&wanted(0, 9, 2));
    let mut files = Vec::new();
    for nth in 0..3 {
        let part = Shard { nth, of: 3 }.of(range(0, 9));
        let path = file(&format!("part-{nth}.json"));
        document::write(&totals(&wanted(part.from, part.to, 1)), None, &path).expect("written");
        files.push(path);
    }
    files.reverse();
    assert_eq!(merge(&files).expect("they add up"), whole);
    files.push(file("part-1.json"));
    let error = merge(&files).expect_err("part 1 counts twice");
    assert!(format!("{error:#}").contains("overlap"), "{error:#}");
    std::fs::remove_dir_all(folder).expect("it was just made");
}

#[test]
fn a_violation_is_an_error_and_so_is_a_missed_floor() {
    let mut totals = Totals::new(Profile::All, range(0, 1_000));
    totals.seeds = 10;
    assert!(judge(&totals).is_ok());
    totals.violations = 1;
    assert!(judge(&totals).is_err());
    totals.violations = 0;
    totals.seeds = 1_000;
    assert!(judge(&totals).is_err());
}

#[test]
fn what_is_absent_is_named_with_what_it_waits_for() {
    let totals = Totals::new(Profile::Raft, range(0, 1));
    let table = document::table(&totals);
    for line in [
        "scheduler unreachable: comes with the multi-raft store",
        "unknown outcomes: not in the profile `raft`",
    ] {
        assert!(table.contains(line), "{table}");
    }
}
