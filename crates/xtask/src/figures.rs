//! `cargo xtask figures`: how large the page is, and what the tests measured.
//!
//! Figures are kept as lists of `{name, value, unit, reference, ratio}` in `target/bench/`, one
//! file for each that measures: this module for sizes, the end-to-end suite for times.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde::{Deserialize, Serialize};

use crate::steps::Steps;
use crate::tools::{Cache, FOR_THE_PAGE};
use crate::{build, exec};

/// The strongest that a server would send, and its usual window.
const BROTLI_QUALITY: i32 = 11;
const BROTLI_WINDOW_BITS: i32 = 22;

/// Options of `figures`.
#[derive(Debug, Args)]
pub(crate) struct Figures {
    /// Measure the page that is in `dist/` already.
    #[arg(long)]
    no_build: bool,
}

/// One measured number.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Figure {
    /// What was measured.
    pub(crate) name: String,
    /// The number.
    pub(crate) value: f64,
    /// Of what.
    pub(crate) unit: String,
    /// What it is compared with, where there is such a number.
    pub(crate) reference: Option<f64>,
    /// How many times better the value is.
    pub(crate) ratio: Option<f64>,
}

/// Prints all figures and writes those of the bundle.
pub(crate) fn run(options: &Figures, tools: &Cache, steps: &mut Steps) -> Result<()> {
    if !options.no_build {
        let tools = tools.prepare(FOR_THE_PAGE, steps)?;
        build::build(true, &tools, steps)?;
    }
    let folder = exec::report_dir("bench")?;
    let figures = steps.run("sizes", |_| sizes(&build::dist()))?;
    write("bundle", &figures)?;
    for entry in sorted(&folder)? {
        if entry
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            print_file(&entry)?;
        }
    }
    Ok(())
}

/// Writes the figures of `name` and says where.
pub(crate) fn write(name: &str, figures: &[Figure]) -> Result<PathBuf> {
    let path = exec::report_dir("bench")?.join(format!("{name}.json"));
    let text = serde_json::to_string_pretty(figures).context("cannot write the figures")?;
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// The sizes of what a visitor downloads, by kind, as it is and compressed.
fn sizes(dist: &Path) -> Result<Vec<Figure>> {
    if !dist.join("index.html").exists() {
        bail!(
            "there is no page in {}: run this without --no-build",
            dist.display()
        );
    }
    let mut figures = Vec::new();
    for kind in ["wasm", "js", "css"] {
        let (mut raw, mut packed) = (0, 0);
        for path in files(dist)? {
            if path.extension().is_none_or(|extension| extension != kind) {
                continue;
            }
            let bytes =
                std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let small = compressed(&bytes)?;
            raw += bytes.len();
            packed += small;
            if kind == "wasm" {
                let name = path
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                figures.push(Figure::bytes(&name, bytes.len()));
                figures.push(Figure::bytes(&format!("{name} (brotli)"), small));
            }
        }
        figures.push(Figure::bytes(&format!("all {kind}"), raw));
        figures.push(Figure::bytes(&format!("all {kind} (brotli)"), packed));
    }
    Ok(figures)
}

impl Figure {
    fn bytes(name: &str, value: usize) -> Self {
        let value = value as f64;
        let (name, unit) = (name.to_owned(), "bytes".to_owned());
        Self {
            name,
            value,
            unit,
            reference: None,
            ratio: None,
        }
    }
}

fn compressed(mut bytes: &[u8]) -> Result<usize> {
    let mut packed = Vec::new();
    let parameters = brotli::enc::BrotliEncoderParams {
        quality: BROTLI_QUALITY,
        lgwin: BROTLI_WINDOW_BITS,
        ..Default::default()
    };
    brotli::BrotliCompress(&mut bytes, &mut packed, &parameters).context("cannot compress")?;
    Ok(packed.len())
}

/// All files below a folder, in order.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for path in sorted(folder)? {
        if path.is_dir() {
            all.extend(files(&path)?);
        } else {
            all.push(path);
        }
    }
    Ok(all)
}

fn sorted(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(
            entry
                .with_context(|| format!("cannot read {}", folder.display()))?
                .path(),
        );
    }
    paths.sort();
    Ok(paths)
}

fn print_file(path: &Path) -> Result<()> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let figures: Vec<Figure> = serde_json::from_str(&text)
        .with_context(|| format!("{} is no list of figures", path.display()))?;
    println!(
        "\n{}",
        path.file_stem().unwrap_or_default().to_string_lossy()
    );
    for figure in figures {
        let ratio = figure
            .ratio
            .map_or_else(String::new, |ratio| format!("  ({ratio:.2} x)"));
        println!(
            "  {:42}{:>14} {}{ratio}",
            figure.name, figure.value, figure.unit
        );
    }
    Ok(())
}
