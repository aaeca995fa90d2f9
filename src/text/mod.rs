//! Escaping for terminals, Markdown and workflow commands.
//!
//! Whatever comes from a cluster, a repository or a forge is hostile: nothing of it reaches an output unescaped.

mod escape;
mod forge_commands;
mod yaml;

pub use escape::{
    escape_json, escape_terminal, escape_workflow_data, escape_workflow_property, is_invisible,
    markdown_code, markdown_code_block, one_line,
};
pub use forge_commands::neutralise;
pub use yaml::{format_yaml_line, format_yaml_record, format_yaml_value, quote_yaml};

/// `1 object`, `2 objects`.
#[must_use]
pub fn pluralize(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

/// An error and what to do in one sentence, where there is no line of its own for a hint.
#[must_use]
pub fn with_hint(error: &impl std::fmt::Display, hint: Option<String>) -> String {
    hint.map_or_else(|| error.to_string(), |hint| format!("{error}; {hint}"))
}
