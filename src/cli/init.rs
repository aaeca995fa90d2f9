//! `drift init`.

use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::arguments::{InitArguments, InitFile, InitForge, TargetArgs};
use super::error::CommandError;
use super::{environment, message, output};
use crate::git::is_git_path;
use crate::init::{self, FilePlan, ForgeKind, InitPart, InitPlan, InitSettings};
use crate::text::one_line;

/// What becomes of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Written,
    Replaced,
    Kept,
    /// It is there under another name that counts as well.
    KeptOther,
}

/// Looks, writes what is missing, and says what was found and what comes next.
pub(super) async fn run(arguments: InitArguments) -> Result<u8, CommandError> {
    let InitArguments { path, dry_run, force, only, cronjob_dir, forge, target } = arguments;
    let mut settings = settings(path.as_deref(), &cronjob_dir, forge, target)?;
    settings.parts.retain(|part| only.is_empty() || only.contains(&file_of(*part)));
    let progress = message::Progress::new();
    let plan = init::plan(&settings, &|stage| progress.stage(stage)).await;
    progress.done();
    let plan = plan?;
    plan.warnings.iter().for_each(|text| message::warning(text));
    if dry_run {
        plan.left_out.iter().for_each(|left_out| message::note(&left_out_line(left_out)));
        return output::to_stdout(|out| plan.files.iter().try_for_each(|file| print(file, out))).map(|()| 0);
    }
    let fates = plan.files.iter().map(|file| fate(&plan.root, file, force));
    let fates: Vec<(Fate, String)> = fates.collect::<Result<_, _>>()?;
    for (file, (fate, _)) in plan.files.iter().zip(&fates) {
        if matches!(fate, Fate::Written | Fate::Replaced) {
            write(&plan.root.join(&file.path), &file.text, *fate == Fate::Replaced)?;
        }
    }
    output::to_stdout(|out| summary(&plan, &fates, out))?;
    Ok(0)
}

fn settings(
    path: Option<&Path>,
    cronjob_dir: &Path,
    forge: Option<InitForge>,
    mut target: TargetArgs,
) -> Result<InitSettings, CommandError> {
    if environment::is_address(&target.repository) {
        let why = "drift init writes into a work tree: clone the repository, and name its folder";
        return Err(CommandError::Usage(why.to_owned()));
    }
    // A folder of another repository than the current one names that.
    if let Some(folder) = path.filter(|path| path.is_dir() && target.repository == ".").and_then(Path::to_str)
    {
        folder.clone_into(&mut target.repository);
    }
    let cronjob_folder = environment::normalise_path(cronjob_dir)?;
    if is_git_path(Path::new(&cronjob_folder)) {
        return Err(CommandError::Usage(format!("--cronjob-dir {cronjob_folder}: it is Git's own folder")));
    }
    let needs_cluster = target.kubeconfig.is_some() || target.context.is_some() || target.snapshot.is_some();
    let forge = forge.map(|forge| match forge {
        InitForge::Github => ForgeKind::GitHub,
        InitForge::Gitea => ForgeKind::Gitea,
        InitForge::Local => ForgeKind::Local,
    });
    let check = environment::settings(&target, None, path)?;
    let parts = InitPart::ALL.to_vec();
    Ok(InitSettings { check, needs_cluster, forge, parts, cronjob_folder })
}

fn file_of(part: InitPart) -> InitFile {
    match part {
        InitPart::Config => InitFile::Config,
        InitPart::Workflow => InitFile::Workflow,
        InitPart::CronJob => InitFile::Cronjob,
    }
}

/// What becomes of a file, and the name by which it is there. Nothing is written through links.
fn fate(root: &Path, file: &FilePlan, force: bool) -> Result<(Fate, String), CommandError> {
    let is_there = |path: &&String| root.join(path).symlink_metadata().is_ok();
    if let Some(there) = file.also.iter().find(is_there) {
        return Ok((Fate::KeptOther, there.clone()));
    }
    let path = root.join(&file.path);
    match is_there(&&file.path) {
        true if !force => return Ok((Fate::Kept, file.path.clone())),
        true if path.is_dir() => {
            return Err(CommandError::Usage(format!("{} is a folder", path.display())));
        }
        _ => {}
    }
    output::refuse_link(&path)?;
    let fate = if path.exists() { Fate::Replaced } else { Fate::Written };
    Ok((fate, file.path.clone()))
}

/// Writes a file whole or not at all; what came there meanwhile stays unless it is to be replaced.
fn write(path: &Path, text: &str, replace: bool) -> Result<(), CommandError> {
    let failed = |source| CommandError::Io { what: format!("writing {}", path.display()), source };
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".drift-init-").permissions(PermissionsExt::from_mode(0o666));
    let mut written = builder.tempfile_in(folder).map_err(failed)?;
    written.write_all(text.as_bytes()).map_err(failed)?;
    let kept = if replace { written.persist(path) } else { written.persist_noclobber(path) };
    kept.map(drop).map_err(|error| failed(error.error))
}

/// Longest line of what is told, in characters.
const LINE_LIMIT: usize = 1_000;

fn print(file: &FilePlan, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "---\n# File: {}\n{}", one_line(&file.path, LINE_LIMIT), file.text)
}

fn left_out_line((part, why): &(InitPart, String)) -> String {
    let what = match part {
        InitPart::Config => "drift.yaml",
        InitPart::Workflow => "workflow",
        InitPart::CronJob => "CronJob",
    };
    format!("no {what}: {why}")
}

fn summary(plan: &InitPlan, fates: &[(Fate, String)], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "Found:")?;
    plan.found.iter().try_for_each(|line| writeln!(out, "  {}", one_line(line, LINE_LIMIT)))?;
    writeln!(out, "\nFiles:")?;
    for (fate, path) in fates {
        let path = one_line(path, LINE_LIMIT);
        match fate {
            Fate::Written => writeln!(out, "  written   {path}")?,
            Fate::Replaced => writeln!(out, "  replaced  {path}")?,
            Fate::KeptOther => writeln!(out, "  kept      {path}: it exists")?,
            Fate::Kept => writeln!(out, "  kept      {path}: it exists (--force replaces it)")?,
        }
    }
    let left_out = plan.left_out.iter().map(left_out_line);
    left_out.into_iter().try_for_each(|line| writeln!(out, "  {}", one_line(&line, LINE_LIMIT)))?;
    writeln!(out, "\nNext:")?;
    plan.next.iter().try_for_each(|line| writeln!(out, "  {}", one_line(line, LINE_LIMIT)))
}
