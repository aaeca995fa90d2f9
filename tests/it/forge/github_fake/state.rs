//! One repository on GitHub, as far as drift asks for it.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::Answer;
use super::judge::{Operation, least_component, overlay};

/// The repository.
pub(crate) struct State {
    pub(crate) name: String,
    pub(crate) things: Vec<Thing>,
    pub(crate) labels: Vec<String>,
    /// Branches that were pushed.
    pub(crate) branches: BTreeSet<String>,
    /// The Git repository behind it, bare; its branches count as pushed.
    pub(crate) git: Option<PathBuf>,
    /// Logins whose tokens are taken.
    pub(crate) people: BTreeSet<String>,
    /// Logins whose tokens may not read their own user: a workflow's.
    pub(crate) anonymous: BTreeSet<String>,
    /// Most rows of a page, whatever is asked for.
    pub(crate) most_rows: usize,
    pub(crate) has_issues: bool,
    /// Lists show what everybody made, whoever is asked for.
    pub(crate) ignores_creator: bool,
}

/// A pull request or an issue.
#[derive(Debug, Clone, Default)]
pub(crate) struct Thing {
    pub(crate) number: u64,
    pub(crate) author: String,
    pub(crate) title: String,
    pub(crate) body: String,
    /// Head and base of a pull request.
    pub(crate) pull: Option<(String, String)>,
    pub(crate) closed_by: Option<String>,
    pub(crate) state_reason: Option<String>,
    /// Merge commit and who merged.
    pub(crate) merged: Option<(String, String)>,
    pub(crate) labels: Vec<String>,
    /// Author and text.
    pub(crate) comments: Vec<(String, String)>,
}

/// A request, judged.
pub(super) struct Asked<'a> {
    pub(super) login: &'a str,
    pub(super) query: &'a [(String, String)],
    pub(super) body: &'a Value,
    pub(super) url: &'a str,
}

impl Thing {
    pub(crate) fn is_open(&self) -> bool {
        self.closed_by.is_none() && self.merged.is_none()
    }
}

impl State {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            things: Vec::new(),
            labels: vec!["bug".to_owned()],
            branches: BTreeSet::from(["main".to_owned()]),
            git: None,
            people: BTreeSet::from([super::BOT.to_owned(), "alice".to_owned()]),
            anonymous: BTreeSet::new(),
            most_rows: 100,
            has_issues: true,
            ignores_creator: false,
        }
    }

    pub(super) fn knows(&self, login: &str) -> bool {
        self.people.contains(login)
    }

    /// Makes an issue of somebody's, past the API.
    pub(crate) fn add_issue(&mut self, author: &str, title: &str, body: &str) -> u64 {
        let number = self.things.len() as u64 + 1;
        let (author, title, body) = (author.to_owned(), title.to_owned(), body.to_owned());
        self.things.push(Thing { number, author, title, body, ..Thing::default() });
        number
    }

    pub(crate) fn thing(&mut self, number: u64) -> &mut Thing {
        self.things.iter_mut().find(|thing| thing.number == number).expect("a number that exists")
    }

    pub(crate) fn open(&self) -> Vec<&Thing> {
        self.things.iter().filter(|thing| thing.is_open()).collect()
    }

    pub(super) fn answer(&mut self, operation: &Operation, asked: &Asked<'_>) -> Answer {
        if let [owner, name, ..] = &operation.path[..]
            && !format!("{owner}/{name}").eq_ignore_ascii_case(&self.name)
        {
            return refuse(404, "Not Found");
        }
        let number = operation.path.get(2).and_then(|text| text.parse::<u64>().ok());
        let at = number.and_then(|number| self.things.iter().position(|thing| thing.number == number));
        let route = operation.route.as_str().replace("/repos/{owner}/{repo}", "R");
        match (route.as_str(), at) {
            ("get /user", _) if self.anonymous.contains(asked.login) => {
                refuse(403, "Resource not accessible by integration")
            }
            ("get /user", _) => ok(200, overlay(operation.least(200), &json!({"login": asked.login}))),
            ("get R", _) => ok(200, overlay(operation.least(200), &self.repository(asked.login))),
            ("get R/issues", _) => self.issues(operation, asked),
            ("post R/issues", _) if !self.has_issues => refuse(410, "Issues are disabled for this repo"),
            ("post R/issues", _) => self.create(operation, asked, None),
            ("get R/pulls", _) => self.pulls(operation, asked),
            ("post R/pulls", _) => self.create_pull(operation, asked),
            ("get R/labels", _) => {
                let rows = self.labels.iter();
                let rows =
                    rows.map(|name| overlay(operation.least_item(200), &json!({"name": name}))).collect();
                self.page(rows, asked)
            }
            ("post R/labels", _) => self.create_label(operation, asked.body),
            (_, None) => refuse(404, "Not Found"),
            ("get R/pulls/{pull_number}" | "patch R/pulls/{pull_number}", Some(at))
                if self.things[at].pull.is_none() =>
            {
                refuse(404, "Not Found")
            }
            ("get R/issues/{issue_number}" | "get R/pulls/{pull_number}", Some(at)) => {
                ok(200, self.shown(operation.least(200), at, route.contains("pulls")))
            }
            ("patch R/issues/{issue_number}" | "patch R/pulls/{pull_number}", Some(at)) => {
                self.edit(at, asked);
                ok(200, self.shown(operation.least(200), at, route.contains("pulls")))
            }
            ("get R/issues/{issue_number}/comments", Some(at)) => {
                let rows = self.things[at].comments.iter();
                let rows =
                    rows.map(|(author, text)| comment(operation.least_item(200), author, text)).collect();
                self.page(rows, asked)
            }
            ("post R/issues/{issue_number}/comments", Some(at)) => {
                let text = asked.body["body"].as_str().unwrap_or_default();
                self.things[at].comments.push((asked.login.to_owned(), text.to_owned()));
                ok(201, comment(operation.least(201), asked.login, text))
            }
            ("post R/issues/{issue_number}/labels", Some(at)) => {
                let names = asked.body["labels"].as_array().into_iter().flatten();
                self.things[at].labels.extend(names.filter_map(|name| name.as_str().map(str::to_owned)));
                ok(200, json!([]))
            }
            (other, _) => unreachable!("the description has no route {other}"),
        }
    }

    fn repository(&self, login: &str) -> Value {
        json!({
            "full_name": self.name, "default_branch": "main", "archived": false, "has_issues": self.has_issues,
            "permissions": {"admin": false, "pull": true, "push": login == super::BOT}
        })
    }

    fn issues(&self, operation: &Operation, asked: &Asked<'_>) -> Answer {
        let state = parameter(asked, "state").unwrap_or("open");
        let creator = parameter(asked, "creator").filter(|_| !self.ignores_creator);
        let mut rows: Vec<Value> = (0..self.things.len())
            .filter(|at| state == "all" || (state == "open") == self.things[*at].is_open())
            .filter(|at| creator.is_none_or(|creator| self.things[*at].author == creator))
            .map(|at| {
                let mut row = self.shown(operation.least_item(200), at, false);
                // Only single issues tell who closed them.
                row.as_object_mut().expect("issues are objects").remove("closed_by");
                row
            })
            .collect();
        if parameter(asked, "direction") != Some("asc") {
            rows.reverse();
        }
        self.page(rows, asked)
    }

    fn pulls(&self, operation: &Operation, asked: &Asked<'_>) -> Answer {
        let state = parameter(asked, "state").unwrap_or("open");
        let owner = self.name.split('/').next().unwrap_or_default();
        let head = parameter(asked, "head");
        let rows = (0..self.things.len())
            .filter(|at| state == "all" || (state == "open") == self.things[*at].is_open())
            .filter(|at| {
                let pull = self.things[*at].pull.as_ref();
                pull.is_some_and(|(from, _)| head.is_none_or(|head| head == format!("{owner}:{from}")))
            })
            .map(|at| self.shown(operation.least_item(200), at, true));
        self.page(rows.collect(), asked)
    }

    /// One page, and the address of the next.
    fn page(&self, rows: Vec<Value>, asked: &Asked<'_>) -> Answer {
        let number = |name| parameter(asked, name).and_then(|text| text.parse::<usize>().ok());
        let size = number("per_page").unwrap_or(30).min(100).min(self.most_rows);
        let page = number("page").unwrap_or(1);
        let rest = rows.len().saturating_sub(page * size);
        let rows: Vec<Value> = rows.into_iter().skip((page - 1) * size).take(size).collect();
        let mut headers = Vec::new();
        if rest > 0 {
            let query = asked.query.iter().filter(|(name, _)| name != "page").cloned();
            let query = query.chain([("page".to_owned(), (page + 1).to_string())]);
            let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
            let link = format!("<{0}?{query}>; rel=\"next\", <{0}?page=9>; rel=\"last\"", asked.url);
            headers.push(("link".to_owned(), link));
        }
        Answer { status: 200, headers, body: Value::Array(rows) }
    }

    fn create(&mut self, operation: &Operation, asked: &Asked<'_>, pull: Option<(String, String)>) -> Answer {
        let text = |name: &str| asked.body[name].as_str().unwrap_or_default().to_owned();
        let number = self.add_issue(asked.login, &text("title"), &text("body"));
        self.thing(number).pull = pull;
        let at = self.things.len() - 1;
        ok(201, self.shown(operation.least(201), at, operation.route.ends_with("pulls")))
    }

    fn create_pull(&mut self, operation: &Operation, asked: &Asked<'_>) -> Answer {
        let text = |name: &str| asked.body[name].as_str().unwrap_or_default().to_owned();
        let pull = (text("head"), text("base"));
        if !self.branches.contains(&pull.0) && self.tip(&pull.0).is_none() {
            return invalid(json!({"resource": "PullRequest", "field": "head", "code": "invalid"}));
        }
        if self.open().iter().any(|thing| thing.pull.as_ref() == Some(&pull)) {
            let owner = self.name.split('/').next().unwrap_or_default();
            let message = format!("A pull request already exists for {owner}:{}.", pull.0);
            return invalid(json!({"resource": "PullRequest", "code": "custom", "message": message}));
        }
        self.create(operation, asked, Some(pull))
    }

    /// The commit of a branch of the Git repository. Branches that were pushed are files.
    fn tip(&self, branch: &str) -> Option<String> {
        let file = self.git.as_ref()?.join("refs/heads").join(branch);
        Some(std::fs::read_to_string(file).ok()?.trim().to_owned())
    }

    fn create_label(&mut self, operation: &Operation, body: &Value) -> Answer {
        let name = body["name"].as_str().unwrap_or_default();
        if self.labels.iter().any(|known| known == name) {
            return invalid(json!({"resource": "Label", "code": "already_exists", "field": "name"}));
        }
        self.labels.push(name.to_owned());
        ok(201, overlay(operation.least(201), &json!({"name": name})))
    }

    fn edit(&mut self, at: usize, asked: &Asked<'_>) {
        let thing = &mut self.things[at];
        if let Some(title) = asked.body["title"].as_str() {
            title.clone_into(&mut thing.title);
        }
        if let Some(body) = asked.body["body"].as_str() {
            body.clone_into(&mut thing.body);
        }
        match asked.body["state"].as_str() {
            Some("closed") if thing.is_open() => {
                thing.closed_by = Some(asked.login.to_owned());
                thing.state_reason = asked.body["state_reason"].as_str().map(str::to_owned);
            }
            Some("open") => thing.closed_by = None,
            _ => {}
        }
    }

    /// As an issue, or as a pull request.
    fn shown(&self, least: Value, at: usize, as_pull: bool) -> Value {
        let thing = &self.things[at];
        let now = "2026-11-22T12:00:00Z";
        let mut known = json!({
            "number": thing.number, "title": thing.title, "body": thing.body, "user": user(&thing.author),
            "state": if thing.is_open() { "open" } else { "closed" },
            "closed_at": if thing.is_open() { Value::Null } else { json!(now) },
            "html_url": format!("https://elsewhere.example/{}", thing.number),
        });
        let merged_at = if thing.merged.is_some() { json!(now) } else { Value::Null };
        if let (true, Some((head, base))) = (as_pull, &thing.pull) {
            let sha = self.tip(head).unwrap_or_else(|| "a".repeat(40));
            known["head"] = json!({"ref": head, "sha": sha});
            known["base"] = json!({"ref": base});
            known["merged_at"] = merged_at;
            // Lists of pull requests do not tell more than this.
            if least["merged"].is_boolean() {
                known["merged"] = json!(thing.merged.is_some());
                known["merged_by"] = thing.merged.as_ref().map_or(Value::Null, |(_, who)| user(who));
            }
            known["merge_commit_sha"] =
                thing.merged.as_ref().map_or(json!("b".repeat(40)), |(sha, _)| json!(sha));
        } else {
            if thing.pull.is_some() {
                let none = Value::Null;
                known["pull_request"] = json!({"diff_url": none, "html_url": none, "patch_url": none, "url": none, "merged_at": merged_at});
            }
            known["closed_by"] = thing.closed_by.as_deref().map_or(Value::Null, user);
            known["state_reason"] = json!(thing.state_reason);
        }
        overlay(least, &known)
    }
}

fn comment(least: Value, author: &str, text: &str) -> Value {
    overlay(least, &json!({"body": text, "user": user(author)}))
}

fn user(login: &str) -> Value {
    overlay(least_component("simple-user"), &json!({"login": login, "type": "User"}))
}

fn parameter<'a>(asked: &'a Asked<'_>, name: &str) -> Option<&'a str> {
    asked.query.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str())
}

/// What GitHub says where it refuses.
pub(super) fn message(text: &str) -> Value {
    json!({"message": text, "documentation_url": "https://docs.github.com/rest", "status": "4xx"})
}

fn ok(status: u16, body: Value) -> Answer {
    Answer { status, headers: Vec::new(), body }
}

fn refuse(status: u16, text: &str) -> Answer {
    ok(status, message(text))
}

fn invalid(error: Value) -> Answer {
    let mut body = message("Validation Failed");
    body["errors"] = json!([error]);
    ok(422, body)
}
