//! Components. All but one are functions from the state to what is shown; [`app::App`] holds the
//! state and everything that moves.

pub mod app;
pub mod cx;
pub mod dock;
pub mod icons;
pub mod inspector;
pub mod mobile;
pub mod over;
pub mod ruler;
pub mod rules;
pub mod stage;
pub mod strip;
pub mod topbar;
pub mod verdict;

use cx::Cx;
use yew::prelude::*;

use crate::link::browser;

/// Starts the page.
pub fn start() {
    std::panic::set_hook(Box::new(|info| {
        console_error_panic_hook::hook(info);
        browser::mark("data-failed", "panic");
    }));
    let root = browser::document()
        .get_element_by_id("app")
        .expect("the page has an element for the app");
    yew::Renderer::<app::App>::with_root(root).render();
}

/// The whole page.
pub fn page(cx: Cx<'_>) -> Html {
    let layout = if cx.state.small { "mobile" } else { "desktop" };
    let content = if cx.state.small {
        mobile::mobile(cx)
    } else {
        html! {
            <div class="app">
                { topbar::topbar(cx) }
                { over::banner::banner(cx) }
                { ruler::ruler(cx) }
                { stage::stage(cx) }
                { verdict::card(cx).unwrap_or_else(|| inspector::inspector(cx)) }
                { dock::dock(cx) }
                { strip::strip(cx) }
            </div>
        }
    };
    html! {
        <div data-testid="app" data-layout={layout} class="root">
            { icons::sprite() }
            { content }
            <p class="heard" aria-live="polite">{ stage::leader(cx) }</p>
            { over::gate::gate(cx) }
            { over::over(cx) }
            { over::banner::notices(cx) }
        </div>
    }
}
