//! What is in a chart that tells how it has to be rendered.

use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::template_clock;

/// What is in a chart's copy: every folder that helm walks through, links followed.
#[derive(Default)]
pub(super) struct ChartContent {
    pub(super) folders: BTreeSet<PathBuf>,
    /// Schemas ask for nothing but themselves.
    pub(super) schemas_are_local: bool,
    /// Templates that read the clock, and values that may be templates, from the root of the repository.
    pub(super) clocks: BTreeSet<PathBuf>,
    /// Whether a template may look at what kind of release it is rendered for.
    pub(super) asks_release: bool,
}

impl ChartContent {
    pub(super) fn scan(tree: &Path, chart: &Path) -> Self {
        let mut content = Self { schemas_are_local: true, ..Self::default() };
        let mut queue = VecDeque::from([chart.to_path_buf()]);
        while let Some(folder) = queue.pop_front() {
            if !content.folders.insert(folder.clone()) {
                continue;
            }
            let Ok(entries) = fs::read_dir(tree.join(&folder)) else { continue };
            for entry in entries.flatten() {
                let Ok(real) = entry.path().canonicalize() else { continue };
                let Ok(inside) = real.strip_prefix(tree) else { continue };
                if real.is_dir() {
                    queue.push_back(inside.to_path_buf());
                } else {
                    content.file(tree, inside, &entry.file_name());
                }
            }
        }
        content
    }

    fn file(&mut self, tree: &Path, file: &Path, name: &std::ffi::OsStr) {
        let name = name.to_string_lossy();
        if name == "values.schema.json" {
            let bytes = fs::read(tree.join(file)).unwrap_or_default();
            self.schemas_are_local &= serde_json::from_slice(&bytes).is_ok_and(|schema| is_local(&schema));
        } else if name.ends_with(".tgz") {
            // A packaged chart is not looked into, so its schema is not believed.
            self.schemas_are_local = false;
            self.asks_release = true;
        } else if name == "values.yaml" || file.components().any(|part| part.as_os_str() == "templates") {
            self.text(tree, file);
        }
    }

    /// Looks into what is a template, or values that a template may take for one (`tpl`).
    pub(super) fn text(&mut self, tree: &Path, file: &Path) {
        let text = fs::read_to_string(tree.join(file)).unwrap_or_default();
        self.asks_release |= ["Revision", "IsInstall", "IsUpgrade"].iter().any(|word| text.contains(word));
        if template_clock::reads_clock(&text) {
            self.clocks.insert(file.to_path_buf());
        }
    }

    pub(super) fn contains_link_target(&self, link: &Path) -> bool {
        link.parent().is_some_and(|folder| self.folders.contains(folder))
    }
}

/// Whether a JSON Schema refers to nothing but itself and the well-known drafts, which helm has built in.
fn is_local(schema: &Value) -> bool {
    match schema {
        Value::Object(map) => map.iter().all(|(key, value)| match (key.as_str(), value.as_str()) {
            ("$ref" | "$dynamicRef" | "$recursiveRef", Some(target)) => target.starts_with('#'),
            ("$schema", Some(draft)) => is_known_draft(draft),
            _ => is_local(value),
        }),
        Value::Array(items) => items.iter().all(is_local),
        _ => true,
    }
}

fn is_known_draft(address: &str) -> bool {
    let bare = address.trim_end_matches('#');
    let path = bare
        .strip_prefix("http://json-schema.org/")
        .or_else(|| bare.strip_prefix("https://json-schema.org/"));
    let drafts = [
        "schema",
        "draft-04/schema",
        "draft-06/schema",
        "draft-07/schema",
        "draft/2019-09/schema",
        "draft/2020-12/schema",
    ];
    path.is_some_and(|path| drafts.contains(&path))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::is_local;

    #[test]
    fn schema_with_external_reference_is_not_local() {
        for schema in [
            json!({"properties": {"a": {"$ref": "http://127.0.0.1/x"}}}),
            json!({"allOf": [{"$ref": "file:///etc/passwd"}]}),
            json!({"$ref": "other.json"}),
            json!({"$schema": "http://127.0.0.1/draft"}),
            json!({"$schema": "http://json-schema.org.example.com/schema"}),
        ] {
            assert!(!is_local(&schema), "{schema}");
        }
        assert!(is_local(
            &json!({"$schema": "http://json-schema.org/draft-07/schema#", "$ref": "#/$defs/x"})
        ));
    }
}
