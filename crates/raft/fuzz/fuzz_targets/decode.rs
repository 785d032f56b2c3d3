//! Arbitrary bytes to the decoder of messages. Run with `cargo +nightly fuzz run decode` in
//! `crates/raft`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use types::codec;
use types::raft::Message;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(message) = codec::decode::<Message>(bytes) {
        let again = codec::decode::<Message>(&codec::encode(&message));
        assert_eq!(again.ok(), Some(message));
    }
});
