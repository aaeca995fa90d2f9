//! Reading a snapshot: once through for an index, then each object from its place, so that a large file needs little
//! memory.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use futures::stream::{self, Stream};
use serde::Deserialize;
use serde_json::Value;

use super::super::discovery::FailedDiscovery;
use super::super::error::{
    ClusterError, MalformedAnswer, ReadError, ReadErrorKind, one_line, resource_display_name,
};
use super::super::item::{Item, ListContext, Projection};
use super::fault::{SCHEMA, SCHEMA_STEM, SnapshotFault};
use super::{End, Header, ListedScope};
use crate::model::{ApiResource, ApiResources, join_api_version};

/// Objects of one page.
const PAGE: usize = 250;
/// Longest line that is read.
const LINE_LIMIT: u64 = 256 << 20;

/// A snapshot of a cluster.
pub struct Snapshot {
    bytes: Bytes,
    header: Header,
    scopes: Vec<ListedScope>,
    index: Index,
}

enum Bytes {
    File(PathBuf),
    Memory(&'static [u8]),
}

struct ObjectEntry {
    start: u64,
    length: usize,
    namespace: Option<String>,
    name: String,
}

trait ReadSeek: Read + Seek + Send {}
impl<T: Read + Seek + Send> ReadSeek for T {}

impl Bytes {
    fn open(&self) -> io::Result<Box<dyn ReadSeek>> {
        Ok(match self {
            Self::File(path) => Box::new(File::open(path)?),
            Self::Memory(bytes) => Box::new(Cursor::new(*bytes)),
        })
    }
}

impl Snapshot {
    pub(in super::super) fn open(path: &Path) -> Result<Self, ClusterError> {
        Self::read(&path.display().to_string(), Bytes::File(path.to_owned()))
    }

    pub(in super::super) fn from_bytes(name: &str, bytes: &'static [u8]) -> Result<Self, ClusterError> {
        Self::read(name, Bytes::Memory(bytes))
    }

    fn read(file: &str, bytes: Bytes) -> Result<Self, ClusterError> {
        let foreign = |why: SnapshotFault| ClusterError::NotASnapshot { file: file.to_owned(), why };
        let torn = |why: SnapshotFault| ClusterError::Snapshot { file: file.to_owned(), why };
        let opened = bytes.open().map_err(|cause| foreign(cause.into()))?;
        let mut lines = Lines { from: BufReader::new(opened), at: 0, number: 0 };
        let first = lines.next().map_err(|cause| foreign(cause.into()))?;
        let header = read_header(&first.unwrap_or_default()).map_err(foreign)?;
        let (index, end) = read_index(&mut lines).map_err(torn)?;
        drop(lines);
        Ok(Self { bytes, header, scopes: end.scopes, index })
    }

    pub(in super::super) fn api_resources(&self) -> &ApiResources {
        &self.header.served
    }

    pub(in super::super) fn failed_discoveries(&self) -> &[FailedDiscovery] {
        &self.header.undiscovered
    }

    pub(in super::super) fn server(&self) -> Option<&str> {
        self.header.server.as_deref()
    }

    pub(in super::super) fn identity(&self) -> Option<&str> {
        self.header.cluster.as_deref()
    }

    pub(in super::super) fn get(
        &self,
        kind: &ApiResource,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<Option<Value>, ReadError> {
        self.check_scope(kind, namespace)?;
        let namespace = namespace.filter(|_| kind.namespaced);
        let found =
            self.entries(kind).iter().find(|of| of.name == name && of.namespace.as_deref() == namespace);
        let Some(entry) = found else { return Ok(None) };
        let mut items = self.read_page(&[entry], kind, Projection::Objects)?;
        items.pop().map(|item| item.parse()).transpose()
    }

    pub(in super::super) fn pages<'a>(
        &'a self,
        kind: &ApiResource,
        namespace: Option<&str>,
        what: Projection,
    ) -> impl Stream<Item = Result<Vec<Item>, ReadError>> + Send + use<'a> {
        let refused = self.check_scope(kind, namespace).err();
        let namespace = namespace.filter(|_| kind.namespaced);
        let entries: Vec<_> = self
            .entries(kind)
            .iter()
            .filter(|of| {
                refused.is_none() && namespace.is_none_or(|wanted| of.namespace.as_deref() == Some(wanted))
            })
            .collect();
        let kind = kind.clone();
        stream::unfold((refused, entries), move |(refused, mut entries)| {
            let next = match refused {
                Some(unread) => Some((Err(unread), (None, Vec::new()))),
                None if entries.is_empty() => None,
                None => {
                    let rest = entries.split_off(entries.len().min(PAGE));
                    Some((self.read_page(&entries, &kind, what), (None, rest)))
                }
            };
            std::future::ready(next)
        })
    }

    fn entries(&self, kind: &ApiResource) -> &[ObjectEntry] {
        let key = (join_api_version(&kind.group, &kind.version), kind.kind.clone());
        self.index.get(&key).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether the snapshot holds the whole list.
    fn check_scope(&self, kind: &ApiResource, namespace: Option<&str>) -> Result<(), ReadError> {
        let namespace = namespace.filter(|_| kind.namespaced);
        let refuse =
            |unread, why| Err(ReadError { what: resource_display_name(kind, namespace), why, kind: unread });
        let of_kind =
            || self.scopes.iter().filter(|listed| listed.group == kind.group && listed.kind == kind.kind);
        let mut fits = of_kind().filter(|listed| {
            listed.version == kind.version
                && (listed.namespace.is_none() || listed.namespace.as_deref() == namespace)
        });
        if let Some(listed) = fits.next() {
            return match &listed.unread {
                Some(why) => {
                    let why = format!("the snapshot is incomplete here: {}", one_line(why));
                    refuse(ReadErrorKind::Other, why)
                }
                None => Ok(()),
            };
        }
        let mut versions: Vec<_> = of_kind().map(|listed| listed.version.as_str()).collect();
        versions.dedup();
        let why = match versions.as_slice() {
            [] => "the snapshot does not have this kind".to_owned(),
            [only] if *only == kind.version => "the snapshot has it for other namespaces only".to_owned(),
            others => format!("the snapshot holds it at {}, not at {}", others.join(", "), kind.version),
        };
        refuse(ReadErrorKind::NotServed, why)
    }

    fn read_page(
        &self,
        entries: &[&ObjectEntry],
        kind: &ApiResource,
        what: Projection,
    ) -> Result<Vec<Item>, ReadError> {
        let unread = |why: String| ReadError {
            what: resource_display_name(kind, None),
            why,
            kind: ReadErrorKind::Malformed,
        };
        let changed = || unread("the snapshot changed while it was read".to_owned());
        let mut file = self.bytes.open().map_err(|cause| unread(cause.to_string()))?;
        let of = ListContext::new(kind, what);
        let mut items = Vec::with_capacity(entries.len());
        for entry in entries {
            let mut text = vec![0; entry.length];
            file.seek(SeekFrom::Start(entry.start)).map_err(|cause| unread(cause.to_string()))?;
            file.read_exact(&mut text).map_err(|_| changed())?;
            let text = String::from_utf8(text).map_err(|_| changed())?;
            let item = Item::from_single(text, &of, None);
            items.push(item.map_err(|why| {
                if why == MalformedAnswer::NotJson { changed() } else { unread(why.to_string()) }
            })?);
        }
        Ok(items)
    }
}

/// Objects by `apiVersion` and kind, in the file's order.
type Index = BTreeMap<(String, String), Vec<ObjectEntry>>;

/// The objects and the end; a file without one is torn.
fn read_index<R: Read>(lines: &mut Lines<R>) -> Result<(Index, End), SnapshotFault> {
    let mut index = Index::new();
    let mut objects = 0;
    loop {
        let start = lines.at;
        let Some(line) = lines.next()? else {
            return Err(SnapshotFault::EndsEarly(lines.number));
        };
        if line.starts_with(br#"{"end":"#) {
            let end: End = parse(&line, lines.number)?;
            let rest = lines.next()?;
            if end.objects != objects || rest.is_some() || end.end != SCHEMA {
                return Err(SnapshotFault::OtherEnd);
            }
            return Ok((index, end));
        }
        let object: Object<'_> = parse(&line, lines.number)?;
        let key = (object.api_version.into_owned(), object.kind.into_owned());
        let namespace = object.metadata.namespace.map(Cow::into_owned);
        let name = object.metadata.name.into_owned();
        index.entry(key).or_default().push(ObjectEntry { start, length: line.len(), namespace, name });
        objects += 1;
    }
}

/// Lines of a file, with their places.
struct Lines<R> {
    from: BufReader<R>,
    at: u64,
    number: u64,
}

impl<R: Read> Lines<R> {
    /// The next line without its end; a last line without one is cut off, and counts as none.
    fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        let read = self.from.by_ref().take(LINE_LIMIT).read_until(b'\n', &mut line)?;
        if line.pop() != Some(b'\n') {
            return Ok(None);
        }
        self.at += read as u64;
        self.number += 1;
        Ok(Some(line))
    }
}

/// Of an object, what the index needs; the rest is only checked to be JSON.
#[derive(Deserialize)]
struct Object<'a> {
    #[serde(borrow, rename = "apiVersion")]
    api_version: Cow<'a, str>,
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    metadata: Metadata<'a>,
}

#[derive(Deserialize)]
struct Metadata<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    namespace: Option<Cow<'a, str>>,
}

fn parse<'a, T: Deserialize<'a>>(line: &'a [u8], number: u64) -> Result<T, SnapshotFault> {
    serde_json::from_slice(line).map_err(|cause| SnapshotFault::Line { number, is_json: cause.is_data() })
}

fn read_header(line: &[u8]) -> Result<Header, SnapshotFault> {
    #[derive(Deserialize)]
    struct Schema {
        schema: String,
    }
    let schema = serde_json::from_slice(line).map(|Schema { schema }| schema).unwrap_or_default();
    match schema.strip_prefix(SCHEMA_STEM) {
        _ if schema == SCHEMA => serde_json::from_slice(line).map_err(SnapshotFault::Header),
        Some(version) => Err(SnapshotFault::OtherVersion(one_line(version))),
        None => Err(SnapshotFault::Foreign),
    }
}
