//! What of a chart's output is that of one release or one moment: its objects, rendered in different ways, side by side.

use std::collections::BTreeMap;

use serde_json::Value;

use super::hooks::HookOwners;
use super::nondeterministic;
use super::objects::first_of;
use crate::model::{AbsenceReason, FieldPath, PathElement, ResourceId};

/// The revision of a release as the second render has it. `helm template` gives 1, always; this one is even, and a
/// multiple of most small numbers besides.
const REVISION: &str = "7920";

/// A template that gives the release another revision. All charts of a release share one map of what it is (helm
/// `pkg/engine/engine.go`), and templates that lie deepest are executed first.
pub(super) fn revision_template() -> String {
    format!("{{{{- $_ := set .Release \"Revision\" {REVISION} -}}}}\n")
}

/// How a chart is rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RenderVariant {
    /// An install, as it stands in Git.
    Install,
    /// An upgrade, as it stands in Git.
    Upgrade,
    /// An install of the altered copy.
    OtherInstall,
    /// An upgrade of the altered copy.
    OtherUpgrade,
}

/// Why a value is not the same each time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum VariationReason {
    Random,
    Clock,
    Upgrade,
    Revision,
    /// One of these.
    #[default]
    Unknown,
}

impl VariationReason {
    fn describe(self) -> &'static str {
        match self {
            Self::Random => "the chart renders random values",
            Self::Clock => "the chart renders the current time",
            Self::Upgrade => "the chart renders other values on an upgrade than on an install",
            Self::Revision => "the chart renders the release's revision",
            Self::Unknown => "the chart renders other values from time to time here",
        }
    }
}

/// The objects of a render, with their templates.
pub(super) type RenderedObjects = BTreeMap<ResourceId, (String, Value)>;

/// Renders that are compared with the first.
#[derive(Debug, Default)]
pub(super) struct RenderVariants {
    /// Renders in which one thing is different, in the order in which they explain.
    pub(super) single: Vec<(VariationReason, RenderedObjects)>,
    /// The render in which everything is.
    pub(super) all: RenderedObjects,
    /// What explains a difference of that one that no other has.
    pub(super) rest: VariationReason,
}

/// How one object varies between renders.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ObjectVariation {
    /// RFC 6901 pointers of what is not the same in all of them.
    pub(super) unstable: Vec<String>,
    pub(super) notes: Vec<String>,
    pub(super) optional: Option<AbsenceReason>,
    /// Whether the object has another name each time.
    pub(super) is_unsteady: bool,
}

impl ObjectVariation {
    /// Whether the object has another name at each revision, or each time.
    pub(super) fn is_renamed(&self) -> bool {
        self.is_unsteady || self.optional == Some(AbsenceReason::Revision)
    }
}

impl RenderVariants {
    /// Holds an object of the first render against the others.
    pub(super) fn compare(&self, id: &ResourceId, first: &Value) -> ObjectVariation {
        let mut found = Variations::default();
        let mut told = ObjectVariation::default();
        for (reason, objects) in &self.single {
            match (objects.get(id), reason) {
                (Some((_, again)), _) => found.add(first, again, *reason),
                (None, VariationReason::Upgrade) => told.optional = Some(AbsenceReason::Install),
                (None, _) => told.is_unsteady = true,
            }
        }
        match (self.all.get(id), self.rest) {
            (Some((_, again)), _) => found.add(first, again, self.rest),
            (None, VariationReason::Revision) => {
                told.optional = told.optional.or(Some(AbsenceReason::Revision));
            }
            (None, _) => told.is_unsteady = true,
        }
        told.notes = found.notes(first);
        told.notes.extend(told.optional.map(|optional| note_of(optional).to_owned()));
        told.unstable = found.0.into_iter().map(|(pointer, _)| pointer).collect();
        told
    }

    /// Objects that an upgrade has beside those of the first render.
    pub(super) fn upgrade_only_objects(
        &self,
        first: &RenderedObjects,
    ) -> Vec<(String, Value, ObjectVariation)> {
        let upgrade = self.single.iter().filter(|(reason, _)| *reason == VariationReason::Upgrade);
        let only = upgrade.flat_map(|(_, objects)| objects).filter(|(id, _)| !first.contains_key(id));
        // Of a random name nothing else is left in the last render.
        let steady = only.filter_map(|(id, own)| Some((own, self.all.get(id)?)));
        steady
            .map(|((file, value), (_, again))| {
                let mut found = Variations::default();
                found.add(value, again, VariationReason::Unknown);
                let mut notes = found.notes(value);
                notes.push(note_of(AbsenceReason::Upgrade).to_owned());
                let unstable = found.0.into_iter().map(|(pointer, _)| pointer).collect();
                let optional = Some(AbsenceReason::Upgrade);
                (
                    file.clone(),
                    value.clone(),
                    ObjectVariation { unstable, notes, optional, ..ObjectVariation::default() },
                )
            })
            .collect()
    }

    /// What the names of a hook begin with that has another name in other renders: whole words, as far as it shares them
    /// with such a one as the first render lacks.
    pub(super) fn stable_name_prefix(&self, id: &ResourceId, first: &RenderedObjects) -> Option<String> {
        let others = self.single.iter().map(|(_, objects)| objects).chain([&self.all]);
        let others = others.flatten().filter(|(other, (_, value))| {
            let of_kind =
                (&other.group, &other.kind, &other.namespace) == (&id.group, &id.kind, &id.namespace);
            of_kind && !first.contains_key(*other) && HookOwners::from_object(value).is_hook()
        });
        let shared =
            others.map(|(other, _)| shared(&id.name, &other.name)).max_by_key(|shared| shared.len())?;
        let words = shared.rfind(['-', '.']).map_or(shared, |at| &shared[..=at]);
        let words = words.trim_end_matches(|c: char| c.is_ascii_digit());
        (!words.is_empty()).then(|| words.to_owned())
    }
}

fn note_of(optional: AbsenceReason) -> &'static str {
    match optional {
        AbsenceReason::Hook => "a hook",
        AbsenceReason::Install => "the chart renders it on an install only",
        AbsenceReason::Upgrade => "the chart renders it on an upgrade only",
        AbsenceReason::Revision => "the chart renders it at the release's first revision only",
    }
}

fn shared<'t>(left: &'t str, right: &str) -> &'t str {
    let differs = left.char_indices().zip(right.chars()).find(|((_, left), right)| left != right);
    let end = differs.map_or(left.len().min(right.len()), |((at, _), _)| at);
    left.get(..end).unwrap_or(left)
}

/// Places that differ, each with the first reason that was found.
#[derive(Default)]
struct Variations(Vec<(String, VariationReason)>);

impl Variations {
    fn add(&mut self, first: &Value, again: &Value, reason: VariationReason) {
        for pointer in nondeterministic::find_differing(first, again) {
            if !self.0.iter().any(|(known, _)| is_within(&pointer, known)) {
                self.0.push((pointer, reason));
            }
        }
    }

    /// One note for each reason, with a few places.
    fn notes(&self, object: &Value) -> Vec<String> {
        let mut by_reason: BTreeMap<VariationReason, Vec<String>> = BTreeMap::new();
        for (pointer, reason) in &self.0 {
            by_reason.entry(*reason).or_default().push(path_of(pointer, object).to_string());
        }
        let note = |(reason, paths): (VariationReason, Vec<String>)| {
            format!("{}, which is not compared: {}", reason.describe(), first_of(&paths, PLACES))
        };
        by_reason.into_iter().map(note).collect()
    }
}

/// The most places that a note names.
const PLACES: usize = 3;

fn is_within(pointer: &str, outer: &str) -> bool {
    pointer.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A pointer into an object as a path, items by their index.
fn path_of(pointer: &str, object: &Value) -> FieldPath {
    let mut path = FieldPath::root();
    let mut at = Some(object);
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        let index = at.filter(|value| value.is_array()).and_then(|_| token.parse().ok());
        at = at.and_then(|value| match index {
            Some(index) => value.get::<usize>(index),
            None => value.get(&token),
        });
        path.push(index.map_or_else(|| PathElement::field(token), PathElement::Index));
    }
    path
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{RenderVariants, RenderedObjects, VariationReason};
    use crate::model::{AbsenceReason, ResourceId};

    fn objects(list: &[Value]) -> RenderedObjects {
        let entry = |value: &Value| {
            let id = ResourceId::from_object(value).expect("the table's objects have kind and name");
            (id, ("x.yaml".to_owned(), value.clone()))
        };
        list.iter().map(entry).collect()
    }

    fn config(name: &str, data: Value) -> Value {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
    }

    #[test]
    fn each_varying_place_has_its_own_reason() {
        let made = |random: &str, time: &str, fresh: bool, revision: u32| {
            let data = json!({"random": random, "kept": "x", "list": [{"a.b/c": time}],
                "fresh": fresh, "revision": revision.to_string()});
            objects(&[config("a", data)])
        };
        let first = made("p", "monday", true, 1);
        let others = RenderVariants {
            single: vec![
                (VariationReason::Random, made("q", "monday", true, 1)),
                (VariationReason::Clock, made("r", "sunday", true, 1)),
                (VariationReason::Upgrade, made("s", "monday", false, 1)),
            ],
            all: made("t", "sunday", false, 7920),
            rest: VariationReason::Revision,
        };
        let (id, (_, value)) = first.iter().next().expect("there is one");
        let told = others.compare(id, value);
        assert_eq!(told.unstable, ["/data/random", "/data/list/0/a.b~1c", "/data/fresh", "/data/revision"]);
        assert_eq!(
            told.notes,
            [
                "the chart renders random values, which is not compared: .data.random",
                "the chart renders the current time, which is not compared: .data.list[0][\"a.b/c\"]",
                "the chart renders other values on an upgrade than on an install, which is not compared: .data.fresh",
                "the chart renders the release's revision, which is not compared: .data.revision",
            ]
        );
        assert!(told.optional.is_none() && !told.is_unsteady);
    }

    #[test]
    fn object_in_some_renders_optional_or_unsteady() {
        let object = |name: &str| config(name, json!({}));
        let render = |names: &[&str]| objects(&names.iter().map(|name| object(name)).collect::<Vec<_>>());
        let others = RenderVariants {
            single: vec![
                (VariationReason::Random, render(&["both", "install", "revision-1", "random-q"])),
                (VariationReason::Upgrade, render(&["both", "upgrade", "revision-1", "random-r"])),
            ],
            all: render(&["both", "upgrade", "revision-7920", "random-s"]),
            rest: VariationReason::Revision,
        };
        let first = render(&["both", "install", "revision-1", "random-p"]);
        let told = |name: &str| {
            let told =
                others.compare(&ResourceId::from_object(&object(name)).expect("it has an id"), &object(name));
            (told.optional, told.is_unsteady)
        };
        assert_eq!(told("both"), (None, false));
        assert_eq!(told("install"), (Some(AbsenceReason::Install), false));
        assert_eq!(told("revision-1"), (Some(AbsenceReason::Revision), false));
        assert!(told("random-p").1);
        let upgrades = others.upgrade_only_objects(&first);
        let names: Vec<_> = upgrades.iter().map(|(_, value, _)| &value["metadata"]["name"]).collect();
        assert_eq!(names, ["upgrade"]);
        assert_eq!(upgrades[0].2.optional, Some(AbsenceReason::Upgrade));
    }

    #[test]
    fn hook_name_prefix_is_common_part() {
        let hook = |name: &str| {
            json!({"apiVersion": "batch/v1", "kind": "Job",
            "metadata": {"name": name, "annotations": {"helm.sh/hook": "test"}}})
        };
        let all = objects(&[hook("web-7920-migrate"), config("web-1", json!({})), hook("seed")]);
        let others = RenderVariants { single: Vec::new(), all, rest: VariationReason::Revision };
        let beginning = |name: &str| {
            let first = objects(&[hook(name), hook("seed")]);
            others.stable_name_prefix(&ResourceId::from_object(&hook(name)).expect("it has an id"), &first)
        };
        assert_eq!(beginning("web-1-migrate").as_deref(), Some("web-"));
        assert_eq!(beginning("web-7920").as_deref(), Some("web-"), "whole words");
        assert_eq!(beginning("web1").as_deref(), Some("web"));
        assert_eq!(beginning("other"), None);
    }
}
