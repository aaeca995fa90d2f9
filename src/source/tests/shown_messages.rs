//! What is shown of renderers' messages: every format that is known, filled with values, and messages as they were said.

use std::fmt::Write as _;
use std::path::Path;

use proptest::prelude::*;
use tempfile::TempDir;

use crate::source::message_formats::{self, FormatPiece};
use crate::source::message_redaction::{RedactedMessage, RendererTree};
use crate::source::placeholders::Placeholder;
use crate::source::renderer_error::{RendererError, extract_error, redact_error};

/// A tree with a chart called `c` that is a Kustomize root too.
fn tree() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in
        ["web/values.yaml", "web/templates/a.yaml", "web/s.yaml", "web/p.yaml", "web/e.env", "base/b.yaml"]
    {
        let path = folder.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "").unwrap();
    }
    folder
}

fn of(error: &str, tree: &Path) -> RedactedMessage {
    let error = &RendererError::Said(error.to_owned());
    redact_error(error, &RendererTree { tree, folder: Path::new("web"), chart: "c" }, "helm template web")
}

/// Values that are seen again wherever a part of them is: each with a part that no message has by chance.
fn value() -> impl Strategy<Value = String> {
    let core = "Q[0-9A-F]{9}z";
    prop_oneof![
        core,
        "[1-9][0-9]{5}",
        (core, any::<char>()).prop_map(|(core, c)| format!("{core}{c}{core}")),
        core.prop_map(|core| format!("{core} \" ' ` > }} ] ) {core}")),
        core.prop_map(|core| format!("x: yaml: line 4711: at '/{core}': {core}")),
        core.prop_map(|core| format!("'{core}': yaml: unmarshal errors: line 4711: json: unknown field \"{core}\"")),
        core.prop_map(|core| format!("template: {core}.yaml:4711:1: executing \"{core}\" at <.{core}>: no matches for Id X.v1.g/{core}.n")),
        core.prop_map(|core| format!("{core}\\\n\nError: {core}\nerror: {core}")),
        core.prop_map(|core| format!("error calling {core}: unexpected {{{{{core}}}}}: plugin {core}.v1.x/{core} not a generator")),
    ]
}

/// The parts of a value that no message has by chance.
fn parts(value: &str) -> Vec<&str> {
    let words = value.split(|c: char| !c.is_ascii_alphanumeric());
    words.filter(|word| word.starts_with('Q') || word.len() > 3 && word.parse::<u32>().is_ok()).collect()
}

/// What stands in a hole, and whether it must be seen where nothing stood before that could have been anything.
fn filling(hole: Placeholder, value: &str, digits: u32) -> (String, bool) {
    let single = value.replace('\\', "\\\\").replace('\'', "\\'");
    match hole {
        Placeholder::Any | Placeholder::End => (value.to_owned(), false),
        Placeholder::Quoted => (format!("{value:?}"), false),
        Placeholder::Single => (format!("'{single}'"), false),
        Placeholder::Name => (parts(value)[0].to_owned(), false),
        Placeholder::Count => ("987654321".to_owned(), false),
        Placeholder::Line => (digits.to_string(), true),
        Placeholder::Place => (format!("c/templates/a.yaml:{digits}:5"), true),
        Placeholder::Type => ("map[string]interface {}".to_owned(), true),
        Placeholder::Member => ("types.SecretArgs".to_owned(), true),
        Placeholder::Word => ("include".to_owned(), true),
        Placeholder::Field => (format!("{value:?}"), false),
        Placeholder::Key => ("'/a/b'".to_owned(), true),
        Placeholder::Expression => (format!("include {value:?} ."), false),
        Placeholder::Code => (format!(".Values.{}", parts(value)[0]), false),
        Placeholder::Resource => ("Secret.v1.[noGrp]/s.[noNs]".to_owned(), true),
    }
}

/// A format with its holes filled: the message, and what must be seen of it.
fn filled(pieces: &[FormatPiece], value: &str, digits: u32) -> (String, Vec<String>) {
    let (mut message, mut seen) = (String::new(), Vec::new());
    let mut is_tainted = false;
    for piece in pieces {
        match piece {
            FormatPiece::Text(own) => message.push_str(own),
            FormatPiece::Hole(hole) => {
                let (text, is_seen) = filling(*hole, value, digits);
                message.push_str(&text);
                seen.extend((is_seen && !is_tainted).then_some(text));
                is_tainted |= matches!(hole, Placeholder::Any | Placeholder::End);
            }
        }
    }
    (message, seen)
}

fn assert_hidden(value: &str, message: &str, shown: &str) -> Result<(), TestCaseError> {
    for part in parts(value).into_iter().chain(["987654321"]) {
        prop_assert!(!shown.contains(part), "{part} of\n{message}\nis in\n{shown}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn formats_show_only_places_types_and_keys(value in value(), digits in 1_u32..999) {
        let tree = tree();
        for pieces in message_formats::all_formats() {
            let (message, seen) = filled(pieces, &value, digits);
            let shown = of(&message, tree.path()).text;
            assert_hidden(&value, &message, &shown)?;
            for text in seen {
                prop_assert!(shown.contains(&text), "{text} of\n{message}\nis not in\n{shown}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn no_chain_of_formats_shows_a_value(
        value in value(),
        which in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..6), 1..6),
        digits in 1_u32..999,
    ) {
        let tree = tree();
        let all: Vec<_> = message_formats::all_formats().collect();
        let mut message = String::new();
        for (index, how) in which {
            let (one, _) = filled(all[index.index(all.len())], &value, digits);
            match how {
                0 => write!(message, "{value}: {one}"),
                1 => write!(message, "{one} {value} "),
                // As if a message that is not known ended in the middle of one that is.
                2 => write!(message, "{} {value}", one.chars().take(one.chars().count() / 2).collect::<String>()),
                _ => write!(message, "{one}: "),
            }
            .expect("a String takes all");
        }
        // Digits after `line` are those of a line.
        prop_assume!(!parts(&value).iter().any(|part| message.contains(&format!("line {part}"))));
        assert_hidden(&value, &message, &of(&message, tree.path()).text)?;
        let stderr = format!("level=WARN msg={value:?}\nError: {message}\n");
        assert_hidden(&value, &message, &of(extract_error(&stderr).said(), tree.path()).text)?;
    }
}

#[test]
fn each_message_format_has_own_words() {
    for pieces in message_formats::all_formats() {
        let own = pieces.iter().filter_map(|piece| match piece {
            FormatPiece::Text(own) => Some(own.trim()),
            FormatPiece::Hole(_) => None,
        });
        let own = own.collect::<Vec<_>>().join(" ");
        assert!(own.len() > 1, "{pieces:?}");
        assert!(
            !matches!(pieces, [FormatPiece::Hole(Placeholder::Any | Placeholder::End), ..]),
            "begins with anything: {pieces:?}"
        );
    }
}

#[test]
fn renderer_errors_show_place_without_values() {
    let tree = tree();
    let mut out = String::new();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/messages/said.txt");
    let all = std::fs::read_to_string(file).expect("what renderers said");
    for said in all.split("\n\n") {
        let stderr: String =
            said.lines().filter(|line| !line.starts_with("##")).map(|line| format!("{line}\n")).collect();
        let shown = of(extract_error(&stderr).said(), tree.path());
        let place = shown.place.map(|(file, digits)| format!("{file}{digits}: ")).unwrap_or_default();
        assert!(!shown.text.contains("hunter2"), "{stderr}\n{}", shown.text);
        assert!(!shown.text.contains("is not shown"), "no format knows\n{stderr}");
        writeln!(out, "{stderr}=> {place}{}\n", shown.text).expect("a String takes all");
    }
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/messages"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("shown", out));
}

#[test]
fn message_of_unknown_format_not_shown() {
    let tree = tree();
    for message in [
        "hunter2",
        "open sesame",
        "secret test json line 4711",
        "4711",
        "'/hunter2'",
        "web",
        "s.yaml:3",
        "a: b: c",
    ] {
        let shown = of(message, tree.path());
        let expected =
            "message hidden, because it may contain secret values: run `helm template web` to see it";
        assert_eq!((shown.text.as_str(), shown.place), (expected, None), "{message}");
    }
}
