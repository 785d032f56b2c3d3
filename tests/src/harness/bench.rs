//! A test's surroundings: made before it, and cleared away after it whatever happens.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use futures_util::FutureExt;
use tokio::sync::Semaphore;

use super::browser::{Kind, Options, Session};
use super::page::Page;
use super::server::{Hosting, Server};
use super::target;

/// What most tests rest on: one region with a replica on every store.
pub const ONE_REGION: &str = "&scheduler=off&replicas=9";

/// Two cores, so two tests at once at most.
const AT_ONCE: u32 = 2;
static PLACES: Semaphore = Semaphore::const_new(AT_ONCE as usize);

/// What a test works with.
#[derive(Debug)]
pub struct Bench {
    /// Which browser the suite drives.
    pub kind: Kind,
    /// The test's name, which also names its cluster.
    pub name: String,
    /// The page as it comes, on a host without special headers.
    pub server: Server,
    sessions: Mutex<Vec<Arc<Session>>>,
}

/// Runs a test that other tests may run beside.
///
/// # Errors
///
/// What the test found, after screenshots and logs were written to `target/e2e/`.
pub async fn beside<F, Fut>(body: F) -> Result<()>
where
    F: FnOnce(Arc<Bench>) -> Fut,
    Fut: Future<Output = Result<()>>,
{
    run(1, body).await
}

/// Runs a test that needs the machine for itself: real time matters to it.
///
/// # Errors
///
/// As [`beside`].
pub async fn alone<F, Fut>(body: F) -> Result<()>
where
    F: FnOnce(Arc<Bench>) -> Fut,
    Fut: Future<Output = Result<()>>,
{
    run(AT_ONCE, body).await
}

async fn run<F, Fut>(places: u32, body: F) -> Result<()>
where
    F: FnOnce(Arc<Bench>) -> Fut,
    Fut: Future<Output = Result<()>>,
{
    let _place = PLACES
        .acquire_many(places)
        .await
        .context("the suite is over")?;
    let started = Instant::now();
    let bench = Arc::new(Bench::new().await?);
    let outcome = AssertUnwindSafe(body(Arc::clone(&bench)))
        .catch_unwind()
        .await;
    let outcome = outcome.unwrap_or_else(|panic| Err(anyhow!("{}", panic_message(&*panic))));
    bench.clear_away(outcome.is_err()).await;
    let seconds = started.elapsed().as_secs_f32();
    say(&format!(
        "{} in {}: {seconds:.1} s",
        bench.name,
        bench.kind.name()
    ));
    outcome
}

/// Prints a line that is kept in the log of the suite.
#[expect(
    clippy::print_stdout,
    reason = "a test's own words belong to its output"
)]
pub fn say(line: &str) {
    println!("{line}");
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "the test panicked".to_owned())
}

impl Bench {
    async fn new() -> Result<Self> {
        let thread = std::thread::current();
        let path = thread.name().unwrap_or("main");
        let name = path.rsplit("::").next().unwrap_or(path).to_owned();
        let server = Server::start(&dist(), Hosting::default()).await?;
        let bench = Self {
            kind: Kind::chosen()?,
            name,
            server,
            sessions: Mutex::new(Vec::new()),
        };
        bench.forget()?;
        Ok(bench)
    }

    /// Removes what an earlier run of this test left.
    fn forget(&self) -> Result<()> {
        let stem = self.file_stem();
        for entry in std::fs::read_dir(target("e2e")?)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name
                .strip_prefix(&stem)
                .is_some_and(|rest| rest.starts_with(['-', '.']))
            {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// Another server for the same page.
    ///
    /// # Errors
    ///
    /// When it cannot start.
    pub async fn host(&self, hosting: Hosting) -> Result<Server> {
        Server::start(&dist(), hosting).await
    }

    /// A name for a cluster of this test: what it is for, and the test's own name, shortened.
    #[must_use]
    pub fn cluster(&self, purpose: &str) -> String {
        let name: String = self
            .name
            .chars()
            .map(|c| if c == '_' { '-' } else { c })
            .collect();
        let mut name = format!("{purpose}-{name}");
        name.truncate(60);
        name.trim_end_matches('-').to_owned()
    }

    /// A new browser with nothing open.
    ///
    /// # Errors
    ///
    /// When the browser or its driver is missing or does not start.
    pub async fn browser(&self, options: &Options) -> Result<Arc<Session>> {
        let number = self.sessions().len();
        let log = target("e2e")?.join(format!("{}-driver-{number}.log", self.file_stem()));
        let session = Arc::new(Session::start(self.kind, options, &log).await?);
        self.sessions().push(Arc::clone(&session));
        Ok(session)
    }

    /// A new browser that shows the page with the test's cluster; `more` adds to its query.
    ///
    /// # Errors
    ///
    /// When the page does not come up.
    pub async fn page(&self, more: &str) -> Result<Page> {
        let session = self.browser(&Options::default()).await?;
        let page = Page::new(session, &self.address(more));
        page.open().await?;
        Ok(page)
    }

    /// The address of the page with the test's cluster: one region on every store, unless `more`,
    /// which adds to its query, wants it otherwise.
    #[must_use]
    pub fn address(&self, more: &str) -> String {
        self.server.url(&format!(
            "/?hooks=1&cluster={}{ONE_REGION}{more}",
            self.cluster("c")
        ))
    }

    /// Where files of this test go, with the browser's name in them.
    #[must_use]
    pub fn file_stem(&self) -> String {
        format!("{}-{}", self.kind.name(), self.name)
    }

    fn sessions(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Session>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn clear_away(&self, failed: bool) {
        let sessions: Vec<Arc<Session>> = self.sessions().drain(..).collect();
        for (number, session) in sessions.iter().enumerate() {
            if failed && let Err(error) = self.keep(session, number).await {
                say(&format!(
                    "nothing could be kept of browser {number}: {error:#}"
                ));
            }
            session.end().await;
        }
    }

    /// Keeps what tells how a test failed.
    async fn keep(&self, session: &Session, number: usize) -> Result<()> {
        if session.is_gone() {
            return Ok(());
        }
        let folder = target("e2e")?;
        let file = |what: &str| folder.join(format!("{}-{number}{what}", self.file_stem()));
        let kept = [
            write(&file(".png"), session.screenshot().await),
            write(
                &file(".html"),
                session.source().await.map(String::into_bytes),
            ),
            write(
                &file("-console.log"),
                session.console().await.map(String::into_bytes),
            ),
            write(
                &file("-frame.json"),
                session.last_frame().await.map(String::into_bytes),
            ),
        ];
        for line in kept {
            say(&line);
        }
        Ok(())
    }
}

fn write(path: &Path, bytes: Result<Vec<u8>>) -> String {
    let written = bytes.and_then(|bytes| Ok(std::fs::write(path, bytes)?));
    match written {
        Ok(()) => format!("kept {}", path.display()),
        Err(error) => format!("not kept {}: {error:#}", path.display()),
    }
}

/// The folder with the built page.
fn dist() -> PathBuf {
    std::env::var_os("E2E_DIST").map_or_else(|| super::root().join("dist"), PathBuf::from)
}
