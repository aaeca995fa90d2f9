//! Cache of rendered versions; a file with another format, length or owner is
//! a miss. Secrets are not cached.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::versions::RenderedVersion;
use crate::model::{Desired, Lazy, Origin, Provenance, ResourceId, is_secret};

/// Format version; changes with the content of the files.
const FORMAT: &str = "drift-version-1";
/// The largest file that is read or written.
const LARGEST: u64 = 4 << 20;
/// What a file may unpack to.
const LARGEST_UNPACKED: u64 = 64 << 20;
/// Most files; the oldest are removed.
const MOST: usize = 8192;
/// Most bytes of all files together.
const MOST_BYTES: u64 = 256 << 20;

/// The folder of the rendered versions.
pub(super) struct VersionCache {
    folder: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Body {
    objects: Vec<Object>,
    /// Objects that were rendered and whose content is not kept.
    secret: Vec<ResourceId>,
}

#[derive(Serialize, Deserialize)]
struct Object {
    id: ResourceId,
    value: Value,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    unstable: Vec<String>,
}

impl VersionCache {
    /// The folder in the cache, private to its owner; `None` where it cannot be so.
    pub(super) fn in_cache(cache: &Path) -> Option<Self> {
        let folder = cache.join("versions");
        fs::create_dir_all(cache).ok()?;
        match DirBuilder::new().mode(0o700).create(&folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return None,
            _ => {}
        }
        let metadata = fs::symlink_metadata(&folder).ok()?;
        let is_ours = metadata.is_dir() && metadata.uid() == rustix::process::geteuid().as_raw();
        let is_private = metadata.permissions().mode() & 0o077 == 0;
        (is_ours && is_private).then_some(Self { folder })
    }

    /// What is kept under a key.
    pub(super) fn read(&self, key: &str) -> Option<RenderedVersion> {
        let file = self.folder.join(key);
        // A pipe would block.
        let size = fs::symlink_metadata(&file).ok().filter(fs::Metadata::is_file)?.len();
        let mut bytes = Vec::new();
        File::open(&file).ok()?.take(LARGEST).read_to_end(&mut bytes).ok()?;
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let (head, packed) = (&bytes[..end], &bytes[end + 1..]);
        if size != bytes.len() as u64 || head != head_of(key, packed).as_bytes() {
            return None;
        }
        let mut body = Vec::new();
        GzDecoder::new(packed).take(LARGEST_UNPACKED).read_to_end(&mut body).ok()?;
        let body: Body = serde_json::from_slice(&body).ok()?;
        let objects = body.objects.into_iter().map(|object| (object.id.key(), desired(object)));
        let secret = body.secret.iter().map(ResourceId::key).collect::<BTreeSet<_>>();
        Some(RenderedVersion { objects: objects.collect::<BTreeMap<_, _>>(), secret })
    }

    /// Keeps what was rendered. A folder that cannot be written is an error that the caller may pass over.
    pub(super) fn write(
        &self,
        key: &str,
        objects: &BTreeMap<crate::model::ObjectKey, Desired>,
    ) -> io::Result<()> {
        let (secret, open): (Vec<&Desired>, Vec<&Desired>) =
            objects.values().partition(|object| is_secret_content(object));
        let body = Body {
            objects: open.into_iter().map(object).collect(),
            secret: secret.into_iter().map(|object| object.id.clone()).collect(),
        };
        let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
        serde_json::to_writer(&mut packer, &body)?;
        let packed = packer.finish()?;
        if packed.len() as u64 + 256 > LARGEST {
            return Ok(());
        }
        let mut written = tempfile::NamedTempFile::new_in(&self.folder)?;
        written.write_all(head_of(key, &packed).as_bytes())?;
        written.write_all(b"\n")?;
        written.write_all(&packed)?;
        written.persist(self.folder.join(key))?;
        Ok(())
    }

    /// Removes the oldest files, of more than [`MOST`] or [`MOST_BYTES`].
    pub(super) fn evict_oldest(&self) -> io::Result<()> {
        let mut files: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            files.push((metadata.modified()?, metadata.len(), entry.path()));
        }
        // The newest first.
        files.sort_by(|left, right| right.cmp(left));
        let mut bytes = 0;
        let is_surplus = |(at, (_, size, _)): &(usize, &(SystemTime, u64, PathBuf))| {
            bytes += size;
            *at >= MOST || bytes > MOST_BYTES
        };
        files.iter().enumerate().filter(is_surplus).try_for_each(|(_, (_, _, file))| fs::remove_file(file))
    }
}

/// Whether the object's content must not be cached: a Secret, or an encrypted object.
fn is_secret_content(object: &Desired) -> bool {
    is_secret(&object.id) || object.value.get("sops").is_some()
}

fn object(desired: &Desired) -> Object {
    Object {
        id: desired.id.clone(),
        value: Value::clone(&desired.value),
        unstable: desired.nondeterministic.clone(),
    }
}

/// The object as it is compared with live; where it was declared is not kept.
fn desired(object: Object) -> Desired {
    Desired {
        id: object.id,
        value: object.value.into(),
        origin: Origin { source: String::new(), file: String::new(), location: None, root: None },
        fields: Lazy::default(),
        provenance: Provenance::Rendered,
        notes: Vec::new(),
        nondeterministic: object.unstable,
        optional: None,
    }
}

fn head_of(key: &str, packed: &[u8]) -> String {
    format!("{FORMAT} {key} {}", hex(&Sha256::digest(packed)))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use serde_json::json;

    use super::{Object, VersionCache, desired};
    use crate::model::{Desired, ObjectKey, ResourceId};

    fn objects() -> BTreeMap<ObjectKey, Desired> {
        let object = |kind: &str, more: serde_json::Value| {
            let mut value = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "web"}});
            value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let id = ResourceId::from_object(&value).unwrap();
            let unstable = vec!["/data/a".to_owned()];
            (id.key(), desired(Object { id, value, unstable }))
        };
        [
            object("ConfigMap", json!({"data": {"a": "plain-value"}})),
            object("Secret", json!({"stringData": {"a": "hunter2"}})),
            object("Sealed", json!({"sops": {"mac": "x"}, "data": {"a": "cipher-text"}})),
        ]
        .into()
    }

    #[test]
    fn cached_version_read_back_without_secrets() {
        let cache = tempfile::tempdir().unwrap();
        let kept = VersionCache::in_cache(&cache.path().join("new")).unwrap();
        assert_eq!(fs::metadata(&kept.folder).unwrap().permissions().mode() & 0o777, 0o700);
        let objects = objects();
        kept.write("abc", &objects).unwrap();
        let read = kept.read("abc").unwrap();
        let kinds: Vec<&str> = read.objects.keys().map(|key| key.kind.as_str()).collect();
        let secret: Vec<&str> = read.secret.iter().map(|key| key.kind.as_str()).collect();
        assert_eq!((kinds, secret), (vec!["ConfigMap"], vec!["Sealed", "Secret"]));
        for (key, object) in &read.objects {
            assert_eq!(*object.value, *objects[key].value);
            assert_eq!(object.nondeterministic, objects[key].nondeterministic);
        }
        let bytes = fs::read(kept.folder.join("abc")).unwrap();
        let end = bytes.iter().position(|byte| *byte == b'\n').unwrap();
        let mut text = String::new();
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&bytes[end + 1..]), &mut text)
            .unwrap();
        assert!(
            text.contains("plain-value") && !text.contains("hunter2") && !text.contains("cipher-text"),
            "{text}"
        );
    }

    #[test]
    fn damaged_file_or_open_folder_not_used() {
        let cache = tempfile::tempdir().unwrap();
        let kept = VersionCache::in_cache(cache.path()).unwrap();
        kept.write("abc", &objects()).unwrap();
        let file = kept.folder.join("abc");
        let whole = fs::read(&file).unwrap();
        for end in 0..whole.len() {
            fs::write(&file, &whole[..end]).unwrap();
            assert!(kept.read("abc").is_none(), "{end}");
        }
        for at in 0..whole.len() {
            let mut torn = whole.clone();
            torn[at] ^= 1;
            fs::write(&file, &torn).unwrap();
            assert!(kept.read("abc").is_none(), "{at}");
        }
        fs::write(kept.folder.join("other"), &whole).unwrap();
        assert!(kept.read("other").is_none(), "of another key");
        fs::write(&file, &whole).unwrap();
        assert!(kept.read("abc").is_some());
        kept.evict_oldest().unwrap();
        assert!(kept.read("abc").is_some());
        fs::set_permissions(&kept.folder, PermissionsExt::from_mode(0o755)).unwrap();
        assert!(VersionCache::in_cache(cache.path()).is_none());
    }
}
