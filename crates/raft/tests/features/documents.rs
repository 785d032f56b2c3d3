//! The pages that name tests name tests that exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const CRATE: &str = env!("CARGO_MANIFEST_DIR");

fn page(name: &str) -> String {
    let path = Path::new(CRATE).join("../../docs").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The module path of a source file below `root`: folders and the file's name, without the files
/// that give a folder its module.
fn module_of(root: &Path, file: &Path) -> Vec<String> {
    let inside = file.strip_prefix(root).expect("a file of this root");
    let inside = inside.with_extension("");
    let parts = inside
        .iter()
        .map(|part| part.to_string_lossy().into_owned());
    parts
        .filter(|part| !["main", "lib", "mod"].contains(&part.as_str()))
        .collect()
}

/// The tests of one source, by their module paths. Relies on rustfmt: a module's lines are
/// indented below it and its end is as far in as its beginning.
fn tests_of(module: &[String], source: &str) -> Vec<String> {
    let mut inner: Vec<(usize, String)> = Vec::new();
    let mut is_test = false;
    let mut tests = Vec::new();
    for line in source.lines() {
        let code = line.trim_start();
        let indent = line.len() - code.len();
        if code == "}" && inner.last().is_some_and(|(at, _)| *at == indent) {
            inner.pop();
        } else if let Some(name) = code
            .strip_prefix("mod ")
            .and_then(|rest| rest.strip_suffix(" {"))
        {
            inner.push((indent, name.to_owned()));
        } else if code == "#[test]" {
            is_test = true;
        } else if let Some(rest) = code.strip_prefix("fn ").filter(|_| is_test) {
            let name = rest.split('(').next().unwrap_or_default().to_owned();
            let inner = inner.iter().map(|(_, name)| name.clone());
            let path: Vec<String> = module.iter().cloned().chain(inner).chain([name]).collect();
            tests.push(path.join("::"));
            is_test = false;
        }
    }
    tests
}

/// Every test of this crate: `raft::…` for those in its sources, the name of the target first for
/// the others.
fn all_tests() -> BTreeSet<String> {
    let mut tests = BTreeSet::new();
    for (root, prefix) in [("src", &["raft".to_owned()][..]), ("tests", &[])] {
        let root = Path::new(CRATE).join(root);
        let mut files = Vec::new();
        sources(&root, &mut files);
        for file in files {
            let module = [prefix, &module_of(&root, &file)].concat();
            let source = fs::read_to_string(&file).expect("a source");
            tests.extend(tests_of(&module, &source));
        }
    }
    tests
}

/// A row of a table whose second or third cell names tests.
#[derive(Debug)]
struct Row {
    section: String,
    name: String,
    tests: Vec<String>,
}

/// The rows of all tables of a page, each with the heading that it stands under.
fn rows(page: &str) -> Vec<Row> {
    let mut section = String::new();
    let mut rows = Vec::new();
    for line in page.lines() {
        if line.starts_with('#') {
            section = line.trim_start_matches(['#', ' ']).to_owned();
        }
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let is_row = line.starts_with("| ") && !line.starts_with("| ---");
        if !is_row || cells[cells.len() - 2] == "tests" || cells[2] == "our tests" {
            continue;
        }
        let quoted = line.split('`').skip(1).step_by(2);
        rows.push(Row {
            section: section.clone(),
            name: cells[1].to_owned(),
            tests: quoted
                .filter(|quoted| quoted.contains("::") && !quoted.contains(['(', ' ']))
                .map(str::to_owned)
                .collect(),
        });
    }
    rows
}

/// Checks that every row names tests, and only such that exist.
fn check(rows: &[Row]) {
    let all = all_tests();
    let is_unknown = |test: &&String| !all.contains(*test);
    let unknown: Vec<_> = rows.iter().flat_map(|row| &row.tests).collect();
    let unknown: Vec<_> = unknown.into_iter().filter(is_unknown).collect();
    assert!(unknown.is_empty(), "no such tests: {unknown:#?}");
    let untested = rows.iter().filter(|row| row.tests.is_empty());
    let untested: Vec<_> = untested.map(|row| &row.name).collect();
    assert!(untested.is_empty(), "these rows name no test: {untested:?}");
}

/// The sections of a page that have a table, in their order.
fn sections(rows: &[Row]) -> Vec<&str> {
    let mut sections: Vec<&str> = rows.iter().map(|row| row.section.as_str()).collect();
    sections.dedup();
    sections
}

#[test]
fn every_feature_names_tests_that_exist() {
    let rows = rows(&page("features.md"));
    check(&rows);
    assert_eq!(
        sections(&rows),
        [
            "Elections",
            "Replication",
            "Reads",
            "Membership",
            "Transfer",
            "Snapshots",
            "Storage",
            "Quorum",
            "Presets",
        ]
    );
}

/// `LeaderBcastBeat` as `leader_bcast_beat`.
fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    let mut before = '_';
    for letter in name.chars() {
        if letter.is_uppercase() && before.is_lowercase() {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
        before = letter;
    }
    snake
}

fn course_rows() -> Vec<Row> {
    let page = page("course-tests.md");
    let part = page.split("\n## ").find(|part| part.starts_with("Part A:"));
    rows(part.expect("part A"))
}

#[test]
fn every_raft_test_of_the_course_has_tests_of_its_name() {
    let rows = course_rows();
    check(&rows);
    for (project, count) in [("2AA", 24), ("2AB", 26), ("2AC", 2), ("2C", 7), ("3A", 16)] {
        let section = format!("Project {project}");
        let of_project = rows.iter().filter(|row| row.section == section);
        let names: BTreeSet<&str> = of_project.map(|row| row.name.as_str()).collect();
        assert_eq!(names.len(), count, "{project}");
    }
    assert_eq!(rows.len(), 75);
    for row in &rows {
        let project = row.section.trim_start_matches("Project ").to_lowercase();
        let module = format!("course::tinykv_{project}");
        let name = format!("::{}_", snake_case(&row.name));
        for test in &row.tests {
            let is_of_it = test.starts_with(&module) && test.contains(&name);
            assert!(is_of_it, "{test} is not named after {}", row.name);
        }
    }
}

#[test]
fn every_course_test_of_ours_is_in_the_table() {
    let rows = course_rows();
    let named: BTreeSet<&String> = rows.iter().flat_map(|row| &row.tests).collect();
    let all = all_tests();
    let ours: BTreeSet<&String> = all
        .iter()
        .filter(|test| test.starts_with("course::"))
        .collect();
    assert!(ours.len() >= 75);
    assert_eq!(named, ours);
}

#[test]
fn the_tests_that_a_source_holds_are_found_with_their_modules() {
    let source = "#[test]\nfn one() {\n}\n\nfn none() {\n}\n\nmod inner {\n    #[test]\n    \
                  #[should_panic]\n    fn two() {\n    }\n}\n\n#[test]\nfn three() {\n}\n";
    let module = ["features".to_owned()];
    let expected = ["features::one", "features::inner::two", "features::three"];
    assert_eq!(tests_of(&module, source), expected);
    assert!(all_tests().contains("features::documents::every_feature_names_tests_that_exist"));
}
