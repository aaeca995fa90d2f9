//! How a deployer applies what Git declares.
//!
//! | mode | |
//! |---|---|
//! | `csa`, `csa:NAME` | `kubectl apply`, its own field manager or another |
//! | `ssa`, `ssa:NAME` | `kubectl apply --server-side`, likewise |
//! | `argo`, `flux` | `ssa:` with the field manager of Argo CD, of Flux |
//! | `raw:NAME` | one forced apply patch for each object, as controllers send it: without what kubectl does around it |
//! | `update:NAME` | create or replace, as a client library does that knows no apply |
//! | `helm3`, `helm4` | steps `helm:` run this Helm |

/// A way of applying.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Deployer {
    Client(Option<String>),
    Server(Option<String>),
    ApplyPatches(String),
    Updates(String),
    /// `helm3` or `helm`: the name of the part.
    Helm(&'static str),
}

impl Deployer {
    pub(super) fn parse(mode: &str) -> Result<Self, String> {
        let name = mode.split_once(':').map(|(_, name)| name.to_owned()).filter(|name| !name.is_empty());
        match (mode.split(':').next().unwrap_or_default(), name) {
            ("csa", name) => Ok(Self::Client(name)),
            ("ssa", name) => Ok(Self::Server(name)),
            ("argo", None) => Ok(Self::Server(Some("argocd-controller".to_owned()))),
            ("flux", None) => Ok(Self::Server(Some("kustomize-controller".to_owned()))),
            ("raw", Some(name)) => Ok(Self::ApplyPatches(name)),
            ("update", Some(name)) => Ok(Self::Updates(name)),
            ("helm3", None) => Ok(Self::Helm("helm3")),
            ("helm4", None) => Ok(Self::Helm("helm")),
            _ => Err(format!("no way of applying: {mode}")),
        }
    }

    /// Whether it merges in the client.
    pub(super) fn is_client(&self) -> bool {
        matches!(self, Self::Client(_) | Self::Updates(_))
    }

    /// The arguments of `kubectl apply`.
    pub(super) fn apply_arguments(&self) -> Vec<String> {
        let mut arguments = vec!["apply".to_owned()];
        if !self.is_client() {
            arguments.extend(["--server-side".to_owned(), "--force-conflicts".to_owned()]);
        }
        if let Self::Client(Some(name)) | Self::Server(Some(name)) | Self::ApplyPatches(name) = self {
            arguments.push(format!("--field-manager={name}"));
        }
        arguments
    }
}
