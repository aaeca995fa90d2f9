//! The steps that a case is told in.

use serde::Deserialize;
use serde_json::Value;

/// One thing that somebody does, or that is waited for. Paths are those of the case's folder.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Step {
    /// A person's command line, in the namespace of the run.
    Kubectl(String),
    /// A command line of the mode's Helm, in the namespace of the run.
    Helm(String),
    /// A folder becomes what Git declares.
    Commit(Short<Commit>),
    /// What the cluster has of a file's objects becomes what Git declares, as `kubectl get` prints it.
    Export(String),
    /// A file or a folder is applied.
    Apply(Short<Apply>),
    /// What the whole cluster needs (a definition, a policy) is put there, and waited for.
    Install(String),
    /// A write of a client library. `{HEAD}` in it is the commit that is checked out, `{HEAD~1}` the one before.
    Patch(Patch),
    /// An object as `kubectl get` prints it is changed and put back.
    Replace(Replace),
    /// An object as `kubectl get` prints it is made again under another name.
    Copy(Copy),
    /// As if all that is recorded of an object had been written that much earlier.
    Age(Age),
    /// Something that a controller, or admission, does.
    Wait(Wait),
    /// The API server and Git tell times by the second.
    Sleep(Time),
}

/// What may be written as the value of its first key alone.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Short<T> {
    Name(String),
    Full(T),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Commit {
    pub(super) folder: String,
    #[serde(default)]
    pub(super) age: Time,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Apply {
    pub(super) path: String,
    /// Another deployer than that of the mode: see [`super::deployer`].
    pub(super) r#as: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Patch {
    /// `TYPE/NAME`
    pub(super) object: String,
    /// The field manager; without it the one of `kubectl patch`.
    pub(super) r#as: Option<String>,
    pub(super) json: Option<Value>,
    pub(super) merge: Option<Value>,
    pub(super) strategic: Option<Value>,
    pub(super) subresource: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Replace {
    pub(super) object: String,
    pub(super) r#as: String,
    /// The text of the JSON that is replaced, and by what.
    pub(super) old: String,
    pub(super) new: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Copy {
    pub(super) object: String,
    pub(super) name: String,
    /// The field manager; without it the one of `kubectl create`.
    pub(super) r#as: Option<String>,
    /// `TYPE/NAME` of an object that the copy names as its owner.
    pub(super) owner: Option<String>,
    /// What else is changed in the copy.
    #[serde(default)]
    pub(super) merge: Value,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Age {
    pub(super) object: String,
    pub(super) by: Time,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Wait {
    /// An object's JSON has a text.
    Has { object: String, text: String },
    /// Its controller has seen an object's latest generation.
    Observed(String),
    /// An object is no more.
    Gone(String),
    /// Admission puts a text into the first object of a file.
    Admits { file: String, text: String },
}

/// `1500 ms`, `2 s`, `6 hours`, `40 days`.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Time(pub(super) std::time::Duration);

impl TryFrom<String> for Time {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let parts = text.split_once(' ').and_then(|(number, unit)| Some((number.parse::<u64>().ok()?, unit)));
        let milliseconds = match parts {
            Some((number, "ms")) => number,
            Some((number, "s")) => number * 1000,
            Some((number, "minute" | "minutes")) => number * 60_000,
            Some((number, "hour" | "hours")) => number * 3_600_000,
            Some((number, "day" | "days")) => number * 86_400_000,
            _ => return Err(format!("no time: {text} (such as `2 s` or `40 days`)")),
        };
        Ok(Self(std::time::Duration::from_millis(milliseconds)))
    }
}

impl<T> Short<T> {
    /// The full form.
    pub(super) fn map<'a, R>(&'a self, short: impl Fn(&'a str) -> R, full: impl Fn(&'a T) -> R) -> R {
        match self {
            Self::Name(name) => short(name),
            Self::Full(value) => full(value),
        }
    }
}

/// The words of a command line: separated by blanks, quoted by `'` or `"`.
pub(super) fn split_words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (vec![], None::<String>, None);
    for letter in line.chars() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, _) if letter.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

#[test]
fn words_are_split_as_a_shell_does() {
    let line = "patch  a/b -p '{\"x\": 1}' \"it's\" ''";
    assert_eq!(split_words(line), ["patch", "a/b", "-p", "{\"x\": 1}", "it's", ""]);
}
