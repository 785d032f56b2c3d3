//! Screenshots of the built page: `cargo xtask shots`. Chromium only, for it alone can be given
//! the width of a telephone.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tests::harness::{Kind, Options, Page, alone, by, say, target};
use types::action::Action;
use types::frame::{Life, StoreFrame};
use types::raft::Role;
use types::store::Command;

/// Widths and heights: a desktop and a telephone.
const SIZES: [(u32, u32); 2] = [(1440, 900), (390, 844)];
const THEMES: [&str; 2] = ["light", "dark"];

fn folder() -> Result<PathBuf> {
    match std::env::var_os("E2E_SHOTS") {
        Some(folder) => Ok(PathBuf::from(folder)),
        None => target("shots"),
    }
}

/// One page at one size in one theme.
struct Scene {
    page: Page,
    suffix: String,
    size: (u32, u32),
}

impl Scene {
    async fn resize(&self) -> Result<()> {
        let (width, height) = self.size;
        let metrics = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 720,
        });
        let driver = &self.page.session.driver;
        driver
            .cdp()
            .send_raw("Emulation.setDeviceMetricsOverride", metrics)
            .await?;
        Ok(())
    }

    async fn shoot(&self, name: &str) -> Result<()> {
        // Fonts and layout have settled once two frames were drawn.
        let drawn = "await document.fonts.ready;
            await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));";
        let _: serde_json::Value = self.page.task(drawn, &[]).await?;
        let file = folder()?.join(format!("{name}-{}.png", self.suffix));
        std::fs::write(&file, self.page.session.screenshot().await?)?;
        say(&format!("{}", file.display()));
        Ok(())
    }
}

/// A cluster with some history, its leader selected.
async fn with_history(page: &Page) -> Result<()> {
    page.open().await?;
    let leader = page.leader().await?;
    let pairs = [
        ("apple", "red"),
        ("pear", "green"),
        ("plum", "blue"),
        ("quince", "yellow"),
    ];
    for (key, value) in pairs {
        page.put(key, value).await?;
    }
    page.get("pear").await?;
    page.level().await?;
    let select = by("store").with("store", &leader.id.get().to_string());
    if page.script::<bool>("return innerWidth >= 720", &[]).await? {
        page.click(&select).await?;
    }
    Ok(())
}

/// Gives the client some work, so that messages travel.
async fn busy(page: &Page) -> Result<()> {
    for number in 0..3 {
        let put = Command::Put {
            key: format!("k{number}").into(),
            value: "v".into(),
        };
        page.submit(put, None).await?;
    }
    page.frame_with("messages travel", |frame| {
        (frame.messages.len() > 2).then_some(())
    })
    .await
}

async fn all_scenes(scene: &Scene) -> Result<()> {
    let page = &scene.page;
    with_history(page).await?;
    busy(page).await?;
    scene.shoot("main").await?;
    busy(page).await?;
    page.pause().await?;
    scene.shoot("paused").await?;
    page.play().await?;
    let old = page.leader().await?;
    page.kill(old.id).await?;
    page.life(old.id, &Life::Killed).await?;
    page.leader().await?;
    page.put("after", "a crash").await?;
    scene.shoot("crashed").await?;
    page.start(old.id).await?;
    page.level().await?;
    let leader = page.leader().await?.id;
    let stores: Vec<_> = page
        .frame()
        .await?
        .stores
        .iter()
        .map(|store| store.id)
        .collect();
    let friend = *stores
        .iter()
        .find(|store| **store != leader)
        .context("a leader alone")?;
    let far = stores
        .iter()
        .copied()
        .filter(|store| ![leader, friend].contains(store))
        .collect();
    page.cut(&[vec![leader, friend], far]).await?;
    let lost = Command::Put {
        key: "lost".into(),
        value: "?".into(),
    };
    page.submit(lost, Some(leader)).await?;
    let new = page.frame_with("the majority elects a leader of its own", |frame| {
        let leads = |store: &&StoreFrame| {
            store.role == Role::Leader && ![leader, friend].contains(&store.id)
        };
        frame.stores.iter().find(leads).map(|store| store.id)
    });
    page.put_via("beyond", "the wall", new.await?).await?;
    busy(page).await?;
    scene.shoot("partition").await?;
    page.act(Action::Heal).await.map(drop)
}

#[tokio::test]
async fn the_page_is_photographed_in_every_scene_size_and_theme() -> Result<()> {
    alone(|bench| async move {
        ensure!(
            bench.kind == Kind::Chromium,
            "photographs are taken in Chromium"
        );
        let session = bench.browser(&Options::default()).await?;
        for size in SIZES {
            for theme in THEMES {
                for lang in ["en", "zh"] {
                    let name = format!("{}-{theme}", size.0);
                    let cluster = format!("shots-{name}-{lang}");
                    let query = format!("/?hooks=1&cluster={cluster}&theme={theme}&lang={lang}");
                    let page = Page::new(session.clone(), &bench.server.url(&query));
                    let end = if lang == "en" { "" } else { "-zh" };
                    let scene = Scene {
                        page,
                        suffix: format!("{name}{end}"),
                        size,
                    };
                    scene.resize().await?;
                    if lang == "en" {
                        all_scenes(&scene).await?;
                    } else {
                        with_history(&scene.page).await?;
                        busy(&scene.page).await?;
                        scene.shoot("main").await?;
                    }
                }
            }
        }
        Ok(())
    })
    .await
}
