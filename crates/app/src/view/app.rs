//! The one component with a life of its own: it holds the state, listens, and draws.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use protocol::{FromConductor, ToConductor};
use types::frame::Frame;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{HtmlElement, KeyboardEvent, PageTransitionEvent};
use yew::prelude::*;

use super::{cx::Cx, page};
use crate::{
    link::{browser, hooks::Hooks, worker::Link},
    model::{
        keys::{self, Focus, Press},
        state::{Phase, State},
        ui::{Effect, Event as PageEvent, Person},
    },
    paint::Painter,
    words::{Words, variants},
};

/// Real milliseconds between two renderings that only bring newer numbers.
const RENDER_MS: f64 = 100.0;
/// Real milliseconds between two looks at what is due while time stands.
const TICK_MS: i32 = 150;
/// Below this width the layout is the small one.
const SMALL: f64 = 720.0;

/// What happens to the component.
pub enum Msg {
    /// Something happens to the page.
    Page(PageEvent),
    /// A key was pressed; what it means is decided by the state.
    Key(KeyboardEvent),
    /// An animation frame was drawn.
    Drawn,
    /// The window changed its size.
    Measure,
    /// A hook sends this.
    Hook(Box<ToConductor>),
}

/// The page.
pub struct App {
    state: State,
    words: Words,
    link: Link,
    hooks: Option<Hooks>,
    painter: Rc<RefCell<Painter>>,
    drawn_wanted: Rc<Cell<bool>>,
    owes_credit: bool,
    stale: bool,
    rendered_ms: f64,
    rendered: Option<Rc<Frame>>,
}

impl Component for App {
    type Message = Msg;
    type Properties = ();

    fn create(ctx: &Context<Self>) -> Self {
        let setup = browser::setup();
        let theme = browser::first_theme(&setup);
        let lang = browser::first_lang(&setup);
        browser::wear(theme);
        browser::mark("lang", lang.name());
        let hooks = setup.hooks.then(Hooks::default);
        if let Some(hooks) = &hooks {
            let send = ctx
                .link()
                .callback(|message: ToConductor| Msg::Hook(Box::new(message)));
            hooks.install(&send);
        }
        let mut app = Self {
            state: State::new(setup, theme, lang),
            words: Words::new(lang),
            link: Link::new(ctx.link().callback(Msg::Page)),
            hooks,
            painter: Rc::default(),
            drawn_wanted: Rc::new(Cell::new(false)),
            owes_credit: false,
            stale: false,
            rendered_ms: f64::NEG_INFINITY,
            rendered: None,
        };
        app.state.small = browser::width() < SMALL;
        listen(ctx);
        animate(ctx, app.painter.clone(), app.drawn_wanted.clone());
        let effects = app.state.first();
        app.carry_out(effects);
        app
    }

    fn update(&mut self, ctx: &Context<Self>, msg: Msg) -> bool {
        match msg {
            Msg::Page(PageEvent::Conductor(message)) => self.heard(ctx, message),
            Msg::Page(PageEvent::Tick) => {
                self.happen(PageEvent::Tick);
                false
            }
            Msg::Page(event) => {
                self.happen(event);
                true
            }
            Msg::Key(event) => self.key(&event),
            Msg::Drawn => self.drawn(),
            Msg::Measure => {
                let small = browser::width() < SMALL;
                let changed = self.state.small != small;
                self.state.small = small;
                self.measure(ctx) || changed
            }
            Msg::Hook(message) => {
                self.link.send(&message);
                false
            }
        }
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        let send = ctx
            .link()
            .callback(|person: Person| Msg::Page(PageEvent::Person(person)));
        page(Cx {
            state: &self.state,
            words: &self.words,
            send: &send,
        })
    }

    fn rendered(&mut self, ctx: &Context<Self>, first: bool) {
        self.rendered_ms = browser::now_ms();
        self.rendered.clone_from(&self.state.frame);
        self.stale = false;
        if first && let Some(boot) = browser::document().get_element_by_id("boot") {
            boot.remove();
        }
        self.mark_page();
        self.arrange();
        ctx.link().send_message(Msg::Measure);
    }
}

impl App {
    fn heard(&mut self, ctx: &Context<Self>, message: Box<FromConductor>) -> bool {
        if self
            .hooks
            .as_ref()
            .is_some_and(|hooks| hooks.take(&message))
        {
            return false;
        }
        let is_frame = matches!(*message, FromConductor::Frame(_));
        self.happen(PageEvent::Conductor(message));
        if !is_frame {
            return true;
        }
        if let Some(frame) = &self.state.frame {
            self.painter.borrow_mut().take(frame.clone());
            if let Some(hooks) = &self.hooks {
                hooks.take_frame(frame);
            }
        }
        self.owe_credit(ctx);
        self.stale = true;
        self.is_due()
    }

    /// The next frame may leave once this one was drawn; a page that nobody sees draws nothing.
    fn owe_credit(&mut self, ctx: &Context<Self>) {
        self.owes_credit = true;
        self.drawn_wanted.set(true);
        if browser::document().hidden() {
            let drawn = ctx.link().callback(|()| Msg::Drawn);
            browser::later(250, move || drawn.emit(()));
        }
    }

    fn drawn(&mut self) -> bool {
        if self.owes_credit {
            self.owes_credit = false;
            self.link.send(&ToConductor::Credit);
        }
        self.drawn_wanted.set(self.stale);
        self.stale && self.is_due()
    }

    /// Whether the newest frame must be rendered now and not a little later.
    fn is_due(&self) -> bool {
        let late = browser::now_ms() - self.rendered_ms >= RENDER_MS;
        let (Some(old), Some(new)) = (&self.rendered, &self.state.frame) else {
            return true;
        };
        late || !new.pace.running || looks_different(old, new)
    }

    fn happen(&mut self, event: PageEvent) {
        let ended = matches!(event, PageEvent::Person(Person::Restart) | PageEvent::Back);
        if ended {
            self.painter.borrow_mut().motion.reset();
        }
        let effects = self.state.reduce(event, browser::now_ms());
        self.carry_out(effects);
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match &effect {
                Effect::Send(message) => self.link.send(message),
                Effect::StartWorker => self.link.start(),
                Effect::StopWorker => self.link.stop(),
                Effect::Lang(lang) => {
                    self.words = Words::new(*lang);
                    browser::carry_out(&effect);
                }
                other => browser::carry_out(other),
            }
        }
    }

    fn key(&mut self, event: &KeyboardEvent) -> bool {
        let press = Press {
            key: event.key(),
            modified: event.ctrl_key() || event.alt_key() || event.meta_key(),
            alt: event.alt_key() && !event.ctrl_key() && !event.meta_key(),
            focus: focus(event),
        };
        let Some(person) = keys::meaning(&press, &self.state) else {
            return false;
        };
        event.prevent_default();
        self.happen(PageEvent::Person(person));
        true
    }

    fn measure(&mut self, ctx: &Context<Self>) -> bool {
        let Some(stage) = browser::document().get_element_by_id("stage") else {
            return false;
        };
        let size = stage.get_bounding_client_rect();
        let (width, height) = (size.width().round(), size.height().round());
        if width > 0.0 && (width, height) != self.state.stage {
            ctx.link()
                .send_message(Msg::Page(PageEvent::Resized(width, height)));
        }
        false
    }

    fn mark_page(&self) {
        browser::mark("data-phase", self.state.phase.name());
        browser::mark("data-cluster", self.state.setup.cluster.as_str());
        if let Some(disks) = &self.state.disks {
            browser::mark("data-disks", variants::disks(disks));
        }
    }

    fn arrange(&self) {
        let words = [
            self.words.t("message-yes"),
            self.words.t("message-no"),
            self.words.t("message-now"),
        ];
        let reduced = browser::media("(prefers-reduced-motion: reduce)");
        let mut painter = self.painter.borrow_mut();
        painter.arrange(self.state.geometry(), words, reduced);
        if self.state.phase != Phase::Open {
            painter.wipe();
        }
        // So that what was just rendered never shows without what is painted on it.
        painter.paint(&browser::document(), browser::now_ms());
    }
}

/// Whether two frames differ in something that must not wait.
fn looks_different(old: &Frame, new: &Frame) -> bool {
    old.cut != new.cut
        || old.region.id != new.region.id
        || old.regions.len() != new.regions.len()
        || old.scheduler != new.scheduler
        || old.stores.len() != new.stores.len()
        || old.pace.running != new.pace.running
        || old.operations.len() != new.operations.len()
        || old
            .stores
            .iter()
            .zip(&new.stores)
            .any(|(old, new)| old.life != new.life || old.role != new.role || old.term != new.term)
}

fn focus(event: &KeyboardEvent) -> Focus {
    let Some(element) = event
        .target()
        .and_then(|target| target.dyn_into::<HtmlElement>().ok())
    else {
        return Focus::Page;
    };
    match element.tag_name().as_str() {
        "INPUT" | "TEXTAREA" | "SELECT" => Focus::Text,
        _ if element.class_list().contains("store") => Focus::Page,
        "BUTTON" | "A" => Focus::Button,
        _ => Focus::Page,
    }
}

/// Listens for as long as the page lives.
fn listen(ctx: &Context<App>) {
    let window = browser::window();
    let key = ctx.link().callback(Msg::Key);
    let on_key = Closure::<dyn Fn(KeyboardEvent)>::new(move |event| key.emit(event));
    let size = ctx.link().callback(|()| Msg::Measure);
    let on_size = Closure::<dyn Fn()>::new(move || size.emit(()));
    let page = ctx.link().callback(Msg::Page);
    let hidden = page.clone();
    let on_hide = Closure::<dyn Fn()>::new(move || hidden.emit(PageEvent::Hidden));
    let on_show = Closure::<dyn Fn(PageTransitionEvent)>::new(move |event: PageTransitionEvent| {
        if event.persisted() {
            page.emit(PageEvent::Back);
        }
    });
    let tick = ctx.link().callback(Msg::Page);
    let on_tick = Closure::<dyn Fn()>::new(move || tick.emit(PageEvent::Tick));
    let _ = window.set_interval_with_callback_and_timeout_and_arguments_0(
        on_tick.into_js_value().unchecked_ref(),
        TICK_MS,
    );
    for (name, function) in [
        ("keydown", on_key.into_js_value()),
        ("resize", on_size.into_js_value()),
        ("pagehide", on_hide.into_js_value()),
        ("pageshow", on_show.into_js_value()),
    ] {
        let _ = window.add_event_listener_with_callback(name, function.unchecked_ref());
    }
}

/// Paints once per animation frame, for as long as the page lives.
fn animate(ctx: &Context<App>, painter: Rc<RefCell<Painter>>, wanted: Rc<Cell<bool>>) {
    type Loop = Rc<RefCell<Option<Closure<dyn FnMut(f64)>>>>;
    let drawn = ctx.link().callback(|()| Msg::Drawn);
    let own: Loop = Rc::default();
    let next = own.clone();
    let request = |own: &Loop| {
        if let Some(closure) = own.borrow().as_ref() {
            let _ = browser::window().request_animation_frame(closure.as_ref().unchecked_ref());
        }
    };
    *own.borrow_mut() = Some(Closure::new(move |_: f64| {
        if let Ok(mut painter) = painter.try_borrow_mut() {
            painter.paint(&browser::document(), browser::now_ms());
        }
        if wanted.replace(false) {
            drawn.emit(());
        }
        request(&next);
    }));
    request(&own);
}
