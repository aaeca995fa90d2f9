//! Older versions of sources, rendered: only of the files that they are made of, each once, and kept between runs.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeSet;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::super::CheckError;
use super::version_cache::{VersionCache, hex};
use super::versions::RenderedVersion;
use crate::checkout::{DEFAULT_NAMESPACE, export_paths};
use crate::config::Source;
use crate::git::{CommitId, Repository};
use crate::model::{ApiResources, ObjectKey};
use crate::source::{InputsReader, RenderRequest, SourceInputs, SourceKind, Tools, render};
use crate::threads::parallel_map;

/// The inputs of one version of a source.
pub(super) struct Recipe {
    commit: CommitId,
    source: Source,
    kind: SourceKind,
    /// Files and folders that it is made of.
    pub(super) paths: BTreeSet<String>,
    /// Hash of the content: equal hashes render the same.
    pub(super) content: String,
}

impl Recipe {
    /// Whether helm or kustomize renders it.
    pub(super) fn needs_tool(&self) -> bool {
        self.kind != SourceKind::Plain
    }

    pub(super) fn commit(&self) -> &CommitId {
        &self.commit
    }
}

/// Renders versions.
pub(super) struct Renderer<'a> {
    repository: &'a Repository,
    served: &'a ApiResources,
    tools: &'a Tools,
    cache: Option<VersionCache>,
    inputs_reader: RefCell<InputsReader>,
    /// What of the cluster a rendering may depend on.
    cluster: OnceCell<String>,
    /// How many were rendered by a program.
    rendered: Cell<usize>,
}

impl<'a> Renderer<'a> {
    pub(super) fn new(
        repository: &'a Repository,
        (served, tools): (&'a ApiResources, &'a Tools),
        cache: Option<&Path>,
    ) -> Self {
        Self {
            repository,
            served,
            tools,
            cache: cache.and_then(VersionCache::in_cache),
            inputs_reader: RefCell::default(),
            cluster: OnceCell::new(),
            rendered: Cell::new(0),
        }
    }

    /// What a source is made of at a commit.
    pub(super) fn resolve_inputs(
        &self,
        commit: &CommitId,
        source: &Source,
    ) -> Result<SourceInputs, CheckError> {
        Ok(self.inputs_reader.borrow_mut().read(self.repository, commit, source)?)
    }

    /// How to make the version of a source at a commit; `None` where it has nothing there.
    pub(super) fn build_recipe(
        &self,
        commit: &CommitId,
        source: &Source,
    ) -> Result<Option<Recipe>, CheckError> {
        let reach = self.resolve_inputs(commit, source)?;
        let Some(kind) = reach.kind else { return Ok(None) };
        let mut hash = Sha256::new();
        hash.update(format!("{kind:?}"));
        for (path, content) in reach.paths.iter().zip(self.repository.content_ids(commit, &reach.paths)?) {
            hash.update(format!("{path}\0{}\0", content.unwrap_or_default()));
        }
        let content = hex(&hash.finalize());
        let (commit, source, paths) = (commit.clone(), source.clone(), reach.paths);
        Ok(Some(Recipe { commit, source, kind, paths, content }))
    }

    /// What is kept of a version, if that has all that is `wanted`.
    pub(super) fn read_cached(
        &self,
        recipe: &Recipe,
        wanted: &BTreeSet<ObjectKey>,
    ) -> Option<RenderedVersion> {
        let kept = self.cache.as_ref().filter(|_| recipe.needs_tool())?.read(&self.key(recipe))?;
        kept.secret.is_disjoint(wanted).then_some(kept)
    }

    /// Renders versions in parallel; one that fails declares nothing.
    pub(super) fn render(&self, recipes: &[&Recipe]) -> Result<Vec<RenderedVersion>, CheckError> {
        let mut written = Vec::new();
        for recipe in recipes {
            let folder = export_paths(self.repository, &recipe.commit, &recipe.paths)?;
            // Before the threads: not every one asks for itself.
            let key = (self.cache.is_some() && recipe.needs_tool()).then(|| self.key(recipe));
            written.push((*recipe, folder, key));
            self.rendered.set(self.rendered.get() + usize::from(recipe.needs_tool()));
        }
        let (served, tools, kept) = (self.served, self.tools, &self.cache);
        Ok(parallel_map(&written, |(recipe, folder, key)| {
            let request = RenderRequest {
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
            RenderedVersion { objects, secret: BTreeSet::new() }
        }))
    }

    /// Removes what is too much or too old of what is kept.
    pub(super) fn evict_cache(&self) {
        if let Some(kept) = self.cache.as_ref().filter(|_| self.rendered.get() > 0) {
            // What cannot be removed is left to the next run.
            let _ = kept.evict_oldest();
        }
    }

    /// What a rendering depends on: its files, the source's options, the program, what the cluster serves, and drift.
    fn key(&self, recipe: &Recipe) -> String {
        let cluster = self.cluster.get_or_init(|| {
            let served = serde_json::to_vec(self.served).unwrap_or_default();
            hex(&Sha256::digest(served))
        });
        let Recipe { source, kind, content, .. } = recipe;
        let (version, tool) = (env!("CARGO_PKG_VERSION"), self.tools.describe(*kind));
        let all = format!("{version}\n{tool}\n{cluster}\n{DEFAULT_NAMESPACE}\n{source:?}\n{content}");
        hex(&Sha256::digest(all))
    }
}
