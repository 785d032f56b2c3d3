//! Names and values.

use yew::prelude::*;

use crate::view::cx::Cx;

/// One name with its value.
pub struct Field {
    /// The name in attributes.
    pub id: &'static str,
    /// The locale key of the name.
    pub key: &'static str,
    /// The value in attributes.
    pub value: String,
    /// The value as it is shown.
    pub shown: Html,
}

impl Field {
    /// A field that shows its value as it is.
    #[must_use]
    pub fn plain(id: &'static str, key: &'static str, value: &impl ToString) -> Self {
        let value = value.to_string();
        Self {
            id,
            key,
            shown: html! { { value.clone() } },
            value,
        }
    }

    /// A field with a small remark behind its value.
    #[must_use]
    pub fn noted(id: &'static str, key: &'static str, value: &impl ToString, note: &str) -> Self {
        let value = value.to_string();
        Self {
            id,
            key,
            shown: html! { <>{ value.clone() }<small>{ format!(" {note}") }</small></> },
            value,
        }
    }

    /// A field that looks otherwise than its value.
    #[must_use]
    pub fn drawn(id: &'static str, key: &'static str, value: &impl ToString, shown: Html) -> Self {
        Self {
            id,
            key,
            value: value.to_string(),
            shown,
        }
    }
}

/// Fields in two columns, or in one.
pub fn fields(cx: Cx<'_>, one: bool, list: Vec<Field>) -> Html {
    let line = |field: Field| {
        html! {
            <div data-testid="field" data-field={field.id} data-value={field.value}>
                <dt>{ cx.t(field.key) }</dt><dd>{ field.shown }</dd>
            </div>
        }
    };
    html! {
        <dl class={classes!("kv", one.then_some("one"))}>{ for list.into_iter().map(line) }</dl>
    }
}

/// A heading with a remark at its right end.
pub fn heading(words: String, note: String) -> Html {
    html! { <h3>{ words }<span class="note">{ note }</span></h3> }
}
