//! Which object a document is.

use serde_json::Value;

use super::hooks::HookOwners;
use crate::model::{MissingField, ResourceId, split_api_version};

/// Of an object, what tells which one it is.
#[derive(Debug)]
pub(super) struct ObjectHeader {
    /// Its id, with the namespace as written; or what it lacks for one. Of a hook whose name is made up when it is, the
    /// name is what that begins with.
    pub(super) id: Result<ResourceId, MissingField>,
    pub(super) hook: HookOwners,
    pub(super) is_generated: bool,
    /// Group and kind that a CRD defines.
    pub(super) defines: Option<(String, String)>,
}

impl ObjectHeader {
    pub(super) fn from_object(object: &Value) -> Self {
        let hook = HookOwners::from_object(object);
        let defines = || {
            let spec = &object["spec"];
            Some((spec["group"].as_str()?.to_owned(), spec["names"]["kind"].as_str()?.to_owned()))
        };
        let defines = if object["kind"] == "CustomResourceDefinition" { defines() } else { None };
        let generated = hook.is_hook().then(|| generated_id(object)).flatten();
        let is_generated = generated.is_some();
        Self {
            id: generated.map_or_else(|| ResourceId::from_object(object), Ok),
            hook,
            is_generated,
            defines,
        }
    }

    /// Whether it is a hook for whom its name is made up.
    pub(super) fn is_generated(&self) -> bool {
        self.is_generated
    }
}

/// The id of an object that has a `generateName` and no name.
pub(super) fn generated_id(object: &Value) -> Option<ResourceId> {
    let metadata = object.get("metadata")?;
    let is_unnamed = metadata.get("name").is_none_or(|name| name.is_null() || name == "");
    let (group, version) = split_api_version(text(object.get("apiVersion"))?);
    let name = text(metadata.get("generateName")).filter(|_| is_unnamed)?;
    Some(ResourceId {
        group: group.to_owned(),
        version: version.to_owned(),
        kind: text(object.get("kind"))?.to_owned(),
        namespace: text(metadata.get("namespace")).map(str::to_owned),
        name: name.to_owned(),
    })
}

pub(super) fn text(value: Option<&Value>) -> Option<&str> {
    value.and_then(Value::as_str).filter(|text| !text.is_empty())
}
