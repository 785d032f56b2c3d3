//! What every component gets: the state to show, the words, and the way to say what a person did.

use wasm_bindgen::JsCast;
use web_sys::{HtmlInputElement, HtmlSelectElement};
use yew::prelude::*;

use crate::{
    model::{state::State, ui::Person},
    words::{Arg, Sentence, Words},
};

/// What every component gets.
#[derive(Clone, Copy)]
pub struct Cx<'a> {
    /// The state to show.
    pub state: &'a State,
    /// The words.
    pub words: &'a Words,
    /// Where a person's doings go.
    pub send: &'a Callback<Person>,
}

impl Cx<'_> {
    /// The words of `key`.
    #[must_use]
    pub fn t(&self, key: &str) -> String {
        self.words.t(key)
    }

    /// The words of `key` with values inside.
    #[must_use]
    pub fn tr<const N: usize>(&self, key: &str, args: [(&'static str, Arg); N]) -> String {
        self.words.tr(key, args)
    }

    /// The words of a sentence.
    #[must_use]
    pub fn say(&self, sentence: &Sentence) -> String {
        self.words.say(sentence)
    }

    /// A listener that says what a person did.
    #[must_use]
    pub fn on<E>(&self, person: Person) -> Callback<E> {
        self.send.reform(move |_| person.clone())
    }

    /// A listener that says what a person typed.
    #[must_use]
    pub fn typed(&self, make: impl Fn(String) -> Person + 'static) -> Callback<InputEvent> {
        self.send.reform(move |event: InputEvent| {
            let field: Option<HtmlInputElement> =
                event.target().and_then(|target| target.dyn_into().ok());
            make(field.map(|field| field.value()).unwrap_or_default())
        })
    }

    /// A listener that says what a person chose from a list.
    #[must_use]
    pub fn chosen(&self, make: impl Fn(String) -> Person + 'static) -> Callback<Event> {
        self.send.reform(move |event: Event| {
            let list: Option<HtmlSelectElement> =
                event.target().and_then(|target| target.dyn_into().ok());
            make(list.map(|list| list.value()).unwrap_or_default())
        })
    }
}

/// The class that wears a term's colours.
#[must_use]
pub fn term_class(term: types::raft::Term) -> &'static str {
    ["t0", "t1", "t2", "t3", "t4", "t5"][(term.get() % 6) as usize]
}

/// A term as a small filled plate.
pub fn term_pill(term: types::raft::Term) -> Html {
    html! { <span class={classes!("tpill", term_class(term))}>{ term.get() }</span> }
}

/// Text for an ARIA or data attribute that is true or false.
#[must_use]
pub const fn yes(on: bool) -> &'static str {
    if on { "true" } else { "false" }
}
