//! What `--help` prints after the options. Lines fit 80 columns: clap breaks longer ones anywhere.

/// Heading of options: which cluster.
pub(super) const CLUSTER: &str = "Cluster";
/// Heading of options: which files.
pub(super) const REPOSITORY: &str = "Repository";
/// Heading of options: helm and kustomize.
pub(super) const RENDERING: &str = "Rendering";
/// Heading of options: what is printed.
pub(super) const OUTPUT: &str = "Output";

/// Heading of options: what standard error shows.
pub(super) const LOGGING: &str = "Logging";

pub(super) const DRIFT: &str = "\
Examples:
  # See a complete cycle on sample data; needs no cluster
  drift demo

  # Compare a folder of this repository with the current cluster
  drift check clusters/prod

Exit codes:
  0  no drift
  1  drift
  2  usage or configuration error: nothing was read
  3  incomplete: something could not be read (takes precedence over 1)

Use \"drift COMMAND --help\" for more information about a command.";

pub(super) const INIT: &str = "\
Examples:
  # Show what would be written
  drift init --dry-run

  # Write drift.yaml, a workflow and a CronJob into this repository
  drift init

  # Write drift.yaml anew, without a cluster's help if there is none
  drift init --only config --force

Exit codes:
  0  the files are written, or were there already
  2  usage or configuration error, or nothing to compare was found
  3  something could not be read or written";

pub(super) const CHECK: &str = "\
Examples:
  # Compare the work tree with the cluster of the current context
  drift check clusters/prod

  # Compare a branch, and write a JSON report too
  drift check --revision origin/main --output-file json=report.json

  # Compare with a snapshot instead of a cluster
  drift check --snapshot prod.jsonl clusters/prod

Exit codes:
  0  no drift
  1  drift
  2  usage or configuration error: nothing was read
  3  incomplete: something could not be read, nothing was compared, or
     --verify-with-server disagrees (takes precedence over 1)";

pub(super) const RUN: &str = "\
Examples:
  # Show the commits, pull requests and issues of a run
  drift run --dry-run

  # Open and update them
  DRIFT_TOKEN_FILE=token drift run

Environment variables:
  DRIFT_TOKEN       token for contents, pull requests and issues
  DRIFT_TOKEN_FILE  file that contains the token

Exit codes:
  0  no drift
  1  drift
  2  usage or configuration error: nothing was read
  3  incomplete: something could not be read or written, or nothing was
     compared (takes precedence over 1)";

pub(super) const SOURCES: &str = "\
Examples:
  # Show which Flux and Argo CD objects of the cluster apply this repository
  drift sources

  # The same of a branch, as JSON
  drift sources --revision origin/main --output json

Exit codes:
  0  everything listed is rendered
  2  usage or configuration error: nothing was read
  3  incomplete: something could not be read or rendered";

pub(super) const EXPLAIN: &str = "\
Examples:
  # Show the owners, the commits and the rule behind each verdict
  drift explain Deployment/payments/web

  # Explain an object of another API group
  drift explain Certificate.cert-manager.io/payments/web

Exit codes:
  0  the object is explained
  2  usage or configuration error
  3  the object could not be read, or neither Git nor the cluster has it";

pub(super) const AUDIT: &str = "\
Examples:
  # Verify the ledger of this repository
  drift audit

  # Verify the ledger of another repository, for a program to read
  drift audit --repository https://git.example.com/acme/gitops -o json

Exit codes:
  0  every incident ended with a commit, or there is no ledger yet
  1  some are open or declined, or their end cannot be proven
  2  usage or configuration error
  3  the ledger or the repository could not be read";

pub(super) const SNAPSHOT: &str = "\
Examples:
  # Write the live objects of every kind that Git declares
  drift snapshot prod.jsonl

  # Compare with them later, without the cluster
  drift check --snapshot prod.jsonl

Exit codes:
  0  everything was written
  2  usage or configuration error
  3  something could not be read or written";

pub(super) const DEMO: &str = "\
Examples:
  # Run the demo; needs no cluster and leaves nothing behind
  drift demo

  # Keep its Git repository
  drift demo --keep /tmp/drift-demo";

pub(super) const COMPLETIONS: &str = "\
Examples:
  # Bash: complete in every new shell
  drift completions bash > ~/.local/share/bash-completion/completions/drift

  # Zsh: a folder of $fpath
  drift completions zsh > ~/.zfunc/_drift

  # Fish
  drift completions fish > ~/.config/fish/completions/drift.fish";

pub(super) const MAN: &str = "\
Examples:
  # Read the page of drift
  drift man | man -l -

  # Install the page of every command
  drift man ~/.local/share/man/man1";
