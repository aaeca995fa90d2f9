//! Flux Kustomizations: what one sets, and how its controller reads its folder.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::folders::subfolders;
use super::output::SourceKind;
use super::root_fields::{RootRefusal, is_set, refuse_others};
use super::tree::{SourceTree, with_forward_slashes};
use crate::config::Source;
use crate::model::FluxOptions;

/// Fields of a Flux Kustomization that do not change what is rendered, or that are read here (`api/v1/kustomization_types.go` of
/// kustomize-controller). Encrypted values are found by their text, `decryption` or not.
const FLUX: &[&str] = &[
    "commonMetadata",
    "decryption",
    "deletionPolicy",
    "dependsOn",
    "force",
    "healthCheckExprs",
    "healthChecks",
    "images",
    "interval",
    "namePrefix",
    "nameSuffix",
    "patches",
    "path",
    "prune",
    "retryInterval",
    "serviceAccountName",
    "sourceRef",
    "suspend",
    "targetNamespace",
    "timeout",
    "wait",
];
/// Fields of a patch and of an image there: nothing that makes kustomize load a file.
const FLUX_PATCH: &[&str] = &["patch", "target"];
const FLUX_IMAGE: &[&str] = &["digest", "name", "newName", "newTag"];
/// What the `spec` of a Kustomization sets beside its folder.
///
/// # Errors
/// Why drift cannot render it.
pub(super) fn options(spec: &Value) -> Result<FluxOptions, RootRefusal> {
    if is_set(&spec["kubeConfig"]) {
        return Err(RootRefusal::OtherCluster("kubeConfig"));
    }
    refuse_others(spec.as_object(), FLUX, "")?;
    for (list, known) in [("patches", FLUX_PATCH), ("images", FLUX_IMAGE)] {
        for entry in spec[list].as_array().into_iter().flatten() {
            refuse_others(entry.as_object(), known, &format!("{list}."))?;
        }
    }
    Ok(flux_options(spec))
}

/// What is rendered on its own of a folder: all manifests below, and the Kustomize roots below as they are
/// (`pkg/kustomize/kustomize_generator.go` of Flux).
pub(super) fn sources(whole: &Source, tree: SourceTree<'_>) -> Vec<Source> {
    let folder = PathBuf::from(&whole.path);
    if tree.kind(&folder) != SourceKind::Plain {
        return vec![whole.clone()];
    }
    // A plain source reads no roots below. The options are those of the folder itself.
    let roots = kustomize_roots(tree, &folder).into_iter().map(|root| Source {
        path: with_forward_slashes(&root),
        namespace: whole.namespace.clone(),
        ..Source::default()
    });
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
        ("images", "images"),
    ];
    let written = fields.into_iter().filter_map(|(from, to)| Some((to.to_owned(), set(from)?)));
    let metadata = |name: &str| Some((name.to_owned(), spec["commonMetadata"].get(name)?.clone()));
    FluxOptions {
        kustomization: written.collect(),
        common_metadata: ["labels", "annotations"].into_iter().filter_map(metadata).collect(),
    }
}

/// The outermost folders below that have a kustomization file.
fn kustomize_roots(tree: SourceTree<'_>, folder: &Path) -> Vec<PathBuf> {
    let mut left: Vec<PathBuf> = subfolders(tree, folder).collect();
    let mut roots = Vec::new();
    while let Some(folder) = left.pop() {
        if !tree.reads(&folder) {
            continue;
        }
        if tree.kustomization(&folder).is_some() {
            roots.push(folder);
        } else {
            left.extend(subfolders(tree, &folder));
        }
    }
    roots.sort();
    roots
}
