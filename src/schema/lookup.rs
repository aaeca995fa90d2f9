//! Kinds and types of a schema, as fields.

use super::Field;
use super::openapi::{Schema, key};

impl Schema {
    /// The root of a kind; a kind that is not known gives a field of unknown shape with known metadata.
    #[must_use]
    pub fn kind(&self, group: &str, version: &str, kind: &str) -> Field<'_> {
        self.root(&key(group, version, kind))
    }

    pub(super) fn root(&self, kind: &str) -> Field<'_> {
        let name = self.kinds.get(kind);
        Field::root(self, name.and_then(|name| self.types.get_key_value(name.as_str())))
    }

    /// The roots of a kind at every other version of its group that is known.
    pub fn other_versions<'a>(
        &'a self,
        group: &str,
        version: &str,
        kind: &str,
    ) -> impl Iterator<Item = Field<'a>> + use<'a> {
        let (own, of_group, of_kind) = (key(group, version, kind), key(group, "", ""), format!("/{kind}"));
        let of_group = of_group.trim_end_matches('/').to_owned() + "/";
        let others = self.kinds.iter().filter(move |(name, _)| {
            **name != own && name.starts_with(&of_group) && name.ends_with(&of_kind)
        });
        others.map(|(_, name)| Field::root(self, self.types.get_key_value(name.as_str())))
    }

    /// The field of a type by its short name (`core.v1.Container`).
    #[cfg(test)]
    pub(super) fn named_field(&self, name: &str) -> Field<'_> {
        let ends = |full: &&String| full.strip_suffix(name).is_some_and(|head| head.ends_with('.'));
        let full = self.types.keys().find(ends);
        Field::root(self, full.and_then(|full| self.types.get_key_value(full.as_str())))
    }
}
