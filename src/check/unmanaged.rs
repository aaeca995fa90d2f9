//! Finds unmanaged objects of every namespaced kind of the cluster, by metadata-only lists.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt};

use super::comparison::{Comparison, ComparisonOutcome, FEW_NAMESPACES, PARALLEL, group_version_kind};
use crate::cluster::{Item, Projection, ReadError, ReadErrorKind, resource_display_name};
use crate::model::{ApiResource, Incomplete};

/// Frequent kinds that only the system writes: group (`None`: any) and kind.
const EXCLUDED_KINDS: &[(Option<&str>, &str)] =
    &[(None, "Event"), (Some("metrics.k8s.io"), "PodMetrics"), (Some("coordination.k8s.io"), "Lease")];

/// Namespaces of lists; `None`: all of them.
pub(super) type NamespaceScopes<'a> = BTreeSet<Option<&'a str>>;

/// Which kinds: those that Git declares objects of, or the others.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum KindFilter {
    DeclaredKinds,
    OtherKinds,
}

impl Comparison<'_> {
    /// Lists the kinds that Git declares, in namespaces where it declares none of them.
    pub(super) async fn list_unmanaged(&self, namespaces: &BTreeSet<&str>, compared: &mut ComparisonOutcome) {
        let lists = self.unlisted_kinds(namespaces, &compared.listed, KindFilter::DeclaredKinds);
        let lists = lists.iter().map(|(kind, scopes)| self.list_unmanaged_of_kind(kind, scopes, namespaces));
        let parts: Vec<ComparisonOutcome> = stream::iter(lists).buffer_unordered(PARALLEL).collect().await;
        parts.into_iter().for_each(|part| compared.merge(part));
        compared.not_examined.sort();
        compared.not_examined.extend(self.skipped_kinds());
    }

    /// Kinds and scopes to search that are not listed anyway.
    pub(super) fn unlisted_kinds<'a>(
        &'a self,
        namespaces: &BTreeSet<&'a str>,
        listed: &BTreeSet<(String, String, Option<String>)>,
        of: KindFilter,
    ) -> Vec<(&'a ApiResource, NamespaceScopes<'a>)> {
        if !self.find_unmanaged {
            return Vec::new();
        }
        let mut asked: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
        for objects in
            self.desired.chunk_by(|left, right| group_version_kind(left) == group_version_kind(right))
        {
            let (group, _, kind) = group_version_kind(&objects[0]);
            let of_kind = asked.entry((group, kind)).or_default();
            of_kind.extend(objects.iter().filter_map(|object| object.id.namespace.as_deref()));
        }
        let mut seen = BTreeSet::new();
        let kinds = self.cluster.api_resources().kinds.iter().filter(|kind| {
            let first = seen.insert((&kind.group, &kind.kind));
            first && kind.namespaced && kind.supports_list && !is_excluded(kind) && !self.is_skipped(kind)
        });
        let unlisted = kinds.filter_map(|kind| {
            let already = asked.get(&(kind.group.as_str(), kind.kind.as_str()));
            let whole = (kind.group.clone(), kind.kind.clone(), None);
            if already.is_some() != (of == KindFilter::DeclaredKinds) || listed.contains(&whole) {
                return None;
            }
            let rest =
                namespaces.iter().filter(|name| already.is_none_or(|already| !already.contains(*name)));
            let rest: BTreeSet<&str> = rest.copied().collect();
            (!rest.is_empty()).then(|| (kind, scopes(&rest)))
        });
        unlisted.collect()
    }

    fn is_skipped(&self, kind: &ApiResource) -> bool {
        self.skip_secrets && kind.group.is_empty() && kind.kind == "Secret"
    }

    /// What cannot be listed of kinds that Git does not declare is `notExamined`, not `incomplete`.
    pub(super) async fn list_unmanaged_of_kind(
        &self,
        kind: &ApiResource,
        scopes: &NamespaceScopes<'_>,
        namespaces: &BTreeSet<&str>,
    ) -> ComparisonOutcome {
        let mut compared = ComparisonOutcome::default();
        for scope in scopes {
            let Err(unread) = self.list_unmanaged_in(kind, *scope, namespaces, &mut compared).await else {
                continue;
            };
            // Perhaps the namespaces may be listed one by one.
            let one_by_one = scope.is_none() && unread.kind == ReadErrorKind::Forbidden;
            let mut not_examined = if one_by_one { Vec::new() } else { vec![unread] };
            for namespace in namespaces.iter().filter(|_| one_by_one) {
                let part = self.list_unmanaged_in(kind, Some(namespace), namespaces, &mut compared).await;
                not_examined.extend(part.err());
            }
            compared.not_examined.extend(not_examined.into_iter().filter_map(not_examined_entry));
        }
        compared
    }

    async fn list_unmanaged_in(
        &self,
        kind: &ApiResource,
        scope: Option<&str>,
        namespaces: &BTreeSet<&str>,
        compared: &mut ComparisonOutcome,
    ) -> Result<(), ReadError> {
        let mut pages = self.cluster.list(kind, scope, Projection::Metadata);
        let is_declared = self.is_declared_kind(kind);
        while let Some(page) = pages.next().await {
            let page = page?;
            self.record_owners(&page, namespaces);
            for item in page {
                if !(is_declared && self.is_declared(&item.id())) {
                    self.check_unmanaged(&item, namespaces, compared);
                }
            }
        }
        compared.listed.insert((kind.group.clone(), kind.kind.clone(), scope.map(str::to_owned)));
        Ok(())
    }

    /// Notes which objects are there, for owner references that name them.
    pub(super) fn record_owners(&self, items: &[Item], namespaces: &BTreeSet<&str>) {
        if self.find_unmanaged {
            let managed = |item: &&Item| item.namespace().is_none_or(|name| namespaces.contains(name));
            self.owners.record(items.iter().filter(managed));
        }
    }

    /// Whether Git declares any object of the kind, at whatever version, be it one that is left out.
    fn is_declared_kind(&self, kind: &ApiResource) -> bool {
        let kind = (kind.group.as_str(), kind.kind.as_str());
        let is_desired = self.desired.binary_search_by(|object| {
            let (group, name, ..) = object.id.key_ref();
            (group, name).cmp(&kind)
        });
        is_desired.is_ok() || self.skipped.iter().any(|key| (key.group.as_str(), key.kind.as_str()) == kind)
    }

    /// What is not looked for on request.
    fn skipped_kinds(&self) -> Option<Incomplete> {
        let kinds = &self.cluster.api_resources().kinds;
        let secrets = kinds.iter().filter(|_| self.find_unmanaged).find(|kind| self.is_skipped(kind))?;
        let why = "Secrets are left out".to_owned();
        Some(Incomplete { what: resource_display_name(secrets, None), why })
    }
}

fn is_excluded(kind: &ApiResource) -> bool {
    EXCLUDED_KINDS
        .iter()
        .any(|(group, noise)| group.is_none_or(|group| group == kind.group) && *noise == kind.kind)
}

/// One list for all namespaces costs less than many small ones.
fn scopes<'a>(namespaces: &BTreeSet<&'a str>) -> NamespaceScopes<'a> {
    if namespaces.len() > FEW_NAMESPACES {
        BTreeSet::from([None])
    } else {
        namespaces.iter().map(|namespace| Some(*namespace)).collect()
    }
}

/// A snapshot is of the kinds that it holds: another is not something that was not examined.
fn not_examined_entry(unread: ReadError) -> Option<Incomplete> {
    (unread.kind != ReadErrorKind::NotServed).then(|| unread.into())
}
