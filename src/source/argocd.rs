//! Argo CD Applications: the folders that one applies, and how its controller reads them.

use std::path::Path;

use serde_json::Value;

use super::output::SourceKind;
use super::root_fields::{RootRefusal, folder, refuse_others};
use super::tree::SourceTree;
use crate::config::{HelmOptions, Source};
use crate::model::{ArgoCdOptions, ResourceId, RootOptions};

/// Fields of the source of an Application that do not, or that are read here (`pkg/apis/application/v1alpha1/types.go` of
/// Argo CD).
const ARGO_CD: &[&str] = &["directory", "helm", "name", "path", "repoURL", "targetRevision"];
const ARGO_CD_HELM: &[&str] = &["passCredentials", "releaseName", "valueFiles", "version"];

/// The folders that the `spec` of an Application names, with what it sets for each.
///
/// # Errors
/// Why drift cannot render it.
pub(super) fn folders(id: &ResourceId, spec: &Value) -> Result<Vec<(Source, RootOptions)>, RootRefusal> {
    let destination = &spec["destination"];
    let server = ["server", "name"].map(|key| destination[key].as_str().unwrap_or_default());
    if !matches!(server, ["" | "https://kubernetes.default.svc", "" | "in-cluster"]) {
        return Err(RootRefusal::OtherCluster("destination"));
    }
    let source = match spec["sources"].as_array().map(Vec::as_slice) {
        None | Some([]) => &spec["source"],
        Some([one]) => one,
        Some(_) => return Err(RootRefusal::SeveralSources),
    };
    refuse_others(source.as_object(), ARGO_CD, "")?;
    refuse_others(source["directory"].as_object(), &["recurse"], "directory.")?;
    refuse_others(source["helm"].as_object(), ARGO_CD_HELM, "helm.")?;
    let texts = |list: &Value| -> Vec<String> {
        list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let values = texts(&source["helm"]["valueFiles"]);
    if values.iter().any(|file| file.contains(['*', '$', ':']) || file.starts_with('/')) {
        return Err(RootRefusal::ValueFiles);
    }
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let release = text(&source["helm"]["releaseName"]).or_else(|| Some(id.name.clone()));
    let recurse = source["directory"]["recurse"].as_bool() == Some(true);
    let source = Source {
        path: folder(source["path"].as_str())?,
        namespace: text(&destination["namespace"]),
        helm: Some(HelmOptions { release, values }),
        ..Source::default()
    };
    Ok(vec![(source, RootOptions::ArgoCd(ArgoCdOptions { recurse }))])
}

/// What is rendered on its own of a folder: a chart, a Kustomize root, or its own files, and those below where that is set.
pub(super) fn sources(whole: &Source, tree: SourceTree<'_>) -> Vec<Source> {
    let mut source = whole.clone();
    // Of what is no chart, the file of a Kustomize root or of a manifest says everything else.
    if tree.kind(Path::new(&whole.path)) != SourceKind::Helm {
        source.helm = None;
    }
    vec![source]
}
