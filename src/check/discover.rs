//! Which folders of the repository the cluster's GitOps objects apply.

use std::collections::BTreeMap;

use serde_json::Value;

use super::roots::read_roots;
use crate::cluster::Cluster;
use crate::git::RemoteAddress;
use crate::model::{Incomplete, ResourceId};
use crate::source::{Discovery, Root, RootRefusal};

/// The roots that are of the repository at one of these addresses.
pub(super) async fn discover(cluster: &Cluster, remotes: &[RemoteAddress]) -> Discovery {
    let mut discovery = Discovery::default();
    let repositories = git_repositories(cluster, &mut discovery.incomplete).await;
    let is_here = |url: &str| remotes.iter().any(|remote| is_same_repository(remote, url));
    for (id, root) in
        read(cluster, "kustomize.toolkit.fluxcd.io", "Kustomization", &mut discovery.incomplete).await
    {
        if flux_address(&id, &root, &repositories).is_some_and(is_here) {
            record(&mut discovery, &id, Root::from_kustomization(&id, &root));
        }
    }
    for (id, root) in read(cluster, "argoproj.io", "Application", &mut discovery.incomplete).await {
        if argo_cd_addresses(&root).any(is_here) {
            record(&mut discovery, &id, Root::from_application(&id, &root));
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
    let objects = read(cluster, "source.toolkit.fluxcd.io", "GitRepository", incomplete).await;
    let address = |(id, object): (ResourceId, Value)| {
        let url = object["spec"]["url"].as_str()?.to_owned();
        Some(((id.namespace.unwrap_or_default(), id.name), url))
    };
    objects.into_iter().filter_map(address).collect()
}

/// The objects of a kind; what could not be read of them is noted.
async fn read(
    cluster: &Cluster,
    group: &str,
    kind: &str,
    incomplete: &mut Vec<Incomplete>,
) -> Vec<(ResourceId, Value)> {
    let (objects, unread) = read_roots(cluster, group, kind).await;
    incomplete.extend(unread.map(Incomplete::from));
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
    ours.repository_name().is_some_and(|name| theirs.repository_name() == Some(name))
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
