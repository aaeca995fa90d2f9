//! Lines about the whole of a check.

use super::listing::is_waiting;
use crate::model::{CheckReport, RootReport, UncoveredRoot};

/// GitOps objects that a text names whose objects were not compared.
pub(super) const MOST_ROOTS: usize = 10;

/// `4 objects in drift, 1 not applied yet`: the one line to read if only one is read.
pub(super) fn headline(checked: &CheckReport) -> String {
    use crate::text::pluralize;
    let drifting = checked.findings.iter().filter(|finding| crate::model::is_drift(finding)).count();
    let waiting = checked.findings.iter().filter(|finding| is_waiting(&finding.verdict)).count();
    let summary = &checked.summary;
    let examined = summary.desired.saturating_sub(summary.skipped + summary.not_compared);
    let mut parts = vec![match (drifting, checked.is_complete()) {
        (0, true) => "no drift".to_owned(),
        (0, false) if examined == 0 => "nothing examined".to_owned(),
        (0, false) => "no drift in what was examined".to_owned(),
        (number, _) => format!("{} in drift", pluralize(number, "object")),
    }];
    if waiting > 0 {
        parts.push(format!("{waiting} not applied yet"));
    }
    if !checked.is_complete() {
        parts.push(format!("incomplete: {} not examined", checked.incomplete.len()));
    }
    if !checked.not_compared.is_empty() {
        let roots = pluralize(checked.not_compared.len(), "GitOps object");
        parts.push(format!(
            "and what {roots} {} was not compared",
            if checked.not_compared.len() == 1 { "applies" } else { "apply" }
        ));
    }
    parts.join(", ")
}

/// `Application/argocd/web  apps/web.yaml:1:1  deploy/web is in no source`, a line each, at most [`MOST_ROOTS`].
pub(super) fn uncovered_root_lines(checked: &CheckReport) -> Vec<String> {
    use crate::text::one_line;
    let line = |root: &UncoveredRoot| {
        let origin = root.origin.as_ref().map(|origin| format!("  {}", one_line(origin, 200)));
        let (resource, why) = (one_line(&root.resource.to_string(), 200), one_line(&root.why, 200));
        format!("{resource}{}  {why}", origin.unwrap_or_default())
    };
    let roots = &checked.not_compared;
    let more = roots.len().saturating_sub(MOST_ROOTS);
    let more = (more > 0).then(|| format!("{more} more: see the JSON report"));
    roots.iter().take(MOST_ROOTS).map(line).chain(more).collect()
}

/// What is said of GitOps objects beside what was found, a line each, at most [`MOST_ROOTS`].
pub(super) fn root_lines(checked: &CheckReport) -> Vec<String> {
    use crate::text::one_line;
    let lines = |root: &RootReport| {
        let name = one_line(&root.resource.to_string(), 200);
        let said = crate::wording::describe_root(root).into_iter();
        said.map(|said| format!("{name}: {said}")).collect::<Vec<_>>()
    };
    let all: Vec<String> = checked.roots.iter().flat_map(lines).collect();
    let more = all.len().saturating_sub(MOST_ROOTS);
    let more = (more > 0).then(|| format!("{more} more: `drift sources` lists them"));
    all.into_iter().take(MOST_ROOTS).chain(more).collect()
}

/// `next sync, predicted: 2 overwritten, 1 kept`, if it was asked for and there is anything.
pub(super) fn next_sync(checked: &CheckReport) -> Option<String> {
    let counts = checked.next_sync.as_ref()?.count(&checked.findings);
    let counts = crate::wording::count_by_outcome(&counts);
    (!counts.is_empty()).then(|| format!("next sync, predicted: {counts}"))
}

/// `not checked for unmanaged objects: secrets in shop (403 …)`, at most three of them by name.
pub(super) fn not_checked_for_unmanaged(checked: &CheckReport) -> Option<String> {
    let lists = &checked.not_examined;
    let name = |list: &crate::model::Incomplete| {
        format!("{} ({})", crate::text::one_line(&list.what, 100), crate::text::one_line(&list.why, 120))
    };
    let named: Vec<String> = lists.iter().take(3).map(name).collect();
    let more = match lists.len().saturating_sub(3) {
        0 => String::new(),
        more => format!(" and {more} more (-o json names them)"),
    };
    (!lists.is_empty()).then(|| format!("not checked for unmanaged objects: {}{more}", named.join(", ")))
}
