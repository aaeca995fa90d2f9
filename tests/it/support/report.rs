//! What tests ask a report of `drift check` as JSON.

use serde_json::Value;

/// The findings, in the order of the report.
#[track_caller]
pub(crate) fn findings(report: &Value) -> &[Value] {
    report["findings"].as_array().unwrap_or_else(|| panic!("no findings: {report:#}"))
}

/// The one finding of the object of this name.
#[track_caller]
pub(crate) fn finding<'a>(report: &'a Value, name: &str) -> &'a Value {
    let found = findings(report).iter().find(|finding| finding["resource"]["name"] == name);
    found.unwrap_or_else(|| panic!("no finding of {name}: {report:#}"))
}

/// The changes of a finding; a missing or an unmanaged object has none.
pub(crate) fn changes(finding: &Value) -> &[Value] {
    finding["changes"].as_array().map_or(&[], Vec::as_slice)
}

/// `KIND/NAME` of the object of a finding, or of a disagreement.
pub(crate) fn object(finding: &Value) -> String {
    let text = |key: &str| finding["resource"][key].as_str().unwrap_or("-");
    format!("{}/{}", text("kind"), text("name"))
}
