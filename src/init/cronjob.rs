//! The overlay of the CronJob: what `deploy/README.md` shows, filled in.

use super::names::shown;
use crate::git::RemoteAddress;
use crate::text::format_yaml_line;

/// The file of the overlay.
pub(super) const FILE: &str = "kustomization.yaml";

/// What stands for an address that is not known.
const EXAMPLE: &str = "https://git.example.com/acme/gitops.git";

/// The text of the overlay in `folder` for a repository.
pub(super) fn cronjob_text(folder: &str, remote: Option<&RemoteAddress>) -> String {
    let (address, note) = address(remote);
    let (folder, address) = (shown(folder), format_yaml_line(&address));
    let version = env!("CARGO_PKG_VERSION");
    format!(
        r#"# drift itself, in the cluster: `kubectl apply --kustomize {folder}`. It reads with `get` and `list` only.

# Namespace of everything below; it is made with it.
namespace: drift
resources:
  # The CronJob with its service account, roles and network policy, at a release. To compare Secrets too, see
  # deploy/components/read-secrets there.
  - https://github.com/drift/drift//deploy/base?ref=v{version}
patches:
  - patch: |-
      apiVersion: v1
      kind: ConfigMap
      metadata: {{name: drift-settings, namespace: drift}}
      data:
        # {note}
        repository: {address}
  - patch: |-
      apiVersion: batch/v1
      kind: CronJob
      metadata: {{name: drift, namespace: drift}}
      spec:
        # How often it runs: at least every 30 minutes, for Events are kept for an hour.
        schedule: "*/15 * * * *"
        jobTemplate:
          spec:
            template:
              spec:
                volumes:
                  # The Secret with the forge's token under the key `token`, which is never in Git. From a file `token`:
                  # `kubectl --namespace drift create secret generic drift-token --from-file=token=token`
                  - name: token
                    secret: {{secretName: drift-token}}
"#
    )
}

/// The address that the CronJob clones, without credentials, and what to say of it. Its image reaches repositories by HTTPS.
fn address(remote: Option<&RemoteAddress>) -> (String, &'static str) {
    let Some(RemoteAddress { url, host: Some(host), web, owner_repo: Some(name), .. }) = remote else {
        return (
            EXAMPLE.to_owned(),
            "CHANGE THIS: the address of this repository, by HTTPS and without credentials.",
        );
    };
    match web {
        Some(_) => (url.clone(), "The address of this repository, without credentials."),
        None => {
            let address = format!("https://{host}/{name}.git");
            (address, "The address of this repository by HTTPS, as the remote's ssh address tells it.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{EXAMPLE, address};
    use crate::git::RemoteAddress;

    #[test]
    fn repository_is_reached_by_https_without_credentials() {
        for (url, expected) in [
            ("https://git.example.com:8443/acme/gitops.git", "https://git.example.com:8443/acme/gitops.git"),
            ("https://me:secret@git.example.com/acme/gitops", "https://git.example.com/acme/gitops"),
            ("git@git.example.com:acme/gitops.git", "https://git.example.com/acme/gitops.git"),
            ("ssh://git@git.example.com:2222/acme/gitops", "https://git.example.com/acme/gitops.git"),
            ("/srv/gitops", EXAMPLE),
        ] {
            assert_eq!(address(Some(&RemoteAddress::new("origin", url))).0, expected, "{url}");
        }
        assert_eq!(address(None).0, EXAMPLE);
    }
}
