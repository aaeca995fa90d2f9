//! Documents as Kubernetes reads them, with a span for every node, and byte-exact edits.

mod align;
mod compose;
mod edit;
mod entries;
mod folded;
mod gaps;
mod layout;
mod lines;
mod make;
mod moves;
mod node;
mod pointer;
mod read;
mod resolve;
mod rewrap;
mod scalar;
mod simple;
mod splice;
mod split;
mod together;
mod wrapped;
mod written;

pub use align::{Aligned, align};
pub use edit::{Edit, EditError, Operation, edit};
pub use node::{Key, Node, NodeKind, Span};
pub use read::{Document, ReadError, read, read_first};
pub use written::{Written, outlines};

#[cfg(test)]
mod tests;
