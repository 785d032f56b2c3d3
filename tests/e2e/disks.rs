//! Disks are disks, and a kill loses nothing that was acknowledged.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use cluster::{Chance, Recording};
use raftstore::audit::{self, Acknowledged};
use serde::Deserialize;
use serde_json::{Value, json};
use tests::harness::{
    Database, Options, PATIENCE, Page, Profile, StoredRow, alone, beside, by, say, target, until,
};
use types::disk::{FieldValue, Row, RowKey, Table};
use types::frame::{Life, OperationState, StoreFrame};
use types::id::{Cycle, StoreId};
use types::store::Command;

use crate::writer::{Writer, everything};

/// How often a store is killed at least, how often of these with a transaction open at least, and
/// how often it is killed at most until that has happened.
const KILLS: usize = 20;
const KILLS_WHILE_WRITING: usize = 5;
const KILLS_MAX: usize = 40;
/// How many writes are acknowledged between two kills.
const BETWEEN_KILLS: usize = 3;

/// A row as the inspector shows it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ShownRow {
    table: String,
    row_key: String,
    crc: String,
    bytes: String,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The key under which a row lies in its object store.
fn stored_key(key: &RowKey) -> Value {
    match key {
        RowKey::StoreIdent => json!("ident"),
        RowKey::LastCycle => json!("last_cycle"),
        RowKey::RaftLog { region, first } => json!([region.get(), first.get()]),
        RowKey::RaftState { region }
        | RowKey::ApplyState { region }
        | RowKey::RegionState { region } => json!([region.get()]),
        RowKey::Session { region, client } => json!([region.get(), client.get()]),
        RowKey::Data { cf, key } => json!([cf.name(), key.to_vec()]),
        RowKey::Scheduler(_) => panic!("a store has no rows of the scheduler"),
    }
}

fn stored(row: &Row) -> StoredRow {
    let text = |value: &FieldValue| match value {
        FieldValue::Number(number) => number.to_string(),
        FieldValue::Text(text) => text.clone(),
    };
    let fields = row.value.fields.iter();
    StoredRow {
        table: row.key.table().name().to_owned(),
        key: stored_key(&row.key),
        bytes: Some(row.value.bytes.to_vec()),
        crc: Some(row.value.crc),
        fields: fields
            .map(|field| (field.name.clone(), text(&field.value)))
            .collect(),
    }
}

/// Reads the storage tab of a store from top to bottom. The list keeps only what can be seen.
async fn shown_rows(page: &Page, store: StoreId) -> Result<Vec<ShownRow>> {
    page.click(&by("store").with("store", &store.get().to_string()))
        .await?;
    page.data_is(&by("inspector"), "store", &store.get().to_string())
        .await?;
    page.click(&by("tab-storage")).await?;
    // List and rows in one look: the page may draw anew between two.
    let look = "
        const list = document.querySelector('[data-testid=row-list]');
        if (!list) return [0, []];
        const rows = Array.from(list.querySelectorAll('[data-testid=row]'),
            (row) => Object.assign({}, row.dataset));
        list.scrollTop = arguments[0];
        return [Number(list.dataset.count), rows];";
    let found: RefCell<BTreeMap<(usize, String), ShownRow>> = RefCell::default();
    let top = Cell::new(0);
    until(
        format!("all rows of {store} were shown"),
        PATIENCE,
        || async {
            let (count, rows): (usize, Vec<ShownRow>) =
                page.script(look, &[json!(top.get())]).await?;
            for row in rows {
                let table = Table::ALL
                    .iter()
                    .position(|table| table.name() == row.table);
                let table = table.with_context(|| format!("no such table: {row:?}"))?;
                found.borrow_mut().insert((table, row.row_key.clone()), row);
            }
            top.set(if top.get() > 10_000 {
                0
            } else {
                top.get() + 60
            });
            let all = found.borrow().len();
            ensure!(
                all <= count.max(1),
                "{all} rows, and the list counts {count}"
            );
            Ok((count > 0 && all == count).then_some(()))
        },
    )
    .await?;
    Ok(found.into_inner().into_values().collect())
}

#[tokio::test]
async fn the_inspector_shows_row_for_row_what_indexeddb_holds() -> Result<()> {
    beside(|bench| async move {
        let page = bench.page("").await?;
        page.leader().await?;
        for (key, value) in [("apple", "1"), ("pear", "2"), ("plum", ""), ("梨", "四")] {
            page.put(key, value).await?;
        }
        page.done(Command::Delete { key: "pear".into() }).await?;
        let killed = page.level().await?.stores[0].id;
        page.kill(killed).await?;
        page.life(killed, &Life::Killed).await?;
        page.pause().await?;
        let stores: Vec<StoreId> = page.frame().await?.stores.iter().map(|s| s.id).collect();
        for store in stores {
            let asked = page.rows(store).await?;
            let wanted: Vec<StoredRow> = asked.rows.iter().map(|(row, _)| stored(row)).collect();
            let mut held = Database::of(&bench.cluster("c"), store).rows(&page).await?;
            let place = |name: &str| Table::ALL.iter().position(|table| table.name() == name);
            held.sort_by_key(|row| place(&row.table));
            ensure!(held == wanted, "{store}: held {held:#?}, told {wanted:#?}");
            ensure!(
                held.iter().any(|row| row.table == "raft_log"),
                "{store} has no log"
            );
            ensure!(
                held.iter().any(|row| row.table == "data"),
                "{store} has no data"
            );
            let shown = shown_rows(&page, store).await?;
            let told = asked.rows.iter().map(|(row, key)| ShownRow {
                table: row.key.table().name().to_owned(),
                row_key: hex(key),
                crc: row.value.crc.to_string(),
                bytes: hex(&row.value.bytes),
            });
            let told: Vec<ShownRow> = told.collect();
            let mut sorted = told.clone();
            sorted.sort_by_key(|row| (place(&row.table), row.row_key.clone()));
            ensure!(shown == sorted, "{store}: shown {shown:#?}, told {told:#?}");
        }
        Ok(())
    })
    .await
}

/// Submits all puts at once and waits until each is acknowledged.
async fn put_all(page: &Page, pairs: &[(String, String)]) -> Result<()> {
    let mut ids = Vec::new();
    for (key, value) in pairs {
        let put = Command::Put {
            key: key.clone().into(),
            value: value.clone().into(),
        };
        ids.push(page.submit(put, None).await?);
    }
    for id in ids {
        let state = page.settled(id).await?.state;
        ensure!(
            matches!(state, OperationState::Done { .. }),
            "{id} ended as {state:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn after_the_browser_was_killed_every_acknowledged_key_is_read_again() -> Result<()> {
    beside(|bench| async move {
        let profile = Profile::new()?;
        let options = Options {
            profile: Some(profile.path()),
            ..Options::default()
        };
        let page = Page::new(bench.browser(&options).await?, &bench.address(""));
        page.open().await?;
        page.leader().await?;
        let pairs: Vec<(String, String)> = (0..20)
            .map(|n| (format!("key-{n}"), format!("value-{n}")))
            .collect();
        put_all(&page, &pairs).await?;
        let before = page.frame().await?;
        page.session.kill_browser().await?;

        let page = Page::new(bench.browser(&options).await?, &bench.address(""));
        page.open().await?;
        page.leader().await?;
        let after = page.frame().await?;
        ensure!(
            after.event.segment == before.event.segment + 1,
            "{}",
            after.event
        );
        for (key, value) in pairs {
            let read = page.get(&key).await?;
            ensure!(
                read.as_deref() == Some(value.as_str()),
                "{key} reads {read:?}"
            );
        }
        Ok(())
    })
    .await
}

/// How often the right moment for a kill is looked for before any moment will do.
const LOOKS: usize = 50;

/// Kills one store, if possible while it writes; which, and its open transaction.
async fn kill_one(page: &Page, leader: bool, number: usize) -> Result<(StoreId, Option<Cycle>)> {
    let looks = Cell::new(0);
    let victim = until("there is a store to kill", PATIENCE, || async {
        let first = page.leader().await?.id;
        let frame = page.frame().await?;
        let fits = |store: &&StoreFrame| store.life == Life::Up && (store.id == first) == leader;
        let mut fitting: Vec<&StoreFrame> = frame.stores.iter().filter(fits).collect();
        if fitting.is_empty() {
            return Ok(None);
        }
        looks.set(looks.get() + 1);
        let chosen = fitting.swap_remove(number % fitting.len());
        Ok((chosen.writing.is_some() || looks.get() > LOOKS).then_some(chosen.id))
    });
    let victim = victim.await?;
    page.kill(victim).await?;
    let dead = page.life(victim, &Life::Killed).await?;
    Ok((victim, dead.writing))
}

/// How many of the open transactions did not reach the disk, as the restarted stores found it.
async fn aborted(page: &Page, kills: &[(StoreId, Option<Cycle>)]) -> Result<usize> {
    let recording = Recording::decode(&page.recording().await?)?;
    let segment = recording.segments.last().context("nothing was recorded")?;
    let mut count = 0;
    for (number, (store, writing)) in kills.iter().enumerate() {
        let before = kills[..number]
            .iter()
            .filter(|(earlier, _)| earlier == store)
            .count();
        let mut loads = segment
            .strikes
            .iter()
            .filter_map(|strike| match &strike.chance {
                Chance::Loaded {
                    store: loaded,
                    cycle,
                    ..
                } if loaded == store => Some(*cycle),
                _ => None,
            });
        // The first load of all began the store's first life.
        let found = loads
            .nth(before + 1)
            .context("a store that was never loaded")?;
        count += usize::from(writing.is_some_and(|writing| found < writing));
    }
    Ok(count)
}

#[tokio::test]
async fn twenty_kills_lose_nothing_that_was_acknowledged() -> Result<()> {
    alone(|bench| async move {
        let page = bench
            .page("&client_timeout_ms=500&disk_ms_min=15&disk_ms_max=30")
            .await?;
        page.leader().await?;
        let writer = Writer::start(&page).await?;
        let mut kills = Vec::new();
        let hits = |kills: &[(StoreId, Option<Cycle>)]| {
            kills
                .iter()
                .filter(|(_, writing)| writing.is_some())
                .count()
        };
        while kills.len() < KILLS || (hits(&kills) < KILLS_WHILE_WRITING && kills.len() < KILLS_MAX)
        {
            writer.progress(BETWEEN_KILLS).await?;
            let number = kills.len();
            let kill = kill_one(&page, number % 4 == 0, number).await?;
            kills.push(kill);
            page.start(kill.0).await?;
            page.life(kill.0, &Life::Up).await?;
        }
        writer.progress(BETWEEN_KILLS).await?;
        let acknowledged = writer.stop().await?;
        let open = hits(&kills);
        say(&format!(
            "{} writes acknowledged over {} kills; {open} kills hit an open transaction, \
             {} of which never reached the disk",
            acknowledged.len(),
            kills.len(),
            aborted(&page, &kills).await?
        ));
        ensure!(
            open >= KILLS_WHILE_WRITING,
            "only {open} kills hit an open transaction"
        );

        page.level().await?;
        let all = everything(&page).await?;
        for key in &acknowledged {
            let value = all
                .get(key)
                .with_context(|| format!("{key} was acknowledged, now lost"))?;
            ensure!(*value == format!("v-{key}"), "{key} reads {value:?}");
        }
        page.pause().await?;
        let disks = page.disks().await?;
        let file = target("e2e")?.join(format!("{}-disks.bin", bench.file_stem()));
        std::fs::write(&file, types::export::encode(&disks))?;
        let writes = acknowledged.into_iter().map(|key| {
            let value = Some(Bytes::from(format!("v-{key}")));
            Acknowledged {
                key: key.into(),
                value,
            }
        });
        let report = audit::check_acknowledged(&disks, &writes.collect::<Vec<_>>());
        ensure!(report.stores.len() == 5, "{} disks", report.stores.len());
        ensure!(
            report.is_clean(),
            "{}: {:#?}",
            file.display(),
            report.findings
        );
        Ok(())
    })
    .await
}
