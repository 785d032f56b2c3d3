//! A scripted run over every admin command, cut off at every write: before it, after it, and after
//! it with the words lost that it released. Nothing acknowledged may be lost, and every disk must
//! be sound.

use std::collections::{BTreeMap, BTreeSet};

use types::{
    id::{ClientId, PeerId, RegionId, StoreId},
    io::{Input, StoreOptions},
    raft::Role,
    scheduler::OperatorStep,
    store::{AdminCommand, AdminRequest, Command, CommandResult, Peer, Request, RequestId},
};

use raftstore::audit;

use crate::harness::{CrashPlan, Loop, R1, b, config, put};

const R2: RegionId = RegionId::new(2);

/// Where a run is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Before,
    After,
    AfterInSilence,
}

fn on(id: u64, store: u64) -> Peer {
    Peer {
        id: PeerId::new(id),
        store: StoreId::new(store),
    }
}

/// The commands of the script; each is followed by a few writes.
fn script() -> Vec<(&'static str, RegionId, AdminCommand)> {
    let step = AdminCommand::Step;
    vec![
        ("compact", R1, AdminCommand::CompactLog { keep: 1 }),
        (
            "add learner",
            R1,
            step(OperatorStep::AddLearner { peer: on(7, 4) }),
        ),
        (
            "promote learner",
            R1,
            step(OperatorStep::PromoteLearner { peer: on(7, 4) }),
        ),
        (
            "split",
            R1,
            AdminCommand::Split {
                key: b("k5"),
                new_region: R2,
                new_peers: (11..=14).map(PeerId::new).collect(),
            },
        ),
        (
            "remove",
            R2,
            step(OperatorStep::RemovePeer { peer: on(14, 4) }),
        ),
        ("add", R2, step(OperatorStep::AddPeer { peer: on(21, 4) })),
        ("compact right", R2, AdminCommand::CompactLog { keep: 0 }),
        (
            "joint",
            R2,
            AdminCommand::ChangeJointly(vec![
                OperatorStep::RemovePeer { peer: on(21, 4) },
                OperatorStep::RemovePeer { peer: on(13, 3) },
                OperatorStep::AddPeer { peer: on(22, 5) },
            ]),
        ),
        (
            "remove left",
            R1,
            step(OperatorStep::RemovePeer { peer: on(7, 4) }),
        ),
        (
            "snapshot",
            R2,
            AdminCommand::SendSnapshot {
                to: PeerId::new(22),
            },
        ),
        (
            "transfer",
            R2,
            AdminCommand::TransferLeader {
                to: PeerId::new(12),
            },
        ),
    ]
}

struct Run {
    all: Loop,
    acknowledged: BTreeMap<String, String>,
    seq: u64,
}

impl Run {
    fn new(plan: Option<CrashPlan>) -> Self {
        let options = StoreOptions {
            log_gc_entries: 0,
            ..config(1, 1, 1).options
        };
        let mut all = Loop::with(5, 3, options);
        all.crash = plan;
        Self {
            all,
            acknowledged: BTreeMap::new(),
            seq: 0,
        }
    }

    fn leader(&self, region: RegionId) -> Option<u64> {
        let nodes = self.all.nodes.iter();
        let peers = nodes.filter_map(|node| Some((node.id.get(), node.peer(region)?)));
        let leaders = peers.filter(|(_, view)| view.role == Role::Leader);
        let newest = leaders.max_by_key(|(_, view)| view.hard_state.term);
        newest.map(|(id, _)| id)
    }

    fn region_of(&self, key: &str) -> Option<(u64, types::store::Region)> {
        for region in [R1, R2] {
            if let Some(leader) = self.leader(region) {
                let view = self.all.nodes[leader as usize - 1].peer(region)?;
                if view.region.contains(key.as_bytes()) {
                    return Some((leader, view.region));
                }
            }
        }
        None
    }

    /// Tries a write a few times; it counts once it is acknowledged.
    fn write(&mut self, key: &str) {
        for _ in 0..30 {
            if let Some((leader, region)) = self.region_of(key) {
                self.seq += 1;
                let value = self.seq.to_string();
                let id = RequestId {
                    client: ClientId::new(3),
                    seq: self.seq,
                };
                let command: Command = put(key, &value);
                let request = Request {
                    id,
                    region: region.id,
                    epoch: region.epoch,
                    command,
                    session: None,
                };
                self.all.deliver(leader, Input::Request(request));
                self.all.run_ms(100);
                let answers = self.all.answers(id);
                if answers
                    .iter()
                    .any(|reply| reply.result == Ok(CommandResult::Put))
                {
                    self.acknowledged.insert(key.to_owned(), value);
                    return;
                }
            }
            self.all.run_ms(200);
        }
        panic!("{key} is never written");
    }

    fn play(&mut self) -> BTreeMap<&'static str, u64> {
        let mut points = BTreeMap::new();
        for key in ["k1", "k4", "k5", "k9"] {
            self.write(key);
        }
        let mut before = self.all.writes_seen;
        for (name, region, command) in script() {
            for _ in 0..20 {
                if self.leader(region).is_some() {
                    break;
                }
                self.all.run_ms(200);
            }
            if let Some(leader) = self.leader(region) {
                let request = AdminRequest { region, command };
                self.all.deliver(leader, Input::Admin(request));
            }
            self.all.run_ms(600);
            for key in ["k2", "k7"] {
                self.write(key);
            }
            let seen = self.all.writes_seen;
            points.insert(name, seen - before);
            before = seen;
        }
        self.all.run_ms(4_000);
        points
    }

    /// Every acknowledged write is read back, and the disks agree.
    fn check(&mut self, what: &str) {
        let keys: BTreeSet<String> = self.acknowledged.keys().cloned().collect();
        for key in keys {
            let (leader, region) = self
                .region_of(&key)
                .unwrap_or_else(|| panic!("{what}: {key}"));
            let view = self.all.nodes[leader as usize - 1].peer(region.id);
            let data = view.expect("it leads").data;
            let found = data
                .iter()
                .find(|(known, _)| known.as_ref() == key.as_bytes());
            let found = found.map(|(_, value)| String::from_utf8_lossy(value).into_owned());
            assert_eq!(found.as_ref(), self.acknowledged.get(&key), "{what}: {key}");
        }
        let report = audit::check(&self.all.images());
        assert!(report.is_clean(), "{what}: {:?}", report.findings);
    }
}

#[test]
#[expect(
    clippy::print_stdout,
    reason = "how many there are is worth to be seen"
)]
fn a_crash_at_any_write_of_any_admin_command_loses_nothing() {
    let mut whole = Run::new(None);
    let points = whole.play();
    whole.check("the whole run");
    let writes = whole.all.writes_seen;
    for (name, count) in &points {
        println!("{name}: {} crash points", 3 * count);
    }
    let all: u64 = 3 * writes;
    println!("{all} crash points in all");
    assert!(all >= 500, "{all} crash points");
    for nth in 1..=writes {
        for place in [Place::Before, Place::After, Place::AfterInSilence] {
            let mut run = Run::new(Some(CrashPlan {
                nth,
                write_lands: place != Place::Before,
                is_silent: place == Place::AfterInSilence,
            }));
            run.play();
            run.check(&format!("write {nth}, {place:?}"));
            assert!(run.all.crash.is_none(), "write {nth} never came");
        }
    }
}
