//! What a snapshot of a region carries: its shape, its pairs, its sessions, all as of one index.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use types::{
    codec,
    id::{ClientId, PeerId},
    raft::Snapshot,
    store::{ColumnFamily, Region},
};

use crate::{data::Data, rows::Session, sessions::Sessions};

/// The host's own bytes of a [`Snapshot`], with a checksum over the rest of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Payload {
    pub(crate) region: Region,
    pub(crate) pairs: Vec<(ColumnFamily, Bytes, Bytes)>,
    pub(crate) sessions: Vec<(ClientId, Session)>,
}

impl Payload {
    /// The state of a region.
    pub(crate) fn of(region: &Region, data: &Data, sessions: &Sessions) -> Self {
        let pair =
            |(cf, key, value): (ColumnFamily, &Bytes, &Bytes)| (cf, key.clone(), value.clone());
        let session = |(client, session): (ClientId, &Session)| (client, session.clone());
        Self {
            region: region.clone(),
            pairs: data.all().map(pair).collect(),
            sessions: sessions.all().map(session).collect(),
        }
    }

    /// Its bytes.
    pub(crate) fn encode(&self) -> Bytes {
        let bytes = codec::encode(self);
        let crc = crc32fast::hash(&bytes);
        [&crc.to_be_bytes()[..], &bytes[..]].concat().into()
    }

    /// Reads the bytes of a snapshot; nothing when they are damaged, or not those of a region that
    /// holds its own pairs.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (crc, bytes) = bytes.split_first_chunk::<4>()?;
        if crc32fast::hash(bytes) != u32::from_be_bytes(*crc) {
            return None;
        }
        let payload: Self = codec::decode(bytes).ok()?;
        let region = &payload.region;
        let is_sound = (region.end.is_empty() || region.start < region.end)
            && payload.pairs.iter().all(|(_, key, _)| region.contains(key));
        is_sound.then_some(payload)
    }

    /// Whether it can be the state of `to`'s region, as `snapshot` says who belongs to it.
    pub(crate) fn fits(&self, snapshot: &Snapshot, to: PeerId) -> bool {
        let conf_state = &snapshot.conf_state;
        let members = self.region.peers.iter();
        self.region.peer(to).is_some()
            && members.clone().all(|peer| conf_state.contains(peer.id))
            && conf_state.contains(to)
    }

    /// The pairs and sessions as a state machine, none of which the disk has.
    pub(crate) fn unpack(self) -> (Region, Data, Sessions) {
        let (mut data, mut sessions) = (Data::default(), Sessions::default());
        for (cf, key, value) in self.pairs {
            data.load(cf, &key, value);
        }
        for (client, session) in self.sessions {
            sessions.load(client, session);
        }
        (self.region, data, sessions)
    }
}
