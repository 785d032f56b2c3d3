//! The client's form: the page's only way to a value.

use yew::prelude::*;

use crate::{
    model::{
        client::{Field, Verb},
        state::Phase,
        ui::Person,
    },
    view::cx::Cx,
    words::variants,
};

/// The form.
pub fn client(cx: Cx<'_>) -> Html {
    let draft = &cx.state.draft;
    let enter = cx.send.reform(|event: SubmitEvent| {
        event.prevent_default();
        Person::Submit(Verb::Put)
    });
    html! {
        <form class="client" onsubmit={enter} autocomplete="off">
            { text(cx, Field::Key, "client-key", &draft.key, "client-key-hint") }
            <div class="cl-row">
                { text(cx, Field::Value, "client-value", &draft.value, "client-value-hint") }
                <button type="submit" class="btn primary" data-testid="client-put"
                    disabled={closed(cx)}>{ cx.t("client-put") }</button>
            </div>
            <div class="cl-row">
                { text(cx, Field::Expected, "client-expected", &draft.expected,
                    "client-expected-hint") }
                { verb(cx, Verb::CompareAndSet, "client-compare-and-set") }
            </div>
            <div class="cl-row cl-verbs">
                { verb(cx, Verb::Append, "client-append") }
                { verb(cx, Verb::Get, "client-get") }
                { verb(cx, Verb::Delete, "client-delete") }
                { via(cx) }
            </div>
            <div class="cl-row">
                { text(cx, Field::End, "client-end", &draft.end, "client-end-hint") }
                { text(cx, Field::Limit, "client-limit", &draft.limit, "client-limit-hint") }
                { verb(cx, Verb::Scan, "client-scan") }
            </div>
            { error(cx) }
        </form>
    }
}

fn closed(cx: Cx<'_>) -> bool {
    cx.state.phase != Phase::Open
}

fn text(cx: Cx<'_>, field: Field, id: &'static str, value: &str, hint: &str) -> Html {
    let words = cx.t(hint);
    html! {
        <input type="text" class={classes!("in", id)} data-testid={id} placeholder={words.clone()}
            title={words.clone()} aria-label={words} value={value.to_owned()} spellcheck="false"
            autocapitalize="off" oninput={cx.typed(move |text| Person::Edit(field, text))} />
    }
}

fn verb(cx: Cx<'_>, verb: Verb, key: &'static str) -> Html {
    html! {
        <button type="button" class="btn" data-testid={key} disabled={closed(cx)}
            onclick={cx.on(Person::Submit(verb))}>{ cx.t(key) }</button>
    }
}

fn via(cx: Cx<'_>) -> Html {
    let chosen = cx.state.draft.via;
    let words = cx.t("client-via");
    let option = |store: types::id::StoreId| {
        html! {
            <option value={store.get().to_string()} selected={chosen == Some(store)}>
                { cx.tr("client-via-store", [("store", store.to_string().into())]) }
            </option>
        }
    };
    html! {
        <select class="in via" data-testid="client-via" title={words.clone()} aria-label={words}
            onchange={cx.chosen(|text| Person::Edit(Field::Via, text))}>
            <option value="" selected={chosen.is_none()}>{ cx.t("client-via-leader") }</option>
            { for cx.state.stores().into_iter().map(option) }
        </select>
    }
}

fn error(cx: Cx<'_>) -> Html {
    let Some(misuse) = &cx.state.draft_error else {
        return Html::default();
    };
    html! {
        <p class="cl-error" role="alert" data-testid="client-error"
            data-misuse={variants::misuse_name(misuse)}>{ cx.say(&variants::misuse(misuse)) }</p>
    }
}
