//! What a person, a pipeline and a program read of a check: the text as a terminal shows it, Markdown, annotations and
//! JSON, from the real binary.

mod contract;
mod formats;
mod hostile;
pub(crate) mod logs;
mod options;
mod text;
mod world;

use crate::support::command::redact;

/// Compares with `testdata/report/NAME.snap`; times, commits and addresses are redacted.
#[track_caller]
pub(crate) fn golden(name: &str, text: &str) {
    let text = redact(text, &[(env!("CARGO_PKG_VERSION"), "<version>")]);
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../testdata/report");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}
