//! What a Kustomize root reaches, read before kustomize runs: kustomize fetches whatever looks like an address without
//! being asked, and no flag forbids it.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use super::{KUSTOMIZATIONS, Seen, slashed};
use crate::git::read_file;
use crate::model::{FieldOrigins, Incomplete, push_pointer};
use crate::yaml;

/// The largest kustomization that is read.
pub(super) const FILE_CAP: u64 = 16 * 1024 * 1024;
/// The most Kustomize roots that one source may reach.
const ROOTS_CAP: usize = 10_000;

/// What a Kustomize root reaches.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// Folders and files that kustomize reads, from the root of the repository.
    pub(super) reached: BTreeSet<PathBuf>,
    /// Why kustomize may not run: entries that it would fetch or read from elsewhere, with their places.
    pub(super) refused: Vec<Incomplete>,
    /// Where files of patches, replacements and generators are named that are not there. Those entries may hold values, so
    /// that kustomize's word for them is not shown.
    pub(super) missing: Vec<String>,
    /// Whether the source itself asks for annotations about its build.
    pub(super) build_metadata: bool,
}

/// Follows a Kustomize root through the repository; `folder` has no links in it. Where the kernel keeps kustomize from
/// the network, what only might name an address is left to that.
pub(super) fn scan(seen: Seen<'_>, folder: &Path, has_no_network: bool) -> Scan {
    let mut walk = Walk { has_no_network, tree: seen, seen: BTreeSet::new(), scan: Scan::default() };
    walk.folder(folder, Role::Root);
    walk.scan
}

/// Lists whose entries are files, folders or addresses; `bases` is the old name of folders in `resources`.
const ENTRIES: [&str; 8] = [
    "resources",
    "components",
    "bases",
    "crds",
    "configurations",
    "generators",
    "transformers",
    "validators",
];
/// Those of them whose files may name further files.
const PLUGINS: [&str; 3] = ["generators", "transformers", "validators"];
/// Keys that make kustomize run helm.
const CHARTS: [&str; 3] = ["helmCharts", "helmGlobals", "helmChartInflationGenerator"];
/// Keys whose values are data: an address in them is not fetched.
const DATA: [&str; 14] = [
    "literals",
    "commonAnnotations",
    "commonLabels",
    "labels",
    "annotations",
    "metadata",
    "patch",
    "images",
    "options",
    "generatorOptions",
    "target",
    "targets",
    "fieldPaths",
    "vars",
];

/// What a root is rendered for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    /// Its objects are what the cluster gets.
    Root,
    /// Its objects are configurations of plug-ins, which read files and addresses that they name.
    Plugins,
}

/// What a root of plug-ins may hold so that each of its objects stands in a file as it is: nothing makes an address of
/// pieces, or brings one in.
const UNCHANGED: [&str; 8] =
    ["apiVersion", "kind", "metadata", "resources", "bases", "generators", "transformers", "validators"];

struct Walk<'a> {
    tree: Seen<'a>,
    has_no_network: bool,
    seen: BTreeSet<(PathBuf, Role)>,
    scan: Scan,
}

/// A file and the folder that its entries are relative to.
struct Kustomization<'a> {
    folder: &'a Path,
    file: &'a Path,
    fields: FieldOrigins,
}

impl Kustomization<'_> {
    fn refusal(&self, pointer: &str, why: String) -> Incomplete {
        let file = slashed(self.file);
        let place = self.fields.get(pointer).map(|place| format!(":{}:{}", place.line, place.column));
        Incomplete { what: format!("{file}{}", place.unwrap_or_default()), why }
    }
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, role: Role) {
        if self.seen.contains(&(folder.to_path_buf(), role)) {
            return;
        }
        if self.seen.len() >= ROOTS_CAP {
            let why = format!("more than {ROOTS_CAP} Kustomize roots are reached");
            self.scan.refused.push(Incomplete { what: slashed(folder), why });
            return;
        }
        let first = self.seen.is_empty();
        self.seen.insert((folder.to_path_buf(), role));
        self.scan.reached.insert(folder.to_path_buf());
        for name in KUSTOMIZATIONS {
            let file = folder.join(name);
            if self.tree.is_file(&file) {
                self.kustomization(folder, &file, (first, role));
            }
        }
    }

    fn kustomization(&mut self, folder: &Path, file: &Path, (first, role): (bool, Role)) {
        for (value, fields) in self.documents(file) {
            let read = Kustomization { folder, file, fields };
            self.addresses(&read, &value);
            self.missing(&read, &value);
            for (key, inner) in value.as_object().into_iter().flatten() {
                self.scan.build_metadata |= first && key.eq_ignore_ascii_case("buildMetadata");
                self.key(&read, key, inner, role);
            }
        }
    }

    /// One key, whatever its case: kustomize, as Go's JSON does, takes `Resources` for `resources`, and so letters
    /// that fold to ASCII ones.
    fn key(&mut self, read: &Kustomization<'_>, key: &str, value: &Value, role: Role) {
        let mut pointer = String::new();
        push_pointer(&mut pointer, key);
        let is = |known: &&&str| known.eq_ignore_ascii_case(key);
        let runs_helm = |known: &&str| {
            format!(
                "{known}: kustomize would run helm, which drift does not allow; make the chart a source of its own"
            )
        };
        let changes = role == Role::Plugins
            && !self.has_no_network
            && !UNCHANGED.iter().any(|known| known.eq_ignore_ascii_case(key));
        let changed = changes.then(|| {
            "this key, in a folder of plug-ins, could name an address, and the kernel does not keep kustomize from the network here".to_owned()
        });
        self.scan.refused.extend(changed.map(|why| read.refusal(&pointer, why)));
        let refusal = match key.is_ascii() {
            true => CHARTS.iter().find(is).map(runs_helm),
            false => Some("kustomize knows no key with letters that are not ASCII".to_owned()),
        };
        self.scan.refused.extend(refusal.map(|why| read.refusal(&pointer, why)));
        if let Some(known) = ENTRIES.iter().find(is) {
            self.entries(read, &pointer, if PLUGINS.contains(known) { Role::Plugins } else { role }, value);
        } else if key.eq_ignore_ascii_case("openapi") {
            for (key, path) in value.as_object().into_iter().flatten() {
                let mut pointer = pointer.clone();
                push_pointer(&mut pointer, key);
                path.as_str().map(|path| self.entry(read, &pointer, path, Role::Root));
            }
        }
    }

    /// The documents of a file; what cannot be read is refused, as what it would fetch is not known.
    fn documents(&mut self, file: &Path) -> Vec<(Value, FieldOrigins)> {
        let shown = slashed(file);
        let mut refuse = |what: String, why: String| self.scan.refused.push(Incomplete { what, why });
        let bytes = match read_file(self.tree.root, file, FILE_CAP) {
            Ok(bytes) => bytes,
            Err(error) => {
                refuse(shown, error.to_string());
                return Vec::new();
            }
        };
        let mut documents = Vec::new();
        for document in yaml::read(&bytes) {
            match document {
                Ok(document) => {
                    let places = document.places();
                    documents.push((document.into_json(), places));
                }
                Err(error) => {
                    let place = error.place.map(|at| format!(":{}:{}", at.line, at.column));
                    refuse(format!("{shown}{}", place.unwrap_or_default()), error.why);
                }
            }
        }
        documents
    }

    /// Notes files that are not there, beside those of [`ENTRIES`].
    fn missing(&mut self, read: &Kustomization<'_>, value: &Value) {
        let mut named = Vec::new();
        for key in ["patches", "patchesJson6902", "replacements"] {
            let items = value[key].as_array().into_iter().flatten().enumerate();
            named.extend(items.filter_map(|(at, item)| {
                Some((format!("/{key}/{at}/path"), item["path"].as_str()?.to_owned()))
            }));
        }
        for (key, list) in [
            ("secretGenerator", "files"),
            ("secretGenerator", "envs"),
            ("configMapGenerator", "files"),
            ("configMapGenerator", "envs"),
        ] {
            for (at, item) in value[key].as_array().into_iter().flatten().enumerate() {
                let entries = item[list].as_array().into_iter().flatten().enumerate();
                let file = |entry: &'_ Value| {
                    entry.as_str().map(|text| text.split_once('=').map_or(text, |(_, file)| file).to_owned())
                };
                named.extend(entries.filter_map(|(inner, entry)| {
                    Some((format!("/{key}/{at}/{list}/{inner}"), file(entry)?))
                }));
            }
        }
        let is_missing = |file: &str| matches!(self.resolve(read.folder, file), Reached::Nothing);
        let missing = named.iter().filter(|(_, file)| is_missing(file));
        let places: Vec<_> = missing.map(|(pointer, _)| read.refusal(pointer, String::new()).what).collect();
        self.scan.missing.extend(places);
    }

    /// Refuses every address in a file, wherever it stands, except in data.
    fn addresses(&mut self, read: &Kustomization<'_>, value: &Value) {
        let mut found = Vec::new();
        texts(value, &mut String::new(), &mut found);
        for (pointer, text) in found {
            if is_address(text) {
                let key = pointer.split('/').nth(1).unwrap_or_default();
                let is_entry = ENTRIES.iter().any(|known| known.eq_ignore_ascii_case(key));
                let why = from_network(if is_entry { text } else { "" });
                self.scan.refused.push(read.refusal(&pointer, why));
            }
        }
    }

    fn entries(&mut self, read: &Kustomization<'_>, pointer: &str, role: Role, value: &Value) {
        let plugins = role == Role::Plugins;
        let Some(entries) = value.as_array() else { return };
        for (at, entry) in entries.iter().enumerate() {
            let Some(entry) = entry.as_str() else { continue };
            let pointer = format!("{pointer}/{at}");
            if plugins && entry.contains('\n') {
                self.inline(read, &pointer, entry);
            } else if let Some(file) = self.entry(read, &pointer, entry, role)
                && plugins
            {
                self.plugin(read.folder, &file);
            }
        }
    }

    /// Follows one entry; returns it where it is a file.
    fn entry(&mut self, read: &Kustomization<'_>, pointer: &str, entry: &str, role: Role) -> Option<PathBuf> {
        if is_address(entry) {
            return None; // refused already
        }
        let why = match self.resolve(read.folder, entry) {
            Reached::File(file) => {
                self.scan.reached.insert(lexical(read.folder, entry));
                self.scan.reached.insert(file.clone());
                return Some(file);
            }
            Reached::Folder(folder) => {
                self.scan.reached.insert(lexical(read.folder, entry));
                if self.tree.kustomization(&folder).is_some() {
                    self.folder(&folder, role);
                    return None;
                }
                format!("{} is a folder without a kustomization.yaml", shown(entry))
            }
            Reached::Outside => {
                format!("{} lies outside the repository: only what it holds is rendered", shown(entry))
            }
            Reached::Unread(why) => format!("{}: {why}", shown(entry)),
            Reached::Nothing if is_host_path(entry) => from_network(entry),
            Reached::Nothing => format!("{} does not exist", shown(entry)),
        };
        self.scan.refused.push(read.refusal(pointer, why));
        None
    }

    fn resolve(&self, folder: &Path, entry: &str) -> Reached {
        if Path::new(entry).is_absolute() {
            return Reached::Outside;
        }
        let Ok(real) = self.tree.root.join(folder).join(entry).canonicalize() else {
            return Reached::Nothing;
        };
        match real.strip_prefix(self.tree.root) {
            Err(_) => Reached::Outside,
            Ok(inside) if self.tree.why_not(inside).is_some() => {
                Reached::Unread(self.tree.why_not(inside).unwrap_or_default())
            }
            Ok(inside) if real.is_dir() => Reached::Folder(inside.to_path_buf()),
            Ok(inside) => Reached::File(inside.to_path_buf()),
        }
    }

    /// A file of plug-in configuration: kustomize's own plug-ins read files and addresses that it names.
    fn plugin(&mut self, folder: &Path, file: &Path) {
        for (value, fields) in self.documents(file) {
            self.addresses(&Kustomization { folder, file, fields }, &value);
        }
    }

    fn inline(&mut self, read: &Kustomization<'_>, pointer: &str, text: &str) {
        for document in yaml::read(text.as_bytes()) {
            let found = document.map(|document| {
                let value = document.to_json();
                let mut found = Vec::new();
                texts(&value, &mut String::new(), &mut found);
                found.into_iter().any(|(_, text)| is_address(text)).then(|| from_network(""))
            });
            match found {
                Ok(None) => {}
                Ok(Some(why)) => self.scan.refused.push(read.refusal(pointer, why)),
                Err(error) => self.scan.refused.push(read.refusal(pointer, error.why)),
            }
        }
    }
}

enum Reached {
    File(PathBuf),
    Folder(PathBuf),
    Outside,
    Unread(&'static str),
    Nothing,
}

/// `folder/entry` with `..` taken literally, so that the links on the way are copied too.
fn lexical(folder: &Path, entry: &str) -> PathBuf {
    let mut path = folder.to_path_buf();
    for part in Path::new(entry).components() {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            Component::Normal(name) => path.push(name),
            _ => {}
        }
    }
    path
}

/// Every text of a document with its pointer, except in data; texts of several lines are never addresses.
fn texts<'a>(value: &'a Value, pointer: &mut String, found: &mut Vec<(String, &'a str)>) {
    let length = pointer.len();
    match value {
        Value::String(text) if !text.trim_end().contains('\n') => found.push((pointer.clone(), text)),
        Value::Object(map) => {
            for (key, inner) in map.iter().filter(|(key, _)| !DATA.contains(&key.as_str())) {
                push_pointer(pointer, key);
                texts(inner, pointer, found);
                pointer.truncate(length);
            }
        }
        Value::Array(items) => {
            for (at, inner) in items.iter().enumerate() {
                push_pointer(pointer, &at.to_string());
                texts(inner, pointer, found);
                pointer.truncate(length);
            }
        }
        _ => {}
    }
}

/// Whether kustomize would take a text for something to fetch: an address, or what git would clone.
fn is_address(text: &str) -> bool {
    let text = text.trim().to_ascii_lowercase();
    let after_key = text.split_once('=').map_or("", |(_, value)| value);
    let starts = |text: &str| {
        ["http:", "https:", "ssh:", "git:", "file:", "gh:", "git::", "github.com/", "github.com:"]
            .iter()
            .any(|scheme| text.starts_with(scheme))
    };
    text.contains("://")
        || text.contains("?ref=")
        || starts(&text)
        || starts(after_key)
        || is_user_at_host(&text)
}

/// `git@github.com:acme/base`, and any other user's.
fn is_user_at_host(text: &str) -> bool {
    let Some((user, rest)) = text.split_once('@') else { return false };
    let name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    !user.is_empty() && user.chars().all(name) && rest.contains([':', '/'])
}

/// `git.example.com/acme/base`: only asked of entries that do not exist here.
fn is_host_path(entry: &str) -> bool {
    let host = entry.split(['/', ':']).next().unwrap_or_default();
    host.len() < entry.len() && !host.starts_with('.') && host.contains('.')
}

fn from_network(entry: &str) -> String {
    format!(
        "{} would be fetched from the network, which drift does not allow: keep a copy in the repository",
        shown(entry)
    )
}

/// An entry of a list of files, where it can be a path or an address and nothing else. The place says where it stands.
fn shown(entry: &str) -> String {
    let is_path = |c: char| c.is_alphanumeric() || "./_-~@:?=&+%".contains(c);
    let entry = without_credentials(entry);
    match entry.is_empty() || !entry.chars().all(is_path) {
        true => "what stands here".to_owned(),
        false => format!("`{entry}`"),
    }
}

/// An entry without the user and password of its address, and not longer than a line.
fn without_credentials(entry: &str) -> String {
    let entry = entry.trim();
    let shown = match entry.split_once("://") {
        Some((scheme, rest)) => {
            let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
            let host = rest[..end].rfind('@').map_or(0, |at| at + 1);
            format!("{scheme}://{}", &rest[host..])
        }
        None => entry.to_owned(),
    };
    let query = shown.find("?").filter(|_| !shown.contains("?ref=")).unwrap_or(shown.len());
    shown[..query].chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::{is_address, is_host_path, without_credentials};

    #[test]
    fn addresses_are_told_from_paths() {
        for text in [
            "https://example.com/x.yaml",
            "HTTP://example.com",
            "http:/x",
            "git@github.com:acme/base.git",
            "deploy@git.example.com/acme",
            "git::https://example.com/x",
            "ssh://git@example.com/x",
            "github.com/acme/base//overlay",
            "acme/base?ref=v1",
            "gh:acme/base",
            "config.txt=https://example.com/x",
            "file:///etc/hostname",
        ] {
            assert!(is_address(text), "{text}");
        }
        for text in
            ["../base", "deploy.yaml", "a=b.txt", "users/me@example.yaml", "./github.com-mirror/x", "x@y"]
        {
            assert!(!is_address(text), "{text}");
        }
    }

    #[test]
    fn a_host_is_told_from_a_folder() {
        assert!(is_host_path("git.example.com/acme/base"));
        for entry in ["../base", "base/x.yaml", "x.yaml", "./a.b/c"] {
            assert!(!is_host_path(entry), "{entry}");
        }
    }

    #[test]
    fn credentials_are_not_shown() {
        for (entry, expected) in [
            ("https://u:hunter2@example.com/x", "https://example.com/x"),
            ("https://example.com/x?token=hunter2", "https://example.com/x"),
            ("https://example.com/x?ref=v1", "https://example.com/x?ref=v1"),
            ("git@github.com:acme/base", "git@github.com:acme/base"),
        ] {
            assert_eq!(without_credentials(entry), expected);
        }
    }
}
