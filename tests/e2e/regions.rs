//! Many regions: what is asked for in the page is found on the disks of other stores.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tests::harness::{Bench, Database, PATIENCE, Page, Selector, StoredRow, beside, by, until};
use types::frame::{Frame, Life};
use types::id::{RegionId, StoreId};
use types::raft::Role;

/// A scheduler, and three replicas on five stores.
const MANY: &str = "&scheduler=on&replicas=3";
/// Where the first region is split.
const KEY: &str = "m";

/// The leader of the region that is shown.
fn leader(frame: &Frame) -> Option<StoreId> {
    let leads = |store: &&types::frame::StoreFrame| {
        store.peer.is_some() && store.role == Role::Leader && store.life == Life::Up
    };
    let newest = frame.stores.iter().filter(leads);
    newest.max_by_key(|store| store.term).map(|store| store.id)
}

async fn led(page: &Page) -> Result<StoreId> {
    page.frame_with("the region that is shown has a leader", leader)
        .await
}

/// A store with a peer of the region that is shown, which does not lead it.
async fn follower(page: &Page) -> Result<StoreId> {
    page.frame_with("the region that is shown has a follower", |frame| {
        let first = leader(frame)?;
        let mut stores = frame.stores.iter().filter(|store| store.peer.is_some());
        stores.find(|store| store.id != first).map(|store| store.id)
    })
    .await
}

fn field<'a>(row: &'a StoredRow, name: &str) -> Option<&'a str> {
    let named = |field: &&(String, String)| field.0 == name;
    row.fields.iter().find(named).map(|field| field.1.as_str())
}

/// Waits until IndexedDB holds a row of `store` that `fits`.
async fn held(
    (bench, page): (&Bench, &Page),
    store: StoreId,
    what: &str,
    fits: impl Fn(&StoredRow) -> bool,
) -> Result<StoredRow> {
    let database = Database::of(&bench.cluster("c"), store);
    let (database, fits) = (&database, &fits);
    until(format!("{store} holds {what}"), PATIENCE, || async move {
        let rows = database.rows(page).await?;
        Ok(rows.into_iter().find(fits))
    })
    .await
}

/// Waits until the disk of `store` holds the region in this shape.
async fn holds_region(
    on: (&Bench, &Page),
    store: StoreId,
    region: RegionId,
    (start, end): (&str, &str),
) -> Result<()> {
    let what = format!("{region} from {start:?} to {end:?}");
    held(on, store, &what, |row| {
        row.table == "region_local_state"
            && row.key == json!([region.get()])
            && field(row, "state") == Some("Normal")
            && field(row, "region.start_key") == Some(start)
            && field(row, "region.end_key") == Some(end)
    })
    .await
    .map(drop)
}

async fn holds_key(on: (&Bench, &Page), store: StoreId, key: &str) -> Result<()> {
    held(on, store, &format!("the data of {key:?}"), |row| {
        row.table == "data" && field(row, "key") == Some(key)
    })
    .await
    .map(drop)
}

fn at(store: StoreId) -> Selector {
    by("store").with("store", &store.get().to_string())
}

/// Chooses an item of a store's menu as a person does.
async fn choose(page: &Page, store: StoreId, item: &str) -> Result<()> {
    let element = page.find(&at(store)).await?;
    let driver = &page.session.driver;
    driver
        .action_chain()
        .move_to_element_center(&element)
        .context_click()
        .perform()
        .await?;
    page.click(&by(item)).await
}

/// Splits the region that is shown at a key, by its menu; the new region.
async fn split(page: &Page, key: &str) -> Result<RegionId> {
    let before = page.frame().await?.regions.len();
    page.click(&by("region-menu")).await?;
    page.click(&by("menu-split")).await?;
    page.fill(&by("split-key"), key).await?;
    page.click(&by("split-apply")).await?;
    page.frame_with("there is one more region", |frame| {
        let starts = |one: &&types::frame::RegionFrame| one.region.start == key.as_bytes();
        let new = frame.regions.iter().find(starts)?;
        (frame.regions.len() == before + 1).then_some(new.region.id)
    })
    .await
}

/// Shows a region by a click on the ruler.
async fn show(page: &Page, region: RegionId) -> Result<()> {
    let segment = by("region").with("region", &region.get().to_string());
    page.click(&segment).await?;
    page.frame_with("the chosen region is shown", |frame| {
        (frame.region.id == region).then_some(())
    })
    .await
}

#[tokio::test]
async fn a_split_from_the_menu_is_found_on_the_disk_of_another_store() -> Result<()> {
    beside(|bench| async move {
        let page = bench.page(MANY).await?;
        led(&page).await?;
        page.put("apple", "1").await?;
        page.put("pear", "2").await?;
        let first = page.frame().await?.region.id;
        let second = split(&page, KEY).await?;
        let store = follower(&page).await?;
        let on = (&*bench, &page);
        holds_region(on, store, first, ("", KEY)).await?;
        holds_region(on, store, second, (KEY, "")).await?;
        holds_key(on, store, "apple").await?;
        holds_key(on, store, "pear").await?;
        let drawn: Vec<serde_json::Value> = page.data(&by("region")).await?;
        ensure!(drawn.len() == 2, "the ruler shows {drawn:?}");
        show(&page, second).await?;
        page.put("zebra", "3").await?;
        ensure!(page.get("zebra").await?.as_deref() == Some("3"));
        ensure!(page.get("apple").await?.as_deref() == Some("1"));
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_peer_added_to_a_fourth_store_brings_its_data_to_the_disk_there() -> Result<()> {
    beside(|bench| async move {
        let page = bench.page(MANY).await?;
        led(&page).await?;
        page.put("apple", "1").await?;
        let without = page.frame_with("a store has no peer", |frame| {
            let mut stores = frame.stores.iter().filter(|store| store.life == Life::Up);
            stores
                .find(|store| store.peer.is_none())
                .map(|store| store.id)
        });
        let store = without.await?;
        page.data_is(&at(store), "role", "none").await?;
        choose(&page, store, "menu-add-peer").await?;
        holds_key((&bench, &page), store, "apple").await?;
        page.data_is(&at(store), "role", "follower").await?;
        page.frame_with("the region has four peers", |frame| {
            (frame.region.peers.len() == 4).then_some(())
        })
        .await
    })
    .await
}

#[tokio::test]
async fn leadership_goes_where_the_menu_sends_it() -> Result<()> {
    beside(|bench| async move {
        let page = bench.page(MANY).await?;
        led(&page).await?;
        let store = follower(&page).await?;
        choose(&page, store, "menu-lead").await?;
        page.frame_with("the chosen store leads", |frame| {
            (leader(frame) == Some(store)).then_some(())
        })
        .await?;
        let leads = store.get().to_string();
        page.data_is(&by("region"), "leader", &leads).await
    })
    .await
}

#[tokio::test]
async fn a_compacted_log_is_truncated_on_the_disk_of_another_store() -> Result<()> {
    beside(|bench| async move {
        let page = bench.page(MANY).await?;
        led(&page).await?;
        for key in ["apple", "pear", "plum"] {
            page.put(key, "1").await?;
        }
        let frame = page.frame().await?;
        let commit = frame.stores.iter().map(|store| store.commit.get()).max();
        let commit = commit.context("no stores")?;
        let store = follower(&page).await?;
        page.click(&by("region-menu")).await?;
        page.click(&by("menu-compact")).await?;
        let what = format!("a log that is truncated at {commit} or later");
        held((&bench, &page), store, &what, |row| {
            let index = field(row, "truncated_state.index").and_then(|text| text.parse().ok());
            row.table == "raft_apply_state" && index.is_some_and(|index: u64| index >= commit)
        })
        .await?;
        ensure!(page.get("pear").await?.as_deref() == Some("1"));
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_key_of_the_second_region_is_written_after_its_leader_was_killed() -> Result<()> {
    beside(|bench| async move {
        let page = bench.page(MANY).await?;
        led(&page).await?;
        let second = split(&page, KEY).await?;
        show(&page, second).await?;
        let old = led(&page).await?;
        page.kill(old).await?;
        page.life(old, &Life::Killed).await?;
        page.frame_with("another store leads the second region", |frame| {
            leader(frame).filter(|new| *new != old)
        })
        .await?;
        page.put("zebra", "3").await?;
        let store = led(&page).await?;
        holds_key((&bench, &page), store, "zebra").await?;
        ensure!(page.get("zebra").await?.as_deref() == Some("3"));
        Ok(())
    })
    .await
}

#[tokio::test]
async fn while_the_scheduler_is_down_the_menu_says_why_nothing_can_be_split() -> Result<()> {
    beside(|bench| async move {
        let page = bench.page(MANY).await?;
        led(&page).await?;
        page.data_is(&by("scheduler"), "life", "up").await?;
        page.click(&by("scheduler-power")).await?;
        page.data_is(&by("scheduler"), "life", "killed").await?;
        page.click(&by("region-menu")).await?;
        let item = page.find(&by("menu-split")).await?;
        ensure!(item.attr("aria-disabled").await?.as_deref() == Some("true"));
        ensure!(page.text(&by("menu-split")).await?.contains("scheduler"));
        page.put("apple", "1").await?;
        page.click(&by("menu-region")).await?;
        page.click(&by("scheduler-power")).await?;
        page.data_is(&by("scheduler"), "life", "up").await?;
        split(&page, KEY).await.map(drop)
    })
    .await
}
