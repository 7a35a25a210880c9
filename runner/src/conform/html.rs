//! The report as a page: engines by scenarios, each cell of which leads to the requirement
//! and to what was shown. Needs no network and no script.
//!
//! In a narrow window rows become paragraphs, so that nothing has to be scrolled sideways: a cell then shows by `data-of` what
//! the head of its column says.

use super::report::{Entry, Report, escaped};
use super::verdict::Verdict;

const STYLE: &str = include_str!("report.css");

impl Verdict {
    /// A sign that shows the verdict without colours.
    fn sign(self) -> &'static str {
        match self {
            Self::Same => "=",
            Self::Wording => "~",
            Self::Different => "≠",
            Self::Unsupported => "?",
            Self::Stopped => "✕",
            Self::NotRun => "–",
        }
    }
}

impl Report {
    /// The report as one HTML page.
    pub fn html(&self) -> String {
        let mut page = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Conformance</title>\n\
             <style>\n{STYLE}</style>\n</head>\n<body>\n<h1>Conformance</h1>\n\
             <p>Compared with {}. {}, on {}.</p>\n",
            escaped(&self.reference),
            escaped(&self.date),
            escaped(&self.machine)
        );
        self.totals(&mut page);
        self.cells(&mut page);
        self.details(&mut page);
        page + "</body>\n</html>\n"
    }

    fn totals(&self, page: &mut String) {
        page.push_str("<table>\n<thead><tr><th scope=\"col\">engine</th><th scope=\"col\">version</th>");
        for verdict in Verdict::ALL {
            page.push_str(&format!("<th scope=\"col\">{} {verdict}</th>", verdict.sign()));
        }
        page.push_str("</tr></thead>\n<tbody>\n");
        for engine in &self.engines {
            let (name, version) = (escaped(&engine.name), escaped(&engine.version));
            page.push_str(&format!("<tr><th scope=\"row\">{name}</th><td>{version}</td>"));
            for verdict in Verdict::ALL {
                let (sign, count) = (verdict.sign(), engine.count(verdict));
                page.push_str(&format!("<td class=\"n\" data-of=\"{sign} {verdict}\">{count}</td>"));
            }
            page.push_str("</tr>\n");
        }
        page.push_str("</tbody>\n</table>\n");
    }

    fn cells(&self, page: &mut String) {
        page.push_str("<table>\n<thead><tr><th scope=\"col\">scenario</th>");
        self.engines
            .iter()
            .for_each(|engine| page.push_str(&format!("<th scope=\"col\">{}</th>", escaped(&engine.name))));
        page.push_str("</tr></thead>\n<tbody>\n");
        let rows = self.engines.first().map_or(0, |engine| engine.results.len());
        for row in 0..rows {
            let first = &self.engines[0].results[row];
            page.push_str(&format!(
                "<tr><th scope=\"row\"><span title=\"{}\">{}</span></th>",
                escaped(&first.description),
                escaped(&first.scenario)
            ));
            for (number, engine) in self.engines.iter().enumerate() {
                let entry = &engine.results[row];
                let text = format!(
                    "{} {}{}",
                    entry.verdict.sign(),
                    entry.verdict,
                    if entry.known.is_some() { ", known" } else { "" }
                );
                let class = if entry.is_expected() { "good" } else { "bad" };
                let (anchor, cites) = (anchor(number, row), escaped(&entry.cites));
                page.push_str(&format!(
                    "<td class=\"{class}\" data-of=\"{}\"><a href=\"#{anchor}\" title=\"{cites}\">{text}</a></td>",
                    escaped(&engine.name)
                ));
            }
            page.push_str("</tr>\n");
        }
        page.push_str("</tbody>\n</table>\n");
    }

    fn details(&self, page: &mut String) {
        page.push_str("<h2>What differs</h2>\n");
        self.sections(page, tells_more);
        page.push_str("<h2>What is the same</h2>\n");
        self.sections(page, |entry| !tells_more(entry));
    }

    /// What each cell leads to: the requirement, and what was shown.
    fn sections(&self, page: &mut String, belongs: impl Fn(&Entry) -> bool) {
        for (number, engine) in self.engines.iter().enumerate() {
            for (row, entry) in engine.results.iter().enumerate().filter(|(_, entry)| belongs(entry)) {
                let (name, scenario) = (escaped(&engine.name), escaped(&entry.scenario));
                page.push_str(&format!(
                    "<section id=\"{}\">\n<h3>{scenario} on {name}: {}</h3>\n<p>{} <cite>{}</cite></p>\n",
                    anchor(number, row),
                    entry.verdict,
                    escaped(&entry.description),
                    escaped(&entry.cites)
                ));
                for (title, text) in [("Known", &entry.known), ("Remark", &entry.remark)] {
                    if let Some(text) = text {
                        // An error quotes logs and files, whose lines are not one paragraph.
                        let quote = if text.trim_end().contains('\n') { "pre" } else { "span" };
                        let text = escaped(text.trim_end());
                        page.push_str(&format!(
                            "<div class=\"note\"><strong>{title}:</strong> <{quote}>{text}</{quote}></div>\n"
                        ));
                    }
                }
                if !entry.reference.is_empty() {
                    steps(page, &self.reference, &name, entry);
                }
                // A play that is the same is the reference's, which the scenario's snapshot holds.
                if !entry.transcript.is_empty() && tells_more(entry) {
                    page.push_str(&format!(
                        "<details><summary>The whole play</summary><pre>{}</pre></details>\n",
                        escaped(&entry.transcript)
                    ));
                }
                page.push_str("</section>\n");
            }
        }
    }
}

/// The steps that differ, side by side.
fn steps(page: &mut String, reference: &str, engine: &str, entry: &Entry) {
    let (left, right) = (blocks(&entry.reference), blocks(&entry.transcript));
    page.push_str(&format!(
        "<table class=\"steps\">\n<thead><tr><th scope=\"col\">{}</th><th scope=\"col\">{engine}</th></tr></thead>\n<tbody>\n",
        escaped(reference)
    ));
    let nothing = || vec!["(not reached)"];
    for step in 0..left.len().max(right.len()) {
        let (left, right) = (left.get(step), right.get(step));
        if left == right {
            continue;
        }
        page.push_str("<tr>");
        for (lines, others, tag, of) in [(left, right, "del", &*escaped(reference)), (right, left, "ins", engine)] {
            page.push_str(&format!("<td data-of=\"{of}\"><pre>"));
            let others = others.cloned().unwrap_or_default();
            for line in lines.cloned().unwrap_or_else(nothing) {
                match others.contains(&line) {
                    true => page.push_str(&format!("{}\n", escaped(line))),
                    false => page.push_str(&format!("<{tag}>{}</{tag}>\n", escaped(line))),
                }
            }
            page.push_str("</pre></td>");
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody>\n</table>\n");
}

/// A transcript by its steps: what was done stands at the margin, and indented below it what was shown.
fn blocks(transcript: &str) -> Vec<Vec<&str>> {
    let mut blocks: Vec<Vec<&str>> = Vec::new();
    let mut is_shown = true;
    for line in transcript.lines() {
        let is_body = line.starts_with(' ') || line.is_empty();
        match blocks.last_mut().filter(|_| is_body || !is_shown) {
            Some(block) => block.push(line),
            None => blocks.push(vec![line]),
        }
        is_shown = is_body && !line.is_empty();
        // A step that shows nothing ends with its title, which is one line unless a remark stands above it.
        if !is_body && !line.starts_with('#') && !line.contains(" raw: ") {
            is_shown = true;
        }
    }
    blocks
}

fn tells_more(entry: &Entry) -> bool {
    entry.verdict != Verdict::Same || entry.remark.is_some()
}

fn anchor(engine: usize, row: usize) -> String {
    format!("e{engine}r{row}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transcript_is_taken_apart_into_its_steps() {
        let text = "# why\na: GET k\n    1\n    2\na: PING, until it is PONG\na raw: GET x\nPING\n\n    $-1\\r\\n\nstopped: no reply";
        assert_eq!(
            blocks(text),
            [
                vec!["# why", "a: GET k", "    1", "    2"],
                vec!["a: PING, until it is PONG"],
                vec!["a raw: GET x", "PING", "", "    $-1\\r\\n"],
                vec!["stopped: no reply"]
            ]
        );
    }
}
