//! The recording is true, and a seed means the same everywhere.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use cluster::Server;
use cluster::replay::{SegmentEnd, StoreEnd, replay};
use cluster::sim::{Simulation, SimulationConfig};
use cluster::{Chance, Recording};
use protocol::{Hashes, Run};
use raftstore::audit;
use tests::harness::{ONE_REGION, Options, PATIENCE, Page, alone, beside, by, say, target, until};
use types::action::Action;
use types::frame::{Life, StoreFrame};
use types::id::StoreId;
use types::raft::Role;
use types::settings::Settings;
use types::time::VirtualTime;

/// The seeds that run in workers, for how long, and how fast.
const SEEDS: std::ops::Range<u64> = 40..45;
const SEED_RUNS: VirtualTime = VirtualTime::new(8_000_000);
const SEED_SPEED: u32 = 4_000;
/// How often a seed is run again because a store was late.
const TRIES: u32 = 6;

/// What the page shows, in the words of a replay.
fn as_end(hashes: &Hashes) -> SegmentEnd {
    let stores = hashes.stores.iter().map(|hash| StoreEnd {
        store: hash.store,
        incarnation: hash.incarnation,
        state: hash.state,
    });
    SegmentEnd {
        event: hashes.event,
        now: hashes.now,
        run: hashes.run,
        conductor: hashes.conductor,
        stores: stores.collect(),
    }
}

/// Waits for a file that the browser has written completely.
async fn downloaded(folder: &Path) -> Result<PathBuf> {
    until("the download is complete", PATIENCE, || async {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            files.push(entry?.path());
        }
        let partial = |file: &PathBuf| {
            let ending = file.extension().and_then(|ending| ending.to_str());
            matches!(ending, Some("crdownload" | "part" | "tmp"))
        };
        let whole = files.len() == 1 && !partial(&files[0]) && files[0].metadata()?.len() > 0;
        Ok(whole.then(|| files.swap_remove(0)))
    })
    .await
}

/// Clicks an entry of the cluster's menu and takes what it downloads.
async fn download(page: &Page, entry: &str, folder: &Path, keep: &Path) -> Result<Vec<u8>> {
    page.click(&by("cluster-menu")).await?;
    page.click(&by(entry)).await?;
    let file = downloaded(folder).await?;
    let bytes = std::fs::read(&file)?;
    std::fs::write(keep, &bytes)?;
    std::fs::remove_file(file)?;
    Ok(bytes)
}

/// Has `cargo xtask` judge a file, where it runs this suite.
fn judged_by_xtask(judge: &str, file: &Path) -> Result<()> {
    let Some(xtask) = std::env::var_os("XTASK") else {
        return Ok(());
    };
    let output = std::process::Command::new(xtask)
        .arg(judge)
        .arg(file)
        .output()?;
    let words = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "xtask {judge} {}: {words}",
        file.display()
    );
    Ok(())
}

/// Kills, cuts, writes and reloads.
async fn story(page: &Page) -> Result<()> {
    let first = page.leader().await?.id;
    page.put("one", "1").await?;
    page.kill(first).await?;
    page.life(first, &Life::Killed).await?;
    page.leader().await?;
    page.put("two", "2").await?;
    page.start(first).await?;
    page.life(first, &Life::Up).await?;
    let leader = page.leader().await?.id;
    let stores: Vec<StoreId> = page.frame().await?.stores.iter().map(|s| s.id).collect();
    let others = stores
        .iter()
        .copied()
        .filter(|store| *store != leader)
        .collect();
    page.cut(&[vec![leader], others]).await?;
    let new = page
        .frame_with("the others elect", |frame| {
            let leads = |store: &&StoreFrame| store.role == Role::Leader && store.id != leader;
            frame.stores.iter().find(leads).map(|store| store.id)
        })
        .await?;
    page.put_via("three", "3", new).await?;
    page.session.driver.refresh().await?;
    page.opened().await?;
    page.leader().await?;
    page.put("four", "4").await?;
    page.act(Action::Heal).await?;
    page.level().await?;
    page.put("five", "5").await?;
    page.run(Run::Speed(500)).await?;
    page.put("six", "6").await
}

#[tokio::test]
async fn the_recording_of_a_whole_story_replays_natively_to_the_hashes_on_the_page() -> Result<()> {
    alone(|bench| async move {
        let folder = tempfile::tempdir()?;
        let downloads = Some(folder.path().to_owned());
        let options = Options {
            downloads,
            ..Options::default()
        };
        let page = Page::new(bench.browser(&options).await?, &bench.address(""));
        page.open().await?;
        story(&page).await?;
        page.pause().await?;
        page.run(Run::Step).await?;
        page.run(Run::Step).await?;
        let shown = page.hashes().await?;

        let kept = target("e2e")?.join(format!("{}.recording", bench.file_stem()));
        let bytes = download(&page, "download-recording", folder.path(), &kept).await?;
        ensure!(
            page.hashes().await? == shown,
            "the download moved something"
        );
        let recording = Recording::decode(&bytes)?;
        ensure!(
            recording.segments.len() == 2,
            "{} segments",
            recording.segments.len()
        );
        let replayed = replay(&recording).with_context(|| kept.display().to_string())?;
        let end = replayed.segments.last().context("no segment")?;
        ensure!(
            *end == as_end(&shown),
            "replayed {end:#?}, shown {shown:#?}"
        );
        ensure!(end.stores.len() == 5, "not all stores are up: {end:?}");
        judged_by_xtask("replay", &kept)?;

        let kept = target("e2e")?.join(format!("{}.disks", bench.file_stem()));
        let bytes = download(&page, "download-disks", folder.path(), &kept).await?;
        let disks = types::export::decode(&bytes)?;
        let report = audit::check(&disks);
        ensure!(report.stores.len() == 5, "{} disks", report.stores.len());
        ensure!(
            report.is_clean(),
            "{}: {:#?}",
            kept.display(),
            report.findings
        );
        judged_by_xtask("check-disk", &kept)
    })
    .await
}

/// Runs a seed in workers until its time is over, then pauses; unless a store was late.
async fn run_live(page: &Page) -> Result<Option<Hashes>> {
    page.open().await?;
    page.run(Run::Speed(SEED_SPEED)).await?;
    page.frame_with("the seed's time is over", |frame| {
        (frame.now >= SEED_RUNS).then_some(())
    })
    .await?;
    page.pause().await?;
    let hashes = page.hashes().await?;
    let recording = Recording::decode(&page.recording().await?)?;
    let [segment] = recording.segments.as_slice() else {
        bail!("more than one segment")
    };
    let late = segment
        .strikes
        .iter()
        .find(|strike| !matches!(strike.chance, Chance::Loaded { .. }));
    if let Some(late) = late {
        say(&format!("chance struck: {late:?}"));
        return Ok(None);
    }
    Ok(Some(hashes))
}

#[tokio::test]
async fn a_seed_gives_the_same_run_in_live_workers_as_natively() -> Result<()> {
    alone(|bench| async move {
        let weather = [
            ("loss_permille", 60),
            ("duplicate_permille", 60),
            ("reorder_permille", 90),
        ];
        let session = bench.browser(&Options::default()).await?;
        for seed in SEEDS {
            let mut settings = Settings {
                seed,
                ..Settings::default()
            };
            let mut query = format!("&seed={seed}");
            for (name, value) in weather {
                settings.set(name, &value.to_string())?;
                query.push_str(&format!("&{name}={value}"));
            }
            let mut live = None;
            for attempt in 0..TRIES {
                let cluster = bench.cluster(&format!("x{seed}-{attempt}"));
                let url = bench
                    .server
                    .url(&format!("/?hooks=1&cluster={cluster}{ONE_REGION}{query}"));
                live = run_live(&Page::new(session.clone(), &url)).await?;
                if live.is_some() {
                    break;
                }
            }
            let live = live.with_context(|| format!("seed {seed}: late in {TRIES} runs"))?;
            let mut config = SimulationConfig::quiet(seed);
            config.cluster.settings = settings;
            let mut native = Simulation::<Server>::new(config);
            native.run_until(live.now);
            let (native, live) = (native.end(), as_end(&live));
            ensure!(
                native == live,
                "seed {seed}: natively {native:#?}, in workers {live:#?}"
            );
            say(&format!(
                "seed {seed}: event {}, run hash {:016x}",
                live.event, live.run
            ));
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_recording_is_served_while_the_cluster_runs_on() -> Result<()> {
    beside(|bench| async move {
        let page = bench.page("").await?;
        page.leader().await?;
        page.put("one", "1").await?;
        let recording = Recording::decode(&page.recording().await?)?;
        let replayed = replay(&recording)?;
        ensure!(
            replayed.segments.len() == 1,
            "{} segments",
            replayed.segments.len()
        );
        page.put("two", "2").await
    })
    .await
}
