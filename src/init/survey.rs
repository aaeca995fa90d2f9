//! Reads what a repository and its cluster hold.

use std::path::{Path, PathBuf};

use futures::stream::StreamExt;

use super::InitError;
use super::proposal::{Proposal, ProposedSource};
use super::settings::InitSettings;
use crate::check::{CheckError, find_roots};
use crate::checkout::{Checkout, DEFAULT_NAMESPACE, parse_config};
use crate::cluster::{Cluster, Projection, ReadErrorKind};
use crate::config::{CONFIG_FILE, ForgeKind, Source};
use crate::git::{RemoteAddress, read_file};
use crate::model::SourcesReport;
use crate::source::{RenderRequest, TreeSurvey, render, survey_tree};
use crate::text::with_hint;

/// What was found.
pub(super) struct Survey {
    /// The work tree.
    pub(super) root: PathBuf,
    pub(super) remote: Option<RemoteAddress>,
    pub(super) forge: Forge,
    pub(super) tree: TreeSurvey,
    pub(super) proposal: Proposal,
    /// Absent: no cluster was asked.
    pub(super) cluster: Option<ClusterFacts>,
    pub(super) warnings: Vec<String>,
}

/// Which kind of forge the remote is.
pub(super) struct Forge {
    pub(super) kind: Option<ForgeKind>,
    /// Whether the remote's address tells it, so that `drift.yaml` need not.
    pub(super) is_told_by_address: bool,
}

/// What a cluster says.
pub(super) struct ClusterFacts {
    /// The kubeconfig's context.
    pub(super) context: Option<String>,
    /// Whether Secrets are to be left out: they may not be listed, or the caller says so.
    pub(super) skips_secrets: bool,
    /// What its GitOps objects apply of the repository.
    pub(super) report: SourcesReport,
}

impl Survey {
    /// Reads both; `progress` receives each stage as it begins.
    ///
    /// # Errors
    /// [`InitError`]
    pub(super) async fn read(settings: &InitSettings, progress: &dyn Fn(&str)) -> Result<Self, InitError> {
        let checkout = &settings.check.checkout;
        progress("reading the repository");
        let opened = Checkout::open_unconfigured(checkout).map_err(CheckError::from)?;
        let mut opened = opened.ok_or(InitError::NoWorkTree)?;
        let below = checkout.path.as_deref().unwrap_or(".");
        let tree = survey_tree(opened.root(), opened.files(), below);
        let remote = opened.repository.remote().map_err(CheckError::from)?;
        let proposal = Proposal::of_tree(&tree, &settings.cronjob_folder);
        let root = opened.root().to_owned();
        let forge = Forge::find(settings.forge, remote.as_ref(), &root);
        let mut found = Self { root, remote, forge, tree, proposal, cluster: None, warnings: Vec::new() };
        progress("asking the cluster");
        match settings.check.connect().await {
            Ok(cluster) => {
                found.cluster = Some(ClusterFacts::read(settings, &mut opened, &cluster).await?);
                found.choose_environments(settings, &opened, &cluster).await;
            }
            Err(error) if settings.needs_cluster => return Err(error.into()),
            Err(error) => {
                let why = with_hint(&error, error.hint());
                found
                    .warnings
                    .push(format!("no cluster was asked, so only the repository was looked at: {why}"));
            }
        }
        Ok(found)
    }

    /// Chooses environments of which most objects are live, where of all others most are not.
    async fn choose_environments(&mut self, settings: &InitSettings, opened: &Checkout, cluster: &Cluster) {
        for (of, names) in self.proposal.environments() {
            let mut live = Vec::new();
            for name in names {
                let of_environment = self.proposal.sources.iter().filter(|source| {
                    source.environment.as_ref().is_some_and(|found| found.of == of && found.name == name)
                });
                let sources: Vec<Source> = of_environment.map(ProposedSource::source).collect();
                let lookup = LiveLookup { settings, opened, cluster };
                if lookup.has_most_of(&sources).await {
                    live.push(name);
                }
            }
            if let [name] = &live[..] {
                self.proposal.choose(&of, name);
            }
        }
    }
}

impl ProposedSource {
    fn source(&self) -> Source {
        Source { path: self.path.clone(), ..Source::default() }
    }
}

/// The most objects of an environment that are looked up.
const MOST_LOOKUPS: usize = 50;

struct LiveLookup<'a> {
    settings: &'a InitSettings,
    opened: &'a Checkout,
    cluster: &'a Cluster,
}

impl LiveLookup<'_> {
    /// Whether more than half of the objects of these sources are live, by their names; Secrets are not asked for.
    async fn has_most_of(&self, sources: &[Source]) -> bool {
        let served = self.cluster.api_resources();
        let rendered = render(&RenderRequest {
            tree: self.opened.root(),
            files: self.opened.files(),
            sources,
            served,
            tools: &self.settings.check.checkout.tools,
            default_namespace: DEFAULT_NAMESPACE,
        });
        let (mut live, mut asked) = (0, 0);
        let ids = rendered.objects.iter().map(|object| &object.id).filter(|id| id.kind != "Secret");
        for id in ids.take(MOST_LOOKUPS) {
            let Some(kind) = served.preferred_version(&id.group, &id.kind) else { continue };
            if let Ok(found) = self.cluster.get(kind, id.namespace.as_deref(), &id.name).await {
                asked += 1;
                live += usize::from(found.is_some());
            }
        }
        live * 2 > asked
    }
}

impl ClusterFacts {
    async fn read(
        settings: &InitSettings,
        opened: &mut Checkout,
        cluster: &Cluster,
    ) -> Result<Self, InitError> {
        let report = match opened.discover.is_some() {
            true => find_roots(&settings.check, opened, cluster).await?,
            // No object of the cluster can name it.
            false => SourcesReport::default(),
        };
        let context = cluster.context().map(str::to_owned);
        let skips_secrets = settings.check.skip_secrets || forbids_secrets(cluster).await;
        Ok(Self { context, skips_secrets, report })
    }
}

/// Whether the names of Secrets may not be listed; any other failure says nothing.
async fn forbids_secrets(cluster: &Cluster) -> bool {
    let Some(kind) = cluster.api_resources().preferred_version("", "Secret") else { return false };
    let first = cluster.list(kind, None, Projection::Metadata).next().await;
    matches!(first, Some(Err(error)) if error.kind == ReadErrorKind::Forbidden)
}

impl Forge {
    /// By what the caller says, the remote's address, an earlier `drift.yaml`, or the folder where a forge looks for
    /// workflows.
    fn find(said: Option<ForgeKind>, remote: Option<&RemoteAddress>, root: &Path) -> Self {
        let by_address = remote.and_then(RemoteAddress::forge_kind);
        let configured = || {
            let root = root.canonicalize().ok()?;
            let bytes = read_file(&root, Path::new(CONFIG_FILE), 1 << 20).ok()?;
            parse_config(bytes).ok()?.forge.kind
        };
        let by_folder = || {
            let has = |name: &str| root.join(name).symlink_metadata().is_ok_and(|found| found.is_dir());
            (remote.is_some() && (has(".gitea") || has(".forgejo"))).then_some(ForgeKind::Gitea)
        };
        let kind = said.or(by_address).or_else(configured).or_else(by_folder);
        Self { kind, is_told_by_address: kind == by_address }
    }
}
