//! Steps of a command: progress while one runs, and what each took at the end.

use std::cell::Cell;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};

/// The steps that a command has gone through, with their times.
#[derive(Debug)]
pub(crate) struct Steps {
    began: Instant,
    done: Vec<(String, Duration, bool)>,
    terminal: bool,
}

impl Steps {
    /// Starts the clock. Progress is drawn on a terminal only, else there are plain lines.
    pub(crate) fn new() -> Self {
        let terminal = std::io::stderr().is_terminal();
        Self {
            began: Instant::now(),
            done: Vec::new(),
            terminal,
        }
    }

    /// Runs one step under `name` and remembers its time, whether or not it succeeds.
    pub(crate) fn run<T>(
        &mut self,
        name: &str,
        work: impl FnOnce(&Progress) -> Result<T>,
    ) -> Result<T> {
        let progress = Progress::start(name, self.terminal);
        let began = Instant::now();
        let result = work(&progress);
        let took = began.elapsed();
        progress.finish(took, result.is_ok());
        self.done.push((name.to_owned(), took, result.is_ok()));
        result
    }

    /// Remembers a step that was timed elsewhere.
    pub(crate) fn add(&mut self, name: &str, took: Duration) {
        self.done.push((name.to_owned(), took, true));
    }

    /// Prints the table of times. Prints nothing for a command without steps, and once only.
    pub(crate) fn print_times(&mut self) {
        if self.done.is_empty() {
            return;
        }
        let width = self
            .done
            .iter()
            .map(|(name, ..)| name.len())
            .max()
            .unwrap_or(0)
            .max(5);
        println!("\ntime per step");
        for (name, took, ok) in self.done.drain(..) {
            let mark = if ok { "" } else { "  failed" };
            println!("  {name:width$}  {:>8}{mark}", seconds(took));
        }
        println!("  {:width$}  {:>8}", "total", seconds(self.began.elapsed()));
    }
}

/// A duration as people read it: `0.4 s`, `2 min 05 s`.
pub(crate) fn seconds(time: Duration) -> String {
    if time.as_secs() < 60 {
        return format!("{}.{} s", time.as_secs(), time.subsec_millis() / 100);
    }
    format!("{} min {:02} s", time.as_secs() / 60, time.as_secs() % 60)
}

/// What a running step shows: a spinner with its latest word, or plain lines.
#[derive(Debug)]
pub(crate) struct Progress {
    name: String,
    bar: Option<ProgressBar>,
}

impl Progress {
    fn start(name: &str, terminal: bool) -> Self {
        let bar = terminal.then(|| {
            let style = ProgressStyle::with_template("{spinner} {prefix}  {elapsed}  {wide_msg}")
                .unwrap_or_else(|_| ProgressStyle::default_spinner());
            let bar = ProgressBar::new_spinner().with_style(style);
            bar.set_prefix(name.to_owned());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        if bar.is_none() {
            println!("{name} …");
        }
        Self {
            name: name.to_owned(),
            bar,
        }
    }

    /// Shows the newest line of output; only a terminal has room for that.
    pub(crate) fn detail(&self, line: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(line.trim().to_owned());
        }
    }

    /// Counts to `end` from now on: a bar on a terminal, else a line for each tenth.
    pub(crate) fn count_to(&self, end: u64) -> Count<'_> {
        if let Some(bar) = &self.bar {
            let template = "{spinner} {prefix}  {elapsed}  {wide_bar} {pos}/{len}  {eta}";
            bar.set_style(
                ProgressStyle::with_template(template)
                    .unwrap_or_else(|_| ProgressStyle::default_bar()),
            );
            bar.set_length(end);
        }
        Count {
            progress: self,
            end,
            done: Cell::new(0),
        }
    }

    /// Says something that should stay on the screen.
    pub(crate) fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => println!("{line}"),
        }
    }

    fn finish(&self, took: Duration, ok: bool) {
        let word = if ok { "done" } else { "FAILED" };
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        println!("{} {word} in {}", self.name, seconds(took));
    }
}

/// A step that is many equal things.
#[derive(Debug)]
pub(crate) struct Count<'a> {
    progress: &'a Progress,
    end: u64,
    done: Cell<u64>,
}

impl Count<'_> {
    /// One more of them is done.
    pub(crate) fn one_more(&self) {
        let done = self.done.get() + 1;
        self.done.set(done);
        let tenths = |done: u64| u128::from(done) * 10 / u128::from(self.end.max(1));
        match &self.progress.bar {
            Some(bar) => bar.inc(1),
            None if tenths(done) > tenths(done - 1) => println!("  {done} of {}", self.end),
            None => {}
        }
    }
}
