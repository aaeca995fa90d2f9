//! Rendering of plain sources: every folder of `testdata/source` is a case, and what a folder cannot hold is here.

mod shown_messages;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::config::{self, Source};
use crate::model::{ApiResource, ApiResources, ObjectKey, Provenance};
use crate::source::{RenderOutput, RenderRequest, Tools, render};

/// A cluster with a few kinds.
fn served() -> ApiResources {
    let kind = |group: &str, version: &str, kind: &str, namespaced| ApiResource {
        group: group.to_owned(),
        version: version.to_owned(),
        kind: kind.to_owned(),
        plural: format!("{}s", kind.to_lowercase()),
        namespaced,
        supports_list: true,
    };
    let kinds = vec![
        kind("", "v1", "ConfigMap", true),
        kind("", "v1", "Namespace", false),
        kind("", "v1", "Secret", true),
        kind("apiextensions.k8s.io", "v1", "CustomResourceDefinition", false),
        kind("apps", "v1", "Deployment", true),
        kind("batch", "v1", "Job", true),
        kind("networking.k8s.io", "v1", "Ingress", true),
        kind("rbac.authorization.k8s.io", "v1", "ClusterRole", false),
    ];
    ApiResources { version: "v1.36.2".to_owned(), kinds }
}

fn rendered(tree: &Path, sources: &[Source]) -> RenderOutput {
    let (served, tools) = (served(), Tools::default());
    render(&RenderRequest {
        tree,
        files: None,
        sources,
        served: &served,
        tools: &tools,
        default_namespace: "default",
    })
}

fn source(path: &str) -> Source {
    Source { path: path.to_owned(), ..Source::default() }
}

/// What a case expects, as text that a person can check.
fn shown(rendered: &RenderOutput) -> Value {
    let objects: Vec<_> = rendered
        .objects
        .iter()
        .map(|object| {
            let fields = object
                .fields
                .iter()
                .map(|(pointer, place)| (pointer, Value::from(format!("{}:{}", place.line, place.column))));
            let place = object.origin.location.map(|place| format!("{}:{}", place.line, place.column));
            let document = match object.provenance {
                Provenance::Document { index, item } => Some((index, item)),
                Provenance::Rendered => None,
            };
            json!({
                "id": format!("{} {}", object.id.api_version(), object.id),
                "source": object.origin.source,
                "file": object.origin.file,
                "place": place,
                "document": document,
                "fields": fields.collect::<serde_json::Map<_, _>>(),
                "value": *object.value,
            })
        })
        .zip(&rendered.objects)
        .map(|(mut shown, object)| {
            if let Some(optional) = object.optional {
                shown["optional"] = format!("{optional:?}").into();
            }
            shown
        })
        .collect();
    let incomplete: Vec<_> =
        rendered.incomplete.iter().map(|lacking| format!("{}: {}", lacking.what, lacking.why)).collect();
    let sources: Vec<_> = rendered
        .sources
        .iter()
        .map(|source| {
            let complete = if source.is_complete() { "complete" } else { "incomplete" };
            format!("{} {:?} {} {complete}", source.path, source.kind, source.objects)
        })
        .collect();
    let mut shown = json!({"objects": objects, "incomplete": incomplete, "warnings": rendered.warnings, "sources": sources});
    // What few cases have.
    let duplicates = rendered.duplicates.iter().map(|object| format!("{}: {}", object.origin, object.id));
    let key = |key: &ObjectKey| {
        let namespace = key.namespace.as_deref().unwrap_or("-");
        format!("{}.{} {namespace} {}", key.kind, key.group, key.name)
    };
    let named = rendered.hooks.named.iter().map(key);
    let generated = rendered.hooks.generated.iter().map(|hook| format!("{}*", key(hook)));
    for (name, list) in
        [("duplicates", duplicates.collect::<Vec<_>>()), ("hooks", named.chain(generated).collect())]
    {
        if !list.is_empty() {
            shown[name] = list.into();
        }
    }
    shown
}

#[test]
fn every_case_renders_as_expected() {
    let cases = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/source");
    let mut folders: Vec<_> = fs::read_dir(cases).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    assert!(folders.len() >= 10, "only {} cases found", folders.len());
    let mut failures = Vec::new();
    for folder in folders {
        let tree = folder.join("tree");
        let sources = match fs::read_to_string(tree.join(config::CONFIG_FILE)) {
            Ok(text) => config::parse(config::CONFIG_FILE, &text).unwrap().sources,
            Err(_) => vec![source(".")],
        };
        let actual = shown(&rendered(&tree, &sources));
        let expected = fs::read_to_string(folder.join("expected.json")).unwrap_or_default();
        if serde_json::from_str::<Value>(&expected).ok().as_ref() != Some(&actual) {
            let actual = serde_json::to_string_pretty(&actual).unwrap();
            failures.push(format!("{}/expected.json should be\n{actual}\n", folder.display()));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

const MANIFEST: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: NAME}\n";

/// A temporary folder with `tree` in it and `outside` beside it.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("tree")).unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

fn named(name: &str) -> String {
    MANIFEST.replace("NAME", name)
}

#[test]
fn links_are_followed_inside_the_repository_only() {
    let (a, secret) = (named("a"), named("outside"));
    let folder = folder(&[
        ("tree/apps/a.yaml", a.as_str()),
        ("tree/shared/b.yaml", &named("b")),
        ("outside/secret.yaml", &secret),
        ("outside/README.md", "text"),
    ]);
    let apps = folder.path().join("tree/apps");
    for (target, link) in [
        ("a.yaml", "again.yaml"),
        ("../shared", "shared"),
        ("..", "circle"),
        ("../../outside/secret.yaml", "secret.yaml"),
        ("../../outside", "folder"),
        ("../../outside/README.md", "README.md"),
        ("nowhere.yaml", "broken.yaml"),
        ("self.yaml", "self.yaml"),
    ] {
        symlink(target, apps.join(link)).unwrap();
    }
    let rendered = rendered(&folder.path().join("tree"), &[source("apps")]);
    let ids: Vec<_> = rendered
        .objects
        .iter()
        .map(|object| (object.id.name.as_str(), object.origin.file.as_str()))
        .collect();
    assert_eq!(ids, [("a", "apps/a.yaml"), ("b", "shared/b.yaml")]);
    let lacking: Vec<_> =
        rendered.incomplete.iter().map(|lacking| (lacking.what.as_str(), lacking.why.as_str())).collect();
    assert_eq!(
        lacking,
        [
            ("apps/broken.yaml", "the link leads nowhere"),
            ("apps/folder", "the link leads out of the repository"),
            ("apps/secret.yaml", "the link leads out of the repository"),
            ("apps/self.yaml", "the link leads nowhere"),
        ]
    );
}

#[test]
fn source_symlink_leaving_repository_is_refused() {
    let folder = folder(&[("outside/x.yaml", &named("x"))]);
    let tree = folder.path().join("tree");
    symlink("../outside", tree.join("apps")).unwrap();
    for path in ["apps", "apps/x.yaml", "../outside"] {
        let rendered = rendered(&tree, &[source(path)]);
        assert!(rendered.objects.is_empty(), "{path}");
        assert_eq!(rendered.incomplete[0].why, "it leads out of the repository", "{path}");
    }
}

#[test]
fn special_file_named_and_not_opened() {
    let folder = folder(&[]);
    let tree = folder.path().join("tree");
    let listener = std::os::unix::net::UnixListener::bind(tree.join("socket.yaml")).unwrap();
    let rendered = rendered(&tree, &[source(".")]);
    drop(listener);
    assert_eq!(rendered.incomplete[0].what, "socket.yaml");
    assert!(!rendered.sources[0].is_complete());
}

#[test]
fn oversized_file_named_and_not_read() {
    let folder = folder(&[("tree/a.yaml", &named("a"))]);
    let tree = folder.path().join("tree");
    fs::File::create(tree.join("big.yaml")).unwrap().set_len(65 * 1024 * 1024).unwrap();
    let rendered = rendered(&tree, &[source(".")]);
    assert_eq!(rendered.objects.len(), 1);
    assert_eq!(rendered.incomplete[0].what, "big.yaml");
    assert!(rendered.incomplete[0].why.contains("68157440 bytes"), "{}", rendered.incomplete[0].why);
}

#[test]
fn deep_nesting_fails_only_its_document() {
    let deep = format!("{}deep: {}\n", MANIFEST.replace("NAME", "deep"), "[".repeat(100_000));
    let folder = folder(&[("tree/deep.yaml", &deep), ("tree/ok.yaml", &named("ok"))]);
    let rendered = rendered(&folder.path().join("tree"), &[source(".")]);
    assert_eq!(rendered.objects.len(), 1);
    assert!(rendered.incomplete[0].what.starts_with("deep.yaml"), "{:?}", rendered.incomplete);
}

#[test]
fn many_sources_keep_their_order() {
    let names: Vec<_> = (0..40).map(|at| format!("s{at:02}")).collect();
    let files: Vec<_> = names.iter().map(|name| (format!("tree/{name}/x.yaml"), named(name))).collect();
    let folder = folder(&files.iter().map(|(file, text)| (file.as_str(), text.as_str())).collect::<Vec<_>>());
    let sources: Vec<_> = names.iter().rev().map(|name| source(name)).collect();
    let rendered = rendered(&folder.path().join("tree"), &sources);
    assert!(rendered.sources.iter().map(|source| &source.path).eq(names.iter().rev()));
    assert!(rendered.objects.iter().map(|object| &object.id.name).eq(&names));
}

#[test]
fn missing_tools_affect_only_their_sources() {
    let folder = folder(&[
        ("tree/plain/x.yaml", &named("x")),
        ("tree/chart/Chart.yaml", "name: chart\n"),
        ("tree/overlay/kustomization.yaml", "namePrefix: x-\n"),
    ]);
    let sources = ["plain", "chart", "overlay"].map(source);
    let rendered = rendered(&folder.path().join("tree"), &sources);
    let complete: Vec<_> = rendered.sources.iter().map(|source| source.is_complete()).collect();
    assert_eq!(complete, [true, false, false]);
    let why: Vec<_> = rendered.incomplete.iter().map(|lacking| lacking.why.as_str()).collect();
    assert_eq!(
        why,
        [
            "helm 3.21 or 4.3 or later is needed and was not found on the PATH",
            "kustomize 5.8 or kubectl 1.36 or later is needed and was not found on the PATH",
        ]
    );
}

/// A program that only answers what its version is.
fn pretender(folder: &Path, name: &str, answer: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\necho '{answer}'\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn outdated_tool_named_with_required_version() {
    let folder = folder(&[]);
    let path = folder.path();
    let old = pretender(path, "helm", "v4.2.9");
    let tools = Tools::from_paths(Some(old.clone()), None, None);
    let error = tools.helm().unwrap_err().to_string();
    assert_eq!(error, format!("{} is v4.2.9; helm 3.21 or 4.3 or later is needed", old.display()));
    let old = pretender(path, "kustomize", "v5.7.0");
    let older = pretender(path, "kubectl", r#"{"clientVersion": {"gitVersion": "v1.35.1"}}"#);
    let tools = Tools::from_paths(None, Some(old.clone()), Some(older));
    assert!(tools.kustomize().unwrap_err().to_string().contains("is v5.7.0; kustomize 5.8"));
    let new = pretender(path, "kubectl", r#"{"clientVersion": {"gitVersion": "v1.36.1"}}"#);
    let tools = Tools::from_paths(None, Some(old), Some(new));
    assert_eq!(tools.kustomize().unwrap().label, "kubectl v1.36.1");
    let strange = pretender(path, "helm", "(devel)");
    assert!(
        Tools::from_paths(Some(strange), None, None)
            .helm()
            .unwrap_err()
            .to_string()
            .contains("does not report its version")
    );
}

#[test]
fn tools_found_on_given_path() {
    let folder = folder(&[]);
    fs::create_dir(folder.path().join("bin")).unwrap();
    pretender(&folder.path().join("bin"), "helm", "v4.3.0");
    fs::write(folder.path().join("kustomize"), "not a program").unwrap();
    let path = std::env::join_paths([folder.path(), &folder.path().join("bin")]).unwrap();
    let tools = Tools::find(&path);
    assert_eq!(tools.helm().unwrap().label, "helm v4.3.0");
    assert!(tools.kustomize().is_err());
}

#[test]
fn a_renderer_knows_nothing_of_its_surroundings() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder(&[("tree/web/Chart.yaml", "name: web\n"), ("tree/web/templates/x.yaml", "")]);
    let helm = folder.path().join("helm");
    let script = r#"#!/bin/sh
[ "$1" = version ] && echo v4.3.0 && exit
echo '# Source: web/templates/x.yaml'
echo 'apiVersion: v1'
echo 'kind: ConfigMap'
echo 'metadata: {name: seen}'
echo 'data:'
/usr/bin/env | /usr/bin/sort | while IFS== read -r name value; do echo "  $name: '$value'"; done
echo "  arguments: '$*'"
echo "  in home: '$(/bin/ls -A "$HOME")'"
echo "  on path: '$(/bin/ls -A "$PATH")'"
"#;
    fs::write(&helm, script).unwrap();
    fs::set_permissions(&helm, fs::Permissions::from_mode(0o755)).unwrap();
    let (served, tools) = (served(), Tools::from_paths(Some(helm), None, None));
    let sources = [Source { namespace: Some("shop".to_owned()), ..source("web") }];
    let tree = folder.path().join("tree");
    let request = RenderRequest {
        tree: &tree,
        files: None,
        sources: &sources,
        served: &served,
        tools: &tools,
        default_namespace: "default",
    };
    let rendered = render(&request);
    assert!(rendered.incomplete.is_empty(), "{:?}", rendered.incomplete);
    let data = rendered.objects[0].value["data"].as_object().unwrap();
    let mut names: Vec<_> = data.keys().map(String::as_str).collect();
    names.retain(|name| !["PWD", "_", "SHLVL", "OLDPWD"].contains(name)); // the shell's own
    assert_eq!(
        names,
        [
            "ALL_PROXY",
            "GOGC",
            "HOME",
            "HTTPS_PROXY",
            "HTTP_PROXY",
            "LC_ALL",
            "NO_PROXY",
            "PATH",
            "TMPDIR",
            "TZ",
            "all_proxy",
            "arguments",
            "http_proxy",
            "https_proxy",
            "in home",
            "on path",
        ]
    );
    assert_eq!((&data["in home"], &data["on path"]), (&json!(""), &json!("")));
    let home = data["HOME"].as_str().unwrap();
    let temporary = home.strip_suffix("/home").unwrap();
    assert!(!Path::new(temporary).exists(), "{temporary} was left behind");
    let expected = format!(
        "template --namespace=shop --include-crds --kube-version=v1.36.2 \
         --api-versions=apiextensions.k8s.io/v1 --api-versions=apiextensions.k8s.io/v1/CustomResourceDefinition \
         --api-versions=apps/v1 --api-versions=apps/v1/Deployment --api-versions=batch/v1 \
         --api-versions=batch/v1/Job --api-versions=networking.k8s.io/v1 \
         --api-versions=networking.k8s.io/v1/Ingress --api-versions=rbac.authorization.k8s.io/v1 \
         --api-versions=rbac.authorization.k8s.io/v1/ClusterRole --api-versions=v1 --api-versions=v1/ConfigMap \
         --api-versions=v1/Namespace --api-versions=v1/Secret -- web {temporary}/tree/web"
    );
    assert_eq!(data["arguments"], expected);
    assert!(rendered.objects[0].nondeterministic.iter().all(|pointer| pointer.starts_with("/data/")));
}
