//! `deploy/config-v1.schema.json` and drift agree on what a `drift.yaml` may hold.

use drift::config::parse;
use jsonschema::Validator;
use serde_json::Value;

use crate::support::command::Drift;
use crate::support::literals::literals;
use crate::support::repo::Repo;
use crate::support::snapshot::SnapshotFile;
use crate::support::tree::{files, root, rust_files};

fn schema() -> Validator {
    let text = std::fs::read_to_string(root().join("deploy/config-v1.schema.json")).expect("it is shipped");
    let schema = serde_json::from_str(&text).expect("JSON");
    jsonschema::validator_for(&schema).expect("the schema is one")
}

/// Whether the schema takes the text; `None` where it is no YAML that an editor could hold against a schema.
fn fits(schema: &Validator, text: &str) -> Option<bool> {
    // By way of YAML's own values, which refuse two equal keys.
    let value: serde_yaml::Value = serde_yaml::from_str(text).ok()?;
    Some(schema.is_valid(&serde_json::to_value(value).ok()?))
}

fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).expect("a text file of the project")
}

/// Every `drift.yaml` of the project: files, blocks of pages, and texts in the tests, with where each stands.
fn shipped() -> Vec<(String, String)> {
    let of = |folder: &str| files(folder).into_iter().filter(|file| file.ends_with("/drift.yaml"));
    let folders = ["src", "testdata", "examples", "deploy"].into_iter();
    let mut found: Vec<(String, String)> = folders
        .flat_map(of)
        // Below a folder that Flux applies it is a manifest like any other.
        .filter(|file| !file.starts_with("testdata/flux/"))
        .map(|file| {
            let text = read(&file);
            (file, text)
        })
        .collect();
    for page in ["README.md".to_owned()].into_iter().chain(files("docs")).chain(files("deploy")) {
        if page.ends_with(".md") {
            let text = read(&page);
            let blocks =
                text.split("```").skip(1).step_by(2).filter_map(|block| block.strip_prefix("yaml\n"));
            let ours = blocks.filter(|block| block.lines().any(|line| line.starts_with("version: 1")));
            found.extend(ours.map(|block| (page.clone(), block.to_owned())));
        }
    }
    found
}

#[test]
fn shipped_configurations_fit_the_schema() {
    let schema = schema();
    let shipped = shipped();
    assert!(shipped.iter().any(|(file, _)| file == "README.md") && shipped.len() > 5, "{shipped:?}");
    for (file, text) in shipped {
        let value: Value = serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
        let faults: Vec<_> =
            schema.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(faults.is_empty(), "{file}: {faults:#?}");
        assert_eq!(parse("drift.yaml", &text).err(), None, "{file}");
    }
}

/// Of every text of the tests that begins like a `drift.yaml`, good or broken.
#[test]
fn schema_and_drift_agree_on_test_configurations() {
    let schema = schema();
    let (mut taken, mut refused, mut wrong) = (0, 0, vec![]);
    for file in rust_files("src").into_iter().chain(rust_files("tests")) {
        for text in literals(&read(&file)).into_iter().filter(|text| text.starts_with("version: ")) {
            let Some(fits) = fits(&schema, &text) else { continue };
            let is_read = parse("drift.yaml", &text).is_ok();
            *(if is_read { &mut taken } else { &mut refused }) += 1;
            if is_read != fits {
                wrong.push(format!("{file}: drift {is_read}, schema {fits}: {text}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(taken > 20 && refused > 10, "{taken} are read, {refused} are not");
}

#[test]
fn schema_and_drift_agree_on_each_rule() {
    let schema = schema();
    for (text, is_right) in [
        ("version: 1", true),
        ("cluster: prod", false),
        ("version: 2", false),
        ("version: '1'", false),
        ("version: 1\nsource: []", false),
        ("version: 1\ncluster:", true),
        ("version: 1\nsecrets: skip", true),
        ("version: 1\nsecrets: maybe", false),
        ("version: 1\nsources: [{namespace: a}]", false),
        ("version: 1\nsources: [{path: .}, {path: a/..b/c}]", true),
        ("version: 1\nsources: [{path: ''}]", false),
        ("version: 1\nsources: [{path: /a}]", false),
        ("version: 1\nsources: [{path: a/../b}]", false),
        ("version: 1\nsources: [{path: a/..}]", false),
        ("version: 1\nsources: [{path: a, helm: {release: -x}}]", false),
        ("version: 1\nsources: [{path: a, helm: {release: x, values: [v.yaml]}}]", true),
        ("version: 1\nforge: {type: gitea, api: 'https://git.example.com'}", true),
        ("version: 1\nforge: {type: gitee}", false),
        ("version: 1\nledger: {branch: drift/ledger}", true),
        ("version: 1\nledger: {branch: 'a b'}", false),
        ("version: 1\nledger: {branch: a..b}", false),
        ("version: 1\nunsynced-after: 90m", true),
        ("version: 1\nunsynced-after: 90s", false),
        ("version: 1\nunsynced-after: 6", false),
        ("version: 1\nmanagers: [{name: a, class: platform}]", true),
        ("version: 1\nmanagers: [{name: a, class: robot}]", false),
        ("version: 1\nmanagers: [{name: '**', class: platform}]", false),
        ("version: 1\nmanagers: [{name: a, class: platform, fields: [.spec]}]", false),
        ("version: 1\nmanagers: [{name: a, class: platform, fields: [.spec], reason: r}]", true),
        ("version: 1\nmanagers: [{name: a, class: platform, fields: [spec], reason: r}]", false),
        ("version: 1\nignore: [{field: .spec, reason: r, expires: 2027-03-31}]", true),
        ("version: 1\nignore: [{field: .spec, reason: r, expires: soon}]", false),
        ("version: 1\nignore: [{field: .spec, reason: ' '}]", false),
        ("version: 1\nignore: [{field: .spec}]", false),
        ("version: 1\nignore: [{reason: r}]", false),
        ("version: 1\nignore: [{reason: r, resource: {}}]", false),
        ("version: 1\nignore: [{reason: r, resource: {kind: Pod}}]", true),
        ("version: 1\nignore: [{reason: r, resource: {kinds: Pod}}]", false),
    ] {
        assert_eq!(fits(&schema, text), Some(is_right), "the schema: {text}");
        assert_eq!(parse("drift.yaml", text).is_ok(), is_right, "drift: {text}");
    }
}

#[test]
fn broken_configuration_exits_2() {
    let broken = "version: 1\nsources: [{path: apps, namspace: shop}]\n";
    assert_eq!(fits(&schema(), broken), Some(false));
    let repo = Repo::with(&[("drift.yaml", broken), ("apps/a.yaml", "")]);
    let cluster = SnapshotFile::with(&[]);
    let check = Drift::new().args(["check", "--snapshot"]).arg(cluster.path()).in_folder(repo.path());
    let output = check.run().expect_status(2);
    assert!(output.stderr.contains("did you mean `namespace`?"), "{}", output.stderr);
}
