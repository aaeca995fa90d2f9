//! Byte-exact edits, each proven by reading the result again.

use serde_json::Value;

use super::align::{Aligned, align};
use super::edit_path::{NodePath, candidate_splices, refuse_own, refuse_shared, stays_within, walk};
use super::edit_refusal::EditRefusal;
use super::layout::{DocumentLayout, is_empty, order_entries};
use super::lines::Base;
use super::moves::{moved, with_moved};
use super::node::{Node, NodeKind, NodeStyle};
use super::operation::{Edit, Operation};
use super::pointer::{apply_operation, normalise_numbers, parse_tokens, wrap_in_parents};
use super::read::{is_json, read_parts, read_root, split_documents};
use super::splice::{EditSite, Splice};
use super::{YamlError, batch_edit};

/// Why a file was not edited.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("document {document}, `{pointer}` cannot be edited: {why}")]
pub struct EditError {
    /// Index of the document.
    pub document: usize,
    /// Pointer of the edit.
    pub pointer: String,
    /// What stands against it.
    pub why: EditRefusal,
}

/// Applies edits in order, and proves itself: the result is read again, every document equals the intended JSON, and
/// every byte outside the edited nodes' lines is unchanged; otherwise `Err`, never a guess.
///
/// New text follows the file: indentation, quotes, line breaks. A collection that is replaced by one of its kind is
/// edited entry by entry. An alias (`*name`) may be replaced as a whole, but nothing is edited through it, and nothing
/// that aliases refer to.
///
/// # Errors
/// Where the document cannot be read, the place does not exist, other places would change too, or the result would not
/// be as intended.
pub fn edit(text: &str, edits: &[Edit]) -> Result<String, EditError> {
    if let Some(edited) = edit_together(text, edits) {
        return Ok(edited);
    }
    let mut text = text.to_owned();
    for (at, edit) in edits.iter().enumerate() {
        if at * text.len() > MOST_WORK {
            let why = EditRefusal::TooManyEdits;
            return Err(EditError { document: edit.document, pointer: edit.pointer.clone(), why });
        }
        text = edit_one(&text, edit).map_err(|why| EditError {
            document: edit.document,
            pointer: edit.pointer.clone(),
            why,
        })?;
    }
    Ok(text)
}

/// Bytes that are read again at most where edits are made one after another.
const MOST_WORK: usize = 64 << 20;

/// All edits at once, where they are many; `None` where they are few, or cannot be proven together.
fn edit_together(text: &str, edits: &[Edit]) -> Option<String> {
    let (documents, edited) = batch_edit::edit_batch(text, edits)?;
    let (mut before, mut after) = (values(text), values(&edited));
    let as_intended =
        |(document, intended): &(usize, Value)| after.get(*document) == Some(&Some(intended.clone()));
    if before.len() != after.len() || !documents.iter().all(as_intended) {
        return None;
    }
    for (document, _) in documents {
        before[document] = None;
        after[document] = None;
    }
    (before == after).then_some(edited)
}

fn edit_one(text: &str, edit: &Edit) -> Result<String, EditRefusal> {
    let before = values(text);
    let old = match before.get(edit.document) {
        Some(Some(value)) if !value.is_null() => value.clone(),
        Some(None) => return Err(why_unreadable(text, edit.document)),
        _ => return Err(EditRefusal::NoDocument),
    };
    let tokens = parse_tokens(&edit.pointer)?;
    let operation = match &edit.operation {
        Operation::Set(value) => Operation::Set(normalise_numbers(value)),
        other => other.clone(),
    };
    let intended = apply_operation(old.clone(), &tokens, &operation)?;
    if intended == old {
        return Ok(text.to_owned());
    }
    let range = split_documents(text.as_bytes()).swap_remove(edit.document).range;
    let part = &text[range.clone()];
    let mut editor = Editor { text: part.to_owned(), json: is_json(part), work: 0 };
    match &operation {
        Operation::Set(value) => editor.set(&tokens, value)?,
        Operation::Remove => editor.remove(&tokens)?,
        Operation::Rename(name) => editor.rename(&tokens, name)?,
    }
    let result = [&text[..range.start], &editor.text, &text[range.end..]].concat();
    prove(&before, &values(&result), edit.document, &intended)?;
    Ok(result)
}

/// Every document of a stream: null for an empty one, `None` for one that cannot be read.
fn values(text: &str) -> Vec<Option<Value>> {
    let value = |read: Result<Option<super::Document>, YamlError>| {
        read.ok().map(|document| document.map_or(Value::Null, |document| document.into_json()))
    };
    read_parts(text.as_bytes()).into_iter().map(value).collect()
}

fn why_unreadable(text: &str, document: usize) -> EditRefusal {
    match read_parts(text.as_bytes()).into_iter().nth(document) {
        Some(Err(error)) => EditRefusal::Unreadable(error.why),
        _ => EditRefusal::NoDocument,
    }
}

fn prove(
    before: &[Option<Value>],
    after: &[Option<Value>],
    document: usize,
    intended: &Value,
) -> Result<(), EditRefusal> {
    let as_intended = after.get(document).is_some_and(|value| value.as_ref() == Some(intended));
    let others = |values: &[Option<Value>]| {
        let others = values.iter().enumerate().filter(|(index, _)| *index != document);
        others.map(|(_, value)| value.clone()).collect::<Vec<_>>()
    };
    if !as_intended || before.len() != after.len() || others(before) != others(after) {
        return Err(EditRefusal::NotProven);
    }
    Ok(())
}

/// Edits the text of one document.
struct Editor {
    text: String,
    json: bool,
    /// Bytes that were read again.
    work: usize,
}

impl Editor {
    fn root(&self) -> Result<Node, EditRefusal> {
        read_root(&self.text, Base::default())?.ok_or(EditRefusal::Empty)
    }

    fn set(&mut self, tokens: &[String], value: &Value) -> Result<(), EditRefusal> {
        let root = self.root()?;
        let walk = walk(&root, tokens)?;
        if let [token, inner @ ..] = walk.rest {
            let depth = tokens.len() - walk.rest.len();
            return self.create(
                &root,
                &walk,
                &tokens[..=depth],
                &wrap_in_parents(inner, value.clone()),
                token,
            );
        }
        if walk.node.to_json() == *value {
            return Ok(());
        }
        let own = walk.node.form.style != NodeStyle::Alias && !walk.node.form.shared && !is_empty(value);
        match (&walk.node.kind, value) {
            (NodeKind::Mapping(old), Value::Object(new)) if own && !old.is_empty() => {
                self.set_entries(tokens, &walk.node.to_json(), new)
            }
            (NodeKind::Sequence(old), Value::Array(new)) if own && !old.is_empty() => {
                let old: Vec<Value> = old.iter().map(Node::to_json).collect();
                self.set_items(tokens, &old, new)
            }
            _ => {
                refuse_shared(walk.node)?;
                let site = self.site(&root, walk.node, walk.trail.last().map(|(parent, _)| *parent));
                let ways = candidate_splices(site, |site| site.replace(value));
                let lines = site.own_lines();
                self.take(&root, ways, lines, tokens, &Operation::Set(value.clone()))
            }
        }
    }

    /// Creates what is missing: an entry of a mapping, an item of a sequence, or a collection in place of null.
    fn create(
        &mut self,
        root: &Node,
        walk: &NodePath<'_, '_>,
        tokens: &[String],
        value: &Value,
        token: &str,
    ) -> Result<(), EditRefusal> {
        let node = walk.node;
        refuse_own(node)?;
        let site = self.site(root, node, walk.trail.last().map(|(parent, _)| *parent));
        let ways = candidate_splices(site, |site| match &node.kind {
            NodeKind::Mapping(_) => site.add(token, value),
            NodeKind::Sequence(items) => site.insert(items.len(), value),
            _ => site.replace(&wrap_in_parents(&[token.to_owned()], value.clone())),
        });
        let lines = site.commented_lines();
        self.take(root, ways, lines, tokens, &Operation::Set(value.clone()))
    }

    fn set_entries(
        &mut self,
        tokens: &[String],
        old: &Value,
        new: &serde_json::Map<String, Value>,
    ) -> Result<(), EditRefusal> {
        for (name, value) in order_entries(new) {
            if old.get(name) != Some(value) {
                self.set(&child(tokens, name), value)?;
            }
        }
        let gone = old.as_object().into_iter().flatten().filter(|(name, _)| !new.contains_key(*name));
        gone.map(|(name, _)| name).try_for_each(|name| self.remove(&child(tokens, name)))
    }

    /// Items stay, change, go and come as they are aligned by content.
    fn set_items(&mut self, tokens: &[String], old: &[Value], new: &[Value]) -> Result<(), EditRefusal> {
        let old = &self.move_items(tokens, old, new)[..];
        let aligned = align(old, new);
        for item in &aligned {
            if let Aligned::Both(at, to) = item
                && old[*at] != new[*to]
            {
                self.set(&child(tokens, &at.to_string()), &new[*to])?;
            }
        }
        // From the end, so that indexes stay true.
        let mut end = old.len();
        for item in aligned.iter().rev() {
            match item {
                Aligned::Both(at, _) => end = *at,
                Aligned::Old(at) => {
                    end = *at;
                    self.remove(&child(tokens, &at.to_string()))?;
                }
                Aligned::New(to) => self.insert(tokens, end, &new[*to])?,
            }
        }
        Ok(())
    }

    /// Moves items that stand elsewhere, with their comments; the list after it. Where one cannot be moved, it goes and comes.
    fn move_items(&mut self, tokens: &[String], old: &[Value], new: &[Value]) -> Vec<Value> {
        let mut items = old.to_vec();
        // Each that is moved stays.
        for _ in 0..new.len() {
            let Some((at, before)) = moved(&items, new) else { break };
            let after = with_moved(&items, (at, before));
            if self.move_item(tokens, (at, before), &after).is_err() {
                break;
            }
            items = after;
        }
        items
    }

    fn move_item(
        &mut self,
        tokens: &[String],
        (at, before): (usize, usize),
        items: &[Value],
    ) -> Result<(), EditRefusal> {
        let root = self.root()?;
        let walk = walk(&root, tokens)?;
        let site = self.site(&root, walk.node, walk.trail.last().map(|(parent, _)| *parent));
        let ways = site.move_item(at, before).into_iter().collect();
        let lines = site.commented_lines();
        self.take(&root, ways, lines, tokens, &Operation::Set(Value::from(items.to_vec())))
    }

    fn insert(&mut self, tokens: &[String], at: usize, value: &Value) -> Result<(), EditRefusal> {
        let root = self.root()?;
        let walk = walk(&root, tokens)?;
        let Value::Array(mut items) = walk.node.to_json() else { return Err(EditRefusal::NotAList) };
        items.insert(at, value.clone());
        let site = self.site(&root, walk.node, walk.trail.last().map(|(parent, _)| *parent));
        let ways = candidate_splices(site, |site| site.insert(at, value));
        let lines = site.commented_lines();
        self.take(&root, ways, lines, tokens, &Operation::Set(Value::Array(items)))
    }

    fn remove(&mut self, tokens: &[String]) -> Result<(), EditRefusal> {
        let root = self.root()?;
        let mut walk = walk(&root, tokens)?;
        let (Some((parent, position)), []) = (walk.trail.pop(), walk.rest) else {
            return Err(EditRefusal::Merged);
        };
        refuse_shared(walk.node)?;
        let site = self.site(&root, parent, walk.trail.last().map(|(parent, _)| *parent));
        let ways = site.remove(position);
        let lines = site.commented_lines();
        self.take(&root, ways, lines, tokens, &Operation::Remove)
    }

    fn rename(&mut self, tokens: &[String], name: &str) -> Result<(), EditRefusal> {
        let root = self.root()?;
        let mut walk = walk(&root, tokens)?;
        let (Some((parent, position)), []) = (walk.trail.pop(), walk.rest) else {
            return Err(EditRefusal::Merged);
        };
        let site = self.site(&root, parent, walk.trail.last().map(|(parent, _)| *parent));
        let ways = site.rename(position, name).into_iter().collect();
        self.take(&root, ways, site.own_lines(), tokens, &Operation::Rename(name.to_owned()))
    }

    fn site<'a>(&'a self, root: &'a Node, node: &'a Node, parent: Option<&'a Node>) -> EditSite<'a> {
        let near = if matches!(node.kind, NodeKind::Mapping(_) | NodeKind::Sequence(_)) {
            node
        } else {
            parent.unwrap_or(node)
        };
        EditSite {
            text: &self.text,
            node,
            parent,
            layout: DocumentLayout::detect(&self.text, root, self.json).layout_near(&self.text, near),
        }
    }

    /// Takes the first way that stays within `lines` and reads back as intended.
    fn take(
        &mut self,
        root: &Node,
        ways: Vec<Splice>,
        lines: std::ops::Range<usize>,
        tokens: &[String],
        operation: &Operation,
    ) -> Result<(), EditRefusal> {
        self.work += self.text.len();
        if self.work > MOST_WORK {
            return Err(EditRefusal::TooManyPlaces);
        }
        let intended = apply_operation(root.to_json(), tokens, operation)?;
        let read_back = |text: &String| {
            read_root(text, Base::default())
                .is_ok_and(|root| root.is_some_and(|root| root.to_json() == intended))
        };
        let found = ways
            .iter()
            .filter(|way| stays_within(way, &lines))
            .filter_map(|way| way.apply(&self.text))
            .find(read_back);
        self.text = found.ok_or(EditRefusal::NotProven)?;
        Ok(())
    }
}

fn child(tokens: &[String], token: &str) -> Vec<String> {
    tokens.iter().cloned().chain(std::iter::once(token.to_owned())).collect()
}
