//! Flux Kustomizations: what one sets, and how its controller reads its folder.

use std::path::PathBuf;

use serde_json::{Map, Value};

use super::flux_folder::FluxFiles;
use super::output::SourceKind;
use super::references::{KnownTexts, ReferencedTexts, TextReference};
use super::root_fields::{IMAGE, PATCH, RootRefusal, is_set, refuse_in_entries, refuse_others};
use super::tree::{SourceTree, with_forward_slashes};
use crate::config::Source;
use crate::model::{FluxOptions, SubstituteData, SubstituteReference, Substitution};

/// Fields of a Flux Kustomization that do not change what is rendered, or that are read here (`api/v1/kustomization_types.go` of
/// kustomize-controller). Encrypted values are found by their text, `decryption` or not.
const FLUX: &[&str] = &[
    "buildMetadata",
    "commonMetadata",
    "components",
    "decryption",
    "deletionPolicy",
    "dependsOn",
    "force",
    "healthCheckExprs",
    "healthChecks",
    "ignoreMissingComponents",
    "images",
    "interval",
    "namePrefix",
    "nameSuffix",
    "patches",
    "path",
    "postBuild",
    "prune",
    "retryInterval",
    "serviceAccountName",
    "sourceRef",
    "suspend",
    "targetNamespace",
    "timeout",
    "wait",
];
/// Fields of `postBuild`, and of a reference there.
const FLUX_POST_BUILD: &[&str] = &["substitute", "substituteFrom", "substituteStrategy"];
const FLUX_REFERENCE: &[&str] = &["kind", "name", "optional"];

/// What the `spec` of a Kustomization sets beside its folder.
///
/// # Errors
/// Why drift cannot render it.
pub(super) fn options(spec: &Value) -> Result<FluxOptions, RootRefusal> {
    if is_set(&spec["kubeConfig"]) {
        return Err(RootRefusal::OtherCluster("kubeConfig"));
    }
    refuse_others(spec.as_object(), FLUX, "")?;
    refuse_in_entries(&spec["patches"], PATCH, "patches.")?;
    refuse_in_entries(&spec["images"], IMAGE, "images.")?;
    refuse_others(spec["postBuild"].as_object(), FLUX_POST_BUILD, "postBuild.")?;
    refuse_in_entries(&spec["postBuild"]["substituteFrom"], FLUX_REFERENCE, "postBuild.substituteFrom.")?;
    Ok(flux_options(spec))
}

/// The options with the variables that ConfigMaps and Secrets give; of a Secret only the names are known.
///
/// # Errors
/// As for [`super::roots::Root::with_texts`].
pub(super) fn resolve(
    options: FluxOptions,
    namespace: &str,
    texts: &KnownTexts,
) -> Result<FluxOptions, RootRefusal> {
    let key = |reference: &SubstituteReference| TextReference {
        kind: reference.kind.clone(),
        namespace: namespace.to_owned(),
        name: reference.name.clone(),
    };
    for reference in options.substitute_from.iter().map(key) {
        match texts.get(&reference) {
            None => return Err(RootRefusal::Wanted(reference)),
            Some(ReferencedTexts::Unread(why)) if reference.kind != "Secret" => {
                return Err(RootRefusal::Unread(reference.to_string(), why.clone()));
            }
            Some(_) => {}
        }
    }
    let data = |reference: &SubstituteReference| match texts.get(&key(reference)) {
        Some(ReferencedTexts::Texts(texts)) => SubstituteData::ConfigMap(texts.clone()),
        Some(ReferencedTexts::Keys(keys)) => SubstituteData::Secret(Some(keys.iter().cloned().collect())),
        Some(ReferencedTexts::Unread(_)) => SubstituteData::Secret(None),
        Some(ReferencedTexts::Missing) | None => SubstituteData::Missing,
    };
    options.resolve(data).map_err(RootRefusal::Variables)
}

/// What renders a folder that a Kustomization applies: one with options is rendered by a kustomization that Flux makes, where
/// it has none, and so is a chart, which is no chart to Flux.
pub(super) fn kind(options: &FluxOptions, by_files: SourceKind) -> SourceKind {
    if by_files == SourceKind::Plain && options.is_empty() {
        SourceKind::Plain
    } else {
        SourceKind::Kustomize
    }
}

/// What is rendered on its own of a folder: all manifests below, and the Kustomize roots below as they are
/// (`pkg/kustomize/kustomize_generator.go` of Flux).
pub(super) fn sources(whole: &Source, tree: SourceTree<'_>) -> Vec<Source> {
    let folder = if whole.path == "." { PathBuf::new() } else { PathBuf::from(&whole.path) };
    let by_options = whole.flux().map(|options| kind(options, tree.kind(&folder)));
    if by_options != Some(SourceKind::Plain) {
        return vec![whole.clone()];
    }
    // A plain source reads no roots below. Where the folder cannot be read, it says so itself.
    let found = FluxFiles::find(tree, &folder, whole).map(|found| found.split(tree).1).unwrap_or_default();
    let mut roots: Vec<Source> = found
        .iter()
        .map(|root| Source {
            path: with_forward_slashes(root),
            namespace: whole.namespace.clone(),
            ..Source::default()
        })
        .collect();
    roots.sort_by(|left, right| left.path.cmp(&right.path));
    std::iter::once(whole.clone()).chain(roots).collect()
}

/// What a Kustomization sets that changes what its folder renders to.
fn flux_options(spec: &Value) -> FluxOptions {
    let set = |from: &str| spec.get(from).filter(|value| is_set(value)).cloned();
    let fields = [
        ("targetNamespace", "namespace"),
        ("namePrefix", "namePrefix"),
        ("nameSuffix", "nameSuffix"),
        ("patches", "patches"),
        ("components", "components"),
        ("images", "images"),
        ("buildMetadata", "buildMetadata"),
    ];
    let written = fields.into_iter().filter_map(|(from, to)| Some((to.to_owned(), set(from)?)));
    let metadata = |name: &str| Some((name.to_owned(), spec["commonMetadata"].get(name)?.clone()));
    FluxOptions {
        kustomization: written.collect(),
        common_metadata: ["labels", "annotations"].into_iter().filter_map(metadata).collect(),
        ignores_missing_components: spec["ignoreMissingComponents"] == true,
        substitute_from: references(&spec["postBuild"]["substituteFrom"]),
        substitution: spec["postBuild"].as_object().map(substitution),
    }
}

fn references(list: &Value) -> Vec<SubstituteReference> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let read = |reference: &Value| SubstituteReference {
        kind: text(&reference["kind"]),
        name: text(&reference["name"]),
        optional: reference["optional"] == true,
    };
    list.as_array().into_iter().flatten().map(read).collect()
}

/// `postBuild` without what it refers to. Whether the controller is strict is not told by the Kustomization.
fn substitution(post_build: &Map<String, Value>) -> Substitution {
    let own = post_build.get("substitute").and_then(Value::as_object).into_iter().flatten();
    let own = own.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
    let always = post_build.get("substituteStrategy").is_some_and(|strategy| strategy == "Always");
    Substitution { always, ..Substitution::new(own.collect()) }
}
