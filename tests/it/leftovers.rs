//! What killed runs leave in the temporary folder.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::support::command::Drift;
use crate::support::tree::{product_text, root, rust_files};

/// Makes a folder with something in it, last changed in 1970 where it is old.
fn folder(path: &Path, is_old: bool) {
    std::fs::create_dir_all(path.join("inner")).expect("a folder of our own");
    std::fs::write(path.join("inner/file"), "x").expect("a folder of our own");
    if is_old {
        let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
        std::fs::File::open(path).and_then(|open| open.set_modified(old)).expect("a folder of our own");
    }
}

#[test]
fn leftovers_of_killed_runs_are_removed() {
    let drift = Drift::new().args(["check", "nowhere"]);
    let temporary = drift.home().join("tmp");
    let gone = [
        "drift-tree-aB3dE6",
        "drift-chart-000000",
        "drift-render-000000",
        "drift-clone-zzzzzz",
        "drift-demo-ABCDEF",
        "drift-git-a1b2c3",
    ];
    let kept = ["tree-aB3dE6", "drift-tree-mine", "drift-tree-aB3d.6", "drift-tree-", "drift-notes-aB3dE6"];
    gone.iter().chain(&kept).for_each(|name| folder(&temporary.join(name), true));
    folder(&temporary.join("drift-tree-fresh1"), false);
    let precious = drift.home().join("precious");
    folder(&precious, true);
    symlink(&precious, temporary.join("drift-tree-link01")).expect("a new link");
    symlink(&precious, temporary.join("drift-tree-aB3dE6/link")).expect("a new link");
    folder(&temporary.join("drift-tree-aB3dE6"), true);
    std::fs::write(temporary.join("drift-tree-file01"), "x").expect("a folder of our own");
    let _no_repository = drift.run();
    for name in gone {
        assert!(!temporary.join(name).exists(), "{name} is still there");
    }
    for name in kept.iter().chain(&["drift-tree-fresh1", "drift-tree-file01", "drift-tree-link01"]) {
        assert!(temporary.join(name).exists(), "{name} is gone");
    }
    assert!(precious.join("inner/file").exists(), "a link was followed");
}

/// A folder of a new kind is swept too.
#[test]
fn sweep_knows_every_temporary_folder_prefix() {
    let known = product_text(&root().join("src/cli/sweep.rs"));
    for file in rust_files("src") {
        let text = product_text(&root().join(&file));
        for prefix in text.split("prefix(\"drift-").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(known.contains(&format!("\"drift-{prefix}\"")), "{file}: drift-{prefix}");
        }
    }
}
