//! Markdown and annotations, as a forge shows them.

use super::golden;
use super::world::{LIVE, check, repo};
use crate::input::server::Server;

#[test]
fn a_page_and_annotations() {
    let (repo, server) = (repo(), Server::with(LIVE));
    repo.write("apps/broken.yaml", "kind: [\n");
    repo.git(&["add", "--all"]);
    for (format, name) in [("markdown", "page.md"), ("github", "annotations.txt")] {
        let output = check(&repo, &server, &["-o", format]).run().expect_status(3);
        golden(name, &output.stdout);
    }
}
