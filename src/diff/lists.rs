//! Pairing the items of lists.

use std::collections::BTreeMap;

use serde_json::Value;

use super::duplicate_keys::pair_duplicates;
use super::equal::canonical_text;
use crate::model::PathElement;
use crate::schema::Field;

/// One item of a keyed list: its index on either side.
pub(super) struct ItemPair {
    pub(super) step: PathElement,
    pub(super) desired: Option<usize>,
    pub(super) live: Option<usize>,
    /// Whether Git has several items of this key.
    pub(super) repeated: bool,
}

/// The items of both sides of a keyed list.
pub(super) struct ItemPairs {
    /// Desired order first, then what only live has.
    pub(super) pairs: Vec<ItemPair>,
    /// Whether items of one key stand in another order: of variables with one name the last one counts.
    pub(super) duplicates_reordered: bool,
}

/// The items of both lists paired by their keys. Of items with one key (valid for the server where they were not applied
/// server-side) those are pairs that equal each other, also by `same`, and then by occurrence what stands between
/// them. `None` where an item is not a map. A key that an item leaves out has the default of its field in `item`.
pub(super) fn pair(
    keys: &[String],
    item: Field<'_>,
    [desired, live]: [&[Value]; 2],
    same: &dyn Fn(usize, usize) -> bool,
) -> Option<ItemPairs> {
    let names = [names(keys, item, desired)?, names(keys, item, live)?];
    let mut groups: BTreeMap<&str, [Vec<usize>; 2]> = BTreeMap::new();
    for (side, names) in names.iter().enumerate() {
        for (at, name) in names.iter().enumerate() {
            groups.entry(&name.text).or_default()[side].push(at);
        }
    }
    let (mut partners, mut alone) = (vec![None; desired.len()], vec![true; live.len()]);
    let mut twins_reordered = false;
    for [of_desired, of_live] in groups.values() {
        let pairs = match (of_desired.as_slice(), of_live.as_slice()) {
            ([], _) | (_, []) => continue,
            ([of_desired], [of_live]) => vec![(*of_desired, *of_live)],
            (of_desired, of_live) => pair_duplicates((desired, of_desired), (live, of_live), same),
        };
        twins_reordered |= pairs.windows(2).any(|next| next[0].1 > next[1].1);
        for (of_desired, of_live) in pairs {
            partners[of_desired] = Some(of_live);
            alone[of_live] = false;
        }
    }
    let pair = |name: &Name, desired: Option<usize>, live: Option<usize>| ItemPair {
        step: PathElement::Key(name.values.clone()),
        desired,
        live,
        repeated: groups.get(name.text.as_str()).is_some_and(|[of_desired, _]| of_desired.len() > 1),
    };
    let of_desired = names[0].iter().zip(&partners).enumerate();
    let of_desired = of_desired.map(|(at, (name, partner))| pair(name, Some(at), *partner));
    let of_live = names[1].iter().enumerate().filter(|(at, _)| alone[*at]);
    let pairs = of_desired.chain(of_live.map(|(at, name)| pair(name, None, Some(at)))).collect();
    Some(ItemPairs { pairs, duplicates_reordered: twins_reordered })
}

/// Keys and values of an item, and the same as a text.
struct Name {
    values: Vec<(String, Value)>,
    text: String,
}

fn names(keys: &[String], item: Field<'_>, items: &[Value]) -> Option<Vec<Name>> {
    let defaults: Vec<Option<&Value>> = keys.iter().map(|key| item.field(key).default()).collect();
    let name = |item: &Value| {
        let map = item.as_object()?;
        let present = keys.iter().zip(&defaults).filter_map(|(key, default)| {
            let own = map.get(key).filter(|value| !value.is_null());
            Some((key.clone(), own.or(*default)?.clone()))
        });
        let mut values: Vec<(String, Value)> = present.collect();
        values.sort_by(|left, right| left.0.cmp(&right.0));
        let text = values.iter().map(|(key, value)| format!("{key}={},", canonical_text(value))).collect();
        Some(Name { values, text })
    };
    items.iter().map(name).collect()
}

/// Whether the items that both lists have stand in another order.
pub(super) fn is_reordered(pairs: &[ItemPair]) -> bool {
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
        other.iter().for_each(|value| *there.entry(canonical_text(value)).or_default() += 1);
        let mut is_alone = |value: &Value| match there.get_mut(&canonical_text(value)) {
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
