//! Notes about unknown managers that wrote many objects, with the `drift.yaml` lines that classify them.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Finding, PathElement, ResourceId, Rule, Verdict};

/// Fewest objects for a note.
const MANY: usize = 5;

/// A sentence for each manager that is in no table and wrote many of the objects in drift.
#[must_use]
pub fn unknown_manager_notes(findings: &[Finding]) -> Vec<String> {
    let mut written: BTreeMap<&str, (BTreeSet<&ResourceId>, BTreeSet<String>)> = BTreeMap::new();
    for finding in findings {
        for change in finding.changes.iter().filter(|change| change.verdict.rule == Rule::UnknownOwns) {
            let Some(name) = name(&change.verdict) else { continue };
            let (objects, fields) = written.entry(name).or_default();
            objects.insert(&finding.resource);
            fields.insert(field(change.difference.path.elements()));
        }
    }
    let many = written.into_iter().filter(|(_, (objects, _))| objects.len() >= MANY);
    many.map(|(name, (objects, fields))| sentence(name, objects.len(), &fields)).collect()
}

fn name(verdict: &Verdict) -> Option<&str> {
    verdict.manager.as_ref().map(|manager| manager.name.as_str())
}

/// A path as `drift.yaml` takes it, with any item in the place of one.
fn field(steps: &[PathElement]) -> String {
    steps
        .iter()
        .map(|step| match step {
            PathElement::Field(_) => crate::model::FieldPath::from(vec![step.clone()]).to_string(),
            _ => "[*]".to_owned(),
        })
        .collect()
}

fn sentence(name: &str, objects: usize, fields: &BTreeSet<String>) -> String {
    let shown: Vec<String> = fields.iter().take(3).map(|field| format!("'{field}'")).collect();
    let more = if fields.len() > shown.len() { ", ..." } else { "" };
    let (name, fields) = (format!("'{name}'"), shown.join(", "));
    format!(
        "{name} wrote {objects} of the objects in drift and is not a known manager; if it is a controller, add to drift.yaml: \
         managers: [{{name: {name}, class: platform, fields: [{fields}{more}], reason: why}}]"
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::unknown_manager_notes;
    use crate::model::mk::mk_difference;
    use crate::model::{
        Cause, Change, Confidence, FieldPath, Finding, Manager, ResourceId, Rule, State, Verdict,
    };

    fn finding(number: usize, path: &str) -> Finding {
        let manager = Manager {
            name: "my-operator".to_owned(),
            operation: "Update".to_owned(),
            subresource: String::new(),
            api_version: String::new(),
            time: None,
        };
        let verdict =
            Verdict::new(Cause::Manual, Confidence::None, Rule::UnknownOwns).with_manager(Some(&manager));
        let path = FieldPath::parse(path).expect("a path of the table");
        let difference = mk_difference(path, Some(json!(1)), Some(json!(2)));
        Finding {
            resource: ResourceId {
                group: String::new(),
                version: "v1".to_owned(),
                kind: "Service".to_owned(),
                namespace: Some("shop".to_owned()),
                name: format!("s{number}"),
            },
            state: State::Modified,
            origin: None,
            changes: vec![Change { difference, verdict: verdict.clone(), origin: None }],
            verdict,
            notes: Vec::new(),
        }
    }

    #[test]
    fn unknown_writer_of_many_objects_noted_once() {
        let path = ".spec.ports[port=80].nodePort";
        let few: Vec<Finding> = (0..4).map(|number| finding(number, path)).collect();
        assert_eq!(unknown_manager_notes(&few), [] as [&str; 0]);
        let many: Vec<Finding> = (0..6).map(|number| finding(number, path)).collect();
        assert_eq!(
            unknown_manager_notes(&many),
            [
                "'my-operator' wrote 6 of the objects in drift and is not a known manager; if it is a controller, add to \
              drift.yaml: managers: [{name: 'my-operator', class: platform, fields: ['.spec.ports[*].nodePort'], reason: why}]"
            ]
        );
    }
}
