//! Tests of the reducer: a page without a browser.

use protocol::{Answer, BUILD, DiskKind, FromConductor, Query, QueryError, Run, ToConductor};
use types::{
    action::{Action, Misuse},
    disk::DiskImage,
    export,
    frame::{Frame, Life},
    id::StoreId,
};

use super::{
    client::{Field, Verb},
    inspect::Tab,
    look::{Lang, Theme},
    setup::Setup,
    state::{Phase, State, tests::frame},
    ui::{Effect, Event, Overlay, Person, Tool},
};

fn page() -> State {
    State::new(Setup::default(), Theme::Auto, Lang::En)
}

fn hear(state: &mut State, message: FromConductor) -> Vec<Effect> {
    state.reduce(Event::Conductor(Box::new(message)), 0.0)
}

fn person(state: &mut State, person: Person) -> Vec<Effect> {
    state.reduce(Event::Person(person), 0.0)
}

fn opened() -> State {
    let mut state = page();
    let cluster = state.setup.cluster.clone();
    hear(
        &mut state,
        FromConductor::Opened {
            cluster,
            resumed: false,
            disks: DiskKind::IndexedDb,
        },
    );
    show(&mut state, frame(1_000));
    state
}

fn show(state: &mut State, frame: Frame) -> Vec<Effect> {
    hear(state, FromConductor::Frame(Box::new(frame)))
}

fn sent(effects: &[Effect]) -> Vec<&ToConductor> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Send(message) => Some(message.as_ref()),
            _ => None,
        })
        .collect()
}

fn action(effects: &[Effect]) -> Option<&Action> {
    match sent(effects)[..] {
        [ToConductor::Act { action, .. }] => Some(action),
        _ => None,
    }
}

#[test]
fn the_page_opens_its_cluster_once_the_worker_says_hello() {
    let mut state = page();
    assert_eq!(state.first(), [Effect::StartWorker]);
    let build = BUILD.to_owned();
    let effects = hear(&mut state, FromConductor::Hello { build });
    assert!(matches!(
        sent(&effects)[..],
        [ToConductor::Open {
            take_over: false,
            ..
        }]
    ));
    assert_eq!(state.phase, Phase::Opening);
}

#[test]
fn a_worker_of_another_build_is_ended() {
    let mut state = page();
    let build = "another".to_owned();
    let effects = hear(&mut state, FromConductor::Hello { build });
    assert_eq!(effects, [Effect::StopWorker]);
    assert_eq!(state.phase, Phase::WrongBuild);
}

#[test]
fn an_address_that_cannot_be_used_starts_nothing() {
    let setup = Setup::from_pairs([("stores".to_owned(), "99".to_owned())]);
    let mut state = State::new(setup, Theme::Auto, Lang::En);
    assert_eq!(state.phase, Phase::BadUrl);
    assert_eq!(state.first(), []);
    assert_eq!(state.reduce(Event::Back, 0.0), []);
}

#[test]
fn a_cluster_that_is_open_elsewhere_can_be_taken_over() {
    let mut state = page();
    hear(&mut state, FromConductor::OpenElsewhere);
    assert_eq!(state.phase, Phase::Elsewhere);
    let effects = person(&mut state, Person::TakeOver);
    assert!(matches!(
        sent(&effects)[..],
        [ToConductor::Open {
            take_over: true,
            ..
        }]
    ));
    let mut other = opened();
    assert_eq!(
        hear(&mut other, FromConductor::TakenOver),
        [Effect::StopWorker]
    );
}

#[test]
fn a_panic_of_the_conductor_shows_its_words_and_a_restart_starts_a_new_one() {
    let mut state = opened();
    let message = "planted".to_owned();
    hear(&mut state, FromConductor::Fatal { message });
    state.reduce(Event::Died("unreachable".to_owned()), 0.0);
    assert_eq!(state.phase, Phase::Died("planted".to_owned()));
    assert_eq!(person(&mut state, Person::Restart), [Effect::StartWorker]);
    assert_eq!(state.phase, Phase::Booting);
}

#[test]
fn play_follows_what_the_frame_says() {
    let mut state = opened();
    let effects = person(&mut state, Person::Toggle);
    assert_eq!(sent(&effects), [&ToConductor::Run(Run::Pause)]);
    let mut paused = frame(2_000);
    paused.pace.running = false;
    show(&mut state, paused);
    let effects = person(&mut state, Person::Toggle);
    assert_eq!(sent(&effects), [&ToConductor::Run(Run::Play)]);
}

#[test]
fn speeds_stop_at_both_ends() {
    let mut state = opened();
    let mut fast = frame(2_000);
    fast.pace.asked_permille = 10_000;
    show(&mut state, fast);
    assert_eq!(person(&mut state, Person::Faster), []);
    let effects = person(&mut state, Person::Slower);
    assert_eq!(sent(&effects), [&ToConductor::Run(Run::Speed(4_000))]);
}

#[test]
fn a_wall_cuts_between_the_sides_that_were_clicked() {
    let mut state = opened();
    person(&mut state, Person::Take(Tool::Wall));
    assert_eq!(person(&mut state, Person::BuildWall), []);
    for store in [4, 5, 3, 3] {
        person(&mut state, Person::Pick(Some(StoreId::new(store))));
    }
    let effects = person(&mut state, Person::BuildWall);
    let groups = vec![
        [1, 2, 3].map(StoreId::new).to_vec(),
        [4, 5].map(StoreId::new).to_vec(),
    ];
    assert_eq!(action(&effects), Some(&Action::Cut { groups }));
    assert_eq!((state.tool, state.far.len()), (Tool::Select, 0));
}

#[test]
fn one_button_kills_what_runs_and_starts_what_is_down() {
    let store = StoreId::new(2);
    let mut state = opened();
    let effects = person(&mut state, Person::KillOrStart(store));
    assert_eq!(action(&effects), Some(&Action::Kill { store }));
    let mut down = frame(2_000);
    down.stores[1].life = Life::Killed;
    show(&mut state, down);
    let effects = person(&mut state, Person::KillOrStart(store));
    assert_eq!(action(&effects), Some(&Action::Start { store }));
}

#[test]
fn a_refused_command_is_told_at_the_form() {
    let mut state = opened();
    person(&mut state, Person::Edit(Field::Value, "1".to_owned()));
    let effects = person(&mut state, Person::Submit(Verb::Put));
    let [ToConductor::Act { ask, .. }] = sent(&effects)[..] else {
        panic!("one action, not {effects:?}");
    };
    let (ask, result) = (*ask, Err(Misuse::EmptyKey));
    hear(&mut state, FromConductor::Acted { ask, result });
    assert_eq!(state.draft_error, Some(Misuse::EmptyKey));
    assert_eq!(state.told.len(), 0);
    person(&mut state, Person::Edit(Field::Key, "k".to_owned()));
    assert_eq!(state.draft_error, None);
}

#[test]
fn the_inspector_follows_the_leader_at_first_and_asks_also_while_time_stands() {
    let mut state = opened();
    assert_eq!(state.selected, Some(StoreId::new(1)));
    let effects = state.reduce(Event::Person(Person::Turn(Tab::Storage)), 5_000.0);
    let queries: Vec<_> = sent(&effects)
        .into_iter()
        .map(|message| match message {
            ToConductor::Query { ask, query } => (*ask, *query),
            other => panic!("{other:?} is no question"),
        })
        .collect();
    let store = StoreId::new(1);
    assert_eq!(queries[0].1, Query::Store(store));
    assert_eq!(queries[1].1, Query::Rows(store));
    for (ask, _) in queries {
        let result: Result<Answer, _> = Err(QueryError::Silent { store });
        hear(&mut state, FromConductor::Answer { ask, result });
    }
    assert!(state.inspector.silent.is_some());
    assert_eq!(state.reduce(Event::Tick, 5_300.0), []);
    assert_eq!(sent(&state.reduce(Event::Tick, 6_100.0)).len(), 2);
}

#[test]
fn a_reset_asks_twice_and_only_with_usable_settings() {
    let mut state = opened();
    person(&mut state, Person::Open(Overlay::NewCluster));
    person(
        &mut state,
        Person::Knob("stores".to_owned(), "12".to_owned()),
    );
    assert_eq!(person(&mut state, Person::Renew), []);
    assert!(!state.confirm_renew);
    person(
        &mut state,
        Person::Knob("stores".to_owned(), "7".to_owned()),
    );
    assert_eq!(person(&mut state, Person::Renew), []);
    assert!(state.confirm_renew);
    let effects = person(&mut state, Person::Renew);
    assert!(matches!(
        sent(&effects)[..],
        [ToConductor::Renew { settings }] if settings.stores == 7
    ));
}

#[test]
fn a_live_setting_is_set_as_soon_as_it_is_usable() {
    let mut state = opened();
    person(&mut state, Person::Open(Overlay::Settings));
    let knob = |text: &str| Person::Knob("loss_permille".to_owned(), text.to_owned());
    assert_eq!(person(&mut state, knob("")), []);
    assert_eq!(person(&mut state, knob("2000")), []);
    let effects = person(&mut state, knob("200"));
    let (name, value) = ("loss_permille".to_owned(), 200);
    assert_eq!(action(&effects), Some(&Action::Set { name, value }));
}

#[test]
fn files_are_named_after_the_cluster() {
    let mut state = opened();
    let effects = person(&mut state, Person::SaveRecording);
    let [ToConductor::Query { ask, query }] = sent(&effects)[..] else {
        panic!("one question, not {effects:?}");
    };
    assert_eq!(*query, Query::Recording);
    let (ask, result) = (*ask, Ok(Answer::Recording(vec![1, 2])));
    let effects = hear(&mut state, FromConductor::Answer { ask, result });
    let (name, bytes) = ("default.raftrec".to_owned(), vec![1, 2]);
    assert_eq!(effects, [Effect::Save { name, bytes }]);
}

#[test]
fn downloaded_disks_are_what_the_disk_check_reads() {
    let mut state = opened();
    let effects = person(&mut state, Person::SaveDisks);
    let [ToConductor::Query { ask, .. }] = sent(&effects)[..] else {
        panic!("one question, not {effects:?}");
    };
    let disks = vec![(StoreId::new(1), DiskImage::default())];
    let (ask, result) = (*ask, Ok(Answer::Disks(disks.clone())));
    let effects = hear(&mut state, FromConductor::Answer { ask, result });
    let [Effect::Save { bytes, .. }] = &effects[..] else {
        panic!("one file, not {effects:?}");
    };
    assert_eq!(export::decode(bytes), Ok(disks));
}

#[test]
fn a_page_that_comes_back_starts_a_new_conductor() {
    let mut state = opened();
    assert_eq!(state.reduce(Event::Hidden, 0.0), [Effect::StopWorker]);
    assert_eq!(state.reduce(Event::Back, 0.0), [Effect::StartWorker]);
}
