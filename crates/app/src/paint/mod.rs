//! What moves on the stage between two renderings: messages, timers and the clock.
//!
//! The painter writes attributes of nodes that the components never fill or touch, once per
//! animation frame. Where it puts things is [`crate::model::motion`]'s and
//! [`crate::model::geometry`]'s to say.

mod pill;

use std::{collections::BTreeMap, rc::Rc};

use types::{
    frame::{Frame, LOST_SHOWN_US, LossReason, LostMessage, MessageFrame},
    time::VirtualTime,
};
use web_sys::{Document, Element};

use crate::{
    model::{
        bytes::seconds,
        geometry::{Geometry, Point},
        motion::{MessageKey, Motion, key, progress, rest, share},
    },
    words::variants,
};

/// How far beside the link each direction runs, in pixels.
const LANE: f64 = 8.0;
/// Above this many messages, pills are left out.
const PILLS_MAX: usize = 40;
/// Above this speed, in thousandths, pills are left out.
const PILLS_SPEED: u32 = 4_000;
/// The length of a timer's ring at radius 43.
const RING: f64 = 270.2;
/// The share of a timer from which it is drawn as about to run out.
const HOT: f64 = 0.78;

struct Drawn {
    group: Element,
    trail: Element,
    /// What makes the trail a double line.
    hollow: Option<Element>,
    nose: Option<Element>,
    carry: Element,
    half: f64,
}

/// Draws what moves.
#[derive(Default)]
pub struct Painter {
    /// The instant shown and the messages at it.
    pub motion: Motion,
    geometry: Option<Geometry>,
    reduced: bool,
    labels: pill::Labels,
    messages: BTreeMap<MessageKey, Drawn>,
    lost: BTreeMap<MessageKey, Drawn>,
}

impl Painter {
    /// Takes the next frame.
    pub fn take(&mut self, frame: Rc<Frame>) {
        self.motion.take(frame);
    }

    /// Takes where things stand now, the words for a vote (yes, no) and for a campaign that is to
    /// start at once, and whether motion is unwelcome.
    pub fn arrange(&mut self, geometry: Geometry, words: [String; 3], reduced: bool) {
        let [yes, no, now] = words;
        let labels = pill::Labels {
            yes_no: [yes, no],
            now,
            shown: self.labels.shown,
            regions: self.labels.regions.clone(),
            short: geometry.room.small,
        };
        if self.labels != labels {
            self.labels = labels;
            self.wipe();
        }
        self.reduced = reduced;
        self.geometry = Some(geometry);
    }

    /// Removes every message.
    pub fn wipe(&mut self) {
        for drawn in self.messages.values().chain(self.lost.values()) {
            drawn.group.remove();
        }
        self.messages.clear();
        self.lost.clear();
    }

    /// Draws the instant that belongs to the real instant `real_ms`.
    pub fn paint(&mut self, document: &Document, real_ms: f64) {
        self.motion.advance(real_ms);
        let shown = self.motion.shown();
        clock(document, shown);
        let Some(frame) = self.motion.newest().cloned() else {
            return;
        };
        if self.labels.regions.len() != frame.regions.len() {
            self.labels.regions = frame.regions.iter().map(|one| one.region.id).collect();
        }
        if self.labels.shown != Some(frame.region.id) {
            self.labels.shown = Some(frame.region.id);
            self.wipe();
        }
        timers(document, &frame, shown);
        if let (Some(layer), Some(geometry)) = (
            document.get_element_by_id("messages"),
            self.geometry.clone(),
        ) {
            self.paint_messages(document, &layer, &geometry, &frame, shown);
            self.paint_lost(document, &layer, &geometry, &frame, shown);
        }
    }

    fn paint_messages(
        &mut self,
        document: &Document,
        layer: &Element,
        geometry: &Geometry,
        frame: &Frame,
        shown: VirtualTime,
    ) {
        let messages: Vec<MessageFrame> = self.motion.messages().cloned().collect();
        let fast = frame.pace.running
            && (frame.pace.asked_permille > PILLS_SPEED || messages.len() > PILLS_MAX);
        set(layer, "class", if fast { "msgs is-fast" } else { "msgs" });
        let alive = |id: &MessageKey| messages.iter().any(|message| key(message) == *id);
        self.messages.retain(|id, drawn| {
            let keep = alive(id) && layer.contains(Some(&drawn.group));
            if !keep {
                drawn.group.remove();
            }
            keep
        });
        for message in &messages {
            let Some(way) = geometry.way(message.from, message.to, LANE) else {
                continue;
            };
            if !self.messages.contains_key(&key(message))
                && let Some(drawn) = pill::create(document, layer, message, &self.labels, None)
            {
                self.messages.insert(key(message), drawn);
            }
            let Some(drawn) = self.messages.get(&key(message)) else {
                continue;
            };
            let at = progress(message, shown);
            let drawn_at = if self.reduced && frame.pace.running {
                rest(at)
            } else {
                at
            };
            set(&drawn.group, "data-at", &format!("{at:.4}"));
            set(&drawn.group, "data-held", variants::holder(message.held));
            place(drawn, way, drawn_at);
        }
    }

    fn paint_lost(
        &mut self,
        document: &Document,
        layer: &Element,
        geometry: &Geometry,
        frame: &Frame,
        shown: VirtualTime,
    ) {
        let fresh = |lost: &&LostMessage| lost.at <= shown && shown.since(lost.at) <= LOST_SHOWN_US;
        let lost: Vec<&LostMessage> = frame.lost.iter().filter(fresh).collect();
        let alive = |id: &MessageKey| lost.iter().any(|lost| key(&lost.message) == *id);
        self.lost.retain(|id, drawn| {
            let keep = alive(id) && layer.contains(Some(&drawn.group));
            if !keep {
                drawn.group.remove();
            }
            keep
        });
        for lost in lost.iter().rev().take(PILLS_MAX) {
            let message = &lost.message;
            let Some(way) = geometry.way(message.from, message.to, LANE) else {
                continue;
            };
            if !self.lost.contains_key(&key(message)) {
                let reason = Some(variants::loss(lost.reason));
                let created = pill::create(document, layer, message, &self.labels, reason);
                self.lost.extend(created.map(|drawn| (key(message), drawn)));
            }
            if let Some(drawn) = self.lost.get(&key(message)) {
                let age = shown.since(lost.at) as f64 / LOST_SHOWN_US as f64;
                set(&drawn.group, "opacity", &format!("{:.2}", 1.0 - age * age));
                place(drawn, way, lost_at(geometry, way, lost.reason));
            }
        }
    }
}

/// Where on its way a message was lost, as a share.
fn lost_at(geometry: &Geometry, (a, b): (Point, Point), reason: LossReason) -> f64 {
    match reason {
        LossReason::Cut => geometry.wall_share(a, b).unwrap_or(0.5),
        LossReason::Chance | LossReason::Hand => 0.5,
        LossReason::Full => 0.06,
        LossReason::Down => 0.94,
    }
}

fn place(drawn: &Drawn, (a, b): (Point, Point), at: f64) {
    // The pill keeps clear of the rings around both dials; its way stays linear in time.
    let clear = (drawn.half.min(16.0) / a.distance(b).max(1.0)).min(0.3);
    let point = a.towards(b, clear + at * (1.0 - 2.0 * clear));
    let angle = (b.y - a.y).atan2(b.x - a.x);
    set(
        &drawn.carry,
        "transform",
        &format!("translate({:.1} {:.1})", point.x, point.y),
    );
    for line in [Some(&drawn.trail), drawn.hollow.as_ref()]
        .into_iter()
        .flatten()
    {
        let way = format!("M{:.1} {:.1}L{:.1} {:.1}", a.x, a.y, point.x, point.y);
        set(line, "d", &way);
    }
    if let Some(nose) = &drawn.nose {
        // A flat pill is left through its end or through its long side, whichever is nearer.
        let (along, across) = (angle.cos().abs(), angle.sin().abs());
        let edge = (drawn.half / along.max(1e-6)).min(11.0 / across.max(1e-6));
        let ahead = edge.min(drawn.half) + 8.0;
        let (x, y) = (point.x + angle.cos() * ahead, point.y + angle.sin() * ahead);
        set(
            nose,
            "transform",
            &format!("translate({x:.1} {y:.1}) rotate({:.1})", angle.to_degrees()),
        );
    }
}

fn clock(document: &Document, shown: VirtualTime) {
    if let Some(clock) = document.get_element_by_id("clock") {
        let text = seconds(shown.get());
        if clock.text_content().as_deref() != Some(&text) {
            clock.set_text_content(Some(&text));
        }
        set(&clock, "data-now", &shown.get().to_string());
    }
}

fn timers(document: &Document, frame: &Frame, shown: VirtualTime) {
    for store in &frame.stores {
        let Some((started, due)) = store.timer else {
            continue;
        };
        let part = |name: &str| document.get_element_by_id(&format!("{name}-{}", store.id.get()));
        let (Some(arc), Some(head)) = (part("arc"), part("head")) else {
            continue;
        };
        let gone = share(started, due, shown);
        let hot = if gone > HOT { " is-hot" } else { "" };
        let angle = gone * std::f64::consts::TAU;
        set(
            &arc,
            "stroke-dasharray",
            &format!("{:.1} {RING}", gone * RING),
        );
        set(&arc, "class", &format!("d-arc{hot}"));
        set(&head, "class", &format!("d-head{hot}"));
        set(&head, "cx", &format!("{:.1}", 43.0 * angle.sin()));
        set(&head, "cy", &format!("{:.1}", -43.0 * angle.cos()));
    }
}

/// Sets an attribute. It fails only for names that are none.
fn set(element: &Element, name: &str, value: &str) {
    let _ = element.set_attribute(name, value);
}
