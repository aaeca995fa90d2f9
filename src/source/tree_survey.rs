//! What of a tree may be compared, where nothing says it yet: Kustomize roots, charts, folders of manifests, and the GitOps
//! objects that are declared in it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::discovery_object::RootObject;
use super::folders::{folders, manifests, names_in};
use super::kustomization::Kustomization;
use super::kustomize_inputs::find_kustomize_inputs;
use super::manifest::{self, ManifestFile};
use super::output::{SourceKind, SourceOutput};
use super::root_fields::{application_sources, folder};
use super::tree::{CHART, KUSTOMIZATIONS, SourceTree, with_forward_slashes};
use crate::config::Discover;
use crate::git::{TrackedFiles, read_file};
use crate::model::ResourceId;
use crate::yaml;

/// The largest file that is looked into.
const FILE_CAP: u64 = 4 << 20;

/// What a tree holds that may be a source; paths are from its root, and are UTF-8.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TreeSurvey {
    /// Kustomize roots that no other one has, each with the Kustomize roots that it has; no components.
    pub kustomize: BTreeMap<String, BTreeSet<String>>,
    /// Charts that are in no other chart and can be installed, each with its further files of values.
    pub charts: BTreeMap<String, Vec<String>>,
    /// Charts that cannot be installed by themselves.
    pub libraries: BTreeSet<String>,
    /// Files with manifests that are of no Kustomize root and no chart.
    pub manifests: BTreeSet<String>,
    /// GitOps objects.
    pub roots: Vec<DeclaredRoot>,
}

/// A GitOps object that a file declares.
#[derive(Debug, Clone, PartialEq)]
pub struct DeclaredRoot {
    /// Which.
    pub id: ResourceId,
    /// Where.
    pub file: String,
    /// The folders that it applies, as far as they are of a Git repository.
    pub applies: Vec<String>,
}

/// Looks for what may be a source at or below a folder of a tree; of its files those that are read. Nothing is rendered.
#[must_use]
pub fn survey_tree(root: &Path, files: Option<&TrackedFiles>, below: &str) -> TreeSurvey {
    let Ok(root) = root.canonicalize() else { return TreeSurvey::default() };
    let tree = SourceTree::new(&root, files);
    let below = if below == "." { Path::new("") } else { Path::new(below) };
    let mut walk = SurveyWalk { tree, below, found: TreeSurvey::default(), kustomize: BTreeSet::new() };
    let charts = walk.charts();
    let reached = walk.kustomize(&charts);
    walk.manifests(&charts, &reached);
    walk.found
}

struct SurveyWalk<'a> {
    tree: SourceTree<'a>,
    below: &'a Path,
    found: TreeSurvey,
    /// Every Kustomize root.
    kustomize: BTreeSet<PathBuf>,
}

impl SurveyWalk<'_> {
    /// The path as a source has it, where it is asked for; no name with a line break or the like, which `drift.yaml` has no
    /// place for.
    fn wanted(&self, path: &Path) -> Option<String> {
        let path = path.to_str().filter(|_| path.starts_with(self.below))?;
        if path.contains(char::is_control) {
            return None;
        }
        Some(if path.is_empty() { ".".to_owned() } else { path.to_owned() })
    }

    /// Every chart that is in no other one.
    fn charts(&mut self) -> BTreeSet<PathBuf> {
        let all: BTreeSet<PathBuf> =
            folders(self.tree).filter(|folder| self.tree.is_file(&folder.join(CHART))).collect();
        let is_inner = |chart: &Path| chart.ancestors().skip(1).any(|above| all.contains(above));
        let outer: BTreeSet<PathBuf> = all.iter().filter(|chart| !is_inner(chart)).cloned().collect();
        for chart in &outer {
            let Some(path) = self.wanted(chart) else { continue };
            if self.is_library(chart) {
                self.found.libraries.insert(path);
            } else {
                self.found.charts.insert(path, self.values_files(chart));
            }
        }
        outer
    }

    fn is_library(&self, chart: &Path) -> bool {
        let bytes = self.tree.read(&chart.join(CHART), FILE_CAP).unwrap_or_default();
        let read = yaml::read_first(&bytes).ok().flatten();
        read.is_some_and(|document| document.to_json()["type"] == "library")
    }

    /// `values-prod.yaml` and the like.
    fn values_files(&self, chart: &Path) -> Vec<String> {
        let names = names_in(&self.tree.root.join(chart)).unwrap_or_default();
        let names = names.into_iter().filter_map(|(name, _)| name.into_string().ok());
        let is_values = |name: &String| {
            let further = name.strip_prefix("values").is_some_and(|rest| rest.starts_with(['-', '.', '_']));
            further && (name.ends_with(".yaml") || name.ends_with(".yml")) && name != "values.yml"
        };
        names
            .filter(|name| name != "values.yaml" && is_values(name) && self.tree.is_file(&chart.join(name)))
            .collect()
    }

    /// Notes the Kustomize roots that no other one has; gives all that they have.
    fn kustomize(&mut self, charts: &BTreeSet<PathBuf>) -> BTreeSet<PathBuf> {
        let is_root = |folder: &PathBuf| self.tree.kustomization(folder).is_some();
        let all = folders(self.tree).filter(is_root).filter(|folder| !is_in(folder, charts));
        let all: BTreeMap<PathBuf, BTreeSet<PathBuf>> = all
            .map(|folder| {
                let reached = find_kustomize_inputs(self.tree, &folder, true).reached;
                (folder, reached)
            })
            .collect();
        self.kustomize = all.keys().cloned().collect();
        for (root, reached) in &all {
            let has_user = all.iter().any(|(user, reached)| user != root && reached.contains(root));
            let Some(path) = self.wanted(root).filter(|_| !has_user && !self.is_component(root)) else {
                continue;
            };
            let bases = reached.iter().filter(|base| *base != root && all.contains_key(*base));
            self.found.kustomize.insert(path, bases.map(|base| with_forward_slashes(base)).collect());
        }
        all.into_values().flatten().collect()
    }

    fn is_component(&self, root: &Path) -> bool {
        let read = self.tree.kustomization(root).and_then(|file| Kustomization::read(self.tree, &file).ok());
        read.flatten().is_some_and(|kustomization| kustomization.value["kind"] == "Component")
    }

    /// Notes the files with manifests that nothing renders, and the GitOps objects of all files.
    fn manifests(&mut self, charts: &BTreeSet<PathBuf>, reached: &BTreeSet<PathBuf>) {
        let is_name = |file: &Path| KUSTOMIZATIONS.iter().any(|name| file.file_name() == Some(name.as_ref()));
        for file in manifests(self.tree).filter(|file| !is_in(file, charts) && !is_name(file)) {
            let Some(path) = self.wanted(&file) else { continue };
            let objects = self.objects(&file, &path);
            let roots = objects.iter().filter(|(id, _)| RootObject::is_kind(id, &Discover::default()));
            self.found.roots.extend(roots.map(|(id, value)| DeclaredRoot {
                id: id.clone(),
                file: path.clone(),
                applies: applied_folders(value),
            }));
            if !objects.is_empty() && !reached.contains(&file) && !is_in(&file, &self.kustomize) {
                self.found.manifests.insert(path);
            }
        }
    }

    fn objects(&self, file: &Path, name: &str) -> Vec<(ResourceId, Value)> {
        let Ok(bytes) = read_file(self.tree.root, file, FILE_CAP) else { return Vec::new() };
        let mut gathered = SourceOutput::new(SourceKind::Plain);
        manifest::read(&ManifestFile { source: name, name }, &bytes.into(), &mut gathered);
        let drafts = gathered.drafts.into_iter();
        let objects = drafts.filter_map(|(head, draft)| {
            let id = head.id.ok()?;
            let value = if RootObject::is_kind(&id, &Discover::default()) {
                draft.value.compute()
            } else {
                Value::Null
            };
            Some((id, value))
        });
        objects.filter(|(id, _)| id.group != "kustomize.config.k8s.io").collect()
    }
}

/// Whether a path is one of the folders, or below one.
fn is_in(path: &Path, folders: &BTreeSet<PathBuf>) -> bool {
    path.ancestors().any(|above| folders.contains(above))
}

/// The folders of Git repositories that a GitOps object applies.
fn applied_folders(root: &Value) -> Vec<String> {
    let text = |pointer: &str| root.pointer(pointer).and_then(Value::as_str);
    let of_argo_cd = application_sources(&root["spec"]).filter_map(|source| source.get("path")?.as_str());
    let is_git = |pointer: &str| text(pointer) == Some("GitRepository");
    let of_flux = text("/spec/path").filter(|_| is_git("/spec/sourceRef/kind"));
    let chart = text("/spec/chart/spec/chart").filter(|_| is_git("/spec/chart/spec/sourceRef/kind"));
    let named = [of_flux, chart].into_iter().flatten();
    named.chain(of_argo_cd).filter_map(|path| folder(Some(path)).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::{TreeSurvey, survey_tree};

    const CONFIG: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";

    fn survey(files: &[(&str, &str)], below: &str) -> TreeSurvey {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (path, text) in files {
            let file = folder.path().join(path);
            std::fs::create_dir_all(file.parent().expect("a folder")).expect("a new folder");
            std::fs::write(file, text).expect("a new file");
        }
        survey_tree(folder.path(), None, below)
    }

    #[test]
    fn outermost_roots_and_loose_manifests_found() {
        let files = [
            ("apps/base/kustomization.yaml", "resources: [a.yaml]\n"),
            ("apps/base/a.yaml", CONFIG),
            (
                "apps/prod/kustomization.yaml",
                "resources: [../base, ../../shared/b.yaml]\ncomponents: [../c]\n",
            ),
            ("apps/c/kustomization.yaml", "kind: Component\n"),
            ("apps/unused/kustomization.yaml", "kind: Component\n"),
            ("shared/b.yaml", CONFIG),
            (
                "infra/c.json",
                "{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"c\"}}",
            ),
            ("infra/notes.yaml", "a: 1\n"),
            ("charts/web/Chart.yaml", "name: web\n"),
            ("charts/web/values-prod.yaml", "a: 1\n"),
            ("charts/web/templates/d.yaml", CONFIG),
            ("charts/web/charts/sub/Chart.yaml", "name: sub\n"),
            ("charts/lib/Chart.yaml", "name: lib\ntype: library\n"),
            (".github/workflows/e.yaml", CONFIG),
        ];
        let found = survey(&files, ".");
        let kustomize: Vec<_> = found.kustomize.iter().collect();
        let bases = ["apps/base", "apps/c"].map(str::to_owned).into();
        assert_eq!(kustomize, [(&"apps/prod".to_owned(), &bases)]);
        assert_eq!(found.charts, [("charts/web".to_owned(), vec!["values-prod.yaml".to_owned()])].into());
        assert_eq!(found.libraries, ["charts/lib".to_owned()].into());
        assert_eq!(found.manifests, ["infra/c.json".to_owned()].into());
        let below = survey(&files, "infra");
        assert_eq!((below.kustomize.len(), below.charts.len(), below.manifests.len()), (0, 0, 1));
    }

    #[test]
    fn declared_gitops_objects_found_with_their_folders() {
        let flux = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: a, namespace: b}\n\
                    spec: {path: ./apps/prod/, sourceRef: {kind: GitRepository, name: a}}\n";
        let application = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: c, namespace: b}\n\
                           spec: {sources: [{path: web}, {path: ../x}, {chart: y}]}\n";
        let found = survey(&[("k/a.yaml", &format!("{flux}---\n{application}"))], ".");
        let roots: Vec<_> =
            found.roots.iter().map(|root| (root.id.to_string(), root.applies.concat())).collect();
        let expected = [("Kustomization/b/a", "apps/prod"), ("Application/b/c", "web")];
        assert_eq!(roots, expected.map(|(id, path)| (id.to_owned(), path.to_owned())));
    }
}
