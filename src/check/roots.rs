//! Finds Flux and Argo CD objects whose folder or chart is in no source. The objects are compared
//! like any other object; what they apply is compared only where it is a source.

use crate::model::UncoveredRoot;
use std::collections::{BTreeMap, BTreeSet};

use futures::stream::StreamExt;
use serde_json::Value;

use crate::checkout::is_below;
use crate::cluster::{Cluster, ReadError, ReadErrorKind, resource_display_name};
use crate::config::Source;
use crate::git::RemoteAddress;
use crate::model::{Desired, Incomplete, ObjectKey, ResourceId};
use crate::source::application_sources;

/// Group and kind of each.
const KINDS: [(&str, &str); 4] = [
    ("kustomize.toolkit.fluxcd.io", "Kustomization"),
    ("helm.toolkit.fluxcd.io", "HelmRelease"),
    ("argoproj.io", "Application"),
    ("argoproj.io", "ApplicationSet"),
];

/// The sources of a run, and where its repository is.
pub(super) struct RootCoverage<'a> {
    pub(super) sources: &'a [Source],
    pub(super) remote: Option<RemoteAddress>,
}

/// The roots of Git and of the cluster whose objects are of no source, by id; and the lists that could not be read.
pub(super) async fn find_uncovered_roots(
    cluster: &Cluster,
    desired: &[Desired],
    covered: &RootCoverage<'_>,
) -> (Vec<UncoveredRoot>, Vec<Incomplete>) {
    let mut found: BTreeMap<ObjectKey, UncoveredRoot> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for object in desired.iter().filter(|object| is_root(&object.id)) {
        seen.insert(object.id.key());
        if let Some(why) = covered.why_uncovered(&object.id, &object.value.compute()) {
            let origin = Some(object.origin.to_string());
            let resource = object.id.clone();
            found.insert(resource.key(), UncoveredRoot { resource, origin, why });
        }
    }
    let mut unread = Vec::new();
    for (group, kind) in KINDS {
        match read_roots(cluster, group, kind).await {
            (roots, None) => {
                let roots = roots.into_iter().filter(|(id, _)| !seen.contains(&id.key()));
                found.extend(roots.filter_map(|(resource, root)| {
                    let why = covered.why_uncovered(&resource, &root)?;
                    Some((resource.key(), UncoveredRoot { resource, origin: None, why }))
                }));
            }
            (_, Some(error)) => unread.push(error.into()),
        }
    }
    (found.into_values().collect(), unread)
}

fn is_root(id: &ResourceId) -> bool {
    KINDS.contains(&(id.group.as_str(), id.kind.as_str()))
}

/// The objects of a kind in all namespaces, none where it is not served; and what kept the list from being read to its end.
pub(super) async fn read_roots(
    cluster: &Cluster,
    group: &str,
    kind: &str,
) -> (Vec<(ResourceId, Value)>, Option<ReadError>) {
    let mut roots = Vec::new();
    let Some(served) = cluster.api_resources().preferred_version(group, kind) else { return (roots, None) };
    let mut pages = cluster.objects(served, None);
    while let Some(page) = pages.next().await {
        match page {
            Ok(page) => {
                let with_id = |root| Some((ResourceId::from_object(&root).ok()?, root));
                roots.extend(page.into_iter().filter_map(with_id));
            }
            Err(error) if error.kind == ReadErrorKind::NotServed => break,
            Err(error) => {
                return (roots, Some(ReadError { what: resource_display_name(served, None), ..error }));
            }
        }
    }
    (roots, None)
}

impl RootCoverage<'_> {
    /// Why what a root applies is in no source; `None` where it is in one.
    fn why_uncovered(&self, id: &ResourceId, root: &Value) -> Option<String> {
        let text = |pointer: &str| root.pointer(pointer).and_then(Value::as_str);
        match id.kind.as_str() {
            "Kustomization" if text("/spec/sourceRef/kind") == Some("GitRepository") => {
                self.folder(text("/spec/path").unwrap_or("."))
            }
            "HelmRelease" if text("/spec/chart/spec/sourceRef/kind") == Some("GitRepository") => {
                self.folder(text("/spec/chart/spec/chart").unwrap_or("."))
            }
            "HelmRelease" => Some("its chart is in no source".to_owned()),
            "Application" => {
                application_sources(&root["spec"]).find_map(|source| self.why_source_uncovered(source))
            }
            "ApplicationSet" => Some("the Applications that it generates are checked separately".to_owned()),
            _ => Some("its source is not a Git repository".to_owned()),
        }
    }

    /// Why one source of an Application is not in a source.
    fn why_source_uncovered(&self, source: &Value) -> Option<String> {
        let text = |key: &str| source.get(key).and_then(Value::as_str);
        match (text("chart"), text("path"), text("ref")) {
            (Some(_), ..) => Some("its chart is not in any source".to_owned()),
            // Values only.
            (None, None, Some(_)) => None,
            _ if !text("repoURL").is_none_or(|url| self.is_this_repository(url)) => {
                Some("it is in another repository".to_owned())
            }
            (_, path, _) => self.folder(path.unwrap_or(".")),
        }
    }

    /// Whether an address may be that of this repository.
    fn is_this_repository(&self, url: &str) -> bool {
        let other = RemoteAddress::new("", url);
        // A path tells no repository from another.
        let ours = self.remote.as_ref().and_then(RemoteAddress::repository_name);
        ours.is_none_or(|ours| other.repository_name() == Some(ours))
    }

    fn folder(&self, path: &str) -> Option<String> {
        let plain = |path: &str| match path.trim_start_matches("./").trim_matches('/') {
            "" => ".".to_owned(),
            path => path.to_owned(),
        };
        let wanted = plain(path);
        let has = |source: &Source| is_below(&wanted, &plain(&source.path));
        (!self.sources.iter().any(has)).then(|| format!("{path} is in no source"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::RootCoverage;
    use crate::config::Source;
    use crate::git::RemoteAddress;
    use crate::model::ResourceId;

    fn why_not(kind: &str, spec: &Value) -> Option<String> {
        let sources =
            ["apps/web", "clusters/prod"].map(|path| Source { path: path.to_owned(), ..Source::default() });
        let remote = Some(RemoteAddress::new("origin", "git@git.example.org:acme/fleet.git"));
        let root = json!({"apiVersion": "a/v1", "kind": kind, "metadata": {"name": "a"}, "spec": spec});
        let id = ResourceId::from_object(&root).expect("an object");
        RootCoverage { sources: &sources, remote }.why_uncovered(&id, &root)
    }

    #[test]
    fn root_covered_if_sources_have_its_content() {
        let git = json!({"kind": "GitRepository"});
        let here = "https://git.example.org/acme/fleet";
        for (kind, spec) in [
            ("Kustomization", json!({"path": "./apps/web", "sourceRef": git})),
            ("Kustomization", json!({"path": "./clusters/prod/infra/", "sourceRef": git})),
            ("HelmRelease", json!({"chart": {"spec": {"chart": "./apps/web", "sourceRef": git}}})),
            ("Application", json!({"source": {"path": "apps/web", "repoURL": here}})),
            (
                "Application",
                json!({"sources": [{"path": "apps/web", "repoURL": here}, {"ref": "values", "repoURL": "x"}]}),
            ),
        ] {
            assert_eq!(why_not(kind, &spec), None, "{kind} {spec}");
        }
        for (kind, spec) in [
            ("Kustomization", json!({"path": "./apps/web2", "sourceRef": git})),
            ("Kustomization", json!({"sourceRef": git})),
            ("Kustomization", json!({"path": "./apps/web", "sourceRef": {"kind": "OCIRepository"}})),
            (
                "HelmRelease",
                json!({"chart": {"spec": {"chart": "web", "sourceRef": {"kind": "HelmRepository"}}}}),
            ),
            ("HelmRelease", json!({"chartRef": {"kind": "OCIRepository", "name": "web"}})),
            (
                "Application",
                json!({"source": {"path": "apps/web", "repoURL": "https://git.example.org/acme/other"}}),
            ),
            ("Application", json!({"source": {"chart": "web", "repoURL": here}})),
            (
                "Application",
                json!({"sources": [{"path": "apps/web", "repoURL": here}, {"path": "x", "repoURL": here}]}),
            ),
            ("ApplicationSet", json!({})),
        ] {
            assert!(why_not(kind, &spec).is_some(), "{kind} {spec}");
        }
    }
}
