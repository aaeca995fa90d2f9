//! Files of a room that use each other can only be understood together: no room has such files.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::tree::{product_text, root, rust_files};

/// A module of the crate, as its path.
type Module = Vec<String>;

/// The names that each module takes from another and gives on (`pub use`), with the module they come from.
type Exports = BTreeMap<Module, BTreeMap<String, Module>>;

#[test]
fn files_of_module_have_no_cycles() {
    let mut circles = Vec::new();
    for room in rooms() {
        let files: BTreeMap<Module, String> = rust_files(&format!("src/{room}"))
            .into_iter()
            .map(|file| (module(&file), product_text(&root().join(file))))
            .collect();
        let known: BTreeSet<&Module> = files.keys().collect();
        let exports: Exports =
            files.iter().map(|(module, text)| (module.clone(), exported(text, module, &known))).collect();
        let uses: BTreeMap<&Module, BTreeSet<Module>> =
            files.iter().map(|(module, text)| (module, used(text, module, (&known, &exports)))).collect();
        let edges = uses.values().flatten().count();
        assert!(edges + 1 >= files.len() / 2, "{room}: {uses:?}");
        circles.extend(known.iter().filter_map(|start| circle(start, &uses)));
    }
    assert!(circles.is_empty(), "{}", circles.join("\n"));
}

/// The folders of `src`.
fn rooms() -> BTreeSet<String> {
    let files = rust_files("src");
    let folders = files.iter().filter_map(|file| file.strip_prefix("src/")?.split_once('/'));
    let rooms: BTreeSet<String> = folders.map(|(room, _)| room.to_owned()).collect();
    assert!(rooms.contains("forge") && rooms.contains("yaml"), "{rooms:?}");
    rooms
}

#[test]
fn all_forms_of_file_use_detected() {
    let known: Vec<Module> = ["a", "a::b", "a::c", "a::c::d", "a::c::e"].into_iter().map(path).collect();
    let known: BTreeSet<&Module> = known.iter().collect();
    let cases: [(&str, &str, &str, &[&str]); 12] = [
        ("a sibling", "a::b", "use super::c::Thing;", &["a::c"]),
        ("a sibling's file", "a::b", "fn f(x: super::c::d::Thing) {}", &["a::c::d"]),
        ("what the parent has", "a::b", "use super::Thing;", &["a"]),
        ("from the root", "a::c::d", "use crate::a::b::Thing;", &["a::b"]),
        ("a group", "a::c::d", "use super::super::{\n    b::{One, Two},\n    Thing,\n};", &["a", "a::b"]),
        ("a child", "a::c", "mod d;\nuse d::{One, Two};", &["a::c::d"]),
        ("a declaration is no use", "a", "mod b;\npub mod c;", &[]),
        ("a sibling of the child", "a::c::d", "use super::e;", &["a::c::e"]),
        ("a visibility is no use", "a::b", "pub(in crate::a) fn f(x: super::c::d::Thing) {}", &["a::c::d"]),
        ("what is given on", "a::c", "use super::{Given, Thing};", &["a", "a::b"]),
        ("giving on is no use", "a", "pub(super) use b::{One, Two};", &[]),
        ("another room", "a::b", "use crate::z::b::Thing;", &[]),
    ];
    for (name, module, text, expected) in cases {
        let exports = Exports::from([(path("a"), exported("pub use b::Given;", &path("a"), &known))]);
        let found: Vec<_> = used(text, &path(module), (&known, &exports)).into_iter().collect();
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
/// children. What a module only gives on it does not use, and who takes that uses the module that it comes from.
fn used(text: &str, module: &Module, (known, exports): (&BTreeSet<&Module>, &Exports)) -> BTreeSet<Module> {
    let (text, _) = split_exports(&without_visibility(text));
    let origin = |path: Module| {
        let (mut found, mut rest) = nearest(&path, known)?;
        while let Some(from) = rest.first().and_then(|name| exports.get(&found)?.get(name)) {
            (found, rest) = (from.clone(), &[]);
        }
        Some(found)
    };
    named(&text, module, known).into_iter().filter_map(origin).filter(|found| found != module).collect()
}

/// The names that a text gives on, and where they come from.
fn exported(text: &str, module: &Module, known: &BTreeSet<&Module>) -> BTreeMap<String, Module> {
    let (_, exports) = split_exports(&without_visibility(text));
    let paths = exports.iter().flat_map(|statement| named(statement, module, known));
    let name = |path: Module| Some((path.last()?.clone(), nearest(&path, known)?.0));
    paths.filter_map(name).collect()
}

/// A text without its `pub use` statements, and these.
fn split_exports(text: &str) -> (String, Vec<String>) {
    let (mut kept, mut exports, mut rest) = (String::new(), Vec::new(), text);
    let starts = ["pub use ", "pub(super) use ", "pub(crate) use "];
    while let Some(at) = starts.iter().filter_map(|start| rest.find(start)).min() {
        let end = rest[at..].find(';').map_or(rest.len(), |end| at + end + 1);
        kept.push_str(&rest[..at]);
        exports.push(rest[at..end].to_owned());
        rest = &rest[end..];
    }
    (kept + rest, exports)
}

/// The longest beginning of a path that is a module, and what follows it.
fn nearest<'p>(path: &'p [String], known: &BTreeSet<&Module>) -> Option<(Module, &'p [String])> {
    let ends = (1..=path.len()).rev();
    ends.map(|end| (path[..end].to_vec(), &path[end..])).find(|(part, _)| known.contains(part))
}

/// The paths that a text names from the root of the crate, through `super::`, or as children of its own.
fn named(text: &str, module: &Module, known: &BTreeSet<&Module>) -> Vec<Module> {
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
    paths
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
