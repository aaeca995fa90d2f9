//! Documents as Kubernetes reads them, with a span for every node, and byte-exact edits.

mod align;
mod batch_edit;
mod builder;
mod compose;
mod document_source;
mod edit;
mod edit_path;
mod edit_refusal;
mod entries;
mod error;
mod fast_reader;
mod folded;
mod layout;
mod lines;
mod moves;
mod multiline;
mod node;
mod operation;
mod pointer;
mod read;
mod resolve;
mod rewrap;
mod scalar;
mod splice;
mod split;
mod tokens;
mod trivia;

pub use align::{Aligned, align};
pub use document_source::{DocumentSource, read_previews};
pub use edit::{EditError, edit};
pub use edit_refusal::EditRefusal;
pub use error::YamlError;
pub use node::{Key, Node, NodeKind, Span};
pub use operation::{Edit, Operation};
pub use read::{Document, read, read_first};

#[cfg(test)]
mod tests;
