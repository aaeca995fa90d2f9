//! What can be told without a repository: addresses, messages, links, what is kept secret.

use super::address::{scrub, split_credentials};
use super::{CommitId, GitError, Remote, RemoteAddress, Token, subject, trailers, without_credentials};

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
    let shown = scrub(said);
    assert_eq!(
        shown,
        "fatal: unable to access 'https://***@example.com/a/': 403; see ssh://git@h/x, http://***@h:1/"
    );
    let token = Token::new(" s3cret\n").expect("printable");
    let remote = Remote::url("https://example.com/a/b").expect("an address").with_token(Some(token.clone()));
    assert!(!format!("{token:?} {remote:?}").contains("s3cret"));
    assert_eq!(token.expose(), "s3cret");
}

#[test]
fn a_token_that_cannot_stand_in_a_header_is_none() {
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
        let refused = matches!(Remote::url(url), Err(GitError::Address { .. }));
        assert!(refused, "{url:?}");
    }
    for name in ["", "-x", "a b", "ext::sh", "https://h/x", "a..b"] {
        assert!(Remote::named(name).is_err(), "{name:?}");
    }
    for url in ["https://h/a::b", "./a::b", "git@h:a", "/srv/x", "C:/x", "file:///x"] {
        assert!(Remote::url(url).is_ok(), "{url}");
    }
}

#[test]
fn the_credentials_of_an_address_become_login_and_token() {
    let parts = split_credentials("https://al%40ice:s%2Fc+r%25t@h/a").expect("an address");
    assert_eq!(parts.url, "https://h/a");
    assert_eq!((parts.login.as_deref(), parts.password.as_deref()), (Some("al@ice"), Some("s/c+r%t")));
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
