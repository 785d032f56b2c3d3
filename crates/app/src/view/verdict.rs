//! What the checks say: two chips that are always there, and a card for what is broken.

use std::rc::Rc;

use types::{
    frame::Frame,
    verdict::{HistoryCheck, HistoryVerdict, Placed, TraceStep, Unplaced, Violation},
};
use yew::prelude::*;

use super::{
    cx::{Cx, yes},
    icons::icon,
};
use crate::{
    model::{
        bytes::{grouped, seconds, shown},
        ui::{Card, Person},
    },
    words::{Arg, Sentence, verdicts},
};

/// How many steps of a trace are shown.
const STEPS_SHOWN: usize = 60;

/// The chips.
pub fn chips(cx: Cx<'_>) -> Html {
    let Some(frame) = &cx.state.frame else {
        return Html::default();
    };
    html! {
        <span class="checks" role="group" aria-label={cx.t("checks-label")}>
            { history(cx, &frame.checks.history) }
            { invariants(cx, frame) }
        </span>
    }
}

struct Chip {
    id: &'static str,
    state: &'static str,
    class: &'static str,
    sign: &'static str,
    words: String,
    title: String,
    count: u64,
    opens: Option<Card>,
}

fn chip(cx: Cx<'_>, chip: Chip) -> Html {
    let open = chip.opens.is_some() && cx.state.card == chip.opens;
    let person = Person::Look(if open { None } else { chip.opens });
    html! {
        <button type="button" class={classes!("verdict", chip.class)} data-testid={chip.id}
            data-state={chip.state} data-count={chip.count.to_string()} title={chip.title}
            aria-expanded={chip.opens.map(|_| yes(open))} aria-disabled={yes(chip.opens.is_none())}
            onclick={cx.on(person)}>
            { icon(chip.sign) }<span>{ chip.words }</span>
        </button>
    }
}

fn invariants(cx: Cx<'_>, frame: &Frame) -> Html {
    let checks = &frame.checks;
    let (state, class, sign, words) = match &checks.broken {
        Some(broken) => {
            let name = cx.t(verdicts::invariant(broken.invariant));
            let words = cx.tr("checks-broken", [("name", name.into())]);
            ("broken", "bad", "shieldx", words)
        }
        None if checks.judged == 0 => ("begin", "wait", "shield", cx.t("checks-begin")),
        None => {
            let count = grouped(checks.judged);
            let words = cx.tr("checks-hold", [("count", count.into())]);
            ("hold", "ok", "shield", words)
        }
    };
    chip(
        cx,
        Chip {
            id: "check-invariants",
            state,
            class,
            sign,
            words,
            title: cx.t("checks-explained"),
            count: checks.judged,
            opens: cx.state.violation.is_some().then_some(Card::Invariant),
        },
    )
}

fn history(cx: Cx<'_>, check: &HistoryCheck) -> Html {
    let count = |key: &str, count: u64| cx.tr(key, [("count", grouped(count).into())]);
    let (class, words) = match &check.verdict {
        HistoryVerdict::Linearizable if check.behind > 0 => {
            ("wait", count("history-behind", check.behind))
        }
        HistoryVerdict::Linearizable if check.judged == 0 => ("wait", cx.t("history-none")),
        HistoryVerdict::Linearizable => ("ok", count("history-yes", check.judged)),
        HistoryVerdict::Undecided { key } => {
            let words = cx.tr("history-undecided", [("key", shown(key).into())]);
            ("wait", words)
        }
        HistoryVerdict::Broken(_) => ("bad", cx.t("history-no")),
        HistoryVerdict::Unwatched => ("wait", cx.t("history-unwatched")),
    };
    let title = match &check.verdict {
        HistoryVerdict::Undecided { .. } => cx.t("history-undecided-explained"),
        HistoryVerdict::Unwatched => cx.t("history-unwatched-explained"),
        HistoryVerdict::Linearizable | HistoryVerdict::Broken(_) => cx.t("history-explained"),
    };
    let is_broken = matches!(check.verdict, HistoryVerdict::Broken(_));
    chip(
        cx,
        Chip {
            id: "check-history",
            state: verdicts::history(&check.verdict),
            class,
            sign: "linear",
            words,
            title,
            count: check.judged,
            opens: is_broken.then_some(Card::History),
        },
    )
}

/// The card, while somebody looks at it; it takes the inspector's place.
pub fn card(cx: Cx<'_>) -> Option<Html> {
    let frame = cx.state.frame.as_ref()?;
    match (cx.state.card?, &frame.checks.history.verdict) {
        (Card::Invariant, _) => Some(violation(cx, frame, cx.state.violation.as_deref()?)),
        (Card::History, HistoryVerdict::Broken(unplaced)) => {
            Some(unexplained(cx, unplaced.as_ref()))
        }
        (Card::History, _) => None,
    }
}

fn shell(cx: Cx<'_>, kind: &'static str, over: String, name: String, body: Html) -> Html {
    html! {
        <aside class="insp card" data-testid="verdict" data-kind={kind} role="alert"
            aria-label={cx.t("card-label")}>
            <header class="cd-head">
                { icon("shieldx") }
                <div><small>{ over }</small><h2 data-testid="verdict-name">{ name }</h2></div>
                <button type="button" class="ib sm" data-testid="verdict-close"
                    aria-label={cx.t("close")} onclick={cx.on(Person::Look(None))}>
                    { icon("x") }
                </button>
            </header>
            { body }
        </aside>
    }
}

fn fact(id: &'static str, label: String, value: String) -> Html {
    html! {
        <div data-field={id} data-value={value.clone()}><dt>{ label }</dt><dd>{ value }</dd></div>
    }
}

fn violation(cx: Cx<'_>, frame: &Rc<Frame>, violation: &Violation) -> Html {
    let key = verdicts::invariant(violation.invariant);
    let at = seconds(violation.moment.at.get());
    let over = cx.tr("card-at", [("at", at.into())]);
    let number = format!(
        "{}{}",
        violation.invariant.letter(),
        violation.invariant.number()
    );
    let steps = &violation.trace[violation.trace.len().saturating_sub(STEPS_SHOWN)..];
    let note = cx.tr(
        "card-steps-shown",
        [
            ("shown", steps.len().to_string().into()),
            ("all", violation.trace.len().to_string().into()),
        ],
    );
    let body = html! {
        <div class="in-body">
            <p class="cd-rule">{ cx.words.attribute(key, "rule").unwrap_or_default() }</p>
            { culprit(cx, frame, violation) }
            <dl class="kv">
                { fact("invariant", cx.t("card-invariant"), number) }
                { fact("store", cx.t("card-who"), violation.store.to_string()) }
                { fact("event", cx.t("field-event"), violation.moment.event.to_string()) }
                { fact("term", cx.t("field-term"), violation.term.get().to_string()) }
                { fact("index", cx.t("column-index"), violation.index.to_string()) }
                { fact("region", cx.t("heading-region"), violation.region.to_string()) }
            </dl>
            <h3>{ cx.t("card-steps") }<span class="note">{ note }</span></h3>
            <ol class="cd-steps" data-testid="verdict-steps" tabindex="0">
                { for steps.iter().rev().map(|one| step(cx, frame, one)) }
            </ol>
            <p class="cd-note">{ cx.t("card-stopped") }</p>
            if !cx.state.running() {
                <button type="button" class="btn primary cd-on" data-testid="verdict-go-on"
                    onclick={cx.on(Person::Toggle)}>{ cx.t("card-go-on") }</button>
            }
        </div>
    };
    shell(cx, "invariant", over, cx.t(key), body)
}

/// A store whose rules are broken, and that broke this.
fn culprit(cx: Cx<'_>, frame: &Frame, violation: &Violation) -> Html {
    let store = frame
        .stores
        .iter()
        .find(|store| store.id == violation.store);
    let rule = store.and_then(|store| store.rules_in_force.as_ref());
    let Some(rule) = rule else {
        return Html::default();
    };
    let sentence = Sentence::plain("card-culprit")
        .with("store", violation.store.to_string())
        .with("rule", Arg::Rule(rule.clone()));
    html! { <p class="in-note bad">{ icon("bolt") }<span>{ cx.say(&sentence) }</span></p> }
}

fn step(cx: Cx<'_>, frame: &Frame, step: &TraceStep) -> Html {
    let words = cx.say(&verdicts::step(&step.seen, &frame.region));
    let at = seconds(step.moment.at.get());
    html! {
        <li>
            <button type="button" class="cd-who"
                onclick={cx.on(Person::Pick(Some(step.store)))}>{ step.store.to_string() }</button>
            <span>{ words }</span>
            <time title={step.moment.event.to_string()}>{ at }</time>
        </li>
    }
}

fn unexplained(cx: Cx<'_>, unplaced: &Unplaced) -> Html {
    let line = |placed: &Placed| html! { <li><code>{ verdicts::placed(placed) }</code></li> };
    let earlier = cx.tr(
        "card-order-earlier",
        [("count", grouped(unplaced.earlier).into())],
    );
    let body = html! {
        <div class="in-body">
            <p class="cd-rule">
                { cx.words.attribute("invariant-linearizable", "rule").unwrap_or_default() }
            </p>
            <dl class="kv">
                { fact("key", cx.t("card-key"), shown(&unplaced.key)) }
                { fact("client", cx.t("card-client"), unplaced.operation.client.to_string()) }
            </dl>
            <h3>{ cx.t("card-not-placed") }</h3>
            <p class="in-note bad" data-testid="verdict-operation">
                <code>{ verdicts::placed(&unplaced.operation) }</code>
            </p>
            <h3>{ cx.t("card-order") }
                if unplaced.earlier > 0 { <span class="note">{ earlier }</span> }
            </h3>
            <ol class="cd-steps is-order">{ for unplaced.prefix.iter().map(line) }</ol>
        </div>
    };
    let name = cx.t("invariant-linearizable");
    shell(cx, "history", cx.t("card-history"), name, body)
}
