//! A browser and its driver, as processes of our own.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::{Value, json};
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};
use tempfile::TempDir;
use thirtyfour::{Capabilities, WebDriver};
use tokio::process::{Child, Command};

use super::wait::until;

/// How long a driver or a browser may take to start or to end.
const START: Duration = Duration::from_secs(60);
const END: Duration = Duration::from_secs(5);
/// How long a script in the page may run.
const SCRIPT: Duration = Duration::from_secs(60);

/// Chromium needs them where it runs as root, without a screen and without a network.
const CHROMIUM_FLAGS: &[&str] = &[
    "--no-sandbox",
    "--headless=new",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
    "--disable-dev-shm-usage",
    // A page in the background is a test of its own, not of every second window.
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--window-size=1440,900",
];

/// The browsers that every test runs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Chromium or Chrome.
    Chromium,
    /// Firefox or its long-term release.
    Firefox,
}

/// How a browser is started.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// A profile that outlives the browser; otherwise a new one.
    pub profile: Option<PathBuf>,
    /// Refuse what a person refuses who blocks all site data.
    pub no_site_data: bool,
    /// Where downloads go.
    pub downloads: Option<PathBuf>,
    /// Dark instead of light.
    pub dark: bool,
}

/// A folder with a browser's profile, removed when this is dropped.
#[derive(Debug)]
pub struct Profile(TempDir);

/// A running browser. Both processes end when this is dropped.
#[derive(Debug)]
pub struct Session {
    /// Which browser it is.
    pub kind: Kind,
    /// The connection to it.
    pub driver: WebDriver,
    process: Mutex<Child>,
    pid: u32,
    gone: AtomicBool,
    _profile: Option<Profile>,
}

impl Kind {
    /// The browser that the environment names; Chromium when it names none.
    ///
    /// # Errors
    ///
    /// When it names another.
    pub fn chosen() -> Result<Self> {
        match std::env::var("E2E_BROWSER").as_deref() {
            Ok("chromium") | Err(_) => Ok(Self::Chromium),
            Ok("firefox") => Ok(Self::Firefox),
            Ok(other) => bail!("E2E_BROWSER is {other:?}; use chromium or firefox"),
        }
    }

    /// The name, as in `E2E_BROWSER`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chromium => "chromium",
            Self::Firefox => "firefox",
        }
    }

    fn browser(self) -> Result<PathBuf> {
        match self {
            Self::Chromium => program("CHROMIUM", &["chromium", "chromium-browser"]),
            Self::Firefox => program("FIREFOX", &["firefox-esr", "firefox"]),
        }
    }

    fn driver(self) -> Result<PathBuf> {
        match self {
            Self::Chromium => program("CHROMEDRIVER", &["chromedriver"]),
            Self::Firefox => program("GECKODRIVER", &["geckodriver"]),
        }
    }
}

/// The program that the environment names, else the first of `names` on `PATH`.
fn program(variable: &str, names: &[&str]) -> Result<PathBuf> {
    if let Some(path) = std::env::var_os(variable) {
        let path = PathBuf::from(path);
        ensure!(
            path.exists(),
            "{variable} names {}, which is not there",
            path.display()
        );
        return Ok(path);
    }
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&paths).collect();
    let found = names.iter().find_map(|name| {
        folders
            .iter()
            .map(|folder| folder.join(name))
            .find(|path| path.is_file())
    });
    found.ok_or_else(|| {
        anyhow!(
            "no {} on PATH; `cargo xtask test` installs it, or set {variable}",
            names.join(" or ")
        )
    })
}

impl Profile {
    /// A new profile.
    ///
    /// # Errors
    ///
    /// When there is no room for it.
    pub fn new() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("rp-e2e-").tempdir();
        Ok(Self(folder.context("no room for a profile")?))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.0.path().to_owned()
    }
}

impl Session {
    /// Starts a driver and, with it, a browser.
    ///
    /// # Errors
    ///
    /// When one of them is missing or does not start; the driver's words are in `log`.
    pub async fn start(kind: Kind, options: &Options, log: &Path) -> Result<Self> {
        let (path, own) = match &options.profile {
            Some(path) => (path.clone(), None),
            None => {
                let profile = Profile::new()?;
                (profile.path(), Some(profile))
            }
        };
        let (mut process, port) = start_driver(kind, log).await?;
        let pid = process.id().context("the driver ended at once")?;
        let capabilities = match kind {
            Kind::Chromium => chromium(options, &path)?,
            Kind::Firefox => firefox(options, &path)?,
        };
        let url = format!("http://127.0.0.1:{port}");
        let builder = WebDriver::builder(url, capabilities).request_timeout(START);
        let driver = match builder.await {
            Ok(driver) => driver,
            Err(error) => {
                kill_below(pid);
                drop(process.kill().await);
                let log = log.display();
                return Err(error).with_context(|| {
                    format!("{} does not start; its driver's log is {log}", kind.name())
                });
            }
        };
        driver.set_script_timeout(SCRIPT).await?;
        if let (Kind::Chromium, Some(folder)) = (kind, &options.downloads) {
            let behaviour = json!({ "behavior": "allow", "downloadPath": folder });
            driver
                .cdp()
                .send_raw("Browser.setDownloadBehavior", behaviour)
                .await?;
        }
        let process = Mutex::new(process);
        Ok(Self {
            kind,
            driver,
            process,
            pid,
            gone: AtomicBool::new(false),
            _profile: own,
        })
    }

    /// Kills the browser as the system would: every process of it at once, without a word.
    ///
    /// # Errors
    ///
    /// When there is none to kill.
    pub async fn kill_browser(&self) -> Result<()> {
        let killed = kill_below(self.pid);
        ensure!(killed > 0, "the driver has no browser to kill");
        self.gone.store(true, Ordering::SeqCst);
        self.end().await;
        Ok(())
    }

    /// Whether the browser was killed.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.gone.load(Ordering::SeqCst)
    }

    /// Ends the browser and its driver, politely first.
    pub async fn end(&self) {
        let quit = self.driver.clone().quit();
        drop(tokio::time::timeout(END, quit).await);
        self.end_now();
        self.gone.store(true, Ordering::SeqCst);
    }

    fn end_now(&self) {
        kill_below(self.pid);
        if let Ok(mut process) = self.process.lock() {
            drop(process.start_kill());
        }
    }

    /// What the page looks like, as PNG.
    ///
    /// # Errors
    ///
    /// When the browser does not answer.
    pub async fn screenshot(&self) -> Result<Vec<u8>> {
        let shot = tokio::time::timeout(END, self.driver.screenshot_as_png()).await;
        Ok(shot.context("no screenshot in time")??)
    }

    /// The document as it is now.
    ///
    /// # Errors
    ///
    /// When the browser does not answer.
    pub async fn source(&self) -> Result<String> {
        let source = tokio::time::timeout(END, self.driver.source()).await;
        Ok(source.context("no document in time")??)
    }

    /// What was said on the console since the last call. Firefox has no such list; its console
    /// goes to the driver's log.
    ///
    /// # Errors
    ///
    /// When the browser does not answer.
    pub async fn console(&self) -> Result<String> {
        if self.kind == Kind::Firefox {
            return Ok("see the driver's log\n".to_owned());
        }
        let log = tokio::time::timeout(END, self.driver.browser_log()).await;
        let entries = log.context("no console in time")??;
        Ok(entries.iter().map(|entry| format!("{entry:?}\n")).collect())
    }

    /// The last frame that the page drew, as JSON text.
    ///
    /// # Errors
    ///
    /// When the browser does not answer.
    pub async fn last_frame(&self) -> Result<String> {
        let script = "return window.playground ? window.playground.frame() : null";
        let frame = tokio::time::timeout(END, self.driver.execute(script, Vec::new())).await;
        let frame = frame.context("no frame in time")??;
        Ok(frame.json().as_str().unwrap_or("none").to_owned())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.end_now();
    }
}

async fn start_driver(kind: Kind, log: &Path) -> Result<(Child, u16)> {
    let browser = kind.browser()?;
    let mut command = Command::new(kind.driver()?);
    let (arguments, announced): (&[&str], &str) = match kind {
        Kind::Chromium => (&["--port=0"], "started successfully on port "),
        Kind::Firefox => (
            &["--port", "0", "--websocket-port", "0"],
            "Listening on 127.0.0.1:",
        ),
    };
    let file = std::fs::File::create(log).with_context(|| format!("no {}", log.display()))?;
    let also = file.try_clone().context("no second handle")?;
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(file)
        .stderr(also)
        .kill_on_drop(true);
    let mut child = command
        .spawn()
        .with_context(|| format!("the driver for {} does not start", browser.display()))?;
    let what = format!(
        "the driver of {} says its port ({})",
        kind.name(),
        log.display()
    );
    let port = until(what, START, || {
        let ended = child.try_wait();
        let text = std::fs::read_to_string(log);
        async move {
            if let Some(status) = ended? {
                bail!("it ended with {status}");
            }
            Ok(port_in(&text?, announced))
        }
    });
    let port = port.await?;
    Ok((child, port))
}

/// The number right behind `announced`, once the line is complete.
fn port_in(text: &str, announced: &str) -> Option<u16> {
    let rest = text.split_once(announced)?.1;
    let end = rest.find(|c: char| !c.is_ascii_digit())?;
    rest[..end].parse().ok()
}

fn chromium(options: &Options, profile: &Path) -> Result<Capabilities> {
    let mut arguments: Vec<String> = CHROMIUM_FLAGS.iter().map(|flag| (*flag).into()).collect();
    arguments.push(format!("--user-data-dir={}", profile.display()));
    if options.dark {
        arguments.push("--force-dark-mode".to_owned());
    }
    let mut preferences = serde_json::Map::new();
    if options.no_site_data {
        preferences.insert(
            "profile.default_content_setting_values.cookies".into(),
            json!(2),
        );
    }
    let mut capabilities = Capabilities::new();
    capabilities.set("browserName", "chrome")?;
    capabilities.set("goog:loggingPrefs", json!({ "browser": "ALL" }))?;
    capabilities.set(
        "goog:chromeOptions",
        json!({ "binary": Kind::Chromium.browser()?, "args": arguments, "prefs": preferences }),
    )?;
    Ok(capabilities)
}

fn firefox(options: &Options, profile: &Path) -> Result<Capabilities> {
    let mut preferences = vec![
        // Nothing here may ask the world for anything.
        ("app.normandy.enabled", json!(false)),
        ("app.update.enabled", json!(false)),
        ("browser.region.network.url", json!("")),
        (
            "browser.safebrowsing.downloads.remote.enabled",
            json!(false),
        ),
        ("captivedetect.canonicalURL", json!("")),
        ("network.captive-portal-service.enabled", json!(false)),
        ("network.connectivity-service.enabled", json!(false)),
        // After a kill it shall start like after a good end.
        ("browser.sessionstore.resume_from_crash", json!(false)),
        ("toolkit.startup.max_resumed_crashes", json!(-1)),
        // The console is found in the driver's log.
        ("devtools.console.stdout.content", json!(true)),
    ];
    if options.no_site_data {
        preferences.push(("network.cookie.cookieBehavior", json!(2)));
    }
    if options.dark {
        preferences.push(("ui.systemUsesDarkTheme", json!(1)));
    }
    if let Some(folder) = &options.downloads {
        preferences.push(("browser.download.folderList", json!(2)));
        preferences.push(("browser.download.dir", json!(folder)));
        preferences.push(("browser.download.useDownloadDir", json!(true)));
        preferences.push(("browser.download.alwaysOpenPanel", json!(false)));
    }
    // A profile named by an argument keeps its own preferences, so they are written into it.
    let lines = preferences
        .iter()
        .map(|(name, value)| format!("user_pref({name:?}, {value});\n"));
    std::fs::write(profile.join("user.js"), lines.collect::<String>())
        .context("cannot write the profile's preferences")?;
    let arguments = json!([
        "-headless",
        "-width",
        "1440",
        "-height",
        "900",
        "-profile",
        profile
    ]);
    let mut capabilities = Capabilities::new();
    capabilities.set("browserName", "firefox")?;
    capabilities.set(
        "moz:firefoxOptions",
        json!({ "binary": Kind::Firefox.browser()?, "args": arguments }),
    )?;
    Ok(capabilities)
}

/// Kills every process below `ancestor`; how many there were.
fn kill_below(ancestor: u32) -> usize {
    let Ok(mut system) = System::new() else {
        return 0;
    };
    system.refresh_processes_specifics(
        ProcessesToUpdate::All,
        true,
        ProcessRefreshKind::nothing().without_tasks(),
    );
    let mut family = vec![Pid::from_u32(ancestor)];
    let mut next = 0;
    while let Some(parent) = family.get(next).copied() {
        let children = system
            .processes()
            .values()
            .filter(|child| child.parent() == Some(parent));
        family.extend(children.map(sysinfo::Process::pid));
        next += 1;
    }
    let killed = family.iter().skip(1).filter_map(|pid| system.process(*pid));
    killed.filter(|process| process.kill()).count()
}

/// Reads a value that a script returned.
pub(crate) fn read<T: serde::de::DeserializeOwned>(value: &Value) -> Result<T> {
    let text = value.to_string();
    serde_json::from_value(value.clone()).with_context(|| {
        let end = text
            .char_indices()
            .nth(400)
            .map_or(text.len(), |(at, _)| at);
        format!("the page answered {}", &text[..end])
    })
}
