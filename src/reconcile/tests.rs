//! Plans without Git and without a forge.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::json;

use super::RunError;
use super::ending::Ending;
use super::plan::{Examine, Observed, RunPlan, Tip, plan_run};
use crate::check::CheckInputs;
use crate::forge::{Closer, ExistingProposal, ProposalKind, ProposalMarker, ProposalRef, ProposalState};
use crate::incident::{Incident, IncidentStatus, Ledger};
use crate::model::mk::mk_finding;
use crate::model::{CheckReport, ClusterFacts, Finding, Incomplete, Resolution, ResourceId};
use crate::remedy::{ProvenPlan, Unadopted, UnadoptedReason};

/// Git and renderers of a test: nothing can be adopted, and every branch has this.
struct Told {
    tip: Tip,
    /// The incidents whose ending was asked for.
    ended: RefCell<Vec<String>>,
}

impl Examine for Told {
    fn ending(&self, incident: &Incident) -> Result<Ending, RunError> {
        self.ended.borrow_mut().push(incident.id.clone());
        Ok(Ending {
            how: Resolution::Reverted,
            commit: "c9".to_owned(),
            reason: "it equals Git again".to_owned(),
        })
    }

    fn prove(&self, findings: &[&Finding]) -> ProvenPlan {
        let unadopted = |finding: &&Finding| Unadopted {
            resource: finding.resource.clone(),
            path: None,
            why: UnadoptedReason::Rollback,
            value: None,
        };
        let mut proven = ProvenPlan::default();
        proven.plan.unadopted = findings.iter().map(unadopted).collect();
        proven
    }

    fn tip(&self, _: &Incident, _: &ProvenPlan, _: Option<&ProposalMarker>) -> Result<Tip, RunError> {
        Ok(self.tip.clone())
    }
}

/// What one run of a test reads.
#[derive(Default)]
struct Run {
    report: CheckReport,
    inputs: CheckInputs,
    listed: Vec<ExistingProposal>,
    deleted: BTreeSet<String>,
    tip: Tip,
}

impl Run {
    fn with(findings: Vec<Finding>) -> Self {
        let cluster = ClusterFacts { name: "prod".to_owned(), identified: true, ..ClusterFacts::default() };
        let report = CheckReport {
            checked_at: "2026-11-22T10:00:00Z".to_owned(),
            cluster,
            findings,
            ..CheckReport::default()
        };
        let mut run = Self { report, ..Self::default() };
        // Every list of Deployments was read whole.
        run.inputs.listed.insert(("apps".to_owned(), "Deployment".to_owned(), None));
        run
    }

    fn plan(&self, ledger: &mut Ledger) -> (RunPlan, Vec<String>) {
        let told = Told { tip: self.tip.clone(), ended: RefCell::default() };
        let observed = Observed {
            report: &self.report,
            inputs: &self.inputs,
            base: "main",
            base_commit: "c1",
            listed: &self.listed,
            deleted: &self.deleted,
        };
        let plan = plan_run(observed, ledger, &told).expect("nothing is refused");
        (plan, told.ended.into_inner())
    }
}

fn drift(name: &str) -> Finding {
    mk_finding(name, "kubectl-edit", "spec/replicas", json!(3))
}

/// The ledger after a run that opened one incident, and the issue as the forge has it.
fn opened(state: ProposalState) -> (Ledger, ExistingProposal) {
    let mut ledger = Ledger::default();
    let (plan, _) = Run::with(vec![drift("web")]).plan(&mut ledger);
    let proposal = plan.wanted[0].proposals[0].clone();
    let marker = ProposalMarker {
        incident: proposal.incident,
        fingerprint: proposal.fingerprint,
        commit: None,
        closed_by_us: false,
    };
    let listed = ExistingProposal {
        reference: ProposalRef { number: 1, kind: ProposalKind::Issue },
        url: String::new(),
        title: proposal.title,
        body: proposal.body,
        state,
        marker,
        branch: None,
        head: None,
        version: None,
    };
    (ledger, listed)
}

fn only(ledger: &Ledger) -> &Incident {
    let mut incidents = ledger.incidents();
    let incident = incidents.next().expect("one incident");
    assert!(incidents.next().is_none(), "one incident");
    incident
}

#[test]
fn second_plan_for_same_drift_is_empty() {
    let mut ledger = Ledger::default();
    let run = Run::with(vec![drift("web")]);
    let (plan, ended) = run.plan(&mut ledger);
    assert_eq!(only(&ledger).status(), IncidentStatus::Open);
    let kinds: Vec<ProposalKind> = plan.wanted[0].proposals.iter().map(|proposal| proposal.kind).collect();
    assert_eq!(kinds, [ProposalKind::Issue]);
    assert!(ended.is_empty());
    run.plan(&mut ledger);
    assert_eq!(only(&ledger).events.len(), 1, "nothing has changed");
}

#[test]
fn incident_stays_open_while_report_incomplete() {
    let (mut ledger, issue) = opened(ProposalState::Open);
    let mut run = Run::with(Vec::new());
    run.listed = vec![issue];
    run.report.incomplete = vec![Incomplete { what: "secrets".to_owned(), why: "403".to_owned() }];
    let (plan, ended) = run.plan(&mut ledger);
    assert!(plan.ended.is_empty() && ended.is_empty(), "something was not read");
    run.report.incomplete.clear();
    run.inputs.listed.clear();
    let (plan, _) = run.plan(&mut ledger);
    assert!(plan.ended.is_empty(), "nobody looked at the object");
    run.deleted.insert(only(&ledger).members[0].key.clone());
    let (plan, _) = run.plan(&mut ledger);
    assert_eq!(plan.ended[0].reason, "it equals Git again");
    assert_eq!(only(&ledger).status(), IncidentStatus::Ended(Resolution::Reverted));
    assert_eq!(only(&ledger).events.last().and_then(|event| event.ended_by.as_deref()), Some("c9"));
}

#[test]
fn closed_issue_declines_until_values_change() {
    let closed = ProposalState::Closed { by: Closer::Person("ada".to_owned()), at: None };
    let (mut ledger, issue) = opened(closed);
    let mut run = Run::with(vec![drift("web")]);
    run.listed = vec![issue];
    let (plan, _) = run.plan(&mut ledger);
    assert_eq!(plan.declined, [(only(&ledger).id.clone(), "ada".to_owned())]);
    assert!(plan.wanted.is_empty());
    let (plan, _) = run.plan(&mut ledger);
    assert!(plan.declined.is_empty() && plan.wanted.is_empty(), "it was declined already");
    run.report.findings = vec![mk_finding("web", "kubectl-edit", "spec/replicas", json!(4))];
    let (plan, _) = run.plan(&mut ledger);
    assert_eq!((plan.wanted.len(), only(&ledger).status()), (1, IncidentStatus::Open));
}

#[test]
fn incidents_over_ten_are_deferred() {
    // Each object was changed by another tool, so that each is an incident.
    let findings =
        (0..12).map(|at| mk_finding(&format!("web-{at}"), &format!("tool-{at}"), "spec/a", json!(2)));
    let mut ledger = Ledger::default();
    let (plan, _) = Run::with(findings.collect()).plan(&mut ledger);
    assert_eq!((plan.wanted.len(), plan.deferred.len(), ledger.incidents().count()), (10, 2, 12));
    assert_eq!(plan.notes, ["2 incidents deferred: one run opens at most 10 proposals"]);
}

#[test]
fn mass_drift_is_one_issue_without_incidents() {
    let findings: Vec<Finding> = (0..30).map(|at| drift(&format!("web-{at}"))).collect();
    let mut ledger = Ledger::default();
    let (plan, _) = Run::with(findings).plan(&mut ledger);
    assert_eq!((plan.wanted.len(), plan.held_back, ledger.incidents().count()), (1, 30, 0));
    let (plan, _) = Run::with(vec![drift("web")]).plan(&mut ledger);
    assert!(plan.mass_over.is_some(), "it is over");
    assert_eq!(ledger.incidents().count(), 1, "the incident opens after all");
}

#[test]
fn branch_with_foreign_commits_left_alone() {
    let mut ledger = Ledger::default();
    let commit = crate::git::CommitId::parse(&"a".repeat(40)).expect("a commit id");
    let run = Run { tip: Tip::Foreign(commit), ..Run::with(vec![drift("web")]) };
    let (plan, _) = run.plan(&mut ledger);
    assert_eq!(plan.wanted[0].left_to_people, [ProposalKind::PullRequest]);
    assert!(plan.notes[0].contains("it has commits by somebody else"), "{:?}", plan.notes);
    let id = ResourceId { version: "v1".to_owned(), ..drift("web").resource };
    assert!(plan.wanted[0].proposals[0].body.contains(&id.name), "the issue is written all the same");
}
