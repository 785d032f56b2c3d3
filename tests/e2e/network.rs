//! A cut is a cut.

use anyhow::{Result, bail, ensure};
use tests::harness::{Page, beside, by};
use types::action::OperationId;
use types::frame::{Frame, Life, OperationState, StoreFrame};
use types::id::StoreId;
use types::raft::Role;
use types::store::Command;
use types::time::VirtualTime;

/// Cuts these stores off as a person does, with the wall tool.
async fn cut_off(page: &Page, far: &[StoreId]) -> Result<Frame> {
    page.click(&by("tool-wall")).await?;
    for store in far {
        let store = by("store").with("store", &store.get().to_string());
        page.click(&store).await?;
        page.data_is(&store, "far", "true").await?;
    }
    page.click(&by("wall-apply")).await?;
    page.frame_with("the network is cut", |frame| {
        (!frame.cut.is_empty()).then(|| frame.clone())
    })
    .await
}

async fn submit(page: &Page, command: Command, via: StoreId) -> Result<OperationId> {
    page.submit(command, Some(via)).await
}

fn of(frame: &Frame, store: StoreId) -> Result<StoreFrame> {
    let found = frame.stores.iter().find(|candidate| candidate.id == store);
    found
        .cloned()
        .ok_or_else(|| anyhow::anyhow!("{store} vanished"))
}

/// Waits until the far side has a leader of its own, of a newer term.
async fn elected_beyond(page: &Page, old: &StoreFrame, far: &[StoreId]) -> Result<StoreFrame> {
    page.frame_with("the majority elects a leader of its own", |frame| {
        let leads = |store: &&StoreFrame| {
            store.role == Role::Leader
                && store.life == Life::Up
                && store.term > old.term
                && !far.contains(&store.id)
        };
        frame.stores.iter().find(leads).cloned()
    })
    .await
}

/// Puts a key and gets another through a store that cannot answer.
async fn ask_in_vain(page: &Page, via: StoreId) -> Result<()> {
    let put = Command::Put {
        key: "lost".into(),
        value: "2".into(),
    };
    let get = Command::Get {
        key: "before".into(),
    };
    let asked = [submit(page, put, via).await?, submit(page, get, via).await?];
    for id in asked {
        let state = page.settled(id).await?.state;
        ensure!(
            matches!(state, OperationState::Unknown { .. }),
            "{id} ended as {state:?}"
        );
    }
    Ok(())
}

async fn all_logs_are_equal(page: &Page) -> Result<()> {
    let level = page.level().await?;
    let mut logs = Vec::new();
    for store in &level.stores {
        let view = page.store(store.id).await?;
        let Some(peer) = view.peers.into_iter().next() else {
            bail!("no peer on {}", store.id)
        };
        let log: Vec<_> = peer.log.into_iter().map(|entry| entry.entry).collect();
        logs.push((store.id, peer.hard_state.commit, log, peer.data));
    }
    for (id, commit, log, data) in &logs {
        ensure!(*commit == logs[0].1, "{id} has committed up to {commit}");
        ensure!(*log == logs[0].2, "the log of {id} is not {}'s", logs[0].0);
        ensure!(
            *data == logs[0].3,
            "the data of {id} are not {}'s",
            logs[0].0
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_cut_off_leader_answers_nothing_and_after_healing_all_logs_are_equal() -> Result<()> {
    beside(|bench| async move {
        let page = bench.page("&client_timeout_ms=1000").await?;
        let old = page.leader().await?;
        page.put("before", "1").await?;
        let level = page.level().await?;
        let other = level
            .stores
            .iter()
            .map(|store| store.id)
            .find(|id| *id != old.id);
        let Some(other) = other else {
            bail!("a leader alone")
        };
        let far = [old.id, other];
        let stands = of(&cut_off(&page, &far).await?, old.id)?.commit;

        ask_in_vain(&page, old.id).await?;

        let new = elected_beyond(&page, &old, &far).await?;
        page.put_via("beyond", "3", new.id).await?;
        let frame = page.frame().await?;
        let (near, beyond) = (of(&frame, old.id)?, of(&frame, new.id)?);
        ensure!(
            near.commit == stands,
            "{} committed {} behind the wall",
            old.id,
            near.commit
        );
        ensure!(
            near.last.index > stands,
            "{} did not even take the commands",
            old.id
        );
        ensure!(beyond.commit > stands, "the majority committed nothing");

        page.click(&by("heal")).await?;
        page.frame_with("the network is whole", |frame| {
            frame.cut.is_empty().then_some(())
        })
        .await?;
        all_logs_are_equal(&page).await?;
        ensure!(page.get("beyond").await?.as_deref() == Some("3"));
        ensure!(page.get("before").await?.as_deref() == Some("1"));
        ensure!(
            page.get("lost").await?.is_none(),
            "what nobody acknowledged came back"
        );
        Ok(())
    })
    .await
}

/// Waits until this store asks who would vote for it, after `since` by its election timer.
async fn asks_first(page: &Page, store: StoreId, since: VirtualTime) -> Result<StoreFrame> {
    let what = format!("{store} asks who would vote for it, after {since}");
    page.frame_with(&what, |frame| {
        let found = of(frame, store).ok()?;
        let started = found.timer.map(|(started, _)| started)?;
        (found.role == Role::PreCandidate && started > since).then_some(found)
    })
    .await
}

#[tokio::test]
async fn a_cluster_of_the_etcd_preset_names_it_and_a_store_cut_off_stays_in_its_term() -> Result<()>
{
    beside(|bench| async move {
        let page = bench.page("&preset=etcd").await?;
        page.data_is(&by("preset"), "value", "etcd").await?;
        ensure!(page.text(&by("preset")).await? == "etcd");
        let leader = page.leader().await?.id;
        let level = page.level().await?;
        let Some(lonely) = level.stores.iter().find(|store| store.id != leader) else {
            bail!("a leader alone")
        };

        let cut = cut_off(&page, &[lonely.id]).await?;
        let before = of(&cut, lonely.id)?.term;
        let first = asks_first(&page, lonely.id, cut.now).await?;
        let shown = by("store").with("store", &lonely.id.get().to_string());
        page.data_is(&shown, "role", "pre-candidate").await?;
        let since = first.timer.map_or(cut.now, |(started, _)| started);
        let again = asks_first(&page, lonely.id, since).await?;
        for asked in [first, again] {
            ensure!(
                asked.term == before,
                "{} went from term {before} to {}",
                lonely.id,
                asked.term
            );
        }

        let near = page.leader().await?;
        page.click(&by("heal")).await?;
        let back = page.frame_with("it follows again", |frame| {
            let found = of(frame, lonely.id).ok()?;
            (found.role == Role::Follower && found.leader.is_some()).then_some(found)
        });
        let back = back.await?;
        ensure!(
            (back.leader, back.term) == (Some(near.id), near.term),
            "its coming back brought {:?} in term {} instead of {} in term {}",
            back.leader,
            back.term,
            near.id,
            near.term
        );
        Ok(())
    })
    .await
}
