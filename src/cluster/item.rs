//! One object of a list: text until it is looked at, and then only as far as it is looked at.

use std::borrow::Cow;
use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use tokio::sync::OwnedSemaphorePermit;

use super::api::NOT_JSON;
use super::error::{Unread, UnreadKind, name_of_list};
use super::list::What;
use crate::model::{Manager, ResourceId, ServedKind, join_api_version};

/// What the items of one list have in common.
pub(super) struct Of {
    kind: ServedKind,
    api_version: String,
    what: What,
}

impl Of {
    pub(super) fn new(kind: &ServedKind, what: What) -> Arc<Self> {
        let api_version = join_api_version(&kind.group, &kind.version);
        Arc::new(Self { kind: kind.clone(), api_version, what })
    }
}

/// An object as it was listed. Most of a large cluster is not what Git declares, and most of what is declared is in
/// sync: trees of all of it would cost more memory and time than everything else.
pub struct Item {
    of: Arc<Of>,
    namespace: Option<String>,
    name: String,
    uid: Option<String>,
    text: Text,
}

const TOO_DEEP: &str = "it is nested deeper than 127 levels, and is not looked at";
pub(super) const NO_OBJECT: &str = "the answer holds something that is no object";

/// The text of a page.
pub(super) struct PageText {
    text: String,
    /// The place that a large page takes as long as any of its objects is kept.
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
pub(super) type Text = (Arc<PageText>, Range<usize>);

/// Of an object, what tells which one it is.
#[derive(Deserialize)]
pub(super) struct Head<'a> {
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
    pub(super) fn alone(text: String, of: &Arc<Of>, namespace: Option<&str>) -> Result<Self, String> {
        let text = PageText::new(text, None);
        let head = serde_json::from_str(&text);
        let head = head.map_err(|cause| if cause.is_data() { NO_OBJECT } else { NOT_JSON })?;
        Self::new(head, (Arc::clone(&text), 0..text.len()), of, namespace)
    }

    /// An object by its head, or why it is none of the list in the namespace.
    pub(super) fn new(
        head: Head<'_>,
        text: Text,
        of: &Arc<Of>,
        namespace: Option<&str>,
    ) -> Result<Self, String> {
        let partial = of.what == What::Metadata && head.kind == "PartialObjectMetadata";
        // Items of built-in kinds have neither.
        let kind_differs = !head.kind.is_empty() && head.kind != of.kind.kind;
        let version_differs = !head.api_version.is_empty() && head.api_version != of.api_version;
        if !partial && (kind_differs || version_differs) {
            return Err(format!("the answer holds another kind: {:.80} {:.80}", head.api_version, head.kind));
        }
        let HeadMetadata { namespace: own, name, uid } = head.metadata;
        if name.is_empty() {
            return Err("the answer holds an object without a name".to_owned());
        }
        if of.kind.namespaced && namespace.is_some() && own.as_deref() != namespace {
            return Err("the answer holds an object of another namespace".to_owned());
        }
        Ok(Self { of: Arc::clone(of), namespace: own, name, uid, text })
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
        (&self.of.kind.group, &self.of.kind.kind)
    }

    /// Its uid, where it has one.
    #[must_use]
    pub fn uid(&self) -> Option<&str> {
        self.uid.as_deref()
    }

    /// Which object it is.
    #[must_use]
    pub fn id(&self) -> ResourceId {
        let kind = &self.of.kind;
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
    fn unread(&self, cause: &serde_json::Error) -> Unread {
        let what = format!("{} of {}", self.name, name_of_list(&self.of.kind, self.namespace()));
        // Not for nothing: serde_json has no kind for it.
        let too_deep = cause.to_string().starts_with("recursion limit exceeded");
        let why = if too_deep { TOO_DEEP } else { NOT_JSON };
        Unread { what, why: why.to_owned(), kind: UnreadKind::Malformed }
    }

    /// The whole object, with `apiVersion` and `kind` filled in; of a list of metadata nothing else.
    pub fn whole(&self) -> Result<Value, Unread> {
        self.typed(serde_json::from_str(self.text()))
    }

    /// The object without what a comparison does not look at: what each manager owns (managers, times and operations
    /// stay), and the `status` of a kind of Kubernetes (that of another may be data like any other). That is the larger
    /// half of many objects.
    pub fn compared(&self) -> Result<Value, Unread> {
        let mut text = serde_json::Deserializer::from_str(self.text());
        let part = if self.id().is_built_in() { Part::Object } else { Part::CustomObject };
        match part.deserialize(&mut text) {
            Ok(object) => self.typed(Ok(object)),
            // Not of the usual form: all of it, then.
            Err(_) => self.whole(),
        }
    }

    fn typed(&self, read: serde_json::Result<Value>) -> Result<Value, Unread> {
        let read = read.and_then(|read| match read {
            Value::Object(object) => Ok(object),
            _ => Err(serde::de::Error::custom(NO_OBJECT)),
        });
        let mut object = read.map_err(|cause| self.unread(&cause))?;
        if self.of.what == What::Metadata {
            object.retain(|name, _| name == "metadata");
        }
        object.insert("apiVersion".to_owned(), self.of.api_version.clone().into());
        object.insert("kind".to_owned(), self.of.kind.kind.clone().into());
        Ok(Value::Object(object))
    }
}

/// Reads of the `managedFields` of an object who wrote it, and not what.
pub struct Writers;

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Writer {
    manager: String,
    operation: String,
    subresource: String,
    api_version: String,
    time: Option<String>,
}

impl<'de> DeserializeSeed<'de> for Writers {
    type Value = Vec<Manager>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Manager>, D::Error> {
        let writers = Vec::<Writer>::deserialize(deserializer)?.into_iter();
        let manager = |writer: Writer| {
            let Writer { manager: name, operation, subresource, api_version, time } = writer;
            Manager { name, operation, subresource, api_version, time }
        };
        Ok(writers.map(manager).collect())
    }
}

/// A part of an object some of which is passed over.
#[derive(Clone, Copy)]
enum Part {
    Object,
    CustomObject,
    Metadata,
    ManagedFields,
    Manager,
}

impl Part {
    /// The key that is passed over, and the one that holds a part with such a key.
    fn keys(self) -> (Option<&'static str>, Option<(&'static str, Self)>) {
        match self {
            Self::Object => (Some("status"), Some(("metadata", Self::Metadata))),
            Self::CustomObject => (None, Some(("metadata", Self::Metadata))),
            Self::Metadata => (None, Some(("managedFields", Self::ManagedFields))),
            Self::ManagedFields => (None, None),
            Self::Manager => (Some("fieldsV1"), None),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Part {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        match self {
            Self::ManagedFields => deserializer.deserialize_seq(self),
            _ => deserializer.deserialize_map(self),
        }
    }
}

impl<'de> Visitor<'de> for Part {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a part of an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let (passed_over, inner) = self.keys();
        let mut map = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            if passed_over == Some(&key) {
                access.next_value::<IgnoredAny>()?;
                continue;
            }
            let value = match inner {
                Some((name, part)) if name == key => access.next_value_seed(part)?,
                _ => access.next_value()?,
            };
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(Self::Manager)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use serde::de::DeserializeSeed;

    use super::{Item, Of, Writers};
    use crate::cluster::list::What;
    use crate::model::{Manager, ServedKind};

    fn item(text: &Value, what: What) -> Item {
        let kind = ServedKind {
            group: "apps".to_owned(),
            version: "v1".to_owned(),
            kind: "Deployment".to_owned(),
            plural: "deployments".to_owned(),
            namespaced: true,
            listable: true,
        };
        Item::alone(text.to_string(), &Of::new(&kind, what), None).expect("an object with a name")
    }

    #[test]
    fn only_what_no_comparison_looks_at_is_passed_over() {
        let object = json!({
            "metadata": {"name": "web", "namespace": "shop", "labels": {"status": "kept", "fieldsV1": "kept"},
                         "managedFields": [{"manager": "kubectl", "time": "2026-01-01T00:00:00Z",
                                            "fieldsV1": {"f:spec": {}}}]},
            "spec": {"status": "kept", "metadata": {"managedFields": [{"fieldsV1": "kept"}]}},
            "status": {"replicas": 3}});
        let mut whole = object.clone();
        whole["apiVersion"] = "apps/v1".into();
        whole["kind"] = "Deployment".into();
        let item = item(&object, What::Objects);
        assert_eq!((item.namespace(), item.name()), (Some("shop"), "web"));
        assert_eq!(item.whole().as_ref(), Ok(&whole));
        let mut compared = whole;
        compared.as_object_mut().expect("a map").remove("status");
        compared["metadata"]["managedFields"][0].as_object_mut().expect("a map").remove("fieldsV1");
        assert_eq!(item.compared(), Ok(compared));
    }

    #[test]
    fn of_managed_fields_the_writers_are_read() {
        let read = |managed: &Value| {
            let text = managed.to_string();
            Writers.deserialize(&mut serde_json::Deserializer::from_str(&text)).ok()
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
    fn what_has_another_form_is_read_whole() {
        for managed in [json!("x"), json!({"fieldsV1": 1}), json!([1, {"fieldsV1": {}}]), Value::Null] {
            let object = json!({"metadata": {"name": "web", "managedFields": managed}});
            let item = item(&object, What::Objects);
            assert_eq!(item.compared(), item.whole(), "{object}");
        }
    }

    #[test]
    fn of_a_list_of_metadata_there_is_nothing_else() {
        let object = json!({"metadata": {"name": "web"}, "spec": {"a": 1}, "data": {"secret": "value"}});
        let expected = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}});
        let item = item(&object, What::Metadata);
        assert_eq!((item.whole(), item.compared()), (Ok(expected.clone()), Ok(expected)));
    }
}
