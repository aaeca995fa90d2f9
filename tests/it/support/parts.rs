//! The real programs that the tests run.
//!
//! `tests/parts/bring PART` builds a part once and prints its folder. For the control plane, `KUBEBUILDER_ASSETS` is
//! looked at first (the convention of controller-runtime's envtest). A part that cannot be had fails the tests that need
//! it; CONTRIBUTING.md says how to leave those out.

#![expect(clippy::disallowed_methods, reason = "tests run programs and read the developer's environment")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};

/// The folder that holds the programs of a part; built if need be.
///
/// A part that cannot be had fails the test, with the command that brings it.
pub(crate) fn part(name: &str) -> PathBuf {
    type Found = Arc<OnceLock<Result<PathBuf, String>>>;
    static FOUND: Mutex<BTreeMap<String, Found>> = Mutex::new(BTreeMap::new());
    let found = {
        let mut all = FOUND.lock().expect("no test panics while it looks a part up");
        Arc::clone(all.entry(name.to_owned()).or_default())
    };
    match found.get_or_init(|| bring(name)) {
        Ok(folder) => folder.clone(),
        Err(why) => panic!("{why}"),
    }
}

/// The path of a program of a part: `program("kubernetes", "kube-apiserver")`.
///
/// `KUBEBUILDER_ASSETS` goes first for what envtest ships.
pub(crate) fn program(part_name: &str, program_name: &str) -> PathBuf {
    if let Some(assets) = std::env::var_os("KUBEBUILDER_ASSETS")
        && ["etcd", "kube-apiserver", "kubectl"].contains(&program_name)
    {
        let path = Path::new(&assets).join(program_name);
        assert!(path.is_file(), "KUBEBUILDER_ASSETS is set, and there is no {}", path.display());
        return path;
    }
    part(part_name).join(program_name)
}

fn bring(name: &str) -> Result<PathBuf, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parts/bring");
    let how = format!("tests/parts/bring {name}");
    // Progress goes to the real standard error: a first build takes minutes.
    let output = Command::new(&script)
        .arg(name)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("{}: {error}", script.display()))?;
    let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim_end());
    if output.status.success() && folder.is_dir() {
        return Ok(folder);
    }
    Err(format!(
        "the part {name} is missing: `{how}` gave {}; run it by hand to see why \
         (CONTRIBUTING.md says how to leave out the tests that need it)",
        output.status
    ))
}

/// The absolute path of a program of the system, by the developer's `PATH`.
pub(crate) fn system_program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
        .unwrap_or_else(|| panic!("the tests need {name} on the PATH"))
}
