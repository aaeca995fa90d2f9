//! Which sources are read.

use super::CheckoutError;
use crate::config::{Config, Source};

pub(crate) fn is_below(path: &str, folder: &str) -> bool {
    folder == "." || path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The sources of the configuration at or below the path, or the path as a part of one of them; without configured
/// sources the path itself.
pub(super) fn select_sources(config: &Config, path: Option<&str>) -> Result<Vec<Source>, CheckoutError> {
    let Some(path) = path else {
        if config.sources.is_empty() {
            return Err(CheckoutError::NoSources);
        }
        return Ok(config.sources.clone());
    };
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
