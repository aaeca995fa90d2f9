//! The rules that decide verdicts, for counts and `drift explain`.

use serde::{Deserialize, Serialize};

/// The rule that decided a verdict. Its text says why, and what would change the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Nothing is recorded.
    NoRecord,
    /// A person's tool owns the field.
    PersonOwns,
    /// A writer that is in no table owns the field.
    UnknownOwns,
    /// Live has an older commit's value although a newer commit had been applied.
    Returned,
    /// Live has an older commit's value, and its applier has not written since the newer commit.
    NotApplied,
    /// As `NotApplied`; the applier wrote within the grace period after the newer commit.
    AppliedLate,
    /// The applier set a value that no commit declared.
    ApplierOwns,
    /// The applier owns it without having declared it: a default of the time.
    ApplierDefault,
    /// The applier still owns a field that live lacks.
    Dropped,
    /// A deployer's own label or annotation.
    DeployerMark,
    /// The same label or annotation stands on everything that the deployer applied.
    CommonMark,
    /// A request to a controller, which `flux reconcile` and its like write as an annotation.
    Request,
    /// Git has a variable that the deployer replaces.
    Substituted,
    /// The server or the platform fills this place.
    ServerPlace,
    /// Nobody owns the value: the server, admission or an old default put it there.
    Unowned,
    /// A mutating webhook or admission policy matches the object.
    Admission,
    /// A known controller, in a place where it writes.
    ControllerPlace,
    /// `drift.yaml` trusts the manager in this place.
    Trusted,
    /// Who writes the object's status.
    StatusWriter,
    /// A finalizer or owner reference by a writer that is neither a deployer nor a person's tool.
    Guard,
    /// An autoscaler may set this value.
    Autoscaler,
    /// Only the manager's name would explain it.
    NameOnly,
    /// Replicas that nobody owns: a scale leaves no record.
    Scaled,
    /// Live lacks it; a person's tool wrote the object last.
    RemovedBy,
    /// Live lacks it, and nothing says who removed it.
    Removed,
    /// A person's tool wrote the object through another API version.
    OtherVersion,
    /// The object is not there.
    Missing,
    /// Nothing in Git declares the object.
    Unmanaged,
    /// An older commit declared the object, and nothing pruned it.
    Leftover,
    /// An ignore rule covers it.
    Ignored,
}

impl Rule {
    /// Its name in reports, `person-owns`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.texts().0
    }

    /// Why it decides as it does, in one sentence.
    #[must_use]
    pub fn reason(self) -> &'static str {
        self.texts().1
    }

    /// What would change the verdict, in one sentence.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        self.texts().2
    }

    fn texts(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::NoRecord => (
                "no-record",
                "managedFields does not record who wrote it",
                "an audit log would show it; apply the object again to bring live back to Git",
            ),
            Self::PersonOwns => (
                "person-owns",
                "a tool that people use owns this field",
                "take the value into Git, apply Git again, or add an ignore rule with a reason",
            ),
            Self::UnknownOwns => (
                "unknown-owns",
                "the field's owner is not a known manager",
                "if it is a controller, name it under `managers` in drift.yaml, with its fields and a reason",
            ),
            Self::Returned => (
                "returned",
                "live has an older commit's value, and a newer commit had been applied before",
                "apply the newest commit again, or revert it in Git",
            ),
            Self::NotApplied => (
                "not-applied",
                "live has an older commit's value, and the applier has not written since the newer commit",
                "apply the newest commit; after `unsynced-after` this is drift",
            ),
            Self::AppliedLate => (
                "applied-late",
                "live has an older commit's value, written within `unsynced-after` of the newer commit, as a late pipeline does",
                "apply the newest commit; after `unsynced-after` this is drift",
            ),
            Self::ApplierOwns => (
                "applier-owns",
                "the applier owns the field, and no commit declared this value",
                "apply Git again, or take the value into Git",
            ),
            Self::ApplierDefault => (
                "applier-default",
                "the applier owns the field without having declared it: the server filled it in when the object was applied",
                "declare the field in Git to have it compared",
            ),
            Self::Dropped => (
                "dropped",
                "the applier's entry still owns the field, so the server dropped it; a person's removal would have taken it out of the entry",
                "the field may need a feature gate or a newer server; take it out of Git if it has no effect",
            ),
            Self::DeployerMark => (
                "deployer-mark",
                "only a deployer owns this label or annotation, and its key is one of that deployer's own",
                "another owner of the key, or another key",
            ),
            Self::Request => (
                "request",
                "the annotation asks a controller for a run, whoever writes it, and says nothing of the state",
                "another annotation",
            ),
            Self::CommonMark => (
                "common-mark",
                "only the deployer owns this key, it stands on every object that it applied, and no commit declared it",
                "an object of the same deployer without the key",
            ),
            Self::Substituted => (
                "substituted",
                "Git has a variable here, and live is what the deployer may have replaced it by",
                "a live value that the text in Git cannot become, or another owner",
            ),
            Self::ServerPlace => (
                "server-place",
                "the server or the platform fills this field where Git does not declare it",
                "an owner that is neither the server nor a known controller, or a value in Git",
            ),
            Self::Unowned => (
                "unowned",
                "nobody owns the field in an object whose writers are tracked: the server, admission or an old default put it there",
                "declare the field in Git to have it compared",
            ),
            Self::Admission => (
                "admission",
                "a mutating webhook or admission policy matches the object, and nobody but the applier owns the field",
                "another owner of the field, or no webhook or policy that matches",
            ),
            Self::ControllerPlace => (
                "controller-place",
                "a known controller owns the field, and it is one that this controller writes",
                "another owner, or a field that this controller does not write",
            ),
            Self::Trusted => (
                "trusted",
                "drift.yaml trusts this manager here",
                "take the manager or the field out of `managers` in drift.yaml",
            ),
            Self::StatusWriter => (
                "status-writer",
                "the manager writes the status of this object, so it is a controller of the kind",
                "a field such as an image, a command or a rule, where no name is believed",
            ),
            Self::Guard => (
                "guard",
                "a finalizer or owner reference by a writer that is neither a deployer nor a person's tool",
                "a person's tool as its owner",
            ),
            Self::Autoscaler => (
                "autoscaler",
                "an autoscaler targets the object, and its range holds the value",
                "a value outside the range",
            ),
            Self::NameOnly => (
                "name-only",
                "only the manager's name would explain it, and whoever may write the object chooses that name",
                "trust the manager for this field under `managers` in drift.yaml, with a reason",
            ),
            Self::Scaled => (
                "scaled",
                "nobody owns the replicas; only `kubectl scale` leaves no record",
                "an audit log would show it; declare replicas in Git, or apply it again",
            ),
            Self::RemovedBy => (
                "removed-by",
                "a removed field leaves no owner; this tool, which people use, wrote the object last",
                "apply Git again, or take the field out of Git",
            ),
            Self::Removed => (
                "removed",
                "a removed field leaves no owner, and the last to write the object was no tool that people use",
                "apply Git again, or take the field out of Git",
            ),
            Self::OtherVersion => (
                "other-version",
                "the field was written through another API version, where it may have another name",
                "apply Git again, or take the value into Git",
            ),
            Self::Missing => (
                "missing",
                "Git declares the object, it was applied since, and nothing records who deleted it",
                "apply Git again, or take the object out of Git",
            ),
            Self::Unmanaged => (
                "unmanaged",
                "nothing in Git declares the object, and no live owner, release or application has it",
                "declare it in Git, delete it, or add an ignore rule with a reason",
            ),
            Self::Leftover => (
                "leftover",
                "an older commit declared the object, and nothing pruned it",
                "delete it; after `unsynced-after` this is drift",
            ),
            Self::Ignored => ("ignored", "an ignore rule covers it", "change the rule in drift.yaml"),
        }
    }
}
