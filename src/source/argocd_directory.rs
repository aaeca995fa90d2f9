//! The files of a plain folder that Argo CD reads (`findManifests` in `reposerver/repository/repository.go` of Argo CD).

use std::fs;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};

use super::output::SourceOutput;
use super::resolved::ResolvedSource;
use super::tree::{SourceTree, with_forward_slashes};
use crate::model::{ArgoCdDirectory, ArgoCdOptions};
use crate::yaml;

/// The most files that one source may have.
const FILES_CAP: usize = 100_000;
const JSONNET: &str =
    "it is Jsonnet, which Argo CD evaluates and drift does not: what it declares was not compared";
/// A file that holds this is left out, wherever in it.
const SKIP: &[u8] = b"+argocd:skip-file-rendering";
/// What Argo CD takes for the signs of a manifest, in a file that it cannot read.
const SIGNS: [&[u8]; 3] = [b"apiVersion:", b"kind:", b"metadata:"];

/// The files of the folder, in Argo CD's order. Hidden ones count, links to folders do not, and no file of another program
/// leaves anything out.
pub(super) fn files(
    located: &ResolvedSource<'_>,
    options: &ArgoCdOptions,
    gathered: &mut SourceOutput,
) -> Vec<PathBuf> {
    let mut walk = DirectoryWalk {
        tree: located.tree,
        folder: &located.path,
        filter: Filter::new(&options.directory),
        files: Vec::new(),
        gathered,
    };
    for (field, pattern) in walk.filter.broken() {
        let path = &located.source.path;
        let warning = format!(
            "{path}: directory.{field} of its Application is no pattern, and Argo CD has it match nothing: {pattern}"
        );
        walk.gathered.warnings.push(warning);
    }
    walk.folder(&located.path);
    walk.files
}

/// Whether a file is passed over: for what stands in it, or because it is no manifest and cannot be read as one.
pub(super) fn passes_over(bytes: &[u8]) -> bool {
    let has = |sign: &[u8]| memchr::memmem::find(bytes, sign).is_some();
    has(SKIP) || (!SIGNS.iter().all(|sign| has(sign)) && yaml::read(bytes).iter().any(Result::is_err))
}

/// Patterns by which files are chosen.
struct Filter<'o> {
    options: &'o ArgoCdDirectory,
    include: Option<GlobMatcher>,
    exclude: Option<GlobMatcher>,
}

impl<'o> Filter<'o> {
    fn new(options: &'o ArgoCdDirectory) -> Self {
        let compiled = |pattern: &Option<String>| pattern.as_deref().and_then(matcher);
        let (include, exclude) = (compiled(&options.include), compiled(&options.exclude));
        Self { options, include, exclude }
    }

    fn broken(&self) -> Vec<(&'static str, &'o str)> {
        let fields = [
            ("include", &self.options.include, &self.include),
            ("exclude", &self.options.exclude, &self.exclude),
        ];
        let broken = fields.into_iter().filter(|(.., matcher)| matcher.is_none());
        broken.filter_map(|(field, pattern, _)| Some((field, pattern.as_deref()?))).collect()
    }

    fn takes(&self, path: &str) -> bool {
        let matches = |matcher: &Option<GlobMatcher>| matcher.as_ref().is_some_and(|one| one.is_match(path));
        let is_included = self.options.include.is_none() || matches(&self.include);
        is_included && !matches(&self.exclude)
    }
}

/// A pattern as Argo CD has it (`util/glob`, by gobwas/glob without separators): `*` is any text, folders or not, and so is
/// `**`; only `!` inverts a class.
fn matcher(pattern: &str) -> Option<GlobMatcher> {
    let mut plain = String::with_capacity(pattern.len());
    let mut characters = pattern.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' => {
                plain.push('\\');
                plain.extend(characters.next());
            }
            '*' if plain.ends_with('*') && !plain.ends_with("\\*") => {}
            '[' if characters.peek() == Some(&'^') => {
                plain.push('[');
                // As one of the class it stands behind others.
                characters.next();
                let class: String = characters.by_ref().take_while(|other| *other != ']').collect();
                plain.push_str(&class);
                plain.push_str("^]");
            }
            character => plain.push(character),
        }
    }
    let mut glob = GlobBuilder::new(&plain);
    let built = glob.literal_separator(false).backslash_escape(true).empty_alternates(true).build();
    built.ok().map(|glob| glob.compile_matcher())
}

struct DirectoryWalk<'a> {
    tree: SourceTree<'a>,
    folder: &'a Path,
    filter: Filter<'a>,
    files: Vec<PathBuf>,
    gathered: &'a mut SourceOutput,
}

impl DirectoryWalk<'_> {
    fn folder(&mut self, folder: &Path) {
        let entries = match fs::read_dir(self.tree.root.join(folder)) {
            Ok(entries) => entries,
            Err(error) => {
                let why = format!("the folder cannot be read: {error}");
                return self.gathered.report_incomplete(with_forward_slashes(folder), why);
            }
        };
        let mut entries: Vec<PathBuf> =
            entries.flatten().map(|entry| folder.join(entry.file_name())).collect();
        entries.sort();
        let tree = self.tree;
        for path in entries.into_iter().filter(|path| tree.reads(path)) {
            let is_folder = self.tree.root.join(&path).symlink_metadata().is_ok_and(|found| found.is_dir());
            match (is_folder, self.filter.options.recurse) {
                (true, true) => self.folder(&path),
                (true, false) => {}
                (false, _) => self.file(&path),
            }
        }
    }

    fn file(&mut self, path: &Path) {
        let inside = path.strip_prefix(self.folder).unwrap_or(path);
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        let is_named_so = ["yaml", "yml", "json", "jsonnet"].contains(&extension);
        if !is_named_so && !self.filter.options.any_extension {
            return;
        }
        if !self.filter.takes(&with_forward_slashes(inside)) {
            return;
        }
        let Ok(real) = self.tree.root.join(path).canonicalize() else { return };
        if !real.is_file() {
            return;
        }
        let inside = real.strip_prefix(self.tree.root).ok();
        let why = match inside {
            None => "the link leads out of the repository",
            Some(_) if extension == "jsonnet" => JSONNET,
            Some(inside) => match self.tree.why_unreadable(inside) {
                Some(why) => why,
                None if self.files.len() >= FILES_CAP => "it was not read: the source has too many files",
                None => return self.files.push(inside.to_path_buf()),
            },
        };
        self.gathered.report_incomplete(with_forward_slashes(path), why);
    }
}

#[cfg(test)]
mod tests {
    use super::{matcher, passes_over};

    #[test]
    fn patterns_match_as_in_argo_cd() {
        for (pattern, matching, others) in [
            ("*.yaml", &["a.yaml", "b/a.yaml", ".a.yaml"][..], &["a.yml"][..]),
            ("**/a.yaml", &["b/a.yaml", "b/c/a.yaml"], &["a.yaml"]),
            ("{a,b}.yaml", &["a.yaml", "b.yaml"], &["c.yaml", "ab.yaml"]),
            ("{config.json,env-us-west-2/*}", &["config.json", "env-us-west-2/a/b.yaml"], &["env-us-west-2"]),
            ("{*.yml,{x,y}/*.yaml}", &["a.yml", "y/a.yaml"], &["z/a.yaml"]),
            ("a?[0-9].yaml", &["ab1.yaml", "a/1.yaml"], &["a1.yaml"]),
            ("[!a].yaml", &["b.yaml"], &["a.yaml"]),
            ("[^a].yaml", &["^.yaml", "a.yaml"], &["b.yaml"]),
            (r"\*.yaml", &["*.yaml"], &["a.yaml"]),
            ("sub", &["sub"], &["sub/a.yaml"]),
        ] {
            let one = matcher(pattern).expect("a pattern");
            matching.iter().for_each(|path| assert!(one.is_match(path), "{pattern} {path}"));
            others.iter().for_each(|path| assert!(!one.is_match(path), "{pattern} {path}"));
        }
        assert!(matcher("{a").is_none());
    }

    #[test]
    fn files_without_signs_of_a_manifest_may_be_broken() {
        assert!(passes_over(b"{{ if .Values.x }}\nkind: A\n{{ end }}\n"));
        assert!(!passes_over(b"apiVersion: v1\nkind: A\nmetadata: {name: {{ .x }}}\n"));
        assert!(!passes_over(b"a: b\n"));
        assert!(passes_over(b"# +argocd:skip-file-rendering\nkind: A\n"));
    }
}
