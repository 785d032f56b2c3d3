//! Questions of the page. Reading changes nothing, also while paused.

use std::{collections::BTreeMap, collections::VecDeque, rc::Rc};

use protocol::{
    Answer, AskId, DiskKind, FromConductor, Hashes, LabError, Query, QueryError, StoreHash,
};
use raftstore::rows;
use types::{
    disk::DiskImage,
    id::StoreId,
    view::{RowsView, StoreView},
};
use wasm_bindgen_futures::spawn_local;

use super::{live::Live, open::Grounds};
use crate::{
    disk::{Disk, DiskError, Durability},
    locks, port,
    wire::{Question, ToStore},
};

/// How long a store may take to show itself, in real microseconds.
const VIEW_US: u64 = 1_000_000;
/// How long a store may take to tell its hash. The clock stands meanwhile.
const HASH_US: u64 = 100_000;

/// Questions that wait for a store's answer.
#[derive(Debug, Default)]
pub(super) struct Asks {
    last: Question,
    views: BTreeMap<Question, ViewAsk>,
    /// Who wants hashes, and the asking that goes on.
    wanted: VecDeque<AskId>,
    hashes: Option<HashAsk>,
}

#[derive(Debug)]
struct ViewAsk {
    ask: AskId,
    store: StoreId,
    until_us: u64,
}

#[derive(Debug)]
struct HashAsk {
    ask: AskId,
    open: BTreeMap<Question, StoreHash>,
    told: Vec<StoreHash>,
    until_us: u64,
}

fn answer(ask: AskId, result: Result<Answer, QueryError>) {
    port::post_to_parent(&FromConductor::Answer { ask, result });
}

impl Asks {
    fn next(&mut self) -> Question {
        self.last = self.last.wrapping_add(1);
        self.last
    }

    /// A store showed itself.
    pub(super) fn view(&mut self, question: Question, view: Option<Box<StoreView>>) {
        if let Some(ViewAsk { ask, store, .. }) = self.views.remove(&question) {
            let view = view.map(Answer::Store);
            answer(ask, view.ok_or(QueryError::Silent { store }));
        }
    }

    /// A store told its hash.
    pub(super) fn hash(&mut self, question: Question, hash: Option<u64>) {
        let Some(hashes) = &mut self.hashes else {
            return;
        };
        if let (Some(asked), Some(state)) = (hashes.open.remove(&question), hash) {
            hashes.told.push(StoreHash { state, ..asked });
        }
    }

    /// The store is gone: nothing more comes from it.
    pub(super) fn silence(&mut self, store: StoreId) {
        let gone = self.views.extract_if(.., |_, view| view.store == store);
        for (_, ViewAsk { ask, .. }) in gone {
            answer(ask, Err(QueryError::Silent { store }));
        }
        if let Some(hashes) = &mut self.hashes {
            hashes.open.retain(|_, asked| asked.store != store);
        }
    }

    /// No longer waits for what takes too long.
    pub(super) fn give_up(&mut self, real: u64) {
        let late = self.views.extract_if(.., |_, view| view.until_us <= real);
        for (_, ViewAsk { ask, store, .. }) in late {
            answer(ask, Err(QueryError::Silent { store }));
        }
        if let Some(hashes) = &mut self.hashes
            && hashes.until_us <= real
        {
            hashes.open.clear();
        }
    }

    /// When something takes too long, in real microseconds.
    pub(super) fn deadline(&self) -> Option<u64> {
        let views = self.views.values().map(|view| view.until_us);
        let hashes = self.hashes.iter().map(|hashes| hashes.until_us);
        views.chain(hashes).min()
    }
}

impl Live {
    /// Hears a question.
    pub(super) fn ask(&mut self, ask: AskId, query: Query) {
        match query {
            Query::Store(store) | Query::Rows(store) if !self.has_store(store) => {
                answer(ask, Err(QueryError::NoSuchStore { store }));
            }
            Query::Store(store) => self.ask_view(ask, store),
            Query::Rows(store) => self.ask_rows(ask, store),
            Query::Hashes => self.asks.wanted.push_back(ask),
            Query::Recording => self.ask_recording(ask),
            Query::Disks => self.ask_disks(ask),
        }
    }

    fn ask_view(&mut self, ask: AskId, store: StoreId) {
        let running = self.conductor.running();
        let question = self.asks.next();
        let here = running.iter().any(|(running, _)| *running == store);
        if !here || !self.say(store, ToStore::View(question)) {
            return answer(ask, Err(QueryError::Silent { store }));
        }
        let until_us = port::real_us() + VIEW_US;
        let view = ViewAsk {
            ask,
            store,
            until_us,
        };
        self.asks.views.insert(question, view);
    }

    /// The rows are read here and not by the store, so that those of a dead or busy one are shown
    /// in the same way: as they stand in its database.
    fn ask_rows(&mut self, ask: AskId, store: StoreId) {
        let show = move |image: DiskImage| {
            let with_key = |row: types::disk::Row| {
                let key = rows::tinykv_key(&row.key);
                (row, key)
            };
            let rows = image.rows.into_iter().map(with_key).collect();
            Answer::Rows(RowsView { store, rows })
        };
        match self.grounds.disks {
            DiskKind::Memory { .. } => answer(ask, Ok(show(self.memory_image(store)))),
            DiskKind::IndexedDb => {
                let grounds = self.grounds();
                spawn_local(async move {
                    let image = image_of(&grounds, store).await;
                    answer(ask, image.map(show).map_err(|error| unreadable(&error)));
                });
            }
        }
    }

    fn ask_disks(&mut self, ask: AskId) {
        let stores: Vec<StoreId> = self.conductor.stores().collect();
        match self.grounds.disks {
            DiskKind::Memory { .. } => {
                let disks = stores.into_iter();
                let disks = disks.map(|store| (store, self.memory_image(store)));
                answer(ask, Ok(Answer::Disks(disks.collect())));
            }
            DiskKind::IndexedDb => {
                let grounds = self.grounds();
                spawn_local(async move {
                    let mut disks = Vec::new();
                    for store in stores {
                        match image_of(&grounds, store).await {
                            Ok(image) => disks.push((store, image)),
                            Err(error) => return answer(ask, Err(unreadable(&error))),
                        }
                    }
                    answer(ask, Ok(Answer::Disks(disks)));
                });
            }
        }
    }

    fn memory_image(&self, store: StoreId) -> DiskImage {
        let disk = self.memory.get(&store);
        disk.map(raftstore::image::MemoryDisk::image)
            .unwrap_or_default()
    }

    fn ask_recording(&mut self, ask: AskId) {
        let recording = self.read_recording();
        spawn_local(async move {
            let recording = recording.await.map(Answer::Recording);
            answer(ask, recording.map_err(|error| unreadable(&error)));
        });
    }

    /// The recording so far, up to the last round that was closed.
    fn read_recording(&mut self) -> impl Future<Output = Result<Vec<u8>, DiskError>> + use<> {
        self.keep_chunk();
        let mine: Vec<_> = self.saver.chunks.iter().cloned().collect();
        let grounds = self.grounds();
        async move {
            match &grounds.vault {
                Some(vault) => vault.recording(&mine).await,
                None => Ok(mine.iter().flat_map(|chunk| chunk.bytes.clone()).collect()),
            }
        }
    }

    /// Gives the lab what it is to do, between two rounds.
    pub(super) fn serve_lab(&mut self) {
        while let Some((ask, job)) = self.lab.next_job() {
            let recording = self.read_recording();
            let shell = self.shell.clone();
            spawn_local(async move {
                let recording = recording.await;
                let Some(shell) = shell.upgrade() else { return };
                shell.with_live(|live| match recording {
                    Ok(recording) => live.lab.begin_job(ask, job, recording),
                    Err(error) => {
                        let reason = error.to_string();
                        live.lab.refuse(ask, LabError::Recording { reason });
                    }
                });
            });
        }
    }

    /// Goes on with asking for hashes, between two rounds. Whether that still takes time.
    pub(super) fn ask_for_hashes(&mut self, real: u64) -> bool {
        loop {
            if let Some(hashes) = &self.asks.hashes {
                if !hashes.open.is_empty() {
                    return true;
                }
                let hashes = self.asks.hashes.take().expect("an asking goes on");
                self.tell_hashes(hashes);
            }
            let Some(ask) = self.asks.wanted.pop_front() else {
                return false;
            };
            let mut open = BTreeMap::new();
            for (store, incarnation) in self.conductor.running() {
                let question = self.asks.next();
                let asked = StoreHash {
                    store,
                    incarnation,
                    state: 0,
                };
                if self.say(store, ToStore::Hash(question)) {
                    open.insert(question, asked);
                }
            }
            self.asks.hashes = Some(HashAsk {
                ask,
                open,
                told: Vec::new(),
                until_us: real + HASH_US,
            });
        }
    }

    fn tell_hashes(&self, hashes: HashAsk) {
        let mut stores = hashes.told;
        stores.sort_by_key(|hash| hash.store);
        let told = Hashes {
            event: self.conductor.event(),
            now: self.conductor.now(),
            run: self.conductor.run_hash(),
            conductor: self.conductor.state_hash(),
            stores,
        };
        answer(hashes.ask, Ok(Answer::Hashes(told)));
    }
}

async fn image_of(grounds: &Rc<Grounds>, store: StoreId) -> Result<DiskImage, DiskError> {
    let name = locks::store_name(&grounds.cluster, store);
    let disk = Disk::open(&name, Durability::Relaxed).await?;
    disk.load().await
}

fn unreadable(error: &DiskError) -> QueryError {
    QueryError::Disk {
        reason: error.to_string(),
    }
}
