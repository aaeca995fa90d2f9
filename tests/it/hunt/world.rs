//! Repositories whose rendering fails, each with a secret in it.

use super::dice::Dice;
use super::secret::Secret;
use super::tables::{CHART_FILES, EXPRESSIONS, GENERATORS, PATCHES, SCALARS, SECRETS, VALUES};

/// A repository with a source `c` that is meant to fail.
pub(super) struct World {
    /// What it is made of, without the secret.
    pub(super) name: String,
    pub(super) files: Vec<(String, Vec<u8>)>,
    pub(super) tools: &'static [&'static str],
}

/// What renders a source.
const RENDERERS: [(&str, &[&str]); 5] = [
    ("plain", &["git"]),
    ("kustomize", &["git", "kustomize"]),
    ("kubectl", &["git", "kubectl"]),
    ("helm 4", &["git", "helm"]),
    ("helm 3", &["git", "helm3"]),
];

impl World {
    pub(super) fn roll(number: u64, dice: &mut Dice, secret: &Secret) -> Self {
        // Every renderer gets its share.
        let (renderer, tools) = RENDERERS[(number % RENDERERS.len() as u64) as usize];
        let (name, files) = match renderer {
            "plain" => plain(dice),
            "kustomize" | "kubectl" => kustomize(dice),
            _ => chart(dice),
        };
        let name = format!("{renderer}: {name}");
        let files = files.into_iter().map(|(path, text)| (path, fill(&text, secret))).collect();
        Self { name, files, tools }
    }
}

type Files = (String, Vec<(String, String)>);

/// Puts the secret where a table has a hole for it: `§` as it is, `§q` in double quotes as YAML reads them, `§b` in base64;
/// `§0` is a byte that is no UTF-8.
fn fill(text: &str, secret: &Secret) -> Vec<u8> {
    use base64::Engine as _;
    let quoted = serde_json::Value::from(secret.text.clone()).to_string();
    let encoded = base64::engine::general_purpose::STANDARD.encode(&secret.text);
    let mut parts = text.split("§0");
    let fill = |part: &str| {
        part.replace("§q", &quoted).replace("§b", &encoded).replace('§', &secret.text).into_bytes()
    };
    let first = parts.next().map(fill).unwrap_or_default();
    parts.fold(first, |bytes, part| [bytes, vec![0xff], fill(part)].concat())
}

fn plain(dice: &mut Dice) -> Files {
    let file = secret_file(dice);
    (file.clone(), vec![("c/s.yaml".to_owned(), file)])
}

/// A manifest of a Secret that is broken, or one that holds a scalar which breaks it.
fn secret_file(dice: &mut Dice) -> String {
    if dice.below(3) == 0 {
        return dice.of(SECRETS).to_owned();
    }
    let field = dice.of(&["data", "stringData"]);
    let before = dice.of(&["", "  b: §q\n", "  b: x\n"]);
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: s, namespace: shop}}\n{field}:\n{before}  a: {}\n",
        dice.of(SCALARS)
    )
}

const WHOLE: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: shop}\nstringData:\n  pw: §q\n  number: \"5\"\n";

fn kustomize(dice: &mut Dice) -> Files {
    let mut files = Vec::new();
    let mut add = |name: &str, text: &str| files.push((format!("c/{name}"), text.to_owned()));
    let name = match dice.below(4) {
        0 => {
            let file = secret_file(dice);
            add("s.yaml", &file);
            add("kustomization.yaml", "resources: [s.yaml]\n");
            file
        }
        1 => {
            let generator = dice.of(GENERATORS);
            let (text, env) = generator.split_once("\n====\n").unwrap_or((generator, "a=§"));
            add("s.yaml", WHOLE);
            add("e.env", env);
            add("kustomization.yaml", text);
            generator.to_owned()
        }
        _ => {
            let patch = dice.of(PATCHES);
            let (text, file) = patch.split_once("\n====\n").unwrap_or((patch, "a: §"));
            add("s.yaml", WHOLE);
            add("p.yaml", file);
            add("kustomization.yaml", &format!("resources: [s.yaml]\n{text}\n"));
            patch.to_owned()
        }
    };
    // A base below, as most are.
    if dice.below(4) == 0 {
        files.iter_mut().for_each(|(path, _)| *path = path.replace("c/", "c/base/"));
        files.push(("c/kustomization.yaml".to_owned(), "resources: [base]\n".to_owned()));
    }
    (name, files)
}

/// What the values of every chart hold.
const VALUE: &str = "pw: §q\nlist: [§q]\nmap: {a: §q}\nnumber: 5\nencoded: §b\n";

fn chart(dice: &mut Dice) -> Files {
    let mut files = vec![("c/Chart.yaml".to_owned(), "apiVersion: v2\nname: c\nversion: 0.1.0\n".to_owned())];
    let mut add = |name: &str, text: &str| files.push((format!("c/{name}"), text.to_owned()));
    let (mut values, mut name) = (VALUE.to_owned(), String::new());
    let mut template = WHOLE.replace("§q", "{{ .Values.pw | quote }}");
    match dice.below(5) {
        0 => {
            name = secret_file(dice);
            template.clone_from(&name);
        }
        1 => {
            name = dice.of(VALUES).to_owned();
            values = name.clone();
        }
        2 => {
            let file = dice.of(CHART_FILES);
            let (path, text) = file.split_once('\n').expect("a table's entry has a path and a text");
            file.clone_into(&mut name);
            files.retain(|(known, _)| *known != format!("c/{path}"));
            files.push((format!("c/{path}"), text.to_owned()));
        }
        _ => {
            let expression = dice.of(EXPRESSIONS);
            expression.clone_into(&mut name);
            let (expression, helper) = expression.split_once("\n====\n").unwrap_or((expression, ""));
            template = template.replace("{{ .Values.pw | quote }}", expression);
            add("templates/_helpers.tpl", helper);
        }
    }
    files.push(("c/values.yaml".to_owned(), values));
    files.push(("c/templates/s.yaml".to_owned(), template));
    if dice.below(4) == 0 {
        return (name, below(files));
    }
    (name, files)
}

/// The chart as a part of another one.
fn below(files: Vec<(String, String)>) -> Vec<(String, String)> {
    let outer = [
        ("c/Chart.yaml", "apiVersion: v2\nname: o\nversion: 0.1.0\n"),
        ("c/values.yaml", "c: {other: §q}\n"),
    ];
    let inner = files.into_iter().map(|(path, text)| (path.replace("c/", "c/charts/c/"), text));
    inner.chain(outer.map(|(path, text)| (path.to_owned(), text.to_owned()))).collect()
}
