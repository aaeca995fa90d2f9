//! Escaping for terminals, Markdown and workflow commands, and the words that reports and proposals share.
//!
//! Whatever comes from a cluster, a repository or a forge is hostile: nothing of it reaches an output unescaped.

mod escape;
mod words;

pub use escape::{code, code_block, json, one_line, plain, workflow_data, workflow_property};
pub use words::{cause, changes_of_causes, count, since, value, verdict, yaml_value};
