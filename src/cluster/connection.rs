//! From settings to a client: kubeconfig or service account, credentials, TLS.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use http::header::{HeaderValue, USER_AGENT};
use kube::client::AuthError;
use kube::config::{
    AuthInfo, ExecConfig, ExecInteractiveMode, KubeConfigOptions, Kubeconfig, KubeconfigError,
};
use kube::{Client, Config};
use secrecy::ExposeSecret;

use super::error::{ClusterError, one_line};
use super::settings::{ClusterSettings, ServiceAccount};

/// A client for one server, and how to name both to a person.
pub(super) struct Connection {
    pub(super) client: Client,
    /// URL without credentials.
    pub(super) server: String,
    /// Context of the kubeconfig; `None` in a Pod.
    pub(super) context: Option<String>,
}

/// Reads the configuration and builds the client. Nothing is asked of the server yet; `exec` plug-ins run.
pub(super) async fn open(settings: &ClusterSettings) -> Result<Connection, ClusterError> {
    let (mut config, context) = match kubeconfig_files(settings) {
        Some(files) => {
            let (config, context) = from_kubeconfig(&files, settings).await?;
            (config, Some(context))
        }
        None => (from_service_account(settings)?, None),
    };
    config.default_retry = false; // ours has a deadline
    config.read_timeout = None; // so has one request
    config.write_timeout = Some(settings.timeout);
    config.connect_timeout = Some(settings.timeout.min(super::request::CONNECT_LIMIT));
    let agent = HeaderValue::from_static(concat!("drift/", env!("CARGO_PKG_VERSION")));
    config.headers.push((USER_AGENT, agent));
    let server = without_credentials(&config.cluster_url);
    let client = build(config, &server, settings).await?;
    Ok(Connection { client, server, context })
}

/// The kubeconfigs to read: the named one, else those of the default places that exist.
fn kubeconfig_files(settings: &ClusterSettings) -> Option<Vec<PathBuf>> {
    if let Some(named) = &settings.kubeconfig {
        return Some(vec![named.clone()]);
    }
    let there: Vec<_> = settings.default_kubeconfigs.iter().filter(|file| file.exists()).cloned().collect();
    (!there.is_empty()).then_some(there)
}

async fn from_kubeconfig(
    files: &[PathBuf],
    settings: &ClusterSettings,
) -> Result<(Config, String), ClusterError> {
    let names: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
    let file = names.join(", ");
    let refuse = |why: String| ClusterError::Kubeconfig { file: file.clone(), why };
    let mut merged = Kubeconfig::default();
    for path in files {
        merged = merged.merge(read(path)?).map_err(|cause| refuse(describe_error(&cause)))?;
    }
    let Some(context) = settings.context.clone().or_else(|| merged.current_context.clone()) else {
        return Err(ClusterError::NoCurrentContext { file });
    };
    let Some(named) = merged.contexts.iter().find(|known| known.name == context) else {
        return Err(ClusterError::UnknownContext { context, file, known: known_contexts(&merged) });
    };
    // kube continues anonymously if the user is missing; kubectl and drift refuse.
    let user =
        named.context.as_ref().and_then(|context| context.user.as_deref()).filter(|user| !user.is_empty());
    if let Some(user) = user
        && !merged.auth_infos.iter().any(|known| known.name == user)
    {
        return Err(refuse(format!("context {context:?} names user {user:?}, which does not exist")));
    }
    let options = KubeConfigOptions { context: Some(context.clone()), ..KubeConfigOptions::default() };
    let mut config = Config::from_custom_kubeconfig(merged, &options)
        .await
        .map_err(|cause| refuse(describe_error(&cause)))?;
    tidy_token(&mut config.auth_info).map_err(|why| refuse(why.to_string()))?;
    if let Some(exec) = &mut config.auth_info.exec {
        let known = exec.drop_env.get_or_insert_default();
        known.extend_from_slice(&settings.hidden_from_plugins);
    }
    Ok((config, context))
}

fn read(path: &Path) -> Result<Kubeconfig, ClusterError> {
    Kubeconfig::read_from(path).map_err(|cause| ClusterError::Kubeconfig {
        file: path.display().to_string(),
        why: describe_error(&cause),
    })
}

fn known_contexts(kubeconfig: &Kubeconfig) -> String {
    let mut names: Vec<_> = kubeconfig.contexts.iter().map(|context| context.name.as_str()).collect();
    names.sort_unstable();
    if names.is_empty() { "none".to_owned() } else { one_line(&names.join(", ")) }
}

/// Why a kubeconfig cannot be used; never its text, which holds credentials.
fn describe_error(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::Parse(cause) => match cause.location() {
            Some(at) => format!("not a kubeconfig at {}:{}", at.line(), at.column()),
            None => "not a kubeconfig".to_owned(),
        },
        KubeconfigError::ReadConfig(cause, _) => cause.to_string(),
        KubeconfigError::LoadClusterOfContext(cluster) => {
            format!("the context names cluster {cluster:?}, which does not exist")
        }
        other => one_line(&other.to_string()),
    }
}

/// Why a kubeconfig's token cannot be used; never its text.
#[derive(Debug, thiserror::Error)]
enum TokenError {
    #[error("token file {file}: {cause}")]
    File { file: String, cause: std::io::Error },
    #[error("the user's token has a character that no HTTP header may have")]
    Character,
}

/// kubectl drops white space around a token; kube would panic on a newline in one.
fn tidy_token(user: &mut AuthInfo) -> Result<(), TokenError> {
    if user.token.is_none()
        && let Some(file) = &user.token_file
    {
        let text =
            std::fs::read_to_string(file).map_err(|cause| TokenError::File { file: file.clone(), cause })?;
        if text.trim() != text {
            user.token = Some(text.into());
        }
    }
    if let Some(token) = &user.token {
        let trimmed = token.expose_secret().trim();
        if HeaderValue::from_str(trimmed).is_err() {
            return Err(TokenError::Character);
        }
        user.token = Some(trimmed.to_owned().into());
    }
    Ok(())
}

fn from_service_account(settings: &ClusterSettings) -> Result<Config, ClusterError> {
    let Some(account) = &settings.service_account else {
        let places: Vec<_> =
            settings.default_kubeconfigs.iter().map(|file| file.display().to_string()).collect();
        let tried =
            if places.is_empty() { "no kubeconfig".to_owned() } else { format!("no {}", places.join(", ")) };
        return Err(ClusterError::NoCluster { looked: format!("{tried}, and drift does not run in a Pod") });
    };
    let refuse = |why: String| ClusterError::ServiceAccount { folder: account.folder.clone(), why };
    if let Some(context) = &settings.context {
        return Err(refuse(format!("context {context:?} was asked for, and there is no kubeconfig")));
    }
    let url = server_url(account).parse().map_err(|_| refuse(format!("{:?} is no host", account.host)))?;
    let mut config = Config::new(url);
    let file = |name: &str| {
        let path = account.folder.join(name);
        std::fs::read(&path).map(|_| path).map_err(|cause| refuse(format!("{name}: {cause}")))
    };
    config.root_cert_file = Some(file("ca.crt")?);
    config.auth_info.token_file = Some(file("token")?.display().to_string());
    tidy_token(&mut config.auth_info).map_err(|why| refuse(why.to_string()))?;
    Ok(config)
}

fn server_url(account: &ServiceAccount) -> String {
    match account.host.parse::<IpAddr>() {
        Ok(IpAddr::V6(address)) => format!("https://[{address}]:{}", account.port),
        _ => format!("https://{}:{}", account.host, account.port),
    }
}

/// Has a credential plug-in run by the program that bounds it, now and at each renewal. It asks nobody: there is nothing
/// to read for it.
fn bound_plugin(exec: &mut ExecConfig, start: &[String]) {
    let (Some(plugin), [launcher, first @ ..]) = (exec.command.clone(), start) else { return };
    let own = exec.args.take().unwrap_or_default();
    exec.args = Some(first.iter().cloned().chain([plugin]).chain(own).collect());
    exec.command = Some(launcher.clone());
    exec.interactive_mode = Some(ExecInteractiveMode::Never);
}

/// Credential plug-ins run in here, and kube waits for them without a limit.
async fn build(mut config: Config, server: &str, settings: &ClusterSettings) -> Result<Client, ClusterError> {
    let limit = settings.timeout;
    let refuse = |why: String| ClusterError::Credentials { server: server.to_owned(), why };
    let plugin = config.auth_info.exec.as_ref().and_then(|exec| exec.command.clone()).unwrap_or_default();
    if let Some(exec) = &mut config.auth_info.exec {
        bound_plugin(exec, &settings.plugin_start);
    }
    let (send, built) = tokio::sync::oneshot::channel();
    let runtime = tokio::runtime::Handle::current();
    // A thread of its own: the runtime would wait at its end for a plug-in that hangs.
    std::thread::spawn(move || {
        let _inside = runtime.enter();
        // Nobody waits any more where the time is over.
        let _ = send.send(super::transport::client(config));
    });
    match tokio::time::timeout(limit, built).await {
        Ok(Ok(Ok(client))) => Ok(client),
        Ok(Ok(Err(cause))) => Err(refuse(describe_client_error(&cause, &plugin))),
        Ok(Err(_)) => Err(refuse("the credentials are malformed".to_owned())),
        Err(_) => Err(refuse(format!("plug-in {plugin:?} gave no answer within {limit:?}"))),
    }
}

/// Why there is no client; never what a plug-in printed on standard output, which is a token.
fn describe_client_error(error: &kube::Error, plugin: &str) -> String {
    let kube::Error::Auth(cause) = error else {
        return one_line(&error.to_string());
    };
    match cause {
        AuthError::AuthExecRun { out, .. } => {
            let said = one_line(&String::from_utf8_lossy(&out.stderr));
            format!("plug-in {plugin:?} failed ({}): {said}", out.status)
        }
        AuthError::AuthExecParse(_) | AuthError::ExecPluginFailed => {
            format!("plug-in {plugin:?} printed no ExecCredential with a status")
        }
        AuthError::AuthExecStart(cause) => format!("plug-in {plugin:?} could not be started: {cause}"),
        AuthError::InvalidBearerToken(_) => {
            "the token has a character that no HTTP header may have".to_owned()
        }
        other => one_line(&other.to_string()),
    }
}

fn without_credentials(url: &http::Uri) -> String {
    let authority = url.authority().map(http::uri::Authority::as_str).unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let path = url.path().trim_end_matches('/');
    format!("{}://{host}{path}", url.scheme_str().unwrap_or("http"))
}
