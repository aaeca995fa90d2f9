//! One entry of a Kustomize root that is not rendered hides itself, or what it may change, and nothing else.

use drift::source::RenderOutput;

use crate::source::{Tree, ids, kustomizes, source};

/// Files that the trees below share; `local` declares a ConfigMap `local` and a Deployment `web`.
const SHARED: [(&str, &str); 4] = [
    ("local/cm.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: local}\ndata: {a: x}\n"),
    (
        "local/web.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  template:\n    spec:\n      containers:\n      - name: web\n        envFrom: [{configMapRef: {name: local}}, {configMapRef: {name: remote}}]\n",
    ),
    ("local/kustomization.yaml", "resources: [cm.yaml, web.yaml]\n"),
    ("ksops.yaml", "apiVersion: viaduct.ai/v1\nkind: ksops\nmetadata: {name: x}\nfiles: [s.enc.yaml]\n"),
];

/// What a tree renders, line by line: objects with the place of each name that is not compared, then what is missing.
fn rendered(files: &[(&str, &str)]) -> Vec<String> {
    let tree = Tree::new(&[&SHARED[..], files].concat());
    let [first, second] = kustomizes().map(|(_, tools)| told(&tree.render(&tools, &[source("k")])));
    let without_label = |lines: &[String]| lines.join("\n").replace("failed: error:", "failed:");
    assert_eq!(without_label(&first), without_label(&second), "kustomize and kubectl");
    first
}

pub(crate) fn told(rendered: &RenderOutput) -> Vec<String> {
    let uncertain = rendered.objects.iter().map(|object| object.nondeterministic.join(" "));
    let objects = ids(rendered).into_iter().zip(uncertain);
    let objects = objects.map(|(id, uncertain)| format!("{id} {uncertain}").trim_end().to_owned());
    let missing = rendered.incomplete.iter().map(|missing| format!("{}: {}", missing.what, missing.why));
    objects.chain(missing).collect()
}

pub(crate) const REMOTE: &str = "https://github.com/acme/x//base?ref=v1";
/// What two of the objects come out as, where `remote` is not known.
const BOTH: [&str; 2] = [
    "ConfigMap/default/local",
    "Deployment/default/web /spec/template/spec/containers/0/envFrom/1/configMapRef/name",
];

fn both_and(missing: String) -> Vec<String> {
    BOTH.map(str::to_owned).into_iter().chain([missing]).collect()
}

fn network(place: &str, entry: &str) -> String {
    format!(
        "{place}: `{entry}` would be fetched from the network, which drift does not allow: keep a copy in the repository"
    )
}

fn plugin(place: &str) -> String {
    format!("{place}: ksops.yaml: it asks for KSOPS to decrypt files of SOPS, and drift runs no plug-ins")
}

fn chart(place: &str) -> String {
    format!(
        "{place}: kustomize would run helm (helmCharts), which drift does not allow; make the chart a source of its own"
    )
}

/// An address in an entry that may hold a value.
fn hidden(place: &str) -> String {
    network(place, "").replace("``", "what stands here")
}

#[test]
fn what_only_adds_hides_itself() {
    for (root, place) in [
        ("resources:\n- ../local\n- https://github.com/acme/x//base?ref=v1\n", "3:3"),
        ("resources:\n- https://github.com/acme/x//base?ref=v1\n- ../local\n", "2:3"),
        ("bases: ['https://github.com/acme/x//base?ref=v1']\nresources: [../local]\n", "1:9"),
    ] {
        let expected = both_and(network(&format!("k/kustomization.yaml:{place}"), REMOTE));
        assert_eq!(rendered(&[("k/kustomization.yaml", root)]), expected, "{root}");
    }
    // JSON too is read as YAML: the last of equal keys counts.
    let root = format!(r#"{{"resources": ["nowhere.yaml"], "resources": ["../local", "{REMOTE}"]}}"#);
    let expected = both_and(network("k/kustomization.yaml:1:59", REMOTE));
    assert_eq!(rendered(&[("k/kustomization.yaml", &root)]), expected);
    let root = "resources: [../local]\ngenerators: [../ksops.yaml]\n";
    let expected = both_and(plugin("k/kustomization.yaml:2:14"));
    assert_eq!(rendered(&[("k/kustomization.yaml", root)]), expected);
    let root = "resources: [../local]\nvalidators: [../ksops.yaml]\n";
    let expected = both_and(plugin("k/kustomization.yaml:2:14"));
    assert_eq!(rendered(&[("k/kustomization.yaml", root)]), expected);
    let root = "resources: [../local]\nhelmCharts:\n- {name: redis, repo: 'https://charts.example.org'}\n";
    let expected = both_and(chart("k/kustomization.yaml:3:10"));
    assert_eq!(rendered(&[("k/kustomization.yaml", root)]), expected);
    let root = "resources: [../local]\nsecretGenerator:\n- {name: s, files: ['a=https://example.com/s']}\n- {name: t, literals: [a=b]}\noptions: {}\n";
    let root = root.replace("options: {}\n", "generatorOptions: {disableNameSuffixHash: true}\n");
    let missing = hidden("k/kustomization.yaml:3:21");
    assert_eq!(
        rendered(&[("k/kustomization.yaml", &root)]),
        [BOTH[0], "Secret/default/t", BOTH[1], &missing]
    );
}

#[test]
fn a_refused_entry_deep_below_hides_itself() {
    let expected = both_and(network("base/kustomization.yaml:1:23", REMOTE));
    let base = format!("resources: [../local, '{REMOTE}']\n");
    for root in ["resources: [../base]\nnameSuffix: ''\n", "components: [../c]\nresources: [../base]\n"] {
        let files = [
            ("k/kustomization.yaml", root),
            ("base/kustomization.yaml", &base),
            ("c/kustomization.yaml", "kind: Component\napiVersion: kustomize.config.k8s.io/v1alpha1\n"),
        ];
        assert_eq!(rendered(&files), expected, "{root}");
    }
}

#[test]
fn missing_transformer_hides_what_it_may_change() {
    let component = format!("resources: [../local]\ncomponents: ['{REMOTE}']\n");
    let entry = |place: &str| network(place, REMOTE);
    // All of the root itself.
    for (root, missing) in [
        (component.as_str(), entry("k/kustomization.yaml:2:14")),
        ("resources: [../local]\ntransformers: [../ksops.yaml]\n", plugin("k/kustomization.yaml:2:16")),
        (
            "resources: [../local]\npatches: [{path: 'https://example.com/p.yaml'}]\n",
            hidden("k/kustomization.yaml:2:18"),
        ),
    ] {
        assert_eq!(rendered(&[("k/kustomization.yaml", root)]), [missing], "{root}");
    }
    // Or of the base that has it, and the rest is rendered.
    let root = "resources: [../local, ../base]\n";
    let base = format!("resources: [other.yaml]\ncomponents: ['{REMOTE}']\n");
    let files = [
        ("k/kustomization.yaml", root),
        ("base/kustomization.yaml", &base),
        ("base/other.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}\n"),
    ];
    assert_eq!(rendered(&files), both_and(entry("base/kustomization.yaml:2:14")));
}

#[test]
fn changes_to_missing_objects_are_left_out() {
    let root = format!(
        "resources: [../local, '{REMOTE}']\nnamePrefix: p-\nreplicas: [{{name: far, count: 2}}, {{name: web, count: 3}}]\npatches:\n- patch: '{{apiVersion: v1, kind: Secret, metadata: {{name: far}}, data: {{a: eA==}}}}'\n- patch: '{{apiVersion: v1, kind: ConfigMap, metadata: {{name: local}}, data: {{b: y}}}}'\npatchesStrategicMerge: [far.yaml]\n"
    );
    let far = "apiVersion: v1\nkind: Service\nmetadata: {name: far}\nspec: {ports: []}\n";
    let files = [("k/kustomization.yaml", root.as_str()), ("k/far.yaml", far)];
    let expected = [
        "ConfigMap/default/p-local",
        "Deployment/default/p-web /spec/template/spec/containers/0/envFrom/1/configMapRef/name",
        &network("k/kustomization.yaml:1:23", REMOTE),
    ];
    assert_eq!(rendered(&files), expected);
    let tree = Tree::new(&[&SHARED[..], &files].concat());
    for (name, tools) in kustomizes() {
        let rendered = tree.render(&tools, &[source("k")]);
        let [local, web] = &rendered.objects[..] else { panic!("{name}") };
        assert_eq!(web.value["spec"]["replicas"], 3, "{name}");
        assert_eq!(local.value["data"], serde_json::json!({"a": "x", "b": "y"}), "{name}");
    }
}

#[test]
fn address_not_loaded_hides_nothing() {
    let cm = SHARED[0].1;
    for (root, at) in [
        (
            "resources: [local]\nconfigMapGenerator: [{name: g, literals: ['u=https://example.com']}]\ngeneratorOptions: {disableNameSuffixHash: true}\n",
            "k/local",
        ),
        ("resources: [local]\ncommonAnnotations: {docs: 'https://example.com/x?ref=v1'}\n", "k/local"),
        ("resources: [local]\nnamespace: default\nlabels: [{pairs: {a: git@example.com}}]\n", "k/local"),
        (
            "resources: [local]\npatches:\n- target: {kind: ConfigMap}\n  patch: '[{\"op\": \"add\", \"path\": \"/data/u\", \"value\": \"https://example.com\"}]'\n",
            "k/local",
        ),
        (
            "resources: [local]\npatchesStrategicMerge:\n- '{apiVersion: v1, kind: ConfigMap, metadata: {name: local}, data: {u: \"https://example.com\"}}'\n",
            "k/local",
        ),
        ("resources: ['web@v2']\n", "k/web@v2"),
        ("resources: ['git@x/y']\n", "k/git@x/y"),
        ("resources: ['a?ref=v1']\n", "k/a?ref=v1"),
        ("resources: [local]\n---\nresources: ['https://example.com/x.yaml']\n", "k/local"),
        ("resources: ['https://example.com/x.yaml']\nresources: [local]\n", "k/local"),
        (r#"{"resources": ["https://example.com/x.yaml"], "resources": ["local"]}"#, "k/local"),
        (
            r#"{"namePrefix": "a-", "resources": ["local"], "commonAnnotations": {"a": "b", "a": "c"}, "namePrefix": ""}"#,
            "k/local",
        ),
        (
            "{\n\t\"images\": [{\"name\": \"x\", \"name\": \"y\"}],\n\t\"resources\": [\"local\"]\n}\n",
            "k/local",
        ),
        ("helmGlobals: {chartHome: charts}\nresources: [local]\n", "k/local"),
        ("helmCharts: []\nresources: [local]\n", "k/local"),
    ] {
        let base = format!("{at}/kustomization.yaml");
        let file = format!("{at}/cm.yaml");
        let files = [("k/kustomization.yaml", root), (&base, "resources: [cm.yaml]\n"), (&file, cm)];
        let rendered = rendered(&files);
        assert!(rendered.iter().any(|line| line == "ConfigMap/default/local"), "{root}: {rendered:?}");
        assert!(rendered.iter().all(|line| line.starts_with("ConfigMap/")), "{root}: {rendered:?}");
    }
}

#[test]
fn entry_kustomize_rejects_hides_root() {
    for (root, why) in [
        ("resources: [../local, nowhere.yaml]\n", "k/kustomization.yaml:1:23: `nowhere.yaml` does not exist"),
        (
            "resources: [../local, git.example.com/acme/x]\n",
            "k/kustomization.yaml:1:23: `git.example.com/acme/x` does not exist",
        ),
        (
            "resources: [../local, ..]\n",
            "k/kustomization.yaml:1:23: `..` is a folder without a kustomization.yaml",
        ),
    ] {
        assert_eq!(rendered(&[("k/kustomization.yaml", root)]), [why], "{root}");
    }
}

#[test]
fn too_deeply_nested_bases_hide_their_root() {
    let names: Vec<String> = (0..400).map(|at| format!("d{at}/kustomization.yaml")).collect();
    let texts: Vec<String> = (0..400).map(|at| format!("resources: [../d{}]\n", at + 1)).collect();
    let mut files: Vec<(&str, &str)> =
        names.iter().map(String::as_str).zip(texts.iter().map(String::as_str)).collect();
    files.push(("k/kustomization.yaml", "resources: [../d0]\n"));
    let rendered = rendered(&files);
    assert!(rendered.len() == 1 && rendered[0].contains("one through the other"), "{rendered:?}");
}

/// A name is another object's of another kind: what it refers to is still not rendered.
#[test]
fn reference_compared_only_if_kind_rendered() {
    let web = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  serviceAccountName: web\n  volumes:\n  - {name: v, configMap: {name: web}}\n  - {name: w, persistentVolumeClaim: {claimName: web}}\n  containers: [{name: web, image: web}]\n";
    let root = format!("resources: [web.yaml, sa.yaml, '{REMOTE}']\n");
    let files = [
        ("k/kustomization.yaml", root.as_str()),
        (
            "k/web.yaml",
            &web.replace("kind: Pod", "kind: Monitor")
                .replace("apiVersion: v1", "apiVersion: monitoring.example.com/v1"),
        ),
        ("k/sa.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: web}\n"),
    ];
    let expected = "Monitor/default/web /spec/serviceAccountName /spec/volumes/0/configMap/name /spec/volumes/1/persistentVolumeClaim/claimName";
    assert!(rendered(&files).contains(&expected.to_owned()), "{:?}", rendered(&files));
}
