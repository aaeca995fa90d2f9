//! What of a plain source is left out: `exclude` in `drift.yaml`, and `.sourceignore` files, as Flux's source-controller reads
//! them (fluxcd/pkg `sourceignore`).

use std::path::Path;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::folders::folders;
use super::objects::first_of;
use super::resolved::ResolvedSource;
use super::tree::{SourceTree, with_forward_slashes};
use crate::git::read_file;

/// The file that says what is left out of its folder.
pub(super) const IGNORED: &str = ".sourceignore";
const FILE_CAP: u64 = 1 << 20;
/// What source-controller leaves out where no file of the repository says anything; of its list what may be a manifest.
const DEFAULTS: [&str; 12] = [
    ".github/",
    ".circleci/",
    ".travis.yml",
    ".gitlab-ci.yml",
    "appveyor.yml",
    ".drone.yml",
    "cloudbuild.yaml",
    "codeship-services.yml",
    "codeship-steps.yml",
    "**/.goreleaser.yml",
    "**/.sops.yaml",
    "**/.flux.yaml",
];
/// Names that a warning says.
const NAMED: usize = 3;

/// Patterns, and what they left out.
pub(super) struct Exclusions {
    source: String,
    exclude: Gitignore,
    /// Of the folders that were entered, outer ones first; each holds below its own folder.
    ignored: Vec<Gitignore>,
    noted: Vec<String>,
}

impl Exclusions {
    pub(super) fn new(located: &ResolvedSource<'_>) -> Self {
        let exclude = patterns(&located.path, located.source.exclude.iter().map(String::as_str));
        let source = located.source.path.clone();
        let mut left_out = Self { source, exclude, ignored: Vec::new(), noted: Vec::new() };
        let above = located.path.ancestors().skip(1).collect::<Vec<_>>();
        above.into_iter().rev().for_each(|folder| left_out.enter(located.tree, folder));
        left_out
    }

    /// What source-controller leaves out of what it archives.
    pub(super) fn of_archive(located: &ResolvedSource<'_>) -> Self {
        let mut left_out = Self::new(located);
        let says = |folder: &Path| !lines(located.tree, folder).is_empty();
        if located.source.exclude.is_empty() && !folders(located.tree).any(|folder| says(&folder)) {
            left_out.ignored.push(patterns(Path::new(""), DEFAULTS.into_iter()));
        }
        left_out
    }

    /// Reads the file of a folder, where there is one.
    pub(super) fn enter(&mut self, tree: SourceTree<'_>, folder: &Path) {
        let lines = lines(tree, folder);
        if !lines.is_empty() {
            self.ignored.push(patterns(folder, lines.iter().map(String::as_str)));
        }
    }

    /// Whether a file or folder, by its path from the root, is left out: the innermost pattern decides.
    pub(super) fn excludes(&self, path: &Path, is_folder: bool) -> bool {
        let ignored = self.ignored.iter().rev().filter(|patterns| path.starts_with(patterns.path()));
        for patterns in std::iter::once(&self.exclude).chain(ignored) {
            let Ok(inside) = path.strip_prefix(patterns.path()) else { continue };
            match patterns.matched(inside, is_folder) {
                Match::Ignore(_) => return true,
                Match::Whitelist(_) => return false,
                Match::None => {}
            }
        }
        false
    }

    pub(super) fn record(&mut self, path: &Path) {
        self.noted.push(with_forward_slashes(path));
    }

    /// What was left out: whoever may write to the repository may leave out anything.
    pub(super) fn warning(&self) -> Option<String> {
        let (source, noted) = (&self.source, first_of(&self.noted, NAMED));
        let warning = || format!("{source}: left out by exclude in drift.yaml or by {IGNORED}: {noted}");
        (!self.noted.is_empty()).then(warning)
    }
}

/// The patterns in the file of a folder.
fn lines(tree: SourceTree<'_>, folder: &Path) -> Vec<String> {
    let file = folder.join(IGNORED);
    let bytes = if tree.is_file(&file) { read_file(tree.root, &file, FILE_CAP).ok() } else { None };
    let text = String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned();
    let is_pattern = |line: &&str| !line.starts_with('#') && !line.trim().is_empty();
    text.lines().filter(is_pattern).map(str::to_owned).collect()
}

/// Patterns that hold below a folder; a line that is no pattern is passed over, as Git does.
fn patterns<'l>(folder: &Path, lines: impl Iterator<Item = &'l str>) -> Gitignore {
    let mut builder = GitignoreBuilder::new(folder);
    for line in lines {
        let _ = builder.add_line(None, line);
    }
    builder.build().unwrap_or_else(|_| Gitignore::empty())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Exclusions, patterns};

    #[test]
    fn the_innermost_pattern_decides() {
        let left_out = Exclusions {
            source: "apps".to_owned(),
            exclude: patterns(Path::new("apps"), ["/values.yaml", "docs/"].into_iter()),
            ignored: vec![
                patterns(Path::new(""), ["*.tmpl.yaml", "!keep.tmpl.yaml"].into_iter()),
                patterns(Path::new("apps/web"), ["old.yaml", "!b.tmpl.yaml"].into_iter()),
            ],
            noted: Vec::new(),
        };
        for (path, is_folder, wanted) in [
            ("apps/values.yaml", false, true),
            ("apps/web/values.yaml", false, false),
            ("apps/docs", true, true),
            ("apps/web/docs", true, true),
            ("apps/docs", false, false),
            ("docs", true, false),
            ("apps/a.tmpl.yaml", false, true),
            ("apps/keep.tmpl.yaml", false, false),
            ("apps/web/b.tmpl.yaml", false, false),
            ("apps/web/old.yaml", false, true),
            ("apps/old.yaml", false, false),
        ] {
            assert_eq!(left_out.excludes(Path::new(path), is_folder), wanted, "{path}");
        }
    }
}
