//! A plan of faults, drawn from a seed.

use types::{
    action::{Action, Identity},
    id::StoreId,
    link::{LatencyShape, LinkPlan},
    settings::Settings,
    time::{ClockRate, US_PER_MS, VirtualTime},
};

use super::{CrashPoint, Deed, FaultKind};
use crate::dice::Dice;

/// How fast faults follow each other, and how long they last; shortest and longest, in
/// milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tempo {
    /// Before the first fault.
    pub calm_ms: u64,
    /// Between two faults.
    pub pause_ms: (u64, u64),
    /// Until a fault is undone.
    pub lasts_ms: (u64, u64),
    /// By how much more the slow network and slow disks may take.
    pub slower_ms: u64,
    /// By how much a clock may run faster or slower, in thousandths, at most 500.
    pub drift_permille: u64,
}

impl Tempo {
    /// For the timings of default settings.
    pub const USUAL: Self = Self {
        calm_ms: 1_000,
        pause_ms: (150, 1_500),
        lasts_ms: (20, 3_000),
        slower_ms: 200,
        drift_permille: 300,
    };
}

/// Faults of the given kinds until `until`, in order of time; all are undone, some after `until`.
/// Only spoiled and emptied disks stay so, those of a minority at most. Nothing here depends on
/// what happens in the run.
#[must_use]
pub fn draw_plan(
    seed: u64,
    settings: &Settings,
    until: VirtualTime,
    kinds: &[FaultKind],
    tempo: Tempo,
) -> Vec<(VirtualTime, Deed)> {
    let mut plan = Plan {
        dice: Dice::new(&("faults", seed)),
        settings,
        tempo,
        // Few seeds shall do with the fewest stores that they can.
        spare: Dice::new(&("doomed", seed)).below((settings.stores - 1) / 2 + 1),
        until,
        down_until: vec![VirtualTime::ZERO; usize::try_from(settings.stores).expect("few")],
        script: Vec::new(),
    };
    let mut at = VirtualTime::new(tempo.calm_ms * US_PER_MS);
    while at < until && !kinds.is_empty() {
        let bound = u64::try_from(kinds.len()).expect("few kinds");
        let nth = usize::try_from(plan.dice.below(bound)).expect("few kinds");
        plan.fault(kinds[nth], at);
        let (min, max) = tempo.pause_ms;
        at = at.plus(plan.dice.between(min, max) * US_PER_MS);
    }
    plan.script.sort_by_key(|(at, _)| *at);
    plan.script
}

struct Plan<'a> {
    dice: Dice,
    settings: &'a Settings,
    tempo: Tempo,
    /// Until when each store is planned to be down.
    down_until: Vec<VirtualTime>,
    /// How many more disks may be spoiled or emptied: never so many that a quorum is gone.
    spare: u64,
    until: VirtualTime,
    script: Vec<(VirtualTime, Deed)>,
}

impl Plan<'_> {
    fn fault(&mut self, kind: FaultKind, at: VirtualTime) {
        let (min, max) = self.tempo.lasts_ms;
        let over = at.plus(self.dice.between(min, max) * US_PER_MS);
        match kind {
            FaultKind::Kill => self.kill(at, over),
            FaultKind::Cut => {
                let groups = self.groups();
                self.act(at, Action::Cut { groups });
                self.act(over, Action::Heal);
            }
            FaultKind::Loss => self.set("loss_permille", 300, at, over),
            FaultKind::Duplicate => self.set("duplicate_permille", 400, at, over),
            FaultKind::Reorder => self.set("reorder_permille", 400, at, over),
            FaultKind::Latency => self.set_longest("latency_ms", at, over),
            FaultKind::Disk => self.set_longest("disk_ms", at, over),
            FaultKind::OneWay => {
                let ways = self.ways();
                self.act(at, Action::Block { ways });
                let ways = Vec::new();
                self.act(over, Action::Block { ways });
            }
            FaultKind::Pause => {
                let store = self.store();
                self.act(at, Action::Pause { store });
                self.act(over, Action::Resume { store });
            }
            FaultKind::Drift => self.drift(at, over),
            FaultKind::DiskFull => {
                let store = self.store();
                for (at, full) in [(at, true), (over, false)] {
                    self.act(at, Action::FillDisk { store, full });
                }
            }
            FaultKind::CorruptRow => self.doom(at, true),
            FaultKind::Wipe => self.doom(at, false),
            FaultKind::CrashBeforeWrite => self.crash(at, CrashPoint::BeforeWrite),
            FaultKind::CrashAfterWrite => self.crash(at, CrashPoint::AfterWrite),
            FaultKind::CrashAfterMessages => self.crash(at, CrashPoint::AfterMessages),
            FaultKind::SnapshotCrash => self.crash(at, CrashPoint::InSnapshotInstall),
            FaultKind::LinkPlan => {
                let plan = self.link_plan();
                self.link(plan, at, over);
            }
            FaultKind::Clog => {
                let plan = LinkPlan {
                    clogged: true,
                    ..LinkPlan::of(self.settings)
                };
                self.link(plan, at, over);
            }
            FaultKind::Bandwidth => self.set("bytes_per_ms", 40, at, over),
            // The host's own habits, by hand, or without a subject yet.
            FaultKind::HoldMessage
            | FaultKind::DropMessage
            | FaultKind::DelayMessage
            | FaultKind::DoubleMessage
            | FaultKind::KillInRound
            | FaultKind::LateAnswer
            | FaultKind::LateDisk
            | FaultKind::LateStart
            | FaultKind::StoreSnapshotCrash
            | FaultKind::SplitCrash
            | FaultKind::SchedulerUnreachable
            | FaultKind::SchedulerRestart => {}
        }
    }

    fn act(&mut self, at: VirtualTime, action: Action) {
        self.script.push((at, Deed::Act(action)));
    }

    fn crash(&mut self, at: VirtualTime, point: CrashPoint) {
        let store = self.store();
        self.script.push((at, Deed::CrashAt { store, point }));
    }

    fn store(&mut self) -> StoreId {
        StoreId::new(self.dice.between(1, self.settings.stores))
    }

    fn link(&mut self, plan: LinkPlan, at: VirtualTime, over: VirtualTime) {
        let from = self.store();
        let step = self.dice.between(1, self.settings.stores - 1);
        let to = StoreId::new((from.get() - 1 + step) % self.settings.stores + 1);
        let plan = Some(plan);
        self.act(at, Action::Link { from, to, plan });
        let plan = None;
        self.act(over, Action::Link { from, to, plan });
    }

    fn link_plan(&mut self) -> LinkPlan {
        let longest = self.settings.latency_ms_max;
        let is_tailed = self.dice.happens(500);
        LinkPlan {
            latency_ms_max: longest + self.dice.below(self.tempo.slower_ms + 1),
            latency_shape: if is_tailed {
                LatencyShape::LongTail
            } else {
                LatencyShape::Uniform
            },
            loss_permille: self.dice.below(200),
            duplicate_permille: self.dice.below(300),
            reorder_permille: self.dice.below(300),
            ..LinkPlan::of(self.settings)
        }
    }

    fn drift(&mut self, at: VirtualTime, over: VirtualTime) {
        let (store, most) = (self.store(), self.tempo.drift_permille);
        let ahead = self.dice.between(1_000 - most, 1_000 + most);
        let rate = ClockRate {
            ahead: u32::try_from(ahead).expect("two thousand at most"),
            of: 1_000,
        };
        self.act(at, Action::Drift { store, rate });
        let rate = ClockRate::TRUE;
        self.act(over, Action::Drift { store, rate });
    }

    /// A store's disk is spoiled or emptied, late enough that cuts which name the store are over.
    fn doom(&mut self, at: VirtualTime, spoiled: bool) {
        let at = self.until.get() - self.until.since(at) / 3;
        let at = VirtualTime::new(at / US_PER_MS * US_PER_MS);
        let (store, nth) = (self.store(), self.dice.below(1_000));
        let wiped_ms = self.dice.between(20, 2_000);
        let is_wiped = self.dice.happens(500) || !spoiled;
        let place = usize::try_from(store.get() - 1).expect("few stores");
        if self.spare == 0 || self.down_until[place] >= at {
            return;
        }
        self.spare -= 1;
        self.down_until[place] = VirtualTime::new(types::id::MAX_SAFE);
        self.act(at, Action::Kill { store });
        let after = |ms: u64| at.plus(ms * US_PER_MS);
        if spoiled {
            self.act(after(1), Action::CorruptRow { store, nth });
            self.act(after(10), Action::Start { store });
        }
        if is_wiped {
            let identity = Identity::New;
            self.act(after(10 + wiped_ms), Action::Wipe { store, identity });
        }
    }

    fn kill(&mut self, at: VirtualTime, over: VirtualTime) {
        let nth = usize::try_from(self.dice.below(self.settings.stores)).expect("few stores");
        if self.down_until[nth] >= at {
            return;
        }
        self.down_until[nth] = over;
        let store = StoreId::new(u64::try_from(nth).expect("few stores") + 1);
        self.act(at, Action::Kill { store });
        self.act(over, Action::Start { store });
    }

    /// Two groups: one to all but one of the stores on the first side.
    fn groups(&mut self) -> Vec<Vec<StoreId>> {
        let mut stores: Vec<StoreId> = (1..=self.settings.stores).map(StoreId::new).collect();
        for last in (1..self.settings.stores).rev() {
            let other = usize::try_from(self.dice.below(last + 1)).expect("few stores");
            stores.swap(usize::try_from(last).expect("few stores"), other);
        }
        let size = usize::try_from(self.dice.between(1, self.settings.stores - 1)).expect("few");
        let rest = stores.split_off(size);
        vec![stores, rest]
    }

    /// Some ways: all into one store, all out of one, or one way alone.
    fn ways(&mut self) -> Vec<(StoreId, StoreId)> {
        let one = StoreId::new(self.dice.between(1, self.settings.stores));
        let others = (1..=self.settings.stores).map(StoreId::new);
        let others = others.filter(|store| *store != one);
        match self.dice.below(3) {
            0 => others.map(|other| (one, other)).collect(),
            1 => others.map(|other| (other, one)).collect(),
            _ => {
                let rest = self.settings.stores - 1;
                let nth = usize::try_from(self.dice.below(rest)).expect("few stores");
                others.skip(nth).take(1).map(|to| (one, to)).collect()
            }
        }
    }

    fn set(&mut self, name: &str, most: u64, at: VirtualTime, over: VirtualTime) {
        let set = |value| Action::Set {
            name: name.to_owned(),
            value,
        };
        let value = self.dice.between(1, most);
        self.act(at, set(value));
        self.act(over, set(0));
    }

    /// Raises the upper end of a range of milliseconds.
    fn set_longest(&mut self, range: &str, at: VirtualTime, over: VirtualTime) {
        let more = self.tempo.slower_ms;
        let name = format!("{range}_max");
        let usual = self.settings.get(&name).expect("a setting of the table");
        let slow = usual + self.dice.between(1, more);
        for (at, value) in [(at, slow), (over, usual)] {
            let name = name.clone();
            self.act(at, Action::Set { name, value });
        }
    }
}
