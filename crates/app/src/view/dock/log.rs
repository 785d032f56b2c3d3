//! The log of every store, one row each: what they share, what they lack, what contradicts.

use std::collections::BTreeMap;

use types::{
    frame::StoreFrame,
    raft::{EntryBrief, EntryKind, LogIndex, Role, Term},
};
use yew::prelude::*;

use crate::{
    model::state::is_alive,
    view::{
        cx::{Cx, term_class, yes},
        icons::{icon, role_icon},
    },
};

const CELL: f64 = 26.0;
const LEFT: f64 = 75.0;
const TOP: f64 = 36.0;

/// The columns on show, and what every row needs to know of the others.
struct Window {
    first: u64,
    last: u64,
    lane: f64,
    /// Where a cell begins below the top of its row, and how high it is.
    cell: (f64, f64),
    terms: BTreeMap<u64, Term>,
}

impl Window {
    fn new(cx: Cx<'_>, columns: u64) -> Option<Self> {
        let frame = cx.state.frame.as_ref()?;
        let end = frame
            .stores
            .iter()
            .map(|store| store.last.index.get())
            .max()?;
        let first = (end + 1).saturating_sub(columns).max(1);
        // The log of a TinyKV region begins behind index 5.
        let least = frame
            .stores
            .iter()
            .filter(|store| store.peer.is_some())
            .map(|store| store.truncated.index.get() + 1)
            .min()
            .unwrap_or(1);
        let first = first.max(least);
        let terms = cx
            .state
            .leader()
            .map(|leader| leader.entries.iter())
            .into_iter()
            .flatten()
            .map(|entry| (entry.index.get(), entry.term))
            .collect();
        let (lane, cell) = if frame.stores.len() > 5 {
            (24.0, (1.5, 15.0))
        } else {
            (32.0, (4.5, 17.0))
        };
        Some(Self {
            first,
            last: first + columns - 1,
            lane,
            cell,
            terms,
        })
    }

    fn x(&self, index: u64) -> f64 {
        LEFT + index.saturating_sub(self.first) as f64 * CELL
    }

    /// The line on which text in a cell stands.
    fn baseline(&self) -> String {
        (self.cell.0 + self.cell.1 - 4.5).to_string()
    }

    fn shows(&self, index: u64) -> bool {
        (self.first..=self.last).contains(&index)
    }
}

/// The head of the panel: what the cells mean.
pub fn head(cx: Cx<'_>) -> Html {
    let mark = |class: &'static str, key: &str| {
        html! { <span class="lg"><i class={classes!("sw", class)}></i>{ cx.t(key) }</span> }
    };
    let region = cx
        .state
        .frame
        .as_ref()
        .map(|frame| frame.region.id.to_string());
    html! {
        <div class="dk-head">
            <h2>{ cx.t("log-title") }</h2>
            <span class="dk-sub grow">{ region.unwrap_or_default() }</span>
            { mark("com", "log-committed") }
            { mark("unc", "log-not-committed") }
            { mark("dot", "log-match") }
            { mark("nxt", "log-next") }
        </div>
    }
}

/// The rows, `columns` entries wide.
pub fn matrix(cx: Cx<'_>, columns: u64) -> Html {
    let (Some(frame), Some(window)) = (&cx.state.frame, Window::new(cx, columns)) else {
        return html! { <p class="empty">{ cx.t("log-empty") }</p> };
    };
    let rows = frame.stores.len() as f64;
    let width = LEFT + (columns as f64 + 1.0) * CELL;
    let height = TOP + rows * window.lane + 4.0;
    html! {
        <div class="lm-scroll" style={format!("--lane:{}px", window.lane)}>
            <div class="lm-labels">
                { for frame.stores.iter().map(|store| label(cx, store)) }
            </div>
            <svg class="lm" width={width.to_string()} height={height.to_string()} role="img"
                aria-label={cx.tr("log-aria", [
                    ("first", window.first.to_string().into()),
                    ("last", window.last.to_string().into()),
                ])}>
                { axis(cx, &window, &frame.stores) }
                { for frame.stores.iter().enumerate().map(|(at, store)| {
                    let y = TOP + at as f64 * window.lane;
                    html! {
                        <g transform={format!("translate(0 {y})")}>
                            { row(cx, &window, store) }
                        </g>
                    }
                }) }
            </svg>
        </div>
    }
}

fn label(cx: Cx<'_>, store: &StoreFrame) -> Html {
    let alive = is_alive(&store.life);
    let selected = (cx.state.selected == Some(store.id)).then_some("is-sel");
    let sign = if alive && store.peer.is_none() {
        html! { <span class="st is-none">{ icon("r-none") }</span> }
    } else if alive {
        role_icon(store.role)
    } else {
        html! { <span class="st">{ icon("power") }</span> }
    };
    html! {
        <div class={classes!("lane-l", selected, (!alive).then_some("is-dead"))}>
            <b>{ store.id.to_string() }</b>{ sign }
        </div>
    }
}

fn axis(cx: Cx<'_>, window: &Window, stores: &[StoreFrame]) -> Html {
    let kinds: BTreeMap<u64, EntryKind> = stores
        .iter()
        .flat_map(|store| &store.entries)
        .map(|entry| (entry.index.get(), entry.kind))
        .collect();
    let tick = |index: u64| {
        let x = window.x(index) + 13.0;
        let sign = match kinds.get(&index) {
            Some(EntryKind::NoOp) => html! {
                <g class="lm-kind" transform={format!("translate({x} 25)")}>
                    <title>{ cx.t("entry-no-op") }</title>
                    <circle r="3.4" /><path d="M-4 4l8 -8" />
                </g>
            },
            Some(EntryKind::ConfChange) => html! {
                <g class="lm-kind" transform={format!("translate({x} 25)")}>
                    <title>{ cx.t("entry-conf-change") }</title>
                    <circle r="2" /><circle r="4.6" stroke-dasharray="2 1.6" />
                </g>
            },
            Some(EntryKind::Normal) | None => Html::default(),
        };
        html! {
            <>
                <text class="lm-idx" x={x.to_string()} y="13">{ index }</text>
                { sign }
            </>
        }
    };
    html! {
        <>
            <text class="lm-idx l" x="2" y="13">{ cx.t("log-before") }</text>
            { for (window.first..=window.last).map(tick) }
        </>
    }
}

fn row(cx: Cx<'_>, window: &Window, store: &StoreFrame) -> Html {
    let entries: BTreeMap<u64, EntryBrief> = store
        .entries
        .iter()
        .map(|entry| (entry.index.get(), *entry))
        .collect();
    let cells = (window.first..=window.last).map(|index| match entries.get(&index) {
        Some(entry) => cell(window, store, entry),
        None => html! {
            <rect class="lm-slot" x={(window.x(index) + 1.5).to_string()}
                y={window.cell.0.to_string()} width="23" height={window.cell.1.to_string()}
                rx="3" />
        },
    });
    let dead = (!is_alive(&store.life)).then_some("is-dead");
    html! {
        <g class={classes!("lm-row", dead)} data-testid="log-row"
            data-store={store.id.get().to_string()} data-commit={store.commit.to_string()}>
            { before(window, store) }
            { for cells }
            { fence(window, store) }
            { reach(cx, window, store) }
        </g>
    }
}

/// What came before the first column.
fn before(window: &Window, store: &StoreFrame) -> Html {
    let last = (window.first - 1).min(store.last.index.get());
    if last == 0 || store.peer.is_none() {
        return Html::default();
    }
    html! {
        <>
            <rect class="lm-before" x="1.5" y={window.cell.0.to_string()} width="68"
                height={window.cell.1.to_string()} rx="3" />
            <text class="lm-beforetxt" x="35.5" y={window.baseline()}>
                { format!("… {last}") }
            </text>
        </>
    }
}

fn cell(window: &Window, store: &StoreFrame, entry: &EntryBrief) -> Html {
    let index = entry.index.get();
    let committed = entry.index <= store.commit;
    let contradicts = !committed
        && window
            .terms
            .get(&index)
            .is_some_and(|term| *term != entry.term);
    let on_disk = entry.index <= store.durable;
    let class = classes!(
        "lm-c",
        term_class(entry.term),
        if committed { "com" } else { "unc" },
        contradicts.then_some("bad"),
        (!on_disk).then_some("wet"),
    );
    html! {
        <g class={class} data-testid="cell" data-index={index.to_string()}
            data-term={entry.term.get().to_string()} data-committed={yes(committed)}>
            <rect x={(window.x(index) + 1.5).to_string()} y={window.cell.0.to_string()} width="23"
                height={window.cell.1.to_string()} rx="3" />
            <text x={(window.x(index) + 13.0).to_string()} y={window.baseline()}>
                { entry.term.get() }
            </text>
        </g>
    }
}

/// The commit index, as a fence behind the last committed entry.
fn fence(window: &Window, store: &StoreFrame) -> Html {
    let commit = store.commit.get();
    if commit + 1 < window.first || commit > window.last {
        return Html::default();
    }
    let x = LEFT + (commit + 1 - window.first) as f64 * CELL;
    let (top, height) = window.cell;
    html! {
        <path class="lm-commit" d={format!("M{x} {}V{}", top - 1.5, top + height + 2.0)} />
    }
}

/// What the leader knows of this store: match as a dot, next as a chevron.
fn reach(cx: Cx<'_>, window: &Window, store: &StoreFrame) -> Html {
    let known = cx
        .state
        .leader()
        .filter(|leader| leader.id != store.id && leader.role == Role::Leader)
        .and_then(|leader| leader.progress.iter().find(|(id, ..)| *id == store.id));
    let Some((_, matched, next)) = known else {
        return Html::default();
    };
    let y = window.lane - 4.0;
    let middle = |index: LogIndex| {
        let column = index.get() as f64 - window.first as f64;
        (LEFT + column * CELL + 13.0).max(LEFT - 6.0)
    };
    let (from, to) = (middle(*matched), middle(*next));
    let dot = window.shows(matched.get()).then(|| {
        html! { <circle class="lm-match" cx={from.to_string()} cy={y.to_string()} r="2.8" /> }
    });
    html! {
        <>
            <path class="lm-win" d={format!("M{from} {y}H{to}")} />
            { dot }
            <path class="lm-next" d={format!("M{} {}l3.6 3l-3.6 3", to - 2.0, y - 3.0)} />
        </>
    }
}
