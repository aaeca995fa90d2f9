//! The files that a source is made of at a commit, read from Git's objects: nothing is written, nothing is run.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::path::Path;

use serde_json::Value;

use super::exclude::IGNORED;
use super::flux;
use super::output::SourceKind;
use super::tree::{CHART, KUSTOMIZATIONS, with_forward_slashes};
use super::{argocd, helm_values};
use crate::config::Source;
use crate::git::{CommitId, EntryKind, GitError, Repository};
use crate::yaml;

/// More roots, and more files of plug-ins, are not followed: [`SourceInputs::paths`] is the whole tree then.
const MOST: usize = 10_000;
/// A longer text names no file.
const LONGEST_NAME: usize = 1024;

/// What a source is made of at one commit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceInputs {
    /// What renders it; `None` where there is nothing at its path.
    pub kind: Option<SourceKind>,
    /// Files and folders, paths from the root, links on the way among them; also names that would count if they were
    /// there. Nothing else has a part in what it renders to. An empty path is the whole tree.
    pub paths: BTreeSet<String>,
}

/// Reads what sources are made of; what a file names is read once.
#[derive(Default)]
pub struct InputsReader {
    /// What the files named, by the content and whether they are of plug-ins.
    named: HashMap<(String, bool), Named>,
}

/// The texts of a file that may name others, and whether those hold further names.
type Named = Vec<(String, bool)>;

/// Keys whose files name further files.
const PLUGINS: [&str; 5] = ["generators", "transformers", "validators", "configurations", "replacements"];

impl InputsReader {
    /// What a source is made of at a commit: a Kustomize root of the kustomizations that it reaches and every file that
    /// they name, a chart of its folder, its values files and what links in it lead to, and else what is at its path.
    ///
    /// # Errors
    /// A missing object, or what libgit2 says.
    pub fn read(
        &mut self,
        repository: &Repository,
        commit: &CommitId,
        source: &Source,
    ) -> Result<SourceInputs, GitError> {
        let mut walk = InputsWalk { reader: self, repository, commit, inputs: SourceInputs::default() };
        let Some(root) = walk.follow(&source.path)? else { return Ok(walk.inputs) };
        if source.chart().is_some() {
            // What is of no commit: its values are in the object that names it.
            walk.inputs.kind = Some(SourceKind::Helm);
            return Ok(walk.inputs);
        }
        let by_files = walk.kind(&root.0, root.1)?;
        let of_flux = source.flux().map(|options| flux::kind(options, by_files));
        let kind = argocd::kind(source).or(of_flux).unwrap_or(by_files);
        for file in argocd::override_files(source) {
            walk.want(join(&root.0, &file));
        }
        walk.inputs.kind = Some(kind);
        match (kind, by_files) {
            (SourceKind::Plain, _) => {
                walk.ignored_above(&root.0);
                walk.want(root.0);
            }
            (SourceKind::Kustomize, by_files) if of_flux.is_some() && by_files != kind => {
                walk.flux_folder(&root.0, source)?;
            }
            (SourceKind::Kustomize, _) => {
                let beside = walk.beside(&root.0, source)?;
                walk.kustomize(std::iter::once(root.0).chain(beside).collect())?;
            }
            (SourceKind::Helm, _) => walk.helm(root.0, source)?,
        }
        Ok(walk.inputs)
    }
}

struct InputsWalk<'a> {
    reader: &'a mut InputsReader,
    repository: &'a Repository,
    commit: &'a CommitId,
    inputs: SourceInputs,
}

impl InputsWalk<'_> {
    fn want(&mut self, path: String) {
        self.inputs.paths.insert(path);
    }

    /// Where a path leads, and whether to a folder; it and the links on the way count.
    fn follow(&mut self, path: &str) -> Result<Option<(String, bool)>, GitError> {
        let found = self.repository.resolve_path(self.commit, path)?;
        let Some(found) = found else {
            self.want(path.to_owned());
            return Ok(None);
        };
        self.inputs.paths.extend(found.links);
        Ok(Some((found.path, found.is_folder)))
    }

    fn is_file(&mut self, path: &str) -> Result<bool, GitError> {
        Ok(self.repository.resolve_path(self.commit, path)?.is_some_and(|found| !found.is_folder))
    }

    fn kind(&mut self, path: &str, is_folder: bool) -> Result<SourceKind, GitError> {
        if !is_folder {
            return Ok(SourceKind::Plain);
        }
        for name in KUSTOMIZATIONS {
            if self.is_file(&join(path, name))? {
                return Ok(SourceKind::Kustomize);
            }
        }
        let is_chart = self.is_file(&join(path, CHART))?;
        Ok(if is_chart { SourceKind::Helm } else { SourceKind::Plain })
    }

    /// The folder of a chart whole, for templates may read any file of it.
    fn helm(&mut self, chart: String, source: &Source) -> Result<(), GitError> {
        if let Some(helm) = &source.helm {
            for values in &helm.layers.chart_values {
                if let Some((path, _)) = self.follow(values)? {
                    self.want(path);
                }
            }
            let contents = helm.layers.file_parameters.iter().map(|(_, file)| file);
            for values in helm.values.iter().chain(contents) {
                if let Some((path, _)) = self.follow(&helm_values::place_of(&chart, helm, values))? {
                    self.want(path);
                }
            }
        }
        let mut folders = VecDeque::from([chart]);
        let mut seen = BTreeSet::new();
        while let Some(folder) = folders.pop_front() {
            if !seen.insert(folder.clone()) {
                continue;
            }
            for entry in self.repository.list(self.commit, &folder)? {
                if entry.kind == EntryKind::Link
                    && let Some((path, is_folder)) = self.follow(&entry.path)?
                {
                    if is_folder { folders.push_back(path) } else { self.want(path) }
                }
            }
            self.want(folder);
        }
        Ok(())
    }

    /// The folders that what applies a Kustomize root has kustomize load beside it, as far as they are there; files are
    /// noted.
    fn beside(&mut self, folder: &str, source: &Source) -> Result<Vec<String>, GitError> {
        let of_flux = source.flux().and_then(|options| options.kustomization.get("components")?.as_array());
        let of_flux = of_flux.into_iter().flatten().filter_map(Value::as_str);
        let of_argo_cd = source.argo_cd().map(|options| &options.kustomize);
        let files = of_argo_cd.into_iter().flat_map(|options| &options.patches);
        let files = files.filter_map(|patch| patch["path"].as_str());
        let components = of_argo_cd.into_iter().flat_map(|options| &options.components);
        let mut found = Vec::new();
        for path in of_flux.chain(components.map(String::as_str)).chain(files) {
            match self.follow(&join(folder, path))? {
                Some((component, true)) => found.push(component),
                Some((file, false)) => self.want(file),
                None => {}
            }
        }
        Ok(found)
    }

    /// A folder for which Flux makes a kustomization: all of it, and what the roots below reach.
    fn flux_folder(&mut self, folder: &str, source: &Source) -> Result<(), GitError> {
        let mut roots = self.beside(folder, source)?;
        for entry in self.repository.list(self.commit, folder)? {
            let (parent, name) = entry.path.rsplit_once('/').unwrap_or(("", &entry.path));
            if KUSTOMIZATIONS.contains(&name) {
                roots.push(parent.to_owned());
            }
        }
        self.kustomize(roots)?;
        self.ignored_above(folder);
        self.want(folder.to_owned());
        Ok(())
    }

    /// What the folders above a folder leave out of it.
    fn ignored_above(&mut self, folder: &str) {
        let above = Path::new(folder).ancestors().skip(1);
        self.inputs.paths.extend(above.map(|folder| with_forward_slashes(&folder.join(IGNORED))));
    }

    /// Kustomize reads what its files name: each text of them that leads to a file or a folder counts, whatever it stands
    /// for. One that leads nowhere does not.
    fn kustomize(&mut self, roots: Vec<String>) -> Result<(), GitError> {
        let mut roots: VecDeque<_> = roots.into_iter().map(|root| (root, false)).collect();
        let mut seen = BTreeSet::new();
        while let Some((folder, of_plugins)) = roots.pop_front() {
            if !seen.insert((folder.clone(), of_plugins)) {
                continue;
            }
            if seen.len() > MOST || self.inputs.paths.len() > MOST {
                self.want(String::new());
                return Ok(());
            }
            // The files that tell what it is, and those that would.
            let names = KUSTOMIZATIONS.iter().chain([&CHART]);
            self.inputs.paths.extend(names.map(|name| join(&folder, name)));
            let mut files: Vec<(String, bool)> = Vec::new();
            for name in KUSTOMIZATIONS {
                if let Some((file, false)) = self.follow(&join(&folder, name))? {
                    self.want(file.clone());
                    files.push((file, of_plugins));
                }
            }
            while let Some((file, of_plugins)) = files.pop() {
                for (text, of_plugin) in self.named(&file, of_plugins)? {
                    let named = self.repository.resolve_path(self.commit, &join(&folder, &text))?;
                    let Some(named) = named else { continue };
                    self.inputs.paths.extend(named.links);
                    if !named.is_folder {
                        let is_new = self.inputs.paths.insert(named.path.clone());
                        if of_plugin && is_new && self.inputs.paths.len() <= MOST {
                            files.push((named.path, true));
                        }
                    } else if self.kind(&named.path, true)? == SourceKind::Kustomize {
                        roots.push_back((named.path, of_plugin));
                    } else {
                        self.want(named.path);
                    }
                }
            }
        }
        Ok(())
    }

    /// The texts of a file that may name others.
    fn named(&mut self, file: &str, of_plugins: bool) -> Result<Named, GitError> {
        let content = self.repository.content_ids(self.commit, &BTreeSet::from([file.to_owned()]))?;
        let key = (content.into_iter().flatten().next().unwrap_or_default(), of_plugins);
        if let Some(known) = self.reader.named.get(&key) {
            return Ok(known.clone());
        }
        let bytes = self.repository.read(self.commit, file)?.unwrap_or_default();
        let mut named = BTreeSet::new();
        // Kustomize takes the last of equal keys.
        let first = yaml::read_first(&bytes).ok().flatten();
        for document in yaml::read(&bytes).into_iter().flatten().chain(first) {
            for (name, value) in document.to_json().as_object().into_iter().flatten() {
                let of_plugins = of_plugins || PLUGINS.iter().any(|known| known.eq_ignore_ascii_case(name));
                texts(value, of_plugins, 0, &mut named);
            }
        }
        let named: Named = named.into_iter().collect();
        self.reader.named.insert(key, named.clone());
        Ok(named)
    }
}

/// Every text in a value that could name a file, also after a key (`name=file`) and in a document within a text.
fn texts(value: &Value, of_plugins: bool, depth: usize, found: &mut BTreeSet<(String, bool)>) {
    /// Texts within texts.
    const DEEPEST: usize = 4;
    match value {
        Value::String(text) if text.trim_end().contains('\n') && depth < DEEPEST => {
            // A list of names, or a configuration that stands in place of its file.
            for document in yaml::read(text.as_bytes()).into_iter().flatten() {
                match document.to_json() {
                    Value::String(_) => {}
                    inner => texts(&inner, of_plugins, depth + 1, found),
                }
            }
        }
        Value::String(text) => {
            let text = text.trim();
            let after_key = text.split_once('=').map(|(_, file)| file);
            for text in [Some(text), after_key].into_iter().flatten() {
                if !text.is_empty() && text.len() <= LONGEST_NAME && !text.starts_with('/') {
                    found.insert((text.to_owned(), of_plugins));
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| texts(item, of_plugins, depth, found)),
        Value::Object(map) => map.values().for_each(|inner| texts(inner, of_plugins, depth, found)),
        _ => {}
    }
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}
