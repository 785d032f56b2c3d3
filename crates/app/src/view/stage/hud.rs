//! What lies over the stage: the region, the tools, the islands' labels, the legend.

use types::{
    frame::MessageFrame,
    id::StoreId,
    raft::{MessageKind, Preset, Role},
};
use yew::prelude::*;

use super::gauge::holds;
use crate::{
    model::{
        geometry::{Geometry, Island, Point},
        state::is_alive,
        ui::{Person, Tool},
    },
    view::{
        cx::{Cx, yes},
        icons::{icon, role_icon},
        ruler::range,
    },
    words::variants,
};

/// Which region is shown.
pub fn title(cx: Cx<'_>) -> Html {
    if cx.state.small {
        return small_title(cx);
    }
    let Some(frame) = &cx.state.frame else {
        return Html::default();
    };
    let region = &frame.region;
    let keys = range(cx, region);
    html! {
        <div class="hud-title">
            <span class={classes!("hud-r", cx.state.region_class(region.id))}>
                { region.id.to_string() }
            </span>
            <div>
                <b>{ keys }</b>
                <span>{ cx.tr("region-voters", [
                    ("voters", cx.state.voters().into()),
                    ("quorum", cx.state.quorum().to_string().into()),
                ]) }</span>
            </div>
        </div>
    }
}

fn small_title(cx: Cx<'_>) -> Html {
    let commit = cx.state.commit();
    let holders = cx.state.frame.as_ref().map_or(0, |frame| {
        frame
            .stores
            .iter()
            .filter(|store| holds(store, commit))
            .count()
    });
    if cx.state.cut().len() > 1 {
        return Html::default();
    }
    html! {
        <div class="mo-hud" data-testid="gauge" data-commit={commit.to_string()}>
            <span>{ cx.t("gauge-committed") }</span>
            <b>{ commit.get() }</b>
            <em>{ cx.tr("gauge-holders", [
                ("holders", holders.to_string().into()),
                ("voters", cx.state.voters().to_string().into()),
            ]) }</em>
        </div>
    }
}

/// The tools.
pub fn tools(cx: Cx<'_>) -> Html {
    let tool = |tool: Tool, id: &'static str, sign: &'static str, key: &str, letter: &str| {
        let words = cx.t(key);
        let on = (cx.state.tool == tool).then_some("on");
        html! {
            <button type="button" class={classes!("ib", on)} data-testid={id}
                aria-pressed={yes(cx.state.tool == tool)} title={format!("{words} ({letter})")}
                aria-label={words} onclick={quiet(cx, Person::Take(tool))}>{ icon(sign) }</button>
        }
    };
    let torn = cx.state.cut().len() > 1;
    html! {
        <div class="hud-tools" role="toolbar" aria-label={cx.t("tools-label")}>
            { tool(Tool::Select, "tool-select", "cursor", "tool-select", "V") }
            { tool(Tool::Wall, "tool-wall", "wall", "tool-wall", "P") }
            <button type="button" class="ib" data-testid="tool-heal" disabled={!torn}
                title={format!("{} (H)", cx.t("tool-heal"))} aria-label={cx.t("tool-heal")}
                onclick={quiet(cx, Person::Heal)}>{ icon("heal") }</button>
        </div>
    }
}

/// A listener whose click does not reach the stage below.
fn quiet(cx: Cx<'_>, person: Person) -> Callback<MouseEvent> {
    cx.send.reform(move |event: MouseEvent| {
        event.stop_propagation();
        person.clone()
    })
}

/// The islands' names with their quorum, and the button on the wall.
pub fn islands(cx: Cx<'_>, geometry: &Geometry) -> Html {
    if geometry.islands.is_empty() {
        return Html::default();
    }
    let heal = geometry.walls.first().map(|wall| {
        let bottom = geometry.islands.first().map_or(0.0, |island| {
            island.y + island.height - if cx.state.small { 22.0 } else { 30.0 }
        });
        html! {
            <button type="button" class="heal" data-testid="heal"
                style={format!("left:{wall:.1}px;top:{bottom:.1}px")}
                onclick={quiet(cx, Person::Heal)}>{ icon("heal") }{ cx.t("tool-heal") }</button>
        }
    });
    html! {
        <>
            { for geometry.islands.iter().enumerate().map(|(at, one)| island(cx, at, one)) }
            { heal }
        </>
    }
}

fn island(cx: Cx<'_>, at: usize, island: &Island) -> Html {
    let quorum = cx.state.votes_of(&island.stores) >= cx.state.quorum();
    let names: Vec<String> = island.stores.iter().map(ToString::to_string).collect();
    let numbers: Vec<String> = island
        .stores
        .iter()
        .map(|store| store.get().to_string())
        .collect();
    let title = match char::from_u32('A' as u32 + at as u32) {
        Some(letter) if !cx.state.small => {
            cx.tr("island-name", [("letter", letter.to_string().into())])
        }
        _ => names.join(" "),
    };
    let class = if quorum {
        "isl-label good"
    } else {
        "isl-label bad"
    };
    html! {
        <div class={class} data-testid="island" data-stores={numbers.join(" ")}
            data-quorum={yes(quorum)} title={names.join(" ")}
            style={format!("left:{:.1}px;top:{:.1}px;max-width:{:.0}px",
                island.x + island.width / 2.0, island.y, island.width - 20.0)}>
            <span>{ title }</span>
            if !cx.state.small || quorum { <b>{ fate(cx, &island.stores) }</b> }
        </div>
    }
}

fn fate(cx: Cx<'_>, stores: &[StoreId]) -> String {
    let quorum = cx.state.votes_of(stores) >= cx.state.quorum();
    if cx.state.small {
        return cx.t(if quorum {
            "fate-quorum-short"
        } else {
            "fate-no-quorum-short"
        });
    }
    let args = || {
        [
            ("votes", cx.state.votes_of(stores).to_string().into()),
            ("voters", cx.state.voters().to_string().into()),
        ]
    };
    match quorum {
        true => cx.tr("fate-quorum", args()),
        false => cx.tr("fate-no-quorum", args()),
    }
}

/// What the wall in hand would do to each side.
pub fn wall_preview(cx: Cx<'_>, geometry: &Geometry) -> Html {
    // The middle of the ring is free; on islands and small stages the bottom is.
    let middle = !cx.state.small && geometry.islands.is_empty();
    let place = middle.then(|| {
        let Point { x, y } = geometry.center;
        format!(
            "left:{x:.0}px;top:{y:.0}px;max-width:{:.0}px",
            geometry.radius.x * 1.5
        )
    });
    let groups = cx.state.wall_groups();
    let leader = cx.state.leader().map(|leader| leader.id);
    let side = |stores: &Vec<StoreId>| {
        let names: Vec<String> = stores.iter().map(ToString::to_string).collect();
        let quorum = cx.state.votes_of(stores) >= cx.state.quorum();
        let keeps = leader.filter(|leader| quorum && stores.contains(leader));
        let words = match keeps {
            Some(leader) => cx.tr(
                "fate-keeps-leader",
                [
                    ("votes", cx.state.votes_of(stores).to_string().into()),
                    ("voters", cx.state.voters().to_string().into()),
                    ("store", leader.to_string().into()),
                ],
            ),
            None => fate(cx, stores),
        };
        html! {
            <span class={if quorum { "wp-side good" } else { "wp-side bad" }}>
                <b>{ names.join(" ") }</b><span>{ words }</span>
            </span>
        }
    };
    html! {
        <div class={classes!("wall-preview", middle.then_some("is-middle"))} style={place}
            role="status">
            if let Some(groups) = &groups {
                { for groups.iter().map(side) }
            } else {
                <span class="wp-hint">{ cx.t("wall-hint") }</span>
            }
            <button type="button" class="btn primary sm" data-testid="wall-apply"
                disabled={groups.is_none()} onclick={quiet(cx, Person::BuildWall)}>
                { cx.t("wall-apply") }<kbd>{ "Enter" }</kbd>
            </button>
            <button type="button" class="btn sm" data-testid="wall-cancel"
                onclick={quiet(cx, Person::Take(Tool::Select))}>
                { cx.t("wall-cancel") }<kbd>{ "Esc" }</kbd>
            </button>
        </div>
    }
}

/// What lines and shapes mean, with the number of messages on their way.
pub fn legend(cx: Cx<'_>) -> Html {
    let preset = cx.state.settings().preset();
    let count = |kinds: &[MessageKind]| {
        cx.state.frame.as_ref().map_or(0, |frame| {
            let fits = |kind: &MessageKind| kinds.contains(kind);
            frame
                .messages
                .iter()
                .filter(|message| message.region == frame.region.id && fits(&message.kind))
                .count()
        })
    };
    let kind = |class: &'static str, sign: &'static str, kinds: &[MessageKind]| {
        html! {
            <span>
                <svg class={classes!("ln", class)} width="20" height="8" aria-hidden="true">
                    <path d="M1 4H19" />
                </svg>
                { icon(sign) }{ cx.t(variants::message_key(kinds[0])) }
                <em>{ count(kinds) }</em>
            </span>
        }
    };
    let role = |role: Role| {
        html! { <span>{ role_icon(role) }{ cx.t(variants::role_key(role)) }</span> }
    };
    let down = cx.state.frame.iter().flat_map(|frame| &frame.stores);
    let down = down.filter(|store| !is_alive(&store.life)).count();
    html! {
        <div class="hud-legend" aria-hidden="true">
            <div class="lgd">
                { kind("l-append", "append", &[
                    MessageKind::Append, MessageKind::AppendResponse]) }
                if preset != Preset::Mit6824 {
                    { kind("l-heartbeat", "heartbeat", &[
                        MessageKind::Heartbeat, MessageKind::HeartbeatResponse]) }
                }
                if preset == Preset::Etcd {
                    { kind("l-vote is-pre", "vote", &[
                        MessageKind::PreVote, MessageKind::PreVoteResponse]) }
                }
                { kind("l-vote", "vote", &[
                    MessageKind::RequestVote, MessageKind::RequestVoteResponse]) }
            </div>
            <div class="lgd roles">
                { others(cx) }
                { role(Role::Leader) }{ role(Role::Follower) }{ role(Role::Candidate) }
                if preset == Preset::Etcd { { role(Role::PreCandidate) } }
                if down > 0 { <span>{ icon("power") }{ cx.t("life-killed") }</span> }
            </div>
        </div>
    }
}

/// How many messages of other regions are on their way.
fn others(cx: Cx<'_>) -> Html {
    let Some(frame) = cx
        .state
        .frame
        .as_ref()
        .filter(|frame| frame.regions.len() > 1)
    else {
        return Html::default();
    };
    let of_others = |message: &&MessageFrame| message.region != frame.region.id;
    let count = frame.messages.iter().filter(of_others).count();
    html! { <span><i class="ambi"></i>{ cx.t("legend-others") }<em>{ count }</em></span> }
}
