//! Which field managers are known, and what they are.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::owners::ManagedFieldsEntry;
use super::write_place::{WritePlace, matches_text};
use crate::config::ManagerConfig;
use crate::model::{Difference, Manager, ManagerClass, PathElement, ResourceId};

/// A known field manager. Its name is only a claim: it explains a change only in `writes`.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Row")]
pub struct KnownManager {
    name: String,
    /// Its class.
    pub class: ManagerClass,
    operation: Option<String>,
    /// Whether it applies manifests, by hand or from CI.
    pub applier: bool,
    writes: Vec<WritePlace>,
    marks: Vec<String>,
    /// Whether `drift.yaml` names it: its author answers for it.
    configured: bool,
}

/// A row of the table as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    class: ManagerClass,
    #[serde(default)]
    operation: Option<String>,
    #[serde(default)]
    applier: bool,
    #[serde(default)]
    writes: Vec<String>,
    #[serde(default)]
    marks: Vec<String>,
    /// The repository and file that show it, for whoever keeps the table.
    #[serde(rename = "source")]
    _source: String,
}

impl TryFrom<Row> for KnownManager {
    type Error = String;

    fn try_from(row: Row) -> Result<Self, String> {
        let place = |text: &String| WritePlace::parse(text).ok_or_else(|| format!("not a place: {text}"));
        Ok(Self {
            writes: row.writes.iter().map(place).collect::<Result<_, _>>()?,
            name: row.name,
            class: row.class,
            operation: row.operation,
            applier: row.applier,
            marks: row.marks,
            configured: false,
        })
    }
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let rows = include_str!("managers.yaml");
    Table::new(serde_yaml::from_str(rows).expect("the embedded table is valid; a test reads it"))
});

/// The rows, and where each name is: it is looked up for every entry of every object.
struct Table {
    rows: Vec<KnownManager>,
    /// Indexes of the rows by whole name, and of those for a beginning.
    whole: HashMap<String, Vec<usize>>,
    beginnings: Vec<usize>,
}

impl Table {
    fn new(rows: Vec<KnownManager>) -> Self {
        let mut whole: HashMap<String, Vec<usize>> = HashMap::new();
        let mut beginnings = Vec::new();
        for (at, known) in rows.iter().enumerate() {
            match known.name.ends_with('*') {
                true => beginnings.push(at),
                false => whole.entry(known.name.clone()).or_default().push(at),
            }
        }
        Self { rows, whole, beginnings }
    }

    /// The first row that is of the manager.
    fn find(&self, manager: &Manager) -> Option<&KnownManager> {
        let of = |at: &&usize| self.rows[**at].matches(manager);
        let whole = self.whole.get(&manager.name).and_then(|rows| rows.iter().find(of));
        let beginning = self.beginnings.iter().find(of);
        let first = whole.into_iter().chain(beginning).min()?;
        Some(&self.rows[*first])
    }
}

static UNKNOWN_MANAGER: KnownManager = KnownManager {
    name: String::new(),
    class: ManagerClass::Unknown,
    operation: None,
    applier: false,
    writes: Vec::new(),
    marks: Vec::new(),
    configured: false,
};

/// The known field managers: those of the configuration, then the built-in table.
#[derive(Debug, Clone, Default)]
pub struct Managers {
    configured: Vec<KnownManager>,
}

impl Managers {
    /// The built-in table, and before it what `drift.yaml` adds.
    #[must_use]
    pub fn new(configured: &[ManagerConfig]) -> Self {
        let known = |manager: &ManagerConfig| KnownManager {
            name: manager.name.clone(),
            class: manager.class,
            applier: manager.class == ManagerClass::Gitops,
            writes: manager.fields.iter().filter_map(|field| WritePlace::from_path(field)).collect(),
            configured: true,
            ..UNKNOWN_MANAGER.clone()
        };
        Self { configured: configured.iter().map(known).collect() }
    }

    /// What is known of the manager of an entry; an unknown one has class unknown.
    #[must_use]
    pub fn for_entry(&self, entry: &ManagedFieldsEntry) -> &KnownManager {
        self.for_manager(&entry.manager)
    }

    /// The class of a manager.
    #[must_use]
    pub fn class_of(&self, manager: &Manager) -> ManagerClass {
        self.for_manager(manager).class
    }

    fn for_manager(&self, manager: &Manager) -> &KnownManager {
        let configured = self.configured.iter().find(|known| known.matches(manager));
        configured.or_else(|| TABLE.find(manager)).unwrap_or(&UNKNOWN_MANAGER)
    }

    /// The tools of persons in the built-in table that a name, or a name with a `*` at its end, covers.
    pub(super) fn person_tools(name: &str) -> Vec<String> {
        let prefix = name.strip_suffix('*');
        let covers = |known: &&KnownManager| match (prefix, known.name.strip_suffix('*')) {
            (Some(prefix), Some(other)) => other.starts_with(prefix) || prefix.starts_with(other),
            (Some(prefix), None) => known.name.starts_with(prefix),
            (None, _) => matches_text(&known.name, name),
        };
        // One name is one tool, and the first row that fits says which.
        let most = if prefix.is_some() { usize::MAX } else { 1 };
        let tools =
            TABLE.rows.iter().filter(|known| known.class == ManagerClass::Human).filter(covers).take(most);
        let mut names: Vec<String> = tools.map(|known| known.name.clone()).collect();
        names.dedup();
        names
    }

    /// Every row of the built-in table: its name (a trailing `*` for any ending), class, and whether it applies.
    #[cfg(test)]
    pub(super) fn built_in() -> impl Iterator<Item = (&'static str, &'static KnownManager)> {
        TABLE.rows.iter().map(|known| (known.name.as_str(), known))
    }
}

impl KnownManager {
    fn matches(&self, manager: &Manager) -> bool {
        let operation = self.operation.as_deref();
        matches_text(&self.name, &manager.name)
            && operation.is_none_or(|operation| operation == manager.operation)
    }

    /// Whether this is one of the places where the manager writes into objects that others declare.
    pub(super) fn writes(&self, id: &ResourceId, difference: &Difference) -> bool {
        self.writes.iter().any(|place| place.covers(id, difference))
    }

    /// Whether the manager sets the field to false there, which the server keeps as no field.
    pub(super) fn clears(&self, id: &ResourceId, difference: &Difference) -> bool {
        self.writes.iter().any(|place| place.clears(id, difference))
    }

    /// Whether it is known where the manager writes.
    pub(super) fn has_places(&self) -> bool {
        !self.writes.is_empty()
    }

    /// Whether `drift.yaml` trusts the manager here: in the fields that it names, or, where it names none, wherever no
    /// harm is done.
    pub(super) fn is_trusted(&self, id: &ResourceId, difference: &Difference, harmful: bool) -> bool {
        let platform = self.configured && self.class == ManagerClass::Platform;
        platform && if self.writes.is_empty() { !harmful } else { self.writes(id, difference) }
    }

    /// Whether it is a deployer's and the place is a label or annotation that this deployer puts onto what it applies,
    /// and onto templates in it.
    pub(super) fn is_deployer_mark(&self, difference: &Difference) -> bool {
        match difference.path.elements() {
            [.., PathElement::Field(metadata), PathElement::Field(map), PathElement::Field(key)]
                if metadata == "metadata" && (map == "labels" || map == "annotations") =>
            {
                self.marks.iter().any(|mark| matches_text(mark, key))
            }
            _ => false,
        }
    }

    /// Whether nothing is known of the manager.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.class == ManagerClass::Unknown && !self.applier
    }
}
