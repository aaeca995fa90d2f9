//! The rules, in order: who owns this leaf, and which evidence explains it that a writer cannot fake.

use std::cell::Cell;

use serde_json::Value;

use super::evidence::{Evidence, ScalePath};
use super::harm::is_harmful;
use super::history::{PastVersion, declared_by, unowned_since};
use super::last_applied::LastApplied;
use super::managers::KnownManager;
use super::missing::unsynced_verdict;
use super::owners::{ManagedFieldsEntry, Owners, Ownership};
use super::rewritten::{find_substitution, is_rewritten_json};
use crate::model::{
    Cause, ChangeKind, Confidence, Difference, FieldPath, ManagerClass, PathElement, Rule, Verdict,
};
use crate::schema::Shape;

/// Decides the differences of one object.
pub(super) struct RuleEngine<'a> {
    pub(super) evidence: &'a Evidence<'a>,
    pub(super) owners: &'a Owners,
    pub(super) applied: &'a LastApplied<'a>,
    /// Whether a verdict asked what older commits declared.
    pub(super) asked_history: &'a Cell<bool>,
}

/// One owner of a place.
#[derive(Clone, Copy)]
struct OwnerInfo<'a> {
    entry: &'a ManagedFieldsEntry,
    known: &'a KnownManager,
    exact: bool,
}

impl<'a> RuleEngine<'a> {
    /// The verdict on a difference; a note is added where a person needs one.
    pub(super) fn decide(&self, difference: &mut Difference) -> Verdict {
        match difference.kind {
            ChangeKind::Removed => self.removed(difference),
            ChangeKind::Added | ChangeKind::Modified => self.present(difference),
        }
    }

    fn declared_by(&self, difference: &Difference) -> Option<&'a PastVersion> {
        self.asked_history.set(true);
        declared_by(self.evidence.older, difference)
    }

    fn unowned_since(&self, difference: &Difference) -> Option<&'a PastVersion> {
        self.asked_history.set(true);
        unowned_since(self.evidence.older, difference)
    }

    /// A field that live has: its owners in the order in which they count.
    fn present(&self, difference: &mut Difference) -> Verdict {
        if is_rewritten_json(difference) {
            return Verdict::new(Cause::Server, Confidence::High, Rule::ServerPlace);
        }
        let owners = self.owners_of(&difference.path);
        if difference.kind == ChangeKind::Added && self.is_request(&difference.path) {
            let manager = owners.first().map(|owner| &owner.entry.manager);
            return Verdict::new(Cause::Deployer, Confidence::High, Rule::Request).with_manager(manager);
        }
        let exact: Vec<OwnerInfo<'a>> = owners.iter().filter(|owner| owner.exact).copied().collect();
        // A place that the server fills is told by exact owners alone.
        let counted = if exact.is_empty() && !difference.server_set { &owners } else { &exact };
        // Whoever changes a value takes it from the one who applied it: who also owns it wrote what was applied.
        let deployer = |owner: &OwnerInfo<'a>| {
            owner.exact
                && owner.known.class == ManagerClass::Gitops
                && owner.entry.manager.operation == "Apply"
        };
        if let Some(deployer) = latest(counted, deployer)
            && find_substitution(difference).is_some()
        {
            return self.by_applier(deployer, difference);
        }
        if let Some(person) = latest(counted, |owner| owner.known.class == ManagerClass::Human) {
            return self.by_person(person, counted.len(), difference);
        }
        if let Some(writer) = latest(counted, |owner| owner.known.is_unknown()) {
            return self.by_unknown(writer, difference);
        }
        // A status that is plain data is written by whoever reconciles the kind.
        if difference.server_set && difference.path.fields().next() == Some("status") {
            let manager = counted.first().map(|owner| &owner.entry.manager);
            return Verdict::new(Cause::Server, Confidence::Medium, Rule::ServerPlace).with_manager(manager);
        }
        if let Some(platform) = latest(counted, |owner| owner.known.class == ManagerClass::Platform) {
            return self.by_platform(platform, difference);
        }
        match latest(counted, |owner| owner.known.applier) {
            Some(applier) => self.by_applier(applier, difference),
            None => self.unowned(difference),
        }
    }

    /// Whether the annotation asks a deployer for a run (fluxcd/pkg `apis/meta/annotations.go`, argo-cd
    /// `pkg/apis/application/v1alpha1`): of no other kinds than the deployer's own.
    fn is_request(&self, path: &FieldPath) -> bool {
        let [PathElement::Field(metadata), PathElement::Field(map), PathElement::Field(key)] =
            path.elements()
        else {
            return false;
        };
        let group = self.evidence.desired.id.group.as_str();
        let asks = match key.as_str() {
            "reconcile.fluxcd.io/requestedAt"
            | "reconcile.fluxcd.io/forceAt"
            | "reconcile.fluxcd.io/resetAt" => group.ends_with(".toolkit.fluxcd.io"),
            "argocd.argoproj.io/refresh" | "argocd.argoproj.io/hydrate" => group == "argoproj.io",
            _ => false,
        };
        metadata == "metadata" && map == "annotations" && asks
    }

    fn owners_of(&self, path: &FieldPath) -> Vec<OwnerInfo<'a>> {
        let owners = self.owners.owners_of_path(path).into_iter();
        owners
            .map(|(entry, share)| OwnerInfo {
                entry,
                known: self.evidence.managers.for_entry(entry),
                exact: share == Ownership::Exact,
            })
            .collect()
    }

    fn by_person(&self, person: OwnerInfo<'a>, shared: usize, difference: &Difference) -> Verdict {
        let sure = person.exact && shared == 1 && !is_atomic(difference);
        let confidence = if sure { Confidence::High } else { Confidence::Medium };
        let older = self.declared_by(difference);
        let verdict = match older {
            Some(older) if self.is_newer_applied(older, difference) => {
                Verdict::new(Cause::Rollback, confidence, Rule::Returned)
            }
            _ => Verdict::new(Cause::Manual, confidence, Rule::PersonOwns),
        };
        verdict.with_manager(Some(&person.entry.manager))
    }

    fn by_unknown(&self, writer: OwnerInfo<'a>, difference: &Difference) -> Verdict {
        let manager = Some(&writer.entry.manager);
        let controller = |rule| Verdict::new(Cause::Controller, Confidence::High, rule).with_manager(manager);
        if difference.kind == ChangeKind::Added && is_guard(&difference.path) {
            return controller(Rule::Guard);
        }
        if difference.server_set && difference.path.fields().next() == Some("status") {
            return controller(Rule::StatusWriter);
        }
        if !self.owners.writes_status(writer.entry) {
            return Verdict::new(Cause::Manual, Confidence::None, Rule::UnknownOwns).with_manager(manager);
        }
        if self.is_harmful(difference) || is_scale(&difference.path) {
            return claimed_verdict(Cause::Controller).with_manager(manager);
        }
        controller(Rule::StatusWriter)
    }

    fn by_platform(&self, platform: OwnerInfo<'a>, difference: &Difference) -> Verdict {
        let (id, manager) = (&self.evidence.desired.id, Some(&platform.entry.manager));
        let verdict = |cause, rule| Verdict::new(cause, Confidence::High, rule).with_manager(manager);
        let harmful = self.is_harmful(difference);
        if platform.known.is_trusted(id, difference, harmful) {
            return verdict(Cause::Controller, Rule::Trusted);
        }
        if self.is_asked_for(difference) || (difference.server_set && difference.kind == ChangeKind::Added) {
            return verdict(Cause::Server, Rule::ServerPlace);
        }
        if platform.known.writes(id, difference) {
            return verdict(Cause::Controller, Rule::ControllerPlace);
        }
        if difference.kind == ChangeKind::Added && is_guard(&difference.path) {
            return verdict(Cause::Controller, Rule::Guard);
        }
        if !harmful && !platform.known.has_places() && self.owners.writes_status(platform.entry) {
            return verdict(Cause::Controller, Rule::StatusWriter);
        }
        claimed_verdict(Cause::Controller).with_manager(manager)
    }

    /// Whether Git leaves this to the platform: the rules of an aggregated ClusterRole, the data of a token Secret, a
    /// bundle of certificates.
    fn is_asked_for(&self, difference: &Difference) -> bool {
        let (id, git) = (&self.evidence.desired.id, &self.evidence.desired.value);
        let fields: Vec<&str> = difference.path.fields().collect();
        let text = |pointer: &str| git.pointer(pointer).and_then(Value::as_str);
        match (id.group.as_str(), id.kind.as_str(), fields.as_slice()) {
            ("rbac.authorization.k8s.io", "ClusterRole", ["rules", ..]) => {
                git.get("aggregationRule").is_some_and(|rule| !rule.is_null())
            }
            ("", "Secret", ["data", "token" | "ca.crt" | "namespace"] | ["data"]) => {
                text("/type") == Some("kubernetes.io/service-account-token")
            }
            ("", "ConfigMap", ["data", "service-ca.crt"]) => {
                text("/metadata/annotations/service.beta.openshift.io~1inject-cabundle") == Some("true")
            }
            ("", "ConfigMap", ["data", "ca-bundle.crt"]) => {
                text("/metadata/labels/config.openshift.io~1inject-trusted-cabundle") == Some("true")
            }
            _ => false,
        }
    }

    /// The applier owns the live value: an older commit's, a mark of its own, a default, or what Git never declared.
    fn by_applier(&self, applier: OwnerInfo<'a>, difference: &mut Difference) -> Verdict {
        let manager = Some(&applier.entry.manager);
        let confidence = if applier.exact { Confidence::High } else { Confidence::Medium };
        let is_deployer = applier.known.class == ManagerClass::Gitops;
        if let Some(rule) = self.mark(applier, difference) {
            return Verdict::new(Cause::Deployer, confidence, rule).with_manager(manager);
        }
        let by_apply = applier.entry.manager.operation == "Apply";
        if is_deployer
            && by_apply
            && let Some(variable) = find_substitution(difference)
        {
            difference.note =
                Some(format!("Git has {variable} here, which {} replaces", applier.entry.manager.name));
            return Verdict::new(Cause::Deployer, confidence, Rule::Substituted).with_manager(manager);
        }
        if difference.server_set && self.asks_for_a_value(difference) {
            return Verdict::new(Cause::Server, confidence, Rule::ServerPlace).with_manager(manager);
        }
        let declared = self.is_declared_by(applier.entry, &difference.path);
        if difference.kind == ChangeKind::Added && !declared {
            return self.undeclared(applier, difference);
        }
        if let Some(older) = self.declared_by(difference) {
            return self.older_value(older, Some(applier), difference);
        }
        if let Some(verdict) = self.rewritten(applier, difference) {
            return verdict.with_manager(manager);
        }
        let (cause, confidence) =
            if is_deployer { (Cause::Unknown, confidence) } else { (Cause::Manual, Confidence::None) };
        Verdict::new(cause, confidence, Rule::ApplierOwns).with_manager(manager)
    }

    /// A value that the applier owns without having declared it: filled in when it applied, or written in its name.
    fn undeclared(&self, applier: OwnerInfo<'a>, difference: &mut Difference) -> Verdict {
        let manager = Some(&applier.entry.manager);
        if difference.server_set {
            return Verdict::new(Cause::Server, Confidence::Medium, Rule::ServerPlace).with_manager(manager);
        }
        // A null is never a default: somebody put it over one.
        let may_be_default = self.may_be_default(&difference.path) && difference.live != Some(Value::Null);
        if !self.is_harmful(difference) && may_be_default {
            return Verdict::new(Cause::Server, Confidence::Medium, Rule::ApplierDefault)
                .with_manager(manager);
        }
        // What Git declared once, and an apply could not take away: an alias, a value derived from another.
        if let Some(older) = self.declared_by(difference) {
            return self.unsynced(older, Rule::Leftover).with_manager(manager);
        }
        if let Some(verdict) = self.by_admission(difference) {
            return self.or_claimed_verdict(verdict, difference).with_manager(manager);
        }
        Verdict::new(Cause::Manual, Confidence::None, Rule::ApplierOwns).with_manager(manager)
    }

    /// What the applier owns, it may have been sent under its name: where it could do harm, a webhook is a claim.
    fn or_claimed_verdict(&self, verdict: Verdict, difference: &Difference) -> Verdict {
        if self.is_harmful(difference) { claimed_verdict(Cause::Admission) } else { verdict }
    }

    /// Whether the applier declared the live value. An Update entry owns what the server filled in, too: there the
    /// last-applied copy tells, where this applier keeps one. A copy that somebody else wrote tells nothing.
    fn is_declared_by(&self, entry: &ManagedFieldsEntry, path: &FieldPath) -> bool {
        if entry.manager.operation != "Update" {
            return true;
        }
        if self.applied.is_owned_by(entry) {
            return self.applied.equals_live(path);
        }
        // Helm 3 and others keep no copy: what a schema could have filled in is taken for filled in.
        !self.may_be_default(path)
    }

    /// Whether a server could have put a default there that no schema has now: into a field of a custom resource, whose
    /// definition may have had another one, never under a key of a free map or as an item of a list. The defaults of
    /// built-in kinds are known, but for ports of the host, which stay when `hostNetwork` goes.
    fn may_be_default(&self, path: &FieldPath) -> bool {
        let id = &self.evidence.desired.id;
        let root = self.evidence.schema.kind(&id.group, &id.version, &id.kind);
        let Some((PathElement::Field(name), parent)) = path.elements().split_last() else { return false };
        let metadata = matches!(parent.first(), Some(PathElement::Field(name)) if name == "metadata");
        let may_change = !id.is_built_in() || name == "hostPort";
        may_change && !metadata && !matches!(root.descend(parent).shape(), Shape::Map)
    }

    /// Whether Git writes an empty value, which asks the server for one of its own: `clusterIP: ""`.
    fn asks_for_a_value(&self, difference: &Difference) -> bool {
        let declared = self.evidence.desired.value.pointer(&difference.desired_pointer);
        declared.is_some_and(|value| value.is_null() || value == "")
    }

    fn mark(&self, applier: OwnerInfo<'a>, difference: &Difference) -> Option<Rule> {
        let id = &self.evidence.desired.id;
        if applier.known.is_deployer_mark(difference) || applier.known.writes(id, difference) {
            return Some(Rule::DeployerMark);
        }
        let common = (applier.entry.manager.name.clone(), difference.path.to_string());
        let is_common = difference.kind == ChangeKind::Added && self.evidence.common_labels.contains(&common);
        (is_common && applier.known.class == ManagerClass::Gitops).then_some(Rule::CommonMark)
    }

    /// A value that admission wrote over what the applier sent. The last-applied copy tells what it sent; without one, a
    /// deployer's record is believed, or a policy that sets this value; another applier's is a claim: a person may have
    /// sent the value.
    fn rewritten(&self, applier: OwnerInfo<'a>, difference: &mut Difference) -> Option<Verdict> {
        if difference.kind != ChangeKind::Modified {
            return None;
        }
        if self.applied.is_owned_by(applier.entry) {
            let sent = self.applied.value(&difference.path) == difference.desired.as_ref();
            let verdict = self.by_admission(difference).filter(|_| sent)?;
            return Some(self.or_claimed_verdict(verdict, difference));
        }
        let verdict = self.by_admission(difference)?;
        let verdict = self.or_claimed_verdict(verdict, difference);
        let is_proven = applier.known.class == ManagerClass::Gitops
            || self.evidence.mutators.iter().any(|mutator| mutator.sets(difference));
        Some(if is_proven { verdict } else { claimed_verdict(Cause::Admission) })
    }

    /// A webhook or policy that matches explains what nobody owns.
    fn by_admission(&self, difference: &mut Difference) -> Option<Verdict> {
        let mutators = self.evidence.mutators.iter().filter(|mutator| mutator.may_write(difference));
        let names: Vec<&str> = mutators.take(3).map(|mutator| mutator.name.as_str()).collect();
        if names.is_empty() {
            return None;
        }
        let names = names.join(", ");
        difference.note.get_or_insert_with(|| format!("perhaps written by {names}"));
        Some(Verdict::new(Cause::Admission, Confidence::Low, Rule::Admission))
    }

    /// Live has what an older commit declared: not applied yet, applied late, or gone back to.
    fn older_value(
        &self,
        older: &PastVersion,
        applier: Option<OwnerInfo<'a>>,
        difference: &Difference,
    ) -> Verdict {
        let manager = applier.map(|applier| &applier.entry.manager);
        let exact = applier.is_none_or(|applier| applier.exact);
        let confidence = if exact { Confidence::High } else { Confidence::Medium };
        let verdict = match self.timing(older, applier, difference) {
            Timing::Returned => Verdict::new(Cause::Rollback, confidence, Rule::Returned),
            Timing::Unsynced(rule) => Verdict { confidence, ..self.unsynced(older, rule) },
        };
        verdict.with_manager(manager)
    }

    fn unsynced(&self, older: &PastVersion, rule: Rule) -> Verdict {
        unsynced_verdict(older, rule, self.evidence.now, self.evidence.unsynced_after)
    }

    /// Whether an older commit's value is there still or again.
    fn timing(&self, older: &PastVersion, applier: Option<OwnerInfo<'a>>, difference: &Difference) -> Timing {
        if older.newer_applied == Some(false) {
            return Timing::Unsynced(Rule::NotApplied);
        }
        if self.is_newer_known(older, difference)
            || applier.is_some_and(|applier| self.is_second(applier, older))
        {
            return Timing::Returned;
        }
        let grace_ends = older.superseded_at.saturating_add(self.evidence.unsynced_after);
        let written = match applier {
            Some(applier) => applier.entry.seconds(),
            None => self.last_written(),
        };
        match written {
            Some(at) if at < older.committed_at => Timing::Unsynced(Rule::NotApplied),
            Some(at) if at > grace_ends => Timing::Returned,
            _ => Timing::Unsynced(Rule::AppliedLate),
        }
    }

    /// Whether the newer commit had been applied, as far as the cluster remembers.
    fn is_newer_known(&self, older: &PastVersion, difference: &Difference) -> bool {
        let path = &difference.path;
        let in_copy = || {
            let desired = difference.desired.as_ref();
            desired.is_some() && self.applied.is_fresh() && self.applied.value(path) == desired
        };
        let had = || self.evidence.revisions.iter().any(|revision| revision.had_declared(path, older));
        older.newer_applied == Some(true) || had() || in_copy()
    }

    /// The same for a person's write, before which an applier may have written: after the newer commit was made, then.
    fn is_newer_applied(&self, older: &PastVersion, difference: &Difference) -> bool {
        let applied_since = || self.last_written().is_some_and(|at| at >= older.superseded_at);
        older.newer_applied != Some(false) && (self.is_newer_known(older, difference) || applied_since())
    }

    /// Whether another applier, a deployer, has the object: then this one is a second one that wrote over it. Of two
    /// deployers the other must have written since the newer commit, else the object only went from one to the other.
    fn is_second(&self, applier: OwnerInfo<'a>, older: &PastVersion) -> bool {
        let is_deployer = applier.known.class == ManagerClass::Gitops;
        let first = |entry: &&ManagedFieldsEntry| {
            let known = self.evidence.managers.for_entry(entry);
            known.applier
                && known.class == ManagerClass::Gitops
                && entry.manager.name != applier.entry.manager.name
        };
        self.owners.entries().iter().filter(first).any(|entry| {
            let since = !is_deployer || entry.seconds().is_some_and(|at| at >= older.superseded_at);
            since && entry.seconds().unwrap_or(i64::MAX) <= applier.entry.seconds().unwrap_or(0)
        })
    }

    /// When an applier last wrote the object.
    fn last_written(&self) -> Option<i64> {
        let appliers = self.owners.entries().iter();
        appliers
            .filter(|entry| self.evidence.managers.for_entry(entry).applier)
            .filter_map(ManagedFieldsEntry::seconds)
            .max()
    }

    /// Live has a value that nobody owns. A person's write to an object whose writers are tracked leaves an owner.
    fn unowned(&self, difference: &mut Difference) -> Verdict {
        if difference.server_set && difference.kind == ChangeKind::Added {
            return Verdict::new(Cause::Server, Confidence::Medium, Rule::ServerPlace);
        }
        if self.is_asked_for(difference) && difference.kind == ChangeKind::Added {
            return Verdict::new(Cause::Server, Confidence::Medium, Rule::ServerPlace);
        }
        if let Some(older) = self.unowned_since(difference)
            && difference.kind == ChangeKind::Modified
        {
            return self.older_value(older, None, difference);
        }
        if self.owners.entries().is_empty() {
            return Verdict::unknown();
        }
        if self.may_be_scaled(difference) {
            difference.note = Some(
                "nobody owns it: under server-side apply `kubectl scale` is the one writer that leaves no record"
                    .to_owned(),
            );
            return Verdict::new(Cause::Unknown, Confidence::None, Rule::Scaled);
        }
        if let Some(entry) = self.writer_of_other_version() {
            let manager = Some(&entry.manager);
            return Verdict::new(Cause::Manual, Confidence::Low, Rule::OtherVersion).with_manager(manager);
        }
        if let Some(verdict) = self.by_admission(difference) {
            return verdict;
        }
        let may_be_servers = difference.kind == ChangeKind::Added && difference.live != Some(Value::Null);
        if may_be_servers && !self.is_harmful(difference) {
            return Verdict::new(Cause::Server, Confidence::Low, Rule::Unowned);
        }
        match self.declared_by(difference) {
            // Git's own history has it: an apply that took it out of Git left it in the cluster.
            Some(older) => self.unsynced(older, Rule::Leftover),
            None => Verdict::unknown(),
        }
    }

    /// Whether `/scale` may have written here: it leaves no record under server-side apply.
    fn may_be_scaled(&self, difference: &Difference) -> bool {
        let path = &difference.path;
        let is_count = difference.live.as_ref().is_some_and(Value::is_u64);
        is_scale(path)
            || (is_count
                && !self.evidence.desired.id.is_built_in()
                && match self.evidence.scale {
                    ScalePath::Unknown => path.fields().next() == Some("spec"),
                    ScalePath::Known(known) => known.is_some_and(|known| known == path.to_string()),
                })
    }

    /// The latest entry of a person's tool, or of a writer that is not known, at another version of the kind.
    fn writer_of_other_version(&self) -> Option<&'a ManagedFieldsEntry> {
        let version = self.evidence.desired.id.api_version();
        self.latest_entry(|entry, known| {
            let other = !entry.manager.api_version.is_empty() && entry.manager.api_version != version;
            other && (known.class == ManagerClass::Human || known.is_unknown())
        })
    }

    /// A field that only Git has: nobody owns it, but where somebody made it null.
    fn removed(&self, difference: &Difference) -> Verdict {
        let owners = self.owners_of(&difference.path);
        let person = latest(&owners, |owner| owner.exact && owner.known.class == ManagerClass::Human);
        if let Some(person) = person {
            let verdict = Verdict::new(Cause::Manual, Confidence::High, Rule::PersonOwns);
            return verdict.with_manager(Some(&person.entry.manager));
        }
        let id = &self.evidence.desired.id;
        if let Some(entry) = self.latest_entry(|_, known| known.clears(id, difference)) {
            let verdict = Verdict::new(Cause::Controller, Confidence::Medium, Rule::ControllerPlace);
            return verdict.with_manager(Some(&entry.manager));
        }
        let applies = |owner: &OwnerInfo<'_>| {
            owner.exact && owner.known.applier && owner.entry.manager.operation == "Apply"
        };
        if let Some(applier) = latest(&owners, applies) {
            let manager = Some(&applier.entry.manager);
            return if self.is_harmful_value(difference) {
                claimed_verdict(Cause::Server).with_manager(manager)
            } else {
                Verdict::new(Cause::Server, Confidence::High, Rule::Dropped).with_manager(manager)
            };
        }
        if let Some(older) = self.unowned_since(difference)
            && let Some(rule) = self.is_unapplied(older, difference)
        {
            let applier = self.latest_entry(|_, known| known.applier);
            return self.unsynced(older, rule).with_manager(applier.map(|entry| &entry.manager));
        }
        match self.likely_remover() {
            Some(entry) => {
                let verdict = Verdict::new(Cause::Manual, Confidence::Low, Rule::RemovedBy);
                verdict.with_manager(Some(&entry.manager))
            }
            None => Verdict::new(Cause::Unknown, Confidence::None, Rule::Removed),
        }
    }

    /// The tool of a person that may have removed a field, which leaves no owner and no time: the last one to write, where
    /// no applier brought the object back to Git since, and no controller or unknown writer wrote it either.
    fn likely_remover(&self) -> Option<&'a ManagedFieldsEntry> {
        let person = self.latest_entry(|_, known| known.class == ManagerClass::Human)?;
        let others = self.latest_entry(|entry, known| {
            known.class != ManagerClass::Human && (known.applier || entry.manager.subresource.is_empty())
        });
        let at = |entry: &ManagedFieldsEntry| entry.seconds().unwrap_or(i64::MIN);
        others.is_none_or(|other| at(other) <= at(person)).then_some(person)
    }

    /// By which rule a field that a newer commit brought is not applied yet; `None` where it was, and somebody removed it.
    fn is_unapplied(&self, older: &PastVersion, difference: &Difference) -> Option<Rule> {
        let evidence = self.evidence;
        if let Some(applied) = older.newer_applied {
            return (!applied).then_some(Rule::NotApplied);
        }
        if evidence.revisions.iter().any(|revision| revision.had_declared(&difference.path, older)) {
            return None;
        }
        if self.applied.is_fresh() {
            return self.applied.is_absent(&difference.path).then_some(Rule::NotApplied);
        }
        let last = |counts: fn(&KnownManager) -> bool| {
            let entries =
                self.owners.entries().iter().filter(|entry| counts(evidence.managers.for_entry(entry)));
            entries.map(|entry| entry.seconds().unwrap_or(i64::MAX)).max()
        };
        let applied_at = last(|known| known.applier);
        // The applier's last write is of before the commit: what the commit brought was never there to be removed.
        if applied_at.is_some_and(|at| at < older.committed_at) {
            return Some(Rule::NotApplied);
        }
        // A person's tool that wrote since may have removed it.
        if last(|known| known.class == ManagerClass::Human).is_some_and(|at| at >= older.committed_at) {
            return None;
        }
        let grace_ends = older.superseded_at.saturating_add(evidence.unsynced_after);
        match applied_at {
            None => Some(Rule::NotApplied),
            Some(_) if evidence.now <= grace_ends => Some(Rule::AppliedLate),
            Some(_) => None,
        }
    }

    fn latest_entry(
        &self,
        fits: impl Fn(&ManagedFieldsEntry, &KnownManager) -> bool,
    ) -> Option<&'a ManagedFieldsEntry> {
        let entries = self.owners.entries().iter();
        let fitting = entries.filter(|entry| fits(entry, self.evidence.managers.for_entry(entry)));
        fitting.max_by(|left, right| left.manager.time.cmp(&right.manager.time))
    }

    fn is_harmful(&self, difference: &Difference) -> bool {
        is_harmful(difference, self.evidence.live.pointer(&difference.pointer))
    }

    fn is_harmful_value(&self, difference: &Difference) -> bool {
        is_harmful(difference, difference.desired.as_ref())
    }
}

/// Why an older commit's value is live.
enum Timing {
    /// It is still there, by this rule.
    Unsynced(Rule),
    /// A newer commit had been applied.
    Returned,
}

/// Only the manager's name would explain it: it is drift.
fn claimed_verdict(cause: Cause) -> Verdict {
    Verdict { claimed: Some(cause), ..Verdict::new(Cause::Unknown, Confidence::None, Rule::NameOnly) }
}

/// An owner that fits: one of the very place before one around it, the latest first.
fn latest<'a>(owners: &[OwnerInfo<'a>], fits: impl Fn(&OwnerInfo<'a>) -> bool) -> Option<OwnerInfo<'a>> {
    let fitting = owners.iter().filter(|owner| fits(owner));
    fitting.max_by_key(|owner| (owner.exact, owner.entry.manager.time.clone())).copied()
}

/// A whole atomic list or map is owned as one: who changed which part of it is not recorded.
fn is_atomic(difference: &Difference) -> bool {
    difference.kind == ChangeKind::Modified
        && [&difference.desired, &difference.live]
            .iter()
            .any(|side| side.as_ref().is_some_and(|value| value.is_array() || value.is_object()))
}

/// Finalizers and owner references: the one place where an unknown writer is taken for a controller.
fn is_guard(path: &FieldPath) -> bool {
    let fields: Vec<&str> = path.fields().take(2).collect();
    matches!(fields.as_slice(), ["metadata", "finalizers" | "ownerReferences"])
}

/// Where `/scale` writes: of built-in kinds `.spec.replicas`, of custom ones nearly always.
fn is_scale(path: &FieldPath) -> bool {
    path.elements().len() == 2 && path.fields().eq(["spec", "replicas"])
}
