//! A long list of which only the rows in view are in the page.

use std::ops::Range;

use wasm_bindgen::JsCast;
use web_sys::HtmlElement;
use yew::prelude::*;

use crate::{model::ui::Person, view::cx::Cx};

/// The height of a row in pixels.
pub const ROW: f64 = 24.0;
/// How many rows are in the page at once.
const IN_PAGE: usize = 48;

/// Which of `count` rows are in the page when the list is scrolled down by `scroll` pixels.
#[must_use]
pub fn window(count: usize, scroll: f64) -> Range<usize> {
    let above = (scroll / ROW) as usize;
    let first = above.saturating_sub(8).min(count.saturating_sub(IN_PAGE));
    first..(first + IN_PAGE).min(count)
}

/// A list of `count` rows of one height; `row` makes the one at a place.
pub fn list(
    cx: Cx<'_>,
    id: &'static str,
    count: usize,
    head: Html,
    row: impl Fn(usize) -> Html,
) -> Html {
    let range = window(count, cx.state.inspector.scroll);
    let scrolled = cx.send.reform(|event: Event| {
        let list: Option<HtmlElement> = event.target().and_then(|target| target.dyn_into().ok());
        Person::Scrolled(list.map_or(0.0, |list| f64::from(list.scroll_top())))
    });
    let above = range.start as f64 * ROW;
    let below = (count - range.end) as f64 * ROW;
    html! {
        <div class={classes!("vlist", id)} data-testid={id} data-count={count.to_string()}
            data-first={range.start.to_string()} data-last={range.end.to_string()}
            onscroll={scrolled} role="table" aria-rowcount={count.to_string()} tabindex="0">
            { head }
            <div style={format!("height:{above}px")}></div>
            { for range.map(row) }
            <div style={format!("height:{below}px")}></div>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_rows_around_the_view_are_in_the_page() {
        assert_eq!(window(10, 0.0), 0..10);
        assert_eq!(window(1_000, 0.0), 0..48);
        let far = window(1_000, 500.0 * ROW);
        assert!(far.contains(&500) && far.contains(&530) && far.len() == 48);
        assert_eq!(window(1_000, 1e9).end, 1_000);
    }
}
