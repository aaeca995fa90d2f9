//! HelmReleases of Flux, and charts that are fetched.

use serde_json::{Value, json};

use super::{Fleet, settings};
use crate::charts::package;
use crate::support::file_server::{Content, FileServer};
use crate::support::report::finding;

fn release(name: &str, spec: &Value) -> String {
    json!({"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
           "metadata": {"name": name, "namespace": "shop"}, "spec": spec})
    .to_string()
}

/// The chart of the tests: a ConfigMap of its values.
const CHART: [(&str, &str); 3] = [
    ("charts/web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
    ("charts/web/values.yaml", "level: default\ntag: v0\nsize: 1\n"),
    (
        "charts/web/templates/settings.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Release.Name }}-web', namespace: '{{ .Release.Namespace }}'}\n\
         data: {level: '{{ .Values.level }}', tag: '{{ .Values.tag }}', size: '{{ .Values.size }}'}\n",
    ),
];

#[test]
fn releases_of_charts_in_the_repository_are_rendered() {
    let fleet = Fleet::new();
    for (file, text) in CHART {
        fleet.repo.write(file, text);
    }
    fleet.repo.write("values/small.yaml", "size: 2\nlevel: file\ntag: v0\n");
    let chart = json!({"spec": {"chart": "./charts/web", "valuesFiles": ["./values/small.yaml"],
        "sourceRef": {"kind": "GitRepository", "name": "fleet", "namespace": "flux-system"}}});
    let patch = r#"[{"op": "add", "path": "/data/patched", "value": "yes"}]"#;
    let spec = json!({"interval": "10m", "chart": chart, "targetNamespace": "web",
        "commonMetadata": {"labels": {"team": "a"}},
        "valuesFrom": [
            {"kind": "ConfigMap", "name": "in-git"},
            {"kind": "ConfigMap", "name": "in-cluster", "valuesKey": "tag", "targetPath": "tag"}],
        "values": {"level": "own"},
        "postRenderers": [{"kustomize": {"patches": [{"patch": patch, "target": {"kind": "ConfigMap"}}]}}]});
    let from_git =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: in-git}\ndata: {values.yaml: 'level: git'}\n";
    let from_cluster = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: in-cluster}\ndata: {tag: v2}\n";
    let root = "resources: [../base, release.yaml, values.yaml]\nnamespace: shop\n";
    fleet.repo.write("apps/prod/kustomization.yaml", root);
    fleet.repo.write("apps/prod/release.yaml", release("front", &spec));
    fleet.repo.write("apps/prod/values.yaml", from_git);
    fleet.repo.commit("Release the front");
    let flux = |namespace: &str, manifest: &str, manager: &str| {
        let manager = format!("--field-manager={manager}");
        fleet.plane.apply("gitops", namespace, manifest, &["--server-side", &manager]);
    };
    flux("shop", &release("front", &spec), "kustomize-controller");
    flux("shop", from_git, "kustomize-controller");
    flux("shop", from_cluster, "kustomize-controller");
    let live = "apiVersion: v1\nkind: ConfigMap\n\
         metadata: {name: web-front-web, labels: {team: a, helm.toolkit.fluxcd.io/name: front, helm.toolkit.fluxcd.io/namespace: shop}}\n\
         data: {level: own, tag: v2, size: '2', patched: 'yes'}\n";
    flux("web", live, "helm-controller");
    let report = fleet.check(&[]).json();
    assert_eq!(report["incomplete"], json!([]), "{report:#}");
    assert!(report.get("notCompared").is_none(), "{report:#}");
    let _ = fleet.plane.by_hand(
        "web",
        &["patch", "configmap", "web-front-web", "--type=merge", "-p", r#"{"data": {"tag": "v3"}}"#],
    );
    let report = fleet.check(&[]).expect_status(1).json();
    let found = finding(&report, "web-front-web");
    assert_eq!(found["changes"][0]["desired"], "v2", "{report:#}");
    assert_eq!(found["origin"]["root"]["name"], "front", "{report:#}");
    assert_eq!(found["origin"]["file"], "charts/web/templates/settings.yaml", "{report:#}");
}

#[test]
fn what_a_root_is_not_told_yet_is_not_applied_yet() {
    let fleet = Fleet::new();
    for (file, text) in CHART {
        fleet.repo.write(file, text);
    }
    let chart = json!({"spec": {"chart": "./charts/web", "sourceRef": {"kind": "GitRepository", "name": "fleet", "namespace": "flux-system"}}});
    let spec = |level: &str| json!({"chart": chart, "targetNamespace": "web", "releaseName": "front", "values": {"level": level}});
    fleet.repo.write("apps/prod/kustomization.yaml", "resources: [../base, release.yaml]\nnamespace: shop\n");
    fleet.repo.write("apps/prod/release.yaml", release("front", &spec("old")));
    fleet.repo.commit("Release the front");
    let manager = ["--server-side", "--field-manager=kustomize-controller"];
    let marks = r#""namespace":"shop","labels":{"kustomize.toolkit.fluxcd.io/name":"apps","kustomize.toolkit.fluxcd.io/namespace":"flux-system"}"#;
    let marked = release("front", &spec("old")).replace(r#""namespace":"shop""#, marks);
    fleet.plane.apply("gitops", "shop", &marked, &manager);
    let applied =
        json!({"status": {"lastAppliedRevision": format!("main@sha1:{}", fleet.repo.head())}}).to_string();
    let patch = [
        "patch",
        "kustomization/apps",
        "-n",
        "flux-system",
        "--subresource=status",
        "--type=merge",
        "-p",
        &applied,
    ];
    let _ = fleet.plane.kubectl("admin", &patch).expect_status(0);
    let live = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: front-web}\ndata: {level: old, tag: v0, size: '1'}\n";
    fleet.plane.apply("gitops", "web", live, &["--server-side", "--field-manager=helm-controller"]);
    let _ = fleet.check(&[]).expect_status(0);
    // Git goes on, and nobody has applied it.
    fleet.repo.write("apps/prod/release.yaml", release("front", &spec("new")));
    fleet.repo.write("drift.yaml", "version: 1\nunsynced-after: 9999d\n");
    fleet.repo.commit("Raise the level");
    let report = fleet.check(&[]).expect_status(0).json();
    for name in ["front", "front-web"] {
        assert_eq!(finding(&report, name)["cause"], "unsynced", "{report:#}");
    }
    // What a person writes is drift all the same.
    let _ = fleet.plane.by_hand(
        "web",
        &["patch", "configmap", "front-web", "--type=merge", "-p", r#"{"data": {"tag": "hot"}}"#],
    );
    let report = fleet.check(&[]).expect_status(1).json();
    let changes = finding(&report, "front-web")["changes"].as_array().expect("a list").clone();
    let causes: Vec<String> =
        changes.iter().map(|change| format!("{} {}", change["path"], change["cause"])).collect();
    assert_eq!(causes, [r#"".data.level" "unsynced""#, r#"".data.tag" "manual""#], "{report:#}");
}

#[test]
fn charts_of_repositories_are_fetched_where_that_is_allowed() {
    let fleet = Fleet::new();
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Release.Name }}', namespace: '{{ .Release.Namespace }}'}\n\
                    data: {level: '{{ .Values.level }}', version: '{{ .Chart.Version }}'}\n";
    let server = FileServer::start();
    let mut index = "apiVersion: v1\nentries:\n  web:\n".to_owned();
    for version in ["1.0.0", "1.1.0"] {
        let more = [("web/templates/level.yaml", template), ("web/values.yaml", "level: none\n")];
        server.put(&format!("/web-{version}.tgz"), Content::File(package("web", version, &more)));
        index.push_str(&format!(
            "  - {{apiVersion: v2, name: web, version: {version}, urls: [web-{version}.tgz]}}\n"
        ));
    }
    server.put("/index.yaml", Content::File(index.into_bytes()));
    let repository = json!({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "HelmRepository",
        "metadata": {"name": "charts", "namespace": "shop"}, "spec": {"url": server.url()}})
    .to_string();
    let source = json!({"kind": "HelmRepository", "name": "charts"});
    let spec = json!({"chart": {"spec": {"chart": "web", "version": "1.x", "sourceRef": source}},
        "targetNamespace": "web", "releaseName": "front", "values": {"level": "own"}});
    let application = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": "back", "namespace": "shop"},
        "spec": {"source": {"repoURL": server.url(), "chart": "web", "targetRevision": "1.1.0",
                            "helm": {"parameters": [{"name": "level", "value": "high"}]}},
                 "destination": {"server": "https://kubernetes.default.svc", "namespace": "web"}}})
    .to_string();
    fleet.repo.write(
        "apps/prod/kustomization.yaml",
        "resources: [../base, release.yaml, charts.yaml, back.yaml]\n",
    );
    fleet.repo.write(
        "apps/base/settings.yaml",
        settings("settings").replace("name: settings", "name: settings, namespace: shop"),
    );
    fleet.repo.write("apps/prod/release.yaml", release("front", &spec));
    fleet.repo.write("apps/prod/charts.yaml", &repository);
    fleet.repo.write("apps/prod/back.yaml", &application);
    fleet.repo.commit("Take charts from a repository");
    let manager = ["--server-side", "--field-manager=kustomize-controller"];
    fleet.plane.apply("gitops", "shop", &release("front", &spec), &manager);
    fleet.plane.apply("gitops", "shop", &repository, &manager);
    fleet.plane.apply("gitops", "shop", &application, &manager);
    let live = |name: &str, level: &str, version: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{level: {level}, version: {version}}}\n"
        )
    };
    // The controller installed an older version than the range has now.
    let status = json!({"status": {"history": [{"chartVersion": "1.0.0"}]}}).to_string();
    let patch =
        ["patch", "helmrelease/front", "-n", "shop", "--subresource=status", "--type=merge", "-p", &status];
    let _ = fleet.plane.kubectl("admin", &patch).expect_status(0);
    fleet.plane.apply(
        "gitops",
        "web",
        &live("front", "own", "1.0.0"),
        &["--server-side", "--field-manager=helm-controller"],
    );
    fleet.plane.apply(
        "gitops",
        "web",
        &live("back", "high", "1.1.0"),
        &["--server-side", "--field-manager=argocd-controller"],
    );
    // Both have the chart's other template, too.
    let other = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n";
    fleet.plane.apply("gitops", "web", other, &["--server-side", "--field-manager=helm-controller"]);
    let refused = fleet.check(&[]).expect_status(3).json();
    let said = refused["incomplete"].to_string();
    assert!(
        said.contains("what HelmRelease/shop/front applies") && said.contains("--fetch-charts=127.0.0.1"),
        "{said}"
    );
    assert!(said.contains("what Application/shop/back applies"), "{said}");
    assert!(server.asked().is_empty());
    let report = fleet.check(&["--fetch-charts"]).expect_status(0).json();
    assert_eq!(report["incomplete"], json!([]), "{report:#}");
    let _ = fleet.plane.by_hand(
        "web",
        &["patch", "configmap", "front", "--type=merge", "-p", r#"{"data": {"level": "hot"}}"#],
    );
    let report = fleet.check(&["--fetch-charts"]).expect_status(1).json();
    let found = finding(&report, "front");
    assert_eq!(found["changes"][0]["desired"], "own", "{report:#}");
    assert_eq!(found["origin"]["file"], "apps/prod/release.yaml", "{report:#}");
}

#[test]
fn releases_that_cannot_be_rendered_are_named() {
    let fleet = Fleet::new();
    for (file, text) in CHART {
        fleet.repo.write(file, text);
    }
    let here = json!({"kind": "GitRepository", "name": "fleet", "namespace": "flux-system"});
    let from = |kind: &str, name: &str| json!({"chart": {"spec": {"chart": "charts/web", "sourceRef": here}}, "valuesFrom": [{"kind": kind, "name": name}]});
    let repository = json!({"kind": "HelmRepository", "name": "podinfo"});
    let elsewhere =
        json!({"chart": {"spec": {"chart": "podinfo", "version": "6.x", "sourceRef": repository}}});
    let releases = [
        ("absent", from("ConfigMap", "nowhere")),
        ("secret", from("Secret", "password")),
        ("elsewhere", elsewhere),
        ("gone", json!({"chart": {"spec": {"chart": "charts/gone", "sourceRef": here}}})),
    ];
    let text: Vec<String> = releases.iter().map(|(name, spec)| release(name, spec)).collect();
    fleet
        .repo
        .write("apps/prod/kustomization.yaml", "resources: [../base, releases.yaml]\nnamespace: shop\n");
    fleet.repo.write("apps/prod/releases.yaml", text.join("\n---\n"));
    fleet.repo.commit("Release what cannot be rendered");
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: password}\nstringData: {values.yaml: 'level: hunter2'}\n";
    fleet.plane.apply("gitops", "shop", secret, &[]);
    let checked = fleet.check(&[]).expect_status(3);
    assert!(!checked.stdout.contains("hunter2"));
    let report = checked.json();
    let said = report["incomplete"].as_array().expect("a list").iter();
    let said: Vec<String> = said.map(|entry| format!("{}: {}", entry["what"], entry["why"])).collect();
    insta::assert_snapshot!(said.join("\n").replace('"', ""), @r"
    charts/gone: there is no such file or folder in the repository; correct the source's `path`
    what HelmRelease/shop/absent applies: it takes values.yaml of ConfigMap/shop/nowhere, which is not there: add it, or set `optional: true` where it is named
    what HelmRelease/shop/elsewhere applies: it takes the chart of HelmRepository/shop/podinfo, which is not there: add it, or set `optional: true` where it is named
    what HelmRelease/shop/secret applies: it takes values from Secret/shop/password, and drift puts no secret values into what it renders: list what it applies as a source in drift.yaml, where that is the same
    ");
}
