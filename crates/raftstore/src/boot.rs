//! Starting a store from its disk.

use std::collections::BTreeMap;

use bytes::Bytes;
use raft::{Config, Lease, Overseen, RawNode, Restored};
use types::{
    codec,
    disk::{DISK_VERSION, DiskImage, DiskWrite, RowKey, Table},
    event::EventId,
    id::{Cycle, RegionId, StoreId},
    io::{BootConfig, Output, Stop},
    raft::{ConfState, Entry, EntryBrief},
    store::{ColumnFamily, Peer as PeerName},
    time::StoreTime,
    view::{Fact, FactBody},
};

use crate::{
    contents::{Contents, RegionRows},
    data::Data,
    peer::{Peer, State, needs_lease},
    rows::{self, Content, PeerState, RegionState, StoreIdent},
    rulebook::RuleBook,
    sessions::Sessions,
    storage::{self, PeerStorage},
    store::Store,
};

/// A lease is shorter than what it rests on by this part of it, which is how much faster or slower
/// a clock may run: clocks run at half to twice the true speed, so three quarters are given up.
const LEASE_PARTS: u64 = 4;

impl Store {
    /// Starts a store. An empty image is a fresh disk: the first output then carries cycle 1,
    /// which writes the ident and the first region's states, and nothing is said before it is
    /// durable. Empties `output` first.
    ///
    /// # Errors
    ///
    /// A [`Stop`] when the disk is corrupt, of another store, of a newer layout, or contradicts
    /// itself. Nothing has been written.
    ///
    /// # Panics
    ///
    /// When `options.tick_us` is zero: a tick has a length.
    pub fn boot(
        config: &BootConfig,
        image: &DiskImage,
        now: StoreTime,
        event: EventId,
        output: &mut Output,
    ) -> Result<Self, Stop> {
        Self::boot_by(config, RuleBook::default(), image, now, event, output)
    }

    /// [`Store::boot`] of a store that finds broken rules in `book`.
    ///
    /// # Errors
    ///
    /// The same.
    ///
    /// # Panics
    ///
    /// In the same way.
    pub fn boot_by(
        config: &BootConfig,
        book: RuleBook,
        image: &DiskImage,
        now: StoreTime,
        event: EventId,
        output: &mut Output,
    ) -> Result<Self, Stop> {
        assert!(config.options.tick_us > 0, "a tick has a length");
        output.clear();
        let mut store = Self::empty(config, book, now, event);
        store.choose(config.rules.as_deref());
        let mut write = None;
        if image.rows.is_empty() {
            write = Some(store.bootstrap(config)?);
        } else {
            store.load(image)?;
        }
        store.announce(output);
        if store.rules.is_some() {
            store.tell_rules(output);
        }
        let result = store.start_peers(output);
        store.finish(result, output);
        match output.stop.take() {
            Some(stop) => Err(stop),
            None => {
                output.write = write.or(output.write.take());
                Ok(store)
            }
        }
    }

    fn bootstrap(&mut self, config: &BootConfig) -> Result<DiskWrite, Stop> {
        let ident = StoreIdent {
            version: DISK_VERSION,
            store: self.id,
        };
        let mut ops = vec![storage::put(
            RowKey::StoreIdent,
            &Content::StoreIdent(ident),
        )];
        let region = &config.first_region;
        if let Some(name) = region.peer_on(self.id) {
            let state = State {
                region: region.clone(),
                storage: PeerStorage::bootstrap(region.id),
                data: Data::default(),
                sessions: Sessions::default(),
            };
            let peer = make_peer(self, name, state, Vec::new(), None)?;
            ops.extend(
                peer.storage
                    .bootstrap_ops(peer.region_state(PeerState::Normal)),
            );
            self.ranges.insert(region);
            self.peers.insert(region.id, peer);
        }
        let cycle = Cycle::new(1);
        self.wait_for_first_write(cycle);
        ops.push(storage::put(RowKey::LastCycle, &Content::LastCycle(cycle)));
        Ok(DiskWrite { cycle, ops })
    }

    fn load(&mut self, image: &DiskImage) -> Result<(), Stop> {
        let contents = Contents::read(image)?;
        let ident = contents.ident.ok_or_else(|| Stop::CorruptRow {
            table: Table::Meta,
            reason: "the row of the store's identity is missing".to_owned(),
        })?;
        if ident.store != self.id {
            return Err(Stop::ForeignDisk {
                found: ident.store,
                expected: self.id,
            });
        }
        self.written = rows::last_cycle(image)?;
        self.durable = self.written;
        self.load_ranges(&contents)?;
        let mut data = self.share_out(&contents)?;
        for (id, rows) in contents.regions {
            let data = data.remove(&id).unwrap_or_default();
            self.load_region(id, rows, data)?;
        }
        Ok(())
    }

    fn load_ranges(&mut self, contents: &Contents) -> Result<(), Stop> {
        for rows in contents.regions.values() {
            let Some(state) = &rows.region else { continue };
            if state.state != PeerState::Normal {
                continue;
            }
            let region = &state.region;
            let mut others = self.ranges.overlapping(&region.start, &region.end);
            if let Some(other) = others.next() {
                return Err(inconsistent(region.id, format!("it overlaps {other}")));
            }
            drop(others);
            self.ranges.insert(region);
        }
        Ok(())
    }

    /// The data rows by the region that they belong to.
    fn share_out(&self, contents: &Contents) -> Result<BTreeMap<RegionId, Data>, Stop> {
        let mut shares: BTreeMap<RegionId, Data> = BTreeMap::new();
        for ((cf, key), value) in &contents.data {
            let region = self.ranges.find(key).ok_or_else(|| outside(*cf, key))?;
            let share = shares.entry(region).or_default();
            share.load(*cf, key, value.clone());
        }
        Ok(shares)
    }

    fn load_region(&mut self, id: RegionId, rows: RegionRows, data: Data) -> Result<(), Stop> {
        let (storage, entries) = match &rows.region {
            Some(RegionState {
                state: PeerState::Tombstone { .. },
                ..
            }) => {
                let tombstone = rows.region.expect("it was just looked at");
                self.tombstones.insert(id, tombstone);
                return Ok(());
            }
            Some(_) => PeerStorage::load(id, &rows)?,
            None => {
                let reason = "its region state row is missing".to_owned();
                return Err(inconsistent(id, reason));
            }
        };
        let row = rows.region.expect("it was just looked at");
        let mut sessions = Sessions::default();
        for (client, session) in rows.sessions {
            sessions.load(client, session);
        }
        let name = match row.state {
            PeerState::Normal => row.region.peer_on(self.id),
            PeerState::Uninitialised | PeerState::Tombstone { .. } => None,
        };
        let (name, conf_state) = match (name, row.state) {
            (Some(name), _) => (name, Some(row.conf_state)),
            (None, PeerState::Uninitialised) => {
                let (id, store) = (row.peer, self.id);
                (PeerName { id, store }, None)
            }
            (None, _) => return Err(not_here(id, self.id)),
        };
        let state = State {
            region: row.region,
            storage,
            data,
            sessions,
        };
        let peer = make_peer(self, name, state, entries, conf_state)?;
        self.peers.insert(id, peer);
        Ok(())
    }

    /// Tells what came up.
    fn announce(&self, output: &mut Output) {
        for region in self.peers.keys() {
            self.announce_peer(*region, output);
        }
    }

    /// Tells of a peer that begins here.
    pub(crate) fn announce_peer(&self, region: RegionId, output: &mut Output) {
        let peer = &self.peers[&region];
        let log = peer.raft.log();
        let entries = log.entries(log.first_index(), log.last_index());
        let body = FactBody::Started {
            incarnation: self.incarnation,
            peer: peer.name.id,
            region: peer.region.clone(),
            hard_state: peer.storage.hard_state(),
            truncated: peer.storage.apply_state().truncated,
            entries: entries.map(EntryBrief::from).collect(),
            applied: peer.applied,
        };
        output.facts.push(Fact {
            cause: self.last_event,
            waited_for: None,
            region,
            body,
        });
    }

    fn start_peers(&mut self, output: &mut Output) -> Result<(), Stop> {
        let regions: Vec<RegionId> = self.peers.keys().copied().collect();
        for region in regions {
            self.with_peer(region, output, |peer, turn| {
                // TinyKV: a region whose only peer is here need not wait for anybody.
                if peer.region.peers.len() == 1 {
                    peer.raft.campaign();
                }
                peer.drain(turn)
            })?;
        }
        Ok(())
    }
}

fn outside(cf: ColumnFamily, key: &Bytes) -> Stop {
    Stop::CorruptRow {
        table: Table::Data,
        reason: format!(
            "{}_{} is in no region of this store",
            cf.name(),
            rows::lossless(key)
        ),
    }
}

fn inconsistent(region: RegionId, reason: String) -> Stop {
    Stop::InconsistentDisk { region, reason }
}

/// The stop of a store that does not belong to its own region.
pub(crate) fn not_here(region: RegionId, store: StoreId) -> Stop {
    inconsistent(region, format!("it has no peer on this store, {store}"))
}

/// Makes a peer of what the disk has, or of what a split or a message began. Without a membership
/// of its own it starts with the region's peers as voters.
pub(crate) fn make_peer(
    store: &Store,
    name: PeerName,
    state: State,
    entries: Vec<Entry>,
    conf_state: Option<ConfState>,
) -> Result<Peer, Stop> {
    let region = state.region.id;
    let options = &store.options;
    let voters: Vec<_> = state.region.peers.iter().map(|peer| peer.id).collect();
    let of_voters = || ConfState::of_voters(voters.clone());
    let conf_state = (!voters.is_empty()).then(|| conf_state.unwrap_or_else(of_voters));
    let refusal_us = u64::from(options.election_ticks) * options.tick_us;
    let lease = needs_lease(options.read_mode).then_some(Lease {
        duration_us: refusal_us / LEASE_PARTS,
        refusal_us,
    });
    let raft_config = Config {
        election_ticks: options.election_ticks,
        heartbeat_ticks: options.heartbeat_ticks,
        seed: codec::chain(store.seed, &region.get().to_be_bytes()),
        lease,
        clock_us: store.now.get(),
        ..Config::preset(options.preset, name.id, voters)
    };
    let apply = state.storage.apply_state();
    let restored = Restored {
        hard_state: state.storage.hard_state(),
        truncated: apply.truncated,
        truncated_hash: apply.truncated_hash,
        entries,
        applied: apply.applied,
        conf_state,
    };
    let oversight = Overseen {
        rules: store.table,
        ..Overseen::TRACED
    };
    let raft = RawNode::with_oversight(raft_config, restored, oversight)
        .map_err(|error| inconsistent(region, error.to_string()))?;
    Ok(Peer::new(name, raft, state, store.ticks()))
}
