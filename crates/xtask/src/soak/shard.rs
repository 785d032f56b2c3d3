//! Which part of a soak falls to this machine.

use anyhow::{Context, Result, bail};
use cluster::soak::Range;

/// How many completions a Kubernetes Indexed Job has; the job file must hand it over, because
/// Kubernetes itself tells a pod its index only.
pub(crate) const KUBERNETES_COUNT: &str = "SOAK_SHARDS";

/// Part `nth` of `of`, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shard {
    pub(crate) nth: u64,
    pub(crate) of: u64,
}

impl Shard {
    fn new(nth: u64, of: u64) -> Result<Self> {
        if nth >= of {
            bail!("there is no part {nth} of {of}: parts count from 0");
        }
        Ok(Self { nth, of })
    }

    /// Reads `I/N`.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let (nth, of) = text.split_once('/').context("two numbers: I/N")?;
        Self::new(number(nth)?, number(of)?)
    }

    /// What an array-job engine says, asked through `variable`; nothing outside of such a job.
    pub(crate) fn of_environment(
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>> {
        let known = |name: &str| variable(name).map(|text| number(&text)).transpose();
        if let Some(id) = known("SLURM_ARRAY_TASK_ID")? {
            let count = known("SLURM_ARRAY_TASK_COUNT")?;
            let count = count.context("SLURM_ARRAY_TASK_COUNT is missing")?;
            let first = known("SLURM_ARRAY_TASK_MIN")?.unwrap_or_default();
            let step = known("SLURM_ARRAY_TASK_STEP")?.unwrap_or(1).max(1);
            let nth = id.checked_sub(first);
            let nth = nth.context("SLURM_ARRAY_TASK_ID is below SLURM_ARRAY_TASK_MIN")?;
            return Self::new(nth / step, count).map(Some);
        }
        if let Some(index) = known("JOB_COMPLETION_INDEX")? {
            let count = known(KUBERNETES_COUNT)?.with_context(|| {
                format!("JOB_COMPLETION_INDEX is set: {KUBERNETES_COUNT} must say of how many")
            })?;
            return Self::new(index, count).map(Some);
        }
        Ok(None)
    }

    /// Its part of `range`.
    pub(crate) fn of(self, range: Range) -> Range {
        range.shard(self.nth, self.of)
    }
}

fn number(text: &str) -> Result<u64> {
    text.trim()
        .parse()
        .with_context(|| format!("`{text}` is no whole number"))
}
