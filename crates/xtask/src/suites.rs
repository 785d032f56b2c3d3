//! Which tests run inside a browser: the test targets that require the feature `browser`, in
//! whichever package they are. Asked of cargo, so that a new suite cannot be forgotten.

use anyhow::{Context, Result, bail};
use cargo_metadata::{MetadataCommand, Package, Target};

use crate::exec;

/// The feature that such a target requires.
const FEATURE: &str = "browser";

/// The suites of one package.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Suites {
    /// The package.
    pub(crate) package: String,
    /// The names of its test targets, at least one.
    pub(crate) names: Vec<String>,
}

/// All suites of this workspace, or an error where there is none.
pub(crate) fn in_browsers() -> Result<Vec<Suites>> {
    let metadata = MetadataCommand::new()
        .current_dir(exec::root())
        .no_deps()
        .exec()
        .context("cannot ask cargo about this workspace")?;
    let all: Vec<Suites> = metadata.packages.iter().filter_map(of_package).collect();
    if all.is_empty() {
        bail!("no test target requires the feature `{FEATURE}`: there is nothing to run");
    }
    Ok(all)
}

fn of_package(package: &Package) -> Option<Suites> {
    let wanted = |target: &&Target| {
        target.is_test()
            && target
                .required_features
                .iter()
                .any(|feature| feature == FEATURE)
    };
    let targets = package.targets.iter().filter(wanted);
    let names: Vec<String> = targets.map(|target| target.name.clone()).collect();
    (!names.is_empty()).then(|| Suites {
        package: package.name.to_string(),
        names,
    })
}

/// The arguments that turn the feature on for these packages and no others.
pub(crate) fn features(suites: &[Suites]) -> Vec<String> {
    let one = |suites: &Suites| format!("{}/{FEATURE}", suites.package);
    let names: Vec<String> = suites.iter().map(one).collect();
    vec!["--features".to_owned(), names.join(",")]
}
