//! Marks, bodies, and where a token may go.

use super::body::normalise_body;
use super::settings::ForgeTarget;
use super::*;
use crate::config::ForgeKind;
use crate::git::{RemoteAddress, Token};

const FINGERPRINT: &str = "0123456789abcdef";

const LIMITS: TextLimits = <github::GitHub as http_forge::HttpForge>::LIMITS;
/// Of a forge that takes little.
const SMALL: TextLimits = TextLimits { title: 20, body: 4_000 };

fn composed(proposal: &Proposal) -> Result<String, ForgeError> {
    LIMITS.fit(proposal).map(|text| text.body)
}

fn target(settings: &ForgeSettings, kind: ForgeKind) -> Result<ForgeTarget, ForgeError> {
    let rules = if kind == ForgeKind::GitHub { github::ADDRESSES } else { gitea::ADDRESSES };
    settings.target(&rules)
}

fn proposal(body: &str) -> Proposal {
    Proposal {
        incident: "ab12".to_owned(),
        fingerprint: FINGERPRINT.to_owned(),
        kind: ProposalKind::Issue,
        title: "drift".to_owned(),
        body: body.to_owned(),
        branch: None,
        commit: None,
        base: "main".to_owned(),
        labels: Vec::new(),
    }
}

#[test]
fn marks_are_read_as_they_are_written() {
    let ids = ["a", "ab12", "2026-11-22-ab12", "a.b_c-d", &"x".repeat(64)];
    let ways =
        [(None, false), (None, true), (Some("0123456789".repeat(4)), false), (Some("a".repeat(40)), true)];
    for (id, (commit, closed_by_us)) in ids.iter().flat_map(|id| ways.clone().map(|way| (*id, way))) {
        let (incident, fingerprint) = (id.to_owned(), FINGERPRINT.to_owned());
        let mark = ProposalMarker { incident, fingerprint, commit, closed_by_us };
        let line = mark.to_line().expect("an id that can be marked");
        for body in [line.clone(), format!("{line}\nbody"), format!("{line}\r\nbody\r\n")] {
            assert_eq!(ProposalMarker::parse(&body).as_ref(), Some(&mark), "{body:?}");
        }
    }
}

#[test]
fn marker_parsed_from_exact_first_line() {
    let good = "<!-- drift:v1 incident=ab12 fingerprint=0123456789abcdef -->";
    assert!(ProposalMarker::parse(good).is_some());
    let hostile = [
        good.replace(" -->", " commit=0123 -->"),
        good.replace(" -->", &format!(" commit={} -->", "G".repeat(40))),
        good.replace(" -->", &format!(" closed=us commit={} -->", "a".repeat(40))),
        String::new(),
        format!("\n{good}"),
        format!(" {good}"),
        format!("{good} "),
        format!("text {good}"),
        format!("```\n{good}\n```"),
        format!("\u{feff}{good}"),
        good.replace("v1", "v2"),
        good.replace("drift:v1", "drift:v1 "),
        good.replace(" -->", "-->"),
        good.replace("ab12", ""),
        good.replace("ab12", "a b"),
        good.replace("ab12", "a--b"),
        good.replace("ab12", "-a"),
        good.replace("ab12", "ä"),
        good.replace("ab12", "a/../b"),
        good.replace("ab12", &"x".repeat(65)),
        good.replace("0123456789abcdef", "0123456789ABCDEF"),
        good.replace("0123456789abcdef", "0123"),
        good.replace("0123456789abcdef", &"0".repeat(129)),
        good.replace("0123456789abcdef", "0123456789abcdef closed=them"),
        good.replace("0123456789abcdef", "0123456789abcdef closed=us closed=us"),
        good.replace("incident=ab12 ", ""),
        good.replace(" -->", " --> -->"),
        good.replace(" -->", " --><!-- x -->"),
    ];
    for body in hostile {
        assert_eq!(ProposalMarker::parse(&body), None, "{body:?}");
    }
}

#[test]
fn unreadable_marker_is_never_written() {
    for (incident, fingerprint) in
        [("a b", FINGERPRINT), ("", FINGERPRINT), ("a-->", FINGERPRINT), ("ab12", "xyz")]
    {
        let strange = Proposal {
            incident: incident.to_owned(),
            fingerprint: fingerprint.to_owned(),
            ..proposal("body")
        };
        assert!(composed(&strange).expect_err("it cannot be read back").is_configuration());
    }
}

#[test]
fn long_body_cut_between_marker_and_trailers() {
    let trailers = "Drift-Incident: ab12\nDrift-Fingerprint: 0123456789abcdef";
    let lines = |line: &str| format!("{line}\n").repeat(4_000);
    let cases = [
        ("plain", format!("{}\n{trailers}", lines("a line of twenty chars")), ""),
        ("wide", format!("{}\n{trailers}", lines("zwölf große Äpfel, 日本語の行")), ""),
        ("in a fence", format!("````yaml\n{}````\n\n{trailers}", lines("``` is not the end")), "\n````\n"),
        (
            "in details",
            format!("<details>\n\n{}</details>\n\n{trailers}", lines("a line that is inside")),
            "\n</details>\n",
        ),
        ("one line", format!("{}\n\n{trailers}", "x".repeat(100_000)), ""),
    ];
    for (limits, (name, body, closing)) in
        [LIMITS, SMALL].into_iter().flat_map(|limits| cases.iter().map(move |case| (limits, case)))
    {
        let whole = limits.fit(&proposal(body)).expect("it can be marked").body;
        let size = whole.chars().count();
        assert!(size <= limits.body, "{name}: {size}");
        assert!(size > limits.body - 1_000 || *name == "one line", "{name}: {size}");
        assert!(ProposalMarker::parse(&whole).is_some(), "{name}");
        assert!(whole.ends_with(&format!("\n\n{trailers}")), "{name}");
        assert!(whole.contains("Cut here: ") && whole.contains(*closing), "{name}");
    }
    let short = composed(&proposal("short\n")).expect("it can be marked");
    assert!(short.ends_with(" -->\nshort"), "{short}");
}

#[test]
fn bodies_and_titles_compared_as_forges_store() {
    assert_eq!(normalise_body("a\r\nb\r\n\n "), "a\nb");
    for limits in [LIMITS, SMALL] {
        let title = |title: &str| {
            let titled = Proposal { title: title.to_owned(), ..proposal("body") };
            limits.fit(&titled).expect("it can be marked").title
        };
        assert_eq!(title("  two\n lines\t"), "two lines");
        let long = title(&"é".repeat(500));
        assert!(long.chars().count() == limits.title && long.ends_with('…'));
    }
}

#[test]
fn forge_kind_detected_from_unambiguous_address() {
    let cases = [
        ("https://github.com/acme/gitops.git", Some(ForgeKind::GitHub)),
        ("git@github.com:acme/gitops.git", Some(ForgeKind::GitHub)),
        ("ssh://git@ssh.github.com:443/acme/gitops", Some(ForgeKind::GitHub)),
        ("https://GitHub.com/acme/gitops", Some(ForgeKind::GitHub)),
        ("https://octo.ghe.com/acme/gitops", Some(ForgeKind::GitHub)),
        ("git@octo-corp.ghe.com:acme/gitops.git", Some(ForgeKind::GitHub)),
        ("https://ghe.com/acme/gitops", None),
        ("https://a.b.ghe.com/acme/gitops", None),
        ("https://octo.ghe.com.example.org/acme/gitops", None),
        ("https://octoghe.com/acme/gitops", None),
        ("https://gitlab.com/acme/gitops", Some(ForgeKind::GitLab)),
        ("https://github.com.example.org/acme/gitops", None),
        ("https://github.example.com/acme/gitops", None),
        ("https://example.com/github.com/gitops", None),
        ("/srv/git/github.com/gitops", None),
        ("file:///srv/git/gitops", None),
    ];
    for (url, wanted) in cases {
        assert_eq!(RemoteAddress::new("origin", url).forge_kind(), wanted, "{url}");
    }
    let unknown = ForgeSettings {
        remote: Some(RemoteAddress::new("origin", "https://x.example/a/b")),
        ..ForgeSettings::default()
    };
    assert!(
        unknown
            .kind()
            .expect_err("it cannot be known")
            .hint()
            .is_some_and(|hint| hint.contains("forge.type"))
    );
    assert_eq!(ForgeSettings::default().kind().expect("no remote"), ForgeKind::Local);
}

#[test]
fn token_sent_only_to_allowed_hosts() {
    use ForgeKind::{GitHub, Gitea};
    let (https, ssh) =
        ("https://git.example.com:3000/acme/gitops.git", "git@git.example.com:acme/gitops.git");
    // The remote, the configured API, hosts that the caller names; where requests go, or `None` where they must not.
    let cases = [
        (GitHub, "https://github.com/a/b", None, "", Some("https://api.github.com/")),
        (GitHub, "git@github.com:a/b.git", None, "", Some("https://api.github.com/")),
        (
            GitHub,
            "https://github.com/a/b",
            Some("https://api.github.com"),
            "",
            Some("https://api.github.com/"),
        ),
        (GitHub, "https://github.com/a/b", Some("https://evil.example"), "", None),
        (GitHub, "https://github.com/a/b", Some("http://api.github.com"), "", None),
        (GitHub, "https://github.com/a/b", Some("https://api.github.com:8443"), "", None),
        (GitHub, "https://github.com/a/b", Some("https://api.github.com.evil.example"), "", None),
        (GitHub, "https://octo.ghe.com/a/b", None, "", Some("https://api.octo.ghe.com/")),
        (GitHub, "git@octo.ghe.com:a/b.git", None, "", Some("https://api.octo.ghe.com/")),
        (
            GitHub,
            "https://octo.ghe.com/a/b",
            Some("https://octo.ghe.com"),
            "",
            Some("https://api.octo.ghe.com/"),
        ),
        (
            GitHub,
            "https://octo.ghe.com/a/b",
            Some("https://api.octo.ghe.com/"),
            "",
            Some("https://api.octo.ghe.com/"),
        ),
        (GitHub, "https://octo.ghe.com/a/b", Some("https://api.other.ghe.com"), "", None),
        (GitHub, "https://octo.ghe.com/a/b", Some("http://api.octo.ghe.com"), "", None),
        (GitHub, "https://octo.ghe.com/a/b", Some("https://github.com"), "", None),
        (GitHub, "https://github.com/a/b", Some("https://octo.ghe.com"), "", None),
        (GitHub, "https://ghe.example.com/a/b", None, "", Some("https://ghe.example.com/api/v3")),
        (
            GitHub,
            "git@ghe.example.com:a/b",
            Some("https://ghe.example.com/api/v3/"),
            "",
            Some("https://ghe.example.com/api/v3"),
        ),
        (Gitea, https, None, "", Some("https://git.example.com:3000/api/v1")),
        (Gitea, https, Some("https://git.example.com:3000"), "", Some("https://git.example.com:3000/api/v1")),
        (
            Gitea,
            https,
            Some("https://git.example.com:3000/api/v1"),
            "",
            Some("https://git.example.com:3000/api/v1"),
        ),
        (Gitea, https, Some("https://git.example.com"), "", None),
        (Gitea, https, Some("http://git.example.com:3000"), "", None),
        (
            Gitea,
            https,
            Some("https://other.example.com"),
            "other.example.com",
            Some("https://other.example.com/api/v1"),
        ),
        (Gitea, https, Some("https://other.example.com:8443"), "other.example.com:443", None),
        (Gitea, "https://example.com/git/acme/gitops", None, "", Some("https://example.com/git/api/v1")),
        (Gitea, ssh, None, "", Some("https://git.example.com/api/v1")),
        (Gitea, ssh, Some("https://git.example.com:3000"), "", Some("https://git.example.com:3000/api/v1")),
        (Gitea, ssh, Some("http://git.example.com:3000"), "", None),
        (
            Gitea,
            ssh,
            Some("http://git.example.com:3000"),
            "git.example.com:3000",
            Some("http://git.example.com:3000/api/v1"),
        ),
        (Gitea, "http://127.0.0.1:3000/a/b", None, "", Some("http://127.0.0.1:3000/api/v1")),
        (Gitea, https, Some("https://user:password@git.example.com:3000"), "git.example.com", None),
        (Gitea, https, Some("git.example.com"), "git.example.com", None),
        (Gitea, "/srv/git/gitops", Some("https://git.example.com"), "", None),
    ];
    for (kind, remote, api, trusted, wanted) in cases {
        let settings = ForgeSettings {
            kind: Some(kind),
            remote: Some(RemoteAddress::new("origin", remote)),
            api: api.map(str::to_owned),
            repository: Some("acme/gitops".to_owned()),
            token: Token::new("secret-token"),
            trusted_hosts: [trusted.to_owned()].into_iter().filter(|host| !host.is_empty()).collect(),
            ..ForgeSettings::default()
        };
        let found = target(&settings, kind);
        let told = found.as_ref().ok().map(|target| target.api.as_str());
        assert_eq!(told, wanted, "{remote} {api:?} {trusted}");
        if let Err(error) = found {
            assert!(error.is_configuration() && !error.to_string().contains("secret"), "{error}");
            assert!(!error.to_string().contains("password"), "{error}");
        }
    }
}

#[test]
fn repository_name_from_remote_or_settings() {
    let of = |remote: &str, configured: Option<&str>| {
        let settings = ForgeSettings {
            remote: Some(RemoteAddress::new("origin", remote)),
            repository: configured.map(str::to_owned),
            token: Token::new("secret-token"),
            ..ForgeSettings::default()
        };
        target(&settings, ForgeKind::Gitea).ok().map(|target| (target.repository, target.web))
    };
    let named = |name: &str, web: &str| Some((name.to_owned(), web.to_owned()));
    let cases = [
        (of("https://h.example/acme/gitops.git", None), named("acme/gitops", "https://h.example")),
        (of("https://h.example/git/acme/gitops", None), named("acme/gitops", "https://h.example/git")),
        (of("ssh://git@h.example:2222/acme/gitops.git", None), named("acme/gitops", "https://h.example")),
        (of("git@h.example:acme/gitops", Some("other/repo")), named("other/repo", "https://h.example")),
        (of("https://h.example/acme/gitops", Some("a/../b")), None),
        (of("https://h.example/acme/gitops", Some("a/b?x=1")), None),
        (of("https://h.example/acme/gitops", Some("a/..")), None),
        (of("https://h.example/gitops", None), None),
    ];
    for (at, (told, wanted)) in cases.into_iter().enumerate() {
        assert_eq!(told, wanted, "case {at}");
    }
}

#[test]
fn gitlab_or_missing_token_fails_before_requests() {
    let remote = Some(RemoteAddress::new("origin", "https://h.example/acme/gitops"));
    let settings =
        |kind| ForgeSettings { kind: Some(kind), remote: remote.clone(), ..ForgeSettings::default() };
    let cases = [
        (ForgeKind::GitLab, "`forge.type: gitlab` is not supported yet"),
        (ForgeKind::Gitea, "set DRIFT_TOKEN or GITEA_TOKEN"),
        (ForgeKind::GitHub, "set DRIFT_TOKEN or GITHUB_TOKEN"),
    ];
    for (kind, wanted) in cases {
        let error = connect(&settings(kind)).expect_err(wanted);
        let said = format!("{error}: {}", error.hint().unwrap_or_default());
        assert!(error.is_configuration() && said.contains(wanted), "{said}");
    }
}

#[test]
fn next_page_link_gives_only_its_parameters() {
    let pairs = |query: &[(&str, &str)]| {
        Some(query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>())
    };
    let cases = [
        ("<https://h/x?page=2&per_page=9>; rel=\"next\"", pairs(&[("page", "2"), ("per_page", "9")])),
        (
            "<https://h/x?page=1>; rel=\"prev\", <https://h/x?after=a%3D>; rel=\"next\"",
            pairs(&[("after", "a=")]),
        ),
        ("<https://evil.example/?page=2>; rel=\"next\"", pairs(&[("page", "2")])),
        ("<https://h/x?page=9>; rel=\"last\"", None),
        ("<https://h/x>; rel=\"next\"", None),
        ("rel=\"next\"", None),
        ("", None),
    ];
    for (header, wanted) in cases {
        assert_eq!(super::repository_api::next_link(header), wanted, "{header}");
    }
}

#[tokio::test]
async fn nothing_that_is_printed_holds_the_token() {
    for kind in [ForgeKind::GitHub, ForgeKind::Gitea] {
        let settings = ForgeSettings {
            kind: Some(kind),
            remote: Some(RemoteAddress::new("origin", "https://h.example/acme/gitops")),
            token: Token::new("secret-token"),
            ..ForgeSettings::default()
        };
        let forge = connect(&settings).expect("settings that name everything");
        let text = format!("{settings:?} {forge:?} {forge:#?}");
        assert!(text.contains("h.example") && !text.contains("secret"), "{text}");
    }
}
