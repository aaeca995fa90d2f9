//! Follows the GitOps objects of Git and of the cluster to what they apply of the repository.

use std::collections::BTreeMap;

use tracing::field::Empty;
use tracing::info_span;

use super::CheckError;
use super::roots::read_roots;
use super::settings::CheckSettings;
use crate::checkout::{Checkout, CheckoutError, is_below};
use crate::cluster::Cluster;
use crate::config::{Discover, DiscoverFrom, Source};
use crate::git::RemoteAddress;
use crate::model::{Incomplete, ObjectKey, Origin, ResourceId};
use crate::source::{
    Discovery, Here, KnownTexts, Prerendered, ReferencedTexts, RefusedRoot, RenderRequest, RootObject,
    TextReference, render_others,
};
use crate::text::pluralize;

/// Most times that what was found is rendered to find more: roots that declare roots, each deeper by one.
const MOST_ROUNDS: usize = 20;

/// Takes the sources that GitOps objects apply of the repository beside those that are listed, where they are to be
/// discovered; gives what was rendered of them.
///
/// # Errors
/// [`CheckoutError::NoSources`] where there are none.
pub(crate) async fn discover_sources(
    settings: &CheckSettings,
    opened: &mut Checkout,
    cluster: &Cluster,
    ahead: Prerendered,
) -> Result<Prerendered, CheckError> {
    let Some(discover) = opened.discover.clone() else { return Ok(ahead) };
    let stage = info_span!("discover", roots = Empty, sources = Empty, requests = Empty);
    let (live, unread) = read_live(cluster, &discover).await;
    let repository = RepositoryNames::read(opened)?;
    let walk = RootWalk {
        settings,
        cluster,
        discover: &discover,
        live,
        repository,
        listed: opened.sources.clone(),
        skips_secrets: settings.skips_secrets(&opened.config),
    };
    let (discovery, ahead) = walk.follow(opened, ahead).await?;
    stage.record("roots", discovery.roots.len()).record("sources", opened.sources.len());
    stage.record("requests", cluster.request_count());
    if opened.sources.is_empty() && discovery.is_empty() && unread.is_empty() {
        return Err(CheckoutError::NoSources.into());
    }
    opened.incomplete.extend(discovery.refused.iter().map(RefusedRoot::incomplete));
    opened.incomplete.extend(unread);
    opened.warnings.extend(note(opened, &discovery));
    opened.warnings.extend(discovery.warnings());
    opened.config.ignore.extend(discovery.ignore_rules());
    opened.discovery = Some(discovery);
    Ok(ahead)
}

/// The GitOps objects of the cluster, and what of them could not be read.
async fn read_live(cluster: &Cluster, discover: &Discover) -> (Vec<RootObject>, Vec<Incomplete>) {
    let (mut found, mut unread) = (Vec::new(), Vec::new());
    if !discover.from.contains(&DiscoverFrom::Cluster) {
        return (found, unread);
    }
    for (group, kind) in RootObject::kinds(discover) {
        let (objects, error) = read_roots(cluster, group, kind).await;
        found.extend(objects.into_iter().map(|(id, value)| RootObject { id, value, origin: None }));
        unread.extend(error.map(Incomplete::from));
    }
    (found, unread)
}

/// How GitOps objects may name the repository, and what is checked of it.
struct RepositoryNames {
    remotes: Vec<RemoteAddress>,
    branch: Option<String>,
    default_branch: Option<String>,
}

impl RepositoryNames {
    fn read(opened: &Checkout) -> Result<Self, CheckoutError> {
        let repository = &opened.repository;
        let base = opened.config.forge.base.clone();
        let default_branch = match base {
            Some(base) => Some(base),
            None => repository.fetched_default_branch()?,
        };
        Ok(Self { remotes: repository.remotes()?, branch: opened.branch.clone(), default_branch })
    }

    fn is_address(&self, url: &str) -> bool {
        self.remotes.iter().any(|remote| is_same_repository(remote, url))
    }
}

/// Whether two addresses name one repository, however it is reached; a path names none.
fn is_same_repository(ours: &RemoteAddress, url: &str) -> bool {
    let theirs = RemoteAddress::new("", url);
    ours.repository_name().is_some_and(|name| theirs.repository_name() == Some(name))
}

/// Follows roots to the roots that they declare.
struct RootWalk<'a> {
    settings: &'a CheckSettings,
    cluster: &'a Cluster,
    discover: &'a Discover,
    live: Vec<RootObject>,
    repository: RepositoryNames,
    listed: Vec<Source>,
    skips_secrets: bool,
}

impl RootWalk<'_> {
    /// Renders what the known roots apply, until that declares no other roots.
    async fn follow(
        &self,
        opened: &mut Checkout,
        mut ahead: Prerendered,
    ) -> Result<(Discovery, Prerendered), CheckError> {
        let mut live = KnownTexts::new();
        for _ in 0..MOST_ROUNDS {
            ahead = render_others(&self.request(opened), ahead);
            let mut discovery = self.find(&ahead, opened, &live);
            // Each root names what it wants one after another.
            loop {
                let wanted: Vec<TextReference> = discovery.wanted().cloned().collect();
                if wanted.is_empty() {
                    break;
                }
                for reference in wanted {
                    let found = self.look_up(&reference).await;
                    live.insert(reference, found);
                }
                discovery = self.find(&ahead, opened, &live);
            }
            let sources = self.sources(&discovery, opened);
            if sources == opened.sources {
                return Ok((self.with_live(discovery, &ahead, opened, &live), ahead));
            }
            ahead = ahead.carry(&opened.sources, &sources);
            opened.use_sources(sources)?;
        }
        let discovery = self.find(&ahead, opened, &live);
        opened.incomplete.push(Incomplete {
            what: "what GitOps objects apply".to_owned(),
            why: format!(
                "roots declare other roots more than {MOST_ROUNDS} times: the deepest were not followed"
            ),
        });
        Ok((self.with_live(discovery, &ahead, opened, &live), ahead))
    }

    /// The roots of the cluster, as Git declares them where it does, and those that only Git declares.
    fn find(&self, ahead: &Prerendered, opened: &Checkout, looked_up: &KnownTexts) -> Discovery {
        let live = self.live.iter().map(|object| (object.id.key(), object.clone()));
        let mut objects: BTreeMap<ObjectKey, RootObject> = live.collect();
        let mut declared = Vec::new();
        if self.discover.from.contains(&DiscoverFrom::Git) {
            let request = self.request(opened);
            declared = ahead.objects(&request, &|id| RootObject::is_kind(id, self.discover));
            objects.extend(declared.iter().map(|object| (object.id.key(), object.clone())));
        }
        let objects: Vec<RootObject> = objects.into_values().collect();
        Discovery { declared, ..self.find_among(&objects, ahead, opened, looked_up) }
    }

    /// Adds the roots as the cluster has them, and what they apply where Git declares otherwise.
    fn with_live(
        &self,
        found: Discovery,
        ahead: &Prerendered,
        opened: &Checkout,
        looked_up: &KnownTexts,
    ) -> Discovery {
        let places: BTreeMap<ObjectKey, &Option<Origin>> =
            found.declared.iter().map(|object| (object.id.key(), &object.origin)).collect();
        let place = |object: &RootObject| {
            let origin = places.get(&object.id.key()).and_then(|origin| (*origin).clone());
            RootObject { origin, ..object.clone() }
        };
        let live: Vec<RootObject> = self.live.iter().map(place).collect();
        let of_cluster = self.find_among(&live, ahead, opened, looked_up);
        let live_sources = of_cluster.sources_unlike(&found, opened.root(), opened.files());
        Discovery { live: self.live.clone(), live_sources, ..found }
    }

    fn find_among(
        &self,
        objects: &[RootObject],
        ahead: &Prerendered,
        opened: &Checkout,
        looked_up: &KnownTexts,
    ) -> Discovery {
        let mut lookups = looked_up.clone();
        lookups.extend(declared_lookups(ahead, &self.request(opened), looked_up));
        let here = Here {
            live: &self.live,
            lookups: &lookups,
            is_address: &|url| self.repository.is_address(url),
            branch: self.repository.branch.as_deref(),
            default_branch: self.repository.default_branch.as_deref(),
        };
        Discovery::find(objects, &here)
    }

    fn request<'o>(&'o self, opened: &'o Checkout) -> RenderRequest<'o> {
        opened.render_request(&self.settings.checkout.tools, self.cluster.api_resources())
    }

    /// What the cluster has of a ConfigMap or Secret.
    async fn look_up(&self, reference: &TextReference) -> ReferencedTexts {
        let is_secret = reference.kind == "Secret";
        if is_secret && self.skips_secrets {
            return ReferencedTexts::Unread("Secrets are skipped".to_owned());
        }
        let kind = if is_secret || reference.kind == "ConfigMap" { reference.kind.as_str() } else { "" };
        let Some(kind) = self.cluster.api_resources().preferred_version("", kind) else {
            return ReferencedTexts::Missing;
        };
        match self.cluster.get(kind, Some(&reference.namespace), &reference.name).await {
            Ok(Some(object)) => ReferencedTexts::from_object(&reference.kind, &object),
            Ok(None) => ReferencedTexts::Missing,
            Err(error) => ReferencedTexts::Unread(error.why),
        }
    }

    /// What is listed, and what the roots apply of the path that was asked for; that path alone where no root applies
    /// anything of it.
    fn sources(&self, discovery: &Discovery, opened: &Checkout) -> Vec<Source> {
        let mut found = discovery.sources(opened.root(), opened.files());
        if let Some(path) = &self.settings.checkout.path {
            found.retain(|source| is_below(&source.path, path));
            if found.is_empty() && self.listed.is_empty() {
                return vec![Source { path: path.clone(), ..Source::default() }];
            }
        }
        // A folder that is listed as it is, is applied with what its root sets.
        let is_applied =
            |listed: &Source| listed.helm.is_none() && found.iter().any(|source| source.path == listed.path);
        let listed = self.listed.iter().filter(|source| !is_applied(source)).cloned();
        listed.chain(found.iter().cloned()).collect()
    }
}

/// Of the ConfigMaps and Secrets that roots name, those that the sources declare.
fn declared_lookups(ahead: &Prerendered, request: &RenderRequest<'_>, known: &KnownTexts) -> KnownTexts {
    let reference = |id: &ResourceId| TextReference {
        kind: id.kind.clone(),
        namespace: id.namespace.clone().unwrap_or_default(),
        name: id.name.clone(),
    };
    let is_wanted = |id: &ResourceId| {
        let is_it = |known: &&TextReference| known.kind == id.kind && known.name == id.name;
        id.group.is_empty() && known.keys().any(|known| is_it(&known))
    };
    let declared = ahead
        .objects(request, &is_wanted)
        .into_iter()
        .map(|object| (reference(&object.id), ReferencedTexts::from_object(&object.id.kind, &object.value)));
    declared.filter(|(reference, _)| known.contains_key(reference)).collect()
}

/// What is said where nothing lists the sources.
fn note(opened: &Checkout, discovery: &Discovery) -> Option<String> {
    let roots = discovery.roots.len();
    (opened.config.sources.is_empty() && roots > 0).then(|| {
        let (objects, applies) = (pluralize(roots, "GitOps object"), if roots == 1 { "applies" } else { "apply" });
        format!("drift.yaml lists no sources: compared is what {objects} of Git and the cluster {applies}; `drift sources` lists them")
    })
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
