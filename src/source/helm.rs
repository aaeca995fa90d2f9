//! Charts, rendered by the real helm in a private copy: twice, so that what differs by itself is known.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use serde_json::Value;

use super::sandbox::Sandbox;
use super::tools::Tool;
use super::{
    CHART, Draft, Gathered, Located, SourceKind, copy, locate, manifest, message, slashed, unstable,
};
use crate::config;
use crate::model::{Incomplete, Later, Origin, ResourceId, Served, join_api_version};
use crate::yaml;

pub(super) fn gather(located: &Located<'_>) -> Gathered {
    let mut gathered = Gathered::new(SourceKind::Helm);
    let tool = match located.request.tools.helm() {
        Ok(tool) => tool,
        Err(error) => {
            gathered.lacks(&located.source.path, error.to_string());
            return gathered;
        }
    };
    gathered.tool = Some(tool.shown.clone());
    if let Err(incomplete) = template(located, tool, &mut gathered) {
        gathered.incomplete.push(incomplete);
    }
    gathered
}

fn template(located: &Located<'_>, tool: &Tool, gathered: &mut Gathered) -> Result<(), Incomplete> {
    let fault = |why: String| Incomplete { what: located.source.path.clone(), why };
    let values = values_files(located)?;
    let sandbox = Sandbox::new().map_err(|error| fault(format!("no temporary folder: {error}")))?;
    let wanted = std::iter::once(located.path.clone()).chain(values.iter().cloned());
    let left_out =
        copy::copy(located.root, wanted, &sandbox.tree()).map_err(|error| fault(error.to_string()))?;
    let content = Content::of(&sandbox.tree(), &located.path);
    if let Some(link) = left_out.links.iter().find(|link| content.holds(link)) {
        let why = "the link leads out of the repository, and a chart's files may not";
        return Err(Incomplete { what: slashed(link), why: why.to_owned() });
    }
    let chart = Chart { located, tool, sandbox, values, content, name: chart_name(located) };
    let result = chart.render(gathered);
    chart.sandbox.close();
    result
}

/// The values files, from the root of the repository, without links; each must be there.
fn values_files(located: &Located<'_>) -> Result<Vec<PathBuf>, Incomplete> {
    let values = located.source.helm.iter().flat_map(|helm| &helm.values);
    values
        .map(|file| {
            let lacks = |why: &str| Incomplete {
                what: format!("values file {file} of {}", located.source.path),
                why: why.to_owned(),
            };
            let real = located.on_disk().join(file).canonicalize();
            let real =
                real.map_err(|_| lacks("there is no such file; paths are from the source's folder"))?;
            let inside =
                real.strip_prefix(located.root).map_err(|_| lacks("it lies outside the repository"))?;
            let is_file = real.is_file().then(|| inside.to_path_buf());
            is_file.ok_or_else(|| lacks("it is not a file"))
        })
        .collect()
}

fn chart_name(located: &Located<'_>) -> String {
    let bytes = fs::read(located.on_disk().join(CHART)).unwrap_or_default();
    let document = yaml::read(&bytes).into_iter().next().and_then(Result::ok);
    let name = document.and_then(|document| document.to_json()["name"].as_str().map(str::to_owned));
    name.unwrap_or_default()
}

/// What is in a chart's copy: every folder that helm walks through, links followed.
#[derive(Default)]
struct Content {
    folders: BTreeSet<PathBuf>,
    /// Schemas ask for nothing but themselves.
    schemas_are_local: bool,
    /// Templates that read the clock, from the root of the repository.
    clocks: BTreeSet<String>,
}

impl Content {
    fn of(tree: &Path, chart: &Path) -> Self {
        let mut content = Self { schemas_are_local: true, ..Self::default() };
        let mut queue = VecDeque::from([chart.to_path_buf()]);
        while let Some(folder) = queue.pop_front() {
            if !content.folders.insert(folder.clone()) {
                continue;
            }
            let Ok(entries) = fs::read_dir(tree.join(&folder)) else { continue };
            for entry in entries.flatten() {
                let Ok(real) = entry.path().canonicalize() else { continue };
                let Ok(inside) = real.strip_prefix(tree) else { continue };
                if real.is_dir() {
                    queue.push_back(inside.to_path_buf());
                } else {
                    content.file(tree, inside, &entry.file_name());
                }
            }
        }
        content
    }

    fn file(&mut self, tree: &Path, file: &Path, name: &std::ffi::OsStr) {
        let name = name.to_string_lossy();
        if name == "values.schema.json" {
            let bytes = fs::read(tree.join(file)).unwrap_or_default();
            self.schemas_are_local &= serde_json::from_slice(&bytes).is_ok_and(|schema| is_local(&schema));
        } else if name.ends_with(".tgz") {
            // A packaged chart's schema is not looked into, so it is not believed.
            self.schemas_are_local = false;
        } else if [".yaml", ".yml", ".tpl"].iter().any(|ending| name.ends_with(ending))
            && file.components().any(|part| part.as_os_str() == "templates")
            && fs::read_to_string(tree.join(file)).is_ok_and(|text| reads_clock(&text))
        {
            self.clocks.insert(slashed(file));
        }
    }

    fn holds(&self, link: &Path) -> bool {
        link.parent().is_some_and(|folder| self.folders.contains(folder))
    }
}

/// Whether a JSON Schema refers to nothing but itself and the well-known drafts, which helm has built in.
fn is_local(schema: &Value) -> bool {
    match schema {
        Value::Object(map) => map.iter().all(|(key, value)| match (key.as_str(), value.as_str()) {
            ("$ref" | "$dynamicRef" | "$recursiveRef", Some(target)) => target.starts_with('#'),
            ("$schema", Some(draft)) => is_known_draft(draft),
            _ => is_local(value),
        }),
        Value::Array(items) => items.iter().all(is_local),
        _ => true,
    }
}

fn is_known_draft(address: &str) -> bool {
    let bare = address.trim_end_matches('#');
    let path = bare
        .strip_prefix("http://json-schema.org/")
        .or_else(|| bare.strip_prefix("https://json-schema.org/"));
    let drafts = [
        "schema",
        "draft-04/schema",
        "draft-06/schema",
        "draft-07/schema",
        "draft/2019-09/schema",
        "draft/2020-12/schema",
    ];
    path.is_some_and(|path| drafts.contains(&path))
}

/// Whether an action of a template calls `now` or `ago`.
fn reads_clock(template: &str) -> bool {
    template.split("{{").skip(1).any(|rest| {
        let action = rest.split("}}").next().unwrap_or_default();
        action
            .split(|c: char| !(c.is_alphanumeric() || "_.$\"/".contains(c)))
            .any(|word| word == "now" || word == "ago")
    })
}

struct Chart<'a> {
    located: &'a Located<'a>,
    tool: &'a Tool,
    sandbox: Sandbox,
    values: Vec<PathBuf>,
    content: Content,
    name: String,
}

impl Chart<'_> {
    fn render(&self, gathered: &mut Gathered) -> Result<(), Incomplete> {
        let (first, second) = thread::scope(|scope| {
            let again = scope.spawn(|| self.run());
            (self.run(), again.join().expect("running a program does not panic"))
        });
        let (first, again) = (first?, second?);
        let mut second = BTreeMap::new();
        for (_, value) in self.documents(&again).into_iter().flatten() {
            if let Ok(id) = ResourceId::of(&value) {
                second.insert(id, value);
            }
        }
        for document in self.documents(&first) {
            match document {
                Ok((file, value)) => self.add(file, value, &second, gathered),
                Err(incomplete) => gathered.incomplete.push(incomplete),
            }
        }
        self.warn(gathered);
        Ok(())
    }

    fn add(&self, file: String, value: Value, second: &BTreeMap<ResourceId, Value>, gathered: &mut Gathered) {
        let again = ResourceId::of(&value).ok().map(|id| (second.get(&id), id));
        let unstable = match again {
            Some((None, id)) => {
                gathered.lacks(file, format!("{} has another name each time it is rendered", id.kind));
                return;
            }
            Some((Some(again), _)) => unstable::differing(&value, again),
            None => Vec::new(),
        };
        let mut notes = Vec::new();
        if !unstable.is_empty() {
            notes.push("the chart renders random values or dates here; they are not compared".to_owned());
        }
        if self.content.clocks.contains(&file) {
            notes.push("its template reads the clock: dates in it may differ from day to day".to_owned());
        }
        let origin = Origin { source: self.located.source.path.clone(), file, place: None };
        let (value, fields) = (value.into(), Later::default());
        let document = None;
        manifest::add(Draft { value, origin, fields, document, notes, unstable, optional: None }, gathered);
    }

    fn warn(&self, gathered: &mut Gathered) {
        let path = &self.located.source.path;
        if !self.content.schemas_are_local {
            let why = "values of {path} were not checked against values.schema.json: it refers to other files or is packaged";
            gathered.warnings.push(why.replace("{path}", path));
        }
        for helper in self.content.clocks.iter().filter(|file| file.ends_with(".tpl")) {
            gathered
                .warnings
                .push(format!("{helper} reads the clock: dates in {path} may differ from day to day"));
        }
    }

    fn run(&self) -> Result<Vec<u8>, Incomplete> {
        let program = self.sandbox.program(&self.tool.path).args(self.args());
        let fault = |why: String| Incomplete { what: self.located.source.path.clone(), why };
        let output = program.run().map_err(|error| fault(error.to_string()))?;
        if output.status == 0 {
            return Ok(output.stdout);
        }
        let told = message::error_of(&self.sandbox.without_paths(&output.stderr));
        Err(self.failure(&told))
    }

    fn failure(&self, told: &str) -> Incomplete {
        let place = message::template_place(told, &self.name);
        let what = match place {
            Some((file, place)) => format!("{}{place}", self.located.shown(&file)),
            None => self.located.shown(CHART),
        };
        let why = match told.split_once("missing in charts/ directory: ") {
            Some((_, missing)) => format!(
                "the chart's dependencies are not in its charts/ folder: {missing}; run `helm dependency build` and commit charts/"
            ),
            None => format!("helm failed: {told}"),
        };
        Incomplete { what, why }
    }

    /// Every value is joined to its flag with `=`, and names stand after `--`: nothing in the repository or from the
    /// cluster can become a flag.
    fn args(&self) -> Vec<OsString> {
        let mut args: Vec<OsString> = vec![self.tool.before.into()];
        args.push(format!("--namespace={}", self.located.namespace()).into());
        args.push("--include-crds".into());
        args.extend(capabilities(self.located.request.served).into_iter().map(OsString::from));
        if !self.content.schemas_are_local {
            args.push("--skip-schema-validation".into());
        }
        let tree = self.sandbox.tree();
        for file in &self.values {
            // The flag is a list in CSV: quoted, a comma in a path does not part it.
            let path = tree.join(file).display().to_string().replace('"', "\"\"");
            args.push(format!("--values=\"{path}\"").into());
        }
        args.push("--".into());
        args.push(self.release().into());
        args.push(tree.join(&self.located.path).into());
        args
    }

    fn release(&self) -> String {
        let configured =
            self.located.source.helm.as_ref().and_then(|helm: &config::Helm| helm.release.clone());
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
        let read = |document: Result<yaml::Document, yaml::ReadError>| match document {
            Ok(document) => Ok((file_at(Some(document.root().span.place.line)), document.to_json())),
            Err(error) => Err(Incomplete {
                what: file_at(error.place.map(|place| place.line)),
                why: format!("helm rendered YAML that cannot be read: {}", error.why),
            }),
        };
        yaml::read(output).into_iter().map(read).collect()
    }

    /// `web/templates/x.yaml` as a path in the repository, where there is such a file; else the chart's own.
    fn file_of(&self, source: Option<&str>) -> String {
        let inside = source.and_then(|source| source.trim().strip_prefix(&self.name)?.strip_prefix('/'));
        let file = inside.and_then(|inside| {
            let real = locate(self.located.root, &self.located.path.join(inside).to_string_lossy()).ok()?;
            self.located.root.join(&real).is_file().then_some(real)
        });
        file.map_or_else(|| self.located.shown(CHART), |file| slashed(&file))
    }
}

/// What charts may ask for: the server's version, and every version and kind that it serves.
fn capabilities(served: &Served) -> Vec<String> {
    let word = |text: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "./-_+".contains(c))
    };
    let mut flags = Vec::new();
    if word(&served.version) {
        flags.push(format!("--kube-version={}", served.version));
    }
    let kinds = served
        .kinds
        .iter()
        .map(|kind| format!("{}/{}", join_api_version(&kind.group, &kind.version), kind.kind));
    let mut versions: Vec<String> =
        served.api_versions().into_iter().chain(kinds).filter(|text| word(text)).collect();
    versions.sort();
    versions.dedup();
    flags.extend(versions.into_iter().map(|version| format!("--api-versions={version}")));
    flags
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{is_local, reads_clock};

    #[test]
    fn a_schema_that_refers_elsewhere_is_not_local() {
        for schema in [
            json!({"properties": {"a": {"$ref": "http://127.0.0.1/x"}}}),
            json!({"allOf": [{"$ref": "file:///etc/passwd"}]}),
            json!({"$ref": "other.json"}),
            json!({"$schema": "http://127.0.0.1/draft"}),
            json!({"$schema": "http://json-schema.org.example.com/schema"}),
        ] {
            assert!(!is_local(&schema), "{schema}");
        }
        assert!(is_local(
            &json!({"$schema": "http://json-schema.org/draft-07/schema#", "$ref": "#/$defs/x"})
        ));
    }

    #[test]
    fn a_call_of_now_is_found_in_actions_only() {
        assert!(reads_clock("at: {{ now | date \"2006\" }}"));
        assert!(reads_clock("{{- $x := (now) -}}"));
        for template in ["now: {{ .Values.now }}", "{{ .Values.nowhere }} now", "{{ $now }}"] {
            assert!(!reads_clock(template), "{template}");
        }
    }
}
