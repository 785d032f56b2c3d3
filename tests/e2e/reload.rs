//! Close the tab, open it: the same cluster goes on. Or start anew.

use anyhow::{Context, Result, ensure};
use protocol::Run;
use tests::harness::{Page, alone, beside, by};
use types::frame::Life;
use types::id::StoreId;
use types::time::US_PER_MS;

/// How much virtual time may get lost with a tab, in microseconds: what was not saved yet.
const UNSAVED_US: u64 = 500 * US_PER_MS;

/// Closes the tab and shows the page in a new one.
async fn close_and_open(page: &Page) -> Result<()> {
    let driver = &page.session.driver;
    let old = driver.window().await?;
    let new = driver.new_tab().await?;
    driver.switch_to_window(old).await?;
    driver.close_window().await?;
    driver.switch_to_window(new).await?;
    page.open().await
}

#[tokio::test]
async fn a_tab_that_is_closed_and_opened_shows_the_same_cluster() -> Result<()> {
    alone(|bench| async move {
        let page = bench.page("&latency_ms_max=30").await?;
        let leader = page.leader().await?;
        page.put("kept", "1").await?;
        let stores: Vec<StoreId> = page.level().await?.stores.iter().map(|s| s.id).collect();
        let followers: Vec<StoreId> = stores
            .iter()
            .copied()
            .filter(|store| *store != leader.id)
            .collect();
        let (killed, lonely) = (followers[0], followers[1]);
        page.kill(killed).await?;
        let rest = stores
            .iter()
            .copied()
            .filter(|store| *store != lonely)
            .collect();
        page.cut(&[vec![lonely], rest]).await?;
        page.put("kept too", "2").await?;
        let before = page.frame().await?;
        close_and_open(&page).await?;
        let after = page.frame().await?;
        ensure!(
            after.event.segment == before.event.segment + 1,
            "segment {}",
            after.event
        );
        ensure!(
            after.now.get() + UNSAVED_US >= before.now.get(),
            "the clock fell back from {} to {}",
            before.now,
            after.now
        );
        ensure!(
            after.cut == before.cut && !after.cut.is_empty(),
            "cut: {:?}",
            after.cut
        );
        ensure!(
            after.settings == before.settings,
            "settings: {:?}",
            after.settings
        );
        let store = after.stores.iter().find(|store| store.id == killed);
        let life = &store.context("a store vanished")?.life;
        ensure!(*life == Life::Killed, "{killed} is {life:?}");
        page.leader().await?;
        ensure!(page.get("kept").await?.as_deref() == Some("1"));
        ensure!(page.get("kept too").await?.as_deref() == Some("2"));
        page.act(types::action::Action::Heal).await?;
        page.start(killed).await?;
        page.level().await.map(drop)
    })
    .await
}

#[tokio::test]
async fn a_reset_gives_a_fresh_cluster_with_as_many_stores_as_asked() -> Result<()> {
    beside(|bench| async move {
        let page = bench.page("").await?;
        page.leader().await?;
        page.put("old", "1").await?;
        let before = page.frame().await?;
        page.click(&by("cluster-menu")).await?;
        page.click(&by("new-cluster")).await?;
        page.click(&by("stores-3")).await?;
        // The first click asks whether the disks may be wiped, the second says yes.
        page.click(&by("dialog-apply")).await?;
        page.click(&by("dialog-apply")).await?;
        let fresh = page.frame_with("there are three stores", |frame| {
            (frame.stores.len() == 3).then(|| frame.clone())
        });
        let fresh = fresh.await?;
        ensure!(
            fresh.now < before.now,
            "the clock went on: {} to {}",
            before.now,
            fresh.now
        );
        page.leader().await?;
        ensure!(
            page.get("old").await?.is_none(),
            "an old key survived the reset"
        );
        page.put("new", "2").await?;
        page.level().await?;
        close_and_open(&page).await?;
        ensure!(
            page.frame().await?.stores.len() == 3,
            "the old cluster came back"
        );
        page.leader().await?;
        ensure!(page.get("new").await?.as_deref() == Some("2"));
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_speed_that_is_asked_is_the_speed_that_is_reached() -> Result<()> {
    alone(|bench| async move {
        let page = bench.page("").await?;
        page.leader().await?;
        for asked in [100, 4_000] {
            page.run(Run::Speed(asked)).await?;
            let what = format!("{asked} thousandths of real time are reached");
            page.frame_with(&what, |frame| {
                let reached = frame.pace.reached_permille;
                let near = reached >= asked * 8 / 10 && reached <= asked * 12 / 10;
                (frame.pace.asked_permille == asked && near).then_some(())
            })
            .await?;
        }
        Ok(())
    })
    .await
}
