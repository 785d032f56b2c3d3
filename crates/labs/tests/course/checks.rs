//! What a test of the course asks a group, and has it do.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::rig::{Outcome, Rig};
use crate::server::Server;
use crate::tasks::{Asking, Next, Task};

/// How long an election takes at most, as the course assumes.
pub(crate) const ELECTION_MS: u64 = 1_000;

/// A command that tells a number.
pub(crate) fn command(number: u64) -> Bytes {
    Bytes::from(number.to_string())
}

impl Rig {
    /// A command that was never given before.
    pub(crate) fn fresh(&mut self) -> Bytes {
        command(self.dice.any())
    }

    /// The one leader among the connected servers, of the latest term that has one. Elections have
    /// about five seconds.
    pub(crate) fn check_one_leader(&mut self) -> Outcome<usize> {
        for _ in 0..10 {
            let ms = 450 + self.dice.below(100);
            self.sleep(ms)?;
            let leaders = self.leaders();
            for (term, leaders) in &leaders {
                if leaders.len() > 1 {
                    return Err(self.failure(format!("term {term} has the leaders {leaders:?}")));
                }
            }
            if let Some((_, leaders)) = leaders.last_key_value() {
                return Ok(leaders[0]);
            }
        }
        Err(self.failure("nobody was elected"))
    }

    /// Who believes to lead which term, of the connected servers.
    fn leaders(&self) -> BTreeMap<u64, Vec<usize>> {
        let mut leaders: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        for (at, server) in self.servers.iter().enumerate() {
            if let (true, Some((term, true))) = (server.is_connected, server.state()) {
                leaders.entry(term).or_default().push(at);
            }
        }
        leaders
    }

    /// Nobody leads among the connected servers.
    pub(crate) fn check_no_leader(&self) -> Outcome {
        match self.leaders().last_key_value() {
            Some((_, leaders)) => {
                Err(self.failure(format!("server {} leads without a quorum", leaders[0])))
            }
            None => Ok(()),
        }
    }

    /// The term in which all connected servers are.
    pub(crate) fn check_terms(&self) -> Outcome<u64> {
        let connected = self.servers.iter().filter(|server| server.is_connected);
        let mut terms: Vec<u64> = connected
            .filter_map(Server::state)
            .map(|(term, _)| term)
            .collect();
        terms.dedup();
        match terms[..] {
            [term] => Ok(term),
            _ => Err(self.failure(format!("servers are in the terms {terms:?}"))),
        }
    }

    /// The term of a server; zero while it is down.
    pub(crate) fn term(&self, server: usize) -> u64 {
        self.servers[server].state().map_or(0, |(term, _)| term)
    }

    /// Gives a server a command. Index and term, if it believes that it leads.
    pub(crate) fn start(&mut self, server: usize, command: Bytes) -> Option<(u64, u64)> {
        let node = self.servers[server].node.as_mut()?;
        let at = node.propose(command).ok()?;
        self.turn_soon(server);
        Some((at.index.get(), at.term.get()))
    }

    /// How many servers applied something at `index`, and what.
    pub(crate) fn committed_at(&self, index: u64) -> (usize, Option<Bytes>) {
        let servers = self.servers.iter();
        let found: Vec<&Bytes> = servers.filter_map(|s| s.applied.get(&index)).collect();
        (found.len(), found.first().copied().cloned())
    }

    /// Has a command applied by `expected` servers, trying again if need be; its index.
    pub(crate) fn one(&mut self, command: Bytes, expected: usize) -> Outcome<u64> {
        self.ask(Asking::new(command, expected, true))
    }

    /// Has a command applied by `expected` servers in one try.
    pub(crate) fn one_try(&mut self, command: Bytes, expected: usize) -> Outcome<u64> {
        self.ask(Asking::new(command, expected, false))
    }

    /// [`Rig::one`] of a command that was never given before.
    pub(crate) fn one_fresh(&mut self, expected: usize) -> Outcome<u64> {
        let command = self.fresh();
        self.one(command, expected)
    }

    fn ask(&mut self, mut asking: Asking) -> Outcome<u64> {
        loop {
            match asking.poll(self)? {
                Next::Again(ms) => self.sleep(ms)?,
                Next::Done => return Ok(asking.index.expect("it is done")),
            }
        }
    }

    /// Waits until `expected` servers applied something at `index`, and says what; nothing once
    /// `term` is over.
    pub(crate) fn wait(
        &mut self,
        index: u64,
        expected: usize,
        term: Option<u64>,
    ) -> Outcome<Option<Bytes>> {
        let mut ms = 10;
        for _ in 0..30 {
            if self.committed_at(index).0 >= expected {
                break;
            }
            self.sleep(ms)?;
            ms = if ms < 1_000 { ms * 2 } else { ms };
            let is_over = |term| (0..self.len()).any(|server| self.term(server) > term);
            if term.is_some_and(is_over) {
                return Ok(None);
            }
        }
        match self.committed_at(index) {
            (count, Some(command)) if count >= expected => Ok(Some(command)),
            (count, _) => Err(self.failure(format!(
                "{count} of {expected} servers applied something at {index}"
            ))),
        }
    }

    /// Waits until all tasks are done.
    pub(crate) fn join(&mut self) -> Outcome {
        while self.open_tasks > 0 {
            self.sleep(10)?;
        }
        Ok(())
    }
}
