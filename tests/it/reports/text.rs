//! The text report, as it is read.

use super::golden;
use super::world::{LIVE, check, repo};
use crate::input::server::Server;
use crate::support::command::redact;
use crate::support::repo::Repo;

#[test]
fn drift_of_every_kind() {
    let (repo, server) = (repo(), Server::with(LIVE));
    let output = check(&repo, &server, &[]).run().expect_status(1);
    golden("every-kind.txt", &output.stdout);
    assert_eq!(output.stderr, "");
}

#[test]
fn excused_changes_listed_on_request() {
    let (repo, server) = (repo(), Server::with(LIVE));
    let output = check(&repo, &server, &["--all"]).run().expect_status(1);
    let from = output.stdout.find("Not applied yet").expect("the section");
    golden("all.txt", &output.stdout[from..]);
}

#[test]
fn colour_on_request_only() {
    let (repo, server) = (repo(), Server::with(LIVE));
    let run = |more: &[&str], variable: Option<(&str, &str)>| {
        let drift = check(&repo, &server, more);
        let drift = match variable {
            Some((name, value)) => drift.env(name, value),
            None => drift,
        };
        drift.run().expect_status(1).stdout
    };
    let colored = run(&["--color", "always"], None);
    golden("color.txt", &colored.replace('\u{1b}', "<esc>"));
    let plain = run(&[], None);
    assert!(!plain.contains('\u{1b}'), "a pipe gets no colour");
    assert_eq!(run(&[], Some(("CLICOLOR_FORCE", "1"))), colored);
    assert_eq!(run(&["--color", "always"], Some(("NO_COLOR", "1"))), colored, "the flag is stronger");
    assert_eq!(run(&["--color", "never"], Some(("CLICOLOR_FORCE", "1"))), plain);
    for width in ["80", "200"] {
        assert_eq!(run(&[], Some(("COLUMNS", width))), plain, "a report is the same bytes everywhere");
    }
    let bare = redact(&colored, &[]);
    let stripped: String = bare.split("\u{1b}[").enumerate().fold(String::new(), |text, (at, part)| {
        text + if at == 0 { part } else { part.split_once('m').expect("a colour").1 }
    });
    assert_eq!(stripped, redact(&plain, &[]), "colour adds nothing but colour");
}

/// On 80 columns only paths, values and who wrote them may run over the edge: labels stand at the beginning of their lines.
#[test]
fn the_report_reads_well_on_80_columns() {
    let (repo, server) = (repo(), Server::with(LIVE));
    let text = check(&repo, &server, &[]).run().expect_status(1).stdout;
    for line in text.lines().filter(|line| line.chars().count() > 80) {
        let is_value = line.starts_with("      Git ") || line.starts_with("      live ");
        let is_writer = line.starts_with("      unsynced: not applied yet, last applied by ");
        assert!(is_value || is_writer || line.contains(" .spec."), "longer than 80 columns: {line}");
    }
}

#[test]
fn a_clean_cluster() {
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: shop}\ndata: {a: b}\n";
    let repo = Repo::with(&[("drift.yaml", "version: 1\nsources: [{path: apps}]\n"), ("apps/a.yaml", map)]);
    let kube_system = "apiVersion: v1\nkind: Namespace\nmetadata: {name: kube-system, uid: u-0}\n";
    let server = Server::with(&format!("{map}---\n{kube_system}"));
    let output = check(&repo, &server, &[]).run().expect_status(0);
    insta::assert_snapshot!(redact(&output.stdout, &[]), @"
    drift: no drift

    1 object in Git: 1 in sync
    repo at 6ac0d58b3093, cluster here (v1.36.2)
    ");
    assert_eq!(output.stderr, "");
}

#[test]
fn an_incomplete_check() {
    let (repo, server) = (repo(), Server::with(LIVE));
    repo.write("apps/broken.yaml", "kind: [\n");
    repo.write("apps/unknown.yaml", "apiVersion: example.org/v1\nkind: Gizmo\nmetadata: {name: g}\n");
    repo.git(&["add", "--all"]);
    let output = check(&repo, &server, &[]).run().expect_status(3);
    let from = output.stdout.find("Not examined").expect("the section");
    let first = output.stdout.lines().next().expect("a headline");
    let text = format!("{first}\n[...]\n{}--- stderr\n{}", &output.stdout[from..], output.stderr);
    insta::assert_snapshot!(redact(&text, &[]), @"
    drift: 3 objects in drift, 1 not applied yet, incomplete: 2 not examined
    [...]
    Not examined (neither clean nor drift):
      apps/broken.yaml:1:7: unclosed bracket '['
      apps/unknown.yaml:1:1: Gizmo g: the cluster does not serve example.org/v1 (is its CRD installed?)

    7 objects in Git: 3 in sync, 3 modified, 1 missing
    11 changes: 7 manual, 1 unsynced, 1 controller, 1 unknown, 1 ignored
    not listed: 1 controller, 1 ignored (--all lists them)
    repo at 44e55d4c128a with uncommitted changes, cluster prod (v1.36.2)

    To keep a live value, commit it to Git: `drift run --dry-run` shows the commit.
    To undo a change, apply Git again: `kubectl apply`, or your GitOps tool.
    Applying Git keeps what Git never declared (+, unmanaged): delete it by hand.
    --- stderr
    drift: error: not examined: apps/broken.yaml:1:7: unclosed bracket '['
    drift: error: not examined: apps/unknown.yaml:1:1: Gizmo g: the cluster does not serve example.org/v1 (is its CRD installed?)
    ");
}

#[test]
fn only_what_is_not_applied_yet() {
    let map = |value: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a, namespace: shop}}\ndata: {{a: {value}}}\n"
        )
    };
    let repo =
        Repo::with(&[("drift.yaml", "version: 1\nsources: [{path: apps}]\n"), ("apps/a.yaml", &map("old"))]);
    repo.write("apps/a.yaml", map("new"));
    repo.write("apps/b.yaml", map("b").replace("name: a", "name: b"));
    repo.commit("Change it");
    let live = "
apiVersion: v1
kind: ConfigMap
metadata:
  name: a
  namespace: shop
  managedFields:
  - {manager: kustomize-controller, operation: Apply, apiVersion: v1, time: '2024-01-01T00:30:00Z', fieldsType: FieldsV1, fieldsV1: {'f:data': {'f:a': {}}}}
data: {a: old}
---
apiVersion: v1
kind: Namespace
metadata: {name: kube-system, uid: u-0}
";
    repo.write("drift.yaml", "version: 1\nunsynced-after: 20000d\nsources: [{path: apps}]\n");
    let output = check(&repo, &Server::with(live), &[]).run().expect_status(0);
    insta::assert_snapshot!(redact(&output.stdout, &[]), @"
    drift: no drift, 2 not applied yet

    Not applied yet: Git is ahead of the cluster; this becomes drift after 20000d.

    modified ConfigMap/shop/a  apps/a.yaml:1
      ~ .data.a
          Git   new  apps/a.yaml:4:11
          live  old
          unsynced: not applied yet, last applied by kustomize-controller, at or before 2024-01-01 00:30:00 UTC

    missing ConfigMap/shop/b  apps/b.yaml:1
      declared in Git by its newest commit, but not applied yet
      unsynced: not applied yet

    2 objects in Git: 0 in sync, 1 modified, 1 missing
    2 changes: 2 unsynced
    repo at 7209dab7d638 with uncommitted changes, cluster here (v1.36.2)
    ");
}

/// Long values: what differs is seen.
#[test]
fn long_values_show_what_differs() {
    let lines: Vec<String> = (1..=60).map(|line| format!("option-{line} = {line}")).collect();
    let long = "x".repeat(300);
    let map = |text: &str, key: &str, list: &str| {
        let text = text.replace('\n', "\n    ");
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a, namespace: shop}}\ndata:\n  app.conf: |\n    {text}\n  \
             key: {key}\n---\napiVersion: example.com/v1\nkind: Widget\nmetadata: {{name: w, namespace: shop}}\n\
             spec:\n  args: {list}\n"
        )
    };
    let git = lines.join("\n");
    let live = git.replace("option-7 = 7", "option-7 = 8").replace("option-40 = 40\n", "");
    let (list, other) =
        (format!("[--first, {long}, --last]"), format!("[--first, {long}, --verbose, --last]"));
    let files = [
        ("drift.yaml", "version: 1\nsources: [{path: apps}]\n".to_owned()),
        ("apps/a.yaml", map(&git, &format!("{long}-git"), &list)),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let kube_system = "apiVersion: v1\nkind: Namespace\nmetadata: {name: kube-system, uid: u-0}\n";
    let live = format!("{}---\n{kube_system}", map(&live, &format!("{long}-live"), &other));
    let output = check(&Repo::with(&files), &Server::with(&live), &[]).run().expect_status(1);
    golden("long-values.txt", &output.stdout);
}
