//! Pause is pause, a step is a step, and what is drawn is what there is.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use protocol::Run;
use tests::harness::{Dot, PATIENCE, Page, alone, beside, until};
use types::frame::{Frame, MessageFrame};
use types::raft::MessageKind;
use types::store::Command;

/// How long a pause is watched.
const WATCHED: Duration = Duration::from_secs(2);
/// How many events are stepped through.
const STEPS: u64 = 12;

/// Pauses at a moment at which messages are on their way and a disk writes.
async fn pause_in_the_middle(page: &Page) -> Result<Frame> {
    until(
        "a pause falls into the middle of things",
        PATIENCE,
        || async {
            for number in 0..4 {
                let (key, value) = (format!("busy-{number}").into(), "1".into());
                page.submit(Command::Put { key, value }, None).await?;
            }
            let frame = page.pause().await?;
            let writes = frame.stores.iter().any(|store| store.writing.is_some());
            if writes && !frame.messages.is_empty() {
                return Ok(Some(frame));
            }
            page.play().await?;
            Ok(None)
        },
    )
    .await
}

#[tokio::test]
async fn while_paused_no_store_handles_anything_for_two_seconds() -> Result<()> {
    alone(|bench| async move {
        let page = bench.page("").await?;
        page.leader().await?;
        let paused = pause_in_the_middle(&page).await?;
        let first = page.hashes().await?;
        ensure!(
            first.stores.len() == paused.stores.len(),
            "a store has no hash: {first:?}"
        );
        let begun = Instant::now();
        while begun.elapsed() < WATCHED {
            let now = page.hashes().await?;
            ensure!(
                now == first,
                "something moved while paused: {first:?} became {now:?}"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        page.play().await?;
        page.frame_with("events come again", |frame| {
            (frame.event > first.event).then_some(())
        })
        .await
    })
    .await
}

#[tokio::test]
async fn a_step_delivers_exactly_one_event() -> Result<()> {
    beside(|bench| async move {
        let page = bench.page("").await?;
        page.leader().await?;
        let mut before = pause_in_the_middle(&page).await?;
        for _ in 0..STEPS {
            page.run(Run::Step).await?;
            let what = format!("a step from {} was taken", before.event);
            let after = page.frame_with(&what, |frame| {
                (frame.event > before.event).then(|| frame.clone())
            });
            let after = after.await?;
            ensure!(
                after.event == before.event.next(),
                "{} to {}",
                before.event,
                after.event
            );
            ensure!(!after.pace.running, "a step let time run on");
            let hashes = page.hashes().await?;
            ensure!(
                hashes.event == after.event && hashes.now == after.now,
                "{hashes:?}"
            );
            before = after;
        }
        Ok(())
    })
    .await
}

/// The name of a message's kind in the document.
const fn word(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::PreVote => "pre-vote",
        MessageKind::PreVoteResponse => "pre-vote-response",
        MessageKind::RequestVote => "request-vote",
        MessageKind::RequestVoteResponse => "request-vote-response",
        MessageKind::Append => "append",
        MessageKind::AppendResponse => "append-response",
        MessageKind::Heartbeat => "heartbeat",
        MessageKind::HeartbeatResponse => "heartbeat-response",
        MessageKind::Snapshot => "snapshot",
        MessageKind::TimeoutNow => "timeout-now",
        MessageKind::TransferLeader => "transfer-leader",
        MessageKind::ReadIndex => "read-index",
        MessageKind::ReadIndexResponse => "read-index-response",
        MessageKind::Tombstone => "tombstone",
    }
}

fn expected(message: &MessageFrame) -> Dot {
    Dot {
        message_id: message.id.to_string(),
        from: message.from.get().to_string(),
        to: message.to.get().to_string(),
        kind: word(message.kind).to_owned(),
        term: message.term.get().to_string(),
        duplicate: message.duplicate.to_string(),
    }
}

/// Waits until the drawn dots are the messages of the frame, and looks once more.
async fn dots_are_messages(page: &Page, frame: &Frame) -> Result<()> {
    let mut wanted: Vec<Dot> = frame.messages.iter().map(expected).collect();
    wanted.sort();
    let drawn = || async {
        let mut dots = page.dots().await?;
        dots.sort();
        anyhow::Ok(dots)
    };
    let same = until(
        "the dots are the messages",
        Duration::from_secs(5),
        || async { Ok((drawn().await? == wanted).then_some(())) },
    );
    if let Err(error) = same.await {
        let dots = drawn().await?;
        return Err(error).with_context(|| format!("drawn {dots:#?}, on their way {wanted:#?}"));
    }
    ensure!(drawn().await? == wanted, "the dots changed while paused");
    Ok(())
}

#[tokio::test]
async fn while_paused_every_dot_is_a_message_and_every_message_a_dot() -> Result<()> {
    beside(|bench| async move {
        let weather = "&duplicate_permille=300&reorder_permille=200&loss_permille=50";
        let page = bench.page(weather).await?;
        page.leader().await?;
        let mut kinds = BTreeSet::new();
        let mut duplicates = 0;
        for _ in 0..4 {
            let mut frame = pause_in_the_middle(&page).await?;
            for _ in 0..6 {
                dots_are_messages(&page, &frame).await?;
                kinds.extend(frame.messages.iter().map(|message| message.kind));
                duplicates += frame
                    .messages
                    .iter()
                    .filter(|message| message.duplicate)
                    .count();
                page.run(Run::Step).await?;
                let event = frame.event;
                frame = page
                    .frame_with("a step was taken", |next| {
                        (next.event > event).then(|| next.clone())
                    })
                    .await?;
            }
            page.play().await?;
        }
        ensure!(
            kinds.contains(&MessageKind::Append),
            "no append was seen: {kinds:?}"
        );
        ensure!(
            kinds.contains(&MessageKind::AppendResponse),
            "no answer was seen: {kinds:?}"
        );
        ensure!(duplicates > 0, "no duplicate was seen");
        Ok(())
    })
    .await
}
