//! What a user reads of ordinary mistakes: file, line and kind of error, from every program that renders; no value.

use std::fmt::Write as _;
use std::path::Path;

use crate::support::command::Drift;
use crate::support::repo::Repo;
use crate::support::snapshot::SnapshotFile;

const HELMS: [(&str, &[&str]); 2] = [("helm 4", &["git", "helm"]), ("helm 3", &["git", "helm3"])];
const KUSTOMIZES: [(&str, &[&str]); 2] =
    [("kustomize", &["git", "kustomize"]), ("kubectl", &["git", "kubectl"])];

const CHART: &str = "apiVersion: v2\nname: web\nversion: 0.1.0\n";
const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData:\n";

/// A mistake: what it is, the file that has it, and what stands there.
type Mistake = (&'static str, &'static str, &'static str);

const OF_CHARTS: [Mistake; 12] = [
    ("a value that is not set", "templates/s.yaml", "  a: {{ .Values.image.tag }}\n"),
    ("a value that is required", "templates/s.yaml", "  a: {{ required \"hunter2\" .Values.none }}\n"),
    ("a function that does not exist", "templates/s.yaml", "  a: {{ .Values.pw | qoute }}\n"),
    ("braces that are not closed", "templates/s.yaml", "  a: {{ .Values.pw | quote\n"),
    ("a named template that does not exist", "templates/s.yaml", "  a: {{ include \"none\" . }}\n"),
    (
        "a pattern that is none",
        "templates/s.yaml",
        "  a: {{ regexFind (printf \"(%s\" .Values.pw) \"x\" }}\n",
    ),
    ("a value that is no YAML", "templates/s.yaml", "  a: *{{ .Values.pw }}\n"),
    ("bad indentation", "templates/s.yaml", "  a: x\n b: {{ .Values.pw }}\n"),
    ("values that are no YAML", "values.yaml", "pw: hunter2\n x: y\n"),
    (
        "values that the schema refuses",
        "values.schema.json",
        "{\"properties\": {\"pw\": {\"type\": \"number\"}}}",
    ),
    ("a chart file that is no YAML", "Chart.yaml", "name: web\nversion: [\n"),
    (
        "a missing dependency",
        "Chart.yaml",
        "apiVersion: v2\nname: web\nversion: 0.1.0\ndependencies: [{name: redis, version: 1.x, repository: \"https://charts.example.com\"}]\n",
    ),
];

const OF_KUSTOMIZATIONS: [Mistake; 14] = [
    ("a file that is not there", "kustomization.yaml", "resources: [s.yaml, none.yaml]\n"),
    ("a patch that is not there", "kustomization.yaml", "resources: [s.yaml]\npatches:\n- path: none.yaml\n"),
    (
        "a file for a Secret that is not there",
        "kustomization.yaml",
        "secretGenerator:\n- name: g\n  files:\n  - pw=none.txt\n",
    ),
    ("a misspelt key", "kustomization.yaml", "resource: [s.yaml]\n"),
    ("a literal without =", "kustomization.yaml", "secretGenerator:\n- name: g\n  literals: [hunter2]\n"),
    ("a text for a list", "kustomization.yaml", "secretGenerator:\n- name: g\n  literals: pw=hunter2\n"),
    (
        "a patch of nothing",
        "kustomization.yaml",
        "resources: [s.yaml]\npatches:\n- patch: |-\n    apiVersion: v1\n    kind: Secret\n    metadata: {name: none}\n    stringData: {pw: hunter2}\n",
    ),
    (
        "a patch without a kind",
        "kustomization.yaml",
        "resources: [s.yaml]\npatches:\n- patch: '{stringData: {pw: hunter2}}'\n",
    ),
    (
        "a JSON patch that is no JSON",
        "kustomization.yaml",
        "resources: [s.yaml]\npatches:\n- patch: '[{op: replace, path: /data/pw, value: hunter2}]'\n  target: {kind: Secret}\n",
    ),
    ("a value that is no YAML", "s.yaml", "  a: *hunter2\n"),
    ("bad indentation", "s.yaml", "  a: x\n b: hunter2\n"),
    ("a key twice", "s.yaml", "  a: hunter2\n  a: hunter2\n"),
    ("a resource twice", "kustomization.yaml", "resources: [s.yaml, s.yaml]\n"),
    ("a kustomization that is no YAML", "kustomization.yaml", "resources: [s.yaml\nnamespace: shop\n"),
];

const OF_MANIFESTS: [Mistake; 4] = [
    ("a value that is no YAML", "s.yaml", "  a: *hunter2\n"),
    ("bad indentation", "s.yaml", "  a: x\n b: hunter2\n"),
    ("a key twice", "s.yaml", "  a: hunter2\n  a: hunter2\n"),
    ("a value in the wrong column", "s.yaml", "  a: |\nhunter2: hunter2\n"),
];

#[test]
fn common_mistake_located_without_showing_values() {
    let chart = [
        ("Chart.yaml", CHART.to_owned()),
        ("values.yaml", "pw: hunter2\n".to_owned()),
        ("templates/s.yaml", format!("{SECRET}  a: {{{{ .Values.pw }}}}\n")),
    ];
    let kustomization = [
        ("kustomization.yaml", "resources: [s.yaml]\n".to_owned()),
        ("s.yaml", format!("{SECRET}  pw: hunter2\n")),
    ];
    let mut out = String::new();
    told("Charts", &HELMS, &chart, &OF_CHARTS, &mut out);
    told("Kustomizations", &KUSTOMIZES, &kustomization, &OF_KUSTOMIZATIONS, &mut out);
    told("Manifests", &[("plain", &["git"])], &[], &OF_MANIFESTS, &mut out);
    assert!(!out.contains("hunter2"), "{out}");
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/messages"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("ordinary", out));
}

/// Writes what every program makes of every mistake; programs that say the same share a line.
fn told(
    title: &str,
    programs: &[(&str, &[&str])],
    files: &[(&str, String)],
    mistakes: &[Mistake],
    out: &mut String,
) {
    writeln!(out, "# {title}").expect("a String takes all");
    for (name, file, text) in mistakes {
        writeln!(out, "\n{name}:").expect("a String takes all");
        let said: Vec<_> = std::thread::scope(|scope| {
            let started = programs
                .iter()
                .map(|(program, tools)| (*program, scope.spawn(|| said(tools, files, file, text))));
            let started: Vec<_> = started.collect();
            let ended =
                started.into_iter().map(|(program, said)| (program, said.join().expect("it is told")));
            ended.collect()
        });
        for (index, (program, text)) in said.iter().enumerate() {
            let others = said.iter().enumerate().filter(|(_, (_, other))| other == text);
            let (at, names): (Vec<usize>, Vec<&str>) = others.map(|(at, (name, _))| (at, *name)).unzip();
            if at[0] == index {
                let who = if names.len() == programs.len() { String::new() } else { format!("{program}: ") };
                writeln!(out, "  {who}{text}").expect("a String takes all");
            }
        }
    }
    out.push('\n');
}

/// What `drift check` says is lacking.
fn said(tools: &[&str], files: &[(&str, String)], file: &str, text: &str) -> String {
    let repo = Repo::new();
    for (path, text) in files {
        repo.write(&format!("web/{path}"), text);
    }
    let text = if file == "s.yaml" || file == "templates/s.yaml" {
        format!("{SECRET}{text}")
    } else {
        text.to_owned()
    };
    repo.write(&format!("web/{file}"), text);
    repo.commit("A mistake");
    let live = SnapshotFile::with(&[]);
    let drift = Drift::new().with_tools(tools).in_folder(repo.path());
    let output =
        drift.args(["check", "web", "-o", "json", "--snapshot"]).arg(live.path()).run().expect_status(3);
    let report = output.json();
    let lacking = report["incomplete"].as_array().expect("a list").iter();
    let lines =
        lacking.map(|one| format!("{}: {}", one["what"], one["why"]).replace("\\\"", "'").replace('"', ""));
    lines.collect::<Vec<_>>().join("\n  ")
}
