//! What older commits declared of the objects that differ: rendered again, as far back as it may matter.

mod hints;
mod kept;
mod rendering;
mod versions;

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use super::JobError;
use super::schemas::Schemas;
use super::tree::Opened;
use crate::attribution::{Older, Superseded};
use crate::config::Source;
use crate::git::{CommitId, GitError, Line, Past};
use crate::model::{Desired, Difference, ObjectKey, ResourceId, Served};
use crate::schema::Schema;
use crate::source::Tools;
use crate::text::count;
use rendering::{Declared, Recipe, Renderer};
use versions::{Version, versions};

/// Commits touching a source that are looked at (issue 3: the last 50).
const COMMITS: usize = 50;
/// Versions of a source in which objects are looked for that nothing declares any more.
const LEFTOVER_VERSIONS: usize = 20;
/// Versions that helm and kustomize render in one run: each takes them a twentieth of a second, or several. The next run
/// goes on from those that are kept.
const MOST_BY_TOOLS: usize = 300;
/// The same for objects that nothing declares any more.
const MOST_LEFTOVER_BY_TOOLS: usize = 150;
/// Versions of plain files that are read in one run.
const MOST_OF_FILES: usize = 20_000;
/// Versions that are rendered before it is asked again which are needed.
const AT_ONCE: usize = 8;
/// Versions that are held in memory at the same time.
const HELD: usize = 64;

/// The past of the objects that differ.
pub(super) struct History<'a> {
    opened: &'a Opened,
    schemas: &'a Schemas,
    renderer: Renderer<'a>,
    past: OnceCell<Past<'a>>,
    /// The commits that roots say they applied last, by what they say.
    applied: RefCell<BTreeMap<String, Option<CommitId>>>,
    /// Whether every version is compared, whether the verdict needs it or not.
    pub(super) thorough: bool,
    /// Sources whose older versions were not all looked at, with how many were.
    cut: RefCell<BTreeMap<String, usize>>,
    left_by_tools: Cell<usize>,
    left_of_files: Cell<usize>,
}

/// An object whose past is asked for.
pub(super) struct Asked<'a> {
    pub(super) desired: &'a Desired,
    /// The live object, and the differences that older versions may explain; `None` where it is missing.
    pub(super) live: Option<(&'a Value, Vec<Difference>)>,
    /// The commit that the object's root last applied, as its status says.
    pub(super) applied: Option<&'a str>,
}

impl Asked<'_> {
    /// Whether no further version can change the verdict: the newest one counts that explains a difference.
    fn is_settled(&self, older: &[Older]) -> bool {
        match &self.live {
            None => older.iter().any(|older| older.differs_at.is_none()),
            Some((_, differences)) => {
                differences.iter().all(|difference| older.iter().any(|older| older.explains(difference)))
            }
        }
    }
}

/// One source, or one file of a plain source, on its way back.
struct Search<'s, 'a> {
    source: Source,
    asked: Vec<&'s Asked<'a>>,
    keys: BTreeSet<ObjectKey>,
    versions: Vec<(Version, Option<Recipe>)>,
    /// There are older versions than these.
    more: bool,
    next: usize,
    settled: bool,
}

impl<'a> History<'a> {
    /// `cache` is a folder that outlives the run.
    pub(super) fn new(
        opened: &'a Opened,
        (served, tools): (&'a Served, &'a Tools),
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
            cut: RefCell::default(),
            left_by_tools: Cell::new(MOST_BY_TOOLS),
            left_of_files: Cell::new(MOST_OF_FILES),
        }
    }

    fn past(&self) -> Result<&Past<'a>, JobError> {
        if let Some(past) = self.past.get() {
            return Ok(past);
        }
        let past = self.opened.repository.past(&self.opened.commit)?;
        Ok(self.past.get_or_init(|| past))
    }

    /// For each object its older versions, newest first: as declared before the tree that was checked, as far back as the
    /// verdict may depend on them.
    pub(super) fn of(&self, asked: &[Asked<'_>]) -> Result<BTreeMap<ObjectKey, Vec<Older>>, JobError> {
        let mut found: BTreeMap<ObjectKey, Vec<Older>> = BTreeMap::new();
        // A plain object's past is its file's; a rendered one's is that of all files that its source is made of.
        let mut groups: BTreeMap<(&str, Option<&str>), Vec<&Asked<'_>>> = BTreeMap::new();
        for one in asked {
            let origin = &one.desired.origin;
            let file = one.desired.document.is_some().then_some(origin.file.as_str());
            groups.entry((&origin.source, file)).or_default().push(one);
        }
        let mut searches = Vec::new();
        for ((path, file), asked) in groups {
            let source = self.opened.sources.iter().find(|known| known.path == path);
            let narrowed =
                |source: &Source| Source { path: file.unwrap_or(path).to_owned(), ..source.clone() };
            searches.extend(source.map(|source| (narrowed(source), asked)));
        }
        if searches.is_empty() {
            return Ok(found);
        }
        let lines = self.lines(searches.iter().map(|(source, _)| source), COMMITS)?;
        let mut searches = searches
            .into_iter()
            .zip(lines)
            .map(|((source, asked), line)| self.search(source, asked, &line))
            .collect::<Result<Vec<_>, JobError>>()?;
        let needed = searches.iter().map(|search| search.versions.len()).sum::<usize>();
        if needed > self.left_by_tools.get() {
            // Not all may be rendered: where an older version is likely to explain something, it is looked at first.
            let likely = searches.iter().map(|search| self.likely(search)).collect::<Result<Vec<_>, _>>()?;
            self.go_back(&mut searches, &likely, &mut found)?;
        }
        let all: Vec<usize> = searches.iter().map(|search| search.versions.len()).collect();
        self.go_back(&mut searches, &all, &mut found)?;
        let is_complete = self.past()?.is_complete();
        for search in searches.iter().filter(|search| !search.settled) {
            if search.next < search.versions.len() || search.more || !is_complete {
                self.cut.borrow_mut().insert(search.source.path.clone(), search.next);
            }
        }
        self.renderer.tidy();
        Ok(found)
    }

    /// The commits that touched what each source was made of, then.
    fn lines<'s>(
        &self,
        sources: impl Iterator<Item = &'s Source>,
        limit: usize,
    ) -> Result<Vec<Line>, JobError> {
        let sources: Vec<&Source> = sources.collect();
        let reach = |commit: &CommitId, source: &Source| {
            Ok::<_, JobError>(self.renderer.reach(commit, source)?.paths)
        };
        let now = sources.iter().map(|source| reach(&self.opened.commit, source));
        let now = now.collect::<Result<Vec<_>, JobError>>()?;
        let mut further = |line: usize, commit: &CommitId| match reach(commit, sources[line]) {
            Err(JobError::Git(error)) => Err(error),
            Err(other) => Err(GitError::Failed {
                doing: "read what a source was made of".to_owned(),
                path: self.opened.repository.path().to_owned(),
                why: other.to_string(),
            }),
            Ok(paths) => Ok(paths),
        };
        Ok(self.past()?.touching(&now, limit, &mut further)?)
    }

    /// The versions of a source that differ from one another.
    fn search<'s, 'q>(
        &self,
        source: Source,
        asked: Vec<&'s Asked<'q>>,
        line: &Line,
    ) -> Result<Search<'s, 'q>, JobError> {
        let mut seen: BTreeSet<Option<String>> = BTreeSet::new();
        let mut different = Vec::new();
        for version in versions(line, self.opened.dirty, self.past()?, source.path != ".") {
            let recipe = match &version.commit {
                Some(commit) => self.renderer.recipe(&commit.id, &source)?,
                None => None,
            };
            if seen.insert(recipe.as_ref().map(|recipe| recipe.content.clone())) {
                different.push((version, recipe));
            }
        }
        let keys = asked.iter().map(|one| one.desired.id.key()).collect();
        Ok(Search { source, asked, keys, versions: different, more: line.more, next: 0, settled: false })
    }

    /// How many versions to look at so that all are among them that may explain something.
    fn likely(&self, search: &Search<'_, '_>) -> Result<usize, JobError> {
        let wanted: Vec<hints::Hint> = search.asked.iter().flat_map(|asked| hints::of(asked)).collect();
        let mut until = 0;
        for (at, (_, recipe)) in search.versions.iter().enumerate() {
            let Some(recipe) = recipe.as_ref().filter(|recipe| recipe.needs_tool()) else {
                until = at + 1;
                continue;
            };
            let mut files = Vec::new();
            for path in &recipe.paths {
                files.extend(self.opened.repository.read_all(recipe.commit(), path)?);
            }
            if wanted.iter().any(|hint| hint.is_in(files.iter().map(|(_, bytes)| bytes.as_slice()))) {
                until = at + 1;
            }
        }
        Ok(until)
    }

    /// Looks at the versions of all searches side by side, the newest of each first, each search until it is settled or
    /// has come as far as it is to go.
    fn go_back(
        &self,
        searches: &mut [Search<'_, '_>],
        until: &[usize],
        found: &mut BTreeMap<ObjectKey, Vec<Older>>,
    ) -> Result<(), JobError> {
        loop {
            let goes_on =
                |(at, search): &(usize, &Search<'_, '_>)| !search.settled && search.next < until[*at];
            let active: Vec<usize> = searches.iter().enumerate().filter(goes_on).map(|(at, _)| at).collect();
            let each = (AT_ONCE / active.len().max(1)).max(1);
            let mut chosen = Vec::new();
            for at in active {
                let search = &searches[at];
                let end = until[at].min(search.next + each);
                for version in search.next..end {
                    let Some(way) = self.way(search, version) else { break };
                    chosen.push((at, version, way));
                }
            }
            if chosen.is_empty() {
                return Ok(());
            }
            let mut chosen = chosen.into_iter();
            loop {
                let part: Vec<(usize, usize, Way)> = chosen.by_ref().take(HELD).collect();
                if part.is_empty() {
                    break;
                }
                self.look(searches, part, found)?;
            }
        }
    }

    /// How to know what a version declares; `None` where no more may be rendered.
    fn way(&self, search: &Search<'_, '_>, version: usize) -> Option<Way> {
        let Some(recipe) = &search.versions[version].1 else { return Some(Way::Known(Declared::default())) };
        if let Some(kept) = self.renderer.kept(recipe, &search.keys) {
            return Some(Way::Known(kept));
        }
        let left = if recipe.needs_tool() { &self.left_by_tools } else { &self.left_of_files };
        left.set(left.get().checked_sub(1)?);
        Some(Way::Render)
    }

    fn look(
        &self,
        searches: &mut [Search<'_, '_>],
        chosen: Vec<(usize, usize, Way)>,
        found: &mut BTreeMap<ObjectKey, Vec<Older>>,
    ) -> Result<(), JobError> {
        let unknown = chosen.iter().filter(|(.., way)| matches!(way, Way::Render));
        let recipes: Vec<&Recipe> =
            unknown.filter_map(|(at, version, _)| searches[*at].versions[*version].1.as_ref()).collect();
        let mut rendered = self.renderer.render(&recipes)?.into_iter();
        for (at, version, way) in chosen {
            let declared = match way {
                Way::Known(declared) => declared,
                Way::Render => rendered.next().unwrap_or_default(),
            };
            let search = &mut searches[at];
            if search.settled {
                continue;
            }
            search.next = version + 1;
            self.compare(search, version, &declared, found)?;
            let older = |one: &Asked<'_>| found.get(&one.desired.id.key()).map(Vec::as_slice);
            search.settled = !self.thorough
                && search.asked.iter().all(|one| one.is_settled(older(one).unwrap_or_default()));
        }
        Ok(())
    }

    fn compare(
        &self,
        search: &Search<'_, '_>,
        version: usize,
        declared: &Declared,
        found: &mut BTreeMap<ObjectKey, Vec<Older>>,
    ) -> Result<(), JobError> {
        let (version, _) = &search.versions[version];
        let id = version.commit.as_ref().map(|commit| commit.id.short()).unwrap_or_default();
        for one in &search.asked {
            let key = one.desired.id.key();
            let before = declared.objects.get(&key);
            let schema = self.schemas.of(&one.desired.id.group, &one.desired.id.version);
            let live = one.live.as_ref().map_or(&Value::Null, |(live, _)| live);
            let superseded = self.superseded(version, one.applied)?;
            found.entry(key).or_default().push(Older::new(id, superseded, before, live, schema));
        }
        Ok(())
    }

    /// When the version was superseded, and whether a root that says what it applied last has the newer one.
    fn superseded(&self, version: &Version, applied: Option<&str>) -> Result<Superseded, JobError> {
        let newer_applied = match (&version.newer, applied) {
            (Some(newer), Some(applied)) => match self.applied(applied)? {
                Some(applied) => Some(self.past()?.holds(&applied, &newer.id)?),
                None => None,
            },
            _ => None,
        };
        Ok(Superseded {
            committed_at: version.newer.as_ref().map_or(i64::MAX, |newer| newer.time),
            superseded_at: version.superseded_at,
            newer_applied,
        })
    }

    fn applied(&self, revision: &str) -> Result<Option<CommitId>, JobError> {
        if let Some(known) = self.applied.borrow().get(revision) {
            return Ok(known.clone());
        }
        let commit = self.opened.repository.resolve(revision)?;
        self.applied.borrow_mut().insert(revision.to_owned(), commit.clone());
        Ok(commit)
    }

    /// Of objects that nothing declares any more, those that an older version of a source declared: since when it does
    /// not, and that version's commit.
    pub(super) fn leftovers(&self, ids: &[ResourceId]) -> Result<BTreeMap<ObjectKey, Older>, JobError> {
        let mut found = BTreeMap::new();
        let mut wanted: BTreeSet<ObjectKey> = ids.iter().map(ResourceId::key).collect();
        if wanted.is_empty() {
            return Ok(found);
        }
        self.left_by_tools.set(MOST_LEFTOVER_BY_TOOLS);
        let lines = self.lines(self.opened.sources.iter(), LEFTOVER_VERSIONS)?;
        for (source, line) in self.opened.sources.iter().zip(&lines) {
            let mut search = self.search(source.clone(), Vec::new(), line)?;
            search.versions.retain(|(_, recipe)| recipe.is_some());
            while search.next < search.versions.len() && !wanted.is_empty() {
                let end = search.versions.len().min(search.next + AT_ONCE);
                let ways = (search.next..end).map_while(|at| Some((at, self.way(&search, at)?)));
                let ways: Vec<(usize, Way)> = ways.collect();
                if ways.is_empty() {
                    self.cut.borrow_mut().insert(source.path.clone(), search.next);
                    break;
                }
                search.next += ways.len();
                self.take(&search, ways, &mut wanted, &mut found)?;
            }
        }
        self.renderer.tidy();
        Ok(found)
    }

    fn take(
        &self,
        search: &Search<'_, '_>,
        ways: Vec<(usize, Way)>,
        wanted: &mut BTreeSet<ObjectKey>,
        found: &mut BTreeMap<ObjectKey, Older>,
    ) -> Result<(), JobError> {
        let unknown = ways.iter().filter(|(_, way)| matches!(way, Way::Render));
        let recipes: Vec<&Recipe> =
            unknown.filter_map(|(version, _)| search.versions[*version].1.as_ref()).collect();
        let mut rendered = self.renderer.render(&recipes)?.into_iter();
        for (version, way) in ways {
            let declared = match way {
                Way::Known(declared) => declared,
                Way::Render => rendered.next().unwrap_or_default(),
            };
            let (version, _) = &search.versions[version];
            let Some(commit) = &version.commit else { continue };
            let superseded = self.superseded(version, None)?;
            let keys = declared.objects.into_keys().chain(declared.secret);
            for key in keys.filter(|key| wanted.remove(key)).collect::<Vec<_>>() {
                let older = Older::new(commit.id.short(), superseded, None, &Value::Null, Schema::built_in());
                found.insert(key, older);
            }
        }
        Ok(())
    }

    /// What of the history was not looked at, for a person to know.
    pub(super) fn warnings(&self) -> Vec<String> {
        const NAMED: usize = 3;
        let cut = self.cut.borrow();
        if cut.is_empty() {
            return Vec::new();
        }
        let named = cut.iter().take(NAMED).map(|(path, looked)| format!("{path} ({looked})"));
        let named = named.collect::<Vec<_>>().join(", ");
        let more = match cut.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let sources = count(cut.len(), "source");
        vec![format!(
            "of {sources} only so many older versions were compared with live: {named}{more}; a value that only one \
             before them declared is not told from any other"
        )]
    }
}

/// How it comes to be known what a version declares.
enum Way {
    Known(Declared),
    Render,
}
