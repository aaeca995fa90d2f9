//! `drift::git` on real repositories.

mod errors;
mod history;
mod pushing;
mod reading;
mod remotes;
mod signing;
mod writing;

use std::ffi::OsString;

use drift::git::{CommitId, GitOptions, Repository, Signature};

use crate::support::repo::Repo;

/// The environment that the library hands to `git`: the PATH, a home of its own.
fn options(repo: &Repo) -> GitOptions {
    GitOptions {
        env: environment(repo.path().parent().expect("a folder around the repository")),
        any_owner: false,
        bare: true,
    }
}

#[expect(clippy::disallowed_methods, reason = "tests read the developer's PATH")]
fn environment(home: &std::path::Path) -> Vec<(OsString, OsString)> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    vec![("PATH".into(), path), ("HOME".into(), home.into()), ("GIT_CONFIG_NOSYSTEM".into(), "1".into())]
}

#[track_caller]
fn open(repo: &Repo) -> Repository {
    Repository::open(repo.path(), options(repo)).unwrap_or_else(|e| panic!("{e}"))
}

#[track_caller]
fn id(hex: &str) -> CommitId {
    CommitId::parse(hex).unwrap_or_else(|e| panic!("{e}"))
}

fn who() -> Signature {
    Signature { name: "drift".to_owned(), email: "drift@example.com".to_owned(), time: 1_704_067_200 }
}

/// One change of a commit.
fn set(path: &str, text: &str) -> (String, Option<Vec<u8>>) {
    (path.to_owned(), Some(text.as_bytes().to_vec()))
}
