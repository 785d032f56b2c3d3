//! Choosing the rules by which a store decides.

use types::{frame::StoreFrame, id::StoreId};
use yew::prelude::*;

use super::{cx::Cx, icons::icon};
use crate::{
    model::{state::is_alive, ui::Person},
    words::{Arg, Sentence, rules::CHAPTERS},
};

/// A list of all rules, with the chosen one's symptom below.
pub fn choice(cx: Cx<'_>, store: &StoreFrame, id: &'static str) -> Html {
    let chosen = store.rules.as_deref();
    let words = cx.t("rules-label");
    let what = match chosen {
        None => cx.t("rules-explained"),
        Some(name) => cx.words.symptom(name),
    };
    html! {
        <div class="rules">
            <label>
                <span>{ words }</span>
                <select class="in" data-testid={id}
                    data-value={chosen.unwrap_or_default().to_owned()}
                    onchange={cx.chosen(choose(store.id))}>
                    <option value="" selected={chosen.is_none()}>{ cx.t("rules-correct") }</option>
                    { for CHAPTERS.iter().map(|chapter| group(cx, *chapter, chosen)) }
                </select>
            </label>
            <small>
                { what }
                if is_waiting(store) { { " " }<b>{ cx.t("rules-waiting") }</b> }
            </small>
        </div>
    }
}

fn choose(store: StoreId) -> impl Fn(String) -> Person {
    move |name| Person::Rule(store, (!name.is_empty()).then_some(name))
}

fn group(cx: Cx<'_>, (heading, names): (&str, &[&'static str]), chosen: Option<&str>) -> Html {
    let option = |name: &&'static str| {
        html! {
            <option value={*name} selected={chosen == Some(*name)} title={cx.words.symptom(name)}>
                { cx.words.rule(name) }
            </option>
        }
    };
    html! { <optgroup label={cx.t(heading)}>{ for names.iter().map(option) }</optgroup> }
}

/// Whether a living store has not heard yet by which rules it shall decide.
fn is_waiting(store: &StoreFrame) -> bool {
    is_alive(&store.life) && store.rules != store.rules_in_force
}

/// A mark for a store that decides by a broken rule.
pub fn mark(cx: Cx<'_>, store: &StoreFrame) -> Html {
    let Some(name) = store
        .rules_in_force
        .as_ref()
        .filter(|_| is_alive(&store.life))
    else {
        return Html::default();
    };
    let sentence = Sentence::plain("rules-broken").with("rule", Arg::Rule(name.clone()));
    let words = cx.say(&sentence);
    html! {
        <span class="p-rule" data-testid="rule-mark" data-rule={name.clone()}
            title={format!("{words}. {}", cx.words.symptom(name))}>
            { icon("bolt") }<span>{ words }</span>
        </span>
    }
}
