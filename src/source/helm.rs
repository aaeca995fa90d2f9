//! Charts, rendered by the real helm in a private copy: twice, as an install and as an upgrade at another revision and
//! time, so that what differs by itself is known.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, thread};

use serde_json::Value;

use super::chart_content::ChartContent;
use super::charts::FetchedChart;
use super::helm_values::ValuesFiles;
use super::hooks::HookOwners;
use super::message_redaction::RendererTree;
use super::output::{RenderedObject, SourceKind, SourceOutput};
use super::render_variants::{
    self, ObjectVariation, RenderVariant, RenderVariants, RenderedObjects, VariationReason,
};
use super::resolved::ResolvedSource;
use super::sandbox::Sandbox;
use super::tools::Tool;
use super::tree::{CHART, SourceTree, locate, with_forward_slashes};
use super::{copy, manifest, post_render, release_values, renderer_error, template_clock};
use crate::config::{HelmLayers, HelmParameter};
use crate::git::{self, read_file};
use crate::model::{ApiResources, Incomplete, Lazy, Origin, Provenance, ResourceId, join_api_version};
use crate::threads::parallel_map;
use crate::yaml;

pub(super) fn gather(located: &ResolvedSource<'_>) -> SourceOutput {
    let mut gathered = SourceOutput::new(SourceKind::Helm);
    let tool = match located.request.tools.helm() {
        Ok(tool) => tool,
        Err(error) => {
            gathered.report_incomplete(&located.source.path, error.to_string());
            return gathered;
        }
    };
    gathered.tool = Some(tool.label.clone());
    if let Err(incomplete) = template(located, tool, &mut gathered) {
        gathered.incomplete.push(incomplete);
    }
    gathered
}

fn template(
    located: &ResolvedSource<'_>,
    tool: &Tool,
    gathered: &mut SourceOutput,
) -> Result<(), Incomplete> {
    let fault = |why: copy::CopyError| Incomplete { what: located.source.path.clone(), why: why.to_string() };
    let values = ValuesFiles::find(located)?;
    let fetched = fetch(located)?;
    let fetched = fetched.as_ref().map(|chart| chart.folder());
    let (sandbox, left_out) = copy_chart(located, &values, fetched).map_err(fault)?;
    values.name_encrypted(located, gathered);
    let place = ChartFolder::of(located, &sandbox);
    let mut content = ChartContent::scan(&place.root, &place.path);
    values.all().for_each(|file| content.text(&sandbox.tree(), file));
    if let Some(pointer) = left_out.pointers.first() {
        return Err(Incomplete { what: with_forward_slashes(pointer), why: git::LFS.to_owned() });
    }
    if let Some(link) = left_out.links.iter().find(|link| content.contains_link_target(link)) {
        let why = "the link leads out of the repository, and a chart's files may not";
        return Err(Incomplete { what: with_forward_slashes(link), why: why.to_owned() });
    }
    let (other, _) = copy_chart(located, &values, fetched).map_err(fault)?;
    for copy in [&sandbox, &other] {
        replace_chart_values(located, &values, copy)?;
    }
    let layers = located.source.helm.clone().unwrap_or_default().layers;
    let name = chart_name(&place);
    let chart = Chart { located, tool, sandbox, other, values, layers, content, name };
    chart.alter();
    let result = chart.render(gathered);
    chart.sandbox.close();
    chart.other.close();
    result
}

/// The largest `Chart.yaml` that is read.
const FILE_CAP: u64 = 16 * 1024 * 1024;

/// A private copy of the chart and its values files, or why there is none.
fn copy_chart(
    located: &ResolvedSource<'_>,
    values: &ValuesFiles,
    fetched: Option<&Path>,
) -> Result<(Sandbox, copy::OmittedFiles), copy::CopyError> {
    let sandbox = Sandbox::new(located.request.tools.confinement()).map_err(copy::CopyError::NoFolder)?;
    let own = fetched.is_none().then(|| located.path.clone());
    let mut left_out =
        copy::copy(located.tree, own.into_iter().chain(values.all().cloned()), &sandbox.tree())?;
    if let Some(folder) = fetched {
        let place = ChartFolder::of(located, &sandbox);
        let chart = SourceTree::new(folder, None);
        left_out = copy::copy(chart, [PathBuf::new()], &place.root.join(&place.path))?;
    }
    let layers = located.source.helm.iter().flat_map(|helm| &helm.layers.inline_values);
    for (at, text) in layers.enumerate() {
        let written = fs::write(inline_values(&sandbox, at), text);
        written.map_err(|source| copy::CopyError::Io { path: "values".to_owned(), source })?;
    }
    Ok((sandbox, left_out))
}

/// Writes the files that take the place of the chart's own values over these (`internal/helm/chart/builder.go` of
/// source-controller).
fn replace_chart_values(
    located: &ResolvedSource<'_>,
    values: &ValuesFiles,
    sandbox: &Sandbox,
) -> Result<(), Incomplete> {
    let place = ChartFolder::of(located, sandbox);
    // Of a chart that is kept elsewhere they are its own files.
    let (tree, files) = match located.source.chart() {
        Some(_) => (place.root.join(&place.path), own_values(located)?),
        None => (sandbox.tree(), values.chart.clone()),
    };
    if files.is_empty() {
        return Ok(());
    }
    let mut merged = serde_json::Map::new();
    for file in &files {
        let fault = |why: String| Incomplete {
            what: format!("values file {} of {}", with_forward_slashes(file), located.source.path),
            why,
        };
        let text = fs::read_to_string(tree.join(file)).map_err(|error| fault(error.to_string()))?;
        let read = release_values::read(&text).map_err(|error| fault(error.to_string()))?;
        release_values::merge(&mut merged, read);
    }
    let own = place.root.join(&place.path).join("values.yaml");
    fs::write(own, Value::Object(merged).to_string())
        .map_err(|error| Incomplete { what: located.display_path("values.yaml"), why: error.to_string() })
}

/// The values files of a chart that is kept elsewhere, from its folder, that take the place of its own.
fn own_values(located: &ResolvedSource<'_>) -> Result<Vec<PathBuf>, Incomplete> {
    let named = located.source.helm.iter().flat_map(|helm| &helm.layers.chart_values);
    let inside = |file: &String| {
        let path = Path::new(file.trim_start_matches("./"));
        let is_inside = path.components().all(|part| matches!(part, std::path::Component::Normal(_)));
        is_inside.then(|| path.to_path_buf()).ok_or_else(|| Incomplete {
            what: format!("values file {file} of {}", located.source.path),
            why: "it lies outside the chart".to_owned(),
        })
    };
    named.map(inside).collect()
}

/// A chart that is kept elsewhere, brought here.
fn fetch(located: &ResolvedSource<'_>) -> Result<Option<Arc<FetchedChart>>, Incomplete> {
    let Some(reference) = located.source.chart() else { return Ok(None) };
    let fetched = located.request.tools.fetch_chart(reference);
    fetched.map(Some).map_err(|error| Incomplete {
        what: match located.source.root_object() {
            Some(root) => format!("what {root} applies"),
            None => located.source.path.clone(),
        },
        why: error.to_string(),
    })
}

/// Where a chart is in a sandbox.
struct ChartFolder {
    /// The folder that no link of it may leave.
    root: PathBuf,
    /// From there.
    path: PathBuf,
}

impl ChartFolder {
    fn of(located: &ResolvedSource<'_>, sandbox: &Sandbox) -> Self {
        match located.source.chart() {
            Some(_) => Self { root: sandbox.outer(), path: PathBuf::from("chart") },
            None => Self { root: sandbox.tree(), path: located.path.clone() },
        }
    }

    fn whole(&self) -> PathBuf {
        self.root.join(&self.path)
    }
}

/// Where the inline values stand: not in the tree, for a chart may list its files.
fn inline_values(sandbox: &Sandbox, at: usize) -> PathBuf {
    sandbox.outer().join(format!("values-{at}.yaml"))
}

fn chart_name(place: &ChartFolder) -> String {
    let bytes = read_file(&place.root, &place.path.join(CHART), FILE_CAP).unwrap_or_default();
    let document = yaml::read(&bytes).into_iter().next().and_then(Result::ok);
    let name = document.and_then(|document| document.to_json()["name"].as_str().map(str::to_owned));
    name.unwrap_or_default()
}

struct Chart<'a> {
    located: &'a ResolvedSource<'a>,
    tool: &'a Tool,
    sandbox: Sandbox,
    /// A second copy, which is altered.
    other: Sandbox,
    values: ValuesFiles,
    layers: HelmLayers,
    content: ChartContent,
    name: String,
}

/// How deep the template that changes the release lies: deeper than those of any chart.
const DEPTH: usize = 40;

impl Chart<'_> {
    /// Gives the second copy another clock and another revision. What cannot be written stays as it is, and then does not
    /// show in the second render.
    fn alter(&self) {
        let tree = ChartFolder::of(self.located, &self.other).root;
        for file in self.content.clocks.iter().map(|file| tree.join(file)) {
            let text = fs::read_to_string(&file).ok();
            if let Some(other) = text.and_then(|text| template_clock::replace_clock(&text)) {
                let _unaltered = fs::write(&file, other);
            }
        }
        let probe = self.revision_template_path();
        if !self.is_never_upgraded()
            && probe.parent().is_some_and(|folder| fs::create_dir_all(folder).is_ok())
        {
            let _unaltered = fs::write(probe, render_variants::revision_template());
        }
    }

    /// Argo CD renders a chart each time as the first install of a release (`Template` in `util/helm/cmd.go`).
    fn is_never_upgraded(&self) -> bool {
        self.located.source.argo_cd().is_some()
    }

    fn revision_template_path(&self) -> PathBuf {
        let mut path = ChartFolder::of(self.located, &self.other).whole().join("templates");
        path.extend(std::iter::repeat_n("drift", DEPTH));
        path.join("release.yaml")
    }

    fn render(&self, gathered: &mut SourceOutput) -> Result<(), Incomplete> {
        let upgrades = !self.is_never_upgraded();
        let other = if upgrades { RenderVariant::OtherUpgrade } else { RenderVariant::OtherInstall };
        let (first, second) = thread::scope(|scope| {
            let second = scope.spawn(|| self.run(other));
            (self.run(RenderVariant::Install), second.join().expect("running a program does not panic"))
        });
        let first = first?;
        let others = match second {
            Ok(second) => self.render_variants(&first, &second, upgrades),
            // A chart may refuse an upgrade without the passwords of the install.
            Err(_) => match self.run(RenderVariant::OtherInstall) {
                Ok(second) => self.render_variants(&first, &second, false),
                Err(_) => self.unaltered(&first, gathered)?,
            },
        };
        let objects = if others.is_some() { self.objects(&first) } else { RenderedObjects::new() };
        for document in self.documents(&first) {
            match document {
                Ok((file, value)) => self.add(file, value, (&objects, others.as_ref()), gathered),
                Err(incomplete) => gathered.incomplete.push(incomplete),
            }
        }
        for (file, value, told) in others.iter().flat_map(|others| others.upgrade_only_objects(&objects)) {
            self.add_draft(file, value, told, gathered);
        }
        self.warn(gathered);
        Ok(())
    }

    /// The renders that tell why the second one differs, if it does.
    fn render_variants(&self, first: &[u8], second: &[u8], upgrades: bool) -> Option<RenderVariants> {
        if first == second {
            return None;
        }
        let all = self.objects(second);
        if !self.content.asks_release && self.content.clocks.is_empty() {
            return Some(RenderVariants { all, rest: VariationReason::Random, ..RenderVariants::default() });
        }
        // From here on only the clock of the second copy is another.
        let _kept = fs::remove_file(self.revision_template_path());
        let mut ways = vec![(VariationReason::Random, RenderVariant::Install)];
        ways.extend(
            (!self.content.clocks.is_empty())
                .then_some((VariationReason::Clock, RenderVariant::OtherInstall)),
        );
        ways.extend(upgrades.then_some((VariationReason::Upgrade, RenderVariant::Upgrade)));
        let renders = parallel_map(&ways, |(_, way)| self.run(*way));
        let single = ways.iter().zip(renders);
        let single = single.filter_map(|((reason, _), render)| Some((*reason, self.objects(&render.ok()?))));
        Some(RenderVariants { single: single.collect(), all, rest: VariationReason::Revision })
    }

    /// A second render of a chart that cannot be rendered with another clock and revision.
    fn unaltered(
        &self,
        first: &[u8],
        gathered: &mut SourceOutput,
    ) -> Result<Option<RenderVariants>, Incomplete> {
        let path = &self.located.source.path;
        let clocks = self.content.clocks.iter().map(|file| with_forward_slashes(file));
        let warning = |file| format!("{file} reads the clock: dates in {path} may change daily");
        gathered.warnings.extend(clocks.map(warning));
        let second = self.run(RenderVariant::Install)?;
        let others = || RenderVariants {
            all: self.objects(&second),
            rest: VariationReason::Random,
            ..RenderVariants::default()
        };
        Ok((first != second).then(others))
    }

    fn objects(&self, output: &[u8]) -> RenderedObjects {
        let documents = self.documents(output).into_iter().flatten();
        documents
            .filter_map(|(file, value)| Some((ResourceId::from_object(&value).ok()?, (file, value))))
            .collect()
    }

    fn add(
        &self,
        file: String,
        mut value: Value,
        (first, others): (&RenderedObjects, Option<&RenderVariants>),
        gathered: &mut SourceOutput,
    ) {
        let mut told = ObjectVariation::default();
        if let (Some(others), Ok(id)) = (others, ResourceId::from_object(&value)) {
            told = others.compare(&id, &value);
            let is_hook = HookOwners::from_object(&value).is_hook();
            if is_hook && told.is_renamed() {
                rename(&mut value, others.stable_name_prefix(&id, first));
            } else if told.is_unsteady {
                gathered
                    .report_incomplete(file, format!("{} has a different name in each rendering", id.kind));
                return;
            }
        }
        self.add_draft(file, value, told, gathered);
    }

    fn add_draft(&self, file: String, value: Value, told: ObjectVariation, gathered: &mut SourceOutput) {
        let ObjectVariation { unstable, notes, optional, .. } = told;
        let origin = Origin { source: self.located.source.path.clone(), file, location: None, root: None };
        let (value, fields) = (value.into(), Lazy::default());
        manifest::add(
            RenderedObject {
                value,
                origin,
                fields,
                provenance: Provenance::Rendered,
                notes,
                nondeterministic: unstable,
                optional,
            },
            gathered,
        );
    }

    fn warn(&self, gathered: &mut SourceOutput) {
        let path = &self.located.source.path;
        if !self.content.schemas_are_local {
            let why = "values of {path} were not checked against values.schema.json: it refers to other files or is packaged";
            gathered.warnings.push(why.replace("{path}", path));
        }
    }

    fn run(&self, way: RenderVariant) -> Result<Vec<u8>, Incomplete> {
        let sandbox = match way {
            RenderVariant::Install | RenderVariant::Upgrade => &self.sandbox,
            RenderVariant::OtherInstall | RenderVariant::OtherUpgrade => &self.other,
        };
        let program = sandbox.program(&self.tool.path).args(self.args(sandbox, way));
        let fault = |why: String| Incomplete { what: self.located.source.path.clone(), why };
        let output = program.run().map_err(|error| fault(error.to_string()))?;
        if output.status == 0 {
            return post_render::render(self.located, sandbox, output.stdout);
        }
        let error = renderer_error::extract_error(&sandbox.without_paths(&output.stderr));
        Err(self.failure(&error, &sandbox.tree()))
    }

    fn failure(&self, error: &renderer_error::RendererError, tree: &Path) -> Incomplete {
        if let Some(missing) = missing_dependencies(error.said()) {
            let why = format!(
                "the chart's dependencies are not in its charts/ folder: {missing}; run `helm dependency build` and commit charts/"
            );
            return Incomplete { what: self.own_file(), why };
        }
        let rendering = RendererTree { tree, folder: &self.located.path, chart: &self.name };
        let by_hand = renderer_error::manual_command(self.tool, &self.located.source.path);
        let shown = renderer_error::redact_error(error, &rendering, &by_hand);
        let what = match shown.place {
            Some((file, place)) => format!("{}{place}", self.shown_file(&file)),
            None => self.own_file(),
        };
        Incomplete { what, why: format!("helm failed: {}", shown.text) }
    }

    /// Every value is joined to its flag with `=`, and names stand after `--`: nothing in the repository or from the
    /// cluster can become a flag.
    fn args(&self, sandbox: &Sandbox, way: RenderVariant) -> Vec<OsString> {
        let layers = &self.layers;
        let namespace = layers.namespace.as_deref().unwrap_or_else(|| self.located.namespace());
        let mut args: Vec<OsString> = vec![self.tool.subcommand.into()];
        args.push(format!("--namespace={namespace}").into());
        if !layers.skip_crds {
            args.push("--include-crds".into());
        }
        if layers.skip_tests {
            args.push("--skip-tests".into());
        }
        if matches!(way, RenderVariant::Upgrade | RenderVariant::OtherUpgrade) {
            args.push("--is-upgrade".into());
        }
        args.extend(capabilities(self.located.request.served, layers).into_iter().map(OsString::from));
        if !self.content.schemas_are_local || layers.skip_schema_validation {
            args.push("--skip-schema-validation".into());
        }
        args.extend(self.values_args(sandbox));
        args.push("--".into());
        args.push(self.release().into());
        args.push(ChartFolder::of(self.located, sandbox).whole().into());
        args
    }

    /// The layers of values: helm itself has files first, then single values, then texts, then files as values.
    fn values_args(&self, sandbox: &Sandbox) -> Vec<OsString> {
        let layers = &self.layers;
        // The flag is a list in CSV: quoted, a comma in a path does not part it.
        let quoted = |path: PathBuf| path.display().to_string().replace('"', "\"\"");
        let files = self.values.files.iter().map(|file| sandbox.tree().join(file));
        let files = files.chain((0..layers.inline_values.len()).map(|at| inline_values(sandbox, at)));
        let files = files.map(|path| format!("--values=\"{}\"", quoted(path)).into());
        let parameters = layers.parameters.iter().map(|HelmParameter { name, value, is_text }| {
            let flag = if *is_text { "--set-string" } else { "--set" };
            format!("{flag}={name}={value}").into()
        });
        // Of the path helm takes a backslash for an escape, and a comma for its end.
        let escaped = |path: PathBuf| path.display().to_string().replace('\\', "\\\\").replace(',', "\\,");
        let contents =
            self.values.parameters.iter().map(|(name, file)| {
                format!("--set-file={name}={}", escaped(sandbox.tree().join(file))).into()
            });
        files.chain(parameters).chain(contents).collect()
    }

    fn release(&self) -> String {
        let configured = self.located.source.helm.as_ref().and_then(|helm| helm.release.clone());
        let last =
            Path::new(&self.located.source.path).file_name().map(|name| name.to_string_lossy().into_owned());
        configured.or(last).unwrap_or_else(|| self.name.clone())
    }

    /// The documents of an output, each with the template that it comes from.
    fn documents(&self, output: &[u8]) -> Vec<Result<(String, Value), Incomplete>> {
        let text = String::from_utf8_lossy(output);
        let sources: Vec<(u32, &str)> = (1..)
            .zip(text.lines())
            .filter_map(|(line, content)| Some((line, content.strip_prefix("# Source: ")?)))
            .collect();
        let file_at = |line: Option<u32>| {
            let before = line.map_or(0, |line| sources.partition_point(|(at, _)| *at <= line));
            self.file_of(before.checked_sub(1).map(|at| sources[at].1))
        };
        let read = |document: Result<yaml::Document, yaml::YamlError>| match document {
            Ok(document) => Ok((file_at(Some(document.root().span.location.line)), document.to_json())),
            Err(error) => Err(Incomplete {
                what: file_at(error.location.map(|place| place.line)),
                why: format!("helm rendered YAML that cannot be read: {}", error.why),
            }),
        };
        yaml::read(output).into_iter().map(read).collect()
    }

    /// What stands for the chart's own file: of one that is kept elsewhere what names it.
    fn own_file(&self) -> String {
        self.shown_file(CHART)
    }

    fn shown_file(&self, inside: &str) -> String {
        match self.located.source.chart() {
            Some(_) => self.located.source.path.clone(),
            None => self.located.display_path(inside),
        }
    }

    /// `web/templates/x.yaml` as a path in the repository, where there is such a file; else the chart's own.
    fn file_of(&self, source: Option<&str>) -> String {
        let in_tree = source.filter(|_| self.located.source.chart().is_none());
        let inside = in_tree.and_then(|source| source.trim().strip_prefix(&self.name)?.strip_prefix('/'));
        let file = inside.and_then(|inside| {
            let real =
                locate(self.located.tree.root, &self.located.path.join(inside).to_string_lossy()).ok()?;
            self.located.tree.root.join(&real).is_file().then_some(real)
        });
        file.map_or_else(|| self.own_file(), |file| with_forward_slashes(&file))
    }
}

/// The charts that a message is about, if it says that they are missing: those that can be names of charts.
fn missing_dependencies(error: &str) -> Option<String> {
    let error = ["an", "An"].iter().find_map(|an| {
        let rest = error
            .strip_prefix(an)?
            .strip_prefix(" error occurred while checking for chart dependencies. ")?;
        let (advice, rest) = rest.split_once(": ")?;
        advice.ends_with("to fetch missing dependencies").then_some(rest)
    })?;
    let list = error.strip_prefix("found in Chart.yaml, but missing in charts/ directory: ")?;
    let is_name = |name: &&str| name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    Some(list.split(", ").map(str::trim).filter(is_name).collect::<Vec<_>>().join(", "))
}

/// Has the name of a hook made up, which begins so.
fn rename(hook: &mut Value, beginning: Option<String>) {
    let metadata = hook.get_mut("metadata").and_then(Value::as_object_mut);
    if let (Some(metadata), Some(beginning)) = (metadata, beginning) {
        metadata.remove("name");
        metadata.insert("generateName".to_owned(), beginning.into());
    }
}

/// What charts may ask for: the server's version, and every version and kind that it serves.
fn capabilities(served: &ApiResources, layers: &HelmLayers) -> Vec<String> {
    let word = |text: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "./-_+".contains(c))
    };
    let mut flags = Vec::new();
    match &layers.kube_version {
        Some(version) => flags.push(format!("--kube-version={version}")),
        None if word(&served.version) => flags.push(format!("--kube-version={}", served.version)),
        None => {}
    }
    let kinds = served
        .kinds
        .iter()
        .map(|kind| format!("{}/{}", join_api_version(&kind.group, &kind.version), kind.kind));
    let mut versions: Vec<String> = if layers.api_versions.is_empty() {
        served.api_versions().into_iter().chain(kinds).filter(|text| word(text)).collect()
    } else {
        // The flag is a list: a version with a comma would be two.
        layers.api_versions.iter().filter(|text| word(text)).cloned().collect()
    };
    versions.sort();
    versions.dedup();
    flags.extend(versions.into_iter().map(|version| format!("--api-versions={version}")));
    flags
}
