//! What stands in the message of a commit.

/// The first line.
#[must_use]
pub fn subject(message: &str) -> &str {
    message.trim_start().lines().next().unwrap_or_default().trim_end()
}

/// Every line `Key: value` at the start of a line, wherever it stands: a squash puts the trailers of the commits
/// it joins into the middle of the message. Keys are letters, digits and `-`, as Git has them.
#[must_use]
pub fn trailers(message: &str) -> Vec<(String, String)> {
    message.lines().skip(1).filter_map(trailer).collect()
}

fn trailer(line: &str) -> Option<(String, String)> {
    let (key, value) = line.split_once(": ")?;
    let word = key.starts_with(|c: char| c.is_ascii_alphabetic())
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let value = value.trim();
    (word && !value.is_empty()).then(|| (key.to_owned(), value.to_owned()))
}
