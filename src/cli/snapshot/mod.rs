//! `drift snapshot`.

mod scope;

use std::io::Write;
use std::path::Path;

use super::arguments::SnapshotArguments;
use super::error::CommandError;
use super::exit_code::INCOMPLETE;
use super::{environment, message, output};
use crate::check::CheckSettings;
use crate::cluster::SnapshotSummary;
use scope::SnapshotScope;

/// Writes the snapshot to a temporary file next to its target and renames it when complete.
pub(super) async fn run(arguments: SnapshotArguments) -> Result<u8, CommandError> {
    let SnapshotArguments { file, path, everything, target: place } = arguments;
    if file != Path::new("-") {
        output::refuse_link(&file)?;
    }
    let settings = environment::settings(&place, None, path.as_deref())?;
    let extent = if everything { SnapshotScope::Everything } else { SnapshotScope::Declared };
    let summary = if file == Path::new("-") {
        let mut bytes = Vec::new();
        let summary = scope::snapshot(&settings, extent, &mut bytes).await?;
        output::to_stdout(|out| out.write_all(&bytes))?;
        summary
    } else {
        to_file(&settings, extent, &file).await?
    };
    summary.unread.iter().for_each(|unread| message::error(&format!("not in the snapshot: {unread}")));
    message::note(&format!(
        "{} written",
        crate::text::pluralize(usize::try_from(summary.objects).unwrap_or(usize::MAX), "object")
    ));
    Ok(if summary.unread.is_empty() { 0 } else { INCOMPLETE })
}

async fn to_file(
    settings: &CheckSettings,
    extent: SnapshotScope,
    file: &Path,
) -> Result<SnapshotSummary, CommandError> {
    let failed = |source| CommandError::Io { what: format!("writing {}", file.display()), source };
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut temporary = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    let summary = {
        let mut out = std::io::BufWriter::new(temporary.as_file_mut());
        let summary = scope::snapshot(settings, extent, &mut out).await?;
        out.flush().map_err(failed)?;
        summary
    };
    temporary.persist(file).map_err(|error| failed(error.error))?;
    Ok(summary)
}
