//! The ground of the stage: the orbit, the islands, the walls and the links.

use types::{frame::Life, id::StoreId, raft::Role};
use yew::prelude::*;

use super::dial::walled;
use crate::{
    model::{geometry::Geometry, ui::Tool},
    view::cx::{Cx, yes},
};

/// The orbit of a whole network, or the islands and walls of a torn one.
pub fn ground(geometry: &Geometry) -> Html {
    if geometry.islands.is_empty() {
        let reach = |radius: f64| format!("{:.1}", radius + 14.0);
        return html! {
            <ellipse class="orbit" cx={format!("{:.1}", geometry.center.x)}
                cy={format!("{:.1}", geometry.center.y)}
                rx={reach(geometry.radius.x)} ry={reach(geometry.radius.y)} />
        };
    }
    let round = if geometry.room.small { "24" } else { "56" };
    let island = |island: &crate::model::geometry::Island| {
        html! {
            <rect class="island" x={format!("{:.1}", island.x)} y={format!("{:.1}", island.y)}
                width={format!("{:.1}", island.width)} height={format!("{:.1}", island.height)}
                rx={round} />
        }
    };
    let top = geometry.islands.first().map_or(0.0, |island| island.y);
    let height = geometry.islands.first().map_or(0.0, |island| island.height);
    let wall = |x: &f64| {
        html! {
            <g class="wall" data-testid="wall">
                <rect x={format!("{:.1}", x - 7.0)} y={format!("{:.1}", top - 8.0)} width="14"
                    height={format!("{:.1}", height + 16.0)} rx="4" />
            </g>
        }
    };
    html! {
        <>
            { for geometry.islands.iter().map(island) }
            { for geometry.walls.iter().map(wall) }
        </>
    }
}

/// One line per pair of stores.
pub fn links(cx: Cx<'_>, geometry: &Geometry) -> Html {
    let stores = cx.state.stores();
    let mut lines = Vec::new();
    for (at, a) in stores.iter().enumerate() {
        for b in &stores[at + 1..] {
            lines.push(link(cx, geometry, *a, *b));
        }
    }
    html! { <g class="links">{ for lines }</g> }
}

fn link(cx: Cx<'_>, geometry: &Geometry, a: StoreId, b: StoreId) -> Html {
    let Some((from, to)) = geometry.way(a, b, 0.0) else {
        return Html::default();
    };
    let cut = walled(cx, a, b);
    let to_cut =
        cx.state.tool == Tool::Wall && cx.state.far.contains(&a) != cx.state.far.contains(&b);
    let both = cx.state.votes_of(&[a, b]) == 2;
    let leads = both
        && [a, b].into_iter().any(|id| {
            cx.state.store(id).is_some_and(|store| {
                store.peer.is_some()
                    && store.role == Role::Leader
                    && matches!(store.life, Life::Up | Life::Late)
            })
        });
    let down = [a, b].into_iter().any(|id| {
        cx.state
            .store(id)
            .is_none_or(|store| !matches!(store.life, Life::Up | Life::Late))
    });
    let class = match (cut, to_cut, down, leads) {
        (true, ..) => "link is-cut",
        (_, true, ..) => "link to-cut",
        (_, _, true, _) => "link is-off",
        (_, _, _, true) => "link is-lead",
        _ => "link",
    };
    html! {
        <path class={class} data-testid="link" data-from={a.get().to_string()}
            data-to={b.get().to_string()} data-cut={yes(cut)}
            d={format!("M{:.1} {:.1}L{:.1} {:.1}", from.x, from.y, to.x, to.y)} />
    }
}
