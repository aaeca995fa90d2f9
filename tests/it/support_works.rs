//! The harness does what the other tests believe of it.

#![expect(clippy::disallowed_methods, reason = "tests run programs")]

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::cluster::ControlPlane;
use crate::support::command::{Drift, redact};
use crate::support::gitea::Gitea;
use crate::support::http::Call;
use crate::support::parts;
use crate::support::repo::Repo;
use crate::support::servers::{Servers, eventually};

#[test]
fn test_repository_is_reproducible() {
    let make = || {
        let repo = Repo::new();
        repo.write("apps/web.yaml", "kind: ConfigMap\n");
        let first = repo.commit("Add web");
        repo.write("apps/web.yaml", "kind: Secret\n");
        let second = repo.commit("Change web");
        (first, second, repo.git(&["log", "--format=%an %ae %cn %at %ct %s"]))
    };
    let (first, second, log) = make();
    assert_eq!((first, second, log.clone()), make());
    assert_eq!(
        log,
        "Ada Author ada@example.com Ada Author 1704070800 1704070800 Change web\n\
         Ada Author ada@example.com Ada Author 1704067200 1704067200 Add web"
    );
}

#[test]
fn remote_and_clone_follow_their_origin() {
    let repo = Repo::with(&[("a", "1\n")]);
    let remote = repo.with_remote();
    assert_eq!(remote.revision("main"), repo.head());
    assert_eq!(repo.revision("origin/main"), repo.head());
    repo.write("a", "2\n");
    let second = repo.commit("Second");
    repo.git(&["push", "--quiet", "origin", "main"]);
    assert_eq!(remote.revision("main"), second);
    let clone = remote.clone_of();
    assert_eq!((clone.head(), clone.read("a")), (second, "2\n".to_owned()));
}

#[test]
fn test_git_ignores_developer_configuration() {
    let repo = Repo::new();
    let listed = repo.git(&["config", "--list", "--show-origin"]);
    for line in listed.lines() {
        assert!(line.starts_with("file:.git/config") || line.starts_with("command line:"), "{line}");
    }
}

#[test]
fn drift_runs_in_an_empty_environment() {
    let drift = Drift::new();
    let bin: Vec<_> = std::fs::read_dir(drift.home().join("bin"))
        .expect("the folder of programs")
        .map(|entry| entry.expect("readable").file_name().into_string().expect("UTF-8"))
        .collect();
    assert_eq!(bin, ["git"]);
    let output = drift.run();
    assert!((0..=3).contains(&output.status), "{output:?}");
}

#[test]
fn varying_output_is_redacted() {
    let text = "at 2026-11-22T11:24:01Z, 2026-11-22T11:24:01.123456+01:00: http://127.0.0.1:4242/x \
                1234567890123456789012345678901234567890, 12345678901234567890123456789012345678901 /tmp/x/y";
    assert_eq!(
        redact(text, &[("/tmp", "<tmp>"), ("/tmp/x", "<repo>")]),
        "at <time>, <time>: http://<address>/x <sha>, 12345678901234567890123456789012345678901 <repo>/y"
    );
}

#[test]
fn test_script_replaces_program() {
    let drift = Drift::new().with_script("git", "echo \"a git of the test: $1\"; exit 7");
    let output =
        Command::new(drift.home().join("bin/git")).arg("status").output().expect("the script starts");
    assert_eq!(output.status.code(), Some(7));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "a git of the test: status\n");
}

#[test]
fn the_parts_are_what_was_pinned() {
    for (part, program, arguments, version) in [
        ("etcd", "etcd", &["--version"][..], "etcd Version: 3.6.16"),
        ("kubernetes", "kube-apiserver", &["--version"], "Kubernetes v1.36.3"),
        ("kubernetes", "kube-controller-manager", &["--version"], "Kubernetes v1.36.3"),
        ("kubectl", "kubectl", &["version", "--client"], "v1.36.3"),
        ("gitea", "gitea", &["--version"], "1.26.4"),
        ("kustomize", "kustomize", &["version"], "v5.8.1"),
        ("helm", "helm", &["version", "--short"], "v4.3.1"),
        ("helm3", "helm", &["version", "--short"], "v3.21.4"),
        ("act", "act", &["--version"], "0.2.89"),
    ] {
        let mut command = Command::new(parts::part(part).join(program));
        let home = tempfile::tempdir().expect("a temporary folder");
        let output = command.args(arguments).env_clear().env("HOME", home.path()).current_dir(&home).output();
        let said = String::from_utf8_lossy(&output.expect("a part starts").stdout).into_owned();
        assert!(said.contains(version), "{part}: {program} says {said:?}, not {version}");
    }
}

#[test]
fn audit_log_names_control_plane_users() {
    let plane = ControlPlane::shared();
    let namespace = plane.fresh_namespace("harness");
    let manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {colour: green}\n";
    plane.apply("alice", &namespace, manifest, &[]);
    let managers = || -> Vec<(String, String)> {
        let live = plane.live(&namespace, "configmap/settings");
        let entries = live["metadata"]["managedFields"].as_array().expect("managedFields").clone();
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        entries.iter().map(|entry| (text(&entry["manager"]), text(&entry["operation"]))).collect()
    };
    assert_eq!(managers(), [("kubectl-client-side-apply".to_owned(), "Update".to_owned())]);
    plane.apply("bob", &namespace, manifest, &["--server-side", "--field-manager=argocd-controller"]);
    // kubectl hands over what it had applied itself.
    assert_eq!(managers(), [("argocd-controller".to_owned(), "Apply".to_owned())]);
    let entry = plane.audited("alice makes the ConfigMap", |entry| {
        entry["verb"] == "create"
            && entry["objectRef"]["namespace"] == namespace.as_str()
            && entry["objectRef"]["resource"] == "configmaps"
    });
    assert_eq!((&entry["user"]["username"], &entry["level"]), (&json!("alice"), &json!("Metadata")));
    let refused = plane.kubectl("auditor", &["get", "configmaps", "--namespace", &namespace]);
    assert!(refused.status == 1 && refused.stderr.contains("(Forbidden)"), "{refused:?}");
}

#[test]
fn service_account_gets_a_working_token() {
    let plane = ControlPlane::shared();
    let namespace = plane.fresh_namespace("token");
    let _ = plane.kubectl("admin", &["create", "serviceaccount", "drift", "-n", &namespace]).expect_status(0);
    let token =
        plane.kubectl("admin", &["create", "token", "drift", "-n", &namespace]).expect_status(0).stdout;
    let bearer = format!("Bearer {}", token.trim_end());
    let url = format!("{}/api/v1/namespaces/{namespace}/configmaps", plane.url());
    let call =
        Call { method: "GET", url: &url, authorization: Some(&bearer), ca: Some(&plane.ca()), body: None };
    let (status, answer) = call.json().expect("an answer");
    assert_eq!(status, 403, "{answer}");
    let message = answer["message"].as_str().expect("a refusal has a message");
    assert!(message.contains(&format!("system:serviceaccount:{namespace}:drift")), "{message}");
}

#[test]
fn controllers_turn_a_deployment_into_pods() {
    let plane = ControlPlane::with_controllers();
    let namespace = plane.fresh_namespace("controllers");
    plane.by_hand(&namespace, &["create", "deployment", "web", "--image=example.com/web:1"]);
    eventually("the Deployment has a Pod", Duration::from_secs(30), || {
        let pods = plane.api("admin", "GET", &format!("/api/v1/namespaces/{namespace}/pods"), None).1;
        pods["items"].as_array().filter(|items| items.len() == 1).map(|_| ())
    });
}

#[test]
fn gitea_accepts_push_with_minimal_token() {
    let gitea = Gitea::shared();
    let (owner, stranger) = (gitea.user("owner"), gitea.user("stranger"));
    let repo = Repo::with(&[("apps/web.yaml", "kind: ConfigMap\n")]);
    let remote = gitea.repository_with(&owner, &repo);
    let path = format!("/repos/{}/{}/branches/main", remote.owner, remote.name);
    let (status, branch) = gitea.api(&owner.token, "GET", &path, None);
    assert_eq!(
        (status, branch["commit"]["id"].as_str()),
        (200, Some(repo.head().as_str())),
        "{branch}\n{}",
        gitea.servers().logs()
    );
    assert_eq!(gitea.api(&stranger.token, "GET", &path, None).0, 404);
    let refused = repo.push_with_token(&remote.clone_url, &stranger.token, &["main:other"]);
    assert_eq!(refused.status, 128, "{refused:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn dropped_servers_end_and_remove_folder() {
    let mut servers = Servers::new("harness");
    servers.start("sleeper", Command::new("sleep").arg("600")).expect("sleep starts");
    let ((group, keeper), folder) = (servers.ids(), servers.folder().to_owned());
    assert!(alive(group) && alive(keeper) && folder.is_dir());
    drop(servers);
    eventually("the folder is gone", Duration::from_secs(20), || (!folder.exists()).then_some(()));
    eventually("the keeper is gone", Duration::from_secs(20), || (!alive(keeper)).then_some(()));
    assert!(!alive(group), "the group {group} still runs");
}

/// Whether a process of the group runs; one that has ended and was not waited for does not count.
#[cfg(target_os = "linux")]
fn alive(group: u32) -> bool {
    let processes = std::fs::read_dir("/proc").expect("Linux has /proc").flatten();
    processes.filter_map(|process| std::fs::read_to_string(process.path().join("stat")).ok()).any(|stat| {
        // After the name in parentheses: state, parent, group.
        let mut words = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        !matches!(words.next(), Some("Z" | "X")) && words.nth(1) == Some(&group.to_string())
    })
}
