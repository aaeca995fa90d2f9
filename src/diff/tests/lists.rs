//! How lists and maps are compared. Sources: structured-merge-diff v6 `typed/symdiff_test.go` (the named cases) and
//! `typed/helpers.go`; apiextensions-apiserver `pkg/apiserver/schema/listtype/validation_test.go`.

use serde_json::json;

use super::cross_check::compare;
use super::{check, check_custom, desired, line, object};
use crate::schema::Schema;

/// `symdiffCases`, "associative list": two keys, none of them alone names an item.
#[test]
fn keyed_list_items_paired_by_all_keys() {
    let list = "{list: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [key, id], items: {type: object, properties: {key: {type: string}, id: {type: integer}, bv: {type: boolean}, nv: {type: integer}, value: {type: object, additionalProperties: {type: string}}}}}, atomicList: {type: array, items: {type: string}}}";
    let item = |more: &str| format!(".spec.list[id=1,key=\"a\"]{more}");
    let cases: &[(&str, &str, &[&str])] = &[
        (
            "{}",
            "{list: [{key: a, id: 1, value: {a: a}}]}",
            &["+ .spec.list - -> [{\"id\":1,\"key\":\"a\",\"value\":{\"a\":\"a\"}}]"],
        ),
        ("{list: [{key: a, id: 1, value: {a: a}}]}", "{list: [{key: a, id: 1, value: {a: a}}]}", &[]),
        (
            "{list: [{key: a, id: 1, value: {a: a}}]}",
            "{list: [{key: a, id: 1, value: {a: b}}]}",
            &["~ I.value.a \"a\" -> \"b\""],
        ),
        (
            "{list: [{key: a, id: 1}]}",
            "{list: [{key: a, id: 2}]}",
            &[
                "- I {\"id\":1,\"key\":\"a\"} -> -",
                "+ .spec.list[id=2,key=\"a\"] - -> {\"id\":2,\"key\":\"a\"}",
            ],
        ),
        (
            "{list: [{key: a, id: 1}, {key: b, id: 1}]}",
            "{list: [{key: a, id: 1}, {key: a, id: 2}]}",
            &[
                "- .spec.list[id=1,key=\"b\"] {\"id\":1,\"key\":\"b\"} -> -",
                "+ .spec.list[id=2,key=\"a\"] - -> {\"id\":2,\"key\":\"a\"}",
            ],
        ),
        ("{list: [{key: a, id: 1}, {key: b, id: 1}]}", "{list: [{key: b, id: 1}, {key: a, id: 1}]}", &[]),
        ("{list: [{key: a, id: 1}]}", "{list: [{key: a, id: 1.0}]}", &[]),
        ("{atomicList: [a, a, a]}", "{}", &["- .spec.atomicList [\"a\",\"a\",\"a\"] -> -"]),
        ("{atomicList: [a, b, c]}", "{atomicList: []}", &["~ .spec.atomicList [\"a\",\"b\",\"c\"] -> []"]),
        (
            "{atomicList: [a, a, a]}",
            "{atomicList: [a, a]}",
            &["~ .spec.atomicList [\"a\",\"a\",\"a\"] -> [\"a\",\"a\"]"],
        ),
        (
            "{atomicList: [a, b]}",
            "{atomicList: [b, a]}",
            &["~ .spec.atomicList [\"a\",\"b\"] -> [\"b\",\"a\"]"],
        ),
        // Duplicates: paired by occurrence.
        (
            "{list: [{key: a, id: 1}, {key: b, id: 1}, {key: a, id: 1, bv: true}]}",
            "{list: [{key: a, id: 1}, {key: b, id: 1}, {key: a, id: 1, bv: true, nv: 1}]}",
            &["+ I.nv - -> 1"],
        ),
        (
            "{list: [{key: a, id: 1}, {key: b, id: 1}, {key: a, id: 1, bv: true}]}",
            "{list: [{key: a, id: 1}, {key: b, id: 1, bv: true}, {key: a, id: 1, bv: true}]}",
            &["+ .spec.list[id=1,key=\"b\"].bv - -> true"],
        ),
        (
            "{list: [{key: a, id: 1}, {key: a, id: 1, bv: true}]}",
            "{list: [{key: a, id: 1}]}",
            &["- I {\"bv\":true,\"id\":1,\"key\":\"a\"} -> -"],
        ),
        // A key that is not there and has no default is part of the name, too (`keyedAssociativeListItemToPathElement`).
        (
            "{list: [{key: a}]}",
            "{list: [{key: a, id: 1}]}",
            &["- .spec.list[key=\"a\"] {\"key\":\"a\"} -> -", "+ I - -> {\"id\":1,\"key\":\"a\"}"],
        ),
        // Items that are no maps: the list is one value.
        ("{list: [1, 2]}", "{list: [2, 1]}", &["~ .spec.list [1,2] -> [2,1]"]),
    ];
    for (git, live, expected) in cases {
        let mut expected: Vec<String> =
            expected.iter().map(|line| line.replacen(" I", &format!(" {}", item("")), 1)).collect();
        expected.sort_by_key(|line| line[2..].to_owned());
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        check_custom(list, git, live, &expected);
    }
}

/// `symdiffCases`, "struct grab bag": sets of texts, booleans and numbers, and what they hold twice.
#[test]
fn set_items_compared_by_value() {
    let set = "{set: {type: array, x-kubernetes-list-type: set, items: {}}}";
    let cases: &[(&str, &str, &[&str])] = &[
        ("[a, b]", "[b, a]", &[]),
        ("[a, b]", "[a, b, c]", &["+ .spec.set[=\"c\"] - -> \"c\""]),
        ("[a]", "[a, b, b]", &["+ .spec.set[=\"b\"] - -> \"b\"", "+ .spec.set[=\"b\"] - -> \"b\""]),
        ("[a, b]", "[a, b, b]", &["+ .spec.set[=\"b\"] - -> \"b\""]),
        ("[b, b]", "[a, b, b]", &["+ .spec.set[=\"a\"] - -> \"a\""]),
        ("[a, b]", "[]", &["- .spec.set[=\"a\"] \"a\" -> -", "- .spec.set[=\"b\"] \"b\" -> -"]),
        ("[true]", "[false]", &["+ .spec.set[=false] - -> false", "- .spec.set[=true] true -> -"]),
        ("[1, 2, 3.14159]", "[1, 2, 3]", &["- .spec.set[=3.14159] 3.14159 -> -", "+ .spec.set[=3] - -> 3"]),
        ("[1, 2]", "[2.0, 1.0]", &[]),
        ("[{a: 1, b: null}]", "[{a: 1.0}]", &[]),
        ("['1']", "[1]", &["- .spec.set[=\"1\"] \"1\" -> -", "+ .spec.set[=1] - -> 1"]),
    ];
    for (git, live, expected) in cases {
        check_custom(set, &format!("{{set: {git}}}"), &format!("{{set: {live}}}"), expected);
    }
}

/// `symdiffCases`, "map merge" and "simple pair"; `x-kubernetes-map-type` in apiextensions-apiserver
/// `pkg/apiserver/schema/structural.go`.
#[test]
fn only_an_atomic_map_is_one_value() {
    let maps = "{whole: {type: object, x-kubernetes-map-type: atomic, additionalProperties: {type: string}}, granular: {type: object, additionalProperties: {type: string}}, named: {type: object, x-kubernetes-map-type: atomic, properties: {a: {type: integer}, b: {type: integer, default: 2}}}}";
    check_custom(
        maps,
        "{whole: {a: x, b: y}}",
        "{whole: {a: x, b: z}}",
        &["~ .spec.whole {\"a\":\"x\",\"b\":\"y\"} -> {\"a\":\"x\",\"b\":\"z\"}"],
    );
    check_custom(
        maps,
        "{granular: {a: x, b: y}}",
        "{granular: {a: x, b: z}}",
        &["~ .spec.granular.b \"y\" -> \"z\""],
    );
    check_custom(
        maps,
        "{granular: {a: x}}",
        "{granular: {a: x, c.d/e: z}}",
        &["+ .spec.granular[\"c.d/e\"] - -> \"z\""],
    );
    // A default inside one value is no difference of it.
    check_custom(maps, "{named: {a: 1}}", "{named: {a: 1, b: 2}}", &[]);
    check_custom(
        maps,
        "{named: {a: 1}}",
        "{named: {a: 1, b: 3}}",
        &["~ .spec.named {\"a\":1} -> {\"a\":1,\"b\":3}"],
    );
}

/// `keyedAssociativeListItemToPathElement` takes the default of a key that an item leaves out (protocol TCP of a port);
/// kubernetes/kubernetes#39188 and #105610: client-side apply pairs the ports of a Service by `port` alone.
#[test]
fn omitted_list_key_takes_default() {
    let ports = "{ports: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [port, protocol], items: {type: object, properties: {port: {type: integer}, protocol: {type: string, default: TCP}, name: {type: string}}}}}";
    check_custom(
        ports,
        "{ports: [{port: 53, protocol: UDP}, {port: 53, name: a}]}",
        "{ports: [{port: 53, protocol: TCP, name: b}, {port: 53, protocol: UDP}]}",
        &["~ .spec.ports[port=53,protocol=\"TCP\"].name \"a\" -> \"b\""],
    );
    // An item that live has from before there was a default.
    check_custom(ports, "{ports: [{port: 53, name: a}]}", "{ports: [{port: 53, name: a}]}", &[]);
    let pod = |ports: &str| {
        format!(
            "{{apiVersion: v1, kind: PodTemplate, metadata: {{name: p}}, template: {{spec: {{containers: [{{name: a, image: 'a:1', ports: {ports}}}]}}}}}}"
        )
    };
    check(
        &pod("[{containerPort: 53, protocol: UDP}, {containerPort: 53}]"),
        &pod("[{containerPort: 53, protocol: TCP}, {containerPort: 53, protocol: UDP}]"),
        &[],
    );
    let service = |ports: &str| {
        format!("{{apiVersion: v1, kind: Service, metadata: {{name: s}}, spec: {{ports: {ports}}}}}")
    };
    check(
        &service("[{port: 53, targetPort: 53}, {port: 53, targetPort: 53, protocol: UDP}]"),
        &service("[{port: 53, targetPort: 53, protocol: TCP}]"),
        &[
            "- .spec.ports[port=53,protocol=\"UDP\"] {\"port\":53,\"protocol\":\"UDP\",\"targetPort\":53} -> -",
        ],
    );
}

/// Without a list type a strategic merge pairs items by the patch merge key (apimachinery
/// `pkg/util/strategicpatch/testdata/swagger-merge-item.json`, `mergingList`); `nonMergingList` is one value.
#[test]
fn patch_merge_key_pairs_without_list_type() {
    let document = json!({"openapi": "3.0.0", "components": {"schemas": {
        "mergeItem": {
            "type": "object",
            "x-kubernetes-group-version-kind": [{"group": "example.com", "version": "v1", "kind": "MergeItem"}],
            "properties": {
                "name": {"type": "string"},
                "value": {"type": "string"},
                "mergingList": {
                    "type": "array",
                    "items": {"$ref": "#/components/schemas/mergeItem"},
                    "x-kubernetes-patch-merge-key": "name",
                    "x-kubernetes-patch-strategy": "merge",
                },
                "atomicList": {
                    "type": "array",
                    "items": {"$ref": "#/components/schemas/mergeItem"},
                    "x-kubernetes-patch-merge-key": "name",
                    "x-kubernetes-list-type": "atomic",
                },
                "nonMergingList": {"type": "array", "items": {"$ref": "#/components/schemas/mergeItem"}},
            },
        },
    }}});
    let schema = Schema::from_openapi(document.to_string().as_bytes()).expect("an OpenAPI document");
    let item = |fields: &str| {
        format!("{{apiVersion: example.com/v1, kind: MergeItem, metadata: {{name: m}}, {fields}}}")
    };
    let cases: &[(&str, &str, &[&str])] = &[
        // "sort one list of maps"
        ("mergingList: [{name: b}, {name: a}]", "mergingList: [{name: a}, {name: b}]", &[]),
        // "replace map field value in merging list"
        (
            "mergingList: [{name: a, value: x}]",
            "mergingList: [{name: a, value: y}]",
            &["~ .mergingList[name=\"a\"].value \"x\" -> \"y\""],
        ),
        // "delete map from merging list"
        (
            "mergingList: [{name: a}, {name: b}]",
            "mergingList: [{name: a}]",
            &["- .mergingList[name=\"b\"] {\"name\":\"b\"} -> -"],
        ),
        // "add map to merging list", and "merging list should NOT sort when nested in non merging list"
        (
            "nonMergingList: [{name: b}, {name: a}]",
            "nonMergingList: [{name: a}, {name: b}]",
            &["~ .nonMergingList [{\"name\":\"b\"},{\"name\":\"a\"}] -> [{\"name\":\"a\"},{\"name\":\"b\"}]"],
        ),
        // Server-side apply's type comes first.
        (
            "atomicList: [{name: b}, {name: a}]",
            "atomicList: [{name: a}, {name: b}]",
            &["~ .atomicList [{\"name\":\"b\"},{\"name\":\"a\"}] -> [{\"name\":\"a\"},{\"name\":\"b\"}]"],
        ),
    ];
    for (git, live, expected) in cases {
        let found = compare(&desired(&item(git)), &object(&item(live)), &schema);
        let found: Vec<String> = found.iter().map(line).collect();
        assert_eq!(found, *expected, "{git} against {live}");
    }
}

/// Selectors and references of the built-in kinds are one value (`x-kubernetes-map-type: atomic`).
#[test]
fn selectors_and_references_are_one_value() {
    let cases = [
        (
            "v1",
            "Service",
            "selector: {a: b}",
            "selector: {a: b, c: d}",
            "~ .spec.selector {\"a\":\"b\"} -> {\"a\":\"b\",\"c\":\"d\"}",
        ),
        (
            "apps/v1",
            "ReplicaSet",
            "selector: {matchLabels: {a: b}}",
            "selector: {matchLabels: {a: c}}",
            "~ .spec.selector {\"matchLabels\":{\"a\":\"b\"}} -> {\"matchLabels\":{\"a\":\"c\"}}",
        ),
        (
            "apps/v1",
            "ReplicaSet",
            "template: {spec: {nodeSelector: {a: b}}}",
            "template: {spec: {nodeSelector: {a: b, c: d}}}",
            "~ .spec.template.spec.nodeSelector {\"a\":\"b\"} -> {\"a\":\"b\",\"c\":\"d\"}",
        ),
        (
            "autoscaling/v2",
            "HorizontalPodAutoscaler",
            "scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: a}",
            "scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: b}",
            "~ .spec.scaleTargetRef.name \"a\" -> \"b\"",
        ),
    ];
    for (version, kind, git, live, expected) in cases {
        let of = |spec: &str| {
            format!("{{apiVersion: {version}, kind: {kind}, metadata: {{name: x}}, spec: {{{spec}}}}}")
        };
        let found: Vec<String> = compare(&desired(&of(git)), &object(&of(live)), Schema::built_in())
            .iter()
            .filter(|difference| !difference.server_set)
            .map(line)
            .collect();
        assert_eq!(found, [expected], "{kind} {git}");
    }
}

/// Who put a value into a set, or an owner into an object, is recorded value by value.
#[test]
fn set_absent_from_git_reported_by_value() {
    let of = |metadata: &str| {
        format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: c, {metadata}}}, data: {{a: b}}}}")
    };
    check(
        &of(""),
        &of("finalizers: [kubernetes.io/x, example.com/hold]"),
        &[
            "+ .metadata.finalizers[=\"example.com/hold\"] - -> \"example.com/hold\" server-set",
            "+ .metadata.finalizers[=\"kubernetes.io/x\"] - -> \"kubernetes.io/x\" server-set",
        ],
    );
    check(&of(""), &of("finalizers: []"), &[]);
    check(
        &of("finalizers: []"),
        &of("finalizers: [a/b]"),
        &["+ .metadata.finalizers[=\"a/b\"] - -> \"a/b\" server-set"],
    );
    let owner = |uid: &str| format!("{{apiVersion: v1, kind: Pod, name: p, uid: {uid}}}");
    let line = |uid: &str| {
        let value = format!("{{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"name\":\"p\",\"uid\":\"{uid}\"}}");
        format!("+ .metadata.ownerReferences[uid=\"{uid}\"] - -> {value} server-set")
    };
    check(
        &of(""),
        &of(&format!("ownerReferences: [{}, {}]", owner("u-2"), owner("u-1"))),
        &[&line("u-1"), &line("u-2")],
    );
    let properties = "{set: {type: array, x-kubernetes-list-type: set, items: {}}, full: {type: array, default: [a], x-kubernetes-list-type: set, items: {type: string}}, deep: {type: object, properties: {set: {type: array, x-kubernetes-list-type: set, items: {type: integer}}}}}";
    let cases: &[(&str, &str, &[&str])] = &[
        ("{}", "{set: [b, a]}", &["+ .spec.set[=\"a\"] - -> \"a\"", "+ .spec.set[=\"b\"] - -> \"b\""]),
        ("{}", "{set: []}", &["+ .spec.set - -> []"]),
        ("{}", "{set: [{a: 1}]}", &["+ .spec.set[={\"a\":1}] - -> {\"a\":1}"]),
        ("{deep: {}}", "{deep: {set: [1]}}", &["+ .spec.deep.set[=1] - -> 1"]),
        // What only one side has is one change.
        ("{}", "{deep: {set: [1]}}", &["+ .spec.deep - -> {\"set\":[1]}"]),
        // A list in Git would take the place of the default.
        ("{}", "{full: [a, b]}", &["+ .spec.full - -> [\"a\",\"b\"] (default [\"a\"])"]),
    ];
    for (git, live, expected) in cases {
        check_custom(properties, git, live, expected);
    }
}

#[test]
fn pointers_of_set_value_name_its_item() {
    let git = desired("{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: c}}");
    let live = object(
        "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: c, finalizers: [b/b, a/a], ownerReferences: [{uid: '1'}]}}",
    );
    let found: Vec<String> = compare(&git, &live, Schema::built_in())
        .into_iter()
        .map(|found| format!("{} {}", found.pointer, found.desired_pointer))
        .collect();
    assert_eq!(
        found,
        [
            "/metadata/finalizers/1 /metadata/finalizers/-",
            "/metadata/finalizers/0 /metadata/finalizers/-",
            "/metadata/ownerReferences/0 /metadata/ownerReferences/-",
        ]
    );
}

/// A chart may write the revision of a release into a list that is compared as a whole.
#[test]
fn nondeterministic_value_in_list_not_compared() {
    let git = "{apiVersion: v1, kind: Pod, metadata: {name: x}, spec: {containers: [{name: c, image: i, args: [run, --revision=1, --fast], env: [{name: R, value: '1'}, {name: K, value: k}]}]}}";
    let mut desired = desired(git);
    let item = "/spec/containers/0";
    desired.nondeterministic = vec![format!("{item}/args/1"), format!("{item}/env/0/value")];
    for (args, env, expected) in [
        ("[run, --revision=5, --fast]", "[{name: R, value: '5'}, {name: K, value: k}]", &[][..]),
        ("[run, --revision=5, --slow]", "[{name: R, value: '5'}, {name: K, value: k}]", &["args"]),
        ("[walk, --revision=5, --fast]", "[{name: R, value: '5'}, {name: K, value: k}]", &["args"]),
        ("[run, --revision=5]", "[{name: R, value: '5'}, {name: K, value: k}]", &["args"]),
        (
            "[run, --revision=5, --fast]",
            "[{name: R, value: '5'}, {name: K, value: l}]",
            &["env[name=\"K\"].value"],
        ),
    ] {
        let live = git.replace("[run, --revision=1, --fast]", args);
        let live = live.replace("[{name: R, value: '1'}, {name: K, value: k}]", env);
        let found = compare(&desired, &object(&live), Schema::built_in());
        let expected: Vec<_> =
            expected.iter().map(|path| format!(".spec.containers[name=\"c\"].{path}")).collect();
        let found: Vec<_> = found.iter().map(|difference| difference.path.to_string()).collect();
        assert_eq!(found, expected, "{args} {env}");
    }
}
