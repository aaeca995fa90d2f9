//! Which tree is read: the work tree, or the files of a commit.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::JobError;
use crate::cluster::{self, Cluster};
use crate::config::{self, Config, ForgeKind, Source};
use crate::forge::kind_of_remote;
use crate::git::{
    self, CommitId, EntryKind, FileError, Files, GitError, Remote, RemoteAddress, Repository, Special,
};
use crate::model::{Desired, Incomplete, Served};
use crate::source::{Reaches, Request, Tools, render};

/// Where the repository is.
#[derive(Debug, Clone)]
pub enum Place {
    /// A folder of this machine, in a repository.
    Folder(PathBuf),
    /// An address; it is cloned.
    Url(String),
}

/// Where live objects come from.
#[derive(Debug, Clone)]
pub enum Target {
    /// An API server.
    Api(cluster::Settings),
    /// A snapshot file.
    Snapshot(PathBuf),
    /// A snapshot in the program itself: its name and bytes.
    Embedded(&'static str, &'static [u8]),
}

/// The tokens that the environment holds, each for its own party.
#[derive(Debug, Clone, Default)]
pub struct Tokens {
    /// Meant for drift: `DRIFT_TOKEN` or `DRIFT_TOKEN_FILE`.
    pub drift: Option<git::Token>,
    /// `GITHUB_TOKEN`.
    pub github: Option<git::Token>,
    /// `GITEA_TOKEN`.
    pub gitea: Option<git::Token>,
    /// `GITLAB_TOKEN`.
    pub gitlab: Option<git::Token>,
}

impl Tokens {
    /// The token for a forge of this kind. One that was meant for another kind is never given, and for a forge that is
    /// not known only drift's own.
    #[must_use]
    pub fn of(&self, kind: Option<ForgeKind>) -> Option<git::Token> {
        let own = match kind {
            Some(ForgeKind::GitHub) => &self.github,
            Some(ForgeKind::Gitea) => &self.gitea,
            Some(ForgeKind::GitLab) => &self.gitlab,
            Some(ForgeKind::Local) | None => &None,
        };
        self.drift.clone().or_else(|| own.clone())
    }
}

/// What every command needs to know; read from arguments and the environment by `cli`.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The repository.
    pub place: Place,
    /// A branch, tag or commit; `None`: the work tree.
    pub revision: Option<String>,
    /// Path from the repository's root that narrows the sources, or is the one source.
    pub path: Option<String>,
    /// The cluster.
    pub target: Target,
    /// Reads untracked and ignored files of the work tree too.
    pub include_untracked: bool,
    /// Leaves Secrets out, whatever `drift.yaml` says.
    pub skip_secrets: bool,
    /// Asks the server too, by dry-run patches, and reports where it and the comparison differ.
    pub verify: bool,
    /// Keeps what is only counted otherwise, to be listed on request.
    pub keep_hidden: bool,
    /// helm and kustomize.
    pub tools: Tools,
    /// Folder that outlives the run.
    pub cache: Option<PathBuf>,
    /// How repositories are opened, and the environment of the `git` program.
    pub git: git::Options,
    /// Tokens for the forge, and for remotes on its host.
    pub tokens: Tokens,
    /// The time of the run.
    pub now: Timestamp,
}

impl Settings {
    /// The day of the check (`2026-11-22`), against which rules of `drift.yaml` expire.
    pub(super) fn today(&self) -> String {
        self.now.strftime("%Y-%m-%d").to_string()
    }

    /// Connects to the cluster, or opens the snapshot.
    pub(crate) async fn connect(&self) -> Result<Cluster, JobError> {
        Ok(match &self.target {
            Target::Api(settings) => Cluster::connect(settings).await?,
            Target::Snapshot(path) => Cluster::open_snapshot(path)?,
            Target::Embedded(name, bytes) => Cluster::from_snapshot_bytes(name, bytes)?,
        })
    }

    /// Opens or clones the repository.
    pub(crate) fn open(&self) -> Result<Repository, JobError> {
        Ok(match &self.place {
            Place::Folder(folder) => Repository::open(folder, self.git.clone())?,
            Place::Url(url) => {
                let clones = self.cache.as_ref().map(|cache| cache.join("clones"));
                let token = self.tokens.of(kind_of_remote(&RemoteAddress::new("origin", url)));
                let remote = Remote::url(url)?.with_token(token);
                Repository::clone(&remote, clones.as_deref(), self.git.clone())?
            }
        })
    }
}

/// A tree that is ready to be rendered.
pub struct Opened {
    /// Its repository.
    pub repository: Repository,
    /// The commit that is read, or that the work tree stands on.
    pub commit: CommitId,
    /// Whether the work tree is read, and differs from the commit.
    pub dirty: bool,
    /// `drift.yaml`, or what stands where there is none.
    pub config: Config,
    /// The sources, narrowed.
    pub sources: Vec<Source>,
    /// What of the files is not there as it should be.
    pub incomplete: Vec<Incomplete>,
    /// What a person should know of the files.
    pub warnings: Vec<String>,
    files: Option<Files>,
    folder: Folder,
}

enum Folder {
    WorkTree(PathBuf),
    Private(tempfile::TempDir),
}

/// Files of a commit beyond this size are not a tree of manifests.
const MOST_BYTES: u64 = 1 << 30;

impl Opened {
    /// Opens the tree that the settings name.
    pub fn open(settings: &Settings) -> Result<Self, JobError> {
        let repository = settings.open()?;
        match (&settings.revision, repository.root().map(Path::to_owned)) {
            (None, Some(root)) => Self::work_tree(repository, root, settings),
            (revision, _) => {
                let commit = resolve(&repository, revision.as_deref())?;
                Self::commit(repository, commit, settings.path.as_deref())
            }
        }
    }

    fn work_tree(repository: Repository, root: PathBuf, settings: &Settings) -> Result<Self, JobError> {
        let commit = repository.head()?;
        let config = config_in(&root)?;
        let sources = narrow(&config, settings.path.as_deref())?;
        let paths: Vec<&str> = sources.iter().map(|source| source.path.as_str()).collect();
        let status = repository.status(&paths)?;
        let all = settings.include_untracked;
        let files = repository.files(all)?;
        let of_sources = |path: &String| sources.iter().any(|source| is_below(path, &source.path));
        let (mut incomplete, mut warnings) = (Vec::new(), Vec::new());
        if !all {
            let submodules = repository.submodules()?.into_iter().filter(of_sources);
            incomplete.extend(submodules.map(|what| Incomplete { what, why: explain(&Special::Submodule) }));
            incomplete.extend(not_checked_out(&repository, &sources)?);
            let untracked: Vec<String> = status.untracked.into_iter().filter(of_sources).collect();
            warnings.extend(untracked_warning(&untracked));
            warnings.extend(status.unseen.then(|| UNSEEN.to_owned()));
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
    pub fn commit(repository: Repository, commit: CommitId, path: Option<&str>) -> Result<Self, JobError> {
        let config = config_at(&repository, &commit)?;
        let sources = narrow(&config, path)?;
        let (folder, incomplete) = materialise(&repository, &commit, &sources)?;
        Ok(Self {
            repository,
            commit,
            dirty: false,
            config,
            sources,
            incomplete,
            warnings: Vec::new(),
            files: None,
            folder: Folder::Private(folder),
        })
    }

    /// What to render of it.
    pub(crate) fn request<'a>(&'a self, tools: &'a Tools, served: &'a Served) -> Request<'a> {
        Request {
            tree: self.root(),
            files: self.files.as_ref(),
            sources: &self.sources,
            served,
            tools,
            default_namespace: super::check::DEFAULT_NAMESPACE,
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
    pub(crate) fn is_part(&self) -> bool {
        if self.config.sources.is_empty() {
            return self.sources.iter().any(|source| self.root().join(&source.path).is_file());
        }
        self.sources != self.config.sources
    }

    /// The repository's address without credentials, or its folder's name.
    pub(crate) fn name(&self) -> Result<String, GitError> {
        let remote = self.repository.remote()?.map(|remote| remote.url);
        let folder = || {
            let path = self.repository.root().unwrap_or(self.repository.path());
            path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
        };
        Ok(remote.unwrap_or_else(folder))
    }
}

const UNSEEN: &str =
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

fn resolve(repository: &Repository, revision: Option<&str>) -> Result<CommitId, JobError> {
    let Some(revision) = revision else { return Ok(repository.head()?) };
    repository.resolve(revision)?.ok_or_else(|| {
        let path = repository.path().display();
        JobError::Usage(format!(
            "there is no revision {revision:?} in {path}: name a branch, a tag or a commit (fetch it first)"
        ))
    })
}

/// The largest `drift.yaml` that is read.
const LARGEST_CONFIG: u64 = 4 << 20;

/// `drift.yaml` of a work tree: a regular file, and no link.
fn config_in(root: &Path) -> Result<Config, JobError> {
    let file = root.join(config::FILE);
    let bytes = match file.symlink_metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Config::default()),
        Ok(metadata) if metadata.is_symlink() => return Err(no_config(IS_LINK)),
        _ => {
            let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
            git::read_file(&root, Path::new(config::FILE), LARGEST_CONFIG)
        }
    };
    match bytes {
        Ok(bytes) => parse(bytes),
        Err(FileError::Io(source)) => {
            Err(JobError::Io { what: format!("reading {}", file.display()), source })
        }
        Err(error) => Err(no_config(&error.to_string())),
    }
}

/// `drift.yaml` at a commit: the same that would be read of a work tree.
pub(crate) fn config_at(repository: &Repository, commit: &CommitId) -> Result<Config, JobError> {
    let entries = repository.list(commit, config::FILE)?;
    match entries.first() {
        None => Ok(Config::default()),
        Some(entry) if entry.path == config::FILE && entry.kind == EntryKind::File => {
            let bytes = repository.read(commit, config::FILE)?.unwrap_or_default();
            if bytes.len() as u64 > LARGEST_CONFIG {
                let (size, cap) = (bytes.len() as u64, LARGEST_CONFIG);
                return Err(no_config(&FileError::TooLarge { size, cap }.to_string()));
            }
            parse(bytes)
        }
        Some(entry) if entry.kind == EntryKind::Link => Err(no_config(IS_LINK)),
        Some(_) => Err(no_config(&FileError::NotRegular.to_string())),
    }
}

const IS_LINK: &str = "it is a link: drift.yaml must be a file of its own";

fn no_config(why: &str) -> JobError {
    let (file, place) = (config::FILE.to_owned(), String::new());
    config::ConfigError { file, place, why: why.to_owned() }.into()
}

pub(crate) fn parse(bytes: Vec<u8>) -> Result<Config, JobError> {
    let text = String::from_utf8(bytes).map_err(|_| no_config("is not UTF-8 text"))?;
    Ok(config::parse(config::FILE, &text)?)
}

/// The files of a commit in a private folder, and what of its sources could not be written.
fn materialise(
    repository: &Repository,
    commit: &CommitId,
    sources: &[Source],
) -> Result<(tempfile::TempDir, Vec<Incomplete>), JobError> {
    let folder = private_folder()?;
    let written = repository.materialise(commit, "", folder.path(), MOST_BYTES)?;
    let concerns = |(path, special): &(String, Special), source: &Source| {
        // A source may itself lie where the folders are too deep.
        is_below(path, &source.path) || *special == Special::Deep && source.path.starts_with(path.as_str())
    };
    let special = written.special.into_iter();
    let special = special.filter(|found| sources.iter().any(|source| concerns(found, source)));
    let incomplete =
        special.map(|(path, special)| Incomplete { what: path, why: explain(&special) }).collect();
    Ok((folder, incomplete))
}

/// Files of a commit, those at or below these paths, in a private folder.
pub(super) fn folder_of(
    repository: &Repository,
    commit: &CommitId,
    paths: &BTreeSet<String>,
) -> Result<tempfile::TempDir, JobError> {
    let folder = private_folder()?;
    repository.materialise_each(commit, paths, folder.path(), MOST_BYTES)?;
    Ok(folder)
}

fn private_folder() -> Result<tempfile::TempDir, JobError> {
    let folder = tempfile::Builder::new().prefix("drift-tree-").tempdir();
    folder.map_err(|source| JobError::Io { what: "making a temporary folder".to_owned(), source })
}

/// The objects of one source as they were at a commit, from the files that it was made of. What cannot be rendered is left
/// out.
pub(crate) fn objects_at(
    repository: &Repository,
    commit: &CommitId,
    source: &Source,
    (served, tools): (&Served, &Tools),
) -> Result<Vec<Desired>, JobError> {
    let reach = Reaches::default().of(repository, commit, source)?;
    let folder = folder_of(repository, commit, &reach.paths)?;
    let sources = std::slice::from_ref(source);
    let default_namespace = super::check::DEFAULT_NAMESPACE;
    let request = Request { tree: folder.path(), files: None, sources, served, tools, default_namespace };
    Ok(render(&request).objects)
}

/// What a sparse checkout leaves out of the sources.
fn not_checked_out(repository: &Repository, sources: &[Source]) -> Result<Vec<Incomplete>, JobError> {
    let absent = repository.not_checked_out()?;
    let of_source = |source: &Source| {
        let files = absent.iter().filter(|path| is_below(path, &source.path)).count();
        let why = format!(
            "{} of it not in the work tree (sparse checkout): check out all of it with `git sparse-checkout`",
            crate::text::count(files, "file")
        );
        (files > 0).then(|| Incomplete { what: source.path.clone(), why })
    };
    Ok(sources.iter().filter_map(of_source).collect())
}

fn explain(special: &Special) -> String {
    match special {
        Special::LinkOutside(target) => {
            format!("is a link that leaves the repository ({target}): not followed")
        }
        Special::Submodule => {
            "is a submodule: its files are in another repository and are not read".to_owned()
        }
        Special::Lfs => git::LFS.to_owned(),
        Special::Name => "has a name that cannot be written safely".to_owned(),
        Special::Deep => "has folders too deep to be read".to_owned(),
    }
}

pub(crate) fn is_below(path: &str, folder: &str) -> bool {
    folder == "." || path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The sources of the configuration at or below the path, or the path as a part of one of them; without configured
/// sources the path itself.
fn narrow(config: &Config, path: Option<&str>) -> Result<Vec<Source>, JobError> {
    let Some(path) = path else {
        if config.sources.is_empty() {
            let why = "there is no drift.yaml with sources, and no PATH: name the folder that holds the manifests \
                       (`drift check PATH`), or list `sources:` in drift.yaml at the repository's root";
            return Err(JobError::Usage(why.to_owned()));
        }
        return Ok(config.sources.clone());
    };
    if config.sources.is_empty() {
        return Ok(vec![Source { path: path.to_owned(), ..Source::default() }]);
    }
    let inside: Vec<Source> =
        config.sources.iter().filter(|source| is_below(&source.path, path)).cloned().collect();
    if !inside.is_empty() {
        return Ok(inside);
    }
    let around = config.sources.iter().filter(|source| is_below(path, &source.path));
    match around.max_by_key(|source| source.path.len()) {
        Some(source) => Ok(vec![Source { path: path.to_owned(), ..source.clone() }]),
        None => {
            let known =
                config.sources.iter().map(|source| source.path.as_str()).collect::<Vec<_>>().join(", ");
            Err(JobError::Usage(format!("{path} is in none of the sources of drift.yaml ({known})")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ForgeKind, Tokens};
    use crate::git::Token;

    #[test]
    fn a_token_goes_only_to_the_kind_of_forge_that_it_is_for() {
        let shown = |tokens: &Tokens, kind| tokens.of(kind).map(|token| token.expose().to_owned());
        let mut tokens = Tokens { github: Token::new("hub"), gitea: Token::new("tea"), ..Tokens::default() };
        for (kind, expected) in [
            (Some(ForgeKind::GitHub), Some("hub")),
            (Some(ForgeKind::Gitea), Some("tea")),
            (Some(ForgeKind::GitLab), None),
            (Some(ForgeKind::Local), None),
            (None, None),
        ] {
            assert_eq!(shown(&tokens, kind).as_deref(), expected, "{kind:?}");
        }
        tokens.drift = Token::new("own");
        assert_eq!(shown(&tokens, None).as_deref(), Some("own"));
        assert_eq!(shown(&tokens, Some(ForgeKind::GitHub)).as_deref(), Some("own"));
    }
}
