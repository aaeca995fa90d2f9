//! The differences that an Application of Argo CD ignores, as ignore rules (`spec.ignoreDifferences`;
//! `util/argo/normalizers/diff_normalizer.go` of Argo CD).

use serde_json::Value;

use super::argocd_jq;
use super::root_fields::{text, texts};
use crate::config::{IgnoreRule, IgnoredPlace, ImportedRule, ResourceFilter};
use crate::model::ResourceId;

/// The rules of an Application for the objects of its sources, and what of them drift does not take: those fields stay
/// reported.
pub(super) fn ignore_rules(
    id: &ResourceId,
    spec: &Value,
    sources: &[String],
) -> (Vec<IgnoreRule>, Vec<String>) {
    let (mut rules, mut warnings) = (Vec::new(), Vec::new());
    for entry in spec["ignoreDifferences"].as_array().into_iter().flatten() {
        let Some(filter) = filter_of(entry) else {
            let field = |name: &str| entry[name].as_str().unwrap_or_default();
            warnings.push(warning(
                id,
                &format!("group {} and kind {} are patterns", field("group"), field("kind")),
            ));
            continue;
        };
        let (places, untaken) = places_of(entry);
        warnings.extend(untaken.iter().map(|text| warning(id, text)));
        rules.extend(places.into_iter().map(|place| IgnoreRule {
            resource: filter.clone(),
            field: None,
            reason: format!("ignoreDifferences of {id}"),
            expires: None,
            imported: Some(ImportedRule { sources: sources.to_vec(), place }),
        }));
    }
    (rules, warnings)
}

fn warning(id: &ResourceId, what: &str) -> String {
    format!("{id} ignores differences that drift still reports: {what}")
}

/// Which objects an entry is about: group and kind are patterns, of which drift takes `*`; a name and a namespace that are
/// absent match any, a group that is absent is the core group. `None`: other patterns.
fn filter_of(entry: &Value) -> Option<ResourceFilter> {
    let pattern = |field: &str| match entry[field].as_str().unwrap_or_default() {
        "*" | "**" => Some(None),
        text if text.contains(['*', '?', '[', '{', '\\']) => None,
        text => Some(Some(text.to_owned())),
    };
    Some(ResourceFilter {
        group: pattern("group")?,
        kind: pattern("kind")?,
        namespace: text(&entry["namespace"]),
        name: text(&entry["name"]),
    })
}

/// The places of an entry, and the expressions that drift does not take.
fn places_of(entry: &Value) -> (Vec<IgnoredPlace>, Vec<String>) {
    let (mut places, mut untaken) = (Vec::new(), Vec::new());
    for pointer in texts(&entry["jsonPointers"]) {
        // One without a slash, or of the whole object, removes nothing in Argo CD.
        if pointer.len() > 1 && pointer.starts_with('/') {
            places.push(IgnoredPlace::Pointer(pointer));
        } else {
            untaken.push(format!("{pointer} is no pointer to a field"));
        }
    }
    for expression in texts(&entry["jqPathExpressions"]) {
        match argocd_jq::places(&expression) {
            Some(found) => places.extend(found.into_iter().map(IgnoredPlace::Steps)),
            None => untaken.push(format!("{expression} is more than a path")),
        }
    }
    places.extend(texts(&entry["managedFieldsManagers"]).into_iter().map(IgnoredPlace::Manager));
    (places, untaken)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::ignore_rules;
    use crate::config::{IgnoredPlace, IgnoredStep};
    use crate::model::ResourceId;

    #[test]
    fn differences_that_an_application_ignores_are_rules() {
        let object = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"name": "web", "namespace": "argocd"}});
        let id = ResourceId::from_object(&object).expect("an object");
        let spec = json!({"ignoreDifferences": [
            {"group": "apps", "kind": "Deployment", "jsonPointers": ["/spec/replicas", "spec"]},
            {"group": "*", "kind": "*", "name": "a", "namespace": "b", "managedFieldsManagers": ["tool"]},
            {"kind": "ConfigMap", "jqPathExpressions": [".data.a", ".data | keys"]},
            {"group": "*.example.com", "kind": "Monitor", "jsonPointers": ["/spec"]},
        ]});
        let (rules, warnings) = ignore_rules(&id, &spec, &["apps/web".to_owned()]);
        let places: Vec<_> =
            rules.iter().filter_map(|rule| rule.imported.as_ref().map(|rule| rule.place.clone())).collect();
        let field = |name: &str| IgnoredStep::Field(name.to_owned());
        assert_eq!(
            places,
            [
                IgnoredPlace::Pointer("/spec/replicas".to_owned()),
                IgnoredPlace::Manager("tool".to_owned()),
                IgnoredPlace::Steps(vec![field("data"), field("a")]),
            ]
        );
        assert_eq!(rules[0].reason, "ignoreDifferences of Application/argocd/web");
        assert_eq!(rules[0].resource.group.as_deref(), Some("apps"));
        assert_eq!((&rules[1].resource.group, rules[1].resource.name.as_deref()), (&None, Some("a")));
        assert_eq!(rules[2].resource.group.as_deref(), Some(""));
        assert_eq!(warnings.len(), 3, "{warnings:?}");
        assert!(warnings[1].contains(".data | keys"), "{warnings:?}");
    }
}
