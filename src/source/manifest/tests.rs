//! What is decided by a preview of a document is what the whole of it says.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value};

use super::super::output::{RenderedObject, SourceKind, SourceOutput};
use super::{ManifestFile, add, display_location, read};
use crate::model::{Lazy, Origin, Provenance};
use crate::yaml;

/// As [`read`], of whole documents.
fn read_whole(file: &ManifestFile<'_>, bytes: &[u8], gathered: &mut SourceOutput) {
    for document in yaml::read(bytes) {
        match document {
            Ok(document) => {
                let location = Some(document.root().span.location);
                let draft = RenderedObject {
                    value: document.to_json().into(),
                    origin: Origin {
                        source: file.source.to_owned(),
                        file: file.name.to_owned(),
                        location,
                        root: None,
                    },
                    fields: Lazy::from(document.source_map()),
                    provenance: Provenance::Document { index: document.index(), item: None },
                    notes: Vec::new(),
                    nondeterministic: Vec::new(),
                    optional: None,
                };
                add(draft, gathered);
            }
            Err(error) => gathered.report_incomplete(display_location(file.name, error.location), error.why),
        }
    }
}

/// Everything that was decided, and the value of each object as it is compared later.
fn told(output: &SourceOutput) -> String {
    let SourceOutput { drafts, incomplete, warnings, foreign_documents, nameless, .. } = output;
    let drafts: Vec<String> = drafts
        .iter()
        .map(|(header, draft)| {
            format!("{header:?} {} {:?} {}", draft.place(), draft.provenance, *draft.value)
        })
        .collect();
    format!("{drafts:#?} {incomplete:#?} {warnings:?} {foreign_documents:?} {nameless:#?}")
}

fn check(text: &str) -> Result<(), TestCaseError> {
    let bytes: Arc<[u8]> = text.as_bytes().into();
    let file = ManifestFile { source: "apps", name: "apps/a.yaml" };
    for kind in [SourceKind::Plain, SourceKind::Kustomize] {
        let (mut by_preview, mut whole) = (SourceOutput::new(kind), SourceOutput::new(kind));
        read(&file, &bytes, &mut by_preview);
        read_whole(&file, &bytes, &mut whole);
        prop_assert_eq!(told(&by_preview), told(&whole), "{}", text);
    }
    Ok(())
}

/// Every key that anything in the headers, hooks and lists of Kubernetes goes by, and some that it does not.
const KEYS: &[&str] = &[
    "apiVersion",
    "kind",
    "items",
    "metadata",
    "name",
    "generateName",
    "namespace",
    "annotations",
    "labels",
    "spec",
    "group",
    "names",
    "plural",
    "status",
    "data",
    "sops",
    "mac",
    "type",
    "helm.sh/hook",
    "argocd.argoproj.io/hook",
    "helm.sh/hook-delete-policy",
    "argocd.argoproj.io/hook-delete-policy",
    "ownerReferences",
];
const TEXTS: &[&str] = &[
    "v1",
    "apps/v1",
    "apiextensions.k8s.io/v1",
    "List",
    "ConfigMapList",
    "ConfigMap",
    "CustomResourceDefinition",
    "Secret",
    "web",
    "shop",
    "",
    "pre-install",
    "Sync",
    "ENC[AES]",
    "test,post-delete",
    "Pod",
    "Job",
];

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        8 => select(TEXTS).prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<i32>().prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            4 => proptest::collection::btree_map(select(KEYS), inner.clone(), 0..6).prop_map(|entries| {
                Value::Object(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
            }),
            1 => proptest::collection::vec(inner, 0..3).prop_map(Value::Array),
        ]
    })
}

/// An object that has most of what a manifest has, and anything beside it.
fn objects() -> impl Strategy<Value = Value> {
    let definition = (select(TEXTS), select(TEXTS), values()).prop_map(
        |(group, kind, more)| serde_json::json!({"group": group, "names": {"kind": kind, "plural": more}}),
    );
    let spec = prop_oneof![values(), definition];
    let named = (select(TEXTS), values(), spec, values()).prop_map(|(name, annotations, spec, status)| {
        serde_json::json!({"metadata": {"name": name, "annotations": annotations, "labels": status.clone()},
                           "spec": spec, "status": status})
    });
    (select(TEXTS), select(TEXTS), named, values(), 0_u8..8).prop_map(
        |(version, kind, mut object, other, left_out)| {
            let map = object.as_object_mut().expect("it is made as one");
            map.insert("apiVersion".to_owned(), version.into());
            map.insert("kind".to_owned(), kind.into());
            if let Value::Object(other) = other {
                let only_new = |map: &Map<String, Value>, key: &str| !map.contains_key(key) || left_out == 1;
                for (key, value) in other {
                    if only_new(map, &key) {
                        map.insert(key, value);
                    }
                }
            }
            for (number, key) in (2..).zip(["apiVersion", "kind", "metadata"]) {
                if left_out == number {
                    map.remove(key);
                }
            }
            object
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn previews_decide_as_whole_documents_do(objects in proptest::collection::vec(objects(), 1..4)) {
        let text: String = objects
            .iter()
            .map(|object| format!("---\n{}", serde_yaml::to_string(object).expect("plain values")))
            .collect();
        check(&text)?;
    }

    #[test]
    fn preview_decides_like_whole_document(value in values()) {
        check(&serde_yaml::to_string(&value).expect("plain values"))?;
    }
}
