//! What the fields of GitOps objects say, and which of them drift does not render.

use serde_json::{Map, Value};

/// Why a root cannot be rendered, as a sentence about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RootRefusal {
    /// Its objects are not in this cluster; by the field that says so.
    #[error("it applies to another cluster ({0})")]
    OtherCluster(&'static str),
    /// These fields may change what is rendered.
    #[error("it sets {0}, which drift does not render yet")]
    Fields(String),
    /// They are rendered together.
    #[error("it has several sources, which drift does not render together yet")]
    SeveralSources,
    /// Patterns, addresses, or files of another source.
    #[error("its valueFiles are not all plain paths, which drift does not resolve yet")]
    ValueFiles,
    /// A path with `..`.
    #[error("its path leads out of the repository")]
    Outside,
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

pub(super) fn is_set(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
        _ => true,
    }
}
