//! Counting: what a majority of voters says.

use types::raft::LogIndex;

/// How many of `voters` are a majority. At least 1, so that nobody wins an empty group.
#[must_use]
pub const fn majority(voters: usize) -> usize {
    voters / 2 + 1
}

/// The highest index that a majority has reached, given the match index of every voter; zero for
/// no voters. Sorts `matched`.
///
/// # Example
///
/// ```
/// use types::raft::LogIndex;
/// let mut matched = [7, 3, 9].map(LogIndex::new);
/// assert_eq!(raft::quorum::reached(&mut matched), LogIndex::new(7));
/// ```
#[must_use]
pub fn reached(matched: &mut [LogIndex]) -> LogIndex {
    matched.sort_unstable_by(|a, b| b.cmp(a));
    matched
        .get(majority(matched.len()) - 1)
        .copied()
        .unwrap_or(LogIndex::ZERO)
}

/// Where an election stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tally {
    /// A majority said yes.
    Won,
    /// Too many said no for a majority of yes.
    Lost,
    /// It is still open.
    Open,
}

/// Where an election stands with `yes` and `no` votes of `voters`.
#[must_use]
pub const fn tally(voters: usize, yes: usize, no: usize) -> Tally {
    if yes >= majority(voters) {
        Tally::Won
    } else if no + majority(voters) > voters {
        Tally::Lost
    } else {
        Tally::Open
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition, word by word: the highest index for which more than half of the voters
    /// have at least that much.
    fn reached_naive(matched: &[LogIndex]) -> LogIndex {
        matched
            .iter()
            .copied()
            .filter(|&index| {
                2 * matched.iter().filter(|&&other| other >= index).count() > matched.len()
            })
            .max()
            .unwrap_or(LogIndex::ZERO)
    }

    /// An election is won when it is won whatever the silent voters say, lost when it is lost
    /// whatever they say.
    fn tally_naive(voters: usize, yes: usize, no: usize) -> Tally {
        let silent = voters - yes - no;
        if 2 * yes > voters {
            Tally::Won
        } else if 2 * (yes + silent) <= voters {
            Tally::Lost
        } else {
            Tally::Open
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(50_000))]

        #[test]
        fn the_reached_index_is_that_of_the_definition(
            matched in prop::collection::vec(0_u64..12, 0..10),
        ) {
            let mut matched: Vec<LogIndex> = matched.into_iter().map(LogIndex::new).collect();
            let naive = reached_naive(&matched);
            prop_assert_eq!(reached(&mut matched), naive);
        }
    }

    #[test]
    fn the_tally_is_that_of_the_definition_for_every_small_group() {
        for voters in 1..=9 {
            for yes in 0..=voters {
                for no in 0..=voters - yes {
                    assert_eq!(
                        tally(voters, yes, no),
                        tally_naive(voters, yes, no),
                        "{yes} yes and {no} no of {voters}"
                    );
                }
            }
        }
    }

    #[test]
    fn an_empty_group_elects_nobody_and_commits_nothing() {
        assert_ne!(tally(0, 0, 0), Tally::Won);
        assert_eq!(reached(&mut []), LogIndex::ZERO);
    }
}
