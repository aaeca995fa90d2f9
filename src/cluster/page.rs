//! One page of a list. Parses its text once, for the header and the position of each object.

use std::borrow::Cow;
use std::ops::Range;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::error::MalformedAnswer;
use super::item::{Item, ItemHeader, Projection};
use crate::model::{ApiResource, join_api_version};

/// A page.
#[derive(Default)]
pub(super) struct ListPage {
    api_version: Option<String>,
    kind: Option<String>,
    metadata: Option<Metadata>,
    items: Option<Result<Vec<Item>, MalformedAnswer>>,
}

#[derive(Deserialize, Default)]
struct Metadata {
    #[serde(rename = "continue")]
    continuation: Option<String>,
}

impl ListPage {
    /// Reads a page; `item` makes an object of its head and of where it stands in the text.
    pub(super) fn read(
        text: &str,
        mut item: impl FnMut(ItemHeader<'_>, Range<usize>) -> Result<Item, MalformedAnswer>,
    ) -> Result<Self, MalformedAnswer> {
        let mut reader = Reader { text, at: 0 };
        let mut page = Self::default();
        if !reader.take_byte(b'{') {
            return reader.value::<IgnoredAny>(MalformedAnswer::NotAList).and(Err(MalformedAnswer::NotAList));
        }
        let mut more = !reader.take_byte(b'}');
        while more {
            let key: Cow<'_, str> = reader.value(MalformedAnswer::NotJson)?;
            reader.expect_byte(b':')?;
            match &*key {
                "apiVersion" => once(&mut page.api_version, reader.value(MalformedAnswer::NotAList)?)?,
                "kind" => once(&mut page.kind, reader.value(MalformedAnswer::NotAList)?)?,
                "metadata" => {
                    let metadata: Option<Metadata> = reader.value(MalformedAnswer::NotAList)?;
                    once(&mut page.metadata, metadata.unwrap_or_default())?;
                }
                "items" => once(&mut page.items, reader.items(&mut item)?)?,
                _ => drop(reader.value::<IgnoredAny>(MalformedAnswer::NotAList)?),
            }
            more = reader.take_byte(b',');
            if !more {
                reader.expect_byte(b'}')?;
            }
        }
        if reader.next().is_some() {
            return Err(MalformedAnswer::NotJson);
        }
        let is_list = page.api_version.is_some() && page.kind.is_some() && page.items.is_some();
        if is_list { Ok(page) } else { Err(MalformedAnswer::NotAList) }
    }

    /// Its objects and the token of the next page, if this is the list that was asked for. A CRD may name its list kind
    /// freely.
    pub(super) fn into_items(
        self,
        of: &ApiResource,
        what: Projection,
    ) -> Result<(Vec<Item>, Option<String>), MalformedAnswer> {
        let (kind, api_version) = (self.kind.unwrap_or_default(), self.api_version.unwrap_or_default());
        let is_partial = what == Projection::Metadata && kind == "PartialObjectMetadataList";
        let same_version = api_version == join_api_version(&of.group, &of.version);
        let may_name_it = of.group.contains('.') && !of.group.ends_with(".k8s.io");
        let same_kind = kind.strip_suffix("List") == Some(&of.kind) || may_name_it;
        if !(is_partial || (same_version && same_kind)) {
            return Err(MalformedAnswer::OtherList { api_version, kind });
        }
        let next = self.metadata.and_then(|metadata| metadata.continuation).filter(|next| !next.is_empty());
        Ok((self.items.unwrap_or(Ok(Vec::new()))?, next))
    }
}

fn once<T>(field: &mut Option<T>, value: T) -> Result<(), MalformedAnswer> {
    if field.replace(value).is_some() { Err(MalformedAnswer::NotAList) } else { Ok(()) }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    /// The objects, or what is wrong with the first of them that is wrong; `null` where Go has none.
    fn items(
        &mut self,
        item: &mut impl FnMut(ItemHeader<'_>, Range<usize>) -> Result<Item, MalformedAnswer>,
    ) -> Result<Result<Vec<Item>, MalformedAnswer>, MalformedAnswer> {
        let mut items = Ok(Vec::new());
        if !self.take_byte(b'[') {
            self.value::<()>(MalformedAnswer::NotAList)?;
            return Ok(items);
        }
        let mut more = !self.take_byte(b']');
        while more {
            self.next();
            let start = self.at;
            let head = self.value(MalformedAnswer::ItemNotAnObject)?;
            items = items.and_then(|mut items| {
                items.push(item(head, start..self.at)?);
                Ok(items)
            });
            more = self.take_byte(b',');
            if !more {
                self.expect_byte(b']')?;
            }
        }
        Ok(items)
    }

    /// The value that begins here; `otherwise` says that it is of another type.
    fn value<T: Deserialize<'a>>(&mut self, otherwise: MalformedAnswer) -> Result<T, MalformedAnswer> {
        let mut values = serde_json::Deserializer::from_str(&self.text[self.at..]).into_iter();
        let value = values.next();
        self.at += values.byte_offset();
        match value {
            Some(Ok(value)) => Ok(value),
            Some(Err(cause)) if cause.is_data() => Err(otherwise),
            _ => Err(MalformedAnswer::NotJson),
        }
    }

    /// The next byte that is no blank; stands in front of it then.
    fn next(&mut self) -> Option<u8> {
        let rest = &self.text.as_bytes()[self.at..];
        let blanks = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\n' | b'\t' | b'\r')).count();
        self.at += blanks;
        rest.get(blanks).copied()
    }

    fn take_byte(&mut self, byte: u8) -> bool {
        let found = self.next() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect_byte(&mut self, byte: u8) -> Result<(), MalformedAnswer> {
        if self.take_byte(byte) { Ok(()) } else { Err(MalformedAnswer::NotJson) }
    }
}

/// The objects of a page of ConfigMaps and the next token: for tests and fuzz targets.
#[cfg(any(test, fuzzing))]
fn read_config_maps(text: &str) -> Result<(Vec<Item>, Option<String>), MalformedAnswer> {
    use std::sync::Arc;

    use super::item::{ListContext, PageText};
    let kind = ApiResource {
        group: String::new(),
        version: "v1".to_owned(),
        kind: "ConfigMap".to_owned(),
        plural: "configmaps".to_owned(),
        namespaced: true,
        supports_list: true,
    };
    let (of, body) = (ListContext::new(&kind, Projection::Objects), PageText::new(text.to_owned(), None));
    let page = ListPage::read(&body, |head, at| Item::new(head, (Arc::clone(&body), at), &of, None))?;
    page.into_items(&kind, Projection::Objects)
}

/// The names of the objects of a page of ConfigMaps, as the reader finds them: for the fuzz targets (`tests/fuzz`).
#[cfg(fuzzing)]
#[must_use]
pub fn read_page_names(text: &str) -> Option<Vec<String>> {
    let (items, _) = read_config_maps(text).ok()?;
    Some(items.iter().map(|item| item.name().to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::{Item, MalformedAnswer, read_config_maps};

    /// Names and texts of the objects, and the next token.
    type Shown = (Vec<(String, String)>, Option<String>);

    fn read(text: &str) -> Result<Shown, MalformedAnswer> {
        let (items, next) = read_config_maps(text)?;
        let shown = |item: Item| (item.name().to_owned(), item.text().to_owned());
        Ok((items.into_iter().map(shown).collect(), next))
    }

    const TYPE: &str = r#""apiVersion":"v1","kind":"ConfigMapList""#;

    #[test]
    fn objects_located_in_any_order_and_layout() {
        let (a, b) =
            (r#"{"metadata":{"name":"a"},"data":{"é":"]}\""}}"#, r#"{ "metadata" : { "name":"b" } }"#);
        let expected: Vec<(String, String)> =
            [("a", a), ("b", b)].map(|(name, text)| (name.to_owned(), text.to_owned())).into();
        for text in [
            format!(r#"{{{TYPE},"metadata":{{"continue":"t"}},"items":[{a},{b}]}}"#),
            format!(
                "\n{{ \"items\" : [ {a} ,\n {b} ] ,{TYPE} , \"metadata\":{{\"continue\":\"t\"}},\"x\":[1] }}\n"
            ),
        ] {
            assert_eq!(read(&text), Ok((expected.clone(), Some("t".to_owned()))), "{text}");
        }
    }

    #[test]
    fn a_page_without_objects_is_one() {
        for items in ["[]", "[ ]", "null"] {
            for metadata in ["{}", "null", r#"{"continue":""}"#] {
                let text = format!(r#"{{{TYPE},"metadata":{metadata},"items":{items}}}"#);
                assert_eq!(read(&text), Ok((Vec::new(), None)), "{text}");
            }
        }
    }

    #[test]
    fn what_is_no_page_is_said() {
        let item = r#"{"metadata":{"name":"a"}}"#;
        for (text, why) in [
            (String::new(), MalformedAnswer::NotJson),
            ("<html>".to_owned(), MalformedAnswer::NotJson),
            ("[]".to_owned(), MalformedAnswer::NotAList),
            ("{}".to_owned(), MalformedAnswer::NotAList),
            ("1".to_owned(), MalformedAnswer::NotAList),
            (format!("{{{TYPE}}}"), MalformedAnswer::NotAList),
            (format!(r#"{{{TYPE},"items":{{}}}}"#), MalformedAnswer::NotAList),
            (format!(r#"{{{TYPE},"items":[],"items":[]}}"#), MalformedAnswer::NotAList),
            (format!(r#"{{{TYPE},"items":[{item}]"#), MalformedAnswer::NotJson),
            (format!(r#"{{{TYPE},"items":[{item}"#), MalformedAnswer::NotJson),
            (format!(r#"{{{TYPE},"items":[{item} {item}]}}"#), MalformedAnswer::NotJson),
            (format!(r#"{{{TYPE},"items":[{item},]}}"#), MalformedAnswer::NotJson),
            (format!(r#"{{{TYPE},"items":[{item}],}}"#), MalformedAnswer::NotJson),
            (format!(r#"{{{TYPE},"items":[{item}]}} x"#), MalformedAnswer::NotJson),
            (format!(r#"{{{TYPE} "items":[]}}"#), MalformedAnswer::NotJson),
            (format!(r#"{{{TYPE},"items":[1]}}"#), MalformedAnswer::ItemNotAnObject),
            (format!(r#"{{{TYPE},"items":[{{}}]}}"#), MalformedAnswer::ItemWithoutName),
        ] {
            assert_eq!(read(&text), Err(why), "{text}");
        }
        let other = read(r#"{"apiVersion":"v1","kind":"SecretList","items":[{"kind":"Secret"}]}"#);
        let why = "the answer is a list of another kind: v1 SecretList";
        assert_eq!(other.map_err(|why| why.to_string()), Err(why.to_owned()));
    }
}
