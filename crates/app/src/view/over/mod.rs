//! What lies over the page or above it: banners, cards, menus, dialogs.

pub mod banner;
pub mod dialog;
pub mod gate;
pub mod menu;
pub mod region;
pub mod shortcuts;

use yew::prelude::*;

use super::cx::Cx;
use crate::model::ui::{Overlay, Person};

/// Whatever lies over the page now. The cluster's menu hangs at its button instead.
pub fn over(cx: Cx<'_>) -> Html {
    let content = match &cx.state.overlay {
        None | Some(Overlay::ClusterMenu | Overlay::RegionMenu) => return shade(cx),
        Some(Overlay::StoreMenu(store, x, y)) => menu::store(cx, *store, *x, *y),
        Some(Overlay::Split) => region::split(cx),
        Some(Overlay::NewCluster) => dialog::new_cluster(cx),
        Some(Overlay::Settings) => dialog::settings(cx),
        Some(Overlay::Shortcuts) => shortcuts::shortcuts(cx),
    };
    html! { <>{ shade(cx) }{ content }</> }
}

/// A click beside the thing closes it.
fn shade(cx: Cx<'_>) -> Html {
    let class = match &cx.state.overlay {
        None => return Html::default(),
        Some(Overlay::ClusterMenu | Overlay::RegionMenu | Overlay::StoreMenu(..))
            if !cx.state.small =>
        {
            "shade"
        }
        Some(_) => "shade is-dark",
    };
    html! { <div class={class} onclick={cx.on(Person::Close)}></div> }
}
