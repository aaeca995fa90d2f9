//! What a pull request can bring that is no manifest: links, pipes, devices, repositories.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::server::Server;
use super::{LIVE, LOGIN, SETTINGS, check, is_orderly, says, shop};
use crate::support::command::Drift;
use crate::support::repo::Repo;

const SECRET: &str = "ghp_TOPSECRETtoken0123456789";

type Make = Box<dyn Fn(&Path)>;

#[expect(clippy::disallowed_methods, reason = "tests run programs")]
fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo is on the PATH").success());
}

/// A repository whose `drift.yaml` is made by `make`, at a path beside which `outside` lies.
fn with_config(make: impl Fn(&Path)) -> Repo {
    let repo = Repo::with(&[("apps/settings.yaml", SETTINGS)]);
    std::fs::write(repo.path().join("../outside"), format!("version: 1\ncluster: {SECRET}\n"))
        .expect("our own file");
    make(&repo.path().join("drift.yaml"));
    repo
}

#[test]
fn drift_yaml_outside_the_tree_is_refused() {
    let server = Server::with(LIVE);
    let link = |target: &'static str| move |at: &std::path::Path| symlink(target, at).expect("a new link");
    let cases: [(&str, Make, &str); 7] = [
        ("a link out", Box::new(link("../outside")), "is a link"),
        ("a link to a device", Box::new(link("/dev/zero")), "is a link"),
        (
            "a link to a pipe",
            Box::new(|at| {
                pipe(&at.with_file_name("pipe"));
                symlink("pipe", at).expect("a new link");
            }),
            "is a link",
        ),
        ("a link in the tree", Box::new(link("apps/settings.yaml")), "is a link"),
        ("a pipe", Box::new(pipe), "not a regular file"),
        ("a folder", Box::new(|at| std::fs::create_dir(at).expect("a new folder")), "not a regular file"),
        (
            "a huge file",
            Box::new(|at| {
                std::fs::File::create(at).and_then(|file| file.set_len(5 << 30)).expect("a sparse file");
            }),
            "at most",
        ),
    ];
    for (name, make, why) in cases {
        let repo = with_config(make);
        let started = Instant::now();
        let output = check(&repo, &server, &[]).run().expect_status(2);
        assert!(started.elapsed() < Duration::from_secs(20), "{name}: {:?}", started.elapsed());
        is_orderly(&output);
        says(&output.stderr, &["drift.yaml", why]);
        assert!(!format!("{}{}", output.stdout, output.stderr).contains(SECRET), "{name}");
    }
    assert_eq!(server.requests(), []);
}

#[test]
fn symlinked_drift_yaml_is_refused() {
    let server = Server::with(LIVE);
    let repo = with_config(|at| symlink("apps/settings.yaml", at).expect("a new link"));
    repo.commit("Link");
    for arguments in [&["--revision", "HEAD"][..], &[]] {
        let output = check(&repo, &server, arguments).run().expect_status(2);
        says(&output.stderr, &["drift.yaml", "is a link"]);
    }
}

/// A report never goes where a link of the repository leads: itself, a folder of the way, by an absolute path too.
#[test]
fn a_report_follows_no_link() {
    let repo = shop();
    let server = Server::with(LIVE);
    let victim = repo.path().join("../victim");
    std::fs::create_dir(&victim).expect("a new folder");
    std::fs::write(victim.join("report.json"), "precious").expect("our own file");
    let link = |target: &str, name: &str| symlink(target, repo.path().join(name)).expect("a new link");
    link("../victim/report.json", "report.json");
    link("../victim", "out");
    link("nowhere", "dangling.json");
    std::fs::create_dir(repo.path().join("deep")).expect("a new folder");
    link("../../victim", "deep/out");
    let absolute = repo.path().join("out/report.json").display().to_string();
    for file in [
        "report.json",
        "out/report.json",
        "dangling.json",
        "deep/out/new.json",
        "apps/../out/report.json",
        &absolute,
    ] {
        let argument = format!("json={file}");
        let output = check(&repo, &server, &["--output-file", &argument]).run().expect_status(2);
        is_orderly(&output);
        says(&output.stderr, &["is a symbolic link", "name the file itself"]);
        let kubeconfig = server.kubeconfig();
        let snapshot = Drift::new()
            .in_folder(repo.path())
            .args(["snapshot", file, "apps", "--kubeconfig"])
            .arg(kubeconfig);
        says(&snapshot.run().expect_status(2).stderr, &["is a symbolic link"]);
    }
    assert_eq!(std::fs::read_to_string(victim.join("report.json")).expect("still there"), "precious");
    assert_eq!(std::fs::read_dir(&victim).expect("still there").count(), 1);
    let output = check(&repo, &server, &["--output-file", "json=/dev/stderr"]).run().expect_status(1);
    says(&output.stderr, &["drift/report/v1"]);
}

const PUBLIC: &str = "declared-text";

/// Renders `files` and `ignored` ones (which Git does not track) and gives all that was printed.
fn rendered(files: &[(&str, &str)], ignored: &[(&str, &str)], more: &[&str]) -> (String, i32) {
    let live = |name: &str| {
        format!("---\n{}", SETTINGS.replace("name: settings", &format!("name: {name}\n  uid: {name}")))
    };
    let server = Server::with(&format!("{LIVE}{}{}", live("x"), live("hidden")));
    let repo = Repo::with(files);
    for (path, text) in ignored {
        repo.write(path, text);
    }
    let config = repo.path().join(".git/config");
    let text = std::fs::read_to_string(&config).expect("a configuration");
    std::fs::write(&config, format!("{text}[http]\n\textraheader = {SECRET}\n")).expect("our own file");
    std::fs::write(repo.path().join(".git/v.yaml"), SETTINGS.replace("blue", SECRET)).expect("our own file");
    let check = Drift::check(&repo).with_tools(&["helm", "kustomize"]).kubeconfig(server.kubeconfig());
    let output = check.format("json").arg("--all").args(more).run();
    let text = format!("{}{}", output.stdout, output.stderr);
    (text, output.status)
}

const CHART: &str = "apiVersion: v2\nname: x\nversion: 0.1.0\n";
const READS: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: shop}\ndata:\n  a: {{ .Files.Get \"creds.json\" | quote }}\n  b: {{ .Files.Get \"notes.txt\" | quote }}\n";
const ALL: &str = "version: 1\nsources: [{path: ., namespace: shop}]\n";

/// Nothing that Git ignores or does not track reaches a renderer, unless it is asked for; what is tracked does.
#[test]
fn untracked_files_reach_no_renderer() {
    let config = ("drift.yaml", ALL);
    let named = SETTINGS.replace("name: settings", "name: hidden").replace("blue", SECRET);
    let overlay = |rest: &str| format!("resources: [a.yaml]\n{rest}");
    let a = SETTINGS.replace("blue", PUBLIC);
    let generator = |key: &str, file: &str| {
        overlay(&format!(
            "configMapGenerator:\n- {{name: x, namespace: shop, options: {{disableNameSuffixHash: true}}, {key}: [{file}]}}\n"
        ))
    };
    let (envs, files) = (generator("envs", ".env"), generator("files", "sub/creds.json"));
    let base = overlay("components: [hidden]\n");
    let env_text = format!("k={SECRET}\n");
    let component = format!(
        "kind: Component\napiVersion: kustomize.config.k8s.io/v1alpha1\ncommonAnnotations: {{k: {SECRET}}}\n"
    );
    let template = READS.replace("creds.json", "sub/creds.json");
    type Files<'a> = Vec<(&'a str, &'a str)>;
    let cases: Vec<(&str, Files<'_>, Files<'_>)> = vec![
        (
            "a chart reads a file",
            vec![("Chart.yaml", CHART), ("templates/x.yaml", READS), ("notes.txt", PUBLIC)],
            vec![("creds.json", SECRET)],
        ),
        (
            "in a folder",
            vec![("Chart.yaml", CHART), ("templates/x.yaml", &template), ("notes.txt", PUBLIC)],
            vec![("sub/creds.json", SECRET)],
        ),
        (
            "a template",
            vec![("Chart.yaml", CHART), ("templates/x.yaml", READS), ("notes.txt", PUBLIC)],
            vec![("templates/hidden.yaml", &named)],
        ),
        (
            "an overlay's environment",
            vec![("kustomization.yaml", &envs), ("a.yaml", &a)],
            vec![(".env", &env_text)],
        ),
        (
            "an overlay's file",
            vec![("kustomization.yaml", &files), ("a.yaml", &a)],
            vec![("sub/creds.json", SECRET)],
        ),
        (
            "an overlay's component",
            vec![("kustomization.yaml", &base), ("a.yaml", &a)],
            vec![("hidden/kustomization.yaml", &component)],
        ),
        ("a manifest", vec![("a.yaml", &a)], vec![("hidden.yaml", &named)]),
        ("a folder of manifests", vec![("a.yaml", &a)], vec![("hidden/x.yaml", &named)]),
    ];
    for (name, mut files, hidden) in cases {
        files.push(config);
        for ignore in ["", "creds.json\n.env\nhidden*\n"] {
            let mut files = files.clone();
            files.push((".gitignore", ignore));
            let (text, code) = rendered(&files, &hidden, &[]);
            assert!(!text.contains(SECRET), "{name} ({ignore:?}): {text}");
            assert!(text.contains(PUBLIC) || code == 3, "{name} ({ignore:?}): {text}");
            let (text, _) = rendered(&files, &hidden, &["--include-untracked"]);
            assert!(text.contains(SECRET) && text.contains(PUBLIC), "{name} ({ignore:?}), asked for: {text}");
        }
    }
}

/// What is not ignored is said: it may be a file that somebody forgot to add.
#[test]
fn untracked_manifest_is_named() {
    let new = SETTINGS.replace("name: settings", "name: new");
    let (text, code) = rendered(&[("drift.yaml", ALL), ("a.yaml", SETTINGS)], &[("new.yaml", &new)], &[]);
    assert_eq!(code, 1, "{text}");
    says(&text, &["not read, as Git does not track it: new.yaml", "--include-untracked"]);
    let (text, code) = rendered(&[("a.yaml", SETTINGS)], &[("new.yaml", &new)], &["new.yaml"]);
    assert_eq!(code, 3, "{text}");
    says(&text, &["Git does not track it"]);
}

/// Whoever names it, and whether untracked files are read or not.
#[test]
fn nothing_of_gits_own_folder_is_rendered() {
    let reads = "configMapGenerator:\n- name: x\n  options: {disableNameSuffixHash: true}\n  files: [k=.git/config]\n";
    let with = |more: &str| format!("{reads}{more}");
    let (documents, openapi) =
        (with("---\nresources: [.git/config]\n"), with("openapi: {path: .git/config}\n"));
    let (case, replaced) = (with("resources: [.GIT/config]\n"), with("replacements:\n- path: .git/v.yaml\n"));
    let source =
        |path: &str, more: &str| format!("version: 1\nsources: [{{path: {path}, namespace: shop{more}}}]\n");
    let (values, itself, file) =
        (source("c", ", helm: {values: [../.git/v.yaml]}"), source(".git", ""), source(".git/v.yaml", ""));
    let all = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: shop}\ndata: {k: {{ .Values | toJson | quote }}}\n";
    for files in [
        &[("drift.yaml", ALL), ("kustomization.yaml", documents.as_str())][..],
        &[("drift.yaml", ALL), ("kustomization.yaml", &openapi)],
        &[("drift.yaml", ALL), ("kustomization.yaml", &case)],
        &[("drift.yaml", ALL), ("kustomization.yaml", &replaced)],
        &[("drift.yaml", &values), ("c/Chart.yaml", CHART), ("c/templates/x.yaml", all)],
        &[("drift.yaml", &itself), ("a.yaml", SETTINGS)],
        &[("drift.yaml", &file), ("a.yaml", SETTINGS)],
    ] {
        for more in [&[][..], &["--include-untracked"]] {
            let (text, code) = rendered(files, &[], more);
            assert!(!text.contains(SECRET), "{files:?}: {text}");
            assert_eq!(code, 3, "{files:?}: {text}");
        }
    }
}

/// A link is a name too: as a manifest, as a folder, as a file of a chart.
#[test]
fn no_link_leads_into_gits_own_folder() {
    let server = Server::with(LIVE);
    let repo = Repo::with(&[("a.yaml", SETTINGS), ("c/Chart.yaml", CHART), ("c/templates/x.yaml", READS)]);
    std::fs::write(repo.path().join(".git/v.yaml"), SETTINGS.replace("blue", SECRET)).expect("our own file");
    for (target, name) in [
        (".git/v.yaml", "v.yaml"),
        (".git", "folder"),
        ("../.git/v.yaml", "c/creds.json"),
        ("../.git", "c/notes"),
    ] {
        symlink(target, repo.path().join(name)).expect("a new link");
    }
    repo.write(
        "drift.yaml",
        "version: 1\nsources: [{path: ., namespace: shop}, {path: c, namespace: shop}]\n",
    );
    repo.commit("Link");
    for more in [&[][..], &["--include-untracked"], &["--revision", "HEAD"]] {
        let check = Drift::check(&repo).with_tools(&["helm"]).kubeconfig(server.kubeconfig());
        let output = check.format("json").arg("--all").args(more).run();
        assert!(
            !format!("{}{}", output.stdout, output.stderr).contains(SECRET),
            "{more:?}: {}",
            output.stdout
        );
    }
}

/// A submodule is another repository, in the work tree as at a revision.
#[test]
fn a_submodule_is_named_and_not_read() {
    let server = Server::with(LIVE);
    let other = Repo::with(&[("secret.yaml", &SETTINGS.replace("blue", SECRET))]);
    let repo = shop();
    repo.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &other.url(), "apps/sub"]);
    repo.commit("Add a submodule");
    for more in [&["-o", "json"][..], &["-o", "json", "--revision", "HEAD"]] {
        let output = check(&repo, &server, more).run().expect_status(3);
        says(&output.stdout, &["apps/sub", "is a submodule"]);
        assert!(!output.stdout.contains(SECRET), "{}", output.stdout);
    }
}

/// As a base of a Kustomize root a submodule hides what it adds, not the rest.
#[test]
fn a_submodule_as_a_base_hides_itself() {
    let server = Server::with(LIVE);
    let other = Repo::with(&[("kustomization.yaml", "resources: [x.yaml]\n"), ("x.yaml", LOGIN)]);
    let repo = Repo::with(&[
        ("drift.yaml", "version: 1\nsources: [{path: k}]\n"),
        ("k/kustomization.yaml", "resources: [settings.yaml, ../sub]\n"),
        ("k/settings.yaml", SETTINGS),
    ]);
    repo.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &other.url(), "sub"]);
    repo.commit("Add a submodule");
    for more in [&["-o", "json"][..], &["-o", "json", "--revision", "HEAD"]] {
        let check = Drift::check(&repo).with_tools(&["kustomize"]).kubeconfig(server.kubeconfig());
        let output = check.args(more).run().expect_status(3);
        says(&output.stdout, &["k/kustomization.yaml:1:28", "settings", "\"red\""]);
    }
}

const POINTER: &str = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n";

/// A pointer of Git LFS is no manifest, no file of a ConfigMap and no template: what has it is missed.
#[test]
fn lfs_pointer_named_and_not_parsed() {
    let server = Server::with(LIVE);
    let lfs = "is a Git LFS pointer";
    let generator = "configMapGenerator: [{name: settings, namespace: shop, files: [color]}]\n\
                     generatorOptions: {disableNameSuffixHash: true}\nresources: [other.yaml]\n";
    let other = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other, namespace: shop}\n";
    for (files, place) in [
        (vec![("app/settings.yaml", POINTER), ("app/other.yaml", other)], "app/settings.yaml"),
        (
            vec![("app/kustomization.yaml", generator), ("app/color", POINTER), ("app/other.yaml", other)],
            "app/kustomization.yaml:1:",
        ),
        (
            vec![
                ("app/kustomization.yaml", "resources: [s.yaml, other.yaml]\n"),
                ("app/s.yaml", POINTER),
                ("app/other.yaml", other),
            ],
            "app/kustomization.yaml:1:",
        ),
        (
            vec![("app/Chart.yaml", CHART), ("app/values.yaml", POINTER), ("app/templates/x.yaml", SETTINGS)],
            "app/values.yaml",
        ),
    ] {
        let repo =
            Repo::with(&[&[("drift.yaml", "version: 1\nsources: [{path: app}]\n")][..], &files].concat());
        for more in [&[][..], &["--revision", "HEAD"]] {
            let check =
                Drift::check(&repo).with_tools(&["kustomize", "helm"]).kubeconfig(server.kubeconfig());
            let output = check.format("json").args(more).run().expect_status(3);
            let report = output.json();
            let incomplete = report["incomplete"].as_array().expect("a list");
            let is_it = |entry: &&serde_json::Value| {
                entry["what"].as_str().is_some_and(|what| what.starts_with(place))
                    && entry["why"].as_str().is_some_and(|why| why.contains(lfs))
            };
            assert!(incomplete.iter().any(|entry| is_it(&entry)), "{place} {more:?}: {report:#}");
            assert!(!report["findings"].to_string().contains("settings"), "{place}: {report:#}");
        }
    }
}

/// What a sparse checkout leaves out is missed, and what it declares is not unmanaged.
#[test]
fn files_left_by_sparse_checkout_are_incomplete() {
    let server = Server::with(LIVE);
    let repo = Repo::with(&[
        ("drift.yaml", "version: 1\nsources: [{path: apps, namespace: shop}]\n"),
        ("apps/a/settings.yaml", &SETTINGS.replace("blue", "red")),
        ("apps/b/login.yaml", LOGIN),
        ("docs/x.md", ""),
    ]);
    let _ = check(&repo, &server, &[]).run().expect_status(0);
    repo.git(&["sparse-checkout", "set", "apps/a"]);
    assert!(!repo.path().join("apps/b").exists(), "git left it out");
    let output = check(&repo, &server, &[]).run().expect_status(3);
    says(&output.stderr, &["apps", "1 file of it", "sparse checkout"]);
    repo.git(&["sparse-checkout", "set", "apps"]);
    let _ = check(&repo, &server, &[]).run().expect_status(0);
}
