//! The README's picture: the demo's own output, drawn.

use super::carried;
use crate::support::command::Drift;

const LINE: usize = 18;
const WIDTH: usize = 900;

/// Foreground colours of the escape sequences that drift writes.
fn class(code: &str) -> &'static str {
    match code {
        "1" => "b",
        "2" => "d",
        "31" => "r",
        "32" => "g",
        "33" => "y",
        "36" => "c",
        _ => "",
    }
}

/// The text with escape sequences as an SVG.
fn draw(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let height = lines.len() * LINE + 32;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\">\n\
         <style>text{{font:13px ui-monospace,Menlo,Consolas,monospace;fill:#d6d6d6;white-space:pre}}\
         .b{{font-weight:bold;fill:#fff}}.d{{fill:#8a8a8a}}.r{{fill:#ff7b72}}.g{{fill:#7ee787}}.y{{fill:#e3b341}}.c{{fill:#79c0ff;font-weight:bold}}</style>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#16181d\"/>\n"
    );
    for (number, line) in lines.iter().enumerate() {
        let y = 28 + number * LINE;
        svg.push_str(&format!("<text x=\"16\" y=\"{y}\" xml:space=\"preserve\">{}</text>\n", spans(line)));
    }
    svg.push_str("</svg>\n");
    svg
}

fn spans(line: &str) -> String {
    let mut out = String::new();
    let mut color = "";
    for (at, part) in line.split("\u{1b}[").enumerate() {
        let text = match part.split_once('m') {
            Some((codes, text)) if at > 0 => {
                color = codes.split(';').map(class).rfind(|class| !class.is_empty()).unwrap_or("");
                text
            }
            _ => part,
        };
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        if color.is_empty() || text.is_empty() {
            out.push_str(&text);
        } else {
            out.push_str(&format!("<tspan class=\"{color}\">{text}</tspan>"));
        }
    }
    out
}

/// The picture without commits and names of temporary folders, which differ each time.
fn timeless(svg: &str) -> String {
    let mut words = String::new();
    for word in svg.split_inclusive([' ', ',', '<', '>', '[', ']', '/']) {
        let bare = word.trim_end_matches([' ', ',', '<', '>', '[', ']', '/']);
        let commit = bare.len() == 12 && bare.bytes().all(|byte| byte.is_ascii_hexdigit());
        let folder = bare.starts_with("drift-demo-");
        words.push_str(if commit || folder { "*" } else { word });
    }
    words
}

#[test]
fn readme_picture_is_real_output() {
    let told = Drift::new().args(["demo", "--color", "always"]).run().expect_status(0);
    let story = told.stdout.split("$ git merge").next().unwrap_or_default();
    let begin =
        story.find("$ drift check").map_or(0, |at| story[..at].rfind('\n').map_or(0, |line| line + 1));
    let svg = draw(story[begin..].trim_end());
    carried(".github/demo.svg", &svg, |there, now| timeless(there) == timeless(now));
}
