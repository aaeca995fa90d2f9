//! Builders of objects and findings, for tests.

use serde_json::{Value, json};

use super::{
    Cause, Change, ChangeKind, Confidence, Desired, Difference, FieldPath, Finding, Lazy, Manager, Origin,
    Provenance, ResourceId, State, Verdict,
};

/// An object of a file; without the places of its fields.
pub(crate) fn mk_desired(file: &str, value: Value) -> Desired {
    Desired {
        id: ResourceId::from_object(&value).expect("a test's object has kind and name"),
        value: value.into(),
        origin: Origin { source: ".".to_owned(), file: file.to_owned(), location: None, root: None },
        fields: Lazy::default(),
        provenance: Provenance::Document { index: 0, item: None },
        notes: Vec::new(),
        nondeterministic: Vec::new(),
        optional: None,
    }
}

/// A value that live has otherwise than Git. Its pointers lead nowhere.
pub(crate) fn mk_difference(path: FieldPath, desired: Option<Value>, live: Option<Value>) -> Difference {
    Difference {
        path,
        pointer: "/nowhere".to_owned(),
        desired_pointer: "/nowhere".to_owned(),
        kind: ChangeKind::Modified,
        desired,
        live,
        masked: false,
        default: None,
        reordered: false,
        note: None,
        server_set: false,
    }
}

fn mk_verdict(cause: Cause, manager: &str) -> Verdict {
    let manager = Manager {
        api_version: String::new(),
        name: manager.to_owned(),
        operation: "Update".to_owned(),
        subresource: String::new(),
        time: None,
    };
    Verdict { cause, confidence: Confidence::High, manager: Some(manager), ..Verdict::unknown() }
}

/// A Deployment of namespace shop in which one field (segments by `/`) has `live`, where Git has 1.
pub(crate) fn mk_finding(name: &str, manager: &str, field: &str, live: Value) -> Finding {
    let verdict = mk_verdict(Cause::Manual, manager);
    let difference = Difference {
        pointer: format!("/{field}"),
        desired_pointer: format!("/{field}"),
        ..mk_difference(FieldPath::from_fields(field.split('/')), Some(json!(1)), Some(live))
    };
    Finding {
        resource: ResourceId {
            group: "apps".to_owned(),
            version: "v1".to_owned(),
            kind: "Deployment".to_owned(),
            namespace: Some("shop".to_owned()),
            name: name.to_owned(),
        },
        state: State::Modified,
        origin: Some(Origin {
            source: "apps".to_owned(),
            file: format!("apps/{name}.yaml"),
            location: None,
            root: None,
        }),
        verdict: verdict.clone(),
        changes: vec![Change { difference, verdict, origin: None }],
        notes: Vec::new(),
    }
}
