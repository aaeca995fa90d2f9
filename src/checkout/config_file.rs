//! `drift.yaml` of a work tree or at a commit.

use std::path::Path;

use super::CheckoutError;
use crate::config::{self, Config};
use crate::git::{self, CommitId, EntryKind, FileError, Repository};

/// The largest `drift.yaml` that is read.
const LARGEST_CONFIG: u64 = 4 << 20;

/// `drift.yaml` of a work tree: a regular file, and no link.
pub(super) fn read_config_in(root: &Path) -> Result<Config, CheckoutError> {
    let file = root.join(config::CONFIG_FILE);
    let bytes = match file.symlink_metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Config::default()),
        Ok(metadata) if metadata.is_symlink() => return Err(no_config(IS_LINK)),
        _ => {
            let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
            git::read_file(&root, Path::new(config::CONFIG_FILE), LARGEST_CONFIG)
        }
    };
    match bytes {
        Ok(bytes) => parse_config(bytes),
        Err(FileError::Io(source)) => {
            Err(CheckoutError::Io { what: format!("reading {}", file.display()), source })
        }
        Err(error) => Err(no_config(&error.to_string())),
    }
}

/// `drift.yaml` at a commit: the same that would be read of a work tree.
pub(crate) fn read_config_at(repository: &Repository, commit: &CommitId) -> Result<Config, CheckoutError> {
    let entries = repository.list(commit, config::CONFIG_FILE)?;
    match entries.first() {
        None => Ok(Config::default()),
        Some(entry) if entry.path == config::CONFIG_FILE && entry.kind == EntryKind::File => {
            let bytes = repository.read(commit, config::CONFIG_FILE)?.unwrap_or_default();
            if bytes.len() as u64 > LARGEST_CONFIG {
                let (size, cap) = (bytes.len() as u64, LARGEST_CONFIG);
                return Err(no_config(&FileError::TooLarge { size, cap }.to_string()));
            }
            parse_config(bytes)
        }
        Some(entry) if entry.kind == EntryKind::Link => Err(no_config(IS_LINK)),
        Some(_) => Err(no_config(&FileError::NotRegular.to_string())),
    }
}

const IS_LINK: &str = "it is a link: drift.yaml must be a file of its own";

fn no_config(why: &str) -> CheckoutError {
    let (file, place) = (config::CONFIG_FILE.to_owned(), String::new());
    config::ConfigError { file, place, why: why.to_owned() }.into()
}

pub(crate) fn parse_config(bytes: Vec<u8>) -> Result<Config, CheckoutError> {
    let text = String::from_utf8(bytes).map_err(|_| no_config("is not UTF-8 text"))?;
    Ok(config::parse(config::CONFIG_FILE, &text)?)
}
