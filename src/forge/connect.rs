//! The forge that the settings name.

use super::error::ForgeError;
use super::gitea::Gitea;
use super::github::GitHub;
use super::interface::Forge;
use super::settings::ForgeSettings;
use crate::config::ForgeKind;

/// The forge over HTTP that the settings name. Nothing is asked of it yet. Must be called inside a Tokio runtime.
///
/// # Errors
/// Only [`ForgeError::Configuration`]: no known kind, no token, a token that may not go there, GitLab, and
/// [`ForgeKind::Local`], which needs no settings: [`super::LocalForge`].
pub fn connect(settings: &ForgeSettings) -> Result<Box<dyn Forge>, ForgeError> {
    match settings.kind()? {
        ForgeKind::GitHub => Ok(Box::new(GitHub::new(settings)?)),
        ForgeKind::Gitea => Ok(Box::new(Gitea::new(settings)?)),
        ForgeKind::GitLab => Err(ForgeError::configuration(
            "`forge.type: gitlab` is not supported yet",
            "use github, gitea (Forgejo too) or local",
        )),
        ForgeKind::Local => {
            Err(ForgeError::configuration("the local forge needs a repository", "open one first"))
        }
    }
}
