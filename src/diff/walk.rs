//! The comparison itself: three trees side by side (declared, declared with the server's defaults, live).

use serde_json::{Map, Value};

use super::equal::{is_empty_value, is_omitempty_zero, same_scalar};
use super::lists::{ItemPair, ItemPairs, is_reordered, pair, set_difference};
use super::normalise::{MetadataLevel, is_uncompared};
use super::server_set::{
    accepts_server_items, contains_server_set, is_older_default, is_server_set, is_system_item,
    is_system_list_item,
};
use crate::model::{ChangeKind, Desired, Difference, FieldPath, PathElement, ResourceId, push_pointer};
use crate::schema::{Field, ListType, Scalar, Shape, fill};

/// A comparison under way.
pub(super) struct Comparer<'a> {
    id: &'a ResourceId,
    /// The object as Git writes it, nulls included.
    git: &'a Value,
    unstable: &'a [String],
    /// How much of the object is compared.
    level: MetadataLevel,
    /// Whether Git leaves the rules of an aggregated ClusterRole to the controller.
    aggregated: bool,
    out: Vec<Difference>,
}

/// The current position: in the schema, as a path, and in both objects.
#[derive(Clone)]
struct WalkPosition<'a> {
    field: Field<'a>,
    path: FieldPath,
    live: String,
    desired: String,
    /// Whether this is a value of a map with free keys, where even an empty value is one.
    in_map: bool,
    /// Whether a type of an API server holds this, which leaves out what is empty; a custom resource is stored as written.
    typed: bool,
    /// Whether the server leaves this out, since its schema does not have it.
    pruned: bool,
}

/// The three sides of one place.
#[derive(Clone, Copy)]
struct Sides<'v> {
    declared: Option<&'v Value>,
    filled: Option<&'v Value>,
    live: Option<&'v Value>,
}

impl<'a> Comparer<'a> {
    pub(super) fn new(desired: &'a Desired, declared: &Value, level: MetadataLevel) -> Self {
        let aggregated = declared.get("aggregationRule").is_some() && declared.get("rules").is_none();
        Self {
            id: &desired.id,
            git: &desired.value,
            unstable: &desired.nondeterministic,
            level,
            aggregated,
            out: Vec::new(),
        }
    }

    /// For what only live has: `git` is the object as Git writes it, or with the server's defaults.
    pub(super) fn for_live(desired: &'a Desired, git: &'a Value) -> Self {
        Self {
            id: &desired.id,
            git,
            unstable: &desired.nondeterministic,
            level: MetadataLevel::Object,
            aggregated: false,
            out: Vec::new(),
        }
    }

    pub(super) fn finish(self) -> Vec<Difference> {
        self.out
    }

    /// Compares two objects from their roots.
    pub(super) fn object(&mut self, field: Field<'a>, declared: &Value, filled: &Value, live: &Value) {
        let (Some(live), Some(declared)) = (live.as_object(), declared.as_object()) else { return };
        let root = self.root(field);
        for key in union(declared, live) {
            if !is_uncompared(self.level, key) {
                let sides =
                    Sides { declared: declared.get(key), filled: filled.get(key), live: live.get(key) };
                self.field(&root, key, sides);
            }
        }
    }

    fn root(&self, field: Field<'a>) -> WalkPosition<'a> {
        WalkPosition {
            field,
            path: FieldPath::root(),
            live: String::new(),
            desired: String::new(),
            in_map: false,
            typed: self.id.is_built_in(),
            pruned: false,
        }
    }

    /// Looks at a value that only live has, by the steps to it from the root (`None`: an item of a list, which both have).
    /// `None` where something around it is compared as a whole and may differ by that.
    pub(super) fn compare_live_only(
        &mut self,
        field: Field<'a>,
        steps: &[Option<&str>],
        live: &Value,
    ) -> Option<()> {
        let mut at = self.root(field);
        for step in steps {
            let as_one = match step {
                Some(_) => at.field.is_atomic_map(),
                None => at.field.shape() == Shape::List(ListType::Set) || is_server_set(self.id, &at.path),
            };
            if as_one {
                return None;
            }
            at = step.map_or_else(|| at.step_any(), |name| at.step_field(name));
        }
        self.place(&at, Sides { declared: None, filled: None, live: Some(live) });
        Some(())
    }

    /// Compares what stands at a key of a map.
    fn field(&mut self, at: &WalkPosition<'a>, key: &str, sides: Sides<'_>) {
        // What equals its defaults has no difference inside: that is most of a cluster, and needs no walk. Nor is one
        // needed to where the server keeps its books of every object.
        if (sides.live.is_none() || sides.filled != sides.live)
            && !level_of(&at.path).is_some_and(|level| is_uncompared(level, key))
        {
            self.place(&at.step_field(key), sides);
        }
    }

    fn place(&mut self, at: &WalkPosition<'a>, sides: Sides<'_>) {
        // A null without a default or declared value is ignored; otherwise somebody set it.
        let kept = sides.filled.is_some() && at.field.is_nullable();
        let live = sides.live.filter(|live| kept || !live.is_null());
        if self.unstable.contains(&at.desired) {
            return;
        }
        match (sides.declared, live) {
            (None, None) => {}
            (Some(declared), Some(live)) if declared.is_null() || live.is_null() => {
                self.nulls(at, declared, live);
            }
            (Some(declared), None) => self.only_desired(at, declared),
            (None, Some(live)) => self.only_live(at, sides.filled, live),
            (Some(declared), Some(live)) => self.both(at, declared, sides.filled.unwrap_or(declared), live),
        }
    }

    /// Compares two values of which one is a null that the server keeps.
    fn nulls(&mut self, at: &WalkPosition<'a>, declared: &Value, live: &Value) {
        if declared == live {
            return;
        }
        if declared.is_null() && self.is_default(at, live) {
            // The null of a merge patch, such as `kubectl apply` sends, takes the field out, and the default comes back.
            self.report(at, ChangeKind::Added, None, Some(live), Some(live));
            if let Some(found) = self.out.last_mut() {
                found.server_set = true;
                found.note =
                    Some("Git sets null, so the field was removed and the server set its default".to_owned());
            }
        } else {
            self.report(at, ChangeKind::Modified, Some(declared), Some(live), None);
        }
    }

    /// Whether the server puts this into the field where it is left out.
    fn is_default(&self, at: &WalkPosition<'a>, value: &Value) -> bool {
        let default = at.field.default().filter(|_| !at.in_map).cloned();
        default.is_some_and(|mut default| {
            fill(at.field, &mut default);
            default == *value
        })
    }

    fn only_desired(&mut self, at: &WalkPosition<'a>, declared: &Value) {
        // A default is put into a field, not under a key of a map; types of an API server have theirs in code.
        let by_default = !at.typed && self.is_default(at, declared);
        if !at.pruned && !at.is_unset(declared) && !by_default {
            self.report(at, ChangeKind::Removed, Some(declared), None, None);
        }
    }

    fn only_live(&mut self, at: &WalkPosition<'a>, filled: Option<&Value>, live: &Value) {
        let unset = if filled.is_some() { at.typed && is_empty_value(live) } else { at.is_unset(live) };
        let null_in_git = || at.typed && at.in_map && live == "" && self.is_null_in_git(at);
        if unset || null_in_git() {
            return;
        }
        match (filled, live) {
            (Some(Value::Object(filled)), Value::Object(live)) if !at.field.is_atomic_map() => {
                self.children_of_live(at, Some(filled), live);
            }
            (Some(filled), live) => {
                // The default stands for what Git would declare.
                let sides = Sides { declared: Some(filled), filled: Some(filled), live: Some(live) };
                if self.differs_as_one(at, sides) {
                    self.report(at, ChangeKind::Added, None, Some(live), Some(filled));
                }
            }
            // An item that only live has is one change, whatever the server put into it.
            (None, Value::Object(live)) if !is_item(&at.path) && contains_server_set(self.id, &at.path) => {
                self.children_of_live(at, None, live);
            }
            (None, Value::Array(live)) if accepts_server_items(self.id, &at.path) => {
                self.items_of_live(at, live);
            }
            // Whose each value is, is recorded value by value.
            (None, Value::Array(live)) if !live.is_empty() && at.is_set() => self.set(at, &[], live),
            (None, live) => self.report(at, ChangeKind::Added, None, Some(live), None),
        }
    }

    /// Whether Git writes null under this key: server-side apply decodes it as an empty text, as Go does.
    fn is_null_in_git(&self, at: &WalkPosition<'a>) -> bool {
        let is_null = |pointer: &str| self.git.pointer(pointer).is_some_and(Value::is_null);
        let of_secret = self.id.group.is_empty() && self.id.kind == "Secret";
        let plain = at.desired.strip_prefix("/data/").filter(|_| of_secret);
        is_null(&at.desired) || plain.is_some_and(|key| is_null(&format!("/stringData/{key}")))
    }

    /// A keyed list that Git lacks, item by item: the server put some of them there.
    fn items_of_live(&mut self, at: &WalkPosition<'a>, live: &[Value]) {
        let pairs = match at.field.shape() {
            Shape::List(ListType::Map(keys)) => pair(&keys, at.field.items(), [&[], live], &|_, _| false),
            _ => None,
        };
        match pairs {
            Some(pairs) => self.keyed(at, &pairs, [&[], &[], live]),
            None => self.report(at, ChangeKind::Added, None, Some(&Value::from(live.to_vec())), None),
        }
    }

    fn children_of_live(
        &mut self,
        at: &WalkPosition<'a>,
        filled: Option<&Map<String, Value>>,
        live: &Map<String, Value>,
    ) {
        for (key, inner) in live {
            let filled = filled.and_then(|filled| filled.get(key));
            self.field(at, key, Sides { declared: None, filled, live: Some(inner) });
        }
    }

    fn both(&mut self, at: &WalkPosition<'a>, declared: &Value, filled: &Value, live: &Value) {
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
                    self.field(at, key, sides);
                }
            }
            (Value::Array(inner), Value::Array(inner_filled), Value::Array(inner_live)) => {
                match at.field.shape() {
                    Shape::List(ListType::Map(keys)) => {
                        let same = |desired: usize, live: usize| {
                            let (declared, filled) = (inner.get(desired), inner_filled.get(desired));
                            let sides = Sides { declared, filled, live: inner_live.get(live) };
                            !self.side_differs(&at.step_any(), sides)
                        };
                        match pair(&keys, at.field.items(), [inner_filled, inner_live], &same) {
                            Some(pairs) => self.keyed(at, &pairs, [inner, inner_filled, inner_live]),
                            None => self.as_one(at, declared, filled, live),
                        }
                    }
                    Shape::List(ListType::Set) => {
                        self.set(at, if inner.is_empty() { inner_filled } else { inner }, inner_live);
                    }
                    _ => self.as_one(at, declared, filled, live),
                }
            }
            _ => self.scalars(at, declared, filled, live),
        }
    }

    fn scalars(&mut self, at: &WalkPosition<'a>, declared: &Value, filled: &Value, live: &Value) {
        let unset = at.is_unset(declared);
        let same = |left: &Value| same_scalar(scalar(at.field), left, live);
        if same(declared) || (unset && same(filled)) {
            return;
        }
        // An empty value asks the server for one of its own: `clusterIP: ""`.
        if unset && is_server_set(self.id, &at.path) {
            return self.report(at, ChangeKind::Added, None, Some(live), None);
        }
        if !(is_empty_value(declared) && is_empty_value(live)) {
            self.report(at, ChangeKind::Modified, Some(declared), Some(live), None);
        }
    }

    fn keyed(&mut self, at: &WalkPosition<'a>, pairs: &ItemPairs, [declared, filled, live]: [&[Value]; 3]) {
        for pair in &pairs.pairs {
            let place = at.step_item(pair);
            let sides = Sides {
                declared: pair.desired.and_then(|index| declared.get(index)),
                filled: pair.desired.and_then(|index| filled.get(index)),
                live: pair.live.and_then(|index| live.get(index)),
            };
            let before = self.out.len();
            self.place(&place, sides);
            if pair.repeated && self.out.len() > before {
                self.out[before].note = Some(
                    "duplicate key in Git: equal items are paired first, then the rest in order".to_owned(),
                );
            }
        }
        if order_matters(&at.path, declared, pairs) && is_reordered(&pairs.pairs) {
            let (declared, live) = (Value::from(declared.to_vec()), Value::from(live.to_vec()));
            self.report(at, ChangeKind::Modified, Some(&declared), Some(&live), None);
            if let Some(last) = self.out.last_mut() {
                last.reordered = true;
                last.note = Some("the order differs".to_owned());
            }
        }
    }

    fn set(&mut self, at: &WalkPosition<'a>, declared: &[Value], live: &[Value]) {
        let (removed, added) = set_difference(declared, live);
        for (index, value) in removed {
            let mut place = at.step(PathElement::Value(value.clone()));
            place.live.push_str("/-");
            push_pointer(&mut place.desired, &index.to_string());
            self.report(&place, ChangeKind::Removed, Some(value), None, None);
        }
        for (index, value) in added {
            let mut place = at.step(PathElement::Value(value.clone()));
            push_pointer(&mut place.live, &index.to_string());
            place.desired.push_str("/-");
            self.report(&place, ChangeKind::Added, None, Some(value), None);
        }
    }

    /// Compares an atomic value: whatever differs inside it is one change of the whole.
    fn as_one(&mut self, at: &WalkPosition<'a>, declared: &Value, filled: &Value, live: &Value) {
        let sides = Sides { declared: Some(declared), filled: Some(filled), live: Some(live) };
        if self.differs_as_one(at, sides) {
            self.report(at, ChangeKind::Modified, Some(declared), Some(live), None);
        }
    }

    /// Whether anything differs inside a value. A default that live lacks is none of this server's version.
    fn differs_as_one(&self, at: &WalkPosition<'a>, sides: Sides<'_>) -> bool {
        match (sides.filled, sides.live) {
            (Some(Value::Array(filled)), Some(Value::Array(live))) => {
                let live: Vec<&Value> = live
                    .iter()
                    .filter(|item| filled.contains(item) || !is_system_list_item(self.id, &at.path, item))
                    .collect();
                let declared = sides.declared.and_then(Value::as_array);
                let differs = |index: usize, live: &Value| {
                    let declared = declared.and_then(|declared| declared.get(index));
                    let sides = Sides { declared, filled: filled.get(index), live: Some(live) };
                    self.side_differs(&at.step_index(index), sides)
                };
                if is_unordered(self.id, &at.path) {
                    !same_multiset(filled.len(), &live, |index, live| !differs(index, live))
                } else {
                    filled.len() != live.len()
                        || live.iter().enumerate().any(|(index, live)| differs(index, live))
                }
            }
            (Some(Value::Object(filled)), Some(Value::Object(live))) => {
                let declared = sides.declared.and_then(Value::as_object);
                union(filled, live).any(|key| {
                    let declared = declared.and_then(|declared| declared.get(key));
                    let sides = Sides { declared, filled: filled.get(key), live: live.get(key) };
                    self.side_differs(&at.step_field(key), sides)
                })
            }
            _ => self.side_differs(at, Sides { declared: sides.declared.or(sides.filled), ..sides }),
        }
    }

    fn side_differs(&self, at: &WalkPosition<'a>, sides: Sides<'_>) -> bool {
        let mut inner = self.empty();
        inner.place(at, sides);
        // What the server puts into an item is no difference of the list, unless the whole list is the server's.
        let whole = is_server_set(self.id, &at.path);
        inner.out.iter().any(|difference| whole || !difference.server_set)
    }

    /// The comparison of a part by itself.
    fn empty(&self) -> Self {
        Self { aggregated: false, out: Vec::new(), ..*self }
    }

    fn report(
        &mut self,
        at: &WalkPosition<'a>,
        kind: ChangeKind,
        declared: Option<&Value>,
        live: Option<&Value>,
        default: Option<&Value>,
    ) {
        let of_controller = self.aggregated && at.path.fields().eq(["rules"]);
        let by_itself = of_controller
            || is_server_set(self.id, &at.path)
            || is_older_default(&at.path, live)
            || is_system_item(self.id, &at.path, live);
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
            reordered: false,
            note: None,
            server_set,
        });
    }
}

impl<'a> WalkPosition<'a> {
    fn step(&self, step: PathElement) -> Self {
        let field = self.field.items();
        let typed = field.is_typed(self.typed);
        Self { path: self.path.join(step), field, in_map: false, typed, pruned: false, ..self.clone() }
    }

    fn is_set(&self) -> bool {
        self.field.shape() == Shape::List(ListType::Set)
    }

    /// Whether the server does not tell this value from a field that was left out.
    fn is_unset(&self, value: &Value) -> bool {
        // An item of a list is there, however little it holds.
        if is_item(&self.path) {
            return value.is_null();
        }
        value.is_null() || (self.typed && !self.in_map && is_omitempty_zero(self.field, value))
    }

    fn step_field(&self, key: &str) -> Self {
        let field = self.field.field(key);
        let mut next = Self {
            field,
            path: self.path.join(PathElement::field(key)),
            in_map: matches!(self.field.shape(), Shape::Map),
            typed: field.is_typed(self.typed),
            pruned: self.field.prunes(key),
            ..self.clone()
        };
        push_pointer(&mut next.live, key);
        push_pointer(&mut next.desired, key);
        next
    }

    fn step_item(&self, pair: &ItemPair) -> Self {
        let mut next = self.step(pair.step.clone());
        let token = |index: Option<usize>| index.map_or_else(|| "-".to_owned(), |index| index.to_string());
        push_pointer(&mut next.live, &token(pair.live));
        push_pointer(&mut next.desired, &token(pair.desired));
        next
    }

    fn step_any(&self) -> Self {
        self.step(PathElement::Index(0))
    }

    /// The item of a list that is compared as a whole: what renders differently each time is known by its place in Git.
    fn step_index(&self, index: usize) -> Self {
        let mut next = self.step_any();
        push_pointer(&mut next.desired, &index.to_string());
        next
    }
}

fn union<'m>(
    left: &'m Map<String, Value>,
    right: &'m Map<String, Value>,
) -> impl Iterator<Item = &'m String> {
    left.keys().chain(right.keys().filter(|key| !left.contains_key(*key)))
}

fn scalar(field: Field<'_>) -> Scalar {
    match field.shape() {
        Shape::Scalar(scalar) => scalar,
        _ => Scalar::Plain,
    }
}

fn is_item(path: &FieldPath) -> bool {
    matches!(path.elements().last(), Some(PathElement::Key(_)))
}

/// Which of the maps that are not wholly compared stands at `path`, if one does; the object itself is walked apart.
fn level_of(path: &FieldPath) -> Option<MetadataLevel> {
    match path.elements() {
        [PathElement::Field(metadata)] if metadata == "metadata" => Some(MetadataLevel::Metadata),
        [PathElement::Field(metadata), PathElement::Field(map)]
            if metadata == "metadata" && map == "annotations" =>
        {
            Some(MetadataLevel::Annotations)
        }
        _ => None,
    }
}

/// Init containers run in their order; `env` matters in order where a value refers to another (`$(NAME)`), and of
/// variables with one name the last one counts.
fn order_matters(path: &FieldPath, items: &[Value], pairs: &ItemPairs) -> bool {
    match path.elements().last() {
        Some(PathElement::Field(name)) if name == "initContainers" => true,
        Some(PathElement::Field(name)) if name == "env" => {
            let refers = |item: &Value| {
                item.get("value").and_then(Value::as_str).is_some_and(|text| text.contains("$("))
            };
            pairs.duplicates_reordered || items.iter().any(refers)
        }
        _ => false,
    }
}

/// Lists that the server re-orders although their type is atomic (kubernetes/kubernetes#74099).
fn is_unordered(id: &ResourceId, path: &FieldPath) -> bool {
    let metrics = id.group == "autoscaling" && path.fields().eq(["spec", "metrics"]);
    // Addresses and ports of a subset are sorted, too (pkg/api/v1/endpoints/util.go).
    let subsets = id.kind == "Endpoints" && path.fields().next() == Some("subsets");
    metrics || subsets
}

fn same_multiset(count: usize, live: &[&Value], same: impl Fn(usize, &Value) -> bool) -> bool {
    let mut rest: Vec<&Value> = live.to_vec();
    count == live.len()
        && (0..count).all(|index| {
            let found = rest.iter().position(|other| same(index, other));
            found.map(|at| rest.swap_remove(at)).is_some()
        })
}
