//! The broken rules that a store can be told to decide by. Their names are stable, and a test of
//! the catalogue demands words for each.

use super::Words;

/// The rules by chapter: the key of its heading, and their names.
pub const CHAPTERS: [(&str, &[&str]); 5] = [
    (
        "rules-election",
        &[
            "stale_requests_unanswered",
            "vote_cleared_in_the_same_term",
            "outsiders_campaign",
            "campaigns_with_a_change_unapplied",
            "votes_for_everybody",
            "logs_not_compared",
            "longer_log_wins",
            "equal_log_loses",
            "every_request_resets_the_timer",
            "half_is_a_majority",
            "more_yes_than_no_wins",
            "one_half_of_a_joint_group_elects",
            "own_vote_counts_before_it_is_durable",
        ],
    ),
    (
        "rules-replication",
        &[
            "next_starts_at_zero",
            "prev_not_checked",
            "conflicts_kept",
            "truncates_always",
            "acknowledges_its_last_index",
            "commits_to_its_last_index",
            "snapshot_ignored",
            "snapshot_keeps_the_old_log",
            "snapshot_always_taken",
            "refusal_goes_nowhere",
            "refusal_goes_below_the_match",
            "half_commits",
            "one_half_of_a_joint_group_commits",
            "old_terms_are_counted",
            "nothing_commits",
            "heartbeat_tells_the_raw_commit",
            "lost_news_not_repaired",
            "transfer_never_ends",
        ],
    ),
    (
        "rules-membership",
        &[
            "learners_count",
            "changes_overtake_each_other",
            "inherited_change_forgotten",
            "disk_membership_ignored",
            "snapshot_membership_ignored",
        ],
    ),
    (
        "rules-reads",
        &[
            "reads_without_a_commit_of_its_own",
            "read_trusts_an_old_round",
            "reads_without_a_lease",
            "voters_forget_the_lease",
        ],
    ),
    (
        "rules-persistence",
        &[
            "vote_given_before_it_is_durable",
            "vote_asked_before_it_is_durable",
            "entries_accepted_before_they_are_durable",
            "own_entries_count_before_they_are_durable",
            "late_write_marks_newer_entries",
            "applied_before_it_is_durable",
            "entries_skipped_when_handed_over",
        ],
    ),
];

fn key(name: &str) -> String {
    format!("rule-{}", name.replace('_', "-"))
}

impl Words {
    /// What a broken rule is called; its name where nobody gave it words.
    #[must_use]
    pub fn rule(&self, name: &str) -> String {
        let key = key(name);
        let words = self.t(&key);
        if words == key { name.to_owned() } else { words }
    }

    /// What goes wrong with a broken rule, in a sentence.
    #[must_use]
    pub fn symptom(&self, name: &str) -> String {
        self.attribute(&key(name), "symptom").unwrap_or_default()
    }
}
