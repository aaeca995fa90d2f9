//! `drift demo`: a complete cycle on built-in sample data. A temporary repository with a history, a recorded cluster with manual
//! changes, and the same code as a real run.

use crate::model::{AuditReport, CheckReport, RunReport};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use super::super::error::CommandError;
use crate::audit::audit;
use crate::check::{CheckSettings, ClusterTarget, check};
use crate::checkout::{CheckoutSettings, RepositoryLocation, Tokens};
use crate::git::{CommitId, GitError, GitOptions, RefUpdate, Repository, Signature};
use crate::reconcile::{ForgeOptions, RunError, RunSettings, branch_name, read_ledger, run};
use crate::source::Tools;

/// One step of the demo's output.
#[derive(Debug)]
pub(super) enum DemoStep {
    /// Explains what happens next.
    Narration(&'static str),
    /// The command that a person would type.
    Command(&'static str),
    /// The result of a check.
    CheckReport(Box<CheckReport>),
    /// The result of a run.
    RunReport(Box<RunReport>),
    /// The result of an audit.
    AuditReport(AuditReport),
}

/// The base branch of the story.
const BRANCH: &str = "main";
/// The recorded cluster: a real API server's answers, after `kubectl apply` by a GitOps tool and three changes by hand.
const CLUSTER: &[u8] = include_bytes!("cluster.jsonl");

/// Runs the demo in `folder`, which becomes a bare repository; each step is passed to `tell`.
///
/// # Errors
/// What the file system or Git says.
pub(super) async fn demo(
    folder: &Path,
    now: Timestamp,
    tell: &mut dyn FnMut(DemoStep),
) -> Result<(), CommandError> {
    let story = Demo::begin(folder, now)?;
    tell(DemoStep::Narration(
        "A shop runs in a cluster; Git declares it in three commits. Last night web ran out of memory, and somebody \
         fixed it by hand. The newest commit is on its way: the GitOps tool has not applied it yet.",
    ));
    tell(DemoStep::Command("drift check"));
    tell(DemoStep::CheckReport(Box::new(check(&story.settings, &|_| {}).await?.report)));
    tell(DemoStep::Narration(
        "The grace period and the ConfigMap were never declared in Git: `kubectl diff` does not show them. The commit \
         that is on its way is called unsynced, not manual. Now the scheduled job:",
    ));
    tell(DemoStep::Command("drift run"));
    tell(DemoStep::RunReport(Box::new(story.run().await?)));
    tell(DemoStep::Narration(
        "Each incident is in the ledger and has a proposal: a commit where drift can prove one, an issue where a \
         person must decide. Here we merge the commit, and put the stray ConfigMap into Git.",
    ));
    tell(DemoStep::Command("git merge drift/incident/demo-… && git commit -m 'Keep the debug settings'"));
    story.merge()?;
    tell(DemoStep::Command("drift run"));
    tell(DemoStep::RunReport(Box::new(story.run().await?)));
    tell(DemoStep::Narration(
        "Git and the cluster now agree, except for the commit that is not applied yet. Git proves how each incident ended:",
    ));
    tell(DemoStep::Command("drift audit"));
    tell(DemoStep::AuditReport(audit(&story.settings.checkout)?));
    Ok(())
}

struct Demo {
    repository: Repository,
    settings: CheckSettings,
}

impl Demo {
    fn begin(folder: &Path, now: Timestamp) -> Result<Self, CommandError> {
        let repository = Repository::init_bare(folder, BRANCH, GitOptions::default())?;
        let story = Self { repository, settings: settings(folder.to_owned(), now) };
        let web = include_str!("web.yaml");
        story.commit(
            "Run the shop",
            &[("drift.yaml", include_str!("drift.yaml")), ("apps/web.yaml", web)],
            3,
        )?;
        let released = web.replace("web:1.4.0", "web:1.5.0");
        let info = include_str!("settings.yaml");
        story.commit(
            "Release web 1.5.0",
            &[("apps/web.yaml", &released), ("apps/settings.yaml", info)],
            2,
        )?;
        story.commit(
            "Log warnings only",
            &[("apps/settings.yaml", &info.replace("level: info", "level: warn"))],
            1,
        )?;
        Ok(story)
    }

    fn head(&self) -> Result<Option<CommitId>, GitError> {
        self.repository.branch(BRANCH)
    }

    /// A commit on the base branch, some hours before the story begins.
    fn commit(&self, message: &str, files: &[(&str, &str)], hours: i64) -> Result<(), CommandError> {
        let time = self.settings.checkout.now.as_second() - hours * 3_600;
        let who = Signature { name: "Ada".to_owned(), email: "ada@example.com".to_owned(), time };
        let files: Vec<(String, Option<Vec<u8>>)> =
            files.iter().map(|(path, text)| ((*path).to_owned(), Some(text.as_bytes().to_vec()))).collect();
        let head = self.head()?;
        let commit = self.repository.commit(head.as_ref(), &files, &format!("{message}\n"), &who)?;
        self.set(BRANCH, Some(commit), head)
    }

    fn set(
        &self,
        branch: &str,
        new: Option<CommitId>,
        expected: Option<CommitId>,
    ) -> Result<(), CommandError> {
        self.repository
            .push(None, &[RefUpdate { branch: branch.to_owned(), new, expected }])
            .map_err(RunError::from)?;
        Ok(())
    }

    fn run_settings(&self) -> RunSettings {
        let forge = ForgeOptions { trusted_hosts: Vec::new(), deadline: Duration::from_secs(10) };
        RunSettings { check: self.settings.clone(), forge, dry_run: false }
    }

    async fn run(&self) -> Result<RunReport, CommandError> {
        Ok(run(&self.run_settings(), &|_| {}).await?)
    }

    /// Fast-forwards the base branch to the proposed commit, and declares the stray object.
    fn merge(&self) -> Result<(), CommandError> {
        let ledger = self.repository.branch("drift/ledger")?;
        let base = self.repository.head()?;
        let ledger = read_ledger(&self.repository, &base, ledger.as_ref())?;
        for incident in ledger.incidents() {
            let branch = branch_name(&incident.cluster, &incident.id);
            if let Some(proposed) = self.repository.branch(&branch)? {
                self.set(BRANCH, Some(proposed), self.head()?)?;
            }
        }
        self.commit("Keep the debug settings", &[("apps/debug.yaml", include_str!("debug.yaml"))], 0)
    }
}

fn settings(folder: PathBuf, now: Timestamp) -> CheckSettings {
    let checkout = CheckoutSettings {
        location: RepositoryLocation::Folder(folder),
        revision: Some(BRANCH.to_owned()),
        path: None,
        include_untracked: false,
        tools: Tools::from_paths(None, None, None),
        cache: None,
        git: GitOptions { bare: true, ..GitOptions::default() },
        tokens: Tokens::default(),
        now,
    };
    let target = ClusterTarget::Embedded("the recorded cluster", CLUSTER);
    CheckSettings {
        checkout,
        target,
        skip_secrets: false,
        verify: false,
        keep_hidden: false,
        next_sync: false,
    }
}
