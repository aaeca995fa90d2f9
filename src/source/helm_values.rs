//! The files that give a chart its values: where they are, and which of them drift cannot use.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use globset::GlobBuilder;

use super::encrypted;
use super::output::SourceOutput;
use super::resolved::ResolvedSource;
use super::tree::{SourceTree, with_forward_slashes};
use crate::config::HelmOptions;
use crate::git::read_file;
use crate::model::Incomplete;

/// The largest values file that is looked into.
const FILE_CAP: u64 = 16 * 1024 * 1024;
/// The most files and folders among which a pattern finds its files.
const MOST_ENTRIES: usize = 50_000;
/// What makes a path a pattern (`isGlobPath` in Argo CD's `reposerver/repository/repository.go`).
const PATTERN: [char; 3] = ['*', '?', '['];

/// The values files, from the root of the repository, without links, in the order in which they win; and the files whose
/// content is a value.
#[derive(Debug, Default)]
pub(super) struct ValuesFiles {
    pub(super) files: Vec<PathBuf>,
    /// Those that take the place of the chart's own.
    pub(super) chart: Vec<PathBuf>,
    /// With the paths of their values in the values.
    pub(super) parameters: Vec<(String, PathBuf)>,
}

impl ValuesFiles {
    /// Finds them.
    ///
    /// # Errors
    /// The first that is not there, or that drift may not read.
    pub(super) fn find(located: &ResolvedSource<'_>) -> Result<Self, Incomplete> {
        let Some(helm) = &located.source.helm else { return Ok(Self::default()) };
        let files = if helm.layers.values_are_patterns {
            by_patterns(located, helm)?
        } else {
            helm.values
                .iter()
                .map(|file| find_file(located, file, "values file"))
                .collect::<Result<_, _>>()?
        };
        let parameters = helm.layers.file_parameters.iter().map(|(name, file)| {
            let found = find_file(located, file, "file parameter")?;
            is_plain_name(name).then(|| (name.clone(), found)).ok_or_else(|| Incomplete {
                what: format!("file parameter {name} of {}", located.source.path),
                why: "its name holds `=`, `,` or braces: helm could read another file for it".to_owned(),
            })
        });
        let parameters = parameters.collect::<Result<_, _>>()?;
        // Of a chart that is kept elsewhere they are its own files.
        let of_tree = if helm.layers.chart.is_some() { &[][..] } else { &helm.layers.chart_values };
        let chart = of_tree.iter().map(|file| from_root(file));
        let chart = chart.filter(|file| !(helm.layers.ignore_missing_values && is_missing(located, file)));
        let chart = chart.map(|file| find_file(located, &file, "values file")).collect::<Result<_, _>>()?;
        Ok(Self { files, chart, parameters })
    }

    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = &PathBuf> {
        self.files.iter().chain(&self.chart).chain(self.parameters.iter().map(|(_, file)| file))
    }

    /// Values that are encrypted are rendered as they are: what the chart makes of them is not what is deployed.
    pub(super) fn name_encrypted(&self, located: &ResolvedSource<'_>, gathered: &mut SourceOutput) {
        for file in self.all() {
            let bytes = read_file(located.tree.root, file, FILE_CAP).unwrap_or_default();
            if let Some(tool) = encrypted::detect_encryption(&bytes) {
                let what = format!("values file {} of {}", with_forward_slashes(file), located.source.path);
                let why = format!(
                    "it is encrypted ({tool}), and drift does not decrypt: what the chart makes of it was not compared"
                );
                gathered.report_incomplete(what, why);
            }
        }
    }
}

/// Whether `NAME=FILE` names one file, as helm reads it (`ParseIntoFile` in `pkg/strvals/parser.go`).
fn is_plain_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(['=', ',', '{', '}', '\\'])
}

/// What decides which file an entry stands for: the file, or for a pattern the folder below which it looks. From the root
/// of the repository, not yet resolved.
pub(super) fn place_of(folder: &str, helm: &HelmOptions, file: &str) -> String {
    let joined = |file: &str| if folder.is_empty() { file.to_owned() } else { format!("{folder}/{file}") };
    if !helm.layers.values_are_patterns {
        return joined(file);
    }
    let path = file.strip_prefix('/').map_or_else(|| joined(file), str::to_owned);
    let plain: Vec<&str> = path.split('/').take_while(|part| !part.contains(PATTERN)).collect();
    plain.join("/")
}

/// The files as Argo CD finds them: a pattern stands for its matches, sorted; one that is listed by name too keeps that
/// place; each counts once (`getResolvedValueFiles` in `reposerver/repository/repository.go`).
fn by_patterns(located: &ResolvedSource<'_>, helm: &HelmOptions) -> Result<Vec<PathBuf>, Incomplete> {
    let by_name = |file: &String| find_file(located, file, "values file").ok();
    let listed: BTreeSet<PathBuf> =
        helm.values.iter().filter(|file| !file.contains(PATTERN)).filter_map(by_name).collect();
    let mut found: Vec<PathBuf> = Vec::new();
    for file in &helm.values {
        let matches = if is_address(file) || !file.contains(PATTERN) {
            if helm.layers.ignore_missing_values && is_missing(located, file) {
                continue;
            }
            vec![find_file(located, file, "values file")?]
        } else {
            let mut matches = matches_of(located, file)?;
            if matches.is_empty() && !helm.layers.ignore_missing_values {
                return Err(lacking(located, "values file", file, "the pattern matches no file"));
            }
            matches.retain(|file| !listed.contains(file));
            matches
        };
        for file in matches {
            if !found.contains(&file) {
                found.push(file);
            }
        }
    }
    Ok(found)
}

fn lacking(located: &ResolvedSource<'_>, word: &str, file: &str, why: &str) -> Incomplete {
    Incomplete { what: format!("{word} {file} of {}", located.source.path), why: why.to_owned() }
}

/// A file of the repository, whatever folder the chart is in.
fn from_root(file: &str) -> String {
    format!("/{}", file.trim_start_matches("./").trim_start_matches('/'))
}

fn is_address(file: &str) -> bool {
    file.contains("://")
}

/// A path from the root of the repository as Argo CD joins it: `/` is that root, `..` are taken out before links are followed.
fn joined(located: &ResolvedSource<'_>, file: &str) -> Option<PathBuf> {
    let (mut path, inside) = match file.strip_prefix('/') {
        Some(inside) => (PathBuf::new(), inside),
        None => (located.path.clone(), file),
    };
    for part in Path::new(inside).components() {
        match part {
            Component::ParentDir => path.pop().then_some(())?,
            Component::Normal(name) => path.push(name),
            _ => {}
        }
    }
    Some(path)
}

fn is_missing(located: &ResolvedSource<'_>, file: &str) -> bool {
    let path = joined(located, file).filter(|_| !is_address(file));
    path.is_some_and(|path| located.tree.root.join(path).symlink_metadata().is_err())
}

/// A file that an entry names, from the root of the repository, without links.
fn find_file(located: &ResolvedSource<'_>, file: &str, word: &str) -> Result<PathBuf, Incomplete> {
    let lacks = |why: &str| lacking(located, word, file, why);
    // `secrets://`, `secrets+age-import://`, … of helm-secrets.
    if file.starts_with("secrets") && is_address(file) {
        return Err(lacks(
            "helm-secrets decrypts it (SOPS), and drift does not decrypt: what the chart makes of it was not compared",
        ));
    }
    if is_address(file) {
        return Err(lacks("it is at an address, and drift fetches nothing to render"));
    }
    if located.source.chart().is_some() && !file.starts_with('/') {
        return Err(lacks("it is a file of the chart, which drift does not read where that is fetched"));
    }
    let outside = "it lies outside the repository";
    let of_argo_cd = located.source.helm.as_ref().is_some_and(|helm| helm.layers.values_are_patterns);
    // In `drift.yaml` it is from the file system's root, and so outside.
    let of_release = located.source.root.is_some() && file.starts_with('/');
    let path = if of_argo_cd || of_release {
        located.tree.root.join(joined(located, file).ok_or_else(|| lacks(outside))?)
    } else {
        located.on_disk().join(file)
    };
    let real = path.canonicalize();
    let real = real.map_err(|_| lacks("there is no such file; paths are from the source's folder"))?;
    let inside = real.strip_prefix(located.tree.root).map_err(|_| lacks(outside))?;
    if let Some(why) = located.tree.why_unreadable(inside) {
        return Err(lacks(why));
    }
    let is_file = real.is_file().then(|| inside.to_path_buf());
    is_file.ok_or_else(|| lacks("it is not a file"))
}

/// The files that a pattern matches, sorted folder by folder, as doublestar's `FilepathGlob` gives them.
fn matches_of(located: &ResolvedSource<'_>, pattern: &str) -> Result<Vec<PathBuf>, Incomplete> {
    let lacks = |why: &str| lacking(located, "values file", pattern, why);
    let path = joined(located, pattern).ok_or_else(|| lacks("it lies outside the repository"))?;
    let whole = with_forward_slashes(&path);
    let glob = GlobBuilder::new(&whole).literal_separator(true).backslash_escape(true).build();
    let matcher = glob.map_err(|_| lacks("it is no pattern"))?.compile_matcher();
    let base = path.components().take_while(|part| !part.as_os_str().to_string_lossy().contains(PATTERN));
    let files = files_below(located.tree, base.collect());
    let files = files.ok_or_else(|| lacks("there are too many files among which it looks"))?;
    let matching = files.into_iter().filter(|file| matcher.is_match(file));
    let found = matching.map(|file| {
        let from_root = format!("/{}", with_forward_slashes(&file));
        find_file(located, &from_root, "values file")
    });
    found.collect()
}

/// All files below a folder that may be read, links among them, sorted; `None`: they are too many.
fn files_below(tree: SourceTree<'_>, folder: PathBuf) -> Option<Vec<PathBuf>> {
    let (mut files, mut folders, mut count) = (Vec::new(), vec![folder], 0);
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(tree.root.join(&folder)).into_iter().flatten().flatten();
        for entry in entries {
            count += 1;
            if count > MOST_ENTRIES {
                return None;
            }
            let path = folder.join(entry.file_name());
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if !tree.reads(&path) {
                continue;
            }
            if is_folder {
                folders.push(path);
            } else if !tree.root.join(&path).is_dir() {
                files.push(path);
            }
        }
    }
    files.sort();
    Some(files)
}

#[cfg(test)]
mod tests {
    use super::{is_plain_name, place_of};
    use crate::config::{HelmLayers, HelmOptions};

    #[test]
    fn entries_stand_for_files_or_for_folders_of_patterns() {
        let layers = HelmLayers { values_are_patterns: true, ..HelmLayers::default() };
        let of_argo_cd = HelmOptions { layers, ..HelmOptions::default() };
        for (file, place, plain) in [
            ("a.yaml", "apps/web/a.yaml", "apps/web/a.yaml"),
            ("../a.yaml", "apps/web/../a.yaml", "apps/web/../a.yaml"),
            ("/env/a.yaml", "env/a.yaml", "apps/web//env/a.yaml"),
            ("/env/*/a.yaml", "env", "apps/web//env/*/a.yaml"),
            ("b/**/c.yaml", "apps/web/b", "apps/web/b/**/c.yaml"),
            ("/*.yaml", "", "apps/web//*.yaml"),
        ] {
            assert_eq!(place_of("apps/web", &of_argo_cd, file), place, "{file}");
            assert_eq!(place_of("apps/web", &HelmOptions::default(), file), plain, "{file}");
        }
        assert_eq!(place_of("", &of_argo_cd, "a.yaml"), "a.yaml");
    }

    #[test]
    fn names_of_file_parameters_name_one_value() {
        for name in ["a", "a.b", "a[0].b", "a-b/c"] {
            assert!(is_plain_name(name), "{name}");
        }
        for name in ["", "a=b", "a,b", "{a}", "a\\,b"] {
            assert!(!is_plain_name(name), "{name}");
        }
    }
}
