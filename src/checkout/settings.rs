//! What says where a repository is and how it is read.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::Timestamp;
use tracing::info_span;

use super::CheckoutError;
use crate::config::ForgeKind;
use crate::git::{self, Remote, RemoteAddress, Repository};
use crate::source::Tools;

/// Where the repository is.
#[derive(Debug, Clone)]
pub enum RepositoryLocation {
    /// A folder of this machine, in a repository.
    Folder(PathBuf),
    /// An address; it is cloned.
    Url(String),
}

/// The tokens of the environment, each for one kind of forge.
#[derive(Debug, Clone, Default)]
pub struct Tokens {
    /// Meant for drift.
    drift: Option<git::Token>,
    /// Meant for a kind of forge.
    own: BTreeMap<ForgeKind, git::Token>,
}

impl Tokens {
    /// The variable that holds drift's own token.
    pub const VARIABLE: &'static str = "DRIFT_TOKEN";
    /// The variable that names a file with drift's own token.
    pub const FILE_VARIABLE: &'static str = "DRIFT_TOKEN_FILE";

    /// drift's own token, and what `variable` gives for the variables of each kind of forge.
    pub fn new(drift: Option<git::Token>, variable: impl Fn(&str) -> Option<git::Token>) -> Self {
        let own = |kind: ForgeKind| Some((kind, variable(kind.token_variable()?)?));
        Self { drift, own: ForgeKind::ALL.into_iter().filter_map(own).collect() }
    }

    /// All variables that are about tokens: other programs have no business with them.
    pub fn variables() -> impl Iterator<Item = &'static str> {
        let own = ForgeKind::ALL.into_iter().filter_map(ForgeKind::token_variable);
        [Self::VARIABLE, Self::FILE_VARIABLE].into_iter().chain(own)
    }

    /// Whether there is one that was meant for drift.
    #[must_use]
    pub fn has_own(&self) -> bool {
        self.drift.is_some()
    }

    /// The token for a forge of this kind. One that was meant for another kind is never given, and for a forge that is
    /// not known only drift's own.
    #[must_use]
    pub fn token_for(&self, kind: Option<ForgeKind>) -> Option<git::Token> {
        self.drift.clone().or_else(|| self.own.get(&kind?).cloned())
    }
}

/// What is read of which repository; from arguments and the environment by `cli`.
#[derive(Debug, Clone)]
pub struct CheckoutSettings {
    /// The repository.
    pub location: RepositoryLocation,
    /// A branch, tag or commit; `None`: the work tree.
    pub revision: Option<String>,
    /// Path from the repository's root that narrows the sources, or is the one source.
    pub path: Option<String>,
    /// Reads untracked and ignored files of the work tree too.
    pub include_untracked: bool,
    /// helm and kustomize.
    pub tools: Tools,
    /// Folder that outlives the run.
    pub cache: Option<PathBuf>,
    /// How repositories are opened, and the environment of the `git` program.
    pub git: git::GitOptions,
    /// Tokens for the forge, and for remotes on its host.
    pub tokens: Tokens,
    /// The time of the run.
    pub now: Timestamp,
}

impl CheckoutSettings {
    /// The day of the run (`2026-11-22`), against which rules of `drift.yaml` expire.
    pub(crate) fn today(&self) -> String {
        self.now.strftime("%Y-%m-%d").to_string()
    }

    /// Opens or clones the repository.
    pub(crate) fn open_repository(&self) -> Result<Repository, CheckoutError> {
        let _stage = info_span!("open", clone = matches!(self.location, RepositoryLocation::Url(_)));
        Ok(match &self.location {
            RepositoryLocation::Folder(folder) => Repository::open(folder, self.git.clone())?,
            RepositoryLocation::Url(url) => {
                let clones = self.cache.as_ref().map(|cache| cache.join("clones"));
                let token = self.tokens.token_for(RemoteAddress::new("origin", url).forge_kind());
                let remote = Remote::from_url(url)?.with_token(token);
                Repository::clone(&remote, clones.as_deref(), self.git.clone())?
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{ForgeKind, Tokens};
    use crate::git::Token;

    #[test]
    fn token_used_only_for_its_forge_kind() {
        let shown = |tokens: &Tokens, kind| tokens.token_for(kind).map(|token| token.expose().to_owned());
        let (hub, tea) = (Token::new("hub"), Token::new("tea"));
        let held = |name: &str| match name {
            "GITHUB_TOKEN" => hub.clone(),
            "GITEA_TOKEN" => tea.clone(),
            _ => None,
        };
        let tokens = Tokens::new(None, held);
        for (kind, expected) in [
            (Some(ForgeKind::GitHub), Some("hub")),
            (Some(ForgeKind::Gitea), Some("tea")),
            (Some(ForgeKind::GitLab), None),
            (Some(ForgeKind::Local), None),
            (None, None),
        ] {
            assert_eq!(shown(&tokens, kind).as_deref(), expected, "{kind:?}");
        }
        let tokens = Tokens::new(Token::new("own"), held);
        assert_eq!(shown(&tokens, None).as_deref(), Some("own"));
        assert_eq!(shown(&tokens, Some(ForgeKind::GitHub)).as_deref(), Some("own"));
    }

    #[test]
    fn all_token_variables_are_known() {
        let known: Vec<_> = Tokens::variables().collect();
        let expected = ["DRIFT_TOKEN", "DRIFT_TOKEN_FILE", "GITHUB_TOKEN", "GITEA_TOKEN", "GITLAB_TOKEN"];
        assert_eq!(known, expected);
    }
}
