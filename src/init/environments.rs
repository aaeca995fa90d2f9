//! Which folders are the same for several environments: `overlays/prod` and `overlays/staging`, `clusters/a` and
//! `clusters/b`. A cluster runs one of them, and a tree does not say which.

use std::collections::{BTreeMap, BTreeSet};

/// Folders whose subfolders are environments or clusters.
const COLLECTIONS: [&str; 7] =
    ["overlays", "environments", "environment", "envs", "env", "clusters", "stages"];
/// Words of an environment's name.
const ENVIRONMENTS: [&str; 14] = [
    "prod",
    "production",
    "staging",
    "stage",
    "stg",
    "dev",
    "development",
    "test",
    "qa",
    "uat",
    "preprod",
    "preview",
    "sandbox",
    "integration",
];

/// The environment that a folder is of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Environment {
    /// The folder that has one subfolder for each environment; empty for the root.
    pub(super) of: String,
    /// Its name: that subfolder's.
    pub(super) name: String,
}

/// The environment of each folder that has one, with the Kustomize roots that it has: where there are others beside it.
pub(super) fn find_environments<'a>(
    folders: impl Iterator<Item = (&'a str, Option<&'a BTreeSet<String>>)>,
) -> BTreeMap<String, Environment> {
    let folders: Vec<_> = folders.collect();
    let named = folders.iter().filter_map(|(path, _)| Some((*path, by_name(path)?)));
    let mut found: BTreeMap<String, Environment> =
        named.map(|(path, environment)| (path.to_owned(), environment)).collect();
    for (path, bases) in &folders {
        if let Some(environment) = bases.and_then(|bases| by_base(path, bases)) {
            found.entry((*path).to_owned()).or_insert(environment);
        }
    }
    let mut beside: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for environment in found.values() {
        beside.entry(environment.of.clone()).or_default().insert(environment.name.clone());
    }
    found.retain(|_, environment| beside[&environment.of].len() > 1);
    found
}

/// By the first part of the path that names an environment.
fn by_name(path: &str) -> Option<Environment> {
    let parts: Vec<&str> = path.split('/').collect();
    let is_word = |part: &str| part.split(['-', '_', '.']).any(|word| ENVIRONMENTS.contains(&word));
    let is_environment =
        |at: &usize| is_word(parts[*at]) || (*at > 0 && COLLECTIONS.contains(&parts[*at - 1]));
    let at = (0..parts.len()).find(is_environment)?;
    Some(Environment { of: parts[..at].join("/"), name: parts[at].to_owned() })
}

/// By a base beside it or beside the folder that it lies in: variants of one thing.
fn by_base(path: &str, bases: &BTreeSet<String>) -> Option<Environment> {
    let (of, name) = path.rsplit_once('/').unwrap_or(("", path));
    let above = of.rsplit_once('/').map(|(above, _)| above);
    let parent = |base: &str| base.rsplit_once('/').map_or("", |(parent, _)| parent).to_owned();
    let is_beside = |base: &String| parent(base) == of || above == Some(parent(base).as_str());
    bases.iter().any(is_beside).then(|| Environment { of: of.to_owned(), name: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::find_environments;

    #[test]
    fn folders_that_differ_in_environment_only_are_told_apart() {
        for (paths, expected) in [
            (&["apps/overlays/prod", "apps/overlays/eu"][..], "apps/overlays:eu apps/overlays:prod"),
            (&["clusters/a", "clusters/b", "infra"], "clusters:a clusters:b"),
            (&["clusters/a/flux-system", "clusters/b/flux-system"], "clusters:a clusters:b"),
            (&["prod", "staging", "docs"], ":prod :staging"),
            (&["apps/prod-eu", "apps/shop_staging"], "apps:prod-eu apps:shop_staging"),
            (&["apps/overlays/prod"], ""),
            (&["clusters/prod", "infra"], ""),
            (&["apps/web", "apps/db"], ""),
            (&["test", "apps"], ""),
            (&["product", "developers"], ""),
        ] {
            let found = find_environments(paths.iter().map(|path| (*path, None)));
            let shown: Vec<String> =
                found.values().map(|found| format!("{}:{}", found.of, found.name)).collect();
            assert_eq!(shown.join(" "), expected, "{paths:?}");
        }
    }

    #[test]
    fn variants_of_one_base_are_environments() {
        let bases = |base: &str| BTreeSet::from([base.to_owned()]);
        for (paths, base, count) in [
            (["web/a", "web/b"], "web/base", 2),
            (["web/variants/a", "web/variants/b"], "web/base", 2),
            (["apps/web", "apps/db"], "lib/deployment", 0),
        ] {
            let bases = bases(base);
            let found = find_environments(paths.into_iter().map(|path| (path, Some(&bases))));
            assert_eq!(found.len(), count, "{paths:?} {base}");
        }
    }
}
