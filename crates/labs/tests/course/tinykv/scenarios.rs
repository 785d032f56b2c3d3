//! Tests with a course of their own.

use bytes::Bytes;
use cluster::Node;
use types::{
    action::Action,
    disk::RowKey,
    id::{ClientId, RegionId, StoreId},
    io::{Delivered, Envelope, Input, Output},
    scheduler::{OperatorRequest, OperatorStep},
    settings::Settings,
    store::{
        AdminCommand, AdminRequest, Command, CommandResult, Region, Reply, ReplyError, Request,
        RequestId,
    },
};

use crate::kv::{self, Count, Kv, Outcome, PATIENCE_MS};

/// The client that asks.
const CLIENT: ClientId = ClientId::new(50);

/// A cluster with a scheduler.
fn base(seed: u64, stores: u64) -> Settings {
    Settings {
        scheduler: 1,
        region_max_bytes: 0,
        ..kv::settings(seed, stores)
    }
}

pub(super) fn five_stores(seed: u64) -> Settings {
    base(seed, 5)
}

pub(super) fn small_logs(seed: u64) -> Settings {
    Settings {
        log_gc_entries: 10,
        ..base(seed, 3)
    }
}

pub(super) fn small_regions(seed: u64) -> Settings {
    Settings {
        region_max_bytes: 800,
        region_split_bytes: 500,
        ..base(seed, 5)
    }
}

fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

fn store(id: u64) -> StoreId {
    StoreId::new(id)
}

fn put(kv: &mut Kv, key: &str, value: &str) -> Outcome {
    let (key, value) = (bytes(key), bytes(value));
    kv.carry_out(CLIENT, &Command::Put { key, value }).map(drop)
}

fn delete(kv: &mut Kv, key: &str) -> Outcome {
    let key = bytes(key);
    kv.carry_out(CLIENT, &Command::Delete { key }).map(drop)
}

fn get(kv: &mut Kv, key: &str, wanted: &str) -> Outcome {
    let value = Some(bytes(wanted));
    match kv.carry_out(CLIENT, &Command::Get { key: bytes(key) })? {
        CommandResult::Get { value: found } if found == value => Ok(()),
        other => Err(format!("{key} should be {wanted}: {other:?}")),
    }
}

/// What a store holds of a key, in its memory.
fn held(kv: &Kv, at: StoreId, key: &str) -> Option<Bytes> {
    let key = bytes(key);
    let peers = kv.peers(at).into_iter();
    let mut data = peers.flat_map(|peer| peer.data);
    data.find(|(held, _)| *held == key).map(|(_, value)| value)
}

/// Whether a row of a store's disk holds the key.
fn is_on_disk(kv: &Kv, at: StoreId, wanted: &str) -> bool {
    let rows = kv.sim.disk(at).map(|disk| disk.image().rows);
    let is_it = |key: &RowKey| matches!(key, RowKey::Data { key, .. } if *key == bytes(wanted));
    rows.is_some_and(|rows| rows.iter().any(|row| is_it(&row.key)))
}

/// Waits until a store holds the value of a key.
fn must_have(kv: &mut Kv, at: u64, key: &str, value: &str) -> Outcome {
    let (at, value) = (store(at), bytes(value));
    let what = format!("{at} gets {key}");
    kv.wait(6_000, &what, |kv| held(kv, at, key) == Some(value.clone()))
}

/// Waits until a store holds nothing of a key, in memory and on its disk.
fn must_lack(kv: &mut Kv, at: u64, key: &str) -> Outcome {
    let at = store(at);
    let what = format!("{at} loses {key}");
    kv.wait(6_000, &what, |kv| {
        held(kv, at, key).is_none() && !is_on_disk(kv, at, key)
    })
}

/// Demands that a store has not learned of a key.
fn has_not(kv: &Kv, at: StoreId, key: &str, value: &str) -> Outcome {
    if held(kv, at, key) == Some(bytes(value)) {
        return Err(format!("{at} holds {value} for {key} and is cut off"));
    }
    Ok(())
}

/// The region of a key, as the scheduler knows it.
fn region(kv: &Kv, key: &str) -> Option<Region> {
    let mut known = kv.scheduler().regions.into_iter();
    let found = known.find(|known| known.region.contains(key.as_bytes()));
    found.map(|known| known.region)
}

/// Has the region's leader do one step of a change; again and again until the scheduler has seen
/// it `done`.
fn step(
    kv: &mut Kv,
    what: &str,
    make: impl Fn(&Region) -> Option<OperatorStep>,
    done: impl Fn(&Kv) -> bool,
) -> Outcome {
    for _ in 0..100 {
        if done(kv) {
            return Ok(());
        }
        let leader = kv.wait_for_leader(b"")?;
        let known = kv.peers(leader).into_iter().next();
        if let Some(peer) = known
            && let Some(step) = make(&peer.region)
        {
            let region = peer.region.id;
            let command = AdminCommand::Step(step);
            let request = AdminRequest { region, command };
            kv.act(Action::Admin {
                store: leader,
                request,
            });
        }
        kv.run_ms(200)?;
    }
    Err(format!("{what}: not within 20 s"))
}

/// Whether the scheduler knows of a peer on a store.
fn has_peer(kv: &Kv, at: StoreId) -> bool {
    region(kv, "").is_some_and(|region| region.peer_on(at).is_some())
}

fn remove(kv: &mut Kv, at: u64) -> Outcome {
    let at = store(at);
    let make = |region: &Region| {
        let peer = region.peer_on(at)?;
        Some(OperatorStep::RemovePeer { peer })
    };
    step(kv, "a removal", make, |kv| !has_peer(kv, at))?;
    kv.count(Count::Changes, 1);
    Ok(())
}

/// A new peer gets an id that was never used: here no peer comes back under its old id.
fn add(kv: &mut Kv, at: u64) -> Outcome {
    let at = store(at);
    kv.wait(PATIENCE_MS, "an addition", |kv| {
        let region = region(kv, "").map_or(RegionId::new(1), |region| region.id);
        let is_asked = !kv.scheduler().operators.is_empty();
        if !is_asked && !has_peer(kv, at) {
            let store = at;
            let request = OperatorRequest::AddPeer { region, store };
            kv.act(Action::Operator { request });
            // Asked once, it takes its time.
            drop(kv.run_ms(50));
        }
        has_peer(kv, at)
    })?;
    kv.count(Count::Changes, 1);
    Ok(())
}

/// Hands the lead to the peer on a store.
fn lead(kv: &mut Kv, at: u64) -> Outcome {
    let at = store(at);
    let make = |region: &Region| {
        let to = region.peer_on(at)?;
        Some(OperatorStep::TransferLeader { to })
    };
    let leads = |kv: &Kv| {
        let view = kv.scheduler();
        let leader = view.regions.first().and_then(|known| known.leader);
        leader.is_some_and(|leader| leader.store == at) && kv.leader_of(b"") == Some(at)
    };
    step(kv, "a transfer", make, leads)
}

pub(super) fn one_partition(kv: &mut Kv) -> Outcome {
    let old = kv.wait_for_leader(b"")?;
    let others: Vec<StoreId> = kv.stores().into_iter().filter(|id| *id != old).collect();
    let (near, far) = ([old, others[0], others[1]], [others[2], others[3]]);
    kv.cut(&near);
    put(kv, "k1", "v1")?;
    get(kv, "k1", "v1")?;
    kv.run_ms(1_000)?;
    for at in far {
        has_not(kv, at, "k1", "v1")?;
    }
    kv.heal();
    for at in far {
        must_have(kv, at.get(), "k1", "v1")?;
    }
    // Whoever leads now is cut off with one other.
    let old = kv.wait_for_leader(b"")?;
    let friend = if old == others[0] {
        others[1]
    } else {
        others[0]
    };
    kv.cut(&[old, friend]);
    get(kv, "k1", "v1")?;
    put(kv, "k1", "changed")?;
    for at in [old, friend] {
        has_not(kv, at, "k1", "changed")?;
        must_have(kv, at.get(), "k1", "v1")?;
    }
    kv.heal();
    put(kv, "k2", "v2")?;
    must_have(kv, old.get(), "k2", "v2")?;
    must_have(kv, old.get(), "k1", "changed")
}

pub(super) fn one_snapshot(kv: &mut Kv) -> Outcome {
    put(kv, "k1", "v1")?;
    put(kv, "k2", "v2")?;
    must_have(kv, 1, "k1", "v1")?;
    must_have(kv, 1, "k2", "v2")?;
    if kv.counts.contains_key(&Count::Compactions) {
        return Err("a log was compacted after two writes".to_owned());
    }
    kv.cut(&[store(1)]);
    for nth in 100..115 {
        put(kv, &format!("k{nth}"), &format!("v{nth}"))?;
    }
    delete(kv, "k2")?;
    kv.run_ms(500)?;
    has_not(kv, store(1), "k100", "v100")?;
    kv.heal();
    must_have(kv, 1, "k1", "v1")?;
    must_have(kv, 1, "k100", "v100")?;
    must_lack(kv, 1, "k2")?;
    let store = store(1);
    kv.act(Action::Kill { store });
    kv.count(Count::Crashes, 1);
    kv.run_ms(100)?;
    kv.act(Action::Start { store });
    must_have(kv, 1, "k1", "v1")?;
    kv.run_ms(500)?;
    kv::generic::check_kept_entries(kv, 20)
}

pub(super) fn transfer_leader(kv: &mut Kv) -> Outcome {
    kv.wait_for_leader(b"")?;
    for at in 1..=5 {
        let start = kv.now();
        lead(kv, at)?;
        if kv.now().since(start) > 5_000_000 {
            return Err(format!("the transfer to store {at} took more than 5 s"));
        }
    }
    Ok(())
}

pub(super) fn basic_conf_change(kv: &mut Kv) -> Outcome {
    lead(kv, 1)?;
    for at in [2, 3, 4, 5] {
        remove(kv, at)?;
    }
    put(kv, "k1", "v1")?;
    must_lack(kv, 2, "k1")?;
    add(kv, 2)?;
    put(kv, "k2", "v2")?;
    get(kv, "k2", "v2")?;
    must_have(kv, 2, "k1", "v1")?;
    must_have(kv, 2, "k2", "v2")?;
    let conf_ver = region(kv, "").map_or(0, |region| region.epoch.conf_ver);
    if conf_ver <= 1 {
        return Err(format!("the epoch stands at {conf_ver}"));
    }
    must_lack(kv, 5, "k2")?;
    add(kv, 3)?;
    remove(kv, 2)?;
    put(kv, "k3", "v3")?;
    for nth in 1..=3 {
        must_have(kv, 3, &format!("k{nth}"), &format!("v{nth}"))?;
    }
    must_lack(kv, 2, "k1")?;
    must_lack(kv, 2, "k2")?;
    add(kv, 2)?;
    for nth in 1..=3 {
        must_have(kv, 2, &format!("k{nth}"), &format!("v{nth}"))?;
    }
    remove(kv, 2)?;
    add(kv, 2)?;
    remove(kv, 3)?;
    put(kv, "k4", "v4")?;
    must_have(kv, 2, "k1", "v1")?;
    must_have(kv, 2, "k4", "v4")?;
    must_lack(kv, 3, "k1")?;
    must_lack(kv, 3, "k4")
}

pub(super) fn conf_change_remove_leader(kv: &mut Kv) -> Outcome {
    lead(kv, 1)?;
    remove(kv, 1)?;
    put(kv, "k0", "v0")?;
    must_lack(kv, 1, "k0")?;
    add(kv, 1)?;
    lead(kv, 1)?;
    put(kv, "k1", "v1")?;
    must_have(kv, 1, "k0", "v0")?;
    must_have(kv, 1, "k1", "v1")?;
    for at in [2, 3, 4] {
        remove(kv, at)?;
    }
    lead(kv, 1)?;
    remove(kv, 1)?;
    put(kv, "k2", "v2")?;
    must_lack(kv, 1, "k2")?;
    add(kv, 1)?;
    put(kv, "k3", "v3")?;
    must_have(kv, 1, "k3", "v3")?;
    must_lack(kv, 3, "k3")
}

pub(super) fn one_split(kv: &mut Kv) -> Outcome {
    put(kv, "k1", "v1")?;
    put(kv, "k2", "v2")?;
    kv.wait_for_leader(b"")?;
    let old = region(kv, "k1").ok_or("no region")?;
    if region(kv, "k2") != Some(old.clone()) {
        return Err("k1 and k2 are in two regions from the start".to_owned());
    }
    kv.cut(&[store(5)]);
    for nth in 100..200 {
        put(kv, &format!("k{nth}"), &format!("v{nth}"))?;
    }
    kv.run_ms(200)?;
    kv.heal();
    let is_split =
        |kv: &mut Kv| region(kv, "k1").map(|it| it.id) != region(kv, "k2").map(|it| it.id);
    kv.wait(5_000, "a split", is_split)?;
    let left = region(kv, "k1").ok_or("no left region")?;
    let right = region(kv, "k2").ok_or("no right region")?;
    if left.start != old.start || left.end != right.start || right.end != old.end {
        return Err(format!("the parts do not fit: {left:?} and {right:?}"));
    }
    get(kv, "k1", "v1")?;
    get(kv, "k2", "v2")?;
    let leader = kv.wait_for_leader(b"k1")?;
    match ask_of(kv, leader, &left, "k2") {
        Some(ReplyError::KeyNotInRegion { region }) if region == left.id => {}
        other => return Err(format!("k2 in the left region: {other:?}")),
    }
    must_have(kv, 5, "k100", "v100")
}

/// What a store answers at once to a read of `key` that names `region`. It is asked aside: the
/// cluster does not notice.
fn ask_of(kv: &Kv, at: StoreId, region: &Region, key: &str) -> Option<ReplyError> {
    let mut aside = kv.sim.node(at)?.clone();
    let now = aside.store()?.view().now;
    let id = RequestId {
        client: CLIENT,
        seq: u64::MAX,
    };
    let request = Request {
        id,
        region: region.id,
        epoch: region.epoch,
        command: Command::Get { key: bytes(key) },
        session: None,
    };
    let delivered = Delivered {
        event: kv.sim.conductor().event(),
        input: Input::Request(request),
    };
    let inputs = vec![delivered];
    let mut output = Output::default();
    aside.handle(&Envelope { now, inputs }, &mut output);
    let answer = |reply: &Reply| reply.id == id;
    let reply = output.replies.into_iter().find(answer)?;
    reply.result.err()
}
