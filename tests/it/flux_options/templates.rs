//! Texts with variables, the same in every run, and what Flux's library makes of each: recorded in `testdata/envsubst`, by
//! which drift's own replacement is tested. `DRIFT_RECORD=1 cargo test --test it -- flux_options` records them anew.

#![expect(clippy::disallowed_methods, reason = "tests read the developer's environment")]

use std::fs;

use serde_json::{Value, json};

use crate::support::flux::ask;
use crate::support::tree::root;

const RECORDED: &str = "testdata/envsubst/templates.json";
const COUNT: usize = 900;

const NAMES: [&str; 12] =
    ["A", "EMPTY", "PATH", "UNI", "NUM", "GLOB", "NONE", "none_1", "A", "PATH", "größe", "A B"];
const OPERATORS: [&str; 26] = [
    "", "", ":=", ":-", "=", ":?", ":+", "-", "?", "^", "^^", ",", ",,", ",^", ":", ":", "#", "##", "%",
    "%%", "/", "//", "/#", "/%", "[@]", "!",
];
const ARGUMENTS: [&str; 30] = [
    "a", "b", "abc", "c", "*", "*.", ".*", "?", "[a-c]", "[^a]", "[", "\\", "\\/", "\\\\", "/", ":", "1",
    "-1", "2:1", "0:-1", " ", "é", "ß", "$", "$$", "{", "}", "\"", "x y", "\n",
];
const TEXTS: [&str; 16] =
    ["x", " ", "$", "$$", "$A", "$(A)", "\\", "}", "{", "é", "\"q\"", ": ", "$$$", "# ", "\n", "$${A}"];

fn variables() -> Value {
    json!({"A": "abcabc", "EMPTY": "", "PATH": "a/b.tar.gz", "UNI": "größe ß Ǆ", "NUM": "2", "GLOB": "*[a]?\\",
           "größe": "groß"})
}

/// Numbers that look random and are the same everywhere (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(end).expect("it is small")).expect("it is small")
    }

    fn one_of(&mut self, all: &[&'static str]) -> &'static str {
        all[self.below(all.len())]
    }

    fn variable(&mut self, depth: usize) -> String {
        let name = if self.below(12) == 0 { "" } else { self.one_of(&NAMES) };
        let before = if self.below(12) == 0 { "#" } else { "" };
        let operator = self.one_of(&OPERATORS);
        let takes_none = operator.is_empty() || operator.starts_with(['^', ',']);
        let count =
            if takes_none && self.below(10) > 0 { 0 } else { self.below(3) + usize::from(!takes_none) };
        let mut inside: String = (0..count).map(|_| self.argument(depth)).collect();
        if operator.starts_with('/') && self.below(8) > 0 {
            inside = format!("{inside}/{}", self.argument(depth));
        }
        let end = if self.below(25) == 0 { "" } else { "}" };
        format!("${{{before}{name}{operator}{inside}{end}")
    }

    fn argument(&mut self, depth: usize) -> String {
        if depth < 3 && self.below(6) == 0 {
            self.variable(depth + 1)
        } else {
            self.one_of(&ARGUMENTS).to_owned()
        }
    }

    fn template(&mut self) -> String {
        let parts = 1 + self.below(4);
        let part = |numbers: &mut Self| match numbers.below(3) {
            0 => numbers.one_of(&TEXTS).to_owned(),
            _ => numbers.variable(0),
        };
        (0..parts).map(|_| part(self)).collect()
    }
}

#[test]
fn recorded_texts_are_what_flux_makes_of_them() {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let request = |at: usize| json!({"template": numbers.template(), "strict": at.is_multiple_of(4), "variables": variables()});
    let requests: Vec<Value> = (0..COUNT).map(request).collect();
    let mut lines = Vec::new();
    for (request, mut answer) in requests.iter().zip(ask(&requests)) {
        answer["template"] = request["template"].clone();
        answer["strict"] = request["strict"].clone();
        lines.push(answer.to_string());
    }
    let failed = lines.iter().filter(|line| line.contains("\"error\":")).count();
    assert!((COUNT / 5..COUNT / 5 * 4).contains(&failed), "{failed} of {COUNT} are no templates");
    let text = format!("{{\"variables\":{},\"templates\":[\n{}\n]}}\n", variables(), lines.join(",\n"));
    let file = root().join(RECORDED);
    if std::env::var_os("DRIFT_RECORD").is_some() {
        fs::write(&file, &text).expect("it can be written");
    }
    let recorded = fs::read_to_string(&file).unwrap_or_default();
    let differs = recorded.lines().zip(text.lines()).find(|(one, other)| one != other);
    assert!(recorded == text, "{RECORDED} is not what Flux gives now, first at {differs:?}: record it anew");
}
