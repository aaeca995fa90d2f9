//! What Flux's own libraries say: the part `flux`, asked once for everything.

#![expect(clippy::disallowed_methods, reason = "tests run programs")]

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::thread;

use serde_json::Value;

use super::parts::program;

/// The answer to each request; `tests/parts/flux/main.go` says what they are.
pub(crate) fn ask(requests: &[Value]) -> Vec<Value> {
    let mut child = Command::new(program("flux", "flux-render"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the part starts");
    let lines: String = requests.iter().map(|request| format!("{request}\n")).collect();
    let mut input = child.stdin.take().expect("it is piped");
    let writer = thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("no panic").expect("it reads all");
    assert!(output.status.success(), "{output:?}");
    let answers = String::from_utf8(output.stdout).expect("UTF-8");
    let answers: Vec<Value> =
        answers.lines().map(|line| serde_json::from_str(line).expect("an answer is JSON")).collect();
    assert_eq!(answers.len(), requests.len(), "an answer for each request");
    answers
}
