//! The text of a first `drift.yaml`: every line with what it is for.

use super::names::{listed, shown};
use super::proposal::{Proposal, ProposedSource};
use super::survey::{ClusterFacts, Survey};
use crate::config::ForgeKind;
use crate::model::RootReport;
use crate::source::SourceKind;
use crate::text::{format_yaml_line, quote_yaml};

const HEAD: &str = "\
# yaml-language-server: $schema=https://raw.githubusercontent.com/drift/drift/main/deploy/config-v1.schema.json
# What drift compares, and where its proposals go. Lines behind a # are defaults, or wait for your decision.

# Version of this format.
version: 1
";

const REST: &str = "
# The branch with the record of all incidents; drift alone writes it.
# ledger: {branch: drift/ledger}

# A commit that is not applied for longer is drift.
# unsynced-after: 6h

# Differences that are not drift, each with a reason.
# ignore:
#   - resource: {kind: Deployment, namespace: payments, name: web}
#     field: .spec.replicas
#     reason: scaled by KEDA
";

/// What is compared.
pub(super) struct Compared<'a> {
    /// The GitOps objects that are followed, where they are.
    pub(super) roots: &'a [RootReport],
    pub(super) follows: bool,
    pub(super) proposal: &'a Proposal,
}

/// The text; `login` where the workflow's own token is used.
pub(super) fn config_text(found: &Survey, compared: &Compared<'_>, login: Option<&str>) -> String {
    let cluster = found.cluster.as_ref();
    let parts = [
        HEAD.to_owned(),
        cluster_text(cluster),
        secrets_text(cluster),
        roots_text(found, compared),
        sources_text(compared.proposal),
        forge_text(found, login),
        REST.to_owned(),
    ];
    parts.concat()
}

fn cluster_text(cluster: Option<&ClusterFacts>) -> String {
    let what = "\n# The cluster's name in reports and incidents; an incident is known by it, so do not change it later. Without it: the\n\
                # uid of the namespace kube-system.\n";
    match cluster.and_then(|cluster| cluster.context.as_deref()) {
        Some(context) => format!("{what}cluster: {}\n", format_yaml_line(context)),
        None => format!("{what}# cluster: prod\n"),
    }
}

fn secrets_text(cluster: Option<&ClusterFacts>) -> String {
    match cluster.is_some_and(|cluster| cluster.skips_secrets) {
        true => "\n# Secrets are left out: the user that ran `drift init` may not list them, or did not want it.\nsecrets: skip\n",
        false => "\n# Secrets are compared where they may be read, and their values never shown; `skip` leaves them out.\n# secrets: skip\n",
    }
    .to_owned()
}

fn roots_text(found: &Survey, compared: &Compared<'_>) -> String {
    let listed: String = if compared.roots.is_empty() {
        let roots = found.tree.roots.iter().take(MOST_ROOTS);
        roots.map(|root| format!("#   {}  {}\n", shown(&root.id.to_string()), shown(&root.file))).collect()
    } else {
        compared.roots.iter().take(MOST_ROOTS).map(root_line).collect()
    };
    if compared.follows {
        return format!(
            "\n# Follow the objects of Flux and Argo CD to what they apply of this repository. `drift sources` lists them; found by\n\
             # `drift init`:\n{listed}discover: {{}}\n"
        );
    }
    match listed.is_empty() {
        true => String::new(),
        false => format!(
            "\n# Git declares objects of Flux or Argo CD, which are not followed: the cluster has none of them that applies this\n\
             # repository, or it has no remote by which they could name it.\n{listed}# discover: {{}}\n"
        ),
    }
}

/// The most GitOps objects that a comment lists.
const MOST_ROOTS: usize = 30;

fn root_line(root: &RootReport) -> String {
    let paths: Vec<String> = root.parts.iter().map(|part| part.path.clone()).collect();
    let applied = if paths.is_empty() { "not rendered".to_owned() } else { listed(&paths) };
    format!("#   {}  {applied}\n", shown(&root.resource.to_string()))
}

fn sources_text(proposal: &Proposal) -> String {
    let mut text = String::new();
    if proposal.chosen().next().is_some() {
        text.push_str("\n# What this cluster runs, as Git declares it: folders, files and charts of this repository.\nsources:\n");
        proposal.chosen().for_each(|source| text.push_str(&source_text(source)));
    }
    if proposal.others().next().is_none() {
        return text;
    }
    let has_chosen = text.is_empty();
    let waits = proposal.environments().into_iter().any(|(of, _)| {
        let is_of =
            |source: &&ProposedSource| source.environment.as_ref().is_some_and(|found| found.of == of);
        !proposal.chosen().any(|source| is_of(&source))
    });
    text.push_str(match waits {
        true => {
            "\n# Several environments. Which of them this cluster runs cannot be told from the repository: take the # away from the\n\
             # lines of that one, and delete the others.\n"
        }
        false => "\n# Other environments: the names of their objects are not live in this cluster.\n",
    });
    if has_chosen {
        text.push_str("# sources:\n");
    }
    proposal.others().for_each(|source| text.push_str(&commented(&source_text(source))));
    text
}

/// Every line behind a `#` that can be taken away with its blank.
fn commented(text: &str) -> String {
    text.lines().map(|line| format!("# {line}\n")).collect()
}

fn source_text(source: &ProposedSource) -> String {
    let mut text = format!("  - path: {}   # {}\n", format_yaml_line(&source.path), source.kind.name());
    if source.kind == SourceKind::Helm {
        let release = source.path.rsplit('/').next().unwrap_or_default();
        let values: Vec<String> = source.values.iter().map(|name| quote_yaml(name)).collect();
        let values =
            if values.is_empty() { String::new() } else { format!(", values: [{}]", values.join(", ")) };
        text.push_str("    # The release's name, and its files of values beside values.yaml.\n");
        text.push_str(&format!("    # helm: {{release: {}{values}}}\n", quote_yaml(release)));
    }
    if !source.exclude.is_empty() {
        text.push_str("    # Below it and no part of it, as in .gitignore.\n    exclude:\n");
        for path in &source.exclude {
            text.push_str(&format!("      - {}\n", quote_yaml(&pattern(path))));
        }
    }
    text
}

/// A path as a pattern of `.gitignore` that matches it alone.
fn pattern(path: &str) -> String {
    let mut pattern = String::from("/");
    for character in path.chars() {
        if matches!(character, '*' | '?' | '[' | ']' | '{' | '}' | '\\' | '!' | '#' | ' ') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern
}

fn forge_text(found: &Survey, login: Option<&str>) -> String {
    let Some(remote) = &found.remote else {
        return "\n# Where proposals go. There is no remote: they are branches of this repository (`local`).\n# forge: {type: local}\n".to_owned();
    };
    let place = shown(remote.owner_repo.as_deref().unwrap_or(&remote.url));
    let mut text = match (&found.forge.kind, found.forge.is_told_by_address) {
        (Some(ForgeKind::GitLab), _) => {
            return "\n# Where proposals go. GitLab is not supported yet: `drift check` works, `drift run` keeps its proposals in branches.\n# forge: {type: local}\n".to_owned();
        }
        (Some(_), true) => {
            format!(
                "\n# Where proposals go; the remote's address tells the forge, and the repository {place}.\nforge:\n  # type: github\n"
            )
        }
        (Some(kind), false) => {
            let name = kind_name(*kind);
            format!(
                "\n# Where proposals go: the kind of forge of {place}, which its address does not tell.\nforge:\n  type: {name}\n"
            )
        }
        (None, _) => {
            return format!(
                "\n# Where proposals go. `drift run` must know what kind of forge has {place}: gitea (Forgejo too), github, or local\n\
                 # for branches of the repository itself.\n# forge: {{type: gitea}}\n"
            );
        }
    };
    match login {
        Some(login) => text.push_str(&format!(
            "  # The user whose token `drift run` has: here that of a workflow's own token. Take this line away for another token.\n  login: {}\n",
            quote_yaml(login)
        )),
        None if found.forge.is_told_by_address => text = text.replace("\nforge:\n  # type: github\n", "\n# forge: {type: github}\n"),
        None => {}
    }
    text
}

/// The name of a kind in `drift.yaml`.
pub(super) fn kind_name(kind: ForgeKind) -> &'static str {
    match kind {
        ForgeKind::GitHub => "github",
        ForgeKind::Gitea => "gitea",
        ForgeKind::GitLab => "gitlab",
        ForgeKind::Local => "local",
    }
}
