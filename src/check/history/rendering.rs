//! Older versions of sources, rendered: only of the files that they are made of, each once, and kept between runs.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::super::CheckError;
use super::kept::{Kept, hex};
use crate::checkout::{DEFAULT_NAMESPACE, export_paths};
use crate::config::Source;
use crate::git::{CommitId, Repository};
use crate::model::{Desired, ObjectKey, Served};
use crate::source::{Reach, Reaches, Request, SourceKind, Tools, render};
use crate::threads::side_by_side;

/// What a version of a source is made of.
pub(super) struct Recipe {
    commit: CommitId,
    source: Source,
    kind: SourceKind,
    /// Files and folders that it is made of.
    pub(super) paths: BTreeSet<String>,
    /// Of two recipes of one source with the same content the same comes.
    pub(super) content: String,
}

impl Recipe {
    /// Whether a program renders it.
    pub(super) fn needs_tool(&self) -> bool {
        self.kind != SourceKind::Plain
    }

    pub(super) fn commit(&self) -> &CommitId {
        &self.commit
    }
}

/// What a version declares.
#[derive(Default)]
pub(super) struct Declared {
    pub(super) objects: BTreeMap<ObjectKey, Desired>,
    /// Objects that it declares too, and whose content was not kept.
    pub(super) secret: BTreeSet<ObjectKey>,
}

/// Renders versions.
pub(super) struct Renderer<'a> {
    repository: &'a Repository,
    served: &'a Served,
    tools: &'a Tools,
    kept: Option<Kept>,
    reaches: RefCell<Reaches>,
    /// What of the cluster a rendering may depend on.
    cluster: OnceCell<String>,
    /// How many were rendered by a program.
    rendered: Cell<usize>,
}

impl<'a> Renderer<'a> {
    pub(super) fn new(
        repository: &'a Repository,
        (served, tools): (&'a Served, &'a Tools),
        cache: Option<&Path>,
    ) -> Self {
        Self {
            repository,
            served,
            tools,
            kept: cache.and_then(Kept::in_cache),
            reaches: RefCell::default(),
            cluster: OnceCell::new(),
            rendered: Cell::new(0),
        }
    }

    /// What a source is made of at a commit.
    pub(super) fn reach(&self, commit: &CommitId, source: &Source) -> Result<Reach, CheckError> {
        Ok(self.reaches.borrow_mut().of(self.repository, commit, source)?)
    }

    /// How to make the version of a source at a commit; `None` where it has nothing there.
    pub(super) fn recipe(&self, commit: &CommitId, source: &Source) -> Result<Option<Recipe>, CheckError> {
        let reach = self.reach(commit, source)?;
        let Some(kind) = reach.kind else { return Ok(None) };
        let mut hash = Sha256::new();
        hash.update(format!("{kind:?}"));
        for (path, content) in reach.paths.iter().zip(self.repository.contents(commit, &reach.paths)?) {
            hash.update(format!("{path}\0{}\0", content.unwrap_or_default()));
        }
        let content = hex(&hash.finalize());
        let (commit, source, paths) = (commit.clone(), source.clone(), reach.paths);
        Ok(Some(Recipe { commit, source, kind, paths, content }))
    }

    /// What is kept of a version, if that has all that is `wanted`.
    pub(super) fn kept(&self, recipe: &Recipe, wanted: &BTreeSet<ObjectKey>) -> Option<Declared> {
        let kept = self.kept.as_ref().filter(|_| recipe.needs_tool())?.read(&self.key(recipe))?;
        kept.secret.is_disjoint(wanted).then_some(kept)
    }

    /// Renders versions side by side; what cannot be rendered declares nothing.
    pub(super) fn render(&self, recipes: &[&Recipe]) -> Result<Vec<Declared>, CheckError> {
        let mut written = Vec::new();
        for recipe in recipes {
            let folder = export_paths(self.repository, &recipe.commit, &recipe.paths)?;
            // Before the threads: not every one asks for itself.
            let key = (self.kept.is_some() && recipe.needs_tool()).then(|| self.key(recipe));
            written.push((*recipe, folder, key));
            self.rendered.set(self.rendered.get() + usize::from(recipe.needs_tool()));
        }
        let (served, tools, kept) = (self.served, self.tools, &self.kept);
        Ok(side_by_side(&written, |(recipe, folder, key)| {
            let request = Request {
                tree: folder.path(),
                files: None,
                sources: std::slice::from_ref(&recipe.source),
                served,
                tools,
                default_namespace: DEFAULT_NAMESPACE,
            };
            let rendered = render(&request);
            let objects = rendered.objects.into_iter().map(|object| (object.id.key(), object)).collect();
            if let (Some(kept), Some(key), true) = (kept, key, rendered.incomplete.is_empty()) {
                // What cannot be kept is rendered again.
                let _ = kept.write(key, &objects);
            }
            Declared { objects, secret: BTreeSet::new() }
        }))
    }

    /// Removes what is too much or too old of what is kept.
    pub(super) fn tidy(&self) {
        if let Some(kept) = self.kept.as_ref().filter(|_| self.rendered.get() > 0) {
            // What cannot be removed is left to the next run.
            let _ = kept.tidy();
        }
    }

    /// What a rendering depends on: its files, the source's options, the program, what the cluster serves, and drift.
    fn key(&self, recipe: &Recipe) -> String {
        let cluster = self.cluster.get_or_init(|| {
            let served = serde_json::to_vec(self.served).unwrap_or_default();
            hex(&Sha256::digest(served))
        });
        let Recipe { source, kind, content, .. } = recipe;
        let (version, tool) = (env!("CARGO_PKG_VERSION"), self.tools.shown(*kind));
        let all = format!("{version}\n{tool}\n{cluster}\n{DEFAULT_NAMESPACE}\n{source:?}\n{content}");
        hex(&Sha256::digest(all))
    }
}
