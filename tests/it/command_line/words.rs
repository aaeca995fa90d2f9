//! The flags of texts.

/// The flags that a help defines: `-o, --output <FORMAT>` begins a line of its own.
pub(super) fn flags(help: &str) -> Vec<String> {
    let begins = |line: &&str| line.starts_with("  ") && line.trim_start().starts_with('-');
    help.lines().filter(begins).flat_map(mentioned).collect()
}

/// The long flags that a text names.
pub(super) fn mentioned(text: &str) -> Vec<String> {
    let is_word = |c: char| c.is_ascii_lowercase() || c == '-';
    let starts = text.match_indices("--").filter(|(at, _)| {
        let starts_word = !text[..*at].ends_with(|before: char| before.is_alphanumeric() || before == '-');
        starts_word && text[at + 2..].starts_with(|next: char| next.is_ascii_lowercase())
    });
    starts.map(|(at, _)| text[at..].split(|c| !is_word(c)).next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn flags_are_found_wherever_they_stand() {
    let text = "--all, (--output-file F) `-o|--output=x` a--b --- --9 name it with --context.";
    assert_eq!(mentioned(text), ["--all", "--output-file", "--output", "--context"]);
    assert_eq!(
        flags("  -o, --output <F>\n          or --other\n      --all\nsee --not\n"),
        ["--output", "--all"]
    );
}
