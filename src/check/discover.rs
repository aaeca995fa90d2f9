//! Which folders of the repository the cluster's GitOps objects apply.

use std::collections::BTreeMap;

use futures::stream::StreamExt;
use serde_json::Value;

use crate::cluster::{Cluster, ReadError, ReadErrorKind, resource_display_name};
use crate::git::RemoteAddress;
use crate::model::{Incomplete, ResourceId};
use crate::source::{Discovery, Root, RootRefusal};

/// The roots that are of the repository at one of these addresses.
pub(super) async fn discover(cluster: &Cluster, remotes: &[RemoteAddress]) -> Discovery {
    let mut discovery = Discovery::default();
    let repositories = git_repositories(cluster, &mut discovery.incomplete).await;
    let is_here = |url: &str| remotes.iter().any(|remote| is_same_repository(remote, url));
    for (id, root) in read(cluster, "kustomize.toolkit.fluxcd.io", "Kustomization", &mut discovery).await {
        if flux_address(&id, &root, &repositories).is_some_and(is_here) {
            record(&mut discovery, &id, Root::from_kustomization(&root));
        }
    }
    for (id, root) in read(cluster, "argoproj.io", "Application", &mut discovery).await {
        if argo_cd_addresses(&root).any(is_here) {
            record(&mut discovery, &id, Root::from_application(&root));
        }
    }
    discovery
}

fn record(discovery: &mut Discovery, id: &ResourceId, root: Result<Root, RootRefusal>) {
    match root {
        Ok(root) => discovery.roots.push(root),
        // What it applies elsewhere is not of this cluster.
        Err(RootRefusal::OtherCluster(_)) => {}
        Err(refusal) => discovery.incomplete.push(Incomplete {
            what: format!("what {id} applies"),
            why: format!("{refusal}: list what it applies as a source in drift.yaml, where that is the same"),
        }),
    }
}

/// The addresses of Flux's repositories, by namespace and name.
type Repositories = BTreeMap<(String, String), String>;

async fn git_repositories(cluster: &Cluster, incomplete: &mut Vec<Incomplete>) -> Repositories {
    let mut found = Discovery::default();
    let objects = read(cluster, "source.toolkit.fluxcd.io", "GitRepository", &mut found).await;
    incomplete.append(&mut found.incomplete);
    let address = |(id, object): (ResourceId, Value)| {
        let url = object["spec"]["url"].as_str()?.to_owned();
        Some(((id.namespace.unwrap_or_default(), id.name), url))
    };
    objects.into_iter().filter_map(address).collect()
}

/// The objects of a kind in all namespaces; none where it is not served.
async fn read(
    cluster: &Cluster,
    group: &str,
    kind: &str,
    discovery: &mut Discovery,
) -> Vec<(ResourceId, Value)> {
    let Some(served) = cluster.api_resources().preferred_version(group, kind) else { return Vec::new() };
    let mut objects = Vec::new();
    let mut pages = cluster.objects(served, None);
    while let Some(page) = pages.next().await {
        match page {
            Ok(page) => {
                let with_id = |object| Some((ResourceId::from_object(&object).ok()?, object));
                objects.extend(page.into_iter().filter_map(with_id));
            }
            Err(error) if error.kind == ReadErrorKind::NotServed => break,
            Err(error) => {
                let what = resource_display_name(served, None);
                discovery.incomplete.push(ReadError { what, ..error }.into());
                break;
            }
        }
    }
    objects
}

/// Where the repository of a Flux Kustomization is.
fn flux_address<'r>(id: &ResourceId, root: &Value, repositories: &'r Repositories) -> Option<&'r str> {
    let source = &root["spec"]["sourceRef"];
    if source["kind"] != "GitRepository" {
        return None;
    }
    let namespace = source["namespace"].as_str().or(id.namespace.as_deref()).unwrap_or_default();
    let name = source["name"].as_str()?;
    repositories.get(&(namespace.to_owned(), name.to_owned())).map(String::as_str)
}

/// Where the repositories of an Application are.
fn argo_cd_addresses(root: &Value) -> impl Iterator<Item = &str> {
    let several = root["spec"]["sources"].as_array().into_iter().flatten();
    let sources = std::iter::once(&root["spec"]["source"]).chain(several);
    sources.filter_map(|source| source["repoURL"].as_str())
}

/// Whether two addresses name one repository, however it is reached; a path names none.
fn is_same_repository(ours: &RemoteAddress, url: &str) -> bool {
    let theirs = RemoteAddress::new("", url);
    let name = |address: &RemoteAddress| {
        let path = address.owner_repo.as_ref()?.to_lowercase();
        Some((address.host.as_ref()?.to_lowercase(), path))
    };
    name(ours).is_some() && name(ours) == name(&theirs)
}

#[cfg(test)]
mod tests {
    use super::is_same_repository;
    use crate::git::RemoteAddress;

    #[test]
    fn one_repository_is_known_by_every_address() {
        let ours = RemoteAddress::new("origin", "git@git.example.org:acme/Fleet.git");
        for url in [
            "https://git.example.org/acme/fleet",
            "ssh://git@git.example.org/acme/fleet.git",
            "https://user:secret@git.example.org/acme/fleet.git/",
        ] {
            assert!(is_same_repository(&ours, url), "{url}");
        }
        for url in
            ["https://git.example.org/acme/fleet2", "https://example.org/acme/fleet", "/srv/acme/fleet", ""]
        {
            assert!(!is_same_repository(&ours, url), "{url}");
        }
        assert!(!is_same_repository(&RemoteAddress::new("origin", "/srv/fleet"), "/srv/fleet"));
    }
}
