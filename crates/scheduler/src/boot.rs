//! Starting the scheduler from its disk.

use std::collections::{BTreeMap, BTreeSet};

use raftstore::rows::{self as store_rows, Content, StoreIdent};
use types::{
    disk::{DISK_VERSION, DiskImage, RowKey, RowOp, Table},
    event::EventId,
    id::Cycle,
    io::{BootConfig, Output, Stop},
    store::Region,
    time::StoreTime,
};

use crate::{
    cluster::Cluster,
    dice::Dice,
    ids::Ids,
    operators::Operators,
    patrol::Paces,
    region::RegionInfo,
    rows::{self, Kept},
    rules::{CORRECT, RuleBook, Rules},
    scheduler::{Scheduler, sound},
};

impl Scheduler {
    /// Starts the scheduler. An empty image is a fresh disk: it knows `config.first_region` then,
    /// and the first output carries cycle 1. Empties `output` first. `_event` is what brings it
    /// up, as for a store; the scheduler tells no facts that would name it.
    ///
    /// # Errors
    ///
    /// A [`Stop`] when the disk is corrupt, of somebody else, of a newer layout, or contradicts
    /// itself. Nothing has been written.
    pub fn boot(
        config: &BootConfig,
        image: &DiskImage,
        now: StoreTime,
        event: EventId,
        output: &mut Output,
    ) -> Result<Self, Stop> {
        Self::boot_with(config, RuleBook::default(), image, now, event, output)
    }

    /// [`Scheduler::boot`] of a scheduler that decides by `rules`, whatever `config.rules` says.
    ///
    /// # Errors
    ///
    /// The same.
    pub fn boot_by(
        config: &BootConfig,
        rules: &'static Rules,
        image: &DiskImage,
        now: StoreTime,
        event: EventId,
        output: &mut Output,
    ) -> Result<Self, Stop> {
        let mut scheduler = Self::boot(config, image, now, event, output)?;
        scheduler.table = rules;
        scheduler.rules = config.rules.clone();
        scheduler.refused.clear();
        Ok(scheduler)
    }

    /// [`Scheduler::boot`] of a scheduler that finds broken rules in `book`.
    ///
    /// # Errors
    ///
    /// The same.
    pub fn boot_with(
        config: &BootConfig,
        book: RuleBook,
        image: &DiskImage,
        now: StoreTime,
        _event: EventId,
        output: &mut Output,
    ) -> Result<Self, Stop> {
        output.clear();
        let mut scheduler = Self {
            id: config.store,
            incarnation: config.incarnation,
            options: sound(config.scheduler),
            rules: None,
            table: &CORRECT,
            book,
            now,
            started: now,
            heard_at: now,
            cluster: Cluster::default(),
            ids: Ids::starting_at(1),
            operators: Operators::default(),
            dice: Dice::new(config.seed),
            paces: Paces::starting_at(now),
            is_prepared: false,
            changed_regions: BTreeSet::new(),
            changed_stores: BTreeSet::new(),
            written: Cycle::ZERO,
            durable: Cycle::ZERO,
            refused: BTreeMap::new(),
        };
        if let Err(refused) = scheduler.choose(config.rules.as_deref()) {
            scheduler.refused.insert(refused, 1);
        }
        let mut first = Vec::new();
        if image.rows.is_empty() {
            first.push(scheduler.bootstrap(&config.first_region));
        } else {
            scheduler.load(config, image)?;
        }
        scheduler.finish(first, output);
        Ok(scheduler)
    }

    fn bootstrap(&mut self, region: &Region) -> RowOp {
        self.saw_ids_of(region);
        self.ids = Ids::starting_at(self.ids.next());
        self.cluster
            .put(RegionInfo::of_shape(region.clone()), self.now);
        self.changed_regions.insert(region.id);
        let ident = StoreIdent {
            version: DISK_VERSION,
            store: self.id,
        };
        rows::put_meta(RowKey::StoreIdent, &Content::StoreIdent(ident))
    }

    fn load(&mut self, config: &BootConfig, image: &DiskImage) -> Result<(), Stop> {
        let Kept {
            ident,
            ids,
            stores,
            regions,
        } = rows::read(image)?;
        let ident = ident.ok_or_else(|| Stop::CorruptRow {
            table: Table::Meta,
            reason: "the row of the owner's identity is missing".to_owned(),
        })?;
        if ident.store != config.store {
            return Err(Stop::ForeignDisk {
                found: ident.store,
                expected: config.store,
            });
        }
        let reason = "the row of the reserved ids is missing";
        let ids = ids.ok_or_else(|| rows::corrupt(reason.to_owned()))?;
        // What is left of the block was perhaps named: nobody remembers how much.
        self.ids = Ids::starting_at(ids.reserved_to);
        self.written = store_rows::last_cycle(image)?;
        self.durable = self.written;
        for info in regions {
            let region = info.id();
            self.saw_ids_of(&info.region);
            let displaced = self.cluster.put(info, self.now);
            if let Some(other) = displaced.evicted.first() {
                return Err(Stop::InconsistentDisk {
                    region,
                    reason: format!("it overlaps {}", other.id()),
                });
            }
        }
        for row in stores {
            let (store, _) = self.cluster.stores_mut().learn(row.store, self.now);
            store.state = row.state;
        }
        Ok(())
    }
}
