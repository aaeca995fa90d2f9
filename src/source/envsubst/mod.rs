//! Variables in a text, replaced as Flux does after rendering (fluxcd/pkg `envsubst`, a fork of drone/envsubst): `${NAME}`,
//! operators with arguments as in a shell, variables in arguments, and `$$` for a `$` that stays.

mod error;
mod functions;
mod parse;
mod pattern;
mod scan;

use std::collections::BTreeSet;

use self::parse::{Node, Variable};
pub(super) use error::EnvsubstError;

/// The most bytes that a text and all values in it may come to.
const LARGEST: usize = 64 * 1024 * 1024;

/// What is known of a variable.
pub(super) enum Value<'v> {
    Known(&'v str),
    /// It is set, and nobody may know to what.
    Hidden,
    NotSet,
}

/// A text with its variables replaced.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Replaced {
    /// The text; a variable whose value is hidden, or that depends on such a one, is still in it.
    pub(super) text: String,
    /// Variables that nobody set and that have no default: they became nothing.
    pub(super) not_set: BTreeSet<String>,
}

/// Replaces the variables of a text; where it is `strict`, one that is not set and has no default is an error.
pub(super) fn replace<'v>(
    text: &str,
    variables: &dyn Fn(&str) -> Value<'v>,
    strict: bool,
) -> Result<Replaced, EnvsubstError> {
    let nodes = parse::parse(text)?;
    let mut evaluation = Evaluation { variables, strict, not_set: BTreeSet::new(), size: 0 };
    let mut text = String::new();
    for node in &nodes {
        text.push_str(&evaluation.node(node)?.text);
    }
    Ok(Replaced { text, not_set: evaluation.not_set })
}

struct Evaluation<'e, 'v> {
    variables: &'e dyn Fn(&str) -> Value<'v>,
    strict: bool,
    not_set: BTreeSet<String>,
    size: usize,
}

/// What a part of a text becomes.
struct Part {
    text: String,
    /// The hidden variable on which it depends.
    hidden: Option<String>,
}

impl Part {
    fn hidden(name: &str) -> Self {
        Self { text: format!("${{{name}}}"), hidden: Some(name.to_owned()) }
    }
}

impl Evaluation<'_, '_> {
    fn node(&mut self, node: &Node) -> Result<Part, EnvsubstError> {
        let part = match node {
            Node::Text(text) => Part { text: text.clone(), hidden: None },
            Node::Variable(variable) => self.variable(variable)?,
        };
        self.size += part.text.len();
        if self.size > LARGEST { Err(EnvsubstError::TooLarge) } else { Ok(part) }
    }

    fn variable(&mut self, variable: &Variable) -> Result<Part, EnvsubstError> {
        let mut arguments = Vec::new();
        let mut hidden = None;
        for argument in &variable.arguments {
            let part = self.node(argument)?;
            hidden = hidden.or(part.hidden);
            arguments.push(part.text);
        }
        let value = match (self.variables)(&variable.name) {
            Value::Hidden => return Ok(Part::hidden(&variable.name)),
            Value::Known(value) => value,
            Value::NotSet if functions::is_default(&variable.operator) => "",
            Value::NotSet if self.strict => return Err(EnvsubstError::NotSet(variable.name.clone())),
            Value::NotSet => {
                self.not_set.insert(variable.name.clone());
                ""
            }
        };
        let is_default = functions::is_default(&variable.operator);
        match hidden {
            Some(name) if !is_default => Ok(Part::hidden(&name)),
            hidden => {
                let text = functions::apply(&variable.operator, value, &arguments)?;
                Ok(Part { text, hidden: hidden.filter(|_| value.is_empty()) })
            }
        }
    }
}

#[cfg(test)]
mod tests;
