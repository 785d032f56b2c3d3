use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// The definition, word by word: the highest index for which more than half of the voters have at
/// least that much.
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

/// An election is won when it is won whatever the silent voters say, lost when it is lost whatever
/// they say.
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

/// Every set of voters that decides alone, by trying all subsets.
fn is_quorum_naive(conf_state: &ConfState, peers: &[PeerId]) -> bool {
    [&conf_state.voters, &conf_state.outgoing]
        .into_iter()
        .filter(|half| !half.is_empty())
        .all(|half| 2 * half.iter().filter(|id| peers.contains(id)).count() > half.len())
}

/// The highest index that some quorum holds, by trying all subsets of the peers.
fn jointly_reached_naive(conf_state: &ConfState, matched: &BTreeMap<PeerId, LogIndex>) -> LogIndex {
    let peers: Vec<PeerId> = matched.keys().copied().collect();
    (0_u32..1 << peers.len())
        .map(|mask| {
            let of = |nth: usize| mask & (1 << nth) != 0;
            let all = peers.iter().enumerate();
            all.filter(|&(nth, _)| of(nth))
                .map(|(_, &peer)| peer)
                .collect::<Vec<_>>()
        })
        .filter(|subset| is_quorum_naive(conf_state, subset))
        .filter_map(|subset| subset.iter().map(|peer| matched[peer]).min())
        .max()
        .unwrap_or(LogIndex::ZERO)
}

fn half(voters: &[PeerId], matched: &BTreeMap<PeerId, LogIndex>) -> LogIndex {
    reached(
        &mut voters
            .iter()
            .map(|voter| matched[voter])
            .collect::<Vec<_>>(),
    )
}

fn peers(mask: u8) -> Vec<PeerId> {
    (0..7)
        .filter(|nth| mask & (1 << nth) != 0)
        .map(|nth| PeerId::new(nth + 1))
        .collect()
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

    #[test]
    fn two_halves_reach_what_some_set_of_peers_that_is_a_quorum_of_both_holds(
        incoming in 1_u8..128,
        outgoing in 1_u8..128,
        matched in prop::collection::vec(0_u64..6, 7),
    ) {
        let conf_state = ConfState {
            voters: peers(incoming),
            outgoing: peers(outgoing),
            ..ConfState::default()
        };
        let matched: BTreeMap<PeerId, LogIndex> =
            (1..=7).map(PeerId::new).zip(matched.into_iter().map(LogIndex::new)).collect();
        let both = jointly_reached(
            half(&conf_state.voters, &matched),
            half(&conf_state.outgoing, &matched),
        );
        prop_assert_eq!(both, jointly_reached_naive(&conf_state, &matched));
        for index in 0..7 {
            let index = LogIndex::new(index);
            let why = Why::new(&conf_state, index, |peer| matched[&peer]);
            prop_assert_eq!(why.is_reached(), index <= both, "at {}", index);
        }
    }

    #[test]
    fn two_halves_elect_whom_every_way_of_the_silent_elects(
        incoming in 1_u8..128,
        outgoing in 1_u8..128,
        answers in prop::collection::vec(prop::option::of(any::<bool>()), 7),
    ) {
        let votes = |voters: &[PeerId], wanted: bool| {
            let said = |voter: &&PeerId| answers[voter.get() as usize - 1] == Some(wanted);
            voters.iter().filter(said).count()
        };
        let of = |voters: &[PeerId]| (voters.len(), votes(voters, true), votes(voters, false));
        let (incoming, outgoing) = (of(&peers(incoming)), of(&peers(outgoing)));
        let naive = |(all, yes, no)| tally_naive(all, yes, no);
        let expected = match (naive(incoming), naive(outgoing)) {
            (Tally::Won, Tally::Won) => Tally::Won,
            (Tally::Lost, _) | (_, Tally::Lost) => Tally::Lost,
            _ => Tally::Open,
        };
        let ours = |(all, yes, no)| tally(all, yes, no);
        prop_assert_eq!(jointly_tallied(ours(incoming), ours(outgoing)), expected);
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
    assert_eq!(reached::<LogIndex>(&mut []), LogIndex::ZERO);
}

#[test]
fn why_names_who_holds_an_index_and_who_does_not() {
    let [one, two, three] = [1, 2, 3].map(PeerId::new);
    let conf_state = ConfState {
        voters: vec![one, two, three],
        outgoing: vec![one],
        ..ConfState::default()
    };
    let matched = |peer| LogIndex::new(if peer == three { 9 } else { 4 });
    let why = Why::new(&conf_state, LogIndex::new(5), matched);
    assert_eq!(
        (why.incoming.have, why.incoming.lack),
        (vec![three], vec![one, two])
    );
    assert_eq!(why.outgoing.expect("joint").lack, [one]);
}
