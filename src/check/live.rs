//! Streams live objects page by page through the comparison.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::stream::{self, StreamExt};
use serde_json::Value;
use tokio::runtime::{Handle, RuntimeFlavor};

use super::comparison::{
    Comparison, ComparisonOutcome, DifferingObject, FEW_NAMESPACES, PARALLEL, group_version_kind,
};
use super::missing::describe_deletion;
use super::unavailable_values::{fill_masked_secret, fill_sops_encrypted, is_encrypted};
use super::unmanaged::{KindFilter, NamespaceScopes};
use crate::attribution::{Evidence, Owners, UsualApplier, all_server_set, attribute, unmanaged_candidate};
use crate::cluster::{Item, ManagersSeed, Projection, ReadError, ReadErrorKind};
use crate::diff::unknown_fields;
use crate::model::{
    ApiResource, Cause, Change, Desired, Incomplete, ManagerClass, PathElement, ResourceId, Rule, is_secret,
    join_api_version,
};
use crate::threads;

/// At most so many objects of a cluster-scoped kind are read one by one.
const FEW_OBJECTS: usize = 4;

/// One kind at one version, and where its desired objects are.
struct Reading<'a> {
    kind: &'a ApiResource,
    /// Whether a CustomResourceDefinition defines it.
    custom: bool,
    /// Indexes of the desired objects, by namespace and name.
    wanted: HashMap<(Option<&'a str>, &'a str), usize>,
}

/// One thing to be read.
enum Work<'w, 'a> {
    /// A kind that Git declares objects of.
    Declared(&'w Reading<'a>),
    /// A kind without declared objects, and the namespaces to search for unmanaged ones.
    Unmanaged(&'w ApiResource, &'w NamespaceScopes<'w>),
}

fn not_served(id: &ResourceId) -> Incomplete {
    let why = format!("{} {} is not served by the cluster", id.api_version(), id.kind);
    Incomplete { what: id.to_string(), why }
}

/// How many lists each thread reads at a time.
fn lists_per_thread() -> Vec<usize> {
    let threads = threads::thread_count().min(PARALLEL);
    (0..threads).map(|at| PARALLEL / threads + usize::from(at < PARALLEL % threads)).collect()
}

impl<'a> Comparison<'a> {
    /// Lists and compares every kind that Git declares, then finds unmanaged objects.
    pub(super) async fn run(&self) -> ComparisonOutcome {
        let mut compared = ComparisonOutcome::default();
        let mut readings = self.readings(&mut compared);
        let namespaces: BTreeSet<&str> =
            self.desired.iter().filter_map(|object| object.id.namespace.as_deref()).collect();
        // The longest lists first, and of custom kinds before others, on which a server spends most: the short ones fill
        // what is left.
        readings.sort_by_key(|reading| (Reverse(reading.wanted.len()), !reading.custom));
        let strange = self.unlisted_kinds(&namespaces, &compared.listed, KindFilter::OtherKinds);
        let strange = strange.iter().map(|(kind, scopes)| Work::Unmanaged(kind, scopes));
        let work: Vec<Work<'_, 'a>> = readings.iter().map(Work::Declared).chain(strange).collect();
        let next = AtomicUsize::new(0);
        let take = || work.get(next.fetch_add(1, Ordering::Relaxed));
        let runtime = Handle::current();
        let alone = runtime.runtime_flavor() == RuntimeFlavor::CurrentThread;
        match lists_per_thread()[..] {
            // The only thread that there is, or the only one that moves the network.
            ref shares if alone || shares.len() == 1 => {
                compared.merge(self.drive(take, PARALLEL, &namespaces).await);
            }
            ref shares => {
                // A thread that compares keeps nobody but its own lists waiting.
                let drive = |share: &usize| runtime.block_on(self.drive(take, *share, &namespaces));
                // The runtime moves the network by another thread meanwhile, however deep this is called.
                let parts = tokio::task::block_in_place(|| threads::map_on_own_threads(shares, drive));
                parts.into_iter().for_each(|part| compared.merge(part));
            }
        }
        self.list_unmanaged(&namespaces, &mut compared).await;
        compared
    }

    /// Takes work until there is none, so many lists at a time.
    async fn drive<'w>(
        &self,
        take: impl FnMut() -> Option<&'w Work<'w, 'a>>,
        at_once: usize,
        namespaces: &BTreeSet<&str>,
    ) -> ComparisonOutcome
    where
        'a: 'w,
    {
        let parts = stream::iter(std::iter::from_fn(take)).map(|work| async move {
            match work {
                Work::Declared(reading) => self.read(reading, namespaces).await,
                Work::Unmanaged(kind, scopes) => self.list_unmanaged_of_kind(kind, scopes, namespaces).await,
            }
        });
        let merged =
            parts.buffer_unordered(at_once).fold(ComparisonOutcome::default(), |mut compared, part| async {
                compared.merge(part);
                compared
            });
        // The first pages are asked for before the schemas are read.
        futures::join!(merged, self.schemas.load()).0
    }

    fn readings(&self, compared: &mut ComparisonOutcome) -> Vec<Reading<'a>> {
        let mut readings: BTreeMap<(&str, &str, &str), Reading<'a>> = BTreeMap::new();
        let served = self.cluster.api_resources().index();
        let mut index = 0;
        for objects in
            self.desired.chunk_by(|left, right| group_version_kind(left) == group_version_kind(right))
        {
            let indexes = index..index + objects.len();
            index += objects.len();
            let key = group_version_kind(&objects[0]);
            let Some(kind) = served.kind(key.0, key.1, key.2) else {
                compared.incomplete.extend(objects.iter().map(|object| not_served(&object.id)));
                continue;
            };
            let reading = readings.entry(key).or_insert_with(|| Reading {
                kind,
                custom: !objects[0].id.is_built_in(),
                wanted: HashMap::new(),
            });
            let names =
                objects.iter().map(|object| (object.id.namespace.as_deref(), object.id.name.as_str()));
            reading.wanted.extend(names.zip(indexes));
        }
        readings.into_values().collect()
    }

    async fn read(&self, reading: &Reading<'a>, namespaces: &BTreeSet<&str>) -> ComparisonOutcome {
        if !reading.kind.namespaced && reading.wanted.len() <= FEW_OBJECTS {
            return self.get_each(reading).await;
        }
        let mut scopes: BTreeSet<Option<&str>> =
            reading.wanted.keys().map(|(namespace, _)| *namespace).collect();
        let few = scopes.len() <= FEW_NAMESPACES;
        if reading.kind.namespaced && !few {
            let whole = self.list_scopes(reading, &BTreeSet::from([None]), namespaces).await;
            match whole {
                // Perhaps the namespaces can be read one by one.
                Err(unread) if unread.kind == ReadErrorKind::Forbidden => {}
                Err(unread) => return ComparisonOutcome::unread(unread),
                Ok(compared) => return compared,
            }
        }
        if !reading.kind.namespaced {
            scopes = BTreeSet::from([None]);
        }
        let mut compared = ComparisonOutcome::default();
        for scope in scopes {
            match self.list_scopes(reading, &BTreeSet::from([scope]), namespaces).await {
                Ok(part) => compared.merge(part),
                Err(unread) => compared.merge(ComparisonOutcome::unread(unread)),
            }
        }
        compared
    }

    async fn get_each(&self, reading: &Reading<'a>) -> ComparisonOutcome {
        let mut compared = ComparisonOutcome::default();
        self.schemas.load().await;
        for ((namespace, name), index) in &reading.wanted {
            match self.cluster.get(reading.kind, *namespace, name).await {
                Ok(Some(live)) => {
                    let owned = live["metadata"]["managedFields"].to_string();
                    self.compare_object(*index, live, &owned, &mut compared);
                }
                Ok(None) => self.record_missing(*index, None, &mut compared),
                Err(unread) => compared.incomplete.push(unread.into()),
            }
        }
        compared
    }

    /// Lists the kind in these scopes; an error leaves the objects of the scope neither clean nor missing.
    async fn list_scopes(
        &self,
        reading: &Reading<'a>,
        scopes: &BTreeSet<Option<&str>>,
        namespaces: &BTreeSet<&str>,
    ) -> Result<ComparisonOutcome, ReadError> {
        let mut compared = ComparisonOutcome::default();
        for scope in scopes {
            let mut pages = self.cluster.list(reading.kind, *scope, Projection::Objects);
            while let Some(page) = pages.next().await {
                let page = page?;
                self.schemas.load().await;
                self.compare_items(reading, &page, namespaces, &mut compared);
            }
            let kind = reading.kind;
            compared.listed.insert((kind.group.clone(), kind.kind.clone(), scope.map(str::to_owned)));
            let expected =
                reading.wanted.iter().filter(|((namespace, _), _)| scope.is_none() || namespace == scope);
            for (_, index) in expected {
                if !compared.is_accounted_for(*index) {
                    self.record_missing(*index, None, &mut compared);
                }
            }
        }
        Ok(compared)
    }

    /// Compares items of a list; one that cannot be read is reported and does not affect the others.
    fn compare_items(
        &self,
        reading: &Reading<'a>,
        items: &[Item],
        namespaces: &BTreeSet<&str>,
        compared: &mut ComparisonOutcome,
    ) {
        self.record_owners(items, namespaces);
        for item in items {
            match reading.wanted.get(&(item.namespace(), item.name())) {
                Some(index) if self.record_if_equal(*index, item, compared) => {}
                Some(index) => match item.parse() {
                    Ok(live) => self.compare_object(*index, live, item.text(), compared),
                    Err(unread) => {
                        compared.incomplete.push(unread.into());
                        compared.unread.insert(*index);
                    }
                },
                None if self.is_declared(&item.id()) => {}
                None => self.check_unmanaged(item, namespaces, compared),
            }
        }
    }

    /// Records an object that equals its manifest and needs no further checks.
    fn record_if_equal(&self, index: usize, item: &Item, compared: &mut ComparisonOutcome) -> bool {
        let desired = &self.desired[index];
        let veiled = is_secret(&desired.id) && !self.secret_values;
        if self.keep_live || veiled {
            return false;
        }
        let schema = self.schemas.get().for_version(&desired.id.group, &desired.id.version);
        let Some(same) = crate::diff::fast_equal(desired, item.text(), schema, ManagersSeed) else {
            return false;
        };
        let writers = same.managed.map(Owners::from).unwrap_or_default();
        let left_out = all_server_set(&same.differences, &writers, self.managers, item.text());
        if !left_out || (self.keep_hidden && !same.differences.is_empty()) {
            return false;
        }
        *compared.rules.entry(Rule::ServerPlace).or_default() += same.differences.len();
        self.note_writers(index, &writers, compared);
        compared.in_sync.insert(index);
        true
    }

    /// Notes when the object was applied, by which deployers, and whether it was written at other versions.
    fn note_writers(&self, index: usize, writers: &Owners, compared: &mut ComparisonOutcome) {
        let desired = &self.desired[index];
        if let Some(at) = self.applied_at(writers) {
            compared.applied(&desired.origin.source, at);
        }
        let mut deployers = BTreeSet::new();
        for entry in writers.entries() {
            let known = self.managers.for_entry(entry);
            if known.class == ManagerClass::Gitops && known.applier {
                deployers.insert(entry.manager.name.as_str());
            }
            let by_hand = known.class == ManagerClass::Human || known.is_unknown();
            let version = &entry.manager.api_version;
            let other = || !version.is_empty() && *version != desired.id.api_version();
            if by_hand && entry.manager.subresource.is_empty() && other() {
                compared.other_versions.entry(index).or_default().insert(version.clone());
            }
        }
        deployers.into_iter().for_each(|name| match compared.deployed.get_mut(name) {
            Some(objects) => *objects += 1,
            None => drop(compared.deployed.insert(name.to_owned(), 1)),
        });
        if let Some(applier) = UsualApplier::of(writers, self.managers) {
            let of = usize::from(applier.by_apply);
            match compared.appliers.get_mut(applier.manager) {
                Some(numbers) => numbers[of] += 1,
                None => compared.appliers.entry(applier.manager.to_owned()).or_default()[of] = 1,
            }
        }
        if writers.entries().is_empty() {
            self.note_untracked(index, compared);
        }
    }

    /// An object that keeps no record of its writers is read at every version: the server forgets the record of a custom
    /// resource when a field is written that another version lacks.
    fn note_untracked(&self, index: usize, compared: &mut ComparisonOutcome) {
        let id = &self.desired[index].id;
        if id.is_built_in() {
            return;
        }
        let of_kind = |kind: &&ApiResource| kind.group == id.group && kind.kind == id.kind;
        let served = self.cluster.api_resources().kinds.iter().filter(of_kind);
        let others = served.filter(|kind| kind.version != id.version);
        let others: BTreeSet<String> =
            others.map(|kind| join_api_version(&kind.group, &kind.version)).collect();
        if !others.is_empty() {
            compared.other_versions.entry(index).or_default().extend(others);
        }
    }

    /// Compares one live object with its manifest. The object's text shows which fields its managers own.
    fn compare_object(&self, index: usize, mut live: Value, text: &str, compared: &mut ComparisonOutcome) {
        let desired = &self.desired[index];
        if live.pointer("/metadata/deletionTimestamp").is_some_and(|time| !time.is_null()) {
            self.record_missing(index, Some(describe_deletion(&live)), compared);
            return;
        }
        if self.fill_unavailable_values(desired, &mut live) {
            compared.keys_only.insert(index);
        }
        if self.keep_live {
            compared.live_objects.insert(index, live.clone());
        }
        if is_encrypted(&desired.value) {
            let why = "its values are encrypted in Git (SOPS), so they were not compared".to_owned();
            compared.incomplete.push(Incomplete { what: format!("values of {}", desired.id), why });
        }
        let writers = Owners::writers_only(&live);
        self.note_writers(index, &writers, compared);
        let schema = self.schemas.get().for_version(&desired.id.group, &desired.id.version);
        let differences = crate::diff::compare(desired, &live, schema);
        let mistaken = unknown_fields(desired, schema);
        if !mistaken.is_empty() {
            compared.unknown_fields.insert(index, mistaken);
        }
        if !self.keep_hidden && all_server_set(&differences, &writers, self.managers, text) {
            *compared.rules.entry(Rule::ServerPlace).or_default() += differences.len();
            compared.in_sync.insert(index);
            return;
        }
        let evidence = Evidence::from_object(desired, &live, schema, self.managers);
        let changes = attribute(differences.clone(), &evidence);
        self.note_marks(&changes, compared);
        self.record_differing(index, DifferingObject { live, differences, changes }, compared);
    }

    /// Keeps an object that differs; one whose differences are the server's and the deployer's own is in sync.
    fn record_differing(&self, index: usize, object: DifferingObject, compared: &mut ComparisonOutcome) {
        let changes = &object.changes;
        // The server's own answer is compared with what the deployer and the server are believed to have done.
        let asked = self.keep_live;
        let settled = |change: &Change| match change.verdict.cause {
            Cause::Server => !asked || change.verdict.rule != Rule::Dropped,
            Cause::Deployer => !asked,
            _ => false,
        };
        if changes.is_empty() || (!self.keep_hidden && changes.iter().all(settled)) {
            for change in changes {
                *compared.rules.entry(change.verdict.rule).or_default() += 1;
                if change.verdict.rule != Rule::ServerPlace {
                    *compared.hidden.entry(change.verdict.cause).or_default() += 1;
                }
            }
            compared.in_sync.insert(index);
        } else {
            compared.differing.insert(index, object);
        }
    }

    /// Notes labels and annotations that a deployer alone owns, and that Git does not declare.
    fn note_marks(&self, changes: &[Change], compared: &mut ComparisonOutcome) {
        for change in changes.iter().filter(|change| change.verdict.rule == Rule::ApplierOwns) {
            let of_metadata = matches!(change.difference.path.elements(), [PathElement::Field(metadata), PathElement::Field(map), PathElement::Field(_)]
                if metadata == "metadata" && (map == "labels" || map == "annotations"));
            if let (true, Some(manager)) = (of_metadata, &change.verdict.manager) {
                let mark = (manager.name.clone(), change.difference.path.to_string());
                *compared.deployer_marks.entry(mark).or_default() += 1;
            }
        }
    }

    /// Fills in the values that one side does not have; returns whether there are any.
    fn fill_unavailable_values(&self, desired: &Desired, live: &mut Value) -> bool {
        if is_encrypted(&desired.value) {
            fill_sops_encrypted(&desired.value, live);
            return true;
        }
        is_secret(&desired.id) && !self.secret_values && fill_masked_secret(&desired.value, live) > 0
    }

    /// When an applier last wrote the object.
    fn applied_at(&self, writers: &Owners) -> Option<i64> {
        let appliers = writers.entries().iter().filter(|entry| self.managers.for_entry(entry).applier);
        appliers.filter_map(crate::attribution::ManagedFieldsEntry::seconds).max()
    }

    /// Records a desired object that is missing or being deleted. A Job that removes itself
    /// when it has finished is not missed, nor is a hook.
    fn record_missing(&self, index: usize, known: Option<String>, compared: &mut ComparisonOutcome) {
        let desired = &self.desired[index];
        let finished = || {
            let seconds = desired.value.pointer("/spec/ttlSecondsAfterFinished");
            seconds.is_some_and(|seconds| !seconds.is_null())
        };
        if desired.optional.is_some() {
            compared.in_sync.insert(index);
            compared.optional_absent.insert(index);
        } else if desired.id.group == "batch" && desired.id.kind == "Job" && finished() {
            compared.in_sync.insert(index);
        } else {
            compared.missing.insert(index, known);
        }
    }

    /// Checks an object that Git does not declare.
    pub(super) fn check_unmanaged(
        &self,
        item: &Item,
        namespaces: &BTreeSet<&str>,
        compared: &mut ComparisonOutcome,
    ) {
        let managed = item.namespace().is_some_and(|namespace| namespaces.contains(namespace));
        if !self.find_unmanaged || !managed {
            return;
        }
        let id = item.id();
        match item.parse() {
            Ok(live) if self.hooks.matches_live(&id, &live) => {}
            Ok(live) => {
                let candidate = unmanaged_candidate(id, &live, self.managers);
                // Most of what is there was made for something that has been seen by now.
                compared.unmanaged.extend(candidate.filter(|candidate| !self.owners.has_owner(candidate)));
            }
            Err(unread) => compared.not_examined.push(unread.into()),
        }
    }

    /// Whether Git declares the object, perhaps at another version, or declares it and it is left out.
    pub(super) fn is_declared(&self, id: &ResourceId) -> bool {
        let is_desired = self.desired.binary_search_by(|object| object.id.cmp_key(id)).is_ok();
        is_desired || (!self.skipped.is_empty() && self.skipped.contains(&id.key()))
    }
}
