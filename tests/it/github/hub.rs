//! A repository with a real Git remote, GitHub's stand-in in front of it, a recorded cluster with changes made by hand, and
//! `drift run` between them.

use std::collections::BTreeMap;

use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::forge::github_fake::{BOT, Fake, REPOSITORY, Thing};
use crate::support::command::{Drift, Output};
use crate::support::repo::Repo;

/// What the demo's cluster was recorded with: `web` has more memory and a grace period of its own, `debug` is a stranger.
const CLUSTER: &str = include_str!("../../../src/cli/demo/cluster.jsonl");
const WEB: &str = include_str!("../../../src/cli/demo/web.yaml");
const SETTINGS: &str = include_str!("../../../src/cli/demo/settings.yaml");
const DEBUG: &str = include_str!("../../../src/cli/demo/debug.yaml");
/// The token; it may show nowhere.
pub(super) const TOKEN: &str = "token-of-drift-bot";

/// A repository, its remote, the stand-in and the cluster.
pub(super) struct Hub {
    pub(super) fake: Fake,
    pub(super) work: Repo,
    pub(super) remote: Repo,
    pub(super) drift: Drift,
    folder: TempDir,
    _runtime: Runtime,
}

/// How a person merges on GitHub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Merge {
    Commit,
    /// With a message of the person's own, without trailers.
    Squash,
    /// On a base that has moved.
    Rebase,
}

impl Hub {
    /// One pull request and one issue are due.
    pub(super) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let fake = runtime.block_on(Fake::start());
        let config = format!(
            "version: 1\ncluster: demo\nsources:\n  - path: apps\nforge: {{type: github, api: {}, repository: {REPOSITORY}, login: {BOT}}}\n",
            fake.address
        );
        let work = Repo::with(&[
            ("drift.yaml", &config),
            ("apps/web.yaml", &WEB.replace("web:1.4.0", "web:1.5.0")),
            ("apps/settings.yaml", SETTINGS),
        ]);
        let remote = work.with_remote();
        fake.state().git = Some(remote.path().to_owned());
        let folder = tempfile::tempdir().expect("a temporary folder");
        let drift = Drift::new().arg("run").in_folder(work.path());
        let mut hub = Self { fake, work, remote, drift: Drift::new(), folder, _runtime: runtime };
        hub.drift = hub.same_settings(drift);
        hub.runs(CLUSTER);
        hub
    }

    /// The cluster, the token, and where it may go.
    pub(super) fn same_settings(&self, drift: Drift) -> Drift {
        let host = self.fake.address.trim_start_matches("http://");
        let drift = drift.arg("--snapshot").arg(self.folder.path().join("cluster.jsonl"));
        drift.env("DRIFT_TOKEN", TOKEN).env("DRIFT_FORGE_HOST", host)
    }

    /// The same after a first run.
    #[track_caller]
    pub(super) fn proposed() -> Self {
        let hub = Self::new();
        let _ = hub.run(1);
        hub.assert_stands();
        hub
    }

    /// One run, which must end with this code.
    #[track_caller]
    pub(super) fn run(&self, status: i32) -> Output {
        self.drift.run().expect_status(status)
    }

    /// The cluster runs something else from now on.
    fn runs(&self, cluster: &str) {
        std::fs::write(self.folder.path().join("cluster.jsonl"), cluster).expect("a file can be written");
    }

    /// Somebody gives `web` this much memory in the cluster.
    pub(super) fn set_memory(&self, memory: &str) {
        self.runs(&CLUSTER.replace("\"1Gi\"", &format!("\"{memory}\"")));
    }

    /// Somebody deletes `debug` from the cluster.
    pub(super) fn delete_debug(&self) {
        let kept = CLUSTER.lines().filter(|line| !line.contains(r#""name":"debug""#));
        let kept: String = kept.map(|line| format!("{line}\n")).collect();
        self.runs(&kept.replace(r#""objects":4"#, r#""objects":3"#));
    }

    /// A person declares `debug` on the base branch.
    pub(super) fn declare_debug(&self) {
        self.commit_elsewhere("apps/debug.yaml", DEBUG);
    }

    /// A person commits a file to the base branch.
    pub(super) fn commit_elsewhere(&self, file: &str, text: &str) {
        self.work.write(file, text);
        self.work.commit(&format!("Write {file}"));
        self.work.git(&["push", "--quiet", "origin", "main"]);
    }

    /// A person commits the live values of `web` past the pull request.
    pub(super) fn commit_web(&self) -> String {
        let branch = self.branch();
        self.work.git(&["fetch", "--quiet", "origin"]);
        self.work.git(&["checkout", "--quiet", &format!("origin/{branch}"), "--", "apps"]);
        let commit = self.work.commit("Give web what it needs");
        self.work.git(&["push", "--quiet", "origin", "main"]);
        commit
    }

    /// A person merges the pull request; the commit that it leaves on the base branch.
    pub(super) fn merge(&self, how: Merge) -> String {
        let number = self.pulls()[0].number;
        let branch = format!("origin/{}", self.branch());
        self.work.git(&["fetch", "--quiet", "origin"]);
        match how {
            Merge::Commit => {
                self.work.git(&["merge", "--quiet", "--no-ff", "--no-edit", &branch]);
            }
            Merge::Squash => {
                self.work.git(&["merge", "--quiet", "--squash", &branch]);
                self.work.commit("More memory (#1)");
            }
            Merge::Rebase => {
                self.work.write("README", "of no concern\n");
                self.work.commit("Something else");
                self.work.git(&["cherry-pick", &branch]);
            }
        }
        self.work.git(&["push", "--quiet", "origin", "main"]);
        let commit = self.work.head();
        self.fake.state().thing(number).merged = Some((commit.clone(), "alice".to_owned()));
        commit
    }

    /// A person closes everything that is open.
    pub(super) fn decline(&self) {
        let mut state = self.fake.state();
        for thing in state.things.iter_mut().filter(|thing| thing.is_open()) {
            thing.closed_by = Some("alice".to_owned());
        }
    }

    pub(super) fn things(&self) -> Vec<Thing> {
        self.fake.state().things.clone()
    }

    pub(super) fn pulls(&self) -> Vec<Thing> {
        self.things().into_iter().filter(|thing| thing.pull.is_some()).collect()
    }

    pub(super) fn issues(&self) -> Vec<Thing> {
        self.things().into_iter().filter(|thing| thing.pull.is_none()).collect()
    }

    /// Branches of the remote with their commits.
    pub(super) fn refs(&self) -> String {
        self.remote.git(&["for-each-ref", "--format=%(refname:short) %(objectname)"])
    }

    /// Branches of proposals on the remote.
    pub(super) fn branches(&self) -> Vec<String> {
        let all =
            self.remote.git(&["for-each-ref", "--format=%(refname:short)", "refs/heads/drift/incident/"]);
        all.lines().map(str::to_owned).collect()
    }

    #[track_caller]
    pub(super) fn branch(&self) -> String {
        let branches = self.branches();
        assert_eq!(branches.len(), 1, "{branches:?}");
        branches[0].clone()
    }

    /// The incidents of the ledger, by the name of the object.
    pub(super) fn incidents(&self) -> BTreeMap<String, Value> {
        let paths = self.remote.git(&["ls-tree", "-r", "--name-only", "drift/ledger"]);
        let text = |path: &str| self.remote.git(&["show", &format!("drift/ledger:{path}")]);
        let read = |path: &str| serde_yaml::from_str::<Value>(&text(path)).expect("YAML of the ledger");
        let incidents = paths.lines().map(read);
        incidents
            .map(|one| (if one.to_string().contains("debug") { "debug" } else { "web" }.to_owned(), one))
            .collect()
    }

    /// Fails unless one pull request and one issue are all that is open, each for an incident of the ledger.
    #[track_caller]
    pub(super) fn assert_stands(&self) {
        let open: Vec<Thing> = self.things().into_iter().filter(Thing::is_open).collect();
        let (pulls, issues): (Vec<&Thing>, Vec<&Thing>) = open.iter().partition(|thing| thing.pull.is_some());
        assert_eq!((pulls.len(), issues.len()), (1, 1), "{open:?}");
        let incidents = self.incidents();
        assert_eq!(incidents.len(), 2, "{incidents:?}");
        for (thing, incident) in [(pulls[0], &incidents["web"]), (issues[0], &incidents["debug"])] {
            let id = incident["id"].as_str().expect("an id");
            let fingerprint = incident["events"][0]["fingerprint"].as_str().expect("a fingerprint");
            let proven = thing.pull.as_ref().map(|(branch, _)| self.remote.git(&["rev-parse", branch]));
            let commit = proven.map(|commit| format!(" commit={commit}")).unwrap_or_default();
            let mark = format!("<!-- drift:v1 incident={id} fingerprint={fingerprint}{commit} -->\n");
            assert!(thing.body.starts_with(&mark), "{mark}{}", thing.body);
            let trailers = format!("\nDrift-Incident: {id}\nDrift-Fingerprint: {fingerprint}");
            assert!(thing.body.contains(&trailers), "{}", thing.body);
            assert_eq!(thing.author, BOT);
        }
        let branch = self.branch();
        assert_eq!(pulls[0].pull, Some((branch.clone(), "main".to_owned())));
        assert_eq!(self.remote.git(&["rev-list", "--count", &format!("main..{branch}")]), "1");
    }

    /// Fails unless another run writes nothing anywhere.
    #[track_caller]
    pub(super) fn assert_quiet(&self, status: i32) {
        let (writes, refs) = (self.fake.writes(), self.refs());
        let _ = self.run(status);
        let requests = self.fake.requests();
        let written: Vec<_> = requests.iter().filter(|(method, _)| method != "GET").skip(writes).collect();
        assert!(written.is_empty(), "{written:?}");
        assert_eq!(self.refs(), refs);
    }
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
