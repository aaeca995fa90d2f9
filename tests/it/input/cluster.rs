//! API servers that refuse, break, lie or are not there.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::json;

use super::server::{Reply, Seen, Server, status};
use super::{LIVE, check, found, is_orderly, says, shop};
use crate::support::command::Drift;

type Answer = fn(&Seen) -> Option<Reply>;

fn secrets(seen: &Seen) -> bool {
    seen.is("/api/v1/namespaces/shop/secrets")
}

fn no_page(seen: &Seen) -> Option<Reply> {
    secrets(seen).then(|| Reply::Text(200, "content-type: text/html\r\n", "<html>Log in</html>".to_owned()))
}

/// One list of the cluster is not as it should be: the run is incomplete, says why, and shows the rest.
#[test]
fn unreadable_list_is_incomplete_rest_shown() {
    let cases: [(&str, Answer, &[&str]); 11] = [
        (
            "403",
            |seen| {
                let message = "secrets is forbidden: User \"drift\" cannot list resource \"secrets\"";
                secrets(seen).then(|| status(403, "Forbidden", message, ""))
            },
            &["secrets in shop", "403 Forbidden", "cannot list", "`secrets: skip`"],
        ),
        (
            "401",
            |seen| secrets(seen).then(|| status(401, "Unauthorized", "Unauthorized", "")),
            &["secrets in shop", "401 Unauthorized", "the credentials are missing, wrong or expired"],
        ),
        (
            "404 for a kind that discovery names",
            |seen| {
                secrets(seen).then(|| status(404, "NotFound", "could not find the requested resource", ""))
            },
            &["secrets in shop", "404 Not Found", "discovery lists it, but the server does not serve it"],
        ),
        (
            "410 on the first page",
            |seen| {
                secrets(seen)
                    .then(|| status(410, "Expired", "The provided continue parameter is too old", ""))
            },
            &["secrets in shop", "410 Gone"],
        ),
        (
            "429 for ever",
            |seen| secrets(seen).then(|| Reply::Text(429, "retry-after: 1\r\n", String::new())),
            &["secrets in shop", "429 Too Many Requests", "tried", "--timeout"],
        ),
        (
            "500 for ever",
            |seen| secrets(seen).then(|| status(500, "InternalError", "conversion webhook failed", "")),
            &["secrets in shop", "500 Internal Server Error", "conversion webhook failed", "tried"],
        ),
        (
            "503 for ever",
            |seen| secrets(seen).then(|| Reply::Text(503, "", String::new())),
            &["secrets in shop", "503 Service Unavailable", "tried"],
        ),
        (
            "a cut body",
            |seen| secrets(seen).then_some(Reply::Cut),
            &["secrets in shop", "the answer was cut off"],
        ),
        ("HTML", no_page, &["secrets in shop", "not JSON (a proxy's page, or cut off)"]),
        (
            "no answer",
            |seen| secrets(seen).then_some(Reply::Silent),
            &["secrets in shop", "no answer within 2", "--timeout"],
        ),
        (
            "a list of another kind",
            |seen| {
                let body = json!({"apiVersion": "v1", "kind": "PodList", "metadata": {}, "items": []});
                secrets(seen).then_some(Reply::Json(200, body))
            },
            &["secrets in shop", "a list of another kind", "PodList"],
        ),
    ];
    let repo = shop();
    std::thread::scope(|scope| {
        for (name, reply, expected) in cases {
            let repo = &repo;
            scope.spawn(move || {
                let server = Server::start(LIVE, reply);
                let started = Instant::now();
                let output = check(repo, &server, &["-o", "json", "--timeout", "2"]).run().expect_status(3);
                assert!(started.elapsed() < Duration::from_secs(40), "{name} took {:?}", started.elapsed());
                is_orderly(&output);
                says(&output.stderr, expected);
                let report = output.json();
                assert_eq!(found(&output), ["ConfigMap/shop/settings modified"], "{name}");
                assert_eq!(report["complete"], false, "{name}");
                assert_eq!(report["incomplete"][0]["what"], "secrets in shop", "{name}");
                assert_eq!(report["summary"]["missing"], 0, "{name}: what was not read is not missing");
                assert_eq!(report["summary"]["notCompared"], 1, "{name}");
            });
        }
    });
}

/// What passes is waited for: nothing of it is seen in the result.
#[test]
fn a_fault_that_passes_is_retried() {
    let cases: [(&str, Answer); 4] = [
        ("429", |seen| {
            (secrets(seen) && seen.before == 0).then(|| Reply::Text(429, "retry-after: 1\r\n", String::new()))
        }),
        ("503", |seen| (secrets(seen) && seen.before < 2).then(|| Reply::Text(503, "", String::new()))),
        ("cut", |seen| (secrets(seen) && seen.before == 0).then_some(Reply::Cut)),
        ("hang-up", |seen| (secrets(seen) && seen.before == 0).then_some(Reply::Hangup)),
    ];
    let repo = shop();
    for (name, reply) in cases {
        let server = Server::start(LIVE, reply);
        let output = check(&repo, &server, &["-o", "json", "--timeout", "20"]).run().expect_status(1);
        is_orderly(&output);
        assert_eq!(output.json()["complete"], true, "{name}");
        assert_eq!(output.json()["summary"]["inSync"], 1, "{name}");
    }
}

/// The server does not even tell what it serves: exit 3, the address, why, and no report that could be taken for one.
#[test]
fn failed_discovery_names_server_and_reason() {
    let cases: [(&str, Answer, &[&str]); 6] = [
        (
            "401",
            |_| Some(status(401, "Unauthorized", "Unauthorized", "")),
            &["401 Unauthorized", "the credentials are missing, wrong or expired"],
        ),
        (
            "403",
            |_| Some(status(403, "Forbidden", "forbidden: User \"x\" cannot get path \"/api\"", "")),
            &["403 Forbidden", "system:discovery"],
        ),
        (
            "HTML",
            |_| Some(Reply::Text(200, "content-type: text/html\r\n", "<html>Log in</html>".to_owned())),
            &["not that of a Kubernetes API server", "is the address right?"],
        ),
        ("503", |_| Some(Reply::Text(503, "", String::new())), &["503 Service Unavailable", "tried"]),
        ("silence", |_| Some(Reply::Silent), &["no answer within 2", "--timeout"]),
        ("cut", |_| Some(Reply::Cut), &["the answer was cut off"]),
    ];
    let repo = shop();
    std::thread::scope(|scope| {
        for (name, reply, expected) in cases {
            let repo = &repo;
            scope.spawn(move || {
                let server = Server::start(LIVE, reply);
                let output = check(repo, &server, &["-o", "json", "--timeout", "2"]).run().expect_status(3);
                is_orderly(&output);
                says(&output.stderr, &["drift: error: cannot read what", server.url()]);
                says(&output.stderr, expected);
                assert_eq!(output.stdout, "", "{name}");
            });
        }
    });
}

#[test]
fn refused_connection_fails_within_ten_seconds() {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
    let config = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: here\n\
         clusters: [{{name: c, cluster: {{server: 'http://127.0.0.1:{port}'}}}}]\n\
         contexts: [{{name: here, context: {{cluster: c, user: u}}}}]\nusers: [{{name: u, user: {{}}}}]\n"
    );
    let repo = shop();
    let drift = Drift::new().in_folder(repo.path()).args(["check", "apps", "--kubeconfig", "../config"]);
    std::fs::write(repo.path().join("../config"), config).expect("the folder is ours");
    let started = Instant::now();
    let output = drift.run().expect_status(3);
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    is_orderly(&output);
    says(
        &output.stderr,
        &[&format!("http://127.0.0.1:{port}"), "no connection", "is the address right, and the server up?"],
    );
}

/// Before anything is read: which cluster, exit 2.
#[test]
fn unusable_kubeconfig_error_says_what_to_change() {
    let server = Server::with(LIVE);
    let repo = shop();
    let bad = repo.path().join("../bad");
    std::fs::write(&bad, "clusters: [\n").expect("the folder is ours");
    let kubeconfig = server.kubeconfig();
    let kubeconfig = kubeconfig.to_str().expect("UTF-8");
    let cases: [(&[&str], &[&str]); 4] = [
        (
            &["--kubeconfig", kubeconfig, "--context", "elsewhere"],
            &["no context \"elsewhere\"", kubeconfig, "it has: here"],
        ),
        (&["--kubeconfig", "nowhere"], &["nowhere", "kubeconfig"]),
        (&["--kubeconfig", "../bad"], &["kubeconfig ../bad"]),
        (&[], &["no cluster to read", "--kubeconfig", "--snapshot"]),
    ];
    for (arguments, expected) in cases {
        let output =
            Drift::new().in_folder(repo.path()).args(["check", "apps"]).args(arguments.iter().copied()).run();
        let output = output.expect_status(2);
        is_orderly(&output);
        says(&output.stderr, expected);
        assert_eq!(output.stdout, "", "{arguments:?}");
    }
    assert_eq!(server.requests(), [], "nothing was read");
}

/// The tokens for forges are none of a credential plug-in's.
#[test]
fn credential_plugin_sees_no_forge_token() {
    let server = Server::with(LIVE);
    let repo = shop();
    let user = json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "plugin", "interactiveMode": "Never"}});
    let kubeconfig = server.write_kubeconfig("plugin", &user);
    let seen = repo.path().join("../seen");
    let script = format!("env >'{}'; exit 1\n", seen.display());
    let mut drift = Drift::new().in_folder(repo.path()).with_script("plugin", &script).with_tools(&["env"]);
    let tokens = ["DRIFT_TOKEN", "DRIFT_TOKEN_FILE", "GITHUB_TOKEN", "GITEA_TOKEN", "GITLAB_TOKEN"];
    for name in tokens {
        drift = drift.env(name, "sesame");
    }
    let _failed = drift.args(["check", "apps", "--kubeconfig"]).arg(&kubeconfig).run().expect_status(3);
    let seen = std::fs::read_to_string(seen).expect("the plug-in ran");
    assert!(seen.contains("KUBERNETES_EXEC_INFO") && !seen.contains("sesame"), "{seen}");
}

/// A plug-in that gives the token, one that fails, and one that is not there.
#[test]
fn credential_plugins_run_and_failures_reported() {
    let server = Server::with(LIVE);
    let repo = shop();
    let exec = |command: &str| json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": command, "interactiveMode": "Never"}});
    let good = "echo '{\"apiVersion\": \"client.authentication.k8s.io/v1\", \"kind\": \"ExecCredential\", \
                \"status\": {\"token\": \"from-the-plug-in\"}}'\n";
    let cases: [(&str, &str, i32, &[&str]); 3] = [
        ("good", good, 1, &[]),
        ("failing", "echo 'session expired: log in again' >&2; exit 4\n", 3, &["credentials for", "failing"]),
        ("absent", "", 3, &["credentials for", "absent"]),
    ];
    for (name, script, code, expected) in cases {
        let file = server.write_kubeconfig(name, &exec(name));
        let mut drift = Drift::new().in_folder(repo.path()).args(["check", "apps", "--kubeconfig"]).arg(file);
        if !script.is_empty() {
            drift = drift.with_script(name, script);
        }
        let output = drift.run().expect_status(code);
        is_orderly(&output);
        says(&output.stderr, expected);
        assert!(code == 1 || output.stderr.contains(server.url()), "{name}: {}", output.stderr);
    }
}

/// A kubeconfig whose user is known by the plug-in `plugin` on the `PATH`.
fn with_plugin(server: &Server) -> std::path::PathBuf {
    let user = json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "plugin", "args": ["a b", "c"]}});
    server.write_kubeconfig("plugin", &user)
}

#[test]
fn credential_plugin_rerun_when_token_expires() {
    let server = Server::with(LIVE);
    let repo = shop();
    let count = repo.path().join("../count");
    let script = format!(
        "echo \"$1,$2\" >>'{}'\necho '{{\"apiVersion\": \"client.authentication.k8s.io/v1\", \"kind\": \
         \"ExecCredential\", \"status\": {{\"token\": \"from-the-plug-in\", \"expirationTimestamp\": \
         \"2020-01-01T00:00:00Z\"}}}}'\n",
        count.display()
    );
    let drift = Drift::new().in_folder(repo.path()).with_script("plugin", &script);
    let output = drift.args(["check", "apps", "--kubeconfig"]).arg(with_plugin(&server)).run();
    is_orderly(&output.expect_status(1));
    let count = std::fs::read_to_string(count).expect("the plug-in ran");
    assert!(count.lines().count() > 4 && count.lines().all(|line| line == "a b,c"), "{count}");
}

/// One that prints for ever, one that hangs, and one that leaves something behind: ended in time, with all they started.
#[test]
fn runaway_credential_plugin_killed_with_children() {
    let repo = shop();
    let survived = repo.path().join("../survived");
    let cases: [(&str, String, &[&str]); 2] = [
        ("prints", "while :; do echo more; done\n".to_owned(), &["wrote more than 1048576 bytes"]),
        ("hangs", format!("(sleep 5; echo x >'{}') & sleep 100\n", survived.display()), &["plugin"]),
    ];
    for (name, script, expected) in cases {
        let server = Server::with(LIVE);
        let drift = Drift::new().in_folder(repo.path()).with_script("plugin", &script).with_tools(&["sleep"]);
        let drift = drift.args(["check", "apps", "--timeout", "3", "--kubeconfig"]).arg(with_plugin(&server));
        let started = Instant::now();
        let output = drift.run().expect_status(3);
        assert!(started.elapsed() < Duration::from_secs(20), "{name}: {:?}", started.elapsed());
        is_orderly(&output);
        says(&output.stderr, &["credentials for", "plug-in \"plugin\""]);
        says(&output.stderr, expected);
    }
    std::thread::sleep(Duration::from_secs(4));
    assert!(!survived.exists(), "what the plug-in started outlived it");
}
