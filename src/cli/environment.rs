//! Reads the environment and the clock: the only place that does.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use super::arguments::{LoadRestrictor, TargetArgs};
use super::error::CommandError;
use crate::check::{CheckSettings, ClusterTarget};
use crate::checkout::{CheckoutSettings, RepositoryLocation, Tokens};
use crate::cluster::{self, ServiceAccount};
use crate::git;
use crate::process::bounded_arguments;
use crate::source::{AllowedHosts, ChartFetcher, Tools};

/// The variable, if it is there and not empty.
#[expect(clippy::disallowed_methods, reason = "the only place that reads the environment")]
pub(super) fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

/// As [`variable`], as text.
pub(super) fn text(name: &str) -> Option<String> {
    variable(name).and_then(|value| value.into_string().ok())
}

/// The time.
#[expect(clippy::disallowed_methods, reason = "the only place that has a clock")]
pub(super) fn now() -> Timestamp {
    Timestamp::now()
}

/// Settings from the arguments that every command has and the environment. `path` is narrowed to the repository.
pub(super) fn settings(
    place: &TargetArgs,
    revision: Option<String>,
    path: Option<&Path>,
) -> Result<CheckSettings, CommandError> {
    let is_url = is_address(&place.repository);
    let repository = if is_url {
        RepositoryLocation::Url(place.repository.clone())
    } else {
        RepositoryLocation::Folder(PathBuf::from(&place.repository))
    };
    let options = git::GitOptions { env: own_environment(), any_owner: false, bare: place.repository != "." };
    let path = match (path, &repository) {
        (None, _) => None,
        (Some(path), RepositoryLocation::Url(_)) => Some(normalise_path(path)?),
        (Some(path), RepositoryLocation::Folder(folder)) => {
            Some(repository_path(folder, path, revision.is_some(), &options)?)
        }
    };
    let cache = place.cache_dir.clone().or_else(default_cache);
    let tools = tools(place)?.fetching(chart_fetcher(place, cache.clone())?);
    let target = cluster_target(place, cache.as_deref());
    let checkout = CheckoutSettings {
        location: repository,
        revision,
        path,
        include_untracked: place.include_untracked,
        tools,
        cache,
        git: options,
        tokens: tokens()?,
        now: now(),
    };
    Ok(CheckSettings {
        checkout,
        target,
        skip_secrets: place.skip_secrets,
        verify: false,
        keep_hidden: false,
        next_sync: false,
    })
}

/// helm and kustomize, started by this very binary, which confines them.
fn tools(place: &TargetArgs) -> Result<Tools, CommandError> {
    let tools = Tools::find(&variable("PATH").unwrap_or_default());
    let own = Path::new("/proc/self/exe");
    let tools = if own.exists() { tools.confined_by(own.to_owned()) } else { tools };
    let tools = if place.load_restrictor == LoadRestrictor::LoadRestrictionsNone {
        tools.without_load_restrictions()
    } else {
        tools
    };
    // Looked for only where it matters: it starts a program.
    if tracing::enabled!(tracing::Level::INFO) {
        let shown = tools.confinement().map_or_else(
            || "no kernel isolation; entries that could name an address are refused".to_owned(),
            crate::process::Confinement::describe,
        );
        tracing::info!("renderers have {shown}");
    }
    let is_whole = || tools.confinement().is_some_and(|found| found.has_no_network() && found.has_no_files());
    if place.require_sandbox && !is_whole() {
        let why = "--require-sandbox: this kernel does not keep renderers from the network and from files (it needs \
                   Landlock of Linux 6.7, or Landlock and user namespaces)";
        return Err(CommandError::Usage(why.to_owned()));
    }
    Ok(tools)
}

/// The tokens of the environment. drift's own is in a variable, else in a file that another one names (a mounted Secret).
fn tokens() -> Result<Tokens, CommandError> {
    let named = |name: &str| text(name).as_deref().and_then(git::Token::new);
    let drift = match (named(Tokens::VARIABLE), variable(Tokens::FILE_VARIABLE)) {
        (None, Some(file)) => {
            let what = || format!("reading the token from {} ({})", file.display(), Tokens::FILE_VARIABLE);
            let token =
                std::fs::read_to_string(&file).map_err(|source| CommandError::Io { what: what(), source })?;
            git::Token::new(token.trim())
        }
        (token, _) => token,
    };
    Ok(Tokens::new(drift, named))
}

fn cluster_target(place: &TargetArgs, cache: Option<&Path>) -> ClusterTarget {
    if let Some(snapshot) = &place.snapshot {
        return ClusterTarget::Snapshot(snapshot.clone());
    }
    let listed = variable("KUBECONFIG").map(|list| env::split_paths(&list).collect());
    let home = variable("HOME").map(|home| vec![PathBuf::from(home).join(".kube/config")]);
    ClusterTarget::Api(cluster::ClusterSettings {
        kubeconfig: place.kubeconfig.clone(),
        default_kubeconfigs: listed.or(home).unwrap_or_default(),
        service_account: service_account(),
        context: place.context.clone(),
        timeout: Duration::from_secs(place.timeout),
        plugin_start: plugin_start(place.timeout),
        hidden_from_plugins: Tokens::variables().map(str::to_owned).collect(),
        cache: cache.map(Path::to_owned),
    })
}

/// The Pod's own way to its API server. `DRIFT_SERVICE_ACCOUNT_DIR` moves the folder that the kubelet mounts.
fn service_account() -> Option<ServiceAccount> {
    let port = text("KUBERNETES_SERVICE_PORT")?.parse().ok()?;
    let folder = variable("DRIFT_SERVICE_ACCOUNT_DIR").unwrap_or_else(|| ServiceAccount::FOLDER.into());
    Some(ServiceAccount { host: text("KUBERNETES_SERVICE_HOST")?, port, folder: folder.into() })
}

/// Seconds that a credential plug-in may take.
const PLUGIN_LIMIT: u64 = 30;

/// Credential plug-ins are started by this very binary, which bounds them.
fn plugin_start(timeout: u64) -> Vec<String> {
    let own = Path::new("/proc/self/exe");
    let own = if own.exists() { Some(own.to_owned()) } else { env::current_exe().ok() };
    let limit = Duration::from_secs(timeout.min(PLUGIN_LIMIT));
    let launcher = own.and_then(|own| own.into_os_string().into_string().ok());
    launcher.into_iter().flat_map(|own| [own].into_iter().chain(bounded_arguments(limit))).collect()
}

fn default_cache() -> Option<PathBuf> {
    // The specification of XDG: a relative path is to be ignored.
    let base = variable("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || variable("HOME").map(|home| PathBuf::from(home).join(".cache"));
    Some(base.or_else(home)?.join("drift"))
}

/// Charts are fetched with the user's own logins, from the hosts that the command line or the environment allows.
fn chart_fetcher(place: &TargetArgs, cache: Option<PathBuf>) -> Result<ChartFetcher, CommandError> {
    let allowed = AllowedHosts::parse(&place.fetch_charts);
    let allowed = allowed.map_err(|error| CommandError::Usage(format!("--fetch-charts: {error}")))?;
    Ok(ChartFetcher::new(allowed, own_environment(), cache))
}

/// The environment of programs that log in for the user, git and helm: the user's own, without our tokens.
fn own_environment() -> Vec<(OsString, OsString)> {
    env::vars_os().filter(|(name, _)| !Tokens::variables().any(|ours| name == ours)).collect()
}

/// Whether it is the address of a repository and not a folder: `https://…`, `ssh://…`, `git@host:path`.
pub(super) fn is_address(text: &str) -> bool {
    let scp = text.split_once(':').is_some_and(|(host, _)| host.contains('@') && !host.contains('/'));
    text.contains("://") || scp
}

/// A path in a clone: as it stands, without `.` and `..`.
pub(super) fn normalise_path(path: &Path) -> Result<String, CommandError> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.components() {
        match part {
            std::path::Component::Normal(part) => {
                parts.push(part.to_str().ok_or_else(|| outside_error(path))?);
            }
            std::path::Component::CurDir => {}
            _ => return Err(outside_error(path)),
        }
    }
    Ok(if parts.is_empty() { ".".to_owned() } else { parts.join("/") })
}

fn outside_error(path: &Path) -> CommandError {
    CommandError::Usage(format!("{} is not a path inside the repository", path.display()))
}

/// The path from the repository's root; relative ones are taken from the current folder, and from the root where
/// they are not there.
fn repository_path(
    folder: &Path,
    path: &Path,
    at_revision: bool,
    options: &git::GitOptions,
) -> Result<String, CommandError> {
    let repository = git::Repository::open(folder, options.clone())?;
    let Some(root) = repository.root() else { return normalise_path(path) };
    let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    let base = if folder == Path::new(".") { PathBuf::from(".") } else { folder.to_owned() };
    let from = |base: &Path| {
        base.join(path).canonicalize().ok().and_then(|full| full.strip_prefix(&root).ok().map(Path::to_owned))
    };
    let found = from(Path::new(".")).or_else(|| from(&base)).or_else(|| from(&root));
    match found {
        Some(relative) => normalise_path(&relative),
        None if at_revision && path.is_relative() => normalise_path(path),
        None => Err(CommandError::Usage(format!(
            "{} does not exist in the repository {}",
            path.display(),
            root.display()
        ))),
    }
}
