//! Which tests run in WebAssembly: the test targets that require the feature `browser` or `node`,
//! in whichever package they are. Asked of cargo, so that a new suite cannot be forgotten.

use anyhow::{Context, Result, bail};
use cargo_metadata::{MetadataCommand, Package, Target};

use crate::exec;

/// Where a suite runs, which is the name of the feature that its target requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a worker of a browser.
    Browser,
    /// Under Node.
    Node,
}

impl Place {
    const fn feature(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::Node => "node",
        }
    }
}

/// The suites of one package.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Suites {
    /// The package.
    pub(crate) package: String,
    /// The names of its test targets, at least one.
    pub(crate) names: Vec<String>,
}

/// All suites of this workspace that run in `place`, or an error where there is none.
pub(crate) fn of(place: Place) -> Result<Vec<Suites>> {
    let metadata = MetadataCommand::new()
        .current_dir(exec::root())
        .no_deps()
        .exec()
        .context("cannot ask cargo about this workspace")?;
    let packages = metadata.packages.iter();
    let all: Vec<Suites> = packages
        .filter_map(|package| of_package(package, place))
        .collect();
    if all.is_empty() {
        let feature = place.feature();
        bail!("no test target requires the feature `{feature}`: there is nothing to run");
    }
    Ok(all)
}

fn of_package(package: &Package, place: Place) -> Option<Suites> {
    let wanted = |target: &&Target| {
        target.is_test()
            && target
                .required_features
                .iter()
                .any(|feature| feature == place.feature())
    };
    let targets = package.targets.iter().filter(wanted);
    let names: Vec<String> = targets.map(|target| target.name.clone()).collect();
    (!names.is_empty()).then(|| Suites {
        package: package.name.to_string(),
        names,
    })
}

/// The arguments that turn the feature on for these packages and no others.
pub(crate) fn features(suites: &[Suites], place: Place) -> Vec<String> {
    let one = |suites: &Suites| format!("{}/{}", suites.package, place.feature());
    let names: Vec<String> = suites.iter().map(one).collect();
    vec!["--features".to_owned(), names.join(",")]
}
