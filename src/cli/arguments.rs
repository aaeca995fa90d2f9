//! The command line.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::report::Format;

/// Finds changes made to a Kubernetes cluster outside Git, and ends each one with a commit.
#[derive(Debug, Parser)]
#[command(name = "drift", version, max_term_width = 100, after_help = EXIT_CODES)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

const EXIT_CODES: &str = "Exit codes:
  0  no drift
  1  drift
  2  usage or configuration: nothing was read
  3  incomplete or failed: something could not be read (beats 1); also when nothing was examined, and when
     --verify-with-server disagrees";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Compare what Git declares with what the cluster runs, and report.
    #[command(after_help = EXIT_CODES)]
    Check(CheckArguments),
    /// The scheduled job: check the base branch, keep the ledger, open and update pull requests and issues.
    #[command(after_help = EXIT_CODES)]
    Run(RunArguments),
    /// Tell all that is known of one object: owners, commits, and the rule behind each verdict.
    #[command(after_help = EXPLAIN_CODES)]
    Explain(ExplainArguments),
    /// Prove from Git that every incident ended with a commit.
    #[command(after_help = AUDIT_CODES)]
    Audit(AuditArguments),
    /// Write live objects to a file, secret values left out, for `check --snapshot`.
    Snapshot(SnapshotArguments),
    /// Tell the whole loop as a story, on embedded data: no cluster, nothing installed, nothing left behind.
    Demo(DemoArguments),
}

#[derive(Debug, Args)]
pub(super) struct DemoArguments {
    /// Keep the story's repository in this folder, which must not exist yet.
    #[arg(long, value_name = "DIR")]
    pub(super) keep: Option<PathBuf>,
    /// Colour.
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(super) color: Color,
}

const EXPLAIN_CODES: &str = "Exit codes:
  0  the object is explained
  2  usage or configuration
  3  the object is not known to Git or the cluster, or could not be read";

#[derive(Debug, Args)]
pub(super) struct ExplainArguments {
    /// The object: KIND[.GROUP]/NAMESPACE/NAME, or KIND[.GROUP]/NAME for one without a namespace.
    pub(super) resource: String,
    /// Folder or file in the repository: narrows the sources of drift.yaml, or is the one source without it.
    pub(super) path: Option<PathBuf>,
    /// Read this branch, tag or commit instead of the work tree.
    #[arg(long, value_name = "REV")]
    pub(super) revision: Option<String>,
    /// Format on standard output.
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub(super) output: AuditFormat,
    /// Colour.
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(super) color: Color,
    #[command(flatten)]
    pub(super) target: TargetArgs,
}

const AUDIT_CODES: &str = "Exit codes:
  0  every incident ended with a commit (or there is no ledger yet)
  1  some are open or declined, or their end cannot be proven
  2  usage or configuration
  3  the ledger or the repository cannot be read";

#[derive(Debug, Args)]
pub(super) struct AuditArguments {
    /// Repository: a folder in it, or an address to clone.
    #[arg(long, value_name = "PATH|URL", default_value = ".")]
    pub(super) repository: String,
    /// Format on standard output.
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub(super) output: AuditFormat,
    /// Folder kept between runs: clones [default: the user's cache folder].
    #[arg(long, value_name = "DIR", env = "DRIFT_CACHE_DIR")]
    pub(super) cache_dir: Option<PathBuf>,
    /// Colour.
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(super) color: Color,
}

/// A format of an audit or an explanation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum AuditFormat {
    /// For a person.
    Text,
    /// drift/audit/v1, drift/explain/v1.
    Json,
}

#[derive(Debug, Args)]
pub(super) struct SnapshotArguments {
    /// The file to write; `-` for standard output.
    pub(super) file: PathBuf,
    /// Folder or file in the repository whose kinds are taken [default: the sources of drift.yaml].
    pub(super) path: Option<PathBuf>,
    /// Take everything that can be listed, not only the kinds that the sources declare.
    #[arg(long, conflicts_with = "path")]
    pub(super) everything: bool,
    #[command(flatten)]
    pub(super) target: TargetArgs,
}

#[derive(Debug, Args)]
pub(super) struct RunArguments {
    /// Show what would be written, and write nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// A host beside the remote's own to which the token may go (the forge's API behind another name).
    #[arg(long, value_name = "HOST", env = "DRIFT_FORGE_HOST", value_delimiter = ',')]
    pub(super) forge_host: Vec<String>,
    #[command(flatten)]
    pub(super) target: TargetArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

/// As kustomize names them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "PascalCase")]
pub(super) enum LoadRestrictor {
    /// Files of the root's own folder.
    #[default]
    LoadRestrictionsRootOnly,
    /// Files of the whole repository.
    LoadRestrictionsNone,
}

/// Which repository, which cluster: the same for every command.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct TargetArgs {
    /// Repository: a folder in it, or an address to clone.
    #[arg(long, value_name = "PATH|URL", default_value = ".")]
    pub(super) repository: String,
    /// kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the Pod's own service account].
    #[arg(long, value_name = "FILE")]
    pub(super) kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig [default: its current one].
    #[arg(long)]
    pub(super) context: Option<String>,
    /// Compare with this snapshot instead of a cluster.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["kubeconfig", "context"])]
    pub(super) snapshot: Option<PathBuf>,
    /// Read files of the work tree too that Git does not track or ignores: no revision has them, and they may hold
    /// credentials.
    #[arg(long)]
    pub(super) include_untracked: bool,
    /// Fail where the kernel cannot keep helm and kustomize from the network and from files outside of their copy.
    #[arg(long)]
    pub(super) require_sandbox: bool,
    /// What kustomize may load: files of the root's own folder, or of the whole repository; never others.
    #[arg(long, value_name = "NAME", env = "DRIFT_LOAD_RESTRICTOR", value_enum, default_value_t)]
    pub(super) load_restrictor: LoadRestrictor,
    /// Say more of what is done: what protects from renderers.
    #[arg(short, long)]
    pub(super) verbose: bool,
    /// Leave Secrets out.
    #[arg(long)]
    pub(super) skip_secrets: bool,
    /// Seconds for one request to the cluster or the forge, and its retries.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(super) timeout: u64,
    /// Folder kept between runs: schemas, clones, rendered versions [default: the user's cache folder].
    #[arg(long, value_name = "DIR", env = "DRIFT_CACHE_DIR")]
    pub(super) cache_dir: Option<PathBuf>,
}

/// What is printed, and where.
#[derive(Debug, Clone, Args)]
pub(super) struct OutputArgs {
    /// Format on standard output.
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub(super) output: OutputFormat,
    /// Another report of the same run, into a file; may be given several times.
    #[arg(long, value_name = "FORMAT=PATH")]
    pub(super) output_file: Vec<OutputFile>,
    /// List `controller` and `ignored` changes too, which are only counted otherwise.
    #[arg(long)]
    pub(super) all: bool,
    /// Colour.
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(super) color: Color,
    /// Exit 0 also when there is drift (2 and 3 stay, and 1 where a run holds incidents back).
    #[arg(long)]
    pub(super) exit_zero: bool,
}

#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    /// Folder or file in the repository: narrows the sources of drift.yaml, or is the one source without it.
    pub(super) path: Option<PathBuf>,
    /// Read this branch, tag or commit instead of the work tree.
    #[arg(long, value_name = "REV")]
    pub(super) revision: Option<String>,
    /// Ask the API server too what it would change, by dry-run patches, and report where it and drift differ (needs the
    /// verb `patch`; nothing is written).
    #[arg(long, conflicts_with = "snapshot")]
    pub(super) verify_with_server: bool,
    #[command(flatten)]
    pub(super) target: TargetArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    Auto,
    Always,
    Never,
}

/// A format as the command line names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum OutputFormat {
    /// For a person.
    Text,
    /// drift/report/v1.
    Json,
    /// A page for job summaries.
    Markdown,
    /// Annotations by GitHub's workflow commands.
    Github,
}

impl From<OutputFormat> for Format {
    fn from(format: OutputFormat) -> Self {
        match format {
            OutputFormat::Text => Self::Text,
            OutputFormat::Json => Self::Json,
            OutputFormat::Markdown => Self::Markdown,
            OutputFormat::Github => Self::Github,
        }
    }
}

/// `FORMAT=PATH`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OutputFile {
    pub(super) format: Format,
    pub(super) path: PathBuf,
}

impl FromStr for OutputFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (format, path) =
            text.split_once('=').ok_or("write it as FORMAT=PATH, such as json=report.json")?;
        let format = OutputFormat::from_str(format, false)?;
        if path.is_empty() {
            return Err("the path is empty".to_owned());
        }
        Ok(Self { format: format.into(), path: PathBuf::from(path) })
    }
}
