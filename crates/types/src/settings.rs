//! Every knob, in one table: forms, validation, links and URL parameters are made from it.

use serde::{Deserialize, Serialize};

use crate::{
    id::MAX_SAFE, io::StoreOptions, link::LatencyShape, raft::Preset, scheduler::SchedulerOptions,
    store::ReadMode, time::US_PER_MS,
};

/// When a changed setting takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scope {
    /// At once.
    Live,
    /// In a new cluster only.
    NewCluster,
}

/// The settings of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// How many stores, 3 to 9.
    pub stores: u64,
    /// The dialect that every store runs, by its place in [`Preset::ALL`].
    pub preset: u64,
    /// The seed of all chance, below 2^53.
    pub seed: u64,
    /// The length of a raft tick, in milliseconds.
    pub tick_ms: u64,
    /// Ticks between two heartbeats.
    pub heartbeat_ticks: u64,
    /// The shortest election timeout, in ticks.
    pub election_ticks: u64,
    /// The shortest way between two stores, in milliseconds.
    pub latency_ms_min: u64,
    /// The longest way between two stores, in milliseconds.
    pub latency_ms_max: u64,
    /// How latencies lie between the two, by its place in [`LatencyShape::ALL`].
    pub latency_shape: u64,
    /// Messages lost, in thousandths.
    pub loss_permille: u64,
    /// Messages delivered twice, in thousandths.
    pub duplicate_permille: u64,
    /// Messages held back long enough to be overtaken, in thousandths.
    pub reorder_permille: u64,
    /// How much a link carries, in bytes per millisecond; zero for no limit.
    pub bytes_per_ms: u64,
    /// The shortest disk write, in milliseconds.
    pub disk_ms_min: u64,
    /// The longest disk write, in milliseconds.
    pub disk_ms_max: u64,
    /// How long a client waits for an answer before the outcome counts as unknown, in
    /// milliseconds.
    pub client_timeout_ms: u64,
    /// Whether there is a scheduler: 0 or 1.
    pub scheduler: u64,
    /// How many replicas a region has: those of the first region live on the first stores.
    pub replicas: u64,
    /// How many applied entries a log keeps before it is compacted; zero for never.
    pub log_gc_entries: u64,
    /// How many bytes of log a peer keeps before it compacts its own; zero for never.
    pub max_raft_state_bytes: u64,
    /// How many bytes a region may hold before it is split; zero for any number.
    pub region_max_bytes: u64,
    /// How many of them the first part of a split holds.
    pub region_split_bytes: u64,
    /// Ticks between two looks at a region's size.
    pub split_check_ticks: u64,
    /// Ticks between two heartbeats of a region to the scheduler.
    pub region_heartbeat_ticks: u64,
    /// Ticks between two heartbeats of a store to the scheduler.
    pub store_heartbeat_ticks: u64,
    /// How reads are served, by its place in [`ReadMode::ALL`].
    pub read_mode: u64,
    /// Whether clients number their operations so that each is carried out at most once: 0 or 1.
    pub sessions: u64,
    /// Whether the scheduler evens out how many regions each store holds: 0 or 1.
    pub balance_region: u64,
    /// Whether the scheduler evens out how many regions each store leads: 0 or 1.
    pub balance_leader: u64,
    /// Whether the scheduler replaces replicas that are lost: 0 or 1.
    pub repair: u64,
    /// After how long without a word a store counts as lost, in milliseconds.
    pub store_down_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        let mut settings = Self {
            stores: 0,
            preset: 0,
            seed: 0,
            tick_ms: 0,
            heartbeat_ticks: 0,
            election_ticks: 0,
            latency_ms_min: 0,
            latency_ms_max: 0,
            latency_shape: 0,
            loss_permille: 0,
            duplicate_permille: 0,
            reorder_permille: 0,
            bytes_per_ms: 0,
            disk_ms_min: 0,
            disk_ms_max: 0,
            client_timeout_ms: 0,
            scheduler: 0,
            replicas: 0,
            log_gc_entries: 0,
            max_raft_state_bytes: 0,
            region_max_bytes: 0,
            region_split_bytes: 0,
            split_check_ticks: 0,
            region_heartbeat_ticks: 0,
            store_heartbeat_ticks: 0,
            read_mode: 0,
            sessions: 0,
            balance_region: 0,
            balance_leader: 0,
            repair: 0,
            store_down_ms: 0,
        };
        for spec in TABLE {
            *(spec.field)(&mut settings) = spec.default;
        }
        settings
    }
}

/// One row of the settings table.
pub struct SettingSpec {
    /// The name in files, links and URLs; `settings-<name>` is its locale key.
    pub name: &'static str,
    /// The unit: `ms`, `ticks`, `permille`, `bytes/ms` or nothing.
    pub unit: &'static str,
    /// The smallest value.
    pub min: u64,
    /// The largest value.
    pub max: u64,
    /// The value of a fresh cluster.
    pub default: u64,
    /// When a change takes effect.
    pub scope: Scope,
    /// What each value is called, from `min` on, where values are choices; else nothing.
    pub names: &'static [&'static str],
    /// The field.
    pub field: fn(&mut Settings) -> &mut u64,
}

impl SettingSpec {
    /// The row of the setting called `name`.
    ///
    /// # Errors
    ///
    /// [`SettingError::Unknown`].
    pub fn named(name: &str) -> Result<&'static Self, SettingError> {
        let unknown = || SettingError::Unknown {
            name: name.to_owned(),
        };
        let row = TABLE.iter().find(|spec| spec.name == name);
        row.ok_or_else(unknown)
    }

    /// The value that `text` stands for: a whole number, or the name of a choice. Whether it is in
    /// its range is not looked at.
    ///
    /// # Errors
    ///
    /// [`SettingError::NotANumber`], or [`SettingError::NoSuchChoice`] where values have names.
    pub fn parse(&self, text: &str) -> Result<u64, SettingError> {
        let trimmed = text.trim();
        let choices = (self.min..).zip(self.names);
        if let Some((value, _)) = choices.into_iter().find(|(_, name)| **name == trimmed) {
            return Ok(value);
        }
        trimmed.parse().map_err(|_| {
            let (name, text) = (self.name.to_owned(), text.to_owned());
            if self.names.is_empty() {
                return SettingError::NotANumber { name, text };
            }
            let choices = self.names.join(", ");
            SettingError::NoSuchChoice {
                name,
                text,
                choices,
            }
        })
    }

    /// How `value` is written in forms and links: the name of the choice, else the number.
    #[must_use]
    pub fn text(&self, value: u64) -> String {
        let mut choices = (self.min..).zip(self.names);
        match choices.find(|(choice, _)| *choice == value) {
            Some((_, name)) => (*name).to_owned(),
            None => value.to_string(),
        }
    }
}

/// The names of [`Preset::ALL`].
const PRESETS: [&str; Preset::ALL.len()] = {
    let mut names = [""; Preset::ALL.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = Preset::ALL[at].name();
        at += 1;
    }
    names
};

/// The names of [`ReadMode::ALL`].
const READS: [&str; ReadMode::ALL.len()] = {
    let mut names = [""; ReadMode::ALL.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = ReadMode::ALL[at].name();
        at += 1;
    }
    names
};

/// The names of no and yes.
const SWITCH: [&str; 2] = ["off", "on"];

/// The names of [`LatencyShape::ALL`].
const SHAPES: [&str; LatencyShape::ALL.len()] = {
    let mut names = [""; LatencyShape::ALL.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = LatencyShape::ALL[at].name();
        at += 1;
    }
    names
};

macro_rules! table {
    ($(
        $name:ident: $unit:literal, $min:literal..=$max:expr, $default:literal, $scope:ident
            $(, $names:expr)?;
    )*) => {
        /// The settings table.
        pub const TABLE: &[SettingSpec] = &[$(SettingSpec {
            name: stringify!($name),
            unit: $unit,
            min: $min,
            max: $max,
            default: $default,
            scope: Scope::$scope,
            names: table!(names $($names)?),
            field: |settings| &mut settings.$name,
        }),*];
    };
    (names) => { &[] };
    (names $names:expr) => { &$names };
}

table! {
    stores: "", 3..=9, 5, NewCluster;
    preset: "", 0..=2, 0, NewCluster, PRESETS;
    seed: "", 0..=MAX_SAFE, 1, NewCluster;
    tick_ms: "ms", 1..=1_000, 50, NewCluster;
    heartbeat_ticks: "ticks", 1..=100, 2, NewCluster;
    election_ticks: "ticks", 3..=1_000, 10, NewCluster;
    latency_ms_min: "ms", 1..=10_000, 10, Live;
    latency_ms_max: "ms", 1..=10_000, 25, Live;
    latency_shape: "", 0..=1, 0, Live, SHAPES;
    loss_permille: "permille", 0..=1_000, 0, Live;
    duplicate_permille: "permille", 0..=1_000, 0, Live;
    reorder_permille: "permille", 0..=1_000, 0, Live;
    bytes_per_ms: "bytes/ms", 0..=1_000_000, 0, Live;
    disk_ms_min: "ms", 0..=10_000, 2, Live;
    disk_ms_max: "ms", 0..=10_000, 6, Live;
    client_timeout_ms: "ms", 100..=600_000, 3_000, Live;
    scheduler: "", 0..=1, 0, NewCluster, SWITCH;
    replicas: "", 1..=9, 9, NewCluster;
    log_gc_entries: "entries", 0..=1_000_000_000, 128_000, Live;
    max_raft_state_bytes: "bytes", 0..=1_000_000_000, 0, Live;
    region_max_bytes: "bytes", 0..=1_000_000_000, 150_994_944, Live;
    region_split_bytes: "bytes", 1..=1_000_000_000, 100_663_296, Live;
    split_check_ticks: "ticks", 1..=100_000, 2, Live;
    region_heartbeat_ticks: "ticks", 1..=100_000, 2, Live;
    store_heartbeat_ticks: "ticks", 1..=100_000, 10, Live;
    read_mode: "", 0..=2, 0, Live, READS;
    sessions: "", 0..=1, 0, NewCluster, SWITCH;
    balance_region: "", 0..=1, 0, Live, SWITCH;
    balance_leader: "", 0..=1, 0, Live, SWITCH;
    repair: "", 0..=1, 0, Live, SWITCH;
    store_down_ms: "ms", 1_000..=86_400_000, 1_800_000, Live;
}

/// A setting from outside is not usable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum SettingError {
    /// No such setting.
    #[error("there is no setting {name:?}")]
    Unknown {
        /// The name.
        name: String,
    },
    /// Not a whole number.
    #[error("{name}: {text:?} is not a whole number")]
    NotANumber {
        /// The setting.
        name: String,
        /// What was given.
        text: String,
    },
    /// Neither the name of a choice nor a whole number.
    #[error("{name}: {text:?} is none of {choices}")]
    NoSuchChoice {
        /// The setting.
        name: String,
        /// What was given.
        text: String,
        /// The names that there are.
        choices: String,
    },
    /// Outside of its range.
    #[error("{name}: {value} is outside of {min} to {max}")]
    OutOfRange {
        /// The setting.
        name: String,
        /// The value.
        value: u64,
        /// The smallest.
        min: u64,
        /// The largest.
        max: u64,
    },
    /// Two settings contradict each other: a minimum above its maximum, or heartbeats that are
    /// not more frequent than elections.
    #[error("{smaller} is too large for {larger}")]
    Order {
        /// The one that must be smaller or equal.
        smaller: String,
        /// The other.
        larger: String,
    },
}

impl Settings {
    /// The value of the setting called `name`.
    #[must_use]
    pub fn get(mut self, name: &str) -> Option<u64> {
        let spec = SettingSpec::named(name).ok()?;
        Some(*(spec.field)(&mut self))
    }

    /// Sets one setting from text, as in a URL parameter. On an error nothing has changed.
    ///
    /// # Errors
    ///
    /// [`SettingError`] when the name, the text or the value is not usable.
    pub fn set(&mut self, name: &str, text: &str) -> Result<(), SettingError> {
        let spec = SettingSpec::named(name)?;
        let value = spec.parse(text)?;
        let mut changed = *self;
        *(spec.field)(&mut changed) = value;
        *self = changed.validate()?;
        Ok(())
    }

    /// The settings themselves when every value is in its range and none contradicts another.
    ///
    /// # Errors
    ///
    /// The first [`SettingError`] in table order.
    pub fn validate(mut self) -> Result<Self, SettingError> {
        for spec in TABLE {
            let value = *(spec.field)(&mut self);
            if !(spec.min..=spec.max).contains(&value) {
                let (name, min, max) = (spec.name.to_owned(), spec.min, spec.max);
                return Err(SettingError::OutOfRange {
                    name,
                    value,
                    min,
                    max,
                });
            }
        }
        let ordered = [
            ("latency_ms_min", "latency_ms_max", 0),
            ("disk_ms_min", "disk_ms_max", 0),
            ("region_split_bytes", "region_max_bytes", 0),
            // A leader must speak at least once in the shortest election timeout.
            ("heartbeat_ticks", "election_ticks", 1),
        ];
        for (smaller, larger, apart) in ordered {
            let is_off = larger == "region_max_bytes" && self.region_max_bytes == 0;
            if !is_off && self.get(smaller).map(|value| value + apart) > self.get(larger) {
                let (smaller, larger) = (smaller.to_owned(), larger.to_owned());
                return Err(SettingError::Order { smaller, larger });
            }
        }
        Ok(self)
    }

    /// The dialect that every store runs; TinyKV's where the number names none.
    #[must_use]
    pub fn preset(&self) -> Preset {
        let place = usize::try_from(self.preset).ok();
        let found = place.and_then(|place| Preset::ALL.get(place));
        found.copied().unwrap_or_default()
    }

    /// How latencies lie in their range; evenly where the number names no shape.
    #[must_use]
    pub fn latency_shape(&self) -> LatencyShape {
        let place = usize::try_from(self.latency_shape).ok();
        let found = place.and_then(|place| LatencyShape::ALL.get(place));
        found.copied().unwrap_or_default()
    }

    /// The part that a store reads.
    #[must_use]
    pub fn store_options(&self) -> StoreOptions {
        let ticks = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        StoreOptions {
            tick_us: self.tick_ms * US_PER_MS,
            heartbeat_ticks: ticks(self.heartbeat_ticks),
            election_ticks: ticks(self.election_ticks),
            preset: self.preset(),
            log_gc_entries: self.log_gc_entries,
            max_raft_state_bytes: self.max_raft_state_bytes,
            region_max_bytes: self.region_max_bytes,
            region_split_bytes: self.region_split_bytes,
            split_check_ticks: ticks(self.split_check_ticks),
            region_heartbeat_ticks: ticks(self.region_heartbeat_ticks),
            store_heartbeat_ticks: ticks(self.store_heartbeat_ticks),
            read_mode: self.read_mode(),
        }
    }

    /// How reads are served; through the log where the number names no way.
    #[must_use]
    pub fn read_mode(&self) -> ReadMode {
        let place = usize::try_from(self.read_mode).ok();
        let found = place.and_then(|place| ReadMode::ALL.get(place));
        found.copied().unwrap_or_default()
    }

    /// The part that the scheduler reads.
    #[must_use]
    pub fn scheduler_options(&self) -> SchedulerOptions {
        SchedulerOptions {
            max_replicas: self.replicas.min(self.stores),
            balance_region: self.balance_region == 1,
            balance_leader: self.balance_leader == 1,
            repair: self.repair == 1,
            store_down_us: self.store_down_ms * US_PER_MS,
            ..SchedulerOptions::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid() {
        assert_eq!(Settings::default().validate(), Ok(Settings::default()));
        assert_eq!(Settings::default().stores, 5);
    }

    #[test]
    fn a_bad_setting_is_refused_and_changes_nothing() {
        let mut settings = Settings::default();
        assert!(matches!(
            settings.set("stroes", "3"),
            Err(SettingError::Unknown { .. })
        ));
        assert!(matches!(
            settings.set("stores", "x"),
            Err(SettingError::NotANumber { .. })
        ));
        assert!(matches!(
            settings.set("stores", "10"),
            Err(SettingError::OutOfRange { .. })
        ));
        assert!(matches!(
            settings.set("latency_ms_min", "26"),
            Err(SettingError::Order { .. })
        ));
        assert!(matches!(
            settings.set("heartbeat_ticks", "10"),
            Err(SettingError::Order { .. })
        ));
        assert_eq!(settings, Settings::default());
        assert_eq!(settings.set("stores", "9"), Ok(()));
        assert_eq!(settings.stores, 9);
    }

    #[test]
    fn a_preset_is_set_by_its_name_and_by_its_number() {
        for (number, preset) in (0_u64..).zip(Preset::ALL) {
            for text in [preset.name().to_owned(), number.to_string()] {
                let mut settings = Settings::default();
                assert_eq!(settings.set("preset", &text), Ok(()), "{text}");
                assert_eq!(settings.preset(), preset);
                assert_eq!(settings.store_options().preset, preset);
            }
            let spec = SettingSpec::named("preset").expect("a row of the table");
            assert_eq!(spec.text(number), preset.name());
        }
    }

    #[test]
    fn a_preset_that_nobody_knows_is_refused_with_the_names_that_there_are() {
        let mut settings = Settings::default();
        assert_eq!(
            settings.set("preset", "zookeeper"),
            Err(SettingError::NoSuchChoice {
                name: "preset".to_owned(),
                text: "zookeeper".to_owned(),
                choices: "tinykv, mit6824, etcd".to_owned(),
            })
        );
        assert!(matches!(
            settings.set("preset", "3"),
            Err(SettingError::OutOfRange { max: 2, .. })
        ));
        assert_eq!(settings, Settings::default());
    }

    #[test]
    fn every_value_of_a_choice_has_a_name() {
        let choices = TABLE.iter().filter(|spec| !spec.names.is_empty());
        for spec in choices {
            assert_eq!(
                (spec.min..=spec.max).count(),
                spec.names.len(),
                "{}",
                spec.name
            );
        }
    }
}
