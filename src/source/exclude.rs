//! What of a plain source is left out: `exclude` in `drift.yaml`, and `.sourceignore` files, as Flux's source-controller reads
//! them (fluxcd/pkg `sourceignore`).

use std::cell::OnceCell;
use std::collections::HashMap;
use std::path::Path;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder, Glob};

use super::folders::folders;
use super::objects::first_of;
use super::tree::{SourceTree, with_forward_slashes};
use crate::config::Source;
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
pub(super) struct Exclusions<'a> {
    source: String,
    exclude: Gitignore,
    /// Of the folders that were entered, outer ones first; each holds below its own folder.
    ignored: Vec<IgnoreFile>,
    defaults: Option<Defaults<'a>>,
    noted: Vec<String>,
}

impl<'a> Exclusions<'a> {
    /// Of a source that is rendered from a folder or file of the tree.
    pub(super) fn new(tree: SourceTree<'_>, path: &Path, source: &Source) -> Self {
        let exclude = patterns(path, source.exclude.iter().map(String::as_str));
        let (ignored, noted) = (Vec::new(), Vec::new());
        let mut left_out = Self { source: source.path.clone(), exclude, ignored, defaults: None, noted };
        let above = path.ancestors().skip(1).collect::<Vec<_>>();
        above.into_iter().rev().for_each(|folder| left_out.enter(tree, folder));
        left_out
    }

    /// What source-controller leaves out of what it archives.
    pub(super) fn of_archive(tree: SourceTree<'a>, path: &Path, source: &Source) -> Self {
        let mut left_out = Self::new(tree, path, source);
        if source.exclude.is_empty() && left_out.ignored.is_empty() {
            let patterns = IgnoreFile::new(Path::new(""), DEFAULTS.map(str::to_owned).into());
            left_out.defaults = Some(Defaults { tree, patterns, hold: OnceCell::new() });
        }
        left_out
    }

    /// Reads the file of a folder, where there is one.
    pub(super) fn enter(&mut self, tree: SourceTree<'_>, folder: &Path) {
        let lines = lines(tree, folder);
        if !lines.is_empty() {
            self.ignored.push(IgnoreFile::new(folder, lines));
        }
    }

    /// Whether a file or folder, by its path from the root, is left out: the last pattern of the innermost file decides.
    pub(super) fn excludes(&self, path: &Path, is_folder: bool) -> bool {
        let matched =
            path.strip_prefix(self.exclude.path()).map(|path| self.exclude.matched(path, is_folder));
        match matched {
            Ok(Match::Ignore(_)) => true,
            Ok(Match::Whitelist(_)) => false,
            Ok(Match::None) | Err(_) => {
                let by_default = || self.defaults.as_ref()?.decides(path, is_folder);
                let mut ignored = self.ignored.iter().rev();
                ignored.find_map(|file| file.decides(path, is_folder)).or_else(by_default).unwrap_or(false)
            }
        }
    }

    /// Whether nothing below a folder is read: source-controller looks at each file, whatever is left out above it.
    pub(super) fn excludes_all(&self, folder: &Path) -> bool {
        let inside = folder.strip_prefix(self.exclude.path());
        let by_config = inside.is_ok_and(|inside| self.exclude.matched(inside, true).is_ignore());
        by_config || (self.excludes(folder, true) && !self.ignored.iter().any(IgnoreFile::includes_again))
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

/// What is left out where no file of the repository says anything.
struct Defaults<'a> {
    tree: SourceTree<'a>,
    patterns: IgnoreFile,
    /// Whether none does: the whole tree is looked through once there is something to leave out, for most folders have nothing.
    hold: OnceCell<bool>,
}

impl Defaults<'_> {
    fn decides(&self, path: &Path, is_folder: bool) -> Option<bool> {
        let says = |folder: &Path| !lines(self.tree, folder).is_empty();
        let decided = self.patterns.decides(path, is_folder)?;
        let hold = || !folders(self.tree).any(|folder| says(&folder));
        self.hold.get_or_init(hold).then_some(decided)
    }
}

/// The patterns of one file.
struct IgnoreFile {
    patterns: Gitignore,
    /// Which line is which, the last of those that are the same.
    order: HashMap<String, usize>,
}

impl IgnoreFile {
    fn new(folder: &Path, lines: Vec<String>) -> Self {
        let patterns = patterns(folder, lines.iter().map(String::as_str));
        let order = lines.into_iter().enumerate().map(|(number, line)| (line, number)).collect();
        Self { patterns, order }
    }

    /// Whether it leaves a file or folder out; `None` where it says nothing of it. A pattern that names a folder holds for all
    /// below, and a later one is stronger than it, whichever of them is nearer (`gitignore` of go-git).
    fn decides(&self, path: &Path, is_folder: bool) -> Option<bool> {
        let inside = path.strip_prefix(self.patterns.path()).ok()?;
        let above = inside.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty());
        let matched = std::iter::once(self.patterns.matched(inside, is_folder))
            .chain(above.map(|folder| self.patterns.matched(folder, true)));
        let line = |glob: &Glob| self.order.get(glob.original()).copied();
        let decided = matched.filter_map(|matched| match matched {
            Match::Ignore(glob) => Some((line(glob), true)),
            Match::Whitelist(glob) => Some((line(glob), false)),
            Match::None => None,
        });
        decided.max().map(|(_, is_out)| is_out)
    }

    fn includes_again(&self) -> bool {
        self.patterns.num_whitelists() > 0
    }
}

/// The patterns in the file of a folder, as they are matched.
fn lines(tree: SourceTree<'_>, folder: &Path) -> Vec<String> {
    let file = folder.join(IGNORED);
    let bytes = if tree.is_file(&file) { read_file(tree.root, &file, FILE_CAP).ok() } else { None };
    let text = String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned();
    let is_pattern = |line: &&str| !line.starts_with('#') && !line.trim().is_empty();
    let written =
        |line: &str| if line.ends_with("\\ ") { line.to_owned() } else { line.trim_end().to_owned() };
    text.lines().filter(is_pattern).map(written).collect()
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

    use super::{Exclusions, IgnoreFile, patterns};

    fn file(folder: &str, lines: &[&str]) -> IgnoreFile {
        IgnoreFile::new(Path::new(folder), lines.iter().map(|line| (*line).to_owned()).collect())
    }

    #[test]
    fn the_innermost_pattern_decides() {
        let left_out = Exclusions {
            source: "apps".to_owned(),
            exclude: patterns(Path::new("apps"), ["/values.yaml", "docs/"].into_iter()),
            ignored: vec![
                file("", &["*.tmpl.yaml", "!keep.tmpl.yaml"]),
                file("apps/web", &["old.yaml", "!b.tmpl.yaml"]),
            ],
            defaults: None,
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

    #[test]
    fn the_last_pattern_of_a_file_decides_below_folders_too() {
        let lines = ["/*", "!/apps", "/apps/**/secrets/", "!kept.yaml", "/apps/last/"];
        let left_out = Exclusions {
            source: "apps".to_owned(),
            exclude: patterns(Path::new("apps"), ["/docs/"].into_iter()),
            ignored: vec![file("", &lines)],
            defaults: None,
            noted: Vec::new(),
        };
        for (path, is_folder, wanted) in [
            ("other", true, true),
            ("other/a.yaml", false, true),
            ("other/kept.yaml", false, false),
            ("apps/a.yaml", false, false),
            ("apps/b/secrets", true, true),
            ("apps/b/secrets/a.yaml", false, true),
            ("apps/b/secrets/kept.yaml", false, false),
            ("apps/last/kept.yaml", false, true),
            ("apps/docs", true, true),
        ] {
            assert_eq!(left_out.excludes(Path::new(path), is_folder), wanted, "{path}");
        }
        assert!(!left_out.excludes_all(Path::new("apps/b/secrets")), "something is included again");
        assert!(left_out.excludes_all(Path::new("apps/docs")), "what is configured holds below");
    }
}
