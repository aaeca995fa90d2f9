//! How Kustomize reads its own files.

/// The largest kustomization that is read.
pub(super) const FILE_CAP: u64 = 16 * 1024 * 1024;

/// A key as Go's JSON compares keys: whatever its case, and with the letters that fold to ASCII ones.
pub(super) fn fold_key(key: &str) -> String {
    let fold = |c: char| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    };
    key.chars().map(fold).collect()
}
