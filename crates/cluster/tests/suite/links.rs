//! Links with plans of their own, and single messages in people's hands.

use cluster::{
    SavedCluster,
    sim::{FaultKind, SimulationConfig, Tempo, draw_plan},
};
use types::{
    action::{Action, DELAY_MS_MAX, Identity, MessageDeed, Misuse},
    frame::{Holder, LossReason, MessageFrame},
    id::StoreId,
    link::{LatencyShape, LinkPlan},
    settings::{SettingError, Settings},
};

use crate::support::{
    Sim, act, all, converge, demand_replay, frame, invariants::Invariants, kill, led, seconds, set,
    store, write,
};

/// The links of default settings, and what `change` makes of them.
fn plan(change: impl FnOnce(&mut LinkPlan)) -> Option<LinkPlan> {
    let mut plan = LinkPlan::of(&Settings::default());
    change(&mut plan);
    Some(plan)
}

fn link(sim: &mut Sim, from: StoreId, to: StoreId, plan: Option<LinkPlan>) {
    act(sim, Action::Link { from, to, plan });
}

fn deed(message: &MessageFrame, deed: MessageDeed) -> Action {
    Action::Message {
        id: message.id,
        duplicate: message.duplicate,
        deed,
    }
}

/// The messages on a link, as frames show them.
fn on_link(sim: &mut Sim, from: StoreId, to: StoreId) -> Vec<MessageFrame> {
    let mut messages = frame(sim).messages;
    messages.retain(|message| (message.from, message.to) == (from, to));
    messages
}

/// A message as the newest frame shows it.
fn shown(sim: &mut Sim, message: &MessageFrame) -> Option<MessageFrame> {
    let name = (message.id, message.duplicate);
    let messages = frame(sim).messages.into_iter();
    let mut found = messages.filter(|other| (other.id, other.duplicate) == name);
    found.next()
}

fn is_lost(sim: &mut Sim, message: &MessageFrame, reason: LossReason) -> bool {
    let lost = frame(sim).lost.into_iter();
    let mut same = lost.filter(|lost| lost.message.id == message.id);
    same.any(|lost| lost.reason == reason)
}

/// Two stores other than the leader.
fn followers(sim: &Sim, leader: StoreId) -> (StoreId, StoreId) {
    let mut others = all(sim).into_iter().filter(|id| *id != leader);
    let one = others.next().expect("a follower");
    (one, others.next().expect("another"))
}

/// A cluster that has a leader, and a message on its way from it.
fn with_message(seed: u64) -> (Sim, MessageFrame) {
    let (mut sim, leader) = led(seed);
    let (to, _) = followers(&sim, leader);
    let found = sim.run_while_not(1_000, |sim| !on_link(sim, leader, to).is_empty());
    assert!(found, "a leader speaks");
    let message = on_link(&mut sim, leader, to).remove(0);
    (sim, message)
}

#[test]
fn a_link_of_its_own_is_slow_in_one_direction_while_the_others_follow_the_settings() {
    let (mut sim, leader) = led(1);
    let (slow, usual) = followers(&sim, leader);
    let own = plan(|plan| {
        plan.latency_ms_min = 300;
        plan.latency_ms_max = 300;
    });
    link(&mut sim, leader, slow, own);
    let mut ways = [0_u64; 3];
    for _ in 0..200 {
        sim.run_ms(5);
        let now = sim.conductor().now();
        for message in frame(&mut sim).messages {
            let new = now.since(message.sent) < 5_000;
            let took = message.due.since(message.sent) / 1_000;
            for (way, longest) in [(leader, slow), (leader, usual), (slow, leader)]
                .iter()
                .zip(&mut ways)
            {
                if new && *way == (message.from, message.to) {
                    *longest = took.max(*longest);
                }
            }
        }
    }
    assert_eq!(ways[0], 300);
    assert!(
        ways[1..].iter().all(|way| (10..=26).contains(way)),
        "{ways:?}"
    );
    link(&mut sim, leader, slow, None);
    sim.run_ms(1_000);
    let late = on_link(&mut sim, leader, slow);
    assert!(late.iter().all(|one| one.due.since(one.sent) <= 26_000));
}

#[test]
fn a_clogged_link_delivers_nothing_and_then_everything_in_order() {
    let (mut sim, leader) = led(2);
    let (far, _) = followers(&sim, leader);
    let flying = |sim: &mut Sim| !on_link(sim, leader, far).is_empty();
    assert!(sim.run_while_not(1_000, flying), "a leader speaks");
    let caught = on_link(&mut sim, leader, far);
    link(&mut sim, leader, far, plan(|plan| plan.clogged = true));
    write(&mut sim, "k", "v");
    sim.run_ms(300);
    let kept = on_link(&mut sim, leader, far);
    assert!(kept.len() > 3 && kept.iter().any(|one| one.id == caught[0].id));
    let by_link = |one: &MessageFrame| one.held.is_some_and(|held| held.by == Holder::Link);
    assert!(kept.iter().all(by_link));
    let now = sim.conductor().now();
    assert!(
        kept.iter().any(|one| one.due < now),
        "it is not due any more"
    );
    link(&mut sim, leader, far, None);
    let freed = on_link(&mut sim, leader, far);
    let names = |messages: &[MessageFrame]| messages.iter().map(|one| one.id).collect::<Vec<_>>();
    assert_eq!(names(&freed), names(&kept));
    assert!(freed.iter().all(|one| one.held.is_none() && one.due >= now));
    assert!(freed.is_sorted_by_key(|one| one.due));
    converge(&mut sim);
    demand_replay(&mut sim);
}

#[test]
fn a_link_with_a_limit_carries_a_large_value_late() {
    let commits_after = |bytes_per_ms| {
        let (mut sim, leader) = led(3);
        for to in all(&sim).into_iter().filter(|to| *to != leader) {
            link(
                &mut sim,
                leader,
                to,
                plan(|plan| plan.bytes_per_ms = bytes_per_ms),
            );
        }
        let before = sim.conductor().now();
        write(&mut sim, "k", &"x".repeat(4_000));
        demand_replay(&mut sim);
        let took = sim.conductor().now().since(before) / 1_000;
        (took, sim.conductor().network_counts().queued > 0)
    };
    let ((slow, queued), (fast, never)) = (commits_after(10), commits_after(0));
    assert!(slow >= fast + 400, "{slow} ms and {fast} ms");
    assert!(queued && !never);
}

#[test]
fn the_settings_of_all_links_can_have_a_limit_and_a_long_tail() {
    let (mut sim, _) = led(4);
    set(&mut sim, "latency_ms_max", 200);
    set(&mut sim, "latency_shape", 1);
    set(&mut sim, "bytes_per_ms", 100);
    sim.run_ms(5_000);
    let counts = sim.conductor().network_counts();
    assert!(counts.long_tail > 300 && counts.queued > 300, "{counts:?}");
    demand_replay(&mut sim);
}

#[test]
fn a_message_that_is_held_waits_until_it_is_released_whatever_heals() {
    let (mut sim, message) = with_message(5);
    act(&mut sim, deed(&message, MessageDeed::Hold));
    let since = sim.conductor().now();
    sim.run_ms(2_000);
    act(&mut sim, Action::Heal);
    sim.run_ms(2_000);
    let held = shown(&mut sim, &message).expect("it is still there");
    let stands = held.held.expect("it stands still");
    assert_eq!((stands.since, stands.by), (since, Holder::Hand));
    assert_eq!(held.due, message.due);
    let id = message.id;
    for forbidden in [MessageDeed::Hold, MessageDeed::Delay { ms: 5 }] {
        let refused = sim.act(deed(&message, forbidden));
        assert_eq!(refused, Err(Misuse::MessageHeld { id }));
    }
    act(&mut sim, deed(&message, MessageDeed::Release));
    let released = shown(&mut sim, &message).expect("it is on its way again");
    assert_eq!((released.held, released.due), (None, sim.conductor().now()));
    sim.run_ms(1);
    assert_eq!(shown(&mut sim, &message), None);
    assert!(frame(&mut sim).lost.is_empty(), "it arrived");
    converge(&mut sim);
    demand_replay(&mut sim);
}

#[test]
fn a_message_is_dropped_delayed_and_doubled_by_hand() {
    let (mut sim, message) = with_message(6);
    act(&mut sim, deed(&message, MessageDeed::Delay { ms: 700 }));
    let delayed = shown(&mut sim, &message).expect("it is on its way");
    assert_eq!(delayed.due.since(message.due), 700_000);
    act(&mut sim, deed(&message, MessageDeed::Double));
    let copy = MessageFrame {
        duplicate: true,
        ..message.clone()
    };
    let second = shown(&mut sim, &copy).expect("there are two");
    let (now, takes) = (sim.conductor().now(), delayed.due.since(delayed.sent));
    assert_eq!(second.sent, now);
    assert!((takes..takes + 1_000).contains(&second.due.since(now)));
    act(&mut sim, deed(&message, MessageDeed::Drop));
    assert_eq!(shown(&mut sim, &message), None);
    assert!(is_lost(&mut sim, &message, LossReason::Hand));
    assert!(shown(&mut sim, &copy).is_some(), "the other copy flies on");
    let counts = sim.conductor().network_counts();
    assert_eq!((counts.by_hand, counts.lost_hand), (3, 1));
    sim.run_ms(1_000);
    assert_eq!(shown(&mut sim, &copy), None);
    converge(&mut sim);
    demand_replay(&mut sim);
}

#[test]
fn what_makes_no_sense_of_a_message_or_a_link_changes_nothing() {
    let (mut sim, message) = with_message(7);
    act(&mut sim, deed(&message, MessageDeed::Double));
    let before = sim.end();
    let id = message.id;
    let gone = MessageFrame {
        id: types::event::MadeBy {
            nth: 999,
            ..message.id
        },
        ..message.clone()
    };
    let (ms, limit) = (DELAY_MS_MAX + 1, DELAY_MS_MAX);
    let own = |from, to, plan| Action::Link { from, to, plan };
    let broken = plan(|plan| plan.latency_ms_min = plan.latency_ms_max + 1);
    let order = SettingError::Order {
        smaller: "latency_ms_min".to_owned(),
        larger: "latency_ms_max".to_owned(),
    };
    for (action, misuse) in [
        (
            deed(&gone, MessageDeed::Hold),
            Misuse::NoSuchMessage { id: gone.id },
        ),
        (
            deed(&message, MessageDeed::Release),
            Misuse::MessageNotHeld { id },
        ),
        (
            deed(&message, MessageDeed::Double),
            Misuse::MessageDoubled { id },
        ),
        (
            deed(&message, MessageDeed::Delay { ms }),
            Misuse::BadDelay { ms, limit },
        ),
        (
            own(store(1), store(9), None),
            Misuse::NoSuchStore { store: store(9) },
        ),
        (
            own(store(1), store(1), None),
            Misuse::NoSuchLink { store: store(1) },
        ),
        (own(store(1), store(2), broken), Misuse::Setting(order)),
    ] {
        assert_eq!(sim.act(action), Err(misuse));
    }
    assert_eq!(sim.end(), before);
}

#[test]
fn who_holds_a_message_and_what_links_do_is_part_of_the_state() {
    let state = |actions: &[Action]| {
        let (mut sim, message) = with_message(8);
        for action in actions {
            act(&mut sim, action.clone());
        }
        (sim.conductor().state_hash(), message)
    };
    let (usual, message) = state(&[]);
    let own = |change: fn(&mut LinkPlan)| Action::Link {
        from: store(1),
        to: store(2),
        plan: plan(change),
    };
    let others = [
        deed(&message, MessageDeed::Hold),
        deed(&message, MessageDeed::Delay { ms: 1 }),
        deed(&message, MessageDeed::Double),
        own(|_| {}),
        own(|plan| plan.latency_shape = LatencyShape::LongTail),
        own(|plan| plan.clogged = true),
    ];
    let mut hashes: Vec<u64> = others
        .into_iter()
        .map(|action| state(&[action]).0)
        .collect();
    hashes.push(usual);
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), 7);
}

#[test]
fn plans_of_links_outlive_a_reload_and_messages_that_are_held_do_not() {
    let (mut sim, message) = with_message(9);
    act(&mut sim, deed(&message, MessageDeed::Hold));
    let clogged = plan(|plan| plan.clogged = true);
    link(&mut sim, store(2), store(1), clogged);
    let saved = SavedCluster::decode(&sim.conductor().saved().encode()).expect("our own");
    sim.reload();
    assert_eq!(shown(&mut sim, &message), None);
    assert_eq!(sim.conductor().saved().links, saved.links);
    assert_eq!(saved.links.len(), 1);
    let kept = |sim: &mut Sim| !on_link(sim, store(2), store(1)).is_empty();
    assert!(sim.run_while_not(5_000, kept), "S2 speaks to S1 some time");
    let held = on_link(&mut sim, store(2), store(1)).remove(0).held;
    assert!(held.is_some_and(|held| held.by == Holder::Link));
    demand_replay(&mut sim);
}

#[test]
fn a_machine_that_comes_back_as_a_new_store_keeps_its_links() {
    let (mut sim, _) = led(10);
    link(
        &mut sim,
        store(1),
        store(2),
        plan(|plan| plan.clogged = true),
    );
    kill(&mut sim, store(2));
    let (store, identity) = (store(2), Identity::New);
    assert!(sim.act(Action::Wipe { store, identity }).is_ok());
    let links = sim.conductor().saved().links;
    assert_eq!((links[0].from, links[0].to.get()), (StoreId::new(1), 6));
    sim.run_ms(500);
    demand_replay(&mut sim);
}

/// Whole numbers that look like chance; the runs' own chance is not touched.
struct Mix(u64);

impl Mix {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % bound
    }
}

/// Something that a person who plays with the network would do now.
fn whim(sim: &mut Sim, mix: &mut Mix) -> Option<Action> {
    let stores = sim.conductor().settings().stores;
    if mix.below(4) == 0 {
        let from = store(mix.below(stores) + 1);
        let to = store(mix.below(stores) + 1);
        let own = plan(|plan| {
            plan.latency_ms_max += mix.below(100);
            plan.latency_shape = LatencyShape::ALL[usize::from(mix.below(2) == 0)];
            plan.loss_permille = mix.below(300);
            plan.duplicate_permille = mix.below(300);
            plan.reorder_permille = mix.below(300);
            plan.bytes_per_ms = mix.below(3) * 20;
            plan.clogged = mix.below(3) == 0;
        });
        let plan = own.filter(|_| mix.below(3) > 0);
        return Some(Action::Link { from, to, plan });
    }
    let messages = frame(sim).messages;
    let count = u64::try_from(messages.len())
        .ok()
        .filter(|count| *count > 0)?;
    let message = &messages[usize::try_from(mix.below(count)).ok()?];
    let chosen = match mix.below(8) {
        0 | 1 => MessageDeed::Hold,
        2..=4 => MessageDeed::Release,
        5 => MessageDeed::Drop,
        6 => MessageDeed::Delay {
            ms: 1 + mix.below(400),
        },
        _ => MessageDeed::Double,
    };
    Some(deed(message, chosen))
}

#[test]
fn runs_with_every_trick_of_the_network_are_safe_converge_and_replay() {
    let mut tricks = cluster::NetworkCounts::default();
    for seed in 0..30 {
        let until = seconds(10);
        let mut config = SimulationConfig::from_seed(seed, until);
        let kinds = [FaultKind::Kill, FaultKind::Cut, FaultKind::OneWay];
        let settings = config.cluster.settings;
        config.script = draw_plan(seed, &settings, until, &kinds, Tempo::USUAL);
        config.host.observe = true;
        let mut sim = Sim::new(config);
        let mut invariants = Invariants::of(&sim);
        let mut mix = Mix(seed);
        while sim.conductor().now() < until {
            sim.run_ms(20);
            if let Some(action) = whim(&mut sim, &mut mix) {
                // Some make no sense, such as a link to oneself.
                drop(sim.act(action));
            }
            invariants.judge(&mut sim);
        }
        for message in frame(&mut sim).messages {
            drop(sim.act(deed(&message, MessageDeed::Release)));
        }
        for saved in sim.conductor().saved().links {
            link(&mut sim, saved.from, saved.to, None);
        }
        sim.run_until(seconds(14));
        converge(&mut sim);
        invariants.judge(&mut sim);
        demand_replay(&mut sim);
        let counts = sim.conductor().network_counts();
        tricks.own_plan += counts.own_plan;
        tricks.long_tail += counts.long_tail;
        tricks.queued += counts.queued;
        tricks.clogged += counts.clogged;
        tricks.lost_hand += counts.lost_hand;
        tricks.by_hand += counts.by_hand;
    }
    let seen = [
        tricks.own_plan,
        tricks.long_tail,
        tricks.queued,
        tricks.clogged,
        tricks.lost_hand,
        tricks.by_hand,
    ];
    assert!(seen.iter().all(|count| *count > 300), "{tricks:?}");
}
