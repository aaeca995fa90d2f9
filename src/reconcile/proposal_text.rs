//! Texts of proposals and commits. Deterministic: the same incident gives the same text.

use std::fmt::Write as _;

use super::mass_drift::{self, MassDrift};
use crate::forge::{Proposal, ProposalKind};
use crate::incident::Incident;
use crate::model::{Change, CheckReport, ClusterFacts, Finding};
use crate::remedy::{Plan, ProvenPlan, Unadopted};
use crate::text::{format_yaml_value, markdown_code, markdown_code_block, neutralise, one_line, pluralize};
use crate::wording::describe_verdict;

/// Changes and objects listed in a body; the rest is counted.
const MOST: usize = 60;

/// The title of an incident's proposals: without values, and unique.
pub(super) fn title(incident: &Incident, findings: &[&Finding]) -> String {
    let first = findings.first().map(|finding| finding.resource.to_string()).unwrap_or_default();
    let more = if incident.members.len() > 1 {
        format!(" and {} more", incident.members.len() - 1)
    } else {
        String::new()
    };
    let by = if incident.manager.is_empty() {
        String::new()
    } else {
        format!(", changed by {}", incident.manager)
    };
    headline(&format!("drift: {first}{more}{by} [{}]", &incident.id))
}

/// A title: one line in which nothing acts on a forge. It contains names from the cluster, and forges interpret titles too.
fn headline(text: &str) -> String {
    neutralise(&one_line(text, 200))
}

/// Where a pull request stands.
pub(super) struct PullRequestContext<'a> {
    pub(super) checked: &'a CheckReport,
    pub(super) base: &'a str,
    pub(super) branch: &'a str,
    /// Set if somebody changed the branch since it was proven, with the proven commit if known.
    pub(super) changed: Option<Option<String>>,
}

/// The pull request that takes proven live values into Git, or that says that it is not what was proven.
pub(super) fn pull_request(
    incident: &Incident,
    findings: &[&Finding],
    proven: &ProvenPlan,
    page: &PullRequestContext<'_>,
) -> Proposal {
    let mut body = match &page.changed {
        None => format!(
            "Cluster {} runs values that Git does not declare: they were changed by hand. \
             **Merging this takes them into Git**; the commit touches nothing else.\n\n",
            markdown_code(&page.checked.cluster.shown)
        ),
        Some(commit) => changed_notice(commit.as_deref(), &page.checked.cluster.shown),
    };
    let adopted = |finding: &&&Finding| {
        proven.plan.adopted.iter().any(|adoption| adoption.resource == finding.resource)
    };
    for finding in findings.iter().filter(adopted).take(MOST) {
        let adoption = proven.plan.adopted.iter().find(|adoption| adoption.resource == finding.resource);
        let changes = finding.changes.iter().filter(|change| {
            adoption.is_some_and(|adoption| adoption.paths.contains(&change.difference.path))
        });
        body.push_str(&table(finding, changes));
    }
    write_more(&mut body, proven.plan.adopted.len(), "object");
    if page.changed.is_none() {
        body.push_str(
            "Proven: rendered again with this commit and compared with the cluster, none of these differences is left, \
             and nothing else that Git declares changes.\n\n",
        );
    }
    body.push_str(
        "**If the live values are not wanted**, close this and apply Git again; drift then records that the change was undone.\n\n",
    );
    if !proven.plan.unadopted.is_empty() {
        let left = pluralize(proven.plan.unadopted.len(), "further difference");
        let _ = writeln!(body, "{left} of this incident cannot be proposed as a commit: see its issue.\n");
    }
    body.push_str(&trailers(incident));
    Proposal {
        incident: incident.id.clone(),
        fingerprint: incident.fingerprint().unwrap_or_default().to_owned(),
        kind: ProposalKind::PullRequest,
        title: title(incident, findings),
        body,
        branch: Some(page.branch.to_owned()),
        commit: page.changed.clone().flatten(),
        base: page.base.to_owned(),
        labels: vec!["drift".to_owned()],
    }
}

/// The beginning of a pull request whose branch is not drift's any more.
fn changed_notice(commit: Option<&str>, cluster: &str) -> String {
    let back = commit.map_or_else(
        || "Close this pull request".to_owned(),
        |commit| {
            format!(
                "Reset the branch to {} to have back what was proven, or close this",
                markdown_code(commit)
            )
        },
    );
    format!(
        "**Changed since it was proven.** The branch of this pull request no longer holds just the commit that drift \
         made: somebody has changed it, whatever name its commits carry, and drift leaves it alone. Read all of it before \
         merging: what follows is what drift found in cluster {}, not what the branch does. {back}.\n\n",
        markdown_code(cluster)
    )
}

/// The issue for what needs a person's decision.
pub(super) fn issue(
    incident: &Incident,
    findings: &[&Finding],
    proven: &ProvenPlan,
    checked: &CheckReport,
    base: &str,
) -> Proposal {
    let mut body = format!(
        "Cluster {} differs from Git, and drift does not propose a commit for it. Each difference below says why, and what to put into \
         Git to keep it.\n\n",
        markdown_code(&checked.cluster.shown)
    );
    for left in proven.plan.unadopted.iter().take(MOST) {
        let finding = findings.iter().find(|finding| finding.resource == left.resource);
        body.push_str(&section(left, finding.copied()));
    }
    write_more(&mut body, proven.plan.unadopted.len(), "difference");
    body.push_str(
        "This issue closes itself when Git and the cluster agree again: change Git (the commit may carry the lines below), or undo the change \
         in the cluster, or accept it with an ignore rule and a reason in `drift.yaml`.\n\n",
    );
    body.push_str(&trailers(incident));
    Proposal {
        incident: incident.id.clone(),
        fingerprint: incident.fingerprint().unwrap_or_default().to_owned(),
        kind: ProposalKind::Issue,
        title: title(incident, findings),
        body,
        branch: None,
        commit: None,
        base: base.to_owned(),
        labels: vec!["drift".to_owned()],
    }
}

/// The issue of a run that found mass drift.
pub(super) fn mass_issue(id: &str, held: &MassDrift, cluster: &ClusterFacts, base: &str) -> Proposal {
    let shown = &cluster.shown;
    let (title, asked) = if held.has_declared() {
        (
            format!("drift: mass drift in {shown}, wrong context?"),
            "That is more than people change by hand: **is this the right cluster, context or revision?**",
        )
    } else {
        (
            format!("drift: more objects in {shown} than people make by hand"),
            "That is more than people make by hand: **does an unknown controller create them?**",
        )
    };
    let mut body =
        format!("In cluster {} there is too much drift at once to open incidents:\n\n", markdown_code(shown));
    let lines = mass_drift::describe_groups(held, markdown_code);
    for line in lines.iter().take(MOST) {
        let _ = writeln!(body, "- {line}");
    }
    write_more(&mut body, lines.len(), "place");
    let _ = writeln!(
        body,
        "\n{asked}\n\n\
         These {} are held back: drift opens no incident for them until fewer differ, and a run ends with exit code 1, even \
         with `--exit-zero`. Incidents elsewhere go on. `drift check` lists everything. This issue closes itself when it is \
         over.",
        pluralize(held.object_count(), "object")
    );
    Proposal {
        incident: id.to_owned(),
        fingerprint: held.fingerprint(),
        kind: ProposalKind::Issue,
        title: headline(&title),
        body,
        branch: None,
        commit: None,
        base: base.to_owned(),
        labels: vec!["drift".to_owned()],
    }
}

/// The comment with which a proposal is closed.
pub(super) fn closing_comment(reason: &str) -> String {
    format!("Closed by drift: {}.", neutralise(&one_line(reason, 300)))
}

/// The message of the proposal's commit.
pub(super) fn commit_message((incident, fingerprint): (&str, &str), plan: &Plan) -> String {
    let objects = plan.adopted.len();
    let first = plan.adopted.first().map(|adoption| adoption.resource.to_string()).unwrap_or_default();
    let more = if objects > 1 { format!(" and {} more", objects - 1) } else { String::new() };
    let mut message = neutralise(&format!("Take live values of {} into Git{more}", one_line(&first, 100)));
    message.push_str("\n\n");
    for adoption in plan.adopted.iter().take(MOST) {
        for path in adoption.paths.iter().take(MOST) {
            let line = format!("{} {path}", adoption.resource);
            message.push_str(&neutralise(&one_line(&line, 500)));
            message.push('\n');
        }
    }
    let _ = write!(message, "\n{INCIDENT}: {incident}\n{FINGERPRINT}: {fingerprint}\n");
    message
}

fn trailers(incident: &Incident) -> String {
    format!("{INCIDENT}: {}\n{FINGERPRINT}: {}\n", incident.id, incident.fingerprint().unwrap_or_default())
}

fn write_more(body: &mut String, all: usize, thing: &str) {
    if all > MOST {
        let _ = writeln!(body, "… and {} more: `drift check` lists them.\n", pluralize(all - MOST, thing));
    }
}

fn table<'a>(finding: &Finding, changes: impl Iterator<Item = &'a Change>) -> String {
    let mut rest = 0;
    let origin = finding
        .origin
        .as_ref()
        .map(|origin| format!(", {}", markdown_code(&origin.file)))
        .unwrap_or_default();
    let mut text = format!(
        "**{}**{origin}\n\n| field | Git now | live, taken in | who |\n|---|---|---|---|\n",
        markdown_code(&finding.resource.to_string())
    );
    for (row, change) in changes.enumerate() {
        if row >= MOST {
            rest += 1;
            continue;
        }
        let difference = &change.difference;
        let side = |side: &Option<serde_json::Value>| match side {
            Some(value) => cell(format_yaml_value(value).trim_end()),
            None => "not declared".to_owned(),
        };
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} |",
            cell(&difference.path.to_string()),
            side(&difference.desired),
            side(&difference.live),
            cell(&describe_verdict(&change.verdict)),
        );
    }
    if rest > 0 {
        let _ = writeln!(text, "\n… and {} more: `drift check` lists them.", pluralize(rest, "change"));
    }
    text.push('\n');
    text
}

fn cell(text: &str) -> String {
    markdown_code(&one_line(text, 300)).replace('|', "\\|")
}

fn section(left: &Unadopted, finding: Option<&Finding>) -> String {
    let mut text = format!("### {}\n\n", markdown_code(&left.resource.to_string()));
    if let Some(path) = &left.path {
        let _ = writeln!(text, "Field {}\n", markdown_code(&path.to_string()));
    }
    if let Some(origin) = finding.and_then(|finding| finding.origin.as_ref()) {
        let line = origin.location.map(|place| format!(":{}", place.line)).unwrap_or_default();
        let _ = writeln!(text, "Declared in {}\n", markdown_code(&format!("{}{line}", origin.file)));
    }
    let change = finding.and_then(|finding| {
        finding.changes.iter().find(|change| Some(&change.difference.path) == left.path.as_ref())
    });
    let why = change.map(|change| &change.verdict).or_else(|| finding.map(|finding| &finding.verdict));
    if let Some(why) = why {
        let _ = writeln!(text, "Cause: {}\n", markdown_code(&describe_verdict(why)));
    }
    let _ = writeln!(text, "No commit is proposed: {}.\n", markdown_code(&left.why.to_string()));
    match (change, &left.value) {
        (Some(change), _) if change.difference.masked => {}
        (Some(_), Some(value)) => {
            text.push_str("To keep it, put this into Git:\n\n");
            text.push_str(&markdown_code_block("yaml", &format_yaml_value(value)));
            text.push('\n');
        }
        (Some(_), None) => text.push_str("To keep it, take the field out of Git.\n\n"),
        (None, _) => {}
    }
    text
}

/// Trailers of a proposal's commit (the design's Marks).
pub(super) const INCIDENT: &str = "Drift-Incident";

pub(super) const FINGERPRINT: &str = "Drift-Fingerprint";
