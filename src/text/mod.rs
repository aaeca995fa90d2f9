//! Escaping for terminals, Markdown and workflow commands.
//!
//! Whatever comes from a cluster, a repository or a forge is hostile: nothing of it reaches an output unescaped.

mod escape;
mod inert;
mod yaml;

pub use escape::{code, code_block, is_invisible, json, one_line, plain, workflow_data, workflow_property};
pub use inert::inert;
pub use yaml::{yaml_record, yaml_value};

/// `1 object`, `2 objects`.
#[must_use]
pub fn count(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}
