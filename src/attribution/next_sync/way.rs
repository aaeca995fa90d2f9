//! Who applies an object, and how: from its own records, and the options that Git and the object carry.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

use crate::attribution::last_applied::ANNOTATION;
use crate::attribution::managers::Managers;
use crate::attribution::owners::{ManagedFieldsEntry, Owners};
use crate::attribution::write_place::matches_text;
use crate::model::{Applier, FieldPath, Manager, ManagerClass, SyncEvidence, SyncWay};

/// Whose options count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Tool {
    Flux,
    ArgoCd,
    Helm,
    Kubectl,
}

/// A row of the table: its head says what is what.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    tool: Tool,
    #[serde(default)]
    force: bool,
    #[serde(default)]
    takes: Vec<String>,
    #[serde(default)]
    prunes: bool,
    #[serde(rename = "source")]
    _source: String,
}

static TABLE: LazyLock<Vec<Row>> = LazyLock::new(|| {
    serde_yaml::from_str(include_str!("appliers.yaml")).expect("the embedded table is valid; a test reads it")
});

/// How an object is applied, and what of its records is the applier's.
pub(super) struct Way {
    pub(super) applier: Applier,
    /// Indexes of the entries that are the applier's, those that it takes over among them.
    pub(super) own: BTreeSet<usize>,
    /// Those that it takes over.
    pub(super) taken: BTreeSet<usize>,
    /// What was applied last, as the object itself has it.
    pub(super) last_applied: Option<Value>,
    /// Whether an object that cannot be changed is made anew.
    pub(super) recreates: bool,
}

/// What applied an object, by name and operation: what is told of an object without looking at its fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsualApplier<'a> {
    /// The manager string.
    pub manager: &'a str,
    /// Whether its entry is of server-side apply.
    pub by_apply: bool,
    /// Whether it is a deployer, which applies from Git by itself.
    pub is_deployer: bool,
}

impl<'a> UsualApplier<'a> {
    /// The applier of an object with these writers: a deployer before others, then the latest.
    #[must_use]
    pub fn of(writers: &'a Owners, managers: &Managers) -> Option<Self> {
        let applies = writers.entries().iter().filter(|entry| {
            managers.for_entry(entry).applier && !is_copy(entry) && entry.manager.subresource.is_empty()
        });
        let is_deployer =
            |entry: &&ManagedFieldsEntry| managers.for_entry(entry).class == ManagerClass::Gitops;
        applies.max_by_key(|entry| (is_deployer(entry), entry.seconds())).map(|entry| Self {
            manager: &entry.manager.name,
            by_apply: entry.manager.operation == "Apply",
            is_deployer: is_deployer(&entry),
        })
    }
}

impl Way {
    /// Of an object with these records. `usual` applies an object that lost the record of its deployer: a person made it
    /// anew, or took over every field that it declares.
    pub(super) fn of(
        desired: &Value,
        live: &Value,
        owners: &Owners,
        (managers, usual): (&Managers, Option<UsualApplier<'_>>),
    ) -> Self {
        let found = find_applier(desired, owners, managers);
        let own = found.map(|at| {
            let entry = &owners.entries()[at];
            UsualApplier {
                manager: &entry.manager.name,
                by_apply: entry.manager.operation == "Apply",
                is_deployer: managers.for_entry(entry).class == ManagerClass::Gitops,
            }
        });
        let is_lost = |usual: &UsualApplier<'_>| match own {
            Some(own) => usual.is_deployer && !own.is_deployer,
            None => true,
        };
        let usual = usual.filter(is_lost);
        let known = usual.or(own);
        let row = known.and_then(|known| row(known.manager));
        let last_applied = annotation(live, ANNOTATION).and_then(|text| serde_json::from_str(text).ok());
        let way = way_of(known, row);
        let evidence = match known {
            Some(_) if usual.is_some() => SyncEvidence::OtherObjects,
            Some(_) if way != SyncWay::ClientSide => SyncEvidence::ManagedFields,
            _ if last_applied.is_some() => SyncEvidence::LastApplied,
            _ => SyncEvidence::Assumed,
        };
        let manager = known.map(|known| known.manager.to_owned());
        let applier = Applier { way, manager, evidence, option: None };
        let known = found.filter(|_| usual.is_none()).map(|at| &owners.entries()[at].manager);
        let mut way = Self {
            own: own_entries(known, owners),
            taken: BTreeSet::new(),
            applier,
            last_applied,
            recreates: false,
        };
        let keeps_takeover = match row.map(|row| row.tool) {
            Some(Tool::Flux) => way.read_flux_options(desired, live),
            Some(Tool::ArgoCd) => way.read_argocd_options(desired),
            _ => true,
        };
        if let Some(row) = row.filter(|_| keeps_takeover) {
            way.taken = taken_entries(row, owners);
            way.own.extend(&way.taken);
        }
        way
    }

    /// Gives whether it takes over what others wrote.
    fn read_flux_options(&mut self, desired: &Value, live: &Value) -> bool {
        if let Some(option) = flux_exclusion(desired).or_else(|| flux_exclusion(live)) {
            self.choose(SyncWay::Skipped, option);
        } else if has(desired, FLUX_SSA, "IfNotPresent") {
            self.choose(SyncWay::Skipped, "kustomize.toolkit.fluxcd.io/ssa: IfNotPresent");
        }
        self.recreates = has(desired, "kustomize.toolkit.fluxcd.io/force", "enabled");
        let merges = has(desired, FLUX_SSA, "Merge");
        if merges {
            self.applier.option = Some("kustomize.toolkit.fluxcd.io/ssa: Merge");
        }
        !merges
    }

    fn read_argocd_options(&mut self, desired: &Value) -> bool {
        let options = annotation(desired, "argocd.argoproj.io/sync-options").unwrap_or_default();
        let is_set = |name: &str| options.split(',').any(|option| option.trim() == name);
        if is_set("Replace=true") {
            self.choose(SyncWay::Replace, "argocd.argoproj.io/sync-options: Replace=true");
        } else if is_set("ServerSideApply=true") {
            self.choose(SyncWay::ServerSideForced, "argocd.argoproj.io/sync-options: ServerSideApply=true");
        } else if is_set("ServerSideApply=false") {
            self.choose(SyncWay::ClientSide, "argocd.argoproj.io/sync-options: ServerSideApply=false");
        }
        self.recreates = is_set("Force=true");
        true
    }

    fn choose(&mut self, way: SyncWay, option: &'static str) {
        self.applier.way = way;
        self.applier.evidence = SyncEvidence::Option;
        self.applier.option = Some(option);
    }
}

const FLUX_SSA: &str = "kustomize.toolkit.fluxcd.io/ssa";

/// The option by which Flux leaves an object alone, whether it is there or not.
pub(super) fn flux_exclusion(object: &Value) -> Option<&'static str> {
    if has(object, "kustomize.toolkit.fluxcd.io/reconcile", "disabled") {
        Some("kustomize.toolkit.fluxcd.io/reconcile: disabled")
    } else if has(object, FLUX_SSA, "Ignore") {
        Some("kustomize.toolkit.fluxcd.io/ssa: Ignore")
    } else {
        None
    }
}

/// Whether a label or an annotation has this value in any case of letters, as Flux looks (`AnyInMetadata`).
fn has(object: &Value, key: &str, value: &str) -> bool {
    let label = object.pointer("/metadata/labels").and_then(|labels| labels.get(key)?.as_str());
    [annotation(object, key), label].into_iter().flatten().any(|found| found.eq_ignore_ascii_case(value))
}

fn annotation<'v>(object: &'v Value, key: &str) -> Option<&'v str> {
    object.pointer("/metadata/annotations")?.get(key)?.as_str()
}

/// Whether this applier deletes what Git declares no longer, unless it is told not to.
pub(super) fn prunes(manager: &str) -> bool {
    row(manager).is_some_and(|row| row.prunes)
}

fn way_of(known: Option<UsualApplier<'_>>, row: Option<&Row>) -> SyncWay {
    let force = row.map_or(known.is_some_and(|known| known.is_deployer), |row| row.force);
    match known {
        Some(known) if known.by_apply && force => SyncWay::ServerSideForced,
        Some(known) if known.by_apply => SyncWay::ServerSide,
        Some(_) if row.is_some_and(|row| row.tool == Tool::Helm) => SyncWay::Release,
        _ => SyncWay::ClientSide,
    }
}

/// `kubectl apply --server-side` keeps the last-applied copy under an entry of its own.
fn is_copy(entry: &ManagedFieldsEntry) -> bool {
    entry.manager.name == "kubectl-last-applied"
}

fn row(manager: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| matches_text(&row.name, manager))
}

/// The entry of who applies the object: a deployer before others, then who wrote most of what Git declares, then the latest.
fn find_applier(desired: &Value, owners: &Owners, managers: &Managers) -> Option<usize> {
    let rank = |at: usize| {
        let entry = &owners.entries()[at];
        let known = managers.for_entry(entry);
        let applies = known.applier || (entry.manager.operation == "Apply" && known.is_unknown());
        if !applies || is_copy(entry) || !entry.manager.subresource.is_empty() {
            return None;
        }
        let declared = entry.leaves().iter().filter(|path| path.find(desired).is_some()).count();
        let by_apply = entry.manager.operation == "Apply";
        Some((known.class == ManagerClass::Gitops, declared, by_apply, entry.seconds()))
    };
    (0..owners.entries().len()).filter_map(|at| Some((rank(at)?, at))).max().map(|(_, at)| at)
}

fn own_entries(applier: Option<&Manager>, owners: &Owners) -> BTreeSet<usize> {
    let is_own = |entry: &ManagedFieldsEntry| {
        applier.is_some_and(|applier| {
            entry.manager.name == applier.name
                && entry.manager.operation == applier.operation
                && entry.manager.subresource == applier.subresource
        })
    };
    let entries = owners.entries().iter().enumerate();
    entries.filter(|(_, entry)| is_own(entry)).map(|(at, _)| at).collect()
}

fn taken_entries(row: &Row, owners: &Owners) -> BTreeSet<usize> {
    let keepers = owners.indexes_at(&FieldPath::from_fields(["metadata", "annotations", ANNOTATION]));
    let takes = |(at, entry): &(usize, &ManagedFieldsEntry)| {
        let (update, plain) = (entry.manager.operation == "Update", entry.manager.subresource.is_empty());
        let by_name = |name: &String| match name.as_str() {
            "last-applied" => update && keepers.contains(at),
            // Of a name without a `*` it is the entry of updates, as before server-side apply.
            name => matches_text(name, &entry.manager.name) && (update || name.ends_with('*')),
        };
        plain && row.takes.iter().any(by_name)
    };
    owners.entries().iter().enumerate().filter(takes).map(|(at, _)| at).collect()
}
