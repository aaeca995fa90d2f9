//! Standard output and report files.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::arguments::{Color, OutputArgs, OutputFile, OutputFormat};
use super::environment::variable;
use super::error::CommandError;
use super::message::{error, warning};
use crate::model::CheckReport;
use crate::report::{self, ReportStyle};

/// Writes every report of a check, and problems to standard error.
pub(super) fn check(print: &OutputArgs, checked: &CheckReport) -> Result<(), CommandError> {
    // A person who reads the text report has it all there.
    if print.output != OutputFormat::Text || !io::stdout().is_terminal() {
        checked.warnings.iter().for_each(|text| warning(text));
        checked
            .incomplete
            .iter()
            .for_each(|found| error(&format!("not examined: {}: {}", found.what, found.why)));
    }
    let style = ReportStyle { color: use_color(print.color), all: print.all };
    let shown = to_stdout(|out| report::check(print.output.into(), style, checked, out));
    // One report that cannot be written keeps no other from being written.
    let style = ReportStyle { color: false, ..style };
    let written = print.output_file.iter().map(|file| {
        let failed = |source| CommandError::Io { what: format!("writing {}", file.path.display()), source };
        to_file(&file.path, |out| report::check(file.format, style, checked, out)).map_err(failed)
    });
    let written: Vec<Result<(), CommandError>> = written.collect();
    std::iter::once(shown).chain(written).collect()
}

/// Refuses report files that cannot be written, before anything is read.
pub(super) fn validate_output_paths(print: &OutputArgs) -> Result<(), CommandError> {
    for OutputFile { path, .. } in &print.output_file {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        if let Some(parent) = parent.filter(|parent| !parent.is_dir()) {
            let why = format!("--output-file {}: there is no folder {}", path.display(), parent.display());
            return Err(CommandError::Usage(why));
        }
        refuse_link(path)?;
        if path.is_dir() {
            let why = format!("--output-file: {} is a folder: name a file in it", path.display());
            return Err(CommandError::Usage(why));
        }
    }
    Ok(())
}

/// Refuses a file of which a part below the work tree (or the current folder) is a link: whoever may commit chose where it
/// leads. Devices and streams of the system are no part of any work tree.
pub(super) fn refuse_link(path: &Path) -> Result<(), CommandError> {
    let full = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    if ["/dev", "/proc"].iter().any(|system| full.starts_with(system)) {
        return Ok(());
    }
    let above = if path.is_relative() { path.components().count() } else { 1 };
    let work_tree = full.ancestors().position(|folder| folder.join(".git").symlink_metadata().is_ok());
    let own = full.ancestors().take(above.max(work_tree.unwrap_or_default()));
    match own.into_iter().find(|part| part.is_symlink()) {
        None => Ok(()),
        Some(link) => Err(CommandError::Usage(format!(
            "{}: {} is a symbolic link, and drift does not write through links: name the file itself",
            path.display(),
            link.display()
        ))),
    }
}

/// Writes a file whole or not at all; what is no plain file (`/dev/stderr`, a pipe) is written as it is.
fn to_file(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let is_special = std::fs::symlink_metadata(path).is_ok_and(|metadata| !metadata.is_file());
    if is_special {
        let mut out = BufWriter::new(std::fs::File::create(path)?);
        return write(&mut out).and_then(|()| out.flush());
    }
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let mut builder = tempfile::Builder::new();
    builder.prefix(".drift-report-").permissions(PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder.unwrap_or(Path::new(".")))?;
    let mut out = BufWriter::new(&mut file);
    write(&mut out).and_then(|()| out.flush())?;
    drop(out);
    file.persist(path).map(drop).map_err(|error| error.error)
}

/// Writes to standard output; a reader who has gone (`| head`) is no error.
pub(super) fn to_stdout(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), CommandError> {
    let mut out = BufWriter::new(io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(source) => Err(CommandError::Io { what: "writing to standard output".to_owned(), source }),
        Ok(()) => Ok(()),
    }
}

/// Whether standard output takes colour: as asked for, else by FORCE_COLOR, else by the rules that clap's help follows:
/// NO_COLOR, CLICOLOR_FORCE, CLICOLOR and the terminal.
pub(super) fn use_color(color: Color) -> bool {
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto if variable("NO_COLOR").is_none() && variable("FORCE_COLOR").is_some() => true,
        Color::Auto => anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never,
    }
}
