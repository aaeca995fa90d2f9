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

/// How much of two items must agree for one to be the other in another place.
const MOVED: f64 = 0.75;
/// How likely it is that a value stayed whose flag did not: less than that the value of a flag that stayed is another.
const WITHOUT_ITS_FLAG: f64 = 0.4;

/// Two lists, or the same part of both.
type Both<'a, T> = (&'a T, &'a T);

/// Aligns two lists by content, in their order: equal items first, then those that are one item changed. A value that
/// stands after its flag (`--host`, `a.example.org`) goes with it.
#[must_use]
pub fn align(old: &[Value], new: &[Value]) -> Vec<Aligned> {
    let mut start = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    // Which of several equal flags it is, its value tells.
    if has_flag(old, start) || has_flag(new, start) {
        start -= 1;
    }
    let shorter = old.len().min(new.len());
    let ends = old.iter().rev().zip(new.iter().rev()).take(shorter - start);
    let mut end = ends.take_while(|(old, new)| old == new).count();
    if end > 0 && has_flag(old, old.len() - end) && has_flag(new, new.len() - end) {
        end -= 1;
    }
    let (old_end, new_end) = (old.len() - end, new.len() - end);
    let inner = (start..old_end, start..new_end);
    let aligned = match inner.0.len().saturating_mul(inner.1.len()) {
        0..=MOST_PAIRS => pair_lone_items((old, new), by_content((old, new), (&inner.0, &inner.1))),
        _ => by_equals((old, new), (&inner.0, &inner.1)),
    };
    let before = (0..start).map(|at| Aligned::Both(at, at));
    let after = (0..end).map(|at| Aligned::Both(old_end + at, new_end + at));
    before.chain(aligned).chain(after).collect()
}

/// Whether an item is the value of the flag before it: `--port`, `80`.
pub(super) fn has_flag(items: &[Value], at: usize) -> bool {
    let is_flag = |item: &Value| {
        item.as_str().is_some_and(|text| {
            text.starts_with('-')
                && text.trim_start_matches('-').starts_with(char::is_alphabetic)
                && !text.contains('=')
        })
    };
    let is_value = |item: &Value| match item {
        Value::String(text) => !text.starts_with('-') || text == "-" || text.parse::<f64>().is_ok(),
        other => !(other.is_object() || other.is_array()),
    };
    at > 0 && items.get(at).is_some_and(is_value) && is_flag(&items[at - 1])
}

/// Long lists: items that are there once in each and in the same order stay, and those between are aligned on their own.
fn by_equals((old, new): Both<'_, [Value]>, (of_old, of_new): Both<'_, Range<usize>>) -> Vec<Aligned> {
    let texts = |items: &[Value]| items.iter().map(Value::to_string).collect::<Vec<String>>();
    let (old_texts, new_texts) = (texts(&old[of_old.clone()]), texts(&new[of_new.clone()]));
    let mut places: HashMap<&str, (Vec<usize>, Vec<usize>)> = HashMap::new();
    of_old.clone().zip(&old_texts).for_each(|(at, text)| places.entry(text).or_default().0.push(at));
    of_new.clone().zip(&new_texts).for_each(|(to, text)| places.entry(text).or_default().1.push(to));
    let mut aligned = Vec::with_capacity(of_old.len().max(of_new.len()));
    let (mut at, mut to) = (of_old.start, of_new.start);
    for (here, text) in of_old.clone().zip(&old_texts) {
        if let Some(([_], [there])) = places.get(text.as_str()).map(|(old, new)| (&old[..], &new[..]))
            && *there >= to
        {
            aligned.extend(between((old, new), (&(at..here), &(to..*there))));
            aligned.push(Aligned::Both(here, *there));
            (at, to) = (here + 1, there + 1);
        }
    }
    aligned.extend(between((old, new), (&(at..of_old.end), &(to..of_new.end))));
    aligned
}

fn between(lists: Both<'_, [Value]>, (of_old, of_new): Both<'_, Range<usize>>) -> Vec<Aligned> {
    if of_old.len().saturating_mul(of_new.len()) <= MOST_PAIRS {
        by_content(lists, (of_old, of_new))
    } else {
        by_position(of_old, of_new)
    }
}

fn by_position(of_old: &Range<usize>, of_new: &Range<usize>) -> Vec<Aligned> {
    let both = of_old.len().min(of_new.len());
    let pairs = of_old.clone().zip(of_new.clone()).map(|(at, to)| Aligned::Both(at, to));
    let rest = of_old.clone().skip(both).map(Aligned::Old);
    pairs.chain(rest).chain(of_new.clone().skip(both).map(Aligned::New)).collect()
}

/// What it is worth that items of two parts are one another.
struct Scores {
    scores: Vec<f64>,
    /// Of each part which items are values of the flag before them, and of the one after it.
    flagged: (Vec<bool>, Vec<bool>),
}

impl Scores {
    fn of((old, new): Both<'_, [Value]>, (of_old, of_new): Both<'_, Range<usize>>) -> Self {
        let counted = |items: &'_ [Value]| items.iter().map(leaves).collect::<Vec<usize>>();
        let (part, new_part) = (&old[of_old.clone()], &new[of_new.clone()]);
        let (of_part, of_new_part) = (counted(part), counted(new_part));
        let pairs = part.iter().zip(&of_part).flat_map(|(old, of_old)| {
            let new = new_part.iter().zip(&of_new_part);
            new.map(move |(new, of_new)| likeness((old, *of_old), (new, *of_new)))
        });
        let flagged = |items: &[Value], part: &Range<usize>| {
            (part.start..=part.end).map(|at| has_flag(items, at)).collect()
        };
        Self { scores: pairs.collect(), flagged: (flagged(old, of_old), flagged(new, of_new)) }
    }

    /// Of one pair, where the items before are one another or not.
    fn at(&self, at: usize, to: usize, after_pair: bool) -> f64 {
        let (of_old, of_new) = &self.flagged;
        let score = self.scores[at * (of_new.len() - 1) + to];
        match (of_old[at] && of_new[to], after_pair) {
            (true, true) => score.max(SIMILAR),
            (true, false) if score >= EQUAL => WITHOUT_ITS_FLAG,
            (true, false) => 0.0,
            // Whether it is the same flag, its value tells.
            (false, _) if of_old[at + 1] && of_new[to + 1] => score.min(SIMILAR),
            (false, _) => score,
        }
    }
}

/// The alignment that keeps the most, as for the longest common subsequence. A part begins where the lists do, or after two
/// items that are one another.
fn by_content(lists: Both<'_, [Value]>, (of_old, of_new): Both<'_, Range<usize>>) -> Vec<Aligned> {
    let (old, new) = (of_old.len(), of_new.len());
    let scores = Scores::of(lists, (of_old, of_new));
    // What the rest is worth after items that are not one another, and after a pair.
    let mut best = vec![[0.0_f64; 2]; (old + 1) * (new + 1)];
    let place = |at: usize, to: usize| at * (new + 1) + to;
    for at in (0..old).rev() {
        for to in (0..new).rev() {
            let apart = best[place(at + 1, to)][0].max(best[place(at, to + 1)][0]);
            let paired = best[place(at + 1, to + 1)][1];
            let of_pair = |score: f64| if score > 0.0 { paired + score } else { 0.0 };
            best[place(at, to)] = [false, true].map(|after| apart.max(of_pair(scores.at(at, to, after))));
        }
    }
    let (mut aligned, mut at, mut to, mut after_pair) = (Vec::new(), 0, 0, true);
    while at < old || to < new {
        let here = best[place(at, to)][usize::from(after_pair)];
        after_pair = false;
        if to == new || at < old && best[place(at + 1, to)][0] >= here {
            aligned.push(Aligned::Old(of_old.start + at));
            at += 1;
        } else if at == old || best[place(at, to + 1)][0] >= here {
            aligned.push(Aligned::New(of_new.start + to));
            to += 1;
        } else {
            aligned.push(Aligned::Both(of_old.start + at, of_new.start + to));
            (at, to, after_pair) = (at + 1, to + 1, true);
        }
    }
    aligned
}

/// Where one value that does not say what it is for went and one came, between the same items, it is that one.
fn pair_lone_items((old, new): Both<'_, [Value]>, aligned: Vec<Aligned>) -> Vec<Aligned> {
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

/// Whether an item that went is one that came elsewhere: it is equal, or the same flag, or a map most of which is the same. A flag
/// moves together with its value.
pub(super) fn is_moved((old_items, at): (&[Value], usize), (new_items, to): (&[Value], usize)) -> bool {
    let values = (has_flag(old_items, at + 1), has_flag(new_items, to + 1));
    if (values.0 || values.1) && old_items.get(at + 1) != new_items.get(to + 1) {
        return false;
    }
    let (old, new) = (&old_items[at], &new_items[to]);
    let has_name = |value: &Value| value.as_str().is_none_or(|text| name_of(text).is_some());
    let is_like = || likeness((old, leaves(old)), (new, leaves(new))) >= MOVED;
    old == new || !old.is_array() && has_name(old) && has_name(new) && is_like()
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
    fn describe(old: &Value, new: &Value) -> String {
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
            assert_eq!(describe(&old, &new), expected);
        }
    }

    #[test]
    fn a_value_goes_with_its_flag() {
        let hosts = json!(["--host", "a.io", "--host", "b.io", "--host", "c.io"]);
        for (old, new, expected) in [
            (
                hosts.clone(),
                json!(["--host", "a.io", "--host", "c.net"]),
                "--host a.io ---host -b.io --host c.io>c.net",
            ),
            (
                hosts.clone(),
                json!(["--host", "b.io", "--host", "c.io"]),
                "---host -a.io --host b.io --host c.io",
            ),
            (
                hosts.clone(),
                json!(["--host", "x.io", "--host", "a.io", "--host", "b.io", "--host", "c.io"]),
                "+--host +x.io --host a.io --host b.io --host c.io",
            ),
            (
                hosts,
                json!(["--host", "a.io", "--host", "b.io", "--host", "x", "--host", "c.io"]),
                "--host a.io --host b.io +--host +x --host c.io",
            ),
            (json!(["--min", "1", "--max", "2"]), json!(["--max", "1"]), "---min -1 --max 2>1"),
            (json!(["--a", 1, "--b", 1]), json!(["--b", 1]), "---a -1 --b 1"),
            (
                json!(["-v", "--set", "a=1", "--set", "b=2", "-v"]),
                json!(["-v", "--set", "b=2", "-v"]),
                "-v ---set -a=1 --set b=2 -v",
            ),
            // The value of a flag that was given another name, and a flag without one.
            (json!(["--port", "80"]), json!(["--listen", "80"]), "---port +--listen 80"),
            (json!(["--debug", "main.py"]), json!(["main.py"]), "---debug main.py"),
            (json!(["--", "a"]), json!(["--", "b", "a"]), "-- +b a"),
        ] {
            assert_eq!(describe(&old, &new), expected);
        }
    }

    #[test]
    fn flag_and_value_paired_in_long_lists() {
        let pairs = |hosts: &[usize]| {
            hosts
                .iter()
                .flat_map(|host| [json!("--host"), json!(format!("{host}.io"))])
                .collect::<Vec<Value>>()
        };
        let old: Vec<usize> = (0..300).collect();
        let new: Vec<usize> = (1..300).filter(|host| *host != 150).chain([999]).collect();
        let gone = align(&pairs(&old), &pairs(&new));
        let gone: Vec<&Aligned> = gone.iter().filter(|item| !matches!(item, Aligned::Both(..))).collect();
        let expected = [
            Aligned::Old(0),
            Aligned::Old(1),
            Aligned::Old(300),
            Aligned::Old(301),
            Aligned::New(596),
            Aligned::New(597),
        ];
        assert_eq!(gone, expected.iter().collect::<Vec<_>>());
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
        fn every_item_aligned_once_in_order(old in items(), new in items()) {
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
