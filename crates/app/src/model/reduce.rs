//! The reducer: what an event makes of the state, and what the page wants done then.

use std::rc::Rc;

use protocol::{
    Answer, AskId, BUILD, ClusterName, FromConductor, Notice, Query, QueryError, Run, ToConductor,
};
use types::{
    action::{Acted, Action, Misuse},
    export,
    frame::{Frame, Life},
    id::StoreId,
    settings::SettingSpec,
    verdict::HistoryVerdict,
};

use super::{
    client::Verb,
    setup,
    state::{Asked, Phase, State, Tell, Told, is_alive},
    ui::{Card, Effect, Event, Overlay, Person, SPEEDS, Tool},
};

/// How many notices stand at once.
const TOLD_MAX: usize = 4;

impl State {
    /// Takes an event at the real instant `real_ms`.
    pub fn reduce(&mut self, event: Event, real_ms: f64) -> Vec<Effect> {
        match event {
            Event::Conductor(message) => self.conductor(*message, real_ms),
            Event::Died(words) => self.died(words),
            Event::NoWorker(words) => {
                self.phase = Phase::NoWorker(words);
                Vec::new()
            }
            Event::Unreadable(reason) => {
                self.tell(Tell::Unreadable(reason));
                Vec::new()
            }
            Event::Person(person) => self.person(person, real_ms),
            Event::Resized(width, height) => {
                self.stage = (width, height);
                Vec::new()
            }
            Event::Tick => self.inspect(real_ms),
            Event::Hidden => vec![Effect::StopWorker],
            Event::Back if self.phase == Phase::BadUrl => Vec::new(),
            Event::Back => self.boot(),
        }
    }

    /// What a page does first.
    pub fn first(&mut self) -> Vec<Effect> {
        match self.phase {
            Phase::BadUrl => Vec::new(),
            _ => vec![Effect::StartWorker],
        }
    }

    fn boot(&mut self) -> Vec<Effect> {
        self.phase = Phase::Booting;
        self.asked.clear();
        self.inspector.forget();
        vec![Effect::StartWorker]
    }

    fn died(&mut self, words: String) -> Vec<Effect> {
        match self.phase {
            Phase::Elsewhere
            | Phase::TakenOver
            | Phase::WrongBuild
            | Phase::CannotOpen(_)
            | Phase::Died(_) => {}
            Phase::Booting => self.phase = Phase::NoWorker(words),
            _ => self.phase = Phase::Died(words),
        }
        vec![Effect::StopWorker]
    }

    fn conductor(&mut self, message: FromConductor, real_ms: f64) -> Vec<Effect> {
        match message {
            FromConductor::Hello { build } if build == BUILD => self.open(false),
            FromConductor::Hello { .. } | FromConductor::WrongBuild { .. } => {
                self.phase = Phase::WrongBuild;
                vec![Effect::StopWorker]
            }
            FromConductor::Opened { disks, .. } => {
                self.phase = Phase::Open;
                self.disks = Some(disks);
                self.begin_anew();
                Vec::new()
            }
            FromConductor::OpenElsewhere => {
                self.phase = Phase::Elsewhere;
                Vec::new()
            }
            FromConductor::TakenOver => {
                self.phase = Phase::TakenOver;
                vec![Effect::StopWorker]
            }
            FromConductor::Frame(frame) => self.framed(*frame, real_ms),
            FromConductor::Acted { ask, result } => {
                self.acted(ask, result);
                Vec::new()
            }
            FromConductor::Answer { ask, result } => self.answered(ask, result),
            // The page gives the lab no jobs of its own.
            FromConductor::Lab { .. } => Vec::new(),
            FromConductor::Violated(violation) => {
                self.violation = Some(Rc::from(violation));
                self.card = Some(Card::Invariant);
                Vec::new()
            }
            FromConductor::Fatal { message } => self.died(message),
            FromConductor::Notice(Notice::CannotOpen(error)) => {
                self.phase = Phase::CannotOpen(error);
                Vec::new()
            }
            FromConductor::Notice(notice) => {
                self.tell(Tell::Notice(notice));
                Vec::new()
            }
        }
    }

    /// What is shown from here on is of another run.
    fn begin_anew(&mut self) {
        self.feed.reset();
        self.violation = None;
        self.card = None;
    }

    fn open(&mut self, take_over: bool) -> Vec<Effect> {
        self.phase = Phase::Opening;
        vec![Effect::send(ToConductor::Open {
            build: BUILD.to_owned(),
            cluster: self.setup.cluster.clone(),
            settings: self.setup.settings,
            take_over,
        })]
    }

    fn framed(&mut self, frame: Frame, real_ms: f64) -> Vec<Effect> {
        let other_run = self
            .frame
            .as_ref()
            .is_some_and(|last| last.event.segment != frame.event.segment || last.now > frame.now);
        if other_run {
            self.begin_anew();
        }
        let is_broken = |frame: &Frame| {
            let verdict = &frame.checks.history.verdict;
            matches!(verdict, HistoryVerdict::Broken(_))
        };
        let was_broken = self.frame.as_deref().is_some_and(is_broken);
        if is_broken(&frame) && !was_broken && self.card.is_none() {
            self.card = Some(Card::History);
        }
        self.feed.take(&frame);
        self.frame = Some(Rc::new(frame));
        if self.phase == Phase::Opening {
            self.phase = Phase::Open;
        }
        let stores = self.stores();
        self.far.retain(|store| stores.contains(store));
        if self.selected.is_some_and(|store| !stores.contains(&store)) {
            self.selected = None;
        }
        if self.selected.is_none() {
            self.selected = self.leader().map(|store| store.id);
        }
        self.inspect(real_ms)
    }

    fn inspect(&mut self, real_ms: f64) -> Vec<Effect> {
        let (Some(store), Some(frame)) = (self.selected, &self.frame) else {
            return Vec::new();
        };
        let shown = !self.small || self.panel == super::ui::Panel::Inspect;
        if !shown || self.phase != Phase::Open {
            return Vec::new();
        }
        let lives = |life: &Life| u64::from(is_alive(life));
        let life = self
            .store(store)
            .map_or(0, |store| 2 * store.incarnation.get() + lives(&store.life));
        let seen = (frame.event, life);
        let queries = self.inspector.due(store, seen, real_ms);
        queries
            .into_iter()
            .map(|query| {
                let ask = self.ask(Asked::Inspect);
                self.inspector.asked(ask);
                Effect::send(ToConductor::Query { ask, query })
            })
            .collect()
    }

    fn acted(&mut self, ask: AskId, result: Result<Acted, Misuse>) {
        let asked = self.asked.remove(&ask);
        match (asked, result) {
            (Some(Asked::Submit), Err(misuse)) => self.draft_error = Some(misuse),
            (_, Err(misuse)) => self.tell(Tell::Misuse(misuse)),
            (_, Ok(Acted::Done | Acted::Submitted(_) | Acted::ReturnsAs(_))) => {}
        }
    }

    fn answered(&mut self, ask: AskId, result: Result<Answer, QueryError>) -> Vec<Effect> {
        let cluster = self.setup.cluster.as_str();
        let file = |ending: &str, bytes| Effect::Save {
            name: format!("{cluster}.{ending}"),
            bytes,
        };
        match (self.asked.remove(&ask), result) {
            (Some(Asked::Recording), Ok(Answer::Recording(bytes))) => {
                vec![file("raftrec", bytes)]
            }
            (Some(Asked::Disks), Ok(Answer::Disks(disks))) => {
                vec![file("raftdisks", export::encode(&disks))]
            }
            (Some(Asked::Recording | Asked::Disks), Err(error)) => {
                self.tell(Tell::NoFile(error));
                Vec::new()
            }
            (_, result) => {
                self.inspector.answer(ask, result);
                Vec::new()
            }
        }
    }

    /// A name for a question, and what it is for.
    pub(super) fn ask(&mut self, asked: Asked) -> AskId {
        let ask = self.next_ask;
        // The upper half belongs to the hooks of tests.
        self.next_ask = (ask + 1) & 0x7fff_ffff;
        self.asked.insert(ask, asked);
        ask
    }

    fn tell(&mut self, what: Tell) {
        if self.told.iter().any(|told| told.what == what) {
            return;
        }
        let number = self.next_told;
        self.next_told += 1;
        self.told.push(Told { number, what });
        if self.told.len() > TOLD_MAX {
            self.told.remove(0);
        }
    }

    fn person(&mut self, person: Person, real_ms: f64) -> Vec<Effect> {
        match person {
            Person::Toggle if self.running() => self.run(Run::Pause),
            Person::Toggle => self.run(Run::Play),
            Person::Step => self.run(Run::Step),
            Person::Speed(permille) => self.run(Run::Speed(permille)),
            Person::Faster => self.speed_beside(true),
            Person::Slower => self.speed_beside(false),
            Person::Act(action) => self.act(action, Asked::Act),
            Person::Rule(store, name) => self.act(Action::Rule { store, name }, Asked::Act),
            Person::Look(card) => {
                self.card = card;
                self.inspect(real_ms)
            }
            Person::KillOrStart(store) => self.kill_or_start(store),
            Person::Isolate(store) => self.isolate(store),
            Person::Heal if self.cut().len() < 2 => Vec::new(),
            Person::Heal => self.act(Action::Heal, Asked::Act),
            Person::Pick(store) => self.pick(store, real_ms),
            Person::Show(region) => self.show(region),
            Person::ShowBeside(behind) => match self.region_beside(behind) {
                Some(region) => self.show(region),
                None => Vec::new(),
            },
            Person::Region(deed) => match self.region_action(&deed) {
                Ok(action) => self.act(action, Asked::Act),
                Err(_) => Vec::new(),
            },
            Person::SplitKey(text) => {
                self.split_key = text;
                Vec::new()
            }
            Person::Turn(tab) => {
                self.inspector.turn(tab);
                self.inspect(real_ms)
            }
            Person::Scrolled(to) => {
                self.inspector.scroll = to;
                Vec::new()
            }
            Person::Take(tool) => {
                self.tool = tool;
                self.far.clear();
                self.overlay = None;
                Vec::new()
            }
            Person::BuildWall => self.build_wall(),
            Person::Submit(verb) => self.submit(verb),
            Person::Edit(field, text) => {
                self.draft.edit(field, text);
                self.draft_error = None;
                Vec::new()
            }
            Person::Panel(panel) => {
                self.panel = panel;
                self.inspect(real_ms)
            }
            other => self.house(other),
        }
    }

    /// What concerns the page more than the cluster.
    fn house(&mut self, person: Person) -> Vec<Effect> {
        match person {
            Person::Open(overlay) => self.open_overlay(overlay),
            Person::Close => self.close(),
            Person::Knob(name, text) => self.knob(name, text),
            Person::Renew => self.renew(),
            Person::NameCluster(text) => {
                self.other_cluster = text;
                Vec::new()
            }
            Person::OpenNamed => match ClusterName::try_from(self.other_cluster.clone()) {
                Ok(cluster) => self.visit(&cluster),
                Err(_) => Vec::new(),
            },
            Person::Visit(cluster) => self.visit(&cluster),
            Person::Theme(theme) => {
                self.theme = theme;
                vec![Effect::Theme(theme)]
            }
            Person::Lang(lang) => {
                self.lang = lang;
                vec![Effect::Lang(lang)]
            }
            Person::Dismiss(number) => {
                self.told.retain(|told| told.number != number);
                Vec::new()
            }
            Person::TakeOver => self.open(true),
            Person::Reload => vec![Effect::StopWorker, Effect::Reload],
            Person::Restart => self.boot(),
            Person::PlainAddress => vec![Effect::Go("?".to_owned())],
            Person::SaveRecording => self.save(Asked::Recording, Query::Recording),
            Person::SaveDisks => self.save(Asked::Disks, Query::Disks),
            Person::Toggle
            | Person::Step
            | Person::Speed(_)
            | Person::Faster
            | Person::Slower
            | Person::Act(_)
            | Person::Rule(..)
            | Person::Look(_)
            | Person::KillOrStart(_)
            | Person::Isolate(_)
            | Person::Heal
            | Person::Pick(_)
            | Person::Show(_)
            | Person::ShowBeside(_)
            | Person::Region(_)
            | Person::SplitKey(_)
            | Person::Turn(_)
            | Person::Scrolled(_)
            | Person::Take(_)
            | Person::BuildWall
            | Person::Submit(_)
            | Person::Edit(..)
            | Person::Panel(_) => Vec::new(),
        }
    }

    fn run(&mut self, run: Run) -> Vec<Effect> {
        if self.phase != Phase::Open {
            return Vec::new();
        }
        vec![Effect::send(ToConductor::Run(run))]
    }

    fn speed_beside(&mut self, faster: bool) -> Vec<Effect> {
        let Some(frame) = &self.frame else {
            return Vec::new();
        };
        let asked = frame.pace.asked_permille;
        let beside = if faster {
            SPEEDS.into_iter().find(|speed| *speed > asked)
        } else {
            SPEEDS.into_iter().rev().find(|speed| *speed < asked)
        };
        beside.map_or_else(Vec::new, |speed| self.run(Run::Speed(speed)))
    }

    fn act(&mut self, action: Action, asked: Asked) -> Vec<Effect> {
        self.overlay = None;
        if self.phase != Phase::Open {
            return Vec::new();
        }
        if let Some(frame) = &self.frame {
            self.feed.deed(frame.now, &action);
        }
        let ask = self.ask(asked);
        vec![Effect::send(ToConductor::Act { ask, action })]
    }

    fn kill_or_start(&mut self, store: StoreId) -> Vec<Effect> {
        let life = match store {
            StoreId::SCHEDULER => self.scheduler(),
            store => self.store(store).map(|store| &store.life),
        };
        match life {
            Some(Life::Killed | Life::Stopped(_)) => self.act(Action::Start { store }, Asked::Act),
            Some(Life::Starting | Life::Up | Life::Late | Life::Paused) => {
                self.act(Action::Kill { store }, Asked::Act)
            }
            None => Vec::new(),
        }
    }

    fn show(&mut self, region: types::id::RegionId) -> Vec<Effect> {
        self.overlay = None;
        if self.phase != Phase::Open {
            return Vec::new();
        }
        self.inspector.scroll = 0.0;
        vec![Effect::send(ToConductor::Show(region))]
    }

    fn isolate(&mut self, store: StoreId) -> Vec<Effect> {
        let others = self.stores().into_iter().filter(|other| *other != store);
        let groups = vec![vec![store], others.collect()];
        self.act(Action::Cut { groups }, Asked::Act)
    }

    fn pick(&mut self, store: Option<StoreId>, real_ms: f64) -> Vec<Effect> {
        self.overlay = None;
        match (self.tool, store) {
            (Tool::Wall, Some(store)) => {
                if !self.far.remove(&store) {
                    self.far.insert(store);
                }
                Vec::new()
            }
            (_, None) => Vec::new(),
            (Tool::Select, store) => {
                if self.selected != store {
                    self.inspector.forget();
                    let tab = self.inspector.tab;
                    self.inspector.turn(tab);
                }
                self.selected = store;
                if self.small && store.is_some() {
                    self.panel = super::ui::Panel::Inspect;
                }
                self.inspect(real_ms)
            }
        }
    }

    fn build_wall(&mut self) -> Vec<Effect> {
        let Some(groups) = self.wall_groups() else {
            return Vec::new();
        };
        self.tool = Tool::Select;
        self.far.clear();
        let groups = groups.to_vec();
        self.act(Action::Cut { groups }, Asked::Act)
    }

    fn submit(&mut self, verb: Verb) -> Vec<Effect> {
        self.draft_error = None;
        let action = self.draft.action(verb);
        self.act(action, Asked::Submit)
    }

    fn open_overlay(&mut self, overlay: Overlay) -> Vec<Effect> {
        if self.overlay.as_ref() == Some(&overlay) {
            return self.close();
        }
        self.confirm_renew = false;
        if matches!(overlay, Overlay::NewCluster | Overlay::Settings) {
            self.knobs = super::ui::Knobs::default();
            self.other_cluster.clear();
        }
        if overlay == Overlay::Split {
            self.split_key.clear();
        }
        if let Overlay::StoreMenu(store, ..) = &overlay
            && self.tool == Tool::Select
        {
            self.selected = Some(*store);
        }
        self.overlay = Some(overlay);
        vec![Effect::Focus("[data-first]")]
    }

    fn close(&mut self) -> Vec<Effect> {
        if self.overlay.take().is_none() && self.tool == Tool::Wall {
            self.tool = Tool::Select;
            self.far.clear();
        }
        self.confirm_renew = false;
        Vec::new()
    }

    /// The settings of the form, and why they are not usable.
    ///
    /// # Errors
    ///
    /// The first setting that is not usable.
    pub fn knob_settings(
        &self,
    ) -> Result<types::settings::Settings, types::settings::SettingError> {
        let mut settings = self.settings();
        for (name, text) in &self.knobs.touched {
            setup::put(&mut settings, name, text)?;
        }
        settings.validate()
    }

    fn knob(&mut self, name: String, text: String) -> Vec<Effect> {
        let value = SettingSpec::named(&name).and_then(|spec| spec.parse(&text));
        self.knobs.edit(name.clone(), text);
        self.confirm_renew = false;
        if self.overlay != Some(Overlay::Settings) {
            return Vec::new();
        }
        let (Ok(_), Ok(value)) = (self.knob_settings(), value) else {
            return Vec::new();
        };
        let action = Action::Set { name, value };
        let ask = self.ask(Asked::Act);
        vec![Effect::send(ToConductor::Act { ask, action })]
    }

    fn renew(&mut self) -> Vec<Effect> {
        let Ok(settings) = self.knob_settings() else {
            return Vec::new();
        };
        if !self.confirm_renew {
            self.confirm_renew = true;
            return Vec::new();
        }
        self.confirm_renew = false;
        self.overlay = None;
        self.inspector.forget();
        self.begin_anew();
        self.selected = None;
        self.setup.settings = settings;
        vec![Effect::send(ToConductor::Renew { settings })]
    }

    fn visit(&mut self, cluster: &ClusterName) -> Vec<Effect> {
        let settings = self.knob_settings().unwrap_or_else(|_| setup::usual());
        vec![Effect::Go(setup::address(cluster.as_str(), settings))]
    }

    fn save(&mut self, asked: Asked, query: Query) -> Vec<Effect> {
        self.overlay = None;
        if self.phase != Phase::Open {
            return Vec::new();
        }
        let ask = self.ask(asked);
        vec![Effect::send(ToConductor::Query { ask, query })]
    }
}
