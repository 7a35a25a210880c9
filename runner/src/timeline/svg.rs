//! A run as a picture: a row for each node and for the writes, marks for what happened, and the legend below.

use super::story::{Lane, Story};
use super::world::{Happening, Kind};
use std::fmt::Write;

const WIDTH: f64 = 1180.0;
/// Left of this stand the names.
const LEFT: f64 = 150.0;
const ROW: f64 = 30.0;
const BAR: f64 = 16.0;
const TOP: f64 = 92.0;
const LINE: f64 = 17.0;
/// More happenings than this are not listed below the picture; all have marks.
const LISTED: usize = 80;

/// The picture as an SVG document.
pub fn picture(title: &str, story: &Story) -> String {
    let rows: Vec<&Lane> = story.lanes.iter().chain(&story.writes).collect();
    let bottom = TOP + ROW * rows.len() as f64;
    let listed: Vec<(usize, &Happening)> = story.happenings.iter().enumerate().take(LISTED).collect();
    let height = bottom + 60.0 + LINE * (listed.len().div_ceil(2) as f64 + 1.0);
    let scale = Scale { from: -story.took_ms * 0.03, to: story.took_ms };
    let mut svg = String::new();
    // Writing to a String cannot fail.
    let _ = write!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height:.0}\" viewBox=\"0 0 {WIDTH} {height:.0}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"12\" fill=\"#222\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"20\" y=\"28\" font-size=\"18\" font-weight=\"600\">{}</text>\n\
         <text x=\"20\" y=\"48\" fill=\"#555\">{}</text>\n",
        escape(title),
        escape(&outcome(story)),
    );
    legend(&mut svg);
    axis(&mut svg, &scale, bottom);
    if let Some(outage) = &story.outage {
        let (from, to) = (scale.x(outage.from_ms), scale.x(outage.to_ms));
        let _ = writeln!(
            svg,
            "<rect x=\"{from:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"#d33\" opacity=\"0.08\">\
             <title>no acknowledged write for {:.0} ms</title></rect>",
            TOP - 6.0,
            to - from,
            bottom - TOP + 6.0,
            outage.length_ms()
        );
    }
    for (row, lane) in rows.iter().enumerate() {
        draw_lane(&mut svg, &scale, TOP + ROW * row as f64, lane);
    }
    for (index, one) in story.happenings.iter().enumerate() {
        mark(&mut svg, &scale, &rows, index, one);
    }
    list(&mut svg, bottom + 56.0, &listed, story.happenings.len());
    svg.push_str("</svg>\n");
    svg
}

/// What came out, in one line.
fn outcome(story: &Story) -> String {
    let outage = match &story.outage {
        Some(outage) if outage.over => format!("no writes for {:.0} ms", outage.length_ms()),
        Some(outage) => format!("no writes from {:.0} ms on", outage.from_ms),
        None => "writes never stopped".into(),
    };
    let lost = story.lost.map_or("not read back".into(), |lost| format!("{lost} lost"));
    format!("{outage}; {} writes acknowledged, {lost}; times in milliseconds since the first step", story.acknowledged)
}

struct Scale {
    from: f64,
    to: f64,
}

impl Scale {
    fn x(&self, ms: f64) -> f64 {
        let share = (ms - self.from) / (self.to - self.from).max(1.0);
        LEFT + share.clamp(0.0, 1.0) * (WIDTH - LEFT - 24.0)
    }
}

fn legend(svg: &mut String) {
    let items = ["master", "replica", "sentinel", "silent", "writes"];
    for (index, item) in items.iter().enumerate() {
        let x = WIDTH - 24.0 - 96.0 * (items.len() - index) as f64;
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"58\" width=\"14\" height=\"12\" rx=\"2\" fill=\"{}\"/><text x=\"{}\" y=\"68\">{item}</text>",
            colour(item),
            x + 20.0
        );
    }
}

fn colour(state: &str) -> &'static str {
    match state {
        "master" => "#2b6cb0",
        "replica" => "#90cdf4",
        "sentinel" => "#cbd5e0",
        "silent" => "#f3c6c6",
        _ => "#38a169",
    }
}

fn axis(svg: &mut String, scale: &Scale, bottom: f64) {
    let step = nice((scale.to - scale.from) / 10.0);
    let mut at = 0.0;
    while at <= scale.to {
        let x = scale.x(at);
        let _ = writeln!(
            svg,
            "<line x1=\"{x:.1}\" y1=\"{:.1}\" x2=\"{x:.1}\" y2=\"{bottom:.1}\" stroke=\"#e2e8f0\"/>\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#555\">{at:.0}</text>",
            TOP - 6.0,
            bottom + 18.0
        );
        at += step;
    }
}

/// 1, 2 or 5 times a power of ten, not below `rough`.
fn nice(rough: f64) -> f64 {
    let power = 10_f64.powf(rough.max(1.0).log10().floor());
    [1.0, 2.0, 5.0, 10.0].iter().map(|factor| factor * power).find(|step| *step >= rough).unwrap_or(power * 10.0)
}

fn draw_lane(svg: &mut String, scale: &Scale, y: f64, lane: &Lane) {
    let _ = writeln!(svg, "<text x=\"20\" y=\"{:.1}\">{}</text>", y + 12.0, escape(&lane.name));
    let writes = lane.name.starts_with("writes");
    for span in &lane.spans {
        let (from, to) = (scale.x(span.from_ms), scale.x(span.to_ms));
        let width = (to - from).max(1.5);
        let fill = if writes { colour("writes") } else { colour(&span.state) };
        let _ = write!(
            svg,
            "<rect x=\"{from:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{BAR}\" rx=\"2\" fill=\"{fill}\">\
             <title>{}: {:.0} to {:.0} ms</title></rect>",
            escape(&span.state),
            span.from_ms,
            span.to_ms
        );
        if writes && width > 60.0 {
            let (x, y) = (from + 4.0, y + 12.0);
            let _ = write!(
                svg,
                "<text x=\"{x:.1}\" y=\"{y:.1}\" fill=\"#fff\" font-size=\"11\">at {}</text>",
                escape(&span.state)
            );
        }
        svg.push('\n');
    }
}

fn mark(svg: &mut String, scale: &Scale, rows: &[&Lane], index: usize, one: &Happening) {
    let x = scale.x(one.at_ms);
    let title = format!("{}. {:.1} ms {}: {}", index + 1, one.at_ms, one.node, one.what);
    if one.kind == Kind::Action {
        let _ = writeln!(
            svg,
            "<line x1=\"{x:.1}\" y1=\"{:.1}\" x2=\"{x:.1}\" y2=\"{:.1}\" stroke=\"#d33\" stroke-width=\"1.5\" stroke-dasharray=\"4 3\">\
             <title>{}</title></line><text x=\"{:.1}\" y=\"{:.1}\" fill=\"#b22\" font-weight=\"600\">{}</text>",
            TOP - 8.0,
            TOP + ROW * rows.len() as f64,
            escape(&title),
            x + 3.0,
            TOP - 10.0,
            escape(&one.what)
        );
        return;
    }
    let Some(row) = rows.iter().position(|lane| lane.name == one.node) else {
        return;
    };
    let y = TOP + ROW * row as f64 + BAR + 5.0;
    let _ = writeln!(
        svg,
        "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"#444\"><title>{}</title></circle>",
        escape(&title)
    );
}

/// The happenings in two columns.
fn list(svg: &mut String, top: f64, listed: &[(usize, &Happening)], all: usize) {
    let half = listed.len().div_ceil(2);
    for (position, (_, one)) in listed.iter().enumerate() {
        let (column, line) = (position / half.max(1), position % half.max(1));
        let x = 20.0 + column as f64 * (WIDTH / 2.0);
        let y = top + LINE * line as f64;
        let what: String = format!("{}: {}", one.node, one.what).chars().take(78).collect();
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{y:.1}\" text-anchor=\"end\" fill=\"#555\" font-size=\"11\">{:.1}</text>\
             <text x=\"{:.1}\" y=\"{y:.1}\" font-size=\"11\">{}</text>",
            x + 52.0,
            one.at_ms,
            x + 60.0,
            escape(&what)
        );
    }
    if all > listed.len() {
        let y = top + LINE * half as f64;
        let _ = writeln!(svg, "<text x=\"20\" y=\"{y:.1}\" fill=\"#555\">and {} more</text>", all - listed.len());
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_has_round_numbers() {
        assert_eq!((nice(7.0), nice(11.0), nice(430.0), nice(0.1)), (10.0, 20.0, 500.0, 1.0));
    }

    #[test]
    fn texts_are_escaped() {
        assert_eq!(escape("a<b> & \"c\""), "a&lt;b&gt; &amp; &quot;c&quot;");
    }
}
