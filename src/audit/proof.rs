//! Verifies an incident's end from the files of a commit; each resolution has its own condition.

use crate::model::ObjectKey;
use serde_json::Value;

use super::AuditError;

use crate::attribution::IgnoreRules;
use crate::checkout::{is_below, parse_config};
use crate::config::{CONFIG_FILE, Config};
use crate::git::{CommitId, Repository, trailers};
use crate::incident::{Incident, RecordedFinding, matches_live};
use crate::model::{FieldPath, ManagerClass, NotProvenReason, Proof, Resolution, ResourceId, State};

/// A commit that the ledger says ended an incident.
pub(super) struct CommitClaim<'a> {
    pub(super) repository: &'a Repository,
    pub(super) incident: &'a Incident,
    pub(super) commit: &'a CommitId,
}

/// The proof, or why there is none.
type Proven = Result<Proof, NotProvenReason>;

/// What a commit declares of a recorded object.
enum Declares {
    Object(Value),
    Nothing,
    /// Not known: a tool renders it, or its files are gone.
    Unknown,
}

/// Files that mark a folder as rendered by a tool.
const RENDERER_FILES: [&str; 4] = ["kustomization.yaml", "kustomization.yml", "Kustomization", "Chart.yaml"];

/// Most files of a source in which an object is looked for.
const MOST_FILES: usize = 2_000;

impl CommitClaim<'_> {
    /// `drift.yaml` of the commit; the default if it is missing or invalid.
    fn config(&self) -> Result<Config, AuditError> {
        let bytes = self.repository.read(self.commit, CONFIG_FILE)?;
        Ok(bytes.and_then(|bytes| parse_config(bytes).ok()).unwrap_or_default())
    }

    /// The proof, or why there is none.
    pub(super) fn prove(&self, how: Resolution) -> Result<Proven, AuditError> {
        Ok(match how {
            Resolution::Adopted => self.prove_adopted()?,
            Resolution::Reverted => self.prove_reverted()?,
            Resolution::Accepted => self.prove_accepted()?,
        })
    }

    /// Adopted: the commit came after the values had been recorded, and declares some of the recorded live values.
    fn prove_adopted(&self) -> Result<Proven, AuditError> {
        let recorded_on = self.recorded_base_commit();
        if let Some(recorded_on) = &recorded_on
            && self.repository.is_ancestor(self.commit, recorded_on)?
        {
            return Ok(Err(NotProvenReason::OlderThanIncident));
        }
        let mut told = Vec::new();
        for record in self.incident.latest_record() {
            told.push(came_to_live(record, &self.declares(record)?));
        }
        if told.contains(&Some(true)) {
            return Ok(Ok(Proof::Content));
        }
        if !told.contains(&None) {
            return Ok(Err(NotProvenReason::LiveNotDeclared));
        }
        let named = trailers(&self.repository.message(self.commit)?);
        if named.iter().any(|(key, value)| key == "Drift-Incident" && *value == self.incident.id) {
            return Ok(Ok(Proof::Trailer));
        }
        let changed = match &recorded_on {
            Some(recorded_on) => self.source_at(self.commit)? != self.source_at(recorded_on)?,
            None => false,
        };
        Ok(if changed { Ok(Proof::Ancestry) } else { Err(NotProvenReason::SourceUnchanged) })
    }

    /// Reverted: the commit is no older than the incident, declares every object, and none of the recorded live values.
    fn prove_reverted(&self) -> Result<Proven, AuditError> {
        // Either Git went on after the values had been recorded, or its head was what live equals again.
        if let Some(recorded_on) = self.recorded_base_commit()
            && *self.commit != recorded_on
            && self.repository.is_ancestor(self.commit, &recorded_on)?
        {
            return Ok(Err(NotProvenReason::OlderThanIncident));
        }
        let mut proof = Proof::Content;
        for record in self.incident.latest_record() {
            let declares = self.declares(record)?;
            if matches!((&declares, record.state), (Declares::Nothing, State::Modified | State::Missing)) {
                return Ok(Err(NotProvenReason::ObjectNotDeclared(record.resource.clone())));
            }
            match came_to_live(record, &declares) {
                Some(true) => return Ok(Err(NotProvenReason::LiveDeclared)),
                Some(false) => {}
                None => proof = Proof::Ancestry,
            }
        }
        if proof == Proof::Ancestry && self.source_at(self.commit)?.is_none() {
            return Ok(Err(NotProvenReason::NoSource));
        }
        Ok(Ok(proof))
    }

    /// Accepted: an ignore rule of the commit's `drift.yaml` covers a recorded change, or what the commit declares (an
    /// autoscaler, a trusted manager) accounts for it.
    fn prove_accepted(&self) -> Result<Proven, AuditError> {
        let config = self.config()?;
        // Whether a rule has expired since does not matter: it was there.
        let rules = IgnoreRules::new(&config.ignore, "");
        let covered = |record: &RecordedFinding| {
            let Some(id) = id_of(record) else { return false };
            let mut paths = record.changes.iter().filter_map(|change| FieldPath::parse(&change.path));
            rules.find_rule(&id, None).is_some()
                || paths.any(|path| rules.find_rule(&id, Some(&path)).is_some())
        };
        if self.incident.latest_record().iter().any(covered) {
            return Ok(Ok(Proof::Content));
        }
        if trusts(&config, self.incident) || self.is_scaled()? {
            return Ok(Ok(Proof::Ancestry));
        }
        Ok(Err(NotProvenReason::NotCovered))
    }

    /// Whether replicas differed, and the commit declares an autoscaler of the object.
    fn is_scaled(&self) -> Result<bool, AuditError> {
        let scaled = |record: &&RecordedFinding| {
            record.changes.iter().any(|change| change.path.ends_with(".replicas"))
        };
        for record in self.incident.latest_record().iter().filter(scaled) {
            let Some(target) = ObjectKey::parse(&record.resource) else { continue };
            let targets = |object: &Value| {
                let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
                let scales = matches!(text("/kind"), Some("HorizontalPodAutoscaler" | "ScaledObject"));
                scales && text("/spec/scaleTargetRef/name") == Some(&target.name)
            };
            if self.find(&targets)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The commit of the base branch on which the newest record of the values was made.
    fn recorded_base_commit(&self) -> Option<CommitId> {
        let newest = self.incident.events.iter().rev().find(|event| event.fingerprint.is_some())?;
        CommitId::parse(&newest.commit).ok()
    }

    /// The content of the incident's source at a commit; objects that nothing declares have none, and belong to all.
    fn source_at(&self, commit: &CommitId) -> Result<Option<String>, AuditError> {
        let path = self.incident.source.trim_start_matches("./").trim_end_matches('/');
        Ok(self.repository.tree_id(commit, if path == "." { "" } else { path })?)
    }

    fn declares(&self, record: &RecordedFinding) -> Result<Declares, AuditError> {
        let named =
            |object: &Value| ResourceId::from_object(object).is_ok_and(|id| is_named(&id, &record.resource));
        let rendered = self.is_rendered()?;
        if let Some(file) = &record.file
            && let Some(object) = self.find_in(file, &named)?
        {
            // A tool may render something else, but hardly exactly the live values.
            let is_live = || came_to_live(record, &Declares::Object(object.clone())) == Some(true);
            return Ok(if !rendered || is_live() { Declares::Object(object) } else { Declares::Unknown });
        }
        if rendered {
            return Ok(Declares::Unknown);
        }
        Ok(self.find(&named)?.map_or(Declares::Nothing, Declares::Object))
    }

    /// Whether a tool renders the incident's source, or one of all sources where the object had none.
    fn is_rendered(&self) -> Result<bool, AuditError> {
        for folder in self.folders()? {
            for name in RENDERER_FILES {
                let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
                if self.repository.tree_id(self.commit, &path)?.is_some() {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Folders or files of the sources in which the incident's objects may be declared.
    fn folders(&self) -> Result<Vec<String>, AuditError> {
        let config = self.config()?;
        let source = &self.incident.source;
        let mut paths: Vec<String> = config.sources.into_iter().map(|source| source.path).collect();
        if !source.is_empty() {
            paths.retain(|path| is_below(source, path) || is_below(path, source));
        }
        if paths.is_empty() {
            paths.push(source.clone());
        }
        let plain = |path: String| match path.trim_start_matches("./").trim_end_matches('/') {
            "." => String::new(),
            path => path.to_owned(),
        };
        Ok(paths.into_iter().map(plain).collect())
    }

    /// The first object of the commit's manifests, in the incident's source, of which `is` holds.
    fn find(&self, is: &dyn Fn(&Value) -> bool) -> Result<Option<Value>, AuditError> {
        for folder in self.folders()? {
            let files = self.repository.list(self.commit, &folder)?.into_iter().map(|entry| entry.path);
            let manifest = |path: &String| [".yaml", ".yml", ".json"].iter().any(|end| path.ends_with(end));
            for file in files.filter(manifest).take(MOST_FILES) {
                if let Some(object) = self.find_in(&file, is)? {
                    return Ok(Some(object));
                }
            }
        }
        Ok(None)
    }

    fn find_in(&self, file: &str, is: &dyn Fn(&Value) -> bool) -> Result<Option<Value>, AuditError> {
        let Some(bytes) = self.repository.read(self.commit, file)? else { return Ok(None) };
        let documents = crate::yaml::read(&bytes).into_iter().flatten().map(|document| document.to_json());
        let of_list = |document: Value| match document.get("items").and_then(Value::as_array) {
            Some(items) if document["kind"] == "List" => items.clone(),
            _ => vec![document],
        };
        Ok(documents.flat_map(of_list).find(|object| is(object)))
    }
}

/// Whether Git now declares what was live; `None` if not known.
fn came_to_live(record: &RecordedFinding, declares: &Declares) -> Option<bool> {
    let object = match (declares, record.state) {
        (Declares::Unknown, _) => return None,
        (Declares::Nothing, State::Modified | State::Missing) => return Some(true),
        (Declares::Nothing, State::Unmanaged) | (Declares::Object(_), State::Missing) => return Some(false),
        (Declares::Object(_), State::Unmanaged) => return Some(true),
        (Declares::Object(object), State::Modified) => object,
    };
    let mut told = None;
    for change in record.changes.iter().filter(|change| !change.masked) {
        let Some(path) = FieldPath::parse(&change.path) else { continue };
        let declared = path.find(object).filter(|value| !value.is_null() || change.live == Some(Value::Null));
        // Of several changes one may have been taken into Git and another undone.
        if matches_live(declared, change.live.as_ref()) {
            return Some(true);
        }
        told = Some(false);
    }
    told
}

/// Whether `drift.yaml` trusts a manager with some recorded place.
fn trusts(config: &Config, incident: &Incident) -> bool {
    let mut paths =
        incident.latest_record().iter().flat_map(|record| &record.changes).map(|change| &change.path);
    let platform: Vec<_> =
        config.managers.iter().filter(|manager| manager.class == ManagerClass::Platform).collect();
    paths.any(|path| {
        let covers = |field: &String| {
            path.strip_prefix(field.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        platform.iter().any(|manager| manager.fields.is_empty() || manager.fields.iter().any(covers))
    })
}

fn id_of(record: &RecordedFinding) -> Option<ResourceId> {
    let key = ObjectKey::parse(&record.resource)?;
    let version = String::new();
    Some(ResourceId { group: key.group, version, kind: key.kind, namespace: key.namespace, name: key.name })
}

/// Whether `resource` of the ledger is this object; a manifest may leave its namespace out.
fn is_named(id: &ResourceId, resource: &str) -> bool {
    let full = id.with_group();
    let kind = full.split('/').next().unwrap_or_default();
    full == resource
        || (id.namespace.is_none()
            && resource.starts_with(&format!("{kind}/"))
            && resource.ends_with(&format!("/{}", id.name)))
}
