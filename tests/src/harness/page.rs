//! The page's hooks (`?hooks=1`): what a test says to the cluster, and what it reads of it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use protocol::{Answer, Hashes, Hook, LabError, LabJob, LabResult, Query, QueryError, Run};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use types::action::{Acted, Action, Misuse, OperationId};
use types::disk::DiskImage;
use types::frame::{Frame, Life, OperationFrame, OperationState, StoreFrame};
use types::id::StoreId;
use types::raft::Role;
use types::store::{Command, CommandResult};
use types::view::{RowsView, StoreView};

use super::browser::{Session, read};
use super::wait::{PATIENCE, until};

/// One window with the page, opened with `?hooks=1`.
#[derive(Debug, Clone)]
pub struct Page {
    /// The browser that it is in.
    pub session: Arc<Session>,
    /// Its address.
    pub url: String,
}

impl Page {
    /// The page at `url` in `session`; nothing is opened yet.
    #[must_use]
    pub fn new(session: Arc<Session>, url: &str) -> Self {
        Self {
            session,
            url: url.to_owned(),
        }
    }

    /// Goes to the address and waits until the cluster is open and was drawn.
    ///
    /// # Errors
    ///
    /// When it does not open.
    pub async fn open(&self) -> Result<()> {
        self.session.driver.goto(self.url.as_str()).await?;
        self.opened().await
    }

    /// Waits until the cluster is open and was drawn.
    ///
    /// # Errors
    ///
    /// When it does not open.
    pub async fn opened(&self) -> Result<()> {
        self.phase("open").await?;
        let drawn = until("the first frame is there", PATIENCE, || async {
            Ok(self.try_frame().await?.map(drop))
        });
        drawn.await
    }

    /// Waits until the page is in this phase.
    ///
    /// # Errors
    ///
    /// When it does not come to it.
    pub async fn phase(&self, wanted: &str) -> Result<()> {
        let what = format!("the page is in phase {wanted}");
        let script = "return document.documentElement.dataset.phase ?? ''";
        until(what, PATIENCE, || async {
            let phase: String = self.script(script, &[]).await?;
            Ok((phase == wanted).then_some(()))
        })
        .await
    }

    /// Runs a script and reads what it returns.
    ///
    /// # Errors
    ///
    /// When it throws, or returns something else.
    pub async fn script<T: DeserializeOwned>(&self, script: &str, with: &[Value]) -> Result<T> {
        let driver = &self.session.driver;
        let returned = driver.execute(script, with.to_vec()).await;
        read(
            returned
                .with_context(|| format!("script: {script}"))?
                .json(),
        )
    }

    /// Runs the body of an async function, whose parameters are `a`, and reads what it returns.
    ///
    /// # Errors
    ///
    /// When it throws, or returns something else.
    pub async fn task<T: DeserializeOwned>(&self, body: &str, with: &[Value]) -> Result<T> {
        let script = format!(
            "const done = arguments[arguments.length - 1];
             const a = Array.prototype.slice.call(arguments, 0, -1);
             (async () => {{ {body} }})().then(
                 (ok) => done({{ ok: ok ?? null }}),
                 (error) => done({{ error: String(error) + '\\n' + (error?.stack ?? '') }}));"
        );
        let returned = self
            .session
            .driver
            .execute_async(script, with.to_vec())
            .await;
        let returned = returned.with_context(|| format!("task: {body}"))?;
        let value = returned.json();
        if let Some(error) = value.get("error") {
            bail!("the page threw {error} in: {body}");
        }
        read(value.get("ok").unwrap_or(&Value::Null))
    }

    async fn ask<Q: Serialize, A: DeserializeOwned>(&self, door: &str, question: &Q) -> Result<A> {
        let text = serde_json::to_string(question).context("a question without JSON")?;
        let body = "return await window.playground[a[0]](a[1]);";
        let answer: String = self.task(body, &[json!(door), json!(text)]).await?;
        serde_json::from_str(&answer).with_context(|| format!("{door}({text}) answered {answer}"))
    }

    async fn tell<Q: Serialize>(&self, door: &str, word: &Q) -> Result<()> {
        let text = serde_json::to_string(word).context("a word without JSON")?;
        let body = "await window.playground[a[0]](a[1]);";
        let _: Value = self.task(body, &[json!(door), json!(text)]).await?;
        Ok(())
    }

    /// Does something to the cluster.
    ///
    /// # Errors
    ///
    /// When it is refused, too.
    pub async fn act(&self, action: Action) -> Result<Acted> {
        let outcome: Result<Acted, Misuse> = self.ask("act", &action).await?;
        outcome.with_context(|| format!("refused: {action:?}"))
    }

    /// Kills a store.
    ///
    /// # Errors
    ///
    /// When it is not running.
    pub async fn kill(&self, store: StoreId) -> Result<()> {
        self.act(Action::Kill { store }).await.map(drop)
    }

    /// Starts a store.
    ///
    /// # Errors
    ///
    /// When it runs.
    pub async fn start(&self, store: StoreId) -> Result<()> {
        self.act(Action::Start { store }).await.map(drop)
    }

    /// Cuts the network.
    ///
    /// # Errors
    ///
    /// When the groups do not hold every store once.
    pub async fn cut(&self, groups: &[Vec<StoreId>]) -> Result<()> {
        self.act(Action::Cut {
            groups: groups.to_vec(),
        })
        .await
        .map(drop)
    }

    /// Gives a command to the client.
    ///
    /// # Errors
    ///
    /// When it is refused.
    pub async fn submit(&self, command: Command, via: Option<StoreId>) -> Result<OperationId> {
        match self.act(Action::Submit { command, via }).await? {
            Acted::Submitted(id) => Ok(id),
            Acted::Done | Acted::ReturnsAs(_) => bail!("a command was done without an operation"),
        }
    }

    /// Waits until an operation is no longer open.
    ///
    /// # Errors
    ///
    /// When it stays open.
    pub async fn settled(&self, id: OperationId) -> Result<OperationFrame> {
        until(format!("{id} is settled"), PATIENCE, || async {
            let frame = self.frame().await?;
            let found = frame
                .operations
                .into_iter()
                .find(|operation| operation.id == id);
            Ok(found.filter(|operation| operation.state != OperationState::Open))
        })
        .await
    }

    /// Carries a command out by way of the client, which looks for the leader itself.
    ///
    /// # Errors
    ///
    /// When it does not come to a good end.
    pub async fn done(&self, command: Command) -> Result<CommandResult> {
        self.done_via(command, None).await
    }

    async fn done_via(&self, command: Command, via: Option<StoreId>) -> Result<CommandResult> {
        let id = self.submit(command.clone(), via).await?;
        match self.settled(id).await?.state {
            OperationState::Done { result, .. } => Ok(result),
            other => bail!("{command:?} ended as {other:?}"),
        }
    }

    /// Writes a key by way of the client.
    ///
    /// # Errors
    ///
    /// When it is not acknowledged.
    pub async fn put(&self, key: &str, value: &str) -> Result<()> {
        let (key, value) = (key.to_owned().into(), value.to_owned().into());
        let result = self.done(Command::Put { key, value }).await?;
        anyhow::ensure!(result == CommandResult::Put, "a put brought {result:?}");
        Ok(())
    }

    /// Writes a key by asking one store and no other: a client that still believes in a leader
    /// that hangs, or that is cut off, would ask that one first.
    ///
    /// # Errors
    ///
    /// When it is not acknowledged.
    pub async fn put_via(&self, key: &str, value: &str, via: StoreId) -> Result<()> {
        let (key, value) = (key.to_owned().into(), value.to_owned().into());
        let result = self
            .done_via(Command::Put { key, value }, Some(via))
            .await?;
        anyhow::ensure!(result == CommandResult::Put, "a put brought {result:?}");
        Ok(())
    }

    /// Reads a key by way of the client.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub async fn get(&self, key: &str) -> Result<Option<String>> {
        match self
            .done(Command::Get {
                key: key.to_owned().into(),
            })
            .await?
        {
            CommandResult::Get { value } => {
                Ok(value.map(|value| String::from_utf8_lossy(&value).into_owned()))
            }
            other => bail!("a get brought {other:?}"),
        }
    }

    /// Changes how time passes.
    ///
    /// # Errors
    ///
    /// When the page does not take it.
    pub async fn run(&self, run: Run) -> Result<()> {
        self.tell("run", &run).await
    }

    /// Pauses, and waits until time stands; the frame then.
    ///
    /// # Errors
    ///
    /// When it does not stand.
    pub async fn pause(&self) -> Result<Frame> {
        self.run(Run::Pause).await?;
        self.frame_with("time stands", |frame| {
            (!frame.pace.running).then(|| frame.clone())
        })
        .await
    }

    /// Lets time pass again.
    ///
    /// # Errors
    ///
    /// When it does not.
    pub async fn play(&self) -> Result<()> {
        self.run(Run::Play).await?;
        self.frame_with("time passes", |frame| frame.pace.running.then_some(()))
            .await
    }

    /// Does to workers what browsers do.
    ///
    /// # Errors
    ///
    /// When the page does not take it.
    pub async fn hook(&self, hook: Hook) -> Result<()> {
        self.tell("hook", &hook).await
    }

    async fn query(&self, query: Query) -> Result<Answer> {
        let answer: Result<Answer, QueryError> = self.ask("query", &query).await?;
        answer.with_context(|| format!("asked for {query:?}"))
    }

    /// Gives the lab a job and waits for what it comes to.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub async fn lab(&self, job: LabJob) -> Result<Result<LabResult, LabError>> {
        self.ask("lab", &job).await
    }

    /// Gives the lab a job and does not wait; [`Page::lab_result`] does, by the name returned here.
    ///
    /// # Errors
    ///
    /// When the page does not take it.
    pub async fn begin_lab(&self, job: LabJob) -> Result<String> {
        let text = serde_json::to_string(&job).context("a job without JSON")?;
        let body = "const name = 'e2eJob' + performance.now();
            window[name] = window.playground.lab(a[0]);
            return name;";
        self.task(body, &[json!(text)]).await
    }

    /// What a job came to that was begun.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub async fn lab_result(&self, begun: &str) -> Result<Result<LabResult, LabError>> {
        let answer: String = self
            .task("return await window[a[0]];", &[json!(begun)])
            .await?;
        serde_json::from_str(&answer).with_context(|| format!("the lab answered {answer}"))
    }

    /// Ends the lab's worker.
    ///
    /// # Errors
    ///
    /// When the page does not take it.
    pub async fn end_lab(&self) -> Result<()> {
        self.tell("endLab", &()).await
    }

    /// The hashes of all running stores and of the conductor.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub async fn hashes(&self) -> Result<Hashes> {
        match self.query(Query::Hashes).await? {
            Answer::Hashes(hashes) => Ok(hashes),
            other => bail!("asked for hashes, got {other:?}"),
        }
    }

    /// A store's whole state.
    ///
    /// # Errors
    ///
    /// When it is down or late.
    pub async fn store(&self, store: StoreId) -> Result<StoreView> {
        match self.query(Query::Store(store)).await? {
            Answer::Store(view) => Ok(*view),
            other => bail!("asked for {store}, got {other:?}"),
        }
    }

    /// A store's rows as they stand on its disk.
    ///
    /// # Errors
    ///
    /// When the disk cannot be read.
    pub async fn rows(&self, store: StoreId) -> Result<RowsView> {
        match self.query(Query::Rows(store)).await? {
            Answer::Rows(rows) => Ok(rows),
            other => bail!("asked for rows of {store}, got {other:?}"),
        }
    }

    /// The recording of the cluster's whole life.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub async fn recording(&self) -> Result<Vec<u8>> {
        match self.query(Query::Recording).await? {
            Answer::Recording(bytes) => Ok(bytes),
            other => bail!("asked for the recording, got {other:?}"),
        }
    }

    /// All disks.
    ///
    /// # Errors
    ///
    /// When one cannot be read.
    pub async fn disks(&self) -> Result<Vec<(StoreId, DiskImage)>> {
        match self.query(Query::Disks).await? {
            Answer::Disks(disks) => Ok(disks),
            other => bail!("asked for the disks, got {other:?}"),
        }
    }

    async fn try_frame(&self) -> Result<Option<Frame>> {
        let script = "return window.playground ? window.playground.frame() : 'null'";
        let text: String = self.script(script, &[]).await?;
        serde_json::from_str(&text).with_context(|| format!("not a frame: {text}"))
    }

    /// The newest frame.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub async fn frame(&self) -> Result<Frame> {
        self.try_frame().await?.context("no frame yet")
    }

    /// Waits until a frame shows what `find` looks for.
    ///
    /// # Errors
    ///
    /// When none does.
    pub async fn frame_with<T>(&self, what: &str, find: impl Fn(&Frame) -> Option<T>) -> Result<T> {
        self.frame_within(what, PATIENCE, find).await
    }

    /// As [`Page::frame_with`], with a deadline of its own.
    ///
    /// # Errors
    ///
    /// When none does.
    pub async fn frame_within<T>(
        &self,
        what: &str,
        limit: Duration,
        find: impl Fn(&Frame) -> Option<T>,
    ) -> Result<T> {
        let find = &find;
        until(what, limit, || async move {
            Ok(self.try_frame().await?.as_ref().and_then(find))
        })
        .await
    }

    /// Waits until a store leads that is up and that a majority of all stores follows.
    ///
    /// # Errors
    ///
    /// When none is elected.
    pub async fn leader(&self) -> Result<StoreFrame> {
        self.frame_with("a leader is followed by a majority", followed_leader)
            .await
    }

    /// Waits until a store's life is as wanted.
    ///
    /// # Errors
    ///
    /// When it does not come to it.
    pub async fn life(&self, store: StoreId, wanted: &Life) -> Result<StoreFrame> {
        let what = format!("{store} is {wanted:?}");
        self.frame_with(&what, |frame| {
            let found = frame
                .stores
                .iter()
                .find(|candidate| candidate.id == store)?;
            (found.life == *wanted).then(|| found.clone())
        })
        .await
    }

    /// Waits until all stores are up and have applied and flushed the same.
    ///
    /// # Errors
    ///
    /// When they do not come to it.
    pub async fn level(&self) -> Result<Frame> {
        self.frame_with("all stores have flushed the same log", |frame| {
            let leader = followed_leader(frame)?;
            let level = |store: &StoreFrame| {
                store.life == Life::Up
                    && store.last == leader.last
                    && store.flushed == leader.last.index
                    && store.commit == leader.last.index
                    && store.writing.is_none()
            };
            frame.stores.iter().all(level).then(|| frame.clone())
        })
        .await
    }
}

/// The leader that is up and that a majority of all stores follows in its term.
fn followed_leader(frame: &Frame) -> Option<StoreFrame> {
    let leads = |store: &&StoreFrame| store.role == Role::Leader && store.life == Life::Up;
    let newest = frame
        .stores
        .iter()
        .filter(leads)
        .max_by_key(|store| store.term)?;
    let follows = |store: &&StoreFrame| {
        store.life == Life::Up && store.term == newest.term && store.leader == Some(newest.id)
    };
    let followers = frame
        .stores
        .iter()
        .filter(follows)
        .filter(|store| store.id != newest.id);
    (2 * (followers.count() + 1) > frame.stores.len()).then(|| newest.clone())
}
