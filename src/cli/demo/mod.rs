//! `drift demo`.

mod story;

use std::io::{self, Write};
use std::path::PathBuf;

use anstyle::{AnsiColor, Style as Paint};

use super::arguments::DemoArguments;
use super::error::CommandError;
use super::{environment, output};
use crate::report::{self, Format, ReportStyle};
use story::DemoStep;

/// Runs the demo and prints what to try next.
pub(super) async fn run(arguments: DemoArguments) -> Result<u8, CommandError> {
    let style = ReportStyle { color: output::use_color(arguments.color), all: false };
    let folder = Folder::make(arguments.keep)?;
    let mut scenes = Vec::new();
    story::demo(folder.path(), environment::now(), &mut |scene| scenes.push(scene)).await?;
    output::to_stdout(|out| {
        scenes.iter().try_for_each(|scene| show(style, scene, out))?;
        next(style, &folder, out)
    })?;
    Ok(0)
}

enum Folder {
    Kept(PathBuf),
    Temporary(tempfile::TempDir),
}

impl Folder {
    fn make(keep: Option<PathBuf>) -> Result<Self, CommandError> {
        let failed = |what: String| move |source| CommandError::Io { what, source };
        match keep {
            Some(path) if path.exists() => {
                Err(CommandError::Usage(format!("{} already exists: name a new folder", path.display())))
            }
            Some(path) => {
                std::fs::create_dir_all(&path).map_err(failed(format!("making {}", path.display())))?;
                Ok(Self::Kept(path))
            }
            None => {
                let made = tempfile::Builder::new().prefix("drift-demo-").tempdir();
                made.map(Self::Temporary).map_err(failed("making a temporary folder".to_owned()))
            }
        }
    }

    fn path(&self) -> &std::path::Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(folder) => folder.path(),
        }
    }
}

fn show(style: ReportStyle, scene: &DemoStep, out: &mut dyn Write) -> io::Result<()> {
    let prompt = AnsiColor::Cyan.on_default().bold();
    match scene {
        DemoStep::Narration(text) => writeln!(out, "{}\n", wrap(text, 80)),
        DemoStep::Command(command) => writeln!(out, "{}\n", style.paint(prompt, &format!("$ {command}"))),
        DemoStep::CheckReport(checked) => {
            report::check(Format::Text, style, checked, out)?;
            writeln!(out)
        }
        DemoStep::RunReport(ran) => {
            report::run(style, ran, out)?;
            writeln!(out)
        }
        DemoStep::AuditReport(audited) => {
            report::audit_text(style, audited, out)?;
            writeln!(out)
        }
    }
}

fn next(style: ReportStyle, folder: &Folder, out: &mut dyn Write) -> io::Result<()> {
    let bold = Paint::new().bold();
    writeln!(out, "{}", style.paint(bold, "Where to look next"))?;
    match folder {
        Folder::Kept(path) => {
            let path = path.display();
            writeln!(
                out,
                "  git -C {path} log --oneline --graph --all    the commits, the ledger, the proposals"
            )?;
            writeln!(out, "  git -C {path} show drift/ledger              what the ledger keeps")?;
        }
        Folder::Temporary(_) => {
            writeln!(
                out,
                "  drift demo --keep DIR     keeps the demo's repository, so that you can inspect it with git"
            )?;
        }
    }
    writeln!(
        out,
        "  drift check PATH          compares your own manifests with your current cluster; writes nothing"
    )?;
    writeln!(out, "  drift run --dry-run       shows what the scheduled job would write")?;
    writeln!(out, "  README.md                 the CronJob, the GitHub Action, drift.yaml")
}

fn wrap(text: &str, width: usize) -> String {
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split_whitespace() {
        let full = lines
            .last()
            .is_some_and(|line| !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width);
        if full {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join("\n")
}
