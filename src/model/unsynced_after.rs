//! How long a commit may wait to be applied.

use serde::Deserialize;

/// For how long a commit may wait to be applied: `90m`, `6h`, `2d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct UnsyncedAfter {
    /// In seconds.
    pub seconds: i64,
}

impl Default for UnsyncedAfter {
    fn default() -> Self {
        Self { seconds: 6 * 3600 }
    }
}

impl TryFrom<String> for UnsyncedAfter {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let refused = || "unsynced-after is not a time such as 90m, 6h or 2d".to_owned();
        let unit = match text.chars().last() {
            Some('m') => 60,
            Some('h') => 3600,
            Some('d') => 86_400,
            _ => return Err(refused()),
        };
        let number = text[..text.len() - 1].parse::<u32>().map_err(|_| refused())?;
        Ok(Self { seconds: i64::from(number) * unit })
    }
}

impl std::fmt::Display for UnsyncedAfter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.seconds {
            seconds if seconds % 86_400 == 0 && seconds > 0 => write!(f, "{}d", seconds / 86_400),
            seconds if seconds % 3600 == 0 => write!(f, "{}h", seconds / 3600),
            seconds => write!(f, "{}m", seconds / 60),
        }
    }
}
