//! Which hosts may be asked for charts: what the person who runs drift says, and nobody else.

use url::Url;

/// The hosts that may be asked for charts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum AllowedHosts {
    /// None.
    #[default]
    None,
    /// Every one.
    All,
    /// These.
    Only(Vec<AllowedHost>),
}

/// A host that may be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedHost {
    host: String,
    /// `None`: any port.
    port: Option<u16>,
    /// Whether it may be asked without TLS, although its address does not say `http`.
    plain_http: bool,
}

/// An entry that is no host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a host to fetch charts from: write HOST, HOST:PORT, http://HOST for one without TLS, or all"
)]
pub struct NoHost(String);

impl AllowedHosts {
    /// Reads entries `HOST`, `HOST:PORT`, `http://HOST` (may be asked without TLS) and `all`; empty ones are nothing.
    pub fn parse<T: AsRef<str>>(entries: impl IntoIterator<Item = T>) -> Result<Self, NoHost> {
        let mut allowed = Self::None;
        for entry in entries {
            let entry = entry.as_ref().trim();
            if entry.is_empty() {
                continue;
            }
            if entry == "all" {
                allowed = Self::All;
                continue;
            }
            let host = AllowedHost::parse(entry)?;
            match &mut allowed {
                Self::All => {}
                Self::Only(hosts) => hosts.push(host),
                Self::None => allowed = Self::Only(vec![host]),
            }
        }
        Ok(allowed)
    }

    /// Whether this host may be asked.
    pub(super) fn allows(&self, host: &str, port: u16) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Only(hosts) => hosts.iter().any(|allowed| allowed.is(host, port)),
        }
    }

    /// Whether it may be asked without TLS: this very machine, or what is named so.
    pub(super) fn allows_plain_http(&self, host: &str, port: u16) -> bool {
        let is_named = match self {
            Self::None | Self::All => false,
            Self::Only(hosts) => hosts.iter().any(|allowed| allowed.plain_http && allowed.is(host, port)),
        };
        is_named || is_loopback(host)
    }

    /// What to write to allow one more entry.
    pub(super) fn with(&self, entry: &str) -> String {
        match self {
            Self::None | Self::All => entry.to_owned(),
            Self::Only(hosts) => {
                let known = hosts.iter().map(AllowedHost::display);
                known.chain([entry.to_owned()]).collect::<Vec<_>>().join(",")
            }
        }
    }
}

impl AllowedHost {
    fn parse(entry: &str) -> Result<Self, NoHost> {
        let wrong = || NoHost(entry.chars().take(200).filter(|c| !c.is_control()).collect());
        let (scheme, rest) = entry.split_once("://").unwrap_or(("https", entry));
        // Not a scheme that has a port of its own: one that is written must be seen.
        let url = Url::parse(&format!("oci://{}", rest.trim_end_matches('/'))).map_err(|_| wrong())?;
        let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
        let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
        let is_bare = url.path().is_empty()
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        let is_host =
            host.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[') && host.chars().all(is_plain);
        if !is_bare || !is_host || !["http", "https", "oci"].contains(&scheme) {
            return Err(wrong());
        }
        Ok(Self { host, port: url.port(), plain_http: scheme == "http" })
    }

    fn is(&self, host: &str, port: u16) -> bool {
        self.host == host && self.port.is_none_or(|own| own == port)
    }

    fn display(&self) -> String {
        let scheme = if self.plain_http { "http://" } else { "" };
        let port = self.port.map_or_else(String::new, |port| format!(":{port}"));
        format!("{scheme}{}{port}", self.host)
    }
}

/// Whether it is this very machine, by its number or the name that is no other's (RFC 6761).
fn is_loopback(host: &str) -> bool {
    let number = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    number.map_or(host == "localhost", |number| number.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::AllowedHosts;

    #[test]
    fn hosts_allowed_as_written() {
        let parse = |entries: &[&str]| AllowedHosts::parse(entries).expect("hosts");
        let some = parse(&["Charts.Example.com", "reg.example:5000", "http://plain.example", "[::1]:80", ""]);
        for (host, port, allowed, plain) in [
            ("charts.example.com", 443, true, false),
            ("charts.example.com", 8443, true, false),
            ("sub.charts.example.com", 443, false, false),
            ("example.com", 443, false, false),
            ("reg.example", 5000, true, false),
            ("reg.example", 443, false, false),
            ("plain.example", 80, true, true),
            ("[::1]", 80, true, true),
            ("[::1]", 81, false, true),
            ("127.0.0.1", 80, false, true),
            ("localhost", 80, false, true),
            ("localhost.example", 80, false, false),
        ] {
            assert_eq!(some.allows(host, port), allowed, "{host}:{port}");
            assert_eq!(some.allows_plain_http(host, port), plain, "{host}:{port}");
        }
        assert_eq!(parse(&["", " "]), AllowedHosts::None);
        assert_eq!(parse(&["a.example", "all", "b.example"]), AllowedHosts::All);
        assert!(!AllowedHosts::None.allows("a.example", 443) && AllowedHosts::All.allows("a.example", 443));
        assert!(!AllowedHosts::All.allows_plain_http("a.example", 80));
        assert_eq!(
            some.with("x.example"),
            "charts.example.com,reg.example:5000,http://plain.example,[::1]:80,x.example"
        );
        assert_eq!(AllowedHosts::None.with("x.example"), "x.example");
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for entry in
            ["*", "https://h.example/charts", "u:p@h.example", "ftp://h.example", "a b", "-x", "h.example:x"]
        {
            let error = AllowedHosts::parse([entry]).expect_err(entry);
            assert!(error.to_string().starts_with(&format!("`{entry}`")), "{error}");
            assert!(AllowedHosts::parse(["all", entry]).is_err(), "{entry}");
        }
    }
}
