//! Edits, one by one: text before, pointer, value, text after.

use serde_json::{Value, json};

use super::super::{Edit, Operation, edit};

fn set(text: &str, pointer: &str, value: Value) -> Result<String, String> {
    apply(text, pointer, Operation::Set(value))
}

fn remove(text: &str, pointer: &str) -> Result<String, String> {
    apply(text, pointer, Operation::Remove)
}

fn apply(text: &str, pointer: &str, operation: Operation) -> Result<String, String> {
    edit(text, &[Edit { document: 0, pointer: pointer.to_owned(), operation }])
        .map_err(|error| error.why.to_string())
}

#[test]
fn new_value_follows_style_of_file() {
    let cases = [
        ("a: 'x' # c\n", "/a", json!("it's"), "a: 'it''s' # c\n"),
        ("a: \"x\"\n", "/a", json!("y"), "a: \"y\"\n"),
        ("a: 'x'\n", "/a", json!(3), "a: 3\n"),
        ("a: x\n", "/a", json!("yes"), "a: \"yes\"\n"),
        ("a: x\n", "/a", json!("1_000"), "a: \"1_000\"\n"),
        ("a: x\n", "/a", json!("2001-12-14"), "a: \"2001-12-14\"\n"),
        ("a: x\n", "/a", json!("1.25.3"), "a: 1.25.3\n"),
        ("a: x # c\n", "/a", json!("l1\nl2\n"), "a: | # c\n  l1\n  l2\n"),
        ("a: |\n    l1\n    l2\nb: 1\n", "/a", json!("l1\nl3"), "a: |-\n    l1\n    l3\nb: 1\n"),
        ("a: x # c\nb: 1\n", "/a", json!({"k": [1]}), "a: # c\n  k:\n    - 1\nb: 1\n"),
        ("a:\n- x\nb: c\n", "/b", json!(["p"]), "a:\n- x\nb:\n- p\n"),
        ("a: {b: 1}\n", "/a/c", json!({"d": ["x, y"]}), "a: {b: 1, c: {d: [\"x, y\"]}}\n"),
        ("a:\n    b: 1\n", "/c/d", json!(1), "a:\n    b: 1\nc:\n    d: 1\n"),
        ("a:\n  - -   1\n    -   2\n", "/a/0/-", json!(3), "a:\n  - -   1\n    -   2\n    -   3\n"),
        ("a: 1\n", "/b/-", json!("x"), "a: 1\nb:\n  - x\n"),
        ("a:\n  b: 1\n  # about c\nc: 1\n", "/a/d", json!(2), "a:\n  b: 1\n  d: 2\n  # about c\nc: 1\n"),
        (
            "a:\n  # none\n  b: 1 # one\n",
            "/a",
            json!({"b": 1, "c": 2}),
            "a:\n  # none\n  b: 1 # one\n  c: 2\n",
        ),
        ("a: [1, 2, 3]\n", "/a", json!([1, 3]), "a: [1, 3]\n"),
        ("a:\n- 1 # one\n- 3 # three\n", "/a", json!([1, 2, 3]), "a:\n- 1 # one\n- 2\n- 3 # three\n"),
        ("a: !!str # c\n", "/a", json!(5), "a: 5 # c\n"),
        ("a: !!str 1\n", "/a", json!("2"), "a: !!str \"2\"\n"),
    ];
    for (before, pointer, value, after) in cases {
        assert_eq!(set(before, pointer, value), Ok(after.to_owned()), "{before:?} {pointer}");
    }
}

#[test]
fn what_goes_away_takes_its_own_lines() {
    let cases = [
        ("a: 1 # c\nb: 2\n", "/a", "b: 2\n"),
        ("a:\n  b: 1 # c\nd: 1\n", "/a/b", "a: {}\nd: 1\n"),
        ("a: # why\n- 1\n", "/a/0", "a: [] # why\n"),
        ("a:\n- b: 1\n  c: 2\n", "/a/0/b", "a:\n- c: 2\n"),
        ("a:\n- 1\n# about 2\n- 2\n", "/a/1", "a:\n- 1\n"),
        ("a:\n# about all\n- 1\n- 2\n", "/a/0", "a:\n# about all\n- 2\n"),
        ("a: [1, 2]\n", "/a/1", "a: [1]\n"),
        ("a: {b: 1, c: 2}\n", "/a/b", "a: {c: 2}\n"),
        ("a: {b: 1}\n", "/a/b", "a: {}\n"),
        ("a: 1\nb: 2", "/b", "a: 1"),
        ("a: 1\r\nb: 2", "/b", "a: 1"),
        ("{\"a\": 1,\n \"b\": 2}", "/b", "{\"a\": 1}"),
        ("a: |+\n  x\n\nb: 2", "/b", "a: |+\n  x\n\n"),
        ("- |-\n x\n- 2\n   # deep\n", "/1", "- |-\n x\n"),
        // Of blank lines around it one side stays.
        ("a: 1\n\n# b\nb: 2\n\nc: 3\n", "/b", "a: 1\n\nc: 3\n"),
        ("a:\n  - 1\n\n  - 2\n\n  # 3\n  - 3\nb: 1\n", "/a/1", "a:\n  - 1\n\n  # 3\n  - 3\nb: 1\n"),
        ("a:\n\n  b: 1\n\n  c: 2\n", "/a/b", "a:\n\n  c: 2\n"),
        ("a: 1\n\n\nb: 2\n\n\n---\nc: 1\n", "/b", "a: 1\n\n\n---\nc: 1\n"),
        ("a: 1\r\n\r\nb: 2\r\n\r\nc: 3\r\n", "/b", "a: 1\r\n\r\nc: 3\r\n"),
        ("a: 1\n\nb: 2\n", "/b", "a: 1\n"),
        ("a: |+\n  x\n\nb: 2\n\nc: 3\n", "/b", "a: |+\n  x\n\nc: 3\n"),
        ("{\n  a: 1,\n\n  # b\n  b: 2,\n\n  c: 3,\n}\n", "/b", "{\n  a: 1,\n\n  c: 3,\n}\n"),
        ("a: 1\nb: 2\n\nc: 3\n", "/b", "a: 1\n\nc: 3\n"),
    ];
    for (before, pointer, after) in cases {
        assert_eq!(remove(before, pointer), Ok(after.to_owned()), "{before:?} {pointer}");
    }
}

#[test]
fn json_stays_json() {
    let text = "{\n\t\"a\": {\"b\": \"x\"},\n\t\"c\": []\n}\n";
    let edited = set(text, "/a/b", json!("yes")).unwrap();
    let edited = set(&edited, "/c/-", json!({"k": null})).unwrap();
    let edited = set(&edited, "/d", json!("l1\nl2")).unwrap();
    assert_eq!(edited, "{\n\t\"a\": {\"b\": \"yes\"},\n\t\"c\": [{\"k\": null}],\n\t\"d\": \"l1\\nl2\"\n}\n");
    serde_json::from_str::<Value>(&edited).unwrap();
}

#[test]
fn edit_through_anchor_or_alias_is_refused() {
    let text = "x: &x\n  k: 1\nu: *x\nz:\n  <<: *x\n  own: 1\nfree: &free 1\n";
    for pointer in ["/x", "/x/k", "/x/new", "/u/k", "/u/new", "/z/k/deep"] {
        assert!(set(text, pointer, json!(2)).is_err(), "{pointer}");
    }
    for pointer in ["/x", "/x/k", "/u/k", "/z/k"] {
        assert!(remove(text, pointer).is_err(), "{pointer}");
    }
    assert!(set(text, "/x/k", json!(2)).unwrap_err().contains("anchor"));
    assert!(set(text, "/u/k", json!(2)).unwrap_err().contains("alias"));
    assert!(remove(text, "/z/k").unwrap_err().contains("merge"));
    // An alias itself is the value's own text, and a key of its own overrides a merged one.
    assert_eq!(set(text, "/u", json!("q")).unwrap(), text.replace("u: *x", "u: q"));
    assert_eq!(set(text, "/z/k", json!(2)).unwrap(), text.replace("own: 1\n", "own: 1\n  k: 2\n"));
    assert_eq!(set(text, "/free", json!(2)).unwrap(), text.replace("&free 1", "&free 2"));
    assert_eq!(remove(text, "/u").unwrap(), text.replace("u: *x\n", ""));
}

#[test]
fn what_is_not_there_is_said() {
    let cases: &[(&str, &str)] = &[
        ("a: 1\n", "/b"),
        ("a: [1]\n", "/a/1"),
        ("a: [1]\n", "/a/-"),
        ("a: [1]\n", "/a/00"),
        ("a: 1\n", "/a/b"),
        ("a: 1\n", ""),
        ("a: 1\n", "a"),
        ("# nothing\n", "/a"),
        ("a: [\n", "/a"),
    ];
    for (text, pointer) in cases {
        assert!(remove(text, pointer).is_err(), "{text:?} {pointer}");
    }
    assert!(set("a: [1]\n", "/a/5", json!(1)).is_err());
    assert!(set("a: x\n", "/a/b", json!(1)).is_err());
}

#[test]
fn edits_apply_in_order_to_their_document() {
    let text = "# head\n---\na: 1\n---\na: 1 # second\n";
    let edits = [("/b", json!(1)), ("/b", json!(2)), ("/a", json!("x"))];
    let edits = edits.map(|(pointer, value)| Edit {
        document: 2,
        pointer: pointer.to_owned(),
        operation: Operation::Set(value),
    });
    assert_eq!(edit(text, &edits).unwrap(), "# head\n---\na: 1\n---\na: x # second\nb: 2\n");
}

#[test]
fn what_comes_beside_flow_collections_is_one() {
    let rules = "rules:\n- apiGroups: [\"\"]\n  resources: [pods]  # pods\n  verbs:\n  - get\n- apiGroups: [apps]\n  resources: [deployments]\n  verbs:\n  - get\n";
    let cases = [
        (
            rules,
            "/rules/1",
            json!({"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["list", "watch"]}),
            "rules:\n- apiGroups: [\"\"]\n  resources: [pods]  # pods\n  verbs:\n  - get\n- apiGroups: [batch]\n  resources: [jobs]\n  verbs:\n  - list\n  - watch\n",
        ),
        (
            rules,
            "/rules",
            json!([{"apiGroups": ["batch"], "resources": ["jobs", "cronjobs"], "verbs": ["watch"]}]),
            "rules:\n- apiGroups: [batch]\n  resources: [jobs, cronjobs]\n  verbs:\n  - watch\n",
        ),
        (
            "a:\n- {b: 1}\n- {b: 2} # two\n",
            "/a/-",
            json!({"b": [3]}),
            "a:\n- {b: 1}\n- {b: 2} # two\n- {b: [3]}\n",
        ),
        ("a:\n- {b: 1}\n- b: 2\n", "/a/-", json!({"b": 3}), "a:\n- {b: 1}\n- b: 2\n- b: 3\n"),
        ("a:\n- [1, 2]\n- [3, 4]\n", "/a", json!([[5, 6, 7], [8]]), "a:\n- [5, 6, 7]\n- [8]\n"),
        (
            "a:\n- b:\n    c: {d: [1]}\n",
            "/a/-",
            json!({"b": {"c": {"d": [2]}}}),
            "a:\n- b:\n    c: {d: [1]}\n- b:\n    c: {d: [2]}\n",
        ),
        // What has nothing in it says nothing of how it is written.
        ("a:\n- b: []\n", "/a/-", json!({"b": [2]}), "a:\n- b: []\n- b:\n  - 2\n"),
    ];
    for (before, pointer, value, after) in cases {
        assert_eq!(set(before, pointer, value), Ok(after.to_owned()), "{before:?} {pointer}");
    }
    // Many at once.
    let before = format!("a:\n  - verbs: [get, list]\n  - verbs: [watch]\nd:\n{}", "  - 1\n".repeat(20));
    let items: Vec<Value> = (100..120).map(Value::from).collect();
    let value = json!({"a": [{"verbs": ["create"]}, {"verbs": ["delete", "patch"]}], "d": items});
    let after = set(&before, "", value).unwrap();
    assert!(
        after.starts_with("a:\n  - verbs: [create]\n  - verbs: [delete, patch]\nd:\n  - 100\n"),
        "{after}"
    );
}

#[test]
fn moved_item_keeps_its_comments() {
    let cases = [
        (
            "a:\n  # one\n  - 1 # 1\n  # two\n  - 2 # 2\n",
            json!([2, 1]),
            "a:\n  # two\n  - 2 # 2\n  # one\n  - 1 # 1\n",
        ),
        (
            "a:\n- 'x' # x\n- w\n- z # z\nb: 1\n",
            json!(["z", "x", "w"]),
            "a:\n- z # z\n- 'x' # x\n- w\nb: 1\n",
        ),
        (
            "a:\n- --log=info # log\n# where\n- --zone=eu\n- -v\n",
            json!(["--zone=eu", "-v", "--log=debug"]),
            "a:\n# where\n- --zone=eu\n- -v\n- --log=debug # log\n",
        ),
        (
            "a:\n# host\n- --host\n- a # a\n# port\n- --port\n- 80 # p\n",
            json!(["--port", 80, "--host", "a"]),
            "a:\n# port\n- --port\n- 80 # p\n# host\n- --host\n- a # a\n",
        ),
        ("a:\n- 1 # 1\n\n- 2 # 2\n\n- 3\n", json!([2, 3, 1]), "a:\n- 2 # 2\n\n- 3\n\n- 1 # 1\n"),
        (
            "a:\n- b: 1 # b\n  c: {d: 2} # c\n  e: 5\n  f: 6\n  # of b\n- b: 3\n  c: 4\n",
            json!([{"b": 3, "c": 4}, {"b": 1, "c": {"d": 2}, "e": 5, "f": 7}]),
            "a:\n- b: 3\n  c: 4\n- b: 1 # b\n  c: {d: 2} # c\n  e: 5\n  f: 7\n  # of b\n",
        ),
        (
            "{\n  a: [\n    # one\n    1, # 1\n    # two\n    2, # 2\n  ],\n}\n",
            json!([2, 1]),
            "{\n  a: [\n    # two\n    2, # 2\n    # one\n    1, # 1\n  ],\n}\n",
        ),
        ("a: [1, 2]\n", json!([2, 1]), "a: [2, 1]\n"),
        ("a:\n- 1 # 1\n- 2", json!([2, 1]), "a:\n- 2\n- 1"),
    ];
    for (before, value, after) in cases {
        assert_eq!(set(before, "/a", value.clone()), Ok(after.to_owned()), "{before:?} {value}");
    }
    // Among many others.
    let before = format!("a:\n  # one\n  - 1\n  # two\n  - 2\nd:\n{}", "  - x\n".repeat(30));
    let value = json!({"a": [2, 1], "d": (0..30).collect::<Vec<i32>>()});
    assert!(set(&before, "", value).unwrap().starts_with("a:\n  # two\n  - 2\n  # one\n  - 1\nd:\n"));
}

/// Lines that say the same stay as they are, byte for byte.
#[test]
fn multi_line_text_keeps_style_and_lines() {
    let cases = [
        // A folded text with indented lines and empty ones.
        (
            "a: >-\n  one two\n  three\n\n  list:\n    - x\n    - y\n\n\n  last  one\n  ends # no comment\nb: 1\n",
            json!("one two three\nlist:\n  - x\n  - z\n\n\nlast  one ends # no comment"),
            "a: >-\n  one two\n  three\n\n  list:\n    - x\n    - z\n\n\n  last  one\n  ends # no comment\nb: 1\n",
        ),
        // Several changes in one paragraph, and a new one.
        (
            "a: >\n  one two\n  three four\n  five six\n",
            json!("one 2 three four five 6\nnew\n"),
            "a: >\n  one 2\n  three four\n  five 6\n\n  new\n",
        ),
        (
            "a: >-2\n     two\n     three\n\n   x\n",
            json!("   two\n   three\n\n four"),
            "a: >-2\n     two\n     three\n\n   four\n",
        ),
        ("a: >2-\n    two\n  b\n", json!("  two\nc"), "a: >2-\n    two\n  c\n"),
        ("- a: >+ # c\n    b\n\n\n- c\n", json!("d\n\n\n"), "- a: >+ # c\n    d\n\n\n- c\n"),
        ("- a: |+ # c\n    b\n\n- c\n", json!("d\n"), "- a: |+ # c\n    d\n- c\n"),
        ("a: |2-\n    b\n  c\n", json!("  b\nd"), "a: |2-\n    b\n  d\n"),
        ("a: |1\n  b\n c\n", json!("d\nc\n"), "a: |1\n d\n c\n"),
        // In quotes.
        (
            "a: \"one \\\"two\\\"\n  three\\ttab\n  four\" # c\n",
            json!("one \"two\" three\ttab 4\\"),
            "a: \"one \\\"two\\\"\n  three\\ttab\n  4\\\\\" # c\n",
        ),
        (
            "a: \"one\n\n  two \\\n   three\n  four\"\n",
            json!("one\ntwo three 4"),
            "a: \"one\n\n  two \\\n   three\n  4\"\n",
        ),
        (
            "a: 'it''s\n\n  two\n  three'\n",
            json!("it's\ntwo's three\nfour"),
            "a: 'it''s\n\n  two''s\n  three\n\n  four'\n",
        ),
        ("a: one\n  two\n  three\n", json!("one two: three"), "a: \"one\n  two:\n  three\"\n"),
        ("a: one\n\n  two\n  three\nb: c\n", json!("one\ntwo 3"), "a: one\n\n  two\n  3\nb: c\n"),
        // KYAML.
        (
            "{\n  a: \"\\\n     one\\n\\\n     two\\n\\\n    \", # c\n}\n",
            json!("one\n 2\nthree\n"),
            "{\n  a: \"\\\n     one\\n\\\n     \\ 2\\n\\\n     three\\n\\\n    \", # c\n}\n",
        ),
        (
            "{\n  a: \"\\\n     one\\n\\\n     two\\n\\\n    \",\n}\n",
            json!("zero\none\ntwo"),
            "{\n  a: \"\\\n     zero\\n\\\n     one\\n\\\n     two\",\n}\n",
        ),
    ];
    for (before, value, after) in cases {
        let pointer = if before.starts_with('-') { "/0/a" } else { "/a" };
        let edited = set(before, pointer, value);
        assert_eq!(edited, Ok(after.to_owned()), "{before:?}\n{}", edited.clone().unwrap_or_default());
        let crlf = before.replace('\n', "\r\n");
        let value = super::super::read(edited.unwrap().as_bytes()).remove(0).unwrap().to_json();
        let value = value.pointer(pointer).unwrap().clone();
        assert_eq!(set(&crlf, pointer, value), Ok(after.replace('\n', "\r\n")));
    }
}
