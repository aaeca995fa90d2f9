//! Kustomize roots, rendered by the real kustomize in a private copy of what they reach.

use std::cell::{LazyCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fmt, fs};

use serde_json::Value;

use super::configured::{self, Configured};
use super::copy::{self, CopyError};
use super::kustomization::Kustomization;
use super::message_redaction::RendererTree;
use super::names::Rendered;
use super::objects::{first_of, take_annotation};
use super::output::{RenderedObject, SourceKind, SourceOutput};
use super::resolved::ResolvedSource;
use super::sandbox::Sandbox;
use super::stand_in::{ReplacementSource, StandIn};
use super::tools::Tool;
use super::tree::{KUSTOMIZATIONS, SourceTree, locate, with_forward_slashes};
use super::{argocd_kustomize, encrypted, kustomize_inputs, manifest, remove_entries, renderer_error};
use crate::git::read_file;
use crate::model::{FluxOptions, Lazy, Origin, Provenance, ResourceId, SourceLocation};
use crate::yaml;

/// Changes of what is not rendered that are left out, one render each.
const MOST_ORPHANS: usize = 30;

/// Set by kustomize on request: the file that an object comes from.
const ORIGIN: &str = "config.kubernetes.io/origin";

pub(super) fn gather(located: &ResolvedSource<'_>) -> SourceOutput {
    let mut gathered = SourceOutput::new(SourceKind::Kustomize);
    let edited = match argocd_kustomize::edited(located) {
        Ok(edited) => edited,
        Err(why) => {
            gathered.report_incomplete(own_file(located), format!("an Application edits it: {why}"));
            return gathered;
        }
    };
    let scan = kustomize_inputs::find_inputs_with(
        (located.tree, &located.path),
        edited.as_ref(),
        located.request.tools.has_no_network(),
    );
    gathered.incomplete.clone_from(&scan.incomplete);
    if !scan.renders {
        return gathered;
    }
    let tool = match located.request.tools.kustomize() {
        Ok(tool) => tool,
        Err(error) => {
            gathered.report_incomplete(&located.source.path, error.to_string());
            return gathered;
        }
    };
    gathered.tool = Some(tool.label.clone());
    match build((located, edited.as_ref()), tool, &scan) {
        Ok(mut drafts) => {
            if let Some(options) = located.source.flux() {
                for draft in &mut drafts {
                    let mut value = draft.value.compute();
                    options.put_metadata(&mut value);
                    draft.value = value.into();
                }
            }
            let names: usize = drafts.iter().map(|draft| draft.nondeterministic.len()).sum();
            if names > 0 {
                let path = &located.source.path;
                let are = if names == 1 { "1 value is" } else { &format!("{names} values are") };
                gathered
                    .warnings
                    .push(format!("{path}: {are} not compared, for what is not rendered decides them"));
            }
            drafts.into_iter().for_each(|draft| manifest::add(draft, &mut gathered));
        }
        Err(why) => gathered.report_incomplete(own_file(located), why.to_string()),
    }
    gathered
}

fn own_file(located: &ResolvedSource<'_>) -> String {
    let file = located.tree.kustomization(&located.path);
    file.map_or_else(|| located.display_path(KUSTOMIZATIONS[0]), |file| with_forward_slashes(&file))
}

/// Why a root could not be built, and what may be the cause of it.
struct RootFailure {
    why: String,
    hints: Vec<String>,
}

impl fmt::Display for RootFailure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.why)?;
        self.hints.iter().try_for_each(|hint| write!(out, " ({hint})"))
    }
}

impl From<CopyError> for RootFailure {
    fn from(error: CopyError) -> Self {
        Self { why: error.to_string(), hints: Vec::new() }
    }
}

fn build(
    (located, edited): (&ResolvedSource<'_>, Option<&Kustomization>),
    tool: &Tool,
    scan: &kustomize_inputs::KustomizeInputs,
) -> Result<Vec<RenderedObject>, RootFailure> {
    let sandbox = Sandbox::new(located.request.tools.confinement()).map_err(CopyError::NoFolder)?;
    let left_out = copy::copy(located.tree, scan.reached.iter().cloned(), &sandbox.tree())?;
    let builder = KustomizeBuild { located, tool, sandbox, declared: RefCell::default() };
    if let Some(options) = located.source.flux() {
        if !scan.cuts.is_empty() {
            let why = "a part of it is not rendered, and a Flux Kustomization sets more: drift does not render both yet";
            return Err(RootFailure { why: why.to_owned(), hints: Vec::new() });
        }
        builder.write_options(options)?;
    }
    if let Some(edited) = edited {
        builder.write_edited(edited, scan)?;
    }
    let drafts = if scan.cuts.is_empty() {
        builder.drafts(scan.build_metadata)
    } else {
        builder.build_remaining(scan)
    };
    builder.sandbox.close();
    drafts.map_err(|failed| {
        let encrypted = encrypted::decryption_hint(located.tree, &scan.reached);
        let hints = encrypted.into_iter();
        RootFailure { why: failed.why, hints: hints.chain(file_hint(located, scan, &left_out)).collect() }
    })
}

/// Which file of a root may be the cause of its failure.
fn file_hint(
    located: &ResolvedSource<'_>,
    scan: &kustomize_inputs::KustomizeInputs,
    left_out: &copy::OmittedFiles,
) -> Option<String> {
    if let Some(link) = left_out.links.first() {
        let link = with_forward_slashes(link);
        return Some(format!("the link {link} leads out of the repository and was not followed"));
    }
    if !scan.missing.is_empty() {
        return Some(format!("there is no such file as is named at {}", first_of(&scan.missing, 3)));
    }
    let file = with_forward_slashes(restricted(located, &scan.reached)?);
    Some(format!(
        "{file} lies outside of the folders of its roots: --load-restrictor LoadRestrictionsNone allows that, where the \
         deployer does, as Flux"
    ))
}

/// A file that kustomize loads only without its load restrictions, where it has them.
fn restricted<'r>(located: &ResolvedSource<'_>, reached: &'r BTreeSet<PathBuf>) -> Option<&'r Path> {
    let root = located.tree.root;
    let folders: Vec<&PathBuf> = reached.iter().filter(|path| root.join(path).is_dir()).collect();
    let is_inside = |file: &&PathBuf| folders.iter().any(|folder| file.starts_with(folder));
    let mut files = reached.iter().filter(|path| root.join(path).is_file() && !is_inside(path));
    files.next().map(PathBuf::as_path).filter(|_| located.request.tools.kustomize_flags().is_empty())
}

struct KustomizeBuild<'a> {
    located: &'a ResolvedSource<'a>,
    tool: &'a Tool,
    sandbox: Sandbox,
    declared: RefCell<BTreeMap<String, Declared>>,
}

/// Why kustomize gave nothing.
struct BuildError {
    why: String,
    /// The object that a change names and nobody has, where it was for that.
    lacking: Option<remove_entries::MissingTarget>,
    /// The object from which a replacement takes its value and that nobody has, where it was for that.
    source: Option<ReplacementSource>,
}

impl From<String> for BuildError {
    fn from(why: String) -> Self {
        Self { why, lacking: None, source: None }
    }
}

impl KustomizeBuild<'_> {
    /// The objects of a root without the entries that are not rendered. What these may change is not compared: objects that
    /// a generator is merged into, what a replacement takes from them, and names, for Kustomize gives what is referred to
    /// another one.
    fn build_remaining(
        &self,
        scan: &kustomize_inputs::KustomizeInputs,
    ) -> Result<Vec<RenderedObject>, BuildError> {
        let changers =
            LazyCell::new(|| remove_entries::find_named_patches(self.located.tree, &scan.kustomizations));
        let mut orphans: Vec<kustomize_inputs::EntryToRemove> = Vec::new();
        let mut stand_in = StandIn::new();
        let drafts = loop {
            let failed = match self.without(scan, (&orphans, &stand_in)) {
                Ok(drafts) => break drafts,
                Err(failed) => failed,
            };
            let known = orphans.len() + stand_in.sources.len();
            // A change of what is not rendered is left out with it.
            if let Some(lacking) = &failed.lacking {
                let new =
                    changers.iter().filter(|changer| changer.targets(lacking)).map(|changer| &changer.cut);
                let new: Vec<_> = new.filter(|cut| !orphans.contains(cut)).cloned().collect();
                orphans.extend(new);
            }
            stand_in.sources.extend(failed.source.clone());
            let all = orphans.len() + stand_in.sources.len();
            if all == known || all > MOST_ORPHANS {
                return Err(failed);
            }
        };
        Ok(self.settled(drafts, scan, &stand_in))
    }

    /// The objects that are known, each with the places in it that are not.
    fn settled(
        &self,
        drafts: Vec<RenderedObject>,
        scan: &kustomize_inputs::KustomizeInputs,
        stand_in: &StandIn,
    ) -> Vec<RenderedObject> {
        let settled = drafts.into_iter().filter_map(|mut draft| {
            let mut value = draft.value.compute();
            draft.nondeterministic = stand_in.settle(&mut value)?;
            draft.value = value.into();
            Some(draft)
        });
        let mut drafts: Vec<RenderedObject> = settled.collect();
        let seen = self.located.tree;
        let references = configured::references(seen, &scan.kustomizations);
        let rendered = Rendered::of(drafts.iter().map(|draft| &*draft.value), references);
        let mut configured = None;
        if !scan.above.is_empty() {
            let configured = configured.insert(Configured::read(seen, &scan.above, &scan.kustomizations));
            configured.learn(drafts.iter().map(|draft| &*draft.value));
        }
        for draft in &mut drafts {
            draft.nondeterministic.extend(rendered.find_uncertain_names(&draft.value));
            let places = configured.as_ref().map(|configured| configured.uncertain(&draft.value));
            draft.nondeterministic.extend(places.into_iter().flatten());
            draft.nondeterministic.sort();
            draft.nondeterministic.dedup();
        }
        drafts
    }

    fn without(
        &self,
        scan: &kustomize_inputs::KustomizeInputs,
        (orphans, stand_in): (&[kustomize_inputs::EntryToRemove], &StandIn),
    ) -> Result<Vec<RenderedObject>, BuildError> {
        let rest = remove_entries::Rest { seen: self.located.tree, scan, orphans, stand_in };
        rest.write(&self.sandbox.tree())
            .map_err(|error| format!("the rest could not be rendered: {error}"))?;
        self.drafts(scan.build_metadata)
    }

    /// Objects are rendered within a kustomization of ours that asks for origins. Where that cannot be, or the source
    /// asks for annotations itself, they are rendered without it.
    fn drafts(&self, build_metadata: bool) -> Result<Vec<RenderedObject>, BuildError> {
        let within = self.build_with_origins();
        if let (Ok(values), false) = (&within, build_metadata) {
            return Ok(values.iter().map(|value| self.draft(value.clone(), None)).collect());
        }
        let origins: BTreeMap<_, _> = within
            .iter()
            .flatten()
            .filter_map(|value| Some((ResourceId::from_object(value).ok()?, origin_text(value)?.to_owned())))
            .collect();
        let values = self.run(&self.sandbox.tree().join(&self.located.path))?;
        let known =
            |value: &Value| ResourceId::from_object(value).ok().and_then(|id| origins.get(&id).cloned());
        Ok(values
            .into_iter()
            .map(|value| (known(&value), value))
            .map(|(origin, value)| self.draft_of(origin, value))
            .collect())
    }

    /// Renders with our kustomization around the source.
    fn build_with_origins(&self) -> Result<Vec<Value>, BuildError> {
        let entry = Path::new("../tree").join(&self.located.path);
        let kustomization = serde_json::json!({
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": [entry.to_string_lossy()],
            "buildMetadata": ["originAnnotations"],
        });
        let outer = self.sandbox.outer();
        fs::write(outer.join(KUSTOMIZATIONS[0]), kustomization.to_string())
            .map_err(|error| error.to_string())?;
        self.run(&outer)
    }

    /// Writes what a Flux Kustomization sets into the copy of the root's own file, as Flux does.
    fn write_options(&self, options: &FluxOptions) -> Result<(), RootFailure> {
        let failed = |why: String| RootFailure { why, hints: Vec::new() };
        let Some(file) = self.located.tree.kustomization(&self.located.path) else { return Ok(()) };
        let copied = self.sandbox.tree().join(file);
        let bytes = fs::read(&copied).map_err(|error| failed(error.to_string()))?;
        let read = yaml::read_first(&bytes).map_err(|error| failed(error.to_string()))?;
        let Some(Value::Object(mut kustomization)) = read.map(yaml::Document::into_json) else {
            return Err(failed("its kustomization is no mapping".to_owned()));
        };
        options.merge_into(&mut kustomization);
        fs::write(&copied, Value::Object(kustomization).to_string())
            .map_err(|error| failed(error.to_string()))
    }

    /// Writes the kustomization as an Application of Argo CD edits it.
    fn write_edited(
        &self,
        edited: &Kustomization,
        scan: &kustomize_inputs::KustomizeInputs,
    ) -> Result<(), RootFailure> {
        let failed = |why: String| RootFailure { why, hints: Vec::new() };
        if !scan.cuts.is_empty() {
            let why =
                "a part of it is not rendered, and an Application edits it: drift does not render both yet";
            return Err(failed(why.to_owned()));
        }
        let Some(file) = self.located.tree.kustomization(&self.located.path) else { return Ok(()) };
        fs::write(self.sandbox.tree().join(file), argocd_kustomize::text(edited))
            .map_err(|error| failed(error.to_string()))
    }

    fn run(&self, folder: &Path) -> Result<Vec<Value>, BuildError> {
        let flags = self.located.request.tools.kustomize_flags();
        let program = self.sandbox.program(&self.tool.path).arg(self.tool.subcommand).args(flags).arg(folder);
        let output = program.run().map_err(|error| error.to_string())?;
        if output.status != 0 {
            let error = renderer_error::extract_error(&self.sandbox.without_paths(&output.stderr));
            let tree = self.sandbox.tree();
            let rendering = RendererTree { tree: &tree, folder: &self.located.path, chart: "" };
            let by_hand = renderer_error::manual_command(self.tool, &self.located.source.path);
            let shown = renderer_error::redact_error(&error, &rendering, &by_hand).text;
            let why = format!("kustomize failed: {}", innermost(&shown));
            return Err(BuildError {
                why,
                lacking: remove_entries::parse_missing_target(error.said()),
                source: ReplacementSource::lacking(error.said()),
            });
        }
        let documents = yaml::read(&output.stdout).into_iter();
        let values = documents.map(|document| document.map(|document| document.to_json()));
        values
            .collect::<Result<_, _>>()
            .map_err(|error| format!("kustomize wrote YAML that cannot be read: {error}").into())
    }

    /// A value whose origin annotation is ours: taken off again.
    fn draft(&self, mut value: Value, origin: Option<String>) -> RenderedObject {
        let origin = origin.or_else(|| origin_text(&value).map(str::to_owned));
        take_annotation(&mut value, ORIGIN);
        self.draft_of(origin, value)
    }

    fn draft_of(&self, origin: Option<String>, value: Value) -> RenderedObject {
        let file = origin.and_then(|text| self.file_of(&text));
        let place = file.as_ref().and_then(|file| self.place_in(file, &value));
        let file = file.unwrap_or_else(|| own_file(self.located));
        let origin = Origin { source: self.located.source.path.clone(), file, location: place, root: None };
        let (value, fields) = (value.into(), Lazy::default());
        RenderedObject {
            value,
            origin,
            fields,
            provenance: Provenance::Rendered,
            notes: Vec::new(),
            nondeterministic: Vec::new(),
            optional: None,
        }
    }

    /// `path: ../tree/base/deploy.yaml` or `configuredIn: ..`, from the root, where there is such a file.
    fn file_of(&self, origin: &str) -> Option<String> {
        let mut lines = origin.lines();
        let path = lines
            .find_map(|line| line.strip_prefix("path: ").or_else(|| line.strip_prefix("configuredIn: ")))?;
        let inside = Path::new(path.trim()).strip_prefix("../tree").ok()?;
        let real = locate(self.located.tree.root, &inside.to_string_lossy()).ok()?;
        self.located.tree.root.join(&real).is_file().then(|| with_forward_slashes(&real))
    }

    /// The one object of its kind in the file whose name is in the rendered one: prefixes and suffixes are added.
    fn place_in(&self, file: &str, value: &Value) -> Option<SourceLocation> {
        let mut known = self.declared.borrow_mut();
        let declared =
            known.entry(file.to_owned()).or_insert_with(|| declared_in(self.located.tree, Path::new(file)));
        let (kind, name) = (value["kind"].as_str()?, value["metadata"]["name"].as_str()?);
        let of_kind = || declared.iter().filter(|(_, other, _)| other == kind);
        let same = of_kind().find(|(_, _, other)| other == name);
        let mut within = of_kind().filter(|(_, _, other)| name.contains(other.as_str()));
        let only = within.next().filter(|_| within.next().is_none());
        same.or(only).map(|(place, _, _)| *place)
    }
}

/// The place, kind and name of every object of a file.
type Declared = Vec<(SourceLocation, String, String)>;

fn declared_in(seen: SourceTree<'_>, file: &Path) -> Declared {
    let documents =
        yaml::read(&read_file(seen.root, file, super::kustomize_files::FILE_CAP).unwrap_or_default());
    documents
        .into_iter()
        .flatten()
        .filter_map(|document| {
            let root = document.root();
            let text = |node: &yaml::Node| node.to_json().as_str().map(str::to_owned);
            let name = text(root.get("metadata")?.get("name")?)?;
            Some((root.span.location, text(root.get("kind")?)?, name))
        })
        .collect()
}

fn origin_text(value: &Value) -> Option<&str> {
    value["metadata"]["annotations"][ORIGIN].as_str()
}

/// What went wrong, without the way to it through every base: of what is shown, so that nothing that was read decides.
fn innermost(message: &str) -> &str {
    let way = "recursed accumulation of path ";
    let Some(at) = message.rfind(way) else { return message };
    let rest = &message[at + way.len()..];
    rest.split_once("': ").map_or(rest, |(_, rest)| rest)
}
