//! Custom resources by the schema of their CRD. Sources: apiextensions-apiserver `pkg/apiserver/schema/`, and a real
//! kube-apiserver v1.36 that was given each object and asked for it.

use serde_json::json;

use super::cross_check::compare;
use super::{check_custom, desired, line, object};
use crate::schema::Schema;

/// `pruning/algorithm_test.go` (`TestPrune`): what the schema does not have is left out; `x-kubernetes-preserve-unknown-fields`
/// keeps it, and ends at the fields that it names.
#[test]
fn field_pruned_by_server_is_no_difference() {
    let properties = "{known: {type: object, properties: {a: {type: integer}}}, closed: {type: object}, free: {type: object, x-kubernetes-preserve-unknown-fields: true, properties: {inner: {type: object, properties: {a: {type: integer}}}}}, any: {type: object, additionalProperties: true}, map: {type: object, additionalProperties: {type: object, properties: {a: {type: integer}}}}, list: {type: array, items: {type: object, properties: {a: {type: integer}}}}}";
    let cases: &[(&str, &str, &[&str])] = &[
        ("{unknown: 1, known: {a: 1, b: 2}}", "{known: {a: 1}}", &[]),
        ("{closed: {a: {b: 1}}}", "{closed: {}}", &[]),
        ("{known: {b: 2}}", "{known: {}}", &[]),
        ("{map: {k: {a: 1, b: 2}}}", "{map: {k: {a: 1}}}", &[]),
        ("{list: [{a: 1, b: 2}, {b: 3}]}", "{list: [{a: 1}, {}]}", &[]),
        ("{free: {x: 1, inner: {a: 1, b: 2}}}", "{free: {x: 1, inner: {a: 1}}}", &[]),
        // What is kept and gone was taken out.
        ("{free: {x: 1}}", "{free: {}}", &["- .spec.free.x 1 -> -"]),
        ("{any: {x: 1}}", "{any: {}}", &["- .spec.any.x 1 -> -"]),
        ("{map: {k: {a: 1}}}", "{map: {}}", &["- .spec.map.k {\"a\":1} -> -"]),
        ("{known: {a: 1, b: 2}}", "{known: {}}", &["- .spec.known.a 1 -> -"]),
        ("{list: [{a: 1, b: 2}]}", "{list: [{a: 2}]}", &["~ .spec.list [{\"a\":1,\"b\":2}] -> [{\"a\":2}]"]),
    ];
    for (git, live, expected) in cases {
        check_custom(properties, git, live, expected);
    }
}

/// Seen on kube-apiserver v1.36 with a kind that is stored at v1, where `policy` has a default, and written at v2.
#[test]
fn default_of_stored_version_is_server() {
    let version = |name: &str, default: &str| {
        format!(
            "{{name: {name}, schema: {{openAPIV3Schema: {{type: object, properties: {{spec: {{type: object, properties: {{policy: {{type: string{default}}}, list: {{type: array, items: {{type: object, properties: {{a: {{type: integer}}, policy: {{type: string{default}}}}}}}}}}}}}}}}}}}}}"
        )
    };
    let (v1, v2) = (version("v1", ", default: Background"), version("v2", ""));
    let crd = |versions: &str| {
        object(&format!("spec: {{group: example.com, names: {{kind: Widget}}, versions: [{versions}]}}"))
    };
    let schema = Schema::from_crd(&crd(&format!("{v1}, {v2}")));
    let widget = |spec: &str| {
        format!("{{apiVersion: example.com/v2, kind: Widget, metadata: {{name: w}}, spec: {spec}}}")
    };
    let cases: &[(&str, &[&str])] = &[
        ("{policy: Background, list: [{a: 1}]}", &["+ .spec.policy - -> \"Background\" server-set"]),
        ("{policy: Foreground, list: [{a: 1}]}", &["+ .spec.policy - -> \"Foreground\""]),
        (
            "{list: [{a: 1, policy: Background}]}",
            &["~ .spec.list [{\"a\":1}] -> [{\"a\":1,\"policy\":\"Background\"}] server-set"],
        ),
        (
            "{list: [{a: 2, policy: Background}]}",
            &["~ .spec.list [{\"a\":1}] -> [{\"a\":2,\"policy\":\"Background\"}]"],
        ),
    ];
    for (live, expected) in cases {
        let found = compare(&desired(&widget("{list: [{a: 1}]}")), &object(&widget(live)), &schema);
        assert_eq!(found.iter().map(line).collect::<Vec<_>>(), *expected, "{live}");
    }
    let alone = Schema::from_crd(&crd(&v2));
    let found = compare(&desired(&widget("{}")), &object(&widget("{policy: Background}")), &alone);
    assert_eq!(found.iter().map(line).collect::<Vec<_>>(), ["+ .spec.policy - -> \"Background\""]);
}

/// A schema of another version may lack what the server has: nothing is taken for pruned by it.
#[test]
fn field_unknown_to_built_in_schema_compared() {
    let git =
        "{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: x}, spec: {selector: {}, brandNew: 1}}";
    let live = "{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: x}, spec: {selector: {}}}";
    let found = compare(&desired(git), &object(live), Schema::built_in());
    let found: Vec<String> = found.iter().map(line).collect();
    assert_eq!(found, ["- .spec.brandNew 1 -> -"]);
}

/// A custom resource is stored as it was written: an empty value is there or not. (`selfSigned: {}` of an issuer,
/// `ruleSelector: {}` of a Prometheus: everything, where an absent one is nothing.)
#[test]
fn empty_custom_resource_value_is_value() {
    let properties = "{obj: {type: object, properties: {a: {type: integer}}}, list: {type: array, items: {type: string}}, text: {type: string}, on: {type: boolean}, count: {type: integer}, free: {type: object, x-kubernetes-preserve-unknown-fields: true}}";
    for (field, value) in
        [("obj", "{}"), ("list", "[]"), ("text", "\"\""), ("on", "false"), ("count", "0"), ("free", "{}")]
    {
        let with = format!("{{{field}: {value}}}");
        check_custom(properties, &with, &with, &[]);
        check_custom(properties, &with, "{}", &[&format!("- .spec.{field} {value} -> -")]);
        check_custom(properties, "{}", &with, &[&format!("+ .spec.{field} - -> {value}")]);
    }
    check_custom(
        properties,
        "{free: {a: {}, b: [], c: ''}}",
        "{free: {a: {}}}",
        &["- .spec.free.b [] -> -", "- .spec.free.c \"\" -> -"],
    );
    check_custom(properties, "{obj: {a: 1}}", "{obj: {}}", &["- .spec.obj.a 1 -> -"]);
}

/// `defaulting/algorithm_test.go` (`TestDefault`): defaults of nested objects, in lists, in values of maps; a default is
/// filled itself.
#[test]
fn defaults_are_filled_at_every_level() {
    let properties = "{obj: {type: object, default: {}, properties: {n: {type: integer, default: 0}, deep: {type: object, default: {}, properties: {s: {type: string, default: ''}, t: {type: string}}}}}, map: {type: object, additionalProperties: {type: object, properties: {a: {type: integer, default: 7}}}}, list: {type: array, items: {type: object, properties: {a: {type: integer, default: 7}, b: {type: integer}}}}, tags: {type: array, default: [x], items: {type: string}}, whole: {type: object, default: {b: 1}, properties: {a: {type: integer, default: 7}, b: {type: integer}}}}";
    let cases: &[(&str, &str, &[&str])] = &[
        ("{}", "{obj: {n: 0, deep: {s: ''}}, tags: [x], whole: {a: 7, b: 1}}", &[]),
        ("{obj: {}}", "{obj: {n: 0, deep: {s: ''}}}", &[]),
        ("{}", "{obj: {n: 0, deep: {s: '', t: x}}}", &["+ .spec.obj.deep.t - -> \"x\""]),
        ("{}", "{obj: {n: 1, deep: {s: ''}}}", &["+ .spec.obj.n - -> 1 (default 0)"]),
        ("{map: {k: {}}}", "{map: {k: {a: 7}}}", &[]),
        ("{map: {k: {}}}", "{map: {k: {a: 8}}}", &["+ .spec.map.k.a - -> 8 (default 7)"]),
        ("{list: [{b: 1}]}", "{list: [{a: 7, b: 1}]}", &[]),
        ("{list: [{b: 1}]}", "{list: [{a: 8, b: 1}]}", &["~ .spec.list [{\"b\":1}] -> [{\"a\":8,\"b\":1}]"]),
        ("{}", "{tags: []}", &["+ .spec.tags - -> [] (default [\"x\"])"]),
        ("{}", "{whole: {a: 7, b: 2}}", &["+ .spec.whole.b - -> 2 (default 1)"]),
    ];
    for (git, live, expected) in cases {
        check_custom(properties, git, live, expected);
    }
}

/// Structural schemas (`pkg/apiserver/schema/validation_test.go`): `allOf`, `anyOf`, `oneOf` and `not` only validate.
#[test]
fn validation_only_schema_sets_no_type() {
    let properties = "{a: {type: array, x-kubernetes-list-type: set, items: {type: string}, allOf: [{maxItems: 3}]}, n: {x-kubernetes-int-or-string: true, anyOf: [{type: integer}, {type: string}]}, o: {type: object, oneOf: [{required: [x]}, {required: [y]}], not: {required: [z]}, properties: {x: {type: integer, default: 1}, y: {type: integer}}}}";
    check_custom(properties, "{a: [x, y], o: {y: 1}}", "{a: [y, x], o: {x: 1, y: 1}}", &[]);
    // The type of an int-or-string is part of its value.
    check_custom(properties, "{n: 80}", "{n: '80'}", &["~ .spec.n 80 -> \"80\""]);
}

/// `objectmeta/coerce_test.go`: metadata of an embedded object is metadata, in a CRD and in what the server publishes.
#[test]
fn an_embedded_object_has_metadata() {
    let properties = "{pod: {type: object, x-kubernetes-embedded-resource: true, x-kubernetes-preserve-unknown-fields: true}, template: {type: object, properties: {metadata: {type: object}, spec: {type: object, x-kubernetes-preserve-unknown-fields: true}}}}";
    let pod =
        |meta: &str| format!("{{pod: {{apiVersion: v1, kind: Pod, metadata: {meta}, spec: {{a: 1}}}}}}");
    check_custom(
        properties,
        &pod("{name: x, creationTimestamp: null, bogus: 1, labels: {}, finalizers: [a, b]}"),
        &pod("{name: x, finalizers: [b, a]}"),
        &[],
    );
    check_custom(
        properties,
        &pod("{name: x}"),
        &pod("{name: y}"),
        &["~ .spec.pod.metadata.name \"x\" -> \"y\""],
    );
    check_custom(
        properties,
        &pod("{labels: {a: b}}"),
        &pod("{labels: {}}"),
        &["- .spec.pod.metadata.labels.a \"b\" -> -"],
    );
    // A map without fields of its own, though it is called metadata: the labels of an embedded template are pruned.
    check_custom(
        properties,
        "{template: {metadata: {labels: {a: b}}, spec: {}}}",
        "{template: {metadata: {}, spec: {}}}",
        &[],
    );
}

/// The metadata of a custom resource is of the type that all objects have.
#[test]
fn metadata_of_a_custom_resource_is_typed() {
    let widget = |meta: &str| {
        object(&format!("{{apiVersion: example.com/v1, kind: Widget, metadata: {{name: w, {meta}}}}}"))
    };
    let crd = object(
        "{spec: {group: example.com, names: {kind: Widget}, versions: [{name: v1, schema: {openAPIV3Schema: {type: object}}}]}}",
    );
    let published = json!({"openapi": "3.0.0", "components": {"schemas": {"com.example.v1.Widget": {
        "type": "object",
        "x-kubernetes-group-version-kind": [{"group": "example.com", "version": "v1", "kind": "Widget"}],
        "properties": {"metadata": {"allOf": [{"$ref": "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}]}},
    }}}});
    let published = Schema::from_openapi(published.to_string().as_bytes()).expect("an OpenAPI document");
    for schema in [Schema::from_crd(&crd), published, Schema::default(), Schema::built_in().clone()] {
        let found = |git: &str, live: &str| -> Vec<String> {
            compare(&super::of(widget(git)), &widget(live), &schema).iter().map(line).collect()
        };
        assert_eq!(
            found(
                "finalizers: [a, b], labels: {}, annotations: {a: ''}",
                "finalizers: [b, a], annotations: {a: ''}"
            ),
            [""; 0]
        );
        assert_eq!(found("labels: {a: ''}", "labels: {}"), ["- .metadata.labels.a \"\" -> -"]);
        assert_eq!(found("labels: {}", "labels: {a: ''}"), ["+ .metadata.labels.a - -> \"\""]);
    }
}

/// A kind without a schema is compared by its structure, lists item by item in their order.
#[test]
fn kind_without_schema_compared_by_structure() {
    let widget = |spec: &str| {
        format!("{{apiVersion: example.com/v1, kind: Widget, metadata: {{name: w}}, spec: {spec}}}")
    };
    let cases: &[(&str, &str, &[&str])] = &[
        ("{a: {b: [1, 2]}, c: ''}", "{a: {b: [1, 2]}, c: ''}", &[]),
        ("{a: 1.0}", "{a: 1}", &[]),
        ("{a: {b: [1, 2]}}", "{a: {b: [2, 1]}}", &["~ .spec.a.b [1,2] -> [2,1]"]),
        ("{a: 0.5}", "{a: 500m}", &["~ .spec.a 0.5 -> \"500m\""]),
        ("{a: {}}", "{}", &["- .spec.a {} -> -"]),
        ("{a: {b: 1}}", "{a: {b: 1, c: {}}}", &["+ .spec.a.c - -> {}"]),
    ];
    for (git, live, expected) in cases {
        let found = compare(&desired(&widget(git)), &object(&widget(live)), &Schema::default());
        let found: Vec<String> = found.iter().map(line).collect();
        assert_eq!(found, *expected, "{git} against {live}");
    }
}

/// `preserveUnknownFields: true` of an old CRD keeps everything, whatever its schema says.
#[test]
fn preserve_unknown_fields_prunes_nothing() {
    let crd = object(
        "{spec: {group: example.com, preserveUnknownFields: true, names: {kind: Widget}, versions: [{name: v1, schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {a: {type: integer}}}}}}}]}}",
    );
    let widget = |spec: &str| {
        format!("{{apiVersion: example.com/v1, kind: Widget, metadata: {{name: w}}, spec: {spec}}}")
    };
    let found = compare(&desired(&widget("{b: 1}")), &object(&widget("{}")), &Schema::from_crd(&crd));
    assert_eq!(found.iter().map(line).collect::<Vec<_>>(), ["- .spec.b 1 -> -"]);
}

/// The same schema: what is left out is named, and nothing that is kept.
#[test]
fn pruned_field_is_named() {
    let schema = Schema::from_crd(&object(
        "spec: {group: example.com, names: {kind: Widget}, versions: [{name: v1, schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {known: {type: object, properties: {a: {type: integer}}}, closed: {type: object}, free: {type: object, x-kubernetes-preserve-unknown-fields: true, properties: {inner: {type: object, properties: {a: {type: integer}}}}}, port: {x-kubernetes-int-or-string: true}, any: {type: object, additionalProperties: true}, raw: {type: object, x-kubernetes-embedded-resource: true, x-kubernetes-preserve-unknown-fields: true}, list: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [name], items: {type: object, properties: {name: {type: string}}}}}}}}}}]}",
    ));
    let cases: &[(&str, &[&str])] = &[
        ("{known: {a: 1}, port: http, any: {x: {y: 1}}, list: [{name: a}]}", &[]),
        ("{free: {x: {y: 1}}, raw: {apiVersion: v1, kind: X, metadata: {name: n}, whatever: 1}}", &[]),
        ("{knwon: 1, known: {aa: 1}}", &[".spec.known.aa /spec/known/aa -", ".spec.knwon /spec/knwon known"]),
        ("{closed: {x: 1}}", &[".spec.closed.x /spec/closed/x -"]),
        ("{free: {inner: {b: 1}}}", &[".spec.free.inner.b /spec/free/inner/b -"]),
        (
            "{list: [{name: a}, {name: b, names: 1}]}",
            &[".spec.list[name=\"b\"].names /spec/list/1/names name"],
        ),
    ];
    for (spec, expected) in cases {
        let text = format!(
            "{{apiVersion: example.com/v1, kind: Widget, metadata: {{name: w}}, status: {{x: 1}}, sops: {{mac: x}}, spec: {spec}}}"
        );
        let found: Vec<String> = crate::diff::unknown_fields(&desired(&text), &schema)
            .into_iter()
            .map(|field| {
                format!("{} {} {}", field.path, field.pointer, field.suggestion.as_deref().unwrap_or("-"))
            })
            .collect();
        assert_eq!(found, *expected, "{spec}");
    }
    // A copy of another version may lack what the server has.
    let typo = desired("{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, date: {a: b}}");
    assert!(crate::diff::unknown_fields(&typo, Schema::built_in()).is_empty());
}
