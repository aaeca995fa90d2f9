//! Options of a format.

/// Options of a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReportStyle {
    /// Whether escape sequences for colour are written (text only).
    pub color: bool,
    /// Whether `controller` and `ignored` changes are listed, not only counted.
    pub all: bool,
}

impl ReportStyle {
    /// The text in a colour, where colour is written.
    #[must_use]
    pub fn paint(self, paint: anstyle::Style, text: &str) -> String {
        if self.color { format!("{paint}{text}{paint:#}") } else { text.to_owned() }
    }
}
