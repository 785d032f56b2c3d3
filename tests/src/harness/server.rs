//! A small static file server for the built page, which keeps a list of what was asked for.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The second place at which every server offers the page.
pub const SUB_PATH: &str = "/course/unit-1/";

/// Where a browser reports what broke a content security policy.
pub const REPORTS: &str = "/policy-report";

/// How the page is hosted.
#[derive(Debug, Clone, Default)]
pub struct Hosting {
    /// The content security policy that every answer carries; breaches go to [`REPORTS`].
    pub policy: Option<String>,
    /// Allow every origin to read every answer.
    pub cors: bool,
    /// A script that runs in the page before any of its own, as a file of its own.
    pub prelude: Option<String>,
    /// More pages, by path.
    pub pages: BTreeMap<String, String>,
}

/// One request that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The path without what follows a question mark.
    pub path: String,
    /// The status that it was answered with.
    pub status: u16,
}

/// A running server; it ends when this is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    task: JoinHandle<()>,
}

struct Shared {
    dist: PathBuf,
    hosting: Hosting,
    requests: Arc<Mutex<Vec<Request>>>,
}

struct Answer {
    status: u16,
    mime: &'static str,
    body: Vec<u8>,
}

impl Server {
    /// Serves the folder `dist` on a free port, at `/` and at `/course/unit-1/`.
    ///
    /// # Errors
    ///
    /// When no port can be had or there is no page in `dist`.
    pub async fn start(dist: &Path, hosting: Hosting) -> Result<Self> {
        anyhow::ensure!(
            dist.join("index.html").exists(),
            "there is no page in {}: build it with `cargo xtask build`",
            dist.display()
        );
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .context("no free port")?;
        let address = listener.local_addr().context("no address")?;
        let requests = Arc::new(Mutex::new(Vec::new()));
        let shared = Shared {
            dist: dist.to_owned(),
            hosting,
            requests: Arc::clone(&requests),
        };
        let shared = Arc::new(shared);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&shared);
                // A browser that hangs up in the middle of an answer is no failure of ours.
                tokio::spawn(async move { drop(converse(stream, &shared).await) });
            }
        });
        Ok(Self {
            address,
            requests,
            task,
        })
    }

    /// The address of `path`, which begins with a slash.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Host and port.
    #[must_use]
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// What was asked for so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Answers one request after the other on one connection.
async fn converse(stream: TcpStream, shared: &Shared) -> Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let mut words = line.split_whitespace();
        let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or("/"));
        let (method, target) = (method.to_owned(), target.to_owned());
        let length = read_headers(&mut reader).await?;
        let mut ignored = vec![0; length];
        reader.read_exact(&mut ignored).await?;
        let path = target.split(['?', '#']).next().unwrap_or("/").to_owned();
        let answer = match method.as_str() {
            "GET" | "HEAD" => shared.answer(&path),
            _ => Answer {
                status: 405,
                mime: "text/plain",
                body: Vec::new(),
            },
        };
        shared.note(Request {
            path,
            status: answer.status,
        });
        writer.write_all(shared.head(&answer).as_bytes()).await?;
        if method != "HEAD" {
            writer.write_all(&answer.body).await?;
        }
        writer.flush().await?;
    }
}

/// Reads up to the empty line; the length of the body that follows.
async fn read_headers(reader: &mut BufReader<tokio::net::tcp::OwnedReadHalf>) -> Result<usize> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            return Ok(length);
        };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().context("a bad content-length")?;
        }
    }
}

impl Shared {
    fn note(&self, request: Request) {
        self.requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(request);
    }

    fn head(&self, answer: &Answer) -> String {
        let Answer { status, mime, body } = answer;
        let phrase = if *status == 200 { "OK" } else { "No" };
        let mut head = format!(
            "HTTP/1.1 {status} {phrase}\r\nContent-Type: {mime}\r\nContent-Length: {}\r\n\
             Cache-Control: no-store\r\n",
            body.len()
        );
        if let Some(policy) = &self.hosting.policy {
            let policy = format!("{policy}; report-uri {REPORTS}");
            head.push_str(&format!("Content-Security-Policy: {policy}\r\n"));
        }
        if self.hosting.cors {
            head.push_str("Access-Control-Allow-Origin: *\r\n");
        }
        head.push_str("\r\n");
        head
    }

    fn answer(&self, path: &str) -> Answer {
        if let Some(page) = self.hosting.pages.get(path) {
            return Answer {
                status: 200,
                mime: HTML,
                body: page.clone().into_bytes(),
            };
        }
        let inside = path
            .strip_prefix(SUB_PATH)
            .or_else(|| path.strip_prefix('/'));
        let missing = Answer {
            status: 404,
            mime: "text/plain",
            body: b"not here\n".to_vec(),
        };
        let Some(inside) = inside else { return missing };
        if inside.split('/').any(|part| part == "..") {
            return missing;
        }
        if let (PRELUDE, Some(script)) = (inside, &self.hosting.prelude) {
            return Answer {
                status: 200,
                mime: JAVASCRIPT,
                body: script.clone().into_bytes(),
            };
        }
        let inside = if inside.is_empty() {
            "index.html"
        } else {
            inside
        };
        let file = self.dist.join(inside);
        let Ok(mut body) = std::fs::read(&file) else {
            return missing;
        };
        if inside == "index.html" && self.hosting.prelude.is_some() {
            body = with_prelude(&body);
        }
        Answer {
            status: 200,
            mime: mime(&file),
            body,
        }
    }
}

const HTML: &str = "text/html; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const PRELUDE: &str = "e2e-prelude.js";

fn with_prelude(page: &[u8]) -> Vec<u8> {
    let page = String::from_utf8_lossy(page);
    let tag = format!("<head><script src=\"./{PRELUDE}\"></script>");
    page.replacen("<head>", &tag, 1).into_bytes()
}

fn mime(file: &Path) -> &'static str {
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("html") => HTML,
        Some("js" | "mjs") => JAVASCRIPT,
        Some("css") => "text/css; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("ftl" | "txt" | "toml") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
