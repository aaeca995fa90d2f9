//! Parses `drift.yaml`; unknown keys are errors with location and the nearest known key.

use super::Config;
use crate::model::nearest;

/// Why a `drift.yaml` cannot be used: nothing was read from the cluster (exit code 2).
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{file}{place}: {why}")]
pub struct ConfigError {
    /// The file, from the root of the repository.
    pub file: String,
    /// `:line:column`, or empty where the place is not known.
    pub place: String,
    /// What is wrong, and what to do.
    pub why: String,
}

/// Reads a `drift.yaml`; `file` names it in errors.
pub fn parse(file: &str, text: &str) -> Result<Config, ConfigError> {
    let error = |place: String, why: String| ConfigError { file: file.to_owned(), place, why };
    let config: Config = serde_yaml::from_str(text).map_err(|cause| {
        let place = cause.location().map(|at| format!(":{}:{}", at.line(), at.column())).unwrap_or_default();
        error(place, describe_error(&strip_place(&cause.to_string())).unwrap_or_else(|| NOT_READ.to_owned()))
    })?;
    check(&config).map_err(|(key, why)| error(place_of(text, &key), why))?;
    Ok(config)
}

/// The message without its own `at line L column C`, which we print in front.
fn strip_place(message: &str) -> String {
    message.split(" at line ").next().unwrap_or(message).to_owned()
}

const NOT_READ: &str = "a value has the wrong type for its key";

/// What went wrong: the kind of error and what was expected, never the value that stands there. ``unknown field `x`,
/// expected one of `a`, `b` `` gets the nearest of the known names. `None` for words that are not known to be free of
/// values.
fn describe_error(message: &str) -> Option<String> {
    let (path, error) = message.split_once(": ").filter(|(path, _)| is_path(path)).unwrap_or(("", message));
    let at = if path.is_empty() { String::new() } else { format!("{path}: ") };
    let expected = error.split_once(", expected ").map(|(_, expected)| expected);
    let unknown = error.split('`').nth(1).unwrap_or_default();
    let known = expected.into_iter().flat_map(|expected| expected.split('`').skip(1).step_by(2));
    let meant = nearest(unknown, known).map(|known| format!("; did you mean `{known}`?")).unwrap_or_default();
    for kind in ["invalid type", "invalid value", "unknown variant"] {
        if let (true, Some(expected)) = (error.starts_with(kind), expected) {
            return Some(format!(
                "{at}{kind}, expected {expected}{}",
                if kind == "unknown variant" { &meant } else { "" }
            ));
        }
    }
    if error.starts_with("unknown field `") {
        return Some(format!("{message}{meant}"));
    }
    let named = ["missing field `", "duplicate field `", "duplicate entry with key"];
    let is_free = !error.contains(['`', '"', '\'']) || named.iter().any(|start| error.starts_with(start));
    is_free.then(|| message.to_owned())
}

/// `sources[0].helm`: where serde found it.
fn is_path(text: &str) -> bool {
    let keys = [
        "sources",
        "discover",
        "forge",
        "ledger",
        "managers",
        "ignore",
        "secrets",
        "cluster",
        "version",
        "unsynced-after",
    ];
    keys.iter()
        .any(|key| text.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '['])))
        && !text.contains(char::is_whitespace)
}

/// `:line:column` of the first line whose key is `key`, where it can be found.
fn place_of(text: &str, key: &str) -> String {
    let found = text.lines().enumerate().find_map(|(line, content)| {
        let start = content.find(|first: char| !matches!(first, ' ' | '-'))?;
        content[start..].starts_with(&format!("{key}:")).then_some((line + 1, start + 1))
    });
    found.map(|(line, column)| format!(":{line}:{column}")).unwrap_or_default()
}

/// The first invalid setting: its key and why.
fn check(config: &Config) -> Result<(), (String, String)> {
    let refuse = |key: &str, why: String| Err((key.to_owned(), why));
    if config.version != 1 {
        return refuse(
            "version",
            format!("version is {}; not supported; expected `version: 1`", config.version),
        );
    }
    for (at, source) in config.sources.iter().enumerate() {
        let outside = source.path.starts_with('/') || source.path.split('/').any(|part| part == "..");
        if source.path.is_empty() || outside {
            let why = format!("sources[{at}].path must lie inside the repository: no leading `/`, no `..`");
            return refuse("path", why);
        }
        if source
            .helm
            .as_ref()
            .and_then(|helm| helm.release.as_deref())
            .is_some_and(|name| name.starts_with('-'))
        {
            return refuse("release", "a release name does not start with `-`".to_owned());
        }
    }
    if let Some(discover) = &config.discover
        && (discover.from.is_empty() || !discover.flux && !discover.argocd)
    {
        return refuse(
            "discover",
            "discover finds nothing so: remove it, or name what is followed".to_owned(),
        );
    }
    for (at, rule) in config.ignore.iter().enumerate() {
        if rule.reason.trim().is_empty() {
            return refuse("reason", "an ignore rule needs a reason".to_owned());
        }
        if rule.field.is_none() && rule.resource == super::ResourceFilter::default() {
            return refuse("ignore", "an ignore rule needs a `field`, a `resource`, or both".to_owned());
        }
        if !rule.expires.as_deref().is_none_or(is_day) {
            return refuse("expires", format!("ignore[{at}].expires is not a date such as 2027-03-31"));
        }
    }
    for (at, manager) in config.managers.iter().enumerate() {
        if manager.name.trim_matches('*').trim().is_empty() {
            let why = format!("managers[{at}].name matches every manager: use a narrower name");
            return refuse("name", why);
        }
        if !manager.expires.as_deref().is_none_or(is_day) {
            return refuse("expires", format!("managers[{at}].expires is not a date such as 2027-03-31"));
        }
        if !manager.fields.is_empty() && manager.reason.as_ref().is_none_or(|why| why.trim().is_empty()) {
            return refuse("fields", format!("managers[{at}] is trusted in `fields`: add a `reason`"));
        }
        if let Some(field) = manager.fields.iter().position(|field| !is_field(field)) {
            return refuse(
                "fields",
                format!("managers[{at}].fields[{field}] is not a field such as .spec.replicas"),
            );
        }
    }
    let branch = &config.ledger.branch;
    if branch.is_empty()
        || branch.starts_with('-')
        || branch.contains("..")
        || branch.contains([' ', '~', '^', ':'])
    {
        return refuse("branch", "ledger.branch is not a branch name".to_owned());
    }
    Ok(())
}

fn is_day(text: &str) -> bool {
    text.parse::<jiff::civil::Date>().is_ok()
}

fn is_field(text: &str) -> bool {
    let path = crate::model::FieldPath::parse(&text.replace("[*]", "[=\"*\"]"));
    path.is_some_and(|path| !path.elements().is_empty())
}

#[cfg(test)]
mod tests {
    use super::parse;

    fn refused(text: &str) -> String {
        parse("drift.yaml", text).expect_err("must be refused").to_string()
    }

    #[test]
    fn unknown_key_refused_with_place_and_suggestion() {
        let message = refused("version: 1\nsources:\n  - path: apps\n    namspace: x\n");
        assert!(message.starts_with("drift.yaml:4:5: "), "{message}");
        assert!(message.contains("did you mean `namespace`?"), "{message}");
    }

    #[test]
    fn invalid_setting_refused_with_place() {
        for (text, expected) in [
            ("cluster: x\n", "drift.yaml: version is 0"),
            ("version: 1\nsources: [{path: ../x}]\n", "must lie inside the repository"),
            (
                "version: 1\nignore:\n  - reason: ''\n    field: .spec\n",
                "drift.yaml:3:5: an ignore rule needs a reason",
            ),
            ("version: 1\nignore:\n  - reason: x\n", "needs a `field`, a `resource`, or both"),
            (
                "version: 1\nignore:\n  - field: .a\n    reason: x\n    expires: soon\n",
                "drift.yaml:5:5: ignore[0].expires",
            ),
            ("version: 1\nsecrets: maybe\n", "unknown variant, expected `read` or `skip`"),
            ("version: 1\nledger: {branch: a..b}\n", "is not a branch name"),
            ("version: 1\nmanagers: [{name: '*', class: platform}]\n", "matches every manager"),
            ("version: 1\nmanagers: [{name: a, class: platform, fields: [.spec]}]\n", "add a `reason`"),
            (
                "version: 1\nmanagers: [{name: a, class: platform, fields: [spec], reason: r}]\n",
                "is not a field such as",
            ),
            ("version: 1\nunsynced-after: soon\n", "is not a time such as 90m, 6h or 2d"),
            ("version: 1\ndiscover: {from: []}\n", "discover finds nothing so"),
            ("version: 1\ndiscover: {flux: false, argocd: false}\n", "discover finds nothing so"),
            ("version: [\n", "drift.yaml:"),
        ] {
            let message = refused(text);
            assert!(message.contains(expected), "{text:?} gave {message}");
        }
    }

    /// Whatever stands in the file, also one that is none of ours.
    #[test]
    fn no_message_holds_a_value() {
        for text in [
            "hunter2",
            "machine git.example.com login x password hunter2\n",
            "root:x:0:0:hunter2:/root:/bin/sh\n",
            "version: hunter2\n",
            "version: 1\nsources: hunter2\n",
            "version: 1\nsources: [hunter2]\n",
            "version: 1\nsources: [{path: {a: hunter2}}]\n",
            "version: 1\nsources: [{path: /hunter2}]\n",
            "version: 1\nsecrets: hunter2\n",
            "version: 1\nunsynced-after: hunter2\n",
            "version: 1\nledger: {branch: 'hunter2 ..'}\n",
            "version: 1\nforge: {type: hunter2}\n",
            "version: 1\nmanagers: [{name: a, class: hunter2}]\n",
            "version: 1\nmanagers: [{name: a, class: platform, fields: [hunter2], reason: r}]\n",
            "version: 1\nignore: [{field: .a, reason: r, expires: hunter2}]\n",
            "version: 1\nignore: [{field: [hunter2], reason: r}]\n",
            "version: 1\ndiscover: {from: [hunter2]}\n",
            "version: *hunter2\n",
            "version: \"hunter2\\q\"\n",
            "version: 1\ncluster: \"hunter2\n",
        ] {
            let message = refused(text);
            assert!(!message.contains("hunter2"), "{text:?} gave {message}");
        }
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let config = parse("drift.yaml", "version: 1\n").expect("a version is enough");
        assert_eq!(config.ledger.branch, "drift/ledger");
        assert_eq!(config.secrets, super::super::SecretsMode::Read);
    }
}
