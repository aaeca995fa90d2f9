//! What stands in the holes of a renderer's message, and which of it may be shown.

use std::collections::HashSet;
use std::sync::LazyLock;

/// Names of the programs' own.
static WORDS: LazyLock<HashSet<&str>> =
    LazyLock::new(|| words(include_str!("functions.txt")).into_iter().collect());

/// Keys of kustomize's own files.
static FIELDS: LazyLock<Vec<&str>> = LazyLock::new(|| words(include_str!("fields.txt")));

/// What stands for everything that may be a value.
pub(super) const LEFT_OUT: &str = "…";

fn words(text: &'static str) -> Vec<&'static str> {
    text.lines().filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace).collect()
}

/// What may stand in a hole: `formats.txt` says what each is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Placeholder {
    Any,
    End,
    Quoted,
    Single,
    Count,
    Name,
    Line,
    Place,
    Type,
    Member,
    Word,
    Field,
    Key,
    Expression,
    Code,
    Resource,
}

/// How a hole is filled in a text.
#[derive(Debug, Default)]
pub(super) struct PlaceholderMatch<'t> {
    /// How much of the text is in it.
    pub(super) length: usize,
    /// What may be shown of it; `None` for nothing.
    pub(super) shown: Option<&'t str>,
    /// A file or folder, and `:line:column` of it.
    pub(super) place: Option<(String, String)>,
    /// Whether nobody can tell where it ends, so that what follows may be of it too.
    pub(super) taints: bool,
}

impl<'t> PlaceholderMatch<'t> {
    fn hidden(length: usize) -> Option<Self> {
        Some(Self { length, ..Self::default() })
    }

    fn endless(length: usize) -> Option<Self> {
        Some(Self { length, taints: true, ..Self::default() })
    }

    fn shown_if(text: &'t str, may: bool) -> Option<Self> {
        Some(Self { length: text.len(), shown: may.then_some(text), ..Self::default() })
    }
}

impl Placeholder {
    /// The hole that is written so in the file.
    pub(super) fn from_name(name: &str) -> Self {
        match name.trim_matches(['⟨', '⟩']) {
            "q" => Self::Quoted,
            "s" => Self::Single,
            "count" => Self::Count,
            "name" => Self::Name,
            "n" => Self::Line,
            "place" => Self::Place,
            "type" => Self::Type,
            "member" => Self::Member,
            "word" => Self::Word,
            "field" => Self::Field,
            "key" => Self::Key,
            "expr" => Self::Expression,
            "code" => Self::Code,
            "id" => Self::Resource,
            "end" => Self::End,
            _ => Self::Any,
        }
    }

    /// What of the text is in the hole, where the format goes on with `next`; `None` where the text cannot be of the
    /// format.
    pub(super) fn match_text<'t>(
        self,
        text: &'t str,
        next: Option<&str>,
        is_tainted: bool,
        is_there: &dyn Fn(&str) -> bool,
    ) -> Option<PlaceholderMatch<'t>> {
        let taken = |holds: fn(char) -> bool| {
            let end = text.find(|c| !holds(c)).unwrap_or(text.len());
            (end > 0).then(|| &text[..end])
        };
        match self {
            Self::Any => match next {
                Some(next) => PlaceholderMatch::endless(text.find(next)?),
                None => PlaceholderMatch::endless(0),
            },
            Self::End => PlaceholderMatch::endless(text.len()),
            Self::Quoted => PlaceholderMatch::hidden(quoted(text, '"')?),
            Self::Single => PlaceholderMatch::hidden(list(text)?),
            Self::Name => PlaceholderMatch::hidden(
                taken(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))?.len(),
            ),
            Self::Count => PlaceholderMatch::hidden(
                taken(|c| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e'))?.len(),
            ),
            Self::Line => {
                let digits = taken(|c| c.is_ascii_digit())?;
                PlaceholderMatch::shown_if(digits, !is_tainted && digits.len() < 7)
            }
            Self::Type => {
                let known =
                    TYPES.iter().filter(|known| text.starts_with(**known)).max_by_key(|known| known.len())?;
                PlaceholderMatch::shown_if(&text[..known.len()], true)
            }
            Self::Member => PlaceholderMatch::shown_if(
                taken(|c| {
                    c.is_ascii_alphabetic() || matches!(c, '.' | '[' | ']' | '*' | '6' | '4' | '3' | '2')
                })?,
                !is_tainted,
            ),
            Self::Word => {
                let word = taken(|c| c.is_ascii_alphanumeric() || c == '_')?;
                PlaceholderMatch::shown_if(word, !is_tainted && WORDS.contains(word))
            }
            Self::Field => {
                let field = &text[..quoted(text, '"')?];
                PlaceholderMatch::shown_if(field, !is_tainted && is_nearly_known(&field[1..field.len() - 1]))
            }
            Self::Key => {
                let key = &text[..quoted(text, '\'')?];
                PlaceholderMatch::shown_if(key, !is_tainted && is_pointer(&key[1..key.len() - 1]))
            }
            Self::Expression | Self::Code => {
                let code = &text[..end_of_code(text)?];
                PlaceholderMatch::shown_if(code, !is_tainted && self == Self::Expression && is_key_path(code))
            }
            Self::Resource => resource(text, is_tainted),
            Self::Place => place(text, next, is_tainted, is_there),
        }
    }
}

/// Types that renderers name; none of them is a value.
const TYPES: [&str; 40] = [
    "string",
    "number",
    "object",
    "array",
    "bool",
    "boolean",
    "null",
    "integer",
    "int",
    "int32",
    "int64",
    "uint64",
    "float64",
    "float",
    "interface {}",
    "map[string]interface {}",
    "map[string]string",
    "map[interface {}]interface {}",
    "[]interface {}",
    "[]string",
    "[]uint8",
    "*interface {}",
    "chart.Metadata",
    "*chart.Metadata",
    "chartutil.Values",
    "common.Values",
    "common.VersionSet",
    "chartutil.VersionSet",
    "sprig.certificate",
    "sprig.PEM",
    "engine.files",
    "time.Time",
    "nil",
    "slice",
    "map",
    "struct",
    "func",
    "ptr",
    "!!str",
    "!!int",
];

/// Whether a key is nearly one that kustomize knows: what else stands where a key should may be a value.
fn is_nearly_known(field: &str) -> bool {
    let shared =
        |known: &str| known.chars().zip(field.chars()).take_while(|(one, other)| one == other).count();
    let is_near = |known: &&str| shared(known) > 3 && known.len().abs_diff(field.len()) < 3;
    field.chars().all(|c| c.is_ascii_alphabetic()) && FIELDS.iter().any(is_near)
}

/// Where a text in quotes ends, both of them included; a backslash keeps a quote from being one.
fn quoted(text: &str, quote: char) -> Option<usize> {
    let inside = text.strip_prefix(quote)?;
    let mut is_escaped = false;
    for (at, c) in inside.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            c if c == quote => return Some(at + 2),
            _ => {}
        }
    }
    None
}

/// Where the texts in single quotes end that stand with commas between them.
fn list(text: &str) -> Option<usize> {
    let mut end = quoted(text, '\'')?;
    while let Some(length) = text[end..].strip_prefix(", ").and_then(|rest| quoted(rest, '\'')) {
        end += ", ".len() + length;
    }
    Some(end)
}

/// Where the `>` is that ends a template's own expression: none in a literal.
fn end_of_code(text: &str) -> Option<usize> {
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        at += match c {
            '>' => return Some(at),
            '"' => quoted(&text[at..], '"')?,
            '`' => 2 + text[at + 1..].find('`')?,
            other => other.len_utf8(),
        };
    }
    None
}

/// A file or folder of the tree; anything else is left out up to where the format goes on.
fn place<'t>(
    text: &'t str,
    next: Option<&str>,
    is_tainted: bool,
    is_there: &dyn Fn(&str) -> bool,
) -> Option<PlaceholderMatch<'t>> {
    let end = match next {
        Some(next) => text.find(next)?,
        None => text.find(|c: char| c.is_whitespace() || matches!(c, '\'' | '"' | ')')).unwrap_or(text.len()),
    };
    let text = if next.is_some() { &text[..end] } else { text[..end].trim_end_matches([':', '.', ',', ';']) };
    let digits = text.find(':').unwrap_or(text.len());
    let (file, digits) = text.split_at(digits);
    let is_place =
        !file.is_empty() && digits.chars().all(|c| c.is_ascii_digit() || c == ':') && is_there(file);
    match (is_place, is_tainted) {
        (false, _) => PlaceholderMatch::endless(text.len()),
        (true, true) => {
            Some(PlaceholderMatch { length: text.len(), shown: Some(file), ..PlaceholderMatch::default() })
        }
        (true, false) => {
            let place = Some((file.to_owned(), digits.to_owned()));
            Some(PlaceholderMatch { length: text.len(), shown: Some(text), place, taints: false })
        }
    }
}

/// `Deployment.v1.apps/web.shop`, `Secret.v1.[noGrp]/nope.[noNs]`.
fn resource(text: &str, is_tainted: bool) -> Option<PlaceholderMatch<'_>> {
    let end = text
        .find(|c: char| c.is_whitespace() || matches!(c, ';' | '\'' | '"' | ',' | '`'))
        .unwrap_or(text.len());
    let text = text[..end].trim_end_matches(':');
    if is_resource(text) {
        PlaceholderMatch::shown_if(text, !is_tainted)
    } else {
        PlaceholderMatch::endless(text.len())
    }
}

fn is_resource(text: &str) -> bool {
    let Some((kind, rest)) = text.split_once('.') else { return false };
    let Some((group, name)) = rest.split_once('/') else { return false };
    let is_kind =
        kind.starts_with(|c: char| c.is_ascii_uppercase()) && kind.chars().all(|c| c.is_ascii_alphabetic());
    let bare = |text: &str| {
        ["[noGrp]", "[noVer]", "[noNs]", "[noName]"]
            .iter()
            .fold(text.to_owned(), |text, no| text.replace(no, "none"))
    };
    let is_name =
        |text: &str| text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c));
    is_kind && is_name(&bare(group)) && is_name(&bare(name))
}

/// `/spec/replicas`: names of keys only.
fn is_pointer(text: &str) -> bool {
    text.is_empty()
        || text.starts_with('/') && text.chars().all(|c| c.is_ascii_alphanumeric() || "/_.~-".contains(c))
}

/// `.Values.image.tag`, `$.Release.Name`: what a template names, no literal in it.
fn is_key_path(text: &str) -> bool {
    let is_name =
        |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let path = text.trim_start_matches('$');
    path.starts_with('.') && path.split('.').skip(1).all(is_name)
}
