//! Argo CD Applications: the sources that one has, and how its repository server reads them
//! (`reposerver/repository/repository.go` of Argo CD).

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};

use super::argocd_helm;
use super::argocd_variables::Variables;
use super::output::SourceKind;
use super::root_fields::{RootRefusal, folder, is_set, refuse_others, text, texts};
use super::tree::{SourceTree, with_forward_slashes};
use crate::config::Source;
use crate::git::RemoteAddress;
use crate::model::{
    ArgoCdApplication, ArgoCdDirectory, ArgoCdKustomize, ArgoCdOptions, ArgoCdTool, ChartReference,
    ChartRepository, Incomplete, LabelMode, ResourceId, RootOptions,
};
use crate::yaml;

/// Fields of the source of an Application that do not change what is rendered, or that are read here
/// (`pkg/apis/application/v1alpha1/types.go` of Argo CD).
const FIELDS: &[&str] = &[
    "chart",
    "directory",
    "helm",
    "kustomize",
    "name",
    "path",
    "ref",
    "repoURL",
    "tagPrefix",
    "targetRevision",
];
/// Fields of `directory`; what `jsonnet` sets has a part in nothing else, and files of Jsonnet are named where they are.
const DIRECTORY: &[&str] = &["disableExtensionFilter", "exclude", "include", "jsonnet", "recurse"];
/// Fields of `kustomize`. `version` chooses among programs that the operator of Argo CD has installed: drift renders with
/// the one that it has. The versions of Kubernetes and its API are for charts, which drift does not have kustomize render.
const KUSTOMIZE: &[&str] = &[
    "apiVersions",
    "commonAnnotations",
    "commonAnnotationsEnvsubst",
    "commonLabels",
    "components",
    "forceCommonAnnotations",
    "forceCommonLabels",
    "ignoreMissingComponents",
    "images",
    "kubeVersion",
    "labelIncludeTemplates",
    "labelWithoutSelector",
    "namePrefix",
    "nameSuffix",
    "namespace",
    "patches",
    "replicas",
    "version",
];
/// What a file in the source's folder does not override (`mergeSourceParameters`).
const FIXED: &[&str] = &["chart", "path", "repoURL", "targetRevision"];
/// The largest file that overrides a source.
const FILE_CAP: u64 = 1 << 20;

/// What of an Application is of this repository.
#[derive(Debug, Default)]
pub(super) struct Folders {
    /// Each folder that it applies, with what it sets for it.
    pub(super) folders: Vec<(Source, RootOptions)>,
    /// Why sources that it has beside them are not rendered.
    pub(super) refused: Vec<RootRefusal>,
}

/// The folders that the `spec` of an Application names; `is_here` says which addresses are of this repository.
///
/// # Errors
/// Why drift cannot render the only source.
pub(super) fn folders(
    id: &ResourceId,
    spec: &Value,
    is_here: &dyn Fn(&str) -> bool,
) -> Result<Folders, RootRefusal> {
    let destination = &spec["destination"];
    let server = ["server", "name"].map(|key| destination[key].as_str().unwrap_or_default());
    if !matches!(server, ["" | "https://kubernetes.default.svc", "" | "in-cluster"]) {
        return Err(RootRefusal::OtherCluster("destination"));
    }
    let several = spec["sources"].as_array().map(Vec::as_slice).filter(|sources| !sources.is_empty());
    let application = ArgoCdApplication {
        name: id.name.clone(),
        project: text(&spec["project"]).unwrap_or_else(|| "default".to_owned()),
        namespace: text(&destination["namespace"]),
        references: references(several.unwrap_or_default(), is_here),
    };
    let sources = several.unwrap_or_else(|| std::slice::from_ref(&spec["source"]));
    let mut found = Folders::default();
    for declared in sources {
        let is_values_only =
            is_set(&declared["ref"]) && declared["path"].is_null() && declared["chart"].is_null();
        if is_values_only {
            continue;
        }
        match source_of(declared, &application, is_here) {
            Ok(source) => found.folders.push(source),
            Err(refusal) if sources.len() == 1 => return Err(refusal),
            Err(refusal) => found.refused.push(refusal),
        }
    }
    Ok(found)
}

/// Sources from which others take files, by name.
fn references(sources: &[Value], is_here: &dyn Fn(&str) -> bool) -> BTreeMap<String, Option<String>> {
    let named = sources.iter().filter_map(|source| Some((text(&source["ref"])?, &source["repoURL"])));
    let address = |url: &Value| {
        let url = url.as_str().unwrap_or_default();
        (!is_here(url)).then(|| shown_address(url))
    };
    named.map(|(name, url)| (name, address(url))).collect()
}

/// An address without what it may hold of credentials.
fn shown_address(url: &str) -> String {
    RemoteAddress::new("", url).url
}

fn source_of(
    declared: &Value,
    application: &ArgoCdApplication,
    is_here: &dyn Fn(&str) -> bool,
) -> Result<(Source, RootOptions), RootRefusal> {
    let url = declared["repoURL"].as_str().unwrap_or_default();
    if let Some(chart) = text(&declared["chart"]) {
        let (mut source, mut options) = read_source(declared, application)?;
        options.tool = Some(ArgoCdTool::Helm);
        let version = declared["targetRevision"].as_str().unwrap_or_default();
        let helm = source.helm.get_or_insert_default();
        helm.layers.chart = Some(Box::new(ChartReference {
            repository: chart_repository(url),
            name: chart,
            version: version.to_owned(),
            digest: None,
        }));
        return Ok((source, RootOptions::ArgoCd(Box::new(options))));
    }
    if !is_here(url) {
        return Err(RootRefusal::OtherRepository(shown_address(url)));
    }
    let (source, options) = read_source(declared, application)?;
    Ok((source, RootOptions::ArgoCd(Box::new(options))))
}

/// A repository of charts; one without a protocol is a registry.
fn chart_repository(url: &str) -> ChartRepository {
    if url.starts_with("https://") || url.starts_with("http://") {
        return ChartRepository::Helm { url: url.to_owned() };
    }
    let url = format!("oci://{}", url.trim_start_matches("oci://"));
    ChartRepository::Oci { url, plain_http: false }
}

/// A source with what it sets.
fn read_source(
    declared: &Value,
    application: &ArgoCdApplication,
) -> Result<(Source, ArgoCdOptions), RootRefusal> {
    refuse_others(declared.as_object(), FIELDS, "")?;
    let (directory, kustomize) = (&declared["directory"], &declared["kustomize"]);
    refuse_others(directory.as_object(), DIRECTORY, "directory.")?;
    let variables = Variables { application, declared };
    let tool = tool_of(declared)?;
    let helm = argocd_helm::options(&declared["helm"], &variables)?;
    let options = ArgoCdOptions {
        declared: declared.clone(),
        application: application.clone(),
        tool,
        directory: ArgoCdDirectory {
            recurse: directory["recurse"] == true,
            include: text(&directory["include"]),
            exclude: text(&directory["exclude"]),
            any_extension: directory["disableExtensionFilter"] == true,
        },
        kustomize: kustomize_options(kustomize, &variables)?,
    };
    let source = Source {
        path: folder(declared["path"].as_str())?,
        namespace: application.namespace.clone(),
        helm: matches!(tool, None | Some(ArgoCdTool::Helm)).then_some(helm),
        ..Source::default()
    };
    Ok((source, options))
}

/// What renders the folder, where the source says that: its options of one kind do (`ExplicitType`). Options without any
/// value are none (`NormalizeSource` in `util/argo/argo.go`), but for those of a plug-in.
fn tool_of(declared: &Value) -> Result<Option<ArgoCdTool>, RootRefusal> {
    if declared["plugin"].is_object() {
        return Err(RootRefusal::Fields("plugin".to_owned()));
    }
    let is_set_in = |field: &str| {
        let fields = declared[field].as_object().into_iter().flatten();
        fields.into_iter().any(|(name, value)| is_set(value) || name == "valuesObject" && !value.is_null())
    };
    let tools = [
        ("helm", ArgoCdTool::Helm),
        ("kustomize", ArgoCdTool::Kustomize),
        ("directory", ArgoCdTool::Directory),
    ];
    let set: Vec<_> = tools.into_iter().filter(|(field, _)| is_set_in(field)).collect();
    match set.as_slice() {
        [] => Ok(None),
        [(_, tool)] => Ok(Some(*tool)),
        several => {
            let names: Vec<&str> = several.iter().map(|(field, _)| *field).collect();
            Err(RootRefusal::SeveralTools(names.join(", ")))
        }
    }
}

fn kustomize_options(kustomize: &Value, variables: &Variables<'_>) -> Result<ArgoCdKustomize, RootRefusal> {
    refuse_others(kustomize.as_object(), KUSTOMIZE, "kustomize.")?;
    let word = |field: &str| text(&kustomize[field]).unwrap_or_default();
    let flag = |field: &str| kustomize[field] == true;
    let pairs = |field: &str, expands: bool| {
        let pairs = kustomize[field].as_object().into_iter().flatten();
        let pairs = pairs.map(|(name, value)| {
            let value = value.as_str().unwrap_or_default();
            let value = if expands { variables.expand(value)? } else { value.to_owned() };
            Ok((name.clone(), without_quotes(value)))
        });
        pairs.collect::<Result<BTreeMap<String, String>, RootRefusal>>()
    };
    let images = texts(&kustomize["images"]);
    Ok(ArgoCdKustomize {
        name_prefix: word("namePrefix"),
        name_suffix: word("nameSuffix"),
        images: images.iter().map(|image| variables.expand(image)).collect::<Result<_, _>>()?,
        replicas: replicas(kustomize)?,
        labels: pairs("commonLabels", true)?,
        label_mode: LabelMode {
            force: flag("forceCommonLabels"),
            without_selector: flag("labelWithoutSelector"),
            include_templates: flag("labelIncludeTemplates"),
        },
        annotations: pairs("commonAnnotations", flag("commonAnnotationsEnvsubst"))?,
        force_annotations: flag("forceCommonAnnotations"),
        namespace: word("namespace"),
        patches: kustomize["patches"].as_array().cloned().unwrap_or_default(),
        components: texts(&kustomize["components"]),
        ignore_missing_components: flag("ignoreMissingComponents"),
    })
}

/// `kustomize edit add` takes the quotes off a value that stands in them (`commands/internal/util/util.go` of Kustomize).
fn without_quotes(value: String) -> String {
    let inner = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.map(str::to_owned).unwrap_or(value)
}

fn replicas(kustomize: &Value) -> Result<Vec<(String, i64)>, RootRefusal> {
    let count = |value: &Value| value.as_i64().or_else(|| value.as_str()?.parse().ok());
    let entries = kustomize["replicas"].as_array().into_iter().flatten();
    let entries = entries.map(|entry| {
        let count = count(&entry["count"]);
        let count = count.ok_or_else(|| RootRefusal::Fields("kustomize.replicas.count".to_owned()))?;
        Ok((text(&entry["name"]).unwrap_or_default(), count))
    });
    entries.collect()
}

/// What is rendered on its own of a folder: a chart, a Kustomize root, or its own files, and those below where that is set.
pub(super) fn sources(whole: &Source, tree: SourceTree<'_>) -> Vec<Source> {
    let mut source = whole.clone();
    // Of what is no chart, the file of a Kustomize root or of a manifest says everything else.
    if kind(whole).unwrap_or_else(|| tree.kind(Path::new(&whole.path))) != SourceKind::Helm {
        source.helm = None;
    }
    vec![source]
}

/// What renders a source of an Application, where that says it.
pub(super) fn kind(source: &Source) -> Option<SourceKind> {
    source.argo_cd()?.tool.map(|tool| match tool {
        ArgoCdTool::Helm => SourceKind::Helm,
        ArgoCdTool::Kustomize => SourceKind::Kustomize,
        ArgoCdTool::Directory => SourceKind::Plain,
    })
}

/// The files in the folder of a source that override what its Application sets, from the folder, the last one wins.
pub(super) fn override_files(source: &Source) -> Vec<String> {
    let of_application =
        |options: &ArgoCdOptions| format!(".argocd-source-{}.yaml", options.application.name);
    let files = source.argo_cd().map(|options| [".argocd-source.yaml".to_owned(), of_application(options)]);
    files.into_iter().flatten().collect()
}

/// A source as the files in its folder make it; `None` where there are none.
///
/// # Errors
/// A file that cannot be read, or that sets what drift does not render.
pub(super) fn overridden(source: &Source, tree: SourceTree<'_>) -> Result<Option<Source>, Incomplete> {
    let Some(options) = source.argo_cd().filter(|_| source.chart().is_none()) else { return Ok(None) };
    let mut declared = None;
    for name in override_files(source) {
        let file = Path::new(&source.path).join(name);
        if !tree.is_file(&file) {
            continue;
        }
        let fault = |why: String| Incomplete { what: with_forward_slashes(&file), why };
        let bytes = tree.read(&file, FILE_CAP).ok_or_else(|| fault("it cannot be read".to_owned()))?;
        let read = yaml::read_first(&bytes).map_err(|error| fault(error.why))?;
        let patch = read.map(yaml::Document::into_json).filter(Value::is_object);
        let patch = patch.ok_or_else(|| fault("it is no mapping".to_owned()))?;
        let merged = declared.get_or_insert_with(|| options.declared.clone());
        merge(merged, &patch);
        restore(merged, &options.declared);
        read_source(merged, &options.application)
            .map_err(|refusal| fault(format!("it changes what an Application applies: {refusal}")))?;
    }
    let Some(declared) = declared else { return Ok(None) };
    let fault = |refusal: RootRefusal| Incomplete { what: source.path.clone(), why: refusal.to_string() };
    let (merged, options) = read_source(&declared, &options.application).map_err(fault)?;
    let mut root = source.root.clone();
    if let Some(root) = &mut root {
        root.options = RootOptions::ArgoCd(Box::new(options));
    }
    Ok(Some(Source { root, ..merged }))
}

/// A merge patch of JSON (RFC 7396).
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(target) = target.as_object_mut() else { return };
    for (key, value) in patch {
        if value.is_null() {
            target.remove(key);
        } else {
            merge(target.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

fn restore(merged: &mut Value, declared: &Value) {
    let Some(merged) = merged.as_object_mut() else { return };
    for field in FIXED {
        match declared.get(field) {
            Some(value) => drop(merged.insert((*field).to_owned(), value.clone())),
            None => drop(merged.remove(*field)),
        }
    }
}
