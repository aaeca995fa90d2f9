//! `drift/report/v1`, field by field.

use serde_json::{Value, json};

use super::world::{LIVE, check, repo};
use crate::input::server::Server;
use crate::support::report::{changes, finding, findings};

fn change<'a>(finding: &'a Value, path: &str) -> &'a Value {
    let mut changes = changes(finding).iter();
    changes.find(|change| change["path"] == path).unwrap_or_else(|| panic!("no {path} in {finding:#}"))
}

#[test]
fn the_report_says_what_the_contract_says() {
    let (repo, server) = (repo(), Server::with(LIVE));
    let report = check(&repo, &server, &["-o", "json"]).run().expect_status(1).json();
    assert_eq!(report["schema"], "drift/report/v1");
    assert_eq!(report["tool"], json!({"name": "drift", "version": env!("CARGO_PKG_VERSION")}));
    let at = report["checkedAt"].as_str().expect("a time");
    assert!(at.len() == 20 && at.ends_with('Z'), "{at}");
    assert_eq!(report["git"], json!({"repository": "repo", "revision": repo.head(), "dirty": false}));
    assert_eq!(report["cluster"], json!({"name": "prod", "server": server.url(), "version": "v1.36.2"}));
    assert_eq!((&report["complete"], &report["incomplete"]), (&json!(true), &json!([])));
    let mut summary = report["summary"].clone();
    let rules = summary
        .as_object_mut()
        .and_then(|summary| summary.remove("rules"))
        .expect("how often each rule decided");
    assert_eq!(rules["person-owns"], 6);
    assert_eq!(report["unsyncedAfter"], "20000d");
    assert_eq!(
        summary,
        json!({"desired": 7, "inSync": 3, "modified": 3, "missing": 1, "unmanaged": 1, "skipped": 0, "notCompared": 0, "drift": 4, "claimed": 0,
               "changes": {"manual": 8, "unsynced": 1, "unknown": 1, "controller": 1, "ignored": 1}})
    );
    let web = finding(&report, "web");
    assert_eq!(
        web["resource"],
        json!({"group": "apps", "version": "v1", "kind": "Deployment", "namespace": "shop", "name": "web"})
    );
    assert_eq!((&web["state"], &web["cause"]), (&json!("modified"), &json!("manual")));
    assert_eq!(web["origin"], json!({"source": "apps", "file": "apps/web.yaml", "line": 1, "column": 1}));
    assert!(web["fingerprint"].as_str().is_some_and(|text| text.len() >= 12), "{web:#}");
    assert_eq!(
        *change(web, ".spec.template.spec.containers[name=\"web\"].resources.limits.memory"),
        json!({"path": ".spec.template.spec.containers[name=\"web\"].resources.limits.memory",
               "pointer": "/spec/template/spec/containers/0/resources/limits/memory",
               "change": "modified", "desired": "512Mi", "live": "1Gi", "cause": "manual", "confidence": "high", "rule": "person-owns",
               "manager": {"name": "kubectl-edit", "operation": "Update", "subresource": "", "time": "2024-01-03T00:00:00Z"},
               "origin": {"file": "apps/web.yaml", "line": 22, "column": 21}})
    );
}

#[test]
fn absent_side_of_change_has_no_value() {
    let (repo, server) = (repo(), Server::with(LIVE));
    let report = check(&repo, &server, &["-o", "json"]).run().expect_status(1).json();
    let web = finding(&report, "web");
    let added = change(web, ".metadata.annotations[\"debug.example.com/owner\"]");
    assert_eq!((&added["change"], &added["live"]), (&json!("added"), &json!("alice")));
    assert!(added.get("desired").is_none());
    assert_eq!(added["pointer"], "/metadata/annotations/debug.example.com~1owner");
    let removed = change(web, ".metadata.labels.team");
    assert_eq!((&removed["change"], &removed["desired"]), (&json!("removed"), &json!("storefront")));
    assert!(removed.get("live").is_none());
    assert_eq!(removed["confidence"], "low");
    let gone = finding(&report, "gone");
    assert_eq!((&gone["state"], &gone["changes"]), (&json!("missing"), &json!([])));
    let scratch = finding(&report, "scratch");
    assert_eq!(
        (&scratch["state"], &scratch["manager"]["name"]),
        (&json!("unmanaged"), &json!("kubectl-create"))
    );
    assert!(scratch.get("origin").is_none());
    let login = finding(&report, "login");
    for (path, kind) in [(".data.password", "modified"), (".data.extra", "added")] {
        let masked = change(login, path);
        assert_eq!((&masked["change"], &masked["masked"]), (&json!(kind), &json!(true)));
        assert!(masked.get("desired").is_none() && masked.get("live").is_none(), "{masked:#}");
    }
}

#[test]
fn excused_findings_listed_only_with_all() {
    let (repo, server) = (repo(), Server::with(LIVE));
    let names = |report: &Value| -> Vec<String> {
        findings(report)
            .iter()
            .map(|finding| finding["resource"]["name"].as_str().expect("a name").to_owned())
            .collect()
    };
    let report = check(&repo, &server, &["-o", "json"]).run().expect_status(1).json();
    assert_eq!(names(&report), ["flags", "gone", "scratch", "login", "web"], "sorted by resource id");
    let all = check(&repo, &server, &["-o", "json", "--all"]).run().expect_status(1).json();
    assert_eq!(names(&all), ["banner", "flags", "gone", "scratch", "login", "cart", "web"]);
    assert_eq!(all["summary"], report["summary"]);
    assert_eq!(change(finding(&all, "cart"), ".spec.replicas")["cause"], "controller");
    assert_eq!(change(finding(&all, "banner"), ".data.text")["cause"], "ignored");
    let paths: Vec<&str> = finding(&all, "web")["changes"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|change| change["path"].as_str().expect("a path"))
        .collect();
    assert!(paths.is_sorted(), "{paths:?}");
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let (repo, server) = (repo(), Server::with(LIVE));
    let run = |format: &str| {
        let text = check(&repo, &server, &["-o", format, "--all"]).run().expect_status(1).stdout;
        let lines = text.lines().filter(|line| !line.contains("\"checkedAt\""));
        lines.map(|line| format!("{line}\n")).collect::<String>()
    };
    for format in ["text", "json", "markdown", "github"] {
        let first = run(format);
        for _ in 0..3 {
            assert_eq!(run(format), first, "{format}");
        }
    }
}

/// One run, several reports: each as `-o` would print it.
#[test]
fn several_reports_of_one_run() {
    let (repo, server) = (repo(), Server::with(LIVE));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = |name: &str| format!("{name}={}", folder.path().join(name).display());
    let files = ["text", "markdown", "github", "json"].map(file);
    let mut arguments = vec!["-o", "json", "--color", "always"];
    for file in &files {
        arguments.extend(["--output-file", file]);
    }
    let output = check(&repo, &server, &arguments).run().expect_status(1);
    for format in ["text", "markdown", "github"] {
        let alone = check(&repo, &server, &["-o", format]).run().expect_status(1).stdout;
        assert_eq!(std::fs::read_to_string(folder.path().join(format)).expect("written"), alone, "{format}");
    }
    assert_eq!(std::fs::read_to_string(folder.path().join("json")).expect("written"), output.stdout);
}

/// The format never changes the code.
#[test]
fn exit_code_does_not_depend_on_format() {
    let (repo, server) = (repo(), Server::with(LIVE));
    let broken = super::world::repo();
    broken.write("apps/broken.yaml", "a: [\n");
    broken.git(&["add", "--all"]);
    for format in ["text", "json", "markdown", "github"] {
        let _ = check(&repo, &server, &["-o", format]).run().expect_status(1);
        let _ = check(&repo, &server, &["-o", format, "--exit-zero"]).run().expect_status(0);
        let _ = check(&broken, &server, &["-o", format, "--exit-zero"]).run().expect_status(3);
    }
}
