//! A shadow repository for `git`: the objects and references of a repository that drift did not create, and of its
//! configuration only what says where and how to reach a remote.
//!
//! `.git/config` may come with an archive, a volume or a build step, and can name programs in more ways than could be
//! listed. So the program gets a folder of drift's own, as `git-new-workdir` of Git's contributions makes it, with the
//! few keys that are known. The user's own configuration (global, system, environment) is read as ever.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use git2::{ConfigEntry, ConfigLevel};

use super::GitError;

/// What a repository keeps beside its configuration; what is not there may come to be.
const SHARED: [&str; 4] = ["objects", "refs", "packed-refs", "shallow"];

/// A temporary folder that `git` takes for the repository.
pub(super) struct ShadowRepository {
    folder: tempfile::TempDir,
    common: PathBuf,
}

impl ShadowRepository {
    /// Makes one for a repository.
    pub(super) fn create(repository: &git2::Repository) -> Result<Self, GitError> {
        let folder = tempfile::Builder::new().prefix("drift-git-").tempdir();
        let folder = folder.map_err(|source| failed(&std::env::temp_dir(), source))?;
        let common = repository.commondir();
        let common = common.canonicalize().map_err(|source| failed(common, source))?;
        let link = |name: &str| symlink(common.join(name), folder.path().join(name));
        SHARED.into_iter().try_for_each(link).map_err(|source| failed(folder.path(), source))?;
        let head = repository.path().join("HEAD");
        fs::copy(&head, folder.path().join("HEAD")).map_err(|source| failed(&head, source))?;
        let config = folder.path().join("config");
        fs::write(&config, configuration(repository)).map_err(|source| failed(&config, source))?;
        Ok(Self { folder, common })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Takes over what Git did to the folder itself: a history that is whole again has no list of its ends, and Git
    /// removed the link to it.
    pub(super) fn sync_shallow(&self) {
        if self.path().join("shallow").symlink_metadata().is_err() {
            // Absent in a repository that was never shallow.
            let _absent = fs::remove_file(self.common.join("shallow"));
        }
    }
}

fn failed(path: &Path, source: io::Error) -> GitError {
    GitError::Io { path: path.to_owned(), source }
}

/// The keys that are known, of the repository's own file: no other file that it names.
fn configuration(repository: &git2::Repository) -> Vec<u8> {
    let mut text = b"[core]\n\tbare = true\n".to_vec();
    each_entry(repository, |entry| {
        let is_own = entry.level() == ConfigLevel::Local && entry.include_depth() == 0;
        if let Ok(key) = entry.name()
            && is_own
            && is_allowed_key(key)
        {
            let value = entry.has_value().then(|| entry.value_bytes());
            text.extend(format_entry(key, value).unwrap_or_default());
        }
    });
    text
}

/// What the user's configuration says of this repository by `includeIf "gitdir:…"`: Git would ask it of the stand-in.
/// Keys that may be there twice, or where the last one counts.
pub(super) fn user_includes(repository: &git2::Repository) -> Vec<(String, String)> {
    let mut found = Vec::new();
    each_entry(repository, |entry| {
        let (Ok(key), Ok(value)) = (entry.name(), entry.value()) else { return };
        if !is_users(entry) || !is_user_key(key) {
            return;
        }
        if entry.include_depth() > 0 {
            found.push((key.to_owned(), value.to_owned()));
        } else if !key.starts_with("credential.") && !key.starts_with("url.") {
            // A later value of the file itself.
            found.retain(|(known, _)| known != key);
        }
    });
    found
}

/// Whether the user's configuration has a value for the key, in lower case.
pub(super) fn has_user_value(repository: &git2::Repository, key: &str) -> bool {
    let mut is_set = false;
    each_entry(repository, |entry| is_set |= is_users(entry) && entry.name() == Ok(key));
    is_set
}

/// From the lowest level to the highest.
pub(super) fn each_entry(repository: &git2::Repository, look: impl FnMut(&ConfigEntry<'_>)) {
    let config = repository.config();
    if let Ok(entries) =
        config.as_ref().map_err(|_| ()).and_then(|config| config.entries(None).map_err(|_| ()))
    {
        // What cannot be read is not there.
        let _torn = entries.for_each(look);
    }
}

fn is_users(entry: &ConfigEntry<'_>) -> bool {
    use ConfigLevel::{Global, ProgramData, System, XDG};
    matches!(entry.level(), ProgramData | System | XDG | Global)
}

/// Section, subsection and name of a key: names have no dot.
fn parts(key: &str) -> Option<(&str, Option<&str>, &str)> {
    let (section, rest) = key.split_once('.')?;
    Some(match rest.rsplit_once('.') {
        Some((subsection, name)) => (section, Some(subsection), name),
        None => (section, None, rest),
    })
}

/// Where remotes are, how objects are kept, and how HTTP gets there: no key that names a program or switches one on.
fn is_allowed_key(key: &str) -> bool {
    let Some((section, _, name)) = parts(key) else { return false };
    let names: &[&str] = match section {
        "core" => &["repositoryformatversion", "sharedrepository"],
        "extensions" => &["objectformat", "partialclone"],
        "remote" => &["url", "pushurl", "fetch", "proxy", "promisor", "partialclonefilter"],
        "url" => &["insteadof", "pushinsteadof"],
        "http" => &["proxy", "sslcainfo", "extraheader"],
        "credential" => &["username", "usehttppath"],
        _ => &[],
    };
    names.contains(&name)
}

/// How remotes are reached and commits signed.
fn is_user_key(key: &str) -> bool {
    let is_http = key.starts_with("http.") && !key.ends_with(".extraheader");
    let starts = ["credential.", "url."].iter().any(|section| key.starts_with(section));
    let programs = ["core.sshcommand", "core.askpass", "core.gitproxy", "ssh.variant"];
    is_http || starts || programs.contains(&key) || is_signing_key(key)
}

fn is_signing_key(key: &str) -> bool {
    let names = ["commit.gpgsign", "user.signingkey", "user.email", "committer.email"];
    key.starts_with("gpg.") || names.contains(&key)
}

/// One entry as a file of Git's has it; `None` where it cannot be written.
fn format_entry(key: &str, value: Option<&[u8]>) -> Option<Vec<u8>> {
    let (section, subsection, name) = parts(key)?;
    let mut text = format!("[{section}").into_bytes();
    if let Some(subsection) = subsection {
        if subsection.contains(['\n', '\0']) {
            return None;
        }
        let escaped = subsection.replace('\\', "\\\\").replace('"', "\\\"");
        text.extend(format!(" \"{escaped}\"").bytes());
    }
    text.extend(format!("]\n\t{name}").bytes());
    if let Some(value) = value {
        text.extend(b" = \"");
        for byte in value {
            match byte {
                b'\\' => text.extend(b"\\\\"),
                b'"' => text.extend(b"\\\""),
                b'\n' => text.extend(b"\\n"),
                other => text.push(*other),
            }
        }
        text.push(b'"');
    }
    text.push(b'\n');
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::{format_entry, is_allowed_key};

    #[test]
    fn only_remote_address_settings_are_kept() {
        for key in [
            "core.repositoryformatversion",
            "remote.origin.url",
            "remote.a.b.pushurl",
            "url.https://h/.insteadof",
            "http.proxy",
            "http.https://h/.extraheader",
            "extensions.partialclone",
        ] {
            assert!(is_allowed_key(key), "{key}");
        }
        for key in [
            "core.sshcommand",
            "core.fsmonitor",
            "core.hookspath",
            "core.gitproxy",
            "core.askpass",
            "core.alternaterefscommand",
            "core.worktree",
            "credential.helper",
            "credential.https://h.helper",
            "remote.origin.uploadpack",
            "remote.origin.receivepack",
            "remote.origin.vcs",
            "protocol.ext.allow",
            "filter.x.process",
            "diff.x.command",
            "include.path",
            "includeif.gitdir:/.path",
            "http.sslverify",
            "http.sslkey",
            "http.cookiefile",
            "gpg.program",
            "uploadpack.packobjectshook",
            "remote",
        ] {
            assert!(!is_allowed_key(key), "{key}");
        }
    }

    #[test]
    fn config_entry_round_trips_through_git() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config");
        let cases = [
            ("remote.a\"b\\c.d.url", Some("https://h/a b\\c\"d;e#f\n\tg ")),
            ("core.bare", None),
            ("http.https://h:1/.extraheader", Some("X: y")),
            ("url.x.insteadof", Some("")),
        ];
        let text: Vec<u8> = cases
            .iter()
            .flat_map(|(key, value)| format_entry(key, value.map(str::as_bytes)).unwrap())
            .collect();
        std::fs::write(&file, text).unwrap();
        let read = git2::Config::open(&file).unwrap();
        let mut found = Vec::new();
        let entries = read.entries(None).unwrap();
        entries
            .for_each(|entry| {
                let value = entry.has_value().then(|| entry.value().unwrap().to_owned());
                found.push((entry.name().unwrap().to_owned(), value));
            })
            .unwrap();
        let expected = cases.map(|(key, value)| (key.to_owned(), value.map(str::to_owned)));
        assert_eq!(found, expected);
        assert_eq!(format_entry("remote.a\nb.url", None), None);
    }
}
