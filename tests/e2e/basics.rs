//! The first two seconds.

use anyhow::{Result, ensure};
use serde::Deserialize;
use tests::harness::{ONE_REGION, PATIENCE, Page, alone, by, say, until};

/// An operation in the client's list.
#[derive(Debug, Deserialize)]
struct Shown {
    kind: String,
    state: String,
}

/// Waits until the newest operation in the list is of this kind and is done.
async fn newest_is_done(page: &Page, kind: &str) -> Result<()> {
    until(
        format!("the list shows a {kind} that is done"),
        PATIENCE,
        || async {
            let shown: Vec<Shown> = page.data(&by("operation")).await?;
            let newest = shown.first();
            Ok(newest
                .filter(|newest| newest.kind == kind && newest.state == "done")
                .map(drop))
        },
    )
    .await
}

#[tokio::test]
async fn stores_elect_a_leader_and_a_key_that_was_put_is_read_back() -> Result<()> {
    alone(|bench| async move {
        let page = bench.page("").await?;
        let leader = page.leader().await?;
        let since: f64 = page.script("return performance.now()", &[]).await?;
        say(&format!(
            "{} leads {:.2} s after navigation",
            leader.id,
            since / 1000.0
        ));
        page.fill(&by("client-key"), "greeting").await?;
        page.fill(&by("client-value"), "hello").await?;
        page.click(&by("client-put")).await?;
        newest_is_done(&page, "put").await?;
        page.click(&by("client-get")).await?;
        newest_is_done(&page, "get").await?;
        let result = by("operation")
            .with("kind", "get")
            .inside("operation-result");
        page.data_is(&result, "found", "true").await?;
        let text = page.text(&result).await?;
        ensure!(text.contains("hello"), "the get shows {text:?}");
        ensure!(page.get("greeting").await?.as_deref() == Some("hello"));
        Ok(())
    })
    .await
}

#[tokio::test]
async fn three_and_nine_stores_work_as_well_as_five() -> Result<()> {
    alone(|bench| async move {
        let session = bench.browser(&tests::harness::Options::default()).await?;
        for stores in [3, 9] {
            let cluster = bench.cluster(&format!("s{stores}"));
            let query = format!("/?hooks=1&cluster={cluster}{ONE_REGION}&stores={stores}");
            let page = Page::new(session.clone(), &bench.server.url(&query));
            page.open().await?;
            page.leader().await?;
            page.put("count", &stores.to_string()).await?;
            let frame = page.level().await?;
            ensure!(
                frame.stores.len() == stores,
                "there are {} stores",
                frame.stores.len()
            );
            let drawn: Vec<serde_json::Value> = page.data(&by("store")).await?;
            ensure!(drawn.len() == stores, "{} stores are drawn", drawn.len());
            ensure!(page.get("count").await? == Some(stores.to_string()));
        }
        Ok(())
    })
    .await
}
