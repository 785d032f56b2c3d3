//! `cargo xtask serve`: the page on this machine, rebuilt when a source changes.

use std::io::{BufRead, BufReader, IsTerminal};
use std::net::{Ipv4Addr, TcpListener};
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::build;
use crate::steps::Steps;
use crate::tools::{Cache, FOR_THE_PAGE};

/// How many ports after a taken one are tried for a better offer.
const PORTS_TRIED: u16 = 50;

/// Options of `serve`.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The port to serve on.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Build without optimisation: quicker to build, slower to run.
    #[arg(long)]
    dev: bool,
    /// Do not open a browser.
    #[arg(long)]
    no_open: bool,
}

/// Installs what is missing, builds, and serves until it is interrupted.
pub(crate) fn run(options: &Serve, tools: &Cache, steps: &mut Steps) -> Result<()> {
    let port = options.port;
    // Asked first: nobody should wait for a build to hear that.
    if !is_free(port) {
        let free =
            (port.saturating_add(1)..=port.saturating_add(PORTS_TRIED)).find(|port| is_free(*port));
        let offer = free.map_or_else(
            || "choose another with --port".to_owned(),
            |free| format!("port {free} is free: `cargo xtask serve --port {free}`"),
        );
        bail!("port {port} is taken by another program; {offer}");
    }
    let tools = tools.prepare(FOR_THE_PAGE, steps)?;
    let mut command = build::trunk(&tools)?;
    command.args(["serve", "--port", &port.to_string()]);
    if !options.dev {
        command.arg("--release");
    }
    if !options.no_open && has_display() {
        command.arg("--open");
    }
    if std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        command.args(["--color", "always"]);
    }
    let (reader, writer) = std::io::pipe().context("cannot make a pipe")?;
    command
        .stdout(writer.try_clone().context("cannot share a pipe")?)
        .stderr(writer);
    println!("building the page; the first build takes a few minutes");
    let began = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .spawn()
        .context("cannot start trunk")?;
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut announced = false;
    for line in BufReader::new(reader).split(b'\n') {
        let line = line.context("cannot read what trunk says")?;
        let text = String::from_utf8_lossy(&line);
        println!("{text}");
        if !announced && text.contains("server listening") {
            announced = true;
            steps.add("page", began.elapsed());
            steps.print_times();
            println!("\nthe playground is at http://127.0.0.1:{port}/ (Ctrl-C ends it)");
        }
    }
    let status = child.wait().context("lost trunk")?;
    if !status.success() {
        bail!("trunk ended ({status}); its last words are above");
    }
    Ok(())
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

fn has_display() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let desktop = cfg!(any(target_os = "macos", target_os = "windows"));
    std::env::var_os("CI").is_none() && (desktop || set("DISPLAY") || set("WAYLAND_DISPLAY"))
}
