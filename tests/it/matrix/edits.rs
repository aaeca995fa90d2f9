//! What a person might do to an object, made from the live object and the server's own OpenAPI document: every value
//! changed, every field removed, every field that the type knows and the object lacks added, items of lists added, removed
//! and reordered. Which of them the server accepts, and which change anything, it is asked.

use serde_json::{Map, Value, json};

/// One edit of a live object.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Edit {
    Set(String, Value),
    Remove(String),
}

/// Texts that many fields accept.
const TEXTS: &[&str] = &[
    "x",
    "a.example",
    "/x",
    "10.0.0.9",
    "10.9.0.0/16",
    "Always",
    "Never",
    "OnFailure",
    "None",
    "Default",
    "Local",
    "UTC",
    "5 5 * * *",
    "2026-02-02T00:00:00.000000Z",
    "2026-02-02T00:00:00Z",
    "64",
    "50%",
    "cpu",
];

impl Edit {
    /// The object after the edit; `None` where the place is not there.
    pub(super) fn of(&self, object: &Value) -> Option<Value> {
        let mut object = object.clone();
        let (Self::Set(pointer, _) | Self::Remove(pointer)) = self;
        let (parent, last) = pointer.rsplit_once('/')?;
        let last = last.replace("~1", "/").replace("~0", "~");
        match (object.pointer_mut(parent)?, self) {
            (Value::Object(map), Self::Set(_, value)) => drop(map.insert(last, value.clone())),
            (Value::Object(map), Self::Remove(_)) => drop(map.remove(&last)?),
            (Value::Array(items), Self::Set(_, value)) if last == "-" => items.push(value.clone()),
            (Value::Array(items), Self::Set(..) | Self::Remove(_)) => {
                let index: usize = last.parse().ok().filter(|index| *index < items.len())?;
                match self {
                    Self::Set(_, value) => items[index] = value.clone(),
                    Self::Remove(_) => drop(items.remove(index)),
                }
            }
            _ => return None,
        }
        Some(object)
    }
}

/// The server's types: one OpenAPI v3 document.
pub(super) struct Types<'a> {
    document: &'a Value,
}

impl<'a> Types<'a> {
    pub(super) fn new(document: &'a Value) -> Self {
        Self { document }
    }

    /// The type of a kind.
    pub(super) fn kind(&self, group: &str, version: &str, kind: &str) -> &'a Value {
        let wanted = json!({"group": group, "version": version, "kind": kind});
        let schemas = self.document.pointer("/components/schemas").and_then(Value::as_object);
        let is_it = |schema: &&Value| {
            schema["x-kubernetes-group-version-kind"]
                .as_array()
                .is_some_and(|list| list.len() == 1 && list[0] == wanted)
        };
        schemas.into_iter().flat_map(Map::values).find(is_it).unwrap_or(&Value::Null)
    }

    fn resolved(&self, schema: &'a Value) -> &'a Value {
        let reference = schema["$ref"].as_str().or_else(|| schema["allOf"][0]["$ref"].as_str());
        match reference.and_then(|reference| reference.strip_prefix('#')) {
            Some(pointer) => self.document.pointer(pointer).unwrap_or(&Value::Null),
            None => schema,
        }
    }

    fn field(&self, schema: &'a Value, name: &str) -> &'a Value {
        let schema = self.resolved(schema);
        match schema["properties"].get(name) {
            Some(found) => found,
            None => &schema["additionalProperties"],
        }
    }

    /// Values that might be accepted at a place.
    fn guesses(&self, schema: &'a Value, depth: usize) -> Vec<Value> {
        let outer = schema;
        let schema = self.resolved(schema);
        let named = |name: &str| outer.to_string().contains(&format!("{name}\""));
        if named("api.resource.Quantity")
            || schema["pattern"].as_str().is_some_and(|text| text.contains("[KMGTPE]i"))
        {
            return vec![json!("3")];
        }
        if named("util.intstr.IntOrString") || schema["x-kubernetes-int-or-string"] == true {
            return vec![json!(3), json!("20%")];
        }
        if let Some(allowed) = outer["enum"].as_array().or_else(|| schema["enum"].as_array()) {
            return allowed.iter().rev().filter(|value| *value != "").cloned().collect();
        }
        match schema["type"].as_str() {
            Some("boolean") => vec![json!(true), json!(false)],
            Some("integer") => vec![json!(7), json!(1), json!(0), json!(700)],
            Some("number") => vec![json!(1.5)],
            Some("string") if schema["format"] == "byte" => vec![json!("eHl6")],
            Some("string") => TEXTS.iter().map(|text| json!(text)).collect(),
            Some("array") if depth < 4 => {
                self.guesses(&schema["items"], depth + 1).into_iter().map(|item| json!([item])).collect()
            }
            Some("object") if depth < 4 => self.objects(schema, depth),
            _ => Vec::new(),
        }
    }

    /// Objects with what is required; where nothing is, with one field.
    fn objects(&self, schema: &'a Value, depth: usize) -> Vec<Value> {
        let Some(properties) = schema["properties"].as_object() else {
            let inner = self.guesses(&schema["additionalProperties"], depth + 1);
            return inner.into_iter().take(3).map(|value| json!({"added": value})).collect();
        };
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let mut base = Map::new();
        for name in &required {
            if let Some(value) = self.guesses(&properties[*name], depth + 1).into_iter().next() {
                base.insert((*name).to_owned(), value);
            }
        }
        let optional = properties.iter().filter(|(name, _)| !required.contains(&name.as_str()));
        let (named, others): (Vec<_>, Vec<_>) = optional.partition(|(name, _)| *name == "name");
        let mut made: Vec<Value> = named
            .into_iter()
            .chain(others)
            .take(6)
            .filter_map(|(name, schema)| {
                let value = self.guesses(schema, depth + 1).into_iter().next()?;
                let mut map = base.clone();
                map.insert(name.clone(), value);
                Some(Value::Object(map))
            })
            .collect();
        if !required.is_empty() {
            made.insert(0, Value::Object(base));
        }
        made
    }
}

/// Every edit to try, each with its alternatives: the first that the server accepts is taken.
pub(super) fn candidates<'a>(live: &Value, types: &Types<'a>, kind: &'a Value) -> Vec<Vec<Edit>> {
    let mut found = Vec::new();
    let meta = |map: &str| live["metadata"].get(map).is_some();
    for map in ["labels", "annotations"] {
        let edit = if meta(map) {
            Edit::Set(format!("/metadata/{map}/by.hand~1x"), json!("y"))
        } else {
            Edit::Set(format!("/metadata/{map}"), json!({"by.hand/x": "y"}))
        };
        found.push(vec![edit]);
        for (key, value) in live["metadata"][map].as_object().into_iter().flatten() {
            if key.starts_with("kubectl.kubernetes.io/") || key.starts_with("deprecated.") {
                continue;
            }
            let pointer = format!("/metadata/{map}/{}", escaped(key));
            let text = value.as_str().unwrap_or_default();
            found.push(vec![
                Edit::Set(pointer.clone(), json!(format!("{text}x"))),
                Edit::Set(pointer.clone(), json!("restricted")),
            ]);
            found.push(vec![Edit::Remove(pointer)]);
        }
    }
    if live["metadata"].get("finalizers").is_none() {
        found.push(vec![Edit::Set("/metadata/finalizers".to_owned(), json!(["by.hand/f"]))]);
    }
    let Some(root) = live.as_object() else { return found };
    let is_ours = |name: &str| !matches!(name, "apiVersion" | "kind" | "metadata" | "status");
    for (name, value) in root.iter().filter(|(name, _)| is_ours(name)) {
        place(value, &format!("/{}", escaped(name)), types, types.field(kind, name), &mut found);
    }
    let known = types.resolved(kind)["properties"].as_object().into_iter().flatten();
    for (name, schema) in known.filter(|(name, _)| is_ours(name) && !root.contains_key(*name)) {
        found.push(added(&format!("/{}", escaped(name)), types, schema));
    }
    found
}

fn added<'a>(pointer: &str, types: &Types<'a>, schema: &'a Value) -> Vec<Edit> {
    types.guesses(schema, 0).into_iter().map(|value| Edit::Set(pointer.to_owned(), value)).collect()
}

fn place<'a>(value: &Value, pointer: &str, types: &Types<'a>, schema: &'a Value, found: &mut Vec<Vec<Edit>>) {
    match value {
        Value::Object(map) => {
            let resolved = types.resolved(schema);
            for (name, inner) in map {
                place(
                    inner,
                    &format!("{pointer}/{}", escaped(name)),
                    types,
                    types.field(schema, name),
                    found,
                );
            }
            for (name, inner) in resolved["properties"].as_object().into_iter().flatten() {
                if !map.contains_key(name) && name != "status" {
                    found.push(added(&format!("{pointer}/{}", escaped(name)), types, inner));
                }
            }
            if resolved["properties"].is_null() {
                let guess = match map.values().next() {
                    Some(Value::String(_)) | None => vec![json!("y"), json!("3"), json!("eHl6")],
                    Some(_) => vec![json!(5)],
                };
                found.push(
                    guess.into_iter().map(|guess| Edit::Set(format!("{pointer}/by-hand"), guess)).collect(),
                );
            }
        }
        Value::Array(items) => list(items, pointer, types, schema, found),
        scalar => found.push(others(scalar, pointer, types, schema)),
    }
    if schema["nullable"] == true && !value.is_null() {
        found.push(vec![Edit::Set(pointer.to_owned(), Value::Null)]);
    }
    found.push(vec![Edit::Remove(pointer.to_owned())]);
}

fn list<'a>(
    items: &[Value],
    pointer: &str,
    types: &Types<'a>,
    schema: &'a Value,
    found: &mut Vec<Vec<Edit>>,
) {
    let inner = &types.resolved(schema)["items"];
    for (index, item) in items.iter().enumerate() {
        place(item, &format!("{pointer}/{index}"), types, inner, found);
    }
    if items.len() > 1 {
        let turned: Vec<Value> = items.iter().rev().cloned().collect();
        found.push(vec![Edit::Set(pointer.to_owned(), Value::from(turned))]);
    }
    let end = format!("{pointer}/-");
    let alike = items.last().into_iter().flat_map(alike).map(|item| Edit::Set(end.clone(), item));
    let made = types.guesses(inner, 0).into_iter().map(|item| Edit::Set(end.clone(), item));
    found.push(alike.chain(made).collect());
}

/// Items like this one, with something of their own.
fn alike(item: &Value) -> Vec<Value> {
    match item {
        Value::String(text) => vec![json!(format!("{text}x")), json!("10.9.0.0/16")],
        Value::Number(number) => vec![json!(number.as_i64().unwrap_or_default() + 5)],
        Value::Object(map) => {
            let mut turned = map.clone();
            for (name, inner) in &mut turned {
                match inner {
                    Value::String(text)
                        if matches!(name.as_str(), "name" | "key" | "id" | "path" | "topologyKey") =>
                    {
                        text.push('x');
                    }
                    Value::String(text) if name == "mountPath" => text.push_str("/x"),
                    Value::String(text) if name == "ip" => *text = "10.0.0.77".to_owned(),
                    Value::Number(number) if matches!(name.as_str(), "port" | "containerPort" | "x") => {
                        *inner = json!(number.as_i64().unwrap_or_default() + 5);
                    }
                    _ => {}
                }
            }
            vec![Value::Object(turned)]
        }
        _ => Vec::new(),
    }
}

fn others<'a>(value: &Value, pointer: &str, types: &Types<'a>, schema: &'a Value) -> Vec<Edit> {
    let mut values: Vec<Value> = match value {
        Value::Bool(value) => vec![json!(!value)],
        Value::Number(number) => match number.as_i64() {
            Some(number) => [1, 5, -1].map(|step| json!(number + step)).to_vec(),
            None => vec![json!(0.75)],
        },
        Value::String(text) => vec![json!(format!("{text}x"))],
        _ => Vec::new(),
    };
    values.extend(types.guesses(schema, 0));
    let differs = values.into_iter().filter(|other| other != value);
    differs.map(|other| Edit::Set(pointer.to_owned(), other)).collect()
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
