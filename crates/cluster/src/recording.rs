//! The recording: what chance decided in a run, and enough hashes to notice any difference.
//!
//! Chance enters a run through the calls of the conductor's host and of people; each is kept with
//! its position. All else follows: payloads come out of the replay.
//!
//! # Bytes
//!
//! A recording is a sequence of chunks, each `magic | version | segment | number | length | hash |
//! postcard records`, integers little-endian. Chunks of a segment count from 0. A chunk is whole
//! or not there; the tail of a segment may be missing, because a browser may end at any time.

use serde::{Deserialize, Serialize};
use types::{
    action::Action,
    codec,
    disk::DiskImage,
    event::EventId,
    id::{Cycle, StoreId},
    io::Stop,
    time::VirtualTime,
};

use crate::saved::{SavedCluster, SavedError};

/// Names the behaviour of the engine. A recording replays only under the version that made it.
pub const ENGINE_VERSION: u32 = 4;
/// The version of the recording's layout.
pub const RECORDING_VERSION: u16 = 3;
/// The longest payload of a chunk that is read, in bytes.
pub const CHUNK_BYTES_MAX: usize = 256 << 20;
/// The latest instant of a recording that is read, in microseconds: some 35 years.
pub const INSTANT_MAX: VirtualTime = VirtualTime::new(1 << 50);
/// The latest disk transaction of a recording that is read.
pub const CYCLE_MAX: Cycle = Cycle::new(1 << 40);

const MAGIC: [u8; 4] = *b"RPrc";
const HEADER_BYTES: usize = 4 + 2 + 4 + 4 + 4 + 8;

/// Something that the conductor cannot foresee. It happens between two calls of its host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Chance {
    /// A person, or a script in a person's place, did something.
    Act(Action),
    /// One event was taken by itself.
    Step,
    /// A store's answer to the open round was there when it was killed or died.
    AnswerCame(StoreId),
    /// The open round no longer waits for a store.
    StoreLate(StoreId),
    /// The answer of a late store came.
    LateAnswer(StoreId),
    /// The clock no longer waits for a write.
    DiskLate(StoreId, Cycle),
    /// A write for which the clock no longer waited is durable.
    DiskDone(StoreId, Cycle),
    /// A store has its disk.
    Loaded {
        /// Which store.
        store: StoreId,
        /// The last durable write.
        cycle: Cycle,
        /// The disk, at the first load in the segment.
        image: Option<DiskImage>,
    },
    /// The clock no longer waits for a store that starts.
    LoadLate(StoreId),
    /// A store cannot have its disk.
    LoadFailed(StoreId, Stop),
    /// A store's process ended by itself.
    Died(StoreId, Stop),
}

/// A place between two calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// The event taken last.
    pub seq: u64,
    /// Whether the round of that event was closed.
    pub closed: bool,
    /// Where the clock stood.
    pub now: VirtualTime,
}

/// Chance, and where it struck.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strike {
    /// Where.
    pub at: Position,
    /// What.
    pub chance: Chance,
}

/// The hash of one answer of a store, in the order of merging.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerHash {
    /// The event of the answer's products.
    pub seq: u64,
    /// The store.
    pub store: StoreId,
    /// The hash of the output's bytes.
    pub hash: u64,
}

/// A place where nothing is half done, with the hash of the run up to there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stand {
    /// The event taken last; its round is closed.
    pub seq: u64,
    /// Where the clock stands.
    pub now: VirtualTime,
    /// The hash of the run so far.
    pub run_hash: u64,
}

/// What a chunk holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Record {
    /// The segment's first record.
    Start {
        engine_version: u32,
        saved: Box<SavedCluster>,
    },
    /// Chance.
    Strike(Strike),
    /// An answer was merged.
    Answer(AnswerHash),
    /// The segment was written down up to here.
    Stand(Stand),
}

/// One run of the conductor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Which.
    pub segment: u32,
    /// The engine that made it.
    pub engine_version: u32,
    /// The cluster that it started from; its own segment and incarnations are one behind.
    pub saved: SavedCluster,
    /// What chance decided, in order.
    pub strikes: Vec<Strike>,
    /// The answers, in order of merging.
    pub answers: Vec<AnswerHash>,
    /// Up to where it can be replayed.
    pub end: Stand,
}

/// A cluster's life, as far as chance decided it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// The runs of the conductor, by segment.
    pub segments: Vec<Segment>,
}

/// Bytes that are no recording.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordingError {
    /// The bytes do not start as a recording does.
    #[error("this is not a recording: byte {at} does not start a chunk")]
    NotARecording {
        /// Where.
        at: usize,
    },
    /// The recording is of another layout.
    #[error("the recording has layout {found}, this version knows {known} only")]
    OtherLayout {
        /// The layout found.
        found: u16,
        /// The one that is known.
        known: u16,
    },
    /// A chunk is too long to be one of ours.
    #[error("a chunk of {bytes} bytes; the limit is {limit}")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// A chunk was damaged, or written by someone else.
    #[error("chunk {chunk} of segment {segment} is damaged: {reason}")]
    Damaged {
        /// Which segment.
        segment: u32,
        /// Which of its chunks.
        chunk: u32,
        /// What does not fit.
        reason: String,
    },
    /// A chunk is missing between others, or stands in the wrong place.
    #[error("chunk {chunk} of segment {segment} is not the one that follows")]
    OutOfOrder {
        /// Which segment.
        segment: u32,
        /// Which of its chunks.
        chunk: u32,
    },
    /// The cluster at the start of a segment is not usable.
    #[error("segment {segment}: {error}")]
    Saved {
        /// Which segment.
        segment: u32,
        /// Why.
        error: SavedError,
    },
    /// The records of a segment do not fit together.
    #[error("segment {segment} contradicts itself: {reason}")]
    Inconsistent {
        /// Which segment.
        segment: u32,
        /// What does not fit.
        reason: String,
    },
}

impl RecordingError {
    fn inconsistent(segment: u32, reason: &str) -> Self {
        Self::Inconsistent {
            segment,
            reason: reason.to_owned(),
        }
    }
}

/// One chunk's bytes.
pub(crate) fn encode_chunk(segment: u32, number: u32, records: &[Record]) -> Vec<u8> {
    let payload = codec::encode(records);
    let length = u32::try_from(payload.len()).expect("a chunk is shorter than 4 GB");
    let mut bytes = Vec::with_capacity(HEADER_BYTES + payload.len());
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&RECORDING_VERSION.to_le_bytes());
    bytes.extend_from_slice(&segment.to_le_bytes());
    bytes.extend_from_slice(&number.to_le_bytes());
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&codec::hash(&payload).to_le_bytes());
    bytes.extend_from_slice(&payload);
    bytes
}

/// A chunk, taken from the front of some bytes.
struct Chunk<'a> {
    segment: u32,
    number: u32,
    hash: u64,
    payload: &'a [u8],
}

impl<'a> Chunk<'a> {
    /// The chunk at `at` and where it ends; nothing when the bytes end inside it.
    fn take(bytes: &'a [u8], at: usize) -> Result<Option<(Self, usize)>, RecordingError> {
        let rest = &bytes[at..];
        let known = rest.len().min(MAGIC.len());
        if rest[..known] != MAGIC[..known] {
            return Err(RecordingError::NotARecording { at });
        }
        let Some((header, rest)) = rest.split_at_checked(HEADER_BYTES) else {
            return Ok(None);
        };
        let number = |from: usize| {
            let four = header[from..from + 4].try_into().expect("four bytes");
            u32::from_le_bytes(four)
        };
        let found = u16::from_le_bytes([header[4], header[5]]);
        if found != RECORDING_VERSION {
            let known = RECORDING_VERSION;
            return Err(RecordingError::OtherLayout { found, known });
        }
        let length = usize::try_from(number(14)).unwrap_or(usize::MAX);
        if length > CHUNK_BYTES_MAX {
            return Err(RecordingError::TooLong {
                bytes: length,
                limit: CHUNK_BYTES_MAX,
            });
        }
        let Some(payload) = rest.get(..length) else {
            return Ok(None);
        };
        let hash = u64::from_le_bytes(header[18..26].try_into().expect("eight bytes"));
        let chunk = Self {
            segment: number(6),
            number: number(10),
            hash,
            payload,
        };
        Ok(Some((chunk, at + HEADER_BYTES + length)))
    }

    fn records(&self) -> Result<Vec<Record>, RecordingError> {
        let damaged = |reason: String| RecordingError::Damaged {
            segment: self.segment,
            chunk: self.number,
            reason,
        };
        if codec::hash(self.payload) != self.hash {
            return Err(damaged("the hash does not match".to_owned()));
        }
        codec::decode(self.payload).map_err(|error| damaged(error.to_string()))
    }
}

impl Recording {
    /// Reads the chunks of one or more segments, one after the other. A missing tail is
    /// tolerated: the segment then ends at the last place where nothing was half done.
    ///
    /// # Errors
    ///
    /// [`RecordingError`] says which part of the bytes is not usable.
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordingError> {
        let (mut at, mut segments) = (0, Vec::new());
        let mut open: Option<(Builder, u32)> = None;
        while at < bytes.len() {
            let Some((chunk, end)) = Chunk::take(bytes, at)? else {
                break;
            };
            at = end;
            let out_of_order = RecordingError::OutOfOrder {
                segment: chunk.segment,
                chunk: chunk.number,
            };
            match &mut open {
                Some((builder, next)) if builder.segment == chunk.segment => {
                    if *next != chunk.number {
                        return Err(out_of_order);
                    }
                    *next += 1;
                }
                before => {
                    let later = before
                        .as_ref()
                        .is_none_or(|(b, _)| b.segment < chunk.segment);
                    if !later || chunk.number != 0 {
                        return Err(out_of_order);
                    }
                    if let Some((done, _)) = before.replace((Builder::new(chunk.segment), 1)) {
                        segments.push(done.finish()?);
                    }
                }
            }
            let (builder, _) = open.as_mut().expect("a segment is open");
            for record in chunk.records()? {
                builder.take(record)?;
            }
        }
        if let Some((builder, _)) = open {
            segments.push(builder.finish()?);
        }
        if segments.is_empty() {
            return Err(RecordingError::NotARecording { at: 0 });
        }
        Ok(Self { segments })
    }
}

/// A segment that is being read.
struct Builder {
    segment: u32,
    start: Option<(u32, SavedCluster)>,
    strikes: Vec<Strike>,
    answers: Vec<AnswerHash>,
    end: Option<Stand>,
}

impl Builder {
    const fn new(segment: u32) -> Self {
        Self {
            segment,
            start: None,
            strikes: Vec::new(),
            answers: Vec::new(),
            end: None,
        }
    }

    fn take(&mut self, record: Record) -> Result<(), RecordingError> {
        let wrong = |reason| Err(RecordingError::inconsistent(self.segment, reason));
        if self.start.is_none() != matches!(record, Record::Start { .. }) {
            return wrong("the start is not its first record, or comes twice");
        }
        match record {
            Record::Start {
                engine_version,
                saved,
            } => {
                let segment = self.segment;
                saved
                    .check()
                    .map_err(|error| RecordingError::Saved { segment, error })?;
                if saved.segment.checked_add(1) != Some(segment) {
                    return wrong("it starts from another segment's cluster");
                }
                self.start = Some((engine_version, *saved));
            }
            Record::Strike(strike) => {
                let before = self.strikes.last().map(|strike| strike.at);
                if before.is_some_and(|before| !before.leads_to(&strike.at)) {
                    return wrong("chance strikes backwards");
                }
                let cycle = match strike.chance {
                    Chance::Loaded { cycle, .. } => cycle,
                    _ => Cycle::ZERO,
                };
                if strike.at.now > INSTANT_MAX || cycle > CYCLE_MAX {
                    return wrong("a number is beyond all measure");
                }
                self.strikes.push(strike);
            }
            Record::Answer(answer) => self.answers.push(answer),
            Record::Stand(stand) => {
                let backwards = |end: Stand| end.seq > stand.seq || end.now > stand.now;
                if self.end.is_some_and(backwards) || stand.now > INSTANT_MAX {
                    return wrong("it ends before it ended");
                }
                self.end = Some(stand);
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<Segment, RecordingError> {
        let missing = || RecordingError::inconsistent(self.segment, "it has no start");
        let (engine_version, saved) = self.start.ok_or_else(missing)?;
        let endless = || RecordingError::inconsistent(self.segment, "it has no end");
        let end = self.end.ok_or_else(endless)?;
        let last = Position {
            seq: end.seq,
            closed: true,
            now: end.now,
        };
        let beyond = |strike: &Strike| !strike.at.leads_to(&last);
        if self.strikes.last().is_some_and(beyond) {
            let reason = "chance strikes after the end";
            return Err(RecordingError::inconsistent(self.segment, reason));
        }
        Ok(Segment {
            segment: self.segment,
            engine_version,
            saved,
            strikes: self.strikes,
            answers: self.answers,
            end,
        })
    }
}

impl Position {
    /// Whether `later` can come after this place.
    pub(crate) fn leads_to(&self, later: &Self) -> bool {
        (self.seq, self.closed) <= (later.seq, later.closed) && self.now <= later.now
    }
}

/// What is recorded and not taken yet.
#[derive(Debug, Clone)]
pub(crate) struct Recorder {
    segment: u32,
    chunks: u32,
    pending: Vec<Record>,
    written: Option<Stand>,
}

impl Recorder {
    pub(crate) fn new(segment: u32, saved: SavedCluster) -> Self {
        let start = Record::Start {
            engine_version: ENGINE_VERSION,
            saved: Box::new(saved),
        };
        Self {
            segment,
            chunks: 0,
            pending: vec![start],
            written: None,
        }
    }

    pub(crate) fn strike(&mut self, at: Position, chance: Chance) {
        self.pending.push(Record::Strike(Strike { at, chance }));
    }

    pub(crate) fn answer(&mut self, event: EventId, store: StoreId, hash: u64) {
        self.pending.push(Record::Answer(AnswerHash {
            seq: event.seq,
            store,
            hash,
        }));
    }

    /// The next chunk, which leads to `stand`; empty when that is written down already.
    pub(crate) fn take_chunk(&mut self, stand: Stand) -> Vec<u8> {
        if self.pending.is_empty() && self.written == Some(stand) {
            return Vec::new();
        }
        self.written = Some(stand);
        self.pending.push(Record::Stand(stand));
        let bytes = encode_chunk(self.segment, self.chunks, &self.pending);
        self.chunks += 1;
        self.pending.clear();
        bytes
    }

    /// The hashes of the answers merged since the last call. Everything else is dropped.
    pub(crate) fn take_answers(&mut self) -> Vec<AnswerHash> {
        let answers = self.pending.drain(..).filter_map(|record| match record {
            Record::Answer(answer) => Some(answer),
            _ => None,
        });
        answers.collect()
    }
}

#[cfg(test)]
mod tests;
