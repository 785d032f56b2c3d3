//! The list of seeds that once failed: they always run.

use super::{Profile, ProfileError};

/// A line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Which runs.
    pub profile: Profile,
    /// The seed.
    pub seed: u64,
    /// What it broke, and when that was found; for people.
    pub why: String,
}

/// A line that says nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListedError {
    /// The profile is none.
    #[error("line {line}: {error}")]
    Profile {
        /// The number of the line, from 1.
        line: usize,
        /// What is wrong.
        error: ProfileError,
    },
    /// The seed is no number.
    #[error("line {line}: the second word is no seed")]
    Seed {
        /// The number of the line, from 1.
        line: usize,
    },
    /// Nobody says why.
    #[error("line {line}: say after the seed what it broke")]
    Why {
        /// The number of the line, from 1.
        line: usize,
    },
}

/// Reads a list: one line for each, `PROFILE SEED WHY`; lines that begin with `#` are for people.
///
/// # Errors
///
/// [`ListedError`] for the first line that is neither.
pub fn listed(text: &str) -> Result<Vec<Listed>, ListedError> {
    let mut all = Vec::new();
    for (nth, text) in text.lines().enumerate() {
        let line = nth + 1;
        if text.trim().is_empty() || text.starts_with('#') {
            continue;
        }
        let mut words = text.trim().splitn(3, ' ');
        let profile = Profile::named(words.next().unwrap_or_default());
        let profile = profile.map_err(|error| ListedError::Profile { line, error })?;
        let seed = words.next().and_then(|word| word.parse().ok());
        let seed = seed.ok_or(ListedError::Seed { line })?;
        let why = words.next().map(str::trim).filter(|why| !why.is_empty());
        let why = why.ok_or(ListedError::Why { line })?.to_owned();
        all.push(Listed { profile, seed, why });
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_profile_seed_and_reason() {
        let list = listed("# for people\n\nstore 17 R6, found in November\n").expect("readable");
        let wanted = Listed {
            profile: Profile::Store,
            seed: 17,
            why: "R6, found in November".to_owned(),
        };
        assert_eq!(list, [wanted]);
    }

    #[test]
    fn a_line_that_says_nothing_is_an_error_with_its_number() {
        for (text, number) in [
            ("\nshop 1 why", "line 2: there is no profile"),
            ("store x why", "line 1: the second word"),
            ("store 1", "line 1: say after"),
        ] {
            let error = listed(text).expect_err("says nothing").to_string();
            assert!(error.starts_with(number), "{error}");
        }
    }
}
