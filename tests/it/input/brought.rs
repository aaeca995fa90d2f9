//! What a pull request can bring that is no manifest: links, pipes, devices, repositories.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::server::Server;
use super::{LIVE, SETTINGS, check, is_orderly, says, shop};
use crate::support::command::Drift;
use crate::support::repo::Repo;

const SECRET: &str = "ghp_TOPSECRETtoken0123456789";

type Make = Box<dyn Fn(&Path)>;

#[expect(clippy::disallowed_methods, reason = "tests run programs")]
fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo is on the PATH").success());
}

/// A repository whose `drift.yaml` is made by `make`, at a path beside which `outside` lies.
fn with_config(make: impl Fn(&Path)) -> Repo {
    let repo = Repo::with(&[("apps/settings.yaml", SETTINGS)]);
    std::fs::write(repo.path().join("../outside"), format!("version: 1\ncluster: {SECRET}\n"))
        .expect("our own file");
    make(&repo.path().join("drift.yaml"));
    repo
}

#[test]
fn a_drift_yaml_that_is_no_file_of_the_tree_is_refused_at_once() {
    let server = Server::with(LIVE);
    let link = |target: &'static str| move |at: &std::path::Path| symlink(target, at).expect("a new link");
    let cases: [(&str, Make, &str); 7] = [
        ("a link out", Box::new(link("../outside")), "is a link"),
        ("a link to a device", Box::new(link("/dev/zero")), "is a link"),
        (
            "a link to a pipe",
            Box::new(|at| {
                pipe(&at.with_file_name("pipe"));
                symlink("pipe", at).expect("a new link");
            }),
            "is a link",
        ),
        ("a link in the tree", Box::new(link("apps/settings.yaml")), "is a link"),
        ("a pipe", Box::new(pipe), "not a regular file"),
        ("a folder", Box::new(|at| std::fs::create_dir(at).expect("a new folder")), "not a regular file"),
        (
            "a huge file",
            Box::new(|at| {
                std::fs::File::create(at).and_then(|file| file.set_len(5 << 30)).expect("a sparse file");
            }),
            "at most",
        ),
    ];
    for (name, make, why) in cases {
        let repo = with_config(make);
        let started = Instant::now();
        let output = check(&repo, &server, &[]).run().expect_status(2);
        assert!(started.elapsed() < Duration::from_secs(20), "{name}: {:?}", started.elapsed());
        is_orderly(&output);
        says(&output.stderr, &["drift.yaml", why]);
        assert!(!format!("{}{}", output.stdout, output.stderr).contains(SECRET), "{name}");
    }
    assert_eq!(server.requests(), []);
}

#[test]
fn a_drift_yaml_that_is_a_link_is_refused_at_a_revision_too() {
    let server = Server::with(LIVE);
    let repo = with_config(|at| symlink("apps/settings.yaml", at).expect("a new link"));
    repo.commit("Link");
    for arguments in [&["--revision", "HEAD"][..], &[]] {
        let output = check(&repo, &server, arguments).run().expect_status(2);
        says(&output.stderr, &["drift.yaml", "is a link"]);
    }
}

/// A report never goes where a link of the repository leads: itself, a folder of the way, by an absolute path too.
#[test]
fn a_report_follows_no_link() {
    let repo = shop();
    let server = Server::with(LIVE);
    let victim = repo.path().join("../victim");
    std::fs::create_dir(&victim).expect("a new folder");
    std::fs::write(victim.join("report.json"), "precious").expect("our own file");
    let link = |target: &str, name: &str| symlink(target, repo.path().join(name)).expect("a new link");
    link("../victim/report.json", "report.json");
    link("../victim", "out");
    link("nowhere", "dangling.json");
    std::fs::create_dir(repo.path().join("deep")).expect("a new folder");
    link("../../victim", "deep/out");
    let absolute = repo.path().join("out/report.json").display().to_string();
    for file in [
        "report.json",
        "out/report.json",
        "dangling.json",
        "deep/out/new.json",
        "apps/../out/report.json",
        &absolute,
    ] {
        let argument = format!("json={file}");
        let output = check(&repo, &server, &["--output-file", &argument]).run().expect_status(2);
        is_orderly(&output);
        says(&output.stderr, &["is a link", "name the file itself"]);
        let kubeconfig = server.kubeconfig();
        let snapshot = Drift::new()
            .in_folder(repo.path())
            .args(["snapshot", file, "apps", "--kubeconfig"])
            .arg(kubeconfig);
        says(&snapshot.run().expect_status(2).stderr, &["is a link"]);
    }
    assert_eq!(std::fs::read_to_string(victim.join("report.json")).expect("still there"), "precious");
    assert_eq!(std::fs::read_dir(&victim).expect("still there").count(), 1);
    let output = check(&repo, &server, &["--output-file", "json=/dev/stderr"]).run().expect_status(1);
    says(&output.stderr, &["drift/report/v1"]);
}
