//! Which item of a list became which: so that an edit touches what changed, and a comment stays with its item.

use std::collections::HashMap;
use std::ops::Range;

use serde_json::Value;

/// An item of either list, by its indexes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aligned {
    /// The same item, whether or not it changed.
    Both(usize, usize),
    /// Only the old list has it.
    Old(usize),
    /// Only the new list has it.
    New(usize),
}

/// Pairs of items that are compared at most; in longer lists those that are equal are found first.
const MOST_PAIRS: usize = 40_000;
/// What two equal items weigh against similar ones: what did not change is not taken for something else.
const EQUAL: f64 = 4.0;
/// How much of two items must agree for them to be one that changed.
const SIMILAR: f64 = 0.5;

/// Aligns two lists by content, in their order: equal items first, then those that are one item changed.
#[must_use]
pub fn align(old: &[Value], new: &[Value]) -> Vec<Aligned> {
    let start = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    let shorter = old.len().min(new.len());
    let ends = old.iter().rev().zip(new.iter().rev()).take(shorter - start);
    let end = ends.take_while(|(old, new)| old == new).count();
    let (old_end, new_end) = (old.len() - end, new.len() - end);
    let (inner_old, inner_new) = (&old[start..old_end], &new[start..new_end]);
    let inner = match inner_old.len().saturating_mul(inner_new.len()) {
        0..=MOST_PAIRS => lone_pairs((inner_old, inner_new), by_content(inner_old, inner_new)),
        _ => by_equals(inner_old, inner_new),
    };
    let moved = inner.into_iter().map(|item| match item {
        Aligned::Both(at, to) => Aligned::Both(at + start, to + start),
        Aligned::Old(at) => Aligned::Old(at + start),
        Aligned::New(to) => Aligned::New(to + start),
    });
    let before = (0..start).map(|at| Aligned::Both(at, at));
    let after = (0..end).map(|at| Aligned::Both(old_end + at, new_end + at));
    before.chain(moved).chain(after).collect()
}

/// Long lists: items that are there once in each and in the same order stay, and those between are aligned on their own.
fn by_equals(old: &[Value], new: &[Value]) -> Vec<Aligned> {
    let texts = |items: &[Value]| items.iter().map(Value::to_string).collect::<Vec<String>>();
    let (of_old, of_new) = (texts(old), texts(new));
    let mut places: HashMap<&str, (Vec<usize>, Vec<usize>)> = HashMap::new();
    of_old.iter().enumerate().for_each(|(at, text)| places.entry(text).or_default().0.push(at));
    of_new.iter().enumerate().for_each(|(to, text)| places.entry(text).or_default().1.push(to));
    let mut aligned = Vec::with_capacity(old.len().max(new.len()));
    let (mut at, mut to) = (0, 0);
    for (here, text) in of_old.iter().enumerate() {
        if let Some(([_], [there])) = places.get(text.as_str()).map(|(old, new)| (&old[..], &new[..]))
            && *there >= to
        {
            between((old, new), (at..here, to..*there), &mut aligned);
            aligned.push(Aligned::Both(here, *there));
            (at, to) = (here + 1, there + 1);
        }
    }
    between((old, new), (at..old.len(), to..new.len()), &mut aligned);
    aligned
}

fn between(
    (old, new): (&[Value], &[Value]),
    (of_old, of_new): (Range<usize>, Range<usize>),
    aligned: &mut Vec<Aligned>,
) {
    let part = if of_old.len().saturating_mul(of_new.len()) <= MOST_PAIRS {
        by_content(&old[of_old.clone()], &new[of_new.clone()])
    } else {
        by_position(of_old.len(), of_new.len())
    };
    aligned.extend(part.into_iter().map(|item| match item {
        Aligned::Both(at, to) => Aligned::Both(of_old.start + at, of_new.start + to),
        Aligned::Old(at) => Aligned::Old(of_old.start + at),
        Aligned::New(to) => Aligned::New(of_new.start + to),
    }));
}

fn by_position(old: usize, new: usize) -> Vec<Aligned> {
    let both = old.min(new);
    let pairs = (0..both).map(|at| Aligned::Both(at, at));
    pairs.chain((both..old).map(Aligned::Old)).chain((both..new).map(Aligned::New)).collect()
}

/// The alignment that keeps the most, as for the longest common subsequence.
fn by_content(old: &[Value], new: &[Value]) -> Vec<Aligned> {
    let width = new.len() + 1;
    let counted = |items: &'_ [Value]| items.iter().map(leaves).collect::<Vec<usize>>();
    let (of_old, of_new) = (counted(old), counted(new));
    let pairs = old.iter().zip(&of_old).flat_map(|(old, of_old)| {
        let new = new.iter().zip(&of_new);
        new.map(move |(new, of_new)| likeness((old, *of_old), (new, *of_new)))
    });
    let scores: Vec<f64> = pairs.collect();
    let score = |at: usize, to: usize| scores[at * new.len() + to];
    let mut best = vec![0.0_f64; (old.len() + 1) * width];
    for at in (0..old.len()).rev() {
        for to in (0..new.len()).rev() {
            let apart = best[(at + 1) * width + to].max(best[at * width + to + 1]);
            best[at * width + to] = apart.max(best[(at + 1) * width + to + 1] + score(at, to));
        }
    }
    let (mut aligned, mut at, mut to) = (Vec::new(), 0, 0);
    while at < old.len() || to < new.len() {
        let here = |at: usize, to: usize| best[at * width + to];
        if to == new.len() || at < old.len() && here(at + 1, to) >= here(at, to) {
            aligned.push(Aligned::Old(at));
            at += 1;
        } else if at == old.len() || here(at, to + 1) >= here(at, to) {
            aligned.push(Aligned::New(to));
            to += 1;
        } else {
            aligned.push(Aligned::Both(at, to));
            (at, to) = (at + 1, to + 1);
        }
    }
    aligned
}

/// Where one value that does not say what it is for went and one came, between the same items, it is that one.
fn lone_pairs((old, new): (&[Value], &[Value]), aligned: Vec<Aligned>) -> Vec<Aligned> {
    let mut paired: Vec<Aligned> = Vec::with_capacity(aligned.len());
    for run in aligned.chunk_by(|one, next| !is_both(one) && !is_both(next)) {
        let went = only(run, |item| matches!(item, Aligned::Old(at) if is_anonymous(&old[at])));
        let came = only(run, |item| matches!(item, Aligned::New(to) if is_anonymous(&new[to])));
        let (at, to) = match (went, came) {
            (Some(Aligned::Old(at)), Some(Aligned::New(to))) if has_same_form(&old[at], &new[to]) => (at, to),
            _ => {
                paired.extend(run);
                continue;
            }
        };
        let is_before = |item: &&Aligned| match **item {
            Aligned::Old(other) => other < at,
            Aligned::New(other) => other < to,
            Aligned::Both(..) => false,
        };
        let is_after =
            |item: &&Aligned| !is_before(item) && **item != Aligned::Old(at) && **item != Aligned::New(to);
        paired.extend(run.iter().filter(is_before));
        paired.push(Aligned::Both(at, to));
        paired.extend(run.iter().filter(is_after));
    }
    paired
}

/// The only item of which it is so.
fn only(run: &[Aligned], is_it: impl Fn(Aligned) -> bool) -> Option<Aligned> {
    let mut found = run.iter().copied().filter(|item| is_it(*item));
    found.next().filter(|_| found.next().is_none())
}

fn is_both(item: &Aligned) -> bool {
    matches!(item, Aligned::Both(..))
}

/// Whether a value does not say what it is for: `8080`, unlike `--port=8080`.
fn is_anonymous(value: &Value) -> bool {
    match value {
        Value::String(text) => name_of(text).is_none(),
        _ => true,
    }
}

/// Whether both are maps of the same keys, lists, or neither.
fn has_same_form(old: &Value, new: &Value) -> bool {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => old.keys().eq(new.keys()),
        (Value::Array(_), Value::Array(_)) => true,
        _ => !(old.is_object() || old.is_array() || new.is_object() || new.is_array()),
    }
}

/// How likely it is that one item became the other, from 0; each comes with its number of leaves.
fn likeness((old, of_old): (&Value, usize), (new, of_new): (&Value, usize)) -> f64 {
    let share = match (old, new) {
        (Value::String(old), Value::String(new)) if old != new => text_likeness(old, new),
        (Value::Object(_), Value::Object(_)) | (Value::Array(_), Value::Array(_)) => {
            // What cannot be like enough is not looked into.
            let most = of_old.max(of_new);
            if ratio(of_old.min(of_new), most) < SIMILAR {
                return 0.0;
            }
            if of_old == of_new && old == new {
                return EQUAL;
            }
            ratio(same_leaves(old, new), most)
        }
        _ if old == new => EQUAL,
        _ => 0.0,
    };
    if share >= SIMILAR { share } else { 0.0 }
}

/// Flags and assignments by their names, other texts by how they begin and end.
fn text_likeness(old: &str, new: &str) -> f64 {
    match (name_of(old), name_of(new)) {
        (Some(old), Some(new)) if old == new => 0.9,
        (None, None) => {
            let (old, new) = (old.as_bytes(), new.as_bytes());
            let begin = old.iter().zip(new).take_while(|(old, new)| old == new).count();
            let most = old.len().min(new.len()) - begin;
            let ends = old.iter().rev().zip(new.iter().rev()).take(most);
            let end = ends.take_while(|(old, new)| old == new).count();
            ratio(begin + end, old.len().max(new.len()))
        }
        _ => 0.0,
    }
}

/// `--log` of `--log=info`, `A` of `A=b`; `None` for what names nothing.
fn name_of(text: &str) -> Option<&str> {
    let (name, _) = text.split_once('=').unwrap_or((text, ""));
    // A script or an address that has a `=` somewhere is no assignment.
    let is_name = !name.contains(|c: char| c.is_whitespace() || "/:?&$".contains(c));
    (is_name && (text.starts_with('-') || name.len() < text.len())).then_some(name)
}

/// Leaves that are the same in both.
fn same_leaves(old: &Value, new: &Value) -> usize {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            let (few, many) = if old.len() < new.len() { (old, new) } else { (new, old) };
            few.iter().filter_map(|(key, value)| Some(same_leaves(value, many.get(key)?))).sum()
        }
        // By content first, for an item that went moves the others; then those that are left, in their order.
        (Value::Array(old), Value::Array(new)) if old.len() * new.len() <= 400 => {
            let mut rest: Vec<&Value> = new.iter().collect();
            let mut same = 0;
            let mut changed = Vec::new();
            for item in old {
                match rest.iter().position(|other| *other == item) {
                    Some(at) => same += leaves(rest.remove(at)),
                    None => changed.push(item),
                }
            }
            same + changed.iter().zip(&rest).map(|(old, new)| same_leaves(old, new)).sum::<usize>()
        }
        (Value::Array(old), Value::Array(new)) => {
            old.iter().zip(new).map(|(old, new)| same_leaves(old, new)).sum()
        }
        _ => usize::from(old == new),
    }
}

fn leaves(value: &Value) -> usize {
    match value {
        Value::Object(map) => map.values().map(leaves).sum::<usize>().max(1),
        Value::Array(items) => items.iter().map(leaves).sum::<usize>().max(1),
        _ => 1,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a ratio")]
fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::{Aligned, align};

    /// `a>b` for an item that became another, `-a`, `+b`.
    fn told(old: &Value, new: &Value) -> String {
        let (old, new) = (old.as_array().unwrap(), new.as_array().unwrap());
        let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let items = align(old, new).into_iter().map(|item| match item {
            Aligned::Both(at, to) if old[at] == new[to] => word(&old[at]),
            Aligned::Both(at, to) => format!("{}>{}", word(&old[at]), word(&new[to])),
            Aligned::Old(at) => format!("-{}", word(&old[at])),
            Aligned::New(to) => format!("+{}", word(&new[to])),
        });
        items.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn items_are_aligned_by_content() {
        for (old, new, expected) in [
            (json!(["a", "b", "c"]), json!(["a", "c"]), "a -b c"),
            (json!(["a", "c"]), json!(["a", "b", "c"]), "a +b c"),
            (json!(["--a", "--b=1", "--c"]), json!(["--b=1", "--z"]), "---a --b=1 ---c +--z"),
            (
                json!(["--zone=eu", "--legacy", "--log=info"]),
                json!(["--zone=eu", "--log=debug"]),
                "--zone=eu ---legacy --log=info>--log=debug",
            ),
            (json!(["--port", "8080"]), json!(["--port", "9090", "-v"]), "--port 8080>9090 +-v"),
            (json!([80, 443]), json!([8080, 443]), "80>8080 443"),
            (json!(["A=1", "B=2"]), json!(["B=3"]), "-A=1 B=2>B=3"),
            (
                json!(["web.example.org", "old.example.org"]),
                json!(["old.example.com"]),
                "-web.example.org old.example.org>old.example.com",
            ),
            (json!(["a", "b"]), json!(["b", "a"]), "-a b +a"),
            (json!([]), json!(["a"]), "+a"),
            (
                json!([{"h": 1, "p": {"x": 1, "y": 2}}, {"h": 2, "p": {"x": 3, "y": 4}}]),
                json!([{"h": 2, "p": {"x": 3, "y": 5}}]),
                r#"-{"h":1,"p":{"x":1,"y":2}} {"h":2,"p":{"x":3,"y":4}}>{"h":2,"p":{"x":3,"y":5}}"#,
            ),
            (json!([{"a": 1}]), json!([{"b": 2}]), r#"-{"a":1} +{"b":2}"#),
            (json!([{"a": 1}, 2]), json!([{"a": 3}, 2]), r#"{"a":1}>{"a":3} 2"#),
            (
                json!([{"h": "x", "verbs": ["get", "list", "watch"]}]),
                json!([{"h": "x", "verbs": ["list", "watch"]}]),
                r#"{"h":"x","verbs":["get","list","watch"]}>{"h":"x","verbs":["list","watch"]}"#,
            ),
            (
                json!([{"h": "x"}, {"h": "y", "paths": [{"p": "/", "port": 80}]}]),
                json!([{"h": "y", "paths": [{"p": "/", "port": 81}]}]),
                r#"-{"h":"x"} {"h":"y","paths":[{"p":"/","port":80}]}>{"h":"y","paths":[{"p":"/","port":81}]}"#,
            ),
            (
                json!(["sleep 5 && nginx"]),
                json!(["sleep 5 && A=1 nginx"]),
                "sleep 5 && nginx>sleep 5 && A=1 nginx",
            ),
        ] {
            assert_eq!(told(&old, &new), expected);
        }
    }

    #[test]
    fn long_lists_are_aligned_by_position() {
        let old: Vec<Value> = (0..300).map(Value::from).collect();
        let new: Vec<Value> = (0..301).map(|number| Value::from(number + 1000)).collect();
        let aligned = align(&old, &new);
        assert_eq!((aligned[7], aligned[300]), (Aligned::Both(7, 7), Aligned::New(300)));
    }

    proptest! {
        #[test]
        fn every_item_is_there_once_and_in_its_order(old in items(), new in items()) {
            let aligned = align(&old, &new);
            let of_old = aligned.iter().filter_map(|item| match item {
                Aligned::Both(at, _) | Aligned::Old(at) => Some(*at),
                Aligned::New(_) => None,
            });
            prop_assert!(of_old.eq(0..old.len()));
            let of_new = aligned.iter().filter_map(|item| match item {
                Aligned::Both(_, to) | Aligned::New(to) => Some(*to),
                Aligned::Old(_) => None,
            });
            prop_assert!(of_new.eq(0..new.len()));
        }
    }

    fn items() -> impl Strategy<Value = Vec<Value>> {
        let item = prop_oneof!["[a-c]{0,2}", "--[a-b]=[0-1]"].prop_map(Value::from);
        proptest::collection::vec(item, 0..8)
    }
}
