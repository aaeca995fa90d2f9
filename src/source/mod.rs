//! One tree on disk rendered to desired objects with their origins. The only place that runs helm and kustomize.
//!
//! A source is plain, a Kustomize root or a Helm chart, by the files in its folder. Rendering runs no plug-ins and
//! fetches nothing: what needs either is [`Incomplete`], like everything else that cannot be read.

mod configured;
mod copy;
mod encrypted;
mod exclude;
mod folders;
mod helm;
mod hooks;
mod identity;
mod inputs;
mod kustomization;
mod kustomize;
mod kustomize_files;
mod kustomize_inputs;
mod manifest;
mod message_formats;
mod message_redaction;
mod names;
mod nested_roots;
mod nondeterministic;
mod outside_manifests;
mod placeholders;
mod plain;
mod remote_entry;
mod remove_entries;
mod render_variants;
mod renderer_error;
mod sandbox;
mod stand_in;
mod template_clock;
mod tools;
mod touched;

#[cfg(test)]
mod renderer_error_tests;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::config::{self, Source};
use crate::git::{TrackedFiles, is_git_path, read_file};
use crate::model::{AbsenceReason, ApiResources, Desired, Incomplete, Lazy, Origin, SourceMap};
use crate::threads::parallel_map;
use identity::ObjectHeader;

pub use hooks::Hooks;
pub use inputs::{InputsReader, SourceInputs};
pub use outside_manifests::find_outside_manifests;
pub use tools::{ToolError, Tools};

/// The inputs of rendering.
#[derive(Debug, Clone, Copy)]
pub struct RenderRequest<'a> {
    /// Root of a tree on disk: the work tree, or a private copy of a commit. It is only read.
    pub tree: &'a Path,
    /// Which of its files are read; `None`: all but Git's own.
    pub files: Option<&'a TrackedFiles>,
    /// The sources, paths from the root.
    pub sources: &'a [Source],
    /// What the cluster serves: scopes and versions, and the capabilities that charts ask for.
    pub served: &'a ApiResources,
    /// Where helm and kustomize are.
    pub tools: &'a Tools,
    /// Namespace of namespaced objects that name none, in sources that configure none: `default`.
    pub default_namespace: &'a str,
}

/// The desired objects of a tree, and what could not be rendered.
#[derive(Debug, Clone, Default)]
pub struct RenderOutput {
    /// The objects, sorted by id, each once.
    pub objects: Vec<Desired>,
    /// Further declarations of them, in the order of the sources. Whether they are equivalent is decided by those who know the
    /// kinds' defaults.
    pub duplicates: Vec<Desired>,
    /// Hooks that are not compared.
    pub hooks: Hooks,
    /// What could not be rendered or read, in the order of the sources.
    pub incomplete: Vec<Incomplete>,
    /// API groups of declared objects whose kind the cluster does not serve; each object is in `incomplete`.
    pub unserved: BTreeSet<String>,
    /// What a person should know and nothing depends on.
    pub warnings: Vec<String>,
    /// Kustomize roots and charts that are left out by `exclude`: nobody knows what they declare.
    pub left_out: Vec<String>,
    /// One entry for each source, in their order.
    pub sources: Vec<RenderedSource>,
}

/// How one source came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedSource {
    /// Its path, as configured.
    pub path: String,
    /// What it is.
    pub kind: SourceKind,
    /// Whether everything in it was rendered and read.
    pub complete: bool,
    /// How many of [`RenderOutput::objects`] are from it.
    pub objects: usize,
    /// The program that rendered it and its version, `helm v4.3.1`.
    pub tool: Option<String>,
}

/// What renders a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum SourceKind {
    /// YAML and JSON files as they are.
    #[default]
    Plain,
    /// A folder with a `kustomization.yaml`.
    Kustomize,
    /// A folder with a `Chart.yaml`.
    Helm,
}

/// The names that make a folder a Kustomize root.
const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
/// The name that makes a folder a chart.
const CHART: &str = "Chart.yaml";

/// The files of a tree that are read.
#[derive(Debug, Clone, Copy)]
struct SourceTree<'a> {
    /// The tree's root, without links.
    root: &'a Path,
    files: Option<&'a TrackedFiles>,
}

impl SourceTree<'_> {
    /// Whether a file or folder may be read, as far as its name tells.
    fn reads(&self, path: &Path) -> bool {
        self.files.map_or_else(|| !is_git_path(path), |files| files.reads(path))
    }

    /// Whether it is a file, or a link to one, that may be read.
    fn is_file(&self, path: &Path) -> bool {
        self.reads(path) && self.root.join(path).is_file()
    }

    /// A file that may be read, wherever links on the way lead; `None`: it may not, or cannot.
    fn read(&self, path: &Path, cap: u64) -> Option<Vec<u8>> {
        let real = self.root.join(path).canonicalize().ok()?;
        let inside = real.strip_prefix(self.root).ok()?;
        if self.reads(inside) { read_file(self.root, inside, cap).ok() } else { None }
    }

    /// The kustomization of a folder.
    fn kustomization(&self, folder: &Path) -> Option<PathBuf> {
        KUSTOMIZATIONS.iter().map(|name| folder.join(name)).find(|file| self.is_file(file))
    }

    /// Why what is there may not be read.
    fn why_unreadable(&self, path: &Path) -> Option<&'static str> {
        match (is_git_path(path), self.reads(path)) {
            (_, true) => None,
            (true, _) => Some("it is Git's own folder, which is never rendered"),
            (false, _) => Some(UNTRACKED),
        }
    }

    /// What renders a folder, by its files; a file is plain.
    fn kind(&self, folder: &Path) -> SourceKind {
        if self.kustomization(folder).is_some() {
            SourceKind::Kustomize
        } else if self.is_file(&folder.join(CHART)) {
            SourceKind::Helm
        } else {
            SourceKind::Plain
        }
    }
}

const UNTRACKED: &str =
    "Git does not track it, so no revision has it: `git add` it, or allow it with --include-untracked";

/// Renders every source; a failure never stops the others.
#[must_use]
pub fn render(request: &RenderRequest<'_>) -> RenderOutput {
    render_rest(request, Prerendered::default())
}

/// Sources that were rendered before the cluster was known: see [`prerender`].
#[derive(Debug, Default)]
pub struct Prerendered(Vec<Option<SourceOutput>>);

/// Renders the sources that ask nothing of the cluster, while it is being connected to: all but charts. Nothing of
/// `request.served` is looked at.
#[must_use]
pub fn prerender(request: &RenderRequest<'_>) -> Prerendered {
    Prerendered(gather_some(request, |_, kind| kind != SourceKind::Helm))
}

/// As [`render`]; what `ahead` has, of the same request, is not rendered again.
#[must_use]
pub fn render_rest(request: &RenderRequest<'_>, ahead: Prerendered) -> RenderOutput {
    let mut known = ahead.0;
    known.resize_with(request.sources.len(), || None);
    let rest = gather_some(request, |index, _| known[index].is_none());
    let gathered = known.into_iter().zip(rest).filter_map(|(known, rest)| known.or(rest));
    identity::identify(request, gathered.collect())
}

/// An object as rendered, before it is known which one it is.
#[derive(Debug, Clone)]
struct RenderedObject {
    value: Lazy<Value>,
    origin: Origin,
    fields: Lazy<SourceMap>,
    document: Option<(usize, Option<usize>)>,
    notes: Vec<String>,
    nondeterministic: Vec<String>,
    optional: Option<AbsenceReason>,
}

impl RenderedObject {
    /// `apps/web/deploy.yaml:12:3`, or the file alone.
    fn place(&self) -> String {
        self.origin.to_string()
    }
}

/// What one source gave.
#[derive(Debug, Default)]
struct SourceOutput {
    kind: SourceKind,
    tool: Option<String>,
    drafts: Vec<(ObjectHeader, RenderedObject)>,
    incomplete: Vec<Incomplete>,
    warnings: Vec<String>,
    /// Documents of a plain source that are plainly no manifests, by place.
    foreign_documents: Vec<String>,
    /// Documents without a name: manifests that lack one where the cluster serves their kind.
    nameless: Vec<Nameless>,
    /// Kustomize roots and charts that `exclude` leaves out: what they declare is not known.
    left_out: Vec<String>,
}

/// A document with `apiVersion` and `kind` and without a name.
#[derive(Debug)]
struct Nameless {
    group: String,
    kind: String,
    place: String,
    /// Why it cannot be compared, if it is a manifest.
    why: String,
}

impl SourceOutput {
    fn new(kind: SourceKind) -> Self {
        Self { kind, ..Self::default() }
    }

    /// Adds what a part of the same source gave.
    fn append(&mut self, part: Self) {
        self.drafts.extend(part.drafts);
        self.incomplete.extend(part.incomplete);
        self.warnings.extend(part.warnings);
        self.foreign_documents.extend(part.foreign_documents);
        self.nameless.extend(part.nameless);
        self.left_out.extend(part.left_out);
    }

    fn report_incomplete(&mut self, what: impl Into<String>, why: impl Into<String>) {
        self.incomplete.push(Incomplete { what: what.into(), why: why.into() });
    }
}

/// One source, found on disk.
struct ResolvedSource<'a> {
    request: &'a RenderRequest<'a>,
    source: &'a Source,
    tree: SourceTree<'a>,
    /// Path of the source from the root without links, `""` for the root itself.
    path: PathBuf,
}

impl ResolvedSource<'_> {
    fn on_disk(&self) -> PathBuf {
        self.tree.root.join(&self.path)
    }

    fn namespace(&self) -> &str {
        namespace_of(self.request, self.source)
    }

    /// The source's own path and something in it, as the report shows it.
    fn display_path(&self, inside: &str) -> String {
        with_forward_slashes(&self.path.join(inside))
    }
}

fn namespace_of<'a>(request: &RenderRequest<'a>, source: &'a Source) -> &'a str {
    source.namespace.as_deref().unwrap_or(request.default_namespace)
}

/// Takes an annotation off an object, and what is empty without it.
fn take_annotation(object: &mut Value, name: &str) {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) else { return };
    annotations.remove(name);
    if annotations.is_empty() {
        metadata.remove("annotations");
    }
}

/// A path with `/`, whatever the system writes; bytes that are not UTF-8 are replaced.
fn with_forward_slashes(path: &Path) -> String {
    let parts: Vec<_> = path.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.join("/")
}

/// `a, b and 3 more`: the first of the names, as many as `most`, and how many there are besides.
fn first_of(names: &[String], most: usize) -> String {
    let named = names[..names.len().min(most)].join(", ");
    match names.len().saturating_sub(most) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

/// Renders those of the sources that are wanted, by index and kind, side by side; the results are in their order.
fn gather_some(
    request: &RenderRequest<'_>,
    wanted: impl Fn(usize, SourceKind) -> bool + Sync,
) -> Vec<Option<SourceOutput>> {
    let root = match request.tree.canonicalize() {
        Ok(root) => root,
        Err(error) => {
            return request.sources.iter().map(|source| Some(unread(&source.path, &error))).collect();
        }
    };
    let sources: Vec<(usize, &Source)> = request.sources.iter().enumerate().collect();
    parallel_map(&sources, |(index, source)| gather(request, source, &root, |kind| wanted(*index, kind)))
}

fn unread(path: &str, error: &std::io::Error) -> SourceOutput {
    let mut gathered = SourceOutput::new(SourceKind::Plain);
    gathered.report_incomplete(path, format!("the tree cannot be read: {error}"));
    gathered
}

fn gather(
    request: &RenderRequest<'_>,
    source: &config::Source,
    root: &Path,
    wanted: impl Fn(SourceKind) -> bool,
) -> Option<SourceOutput> {
    let path = match locate(root, &source.path) {
        Ok(path) => path,
        Err(why) => {
            let mut gathered = SourceOutput::new(SourceKind::Plain);
            gathered.report_incomplete(&source.path, why.to_string());
            return Some(gathered);
        }
    };
    let seen = SourceTree { root, files: request.files };
    if let Some(why) = seen.why_unreadable(&path) {
        let mut gathered = SourceOutput::new(SourceKind::Plain);
        gathered.report_incomplete(&source.path, why);
        return Some(gathered);
    }
    let located = ResolvedSource { request, source, tree: seen, path };
    let kind = seen.kind(&located.path);
    wanted(kind).then(|| {
        let mut gathered = match kind {
            SourceKind::Plain => return plain::gather(&located),
            SourceKind::Kustomize => kustomize::gather(&located),
            SourceKind::Helm => helm::gather(&located),
        };
        if !source.exclude.is_empty() {
            let warning = format!("{}: exclude has no effect, for a tool renders it", source.path);
            gathered.warnings.push(warning);
        }
        gathered
    })
}

/// Why a source's path leads to nothing that may be read.
#[derive(Debug, thiserror::Error)]
enum LocateError {
    #[error("there is no such file or folder in the repository; correct the source's `path`")]
    NotFound,
    #[error("it cannot be read: {0}")]
    Unreadable(std::io::Error),
    #[error("it leads out of the repository")]
    Outside,
}

/// The path of a source without links, from the root; or why it has none.
fn locate(root: &Path, path: &str) -> Result<PathBuf, LocateError> {
    let real = root.join(path).canonicalize().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => LocateError::NotFound,
        _ => LocateError::Unreadable(error),
    })?;
    let inside = real.strip_prefix(root).map_err(|_| LocateError::Outside)?;
    Ok(inside.to_path_buf())
}
