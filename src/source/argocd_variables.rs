//! The variables that Argo CD puts into fields of an Application (`newEnv` in `reposerver/repository/repository.go`).

use super::root_fields::{RootRefusal, text};
use crate::model::ArgoCdApplication;
use serde_json::Value;

/// What the variables stand for.
pub(super) struct Variables<'a> {
    pub(super) application: &'a ArgoCdApplication,
    /// The source as the Application has it.
    pub(super) declared: &'a Value,
}

impl Variables<'_> {
    /// The text with its variables, `$NAME` or `${NAME}`, replaced as Go's `os.Expand` does; unknown ones are empty.
    ///
    /// # Errors
    /// It asks for the commit that is applied.
    pub(super) fn expand(&self, text: &str) -> Result<String, RootRefusal> {
        let (mut expanded, mut rest) = (String::new(), text);
        while let Some((before, after)) = rest.split_once('$') {
            expanded.push_str(before);
            let (name, length) = name_at(after);
            match (name, length) {
                ("", 0) => expanded.push('$'),
                ("", _) => {}
                (name, _) => expanded.push_str(&self.value(name)?),
            }
            rest = &after[length..];
        }
        Ok(expanded + rest)
    }

    fn value(&self, name: &str) -> Result<String, RootRefusal> {
        let of_source = |field: &str| text(&self.declared[field]).unwrap_or_default();
        Ok(match name {
            "$" => "$".to_owned(),
            "ARGOCD_APP_NAME" => self.application.name.clone(),
            "ARGOCD_APP_NAMESPACE" => self.application.namespace.clone().unwrap_or_default(),
            "ARGOCD_APP_PROJECT_NAME" => self.application.project.clone(),
            "ARGOCD_APP_SOURCE_REPO_URL" => of_source("repoURL"),
            "ARGOCD_APP_SOURCE_PATH" => of_source("path"),
            "ARGOCD_APP_SOURCE_TARGET_REVISION" => of_source("targetRevision"),
            name if name.starts_with("ARGOCD_APP_REVISION") => {
                return Err(RootRefusal::Variable(name.to_owned()));
            }
            _ => String::new(),
        })
    }
}

/// The name after a `$`, and how long it is with its braces; no name where there is none, or where that is broken.
fn name_at(text: &str) -> (&str, usize) {
    let is_special = |c: char| matches!(c, '*' | '#' | '$' | '@' | '!' | '?' | '-' | '0'..='9');
    if let Some(inner) = text.strip_prefix('{') {
        return match inner.find('}') {
            Some(end) => (&inner[..end], end + 2),
            None => ("", 1),
        };
    }
    if text.starts_with(is_special) {
        return (&text[..1], 1);
    }
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    (&text[..end], end)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Variables;
    use crate::model::ArgoCdApplication;

    #[test]
    fn variables_are_replaced_as_by_go() {
        let application = ArgoCdApplication { name: "web".to_owned(), ..ArgoCdApplication::default() };
        let declared = json!({"targetRevision": "v1"});
        let variables = Variables { application: &application, declared: &declared };
        for (text, expected) in [
            ("a-$ARGOCD_APP_NAME.b", "a-web.b"),
            ("${ARGOCD_APP_NAME}b$", "webb$"),
            ("$UNKNOWN/x ${}y ${z", "/x y z"),
            ("$$HOME $1a $.", "$HOME a $."),
            ("${ARGOCD_APP_SOURCE_TARGET_REVISION}ü$ü", "v1ü$ü"),
        ] {
            assert_eq!(variables.expand(text).expect("it is known"), expected, "{text}");
        }
        assert!(variables.expand("x-${ARGOCD_APP_REVISION_SHORT}").is_err());
    }
}
