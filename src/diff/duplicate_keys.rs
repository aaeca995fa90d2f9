//! Pairing items of a keyed list that have one key.

use std::collections::{BTreeMap, VecDeque};

use serde_json::Value;

use super::equal::canonical_text;

/// Beyond so many comparisons those that would be the best pairs are not looked for.
const MOST: usize = 40_000;
/// The same of comparisons by the schema.
const MOST_BY_SCHEMA: usize = 1_000;

/// Items of one side that have one key: the whole list, and their indexes.
type DuplicateItems<'a> = (&'a [Value], &'a [usize]);

/// Pairs items of one key, in the order of desired: equal ones, of these as many as stand in one order; then those that
/// `same` finds to be equal; then by occurrence those between two pairs.
pub(super) fn pair_duplicates(
    (desired, of_desired): DuplicateItems<'_>,
    (live, of_live): DuplicateItems<'_>,
    same: &dyn Fn(usize, usize) -> bool,
) -> Vec<(usize, usize)> {
    let texts = |list: &[Value], twins: &[usize]| -> Vec<String> {
        twins.iter().map(|at| list.get(*at).map(canonical_text).unwrap_or_default()).collect()
    };
    let mut work = DuplicatePairing {
        desired: of_desired.iter().copied().zip(texts(desired, of_desired)).collect(),
        live: of_live.iter().copied().zip(texts(live, of_live)).collect(),
        pairs: Vec::new(),
    };
    work.take(in_one_order);
    work.take(pair_moved);
    if work.desired.len() * work.live.len() <= MOST_BY_SCHEMA {
        work.take(|desired, live| pair_equal_by(same, desired, live));
    }
    work.pairs.sort_unstable();
    let places = [places(work.pairs.iter().map(|pair| pair.0)), places(work.pairs.iter().map(|pair| pair.1))];
    work.take(|desired, live| pair_by_occurrence(&places, desired, live));
    work.pairs.sort_unstable();
    work.pairs
}

fn places(of_pairs: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut places: Vec<usize> = of_pairs.collect();
    places.sort_unstable();
    places
}

/// An item: its index in its list, and its value as a text.
type IndexedText = (usize, String);

/// The items that have no partner yet, and the pairs.
struct DuplicatePairing {
    desired: Vec<IndexedText>,
    live: Vec<IndexedText>,
    pairs: Vec<(usize, usize)>,
}

impl DuplicatePairing {
    /// Takes out the pairs that `find` names by their places in what is left.
    fn take(&mut self, find: impl Fn(&[IndexedText], &[IndexedText]) -> Vec<(usize, usize)>) {
        let found = find(&self.desired, &self.live);
        let mut kept = [vec![true; self.desired.len()], vec![true; self.live.len()]];
        for (desired, live) in found {
            self.pairs.push((self.desired[desired].0, self.live[live].0));
            kept[0][desired] = false;
            kept[1][live] = false;
        }
        let [of_desired, of_live] = kept.map(Vec::into_iter);
        retain(&mut self.desired, of_desired);
        retain(&mut self.live, of_live);
    }
}

fn retain(items: &mut Vec<IndexedText>, mut kept: impl Iterator<Item = bool>) {
    items.retain(|_| kept.next().unwrap_or_default());
}

/// Equal items that stand in one order on both sides: a longest common subsequence, or of long lists what is equal at both
/// ends.
fn in_one_order(desired: &[IndexedText], live: &[IndexedText]) -> Vec<(usize, usize)> {
    let equal = |at: usize, other: usize| desired[at].1 == live[other].1;
    let shorter = desired.len().min(live.len());
    let start = (0..shorter).take_while(|at| equal(*at, *at)).count();
    let from_end = |at: usize| (desired.len() - 1 - at, live.len() - 1 - at);
    let end = (0..shorter - start).take_while(|at| equal(from_end(*at).0, from_end(*at).1)).count();
    let (rows, columns) = (desired.len() - start - end, live.len() - start - end);
    let mut pairs: Vec<(usize, usize)> = (0..start).map(|at| (at, at)).collect();
    pairs.extend((0..end).map(from_end));
    if rows * columns > MOST {
        return pairs;
    }
    // longest[row][column]: how many pairs there are from there on.
    let mut longest = vec![vec![0_usize; columns + 1]; rows + 1];
    for row in (0..rows).rev() {
        for column in (0..columns).rev() {
            longest[row][column] = if equal(start + row, start + column) {
                longest[row + 1][column + 1] + 1
            } else {
                longest[row + 1][column].max(longest[row][column + 1])
            };
        }
    }
    let (mut row, mut column) = (0, 0);
    while row < rows && column < columns {
        if equal(start + row, start + column) {
            pairs.push((start + row, start + column));
            (row, column) = (row + 1, column + 1);
        } else if longest[row + 1][column] >= longest[row][column + 1] {
            row += 1;
        } else {
            column += 1;
        }
    }
    pairs
}

/// Equal items, wherever they stand.
fn pair_moved(desired: &[IndexedText], live: &[IndexedText]) -> Vec<(usize, usize)> {
    let mut by_text: BTreeMap<&str, VecDeque<usize>> = BTreeMap::new();
    for (at, (_, text)) in live.iter().enumerate() {
        by_text.entry(text).or_default().push_back(at);
    }
    let partner =
        |(at, (_, text)): (usize, &IndexedText)| Some((at, by_text.get_mut(text.as_str())?.pop_front()?));
    desired.iter().enumerate().filter_map(partner).collect()
}

/// Items that are equal by the schema.
fn pair_equal_by(
    same: &dyn Fn(usize, usize) -> bool,
    desired: &[IndexedText],
    live: &[IndexedText],
) -> Vec<(usize, usize)> {
    let mut left: Vec<usize> = (0..live.len()).collect();
    let partner = |(at, item): (usize, &IndexedText)| {
        let found = left.iter().position(|other| same(item.0, live[*other].0))?;
        Some((at, left.remove(found)))
    };
    desired.iter().enumerate().filter_map(partner).collect()
}

/// Items between the same two pairs, in their order; `places` are the indexes of the pairs on both sides. Others would be
/// a change of the order, too.
fn pair_by_occurrence(
    places: &[Vec<usize>; 2],
    desired: &[IndexedText],
    live: &[IndexedText],
) -> Vec<(usize, usize)> {
    let gap = |side: usize, item: &IndexedText| places[side].partition_point(|place| *place < item.0);
    let (mut row, mut column, mut pairs) = (0, 0, Vec::new());
    while let (Some(one), Some(other)) = (desired.get(row), live.get(column)) {
        let (one, other) = (gap(0, one), gap(1, other));
        if one == other {
            pairs.push((row, column));
        }
        row += usize::from(one <= other);
        column += usize::from(other <= one);
    }
    pairs
}
