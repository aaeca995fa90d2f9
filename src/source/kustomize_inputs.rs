//! Finds the inputs of a Kustomize root before kustomize runs: kustomize fetches remote entries, and no flag
//! forbids it. An entry that is not rendered hides itself, or what it may change.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use super::encrypted;
use super::kustomization::{HiddenScope, Kustomization, LoadEntry, LoadKind};
use super::kustomize_files::{FILE_CAP, fold_key};
use super::remote_entry::{display_entry, is_remote_file, is_repository, looks_like_address, network_reason};
use super::touched::{self, Touched};
use super::tree::{KUSTOMIZATIONS, SourceTree, with_forward_slashes};
use crate::git::{self, read_file};
use crate::model::{Incomplete, push_pointer};
use crate::yaml;

/// The most Kustomize roots that one source may reach.
const ROOTS_CAP: usize = 10_000;
/// The most roots that are reached one through the other.
const DEPTH_CAP: usize = 150;

/// What a Kustomize root reaches.
#[derive(Debug, Default)]
pub(super) struct KustomizeInputs {
    /// Folders and files that kustomize reads, from the root of the repository.
    pub(super) reached: BTreeSet<PathBuf>,
    /// Kustomizations that it reads.
    pub(super) kustomizations: BTreeSet<PathBuf>,
    /// Whether kustomize may run: nothing is wrong that hides all of it.
    pub(super) renders: bool,
    /// What is not rendered, with its places.
    pub(super) incomplete: Vec<Incomplete>,
    /// What has to be taken out before kustomize runs.
    pub(super) cuts: BTreeSet<EntryToRemove>,
    /// What of a kustomization the generators that are taken out of it may change.
    pub(super) touched: BTreeMap<PathBuf, BTreeSet<Touched>>,
    /// Kustomizations above a base that is taken out: its configurations would hold for them too.
    pub(super) above: BTreeSet<PathBuf>,
    /// Where files of patches, replacements and generators are named that are not there. Those entries may hold values, so
    /// that kustomize's word for them is not shown.
    pub(super) missing: Vec<String>,
    /// Whether the source itself asks for annotations about its build.
    pub(super) build_metadata: bool,
    /// Whether it has configurations of plug-ins.
    pub(super) has_plugins: bool,
}

/// An entry to take out of a kustomization.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EntryToRemove {
    /// The kustomization, from the root of the repository.
    pub(super) file: PathBuf,
    /// The entry in it.
    pub(super) pointer: String,
}

/// Follows a Kustomize root through the repository; `folder` has no links in it. Where the kernel keeps kustomize from
/// the network, what only might name an address is left to that.
pub(super) fn find_kustomize_inputs(
    seen: SourceTree<'_>,
    folder: &Path,
    has_no_network: bool,
) -> KustomizeInputs {
    let root = Root { folder: folder.to_path_buf(), role: Role::Objects };
    let mut walk = KustomizeWalk {
        has_no_network,
        tree: seen,
        seen: BTreeSet::new(),
        scan: KustomizeInputs::default(),
        uses: Vec::new(),
        hidden: BTreeSet::new(),
        depth: 0,
    };
    walk.root(&root);
    walk.spread();
    walk.scan.renders = !walk.hidden.contains(&root);
    walk.scan
}

/// What a root is rendered for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    /// Its objects are what the cluster gets.
    Objects,
    /// Its objects are configurations of plug-ins, which read files and addresses that they name.
    Plugins,
}

impl Role {
    /// What an entry of such a root hides: without one of its plug-ins a root of them is another one.
    fn hides(self, hides: HiddenScope) -> HiddenScope {
        if self == Self::Plugins { HiddenScope::Everything } else { hides }
    }
}

/// A folder with a kustomization, and what it is rendered for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Root {
    folder: PathBuf,
    role: Role,
}

/// An entry by which one root has another.
struct RootUse {
    of: Root,
    by: Root,
    cut: EntryToRemove,
    hides: HiddenScope,
    /// Whether its objects are generators.
    generates: bool,
}

/// What a root of plug-ins may hold so that each of its objects stands in a file as it is: nothing makes an address of
/// pieces, or brings one in.
const UNCHANGED: [&str; 8] =
    ["apiversion", "kind", "metadata", "resources", "bases", "generators", "transformers", "validators"];

struct KustomizeWalk<'a> {
    tree: SourceTree<'a>,
    has_no_network: bool,
    seen: BTreeSet<Root>,
    scan: KustomizeInputs,
    uses: Vec<RootUse>,
    /// Roots of which nothing can be rendered.
    hidden: BTreeSet<Root>,
    depth: usize,
}

/// A kustomization that is followed.
struct OpenKustomization<'a> {
    root: &'a Root,
    file: &'a Path,
    kustomization: &'a Kustomization,
}

impl OpenKustomization<'_> {
    fn incomplete(&self, pointer: &str, why: String) -> Incomplete {
        let file = with_forward_slashes(self.file);
        let place = self.kustomization.source_map.get(pointer);
        let place = place.map(|place| format!(":{}:{}", place.line, place.column));
        Incomplete { what: format!("{file}{}", place.unwrap_or_default()), why }
    }

    fn cut(&self, load: &LoadEntry<'_>) -> EntryToRemove {
        EntryToRemove { file: self.file.to_path_buf(), pointer: load.entry.clone() }
    }
}

/// Why an entry is not rendered.
enum EntryRefusal {
    /// Kustomize renders it, and drift does not.
    ByDrift(String),
    /// Kustomize does not render it either, and so nothing of the root that has it.
    Broken(String),
}

impl KustomizeWalk<'_> {
    fn root(&mut self, root: &Root) {
        if self.seen.contains(root) {
            return;
        }
        if self.seen.len() >= ROOTS_CAP || self.depth >= DEPTH_CAP {
            let why = format!(
                "more than {ROOTS_CAP} Kustomize roots are reached, or {DEPTH_CAP} one through the other"
            );
            return self.hide(root, Incomplete { what: with_forward_slashes(&root.folder), why });
        }
        self.depth += 1;
        self.read_root(root);
        self.depth -= 1;
    }

    fn read_root(&mut self, root: &Root) {
        let first = self.seen.is_empty();
        self.seen.insert(root.clone());
        self.scan.reached.insert(root.folder.clone());
        for name in KUSTOMIZATIONS {
            let file = root.folder.join(name);
            if self.tree.is_file(&file) {
                match Kustomization::read(self.tree, &file) {
                    Ok(Some(read)) => {
                        self.kustomization(
                            &OpenKustomization { root, file: &file, kustomization: &read },
                            first,
                        );
                    }
                    Ok(None) => {}
                    // What it would fetch is not known.
                    Err(incomplete) => self.hide(root, incomplete),
                }
                self.scan.kustomizations.insert(file);
            }
        }
    }

    fn hide(&mut self, root: &Root, incomplete: Incomplete) {
        self.hidden.insert(root.clone());
        self.scan.incomplete.push(incomplete);
    }

    /// Hides what has a hidden root, and takes it out where the rest is what it is without it.
    fn spread(&mut self) {
        loop {
            let before = self.hidden.len();
            for used in self.uses.iter().filter(|used| self.hidden.contains(&used.of)).collect::<Vec<_>>() {
                match used.hides {
                    HiddenScope::Itself => drop(self.scan.cuts.insert(used.cut.clone())),
                    HiddenScope::Everything => drop(self.hidden.insert(used.by.clone())),
                }
            }
            if self.hidden.len() == before {
                break;
            }
        }
        self.spread_configurations();
        let is_cut = |used: &&RootUse| used.hides == HiddenScope::Itself && self.hidden.contains(&used.of);
        for used in self.uses.iter().filter(|used| used.generates).filter(is_cut) {
            let configuration = self.configurations(&used.of.folder, 0);
            let touched = touched::by_plugins((self.tree, &used.by.folder), configuration.as_deref());
            self.scan.touched.entry(used.cut.file.clone()).or_default().extend(touched);
        }
    }

    /// Finds what is above a base that is taken out.
    fn spread_configurations(&mut self) {
        let of_objects = |used: &&RootUse| used.of.role == Role::Objects;
        for used in self.uses.iter().filter(of_objects).filter(|used| self.hidden.contains(&used.of)) {
            self.scan.above.insert(used.cut.file.clone());
        }
        let files = self.uses.iter().filter(of_objects).filter_map(|used| {
            let below = self.tree.kustomization(&used.of.folder)?;
            Some((below, used.cut.file.clone()))
        });
        let files: Vec<(PathBuf, PathBuf)> = files.collect();
        loop {
            let before = self.scan.above.len();
            for (_, above) in
                files.iter().filter(|(below, _)| self.scan.above.contains(below)).collect::<Vec<_>>()
            {
                self.scan.above.insert(above.clone());
            }
            if self.scan.above.len() == before {
                return;
            }
        }
    }

    /// The configurations of plug-ins of a root, where each of them stands in a file as it is.
    fn configurations(&self, folder: &Path, depth: usize) -> Option<Vec<u8>> {
        let file = self.tree.kustomization(folder).filter(|_| depth < DEPTH_CAP)?;
        let read = Kustomization::read(self.tree, &file).ok()??;
        let mut keys = read.value.as_object()?.keys();
        let is_plain = keys
            .all(|key| ["apiversion", "kind", "metadata", "resources", "bases"].contains(&&*fold_key(key)));
        let mut all = Vec::new();
        for load in read.loads() {
            let bytes = match self.resolve(folder, load.text) {
                Reached::File(file) => read_file(self.tree.root, &file, FILE_CAP).ok()?,
                Reached::Folder(folder) => self.configurations(&folder, depth + 1)?,
                _ => return None,
            };
            all.extend(bytes);
            all.extend(b"\n---\n");
            if all.len() as u64 > FILE_CAP {
                return None;
            }
        }
        is_plain.then_some(all)
    }

    fn kustomization(&mut self, read: &OpenKustomization<'_>, first: bool) {
        let keys = read.kustomization.value.as_object().into_iter().flatten();
        for (key, _) in keys {
            self.scan.build_metadata |= first && fold_key(key) == "buildmetadata";
            if read.root.role == Role::Plugins
                && !self.has_no_network
                && !UNCHANGED.contains(&&*fold_key(key))
            {
                let mut pointer = String::new();
                push_pointer(&mut pointer, key);
                let why = "this key, in a folder of plug-ins, could name an address, and the kernel does not keep kustomize from the network here".to_owned();
                self.hide(read.root, read.incomplete(&pointer, why));
            }
        }
        for load in read.kustomization.loads() {
            if let Err(refusal) = self.load(read, &load) {
                self.refuse(read, &load, refusal);
            }
        }
    }

    fn refuse(&mut self, read: &OpenKustomization<'_>, load: &LoadEntry<'_>, refusal: EntryRefusal) {
        let (why, hides) = match refusal {
            EntryRefusal::ByDrift(why) => (why, load.hides),
            EntryRefusal::Broken(why) => (why, HiddenScope::Everything),
        };
        match read.root.role.hides(hides) {
            HiddenScope::Everything => self.hide(read.root, read.incomplete(&load.pointer, why)),
            HiddenScope::Itself => {
                self.scan.cuts.insert(read.cut(load));
                if load.kind == LoadKind::FileOrRoot && !is_file_name(load.text) {
                    self.scan.above.insert(read.file.to_path_buf());
                }
                let touched = self.touched(read, load);
                if !touched.is_empty() {
                    self.scan.touched.entry(read.file.to_path_buf()).or_default().extend(touched);
                }
                self.scan.incomplete.push(read.incomplete(&load.pointer, why));
            }
        }
    }

    /// What an entry may change of the objects of its kustomization.
    fn touched(&self, read: &OpenKustomization<'_>, load: &LoadEntry<'_>) -> Vec<Touched> {
        if load.field != "generators" {
            return load.touched.iter().cloned().collect();
        }
        let folder = &read.root.folder;
        let configuration = if is_remote_file(load.text) || is_repository(load.text) {
            None
        } else if is_inline(load.text) {
            Some(load.text.as_bytes().to_vec())
        } else {
            match self.resolve(folder, load.text) {
                Reached::File(file) => read_file(self.tree.root, &file, FILE_CAP).ok(),
                _ => None,
            }
        };
        touched::by_plugins((self.tree, folder), configuration.as_deref())
    }

    /// Follows what a kustomization loads.
    fn load(&mut self, read: &OpenKustomization<'_>, load: &LoadEntry<'_>) -> Result<(), EntryRefusal> {
        let plugins = load.kind == LoadKind::Plugin || read.root.role == Role::Plugins;
        self.scan.has_plugins |= plugins;
        match load.kind {
            LoadKind::Chart => Err(EntryRefusal::ByDrift(
                "kustomize would run helm (helmCharts), which drift does not allow; make the chart a source of its own".to_owned(),
            )),
            LoadKind::File => self.file(read, load),
            // What cannot be read as a configuration is taken for a path.
            LoadKind::Plugin if is_remote_file(load.text) || is_repository(load.text) => {
                Err(EntryRefusal::ByDrift(network_reason("")))
            }
            LoadKind::Plugin if is_inline(load.text) => configuration(load.text.as_bytes()),
            LoadKind::FileOrRoot | LoadKind::Plugin => {
                let role = if plugins { Role::Plugins } else { Role::Objects };
                match self.entry(read, load, role)? {
                    Some(file) if plugins => self.plugin(&file),
                    _ => Ok(()),
                }
            }
        }
    }

    /// A file that kustomize reads; that it does not exist is for kustomize to say. What names it may be a value.
    fn file(&mut self, read: &OpenKustomization<'_>, load: &LoadEntry<'_>) -> Result<(), EntryRefusal> {
        if is_remote_file(load.text) {
            return Err(EntryRefusal::ByDrift(network_reason("")));
        }
        match self.resolve(&read.root.folder, load.text) {
            Reached::Outside => Err(self.outside(&read.root.folder, load.text)),
            Reached::Nothing if !is_inline(load.text) => {
                self.scan.missing.push(read.incomplete(&load.pointer, String::new()).what);
                Ok(())
            }
            Reached::File(file) if self.is_pointer(&file) => {
                Err(EntryRefusal::ByDrift(format!("the file {}", git::LFS)))
            }
            Reached::File(file) => {
                self.scan.reached.extend(normalise_path(&read.root.folder, load.text));
                self.scan.reached.insert(file);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Follows a file or root; returns it where it is a file.
    fn entry(
        &mut self,
        read: &OpenKustomization<'_>,
        load: &LoadEntry<'_>,
        role: Role,
    ) -> Result<Option<PathBuf>, EntryRefusal> {
        let (folder, entry) = (&read.root.folder, load.text);
        // A file of such a name would be tried first, and the repository where it cannot be read.
        if is_remote_file(entry) || is_repository(entry) {
            return Err(EntryRefusal::ByDrift(network_reason(entry)));
        }
        match self.resolve(folder, entry) {
            Reached::File(file) if self.is_pointer(&file) => {
                Err(EntryRefusal::ByDrift(format!("{} {}", with_forward_slashes(&file), git::LFS)))
            }
            Reached::File(file) => {
                self.scan.reached.extend(normalise_path(folder, entry));
                self.scan.reached.insert(file.clone());
                Ok(Some(file))
            }
            Reached::Folder(reached) if self.is_empty(&reached) => Err(EntryRefusal::ByDrift(format!(
                "{} is an empty folder, as that of a submodule: its files are in another repository and are not read",
                display_entry(entry)
            ))),
            Reached::Folder(reached) => {
                self.scan.reached.extend(normalise_path(folder, entry));
                if self.tree.kustomization(&reached).is_none() {
                    return Err(EntryRefusal::Broken(format!(
                        "{} is a folder without a kustomization.yaml",
                        display_entry(entry)
                    )));
                }
                let of = Root { folder: reached, role };
                let (by, cut) = (read.root.clone(), read.cut(load));
                let (hides, generates) = (read.root.role.hides(load.hides), load.field == "generators");
                self.uses.push(RootUse { of: of.clone(), by, cut, hides, generates });
                self.root(&of);
                Ok(None)
            }
            Reached::Outside => Err(self.outside(folder, entry)),
            Reached::OtherRepository => Err(EntryRefusal::ByDrift(format!(
                "{} is of another repository, as a submodule is, and is not read",
                display_entry(entry)
            ))),
            Reached::Unread(why) => Err(EntryRefusal::Broken(format!("{}: {why}", display_entry(entry)))),
            Reached::Nothing => Err(EntryRefusal::Broken(format!("{} does not exist", display_entry(entry)))),
        }
    }

    fn is_pointer(&self, file: &Path) -> bool {
        git::is_lfs_pointer_file(&self.tree.root.join(file))
    }

    fn is_empty(&self, folder: &Path) -> bool {
        std::fs::read_dir(self.tree.root.join(folder)).is_ok_and(|mut entries| entries.next().is_none())
    }

    /// Whether a path that is not read lies in a repository of its own.
    fn is_of_other(&self, path: &Path) -> bool {
        let has_git = |folder: &Path| {
            folder != Path::new("") && self.tree.root.join(folder).join(".git").symlink_metadata().is_ok()
        };
        !self.tree.reads(path) && path.ancestors().any(has_git)
    }

    fn resolve(&self, folder: &Path, entry: &str) -> Reached {
        // Kustomize takes `..` out of a path before it follows links.
        let Some(path) = normalise_path(folder, entry) else { return Reached::Outside };
        let Ok(real) = self.tree.root.join(path).canonicalize() else {
            return Reached::Nothing;
        };
        match real.strip_prefix(self.tree.root) {
            Err(_) => Reached::Outside,
            Ok(inside) if self.is_of_other(inside) => Reached::OtherRepository,
            Ok(inside) if self.tree.why_unreadable(inside).is_some() => {
                Reached::Unread(self.tree.why_unreadable(inside).unwrap_or_default())
            }
            Ok(inside) if real.is_dir() => Reached::Folder(inside.to_path_buf()),
            Ok(inside) => Reached::File(inside.to_path_buf()),
        }
    }

    fn outside(&self, folder: &Path, entry: &str) -> EntryRefusal {
        let is_there = |path: &PathBuf| self.tree.root.join(path).symlink_metadata().is_ok();
        EntryRefusal::ByDrift(match normalise_path(folder, entry).filter(is_there) {
            Some(path) => {
                format!(
                    "the link {} leads out of the repository and is not followed",
                    with_forward_slashes(&path)
                )
            }
            None => format!(
                "{} lies outside the repository: only what it holds is rendered",
                display_entry(entry)
            ),
        })
    }

    /// A file of plug-in configuration: kustomize's own plug-ins read files and addresses that it names, and others are
    /// not run.
    fn plugin(&self, file: &Path) -> Result<(), EntryRefusal> {
        let shown = with_forward_slashes(file);
        let bytes = read_file(self.tree.root, file, FILE_CAP);
        let bytes = bytes.map_err(|error| EntryRefusal::Broken(format!("{shown}: {error}")))?;
        configuration(&bytes).map_err(|refusal| match refusal {
            EntryRefusal::ByDrift(why) => EntryRefusal::ByDrift(format!("{shown}: {why}")),
            EntryRefusal::Broken(why) => EntryRefusal::Broken(format!("{shown}: {why}")),
        })
    }
}

/// Whether an entry is that of a manifest, not of a root.
fn is_file_name(entry: &str) -> bool {
    let is_one = |extension: &str| entry.trim().to_ascii_lowercase().ends_with(extension);
    [".yaml", ".yml", ".json"].into_iter().any(is_one)
}

enum Reached {
    File(PathBuf),
    Folder(PathBuf),
    Outside,
    /// What another repository holds, such as a submodule.
    OtherRepository,
    Unread(&'static str),
    Nothing,
}

/// Whether the entry of a plug-in is its configuration.
fn is_inline(entry: &str) -> bool {
    // One that only drift cannot read is refused for that.
    let is_configuration = |document: &Result<yaml::Document, yaml::YamlError>| {
        document.as_ref().map_or(true, |document| document.to_json().is_object())
    };
    entry.trim_end().contains('\n') || yaml::read(entry.as_bytes()).iter().any(is_configuration)
}

/// Whether every document of a configuration is of a plug-in that kustomize has itself, and names no address.
fn configuration(bytes: &[u8]) -> Result<(), EntryRefusal> {
    for document in yaml::read(bytes) {
        let value = document.map_err(|error| EntryRefusal::Broken(error.to_string()))?.into_json();
        if texts(&value).into_iter().any(looks_like_address) {
            return Err(EntryRefusal::ByDrift(network_reason("")));
        }
        let version = value["apiVersion"].as_str();
        if version != Some("builtin") || value["kind"] == "HelmChartInflationGenerator" {
            let is_ksops = version.is_some_and(|version| version.starts_with(encrypted::KSOPS));
            let why = match is_ksops {
                true => "it asks for KSOPS to decrypt files of SOPS, and drift runs no plug-ins",
                false => "it asks for a plug-in, which drift does not run",
            };
            return Err(EntryRefusal::ByDrift(why.to_owned()));
        }
    }
    Ok(())
}

/// `folder/entry` without `.` and `..`, as `filepath.Join` cleans it, links on the way not followed; `None` where that leads
/// out of the root.
pub(super) fn normalise_path(folder: &Path, entry: &str) -> Option<PathBuf> {
    let mut path = folder.to_path_buf();
    for part in Path::new(entry).components() {
        match part {
            Component::ParentDir => path.pop().then_some(())?,
            Component::Normal(name) => path.push(name),
            Component::CurDir => {}
            _ => return None,
        }
    }
    Some(path)
}

/// Keys of a plug-in's configuration whose values are data: an address in them is not fetched.
const DATA: [&str; 8] =
    ["literals", "annotations", "labels", "metadata", "patch", "options", "target", "targets"];

/// Every key and text of a document, except in data; texts of several lines are never addresses.
fn texts(value: &Value) -> Vec<&str> {
    let (mut found, mut rest) = (Vec::new(), vec![value]);
    while let Some(value) = rest.pop() {
        match value {
            Value::String(text) if !text.trim_end().contains('\n') => found.push(text.as_str()),
            Value::Object(map) => {
                found.extend(map.keys().map(String::as_str));
                rest.extend(
                    map.iter().filter(|(key, _)| !DATA.contains(&key.as_str())).map(|(_, inner)| inner),
                );
            }
            Value::Array(items) => rest.extend(items),
            _ => {}
        }
    }
    found
}
