//! `fetch.mirror`: a folder or a server that replaces all hosts.

use std::fmt;
use std::path::PathBuf;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::address::Address;

/// A folder or a server that holds `HOST/PATH` for every `https://HOST/PATH`. Manifests and messages show it without
/// credentials.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Mirror {
    /// A local folder.
    Folder(PathBuf),
    /// The address of a server or of a folder on it.
    Server(Address),
}

impl TryFrom<String> for Mirror {
    type Error = Unusable;

    fn try_from(text: String) -> Result<Mirror, Unusable> {
        match text.contains("://") {
            true => Address::base(&text).map(Mirror::Server).map_err(Unusable),
            false => Ok(Mirror::Folder(text.into())),
        }
    }
}

impl From<Mirror> for String {
    fn from(mirror: Mirror) -> String {
        mirror.to_string()
    }
}

impl fmt::Display for Mirror {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mirror::Folder(folder) => folder.display().fmt(f),
            Mirror::Server(address) => address.fmt(f),
        }
    }
}

/// The reason why a text is not a mirror.
#[derive(Debug)]
pub struct Unusable(anyhow::Error);

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "config key `fetch.mirror` {:#}", self.0)
    }
}
