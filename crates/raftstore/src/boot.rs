//! Starting a store from its disk.

use std::collections::BTreeMap;

use bytes::Bytes;
use raft::{CORRECT, Config, Overseen, RawNode, Restored, Rules};
use types::{
    codec,
    disk::{DISK_VERSION, DiskImage, DiskWrite, RowKey, Table},
    event::EventId,
    id::{Cycle, RegionId},
    io::{BootConfig, Output, Stop},
    raft::{ConfState, Entry, EntryBrief},
    store::{ColumnFamily, Region},
    time::StoreTime,
    view::{Fact, FactBody},
};

use crate::{
    contents::{Contents, RegionRows},
    data::Data,
    peer::Peer,
    rows::{self, Content, StoreIdent},
    rulebook::RuleBook,
    storage::{self, PeerStorage},
    store::Store,
};

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
        let mut store = Self {
            id: config.store,
            incarnation: config.incarnation,
            options: config.options,
            rules: None,
            table: &CORRECT,
            book,
            now,
            peers: BTreeMap::new(),
            written: Cycle::ZERO,
            durable: Cycle::ZERO,
            last_event: event,
            refused: BTreeMap::new(),
            stopped: false,
        };
        store.choose(config.rules.as_deref());
        let mut write = None;
        if image.rows.is_empty() {
            write = Some(store.bootstrap(config)?);
        } else {
            store.load(config, image)?;
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
        if region.peer_on(self.id).is_some() {
            let storage = PeerStorage::bootstrap(region.id);
            ops.extend(storage.bootstrap_ops(region));
            let (entries, data) = (Vec::new(), Data::default());
            let mut peer = make_peer(config, self.table, region, storage, entries, data)?;
            peer.wait_for_bootstrap(self.last_event);
            self.peers.insert(region.id, peer);
        }
        let cycle = Cycle::new(1);
        self.written = cycle;
        ops.push(storage::put(RowKey::LastCycle, &Content::LastCycle(cycle)));
        Ok(DiskWrite { cycle, ops })
    }

    fn load(&mut self, config: &BootConfig, image: &DiskImage) -> Result<(), Stop> {
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
        let mut data = share_out(&contents)?;
        for (id, rows) in &contents.regions {
            let data = data.remove(id).unwrap_or_default();
            let peer = load_peer(config, self.table, *id, rows, data)?;
            self.peers.insert(*id, peer);
        }
        Ok(())
    }

    /// Tells what came up.
    fn announce(&self, output: &mut Output) {
        for peer in self.peers.values() {
            let log = peer.raft.log();
            let entries = log.entries(log.first_index(), log.last_index());
            let body = FactBody::Started {
                incarnation: self.incarnation,
                peer: peer.name.id,
                hard_state: peer.storage.hard_state(),
                truncated: peer.storage.apply_state().truncated,
                entries: entries.map(EntryBrief::from).collect(),
                applied: peer.applied,
            };
            output.facts.push(Fact {
                cause: self.last_event,
                waited_for: None,
                region: peer.region.id,
                body,
            });
        }
    }

    fn start_peers(&mut self, output: &mut Output) -> Result<(), Stop> {
        let mut turn = self.turn(output);
        for peer in self.peers.values_mut() {
            // TinyKV: a region whose only peer is here need not wait for anybody.
            if peer.region.peers.len() == 1 {
                peer.raft.campaign();
            }
            peer.drain(&mut turn)?;
        }
        Ok(())
    }
}

/// The data rows by the region that they belong to.
fn share_out(contents: &Contents) -> Result<BTreeMap<RegionId, Data>, Stop> {
    let regions: Vec<&Region> = contents
        .regions
        .values()
        .filter_map(|rows| rows.region.as_ref().map(|state| &state.region))
        .collect();
    let mut shares: BTreeMap<RegionId, Data> = BTreeMap::new();
    for ((cf, key), value) in &contents.data {
        let Some(region) = regions.iter().find(|region| region.contains(key)) else {
            return Err(outside(*cf, key));
        };
        let share = shares.entry(region.id).or_default();
        share.load(*cf, key, value.clone());
    }
    Ok(shares)
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

fn load_peer(
    config: &BootConfig,
    table: &'static Rules,
    id: RegionId,
    rows: &RegionRows,
    data: Data,
) -> Result<Peer, Stop> {
    let state = rows.region.as_ref().ok_or_else(|| Stop::InconsistentDisk {
        region: id,
        reason: "its region state row is missing".to_owned(),
    })?;
    let (storage, entries) = PeerStorage::load(id, rows)?;
    make_peer(config, table, &state.region, storage, entries, data)
}

fn make_peer(
    config: &BootConfig,
    table: &'static Rules,
    region: &Region,
    storage: PeerStorage,
    entries: Vec<Entry>,
    data: Data,
) -> Result<Peer, Stop> {
    let stop = |reason| Stop::InconsistentDisk {
        region: region.id,
        reason,
    };
    let name = region
        .peer_on(config.store)
        .ok_or_else(|| stop(format!("it has no peer on this store, {}", config.store)))?;
    let voters: Vec<_> = region.peers.iter().map(|peer| peer.id).collect();
    let conf_state = Some(ConfState::of_voters(voters.clone()));
    let raft_config = Config {
        election_ticks: config.options.election_ticks,
        heartbeat_ticks: config.options.heartbeat_ticks,
        seed: codec::chain(config.seed, &region.id.get().to_be_bytes()),
        ..Config::preset(config.options.preset, name.id, voters)
    };
    let apply = storage.apply_state();
    let restored = Restored {
        hard_state: storage.hard_state(),
        truncated: apply.truncated,
        truncated_hash: apply.truncated_hash,
        entries,
        applied: apply.applied,
        conf_state,
    };
    let oversight = Overseen {
        rules: table,
        ..Overseen::TRACED
    };
    let raft = RawNode::with_oversight(raft_config, restored, oversight)
        .map_err(|error| stop(error.to_string()))?;
    Ok(Peer::new(region.clone(), name, raft, storage, data))
}
