//! `cargo xtask soak`: runs seeds on all cores, judges each, and says what was seen.
//!
//! The same seeds give the same totals on any number of threads and machines: every run is a
//! function of its seed, and results are added up in the order of seeds. `docs/soak.md` says how
//! to read them and how to spread a soak over many machines.

mod document;
mod run;
mod shard;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use cluster::soak::{Planted, Profile, Range, Totals, floors};

use crate::exec;
use crate::steps::Steps;

use self::shard::Shard;

/// Options of `soak`.
#[derive(Debug, Args)]
pub(crate) struct Soak {
    /// Which seeds: `A..B`, without B.
    #[arg(long, value_name = "A..B", value_parser = parse_range, required_unless_present = "merge")]
    seeds: Option<Range>,
    /// What each seed runs: `store`, `raft` or `all`.
    #[arg(long, value_name = "NAME", default_value = "all", value_parser = Profile::named)]
    profile: Profile,
    /// On how many threads; all cores unless said otherwise.
    #[arg(long, value_name = "COUNT")]
    jobs: Option<NonZeroUsize>,
    /// Where the totals go; `target/soak.json` unless said otherwise.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Run only part I of N of the seeds, counted from 0. Slurm arrays and Kubernetes Indexed
    /// Jobs are recognised by themselves.
    #[arg(long, value_name = "I/N", value_parser = Shard::parse)]
    shard: Option<Shard>,
    /// Print the slice of the trace that leads to each failure.
    #[arg(long)]
    trace: bool,
    /// Break a rule of raft on purpose, to see it found: a name of `docs/mutations.md`.
    #[arg(long, value_name = "NAME", value_parser = find_rule)]
    rule: Option<&'static str>,
    /// Run nothing; add up what other machines came to.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    #[arg(conflicts_with_all = ["seeds", "shard", "rule"])]
    merge: Vec<PathBuf>,
}

/// Runs or merges; an error where something broke or a floor was missed.
pub(crate) fn run(options: &Soak, steps: &mut Steps) -> Result<()> {
    let (totals, out) = if options.merge.is_empty() {
        soak(options, steps)?
    } else {
        let out = options.out.clone().map_or_else(|| default_out(None), Ok)?;
        (merge(&options.merge)?, out)
    };
    document::write(&totals, options.rule, &out)?;
    println!("\n{}", document::table(&totals));
    println!("written to {}", out.display());
    judge(&totals)
}

fn soak(options: &Soak, steps: &mut Steps) -> Result<(Totals, PathBuf)> {
    let whole = options.seeds.context("say which --seeds")?;
    if options.rule.is_some() && !options.profile.has_groups() {
        bail!("a broken rule runs on raw groups: use the profile `raft` or `all`");
    }
    let shard = match options.shard {
        Some(shard) => Some(shard),
        None => Shard::of_environment(|name| std::env::var(name).ok())?,
    };
    let range = shard.map_or(whole, |shard| shard.of(whole));
    let out = options.out.clone().map_or_else(|| default_out(shard), Ok)?;
    let wanted = run::Wanted {
        range,
        profile: options.profile,
        planted: options.rule.map(planted).transpose()?,
        jobs: options.jobs.map_or_else(run::all_cores, NonZeroUsize::get),
        trace: options.trace,
    };
    let totals = steps.run("soak", |progress| Ok(run::all(&wanted, progress)))?;
    Ok((totals, out))
}

fn default_out(shard: Option<Shard>) -> Result<PathBuf> {
    let folder = exec::root().join("target");
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot create {}", folder.display()))?;
    Ok(folder.join(match shard {
        Some(Shard { nth, of }) => format!("soak-{nth}-of-{of}.json"),
        None => "soak.json".to_owned(),
    }))
}

fn merge(files: &[PathBuf]) -> Result<Totals> {
    let mut files = files.iter();
    let first = files.next().context("there is nothing to merge")?;
    let mut totals = document::read(first)?;
    for file in files {
        let other = document::read(file)?;
        let merged = totals.merge(other);
        merged.with_context(|| format!("cannot add {}", file.display()))?;
    }
    Ok(totals)
}

fn judge(totals: &Totals) -> Result<()> {
    let missed = floors::missed(totals);
    for miss in &missed {
        println!("floor missed: {miss}");
    }
    if totals.violations > 0 {
        bail!("{} runs broke something", totals.violations);
    }
    if !missed.is_empty() {
        bail!("{} floors were missed", missed.len());
    }
    Ok(())
}

fn parse_range(text: &str) -> Result<Range> {
    let (from, to) = text.split_once("..").context("two numbers: A..B")?;
    let number = |text: &str| {
        text.parse::<u64>()
            .with_context(|| format!("`{text}` is no seed"))
    };
    let (from, to) = (number(from)?, number(to)?);
    if from >= to {
        bail!("there is no seed in {text}");
    }
    Ok(Range { from, to })
}

fn find_rule(name: &str) -> Result<&'static str> {
    let broken = labs::find(name);
    broken.map(|broken| broken.name).ok_or_else(|| {
        anyhow!("no broken rule is called `{name}`; docs/mutations.md has all of them")
    })
}

fn planted(name: &str) -> Result<Planted> {
    let broken = labs::find(name).context("the rule was found before")?;
    Ok(Planted {
        name: broken.name,
        preset: broken.preset,
        rules: broken.rules,
    })
}

#[cfg(test)]
mod tests;
