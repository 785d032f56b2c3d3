use types::{
    event::EventId,
    id::{PeerId, RegionId},
    raft::{LogIndex, Message, Term},
    store::{Peer, RegionEpoch},
};

use super::*;

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
        message: Message {
            from: PeerId::new(from),
            to: PeerId::new(to),
            term: Term::new(1),
            body: MessageBody::Heartbeat {
                commit: LogIndex::ZERO,
                round: 0,
            },
        },
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
        Sent::Lost(..) => None,
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
    let mut network = Network::new(vec![group(&[1, 2]), group(&[3])], &[]);
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
