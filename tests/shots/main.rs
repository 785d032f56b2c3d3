//! Screenshots of the built page: `cargo xtask shots`. Chromium only, for it alone can be given
//! the width of a telephone.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use protocol::Run;
use serde_json::json;
use tests::harness::{Kind, ONE_REGION, Options, PATIENCE, Page, alone, by, say, target, until};
use types::action::Action;
use types::frame::{Frame, Life, StoreFrame};
use types::id::StoreId;
use types::raft::{MessageKind, Role};
use types::scheduler::OperatorRequest;
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

/// Waits for a moment at which a question before an election is on its way, and pauses there.
async fn pause_at_a_pre_vote(page: &Page) -> Result<()> {
    until("a pre-vote is on its way", PATIENCE, || async {
        let travels = |frame: &Frame| {
            let mut kinds = frame.messages.iter().map(|message| message.kind);
            kinds.any(|kind| kind == MessageKind::PreVote)
        };
        page.frame_with("a pre-vote left", |frame| travels(frame).then_some(()))
            .await?;
        if travels(&page.pause().await?) {
            return Ok(Some(()));
        }
        page.play().await?;
        Ok(None)
    })
    .await
}

/// The form of a new cluster, and two stores that ask in vain behind a wall.
async fn etcd_scenes(scene: &Scene) -> Result<()> {
    let page = &scene.page;
    page.open().await?;
    let leader = page.leader().await?.id;
    page.put("apple", "red").await?;
    page.level().await?;
    page.click(&by("cluster-menu")).await?;
    page.click(&by("new-cluster")).await?;
    page.find(&by("field-preset")).await?;
    scene.shoot("new-cluster").await?;
    page.click(&by("dialog-close")).await?;
    let all: Vec<_> = (1..=5).map(StoreId::new).collect();
    let near_or_far = all.into_iter().filter(|store| *store != leader);
    let (far, mut near): (Vec<_>, Vec<_>) = near_or_far.enumerate().partition(|(at, _)| *at < 2);
    near.push((5, leader));
    let plain = |group: Vec<(usize, StoreId)>| group.into_iter().map(|(_, id)| id).collect();
    let (near, far): (Vec<StoreId>, Vec<StoreId>) = (plain(near), plain(far));
    page.cut(&[near, far.clone()]).await?;
    let asks = |store: &StoreFrame| far.contains(&store.id) && store.role == Role::PreCandidate;
    page.frame_with("both ask", |frame| {
        (frame.stores.iter().filter(|store| asks(store)).count() == 2).then_some(())
    })
    .await?;
    if scene.size.0 >= 720 {
        let store = by("store").with("store", &far[0].get().to_string());
        page.click(&store).await?;
        page.click(&by("tab-raft")).await?;
    }
    page.run(Run::Speed(100)).await?;
    pause_at_a_pre_vote(page).await?;
    scene.shoot("pre-candidates").await
}

#[tokio::test]
async fn the_etcd_preset_is_photographed_in_every_size_theme_and_language() -> Result<()> {
    alone(|bench| async move {
        ensure!(
            bench.kind == Kind::Chromium,
            "photographs are taken in Chromium"
        );
        let session = bench.browser(&Options::default()).await?;
        for size in SIZES {
            for theme in THEMES {
                for lang in ["en", "zh"] {
                    let suffix = format!("{}-{theme}-{lang}", size.0);
                    let weather = "preset=etcd&latency_ms_min=60&latency_ms_max=90";
                    let weather = format!("{weather}{ONE_REGION}");
                    let query = format!(
                        "/?hooks=1&cluster=shots-etcd-{suffix}&theme={theme}&lang={lang}&{weather}"
                    );
                    let page = Page::new(session.clone(), &bench.server.url(&query));
                    let scene = Scene { page, suffix, size };
                    scene.resize().await?;
                    etcd_scenes(&scene).await?;
                }
            }
        }
        Ok(())
    })
    .await
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
                    let query = format!(
                        "/?hooks=1&cluster={cluster}{ONE_REGION}&theme={theme}&lang={lang}"
                    );
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

/// Several regions: on the ruler, in both menus, in the form of a split and in the inspector.
async fn region_scenes(scene: &Scene) -> Result<()> {
    let page = &scene.page;
    page.open().await?;
    let leads = |frame: &Frame| {
        let mut stores = frame.stores.iter();
        stores.any(|store| store.role == Role::Leader).then_some(())
    };
    page.frame_with("somebody leads", leads).await?;
    for key in ["apple", "grape", "melon", "quince"] {
        page.put(key, "fruit").await?;
    }
    let first = page.frame().await?.region.id;
    for (count, key) in [(2, "h"), (3, "p"), (4, "u")] {
        let frame = page.frame().await?;
        let last = frame.regions.last().context("no region")?;
        let request = OperatorRequest::Split {
            region: last.region.id,
            key: Some(key.into()),
        };
        page.act(Action::Operator { request }).await?;
        let grown = |frame: &Frame| {
            let led = frame.regions.iter().all(|one| one.leader.is_some());
            (frame.regions.len() == count && led).then_some(())
        };
        page.frame_with("the region is split", grown).await?;
    }
    let to = StoreId::new(2);
    let region = page.frame().await?.regions[2].region.id;
    let request = OperatorRequest::TransferLeader { region, to };
    page.act(Action::Operator { request }).await?;
    let request = OperatorRequest::AddPeer {
        region: first,
        store: StoreId::new(4),
    };
    page.act(Action::Operator { request }).await?;
    page.frame_with("a fourth peer is there", |frame| {
        (frame.regions[0].region.peers.len() == 4).then_some(())
    })
    .await?;
    busy(page).await?;
    scene.shoot("regions").await?;
    page.click(&by("region-menu")).await?;
    scene.shoot("regions-menu").await?;
    page.click(&by("menu-split")).await?;
    page.fill(&by("split-key"), "z").await?;
    scene.shoot("regions-split").await?;
    page.click(&by("dialog-close")).await?;
    let store = page.find(&by("store").with("store", "5")).await?;
    let driver = &page.session.driver;
    driver
        .action_chain()
        .move_to_element_center(&store)
        .context_click()
        .perform()
        .await?;
    page.find(&by("menu-add-peer")).await?;
    scene.shoot("regions-store-menu").await?;
    page.click(&by("menu-inspect")).await?;
    scene.shoot("regions-storage").await
}

#[tokio::test]
async fn many_regions_are_photographed_in_every_size_and_theme() -> Result<()> {
    alone(|bench| async move {
        ensure!(
            bench.kind == Kind::Chromium,
            "photographs are taken in Chromium"
        );
        let session = bench.browser(&Options::default()).await?;
        for size in SIZES {
            for (theme, lang) in [("light", "en"), ("dark", "zh")] {
                let suffix = format!("{}-{theme}", size.0);
                let cluster = format!("shots-regions-{suffix}");
                let query = format!("/?hooks=1&cluster={cluster}&theme={theme}&lang={lang}");
                let page = Page::new(session.clone(), &bench.server.url(&query));
                let scene = Scene { page, suffix, size };
                scene.resize().await?;
                region_scenes(&scene).await?;
            }
        }
        Ok(())
    })
    .await
}
