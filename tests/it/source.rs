//! Rendering with the real helm (both majors in use), kustomize and kubectl: what they give, and what hostile
//! repositories get from them.

#![allow(clippy::unwrap_used, reason = "a step of a test's own set-up that fails is the test's failure")]

use std::fs;
use std::io::Read as _;
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use drift::config::{HelmOptions, Source};
use drift::model::{ApiResource, ApiResources, Desired};
use drift::source::{RenderOutput, RenderRequest, SourceKind, Tools, render};

use crate::support::parts::program;

/// A tree in a temporary folder, with a folder `outside` beside it.
pub(crate) struct Tree {
    folder: tempfile::TempDir,
}

impl Tree {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let tree = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        fs::create_dir(tree.root()).unwrap();
        fs::create_dir(tree.outside()).unwrap();
        for (name, content) in files {
            tree.write(name, content);
        }
        tree
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("tree")
    }

    fn outside(&self) -> PathBuf {
        self.folder.path().join("outside")
    }

    fn write(&self, name: &str, content: &str) {
        let path = self.root().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn link(&self, target: impl AsRef<Path>, name: &str) {
        symlink(target, self.root().join(name)).unwrap();
    }

    pub(crate) fn render(&self, tools: &Tools, sources: &[Source]) -> RenderOutput {
        let served = served();
        let root = self.root();
        let before = listing(&root);
        let rendered = render(&RenderRequest {
            tree: &root,
            files: None,
            sources,
            served: &served,
            tools,
            default_namespace: "default",
        });
        assert_eq!(listing(&root), before, "rendering wrote into the tree");
        rendered
    }
}

fn listing(folder: &Path) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let metadata = path.symlink_metadata().unwrap();
            if metadata.is_dir() {
                folders.push(path.clone());
            }
            found.push((path, metadata.len()));
        }
    }
    found.sort();
    found
}

/// What the cluster of these tests serves.
pub(crate) fn served() -> ApiResources {
    let kinds = [
        ("", "v1", "ConfigMap", true),
        ("", "v1", "Namespace", false),
        ("", "v1", "Pod", true),
        ("", "v1", "Secret", true),
        ("", "v1", "Service", true),
        ("", "v1", "ServiceAccount", true),
        ("admissionregistration.k8s.io", "v1", "ValidatingWebhookConfiguration", false),
        ("apiextensions.k8s.io", "v1", "CustomResourceDefinition", false),
        ("apps", "v1", "Deployment", true),
        ("batch", "v1", "Job", true),
        ("monitoring.example.com", "v1", "Monitor", true),
        ("rbac.authorization.k8s.io", "v1", "ClusterRole", false),
        ("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", false),
        ("rbac.authorization.k8s.io", "v1", "RoleBinding", true),
    ];
    let kinds = kinds.map(|(group, version, kind, namespaced)| ApiResource {
        group: group.to_owned(),
        version: version.to_owned(),
        kind: kind.to_owned(),
        plural: format!("{}s", kind.to_lowercase()),
        namespaced,
        supports_list: true,
    });
    ApiResources { version: "v1.36.2".to_owned(), kinds: kinds.to_vec() }
}

/// Helm 4 and helm 3, by name.
pub(crate) fn helms() -> [(&'static str, Tools); 2] {
    [("helm", "v4."), ("helm3", "v3.")]
        .map(|(part, major)| (major, Tools::from_paths(Some(program(part, "helm")), None, None)))
}

/// Kustomize, alone and inside kubectl.
pub(crate) fn kustomizes() -> [(&'static str, Tools); 2] {
    [
        ("kustomize", Tools::from_paths(None, Some(program("kustomize", "kustomize")), None)),
        ("kubectl", Tools::from_paths(None, None, Some(program("kubectl", "kubectl")))),
    ]
}

fn kustomize() -> Tools {
    Tools::from_paths(None, Some(program("kustomize", "kustomize")), None)
}

pub(crate) fn source(path: &str) -> Source {
    Source { path: path.to_owned(), ..Source::default() }
}

pub(crate) fn chart(path: &str, release: Option<&str>, values: &[&str]) -> Source {
    let values = values.iter().map(|file| (*file).to_owned()).collect();
    let helm = HelmOptions { release: release.map(str::to_owned), values, ..HelmOptions::default() };
    Source { helm: Some(helm), namespace: Some("shop".to_owned()), ..source(path) }
}

pub(crate) fn object<'a>(rendered: &'a RenderOutput, id: &str) -> &'a Desired {
    let found = rendered.objects.iter().find(|object| object.id.to_string() == id);
    found.unwrap_or_else(|| panic!("{id} is not among {:?}, {:?}", ids(rendered), rendered.incomplete))
}

pub(crate) fn ids(rendered: &RenderOutput) -> Vec<String> {
    rendered.objects.iter().map(|object| object.id.to_string()).collect()
}

/// The one reason why something is incomplete; nothing was rendered.
fn refused(rendered: &RenderOutput) -> (&str, &str) {
    assert!(rendered.objects.is_empty(), "{:?}", ids(rendered));
    assert_eq!(rendered.incomplete.len(), 1, "{:?}", rendered.incomplete);
    assert!(!rendered.sources[0].is_complete());
    (&rendered.incomplete[0].what, &rendered.incomplete[0].why)
}

/// A server on loopback that nobody may call.
pub(crate) struct Trap {
    port: u16,
    calls: Arc<AtomicUsize>,
}

impl Trap {
    pub(crate) fn set() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        thread::spawn(move || {
            for stream in listener.incoming() {
                counted.fetch_add(1, Ordering::SeqCst);
                if let Ok(mut stream) = stream {
                    let _ = stream.set_read_timeout(Some(Duration::from_millis(100)));
                    let _ = stream.read(&mut [0; 1024]);
                }
            }
        });
        Self { port, calls }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    pub(crate) fn assert_untouched(&self) {
        assert_eq!(self.calls.load(Ordering::SeqCst), 0, "the renderer called {}", self.url(""));
    }
}

pub(crate) const CHART: &str = "apiVersion: v2\nname: web\nversion: 1.2.3\n";
const CONFIG: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: config\n";

#[test]
fn chart_rendered_with_configured_inputs() {
    let tree = Tree::new(&[
        ("charts/web/Chart.yaml", CHART),
        ("charts/web/values.yaml", "replicas: 1\nimage: nginx\n"),
        ("charts/web/values-prod.yaml", "replicas: 3\n"),
        ("env/a, \"b\".yaml", "image: caddy\n"),
        (
            "charts/web/templates/deploy.yaml",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {{ .Release.Name }}\n  namespace: {{ .Release.Namespace }}\nspec:\n  replicas: {{ .Values.replicas }}\n  image: {{ .Values.image }}\n  kube: {{ .Capabilities.KubeVersion.Version }}\n",
        ),
        (
            "charts/web/templates/monitor.yaml",
            "{{- if .Capabilities.APIVersions.Has \"monitoring.example.com/v1/Monitor\" }}\napiVersion: monitoring.example.com/v1\nkind: Monitor\nmetadata: {name: web}\n{{- end }}\n",
        ),
        (
            "charts/web/templates/other.yaml",
            "{{- if .Capabilities.APIVersions.Has \"other.example.com/v1\" }}\nnot: rendered\n{{- end }}\n",
        ),
        (
            "charts/web/templates/hook.yaml",
            "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: migrate\n  annotations: {helm.sh/hook: pre-upgrade}\n",
        ),
        (
            "charts/web/templates/tests/test.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: test\n  annotations: {helm.sh/hook: test}\n",
        ),
        (
            "charts/web/crds/x.yaml",
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: a.example.com}\n---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: b.example.com}\n",
        ),
        ("charts/web/charts/sub/Chart.yaml", "apiVersion: v2\nname: sub\nversion: 1.0.0\n"),
        ("charts/web/charts/sub/templates/config.yaml", CONFIG),
    ]);
    let sources = [chart("charts/web", None, &["values-prod.yaml", "../../env/a, \"b\".yaml"])];
    for (version, tools) in helms() {
        let rendered = tree.render(&tools, &sources);
        assert!(rendered.incomplete.is_empty(), "{version}: {:?}", rendered.incomplete);
        assert_eq!(
            ids(&rendered),
            [
                "ConfigMap/shop/config",
                "CustomResourceDefinition/a.example.com",
                "CustomResourceDefinition/b.example.com",
                "Deployment/shop/web",
                "Monitor/shop/web",
            ],
            "{version}"
        );
        let deployment = object(&rendered, "Deployment/shop/web");
        assert_eq!(deployment.value["spec"]["replicas"], 3);
        assert_eq!(deployment.value["spec"]["image"], "caddy");
        assert_eq!(deployment.value["spec"]["kube"], "v1.36.2");
        assert_eq!(deployment.origin.file, "charts/web/templates/deploy.yaml");
        assert!(
            deployment.nondeterministic.is_empty()
                && deployment.notes.is_empty()
                && !deployment.provenance.is_document()
        );
        assert_eq!(
            object(&rendered, "ConfigMap/shop/config").origin.file,
            "charts/web/charts/sub/templates/config.yaml"
        );
        let crd = object(&rendered, "CustomResourceDefinition/b.example.com");
        assert_eq!(crd.origin.file, "charts/web/crds/x.yaml");
        assert_eq!(rendered.warnings, ["2 hooks are not compared in charts/web: hooks come and go"]);
        let told = &rendered.sources[0];
        assert_eq!((told.kind, told.is_complete(), told.objects), (SourceKind::Helm, true, 5));
        assert!(told.tool.as_ref().unwrap().starts_with(&format!("helm {version}")), "{told:?}");
    }
}

#[test]
fn release_name_from_configuration_path_or_chart() {
    let named = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\n";
    let tree = Tree::new(&[("Chart.yaml", CHART), ("templates/x.yaml", named)]);
    let nested = Tree::new(&[("a/front/Chart.yaml", CHART), ("a/front/templates/x.yaml", named)]);
    for (_, tools) in helms() {
        assert_eq!(ids(&tree.render(&tools, &[chart(".", None, &[])])), ["ConfigMap/shop/web"]);
        assert_eq!(ids(&nested.render(&tools, &[chart("a/front", None, &[])])), ["ConfigMap/shop/front"]);
        assert_eq!(
            ids(&nested.render(&tools, &[chart("a/front", Some("own"), &[])])),
            ["ConfigMap/shop/own"]
        );
    }
}

#[test]
fn nondeterministic_chart_values_are_marked() {
    let tree = Tree::new(&[
        ("web/Chart.yaml", CHART),
        (
            "web/templates/secret.yaml",
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: token\n  annotations: {a/b: {{ randAlphaNum 8 | quote }}}\ndata:\n  fixed: eA==\n  token: {{ randAlphaNum 20 | b64enc }}\n",
        ),
        (
            "web/templates/config.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: dated\ndata:\n  day: {{ now | date \"2006\" | quote }}\n",
        ),
        (
            "web/templates/named.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x-{{ randAlpha 8 | lower }}\n",
        ),
    ]);
    for (version, tools) in helms() {
        let rendered = tree.render(&tools, &[chart("web", None, &[])]);
        let secret = object(&rendered, "Secret/shop/token");
        assert_eq!(secret.nondeterministic, ["/data/token", "/metadata/annotations/a~1b"], "{version}");
        let dated = object(&rendered, "ConfigMap/shop/dated");
        assert_eq!(dated.nondeterministic, ["/data/day"], "{version}");
        assert_eq!(dated.notes, ["the chart renders the current time, which is not compared: .data.day"]);
        assert_eq!(rendered.incomplete.len(), 1, "{:?}", rendered.incomplete);
        assert_eq!(rendered.incomplete[0].what, "web/templates/named.yaml");
        assert_eq!(rendered.incomplete[0].why, "ConfigMap has a different name in each rendering");
    }
}

#[test]
fn failing_chart_names_template_without_values() {
    let cases = [
        (
            "{{ required \"need hunter2\" .Values.none }}",
            "web/templates/x.yaml:5:8",
            "execution error at (web/templates/x.yaml:5:8): … (what the template itself says with `fail` or `required` \
             stands there)",
        ),
        (
            "{{ .Values.password.b }}",
            "web/templates/x.yaml:5:",
            "at <.Values.password.b>: can't evaluate field",
        ),
        ("{{ nope }}", "web/templates/x.yaml:5", "function … not defined"),
        (
            "{{ .Values.password | atoi | add 1 }}\n bad: {{ .Values.password }}",
            "web/templates/x.yaml",
            "YAML parse error",
        ),
        ("{{ include \"none\" . }}", "web/templates/x.yaml:5:", "no template … associated"),
    ];
    for (template, what, why) in cases {
        let template =
            format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: x}}\nstringData:\n  x: {template}\n");
        let tree = Tree::new(&[
            ("web/Chart.yaml", CHART),
            ("web/values.yaml", "password: hunter2\n"),
            ("web/templates/x.yaml", &template),
        ]);
        for (version, tools) in helms() {
            let rendered = tree.render(&tools, &[chart("web", None, &[])]);
            let found = refused(&rendered);
            assert!(found.0.starts_with(what), "{version}: {found:?}");
            assert!(found.1.starts_with("helm failed: ") && found.1.contains(why), "{version}: {found:?}");
            assert!(!found.1.contains("hunter2") && !found.1.contains("/tmp"), "{version}: {found:?}");
            assert!(!found.1.contains('\n') && !found.1.contains("level="), "{version}: {found:?}");
        }
    }
}

#[test]
fn a_schema_refuses_values_without_showing_them() {
    let tree = Tree::new(&[
        ("web/Chart.yaml", CHART),
        ("web/values.yaml", "password: hunter2\nport: eighty\n"),
        (
            "web/values.schema.json",
            r##"{"$schema": "http://json-schema.org/draft-07/schema#", "$defs": {"p": {"type": "string", "pattern": "^x"}},
             "properties": {"password": {"$ref": "#/$defs/p"}, "port": {"type": "number"}}}"##,
        ),
    ]);
    for (version, tools) in helms() {
        let rendered = tree.render(&tools, &[chart("web", None, &[])]);
        let (what, why) = refused(&rendered);
        assert_eq!(what, "web/Chart.yaml", "{version}");
        assert!(why.contains("at '/port': got string, want number"), "{version}: {why}");
        assert!(
            why.contains("at '/password': … does not match pattern") && !why.contains("hunter2"),
            "{version}: {why}"
        );
    }
}

#[test]
fn a_missing_dependency_says_what_to_do() {
    let chart_file = format!(
        "{CHART}dependencies:\n- {{name: redis, version: 1.x, repository: \"https://charts.example.com\"}}\n"
    );
    let tree = Tree::new(&[("web/Chart.yaml", &chart_file), ("web/templates/x.yaml", CONFIG)]);
    for (version, tools) in helms() {
        let rendered = tree.render(&tools, &[chart("web", None, &[])]);
        let (what, why) = refused(&rendered);
        assert_eq!(what, "web/Chart.yaml", "{version}");
        assert_eq!(
            why,
            "the chart's dependencies are not in its charts/ folder: redis; run `helm dependency build` and commit charts/",
            "{version}"
        );
    }
}

#[test]
fn values_files_must_be_in_repository() {
    let tree = Tree::new(&[("web/Chart.yaml", CHART), ("web/templates/x.yaml", CONFIG)]);
    fs::write(tree.outside().join("v.yaml"), "a: 1\n").unwrap();
    tree.link("../../outside/v.yaml", "web/linked.yaml");
    let trap = Trap::set();
    let url = trap.url("values.yaml");
    let (_, tools) = &helms()[0];
    for (file, why) in [
        (url.as_str(), "it is at an address, and drift fetches nothing"),
        ("missing.yaml", "there is no such file"),
        ("-", "there is no such file"),
        ("../../outside/v.yaml", "it lies outside the repository"),
        ("linked.yaml", "it lies outside the repository"),
        ("/etc/hostname", "it lies outside the repository"),
        ("templates", "it is not a file"),
    ] {
        let rendered = tree.render(tools, &[chart("web", None, &[file])]);
        let found = refused(&rendered);
        assert!(found.0.contains("values file") && found.1.starts_with(why), "{file}: {found:?}");
    }
    trap.assert_untouched();
}

#[test]
fn repository_text_never_becomes_helm_flag() {
    let evil = "#!/bin/sh\ntouch \"$(dirname \"$0\")/ran\"\n";
    let tree = Tree::new(&[
        ("web/Chart.yaml", CHART),
        ("web/templates/x.yaml", CONFIG),
        ("--post-renderer=evil.sh/Chart.yaml", CHART),
        ("--post-renderer=evil.sh/templates/x.yaml", CONFIG),
    ]);
    let script = tree.outside().join("evil.sh");
    fs::write(&script, evil).unwrap();
    let written = tree.outside().join("written");
    let post = format!("--post-renderer={}", script.display());
    let output = format!("--output-dir={}", written.display());
    for (version, tools) in helms() {
        for release in [&post, &output] {
            let source = Source { namespace: Some(release.clone()), ..chart("web", Some(release), &[]) };
            let rendered = tree.render(&tools, &[source]);
            assert!(refused(&rendered).1.contains("release name"), "{version}: {:?}", rendered.incomplete);
        }
        let rendered = tree.render(&tools, &[source("--post-renderer=evil.sh")]);
        assert!(refused(&rendered).1.contains("release name"), "{version}: {:?}", rendered.incomplete);
        let namespace = Source { namespace: Some(output.clone()), ..chart("web", None, &[]) };
        let _namespace_is_data = tree.render(&tools, &[namespace]);
        assert!(!written.exists() && !tree.outside().join("ran").exists(), "{version}");
    }
}

#[test]
fn chart_symlinks_stay_in_repository() {
    let reads = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata:\n  x: {{ .Files.Get \"files/x.txt\" | quote }}\n";
    let tree = Tree::new(&[
        ("web/Chart.yaml", CHART),
        ("web/templates/x.yaml", reads),
        ("shared/files/x.txt", "shared"),
    ]);
    tree.link("../shared/files", "web/files");
    fs::write(tree.outside().join("secret"), "hunter2").unwrap();
    for (version, tools) in helms() {
        let rendered = tree.render(&tools, &[chart("web", None, &[])]);
        assert_eq!(object(&rendered, "ConfigMap/shop/x").value["data"]["x"], "shared", "{version}");
    }
    tree.link("../../../outside/secret", "shared/files/y.txt");
    for (version, tools) in helms() {
        let rendered = tree.render(&tools, &[chart("web", None, &[])]);
        let (what, why) = refused(&rendered);
        assert_eq!(what, "shared/files/y.txt", "{version}");
        assert!(why.starts_with("the link leads out of the repository"), "{version}: {why}");
    }
}

#[test]
fn values_schema_references_reach_nothing() {
    let trap = Trap::set();
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("schema.json");
    fs::write(&fifo, "{\"type\": \"string\"}").unwrap();
    let references = [
        format!(r#"{{"$ref": "{}"}}"#, trap.url("s.json")),
        format!(r#"{{"properties": {{"a": {{"allOf": [{{"$ref": "{}"}}]}}}}}}"#, trap.url("s.json")),
        format!(r#"{{"$schema": "{}"}}"#, trap.url("draft.json")),
        format!(r#"{{"$id": "{}", "$ref": "other.json"}}"#, trap.url("base.json")),
        format!(r#"{{"\u0024ref": "{}"}}"#, trap.url("s.json")),
        // Were it read, the values would be refused: they are no text.
        format!(r#"{{"$ref": "file://{}"}}"#, fifo.display()),
    ];
    for schema in &references {
        let tree = Tree::new(&[
            ("web/Chart.yaml", CHART),
            ("web/charts/sub/Chart.yaml", "apiVersion: v2\nname: sub\nversion: 1.0.0\n"),
            ("web/charts/sub/values.schema.json", schema),
            ("web/templates/x.yaml", CONFIG),
        ]);
        for (version, tools) in helms() {
            let rendered = tree.render(&tools, &[chart("web", None, &[])]);
            assert_eq!(
                ids(&rendered),
                ["ConfigMap/shop/config"],
                "{version} {schema}: {:?}",
                rendered.incomplete
            );
            assert!(
                rendered.warnings[0].contains("values.schema.json"),
                "{version}: {:?}",
                rendered.warnings
            );
        }
    }
    trap.assert_untouched();
}

#[test]
fn a_chart_that_never_ends_is_stopped() {
    let tree = Tree::new(&[
        ("web/Chart.yaml", CHART),
        ("web/templates/x.yaml", "{{ range until 100000000 }}{{ . }}{{ end }}\n"),
    ]);
    let (_, tools) = &helms()[0];
    let started = Instant::now();
    let rendered = tree.render(tools, &[chart("web", None, &[])]);
    assert!(started.elapsed() < Duration::from_secs(40), "{:?}", started.elapsed());
    let (_, why) = refused(&rendered);
    assert!(why.contains("memory") || why.contains("was stopped"), "{why}");
}

#[test]
fn overlay_objects_have_their_source_files() {
    let tree = Tree::new(&[
        ("base/kustomization.yaml", "resources: [deploy.yaml, ../extra]\n"),
        (
            "base/deploy.yaml",
            "# the web\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 1}\n",
        ),
        ("extra/kustomization.yaml", "resources: [x.yaml]\n"),
        ("extra/x.yaml", CONFIG),
        (
            "overlays/prod/kustomization.yml",
            "resources: [../../base]\nnamePrefix: prod-\ncommonAnnotations: {docs: \"https://example.com/x\"}\nreplicas: [{name: web, count: 4}]\nconfigMapGenerator:\n- name: env\n  literals: [URL=https://example.com]\npatches:\n- patch: |\n    apiVersion: v1\n    kind: ConfigMap\n    metadata: {name: config}\n    data: {url: \"http://example.com\"}\n",
        ),
    ]);
    for (name, tools) in kustomizes() {
        let source = Source { namespace: Some("shop".to_owned()), ..source("overlays/prod") };
        let rendered = tree.render(&tools, &[source]);
        assert!(rendered.incomplete.is_empty(), "{name}: {:?}", rendered.incomplete);
        let deployment = object(&rendered, "Deployment/shop/prod-web");
        assert_eq!(deployment.value["spec"]["replicas"], 4, "{name}");
        assert_eq!(deployment.origin.file, "base/deploy.yaml", "{name}");
        assert_eq!(deployment.origin.location.map(|place| place.line), Some(3), "{name}");
        assert_eq!(
            deployment.value["metadata"]["annotations"],
            serde_json::json!({"docs": "https://example.com/x"})
        );
        assert_eq!(object(&rendered, "ConfigMap/shop/prod-config").origin.file, "extra/x.yaml", "{name}");
        let generated =
            rendered.objects.iter().find(|object| object.id.name.starts_with("prod-env-")).unwrap();
        assert_eq!(generated.origin.file, "overlays/prod/kustomization.yml", "{name}");
        let told = &rendered.sources[0];
        assert_eq!((told.kind, told.objects), (SourceKind::Kustomize, 3));
        assert!(told.tool.as_ref().unwrap().starts_with(&format!("{name} v")), "{told:?}");
    }
}

#[test]
fn annotations_requested_by_source_are_kept() {
    let tree = Tree::new(&[
        ("kustomization.yaml", "resources: [x.yaml]\nbuildMetadata: [originAnnotations, managedByLabel]\n"),
        ("x.yaml", CONFIG),
    ]);
    let rendered = tree.render(&kustomize(), &[source(".")]);
    let config = object(&rendered, "ConfigMap/default/config");
    let metadata = &config.value["metadata"];
    assert_eq!(metadata["annotations"]["config.kubernetes.io/origin"], "path: x.yaml\n");
    assert_eq!(metadata["labels"]["app.kubernetes.io/managed-by"], "kustomize-v5.8.1");
    assert_eq!(config.origin.file, "x.yaml");
}

#[test]
fn overlay_symlinks_stay_in_repository() {
    let tree = Tree::new(&[
        ("real/base/kustomization.yaml", "resources: [x.yaml]\n"),
        ("real/base/x.yaml", CONFIG),
        ("overlay/kustomization.yaml", "resources: [../linked/base]\n"),
        ("stolen/kustomization.yaml", "configMapGenerator:\n- name: x\n  files: [secret]\n"),
    ]);
    tree.link("real", "linked");
    fs::write(tree.outside().join("secret"), "hunter2").unwrap();
    tree.link("../../outside/secret", "stolen/secret");
    let rendered = tree.render(&kustomize(), &[source("overlay")]);
    assert_eq!(ids(&rendered), ["ConfigMap/default/config"], "{:?}", rendered.incomplete);
    assert_eq!(rendered.objects[0].origin.file, "real/base/x.yaml");
    let rendered = tree.render(&kustomize(), &[source("stolen")]);
    let (_, why) = refused(&rendered);
    assert!(why.contains("the link stolen/secret leads out of the repository"), "{why}");
}

/// Hostile or impossible kustomizations, where they are refused, and a word of the reason.
fn refused_kustomizations(trap: &Trap) -> Vec<(String, &'static str, &'static str)> {
    let url = |path: &str| trap.url(path);
    let network = "would be fetched from the network";
    let at = "overlay/kustomization.yaml:1:";
    let mut cases = vec![
        (format!("resources: ['{}']", url("x.yaml")), at, network),
        (format!("resources: ['{}']", url("x.yaml").replace("http:", "HTTP:")), at, network),
        (
            format!("resources: [&a '{}']\ncomponents: [*a]", url("x.yaml")),
            "overlay/kustomization.yaml:",
            network,
        ),
        (format!("components: ['{}']", url("repo.git")), at, network),
        (format!("bases: ['{}']", url("repo.git")), at, network),
        (format!("crds: ['{}']", url("crd.json")), at, network),
        (format!("openapi: {{path: '{}'}}", url("o.json")), at, network),
        (format!("configurations: ['{}']", url("c.yaml")), at, network),
        (format!("transformers: ['{}']", url("t.yaml")), at, network),
        (format!("patches: [{{path: '{}'}}]", url("p.yaml")), at, network),
        (format!("patchesStrategicMerge: ['{}']", url("p.yaml")), at, network),
        (format!("configMapGenerator: [{{name: x, files: ['{}']}}]", url("f")), at, network),
        (format!("configMapGenerator: [{{name: x, files: ['k={}']}}]", url("f")), at, network),
        (format!("configMapGenerator: [{{name: x, envs: ['{}']}}]", url("f")), at, network),
        (format!("replacements: [{{path: '{}'}}]", url("r.yaml")), at, network),
        ("resources: ['../hop']".to_owned(), "hop/kustomization.yaml:1:", network),
        ("generators: ['../plugin/gen.yaml']".to_owned(), at, network),
        ("generators: ['../plugin/ksops.yaml']".to_owned(), at, "it asks for KSOPS"),
        ("transformers: ['../plugin']".to_owned(), "plugin/kustomization.yaml:1:", "it asks for KSOPS"),
        (
            format!(
                "generators:\n- |\n  apiVersion: builtin\n  kind: ConfigMapGenerator\n  metadata: {{name: x}}\n  files: ['{}']",
                url("f")
            ),
            "overlay/kustomization.yaml:2:",
            network,
        ),
        ("helmCharts: [{name: x, releaseName: '--post-renderer=/evil.sh'}]".to_owned(), at, "helmCharts"),
        ("helmChartInflationGenerator: [{chartName: x}]".to_owned(), at, "helmCharts"),
        (format!("Resources: ['{}']", url("x.yaml")), at, network),
        (
            format!(
                "resources: [!!binary {}]",
                base64::Engine::encode(&base64::prelude::BASE64_STANDARD, url("x.yaml"))
            ),
            at,
            network,
        ),
        (format!("resources: [\"\\x68ttp{}\"]", &url("x.yaml")[4..]), at, network),
        (format!("resources:\n- |\n  {}\n", url("x.yaml")), "overlay/kustomization.yaml:2:", network),
        (format!("resources: []\nresources: ['{}']", url("x.yaml")), "overlay/kustomization.yaml:", network),
        ("RESOURCES: ['../hop']".to_owned(), "hop/kustomization.yaml:1:", network),
        (
            format!("# a licence\n\n---\nresources: ['{}']", url("x.yaml")),
            "overlay/kustomization.yaml:4:",
            network,
        ),
        (format!("--- {{resources: ['{}']}}", url("x.yaml")), at, "only a comment may follow"),
        (format!("! <<: {{resources: ['{}']}}", url("x.yaml")), at, "a merge key (`<<`) with a tag"),
        (
            format!("!!merge \"<<\": {{resources: ['{}']}}", url("x.yaml")),
            at,
            "a merge key (`<<`) with a tag",
        ),
        ("resources: ['../way/../hop']".to_owned(), "hop/kustomization.yaml:1:", network),
        ("components: ['git@127.0.0.1:a/b']".to_owned(), at, network),
        (
            format!("generators:\n- |\n  {}/a.git: x\n  apiVersion: builtin\n", url("a")),
            "overlay/kustomization.yaml:2:",
            network,
        ),
        ("re\u{17f}ources: ['../hop']".to_owned(), "hop/kustomization.yaml:1:", network),
        ("HELMCHARTS: [{name: x}]".to_owned(), at, "helmCharts"),
        ("resources: ['/etc']".to_owned(), at, "outside the repository"),
        ("resources: ['../../outside']".to_owned(), at, "outside the repository"),
        ("resources: ['../empty']".to_owned(), at, "without a kustomization.yaml"),
        ("resources: [nowhere.yaml]".to_owned(), at, "`nowhere.yaml` does not exist"),
    ];
    for address in ["git@github.com:acme/base", "github.com/acme/base", "git::https://example.com/acme/base"]
    {
        cases.push((format!("resources: ['{address}']"), at, network));
    }
    // Kustomize takes these for paths.
    for path in ["acme/base?ref=v1", "git.example.com/acme/base"] {
        cases.push((format!("resources: ['{path}']"), at, "does not exist"));
    }
    cases
}

#[test]
fn kustomization_cannot_fetch_or_leave_repository() {
    let trap = Trap::set();
    let hop = format!("resources: ['{}']\n", trap.url("x.yaml"));
    let generator = format!(
        "apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {{name: x}}\nfiles:\n- '{}'\n",
        trap.url("f")
    );
    let tools = kustomize();
    for (kustomization, what, why) in refused_kustomizations(&trap) {
        let tree = Tree::new(&[
            ("overlay/kustomization.yaml", &kustomization),
            ("hop/kustomization.yaml", &hop),
            ("plugin/gen.yaml", &generator),
            ("plugin/ksops.yaml", "apiVersion: viaduct.ai/v1\nkind: ksops\nmetadata: {name: x}\n"),
            ("plugin/kustomization.yaml", "resources: [ksops.yaml]\n"),
            ("empty/README.md", ""),
            ("safe/x/a.yaml", ""),
            ("safe/hop/kustomization.yaml", "namePrefix: x-\n"),
            ("overlay/git@127.0.0.1:a/b", "kind: Component\n"),
        ]);
        tree.link("safe/x", "way");
        fs::write(tree.outside().join("kustomization.yaml"), "namePrefix: x-\n").unwrap();
        let rendered = tree.render(&tools, &[source("overlay")]);
        assert!(rendered.objects.is_empty() && !rendered.incomplete.is_empty(), "{kustomization}");
        let found = &rendered.incomplete[0];
        assert!(found.what.starts_with(what) && found.why.contains(why), "{kustomization}: {found:?}");
    }
    trap.assert_untouched();
}

#[test]
fn kustomize_reads_no_host_files_or_environment() {
    for (generator, why) in [
        ("files: [/etc/hostname]", "lies outside the repository"),
        ("files: ['../../outside/secret']", "lies outside the repository"),
        ("files: ['../beside.txt']", "is not in or below"),
    ] {
        let kustomization = format!("configMapGenerator:\n- name: x\n  {generator}\n");
        let tree = Tree::new(&[("overlay/kustomization.yaml", &kustomization), ("beside.txt", "x")]);
        fs::write(tree.outside().join("secret"), "hunter2").unwrap();
        let rendered = tree.render(&kustomize(), &[source("overlay")]);
        let found = refused(&rendered);
        assert!(found.0.starts_with("overlay/kustomization.yaml"), "{generator}");
        assert!(found.1.contains(why) || found.1.contains("no such file"), "{generator}: {found:?}");
        assert!(!found.1.contains("hunter2"), "{found:?}");
    }
    let tree = Tree::new(&[
        ("kustomization.yaml", "configMapGenerator:\n- name: x\n  envs: [env]\n"),
        ("env", "PATH\nHOME\nGITHUB_TOKEN\n"),
    ]);
    let rendered = tree.render(&kustomize(), &[source(".")]);
    let data = &rendered.objects[0].value["data"];
    let home = std::env::home_dir().expect("the tests run with a home folder");
    assert!(!data.to_string().contains(&*home.to_string_lossy()), "{data}");
    assert_eq!(data["GITHUB_TOKEN"], "");
}

#[test]
fn literal_refused_by_kustomize_not_shown() {
    let kustomization = "secretGenerator:\n- name: x\n  literals: [hunter2]\n";
    let tree = Tree::new(&[("kustomization.yaml", kustomization)]);
    let rendered = tree.render(&kustomize(), &[source(".")]);
    let (what, why) = refused(&rendered);
    assert_eq!(what, "kustomization.yaml");
    assert!(
        why.contains("invalid literal source …, expected key=value") && !why.contains("hunter2"),
        "{why}"
    );
}

#[test]
fn an_alias_bomb_is_stopped() {
    let mut bomb =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
            .to_owned();
    for level in 1..10 {
        let below = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{below}]\n"));
    }
    let tree = Tree::new(&[("kustomization.yaml", "resources: [x.yaml]\n"), ("x.yaml", &bomb)]);
    let started = Instant::now();
    let rendered = tree.render(&kustomize(), &[source(".")]);
    assert!(started.elapsed() < Duration::from_secs(70), "{:?}", started.elapsed());
    let (_, why) = refused(&rendered);
    assert!(why.contains("memory") || why.contains("was stopped"), "{why}");
}

#[test]
fn sources_of_every_kind_are_rendered_together() {
    let tree = Tree::new(&[
        ("plain/x.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plain}\n"),
        ("chart/Chart.yaml", CHART),
        ("chart/templates/x.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: chart}\n"),
        ("overlay/kustomization.yaml", "resources: [x.yaml]\n"),
        ("overlay/x.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: overlay}\n"),
        ("broken/Chart.yaml", CHART),
        ("broken/templates/x.yaml", "{{ fail \"no\" }}"),
    ]);
    let path = std::env::join_paths(["helm", "kustomize"].map(crate::support::parts::part)).unwrap();
    let tools = Tools::find(&path);
    let sources = ["overlay", "broken", "chart", "plain"].map(source);
    let rendered = tree.render(&tools, &sources);
    assert_eq!(
        ids(&rendered),
        ["ConfigMap/default/chart", "ConfigMap/default/overlay", "ConfigMap/default/plain"]
    );
    let complete: Vec<_> =
        rendered.sources.iter().map(|source| (source.path.as_str(), source.is_complete())).collect();
    assert_eq!(complete, [("overlay", true), ("broken", false), ("chart", true), ("plain", true)]);
    assert_eq!(rendered.incomplete.len(), 1);
    assert_eq!(rendered.incomplete[0].what, "broken/templates/x.yaml:1:3");
}
