//! Lists and single objects: each fault ends as what it is, and none as an empty list.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::StreamExt;
use serde_json::{Value, json};

use super::mock::{Mock, Reply, SeenRequest, all, config_maps, core, names, page};
use crate::cluster::{Projection, ReadErrorKind};

const LIST: &str = "/api/v1/configmaps?limit=";

fn good() -> Reply {
    Reply::Json(200, page("ConfigMap", &["a", "b"], ""))
}

fn status(code: u16, reason: &str, message: &str) -> Reply {
    Reply::Json(code, json!({"kind": "Status", "reason": reason, "message": message, "code": code}))
}

fn server(reply: fn(&SeenRequest) -> Reply) -> Mock {
    Mock::start(move |seen| seen.url.starts_with(LIST).then(|| reply(seen)))
}

type Case = (&'static str, fn(&SeenRequest) -> Reply);
type Refused = (&'static str, fn(&SeenRequest) -> Reply, ReadErrorKind, &'static str);

#[tokio::test]
async fn what_passes_is_retried_and_then_read() {
    let cases: [Case; 8] = [
        ("healthy", |_| good()),
        (
            "429 once",
            |seen| if seen.before == 0 { status(429, "TooManyRequests", "slow down") } else { good() },
        ),
        ("429 with Retry-After", |seen| match seen.before {
            0 => Reply::Text(429, "retry-after: 1\r\n", "slow down".to_owned()),
            _ => good(),
        }),
        ("500 twice", |seen| if seen.before < 2 { status(500, "InternalError", "etcd") } else { good() }),
        ("503 once", |seen| if seen.before == 0 { status(503, "ServiceUnavailable", "") } else { good() }),
        ("504 once", |seen| if seen.before == 0 { status(504, "Timeout", "") } else { good() }),
        ("cut body once", |seen| if seen.before == 0 { Reply::Cut } else { good() }),
        ("hang-up once", |seen| if seen.before == 0 { Reply::Hangup } else { good() }),
    ];
    for (name, reply) in cases {
        let cluster = server(reply).cluster().await;
        let (objects, unread) = all(&cluster, &config_maps(), None, Projection::Objects).await;
        assert_eq!(unread, None, "{name}");
        assert_eq!(names(&objects), ["a", "b"], "{name}");
        assert_eq!(objects[0]["kind"], "ConfigMap", "{name}");
        assert_eq!(objects[0]["apiVersion"], "v1", "{name}");
    }
}

#[tokio::test]
async fn what_stays_is_unread_and_says_why() {
    use ReadErrorKind::{Forbidden, Malformed, NotServed, Other, Timeout};
    let cases: [Refused; 19] = [
        ("401", |_| status(401, "Unauthorized", "Unauthorized"), Forbidden, "missing, wrong or expired"),
        (
            "403",
            |_| status(403, "Forbidden", "configmaps is forbidden: User \"bob\" cannot list"),
            Forbidden,
            "User \"bob\" cannot list; bind a role that allows `list` on configmaps",
        ),
        (
            "404",
            |_| status(404, "NotFound", "the server could not find it"),
            NotServed,
            "the server does not serve it",
        ),
        ("404 in plain text", |_| Reply::Text(404, "", "404 page not found".to_owned()), NotServed, "404"),
        ("410 on the first page", |_| status(410, "Expired", "too old"), Other, "410 Gone: too old"),
        ("429 for ever", |_| status(429, "TooManyRequests", "slow down"), Other, "slow down (tried"),
        (
            "429 and a long Retry-After",
            |_| Reply::Text(429, "retry-after: 3600\r\n", String::new()),
            Other,
            "asks to wait 3600 s",
        ),
        ("500 for ever", |_| status(500, "InternalError", "conversion webhook"), Other, "conversion webhook"),
        (
            "503 for ever",
            |_| status(503, "ServiceUnavailable", "down"),
            Other,
            "503 Service Unavailable: down",
        ),
        ("cut body for ever", |_| Reply::Cut, Malformed, "cut off"),
        ("hang-up for ever", |_| Reply::Hangup, Other, "the connection was cut"),
        ("no answer", |_| Reply::Silent, Timeout, "no answer within 1.5s"),
        ("HTML", |_| Reply::Text(200, "", "<html>Log in</html>".to_owned()), Malformed, "not JSON"),
        ("half of the JSON", |_| Reply::Text(200, "", r#"{"kind":"Conf"#.to_owned()), Malformed, "not JSON"),
        (
            "another list",
            |_| Reply::Json(200, page("Pod", &["x"], "")),
            Malformed,
            "another kind: v1 PodList",
        ),
        ("no list", |_| status(200, "", ""), Malformed, "not a list"),
        (
            "another kind within",
            |_| {
                let mut list = page("ConfigMap", &["x"], "");
                list["items"][0]["kind"] = "Secret".into();
                Reply::Json(200, list)
            },
            Malformed,
            "another kind:  Secret",
        ),
        ("nameless", |_| Reply::Json(200, page("ConfigMap", &[""], "")), Malformed, "has no name"),
        (
            "same page for ever",
            |_| Reply::Json(200, page("ConfigMap", &["x"], "again")),
            Malformed,
            "again and again",
        ),
    ];
    let each =
        futures::stream::iter(cases).for_each_concurrent(None, |(name, reply, kind, why)| async move {
            let cluster = server(reply).impatient().await;
            let start = Instant::now();
            let (_, unread) = all(&cluster, &config_maps(), None, Projection::Objects).await;
            let unread = unread.unwrap_or_else(|| panic!("{name} was read"));
            assert_eq!(unread.what, "configmaps", "{name}");
            assert!(unread.why.contains(why), "{name}: {}", unread.why);
            assert_eq!(unread.kind, kind, "{name}: {}", unread.why);
            assert!(start.elapsed() < Duration::from_secs(10), "{name} took {:?}", start.elapsed());
        });
    each.await;
}

#[tokio::test]
async fn null_or_no_items_is_empty_list() {
    for items in [json!([]), Value::Null] {
        let mock = Mock::start(move |seen| {
            let mut list = page("ConfigMap", &[], "");
            list["items"] = items.clone();
            seen.url.starts_with(LIST).then_some(Reply::Json(200, list))
        });
        assert_eq!(
            all(&mock.cluster().await, &config_maps(), None, Projection::Objects).await,
            (vec![], None)
        );
    }
}

#[tokio::test]
async fn forbidden_secrets_list_names_both_remedies() {
    let mock = Mock::start(|seen| seen.url.contains("/secrets").then(|| status(403, "Forbidden", "no")));
    let cluster = mock.cluster().await;
    let (_, unread) = all(&cluster, &core("Secret", "secrets"), Some("shop"), Projection::Objects).await;
    let unread = unread.expect("it is forbidden");
    assert_eq!(unread.what, "secrets in shop");
    assert!(
        unread.why.contains("bind the optional role") && unread.why.contains("`secrets: skip`"),
        "{unread}"
    );
}

#[tokio::test]
async fn pages_follow_the_servers_token() {
    let mock = Mock::start(|seen| {
        let (_, query) = seen.url.split_once("/api/v1/namespaces/shop/configmaps?limit=250")?;
        Some(Reply::Json(
            200,
            match query {
                "" => page("ConfigMap", &["a"], "t/1+="),
                "&continue=t%2F1%2B%3D" => page("ConfigMap", &["b"], "t2"),
                _ => page("ConfigMap", &["c"], ""),
            },
        ))
    });
    let (objects, unread) =
        all(&mock.cluster().await, &config_maps(), Some("shop"), Projection::Objects).await;
    assert_eq!((names(&objects), unread), (vec!["a", "b", "c"], None));
}

#[tokio::test]
async fn list_continues_with_token_of_410() {
    let mock = Mock::start(|seen| {
        let query = seen.url.strip_prefix("/api/v1/configmaps?limit=250")?;
        Some(match query {
            "" => Reply::Json(200, page("ConfigMap", &["a"], "old")),
            "&continue=old" => Reply::Json(
                410,
                json!({"kind": "Status", "reason": "Expired", "metadata": {"continue": "new"}}),
            ),
            _ => Reply::Json(200, page("ConfigMap", &["b"], "")),
        })
    });
    let (objects, unread) = all(&mock.cluster().await, &config_maps(), None, Projection::Objects).await;
    assert_eq!((names(&objects), unread), (vec!["a", "b"], None));
    assert_eq!(mock.request_count("/api/v1/configmaps"), 3);
}

#[tokio::test]
async fn list_restarted_after_410_has_no_duplicates() {
    let mock = Mock::start(|seen| {
        let query = seen.url.strip_prefix("/api/v1/configmaps?limit=250")?;
        Some(match (query, seen.before) {
            ("", 0) => Reply::Json(200, page("ConfigMap", &["a", "b"], "old")),
            ("", _) => Reply::Json(200, page("ConfigMap", &["a", "aa"], "new")),
            ("&continue=old", _) => status(410, "Expired", "too old"),
            _ => Reply::Json(200, page("ConfigMap", &["b", "c"], "")),
        })
    });
    let (objects, unread) = all(&mock.cluster().await, &config_maps(), None, Projection::Objects).await;
    assert_eq!((names(&objects), unread), (vec!["a", "b", "aa", "c"], None));
}

#[tokio::test]
async fn list_with_always_expiring_tokens_is_unread() {
    let mock = Mock::start(|seen| {
        let query = seen.url.strip_prefix("/api/v1/configmaps?limit=250")?;
        Some(match query {
            "" => Reply::Json(200, page("ConfigMap", &["a"], "old")),
            _ => status(410, "Expired", "too old"),
        })
    });
    let (objects, unread) = all(&mock.cluster().await, &config_maps(), None, Projection::Objects).await;
    assert_eq!(names(&objects), ["a"]);
    assert!(unread.is_some_and(|unread| unread.why.contains("expire faster than they are read")));
}

#[tokio::test]
async fn metadata_list_gives_only_metadata() {
    for partial in [true, false] {
        let mock = Mock::start(move |seen| {
            let mut list = page("Secret", &["s"], "");
            if partial {
                list["apiVersion"] = "meta.k8s.io/v1".into();
                list["kind"] = "PartialObjectMetadataList".into();
                list["items"][0]["apiVersion"] = "meta.k8s.io/v1".into();
                list["items"][0]["kind"] = "PartialObjectMetadata".into();
            } else {
                list["items"][0]["data"] = json!({"password": "cGFzcw=="});
            }
            let asked =
                seen.header("accept").is_some_and(|accept| accept.contains("as=PartialObjectMetadataList"));
            (seen.url.contains("/secrets") && asked).then_some(Reply::Json(200, list))
        });
        let (objects, unread) =
            all(&mock.cluster().await, &core("Secret", "secrets"), None, Projection::Metadata).await;
        assert_eq!(unread, None);
        let metadata = json!({"name": "s", "namespace": "shop", "uid": "uid-s"});
        assert_eq!(objects, [json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata})]);
    }
}

#[tokio::test]
async fn an_object_of_another_namespace_is_refused() {
    let mock = Mock::start(|seen| {
        seen.url.contains("/configmaps?").then(|| Reply::Json(200, page("ConfigMap", &["a"], "")))
    });
    let (_, unread) = all(&mock.cluster().await, &config_maps(), Some("other"), Projection::Objects).await;
    assert!(unread.is_some_and(|unread| unread.why.contains("another namespace")));
}

#[tokio::test]
async fn only_not_found_is_a_value() {
    let mock = Mock::start(|seen| {
        let name = seen.url.strip_prefix("/api/v1/namespaces/shop/configmaps/")?;
        Some(match name {
            "there" => Reply::Json(200, json!({"metadata": {"name": "there", "namespace": "shop"}})),
            "gone" => {
                Reply::Json(404, json!({"kind": "Status", "reason": "NotFound", "details": {"name": "gone"}}))
            }
            "no-kind" => Reply::Text(404, "", "404 page not found".to_owned()),
            "forbidden" => status(403, "Forbidden", "no"),
            "page" => Reply::Text(200, "", "<html>".to_owned()),
            "swapped" => Reply::Json(200, json!({"metadata": {"name": "other", "namespace": "shop"}})),
            "a%2F..%2Fb%3Fx" => {
                Reply::Json(200, json!({"metadata": {"name": "a/../b?x", "namespace": "shop"}}))
            }
            _ => return None,
        })
    });
    let cluster = mock.cluster().await;
    let get = async |name| cluster.get(&config_maps(), Some("shop"), name).await;
    let there = get("there").await.expect("it is read").expect("it is there");
    assert_eq!(there["kind"], "ConfigMap");
    assert_eq!(get("gone").await, Ok(None));
    assert!(get("a/../b?x").await.is_ok_and(|object| object.is_some()), "names are escaped");
    for (name, kind) in [
        ("no-kind", ReadErrorKind::NotServed),
        ("forbidden", ReadErrorKind::Forbidden),
        ("page", ReadErrorKind::Malformed),
        ("swapped", ReadErrorKind::Malformed),
        ("..", ReadErrorKind::Other),
    ] {
        let unread = get(name).await.expect_err(name);
        assert_eq!(unread.kind, kind, "{name}: {unread}");
    }
}

#[tokio::test]
async fn cluster_identity_is_kube_system_uid() {
    for (reply, expected) in [
        (json!({"metadata": {"name": "kube-system", "uid": "1234"}}), Some("1234".to_owned())),
        (json!({"kind": "Status", "reason": "NotFound", "details": {"name": "kube-system"}}), None),
    ] {
        let mock = Mock::start(move |seen| {
            let code = if reply["kind"] == "Status" { 404 } else { 200 };
            (seen.url == "/api/v1/namespaces/kube-system").then(|| Reply::Json(code, reply.clone()))
        });
        assert_eq!(mock.cluster().await.identity().await, Ok(expected));
    }
}

#[tokio::test]
async fn requests_and_bytes_are_counted() {
    let mock = Mock::start(|seen| seen.url.starts_with(LIST).then(good));
    let cluster = mock.cluster().await;
    let (requests, bytes) = (cluster.request_count(), cluster.byte_count());
    assert_eq!(requests, 3, "version, api and apis");
    all(&cluster, &config_maps(), None, Projection::Objects).await;
    assert_eq!(cluster.request_count(), 4);
    assert_eq!(cluster.byte_count() - bytes, page("ConfigMap", &["a", "b"], "").to_string().len() as u64);
}

#[tokio::test]
async fn retry_after_zero_still_backs_off() {
    let mock = Mock::start(|seen| {
        seen.url.starts_with(LIST).then(|| Reply::Text(503, "retry-after: 0\r\n", String::new()))
    });
    let (_, unread) = all(&mock.impatient().await, &config_maps(), None, Projection::Objects).await;
    assert!(unread.is_some());
    assert!((2..8).contains(&mock.request_count(LIST)), "asked {} times in 1.5 s", mock.request_count(LIST));
}

/// A server of so many objects of so many bytes each, which keeps the limits that it was asked for.
fn large(objects: usize, bytes: usize, limits: &Arc<Mutex<Vec<usize>>>) -> Mock {
    let limits = Arc::clone(limits);
    Mock::start(move |seen| {
        let rest = seen.url.strip_prefix(LIST)?;
        let (limit, token) = rest.split_once("&continue=").unwrap_or((rest, "0"));
        let (limit, start): (usize, usize) = (limit.parse().ok()?, token.parse().ok()?);
        limits.lock().expect("nobody panics with it").push(limit);
        let end = (start + limit).min(objects);
        let fill = "x".repeat(bytes);
        let items: Vec<Value> = (start..end)
            .map(|at| json!({"metadata": {"name": format!("o{at:04}"), "uid": at.to_string()}, "data": {"x": fill}}))
            .collect();
        let next = if end < objects { end.to_string() } else { String::new() };
        let list = json!({"kind": "ConfigMapList", "apiVersion": "v1", "metadata": {"continue": next}, "items": items});
        Some(Reply::Json(200, list))
    })
}

#[tokio::test]
async fn large_objects_shrink_pages_all_read_once() {
    for (objects, bytes, smallest) in [(300, 10, 250), (60, 1 << 20, 3), (5, 9 << 20, 1)] {
        let limits = Arc::default();
        let mock = large(objects, bytes, &limits);
        let cluster = mock.cluster().await;
        let (read, unread) = all(&cluster, &config_maps(), None, Projection::Objects).await;
        assert_eq!((read.len(), unread), (objects, None), "{bytes}");
        let asked = limits.lock().expect("nobody panics with it").clone();
        assert_eq!((asked[0], asked.iter().min()), (250, Some(&smallest)), "{bytes}: {asked:?}");
    }
}

#[tokio::test]
async fn too_deep_object_named_others_read() {
    let deep = format!("{}1{}", r#"{"a":"#.repeat(130), "}".repeat(130));
    let body = format!(
        r#"{{"kind":"ConfigMapList","apiVersion":"v1","metadata":{{}},"items":[{{"metadata":{{"name":"deep"}},"data":{deep}}},{{"metadata":{{"name":"flat"}}}}]}}"#
    );
    let mock =
        Mock::start(move |seen| seen.url.starts_with(LIST).then(|| Reply::Text(200, "", body.clone())));
    let cluster = mock.cluster().await;
    let mut pages = cluster.list(&config_maps(), None, Projection::Objects);
    let page = pages.next().await.expect("one page").expect("it can be read");
    let said = page[0].parse().expect_err("it is too deep").to_string();
    assert_eq!(said, "deep of configmaps: it is nested deeper than 127 levels");
    assert_eq!(page[1].parse().expect("it is flat")["metadata"]["name"], "flat");
}
