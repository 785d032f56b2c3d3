//! Waiting for a condition.

use std::fmt::Display;
use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long a test waits for something that a healthy page does within a second or two. Two
/// browsers share two cores here, so it is generous.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// How long to wait between two looks.
const BETWEEN_LOOKS: Duration = Duration::from_millis(25);

/// Looks until `probe` finds something.
///
/// # Errors
///
/// When `limit` has passed without, or when the probe itself fails; both name `what`.
pub async fn until<T, F, Fut>(what: impl Display, limit: Duration, mut probe: F) -> Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<Option<T>>>,
{
    let started = Instant::now();
    loop {
        let found = probe()
            .await
            .with_context(|| format!("while waiting until {what}"))?;
        if let Some(found) = found {
            return Ok(found);
        }
        if started.elapsed() > limit {
            bail!("waited {} s in vain until {what}", limit.as_secs());
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}
