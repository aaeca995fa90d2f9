//! The kustomization of a folder as an Application of Argo CD edits it.

use std::path::{Component, Path, PathBuf};

use super::kustomization::Kustomization;
use super::resolved::ResolvedSource;
use super::tree::WrittenKustomization;
use crate::model::EditError;

/// The kustomization with what the Application sets; `None` where that is nothing. Places are those of the file.
///
/// # Errors
/// Why Argo CD does not edit it either.
pub(super) fn edited(located: &ResolvedSource<'_>) -> Result<Option<WrittenKustomization>, EditError> {
    let options = located.source.argo_cd().map(|options| &options.kustomize);
    let Some(options) = options.filter(|options| !options.is_empty()) else { return Ok(None) };
    // Without a file kustomize says so.
    let Some(file) = located.tree.kustomization(&located.path) else { return Ok(None) };
    // What cannot be read is named where it is scanned.
    let Ok(Some(mut read)) = Kustomization::read(located.tree, &file) else { return Ok(None) };
    let own = read.value.as_object_mut().ok_or(EditError::NotMapping("the kustomization"))?;
    let is_there = |path: &str| {
        let path = inside(&located.path, path);
        path.is_some_and(|path| located.tree.reads(&path) && located.tree.root.join(path).exists())
    };
    options.merge_into(own, &is_there)?;
    let Kustomization { value, source_map: places } = read;
    Ok(Some(WrittenKustomization { file, value, places, is_generated: false }))
}

fn inside(folder: &Path, path: &str) -> Option<PathBuf> {
    let mut joined = folder.to_path_buf();
    for part in Path::new(path).components() {
        match part {
            Component::ParentDir => joined.pop().then_some(())?,
            Component::Normal(name) => joined.push(name),
            Component::CurDir => {}
            _ => return None,
        }
    }
    Some(joined)
}
