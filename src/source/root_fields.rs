//! What the fields of GitOps objects say, and which of them drift does not render.

use serde_json::{Map, Value};

use super::references::TextReference;
use super::release_values::ValuesError;
use crate::model::SubstituteRefusal;

/// Fields of a patch and of an image of Flux: nothing that makes kustomize load a file.
pub(super) const PATCH: &[&str] = &["patch", "target"];
pub(super) const IMAGE: &[&str] = &["digest", "name", "newName", "newTag"];

/// Why a root cannot be rendered, as a sentence about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RootRefusal {
    /// Its objects are not in this cluster; by the field that says so.
    #[error("it applies to another cluster ({0})")]
    OtherCluster(&'static str),
    /// These fields may change what is rendered.
    #[error("it sets {0}, which drift does not render yet")]
    Fields(String),
    /// It is rendered by several programs.
    #[error("it sets {0} for one source, which Argo CD refuses")]
    SeveralTools(String),
    /// What it renders to depends on the commit that is applied.
    #[error("it sets something by ${0}, which is another text at every commit")]
    Variable(String),
    /// A chart of a repository of charts, and where that is.
    #[error("it takes the chart {0} from {1}, which drift does not fetch")]
    Chart(String, String),
    /// Another repository.
    #[error("a source of it is in another repository, {0}")]
    OtherRepository(String),
    /// Values of a source that is in another repository: its name, and where that is.
    #[error("it takes values from ${0}, which is another repository, {1}")]
    Reference(String, String),
    /// A ConfigMap or Secret that was not looked up yet.
    #[error("it takes values from {0}, which is not read yet")]
    Wanted(TextReference),
    /// What of which ConfigMap or Secret is not there.
    #[error("it takes {0}, which is not there")]
    MissingValues(String),
    /// Which, and why.
    #[error("it takes values from {0}, which cannot be read: {1}")]
    Unread(String, String),
    /// A Secret.
    #[error("it takes values from {0}, and drift puts no secret values into what it renders")]
    SecretValues(String),
    /// What of which ConfigMap, and what is wrong with it.
    #[error("it takes {0} as values: {1}")]
    BadValues(String, ValuesError),
    /// Why its variables are not known.
    #[error("{0}")]
    Variables(SubstituteRefusal),
    /// A path with `..`.
    #[error("its path leads out of the repository")]
    Outside,
}

impl RootRefusal {
    /// What to do.
    pub(super) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::MissingValues(_) => Some("add it, or set `optional: true` where it is named"),
            Self::BadValues(..) | Self::Unread(..) | Self::Variables(_) | Self::Outside => None,
            _ => Some("list what it applies as a source in drift.yaml, where that is the same"),
        }
    }
}

/// `./apps/prod/` as a source has it: from the root of the repository, without `..`.
pub(super) fn folder(path: Option<&str>) -> Result<String, RootRefusal> {
    let mut parts = Vec::new();
    for part in path.unwrap_or_default().split('/') {
        match part {
            "" | "." => {}
            ".." => return Err(RootRefusal::Outside),
            part => parts.push(part),
        }
    }
    Ok(if parts.is_empty() { ".".to_owned() } else { parts.join("/") })
}

/// Refuses fields that drift does not know, or does not render.
pub(super) fn refuse_others(
    fields: Option<&Map<String, Value>>,
    known: &[&str],
    prefix: &str,
) -> Result<(), RootRefusal> {
    let others = fields.into_iter().flatten();
    let others = others.filter(|(name, value)| !known.contains(&name.as_str()) && is_set(value));
    let names: Vec<String> = others.map(|(name, _)| format!("{prefix}{name}")).collect();
    if names.is_empty() { Ok(()) } else { Err(RootRefusal::Fields(names.join(", "))) }
}

/// As [`refuse_others`], for each entry of a list.
pub(super) fn refuse_in_entries(list: &Value, known: &[&str], prefix: &str) -> Result<(), RootRefusal> {
    let entries = list.as_array().into_iter().flatten();
    entries.map(Value::as_object).try_for_each(|entry| refuse_others(entry, known, prefix))
}

/// The sources of an Application of Argo CD: `source`, and those of `sources`.
pub fn application_sources(spec: &Value) -> impl Iterator<Item = &Value> {
    let several = spec["sources"].as_array().into_iter().flatten();
    std::iter::once(&spec["source"]).filter(|source| !source.is_null()).chain(several)
}

pub(super) fn is_set(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
        _ => true,
    }
}

/// A text that is not empty.
pub(super) fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The texts of a list.
pub(super) fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
