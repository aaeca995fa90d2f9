//! Variables that a GitOps tool fills in after rendering: what Git writes, and what of it may be live.
//!
//! The rules are those of Flux's `postBuild.substitute` (fluxcd/pkg `envsubst`, a fork of drone/envsubst): `${NAME}`,
//! with an operator and its argument as in a shell (`${NAME:=default}`, `${NAME/a/b}`, `${#NAME}`), variables inside an
//! argument, and `$$` for a `$` that stays. `$NAME` without braces is left alone.

/// The most characters of an operator and its argument: a text of many openings and no end is read once.
const LONGEST: usize = 1024;

/// What Git writes, taken apart.
enum Part<'t> {
    /// As it stands.
    Literal(&'t str),
    /// `$$`: one of the two stays.
    Escape,
    /// A variable with its operator: any text.
    Variable,
}

/// Whether a tool that fills in variables would write something else: a variable, or one that is escaped.
#[must_use]
pub fn has_variable(text: &str) -> bool {
    text.contains('$') && parts(text).iter().any(|part| !matches!(part, Part::Literal(_)))
}

/// Whether `live` can be `template` with some text, perhaps none, in the place of each variable. A default makes no
/// difference: the tool may know the variable. Numbers and booleans are compared as they are written.
#[must_use]
pub fn could_render(template: &str, live: &str) -> bool {
    // Literal texts, between any two of which stands a variable.
    let mut literals = vec![String::new()];
    for part in parts(template) {
        match (part, literals.last_mut()) {
            (Part::Literal(text), Some(last)) => last.push_str(text),
            (Part::Escape, Some(last)) => last.push('$'),
            _ => literals.push(String::new()),
        }
    }
    let Some((first, rest)) = literals.split_first() else { return false };
    let Some((last, middle)) = rest.split_last() else { return first == live };
    let Some(live) = live.strip_prefix(first.as_str()).and_then(|live| live.strip_suffix(last.as_str()))
    else {
        return false;
    };
    // The leftmost place of each leaves the most for those after it.
    let mut left = live;
    middle.iter().all(|text| match left.find(text.as_str()) {
        Some(at) => {
            left = &left[at + text.len()..];
            true
        }
        None => false,
    })
}

fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        parts.push(Part::Literal(&rest[..at]));
        rest = &rest[at..];
        let (part, length) = if rest.starts_with("$$") {
            (Part::Escape, 2)
        } else if let Some(length) = variable(rest) {
            (Part::Variable, length)
        } else {
            (Part::Literal(&rest[..1]), 1)
        };
        parts.push(part);
        rest = &rest[length..];
    }
    parts.push(Part::Literal(rest));
    parts
}

/// The length of the variable that a text begins with: a name, perhaps an operator and its argument, in braces. What
/// only looks like one, such as the `${list[@]}` of a script, is none: Flux refuses it.
fn variable(text: &str) -> Option<usize> {
    let inner = text.strip_prefix("${")?;
    let inner = inner.strip_prefix('#').unwrap_or(inner);
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let after = inner.trim_start_matches(is_name);
    let operator = after.starts_with(['}', ':', '=', ',', '^', '/', '#', '%']);
    if after.len() == inner.len() || !operator {
        return None;
    }
    let mut depth = 1;
    let start = text.len() - after.len();
    for (at, c) in after.char_indices().take(LONGEST) {
        match c {
            '{' if after[..at].ends_with('$') => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(start + at + 1);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{could_render, has_variable};

    #[test]
    fn template_matches_only_possible_substitutions() {
        for (template, live, expected) in [
            ("https://${DOMAIN}/x", "https://shop.example/x", true),
            ("https://${DOMAIN}/x", "https://shop.example/y", false),
            ("https://${DOMAIN}/x", "http://shop.example/x", false),
            ("${LEVEL:=info}", "info", true),
            ("${LEVEL:=info}", "debug", true),
            ("${LEVEL}", "", true),
            ("${REPLICAS}", "3", true),
            ("a${X}a", "a", false),
            ("a${X}a", "aa", true),
            ("${A}-${B}.${C:-d}", "x-y.z", true),
            ("${A}-${B}.${C:-d}", "x.y-z", false),
            ("${A}.b.${C}", "1.b.2.b.3", true),
            ("${A}${B}", "anything", true),
            ("${A:-${B:-deep}}/x", "deep/x", true),
            ("${A:-${B:-deep}}/x", "deep}/x", true),
            ("${A:-${B:-deep}}/x", "deep", false),
            ("${NAME/a/b} ${#NAME} ${NAME^^} ${NAME:1:2} ${NAME%.*}", "b 4 NAME am n", true),
            ("$${HOME}/bin", "${HOME}/bin", true),
            ("$${HOME}/bin", "/root/bin", false),
            ("$${HOME}/${BIN}", "${HOME}/bin", true),
            ("$${A:=${B}}", "${A:=b}", true),
            ("cost: 5$$", "cost: 5$", true),
            ("$$${A}", "$x", true),
            // None that Flux would take for one: it stays as it is.
            ("$HOME ${a b} ${list[@]} ${open", "$HOME ${a b} ${list[@]} ${open", true),
            ("$HOME ${a b} ${list[@]} ${open", "/root x y z", false),
            ("plain", "plain", true),
            ("plain", "other", false),
            ("größe: ${SIZE}", "größe: 3 µm", true),
        ] {
            assert_eq!(could_render(template, live), expected, "{template:?} {live:?}");
        }
    }

    #[test]
    fn variables_distinguished_from_lookalikes() {
        for text in ["${A}", "x${a_1:-}y", "${A:=${B}}", "$${A}", "${A,,}", "${#A}", "${1}", "5$$", "$$${A}"]
        {
            assert!(has_variable(text), "{text}");
        }
        for text in ["", "$A", "${", "${}", "${a b}", "${list[@]}", "$(A)", "{A}", "{{ .A }}", "${A"] {
            assert!(!has_variable(text), "{text}");
        }
    }

    #[test]
    fn variable_may_render_as_itself() {
        // A source whose deployer fills nothing in.
        assert!(could_render("${A}", "${A}") && could_render("x ${A:=b} y", "x ${A:=b} y"));
    }
}
