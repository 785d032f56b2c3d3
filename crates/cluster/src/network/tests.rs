use types::{
    event::EventId,
    id::{PeerId, RegionId},
    raft::{Entry, EntryKind, LogIndex, Message, Term},
    store::{Peer, PeerMessage, RegionEpoch},
};

use super::*;
use types::link::LatencyShape;

fn message(from: u64, to: u64) -> StoreMessage {
    let peer = |id| Peer {
        id: PeerId::new(id),
        store: StoreId::new(id),
    };
    StoreMessage {
        region: RegionId::new(1),
        epoch: RegionEpoch::default(),
        from: peer(from),
        to: peer(to),
        range: None,
        body: PeerMessage::Raft(Message {
            from: PeerId::new(from),
            to: PeerId::new(to),
            term: Term::new(1),
            body: MessageBody::Heartbeat {
                commit: LogIndex::ZERO,
                round: 0,
            },
        }),
    }
}

fn id(nth: u32) -> MadeBy {
    MadeBy {
        event: EventId { segment: 1, seq: 1 },
        nth,
    }
}

/// Sends `count` messages from S1 to S2 at the same instant.
fn send_many(settings: &Settings, count: u32) -> Vec<Sent> {
    let (mut network, mut dice) = (Network::default(), Dice::new(&3_u64));
    let mut send = |nth| {
        let now = VirtualTime::new(1_234);
        network.send(message(1, 2), id(nth), now, settings, &mut dice)
    };
    (0..count).map(&mut send).collect()
}

fn first_copies(sent: &[Sent]) -> Vec<VirtualTime> {
    let due = |sent: &Sent| match sent {
        Sent::Flying(flight, _) => Some(flight.frame.due),
        Sent::Waiting | Sent::Lost(..) => None,
    };
    sent.iter().filter_map(due).collect()
}

#[test]
fn a_link_keeps_the_order_of_its_messages() {
    let due = first_copies(&send_many(&Settings::default(), 100));
    assert_eq!(due.len(), 100);
    assert!(due.is_sorted());
    assert!(due.iter().all(|due| (12_000..=27_000).contains(&due.get())));
}

#[test]
fn a_message_that_is_held_back_is_overtaken() {
    let settings = Settings {
        reorder_permille: 300,
        ..Settings::default()
    };
    assert!(!first_copies(&send_many(&settings, 100)).is_sorted());
}

#[test]
fn messages_are_lost_and_doubled_as_often_as_the_settings_ask() {
    let settings = Settings {
        loss_permille: 250,
        duplicate_permille: 500,
        ..Settings::default()
    };
    let sent = send_many(&settings, 1_000);
    let is_lost = |sent: &&Sent| matches!(sent, Sent::Lost(_, LossReason::Chance));
    let is_doubled = |sent: &&Sent| matches!(sent, Sent::Flying(_, Some(_)));
    let lost = sent.iter().filter(is_lost).count();
    let doubled = sent.iter().filter(is_doubled).count();
    assert!((200..300).contains(&lost), "{lost} of 1000 lost");
    assert!((320..430).contains(&doubled), "{doubled} of 750 doubled");
}

#[test]
fn a_message_across_a_cut_is_lost_and_one_inside_a_group_is_not() {
    let group = |stores: &[u64]| stores.iter().copied().map(StoreId::new).collect();
    let mut network = Network::new(vec![group(&[1, 2]), group(&[3])], &[], &[]);
    let mut dice = Dice::new(&3_u64);
    let now = VirtualTime::ZERO;
    let mut send = |network: &mut Network, from, to| {
        network.send(
            message(from, to),
            id(0),
            now,
            &Settings::default(),
            &mut dice,
        )
    };
    assert!(matches!(send(&mut network, 1, 2), Sent::Flying(..)));
    assert!(matches!(
        send(&mut network, 1, 3),
        Sent::Lost(_, LossReason::Cut)
    ));
    network.heal();
    assert!(matches!(send(&mut network, 1, 3), Sent::Flying(..)));
}

#[test]
fn a_blocked_way_loses_in_one_direction_only() {
    let mut network = Network::default();
    network.block(vec![(StoreId::new(1), StoreId::new(2))]);
    assert!(network.is_cut(StoreId::new(1), StoreId::new(2)));
    assert!(!network.is_cut(StoreId::new(2), StoreId::new(1)));
    network.heal();
    assert!(!network.is_cut(StoreId::new(1), StoreId::new(2)));
}

/// An append of one entry with `bytes` of data.
fn append(from: u64, to: u64, bytes: usize) -> StoreMessage {
    let mut append = message(from, to);
    let PeerMessage::Raft(inner) = &mut append.body else {
        panic!("a message of raft");
    };
    inner.body = MessageBody::Append {
        prev: types::raft::LogPosition::default(),
        entries: vec![Entry {
            index: LogIndex::new(1),
            term: Term::new(1),
            kind: EntryKind::Normal,
            data: vec![0; bytes].into(),
        }]
        .into(),
        commit: LogIndex::ZERO,
    };
    append
}

/// A link that takes exactly 10 ms, and what else `change` makes of it.
fn exact(change: impl FnOnce(&mut LinkPlan)) -> LinkPlan {
    let mut plan = LinkPlan {
        latency_ms_min: 10,
        latency_ms_max: 10,
        ..LinkPlan::of(&Settings::default())
    };
    change(&mut plan);
    plan
}

/// A network whose link from S1 to S2 has a plan of its own.
struct Lab {
    network: Network,
    dice: Dice,
    sent: u32,
}

impl Lab {
    fn new(plan: LinkPlan) -> Self {
        let mut network = Network::default();
        network.set_plan((StoreId::new(1), StoreId::new(2)), Some(plan));
        Self {
            network,
            dice: Dice::new(&3_u64),
            sent: 0,
        }
    }

    fn send(&mut self, message: StoreMessage, at_ms: u64) -> Sent {
        self.sent += 1;
        let (now, settings) = (VirtualTime::new(at_ms * 1_000), Settings::default());
        self.network
            .send(message, id(self.sent), now, &settings, &mut self.dice)
    }

    fn due_ms(&mut self, message: StoreMessage, at_ms: u64) -> u64 {
        match self.send(message, at_ms) {
            Sent::Flying(flight, _) => flight.frame.due.get() / 1_000,
            Sent::Waiting => panic!("it waits"),
            Sent::Lost(_, reason) => panic!("lost: {reason:?}"),
        }
    }

    fn freed(&mut self, at_ms: u64) -> Vec<(u32, u64)> {
        let now = VirtualTime::new(at_ms * 1_000);
        let freed = self.network.freed(now, &Settings::default());
        let brief = |flight: &Flight| (flight.frame.id.nth, flight.frame.due.get() / 1_000);
        freed.iter().map(brief).collect()
    }
}

#[test]
fn a_link_with_a_plan_of_its_own_does_not_follow_the_settings_and_others_do() {
    let mut lab = Lab::new(exact(|plan| plan.latency_ms_min = 10));
    assert_eq!(lab.due_ms(message(1, 2), 0), 10);
    let mut lossy = Lab::new(exact(|plan| plan.loss_permille = 1_000));
    let lost = lossy.send(message(1, 2), 0);
    assert!(matches!(lost, Sent::Lost(_, LossReason::Chance)));
    assert!(matches!(lossy.send(message(2, 1), 0), Sent::Flying(..)));
    lossy
        .network
        .set_plan((StoreId::new(1), StoreId::new(2)), None);
    assert!(matches!(lossy.send(message(1, 2), 0), Sent::Flying(..)));
}

#[test]
fn a_limit_spaces_messages_by_their_bytes() {
    // 64 bytes of message, 32 of entry, 104 of data: 200 in all, or 20 ms.
    let mut lab = Lab::new(exact(|plan| plan.bytes_per_ms = 10));
    let due = [0, 0, 5, 100].map(|at| lab.due_ms(append(1, 2, 104), at));
    assert_eq!(due, [30, 50, 70, 130]);
    assert_eq!(lab.network.counts.queued, 4);
    assert_eq!(
        lab.due_ms(message(1, 2), 100),
        137,
        "a small one takes 7 ms"
    );
    let mut free = Lab::new(exact(|_| {}));
    assert_eq!(
        [0, 0].map(|at| free.due_ms(append(1, 2, 104), at)),
        [10, 10]
    );
}

#[test]
fn a_link_that_is_far_behind_loses_what_comes() {
    let mut lab = Lab::new(exact(|plan| plan.bytes_per_ms = 1));
    for _ in 0..2 {
        assert!(matches!(lab.send(append(1, 2, 5_000), 0), Sent::Flying(..)));
    }
    let lost = lab.send(message(1, 2), 0);
    assert!(matches!(lost, Sent::Lost(_, LossReason::Full)));
    assert!(matches!(lab.send(message(1, 2), 6_000), Sent::Flying(..)));
}

#[test]
fn a_clogged_link_keeps_what_it_gets_and_lets_it_go_in_order() {
    let mut lab = Lab::new(exact(|plan| plan.clogged = true));
    for at in [0, 1, 100] {
        assert!(matches!(lab.send(message(1, 2), at), Sent::Waiting));
    }
    assert_eq!(lab.network.standing().count(), 3);
    assert_eq!(lab.freed(100), [], "it is clogged");
    lab.network.heal();
    assert_eq!(lab.freed(105), [(1, 105), (2, 105), (3, 110)]);
    assert_eq!(lab.network.standing().count(), 0);
    assert_eq!(lab.due_ms(message(1, 2), 106), 116);
}

#[test]
fn a_slow_link_that_was_clogged_delivers_one_after_the_other() {
    let mut lab = Lab::new(exact(|plan| {
        plan.clogged = true;
        plan.bytes_per_ms = 10;
    }));
    for _ in 0..3 {
        assert!(matches!(lab.send(append(1, 2, 104), 0), Sent::Waiting));
    }
    lab.network.heal();
    assert_eq!(lab.freed(200), [(1, 200), (2, 220), (3, 240)]);
    assert_eq!(lab.due_ms(append(1, 2, 104), 200), 270);
}

#[test]
fn a_clogged_link_keeps_so_many_and_loses_the_rest() {
    let mut lab = Lab::new(exact(|plan| plan.clogged = true));
    for _ in 0..WAITING_MAX {
        assert!(matches!(lab.send(message(1, 2), 0), Sent::Waiting));
    }
    let lost = lab.send(message(1, 2), 0);
    assert!(matches!(lost, Sent::Lost(_, LossReason::Full)));
    assert_eq!(lab.network.counts.clogged, WAITING_MAX as u64);
}

#[test]
fn a_machine_that_comes_back_as_another_store_keeps_its_links_and_frees_what_waited() {
    let mut lab = Lab::new(exact(|plan| plan.clogged = true));
    assert!(matches!(lab.send(message(1, 2), 0), Sent::Waiting));
    lab.network.rename(StoreId::new(2), StoreId::new(9));
    assert_eq!(lab.freed(50), [(1, 50)], "to a store that is no more");
    assert!(matches!(lab.send(message(1, 9), 50), Sent::Waiting));
}

#[test]
fn the_shape_of_latencies_changes_no_other_draw() {
    let lost = |shape| {
        let mut lab = Lab::new(exact(|plan| {
            plan.latency_ms_max = 500;
            plan.latency_shape = shape;
            plan.loss_permille = 300;
        }));
        let mut is_lost = |_| matches!(lab.send(message(1, 2), 0), Sent::Lost(..));
        (0..200).map(&mut is_lost).collect::<Vec<bool>>()
    };
    assert_eq!(lost(LatencyShape::Uniform), lost(LatencyShape::LongTail));
}
