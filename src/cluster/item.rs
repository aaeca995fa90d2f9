//! One object of a list: kept as text and parsed on demand.

use std::borrow::Cow;
use std::ops::{Deref, Range};
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer};
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;

use super::error::{MalformedAnswer, ReadError, ReadErrorKind, resource_display_name};
use crate::model::{ApiResource, Manager, ResourceId, join_api_version};

/// What the items of one list have in common.
pub(super) struct ListContext {
    kind: ApiResource,
    api_version: String,
    projection: Projection,
}

impl ListContext {
    pub(super) fn new(kind: &ApiResource, what: Projection) -> Arc<Self> {
        let api_version = join_api_version(&kind.group, &kind.version);
        Arc::new(Self { kind: kind.clone(), api_version, projection: what })
    }
}

/// An object as it was listed. Most of a large cluster is not what Git declares, and most of what is declared is in
/// sync: trees of all of it would cost more memory and time than everything else.
pub struct Item {
    context: Arc<ListContext>,
    namespace: Option<String>,
    name: String,
    uid: Option<String>,
    text: TextRange,
}

/// The text of a page.
pub(super) struct PageText {
    text: String,
    /// The permit of a large page, held as long as any of its objects.
    _place: Option<OwnedSemaphorePermit>,
}

impl PageText {
    pub(super) fn new(text: String, place: Option<OwnedSemaphorePermit>) -> Arc<Self> {
        Arc::new(Self { text, _place: place })
    }
}

impl Deref for PageText {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

/// The text of an object, in that of its page.
pub(super) type TextRange = (Arc<PageText>, Range<usize>);

/// Of an object, what tells which one it is.
#[derive(Deserialize)]
pub(super) struct ItemHeader<'a> {
    #[serde(borrow, rename = "apiVersion", default)]
    api_version: Cow<'a, str>,
    #[serde(borrow, default)]
    kind: Cow<'a, str>,
    #[serde(default)]
    metadata: HeadMetadata,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct HeadMetadata {
    namespace: Option<String>,
    name: String,
    uid: Option<String>,
}

impl Item {
    /// An object whose text is all of this.
    pub(super) fn from_single(
        text: String,
        of: &Arc<ListContext>,
        namespace: Option<&str>,
    ) -> Result<Self, MalformedAnswer> {
        let text = PageText::new(text, None);
        let head = serde_json::from_str(&text);
        let head = head.map_err(|cause| {
            if cause.is_data() { MalformedAnswer::ItemNotAnObject } else { MalformedAnswer::NotJson }
        })?;
        Self::new(head, (Arc::clone(&text), 0..text.len()), of, namespace)
    }

    /// An object by its header, or why it does not belong to this list.
    pub(super) fn new(
        head: ItemHeader<'_>,
        text: TextRange,
        of: &Arc<ListContext>,
        namespace: Option<&str>,
    ) -> Result<Self, MalformedAnswer> {
        let partial = of.projection == Projection::Metadata && head.kind == "PartialObjectMetadata";
        // Items of built-in kinds have neither.
        let kind_differs = !head.kind.is_empty() && head.kind != of.kind.kind;
        let version_differs = !head.api_version.is_empty() && head.api_version != of.api_version;
        if !partial && (kind_differs || version_differs) {
            let (api_version, kind) = (head.api_version.into_owned(), head.kind.into_owned());
            return Err(MalformedAnswer::ItemOfOtherKind { api_version, kind });
        }
        let HeadMetadata { namespace: own, name, uid } = head.metadata;
        if name.is_empty() {
            return Err(MalformedAnswer::ItemWithoutName);
        }
        if of.kind.namespaced && namespace.is_some() && own.as_deref() != namespace {
            return Err(MalformedAnswer::ItemOfOtherNamespace);
        }
        Ok(Self { context: Arc::clone(of), namespace: own, name, uid, text })
    }

    /// Its namespace.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its group and kind.
    #[must_use]
    pub fn kind(&self) -> (&str, &str) {
        (&self.context.kind.group, &self.context.kind.kind)
    }

    /// Its uid, where it has one.
    #[must_use]
    pub fn uid(&self) -> Option<&str> {
        self.uid.as_deref()
    }

    /// Which object it is.
    #[must_use]
    pub fn id(&self) -> ResourceId {
        let kind = &self.context.kind;
        ResourceId {
            group: kind.group.clone(),
            version: kind.version.clone(),
            kind: kind.kind.clone(),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
        }
    }

    /// The object as the server wrote it.
    #[must_use]
    pub fn text(&self) -> &str {
        let (text, at) = &self.text;
        &text[at.clone()]
    }

    /// An error about it, which names it.
    fn unread(&self, cause: MalformedAnswer) -> ReadError {
        let what =
            format!("{} of {}", self.name, resource_display_name(&self.context.kind, self.namespace()));
        ReadError { what, why: cause.to_string(), kind: ReadErrorKind::Malformed }
    }

    /// The whole object, with `apiVersion` and `kind` filled in; of a list of metadata nothing else.
    pub fn parse(&self) -> Result<Value, ReadError> {
        let mut object = match serde_json::from_str(self.text()) {
            Ok(Value::Object(object)) => object,
            Ok(_) => return Err(self.unread(MalformedAnswer::ItemNotAnObject)),
            Err(cause) => return Err(self.unread(cause.into())),
        };
        if self.context.projection == Projection::Metadata {
            object.retain(|name, _| name == "metadata");
        }
        object.insert("apiVersion".to_owned(), self.context.api_version.clone().into());
        object.insert("kind".to_owned(), self.context.kind.kind.clone().into());
        Ok(Value::Object(object))
    }
}

/// Reads the managers of `managedFields`, without their fields.
pub struct ManagersSeed;

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct ManagerEntry {
    manager: String,
    operation: String,
    subresource: String,
    api_version: String,
    time: Option<String>,
}

impl<'de> DeserializeSeed<'de> for ManagersSeed {
    type Value = Vec<Manager>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Manager>, D::Error> {
        let writers = Vec::<ManagerEntry>::deserialize(deserializer)?.into_iter();
        let manager = |writer: ManagerEntry| {
            let ManagerEntry { manager: name, operation, subresource, api_version, time } = writer;
            Manager { name, operation, subresource, api_version, time }
        };
        Ok(writers.map(manager).collect())
    }
}

/// What of the objects is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Projection {
    /// Whole objects.
    Objects,
    /// `apiVersion`, `kind` and `metadata` only.
    Metadata,
}

impl Projection {
    pub(super) fn accept(self) -> &'static str {
        match self {
            Self::Objects => "application/json",
            // An extension's server may know whole objects only: then we drop the rest ourselves.
            Self::Metadata => {
                "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
            }
        }
    }

    /// Objects a page at most: whole ones may be large, and a page is in memory at once.
    pub(super) fn page_size(self) -> u32 {
        match self {
            Self::Objects => 250,
            Self::Metadata => 500,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use serde::de::DeserializeSeed;

    use super::{Item, ListContext, ManagersSeed};
    use crate::cluster::item::Projection;
    use crate::model::{ApiResource, Manager};

    fn item(text: &Value, what: Projection) -> Item {
        let kind = ApiResource {
            group: "apps".to_owned(),
            version: "v1".to_owned(),
            kind: "Deployment".to_owned(),
            plural: "deployments".to_owned(),
            namespaced: true,
            supports_list: true,
        };
        Item::from_single(text.to_string(), &ListContext::new(&kind, what), None)
            .expect("an object with a name")
    }

    #[test]
    fn of_managed_fields_the_writers_are_read() {
        let read = |managed: &Value| {
            let text = managed.to_string();
            ManagersSeed.deserialize(&mut serde_json::Deserializer::from_str(&text)).ok()
        };
        let full = json!({"manager": "m", "operation": "Update", "subresource": "scale", "apiVersion": "v1",
                          "time": "2026-01-01T00:00:00Z", "fieldsType": "FieldsV1", "fieldsV1": {"f:a": {}}});
        let manager = |name: &str, operation: &str, subresource: &str, time: Option<&str>| Manager {
            name: name.to_owned(),
            operation: operation.to_owned(),
            subresource: subresource.to_owned(),
            api_version: String::new(),
            time: time.map(str::to_owned),
        };
        let all = Manager {
            api_version: "v1".to_owned(),
            ..manager("m", "Update", "scale", Some("2026-01-01T00:00:00Z"))
        };
        assert_eq!(read(&json!([full, {}])), Some(vec![all, manager("", "", "", None)]));
        for other in [json!({}), json!([1]), json!([{"manager": 1}])] {
            assert_eq!(read(&other), None, "{other}");
        }
    }

    #[test]
    fn metadata_list_item_has_nothing_else() {
        let object = json!({"metadata": {"name": "web"}, "spec": {"a": 1}, "data": {"secret": "value"}});
        let expected = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}});
        let item = item(&object, Projection::Metadata);
        assert_eq!(item.parse(), Ok(expected));
    }
}
