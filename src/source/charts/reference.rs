//! Which chart is meant: what callers say, and what of it may be asked for.

use url::Url;

use super::error::{ChartError, ChartFault};
use crate::model::{ChartDigest, ChartReference, ChartRepository};

/// The digest with its digits alone, in lower case; `None`: it is no SHA-256.
fn normalised(digest: &ChartDigest) -> Option<ChartDigest> {
    Some(match digest {
        ChartDigest::Manifest(text) => ChartDigest::Manifest(sha256_digits(text)?),
        ChartDigest::Archive(text) => ChartDigest::Archive(sha256_digits(text)?),
    })
}

/// The 64 digits of a SHA-256, in lower case.
pub(super) fn sha256_digits(text: &str) -> Option<String> {
    let digits = text.strip_prefix("sha256:").unwrap_or(text);
    let is_one = digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_one.then(|| digits.to_ascii_lowercase())
}

/// A reference whose texts can be nothing but what they are meant for: no flag, no credentials, no other protocol.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) struct CheckedReference {
    /// The repository's address, as it is asked.
    pub(super) url: Url,
    pub(super) kind: RepositoryKind,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) digest: Option<ChartDigest>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum RepositoryKind {
    Oci { plain_http: bool },
    Helm,
}

/// The longest name, address or version that is looked at, in bytes.
const LONGEST: usize = 2048;

impl CheckedReference {
    pub(super) fn new(reference: &ChartReference) -> Result<Self, ChartError> {
        let (address, kind) = match &reference.repository {
            ChartRepository::Oci { url, plain_http } => {
                (url, RepositoryKind::Oci { plain_http: *plain_http })
            }
            ChartRepository::Helm { url } => (url, RepositoryKind::Helm),
        };
        let fail = |fault| ChartError {
            chart: display_name(&reference.name, &reference.version),
            repository: display_address(address),
            fault,
        };
        let url = usable_address(address, kind).map_err(fail)?;
        if !is_name(&reference.name) {
            return Err(fail(ChartFault::Name));
        }
        if !is_version(&reference.version) {
            return Err(fail(ChartFault::Version));
        }
        let digest = match &reference.digest {
            Some(digest) => Some(normalised(digest).ok_or_else(|| fail(ChartFault::Digest))?),
            None => None,
        };
        if kind == RepositoryKind::Helm && matches!(digest, Some(ChartDigest::Manifest(_))) {
            return Err(fail(ChartFault::Digest));
        }
        Ok(Self { url, kind, name: reference.name.clone(), version: reference.version.clone(), digest })
    }

    /// The error about this chart.
    pub(in super::super) fn fail(&self, fault: ChartFault) -> ChartError {
        let repository = display_address(self.url.as_str());
        ChartError { chart: display_name(&self.name, &self.version), repository, fault }
    }

    /// The repository's host, in lower case.
    pub(super) fn host(&self) -> String {
        self.url.host_str().unwrap_or_default().to_ascii_lowercase()
    }

    /// Its port.
    pub(super) fn port(&self) -> u16 {
        let is_plain = self.kind == RepositoryKind::Oci { plain_http: true };
        self.url.port_or_known_default().unwrap_or(if is_plain { 80 } else { 443 })
    }

    /// Host and port as the address has them.
    pub(super) fn authority(&self) -> String {
        authority(&self.url)
    }

    /// The chart's address in a registry, `oci://HOST/PATH/NAME`.
    pub(super) fn oci_address(&self) -> String {
        format!("{}/{}", self.url.as_str().trim_end_matches('/'), self.name)
    }
}

/// Host and port as an address has them.
pub(super) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
    url.port().map_or_else(|| host.clone(), |port| format!("{host}:{port}"))
}

fn usable_address(address: &str, kind: RepositoryKind) -> Result<Url, ChartFault> {
    let url = (address.len() <= LONGEST).then(|| Url::parse(address.trim()).ok()).flatten();
    let url = url.filter(|url| url.host_str().is_some_and(|host| !host.is_empty()));
    let url = url.ok_or(ChartFault::Address)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(ChartFault::Credentials);
    }
    let fits = match kind {
        RepositoryKind::Helm => matches!(url.scheme(), "http" | "https"),
        // Nothing of it may be read as a tag, a digest or an encoded separator.
        RepositoryKind::Oci { .. } => {
            let is_path = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
            let is_host = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
            url.scheme() == "oci"
                && url.query().is_none()
                && url.path().chars().all(is_path)
                && url.host_str().is_some_and(|host| host.chars().all(is_host))
        }
    };
    if fits { Ok(url) } else { Err(ChartFault::Address) }
}

/// `web`, or `charts/web`: words of a path, none of which a program could take for a flag.
fn is_name(name: &str) -> bool {
    let is_word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_alphanumeric())
            && word.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    };
    name.len() <= LONGEST && name.split('/').all(is_word)
}

/// Whether it can be a version or a range: their letters, digits and signs.
fn is_version(version: &str) -> bool {
    let is_sign = |c: char| c.is_ascii_alphanumeric() || "^~<>=!*|,.+- ".contains(c);
    version.len() <= LONGEST && version.chars().all(is_sign)
}

/// The most characters of a name or an address that are shown.
const SHOWN: usize = 200;

fn display_name(name: &str, version: &str) -> String {
    let version = if is_version(version) { version } else { "…" };
    let name: String =
        if is_name(name) { name.chars().take(SHOWN).collect() } else { format!("{name:.200?}") };
    if version.is_empty() { name } else { format!("{name} {version:.200}") }
}

/// An address without what may be credentials: before the host, in the query, in the fragment.
fn display_address(address: &str) -> String {
    let address = address.trim();
    let (scheme, rest) = address.split_once("://").unwrap_or(("", address));
    let rest = &rest[..rest.find(['?', '#']).unwrap_or(rest.len())];
    let end = rest.find(['/', '\\']).unwrap_or(rest.len());
    let host = rest[..end].rfind('@').map_or(0, |at| at + 1);
    let shown = rest[host..].trim_end_matches('/').chars().take(SHOWN);
    let shown: String = shown.map(|c| if c.is_control() { ' ' } else { c }).collect();
    if scheme.is_empty() { shown } else { format!("{scheme:.20}://{shown}") }
}

#[cfg(test)]
mod tests {
    use super::{ChartDigest, ChartFault, ChartReference, ChartRepository, CheckedReference};

    fn helm(url: &str) -> ChartReference {
        reference(ChartRepository::Helm { url: url.to_owned() })
    }

    fn oci(url: &str) -> ChartReference {
        reference(ChartRepository::Oci { url: url.to_owned(), plain_http: false })
    }

    fn reference(repository: ChartRepository) -> ChartReference {
        ChartReference { repository, name: "web".to_owned(), version: "1.2.3".to_owned(), digest: None }
    }

    fn fault(reference: &ChartReference) -> Option<ChartFault> {
        CheckedReference::new(reference).err().map(|error| error.fault)
    }

    #[test]
    fn only_plain_addresses_are_asked() {
        for reference in [
            helm("https://charts.example.com/stable"),
            helm("http://127.0.0.1:8080/"),
            oci("oci://ghcr.io/acme/charts"),
            oci("oci://registry.example.com:5000"),
            oci("oci://[::1]:5000/charts"),
        ] {
            assert_eq!(fault(&reference), None, "{reference:?}");
        }
        for reference in [
            helm("file:///etc"),
            helm("s3://bucket/charts"),
            helm("oci://ghcr.io/acme"),
            helm("--post-renderer=x"),
            helm(""),
            helm("https://"),
            oci("https://ghcr.io/acme"),
            oci("oci://ghcr.io/acme/web:1.2.3"),
            oci("oci://ghcr.io/acme/web@sha256:00"),
            oci("oci://ghcr.io/acme?x=y"),
            oci("oci://ghcr.io/a%2fb"),
            oci("oci:--plain-http"),
        ] {
            assert_eq!(fault(&reference), Some(ChartFault::Address), "{reference:?}");
        }
    }

    #[test]
    fn credentials_in_an_address_are_refused_and_not_shown() {
        for reference in [
            helm("https://reader:hunter2@charts.example.com/stable?token=hunter2#hunter2"),
            helm("https://hunter2@charts.example.com/stable"),
            oci("oci://reader:hunter2@charts.example.com/stable"),
        ] {
            let error = CheckedReference::new(&reference).expect_err("it has credentials");
            assert_eq!(error.fault, ChartFault::Credentials);
            let shown = format!("{error} {error:?}");
            assert!(shown.contains("://charts.example.com/stable") && !shown.contains("hunter2"), "{shown}");
        }
        let query = helm("https://charts.example.com/stable?token=hunter2");
        let checked = CheckedReference::new(&query).expect("a query may be needed");
        assert_eq!(checked.fail(ChartFault::Name).repository, "https://charts.example.com/stable");
    }

    #[test]
    fn name_and_version_cannot_be_flags() {
        for name in
            ["--post-renderer=x", "-d", "", "/etc", "a//b", "../x", "a/../b", "a b", "x\ny", "a:b", "a@b"]
        {
            let reference = ChartReference { name: name.to_owned(), ..helm("https://h.example") };
            assert_eq!(fault(&reference), Some(ChartFault::Name), "{name:?}");
        }
        for version in ["1.2.3\n--x", "$(x)", "1;x", "1/2"] {
            let reference = ChartReference { version: version.to_owned(), ..helm("https://h.example") };
            assert_eq!(fault(&reference), Some(ChartFault::Version), "{version:?}");
        }
        for version in ["", "1.2.3", "v1.2.3-rc.1+build", ">=1.2, <2 || ^3", "1.x", "~1", "1.2 - 1.4", "-1"] {
            let reference = ChartReference { version: version.to_owned(), ..helm("https://h.example") };
            assert_eq!(fault(&reference), None, "{version:?}");
        }
    }

    #[test]
    fn digests_are_sha256() {
        let with = |digest| ChartReference { digest: Some(digest), ..oci("oci://h.example/x") };
        let digits = "AB".repeat(32);
        let checked = CheckedReference::new(&with(ChartDigest::Manifest(format!("sha256:{digits}"))));
        let expected = Some(ChartDigest::Manifest("ab".repeat(32)));
        assert_eq!(checked.expect("a digest").digest, expected);
        for wrong in ["", "sha256:ab", "md5:d41d8cd98f00b204e9800998ecf8427e", &"xy".repeat(32)] {
            let reference = with(ChartDigest::Archive(wrong.to_owned()));
            assert_eq!(fault(&reference), Some(ChartFault::Digest), "{wrong}");
        }
        let manifest = Some(ChartDigest::Manifest(digits));
        let of_index = ChartReference { digest: manifest, ..helm("https://h.example") };
        assert_eq!(fault(&of_index), Some(ChartFault::Digest));
    }
}
