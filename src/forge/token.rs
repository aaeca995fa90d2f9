//! The token of a forge: it can be used, and cannot be shown.

use std::fmt;

use super::ForgeError;

/// A forge's token. Neither its text nor its length reaches `Debug`; only [`Token::reveal`] gives it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Takes a token as it stands in the environment or in a mounted file: white space around it is dropped.
    ///
    /// # Errors
    /// One that is empty, or holds what cannot stand in an HTTP header.
    pub fn new(text: &str) -> Result<Self, ForgeError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(ForgeError::configuration("the forge's token is empty", "give the token itself"));
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ForgeError::configuration(
                "the forge's token holds white space or other characters that no token has",
                "give the token alone, without quotes, a name before it or a second line",
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// The token itself, for the header of a request and the environment of `git`.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(masked)")
    }
}
