//! A row of a table of tests, and what becomes of it.

use std::collections::BTreeMap;

use cluster::sim::Sight;
use types::{raft::RaftFact, settings::Settings, view::FactBody};

use super::generic::{Generic, Mix};
use super::{Count, Kv, Outcome};
use crate::support::{on_two_threads, write_file};

/// Seeds within which a broken rule must turn a row red.
const RED_SEEDS: u64 = 10;

/// One test of a course.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    /// The module of our test.
    pub(crate) module: &'static str,
    /// The name of our test.
    pub(crate) name: &'static str,
    /// The course's, without `Test`.
    pub(crate) course: &'static str,
    pub(crate) script: Script,
    /// What it does, for people.
    pub(crate) does: &'static str,
    /// How many seeds it runs unless `COURSE_SEEDS` says otherwise.
    pub(crate) seeds: u64,
    /// What must have happened at least, for each seed on average; of operations, in each seed.
    pub(crate) floors: &'static [(Count, u64)],
    /// The broken rules that turn it red; empty where only one that is not built could.
    pub(crate) red_under: &'static [&'static str],
}

/// How a test goes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Script {
    /// The generic one of its course.
    Generic(Generic),
    /// One of its own, with the settings that belong to a seed.
    Own(fn(u64) -> Settings, fn(&mut Kv) -> Outcome),
}

/// A table of tests and the tests themselves, the generic ones first.
macro_rules! kv_rows {
    ($rows:ident of $module:literal, otherwise $plain:path:
     generic { $($name:ident = $course:literal: $clients:literal clients,
        [$($switch:ident)*] $(keeps $limit:literal)?
        $(, $field:ident $value:expr)*;
        seeds: $seeds:literal, floors: [$($count:ident $least:literal),*],
        red_under: [$($rule:literal),*];)* }
     scenarios { $($own:ident = $own_course:literal: $settings:path, $script:path,
        does: $does:literal,
        seeds: $own_seeds:literal, floors: [$($own_count:ident $own_least:literal),*],
        red_under: [$($own_rule:literal),*];)* }) => {
        static $rows: &[$crate::kv::row::Row] = &[
            $($crate::kv::row::Row {
                module: $module,
                name: stringify!($name),
                course: $course,
                script: $crate::kv::row::Script::Generic($crate::kv::generic::Generic {
                    clients: $clients,
                    $($switch: true,)*
                    $(limit: Some($limit),)?
                    $($field: $value,)*
                    ..$plain
                }),
                does: "",
                seeds: $seeds,
                floors: &[$(($count, $least)),*],
                red_under: &[$($rule),*],
            },)*
            $($crate::kv::row::Row {
                module: $module,
                name: stringify!($own),
                course: $own_course,
                script: $crate::kv::row::Script::Own($settings, $script),
                does: $does,
                seeds: $own_seeds,
                floors: &[$(($own_count, $own_least)),*],
                red_under: &[$($own_rule),*],
            }),*
        ];

        $(
            #[test]
            fn $name() {
                $crate::kv::row::judge($rows, stringify!($name));
            }
        )*
        $(
            #[test]
            fn $own() {
                $crate::kv::row::judge($rows, stringify!($own));
            }
        )*
    };
}
pub(crate) use kv_rows;

/// Notes what a host saw.
pub(crate) fn tally(counts: &mut BTreeMap<Count, u64>, sight: &Sight) {
    let Sight::Fact(fact) = sight else { return };
    let what = match &fact.body {
        FactBody::Raft(RaftFact::Compacted { .. }) => Count::Compactions,
        FactBody::Raft(RaftFact::SnapshotRestored { .. }) => Count::Snapshots,
        _ => return,
    };
    *counts.entry(what).or_default() += 1;
}

impl Row {
    /// Runs one seed.
    pub(crate) fn run(&self, seed: u64, broken: Option<&str>) -> (BTreeMap<Count, u64>, Outcome) {
        match self.script {
            Script::Generic(generic) => {
                let (kv, outcome) = generic.run(seed, broken);
                (kv.counts, outcome)
            }
            Script::Own(settings, script) => {
                let mut kv = Kv::new(settings(seed), broken);
                let outcome = script(&mut kv).and_then(|()| kv.end());
                (kv.counts, outcome)
            }
        }
    }

    /// Runs the row with the correct rules.
    ///
    /// # Panics
    ///
    /// Where the test fails, or too little happened.
    pub(crate) fn judge(&self) {
        let asked = std::env::var("COURSE_SEEDS").ok();
        let seeds = asked.map_or(self.seeds, |seeds| {
            seeds.parse().expect("a number of seeds")
        });
        let name = self.name;
        let mut sums: BTreeMap<Count, u64> = BTreeMap::new();
        for seed in 1..=seeds {
            let (counts, outcome) = self.run(seed, None);
            if let Err(failure) = outcome {
                panic!("{name}, seed {seed}: {failure}");
            }
            for (what, count) in counts {
                let sum = sums.entry(what).or_insert(match what {
                    Count::Acknowledged => count,
                    _ => 0,
                });
                *sum = match what {
                    Count::Acknowledged => count.min(*sum),
                    _ => *sum + count,
                };
            }
        }
        for &(what, least) in self.floors {
            let count = sums.get(&what).copied().unwrap_or_default();
            let wanted = match what {
                Count::Acknowledged => least,
                _ => least * seeds,
            };
            let word = what.name();
            assert!(
                count >= wanted,
                "{name}: {word}: {count} in {seeds} seeds, fewer than {wanted}"
            );
        }
    }

    /// Looks for a seed that turns this row red under each rule that it names.
    pub(crate) fn redden(&'static self) -> Vec<Red> {
        let red = |rule: &&'static str| {
            let seeds = 1..=RED_SEEDS;
            let mut reds = seeds.filter_map(|seed| {
                let failure = self.run(seed, Some(rule)).1.err()?;
                Some((seed, failure))
            });
            Red {
                row: self,
                rule,
                found: reds.next(),
            }
        };
        self.red_under.iter().map(red).collect()
    }

    /// The row as `docs/course-tests.md` has it.
    pub(crate) fn line(&self) -> String {
        let floor = |(what, least): &(Count, u64)| format!("{}: {least}", what.name());
        let floors: Vec<String> = self.floors.iter().map(floor).collect();
        let rules: Vec<String> = self
            .red_under
            .iter()
            .map(|rule| format!("`{rule}`"))
            .collect();
        let does = match self.script {
            Script::Generic(generic) => generic.words(),
            Script::Own(..) => self.does.to_owned(),
        };
        format!(
            "| {} | `{}::{}` | {does} | {} | {} | {} |",
            self.course,
            self.module,
            self.name,
            self.seeds,
            floors.join(", "),
            rules.join(", ")
        )
    }
}

/// What a broken rule did to a row: the seed and the symptom, where it showed.
pub(crate) struct Red {
    row: &'static Row,
    rule: &'static str,
    found: Option<(u64, String)>,
}

impl Red {
    /// The row and the rule, where nothing went red.
    pub(crate) fn pale(&self) -> Option<String> {
        let is_pale = self.found.is_none();
        is_pale.then(|| format!("{}: {}", self.row.name, self.rule))
    }

    /// The line for people.
    pub(crate) fn line(&self) -> String {
        let (seed, symptom) = match &self.found {
            Some((seed, symptom)) => (seed.to_string(), symptom.as_str()),
            None => (format!("none of {RED_SEEDS}"), "nothing"),
        };
        let symptom = symptom.lines().next().unwrap_or_default();
        let (row, rule) = (self.row, self.rule);
        format!(
            "| Test{} | `{}::{}` | `{rule}` | {seed} | {symptom} |\n",
            row.course, row.module, row.name
        )
    }
}

impl Generic {
    /// What the test is given, for people.
    fn words(&self) -> String {
        let count = |number: u64, what: &str| match number {
            1 => format!("1 {what}"),
            _ => format!("{number} {what}s"),
        };
        let mut words = vec![count(self.clients, "client"), count(self.stores, "store")];
        let switches = [
            (self.unreliable, "unreliable"),
            (self.crash, "crash"),
            (self.partitions, "partitions"),
            (self.conf_change, "membership changes"),
            (self.split, "splits"),
        ];
        let on = switches.iter().filter(|(is_on, _)| *is_on);
        words.extend(on.map(|(_, word)| (*word).to_owned()));
        if let Some(limit) = self.limit {
            let unit = match self.mix {
                Mix::PutAndScan => "entries",
                Mix::AppendAndGet | Mix::SharedKeys { .. } => "bytes",
            };
            words.push(format!("log of {limit} {unit}"));
        }
        if matches!(self.mix, Mix::SharedKeys { .. }) {
            words.push("shared keys".to_owned());
        }
        words.join(", ")
    }
}

/// Runs the row of that name with the correct rules.
pub(crate) fn judge(rows: &[Row], name: &str) {
    let row = rows.iter().find(|row| row.name == name);
    row.expect("a row").judge();
}

/// Demands that every row goes red under what it names, and leaves a table for people.
pub(crate) fn demand_red(rows: &'static [Row], file: &str) {
    let todo: Vec<&'static Row> = rows.iter().collect();
    let reds = on_two_threads(todo, Row::redden);
    let reds: Vec<Red> = reds.into_iter().flatten().collect();
    let lines: String = reds.iter().map(Red::line).collect();
    let head = "| course test | our test | broken | red at seed | symptom |\n\
        | --- | --- | --- | ---: | --- |\n";
    write_file(file, &format!("{head}{lines}"));
    let pale: Vec<String> = reds.iter().filter_map(Red::pale).collect();
    assert!(pale.is_empty(), "nothing turned these red: {pale:#?}");
}

/// Demands that the page has the rows, as they are, in that part.
pub(crate) fn demand_page(rows: &[Row], part: &str) {
    let page = include_str!("../../../../../docs/course-tests.md");
    let found = page.split("\n## ").find(|each| each.starts_with(part));
    let module = format!("`{}::", rows[0].module);
    let written: Vec<&str> = found
        .expect("the part of the page")
        .lines()
        .filter(|line| line.starts_with('|') && line.contains(&module))
        .collect();
    let lines: Vec<String> = rows.iter().map(Row::line).collect();
    assert_eq!(written, lines);
}
