//! Detects what Kustomize would fetch, by its own rules (`api/internal/git/repospec.go`, `api/pkg/loader`), not by how a text
//! looks.

/// Whether Kustomize asks a server for it where it wants a file (`IsRemoteFile`).
pub(super) fn is_remote_file(entry: &str) -> bool {
    let Some((scheme, _)) = entry.trim().split_once(':') else { return false };
    ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known))
}

/// Whether Kustomize takes it for a repository to clone (`NewRepoSpecFromURL`); anything else is a path.
pub(super) fn is_repository(entry: &str) -> bool {
    let entry = entry.trim();
    if entry.starts_with('/') {
        return false;
    }
    let path = entry.split_once('?').map_or(entry, |(path, _)| path);
    let path = strip_prefix_ignore_case(path, "git::").unwrap_or(path);
    if strip_prefix_ignore_case(path, "file://").is_some() {
        return true;
    }
    let scheme =
        ["ssh://", "https://", "http://"].iter().find_map(|scheme| strip_prefix_ignore_case(path, scheme));
    let path = scheme.unwrap_or(path);
    let (user, path) = user_of(path);
    let is_github =
        ["github.com/", "github.com:"].iter().any(|host| strip_prefix_ignore_case(path, host).is_some());
    let by_ssh = scheme.is_none() && (user.is_some() || is_github);
    if scheme.is_none() && !by_ssh {
        return false;
    }
    let slash = path.find('/');
    let colon = path.find(':').filter(|at| by_ssh && slash.is_none_or(|slash| *at > 0 && *at < slash));
    let Some(end) = colon.or(slash) else { return false };
    let below = &path[end + 1..];
    ["_git/", "//", ".git"].iter().any(|marker| below.contains(marker)) || below.contains('/')
}

/// The rest of a text that begins with an ASCII prefix, whatever its case, as Go's `ToLower` has it.
fn strip_prefix_ignore_case<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let mut rest = text.chars();
    let lower = |c: char| match c {
        '\u{130}' => 'i',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    };
    prefix.chars().all(|wanted| rest.next().map(lower) == Some(wanted)).then_some(rest.as_str())
}

/// `git` and the rest of `git@…`.
fn user_of(text: &str) -> (Option<&str>, &str) {
    let is_name = |user: &str| {
        user.starts_with(|c: char| c.is_ascii_alphabetic())
            && user.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    match text.split_once('@') {
        Some((user, rest)) if is_name(user) => (Some(user), rest),
        _ => (None, text),
    }
}

/// Whether a text looks like an address of any kind. Asked where a plug-in's configuration may hold one in any place.
pub(super) fn looks_like_address(text: &str) -> bool {
    let after_key = text.split_once('=').map_or("", |(_, value)| value);
    let is_one = |text: &str| is_remote_file(text) || is_repository(text);
    text.contains("://") || text.contains("?ref=") || is_one(text) || is_one(after_key)
}

/// Why an entry is not rendered; an empty one is not shown.
pub(super) fn network_reason(entry: &str) -> String {
    format!(
        "{} would be fetched from the network, which drift does not allow: keep a copy in the repository",
        display_entry(entry)
    )
}

/// An entry of a list of files, where it can be a path or an address and nothing else. The place says where it stands.
pub(super) fn display_entry(entry: &str) -> String {
    let is_path = |c: char| c.is_alphanumeric() || "./_-~@:?=&+%".contains(c);
    let entry = without_credentials(entry);
    match entry.is_empty() || !entry.chars().all(is_path) {
        true => "what stands here".to_owned(),
        false => format!("`{entry}`"),
    }
}

/// An entry without the user and password of its address, and not longer than a line.
fn without_credentials(entry: &str) -> String {
    let entry = entry.trim();
    let shown = match entry.split_once("://") {
        Some((scheme, rest)) => {
            let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
            let host = rest[..end].rfind('@').map_or(0, |at| at + 1);
            format!("{scheme}://{}", &rest[host..])
        }
        None => entry.to_owned(),
    };
    // Of a query only the revision.
    let (path, query) = shown.split_once('?').unwrap_or((&shown, ""));
    let revision = query.split('&').find(|part| part.starts_with("ref="));
    let shown = revision.map_or_else(|| path.to_owned(), |revision| format!("{path}?{revision}"));
    shown.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::{is_remote_file, is_repository, looks_like_address, without_credentials};

    #[test]
    fn what_kustomize_clones_is_told_from_paths() {
        for entry in [
            "https://github.com/acme/base",
            "HTTPS://example.com/acme/base.git",
            "https://example.com/acme/base//overlay?ref=v1",
            "git@github.com:acme/base.git",
            "deploy@git.example.com/acme/base",
            "git::https://example.com/acme/x",
            "ssh://git@example.com/acme/x",
            "github.com/acme/base//overlay",
            "GitHub.com/acme/base?ref=v1",
            "github.com:acme/base",
            "https://dev.azure.com/org/project/_git/base",
            "file:///srv/base",
            "git@:a.git",
            "g\u{130}thub.com/acme/base",
        ] {
            assert!(is_repository(entry), "{entry}");
        }
        for entry in [
            "../base",
            "web@v2",
            "git@x/y",
            "git@",
            "users/me@example/x",
            "./github.com/acme/base",
            "acme/base?ref=v1",
            "git.example.com/acme/base",
            "/srv/base",
            "",
            "é",
        ] {
            assert!(!is_repository(entry), "{entry}");
        }
    }

    #[test]
    fn remote_entries_distinguished_from_files() {
        for entry in ["https://example.com/x.yaml", "HTTP://example.com", "http:/x", "https:x"] {
            assert!(is_remote_file(entry), "{entry}");
        }
        for entry in ["../x.yaml", "x.yaml", "http.yaml", "ssh://example.com/x", "web@v2/x.yaml"] {
            assert!(!is_remote_file(entry), "{entry}");
        }
    }

    #[test]
    fn address_behind_key_is_recognized() {
        for text in ["config.txt=https://example.com/x", "ssh://x", "acme/base?ref=v1"] {
            assert!(looks_like_address(text), "{text}");
        }
        for text in ["a=b.txt", "x@y", "deploy.yaml"] {
            assert!(!looks_like_address(text), "{text}");
        }
    }

    #[test]
    fn credentials_are_not_shown() {
        for (entry, expected) in [
            ("https://u:hunter2@example.com/x", "https://example.com/x"),
            ("https://example.com/x?token=hunter2", "https://example.com/x"),
            ("https://example.com/x?ref=v1&token=hunter2", "https://example.com/x?ref=v1"),
            ("git@github.com:acme/base", "git@github.com:acme/base"),
        ] {
            assert_eq!(without_credentials(entry), expected);
        }
    }
}
