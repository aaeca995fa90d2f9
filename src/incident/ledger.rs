//! The ledger: one YAML file for each incident, its head first, its events last; earlier bytes never change.

use crate::model::Resolution;
use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::model::{Cause, Change, ChangeKind, Finding, State};
use crate::text::format_yaml_record;

/// Version of the format, first line of every file.
const SCHEMA: &str = "drift/incident/v1";
/// Folder of the files.
const FOLDER: &str = "incidents/";

/// Why a ledger cannot be used. Nothing is written beside a ledger that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the ledger's {file}{place} cannot be read: {why}")]
pub struct LedgerError {
    /// The file on the ledger's branch.
    pub file: String,
    /// `:line:column`, where it is known.
    pub place: String,
    /// What is wrong.
    pub why: LedgerFault,
}

impl LedgerError {
    /// What to do.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some("restore it (`git log -p` on the ledger's branch shows who changed it)".to_owned())
    }
}

/// What is wrong with a file of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerFault {
    /// Another name than an incident's.
    #[error("not a .yaml file")]
    NotYaml,
    /// No text.
    #[error("it is not UTF-8 text")]
    NotText,
    /// No incident, in the words of the YAML reader.
    #[error("{0}")]
    Unreadable(String),
    /// Another format.
    #[error("its schema is {0:?}, not {SCHEMA}")]
    Schema(String),
    /// The file of another incident.
    #[error("its id {0:?} is not the name of its file")]
    Id(String),
    /// No objects.
    #[error("it has no members")]
    NoMembers,
    /// Its beginning is lost.
    #[error("its first event is not `opened`")]
    NotOpened,
    /// It goes on after it ended.
    #[error("it has events after its end")]
    EventsAfterEnd,
    /// An event without what belongs to its kind.
    #[error("its event at {0} lacks facts")]
    IncompleteEvent(String),
    /// Our own text is not what was meant.
    #[error("the written text does not read back the same")]
    NotReadBack,
}

/// Every incident, by id.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ledger {
    incidents: BTreeMap<String, Incident>,
    texts: BTreeMap<String, String>,
    /// Files that this run has added to.
    touched: Vec<String>,
}

/// One incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Incident {
    schema: String,
    /// Its id: 12 hexadecimal digits, the same for two runs that see the same.
    pub id: String,
    /// The cluster's identity.
    pub cluster: String,
    /// Path of the source; empty for unmanaged objects.
    pub source: String,
    /// Field manager that the findings have in common; empty where none is known.
    pub manager: String,
    /// Ended incidents of the same objects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub previous: Vec<String>,
    /// Its objects, as they were when it was opened.
    pub members: Vec<Member>,
    /// What happened, oldest first.
    pub events: Vec<Event>,
}

/// An object of an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Key of its finding.
    pub key: String,
    /// `Deployment.apps/payments/web`.
    pub resource: String,
}

/// Something that happened to an incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// What.
    pub event: EventKind,
    /// When drift saw it, RFC 3339.
    pub at: String,
    /// The commit of the base branch that was checked.
    pub commit: String,
    /// Fingerprint of the incident; of `opened` and `changed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// What differed; of `opened` and `changed`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<RecordedFinding>,
    /// Who declined it, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub how: Option<Resolution>,
    /// The commit that ended it: that made Git equal live, or that live equals again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<String>,
    /// Why, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Kind of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventKind {
    /// First seen.
    Opened,
    /// The values changed.
    Changed,
    /// A person closed the proposal.
    Declined,
    /// Git and live agree, or a rule accepts the difference.
    Ended,
}

/// A finding as the ledger keeps it. Secret values are not in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedFinding {
    /// Key of the finding.
    pub key: String,
    /// `Deployment.apps/payments/web`.
    pub resource: String,
    /// Its state.
    pub state: State,
    /// File that declares it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Its changes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<RecordedChange>,
}

/// A change as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedChange {
    /// Field path.
    pub path: String,
    /// How it differs.
    pub change: ChangeKind,
    /// Git's value.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub desired: Option<Value>,
    /// The live value.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub live: Option<Value>,
    /// Whether the values are secret and left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub masked: bool,
    /// Why.
    pub cause: Cause,
    /// Field manager, where one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manager: Option<String>,
    /// When at the latest it was written, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
}

/// A present value; null counts as one.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// The status of an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IncidentStatus {
    /// Not ended.
    Open,
    /// A person closed the proposal; not ended, not proposed again until its values change.
    Declined,
    /// Ended.
    Ended(Resolution),
}

impl Incident {
    /// A new incident, without events.
    #[must_use]
    pub fn new(id: String, cluster: &str, source: &str, manager: &str, members: Vec<Member>) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            id,
            cluster: cluster.to_owned(),
            source: source.to_owned(),
            manager: manager.to_owned(),
            previous: Vec::new(),
            members,
            events: Vec::new(),
        }
    }

    /// Where it stands.
    #[must_use]
    pub fn status(&self) -> IncidentStatus {
        match self.events.last() {
            Some(Event { event: EventKind::Declined, .. }) => IncidentStatus::Declined,
            Some(Event { event: EventKind::Ended, how, .. }) => {
                IncidentStatus::Ended(how.unwrap_or(Resolution::Reverted))
            }
            _ => IncidentStatus::Open,
        }
    }

    /// The newest record of what differed.
    #[must_use]
    pub fn latest_record(&self) -> &[RecordedFinding] {
        let newest = self.events.iter().rev().find(|event| event.fingerprint.is_some());
        newest.map_or(&[], |event| &event.findings)
    }

    /// The fingerprint that was recorded last.
    #[must_use]
    pub fn fingerprint(&self) -> Option<&str> {
        self.events.iter().rev().find_map(|event| event.fingerprint.as_deref())
    }

    /// When it was opened, RFC 3339.
    #[must_use]
    pub fn opened_at(&self) -> &str {
        self.events.first().map(|event| event.at.as_str()).unwrap_or_default()
    }

    fn check(&self, name: &str) -> Result<(), LedgerFault> {
        if self.schema != SCHEMA {
            return Err(LedgerFault::Schema(self.schema.clone()));
        }
        if self.id != name || !is_id(&self.id) {
            return Err(LedgerFault::Id(self.id.clone()));
        }
        if self.members.is_empty() {
            return Err(LedgerFault::NoMembers);
        }
        if self.events.first().is_none_or(|event| event.event != EventKind::Opened) {
            return Err(LedgerFault::NotOpened);
        }
        let ended = self.events.iter().position(|event| event.event == EventKind::Ended);
        if ended.is_some_and(|at| at + 1 != self.events.len()) {
            return Err(LedgerFault::EventsAfterEnd);
        }
        let complete = |event: &&Event| match event.event {
            EventKind::Opened | EventKind::Changed => {
                event.fingerprint.is_some() && !event.findings.is_empty()
            }
            EventKind::Ended => event.how.is_some(),
            EventKind::Declined => true,
        };
        match self.events.iter().find(|event| !complete(event)) {
            Some(event) => Err(LedgerFault::IncompleteEvent(event.at.clone())),
            None => Ok(()),
        }
    }
}

/// Whether a text is the id of an incident: 12 hexadecimal digits.
#[must_use]
pub fn is_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl RecordedFinding {
    /// What the ledger keeps of a finding: the changes that are drift.
    #[must_use]
    pub fn from_finding(cluster: &str, finding: &Finding) -> Self {
        let drifting = finding.changes.iter().filter(|change| crate::model::counts_as_drift(change));
        Self {
            key: crate::model::finding_key(cluster, finding),
            resource: finding.resource.with_group(),
            state: finding.state,
            file: finding.origin.as_ref().map(|origin| origin.file.clone()),
            changes: drifting.map(record_change).collect(),
        }
    }
}

fn record_change(change: &Change) -> RecordedChange {
    let difference = &change.difference;
    let manager = change.verdict.manager.as_ref();
    RecordedChange {
        path: difference.path.to_string(),
        change: difference.kind,
        desired: difference.desired.as_ref().map(bound_value),
        live: difference.live.as_ref().map(bound_value),
        masked: difference.masked,
        cause: change.verdict.cause,
        manager: manager.map(|manager| manager.name.clone()),
        time: manager.and_then(|manager| manager.time.clone()),
    }
}

/// Longest value that the ledger keeps, as JSON, and how deep it may be.
const LONGEST: usize = 16 * 1024;
const DEEPEST: usize = 40;

/// A value as the ledger keeps it: one that is very long or deep by its hash.
pub(super) fn bound_value(value: &Value) -> Value {
    fn depth(value: &Value, left: usize) -> bool {
        left > 0
            && match value {
                Value::Array(items) => items.iter().all(|item| depth(item, left - 1)),
                Value::Object(map) => map.values().all(|inner| depth(inner, left - 1)),
                _ => true,
            }
    }
    let text = value.to_string();
    if text.len() <= LONGEST && depth(value, DEEPEST) {
        return value.clone();
    }
    let kept = crate::model::digest(&["value/v1", &text]);
    Value::from(format!("a value of {} bytes, hash {kept}", text.len()))
}

impl Ledger {
    /// Reads the files of the ledger's branch: path and bytes of each. Files outside `incidents/` are not looked at.
    ///
    /// # Errors
    /// The first file that is not an incident as drift writes it.
    pub fn read<P: AsRef<str>, B: AsRef<[u8]>>(
        files: impl IntoIterator<Item = (P, B)>,
    ) -> Result<Self, LedgerError> {
        let mut ledger = Self::default();
        for (path, bytes) in files {
            let (path, bytes) = (path.as_ref(), bytes.as_ref());
            let Some(name) = path.strip_prefix(FOLDER) else { continue };
            let error = |place: String, why: LedgerFault| LedgerError { file: path.to_owned(), place, why };
            let name =
                name.strip_suffix(".yaml").ok_or_else(|| error(String::new(), LedgerFault::NotYaml))?;
            let text = std::str::from_utf8(bytes).map_err(|_| error(String::new(), LedgerFault::NotText))?;
            let incident: Incident = serde_yaml::from_str(text).map_err(|cause| {
                let place =
                    cause.location().map(|at| format!(":{}:{}", at.line(), at.column())).unwrap_or_default();
                error(place, LedgerFault::Unreadable(cause.to_string()))
            })?;
            incident.check(name).map_err(|why| error(String::new(), why))?;
            ledger.texts.insert(incident.id.clone(), text.to_owned());
            ledger.incidents.insert(incident.id.clone(), incident);
        }
        Ok(ledger)
    }

    /// Every incident, by id.
    pub fn incidents(&self) -> impl Iterator<Item = &Incident> {
        self.incidents.values()
    }

    /// One incident.
    #[must_use]
    pub fn incident(&self, id: &str) -> Option<&Incident> {
        self.incidents.get(id)
    }

    /// The incident of this cluster that is not ended and has the object.
    #[must_use]
    pub fn open_for(&self, cluster: &str, key: &str) -> Option<&Incident> {
        self.incidents.values().find(|incident| {
            incident.cluster == cluster
                && !matches!(incident.status(), IncidentStatus::Ended(_))
                && incident.members.iter().any(|member| member.key == key)
        })
    }

    /// Ended incidents of this cluster that had one of the objects, newest first.
    #[must_use]
    pub fn ended_with(&self, cluster: &str, keys: &[&str]) -> Vec<&Incident> {
        let had = |incident: &&Incident| {
            incident.cluster == cluster
                && matches!(incident.status(), IncidentStatus::Ended(_))
                && incident.members.iter().any(|member| keys.contains(&member.key.as_str()))
        };
        let mut ended: Vec<&Incident> = self.incidents.values().filter(had).collect();
        ended.sort_by(|left, right| {
            right.events.last().map(|event| &event.at).cmp(&left.events.last().map(|event| &event.at))
        });
        ended
    }

    /// Adds an incident with its first event. An id that is there already is left as it is.
    pub fn open(&mut self, mut incident: Incident, event: Event) {
        if self.incidents.contains_key(&incident.id) {
            return;
        }
        incident.events.push(event);
        let text = format_yaml_record(&incident).unwrap_or_default();
        self.texts.insert(incident.id.clone(), text);
        self.touched.push(incident.id.clone());
        self.incidents.insert(incident.id.clone(), incident);
    }

    /// Appends an event: the bytes before it stay.
    pub fn append(&mut self, id: &str, event: Event) {
        let (Some(incident), Some(text)) = (self.incidents.get_mut(id), self.texts.get_mut(id)) else {
            return;
        };
        if !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&format_yaml_record(&[&event]).unwrap_or_default());
        incident.events.push(event);
        if !self.touched.iter().any(|touched| touched == id) {
            self.touched.push(id.to_owned());
        }
    }

    /// Whether everything that was opened or added to can be read again.
    ///
    /// # Errors
    /// The file that could not be.
    pub fn verify(&self) -> Result<(), LedgerError> {
        let changes = self.changes();
        let read = Self::read(changes.iter().map(|(path, text)| (path.as_str(), text.as_bytes())))?;
        let lost = |id: &&String| read.incidents.get(*id) != self.incidents.get(*id);
        match self.touched.iter().find(lost) {
            None => Ok(()),
            Some(id) => Err(LedgerError {
                file: format!("{FOLDER}{id}.yaml"),
                place: String::new(),
                why: LedgerFault::NotReadBack,
            }),
        }
    }

    /// Files to write: path and text of every incident that was opened or added to.
    #[must_use]
    pub fn changes(&self) -> Vec<(String, String)> {
        let mut touched: Vec<&String> = self.touched.iter().collect();
        touched.sort();
        let text = |id: &String| self.texts.get(id).cloned().unwrap_or_default();
        touched.into_iter().map(|id| (format!("{FOLDER}{id}.yaml"), text(id))).collect()
    }
}
