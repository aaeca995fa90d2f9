//! CustomResourceDefinitions as large as those of real operators, and written as their generators write them.

use serde_json::{Map, Value, json};

/// How many there are: as many as the Prometheus operator brings.
const KINDS: usize = 10;
/// Columns at which generators wrap plain texts.
const WRAP: usize = 80;

/// Definitions of about 400 KB each.
pub(crate) fn definitions() -> impl Iterator<Item = Value> {
    (0..KINDS).map(|number| {
        let schema = json!({"type": "object", "description": description(0),
            "properties": {"spec": node(number, 4), "status": node(number, 1)}});
        json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
               "metadata": {"name": format!("operands{number}.operator.example")},
               "spec": {"group": "operator.example", "scope": "Namespaced",
                        "names": {"kind": format!("Operand{number}"), "plural": format!("operands{number}")},
                        "versions": [{"name": "v1", "served": true, "storage": true,
                                      "subresources": {"status": {}},
                                      "schema": {"openAPIV3Schema": schema}}]}})
    })
}

/// A map of fields, most of them maps again.
fn node(number: usize, levels: usize) -> Value {
    let mut fields = Map::new();
    for at in 0..6 {
        let field = if levels > 0 && at < 4 { node(number + at, levels - 1) } else { leaf(number + at) };
        fields.insert(format!("field{at}Of{levels}"), field);
    }
    json!({"type": "object", "description": description(number), "properties": fields})
}

fn leaf(number: usize) -> Value {
    let description = description(number);
    match number % 4 {
        0 => json!({"type": "string", "description": description, "enum": ["=", "!=", "=~", "!~"]}),
        1 => json!({"type": "array", "description": description, "items": {"type": "string"},
                    "x-kubernetes-list-type": "set"}),
        2 => json!({"type": "integer", "format": "int32", "description": description, "minimum": 0}),
        _ => json!({"description": description, "x-kubernetes-int-or-string": true,
                    "anyOf": [{"type": "integer"}, {"type": "string"}]}),
    }
}

/// In each of the ways in which a text can be written: lines, one long line, quoted, and quoted with escapes.
fn description(number: usize) -> String {
    const WORDS: &str = "defines how the operator configures this part of the workload and which of its \
                         settings take precedence when both are given by the person who runs it";
    match number % 4 {
        0 => format!("field{number} {WORDS}.\nIt is optional.\n\nMore info\nis in the manual."),
        1 => format!("field{number} {WORDS}, {WORDS}, {WORDS}"),
        2 => format!("field{number} is deprecated: use 'spec.other' instead, which {WORDS}."),
        _ => format!("field{number} {WORDS}:\n\t* the first way\n\t* the \"second\" way"),
    }
}

/// Wraps long plain texts, as the generators' YAML library does and ours does not.
pub(crate) fn wrap(text: &str) -> String {
    let mut wrapped = String::with_capacity(text.len());
    for line in text.lines() {
        let indent = line.len() - line.trim_start_matches(' ').len();
        let plain = line.trim_start().strip_prefix("description: field").filter(|_| line.len() > WRAP);
        if plain.is_none() {
            wrapped.push_str(line);
            wrapped.push('\n');
            continue;
        }
        let mut words = line[indent..].split(' ');
        let mut column = indent + words.clone().next().map_or(0, str::len);
        wrapped.push_str(&" ".repeat(indent));
        wrapped.push_str(words.next().unwrap_or_default());
        for word in words {
            let (between, start) = if column > WRAP { (indent + 2, 0) } else { (1, column) };
            if start == 0 {
                wrapped.push('\n');
            }
            wrapped.push_str(&" ".repeat(between));
            wrapped.push_str(word);
            column = start + between + word.len();
        }
        wrapped.push('\n');
    }
    wrapped
}
