//! Why a text with variables is none.

/// Why variables cannot be replaced; Flux says the first six in the same words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::source) enum EnvsubstError {
    #[error("bad substitution")]
    BadSubstitution,
    #[error("missing closing brace")]
    MissingBrace,
    #[error("unable to parse variable name")]
    Name,
    #[error("unable to parse substitution within function")]
    Argument,
    #[error("unable to parse default function")]
    Default,
    #[error("variable not set (strict mode): {0:?}")]
    NotSet(String),
    #[error("variables lie too deep in each other")]
    TooDeep,
    #[error("the text with its variables replaced is too large")]
    TooLarge,
    #[error("a value is too long to be matched with a pattern")]
    TooLong,
    #[error("a character is cut in two")]
    CutCharacter,
}
