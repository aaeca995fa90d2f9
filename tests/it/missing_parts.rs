//! What the rest of a Kustomize root says is true of the whole: each tree is rendered with a part that is refused, and with
//! that part in the repository. What differs must be among what is not compared.

use drift::source::{RenderOutput, Tools};
use serde_json::Value;

use crate::refused_entries::{REMOTE, told};
use crate::source::{Tree, kustomizes, source};

/// A tree, and what stands in it where the part is missing and where it is there.
struct Case<'a> {
    files: &'a [(&'a str, &'a str)],
    /// `PART` in the files.
    missing: &'a str,
    there: &'a str,
}

const FAR: &str = "../far";

fn beside_far<'a>(files: &'a [(&'a str, &'a str)]) -> Case<'a> {
    Case { files, missing: REMOTE, there: FAR }
}

impl Case<'_> {
    /// The objects of the rest, with the places that are not compared.
    fn rest(&self) -> Vec<String> {
        let with = |part: &str| -> Vec<(String, String)> {
            let file = |(path, text): &(&str, &str)| ((*path).to_owned(), text.replace("PART", part));
            self.files.iter().map(file).collect()
        };
        let render = |part: &str, tools: &Tools| {
            let files = with(part);
            let files: Vec<(&str, &str)> =
                files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
            Tree::new(&files).render(tools, &[source("k")])
        };
        let of_each = kustomizes().map(|(name, tools)| {
            let (rest, whole) = (render(self.missing, &tools), render(self.there, &tools));
            assert!(whole.incomplete.is_empty(), "{name}: {:?}", whole.incomplete);
            assert!(!rest.incomplete.is_empty(), "{name}: nothing is missing");
            assert_eq!(falsehoods(&rest, &whole), [""; 0], "{name}: {:?}", told(&rest));
            let missing = rest.incomplete.len();
            let mut lines = told(&rest);
            lines.truncate(lines.len() - missing);
            lines.sort();
            lines
        });
        let [first, second] = of_each;
        assert_eq!(first, second, "kustomize and kubectl");
        first
    }
}

/// What the rest says and the whole does not.
fn falsehoods(rest: &RenderOutput, whole: &RenderOutput) -> Vec<String> {
    let mut found = Vec::new();
    for object in &rest.objects {
        let Some(same) = whole.objects.iter().find(|other| other.id == object.id) else {
            found.push(object.id.to_string());
            continue;
        };
        let mut differing = Vec::new();
        differ(Some(&object.value), Some(&same.value), "", &mut differing);
        let is_known = |at: &String| {
            let is_within = |hidden: &String| {
                at.strip_prefix(hidden.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            !object.nondeterministic.iter().any(is_within)
        };
        found.extend(differing.into_iter().filter(is_known).map(|at| format!("{} {at}", object.id)));
    }
    found
}

fn differ(one: Option<&Value>, other: Option<&Value>, at: &str, found: &mut Vec<String>) {
    let token = |key: &str| key.replace('~', "~0").replace('/', "~1");
    match (one, other) {
        (Some(Value::Object(one)), Some(Value::Object(other))) => {
            let keys: std::collections::BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            for key in keys {
                differ(one.get(key), other.get(key), &format!("{at}/{}", token(key)), found);
            }
        }
        (Some(Value::Array(one)), Some(Value::Array(other))) if one.len() == other.len() => {
            for (index, (one, other)) in one.iter().zip(other).enumerate() {
                differ(Some(one), Some(other), &format!("{at}/{index}"), found);
            }
        }
        _ if one == other => {}
        _ => found.push(at.to_owned()),
    }
}

const SECRETS: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: x}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: t}\ndata: {a: eA==}\n";
const CM: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, labels: {a: b}}\ndata: {a: x}\n";
const WEB: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 1\n  template:\n    spec:\n      containers:\n      - {name: web, image: 'web:1', envFrom: [{configMapRef: {name: c}}, {secretRef: {name: s}}]}\n";
/// All that a generator may change of an object that has `data`.
const CHANGED: &str = "/binaryData /data /immutable /metadata/annotations /metadata/labels /stringData /type";

fn changed(id: &str) -> String {
    format!("{id} {CHANGED}")
}

/// Of a generator that is not run and changes what another one declares, only that object is not compared.
#[test]
fn merging_generator_hides_its_target_only() {
    let remote = "files: ['k=https://example.com/k']";
    let local = "literals: [k=v, l=w]";
    let builtin = |kind: &str, name: &str, how: &str| {
        format!(
            "resources: [s.yaml, c.yaml, web.yaml]\ngenerators:\n- |\n  apiVersion: builtin\n  kind: {kind}\n  metadata: {{name: {name}}}\n  behavior: {how}\n  PART\n"
        )
    };
    let ids = ["ConfigMap/default/c", "Deployment/default/web", "Secret/default/s", "Secret/default/t"];
    let with = |at: usize| {
        let mut expected = ids.map(str::to_owned);
        expected[at] = changed(ids[at]);
        expected
    };
    let field = |field: &str, name: &str, how: &str| {
        format!(
            "resources: [s.yaml, c.yaml, web.yaml]\n{field}:\n- {{name: {name}, behavior: {how}, PART}}\ngeneratorOptions: {{disableNameSuffixHash: true}}\n"
        )
    };
    for (root, at) in [
        (field("secretGenerator", "s", "merge"), 2),
        (field("configMapGenerator", "c", "replace"), 0),
        (
            builtin("SecretGenerator", "t", "replace")
                .replace("PART", "options: {disableNameSuffixHash: true}\n  PART"),
            3,
        ),
        (
            builtin("ConfigMapGenerator", "c", "merge")
                .replace("PART", "options: {disableNameSuffixHash: true}\n  PART"),
            0,
        ),
    ] {
        let files = [
            ("k/kustomization.yaml", root.as_str()),
            ("k/s.yaml", SECRETS),
            ("k/c.yaml", CM),
            ("k/web.yaml", WEB),
        ];
        let case = Case { files: &files, missing: remote, there: local };
        assert_eq!(case.rest(), with(at), "{root}");
    }
}

/// The name of what is generated is made of its content: neither is known.
#[test]
fn merged_object_with_name_hash_unknown() {
    let root = "resources: [../base, c.yaml]\nnamePrefix: p-\nsecretGenerator:\n- {name: s, behavior: merge, PART}\n";
    let base = "resources: [web.yaml]\nnameSuffix: -x\nsecretGenerator: [{name: s, literals: [a=b]}, {name: t, literals: [a=b]}]\n";
    let files = [
        ("k/kustomization.yaml", root),
        ("base/kustomization.yaml", base),
        ("k/c.yaml", CM),
        ("base/web.yaml", WEB),
    ];
    let case = Case { files: &files, missing: "envs: ['https://example.com/e']", there: "literals: [k=v]" };
    let rest = case.rest();
    let expected = [
        "ConfigMap/default/p-c",
        "Deployment/default/p-web-x /spec/template/spec/containers/0/envFrom/1/secretRef/name",
    ];
    assert_eq!(rest[..2], expected);
    assert!(rest.len() == 3 && rest[2].starts_with("Secret/default/p-t-x-"), "{rest:?}");
}

/// What a plug-in that is not run changes is told from what can be read of it.
#[test]
fn plugin_hides_what_it_may_change() {
    let ksops = "apiVersion: viaduct.ai/v1\n  kind: ksops\n  metadata: {name: x}\n";
    let builtin = |name: &str| {
        format!(
            "apiVersion: builtin\n  kind: SecretGenerator\n  metadata: {{name: {name}}}\n  behavior: merge\n  literals: [k=v]\n  options: {{disableNameSuffixHash: true}}"
        )
    };
    let enc = |how: &str| {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: s, annotations: {{{how}}}}}\ndata: {{k: 'ENC[x]'}}\nsops: {{mac: x}}\n"
        )
    };
    let merged = enc("kustomize.config.k8s.io/behavior: merge");
    let created = enc("a: b").replace("name: s", "name: new");
    let hidden = merged.replace("kind: Secret", "kind: 'ENC[x]'");
    let from_files = format!("{ksops}  files: [enc.yaml]\n");
    let from_itself = format!(
        "{ksops}  secretFrom: [{{metadata: {{name: t, annotations: {{kustomize.config.k8s.io/behavior: replace}}}}, files: [a]}}]\n"
    );
    let other = "apiVersion: acme.example.com/v1\n  kind: Maker\n  metadata: {name: x}\n";
    let chart =
        "apiVersion: builtin\n  kind: HelmChartInflationGenerator\n  metadata: {name: x}\n  name: x\n";
    let root = "resources: [s.yaml, c.yaml, web.yaml, ../other]\ngenerators:\n- |\n  PART\n";
    let wholly = "-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n";
    for (enc, missing, there, changed_at) in [
        (merged.as_str(), from_files.as_str(), builtin("s"), &[3][..]),
        (&created, &from_files, builtin("new").replace("merge", "create"), &[]),
        (&hidden, &from_files, builtin("s"), &[0, 1, 3, 4]),
        (wholly, &from_files, builtin("t"), &[0, 1, 3, 4]),
        (&created, &from_itself, builtin("t"), &[4]),
        (&created, other, builtin("t"), &[0, 1, 3, 4]),
        (&created, chart, builtin("new").replace("merge", "create"), &[]),
    ] {
        let files = [
            ("k/kustomization.yaml", root),
            ("k/s.yaml", SECRETS),
            ("k/c.yaml", CM),
            ("k/web.yaml", WEB),
            ("k/enc.yaml", enc),
            ("other/kustomization.yaml", "resources: [c.yaml]\nnamePrefix: other-\n"),
            ("other/c.yaml", CM),
        ];
        let ids = [
            "ConfigMap/default/c",
            "ConfigMap/default/other-c",
            "Deployment/default/web",
            "Secret/default/s",
            "Secret/default/t",
        ];
        let expected = ids.iter().enumerate().map(|(at, id)| match changed_at.contains(&at) {
            true => changed(id),
            false => (*id).to_owned(),
        });
        let expected: Vec<String> = expected.collect();
        assert_eq!(Case { files: &files, missing, there: &there }.rest(), expected, "{missing} {enc}");
    }
}

/// What is beside a kustomization cannot be changed by a generator of it; plug-ins in a folder are read like others.
#[test]
fn generator_affects_only_its_own_kustomization() {
    let ksops = "apiVersion: viaduct.ai/v1\nkind: ksops\nmetadata: {name: x}\nfiles: [enc.yaml]\n";
    let builtin = "apiVersion: builtin\nkind: SecretGenerator\nmetadata: {name: s}\nbehavior: merge\nliterals: [k=v]\noptions: {disableNameSuffixHash: true}\n";
    let enc = "apiVersion: v1\nkind: Secret\nmetadata: {name: s, annotations: {kustomize.config.k8s.io/behavior: merge}}\n";
    let files = [
        ("k/kustomization.yaml", "resources: [a, b]\n"),
        ("k/a/kustomization.yaml", "resources: [s.yaml]\ngenerators: [PART]\nnamePrefix: a-\n"),
        ("k/a/s.yaml", SECRETS),
        ("k/a/enc.yaml", enc),
        ("k/a/ksops/kustomization.yaml", "resources: [x.yaml]\n"),
        ("k/a/ksops/x.yaml", ksops),
        ("k/a/builtin/kustomization.yaml", "resources: [x.yaml]\n"),
        ("k/a/builtin/x.yaml", builtin),
        ("k/b/kustomization.yaml", "resources: [s.yaml]\n"),
        ("k/b/s.yaml", SECRETS),
    ];
    let case = Case { files: &files, missing: "ksops", there: "builtin" };
    let expected =
        [&changed("Secret/default/a-s"), "Secret/default/a-t", "Secret/default/s", "Secret/default/t"];
    assert_eq!(case.rest(), expected);
}

/// A generator that changes an object of the missing part is left out with it.
#[test]
fn generator_of_missing_object_left_out() {
    let root = "resources: [c.yaml, 'PART']\nsecretGenerator: [{name: far, behavior: merge, literals: [k=v]}]\nconfigMapGenerator: [{name: c, behavior: merge, literals: [k=v]}]\ngeneratorOptions: {disableNameSuffixHash: true}\n";
    let far = "apiVersion: v1\nkind: Secret\nmetadata: {name: far}\ndata: {a: eA==}\n";
    let files = [
        ("k/kustomization.yaml", root),
        ("k/c.yaml", CM),
        ("far/kustomization.yaml", "resources: [far.yaml]\n"),
        ("far/far.yaml", far),
    ];
    assert_eq!(beside_far(&files).rest(), ["ConfigMap/default/c"]);
}

/// Kustomize writes name and namespace of what is referred to where it is in the build.
#[test]
fn reference_to_missing_part_not_compared() {
    let far = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: far}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: far}\nspec: {ports: []}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\n";
    let binding = |kind: &str, subject: &str| {
        format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nmetadata: {{name: b}}\nroleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: r}}\nsubjects:\n- {{kind: User, name: alice}}\n- {subject}\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: r}}\nrules: []\n---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: near, namespace: away}}\n"
        )
    };
    let webhook = "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\nmetadata: {name: h}\nwebhooks: [{name: a.b.c, clientConfig: {service: {name: far, path: /x}}}]\n";
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: shop}\nspec: {volumes: [{name: v, secret: {secretName: s}}], containers: []}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: away}\n";
    let subject = "/subjects/1/name /subjects/1/namespace";
    for (text, expected) in [
        (binding("ClusterRoleBinding", "{kind: ServiceAccount, name: far}"), format!("ClusterRoleBinding/b {subject}")),
        (binding("RoleBinding", "{kind: ServiceAccount, name: far}"), format!("RoleBinding/default/b {subject}")),
        (binding("RoleBinding", "{kind: ServiceAccount, name: far, namespace: shop}"), format!("RoleBinding/default/b {subject}")),
        (binding("RoleBinding", "{kind: ServiceAccount, name: near}"), "RoleBinding/default/b".to_owned()),
        (webhook.to_owned(), "ValidatingWebhookConfiguration/h /webhooks/0/clientConfig/service/name /webhooks/0/clientConfig/service/namespace".to_owned()),
        (pod.to_owned(), "Pod/shop/p /spec/volumes/0/secret/secretName".to_owned()),
    ] {
        let files = [
            ("k/kustomization.yaml", "resources: [x.yaml, 'PART']\n"),
            ("k/x.yaml", text.as_str()),
            ("far/kustomization.yaml", "resources: [far.yaml]\nnamespace: shop\nnamePrefix: p-\n"),
            ("far/far.yaml", far),
        ];
        let rest = beside_far(&files).rest();
        assert!(rest.contains(&expected), "{expected}: {rest:?}");
    }
}

/// Of a replacement with a source that is missing, only the fields that it fills are not compared.
#[test]
fn replacement_from_missing_source_not_compared() {
    let far = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: far}\ndata: {image: 'far:2', n: '5'}\n";
    let entry = |source: &str, targets: &str| format!("source: {{{source}}}\n  targets: [{targets}]");
    let image =
        "{select: {kind: Deployment}, fieldPaths: ['spec.template.spec.containers.[name=web].image']}";
    let replicas = "{select: {name: web}, reject: [{kind: ConfigMap}], fieldPaths: [spec.replicas]}";
    let tag = "{select: {kind: Deployment}, fieldPaths: ['spec.template.spec.containers.*.image'], options: {delimiter: ':', index: 1}}";
    let label = "{select: {kind: ConfigMap}, fieldPaths: [metadata.labels.new], options: {create: true}}";
    let own = entry(
        "kind: ConfigMap, name: c, fieldPath: data.a",
        "{select: {kind: Deployment}, fieldPaths: [metadata.labels.a], options: {create: true}}",
    );
    let at_image = "/spec/template/spec/containers/0/image";
    for (replacement, web, cm) in [
        (entry("kind: ConfigMap, name: far, fieldPath: data.image", image), at_image, ""),
        (
            entry("name: far, fieldPath: data.n", &format!("{replicas}, {label}")),
            "/spec/replicas",
            "/metadata/labels/new",
        ),
        (entry("version: v1, kind: ConfigMap, name: far, fieldPath: data.n", tag), at_image, ""),
    ] {
        let inline = format!("- {own}\n- {replacement}\n");
        for by_path in [false, true] {
            let entries = if by_path { "- path: r.yaml\n".to_owned() } else { inline.clone() };
            let root = format!("resources: [web.yaml, c.yaml, 'PART']\nreplacements:\n{entries}");
            let files = [
                ("k/kustomization.yaml", root.as_str()),
                ("k/r.yaml", &inline),
                ("k/web.yaml", WEB),
                ("k/c.yaml", CM),
                ("far/kustomization.yaml", "resources: [far.yaml]\n"),
                ("far/far.yaml", far),
            ];
            let secret = "/spec/template/spec/containers/0/envFrom/1/secretRef/name";
            let mut of_web = [web, secret];
            of_web.sort_unstable();
            let line = |id: &str, places: &str| format!("{id} {places}").trim_end().to_owned();
            let expected =
                [line("ConfigMap/default/c", cm), line("Deployment/default/web", &of_web.join(" "))];
            assert_eq!(beside_far(&files).rest(), expected, "{root}");
        }
    }
}

/// A source that a generator would have changed has another value than the rest of it.
#[test]
fn replacement_from_changed_object_not_compared() {
    let root = "resources: [web.yaml, c.yaml, s.yaml]\nconfigMapGenerator: [{name: c, behavior: merge, PART}]\ngeneratorOptions: {disableNameSuffixHash: true}\nreplacements:\n- source: {kind: ConfigMap, name: c, fieldPath: data.a}\n  targets: [{select: {kind: Deployment}, fieldPaths: [metadata.labels.a], options: {create: true}}]\n";
    let files =
        [("k/kustomization.yaml", root), ("k/web.yaml", WEB), ("k/c.yaml", CM), ("k/s.yaml", SECRETS)];
    let case = Case { files: &files, missing: "envs: ['https://example.com/e']", there: "literals: [a=new]" };
    let expected = [
        &changed("ConfigMap/default/c"),
        "Deployment/default/web /metadata/labels/a",
        "Secret/default/s",
        "Secret/default/t",
    ];
    assert_eq!(case.rest(), expected);
}

const THING: &str = "apiVersion: monitoring.example.com/v1\nkind: Monitor\nmetadata: {name: thing}\nspec: {far: far, own: c, image: 'nginx:1', ns: a, labels: {x: y}, hook: {name: c, namespace: old}, items: [{name: c}], n: 1}\n";

/// Configurations of a base hold for what is above it: a base that is missing may have some.
#[test]
fn fields_of_missing_configuration_not_compared() {
    let paths = |key: &str, path: &str| format!("{key}: [{{kind: Monitor, path: {path}, create: true}}]\n");
    let reference = "nameReference:\n- {kind: ConfigMap, fieldSpecs: [{kind: Monitor, path: spec/own}]}\n";
    let own = "Monitor/default/thing";
    for (configuration, says, expected) in [
        (
            reference.to_owned(),
            "namePrefix: p-",
            "Monitor/default/p-thing /spec/hook/name /spec/own".to_owned(),
        ),
        (paths("images", "spec/image"), "images: [{name: nginx, newTag: '2'}]", format!("{own} /spec/image")),
        (paths("commonLabels", "spec/labels"), "commonLabels: {new: l}", format!("{own} /spec/labels/new")),
        (paths("commonLabels", "spec/labels"), "commonLabels: {x: l}", format!("{own} /spec/labels/x")),
        (
            paths("namespace", "spec/hook/namespace"),
            "namespace: shop",
            "Monitor/shop/thing /spec/hook/namespace".to_owned(),
        ),
        (
            paths("replicas", "spec/replicas"),
            "replicas: [{name: thing, count: 3}]",
            format!("{own} /spec/replicas"),
        ),
        (String::new(), "namespace: default", format!("{own} /spec/hook/namespace")),
        (String::new(), "labels: [{pairs: {new: l}}]", own.to_owned()),
    ] {
        let root = format!("resources: [middle, x.yaml]\n{says}\n");
        let files = [
            ("k/kustomization.yaml", root.as_str()),
            ("k/x.yaml", THING),
            ("k/middle/kustomization.yaml", "resources: [c.yaml, 'PART']\n"),
            ("k/middle/c.yaml", CM),
            ("k/far/kustomization.yaml", "resources: [far.yaml]\nconfigurations: [conf.yaml]\n"),
            ("k/far/far.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: far}\n"),
            ("k/far/conf.yaml", &configuration),
        ];
        let rest = beside_far(&files).rest();
        assert!(rest.contains(&expected), "{says}: {rest:?}");
    }
}

/// A manifest from elsewhere, and a base that is not below, bring no configurations.
#[test]
fn parts_without_configurations_hide_no_fields() {
    let file = "https://example.com/x.yaml";
    for (root, part) in [
        ("resources: [x.yaml, c.yaml, 'PART']\nimages: [{name: nginx, newTag: '2'}]\n", file),
        ("resources: [x.yaml, c.yaml, other, third]\n", REMOTE),
    ] {
        let files = [
            ("k/kustomization.yaml", root),
            ("k/x.yaml", THING),
            ("k/c.yaml", CM),
            ("k/other/kustomization.yaml", "images: [{name: nginx, newTag: '2'}]\n"),
            ("k/third/kustomization.yaml", "resources: ['PART']\n"),
            ("far/kustomization.yaml", "resources: [far.yaml]\n"),
            ("far/far.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: far}\n"),
        ];
        let there = if root.contains("other") { "../../far" } else { FAR };
        let rest = Case { files: &files, missing: part, there }.rest();
        assert!(rest.contains(&"Monitor/default/thing".to_owned()), "{rest:?}");
    }
}

/// The configurations of the rest itself tell where names stand, also those of what is missing.
#[test]
fn configured_name_reference_not_compared() {
    let root = "resources: [x.yaml, c.yaml, 'PART']\nconfigurations: [conf.yaml]\n";
    let far = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: far}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: other}\nspec: {ports: []}\n";
    let reference = |path: &str, kind: &str| {
        format!(
            "- {{kind: {kind}, fieldSpecs: [{{kind: Monitor, path: {path}}}, {{kind: Deployment, path: spec/ns}}]}}\n"
        )
    };
    let thing = "Monitor/default/thing";
    for (references, expected) in [
        (reference("spec/far", "ConfigMap"), format!("{thing} /spec/far")),
        (reference("spec/own", "ConfigMap"), thing.to_owned()),
        (reference("spec/hook", "ConfigMap"), thing.to_owned()),
        (
            reference("spec/far", "ConfigMap") + &reference("spec/map", "Service"),
            format!("{thing} /spec/far /spec/map/name /spec/map/namespace"),
        ),
    ] {
        let configuration = format!("nameReference:\n{references}");
        let thing = THING.replace("n: 1", "n: 1, map: {name: other}");
        let files = [
            ("k/kustomization.yaml", root),
            ("k/x.yaml", thing.as_str()),
            ("k/c.yaml", CM),
            ("k/conf.yaml", &configuration),
            ("far/kustomization.yaml", "resources: [far.yaml]\nnamePrefix: p-\nnamespace: default\n"),
            ("far/far.yaml", far),
        ];
        let rest = beside_far(&files).rest();
        assert!(rest.contains(&expected), "{expected}: {rest:?}");
    }
}

/// A file that Git does not hold is not read for what it says either.
#[test]
fn replacements_in_unread_files_are_left_out() {
    let root = format!(
        "resources: [web.yaml, '{REMOTE}']\nreplacements:\n- path: ../.git/r.yaml\n- source: {{name: far}}\n  targets: [{{select: {{kind: Deployment}}, fieldPaths: [spec.replicas]}}]\n"
    );
    let hidden = "source: {name: far}\ntargets: [{select: {kind: Deployment}, fieldPaths: [metadata.labels.leaked], options: {create: true}}]\n";
    let files = [("k/kustomization.yaml", root.as_str()), (".git/r.yaml", hidden), ("k/web.yaml", WEB)];
    let tree = Tree::new(&files);
    for (name, tools) in kustomizes() {
        let rendered = tree.render(&tools, &[source("k")]);
        assert!(!told(&rendered).concat().contains("leaked"), "{name}: {:?}", told(&rendered));
        assert!(
            rendered.incomplete.len() > 1 && rendered.objects.is_empty(),
            "{name}: {:?}",
            told(&rendered)
        );
    }
}
