//! Why a document could not be read.

use std::fmt;

use crate::model::SourceLocation;

/// Why a document could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct YamlError {
    /// Where, in the file; `None` where the text as a whole is at fault.
    pub location: Option<SourceLocation>,
    /// What is wrong.
    pub why: String,
}

impl fmt::Display for YamlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = self.location {
            write!(f, "{}:{}: ", place.line, place.column)?;
        }
        f.write_str(&self.why)
    }
}
