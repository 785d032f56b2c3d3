//! What happens to the page, and what the page wants done in return.

use protocol::{ClusterName, FromConductor, ToConductor};
use types::{
    action::Action,
    id::{RegionId, StoreId},
    settings::{SettingSpec, Settings},
};

use super::{
    client::{Field, Verb},
    inspect::Tab,
    look::{Lang, Theme},
    region::RegionDeed,
};

/// Something that happens to the page.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A message of the conductor.
    Conductor(Box<FromConductor>),
    /// The conductor is gone, with its last words.
    Died(String),
    /// No worker could be started.
    NoWorker(String),
    /// A message could not be read.
    Unreadable(String),
    /// A person did something.
    Person(Person),
    /// The stage has another size.
    Resized(f64, f64),
    /// A little real time has passed; also while virtual time stands.
    Tick,
    /// The page is put away.
    Hidden,
    /// The page was put away and is back.
    Back,
}

/// Something that a person does.
#[derive(Debug, Clone, PartialEq)]
pub enum Person {
    /// Play or pause.
    Toggle,
    /// Deliver one event.
    Step,
    /// A speed, in thousandths.
    Speed(u32),
    /// The next higher speed.
    Faster,
    /// The next lower speed.
    Slower,
    /// An action on the cluster.
    Act(Action),
    /// Chooses the rules by which a store decides: broken ones by their name, or the correct ones.
    Rule(StoreId, Option<String>),
    /// Looks at what is broken, or no longer.
    Look(Option<Card>),
    /// Kill a running store or start a dead one.
    KillOrStart(StoreId),
    /// Cut one store off.
    Isolate(StoreId),
    /// Remove the cut.
    Heal,
    /// Selects a store, or none; with the wall tool it changes the store's side.
    Pick(Option<StoreId>),
    /// Shows another region.
    Show(RegionId),
    /// Shows the region before the one that is shown, or the one behind it.
    ShowBeside(bool),
    /// Wants something of the region that is shown.
    Region(RegionDeed),
    /// Typing the key of a split.
    SplitKey(String),
    /// Another page of the inspector.
    Turn(Tab),
    /// The list of the inspector is scrolled.
    Scrolled(f64),
    /// A tool of the stage.
    Take(Tool),
    /// The wall that is being built stands.
    BuildWall,
    /// Something lies over the page.
    Open(Overlay),
    /// Closes what lies over the page, or lets go of the tool.
    Close,
    /// Typing into the client's form.
    Edit(Field, String),
    /// Gives a command to the client.
    Submit(Verb),
    /// Typing into a form of settings.
    Knob(String, String),
    /// Wipes every disk and starts anew with the settings of the form.
    Renew,
    /// Another cluster.
    Visit(ClusterName),
    /// Typing the name of another cluster.
    NameCluster(String),
    /// Goes to the cluster of that name.
    OpenNamed,
    /// Other colours.
    Theme(Theme),
    /// Another language.
    Lang(Lang),
    /// A panel of the small layout.
    Panel(Panel),
    /// A notice was read.
    Dismiss(u64),
    /// Takes the cluster from the other tab.
    TakeOver,
    /// Loads the page anew.
    Reload,
    /// Starts the conductor anew.
    Restart,
    /// Opens the cluster without the settings of the address.
    PlainAddress,
    /// Saves the recording.
    SaveRecording,
    /// Saves the disks.
    SaveDisks,
}

/// What is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Card {
    /// An invariant.
    Invariant,
    /// What clients saw.
    History,
}

/// A tool of the stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// Selects stores.
    Select,
    /// Builds a wall.
    Wall,
}

/// A panel of the small layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Panel {
    /// The log matrix.
    #[default]
    Log,
    /// The inspector.
    Inspect,
    /// The client.
    Client,
}

/// Something that lies over the page.
#[derive(Debug, Clone, PartialEq)]
pub enum Overlay {
    /// What can be done to a store, at a point of the page.
    StoreMenu(StoreId, f64, f64),
    /// What can be done to the region that is shown, and which others there are.
    RegionMenu,
    /// The form that asks for the key of a split.
    Split,
    /// The cluster's menu.
    ClusterMenu,
    /// The form of a new cluster.
    NewCluster,
    /// The live settings.
    Settings,
    /// The keys.
    Shortcuts,
}

/// Something that the page wants done.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Send this to the conductor.
    Send(Box<ToConductor>),
    /// Start the conductor's worker; an older one ends first.
    StartWorker,
    /// End the conductor's worker.
    StopWorker,
    /// Load the page anew.
    Reload,
    /// Go to another address.
    Go(String),
    /// Save a file.
    Save {
        /// Its name.
        name: String,
        /// Its content.
        bytes: Vec<u8>,
    },
    /// Wear and remember these colours.
    Theme(Theme),
    /// Speak and remember this language.
    Lang(Lang),
    /// Put the focus where the person goes on.
    Focus(&'static str),
}

impl Effect {
    /// A message to the conductor.
    #[must_use]
    pub fn send(message: ToConductor) -> Self {
        Self::Send(Box::new(message))
    }
}

/// The speeds that the buttons name, in thousandths.
pub const SPEEDS: [u32; 6] = [10, 100, 500, 1_000, 4_000, 10_000];

/// The settings of a form while a person types: text may be no number yet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Knobs {
    /// Name and text of each setting that was touched.
    pub touched: Vec<(String, String)>,
}

impl Knobs {
    /// Takes what was typed.
    pub fn edit(&mut self, name: String, text: String) {
        self.touched.retain(|(other, _)| *other != name);
        self.touched.push((name, text));
    }

    /// The text of a setting.
    #[must_use]
    pub fn text(&self, name: &str, settings: Settings) -> String {
        let typed = self.touched.iter().find(|(other, _)| other == name);
        match typed {
            Some((_, text)) => text.clone(),
            None => SettingSpec::named(name)
                .ok()
                .zip(settings.get(name))
                .map(|(spec, value)| spec.text(value))
                .unwrap_or_default(),
        }
    }
}
