//! Tests of what can be asked of the region that is shown.

use bytes::Bytes;
use protocol::{DiskKind, FromConductor, ToConductor};
use types::{
    action::Action,
    frame::{Frame, Life, RegionFrame},
    id::{PeerId, RegionId, StoreId},
    raft::Term,
    scheduler::OperatorRequest,
    store::{AdminCommand, Region},
};

use super::{
    look::{Lang, Theme},
    region::{Hindrance, RegionDeed},
    setup::Setup,
    state::{State, tests::frame},
    ui::{Effect, Event, Overlay, Person},
};

const S1: StoreId = StoreId::new(1);
const S2: StoreId = StoreId::new(2);
const S4: StoreId = StoreId::new(4);

/// Two regions on the first three of five stores; the second one is shown, and store 1 leads it.
fn two_regions() -> Frame {
    let mut frame = frame(1_000);
    frame.region.peers.truncate(3);
    let first = Region {
        end: Bytes::from_static(b"m"),
        ..frame.region.clone()
    };
    frame.region.id = RegionId::new(2);
    frame.region.start = Bytes::from_static(b"m");
    frame.regions = [first, frame.region.clone()]
        .into_iter()
        .map(|region| RegionFrame {
            region,
            leader: Some(S1),
            term: Term::new(6),
        })
        .collect();
    for store in &mut frame.stores[3..] {
        store.peer = None;
    }
    frame.scheduler = Some(Life::Up);
    frame
}

fn page(frame: Frame) -> State {
    let mut state = State::new(Setup::default(), Theme::Auto, Lang::En);
    let cluster = state.setup.cluster.clone();
    for message in [
        FromConductor::Opened {
            cluster,
            resumed: false,
            disks: DiskKind::IndexedDb,
        },
        FromConductor::Frame(Box::new(frame)),
    ] {
        state.reduce(Event::Conductor(Box::new(message)), 0.0);
    }
    state
}

fn sent(state: &mut State, person: Person) -> Vec<ToConductor> {
    let effects = state.reduce(Event::Person(person), 0.0);
    let sent = |effect| match effect {
        Effect::Send(message) => Some(*message),
        _ => None,
    };
    effects.into_iter().filter_map(sent).collect()
}

fn operator(state: &State, deed: &RegionDeed) -> OperatorRequest {
    match state.region_action(deed) {
        Ok(Action::Operator { request }) => request,
        other => panic!("{deed:?} became {other:?}"),
    }
}

fn asked(state: &State, deed: &RegionDeed) -> (StoreId, AdminCommand) {
    match state.region_action(deed) {
        Ok(Action::Admin { store, request }) => {
            assert_eq!(request.region, RegionId::new(2));
            (store, request.command)
        }
        other => panic!("{deed:?} became {other:?}"),
    }
}

#[test]
fn the_arrows_walk_through_the_regions_and_stop_at_both_ends() {
    let mut state = page(two_regions());
    let shown = sent(&mut state, Person::ShowBeside(false));
    assert_eq!(shown, [ToConductor::Show(RegionId::new(1))]);
    assert_eq!(sent(&mut state, Person::ShowBeside(true)), []);
}

#[test]
fn choosing_a_region_closes_the_menu_that_it_was_chosen_from() {
    let mut state = page(two_regions());
    state.overlay = Some(Overlay::RegionMenu);
    let shown = sent(&mut state, Person::Show(RegionId::new(1)));
    assert_eq!(shown, [ToConductor::Show(RegionId::new(1))]);
    assert_eq!(state.overlay, None);
}

#[test]
fn the_scheduler_is_asked_where_it_runs() {
    let state = page(two_regions());
    let region = RegionId::new(2);
    assert_eq!(
        operator(&state, &RegionDeed::Add(S4)),
        OperatorRequest::AddPeer { region, store: S4 }
    );
    assert_eq!(
        operator(&state, &RegionDeed::Lead(S2)),
        OperatorRequest::TransferLeader { region, to: S2 }
    );
    assert_eq!(
        operator(&state, &RegionDeed::Remove(S1)),
        OperatorRequest::RemovePeer { region, store: S1 }
    );
    let (from, to) = (S2, S4);
    assert_eq!(
        operator(&state, &RegionDeed::Move(from, to)),
        OperatorRequest::MovePeer { region, from, to }
    );
}

#[test]
fn an_empty_key_splits_in_halves_and_one_outside_of_the_region_does_not() {
    let state = page(two_regions());
    let region = RegionId::new(2);
    let split = |key| OperatorRequest::Split { region, key };
    let deed = |text: &str| RegionDeed::Split(text.to_owned());
    assert_eq!(operator(&state, &deed("")), split(None));
    let key = Some(Bytes::from_static(b"q"));
    assert_eq!(operator(&state, &deed("q")), split(key));
    for text in ["a", "m"] {
        let refused = state.region_action(&deed(text));
        assert_eq!(refused, Err(Hindrance::KeyOutside), "{text}");
    }
}

#[test]
fn the_leader_is_asked_where_no_scheduler_runs_and_nothing_that_needs_an_id() {
    for (scheduler, why) in [
        (None, Hindrance::NoScheduler),
        (Some(Life::Killed), Hindrance::SchedulerDown),
    ] {
        let mut frame = two_regions();
        frame.scheduler = scheduler;
        let state = page(frame);
        let to = PeerId::new(12);
        let transfer = asked(&state, &RegionDeed::Lead(S2));
        assert_eq!(transfer, (S1, AdminCommand::TransferLeader { to }));
        assert!(state.region_action(&RegionDeed::Remove(S2)).is_ok());
        for deed in [
            RegionDeed::Add(S4),
            RegionDeed::Move(S2, S4),
            RegionDeed::Split(String::new()),
            RegionDeed::Cancel,
        ] {
            assert_eq!(state.region_action(&deed), Err(why), "{deed:?}");
        }
    }
}

#[test]
fn logs_snapshots_and_campaigns_are_asked_of_a_peer() {
    let state = page(two_regions());
    let compact = asked(&state, &RegionDeed::Compact);
    assert_eq!(compact, (S1, AdminCommand::CompactLog { keep: 0 }));
    let to = PeerId::new(12);
    let snapshot = asked(&state, &RegionDeed::Snapshot(S2));
    assert_eq!(snapshot, (S1, AdminCommand::SendSnapshot { to }));
    let campaign = asked(&state, &RegionDeed::Campaign(S2));
    assert_eq!(campaign, (S2, AdminCommand::Campaign));
}

#[test]
fn what_is_not_possible_says_why() {
    let mut frame = two_regions();
    frame.stores[1].life = Life::Killed;
    let state = page(frame);
    for (deed, why) in [
        (RegionDeed::Add(S1), Hindrance::HasPeer),
        (RegionDeed::Remove(S4), Hindrance::NoPeer),
        (RegionDeed::Lead(S1), Hindrance::Leads),
        (RegionDeed::Lead(S2), Hindrance::Down),
        (RegionDeed::Snapshot(S1), Hindrance::Leads),
        (RegionDeed::Campaign(S1), Hindrance::Leads),
        (RegionDeed::Campaign(S2), Hindrance::Down),
        (RegionDeed::Campaign(S4), Hindrance::NoPeer),
    ] {
        assert_eq!(state.region_action(&deed), Err(why), "{deed:?}");
    }
    let mut frame = two_regions();
    frame.stores[0].life = Life::Killed;
    let state = page(frame);
    let refused = state.region_action(&RegionDeed::Compact);
    assert_eq!(refused, Err(Hindrance::NoLeader));
}

#[test]
fn the_scheduler_is_killed_and_started_like_a_store() {
    let store = StoreId::SCHEDULER;
    for (life, wanted) in [
        (Life::Up, Action::Kill { store }),
        (Life::Killed, Action::Start { store }),
    ] {
        let mut frame = two_regions();
        frame.scheduler = Some(life);
        let mut state = page(frame);
        let sent = sent(&mut state, Person::KillOrStart(store));
        assert!(matches!(&sent[..], [ToConductor::Act { action, .. }] if *action == wanted));
    }
}

#[test]
fn only_stores_with_a_peer_have_a_vote() {
    let state = page(two_regions());
    assert_eq!(state.votes_of(&[S1, S2, S4]), 2);
    assert_eq!((state.voters(), state.quorum()), (3, 2));
}
