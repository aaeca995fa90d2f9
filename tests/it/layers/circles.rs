//! Files of a room that use each other can only be understood together: rooms that have none of these keep it so.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::tree::{product_text, root, rust_files};

/// Rooms in which no file uses one that uses it in turn.
const WITHOUT_CIRCLES: [&str; 1] = ["forge"];

/// A module of the crate, as its path.
type Module = Vec<String>;

#[test]
fn files_of_a_room_use_each_other_in_one_direction() {
    for room in WITHOUT_CIRCLES {
        let files: BTreeMap<Module, String> = rust_files(&format!("src/{room}"))
            .into_iter()
            .map(|file| (module(&file), product_text(&root().join(file))))
            .collect();
        let known: BTreeSet<&Module> = files.keys().collect();
        let uses: BTreeMap<&Module, BTreeSet<Module>> =
            files.iter().map(|(module, text)| (module, used(text, module, &known))).collect();
        assert!(uses.values().flatten().count() >= files.len(), "{room}: {uses:?}");
        let circles: Vec<String> = known.iter().filter_map(|start| circle(start, &uses)).collect();
        assert!(circles.is_empty(), "{}", circles.join("\n"));
    }
}

#[test]
fn every_way_to_name_a_file_of_the_room_is_seen() {
    let known: Vec<Module> = ["a", "a::b", "a::c", "a::c::d", "a::c::e"].into_iter().map(path).collect();
    let known: BTreeSet<&Module> = known.iter().collect();
    let cases: [(&str, &str, &str, &[&str]); 10] = [
        ("a sibling", "a::b", "use super::c::Thing;", &["a::c"]),
        ("a sibling's file", "a::b", "fn f(x: super::c::d::Thing) {}", &["a::c::d"]),
        ("what the parent has", "a::b", "use super::Thing;", &["a"]),
        ("from the root", "a::c::d", "use crate::a::b::Thing;", &["a::b"]),
        ("a group", "a::c::d", "use super::super::{\n    b::{One, Two},\n    Thing,\n};", &["a", "a::b"]),
        ("a child", "a::c", "mod d;\nuse d::{One, Two};", &["a::c::d"]),
        ("a declaration is no use", "a", "mod b;\npub mod c;", &[]),
        ("a sibling of the child", "a::c::d", "use super::e;", &["a::c::e"]),
        ("a visibility is no use", "a::b", "pub(in crate::a) fn f(x: super::c::d::Thing) {}", &["a::c::d"]),
        ("another room", "a::b", "use crate::z::b::Thing;", &[]),
    ];
    for (name, module, text, expected) in cases {
        let found: Vec<_> = used(text, &path(module), &known).into_iter().collect();
        assert_eq!(found, expected.iter().map(|one| path(one)).collect::<Vec<_>>(), "{name}");
    }
    let (a, b) = (path("a"), path("a::b"));
    let uses = BTreeMap::from([(&a, BTreeSet::from([b.clone()])), (&b, BTreeSet::from([a.clone()]))]);
    assert_eq!(circle(&a, &uses).as_deref(), Some("a -> a::b -> a"));
}

fn path(text: &str) -> Module {
    text.split("::").map(str::to_owned).collect()
}

fn module(file: &str) -> Module {
    let inner = file.strip_prefix("src/").and_then(|path| path.strip_suffix(".rs")).expect("a file of src");
    inner.strip_suffix("/mod").unwrap_or(inner).split('/').map(str::to_owned).collect()
}

/// A way from a module back to it.
fn circle(start: &Module, uses: &BTreeMap<&Module, BTreeSet<Module>>) -> Option<String> {
    let mut ways = vec![vec![start.clone()]];
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop() {
        for next in way.last().and_then(|last| uses.get(last)).into_iter().flatten() {
            let mut longer = way.clone();
            longer.push(next.clone());
            if next == start {
                return Some(longer.iter().map(|one| one.join("::")).collect::<Vec<_>>().join(" -> "));
            }
            if seen.insert(next.clone()) {
                ways.push(longer);
            }
        }
    }
    None
}

/// The other modules among `known` that a text names: from the root of the crate, through `super::`, or as its own
/// children.
fn used(text: &str, module: &Module, known: &BTreeSet<&Module>) -> BTreeSet<Module> {
    let text = &without_visibility(text);
    let mut paths = vec![];
    for rest in after_word(text, "crate::") {
        paths.extend(expand(rest));
    }
    for mut rest in after_word(text, "super::") {
        let mut base = module[..module.len() - 1].to_vec();
        while let Some(further) = rest.strip_prefix("super::") {
            rest = further;
            base.pop();
        }
        paths.extend(expand(rest).into_iter().map(|path| [base.clone(), path].concat()));
    }
    let children = known.iter().filter(|one| one.split_last().is_some_and(|(_, parent)| parent == module));
    for child in children {
        let name = child.last().expect("a path has a segment");
        let named = after_word(text, &format!("{name}::"));
        let expanded = named.into_iter().flat_map(expand);
        paths.extend(expanded.map(|path| [(*child).clone(), path].concat()));
    }
    let nearest = |path: Module| {
        (1..=path.len()).rev().map(|end| path[..end].to_vec()).find(|part| known.contains(part))
    };
    paths.into_iter().filter_map(nearest).filter(|found| found != module).collect()
}

/// Without `pub(in crate::room)`, which names who may use a thing and uses nothing.
fn without_visibility(text: &str) -> String {
    let mut parts = text.split("pub(in ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |kept, part| kept + part.split_once(')').map_or(part, |(_, rest)| rest))
}

/// What follows each `prefix` that begins a path.
fn after_word<'a>(text: &'a str, prefix: &str) -> Vec<&'a str> {
    let begins = |at: &usize| !text[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
    let starts = text.match_indices(prefix).map(|(at, _)| at).filter(begins);
    starts.map(|at| &text[at + prefix.len()..]).collect()
}

/// The paths at the start of a text: one, or those of a group.
fn expand(text: &str) -> Vec<Module> {
    if let Some(group) = text.strip_prefix('{') {
        return items(group).iter().flat_map(|item| expand(item.trim())).collect();
    }
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    let (first, rest) = (text[..end].to_owned(), &text[end..]);
    match rest.strip_prefix("::") {
        Some(rest) => expand(rest).into_iter().map(|path| [vec![first.clone()], path].concat()).collect(),
        None => vec![vec![first]],
    }
}

/// The items of a group, up to its end.
fn items(group: &str) -> Vec<String> {
    let (mut level, mut items, mut item) = (0_usize, vec![], String::new());
    for c in group.chars() {
        match c {
            '}' if level == 0 => break,
            ',' if level == 0 => items.push(std::mem::take(&mut item)),
            other => {
                level = match other {
                    '{' => level + 1,
                    '}' => level - 1,
                    _ => level,
                };
                item.push(other);
            }
        }
    }
    items.push(item);
    items.retain(|item| !item.trim().is_empty());
    items
}
