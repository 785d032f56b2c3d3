//! Workers are workers: a store that hangs holds nobody up, and neither does the page.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use protocol::Hook;
use serde_json::{Value, json};
use tests::harness::{Database, PATIENCE, Page, alone, say, until};
use types::frame::{Life, OperationState};
use types::id::StoreId;
use types::store::Command;
use types::time::US_PER_MS;

/// How long the hook keeps a store busy, in milliseconds.
const LOOP_MS: u32 = 3_000;
/// The page counts as responsive while nothing holds its main thread up for longer.
const RESPONSIVE_MS: f64 = 1_000.0;

/// Starts to measure the longest time in which the page's main thread did nothing for us.
const MEASURE_GAPS: &str = "
    const gaps = window.e2eGaps = { longest: 0, last: performance.now() };
    setInterval(() => {
        const now = performance.now();
        gaps.longest = Math.max(gaps.longest, now - gaps.last);
        gaps.last = now;
    }, 10);";

/// Waits until the lock of a store changes hands; whether the marker row is there then.
/// `a[0]`: the lock; `a[1]`: the client that holds it now; `a[2]`: the database.
const FIRST_READ: &str = r"
    const deadline = performance.now() + 20000;
    for (;;) {
        const held = (await navigator.locks.query()).held;
        const holder = held.find((lock) => lock.name === a[0])?.clientId;
        if (holder !== undefined && holder !== a[1]) break;
        if (performance.now() > deadline) throw new Error('the lock never changed hands');
    }
    const database = await new Promise((resolve, reject) => {
        const request = indexedDB.open(a[2]);
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
    });
    const row = await new Promise((resolve, reject) => {
        const request = database.transaction('meta', 'readonly').objectStore('meta').get('hook');
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
    });
    database.close();
    return row !== undefined;
";

async fn late(page: &Page, store: StoreId) -> Result<()> {
    page.life(store, &Life::Late).await.map(drop)
}

/// Waits until a killed store's worker is gone. In Firefox the end of a nested worker holds up the
/// worker that started it for as long as the page's main thread is blocked.
async fn buried(page: &Page, cluster: &str, store: StoreId) -> Result<()> {
    let lock = format!("rp/{cluster}/{}", store.get());
    let held = "return (await navigator.locks.query()).held.some((lock) => lock.name === a[0])";
    until(format!("nobody holds {lock}"), PATIENCE, || async {
        let held: bool = page.task(held, &[json!(lock)]).await?;
        Ok((!held).then_some(()))
    })
    .await?;
    // The lock goes a moment before the worker does.
    for _ in 0..10 {
        page.hashes().await?;
    }
    Ok(())
}

#[tokio::test]
async fn while_the_leader_hangs_the_others_elect_and_commit_and_the_page_responds() -> Result<()> {
    alone(|bench| async move {
        let page = bench.page("&election_ticks=5").await?;
        let old = page.leader().await?;
        page.put("before", "1").await?;
        let _: Value = page.script(MEASURE_GAPS, &[]).await?;
        let store = old.id;
        page.hook(Hook::BusyLoop {
            store,
            ms: LOOP_MS,
            then_write: false,
        })
        .await?;
        late(&page, store).await?;
        let new = page.leader().await?;
        ensure!(
            new.id != store && new.term > old.term,
            "{} of {}",
            new.id,
            new.term
        );
        let put = Command::Put {
            key: "meanwhile".into(),
            value: "2".into(),
        };
        let put = page.submit(put, Some(new.id)).await?;
        let then = page.frame_with("the put is done", |frame| {
            let found = frame
                .operations
                .iter()
                .find(|operation| operation.id == put)?;
            matches!(found.state, OperationState::Done { .. }).then(|| frame.clone())
        });
        let then = then.await?;
        let hanging = then.stores.iter().find(|candidate| candidate.id == store);
        let life = &hanging.context("a store vanished")?.life;
        ensure!(
            *life == Life::Late,
            "the put came back when {store} was {life:?} again"
        );
        let longest: f64 = page.script("return window.e2eGaps.longest", &[]).await?;
        say(&format!(
            "the page's longest pause meanwhile: {longest:.0} ms"
        ));
        ensure!(
            longest < RESPONSIVE_MS,
            "the page was blocked for {longest:.0} ms"
        );
        page.life(store, &Life::Up).await?;
        page.level().await?;
        ensure!(page.get("meanwhile").await?.as_deref() == Some("2"));
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_killed_loops_last_write_never_follows_the_successors_first_read() -> Result<()> {
    alone(|bench| async move {
        let page = bench.page("").await?;
        let store = page.leader().await?.id;
        let cluster = bench.cluster("c");
        let database = Database::of(&cluster, store);
        let lock = format!("rp/{cluster}/{}", store.get());
        let holder: String = page
            .task(
                "const held = (await navigator.locks.query()).held;
                 return held.find((lock) => lock.name === a[0]).clientId;",
                &[json!(lock)],
            )
            .await?;
        page.hook(Hook::BusyLoop {
            store,
            ms: LOOP_MS,
            then_write: true,
        })
        .await?;
        let begun = Instant::now();
        late(&page, store).await?;
        page.kill(store).await?;
        page.start(store).await?;
        let first: bool = page
            .task(
                FIRST_READ,
                &[json!(lock), json!(holder), json!(database.name())],
            )
            .await?;
        say(&format!(
            "the successor came {:.1} s after the loop began; its predecessor's write {}",
            begun.elapsed().as_secs_f32(),
            if first { "was there" } else { "was not there" }
        ));
        page.life(store, &Life::Up).await?;
        // Here the duration is the point: by now a worker that lived on would have written.
        let over = Duration::from_millis(u64::from(LOOP_MS) + 2_000);
        tokio::time::sleep(over.saturating_sub(begun.elapsed())).await;
        let at_last = database.has_hook_row(&page).await?;
        ensure!(
            first == at_last,
            "a dead store's write came after its successor's first read"
        );
        page.level().await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_cluster_elects_and_commits_while_the_pages_main_thread_is_blocked() -> Result<()> {
    alone(|bench| async move {
        // Short elections, so that even three in a row fit into the time.
        let page = bench.page("&election_ticks=5&heartbeat_ticks=1").await?;
        let old = page.leader().await?;
        page.put("before", "1").await?;
        page.pause().await?;
        page.kill(old.id).await?;
        page.life(old.id, &Life::Killed).await?;
        buried(&page, &bench.cluster("c"), old.id).await?;
        let put = json!({ "Put": { "key": b"meanwhile".to_vec(), "value": b"2".to_vec() } });
        let submit = json!({ "Submit": { "command": put, "via": null } });
        let before: u64 = page
            .task(
                "const { playground } = window;
                 await playground.run('\"Play\"');
                 await playground.act(a[0]);
                 const before = JSON.parse(playground.frame()).now;
                 const end = performance.now() + 2000;
                 while (performance.now() < end);
                 return before;",
                &[json!(submit.to_string())],
            )
            .await?;
        let after = page.hashes().await?.now.get();
        let passed_ms = after.saturating_sub(before) / US_PER_MS;
        say(&format!(
            "{passed_ms} ms of virtual time passed while the page was blocked for 2 s"
        ));
        ensure!(
            passed_ms >= 1_500,
            "only {passed_ms} ms of virtual time passed"
        );
        let frame = page.frame_with("the put is done", |frame| {
            let put = frame.operations.last()?;
            matches!(put.state, OperationState::Done { .. }).then(|| frame.clone())
        });
        let frame = frame.await?;
        let Some(OperationState::Done { at, .. }) = frame.operations.last().map(|put| &put.state)
        else {
            anyhow::bail!("the put is gone");
        };
        let at = at.get();
        ensure!(at > before, "the put was done before the block");
        ensure!(
            at <= after,
            "the put was done {} us after the block",
            at - after
        );
        let new = page.leader().await?;
        ensure!(new.id != old.id && new.term > old.term, "{} leads", new.id);
        Ok(())
    })
    .await
}
