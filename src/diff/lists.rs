//! Pairing the items of lists.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::equal::integer;
use crate::model::Step;
use crate::schema::Field;

/// One item of a keyed list: its index on either side.
pub(super) struct Pair {
    pub(super) step: Step,
    pub(super) desired: Option<usize>,
    pub(super) live: Option<usize>,
}

/// The items of both lists paired by their keys, and equal keys by occurrence; desired order first, then what only
/// live has. `None` where an item is not a map. A key that an item leaves out has the default of its field in `item`.
pub(super) fn pair(keys: &[String], item: Field<'_>, desired: &[Value], live: &[Value]) -> Option<Vec<Pair>> {
    let desired = identities(keys, item, desired)?;
    let live = identities(keys, item, live)?;
    let positions: BTreeMap<&Identity, usize> =
        live.iter().enumerate().map(|(at, identity)| (identity, at)).collect();
    let known: BTreeSet<&Identity> = desired.iter().collect();
    let step = |identity: &Identity| Step::Key(identity.values.clone());
    let of_desired = desired.iter().enumerate().map(|(at, identity)| Pair {
        step: step(identity),
        desired: Some(at),
        live: positions.get(identity).copied(),
    });
    let of_live = live.iter().enumerate().filter(|(_, identity)| !known.contains(identity));
    let of_live = of_live.map(|(at, identity)| Pair { step: step(identity), desired: None, live: Some(at) });
    Some(of_desired.chain(of_live).collect())
}

/// Keys and values of an item, and how many items before it have the same.
struct Identity {
    values: Vec<(String, Value)>,
    text: String,
    occurrence: usize,
}

impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Identity {}

impl PartialOrd for Identity {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Identity {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (&self.text, self.occurrence).cmp(&(&other.text, other.occurrence))
    }
}

fn identities(keys: &[String], item: Field<'_>, items: &[Value]) -> Option<Vec<Identity>> {
    let defaults: Vec<Option<&Value>> = keys.iter().map(|key| item.field(key).default()).collect();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    items
        .iter()
        .map(|item| {
            let map = item.as_object()?;
            let present = keys.iter().zip(&defaults).filter_map(|(key, default)| {
                let own = map.get(key).filter(|value| !value.is_null());
                Some((key.clone(), own.or(*default)?.clone()))
            });
            let mut values: Vec<(String, Value)> = present.collect();
            values.sort_by(|left, right| left.0.cmp(&right.0));
            let text: String =
                values.iter().map(|(key, value)| format!("{key}={},", by_value(value))).collect();
            let occurrence = seen.entry(text.clone()).or_default();
            *occurrence += 1;
            Some(Identity { values, text, occurrence: *occurrence })
        })
        .collect()
}

/// Whether the items that both lists have stand in another order.
pub(super) fn reordered(pairs: &[Pair]) -> bool {
    let mut order = pairs.iter().filter(|pair| pair.desired.is_some()).filter_map(|pair| pair.live);
    let mut last = None;
    order.any(|at| {
        let before = last.replace(at);
        before.is_some_and(|before| before > at)
    })
}

/// Values of a set, each with its index.
type Indexed<'a> = Vec<(usize, &'a Value)>;

/// The values that only one side of a set has: of desired, then of live, each with its index. One that a side has more
/// often than the other is there for each time.
pub(super) fn set_difference<'a>(desired: &'a [Value], live: &'a [Value]) -> (Indexed<'a>, Indexed<'a>) {
    let only = |from: &'a [Value], other: &'a [Value]| -> Indexed<'a> {
        let mut there: BTreeMap<String, usize> = BTreeMap::new();
        other.iter().for_each(|value| *there.entry(by_value(value)).or_default() += 1);
        let mut is_alone = |value: &Value| match there.get_mut(&by_value(value)) {
            Some(count) if *count > 0 => {
                *count -= 1;
                false
            }
            _ => true,
        };
        from.iter().enumerate().filter(|(_, value)| is_alone(value)).collect()
    };
    (only(desired, live), only(live, desired))
}

/// The same text for the same value: `1` and `1.0`, a null in a map and none.
fn by_value(value: &Value) -> String {
    match value {
        Value::Number(number) => integer(number).map_or_else(|| value.to_string(), |whole| whole.to_string()),
        Value::Array(items) => format!("[{}]", items.iter().map(by_value).collect::<Vec<_>>().join(",")),
        Value::Object(map) => {
            let set = map.iter().filter(|(_, inner)| !inner.is_null());
            let entries = set.map(|(key, inner)| format!("{key:?}:{}", by_value(inner)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}
