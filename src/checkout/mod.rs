//! A repository opened at a commit or as a work tree, its configuration read and its sources selected.

mod base;
mod config_file;
mod error;
mod select;
mod settings;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::config::{Config, Discover, Source};
use crate::git::{self, CommitId, GitError, Repository, SkippedEntry, TrackedFiles};
use crate::model::{ApiResources, Desired, Incomplete};
use crate::source::{Discovery, InputsReader, RenderRequest, Tools, render};

pub(crate) use base::{LedgerLocation, RemoteBase, read_ledger_files, refuse_foreign_branch};
pub(crate) use config_file::{parse_config, read_config_at};
pub use error::CheckoutError;
pub(crate) use select::is_below;
pub use settings::{CheckoutSettings, RepositoryLocation, Tokens};

use config_file::read_config_in;
use select::Selection;

/// Namespace of namespaced objects that name none.
pub(crate) const DEFAULT_NAMESPACE: &str = "default";

/// A tree that is ready to be rendered.
pub struct Checkout {
    /// Its repository.
    pub repository: Repository,
    /// The commit that is read, or that the work tree stands on.
    pub commit: CommitId,
    /// The branch that it is of, where that is known.
    pub(crate) branch: Option<String>,
    /// Whether the work tree is read, and differs from the commit.
    pub dirty: bool,
    /// `drift.yaml`, or the default.
    pub config: Config,
    /// The sources, narrowed.
    pub sources: Vec<Source>,
    /// Which GitOps objects are followed to further sources.
    pub(crate) discover: Option<Discover>,
    /// What GitOps objects say of it, where they were followed.
    pub(crate) discovery: Option<Discovery>,
    /// Files that could not be read.
    pub incomplete: Vec<Incomplete>,
    /// Warnings about the files.
    pub warnings: Vec<String>,
    is_partial: bool,
    tree: Tree,
}

/// The files that are rendered.
struct Tree {
    /// Which of them are read; `None`: all.
    files: Option<TrackedFiles>,
    folder: Folder,
}

enum Folder {
    WorkTree {
        root: PathBuf,
        include_untracked: bool,
    },
    /// The files of a commit, and what of it could not be written.
    Private {
        folder: tempfile::TempDir,
        unwritten: Vec<(String, SkippedEntry)>,
    },
}

/// What of the sources' files is not read, and whether they differ from the commit.
#[derive(Default)]
struct FileNotes {
    dirty: bool,
    incomplete: Vec<Incomplete>,
    warnings: Vec<String>,
}

/// Most bytes of a commit's files.
const MOST_BYTES: u64 = 1 << 30;

impl Checkout {
    /// Opens the tree that the settings name.
    pub fn open(settings: &CheckoutSettings) -> Result<Self, CheckoutError> {
        let repository = settings.open_repository()?;
        let branch = match &settings.revision {
            Some(revision) => repository.branch(revision)?.map(|_| revision.clone()),
            None => repository.head_branch()?,
        };
        let opened = match (&settings.revision, repository.root().map(Path::to_owned)) {
            (None, Some(root)) => {
                let config = read_config_in(&root)?;
                Self::from_work_tree(repository, config, root, settings)?
            }
            (revision, _) => {
                let commit = resolve(&repository, revision.as_deref())?;
                Self::from_commit(repository, commit, settings.path.as_deref())?
            }
        };
        Ok(Self { branch, ..opened })
    }

    /// Opens the work tree as one without `drift.yaml`, whose GitOps objects are followed where it has a remote by which they
    /// can name it; `None` where there is no work tree.
    pub(crate) fn open_unconfigured(settings: &CheckoutSettings) -> Result<Option<Self>, CheckoutError> {
        let repository = settings.open_repository()?;
        let Some(root) = repository.root().map(Path::to_owned) else { return Ok(None) };
        let config = match repository.remotes()?.is_empty() {
            true => {
                let whole = Source { path: ".".to_owned(), ..Source::default() };
                Config { sources: vec![whole], ..Config::default() }
            }
            false => Config { discover: Some(Discover::default()), ..Config::default() },
        };
        let branch = repository.head_branch()?;
        let settings = CheckoutSettings { path: None, ..settings.clone() };
        let opened = Self::from_work_tree(repository, config, root, &settings)?;
        Ok(Some(Self { branch, ..opened }))
    }

    fn from_work_tree(
        repository: Repository,
        config: Config,
        root: PathBuf,
        settings: &CheckoutSettings,
    ) -> Result<Self, CheckoutError> {
        let commit = repository.head()?;
        let selection = Selection::new(&config, settings.path.as_deref(), &repository)?;
        let include_untracked = settings.include_untracked;
        let tree = Tree {
            files: Some(repository.files(include_untracked)?),
            folder: Folder::WorkTree { root, include_untracked },
        };
        Self::with_tree((repository, commit), config, tree, selection)
    }

    /// The files of a commit, in a private folder.
    pub fn from_commit(
        repository: Repository,
        commit: CommitId,
        path: Option<&str>,
    ) -> Result<Self, CheckoutError> {
        let config = read_config_at(&repository, &commit)?;
        // What cannot be read is refused before anything is written.
        let selection = Selection::new(&config, path, &repository)?;
        let (folder, unwritten) = export_commit(&repository, &commit)?;
        let tree = Tree { files: None, folder: Folder::Private { folder, unwritten } };
        Self::with_tree((repository, commit), config, tree, selection)
    }

    fn with_tree(
        (repository, commit): (Repository, CommitId),
        config: Config,
        tree: Tree,
        Selection { sources, discover, is_narrowed }: Selection,
    ) -> Result<Self, CheckoutError> {
        let mut opened = Self {
            repository,
            commit,
            branch: None,
            dirty: false,
            config,
            sources: Vec::new(),
            discover,
            discovery: None,
            incomplete: Vec::new(),
            warnings: Vec::new(),
            is_partial: false,
            tree,
        };
        opened.use_sources(sources)?;
        opened.is_partial = if opened.config.sources.is_empty() {
            opened.discover.is_none()
                && opened.sources.iter().any(|source| opened.root().join(&source.path).is_file())
        } else {
            opened.sources != opened.config.sources
        } || is_narrowed && opened.discover.is_some();
        Ok(opened)
    }

    /// Takes these sources, and notes what of their files is not read.
    pub(crate) fn use_sources(&mut self, sources: Vec<Source>) -> Result<(), CheckoutError> {
        let notes = match &self.tree.folder {
            Folder::WorkTree { include_untracked, .. } => {
                work_tree_notes(&self.repository, &sources, *include_untracked)?
            }
            Folder::Private { unwritten, .. } => {
                FileNotes { incomplete: not_written(unwritten, &sources), ..FileNotes::default() }
            }
        };
        self.sources = sources;
        let FileNotes { dirty, incomplete, warnings } = notes;
        (self.dirty, self.incomplete, self.warnings) = (dirty, incomplete, warnings);
        Ok(())
    }

    /// What to render of it.
    pub(crate) fn render_request<'a>(
        &'a self,
        tools: &'a Tools,
        served: &'a ApiResources,
    ) -> RenderRequest<'a> {
        RenderRequest {
            tree: self.root(),
            files: self.tree.files.as_ref(),
            sources: &self.sources,
            served,
            tools,
            default_namespace: DEFAULT_NAMESPACE,
        }
    }

    /// Root of the files.
    #[must_use]
    pub fn root(&self) -> &Path {
        match &self.tree.folder {
            Folder::WorkTree { root, .. } => root,
            Folder::Private { folder, .. } => folder.path(),
        }
    }

    /// The files that are read, where not all are.
    pub(crate) fn files(&self) -> Option<&TrackedFiles> {
        self.tree.files.as_ref()
    }

    /// Whether only a part of what Git declares is read: some of the configured sources, or one file. What the rest
    /// declares is not known then.
    #[must_use]
    pub(crate) fn is_partial(&self) -> bool {
        self.is_partial
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

/// What a work tree does not hold of the sources, or Git does not track.
fn work_tree_notes(
    repository: &Repository,
    sources: &[Source],
    include_untracked: bool,
) -> Result<FileNotes, CheckoutError> {
    let paths: Vec<&str> = sources.iter().map(|source| source.path.as_str()).collect();
    let status = repository.status(&paths)?;
    let mut notes = FileNotes { dirty: status.dirty, ..FileNotes::default() };
    if include_untracked {
        return Ok(notes);
    }
    let of_sources = |path: &String| sources.iter().any(|source| is_below(path, &source.path));
    let submodules = repository.submodules()?.into_iter().filter(of_sources);
    notes
        .incomplete
        .extend(submodules.map(|what| Incomplete { what, why: explain_skipped(&SkippedEntry::Submodule) }));
    notes.incomplete.extend(not_checked_out(repository, sources)?);
    let untracked: Vec<String> = status.untracked.into_iter().filter(of_sources).collect();
    notes.warnings.extend(untracked_warning(&untracked));
    notes.warnings.extend(status.too_deep.then(|| UNTRACKED_UNKNOWN.to_owned()));
    Ok(notes)
}

/// The files of a commit in a private folder, and what of them could not be written.
fn export_commit(
    repository: &Repository,
    commit: &CommitId,
) -> Result<(tempfile::TempDir, Vec<(String, SkippedEntry)>), CheckoutError> {
    let folder = private_folder()?;
    let written = repository.export_tree(commit, "", folder.path(), MOST_BYTES)?;
    Ok((folder, written.skipped))
}

/// What of the sources could not be written.
fn not_written(unwritten: &[(String, SkippedEntry)], sources: &[Source]) -> Vec<Incomplete> {
    let concerns = |(path, special): &(String, SkippedEntry), source: &Source| {
        // A source may itself lie where the folders are too deep.
        is_below(path, &source.path)
            || *special == SkippedEntry::Deep && source.path.starts_with(path.as_str())
    };
    let special = unwritten.iter().filter(|found| sources.iter().any(|source| concerns(found, source)));
    special.map(|(path, special)| Incomplete { what: path.clone(), why: explain_skipped(special) }).collect()
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
