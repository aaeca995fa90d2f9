//! Texts cut into tokens, as `parse/scan.go` of fluxcd/pkg `envsubst` does.

/// A token; an identifier is in [`Scanner::token`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    /// Nothing that is asked for.
    Illegal,
    End,
    /// Characters that are accepted.
    Text,
    /// `${`
    Open,
    /// `}`
    Close,
}

/// What a call of [`Scanner::scan`] looks for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mode {
    pub(super) text: bool,
    pub(super) open: bool,
    pub(super) close: bool,
    pub(super) escape: bool,
}

pub(super) const TEXT: Mode = Mode { text: true, open: false, close: false, escape: false };
pub(super) const CLOSE: Mode = Mode { text: false, open: false, close: true, escape: false };

/// Whether a character belongs to a token; with the length that the token has with it.
pub(super) type Accept = fn(char, usize) -> bool;

/// What reading gives at the end.
const END: char = '\0';

pub(super) struct Scanner<'t> {
    rest: &'t str,
    /// The last token, without the characters that escape others in it.
    pub(super) token: String,
    /// Whether `\` escapes, beside `$`.
    pub(super) escapes_with_backslash: bool,
}

impl<'t> Scanner<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { rest: text, token: String::new(), escapes_with_backslash: false }
    }

    /// The next character, which stays.
    pub(super) fn peek(&self) -> char {
        self.rest.chars().next().unwrap_or(END)
    }

    /// The character after the next.
    pub(super) fn peek_second(&self) -> char {
        self.rest.chars().nth(1).unwrap_or(END)
    }

    /// The next token.
    pub(super) fn scan(&mut self, mode: Mode, accept: Accept) -> Token {
        self.token.clear();
        let first = self.peek();
        if first == END {
            return Token::End;
        }
        if mode.open && self.rest.starts_with("${") {
            self.rest = &self.rest[2..];
            return Token::Open;
        }
        if mode.close && first == '}' {
            self.advance();
            return Token::Close;
        }
        // The first character has to be accepted, or be one that escapes.
        if !mode.text || !self.take(mode, accept) {
            return Token::Illegal;
        }
        while self.peek() != END && !(mode.open && self.rest.starts_with("${")) && self.take(mode, accept) {}
        Token::Text
    }

    /// Takes one character into the token, or two of which the first escapes the second.
    fn take(&mut self, mode: Mode, accept: Accept) -> bool {
        let (next, second) = (self.peek(), self.peek_second());
        let by_backslash = self.escapes_with_backslash && next == '\\' && ['/', '\\'].contains(&second);
        if mode.escape && ((next == '$' && second == '$') || by_backslash) {
            self.advance();
            self.token.push(second);
            self.advance();
            return true;
        }
        if !accept(next, self.token.len() + next.len_utf8()) {
            return false;
        }
        self.token.push(next);
        self.advance();
        true
    }

    fn advance(&mut self) {
        let mut chars = self.rest.chars();
        chars.next();
        self.rest = chars.as_str();
    }
}
