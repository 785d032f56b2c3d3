//! The menu of the region that is shown, and the form that asks where to split it.

use types::{
    frame::{RegionFrame, StoreFrame},
    id::{RegionId, StoreId},
};
use yew::prelude::*;

use super::{
    dialog,
    menu::{item, item_with},
};
use crate::{
    model::{
        region::RegionDeed,
        ui::{Overlay, Person},
    },
    view::{
        cx::{Cx, yes},
        ruler::range,
    },
};

/// What can be done to the region that is shown, and the others to choose from.
pub fn menu(cx: Cx<'_>) -> Html {
    let Some(frame) = &cx.state.frame else {
        return Html::default();
    };
    let shown = frame.region.id;
    html! {
        <div class="menu hang" role="menu" data-testid="menu" aria-label={shown.to_string()}>
            <div class="mn-head">
                <b>{ shown.to_string() }</b>
                <span>{ range(cx, &frame.region) }</span>
                <span class="spacer"></span>
                <span class="mut">{ frame.region.epoch.to_string() }</span>
            </div>
            <div class="mn-regions">
                { for frame.regions.iter().map(|one| choice(cx, shown, one)) }
            </div>
            <hr />
            { split_item(cx) }
            { deed(cx, "menu-compact", "append", "region-compact", "C", RegionDeed::Compact) }
            { deed(cx, "menu-cancel", "x", "region-cancel", "", RegionDeed::Cancel) }
        </div>
    }
}

fn choice(cx: Cx<'_>, shown: RegionId, one: &RegionFrame) -> Html {
    let id = one.region.id;
    let on = id == shown;
    html! {
        <button type="button" class={classes!("mi", "mi-region", cx.state.region_class(id))}
            role="menuitemradio" aria-checked={yes(on)} data-first={on.then_some("")}
            data-testid="menu-region" data-region={id.get().to_string()}
            onclick={cx.on(Person::Show(id))}>
            <i></i>
            <span><b>{ id.to_string() }</b>{ " " }<code>{ range(cx, &one.region) }</code></span>
            if let Some(leader) = one.leader { <span class="mut">{ leader.to_string() }</span> }
        </button>
    }
}

fn split_item(cx: Cx<'_>) -> Html {
    let possible = cx.state.region_action(&RegionDeed::Split(String::new()));
    let why = possible.as_ref().err().map(|why| cx.t(why.key()));
    let open = possible.is_ok().then_some(Person::Open(Overlay::Split));
    let why = why.unwrap_or_default();
    item(
        cx,
        "menu-split",
        "wall",
        cx.t("region-split"),
        "S",
        open,
        &why,
    )
}

/// An item for a deed: disabled with the reason where it is not possible.
fn deed(
    cx: Cx<'_>,
    id: &'static str,
    sign: &'static str,
    words: &str,
    key: &'static str,
    deed: RegionDeed,
) -> Html {
    let possible = cx.state.region_action(&deed);
    let why = possible.as_ref().err().map(|why| cx.t(why.key()));
    let person = possible.is_ok().then_some(Person::Region(deed));
    item(
        cx,
        id,
        sign,
        cx.t(words),
        key,
        person,
        &why.unwrap_or_default(),
    )
}

/// What the region that is shown can do on a store, for the store's menu.
pub fn on_store(cx: Cx<'_>, store: &StoreFrame) -> Html {
    let Some(region) = cx.state.region() else {
        return Html::default();
    };
    let id = store.id;
    let member = match region.peer_on(id) {
        Some(_) => deed(
            cx,
            "menu-remove-peer",
            "x",
            "region-remove",
            "",
            RegionDeed::Remove(id),
        ),
        None => deed(
            cx,
            "menu-add-peer",
            "check",
            "region-add",
            "",
            RegionDeed::Add(id),
        ),
    };
    html! {
        <>
            <p class={classes!("mn-part", cx.state.region_class(region.id))}>
                { cx.tr("region-here", [("region", region.id.to_string().into())]) }
            </p>
            { member }
            { move_to(cx, id) }
            { deed(cx, "menu-lead", "transfer", "region-lead", "T", RegionDeed::Lead(id)) }
            { deed(cx, "menu-snapshot", "snapshot", "region-snapshot", "",
                RegionDeed::Snapshot(id)) }
            { deed(cx, "menu-campaign", "bolt", "region-campaign", "E",
                RegionDeed::Campaign(id)) }
        </>
    }
}

/// Where the peer of a store can move, as a list to choose from.
fn move_to(cx: Cx<'_>, from: StoreId) -> Html {
    let goal = |to: &StoreId| cx.state.region_action(&RegionDeed::Move(from, *to)).is_ok();
    let goals: Vec<StoreId> = cx.state.stores().into_iter().filter(goal).collect();
    let words = cx.t("region-move");
    if goals.is_empty() {
        let others = cx.state.stores().into_iter().filter(|to| *to != from);
        let refused = |to| cx.state.region_action(&RegionDeed::Move(from, to)).err();
        let why = others.filter_map(refused).next_back();
        let why = why.map(|why| cx.t(why.key())).unwrap_or_default();
        return item(cx, "menu-move-peer", "restart", words, "", None, &why);
    }
    let chosen = cx.chosen(move |text| {
        let to = text
            .parse()
            .ok()
            .and_then(|to: u64| StoreId::try_from(to).ok());
        match to {
            Some(to) => Person::Region(RegionDeed::Move(from, to)),
            None => Person::Close,
        }
    });
    let option = |to: &StoreId| {
        html! { <option value={to.get().to_string()}>{ to.to_string() }</option> }
    };
    let list = html! {
        <select class="in" data-testid="menu-move-peer" aria-label={words.clone()}
            onchange={chosen}>
            <option value="" selected=true>{ "…" }</option>
            { for goals.iter().map(option) }
        </select>
    };
    item_with("restart", words, list)
}

/// The form that asks for the key of a split.
pub fn split(cx: Cx<'_>) -> Html {
    let Some(region) = cx.state.region() else {
        return Html::default();
    };
    let deed = RegionDeed::Split(cx.state.split_key.clone());
    let refused = cx.state.region_action(&deed).err();
    let submit = cx.send.reform(move |event: SubmitEvent| {
        event.prevent_default();
        Person::Region(deed.clone())
    });
    let title = cx.tr("split-title", [("region", region.id.to_string().into())]);
    let content = html! {
        <form class="dg-body" onsubmit={submit} autocomplete="off">
            <p>{ cx.tr("split-explained", [("range", range(cx, region).into())]) }</p>
            <div class="dg-act">
                <input type="text" class="in" data-testid="split-key" data-first=""
                    spellcheck="false" autocapitalize="off"
                    placeholder={cx.t("split-key-hint")} aria-label={cx.t("split-key-hint")}
                    value={cx.state.split_key.clone()}
                    oninput={cx.typed(Person::SplitKey)} />
                <button type="submit" class="btn primary" data-testid="split-apply"
                    disabled={refused.is_some()}>{ cx.t("split-apply") }</button>
            </div>
            if let Some(why) = refused {
                <p class="cl-error" role="alert" data-testid="split-error">
                    { cx.t(why.key()) }
                </p>
            }
        </form>
    };
    dialog::frame(cx, "split", title, content)
}
