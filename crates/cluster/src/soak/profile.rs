//! Which runs a seed stands for.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::sim::FaultKind;

/// What a seed runs.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// A cluster of stores with their disks and clients.
    Store,
    /// A raw raft group with memberships, snapshots and transfers.
    Raft,
    /// Both.
    #[default]
    All,
}

/// Profiles that come later: the name, and with what.
const LATER: [(&str, &str); 3] = [
    ("multiraft", "the multi-raft store"),
    ("scheduler", "the multi-raft store and its scheduler"),
    (
        "transactions",
        "the transaction layer on the multi-raft store",
    ),
];

/// No such profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// It comes later.
    #[error("the profile `{name}` is not there yet: it comes with {with}")]
    Later {
        /// The name.
        name: &'static str,
        /// What it waits for.
        with: &'static str,
    },
    /// Nobody ever heard of it.
    #[error("there is no profile `{name}`; there are: store, raft, all")]
    Unknown {
        /// The name.
        name: String,
    },
}

impl Profile {
    /// Every profile.
    pub const ALL: [Self; 3] = [Self::Store, Self::Raft, Self::All];

    /// The name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Raft => "raft",
            Self::All => "all",
        }
    }

    /// The profile of that name.
    ///
    /// # Errors
    ///
    /// [`ProfileError`] when it comes later or never.
    pub fn named(name: &str) -> Result<Self, ProfileError> {
        if let Some(profile) = Self::ALL.into_iter().find(|profile| profile.name() == name) {
            return Ok(profile);
        }
        let later = LATER.into_iter().find(|(later, _)| *later == name);
        Err(match later {
            Some((name, with)) => ProfileError::Later { name, with },
            None => ProfileError::Unknown {
                name: name.to_owned(),
            },
        })
    }

    /// Whether clusters of stores are run.
    #[must_use]
    pub const fn has_stores(self) -> bool {
        matches!(self, Self::Store | Self::All)
    }

    /// Whether raw groups are run.
    #[must_use]
    pub const fn has_groups(self) -> bool {
        matches!(self, Self::Raft | Self::All)
    }

    /// Whether runs of this profile meet a kind of fault: raw groups have disks that nobody
    /// corrupts or wipes, stores have no snapshots yet.
    #[must_use]
    pub fn meets(self, kind: FaultKind) -> bool {
        let by_groups = FaultKind::BASIC.contains(&kind)
            || FaultKind::OF_HOSTS.contains(&kind)
            || FaultKind::OF_GROUPS.contains(&kind);
        let by_stores = kind != FaultKind::SnapshotCrash;
        kind.is_present() && (self.has_groups() && by_groups || self.has_stores() && by_stores)
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_is_found_by_its_name() {
        for profile in Profile::ALL {
            assert_eq!(Profile::named(profile.name()), Ok(profile));
        }
    }

    #[test]
    fn a_profile_that_comes_later_says_with_what() {
        let error = Profile::named("multiraft").expect_err("not yet");
        assert_eq!(
            error.to_string(),
            "the profile `multiraft` is not there yet: it comes with the multi-raft store"
        );
        let error = Profile::named("stores").expect_err("a typing error");
        assert!(error.to_string().contains("store, raft, all"), "{error}");
    }
}
