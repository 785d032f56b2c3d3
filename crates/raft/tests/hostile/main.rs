//! What comes from outside is hostile: a million byte strings for the decoder, and twenty thousand
//! sequences of two hundred arbitrary messages for a peer of every preset. Seeded, on stable Rust;
//! `fuzz/` drives the same sequences by a coverage-guided fuzzer.

mod sequence;

use rand_core::{RngCore, SeedableRng};
use rand_xoshiro::Xoshiro256StarStar;
use sequence::{Numbers, Tally};
use types::codec;
use types::id::PeerId;
use types::raft::{
    ConfChange, ConfState, Entries, HardState, LogPosition, Message, MessageBody, Snapshot, Term,
};

struct Seeded(Xoshiro256StarStar);

impl Seeded {
    fn new(seed: u64) -> Self {
        Self(Xoshiro256StarStar::seed_from_u64(seed))
    }
}

impl Numbers for Seeded {
    fn below(&mut self, bound: u64) -> u64 {
        self.0.next_u64() % bound
    }
}

#[test]
fn twenty_thousand_sequences_of_arbitrary_messages_never_panic_and_stay_within_limits() {
    let halves: Vec<Tally> = std::thread::scope(|scope| {
        let half = |from: u64| {
            move || {
                (from..from + 10_000).fold(Tally::default(), |mut sum, seed| {
                    let tally = sequence::run(&mut Seeded::new(seed), 200);
                    sum.taken += tally.taken;
                    sum.refused += tally.refused;
                    sum.led += tally.led;
                    sum
                })
            }
        };
        let halves = [scope.spawn(half(0)), scope.spawn(half(10_000))];
        halves.map(|half| half.join().expect("no panic")).into()
    });
    for tally in halves {
        // Without all of these the test would have seen nothing.
        assert!(tally.taken > 500_000, "{tally:?}");
        assert!(tally.refused > 100_000, "{tally:?}");
        assert!(tally.led > 50_000, "{tally:?}");
    }
}

/// Messages that decode, to be damaged.
fn sound() -> Vec<Vec<u8>> {
    let last = LogPosition {
        index: types::raft::LogIndex::new(300),
        term: Term::new(7),
    };
    let snapshot = Snapshot {
        last,
        conf_state: ConfState::of_voters((1..=5).map(PeerId::new).collect()),
        prefix_hash: u64::MAX,
        data: bytes::Bytes::from_static(b"state"),
    };
    [
        MessageBody::RequestVote {
            last,
            transfer: true,
            commit: last,
        },
        MessageBody::Append {
            prev: last,
            entries: Entries::default(),
            commit: last.index,
        },
        MessageBody::Snapshot {
            snapshot: Box::new(snapshot),
        },
        MessageBody::TimeoutNow,
    ]
    .map(|body| {
        codec::encode(&Message {
            from: PeerId::new(1),
            to: PeerId::new(2),
            term: Term::new(7),
            body,
        })
    })
    .into()
}

/// Bytes that are random, or a sound message with a few of its bytes changed, cut or doubled.
fn any_bytes(numbers: &mut Seeded, sound: &[Vec<u8>]) -> Vec<u8> {
    let place = |numbers: &mut Seeded, len: usize| {
        usize::try_from(numbers.below(len.max(1) as u64)).expect("small")
    };
    if numbers.one_in(2) {
        let len = place(numbers, 64);
        return (0..len).map(|_| numbers.below(256) as u8).collect();
    }
    let nth = place(numbers, sound.len());
    let mut bytes = sound[nth].clone();
    for _ in 0..=numbers.below(3) {
        let at = place(numbers, bytes.len());
        match numbers.below(3) {
            0 if at < bytes.len() => bytes[at] = numbers.below(256) as u8,
            1 => bytes.truncate(at),
            _ => bytes.insert(at.min(bytes.len()), 255),
        }
    }
    bytes
}

#[test]
fn a_million_byte_strings_are_decoded_to_a_value_or_to_an_error() {
    let (mut numbers, sound) = (Seeded::new(42), sound());
    let (mut values, mut errors) = (0_u32, 0_u32);
    for _ in 0..1_000_000 {
        let bytes = any_bytes(&mut numbers, &sound);
        match codec::decode::<Message>(&bytes) {
            // What decodes means one thing: it encodes to bytes that decode to the same value.
            Ok(message) => {
                values += 1;
                let again = codec::decode::<Message>(&codec::encode(&message));
                assert_eq!(again.ok(), Some(message));
            }
            Err(_) => errors += 1,
        }
        let _ = codec::decode::<ConfChange>(&bytes);
        let _ = codec::decode::<Snapshot>(&bytes);
        let _ = codec::decode::<HardState>(&bytes);
    }
    assert!(
        values > 10_000 && errors > 100_000,
        "{values} values, {errors} errors"
    );
}
