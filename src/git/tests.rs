//! What can be told without a repository: addresses, messages, links, what is kept secret.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::address::{redact_credentials, split_credentials};
use super::program::GitCommand;
use super::{
    CommitId, GitError, Remote, RemoteAddress, RemoteFailure, Token, subject, trailers, without_credentials,
};

#[test]
fn an_address_is_taken_apart() {
    let cases = [
        (
            "https://github.com/acme/gitops.git",
            Some("github.com"),
            Some("https://github.com"),
            Some("acme/gitops"),
        ),
        (
            "https://x:y@git.example.com:8443/a/b/c/",
            Some("git.example.com"),
            Some("https://git.example.com:8443"),
            Some("a/b/c"),
        ),
        ("http://127.0.0.1:3000/a/b.git", Some("127.0.0.1"), Some("http://127.0.0.1:3000"), Some("a/b")),
        ("git@GitHub.com:acme/gitops.git", Some("github.com"), None, Some("acme/gitops")),
        ("github.com:acme/gitops", Some("github.com"), None, Some("acme/gitops")),
        (
            "ssh://git@gitlab.example.com:2222/group/sub/name.git",
            Some("gitlab.example.com"),
            None,
            Some("group/sub/name"),
        ),
        ("https://[::1]:80/a/b", Some("::1"), Some("https://[::1]:80"), Some("a/b")),
        ("https://github.com/justone", Some("github.com"), Some("https://github.com"), None),
        ("file:///srv/git/a.git", None, None, None),
        ("/srv/git/a.git", None, None, None),
        ("../a/b:c", None, None, None),
        ("", None, None, None),
    ];
    for (url, host, web, owner_repo) in cases {
        let address = RemoteAddress::new("origin", url);
        let got = (address.host.as_deref(), address.web.as_deref(), address.owner_repo.as_deref());
        assert_eq!(got, (host, web, owner_repo), "{url}");
        assert!(!address.url.contains("x:y"), "{url}");
    }
}

#[test]
fn credentials_are_shown_nowhere() {
    let cases = [
        ("https://alice:s3cret@example.com/a/b", "https://example.com/a/b"),
        ("https://s3cret@example.com/a/b", "https://example.com/a/b"),
        ("https://example.com/a/b", "https://example.com/a/b"),
        ("ssh://git@example.com/a/b", "ssh://git@example.com/a/b"),
        ("ssh://git:s3cret@example.com/a/b", "ssh://git@example.com/a/b"),
        ("git@example.com:a/b", "git@example.com:a/b"),
        ("/srv/a b", "/srv/a b"),
    ];
    for (url, shown) in cases {
        assert_eq!(without_credentials(url), shown);
    }
    let said = "fatal: unable to access 'https://alice:s3@cret@example.com/a/': 403; see ssh://git@h/x, http://s3cret@h:1/";
    let shown = redact_credentials(said);
    assert_eq!(
        shown,
        "fatal: unable to access 'https://***@example.com/a/': 403; see ssh://git@h/x, http://***@h:1/"
    );
    let token = Token::new(" s3cret\n").expect("printable");
    let remote =
        Remote::from_url("https://example.com/a/b").expect("an address").with_token(Some(token.clone()));
    assert!(!format!("{token:?} {remote:?}").contains("s3cret"));
    assert_eq!(token.expose(), "s3cret");
}

#[test]
fn token_invalid_in_header_is_rejected() {
    for secret in ["", " \n", "a\nb", "a b", "a\0b", "é"] {
        assert_eq!(Token::new(secret), None, "{secret:?}");
    }
}

#[test]
fn addresses_that_would_run_something_are_refused() {
    let cases = [
        "",
        "-uorigin",
        "--upload-pack=touch /tmp/x",
        "ext::sh -c id",
        "EXT::x",
        "fd::17",
        "a.b::c",
        "https://h/\nx",
        "ftp://h/x",
        "javascript://x",
        "https://",
    ];
    for url in cases {
        let refused = matches!(Remote::from_url(url), Err(GitError::Address { .. }));
        assert!(refused, "{url:?}");
    }
    for name in ["", "-x", "a b", "ext::sh", "https://h/x", "a..b"] {
        assert!(Remote::from_name(name).is_err(), "{name:?}");
    }
    for url in ["https://h/a::b", "./a::b", "git@h:a", "/srv/x", "C:/x", "file:///x"] {
        assert!(Remote::from_url(url).is_ok(), "{url}");
    }
}

#[test]
fn url_credentials_become_login_and_token() {
    let parts = split_credentials("https://al%40ice:s%2Fc+r%25t@h/a").expect("an address");
    assert_eq!(parts.url, "https://h/a");
    assert_eq!((parts.login.as_deref(), parts.password.as_deref()), (Some("al@ice"), Some("s/c+r%t")));
    let parts = split_credentials("https://u:a&b=c;d+e%2Bf@h/a").expect("an address");
    assert_eq!(
        parts.password.as_deref(),
        Some("a&b=c;d+e+f"),
        "what separates the fields of a form is plain here"
    );
    let parts = split_credentials("ssh://git@h/a").expect("an address");
    assert_eq!((parts.url.as_str(), parts.login, parts.password), ("ssh://git@h/a", None, None));
}

#[test]
fn trailers_are_found_wherever_they_stand() {
    let squashed = "Take the limit into Git (#12)\n\n* Take the limit\n\nWhy: it was raised by hand.\n\n\
                    Drift-Incident: 2026-11-22-a1\nDrift-Fingerprint:  f00 \n\n* Reword\n\n\
                    Drift-Incident: 2026-11-22-b2\r\n Drift-Incident: indented\nno trailer here\nDrift-Empty: \n\
                    Two words: no\nhttps://x: y\n";
    let found = trailers(squashed);
    let found: Vec<(&str, &str)> = found.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let expected = [
        ("Why", "it was raised by hand."),
        ("Drift-Incident", "2026-11-22-a1"),
        ("Drift-Fingerprint", "f00"),
        ("Drift-Incident", "2026-11-22-b2"),
    ];
    assert_eq!(found, expected);
    assert_eq!(trailers("Drift-Incident: in the subject is none"), []);
    assert_eq!(subject("\n First line \nsecond"), "First line");
    assert_eq!(subject(""), "");
}

#[test]
fn only_a_whole_id_is_an_id() {
    let id = "0123456789abcdef0123456789ABCDEF01234567";
    assert_eq!(CommitId::parse(id).expect("an id").to_string(), id.to_lowercase());
    assert_eq!(CommitId::parse(id).expect("an id").short(), "0123456789ab");
    for text in ["", "0123", "HEAD", &"g".repeat(40), &"a".repeat(64), "é"] {
        assert!(CommitId::parse(text).is_err(), "{text}");
    }
}

fn pairs(list: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    list.iter().map(|(name, value)| (name.into(), value.into())).collect()
}

/// Runs a `git` that tells its arguments and its environment.
fn told(env: &[(&str, &str)], remote: &Remote) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let git = folder.path().join("git");
    std::fs::write(&git, "#!/bin/sh\necho \"$@\"; echo --; /usr/bin/env; echo \"$DRIFT_GIT_TOKEN\" >&2\n")
        .unwrap();
    std::fs::set_permissions(&git, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut env = pairs(env);
    env.push(("PATH".into(), folder.path().into()));
    let run = GitCommand::new(folder.path(), &env).repository(folder.path()).ssh_without_questions();
    let answer =
        run.credentials(&remote.location, remote).args(["ls-remote", &remote.location]).run().unwrap();
    assert!(!answer.err.contains("s3cret"), "{}", answer.err);
    let (args, env) = answer.out.split_once("--\n").expect("both parts");
    (args.to_owned(), env.to_owned())
}

#[test]
fn token_passed_only_through_child_environment() {
    let remote = Remote::from_url("https://bot:s3cret@git.example.com:8443/a/b").expect("an address");
    let (args, env) = told(&[], &remote);
    assert_eq!(args, "ls-remote https://git.example.com:8443/a/b\n");
    assert_eq!(env.matches("s3cret").count(), 1);
    for line in [
        "DRIFT_GIT_TOKEN=s3cret\n",
        "DRIFT_GIT_LOGIN=bot\n",
        "=credential.https://git.example.com:8443.helper\n",
    ] {
        assert!(env.contains(line), "{line:?} in\n{env}");
    }
    for place in ["ssh://git@h/a", "git@h:a", "/srv/a", "git://h/a"] {
        let remote = Remote::from_url(place).expect("an address").with_token(Token::new("s3cret"));
        let (_, env) = told(&[], &remote);
        assert!(!env.contains("s3cret"), "{place}");
    }
}

#[test]
fn child_environment_loses_git_redirections() {
    let remote = Remote::from_url("https://h/a").expect("an address").with_token(Token::new("s3cret"));
    let given = [
        ("HOME", "/home/x"),
        ("https_proxy", "http://p:1"),
        ("SSH_AUTH_SOCK", "/s"),
        ("GIT_SSL_CAINFO", "/ca"),
        ("GIT_DIR", "/elsewhere"),
        ("GIT_WORK_TREE", "/elsewhere"),
        ("GIT_INDEX_FILE", "/elsewhere"),
        ("GIT_TRACE_CURL", "/elsewhere"),
        ("GIT_TRACE_REDACT", "0"),
        ("GIT_ASKPASS", "/asks"),
        ("LC_ALL", "de_DE"),
        ("GIT_CONFIG_COUNT", "1"),
        ("GIT_CONFIG_KEY_0", "http.proxy"),
        ("GIT_CONFIG_VALUE_0", "http://q:1"),
    ];
    let (_, env) = told(&given, &remote);
    for line in [
        "HOME=/home/x",
        "https_proxy=http://p:1",
        "SSH_AUTH_SOCK=/s",
        "GIT_SSL_CAINFO=/ca",
        "LC_ALL=C",
        "GIT_CONFIG_KEY_0=http.proxy",
        "GIT_CONFIG_VALUE_0=http://q:1",
        "GIT_CONFIG_KEY_1=core.hooksPath",
        "GIT_TERMINAL_PROMPT=0",
        "GIT_SSH_COMMAND=ssh -o BatchMode=yes",
    ] {
        assert!(env.lines().any(|l| l == line), "{line:?} in\n{env}");
    }
    for name in ["/elsewhere", "GIT_TRACE", "/asks", "de_DE"] {
        assert!(!env.contains(name), "{name} in\n{env}");
    }
    let plain = Remote::from_url("https://h/a").expect("an address");
    let (_, env) = told(&[("GIT_ASKPASS", "/asks"), ("GIT_SSH_COMMAND", "mine")], &plain);
    assert!(env.contains("GIT_ASKPASS=/asks\n") && env.contains("GIT_SSH_COMMAND=mine\n"), "{env}");
}

#[test]
fn unresponsive_remote_ends_at_time_limit() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/a/b", listener.local_addr().unwrap());
    let remote = Remote::from_url(&url).expect("an address");
    let env = pairs(&[("PATH", "/usr/local/bin:/usr/bin:/bin"), ("GIT_CONFIG_NOSYSTEM", "1")]);
    let folder = tempfile::tempdir().unwrap();
    let limit = Duration::from_millis(300);
    let run = GitCommand::new(folder.path(), &env)
        .credentials(&url, &remote)
        .args(["ls-remote", &url])
        .limit(limit);
    let answer = run.run().unwrap();
    assert!(!answer.success);
    assert_eq!(answer.failure(), RemoteFailure::TimedOut(limit));
}

#[test]
fn remote_failure_classified_by_git_message() {
    type Is = fn(&RemoteFailure) -> bool;
    let auth: Is = |f| matches!(f, RemoteFailure::Auth(_));
    let no_ssh: Is = |f| matches!(f, RemoteFailure::NoSsh(_));
    let host_key: Is = |f| matches!(f, RemoteFailure::HostKey(_));
    let ssh_key: Is = |f| matches!(f, RemoteFailure::SshKey(_));
    let certificate: Is = |f| matches!(f, RemoteFailure::Certificate(_));
    let network: Is = |f| matches!(f, RemoteFailure::Network(_));
    let absent: Is = |f| matches!(f, RemoteFailure::NotFound(_));
    let other: Is = |f| matches!(f, RemoteFailure::Other(_));
    let cases = [
        ("fatal: Authentication failed for 'https://h/a/'", auth),
        ("fatal: could not read Username for 'https://h': terminal prompts disabled", auth),
        ("git@h: Permission denied (publickey).\nfatal: Could not read from remote repository.", ssh_key),
        (
            "Received disconnect from h port 22:2: Too many authentication failures\nfatal: Could not read",
            ssh_key,
        ),
        ("ssh -o BatchMode=yes: 1: ssh: not found\nfatal: Could not read from remote repository.", no_ssh),
        ("error: cannot run ssh: No such file or directory\nfatal: unable to fork", no_ssh),
        ("Host key verification failed.\nfatal: Could not read from remote repository.", host_key),
        (
            "No ED25519 host key is known for h and you have requested strict checking.\nHost key verification failed.",
            host_key,
        ),
        ("@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.", host_key),
        (
            "fatal: unable to access 'https://h/': server certificate verification failed. CAfile: none CRLfile: none",
            certificate,
        ),
        (
            "fatal: unable to access 'https://h/': SSL certificate problem: unable to get local issuer certificate",
            certificate,
        ),
        (
            "fatal: unable to access 'https://h/': SSL: no alternative certificate subject name matches target host name 'h'",
            certificate,
        ),
        ("ssh: Could not resolve hostname h: Name or service not known\nfatal: Could not read", network),
        (
            "remote: Permission to a/b.git denied to c.\nfatal: unable to access 'https://h/a/b/': The requested URL returned error: 403",
            auth,
        ),
        ("fatal: unable to access 'https://h/': Could not resolve host: h", network),
        ("fatal: unable to access 'https://h/': The requested URL returned error: 502", network),
        (
            "ssh: connect to host h port 22: Connection refused\nfatal: Could not read from remote repository.",
            network,
        ),
        ("error: RPC failed; HTTP 500 curl 22\nfatal: the remote end hung up unexpectedly", network),
        ("remote: Not found.\nfatal: repository 'https://h/a/' not found", absent),
        ("ERROR: Repository not found.\nfatal: Could not read from remote repository.", absent),
        ("fatal: '/x' does not appear to be a git repository", absent),
        ("fatal: protocol error: bad pack header", other),
        ("", other),
    ];
    for (said, expected) in cases {
        let folder = tempfile::tempdir().unwrap();
        let git = folder.path().join("git");
        std::fs::write(&git, "#!/bin/sh\n/bin/cat >&2; exit 128\n").unwrap();
        std::fs::set_permissions(&git, std::fs::Permissions::from_mode(0o755)).unwrap();
        let env = pairs(&[("PATH", folder.path().to_str().expect("UTF-8"))]);
        let answer = GitCommand::new(folder.path(), &env).input(said.as_bytes().to_vec()).run().unwrap();
        let failure = answer.failure();
        assert!(expected(&failure), "{said:?}: {failure:?}");
        assert!(!failure.to_string().contains('\n') && !failure.to_string().is_empty());
        // What ssh says is told, not only that Git could not read.
        let first = said.lines().next().unwrap_or_default();
        assert!(failure.to_string().contains(first), "{said:?}: {failure}");
    }
}

/// Answers every request with `answer`, which gets the head of the request; gives the address and all heads.
fn server(answer: impl Fn(&str) -> String + Send + 'static) -> (String, Arc<Mutex<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let heads = Arc::new(Mutex::new(String::new()));
    let seen = Arc::clone(&heads);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let lines = BufReader::new(&stream).lines().map(Result::unwrap);
            let head: String = lines.take_while(|l| !l.is_empty()).map(|l| l + "\n").collect();
            seen.lock().unwrap().push_str(&head);
            let head =
                format!("HTTP/1.1 {}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", answer(&head));
            stream.write_all(head.as_bytes()).unwrap();
        }
    });
    (address, heads)
}

#[test]
fn token_not_sent_to_redirected_host() {
    let ask = "401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"";
    let (other, heads_of_other) = server(move |_| ask.to_owned());
    let target = other.clone();
    let (own, heads_of_own) = server(move |head| match head.contains("Authorization:") {
        true => format!("302 Found\r\nLocation: {target}/a/b/info/refs?service=git-upload-pack"),
        false => ask.to_owned(),
    });
    let url = format!("{own}/a/b");
    let remote = Remote::from_url(&url).expect("an address").with_token(Token::new("s3cret"));
    let env = pairs(&[
        ("PATH", "/usr/local/bin:/usr/bin:/bin"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_ASKPASS", "/bin/echo"),
    ]);
    let folder = tempfile::tempdir().unwrap();
    let run = GitCommand::new(folder.path(), &env).credentials(&url, &remote).args(["ls-remote", &url]);
    let answer = run.run().unwrap();
    assert!(matches!(answer.failure(), RemoteFailure::Auth(_)), "{}", answer.err);
    assert!(heads_of_own.lock().unwrap().contains("Authorization: Basic"), "its own host gets the token");
    let heads = heads_of_other.lock().unwrap().clone();
    assert!(heads.contains("GET /a/b/info/refs") && !heads.contains("Authorization:"), "{heads}");
}
