//! What an Application of Argo CD sets is rendered as Argo CD's repository server renders it: the objects that its own code
//! gave, case by case, are recorded in `testdata/argocd/cases`, all of one repository, `testdata/argocd/repository`.
//! `DRIFT_RECORD=1 cargo test --test it argocd_options` records them anew; that builds `tests/parts/argocd`.

#![allow(clippy::unwrap_used, reason = "a step of a test's own set-up that fails is the test's failure")]
#![allow(clippy::disallowed_methods, reason = "records by running programs")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use drift::model::ResourceId;
use drift::source::{Discovery, RenderOutput, Root, Tools};
use serde_json::{Value, json};

use crate::source::{Tree, served};
use crate::support::parts::{part, program};
use crate::support::tree::root;

const REPOSITORY: &str = "testdata/argocd/repository";
const CASES: &str = "testdata/argocd/cases";
const HERE: &str = "https://git.example.org/acme/fleet";
/// Where the server fails, for whatever reason.
const FAILED: &str = "{\"failed\":true}\n";

/// What Argo CD renders and drift does not, and why.
const NOT_RENDERED: &[(&str, &str)] = &[("directory-with-jsonnet", "Jsonnet")];

fn below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { below(&path, found) } else { found.push(path) }
    }
}

/// The repository: hidden files too.
fn repository() -> Vec<(String, String)> {
    let folder = root().join(REPOSITORY);
    let mut files = Vec::new();
    below(&folder, &mut files);
    let named = |path: PathBuf| {
        let name = path.strip_prefix(&folder).unwrap().to_str().unwrap().to_owned();
        (name, fs::read_to_string(path).unwrap())
    };
    files.into_iter().map(named).collect()
}

fn cases() -> BTreeMap<String, Value> {
    let entries = fs::read_dir(root().join(CASES)).unwrap();
    let read = |path: PathBuf| {
        let source = fs::read_to_string(path.join("source.json")).unwrap();
        (path.file_name().unwrap().to_str().unwrap().to_owned(), serde_json::from_str(&source).unwrap())
    };
    entries.map(|entry| read(entry.unwrap().path())).collect()
}

fn tools(helm: &str) -> Tools {
    Tools::from_paths(Some(program(helm, "helm")), Some(program("kustomize", "kustomize")), None)
}

/// What drift renders of an Application with this source, or why it refuses it.
fn rendered(tree: &Tree, tools: &Tools, source: &Value) -> Result<RenderOutput, String> {
    let object = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": "shop", "namespace": "argocd"},
        "spec": {"project": "prod", "sources": [source, {"repoURL": HERE, "ref": "values"}],
                 "destination": {"server": "https://kubernetes.default.svc", "namespace": "web"}}});
    let id = ResourceId::from_object(&object).unwrap();
    let root = Root::from_application(&id, &object, &|url| url == HERE).map_err(|why| why.to_string())?;
    if let Some(why) = root.refused.first() {
        return Err(why.to_string());
    }
    let discovery = Discovery { roots: vec![root], ..Discovery::default() };
    Ok(tree.render(tools, &discovery.sources(&tree.root(), None)))
}

fn is_hook(object: &Value) -> bool {
    object.pointer("/metadata/annotations/helm.sh~1hook").is_some()
}

/// Objects by what they are; the namespace is Argo CD's controller's to give.
fn by_id(objects: impl Iterator<Item = Value>) -> BTreeMap<String, Value> {
    let id = |object: &Value| {
        let text = |pointer| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        format!("{}/{}/{}", text("/kind"), text("/metadata/namespace"), text("/metadata/name"))
    };
    objects.filter(|object| !is_hook(object)).map(|object| (id(&object), object)).collect()
}

/// What is wrong with a case.
fn fault(case: &str, source: &Value, expected: &str, (tree, tools): (&Tree, &Tools)) -> Option<String> {
    let found = rendered(tree, tools, source);
    let is_named = |found: &RenderOutput| !found.incomplete.is_empty();
    if let Some((_, why)) = NOT_RENDERED.iter().find(|(name, _)| *name == case) {
        let said = found.as_ref().map_or_else(Clone::clone, |found| format!("{:?}", found.incomplete));
        return (!said.contains(why)).then(|| format!("it does not name {why}: {said}"));
    }
    match found {
        Err(_) if expected == FAILED => None,
        Err(why) => Some(format!("it is refused: {why}")),
        Ok(found) if expected == FAILED => (!is_named(&found)).then(|| "Argo CD fails".to_owned()),
        Ok(found) if is_named(&found) => Some(format!("{:?}", found.incomplete)),
        Ok(found) => {
            let expected = by_id(expected.lines().map(|line| serde_json::from_str(line).unwrap()));
            let wrong = found.objects.iter().find(|object| object.id.namespace.as_deref() == Some("default"));
            let found = by_id(found.objects.iter().map(|object| object.value.compute()));
            (wrong.is_some() || found != expected)
                .then(|| format!("expected {expected:#?}\nfound {found:#?}\n{wrong:?}"))
        }
    }
}

#[test]
fn options_rendered_as_by_the_repository_server() {
    let files = repository();
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let tree = Tree::new(&files);
    let (helm3, helm4) = (tools("helm3"), tools("helm"));
    let mut faults = Vec::new();
    let cases = cases();
    assert!(cases.len() >= 70, "{} cases are found", cases.len());
    for (case, source) in &cases {
        let file = root().join(CASES).join(case).join("expected.jsonl");
        if std::env::var_os("DRIFT_RECORD").is_some() {
            fs::write(&file, recorded(source)).unwrap();
        }
        let expected =
            fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        for tools in [&helm3, &helm4] {
            faults.extend(fault(case, source, &expected, (&tree, tools)).map(|why| format!("{case}: {why}")));
            if source["path"].as_str().is_some_and(|path| !path.contains("chart")) {
                break;
            }
        }
    }
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), cases.len(), faults.join("\n"));
}

/// What Argo CD's own code gives for a source, in a copy of the repository.
fn recorded(source: &Value) -> String {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in repository() {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let served = served();
    let kinds = served.kinds.iter().map(|kind| match kind.group.as_str() {
        "" => format!("{}/{}", kind.version, kind.kind),
        group => format!("{group}/{}/{}", kind.version, kind.kind),
    });
    let versions: Vec<String> = served.api_versions().into_iter().chain(kinds).collect();
    let request = json!({"application": "shop", "namespace": "web", "project": "prod", "source": source,
        "references": ["values"], "kubeVersion": served.version, "apiVersions": versions});
    let path = std::env::join_paths([part("helm3"), part("kustomize")]).unwrap();
    let mut program = Command::new(part("argocd").join("argocd-manifests"))
        .arg(folder.path())
        .env_clear()
        .env("PATH", path)
        .env("HOME", folder.path().parent().unwrap())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    program.stdin.take().unwrap().write_all(request.to_string().as_bytes()).unwrap();
    let output = program.wait_with_output().unwrap();
    if output.status.success() { String::from_utf8(output.stdout).unwrap() } else { FAILED.to_owned() }
}

fn chart_of(files: &[(&str, &str)]) -> Tree {
    let chart = [
        ("apps/web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
        (
            "apps/web/templates/values.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: values}\ndata: {all: {{ .Values | toJson | quote }}}\n",
        ),
    ];
    Tree::new(&[&chart, files].concat())
}

/// The values that a chart is rendered with, or what is said in their place.
fn values_of(tree: &Tree, helm: &Value) -> Result<Value, String> {
    let source = json!({"repoURL": HERE, "path": "apps/web", "helm": helm});
    let found = rendered(tree, &tools("helm"), &source)?;
    match found.objects.as_slice() {
        [object] => {
            let values = object.value.compute();
            Ok(serde_json::from_str(values["data"]["all"].as_str().unwrap()).unwrap())
        }
        _ => Err(format!("{:?}", found.incomplete)),
    }
}

/// Newer than the release whose code is recorded: `getResolvedValueFiles` of Argo CD 3.5.
#[test]
fn patterns_of_values_files_stand_for_their_matches() {
    let tree = chart_of(&[
        ("env/a.yaml", "last: a\na: 1\n"),
        ("env/b/c.yaml", "last: c\nc: 1\n"),
        ("env/b/d.yml", "last: d\nd: 1\n"),
        ("env/e.yaml", "last: e\ne: 1\n"),
        ("apps/web/own.yaml", "last: own\n"),
    ]);
    for (files, expected) in [
        (json!(["/env/*.yaml"]), json!({"last": "e", "a": 1, "e": 1})),
        (json!(["/env/**/*.yaml"]), json!({"last": "e", "a": 1, "c": 1, "e": 1})),
        (json!(["$values/env/**/[cd].y*ml"]), json!({"last": "d", "c": 1, "d": 1})),
        (json!(["../../env/?.yaml", "own.yaml"]), json!({"last": "own", "a": 1, "e": 1})),
        // One that is named too keeps that place.
        (json!(["/env/a.yaml", "/env/*.yaml"]), json!({"last": "e", "a": 1, "e": 1})),
        (json!(["/env/*.yaml", "/env/a.yaml"]), json!({"last": "a", "a": 1, "e": 1})),
    ] {
        assert_eq!(values_of(&tree, &json!({"valueFiles": files})), Ok(expected), "{files}");
    }
    let missing = values_of(&tree, &json!({"valueFiles": ["/env/*.json"]})).unwrap_err();
    assert!(missing.contains("matches no file"), "{missing}");
    let ignored = json!({"valueFiles": ["/env/*.json"], "ignoreMissingValueFiles": true});
    assert_eq!(values_of(&tree, &ignored), Ok(json!({})));
}

#[test]
fn hostile_options_read_nothing_outside_and_are_no_flags() {
    let tree = chart_of(&[("apps/web/content.txt", "content"), ("env/a.yaml", "a: 1\n")]);
    let secret = tree.root().parent().unwrap().join("outside/secret.txt");
    fs::write(&secret, "stolen: true\n").unwrap();
    std::os::unix::fs::symlink(&secret, tree.root().join("env/link.yaml")).unwrap();
    let secret = secret.to_str().unwrap();
    for helm in [
        json!({"valueFiles": ["../../../outside/secret.txt"]}),
        json!({"valueFiles": ["/env/link.yaml"]}),
        json!({"valueFiles": ["/env/*.yaml"], "ignoreMissingValueFiles": true}),
        json!({"valueFiles": ["$values/../outside/secret.txt"]}),
        json!({"valueFiles": [secret]}),
        json!({"valueFiles": ["https://example.org/values.yaml"]}),
        json!({"valueFiles": ["file://content.txt"]}),
        json!({"fileParameters": [{"name": "a", "path": "../../../outside/secret.txt"}]}),
        json!({"fileParameters": [{"name": format!("b={secret},a"), "path": "content.txt"}]}),
        json!({"fileParameters": [{"name": format!("b={{{secret}}}"), "path": "content.txt"}]}),
        json!({"fileParameters": [{"name": "a", "path": "-"}]}),
    ] {
        let why = values_of(&tree, &helm).expect_err(&helm.to_string());
        assert!(!why.contains("stolen"), "{helm}: {why}");
    }
    for (helm, expected) in [
        (json!({"values": "a: 1", "releaseName": "--debug"}), None),
        (json!({"namespace": "--values=x", "values": "a: 1"}), None),
        (json!({"kubeVersion": "--post-renderer=/bin/sh"}), None),
        (json!({"apiVersions": ["v1,--values=x"], "values": "a: 1"}), Some(json!({"a": 1}))),
        (
            json!({"parameters": [{"name": "--post-renderer", "value": "/bin/sh"}]}),
            Some(json!({"--post-renderer": "/bin/sh"})),
        ),
        (json!({"parameters": [{"name": "a", "value": "--values=x"}]}), Some(json!({"a": "--values=x"}))),
    ] {
        let found = values_of(&tree, &helm);
        assert!(expected.is_none() || found.as_ref().ok() == expected.as_ref(), "{helm}: {found:?}");
        let found = format!("{found:?}");
        assert!(!found.contains("stolen") && !found.contains("root:"), "{helm}: {found}");
    }
}

#[test]
fn charts_are_always_installed_and_what_is_random_is_still_known() {
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n\
                    data: {upgrade: '{{ .Release.IsUpgrade }}', revision: '{{ .Release.Revision }}', \
                    now: '{{ now }}', random: '{{ randAlphaNum 9 }}'}\n";
    let tree = chart_of(&[("apps/web/templates/values.yaml", template)]);
    let found = rendered(&tree, &tools("helm"), &json!({"repoURL": HERE, "path": "apps/web"})).unwrap();
    let [object] = found.objects.as_slice() else { panic!("{:?}", found.incomplete) };
    assert_eq!(object.nondeterministic, ["/data/now", "/data/random"]);
    let values = object.value.compute();
    assert_eq!((&values["data"]["upgrade"], &values["data"]["revision"]), (&json!("false"), &json!("1")));
}

#[test]
fn addresses_in_kustomize_options_are_not_fetched() {
    let tree = Tree::new(&[
        ("app/kustomization.yaml", "resources: [a.yaml]\n"),
        ("app/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"),
    ]);
    for kustomize in [
        json!({"components": ["https://example.org/acme/components"]}),
        json!({"components": ["git@example.org:acme/components"]}),
        json!({"components": ["../../outside"]}),
        json!({"components": ["comp*"]}),
        json!({"patches": [{"path": "https://example.org/patch.yaml"}]}),
        json!({"patches": [{"path": "/etc/passwd"}]}),
    ] {
        let source = json!({"repoURL": HERE, "path": "app", "kustomize": kustomize});
        let found = rendered(&tree, &tools("helm"), &source).unwrap();
        assert!(
            found.objects.is_empty() && found.incomplete.len() == 1,
            "{kustomize}: {:?}",
            found.incomplete
        );
    }
}

#[test]
fn broken_overrides_are_named() {
    for (name, text, named) in [
        (".argocd-source.yaml", "plugin: {}\n", "plugin"),
        (".argocd-source-shop.yaml", "helm: {fieldOfTomorrow: 1}\n", "helm.fieldOfTomorrow"),
        (".argocd-source.yaml", "- a\n", "no mapping"),
        (".argocd-source.yaml", "a: [\n", ".argocd-source.yaml"),
    ] {
        let manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
        let file = format!("app/{name}");
        let tree = Tree::new(&[("app/a.yaml", manifest), (&file, text)]);
        let found = rendered(&tree, &tools("helm"), &json!({"repoURL": HERE, "path": "app"})).unwrap();
        let said = format!("{:?}", found.incomplete);
        assert!(found.objects.is_empty() && said.contains(named) && said.contains(&file), "{text}: {said}");
    }
}
