//! Reads Helm's release records from Secrets or ConfigMaps (helm/helm `pkg/storage/driver`).

use std::collections::BTreeMap;
use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::stream::StreamExt;
use serde_json::Value;

use crate::cluster::{Cluster, Projection, ReadError};
use crate::model::ApiResource;

/// The most of a release that is unpacked: Helm's own limit for a Secret is 1 MiB, packed.
const MOST_OF_RELEASE: u64 = 64 << 20;

/// The kinds of Helm's storage drivers.
const DRIVERS: [&str; 2] = ["Secret", "ConfigMap"];

/// Prefix of the names of objects that store a release.
const STORAGE_KEY: &str = "sh.helm.release.v1.";

/// The newest revision of each release, by its name.
type Revisions = BTreeMap<String, u64>;

/// Reads releases; lists each namespace once.
pub(super) struct HelmReleases<'a> {
    cluster: &'a Cluster,
    /// By driver and namespace.
    revisions: BTreeMap<(&'static str, String), Result<Revisions, ReadError>>,
}

impl<'a> HelmReleases<'a> {
    pub(super) fn new(cluster: &'a Cluster) -> Self {
        Self { cluster, revisions: BTreeMap::new() }
    }

    /// The newest revision of a release, as Helm keeps it: its manifest, hooks and description. `None` where there is
    /// none. It may hold values of Secrets, and never leaves the process.
    pub(super) async fn read_newest(
        &mut self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Value>, ReadError> {
        for driver in DRIVERS {
            let Some(served) = self.cluster.api_resources().kind("", "v1", driver) else { continue };
            let key = (driver, namespace.to_owned());
            if !self.revisions.contains_key(&key) {
                let read = revisions(self.cluster, served, namespace).await;
                self.revisions.insert(key.clone(), read);
            }
            let revisions = self.revisions[&key].as_ref().map_err(Clone::clone)?;
            let Some(revision) = revisions.get(name) else { continue };
            let storage_key = format!("{STORAGE_KEY}{name}.v{revision}");
            let live = self.cluster.get(served, Some(namespace), &storage_key).await?;
            let packed = live.as_ref().and_then(|live| live.pointer("/data/release")?.as_str());
            return Ok(packed.and_then(|packed| unpack(packed, driver == "Secret")));
        }
        Ok(None)
    }
}

async fn revisions(cluster: &Cluster, driver: &ApiResource, namespace: &str) -> Result<Revisions, ReadError> {
    let mut revisions = Revisions::new();
    let mut pages = cluster.list(driver, Some(namespace), Projection::Metadata);
    while let Some(page) = pages.next().await {
        for item in page? {
            let release = item.name().strip_prefix(STORAGE_KEY);
            let Some((name, revision)) = release.and_then(|release| release.rsplit_once(".v")) else {
                continue;
            };
            let Ok(revision) = revision.parse() else { continue };
            let newest = revisions.entry(name.to_owned()).or_insert(revision);
            *newest = revision.max(*newest);
        }
    }
    Ok(revisions)
}

/// A release as Helm packs it: JSON, gzipped, in base64; in a Secret once more in base64.
fn unpack(packed: &str, of_secret: bool) -> Option<Value> {
    let mut bytes = packed.as_bytes().to_vec();
    for _ in 0..=usize::from(of_secret) {
        bytes = STANDARD.decode(&bytes).ok()?;
    }
    let mut text = Vec::new();
    if bytes.starts_with(&[0x1f, 0x8b]) {
        flate2::read::GzDecoder::new(bytes.as_slice()).take(MOST_OF_RELEASE).read_to_end(&mut text).ok()?;
    } else {
        text = bytes;
    }
    serde_json::from_slice(&text).ok()
}

/// Whether the release was rolled back last (`helm rollback` says so in the description of the new revision).
pub(super) fn is_rolled_back(release: &Value) -> bool {
    let description = release.pointer("/info/description").and_then(Value::as_str);
    description.is_some_and(|text| text.starts_with("Rollback to "))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::json;

    use super::{is_rolled_back, unpack};

    #[test]
    fn helm_release_is_unpacked() {
        let release = json!({"name": "web", "info": {"description": "Rollback to 1"}});
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(release.to_string().as_bytes()).expect("memory can be written");
        let packed = STANDARD.encode(gzip.finish().expect("memory can be written"));
        assert_eq!(unpack(&packed, false), Some(release.clone()));
        assert_eq!(unpack(&STANDARD.encode(&packed), true), Some(release.clone()));
        assert_eq!(unpack("no base64 !", false), None);
        assert!(is_rolled_back(&release));
        assert!(!is_rolled_back(&json!({"info": {"description": "Upgrade complete"}})));
    }
}
