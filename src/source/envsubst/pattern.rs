//! Patterns of `${NAME#pattern}`, as `path/match.go` of fluxcd/pkg `envsubst` matches them: those of Go's `path.Match`, with
//! a `*` that also matches a `/`.

/// A pattern that is none.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadPattern;

/// Whether a pattern matches all of a name.
pub(super) fn matches(mut pattern: &[u8], mut name: &[u8]) -> Result<bool, BadPattern> {
    'pattern: while !pattern.is_empty() {
        let (star, chunk, rest) = next_chunk(pattern);
        pattern = rest;
        if star && chunk.is_empty() {
            return Ok(true);
        }
        // Of the last chunk nothing may be left.
        let is_end = |left: &[u8]| left.is_empty() || !rest.is_empty();
        if let Some(left) = match_chunk(chunk, name)?
            && is_end(left)
        {
            name = left;
            continue;
        }
        if star {
            for skipped in 1..=name.len() {
                if let Some(left) = match_chunk(chunk, &name[skipped..])?
                    && is_end(left)
                {
                    name = left;
                    continue 'pattern;
                }
            }
        }
        return Ok(false);
    }
    Ok(name.is_empty())
}

/// What a pattern begins with, up to the next `*`; whether that is after one, and the rest.
fn next_chunk(pattern: &[u8]) -> (bool, &[u8], &[u8]) {
    let stars = pattern.iter().take_while(|byte| **byte == b'*').count();
    let pattern = &pattern[stars..];
    let (mut at, mut in_range) = (0, false);
    while at < pattern.len() {
        match pattern[at] {
            b'\\' if at + 1 < pattern.len() => at += 1,
            b'[' => in_range = true,
            b']' => in_range = false,
            b'*' if !in_range => break,
            _ => {}
        }
        at += 1;
    }
    (stars > 0, &pattern[..at], &pattern[at..])
}

/// What is left of a text that begins with what a chunk matches.
fn match_chunk<'n>(mut chunk: &[u8], mut text: &'n [u8]) -> Result<Option<&'n [u8]>, BadPattern> {
    while let Some((first, rest)) = chunk.split_first() {
        if text.is_empty() {
            return Ok(None);
        }
        match first {
            b'[' => {
                let (c, length) = decode(text);
                text = &text[length..];
                let Some(left) = class(rest, c)? else { return Ok(None) };
                chunk = left;
                continue;
            }
            b'?' => {
                text = &text[decode(text).1..];
                chunk = rest;
                continue;
            }
            b'\\' if rest.is_empty() => return Err(BadPattern),
            b'\\' => chunk = rest,
            _ => {}
        }
        if chunk[0] != text[0] {
            return Ok(None);
        }
        (chunk, text) = (&chunk[1..], &text[1..]);
    }
    Ok(Some(text))
}

/// What is left of a chunk after a class of characters that has this one.
fn class(chunk: &[u8], c: u32) -> Result<Option<&[u8]>, BadPattern> {
    let negated = chunk.first() == Some(&b'^');
    let mut chunk = &chunk[usize::from(negated)..];
    let (mut found, mut ranges) = (false, 0);
    while ranges == 0 || chunk.first() != Some(&b']') {
        let (low, rest) = class_character(chunk)?;
        let (high, rest) = match rest.split_first() {
            Some((b'-', rest)) => class_character(rest)?,
            _ => (low, rest),
        };
        found |= low <= c && c <= high;
        chunk = rest;
        ranges += 1;
    }
    Ok((found != negated).then(|| &chunk[1..]))
}

fn class_character(chunk: &[u8]) -> Result<(u32, &[u8]), BadPattern> {
    let chunk = match chunk.split_first() {
        None | Some((b'-' | b']', _)) => return Err(BadPattern),
        Some((b'\\', rest)) => rest,
        Some(_) => chunk,
    };
    if chunk.is_empty() {
        return Err(BadPattern);
    }
    let (c, length) = decode(chunk);
    let rest = &chunk[length..];
    let is_broken = c == BROKEN && length == 1;
    if is_broken || rest.is_empty() { Err(BadPattern) } else { Ok((c, rest)) }
}

/// What a byte that begins no character is taken for.
const BROKEN: u32 = 0xfffd;

/// The first character of bytes that are not empty, and its length.
fn decode(bytes: &[u8]) -> (u32, usize) {
    let valid = |length: &usize| std::str::from_utf8(bytes.get(..*length).unwrap_or_default()).is_ok();
    let length = (1..=4.min(bytes.len())).find(valid);
    let c = length.and_then(|length| std::str::from_utf8(&bytes[..length]).ok()?.chars().next());
    c.map_or((BROKEN, 1), |c| (c.into(), c.len_utf8()))
}

#[cfg(test)]
mod tests {
    use super::{BadPattern, matches};

    #[test]
    fn patterns_match_as_in_go() {
        for (pattern, name, expected) in [
            ("abc", "abc", Ok(true)),
            ("*", "a/b", Ok(true)),
            ("*c", "abc", Ok(true)),
            ("a*", "ab/c", Ok(true)),
            ("a*/b", "ax/y/b", Ok(true)),
            ("a*b?c*x", "abxbbxdbxebxczzx", Ok(true)),
            ("a*b?c*x", "abxbbxdbxebxczzy", Ok(false)),
            ("ab[c]", "abc", Ok(true)),
            ("ab[^c]", "abc", Ok(false)),
            ("ab[b-d]", "abc", Ok(true)),
            ("a\\*b", "a*b", Ok(true)),
            ("a?b", "aäb", Ok(true)),
            ("[ä-ü]", "ö", Ok(true)),
            ("[]a]", "]", Err(BadPattern)),
            ("[-]", "-", Err(BadPattern)),
            ("[x-]", "x", Err(BadPattern)),
            ("a[", "a", Ok(false)),
            ("a[", "ab", Err(BadPattern)),
            ("\\", "a", Err(BadPattern)),
            ("", "", Ok(true)),
            ("*x", "xxx", Ok(true)),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        }
    }
}
