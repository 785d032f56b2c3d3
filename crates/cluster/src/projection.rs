//! What people see of the stores: a projection folded over facts and completions.
//!
//! Nothing in the cluster reads it. It is no part of the state hash.

use std::collections::{BTreeMap, VecDeque};

use types::{
    frame::{
        ENTRIES_SHOWN, FACTS_SHOWN, FactFrame, LOST_SHOWN_US, Life, LossReason, LostMessage,
        MessageFrame, RegionFrame, StoreFrame,
    },
    id::{Cycle, Incarnation, PeerId, RegionId, StoreId},
    raft::{EntryBrief, LogIndex, LogPosition, RaftFact, Role, Term, VoteVerdict},
    store::Region,
    time::{ClockRate, StoreClock, VirtualTime},
    view::{Fact, FactBody},
};

/// A second of virtual time, in microseconds.
const SECOND_US: u64 = 1_000_000;
/// The most lost messages that are remembered.
const LOST_SHOWN: usize = 1_024;
/// How many of a store's newest entries are remembered, more than are shown: some may be cut off.
const ENTRIES_KEPT: usize = 1_024;

/// The projection of the whole cluster.
#[derive(Debug, Clone)]
pub(crate) struct Projection {
    /// The region that is shown.
    shown: RegionId,
    regions: BTreeMap<RegionId, View>,
    store_of: BTreeMap<PeerId, StoreId>,
    /// When the last transactions of each store became durable.
    durable_at: BTreeMap<StoreId, VecDeque<VirtualTime>>,
    /// The rules that each store said that it decides by.
    rules: BTreeMap<StoreId, Option<String>>,
    lost: VecDeque<LostMessage>,
    facts: VecDeque<FactFrame>,
    facts_skipped: u64,
}

/// What is known of one region: its newest shape, and its peers by their stores.
#[derive(Debug, Clone)]
struct View {
    region: Region,
    peers: BTreeMap<StoreId, Known>,
}

/// What is known of one peer.
#[derive(Debug, Clone)]
struct Known {
    frame: StoreFrame,
}

impl View {
    /// Takes in a shape that is not behind the one that is known.
    fn learn(&mut self, region: &Region) {
        let (old, new) = (self.region.epoch, region.epoch);
        let is_behind = new.version < old.version || new.conf_ver < old.conf_ver;
        if !is_behind && !region.peers.is_empty() {
            self.region = region.clone();
        }
    }

    fn leader(&self) -> Option<&StoreFrame> {
        let frames = self.peers.values().map(|known| &known.frame);
        let leaders = frames.filter(|frame| frame.role == Role::Leader);
        leaders.max_by_key(|frame| frame.term)
    }
}

impl Projection {
    /// A projection of the peers of `region`, of which nothing is known.
    pub(crate) fn new(region: &Region) -> Self {
        let peers = region.peers.iter();
        let known = peers
            .clone()
            .map(|peer| (peer.store, Known::new(peer.store)));
        let view = View {
            region: region.clone(),
            peers: known.collect(),
        };
        Self {
            shown: region.id,
            regions: BTreeMap::from([(region.id, view)]),
            store_of: peers.map(|peer| (peer.id, peer.store)).collect(),
            durable_at: BTreeMap::new(),
            rules: BTreeMap::new(),
            lost: VecDeque::new(),
            facts: VecDeque::new(),
            facts_skipped: 0,
        }
    }

    /// Shows another region from now on.
    pub(crate) fn show(&mut self, region: RegionId) {
        self.shown = region;
    }

    /// The region that is shown: the chosen one, or the first one where that is not there.
    fn shown(&self) -> Option<&View> {
        let chosen = self.regions.get(&self.shown);
        chosen.or_else(|| self.regions.values().min_by_key(|view| &view.region.start))
    }

    /// The shape of the region that is shown.
    pub(crate) fn region(&self) -> Option<&Region> {
        self.shown().map(|view| &view.region)
    }

    /// Every region, in the order of keys.
    pub(crate) fn region_frames(&self) -> Vec<RegionFrame> {
        let frame = |view: &View| {
            let leader = view.leader();
            RegionFrame {
                region: view.region.clone(),
                leader: leader.map(|leader| leader.id),
                term: leader.map(|leader| leader.term).unwrap_or_default(),
            }
        };
        let mut frames: Vec<RegionFrame> = self.regions.values().map(frame).collect();
        frames.sort_by(|a, b| a.region.start.cmp(&b.region.start));
        frames
    }

    /// Takes in a fact of `store`.
    pub(crate) fn fact(&mut self, store: StoreId, clock: &StoreClock, at: VirtualTime, fact: Fact) {
        let shape = match &fact.body {
            FactBody::Started { region, .. } | FactBody::RegionChanged { region, .. } => {
                Some(region)
            }
            _ => None,
        };
        if let Some(region) = shape {
            let peers = region.peers.iter();
            self.store_of
                .extend(peers.map(|peer| (peer.id, peer.store)));
            self.view(region).learn(region);
        }
        if let FactBody::RulesChanged { name } = &fact.body {
            self.rules.insert(store, name.clone());
        }
        if let Some(view) = self.regions.get_mut(&fact.region) {
            if let FactBody::PeerRemoved { .. } = fact.body {
                view.peers.remove(&store);
            } else {
                let known = view.peers.entry(store);
                let known = known.or_insert_with(|| Known::new(store));
                known.fold(&fact.body, clock, &self.store_of);
            }
        }
        if self.facts.len() == FACTS_SHOWN {
            self.facts.pop_front();
            self.facts_skipped += 1;
        }
        self.facts.push_back(FactFrame { store, at, fact });
    }

    fn view(&mut self, region: &Region) -> &mut View {
        let view = self.regions.entry(region.id);
        view.or_insert_with(|| View {
            region: region.clone(),
            peers: BTreeMap::new(),
        })
    }

    /// A transaction of `store` became durable.
    pub(crate) fn durable(&mut self, store: StoreId, at: VirtualTime) {
        let instants = self.durable_at.entry(store).or_default();
        instants.push_back(at);
        drop_old(instants, at);
    }

    /// A message did not arrive.
    pub(crate) fn lost(&mut self, message: MessageFrame, at: VirtualTime, reason: LossReason) {
        if self.lost.len() == LOST_SHOWN {
            self.lost.pop_front();
        }
        self.lost.push_back(LostMessage {
            message,
            at,
            reason,
        });
    }

    /// The messages lost shortly before `now`.
    pub(crate) fn lost_lately(&mut self, now: VirtualTime) -> Vec<LostMessage> {
        let old = |lost: &LostMessage| now.since(lost.at) > LOST_SHOWN_US;
        while self.lost.front().is_some_and(old) {
            self.lost.pop_front();
        }
        self.lost.iter().cloned().collect()
    }

    /// The facts since the last call, and how many did not fit.
    pub(crate) fn take_facts(&mut self) -> (Vec<FactFrame>, u64) {
        let facts = self.facts.drain(..).collect();
        (facts, std::mem::take(&mut self.facts_skipped))
    }

    /// What is known of `store` in the region that is shown. Life, incarnation and open write are
    /// the caller's to fill in.
    pub(crate) fn store(&mut self, store: StoreId, now: VirtualTime) -> StoreFrame {
        let known = self.shown().and_then(|view| view.peers.get(&store));
        let mut frame = known.map_or_else(|| unknown_store(store), |known| shown(&known.frame));
        if let Some(instants) = self.durable_at.get_mut(&store) {
            drop_old(instants, now);
            frame.writes_per_second = u32::try_from(instants.len()).unwrap_or(u32::MAX);
        }
        let peers = self.regions.values();
        for peer in peers.filter_map(|view| view.peers.get(&store)) {
            frame.regions += 1;
            frame.leads += u64::from(peer.frame.role == Role::Leader);
        }
        frame.rules_in_force = self.rules.get(&store).cloned().flatten();
        frame
    }

    /// The machine of `store` lost its disk and comes back as `heir`.
    pub(crate) fn wiped(&mut self, store: StoreId, heir: StoreId) {
        for view in self.regions.values_mut() {
            view.peers.remove(&store);
        }
        self.durable_at.remove(&store);
        if let Some(rules) = self.rules.remove(&store) {
            self.rules.insert(heir, rules);
        }
    }

    /// A life of `store` ended: what only a living peer has is gone. `cut_off` is the write whose
    /// fate is open until the store starts again.
    pub(crate) fn ended(&mut self, store: StoreId, cut_off: Option<Cycle>) {
        for view in self.regions.values_mut() {
            if let Some(known) = view.peers.get_mut(&store) {
                let frame = &mut known.frame;
                frame.writing = cut_off;
                frame.timer = None;
                frame.votes.clear();
                frame.progress.clear();
            }
        }
    }
}

/// The frame with the newest entries only.
fn shown(frame: &StoreFrame) -> StoreFrame {
    let surplus = frame.entries.len().saturating_sub(ENTRIES_SHOWN);
    StoreFrame {
        entries: frame.entries[surplus..].to_vec(),
        votes: frame.votes.clone(),
        progress: frame.progress.clone(),
        life: frame.life.clone(),
        rules: frame.rules.clone(),
        rules_in_force: frame.rules_in_force.clone(),
        ..*frame
    }
}

fn drop_old(instants: &mut VecDeque<VirtualTime>, now: VirtualTime) {
    while instants
        .front()
        .is_some_and(|at| now.since(*at) >= SECOND_US)
    {
        instants.pop_front();
    }
}

const fn unknown_store(id: StoreId) -> StoreFrame {
    const NOWHERE: LogPosition = LogPosition {
        index: LogIndex::ZERO,
        term: Term::ZERO,
    };
    StoreFrame {
        id,
        life: Life::Starting,
        incarnation: Incarnation::ZERO,
        rules: None,
        rules_in_force: None,
        peer: None,
        regions: 0,
        leads: 0,
        role: Role::Follower,
        term: Term::ZERO,
        vote: None,
        leader: None,
        truncated: NOWHERE,
        last: NOWHERE,
        durable: LogIndex::ZERO,
        commit: LogIndex::ZERO,
        applied: LogIndex::ZERO,
        flushed: LogIndex::ZERO,
        entries: Vec::new(),
        timer: None,
        votes: Vec::new(),
        progress: Vec::new(),
        writing: None,
        writes_per_second: 0,
        disk_full: false,
        clock_rate: ClockRate::TRUE,
    }
}

impl Known {
    const fn new(store: StoreId) -> Self {
        Self {
            frame: unknown_store(store),
        }
    }

    fn fold(&mut self, body: &FactBody, clock: &StoreClock, store_of: &BTreeMap<PeerId, StoreId>) {
        let frame = &mut self.frame;
        match body {
            FactBody::Started {
                peer,
                hard_state,
                truncated,
                entries,
                applied,
                ..
            } => {
                *frame = unknown_store(frame.id);
                frame.peer = Some(*peer);
                frame.term = hard_state.term;
                frame.vote = hard_state
                    .vote
                    .and_then(|peer| store_of.get(&peer).copied());
                frame.commit = hard_state.commit;
                frame.truncated = *truncated;
                frame.last = *truncated;
                frame.applied = *applied;
                frame.flushed = *applied;
                append(frame, entries);
                frame.durable = frame.last.index;
            }
            FactBody::Raft(fact) => self.fold_raft(fact, store_of),
            FactBody::Applied { to, .. } => frame.applied = *to,
            FactBody::Flushed { to } => frame.flushed = *to,
            FactBody::Proposed { .. }
            | FactBody::RegionChanged { .. }
            | FactBody::PeerRemoved { .. }
            | FactBody::RulesChanged { .. } => {}
            FactBody::TimerReset { started, deadline } => {
                frame.timer = Some((clock.shows(*started), clock.shows(*deadline)));
            }
            FactBody::TimerStopped => frame.timer = None,
        }
    }

    fn fold_raft(&mut self, fact: &RaftFact, store_of: &BTreeMap<PeerId, StoreId>) {
        let frame = &mut self.frame;
        let store = |peer: &PeerId| store_of.get(peer).copied();
        match fact {
            RaftFact::TermChanged { to, .. } => {
                frame.term = *to;
                frame.vote = None;
            }
            RaftFact::RoleChanged {
                role, leader, term, ..
            } => {
                frame.role = *role;
                frame.term = *term;
                frame.leader = leader.as_ref().and_then(store);
                frame.progress.clear();
                if *role == Role::Candidate {
                    frame.vote = Some(frame.id);
                }
                if *role != Role::Leader {
                    frame.votes.clear();
                }
            }
            RaftFact::VoteDecided {
                candidate,
                verdict: VoteVerdict::Granted,
                pre_vote: false,
                ..
            } => frame.vote = store(candidate),
            RaftFact::VoteDecided { .. } => {}
            RaftFact::VoteCounted { voter, granted, .. } => {
                if let Some(voter) = store(voter) {
                    frame.votes.retain(|(known, _)| *known != voter);
                    frame.votes.push((voter, *granted));
                    frame.votes.sort_unstable();
                }
            }
            RaftFact::Appended { entries, .. } => append(frame, entries),
            RaftFact::Truncated { from } => cut_log(frame, *from),
            RaftFact::Durable { to } => frame.durable = *to,
            RaftFact::Committed { to, .. } => frame.commit = *to,
            RaftFact::Progressed {
                peer,
                matched,
                next,
                ..
            } => {
                if let Some(store) = store(peer) {
                    frame.progress.retain(|(known, ..)| *known != store);
                    frame.progress.push((store, *matched, *next));
                    frame.progress.sort_unstable();
                }
            }
            RaftFact::SnapshotRestored { last, .. } => {
                drop_until(frame, *last);
                frame.entries.clear();
                frame.last = *last;
            }
            RaftFact::Compacted { to } => drop_until(frame, *to),
            RaftFact::ConfChanged { .. }
            | RaftFact::SnapshotSent { .. }
            | RaftFact::TransferStarted { .. }
            | RaftFact::TransferEnded { .. }
            | RaftFact::ReadAsked { .. }
            | RaftFact::ReadConfirmed { .. } => {}
        }
    }
}

/// Drops the entries up to `to`.
fn drop_until(frame: &mut StoreFrame, to: LogPosition) {
    frame.truncated = to;
    frame.entries.retain(|entry| entry.index > to.index);
}

fn append(frame: &mut StoreFrame, entries: &[EntryBrief]) {
    frame.entries.extend_from_slice(entries);
    let surplus = frame.entries.len().saturating_sub(ENTRIES_KEPT);
    frame.entries.drain(..surplus);
    if let Some(last) = entries.last() {
        frame.last = LogPosition {
            index: last.index,
            term: last.term,
        };
    }
}

/// Drops the entries from `from` on. When all entries that are kept here go, the term of the last
/// one that stays is not known; it is the truncated one's at least.
fn cut_log(frame: &mut StoreFrame, from: LogIndex) {
    frame.entries.retain(|entry| entry.index < from);
    frame.last = frame.entries.last().map_or(
        LogPosition {
            index: from.prev(),
            term: frame.truncated.term,
        },
        |last| LogPosition {
            index: last.index,
            term: last.term,
        },
    );
    frame.durable = frame.durable.min(frame.last.index);
}
