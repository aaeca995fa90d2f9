//! Plain manifests by folders: as few sources as hold them all, and none that mixes environments.

use std::collections::{BTreeMap, BTreeSet};

/// What is known of the rest of the tree.
pub(super) struct Surroundings<'a> {
    /// Folders that have a subfolder for each environment.
    pub(super) environments: &'a BTreeSet<String>,
    /// Whether there is anything but plain manifests.
    pub(super) has_others: bool,
}

/// The sources for these files: folders, and single files where their folder holds what is no source with them.
pub(super) fn group_files(files: &BTreeSet<String>, around: &Surroundings<'_>) -> Vec<String> {
    let mut found = Vec::new();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    group("", &files, around, &mut found);
    found
}

/// The files below a folder by the next part of their paths, and those in it.
fn split<'a>(folder: &str, files: &[&'a str]) -> (BTreeMap<String, Vec<&'a str>>, Vec<&'a str>) {
    let (mut inner, mut own): (BTreeMap<String, Vec<&str>>, Vec<&str>) = Default::default();
    for file in files {
        let rest = if folder.is_empty() { file } else { &file[folder.len() + 1..] };
        match rest.split_once('/') {
            Some((next, _)) => {
                let path = if folder.is_empty() { next.to_owned() } else { format!("{folder}/{next}") };
                inner.entry(path).or_default().push(file);
            }
            None => own.push(file),
        }
    }
    (inner, own)
}

fn group(folder: &str, files: &[&str], around: &Surroundings<'_>, found: &mut Vec<String>) {
    let (inner, own) = split(folder, files);
    let has_environments =
        around.environments.iter().any(|of| folder.is_empty() || is_at_or_below(of, folder));
    let is_one = match folder {
        "" => !own.is_empty() && !around.has_others && !has_environments,
        _ => (!own.is_empty() || inner.len() > 1) && !has_environments,
    };
    if is_one {
        found.push(if folder.is_empty() { ".".to_owned() } else { folder.to_owned() });
        return;
    }
    found.extend(own.into_iter().map(str::to_owned));
    for (inner, files) in &inner {
        group(inner, files, around, found);
    }
}

fn is_at_or_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::{Surroundings, group_files};

    #[test]
    fn manifests_grouped_without_mixing_environments() {
        for (files, environments, has_others, expected) in [
            (&["apps/web/a.yaml", "apps/db/a.yaml"][..], &[][..], false, &["apps"][..]),
            (&["apps/web/a.yaml"], &[], false, &["apps/web"]),
            (&["apps/a.yaml", "apps/web/a.yaml", "infra/b.yaml"], &[], true, &["apps", "infra"]),
            (&["a.yaml", "b/c.yaml"], &[], false, &["."]),
            (&["a.yaml", "b/c.yaml"], &[], true, &["a.yaml", "b"]),
            (
                &["clusters/a/x.yaml", "clusters/b/x.yaml"],
                &["clusters"],
                false,
                &["clusters/a", "clusters/b"],
            ),
            (&["prod/x.yaml", "staging/x.yaml"], &[""], false, &["prod", "staging"]),
            (
                &["k/r.yaml", "k/e/prod/x.yaml", "k/e/dev/x.yaml"],
                &["k/e"],
                false,
                &["k/r.yaml", "k/e/dev", "k/e/prod"],
            ),
            (
                &["clusters/x.yaml", "clusters2/y.yaml"],
                &["clusters2"],
                false,
                &["clusters", "clusters2/y.yaml"],
            ),
        ] {
            let files = files.iter().map(|file| (*file).to_owned()).collect();
            let environments = environments.iter().map(|of| (*of).to_owned()).collect();
            let around = Surroundings { environments: &environments, has_others };
            assert_eq!(group_files(&files, &around), expected, "{files:?}");
        }
    }
}
