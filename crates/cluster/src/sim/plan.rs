//! A plan of faults, drawn from a seed.

use types::{
    action::Action,
    id::StoreId,
    settings::Settings,
    time::{US_PER_MS, VirtualTime},
};

use super::Deed;
use crate::dice::Dice;

/// The kinds of faults. Each is undone after a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultKind {
    /// A store is killed, and started again.
    Kill,
    /// The network is cut in two, and healed.
    Cut,
    /// Messages are lost.
    Loss,
    /// Messages arrive twice.
    Duplicate,
    /// Messages are overtaken.
    Reorder,
    /// The network is slow.
    Latency,
    /// Disks are slow.
    Disk,
    /// Some ways between stores lose everything in one direction.
    OneWay,
}

impl FaultKind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::Kill,
        Self::Cut,
        Self::Loss,
        Self::Duplicate,
        Self::Reorder,
        Self::Latency,
        Self::Disk,
        Self::OneWay,
    ];
}

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
}

impl Tempo {
    /// For the timings of default settings.
    pub const USUAL: Self = Self {
        calm_ms: 1_000,
        pause_ms: (150, 1_500),
        lasts_ms: (20, 3_000),
        slower_ms: 200,
    };
}

/// Faults of the given kinds until `until`, in order of time; all are undone, some after `until`.
/// Nothing here depends on what happens in the run.
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
        down_until: vec![VirtualTime::ZERO; usize::try_from(settings.stores).expect("few")],
        actions: Vec::new(),
    };
    let mut at = VirtualTime::new(tempo.calm_ms * US_PER_MS);
    while at < until && !kinds.is_empty() {
        let bound = u64::try_from(kinds.len()).expect("few kinds");
        let nth = usize::try_from(plan.dice.below(bound)).expect("few kinds");
        plan.fault(kinds[nth], at);
        let (min, max) = tempo.pause_ms;
        at = at.plus(plan.dice.between(min, max) * US_PER_MS);
    }
    plan.actions.sort_by_key(|(at, _)| *at);
    let deeds = plan.actions.into_iter();
    deeds.map(|(at, action)| (at, Deed::Act(action))).collect()
}

struct Plan<'a> {
    dice: Dice,
    settings: &'a Settings,
    tempo: Tempo,
    /// Until when each store is planned to be down.
    down_until: Vec<VirtualTime>,
    actions: Vec<(VirtualTime, Action)>,
}

impl Plan<'_> {
    fn fault(&mut self, kind: FaultKind, at: VirtualTime) {
        let (min, max) = self.tempo.lasts_ms;
        let over = at.plus(self.dice.between(min, max) * US_PER_MS);
        match kind {
            FaultKind::Kill => self.kill(at, over),
            FaultKind::Cut => {
                let groups = self.groups();
                self.actions.push((at, Action::Cut { groups }));
                self.actions.push((over, Action::Heal));
            }
            FaultKind::Loss => self.set("loss_permille", 300, at, over),
            FaultKind::Duplicate => self.set("duplicate_permille", 400, at, over),
            FaultKind::Reorder => self.set("reorder_permille", 400, at, over),
            FaultKind::Latency => self.set_longest("latency_ms", at, over),
            FaultKind::Disk => self.set_longest("disk_ms", at, over),
            FaultKind::OneWay => {
                let ways = self.ways();
                self.actions.push((at, Action::Block { ways }));
                let ways = Vec::new();
                self.actions.push((over, Action::Block { ways }));
            }
        }
    }

    fn kill(&mut self, at: VirtualTime, over: VirtualTime) {
        let nth = usize::try_from(self.dice.below(self.settings.stores)).expect("few stores");
        if self.down_until[nth] >= at {
            return;
        }
        self.down_until[nth] = over;
        let store = StoreId::new(u64::try_from(nth).expect("few stores") + 1);
        self.actions.push((at, Action::Kill { store }));
        self.actions.push((over, Action::Start { store }));
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
        self.actions.push((at, set(value)));
        self.actions.push((over, set(0)));
    }

    /// Raises the upper end of a range of milliseconds.
    fn set_longest(&mut self, range: &str, at: VirtualTime, over: VirtualTime) {
        let more = self.tempo.slower_ms;
        let name = format!("{range}_max");
        let usual = self.settings.get(&name).expect("a setting of the table");
        let slow = usual + self.dice.between(1, more);
        for (at, value) in [(at, slow), (over, usual)] {
            let name = name.clone();
            self.actions.push((at, Action::Set { name, value }));
        }
    }
}
