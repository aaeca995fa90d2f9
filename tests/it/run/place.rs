//! A repository, a namespace of the cluster that runs what it declares, and `drift run` between them.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::cluster::ControlPlane;
use crate::support::command::{Drift, Output, as_read};
use crate::support::repo::Repo;

/// The file that most tests change: a Deployment and a ConfigMap, with comments, quotes and an indentation of its own.
pub(super) const WEB: &str = include_str!("../../../testdata/run/web.yaml");
/// Path of [`WEB`].
pub(super) const FILE: &str = "apps/web.yaml";
/// The branch of the ledger.
pub(super) const LEDGER: &str = "drift/ledger";

/// A repository and a namespace.
pub(super) struct Place {
    pub(super) plane: &'static ControlPlane,
    pub(super) namespace: String,
    pub(super) repo: Repo,
    pub(super) drift: Drift,
}

impl Place {
    /// A repository without remote that declares [`WEB`]; the cluster has it too.
    pub(super) fn new(name: &str) -> Self {
        let place = Self::with(name, &[(FILE, WEB)], "");
        place.apply_git();
        place
    }

    /// The same, after a first run: somebody gave `web` 1Gi instead of 512Mi, and that is proposed.
    #[track_caller]
    pub(super) fn with_proposal(name: &str) -> Self {
        let place = Self::new(name);
        place.set_memory("1Gi");
        let _ = place.run(1);
        place
    }

    /// A repository without remote with these files below `apps`, and more lines of `drift.yaml`. Nothing is applied.
    pub(super) fn with(name: &str, files: &[(&str, &str)], more: &str) -> Self {
        let plane = ControlPlane::shared();
        let namespace = plane.fresh_namespace(&format!("run-{name}"));
        let config =
            format!("version: 1\ncluster: test\nsources:\n- path: apps\n  namespace: {namespace}\n{more}");
        let repo = Repo::with(&[&[("drift.yaml", config.as_str())][..], files].concat());
        let drift =
            Drift::new().arg("run").in_folder(repo.path()).env("KUBECONFIG", plane.kubeconfig("admin"));
        Self { plane, namespace, repo, drift }
    }

    /// One run, which must end with this code.
    #[track_caller]
    pub(super) fn run(&self, status: i32) -> Output {
        self.drift.run().expect_status(status)
    }

    /// Applies the files of the work tree below `apps`, as `kubectl apply` does.
    #[track_caller]
    pub(super) fn apply_git(&self) {
        let folder = self.repo.path().join("apps");
        let folder = folder.to_str().expect("UTF-8");
        self.kubectl(&["apply", "--recursive", "--filename", folder]);
    }

    /// Runs `kubectl` as a person in the namespace; it must succeed.
    #[track_caller]
    pub(super) fn kubectl(&self, arguments: &[&str]) -> String {
        self.plane.by_hand(&self.namespace, arguments)
    }

    /// Somebody gives the Deployment `web` this much memory.
    #[track_caller]
    pub(super) fn set_memory(&self, memory: &str) {
        self.kubectl(&["set", "resources", "deployment/web", &format!("--limits=memory={memory}")]);
    }

    /// Somebody sets a value of the ConfigMap `settings`.
    #[track_caller]
    pub(super) fn set_level(&self, level: &str) {
        let patch = format!(r#"{{"data":{{"level":"{level}"}}}}"#);
        self.kubectl(&["patch", "configmap", "settings", "--type=merge", "--patch", &patch]);
    }

    /// Every ref of the repository with its commit.
    pub(super) fn refs(&self) -> String {
        self.repo.git(&["for-each-ref"])
    }

    /// Another run ends with this code and writes nothing; what it said.
    #[track_caller]
    pub(super) fn assert_settled(&self, status: i32) -> Output {
        let before = self.refs();
        let said = self.run(status);
        assert_eq!(self.refs(), before, "a run with nothing new to do changed something");
        said
    }

    /// Names of the branches of proposals.
    pub(super) fn branches(&self) -> Vec<String> {
        let listed =
            self.repo.git(&["for-each-ref", "--format=%(refname:short)", "refs/heads/drift/incident/"]);
        listed.lines().map(str::to_owned).collect()
    }

    /// The one branch of a proposal.
    #[track_caller]
    pub(super) fn branch(&self) -> String {
        let branches = self.branches();
        assert_eq!(branches.len(), 1, "{branches:?}");
        branches[0].clone()
    }

    /// The diff of a branch against `main`, without the line of blob ids.
    pub(super) fn diff(&self, branch: &str) -> String {
        let diff = self.repo.git(&["diff", &format!("main...{branch}")]);
        diff.lines().filter(|line| !line.starts_with("index ")).map(|line| format!("{line}\n")).collect()
    }

    /// The files of the ledger.
    pub(super) fn ledger(&self) -> BTreeMap<String, String> {
        files(&self.repo, LEDGER)
    }

    /// The proposals of the local forge.
    pub(super) fn proposals(&self) -> Vec<LocalProposal> {
        files(&self.repo, drift::forge::PROPOSALS_BRANCH).into_iter().map(LocalProposal::read).collect()
    }

    /// A person sets `state: closed` in the file of a proposal, without touching the work tree.
    pub(super) fn close_by_hand(&self, number: u64) {
        let (branch, file) = (drift::forge::PROPOSALS_BRANCH, format!("{number}.md"));
        let folder = tempfile::tempdir().expect("a temporary folder");
        let tree = folder.path().join("tree");
        let path = tree.to_str().expect("UTF-8");
        self.repo.git(&["worktree", "add", "--quiet", path, branch]);
        let text = std::fs::read_to_string(tree.join(&file)).expect("the proposal's file");
        std::fs::write(tree.join(&file), text.replace("\nstate: open\n", "\nstate: closed\n"))
            .expect("a file that can be written");
        self.repo.git(&["-C", path, "commit", "--quiet", "--all", "--message", "No, thanks"]);
        self.repo.git(&["worktree", "remove", path]);
    }

    /// A text for people, with the namespace and the incident by name and all else that a run makes anew replaced.
    pub(super) fn as_read(&self, text: &str) -> String {
        let ids: Vec<String> = incidents(&self.ledger())
            .iter()
            .map(|incident| incident["id"].as_str().expect("an id").to_owned())
            .collect();
        let known =
            ids.iter().map(|id| (id.as_str(), "INCIDENT")).chain([(self.namespace.as_str(), "NAMESPACE")]);
        as_read(text, &known.collect::<Vec<_>>())
    }

    /// The one incident of the ledger.
    #[track_caller]
    pub(super) fn incident(&self) -> Value {
        let incidents = incidents(&self.ledger());
        assert_eq!(incidents.len(), 1, "{incidents:?}");
        incidents[0].clone()
    }

    /// Fails unless each commit of the ledger only appends to files that were there before.
    #[track_caller]
    pub(super) fn assert_ledger_only_grows(&self) {
        only_grows(&self.repo, LEDGER);
    }
}

/// A file of the local forge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LocalProposal {
    pub(super) number: u64,
    pub(super) head: BTreeMap<String, String>,
    pub(super) body: String,
}

impl LocalProposal {
    fn read((path, text): (String, String)) -> Self {
        let number = path.strip_suffix(".md").and_then(|name| name.parse().ok()).expect("a numbered file");
        let (head, body) = text
            .strip_prefix("---\n")
            .and_then(|rest| rest.split_once("\n---\n"))
            .expect("a head and a body");
        let head: BTreeMap<String, Value> = serde_yaml::from_str(head).expect("a head of YAML");
        let plain = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let head = head.into_iter().map(|(key, value)| (key, plain(value))).collect();
        Self { number, head, body: body.to_owned() }
    }

    pub(super) fn is_open(&self) -> bool {
        self.head["state"] == "open"
    }
}

/// The files at the tip of a branch; none where it does not exist.
pub(super) fn files(repo: &Repo, branch: &str) -> BTreeMap<String, String> {
    let branch = format!("refs/heads/{branch}");
    if repo.try_git(&["rev-parse", "--quiet", "--verify", &branch], &[]).status != 0 {
        return BTreeMap::new();
    }
    let names = repo.git(&["ls-tree", "-r", "--name-only", &branch]);
    let text = |name: &str| repo.try_git(&["show", &format!("{branch}:{name}")], &[]).expect_status(0).stdout;
    names.lines().map(|name| (name.to_owned(), text(name))).collect()
}

/// The incidents of a ledger.
pub(super) fn incidents(ledger: &BTreeMap<String, String>) -> Vec<Value> {
    let mut all: Vec<Value> =
        ledger.values().map(|text| serde_yaml::from_str(text).expect("YAML of the ledger")).collect();
    all.sort_by_key(|incident| incident["events"][0]["at"].as_str().map(str::to_owned));
    all
}

/// The kinds of the events of an incident.
pub(super) fn events(incident: &Value) -> Vec<&str> {
    let events = incident["events"].as_array().expect("events");
    events.iter().map(|event| event["event"].as_str().expect("a kind")).collect()
}

/// The last event of an incident.
pub(super) fn last(incident: &Value) -> &Value {
    incident["events"].as_array().and_then(|events| events.last()).expect("an event")
}

/// Fails unless each commit of a branch only adds files and appends to them.
#[track_caller]
pub(super) fn only_grows(repo: &Repo, branch: &str) {
    let commits = repo.git(&["rev-list", "--reverse", branch]);
    let mut before: BTreeMap<String, String> = BTreeMap::new();
    for commit in commits.lines() {
        assert!(repo.git(&["rev-list", "--parents", "--max-count=1", commit]).split(' ').count() <= 2);
        let names = repo.git(&["ls-tree", "-r", "--name-only", commit]);
        let text =
            |name: &str| repo.try_git(&["show", &format!("{commit}:{name}")], &[]).expect_status(0).stdout;
        let now: BTreeMap<String, String> = names.lines().map(|name| (name.to_owned(), text(name))).collect();
        for (name, text) in &before {
            assert!(now.get(name).is_some_and(|now| now.starts_with(text)), "{commit} changes {name}");
        }
        before = now;
    }
    assert!(!before.is_empty(), "an empty ledger");
}
