//! Escaping for terminals, Markdown and workflow commands, and the words that reports and proposals share.
//!
//! Whatever comes from a cluster, a repository or a forge is hostile: nothing of it reaches an output unescaped.

mod escape;
mod inert;
mod words;
mod yaml;

pub use escape::{code, code_block, is_invisible, json, one_line, plain, workflow_data, workflow_property};
pub use inert::inert;
pub use words::{cause, changes_of_causes, count, since, value, verdict};
pub use yaml::{yaml_record, yaml_value};
