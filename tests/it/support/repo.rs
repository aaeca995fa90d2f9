//! Temporary Git repositories: fixed authors, times that advance with the number of the commit.

#![expect(clippy::disallowed_methods, reason = "tests run the git program")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use tempfile::TempDir;

use super::command::{Output, code, hermetic};
use super::parts;

/// Seconds since the epoch of commit number 0 of each repository: 2024-01-01T00:00:00Z.
pub(crate) const FIRST_COMMIT: u64 = 1_704_067_200;
/// Seconds between two commits.
pub(crate) const BETWEEN_COMMITS: u64 = 3600;
/// Who commits unless the test says otherwise.
pub(crate) const AUTHOR: (&str, &str) = ("Ada Author", "ada@example.com");

/// A repository in a temporary folder; branch `main`.
pub(crate) struct Repo {
    /// Home of `git`, and the repository beside it.
    folder: TempDir,
    work_tree: PathBuf,
    commits: AtomicU64,
}

impl Repo {
    /// An empty repository with a work tree.
    pub(crate) fn new() -> Self {
        let repo = Self::folder();
        repo.git(&["init", "--quiet", "--initial-branch=main", "."]);
        repo
    }

    /// An empty bare repository: a remote.
    pub(crate) fn bare() -> Self {
        let repo = Self::folder();
        repo.git(&["init", "--quiet", "--bare", "--initial-branch=main", "."]);
        repo
    }

    /// A repository with these files in its first commit.
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let repo = Self::new();
        for (path, text) in files {
            repo.write(path, text);
        }
        repo.commit("First commit");
        repo
    }

    /// The same, with a `drift.yaml` whose one source is `app`, in this namespace of the cluster `test`.
    pub(crate) fn for_namespace(namespace: &str, files: &[(&str, &str)]) -> Self {
        let config = format!("version: 1\ncluster: test\nsources: [{{path: app, namespace: {namespace}}}]\n");
        Self::with(&[&[("drift.yaml", config.as_str())][..], files].concat())
    }

    fn folder() -> Self {
        let folder = tempfile::Builder::new().prefix("drift-repo-").tempdir().expect("a temporary folder");
        let repo = Self { work_tree: folder.path().join("repo"), folder, commits: AtomicU64::new(0) };
        std::fs::create_dir(repo.path()).expect("a new folder in a temporary folder");
        repo
    }

    /// A bare clone of this one, set as its remote `origin`, with all branches tracked.
    pub(crate) fn with_remote(&self) -> Self {
        let remote = Self::folder();
        let path = remote.path_str();
        self.git(&["clone", "--quiet", "--bare", "--no-hardlinks", ".", &path]);
        remote.git(&["remote", "remove", "origin"]);
        self.git(&["remote", "add", "origin", &path]);
        self.git(&["fetch", "--quiet", "origin"]);
        remote
    }

    /// A clone of this one with a work tree; its remote `origin` is this one.
    pub(crate) fn clone_of(&self) -> Self {
        let clone = Self::folder();
        self.git(&["clone", "--quiet", "--no-hardlinks", ".", &clone.path_str()]);
        clone.commits.store(self.commits.load(Ordering::Relaxed), Ordering::Relaxed);
        clone.git(&["remote", "set-url", "origin", &self.path_str()]);
        clone
    }

    /// The work tree (of a bare repository: the repository).
    pub(crate) fn path(&self) -> &Path {
        &self.work_tree
    }

    fn path_str(&self) -> String {
        self.path().to_str().expect("temporary folders have UTF-8 names").to_owned()
    }

    /// A `file://` URL of the repository.
    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.path().display())
    }

    /// Writes a file of the work tree, with its folders.
    pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let file = self.path().join(path);
        std::fs::create_dir_all(file.parent().expect("a path below the repository"))
            .expect("folders can be made");
        std::fs::write(&file, text).expect("a file can be written");
        file
    }

    /// Removes a file of the work tree.
    pub(crate) fn remove(&self, path: &str) {
        std::fs::remove_file(self.path().join(path)).expect("a file that exists");
    }

    /// Reads a file of the work tree.
    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.path().join(path)).expect("a text file that exists")
    }

    /// Commits the whole work tree (also when nothing changed) and gives the commit's id.
    pub(crate) fn commit(&self, message: &str) -> String {
        self.commit_as(AUTHOR, message)
    }

    /// Commits as somebody else: name and address.
    pub(crate) fn commit_as(&self, author: (&str, &str), message: &str) -> String {
        let seconds = FIRST_COMMIT + BETWEEN_COMMITS * self.commits.fetch_add(1, Ordering::Relaxed);
        self.commit_at(author, seconds, message)
    }

    /// Commits with a time of its own, in seconds since the epoch.
    pub(crate) fn commit_at(&self, author: (&str, &str), seconds: u64, message: &str) -> String {
        self.git(&["add", "--all"]);
        let date = format!("{seconds} +0000");
        let who = [
            ("GIT_AUTHOR_NAME", author.0),
            ("GIT_AUTHOR_EMAIL", author.1),
            ("GIT_AUTHOR_DATE", &date),
            ("GIT_COMMITTER_NAME", author.0),
            ("GIT_COMMITTER_EMAIL", author.1),
            ("GIT_COMMITTER_DATE", &date),
        ];
        let arguments = ["commit", "--quiet", "--allow-empty", "--message", message];
        let _ = self.try_git(&arguments, &who).expect_status(0);
        self.head()
    }

    /// The id of the checked-out commit.
    pub(crate) fn head(&self) -> String {
        self.revision("HEAD")
    }

    /// The id of a revision.
    pub(crate) fn revision(&self, name: &str) -> String {
        self.git(&["rev-parse", "--verify", &format!("{name}^{{commit}}")])
    }

    /// Runs `git`, which must succeed; gives standard output without the last line's end.
    #[track_caller]
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let date = format!("{} +0000", FIRST_COMMIT + BETWEEN_COMMITS * self.commits.load(Ordering::Relaxed));
        let output = self.try_git(arguments, &[("GIT_AUTHOR_DATE", &date), ("GIT_COMMITTER_DATE", &date)]);
        output.expect_status(0).stdout.trim_end_matches('\n').to_owned()
    }

    /// Makes commits as `git fast-import` reads them; the work tree stays as it is.
    pub(crate) fn import(&self, stream: &str) {
        let file = self.folder.path().join("stream");
        std::fs::write(&file, stream).expect("a file can be written");
        let input = std::fs::File::open(&file).expect("it was written");
        let _ = self.run(&["fast-import", "--quiet", "--force"], &[], input.into()).expect_status(0);
    }

    /// Runs `git` with more variables, and gives what came of it.
    pub(crate) fn try_git(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
        self.run(arguments, environment, Stdio::null())
    }

    fn run(&self, arguments: &[&str], environment: &[(&str, &str)], input: Stdio) -> Output {
        let mut command = Command::new(parts::system_program("git"));
        command.env_clear();
        hermetic(&mut command, self.folder.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("GIT_AUTHOR_NAME", AUTHOR.0).env("GIT_AUTHOR_EMAIL", AUTHOR.1);
        command.env("GIT_COMMITTER_NAME", AUTHOR.0).env("GIT_COMMITTER_EMAIL", AUTHOR.1);
        command.envs(environment.iter().copied());
        // No process of git's own may outlive the call.
        command.args(["-c", "gc.auto=0", "-c", "maintenance.auto=false"]).args(arguments);
        let output = command
            .current_dir(self.path())
            .stdin(input)
            .output()
            .unwrap_or_else(|error| panic!("git {arguments:?}: {error}"));
        Output {
            status: code(output.status),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Pushes over HTTP with a token, which stands in no argument and no stored configuration.
    pub(crate) fn push_with_token(&self, url: &str, token: &str, refspecs: &[&str]) -> Output {
        use base64::Engine as _;
        let basic = base64::engine::general_purpose::STANDARD.encode(format!("token:{token}"));
        let header = format!("Authorization: Basic {basic}");
        let arguments = [&["push", "--quiet", url][..], refspecs].concat();
        let environment = [
            ("GIT_CONFIG_COUNT", "1"),
            ("GIT_CONFIG_KEY_0", "http.extraHeader"),
            ("GIT_CONFIG_VALUE_0", &header),
        ];
        self.try_git(&arguments, &environment)
    }
}
