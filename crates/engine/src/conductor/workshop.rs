//! Work on the disks of stores that are down: a bit of a row is turned, a disk is emptied. A store
//! that is to start meanwhile waits for the end of the work.

use std::collections::BTreeMap;

use gloo_timers::future::TimeoutFuture;
use protocol::{ClusterName, DiskKind, Notice};
use raftstore::image::spoiled;
use types::{
    disk::{DiskWrite, RowOp},
    id::{Cycle, Incarnation, StoreId},
};
use wasm_bindgen_futures::spawn_local;

use super::{live::Live, notice};
use crate::{
    disk::{Disk, DiskError},
    locks::{self, How},
};

/// How long a refused piece of work waits for its next try, in milliseconds.
const RETRY_MS: u32 = 500;

/// What is done to a disk.
#[derive(Debug, Clone, Copy)]
pub(super) enum Tampering {
    /// A bit of a row is turned.
    Spoil(u64),
    /// Everything is removed.
    Wipe,
}

/// The work that is going on, and what waits for it.
#[derive(Debug, Default)]
pub(super) struct Workshop {
    benches: BTreeMap<StoreId, Bench>,
    /// Writes to disks in memory for which there was no room.
    refused: BTreeMap<StoreId, DiskWrite>,
}

/// The machine that comes back as one store.
#[derive(Debug, Default)]
struct Bench {
    jobs: u32,
    /// The life that is to begin afterwards, and whether its image is wanted.
    load: Option<(Incarnation, bool)>,
}

impl Workshop {
    /// Whether a store cannot start yet; then it starts once the work on its disk is done.
    pub(super) fn puts_off(
        &mut self,
        store: StoreId,
        incarnation: Incarnation,
        wants_image: bool,
    ) -> bool {
        let bench = self.benches.get_mut(&store);
        let is_open = bench.is_some();
        if let Some(bench) = bench {
            bench.load = Some((incarnation, wants_image));
        }
        is_open
    }

    /// The process that gave a write out is gone, and so is the write.
    pub(super) fn forget_write(&mut self, store: StoreId) {
        self.refused.remove(&store);
        if let Some(bench) = self.benches.get_mut(&store) {
            bench.load = None;
        }
    }
}

impl Live {
    /// Works on the disk of `store`, whose machine comes back as `heir`.
    pub(super) fn tamper(&mut self, store: StoreId, heir: StoreId, tampering: Tampering) {
        if let DiskKind::Memory { .. } = self.grounds.disks {
            match tampering {
                Tampering::Spoil(nth) => {
                    if let Some(disk) = self.memory.get_mut(&store) {
                        disk.spoil(nth);
                    }
                }
                Tampering::Wipe => drop(self.memory.remove(&store)),
            }
            return;
        }
        self.workshop.benches.entry(heir).or_default().jobs += 1;
        let (shell, cluster) = (self.shell.clone(), self.grounds.cluster.clone());
        spawn_local(async move {
            while let Err(error) = carry_out(&cluster, store, heir, tampering).await {
                let reason = error.to_string();
                // A disk that cannot be read is as spoiled as it can be.
                if error.into_stop().is_some() {
                    break;
                }
                notice(Notice::DiskRefused { store, reason });
                TimeoutFuture::new(RETRY_MS).await;
            }
            if let Some(shell) = shell.upgrade() {
                shell.with_live(|live| live.worked_on(heir));
            }
        });
    }

    fn worked_on(&mut self, heir: StoreId) {
        let Some(bench) = self.workshop.benches.get_mut(&heir) else {
            return;
        };
        bench.jobs -= 1;
        if bench.jobs == 0
            && let Some(bench) = self.workshop.benches.remove(&heir)
            && let Some((incarnation, wants_image)) = bench.load
        {
            self.load(heir, incarnation, wants_image);
        }
        self.drive();
    }

    /// With disks in memory: carries out a write. Returns whether it is durable.
    pub(super) fn keep(&mut self, store: StoreId, write: Option<&DiskWrite>) -> bool {
        let (Some(disk), Some(write)) = (self.memory.get_mut(&store), write) else {
            return false;
        };
        if self.conductor.is_disk_full(store) {
            self.workshop.refused.insert(store, write.clone());
            return false;
        }
        disk.apply(write);
        true
    }

    /// There is room again: what a disk in memory refused is carried out.
    pub(super) fn make_room(&mut self, store: StoreId) {
        let refused = self.workshop.refused.remove(&store);
        if let (Some(disk), Some(write)) = (self.memory.get_mut(&store), refused) {
            disk.apply(&write);
            self.durable(store, write.cycle);
        }
    }
}

/// Does a piece of work under the store's lock, so that its former self is gone.
async fn carry_out(
    cluster: &ClusterName,
    store: StoreId,
    heir: StoreId,
    tampering: Tampering,
) -> Result<(), DiskError> {
    let name = locks::store_name(cluster, store);
    let lock = locks::hold(&name, How::Wait, || {}).await;
    let _lock = lock.map_err(|error| DiskError::Refused {
        what: "lock a disk",
        reason: error.reason,
    })?;
    let disk = Disk::create(&name).await?;
    match tampering {
        Tampering::Spoil(nth) => {
            let Some(row) = spoiled(&disk.load().await?, nth) else {
                return Ok(());
            };
            let ops = vec![RowOp::Put(row)];
            let cycle = Cycle::ZERO;
            disk.write(&DiskWrite { cycle, ops }).await
        }
        Tampering::Wipe => {
            disk.wipe().await?;
            if heir != store {
                Disk::create(&locks::store_name(cluster, heir)).await?;
            }
            Ok(())
        }
    }
}
