//! What a link between two stores does with messages.

use serde::{Deserialize, Serialize};

use crate::settings::{SettingError, Settings};

/// How latencies lie in their range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum LatencyShape {
    /// Each alike.
    #[default]
    Uniform,
    /// Most near the lower end and a few far up: half of them in the lowest sixteenth of the
    /// range, one in twenty in its upper half.
    LongTail,
}

impl LatencyShape {
    /// Every shape, in the order of their numbers in the settings.
    pub const ALL: [Self; 2] = [Self::Uniform, Self::LongTail];

    /// The name in settings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::LongTail => "long-tail",
        }
    }
}

/// What one directed link does, instead of what the settings say of all links. The ranges are
/// those of the settings of the same names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkPlan {
    /// The shortest way, in milliseconds.
    pub latency_ms_min: u64,
    /// The longest way, in milliseconds.
    pub latency_ms_max: u64,
    /// How latencies lie between the two.
    pub latency_shape: LatencyShape,
    /// Messages lost, in thousandths.
    pub loss_permille: u64,
    /// Messages delivered twice, in thousandths.
    pub duplicate_permille: u64,
    /// Messages held back long enough to be overtaken, in thousandths.
    pub reorder_permille: u64,
    /// How much it carries, in bytes per millisecond; zero for no limit.
    pub bytes_per_ms: u64,
    /// Whether it keeps what it carries and delivers nothing.
    pub clogged: bool,
}

impl LinkPlan {
    /// What the settings say of every link.
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        Self {
            latency_ms_min: settings.latency_ms_min,
            latency_ms_max: settings.latency_ms_max,
            latency_shape: settings.latency_shape(),
            loss_permille: settings.loss_permille,
            duplicate_permille: settings.duplicate_permille,
            reorder_permille: settings.reorder_permille,
            bytes_per_ms: settings.bytes_per_ms,
            clogged: false,
        }
    }

    /// Whether every number is in its range.
    ///
    /// # Errors
    ///
    /// What is wrong, as of settings of the same names.
    pub fn validate(&self) -> Result<(), SettingError> {
        let settings = Settings {
            latency_ms_min: self.latency_ms_min,
            latency_ms_max: self.latency_ms_max,
            loss_permille: self.loss_permille,
            duplicate_permille: self.duplicate_permille,
            reorder_permille: self.reorder_permille,
            bytes_per_ms: self.bytes_per_ms,
            ..Settings::default()
        };
        settings.validate().map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_has_the_ranges_of_the_settings() {
        let plan = LinkPlan::of(&Settings::default());
        assert_eq!(plan.validate(), Ok(()));
        let spoil: [fn(&mut LinkPlan); 7] = [
            |plan| plan.latency_ms_min = 0,
            |plan| plan.latency_ms_min = plan.latency_ms_max + 1,
            |plan| plan.latency_ms_max = u64::MAX,
            |plan| plan.loss_permille = 1_001,
            |plan| plan.duplicate_permille = u64::MAX,
            |plan| plan.reorder_permille = 1_001,
            |plan| plan.bytes_per_ms = u64::MAX,
        ];
        for (nth, spoil) in spoil.iter().enumerate() {
            let mut spoilt = plan;
            spoil(&mut spoilt);
            assert!(spoilt.validate().is_err(), "{nth}");
        }
    }

    #[test]
    fn the_settings_of_all_links_are_those_of_each() {
        let mut settings = Settings::default();
        for (name, text) in [
            ("latency_shape", "long-tail"),
            ("bytes_per_ms", "7"),
            ("loss_permille", "8"),
        ] {
            assert_eq!(settings.set(name, text), Ok(()), "{name}");
        }
        let plan = LinkPlan::of(&settings);
        assert_eq!(plan.latency_shape, LatencyShape::LongTail);
        assert_eq!((plan.bytes_per_ms, plan.loss_permille), (7, 8));
    }
}
