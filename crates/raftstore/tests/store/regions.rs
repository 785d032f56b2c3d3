//! Many regions on a store: membership, compaction, snapshots, splits, removal.

use types::{
    id::{ClientId, PeerId, RegionId, StoreId},
    io::{Input, StoreOptions},
    raft::{LogIndex, Message, MessageBody, Role, Term},
    scheduler::{FromScheduler, OperatorStep, ToScheduler},
    store::{
        AdminCommand, AdminRequest, Command, CommandResult, Peer, PeerMessage, ReadMode, Region,
        RegionEpoch, ReplyError, Request, RequestId, StoreMessage,
    },
    view::FactBody,
};

use raftstore::{audit, rows::PeerState};

use crate::harness::{Loop, R1, b, config, get, peer, put};

const R2: RegionId = RegionId::new(2);

fn options() -> StoreOptions {
    config(1, 1, 1).options
}

/// Two ids for one peer: of itself and of its store.
fn on(id: u64, store: u64) -> Peer {
    Peer {
        id: PeerId::new(id),
        store: StoreId::new(store),
    }
}

impl Loop {
    /// The store whose peer leads `region` in the highest term.
    fn leader_of(&self, region: RegionId) -> Option<u64> {
        let peers = self
            .nodes
            .iter()
            .filter_map(|node| Some((node.id, node.peer(region)?)));
        let leaders = peers.filter(|(_, view)| view.role == Role::Leader);
        let newest = leaders.max_by_key(|(_, view)| view.hard_state.term);
        newest.map(|(id, _)| id.get())
    }

    fn elect_in(&mut self, region: RegionId) -> u64 {
        for _ in 0..200 {
            if let Some(leader) = self.leader_of(region) {
                return leader;
            }
            self.run_ms(100);
        }
        panic!("{region} has no leader");
    }

    fn admin(&mut self, region: RegionId, command: AdminCommand) {
        let leader = self.elect_in(region);
        let request = AdminRequest { region, command };
        self.deliver(leader, Input::Admin(request));
        self.run_ms(300);
    }

    fn step(&mut self, region: RegionId, step: OperatorStep) {
        self.admin(region, AdminCommand::Step(step));
    }

    fn split(&mut self, key: &str, peers: &[u64]) {
        self.admin(
            R1,
            AdminCommand::Split {
                key: b(key),
                new_region: R2,
                new_peers: peers.iter().map(|id| PeerId::new(*id)).collect(),
            },
        );
    }

    fn shape(&mut self, n: u64, region: RegionId) -> Region {
        self.node(n).peer(region).expect("it is there").region
    }

    /// Asks the leader of a region, in its present shape.
    fn ask_in(&mut self, region: RegionId, command: Command) -> Result<CommandResult, ReplyError> {
        self.ask_session(region, command, None)
    }

    fn ask_session(
        &mut self,
        region: RegionId,
        command: Command,
        session: Option<(u64, u64)>,
    ) -> Result<CommandResult, ReplyError> {
        let leader = self.elect_in(region);
        let epoch = self.shape(leader, region).epoch;
        let seq = self.replies.len() as u64 + 1_000_000;
        let client = ClientId::new(session.map_or(9, |(client, _)| client));
        let id = RequestId { client, seq };
        let request = Request {
            id,
            region,
            epoch,
            command,
            session: session.map(|(_, seq)| seq),
        };
        self.deliver(leader, Input::Request(request));
        self.run_ms(200);
        let answers = self.answers(id);
        assert_eq!(answers.len(), 1, "{answers:?}");
        answers[0].result.clone()
    }

    fn write(&mut self, region: RegionId, key: &str, value: &str) {
        let result = self.ask_in(region, put(key, value));
        assert_eq!(result, Ok(CommandResult::Put), "{key}");
    }

    fn read(&mut self, region: RegionId, key: &str) -> Option<String> {
        match self.ask_in(region, get(key)) {
            Ok(CommandResult::Get { value }) => {
                value.map(|value| String::from_utf8_lossy(&value).into_owned())
            }
            other => panic!("{key}: {other:?}"),
        }
    }

    /// The pairs that a store's peer of a region holds in memory.
    fn keys(&self, n: u64, region: RegionId) -> Vec<String> {
        let node = &self.nodes[n as usize - 1];
        let pairs = node.peer(region).map(|view| view.data).unwrap_or_default();
        let key =
            |(key, _): (bytes::Bytes, bytes::Bytes)| String::from_utf8_lossy(&key).into_owned();
        pairs.into_iter().map(key).collect()
    }

    fn assert_sound(&self) {
        let report = audit::check(&self.images());
        assert!(report.is_clean(), "{:?}", report.findings);
    }

    fn restart(&mut self, n: u64) {
        self.kill(n, false);
        self.start(n);
    }
}

fn few(replicas: u64) -> Loop {
    Loop::with(4, replicas, options())
}

#[test]
fn a_peer_that_joins_gets_the_data_by_snapshot_and_counts() {
    let mut all = few(3);
    all.write(R1, "a", "1");
    all.step(R1, OperatorStep::AddPeer { peer: on(7, 4) });
    all.run_ms(1_000);
    assert_eq!(all.keys(4, R1), ["a"]);
    let shape = all.shape(4, R1);
    assert_eq!(shape.peers.last(), Some(&on(7, 4)));
    assert_eq!(shape.epoch.conf_ver, 2);
    let row = all.node(4).region_state(R1).expect("a row");
    assert_eq!((row.state, row.region), (PeerState::Normal, shape));
    // Four peers need three: with two down nothing is acknowledged.
    let leader = all.elect_in(R1);
    let others: Vec<u64> = (1..=4).filter(|n| *n != leader).take(2).collect();
    for n in &others {
        all.kill(*n, false);
    }
    let id = all.submit(leader, put("b", "2"));
    all.run_ms(500);
    assert!(all.answers(id).iter().all(|reply| reply.result.is_err()));
    for n in others {
        all.start(n);
    }
    all.run_ms(2_000);
    all.assert_sound();
}

#[test]
fn a_peer_that_is_removed_leaves_a_tombstone_and_none_of_its_data() {
    let mut all = few(3);
    all.write(R1, "a", "1");
    let leader = all.elect_in(R1);
    let gone = if leader == 2 { 3 } else { 2 };
    all.step(R1, OperatorStep::RemovePeer { peer: peer(gone) });
    all.run_ms(500);
    assert!(all.node(gone).peer(R1).is_none());
    let row = all.node(gone).region_state(R1).expect("a tombstone");
    assert!(matches!(row.state, PeerState::Tombstone { .. }));
    assert_eq!(all.node(gone).raft_state(), None);
    let rows = all.node(gone).disk.rows().len();
    assert_eq!(rows, 3, "ident, cycle and tombstone alone");
    all.restart(gone);
    all.run_ms(2_000);
    assert!(all.node(gone).peer(R1).is_none());
    // The same peer may come back, as TinyKV's test wants it.
    all.step(R1, OperatorStep::AddPeer { peer: peer(gone) });
    all.run_ms(1_000);
    assert_eq!(all.keys(gone, R1), ["a"]);
    assert_eq!(all.shape(gone, R1).epoch.conf_ver, 3);
    all.assert_sound();
}

#[test]
fn a_peer_that_was_removed_while_it_was_cut_off_learns_it_when_it_campaigns() {
    let mut all = few(3);
    all.write(R1, "a", "1");
    let leader = all.elect_in(R1);
    let gone = if leader == 2 { 3 } else { 2 };
    all.cut.insert(StoreId::new(gone));
    all.step(R1, OperatorStep::RemovePeer { peer: peer(gone) });
    all.run_ms(2_000);
    assert!(all.node(gone).peer(R1).is_some());
    all.cut.clear();
    all.run_ms(3_000);
    assert!(all.node(gone).peer(R1).is_none());
    let removed = |fact: &FactBody| matches!(fact, FactBody::PeerRemoved { .. });
    assert!(all.facts.iter().any(|(_, fact)| removed(&fact.body)));
    all.write(R1, "b", "2");
    all.assert_sound();
}

#[test]
fn a_leader_of_two_hands_over_before_it_is_removed() {
    let mut all = Loop::new(2);
    all.write(R1, "a", "1");
    let leader = all.elect_in(R1);
    let remove = OperatorStep::RemovePeer { peer: peer(leader) };
    all.step(R1, remove.clone());
    all.run_ms(500);
    let other = 3 - leader;
    assert_eq!(all.leader_of(R1), Some(other));
    assert_eq!(
        all.shape(other, R1).peers.len(),
        2,
        "refused the first time"
    );
    all.step(R1, remove);
    all.run_ms(500);
    assert_eq!(all.shape(other, R1).peers, [peer(other)]);
    all.write(R1, "b", "2");
    all.assert_sound();
}

#[test]
fn a_leader_that_removes_itself_leaves_a_group_that_goes_on() {
    let mut all = few(3);
    all.write(R1, "a", "1");
    let leader = all.elect_in(R1);
    all.step(R1, OperatorStep::RemovePeer { peer: peer(leader) });
    all.run_ms(3_000);
    assert!(all.node(leader).peer(R1).is_none());
    all.write(R1, "b", "2");
    assert_eq!(all.read(R1, "a").as_deref(), Some("1"));
    all.assert_sound();
}

#[test]
fn several_peers_change_at_once_through_a_joint_phase() {
    let mut all = Loop::with(5, 3, options());
    all.write(R1, "a", "1");
    let leader = all.elect_in(R1);
    let gone = if leader == 2 { 3 } else { 2 };
    let steps = vec![
        OperatorStep::AddPeer { peer: on(7, 4) },
        OperatorStep::AddPeer { peer: on(8, 5) },
        OperatorStep::RemovePeer { peer: peer(gone) },
    ];
    all.admin(R1, AdminCommand::ChangeJointly(steps));
    all.run_ms(3_000);
    let leader = all.elect_in(R1);
    let stores: Vec<u64> = all
        .shape(leader, R1)
        .peers
        .iter()
        .map(|peer| peer.store.get())
        .collect();
    assert!(!stores.contains(&gone) && stores.contains(&4) && stores.contains(&5));
    let row = all.node(leader).region_state(R1).expect("a row");
    assert!(!row.conf_state.is_joint());
    all.write(R1, "b", "2");
    for n in 1..=5 {
        all.restart(n);
    }
    all.run_ms(3_000);
    assert_eq!(all.read(R1, "b").as_deref(), Some("2"));
    all.assert_sound();
}

#[test]
fn a_learner_has_the_data_and_no_vote_until_it_is_promoted() {
    let mut all = few(3);
    all.write(R1, "a", "1");
    all.step(R1, OperatorStep::AddLearner { peer: on(7, 4) });
    all.run_ms(1_000);
    assert_eq!(all.keys(4, R1), ["a"]);
    let row = all.node(4).region_state(R1).expect("a row");
    assert_eq!(row.conf_state.learners, [PeerId::new(7)]);
    all.step(R1, OperatorStep::PromoteLearner { peer: on(7, 4) });
    all.run_ms(500);
    let row = all.node(4).region_state(R1).expect("a row");
    assert!(row.conf_state.learners.is_empty() && row.conf_state.is_voter(PeerId::new(7)));
    all.restart(4);
    all.run_ms(1_000);
    assert_eq!(all.keys(4, R1), ["a"]);
    all.assert_sound();
}

#[test]
fn a_log_that_grows_is_compacted_and_a_store_that_was_away_gets_a_snapshot() {
    let options = StoreOptions {
        log_gc_entries: 10,
        ..options()
    };
    let mut all = Loop::with(3, 3, options);
    all.write(R1, "k1", "v");
    all.write(R1, "k2", "v");
    let leader = all.elect_in(R1);
    let away = if leader == 3 { 2 } else { 3 };
    all.cut.insert(StoreId::new(away));
    for n in 100..130 {
        all.write(R1, &format!("k{n}"), "v");
    }
    let deleted = all.ask_in(R1, Command::Delete { key: b("k2") });
    assert_eq!(deleted, Ok(CommandResult::Delete));
    all.run_ms(500);
    let leader = all.elect_in(R1);
    let view = all.node(leader).view();
    assert!(view.applied.since(view.truncated.index) <= 20, "{view:?}");
    assert!(!all.keys(away, R1).contains(&"k100".to_owned()));
    all.cut.clear();
    all.run_ms(3_000);
    let keys = all.keys(away, R1);
    assert!(keys.contains(&"k100".to_owned()) && !keys.contains(&"k2".to_owned()));
    all.restart(away);
    all.run_ms(1_000);
    assert_eq!(all.keys(away, R1), keys);
    all.assert_sound();
}

#[test]
fn a_split_shares_the_keys_and_each_part_goes_on_by_itself() {
    let mut all = few(3);
    for key in ["a", "b", "m", "x"] {
        all.write(R1, key, key);
    }
    all.split("m", &[11, 12, 13]);
    all.run_ms(500);
    assert_eq!(all.read(R1, "b").as_deref(), Some("b"));
    assert_eq!(all.read(R2, "x").as_deref(), Some("x"));
    for n in 1..=3 {
        assert_eq!(all.keys(n, R1), ["a", "b"]);
        assert_eq!(all.keys(n, R2), ["m", "x"]);
        let (left, right) = (all.shape(n, R1), all.shape(n, R2));
        assert_eq!((left.end, right.start), (b("m"), b("m")));
        assert_eq!((left.epoch.version, right.epoch.version), (2, 2));
    }
    let wrong = all.ask_in(R1, get("x"));
    assert_eq!(wrong, Err(ReplyError::KeyNotInRegion { region: R1 }));
    for n in 1..=3 {
        all.restart(n);
    }
    all.run_ms(2_000);
    all.write(R2, "z", "z");
    assert_eq!(all.read(R1, "a").as_deref(), Some("a"));
    assert_eq!(all.read(R2, "z").as_deref(), Some("z"));
    all.assert_sound();
}

#[test]
fn an_epoch_mismatch_names_the_region_that_holds_the_key_now() {
    let mut all = few(3);
    all.write(R1, "a", "1");
    all.split("m", &[11, 12, 13]);
    let leader = all.elect_in(R1);
    let old = all.submit(leader, get("x"));
    all.settle();
    let answers = all.answers(old);
    match &answers[0].result {
        Err(ReplyError::EpochNotMatch { current }) => {
            let ids: Vec<RegionId> = current.iter().map(|region| region.id).collect();
            assert_eq!(ids, [R1, R2]);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_store_that_missed_a_split_catches_up_through_it() {
    let options = StoreOptions {
        log_gc_entries: 5,
        ..options()
    };
    let mut all = Loop::with(3, 3, options);
    all.write(R1, "a", "1");
    let leader = all.elect_in(R1);
    let away = if leader == 3 { 2 } else { 3 };
    all.cut.insert(StoreId::new(away));
    all.split("m", &[11, 12, 13]);
    for n in 0..20 {
        all.write(R1, &format!("b{n}"), "v");
        all.write(R2, &format!("n{n}"), "v");
    }
    all.cut.clear();
    all.run_ms(5_000);
    assert!(all.keys(away, R2).contains(&"n7".to_owned()));
    assert!(all.keys(away, R1).contains(&"b7".to_owned()));
    all.restart(away);
    all.run_ms(1_000);
    assert!(all.keys(away, R2).contains(&"n7".to_owned()));
    all.assert_sound();
}

#[test]
fn a_region_that_grows_asks_for_a_split_where_its_first_part_is_full() {
    let options = StoreOptions {
        region_max_bytes: 800,
        region_split_bytes: 500,
        ..options()
    };
    let mut all = Loop::with(3, 3, options);
    for n in 100..190 {
        all.write(R1, &format!("k{n}"), "12345678");
    }
    all.run_ms(500);
    let asks = |(_, word): &(StoreId, ToScheduler)| match word {
        ToScheduler::AskSplit { region, key } => Some((region.clone(), key.clone())),
        _ => None,
    };
    let (region, key) = all.to_scheduler.iter().find_map(asks).expect("a question");
    // 41 pairs of 12 bytes are not beyond 500 bytes, 42 are.
    assert_eq!(key, b("k141"));
    let leader = all.elect_in(R1);
    let word = FromScheduler::SplitIds {
        region: R1,
        epoch: region.epoch,
        key: key.clone(),
        new_region: R2,
        new_peers: vec![PeerId::new(11), PeerId::new(12), PeerId::new(13)],
    };
    all.deliver(leader, Input::FromScheduler(word.clone()));
    all.run_ms(500);
    assert_eq!(all.shape(leader, R1).end, key);
    // The same ids again are for a shape that is past.
    all.deliver(leader, Input::FromScheduler(word));
    all.run_ms(500);
    assert_eq!(all.shape(leader, R1).epoch.version, 2);
    all.assert_sound();
}

#[test]
fn a_retry_after_split_snapshot_restart_and_leader_change_is_carried_out_once() {
    let options = StoreOptions {
        log_gc_entries: 5,
        ..options()
    };
    let mut all = Loop::with(3, 3, options);
    let append = || Command::Append {
        key: b("x"),
        value: b("once"),
    };
    let first = all.ask_session(R1, append(), Some((5, 1)));
    assert_eq!(first, Ok(CommandResult::Append));
    let away = if all.elect_in(R1) == 3 { 2 } else { 3 };
    all.cut.insert(StoreId::new(away));
    all.split("m", &[11, 12, 13]);
    for n in 0..20 {
        all.write(R2, &format!("n{n}"), "v");
        all.write(R1, &format!("b{n}"), "v");
    }
    all.cut.clear();
    all.run_ms(5_000);
    for n in 1..=3 {
        all.restart(n);
    }
    all.run_ms(2_000);
    let to = all
        .shape(away, R2)
        .peer_on(StoreId::new(away))
        .expect("it is there");
    all.admin(R2, AdminCommand::TransferLeader { to: to.id });
    all.run_ms(500);
    assert_eq!(all.leader_of(R2), Some(away));
    let again = all.ask_session(R2, append(), Some((5, 1)));
    assert_eq!(again, Ok(CommandResult::Append));
    assert_eq!(all.read(R2, "x").as_deref(), Some("once"));
    let older = all.ask_session(R2, append(), Some((5, 2)));
    assert_eq!(older, Ok(CommandResult::Append));
    let late = all.ask_session(R2, append(), Some((5, 1)));
    assert_eq!(late, Err(ReplyError::SessionAhead { seq: 2 }));
    all.assert_sound();
}

#[test]
fn reads_by_index_and_by_lease_leave_no_entry_and_see_what_was_acknowledged() {
    for read_mode in [ReadMode::ReadIndex, ReadMode::Lease] {
        let options = StoreOptions {
            read_mode,
            ..options()
        };
        let mut all = Loop::with(3, 3, options);
        all.elect_in(R1);
        all.write(R1, "a", "1");
        let leader = all.elect_in(R1);
        let last = all.node(leader).view().last.index;
        assert_eq!(all.read(R1, "a").as_deref(), Some("1"));
        assert_eq!(all.node(leader).view().last.index, last, "{read_mode:?}");
        // A leader that is cut off cannot confirm itself.
        all.cut.insert(StoreId::new(leader));
        all.run_ms(2_000);
        let id = all.submit(leader, get("a"));
        all.run_ms(2_000);
        let is_read = |reply: &&types::store::Reply| reply.result.is_ok();
        assert!(!all.answers(id).iter().any(is_read), "{read_mode:?}");
    }
}

#[test]
fn a_server_that_keeps_few_bytes_compacts_its_own_log() {
    let options = StoreOptions {
        max_raft_state_bytes: 1_000,
        preset: types::raft::Preset::Mit6824,
        ..options()
    };
    let mut all = Loop::with(3, 3, options);
    for n in 0..100 {
        all.write(R1, "k", &format!("value {n}"));
    }
    all.run_ms(500);
    for n in 1..=3 {
        let view = all.node(n).view();
        let bytes: usize = view.log.iter().map(|entry| entry.entry.data.len()).sum();
        assert!(bytes <= 8_000, "{bytes} bytes on S{n}");
        assert!(view.truncated.index.get() > 20);
        let rows = all.node(n).disk.rows();
        let logs = rows
            .keys()
            .filter(|key| key.table() == types::disk::Table::RaftLog);
        assert!(logs.count() < 20);
    }
    all.assert_sound();
}

/// A store without a peer of R1 hears of a later peer of R2 first. Then it gets R1 as it was
/// before the split, and carries the split out: the part that the split gives it is outdated.
#[test]
fn a_split_on_a_store_that_has_a_later_peer_of_the_new_region_leaves_nothing_of_it_there() {
    let mut all = few(3);
    all.write(R1, "a", "1");
    all.elect_in(R1);
    let later = StoreMessage {
        region: R2,
        epoch: RegionEpoch {
            conf_ver: 9,
            version: 2,
        },
        from: on(98, 3),
        to: on(99, 4),
        range: Some((b("m"), b(""))),
        body: PeerMessage::Raft(Message {
            from: PeerId::new(98),
            to: PeerId::new(99),
            term: Term::new(7),
            body: MessageBody::Heartbeat {
                commit: LogIndex::ZERO,
                round: 0,
            },
        }),
    };
    all.deliver(4, Input::Message(later));
    all.step(R1, OperatorStep::AddPeer { peer: on(7, 4) });
    all.run_ms(1_000);
    // It gets both entries at once, so that the key is not flushed when the split is applied.
    all.cut.insert(StoreId::new(4));
    all.write(R1, "x", "2");
    all.split("m", &[11, 12, 13, 14]);
    all.cut.clear();
    all.run_ms(1_000);
    assert_eq!(all.keys(4, R1), ["a"]);
    assert_eq!(all.shape(4, R1).end, b("m"));
    let rows = all.node(4).disk.rows().keys();
    let data = rows.filter(|key| key.table() == types::disk::Table::Data);
    assert_eq!(data.count(), 1, "the row of the other part is gone");
    all.restart(4);
    all.run_ms(500);
    assert_eq!(all.keys(4, R1), ["a"]);
}

#[test]
fn a_deposed_leader_answers_all_that_can_never_be_committed_as_soon_as_it_knows() {
    let mut all = few(3);
    all.write(R1, "a", "1");
    let deposed = all.elect_in(R1);
    all.cut.insert(StoreId::new(deposed));
    let lost: Vec<RequestId> = (0..5)
        .map(|n| all.submit(deposed, put(&format!("lost {n}"), "v")))
        .collect();
    all.run_ms(3_000);
    assert!(lost.iter().all(|id| all.answers(*id).is_empty()));
    // The new leader's log holds one entry where the deposed one's holds five.
    all.cut.clear();
    all.run_ms(1_000);
    for id in lost {
        let answers = all.answers(id);
        assert_eq!(answers.len(), 1, "{id}");
        let is_stale = matches!(answers[0].result, Err(ReplyError::StaleCommand { .. }));
        assert!(is_stale, "{answers:?}");
    }
    all.assert_sound();
}
