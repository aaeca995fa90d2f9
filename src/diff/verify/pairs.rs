//! Which item of one list is which of the other, without a schema: by likeness.

use serde_json::Value;

/// Fields that tell an item from its neighbours, whatever the kind.
const TELLING: &[&str] = &[
    "name",
    "port",
    "containerPort",
    "mountPath",
    "devicePath",
    "ip",
    "uid",
    "id",
    "topologyKey",
    "key",
    "type",
    "host",
    "path",
];

/// Beyond so many comparisons what is left is paired by position.
const MOST: usize = 250_000;

/// Positions in both lists, every item once, in the order of the first list, then what only the second has.
pub(super) type PositionPairs = Vec<(Option<usize>, Option<usize>)>;

/// Pairs the items of two lists: equal ones first, then those that are most alike.
pub(super) fn pair(left: &[Value], right: &[Value]) -> PositionPairs {
    let mut of_left: Vec<Option<usize>> = vec![None; left.len()];
    let mut taken = vec![false; right.len()];
    pair_equal(left, right, &mut of_left, &mut taken);
    let rest_left: Vec<usize> = (0..left.len()).filter(|at| of_left[*at].is_none()).collect();
    let rest_right: Vec<usize> = (0..right.len()).filter(|at| !taken[*at]).collect();
    let alike = if rest_left.len().saturating_mul(rest_right.len()) > MOST {
        rest_left.iter().copied().zip(rest_right.iter().copied()).collect()
    } else {
        most_alike(left, right, &rest_left, &rest_right)
    };
    for (at_left, at_right) in alike {
        of_left[at_left] = Some(at_right);
        taken[at_right] = true;
    }
    let only_right = (0..right.len()).filter(|at| !taken[*at]).map(|at| (None, Some(at)));
    of_left.iter().enumerate().map(|(at, other)| (Some(at), *other)).chain(only_right).collect()
}

/// Equal items, those at the same position first; long lists that changed as a whole are not searched through.
fn pair_equal(left: &[Value], right: &[Value], of_left: &mut [Option<usize>], taken: &mut [bool]) {
    for at in 0..left.len().min(right.len()) {
        if left[at] == right[at] {
            of_left[at] = Some(at);
            taken[at] = true;
        }
    }
    if left.len().saturating_mul(right.len()) > MOST {
        return;
    }
    for (at, item) in left.iter().enumerate() {
        if of_left[at].is_none()
            && let Some(found) = (0..right.len()).find(|other| !taken[*other] && right[*other] == *item)
        {
            of_left[at] = Some(found);
            taken[found] = true;
        }
    }
}

fn most_alike(left: &[Value], right: &[Value], of_left: &[usize], of_right: &[usize]) -> Vec<(usize, usize)> {
    let all = of_left.iter().flat_map(|at| of_right.iter().map(move |other| (*at, *other)));
    let mut scored: Vec<(usize, usize, usize)> = all
        .map(|(at, other)| (likeness(&left[at], &right[other]), at, other))
        .filter(|(score, ..)| *score > 0)
        .collect();
    scored.sort_by_key(|(score, at, other)| (usize::MAX - score, *at, *other));
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    for (_, at, other) in scored {
        if !pairs.iter().any(|(left, right)| *left == at || *right == other) {
            pairs.push((at, other));
        }
    }
    pairs
}

/// 0 where two items are different things.
fn likeness(left: &Value, right: &Value) -> usize {
    match (left, right) {
        (Value::Object(left), Value::Object(right)) => {
            let equal = |key: &str| left.contains_key(key) && left.get(key) == right.get(key);
            let told = TELLING.iter().any(|key| left.contains_key(*key) || right.contains_key(*key));
            let telling = TELLING.iter().filter(|key| equal(key)).count();
            let others = left.keys().filter(|key| equal(key)).count();
            if told && telling == 0 { 0 } else { 1 + 100 * telling + others }
        }
        // Values of a list of scalars: at best the same place holds another one.
        _ => 1,
    }
}
