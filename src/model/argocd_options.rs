//! What an Application of Argo CD sets beside its folder.

use std::collections::BTreeMap;

use serde_json::Value;

use super::argocd_kustomize::ArgoCdKustomize;

/// Options of one source of an Application of Argo CD (`ApplicationSource` in `pkg/apis/application/v1alpha1/types.go` of
/// Argo CD). What it sets of a chart is with the source's other options of Helm.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ArgoCdOptions {
    /// The source as the Application has it: files in its folder may override it.
    pub declared: Value,
    /// The Application that has it.
    pub application: ArgoCdApplication,
    /// What renders the folder, whatever is in it; `None`: what is in it decides.
    pub tool: Option<ArgoCdTool>,
    /// Which files of a plain folder are read.
    pub directory: ArgoCdDirectory,
    /// What is written into the folder's own kustomization.
    pub kustomize: ArgoCdKustomize,
}

/// What of an Application its sources refer to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ArgoCdApplication {
    /// Its name.
    pub name: String,
    /// Its project.
    pub project: String,
    /// The namespace of objects that name none.
    pub namespace: Option<String>,
    /// Sources that others take files from, by the name that stands for them; with the address of those that are of
    /// another repository.
    pub references: BTreeMap<String, Option<String>>,
}

/// What Argo CD renders a folder with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArgoCdTool {
    /// helm.
    Helm,
    /// kustomize.
    Kustomize,
    /// Nothing: manifests are read as they are.
    Directory,
}

/// Which files of a plain folder Argo CD reads (`ApplicationSourceDirectory`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ArgoCdDirectory {
    /// Those of the folders below too.
    pub recurse: bool,
    /// Only those that this pattern matches, by their paths from the folder.
    pub include: Option<String>,
    /// None that this pattern matches.
    pub exclude: Option<String>,
    /// Whatever their names end in.
    pub any_extension: bool,
}
