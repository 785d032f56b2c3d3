//! What the loop asks of a consensus core.

/// Ticks to an election, for both cores.
pub const ELECTION_TICKS: u32 = 10;
/// Ticks between heartbeats, for both cores.
pub const HEARTBEAT_TICKS: u32 = 1;
/// Appends on their way to one follower, for both cores.
pub const APPENDS_IN_FLIGHT: usize = 64;
/// Bytes of payload in one append, for both cores.
pub const APPEND_BYTES: u64 = 1 << 20;

/// One peer with its disk.
pub trait Core {
    /// What peers say to each other.
    type Message;
    /// What a host of many peers keeps to use it again.
    type Host: Default;

    /// A peer with an empty disk; voters are `1..=voters`.
    fn new(id: u64, voters: u64, seed: u64) -> Self;
    /// Starts an election.
    fn campaign(&mut self);
    /// Whether it leads.
    fn leads(&self) -> bool;
    /// Gives a leader commands, in order.
    fn propose(&mut self, batch: impl ExactSizeIterator<Item = Vec<u8>>);
    /// Lets one tick pass.
    fn tick(&mut self);
    /// Takes a message in.
    fn step(&mut self, message: Self::Message);
    /// Writes, sends and applies all that is to be written, sent and applied.
    fn drain(&mut self, host: &mut Self::Host, out: &mut Vec<Self::Message>, applied: &mut Applied);
    /// Who receives a message.
    fn receiver(message: &Self::Message) -> u64;
    /// Drops all but the last `keep` entries from log and disk; all of them are applied.
    fn compact(&mut self, keep: u64);
}

/// Gives messages out: as a whole where nothing is there yet.
pub(crate) fn send<T>(messages: &mut Vec<T>, out: &mut Vec<T>) {
    if out.is_empty() {
        std::mem::swap(messages, out);
    } else {
        out.append(messages);
    }
}

/// A state machine that remembers what it was given, and in which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Applied {
    /// How many commands.
    pub count: u64,
    /// Of all of them, with their indexes.
    pub hash: u64,
}

impl Applied {
    /// Applies one command. The hash is a cheap one, natively and in wasm alike: it is the same
    /// for both cores, and every instruction of it hides what they differ in.
    pub fn apply(&mut self, index: u64, data: &[u8]) {
        self.count += 1;
        let mut lanes = [self.hash, index, data.len() as u64, 0];
        let blocks = data.chunks_exact(32);
        for &byte in blocks.remainder() {
            lanes[3] = mix(lanes[3], u64::from(byte));
        }
        for block in blocks {
            for (lane, word) in lanes.iter_mut().zip(block.chunks_exact(8)) {
                let word = word.try_into().map_or(0, u64::from_le_bytes);
                *lane = mix(*lane, word);
            }
        }
        self.hash = lanes.into_iter().fold(0, mix);
    }
}

/// A step of a hash. Odd factors lose nothing; the turn brings high bits back down.
fn mix(hash: u64, word: u64) -> u64 {
    (hash.rotate_left(29) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
