//! What an Application of Argo CD sets of a chart (`helmTemplate` in `reposerver/repository/repository.go` of Argo CD).

use std::collections::BTreeMap;

use serde_json::Value;

use super::argocd_variables::Variables;
use super::root_fields::{RootRefusal, refuse_others, text, texts};
use crate::config::{HelmLayers, HelmOptions, HelmParameter};

/// Fields of `helm`; whom to give credentials has no part in what is rendered.
const FIELDS: &[&str] = &[
    "apiVersions",
    "fileParameters",
    "ignoreMissingValueFiles",
    "kubeVersion",
    "namespace",
    "parameters",
    "passCredentials",
    "releaseName",
    "skipCrds",
    "skipSchemaValidation",
    "skipTests",
    "valueFiles",
    "values",
    "valuesObject",
    "version",
];

/// What `helm` of a source sets.
///
/// # Errors
/// Why drift cannot render it.
pub(super) fn options(helm: &Value, variables: &Variables<'_>) -> Result<HelmOptions, RootRefusal> {
    refuse_others(helm.as_object(), FIELDS, "helm.")?;
    if !matches!(helm["version"].as_str(), None | Some("" | "v3")) {
        return Err(RootRefusal::Fields("helm.version".to_owned()));
    }
    let files = |list: Vec<String>| -> Result<Vec<String>, RootRefusal> {
        list.iter().map(|file| file_of(file, variables)).collect()
    };
    let flag = |name: &str| helm[name].as_bool() == Some(true);
    let layers = HelmLayers {
        chart: None,
        values_are_patterns: true,
        ignore_missing_values: flag("ignoreMissingValueFiles"),
        chart_values: Vec::new(),
        inline_values: inline_values(helm).into_iter().collect(),
        parameters: parameters(helm, variables)?,
        file_parameters: file_parameters(helm, variables)?,
        skip_crds: flag("skipCrds"),
        skip_tests: flag("skipTests"),
        skip_schema_validation: flag("skipSchemaValidation"),
        kube_version: text(&helm["kubeVersion"]),
        api_versions: texts(&helm["apiVersions"]),
        namespace: text(&helm["namespace"]),
    };
    let release = text(&helm["releaseName"]).or_else(|| Some(variables.application.name.clone()));
    Ok(HelmOptions { release, values: files(texts(&helm["valueFiles"]))?, layers })
}

/// `valuesObject` takes the place of `values` (`ValuesYAML` in `pkg/apis/application/v1alpha1/values.go`).
fn inline_values(helm: &Value) -> Option<String> {
    match &helm["valuesObject"] {
        Value::Null => text(&helm["values"]),
        object => Some(object.to_string()),
    }
}

/// One value for a name, the last that is set.
fn parameters(helm: &Value, variables: &Variables<'_>) -> Result<Vec<HelmParameter>, RootRefusal> {
    let mut parameters: BTreeMap<(bool, String), String> = BTreeMap::new();
    for parameter in helm["parameters"].as_array().into_iter().flatten() {
        let name = text(&parameter["name"]).unwrap_or_default();
        let value = variables.expand(parameter["value"].as_str().unwrap_or_default())?;
        parameters.insert((parameter["forceString"] == true, name), escape_commas(&value));
    }
    let parameters = parameters.into_iter();
    Ok(parameters.map(|((is_text, name), value)| HelmParameter { name, value, is_text }).collect())
}

fn file_parameters(helm: &Value, variables: &Variables<'_>) -> Result<Vec<(String, String)>, RootRefusal> {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for parameter in helm["fileParameters"].as_array().into_iter().flatten() {
        let file = parameter["path"].as_str().unwrap_or_default();
        files.insert(text(&parameter["name"]).unwrap_or_default(), file_of(file, variables)?);
    }
    Ok(files.into_iter().collect())
}

/// Commas are of the value, but in a list `{a,b}` and where they are escaped (`cleanSetParameters` in `util/helm/cmd.go`).
fn escape_commas(value: &str) -> String {
    if value.starts_with('{') && value.ends_with('}') {
        return value.to_owned();
    }
    let mut escaped = String::with_capacity(value.len());
    let mut before = '\0';
    for character in value.chars() {
        if character == ',' && before != '\\' {
            escaped.push('\\');
        }
        escaped.push(character);
        before = character;
    }
    escaped
}

/// A file as [`HelmLayers::values_are_patterns`] has it: `$name/path` is from the root of the repository that `name` stands
/// for.
fn file_of(file: &str, variables: &Variables<'_>) -> Result<String, RootRefusal> {
    let (first, rest) = file.split_once('/').unwrap_or((file, ""));
    let reference =
        first.strip_prefix('$').and_then(|name| variables.application.references.get_key_value(name));
    match reference {
        None => variables.expand(file),
        Some((_, None)) => Ok(format!("/{}", variables.expand(rest)?)),
        Some((name, Some(address))) => Err(RootRefusal::Reference(name.clone(), address.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::escape_commas;

    #[test]
    fn commas_of_a_value_are_escaped_once() {
        for (value, escaped) in
            [("a,b", r"a\,b"), (r"a\,b", r"a\,b"), ("{a,b}", "{a,b}"), (",", r"\,"), ("{a},b", r"{a}\,b")]
        {
            assert_eq!(escape_commas(value), escaped, "{value}");
        }
    }
}
