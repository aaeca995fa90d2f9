//! The caller's own logins for Helm repositories: what `helm repo add` wrote down.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use url::Url;

/// What helm knows of a repository, in the words of its `repositories.yaml`. `pass_credentials_all` is not among them: what
/// a repository's own index names elsewhere gets no password.
#[derive(Default, Clone, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct RepositoryEntry {
    name: String,
    url: String,
    username: String,
    password: String,
    cert_file: String,
    key_file: String,
    ca_file: String,
    #[serde(rename = "insecure_skip_tls_verify")]
    skip_verify: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RepositoriesFile {
    repositories: Vec<RepositoryEntry>,
}

/// The largest such file that is read, in bytes.
const FILE_CAP: u64 = 4 * 1024 * 1024;

impl RepositoryEntry {
    /// What the caller has written down for exactly this repository, under our own name; without a login where there is
    /// nothing.
    pub(super) fn of_caller(repository: &Url, name: &str, env: &[(OsString, OsString)]) -> Self {
        let known = repositories_file(env).map(|file| read(&file)).unwrap_or_default();
        let is_it = |entry: &Self| Url::parse(&entry.url).is_ok_and(|url| is_same(&url, repository));
        let found = known.repositories.into_iter().find(is_it).unwrap_or_default();
        Self { name: name.to_owned(), url: repository.to_string(), ..found }
    }

    /// A `repositories.yaml` with nothing but this.
    pub(super) fn file(&self) -> String {
        // YAML reads JSON.
        serde_json::json!({"apiVersion": "", "generated": "0001-01-01T00:00:00Z", "repositories": [self]})
            .to_string()
    }
}

/// The same repository: protocol, host, port and path.
fn is_same(one: &Url, other: &Url) -> bool {
    let path = |url: &Url| url.path().trim_end_matches('/').to_owned();
    one.scheme() == other.scheme()
        && one.host_str() == other.host_str()
        && one.port_or_known_default() == other.port_or_known_default()
        && path(one) == path(other)
        && one.query() == other.query()
}

/// Where helm keeps it (`helmpath` of Helm).
fn repositories_file(env: &[(OsString, OsString)]) -> Option<PathBuf> {
    let variable = |name: &str| {
        let found = env.iter().rev().find(|(known, _)| known == OsStr::new(name));
        found.map(|(_, value)| PathBuf::from(value)).filter(|value| !value.as_os_str().is_empty())
    };
    let config = || {
        let own = variable("HELM_CONFIG_HOME");
        let system = || variable("XDG_CONFIG_HOME").map(|folder| folder.join("helm"));
        let default = if cfg!(target_os = "macos") { "Library/Preferences/helm" } else { ".config/helm" };
        own.or_else(system).or_else(|| variable("HOME").map(|home| home.join(default)))
    };
    variable("HELM_REPOSITORY_CONFIG").or_else(|| Some(config()?.join("repositories.yaml")))
}

fn read(file: &Path) -> RepositoriesFile {
    let is_small = file.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() <= FILE_CAP);
    let text = if is_small { std::fs::read_to_string(file).ok() } else { None };
    text.and_then(|text| serde_yaml::from_str(&text).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::fs;

    use url::Url;

    use super::RepositoryEntry;

    const FILE: &str = "
apiVersion: ''
generated: '2026-01-01T00:00:00Z'
repositories:
- {name: a, url: 'https://charts.example.com/stable/', username: reader, password: hunter2, caFile: /ca.pem,
   insecure_skip_tls_verify: true, pass_credentials_all: true}
- {name: b, url: 'https://other.example'}
";

    fn entry(url: &str, env: &[(&str, OsString)]) -> serde_json::Value {
        let env: Vec<_> = env.iter().map(|(name, value)| (OsString::from(name), value.clone())).collect();
        let entry = RepositoryEntry::of_caller(&Url::parse(url).unwrap(), "drift", &env);
        let file: serde_json::Value = serde_json::from_str(&entry.file()).unwrap();
        file["repositories"][0].clone()
    }

    #[test]
    fn login_is_for_exactly_its_repository() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("repositories.yaml");
        fs::write(&file, FILE).unwrap();
        let env = [("HELM_REPOSITORY_CONFIG", file.into_os_string())];
        for url in ["https://charts.example.com/stable", "https://charts.example.com:443/stable/"] {
            let found = entry(url, &env);
            assert_eq!(
                (&found["username"], &found["password"]),
                (&"reader".into(), &"hunter2".into()),
                "{url}"
            );
            assert_eq!((&found["name"], &found["caFile"]), (&"drift".into(), &"/ca.pem".into()));
            assert_eq!(found["insecure_skip_tls_verify"], true);
            assert_eq!(found["pass_credentials_all"], serde_json::Value::Null);
        }
        for url in [
            "http://charts.example.com/stable",
            "https://charts.example.com/stable/x",
            "https://charts.example.com/",
            "https://charts.example.com:8443/stable",
            "https://sub.charts.example.com/stable",
            "https://other.example",
        ] {
            let found = entry(url, &env);
            assert_eq!((&found["username"], &found["password"]), (&"".into(), &"".into()), "{url}");
        }
    }

    #[test]
    fn file_is_where_helm_keeps_it() {
        let folder = tempfile::tempdir().unwrap();
        let url = "https://charts.example.com/stable";
        let default = if cfg!(target_os = "macos") { "Library/Preferences/helm" } else { ".config/helm" };
        for (variable, inside) in [("HELM_CONFIG_HOME", ""), ("XDG_CONFIG_HOME", "helm"), ("HOME", default)] {
            let home = folder.path().join(variable);
            fs::create_dir_all(home.join(inside)).unwrap();
            fs::write(home.join(inside).join("repositories.yaml"), FILE).unwrap();
            assert_eq!(entry(url, &[(variable, home.into_os_string())])["password"], "hunter2", "{variable}");
        }
        assert_eq!(entry(url, &[])["password"], "");
        let torn = folder.path().join("torn");
        fs::write(&torn, "repositories: [").unwrap();
        assert_eq!(entry(url, &[("HELM_REPOSITORY_CONFIG", torn.into_os_string())])["password"], "");
    }
}
