//! Fast path: checks in the text of a live object whether it equals the desired one with defaults; most do, and
//! are never parsed into a tree.

use std::fmt;
use std::sync::LazyLock;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::normalise::{MetadataLevel, is_uncompared};
use crate::model::Difference;

/// A live object that is what Git declares.
#[derive(Debug, PartialEq)]
pub struct FastEqual<M> {
    /// What was made of its `managedFields`, if it has any.
    pub managed: Option<M>,
    /// Whether it has more, and all of that in places that the server or the platform fills by itself.
    pub server_set: bool,
    /// These places.
    pub differences: Vec<Difference>,
}

/// What is said of a value that only live has, by the steps to it (`None`: an item of a list): `None` where it may be a
/// difference, else whether the server set it by itself.
pub(super) type LiveOnlyCheck<'j> = &'j dyn Fn(&[Option<&str>], &Value) -> Option<bool>;

/// Whether the text of a live object has nothing but what `filled` has, the server's books and what `judge` lets pass
/// aside. `None` says nothing, and is given for every object that is being deleted.
pub(super) fn compare_text<'t, S: DeserializeSeed<'t>>(
    filled: &Value,
    level: MetadataLevel,
    (text, managed): (&'t str, S),
    judge: LiveOnlyCheck<'_>,
) -> Option<FastEqual<S::Value>> {
    let mut books = Seen { judge, seed: Some(managed), managed: None, server_set: false };
    let mut reader = serde_json::Deserializer::from_str(text);
    let root = Place { value: filled, way: PathStack::Root, level: Some(level), books: &mut books };
    root.deserialize(&mut reader).ok()?;
    Some(FastEqual { managed: books.managed, server_set: books.server_set, differences: Vec::new() })
}

/// The state of the check.
struct Seen<'j, S, V> {
    judge: LiveOnlyCheck<'j>,
    seed: Option<S>,
    managed: Option<V>,
    server_set: bool,
}

/// The path to a value.
#[derive(Clone, Copy)]
enum PathStack<'w> {
    Root,
    Field(&'w Self, &'w str),
    Item(&'w Self),
}

impl PathStack<'_> {
    /// From the root to a field below; `None` stands for an item of a list.
    fn steps<'s>(&'s self, field: &'s str) -> Vec<Option<&'s str>> {
        let mut steps = vec![Some(field)];
        let mut at = self;
        loop {
            at = match at {
                PathStack::Root => break,
                PathStack::Field(outer, name) => {
                    steps.push(Some(*name));
                    outer
                }
                PathStack::Item(outer) => {
                    steps.push(None);
                    outer
                }
            };
        }
        steps.reverse();
        steps
    }
}

/// How the value of a key is handled.
enum KeyRule {
    Skip,
    /// Gives up: the object needs the full comparison.
    Abort,
    Capture,
    /// As the map of that level, or wholly.
    Compare(Option<MetadataLevel>),
}

fn key_rule(level: Option<MetadataLevel>, key: &str) -> KeyRule {
    match (level, key) {
        (Some(MetadataLevel::Metadata), "deletionTimestamp") => KeyRule::Abort,
        (Some(MetadataLevel::Metadata), "managedFields") => KeyRule::Capture,
        (Some(level), key) if is_uncompared(level, key) => KeyRule::Skip,
        (Some(MetadataLevel::Object | MetadataLevel::WithStatus), "metadata") => {
            KeyRule::Compare(Some(MetadataLevel::Metadata))
        }
        (Some(MetadataLevel::Metadata), "annotations") => KeyRule::Compare(Some(MetadataLevel::Annotations)),
        _ => KeyRule::Compare(None),
    }
}

/// Reads a value and fails if it differs.
struct Place<'v, 'w, 'b, 'j, 't, S: DeserializeSeed<'t>> {
    value: &'v Value,
    way: PathStack<'w>,
    level: Option<MetadataLevel>,
    books: &'b mut Seen<'j, S, S::Value>,
}

fn fail_as_different<T, E: Error>() -> Result<T, E> {
    Err(E::custom("another value"))
}

fn accept_if<E: Error>(same: bool) -> Result<(), E> {
    if same { Ok(()) } else { fail_as_different() }
}

impl<'t, S: DeserializeSeed<'t>> DeserializeSeed<'t> for Place<'_, '_, '_, '_, 't, S> {
    type Value = ();

    fn deserialize<D: Deserializer<'t>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'t, S: DeserializeSeed<'t>> Visitor<'t> for Place<'_, '_, '_, '_, 't, S> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the same value")
    }

    /// A null says nothing, and the defaults beside it were put there as if it were a value.
    fn visit_unit<E: Error>(self) -> Result<(), E> {
        fail_as_different()
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        accept_if(self.value.as_bool() == Some(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        accept_if(self.value.as_number() == Some(&Number::from(value)))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        accept_if(self.value.as_number() == Some(&Number::from(value)))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        accept_if(
            self.value.as_number().is_some_and(|number| Number::from_f64(value).as_ref() == Some(number)),
        )
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        accept_if(self.value.as_str() == Some(value))
    }

    fn visit_seq<A: SeqAccess<'t>>(self, mut access: A) -> Result<(), A::Error> {
        let Some(items) = self.value.as_array() else { return fail_as_different() };
        for value in items {
            let item = Place { value, way: PathStack::Item(&self.way), level: None, books: &mut *self.books };
            if access.next_element_seed(item)?.is_none() {
                return fail_as_different();
            }
        }
        accept_if(access.next_element::<IgnoredAny>()?.is_none())
    }

    fn visit_map<A: MapAccess<'t>>(self, mut access: A) -> Result<(), A::Error> {
        static NOTHING: LazyLock<Value> = LazyLock::new(|| Value::Object(Map::new()));
        let Some(map) = self.value.as_object() else { return fail_as_different() };
        let mut seen = 0;
        while let Some((treatment, found)) = access.next_key_seed(Key { map, level: self.level })? {
            match (treatment, found) {
                (KeyRule::Skip, _) => drop(access.next_value::<IgnoredAny>()?),
                (KeyRule::Abort, _) => return fail_as_different(),
                (KeyRule::Capture, _) => match self.books.seed.take() {
                    Some(seed) => self.books.managed = Some(access.next_value_seed(seed)?),
                    None => return fail_as_different(),
                },
                (KeyRule::Compare(level), Found::Both(key, value)) => {
                    seen += 1;
                    let way = PathStack::Field(&self.way, key);
                    access.next_value_seed(Place { value, way, level, books: &mut *self.books })?;
                }
                (KeyRule::Compare(Some(level @ MetadataLevel::Annotations)), Found::Live(key)) => {
                    let (value, way, level) = (&*NOTHING, PathStack::Field(&self.way, &key), Some(level));
                    access.next_value_seed(Place { value, way, level, books: &mut *self.books })?;
                }
                (KeyRule::Compare(_), Found::Live(key)) => {
                    let value = access.next_value()?;
                    let Some(set) = (self.books.judge)(&self.way.steps(&key), &value) else {
                        return fail_as_different();
                    };
                    self.books.server_set |= set;
                }
            }
        }
        let compared = |key: &&String| matches!(key_rule(self.level, key), KeyRule::Compare(_));
        accept_if(seen == map.keys().filter(compared).count())
    }
}

/// What stands at a key.
enum Found<'v> {
    Both(&'v str, &'v Value),
    /// Only live has it.
    Live(String),
}

/// Reads a key, and finds what the other side has there.
struct Key<'v> {
    map: &'v Map<String, Value>,
    level: Option<MetadataLevel>,
}

impl<'t, 'v> DeserializeSeed<'t> for Key<'v> {
    type Value = (KeyRule, Found<'v>);

    fn deserialize<D: Deserializer<'t>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'t, 'v> Visitor<'t> for Key<'v> {
    type Value = (KeyRule, Found<'v>);

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        let found = match self.map.get_key_value(key) {
            Some((key, value)) => Found::Both(key, value),
            None => Found::Live(key.to_owned()),
        };
        Ok((key_rule(self.level, key), found))
    }
}
