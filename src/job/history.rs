//! What older commits declared of the objects that differ: rendered again, as far back as it may matter.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::JobError;
use super::schemas::Schemas;
use super::tree::{Opened, objects_at};
use crate::attribution::{Older, Superseded};
use crate::config::Source;
use crate::git::{CommitId, CommitInfo, Repository};
use crate::model::{Desired, ObjectKey, ResourceId, Served};
use crate::schema::Schema;
use crate::source::Tools;

/// Commits touching a source that are looked at (issue 3: the last 50).
const COMMITS: usize = 50;

/// The past of the objects that differ.
pub(super) struct History<'a> {
    pub(super) opened: &'a Opened,
    /// Everything that is declared now.
    pub(super) desired: &'a [Desired],
    pub(super) served: &'a Served,
    pub(super) tools: &'a Tools,
    pub(super) schemas: &'a Schemas,
}

/// Commits of the mainline that are looked at.
const MAINLINE: usize = 2_000;

/// An object whose past is asked for.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) desired: &'a Desired,
    /// The live object; `None` where there is none.
    pub(super) live: Option<&'a Value>,
    /// The commit that the object's root last applied, as its status says.
    pub(super) applied: Option<&'a str>,
}

/// Versions of a source in which objects are looked for that nothing declares any more.
const LEFTOVER_VERSIONS: usize = 20;

impl History<'_> {
    /// The commits that the checked branch itself went through (first parents), newest first: a commit of a side branch
    /// counts from the merge that brought it.
    fn mainline(&self) -> Result<Vec<CommitId>, JobError> {
        let mut line = vec![self.opened.commit.clone()];
        while line.len() < MAINLINE
            && let Some(newest) = line.last()
            && let Some(parent) = self.opened.repository.resolve(&format!("{newest}^1"))?
        {
            line.push(parent);
        }
        Ok(line)
    }

    /// When a commit arrived on the checked branch: the time of the oldest commit of the mainline that holds it.
    fn arrived(&self, commit: &CommitInfo, mainline: &[CommitId]) -> Result<i64, JobError> {
        let repository = &self.opened.repository;
        if mainline.contains(&commit.id) {
            return Ok(commit.time);
        }
        // The newer ones hold it, the older ones do not: look for the border.
        let (mut holds, mut lacks) = (0, mainline.len());
        while lacks - holds > 1 {
            let middle = holds.midpoint(lacks);
            if repository.is_ancestor(&commit.id, &mainline[middle])? {
                holds = middle;
            } else {
                lacks = middle;
            }
        }
        Ok(repository.commit_info(&mainline[holds], "")?.time.max(commit.time))
    }

    /// For each object its older versions, newest first: as declared before the tree that was checked.
    pub(super) fn of(&self, asked: &[Asked<'_>]) -> Result<BTreeMap<ObjectKey, Vec<Older>>, JobError> {
        let mut found: BTreeMap<ObjectKey, Vec<Older>> = BTreeMap::new();
        // A plain object's past is its file's; a rendered one's is that of all files that its source is made of.
        let mut groups: BTreeMap<(String, Option<String>), Vec<Asked<'_>>> = BTreeMap::new();
        for one in asked {
            let origin = &one.desired.origin;
            let file = one.desired.document.is_some().then(|| origin.file.clone());
            groups.entry((origin.source.clone(), file)).or_default().push(*one);
        }
        let mainline = if groups.is_empty() { Vec::new() } else { self.mainline()? };
        for ((source, file), group) in groups {
            let Some(source) = self.opened.sources.iter().find(|known| known.path == source) else {
                continue;
            };
            let (narrowed, path) = match file {
                Some(file) => (Source { path: file.clone(), ..source.clone() }, file),
                None => (source.clone(), self.reach(source)?),
            };
            self.group((&narrowed, &path), &group, &mainline, &mut found)?;
        }
        Ok(found)
    }

    /// The folder of all files that a rendered source is made of: the one around the source and the files of its objects
    /// if that is enough to render it, else the whole repository (empty), for bases may lie anywhere.
    fn reach(&self, source: &Source) -> Result<String, JobError> {
        let of_source = self.desired.iter().filter(|object| object.origin.source == source.path);
        let files = of_source.clone().filter_map(|object| object.origin.file.rsplit_once('/'));
        let folder = files.fold(source.path.trim_end_matches("/.").to_owned(), |around, (folder, _)| {
            common_folder(&around, folder)
        });
        if folder.is_empty() || folder == "." {
            return Ok(String::new());
        }
        let place = (folder.as_str(), source);
        let rendered =
            objects_at(&self.opened.repository, &self.opened.commit, place, (self.served, self.tools))?;
        Ok(if rendered.len() >= of_source.count() { folder } else { String::new() })
    }

    fn group(
        &self,
        (source, path): (&Source, &str),
        asked: &[Asked<'_>],
        mainline: &[CommitId],
        found: &mut BTreeMap<ObjectKey, Vec<Older>>,
    ) -> Result<(), JobError> {
        let repository = &self.opened.repository;
        let tree_path = path;
        let commits = repository.commits_touching(&self.opened.commit, tree_path, COMMITS)?;
        let arrivals = commits.iter().map(|commit| self.arrived(commit, mainline));
        let arrivals = arrivals.collect::<Result<Vec<i64>, JobError>>()?;
        let mut versions = versions(&commits, &arrivals, self.opened.dirty);
        if commits.is_empty() && self.opened.dirty {
            // A file that no commit has: nobody can have applied it from one.
            versions.push(Version { commit: None, newer: None, superseded_at: i64::MAX });
        }
        if let (Some(first), Some(arrived)) = (commits.last(), arrivals.last())
            && commits.len() < COMMITS
            && !first.boundary
            && !tree_path.is_empty()
            && !is_root(repository, first)?
        {
            versions.push(Version { commit: None, newer: Some(first), superseded_at: *arrived });
        }
        let mut seen: BTreeSet<Option<String>> = BTreeSet::new();
        for version in versions {
            if !seen.insert(version.commit.and_then(|commit| commit.tree_id.clone())) {
                continue;
            }
            let older = match version.commit {
                Some(commit) if commit.tree_id.is_some() => self.rendered(commit, tree_path, source)?,
                _ => BTreeMap::new(),
            };
            let id = version.commit.map(|commit| commit.id.short()).unwrap_or_default();
            for one in asked {
                let key = one.desired.id.key();
                let before = older.get(&key);
                let schema = self.schemas.of(&one.desired.id.group, &one.desired.id.version);
                let live = one.live.unwrap_or(&Value::Null);
                let superseded = self.superseded(&version, one.applied)?;
                found.entry(key).or_default().push(Older::new(id, superseded, before, live, schema));
            }
        }
        Ok(())
    }

    /// When the version was superseded, and whether a root that says what it applied last has the newer one.
    fn superseded(&self, version: &Version<'_>, applied: Option<&str>) -> Result<Superseded, JobError> {
        let repository = &self.opened.repository;
        let newer_applied = match (version.newer, applied) {
            (Some(newer), Some(applied)) => match repository.resolve(applied)? {
                Some(applied) => Some(repository.is_ancestor(&newer.id, &applied)?),
                None => None,
            },
            _ => None,
        };
        Ok(Superseded {
            committed_at: version.newer.map_or(i64::MAX, |newer| newer.time),
            superseded_at: version.superseded_at,
            newer_applied,
        })
    }

    /// Of objects that nothing declares any more, those that an older version of a source declared: since when it does
    /// not, and that version's commit.
    pub(super) fn leftovers(&self, ids: &[ResourceId]) -> Result<BTreeMap<ObjectKey, Older>, JobError> {
        let mut found = BTreeMap::new();
        let mut wanted: BTreeSet<ObjectKey> = ids.iter().map(ResourceId::key).collect();
        if wanted.is_empty() {
            return Ok(found);
        }
        let mainline = self.mainline()?;
        for source in &self.opened.sources {
            let is_rendered =
                |object: &Desired| object.document.is_none() && object.origin.source == source.path;
            let path = match source.path.as_str() {
                "." => String::new(),
                _ if self.desired.iter().any(is_rendered) => self.reach(source)?,
                path => path.to_owned(),
            };
            let path = path.as_str();
            let commits =
                self.opened.repository.commits_touching(&self.opened.commit, path, LEFTOVER_VERSIONS)?;
            let arrivals = commits.iter().map(|commit| self.arrived(commit, &mainline));
            let arrivals = arrivals.collect::<Result<Vec<i64>, JobError>>()?;
            for version in versions(&commits, &arrivals, self.opened.dirty) {
                let Some(commit) = version.commit.filter(|commit| commit.tree_id.is_some()) else { continue };
                if wanted.is_empty() {
                    break;
                }
                let superseded = self.superseded(&version, None)?;
                let objects = self.rendered(commit, path, source)?;
                for key in objects.into_keys().filter(|key| wanted.remove(key)).collect::<Vec<_>>() {
                    let older =
                        Older::new(commit.id.short(), superseded, None, &Value::Null, Schema::built_in());
                    found.insert(key, older);
                }
            }
        }
        Ok(found)
    }

    /// The objects of one source at a commit. What cannot be rendered explains nothing.
    fn rendered(
        &self,
        commit: &CommitInfo,
        prefix: &str,
        source: &Source,
    ) -> Result<BTreeMap<ObjectKey, Desired>, JobError> {
        let at = |prefix| {
            let place = (prefix, source);
            objects_at(&self.opened.repository, &commit.id, place, (self.served, self.tools))
        };
        let mut objects = at(prefix)?;
        if objects.is_empty() && !prefix.is_empty() && prefix != source.path {
            // It was made of files from elsewhere, then.
            objects = at("")?;
        }
        Ok(objects.into_iter().map(|object| (object.id.key(), object)).collect())
    }
}

/// A version of a path before the one that was checked; without a commit: before there was any.
struct Version<'a> {
    commit: Option<&'a CommitInfo>,
    /// The commit that superseded it; `None`: the work tree.
    newer: Option<&'a CommitInfo>,
    superseded_at: i64,
}

/// The versions that another has superseded, newest first, by commits and when each reached the branch. Of a dirty work
/// tree the newest commit is one of them.
fn versions<'a>(commits: &'a [CommitInfo], arrivals: &[i64], dirty: bool) -> Vec<Version<'a>> {
    let newest = dirty.then(|| commits.first()).flatten();
    let newest = newest.map(|commit| Version { commit: Some(commit), newer: None, superseded_at: i64::MAX });
    let older = commits.windows(2).zip(arrivals).map(|(pair, arrived)| Version {
        commit: Some(&pair[1]),
        newer: Some(&pair[0]),
        superseded_at: *arrived,
    });
    newest.into_iter().chain(older).collect()
}

/// The folder around both; empty for the root.
fn common_folder(left: &str, right: &str) -> String {
    let same = left.split('/').zip(right.split('/')).take_while(|(left, right)| left == right);
    same.map(|(name, _)| name).collect::<Vec<_>>().join("/")
}

/// Whether the commit began the repository: what it holds may have been live long before.
fn is_root(repository: &Repository, commit: &CommitInfo) -> Result<bool, JobError> {
    let all = repository.commits_touching(&commit.id, "", 2)?;
    Ok(all.len() < 2)
}
