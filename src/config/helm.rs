//! How Helm renders a chart: what `drift.yaml` says of it, and what a GitOps object sets beside that.

use serde::Deserialize;

use crate::model::ChartReference;

/// How Helm renders a chart.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct HelmOptions {
    /// Release name; default: the last segment of the source's path.
    #[serde(default)]
    #[cfg_attr(test, schemars(regex(pattern = "^(?!-)")))]
    pub release: Option<String>,
    /// Values files, paths from the source.
    #[serde(default)]
    pub values: Vec<String>,
    /// What a GitOps object sets beside these; not in `drift.yaml`.
    #[serde(skip)]
    pub layers: HelmLayers,
}

/// What a GitOps object sets of a chart beside its release name and values files. Later layers win: values files, inline
/// values in their order, parameters.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HelmLayers {
    /// The chart, where it is kept elsewhere than in the source's folder.
    pub chart: Option<Box<ChartReference>>,
    /// Whether values files may be patterns, which stand for the files that they match.
    pub values_are_patterns: bool,
    /// Whether a values file that is not there is passed over.
    pub ignore_missing_values: bool,
    /// Files of the repository that take the place of the chart's own `values.yaml`, one put over the other, from its root.
    pub chart_values: Vec<String>,
    /// Documents of values, YAML or JSON, behind the files.
    pub inline_values: Vec<String>,
    /// Single values, behind the documents.
    pub parameters: Vec<HelmParameter>,
    /// Files whose content is a value, behind the parameters: the value's path in the values, and the file's from the
    /// source.
    pub file_parameters: Vec<(String, String)>,
    /// Leaves out the chart's `crds/`.
    pub skip_crds: bool,
    /// Leaves out the chart's tests.
    pub skip_tests: bool,
    /// Does not check the values against `values.schema.json`.
    pub skip_schema_validation: bool,
    /// The version of Kubernetes in place of the cluster's.
    pub kube_version: Option<String>,
    /// The API versions that there are, in place of the cluster's; empty: the cluster's.
    pub api_versions: Vec<String>,
    /// The namespace of the release, where that is not the one of objects that name none.
    pub namespace: Option<String>,
}

/// A single value, as helm's `--set` has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelmParameter {
    /// Its path in the values.
    pub name: String,
    /// The value, with commas that part it from nothing escaped.
    pub value: String,
    /// Whether it is a text, whatever it looks like (`--set-string`).
    pub is_text: bool,
}
