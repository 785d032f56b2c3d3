//! The ruler of keys: every region in key order, and the scheduler that looks after them.

use types::{
    frame::{Frame, Life, RegionFrame},
    id::{RegionId, StoreId},
    raft::Role,
    store::Region,
};
use yew::prelude::*;

use super::{
    cx::{Cx, yes},
    icons::{icon, role_icon},
    over::region,
};
use crate::{
    model::{
        bytes::{clip, shown},
        state::is_alive,
        ui::{Overlay, Person},
    },
    words::variants,
};

/// The range of a region's keys.
#[must_use]
pub fn range(cx: Cx<'_>, region: &Region) -> String {
    if region.start.is_empty() && region.end.is_empty() {
        return cx.t("region-all-keys");
    }
    let (start, end) = ends(region);
    format!("[{start}, {end})")
}

fn ends(region: &Region) -> (String, String) {
    let start = match region.start.is_empty() {
        true => "\"\"".to_owned(),
        false => clip(&shown(&region.start), 16),
    };
    let end = match region.end.is_empty() {
        true => "∞".to_owned(),
        false => clip(&shown(&region.end), 16),
    };
    (start, end)
}

/// The whole ruler.
pub fn ruler(cx: Cx<'_>) -> Html {
    let Some(frame) = &cx.state.frame else {
        return html! { <section class="ruler" aria-label={cx.t("ruler-title")}></section> };
    };
    html! {
        <section class="ruler" data-testid="ruler" aria-label={cx.t("ruler-title")}>
            { head(cx, frame) }
            { track(cx, frame) }
            { scheduler(cx) }
        </section>
    }
}

fn head(cx: Cx<'_>, frame: &Frame) -> Html {
    let open = cx.state.overlay == Some(Overlay::RegionMenu);
    let count = frame.regions.len();
    html! {
        <div class="ru-head anchor">
            <button type="button" class="ru-menu" data-testid="region-menu"
                aria-haspopup="menu" aria-expanded={yes(open)}
                title={format!("{} (G)", cx.t("ruler-menu"))}
                onclick={cx.on(Person::Open(Overlay::RegionMenu))}>
                <b class="ru-title">{ cx.t("ruler-title") }</b>
                <span class={classes!("ru-now", cx.state.region_class(frame.region.id))}>
                    { frame.region.id.to_string() }
                </span>
                { icon("chevron") }
            </button>
            <span class="ru-count">{ cx.tr("ruler-count", [("count", count.into())]) }</span>
            if open { { region::menu(cx) } }
        </div>
    }
}

fn track(cx: Cx<'_>, frame: &Frame) -> Html {
    let send = cx.send.clone();
    let walk = Callback::from(move |event: KeyboardEvent| {
        let behind = match event.key().as_str() {
            _ if event.alt_key() => return,
            "ArrowRight" | "ArrowDown" => true,
            "ArrowLeft" | "ArrowUp" => false,
            _ => return,
        };
        event.prevent_default();
        send.emit(Person::ShowBeside(behind));
    });
    let tight = (frame.regions.len() > 12).then_some("is-tight");
    html! {
        <div class={classes!("ru-track", tight)} role="listbox" tabindex="0"
            data-testid="region-list"
            aria-label={cx.t("ruler-label")} aria-orientation="horizontal"
            aria-activedescendant={dom_id(frame.region.id)} onkeydown={walk}>
            { for frame.regions.iter().map(|one| segment(cx, frame, one)) }
        </div>
    }
}

fn dom_id(region: RegionId) -> String {
    format!("region-{}", region.get())
}

fn segment(cx: Cx<'_>, frame: &Frame, one: &RegionFrame) -> Html {
    let region = &one.region;
    let selected = region.id == frame.region.id;
    let leader = one.leader.filter(|leader| leads_still(cx, *leader));
    let (start, end) = ends(region);
    let led = leader.map_or_else(|| cx.t("nobody"), |leader| leader.to_string());
    let name = cx.tr(
        "ruler-region",
        [
            ("region", region.id.to_string().into()),
            ("start", start.clone().into()),
            ("end", end.into()),
            ("leader", led.into()),
            ("epoch", region.epoch.to_string().into()),
        ],
    );
    let colour = cx.state.region_class(region.id);
    html! {
        <div class={classes!("ru-seg", colour, selected.then_some("is-sel"))}
            key={region.id.get()} id={dom_id(region.id)} role="option" data-testid="region"
            aria-selected={yes(selected)} aria-label={name.clone()} title={name}
            data-region={region.id.get().to_string()} data-start={shown(&region.start)}
            data-end={shown(&region.end)} data-epoch={region.epoch.to_string()}
            data-leader={leader.map(|leader| leader.get().to_string()).unwrap_or_default()}
            onclick={cx.on(Person::Show(region.id))}>
            <div class="ru-in">
                <div class="ru-l1">
                    <b>{ region.id.to_string() }</b>
                    <span class="ru-range">{ range(cx, region) }</span>
                </div>
                <div class="ru-l2">
                    if let Some(leader) = leader {
                        <span class="ru-lead">
                            { role_icon(Role::Leader) }{ leader.to_string() }
                        </span>
                    } else {
                        <span class="ru-none">{ cx.t("ruler-no-leader") }</span>
                    }
                    <span class="ru-ep">{ region.epoch.to_string() }</span>
                </div>
            </div>
            <span class="ru-key">{ start }</span>
        </div>
    }
}

/// Whether the store that led last still lives.
fn leads_still(cx: Cx<'_>, leader: StoreId) -> bool {
    let store = cx.state.store(leader);
    store.is_some_and(|store| is_alive(&store.life))
}

/// The scheduler's plate.
fn scheduler(cx: Cx<'_>) -> Html {
    let Some(life) = cx.state.scheduler() else {
        return html! {
            <div class="ru-sched is-none" data-testid="scheduler" data-life="none">
                <b>{ cx.t("scheduler-title") }</b>
                <span class="mut">{ cx.t("scheduler-none") }</span>
            </div>
        };
    };
    let dead = matches!(life, Life::Killed | Life::Stopped(_));
    let (sign, words) = match dead {
        true => ("restart", cx.t("action-start")),
        false => ("power", cx.t("action-kill")),
    };
    let label = format!("{}: {words}", cx.t("scheduler-title"));
    html! {
        <div class={classes!("ru-sched", dead.then_some("is-dead"))} data-testid="scheduler"
            data-life={variants::life(life)}>
            <span>
                <b>{ cx.t("scheduler-title") }</b>
                <span class={if dead { "bad-t" } else { "mut" }}>
                    { cx.t(variants::life_key(life)) }
                </span>
            </span>
            <button type="button" class="ib sm" data-testid="scheduler-power"
                title={label.clone()} aria-label={label}
                onclick={cx.on(Person::KillOrStart(StoreId::SCHEDULER))}>{ icon(sign) }</button>
        </div>
    }
}

/// Which regions have a peer on a store, as chips; nothing while there is one region.
pub fn chips(cx: Cx<'_>, store: StoreId) -> Html {
    /// What fits under a plate.
    const CHIPS: usize = 6;
    let Some(frame) = cx
        .state
        .frame
        .as_ref()
        .filter(|frame| frame.regions.len() > 1)
    else {
        return Html::default();
    };
    let here = |one: &&RegionFrame| one.region.peer_on(store).is_some();
    let here: Vec<&RegionFrame> = frame.regions.iter().filter(here).collect();
    let chip = |one: &&RegionFrame| {
        let id = one.region.id;
        let selected = (id == frame.region.id).then_some("is-sel");
        html! {
            <span class={classes!("chip", cx.state.region_class(id), selected)}>
                if one.leader == Some(store) { { role_icon(Role::Leader) } }
                { id.get() }
            </span>
        }
    };
    html! {
        <span class="chips" aria-hidden="true">
            { for here.iter().take(CHIPS).map(chip) }
            if here.len() > CHIPS {
                <span class="mut">{ format!("+{}", here.len() - CHIPS) }</span>
            }
        </span>
    }
}
