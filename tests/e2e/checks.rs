//! The checks of the live page, broken rules, and the lab beside it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use protocol::{Hook, LabError, LabJob, LabMoment};
use serde::Deserialize;
use tests::harness::{Bench, Page, alone, beside, by, say, until};
use thirtyfour::{By, components::SelectElement};
use types::frame::{Frame, StoreFrame};
use types::id::StoreId;
use types::store::Command;
use types::verdict::{HistoryVerdict, Invariant};

/// A broken rule is named within a minute.
const NAMED: Duration = Duration::from_secs(60);

/// An attribute of a verdict's card.
#[derive(Debug, Deserialize)]
struct Field {
    field: String,
    value: String,
}

async fn field(page: &Page, name: &str) -> Result<String> {
    let fields: Vec<Field> = page.data(&by("verdict").kids("field")).await?;
    let found = fields.into_iter().find(|field| field.field == name);
    Ok(found
        .with_context(|| format!("no {name} on the card"))?
        .value)
}

/// Chooses the rules of a store as a person does: by its menu.
async fn choose_rules(page: &Page, store: StoreId, rule: &str) -> Result<()> {
    let plate = page
        .find(&by("store").with("store", &store.get().to_string()))
        .await?;
    let driver = &page.session.driver;
    driver
        .action_chain()
        .move_to_element_center(&plate)
        .context_click()
        .perform()
        .await?;
    let list = page.find(&by("menu-rules")).await?;
    SelectElement::new(&list)
        .await?
        .select_by_value(rule)
        .await?;
    let what = format!("{store} decides by {rule:?}");
    page.frame_with(&what, |frame| {
        let found = frame.stores.iter().find(|one| one.id == store)?;
        (found.rules_in_force.as_deref().unwrap_or_default() == rule).then_some(())
    })
    .await
}

/// Four stores; the leader is cut off together with one follower, and asked to write.
async fn write_on_one_half(page: &Page, leader: &StoreFrame) -> Result<()> {
    page.put("before", "1").await?;
    let others: Vec<StoreId> = (1..=4)
        .map(StoreId::new)
        .filter(|store| *store != leader.id)
        .collect();
    page.cut(&[vec![leader.id, others[0]], others[1..].to_vec()])
        .await?;
    let put = Command::Put {
        key: "half".into(),
        value: "2".into(),
    };
    page.submit(put, Some(leader.id)).await.map(drop)
}

async fn four(bench: &Bench) -> Result<(Page, StoreFrame)> {
    let page = bench.page("&stores=4").await?;
    let leader = page.leader().await?;
    Ok((page, leader))
}

#[tokio::test]
async fn a_rule_that_is_broken_in_the_page_is_named_there_with_invariant_store_and_event()
-> Result<()> {
    beside(|bench| async move {
        let (page, leader) = four(&bench).await?;
        choose_rules(&page, leader.id, "half_commits").await?;
        let plate = by("store").with("store", &leader.id.get().to_string());
        page.find(&plate.inside("rule-mark").with("rule", "half_commits"))
            .await?;
        write_on_one_half(&page, &leader).await?;
        let begun = std::time::Instant::now();
        let card = by("verdict").with("kind", "invariant");
        page.find_within(&card, NAMED).await?;
        say(&format!(
            "named after {:.1} s",
            begun.elapsed().as_secs_f32()
        ));
        ensure!(field(&page, "invariant").await? == "R6");
        ensure!(field(&page, "store").await? == leader.id.to_string());
        let frame = page.pause().await?;
        let broken = frame.checks.broken.context("the frame does not say so")?;
        ensure!(broken.invariant == Invariant::CommittedOnQuorum);
        ensure!(broken.store == leader.id);
        ensure!(field(&page, "event").await? == broken.moment.event.to_string());
        ensure!(
            broken.moment.event <= frame.event && broken.moment.at == frame.now,
            "time went on from {:?} to {} at {}",
            broken.moment,
            frame.event,
            frame.now
        );
        page.data_is(&by("check-invariants"), "state", "broken")
            .await?;
        page.click(&by("verdict-go-on")).await?;
        page.frame_with("time passes again", |later| {
            (later.event > frame.event && later.checks.broken == Some(broken)).then_some(())
        })
        .await?;
        ensure!(page.shows(&card).await?, "the verdict is gone");
        page.click(&by("verdict-close")).await?;
        page.find(&by("inspector")).await?;
        page.click(&by("check-invariants")).await?;
        page.find(&card).await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_same_faults_with_the_correct_rules_show_no_verdict() -> Result<()> {
    beside(|bench| async move {
        let (page, leader) = four(&bench).await?;
        choose_rules(&page, leader.id, "half_commits").await?;
        choose_rules(&page, leader.id, "").await?;
        write_on_one_half(&page, &leader).await?;
        let after = page.frame().await?.now.plus(5_000_000);
        let later = page
            .frame_with("five seconds pass", |frame| {
                (frame.now >= after).then(|| frame.clone())
            })
            .await?;
        ensure!(later.checks.broken.is_none(), "{:?}", later.checks.broken);
        ensure!(
            later.checks.judged > 100,
            "only {} seen",
            later.checks.judged
        );
        page.data_is(&by("check-invariants"), "state", "hold")
            .await?;
        ensure!(!page.shows(&by("verdict")).await?);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn reloads_and_kills_of_correct_stores_show_no_verdict() -> Result<()> {
    beside(|bench| async move {
        let page = bench.page("").await?;
        for round in 0..3 {
            let leader = page.leader().await?;
            page.put("key", &round.to_string()).await?;
            page.kill(leader.id).await?;
            page.leader().await?;
            page.start(leader.id).await?;
            page.level().await?;
            ensure!(page.get("key").await? == Some(round.to_string()));
            let checks = page.frame().await?.checks;
            ensure!(checks.broken.is_none(), "{:?}", checks.broken);
            ensure!(checks.judged > 50, "only {} seen", checks.judged);
            page.open().await?;
        }
        Ok(())
    })
    .await
}

async fn judged(page: &Page, operations: u64) -> Result<Frame> {
    page.frame_with("the history is judged", |frame| {
        let history = &frame.checks.history;
        (history.judged >= operations && history.behind == 0).then(|| frame.clone())
    })
    .await
}

#[tokio::test]
async fn what_the_pages_client_sees_is_judged_by_the_lab_also_by_a_new_one() -> Result<()> {
    beside(|bench| async move {
        let page = bench.page("").await?;
        page.leader().await?;
        page.put("key", "1").await?;
        ensure!(page.get("key").await?.as_deref() == Some("1"));
        let frame = judged(&page, 2).await?;
        ensure!(frame.checks.history.verdict == HistoryVerdict::Linearizable);
        page.data_is(&by("check-history"), "state", "yes").await?;
        page.end_lab().await?;
        page.put("key", "2").await?;
        ensure!(page.get("key").await?.as_deref() == Some("2"));
        let frame = judged(&page, 4).await?;
        ensure!(frame.checks.history.verdict == HistoryVerdict::Linearizable);
        // A key that was there before the reload holds what nobody told.
        page.open().await?;
        page.leader().await?;
        ensure!(page.get("key").await?.as_deref() == Some("2"));
        let frame = judged(&page, 1).await?;
        ensure!(frame.checks.history.verdict == HistoryVerdict::Linearizable);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_lab_comes_to_the_hashes_of_the_live_cluster_and_goes_on_from_there() -> Result<()> {
    beside(|bench| async move {
        let page = bench.page("").await?;
        let leader = page.leader().await?;
        page.put("key", "1").await?;
        choose_rules(&page, leader.id, "half_commits").await?;
        page.kill(leader.id).await?;
        page.leader().await?;
        choose_rules(&page, leader.id, "").await.ok();
        page.start(leader.id).await?;
        page.level().await?;
        page.pause().await?;
        let early = page.hashes().await?;
        page.play().await?;
        page.put("key", "2").await?;
        page.pause().await?;
        let late = page.hashes().await?;
        page.play().await?;
        for hashes in [&late, &early] {
            let moment = LabMoment {
                event: hashes.event,
                now: Some(hashes.now),
            };
            let replayed = page.lab(LabJob::Replay(moment)).await??;
            ensure!(replayed.hashes == *hashes, "{replayed:?}, live {hashes:?}");
            let sought = page.lab(LabJob::Seek(moment)).await??;
            ensure!(sought.hashes == *hashes);
            let frame = sought.frame.context("no frame of the moment")?;
            ensure!(frame.event == hashes.event && frame.run_hash == hashes.run);
        }
        let from = LabMoment {
            event: early.event,
            now: Some(early.now),
        };
        let fork = page.lab(LabJob::Fork { from, ms: 2_000 }).await??;
        ensure!(fork.hashes.event > early.event);
        ensure!(fork.hashes.now == early.now.plus(2_000_000));
        ensure!(fork.hashes.stores.len() == 5);
        let nowhere = LabMoment {
            event: types::event::EventId { segment: 9, seq: 9 },
            now: None,
        };
        let refused = page.lab(LabJob::Replay(nowhere)).await?;
        let event = nowhere.event;
        ensure!(
            refused == Err(LabError::NoSuchEvent { event }),
            "{refused:?}"
        );
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_lab_that_is_killed_in_the_midst_of_a_job_leaves_the_live_cluster_alone() -> Result<()> {
    alone(|bench| async move {
        let page = bench.page("").await?;
        page.leader().await?;
        page.put("key", "1").await?;
        for panics in [false, true] {
            let ms = if panics { 1_000 } else { 20_000 };
            page.hook(Hook::BusyLab { ms }).await?;
            if panics {
                page.hook(Hook::PanicLab).await?;
            }
            let event = page.frame().await?.event;
            let moment = LabMoment { event, now: None };
            let begun = page.begin_lab(LabJob::Replay(moment)).await?;
            if !panics {
                page.frame_with("the cluster goes on beside a busy lab", |frame| {
                    (frame.event.seq > event.seq + 20).then_some(())
                })
                .await?;
                page.end_lab().await?;
            }
            let ended = page.lab_result(&begun).await?;
            ensure!(matches!(ended, Err(LabError::Ended { .. })), "{ended:?}");
            page.put("key", "2").await?;
            page.pause().await?;
            let hashes = page.hashes().await?;
            let moment = LabMoment {
                event: hashes.event,
                now: Some(hashes.now),
            };
            let replayed = page.lab(LabJob::Replay(moment)).await??;
            ensure!(replayed.hashes == hashes, "{replayed:?}, live {hashes:?}");
            let checks = page.frame().await?.checks;
            ensure!(checks.broken.is_none());
            page.play().await?;
        }
        let what = "nothing of a lab's end is told to a person";
        until(what, Duration::from_secs(5), || async {
            let notices = page.session.driver.find_all(By::Css(".toast")).await?;
            Ok(notices.is_empty().then_some(()))
        })
        .await
    })
    .await
}
