//! Renders older commits to find what they declared of the objects that differ, as far back as a verdict needs it.

mod hints;
mod query;
mod rendering;
mod version_cache;
mod versions;

pub(super) use query::HistoryQuery;

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;
use tracing::field::Empty;
use tracing::info_span;

use super::CheckError;
use super::schemas::Schemas;
use crate::attribution::{PastVersion, Supersession};
use crate::checkout::{Checkout, CheckoutError};
use crate::config::Source;
use crate::git::{Ancestry, CommitId, GitError, PathHistory};
use crate::model::{ApiResources, ObjectKey, ResourceId};
use crate::schema::Schema;
use crate::source::Tools;
use crate::text::pluralize;
use rendering::{Recipe, Renderer};
use versions::{RenderedVersion, SourceVersion, superseded_versions};

/// Most commits examined per source (issue 3: the last 50).
const MAX_COMMITS: usize = 50;
/// Most versions of a source that are searched for leftover objects.
const LEFTOVER_VERSIONS: usize = 20;
/// Versions that helm and kustomize render in one run: each takes them a tenth of a second, or more. The next run
/// goes on from those that are kept.
const MOST_BY_TOOLS: usize = 200;
/// The same for objects that nothing declares any more.
const MOST_LEFTOVER_BY_TOOLS: usize = 100;
/// Versions of plain files that are read in one run.
const MOST_OF_FILES: usize = 20_000;
/// Versions rendered between two checks of which are still needed.
const AT_ONCE: usize = 8;
/// Most versions in memory at the same time.
const MAX_IN_MEMORY: usize = 64;

/// The past of the objects that differ.
pub(super) struct History<'a> {
    opened: &'a Checkout,
    schemas: &'a Schemas,
    renderer: Renderer<'a>,
    past: OnceCell<Ancestry<'a>>,
    /// The commits that roots say they applied last, by what they say.
    applied: RefCell<BTreeMap<String, Option<CommitId>>>,
    /// Whether every version is compared, whether the verdict needs it or not.
    pub(super) thorough: bool,
    /// Sources whose older versions were not all examined, with how many were.
    truncated: RefCell<BTreeMap<String, usize>>,
    left_by_tools: Cell<usize>,
    left_of_files: Cell<usize>,
}

/// One source, or one file of a plain source, on its way back.
struct Search<'s, 'a> {
    source: Source,
    queries: Vec<&'s HistoryQuery<'a>>,
    keys: BTreeSet<ObjectKey>,
    versions: Vec<(SourceVersion, Option<Recipe>)>,
    /// There are older versions than these.
    more: bool,
    /// The examined versions, with each queried object as it was declared there.
    examined: BTreeMap<usize, Vec<PastVersion>>,
}

impl Search<'_, '_> {
    /// Whether the examined versions explain everything; the others may still have a newer explanation.
    fn is_explained(&self) -> bool {
        self.is_settled_by(self.versions.len())
    }

    /// Whether no other version can change a verdict: what explains it is newer than all that was not looked at.
    fn is_settled(&self) -> bool {
        let whole = self.examined.keys().enumerate().take_while(|(at, version)| at == *version).count();
        self.is_settled_by(whole)
    }

    fn is_settled_by(&self, versions: usize) -> bool {
        self.queries.iter().enumerate().all(|(at, one)| {
            let older: Vec<&PastVersion> =
                self.examined.range(..versions).filter_map(|(_, older)| older.get(at)).collect();
            one.is_settled(&older)
        })
    }
}

impl<'a> History<'a> {
    /// `cache` is a folder that outlives the run.
    pub(super) fn new(
        opened: &'a Checkout,
        (served, tools): (&'a ApiResources, &'a Tools),
        schemas: &'a Schemas,
        cache: Option<&Path>,
    ) -> Self {
        Self {
            opened,
            schemas,
            renderer: Renderer::new(&opened.repository, (served, tools), cache),
            past: OnceCell::new(),
            applied: RefCell::default(),
            thorough: false,
            truncated: RefCell::default(),
            left_by_tools: Cell::new(MOST_BY_TOOLS),
            left_of_files: Cell::new(MOST_OF_FILES),
        }
    }

    fn past(&self) -> Result<&Ancestry<'a>, CheckError> {
        if let Some(past) = self.past.get() {
            return Ok(past);
        }
        let past = self.opened.repository.read_ancestry(&self.opened.commit)?;
        Ok(self.past.get_or_init(|| past))
    }

    /// For each object its older versions, newest first: as declared before the tree that was checked, as far back as the
    /// verdict may depend on them.
    pub(super) fn find_older_versions(
        &self,
        asked: &[HistoryQuery<'_>],
    ) -> Result<BTreeMap<ObjectKey, Vec<PastVersion>>, CheckError> {
        let searches = self.group_by_source(asked);
        if searches.is_empty() {
            return Ok(BTreeMap::new());
        }
        let stage = info_span!("history", objects = asked.len(), commits = Empty, versions = Empty);
        let lines = self.commit_lines(searches.iter().map(|(source, _)| source), MAX_COMMITS)?;
        stage.record("commits", lines.iter().map(|line| line.commits.len()).sum::<usize>());
        let mut searches = searches
            .into_iter()
            .zip(lines)
            .map(|((source, asked), line)| self.build_search(source, asked, &line))
            .collect::<Result<Vec<_>, CheckError>>()?;
        let recipes =
            searches.iter().flat_map(|search| &search.versions).filter_map(|(_, recipe)| recipe.as_ref());
        if recipes.filter(|recipe| recipe.needs_tool()).count() > self.left_by_tools.get() {
            // Not all may be rendered: those come first that are likely to explain something.
            let likely =
                searches.iter().map(|search| self.likely_versions(search)).collect::<Result<Vec<_>, _>>()?;
            self.search_back(&mut searches, &likely, |search| search.is_explained())?;
        }
        let all: Vec<Vec<usize>> =
            searches.iter().map(|search| (0..search.versions.len()).collect()).collect();
        self.search_back(&mut searches, &all, |search| search.is_settled())?;
        let is_complete = self.past()?.is_complete();
        stage.record("versions", searches.iter().map(|search| search.examined.len()).sum::<usize>());
        let mut found: BTreeMap<ObjectKey, Vec<PastVersion>> = BTreeMap::new();
        for search in searches {
            let is_all = search.examined.len() == search.versions.len() && !search.more && is_complete;
            if !is_all && !search.is_settled() {
                self.truncated.borrow_mut().insert(search.source.path.clone(), search.examined.len());
            }
            for looked in search.examined.into_values() {
                for (one, older) in search.queries.iter().zip(looked) {
                    found.entry(one.desired.id.key()).or_default().push(older);
                }
            }
        }
        self.renderer.evict_cache();
        Ok(found)
    }

    /// What is asked of each source: a plain object's past is its file's, a rendered one's is that of all files that its
    /// source is made of.
    fn group_by_source<'q>(&self, asked: &'q [HistoryQuery<'q>]) -> Vec<(Source, Vec<&'q HistoryQuery<'q>>)> {
        type Group<'g> = (&'g str, Option<&'g ResourceId>, Option<&'g str>);
        let mut groups: BTreeMap<Group<'_>, Vec<&HistoryQuery<'_>>> = BTreeMap::new();
        for one in asked {
            let origin = &one.desired.origin;
            let file = one.desired.provenance.is_document().then_some(origin.file.as_str());
            groups.entry((&origin.source, origin.root.as_deref(), file)).or_default().push(one);
        }
        let of_source = |((path, root, file), asked): (Group<'_>, _)| {
            let is_it = |known: &&Source| known.path == path && known.root_object() == root;
            let source = self.opened.sources.iter().find(is_it)?;
            Some((Source { path: file.unwrap_or(path).to_owned(), ..source.clone() }, asked))
        };
        groups.into_iter().filter_map(of_source).collect()
    }

    /// The commits that touched what each source was made of, then.
    fn commit_lines<'s>(
        &self,
        sources: impl Iterator<Item = &'s Source>,
        limit: usize,
    ) -> Result<Vec<PathHistory>, CheckError> {
        let sources: Vec<&Source> = sources.collect();
        let reach = |commit: &CommitId, source: &Source| {
            Ok::<_, CheckError>(self.renderer.resolve_inputs(commit, source)?.paths)
        };
        let now = sources.iter().map(|source| reach(&self.opened.commit, source));
        let now = now.collect::<Result<Vec<_>, CheckError>>()?;
        let mut further = |line: usize, commit: &CommitId| match reach(commit, sources[line]) {
            Err(CheckError::Checkout(CheckoutError::Git(error))) => Err(error),
            Err(other) => Err(GitError::Failed {
                doing: "read what a source was made of".to_owned(),
                path: self.opened.repository.path().to_owned(),
                why: other.to_string(),
            }),
            Ok(paths) => Ok(paths),
        };
        Ok(self.past()?.find_touching(&now, limit, &mut further)?)
    }

    /// The versions of a source that differ from one another.
    fn build_search<'s, 'q>(
        &self,
        source: Source,
        asked: Vec<&'s HistoryQuery<'q>>,
        line: &PathHistory,
    ) -> Result<Search<'s, 'q>, CheckError> {
        let mut seen: BTreeSet<Option<String>> = BTreeSet::new();
        let mut different = Vec::new();
        for version in superseded_versions(line, self.opened.dirty, self.past()?, source.path != ".") {
            let recipe = match &version.commit {
                Some(commit) => self.renderer.build_recipe(&commit.id, &source)?,
                None => None,
            };
            if seen.insert(recipe.as_ref().map(|recipe| recipe.content.clone())) {
                different.push((version, recipe));
            }
        }
        let keys = asked.iter().map(|one| one.desired.id.key()).collect();
        Ok(Search {
            source,
            queries: asked,
            keys,
            versions: different,
            more: line.more,
            examined: BTreeMap::new(),
        })
    }

    /// The versions that may explain something, by their texts.
    fn likely_versions(&self, search: &Search<'_, '_>) -> Result<Vec<usize>, CheckError> {
        let wanted: Vec<hints::TextHint> =
            search.queries.iter().flat_map(|asked| hints::text_hints(asked)).collect();
        let mut likely = Vec::new();
        for (at, (_, recipe)) in search.versions.iter().enumerate() {
            let mut files = Vec::new();
            if let Some(recipe) = recipe.as_ref().filter(|recipe| recipe.needs_tool()) {
                for path in &recipe.paths {
                    files.extend(self.opened.repository.read_all(recipe.commit(), path)?);
                }
                let is_in =
                    |hint: &hints::TextHint| hint.matches(files.iter().map(|(_, bytes)| bytes.as_slice()));
                if !wanted.iter().any(is_in) {
                    continue;
                }
            }
            likely.push(at);
        }
        Ok(likely)
    }

    /// Examines versions of all searches in parallel, each in its order, until it has `ended` or no more
    /// may be rendered.
    fn search_back(
        &self,
        searches: &mut [Search<'_, '_>],
        order: &[Vec<usize>],
        ended: fn(&Search<'_, '_>) -> bool,
    ) -> Result<(), CheckError> {
        loop {
            let mut chosen = self.chosen(searches, order, ended).into_iter();
            if chosen.len() == 0 {
                return Ok(());
            }
            while chosen.len() > 0 {
                self.examine(searches, chosen.by_ref().take(MAX_IN_MEMORY).collect())?;
            }
        }
    }

    /// The versions to examine next: one of each unfinished search, or more if few are unfinished.
    fn chosen(
        &self,
        searches: &[Search<'_, '_>],
        order: &[Vec<usize>],
        ended: fn(&Search<'_, '_>) -> bool,
    ) -> Vec<(usize, usize, VersionContent)> {
        let going_on = searches.iter().zip(order).enumerate();
        let going_on = going_on.filter(|(_, (search, _))| self.thorough || !ended(search));
        let rest: Vec<(usize, Vec<usize>)> = going_on
            .map(|(at, (search, order))| {
                let rest = order.iter().filter(|version| !search.examined.contains_key(version));
                (at, rest.take(AT_ONCE).copied().collect::<Vec<_>>())
            })
            .filter(|(_, rest)| !rest.is_empty())
            .collect();
        let each = (AT_ONCE / rest.len().max(1)).max(1);
        let ways = rest.into_iter().flat_map(|(at, rest)| {
            let way = move |version| Some((at, version, self.rendering_for(&searches[at], version)?));
            rest.into_iter().take(each).map_while(way)
        });
        ways.collect()
    }

    /// How to know what a version declares; `None` where no more may be rendered.
    fn rendering_for(&self, search: &Search<'_, '_>, version: usize) -> Option<VersionContent> {
        let Some(recipe) = &search.versions[version].1 else {
            return Some(VersionContent::Known(RenderedVersion::default()));
        };
        if let Some(kept) = self.renderer.read_cached(recipe, &search.keys) {
            return Some(VersionContent::Known(kept));
        }
        let left = if recipe.needs_tool() { &self.left_by_tools } else { &self.left_of_files };
        left.set(left.get().checked_sub(1)?);
        Some(VersionContent::Render)
    }

    fn examine(
        &self,
        searches: &mut [Search<'_, '_>],
        chosen: Vec<(usize, usize, VersionContent)>,
    ) -> Result<(), CheckError> {
        let unknown = chosen.iter().filter(|(.., way)| matches!(way, VersionContent::Render));
        let recipes: Vec<&Recipe> =
            unknown.filter_map(|(at, version, _)| searches[*at].versions[*version].1.as_ref()).collect();
        let mut rendered = self.renderer.render(&recipes)?.into_iter();
        for (at, version, way) in chosen {
            let declared = match way {
                VersionContent::Known(declared) => declared,
                VersionContent::Render => rendered.next().unwrap_or_default(),
            };
            let older = self.compare(&searches[at], version, &declared)?;
            searches[at].examined.insert(version, older);
        }
        Ok(())
    }

    fn compare(
        &self,
        search: &Search<'_, '_>,
        version: usize,
        declared: &RenderedVersion,
    ) -> Result<Vec<PastVersion>, CheckError> {
        let (version, _) = &search.versions[version];
        let id = version.commit.as_ref().map(|commit| commit.id.short()).unwrap_or_default();
        let older = |one: &&HistoryQuery<'_>| {
            let before = declared.objects.get(&one.desired.id.key());
            let schema = self.schemas.for_version(&one.desired.id.group, &one.desired.id.version);
            let live = one.live.as_ref().map_or(&Value::Null, |(live, _)| live);
            Ok(PastVersion::new(id, self.superseded(version, one.applied)?, before, live, schema))
        };
        search.queries.iter().map(older).collect()
    }

    /// When the version was superseded, and whether a root that says what it applied last has the newer one.
    fn superseded(&self, version: &SourceVersion, applied: Option<&str>) -> Result<Supersession, CheckError> {
        let newer_applied = match (&version.newer, applied) {
            (Some(newer), Some(applied)) => match self.applied(applied)? {
                Some(applied) => Some(self.past()?.contains_ancestor(&applied, &newer.id)?),
                None => None,
            },
            _ => None,
        };
        Ok(Supersession {
            committed_at: version.newer.as_ref().map_or(i64::MAX, |newer| newer.time),
            superseded_at: version.superseded_at,
            newer_applied,
        })
    }

    fn applied(&self, revision: &str) -> Result<Option<CommitId>, CheckError> {
        if let Some(known) = self.applied.borrow().get(revision) {
            return Ok(known.clone());
        }
        let commit = self.opened.repository.resolve(revision)?;
        self.applied.borrow_mut().insert(revision.to_owned(), commit.clone());
        Ok(commit)
    }

    /// Of objects that nothing declares any more, those that an older version of a source declared: since when it does
    /// not, and that version's commit.
    pub(super) fn find_leftovers(
        &self,
        ids: &[ResourceId],
    ) -> Result<BTreeMap<ObjectKey, PastVersion>, CheckError> {
        let mut found = BTreeMap::new();
        let mut wanted: BTreeSet<ObjectKey> = ids.iter().map(ResourceId::key).collect();
        if wanted.is_empty() {
            return Ok(found);
        }
        self.left_by_tools.set(MOST_LEFTOVER_BY_TOOLS);
        let lines = self.commit_lines(self.opened.sources.iter(), LEFTOVER_VERSIONS)?;
        for (source, line) in self.opened.sources.iter().zip(&lines) {
            let mut search = self.build_search(source.clone(), Vec::new(), line)?;
            search.versions.retain(|(_, recipe)| recipe.is_some());
            let mut next = 0;
            while next < search.versions.len() && !wanted.is_empty() {
                let end = search.versions.len().min(next + AT_ONCE);
                let ways = (next..end).map_while(|at| Some((at, self.rendering_for(&search, at)?)));
                let ways: Vec<(usize, VersionContent)> = ways.collect();
                if ways.is_empty() {
                    self.truncated.borrow_mut().insert(source.path.clone(), next);
                    break;
                }
                next += ways.len();
                self.take(&search, ways, &mut wanted, &mut found)?;
            }
        }
        self.renderer.evict_cache();
        Ok(found)
    }

    fn take(
        &self,
        search: &Search<'_, '_>,
        ways: Vec<(usize, VersionContent)>,
        wanted: &mut BTreeSet<ObjectKey>,
        found: &mut BTreeMap<ObjectKey, PastVersion>,
    ) -> Result<(), CheckError> {
        let unknown = ways.iter().filter(|(_, way)| matches!(way, VersionContent::Render));
        let recipes: Vec<&Recipe> =
            unknown.filter_map(|(version, _)| search.versions[*version].1.as_ref()).collect();
        let mut rendered = self.renderer.render(&recipes)?.into_iter();
        for (version, way) in ways {
            let declared = match way {
                VersionContent::Known(declared) => declared,
                VersionContent::Render => rendered.next().unwrap_or_default(),
            };
            let (version, _) = &search.versions[version];
            let Some(commit) = &version.commit else { continue };
            let superseded = self.superseded(version, None)?;
            let keys = declared.objects.into_keys().chain(declared.secret);
            for key in keys.filter(|key| wanted.remove(key)).collect::<Vec<_>>() {
                let older =
                    PastVersion::new(commit.id.short(), superseded, None, &Value::Null, Schema::built_in());
                found.insert(key, older);
            }
        }
        Ok(())
    }

    /// Warnings about history that was not examined.
    pub(super) fn warnings(&self) -> Vec<String> {
        const NAMED: usize = 3;
        let cut = self.truncated.borrow();
        if cut.is_empty() {
            return Vec::new();
        }
        let named = cut.iter().take(NAMED).map(|(path, looked)| format!("{path} ({looked})"));
        let named = named.collect::<Vec<_>>().join(", ");
        let more = match cut.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let sources = pluralize(cut.len(), "source");
        vec![format!(
            "of {sources} only so many older versions were compared with live: {named}{more}; what the others \
             declared is not known"
        )]
    }
}

/// How it comes to be known what a version declares.
enum VersionContent {
    Known(RenderedVersion),
    Render,
}
