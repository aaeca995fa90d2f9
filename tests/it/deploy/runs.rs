//! Runs of drift as the Pods that the controllers make of the CronJob: through to the pull request on a real forge.

use std::time::Duration;

use serde_json::{Value, json};

use super::Overlay;
use super::kubelet::Kubelet;
use crate::support::cluster::ControlPlane;
use crate::support::command::Output;
use crate::support::gitea::{Gitea, Repository, User};
use crate::support::repo::Repo;
use crate::support::servers::eventually;
use crate::support::tree::root;

/// The overlay that `deploy/README.md` shows, with this repository, run every minute.
fn documented_overlay(repository: &str) -> String {
    let text = std::fs::read_to_string(root().join("deploy/README.md")).expect("it is there");
    let block =
        text.split("```yaml\n# kustomization.yaml\n").nth(1).expect("the overlay").split("```").next();
    let mut overlay = block.expect("the end of the block").to_owned();
    for (shown, ours) in [
        ("https://github.com/drift/drift//deploy/base?ref=v0.1.0", "../deploy/base"),
        ("https://git.example.com/acme/gitops.git", repository),
        ("*/15 * * * *", "* * * * *"),
    ] {
        assert!(overlay.contains(shown), "the overlay no longer has {shown}: {overlay}");
        overlay = overlay.replace(shown, ours);
    }
    overlay
}

pub(super) const MANIFEST: &str = "\
# Who pays the bills.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 1
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
        - name: web
          image: registry.example/web:1
          resources:
            limits:
              memory: 512Mi # enough, we thought
";

/// A repository that declares files, each in a folder and a namespace of its own, and the login that drift has there.
pub(super) fn declared(gitea: &Gitea, sources: &[(&str, &str, &str)]) -> (Repository, User) {
    let (owner, bot) = (gitea.user("owner"), gitea.user("drift-bot"));
    let mut config =
        format!("version: 1\ncluster: test\nforge: {{type: gitea, login: {}}}\nsources:\n", bot.name);
    let mut files = vec![];
    for (path, namespace, manifest) in sources {
        config += &format!("- {{path: {path}, namespace: {namespace}}}\n");
        files.push((format!("{path}/a.yaml"), *manifest));
    }
    files.push(("drift.yaml".to_owned(), &config));
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    let repository = gitea.repository_with(&owner, &Repo::with(&files));
    gitea.add_collaborator(&repository, &bot, "write");
    (repository, bot)
}

/// Applies a file as a GitOps controller does.
#[track_caller]
pub(super) fn deploy(plane: &ControlPlane, namespace: &str, manifest: &str) {
    plane.apply("gitops", namespace, manifest, &["--server-side", "--field-manager=argocd-controller"]);
}

/// A person's change.
#[track_caller]
pub(super) fn by_hand(plane: &ControlPlane, namespace: &str, object: &str, patch: &Value) {
    let patch = patch.to_string();
    let arguments = ["--namespace", namespace, "patch", object, "--patch", &patch];
    let _ = plane.kubectl("alice", &arguments).expect_status(0);
}

/// Puts drift's token where the CronJob looks for it, as the README says.
#[track_caller]
pub(super) fn give_token(plane: &ControlPlane, namespace: &str, bot: &User) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("token"), format!("{}\n", bot.token)).expect("a new file");
    let from = format!("--from-file=token={}", folder.path().join("token").display());
    let arguments = ["--namespace", namespace, "create", "secret", "generic", "drift-token", &from];
    let _ = plane.kubectl("admin", &arguments).expect_status(0);
}

/// A Job of the CronJob, now.
#[track_caller]
pub(super) fn job_now(plane: &ControlPlane, namespace: &str, cron_job: &str, name: &str) -> Value {
    let from = format!("--from=cronjob/{cron_job}");
    let _ =
        plane.kubectl("admin", &["--namespace", namespace, "create", "job", name, &from]).expect_status(0);
    plane.live(namespace, &format!("job/{name}"))
}

/// Runs the Pod of a Job; both end well.
#[track_caller]
fn run(kubelet: &Kubelet<'_>, job: &Value) -> Output {
    let pod = kubelet.pod_of(job);
    let output = kubelet.run(&pod).expect_status(0);
    kubelet.end(&pod, 0);
    kubelet.wait_for(job, "Complete");
    output
}

/// The pull requests of a repository, whatever their state.
pub(super) fn pulls(gitea: &Gitea, of: &Repository) -> Vec<Value> {
    let path = format!("/repos/{}/{}/pulls?state=all&limit=50", of.owner, of.name);
    gitea.must(200, "GET", &path, None).as_array().cloned().unwrap_or_default()
}

/// What a run that finds nothing to do leaves as it was. Of the rest Gitea finds some out in its own time (whether a pull
/// request can be merged, how large its repository is).
fn left_alone(pulls: &[Value]) -> Vec<Value> {
    let of_pull = |pull: &Value| {
        json!([
            pull["number"],
            pull["state"],
            pull["updated_at"],
            pull["title"],
            pull["body"],
            pull["head"]["sha"]
        ])
    };
    pulls.iter().map(of_pull).collect()
}

/// Branches of a repository with their commits, as JSON.
fn branches(gitea: &Gitea, of: &Repository) -> Vec<(String, String)> {
    let answer = gitea.must(200, "GET", &format!("/repos/{}/{}/branches", of.owner, of.name), None);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let branches = answer.as_array().expect("a list");
    branches.iter().map(|branch| (text(&branch["name"]), text(&branch["commit"]["id"]))).collect()
}

/// The lines that a pull request takes away and adds.
pub(super) fn changed_lines(gitea: &Gitea, of: &Repository, pull: &Value) -> Vec<String> {
    let path = format!("/repos/{}/{}/pulls/{}.diff", of.owner, of.name, pull["number"]);
    let diff = gitea.must(200, "GET", &path, None);
    let is_change =
        |line: &&str| line.starts_with(['+', '-']) && !line.starts_with("+++") && !line.starts_with("---");
    diff.as_str().expect("a diff").lines().filter(is_change).map(str::to_owned).collect()
}

/// By the audit log: this user did nothing but get and list, and never Secrets.
#[track_caller]
fn only_read(plane: &ControlPlane, user: &str) {
    let entries = plane.audit();
    let ours: Vec<_> = entries.iter().filter(|entry| entry["user"]["username"] == user).collect();
    assert!(ours.len() > 4, "{ours:?}");
    for entry in ours {
        assert!(matches!(entry["verb"].as_str(), Some("get" | "list")), "{entry}");
        assert_ne!(entry["objectRef"]["resource"], "secrets", "{entry}");
    }
}

#[test]
fn cronjob_proposes_pull_request_for_manual_change() {
    let (plane, gitea) = (ControlPlane::with_controllers(), Gitea::shared());
    let namespace = plane.fresh_namespace("payments");
    let (repository, bot) = declared(gitea, &[("apps", &namespace, MANIFEST)]);
    deploy(plane, &namespace, MANIFEST);
    let overlay = Overlay::new(&documented_overlay(&repository.clone_url));
    let _ = plane.kubectl("gitops", &["apply", "--kustomize", &overlay.path()]).expect_status(0);
    give_token(plane, "drift", &bot);
    let container = json!({"name": "web", "resources": {"limits": {"memory": "1Gi"}}});
    let patch = json!({"spec": {"template": {"spec": {"containers": [container]}}}});
    by_hand(plane, &namespace, "deployment/web", &patch);

    let kubelet = Kubelet::new(plane, "drift");
    let job = eventually("the CronJob controller makes a Job", Duration::from_secs(120), || {
        kubelet
            .jobs()
            .into_iter()
            .find(|job| job.pointer("/metadata/ownerReferences/0/kind") == Some(&json!("CronJob")))
    });
    let suspend = r#"{"spec": {"suspend": true}}"#;
    let _ =
        plane.kubectl("admin", &["-n", "drift", "patch", "cronjob/drift", "-p", suspend]).expect_status(0);
    let output = run(&kubelet, &job);
    assert!(!format!("{output:?}").contains(&bot.token), "the token is in the log");
    let opened = pulls(gitea, &repository);
    assert_eq!(opened.len(), 1, "{}\n{}", output.stdout, output.stderr);
    assert_eq!((&opened[0]["state"], &opened[0]["base"]["ref"]), (&json!("open"), &json!("main")));
    assert_eq!(opened[0]["user"]["login"], bot.name.as_str());
    let line = |sign: &str, value: &str| format!("{sign}              memory: {value} # enough, we thought");
    assert_eq!(changed_lines(gitea, &repository, &opened[0]), [line("-", "512Mi"), line("+", "1Gi")]);

    let before = branches(gitea, &repository);
    let _ = run(&kubelet, &job_now(plane, "drift", "drift", "again"));
    let after = pulls(gitea, &repository);
    assert_eq!(left_alone(&after), left_alone(&opened), "the second run finds nothing to do");
    assert_eq!(branches(gitea, &repository), before);
    only_read(plane, "system:serviceaccount:drift:drift");
}

/// The base beside other tests, under a name of its own, and what else the overlay has.
pub(super) fn overlay(name: &str, more: &str, repository: &str) -> Overlay {
    Overlay::new(&format!(
        "resources: [../deploy/base]\n{more}namespace: drift-{name}\nnameSuffix: -{name}\npatches:\n- patch: |-\n    \
         apiVersion: v1\n    kind: ConfigMap\n    metadata: {{name: drift-settings, namespace: drift}}\n    \
         data: {{repository: '{repository}'}}\n"
    ))
}

#[test]
fn component_compares_secrets_and_leaks_none() {
    let (plane, gitea) = (ControlPlane::with_controllers(), Gitea::shared());
    let namespace = plane.fresh_namespace("vault");
    let manifest =
        "apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\nstringData: {password: value-in-git}\n";
    let (repository, bot) = declared(gitea, &[("apps", &namespace, manifest)]);
    deploy(plane, &namespace, manifest);
    by_hand(plane, &namespace, "secret/keys", &json!({"stringData": {"password": "value-by-hand"}}));
    let component = "components: [../deploy/components/read-secrets]\n";
    let overlay = overlay("secrets", component, &repository.clone_url);
    plane.apply("gitops", "drift-secrets", &overlay.build(), &[]);
    give_token(plane, "drift-secrets", &bot);

    let kubelet = Kubelet::new(plane, "drift-secrets");
    let pod = kubelet.pod_of(&job_now(plane, "drift-secrets", "drift-secrets", "once"));
    // The cluster gathers the rules of the role a moment later; until then runs are incomplete.
    let output = eventually("a run reads Secrets", Duration::from_secs(60), || {
        Some(kubelet.run(&pod)).filter(|output| output.status != 3)
    });
    let output = output.expect_status(0);
    assert!(
        output.stdout.contains("Secret/") && output.stdout.contains("secret: not shown"),
        "{}",
        output.stdout
    );
    let issues = format!("/repos/{}/{}/issues?state=all&type=", repository.owner, repository.name);
    let proposals: Vec<Value> =
        ["issues", "pulls"].map(|kind| gitea.must(200, "GET", &format!("{issues}{kind}"), None)).to_vec();
    let is_there = |list: &Value| list.as_array().is_some_and(|list| !list.is_empty());
    assert!(proposals.iter().any(is_there), "{proposals:?}");
    let everything = format!("{output:?}{proposals:?}");
    for value in ["value-in-git", "value-by-hand", "dmFsdWUtaW4tZ2l0", "dmFsdWUtYnktaGFuZA"] {
        assert!(!everything.contains(value), "{value} left the process: {everything}");
    }
}

#[test]
fn configuration_error_fails_the_job_without_retry() {
    let plane = ControlPlane::with_controllers();
    let overlay =
        Overlay::new("resources: [../deploy/base]\nnamespace: drift-failing\nnameSuffix: -failing\n");
    plane.apply("gitops", "drift-failing", &overlay.build(), &[]);
    let kubelet = Kubelet::new(plane, "drift-failing");
    for (name, code, condition) in [("configuration", 2, "Failed"), ("incomplete", 3, "")] {
        let job = job_now(plane, "drift-failing", "drift-failing", name);
        let pod = kubelet.pod_of(&job);
        kubelet.end(&pod, code);
        if condition.is_empty() {
            eventually("a second Pod", Duration::from_secs(60), || {
                (kubelet.pods_of(&job).len() == 2).then_some(())
            });
        } else {
            kubelet.wait_for(&job, condition);
            assert_eq!(kubelet.pods_of(&job).len(), 1, "another try would end the same way");
        }
    }
}
