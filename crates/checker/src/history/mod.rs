//! Judges histories of a key-value store: is there one order of all operations that explains
//! every answer and respects real time (R16)? The method is that of Wing and Gong ("Testing and
//! verifying concurrent objects", 1993) with the memory of Lowe ("Testing for linearizability",
//! 2017), as in Porcupine: one key at a time, depth first, never the same situation twice.
//!
//! A [`History`] is a list of [`Operation`]s in any order. [`check`] gives a [`Report`] with a
//! [`Verdict`]: an order that explains everything, or the operation that nothing explains, or
//! "unknown" once the [`Budget`] is spent. A spent budget never turns into a yes or a no.
//!
//! # What counts as order
//!
//! * One operation comes before another if it returned at an *earlier* instant than the other was
//!   invoked at. At equal instants the two are concurrent: instants are coarse, and nobody is
//!   accused because of a rounded clock.
//! * Operations of one client come in the order of the client, also where one ends at the instant
//!   at which the next begins.
//! * An operation whose outcome is unknown is open to the end: it may take effect at any instant
//!   after its invocation, or never, also while its client goes on with others.
//! * An operation that failed for sure had no effect and is not part of a history. A
//!   compare-and-set that found another value has an answer and is.
//!
//! # What a key does
//!
//! A key is absent or holds bytes, and begins absent. An append to an absent key puts. A
//! compare-and-set may expect absence.
//!
//! # Which prefix is the longest
//!
//! Cut a history of one key right after some operation's return. What returned by then must be in
//! the order; what was open then may be in it or not, and its later answer already binds it. A
//! cut that can be ordered stays so for every earlier cut, so there is one first return that
//! breaks it: that operation *cannot be placed*, and an order for the cut before it is the
//! *longest linearizable prefix*. Returns of one instant count in the order of their
//! invocations, then of the list.
//!
//! # Why the search is short
//!
//! Three rules leave out what cannot matter. An operation that changes nothing and whose answer
//! fits is placed at once. An operation that may be left out is not placed where a write that
//! looks at nothing would hide it at once. A value that is still to be read is not given up when
//! nothing can bring it back.
//!
//! Deliberately absent: how a history came about, and formats for it.

mod list;
mod live;
mod operation;
mod problem;
mod search;
mod seen;
#[cfg(test)]
mod tests;
mod value;
mod verdict;

pub use live::{LiveHistory, LiveVerdict, OPEN_MAX, Unexplained};
pub use operation::{Action, History, HistoryError, OPERATIONS_MAX, Operation};
pub use verdict::{Budget, KeyOrder, Report, Verdict};

use crate::history::problem::Problem;
use crate::history::search::{Found, search};

/// Judges a history, the keys with the fewest operations first. A key that cannot be ordered is
/// the verdict whatever is unknown about others.
///
/// The steps of the budget are for the whole history: each key may use an equal share of what is
/// left, so one hard key does not keep the others from being judged, and the largest gets all
/// that remains.
#[must_use]
pub fn check(history: &History, budget: Budget) -> Report {
    let mut keys: Vec<(&[u8], &[usize])> = history.keys().collect();
    keys.sort_by_key(|(key, operations)| (operations.len(), *key));
    let mut spent = Spent::default();
    let mut witness = Vec::with_capacity(keys.len());
    let mut unknown = None;
    for (done, (key, operations)) in keys.iter().enumerate() {
        let keys_left = (keys.len() - done) as u64;
        let share = budget.steps.saturating_sub(spent.steps) / keys_left;
        let mut judge = Judge {
            history,
            operations,
            limits: Budget {
                steps: spent.steps.saturating_add(share),
                ..budget
            },
            spent: &mut spent,
        };
        match judge.judge() {
            Judged::Ordered(order) => witness.push(KeyOrder {
                key: key.to_vec(),
                order,
            }),
            Judged::Broken {
                prefix,
                blocked,
                longest,
            } => {
                return spent.report(Verdict::NotLinearizable {
                    key: key.to_vec(),
                    prefix,
                    blocked,
                    longest,
                });
            }
            Judged::Open => {
                unknown.get_or_insert_with(|| key.to_vec());
            }
        }
    }
    if let Some(key) = unknown {
        return spent.report(Verdict::Unknown { key, budget });
    }
    witness.sort();
    spent.report(Verdict::Linearizable { witness })
}

/// What judging has cost so far.
#[derive(Debug, Default)]
pub(crate) struct Spent {
    /// Steps, of all searches.
    pub(crate) steps: u64,
    /// The most situations that one search remembered.
    pub(crate) remembered: usize,
}

impl Spent {
    fn report(self, verdict: Verdict) -> Report {
        Report {
            verdict,
            steps: self.steps,
            remembered: self.remembered,
        }
    }
}

/// What became of one key.
enum Judged {
    Ordered(Vec<usize>),
    Broken {
        prefix: Vec<usize>,
        blocked: usize,
        longest: bool,
    },
    Open,
}

/// Judges one key.
struct Judge<'a> {
    history: &'a History,
    operations: &'a [usize],
    limits: Budget,
    spent: &'a mut Spent,
}

impl Judge<'_> {
    fn judge(&mut self) -> Judged {
        let returns = Problem::returns(self.history, self.operations);
        match self.search(returns.len()) {
            Found::Order(order) => Judged::Ordered(order),
            Found::Budget { .. } => Judged::Open,
            Found::Nothing { returns: low, best } => self.narrow(&returns, low, best),
        }
    }

    fn search(&mut self, cut: usize) -> Found {
        let problem = Problem::new(self.history, self.operations, cut);
        search(&problem, self.limits, self.spent)
    }

    /// Finds the first return that breaks the order. `best` orders the first `low` returns, and
    /// all of them cannot be ordered. What broke a search is most often what breaks the history,
    /// so the cut next to `low` is tried before halving.
    fn narrow(&mut self, returns: &[usize], mut low: usize, mut best: Vec<usize>) -> Judged {
        let mut high = returns.len();
        let mut next = low + 1;
        while high - low > 1 {
            match self.search(next) {
                Found::Order(order) => (low, best) = (next, order),
                Found::Nothing {
                    returns: reached,
                    best: order,
                } => {
                    high = next;
                    if reached > low {
                        (low, best) = (reached, order);
                    }
                }
                Found::Budget {
                    returns: reached,
                    best: order,
                } => {
                    if reached > low {
                        (low, best) = (reached, order);
                    }
                    break;
                }
            }
            next = low + (high - low) / 2;
        }
        Judged::Broken {
            prefix: best,
            blocked: returns[high - 1],
            longest: high - low == 1,
        }
    }
}
