//! The catalogue: one table of rules for each broken one.

use raft::{CORRECT, Rules};
use types::raft::Preset;

use crate::BrokenRule;

mod election;
mod membership;
mod persistence;
mod reads;
mod replication;

macro_rules! broken {
    ($($module:ident::$name:ident: $of:ident, [$($pitfall:literal)*], [$($caught:literal)+],
        $preset:ident, $symptom:literal;)*) => {
        /// Every broken rule, in the order of raft's own chapters.
        pub static CATALOGUE: &[BrokenRule] = &[$(BrokenRule {
            name: stringify!($name),
            of: stringify!($of),
            pitfalls: &[$($pitfall),*],
            symptom: $symptom,
            caught_by: &[$($caught),+],
            preset: Preset::$preset,
            rules: {
                static RULES: Rules = Rules {
                    $of: $module::$name,
                    ..CORRECT
                };
                &RULES
            },
        }),*];
    };
}

broken! {
    election::stale_requests_unanswered: answers_stale, ["X7"], ["R17"], Etcd,
        "A leader that was left behind is never told, and a candidate ahead of it never follows.";
    election::vote_cleared_in_the_same_term: vote_in_term, ["X5"], ["R9" "R1"], TinyKv,
        "A candidate that falls back votes a second time in its term.";
    election::outsiders_campaign: may_campaign, ["X8"], ["R13"], TinyKv,
        "A learner or a removed peer raises terms and deposes leaders of a group in which it has \
         no vote.";
    election::campaigns_with_a_change_unapplied: may_campaign, [], ["R13"], TinyKv,
        "A candidate asks the quorum of a membership that is no longer the group's.";
    election::votes_for_everybody: decide_vote, [], ["R9" "R1"], TinyKv,
        "A voter gives its vote to each candidate of a term, and two of them lead.";
    election::logs_not_compared: decide_vote, [], ["R4" "R6"], TinyKv,
        "A candidate without the committed entries wins and overwrites them.";
    election::longer_log_wins: decide_vote, [], ["R4" "R6"], TinyKv,
        "A long log of an old term beats a short one that holds the committed entries.";
    election::equal_log_loses: decide_vote, [], ["R17"], TinyKv,
        "A candidate whose log is as good as the voter's is refused, and nobody is elected.";
    election::every_request_resets_the_timer: vote_resets_timer, ["X6"], ["R17"],
        TinyKv,
        "A candidate that cannot win keeps those who could from trying.";
    election::half_is_a_majority: tally, [], ["R1"], TinyKv,
        "Half of the voters elect one leader, the other half another.";
    election::more_yes_than_no_wins: tally, [], ["R1"], TinyKv,
        "The first vote that comes back decides, and two candidates lead one term.";
    election::one_half_of_a_joint_group_elects: jointly_tallied, [], ["R1" "R4"],
        TinyKv,
        "In a joint phase the new voters elect a leader without the old ones.";
    election::own_vote_counts_before_it_is_durable: own_vote_counts, ["S4-8"], ["R12"],
        TinyKv,
        "A leader is elected by a vote that a crash takes back.";
    replication::next_starts_at_zero: next_at_election, ["S0-10"], ["R15"], TinyKv,
        "A new leader sends from before the beginning of the log.";
    replication::prev_not_checked: check_prev, [], ["R3" "R12"], TinyKv,
        "A follower appends behind a gap or another history.";
    replication::conflicts_kept: splice, [], ["R12" "R10" "R7" "R6" "R3"], TinyKv,
        "A follower keeps entries that conflict with the leader's and acknowledges them.";
    replication::truncates_always: splice, ["X4"], ["R7" "R6" "R12" "R10"], TinyKv,
        "A late, short append takes acknowledged entries away.";
    replication::acknowledges_its_last_index: acknowledged, ["X2"], ["R6" "R12"],
        Mit6824,
        "A follower counts its own stale tail as the leader's entries.";
    replication::commits_to_its_last_index: follower_commit, ["X3"], ["R7" "R5"],
        Mit6824,
        "A follower commits a tail that nobody compared.";
    replication::snapshot_ignored: decide_snapshot, ["S0-2"], ["R17" "R13"], TinyKv,
        "A follower that is too far behind never catches up.";
    replication::snapshot_keeps_the_old_log: decide_snapshot, ["S0-4"], ["R7" "R3" "R12"],
        TinyKv,
        "A snapshot moves the commit index, and entries of another history stay below it.";
    replication::snapshot_always_taken: decide_snapshot, [], ["R12" "R7" "R8" "R10" "R6"],
        TinyKv,
        "A late snapshot throws away entries that were acknowledged since.";
    replication::refusal_goes_nowhere: next_after_refusal, [], ["R17" "R13"], TinyKv,
        "A leader asks a follower the same question for ever.";
    replication::refusal_goes_below_the_match: next_after_refusal, ["S0-10"], ["R15"],
        TinyKv,
        "A late refusal makes a leader send what is known to be there.";
    replication::half_commits: reached, [], ["R6" "R14"], TinyKv,
        "An entry on half of the voters counts as committed, and the other half never saw it.";
    replication::one_half_of_a_joint_group_commits: jointly_reached, [], ["R6" "R14"],
        TinyKv,
        "In a joint phase the new voters commit without the old ones.";
    replication::old_terms_are_counted: leader_commit, ["X1"], ["R11"], TinyKv,
        "An entry of an earlier term is committed by counting and lost again (figure 8 of the \
         paper).";
    replication::nothing_commits: leader_commit, [], ["R17"], TinyKv,
        "A leader replicates and never commits.";
    replication::heartbeat_tells_the_raw_commit: heartbeat_commit, ["S3-4"],
        ["R7" "R17" "R13" "R5" "R3"],
        TinyKv,
        "A heartbeat commits entries that its receiver has from another history.";
    replication::lost_news_not_repaired: needs_repair, ["X25"], ["R17" "R13"], TinyKv,
        "A follower that missed the last commit stays behind while nobody writes.";
    replication::transfer_never_ends: ends_transfer, ["X13"], ["R17" "R13"], TinyKv,
        "A transfer to a peer that never answers blocks every write.";
    membership::learners_count: is_counted, [], ["R6" "R14" "R13"], TinyKv,
        "Entries are committed on learners, which elect nobody.";
    membership::changes_overtake_each_other: may_propose_change, ["S3-9"], ["R13"],
        TinyKv,
        "A second membership change starts before the first is applied, and two quorums do not \
         meet.";
    membership::inherited_change_forgotten: pending_at_election, ["S3-9"], ["R13"],
        TinyKv,
        "A new leader starts a change while one of its predecessor's is not applied.";
    membership::disk_membership_ignored: members_at_start, ["S2-5" "S4-1"], ["R13"],
        TinyKv,
        "A restarted peer goes by the group of its first day.";
    membership::snapshot_membership_ignored: members_after_snapshot, ["S0-9"], ["R13"],
        TinyKv,
        "A peer that was restored from a snapshot does not know its group.";
    reads::reads_without_a_commit_of_its_own: may_answer_reads, [], ["R14"], Etcd,
        "A new leader answers reads from before its predecessors' last writes.";
    reads::read_trusts_an_old_round: read_waits_for, [], ["R14"], TinyKv,
        "A leader that was deposed meanwhile answers reads.";
    reads::reads_without_a_lease: holds_lease, [], ["R14"], Etcd,
        "A leader that is cut off answers reads from its own past.";
    reads::voters_forget_the_lease: is_loyal, [], ["R14"], Etcd,
        "Another leader is elected while the old one still trusts its lease.";
    persistence::vote_given_before_it_is_durable: release, ["S4-8"], ["R12"], TinyKv,
        "A voter forgets its vote in a crash and gives it again.";
    persistence::vote_asked_before_it_is_durable: release, ["S4-8"], ["R12"], TinyKv,
        "A candidate forgets in a crash what it claimed to hold.";
    persistence::entries_accepted_before_they_are_durable: release, ["S4-8"], ["R12" "R6"],
        TinyKv,
        "Entries that a quorum acknowledged are lost in a crash.";
    persistence::own_entries_count_before_they_are_durable: own_match, [], ["R6" "R12"],
        TinyKv,
        "A leader commits with entries that its own disk does not hold.";
    persistence::late_write_marks_newer_entries: durable, [], ["R6" "R12"], TinyKv,
        "A write that finishes late makes entries count that took the place of its own.";
    persistence::applied_before_it_is_durable: may_apply, [], ["R10"], TinyKv,
        "A state machine gets ahead of its own log.";
    persistence::entries_skipped_when_handed_over: handed_over, ["X9"], ["R5" "R17"],
        TinyKv,
        "Entries that were committed while others were taken are never applied.";
}
