//! What Helm keeps of a release, in a Secret or ConfigMap of the release's namespace (helm/helm `pkg/storage/driver`).

use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::stream::StreamExt;
use serde_json::Value;

use crate::cluster::{Cluster, Unread, What};

/// The most of a release that is unpacked: Helm's own limit for a Secret is 1 MiB, packed.
const MOST_OF_RELEASE: u64 = 64 << 20;

/// The newest revision of a release, as Helm keeps it: its manifest, hooks and description. `None` where there is none.
/// It may hold values of Secrets, and never leaves the process.
pub(super) async fn newest_release(
    cluster: &Cluster,
    namespace: &str,
    name: &str,
) -> Result<Option<Value>, Unread> {
    let prefix = format!("sh.helm.release.v1.{name}.v");
    for kind in ["Secret", "ConfigMap"] {
        let Some(served) = cluster.served().kind("", "v1", kind) else { continue };
        let mut newest: Option<u64> = None;
        let mut pages = cluster.list(served, Some(namespace), What::Metadata);
        while let Some(page) = pages.next().await {
            let page = page?;
            let revisions = page.iter().filter_map(|item| item.name().strip_prefix(&prefix)?.parse().ok());
            newest = revisions.chain(newest).max();
        }
        let Some(revision) = newest else { continue };
        let live = cluster.get(served, Some(namespace), &format!("{prefix}{revision}")).await?;
        let packed = live.as_ref().and_then(|live| live.pointer("/data/release")?.as_str());
        return Ok(packed.and_then(|packed| unpacked(packed, kind == "Secret")));
    }
    Ok(None)
}

/// A release as Helm packs it: JSON, gzipped, in base64; in a Secret once more in base64.
fn unpacked(packed: &str, of_secret: bool) -> Option<Value> {
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

    use super::{is_rolled_back, unpacked};

    #[test]
    fn a_release_is_unpacked_as_helm_packs_it() {
        let release = json!({"name": "web", "info": {"description": "Rollback to 1"}});
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(release.to_string().as_bytes()).expect("memory can be written");
        let packed = STANDARD.encode(gzip.finish().expect("memory can be written"));
        assert_eq!(unpacked(&packed, false), Some(release.clone()));
        assert_eq!(unpacked(&STANDARD.encode(&packed), true), Some(release.clone()));
        assert_eq!(unpacked("no base64 !", false), None);
        assert!(is_rolled_back(&release));
        assert!(!is_rolled_back(&json!({"info": {"description": "Upgrade complete"}})));
    }
}
