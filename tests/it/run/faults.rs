//! Bad circumstances: no token, a damaged ledger, a missing branch, what may not be read, and secrets.

use std::net::TcpListener;
use std::time::Duration;

use base64::Engine as _;
use serde_json::json;

use super::gitea::Hosted;
use super::place::{FILE, LEDGER, Place, WEB, events, incidents};
use crate::support::command::{Drift, Output};
use crate::support::repo::Repo;
use crate::support::servers::eventually;

/// A cluster that nobody may call: fails at the end if somebody did.
struct Untouched {
    listener: TcpListener,
    folder: tempfile::TempDir,
}

impl Untouched {
    fn new() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        listener.set_nonblocking(true).expect("our own socket");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let port = listener.local_addr().expect("a bound listener").port();
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
             clusters:\n- {{name: c, cluster: {{server: 'http://127.0.0.1:{port}'}}}}\n\
             users:\n- {{name: c, user: {{token: none}}}}\n\
             contexts:\n- {{name: c, context: {{cluster: c, user: c}}}}\n"
        );
        std::fs::write(folder.path().join("config"), text).expect("a new file");
        Self { listener, folder }
    }

    fn kubeconfig(&self) -> std::path::PathBuf {
        self.folder.path().join("config")
    }

    #[track_caller]
    fn assert_not_called(&self) {
        let called = self.listener.accept();
        assert!(called.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock), "it was called");
    }
}

#[test]
fn without_a_token_nothing_is_read() {
    let mut hosted = Hosted::new("no-token");
    let cluster = Untouched::new();
    hosted.place.drift = hosted.place.drift.env("KUBECONFIG", cluster.kubeconfig()).env("DRIFT_TOKEN", "");
    let said = hosted.place.drift.run().expect_status(2);
    assert!(said.stderr.contains("token") && said.stderr.contains("DRIFT_TOKEN"), "{}", said.stderr);
    cluster.assert_not_called();
    // An address to clone: nothing is known of it, and the same is said.
    let said = hosted.by_address().env("KUBECONFIG", cluster.kubeconfig()).env("DRIFT_TOKEN", "").run();
    assert!(said.expect_status(2).stderr.contains("DRIFT_TOKEN"));
    cluster.assert_not_called();
    assert!(hosted.branches().is_empty());
}

#[test]
fn token_without_push_is_refused_first() {
    let mut hosted = Hosted::new("read-only");
    let cluster = Untouched::new();
    hosted.gitea.add_collaborator(&hosted.remote, &hosted.bot, "read");
    hosted.place.drift = hosted.place.drift.env("KUBECONFIG", cluster.kubeconfig());
    let said = hosted.place.drift.run().expect_status(2);
    assert!(said.stderr.contains("may not push"), "{}", said.stderr);
    cluster.assert_not_called();
}

#[test]
fn unknown_forge_or_base_fails_before_reading() {
    let cluster = Untouched::new();
    let run = |config: &str, remote: bool| {
        let repo = Repo::with(&[("drift.yaml", config), (FILE, WEB)]);
        let _remote = remote.then(|| repo.with_remote());
        let drift = Drift::new().arg("run").in_folder(repo.path());
        drift.env("KUBECONFIG", cluster.kubeconfig()).run().expect_status(2)
    };
    let said = run("version: 1\nsources: [{path: apps}]\nforge: {base: nowhere}\n", false);
    assert!(said.stderr.contains("\"nowhere\"") && said.stderr.contains("forge.base"), "{}", said.stderr);
    let said = run("version: 1\nsources: [{path: apps}]\nforge: {type: gitlab}\n", true);
    assert!(said.stderr.contains("gitlab"), "{}", said.stderr);
    let said = run("version: 1\nsources: [{path: apps}]\nforge: {tpye: local}\n", false);
    assert!(said.stderr.contains("drift.yaml:3"), "{}", said.stderr);
    cluster.assert_not_called();
}

/// Commits a changed file of the ledger's branch.
fn damage(place: &Place, change: impl Fn(&str) -> String) -> String {
    let name = place.ledger().into_keys().next().expect("an incident");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let tree = folder.path().join("tree");
    let path = tree.to_str().expect("UTF-8");
    place.repo.git(&["worktree", "add", "--quiet", path, LEDGER]);
    let file = tree.join(&name);
    let text = std::fs::read_to_string(&file).expect("a file of the ledger");
    std::fs::write(&file, change(&text)).expect("a file that can be written");
    place.repo.git(&["-C", path, "commit", "--quiet", "--all", "--message", "Tidy up"]);
    place.repo.git(&["worktree", "remove", path]);
    name
}

#[test]
fn hand_edited_ledger_is_not_overwritten() {
    let place = Place::with_proposal("ledger");
    let good = place.repo.revision(LEDGER);
    type Change<'a> = &'a dyn Fn(&str) -> String;
    let cases: [(&str, Change<'_>, &str); 4] = [
        ("no YAML", &|text| text.replace("events:", "events: ["), ".yaml:"),
        ("another word", &|text| text.replace("event: opened", "event: closed"), ".yaml:"),
        (
            "no events",
            &|text| text.split("events:").next().unwrap_or_default().to_owned() + "events: []\n",
            "opened",
        ),
        ("another id", &|text| text.replace("\nid: ", "\nid: f"), "name of its file"),
    ];
    place.set_memory("3Gi");
    for (case, change, word) in cases {
        let name = damage(&place, change);
        let said = place.assert_settled(3);
        assert!(said.stderr.contains(&name) && said.stderr.contains(word), "{case}: {}", said.stderr);
        place.repo.git(&["branch", "--quiet", "--force", LEDGER, &good]);
    }
    let _ = place.run(1);
    assert_eq!(events(&place.incident()), ["opened", "changed"]);
}

/// A run as somebody who may read the ConfigMaps of the namespace, and nothing else.
fn only_config_maps(place: &Place) -> Drift {
    let role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: few}\n\
                rules: [{apiGroups: [''], resources: [configmaps], verbs: [get, list]}]\n---\n\
                apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: few}\n\
                roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: few}\n\
                subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: auditor}]\n";
    let gitops = ["--server-side", "--field-manager=kustomize-controller"];
    place.plane.apply("admin", &place.namespace, role, &gitops);
    // A new role holds a moment later.
    eventually("the role holds", Duration::from_secs(20), || {
        let seen = place.plane.kubectl("auditor", &["get", "configmaps", "--namespace", &place.namespace]);
        (seen.status == 0).then_some(())
    });
    Drift::new().arg("run").in_folder(place.repo.path()).env("KUBECONFIG", place.plane.kubeconfig("auditor"))
}

#[test]
fn unread_incident_kept_open_proven_one_proposed() {
    let mut place = Place::with_proposal("partly");
    let first = place.branch();
    // Somebody who may read ConfigMaps alone, and a change that cannot be seen to be undone.
    place.drift = only_config_maps(&place);
    place.apply_git();
    place.set_level("debug");
    let said = place.run(3);
    assert!(said.stderr.contains("403"), "{}", said.stderr);
    assert_eq!(place.branches().len(), 2);
    assert!(place.branches().contains(&first));
    let proposals = place.proposals();
    assert_eq!(proposals.iter().filter(|proposal| proposal.is_open()).count(), 2, "{proposals:?}");
    let all = incidents(&place.ledger());
    assert!(all.len() == 2 && all.iter().all(|incident| events(incident) == ["opened"]), "{all:?}");
    let _ = place.assert_settled(3);
}

#[test]
fn partly_unread_incident_stays_as_it_is() {
    let mut place = Place::new("half");
    // One tool changes both objects: one incident, one file, one pull request.
    place.set_memory("1Gi");
    let patch = r#"{"data":{"level":"debug"}}"#;
    place.kubectl(&[
        "patch",
        "configmap",
        "settings",
        "--type=merge",
        "--patch",
        patch,
        "--field-manager=kubectl-set",
    ]);
    let _ = place.run(1);
    assert_eq!(place.incident()["members"].as_array().map(Vec::len), Some(2));
    place.drift = only_config_maps(&place);
    let _ = place.assert_settled(3);
}

/// Every object of a repository, packed or not, with the commits, trees and files that no branch has any more.
fn all_objects(repo: &Repo) -> String {
    repo.git(&["cat-file", "--batch", "--batch-all-objects", "--unordered"])
}

#[test]
fn run_writes_no_value_of_a_secret() {
    let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let (declared, live, added) = ("declared-zebra", "live-quagga", "added-okapi");
    // The Secret stands right beside what is proposed, so that a diff with lines around it would show it.
    let secret = format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: login}}\nstringData:\n  password: {declared}\n---\n{WEB}"
    );
    let hosted = Hosted::with("secrets", &[(FILE, &secret)]);
    let place = &hosted.place;
    place.apply_git();
    let patch = json!({"data": {"password": encode(live), "extra": encode(added)}}).to_string();
    place.kubectl(&["patch", "secret", "login", "--type=merge", "--patch", &patch]);
    place.kubectl(&["label", "deployment", "web", "tier=back", "--overwrite"]);
    let mut said: Vec<Output> = Vec::new();
    for more in [&["--dry-run"][..], &[], &[], &["-o", "json"], &["-o", "markdown", "--all"]] {
        let mut drift = hosted.by_address();
        drift = drift.args(more);
        said.push(drift.run().expect_status(1));
    }
    assert!(!hosted.pulls().is_empty() && !hosted.issues().is_empty());
    let forge: String = hosted.pulls().iter().chain(&hosted.issues()).map(ToString::to_string).collect();
    assert!(forge.contains("password"), "the issue names the key: {forge}");
    let objects = all_objects(hosted.fetch());
    let outputs: String =
        said.iter().flat_map(|output| [output.stdout.as_str(), output.stderr.as_str()]).collect();
    let ledger = format!("{:?}", hosted.incidents());
    for value in [live, added] {
        for text in [value.to_owned(), encode(value)] {
            for (place, content) in
                [("objects", &objects), ("forge", &forge), ("output", &outputs), ("ledger", &ledger)]
            {
                assert!(!content.contains(&text), "{text} is in the {place}");
            }
        }
    }
    for text in [declared.to_owned(), encode(declared)] {
        for (place, content) in [("forge", &forge), ("output", &outputs), ("ledger", &ledger)] {
            assert!(!content.contains(&text), "{text} is in the {place}");
        }
    }
}
