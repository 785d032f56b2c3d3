use types::{
    action::{Action, Identity},
    id::StoreId,
};

use super::{super::excuse::excuse, *};
use crate::sim::Deed;

/// A run of a seed up to its healing, of which only the cluster matters here. No disk of it is
/// spoiled or emptied, and all stores are its core.
fn troubled(seed: u64) -> Stage {
    let mut plan = Plan::draw(seed);
    let stores = plan.config.cluster.settings.stores;
    let spared = |deed: &Deed| {
        !matches!(
            deed,
            Deed::Act(Action::CorruptRow { .. } | Action::Wipe { .. })
        )
    };
    plan.config.script.retain(|(_, deed)| spared(deed));
    plan.doomed.clear();
    plan.core = (1..=stores).map(StoreId::new).collect();
    let mut stage = Stage::new(plan);
    let until = stage.plan.until;
    stage.advance_to(until).expect("nothing is broken");
    stage.heal();
    stage.look().expect("nothing is broken");
    stage
}

/// What can happen to a store that is then of no use to its group.
#[derive(Debug, Clone, Copy)]
enum Loss {
    Killed,
    Full,
    Corrupt,
    Wiped,
}

const LOSSES: [(Loss, Excuse); 4] = [
    (Loss::Killed, Excuse::QuorumLost),
    (Loss::Full, Excuse::DisksFull),
    (Loss::Corrupt, Excuse::DisksCorrupt),
    (Loss::Wiped, Excuse::DisksWiped),
];

impl Stage {
    fn lose(&mut self, store: StoreId, loss: Loss) {
        if !matches!(loss, Loss::Full) {
            self.act(Action::Kill { store });
        }
        match loss {
            Loss::Killed => {}
            Loss::Full => self.act(Action::FillDisk { store, full: true }),
            Loss::Corrupt => {
                self.plan.doomed.push(store);
                // The first rows name the store itself: without them nobody can tell whose it is.
                self.act(Action::CorruptRow { store, nth: 2 });
                self.act(Action::Start { store });
            }
            Loss::Wiped => {
                let identity = Identity::New;
                self.act(Action::Wipe { store, identity });
            }
        }
        self.look().expect("nothing is broken");
    }

    /// How many stores it can do without.
    fn spare(&self) -> usize {
        (self.plan.core.len() - 1) / 2
    }
}

#[test]
fn a_cluster_that_lost_a_quorum_of_any_kind_is_excused() {
    for (loss, excuse) in LOSSES {
        for seed in 0..3 {
            let mut stage = troubled(seed);
            let spare = stage.spare();
            for store in stage.plan.core.clone().into_iter().take(spare + 1) {
                stage.lose(store, loss);
            }
            assert_eq!(stage.settle(), Ok(End::Excused(excuse)), "{loss:?} {seed}");
        }
    }
}

#[test]
fn a_cluster_that_lost_as_much_as_it_can_spare_is_not_excused_and_takes_fresh_writes() {
    for (loss, _) in LOSSES {
        for seed in 0..4 {
            let mut stage = troubled(seed);
            let spare = stage.spare();
            let lost: Vec<StoreId> = stage.plan.core.iter().copied().take(spare).collect();
            for store in &lost {
                stage.lose(*store, loss);
            }
            assert_eq!(excuse(&stage.stands()), None, "{loss:?} {seed}");
            stage.plan.core.drain(..spare);
            // One whose disk is full may still lead, from outside of the core.
            for store in lost {
                stage.act(Action::Kill { store });
            }
            assert_eq!(stage.settle(), Ok(End::Together), "{loss:?} {seed}");
        }
    }
}

#[test]
fn a_core_that_could_come_together_and_does_not_is_never_excused() {
    for seed in 0..5 {
        let mut stage = troubled(seed);
        let set = Action::Set {
            name: "loss_permille".to_owned(),
            value: 1_000,
        };
        stage.act(set);
        let end = stage.settle();
        assert!(matches!(end, Err(Reason::Violation(_))), "{seed}: {end:?}");
    }
}

#[test]
fn a_planted_lie_of_a_client_is_no_history() {
    let mut stage = troubled(1);
    assert_eq!(stage.settle(), Ok(End::Together));
    let mut report = SeedReport::new(1);
    stage.tell(&mut report);
    let key = bytes::Bytes::from_static(b"k000");
    let value = Some(bytes::Bytes::from_static(b"never written"));
    let state = types::frame::OperationState::Done {
        at: stage.now(),
        result: types::store::CommandResult::Get { value },
    };
    stage.story.add_read(types::frame::OperationFrame {
        id: types::action::OperationId::new(1),
        command: types::store::Command::Get { key },
        via: None,
        asked: None,
        sendings: 1,
        submitted: stage.now(),
        state,
    });
    let Err(reason) = stage.judge_history(&mut report) else {
        panic!("the lie was believed");
    };
    let failure = stage.failure(1, &reason);
    assert!(
        failure.what.starts_with("R16 linearizable: R1"),
        "{failure}"
    );
    assert!(failure.to_string().lines().count() == 1 && !failure.trace.is_empty());
}
