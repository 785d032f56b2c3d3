//! What a person should know while everything else goes on.

use protocol::DiskKind;
use yew::prelude::*;

use crate::{
    model::{
        state::{Phase, Told},
        ui::Person,
    },
    view::{cx::Cx, icons::icon},
    words::variants,
};

/// The banner below the top bar.
pub fn banner(cx: Cx<'_>) -> Html {
    let Some(DiskKind::Memory { reason }) = &cx.state.disks else {
        return Html::default();
    };
    if cx.state.phase != Phase::Open {
        return Html::default();
    }
    html! {
        <div class="banner warn" data-testid="banner-memory" role="status">
            { icon("memory") }
            <span>
                <b>{ cx.t("banner-memory") }</b>{ " " }{ cx.t("banner-memory-more") }
                <small data-testid="banner-reason">{ reason.clone() }</small>
            </span>
            <button type="button" class="btn sm" data-testid="banner-retry"
                onclick={cx.on(Person::Reload)}>{ cx.t("banner-retry") }</button>
            <button type="button" class="btn sm" data-testid="banner-save"
                onclick={cx.on(Person::SaveDisks)}>{ cx.t("banner-save") }</button>
        </div>
    }
}

/// Notices, each until it is closed.
pub fn notices(cx: Cx<'_>) -> Html {
    let notice = |told: &Told| {
        let (name, sentences) = variants::tell(&told.what);
        let words: Vec<String> = sentences.iter().map(|one| cx.say(one)).collect();
        let id = if name == "Misuse" { "misuse" } else { "notice" };
        html! {
            <div class="toast" key={told.number} data-testid={id} data-notice={name} role="alert">
                { icon("warn") }
                <span>{ words.join(" ") }</span>
                <button type="button" class="ib sm" data-testid="notice-close"
                    aria-label={cx.t("close")} onclick={cx.on(Person::Dismiss(told.number))}>
                    { icon("x") }
                </button>
            </div>
        }
    };
    html! { <div class="toasts">{ for cx.state.told.iter().map(notice) }</div> }
}
