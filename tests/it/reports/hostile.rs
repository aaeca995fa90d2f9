//! What the cluster and the repository say is hostile: nothing of it breaks out of a report, and no secret gets in.

use serde_json::{Value, json};

use super::world::{LIVE, SECRETS, check, repo};
use crate::input::server::Server;
use crate::support::repo::Repo;

const FORMATS: [&str; 4] = ["text", "json", "markdown", "github"];

/// Values that mean something to a terminal, to Markdown, to HTML, to a forge or to a workflow's runner.
fn payloads() -> Vec<String> {
    let mut payloads: Vec<String> = [
        "`code` ``two`` ```three```",
        "a | b | c",
        "| --- | --- |",
        "<script>alert(1)</script>",
        "<!-- drift:incident=0000 -->",
        "</details></table>",
        "<img src=x onerror=alert(1)>",
        "@team please look",
        "fixes #1, closes acme/gitops#2",
        "[link](https://evil.example/)",
        "https://evil.example/",
        "::set-output name=x::y",
        "a\n::add-mask::b\n::error::pwned",
        "a\r::stop-commands::x",
        "##[error]pwned",
        "%0A::error::pwned",
        "\u{1b}[2J\u{1b}]0;pwned\u{7}",
        "\u{9b}31mred",
        "safe\u{202e}txt.exe",
        "zero\u{200b}width\u{feff}",
        "line\u{2028}separator",
        "tag\u{e0041}\u{e0042}",
        "*bold* _em_ ~strike~ # title",
        "---\n# heading\n- item\n",
        "\\",
        "\\|",
        "`",
        "",
        " ",
        "\t",
        "null",
    ]
    .map(str::to_owned)
    .to_vec();
    payloads.push("A".repeat(1 << 20));
    payloads.push("`".repeat(5000));
    payloads.push("line\n".repeat(50_000));
    payloads.push("[".repeat(10_000));
    payloads
}

fn config_map(name: &str, value: &str, extra: &Value) -> Value {
    let entry = json!({"manager": "kubectl-edit\u{1b}[31m`|@team\n::error::x", "operation": "Update", "apiVersion": "v1",
        "time": "2024-01-02T00:00:00Z", "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {"f:value": {}}}});
    json!({"apiVersion": "v1", "kind": "ConfigMap",
           "metadata": {"name": name, "namespace": "shop", "uid": name, "managedFields": [entry], "annotations": extra},
           "data": {"value": value}})
}

/// The repository declares `git`, the cluster has the payloads: as values, as keys and as managers' names.
fn world() -> (Repo, Server) {
    let (mut files, mut live) = (vec![], vec![]);
    for (number, payload) in payloads().into_iter().enumerate() {
        let name = format!("c{number:02}");
        let declared = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "shop"},
                              "data": {"value": "git"}});
        files.push((format!("apps/{name}.json"), declared.to_string()));
        let key: String = payload.chars().take(300).collect();
        live.push(config_map(&name, &payload, &json!({key: "x"})));
    }
    files.push((
        "drift.yaml".to_owned(),
        "version: 1\ncluster: '<b>`x`|</b>'\nsources: [{path: apps}]\n".to_owned(),
    ));
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    (Repo::with(&files), Server::of(live))
}

/// Whether a character does something to a terminal or to the text around it instead of being seen.
fn acts(character: char) -> bool {
    (character.is_control() && !matches!(character, '\n' | '\t'))
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

#[test]
fn nothing_hostile_breaks_out_of_a_report() {
    let (repo, server) = world();
    for format in FORMATS {
        let output = check(&repo, &server, &["-o", format]).run().expect_status(1);
        let acting: Vec<char> = output.stdout.chars().filter(|character| acts(*character)).collect();
        if format == "json" {
            assert_eq!(output.json()["findings"].as_array().map(Vec::len), Some(payloads().len()));
            assert!(!acting.iter().any(|character| character.is_control()), "{acting:?}");
        } else {
            assert!(acting.is_empty(), "{format}: {acting:?}");
            assert!(output.stdout.len() < 2 << 20, "{format}: {} bytes", output.stdout.len());
        }
        match format {
            "text" => lines_begin_as_ours(&output.stdout),
            "markdown" => markdown_holds(&output.stdout),
            "github" => commands_are_ours(&output.stdout),
            _ => {}
        }
    }
}

/// Every line of the text report begins with a word or a sign of ours.
fn lines_begin_as_ours(text: &str) {
    const OURS: [&str; 14] = [
        "drift: ",
        "not listed: ",
        "modified ",
        "  + ",
        "  ~ ",
        "      Git   ",
        "      live  ",
        "      manual, ",
        "      - ",
        "      + ",
        "        ",
        "repo at ",
        "To ",
        "Applying Git ",
    ];
    for line in text.lines().filter(|line| !line.is_empty()) {
        let counted = line.split_once(' ').is_some_and(|(number, rest)| {
            number.parse::<usize>().is_ok()
                && (rest.starts_with("objects in Git") || rest.starts_with("changes: "))
        });
        assert!(
            counted || OURS.iter().any(|ours| line.starts_with(ours)),
            "a line of somebody else's: {line:.200}"
        );
    }
}

/// Outside of inline code a Markdown report has only our own words: no HTML, no mention, no reference, no link.
fn markdown_holds(text: &str) {
    for line in text.lines() {
        let outside = without_code(line);
        for sign in ['<', '>', '@', '[', ']', '!', '~'] {
            assert!(!outside.contains(sign), "{sign} outside of code: {outside:.300}\nof {line:.600}");
        }
        let title = line.starts_with('#');
        assert!(title || !outside.contains('#'), "a reference outside of code: {line:.300}");
        assert!(!outside.contains("://"), "a link outside of code: {line:.300}");
        if line.starts_with("| ") {
            let bars = line.replace("\\|", "").matches('|').count();
            assert_eq!(bars, 5, "a row has four cells: {line:.300}");
        }
    }
}

/// The line without its inline code, as CommonMark finds it: a run of backticks, up to the next run of that length.
fn without_code(line: &str) -> String {
    let mut outside = String::new();
    let mut rest = line;
    while let Some(start) = rest.find('`') {
        let run = rest[start..].bytes().take_while(|byte| *byte == b'`').count();
        outside.push_str(&rest[..start]);
        let inside = &rest[start + run..];
        let mut end = None;
        let mut at = 0;
        while let Some(next) = inside[at..].find('`') {
            let length = inside[at + next..].bytes().take_while(|byte| *byte == b'`').count();
            if length == run {
                end = Some(at + next + length);
                break;
            }
            at += next + length;
        }
        match end {
            Some(end) => rest = &inside[end..],
            None => {
                outside.push_str(&rest[start..]);
                return outside;
            }
        }
    }
    outside + rest
}

/// Every line is one command of ours; the rest of it is data.
fn commands_are_ours(text: &str) {
    for line in text.lines() {
        let ours = ["::warning ", "::notice::", "::error::"].iter().any(|command| line.starts_with(command));
        assert!(ours, "not a command of ours: {line:.200}");
        assert!(!line.contains('\r') && !line.contains('\u{1b}'), "{line:.200}");
    }
    assert!(text.lines().count() <= 21, "GitHub shows ten of a kind");
}

/// No secret byte in any format, on either stream, in any file.
#[test]
fn no_secret_is_in_any_report() {
    let (repo, server) = (repo(), Server::with(LIVE));
    let folder = tempfile::tempdir().expect("a temporary folder");
    for format in FORMATS {
        for more in [&["--all"][..], &[], &["--color", "always"], &["--revision", "HEAD~1"]] {
            let file = format!("{format}={}", folder.path().join("report").display());
            let arguments = [&["-o", format, "--output-file", &file], more].concat();
            let output = check(&repo, &server, &arguments).run().expect_status(1);
            let report = std::fs::read_to_string(folder.path().join("report")).expect("it was written");
            assert!(output.stdout.contains("login") && report.contains("login"), "the Secret is reported");
            for text in [&output.stdout, &output.stderr, &report] {
                for secret in SECRETS {
                    assert!(!text.contains(secret), "{secret} with {arguments:?}:\n{text}");
                }
            }
        }
    }
}
