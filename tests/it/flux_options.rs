//! What a Flux Kustomization sets is rendered as Flux renders it: each case, and texts with variables, also go through
//! Flux's own libraries (the part `flux`).

#![allow(clippy::unwrap_used, reason = "a step of a test's own set-up that fails is the test's failure")]

mod templates;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use drift::config::Source;
use drift::git::{GitOptions, Repository};
use drift::model::{
    ApiResource, ApiResources, ResourceId, RootOptions, SubstituteData, SubstituteReference,
    SubstituteRefusal,
};
use drift::source::{Discovery, InputsReader, RenderOutput, RenderRequest, Root, Tools, render};
use drift::yaml;
use serde_json::{Value, json};

use crate::source::Trap;
use crate::support::flux::ask;
use crate::support::parts::program;
use crate::support::repo::Repo;
use crate::support::tree::{files, root};

/// A folder of `testdata/flux`: `root.yaml` is the Kustomization, `data.yaml` what it refers to, `tree` the repository.
struct Case {
    name: String,
    tree: PathBuf,
    kustomization: Value,
    data: Vec<Value>,
}

fn documents(file: &Path) -> Vec<Value> {
    let bytes = fs::read(file).unwrap_or_default();
    yaml::read(&bytes).into_iter().map(|document| document.unwrap().into_json()).collect()
}

fn cases() -> Vec<Case> {
    let folder = root().join("testdata/flux");
    let mut names: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let read = |name: String| {
        let folder = folder.join(&name);
        let kustomization = documents(&folder.join("root.yaml")).pop().expect("a case has a root.yaml");
        Case { tree: folder.join("tree"), kustomization, data: documents(&folder.join("data.yaml")), name }
    };
    names.into_iter().map(read).collect()
}

/// What Flux makes of each case, by what objects it applies.
fn answers(cases: &[Case]) -> Vec<Result<Vec<Value>, String>> {
    let request =
        |case: &Case| json!({"root": case.tree, "kustomization": case.kustomization, "data": case.data});
    let answers = ask(&cases.iter().map(request).collect::<Vec<_>>()).into_iter();
    let read = |answer: Value| match answer["error"].as_str() {
        Some(error) => Err(error.to_owned()),
        None => Ok(answer["objects"].as_array().cloned().unwrap_or_default()),
    };
    answers.map(read).collect()
}

fn kustomize() -> Tools {
    Tools::from_paths(None, Some(program("kustomize", "kustomize")), None)
}

fn served() -> ApiResources {
    let kinds = [
        ("", "v1", "ConfigMap", true),
        ("", "v1", "Namespace", false),
        ("", "v1", "Secret", true),
        ("", "v1", "ServiceAccount", true),
        ("apps", "v1", "Deployment", true),
        ("example.com", "v1", "Thing", true),
        ("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", false),
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

/// The sources of a Kustomization, as it is found in a cluster; its variables looked up by `look_up`.
fn sources(
    (kustomization, tree): (&Value, &Path),
    look_up: impl Fn(&SubstituteReference) -> SubstituteData,
) -> Result<Vec<Source>, String> {
    let id = ResourceId::from_object(kustomization).unwrap();
    let root = Root::from_kustomization(&id, kustomization).map_err(|why| why.to_string())?;
    let mut sources = Discovery { roots: vec![root], ..Discovery::default() }.sources(tree, None);
    for root in sources.iter_mut().filter_map(|source| source.root.as_mut()) {
        let RootOptions::Flux(options) = &root.options else { continue };
        let resolved = options.clone().resolve(&look_up).map_err(|why: SubstituteRefusal| why.to_string())?;
        root.options = RootOptions::Flux(resolved);
    }
    Ok(sources)
}

fn rendered(tree: &Path, sources: &[Source]) -> RenderOutput {
    let (served, tools) = (served(), kustomize());
    let tree = tree.canonicalize().unwrap();
    render(&RenderRequest {
        tree: &tree,
        files: None,
        sources,
        served: &served,
        tools: &tools,
        default_namespace: "default",
    })
}

/// What drift makes of a case.
fn by_drift(case: &Case) -> Result<RenderOutput, String> {
    let rendered = rendered(&case.tree, &sources_of(case)?);
    match rendered.incomplete.first() {
        Some(incomplete) => Err(format!("{}: {}", incomplete.what, incomplete.why)),
        None => Ok(rendered),
    }
}

fn sources_of(case: &Case) -> Result<Vec<Source>, String> {
    let find = |reference: &SubstituteReference| {
        let is_meant = |object: &&Value| {
            object["kind"] == reference.kind.as_str() && object["metadata"]["name"] == reference.name.as_str()
        };
        let texts = |object: &Value| -> BTreeMap<String, String> {
            serde_json::from_value(object["data"].clone()).expect("data are texts")
        };
        let found = case.data.iter().find(is_meant).map(texts);
        found.map_or(SubstituteData::Missing, SubstituteData::ConfigMap)
    };
    sources((&case.kustomization, &case.tree), find)
}

fn sorted(objects: impl Iterator<Item = Value>) -> Vec<String> {
    let mut objects: Vec<String> = objects.map(|object| format!("{object:#}")).collect();
    objects.sort();
    objects
}

#[test]
fn every_option_renders_as_flux_renders_it() {
    let cases = cases();
    assert!(cases.len() >= 35, "only {} cases", cases.len());
    let mut wrong = Vec::new();
    for (case, flux) in cases.iter().zip(answers(&cases)) {
        assert_eq!(flux.is_err(), case.name.ends_with("-fails"), "{}: {flux:?}", case.name);
        match (flux, by_drift(case)) {
            (Err(_), Err(_)) => {}
            (Ok(flux), Ok(rendered)) => {
                let ours = sorted(rendered.objects.iter().map(|object| object.value.compute()));
                let theirs = sorted(flux.into_iter());
                if ours != theirs {
                    wrong.push(format!(
                        "{}: drift\n{}\nFlux\n{}",
                        case.name,
                        ours.join(",\n"),
                        theirs.join(",\n")
                    ));
                }
            }
            (flux, rendered) => {
                let ours = rendered.map(|rendered| rendered.objects.len());
                wrong.push(format!("{}: drift {ours:?}, Flux {flux:?}", case.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn objects_of_a_made_kustomization_have_their_places() {
    let cases = cases();
    for (name, object, place) in [
        ("generated-of-all-folders-below", "set-d", "app/b/c/d.yml:1:1"),
        ("generated-with-roots-below", "set-x", "app/root/x.yaml:1:1"),
        ("generated-of-files-with-several-documents", "set-b", "app/a.yaml:12:1"),
        ("components-add-objects-to-a-plain-folder", "part-x", "parts/one/x.yaml:1:1"),
        ("variables-in-a-plain-folder", "a", "app/a.yaml:1:1"),
    ] {
        let case = cases.iter().find(|case| case.name == name).expect("there is such a case");
        let rendered = by_drift(case).unwrap();
        let found = rendered.objects.iter().find(|found| found.id.name == object).expect("it is rendered");
        assert_eq!(found.origin.to_string(), place, "{name}");
    }
}

#[test]
fn variables_are_not_guessed_and_their_lack_is_said() {
    let cases = cases();
    let case = |name: &str| cases.iter().find(|case| case.name == name).expect("there is such a case");
    let unknown = by_drift(case("unknown-variables-become-nothing")).unwrap();
    assert!(unknown.warnings.iter().any(|warning| warning.contains("${NONE}")), "{:?}", unknown.warnings);
    // What is not looked up is not rendered.
    let case = case("later-references-win");
    let id = ResourceId::from_object(&case.kustomization).unwrap();
    let found = Root::from_kustomization(&id, &case.kustomization).unwrap();
    let sources = Discovery { roots: vec![found], ..Discovery::default() }.sources(&case.tree, None);
    let unresolved = rendered(&case.tree, &sources);
    assert!(unresolved.objects.is_empty());
    assert!(unresolved.incomplete[0].why.contains("the ConfigMap one"), "{:?}", unresolved.incomplete);
}

/// The repository of a case, committed.
fn committed(case: &Case) -> Repo {
    let repo = Repo::new();
    let folder = format!("testdata/flux/{}/tree", case.name);
    for file in files(&folder) {
        let inside = file.strip_prefix(&folder).expect("below the folder").trim_start_matches('/');
        repo.write(inside, fs::read(root().join(&file)).unwrap());
    }
    let _ = repo.commit("Declare the case");
    repo
}

#[test]
fn files_of_a_version_render_to_the_same() {
    for case in cases().into_iter().filter(|case| !case.name.ends_with("-fails")) {
        let repo = committed(&case);
        let repository = Repository::open(repo.path(), GitOptions::default()).unwrap();
        let head = repository.head().unwrap();
        for source in sources_of(&case).unwrap() {
            let inputs = InputsReader::default().read(&repository, &head, &source).unwrap();
            let exported = tempfile::tempdir().unwrap();
            repository.export_paths(&head, &inputs.paths, exported.path(), 1 << 20).unwrap();
            let source = [source];
            let all = rendered(repo.path(), &source);
            let some = rendered(exported.path(), &source);
            assert_eq!(some.incomplete, all.incomplete, "{}: {:?}", case.name, inputs.paths);
            let objects =
                |output: &RenderOutput| sorted(output.objects.iter().map(|object| object.value.compute()));
            assert_eq!(objects(&some), objects(&all), "{}: {:?}", case.name, inputs.paths);
            assert_eq!(Some(all.sources[0].kind), inputs.kind, "{}", case.name);
        }
    }
}

/// A Kustomization of `app` in these files.
fn kustomization(spec: &Value) -> Value {
    let mut root = json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {"name": "apps", "namespace": "flux-system"}, "spec": spec});
    root["spec"]["path"] = "./app".into();
    root
}

fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
    }
    folder
}

fn settings(name: &str, more: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  a: b\n{more}")
}

#[test]
fn options_hold_for_what_is_left_of_a_root() {
    let spec = json!({"namePrefix": "set-", "targetNamespace": "shop", "components": ["../part"],
        "patches": [
            {"patch": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {set: \"${A}\"}\n"},
            {"patch": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: of-the-base}\ndata: {set: \"1\"}\n"}],
        "commonMetadata": {"labels": {"team": "a"}}, "postBuild": {"substitute": {"A": "x"}}});
    let component = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [x.yaml]\n";
    let settings = (settings("settings", ""), settings("x", "  c: ${A}\n"));
    let files = |kustomization| {
        tree(&[
            ("app/kustomization.yaml", kustomization),
            ("app/settings.yaml", &settings.0),
            ("part/kustomization.yaml", component),
            ("part/x.yaml", &settings.1),
        ])
    };
    let with_base = files("resources: [settings.yaml, 'https://example.org/base?ref=v1']\n");
    let root = kustomization(&spec);
    let found = sources((&root, with_base.path()), |_| SubstituteData::Missing).unwrap();
    let found = rendered(with_base.path(), &found);
    assert!(
        found.incomplete.iter().any(|incomplete| incomplete.what.starts_with("app/kustomization.yaml:1:"))
    );
    // The same without the base, and without the patch of an object that is in it.
    let without = files("resources: [settings.yaml]\n");
    let mut root = root;
    root["spec"]["patches"].as_array_mut().unwrap().truncate(1);
    let flux = ask(&[json!({"root": without.path(), "kustomization": root})]).remove(0);
    let theirs = sorted(flux["objects"].as_array().unwrap().iter().cloned());
    assert_eq!(sorted(found.objects.iter().map(|object| object.value.compute())), theirs);
}

#[test]
fn values_that_nobody_may_know_stay_variables() {
    let secret = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: token\nstringData:\n  t: ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]\n\
                  sops:\n  mac: ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]\n  version: 3.9.0\n";
    let spec = json!({"namePrefix": "set-", "postBuild": {"substitute": {"A": "x"},
        "substituteFrom": [{"kind": "Secret", "name": "token"}, {"kind": "Secret", "name": "unread", "optional": true}]}});
    let texts = settings("a", "  own: ${A}\n  of-secret: https://${TOKEN}@${A}\n  of-any: ${OTHER}\n");
    let folder = tree(&[("app/a.yaml", &texts), ("app/secret.yaml", secret)]);
    let root = kustomization(&spec);
    let look_up = |reference: &SubstituteReference| match reference.name.as_str() {
        "token" => SubstituteData::Secret(Some(["TOKEN".to_owned()].into())),
        _ => SubstituteData::Secret(None),
    };
    let found = rendered(folder.path(), &sources((&root, folder.path()), look_up).unwrap());
    assert_eq!(found.incomplete, []);
    let settings = found.objects.iter().find(|object| object.id.name == "set-a").expect("it is rendered");
    let expected = json!({"a": "b", "own": "x", "of-secret": "https://${TOKEN}@x", "of-any": "${OTHER}"});
    assert_eq!(settings.value.compute()["data"], expected);
    assert!(found.objects.iter().any(|object| object.id.name == "set-token"), "the encrypted Secret is one");
}

#[test]
fn what_a_root_sets_fetches_nothing_and_reads_nothing_outside() {
    let trap = Trap::set();
    let settings = settings("a", "");
    let component = |resource: &str| {
        format!("apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: ['{resource}']\n")
    };
    let by_component = component(&trap.url("x.yaml"));
    let outside = "configMapGenerator:\n- {name: c, files: [/etc/hostname]}\n";
    let plugin = "resources: [a.yaml]\ntransformers:\n- |-\n  apiVersion: builtin\n  kind: PatchTransformer\n  metadata: {name: p}\n  path: /etc/hostname\n";
    for (spec, more) in [
        (json!({"components": [trap.url("part")]}), None),
        (json!({"components": ["../part"]}), Some(("part/kustomization.yaml", by_component.as_str()))),
        (json!({"components": ["../../outside"]}), None),
        (json!({"namePrefix": "x-"}), Some(("app/root/kustomization.yaml", outside))),
        (json!({"namePrefix": "x-"}), Some(("app/kustomization.yaml", plugin))),
    ] {
        let all: Vec<_> = [("app/a.yaml", settings.as_str())].into_iter().chain(more).collect();
        let folder = tree(&all);
        let root = kustomization(&spec);
        let found = sources((&root, folder.path()), |_| SubstituteData::Missing).unwrap();
        let found = rendered(folder.path(), &found);
        assert!(!found.incomplete.is_empty(), "{spec} {more:?}");
        let hostname = fs::read_to_string("/etc/hostname").unwrap_or_default();
        let texts = found.objects.iter().map(|object| object.value.compute().to_string());
        assert!(texts.into_iter().all(|text| hostname.trim().is_empty() || !text.contains(hostname.trim())));
    }
    trap.assert_untouched();
}
