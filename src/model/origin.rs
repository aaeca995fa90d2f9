//! Where a desired value comes from.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::ResourceId;

/// A line and column of a text file, both counted from 1; the column counts characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SourceLocation {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// Where a desired object or value comes from: as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    /// Path of the source in the repository, as configured; `.` for the root.
    pub source: String,
    /// File, from the root of the repository, with `/`; the source's own file where nothing closer is known.
    pub file: String,
    /// Place in that file; `None` where only the file is known (Kustomize, Helm).
    pub location: Option<SourceLocation>,
    /// The GitOps object that applies the source, where that is why it is compared.
    pub root: Option<Arc<ResourceId>>,
}

impl fmt::Display for Origin {
    /// `apps/web/deploy.yaml:12:3`, or the file alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.location {
            Some(place) => write!(f, "{}:{}:{}", self.file, place.line, place.column),
            None => f.write_str(&self.file),
        }
    }
}
