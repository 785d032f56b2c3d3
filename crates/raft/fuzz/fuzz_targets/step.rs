//! Arbitrary messages to a peer, chosen by the fuzzer's bytes: the sequences of `tests/hostile`.
//! Run with `cargo +nightly fuzz run step` in `crates/raft`.

#![no_main]

#[path = "../../tests/hostile/sequence.rs"]
mod sequence;

use libfuzzer_sys::fuzz_target;

struct FromBytes<'a>(&'a [u8]);

impl sequence::Numbers for FromBytes<'_> {
    fn below(&mut self, bound: u64) -> u64 {
        let width = if bound > 256 { 8 } else { 1 };
        let (head, rest) = self.0.split_at(width.min(self.0.len()));
        self.0 = rest;
        let number = head
            .iter()
            .fold(0_u64, |sum, &byte| sum << 8 | u64::from(byte));
        number % bound
    }
}

fuzz_target!(|bytes: &[u8]| {
    sequence::run(&mut FromBytes(bytes), bytes.len() / 8);
});
