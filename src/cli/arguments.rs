//! The command line.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use super::help;
use crate::report::Format;

/// Find changes made to a Kubernetes cluster outside Git, and end each one with a commit.
#[derive(Debug, Parser)]
#[command(name = "drift", version, max_term_width = 100, after_help = help::DRIFT)]
#[command(disable_help_flag = true, disable_help_subcommand = true, subcommand_value_name = "COMMAND")]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
    /// Print help.
    // In one form: clap's long one puts every possible value on a line of its own, four screens for `check`.
    #[arg(short, long, global = true, action = ArgAction::HelpShort, display_order = 999)]
    help: Option<bool>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Write a first drift.yaml, a workflow and a CronJob, from what is found.
    #[command(next_line_help = true, after_help = help::INIT)]
    Init(InitArguments),
    /// Compare what Git declares with what the cluster runs.
    #[command(next_line_help = true, after_help = help::CHECK)]
    Check(CheckArguments),
    /// Check the base branch; open pull requests and issues for drift.
    #[command(next_line_help = true, after_help = help::RUN)]
    Run(RunArguments),
    /// Show everything that is known about one object.
    #[command(next_line_help = true, after_help = help::EXPLAIN)]
    Explain(ExplainArguments),
    /// List what is compared, and the GitOps objects that apply it.
    #[command(next_line_help = true, after_help = help::SOURCES)]
    Sources(SourcesArguments),
    /// Prove from Git that every incident ended with a commit.
    #[command(next_line_help = true, after_help = help::AUDIT)]
    Audit(AuditArguments),
    /// Write live objects to a file, without secret values.
    #[command(next_line_help = true, after_help = help::SNAPSHOT)]
    Snapshot(SnapshotArguments),
    /// Run a complete check, run, audit cycle on built-in sample data.
    #[command(next_line_help = true, after_help = help::DEMO)]
    Demo(DemoArguments),
    /// Print a shell completion script.
    #[command(next_line_help = true, after_help = help::COMPLETIONS)]
    Completions(CompletionsArguments),
    /// Print the manual page, or write the pages of all commands.
    #[command(next_line_help = true, after_help = help::MAN)]
    Man(ManArguments),
    /// Print the help of a command.
    #[command(hide = true)]
    Help(HelpArguments),
}

impl Command {
    /// What standard error shows, for commands that run something.
    pub(super) fn log(&self) -> Option<&LogArgs> {
        match self {
            Self::Init(arguments) => Some(&arguments.target.log),
            Self::Check(arguments) => Some(&arguments.target.log),
            Self::Run(arguments) => Some(&arguments.target.log),
            Self::Explain(arguments) => Some(&arguments.target.log),
            Self::Sources(arguments) => Some(&arguments.target.log),
            Self::Snapshot(arguments) => Some(&arguments.target.log),
            Self::Audit(arguments) => Some(&arguments.log),
            Self::Demo(arguments) => Some(&arguments.log),
            Self::Completions(_) | Self::Man(_) | Self::Help(_) => None,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct CompletionsArguments {
    /// The shell.
    #[arg(value_name = "SHELL")]
    pub(super) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(super) struct ManArguments {
    /// Folder for one page per command [default: print the page of drift].
    #[arg(value_name = "DIR")]
    pub(super) folder: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct HelpArguments {
    /// The command.
    pub(super) command: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct DemoArguments {
    /// Keep the repository of the demo in this new folder.
    #[arg(long, value_name = "DIR")]
    pub(super) keep: Option<PathBuf>,
    /// When to use colour.
    #[arg(long, value_name = "WHEN", default_value = "auto", help_heading = help::OUTPUT)]
    pub(super) color: Color,
    #[command(flatten)]
    pub(super) log: LogArgs,
}

#[derive(Debug, Args)]
pub(super) struct ExplainArguments {
    /// The object: KIND[.GROUP]/NAMESPACE/NAME, or KIND[.GROUP]/NAME if it has no namespace.
    pub(super) resource: String,
    /// Folder or file to read [default: all sources of drift.yaml].
    pub(super) path: Option<PathBuf>,
    /// Read this branch, tag or commit instead of the work tree.
    #[arg(long, value_name = "REV")]
    pub(super) revision: Option<String>,
    /// Output format.
    #[arg(short, long, value_name = "FORMAT", default_value = "text", help_heading = help::OUTPUT)]
    pub(super) output: AuditFormat,
    /// When to use colour.
    #[arg(long, value_name = "WHEN", default_value = "auto", help_heading = help::OUTPUT)]
    pub(super) color: Color,
    #[command(flatten)]
    pub(super) target: TargetArgs,
}

#[derive(Debug, Args)]
pub(super) struct SourcesArguments {
    /// Folder or file to read [default: all sources].
    pub(super) path: Option<PathBuf>,
    /// Read this branch, tag or commit instead of the work tree.
    #[arg(long, value_name = "REV")]
    pub(super) revision: Option<String>,
    /// Output format.
    #[arg(short, long, value_name = "FORMAT", default_value = "text", help_heading = help::OUTPUT)]
    pub(super) output: AuditFormat,
    /// When to use colour.
    #[arg(long, value_name = "WHEN", default_value = "auto", help_heading = help::OUTPUT)]
    pub(super) color: Color,
    #[command(flatten)]
    pub(super) target: TargetArgs,
}

#[derive(Debug, Args)]
pub(super) struct InitArguments {
    /// Folder whose manifests are looked for [default: the whole repository].
    pub(super) path: Option<PathBuf>,
    /// Print the files instead of writing them.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Replace files that exist.
    #[arg(long, conflicts_with = "dry_run")]
    pub(super) force: bool,
    /// Write only these files.
    #[arg(long, value_name = "FILE", value_delimiter = ',')]
    pub(super) only: Vec<InitFile>,
    /// Folder in the repository for the CronJob's overlay.
    #[arg(long, value_name = "DIR", default_value = "deploy/drift")]
    pub(super) cronjob_dir: PathBuf,
    /// Kind of forge of the remote [default: by its address].
    #[arg(long, value_name = "KIND", help_heading = help::REPOSITORY)]
    pub(super) forge: Option<InitForge>,
    #[command(flatten)]
    pub(super) target: TargetArgs,
}

/// A file of `drift init`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum InitFile {
    /// drift.yaml.
    Config,
    /// The workflow.
    Workflow,
    /// The CronJob's overlay.
    Cronjob,
}

/// A kind of forge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum InitForge {
    /// GitHub.
    Github,
    /// Gitea or Forgejo.
    Gitea,
    /// The repository itself.
    Local,
}

#[derive(Debug, Args)]
pub(super) struct AuditArguments {
    /// Local folder, or URL to clone.
    #[arg(long, value_name = "PATH|URL", default_value = ".", help_heading = help::REPOSITORY)]
    pub(super) repository: String,
    /// Output format.
    #[arg(short, long, value_name = "FORMAT", default_value = "text", help_heading = help::OUTPUT)]
    pub(super) output: AuditFormat,
    /// Folder for cached clones [default: ~/.cache/drift].
    #[arg(long, value_name = "DIR", env = "DRIFT_CACHE_DIR", hide_env_values = true)]
    pub(super) cache_dir: Option<PathBuf>,
    /// When to use colour.
    #[arg(long, value_name = "WHEN", default_value = "auto", help_heading = help::OUTPUT)]
    pub(super) color: Color,
    #[command(flatten)]
    pub(super) log: LogArgs,
}

/// A format of an audit, an explanation or a list of sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum AuditFormat {
    /// Text for a person.
    Text,
    /// JSON (drift/audit/v1, drift/explain/v1, drift/sources/v1).
    Json,
}

#[derive(Debug, Args)]
pub(super) struct SnapshotArguments {
    /// File to write, or `-` for standard output.
    pub(super) file: PathBuf,
    /// Folder or file whose kinds are written [default: all sources of drift.yaml].
    pub(super) path: Option<PathBuf>,
    /// Write every kind that can be listed, not only the kinds that Git declares.
    #[arg(long, conflicts_with = "path")]
    pub(super) everything: bool,
    #[command(flatten)]
    pub(super) target: TargetArgs,
}

#[derive(Debug, Args)]
pub(super) struct RunArguments {
    /// Show what would be written without writing anything.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Also send the token to this host, if the forge's API is not on the host of the remote.
    #[arg(
        long,
        value_name = "HOST",
        env = "DRIFT_FORGE_HOST",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub(super) forge_host: Vec<String>,
    #[command(flatten)]
    pub(super) output: OutputArgs,
    #[command(flatten)]
    pub(super) target: TargetArgs,
}

/// As kustomize names them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "PascalCase")]
pub(super) enum LoadRestrictor {
    /// Only files below the kustomization.
    #[default]
    LoadRestrictionsRootOnly,
    /// All files of the repository.
    LoadRestrictionsNone,
}

/// Which repository, which cluster: the same for every command.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct TargetArgs {
    /// Local folder, or URL to clone.
    #[arg(long, value_name = "PATH|URL", default_value = ".", help_heading = help::REPOSITORY)]
    pub(super) repository: String,
    /// kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the service account of the Pod].
    #[arg(long, value_name = "FILE", help_heading = help::CLUSTER)]
    pub(super) kubeconfig: Option<PathBuf>,
    /// kubeconfig context [default: the current context].
    #[arg(long, value_name = "NAME", help_heading = help::CLUSTER)]
    pub(super) context: Option<String>,
    /// Read this snapshot file instead of a cluster.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["kubeconfig", "context"], help_heading = help::CLUSTER)]
    pub(super) snapshot: Option<PathBuf>,
    /// Also read files that Git does not track or ignores; they may contain credentials.
    #[arg(long, help_heading = help::REPOSITORY)]
    pub(super) include_untracked: bool,
    /// Fail if the kernel cannot keep helm and kustomize from the network and from other files.
    #[arg(long, help_heading = help::RENDERING)]
    pub(super) require_sandbox: bool,
    /// Which files kustomize may load: those below the kustomization, or all of the repository.
    #[arg(long, value_name = "NAME", env = "DRIFT_LOAD_RESTRICTOR", value_enum, default_value_t)]
    #[arg(hide_env_values = true, help_heading = help::RENDERING)]
    pub(super) load_restrictor: LoadRestrictor,
    /// Fetch charts that are kept in registries and Helm repositories: of all hosts, or only of these. The logins of your
    /// own helm and docker are used.
    #[arg(long, value_name = "HOST", env = "DRIFT_FETCH_CHARTS", value_delimiter = ',')]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "all")]
    #[arg(hide_env_values = true, help_heading = help::RENDERING)]
    pub(super) fetch_charts: Vec<String>,
    /// Skip Secrets.
    #[arg(long)]
    pub(super) skip_secrets: bool,
    /// Time limit in seconds for one request to the cluster or the forge, including retries.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(super) timeout: u64,
    /// Folder for cached schemas, clones and rendered revisions [default: ~/.cache/drift].
    #[arg(long, value_name = "DIR", env = "DRIFT_CACHE_DIR", hide_env_values = true)]
    pub(super) cache_dir: Option<PathBuf>,
    #[command(flatten)]
    pub(super) log: LogArgs,
}

/// What standard error shows.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct LogArgs {
    /// Log each stage with its time and counts; -vv: also each request and child program. DRIFT_LOG selects by module,
    /// such as drift::cluster=debug.
    #[arg(short, long, action = ArgAction::Count, conflicts_with = "quiet", help_heading = help::LOGGING)]
    pub(super) verbose: u8,
    /// Print only errors to standard error: no warnings, notes, progress or logs.
    #[arg(short, long, help_heading = help::LOGGING)]
    pub(super) quiet: bool,
    /// Format of standard error: text, or one JSON object per line.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t, help_heading = help::LOGGING)]
    pub(super) log_format: LogFormat,
}

/// A format of messages and logs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    /// Text for a person.
    #[default]
    Text,
    /// A JSON object on each line.
    Json,
}

/// What is printed, and where.
#[derive(Debug, Clone, Args)]
pub(super) struct OutputArgs {
    /// Output format.
    #[arg(short, long, value_name = "FORMAT", default_value = "text", help_heading = help::OUTPUT)]
    pub(super) output: OutputFormat,
    /// Also write a report to a file; may be repeated.
    #[arg(long, value_name = "FORMAT=PATH", help_heading = help::OUTPUT)]
    pub(super) output_file: Vec<OutputFile>,
    /// Also list changes that are not drift, which are otherwise only counted.
    #[arg(long, help_heading = help::OUTPUT)]
    pub(super) all: bool,
    /// When to use colour.
    #[arg(long, value_name = "WHEN", default_value = "auto", help_heading = help::OUTPUT)]
    pub(super) color: Color,
    /// Exit with 0 instead of 1 if there is drift, unless a run holds incidents back.
    #[arg(long, help_heading = help::OUTPUT)]
    pub(super) exit_zero: bool,
}

#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    /// Folder or file to read [default: all sources of drift.yaml].
    pub(super) path: Option<PathBuf>,
    /// Read this branch, tag or commit instead of the work tree.
    #[arg(long, value_name = "REV")]
    pub(super) revision: Option<String>,
    /// Also ask the API server what it would change, and report where it disagrees. Sends dry-run patches, which need
    /// the verb `patch` and write nothing.
    #[arg(long, conflicts_with = "snapshot")]
    pub(super) verify_with_server: bool,
    /// Also say what the next sync does to each change: overwrites it, keeps it, or fails on it. Predicted; nothing is
    /// written.
    #[arg(long)]
    pub(super) next_sync: bool,
    #[command(flatten)]
    pub(super) output: OutputArgs,
    #[command(flatten)]
    pub(super) target: TargetArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// If standard output is a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// A format as the command line names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum OutputFormat {
    /// Text for a person.
    Text,
    /// JSON (drift/report/v1).
    Json,
    /// A page for job summaries.
    Markdown,
    /// Annotations for GitHub Actions.
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
