//! Which sources are read.

use super::CheckoutError;
use crate::config::{Config, Discover, DiscoverFrom, Source};
use crate::git::Repository;

pub(crate) fn is_below(path: &str, folder: &str) -> bool {
    folder == "." || path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What is read: the sources that are named, and whether others are looked for.
pub(super) struct Selection {
    pub(super) sources: Vec<Source>,
    pub(super) discover: Option<Discover>,
    /// Whether a path was asked for.
    pub(super) is_narrowed: bool,
}

impl Selection {
    /// The sources of the configuration at or below the path, or the path as a part of one of them; without configured
    /// sources the path itself. Others are looked for where the configuration says so, or where nothing is named.
    ///
    /// # Errors
    /// [`CheckoutError::NoSources`] where there are none and none can be found.
    pub(super) fn new(
        config: &Config,
        path: Option<&str>,
        repository: &Repository,
    ) -> Result<Self, CheckoutError> {
        let discover = config.discover.clone();
        if let Some(path) = path {
            let sources = match (select_sources(config, path), &discover) {
                // It may be of a source that is found.
                (Err(CheckoutError::OutsideSources { .. }), Some(_)) => Vec::new(),
                (selected, None) => selected?,
                (selected, Some(_)) => {
                    selected.map(|sources| if config.sources.is_empty() { Vec::new() } else { sources })?
                }
            };
            return Ok(Self { sources, discover, is_narrowed: true });
        }
        if !config.sources.is_empty() {
            return Ok(Self { sources: config.sources.clone(), discover, is_narrowed: false });
        }
        let discover = discover.unwrap_or_default();
        // Objects of the cluster name a repository by its address.
        if !discover.from.contains(&DiscoverFrom::Cluster) || repository.remotes()?.is_empty() {
            return Err(CheckoutError::NoSources);
        }
        Ok(Self { sources: Vec::new(), discover: Some(discover), is_narrowed: false })
    }
}

fn select_sources(config: &Config, path: &str) -> Result<Vec<Source>, CheckoutError> {
    if config.sources.is_empty() {
        return Ok(vec![Source { path: path.to_owned(), ..Source::default() }]);
    }
    let inside: Vec<Source> =
        config.sources.iter().filter(|source| is_below(&source.path, path)).cloned().collect();
    if !inside.is_empty() {
        return Ok(inside);
    }
    let around = config.sources.iter().filter(|source| is_below(path, &source.path));
    match around.max_by_key(|source| source.path.len()) {
        Some(source) => Ok(vec![Source { path: path.to_owned(), ..source.clone() }]),
        None => {
            let known =
                config.sources.iter().map(|source| source.path.as_str()).collect::<Vec<_>>().join(", ");
            Err(CheckoutError::OutsideSources { path: path.to_owned(), sources: known })
        }
    }
}
