//! Which optional scalars of the built-in kinds keep a zero value.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

static TABLE: LazyLock<BTreeMap<String, BTreeSet<String>>> = LazyLock::new(|| {
    serde_yaml::from_str(include_str!("pointers.yaml")).expect("the embedded table is valid; a test reads it")
});

/// Whether the server keeps 0, false or `""` in this field of a built-in type (`core.v1.PodSpec`).
pub(super) fn keeps_zero(name: &str, field: &str) -> bool {
    TABLE.get(name).is_some_and(|fields| fields.contains(field))
}

#[cfg(test)]
mod tests {
    use super::{TABLE, keeps_zero};
    use crate::schema::Schema;

    #[test]
    fn the_table_names_types_and_fields_that_exist() {
        let schema = Schema::built_in();
        for (name, fields) in &*TABLE {
            let known = schema.type_of(name).unwrap_or_else(|| panic!("{name}"));
            for field in fields {
                assert!(known.properties.contains_key(field), "{name}.{field}");
            }
        }
        assert!(keeps_zero("core.v1.SecurityContext", "allowPrivilegeEscalation"));
        assert!(!keeps_zero("core.v1.PodSpec", "hostNetwork"));
    }
}
