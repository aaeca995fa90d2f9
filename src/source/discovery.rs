//! Which GitOps objects apply something of this repository, and what.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::discovery_object::{FLUX_SOURCES, RootObject};
use super::references::{KnownTexts, TextReference};
use super::release_charts::ReleaseCharts;
use super::root_fields::{RootRefusal, application_sources};
use super::roots::Root;
use super::tree::SourceTree;
use crate::config::{IgnoreRule, Source};
use crate::git::TrackedFiles;
use crate::model::{Incomplete, ObjectKey, Origin, ResourceId, UncoveredRoot};

/// What makes a root one of this repository.
pub struct Here<'a> {
    /// Whether an address is that of this repository.
    pub is_address: &'a dyn Fn(&str) -> bool,
    /// The branch that is checked out, or that the revision names.
    pub branch: Option<&'a str>,
    /// The repository's default branch, where that is known.
    pub default_branch: Option<&'a str>,
    /// The GitOps objects of the cluster, with what their controllers say.
    pub live: &'a [RootObject],
    /// What is known of ConfigMaps and Secrets that roots name.
    pub lookups: &'a KnownTexts,
}

/// What the GitOps objects say of this repository.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Discovery {
    /// The folders that they apply.
    pub roots: Vec<Root>,
    /// Roots of this repository of which drift cannot render a part.
    pub refused: Vec<RefusedRoot>,
    /// Roots that apply nothing of what is checked.
    pub uncovered: Vec<UncoveredRoot>,
    /// The GitOps objects of the cluster.
    pub live: Vec<RootObject>,
    /// Those that Git declares.
    pub declared: Vec<RootObject>,
    /// The sources of roots as the cluster has them, where Git declares other ones.
    pub live_sources: BTreeMap<ObjectKey, Vec<Source>>,
}

/// A root of which drift cannot render a part.
#[derive(Debug, Clone, PartialEq)]
pub struct RefusedRoot {
    /// The object.
    pub id: ResourceId,
    /// Where Git declares it.
    pub origin: Option<Origin>,
    /// Why.
    pub why: RootRefusal,
}

impl RefusedRoot {
    /// That what it applies was not compared.
    #[must_use]
    pub fn incomplete(&self) -> Incomplete {
        Incomplete {
            what: format!("what {} applies", self.id),
            why: match self.why.hint() {
                Some(hint) => format!("{}: {hint}", self.why),
                None => self.why.to_string(),
            },
        }
    }
}

/// Why a root applies nothing of what is checked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Elsewhere {
    #[error("its source is not a Git repository ({0})")]
    NotGit(String),
    #[error("its GitRepository {0} is not there")]
    NoRepository(String),
    #[error("it is in another repository")]
    Repository,
    #[error("nothing of this repository declares it")]
    Undeclared,
    #[error("it follows {0}, which is not the branch that is checked")]
    Revision(String),
    #[error(transparent)]
    Cluster(RootRefusal),
    #[error("the cluster has no Application that it generated")]
    Generator,
}

/// What of a repository a root follows.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Revision<'a> {
    /// None that it names: it is as it was found.
    Any,
    Default,
    Branch(&'a str),
    /// A tag, a commit, a range of versions: its kind and name.
    Fixed(&'static str, &'a str),
}

impl Discovery {
    /// The roots among these objects.
    #[must_use]
    pub fn find(objects: &[RootObject], here: &Here<'_>) -> Self {
        let repositories = repositories(objects);
        let charts = ReleaseCharts::new(objects, here.live);
        let mut found = Self::default();
        let mut candidates = Vec::new();
        for object in objects {
            if object.id.kind == "ApplicationSet" && has_generated(object, objects) {
                continue;
            }
            match source_of(object, &repositories, here) {
                Ok(None) => {}
                Ok(Some(revision)) => candidates.push((object, revision)),
                Err(elsewhere) => found.uncover(object, &elsewhere),
            }
        }
        let branch = followed_branch(here, candidates.iter().map(|(_, revision)| revision));
        for (object, revision) in candidates {
            if revision.is_of(branch, here) {
                found.add(object, here, &charts);
            } else {
                found.uncover(object, &Elsewhere::Revision(revision.to_string()));
            }
        }
        found
    }

    fn add(&mut self, object: &RootObject, here: &Here<'_>, charts: &ReleaseCharts<'_>) {
        let root = match object.id.kind.as_str() {
            "Application" => Root::from_application(&object.id, &object.value, here.is_address),
            "HelmRelease" => Self::helm_release(object, here, charts),
            _ => Root::from_kustomization(&object.id, &object.value)
                .and_then(|root| root.with_texts(here.lookups)),
        };
        match root {
            Ok(mut root) => {
                if let Some(origin) = &object.origin {
                    root = root.with_file(&origin.file);
                }
                root.origin.clone_from(&object.origin);
                root.refused.iter().for_each(|why| self.refuse(object, why.clone()));
                self.roots.push(root);
            }
            // What it applies elsewhere is not of this cluster.
            Err(refusal @ RootRefusal::OtherCluster(_)) => self.uncover(object, &Elsewhere::Cluster(refusal)),
            Err(why) => self.refuse(object, why),
        }
    }

    fn refuse(&mut self, object: &RootObject, why: RootRefusal) {
        self.refused.push(RefusedRoot { id: object.id.clone(), origin: object.origin.clone(), why });
    }

    fn helm_release(
        object: &RootObject,
        here: &Here<'_>,
        charts: &ReleaseCharts<'_>,
    ) -> Result<Root, RootRefusal> {
        let chart = charts.of_release(object)?;
        Root::from_helm_release(&object.id, &object.value, chart, here.lookups)
    }

    /// References that were not looked up yet.
    pub fn wanted(&self) -> impl Iterator<Item = &TextReference> {
        self.refused.iter().filter_map(|root| match &root.why {
            RootRefusal::Wanted(reference) => Some(reference),
            _ => None,
        })
    }

    fn uncover(&mut self, object: &RootObject, why: &Elsewhere) {
        self.uncovered.push(UncoveredRoot {
            resource: object.id.clone(),
            origin: object.origin.as_ref().map(ToString::to_string),
            why: why.to_string(),
        });
    }

    /// The sources of these roots that `declared` has with other settings.
    #[must_use]
    pub fn sources_unlike(
        &self,
        declared: &Self,
        tree: &Path,
        files: Option<&TrackedFiles>,
    ) -> BTreeMap<ObjectKey, Vec<Source>> {
        let tree = SourceTree::new(tree, files);
        let known: BTreeMap<ObjectKey, &Root> =
            declared.roots.iter().map(|root| (root.id.key(), root)).collect();
        let unlike = self.roots.iter().filter_map(|root| {
            let (ours, theirs) = (root.sources(tree), known.get(&root.id.key())?.sources(tree));
            (ours != theirs).then(|| (root.id.key(), ours))
        });
        unlike.collect()
    }

    /// Whether nothing of this repository was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.roots.is_empty() && self.refused.is_empty()
    }

    /// Differences that the roots ignore, each for its own objects.
    #[must_use]
    pub fn ignore_rules(&self) -> Vec<IgnoreRule> {
        self.roots.iter().flat_map(|root| root.ignore.iter().cloned()).collect()
    }

    /// What of the roots drift does not take.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        self.roots.iter().flat_map(|root| root.warnings.iter().cloned()).collect()
    }

    /// The sources of the roots in a tree: one for each folder that is rendered on its own.
    #[must_use]
    pub fn sources(&self, tree: &Path, files: Option<&TrackedFiles>) -> Vec<Source> {
        let tree = SourceTree::new(tree, files);
        let mut sources: Vec<Source> = Vec::new();
        for source in self.roots.iter().flat_map(|root| root.sources(tree)) {
            if !sources.contains(&source) {
                sources.push(source);
            }
        }
        sources
    }
}

/// Whether there are Applications that an ApplicationSet generated: they are roots of their own.
fn has_generated(set: &RootObject, objects: &[RootObject]) -> bool {
    let is_owner = |owner: &Value| owner["kind"] == "ApplicationSet" && owner["name"] == set.id.name.as_str();
    objects.iter().any(|object| {
        let owners = object.value["metadata"]["ownerReferences"].as_array();
        object.id.namespace == set.id.namespace && owners.is_some_and(|owners| owners.iter().any(is_owner))
    })
}

/// Address and revision of Flux's repositories, by namespace and name.
type Repositories<'a> = BTreeMap<ObjectKey, &'a Value>;

fn repositories(objects: &[RootObject]) -> Repositories<'_> {
    let of_kind = objects.iter().filter(|object| object.id.kind == "GitRepository");
    of_kind.map(|object| (object.id.key(), &object.value["spec"])).collect()
}

/// What of this repository an object follows; `None` where it applies nothing.
fn source_of<'a>(
    object: &'a RootObject,
    repositories: &Repositories<'a>,
    here: &Here<'_>,
) -> Result<Option<Revision<'a>>, Elsewhere> {
    let spec = &object.value["spec"];
    match object.id.kind.as_str() {
        "Kustomization" => flux_source(&object.id, &spec["sourceRef"], repositories, here).map(Some),
        "HelmRelease" => {
            let reference = &spec["chart"]["spec"]["sourceRef"];
            if reference["kind"] == "GitRepository" {
                return flux_source(&object.id, reference, repositories, here).map(Some);
            }
            // Its chart is of no repository like this one: it belongs to what declares it.
            object.origin.as_ref().map(|_| Some(Revision::Any)).ok_or(Elsewhere::Undeclared)
        }
        "Application" => {
            let is_here = |source: &&Value| source["repoURL"].as_str().is_some_and(here.is_address);
            let Some(source) = application_sources(spec).find(is_here) else {
                // Charts are of no repository like this one: it belongs to what declares it.
                let is_chart = |source: &Value| source["chart"].is_string();
                let has_chart = application_sources(spec).any(is_chart) && object.origin.is_some();
                return if has_chart { Ok(Some(Revision::Any)) } else { Err(Elsewhere::Repository) };
            };
            Ok(Some(Revision::of_argo_cd(source["targetRevision"].as_str().unwrap_or_default())))
        }
        "ApplicationSet" => Err(Elsewhere::Generator),
        _ => Ok(None),
    }
}

/// What of this repository a reference to a source of Flux follows.
fn flux_source<'a>(
    id: &ResourceId,
    reference: &'a Value,
    repositories: &Repositories<'a>,
    here: &Here<'_>,
) -> Result<Revision<'a>, Elsewhere> {
    let text = |key: &str| reference[key].as_str();
    let kind = text("kind").unwrap_or("none");
    if kind != "GitRepository" {
        return Err(Elsewhere::NotGit(kind.to_owned()));
    }
    let repository = ResourceId {
        group: FLUX_SOURCES.to_owned(),
        version: String::new(),
        kind: kind.to_owned(),
        namespace: text("namespace").map(str::to_owned).or_else(|| id.namespace.clone()),
        name: text("name").unwrap_or_default().to_owned(),
    };
    let spec = repositories
        .get(&repository.key())
        .ok_or_else(|| Elsewhere::NoRepository(repository.name.clone()))?;
    if !spec["url"].as_str().is_some_and(here.is_address) {
        return Err(Elsewhere::Repository);
    }
    Ok(Revision::of_flux(&spec["ref"]))
}

impl<'a> Revision<'a> {
    /// `spec.ref` of a GitRepository (`api/v1/gitrepository_types.go` of source-controller): what is most exact counts.
    fn of_flux(reference: &'a Value) -> Self {
        let text = |key: &str| reference[key].as_str().filter(|text| !text.is_empty());
        let fixed = ["commit", "name", "semver", "tag"].into_iter();
        let fixed = fixed.filter_map(|key| text(key).map(|text| (key, text))).next();
        match fixed {
            Some((kind, name)) => match name.strip_prefix("refs/heads/") {
                Some(branch) if kind == "name" => Self::Branch(branch),
                _ => Self::Fixed(if kind == "name" { "reference" } else { kind }, name),
            },
            None => Self::Branch(text("branch").unwrap_or("master")),
        }
    }

    /// `targetRevision` of an Application: a branch, a tag, a commit or a range of versions.
    fn of_argo_cd(revision: &'a str) -> Self {
        match revision {
            "" | "HEAD" => Self::Default,
            _ if revision.len() == 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                Self::Fixed("commit", revision)
            }
            _ => match (revision.strip_prefix("refs/heads/"), revision.strip_prefix("refs/tags/")) {
                (Some(branch), _) => Self::Branch(branch),
                (_, Some(tag)) => Self::Fixed("tag", tag),
                _ if revision.contains(['*', '^', '~', '>', '<', '=']) => Self::Fixed("semver", revision),
                _ => Self::Branch(revision),
            },
        }
    }

    /// Whether it is what is checked. Where nothing tells the branch, every branch is.
    fn is_of(&self, branch: Option<&str>, here: &Here<'_>) -> bool {
        let Some(branch) = branch else { return !matches!(self, Self::Fixed(..)) };
        match self {
            Self::Any => true,
            Self::Default => here.default_branch.is_none_or(|default| default == branch),
            Self::Branch(followed) => *followed == branch,
            Self::Fixed(..) => false,
        }
    }
}

impl std::fmt::Display for Revision<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Any => out.write_str("any branch"),
            Self::Default => out.write_str("the default branch"),
            Self::Branch(name) => write!(out, "the branch {name}"),
            Self::Fixed(kind, name) => write!(out, "the {kind} {name}"),
        }
    }
}

/// The branch whose roots are looked at: the checked one where a root follows it, else the one that it will be merged into;
/// `None` where neither is known.
fn followed_branch<'h, 'r>(
    here: &Here<'h>,
    followed: impl Iterator<Item = &'r Revision<'r>> + Clone,
) -> Option<&'h str> {
    let is_followed = |branch: &&str| {
        followed.clone().any(|revision| matches!(revision, Revision::Branch(name) if name == branch))
    };
    here.branch.filter(is_followed).or(here.default_branch)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Discovery, Here, KnownTexts, RootObject};
    use crate::model::ResourceId;

    fn object(kind: &str, name: &str, spec: &Value) -> RootObject {
        let group = match kind {
            "GitRepository" => "source.toolkit.fluxcd.io/v1",
            "Kustomization" => "kustomize.toolkit.fluxcd.io/v1",
            _ => "argoproj.io/v1alpha1",
        };
        let value = json!({"apiVersion": group, "kind": kind,
            "metadata": {"name": name, "namespace": "gitops"}, "spec": spec});
        RootObject { id: ResourceId::from_object(&value).expect("an object"), value, origin: None }
    }

    fn repository(name: &str, url: &str, reference: &Value) -> RootObject {
        object("GitRepository", name, &json!({"url": url, "ref": reference}))
    }

    fn kustomization(name: &str, repository: &str) -> RootObject {
        let source = json!({"kind": "GitRepository", "name": repository});
        object("Kustomization", name, &json!({"path": "./a", "sourceRef": source}))
    }

    fn application(name: &str, revision: &str) -> RootObject {
        let source = json!({"repoURL": "here", "path": "a", "targetRevision": revision});
        object("Application", name, &json!({"source": source}))
    }

    /// The names of the roots that are found, and why the others are not.
    fn found(
        objects: &[RootObject],
        branch: Option<&str>,
        default: Option<&str>,
    ) -> (Vec<String>, Vec<String>) {
        let here = Here {
            is_address: &|url| url == "here",
            branch,
            default_branch: default,
            live: &[],
            lookups: &KnownTexts::new(),
        };
        let found = Discovery::find(objects, &here);
        let others = found.uncovered.into_iter().map(|root| format!("{}: {}", root.resource.name, root.why));
        (found.roots.into_iter().map(|root| root.id.name).collect(), others.collect())
    }

    #[test]
    fn roots_belong_by_address_and_branch() {
        let objects = [
            repository("main", "here", &json!({"branch": "main"})),
            repository("staging", "here", &json!({"branch": "staging"})),
            repository("tagged", "here", &json!({"tag": "v1", "branch": "main"})),
            repository("named", "here", &json!({"name": "refs/heads/main"})),
            repository("other", "there", &json!({"branch": "main"})),
            kustomization("k-main", "main"),
            kustomization("k-staging", "staging"),
            kustomization("k-tagged", "tagged"),
            kustomization("k-named", "named"),
            kustomization("k-other", "other"),
            kustomization("k-none", "none"),
            application("a-head", "HEAD"),
            application("a-main", "main"),
            application("a-range", "1.*"),
        ];
        let (names, others) = found(&objects, Some("main"), Some("main"));
        assert_eq!(names, ["k-main", "k-named", "a-head", "a-main"]);
        insta::assert_snapshot!(others.join("\n"), @r"
        k-other: it is in another repository
        k-none: its GitRepository none is not there
        k-staging: it follows the branch staging, which is not the branch that is checked
        k-tagged: it follows the tag v1, which is not the branch that is checked
        a-range: it follows the semver 1.*, which is not the branch that is checked
        ");
        assert_eq!(found(&objects, Some("staging"), Some("main")).0, ["k-staging"]);
        // A branch that nobody follows will be merged.
        assert_eq!(found(&objects, Some("fix"), Some("main")).0, ["k-main", "k-named", "a-head", "a-main"]);
        // Nothing tells: every branch.
        assert_eq!(found(&objects, None, None).0, ["k-main", "k-staging", "k-named", "a-head", "a-main"]);
    }

    #[test]
    fn roots_of_other_kinds_are_named() {
        let bucket = json!({"path": "./a", "sourceRef": {"kind": "Bucket", "name": "b"}});
        let elsewhere =
            json!({"source": {"repoURL": "here", "path": "a"}, "destination": {"server": "https://x"}});
        let objects = [
            object("Kustomization", "k", &bucket),
            object("Application", "a", &elsewhere),
            object("ApplicationSet", "s", &json!({})),
        ];
        let (names, others) = found(&objects, None, None);
        assert!(names.is_empty());
        insta::assert_snapshot!(others.join("\n"), @r"
        k: its source is not a Git repository (Bucket)
        s: the cluster has no Application that it generated
        a: it applies to another cluster (destination)
        ");
    }
}
