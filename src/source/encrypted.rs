//! Files that are encrypted, told by what they begin with or what SOPS adds to them. drift has no keys and decrypts nothing.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::tree::SourceTree;
use crate::git::read_file;
use crate::model::ResourceId;
use crate::yaml;

/// What whole files begin with.
const BEGINNINGS: [(&[u8], &str); 5] = [
    (b"-----BEGIN AGE ENCRYPTED FILE-----", "age"),
    (b"age-encryption.org/v1", "age"),
    (b"-----BEGIN PGP MESSAGE-----", "PGP"),
    (b"\0GITCRYPT\0", "git-crypt"),
    (b"$ANSIBLE_VAULT;", "Ansible Vault"),
];

/// What encrypted a file as a whole.
pub(super) fn detect_whole_file(bytes: &[u8]) -> Option<&'static str> {
    let start = bytes.trim_ascii_start();
    BEGINNINGS.iter().find(|(begins, _)| start.starts_with(begins)).map(|(_, tool)| *tool)
}

/// Why a file that is encrypted as a whole is not read.
pub(super) fn whole_file_reason(tool: &str) -> String {
    format!("it is encrypted ({tool}), and drift does not decrypt: what it declares was not compared")
}

/// Whether SOPS made this of a document.
pub(super) fn is_sops_encrypted(value: &Value) -> bool {
    value.get("sops").and_then(|sops| sops.get("mac")).is_some_and(Value::is_string)
}

/// Why an object of which SOPS encrypted even the kind is not compared.
pub(super) fn hidden_kind(id: &ResourceId) -> Option<&'static str> {
    let is_cipher = |text: &str| text.starts_with("ENC[");
    let why = "SOPS encrypted all of it, its kind too, and drift does not decrypt: it was not compared \
               (`encrypted_regex: ^(data|stringData)$` in .sops.yaml keeps the rest readable)";
    (is_cipher(&id.kind) || is_cipher(&id.version) || is_cipher(&id.group)).then_some(why)
}

/// What encrypted a file: of YAML and JSON, any of its documents.
pub(super) fn detect_encryption(bytes: &[u8]) -> Option<&'static str> {
    let by_document = || {
        let mut documents = yaml::read(bytes).into_iter().flatten();
        documents.any(|document| is_sops_encrypted(&document.to_json())).then_some("SOPS")
    };
    detect_whole_file(bytes).or_else(by_document)
}

/// What a kustomize that failed may have failed on: an encrypted file among those that it was to read.
pub(super) fn decryption_hint<'r>(
    seen: SourceTree<'_>,
    reached: impl IntoIterator<Item = &'r PathBuf>,
) -> Option<String> {
    let is_file = |path: &&PathBuf| seen.root.join(path).is_file();
    reached.into_iter().filter(is_file).find_map(|path| {
        let bytes = read_file(seen.root, path, super::kustomize_files::FILE_CAP).ok()?;
        let shown = super::tree::with_forward_slashes(Path::new(path));
        let tool = detect_encryption(&bytes)?;
        Some(format!("{shown} is encrypted ({tool}), and drift does not decrypt"))
    })
}

/// The API group of the plug-in that decrypts for kustomize.
pub(super) const KSOPS: &str = "viaduct.ai/";

#[cfg(test)]
mod tests {
    use super::detect_encryption;

    #[test]
    fn encryption_tool_detected_from_content() {
        for (text, tool) in [
            ("-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n-----END AGE ENCRYPTED FILE-----\n", Some("age")),
            ("\n-----BEGIN PGP MESSAGE-----\n\nhF4D\n", Some("PGP")),
            ("\0GITCRYPT\0abc", Some("git-crypt")),
            ("$ANSIBLE_VAULT;1.1;AES256\n6162\n", Some("Ansible Vault")),
            ("data: ENC[AES256_GCM,data:x]\nsops: {mac: 'ENC[AES256_GCM,data:y]'}\n", Some("SOPS")),
            (r#"{"data": "ENC[AES256_GCM,data:x]", "sops": {"mac": "x"}}"#, Some("SOPS")),
            ("a: 1\n---\nb: 2\nsops: {mac: x}\n", Some("SOPS")),
            // Of another program that has this key.
            ("sops: true\n", None),
            ("sops: {enabled: true}\n", None),
            ("a: -----BEGIN PGP MESSAGE-----\n", None),
            ("kind: ConfigMap\n", None),
        ] {
            assert_eq!(detect_encryption(text.as_bytes()), tool, "{text:?}");
        }
    }
}
