//! What a run reads before and while it plans: the ledger, the forge, deleted members; for one incident at a time what
//! Git and the renderers say.

use std::collections::{BTreeMap, BTreeSet};

use tracing::field::Empty;
use tracing::info_span;

use super::RunError;
use super::attempt::RunAttempt;
use super::branch::examine_tip;
use super::ending::{CurrentState, Ending, find_ending};
use super::examined::deleted_members;
use super::plan::{Examine, Tip};
use super::remotes::{ended_incidents, read_ledger};
use crate::forge::{ExistingProposal, ProposalMarker};
use crate::incident::{Incident, Ledger};
use crate::model::{Desired, Finding, ObjectKey, ResourceId};
use crate::remedy::{ProofContext, ProvenPlan, plan, prove};

/// The ledger, the proposals that the forge has, and the keys of members that are no longer live.
pub(super) async fn observe(
    attempt: &RunAttempt<'_>,
) -> Result<(Ledger, Vec<ExistingProposal>, BTreeSet<String>), RunError> {
    let heads = attempt.heads;
    let ledger = read_ledger(&attempt.checkout.repository, &heads.base, heads.ledger.as_ref())?;
    let stage = info_span!("observe", incidents = ledger.incidents().count(), proposals = Empty);
    let listed = attempt.context.forge.list(&ended_incidents(&ledger)).await?;
    stage.record("proposals", listed.len());
    let checked = (attempt.checked.cluster.name.as_str(), attempt.inputs);
    let deleted = deleted_members(checked, &ledger, attempt.cluster).await;
    Ok((ledger, listed, deleted))
}

impl Examine for RunAttempt<'_> {
    fn ending(&self, incident: &Incident) -> Result<Ending, RunError> {
        find_ending(self, incident, &CurrentState::new(self), self.cluster)
    }

    fn prove(&self, findings: &[&Finding]) -> ProvenPlan {
        let inputs = self.inputs;
        let objects: BTreeMap<ObjectKey, &Desired> =
            inputs.desired.iter().map(|object| (object.id.key(), object)).collect();
        let object = |key: &ObjectKey| objects.get(key).copied();
        let live = |key: &ObjectKey| inputs.live.get(key);
        let schema = |id: &ResourceId| inputs.schemas.for_version(&id.group, &id.version);
        let tools = &self.settings.check.checkout.tools;
        let context = ProofContext {
            request: self.checkout.render_request(tools, self.cluster.api_resources()),
            desired: &inputs.desired,
            incomplete: inputs.unrendered,
            skipped: &inputs.skipped,
            live: &inputs.live,
            schema: &schema,
        };
        prove(findings, &|findings| plan(findings, &object, &live, &schema), &context)
    }

    fn tip(
        &self,
        incident: &Incident,
        proven: &ProvenPlan,
        marker: Option<&ProposalMarker>,
    ) -> Result<Tip, RunError> {
        examine_tip(self, incident, proven, marker)
    }
}
