//! Icons: one sprite in the page, and references to it.

use yew::prelude::*;

const SPRITE: &str = include_str!("../../../../www/icons.svg");

/// The sprite; once per page.
pub fn sprite() -> Html {
    Html::from_html_unchecked(AttrValue::from(SPRITE))
}

/// An icon of 16 pixels.
pub fn icon(name: &'static str) -> Html {
    html! {
        <svg class="ic" aria-hidden="true"><use href={format!("#i-{name}")} /></svg>
    }
}

/// The sign of a role.
pub fn role_icon(role: types::raft::Role) -> Html {
    let name = crate::words::variants::role(role);
    html! {
        <svg class="ic rg" aria-hidden="true"><use href={format!("#i-r-{name}")} /></svg>
    }
}

/// The logo.
pub fn logo() -> Html {
    html! {
        <svg class="logo" viewBox="0 0 24 24" width="24" height="24" aria-hidden="true">
            <rect x="2" y="4" width="20" height="4.4" rx="2.2" class="t1" />
            <rect x="2" y="9.8" width="20" height="4.4" rx="2.2" class="t2" />
            <rect x="2" y="15.6" width="20" height="4.4" rx="2.2" class="t3" />
            <path d="M7 2.6v18.8M17 2.6v18.8" />
        </svg>
    }
}
