//! HelmReleases of Flux: the chart that one installs, and its values
//! (`api/v2/helmrelease_types.go` of helm-controller, `api/v1/helmchart_types.go` of source-controller).

use serde_json::{Map, Value};

use super::charts::sha256_hex;
use super::references::{KnownTexts, ReferencedTexts, TextReference};
use super::release_values::{self, ValuesError};
use super::root_fields::{
    IMAGE, PATCH, RootRefusal, folder, is_set, refuse_in_entries, refuse_others, text, texts,
};
use crate::config::{HelmLayers, HelmOptions, Source};
use crate::model::{ChartReference, HelmReleaseOptions, ResourceId, RootOptions};

/// Fields that do not change what is rendered, or that are read here.
const FIELDS: &[&str] = &[
    "chart",
    "chartRef",
    "commonMetadata",
    "dependsOn",
    "driftDetection",
    "healthCheckExprs",
    "install",
    "interval",
    "maxHistory",
    "persistentClient",
    "postRenderers",
    "releaseName",
    "rollback",
    "serviceAccountName",
    "storageNamespace",
    "suspend",
    "targetNamespace",
    "test",
    "timeout",
    "uninstall",
    "upgrade",
    "values",
    "valuesFrom",
    "waitStrategy",
];
/// Fields of `chart.spec`.
const CHART: &[&str] = &[
    "chart",
    "ignoreMissingValuesFiles",
    "interval",
    "reconcileStrategy",
    "sourceRef",
    "valuesFiles",
    "verify",
    "version",
];
const POST_RENDERER: &[&str] = &["images", "patches", "patchesJson6902", "patchesStrategicMerge"];
/// The longest name of a release (`internal/release/name.go` of helm-controller).
const LONGEST_NAME: usize = 53;

/// A release of a chart that is a folder of this repository, or one that is fetched.
///
/// # Errors
/// Why drift cannot render it; [`RootRefusal::Wanted`] where a reference was not looked up yet.
pub(super) fn source(
    id: &ResourceId,
    spec: &Value,
    fetched: Option<ChartReference>,
    lookups: &KnownTexts,
) -> Result<(Source, RootOptions), RootRefusal> {
    if is_set(&spec["kubeConfig"]) {
        return Err(RootRefusal::OtherCluster("kubeConfig"));
    }
    refuse_others(spec.as_object(), FIELDS, "")?;
    let chart = &spec["chart"]["spec"];
    refuse_others(chart.as_object(), CHART, "chart.spec.")?;
    let own_namespace = id.namespace.clone().unwrap_or_default();
    let values = values(spec, &own_namespace, lookups)?;
    let path = if fetched.is_some() { ".".to_owned() } else { folder(chart["chart"].as_str())? };
    let layers = HelmLayers {
        chart: fetched.map(Box::new),
        inline_values: vec![Value::Object(values).to_string()],
        chart_values: texts(&chart["valuesFiles"]),
        ignore_missing_values: chart["ignoreMissingValuesFiles"] == true,
        skip_crds: !replaces_crds(spec),
        skip_tests: true,
        ..HelmLayers::default()
    };
    let source = Source {
        path,
        namespace: Some(text(&spec["targetNamespace"]).unwrap_or(own_namespace)),
        helm: Some(HelmOptions { release: Some(release_name(id, spec)), values: Vec::new(), layers }),
        ..Source::default()
    };
    let options = HelmReleaseOptions {
        post_renderers: post_renderers(&spec["postRenderers"])?,
        common_metadata: spec["commonMetadata"].as_object().cloned().unwrap_or_default(),
    };
    Ok((source, RootOptions::HelmRelease(options)))
}

/// Whether an upgrade brings the chart's own definitions to the cluster; otherwise those of the first install stay.
fn replaces_crds(spec: &Value) -> bool {
    spec["upgrade"]["crds"] == "CreateReplace"
}

/// `[TARGET-]NAME`, shortened with a hash where it is too long.
fn release_name(id: &ResourceId, spec: &Value) -> String {
    let made_up = || {
        let target = text(&spec["targetNamespace"]);
        target.map_or_else(|| id.name.clone(), |target| format!("{target}-{}", id.name))
    };
    let name = text(&spec["releaseName"]).unwrap_or_else(made_up);
    if name.len() <= LONGEST_NAME {
        return name;
    }
    let hash = sha256_hex(name.as_bytes());
    let kept: String = name.chars().take(40).collect();
    format!("{kept}-{}", &hash[..12])
}

/// What the references give, in their order, and what the release sets over them.
fn values(spec: &Value, namespace: &str, lookups: &KnownTexts) -> Result<Map<String, Value>, RootRefusal> {
    let mut values = Map::new();
    for entry in spec["valuesFrom"].as_array().into_iter().flatten() {
        add_reference(entry, namespace, lookups, &mut values)?;
    }
    if let Some(own) = spec["values"].as_object() {
        release_values::merge(&mut values, own.clone());
    }
    Ok(values)
}

fn add_reference(
    entry: &Value,
    namespace: &str,
    lookups: &KnownTexts,
    values: &mut Map<String, Value>,
) -> Result<(), RootRefusal> {
    let reference = TextReference {
        kind: text(&entry["kind"]).unwrap_or_default(),
        namespace: namespace.to_owned(),
        name: text(&entry["name"]).unwrap_or_default(),
    };
    let key = text(&entry["valuesKey"]).unwrap_or_else(|| "values.yaml".to_owned());
    let is_optional = entry["optional"] == true;
    let given = match lookups.get(&reference) {
        None => return Err(RootRefusal::Wanted(reference)),
        Some(ReferencedTexts::Unread(why)) => {
            return Err(RootRefusal::Unread(reference.to_string(), why.clone()));
        }
        Some(ReferencedTexts::Keys(keys)) if keys.contains(&key) => {
            return Err(RootRefusal::SecretValues(reference.to_string()));
        }
        Some(ReferencedTexts::Texts(texts)) => texts.get(&key),
        Some(ReferencedTexts::Keys(_) | ReferencedTexts::Missing) => None,
    };
    let Some(given) = given else {
        let named = format!("{key} of {reference}");
        return if is_optional { Ok(()) } else { Err(RootRefusal::MissingValues(named)) };
    };
    let added = match text(&entry["targetPath"]) {
        Some(path) => release_values::set(values, &path, given),
        None => release_values::read(given).map(|read| release_values::merge(values, read)),
    };
    added.map_err(|why: ValuesError| RootRefusal::BadValues(format!("{key} of {reference}"), why))
}

/// What kustomize does to the rendered objects; nothing of it makes kustomize load a file.
fn post_renderers(list: &Value) -> Result<Vec<Value>, RootRefusal> {
    let mut renderers = Vec::new();
    for renderer in list.as_array().into_iter().flatten() {
        refuse_others(renderer.as_object(), &["kustomize"], "postRenderers.")?;
        let kustomize = &renderer["kustomize"];
        refuse_others(kustomize.as_object(), POST_RENDERER, "postRenderers.kustomize.")?;
        for (list, known) in [("patches", PATCH), ("patchesJson6902", PATCH), ("images", IMAGE)] {
            refuse_in_entries(&kustomize[list], known, &format!("postRenderers.kustomize.{list}."))?;
        }
        if is_set(&kustomize["patchesStrategicMerge"]) || is_set(&kustomize["patchesJson6902"]) {
            // Removed from the API; in a kustomization either may name a file.
            return Err(RootRefusal::Fields("postRenderers.kustomize.patchesStrategicMerge".to_owned()));
        }
        renderers.push(kustomize.clone());
    }
    Ok(renderers)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::{release_name, source};
    use crate::model::ResourceId;
    use crate::source::references::{KnownTexts, ReferencedTexts, TextReference};

    fn id() -> ResourceId {
        let release = json!({"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
            "metadata": {"name": "web", "namespace": "shop"}});
        ResourceId::from_object(&release).expect("an object")
    }

    fn lookups() -> KnownTexts {
        let texts = |pairs: &[(&str, &str)]| {
            ReferencedTexts::Texts(
                pairs.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect(),
            )
        };
        let reference = |kind: &str, name: &str| TextReference {
            kind: kind.to_owned(),
            namespace: "shop".to_owned(),
            name: name.to_owned(),
        };
        BTreeMap::from([
            (reference("ConfigMap", "base"), texts(&[("values.yaml", "a: 1\nb: {c: 1}\n"), ("list", "[1]")])),
            (reference("ConfigMap", "tag"), texts(&[("tag", "v2")])),
            (reference("ConfigMap", "none"), ReferencedTexts::Missing),
            (reference("ConfigMap", "denied"), ReferencedTexts::Unread("403 forbidden".to_owned())),
            (reference("Secret", "password"), ReferencedTexts::Keys(vec!["values.yaml".to_owned()])),
        ])
    }

    /// The values and the release, or why not.
    fn rendered(spec: Value) -> Result<(Value, String), String> {
        let mut spec = spec;
        spec["chart"] = json!({"spec": {"chart": "./charts/web", "sourceRef": {"kind": "GitRepository"}}});
        let (source, _) = source(&id(), &spec, None, &lookups()).map_err(|why| why.to_string())?;
        let helm = source.helm.expect("a chart");
        let values = serde_json::from_str(&helm.layers.inline_values[0]).expect("JSON");
        let release = helm.release.unwrap_or_default();
        Ok((values, format!("{} {release} @{}", source.path, source.namespace.unwrap_or_default())))
    }

    #[test]
    fn values_are_layered_as_the_controller_does() {
        let from = |name: &str| json!({"kind": "ConfigMap", "name": name});
        let tag = json!({"kind": "ConfigMap", "name": "tag", "valuesKey": "tag", "targetPath": "b.tag"});
        let spec = json!({"valuesFrom": [from("base"), tag], "values": {"b": {"c": 2}}});
        let (values, place) = rendered(spec).expect("it is rendered");
        assert_eq!(values, json!({"a": 1, "b": {"c": 2, "tag": "v2"}}));
        assert_eq!(place, "charts/web web @shop");
        let absent = json!({"kind": "ConfigMap", "name": "none", "optional": true});
        let spec = json!({"valuesFrom": [absent], "targetNamespace": "other"});
        assert_eq!(rendered(spec), Ok((json!({}), "charts/web other-web @other".to_owned())));
    }

    #[test]
    fn references_that_give_nothing_are_named() {
        let refused = |entry: Value| rendered(json!({"valuesFrom": [entry]})).expect_err("it is refused");
        let of = |kind: &str, name: &str| json!({"kind": kind, "name": name});
        let list = json!({"kind": "ConfigMap", "name": "base", "valuesKey": "list"});
        let said = [
            refused(of("ConfigMap", "none")),
            refused(of("ConfigMap", "denied")),
            refused(of("ConfigMap", "tag")),
            refused(of("Secret", "password")),
            refused(of("ConfigMap", "unknown")),
            refused(list),
            rendered(json!({"kubeConfig": {"secretRef": {"name": "x"}}})).expect_err("it is refused"),
            rendered(json!({"postRenderers": [{"kustomize": {"patches": [{"path": "x"}]}}]}))
                .expect_err("it is refused"),
        ];
        insta::assert_snapshot!(said.join("\n"), @r"
        it takes values.yaml of ConfigMap/shop/none, which is not there
        it takes values from ConfigMap/shop/denied, which cannot be read: 403 forbidden
        it takes values.yaml of ConfigMap/shop/tag, which is not there
        it takes values from Secret/shop/password, and drift puts no secret values into what it renders
        it takes values from ConfigMap/shop/unknown, which is not read yet
        it takes list of ConfigMap/shop/base as values: it is no mapping
        it applies to another cluster (kubeConfig)
        it sets postRenderers.kustomize.patches.path, which drift does not render yet
        ");
    }

    #[test]
    fn long_names_of_releases_are_shortened() {
        let long = "a".repeat(60);
        let name = release_name(&id(), &json!({"releaseName": long}));
        assert_eq!(name.len(), 53);
        assert!(name.starts_with(&"a".repeat(40)), "{name}");
    }
}
