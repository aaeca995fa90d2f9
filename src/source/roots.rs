//! The GitOps objects of a repository as sources: the folder that each applies, as its controller reads it.
//!
//! What a root sets is known field by field: one that sets anything that would change what is rendered, and that drift does
//! not render yet, is refused and named, for its objects without that would be compared wrongly.

use std::sync::Arc;

use serde_json::Value;

use super::references::KnownTexts;
use super::root_fields::{RootRefusal, folder};
use super::tree::SourceTree;
use super::{argocd, argocd_ignore, flux, helm_release};
use crate::config::{IgnoreRule, Source};
use crate::model::{ChartReference, Origin, ResourceId, RootOptions, SourceRoot};

/// A GitOps object, and the folders that it applies.
#[derive(Debug, Clone, PartialEq)]
pub struct Root {
    /// The object.
    pub id: ResourceId,
    /// Where Git declares it.
    pub origin: Option<Origin>,
    /// Why sources that it has beside the folders are not rendered.
    pub refused: Vec<RootRefusal>,
    /// Differences of its objects that it ignores.
    pub ignore: Vec<IgnoreRule>,
    /// What of the object drift does not take, and nothing depends on.
    pub warnings: Vec<String>,
    /// One source for each folder, with what the object sets for it.
    folders: Vec<Source>,
}

impl Root {
    /// What a Flux Kustomization applies.
    ///
    /// # Errors
    /// Why drift cannot render it.
    pub fn from_kustomization(id: &ResourceId, root: &Value) -> Result<Self, RootRefusal> {
        let options = RootOptions::Flux(flux::options(&root["spec"])?);
        let source = Source { path: folder(root["spec"]["path"].as_str())?, ..Source::default() };
        Ok(Self::new(id, vec![(source, options)]))
    }

    /// The same with the variables that ConfigMaps and Secrets give it.
    ///
    /// # Errors
    /// [`RootRefusal::Wanted`] where one was not looked up, and why one gives nothing.
    pub fn with_texts(mut self, texts: &KnownTexts) -> Result<Self, RootRefusal> {
        let namespace = self.id.namespace.clone().unwrap_or_default();
        for root in self.folders.iter_mut().filter_map(|source| source.root.as_mut()) {
            if let RootOptions::Flux(options) = &mut root.options {
                *options = flux::resolve(std::mem::take(options), &namespace, texts)?;
            }
        }
        Ok(self)
    }

    /// What an Argo CD Application applies; `is_here` says which addresses are of this repository.
    ///
    /// # Errors
    /// As for [`Self::from_kustomization`].
    pub fn from_application(
        id: &ResourceId,
        object: &Value,
        is_here: &dyn Fn(&str) -> bool,
    ) -> Result<Self, RootRefusal> {
        let spec = &object["spec"];
        let argocd::Folders { folders, refused } = argocd::folders(id, spec, is_here)?;
        let mut root = Self { refused, ..Self::new(id, folders) };
        let paths: Vec<String> = root.folders.iter().map(|source| source.path.clone()).collect();
        (root.ignore, root.warnings) = argocd_ignore::ignore_rules(id, spec, &paths);
        Ok(root)
    }

    /// The same, with a file of the repository that stands for charts which are kept elsewhere: the one that names them.
    #[must_use]
    pub fn with_file(mut self, file: &str) -> Self {
        let elsewhere = self.folders.iter_mut().filter(|source| source.chart().is_some());
        elsewhere.for_each(|source| source.path = file.to_owned());
        self
    }

    /// What a HelmRelease of Flux applies: of a chart in this repository, or of one that is fetched.
    ///
    /// # Errors
    /// As for [`Self::from_kustomization`]; [`RootRefusal::Wanted`] where it takes values from what was not looked up.
    pub fn from_helm_release(
        id: &ResourceId,
        root: &Value,
        chart: Option<ChartReference>,
        lookups: &KnownTexts,
    ) -> Result<Self, RootRefusal> {
        Ok(Self::new(id, vec![helm_release::source(id, &root["spec"], chart, lookups)?]))
    }

    fn new(id: &ResourceId, folders: Vec<(Source, RootOptions)>) -> Self {
        let with_root = |(source, options)| {
            let root = Some(Box::new(SourceRoot { object: Arc::new(id.clone()), options }));
            Source { root, ..source }
        };
        let folders = folders.into_iter().map(with_root).collect();
        Self {
            id: id.clone(),
            origin: None,
            refused: Vec::new(),
            ignore: Vec::new(),
            warnings: Vec::new(),
            folders,
        }
    }

    /// One source for each folder of a tree that is rendered on its own.
    pub(super) fn sources(&self, tree: SourceTree<'_>) -> Vec<Source> {
        let read = |source: &Source| match source.root_options() {
            Some(RootOptions::Flux(_)) => flux::sources(source, tree),
            Some(RootOptions::ArgoCd(_)) => argocd::sources(source, tree),
            Some(RootOptions::HelmRelease(_) | RootOptions::Part) => vec![source.clone()],
            None => vec![source.clone()],
        };
        let with_root = |part: &Source, source: Source| Source {
            root: source.root.or_else(|| part.bare_root()),
            ..source
        };
        let read_part = |part| read(part).into_iter().map(move |source| with_root(part, source));
        self.folders.iter().flat_map(read_part).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::{Value, json};

    use super::super::tree::SourceTree;
    use super::{Root, RootRefusal};
    use crate::model::{ResourceId, RootOptions};

    const HERE: &str = "https://git.example.org/acme/fleet";

    fn id(kind: &str, name: &str) -> ResourceId {
        ResourceId::from_object(&json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}}))
            .expect("an object")
    }

    fn kustomization(spec: &Value) -> Result<Root, RootRefusal> {
        let id = id("Kustomization", "apps");
        Root::from_kustomization(&id, &json!({"spec": spec}))
    }

    fn application(spec: &Value) -> Result<Root, RootRefusal> {
        let id = id("Application", "web");
        Root::from_application(&id, &json!({"spec": spec}), &|url| url.contains("acme/fleet"))
    }

    /// The sources in a tree of these files, as `path/** @namespace release values`.
    fn sources(root: &Root, files: &[&str]) -> Vec<String> {
        let tree = tempfile::tempdir().expect("a folder");
        for file in files {
            let path = tree.path().join(file);
            fs::create_dir_all(path.parent().expect("a folder")).expect("it can be made");
            fs::write(path, "").expect("it can be written");
        }
        let tree = SourceTree::new(tree.path(), None);
        let shown = root.sources(tree).into_iter().map(|source| {
            let below = match source.root_options() {
                Some(RootOptions::ArgoCd(options)) if options.directory.recurse => "/**",
                _ => "",
            };
            let helm = source
                .helm
                .map(|helm| format!(" {} {}", helm.release.unwrap_or_default(), helm.values.join(",")));
            let namespace = source.namespace.map(|namespace| format!(" @{namespace}"));
            format!("{}{below}{}{}", source.path, namespace.unwrap_or_default(), helm.unwrap_or_default())
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
            sources(&root("./clusters/prod"), &files),
            ["clusters/prod", "clusters/prod/a b/c", "clusters/prod/flux-system"]
        );
        assert_eq!(sources(&root("apps/prod/"), &files), ["apps/prod"]);
        assert_eq!(sources(&root("./"), &["a.yaml"]), ["."]);
    }

    #[test]
    fn argo_cd_reads_a_folder_by_what_is_in_it() {
        let spec = |source: Value| {
            json!({"project": "default", "source": source,
                   "destination": {"server": "https://kubernetes.default.svc", "namespace": "shop"}})
        };
        let root = |source: Value| application(&spec(source)).expect("it can be rendered");
        let plain = json!({"repoURL": HERE, "path": "apps/web", "targetRevision": "HEAD"});
        assert_eq!(sources(&root(plain.clone()), &["apps/web/a.yaml"]), ["apps/web @shop"]);
        assert_eq!(sources(&root(plain.clone()), &["apps/web/kustomization.yaml"]), ["apps/web @shop"]);
        assert_eq!(sources(&root(plain), &["apps/web/Chart.yaml"]), ["apps/web @shop web "]);
        let below = json!({"repoURL": HERE, "path": "apps", "directory": {"recurse": true}});
        assert_eq!(sources(&root(below), &["apps/web/a.yaml"]), ["apps/** @shop"]);
        let chart = json!({"repoURL": HERE, "path": "c",
                           "helm": {"releaseName": "r", "valueFiles": ["values.yaml", "../prod.yaml"]}});
        assert_eq!(sources(&root(chart), &["c/Chart.yaml"]), ["c @shop r values.yaml,../prod.yaml"]);
    }

    #[test]
    fn what_changes_the_objects_is_refused_by_name() {
        let refused = |found: Result<Root, RootRefusal>| found.expect_err("it is refused").to_string();
        assert_eq!(
            refused(kustomization(
                &json!({"path": "a", "postBuild": {"substitute": {"a": "b"}}, "ignore": [{"paths": ["/spec"]}]})
            )),
            "it sets ignore, which drift does not render yet"
        );
        let of_tomorrow = json!({"path": "a", "postBuild": {"fieldOfTomorrow": 1}});
        assert!(refused(kustomization(&of_tomorrow)).contains("postBuild.fieldOfTomorrow"));
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
            (json!({"kustomize": {"fieldOfTomorrow": "x"}}), "kustomize.fieldOfTomorrow"),
            (json!({"helm": {"version": "v2"}}), "helm.version"),
            (json!({"helm": {"fieldOfTomorrow": [1]}}), "helm.fieldOfTomorrow"),
            (json!({"directory": {"fieldOfTomorrow": "*.x"}}), "directory.fieldOfTomorrow"),
            (json!({"plugin": {}}), "plugin"),
            (json!({"helm": {"skipCrds": true}, "directory": {"recurse": true}}), "helm, directory"),
            (json!({"kustomize": {"images": ["a:$ARGOCD_APP_REVISION"]}}), "$ARGOCD_APP_REVISION"),
            (json!({"kustomize": {"replicas": [{"name": "a", "count": "x"}]}}), "replicas"),
            (json!({"repoURL": "https://git.example.org/acme/other"}), "git.example.org/acme/other"),
        ] {
            let mut of_source = json!({"repoURL": HERE, "path": "a"});
            of_source.as_object_mut().expect("a map").extend(source.as_object().cloned().expect("a map"));
            let why =
                refused(application(&json!({"source": of_source, "destination": {"name": "in-cluster"}})));
            assert!(why.contains(named) && !why.contains("secret"), "{named}: {why}");
        }
        let elsewhere = json!({"source": {"path": "a"}, "destination": {"server": "https://other"}});
        assert!(refused(application(&elsewhere)).contains("another cluster"));
    }

    #[test]
    fn each_of_several_sources_is_rendered_or_named() {
        let other = "https://git.example.org/acme/other";
        let spec = json!({"sources": [
            {"repoURL": HERE, "path": "c", "helm": {"valueFiles": ["$values/env/a.yaml", "b.yaml", "/d.yaml"]}},
            {"repoURL": HERE, "ref": "values"},
            {"repoURL": other, "ref": "others"},
            {"repoURL": HERE, "path": "e", "helm": {"valueFiles": ["$others/a.yaml"]}},
            {"repoURL": other, "path": "f"},
            {"repoURL": "https://charts.example.org", "chart": "g", "helm": {"valueFiles": ["$values/g.yaml"]}},
            {"repoURL": HERE, "path": "h", "ref": "h"},
        ]});
        let root = application(&spec).expect("some are rendered");
        let refused: Vec<String> = root.refused.iter().map(ToString::to_string).collect();
        assert_eq!(
            refused,
            [
                "it takes values from $others, which is another repository, https://git.example.org/acme/other",
                "a source of it is in another repository, https://git.example.org/acme/other",
            ]
        );
        assert_eq!(
            sources(&root, &["c/Chart.yaml", "h/a.yaml"]),
            ["c web /env/a.yaml,b.yaml,/d.yaml", ". web /g.yaml", "h"]
        );
    }
}
