//! What a person reads on the forge and in the commit. Stable: the same incident gives the same text.

use std::fmt::Write as _;

use super::branch::{FINGERPRINT, INCIDENT};
use super::decide::Wanted;
use crate::forge::{Kind, Proposal};
use crate::incident::Incident;
use crate::job::{Checked, ClusterFacts};
use crate::model::{Change, Finding};
use crate::remedy::{Left, Proven};
use crate::text::{code, code_block, count, inert, one_line, verdict, yaml_value};

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

/// A title: one line in which nothing acts on a forge. Names of strangers stand in it, and forges read titles too.
fn headline(text: &str) -> String {
    inert(&one_line(text, 200))
}

/// The pull request that takes proven live values into Git.
pub(super) fn pull_request(
    incident: &Incident,
    findings: &[&Finding],
    proven: &Proven,
    checked: &Checked,
    base: &str,
    branch: &str,
) -> Proposal {
    let mut body = format!(
        "Cluster {} runs values that Git does not declare: they were changed by hand. \
         **Merging this takes them into Git**; the commit touches nothing else.\n\n",
        code(&checked.cluster.shown)
    );
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
    more(&mut body, proven.plan.adopted.len(), "object");
    body.push_str(
        "Proven: rendered again with this commit and compared with the cluster, none of these differences is left, \
         and nothing else that Git declares changes.\n\n\
         **If the live values are not wanted**, close this and apply Git again; drift then records that the change was undone.\n\n",
    );
    if !proven.plan.left.is_empty() {
        let left = count(proven.plan.left.len(), "further difference");
        let _ = writeln!(body, "{left} of this incident could not be proposed as a commit: see its issue.\n");
    }
    body.push_str(&trailers(incident));
    Proposal {
        incident: incident.id.clone(),
        fingerprint: incident.fingerprint().unwrap_or_default().to_owned(),
        kind: Kind::PullRequest,
        title: title(incident, findings),
        body,
        branch: Some(branch.to_owned()),
        base: base.to_owned(),
        labels: vec!["drift".to_owned()],
    }
}

/// The issue for what needs a person's decision.
pub(super) fn issue(
    incident: &Incident,
    findings: &[&Finding],
    proven: &Proven,
    checked: &Checked,
    base: &str,
) -> Proposal {
    let mut body = format!(
        "Cluster {} differs from Git, and drift does not propose a commit for it. Each difference below says why, and what to put into \
         Git to keep it.\n\n",
        code(&checked.cluster.shown)
    );
    for left in proven.plan.left.iter().take(MOST) {
        let finding = findings.iter().find(|finding| finding.resource == left.resource);
        body.push_str(&section(left, finding.copied()));
    }
    more(&mut body, proven.plan.left.len(), "difference");
    body.push_str(
        "This issue closes itself when Git and the cluster agree again: change Git (the commit may carry the lines below), or undo the change \
         in the cluster, or accept it with an ignore rule and a reason in `drift.yaml`.\n\n",
    );
    body.push_str(&trailers(incident));
    Proposal {
        incident: incident.id.clone(),
        fingerprint: incident.fingerprint().unwrap_or_default().to_owned(),
        kind: Kind::Issue,
        title: title(incident, findings),
        body,
        branch: None,
        base: base.to_owned(),
        labels: vec!["drift".to_owned()],
    }
}

/// The one issue of a run that found too much to be true.
pub(super) fn mass(id: &str, desired: usize, cluster: &ClusterFacts, base: &str) -> Proposal {
    let body = format!(
        "More than {} of the objects that Git declares differ in cluster {}. \
         That is more than people change by hand: **is this the right cluster, context or revision?**\n\n\
         drift opens and changes no incident until fewer objects differ; `drift check` lists them all. \
         This issue closes itself then.\n",
        if desired < 80 { "20" } else { "a quarter" },
        code(&cluster.shown),
    );
    Proposal {
        incident: id.to_owned(),
        fingerprint: id.to_owned(),
        kind: Kind::Issue,
        title: headline(&format!("drift: mass drift in {}, wrong context?", cluster.shown)),
        body,
        branch: None,
        base: base.to_owned(),
        labels: vec!["drift".to_owned()],
    }
}

/// The comment with which a proposal is closed.
pub(super) fn closing(reason: &str) -> String {
    format!("Closed by drift: {}.", inert(&one_line(reason, 300)))
}

/// The message of the proposal's commit.
pub(super) fn commit_message(proposal: &Proposal, wanted: &Wanted) -> String {
    let objects = wanted.proven.plan.adopted.len();
    let first =
        wanted.proven.plan.adopted.first().map(|adoption| adoption.resource.to_string()).unwrap_or_default();
    let more = if objects > 1 { format!(" and {} more", objects - 1) } else { String::new() };
    let mut message = inert(&format!("Take live values of {} into Git{more}", one_line(&first, 100)));
    message.push_str("\n\n");
    for adoption in wanted.proven.plan.adopted.iter().take(MOST) {
        for path in adoption.paths.iter().take(MOST) {
            let line = format!("{} {path}", adoption.resource);
            message.push_str(&inert(&one_line(&line, 500)));
            message.push('\n');
        }
    }
    let _ = write!(message, "\n{INCIDENT}: {}\n{FINGERPRINT}: {}\n", proposal.incident, proposal.fingerprint);
    message
}

fn trailers(incident: &Incident) -> String {
    format!("{INCIDENT}: {}\n{FINGERPRINT}: {}\n", incident.id, incident.fingerprint().unwrap_or_default())
}

fn more(body: &mut String, all: usize, thing: &str) {
    if all > MOST {
        let _ = writeln!(body, "… and {} more: `drift check` lists them.\n", count(all - MOST, thing));
    }
}

fn table<'a>(finding: &Finding, changes: impl Iterator<Item = &'a Change>) -> String {
    let origin =
        finding.origin.as_ref().map(|origin| format!(", {}", code(&origin.file))).unwrap_or_default();
    let mut text = format!(
        "**{}**{origin}\n\n| field | Git now | live, taken in | who |\n|---|---|---|---|\n",
        code(&finding.resource.to_string())
    );
    for change in changes {
        let difference = &change.difference;
        let side = |side: &Option<serde_json::Value>| match side {
            Some(value) => cell(yaml_value(value).trim_end()),
            None => "not declared".to_owned(),
        };
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} |",
            cell(&difference.path.to_string()),
            side(&difference.desired),
            side(&difference.live),
            cell(&verdict(&change.verdict)),
        );
    }
    text.push('\n');
    text
}

fn cell(text: &str) -> String {
    code(&one_line(text, 300)).replace('|', "\\|")
}

fn section(left: &Left, finding: Option<&Finding>) -> String {
    let mut text = format!("### {}\n\n", code(&left.resource.to_string()));
    if let Some(path) = &left.path {
        let _ = writeln!(text, "Field {}\n", code(&path.to_string()));
    }
    if let Some(origin) = finding.and_then(|finding| finding.origin.as_ref()) {
        let line = origin.place.map(|place| format!(":{}", place.line)).unwrap_or_default();
        let _ = writeln!(text, "Declared in {}\n", code(&format!("{}{line}", origin.file)));
    }
    let change = finding.and_then(|finding| {
        finding.changes.iter().find(|change| Some(&change.difference.path) == left.path.as_ref())
    });
    let why = change.map(|change| &change.verdict).or_else(|| finding.map(|finding| &finding.verdict));
    if let Some(why) = why {
        let _ = writeln!(text, "Cause: {}\n", code(&verdict(why)));
    }
    let _ = writeln!(text, "No commit is proposed: {}.\n", code(&left.why));
    match (change, &left.value) {
        (Some(change), _) if change.difference.masked => {}
        (Some(_), Some(value)) => {
            text.push_str("To keep it, put this into Git:\n\n");
            text.push_str(&code_block("yaml", &yaml_value(value)));
            text.push('\n');
        }
        (Some(_), None) => text.push_str("To keep it, take the field out of Git.\n\n"),
        (None, _) => {}
    }
    text
}
