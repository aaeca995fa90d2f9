//! Whether a live object, still text, is what Git declares with the server's defaults: most of a cluster is, and of that
//! no tree is made.

use std::fmt;
use std::sync::LazyLock;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::normalise::{Level, is_passed_over};

/// A live object that is what Git declares.
#[derive(Debug, PartialEq, Eq)]
pub struct Same<M> {
    /// What was made of its `managedFields`, if it has any.
    pub managed: Option<M>,
    /// Whether it has more, and all of that in places that the server or the platform fills by itself.
    pub server_set: bool,
}

/// What is said of a value that only live has, by the steps to it (`None`: an item of a list): `None` where it may be a
/// difference, else whether the server set it by itself.
pub(super) type Judge<'j> = &'j dyn Fn(&[Option<&str>], &Value) -> Option<bool>;

/// Whether the text of a live object has nothing but what `filled` has, the server's books and what `judge` lets pass
/// aside. `None` says nothing, and is given for every object that is being deleted.
pub(super) fn same<'t, S: DeserializeSeed<'t>>(
    filled: &Value,
    level: Level,
    (text, managed): (&'t str, S),
    judge: Judge<'_>,
) -> Option<Same<S::Value>> {
    let mut books = Books { judge, seed: Some(managed), managed: None, server_set: false };
    let mut reader = serde_json::Deserializer::from_str(text);
    let root = Place { value: filled, way: Way::Root, level: Some(level), books: &mut books };
    root.deserialize(&mut reader).ok()?;
    Some(Same { managed: books.managed, server_set: books.server_set })
}

/// What is kept of the object.
struct Books<'j, S, V> {
    judge: Judge<'j>,
    seed: Option<S>,
    managed: Option<V>,
    server_set: bool,
}

/// The way to a value.
#[derive(Clone, Copy)]
enum Way<'w> {
    Root,
    Field(&'w Self, &'w str),
    Item(&'w Self),
}

impl Way<'_> {
    /// From the root to a field below; `None` stands for an item of a list.
    fn steps<'s>(&'s self, field: &'s str) -> Vec<Option<&'s str>> {
        let mut steps = vec![Some(field)];
        let mut at = self;
        loop {
            at = match at {
                Way::Root => break,
                Way::Field(outer, name) => {
                    steps.push(Some(*name));
                    outer
                }
                Way::Item(outer) => {
                    steps.push(None);
                    outer
                }
            };
        }
        steps.reverse();
        steps
    }
}

/// What is done with the value of a key.
enum Treatment {
    PassedOver,
    /// Nothing is said of such an object.
    GivenUp,
    Kept,
    /// As the map of that level, or wholly.
    Compared(Option<Level>),
}

fn treatment(level: Option<Level>, key: &str) -> Treatment {
    match (level, key) {
        (Some(Level::Metadata), "deletionTimestamp") => Treatment::GivenUp,
        (Some(Level::Metadata), "managedFields") => Treatment::Kept,
        (Some(level), key) if is_passed_over(level, key) => Treatment::PassedOver,
        (Some(Level::Object | Level::WithStatus), "metadata") => Treatment::Compared(Some(Level::Metadata)),
        (Some(Level::Metadata), "annotations") => Treatment::Compared(Some(Level::Annotations)),
        _ => Treatment::Compared(None),
    }
}

/// Reads a value and fails where it is another.
struct Place<'v, 'w, 'b, 'j, 't, S: DeserializeSeed<'t>> {
    value: &'v Value,
    way: Way<'w>,
    level: Option<Level>,
    books: &'b mut Books<'j, S, S::Value>,
}

fn another<T, E: Error>() -> Result<T, E> {
    Err(E::custom("another value"))
}

fn only<E: Error>(same: bool) -> Result<(), E> {
    if same { Ok(()) } else { another() }
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
        another()
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        only(self.value.as_bool() == Some(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        only(self.value.as_number() == Some(&Number::from(value)))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        only(self.value.as_number() == Some(&Number::from(value)))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        only(self.value.as_number().is_some_and(|number| Number::from_f64(value).as_ref() == Some(number)))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        only(self.value.as_str() == Some(value))
    }

    fn visit_seq<A: SeqAccess<'t>>(self, mut access: A) -> Result<(), A::Error> {
        let Some(items) = self.value.as_array() else { return another() };
        for value in items {
            let item = Place { value, way: Way::Item(&self.way), level: None, books: &mut *self.books };
            if access.next_element_seed(item)?.is_none() {
                return another();
            }
        }
        only(access.next_element::<IgnoredAny>()?.is_none())
    }

    fn visit_map<A: MapAccess<'t>>(self, mut access: A) -> Result<(), A::Error> {
        static NOTHING: LazyLock<Value> = LazyLock::new(|| Value::Object(Map::new()));
        let Some(map) = self.value.as_object() else { return another() };
        let mut seen = 0;
        while let Some((treatment, found)) = access.next_key_seed(Key { map, level: self.level })? {
            match (treatment, found) {
                (Treatment::PassedOver, _) => drop(access.next_value::<IgnoredAny>()?),
                (Treatment::GivenUp, _) => return another(),
                (Treatment::Kept, _) => match self.books.seed.take() {
                    Some(seed) => self.books.managed = Some(access.next_value_seed(seed)?),
                    None => return another(),
                },
                (Treatment::Compared(level), Found::Both(key, value)) => {
                    seen += 1;
                    let way = Way::Field(&self.way, key);
                    access.next_value_seed(Place { value, way, level, books: &mut *self.books })?;
                }
                (Treatment::Compared(Some(level @ Level::Annotations)), Found::Live(key)) => {
                    let (value, way, level) = (&*NOTHING, Way::Field(&self.way, &key), Some(level));
                    access.next_value_seed(Place { value, way, level, books: &mut *self.books })?;
                }
                (Treatment::Compared(_), Found::Live(key)) => {
                    let value = access.next_value()?;
                    let Some(set) = (self.books.judge)(&self.way.steps(&key), &value) else {
                        return another();
                    };
                    self.books.server_set |= set;
                }
            }
        }
        let compared = |key: &&String| matches!(treatment(self.level, key), Treatment::Compared(_));
        only(seen == map.keys().filter(compared).count())
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
    level: Option<Level>,
}

impl<'t, 'v> DeserializeSeed<'t> for Key<'v> {
    type Value = (Treatment, Found<'v>);

    fn deserialize<D: Deserializer<'t>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'t, 'v> Visitor<'t> for Key<'v> {
    type Value = (Treatment, Found<'v>);

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        let found = match self.map.get_key_value(key) {
            Some((key, value)) => Found::Both(key, value),
            None => Found::Live(key.to_owned()),
        };
        Ok((treatment(self.level, key), found))
    }
}
