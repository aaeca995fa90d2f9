//! `drift explain`: one object, and what each verdict on it rests on.

use serde_json::{Value, json};

use crate::support::cluster::ControlPlane;
use crate::support::command::{Drift, Output, as_read};
use crate::support::repo::Repo;

const WEB: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: 'nginx:1.25'}]}}
---
apiVersion: v1
kind: Secret
metadata: {name: login}
stringData: {password: vErYsEcReT}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: same}
data: {a: b}
";

fn explain(plane: &ControlPlane, repo: &Repo, arguments: &[&str]) -> Output {
    let explain = Drift::new().arg("explain").in_folder(repo.path());
    explain.kubeconfig(plane.kubeconfig("admin")).args(arguments).run()
}

fn declared(plane: &ControlPlane) -> (Repo, String) {
    let namespace = plane.fresh_namespace("explain");
    let repo = Repo::for_namespace(&namespace, &[("app/all.yaml", WEB)]);
    repo.commit("Declare web");
    plane.apply("gitops", &namespace, WEB, &["--server-side", "--field-manager=kustomize-controller"]);
    (repo, namespace)
}

#[test]
fn an_object_is_explained_field_by_field() {
    let plane = ControlPlane::shared();
    let (repo, namespace) = declared(plane);
    for line in [
        "set image deployment/web web=nginx:1.26",
        "patch deployment/web --field-manager=kubelet -p {\"spec\":{\"template\":{\"spec\":{\"hostPID\":true}}}}",
        "patch secret/login -p {\"stringData\":{\"password\":\"oThErSeCrEt\"}}",
    ] {
        plane.by_hand(&namespace, &line.split(' ').collect::<Vec<_>>());
    }
    let web = format!("deployment.apps/{namespace}/web");
    let report = explain(plane, &repo, &["--output=json", &web]).expect_status(0).json();
    assert_eq!(report["schema"], "drift/explain/v1");
    assert_eq!(report["state"], "modified");
    let field = |end: &str| -> Value {
        let fields = report["fields"].as_array().expect("a list");
        let path = |field: &&Value| field["path"].as_str().is_some_and(|path| path.ends_with(end));
        fields.iter().find(path).cloned().unwrap_or_else(|| panic!("no {end}: {report}"))
    };
    let image = field(".image");
    assert_eq!(
        (&image["verdict"]["cause"], &image["verdict"]["rule"]),
        (&json!("manual"), &json!("person-owns"))
    );
    assert_eq!(
        (&image["verdict"]["drift"], &image["owners"][0]["name"]),
        (&json!(true), &json!("kubectl-set"))
    );
    let host = field(".hostPID");
    assert_eq!(
        (&host["verdict"]["cause"], &host["verdict"]["rule"]),
        (&json!("unknown"), &json!("name-only"))
    );
    assert_eq!(host["verdict"]["claimed"], "controller");
    let text = explain(plane, &repo, &[&web]).expect_status(0).stdout;
    insta::assert_snapshot!(as_read(&text, &[(&namespace, "NAMESPACE")]), @r#"
    modified Deployment.apps/NAMESPACE/web  app/all.yaml:1:1

      ~ .spec.template.spec.containers[name="web"].image
          Git       nginx:1.25  app/all.yaml:6:85
          live      nginx:1.26
          owner     kubectl-set (a person's tool; Update at apps/v1, at or before <time>)
          verdict   manual, by kubectl-set, at or before <time> (drift, confidence High)
          rule      person-owns: a tool that people use owns this field
          changes   take the value into Git, apply Git again, or add an ignore rule with a reason

      + .spec.template.spec.hostPID
          Git       (not declared)  app/all.yaml:6:52
          live      true
          owner     kubelet (a controller; Update at apps/v1, at or before <time>)
          verdict   unknown, claimed: controller by name only, by kubelet, at or before <time> (drift, confidence None)
          rule      name-only: only the manager's name would explain it, and whoever may write the object chooses that name
          changes   trust the manager for this field under `managers` in drift.yaml, with a reason

    Written by:
      kustomize-controller (deploys what Git declares; Apply at apps/v1, at or before <time>)
      kubectl-set (a person's tool; Update at apps/v1, at or before <time>)
      kubelet (a controller; Update at apps/v1, at or before <time>)
    "#);
    for format in ["text", "json"] {
        let output = format!("--output={format}");
        let login =
            explain(plane, &repo, &[&output, &format!("Secret/{namespace}/login")]).expect_status(0).stdout;
        assert!(login.contains("kubectl-patch"), "{login}");
        assert!(!login.contains("SeCrEt") && !login.contains("sEcReT"), "{login}");
    }
    let same = explain(plane, &repo, &[&format!("ConfigMap/{namespace}/same")]).expect_status(0).stdout;
    assert!(same.starts_with("in sync ConfigMap/"), "{same}");
}

#[test]
fn unexplainable_resource_reported_with_exit_code() {
    let plane = ControlPlane::shared();
    let (repo, namespace) = declared(plane);
    for (resource, status, words) in [
        ("web".to_owned(), 2, "name an object as KIND[.GROUP]/NAMESPACE/NAME"),
        (format!("Deployment/{namespace}/none"), 3, "no source declares it"),
        (format!("Widgetoid/{namespace}/web"), 3, "the cluster does not serve this kind"),
    ] {
        let output = explain(plane, &repo, &[&resource]).expect_status(status);
        assert!(output.stderr.contains(words), "{resource}: {}", output.stderr);
    }
}
