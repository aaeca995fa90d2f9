//! Why a text is not edited.

use super::YamlError;

/// What stands against one edit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditRefusal {
    /// The document is no YAML.
    #[error("the document cannot be read: {0}")]
    Unreadable(String),
    /// The edited text is no YAML.
    #[error(transparent)]
    Unread(#[from] YamlError),
    /// The index is beyond the documents, or that of an empty one.
    #[error("there is no such document, or it is empty")]
    NoDocument,
    /// Nothing is left of the document.
    #[error("the document is empty")]
    Empty,
    /// The edits of a file are too many.
    #[error("the edits cannot be proven together, and are too many to prove one by one")]
    TooManyEdits,
    /// One edit changes too many places.
    #[error("it differs in too many places to be edited one by one")]
    TooManyPlaces,
    /// No text that was tried reads back as intended.
    #[error("no minimal edit of the text reads back as intended; edit it by hand")]
    NotProven,
    /// The place is not written where it is.
    #[error("it comes through a merge key (`<<`)")]
    Merged,
    /// A place on the way is not written where it is.
    #[error("`{0}` comes through a merge key (`<<`)")]
    KeyMerged(String),
    /// The map has a merge key, which only edits one by one know.
    #[error("it has a merge key")]
    HasMergeKey,
    /// The value is written elsewhere.
    #[error("the value is an alias (`*name`): what it holds is written elsewhere, and used there too")]
    Alias,
    /// The value is used elsewhere.
    #[error("the value has an anchor (`&name`) that aliases refer to: they would change too")]
    Anchor,
    /// The value has no items.
    #[error("it is not a list")]
    NotAList,
    /// The value has no keys.
    #[error("not a mapping")]
    NotAMapping,
    /// An item moves, which only edits one by one can do.
    #[error("an item stands elsewhere")]
    ItemMoves,
    /// Not as RFC 6901 writes it.
    #[error("a pointer begins with `/`")]
    Pointer,
    /// The list is shorter.
    #[error("the list of {length} has no item `{token}`")]
    NoItem {
        /// Items of the list.
        length: usize,
        /// The item that was asked for.
        token: String,
    },
    /// The map has no such key.
    #[error("there is no `{0}`")]
    NoKey(String),
    /// The map has such a key.
    #[error("there is a `{0}` already")]
    KeyExists(String),
    /// The pointer leads on from a scalar.
    #[error("`{0}` would be inside a scalar")]
    InsideScalar(String),
    /// The pointer is that of the document.
    #[error("the whole document cannot be removed")]
    WholeDocument,
    /// The pointer is not that of a key.
    #[error("only a key of a map has a name")]
    NoName,
}
