//! The Dockerfile, as far as it can be judged where nothing builds it.

use std::path::Path;

use crate::support::tree::{root, rust_files};

fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The instructions of the Dockerfile, continued lines joined.
fn instructions() -> Vec<String> {
    let text = read("Dockerfile").replace("\\\n", " ");
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

fn all<'a>(instructions: &'a [String], name: &str) -> Vec<&'a str> {
    let prefix = format!("{name} ");
    instructions.iter().filter_map(|line| line.strip_prefix(&prefix)).collect()
}

/// Paths of the project that the image is built from.
fn copied(instructions: &[String]) -> Vec<String> {
    let own = all(instructions, "COPY").into_iter().filter(|copy| !copy.starts_with("--from="));
    let sources = own.flat_map(|copy| {
        let words: Vec<_> = copy.split_whitespace().collect();
        words[..words.len() - 1].iter().map(|word| (*word).to_owned()).collect::<Vec<_>>()
    });
    sources.collect()
}

#[test]
fn image_inputs_exist_and_are_not_ignored() {
    let instructions = instructions();
    let ignore = read(".dockerignore");
    let allowed: Vec<_> = ignore.lines().filter_map(|line| line.strip_prefix('!')).collect();
    assert!(ignore.lines().any(|line| line == "*"));
    let copied = copied(&instructions);
    assert_eq!(copied, ["Cargo.toml", "Cargo.lock", "src", "deploy/github/drift.yml", "LICENSE"]);
    for path in &copied {
        assert!(root().join(path).exists(), "the Dockerfile copies {path}, which is not there");
        assert!(allowed.contains(&path.as_str()), ".dockerignore leaves {path} out");
    }
    let stages: Vec<_> =
        all(&instructions, "FROM").iter().filter_map(|from| from.split(" AS ").nth(1)).collect();
    for copy in all(&instructions, "COPY").iter().filter_map(|copy| copy.strip_prefix("--from=")) {
        let stage = copy.split(' ').next().unwrap_or_default();
        assert!(stages.contains(&stage), "no stage is called {stage}");
    }
    // What the program embeds must be copied too.
    for file in rust_files("src") {
        for macro_name in ["include_str!(\"", "include_bytes!(\""] {
            for part in read(&file).split(macro_name).skip(1) {
                let path = part.split('"').next().unwrap_or_default();
                let full = root().join(&file).parent().expect("a folder").join(path);
                let full = full.canonicalize().unwrap_or_else(|error| panic!("{file}: {path}: {error}"));
                let inside = copied.iter().any(|path| full.starts_with(root().join(path)));
                assert!(inside, "{file} embeds {path}, which the image is not built with");
            }
        }
    }
}

#[test]
fn image_has_the_tested_versions() {
    let (instructions, bring) = (instructions(), read("tests/parts/bring"));
    let cargo = read("Cargo.toml");
    let quoted = |text: &str, key: &str| {
        let line = text.lines().find(|line| line.starts_with(key)).unwrap_or_else(|| panic!("no {key}"));
        line.split('"').nth(1).expect("a quoted value").to_owned()
    };
    let rust = quoted(&cargo, "rust-version");
    assert!(all(&instructions, "FROM")[0].starts_with(&format!("rust:{rust}-")), "Cargo.toml says {rust}");
    let modules: Vec<_> = instructions
        .iter()
        .filter(|line| line.contains("go install"))
        .map(|line| line.rsplit(' ').next().expect("a module"))
        .collect();
    assert_eq!(modules.len(), 2);
    for module in modules {
        assert!(bring.contains(module), "tests/parts/bring does not build {module}");
    }
    let flag = "helm.sh/helm/v4/internal/version.version=v";
    let version_in = |text: &str| text.split(flag).nth(1).map(|rest| rest[..6].to_owned());
    assert_eq!(version_in(&instructions.join("\n")), version_in(&bring));
    let image = format!("image: ghcr.io/drift/drift:{}\n", quoted(&cargo, "version"));
    assert!(read("deploy/base/cronjob.yaml").contains(&image), "the CronJob does not run {image}");
}

#[test]
fn image_runs_as_nonroot_without_leftovers() {
    let instructions = instructions();
    let users = all(&instructions, "USER");
    let last = users.last().expect("a USER");
    let numbers: Vec<u32> = last.split(':').map(|part| part.parse().expect("a number")).collect();
    assert_eq!(numbers, [65532, 65532]);
    let position = |name: &str| instructions.iter().rposition(|line| line.starts_with(name)).expect(name);
    assert!(position("USER") > position("COPY") && position("USER") > position("RUN"));
    for run in all(&instructions, "RUN").iter().filter(|run| run.contains("apt-get install")) {
        assert!(
            run.contains("--no-install-recommends") && run.contains("rm -rf /var/lib/apt/lists/*"),
            "{run}"
        );
    }
    for line in instructions.iter().filter(|line| line.starts_with("ARG") || line.starts_with("ENV")) {
        assert!(
            !line.to_lowercase().contains("token") && !line.to_lowercase().contains("password"),
            "{line}"
        );
    }
    assert!(!instructions.iter().any(|line| line.starts_with("ADD ")));
    assert!(Path::new(all(&instructions, "ENTRYPOINT")[0].trim_matches(['[', ']', '"'])).is_absolute());
}
