//! The private, writable folder in which a renderer runs, and the little that it may know.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::process::{Confinement, Program};

/// A temporary folder: `tree` is the copy that is rendered, `home`, `bin` and `tmp` are empty.
pub(super) struct Sandbox {
    folder: tempfile::TempDir,
    root: PathBuf,
    confinement: Option<Confinement>,
}

impl Sandbox {
    pub(super) fn new(confinement: Option<&Confinement>) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("drift-render-").tempdir()?;
        let root = folder.path().canonicalize()?;
        for name in ["tree", "home", "bin", "tmp", "outer"] {
            fs::create_dir(root.join(name))?;
        }
        Ok(Self { folder, root, confinement: confinement.cloned() })
    }

    /// The copy of the repository's tree.
    pub(super) fn tree(&self) -> PathBuf {
        self.root.join("tree")
    }

    /// The folder of the kustomization that drift puts around a source.
    pub(super) fn outer(&self) -> PathBuf {
        self.root.join("outer")
    }

    /// A program that runs here with an empty home, no programs on its PATH (no git), and no way to the network: the
    /// kernel's confinement where there is one, and proxies that lead nowhere. Addresses on loopback are not proxied: what
    /// names one is refused before.
    pub(super) fn program(&self, path: &Path) -> Program {
        let here = |name: &str| OsString::from(self.root.join(name));
        let nowhere = "http://127.0.0.1:9";
        let proxies = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"];
        let program = Program::new(path)
            .folder(&self.root)
            .env("HOME", here("home"))
            .env("PATH", here("bin"))
            .env("TMPDIR", here("tmp"))
            .envs([("LC_ALL", "C"), ("TZ", "UTC"), ("NO_PROXY", "")])
            // Most of a rendering's little memory is never freed: collecting it half as often saves a quarter of the time.
            .env("GOGC", "200")
            .envs(proxies.map(|name| (name, nowhere)));
        match &self.confinement {
            Some(confinement) => confinement.confine(program, &self.root),
            None => program,
        }
    }

    /// A renderer's message with paths from the root of the repository.
    pub(super) fn without_paths(&self, message: &str) -> String {
        let tree = self.tree().display().to_string();
        let named = message.replace(&format!("{tree}/"), "").replace(&tree, ".");
        let outer = self.root.display().to_string();
        named.replace("../tree/", "").replace(&format!("{outer}/"), "")
    }

    /// Removes it now; what cannot be removed is left to the system's own cleaning.
    pub(super) fn close(self) {
        let _left = self.folder.close();
    }
}
