//! Whether a live object, still text, is what Git declares with the server's defaults: most of a cluster is, and of that
//! no tree is made.

use std::fmt;
use std::sync::LazyLock;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::normalise::{Level, is_passed_over};

/// Whether the text of a live object has nothing but what `filled` has, the server's books aside. `Some` says that
/// [`super::compare`] finds no difference, and holds what `managed` made of the object's `managedFields`, if it has any;
/// `None` says nothing, and is given for every object that is being deleted.
pub(super) fn same<'t, S: DeserializeSeed<'t>>(
    filled: &Value,
    text: &'t str,
    managed: S,
) -> Option<Option<S::Value>> {
    let mut books = Books { seed: Some(managed), managed: None };
    let mut reader = serde_json::Deserializer::from_str(text);
    Same { value: filled, level: Some(Level::Object), books: &mut books }.deserialize(&mut reader).ok()?;
    Some(books.managed)
}

/// What is kept of the object.
struct Books<S, V> {
    seed: Option<S>,
    managed: Option<V>,
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
        (Some(Level::Object), "metadata") => Treatment::Compared(Some(Level::Metadata)),
        (Some(Level::Metadata), "annotations") => Treatment::Compared(Some(Level::Annotations)),
        _ => Treatment::Compared(None),
    }
}

/// Reads a value and fails where it is another.
struct Same<'v, 'b, 't, S: DeserializeSeed<'t>> {
    value: &'v Value,
    level: Option<Level>,
    books: &'b mut Books<S, S::Value>,
}

fn another<T, E: Error>() -> Result<T, E> {
    Err(E::custom("another value"))
}

fn only<E: Error>(same: bool) -> Result<(), E> {
    if same { Ok(()) } else { another() }
}

impl<'t, S: DeserializeSeed<'t>> DeserializeSeed<'t> for Same<'_, '_, 't, S> {
    type Value = ();

    fn deserialize<D: Deserializer<'t>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'t, S: DeserializeSeed<'t>> Visitor<'t> for Same<'_, '_, 't, S> {
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
            let item = Same { value, level: None, books: &mut *self.books };
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
        while let Some((treatment, value)) = access.next_key_seed(Key { map, level: self.level })? {
            match (treatment, value) {
                (Treatment::PassedOver, _) => drop(access.next_value::<IgnoredAny>()?),
                (Treatment::GivenUp, _) => return another(),
                (Treatment::Kept, _) => match self.books.seed.take() {
                    Some(seed) => self.books.managed = Some(access.next_value_seed(seed)?),
                    None => return another(),
                },
                (Treatment::Compared(level), value) => {
                    seen += usize::from(value.is_some());
                    let nothing = matches!(level, Some(Level::Annotations)).then_some(&*NOTHING);
                    let Some(value) = value.or(nothing) else { return another() };
                    access.next_value_seed(Same { value, level, books: &mut *self.books })?;
                }
            }
        }
        let compared = |key: &&String| matches!(treatment(self.level, key), Treatment::Compared(_));
        only(seen == map.keys().filter(compared).count())
    }
}

/// Reads a key, and finds what the other side has there.
struct Key<'v> {
    map: &'v Map<String, Value>,
    level: Option<Level>,
}

impl<'t, 'v> DeserializeSeed<'t> for Key<'v> {
    type Value = (Treatment, Option<&'v Value>);

    fn deserialize<D: Deserializer<'t>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'t, 'v> Visitor<'t> for Key<'v> {
    type Value = (Treatment, Option<&'v Value>);

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok((treatment(self.level, key), self.map.get(key)))
    }
}
