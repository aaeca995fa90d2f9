//! The one request that is no `get` and no `list`: it never leaves without `dryRun=All`, and each answer ends as what it is.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::mock::{Mock, Reply, SeenRequest, config_maps, core};
use crate::cluster::{DryRunOutcome, ReadError, ReadErrorKind};

const TARGET: &str =
    "/api/v1/namespaces/shop/configmaps/a?dryRun=All&fieldManager=drift-verify&fieldValidation=Ignore";

fn object(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "shop"}})
}

fn status(code: u16, message: &str, details: Value) -> Reply {
    let body = json!({"kind": "Status", "message": message, "details": details, "code": code});
    Reply::Json(code, body)
}

async fn play(
    reply: impl Fn(&SeenRequest) -> Reply + Send + Sync + 'static,
) -> Result<DryRunOutcome, ReadError> {
    let mock = Mock::start(move |seen| (seen.url == TARGET).then(|| reply(seen)));
    let patch = json!([{"op": "remove", "path": "/data"}]);
    mock.cluster().await.dry_run(&config_maps(), Some("shop"), "a", &patch).await
}

#[tokio::test]
async fn dry_run_patch_returns_resulting_object() {
    let answered = play(|seen| {
        let right = seen.head[0].starts_with("PATCH ")
            && seen.header("content-type") == Some("application/json-patch+json")
            && seen.body == r#"[{"op":"remove","path":"/data"}]"#;
        if right { Reply::Json(200, object("a")) } else { Reply::Json(400, json!({})) }
    });
    assert_eq!(answered.await, Ok(DryRunOutcome::Object(object("a"))));
    let busy = play(|seen| match seen.before {
        0 => Reply::Json(503, json!({})),
        _ => Reply::Json(200, object("a")),
    });
    assert_eq!(busy.await, Ok(DryRunOutcome::Object(object("a"))));
}

#[tokio::test]
async fn refusals_distinguished_from_changed_object() {
    assert_eq!(
        play(|_| status(409, "the object has been modified", json!({}))).await,
        Ok(DryRunOutcome::Changed)
    );
    assert_eq!(play(|_| status(404, "not found", json!({"name": "a"}))).await, Ok(DryRunOutcome::Changed));
    let causes =
        json!({"causes": [{"field": "spec.b"}, {"field": "spec.a"}, {"field": "spec.b"}, {"reason": "x"}]});
    let Ok(DryRunOutcome::Rejected(refusal)) = play(move |_| status(422, "is invalid", causes.clone())).await
    else {
        panic!("a 422 is a refusal");
    };
    assert_eq!(refusal.fields, ["spec.a", "spec.b"]);
    assert_eq!(refusal.why, "422 Unprocessable Entity: is invalid");
    assert_eq!(refusal.status, "422 Unprocessable Entity");
    let denied =
        "roles \"x\" is forbidden: user \"u\" is attempting to grant RBAC permissions not currently held";
    let found = play(move |_| status(403, denied, json!({}))).await;
    assert!(
        matches!(&found, Ok(DryRunOutcome::Rejected(refusal)) if refusal.why.contains("attempting")),
        "{found:?}"
    );
}

#[tokio::test]
async fn failed_dry_run_is_unread_with_reason() {
    let lacking =
        "configmaps \"a\" is forbidden: User \"u\" cannot patch resource \"configmaps\" in API group \"\"";
    let cases: [(Result<DryRunOutcome, ReadError>, ReadErrorKind, &str); 4] = [
        (
            play(move |_| status(403, lacking, json!({}))).await,
            ReadErrorKind::Forbidden,
            "bind a role that allows `patch` on configmaps",
        ),
        (
            play(|_| status(401, "Unauthorized", json!({}))).await,
            ReadErrorKind::Forbidden,
            "missing, wrong or expired",
        ),
        (play(|_| Reply::Json(200, object("b"))).await, ReadErrorKind::Malformed, "another object"),
        (play(|_| Reply::Text(200, "", "<html>".to_owned())).await, ReadErrorKind::Malformed, "not JSON"),
    ];
    for (found, kind, why) in cases {
        let unread = found.expect_err(why);
        assert_eq!(unread.kind, kind, "{why}");
        assert!(unread.why.contains(why), "{why}: {}", unread.why);
        assert_eq!(unread.what, "dry-run of a of configmaps in shop");
    }
}

/// A server that does not know `dryRun` would write.
#[tokio::test]
async fn dry_run_only_for_kinds_supporting_it() {
    let mock = Mock::start(|seen| {
        let knows = json!({"patch": {"parameters": [{"name": "fieldManager"}, {"name": "dryRun"}]}});
        let knows_not = json!({"patch": {"parameters": [{"name": "force"}]}, "put": {"parameters": [{"name": "dryRun"}]}});
        Some(match seen.url.as_str() {
            "/openapi/v3" => {
                Reply::Json(200, json!({"paths": {"api/v1": {"serverRelativeURL": "/openapi/v3/api/v1"}}}))
            }
            "/openapi/v3/api/v1" => Reply::Json(
                200,
                json!({"paths": {
                    "/api/v1/namespaces/{namespace}/configmaps/{name}": knows,
                    "/api/v1/namespaces/{name}": knows,
                    "/api/v1/namespaces/{namespace}/secrets/{name}": knows_not}}),
            ),
            _ => return None,
        })
    });
    let cluster = mock.cluster().await;
    let mut other = config_maps();
    other.group = "example.com".to_owned();
    let kinds = [
        config_maps(),
        core("Secret", "secrets"),
        core("Namespace", "namespaces"),
        core("Pod", "pods"),
        other,
    ];
    let found = cluster.supporting_dry_run(&kinds.iter().collect()).await;
    assert_eq!(found, BTreeSet::from([&kinds[0], &kinds[2]]));
}
