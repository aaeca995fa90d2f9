//! Sentences about GitOps objects: what their controllers say beside what is true.

use super::format_time;
use crate::model::{RootReport, StopSwitch};
use crate::text::{one_line, pluralize};

/// What a person should know of a root: that it is in sync only by its own account, that nobody syncs it, that it fails.
#[must_use]
pub fn describe_root(root: &RootReport) -> Vec<String> {
    let Some(controller) = &root.controller else { return Vec::new() };
    let mut said = Vec::new();
    if controller.claims_sync && root.drift.objects > 0 {
        said.push(format!(
            "its controller says {}, but {}",
            one_line(&controller.verdict, 60),
            describe_drift(root)
        ));
    }
    if let Some(stopped) = &controller.stopped {
        let how = match stopped.how {
            StopSwitch::Suspended => "it is suspended",
            StopSwitch::AutoSyncOff => "automatic sync is off",
        };
        let by = stopped.manager.as_ref().map(|manager| {
            let since = manager.time.as_deref().map(|time| format!(", {}", format_time(time)));
            format!(" (set by {}{})", one_line(&manager.name, 80), since.unwrap_or_default())
        });
        let place = if stopped.is_declared { " in Git" } else { "" };
        said.push(format!("{how}{place}{}: what is changed by hand stays", by.unwrap_or_default()));
    }
    if let Some(failing) = &controller.failing {
        let since = failing.since.as_deref().map(|time| format!(" since {}", format_time(time)));
        let why = match &failing.message {
            Some(message) => one_line(message, 300),
            None => "its message is not shown, for it may hold a value of a Secret".to_owned(),
        };
        said.push(format!("its controller fails{}: {why}", since.unwrap_or_default()));
    }
    said
}

/// `14 fields of 3 objects drifted, the oldest since 2026-11-20 10:00:00 UTC`.
fn describe_drift(root: &RootReport) -> String {
    let drift = &root.drift;
    let oldest = drift.oldest.as_deref().map(|time| format!(", the oldest since {}", format_time(time)));
    format!(
        "{} of {} drifted{}",
        pluralize(drift.changes, "field"),
        pluralize(drift.objects, "object"),
        oldest.unwrap_or_default()
    )
}
