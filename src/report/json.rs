//! `drift/report/v1`: versioned, its JSON Schema in `deploy/report-v1.schema.json`. These types are the contract and nothing else.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;

use super::json_roots::{RootOut, UncoveredOut};
use super::listing::{is_listed, listed_changes};
use super::style::ReportStyle;
use super::verification::fault;
use crate::model::{
    Actor, Cause, Change, ChangeKind, CheckReport, Confidence, Finding, Forecast, Incomplete, Manager,
    ObjectDisagreement, ObjectForecast, ObjectNote, Origin, ReadAt, ResourceId, State, Verdict, Verification,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    schema: &'static str,
    tool: Tool,
    checked_at: &'a str,
    git: Git<'a>,
    cluster: Cluster<'a>,
    complete: bool,
    incomplete: &'a [Incomplete],
    not_examined: &'a [Incomplete],
    /// GitOps objects that apply something outside all sources.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_compared: Vec<UncoveredOut<'a>>,
    /// GitOps objects that were followed to what is compared.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    roots: Vec<RootOut<'a>>,
    warnings: &'a [String],
    /// For how long a commit may wait to be applied before that is drift.
    unsynced_after: String,
    summary: Summary,
    findings: Vec<FindingOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verification: Option<VerificationOut<'a>>,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Git<'a> {
    repository: &'a str,
    revision: &'a str,
    dirty: bool,
}

#[derive(Serialize)]
struct Cluster<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<&'a str>,
    version: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    /// Objects in drift: what exit code 1 rests on.
    drift: usize,
    desired: usize,
    in_sync: usize,
    modified: usize,
    missing: usize,
    unmanaged: usize,
    skipped: usize,
    not_compared: usize,
    changes: BTreeMap<&'static str, usize>,
    /// Differences by the rule that decided them.
    rules: BTreeMap<&'static str, usize>,
    /// Changes that only a manager's name would explain: drift.
    claimed: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_sync: Option<BTreeMap<&'static str, usize>>,
}

#[derive(Serialize)]
struct FindingOut<'a> {
    resource: &'a ResourceId,
    state: State,
    fingerprint: String,
    cause: Cause,
    confidence: Confidence,
    #[serde(flatten)]
    why: WhyOut<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<OriginOut<'a>>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    notes: &'a [String],
    #[serde(rename = "nextSync", skip_serializing_if = "Option::is_none")]
    next_sync: Option<ObjectForecastOut<'a>>,
    changes: Vec<ChangeOut<'a>>,
}

/// What a verdict rests on.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WhyOut<'a> {
    rule: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    claimed: Option<Cause>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unsynced_since: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    overdue: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    manager: Option<&'a Manager>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<&'a Actor>,
}

fn why(verdict: &Verdict) -> WhyOut<'_> {
    let since = verdict.unsynced_since.and_then(|at| jiff::Timestamp::from_second(at).ok());
    WhyOut {
        rule: verdict.rule.name(),
        claimed: verdict.claimed,
        unsynced_since: since.map(|time| time.to_string()),
        overdue: verdict.overdue,
        manager: verdict.manager.as_ref(),
        actor: verdict.actor.as_ref(),
    }
}

#[derive(Serialize)]
struct OriginOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    root: Option<&'a ResourceId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a str>,
    file: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u32>,
}

#[derive(Serialize)]
struct ChangeOut<'a> {
    path: String,
    pointer: &'a str,
    change: ChangeKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    desired: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    live: Option<&'a Value>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    masked: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<&'a Value>,
    cause: Cause,
    confidence: Confidence,
    #[serde(flatten)]
    why: WhyOut<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<OriginOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
    #[serde(rename = "nextSync", skip_serializing_if = "Option::is_none")]
    next_sync: Option<ForecastOut<'a>>,
}

/// What applies an object, and what becomes of it where only one side has it.
#[derive(Serialize)]
struct ObjectForecastOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    applier: Option<ApplierOut<'a>>,
    #[serde(flatten)]
    object: Option<ForecastOut<'a>>,
}

#[derive(Serialize)]
struct ApplierOut<'a> {
    way: &'static str,
    evidence: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    manager: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    option: Option<&'static str>,
}

#[derive(Serialize)]
struct ForecastOut<'a> {
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// Workloads that see the value when their Pods restart.
    #[serde(rename = "atRestart", skip_serializing_if = "Vec::is_empty")]
    at_restart: Vec<&'a ResourceId>,
    /// Those that see it within about a minute.
    #[serde(rename = "mounted", skip_serializing_if = "Vec::is_empty")]
    mounted: Vec<&'a ResourceId>,
}

fn forecast(found: &Forecast) -> ForecastOut<'_> {
    let readers = |at: ReadAt| {
        let of = found.readers.iter().filter(move |reader| reader.at == at);
        of.map(|reader| &reader.workload).collect()
    };
    ForecastOut {
        outcome: crate::wording::sync_outcome_name(found.outcome),
        why: crate::wording::describe_reason(&found.reason),
        at_restart: readers(ReadAt::Restart),
        mounted: readers(ReadAt::Mounted),
    }
}

fn object_forecast(found: &ObjectForecast) -> ObjectForecastOut<'_> {
    let applier = found.applier.as_ref().map(|applier| ApplierOut {
        way: crate::wording::sync_way_name(applier.way),
        evidence: crate::wording::sync_evidence_name(applier.evidence),
        manager: applier.manager.as_deref(),
        option: applier.option,
    });
    ObjectForecastOut { applier, object: found.object.as_ref().map(forecast) }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct VerificationOut<'a> {
    asked: usize,
    agreed: usize,
    explained: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanations: Option<Vec<Explained<'a>>>,
    partly: Vec<About<'a>>,
    not_verified: Vec<About<'a>>,
    disagreements: Vec<DisagreementOut<'a>>,
}

#[derive(Serialize)]
struct Explained<'a> {
    resource: &'a ResourceId,
    path: String,
    why: &'a str,
}

#[derive(Serialize)]
struct About<'a> {
    resource: &'a ResourceId,
    why: &'a str,
}

#[derive(Serialize)]
struct DisagreementOut<'a> {
    resource: &'a ResourceId,
    path: String,
    kind: &'static str,
    why: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    live: Option<&'a Value>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    masked: bool,
}

pub(super) fn check(style: ReportStyle, checked: &CheckReport, out: &mut dyn Write) -> io::Result<()> {
    let findings = checked.findings.iter().filter(|finding| is_listed(finding, style));
    let report = Report {
        schema: "drift/report/v1",
        tool: Tool { name: "drift", version: env!("CARGO_PKG_VERSION") },
        checked_at: &checked.checked_at,
        git: Git {
            repository: &checked.git.repository,
            revision: &checked.git.revision,
            dirty: checked.git.dirty,
        },
        cluster: Cluster {
            name: &checked.cluster.name,
            server: checked.cluster.server.as_deref(),
            version: &checked.cluster.version,
        },
        complete: checked.is_complete(),
        incomplete: &checked.incomplete,
        not_examined: &checked.not_examined,
        not_compared: checked.not_compared.iter().map(UncoveredOut::from).collect(),
        roots: checked.roots.iter().map(RootOut::from).collect(),
        warnings: &checked.warnings,
        unsynced_after: checked.unsynced_after.to_string(),
        summary: summary(checked),
        findings: findings.map(|found| finding(found, checked, style)).collect(),
        verification: checked.verification.as_ref().map(|found| verification(found, style)),
    };
    let document = serde_json::to_string_pretty(&report)?;
    writeln!(out, "{}", crate::text::escape_json(&document))
}

fn summary(checked: &CheckReport) -> Summary {
    let summary = &checked.summary;
    let changes = summary.changes.iter().map(|(cause, number)| (crate::wording::cause_name(*cause), *number));
    Summary {
        drift: checked.findings.iter().filter(|finding| crate::model::is_drift(finding)).count(),
        desired: summary.desired,
        in_sync: summary.in_sync,
        modified: summary.modified,
        missing: summary.missing,
        unmanaged: summary.unmanaged,
        skipped: summary.skipped,
        not_compared: summary.not_compared,
        changes: changes.collect(),
        rules: summary.rules.iter().map(|(rule, number)| (rule.name(), *number)).collect(),
        claimed: checked.findings.iter().map(claimed).sum(),
        next_sync: checked.next_sync.as_ref().map(|found| {
            let counts = found.count(&checked.findings).into_iter();
            counts.map(|(outcome, number)| (crate::wording::sync_outcome_name(outcome), number)).collect()
        }),
    }
}

/// How many changes of a finding only a manager's name would explain.
fn claimed(finding: &Finding) -> usize {
    let own = finding.changes.is_empty().then_some(&finding.verdict);
    let verdicts = finding.changes.iter().map(|change| &change.verdict).chain(own);
    verdicts.filter(|verdict| verdict.claimed.is_some()).count()
}

fn about(list: &[ObjectNote]) -> Vec<About<'_>> {
    list.iter().map(|about| About { resource: &about.resource, why: &about.why }).collect()
}

fn verification(found: &Verification, style: ReportStyle) -> VerificationOut<'_> {
    let explained = found.explained.iter().map(|found| Explained {
        resource: &found.resource,
        path: found.explained.path.to_string(),
        why: found.explained.why,
    });
    let disagreements =
        found.disagreements.iter().map(|ObjectDisagreement { resource, found }| DisagreementOut {
            resource,
            path: found.path.to_string(),
            kind: fault(found.fault).0,
            why: fault(found.fault).1,
            server: found.server.as_ref(),
            live: found.live.as_ref(),
            masked: found.masked,
        });
    VerificationOut {
        asked: found.asked,
        agreed: found.agreed,
        explained: found.explained.len(),
        explanations: style.all.then(|| explained.collect()),
        partly: about(&found.partly),
        not_verified: about(&found.not_verified),
        disagreements: disagreements.collect(),
    }
}

fn finding<'a>(finding: &'a Finding, checked: &'a CheckReport, style: ReportStyle) -> FindingOut<'a> {
    let predicted = checked.forecast_of(finding);
    FindingOut {
        resource: &finding.resource,
        state: finding.state,
        fingerprint: crate::model::fingerprint(&checked.cluster.name, finding),
        cause: finding.verdict.cause,
        confidence: finding.verdict.confidence,
        why: why(&finding.verdict),
        origin: finding.origin.as_ref().map(|found| origin(found, true)),
        notes: &finding.notes,
        next_sync: predicted.map(object_forecast),
        changes: listed_changes(finding, style).map(|found| change(found, predicted)).collect(),
    }
}

fn origin(origin: &Origin, with_source: bool) -> OriginOut<'_> {
    OriginOut {
        root: origin.root.as_deref().filter(|_| with_source),
        source: with_source.then_some(origin.source.as_str()),
        file: &origin.file,
        line: origin.location.map(|place| place.line),
        column: origin.location.map(|place| place.column),
    }
}

fn change<'a>(change: &'a Change, predicted: Option<&'a ObjectForecast>) -> ChangeOut<'a> {
    let difference = &change.difference;
    ChangeOut {
        path: difference.path.to_string(),
        pointer: &difference.pointer,
        change: difference.kind,
        desired: difference.desired.as_ref(),
        live: difference.live.as_ref(),
        masked: difference.masked,
        default: difference.default.as_ref(),
        cause: change.verdict.cause,
        confidence: change.verdict.confidence,
        why: why(&change.verdict),
        origin: change.origin.as_ref().map(|found| origin(found, false)),
        note: difference.note.as_deref(),
        next_sync: predicted.and_then(|found| found.changes.get(&difference.path)).map(forecast),
    }
}
