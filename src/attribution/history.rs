//! What older commits declared: a release on its way is not a manual change.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::model::{Desired, Difference, FieldPath};
use crate::schema::Schema;

/// One object as an older commit declared it, held against live.
#[derive(Debug, Clone)]
pub struct Older {
    /// Abbreviated or full id of the commit.
    pub commit: String,
    /// When the next newer commit that touched the source was made, seconds since 1970: from then on Git declared
    /// something else.
    pub superseded_at: i64,
    /// Where live differs from what that commit declared; `None`: it did not declare the object.
    pub differs_at: Option<BTreeSet<FieldPath>>,
}

impl Older {
    /// Holds an older version of the object (`None`: that commit did not declare it) against live.
    #[must_use]
    pub fn new(
        commit: &str,
        superseded_at: i64,
        older: Option<&Desired>,
        live: &Value,
        schema: &Schema,
    ) -> Self {
        let paths = |older: &Desired| {
            crate::diff::compare(older, live, schema).into_iter().map(|found| found.path).collect()
        };
        Self { commit: commit.to_owned(), superseded_at, differs_at: older.map(paths) }
    }

    /// Whether live has at this place exactly what the commit declared.
    fn explains(&self, difference: &Difference) -> bool {
        let Some(differs_at) = &self.differs_at else { return false };
        !differs_at.iter().any(|path| path.starts_with(&difference.path) || difference.path.starts_with(path))
    }
}

/// The newest older commit that declared what live has at this place.
#[must_use]
pub fn explained_by<'a>(older: &'a [Older], difference: &Difference) -> Option<&'a Older> {
    older.iter().find(|older| older.explains(difference))
}
