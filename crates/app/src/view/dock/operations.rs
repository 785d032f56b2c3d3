//! The client's operations and how they stand.

use types::{
    frame::{OperationFrame, OperationState},
    store::CommandResult,
};
use yew::prelude::*;

use crate::{
    model::{
        bytes::{clip, seconds, shown},
        client::Verb,
    },
    view::cx::{Cx, yes},
    words::variants,
};

/// The list, newest first.
pub fn operations(cx: Cx<'_>) -> Html {
    let operations = cx
        .state
        .frame
        .as_ref()
        .map(|frame| frame.operations.as_slice())
        .unwrap_or_default();
    if operations.is_empty() {
        return html! { <p class="empty ops-empty">{ cx.t("operations-empty") }</p> };
    }
    html! {
        <ul class="ops" aria-label={cx.t("operations-label")}>
            { for operations.iter().rev().map(|one| operation(cx, one)) }
        </ul>
    }
}

fn operation(cx: Cx<'_>, one: &OperationFrame) -> Html {
    let state = variants::operation(&one.state);
    let optional = |store: Option<types::id::StoreId>| {
        store
            .map(|store| store.get().to_string())
            .unwrap_or_default()
    };
    let command = variants::command_text(&one.command);
    html! {
        <li class={classes!("op", format!("is-{state}"))} key={one.id.get()}
            data-testid="operation" data-op={one.id.get().to_string()}
            data-kind={Verb::of(&one.command).name()} data-state={state}
            data-via={optional(one.via)} data-asked={optional(one.asked)}
            data-sendings={one.sendings.to_string()}>
            <i class="op-dot" aria-hidden="true"></i>
            <code title={command.clone()}>{ clip(&command, 64) }</code>
            <span class="op-state">{ cx.t(variants::operation_key(&one.state)) }</span>
            { result(cx, one) }
            <small>{ detail(cx, one) }</small>
        </li>
    }
}

/// When it was given, whom it asked, how often.
fn detail(cx: Cx<'_>, one: &OperationFrame) -> String {
    let when = format!("{} s", seconds(one.submitted.get()));
    let asked = match (one.asked, one.sendings) {
        (None, _) => cx.t("operation-looks-for-leader"),
        (Some(store), sendings) if sendings > 1 => cx.tr(
            "operation-asked-often",
            [
                ("store", store.to_string().into()),
                ("times", sendings.to_string().into()),
            ],
        ),
        (Some(store), _) => cx.tr("operation-asked", [("store", store.to_string().into())]),
    };
    let took = match &one.state {
        OperationState::Done { at, .. } | OperationState::Failed { at, .. } => {
            let ms = at.since(one.submitted) / 1_000;
            format!(" · {ms} ms")
        }
        OperationState::Open
        | OperationState::Unknown { .. }
        | OperationState::NeverSent { .. } => String::new(),
    };
    format!("{when} · {asked}{took}")
}

fn result(cx: Cx<'_>, one: &OperationFrame) -> Html {
    let (text, found) = match &one.state {
        OperationState::Open => return Html::default(),
        OperationState::Done { result, .. } => match result {
            CommandResult::Put | CommandResult::Delete | CommandResult::Append => {
                return Html::default();
            }
            CommandResult::CompareAndSet { swapped: true, .. } => {
                (cx.t("operation-swapped"), false)
            }
            CommandResult::CompareAndSet { found, .. } => {
                let nothing = || cx.t("operation-nothing-there");
                let value = found.as_ref().map_or_else(nothing, |value| shown(value));
                (
                    cx.tr("operation-not-swapped", [("value", value.into())]),
                    false,
                )
            }
            CommandResult::Get { value: None } => (cx.t("operation-nothing-there"), false),
            CommandResult::Get { value: Some(value) } => (shown(value), true),
            CommandResult::Scan { pairs } => {
                let text: Vec<String> = pairs
                    .iter()
                    .map(|(key, value)| format!("{} = {}", shown(key), shown(value)))
                    .collect();
                let found = !text.is_empty();
                let none = || cx.t("operation-nothing-there");
                (if found { text.join(", ") } else { none() }, found)
            }
        },
        OperationState::Failed { error, .. } => (cx.say(&variants::reply(error)), false),
        OperationState::Unknown { .. } => (cx.t("operation-unknown-explained"), false),
        OperationState::NeverSent { .. } => (cx.t("operation-never-sent-explained"), false),
    };
    let is_value = matches!(one.state, OperationState::Done { .. }) && found;
    html! {
        <span class={if is_value { "op-result is-value" } else { "op-result" }}
            data-testid="operation-result" data-found={yes(found)} title={text.clone()}>
            { text }
        </span>
    }
}
