//! The index of a Helm repository: of each version of a chart its address and its digest.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::reference::sha256_digits;

/// The charts of a repository, by name; the versions in the order of the file.
#[derive(Debug, Default, Deserialize)]
pub(super) struct RepositoryIndex {
    #[serde(default)]
    entries: BTreeMap<String, Option<Vec<Option<IndexEntry>>>>,
}

/// One version of a chart.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct IndexEntry {
    #[serde(default)]
    pub(super) version: String,
    #[serde(default)]
    urls: Vec<String>,
    digest: Option<String>,
}

impl RepositoryIndex {
    /// Reads an `index.yaml`; `None`: it is none.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        serde_yaml::from_slice(bytes).ok()
    }

    /// The versions of a chart; empty where there is no such chart.
    pub(super) fn versions<'a>(&'a self, chart: &str) -> impl Iterator<Item = &'a IndexEntry> + use<'a> {
        self.entries.get(chart).into_iter().flatten().flatten().flatten()
    }
}

impl IndexEntry {
    /// Where its archive is: as Helm takes it, the first address, seen from the repository's.
    pub(super) fn address(&self, repository: &Url) -> Option<Url> {
        let mut base = repository.clone();
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        base.join(self.urls.first()?).ok()
    }

    /// The SHA-256 of its archive, where the index has it.
    pub(super) fn digest(&self) -> Option<String> {
        sha256_digits(self.digest.as_deref()?)
    }
}

/// An index of these versions of one chart alone, for helm: it reads the whole index each time.
pub(super) fn of_versions<'a>(chart: &str, versions: impl Iterator<Item = &'a IndexEntry>) -> String {
    let of = |entry: &IndexEntry| json!({"apiVersion": "v2", "name": chart, "version": entry.version, "urls": entry.urls});
    json!({"apiVersion": "v1", "entries": {chart: versions.map(of).collect::<Vec<_>>()}}).to_string()
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::{RepositoryIndex, of_versions};

    const INDEX: &str = "
apiVersion: v1
entries:
  web:
  - version: 1.10
    urls: [web-1.10.tgz, https://mirror.example/web.tgz]
    digest: sha256:ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB
    created: 2026-01-01T00:00:00Z
    dependencies: [{name: redis, version: ^1, repository: https://h.example}]
  - null
  - {version: '2.0.0', urls: ['https://cdn.example/web-2.0.0.tgz']}
  - version: 3.0.0
  empty:
";

    #[test]
    fn versions_have_address_and_digest() {
        let index = RepositoryIndex::read(INDEX.as_bytes()).expect("an index");
        let found: Vec<_> = index.versions("web").collect();
        let versions: Vec<_> = found.iter().map(|entry| entry.version.as_str()).collect();
        assert_eq!(versions, ["1.10", "2.0.0", "3.0.0"]);
        for repository in ["https://h.example/charts", "https://h.example/charts/"] {
            let repository = Url::parse(repository).unwrap();
            let addresses = found.iter().map(|entry| entry.address(&repository).map(String::from));
            assert_eq!(
                addresses.collect::<Vec<_>>(),
                [
                    Some("https://h.example/charts/web-1.10.tgz".to_owned()),
                    Some("https://cdn.example/web-2.0.0.tgz".to_owned()),
                    None
                ]
            );
        }
        assert_eq!(found[0].digest(), Some("ab".repeat(32)));
        assert_eq!(found[1].digest(), None);
        assert_eq!(index.versions("empty").count() + index.versions("other").count(), 0);
        let again = RepositoryIndex::read(of_versions("web", index.versions("web")).as_bytes());
        assert_eq!(again.expect("an index").versions("web").count(), 3);
    }

    #[test]
    fn what_is_no_index_is_none() {
        for text in ["<html>", "entries: 3", "- a", "a: [", "entries: {web: {version: 1}}"] {
            assert!(RepositoryIndex::read(text.as_bytes()).is_none(), "{text}");
        }
        let bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\n\
                    c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]\nd: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]\n\
                    e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]\nf: &f [*e, *e, *e, *e, *e, *e, *e, *e, *e, *e]\n\
                    g: &g [*f, *f, *f, *f, *f, *f, *f, *f, *f, *f]\nentries: {web: *g}\n";
        assert!(RepositoryIndex::read(bomb.as_bytes()).is_none());
    }
}
