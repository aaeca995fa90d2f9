//! What is read, where it stands, and what is refused: one line each.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::{Document, read};

fn values(text: &[u8]) -> Vec<Result<Value, String>> {
    let show = |read: Result<Document, super::super::YamlError>| match read {
        Ok(document) => Ok(document.to_json()),
        Err(error) => Err(error.to_string()),
    };
    read(text).into_iter().map(show).collect()
}

#[test]
fn scalars_and_collections_read_as_go_yaml() {
    let cases: &[(&str, Value)] = &[
        ("a: .51_0\nb: ._5\nc: 0b1_0", json!({"a": 0.51, "b": "._5", "c": 2})),
        ("a: 18446744073709551616", json!({"a": 18_446_744_073_709_551_616.0})),
        ("1000000.0: a\n0.00001: b\n1.0: c", json!({"1e+06": "a", "1e-05": "b", "1": "c"})),
        ("a: &x {k: 1}\nb: {<<: *x, k: 2}", json!({"a": {"k": 1}, "b": {"k": 2}})),
        ("a: &x {k: 1}\nb: {k: 2, <<: *x}", json!({"a": {"k": 1}, "b": {"k": 1}})),
        ("\u{feff}a: 1\r\n---\r\nb: |\r\n  x\r\n", json!({"a": 1})),
        ("a: !!binary aGk=\nb: !!null ''\nc: !local 12", json!({"a": "hi", "b": null, "c": "12"})),
        ("{\"a\": \"\\/\\ud83d\\ude00\",\n\t\"b\": 1.0, \"c\": 1e3}", json!({"a": "/😀", "b": 1, "c": 1000})),
        ("a: {\n\tb: [\n\t\t1,\n\t2]}", json!({"a": {"b": [1, 2]}})),
        ("a:\n- |+\n\n  ", json!({"a": ["\n\n"]})),
        ("---\n# c\n---\na: 1\n...\nnot: read", json!({"a": 1})),
    ];
    for (text, expected) in cases {
        assert_eq!(values(text.as_bytes()).first(), Some(&Ok(expected.clone())), "{text:?}");
    }
}

#[test]
fn broken_document_located_and_others_read() {
    let text = "a: 1\n---\nb: 1\n  c: 2\n---\nd: [\n---\ne: 1\ne: 2\n--- x\nf: 1\n";
    let read = values(text.as_bytes());
    let errors: Vec<_> = read.iter().filter_map(|one| one.as_ref().err()).collect();
    assert_eq!((read[0].clone(), read[4].clone()), (Ok(json!({"a": 1})), Ok(json!({"f": 1}))));
    assert!(errors[0].starts_with("4:"), "{errors:?}");
    assert!(errors[1].starts_with("7:") || errors[1].starts_with("6:"), "{errors:?}");
    // The separator of the third ends it, whatever else it holds.
    assert_eq!(errors[2], "10:4: only a comment may follow `---` on its line");
    assert_eq!(errors.len(), 3);
}

#[test]
fn unsafe_yaml_refused_with_place() {
    let cases: &[(&[u8], &str)] = &[
        (b"a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n", "5:3: this key is already set in this map, in line 3"),
        (b"{\"a\": 1, \"b\": 2,\n \"a\": 3}", "2:2: this key is already set in this map, in line 1"),
        (b"yes: 1\non: 2\n", "2:1: this key is already set in this map, in line 1"),
        (b"a: \xff\n", "1:4: invalid UTF-8"),
        (b"\xff\xfea\x00", "the file is UTF-16; Kubernetes reads UTF-8 only"),
        (b"a: 1 # \x07\n", "1:8: the control character U+0007 is not allowed"),
        (b"a: x\x00y\n", "1:5: the control character U+0000 is not allowed"),
        ("é: a\u{2028}b\n".as_bytes(), "1:5: U+2028 is a line break in YAML 1.1 only; write it as an escape"),
        (b"a: .inf\n", "1:4: .inf has no place in JSON"),
        (b"a: &x [*x]\n", "1:8: the anchor's value contains itself"),
        (b"a: 1\n<<: 2\n", "2:5: a merge (`<<`) needs a map or a list of maps"),
        (b"? [a]\n: 1\n", "1:3: a list or map cannot be a key"),
        (b"~: 1\n", "1:1: null cannot be a key"),
        (b"a: !!int x\n", "1:10: the text is not a value of !!int"),
        (b"a: {b: x?}\n", "1:8: Kubernetes reads this plain scalar otherwise inside `[]` or `{}`; quote it"),
        (b"a: {b:}\n", "1:5: Kubernetes reads this plain scalar otherwise inside `[]` or `{}`; quote it"),
        (b"a: \"x\"\n\t\nb: 1\n", "2:1: a tab stands where only spaces may indent"),
        (b"a: {b\n : 1}\n", "1:5: a key and its `:` must stand on one line"),
    ];
    for (text, expected) in cases {
        assert_eq!(values(text), [Err((*expected).to_owned())], "{}", String::from_utf8_lossy(text));
    }
}

#[test]
fn locations_match_values_in_file() {
    let text = "\u{feff}# é\r\na: 1\r\n---\r\nmeta:\r\n  \"é\": x   # c\r\n  list:\r\n  - - deep\r\n  -\r\n    k/~: |\r\n      t\r\nempty:\r\n";
    let document = read(text.as_bytes()).remove(1).unwrap();
    assert_eq!(document.index(), 1);
    assert!(text[document.range()].starts_with("meta:"));
    let places = document.source_map();
    let shown: Vec<_> =
        places.iter().map(|(pointer, at)| format!("{pointer} {}:{}", at.line, at.column)).collect();
    assert_eq!(
        shown,
        [
            " 4:1",
            "/meta 5:3",
            "/meta/é 5:8",
            "/meta/list 7:3",
            "/meta/list/0 7:5",
            "/meta/list/0/0 7:7",
            "/meta/list/1 9:5",
            "/meta/list/1/k~1~0 9:10",
            "/empty 11:7",
        ]
    );
}

#[test]
fn locations_below_alias_are_of_anchor() {
    let document = read(b"a: &x\n  k: 1\nb: *x\n").remove(0).unwrap();
    let places = document.source_map();
    let show = |pointer: &str| places.get(pointer).map(|place| (place.line, place.column)).unwrap();
    assert_eq!((show("/b"), show("/b/k")), ((3, 4), (2, 6)));
}

/// Runs in a stack as small as that of a worker thread.
fn in_small_stack<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::Builder::new().stack_size(1 << 20).spawn(run).unwrap().join().unwrap()
}

#[test]
fn deep_nesting_is_error_without_overflow() {
    in_small_stack(|| {
        let good = format!("a: {}{}", "[".repeat(200), "]".repeat(200));
        assert!(read(good.as_bytes())[0].is_ok());
        for text in [
            format!("a: {}{}", "[".repeat(100_000), "]".repeat(100_000)),
            format!("a: {}", "{a: ".repeat(100_000)),
            format!("{}x", "- ".repeat(100_000)),
            (0..3_000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect(),
        ] {
            let error = read(text.as_bytes()).remove(0).unwrap_err();
            assert!(error.location.is_some(), "{error}");
        }
    });
}

#[test]
fn aliases_cannot_multiply_without_bound() {
    let started = Instant::now();
    let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x]\n".to_owned();
    let mut nested = "b0: &b0 {k: 1}\n".to_owned();
    for level in 1..200 {
        let one = format!("*a{}", level - 1);
        laughs.push_str(&format!("a{level}: &a{level} [{}]\n", vec![one; 8].join(", ")));
        nested.push_str(&format!("b{level}: &b{level} {{k: *b{}}}\n", level - 1));
    }
    let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), vec!["*a"; 10_000].join(", "));
    let chain: String = (0..250).map(|level| format!("{}k: &n{level}\n", " ".repeat(level))).collect();
    for text in [laughs, long] {
        let error = read(text.as_bytes()).remove(0).unwrap_err();
        assert_eq!(error.why, "the document contains excessive aliasing");
        assert!(error.location.is_some());
    }
    assert!(read(nested.as_bytes())[0].is_ok());
    drop(read(format!("{chain}{}x\n", " ".repeat(250)).as_bytes()));
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[test]
fn streams_of_json_objects_are_several_documents() {
    let read = read(b"{\"a\": 1}{\"b\":\n\t2}\n {\"c\": [3]}");
    let documents: Vec<_> = read.iter().map(|document| document.as_ref().unwrap()).collect();
    assert_eq!(
        documents.iter().map(|one| one.to_json()).collect::<Vec<_>>(),
        [json!({"a": 1}), json!({"b": 2}), json!({"c": [3]})]
    );
    let place = documents[2].source_map().get("/c/0").unwrap();
    assert_eq!((place.line, place.column), (3, 9));
}

#[test]
fn time_follows_the_size_of_the_text() {
    let started = Instant::now();
    let line = format!("a: [{}]\n", "{b: 1, c: x}, ".repeat(40_000));
    let keys: String = (0..40_000).map(|key| format!("key{key}: [1] # c\n")).collect();
    let documents = "a: 1\n---\n".repeat(40_000);
    let objects = "{\"a\": 1}".repeat(40_000);
    let comments = format!("a:\n{}  - 1\n", "  # c\n".repeat(40_000));
    for text in [line, keys, documents, objects, comments] {
        assert!(read(text.as_bytes()).iter().all(Result::is_ok));
    }
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
}

#[test]
fn document_with_too_many_values_refused() {
    for text in [format!("a: [{}]\n", "[],".repeat(500_000)), format!("a:\n{}", "  -\n".repeat(500_000))] {
        let read = read(text.as_bytes());
        let why = read[0].as_ref().err().map(ToString::to_string).unwrap_or_default();
        assert!(why.ends_with("the document holds more values than any object of its size"), "{why}");
    }
}
