//! The generic test of both courses: clients under trouble, three rounds.

use types::{
    action::Action,
    id::{RegionId, StoreId},
    scheduler::OperatorRequest,
    settings::Settings,
    time::{US_PER_MS, VirtualTime},
};

pub(crate) use super::clients::Mix;
use super::{Count, ELECTION_MS, Kv, Outcome, PATIENCE_MS, clients::Prophet};

/// How many rounds there are.
const ROUNDS: u64 = 3;
/// How long clients work in each, in milliseconds.
const ROUND_MS: u64 = 5_000;
/// Messages lost on an unreliable network, in thousandths (TinyKV's filter).
const LOSS_PERMILLE: u64 = 101;
/// How long the course's conf changer waits for a change, in milliseconds.
const CHANGE_MS: u64 = 5_000;

/// What a generic test is given, in the courses' words.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Generic {
    pub(crate) clients: u64,
    pub(crate) stores: u64,
    pub(crate) mix: Mix,
    pub(crate) unreliable: bool,
    pub(crate) crash: bool,
    pub(crate) partitions: bool,
    /// How many entries a log keeps (TinyKV), or bytes of raft state (6.824); none for all.
    pub(crate) limit: Option<u64>,
    pub(crate) conf_change: bool,
    pub(crate) split: bool,
}

impl Generic {
    /// How often the network changes: at random between these, in milliseconds.
    const fn chaos_ms(&self) -> (u64, u64) {
        match self.mix {
            Mix::PutAndScan => (500, 200),
            Mix::AppendAndGet | Mix::SharedKeys { .. } => (1_000, 200),
        }
    }

    const fn is_tinykv(&self) -> bool {
        matches!(self.mix, Mix::PutAndScan)
    }

    fn settings(&self, seed: u64) -> Settings {
        let base = super::settings(seed, self.stores);
        if self.is_tinykv() {
            Settings {
                scheduler: 1,
                log_gc_entries: self.limit.unwrap_or(base.log_gc_entries),
                region_max_bytes: if self.split { 300 } else { 0 },
                region_split_bytes: 200,
                ..base
            }
        } else {
            Settings {
                preset: 1,
                sessions: 1,
                log_gc_entries: 0,
                max_raft_state_bytes: self.limit.unwrap_or(0),
                region_max_bytes: 0,
                ..base
            }
        }
    }

    /// Runs a seed.
    pub(crate) fn run(&self, seed: u64, broken: Option<&str>) -> (Kv, Outcome) {
        let mut kv = Kv::new(self.settings(seed), broken);
        let outcome = self.rounds(&mut kv);
        (kv, outcome)
    }

    fn rounds(&self, kv: &mut Kv) -> Outcome {
        kv.run_ms(2 * ELECTION_MS)?;
        let mut clients: Vec<Prophet> = (0..self.clients)
            .map(|nth| Prophet::new(nth, self.mix))
            .collect();
        let mut changer = Changer::default();
        for _ in 0..ROUNDS {
            self.round(kv, &mut clients, &mut changer)?;
            self.calm(kv, &mut clients)?;
            let least = clients.iter().map(|client| client.acknowledged).min();
            note_least(kv, least.unwrap_or_default());
            for client in &mut clients {
                client.look_again(kv);
            }
            finish(kv, &mut clients)?;
            loop {
                let mut all_gone = true;
                for client in &mut clients {
                    all_gone &= client.clear_next(kv);
                }
                if all_gone {
                    break;
                }
                finish(kv, &mut clients)?;
            }
            self.check_sizes(kv)?;
        }
        kv.count(Count::Changes, changer.done);
        kv.end()
    }

    fn round(&self, kv: &mut Kv, clients: &mut [Prophet], changer: &mut Changer) -> Outcome {
        for client in clients.iter_mut() {
            client.begin(kv)?;
        }
        let end = kv.after_ms(ROUND_MS);
        let mut chaos_at = kv.after_ms(300);
        let mut change_at = kv.after_ms(400);
        while kv.now() < end {
            if kv.now() >= chaos_at {
                self.chaos(kv);
                let (least, more) = self.chaos_ms();
                let ms = least + kv.dice.below(more);
                chaos_at = kv.after_ms(ms);
            }
            if self.conf_change && kv.now() >= change_at {
                change_at = changer.go_on(kv);
            }
            for client in clients.iter_mut() {
                client.go_on(kv, true)?;
            }
            let next = end.min(chaos_at);
            let next = if self.conf_change {
                next.min(change_at)
            } else {
                next
            };
            kv.advance(next)?;
        }
        Ok(())
    }

    /// One change of the network, in every round; lost messages stay as many as they are.
    fn chaos(&self, kv: &mut Kv) {
        if self.partitions {
            let all = kv.stores();
            let side: Vec<StoreId> = all.into_iter().filter(|_| kv.dice.happens(500)).collect();
            kv.cut(&side);
        }
        if self.unreliable {
            kv.set("loss_permille", LOSS_PERMILLE);
        }
    }

    /// Ends the trouble of a round, lets the clients finish, and stops and starts all stores.
    fn calm(&self, kv: &mut Kv, clients: &mut [Prophet]) -> Outcome {
        kv.heal();
        kv.run_ms(ELECTION_MS)?;
        finish(kv, clients)?;
        if self.crash {
            kv.crash_all()?;
        }
        Ok(())
    }

    fn check_sizes(&self, kv: &mut Kv) -> Outcome {
        if self.is_tinykv() {
            if let Some(limit) = self.limit {
                kv.run_ms(1_000)?;
                check_kept_entries(kv, 2 * limit)?;
            }
            if self.split && kv.scheduler().regions[0].region.end.is_empty() {
                return Err("the first region still holds every key".to_owned());
            }
            return Ok(());
        }
        match self.limit {
            Some(limit) => check_raft_state(kv, 8 * limit),
            None => check_no_snapshot(kv),
        }
    }
}

/// Lets every client finish what it is at.
fn finish(kv: &mut Kv, clients: &mut [Prophet]) -> Outcome {
    let end = kv.after_ms(PATIENCE_MS);
    while !clients.iter().all(Prophet::is_idle) {
        if kv.now() >= end {
            let now = kv.now();
            return Err(format!("request timeout: a client still waits at {now}"));
        }
        for client in clients.iter_mut() {
            client.go_on(kv, false)?;
        }
        let next = kv.after_ms(5);
        kv.advance(next)?;
    }
    Ok(())
}

fn note_least(kv: &mut Kv, least: u64) {
    let before = kv.counts.get(&Count::Acknowledged).copied();
    let least = before.map_or(least, |before| before.min(least));
    kv.counts.insert(Count::Acknowledged, least);
}

/// Every peer has dropped what it need not keep.
pub(crate) fn check_kept_entries(kv: &Kv, most: u64) -> Outcome {
    for store in kv.stores() {
        for peer in kv.peers(store) {
            let kept = peer.applied.since(peer.truncated.index);
            if kept > most {
                let region = peer.region.id;
                return Err(format!("{store} keeps {kept} entries of {region}"));
            }
        }
    }
    Ok(())
}

/// No log has grown beyond `most` bytes.
pub(crate) fn check_raft_state(kv: &Kv, most: u64) -> Outcome {
    for store in kv.stores() {
        for peer in kv.peers(store) {
            let bytes: usize = peer.log.iter().map(|each| each.entry.data.len()).sum();
            if bytes as u64 > most {
                return Err(format!("the log of {store} holds {bytes} bytes"));
            }
        }
    }
    Ok(())
}

/// Nobody has dropped anything.
fn check_no_snapshot(kv: &Kv) -> Outcome {
    match kv.counts.get(&Count::Compactions) {
        None => Ok(()),
        Some(count) => Err(format!("{count} logs were compacted")),
    }
}

/// Changes the membership of some region at some store, one change after the other.
#[derive(Debug, Default)]
struct Changer {
    /// What it asked for last, until when it waits, and how it knows that it is done.
    asked: Option<(RegionId, u64, VirtualTime)>,
    done: u64,
}

impl Changer {
    /// Does what is due; the instant at which to come again.
    fn go_on(&mut self, kv: &mut Kv) -> VirtualTime {
        let view = kv.scheduler();
        if let Some((region, conf_ver, until)) = self.asked.take() {
            let known = view.regions.iter().find(|known| known.region.id == region);
            let now = known.map_or(conf_ver, |known| known.region.epoch.conf_ver);
            if now == conf_ver && kv.now() < until {
                self.asked = Some((region, conf_ver, until));
                return kv.after_ms(20);
            }
            // One that takes longer than the course waits is called off: a cut may last so long.
            self.done += u64::from(now != conf_ver);
            kv.act(Action::Operator {
                request: OperatorRequest::Cancel { region },
            });
            return pause(kv);
        }
        let nth = usize::try_from(kv.dice.below(view.regions.len() as u64)).expect("few regions");
        let known = &view.regions[nth].region;
        let stores = kv.stores();
        let store = stores[kv.dice.server(stores.len())];
        let region = known.id;
        let has_peer = known.peer_on(store).is_some();
        if has_peer && known.peers.len() == 1 {
            return pause(kv);
        }
        let request = if has_peer {
            OperatorRequest::RemovePeer { region, store }
        } else {
            OperatorRequest::AddPeer { region, store }
        };
        kv.act(Action::Operator { request });
        let until = VirtualTime::new(kv.now().get() + CHANGE_MS * US_PER_MS);
        self.asked = Some((region, known.epoch.conf_ver, until));
        kv.after_ms(20)
    }
}

/// When the next change is due.
fn pause(kv: &mut Kv) -> VirtualTime {
    let ms = 1 + kv.dice.below(200);
    kv.after_ms(ms)
}
