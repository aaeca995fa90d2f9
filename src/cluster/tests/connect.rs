//! Finding the cluster: kubeconfigs, contexts, credentials, and servers that do not answer.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::mock::{Mock, Reply, impatient};
use crate::cluster::{Cluster, ClusterError, ClusterSettings, ServiceAccount};

const SECRET: &str = "s3cr3t-t0k3n";

async fn refused(settings: &ClusterSettings) -> ClusterError {
    Cluster::connect(settings).await.err().expect("it must not connect")
}

fn kubeconfig(folder: &Path, text: &str) -> ClusterSettings {
    let file = folder.join("config");
    std::fs::write(&file, text).expect("the folder is ours");
    ClusterSettings { kubeconfig: Some(file), timeout: Duration::from_secs(2), ..ClusterSettings::default() }
}

#[tokio::test]
async fn unusable_kubeconfig_is_a_configuration_error() {
    let contexts = r#"{"contexts":[{"name":"b","context":{"cluster":"c","user":"u"}},
        {"name":"a","context":{"cluster":"gone"}}],"clusters":[{"name":"c","cluster":{"server":"http://x"}}]"#;
    let with = |more: &str| format!("{contexts}{more}}}");
    for (name, text, why) in [
        ("broken", format!("users: [{{token: {SECRET}"), "not a kubeconfig at "),
        ("a list", format!("[{SECRET}]"), "not a kubeconfig at "),
        ("empty", String::new(), "no current-context; name one with --context"),
        ("no current context", with(""), "no current-context"),
        ("unknown context", with(r#","current-context":"z""#), "no context \"z\" in"),
        (
            "unknown cluster",
            with(r#","current-context":"a""#),
            "names cluster \"gone\", which does not exist",
        ),
        ("unknown user", with(r#","current-context":"b""#), "names user \"u\", which does not exist"),
        (
            "token with a line break",
            with(&format!(
                r#","current-context":"b","users":[{{"name":"u","user":{{"token":"{SECRET}\nx"}}}}]"#
            )),
            "a character that no HTTP header may have",
        ),
        (
            "token file that is not there",
            with(r#","current-context":"b","users":[{"name":"u","user":{"tokenFile":"/nowhere/token"}}]"#),
            "token file /nowhere/token",
        ),
    ] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let error = refused(&kubeconfig(folder.path(), &text)).await;
        assert!(error.is_configuration(), "{name}: {error}");
        let text = format!("{error}; {}", error.hint().unwrap_or_default());
        assert!(text.contains(why), "{name}: {text}");
        assert!(text.contains("/config"), "{name} names the file: {text}");
        assert!(!format!("{text}{error:?}").contains(SECRET), "{name} shows the token");
    }
}

#[tokio::test]
async fn an_unknown_context_names_the_known_ones() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let text = r#"{"contexts":[{"name":"prod"},{"name":"dev"}],"current-context":"dev"}"#;
    let settings = ClusterSettings { context: Some("prdo".to_owned()), ..kubeconfig(folder.path(), text) };
    let error = refused(&settings).await;
    assert!(error.to_string().ends_with("it has: dev, prod"), "{error}");
    assert!(error.is_configuration());
}

#[tokio::test]
async fn missing_cluster_error_lists_searched_places() {
    let settings =
        ClusterSettings { default_kubeconfigs: vec!["/nowhere/config".into()], ..ClusterSettings::default() };
    let error = refused(&settings).await;
    assert!(error.to_string().contains("no /nowhere/config, and drift does not run in a Pod"), "{error}");
    assert!(error.is_configuration());
}

#[tokio::test]
async fn missing_named_kubeconfig_is_not_replaced() {
    let mock = Mock::start(|_| None);
    let there = mock.settings().kubeconfig.expect("the mock wrote one");
    let settings = ClusterSettings {
        kubeconfig: Some("/nowhere/config".into()),
        default_kubeconfigs: vec![there],
        ..ClusterSettings::default()
    };
    assert!(refused(&settings).await.to_string().contains("/nowhere/config"));
    assert_eq!(mock.request_count("/"), 0);
}

#[tokio::test]
async fn default_kubeconfigs_merged_absent_ones_skipped() {
    let mock = Mock::start(|_| None);
    let there = mock.settings().kubeconfig.expect("the mock wrote one");
    let first = mock.folder.path().join("first");
    std::fs::write(&first, r#"{"current-context":"here"}"#).expect("the folder is ours");
    let settings = ClusterSettings {
        default_kubeconfigs: vec!["/nowhere/config".into(), first, there],
        ..ClusterSettings::default()
    };
    let cluster = Cluster::connect(&settings).await.expect("the second has the context");
    assert_eq!(cluster.context(), Some("here"));
    assert_eq!(cluster.server(), Some(mock.url.as_str()));
}

#[tokio::test]
async fn service_account_without_files_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let account = ServiceAccount { host: "10.0.0.1".to_owned(), port: 443, folder: folder.path().to_owned() };
    let settings = ClusterSettings { service_account: Some(account), ..ClusterSettings::default() };
    let error = refused(&settings).await;
    assert!(error.to_string().contains("ca.crt: "), "{error}");
}

#[tokio::test]
async fn the_servers_url_is_shown_without_credentials() {
    let mock = Mock::start(|_| None);
    let url = mock.url.replace("http://", &format!("http://me:{SECRET}@"));
    let settings = mock.settings_with(&json!({"server": url}), &json!({}));
    let cluster = Cluster::connect(&settings).await;
    let shown = match &cluster {
        Ok(cluster) => cluster.server().expect("an API server has one").to_owned(),
        Err(error) => error.to_string(),
    };
    assert!(shown.contains(&mock.url) && !shown.contains(SECRET), "{shown}");
}

#[tokio::test]
async fn token_sent_trimmed_with_user_agent() {
    for user in [json!({"token": format!("  {SECRET}\n")}), json!({"tokenFile": "token"})] {
        let mock = Mock::start(|seen| {
            let right = seen.header("authorization") == Some(&format!("Bearer {SECRET}"))
                && seen.header("user-agent").is_some_and(|agent| agent.starts_with("drift/"));
            (!right).then(|| Reply::Json(401, json!({})))
        });
        std::fs::write(mock.folder.path().join("token"), format!("{SECRET}\n")).expect("the folder is ours");
        Cluster::connect(&mock.settings_with(&json!({"server": mock.url}), &user))
            .await
            .expect("the token is right");
    }
}

/// A user whose token comes from this script.
fn plugin(mock: &Mock, script: &str) -> Value {
    let file = mock.folder.path().join("plugin");
    std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).expect("the folder is ours");
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).expect("the file is ours");
    json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "./plugin",
                    "interactiveMode": "Never", "env": [{"name": "KEY", "value": SECRET}]}})
}

#[tokio::test]
async fn a_credential_plug_in_gives_the_token() {
    let mock = Mock::start(|seen| {
        (seen.header("authorization") != Some("Bearer from-plugin")).then(|| Reply::Json(401, json!({})))
    });
    let credential = json!({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
                            "status": {"token": "from-plugin"}});
    let user = plugin(&mock, &format!("echo '{credential}'"));
    Cluster::connect(&mock.settings_with(&json!({"server": mock.url}), &user))
        .await
        .expect("it gives the token");
}

#[tokio::test]
async fn failing_credential_plugin_named_without_secrets() {
    for (script, why) in [
        (format!("echo {SECRET}; echo 'not logged in' >&2; exit 3"), "not logged in"),
        (format!("echo {SECRET}"), "printed no ExecCredential"),
        (
            format!(
                r#"printf %s '{{"kind":"ExecCredential","apiVersion":"v1","status":{{"token":"{SECRET}\n"}}}}'"#
            ),
            "malformed",
        ),
        ("exec sleep 4".to_owned(), "gave no answer within 1.5s"),
    ] {
        let mock = Mock::start(|_| None);
        let user = plugin(&mock, &script);
        let settings = mock.settings_with(&json!({"server": mock.url}), &user);
        let hangs = script.contains("sleep");
        let error = refused(&if hangs { impatient(settings) } else { settings }).await;
        let text = error.to_string();
        assert!(text.contains(why), "{text}");
        assert!(!format!("{text}{error:?}").contains(SECRET), "{text}");
        assert!(!error.is_configuration());
        assert_eq!(mock.request_count("/"), 0);
    }
}

#[tokio::test]
async fn refused_connection_fails_before_longer_timeout() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    drop(listener);
    let mock = Mock::start(|_| None);
    let settings = mock.settings_with(&json!({"server": url}), &json!({}));
    let start = Instant::now();
    let error = refused(&ClusterSettings { timeout: Duration::from_secs(60), ..settings }).await;
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    let text = error.to_string();
    assert!(
        text.contains(&url) && text.contains("no connection") && text.contains("is the address right"),
        "{text}"
    );
    assert!(!error.is_configuration());
}

#[tokio::test]
async fn unresolvable_server_name_fails_at_once() {
    let mock = Mock::start(|_| None);
    let settings = mock.settings_with(&json!({"server": "http://nowhere.invalid"}), &json!({}));
    let error = refused(&settings).await;
    assert!(error.to_string().contains("no connection"), "{error}");
}

#[tokio::test]
async fn server_without_tls_is_a_tls_error() {
    let mock = Mock::start(|_| None);
    let url = mock.url.replace("http://", "https://");
    let settings = mock.settings_with(&json!({"server": url, "insecure-skip-tls-verify": true}), &json!({}));
    let error = refused(&settings).await;
    assert!(error.to_string().contains("TLS: "), "{error}");
}
