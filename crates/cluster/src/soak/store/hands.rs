//! Single messages, handled by whoever sees which are on their way.

use std::collections::BTreeMap;

use types::{
    action::{Action, MessageDeed},
    event::MadeBy,
    frame::MessageFrame,
    time::{US_PER_MS, VirtualTime},
};

use super::{Reason, Stage};
use crate::{dice::Dice, sim::FaultKind};

/// Between two messages that are handled, in milliseconds.
const PAUSE_MS: (u64, u64) = (40, 400);
/// How long a message is held, or delayed, in milliseconds.
const LASTS_MS: (u64, u64) = (1, 1_500);

/// What hands do to messages, and did.
#[derive(Debug)]
pub(super) struct Hands {
    dice: Dice,
    kinds: Vec<FaultKind>,
    /// Messages that are held, and until when.
    held: BTreeMap<(MadeBy, bool), VirtualTime>,
    /// How often each kind of deed was done.
    pub(super) done: BTreeMap<FaultKind, u64>,
}

impl Hands {
    pub(super) fn new(seed: u64, kinds: Vec<FaultKind>) -> Self {
        Self {
            dice: Dice::new(&("hands", seed)),
            kinds,
            held: BTreeMap::new(),
            done: BTreeMap::new(),
        }
    }

    fn draw(&mut self, (min, max): (u64, u64)) -> u64 {
        self.dice.between(min, max)
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> Option<T> {
        let bound = u64::try_from(from.len()).ok().filter(|bound| *bound > 0)?;
        let nth = usize::try_from(self.dice.below(bound)).ok()?;
        from.get(nth).cloned()
    }
}

impl Stage {
    /// Lets the troubles happen up to their end, with hands in the messages now and then.
    pub(super) fn trouble(&mut self) -> Result<(), Reason> {
        while !self.hands.kinds.is_empty() && self.now() < self.plan.until {
            let pause = self.hands.draw(PAUSE_MS) * US_PER_MS;
            self.advance_to(self.now().plus(pause).min(self.plan.until))?;
            self.handle();
            // A deed by hand may have consequences at once.
            self.judge()?;
        }
        self.advance_to(self.plan.until)
    }

    /// Releases what was held long enough, and handles one more message.
    fn handle(&mut self) {
        let now = self.now();
        let due = self.hands.held.extract_if(.., |_, until| *until <= now);
        let due: Vec<(MadeBy, bool)> = due.map(|(name, _)| name).collect();
        for name in due {
            self.deed(name, MessageDeed::Release);
        }
        let kinds = self.hands.kinds.clone();
        let kind = self.hands.pick(&kinds);
        let mut messages = self.sim.conductor_mut().frame().messages;
        messages.retain(|message: &MessageFrame| message.held.is_none());
        let message = self.hands.pick(&messages);
        let ms = self.hands.draw(LASTS_MS);
        let (Some(kind), Some(message)) = (kind, message) else {
            return;
        };
        let name = (message.id, message.duplicate);
        let deed = match kind {
            FaultKind::HoldMessage => MessageDeed::Hold,
            FaultKind::DropMessage => MessageDeed::Drop,
            FaultKind::DelayMessage => MessageDeed::Delay { ms },
            _ => MessageDeed::Double,
        };
        if self.deed(name, deed) {
            *self.hands.done.entry(kind).or_default() += 1;
            if deed == MessageDeed::Hold {
                let until = now.plus(ms * US_PER_MS);
                self.hands.held.insert(name, until);
            }
        }
    }

    fn deed(&mut self, (id, duplicate): (MadeBy, bool), deed: MessageDeed) -> bool {
        let action = Action::Message {
            id,
            duplicate,
            deed,
        };
        self.sim.act(action).is_ok()
    }
}
