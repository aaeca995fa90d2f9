//! What of a renderer's message may be shown. Renderers quote what they read, and that may be a secret value: what is
//! shown is what they say themselves (`formats.txt`), and of the repository only places, types and paths of keys, each
//! where the message has one and nothing else.

use std::collections::BTreeSet;
use std::path::{Component, Path};

use super::message_formats;
use super::placeholders::LEFT_OUT;

/// How much of a message is looked at, in bytes.
const LOOKED_AT: usize = 64 * 1024;
/// The most files and folders of a tree that are known.
const FILES: usize = 50_000;

/// The tree that a renderer was given.
#[derive(Debug, Clone, Copy)]
pub(super) struct RendererTree<'a> {
    /// Its root.
    pub(super) tree: &'a Path,
    /// The source, from the root.
    pub(super) folder: &'a Path,
    /// The chart's name, which helm writes in place of the folder; empty for kustomize.
    pub(super) chart: &'a str,
}

/// What may be told of a message.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct RedactedMessage {
    /// What may be shown, with `…` for what may be a value; empty where the message is not known.
    pub(super) text: String,
    /// The first file that it names, from the source's folder, and `:line:column` in it.
    pub(super) place: Option<(String, String)>,
}

impl RendererTree<'_> {
    /// Reads a message from its beginning. Once something has stood in it whose end cannot be told, what follows may be of
    /// that too: then only sentences of the renderer's own are shown, without what they say of lines and keys.
    pub(super) fn redact(&self, message: &str) -> RedactedMessage {
        let files = TreeFiles::read(self);
        let mut reading = Reading::new();
        let mut rest = bounded(message);
        while !rest.is_empty() {
            let fit = reading.is_at_word.then(|| {
                message_formats::match_format(rest, reading.is_tainted, &|file| files.contains(file))
            });
            let length = match fit.flatten() {
                Some(fit) => reading.take(fit),
                None => reading.pass(rest),
            };
            rest = if reading.is_at_end { "" } else { &rest[length..] };
        }
        reading.end(|file| files.in_source(file))
    }
}

fn bounded(message: &str) -> &str {
    let end = (0..=LOOKED_AT.min(message.len())).rev().find(|at| message.is_char_boundary(*at));
    &message[..end.unwrap_or(0)]
}

/// A message that is being read.
#[derive(Debug)]
struct Reading {
    text: String,
    places: Vec<(String, String)>,
    /// Signs between two sentences: shown if a sentence follows.
    between: String,
    is_tainted: bool,
    /// Whether a sentence can begin here.
    is_at_word: bool,
    is_at_end: bool,
    knows_any: bool,
}

impl Reading {
    fn new() -> Self {
        Self {
            text: String::new(),
            places: Vec::new(),
            between: String::new(),
            is_tainted: false,
            is_at_word: true,
            is_at_end: false,
            knows_any: false,
        }
    }

    /// Takes what a format makes of the text; how much that is.
    fn take(&mut self, fit: message_formats::FormatMatch) -> usize {
        self.text.push_str(&std::mem::take(&mut self.between));
        self.text.push_str(&fit.shown);
        self.places.extend(fit.places);
        self.is_tainted = fit.is_tainted;
        self.is_at_word = true;
        self.knows_any = true;
        self.is_at_end = fit.is_end;
        fit.length
    }

    /// Passes over what no format begins with: signs between sentences, or what may be a value. How much that is.
    fn pass(&mut self, rest: &str) -> usize {
        let first = rest.chars().next().unwrap_or(' ');
        let is_between =
            |c: char| matches!(c, ' ' | ':' | ';' | ',' | '\'' | '"' | ')' | '(' | '-' | '.' | '`');
        if self.knows_any
            && is_between(first)
            && self.between.len() < 4
            && !(self.is_tainted && self.text.ends_with(LEFT_OUT))
        {
            self.between.push(first);
            self.is_at_word = true;
            return first.len_utf8();
        }
        self.between.clear();
        self.is_tainted = true;
        if !self.text.ends_with(LEFT_OUT) {
            self.text.push(' ');
            self.text.push_str(LEFT_OUT);
        }
        let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        self.is_at_word = word == 0;
        if word > 0 { word } else { first.len_utf8() }
    }

    fn end(self, known: impl Fn(&str) -> Option<String>) -> RedactedMessage {
        if !self.knows_any {
            return RedactedMessage::default();
        }
        let words = self.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let text = words.trim_end_matches([' ', ':', ';', ',']).to_owned();
        let place = self.places.into_iter().find_map(|(file, digits)| Some((known(&file)?, digits)));
        RedactedMessage { text, place }
    }
}

/// The files and folders of a tree.
struct TreeFiles<'a> {
    rendering: &'a RendererTree<'a>,
    /// Each with all ends of its path: messages name them from any folder.
    ends: BTreeSet<String>,
}

impl<'a> TreeFiles<'a> {
    fn read(rendering: &'a RendererTree<'a>) -> Self {
        let mut files = Self { rendering, ends: BTreeSet::new() };
        let mut folders = vec![rendering.tree.to_path_buf()];
        let mut count = 0;
        while let Some(folder) = folders.pop() {
            let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
            for entry in entries {
                count += 1;
                if count > FILES {
                    return files;
                }
                let path = entry.path();
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    folders.push(path.clone());
                }
                files.add(&path);
            }
        }
        files
    }

    fn add(&mut self, path: &Path) {
        let inside = path.strip_prefix(self.rendering.tree).ok().and_then(Path::to_str);
        let Some(inside) = inside else { return };
        self.ends.extend(inside.match_indices('/').map(|(at, _)| inside[at + 1..].to_owned()));
        self.ends.insert(inside.to_owned());
    }

    /// Whether a message's file is one: `templates/x.yaml`, `web/templates/x.yaml` with the chart's name.
    fn contains(&self, file: &str) -> bool {
        let is_plain = Path::new(file)
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir | Component::ParentDir));
        let bare = file.trim_start_matches("./").trim_start_matches("../");
        is_plain && (self.ends.contains(bare.trim_end_matches('/')) || self.in_chart(file).is_some())
    }

    /// A file of the chart, without the chart's name.
    fn in_chart<'f>(&self, file: &'f str) -> Option<&'f str> {
        let inside = file.strip_prefix(self.rendering.chart)?.strip_prefix('/')?;
        self.ends.contains(inside).then_some(inside)
    }

    /// The path of a file from the source's folder, where it is in there.
    fn in_source(&self, file: &str) -> Option<String> {
        let folder = self.rendering.tree.join(self.rendering.folder);
        let is_file = |inside: &&str| folder.join(inside).is_file();
        [self.in_chart(file), Some(file)].into_iter().flatten().find(is_file).map(str::to_owned)
    }
}
