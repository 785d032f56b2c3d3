//! Bad weather: what a browser refuses, and what breaks.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use protocol::Hook;
use serde_json::json;
use tests::harness::{
    Bench, Hosting, ONE_REGION, Options, PATIENCE, Page, REPORTS, SUB_PATH, Selector, Server,
    beside, by, until,
};
use types::frame::Life;
use types::io::Stop;

/// What the page promises to run under, and nothing from anywhere else.
const STRICT: &str = "script-src 'self' 'wasm-unsafe-eval'";
const NOTHING_FROM_OUTSIDE: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; \
    style-src 'self' 'unsafe-inline'; worker-src 'self' blob:; img-src 'self' data: blob:; \
    connect-src 'self' blob:";

/// Uses the cluster for a moment.
async fn works(page: &Page) -> Result<()> {
    page.leader().await?;
    page.put("weather", "bad").await?;
    let value = page.get("weather").await?;
    ensure!(value.as_deref() == Some("bad"), "read {value:?}");
    Ok(())
}

/// Whether the page says that its disks are in memory, and why.
async fn says_memory(page: &Page) -> Result<()> {
    let disks: String = page
        .script("return document.documentElement.dataset.disks ?? ''", &[])
        .await?;
    ensure!(disks == "memory", "the disks are {disks:?}");
    page.find(&by("banner-memory")).await?;
    ensure!(
        page.shows(&by("banner-memory")).await?,
        "the banner cannot be seen"
    );
    let reason = page.text(&by("banner-reason")).await?;
    ensure!(!reason.trim().is_empty(), "the banner gives no reason");
    Ok(())
}

#[tokio::test]
async fn where_indexeddb_is_refused_a_banner_says_so_and_disks_are_in_memory() -> Result<()> {
    beside(|bench| async move {
        let options = Options {
            no_site_data: true,
            ..Options::default()
        };
        let page = Page::new(bench.browser(&options).await?, &bench.address(""));
        page.open().await?;
        says_memory(&page).await?;
        works(&page).await
    })
    .await
}

/// A host page on another origin with the page in a sandboxed frame; the browser is in the frame.
async fn framed(bench: &Bench, inner: &Server) -> Result<(Server, Page)> {
    let url = inner.url(&format!(
        "/?hooks=1&cluster={}{ONE_REGION}",
        bench.cluster("c")
    ));
    let html = format!(
        "<!doctype html><title>Course</title><iframe sandbox=\"allow-scripts\" width=\"1200\" \
         height=\"800\" src=\"{}\"></iframe>",
        url.replace('&', "&amp;")
    );
    let pages = BTreeMap::from([("/course.html".to_owned(), html)]);
    let outer = bench
        .host(Hosting {
            pages,
            ..Hosting::default()
        })
        .await?;
    let page = Page::new(
        bench.browser(&Options::default()).await?,
        &outer.url("/course.html"),
    );
    page.session.driver.goto(page.url.as_str()).await?;
    page.session.driver.enter_frame(0).await?;
    Ok((outer, page))
}

#[tokio::test]
async fn in_a_sandboxed_frame_with_cors_the_page_runs_on_memory_disks() -> Result<()> {
    beside(|bench| async move {
        let inner = bench
            .host(Hosting {
                cors: true,
                ..Hosting::default()
            })
            .await?;
        let (_outer, page) = framed(&bench, &inner).await?;
        page.opened().await?;
        says_memory(&page).await?;
        works(&page).await
    })
    .await
}

/// Waits until the page says, without any script of the app, what is missing.
async fn says_missing(page: &Page, what: &str) -> Result<()> {
    let script = "
        const failed = document.getElementById('failed');
        const seen = failed && getComputedStyle(failed).display !== 'none';
        return [document.documentElement.dataset.failed ?? '', seen ? failed.innerText : ''];";
    until(format!("the page says {what}"), PATIENCE, || async {
        let (failed, text): (String, String) = page.script(script, &[]).await?;
        Ok((failed == what && text.trim().len() > 20).then_some(()))
    })
    .await
}

#[tokio::test]
async fn in_a_sandboxed_frame_without_cors_static_text_says_what_is_missing() -> Result<()> {
    beside(|bench| async move {
        let inner = bench.host(Hosting::default()).await?;
        let (_outer, page) = framed(&bench, &inner).await?;
        says_missing(&page, "no-module").await
    })
    .await
}

#[tokio::test]
async fn without_webassembly_or_workers_a_sentence_says_what_is_needed() -> Result<()> {
    beside(|bench| async move {
        let session = bench.browser(&Options::default()).await?;
        for (name, failure) in [("WebAssembly", "no-wasm"), ("Worker", "no-worker")] {
            let prelude = Some(format!("delete globalThis.{name};"));
            let server = bench
                .host(Hosting {
                    prelude,
                    ..Hosting::default()
                })
                .await?;
            let page = Page::new(session.clone(), &server.url("/"));
            page.session.driver.goto(page.url.as_str()).await?;
            says_missing(&page, failure).await?;
        }
        Ok(())
    })
    .await
}

/// Samples the locks while another tab is displaced; ends when `window.e2eOver` is set.
const WATCH_LOCKS: &str = "
    const samples = window.e2eSamples = [];
    (async () => {
        while (!window.e2eOver) {
            const held = (await navigator.locks.query()).held;
            samples.push(held.filter((lock) => lock.name.startsWith(arguments[0] + '/'))
                .map((lock) => lock.clientId));
        }
    })();
    return null;";

#[tokio::test]
async fn a_second_tab_may_take_over_and_the_first_tabs_stores_are_gone_before() -> Result<()> {
    beside(|bench| async move {
        let first = bench.page("").await?;
        works(&first).await?;
        let locks = format!("rp/{}", bench.cluster("c"));
        let held = "return (await navigator.locks.query()).held
            .filter((lock) => lock.name.startsWith(a[0] + '/')).map((lock) => lock.clientId)";
        let before: Vec<String> = first.task(held, &[json!(locks)]).await?;
        ensure!(
            before.len() == 5,
            "the first tab's stores hold {} locks",
            before.len()
        );

        let driver = &first.session.driver;
        let (tab, other) = (driver.window().await?, driver.new_tab().await?);
        driver.switch_to_window(other.clone()).await?;
        let second = first.clone();
        driver.goto(second.url.as_str()).await?;
        second.phase("elsewhere").await?;
        ensure!(
            second.shows(&by("gate")).await?,
            "nothing says that it is open elsewhere"
        );
        let _: serde_json::Value = second.script(WATCH_LOCKS, &[json!(locks)]).await?;
        second.click(&by("take-over")).await?;
        second.opened().await?;
        works(&second).await?;
        let samples = "window.e2eOver = true; return window.e2eSamples";
        let samples: Vec<Vec<String>> = second.script(samples, &[]).await?;
        let old = |client: &String| before.contains(client);
        let both = samples
            .iter()
            .find(|held| held.iter().any(old) && !held.iter().all(old));
        ensure!(
            both.is_none(),
            "stores of both tabs held locks at once: {both:?}"
        );
        ensure!(
            samples.iter().any(|held| held.iter().all(old)),
            "nothing was watched"
        );

        driver.switch_to_window(tab).await?;
        first.phase("taken-over").await?;
        ensure!(
            first.shows(&by("gate")).await?,
            "nothing says that it was taken over"
        );
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_store_that_panics_is_a_crashed_store_with_its_message() -> Result<()> {
    beside(|bench| async move {
        let page = bench.page("").await?;
        let store = page.leader().await?.id;
        page.put("kept", "1").await?;
        page.hook(Hook::PanicStore { store }).await?;
        let message = page
            .frame_with("the store is shown as stopped", |frame| {
                let found = frame
                    .stores
                    .iter()
                    .find(|candidate| candidate.id == store)?;
                match &found.life {
                    Life::Stopped(Stop::Panic { message }) => Some(message.clone()),
                    _ => None,
                }
            })
            .await?;
        ensure!(!message.trim().is_empty(), "a panic without a message");
        let plate = by("store").with("store", &store.get().to_string());
        page.data_is(&plate, "life", "stopped").await?;
        let notice = page.text(&by("notice")).await?;
        for part in message.lines() {
            ensure!(
                notice.contains(part.trim()),
                "the notice is {notice:?}, not {message:?}"
            );
        }
        page.leader().await?;
        ensure!(page.get("kept").await?.as_deref() == Some("1"));
        page.start(store).await?;
        page.level().await.map(drop)
    })
    .await
}

#[tokio::test]
async fn a_conductor_that_panics_says_so_and_the_disks_survive_its_restart() -> Result<()> {
    beside(|bench| async move {
        let page = bench.page("").await?;
        page.leader().await?;
        page.put("kept", "1").await?;
        let before = page.frame().await?.event.segment;
        page.hook(Hook::PanicConductor).await?;
        page.phase("died").await?;
        let message = page.text(&by("gate-message")).await?;
        ensure!(!message.trim().is_empty(), "a panic without a message");
        page.click(&by("restart")).await?;
        page.opened().await?;
        let after = page.frame_with("the conductor runs again", |frame| {
            (frame.event.segment > before).then_some(frame.event.segment)
        });
        ensure!(after.await? == before + 1);
        page.leader().await?;
        let kept = page.get("kept").await?;
        ensure!(kept.as_deref() == Some("1"), "read {kept:?}");
        Ok(())
    })
    .await
}

/// What a browser reported as breaches of the policy.
async fn breaches(page: &Page, server: &Server) -> Result<()> {
    // A request of our own behind them: what was reported before is in by then.
    let _: u16 = page
        .task("return (await fetch('./boot.js')).status", &[])
        .await?;
    let reports = server
        .requests()
        .into_iter()
        .filter(|request| request.path == REPORTS);
    let reports = reports.count();
    ensure!(
        reports == 0,
        "{reports} breaches of the policy; the console names them"
    );
    Ok(())
}

#[tokio::test]
async fn the_page_runs_under_a_strict_policy_and_asks_nobody_outside() -> Result<()> {
    beside(|bench| async move {
        let session = bench.browser(&Options::default()).await?;
        for policy in [STRICT, NOTHING_FROM_OUTSIDE] {
            let hosting = Hosting {
                policy: Some(policy.to_owned()),
                ..Hosting::default()
            };
            let server = bench.host(hosting).await?;
            let url = server.url(&format!(
                "/?hooks=1&cluster={}{ONE_REGION}",
                bench.cluster("c")
            ));
            let page = Page::new(session.clone(), &url);
            page.open().await?;
            works(&page).await?;
            for id in [
                "tab-raft",
                "tab-log",
                "tab-storage",
                "tab-data",
                "tab-store",
            ] {
                page.click(&by("store").with("store", "1")).await?;
                page.click(&by(id)).await?;
            }
            breaches(&page, &server).await?;
            let names = "return performance.getEntriesByType('resource').map((e) => e.name)";
            let names: Vec<String> = page.script(names, &[]).await?;
            let own = |name: &&String| name.starts_with(&server.url("/")) || is_local(name);
            let foreign: Vec<_> = names.iter().filter(|name| !own(name)).collect();
            ensure!(foreign.is_empty(), "asked for {foreign:?}");
            let missing = server
                .requests()
                .into_iter()
                .find(|request| request.status != 200);
            ensure!(
                missing.is_none(),
                "asked for what is not there: {missing:?}"
            );
        }
        Ok(())
    })
    .await
}

fn is_local(name: &str) -> bool {
    name.starts_with("blob:") || name.starts_with("data:")
}

#[tokio::test]
async fn the_page_runs_from_a_sub_path() -> Result<()> {
    beside(|bench| async move {
        let path = format!(
            "{SUB_PATH}?hooks=1&cluster={}{ONE_REGION}",
            bench.cluster("c")
        );
        let page = Page::new(
            bench.browser(&Options::default()).await?,
            &bench.server.url(&path),
        );
        page.open().await?;
        works(&page).await?;
        let above =
            bench.server.requests().into_iter().find(|request| {
                !request.path.starts_with(SUB_PATH) && request.path != "/favicon.ico"
            });
        ensure!(above.is_none(), "asked above its own path: {above:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_url_that_makes_no_sense_is_answered_by_a_sentence() -> Result<()> {
    beside(|bench| async move {
        let session = bench.browser(&Options::default()).await?;
        let page = Page::new(session, &bench.server.url("/?hooks=1&stores=11"));
        page.session.driver.goto(page.url.as_str()).await?;
        page.phase("bad-url").await?;
        let gate: Selector = by("gate");
        let text = page
            .text(&gate)
            .await
            .context("no card says what is wrong")?;
        ensure!(text.contains("stores"), "the card says {text:?}");
        Ok(())
    })
    .await
}
