//! Paths in the language of jq, as far as they name places: what computes is not read.

use serde_json::Value;

use crate::config::IgnoredStep;

/// The most paths of one expression, and the most steps of one path.
const MOST: usize = 100;

/// The places that an expression names (`.a.b`, `.a["b"]`, `.a[]`, `.a[0]`, `.a[] | select(.b == "c") | .d`, several with
/// commas); `None` where it does anything else.
pub(super) fn places(expression: &str) -> Option<Vec<Vec<IgnoredStep>>> {
    let mut reader = Reader { rest: expression };
    let mut places = Vec::new();
    loop {
        places.push(reader.path()?);
        if reader.rest.is_empty() {
            return Some(places);
        }
        if !reader.take(",") || places.len() > MOST {
            return None;
        }
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    /// Passes over a sign where it is next, and over blanks around it.
    fn take(&mut self, sign: &str) -> bool {
        self.rest = self.rest.trim_start();
        let Some(rest) = self.rest.strip_prefix(sign) else { return false };
        self.rest = rest.trim_start();
        true
    }

    /// A path with its stages, up to a comma or the end.
    fn path(&mut self) -> Option<Vec<IgnoredStep>> {
        let mut steps = Vec::new();
        loop {
            if self.take("select(") {
                let item = self.condition()?;
                // Of a list each item is looked at, and those stay that fit.
                let last = steps.last_mut().filter(|step| **step == IgnoredStep::Any)?;
                *last = item;
            } else {
                self.steps(&mut steps)?;
            }
            self.rest = self.rest.trim_start();
            if !self.take("|") {
                return (!steps.is_empty()).then_some(steps);
            }
        }
    }

    /// `.a.b[]["c"]`
    fn steps(&mut self, steps: &mut Vec<IgnoredStep>) -> Option<()> {
        self.rest = self.rest.trim_start().strip_prefix('.')?;
        let mut needs_name = !self.rest.starts_with('[');
        loop {
            if needs_name {
                steps.push(IgnoredStep::Field(self.name()?));
            } else if let Some(rest) = self.rest.strip_prefix('[') {
                self.rest = rest;
                steps.push(self.bracket()?);
            } else if let Some(rest) = self.rest.strip_prefix('?') {
                self.rest = rest;
            } else if !self.rest.starts_with('.') {
                return Some(());
            }
            needs_name = false;
            if let Some(rest) = self.rest.strip_prefix('.') {
                self.rest = rest;
                needs_name = !rest.starts_with('[');
            }
            if steps.len() > MOST {
                return None;
            }
        }
    }

    fn name(&mut self) -> Option<String> {
        if self.rest.starts_with('"') {
            return self.literal()?.as_str().map(str::to_owned);
        }
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit())).then(|| name.to_owned())
    }

    /// What stands in brackets, and the closing one.
    fn bracket(&mut self) -> Option<IgnoredStep> {
        if self.take("]") {
            return Some(IgnoredStep::Any);
        }
        let step = match self.literal()? {
            Value::String(name) => IgnoredStep::Field(name),
            Value::Number(index) => IgnoredStep::Index(usize::try_from(index.as_u64()?).ok()?),
            _ => return None,
        };
        self.closed("]").then_some(step)
    }

    /// Passes over a closing sign; what follows it is left as it is.
    fn closed(&mut self, sign: &str) -> bool {
        let Some(rest) = self.rest.trim_start().strip_prefix(sign) else { return false };
        self.rest = rest;
        true
    }

    /// `.name == "web")`
    fn condition(&mut self) -> Option<IgnoredStep> {
        self.rest = self.rest.trim_start().strip_prefix('.')?;
        let name = self.name()?;
        let value = if self.take("==") { self.literal()? } else { return None };
        let is_scalar = !value.is_object() && !value.is_array() && !value.is_null();
        (is_scalar && self.closed(")")).then_some(IgnoredStep::Item(name, value))
    }

    /// A text, a number or a word of JSON.
    fn literal(&mut self) -> Option<Value> {
        if self.rest.starts_with('"') {
            let mut values = serde_json::Deserializer::from_str(self.rest).into_iter::<Value>();
            let value = values.next()?.ok()?;
            self.rest = &self.rest[values.byte_offset()..];
            return Some(value);
        }
        let is_end = |c: char| c.is_whitespace() || matches!(c, ')' | ']' | ',' | '|');
        let (word, rest) = self.rest.split_at(self.rest.find(is_end)?);
        self.rest = rest;
        serde_json::from_str(word).ok()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::places;
    use crate::config::IgnoredStep::{Any, Field, Index, Item};

    fn field(name: &str) -> crate::config::IgnoredStep {
        Field(name.to_owned())
    }

    #[test]
    fn paths_are_read() {
        let item = |key: &str, value| Item(key.to_owned(), value);
        for (expression, expected) in [
            (".spec.replicas", vec![field("spec"), field("replicas")]),
            (
                r#".metadata.annotations["a.b/c"]"#,
                vec![field("metadata"), field("annotations"), field("a.b/c")],
            ),
            (r#".metadata.labels."a-b""#, vec![field("metadata"), field("labels"), field("a-b")]),
            (r#".["data"]["x"]?"#, vec![field("data"), field("x")]),
            (".spec.containers[].image", vec![field("spec"), field("containers"), Any, field("image")]),
            (
                ".webhooks[]?.clientConfig.caBundle",
                vec![field("webhooks"), Any, field("clientConfig"), field("caBundle")],
            ),
            (".spec.args[0]", vec![field("spec"), field("args"), Index(0)]),
            (r#".spec.containers[] | select(.name == "web") | .env[]|select( .name=="A" ).value"#, vec![]),
            (
                r#".spec.containers[] | select(.name == "web") | .env[]|select( .name=="A" ) |.value"#,
                vec![
                    field("spec"),
                    field("containers"),
                    item("name", json!("web")),
                    field("env"),
                    item("name", json!("A")),
                    field("value"),
                ],
            ),
            (
                ".spec.ports[] | select(.port == 80)",
                vec![field("spec"), field("ports"), item("port", json!(80))],
            ),
            (".spec | .replicas", vec![field("spec"), field("replicas")]),
        ] {
            let found = places(expression).and_then(|mut places| places.pop()).unwrap_or_default();
            assert_eq!(found, expected, "{expression}");
        }
        assert_eq!(places(".a, .b[]").expect("two paths").len(), 2);
    }

    #[test]
    fn what_computes_is_not_read() {
        for expression in [
            "",
            ".",
            "..",
            ".a |",
            ".a | keys",
            ".a[] | select(.b | test(\"x\"))",
            ".a[1:2]",
            ".a[-1]",
            ".a // .b",
            ".a | select(.b == 1)",
            ".a[] | select(.b != 1)",
            ".a[] | select(.b == 1 and .c == 2)",
            ".a[.b]",
            ".a.\"b",
            "a",
            ".a b",
            ".a,",
            ".a[]| select(.b.c == 1)",
            "$x",
            ".[]..",
            "del(.a)",
            ".a = 1",
            ".1",
        ] {
            assert_eq!(places(expression), None, "{expression}");
        }
    }
}
