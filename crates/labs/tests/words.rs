//! The page offers the whole catalogue, in every language.

use std::collections::BTreeSet;
use std::path::Path;

use labs::CATALOGUE;

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::read_to_string(root.join(path)).expect("a source of the page")
}

#[test]
fn the_page_offers_every_broken_rule_once_and_no_other() {
    let source = read("crates/app/src/words/rules.rs");
    let names = source.lines().filter_map(|line| {
        let line = line.trim();
        line.strip_prefix('"')?.strip_suffix("\",")
    });
    let offered: Vec<&str> = names.filter(|name| name.contains('_')).collect();
    let all: BTreeSet<&str> = CATALOGUE.iter().map(|broken| broken.name).collect();
    assert_eq!(offered.len(), all.len());
    assert_eq!(offered.into_iter().collect::<BTreeSet<_>>(), all);
}

#[test]
fn every_broken_rule_has_its_symptom_in_both_languages() {
    let (english, chinese) = (read("www/locales/en.ftl"), read("www/locales/zh-CN.ftl"));
    for broken in CATALOGUE {
        let key = format!("rule-{} = ", broken.name.replace('_', "-"));
        let symptom = format!("    .symptom = {}", broken.symptom);
        for text in [&english, &chinese] {
            let mut lines = text.lines().skip_while(|line| !line.starts_with(&key));
            assert!(lines.next().is_some(), "{key} has no words");
            let next = lines.next().unwrap_or_default();
            assert!(next.starts_with("    .symptom = "), "{key}: {next}");
        }
        assert!(english.contains(&symptom), "{}", broken.name);
    }
}
