//! Reading `drift.yaml`: unknown keys are refused with their place and the nearest known key.

use super::Config;

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
        error(place, with_nearest(&strip_place(&cause.to_string())))
    })?;
    check(&config).map_err(|(key, why)| error(place_of(text, &key), why))?;
    Ok(config)
}

/// The message without its own `at line L column C`, which we print in front.
fn strip_place(message: &str) -> String {
    message.split(" at line ").next().unwrap_or(message).to_owned()
}

/// ``unknown field `x`, expected one of `a`, `b` `` with the nearest of the known keys in front.
fn with_nearest(message: &str) -> String {
    let mut words = message.split('`').skip(1).step_by(2);
    let unknown = words.next();
    let nearest = unknown.and_then(|unknown| {
        words.map(|known| (distance(unknown, known), known)).filter(|(distance, _)| *distance <= 3).min()
    });
    match (message.contains("unknown "), nearest) {
        (true, Some((_, nearest))) => format!("{message}; did you mean `{nearest}`?"),
        _ => message.to_owned(),
    }
}

/// Levenshtein distance.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (at, from) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (column, to) in right.iter().enumerate() {
            let substituted = diagonal + usize::from(from != *to);
            diagonal = row[column + 1];
            row[column + 1] = substituted.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}

/// `:line:column` of the first line whose key is `key`, where it can be found.
fn place_of(text: &str, key: &str) -> String {
    let found = text.lines().enumerate().find_map(|(line, content)| {
        let start = content.find(|first: char| !matches!(first, ' ' | '-'))?;
        content[start..].starts_with(&format!("{key}:")).then_some((line + 1, start + 1))
    });
    found.map(|(line, column)| format!(":{line}:{column}")).unwrap_or_default()
}

/// The first thing that parses and yet cannot be meant: its key and why.
fn check(config: &Config) -> Result<(), (String, String)> {
    let refuse = |key: &str, why: String| Err((key.to_owned(), why));
    if config.version != 1 {
        return refuse("version", format!("version is {}; this drift reads `version: 1`", config.version));
    }
    for source in &config.sources {
        let outside = source.path.starts_with('/') || source.path.split('/').any(|part| part == "..");
        if source.path.is_empty() || outside {
            let why =
                format!("path {:?} must lie inside the repository: no leading `/`, no `..`", source.path);
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
    for rule in &config.ignore {
        if rule.reason.trim().is_empty() {
            return refuse("reason", "an ignore rule needs a reason".to_owned());
        }
        if rule.field.is_none() && rule.resource == super::IgnoredResource::default() {
            return refuse("ignore", "an ignore rule names a `field`, a `resource`, or both".to_owned());
        }
    }
    let expiries = config.ignore.iter().map(|rule| &rule.expires);
    let expiries = expiries.chain(config.managers.iter().map(|manager| &manager.expires));
    if let Some(day) = expiries.flatten().find(|day| day.parse::<jiff::civil::Date>().is_err()) {
        return refuse("expires", format!("expires: {day:?} is not a date such as 2027-03-31"));
    }
    for manager in &config.managers {
        if manager.name.trim_matches('*').trim().is_empty() {
            let why = format!("{:?} would be every manager: name the ones that you mean", manager.name);
            return refuse("name", why);
        }
        if !manager.fields.is_empty() && manager.reason.as_ref().is_none_or(|why| why.trim().is_empty()) {
            return refuse("fields", format!("{} is trusted in `fields`: add a `reason`", manager.name));
        }
        if let Some(field) = manager.fields.iter().find(|field| !is_field(field)) {
            return refuse("fields", format!("{field:?} is not a field such as .spec.replicas"));
        }
    }
    let branch = &config.ledger.branch;
    if branch.is_empty()
        || branch.starts_with('-')
        || branch.contains("..")
        || branch.contains([' ', '~', '^', ':'])
    {
        return refuse("branch", format!("{branch:?} is not a branch name"));
    }
    Ok(())
}

fn is_field(text: &str) -> bool {
    let path = crate::model::FieldPath::parse(&text.replace("[*]", "[=\"*\"]"));
    path.is_some_and(|path| !path.steps().is_empty())
}

#[cfg(test)]
mod tests {
    use super::parse;

    fn refused(text: &str) -> String {
        parse("drift.yaml", text).expect_err("must be refused").to_string()
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_place_and_the_nearest_key() {
        let message = refused("version: 1\nsources:\n  - path: apps\n    namspace: x\n");
        assert!(message.starts_with("drift.yaml:4:5: "), "{message}");
        assert!(message.contains("did you mean `namespace`?"), "{message}");
    }

    #[test]
    fn what_parses_and_cannot_be_meant_is_refused_with_its_place() {
        for (text, expected) in [
            ("cluster: x\n", "drift.yaml: version is 0"),
            ("version: 1\nsources: [{path: ../x}]\n", "must lie inside the repository"),
            (
                "version: 1\nignore:\n  - reason: ''\n    field: .spec\n",
                "drift.yaml:3:5: an ignore rule needs a reason",
            ),
            ("version: 1\nignore:\n  - reason: x\n", "names a `field`, a `resource`, or both"),
            (
                "version: 1\nignore:\n  - field: .a\n    reason: x\n    expires: soon\n",
                "drift.yaml:5:5: expires",
            ),
            ("version: 1\nsecrets: maybe\n", "unknown variant `maybe`"),
            ("version: 1\nledger: {branch: a..b}\n", "is not a branch name"),
            ("version: 1\nmanagers: [{name: '*', class: platform}]\n", "would be every manager"),
            ("version: 1\nmanagers: [{name: a, class: platform, fields: [.spec]}]\n", "add a `reason`"),
            (
                "version: 1\nmanagers: [{name: a, class: platform, fields: [spec], reason: r}]\n",
                "is not a field such as",
            ),
            ("version: 1\nunsynced-after: soon\n", "is not a time such as 90m, 6h or 2d"),
            ("version: [\n", "drift.yaml:"),
        ] {
            let message = refused(text);
            assert!(message.contains(expected), "{text:?} gave {message}");
        }
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let config = parse("drift.yaml", "version: 1\n").expect("a version is enough");
        assert_eq!(config.ledger.branch, "drift/ledger");
        assert_eq!(config.secrets, super::super::Secrets::Read);
    }
}
