//! From a desired and a live value to the fewest edits of the source.

use serde_json::{Map, Value};

use crate::model::push_pointer;
use crate::yaml::{Edit, Operation};

/// Where edits of one document go.
pub(super) struct Target {
    /// Index of the document in its file.
    pub(super) document: usize,
    /// Pointer of the object in the document: empty, or `/items/N` of a list.
    pub(super) prefix: String,
}

impl Target {
    fn edit(&self, pointer: &str, operation: Operation) -> Edit {
        Edit { document: self.document, pointer: format!("{}{pointer}", self.prefix), operation }
    }

    /// Sets what Git does not declare.
    pub(super) fn add(&self, pointer: &str, value: &Value, out: &mut Vec<Edit>) {
        out.push(self.edit(pointer, Operation::Set(value.clone())));
    }

    /// Turns `desired` into `wanted`, touching only what differs. `live` is `wanted` with what the server put into it:
    /// what Git declares and live has is kept although it is a default.
    pub(super) fn change(&self, pointer: &str, sides: [&Value; 3], out: &mut Vec<Edit>) {
        match sides {
            [desired, _, live] if desired == live => {}
            [Value::Object(desired), Value::Object(wanted), Value::Object(live)] => {
                self.map(pointer, [desired, wanted, live], out);
            }
            [Value::Array(desired), Value::Array(wanted), Value::Array(live)]
                if wanted.len() == live.len() =>
            {
                self.list(pointer, [desired, wanted, live], out);
            }
            [_, wanted, _] => out.push(self.edit(pointer, Operation::Set(wanted.clone()))),
        }
    }

    fn map(&self, pointer: &str, [desired, wanted, live]: [&Map<String, Value>; 3], out: &mut Vec<Edit>) {
        for (key, before) in desired {
            let here = child(pointer, key);
            match (wanted.get(key), live.get(key)) {
                (Some(wanted), Some(live)) => self.change(&here, [before, wanted, live], out),
                (None, Some(live)) => self.change(&here, [before, live, live], out),
                (_, None) if before.is_null() => {}
                (_, None) => out.push(self.edit(&here, Operation::Remove)),
            }
        }
        for (key, value) in wanted.iter().filter(|(key, _)| !desired.contains_key(*key)) {
            out.push(self.edit(&child(pointer, key), Operation::Set(value.clone())));
        }
    }

    fn list(&self, pointer: &str, [desired, wanted, live]: [&Vec<Value>; 3], out: &mut Vec<Edit>) {
        let same = |(before, live): (&Value, &Value)| before == live;
        if desired.len() == live.len() {
            for (index, before) in desired.iter().enumerate() {
                let here = child(pointer, &index.to_string());
                self.change(&here, [before, &wanted[index], &live[index]], out);
            }
        } else if live.len() > desired.len() && desired.iter().zip(live).all(same) {
            for value in &wanted[desired.len()..] {
                out.push(self.edit(&format!("{pointer}/-"), Operation::Set(value.clone())));
            }
        } else if let Some(dropped) = dropped(desired, live) {
            // From the end, so that indexes stay true.
            for index in dropped.into_iter().rev() {
                out.push(self.edit(&child(pointer, &index.to_string()), Operation::Remove));
            }
        } else {
            out.push(self.edit(pointer, Operation::Set(Value::from(wanted.clone()))));
        }
    }
}

/// The indexes of `desired` that are missing in `live`, if live is otherwise the same list.
fn dropped(desired: &[Value], live: &[Value]) -> Option<Vec<usize>> {
    let mut rest = live.iter().peekable();
    let mut dropped = Vec::new();
    for (index, before) in desired.iter().enumerate() {
        if rest.peek() == Some(&before) {
            rest.next();
        } else {
            dropped.push(index);
        }
    }
    rest.next().is_none().then_some(dropped)
}

fn child(pointer: &str, key: &str) -> String {
    let mut child = pointer.to_owned();
    push_pointer(&mut child, key);
    child
}
