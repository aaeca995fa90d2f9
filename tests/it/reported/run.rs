//! One case in one mode, in a namespace and a repository of its own.

use std::fmt::Write as _;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::case::{Case, CaseFolder, Expectation, Proposal};
use super::deployer::Deployer;
use super::judge::judge;
use super::row::{Row, items};
use super::step::Step;
use super::webhook::WebhookServer;
use crate::support::cluster::ControlPlane;
use crate::support::command::{Drift, Output, code, hermetic};
use crate::support::parts;
use crate::support::repo::Repo;

/// The folder of the repository that Git declares things in.
pub(super) const SOURCE: &str = "manifests";
/// A person with kubectl.
pub(super) const PERSON: &str = "alice";
/// A deployer: another user, which nothing may depend on.
pub(super) const DEPLOYER: &str = "gitops";

/// Everything that one run has.
pub(super) struct Run {
    pub(super) plane: &'static ControlPlane,
    pub(super) namespace: String,
    pub(super) mode: String,
    pub(super) deployer: Deployer,
    pub(super) case: Case,
    /// A copy of the case's folder, with what the placeholders stand for.
    pub(super) folder: TempDir,
    pub(super) repo: Repo,
}

impl Run {
    pub(super) fn new(folder: &CaseFolder, mode: &str) -> Result<Self, String> {
        let plane = ControlPlane::with_controllers();
        let short: String = folder.name.chars().take(30).collect();
        let namespace = plane.fresh_namespace(&format!("v-{}", short.trim_end_matches('-')));
        let (files, repo) = (tempfile::tempdir().map_err(|error| error.to_string())?, Repo::new());
        let port = match folder.mentions("{PORT}") {
            true => ControlPlane::fresh_node_port(),
            false => "no port".to_owned(),
        };
        let path = |path: &std::path::Path| path.to_str().expect("temporary folders are UTF-8").to_owned();
        let server = WebhookServer::shared(plane);
        let known = [
            ("{NS}", namespace.clone()),
            ("{DIR}", path(files.path())),
            ("{REPO}", path(repo.path())),
            ("{PORT}", port),
            ("{WEBHOOK}", server.url(&namespace)),
            ("{CA}", server.ca()),
        ];
        let fill = |text: &str| known.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
        let case = folder.read(&fill)?;
        folder.copy_files(files.path(), &fill)?;
        server.register(&namespace, &case.webhooks);
        let deployer = Deployer::parse(mode)?;
        Ok(Self { plane, namespace, mode: mode.to_owned(), deployer, case, folder: files, repo })
    }

    /// The whole course; gives the complaints, and writes down what was said.
    pub(super) fn go(&self, said: &mut String) -> Result<Vec<String>, String> {
        let source = format!("  - path: {SOURCE}\n    namespace: {}\n", self.namespace);
        let config = format!("version: 1\ncluster: test\nsources:\n{source}");
        self.repo.write("drift.yaml", self.case.config.as_ref().unwrap_or(&config));
        self.take(&self.case.setup)?;
        match &self.case.deploy {
            Some(steps) => self.take(steps)?,
            None => {
                self.commit("git", Duration::ZERO)?;
                self.apply("git", &self.deployer)?;
            }
        }
        // What controllers do about it is part of the state before.
        std::thread::sleep(Duration::from_millis(500));
        let mut complaints = self.check("before", self.case.before(&self.mode), said)?;
        if let Some(after) = self.case.after(&self.mode) {
            self.take(&self.case.change)?;
            std::thread::sleep(Duration::from_millis(500));
            complaints.extend(self.check("after", after, said)?);
        }
        if let Some(proposal) = &self.case.proposes {
            complaints.extend(self.propose(proposal, said)?);
        }
        Ok(complaints)
    }

    fn take(&self, steps: &[Step]) -> Result<(), String> {
        steps.iter().try_for_each(|step| self.take_step(step).map_err(|why| format!("{step:?}: {why}")))
    }

    fn check(&self, when: &str, expected: &Expectation, said: &mut String) -> Result<Vec<String>, String> {
        let more = if expected.all { &["--all"][..] } else { &[] };
        let output = self.drift().args(["check", "--output=json"]).args(more).run();
        let report: Value = serde_json::from_str(&output.stdout)
            .map_err(|_| format!("{when}: no report, exit {}: {}", output.status, output.stderr))?;
        let _ = writeln!(said, "  {when}: exit {}", output.status);
        for row in Row::list(&report) {
            let _ = writeln!(said, "    {row}");
        }
        for warning in items(&report["warnings"]) {
            let _ = writeln!(said, "    warning: {warning}");
        }
        for gap in items(&report["incomplete"]) {
            let _ = writeln!(said, "    incomplete: {}: {}", gap["what"], gap["why"]);
        }
        let complaints = judge(expected, output.status, &report)?;
        Ok(complaints.into_iter().map(|complaint| format!("{when}: {complaint}")).collect())
    }

    /// What `drift run` proposes, as branches of the repository itself.
    fn propose(&self, expected: &Proposal, said: &mut String) -> Result<Vec<String>, String> {
        let base = self.repo.head();
        let output = self.drift().arg("run").run();
        if !matches!(output.status, 0 | 1) {
            return Ok(vec![format!("drift run: exit {}: {}", output.status, output.stderr)]);
        }
        let (mut complaints, mut all_added) = (vec![], String::new());
        let listed =
            self.repo.git(&["for-each-ref", "--format=%(refname:short)", "refs/heads/drift/incident/"]);
        for branch in listed.lines() {
            let diff = self.repo.git(&["diff", &base, branch, "--", SOURCE]);
            let _ = writeln!(said, "  {branch}:\n{diff}");
            let added = diff.lines().filter(|line| line.starts_with('+') && !line.starts_with("+++"));
            all_added.extend(added.map(|line| format!("{line}\n")));
            self.repo.git(&["checkout", "--quiet", branch]);
            if let Err(why) = self.kubectl_apply(self.repo.path().join(SOURCE), &self.deployer, true) {
                complaints.push(format!("the API server refuses what {branch} proposes: {why}"));
            }
        }
        let wrong = expected.adds_no.iter().filter(|text| all_added.contains(*text));
        complaints.extend(wrong.map(|text| format!("proposed for Git: {text}")));
        let missing = expected.adds.iter().filter(|text| !all_added.contains(*text));
        complaints.extend(missing.map(|text| format!("not proposed for Git: {text}")));
        Ok(complaints)
    }

    /// `drift` in the repository, with the Helm of the mode. What is cached serves all runs.
    fn drift(&self) -> Drift {
        let drift = Drift::new()
            .with_tools(&["helm", "kustomize"])
            .env("KUBECONFIG", self.plane.kubeconfig("admin"))
            .env("DRIFT_CACHE_DIR", self.plane.servers().folder().join("cache-of-reported"))
            .in_folder(self.repo.path());
        match self.deployer {
            Deployer::Helm(tool) => drift.with_tools(&[tool]),
            _ => drift,
        }
    }

    /// The case's Helm, in the namespace.
    pub(super) fn helm(&self, words: &[String]) -> Result<(), String> {
        let Deployer::Helm(tool) = self.deployer else { return Err("the mode is no Helm".to_owned()) };
        let mut command = Command::new(parts::part(tool).join("helm"));
        command.env_clear();
        hermetic(&mut command, self.folder.path());
        command.env("KUBECONFIG", self.plane.kubeconfig(DEPLOYER)).args(words);
        let output =
            command.args(["--namespace", &self.namespace]).output().map_err(|why| why.to_string())?;
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        if code(output.status) == 0 { Ok(()) } else { Err(stderr) }
    }
}

/// Success, or what the program complained of.
pub(super) fn succeeded(output: Output) -> Result<Output, String> {
    if output.status == 0 { Ok(output) } else { Err(output.stderr.trim().to_owned()) }
}
