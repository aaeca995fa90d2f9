//! Which chart a HelmRelease of Flux installs, where that is kept in a registry or a Helm repository.

use std::collections::BTreeMap;

use serde_json::Value;

use super::discovery_object::RootObject;
use super::root_fields::{RootRefusal, text};
use crate::model::{ChartDigest, ChartReference, ChartRepository, ObjectKey, ResourceId};

/// The repositories and charts of Flux, and what the cluster says of releases.
pub(super) struct ReleaseCharts<'a> {
    objects: BTreeMap<ObjectKey, &'a Value>,
    live: BTreeMap<ObjectKey, &'a Value>,
}

impl<'a> ReleaseCharts<'a> {
    pub(super) fn new(objects: &'a [RootObject], live: &'a [RootObject]) -> Self {
        let by_key = |objects: &'a [RootObject]| {
            objects.iter().map(|object| (object.id.key(), &object.value)).collect()
        };
        Self { objects: by_key(objects), live: by_key(live) }
    }

    /// The chart of a release; `None`: it is a folder of a Git repository.
    ///
    /// # Errors
    /// A source that is not there, or of which drift fetches nothing.
    pub(super) fn of_release(&self, release: &RootObject) -> Result<Option<ChartReference>, RootRefusal> {
        let spec = &release.value["spec"];
        let reference = &spec["chartRef"];
        let chart = match reference["kind"].as_str() {
            Some("OCIRepository") => return self.of_registry(&release.id, reference).map(Some),
            Some("HelmChart") => self.object(&self.objects, &release.id, reference)?["spec"].clone(),
            Some(kind) => return Err(elsewhere(kind, reference)),
            None => spec["chart"]["spec"].clone(),
        };
        let source = &chart["sourceRef"];
        match source["kind"].as_str() {
            Some("GitRepository") => Ok(None),
            Some("HelmRepository") => self.of_repository(release, &chart).map(Some),
            kind => Err(elsewhere(kind.unwrap_or("nowhere"), source)),
        }
    }

    fn of_repository(&self, release: &RootObject, chart: &Value) -> Result<ChartReference, RootRefusal> {
        let repository = &self.object(&self.objects, &release.id, &chart["sourceRef"])?["spec"];
        let url = text(&repository["url"]).unwrap_or_default();
        let declared = text(&chart["version"]).filter(|version| version != "*").unwrap_or_default();
        let (version, digest) = self.installed(release, &declared);
        let is_registry = repository["type"] == "oci" || url.starts_with("oci://");
        let repository = if is_registry {
            ChartRepository::Oci { url, plain_http: repository["insecure"] == true }
        } else {
            ChartRepository::Helm { url }
        };
        let digest = digest.filter(|_| is_registry).map(ChartDigest::Manifest);
        Ok(ChartReference { repository, name: text(&chart["chart"]).unwrap_or_default(), version, digest })
    }

    /// The version that the controller installed last, with its digest in a registry, where the cluster's release asks for
    /// the same; otherwise what Git asks for.
    fn installed(&self, release: &RootObject, declared: &str) -> (String, Option<String>) {
        let live = self.live.get(&release.id.key());
        let asked = |release: &Value| release["spec"]["chart"]["spec"]["version"].clone();
        let last = live.map(|live| &live["status"]["history"][0]);
        let same = live.is_some_and(|live| asked(live) == asked(&release.value));
        match last.and_then(|last| Some((text(&last["chartVersion"])?, text(&last["ociDigest"])))) {
            Some((version, digest)) if same || version == declared => (version, digest),
            _ => (declared.to_owned(), None),
        }
    }

    /// A chart that an OCIRepository names: `oci://HOST/PATH/CHART` (`api/v1/ocirepository_types.go` of source-controller).
    fn of_registry(&self, release: &ResourceId, reference: &Value) -> Result<ChartReference, RootRefusal> {
        let spec = &self.object(&self.objects, release, reference)?["spec"];
        let url = text(&spec["url"]).unwrap_or_default();
        let Some((parent, name)) = url.trim_end_matches('/').rsplit_once('/') else {
            return Err(elsewhere("OCIRepository", reference));
        };
        let asked = &spec["ref"];
        let tag = text(&asked["tag"]).or_else(|| text(&asked["semver"])).unwrap_or_default();
        // `TAG@sha256:DIGEST` of what was asked for then.
        let live = self.object(&self.live, release, reference).ok();
        let revision = live.filter(|live| live["spec"]["ref"] == *asked);
        let revision = revision.and_then(|live| text(&live["status"]["artifact"]["revision"]));
        let (version, found) = match revision.as_deref().and_then(|revision| revision.split_once('@')) {
            Some((version, digest)) => (version.to_owned(), Some(digest.to_owned())),
            None => (tag, None),
        };
        let digest = text(&asked["digest"]).or(found).map(ChartDigest::Manifest);
        let repository =
            ChartRepository::Oci { url: parent.to_owned(), plain_http: spec["insecure"] == true };
        Ok(ChartReference { repository, name: name.to_owned(), version, digest })
    }

    /// The object that a reference of a release names.
    fn object(
        &self,
        among: &BTreeMap<ObjectKey, &'a Value>,
        release: &ResourceId,
        reference: &Value,
    ) -> Result<&'a Value, RootRefusal> {
        let kind = text(&reference["kind"]).unwrap_or_default();
        let name = text(&reference["name"]).unwrap_or_default();
        let namespace = text(&reference["namespace"]).or_else(|| release.namespace.clone());
        let key = ObjectKey {
            group: "source.toolkit.fluxcd.io".to_owned(),
            kind: kind.clone(),
            namespace: namespace.clone(),
            name: name.clone(),
        };
        let place = format!("the chart of {kind}/{}/{name}", namespace.unwrap_or_default());
        among.get(&key).copied().ok_or(RootRefusal::MissingValues(place))
    }
}

fn elsewhere(kind: &str, reference: &Value) -> RootRefusal {
    let name = text(&reference["name"]).unwrap_or_default();
    RootRefusal::Chart(name.clone(), format!("{kind}/{name}"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::ReleaseCharts;
    use crate::model::ResourceId;
    use crate::source::RootObject;

    fn object(kind: &str, name: &str, spec: &Value, status: &Value) -> RootObject {
        let group = if kind == "HelmRelease" { "helm" } else { "source" };
        let value = json!({"apiVersion": format!("{group}.toolkit.fluxcd.io/v2"), "kind": kind, "spec": spec,
            "status": status, "metadata": {"name": name, "namespace": "shop"}});
        RootObject { id: ResourceId::from_object(&value).expect("an object"), value, origin: None }
    }

    /// The chart of a release, in a line.
    fn found(release: &Value, status: &Value) -> String {
        let none = json!({});
        let objects = [
            object("HelmRepository", "web", &json!({"url": "https://charts.example.org"}), &none),
            object("HelmRepository", "oci", &json!({"type": "oci", "url": "oci://ghcr.io/acme"}), &none),
            object(
                "OCIRepository",
                "app",
                &json!({"url": "oci://ghcr.io/acme/app", "ref": {"tag": "3.1.0"}}),
                &json!({"artifact": {"revision": "3.1.0@sha256:abc"}}),
            ),
            object(
                "HelmChart",
                "made",
                &json!({"chart": "web", "version": "2.x",
                "sourceRef": {"kind": "HelmRepository", "name": "web"}}),
                &none,
            ),
        ];
        let release = object("HelmRelease", "web", release, status);
        let live = [release.clone(), objects[2].clone()];
        match ReleaseCharts::new(&objects, &live).of_release(&release) {
            Ok(None) => "a folder".to_owned(),
            Ok(Some(chart)) => {
                format!("{:?} {} {:?} {:?}", chart.repository, chart.name, chart.version, chart.digest)
            }
            Err(why) => why.to_string(),
        }
    }

    #[test]
    fn charts_are_found_by_what_the_release_names() {
        let chart = |repository: &str, version: &str| {
            let source = json!({"kind": "HelmRepository", "name": repository});
            json!({"chart": {"spec": {"chart": "web", "version": version, "sourceRef": source}}})
        };
        let installed = json!({"history": [{"chartVersion": "2.3.4", "ociDigest": "sha256:abc"}]});
        let none = json!({});
        let git = json!({"chart": {"spec": {"chart": "./web", "sourceRef": {"kind": "GitRepository", "name": "x"}}}});
        let of = |kind: &str, name: &str| json!({"chartRef": {"kind": kind, "name": name}});
        let shown = [
            found(&git, &none),
            found(&chart("web", "2.0.0"), &none),
            found(&chart("web", "*"), &none),
            found(&chart("oci", "2.x"), &installed),
            found(&chart("gone", "2.x"), &none),
            found(&of("OCIRepository", "app"), &none),
            found(&of("HelmChart", "made"), &none),
            found(&of("ExternalArtifact", "x"), &none),
        ];
        insta::assert_snapshot!(shown.join("\n"), @r#"
        a folder
        Helm { url: "https://charts.example.org" } web "2.0.0" None
        Helm { url: "https://charts.example.org" } web "" None
        Oci { url: "oci://ghcr.io/acme", plain_http: false } web "2.3.4" Some(Manifest("sha256:abc"))
        it takes the chart of HelmRepository/shop/gone, which is not there
        Oci { url: "oci://ghcr.io/acme", plain_http: false } app "3.1.0" Some(Manifest("sha256:abc"))
        Helm { url: "https://charts.example.org" } web "2.x" None
        it takes the chart x from ExternalArtifact/x, which drift does not fetch
        "#);
    }
}
