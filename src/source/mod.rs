//! One tree on disk rendered to desired objects with their origins. The only place that runs helm and kustomize.
//!
//! A source is plain, a Kustomize root or a Helm chart, by the files in its folder. Rendering runs no plug-ins and
//! fetches nothing but charts that the caller allows: what needs either is [`Incomplete`], like everything else that cannot be read.

mod argocd;
mod argocd_directory;
mod argocd_helm;
mod argocd_ignore;
mod argocd_jq;
mod argocd_kustomize;
mod argocd_variables;
mod chart_content;
mod charts;
mod common_metadata;
mod configured;
mod copy;
mod discovery;
mod discovery_object;
mod encrypted;
mod envsubst;
mod exclude;
mod flux;
mod flux_folder;
mod flux_kustomization;
mod folders;
mod helm;
mod helm_release;
mod helm_values;
mod hooks;
mod identity;
mod inputs;
mod kustomization;
mod kustomize;
mod kustomize_files;
mod kustomize_inputs;
mod manifest;
mod message_formats;
mod message_redaction;
mod names;
mod nested_roots;
mod nondeterministic;
mod object_header;
mod objects;
mod output;
mod outside_manifests;
mod placeholders;
mod plain;
mod post_render;
mod references;
mod release_charts;
mod release_values;
mod remote_entry;
mod remove_entries;
mod render_variants;
mod renderer_error;
mod request;
mod resolved;
mod root_fields;
mod roots;
mod sandbox;
mod stand_in;
mod substitute;
mod template_clock;
mod tools;
mod touched;
mod tree;
mod tree_survey;

#[cfg(test)]
mod tests;

use std::path::Path;

use crate::config::{self, Source};
use crate::model::{Incomplete, Origin, ResourceId, RootOptions};
use crate::threads::parallel_map;
use output::SourceOutput;
use resolved::{ResolvedSource, namespace_of};
use tree::{SourceTree, locate};

pub use charts::{
    AllowedHost, AllowedHosts, ArchiveError, ChartError, ChartFault, ChartFetcher, FetchedChart, NoHost,
    Unreachable,
};
pub use discovery::{Discovery, Here, RefusedRoot};
pub use discovery_object::RootObject;
pub use hooks::Hooks;
pub use inputs::{InputsReader, SourceInputs};
pub use output::SourceKind;
pub use outside_manifests::find_outside_manifests;
pub use references::{KnownTexts, ReferencedTexts, TextReference};
pub use release_values::ValuesError;
pub use request::{RenderOutput, RenderRequest, RenderedSource};
pub use root_fields::{RootRefusal, application_sources};
pub use roots::Root;
pub use tools::{ToolError, Tools};
pub use tree_survey::{DeclaredRoot, TreeSurvey, survey_tree};

/// Renders every source; a failure never stops the others.
#[must_use]
pub fn render(request: &RenderRequest<'_>) -> RenderOutput {
    render_rest(request, Prerendered::default())
}

/// What sources gave, by their index, as far as they are rendered: see [`prerender`].
#[derive(Debug, Default)]
pub struct Prerendered(Vec<Option<SourceOutput>>);

impl Prerendered {
    /// The same for other sources: what both lists have is not rendered again.
    #[must_use]
    pub fn carry(self, from: &[Source], to: &[Source]) -> Self {
        let mut known: Vec<(&Source, Option<SourceOutput>)> = from.iter().zip(self.0).collect();
        let take = |source| known.iter_mut().find(|(known, _)| *known == source)?.1.take();
        Self(to.iter().map(take).collect())
    }

    /// The objects of the kinds that are wanted, as the sources of the same request gave them, with the namespace that they
    /// get.
    #[must_use]
    pub fn objects(
        &self,
        request: &RenderRequest<'_>,
        wanted: &dyn Fn(&ResourceId) -> bool,
    ) -> Vec<RootObject> {
        let mut found = Vec::new();
        for (source, output) in request.sources.iter().zip(&self.0) {
            for (head, draft) in output.iter().flat_map(|output| &output.drafts) {
                let Ok(id) = &head.id else { continue };
                if wanted(id) {
                    let namespace = id.namespace.clone();
                    let namespace = namespace.unwrap_or_else(|| namespace_of(request, source).to_owned());
                    let root = source.root.as_ref().map(|root| root.object.clone());
                    found.push(RootObject {
                        id: ResourceId { namespace: Some(namespace), ..id.clone() },
                        value: draft.value.compute(),
                        origin: Some(Origin { root, ..draft.origin.clone() }),
                    });
                }
            }
        }
        found
    }
}

/// Renders the sources that ask nothing of the cluster, while it is being connected to: all but charts. Nothing of
/// `request.served` is looked at.
#[must_use]
pub fn prerender(request: &RenderRequest<'_>) -> Prerendered {
    Prerendered(gather_some(request, |_, kind| kind != SourceKind::Helm))
}

/// Renders the sources that are not rendered yet.
#[must_use]
pub fn render_others(request: &RenderRequest<'_>, ahead: Prerendered) -> Prerendered {
    let mut known = ahead.0;
    known.resize_with(request.sources.len(), || None);
    let rest = gather_some(request, |index, _| known[index].is_none());
    Prerendered(known.into_iter().zip(rest).map(|(known, rest)| known.or(rest)).collect())
}

/// As [`render`]; what `ahead` has, of the same request, is not rendered again.
#[must_use]
pub fn render_rest(request: &RenderRequest<'_>, ahead: Prerendered) -> RenderOutput {
    let gathered = render_others(request, ahead).0;
    identity::identify(request, gathered.into_iter().flatten().collect())
}

/// Renders those of the sources that are wanted, by index and kind, side by side; the results are in their order.
fn gather_some(
    request: &RenderRequest<'_>,
    wanted: impl Fn(usize, SourceKind) -> bool + Sync,
) -> Vec<Option<SourceOutput>> {
    let root = match request.tree.canonicalize() {
        Ok(root) => root,
        Err(error) => {
            return request.sources.iter().map(|source| Some(unread(&source.path, &error))).collect();
        }
    };
    let sources: Vec<(usize, &Source)> = request.sources.iter().enumerate().collect();
    parallel_map(&sources, |(index, source)| gather(request, source, &root, |kind| wanted(*index, kind)))
}

fn unread(path: &str, error: &std::io::Error) -> SourceOutput {
    let mut gathered = SourceOutput::new(SourceKind::Plain);
    gathered.report_incomplete(path, format!("the tree cannot be read: {error}"));
    gathered
}

fn gather(
    request: &RenderRequest<'_>,
    source: &config::Source,
    root: &Path,
    wanted: impl Fn(SourceKind) -> bool,
) -> Option<SourceOutput> {
    let path = match locate(root, &source.path) {
        Ok(path) => path,
        Err(why) => {
            let mut gathered = SourceOutput::new(SourceKind::Plain);
            gathered.report_incomplete(&source.path, why.to_string());
            return Some(gathered);
        }
    };
    let seen = SourceTree::new(root, request.files);
    if let Some(why) = seen.why_unreadable(&path) {
        let mut gathered = SourceOutput::new(SourceKind::Plain);
        gathered.report_incomplete(&source.path, why);
        return Some(gathered);
    }
    let overridden = match argocd::overridden(source, seen) {
        Ok(overridden) => overridden,
        Err(Incomplete { what, why }) => {
            let mut gathered = SourceOutput::new(SourceKind::Plain);
            gathered.report_incomplete(what, why);
            return Some(gathered);
        }
    };
    let source = overridden.as_ref().unwrap_or(source);
    let located = ResolvedSource { request, source, tree: seen, path };
    let is_chart = source.chart().map(|_| SourceKind::Helm);
    let kind = is_chart.or(argocd::kind(source)).unwrap_or_else(|| match source.root_options() {
        Some(RootOptions::Flux(options)) => flux::kind(options, seen.kind(&located.path)),
        _ => seen.kind(&located.path),
    });
    wanted(kind).then(|| {
        let mut gathered = match kind {
            SourceKind::Plain => return plain::gather(&located),
            SourceKind::Kustomize => kustomize::gather(&located),
            SourceKind::Helm => helm::gather(&located),
        };
        if !source.exclude.is_empty() && source.flux().is_none() {
            let warning = format!("{}: exclude has no effect, for a tool renders it", source.path);
            gathered.warnings.push(warning);
        }
        gathered
    })
}
