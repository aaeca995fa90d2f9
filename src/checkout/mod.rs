//! A repository opened at a commit or as a work tree, its configuration read and its sources selected.

mod base;
mod config_file;
mod error;
mod select;
mod settings;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::config::{Config, Source};
use crate::git::{self, CommitId, GitError, Repository, SkippedEntry, TrackedFiles};
use crate::model::{ApiResources, Desired, Incomplete};
use crate::source::{Discovery, InputsReader, RenderRequest, Tools, render};

pub(crate) use base::{LedgerLocation, RemoteBase, read_ledger_files, refuse_foreign_branch};
pub(crate) use config_file::{parse_config, read_config_at};
pub use error::CheckoutError;
pub(crate) use select::is_below;
pub use settings::{CheckoutSettings, RepositoryLocation, Tokens};

use config_file::read_config_in;
use select::select_sources;

/// Namespace of namespaced objects that name none.
pub(crate) const DEFAULT_NAMESPACE: &str = "default";

/// A tree that is ready to be rendered.
pub struct Checkout {
    /// Its repository.
    pub repository: Repository,
    /// The commit that is read, or that the work tree stands on.
    pub commit: CommitId,
    /// Whether the work tree is read, and differs from the commit.
    pub dirty: bool,
    /// `drift.yaml`, or the default.
    pub config: Config,
    /// The sources, narrowed.
    pub sources: Vec<Source>,
    /// Files that could not be read.
    pub incomplete: Vec<Incomplete>,
    /// Warnings about the files.
    pub warnings: Vec<String>,
    files: Option<TrackedFiles>,
    folder: Folder,
}

enum Folder {
    WorkTree(PathBuf),
    Private(tempfile::TempDir),
}

/// Most bytes of a commit's files.
const MOST_BYTES: u64 = 1 << 30;

impl Checkout {
    /// Opens the tree that the settings name.
    pub fn open(settings: &CheckoutSettings) -> Result<Self, CheckoutError> {
        let repository = settings.open_repository()?;
        match (&settings.revision, repository.root().map(Path::to_owned)) {
            (None, Some(root)) => Self::from_work_tree(repository, root, settings),
            (revision, _) => {
                let commit = resolve(&repository, revision.as_deref())?;
                Self::from_discovery(repository, commit, settings.path.as_deref(), &settings.discovery)
            }
        }
    }

    fn from_work_tree(
        repository: Repository,
        root: PathBuf,
        settings: &CheckoutSettings,
    ) -> Result<Self, CheckoutError> {
        let commit = repository.head()?;
        let config = read_config_in(&root)?;
        let all = settings.include_untracked;
        let files = repository.files(all)?;
        let named = named_sources(&config, settings.path.as_deref(), &settings.discovery)?;
        let SourceList { sources, mut incomplete, mut warnings } =
            SourceList::new(named, &settings.discovery, &root, Some(&files));
        let paths: Vec<&str> = sources.iter().map(|source| source.path.as_str()).collect();
        let status = repository.status(&paths)?;
        let of_sources = |path: &String| sources.iter().any(|source| is_below(path, &source.path));
        if !all {
            let submodules = repository.submodules()?.into_iter().filter(of_sources);
            incomplete.extend(
                submodules.map(|what| Incomplete { what, why: explain_skipped(&SkippedEntry::Submodule) }),
            );
            incomplete.extend(not_checked_out(&repository, &sources)?);
            let untracked: Vec<String> = status.untracked.into_iter().filter(of_sources).collect();
            warnings.extend(untracked_warning(&untracked));
            warnings.extend(status.too_deep.then(|| UNTRACKED_UNKNOWN.to_owned()));
        }
        Ok(Self {
            repository,
            commit,
            dirty: status.dirty,
            config,
            sources,
            incomplete,
            warnings,
            files: Some(files),
            folder: Folder::WorkTree(root),
        })
    }

    /// The files of a commit, in a private folder.
    pub fn from_commit(
        repository: Repository,
        commit: CommitId,
        path: Option<&str>,
    ) -> Result<Self, CheckoutError> {
        Self::from_discovery(repository, commit, path, &Discovery::default())
    }

    fn from_discovery(
        repository: Repository,
        commit: CommitId,
        path: Option<&str>,
        discovery: &Discovery,
    ) -> Result<Self, CheckoutError> {
        let config = read_config_at(&repository, &commit)?;
        let named = named_sources(&config, path, discovery)?;
        let folders = named.clone().unwrap_or_else(|| discovery.folders());
        let (folder, unwritten) = export_commit(&repository, &commit, &folders)?;
        let SourceList { sources, mut incomplete, warnings } =
            SourceList::new(named, discovery, folder.path(), None);
        incomplete.extend(unwritten);
        Ok(Self {
            repository,
            commit,
            dirty: false,
            config,
            sources,
            incomplete,
            warnings,
            files: None,
            folder: Folder::Private(folder),
        })
    }

    /// What to render of it.
    pub(crate) fn render_request<'a>(
        &'a self,
        tools: &'a Tools,
        served: &'a ApiResources,
    ) -> RenderRequest<'a> {
        RenderRequest {
            tree: self.root(),
            files: self.files.as_ref(),
            sources: &self.sources,
            served,
            tools,
            default_namespace: DEFAULT_NAMESPACE,
        }
    }

    /// Root of the files.
    #[must_use]
    pub fn root(&self) -> &Path {
        match &self.folder {
            Folder::WorkTree(root) => root,
            Folder::Private(folder) => folder.path(),
        }
    }

    /// Whether only a part of what Git declares is read: some of the configured sources, or one file. What the rest
    /// declares is not known then.
    #[must_use]
    pub(crate) fn is_partial(&self) -> bool {
        if self.config.sources.is_empty() {
            return self.sources.iter().any(|source| self.root().join(&source.path).is_file());
        }
        self.sources != self.config.sources
    }

    /// The repository's address without credentials, or its folder's name.
    pub(crate) fn repository_name(&self) -> Result<String, GitError> {
        let remote = self.repository.remote()?.map(|remote| remote.url);
        let folder = || {
            let path = self.repository.root().unwrap_or(self.repository.path());
            path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
        };
        Ok(remote.unwrap_or_else(folder))
    }
}

const UNTRACKED_UNKNOWN: &str =
    "files that Git does not track are not read, and cannot be listed: folders of the sources are too deep";

/// What of the sources Git does not know, and so was not read.
fn untracked_warning(untracked: &[String]) -> Option<String> {
    const NAMED: usize = 5;
    let named = untracked.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = match untracked.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!untracked.is_empty()).then(|| {
        format!("not read, as Git does not track it: {named}{more}; `git add` it, or use --include-untracked")
    })
}

fn resolve(repository: &Repository, revision: Option<&str>) -> Result<CommitId, CheckoutError> {
    let Some(revision) = revision else { return Ok(repository.head()?) };
    let absent = || CheckoutError::NoRevision {
        revision: revision.to_owned(),
        repository: repository.path().to_owned(),
    };
    repository.resolve(revision)?.ok_or_else(absent)
}

/// The files of a commit in a private folder, and what of its sources could not be written.
fn export_commit(
    repository: &Repository,
    commit: &CommitId,
    sources: &[Source],
) -> Result<(tempfile::TempDir, Vec<Incomplete>), CheckoutError> {
    let folder = private_folder()?;
    let written = repository.export_tree(commit, "", folder.path(), MOST_BYTES)?;
    let concerns = |(path, special): &(String, SkippedEntry), source: &Source| {
        // A source may itself lie where the folders are too deep.
        is_below(path, &source.path)
            || *special == SkippedEntry::Deep && source.path.starts_with(path.as_str())
    };
    let special = written.skipped.into_iter();
    let special = special.filter(|found| sources.iter().any(|source| concerns(found, source)));
    let incomplete =
        special.map(|(path, special)| Incomplete { what: path, why: explain_skipped(&special) }).collect();
    Ok((folder, incomplete))
}

/// Files of a commit, those at or below these paths, in a private folder.
pub(crate) fn export_paths(
    repository: &Repository,
    commit: &CommitId,
    paths: &BTreeSet<String>,
) -> Result<tempfile::TempDir, CheckoutError> {
    let folder = private_folder()?;
    repository.export_paths(commit, paths, folder.path(), MOST_BYTES)?;
    Ok(folder)
}

fn private_folder() -> Result<tempfile::TempDir, CheckoutError> {
    let folder = tempfile::Builder::new().prefix("drift-tree-").tempdir();
    folder.map_err(|source| CheckoutError::Io { what: "making a temporary folder".to_owned(), source })
}

/// The objects of one source as they were at a commit, from the files that it was made of. What cannot be rendered is left
/// out.
pub(crate) fn render_source_at(
    repository: &Repository,
    commit: &CommitId,
    source: &Source,
    (served, tools): (&ApiResources, &Tools),
) -> Result<Vec<Desired>, CheckoutError> {
    let reach = InputsReader::default().read(repository, commit, source)?;
    let folder = export_paths(repository, commit, &reach.paths)?;
    let sources = std::slice::from_ref(source);
    let default_namespace = DEFAULT_NAMESPACE;
    let request =
        RenderRequest { tree: folder.path(), files: None, sources, served, tools, default_namespace };
    Ok(render(&request).objects)
}

/// What a sparse checkout leaves out of the sources.
fn not_checked_out(repository: &Repository, sources: &[Source]) -> Result<Vec<Incomplete>, CheckoutError> {
    let absent = repository.not_checked_out()?;
    let of_source = |source: &Source| {
        let files = absent.iter().filter(|path| is_below(path, &source.path)).count();
        let why = format!(
            "{} of it not in the work tree (sparse checkout): check out all of it with `git sparse-checkout`",
            crate::text::pluralize(files, "file")
        );
        (files > 0).then(|| Incomplete { what: source.path.clone(), why })
    };
    Ok(sources.iter().filter_map(of_source).collect())
}

fn explain_skipped(special: &SkippedEntry) -> String {
    match special {
        SkippedEntry::LinkOutside(target) => {
            format!("is a link that leaves the repository ({target}): not followed")
        }
        SkippedEntry::Submodule => {
            "is a submodule: its files are in another repository and are not read".to_owned()
        }
        SkippedEntry::Lfs => git::LFS.to_owned(),
        SkippedEntry::Name => "has a name that cannot be written safely".to_owned(),
        SkippedEntry::Deep => "has folders too deep to be read".to_owned(),
    }
}

/// The sources that the configuration or the path names; `None`: those that were discovered.
fn named_sources(
    config: &Config,
    path: Option<&str>,
    discovery: &Discovery,
) -> Result<Option<Vec<Source>>, CheckoutError> {
    match select_sources(config, path) {
        Err(CheckoutError::NoSources) if !discovery.is_empty() => Ok(None),
        selected => selected.map(Some),
    }
}

/// The sources of a tree, what of them is not read, and what is said of them.
#[derive(Default)]
struct SourceList {
    sources: Vec<Source>,
    incomplete: Vec<Incomplete>,
    warnings: Vec<String>,
}

impl SourceList {
    /// Those that are named, or those that were discovered.
    fn new(
        named: Option<Vec<Source>>,
        discovery: &Discovery,
        tree: &Path,
        files: Option<&TrackedFiles>,
    ) -> Self {
        match named {
            Some(sources) => Self { sources, ..Self::default() },
            None => Self {
                sources: discovery.sources(tree, files),
                incomplete: discovery.incomplete.clone(),
                warnings: discovery_note(discovery).into_iter().collect(),
            },
        }
    }
}

/// What is said where the sources were discovered.
fn discovery_note(discovery: &Discovery) -> Option<String> {
    let folders: Vec<String> = discovery.folders().into_iter().map(|source| source.path).collect();
    let of_roots = folders.join(", ");
    (!folders.is_empty()).then(|| {
        format!("drift.yaml lists no sources: compared is what Flux and Argo CD apply of this repository: {of_roots}")
    })
}
