//! `drift explain`: explains one object and its verdicts.

use serde_json::Value;

use super::CheckError;
use super::compare::{compare, managers, open};
use super::inputs::Check;
use super::settings::CheckSettings;
use crate::attribution::{Managers, Owners, PastVersion, owners_of};
use crate::cluster::Cluster;
use crate::model::{Change, Desired, ExplainReport, ExplainedField, ResourceId};

/// Which object is asked for: `Deployment.apps/payments/web`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceQuery {
    kind: String,
    group: Option<String>,
    namespace: Option<String>,
    name: String,
}

impl ResourceQuery {
    /// Reads `KIND[.GROUP]/[NAMESPACE/]NAME`; the kind in any case. `None` for a text of another form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('/').collect();
        let (kind, namespace, name) = match parts.as_slice() {
            [kind, namespace, name] => (*kind, Some(*namespace), *name),
            [kind, name] => (*kind, None, *name),
            _ => ("", None, ""),
        };
        if kind.is_empty() || name.is_empty() || namespace == Some("") {
            return None;
        }
        let (kind, group) = match kind.split_once('.') {
            Some((kind, group)) => (kind, Some(group.to_owned())),
            None => (kind, None),
        };
        Some(Self {
            kind: kind.to_owned(),
            group,
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
        })
    }

    fn matches(&self, id: &ResourceId) -> bool {
        self.kind.eq_ignore_ascii_case(&id.kind)
            && self.group.as_ref().is_none_or(|group| *group == id.group)
            && self.namespace == id.namespace
            && self.name == id.name
    }

    fn display_name(&self) -> String {
        let group = self.group.as_ref().map(|group| format!(".{group}")).unwrap_or_default();
        let namespace = self.namespace.as_ref().map(|name| format!("{name}/")).unwrap_or_default();
        format!("{}{group}/{namespace}{}", self.kind, self.name)
    }
}

/// Explains one object.
///
/// # Errors
/// What keeps a check from beginning, and an object that neither Git nor the cluster knows.
pub async fn explain(
    settings: &CheckSettings,
    query: &ResourceQuery,
    progress: &dyn Fn(&str),
) -> Result<ExplainReport, CheckError> {
    let settings = CheckSettings { keep_hidden: true, ..settings.clone() };
    let (opened, cluster, ahead) = open(&settings, progress).await?;
    let Check { report: mut checked, inputs } =
        compare(&settings, &opened, &cluster, ahead, progress).await?;
    let managers = managers(&settings, &opened);
    let finding = checked.findings.iter().position(|finding| query.matches(&finding.resource));
    let finding = finding.map(|at| checked.findings.swap_remove(at));
    let desired = inputs.desired.iter().find(|object| query.matches(&object.id));
    let id = finding.as_ref().map(|finding| &finding.resource).or(desired.map(|object| &object.id));
    let Some(id) = id.cloned() else { return Err(unknown(query, &cluster)) };
    let live = live(&cluster, &id).await;
    let older = inputs.older_versions.get(&id.key()).map(Vec::as_slice).unwrap_or_default();
    let changes = finding.as_ref().map(|finding| finding.changes.clone()).unwrap_or_default();
    let fields = changes.into_iter().map(|change| field(change, live.as_ref(), older, &managers));
    let owners = live.as_ref().map(Owners::writers_only).unwrap_or_default();
    let writers =
        owners.entries().iter().map(|entry| (entry.manager.clone(), managers.for_entry(entry).class));
    Ok(ExplainReport {
        origin: desired.map(|object: &Desired| object.origin.clone()),
        fields: fields.collect(),
        writers: writers.collect(),
        revision: checked.git.revision.clone(),
        incomplete: std::mem::take(&mut checked.incomplete),
        resource: id,
        finding,
    })
}

/// The live object; one that may not be read leaves its owners unknown.
async fn live(cluster: &Cluster, id: &ResourceId) -> Option<Value> {
    let kind = cluster.api_resources().kind(&id.group, &id.version, &id.kind)?;
    cluster.get(kind, id.namespace.as_deref(), &id.name).await.ok()?
}

fn field(change: Change, live: Option<&Value>, older: &[PastVersion], managers: &Managers) -> ExplainedField {
    let owners = live.map(|live| owners_of(live, &change.difference.path)).unwrap_or_default();
    let with_class = owners.into_iter().map(|owner| {
        let class = managers.class_of(&owner.manager);
        (owner, class)
    });
    let declared = older.iter().filter(|older| older.declares_live(&change.difference));
    ExplainedField {
        owners: with_class.collect(),
        declared_by: declared.map(|older| (older.commit.clone(), older.superseded_at)).collect(),
        change,
    }
}

fn unknown(query: &ResourceQuery, cluster: &Cluster) -> CheckError {
    let kind = |served: &&crate::model::ApiResource| query.kind.eq_ignore_ascii_case(&served.kind);
    let why = if cluster.api_resources().kinds.iter().any(|served| kind(&served)) {
        "no source declares it, and the managed namespaces of the cluster do not have it"
    } else {
        "the cluster does not serve this kind"
    };
    CheckError::UnknownResource { resource: query.display_name(), why }
}

#[cfg(test)]
mod tests {
    use super::ResourceQuery;

    #[test]
    fn object_named_by_kind_namespace_and_name() {
        for (text, shown) in [
            ("Deployment/payments/web", Some("Deployment/payments/web")),
            ("deployment.apps/payments/web", Some("deployment.apps/payments/web")),
            ("ClusterRole/admin", Some("ClusterRole/admin")),
            ("web", None),
            ("Deployment//web", None),
            ("/payments/web", None),
            ("a/b/c/d", None),
        ] {
            assert_eq!(
                ResourceQuery::parse(text).map(|query| query.display_name()).as_deref(),
                shown,
                "{text}"
            );
        }
    }
}
