//! Fields that the server refuses to change once an object is made.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

use super::Field;
use crate::model::{ChangeKind, FieldPath, PathElement, ResourceId};

/// A row of the table: its head says what is what.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    kind: String,
    fields: Vec<String>,
    #[serde(default)]
    but: Vec<String>,
    #[serde(default)]
    when: Option<String>,
    #[serde(rename = "source")]
    _source: String,
}

static TABLE: LazyLock<Vec<Row>> = LazyLock::new(|| {
    serde_yaml::from_str(include_str!("immutable.yaml"))
        .expect("the embedded table is valid; a test reads it")
});

/// The field at `path` or around it that a change of this kind may not touch, if there is one. `root` is the schema of the
/// object's kind, `live` the object as it is.
#[must_use]
pub fn immutable_part(
    (id, root): (&ResourceId, Field<'_>),
    (path, kind): (&FieldPath, ChangeKind),
    live: &Value,
) -> Option<FieldPath> {
    let (name, plain) = (format!("{}.{}", id.kind, id.group), id.group.is_empty());
    let of_kind = |row: &&Row| if plain { row.kind == id.kind } else { row.kind == name };
    let holds =
        |row: &&Row| row.when.as_ref().is_none_or(|field| live.get(field) == Some(&Value::Bool(true)));
    let by_table = TABLE.iter().filter(of_kind).filter(holds).find_map(|row| {
        let found = row.fields.iter().find_map(|field| beginning(path, field))?;
        row.but.iter().all(|field| beginning(path, field).is_none()).then_some(found)
    });
    by_table.or_else(|| by_rule(root, path, kind))
}

/// The part of the path that these names lead to; items of lists are passed over.
fn beginning(path: &FieldPath, names: &str) -> Option<FieldPath> {
    let mut names = names.split('.').peekable();
    let mut part = FieldPath::root();
    for step in path.elements() {
        if names.peek().is_none() {
            break;
        }
        if let PathElement::Field(field) = step
            && names.next() != Some(field.as_str())
        {
            return None;
        }
        part.push(step.clone());
    }
    names.peek().is_none().then_some(part)
}

/// A rule that compares with the old value is asked only where there are both
/// (apiextensions-apiserver `pkg/apiserver/schema/cel/validation.go`).
fn by_rule(root: Field<'_>, path: &FieldPath, kind: ChangeKind) -> Option<FieldPath> {
    let steps = path.elements();
    let has_both = |length: &usize| *length < steps.len() || kind == ChangeKind::Modified;
    let immutable = |length: &usize| root.descend(&steps[..*length]).is_immutable();
    let length = (1..=steps.len()).filter(has_both).find(immutable)?;
    Some(FieldPath::from(steps[..length].to_vec()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{TABLE, immutable_part};
    use crate::model::{ChangeKind, FieldPath, ResourceId};
    use crate::schema::{Field, Schema};

    fn id(kind: &str) -> ResourceId {
        let (kind, group) = kind.split_once('.').unwrap_or((kind, ""));
        ResourceId {
            group: group.to_owned(),
            version: "v1".to_owned(),
            kind: kind.to_owned(),
            namespace: None,
            name: "a".to_owned(),
        }
    }

    fn part(id: &ResourceId, root: Field<'_>, path: &str, kind: ChangeKind, live: &Value) -> Option<String> {
        let path = FieldPath::parse(path).expect("a path");
        immutable_part((id, root), (&path, kind), live).map(|part| part.to_string())
    }

    #[test]
    fn immutable_fields_of_built_in_kinds_are_known() {
        let schema = Schema::built_in();
        for (kind, path, live, expected) in [
            ("Deployment.apps", ".spec.selector", json!({}), Some(".spec.selector")),
            ("Deployment.apps", ".spec.selector.matchLabels.a", json!({}), Some(".spec.selector")),
            ("Deployment.apps", ".spec.replicas", json!({}), None),
            ("Deployment.other", ".spec.selector", json!({}), None),
            ("StatefulSet.apps", ".spec.serviceName", json!({}), Some(".spec")),
            ("StatefulSet.apps", ".spec.template.spec.nodeName", json!({}), None),
            ("Pod", r#".spec.containers[name="a"].image"#, json!({}), None),
            ("Pod", r#".spec.containers[name="a"].env[name="B"].value"#, json!({}), Some(".spec")),
            ("ConfigMap", ".data.a", json!({"immutable": true}), Some(".data")),
            ("ConfigMap", ".data.a", json!({"immutable": false}), None),
            ("ConfigMap", ".metadata.labels.a", json!({"immutable": true}), None),
            ("Secret", ".type", json!({}), Some(".type")),
        ] {
            let id = id(kind);
            let root = schema.kind(&id.group, "v1", &id.kind);
            let found = part(&id, root, path, ChangeKind::Modified, &live);
            assert_eq!(found.as_deref(), expected, "{kind} {path}");
        }
    }

    #[test]
    fn rules_of_definitions_count_where_both_sides_have_the_value() {
        let rule = json!([{"rule": "self == oldSelf", "message": "fixed"}]);
        let crd = json!({"spec": {"group": "example.com", "names": {"kind": "Thing"}, "versions": [{"name": "v1",
            "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object", "properties": {
                "size": {"type": "string", "x-kubernetes-validations": rule},
                "other": {"type": "string", "x-kubernetes-validations": [{"rule": "self != ''"}]},
                "place": {"type": "object", "x-kubernetes-validations": rule,
                    "properties": {"zone": {"type": "string"}}}}}}}}}]}});
        let schema = Schema::from_crd(&crd);
        let kept = Schema::from_bytes(&schema.to_bytes()).expect("we wrote it");
        let id = id("Thing.example.com");
        for schema in [schema, kept] {
            let root = schema.kind("example.com", "v1", "Thing");
            let of = |path, kind| part(&id, root, path, kind, &json!({}));
            assert_eq!(of(".spec.size", ChangeKind::Modified).as_deref(), Some(".spec.size"));
            assert_eq!(of(".spec.size", ChangeKind::Removed), None);
            assert_eq!(of(".spec.other", ChangeKind::Modified), None);
            assert_eq!(of(".spec.place.zone", ChangeKind::Added).as_deref(), Some(".spec.place"));
        }
    }

    #[test]
    fn every_row_is_of_a_kind_with_these_fields() {
        let schema = Schema::built_in();
        for row in TABLE.iter() {
            let id = id(&row.kind);
            let root = schema.kind(&id.group, "v1", &id.kind);
            for field in row.fields.iter().chain(&row.but) {
                let known = field.split('.').try_fold(root, |at, name| {
                    let at = if at.names().is_empty() { at.items() } else { at };
                    at.names().contains(&name).then(|| at.field(name))
                });
                assert!(known.is_some(), "{} {field}", row.kind);
            }
        }
    }
}
