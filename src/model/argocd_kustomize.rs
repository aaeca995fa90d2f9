//! What an Application of Argo CD writes into a kustomization, as its `kustomize edit` commands do.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// What an Application sets of a Kustomize folder (`ApplicationSourceKustomize` in `pkg/apis/application/v1alpha1/types.go`
/// of Argo CD).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ArgoCdKustomize {
    /// In the place of the folder's own `namePrefix`; empty: that stays.
    pub name_prefix: String,
    /// In the place of its own `nameSuffix`.
    pub name_suffix: String,
    /// As `kustomize edit set image` takes them: `name=new:tag`, `name:tag`, `name@digest`.
    pub images: Vec<String>,
    /// Replicas by name.
    pub replicas: Vec<(String, i64)>,
    /// Labels of every object.
    pub labels: BTreeMap<String, String>,
    /// How the labels are put on.
    pub label_mode: LabelMode,
    /// Annotations of every object.
    pub annotations: BTreeMap<String, String>,
    /// Whether annotations take the place of the folder's own.
    pub force_annotations: bool,
    /// In the place of its own `namespace`.
    pub namespace: String,
    /// Behind its own patches.
    pub patches: Vec<Value>,
    /// Behind its own components.
    pub components: Vec<String>,
    /// Whether components that are not there are passed over.
    pub ignore_missing_components: bool,
}

/// How common labels are put on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LabelMode {
    /// In the place of the folder's own.
    pub force: bool,
    /// Not on selectors.
    pub without_selector: bool,
    /// On templates of Pods, where not on selectors.
    pub include_templates: bool,
}

/// Why a kustomization cannot be edited.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The kustomization, or a field of it.
    #[error("{0} of the folder is no mapping")]
    NotMapping(&'static str),
    /// A field of the kustomization.
    #[error("{0} of the folder's kustomization is no list")]
    NotList(&'static str),
    /// An image.
    #[error("{0} is no image as `kustomize edit set image` takes it")]
    Image(String),
    /// A label or annotation that the kustomization has.
    #[error("the folder's kustomization has the {0} {1} already, and the Application does not force its own")]
    There(&'static str, String),
    /// Two fields that do not go together.
    #[error("labelIncludeTemplates needs labelWithoutSelector")]
    TemplatesWithSelector,
    /// A component.
    #[error("the component {0} is a pattern, which drift does not resolve")]
    Pattern(String),
}

/// What keeps the value that is there, in an image (`kustomize/commands/edit/set/setimage.go`).
const KEEP: &str = "*";

impl ArgoCdKustomize {
    /// Whether nothing is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        // How is nothing without what.
        let how = Self {
            label_mode: self.label_mode,
            force_annotations: self.force_annotations,
            ignore_missing_components: self.ignore_missing_components,
            ..Self::default()
        };
        *self == how
    }

    /// Puts it into the folder's own kustomization, in Argo CD's order (`util/kustomize/kustomize.go`). `is_there` says
    /// whether there is something at a path from the folder.
    ///
    /// # Errors
    /// What Argo CD's `kustomize edit` refuses too.
    pub fn merge_into(
        &self,
        kustomization: &mut Map<String, Value>,
        is_there: &dyn Fn(&str) -> bool,
    ) -> Result<(), EditError> {
        let set = |kustomization: &mut Map<String, Value>, field: &str, value: &str| {
            if !value.is_empty() {
                kustomization.insert(field.to_owned(), value.into());
            }
        };
        set(kustomization, "namePrefix", &self.name_prefix);
        set(kustomization, "nameSuffix", &self.name_suffix);
        self.set_images(kustomization)?;
        self.set_replicas(kustomization);
        self.add_labels(kustomization)?;
        if !self.annotations.is_empty() {
            let own = map_in(kustomization, "commonAnnotations")?;
            add_all(own, &self.annotations, self.force_annotations, "annotation")?;
        }
        set(kustomization, "namespace", &self.namespace);
        if !self.patches.is_empty() {
            list_in(kustomization, "patches")?.extend(self.patches.iter().cloned());
        }
        self.add_components(kustomization, is_there)
    }

    /// `kustomize edit set image`: one entry for a name, in the place of the one that is there.
    fn set_images(&self, kustomization: &mut Map<String, Value>) -> Result<(), EditError> {
        if self.images.is_empty() {
            return Ok(());
        }
        let own = list_in(kustomization, "images")?;
        let mut images: BTreeMap<String, Value> = BTreeMap::new();
        for argument in &self.images {
            let image = Image::parse(argument).ok_or_else(|| EditError::Image(argument.clone()))?;
            let there = own.iter().rev().find(|entry| entry["name"] == image.name.as_str());
            images.insert(image.name.clone(), image.over(there));
        }
        for entry in own.iter() {
            let name = entry["name"].as_str().unwrap_or_default();
            images.entry(name.to_owned()).or_insert_with(|| entry.clone());
        }
        *own = images.into_values().collect();
        Ok(())
    }

    /// `kustomize edit set replicas`: one entry for a name.
    fn set_replicas(&self, kustomization: &mut Map<String, Value>) {
        if self.replicas.is_empty() {
            return;
        }
        let own = kustomization.get("replicas").and_then(Value::as_array).into_iter().flatten();
        let named = |entry: &Value| entry["name"].as_str().unwrap_or_default().to_owned();
        let mut replicas: BTreeMap<String, Value> = own.map(|entry| (named(entry), entry.clone())).collect();
        let set = self.replicas.iter();
        replicas.extend(set.map(|(name, count)| (name.clone(), json!({"name": name, "count": count}))));
        kustomization.insert("replicas".to_owned(), replicas.into_values().collect());
    }

    /// `kustomize edit add label`.
    fn add_labels(&self, kustomization: &mut Map<String, Value>) -> Result<(), EditError> {
        let LabelMode { force, without_selector, include_templates } = self.label_mode;
        if self.labels.is_empty() {
            return Ok(());
        }
        if !without_selector {
            if include_templates {
                return Err(EditError::TemplatesWithSelector);
            }
            return add_all(map_in(kustomization, "commonLabels")?, &self.labels, force, "label");
        }
        let own = list_in(kustomization, "labels")?;
        let is_same = |entry: &&mut Value| {
            !entry["includeSelectors"].as_bool().unwrap_or_default()
                && entry["includeTemplates"].as_bool().unwrap_or_default() == include_templates
        };
        if let Some(entry) = own.iter_mut().find(is_same) {
            let entry = entry.as_object_mut().ok_or(EditError::NotMapping("labels"))?;
            return add_all(map_in(entry, "pairs")?, &self.labels, force, "label");
        }
        let mut entry = json!({"pairs": self.labels});
        if include_templates {
            entry["includeTemplates"] = true.into();
        }
        own.push(entry);
        Ok(())
    }

    /// `kustomize edit add component`.
    fn add_components(
        &self,
        kustomization: &mut Map<String, Value>,
        is_there: &dyn Fn(&str) -> bool,
    ) -> Result<(), EditError> {
        let wanted = self.components.iter().filter(|path| !self.ignore_missing_components || is_there(path));
        for path in wanted {
            if path.contains(['*', '?', '[']) {
                return Err(EditError::Pattern(path.clone()));
            }
            let own = list_in(kustomization, "components")?;
            if !own.iter().any(|known| known == path) {
                own.push(path.as_str().into());
            }
        }
        Ok(())
    }
}

/// An image as `kustomize edit set image` reads it.
struct Image {
    name: String,
    new_name: String,
    tag: String,
    digest: String,
}

impl Image {
    fn parse(argument: &str) -> Option<Self> {
        let (key, value) = argument.split_once('=').unwrap_or(("", argument));
        let (name, tag, digest) = split_image(value);
        if name == argument {
            return None;
        }
        let (name, new_name) = if key.is_empty() { (name, "") } else { (key, name) };
        let [name, new_name, tag, digest] = [name, new_name, tag, digest].map(str::to_owned);
        Some(Self { name, new_name, tag, digest })
    }

    /// The entry, with what it keeps of the one that is there.
    fn over(self, there: Option<&Value>) -> Value {
        let mut entry = Map::from_iter([("name".to_owned(), Value::from(self.name))]);
        for (field, value) in [("newName", self.new_name), ("newTag", self.tag), ("digest", self.digest)] {
            let value = match value.as_str() {
                KEEP => there.and_then(|there| there[field].as_str()).unwrap_or_default(),
                value => value,
            };
            if !value.is_empty() {
                entry.insert(field.to_owned(), value.into());
            }
        }
        Value::Object(entry)
    }
}

/// Name, tag and digest of an image (`api/internal/image/image.go` of Kustomize): a colon before the first slash is of a
/// port.
fn split_image(image: &str) -> (&str, &str, &str) {
    let from = image.find('/').unwrap_or_default();
    let (digest, tag) = (image[from..].find('@'), image[from..].find(':'));
    match (tag.map(|at| at + from), digest.map(|at| at + from)) {
        (None, None) => (image, "", ""),
        (Some(tag), None) => (&image[..tag], &image[tag + 1..], ""),
        (Some(tag), Some(digest)) if tag < digest => {
            (&image[..tag], &image[tag + 1..digest], &image[digest + 1..])
        }
        (_, Some(digest)) => (&image[..digest], "", &image[digest + 1..]),
    }
}

fn add_all(
    own: &mut Map<String, Value>,
    added: &BTreeMap<String, String>,
    force: bool,
    word: &'static str,
) -> Result<(), EditError> {
    for (key, value) in added {
        if !force && own.contains_key(key) {
            return Err(EditError::There(word, key.clone()));
        }
        own.insert(key.clone(), value.as_str().into());
    }
    Ok(())
}

fn map_in<'k>(
    kustomization: &'k mut Map<String, Value>,
    field: &'static str,
) -> Result<&'k mut Map<String, Value>, EditError> {
    let value = kustomization.entry(field).or_insert(Value::Null);
    if value.is_null() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().ok_or(EditError::NotMapping(field))
}

fn list_in<'k>(
    kustomization: &'k mut Map<String, Value>,
    field: &'static str,
) -> Result<&'k mut Vec<Value>, EditError> {
    let value = kustomization.entry(field).or_insert(Value::Null);
    if value.is_null() {
        *value = Value::Array(Vec::new());
    }
    value.as_array_mut().ok_or(EditError::NotList(field))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::{ArgoCdKustomize, EditError, LabelMode, split_image};

    fn merged(options: &ArgoCdKustomize, own: &Value) -> Result<Value, EditError> {
        let mut own = own.as_object().cloned().expect("a map");
        options.merge_into(&mut own, &|path| path != "../gone").map(|()| Value::Object(own))
    }

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn images_split_as_kustomize_does() {
        for (image, parts) in [
            ("nginx", ("nginx", "", "")),
            ("nginx:1.2", ("nginx", "1.2", "")),
            ("host:5000/nginx", ("host:5000/nginx", "", "")),
            ("host:5000/nginx:1@sha256:ab", ("host:5000/nginx", "1", "sha256:ab")),
            ("a/nginx@sha256:ab", ("a/nginx", "", "sha256:ab")),
        ] {
            assert_eq!(split_image(image), parts, "{image}");
        }
    }

    #[test]
    fn edits_stand_in_the_place_of_entries_of_that_name() {
        let options = ArgoCdKustomize {
            name_prefix: "a-".to_owned(),
            images: ["web=new/web:2", "db@sha256:ab", "kept=*:3", "*=x:1"].map(str::to_owned).to_vec(),
            replicas: vec![("web".to_owned(), 3)],
            components: ["../there", "../gone"].map(str::to_owned).to_vec(),
            ignore_missing_components: true,
            patches: vec![json!({"patch": "2"})],
            ..ArgoCdKustomize::default()
        };
        let own = json!({"namePrefix": "own-", "patches": [{"patch": "1"}], "components": ["../there"],
            "images": [{"name": "web", "newTag": "1"}, {"name": "kept", "newName": "k", "newTag": "1"}, {"name": "other"}],
            "replicas": [{"name": "web", "count": 1}, {"name": "db", "count": 2}]});
        assert_eq!(
            merged(&options, &own),
            Ok(
                json!({"namePrefix": "a-", "patches": [{"patch": "1"}, {"patch": "2"}], "components": ["../there"],
                "images": [{"name": "*", "newName": "x", "newTag": "1"}, {"name": "db", "digest": "sha256:ab"},
                           {"name": "kept", "newName": "k", "newTag": "3"}, {"name": "other"},
                           {"name": "web", "newName": "new/web", "newTag": "2"}],
                "replicas": [{"name": "db", "count": 2}, {"name": "web", "count": 3}]})
            )
        );
        let no_image = ArgoCdKustomize { images: vec!["nginx".to_owned()], ..ArgoCdKustomize::default() };
        assert!(merged(&no_image, &json!({})).is_err());
    }

    #[test]
    fn labels_that_are_there_need_force() {
        let mode = |force, without_selector, include_templates| LabelMode {
            force,
            without_selector,
            include_templates,
        };
        let add = |label_mode| ArgoCdKustomize {
            labels: labels(&[("a", "2")]),
            label_mode,
            ..ArgoCdKustomize::default()
        };
        let own =
            json!({"commonLabels": {"a": "1"}, "labels": [{"pairs": {"b": "1"}, "includeTemplates": true}]});
        assert!(merged(&add(mode(false, false, false)), &own).is_err());
        assert!(merged(&add(mode(false, false, true)), &json!({})).is_err());
        let forced = merged(&add(mode(true, false, false)), &own).expect("it is forced");
        assert_eq!(forced["commonLabels"], json!({"a": "2"}));
        let templates = merged(&add(mode(false, true, true)), &own).expect("another field");
        assert_eq!(templates["labels"], json!([{"pairs": {"b": "1", "a": "2"}, "includeTemplates": true}]));
        let bare = merged(&add(mode(false, true, false)), &own).expect("another entry");
        assert_eq!(bare["labels"][1], json!({"pairs": {"a": "2"}}));
    }
}
