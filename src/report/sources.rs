//! `drift sources`: what is compared and which GitOps objects apply it, as a tree for a person and as `drift/sources/v1`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use anstyle::{AnsiColor, Style as Paint};
use serde::Serialize;

use super::json_roots::{PartOut, RootOut, UncoveredOut};
use super::style::ReportStyle;
use crate::model::{Incomplete, ObjectKey, RootPart, RootReport, SourcesReport, UncoveredRoot};
use crate::text::{one_line, pluralize};
use crate::wording::describe_root;

const BOLD: Paint = Paint::new().bold();
const DIM: Paint = Paint::new().dimmed();
const RED: Paint = AnsiColor::Red.on_default();
const YELLOW: Paint = AnsiColor::Yellow.on_default();

/// Writes it for a person.
///
/// # Errors
/// What the writer says.
pub fn sources_text(style: ReportStyle, report: &SourcesReport, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page { out, style, children: children(&report.roots), shown: BTreeSet::new() };
    writeln!(page.out, "{}\n", style.paint(BOLD, &headline(report)))?;
    for part in &report.listed {
        page.part(part, "")?;
    }
    // Those that no other root applies begin a tree; whatever is left is in a circle of roots.
    let tops: Vec<&RootReport> =
        report.roots.iter().filter(|root| page.is_top(root, &report.roots)).collect();
    for root in tops.into_iter().chain(&report.roots) {
        page.root(root, 0)?;
    }
    page.uncovered(&report.not_compared)?;
    page.incomplete(&report.incomplete)?;
    for warning in &report.warnings {
        writeln!(page.out, "warning: {}", one_line(warning, 600))?;
    }
    Ok(())
}

/// `3 GitOps objects and 1 listed source: 42 objects, 1 incomplete`.
fn headline(report: &SourcesReport) -> String {
    let objects: usize = report.roots.iter().map(RootReport::objects).sum::<usize>()
        + report.listed.iter().map(|part| part.objects).sum::<usize>();
    let mut what = vec![pluralize(report.roots.len(), "GitOps object")];
    if !report.listed.is_empty() {
        what.push(pluralize(report.listed.len(), "listed source"));
    }
    let incomplete = match report.incomplete.len() {
        0 => "all rendered".to_owned(),
        number => format!("{number} not rendered"),
    };
    format!("{}: {}, {incomplete}", what.join(" and "), pluralize(objects, "object"))
}

/// The roots that each root applies.
fn children(roots: &[RootReport]) -> BTreeMap<ObjectKey, Vec<&RootReport>> {
    let mut children: BTreeMap<ObjectKey, Vec<&RootReport>> = BTreeMap::new();
    for root in roots {
        if let Some(parent) = root.parent() {
            children.entry(parent.key()).or_default().push(root);
        }
    }
    children
}

struct Page<'a> {
    out: &'a mut dyn Write,
    style: ReportStyle,
    children: BTreeMap<ObjectKey, Vec<&'a RootReport>>,
    shown: BTreeSet<ObjectKey>,
}

impl<'a> Page<'a> {
    /// Whether no other root applies it; one that applies itself is the first of its tree.
    fn is_top(&self, root: &RootReport, roots: &[RootReport]) -> bool {
        root.parent().is_none_or(|parent| {
            parent.key() == root.resource.key()
                || !roots.iter().any(|other| other.resource.key() == parent.key())
        })
    }

    fn root(&mut self, root: &'a RootReport, depth: usize) -> io::Result<()> {
        if !self.shown.insert(root.resource.key()) {
            return Ok(());
        }
        let indent = "  ".repeat(depth.min(12));
        let name = self.style.paint(BOLD, &one_line(&root.resource.to_string(), 300));
        let place = match &root.origin {
            Some(origin) => one_line(&origin.to_string(), 200),
            None => "in the cluster only".to_owned(),
        };
        writeln!(self.out, "{indent}{name}  {}", self.style.paint(DIM, &place))?;
        for part in &root.parts {
            self.part(part, &format!("{indent}  "))?;
        }
        for why in &root.refused {
            writeln!(
                self.out,
                "{indent}  {}",
                self.style.paint(RED, &format!("not rendered: {}", one_line(why, 400)))
            )?;
        }
        if let Some(controller) = &root.controller {
            let revision =
                controller.revision.as_ref().map(|revision| format!(" at {}", one_line(revision, 80)));
            writeln!(
                self.out,
                "{indent}  {}{}",
                one_line(&controller.verdict, 80),
                revision.unwrap_or_default()
            )?;
        }
        for said in describe_root(root) {
            writeln!(self.out, "{indent}  {}", self.style.paint(YELLOW, &said))?;
        }
        for child in self.children.get(&root.resource.key()).cloned().unwrap_or_default() {
            self.root(child, depth + 1)?;
        }
        Ok(())
    }

    fn part(&mut self, part: &RootPart, indent: &str) -> io::Result<()> {
        let namespace =
            part.namespace.as_ref().map(|namespace| format!(" into namespace {}", one_line(namespace, 80)));
        let incomplete = match part.incomplete.len() {
            0 => String::new(),
            number => self.style.paint(RED, &format!(", {number} not rendered")).to_string(),
        };
        writeln!(
            self.out,
            "{indent}{}  {}  {}{}{incomplete}",
            one_line(&part.path, 300),
            one_line(&part.renderer, 60),
            pluralize(part.objects, "object"),
            namespace.unwrap_or_default()
        )
    }

    fn uncovered(&mut self, roots: &[UncoveredRoot]) -> io::Result<()> {
        if roots.is_empty() {
            return Ok(());
        }
        writeln!(self.out, "\n{}", self.style.paint(YELLOW, "Not compared: what these objects apply:"))?;
        for root in roots {
            let (resource, why) = (one_line(&root.resource.to_string(), 300), one_line(&root.why, 300));
            writeln!(self.out, "  {resource}  {why}")?;
        }
        Ok(())
    }

    fn incomplete(&mut self, incomplete: &[Incomplete]) -> io::Result<()> {
        if incomplete.is_empty() {
            return Ok(());
        }
        writeln!(self.out, "\n{}", self.style.paint(RED, "Not rendered:"))?;
        for incomplete in incomplete {
            writeln!(self.out, "  {}: {}", one_line(&incomplete.what, 300), one_line(&incomplete.why, 600))?;
        }
        Ok(())
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    schema: &'static str,
    complete: bool,
    roots: Vec<RootOut<'a>>,
    sources: Vec<PartOut<'a>>,
    not_compared: Vec<UncoveredOut<'a>>,
    incomplete: &'a [Incomplete],
    warnings: &'a [String],
}

/// Writes `drift/sources/v1`.
///
/// # Errors
/// What the writer says.
pub fn sources_json(report: &SourcesReport, out: &mut dyn Write) -> io::Result<()> {
    let report = Report {
        schema: "drift/sources/v1",
        complete: report.incomplete.is_empty(),
        roots: report.roots.iter().map(RootOut::from).collect(),
        sources: report.listed.iter().map(PartOut::from).collect(),
        not_compared: report.not_compared.iter().map(UncoveredOut::from).collect(),
        incomplete: &report.incomplete,
        warnings: &report.warnings,
    };
    let document = serde_json::to_string_pretty(&report)?;
    writeln!(out, "{}", crate::text::escape_json(&document))
}
