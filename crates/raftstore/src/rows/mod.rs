//! Rows: keys as TinyKV writes them, values with a checksum, and text for human eyes.
//!
//! A value's bytes are the postcard form of the types here (user data: the user's bytes as they
//! are); its checksum covers the encoded key too, so that a row cannot pass for another one.

mod text;
mod values;

use bytes::{BufMut, Bytes, BytesMut};
use types::{
    codec,
    disk::{DISK_VERSION, DiskImage, Row, RowKey, RowValue},
    id::{Cycle, RegionId},
    io::Stop,
};

pub use text::lossless;
pub use values::{ApplyState, LogRun, PeerState, RaftState, RegionState, Session, StoreIdent};

/// The content of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Of [`RowKey::StoreIdent`].
    StoreIdent(StoreIdent),
    /// Of [`RowKey::LastCycle`].
    LastCycle(Cycle),
    /// Of [`RowKey::RaftLog`].
    RaftLog(LogRun),
    /// Of [`RowKey::RaftState`].
    RaftState(RaftState),
    /// Of [`RowKey::ApplyState`].
    ApplyState(ApplyState),
    /// Of [`RowKey::RegionState`].
    RegionState(Box<RegionState>),
    /// Of [`RowKey::Session`].
    Session(Session),
    /// Of [`RowKey::Data`]: the value as the client gave it.
    Data(Bytes),
    /// Of [`RowKey::Scheduler`]: the scheduler's own bytes.
    Scheduler(Bytes),
}

/// TinyKV's byte key of a row; for a run of log entries the key of its first entry. Numbers are
/// big-endian. What TinyKV does not keep has keys beside TinyKV's: the last cycle `01 04`, a
/// session `01 03 region 02 client`, rows of the scheduler `01 05` and their own key.
#[must_use]
pub fn tinykv_key(key: &RowKey) -> Bytes {
    const LOCAL: u8 = 1;
    const RAFT: u8 = 2;
    const META: u8 = 3;
    let region_key = |kind: u8, region: RegionId, suffix: u8| {
        let mut out = BytesMut::with_capacity(19);
        out.put_slice(&[LOCAL, kind]);
        out.put_u64(region.get());
        out.put_u8(suffix);
        out
    };
    match key {
        RowKey::StoreIdent => Bytes::from_static(&[LOCAL, 2]),
        RowKey::LastCycle => Bytes::from_static(&[LOCAL, 4]),
        RowKey::RaftLog { region, first } => {
            let mut out = region_key(RAFT, *region, 1);
            out.put_u64(first.get());
            out.freeze()
        }
        RowKey::RaftState { region } => region_key(RAFT, *region, 2).freeze(),
        RowKey::ApplyState { region } => region_key(RAFT, *region, 3).freeze(),
        RowKey::RegionState { region } => region_key(META, *region, 1).freeze(),
        RowKey::Session { region, client } => {
            let mut out = region_key(META, *region, 2);
            out.put_u64(client.get());
            out.freeze()
        }
        RowKey::Scheduler(key) => {
            let mut out = BytesMut::from(&[LOCAL, 5][..]);
            out.put_slice(&codec::encode(key));
            out.freeze()
        }
        RowKey::Data { cf, key } => {
            let mut out = BytesMut::with_capacity(cf.name().len() + 1 + key.len());
            out.put_slice(cf.name().as_bytes());
            out.put_u8(b'_');
            out.put_slice(key);
            out.freeze()
        }
    }
}

/// The checksum of a row: CRC-32 (IEEE) over the postcard form of `key`, then `bytes`.
#[must_use]
pub fn checksum(key: &RowKey, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&codec::encode(key));
    hasher.update(bytes);
    hasher.finalize()
}

/// Makes the row that holds `content` under `key`.
///
/// # Panics
///
/// When key and content are of different kinds, or a run does not start where its key says.
#[must_use]
pub fn encode(key: RowKey, content: &Content) -> Row {
    assert!(
        belongs(&key, content),
        "{key:?} cannot hold a content of another kind: {content:?}"
    );
    let bytes = match content {
        Content::StoreIdent(value) => codec::encode(value).into(),
        Content::LastCycle(value) => codec::encode(value).into(),
        Content::RaftLog(value) => codec::encode(value).into(),
        Content::RaftState(value) => codec::encode(value).into(),
        Content::ApplyState(value) => codec::encode(value).into(),
        Content::RegionState(value) => codec::encode(value).into(),
        Content::Session(value) => codec::encode(value).into(),
        Content::Data(value) | Content::Scheduler(value) => value.clone(),
    };
    let value = RowValue {
        fields: text::fields(&key, content),
        crc: checksum(&key, &bytes),
        bytes,
    };
    Row { key, value }
}

fn belongs(key: &RowKey, content: &Content) -> bool {
    match (key, content) {
        (RowKey::StoreIdent, Content::StoreIdent(_))
        | (RowKey::LastCycle, Content::LastCycle(_))
        | (RowKey::RaftState { .. }, Content::RaftState(_))
        | (RowKey::ApplyState { .. }, Content::ApplyState(_))
        | (RowKey::Session { .. }, Content::Session(_))
        | (RowKey::Scheduler(_), Content::Scheduler(_))
        | (RowKey::Data { .. }, Content::Data(_)) => true,
        (RowKey::RegionState { region }, Content::RegionState(value)) => *region == value.region.id,
        (RowKey::RaftLog { first, .. }, Content::RaftLog(run)) => run.first() == Some(*first),
        _ => false,
    }
}

/// Reads a row, checksum first.
///
/// # Errors
///
/// [`Stop::CorruptRow`] when checksum, form or content are not what they should be, and
/// [`Stop::NewerDisk`] for an ident of a later layout.
pub fn decode(row: &Row) -> Result<Content, Stop> {
    let bytes = &row.value.bytes;
    let found = checksum(&row.key, bytes);
    if found != row.value.crc {
        return Err(corrupt(
            row,
            &format!("checksum {found:08x}, stored {:08x}", row.value.crc),
        ));
    }
    let content = match &row.key {
        RowKey::StoreIdent => {
            check_version(row)?;
            codec::decode(bytes).map(Content::StoreIdent)
        }
        RowKey::LastCycle => codec::decode(bytes).map(Content::LastCycle),
        RowKey::RaftLog { .. } => codec::decode(bytes).map(Content::RaftLog),
        RowKey::RaftState { .. } => codec::decode(bytes).map(Content::RaftState),
        RowKey::ApplyState { .. } => codec::decode(bytes).map(Content::ApplyState),
        RowKey::RegionState { .. } => {
            codec::decode(bytes).map(|state| Content::RegionState(Box::new(state)))
        }
        RowKey::Session { .. } => codec::decode(bytes).map(Content::Session),
        RowKey::Data { .. } => Ok(Content::Data(bytes.clone())),
        RowKey::Scheduler(_) => Ok(Content::Scheduler(bytes.clone())),
    }
    .map_err(|error| corrupt(row, &error.to_string()))?;
    if let Content::RaftLog(run) = &content {
        run.check().map_err(|reason| corrupt(row, &reason))?;
    }
    if !belongs(&row.key, &content) {
        return Err(corrupt(row, "it holds what belongs under another key"));
    }
    Ok(content)
}

/// The layout's version is the first number of the ident in every version.
fn check_version(row: &Row) -> Result<(), Stop> {
    let (found, _) = postcard::take_from_bytes::<u32>(&row.value.bytes)
        .map_err(|error| corrupt(row, &format!("no version: {error}")))?;
    if found > DISK_VERSION {
        return Err(Stop::NewerDisk {
            found,
            known: DISK_VERSION,
        });
    }
    if found == 0 {
        return Err(corrupt(row, "no disk has version 0"));
    }
    Ok(())
}

fn corrupt(row: &Row, reason: &str) -> Stop {
    Stop::CorruptRow {
        table: row.key.table(),
        reason: format!("{}: {reason}", text::key(&row.key)),
    }
}

/// The number of the transaction that wrote last; zero for an empty disk.
///
/// # Errors
///
/// [`Stop::CorruptRow`] when the row is damaged, or missing on a disk that holds other rows.
pub fn last_cycle(image: &DiskImage) -> Result<Cycle, Stop> {
    if image.rows.is_empty() {
        return Ok(Cycle::ZERO);
    }
    let row = image.rows.iter().find(|row| row.key == RowKey::LastCycle);
    match row.map(decode).transpose()? {
        Some(Content::LastCycle(cycle)) => Ok(cycle),
        _ => Err(Stop::CorruptRow {
            table: RowKey::LastCycle.table(),
            reason: "the row of the last cycle is missing".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests;
