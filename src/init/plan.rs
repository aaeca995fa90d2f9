//! Decides what is written, and says what was found and what comes next.

use std::path::PathBuf;

use super::InitError;
use super::config_text::{Compared, config_text};
use super::cronjob::{self, cronjob_text};
use super::names::{counted, shown};
use super::proposal::{Proposal, ProposedSource};
use super::settings::{InitPart, InitSettings};
use super::survey::Survey;
use super::workflow::{GITHUB_LOGIN, workflow};
use crate::checkout::is_below;
use crate::config::{CONFIG_FILE, ForgeKind};
use crate::model::RootReport;
use crate::source::SourceKind;
use crate::text::{one_line, pluralize};

/// A file to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePlan {
    /// What it is.
    pub part: InitPart,
    /// Where, from the root of the work tree.
    pub path: String,
    /// Other names by which it may be there already.
    pub also: Vec<String>,
    /// Its text.
    pub text: String,
}

/// What is to be written, and what a person is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitPlan {
    /// The work tree.
    pub root: PathBuf,
    /// The files.
    pub files: Vec<FilePlan>,
    /// What was found, a line each.
    pub found: Vec<String>,
    /// Parts that are not written, and why.
    pub left_out: Vec<(InitPart, String)>,
    /// What to do next, a line each.
    pub next: Vec<String>,
    /// Warnings.
    pub warnings: Vec<String>,
}

/// Looks at a repository and its cluster, and decides what is written. `progress` receives each stage as it begins.
///
/// # Errors
/// [`InitError`]
pub async fn plan(settings: &InitSettings, progress: &dyn Fn(&str)) -> Result<InitPlan, InitError> {
    let mut found = Survey::read(settings, progress).await?;
    let roots = found.cluster.as_mut().map(|cluster| std::mem::take(&mut cluster.report.roots));
    // Objects of a cluster name a repository by its address.
    let follows = found.remote.is_some()
        && match &roots {
            Some(roots) => !roots.is_empty(),
            None => !found.tree.roots.is_empty(),
        };
    let mut proposal = std::mem::take(&mut found.proposal);
    if follows && roots.is_some() {
        proposal = Proposal::default();
    } else if follows {
        proposal = proposal.without_applied(&found.tree);
    }
    proposal.exclude(&found.tree, &settings.cronjob_folder);
    if !follows && proposal.sources.is_empty() {
        let place = settings.check.checkout.path.as_deref().filter(|path| *path != ".");
        return Err(InitError::Nothing(place.map_or_else(|| "the repository".to_owned(), shown)));
    }
    let planner = Planner { settings, found: &found, roots: roots.unwrap_or_default(), follows, proposal };
    Ok(planner.plan())
}

struct Planner<'a> {
    settings: &'a InitSettings,
    found: &'a Survey,
    roots: Vec<RootReport>,
    follows: bool,
    proposal: Proposal,
}

impl Planner<'_> {
    fn plan(&self) -> InitPlan {
        let (mut files, mut left_out) = (Vec::new(), Vec::new());
        let made = self.found.forge.kind.and_then(workflow);
        let login =
            made.as_ref().filter(|_| self.found.forge.kind == Some(ForgeKind::GitHub)).map(|_| GITHUB_LOGIN);
        let compared = Compared { roots: &self.roots, follows: self.follows, proposal: &self.proposal };
        files.push(FilePlan {
            part: InitPart::Config,
            path: CONFIG_FILE.to_owned(),
            also: Vec::new(),
            text: config_text(self.found, &compared, login),
        });
        match made {
            Some((path, text)) => {
                let also = vec![path.replace(".yaml", ".yml")];
                files.push(FilePlan { part: InitPart::Workflow, path: path.to_owned(), also, text });
            }
            None => left_out.push((InitPart::Workflow, self.why_no_workflow())),
        }
        match self.cronjob_user() {
            None => files.push(self.cronjob()),
            Some(user) => left_out.push((
                InitPart::CronJob,
                format!(
                    "{} would apply what lies there: name another folder with --cronjob-dir",
                    shown(&user)
                ),
            )),
        }
        let is_wanted = |part| self.settings.parts.contains(&part);
        files.retain(|file| is_wanted(file.part));
        left_out.retain(|(part, _)| is_wanted(*part));
        let found = self.found();
        let next = self.next(&files);
        let mut warnings = self.found.warnings.clone();
        let unread = self.found.cluster.iter().flat_map(|cluster| &cluster.report.incomplete);
        warnings.extend(unread.map(|unread| format!("not examined: {}: {}", unread.what, unread.why)));
        InitPlan { root: self.found.root.clone(), files, found, left_out, next, warnings }
    }

    fn cronjob(&self) -> FilePlan {
        let folder = &self.settings.cronjob_folder;
        let path =
            if folder == "." { cronjob::FILE.to_owned() } else { format!("{folder}/{}", cronjob::FILE) };
        let also = ["kustomization.yml", "Kustomization"].map(|name| path.replace(cronjob::FILE, name));
        let text = cronjob_text(folder, self.found.remote.as_ref());
        FilePlan { part: InitPart::CronJob, path, also: also.into(), text }
    }

    /// Who renders the folder of the CronJob's overlay with what it has, so that the overlay would change it.
    fn cronjob_user(&self) -> Option<String> {
        let folder = &self.settings.cronjob_folder;
        let by_root =
            self.roots.iter().find(|root| root.parts.iter().any(|part| is_below(folder, &part.path)));
        let has_it =
            |source: &&ProposedSource| source.kind != SourceKind::Plain && is_below(folder, &source.path);
        let by_source = || self.proposal.sources.iter().find(has_it).map(|source| source.path.clone());
        by_root.map(|root| root.resource.to_string()).or_else(by_source)
    }

    fn why_no_workflow(&self) -> String {
        match (&self.found.remote, self.found.forge.kind) {
            (None, _) => "the repository has no remote".to_owned(),
            (_, Some(ForgeKind::Local)) => "the repository itself is the forge".to_owned(),
            (_, Some(_)) => "GitLab is not supported yet".to_owned(),
            (Some(remote), None) => {
                let place = shown(remote.host.as_deref().unwrap_or(&remote.url));
                format!(
                    "the kind of forge of {place} is not known: name it with --forge gitea or --forge github"
                )
            }
        }
    }

    fn found(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.follows {
            let (count, place) = match self.roots.len() {
                0 => (self.found.tree.roots.len(), "in Git"),
                count => (count, "in the cluster and in Git"),
            };
            lines.push(format!(
                "{} of Flux or Argo CD {place}, which drift follows",
                pluralize(count, "object")
            ));
        }
        for (kind, thing) in [
            (SourceKind::Kustomize, "Kustomize root"),
            (SourceKind::Helm, "chart"),
            (SourceKind::Plain, "plain source"),
        ] {
            let paths = self.proposal.chosen().filter(|source| source.kind == kind);
            let paths: Vec<String> = paths.map(|source| source.path.clone()).collect();
            if !paths.is_empty() {
                lines.push(counted(&paths, thing));
            }
        }
        let others: Vec<String> = self.proposal.others().map(|source| source.path.clone()).collect();
        if !others.is_empty() {
            lines.push(format!(
                "{} of other environments, or of ones to choose from",
                counted(&others, "folder")
            ));
        }
        lines
    }

    fn next(&self, files: &[FilePlan]) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.follows && self.proposal.chosen().next().is_none() {
            lines.push(
                "choose this cluster's environment in drift.yaml: take the # away from its lines".to_owned(),
            );
        }
        lines.push("`drift check` compares now, and writes nothing".to_owned());
        let has = |part| files.iter().any(|file| file.part == part);
        if has(InitPart::Workflow) {
            lines.push(
                "in the workflow replace COMMIT and CHECKSUM by those of a release, and set the secrets that it names"
                    .to_owned(),
            );
        }
        if has(InitPart::CronJob) {
            let folder = one_line(&self.settings.cronjob_folder, 200);
            lines.push(format!("make the Secret with the token, then `kubectl apply --kustomize {folder}`"));
        }
        if has(InitPart::Workflow) && has(InitPart::CronJob) {
            lines.push(
                "keep one of the two for `drift run`: the workflow's job `run`, or the CronJob".to_owned(),
            );
        }
        lines.push("commit what you keep".to_owned());
        lines
    }
}
