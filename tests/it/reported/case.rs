//! What `case.yaml` may say. A key that is not here is refused.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::deployer::Deployer;
use super::line::Line;
use super::step::Step;
use crate::support::tree;

/// A folder of `testdata/verdict`.
#[derive(Debug, Clone)]
pub(super) struct CaseFolder {
    pub(super) name: String,
    pub(super) path: PathBuf,
}

/// One case: what is declared and applied, what then happens, and what `drift check` has to say before and after.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Case {
    /// What happens, in words.
    pub(super) says: String,
    /// The public reports, or `own`.
    pub(super) from: Vec<String>,
    pub(super) about: Subject,
    /// How the deployer applies; the case runs once in each.
    pub(super) modes: Vec<String>,
    /// The first and the last minor version of Kubernetes that the case is of: fields and their gates come and go.
    pub(super) since: Option<u32>,
    pub(super) until: Option<u32>,
    /// `drift.yaml`; without it the one source `manifests`.
    pub(super) config: Option<String>,
    /// JSON patches that the webhook `{HOOK}/patch/NAME` answers with.
    #[serde(default)]
    pub(super) webhooks: BTreeMap<String, Value>,
    /// What is there before the deployer comes.
    #[serde(default)]
    pub(super) setup: Vec<Step>,
    /// What the deployer does; without it: commit and apply the folder `git`.
    pub(super) deploy: Option<Vec<Step>>,
    pub(super) before: Expectation,
    /// What a person or a tool does then.
    #[serde(default)]
    pub(super) change: Vec<Step>,
    pub(super) after: Option<Expectation>,
    /// What `drift run` may propose.
    pub(super) proposes: Option<Proposal>,
    /// Other expectations in a mode.
    #[serde(default)]
    pub(super) r#in: BTreeMap<String, OtherExpectations>,
}

/// What a case is an instance of; each has a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Subject {
    Admission,
    ChangedDefault,
    Controller,
    DeclaredTwice,
    DeployerMark,
    DroppedField,
    Helm,
    Hook,
    HotFix,
    ListItem,
    NotApplied,
    OtherVersion,
    Rollback,
    SharedPart,
    StaleEvidence,
    Steady,
    Unmanaged,
    Unowned,
    Value,
    Variable,
}

/// What `drift check` has to say.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Expectation {
    /// The exit code, or any of these.
    pub(super) exit: OneOrMore<i32>,
    /// A line for each finding that must be there: see [`super::line`].
    #[serde(default)]
    pub(super) findings: String,
    /// One of these sets of lines must be there, too.
    #[serde(default)]
    pub(super) either: Vec<String>,
    /// Drift that may be there besides.
    #[serde(default)]
    pub(super) may: String,
    /// Nothing else may be said at all, not even what is no drift.
    #[serde(default)]
    pub(super) silent: bool,
    /// Ask for what is only counted otherwise (`--all`).
    #[serde(default)]
    pub(super) all: bool,
    /// Texts of warnings, notes and reasons, each of which must be there.
    #[serde(default)]
    pub(super) mentions: Vec<String>,
    /// Where one of these texts is there, the run may be incomplete and anything may be `unknown`.
    #[serde(default)]
    pub(super) excused_by: Vec<String>,
}

/// What the branches of `drift run` may add to Git. The API server must accept each.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Proposal {
    /// Texts that no branch adds.
    #[serde(default)]
    pub(super) adds_no: Vec<String>,
    /// Texts that some branch adds.
    #[serde(default)]
    pub(super) adds: Vec<String>,
}

/// What stands for `before` or `after` in one mode.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OtherExpectations {
    pub(super) before: Option<Expectation>,
    pub(super) after: Option<Expectation>,
}

/// A value, or a list of them.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMore<T> {
    One(T),
    More(Vec<T>),
}

impl<T: fmt::Display> fmt::Display for OneOrMore<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(one) => write!(out, "{one}"),
            Self::More(all) => {
                let all: Vec<String> = all.iter().map(ToString::to_string).collect();
                write!(out, "{}", all.join(" or "))
            }
        }
    }
}

impl<T: PartialEq> OneOrMore<T> {
    pub(super) fn contains(&self, value: &T) -> bool {
        match self {
            Self::One(one) => one == value,
            Self::More(all) => all.contains(value),
        }
    }
}

impl CaseFolder {
    /// Every folder of cases, by name.
    pub(super) fn list() -> Vec<Self> {
        let root = tree::root().join("testdata/verdict");
        let mut all: Vec<Self> = std::fs::read_dir(&root)
            .expect("the folder of the cases")
            .map(|entry| entry.expect("a readable entry"))
            .map(|entry| Self { name: entry.file_name().into_string().expect("UTF-8"), path: entry.path() })
            .collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// The case, with what the placeholders stand for.
    pub(super) fn read(&self, fill: &dyn Fn(&str) -> String) -> Result<Case, String> {
        let text = std::fs::read_to_string(self.path.join("case.yaml"))
            .map_err(|error| format!("case.yaml: {error}"))?;
        // By way of JSON: there the one key of a map names a variant.
        let value: Value =
            serde_yaml::from_str(&fill(&text)).map_err(|error| format!("case.yaml: {error}"))?;
        let case: Case = serde_json::from_value(value).map_err(|error| format!("case.yaml: {error}"))?;
        case.validate()?;
        Ok(case)
    }

    /// Reads the case and every line of its expectations.
    pub(super) fn validate(&self, fill: &dyn Fn(&str) -> String) -> Result<(), String> {
        let case = self.read(fill)?;
        for mode in &case.modes {
            Deployer::parse(mode)?;
        }
        let others = case.r#in.values().flat_map(|other| [&other.before, &other.after]);
        let all = [Some(&case.before), case.after.as_ref()].into_iter().chain(others.map(Option::as_ref));
        for expected in all.flatten() {
            for block in [&expected.findings, &expected.may].into_iter().chain(&expected.either) {
                Line::parse_all(block)?;
            }
        }
        Ok(())
    }

    /// Whether a file of the case has a text.
    pub(super) fn mentions(&self, text: &str) -> bool {
        let files = tree::files(&format!("testdata/verdict/{}", self.name));
        let read = |file: &String| std::fs::read_to_string(tree::root().join(file)).unwrap_or_default();
        files.iter().any(|file| read(file).contains(text))
    }

    /// Copies every other file of the case into a folder, with what the placeholders stand for.
    pub(super) fn copy_files(&self, to: &Path, fill: &dyn Fn(&str) -> String) -> Result<(), String> {
        copy_folder(&self.path, to, fill).map_err(|error| format!("the files of the case: {error}"))
    }
}

impl Case {
    fn validate(&self) -> Result<(), String> {
        if self.modes.is_empty() || self.from.is_empty() || self.says.is_empty() {
            return Err("`says`, `from` and `modes` must say something".to_owned());
        }
        if self.after.is_some() == self.change.is_empty() {
            return Err("`change` and `after` go together".to_owned());
        }
        if let Some(mode) = self.r#in.keys().find(|mode| !self.modes.contains(mode)) {
            return Err(format!("`in` names {mode}, which is no mode of the case"));
        }
        Ok(())
    }

    /// Whether it is of a server of this minor version.
    pub(super) fn is_of(&self, minor: u32) -> bool {
        self.since.is_none_or(|since| since <= minor) && self.until.is_none_or(|until| minor <= until)
    }

    /// What is expected before the change in this mode.
    pub(super) fn before(&self, mode: &str) -> &Expectation {
        self.r#in.get(mode).and_then(|other| other.before.as_ref()).unwrap_or(&self.before)
    }

    /// What is expected after the change in this mode; none where nothing changes.
    pub(super) fn after(&self, mode: &str) -> Option<&Expectation> {
        self.r#in.get(mode).and_then(|other| other.after.as_ref()).or(self.after.as_ref())
    }
}

fn copy_folder(from: &Path, to: &Path, fill: &dyn Fn(&str) -> String) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target, fill)?;
        } else if entry.file_name() != "case.yaml" {
            std::fs::write(target, fill(&std::fs::read_to_string(entry.path())?))?;
        }
    }
    Ok(())
}
