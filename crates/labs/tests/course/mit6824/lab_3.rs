//! Lab 3: the key-value service with sessions, tests with a course of their own.

use bytes::Bytes;
use types::{
    action::OperationId,
    disk::Table,
    frame::OperationState,
    id::{ClientId, StoreId},
    settings::Settings,
    store::{Command, CommandResult},
};

use crate::kv::{
    self, Count, Kv, Outcome,
    generic::{Generic, Mix, check_raft_state},
};

/// The client that asks.
const CLIENT: ClientId = ClientId::new(50);
/// How much raft state a server may keep, in bytes, where it may not keep all.
const STATE_BYTES: u64 = 1_000;
/// How long an append may take on average, in microseconds: three in a heartbeat of 100 ms.
const APPEND_US: u64 = 33_300;

/// Nothing switched on.
pub(super) const PLAIN: Generic = Generic {
    clients: 1,
    stores: 5,
    mix: Mix::AppendAndGet,
    unreliable: false,
    crash: false,
    partitions: false,
    limit: None,
    conf_change: false,
    split: false,
};

fn service(seed: u64, stores: u64) -> Settings {
    Settings {
        preset: 1,
        sessions: 1,
        log_gc_entries: 0,
        region_max_bytes: 0,
        ..kv::settings(seed, stores)
    }
}

pub(super) fn three_servers(seed: u64) -> Settings {
    service(seed, 3)
}

pub(super) fn five_servers(seed: u64) -> Settings {
    service(seed, 5)
}

pub(super) fn three_with_snapshots(seed: u64) -> Settings {
    Settings {
        max_raft_state_bytes: STATE_BYTES,
        ..service(seed, 3)
    }
}

fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

fn put(kv: &mut Kv, key: &str, value: &str) -> Outcome {
    let (key, value) = (bytes(key), bytes(value));
    kv.carry_out(CLIENT, &Command::Put { key, value }).map(drop)
}

fn get(kv: &mut Kv, key: &str) -> Outcome<String> {
    match kv.carry_out(CLIENT, &Command::Get { key: bytes(key) })? {
        CommandResult::Get { value } => {
            let value = value.unwrap_or_default();
            Ok(String::from_utf8_lossy(&value).into_owned())
        }
        other => Err(format!("a get brought {other:?}")),
    }
}

fn check(kv: &mut Kv, key: &str, wanted: &str) -> Outcome {
    let found = get(kv, key)?;
    if found == wanted {
        return Ok(());
    }
    Err(format!("{key} is {found:?} and should be {wanted:?}"))
}

pub(super) fn speed(kv: &mut Kv) -> Outcome {
    get(kv, "x")?;
    let start = kv.now();
    let mut wanted = String::new();
    for nth in 0..1_000 {
        let piece = format!("x 0 {nth} y");
        let (key, value) = (bytes("x"), bytes(&piece));
        kv.carry_out(CLIENT, &Command::Append { key, value })?;
        wanted.push_str(&piece);
    }
    let took = kv.now().since(start);
    check(kv, "x", &wanted)?;
    if took > 1_000 * APPEND_US {
        return Err(format!("1,000 appends took {took} us"));
    }
    Ok(())
}

pub(super) fn unreliable_one_key(kv: &mut Kv) -> Outcome {
    kv.set("loss_permille", 100);
    put(kv, "k", "")?;
    let clients: Vec<ClientId> = (60..65).map(ClientId::new).collect();
    let mut next = [0_u64; 5];
    let mut open: [Option<OperationId>; 5] = [None; 5];
    let end = kv.after_ms(60_000);
    while next.iter().any(|count| *count < 10) || open.iter().any(Option::is_some) {
        if kv.now() >= end {
            return Err("request timeout".to_owned());
        }
        for (nth, client) in clients.iter().enumerate() {
            if let Some(operation) = open[nth]
                && let Some(state) = kv.outcome_of(*client, operation)
            {
                if !matches!(state, OperationState::Done { .. }) {
                    return Err(format!("an append ended as {state:?}"));
                }
                open[nth] = None;
            }
            if open[nth].is_none() && next[nth] < 10 {
                let value = bytes(&format!("x {nth} {} y", next[nth]));
                let key = bytes("k");
                let command = Command::Append { key, value };
                open[nth] = Some(kv.sim.conductor_mut().drive(*client, command));
                next[nth] += 1;
            }
        }
        let until = kv.after_ms(5);
        kv.advance(until)?;
    }
    let value = get(kv, "k")?;
    for nth in 0..5 {
        let places = (0..10).map(|piece| {
            let piece = format!("x {nth} {piece} y");
            let mut found = value.match_indices(&piece).map(|(place, _)| place);
            (found.next(), found.next())
        });
        let places: Vec<_> = places.collect();
        let is_once = places
            .iter()
            .all(|(one, two)| one.is_some() && two.is_none());
        if !is_once || !places.is_sorted() {
            return Err(format!(
                "the appends of client {nth} are not there once: {value:?}"
            ));
        }
    }
    Ok(())
}

pub(super) fn one_partition(kv: &mut Kv) -> Outcome {
    put(kv, "1", "13")?;
    let leader = kv.wait_for_leader(b"")?;
    let others: Vec<StoreId> = kv.stores().into_iter().filter(|id| *id != leader).collect();
    // Those who are cut off ask their leader, and nobody else.
    let (writer, reader) = (ClientId::new(61), ClientId::new(62));
    kv.cut(&[leader, others[0]]);
    kv.run_ms(2 * kv::ELECTION_MS)?;
    put(kv, "1", "14")?;
    check(kv, "1", "14")?;
    let conductor = kv.sim.conductor_mut();
    let value = bytes("15");
    let key = bytes("1");
    let command = Command::Put { key, value };
    let blocked_put = conductor.drive_via(writer, command, Some(leader));
    let command = Command::Get { key: bytes("1") };
    let blocked_get = conductor.drive_via(reader, command, Some(leader));
    kv.run_ms(1_000)?;
    for (client, operation) in [(writer, blocked_put), (reader, blocked_get)] {
        if let Some(state) = kv.outcome_of(client, operation) {
            return Err(format!("without a quorum, a request ended as {state:?}"));
        }
    }
    check(kv, "1", "14")?;
    put(kv, "1", "16")?;
    check(kv, "1", "16")?;
    kv.heal();
    // Once healed, they find the others as every client does.
    for (client, operation) in [(writer, blocked_put), (reader, blocked_get)] {
        kv.sim.conductor_mut().ask_anyone(client, operation);
    }
    for (client, operation) in [(writer, blocked_put), (reader, blocked_get)] {
        kv.wait(4_000, "a request that was blocked", |kv| {
            let state = kv.outcome_of(client, operation);
            matches!(state, Some(OperationState::Done { .. }))
        })?;
    }
    check(kv, "1", "15")
}

pub(super) fn snapshot_rpc(kv: &mut Kv) -> Outcome {
    put(kv, "a", "A")?;
    check(kv, "a", "A")?;
    kv.cut(&[StoreId::new(3)]);
    // Twice as many as the course puts: here only what entries hold counts as raft state.
    for nth in 0..100 {
        put(kv, &nth.to_string(), &nth.to_string())?;
    }
    kv.run_ms(1_000)?;
    put(kv, "b", "B")?;
    check_raft_state(kv, 8 * STATE_BYTES)?;
    let before = kv
        .counts
        .get(&Count::Snapshots)
        .copied()
        .unwrap_or_default();
    kv.cut(&[StoreId::new(2)]);
    put(kv, "c", "C")?;
    put(kv, "d", "D")?;
    for (key, value) in [("a", "A"), ("b", "B"), ("1", "1"), ("49", "49")] {
        check(kv, key, value)?;
    }
    let after = kv
        .counts
        .get(&Count::Snapshots)
        .copied()
        .unwrap_or_default();
    if after == before {
        return Err("server 3 came back without a snapshot".to_owned());
    }
    kv.heal();
    put(kv, "e", "E")?;
    for (key, value) in [("c", "C"), ("e", "E"), ("1", "1")] {
        check(kv, key, value)?;
    }
    Ok(())
}

pub(super) fn snapshot_size(kv: &mut Kv) -> Outcome {
    let start = kv.now();
    for _ in 0..200 {
        for value in ["0", "1"] {
            put(kv, "x", value)?;
            check(kv, "x", value)?;
        }
    }
    check_raft_state(kv, 8 * STATE_BYTES)?;
    kv.run_ms(1_000)?;
    for store in kv.stores() {
        let rows = kv.sim.disk(store).map(|disk| disk.image().rows);
        let rows = rows.unwrap_or_default().into_iter();
        let is_state = |table| matches!(table, Table::Data | Table::Sessions);
        let state = rows.filter(|row| is_state(row.key.table()));
        let bytes: usize = state.map(|row| row.value.bytes.len()).sum();
        if bytes > 500 {
            return Err(format!("{store} has {bytes} bytes for a snapshot"));
        }
    }
    if kv.now().since(start) > 20_000_000 {
        return Err("it took more than 20 s".to_owned());
    }
    Ok(())
}
