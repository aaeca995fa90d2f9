//! GitHub's own description of its API as judge of requests and answers.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

/// The description, `nullable` rewritten as JSON Schema has it.
static DESCRIPTION: LazyLock<Value> = LazyLock::new(|| {
    let text = include_str!("../../../../testdata/forge/github-openapi/api.json");
    let mut description = serde_json::from_str(text).expect("api.json is JSON");
    rewrite_nullable(&mut description);
    description
});

/// An operation of the description, found by a request.
pub(crate) struct Operation {
    /// `get /repos/{owner}/{repo}`
    pub(crate) route: String,
    /// Values of the path's parameters, in order.
    pub(crate) path: Vec<String>,
    description: &'static Value,
}

impl Operation {
    /// The operation that a method and a path name; literal segments win over parameters.
    pub(crate) fn find(method: &str, path: &str) -> Option<Self> {
        let method = method.to_ascii_lowercase();
        let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let paths = DESCRIPTION["paths"].as_object().expect("paths is an object");
        paths.iter().find_map(|(template, methods)| {
            let wanted: Vec<&str> = template.trim_start_matches('/').split('/').collect();
            let fits = wanted.len() == segments.len()
                && wanted.iter().zip(&segments).all(|(want, have)| want.starts_with('{') || want == have);
            let values = wanted.iter().zip(&segments).filter(|(want, _)| want.starts_with('{'));
            fits.then_some(())?;
            Some(Self {
                route: format!("{method} {template}"),
                path: values.map(|(_, have)| (*have).to_owned()).collect(),
                description: methods.get(&method)?,
            })
        })
    }

    /// What is wrong with a request.
    pub(crate) fn judge_request(&self, query: &[(String, String)], body: &Value) -> Vec<String> {
        let mut wrong = Vec::new();
        for (name, value) in query {
            match self.parameter(name) {
                None => wrong.push(format!("there is no parameter {name}")),
                Some(schema) => wrong
                    .extend(violations(schema, &typed(schema, value)).map(|why| format!("{name}: {why}"))),
            }
        }
        let schema = &self.description["requestBody"]["content"]["application/json"]["schema"];
        match (schema.is_null(), body.is_null()) {
            (true, false) => wrong.push("it takes no body".to_owned()),
            (false, true) => wrong.push("its body is missing".to_owned()),
            (true, true) => {}
            (false, false) => {
                wrong.extend(violations(schema, body));
                wrong.extend(unknown_properties(schema, body));
            }
        }
        wrong
    }

    /// What is wrong with an answer.
    pub(crate) fn judge_answer(&self, status: u16, body: &Value) -> Vec<String> {
        let answers = resolve(&self.description["responses"]);
        let Some(answer) = answers.get(status.to_string()) else {
            return vec![format!("it does not answer {status}")];
        };
        let schema = &resolve(answer)["content"]["application/json"]["schema"];
        if schema.is_null() { Vec::new() } else { violations(schema, body).collect() }
    }

    /// The least answer of a status that the description allows.
    pub(crate) fn least(&self, status: u16) -> Value {
        let answer = resolve(&self.description["responses"][status.to_string()]);
        least(&answer["content"]["application/json"]["schema"])
    }

    /// The least item of a list's answer.
    pub(crate) fn least_item(&self, status: u16) -> Value {
        let answer = resolve(&self.description["responses"][status.to_string()]);
        least(&resolve(&answer["content"]["application/json"]["schema"])["items"])
    }

    fn parameter(&self, name: &str) -> Option<&'static Value> {
        let parameters = self.description["parameters"].as_array()?;
        let found = parameters.iter().map(resolve).find(|one| one["name"] == name && one["in"] == "query")?;
        Some(&found["schema"])
    }
}

/// The least value of a schema of the description.
pub(crate) fn least_component(name: &str) -> Value {
    least(&DESCRIPTION["components"]["schemas"][name])
}

/// Puts what is known over what the description asks for at least.
pub(crate) fn overlay(mut least: Value, known: &Value) -> Value {
    match (&mut least, known) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                let below = into.remove(key).unwrap_or(Value::Null);
                into.insert(key.clone(), overlay(below, value));
            }
            least
        }
        _ => known.clone(),
    }
}

fn resolve(node: &'static Value) -> &'static Value {
    match node["$ref"].as_str() {
        Some(reference) => resolve(DESCRIPTION.pointer(&reference[1..]).expect("references lead somewhere")),
        None => node,
    }
}

fn violations(schema: &Value, value: &Value) -> impl Iterator<Item = String> {
    let whole = json!({"components": DESCRIPTION["components"], "allOf": [schema]});
    let validator = jsonschema::draft202012::new(&whole).expect("the description is a JSON Schema");
    let found: Vec<String> =
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    found.into_iter()
}

/// GitHub ignores what it does not know; here it is a mistake.
fn unknown_properties(schema: &Value, body: &Value) -> Vec<String> {
    let (Some(known), Some(body)) = (schema["properties"].as_object(), body.as_object()) else {
        return Vec::new();
    };
    body.keys()
        .filter(|key| !known.contains_key(*key))
        .map(|key| format!("there is no property {key}"))
        .collect()
}

fn typed(schema: &Value, text: &str) -> Value {
    let number = schema["type"] == "integer";
    text.parse::<i64>().ok().filter(|_| number).map_or_else(|| Value::from(text), Value::from)
}

fn least(schema: &'static Value) -> Value {
    let schema = resolve(schema);
    if let Some(first) = schema["enum"].get(0) {
        return first.clone();
    }
    for word in ["oneOf", "anyOf"] {
        if let Some(all) = schema[word].as_array() {
            let null = json!({"type": "null"});
            return if all.contains(&null) { Value::Null } else { least(&all[0]) };
        }
    }
    if let Some(all) = schema["allOf"].as_array() {
        return all.iter().fold(Value::Null, |merged, one| overlay(merged, &least(one)));
    }
    let types = &schema["type"];
    let is =
        |name: &str| types == name || types.as_array().is_some_and(|all| all.contains(&Value::from(name)));
    match () {
        () if is("null") => Value::Null,
        () if is("object") || schema["properties"].is_object() => least_object(schema),
        () if is("array") => json!([]),
        () if is("integer") || is("number") => json!(1),
        () if is("boolean") => json!(false),
        () if schema["format"] == "date-time" => json!("2026-01-01T00:00:00Z"),
        () if schema["format"] == "uri" => json!("https://example.com/"),
        () if is("string") => json!("text"),
        () => json!({}),
    }
}

fn least_object(schema: &'static Value) -> Value {
    let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    let names = required.iter().filter_map(Value::as_str);
    Value::Object(
        names.map(|name| (name.to_owned(), least(&schema["properties"][name]))).collect::<Map<_, _>>(),
    )
}

/// OpenAPI 3.0 says `nullable: true` where JSON Schema has a type `null`.
fn rewrite_nullable(node: &mut Value) {
    match node {
        Value::Array(items) => items.iter_mut().for_each(rewrite_nullable),
        Value::Object(fields) => {
            fields.values_mut().for_each(rewrite_nullable);
            if fields.get("nullable") == Some(&json!(true)) {
                fields.remove("nullable");
                let inner = std::mem::take(fields);
                *node = json!({"anyOf": [Value::Object(inner), {"type": "null"}]});
            }
        }
        _ => {}
    }
}

#[test]
fn fake_refuses_requests_github_does_not_document() {
    let title = json!({"title": "t"});
    let cases = [
        ("POST", "issues", "", title.clone(), ""),
        ("POST", "issues", "", json!({"body": "b"}), "required"),
        ("POST", "issues", "", json!({"title": "t", "colour": 1}), "no property colour"),
        ("POST", "issues", "", Value::Null, "its body is missing"),
        ("POST", "pulls", "", json!({"title": "t", "head": "h"}), "required"),
        ("PATCH", "issues/1", "", json!({"state": "shut"}), "shut"),
        ("PATCH", "issues/1", "", json!({"state": "closed", "state_reason": "done"}), "done"),
        (
            "PATCH",
            "pulls/1",
            "",
            json!({"state": "closed", "state_reason": "completed"}),
            "no property state_reason",
        ),
        ("GET", "issues", "state=all", Value::Null, ""),
        ("GET", "issues", "state=every", Value::Null, "state: "),
        ("GET", "issues", "limit=50", Value::Null, "no parameter limit"),
        ("GET", "issues", "per_page=many", Value::Null, "per_page: "),
        ("GET", "issues", "", title, "takes no body"),
    ];
    for (method, path, query, body, wanted) in cases {
        let operation =
            Operation::find(method, &format!("/repos/o/r/{path}")).expect("a route of the description");
        let query: Vec<(String, String)> =
            url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let wrong = operation.judge_request(&query, &body).join("; ");
        assert!(
            wrong.contains(wanted) && wrong.is_empty() == wanted.is_empty(),
            "{method} {path} {body}: {wrong}"
        );
    }
    let operation = Operation::find("GET", "/repos/o/r/issues/1").expect("a route of the description");
    assert_eq!(operation.judge_answer(200, &operation.least(200)), Vec::<String>::new());
    assert!(!operation.judge_answer(200, &json!({"number": 1})).is_empty());
    assert_eq!(operation.judge_answer(418, &Value::Null), ["it does not answer 418"]);
    assert!(Operation::find("DELETE", "/repos/o/r/issues/1").is_none());
}
