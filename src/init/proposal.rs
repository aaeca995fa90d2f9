//! The sources that a tree proposes.

use std::collections::{BTreeMap, BTreeSet};

use super::environments::{Environment, find_environments};
use super::folder_groups::{Surroundings, group_files};
use crate::checkout::is_below;
use crate::source::{SourceKind, TreeSurvey};

/// What may be compared.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Proposal {
    pub(super) sources: Vec<ProposedSource>,
}

/// A source that is proposed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ProposedSource {
    pub(super) path: String,
    pub(super) kind: SourceKind,
    /// Of a chart: its further files of values.
    pub(super) values: Vec<String>,
    /// Folders below it that are no part of it, from its own.
    pub(super) exclude: Vec<String>,
    /// The one of several environments that it is of.
    pub(super) environment: Option<Environment>,
    /// Whether it is compared; else it is named only.
    pub(super) is_chosen: bool,
}

impl Proposal {
    /// What a tree proposes; nothing in `own` or below it, where drift's own overlay is.
    pub(super) fn of_tree(tree: &TreeSurvey, own: &str) -> Self {
        let is_ours = |path: &&String| !is_below(path, own);
        let kustomize: BTreeMap<&str, &BTreeSet<String>> = tree
            .kustomize
            .iter()
            .filter(|(path, _)| is_ours(path))
            .map(|(path, bases)| (path.as_str(), bases))
            .collect();
        let charts: Vec<(&String, &Vec<String>)> =
            tree.charts.iter().filter(|(path, _)| is_ours(path)).collect();
        let files: BTreeSet<String> = tree.manifests.iter().filter(is_ours).cloned().collect();
        let folders: BTreeSet<&str> =
            files.iter().map(|file| file.rsplit_once('/').map_or("", |(folder, _)| folder)).collect();
        let all = kustomize.iter().map(|(path, bases)| (*path, Some(*bases)));
        let environments = find_environments(all.chain(folders.into_iter().map(|folder| (folder, None))));
        let collections = environments.values().map(|environment| environment.of.clone()).collect();
        let has_others = !kustomize.is_empty() || !charts.is_empty();
        let around = Surroundings { environments: &collections, has_others };
        let plain = group_files(&files, &around);
        let sources = kustomize.keys().map(|path| ProposedSource::new(path, SourceKind::Kustomize));
        let charts = charts.into_iter().map(|(path, values)| ProposedSource {
            values: values.clone(),
            ..ProposedSource::new(path, SourceKind::Helm)
        });
        let plain = plain.iter().map(|path| ProposedSource::new(path, SourceKind::Plain));
        let mut sources: Vec<ProposedSource> = sources.chain(charts).chain(plain).collect();
        for source in &mut sources {
            source.environment = environments.values().find(|found| is_of(&source.path, found)).cloned();
            source.is_chosen = source.environment.is_none();
        }
        sources.sort_by(|left, right| left.path.cmp(&right.path));
        Self { sources }
    }

    /// Leaves out what GitOps objects of the tree apply, and keeps what declares such objects.
    pub(super) fn without_applied(mut self, tree: &TreeSurvey) -> Self {
        let declares =
            |source: &ProposedSource| tree.roots.iter().any(|root| is_below(&root.file, &source.path));
        let applied: Vec<&String> = tree.roots.iter().flat_map(|root| &root.applies).collect();
        let is_applied = |source: &ProposedSource| applied.iter().any(|path| is_below(&source.path, path));
        self.sources.retain(|source| declares(source) || !is_applied(source));
        self
    }

    /// The folders with one subfolder for each environment, and the names of those that are sources.
    pub(super) fn environments(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for environment in self.sources.iter().filter_map(|source| source.environment.as_ref()) {
            found.entry(environment.of.clone()).or_default().insert(environment.name.clone());
        }
        found
    }

    /// Compares the sources of one environment.
    pub(super) fn choose(&mut self, of: &str, name: &str) {
        for source in &mut self.sources {
            let is_it = source.environment.as_ref().is_some_and(|found| found.of == of && found.name == name);
            source.is_chosen |= is_it;
        }
    }

    /// Leaves out of plain folders what lies below them and is not compared: charts that cannot be installed, other
    /// environments, and drift's own overlay.
    pub(super) fn exclude(&mut self, tree: &TreeSurvey, own: &str) {
        let others = self.sources.iter().filter(|source| !source.is_chosen).map(|source| source.path.clone());
        let left_out: BTreeSet<String> =
            others.chain(tree.libraries.iter().cloned()).chain([own.to_owned()]).collect();
        for source in self.sources.iter_mut().filter(|source| source.kind == SourceKind::Plain) {
            let inner = left_out.iter().filter(|path| **path != source.path && is_below(path, &source.path));
            source.exclude = inner
                .map(|path| match source.path.as_str() {
                    "." => path.clone(),
                    folder => path[folder.len() + 1..].to_owned(),
                })
                .collect();
        }
    }

    pub(super) fn chosen(&self) -> impl Iterator<Item = &ProposedSource> {
        self.sources.iter().filter(|source| source.is_chosen)
    }

    pub(super) fn others(&self) -> impl Iterator<Item = &ProposedSource> {
        self.sources.iter().filter(|source| !source.is_chosen)
    }
}

/// Whether a path lies in the subfolder of the environment.
fn is_of(path: &str, environment: &Environment) -> bool {
    let folder = match environment.of.as_str() {
        "" => environment.name.clone(),
        of => format!("{of}/{}", environment.name),
    };
    is_below(path, &folder)
}

impl ProposedSource {
    fn new(path: &str, kind: SourceKind) -> Self {
        let path = path.to_owned();
        let (values, exclude) = (Vec::new(), Vec::new());
        Self { path, kind, values, exclude, environment: None, is_chosen: true }
    }
}

#[cfg(test)]
mod tests {
    use super::Proposal;
    use crate::model::ResourceId;
    use crate::source::{DeclaredRoot, TreeSurvey};

    fn tree(kustomize: &[(&str, &[&str])], charts: &[&str], manifests: &[&str]) -> TreeSurvey {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        TreeSurvey {
            kustomize: kustomize
                .iter()
                .map(|(path, bases)| ((*path).to_owned(), texts(bases).into_iter().collect()))
                .collect(),
            charts: texts(charts).into_iter().map(|chart| (chart, Vec::new())).collect(),
            manifests: texts(manifests).into_iter().collect(),
            ..TreeSurvey::default()
        }
    }

    /// Chosen sources as they are, others in brackets.
    fn shown(proposal: &Proposal) -> String {
        let show = |source: &super::ProposedSource| {
            let exclude: String = source.exclude.iter().map(|path| format!(" -{path}")).collect();
            let path = if source.is_chosen { source.path.clone() } else { format!("({})", source.path) };
            format!("{path}{exclude}")
        };
        proposal.sources.iter().map(show).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn trees_propose_their_sources() {
        for (tree, expected) in [
            (tree(&[], &[], &["apps/a.yaml"]), "apps"),
            (tree(&[("apps/web", &[])], &["charts/web"], &["infra/a.yaml"]), "apps/web charts/web infra"),
            (
                tree(
                    &[("web/overlays/prod", &["web/base"]), ("web/overlays/staging", &["web/base"])],
                    &[],
                    &[],
                ),
                "(web/overlays/prod) (web/overlays/staging)",
            ),
            (tree(&[], &[], &["clusters/a/x.yaml", "clusters/b/y/z.yaml"]), "(clusters/a) (clusters/b/y)"),
            (tree(&[("deploy/drift", &[])], &[], &["deploy/a.yaml"]), "deploy -drift"),
            (tree(&[("deploy/drift", &[])], &[], &["a.yaml"]), ". -deploy/drift"),
            (
                tree(&[("apps/x/prod", &[]), ("apps/x/dev", &[])], &[], &["apps/y/a.yaml", "apps/z/a.yaml"]),
                "(apps/x/dev) (apps/x/prod) apps/y apps/z",
            ),
        ] {
            let mut proposal = Proposal::of_tree(&tree, "deploy/drift");
            proposal.exclude(&tree, "deploy/drift");
            assert_eq!(shown(&proposal), expected);
        }
    }

    #[test]
    fn chosen_environment_is_compared_and_others_named() {
        let tree = tree(&[("web/prod", &["web/base"]), ("web/dev", &["web/base"])], &[], &[]);
        let mut proposal = Proposal::of_tree(&tree, "deploy/drift");
        proposal.choose("web", "prod");
        assert_eq!(shown(&proposal), "(web/dev) web/prod");
    }

    #[test]
    fn what_gitops_objects_apply_is_left_to_them() {
        let mut tree = tree(&[("apps/web", &[])], &[], &["clusters/main/apps.yaml", "docs/a.yaml"]);
        tree.roots.push(DeclaredRoot {
            id: ResourceId::from_object(
                &serde_json::json!({"apiVersion": "a/v1", "kind": "b", "metadata": {"name": "c"}}),
            )
            .expect("an object"),
            file: "clusters/main/apps.yaml".to_owned(),
            applies: vec!["apps".to_owned(), "clusters/main".to_owned()],
        });
        let proposal = Proposal::of_tree(&tree, "deploy/drift").without_applied(&tree);
        assert_eq!(shown(&proposal), "clusters/main docs");
    }
}
