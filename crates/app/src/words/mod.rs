//! Every word that a person reads, from `www/locales`.

pub mod facts;
pub mod rules;
pub mod variants;
pub mod verdicts;

use fluent_bundle::{FluentArgs, FluentBundle, FluentResource, FluentValue};
use unic_langid::{LanguageIdentifier, langid};

use crate::model::look::Lang;

const EN: &str = include_str!("../../../../www/locales/en.ftl");
const ZH: &str = include_str!("../../../../www/locales/zh-CN.ftl");

/// The words of one language.
pub struct Words {
    /// Which language.
    pub lang: Lang,
    bundle: FluentBundle<FluentResource>,
}

/// A value inside of a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arg {
    /// Put in as it is.
    Text(String),
    /// A count that plurals follow.
    Count(u64),
    /// A broken rule, by its name.
    Rule(String),
    /// The words of another key.
    Key(&'static str),
}

impl From<&str> for Arg {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Arg {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<usize> for Arg {
    fn from(count: usize) -> Self {
        Self::Count(count as u64)
    }
}

/// A sentence to be: its locale key and the values inside of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentence {
    /// The locale key.
    pub key: &'static str,
    /// Names and values.
    pub args: Vec<(&'static str, Arg)>,
}

impl Sentence {
    /// A sentence without values.
    #[must_use]
    pub const fn plain(key: &'static str) -> Self {
        Self {
            key,
            args: Vec::new(),
        }
    }

    /// The sentence with one more value.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Arg>) -> Self {
        self.args.push((name, value.into()));
        self
    }
}

impl Words {
    /// The words of `lang`.
    ///
    /// # Panics
    ///
    /// When a locale file of ours is malformed; a test reads both.
    #[must_use]
    pub fn new(lang: Lang) -> Self {
        let (id, text) = match lang {
            Lang::En => (langid!("en"), EN),
            Lang::Zh => (langid!("zh-CN"), ZH),
        };
        Self {
            lang,
            bundle: bundle(&id, text),
        }
    }

    /// The words of `key`.
    #[must_use]
    pub fn t(&self, key: &str) -> String {
        self.format(key, None)
    }

    /// The words of `key` with values inside.
    #[must_use]
    pub fn tr<const N: usize>(&self, key: &str, args: [(&'static str, Arg); N]) -> String {
        self.args(key, args)
    }

    /// The words of a sentence.
    #[must_use]
    pub fn say(&self, sentence: &Sentence) -> String {
        self.args(sentence.key, sentence.args.iter().cloned())
    }

    fn args(&self, key: &str, args: impl IntoIterator<Item = (&'static str, Arg)>) -> String {
        let mut values = FluentArgs::new();
        for (name, value) in args {
            let value = match value {
                Arg::Text(text) => FluentValue::from(text),
                Arg::Count(count) => FluentValue::from(count),
                Arg::Rule(name) => FluentValue::from(self.rule(&name)),
                Arg::Key(key) => FluentValue::from(self.t(key)),
            };
            values.set(name, value);
        }
        self.format(key, Some(&values))
    }

    /// What belongs to the words of `key` under this name.
    #[must_use]
    pub fn attribute(&self, key: &str, name: &str) -> Option<String> {
        let message = self.bundle.get_message(key)?;
        let pattern = message.get_attribute(name)?.value();
        let mut errors = Vec::new();
        let words = self.bundle.format_pattern(pattern, None, &mut errors);
        Some(words.into_owned())
    }

    fn format(&self, key: &str, args: Option<&FluentArgs<'_>>) -> String {
        let pattern = self
            .bundle
            .get_message(key)
            .and_then(|message| message.value());
        let Some(pattern) = pattern else {
            return key.to_owned();
        };
        let mut errors = Vec::new();
        self.bundle
            .format_pattern(pattern, args, &mut errors)
            .into_owned()
    }
}

fn bundle(id: &LanguageIdentifier, text: &str) -> FluentBundle<FluentResource> {
    let resource = FluentResource::try_new(text.to_owned())
        .unwrap_or_else(|(_, errors)| panic!("locale {id}: {errors:?}"));
    let mut bundle = FluentBundle::new(vec![id.clone()]);
    // Isolation marks would show up in copied text and in tests.
    bundle.set_use_isolating(false);
    bundle
        .add_resource(resource)
        .unwrap_or_else(|errors| panic!("locale {id}: {errors:?}"));
    bundle
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    fn keys(text: &str) -> BTreeSet<String> {
        text.lines()
            .filter(|line| line.starts_with(|sign: char| sign.is_ascii_lowercase()))
            .filter_map(|line| line.split_once(" ="))
            .map(|(key, _)| key.to_owned())
            .collect()
    }

    fn values(text: &str) -> BTreeSet<(String, String)> {
        let mut found = BTreeSet::new();
        let mut key = String::new();
        for line in text.lines() {
            if let Some((name, _)) = line.split_once(" =")
                && line.starts_with(|sign: char| sign.is_ascii_lowercase())
            {
                key = name.to_owned();
            }
            for part in line.split("{ $").skip(1) {
                let name: String = part
                    .chars()
                    .take_while(|sign| sign.is_ascii_alphanumeric() || *sign == '-')
                    .collect();
                found.insert((key.clone(), name));
            }
        }
        found
    }

    #[test]
    fn both_languages_have_the_same_keys_and_values() {
        assert_eq!(keys(EN), keys(ZH));
        assert_eq!(values(EN), values(ZH));
        for lang in [Lang::En, Lang::Zh] {
            let words = Words::new(lang);
            for key in keys(EN) {
                assert!(words.bundle.has_message(&key), "{lang:?} lacks {key}");
            }
        }
    }

    /// Keys in the sources: the literals right after a call that asks for words.
    fn used(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).expect("the sources are there") {
            let path = entry.expect("a readable folder").path();
            if path.is_dir() {
                used(&path, found);
                continue;
            }
            let text = fs::read_to_string(&path).expect("a readable source");
            let text = text.replace(char::is_whitespace, "");
            for start in [
                ".t(\"",
                ".tr(\"",
                "Sentence::plain(\"",
                "named(\"",
                "\"field-",
                "\"fact-",
            ] {
                for (at, _) in text.match_indices(start) {
                    let quote = start.find('"').expect("each start opens a literal");
                    let rest = &text[at + quote + 1..];
                    let key = rest.split('"').next().unwrap_or_default();
                    found.insert(key.to_owned());
                }
            }
        }
    }

    #[test]
    fn every_key_in_the_sources_has_words() {
        let mut found = BTreeSet::new();
        used(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
            &mut found,
        );
        found.retain(|key| key.contains('-') && !key.ends_with('-') && !key.contains('{'));
        let known = keys(EN);
        let missing: Vec<_> = found.difference(&known).collect();
        assert_eq!(missing, Vec::<&String>::new());
        assert!(found.len() > 100, "only {} keys were found", found.len());
    }

    #[test]
    fn every_key_is_used_somewhere_in_the_sources() {
        let mut text = String::new();
        read(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
            &mut text,
        );
        let unused: Vec<_> = keys(EN)
            .into_iter()
            .filter(|key| !key.starts_with("settings-") && !key.starts_with("rule-"))
            .filter(|key| !text.contains(&format!("\"{key}\"")))
            .collect();
        assert_eq!(unused, Vec::<String>::new());
    }

    #[test]
    fn every_setting_has_a_name() {
        for spec in types::settings::TABLE {
            let key = format!("settings-{}", spec.name.replace('_', "-"));
            assert!(keys(EN).contains(&key), "{key}");
        }
    }

    #[test]
    fn every_broken_rule_has_a_name_and_a_symptom() {
        let of = |chapter: &(&str, &'static [&'static str])| chapter.1;
        let rules = rules::CHAPTERS.iter().flat_map(of);
        let named: BTreeSet<String> = rules
            .map(|name| format!("rule-{}", name.replace('_', "-")))
            .collect();
        let known: BTreeSet<String> = keys(EN)
            .into_iter()
            .filter(|key| key.starts_with("rule-"))
            .collect();
        assert_eq!(named, known);
        for lang in [Lang::En, Lang::Zh] {
            let words = Words::new(lang);
            for name in rules::CHAPTERS.iter().flat_map(of) {
                assert!(!words.symptom(name).is_empty(), "{lang:?}: {name}");
            }
            assert_eq!(words.rule("no such rule"), "no such rule");
        }
    }

    fn read(folder: &Path, text: &mut String) {
        for entry in fs::read_dir(folder).expect("the sources are there") {
            let path = entry.expect("a readable folder").path();
            if path.is_dir() {
                read(&path, text);
            } else {
                text.push_str(&fs::read_to_string(&path).expect("a readable source"));
            }
        }
    }

    #[test]
    fn no_sentence_shouts() {
        for text in [EN, ZH] {
            assert!(!text.contains('!') && !text.contains('！'));
        }
    }

    #[test]
    fn chinese_keeps_the_words_of_the_trade() {
        for wrong in ["领导者", "跟随者", "候选人", "区域", "副本节点"] {
            assert!(!ZH.contains(wrong), "{wrong}");
        }
    }
}
