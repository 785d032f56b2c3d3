//! The card that stands in the page's way when there is no cluster to show.

use yew::prelude::*;

use crate::{
    model::{state::Phase, ui::Person},
    view::{cx::Cx, icons::icon},
    words::variants,
};

/// A button of the card.
type Way = (&'static str, String, Person);

/// The card, where one is needed.
pub fn gate(cx: Cx<'_>) -> Html {
    let restart = || ("restart", cx.t("gate-restart"), Person::Restart);
    let reload = || ("reload", cx.t("gate-reload"), Person::Reload);
    let fresh = || {
        let open = Person::Open(crate::model::ui::Overlay::NewCluster);
        ("gate-new", cx.t("gate-new"), open)
    };
    let (title, text, message, ways): (_, _, Vec<String>, Vec<Way>) = match &cx.state.phase {
        Phase::Booting | Phase::Opening | Phase::Open => return Html::default(),
        Phase::Elsewhere => (
            cx.t("gate-elsewhere"),
            cx.t("gate-elsewhere-text"),
            Vec::new(),
            vec![("take-over", cx.t("gate-take-over"), Person::TakeOver)],
        ),
        Phase::TakenOver => (
            cx.t("gate-taken-over"),
            cx.t("gate-taken-over-text"),
            Vec::new(),
            vec![("restart", cx.t("gate-take-back"), Person::Restart)],
        ),
        Phase::WrongBuild => (
            cx.t("gate-wrong-build"),
            cx.t("gate-wrong-build-text"),
            Vec::new(),
            vec![reload()],
        ),
        Phase::Died(words) => (
            cx.t("gate-died"),
            cx.t("gate-died-text"),
            vec![words.clone()],
            vec![restart()],
        ),
        Phase::CannotOpen(error) => (
            cx.t("gate-cannot-open"),
            cx.t("gate-cannot-open-text"),
            vec![cx.say(&variants::open(error))],
            vec![restart(), fresh()],
        ),
        Phase::BadUrl => (
            cx.t("gate-bad-url"),
            cx.t("gate-bad-url-text"),
            cx.state
                .setup
                .errors
                .iter()
                .map(|error| cx.say(&variants::setup(error)))
                .collect(),
            vec![("plain-address", cx.t("gate-plain"), Person::PlainAddress)],
        ),
        Phase::NoWorker(words) => (
            cx.t("gate-no-worker"),
            cx.t("gate-no-worker-text"),
            vec![words.clone()],
            vec![reload()],
        ),
    };
    card(cx, title, text, message, ways)
}

fn card(cx: Cx<'_>, title: String, text: String, message: Vec<String>, ways: Vec<Way>) -> Html {
    let way = |(at, (id, words, person)): (usize, Way)| {
        let class = if at == 0 { "btn primary" } else { "btn" };
        html! {
            <button type="button" class={class} data-testid={id}
                data-first={(at == 0).then_some("")}
                onclick={cx.on(person)}>{ words }</button>
        }
    };
    html! {
        <div class="gate-back" data-testid="gate" data-gate={cx.state.phase.name()}>
            <section class="gate" role="alertdialog" aria-labelledby="gate-title">
                <h1 id="gate-title">{ icon("info") }{ title }</h1>
                <p>{ text }</p>
                if !message.is_empty() {
                    <ul class="gate-message" data-testid="gate-message">
                        { for message.into_iter().map(|one| html! { <li>{ one }</li> }) }
                    </ul>
                }
                <div class="gate-ways">{ for ways.into_iter().enumerate().map(way) }</div>
            </section>
        </div>
    }
}
