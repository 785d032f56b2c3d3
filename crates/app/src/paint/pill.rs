//! One message as SVG.

use types::{
    frame::{MessageDetail, MessageFrame},
    id::RegionId,
    raft::MessageKind,
};
use web_sys::{Document, Element};

use super::{Drawn, set};
use crate::{model::region::region_class, words::variants};

const SVG: &str = "http://www.w3.org/2000/svg";
/// The cross of a lost message.
const CROSS: &str = r#"<circle r="7"/><path d="M-2.5 -2.5l5 5m0 -5l-5 5"/>"#;
/// A message of a region that is not shown.
const DOT: &str = r#"<path class="trail"/><g class="carry"><circle r="4.2"/></g>"#;
/// The width of a sign in the labels' type.
const SIGN: f64 = 6.7;

/// What labels say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Labels {
    /// The words for a vote.
    pub(super) yes_no: [String; 2],
    /// The word for a campaign that is to start at once.
    pub(super) now: String,
    /// The region that is shown; messages of others are dots.
    pub(super) shown: Option<RegionId>,
    /// Every region.
    pub(super) regions: Vec<RegionId>,
    /// Whether labels are left out.
    pub(super) short: bool,
}

impl Labels {
    fn is_other(&self, message: &MessageFrame) -> bool {
        self.shown.is_some_and(|shown| shown != message.region)
    }

    fn of(&self, message: &MessageFrame) -> String {
        if self.short || self.is_other(message) {
            return String::new();
        }
        match message.detail {
            MessageDetail::Commit(index)
                if matches!(
                    message.kind,
                    MessageKind::Snapshot | MessageKind::ReadIndexResponse
                ) =>
            {
                index.to_string()
            }
            MessageDetail::Plain => match message.kind {
                MessageKind::PreVote | MessageKind::RequestVote => {
                    format!("T{}", message.term.get())
                }
                MessageKind::TimeoutNow => self.now.clone(),
                _ => String::new(),
            },
            MessageDetail::Rejected | MessageDetail::Commit(_) => String::new(),
            MessageDetail::Entries(first, last) if first == last => first.to_string(),
            MessageDetail::Entries(first, last) => format!("{first}–{last}"),
            MessageDetail::Vote(granted) => self.yes_no[usize::from(!granted)].clone(),
            MessageDetail::Matched(index) => index.to_string(),
        }
    }
}

fn icon(message: &MessageFrame) -> &'static str {
    match (message.kind, message.detail) {
        (MessageKind::Snapshot, _) => "snapshot",
        (MessageKind::TimeoutNow, _) => "bolt",
        (MessageKind::TransferLeader, _) => "transfer",
        (MessageKind::ReadIndex, _) => "read",
        (_, MessageDetail::Vote(true) | MessageDetail::Matched(_)) => "check",
        (_, MessageDetail::Vote(false) | MessageDetail::Rejected) => "x",
        (MessageKind::PreVote | MessageKind::PreVoteResponse, _) => "vote",
        (MessageKind::RequestVote | MessageKind::RequestVoteResponse, _) => "vote",
        (MessageKind::Append | MessageKind::AppendResponse, _) => "append",
        (MessageKind::Heartbeat | MessageKind::HeartbeatResponse, _) => "heartbeat",
        (MessageKind::ReadIndexResponse, _) => "read",
        (MessageKind::Tombstone, _) => "x",
    }
}

/// The line that a kind of message draws behind it; each with a class of its own.
const fn line(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::PreVote
        | MessageKind::PreVoteResponse
        | MessageKind::RequestVote
        | MessageKind::RequestVoteResponse => "k-vote",
        MessageKind::Append | MessageKind::AppendResponse => "k-append",
        MessageKind::Heartbeat | MessageKind::HeartbeatResponse => "k-heartbeat",
        MessageKind::Snapshot => "k-snapshot",
        MessageKind::TimeoutNow | MessageKind::TransferLeader => "k-transfer",
        MessageKind::ReadIndex | MessageKind::ReadIndexResponse => "k-read",
        MessageKind::Tombstone => "k-transfer",
    }
}

/// Whether it asks or answers about a term that has not begun.
const fn is_pre(kind: MessageKind) -> bool {
    matches!(kind, MessageKind::PreVote | MessageKind::PreVoteResponse)
}

fn classes(message: &MessageFrame, lost: bool) -> String {
    let kind = line(message.kind);
    let mut text = format!("msg {kind} t{}", message.term.get() % 6);
    for (on, class) in [
        (message.kind.is_response(), " is-reply"),
        (is_pre(message.kind), " is-pre"),
        (lost, " is-lost"),
        (message.duplicate, " is-duplicate"),
    ] {
        text.push_str(if on { class } else { "" });
    }
    text
}

/// Puts a message into `layer`. With a `lost` reason it is drawn as lost.
pub(super) fn create(
    document: &Document,
    layer: &Element,
    message: &MessageFrame,
    labels: &Labels,
    lost: Option<&str>,
) -> Option<Drawn> {
    let group = document.create_element_ns(Some(SVG), "g").ok()?;
    let mut class = classes(message, lost.is_some());
    if labels.is_other(message) {
        class.push_str(" is-other ");
        let all = labels.regions.iter().copied();
        class.push_str(region_class(all, message.region));
    }
    set(&group, "class", &class);
    for (name, value) in [
        ("data-message-id", message.id.to_string()),
        ("data-from", message.from.get().to_string()),
        ("data-to", message.to.get().to_string()),
        ("data-region", message.region.get().to_string()),
        ("data-kind", variants::message(message.kind).to_owned()),
        ("data-term", message.term.get().to_string()),
        ("data-sent", message.sent.get().to_string()),
        ("data-due", message.due.get().to_string()),
        ("data-duplicate", message.duplicate.to_string()),
    ] {
        set(&group, name, &value);
    }
    match lost {
        Some(reason) => {
            set(&group, "data-testid", "lost");
            set(&group, "data-reason", reason);
        }
        None => set(&group, "data-testid", "message"),
    }
    let label = labels.of(message);
    let half = half_width(&label);
    if labels.is_other(message) {
        group.set_inner_html(DOT);
    } else {
        group.set_inner_html(&content(message, &label, half, lost.is_some()));
    }
    layer.append_child(&group).ok()?;
    let part = |selector: &str| group.query_selector(selector).ok().flatten();
    Some(Drawn {
        trail: part(".trail")?,
        hollow: part(".hollow"),
        nose: part(".nose"),
        carry: part(".carry")?,
        half,
        group,
    })
}

fn half_width(label: &str) -> f64 {
    match label
        .chars()
        .map(|sign| if sign.is_ascii() { SIGN } else { 11.0 })
        .sum::<f64>()
    {
        0.0 => 11.0,
        width => (30.0 + width) / 2.0,
    }
}

/// The inside of a message's group. Labels hold numbers and our own words alone.
fn content(message: &MessageFrame, label: &str, half: f64, lost: bool) -> String {
    let bare = label.is_empty();
    let high = if bare { 11.0 } else { 10.0 };
    let square = matches!(
        message.kind,
        MessageKind::PreVote | MessageKind::RequestVote | MessageKind::Snapshot
    );
    let round = if square { 4.0 } else { high };
    let rect = |class: &str, dx: f64, dy: f64| {
        format!(
            r#"<rect class="{class}" x="{}" y="{}" width="{}" height="{}" rx="{round}"/>"#,
            dx - half,
            dy - high,
            half * 2.0,
            high * 2.0,
        )
    };
    let icon_x = if bare { -6.0 } else { 7.0 - half };
    let mut text = String::from(r#"<path class="trail"/>"#);
    if message.kind == MessageKind::Snapshot {
        text.push_str(r#"<path class="hollow"/>"#);
    }
    if !lost {
        text.push_str(r#"<path class="nose" d="M-4.5 -4.6L5.5 0L-4.5 4.6L-2 0Z"/>"#);
    }
    text.push_str(r#"<g class="carry">"#);
    if message.duplicate {
        text.push_str(&rect("pill2", 4.0, -4.0));
    }
    text.push_str(&rect("pill", 0.0, 0.0));
    text.push_str(&format!(
        r##"<use href="#i-{}" x="{icon_x}" y="-6" width="12" height="12"/>"##,
        icon(message),
    ));
    if !bare {
        text.push_str(&format!(
            r#"<text x="{}" y="4">{label}</text>"#,
            22.0 - half
        ));
    }
    if lost {
        text.push_str(&format!(
            r#"<g class="lostx" transform="translate({half} {})">{CROSS}</g>"#,
            -high,
        ));
    }
    text.push_str("</g>");
    text
}
