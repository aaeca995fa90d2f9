//! Repositories that are empty, damaged, read-only or not there.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::server::Server;
use super::{LIVE, check, check_path, found, is_orderly, says, shop};
use crate::support::command::Drift;
use crate::support::repo::Repo;

#[test]
fn missing_inputs_named_before_reading() {
    let server = Server::with(LIVE);
    let repo = shop();
    let empty = Repo::new();
    let outside = tempfile::tempdir().expect("a temporary folder");
    let outside = outside.path();
    let run = |folder: &Path, arguments: &[&str]| {
        let kubeconfig = server.kubeconfig();
        Drift::new()
            .in_folder(folder)
            .arg("check")
            .args(arguments.iter().copied())
            .arg("--kubeconfig")
            .arg(kubeconfig)
            .run()
    };
    let outside_name = outside.to_str().expect("UTF-8");
    let cases: [(&Path, &[&str], &[&str]); 9] = [
        (empty.path(), &["."], &["no commits", "\ndrift: hint: commit something first"]),
        (outside, &["."], &["is not in a Git repository", "--repository"]),
        (repo.path(), &["nowhere"], &["nowhere does not exist in the repository"]),
        (repo.path(), &["apps", "--revision", "v9"], &["no revision", "v9", "a branch, a tag or a commit"]),
        (repo.path(), &["apps", "--revision", "-x"], &["-x"]),
        (repo.path(), &["apps", "--revision", "main:apps"], &["main:apps"]),
        (repo.path(), &[outside_name], &[outside_name, "repository"]),
        (repo.path(), &["../.."], &["../..", "repository"]),
        (
            repo.path(),
            &[],
            &["no drift.yaml with sources", "\ndrift: hint: name the folder", "drift check PATH"],
        ),
    ];
    for (folder, arguments, expected) in cases {
        let output = run(folder, arguments).expect_status(2);
        is_orderly(&output);
        says(&output.stderr, expected);
        assert_eq!(output.stdout, "", "{arguments:?}");
    }
    assert_eq!(server.requests(), [], "nothing was read");
}

/// A path that is there but not at the revision makes the run incomplete: nothing was examined.
#[test]
fn path_absent_at_revision_is_named() {
    let repo = shop();
    repo.write("later/a.yaml", super::SETTINGS);
    repo.commit("Add a folder");
    let server = Server::with(LIVE);
    let output = check_path(&repo, &server, "later", &["--revision", "HEAD~1"]).run().expect_status(3);
    is_orderly(&output);
    says(&output.stderr, &["later", "no such file or folder"]);
}

/// The work tree is what is checked, uncommitted changes too, and that is said.
#[test]
fn dirty_work_tree_checked_and_reported_dirty() {
    let repo = shop();
    let server = Server::with(LIVE);
    let clean = check(&repo, &server, &["-o", "json"]).run().expect_status(1);
    assert_eq!(clean.json()["git"]["dirty"], false);
    repo.write("apps/settings.yaml", super::SETTINGS.replace("blue", "red"));
    let dirty = check(&repo, &server, &["-o", "json"]).run().expect_status(0);
    assert_eq!(dirty.json()["git"]["dirty"], true);
    assert_eq!(dirty.json()["git"]["revision"], repo.head());
    let text = check(&repo, &server, &[]).run().expect_status(0);
    says(&text.stdout, &["with uncommitted changes"]);
}

/// Checking writes nothing, not even into `.git`.
#[test]
fn a_read_only_repository_is_read() {
    let repo = shop();
    let server = Server::with(LIVE);
    let before = listing(repo.path());
    // Its owner may write all the same where the tests run as root: the listing tells.
    set_modes(repo.path(), 0o555, 0o444);
    let outputs = [
        check(&repo, &server, &["-o", "json"]).run(),
        check(&repo, &server, &["-o", "json", "--revision", "main"]).run(),
    ];
    set_modes(repo.path(), 0o755, 0o644);
    for output in outputs {
        let output = output.expect_status(1);
        is_orderly(&output);
        assert_eq!(found(&output), ["ConfigMap/shop/settings modified"]);
    }
    assert_eq!(listing(repo.path()), before);
}

fn walk(folder: &Path, visit: &mut dyn FnMut(&Path)) {
    for entry in std::fs::read_dir(folder).expect("our own folder") {
        let path = entry.expect("our own folder").path();
        if path.is_dir() {
            walk(&path, visit);
        }
        visit(&path);
    }
}

fn set_modes(folder: &Path, folders: u32, files: u32) {
    walk(folder, &mut |path| {
        let mode = if path.is_dir() { folders } else { files };
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("our own file");
    });
}

fn listing(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = vec![];
    walk(folder, &mut |path| {
        let bytes = if path.is_file() { std::fs::read(path).expect("our own file") } else { vec![] };
        found.push((path.display().to_string(), bytes));
    });
    found.sort();
    found
}

/// A disk that is full: exit 3 and which file; the other reports are whole.
#[test]
fn full_disk_leaves_other_reports_whole() {
    let repo = shop();
    let server = Server::with(LIVE);
    let good = repo.path().join("../report.md");
    let second = format!("markdown={}", good.display());
    let files = ["-o", "json", "--output-file", "json=/dev/full", "--output-file", &second];
    let output = check(&repo, &server, &files).run().expect_status(3);
    is_orderly(&output);
    says(&output.stderr, &["writing /dev/full", "No space left on device"]);
    assert_eq!(found(&output), ["ConfigMap/shop/settings modified"]);
    says(&std::fs::read_to_string(&good).expect("it was written"), &["## drift: 1 object in drift"]);
}

/// A report that cannot be written at all is refused before anything is read.
#[test]
fn unwritable_report_path_refused_before_reading() {
    let repo = shop();
    let server = Server::with(LIVE);
    for (file, why) in [
        ("markdown=nowhere/report.md", "there is no folder nowhere"),
        ("json=apps", "apps is a folder"),
        ("json=apps/settings.yaml/x", "there is no folder apps/settings.yaml"),
    ] {
        let output = check(&repo, &server, &["-o", "json", "--output-file", file]).run().expect_status(2);
        is_orderly(&output);
        says(&output.stderr, &["--output-file", why]);
        assert_eq!(output.stdout, "", "{file}");
    }
    assert_eq!(server.requests(), []);
}

#[test]
fn unwritable_cache_is_not_an_error() {
    let repo = shop();
    let server = Server::with(LIVE);
    for cache in ["/dev/full", "/proc/nowhere", "apps/settings.yaml"] {
        let output = check(&repo, &server, &["-o", "json", "--cache-dir", cache]).run().expect_status(1);
        is_orderly(&output);
        let clone = [
            "check",
            "apps",
            "-o",
            "json",
            "--cache-dir",
            cache,
            "--repository",
            &repo.url(),
            "--kubeconfig",
        ];
        let output = Drift::new().args(clone).arg(server.kubeconfig()).run().expect_status(1);
        is_orderly(&output);
    }
}

#[test]
fn uncloneable_remote_named_without_password() {
    let server = Server::with(LIVE);
    for (url, code, expected) in [
        ("file:///nowhere/repo.git", 3, "/nowhere/repo.git"),
        ("http://user:hunter2@127.0.0.1:9/x.git", 3, "127.0.0.1:9/x.git"),
        ("ext::sh -c 'touch /tmp/x'://x", 2, "not accepted"),
    ] {
        let output = Drift::new()
            .args(["check", "apps", "--repository", url, "--kubeconfig"])
            .arg(server.kubeconfig())
            .run()
            .expect_status(code);
        is_orderly(&output);
        says(&output.stderr, &[expected]);
        assert!(!output.stderr.contains("hunter2"), "{}", output.stderr);
    }
}
