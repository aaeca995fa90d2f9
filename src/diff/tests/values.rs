//! When two values are the same, by the type that the schema gives them. What a server does to each was asked of a real
//! kube-apiserver v1.36.

use super::cross_check::compare;
use super::{check, check_custom};

/// The pattern that controller-gen writes for `resource.Quantity`.
const QUANTITY: &str = "pattern: '^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))))?$'";

/// A custom resource's quantity is stored as it was written: `0.5` in Git and `500m` live are the same where the schema
/// says quantity, and two texts where it says text.
#[test]
fn quantity_recognized_only_where_schema_says() {
    let properties = format!(
        "{{q: {{x-kubernetes-int-or-string: true, anyOf: [{{type: integer}}, {{type: string}}], {QUANTITY}}}, text: {{type: string, {QUANTITY}}}, either: {{x-kubernetes-int-or-string: true}}, map: {{type: object, additionalProperties: {{x-kubernetes-int-or-string: true, {QUANTITY}}}}}}}"
    );
    let cases: &[(&str, &str, &[&str])] = &[
        ("{q: '0.5'}", "{q: 500m}", &[]),
        ("{q: 1}", "{q: '1'}", &[]),
        ("{q: 0.5Gi}", "{q: 512Mi}", &[]),
        ("{q: 1Gi}", "{q: 1G}", &["~ .spec.q \"1Gi\" -> \"1G\""]),
        ("{text: '0.5'}", "{text: 500m}", &["~ .spec.text \"0.5\" -> \"500m\""]),
        ("{either: 1}", "{either: '1'}", &["~ .spec.either 1 -> \"1\""]),
        ("{either: '0.5'}", "{either: 500m}", &["~ .spec.either \"0.5\" -> \"500m\""]),
        ("{map: {cpu: '1'}}", "{map: {cpu: 1000m}}", &[]),
        // Nothing rounds a custom resource.
        ("{map: {cpu: 100.5m}}", "{map: {cpu: 101m}}", &["~ .spec.map.cpu \"100.5m\" -> \"101m\""]),
    ];
    for (git, live, expected) in cases {
        check_custom(&properties, git, live, expected);
    }
}

/// `SetDefaults_ResourceList` (pkg/apis/core/v1/defaults.go) rounds the lists of resources in core up to milli; that of a
/// RuntimeClass, of another group, it does not (`0.5m` is stored as `500u`).
#[test]
fn resources_rounded_where_server_rounds() {
    let quota = |cpu: &str| {
        format!(
            "{{apiVersion: v1, kind: ResourceQuota, metadata: {{name: q}}, spec: {{hard: {{cpu: {cpu}}}}}}}"
        )
    };
    check(&quota("1.0005"), &quota("1001m"), &[]);
    check(&quota("1.5k"), &quota("'1500'"), &[]);
    check(&quota("1001m"), &quota("1002m"), &["~ .spec.hard.cpu \"1001m\" -> \"1002m\""]);
    let set = |storage: &str, limits: &str| {
        format!(
            "{{apiVersion: apps/v1, kind: StatefulSet, metadata: {{name: s}}, spec: {{template: {{spec: {{containers: [{{name: c, image: 'a:1', resources: {{limits: {{{limits}}}}}}}]}}}}, volumeClaimTemplates: [{{metadata: {{name: d}}, spec: {{resources: {{requests: {{storage: {storage}}}}}}}}}]}}}}"
        )
    };
    check(
        &set("0.0005", "cpu: 100.5m, memory: 9Ei"),
        &set("1m", "cpu: 101m, memory: '9223372036854775807'"),
        &[],
    );
    let class = |cpu: &str| {
        format!(
            "{{apiVersion: node.k8s.io/v1, kind: RuntimeClass, metadata: {{name: r}}, handler: x, overhead: {{podFixed: {{cpu: {cpu}}}}}}}"
        )
    };
    check(&class("0.5m"), &class("500u"), &[]);
    check(&class("0.5m"), &class("1m"), &["~ .overhead.podFixed.cpu \"0.5m\" -> \"1m\""]);
}

/// structured-merge-diff `value/equals_test.go`: numbers by value; integers that no float holds stay exact.
#[test]
fn numbers_are_equal_by_value() {
    let properties = "{n: {type: number}, i: {type: integer}, s: {type: string}, any: {x-kubernetes-preserve-unknown-fields: true}}";
    let cases: &[(&str, &str, &[&str])] = &[
        ("{n: 1}", "{n: 1.0}", &[]),
        ("{n: 1e3}", "{n: 1000}", &[]),
        ("{n: 0}", "{n: -0.0}", &[]),
        ("{n: 0.1}", "{n: 0.2}", &["~ .spec.n 0.1 -> 0.2"]),
        (
            "{i: 9007199254740993}",
            "{i: 9007199254740992}",
            &["~ .spec.i 9007199254740993 -> 9007199254740992"],
        ),
        (
            "{i: 9007199254740993}",
            "{i: 9007199254740992.0}",
            &["~ .spec.i 9007199254740993 -> 9007199254740992.0"],
        ),
        ("{n: 9007199254740993}", "{n: 9007199254740993}", &[]),
        (
            "{n: 9007199254740993}",
            "{n: 9007199254740992}",
            &["~ .spec.n 9007199254740993 -> 9007199254740992"],
        ),
        ("{i: -9223372036854775808}", "{i: -9223372036854775808}", &[]),
        // What no int64 holds is read as a float, and written as one.
        ("{any: 18446744073709551615}", "{any: 18446744073709552000.0}", &[]),
        ("{any: 18446744073709551615}", "{any: 18446744073709551614}", &[]),
        ("{any: 9223372036854775808}", "{any: 9223372036854776000}", &[]),
        (
            "{any: 9223372036854775807}",
            "{any: 9223372036854775808}",
            &["~ .spec.any 9223372036854775807 -> 9223372036854775808"],
        ),
        (
            "{any: 18446744073709551615}",
            "{any: 18446744073709560000.0}",
            &["~ .spec.any 18446744073709551615 -> 1.844674407370956e+19"],
        ),
        ("{n: 0.30000000000000004}", "{n: 0.30000000000000004}", &[]),
        // Whole floats by the digits with which they are written.
        ("{any: 2825486449044898000}", "{any: 2.825486449044898e+18}", &[]),
        (
            "{any: 2825486449044898001}",
            "{any: 2825486449044898000}",
            &["~ .spec.any 2825486449044898001 -> 2825486449044898000"],
        ),
        ("{n: 0.30000000000000004}", "{n: 0.3}", &["~ .spec.n 0.30000000000000004 -> 0.3"]),
        ("{s: '1'}", "{s: 1}", &["~ .spec.s \"1\" -> 1"]),
        ("{s: 'true'}", "{s: true}", &["~ .spec.s \"true\" -> true"]),
    ];
    for (git, live, expected) in cases {
        check_custom(properties, git, live, expected);
    }
}

/// `format: double` and `float` say what holds the number.
#[test]
fn floats_are_equal_as_they_are_held() {
    let properties = "{d: {type: number, format: double}, f: {type: number, format: float}, map: {type: object, additionalProperties: {type: number, format: double}}, list: {type: array, items: {type: number, format: float}}, t: {type: string, format: double}}";
    let cases: &[(&str, &str, &[&str])] = &[
        ("{d: 9007199254740993}", "{d: 9007199254740992}", &[]),
        ("{d: 9223372036854775807}", "{d: 9223372036854776000}", &[]),
        (
            "{d: 9007199254740993}",
            "{d: 9007199254740990}",
            &["~ .spec.d 9007199254740993 -> 9007199254740990"],
        ),
        ("{d: 0.1}", "{d: 0.10000000149011612}", &["~ .spec.d 0.1 -> 0.10000000149011612"]),
        ("{f: 0.1}", "{f: 0.10000000149011612}", &[]),
        ("{f: 16777217}", "{f: 16777216}", &[]),
        ("{f: 0.1}", "{f: 0.2}", &["~ .spec.f 0.1 -> 0.2"]),
        ("{map: {a: 9007199254740993}}", "{map: {a: 9007199254740992}}", &[]),
        ("{list: [16777217, 1]}", "{list: [16777216, 1.0]}", &[]),
        ("{list: [1]}", "{list: [2]}", &["~ .spec.list [1] -> [2]"]),
        ("{d: 1}", "{d: '1'}", &["~ .spec.d 1 -> \"1\""]),
        ("{t: '1'}", "{t: '1.0'}", &["~ .spec.t \"1\" -> \"1.0\""]),
    ];
    for (git, live, expected) in cases {
        check_custom(properties, git, live, expected);
    }
}

/// `maximum`, `minimum` and `multipleOf` are floats of 64 bits in Go (`JSONSchemaProps`), at any depth; JSON inside a
/// definition (`default`, `enum`, `example`) is `int64` or such a float. Each was seen on a real kube-apiserver v1.36.
#[test]
fn crd_numbers_compared_as_server_stores_them() {
    let crd = |schema: &str| {
        super::object(&format!(
            "{{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {{name: x}}, spec: {{versions: [{{name: v1, schema: {{openAPIV3Schema: {schema}}}}}]}}}}"
        ))
    };
    let found = |git: &str, live: &str| {
        compare(&super::of(crd(git)), &crd(live), crate::schema::Schema::built_in()).len()
    };
    for place in [
        "{properties: {a: {N}}}",
        "{properties: {a: {items: {N}}}}",
        "{properties: {a: {additionalProperties: {N}}}}",
        "{properties: {a: {allOf: [{N}]}}}",
        "{properties: {a: {anyOf: [{properties: {b: {N}}}], not: {N}}}}",
        "{patternProperties: {a: {N}}}",
        "{definitions: {a: {N}}, dependencies: {a: {N}}}",
    ] {
        for field in ["maximum", "minimum", "multipleOf"] {
            let of = |number: &str| place.replace('N', &format!("{field}: {number}"));
            for (git, live, differs) in [
                ("9007199254740993", "9007199254740992", 0),
                ("9223372036854775807", "9223372036854775808", 0),
                ("-9223372036854775808", "-9223372036854776000.0", 0),
                ("1e3", "1000", 0),
                ("0.1", "0.10000000000000001", 0),
                ("9007199254740993", "9007199254740990", 1),
                ("0.1", "0.2", 1),
            ] {
                assert_eq!(found(&of(git), &of(live)), differs, "{place} {field} {git} {live}");
            }
        }
    }
    for (git, live, differs) in [
        ("default: 9223372036854775807", "default: 9223372036854775807", 0),
        ("default: 9007199254740993", "default: 9007199254740992", 1),
        ("default: 9223372036854775809", "default: 9223372036854775808", 0),
        ("default: {a: [18446744073709551615]}", "default: {a: [18446744073709552000.0]}", 0),
        ("enum: [9223372036854775809, 1]", "enum: [9223372036854775808, 1]", 0),
        ("enum: [9007199254740993, 1]", "enum: [9007199254740992, 1]", 1),
        ("example: 1.0", "example: 1", 0),
        ("maxLength: 9007199254740993", "maxLength: 9007199254740992", 1),
    ] {
        let of = |field: &str| format!("{{properties: {{a: {{{field}}}}}}}");
        assert_eq!(found(&of(git), &of(live)), differs, "{git} {live}");
    }
}

/// apimachinery `pkg/apis/meta/v1/time_test.go` and `micro_time_test.go`: the server writes UTC; a custom resource keeps
/// its text. Go's durations: `time.ParseDuration`.
#[test]
fn times_and_durations_are_equal_by_value() {
    let lease = |at: &str| {
        format!(
            "{{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {{name: l}}, spec: {{renewTime: '{at}'}}}}"
        )
    };
    check(&lease("2026-01-01T01:00:00.123456+01:00"), &lease("2026-01-01T00:00:00.123456Z"), &[]);
    check(
        &lease("2026-01-01T01:00:00.123456+01:00"),
        &lease("2026-01-01T01:00:00.123456Z"),
        &["~ .spec.renewTime \"2026-01-01T01:00:00.123456+01:00\" -> \"2026-01-01T01:00:00.123456Z\""],
    );
    let properties =
        "{t: {type: string, format: date-time}, d: {type: string, format: duration}, s: {type: string}}";
    let cases: &[(&str, &str, &[&str])] = &[
        ("{t: '2026-01-01T01:00:00+01:00'}", "{t: '2026-01-01T00:00:00.000Z'}", &[]),
        (
            "{t: '2026-01-01T00:00:00Z'}",
            "{t: '2026-01-01T00:00:01Z'}",
            &["~ .spec.t \"2026-01-01T00:00:00Z\" -> \"2026-01-01T00:00:01Z\""],
        ),
        ("{d: 60m}", "{d: 1h0m0s}", &[]),
        ("{d: 60m}", "{d: 61m}", &["~ .spec.d \"60m\" -> \"61m\""]),
        ("{s: 60m}", "{s: 1h0m0s}", &["~ .spec.s \"60m\" -> \"1h0m0s\""]),
    ];
    for (git, live, expected) in cases {
        check_custom(properties, git, live, expected);
    }
}

/// Go's base64 decoder passes over line ends and over the bits behind the last byte; the server writes neither.
#[test]
fn bytes_are_equal_however_they_are_written() {
    let secret =
        |data: &str| format!("{{apiVersion: v1, kind: Secret, metadata: {{name: s}}, data: {{{data}}}}}");
    check(&secret("a: \"YW\\nJj\\n\""), &secret("a: YWJj"), &[]);
    check(&secret("a: YR=="), &secret("a: YQ=="), &[]);
    check(&secret("a: ''"), &secret("a: ''"), &[]);
    check(&secret("a: YQ=="), &secret("a: Yg=="), &["~ .data.a - -> - masked"]);
    check(&secret("a: YQ"), &secret("a: YQ=="), &["~ .data.a - -> - masked"]);
    check(&secret("a: '', b: YQ=="), &secret("b: YQ=="), &["- .data.a - -> - masked"]);
    let strings = "{apiVersion: v1, kind: Secret, metadata: {name: s}, data: {a: YQ==, b: YQ==}, stringData: {a: b, c: ''}}";
    check(strings, &secret("a: Yg==, b: YQ==, c: ''"), &[]);
    check(strings, &secret("a: YQ==, b: YQ==, c: ''"), &["~ .data.a - -> - masked"]);
    check_custom("{b: {type: string, format: byte}}", "{b: \"YW\\nJj\"}", "{b: YWJj}", &[]);
}

/// What a ConfigMap, an annotation, an argument or a variable holds is text.
#[test]
fn text_is_compared_as_text() {
    let map = |data: &str| {
        format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: c}}, data: {{a: {data}}}}}")
    };
    for (git, live) in [
        ("1000m", "'1'"),
        ("0.5Gi", "512Mi"),
        ("60m", "1h0m0s"),
        ("YR==", "YQ=="),
        ("'1.0'", "'1'"),
        ("\"a\\n\"", "a"),
    ] {
        let expected = format!("~ .data.a {} -> {}", super::object(git), super::object(live));
        check(&map(git), &map(live), &[&expected]);
    }
    let pod = |env: &str| {
        format!(
            "{{apiVersion: v1, kind: PodTemplate, metadata: {{name: p}}, template: {{spec: {{containers: [{{name: a, image: 'a:1', env: [{{name: X, value: {env}}}]}}]}}}}}}"
        )
    };
    check(
        &pod("1000m"),
        &pod("'1'"),
        &["~ .template.spec.containers[name=\"a\"].env[name=\"X\"].value \"1000m\" -> \"1\""],
    );
}
