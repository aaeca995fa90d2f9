//! Which cluster, and how to reach it: as the command line and the environment say.

use std::path::PathBuf;
use std::time::Duration;

/// Which cluster, and how to reach it. Nothing here is read from the environment: `cli` does that.
#[derive(Debug, Clone)]
pub struct ClusterSettings {
    /// The kubeconfig that a person named.
    pub kubeconfig: Option<PathBuf>,
    /// Where to look otherwise: the files of `KUBECONFIG`, or `~/.kube/config`; those that exist are merged as
    /// kubectl merges them. If none exists, the Pod's own service account is used.
    pub default_kubeconfigs: Vec<PathBuf>,
    /// The Pod's own service account, where drift runs in one.
    pub service_account: Option<ServiceAccount>,
    /// Context of the kubeconfig; `None`: its current one.
    pub context: Option<String>,
    /// Time for one request and its retries.
    pub timeout: Duration,
    /// How credential plug-ins are started: a program that bounds them, and its first arguments, before the plug-in and
    /// its own; empty: as they are.
    pub plugin_start: Vec<String>,
    /// Variables of the environment that credential plug-ins do not get: tokens that are none of theirs.
    pub hidden_from_plugins: Vec<String>,
    /// Folder in which schemas are kept between runs; `None`: they are not.
    pub cache: Option<PathBuf>,
}

impl Default for ClusterSettings {
    fn default() -> Self {
        Self {
            kubeconfig: None,
            default_kubeconfigs: Vec::new(),
            service_account: None,
            context: None,
            timeout: Duration::from_secs(60),
            plugin_start: Vec::new(),
            hidden_from_plugins: Vec::new(),
            cache: None,
        }
    }
}

/// A Pod's way to its own API server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceAccount {
    /// `KUBERNETES_SERVICE_HOST`.
    pub host: String,
    /// `KUBERNETES_SERVICE_PORT`.
    pub port: u16,
    /// Folder of `token` and `ca.crt`; in a Pod [`ServiceAccount::FOLDER`].
    pub folder: PathBuf,
}

impl ServiceAccount {
    /// Where the kubelet puts a Pod's service account.
    pub const FOLDER: &'static str = "/var/run/secrets/kubernetes.io/serviceaccount";
}
