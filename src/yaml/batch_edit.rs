//! Many edits of a file at once: each is found in the text as it stands, all are written together, and the result is read
//! and proven once. A thousand keys cost what reading the file costs, not a thousand times that.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value};

use super::align::{Aligned, align};
use super::edit_path::{candidate_splices, refuse_own, refuse_shared, stays_within, walk};
use super::edit_refusal::EditRefusal;
use super::layout::{DocumentLayout, Layout, is_empty, order_entries};
use super::lines::Base;
use super::moves::moved;
use super::node::{Node, NodeKind, NodeStyle};
use super::operation::{Edit, Operation};
use super::pointer::{apply_operation, normalise_numbers, parse_tokens, wrap_in_parents};
use super::read::{is_json, read_root, split_documents};
use super::splice::{EditSite, Splice};

/// Changes of a text up to which it is edited one by one, each change proven by itself.
const FEW: usize = 16;

/// The documents that change, with their intended values, and the text with all edits; `None`: there are few of them, or
/// together they cannot be written.
pub(super) fn edit_batch(text: &str, edits: &[Edit]) -> Option<(Vec<(usize, Value)>, String)> {
    let mut of_documents: BTreeMap<usize, Vec<&Edit>> = BTreeMap::new();
    for edit in edits {
        of_documents.entry(edit.document).or_default().push(edit);
    }
    let mut steps = 0;
    let (mut replaced, mut documents) = (Vec::new(), Vec::new());
    let parts = split_documents(text.as_bytes());
    for (document, edits) in of_documents {
        let range = parts.get(document)?.range.clone();
        let (part, intended, count) = edit_document(&text[range.clone()], &edits)?;
        steps += count;
        replaced.push((range, part));
        documents.push((document, intended));
    }
    if steps <= FEW {
        return None;
    }
    let mut result = String::with_capacity(text.len() * 2);
    let mut from = 0;
    for (range, part) in replaced {
        result.push_str(&text[from..range.start]);
        result.push_str(&part);
        from = range.end;
    }
    result.push_str(&text[from..]);
    Some((documents, result))
}

/// One document with its edits, its intended value, and how many changes they were. What is written reads back so.
fn edit_document(text: &str, edits: &[&Edit]) -> Option<(String, Value, usize)> {
    let root = read_root(text, Base::default()).ok()??;
    let mut intended = root.to_json();
    let mut together = BatchEditor::new(text, &root);
    for edit in edits {
        let tokens = parse_tokens(&edit.pointer).ok()?;
        let operation = match &edit.operation {
            Operation::Set(value) => Operation::Set(normalise_numbers(value)),
            other => other.clone(),
        };
        intended = apply_operation(intended, &tokens, &operation).ok()?;
        match &operation {
            Operation::Set(value) => together.set(&tokens, value).ok()?,
            Operation::Remove => together.remove(&tokens).ok()?,
            Operation::Rename(_) => return None,
        }
    }
    let steps = together.steps;
    let read_back = |text: &String| {
        read_root(text, Base::default()).is_ok_and(|root| root.is_some_and(|root| root.to_json() == intended))
    };
    // Where comments that follow a literal block scalar would become a part of it, quotes do.
    let found = [true, false].into_iter().find_map(|literals| together.write(literals).filter(read_back))?;
    Some((found, intended, steps))
}

/// What is to be done at one node.
enum EditStep<'a> {
    Replace(Value),
    Add(Vec<(String, Value)>),
    /// Positions before which items come.
    Insert(Vec<(usize, Value)>),
    Remove(Vec<(usize, &'a Node)>),
}

/// A node, its parent, and what is to be done there.
struct StepSite<'a> {
    node: &'a Node,
    parent: Option<&'a Node>,
    step: EditStep<'a>,
}

struct BatchEditor<'a> {
    text: &'a str,
    root: &'a Node,
    habits: DocumentLayout,
    /// In their order; those that add to a node are one.
    places: Vec<StepSite<'a>>,
    /// Places that add to a node, by its address and what they do.
    adding: HashMap<(*const Node, bool), usize>,
    steps: usize,
}

type Tokens<'t> = &'t [String];

impl<'a> BatchEditor<'a> {
    fn new(text: &'a str, root: &'a Node) -> Self {
        let habits = DocumentLayout::detect(text, root, is_json(text));
        Self { text, root, habits, places: Vec::new(), adding: HashMap::new(), steps: 0 }
    }

    fn set(&mut self, tokens: Tokens<'_>, value: &Value) -> Result<(), EditRefusal> {
        let walked = walk(self.root, tokens)?;
        let parent = walked.trail.last().map(|(parent, _)| *parent);
        if let [token, inner @ ..] = walked.rest {
            refuse_own(walked.node)?;
            return self.add(walked.node, parent, token, (inner, value));
        }
        self.become_value(walked.node, parent, value)
    }

    /// A node that is there becomes `value`: a collection of its kind entry by entry.
    fn become_value(
        &mut self,
        node: &'a Node,
        parent: Option<&'a Node>,
        value: &Value,
    ) -> Result<(), EditRefusal> {
        if node.to_json() == *value {
            return Ok(());
        }
        let own = node.form.style != NodeStyle::Alias && !node.form.shared && !is_empty(value);
        match (&node.kind, value) {
            (NodeKind::Mapping(old), Value::Object(new)) if own && !old.is_empty() => {
                self.entries(node, parent, new)
            }
            (NodeKind::Sequence(old), Value::Array(new)) if own && !old.is_empty() => {
                self.items((node, parent), old, new)
            }
            _ => {
                refuse_shared(node)?;
                self.push(node, parent, EditStep::Replace(value.clone()));
                Ok(())
            }
        }
    }

    fn entries(
        &mut self,
        node: &'a Node,
        parent: Option<&'a Node>,
        new: &Map<String, Value>,
    ) -> Result<(), EditRefusal> {
        let NodeKind::Mapping(old) = &node.kind else { return Ok(()) };
        let known: HashMap<&str, &Node> = old.iter().map(|(key, value)| (key.name.as_str(), value)).collect();
        if old.iter().any(|(key, _)| key.merged) {
            return Err(EditRefusal::HasMergeKey);
        }
        for (name, value) in order_entries(new) {
            match known.get(name.as_str()) {
                Some(child) => self.become_value(child, Some(node), value)?,
                None => self.add(node, parent, name, (&[], value))?,
            }
        }
        for (position, (key, child)) in
            old.iter().enumerate().filter(|(_, (key, _))| !new.contains_key(&key.name))
        {
            debug_assert!(!key.merged, "merged keys are left to the other way");
            self.take_out(node, parent, (position, child))?;
        }
        Ok(())
    }

    /// Items stay, change, go and come as where edits are made one by one.
    fn items(
        &mut self,
        (node, parent): (&'a Node, Option<&'a Node>),
        old: &'a [Node],
        new: &[Value],
    ) -> Result<(), EditRefusal> {
        let before: Vec<Value> = old.iter().map(Node::to_json).collect();
        if moved(&before, new).is_some() {
            return Err(EditRefusal::ItemMoves);
        }
        let aligned = align(&before, new);
        if !aligned.iter().any(|item| matches!(item, Aligned::Both(..))) {
            old.iter().try_for_each(refuse_shared)?;
            self.push(node, parent, EditStep::Replace(Value::from(new.to_vec())));
            self.steps += new.len();
            return Ok(());
        }
        let mut next = 0;
        for item in aligned {
            match item {
                Aligned::Both(at, to) => {
                    self.become_value(&old[at], Some(node), &new[to])?;
                    next = at + 1;
                }
                Aligned::Old(at) => {
                    self.take_out(node, None, (at, &old[at]))?;
                    next = at + 1;
                }
                Aligned::New(to) => self.insert(node, None, next, new[to].clone()),
            }
        }
        Ok(())
    }

    /// Adds what is missing: an entry of a mapping, an item at the end of a sequence, or a collection in place of null.
    fn add(
        &mut self,
        node: &'a Node,
        parent: Option<&'a Node>,
        token: &str,
        (inner, value): (Tokens<'_>, &Value),
    ) -> Result<(), EditRefusal> {
        if let NodeKind::Sequence(items) = &node.kind {
            self.insert(node, parent, items.len(), wrap_in_parents(inner, value.clone()));
            return Ok(());
        }
        let fresh = (node, parent, EditStep::Add(Vec::new()));
        let EditStep::Add(entries) = self.step_adding_to(fresh, true) else {
            return Err(EditRefusal::NotAMapping);
        };
        // Several edits may go below the same new key.
        match entries.iter_mut().rev().take(1).find(|(name, _)| name == token) {
            Some((_, there)) => {
                *there = apply_operation(there.take(), inner, &Operation::Set(value.clone()))?;
            }
            None => entries.push((token.to_owned(), wrap_in_parents(inner, value.clone()))),
        }
        self.steps += 1;
        Ok(())
    }

    fn insert(&mut self, node: &'a Node, parent: Option<&'a Node>, at: usize, value: Value) {
        if let EditStep::Insert(items) =
            self.step_adding_to((node, parent, EditStep::Insert(Vec::new())), true)
        {
            items.push((at, value));
        }
        self.steps += 1;
    }

    fn remove(&mut self, tokens: Tokens<'_>) -> Result<(), EditRefusal> {
        let mut walked = walk(self.root, tokens)?;
        let (Some((parent, position)), []) = (walked.trail.pop(), walked.rest) else {
            return Err(EditRefusal::Merged);
        };
        self.take_out(parent, walked.trail.last().map(|(parent, _)| *parent), (position, walked.node))
    }

    fn take_out(
        &mut self,
        node: &'a Node,
        parent: Option<&'a Node>,
        child: (usize, &'a Node),
    ) -> Result<(), EditRefusal> {
        refuse_shared(child.1)?;
        if let EditStep::Remove(children) =
            self.step_adding_to((node, parent, EditStep::Remove(Vec::new())), false)
        {
            children.push(child);
        }
        self.steps += 1;
        Ok(())
    }

    fn push(&mut self, node: &'a Node, parent: Option<&'a Node>, step: EditStep<'a>) {
        self.steps += 1;
        self.places.push(StepSite { node, parent, step });
    }

    /// The place that adds to a node, or takes from it.
    fn step_adding_to(
        &mut self,
        (node, parent, step): (&'a Node, Option<&'a Node>, EditStep<'a>),
        adds: bool,
    ) -> &mut EditStep<'a> {
        let places = &mut self.places;
        let at = *self.adding.entry((std::ptr::from_ref(node), adds)).or_insert_with(|| {
            places.push(StepSite { node, parent, step });
            places.len() - 1
        });
        &mut places[at].step
    }

    /// The text with every change; `None` where two of them touch the same bytes.
    fn write(&self, literals: bool) -> Option<String> {
        let (mut splices, mut layouts) = (Vec::new(), HashMap::new());
        for place in &self.places {
            let near = if matches!(place.node.kind, NodeKind::Mapping(_) | NodeKind::Sequence(_)) {
                place.node
            } else {
                place.parent.unwrap_or(place.node)
            };
            let habit = || self.habits.layout_near(self.text, near);
            let layout = *layouts.entry(std::ptr::from_ref(near)).or_insert_with(habit);
            let layout = Layout { literals, ..layout };
            let site = EditSite { text: self.text, node: place.node, parent: place.parent, layout };
            splices.extend(place.splices(&site)?);
        }
        splices.sort_by_key(|splice: &Splice| (splice.range.start, splice.range.end));
        let mut result = String::with_capacity(self.text.len() * 2);
        let (mut from, mut last) = (0, 0..0);
        for splice in splices {
            if splice.range == last && !last.is_empty() {
                result.push_str(&next_flow_entry(&splice.text, &self.text[last.clone()])?);
                continue;
            }
            result.push_str(self.text.get(from..splice.range.start)?);
            result.push_str(&splice.text);
            (from, last) = (splice.range.end, splice.range);
        }
        result.push_str(self.text.get(from..)?);
        Some(result)
    }
}

/// What a second entry adds to a flow collection with one entry a line, after a first one that was written over the same
/// `rest` of a line.
fn next_flow_entry(text: &str, rest: &str) -> Option<String> {
    match text.strip_prefix(',') {
        Some(text) => text.strip_prefix(rest).map(|new| format!(",{new}")),
        None => text.strip_prefix(rest).map(str::to_owned),
    }
}

impl StepSite<'_> {
    /// The first way of each change that stays within its lines.
    fn splices(&self, site: &EditSite<'_>) -> Option<Vec<Splice>> {
        let own = site.own_lines();
        let first = |ways: Vec<Splice>, lines: &std::ops::Range<usize>| {
            ways.into_iter().find(|way| stays_within(way, lines))
        };
        match &self.step {
            EditStep::Replace(value) => first(site.replace(value), &own).map(|splice| vec![splice]),
            EditStep::Add(entries) => match &self.node.kind {
                NodeKind::Mapping(old) if !old.is_empty() => {
                    let lines = site.commented_lines();
                    entries.iter().map(|(name, value)| first(site.add(name, value), &lines)).collect()
                }
                NodeKind::Mapping(_) | NodeKind::Null => {
                    let whole = Value::Object(entries.iter().cloned().collect());
                    first(candidate_splices(*site, |site| site.replace(&whole)), &own)
                        .map(|splice| vec![splice])
                }
                _ => None,
            },
            EditStep::Insert(items) => match &self.node.kind {
                NodeKind::Sequence(old) if !old.is_empty() => {
                    let lines = site.commented_lines();
                    items.iter().map(|(at, value)| first(site.insert(*at, value), &lines)).collect()
                }
                _ => {
                    let whole = items.iter().map(|(_, value)| value.clone()).collect();
                    first(candidate_splices(*site, |site| site.replace(&whole)), &own)
                        .map(|splice| vec![splice])
                }
            },
            EditStep::Remove(children) if children.len() < site.length() => {
                let lines = site.commented_lines();
                children.iter().map(|(position, _)| first(site.remove(*position), &lines)).collect()
            }
            EditStep::Remove(_) => None,
        }
    }
}
