//! Flux Kustomizations and Argo CD Applications as sources: the folder that one applies, as its controller reads it.
//!
//! What a root sets is known field by field: one that sets anything that would change what is rendered, and that drift does
//! not render yet, is refused and named, for its objects without that would be compared wrongly.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::folders::subfolders;
use super::output::SourceKind;
use super::tree::{SourceTree, with_forward_slashes};
use crate::config::{HelmOptions, Source};
use crate::git::TrackedFiles;
use crate::model::{FluxOptions, Incomplete};

/// Fields of a Flux Kustomization that do not change what is rendered, or that are read here (`api/v1/kustomization_types.go` of
/// kustomize-controller). Encrypted values are found by their text, `decryption` or not.
const FLUX: &[&str] = &[
    "commonMetadata",
    "decryption",
    "deletionPolicy",
    "dependsOn",
    "force",
    "healthCheckExprs",
    "healthChecks",
    "images",
    "interval",
    "namePrefix",
    "nameSuffix",
    "patches",
    "path",
    "prune",
    "retryInterval",
    "serviceAccountName",
    "sourceRef",
    "suspend",
    "targetNamespace",
    "timeout",
    "wait",
];
/// Fields of a patch and of an image there: nothing that makes kustomize load a file.
const FLUX_PATCH: &[&str] = &["patch", "target"];
const FLUX_IMAGE: &[&str] = &["digest", "name", "newName", "newTag"];
/// Fields of the source of an Application that do not, or that are read here (`pkg/apis/application/v1alpha1/types.go` of
/// Argo CD).
const ARGO_CD: &[&str] = &["directory", "helm", "name", "path", "repoURL", "targetRevision"];
const ARGO_CD_HELM: &[&str] = &["passCredentials", "releaseName", "valueFiles", "version"];

/// What the cluster's GitOps objects say of this repository.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Discovery {
    /// The folders that they apply.
    pub roots: Vec<Root>,
    /// Roots of this repository that drift cannot render, and lists that could not be read.
    pub incomplete: Vec<Incomplete>,
}

/// A folder that a controller applies.
#[derive(Debug, Clone, PartialEq)]
pub struct Root {
    source: Source,
    layout: RootLayout,
}

/// How a controller reads a folder without a kustomization file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RootLayout {
    /// All manifests below, and the Kustomize roots below as they are (`pkg/kustomize/kustomize_generator.go` of Flux).
    Flux,
    /// Its own files, and those below where that is set.
    ArgoCd { recurse: bool },
}

/// Why a root cannot be rendered, as a sentence about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RootRefusal {
    /// Its objects are not in this cluster; by the field that says so.
    #[error("it applies to another cluster ({0})")]
    OtherCluster(&'static str),
    /// These fields may change what is rendered.
    #[error("it sets {0}, which drift does not render yet")]
    Fields(String),
    /// They are rendered together.
    #[error("it has several sources, which drift does not render together yet")]
    SeveralSources,
    /// Patterns, addresses, or files of another source.
    #[error("its valueFiles are not all plain paths, which drift does not resolve yet")]
    ValueFiles,
    /// A path with `..`.
    #[error("its path leads out of the repository")]
    Outside,
}

impl Discovery {
    /// Whether nothing of this repository was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.roots.is_empty() && self.incomplete.is_empty()
    }

    /// The sources of the roots in a tree: one for each folder that is rendered on its own.
    #[must_use]
    pub fn sources(&self, tree: &Path, files: Option<&TrackedFiles>) -> Vec<Source> {
        let tree = SourceTree { root: tree, files };
        let mut sources: Vec<Source> = Vec::new();
        for source in self.roots.iter().flat_map(|root| root.sources(tree)) {
            if !sources.contains(&source) {
                sources.push(source);
            }
        }
        sources
    }

    /// The folders of the roots.
    #[must_use]
    pub fn folders(&self) -> Vec<Source> {
        self.roots.iter().map(|root| root.source.clone()).collect()
    }
}

impl Root {
    /// What a Flux Kustomization applies.
    ///
    /// # Errors
    /// Why drift cannot render it.
    pub fn from_kustomization(root: &Value) -> Result<Self, RootRefusal> {
        let spec = &root["spec"];
        if is_set(&spec["kubeConfig"]) {
            return Err(RootRefusal::OtherCluster("kubeConfig"));
        }
        refuse_others(spec.as_object(), FLUX, "")?;
        for (list, known) in [("patches", FLUX_PATCH), ("images", FLUX_IMAGE)] {
            for entry in spec[list].as_array().into_iter().flatten() {
                refuse_others(entry.as_object(), known, &format!("{list}."))?;
            }
        }
        let options = flux_options(spec);
        let flux = (!options.is_empty()).then(|| Box::new(options));
        let source = Source { path: folder(spec["path"].as_str())?, flux, ..Source::default() };
        Ok(Self { source, layout: RootLayout::Flux })
    }

    /// What an Argo CD Application applies.
    ///
    /// # Errors
    /// As for [`Self::from_kustomization`].
    pub fn from_application(root: &Value) -> Result<Self, RootRefusal> {
        let spec = &root["spec"];
        let destination = &spec["destination"];
        let server = ["server", "name"].map(|key| destination[key].as_str().unwrap_or_default());
        if !matches!(server, ["" | "https://kubernetes.default.svc", "" | "in-cluster"]) {
            return Err(RootRefusal::OtherCluster("destination"));
        }
        let source = match spec["sources"].as_array().map(Vec::as_slice) {
            None | Some([]) => &spec["source"],
            Some([one]) => one,
            Some(_) => return Err(RootRefusal::SeveralSources),
        };
        refuse_others(source.as_object(), ARGO_CD, "")?;
        refuse_others(source["directory"].as_object(), &["recurse"], "directory.")?;
        refuse_others(source["helm"].as_object(), ARGO_CD_HELM, "helm.")?;
        let texts = |list: &Value| -> Vec<String> {
            list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let values = texts(&source["helm"]["valueFiles"]);
        if values.iter().any(|file| file.contains(['*', '$', ':']) || file.starts_with('/')) {
            return Err(RootRefusal::ValueFiles);
        }
        let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let release = text(&source["helm"]["releaseName"]).or_else(|| text(&root["metadata"]["name"]));
        let recurse = source["directory"]["recurse"].as_bool() == Some(true);
        let source = Source {
            path: folder(source["path"].as_str())?,
            namespace: text(&destination["namespace"]),
            helm: Some(HelmOptions { release, values }),
            ..Source::default()
        };
        Ok(Self { source, layout: RootLayout::ArgoCd { recurse } })
    }

    fn sources(&self, tree: SourceTree<'_>) -> Vec<Source> {
        let folder = PathBuf::from(&self.source.path);
        let source =
            |path: String| Source { path, namespace: self.source.namespace.clone(), ..Source::default() };
        // Its options are those of the folder itself.
        let whole = Source { flux: self.source.flux.clone(), ..source(self.source.path.clone()) };
        match (tree.kind(&folder), self.layout) {
            (SourceKind::Helm, RootLayout::ArgoCd { .. }) => vec![self.source.clone()],
            // A plain source reads no roots below.
            (SourceKind::Plain, RootLayout::Flux) => {
                let roots = kustomize_roots(tree, &folder).into_iter();
                std::iter::once(whole).chain(roots.map(|root| source(with_forward_slashes(&root)))).collect()
            }
            (SourceKind::Plain, RootLayout::ArgoCd { recurse: false }) => {
                vec![Source { own_files_only: true, ..whole }]
            }
            _ => vec![whole],
        }
    }
}

/// What a Kustomization sets that changes what its folder renders to.
fn flux_options(spec: &Value) -> FluxOptions {
    let set = |from: &str| spec.get(from).filter(|value| is_set(value)).cloned();
    let fields = [
        ("targetNamespace", "namespace"),
        ("namePrefix", "namePrefix"),
        ("nameSuffix", "nameSuffix"),
        ("patches", "patches"),
        ("images", "images"),
    ];
    let written = fields.into_iter().filter_map(|(from, to)| Some((to.to_owned(), set(from)?)));
    let metadata = |name: &str| Some((name.to_owned(), spec["commonMetadata"].get(name)?.clone()));
    FluxOptions {
        kustomization: written.collect(),
        common_metadata: ["labels", "annotations"].into_iter().filter_map(metadata).collect(),
    }
}

/// The outermost folders below that have a kustomization file.
fn kustomize_roots(tree: SourceTree<'_>, folder: &Path) -> Vec<PathBuf> {
    let mut left: Vec<PathBuf> = subfolders(tree, folder).collect();
    let mut roots = Vec::new();
    while let Some(folder) = left.pop() {
        if !tree.reads(&folder) {
            continue;
        }
        if tree.kustomization(&folder).is_some() {
            roots.push(folder);
        } else {
            left.extend(subfolders(tree, &folder));
        }
    }
    roots.sort();
    roots
}

/// `./apps/prod/` as a source has it: from the root of the repository, without `..`.
fn folder(path: Option<&str>) -> Result<String, RootRefusal> {
    let mut parts = Vec::new();
    for part in path.unwrap_or_default().split('/') {
        match part {
            "" | "." => {}
            ".." => return Err(RootRefusal::Outside),
            part => parts.push(part),
        }
    }
    Ok(if parts.is_empty() { ".".to_owned() } else { parts.join("/") })
}

/// Refuses fields that drift does not know, or does not render.
fn refuse_others(
    fields: Option<&Map<String, Value>>,
    known: &[&str],
    prefix: &str,
) -> Result<(), RootRefusal> {
    let others = fields.into_iter().flatten();
    let others = others.filter(|(name, value)| !known.contains(&name.as_str()) && is_set(value));
    let names: Vec<String> = others.map(|(name, _)| format!("{prefix}{name}")).collect();
    if names.is_empty() { Ok(()) } else { Err(RootRefusal::Fields(names.join(", "))) }
}

fn is_set(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::{Value, json};

    use super::{Discovery, Root, RootRefusal};

    fn kustomization(spec: &Value) -> Result<Root, RootRefusal> {
        Root::from_kustomization(
            &json!({"metadata": {"name": "apps", "namespace": "flux-system"}, "spec": spec}),
        )
    }

    fn application(spec: &Value) -> Result<Root, RootRefusal> {
        Root::from_application(&json!({"metadata": {"name": "web", "namespace": "argocd"}, "spec": spec}))
    }

    /// The sources in a tree of these files, as `path/* @namespace release values`.
    fn sources(root: Root, files: &[&str]) -> Vec<String> {
        let tree = tempfile::tempdir().expect("a folder");
        for file in files {
            let path = tree.path().join(file);
            fs::create_dir_all(path.parent().expect("a folder")).expect("it can be made");
            fs::write(path, "").expect("it can be written");
        }
        let found = Discovery { roots: vec![root], incomplete: Vec::new() };
        let shown = found.sources(tree.path(), None).into_iter().map(|source| {
            let helm = source
                .helm
                .map(|helm| format!(" {} {}", helm.release.unwrap_or_default(), helm.values.join(",")));
            let namespace = source.namespace.map(|namespace| format!(" @{namespace}"));
            let own = if source.own_files_only { "/*" } else { "" };
            format!("{}{own}{}{}", source.path, namespace.unwrap_or_default(), helm.unwrap_or_default())
        });
        shown.collect()
    }

    #[test]
    fn flux_reads_a_folder_as_its_generator_does() {
        let git = json!({"kind": "GitRepository", "name": "flux-system"});
        let root = |path: &str| {
            let spec =
                json!({"path": path, "interval": "10m", "prune": true, "sourceRef": git, "suspend": true});
            kustomization(&spec).expect("nothing else is set")
        };
        let files = [
            "clusters/prod/apps.yaml",
            "clusters/prod/flux-system/kustomization.yaml",
            "clusters/prod/a b/c/Kustomization",
            "clusters/prod/a b/c/d/kustomization.yml",
            "apps/prod/kustomization.yaml",
            "apps/prod/base/kustomization.yaml",
        ];
        assert_eq!(
            sources(root("./clusters/prod"), &files),
            ["clusters/prod", "clusters/prod/a b/c", "clusters/prod/flux-system"]
        );
        assert_eq!(sources(root("apps/prod/"), &files), ["apps/prod"]);
        assert_eq!(sources(root("./"), &["a.yaml"]), ["."]);
    }

    #[test]
    fn argo_cd_reads_a_folder_by_what_is_in_it() {
        let spec = |source: Value| {
            json!({"project": "default", "source": source,
                   "destination": {"server": "https://kubernetes.default.svc", "namespace": "shop"}})
        };
        let root = |source: Value| application(&spec(source)).expect("it can be rendered");
        let here = "https://git.example.org/acme/fleet";
        let plain = json!({"repoURL": here, "path": "apps/web", "targetRevision": "HEAD"});
        assert_eq!(sources(root(plain.clone()), &["apps/web/a.yaml"]), ["apps/web/* @shop"]);
        assert_eq!(sources(root(plain.clone()), &["apps/web/kustomization.yaml"]), ["apps/web @shop"]);
        assert_eq!(sources(root(plain), &["apps/web/Chart.yaml"]), ["apps/web @shop web "]);
        let below = json!({"repoURL": here, "path": "apps", "directory": {"recurse": true}});
        assert_eq!(sources(root(below), &["apps/web/a.yaml"]), ["apps @shop"]);
        let chart = json!({"repoURL": here, "path": "c",
                           "helm": {"releaseName": "r", "valueFiles": ["values.yaml", "../prod.yaml"]}});
        assert_eq!(sources(root(chart), &["c/Chart.yaml"]), ["c @shop r values.yaml,../prod.yaml"]);
    }

    #[test]
    fn what_changes_the_objects_is_refused_by_name() {
        let refused = |found: Result<Root, RootRefusal>| found.expect_err("it is refused").to_string();
        assert_eq!(
            refused(kustomization(
                &json!({"path": "a", "postBuild": {"substitute": {"a": "b"}}, "components": ["x"]})
            )),
            "it sets components, postBuild, which drift does not render yet"
        );
        assert!(kustomization(&json!({"path": "a", "patches": [], "targetNamespace": ""})).is_ok());
        let loads =
            json!({"path": "a", "patches": [{"path": "https://example.org/x", "target": {"kind": "Pod"}}]});
        assert!(refused(kustomization(&loads)).contains("patches.path"));
        assert!(
            refused(kustomization(&json!({"path": "a", "kubeConfig": {"secretRef": {"name": "x"}}})))
                .contains("cluster")
        );
        assert!(refused(kustomization(&json!({"path": "../a"}))).contains("out of the repository"));
        assert!(
            refused(kustomization(&json!({"path": "a", "fieldOfTomorrow": 1}))).contains("fieldOfTomorrow")
        );
        for (source, named) in [
            (json!({"path": "a", "kustomize": {"images": ["x"]}}), "kustomize"),
            (json!({"path": "a", "helm": {"parameters": [{"name": "a"}]}}), "helm.parameters"),
            (json!({"path": "a", "directory": {"exclude": "*.x"}}), "directory.exclude"),
            (json!({"path": "a", "helm": {"valueFiles": ["$values/a.yaml"]}}), "valueFiles"),
            (json!({"chart": "a", "path": "."}), "chart"),
        ] {
            let why = refused(application(&json!({"source": source, "destination": {"name": "in-cluster"}})));
            assert!(why.contains(named), "{named}: {why}");
        }
        let elsewhere = json!({"source": {"path": "a"}, "destination": {"server": "https://other"}});
        assert!(refused(application(&elsewhere)).contains("another cluster"));
        let several = json!({"sources": [{"path": "a"}, {"path": "b"}]});
        assert!(refused(application(&several)).contains("several sources"));
    }
}
