//! The workflow: the one that is shipped, as the forge wants it.

use crate::config::ForgeKind;

/// The workflow that `deploy/github` ships.
const SHIPPED: &str = include_str!("../../deploy/github/drift.yml");

/// The user of a workflow's own token on GitHub.
pub(super) const GITHUB_LOGIN: &str = "github-actions[bot]";

/// Where the workflow is for a kind of forge, and its text; `None` where drift has none.
pub(super) fn workflow(kind: ForgeKind) -> Option<(&'static str, String)> {
    match kind {
        ForgeKind::GitHub => Some((".github/workflows/drift.yaml", SHIPPED.to_owned())),
        ForgeKind::Gitea => Some((".gitea/workflows/drift.yaml", gitea())),
        ForgeKind::GitLab | ForgeKind::Local => None,
    }
}

/// Gitea looks for actions where its administrator says, unless their address is whole. Its own token is of a user that
/// cannot be asked for, so that `run` is given another one.
fn gitea() -> String {
    let with = "          command: run\n";
    let token = "          # A secret of the repository: the token of a user of drift's own (write:repository, write:issue).\n\
                 \x20         token: ${{ secrets.DRIFT_TOKEN }}\n";
    SHIPPED
        .replace(".github/workflows/", ".gitea/workflows/")
        .replace("uses: ", "uses: https://github.com/")
        .replace(with, &format!("{with}{token}"))
}

#[cfg(test)]
mod tests {
    use super::{SHIPPED, workflow};
    use crate::config::ForgeKind;

    #[test]
    fn gitea_gets_whole_addresses_and_its_own_token() {
        let (path, text) = workflow(ForgeKind::Gitea).expect("there is one");
        assert!(
            path.starts_with(".gitea/") && text.contains("as .gitea/workflows/drift.yaml"),
            "{path}\n{text}"
        );
        let uses: Vec<&str> = text.lines().filter(|line| line.contains("uses: ")).collect();
        assert_eq!(uses.len(), 4);
        assert!(uses.iter().all(|line| line.contains("uses: https://github.com/")), "{uses:?}");
        assert_eq!(text.matches("secrets.DRIFT_TOKEN").count(), 1);
        assert_eq!(text.lines().count(), SHIPPED.lines().count() + 2);
    }
}
