//! Objects that nothing in Git declares, of every namespaced kind that the cluster serves: by metadata alone.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt};

use super::live::{Compared, Comparison, FEW_NAMESPACES, PARALLEL, kind_of};
use crate::cluster::{Item, Unread, UnreadKind, What, name_of_list};
use crate::model::{Incomplete, ServedKind};

/// Kinds that only the system writes, and many of: group (`None`: any) and kind.
const NOISE: &[(Option<&str>, &str)] =
    &[(None, "Event"), (Some("metrics.k8s.io"), "PodMetrics"), (Some("coordination.k8s.io"), "Lease")];

/// Namespaces of lists; `None`: all of them.
pub(super) type Scopes<'a> = BTreeSet<Option<&'a str>>;

/// Which kinds: those that Git declares objects of, or the others.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    DeclaredKinds,
    OtherKinds,
}

impl Comparison<'_> {
    /// Looks through the namespaces in which Git declares something, in kinds that it declares elsewhere only.
    pub(super) async fn strangers(&self, namespaces: &BTreeSet<&str>, compared: &mut Compared) {
        let lists = self.unlisted(namespaces, &compared.listed, Of::DeclaredKinds);
        let lists = lists.iter().map(|(kind, scopes)| self.strangers_of(kind, scopes, namespaces));
        let parts: Vec<Compared> = stream::iter(lists).buffer_unordered(PARALLEL).collect().await;
        parts.into_iter().for_each(|part| compared.merge(part));
        compared.not_examined.sort();
        compared.not_examined.extend(self.skipped_kinds());
    }

    /// Kinds and scopes that are to be looked through and are not listed by themselves.
    pub(super) fn unlisted<'a>(
        &'a self,
        namespaces: &BTreeSet<&'a str>,
        listed: &BTreeSet<(String, String, Option<String>)>,
        of: Of,
    ) -> Vec<(&'a ServedKind, Scopes<'a>)> {
        if !self.strangers {
            return Vec::new();
        }
        let mut asked: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
        for objects in self.desired.chunk_by(|left, right| kind_of(left) == kind_of(right)) {
            let (group, _, kind) = kind_of(&objects[0]);
            let of_kind = asked.entry((group, kind)).or_default();
            of_kind.extend(objects.iter().filter_map(|object| object.id.namespace.as_deref()));
        }
        let mut seen = BTreeSet::new();
        let kinds = self.cluster.served().kinds.iter().filter(|kind| {
            let first = seen.insert((&kind.group, &kind.kind));
            first && kind.namespaced && kind.listable && !is_noise(kind) && !self.is_skipped(kind)
        });
        let unlisted = kinds.filter_map(|kind| {
            let already = asked.get(&(kind.group.as_str(), kind.kind.as_str()));
            let whole = (kind.group.clone(), kind.kind.clone(), None);
            if already.is_some() != (of == Of::DeclaredKinds) || listed.contains(&whole) {
                return None;
            }
            let rest =
                namespaces.iter().filter(|name| already.is_none_or(|already| !already.contains(*name)));
            let rest: BTreeSet<&str> = rest.copied().collect();
            (!rest.is_empty()).then(|| (kind, scopes(&rest)))
        });
        unlisted.collect()
    }

    fn is_skipped(&self, kind: &ServedKind) -> bool {
        self.skip_secrets && kind.group.is_empty() && kind.kind == "Secret"
    }

    /// What cannot be listed of kinds that Git does not declare is `notExamined`, not `incomplete`.
    pub(super) async fn strangers_of(
        &self,
        kind: &ServedKind,
        scopes: &Scopes<'_>,
        namespaces: &BTreeSet<&str>,
    ) -> Compared {
        let mut compared = Compared::default();
        for scope in scopes {
            let Err(unread) = self.strangers_in(kind, *scope, namespaces, &mut compared).await else {
                continue;
            };
            // Perhaps the namespaces may be listed one by one.
            let one_by_one = scope.is_none() && unread.kind == UnreadKind::Forbidden;
            let mut not_examined = if one_by_one { Vec::new() } else { vec![unread] };
            for namespace in namespaces.iter().filter(|_| one_by_one) {
                let part = self.strangers_in(kind, Some(namespace), namespaces, &mut compared).await;
                not_examined.extend(part.err());
            }
            compared.not_examined.extend(not_examined.into_iter().filter_map(not_examined_entry));
        }
        compared
    }

    async fn strangers_in(
        &self,
        kind: &ServedKind,
        scope: Option<&str>,
        namespaces: &BTreeSet<&str>,
        compared: &mut Compared,
    ) -> Result<(), Unread> {
        let mut pages = self.cluster.list(kind, scope, What::Metadata);
        let is_declared = self.is_declared_kind(kind);
        while let Some(page) = pages.next().await {
            let page = page?;
            self.note_present(&page, namespaces);
            for item in page {
                if !(is_declared && self.is_declared(&item.id())) {
                    self.stranger(&item, namespaces, compared);
                }
            }
        }
        compared.listed.insert((kind.group.clone(), kind.kind.clone(), scope.map(str::to_owned)));
        Ok(())
    }

    /// Notes which objects are there, for owner references that name them.
    pub(super) fn note_present(&self, items: &[Item], namespaces: &BTreeSet<&str>) {
        if self.strangers {
            let managed = |item: &&Item| item.namespace().is_none_or(|name| namespaces.contains(name));
            self.present.note(items.iter().filter(managed));
        }
    }

    /// Whether Git declares any object of the kind, at whatever version, be it one that is left out.
    fn is_declared_kind(&self, kind: &ServedKind) -> bool {
        let kind = (kind.group.as_str(), kind.kind.as_str());
        let is_desired = self.desired.binary_search_by(|object| {
            let (group, name, ..) = object.id.by_key();
            (group, name).cmp(&kind)
        });
        is_desired.is_ok() || self.skipped.iter().any(|key| (key.group.as_str(), key.kind.as_str()) == kind)
    }

    /// What is not looked for on request.
    fn skipped_kinds(&self) -> Option<Incomplete> {
        let kinds = &self.cluster.served().kinds;
        let secrets = kinds.iter().filter(|_| self.strangers).find(|kind| self.is_skipped(kind))?;
        let why = "Secrets are left out".to_owned();
        Some(Incomplete { what: name_of_list(secrets, None), why })
    }
}

fn is_noise(kind: &ServedKind) -> bool {
    NOISE.iter().any(|(group, noise)| group.is_none_or(|group| group == kind.group) && *noise == kind.kind)
}

/// One list for all namespaces costs less than many small ones.
fn scopes<'a>(namespaces: &BTreeSet<&'a str>) -> Scopes<'a> {
    if namespaces.len() > FEW_NAMESPACES {
        BTreeSet::from([None])
    } else {
        namespaces.iter().map(|namespace| Some(*namespace)).collect()
    }
}

/// A snapshot is of the kinds that it holds: another is not something that was not examined.
fn not_examined_entry(unread: Unread) -> Option<Incomplete> {
    (unread.kind != UnreadKind::NotServed).then(|| unread.into())
}
