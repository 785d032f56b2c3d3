//! A client in the page that writes without pause and remembers what was acknowledged.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::harness::{PATIENCE, Page, until};
use types::store::{Command, CommandResult};

/// How many writes are under way at any time.
const UNDER_WAY: u32 = 8;
/// How many pairs one scan asks for.
const PER_SCAN: u32 = 200;

/// Runs until `window.e2eWriter.stop`. Every key is written once.
const WRITE: &str = r"
    const writer = window.e2eWriter = { stop: false, under: {}, count: 0, error: null, sent: 0 };
    writer.acknowledged = [];
    const bytes = (text) => Array.from(new TextEncoder().encode(text));
    const settle = () => {
        const { operations } = JSON.parse(window.playground.frame());
        // What is no longer listed is not known to be acknowledged.
        for (const id of Object.keys(writer.under).map(Number)) {
            if (operations.length > 0 && id < operations[0].id) {
                delete writer.under[id];
                writer.count -= 1;
            }
        }
        for (const operation of operations) {
            const key = writer.under[operation.id];
            if (key === undefined || operation.state === 'Open') continue;
            delete writer.under[operation.id];
            writer.count -= 1;
            if (operation.state.Done) writer.acknowledged.push(key);
        }
    };
    const submit = async () => {
        const key = 'w' + String(writer.sent).padStart(6, '0');
        writer.sent += 1;
        const command = { Put: { key: bytes(key), value: bytes('v-' + key) } };
        const text = JSON.stringify({ Submit: { command, via: null } });
        const outcome = JSON.parse(await window.playground.act(text));
        if (outcome.Err) throw new Error(JSON.stringify(outcome.Err));
        writer.under[outcome.Ok.Submitted] = key;
        writer.count += 1;
    };
    (async () => {
        while (!writer.stop || writer.count > 0) {
            settle();
            while (!writer.stop && writer.count < a[0]) await submit();
            await new Promise((resolve) => setTimeout(resolve, 5));
        }
    })().catch((error) => { writer.error = String(error); });
";

/// The running client.
pub(crate) struct Writer<'p> {
    page: &'p Page,
}

impl<'p> Writer<'p> {
    /// Starts to write.
    pub(crate) async fn start(page: &'p Page) -> Result<Self> {
        let _: Value = page.task(WRITE, &[json!(UNDER_WAY)]).await?;
        Ok(Self { page })
    }

    /// How many writes were acknowledged so far.
    pub(crate) async fn acknowledged(&self) -> Result<usize> {
        let error: Option<String> = self
            .page
            .script("return window.e2eWriter.error", &[])
            .await?;
        ensure!(error.is_none(), "the client broke: {error:?}");
        self.page
            .script("return window.e2eWriter.acknowledged.length", &[])
            .await
    }

    /// Waits until `more` writes were acknowledged than now.
    pub(crate) async fn progress(&self, more: usize) -> Result<()> {
        let before = self.acknowledged().await?;
        until(
            format!("{more} more writes are acknowledged"),
            PATIENCE,
            || async { Ok((self.acknowledged().await? >= before + more).then_some(())) },
        )
        .await
    }

    /// Stops, waits for what is under way, and returns the keys that were acknowledged.
    pub(crate) async fn stop(self) -> Result<Vec<String>> {
        let _: Value = self
            .page
            .script("window.e2eWriter.stop = true", &[])
            .await?;
        until("the client's last writes are settled", PATIENCE, || async {
            let count: u32 = self
                .page
                .script("return window.e2eWriter.count", &[])
                .await?;
            self.acknowledged().await?;
            Ok((count == 0).then_some(()))
        })
        .await?;
        self.page
            .script("return window.e2eWriter.acknowledged", &[])
            .await
    }
}

/// Everything that the cluster holds, read by scans through the log.
pub(crate) async fn everything(page: &Page) -> Result<BTreeMap<String, String>> {
    let mut all = BTreeMap::new();
    let mut start = String::new();
    loop {
        let (from, end) = (start.clone().into(), "".into());
        let scan = Command::Scan {
            start: from,
            end,
            limit: PER_SCAN,
        };
        let CommandResult::Scan { pairs } = page.done(scan).await? else {
            anyhow::bail!("a scan brought something else");
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        all.extend(pairs.iter().map(|(key, value)| (text(key), text(value))));
        match pairs.last() {
            Some((last, _)) if pairs.len() >= PER_SCAN as usize => {
                start = text(last) + "\0";
            }
            _ => return Ok(all),
        }
    }
}
