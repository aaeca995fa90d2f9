//! The comparison itself: three trees side by side (declared, declared with the server's defaults, live).

use serde_json::{Map, Value};

use super::equal::{is_hollow, is_omitted, same_scalar};
use super::lists::{Pair, pair, reordered, set_difference};
use super::normalise::SERVER_METADATA;
use super::server_set::{holds_server_set, is_older_default, is_server_set, takes_items_of_the_server};
use crate::model::{ChangeKind, Desired, Difference, FieldPath, ResourceId, Step, push_pointer};
use crate::schema::{Field, ListType, Scalar, Shape};

/// Never compared: a copy of the object, Secrets' values included (attribution reads it), and a counter that the server
/// writes in the name of whoever wrote the object.
const UNCOMPARED: [&str; 2] =
    ["kubectl.kubernetes.io/last-applied-configuration", "deprecated.daemonset.template.generation"];

/// A comparison under way.
pub(super) struct Walk<'a> {
    id: &'a ResourceId,
    unstable: &'a [String],
    /// Whether Git leaves the rules of an aggregated ClusterRole to the controller.
    aggregated: bool,
    out: Vec<Difference>,
}

/// Where the walk stands: in the schema, in words, and in both objects.
#[derive(Clone)]
struct At<'a> {
    field: Field<'a>,
    path: FieldPath,
    live: String,
    desired: String,
    /// Whether this is a value of a map with free keys, where even an empty value is one.
    in_map: bool,
}

/// The three sides of one place.
#[derive(Clone, Copy)]
struct Sides<'v> {
    declared: Option<&'v Value>,
    filled: Option<&'v Value>,
    live: Option<&'v Value>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(desired: &'a Desired, declared: &Value) -> Self {
        let aggregated =
            declared.get("aggregationRule").is_some() && declared.get("rules").is_none_or(is_hollow);
        Self { id: &desired.id, unstable: &desired.unstable, aggregated, out: Vec::new() }
    }

    pub(super) fn finish(self) -> Vec<Difference> {
        self.out
    }

    /// Compares two objects from their roots.
    pub(super) fn object(&mut self, field: Field<'a>, declared: &Value, filled: &Value, live: &Value) {
        let (Some(live), Some(declared)) = (live.as_object(), declared.as_object()) else { return };
        let root =
            At { field, path: FieldPath::root(), live: String::new(), desired: String::new(), in_map: false };
        for key in union(declared, live) {
            let skipped = matches!(key.as_str(), "apiVersion" | "kind" | "status")
                || (self.aggregated && key == "rules");
            if !skipped {
                let sides =
                    Sides { declared: declared.get(key), filled: filled.get(key), live: live.get(key) };
                self.place(&root.step_field(key), sides);
            }
        }
    }

    fn place(&mut self, at: &At<'a>, sides: Sides<'_>) {
        let live = sides.live.filter(|live| !live.is_null());
        if is_server_metadata(&at.path) || self.unstable.contains(&at.desired) {
            return;
        }
        match (sides.declared, live) {
            (None, None) => {}
            (Some(declared), None) => self.only_desired(at, declared),
            (None, Some(live)) => self.only_live(at, sides.filled, live),
            (Some(declared), Some(live)) => self.both(at, declared, sides.filled.unwrap_or(declared), live),
        }
    }

    fn only_desired(&mut self, at: &At<'a>, declared: &Value) {
        let built_in = self.id.is_built_in();
        let dropped = !selects(at.field)
            && if built_in && !at.in_map { is_omitted(at.field, declared) } else { is_hollow(declared) };
        let by_default = !built_in && at.field.default().is_some_and(|default| default == declared);
        if !dropped && !by_default {
            self.report(at, ChangeKind::Removed, Some(declared), None, None);
        }
    }

    fn only_live(&mut self, at: &At<'a>, filled: Option<&Value>, live: &Value) {
        if is_hollow(live) && !(selects(at.field) && filled.is_none()) {
            return;
        }
        match (filled, live) {
            (Some(Value::Object(filled)), Value::Object(live)) if !at.field.is_atomic_map() => {
                self.children_of_live(at, Some(filled), live);
            }
            (Some(filled), live) => {
                if self.differs_as_one(at, filled, live) {
                    self.report(at, ChangeKind::Added, None, Some(live), Some(filled));
                }
            }
            // An item that only live has is one change, whatever the server put into it.
            (None, Value::Object(live)) if !is_item(&at.path) && holds_server_set(self.id, &at.path) => {
                self.children_of_live(at, None, live);
            }
            (None, Value::Array(live)) if takes_items_of_the_server(self.id, &at.path) => {
                self.items_of_live(at, live);
            }
            (None, live) => self.report(at, ChangeKind::Added, None, Some(live), None),
        }
    }

    /// A keyed list that Git lacks, item by item: the server put some of them there.
    fn items_of_live(&mut self, at: &At<'a>, live: &[Value]) {
        let pairs = match at.field.shape() {
            Shape::List(ListType::Map(keys)) => pair(&keys, &[], live),
            _ => None,
        };
        match pairs {
            Some(pairs) => self.keyed(at, &pairs, [&[], &[], live]),
            None => self.report(at, ChangeKind::Added, None, Some(&Value::from(live.to_vec())), None),
        }
    }

    fn children_of_live(
        &mut self,
        at: &At<'a>,
        filled: Option<&Map<String, Value>>,
        live: &Map<String, Value>,
    ) {
        for (key, inner) in live {
            let filled = filled.and_then(|filled| filled.get(key));
            self.place(&at.step_field(key), Sides { declared: None, filled, live: Some(inner) });
        }
    }

    fn both(&mut self, at: &At<'a>, declared: &Value, filled: &Value, live: &Value) {
        match (declared, filled, live) {
            // What the server completes (the claim of a volume) is told from what was written.
            (Value::Object(_), _, Value::Object(_))
                if at.field.is_atomic_map() && !is_server_set(self.id, &at.path) =>
            {
                self.as_one(at, declared, filled, live);
            }
            (Value::Object(declared), Value::Object(filled), Value::Object(live)) => {
                for key in union(declared, live) {
                    let sides =
                        Sides { declared: declared.get(key), filled: filled.get(key), live: live.get(key) };
                    self.place(&at.step_field(key), sides);
                }
            }
            (Value::Array(inner), Value::Array(inner_filled), Value::Array(inner_live)) => {
                match at.field.shape() {
                    Shape::List(ListType::Map(keys)) => match pair(&keys, inner_filled, inner_live) {
                        Some(pairs) => self.keyed(at, &pairs, [inner, inner_filled, inner_live]),
                        None => self.as_one(at, declared, filled, live),
                    },
                    Shape::List(ListType::Set) => self.set(at, inner, inner_live),
                    _ => self.as_one(at, declared, filled, live),
                }
            }
            _ => {
                let same = same_scalar(scalar(at.field), declared, live);
                if !(same || (is_hollow(declared) && is_hollow(live))) {
                    self.report(at, ChangeKind::Modified, Some(declared), Some(live), None);
                }
            }
        }
    }

    fn keyed(&mut self, at: &At<'a>, pairs: &[Pair], [declared, filled, live]: [&[Value]; 3]) {
        let mut seen: Vec<&Step> = Vec::new();
        for pair in pairs {
            let place = at.step_item(pair);
            let sides = Sides {
                declared: pair.desired.and_then(|index| declared.get(index)),
                filled: pair.desired.and_then(|index| filled.get(index)),
                live: pair.live.and_then(|index| live.get(index)),
            };
            let before = self.out.len();
            self.place(&place, sides);
            if seen.contains(&&pair.step) && self.out.len() > before {
                self.out[before].note =
                    Some("duplicate key in Git: items were paired by occurrence".to_owned());
            }
            seen.push(&pair.step);
        }
        if order_matters(&at.path, declared) && reordered(pairs) {
            let (declared, live) = (Value::from(declared.to_vec()), Value::from(live.to_vec()));
            self.report(at, ChangeKind::Modified, Some(&declared), Some(&live), None);
            if let Some(last) = self.out.last_mut() {
                last.note = Some("the order differs".to_owned());
            }
        }
    }

    fn set(&mut self, at: &At<'a>, declared: &[Value], live: &[Value]) {
        let (removed, added) = set_difference(declared, live);
        for (index, value) in removed {
            let mut place = at.step(Step::Value(value.clone()));
            place.live.push_str("/-");
            push_pointer(&mut place.desired, &index.to_string());
            self.report(&place, ChangeKind::Removed, Some(value), None, None);
        }
        for (index, value) in added {
            let mut place = at.step(Step::Value(value.clone()));
            push_pointer(&mut place.live, &index.to_string());
            place.desired.push_str("/-");
            self.report(&place, ChangeKind::Added, None, Some(value), None);
        }
    }

    /// Compares an atomic value: whatever differs inside it is one change of the whole.
    fn as_one(&mut self, at: &At<'a>, declared: &Value, filled: &Value, live: &Value) {
        if self.differs_as_one(at, filled, live) {
            self.report(at, ChangeKind::Modified, Some(declared), Some(live), None);
        }
    }

    /// Whether anything differs between a value with its defaults and the live one.
    fn differs_as_one(&self, at: &At<'a>, filled: &Value, live: &Value) -> bool {
        match (filled, live) {
            (Value::Array(filled), Value::Array(live)) if is_unordered(self.id, &at.path) => {
                !same_multiset(filled, live, |left, right| !self.differs_inside(&at.step_any(), left, right))
            }
            (Value::Array(filled), Value::Array(live)) => {
                filled.len() != live.len()
                    || filled
                        .iter()
                        .zip(live)
                        .any(|(left, right)| self.differs_inside(&at.step_any(), left, right))
            }
            (Value::Object(filled), Value::Object(live)) => union(filled, live).any(|key| {
                let (left, right) = (filled.get(key), live.get(key).filter(|live| !live.is_null()));
                self.side_differs(&at.step_field(key), left, right)
            }),
            _ => self.differs_inside(at, filled, live),
        }
    }

    fn side_differs(&self, at: &At<'a>, left: Option<&Value>, right: Option<&Value>) -> bool {
        let mut inner = Walk { id: self.id, unstable: self.unstable, aggregated: false, out: Vec::new() };
        inner.place(at, Sides { declared: left, filled: left, live: right });
        !inner.out.is_empty()
    }

    fn differs_inside(&self, at: &At<'a>, left: &Value, right: &Value) -> bool {
        self.side_differs(at, Some(left), Some(right))
    }

    fn report(
        &mut self,
        at: &At<'a>,
        kind: ChangeKind,
        declared: Option<&Value>,
        live: Option<&Value>,
        default: Option<&Value>,
    ) {
        let by_itself = is_server_set(self.id, &at.path) || is_older_default(&at.path, live);
        let server_set = kind == ChangeKind::Added && by_itself;
        self.out.push(Difference {
            path: at.path.clone(),
            pointer: if live.is_some() || at.live.ends_with("/-") {
                at.live.clone()
            } else {
                at.desired.clone()
            },
            desired_pointer: at.desired.clone(),
            kind,
            desired: declared.cloned(),
            live: live.cloned(),
            masked: false,
            default: default.cloned(),
            note: None,
            server_set,
        });
    }
}

impl<'a> At<'a> {
    fn step(&self, step: Step) -> Self {
        Self { path: self.path.join(step), field: self.field.items(), in_map: false, ..self.clone() }
    }

    fn step_field(&self, key: &str) -> Self {
        let mut next = Self {
            field: self.field.field(key),
            path: self.path.join(Step::field(key)),
            in_map: matches!(self.field.shape(), Shape::Map),
            ..self.clone()
        };
        push_pointer(&mut next.live, key);
        push_pointer(&mut next.desired, key);
        next
    }

    fn step_item(&self, pair: &Pair) -> Self {
        let mut next = self.step(pair.step.clone());
        let token = |index: Option<usize>| index.map_or_else(|| "-".to_owned(), |index| index.to_string());
        push_pointer(&mut next.live, &token(pair.live));
        push_pointer(&mut next.desired, &token(pair.desired));
        next
    }

    fn step_any(&self) -> Self {
        self.step(Step::Index(0))
    }
}

fn union<'m>(
    left: &'m Map<String, Value>,
    right: &'m Map<String, Value>,
) -> impl Iterator<Item = &'m String> {
    left.keys().chain(right.keys().filter(|key| !left.contains_key(*key)))
}

/// Whether an empty map here is a value: an empty label selector matches everything, none matches nothing.
fn selects(field: Field<'_>) -> bool {
    field.built_in_name() == Some("meta.v1.LabelSelector")
}

fn scalar(field: Field<'_>) -> Scalar {
    match field.shape() {
        Shape::Scalar(scalar) => scalar,
        _ => Scalar::Plain,
    }
}

fn is_item(path: &FieldPath) -> bool {
    matches!(path.steps().last(), Some(Step::Key(_)))
}

fn is_server_metadata(path: &FieldPath) -> bool {
    match path.steps() {
        [Step::Field(_), Step::Field(map), Step::Field(key)]
            if map == "annotations" && UNCOMPARED.contains(&key.as_str()) =>
        {
            true
        }
        [.., Step::Field(metadata), Step::Field(field)] if metadata == "metadata" => {
            let anywhere = field == "creationTimestamp";
            let at_root = path.steps().len() == 2;
            // Name and namespace are the object's identity: a manifest may leave its namespace to the source.
            let identity = field == "name" || field == "namespace";
            anywhere || (at_root && (identity || SERVER_METADATA.contains(&field.as_str())))
        }
        _ => false,
    }
}

/// Init containers run in their order; `env` matters in order where a value refers to another (`$(NAME)`).
fn order_matters(path: &FieldPath, items: &[Value]) -> bool {
    match path.steps().last() {
        Some(Step::Field(name)) if name == "initContainers" => true,
        Some(Step::Field(name)) if name == "env" => {
            let refers = |item: &Value| {
                item.get("value").and_then(Value::as_str).is_some_and(|text| text.contains("$("))
            };
            items.iter().any(refers)
        }
        _ => false,
    }
}

/// Lists that the server re-orders although their type is atomic (kubernetes/kubernetes#74099).
fn is_unordered(id: &ResourceId, path: &FieldPath) -> bool {
    let metrics = id.group == "autoscaling" && path.fields().eq(["spec", "metrics"]);
    let subsets = id.kind == "Endpoints" && path.fields().eq(["subsets"]);
    metrics || subsets
}

fn same_multiset(left: &[Value], right: &[Value], same: impl Fn(&Value, &Value) -> bool) -> bool {
    let mut rest: Vec<&Value> = right.iter().collect();
    left.len() == right.len()
        && left.iter().all(|item| {
            let found = rest.iter().position(|other| same(item, other));
            found.map(|at| rest.swap_remove(at)).is_some()
        })
}
