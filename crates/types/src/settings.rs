//! Every knob, in one table: forms, validation, links and URL parameters are made from it.

use serde::{Deserialize, Serialize};

use crate::{id::MAX_SAFE, io::StoreOptions, time::US_PER_MS};

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
    /// Messages lost, in thousandths.
    pub loss_permille: u64,
    /// Messages delivered twice, in thousandths.
    pub duplicate_permille: u64,
    /// Messages held back long enough to be overtaken, in thousandths.
    pub reorder_permille: u64,
    /// The shortest disk write, in milliseconds.
    pub disk_ms_min: u64,
    /// The longest disk write, in milliseconds.
    pub disk_ms_max: u64,
    /// How long a client waits for an answer before the outcome counts as unknown, in
    /// milliseconds.
    pub client_timeout_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        let mut settings = Self {
            stores: 0,
            seed: 0,
            tick_ms: 0,
            heartbeat_ticks: 0,
            election_ticks: 0,
            latency_ms_min: 0,
            latency_ms_max: 0,
            loss_permille: 0,
            duplicate_permille: 0,
            reorder_permille: 0,
            disk_ms_min: 0,
            disk_ms_max: 0,
            client_timeout_ms: 0,
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
    /// The unit: `ms`, `ticks`, `permille` or nothing.
    pub unit: &'static str,
    /// The smallest value.
    pub min: u64,
    /// The largest value.
    pub max: u64,
    /// The value of a fresh cluster.
    pub default: u64,
    /// When a change takes effect.
    pub scope: Scope,
    /// The field.
    pub field: fn(&mut Settings) -> &mut u64,
}

macro_rules! table {
    ($($name:ident: $unit:literal, $min:literal..=$max:expr, $default:literal, $scope:ident;)*) => {
        /// The settings table.
        pub const TABLE: &[SettingSpec] = &[$(SettingSpec {
            name: stringify!($name),
            unit: $unit,
            min: $min,
            max: $max,
            default: $default,
            scope: Scope::$scope,
            field: |settings| &mut settings.$name,
        }),*];
    };
}

table! {
    stores: "", 3..=9, 5, NewCluster;
    seed: "", 0..=MAX_SAFE, 1, NewCluster;
    tick_ms: "ms", 1..=1_000, 50, NewCluster;
    heartbeat_ticks: "ticks", 1..=100, 2, NewCluster;
    election_ticks: "ticks", 3..=1_000, 10, NewCluster;
    latency_ms_min: "ms", 1..=10_000, 10, Live;
    latency_ms_max: "ms", 1..=10_000, 25, Live;
    loss_permille: "permille", 0..=1_000, 0, Live;
    duplicate_permille: "permille", 0..=1_000, 0, Live;
    reorder_permille: "permille", 0..=1_000, 0, Live;
    disk_ms_min: "ms", 0..=10_000, 2, Live;
    disk_ms_max: "ms", 0..=10_000, 6, Live;
    client_timeout_ms: "ms", 100..=600_000, 3_000, Live;
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
        let spec = TABLE.iter().find(|spec| spec.name == name)?;
        Some(*(spec.field)(&mut self))
    }

    /// Sets one setting from text, as in a URL parameter. On an error nothing has changed.
    ///
    /// # Errors
    ///
    /// [`SettingError`] when the name, the text or the value is not usable.
    pub fn set(&mut self, name: &str, text: &str) -> Result<(), SettingError> {
        let spec =
            TABLE
                .iter()
                .find(|spec| spec.name == name)
                .ok_or_else(|| SettingError::Unknown {
                    name: name.to_owned(),
                })?;
        let value = text.trim().parse().map_err(|_| SettingError::NotANumber {
            name: name.to_owned(),
            text: text.to_owned(),
        })?;
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
            // A leader must speak at least once in the shortest election timeout.
            ("heartbeat_ticks", "election_ticks", 1),
        ];
        for (smaller, larger, apart) in ordered {
            if self.get(smaller).map(|value| value + apart) > self.get(larger) {
                let (smaller, larger) = (smaller.to_owned(), larger.to_owned());
                return Err(SettingError::Order { smaller, larger });
            }
        }
        Ok(self)
    }

    /// The part that a store reads.
    #[must_use]
    pub fn store_options(&self) -> StoreOptions {
        let ticks = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        StoreOptions {
            tick_us: self.tick_ms * US_PER_MS,
            heartbeat_ticks: ticks(self.heartbeat_ticks),
            election_ticks: ticks(self.election_ticks),
            no_op_on_election: true,
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
}
