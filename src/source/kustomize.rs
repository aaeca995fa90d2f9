//! Kustomize roots, rendered by the real kustomize in a private copy of what they reach.

use std::cell::{LazyCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fmt, fs};

use serde_json::Value;

use super::configured::{self, Configured};
use super::copy::{self, CopyError};
use super::message_redaction::RendererTree;
use super::names::Rendered;
use super::objects::{first_of, take_annotation};
use super::output::{RenderedObject, SourceKind, SourceOutput};
use super::resolved::ResolvedSource;
use super::sandbox::Sandbox;
use super::stand_in::{ReplacementSource, StandIn};
use super::tools::{Tool, Tools};
use super::tree::{KUSTOMIZATIONS, SourceTree, WrittenKustomization, locate, with_forward_slashes};
use super::{
    argocd_kustomize, common_metadata, encrypted, flux_kustomization, kustomize_inputs, manifest,
    remove_entries, renderer_error, substitute,
};
use crate::git::read_file;
use crate::model::{
    FluxOptions, Lazy, Origin, Provenance, ResourceId, SourceLocation, SubstituteData, SubstituteReference,
    SubstituteRefusal, Substitution,
};
use crate::yaml;

/// Changes of what is not rendered that are left out, one render each.
const MOST_ORPHANS: usize = 30;

/// Set by kustomize on request: the file that an object comes from.
const ORIGIN: &str = "config.kubernetes.io/origin";

pub(super) fn gather(located: &ResolvedSource<'_>) -> SourceOutput {
    if let Some(options) = located.source.flux() {
        return gather_flux(located, options);
    }
    match argocd_kustomize::edited(located) {
        Ok(edited) => gather_written(located, edited.as_ref(), &FluxOptions::default()),
        Err(why) => {
            let mut gathered = SourceOutput::new(SourceKind::Kustomize);
            gathered.report_incomplete(own_file(located), format!("an Application edits it: {why}"));
            gathered
        }
    }
}

/// A root, with a kustomization in the place of its own.
fn gather_written(
    located: &ResolvedSource<'_>,
    written: Option<&WrittenKustomization>,
    options: &FluxOptions,
) -> SourceOutput {
    let (request, source, path) = (located.request, located.source, located.path.clone());
    let tree = SourceTree { written, ..located.tree };
    gather_root(&ResolvedSource { request, source, tree, path }, options)
}

/// What a Flux Kustomization applies: its options are written into the root's own kustomization before it is rendered, and
/// the rest is done to each object after.
fn gather_flux(located: &ResolvedSource<'_>, options: &FluxOptions) -> SourceOutput {
    let refuse = |what: &str, why: String| {
        let mut gathered = SourceOutput::new(SourceKind::Kustomize);
        gathered.report_incomplete(what, why);
        gathered
    };
    let not_looked_up = |from: &SubstituteReference| SubstituteRefusal::NotLookedUp {
        kind: from.kind.clone(),
        name: from.name.clone(),
    };
    let known = match options.substitute_from.first() {
        Some(reference) => Err(not_looked_up(reference)),
        None => options.clone().resolve(|_| SubstituteData::Missing),
    };
    let options = match known {
        Ok(options) => options,
        Err(why) => return refuse(&located.source.path, why.to_string()),
    };
    let root = match flux_kustomization::of(located, &options) {
        Ok(root) => root,
        Err(incomplete) => return refuse(&incomplete.what, incomplete.why),
    };
    let mut gathered = gather_written(located, Some(&root.written), &options);
    gathered.warnings.extend(root.warning);
    gathered
}

fn gather_root(located: &ResolvedSource<'_>, options: &FluxOptions) -> SourceOutput {
    let mut gathered = SourceOutput::new(SourceKind::Kustomize);
    let scan = kustomize_inputs::find_kustomize_inputs(
        located.tree,
        &located.path,
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
    let substitution = options.substitution.as_ref().filter(|substitution| substitution.is_run());
    match build((located, substitution), tool, &scan) {
        Ok((mut drafts, not_set)) => {
            if !options.common_metadata.is_empty() {
                for draft in &mut drafts {
                    let mut value = draft.value.compute();
                    common_metadata::put(&options.common_metadata, &mut value);
                    draft.value = value.into();
                }
            }
            gathered.warnings.extend(substitute::warning(&located.source.path, &not_set));
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
    if located.tree.written.is_some_and(|written| written.is_generated) {
        return located.source.path.clone();
    }
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

/// The objects of a root, and the variables in them that nobody sets.
fn build(
    (located, substitution): (&ResolvedSource<'_>, Option<&Substitution>),
    tool: &Tool,
    scan: &kustomize_inputs::KustomizeInputs,
) -> Result<(Vec<RenderedObject>, BTreeSet<String>), RootFailure> {
    let configured = || Configured::read(located.tree, &scan.above, &scan.kustomizations);
    if substitution.is_some() && !scan.above.is_empty() && configured().has_variables() {
        // What that base may change is told by these, and the objects have their variables filled in by then.
        let why = "a base of it is not rendered, and names or images that its kustomizations set have variables: drift does not render both";
        return Err(RootFailure { why: why.to_owned(), hints: Vec::new() });
    }
    let sandbox = Sandbox::new(located.request.tools.confinement()).map_err(CopyError::NoFolder)?;
    let left_out = copy::copy(located.tree, scan.reached.iter().cloned(), &sandbox.tree())?;
    let builder = KustomizeBuild {
        located,
        tool,
        sandbox,
        declared: RefCell::default(),
        flags: flags(located, scan),
        substitution,
        not_set: RefCell::default(),
    };
    builder.write_kustomization()?;
    let drafts = if scan.cuts.is_empty() {
        builder.drafts(scan.build_metadata)
    } else {
        builder.build_remaining(scan)
    };
    let KustomizeBuild { sandbox, flags, not_set, .. } = builder;
    sandbox.close();
    let drafts = drafts.map_err(|failed| {
        let encrypted = encrypted::decryption_hint(located.tree, &scan.reached);
        let hints = encrypted.into_iter().chain(file_hint((located, flags), scan, &left_out));
        RootFailure { why: failed.why, hints: hints.collect() }
    })?;
    Ok((drafts, not_set.into_inner()))
}

/// Flux lets a root load files of the whole repository. Configurations of plug-ins name files that are not looked for before:
/// with them only the user may allow it.
fn flags(located: &ResolvedSource<'_>, scan: &kustomize_inputs::KustomizeInputs) -> &'static [&'static str] {
    let tools = located.request.tools;
    let is_of_flux = located.source.flux().is_some();
    if is_of_flux && !scan.has_plugins { Tools::unrestricted_flags() } else { tools.kustomize_flags() }
}

/// Which file of a root may be the cause of its failure.
fn file_hint(
    (located, flags): (&ResolvedSource<'_>, &[&str]),
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
    let file = with_forward_slashes(restricted(located, &scan.reached).filter(|_| flags.is_empty())?);
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
    files.next().map(PathBuf::as_path)
}

struct KustomizeBuild<'a> {
    located: &'a ResolvedSource<'a>,
    tool: &'a Tool,
    sandbox: Sandbox,
    declared: RefCell<BTreeMap<String, Declared>>,
    /// Flags of kustomize beside the folder.
    flags: &'static [&'static str],
    /// Variables that are filled in after rendering.
    substitution: Option<&'a Substitution>,
    /// Those that nobody sets.
    not_set: RefCell<BTreeSet<String>>,
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

    /// Writes what Flux would have in the place of the root's own file into the copy.
    fn write_kustomization(&self) -> Result<(), RootFailure> {
        let Some(written) = self.located.tree.written else { return Ok(()) };
        let place = self.sandbox.tree().join(&written.file);
        // A link would lead to another file of the copy.
        let removed = if place.symlink_metadata().is_ok() { fs::remove_file(&place) } else { Ok(()) };
        removed
            .and_then(|()| fs::write(&place, written.value.to_string()))
            .map_err(|error| RootFailure { why: error.to_string(), hints: Vec::new() })
    }

    fn run(&self, folder: &Path) -> Result<Vec<Value>, BuildError> {
        let program = self.sandbox.program(&self.tool.path).arg(self.tool.subcommand);
        let program = program.args(self.flags).arg(folder);
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
        let values: Vec<Value> = values
            .collect::<Result<_, _>>()
            .map_err(|error| format!("kustomize wrote YAML that cannot be read: {error}"))?;
        self.fill_in(values, &output.stdout)
    }

    /// Fills in variables, in the texts of the objects as kustomize writes them: so does Flux.
    fn fill_in(&self, values: Vec<Value>, stdout: &[u8]) -> Result<Vec<Value>, BuildError> {
        let Some(substitution) = self.substitution else { return Ok(values) };
        let written = String::from_utf8_lossy(stdout);
        // Nothing in an object begins a line with `---`: what is not indented is a key of it.
        let texts: Vec<&str> = written.split("\n---\n").collect();
        if texts.len() != values.len() && !values.is_empty() {
            return Err("kustomize wrote objects that cannot be told apart".to_owned().into());
        }
        let mut not_set = self.not_set.borrow_mut();
        let filled = values.into_iter().zip(texts).map(|(value, text)| {
            substitute::substitute((value, text), substitution, &mut not_set)
                .map_err(|error| error.to_string().into())
        });
        filled.collect()
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
