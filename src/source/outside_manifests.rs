//! Finds manifests outside all sources: an object applied from one by hand is declared in Git.

use std::path::Path;

use super::folders::manifests;
use super::manifest::{self, ManifestFile};
use super::output::{SourceKind, SourceOutput};
use super::request::RenderRequest;
use super::tree::{SourceTree, with_forward_slashes};
use crate::git::read_file;
use crate::model::{Desired, Provenance, ResourceId};

/// The largest file that is looked into.
const FILE_CAP: u64 = 4 * 1024 * 1024;
/// The most objects that are looked for.
const MOST: usize = 1_000;

/// The first manifest of each of these live objects in any YAML or JSON file of the tree; one that names no namespace may
/// be of any. What a tool renders is not looked at.
#[must_use]
pub fn find_outside_manifests(request: &RenderRequest<'_>, ids: &[ResourceId]) -> Vec<Desired> {
    let Ok(root) = request.tree.canonicalize() else { return Vec::new() };
    let seen = SourceTree::new(&root, request.files);
    let mut wanted: Vec<&ResourceId> = ids.iter().take(MOST).collect();
    let mut found = Vec::new();
    for file in manifests(seen) {
        if wanted.is_empty() {
            break;
        }
        for object in objects(seen, &file, &wanted) {
            wanted.retain(|id| id.key() != object.id.key());
            found.push(object);
        }
    }
    found
}

fn objects(seen: SourceTree<'_>, file: &Path, wanted: &[&ResourceId]) -> Vec<Desired> {
    let Ok(bytes) = read_file(seen.root, file, FILE_CAP) else { return Vec::new() };
    let is_named = |id: &&ResourceId| memchr::memmem::find(&bytes, id.name.as_bytes()).is_some();
    let wanted: Vec<&ResourceId> = wanted.iter().copied().filter(is_named).collect();
    if wanted.is_empty() {
        return Vec::new();
    }
    let name = with_forward_slashes(file);
    let mut gathered = SourceOutput::new(SourceKind::Plain);
    manifest::read(&ManifestFile { source: &name, name: &name }, &bytes.into(), &mut gathered);
    let declared = gathered.drafts.into_iter().filter_map(|(_, draft)| {
        let own = ResourceId::from_object(&draft.value).ok()?;
        let id = wanted.iter().find(|id| {
            (&id.group, &id.kind, &id.name) == (&own.group, &own.kind, &own.name)
                && (own.namespace.is_none() || own.namespace == id.namespace)
        });
        let id = ResourceId { version: own.version.clone(), ..(*id?).clone() };
        Some(Desired {
            id,
            value: draft.value,
            origin: draft.origin,
            fields: draft.fields,
            provenance: Provenance::Rendered,
            notes: Vec::new(),
            nondeterministic: Vec::new(),
            optional: None,
        })
    });
    declared.collect()
}
