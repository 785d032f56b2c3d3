//! One moment of a recording: to look at, and to go on from.

use types::{event::EventId, frame::Frame, time::VirtualTime};

use super::{Divergence, Player, SegmentEnd, StoreEnd, check_engine};
use crate::{
    node::{Machine, Node},
    recording::{Chance, Recording, Segment, Strike},
    round::Next,
    sim::{HostConfig, Simulation},
};

/// Why a recording has no such moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SeekError {
    /// The recording ends before, or has no such segment.
    #[error("the recording has no event {event}")]
    NoSuchEvent {
        /// The event.
        event: EventId,
    },
    /// The recording does not come out again.
    #[error(transparent)]
    Diverged(#[from] Divergence),
}

/// A moment of a recording, between two rounds.
pub struct Moment<'a, N: Node> {
    player: Player<'a, N>,
}

/// Runs a segment of a recording again, up to an event and the end of its round. Where the clock
/// stood at `now` then, people had done by then what they did.
///
/// # Errors
///
/// [`SeekError`].
pub fn seek<'a, N: Node>(
    recording: &'a Recording,
    setup: &'a N::Setup,
    event: EventId,
    now: Option<VirtualTime>,
) -> Result<Moment<'a, N>, SeekError> {
    let mut segments = recording.segments.iter();
    let segment = segments.find(|segment| segment.segment == event.segment);
    let segment = segment
        .filter(|segment| event.seq <= segment.end.seq)
        .ok_or(SeekError::NoSuchEvent { event })?;
    check_engine(segment)?;
    let mut player = Player::<N>::new(segment, setup);
    player.reach_moment(segment, event.seq, now)?;
    player.conductor.stop_recording();
    Ok(Moment { player })
}

impl<N: Node> Player<'_, N> {
    fn reach_moment(
        &mut self,
        segment: &Segment,
        seq: u64,
        now: Option<VirtualTime>,
    ) -> Result<(), Divergence> {
        let mut wanted = seq;
        let mut strikes = segment.strikes.iter().peekable();
        loop {
            let here = self.event().seq;
            let open = self.conductor.is_round_open();
            // The round of an event may hold later ones.
            if open && here > wanted {
                wanted = here;
            }
            let comes_first = |strike: &&Strike| is_before(strike, wanted, now);
            if let Some(strike) = strikes.next_if(|strike| comes_first(strike)) {
                self.reach(strike.at.seq, !strike.at.closed, strike.at.now)?;
                self.strike(strike)?;
            } else if open {
                self.close()?;
            } else if here >= wanted {
                self.conductor.stand_at(now.unwrap_or_default());
                return Ok(());
            } else {
                let until = strikes.peek().map_or(segment.end.now, |next| next.at.now);
                match self.conductor.next(until) {
                    Next::Round(round) => self.hand_out(&round)?,
                    Next::Held(owed) => self.bring(&owed)?,
                    Next::Idle { .. } => return Err(self.passed_by(wanted, false)),
                }
            }
        }
    }
}

/// Whether chance struck before the end of the round of event `wanted`, or behind it while the
/// clock stood at most at `now`.
fn is_before(strike: &Strike, wanted: u64, now: Option<VirtualTime>) -> bool {
    let at = strike.at;
    let stood = now.is_some_and(|now| at.now <= now) && strike.chance != Chance::Step;
    at.seq < wanted || at.seq == wanted && (!at.closed || stood)
}

impl<N: Node> Moment<'_, N> {
    /// The hashes of the moment, equal to those that the run had there.
    #[must_use]
    pub fn hashes(&self) -> SegmentEnd {
        let conductor = &self.player.conductor;
        let state_of = |(store, incarnation)| {
            let node = self.player.machines.get(&store).and_then(Machine::node);
            StoreEnd {
                store,
                incarnation,
                state: node.expect("a running store has booted").state_hash(),
            }
        };
        SegmentEnd {
            event: conductor.event(),
            now: conductor.now(),
            run: conductor.run_hash(),
            conductor: conductor.state_hash(),
            stores: conductor.running().into_iter().map(state_of).collect(),
        }
    }

    /// The stage at that moment.
    pub fn frame(&mut self) -> Frame {
        self.player.conductor.frame()
    }

    /// A simulation that goes on from here, on a host that is always in time. What the recorded
    /// run met later does not happen in it: no action, no lateness, no death. Of writes that were
    /// on their way when a store died, none reached the disk.
    #[must_use]
    pub fn fork(self) -> Simulation<N> {
        let player = self.player;
        let seed = player.conductor.run_hash();
        let late = player.late.into_iter().collect();
        let host = (HostConfig::new(seed), player.setup.clone());
        Simulation::go_on(player.conductor, host, player.machines, late)
    }
}
