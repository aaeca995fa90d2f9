//! Outlines of documents, each with the text to read all of it.

use std::sync::Arc;

use serde_json::Value;

use super::error::YamlError;
use super::lines::Base;
use super::node::build_source_map;
use super::read::{each_part, read_part, read_preview, read_root, read_value};
use super::split::DocumentRange;
use crate::model::{SourceLocation, SourceMap};

/// The text of a document that was read, in its file.
#[derive(Debug, Clone)]
pub struct DocumentSource {
    bytes: Arc<[u8]>,
    part: DocumentRange,
    base: Base,
    index: usize,
}

impl DocumentSource {
    /// Index in the stream, from 0, as [`super::edit()`] counts: empty and broken documents count too.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// The document as Kubernetes' JSON, as it was read before.
    #[must_use]
    pub fn value(&self) -> Value {
        let read = read_part(&self.bytes, &self.part, self.base, read_value);
        read.ok().flatten().expect("the same bytes were read before").0
    }

    /// Line and column in the file of every value, by its RFC 6901 pointer.
    #[must_use]
    pub fn source_map(&self) -> SourceMap {
        let root = read_part(&self.bytes, &self.part, self.base, read_root).ok().flatten();
        build_source_map(&root.expect("the same bytes were read before"))
    }
}

/// As [`super::read()`], without the nodes: of each document that holds anything what stands at these paths, where it
/// begins, and its text. Lists have no items here; there may be more than was asked for.
#[must_use]
pub fn read_previews(
    bytes: &Arc<[u8]>,
    paths: &[&[&str]],
) -> Vec<Result<(Value, SourceLocation, DocumentSource), YamlError>> {
    let documents = each_part(bytes, |index, part, base| {
        let read = read_part(bytes, part, base, |text, base| read_preview(text, base, paths))?;
        let read = read.filter(|(value, _)| !value.is_null());
        let written =
            || DocumentSource { bytes: Arc::clone(bytes), part: DocumentRange::clone(part), base, index };
        Ok(read.map(|(value, place)| (value, place, written())))
    });
    documents.into_iter().filter_map(Result::transpose).collect()
}
