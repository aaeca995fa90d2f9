//! Null in a custom resource. Sources: apiextensions-apiserver `pkg/apiserver/schema/defaulting` (`prunenulls_test.go`,
//! `algorithm_test.go`), and a real kube-apiserver v1.36 that was given each object by client-side and server-side apply.

use serde_json::json;

use super::cross_check::compare;
use super::{check_custom, desired, line, object};
use crate::schema::Schema;

/// A null that the schema does not allow is left out, and takes the default; one that is allowed stays.
#[test]
fn null_sets_nothing() {
    let properties = "{plain: {type: string}, defaulted: {type: string, default: d}, nullable: {type: string, nullable: true}, both: {type: string, nullable: true, default: d}, free: {type: object, x-kubernetes-preserve-unknown-fields: true}, list: {type: array, items: {type: string, nullable: true}}}";
    let cases: &[(&str, &str, &[&str])] = &[
        ("{plain: null}", "{}", &[]),
        ("{plain: null}", "{plain: null}", &[]),
        ("{}", "{plain: null}", &[]),
        ("{defaulted: null}", "{defaulted: d}", &[]),
        ("{nullable: null}", "{nullable: null}", &[]),
        ("{nullable: null}", "{}", &[]),
        ("{}", "{nullable: null}", &[]),
        ("{both: null}", "{both: null}", &[]),
        ("{free: {a: null}}", "{free: {a: null}}", &[]),
        ("{free: {a: null, b: [null, {c: null}]}}", "{free: {b: [null, {}]}}", &[]),
        ("{list: [null, a]}", "{list: [null, a]}", &[]),
        ("{list: [null, a]}", "{list: [b, a]}", &["~ .spec.list [null,\"a\"] -> [\"b\",\"a\"]"]),
        ("{list: [b, a]}", "{list: [null, a]}", &["~ .spec.list [\"b\",\"a\"] -> [null,\"a\"]"]),
        ("{plain: null}", "{plain: x}", &["+ .spec.plain - -> \"x\""]),
        ("{defaulted: null}", "{defaulted: x}", &["+ .spec.defaulted - -> \"x\" (default \"d\")"]),
    ];
    for (git, live, expected) in cases {
        check_custom(properties, git, live, expected);
    }
}

const NULLABLE: &str = "{size: {type: integer, nullable: true, default: 3}, mode: {type: string, nullable: true}, list: {type: array, nullable: true, default: [a], items: {type: string}}, obj: {type: object, nullable: true, default: {a: 1}, properties: {a: {type: integer}, b: {type: integer, default: 7}}}, map: {type: object, additionalProperties: {type: string, nullable: true}}, whole: {type: array, items: {type: object, properties: {x: {type: integer, nullable: true, default: 3}}}}, parts: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [id], items: {type: object, properties: {id: {type: string}, size: {type: integer, nullable: true, default: 3}}}}, either: {x-kubernetes-int-or-string: true, nullable: true, default: 80}}";

/// A nullable field keeps its null: over a default and over a declared value somebody put it there.
#[test]
fn null_over_value_is_change() {
    let cases: &[(&str, &str, &[&str])] = &[
        ("{}", "{size: null}", &["+ .spec.size - -> null (default 3)"]),
        ("{}", "{list: null}", &["+ .spec.list - -> null (default [\"a\"])"]),
        ("{}", "{obj: null}", &["+ .spec.obj - -> null (default {\"a\":1,\"b\":7})"]),
        ("{}", "{either: null}", &["+ .spec.either - -> null (default 80)"]),
        ("{size: 3}", "{size: null}", &["~ .spec.size 3 -> null"]),
        ("{size: 5}", "{size: null}", &["~ .spec.size 5 -> null"]),
        ("{mode: x}", "{mode: null}", &["~ .spec.mode \"x\" -> null"]),
        ("{list: [a]}", "{list: null}", &["~ .spec.list [\"a\"] -> null"]),
        ("{obj: {a: 2}}", "{obj: null}", &["~ .spec.obj {\"a\":2} -> null"]),
        ("{map: {k: x}}", "{map: {k: null}}", &["~ .spec.map.k \"x\" -> null"]),
        ("{whole: [{x: 3}]}", "{whole: [{x: null}]}", &["~ .spec.whole [{\"x\":3}] -> [{\"x\":null}]"]),
        ("{whole: [{}]}", "{whole: [{x: null}]}", &["~ .spec.whole [{}] -> [{\"x\":null}]"]),
        (
            "{parts: [{id: a}]}",
            "{parts: [{id: a, size: null}]}",
            &["+ .spec.parts[id=\"a\"].size - -> null (default 3)"],
        ),
        (
            "{parts: [{id: a, size: 3}]}",
            "{parts: [{id: a, size: null}]}",
            &["~ .spec.parts[id=\"a\"].size 3 -> null"],
        ),
    ];
    for (git, live, expected) in cases {
        check_custom(NULLABLE, git, live, expected);
    }
}

#[test]
fn value_over_declared_null_is_change() {
    let cases: &[(&str, &str, &[&str])] = &[
        ("{mode: null}", "{mode: x}", &["~ .spec.mode null -> \"x\""]),
        ("{mode: null}", "{mode: ''}", &["~ .spec.mode null -> \"\""]),
        ("{size: null}", "{size: 5}", &["~ .spec.size null -> 5"]),
        ("{list: null}", "{list: []}", &["~ .spec.list null -> []"]),
        ("{obj: null}", "{obj: {a: 1, b: 8}}", &["~ .spec.obj null -> {\"a\":1,\"b\":8}"]),
        ("{map: {k: null}}", "{map: {k: x}}", &["~ .spec.map.k null -> \"x\""]),
        ("{whole: [{x: null}]}", "{whole: [{x: 4}]}", &["~ .spec.whole [{\"x\":null}] -> [{\"x\":4}]"]),
        (
            "{parts: [{id: a, size: null}]}",
            "{parts: [{id: a, size: 4}]}",
            &["~ .spec.parts[id=\"a\"].size null -> 4"],
        ),
    ];
    for (git, live, expected) in cases {
        check_custom(NULLABLE, git, live, expected);
    }
}

/// `kubectl apply` leaves a null out, and the default comes: only a person's own write of it is a change (the owner tells).
#[test]
fn default_over_declared_null_is_server() {
    let cases: &[(&str, &str, &[&str])] = &[
        ("{size: null}", "{size: 3}", &["+ .spec.size - -> 3 (default 3) server-set"]),
        ("{list: null}", "{list: [a]}", &["+ .spec.list - -> [\"a\"] (default [\"a\"]) server-set"]),
        (
            "{obj: null}",
            "{obj: {a: 1, b: 7}}",
            &["+ .spec.obj - -> {\"a\":1,\"b\":7} (default {\"a\":1,\"b\":7}) server-set"],
        ),
        ("{map: {k: null}}", "{map: {}}", &[]),
        ("{whole: [{x: null}]}", "{whole: [{x: 3}]}", &[]),
        ("{whole: [{x: null}]}", "{whole: [{x: null}]}", &[]),
    ];
    for (git, live, expected) in cases {
        check_custom(NULLABLE, git, live, expected);
    }
}

/// The values of a map have a default only where null stands under a key.
#[test]
fn null_map_value_takes_schema_default() {
    let properties = "{map: {type: object, additionalProperties: {type: string, default: d}}, deep: {type: object, additionalProperties: {type: object, additionalProperties: {type: integer, default: 7}}}}";
    let cases: &[(&str, &str, &[&str])] = &[
        ("{map: {k: null}}", "{map: {k: d}}", &[]),
        ("{map: {k: null}}", "{map: {}}", &[]),
        ("{map: {k: null}}", "{map: {k: e}}", &["+ .spec.map.k - -> \"e\" (default \"d\")"]),
        ("{map: {}}", "{map: {k: d}}", &["+ .spec.map.k - -> \"d\""]),
        ("{deep: {a: {b: null}}}", "{deep: {a: {b: 7}}}", &[]),
    ];
    for (git, live, expected) in cases {
        check_custom(properties, git, live, expected);
    }
}

/// What the server publishes says it as the definition does; types of Kubernetes, metadata among them, keep no null.
#[test]
fn published_schema_says_where_null_is_kept() {
    let document = json!({"openapi": "3.0.0", "components": {"schemas": {"com.example.v1.Widget": {
        "type": "object",
        "x-kubernetes-group-version-kind": [{"group": "example.com", "version": "v1", "kind": "Widget"}],
        "properties": {
            "metadata": {"allOf": [{"$ref": "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}]},
            "spec": {"type": "object", "nullable": true, "default": {}, "properties": {
                "size": {"type": "integer", "nullable": true, "default": 3}}},
        },
    }}}});
    let schema = Schema::from_openapi(document.to_string().as_bytes()).expect("an OpenAPI document");
    let widget = |fields: &str| {
        format!(
            "{{apiVersion: example.com/v1, kind: Widget, metadata: {{name: w, labels: {{a: null}}}}, {fields}}}"
        )
    };
    let cases: &[(&str, &str, &[&str])] = &[
        ("spec: {}", "spec: {size: null}", &["+ .spec.size - -> null (default 3)"]),
        ("spec: {size: null}", "spec: {size: 3}", &["+ .spec.size - -> 3 (default 3) server-set"]),
        ("spec: null", "spec: {size: 4}", &["~ .spec null -> {\"size\":4}"]),
        ("spec: {size: 4}", "spec: null", &["~ .spec {\"size\":4} -> null"]),
        ("spec: null", "spec: null", &[]),
    ];
    for (git, live, expected) in cases {
        let live = widget(live).replace("labels: {a: null}", "labels: {a: ''}");
        let found = compare(&desired(&widget(git)), &object(&live), &schema);
        let found: Vec<String> = found.iter().map(line).collect();
        assert_eq!(found, *expected, "{git} against {live}");
    }
}
