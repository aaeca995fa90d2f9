//! What `drift check` said against what a case expects.

use serde_json::Value;

use super::case::Expectation;
use super::line::Line;
use super::row::{Row, items};

/// The complaints about one report; none where it is as expected.
pub(super) fn judge(expected: &Expectation, status: i32, report: &Value) -> Result<Vec<String>, String> {
    let rows = Row::list(report);
    let said = sentences(report, &rows);
    let excused = expected.excused_by.iter().any(|text| said.iter().any(|said| said.contains(text)));
    let mut complaints = contradictions(status, report, &rows);
    if !(expected.exit.contains(&status) || excused && matches!(status, 1 | 3)) {
        complaints.push(format!("exit {status}, expected {}", expected.exit));
    }
    if report["complete"] != true && !excused && !expected.exit.contains(&3) {
        complaints.push("the report is incomplete".to_owned());
    }
    for text in expected.mentions.iter().filter(|text| !said.iter().any(|said| said.contains(*text))) {
        complaints.push(format!("nothing mentions {text:?}"));
    }
    let may = Line::parse_all(&expected.may)?;
    let is_free = |row: &Row| {
        let quiet = !expected.silent && !row.is_drift();
        quiet || excused && row.is_unknown() || may.iter().any(|line| line.matches(row))
    };
    let mut ways = vec![];
    for lines in wanted(expected)? {
        ways.push(compare(&lines, &rows, &is_free));
    }
    complaints.extend(ways.into_iter().min_by_key(Vec::len).unwrap_or_default());
    Ok(complaints)
}

/// Everything that a report says in words.
fn sentences(report: &Value, rows: &[Row]) -> Vec<String> {
    let warnings = items(&report["warnings"]).iter().chain(
        ["incomplete", "notExamined"]
            .iter()
            .flat_map(|key| items(&report[*key]))
            .flat_map(|gap| [&gap["what"], &gap["why"]]),
    );
    let texts = warnings.filter_map(Value::as_str).map(str::to_owned);
    texts.chain(rows.iter().flat_map(|row| row.notes.clone())).collect()
}

/// Where a report is at odds with itself.
fn contradictions(status: i32, report: &Value, rows: &[Row]) -> Vec<String> {
    let mut found = vec![];
    let mut objects: Vec<&str> =
        rows.iter().filter(|row| row.is_drift()).map(|row| row.object.as_str()).collect();
    objects.dedup();
    if report["summary"]["drift"] != objects.len() {
        found.push(format!(
            "summary.drift is {}, the findings have {}",
            report["summary"]["drift"],
            objects.len()
        ));
    }
    let code = match (report["complete"] == true, objects.is_empty()) {
        (false, _) => 3,
        (true, true) => 0,
        (true, false) => 1,
    };
    if status != code {
        found.push(format!("exit {status} does not fit the report, which says {code}"));
    }
    let shown = rows.iter().filter(|row| row.shows_secret());
    found.extend(shown.map(|row| format!("a Secret's value is shown: {row}")));
    found
}

/// The lines that must be there, in each way that `either` allows.
fn wanted(expected: &Expectation) -> Result<Vec<Vec<Line>>, String> {
    let always = Line::parse_all(&expected.findings)?;
    if expected.either.is_empty() {
        return Ok(vec![always]);
    }
    let with = |block: &String| Ok([always.clone(), Line::parse_all(block)?].concat());
    expected.either.iter().map(with).collect()
}

/// Each line needs a row of its own; a row that is left must be free to be there.
fn compare(lines: &[Line], rows: &[Row], is_free: &dyn Fn(&Row) -> bool) -> Vec<String> {
    let of_row = pair(lines, rows);
    let mut complaints = vec![];
    for (number, line) in lines.iter().enumerate().filter(|(number, _)| !of_row.contains(&Some(*number))) {
        let near = rows.iter().zip(&of_row).find(|(row, taken)| taken.is_none() && line.is_near(row));
        let instead = near.map(|(row, _)| format!("\n      instead: {row}")).unwrap_or_default();
        complaints.push(format!("expected {}: {}{instead}", number + 1, line.text));
    }
    for (row, _) in rows.iter().zip(&of_row).filter(|(row, taken)| taken.is_none() && !is_free(row)) {
        complaints.push(format!("not expected: {row}"));
    }
    complaints
}

/// Gives as many lines as can be a row of their own: by row, the number of its line.
fn pair(lines: &[Line], rows: &[Row]) -> Vec<Option<usize>> {
    let mut of_row = vec![None; rows.len()];
    for line in 0..lines.len() {
        place(line, lines, rows, &mut of_row, &mut vec![false; rows.len()]);
    }
    of_row
}

/// Finds a row for a line; a line that has it already moves to another one, if it can.
fn place(
    line: usize,
    lines: &[Line],
    rows: &[Row],
    of_row: &mut [Option<usize>],
    tried: &mut [bool],
) -> bool {
    for row in 0..rows.len() {
        if tried[row] || !lines[line].matches(&rows[row]) {
            continue;
        }
        tried[row] = true;
        if of_row[row].is_none_or(|other| place(other, lines, rows, of_row, tried)) {
            of_row[row] = Some(line);
            return true;
        }
    }
    false
}
