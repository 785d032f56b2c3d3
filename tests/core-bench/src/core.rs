//! What the loop asks of a consensus core.

/// Ticks to an election, for both cores.
pub const ELECTION_TICKS: u32 = 10;
/// Ticks between heartbeats, for both cores.
pub const HEARTBEAT_TICKS: u32 = 1;
/// Appends on their way to one follower; ours has it as a constant.
pub const APPENDS_IN_FLIGHT: usize = 64;
/// Bytes of payload in one append; ours has it as a constant.
pub const APPEND_BYTES: u64 = 1 << 20;

/// One peer with its disk.
pub trait Core {
    /// What peers say to each other.
    type Message;

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
    fn drain(&mut self, out: &mut Vec<Self::Message>, applied: &mut Applied);
    /// Who receives a message.
    fn receiver(message: &Self::Message) -> u64;
    /// Drops all but the last `keep` entries from log and disk; all of them are applied.
    fn compact(&mut self, keep: u64);
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
    /// Applies one command.
    pub fn apply(&mut self, index: u64, data: &[u8]) {
        self.count += 1;
        let before = self.hash.rotate_left(7) ^ index;
        self.hash = xxhash_rust::xxh3::xxh3_64_with_seed(data, before);
    }
}
