//! What the server drops, keeps, fills and turns over in the built-in kinds; each was asked of a real kube-apiserver v1.36.

use super::cross_check::compare;
use super::{check, desired, line, object};
use crate::schema::Schema;

fn template(pod: &str) -> String {
    format!("{{apiVersion: v1, kind: PodTemplate, metadata: {{name: p}}, template: {{spec: {{{pod}}}}}}}")
}

fn container(fields: &str) -> String {
    template(&format!("containers: [{{name: a, image: 'a:1', {fields}}}]"))
}

/// A map with named fields that Go holds as a pointer is kept when it is empty; anything else that is empty is left out
/// (`omitempty`), or always written.
#[test]
fn empty_map_kept_by_server_is_value() {
    for (field, live) in [
        ("affinity: {}", "affinity"),
        ("dnsConfig: {}", "dnsConfig"),
        ("securityContext: {seLinuxOptions: {}}", "securityContext.seLinuxOptions"),
    ] {
        let (name, _) = live.split_once('.').unwrap_or((live, ""));
        let without = template(if name == live { "" } else { "securityContext: {}" });
        let path = format!(".template.spec.{live}");
        check(&template(field), &template(field), &[]);
        check(&template(field), &without, &[&format!("- {path} {{}} -> -")]);
        check(&without, &template(field), &[&format!("+ {path} - -> {{}}")]);
    }
    let lifecycle = ".template.spec.containers[name=\"a\"].lifecycle";
    check(&container("lifecycle: {}"), &container(""), &[&format!("- {lifecycle} {{}} -> -")]);
    // Dropped, or there in any case.
    for empty in
        ["nodeSelector: {}", "tolerations: []", "hostAliases: []", "overhead: {}", "hostNetwork: false"]
    {
        check(&template(empty), &template(""), &[]);
        check(&template(""), &template(empty), &[]);
    }
    for empty in ["resources: {}", "args: []", "env: []", "workingDir: ''", "resources: {limits: {}}"] {
        check(&container(empty), &container(""), &[]);
        check(&container(""), &container(empty), &[]);
    }
    check(&container("env: [{name: X, value: ''}]"), &container("env: [{name: X}]"), &[]);
}

/// Zero values of fields that are always written: `serviceName` of a StatefulSet, `value` of a PriorityClass.
#[test]
fn always_written_zero_is_no_difference() {
    let set = |more: &str| {
        format!("{{apiVersion: apps/v1, kind: StatefulSet, metadata: {{name: s}}, spec: {{{more}}}}}")
    };
    check(&set(""), &set("serviceName: ''"), &[]);
    let class = |more: &str| {
        format!("{{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {{name: c}}{more}}}")
    };
    check(
        &class(", globalDefault: false"),
        &class(", value: 0, preemptionPolicy: PreemptLowerPriority"),
        &[],
    );
}

/// Schemas in a CRD are held with pointers, too: what is empty there was written.
#[test]
fn empty_value_in_crd_schema_is_value() {
    let crd = |version: &str| {
        format!(
            "{{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {{name: c}}, spec: {{versions: [{{name: v1, {version}}}]}}}}"
        )
    };
    let schema = |node: &str| {
        crd(&format!("schema: {{openAPIV3Schema: {{type: object, properties: {{a: {node}}}}}}}"))
    };
    for (git, live) in [
        ("{type: object, default: {}}", "{type: object}"),
        ("{type: integer, default: 0}", "{type: integer}"),
        ("{type: integer, minimum: 0}", "{type: integer}"),
        ("{type: object, additionalProperties: false}", "{type: object}"),
        ("{type: object, properties: {b: {}}}", "{type: object, properties: {}}"),
        ("{type: array, items: {}}", "{type: array}"),
    ] {
        for (git, live) in [(git, live), (live, git)] {
            let found = compare(&desired(&schema(git)), &object(&schema(live)), Schema::built_in());
            let ours: Vec<String> = found.iter().map(line).collect();
            assert!(
                ours.len() == 1 && ours[0].starts_with("~ .spec.versions"),
                "{git} against {live}: {ours:?}"
            );
        }
        check(&schema(git), &schema(git), &[]);
    }
    check(
        &schema("{type: object, nullable: false, required: [], description: ''}"),
        &schema("{type: object}"),
        &[],
    );
    let with = crd("subresources: {status: {}}");
    assert_eq!(compare(&desired(&with), &object(&crd("served: false")), Schema::built_in()).len(), 1);
}

/// What Go writes for a field of a ConfigMap or of another group's kind is nobody's default.
#[test]
fn built_in_rules_not_applied_to_namesakes() {
    let map = "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {caBundle: '', sessionAffinityConfig: x}}";
    check(map, map, &[]);
    check(map, &map.replace("caBundle: '', ", ""), &["- .data.caBundle \"\" -> -"]);
    let secret =
        |spec: &str| format!("{{apiVersion: example.com/v1, kind: Secret, metadata: {{name: s}}, {spec}}}");
    check(&secret("stringData: {a: b}"), &secret("stringData: {a: b}"), &[]);
    check(&secret("stringData: {a: b}"), &secret("stringData: {a: c}"), &["~ .stringData.a \"b\" -> \"c\""]);
    let service = |spec: &str| {
        format!(
            "{{apiVersion: serving.knative.dev/v1, kind: Service, metadata: {{name: s}}, spec: {{{spec}}}}}"
        )
    };
    check(
        &service("sessionAffinityConfig: {a: b}"),
        &service(""),
        &["- .spec.sessionAffinityConfig {\"a\":\"b\"} -> -"],
    );
    let issuer = |bundle: &str| {
        format!(
            "{{apiVersion: cert-manager.io/v1, kind: Issuer, metadata: {{name: i}}, spec: {{acme: {{{bundle}}}}}}}"
        )
    };
    check(&issuer("caBundle: ''"), &issuer("caBundle: ''"), &[]);
    check(&issuer("caBundle: ''"), &issuer("caBundle: YQ=="), &["~ .spec.acme.caBundle \"\" -> \"YQ==\""]);
    // Fleet's rule is for what an injector fills.
    let webhook = |bundle: &str| {
        format!(
            "{{apiVersion: admissionregistration.k8s.io/v1, kind: MutatingWebhookConfiguration, metadata: {{name: w}}, webhooks: [{{name: a, clientConfig: {{{bundle}}}}}]}}"
        )
    };
    check(&webhook("caBundle: ''"), &webhook(""), &[]);
    check(
        &webhook("caBundle: Cg=="),
        &webhook("caBundle: YQ=="),
        &["+ .webhooks[name=\"a\"].clientConfig.caBundle - -> \"YQ==\" server-set"],
    );
}

/// Defaults inside atomic lists (pkg/apis/admissionregistration/v1, networking/v1, rbac/v1 `defaults.go`).
#[test]
fn only_defaults_in_atomic_list_are_equal() {
    let webhook = |rule: &str| {
        format!(
            "{{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingWebhookConfiguration, metadata: {{name: w}}, webhooks: [{{name: a, rules: [{{operations: [CREATE], {rule}}}]}}]}}"
        )
    };
    let stored = |scope: &str| webhook(&format!("scope: '{scope}'"));
    check(&webhook(""), &stored("*"), &[]);
    check(
        &webhook(""),
        &stored("Namespaced"),
        &[
            "~ .webhooks[name=\"a\"].rules [{\"operations\":[\"CREATE\"]}] -> [{\"operations\":[\"CREATE\"],\"scope\":\"Namespaced\"}]",
        ],
    );
    let ingress = |path: &str| {
        format!(
            "{{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {{name: i}}, spec: {{rules: [{{http: {{paths: [{{{path}}}]}}}}]}}}}"
        )
    };
    check(
        &ingress("path: '', pathType: ImplementationSpecific"),
        &ingress("pathType: ImplementationSpecific"),
        &[],
    );
    assert_eq!(
        compare(
            &desired(&ingress("pathType: Prefix")),
            &object(&ingress("pathType: Exact")),
            Schema::built_in()
        )
        .len(),
        1
    );
    let policy = |spec: &str| {
        format!(
            "{{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {{name: n}}, spec: {{podSelector: {{}}, {spec}}}}}"
        )
    };
    // A block of addresses is stored as it was written.
    check(
        &policy(
            "policyTypes: [], ingress: [{from: [], ports: []}, {from: [{ipBlock: {cidr: 10.0.0.1/8, except: []}}]}]",
        ),
        &policy("policyTypes: [Ingress], ingress: [{}, {from: [{ipBlock: {cidr: 10.0.0.1/8}}]}]"),
        &[],
    );
}

/// A list that Git leaves to the server is one value: an edit inside it is a change of it, the owner tells whose.
#[test]
fn edit_in_server_filled_list_found() {
    let pod = |more: &str| {
        format!("{{apiVersion: v1, kind: Pod, metadata: {{name: p}}, spec: {{containers: []{more}}}}}")
    };
    let by_admission = |effect: &str, key: &str, more: &str| {
        format!(
            "{{key: node.kubernetes.io/{key}, operator: Exists, effect: {effect}, tolerationSeconds: 300{more}}}"
        )
    };
    let with = |effect: &str, more: &str| {
        pod(&format!(
            ", tolerations: [{}, {}]",
            by_admission(effect, "not-ready", more),
            by_admission("NoExecute", "unreachable", "")
        ))
    };
    let found = |live: &str| compare(&desired(&pod("")), &object(live), Schema::built_in());
    assert_eq!(found(&with("NoExecute", "")), []);
    for live in [with("NoSchedule", ""), with("NoExecute", ", extra: x")] {
        let found = found(&live);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].path.to_string() == ".spec.tolerations" && found[0].server_set, "{found:?}");
    }
}

/// An autoscaler of v1 is read at v1: what v2 has more is in annotations of the server (pkg/apis/autoscaling/v1/conversion.go).
#[test]
fn what_a_conversion_writes_is_the_servers() {
    let scaler = |annotations: &str| {
        format!(
            "{{apiVersion: autoscaling/v1, kind: HorizontalPodAutoscaler, metadata: {{name: h{annotations}}}, spec: {{maxReplicas: 3, minReplicas: 1, targetCPUUtilizationPercentage: 80}}}}"
        )
    };
    check(
        &scaler(""),
        &scaler(
            ", annotations: {autoscaling.alpha.kubernetes.io/conditions: '[]', autoscaling.alpha.kubernetes.io/behavior: '{}'}",
        ),
        &[
            "+ .metadata.annotations[\"autoscaling.alpha.kubernetes.io/behavior\"] - -> \"{}\" server-set",
            "+ .metadata.annotations[\"autoscaling.alpha.kubernetes.io/conditions\"] - -> \"[]\" server-set",
        ],
    );
}
