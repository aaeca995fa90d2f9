//! What charts write of their own release, and the hooks of charts and overlays: rendered by the real helm (both majors in
//! use) and kustomize.

use drift::model::{AbsenceReason, ResourceId};
use drift::source::RenderOutput;
use serde_json::{Value, json};

use crate::source::{CHART, Tree, chart, helms, ids, kustomizes, object, source};

/// The objects of a chart with these files, by every helm.
fn rendered(files: &[(&str, &str)], check: impl Fn(&str, RenderOutput)) {
    let files: Vec<_> = [("web/Chart.yaml", CHART)].into_iter().chain(files.iter().copied()).collect();
    let tree = Tree::new(&files);
    for (version, tools) in helms() {
        check(version, tree.render(&tools, &[chart("web", None, &[])]));
    }
}

fn unstable(rendered: &RenderOutput, id: &str) -> Vec<String> {
    object(rendered, id).nondeterministic.clone()
}

#[test]
fn release_revision_marked_wherever_rendered() {
    let files = [
        (
            "web/templates/_helpers.tpl",
            "{{- define \"labels\" }}revision: {{ .root.Release.Revision | quote }}{{ end -}}",
        ),
        (
            "web/templates/config.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: config\n  labels: { {{ include \"labels\" (dict \"root\" $) }} }\n\
             data:\n  kept: \"1\"\n  version: v1\n  index: {{ index .Release \"Revision\" | quote }}\n  next: {{ add .Release.Revision 1 | quote }}\n\
             \x20 odd: {{ mod .Release.Revision 2 | quote }}\n  all: {{ .Release | toJson | quote }}\n",
        ),
        (
            "web/templates/deploy.yaml",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  template:\n    spec:\n      containers:\n\
             \x20     - {name: web, image: web, args: [run, --revision={{ .Release.Revision }}]}\n",
        ),
        ("web/charts/sub/Chart.yaml", "apiVersion: v2\nname: sub\nversion: 1.0.0\n"),
        (
            "web/charts/sub/templates/a/b/service.yaml",
            "apiVersion: v1\nkind: Service\nmetadata: {name: sub}\nspec:\n  selector: {revision: r{{ .Release.Revision }}}\n  type: ClusterIP\n",
        ),
    ];
    rendered(&files, |version, rendered| {
        assert!(rendered.incomplete.is_empty(), "{version}: {:?}", rendered.incomplete);
        let config = object(&rendered, "ConfigMap/shop/config");
        let places = ["/data/all", "/data/index", "/data/next", "/data/odd", "/metadata/labels/revision"];
        let mut found = config.nondeterministic.clone();
        found.sort();
        assert_eq!(found, places, "{version}");
        assert!(
            config.notes[1]
                .starts_with("the chart renders the release's revision, which is not compared: .data.")
                && config.notes[1].ends_with(" and 1 more"),
            "{version}: {:?}",
            config.notes
        );
        // The whole release tells of an upgrade, too.
        assert_eq!(
            config.notes[0],
            "the chart renders other values on an upgrade than on an install, which is not compared: .data.all"
        );
        assert_eq!(config.value["data"]["index"], "1", "{version}");
        assert_eq!(unstable(&rendered, "Deployment/shop/web"), ["/spec/template/spec/containers/0/args/1"]);
        assert_eq!(unstable(&rendered, "Service/shop/sub"), ["/spec/selector/revision"]);
    });
}

#[test]
fn an_upgrade_is_told_from_an_install() {
    let files = [
        (
            "web/templates/both.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: both}\ndata:\n  mode: {{ ternary \"first\" \"next\" .Release.IsInstall }}\n  \
             kept: x\n{{- if .Release.IsUpgrade }}\n  since: upgrade\n{{- end }}\n",
        ),
        (
            "web/templates/install.yaml",
            "{{- if .Release.IsInstall }}\napiVersion: v1\nkind: Secret\nmetadata: {name: seed}\n{{- end }}\n",
        ),
        (
            "web/templates/upgrade.yaml",
            "{{- if .Release.IsUpgrade }}\napiVersion: v1\nkind: Service\nmetadata:\n  name: upgraded\n  \
             labels: {revision: r{{ .Release.Revision }}, kept: x}\n{{- end }}\n",
        ),
        (
            "web/templates/numbered.yaml",
            "apiVersion: batch/v1\nkind: Job\nmetadata: {name: migrate-{{ .Release.Revision }}}\n",
        ),
    ];
    rendered(&files, |version, rendered| {
        assert!(rendered.incomplete.is_empty(), "{version}: {:?}", rendered.incomplete);
        let optional = |id: &str| object(&rendered, id).optional;
        assert_eq!(unstable(&rendered, "ConfigMap/shop/both"), ["/data/mode", "/data/since"], "{version}");
        assert_eq!(optional("ConfigMap/shop/both"), None, "{version}");
        assert_eq!(optional("Secret/shop/seed"), Some(AbsenceReason::Install), "{version}");
        assert_eq!(optional("Job/shop/migrate-1"), Some(AbsenceReason::Revision), "{version}");
        assert_eq!(optional("Service/shop/upgraded"), Some(AbsenceReason::Upgrade), "{version}");
        assert_eq!(unstable(&rendered, "Service/shop/upgraded"), ["/metadata/labels/revision"], "{version}");
        assert_eq!(rendered.objects.len(), 4, "{version}: {:?}", ids(&rendered));
    });
}

#[test]
fn chart_refusing_upgrade_rendered_as_install() {
    let refuses = "{{- if .Release.IsUpgrade }}{{ fail \"the current password is needed\" }}{{ end }}\n";
    let config =
        |data: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: config}}\ndata: {data}\n");
    let revision = config("{kept: x, revision: r{{ .Release.Revision }}, token: {{ randAlpha 9 }}}");
    // It fails at every other revision, and at another time.
    let strict = format!(
        "{}{{{{- if gt .Release.Revision 1 }}}}{{{{ fail \"no\" }}}}{{{{ end }}}}\n{{{{- $_ := now }}}}\n",
        config("{kept: x, token: {{ randAlpha 9 }}}")
    );
    rendered(
        &[("web/templates/a.yaml", refuses), ("web/templates/b.yaml", &revision)],
        |version, rendered| {
            assert_eq!(
                unstable(&rendered, "ConfigMap/shop/config"),
                ["/data/token", "/data/revision"],
                "{version}"
            );
        },
    );
    rendered(&[("web/templates/a.yaml", refuses), ("web/templates/b.yaml", &strict)], |version, rendered| {
        assert_eq!(unstable(&rendered, "ConfigMap/shop/config"), ["/data/token"], "{version}");
        let warning = "web/templates/b.yaml reads the clock: dates in web may change daily";
        assert_eq!(rendered.warnings, [warning], "{version}");
    });
}

#[test]
fn time_marked_wherever_rendered() {
    let files = [
        ("web/values.yaml", "stamp: 'built {{ now | date \"2006\" }}'\nborn: 2020-01-02\n"),
        ("web/templates/_age.tpl", "{{- define \"age\" }}{{ $at := now }}{{ $at.Year }}{{ end -}}"),
        (
            "web/templates/config.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config}\ndata:\n  day: {{ now | date \"2006-01-02\" | quote }}\n\
             \x20 year: {{ include \"age\" . | quote }}\n  hour: {{ date \"15\" now | quote }}\n  stamp: {{ tpl .Values.stamp . }}\n\
             \x20 ago: {{ toDate \"2006-01-02\" \"2020-01-02\" | ago }}\n  month: {{ dateInZone \"01\" (now) \"UTC\" | quote }}\n\
             \x20 fixed: {{ toDate \"2006-01-02\" \"2020-01-02\" | date \"2006\" | quote }}\n  text: now\n  key: {{ \"now\" }}\n",
        ),
    ];
    rendered(&files, |version, rendered| {
        let mut found = unstable(&rendered, "ConfigMap/shop/config");
        found.sort();
        let places = ["/data/ago", "/data/day", "/data/hour", "/data/month", "/data/stamp", "/data/year"];
        assert_eq!(found, places, "{version}");
        assert_eq!(rendered.warnings, [] as [&str; 0], "{version}");
    });
}

fn live(kind: &str, name: &str, metadata: Value) -> (ResourceId, Value) {
    let mut live = json!({"apiVersion": "batch/v1", "kind": kind, "metadata": metadata});
    live["metadata"]["name"] = name.into();
    live["metadata"]["namespace"] = "shop".into();
    (ResourceId::from_object(&live).expect("it has all that an id needs"), live)
}

#[test]
fn chart_hooks_are_known_whatever_their_names() {
    let hook = |name: &str, event: &str| {
        format!(
            "apiVersion: batch/v1\nkind: Job\nmetadata:\n  {name}\n  annotations: {{helm.sh/hook: \"{event}\"}}\n"
        )
    };
    let files = [
        ("web/templates/fixed.yaml", hook("name: fixed", "pre-install, post-upgrade")),
        ("web/templates/random.yaml", hook("name: random-{{ randAlpha 6 | lower }}", "pre-upgrade")),
        ("web/templates/numbered.yaml", hook("name: web-{{ .Release.Revision }}-done", "post-upgrade")),
        ("web/templates/dated.yaml", hook("name: dated-{{ now | unixEpoch }}", "post-install")),
        ("web/templates/made.yaml", hook("generateName: made-", "pre-delete")),
        ("web/templates/tests/test.yaml", hook("name: checks", "test")),
        ("web/templates/argo.yaml", hook("name: synced", "x").replace("helm.sh/hook: \"x\"", "argocd.argoproj.io/hook: Sync")),
        ("web/templates/gone.yaml", hook("name: gone", "crd-install")),
        (
            "web/crds/crd.yaml",
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: a.example.com, annotations: {helm.sh/hook: crd-install}}\n".to_owned(),
        ),
    ];
    let files: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    rendered(&files, |version, rendered| {
        assert!(rendered.incomplete.is_empty(), "{version}: {:?}", rendered.incomplete);
        assert_eq!(
            ids(&rendered),
            ["CustomResourceDefinition/a.example.com", "Job/shop/synced"],
            "{version}"
        );
        assert_eq!(object(&rendered, "Job/shop/synced").optional, Some(AbsenceReason::Hook), "{version}");
        assert_eq!(rendered.warnings, ["6 hooks are not compared in web: hooks come and go"], "{version}");
        let annotated = || json!({"annotations": {"helm.sh/hook": "pre-upgrade"}});
        for (kind, name, metadata, expected) in [
            ("Job", "fixed", annotated(), true),
            ("Job", "checks", annotated(), true),
            ("Job", "random-qwerty", annotated(), true),
            ("Job", "web-12-done", annotated(), true),
            ("Job", "dated-1600000000", annotated(), true),
            ("Job", "made-x7k2p", json!({"generateName": "made-"}), true),
            ("Job", "made-by-hand", json!({}), false),
            ("Job", "web-by-hand", json!({}), false),
            ("CronJob", "random-qwerty", annotated(), false),
        ] {
            let (id, live) = live(kind, name, metadata);
            assert_eq!(rendered.hooks.matches_live(&id, &live), expected, "{version} {id}");
        }
    });
}

#[test]
fn overlay_hooks_need_not_be_live() {
    let tree = Tree::new(&[
        ("kustomization.yaml", "namespace: shop\nnamePrefix: my-\nresources: [x.yaml]\n"),
        (
            "x.yaml",
            "apiVersion: batch/v1\nkind: Job\nmetadata: {name: sync, annotations: {argocd.argoproj.io/hook: PostSync}}\n---\n\
             apiVersion: v1\nkind: ConfigMap\nmetadata: {name: rendered, annotations: {helm.sh/hook: pre-install}}\n---\n\
             apiVersion: v1\nkind: ConfigMap\nmetadata: {name: kept}\n",
        ),
    ]);
    for (name, tools) in kustomizes() {
        let rendered = tree.render(&tools, &[source(".")]);
        assert!(rendered.incomplete.is_empty(), "{name}: {:?}", rendered.incomplete);
        let found: Vec<_> =
            rendered.objects.iter().map(|object| (object.id.name.as_str(), object.optional)).collect();
        let hook = Some(AbsenceReason::Hook);
        assert_eq!(found, [("my-kept", None), ("my-rendered", hook), ("my-sync", hook)], "{name}");
    }
}
