//! When the cluster is saved: after every action, and a few times a second while time passes.

use std::{collections::VecDeque, rc::Rc};

use wasm_bindgen_futures::spawn_local;

use super::{
    live::Live,
    vault::{Chunk, Vault},
};
use crate::{disk::DiskError, port};

/// Real time between two savings while time passes, in microseconds.
const BEAT_US: u64 = 200_000;
/// How long a refused saving waits for the next try, in microseconds.
const RETRY_US: u64 = 1_000_000;

/// What is not saved yet.
#[derive(Debug)]
pub(super) struct Saver {
    segment: u32,
    next_chunk: u32,
    /// Chunks that are not known to be saved, oldest first. Without a database: all.
    pub(super) chunks: VecDeque<Chunk>,
    wanted: bool,
    busy: bool,
    /// When it may begin again, in real microseconds.
    next_us: u64,
    told: Option<String>,
    /// Tells this cluster from a later one.
    token: Rc<()>,
}

impl Saver {
    pub(super) fn new(segment: u32) -> Self {
        Self {
            segment,
            next_chunk: 0,
            chunks: VecDeque::new(),
            wanted: true,
            busy: false,
            next_us: 0,
            told: None,
            token: Rc::new(()),
        }
    }

    /// Asks for a saving as soon as may be.
    pub(super) fn want(&mut self) {
        self.wanted = true;
        if self.told.is_none() {
            self.next_us = 0;
        }
    }

    /// When to look again, in real microseconds.
    pub(super) fn deadline(&self, running: bool) -> Option<u64> {
        ((running || self.wanted) && !self.busy).then_some(self.next_us)
    }

    fn take(&mut self, chunk: Vec<u8>) {
        if !chunk.is_empty() {
            self.chunks.push_back(Chunk {
                segment: self.segment,
                n: self.next_chunk,
                bytes: chunk.into(),
            });
            self.next_chunk += 1;
        }
    }
}

impl Live {
    /// Saves when it is time. Never while a round is open: what is saved is of one moment.
    pub(super) fn save(&mut self, real: u64) {
        let running = self.is_running();
        let saver = &mut self.saver;
        let due = saver.wanted || running;
        if saver.busy || real < saver.next_us || !due {
            return;
        }
        saver.wanted = false;
        saver.next_us = real + BEAT_US;
        saver.take(self.conductor.take_chunk());
        let Some(vault) = self.grounds.vault.clone() else {
            return;
        };
        saver.busy = true;
        let saved = self.conductor.saved();
        let chunks = saver.chunks.clone();
        let (shell, token) = (self.shell.clone(), Rc::downgrade(&saver.token));
        spawn_local(async move {
            let ended = vault.save(&saved, &chunks).await;
            let Some(shell) = shell.upgrade() else { return };
            shell.with_live(|live| {
                // After a renewal it is another cluster that lives here.
                if token.ptr_eq(&Rc::downgrade(&live.saver.token)) {
                    live.saved(&ended, chunks.len());
                }
            });
        });
    }

    fn saved(&mut self, ended: &Result<(), DiskError>, chunks: usize) {
        let saver = &mut self.saver;
        saver.busy = false;
        match ended {
            Ok(()) => {
                saver.chunks.drain(..chunks);
                saver.told = None;
            }
            Err(error) => {
                saver.wanted = true;
                saver.next_us = port::real_us() + RETRY_US;
                let reason = error.to_string();
                if saver.told.as_ref() != Some(&reason) {
                    port::log(&format!("the cluster was not saved: {reason}"));
                    saver.told = Some(reason);
                }
            }
        }
        self.drive();
    }

    /// Moves what was recorded since to the chunks.
    pub(super) fn keep_chunk(&mut self) {
        self.saver.take(self.conductor.take_chunk());
    }

    /// Saves for the last time: the cluster goes to another tab.
    pub(super) async fn save_at_last(&mut self) {
        self.keep_chunk();
        if let Some(vault) = &self.grounds.vault {
            let ended = Vault::save(vault, &self.conductor.saved(), &self.saver.chunks).await;
            if let Err(error) = ended {
                port::log(&format!("the cluster was not saved: {error}"));
            }
        }
    }
}
