//! Renderers reach nothing: by the kernel where it helps, else by what is refused.

#![allow(clippy::unwrap_used, reason = "a step of a test's own set-up that fails is the test's failure")]

use std::io::Write as _;
use std::path::{Path, PathBuf};

use drift::process::{Confinement, Program};
use drift::source::Tools;

use crate::source::{CHART, Trap, Tree, helms, ids, object, source};
use crate::support::command::Drift;
use crate::support::parts::program;

fn launcher() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_drift"))
}

/// The confinement of this machine; `None`, and the test has nothing to show, where the kernel has none.
fn confinement() -> Option<Confinement> {
    let found = Confinement::probe(&launcher());
    if found.is_none() {
        // Past the capture of libtest: nothing is skipped in silence.
        let _ = writeln!(std::io::stderr(), "the kernel confines nothing here: not tested");
    }
    found
}

#[test]
fn confined_program_reaches_its_own_folder_only() {
    let Some(confinement) = confinement().filter(Confinement::has_no_files) else { return };
    let folder = tempfile::tempdir().unwrap();
    let (own, outside) = (folder.path().join("own"), folder.path().join("outside"));
    std::fs::create_dir(&own).unwrap();
    std::fs::write(&outside, "hunter2").unwrap();
    std::os::unix::fs::symlink(&outside, own.join("link")).unwrap();
    let script = "echo mine >own/file; cat own/file own/link outside /etc/passwd /proc/1/environ; echo x >outside; ls .; echo $HOME";
    let shell = Program::new("/bin/sh").args(["-c", script]).folder(folder.path());
    let shell = shell.env("PATH", "/usr/bin:/bin").env("HOME", "here");
    let output = confinement.confine(shell, &own).run().expect("sh runs");
    assert_eq!(output.stdout, b"mine\nhere\n", "{}", output.stderr);
    assert_eq!(std::fs::read_to_string(&outside).unwrap(), "hunter2");
}

#[test]
fn a_confined_program_reaches_nothing_on_loopback() {
    let Some(confinement) = confinement().filter(Confinement::has_no_network) else { return };
    let trap = Trap::set();
    let url = trap.url("x");
    let port = url.rsplit(':').next().and_then(|rest| rest.split('/').next()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let script =
        format!("echo x >/dev/tcp/127.0.0.1/{port} || echo no; echo x >/dev/tcp/localhost/{port} || echo no");
    let shell = |bash: &str| Program::new(bash).args(["-c", &script]).env("PATH", "/usr/bin:/bin");
    let Some(bash) = ["/bin/bash", "/usr/bin/bash"].into_iter().find(|path| Path::new(path).exists()) else {
        return;
    };
    let output = confinement.confine(shell(bash), folder.path()).run().expect("bash runs");
    assert_eq!(output.stdout, b"no\nno\n", "{}", output.stderr);
    trap.assert_untouched();
}

/// An end, an exit code and a name that is not there are the program's own.
#[test]
fn a_confined_program_ends_as_it_would() {
    let Some(confinement) = confinement() else { return };
    let folder = tempfile::tempdir().unwrap();
    let shell =
        |script: &str| confinement.confine(Program::new("/bin/sh").args(["-c", script]), folder.path()).run();
    assert_eq!(shell("exit 7").expect("it ends").status, 7);
    assert_eq!(shell("kill -9 $$").expect_err("it is killed").to_string(), "sh was ended by signal 9");
    let missing =
        confinement.confine(Program::new("/nowhere/helm"), folder.path()).run().expect("the launcher ends");
    assert_eq!(missing.status, 126);
    assert!(missing.stderr.contains("cannot run the program"), "{}", missing.stderr);
}

fn kustomize() -> Tools {
    Tools::from_paths(None, Some(program("kustomize", "kustomize")), None)
}

const GENERATOR: &str =
    "apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {name: stolen}\nfiles: ['k=@']\n";
const PATCHER: &str = "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: x}\npath: '@'\ntarget: {kind: ConfigMap}\n";
const REPLACER: &str =
    "apiVersion: builtin\nkind: ReplacementTransformer\nmetadata: {name: x}\nreplacements: [{path: '@'}]\n";
const C: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n";

/// Folders of plug-ins with an address: as a file says it, in a folder of the folder, or put together by a patch, a
/// replacement, a component.
fn folders(url: &str) -> Vec<(&'static str, Vec<(&'static str, String)>)> {
    let say = |text: &str| text.replace('@', url);
    let inside = "resources: [g.yaml]\n";
    let root = |key: &str| format!("{key}: [./gen]\nresources: [c.yaml]\n");
    let patch = |text: String| format!("{inside}{text}");
    let json_patch = patch(format!(
        "patches:\n- target: {{kind: ConfigMapGenerator}}\n  patch: |-\n    - {{op: replace, path: /files, value: ['k={url}']}}\n"
    ));
    let replaced = patch("replacements:\n- source: {kind: ConfigMapGenerator, fieldPath: metadata.annotations.a}\n  targets: [{select: {kind: ConfigMapGenerator}, fieldPaths: [files.0]}]\n".to_owned());
    let annotated =
        GENERATOR.replace("{name: stolen}", &format!("{{name: stolen, annotations: {{a: 'k={url}'}}}}"));
    let component = format!(
        "kind: Component\napiVersion: kustomize.config.k8s.io/v1alpha1\npatches:\n- target: {{kind: ConfigMapGenerator}}\n  patch: |-\n    - {{op: replace, path: /files, value: ['k={url}']}}\n"
    );
    let gen_file = "gen/kustomization.yaml";
    vec![
        (
            "generators",
            vec![
                ("kustomization.yaml", root("generators")),
                (gen_file, inside.to_owned()),
                ("gen/g.yaml", say(GENERATOR)),
            ],
        ),
        (
            "another case",
            vec![
                ("kustomization.yaml", root("Generators")),
                (gen_file, inside.to_owned()),
                ("gen/g.yaml", say(GENERATOR)),
            ],
        ),
        (
            "transformers",
            vec![
                ("kustomization.yaml", root("transformers")),
                (gen_file, inside.to_owned()),
                ("gen/g.yaml", say(PATCHER)),
            ],
        ),
        (
            "validators",
            vec![
                ("kustomization.yaml", root("validators")),
                (gen_file, inside.to_owned()),
                ("gen/g.yaml", say(REPLACER)),
            ],
        ),
        (
            "deeper",
            vec![
                ("kustomization.yaml", root("generators")),
                (gen_file, "resources: [in]\n".to_owned()),
                ("gen/in/kustomization.yaml", inside.to_owned()),
                ("gen/in/g.yaml", say(GENERATOR)),
            ],
        ),
        (
            "also a root",
            vec![
                ("kustomization.yaml", "resources: [c.yaml, gen]\ngenerators: [gen]\n".to_owned()),
                (gen_file, inside.to_owned()),
                ("gen/g.yaml", say(GENERATOR)),
            ],
        ),
        (
            "a patch",
            vec![
                ("kustomization.yaml", root("generators")),
                (gen_file, json_patch),
                ("gen/g.yaml", GENERATOR.to_owned()),
            ],
        ),
        (
            "a replacement",
            vec![("kustomization.yaml", root("generators")), (gen_file, replaced), ("gen/g.yaml", annotated)],
        ),
        (
            "a component",
            vec![
                ("kustomization.yaml", root("generators")),
                (gen_file, format!("{inside}components: [../comp]\n")),
                ("gen/g.yaml", GENERATOR.to_owned()),
                ("comp/kustomization.yaml", component),
            ],
        ),
    ]
}

#[test]
fn plugin_folders_reach_no_network() {
    let trap = Trap::set();
    for tools in [kustomize(), kustomize().confined_by(launcher())] {
        for (name, files) in folders(&trap.url("x")) {
            let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
            let tree = Tree::new(&[&files[..], &[("c.yaml", C)]].concat());
            let rendered = tree.render(&tools, &[source(".")]);
            assert!(!rendered.sources[0].is_complete(), "{name}: {:?}", ids(&rendered));
            trap.assert_untouched();
        }
    }
}

/// The counterpart: what names nothing is rendered, and changes to it where the kernel helps.
#[test]
fn a_folder_of_transformers_is_rendered() {
    let label = "apiVersion: builtin\nkind: LabelTransformer\nmetadata: {name: l}\nlabels: {team: blue}\nfieldSpecs: [{path: metadata/labels, create: true}]\n";
    let tree = |inside: &str| {
        let files = [
            ("kustomization.yaml", "resources: [c.yaml]\ntransformers: [./tr]\n"),
            ("c.yaml", C),
            ("tr/l.yaml", label),
        ];
        Tree::new(&[&files[..], &[("tr/kustomization.yaml", inside)]].concat())
    };
    let patched = "resources: [l.yaml]\npatches:\n- target: {kind: LabelTransformer}\n  patch: |-\n    - {op: add, path: /labels/tier, value: web}\n";
    let confined = kustomize().confined_by(launcher());
    for tools in [&kustomize(), &confined] {
        let rendered = tree("resources: [l.yaml]\n").render(tools, &[source(".")]);
        assert!(rendered.incomplete.is_empty(), "{:?}", rendered.incomplete);
        assert_eq!(object(&rendered, "ConfigMap/default/c").value["metadata"]["labels"]["team"], "blue");
    }
    let rendered = tree(patched).render(&kustomize(), &[source(".")]);
    assert!(rendered.incomplete[0].why.contains("could name an address"), "{:?}", rendered.incomplete);
    if confined.confinement().is_some_and(Confinement::has_no_network) {
        let rendered = tree(patched).render(&confined, &[source(".")]);
        assert_eq!(object(&rendered, "ConfigMap/default/c").value["metadata"]["labels"]["tier"], "web");
    }
}

#[test]
fn confined_chart_renders_the_same() {
    let tree = Tree::new(&[
        ("web/Chart.yaml", CHART),
        ("web/values.yaml", "a: 1\n"),
        (
            "web/templates/x.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: '{{ .Values.a }}'}\n",
        ),
    ]);
    for (version, tools) in helms() {
        let plain = tree.render(&tools, &[source("web")]);
        let confined = tree.render(&tools.confined_by(launcher()), &[source("web")]);
        assert!(
            plain.incomplete.is_empty() && confined.incomplete.is_empty(),
            "{version}: {:?}",
            confined.incomplete
        );
        assert_eq!(
            *object(&plain, "ConfigMap/default/c").value,
            *object(&confined, "ConfigMap/default/c").value,
            "{version}"
        );
    }
}

#[test]
fn sandbox_is_reported_and_can_be_required() {
    let drift = || Drift::new().args(["check", "--repository", "nowhere", "-v"]);
    let output = drift().run().expect_status(2);
    assert!(output.stderr.contains("drift: info: renderers have "), "{}", output.stderr);
    let required = drift().arg("--require-sandbox").run().expect_status(2);
    let is_whole = confinement().is_some_and(|found| found.has_no_network() && found.has_no_files());
    assert_eq!(required.stderr.contains("--require-sandbox"), !is_whole, "{}", required.stderr);
}
