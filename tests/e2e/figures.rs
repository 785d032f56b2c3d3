//! Figures: how long a person waits.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tests::harness::{Bench, ONE_REGION, Options, Page, alone, say, target};
use types::frame::Life;

/// How often each time is measured; the median counts.
const TIMES: usize = 10;

/// Waits in the page until a leader is shown; milliseconds since navigation.
const UNTIL_LEADER: &str = "
    const leads = (store) => store.role === 'Leader' && store.life === 'Up';
    const deadline = performance.now() + 30000;
    for (;;) {
        const frame = window.playground && JSON.parse(window.playground.frame());
        if (frame && frame.stores.some(leads)) return performance.now();
        if (performance.now() > deadline) throw new Error('no leader');
        await new Promise((resolve) => setTimeout(resolve, 4));
    }";

/// Starts the killed store `a[0]` and waits until it is up; milliseconds.
const RESTART: &str = "
    const started = performance.now();
    await window.playground.act(JSON.stringify({ Start: { store: a[0] } }));
    for (;;) {
        const frame = JSON.parse(window.playground.frame());
        if (frame.stores.find((store) => store.id === a[0]).life === 'Up') break;
        if (performance.now() > started + 30000) throw new Error('not up');
        await new Promise((resolve) => setTimeout(resolve, 4));
    }
    return performance.now() - started;";

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    let middle = times.len() / 2;
    if times.len() % 2 == 1 {
        times[middle]
    } else {
        (times[middle - 1] + times[middle]) / 2.0
    }
}

fn write(bench: &Bench, figures: &[(&str, f64)]) -> Result<()> {
    let folder = match std::env::var_os("E2E_BENCH") {
        Some(folder) => PathBuf::from(folder),
        None => target("bench")?,
    };
    let file = folder.join(format!("{}.json", bench.kind.name()));
    let list: Vec<Value> = figures
        .iter()
        .map(|(name, ms)| {
            let value = ms.round();
            json!({ "name": name, "value": value, "unit": "ms", "reference": null, "ratio": null })
        })
        .collect();
    for (name, ms) in figures {
        say(&format!("{}: {name}: {ms:.0} ms", bench.kind.name()));
    }
    let text = serde_json::to_string_pretty(&list)?;
    std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))
}

#[tokio::test]
async fn the_way_to_a_leader_and_the_restart_of_a_store_are_measured() -> Result<()> {
    alone(|bench| async move {
        let session = bench.browser(&Options::default()).await?;
        let mut leader = Vec::new();
        for time in 0..TIMES {
            let cluster = bench.cluster(&format!("n{time}"));
            let url = bench.server.url(&format!(
                "/?hooks=1&seed={time}&cluster={cluster}{ONE_REGION}"
            ));
            session.driver.goto(url.as_str()).await?;
            let page = Page::new(session.clone(), &url);
            leader.push(page.task(UNTIL_LEADER, &[]).await?);
        }
        let page = Page::new(session.clone(), &bench.address(""));
        page.open().await?;
        let first = page.leader().await?.id;
        let followers = page.frame().await?.stores.into_iter().map(|store| store.id);
        let victims: Vec<_> = followers.filter(|store| *store != first).collect();
        page.put("some", "data").await?;
        let mut restart = Vec::new();
        for time in 0..TIMES {
            let victim = victims[time % victims.len()];
            page.kill(victim).await?;
            page.life(victim, &Life::Killed).await?;
            restart.push(page.task(RESTART, &[json!(victim.get())]).await?);
        }
        let figures = [
            ("navigation to first leader (median of 10)", median(leader)),
            ("restart of a killed store (median of 10)", median(restart)),
        ];
        write(&bench, &figures)
    })
    .await
}
