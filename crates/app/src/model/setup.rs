//! What the address of the page asks for.

use protocol::{BadClusterName, ClusterName};
use types::settings::{SettingError, SettingSpec, Settings, TABLE};

use super::look::{Lang, Theme};

/// What the address asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    /// Which cluster.
    pub cluster: ClusterName,
    /// The settings of a cluster that does not exist yet.
    pub settings: Settings,
    /// Whether tests may reach in.
    pub hooks: bool,
    /// The language, where one is asked.
    pub lang: Option<Lang>,
    /// The colours, where some are asked.
    pub theme: Option<Theme>,
    /// What could not be used.
    pub errors: Vec<SetupError>,
}

/// A part of the address that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetupError {
    /// The text does not name a cluster.
    Cluster(String),
    /// A setting is not usable.
    Setting(SettingError),
}

impl Default for Setup {
    fn default() -> Self {
        Self::from_pairs([])
    }
}

/// The cluster of an address that names none.
const DEFAULT_CLUSTER: &str = "default";

impl Setup {
    /// Reads the parameters of the address.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut setup = Self {
            cluster: cluster_named(DEFAULT_CLUSTER).unwrap_or_else(|error| panic!("{error}")),
            settings: usual(),
            hooks: false,
            lang: None,
            theme: None,
            errors: Vec::new(),
        };
        let mut settings = setup.settings;
        for (name, text) in pairs {
            match name.as_str() {
                "cluster" => match cluster_named(&text) {
                    Ok(cluster) => setup.cluster = cluster,
                    Err(error) => setup.errors.push(SetupError::Cluster(error.text)),
                },
                "hooks" => setup.hooks = text == "1",
                "lang" => setup.lang = Lang::tagged(&text),
                "theme" => setup.theme = Theme::named(&text),
                _ => {
                    if let Err(error) = put(&mut settings, &name, &text) {
                        setup.errors.push(SetupError::Setting(error));
                    }
                }
            }
        }
        match settings.validate() {
            Ok(settings) => setup.settings = settings,
            Err(error) => setup.errors.push(SetupError::Setting(error)),
        }
        setup
    }
}

/// The settings of the page's new clusters: many regions of three replicas, and a scheduler.
#[must_use]
pub fn usual() -> Settings {
    Settings {
        scheduler: 1,
        replicas: 3,
        ..Settings::default()
    }
}

fn cluster_named(text: &str) -> Result<ClusterName, BadClusterName> {
    ClusterName::try_from(text.to_owned())
}

/// Sets one setting without judging how it fits the others.
///
/// # Errors
///
/// [`SettingError`] when there is no such setting, or when the text stands for no value.
pub fn put(settings: &mut Settings, name: &str, text: &str) -> Result<(), SettingError> {
    let spec = SettingSpec::named(name)?;
    *(spec.field)(settings) = spec.parse(text)?;
    Ok(())
}

/// The address parameters that open `cluster` with `settings`: only what differs from
/// [`usual`].
#[must_use]
pub fn address(cluster: &str, settings: Settings) -> String {
    let mut text = format!("?cluster={cluster}");
    for spec in TABLE {
        match settings.get(spec.name) {
            Some(value) if usual().get(spec.name) != Some(value) => {
                text.push_str(&format!("&{}={}", spec.name, spec.text(value)));
            }
            _ => {}
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use types::raft::Preset;

    use super::*;

    fn parse(text: &str) -> Setup {
        Setup::from_pairs(
            text.split('&')
                .filter_map(|pair| pair.split_once('='))
                .map(|(name, value)| (name.to_owned(), value.to_owned())),
        )
    }

    #[test]
    fn an_address_opens_a_cluster_with_its_settings() {
        let setup = parse("cluster=lecture-7&stores=9&latency_ms_min=50&latency_ms_max=80");
        assert_eq!(setup.errors, []);
        assert_eq!(setup.cluster.as_str(), "lecture-7");
        assert_eq!(setup.settings.stores, 9);
        assert_eq!(setup.settings.latency_ms_min, 50);
    }

    #[test]
    fn every_unusable_part_of_an_address_is_named() {
        let setup = parse("cluster=A/b&stroes=3&seed=x");
        assert_eq!(setup.errors.len(), 3);
        let setup = parse("stores=12");
        assert!(matches!(
            setup.errors[..],
            [SetupError::Setting(SettingError::OutOfRange { .. })]
        ));
    }

    #[test]
    fn an_address_names_its_preset_or_gives_its_number() {
        for text in ["preset=etcd", "preset=2"] {
            let setup = parse(text);
            assert_eq!(setup.errors, []);
            assert_eq!(setup.settings.preset(), Preset::Etcd);
            assert_eq!(address("x", setup.settings), "?cluster=x&preset=etcd");
        }
        assert!(matches!(
            parse("preset=zookeeper").errors[..],
            [SetupError::Setting(SettingError::NoSuchChoice { .. })]
        ));
    }

    #[test]
    fn an_address_that_says_nothing_of_regions_has_a_scheduler_and_three_replicas() {
        let settings = parse("cluster=x").settings;
        assert_eq!((settings.scheduler, settings.replicas), (1, 3));
        let settings = parse("scheduler=off&replicas=5").settings;
        assert_eq!((settings.scheduler, settings.replicas), (0, 5));
        assert_eq!(
            address("x", settings),
            "?cluster=x&scheduler=off&replicas=5"
        );
        assert_eq!(address("x", usual()), "?cluster=x");
    }

    #[test]
    fn an_address_made_from_settings_reads_back() {
        let settings = Settings {
            stores: 7,
            seed: 99,
            ..usual()
        };
        let text = address("x", settings);
        assert_eq!(text, "?cluster=x&stores=7&seed=99");
        assert_eq!(parse(&text[1..]).settings, settings);
    }
}
