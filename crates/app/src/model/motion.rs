//! What moves between two frames. Everything is a function of the instant shown, and that never
//! passes the newest frame's.

use std::{collections::BTreeMap, rc::Rc};

use types::{
    event::MadeBy,
    frame::{Frame, MessageFrame},
    time::VirtualTime,
};

/// How far behind the newest frame the instant shown may fall, in milliseconds of real time,
/// before it jumps.
const LAG_MS: f64 = 80.0;

/// The instant shown, and the messages on their way at it.
#[derive(Debug, Default)]
pub struct Motion {
    newest: Option<Rc<Frame>>,
    known: BTreeMap<MessageKey, MessageFrame>,
    shown_us: f64,
    real_ms: f64,
}

impl Motion {
    /// Takes the next frame.
    pub fn take(&mut self, frame: Rc<Frame>) {
        let went_back = self
            .newest
            .as_ref()
            .is_none_or(|last| frame.now < last.now || frame.event < last.event);
        if went_back {
            self.known.clear();
            self.shown_us = frame.now.get() as f64;
        }
        let now = frame.now;
        let lost = |id: &MessageKey| frame.lost.iter().any(|lost| key(&lost.message) == *id);
        // A message that is gone before it was due did not arrive.
        self.known
            .retain(|id, message| message.due <= now && !lost(id));
        for message in &frame.messages {
            self.known.insert(key(message), message.clone());
        }
        self.newest = Some(frame);
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// The newest frame.
    #[must_use]
    pub fn newest(&self) -> Option<&Rc<Frame>> {
        self.newest.as_ref()
    }

    /// Lets the instant shown advance to the real instant `real_ms`.
    pub fn advance(&mut self, real_ms: f64) {
        let passed = (real_ms - self.real_ms).clamp(0.0, 1_000.0);
        self.real_ms = real_ms;
        let Some(frame) = &self.newest else { return };
        let horizon = frame.now.get() as f64;
        if frame.pace.running {
            let rate = f64::from(frame.pace.asked_permille.max(10));
            let step = self.shown_us + passed * rate;
            let behind = horizon - LAG_MS * rate;
            self.shown_us = step.max(behind).min(horizon);
        } else {
            self.shown_us = horizon;
        }
        let shown = self.shown();
        let on_its_way = |message: &MessageFrame| message.due > shown;
        let in_frame = |id: &MessageKey| frame.messages.iter().any(|message| key(message) == *id);
        self.known
            .retain(|id, message| on_its_way(message) || in_frame(id));
    }

    /// The instant shown.
    #[must_use]
    pub fn shown(&self) -> VirtualTime {
        VirtualTime::new(self.shown_us.max(0.0) as u64)
    }

    /// The messages on their way at the instant shown, by id.
    pub fn messages(&self) -> impl Iterator<Item = &MessageFrame> {
        let shown = self.shown();
        self.known
            .values()
            .filter(move |message| message.sent <= shown)
    }
}

/// Tells one message on its way from all others: a doubled one is there twice under one name.
pub type MessageKey = (MadeBy, bool);

/// The key of a message.
#[must_use]
pub const fn key(message: &MessageFrame) -> MessageKey {
    (message.id, message.duplicate)
}

/// How far a message is on its way at `shown`, 0 to 1. One that is held stays where it was.
#[must_use]
pub fn progress(message: &MessageFrame, shown: VirtualTime) -> f64 {
    let moved_until = message.held.map_or(shown, |held| held.since.min(shown));
    share(message.sent, message.due, moved_until)
}

/// Where `shown` lies between two instants, 0 to 1.
#[must_use]
pub fn share(from: VirtualTime, to: VirtualTime, shown: VirtualTime) -> f64 {
    let whole = to.since(from).max(1) as f64;
    (shown.since(from) as f64 / whole).clamp(0.0, 1.0)
}

/// The nearest of the three places at which messages rest when motion is reduced.
#[must_use]
pub fn rest(progress: f64) -> f64 {
    match progress {
        p if p < 1.0 / 3.0 => 0.15,
        p if p < 2.0 / 3.0 => 0.5,
        _ => 0.85,
    }
}

#[cfg(test)]
mod tests {
    use types::frame::{Held, Holder};

    use super::*;
    use crate::model::state::tests::{frame, message};

    #[test]
    fn nothing_beyond_the_newest_frame_is_shown() {
        let mut motion = Motion::default();
        motion.take(Rc::new(frame(1_000_000)));
        motion.advance(0.0);
        motion.advance(5_000.0);
        assert_eq!(motion.shown(), VirtualTime::new(1_000_000));
    }

    #[test]
    fn the_instant_shown_glides_towards_the_newest_frame() {
        let mut motion = Motion::default();
        motion.take(Rc::new(frame(1_000_000)));
        motion.advance(100.0);
        motion.take(Rc::new(frame(1_016_000)));
        motion.advance(108.0);
        assert_eq!(motion.shown(), VirtualTime::new(1_008_000));
        motion.advance(140.0);
        assert_eq!(motion.shown(), VirtualTime::new(1_016_000));
    }

    #[test]
    fn while_paused_the_messages_are_exactly_those_of_the_frame() {
        let mut motion = Motion::default();
        let mut first = frame(1_000_000);
        first.messages = vec![message(1, 990_000, 1_010_000)];
        motion.take(Rc::new(first));
        motion.advance(0.0);
        let mut second = frame(1_020_000);
        second.messages = vec![message(2, 1_015_000, 1_030_000)];
        second.pace.running = false;
        motion.take(Rc::new(second.clone()));
        motion.advance(1.0);
        let drawn: Vec<_> = motion.messages().cloned().collect();
        assert_eq!(drawn, second.messages);
    }

    #[test]
    fn a_message_that_is_held_stands_where_it_was_also_after_it_was_due() {
        let mut motion = Motion::default();
        let mut now = frame(1_200_000);
        let mut held = message(1, 990_000, 1_090_000);
        let (since, by) = (VirtualTime::new(1_015_000), Holder::Hand);
        held.held = Some(Held { since, by });
        now.messages = vec![held.clone()];
        motion.take(Rc::new(now));
        motion.advance(0.0);
        assert_eq!(motion.messages().cloned().collect::<Vec<_>>(), [held]);
        let drawn = motion.messages().next().expect("it is held");
        assert!((progress(drawn, motion.shown()) - 0.25).abs() < 1e-9);
        motion.take(Rc::new(frame(1_201_000)));
        motion.advance(1.0);
        assert_eq!(motion.messages().count(), 0, "it was let go and arrived");
    }

    #[test]
    fn a_message_that_vanished_before_it_was_due_is_not_drawn_any_more() {
        let mut motion = Motion::default();
        let mut first = frame(1_000_000);
        first.messages = vec![message(1, 990_000, 1_100_000)];
        motion.take(Rc::new(first));
        motion.take(Rc::new(frame(1_001_000)));
        motion.advance(0.0);
        assert_eq!(motion.messages().count(), 0);
    }
}
