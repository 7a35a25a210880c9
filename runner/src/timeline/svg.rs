//! A run as a picture: a row for each node and for the writes, marks for what happened, and the legend below.

use super::story::{Lane, Story};
use super::world::{Happening, Kind};
use std::fmt::Write;

const WIDTH: f64 = 1180.0;
/// Left of this stand the names.
const LEFT: f64 = 150.0;
const ROW: f64 = 30.0;
const BAR: f64 = 16.0;
const TOP: f64 = 134.0;
const LINE: f64 = 17.0;
/// More happenings than this are not listed below the picture; all have marks.
const LISTED: usize = 80;

/// The picture as an SVG document.
///
/// `facts` say what was run, on what, and when.
pub fn picture(title: &str, facts: &str, story: &Story) -> String {
    let rows: Vec<&Lane> = story.lanes.iter().chain(&story.writes).collect();
    let bottom = TOP + ROW * rows.len() as f64;
    let listed: Vec<&Happening> = story.happenings.iter().take(LISTED).collect();
    let mut below = String::new();
    let end = list(&mut below, bottom + 56.0, &listed, story.happenings.len());
    let mut head = String::new();
    let lost = story.lost_some();
    let (red, weight) = if lost { ("#b00", 700) } else { ("#555", 400) };
    let mut y = 28.0;
    heading(&mut head, &mut y, title, 100, "font-size=\"18\" font-weight=\"600\"");
    heading(&mut head, &mut y, &outcome(story), 150, &format!("fill=\"{red}\" font-weight=\"{weight}\""));
    heading(&mut head, &mut y, facts, ACROSS, "fill=\"#555\" font-size=\"11\"");
    // A long heading moves all the rest down.
    let lower = y - HEADED;
    let height = end + LINE + lower;
    let scale = Scale::of(story);
    let mut svg = String::new();
    // Writing to a String cannot fail.
    let _ = write!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height:.0}\" viewBox=\"0 0 {WIDTH} {height:.0}\" \
         style=\"max-width:100%;height:auto\" font-family=\"system-ui, sans-serif\" font-size=\"12\" fill=\"#222\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         {head}<g transform=\"translate(0 {lower:.0})\">\n"
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
    let mut ends = [f64::MIN; LEVELS];
    for (index, one) in story.happenings.iter().enumerate() {
        mark(&mut svg, &scale, &rows, index, one, &mut ends);
    }
    svg.push_str(&below);
    svg.push_str("</g>\n</svg>\n");
    svg
}

/// Where a heading of one line each ends: title, outcome, facts.
const HEADED: f64 = 85.0;

/// Lines of the heading; `y` is where the next one stands.
fn heading(svg: &mut String, y: &mut f64, text: &str, width: usize, style: &str) {
    for line in wrapped(text, width) {
        let _ = writeln!(svg, "<text x=\"20\" y=\"{y:.0}\" {style}>{}</text>", escape(&line));
        *y += 19.0;
    }
}

/// What came out, in one line.
fn outcome(story: &Story) -> String {
    let outage = match &story.outage {
        Some(outage) if outage.over => format!("no writes for {:.0} ms", outage.length_ms()),
        Some(outage) => format!("no writes from {:.0} ms on", outage.from_ms),
        None => "writes never stopped".into(),
    };
    let lost = story.lost.map_or("not read back".into(), |lost| format!("{lost} lost"));
    format!("{} writes acknowledged, {lost}; {outage}; times in milliseconds since the first step", story.acknowledged)
}

/// Where a time is drawn. Idle times, in which nothing happens, are folded: they are drawn as if they were shorter.
struct Scale {
    from: f64,
    to: f64,
    /// Times, and how far along they are drawn, from 0 to 1.
    points: Vec<(f64, f64)>,
    /// The idle times that are folded, in milliseconds.
    folds: Vec<(f64, f64)>,
}

/// So much of a run may pass without anything before it is folded, and so much it is drawn as then.
const IDLE: f64 = 0.15;
/// The shortest time without events that is folded, in milliseconds.
const SHORT: f64 = 1000.0;

impl Scale {
    fn of(story: &Story) -> Self {
        let (from, to) = (-story.took_ms * 0.03, story.took_ms.max(1.0));
        let outage = story.outage.iter().flat_map(|outage| [outage.from_ms, outage.to_ms]);
        let mut times: Vec<f64> = story.happenings.iter().map(|one| one.at_ms).chain(outage).collect();
        times.retain(|time| (from..to).contains(time));
        times.extend([from, 0.0, to]);
        times.sort_by(f64::total_cmp);
        let most = ((to - from) * IDLE).max(SHORT);
        let (mut at, mut points, mut folds) = (0.0, vec![(from, 0.0)], Vec::new());
        for pair in times.windows(2) {
            let gap = pair[1] - pair[0];
            if gap > most {
                folds.push((pair[0], pair[1]));
            }
            at += gap.min(most);
            points.push((pair[1], at));
        }
        points.iter_mut().for_each(|(_, x)| *x /= at.max(1.0));
        Self { from, to, points, folds }
    }

    fn x(&self, ms: f64) -> f64 {
        let ms = ms.clamp(self.from, self.to);
        let next = self.points.partition_point(|(time, _)| *time < ms).clamp(1, self.points.len() - 1);
        let ((before, left), (after, right)) = (self.points[next - 1], self.points[next]);
        let share = left + (right - left) * (ms - before) / (after - before).max(f64::EPSILON);
        LEFT + share.clamp(0.0, 1.0) * (WIDTH - LEFT - 24.0)
    }
}

fn legend(svg: &mut String) {
    let items = ["master", "replica", "sentinel", "silent", "writes"];
    for (index, item) in items.iter().enumerate() {
        let x = WIDTH - 24.0 - 96.0 * (items.len() - index) as f64;
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"70\" width=\"14\" height=\"12\" rx=\"2\" fill=\"{}\"/><text x=\"{}\" y=\"80\">{item}</text>",
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
    for (from, to) in &scale.folds {
        let x = (scale.x(*from) + scale.x(*to)) / 2.0;
        let _ = writeln!(
            svg,
            "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#888\">// {:.1} s //</text>",
            bottom + 34.0,
            (to - from) / 1000.0
        );
    }
    let idle: f64 = scale.folds.iter().map(|(from, to)| to - from).sum();
    let step = nice((scale.to - scale.from - idle) / 8.0);
    let mut last = f64::MIN;
    let mut at = -step;
    while at + step <= scale.to {
        at += step;
        let x = scale.x(at);
        if x - last < NARROW {
            continue;
        }
        last = x;
        let _ = writeln!(
            svg,
            "<line x1=\"{x:.1}\" y1=\"{:.1}\" x2=\"{x:.1}\" y2=\"{bottom:.1}\" stroke=\"#e2e8f0\"/>\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#555\">{at:.0}</text>",
            TOP - 6.0,
            bottom + 18.0
        );
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

/// Between two numbers of the axis.
const NARROW: f64 = 48.0;
/// The names of actions stand on so many lines, so that they do not cover each other.
const LEVELS: usize = 3;
/// How wide a letter is, about.
const LETTER: f64 = 7.0;

fn mark(svg: &mut String, scale: &Scale, rows: &[&Lane], index: usize, one: &Happening, ends: &mut [f64; LEVELS]) {
    let x = scale.x(one.at_ms);
    let title = format!("{}. {:.1} ms {}", index + 1, one.at_ms, told(one));
    if one.kind == Kind::Action {
        let length = LETTER * one.what.chars().count() as f64;
        // A name that would be cut at the right edge ends at its line.
        let begins = if x + 3.0 + length > WIDTH { x - 3.0 - length } else { x + 3.0 };
        let level = ends.iter().position(|end| *end < begins).unwrap_or(LEVELS - 1);
        ends[level] = begins + length;
        let _ = writeln!(
            svg,
            "<line x1=\"{x:.1}\" y1=\"{:.1}\" x2=\"{x:.1}\" y2=\"{:.1}\" stroke=\"#d33\" stroke-width=\"1.5\" stroke-dasharray=\"4 3\">\
             <title>{}</title></line><text x=\"{:.1}\" y=\"{:.1}\" fill=\"#b22\" font-weight=\"600\">{}</text>",
            TOP - 8.0,
            TOP + ROW * rows.len() as f64,
            escape(&title),
            begins,
            TOP - 10.0 - 15.0 * level as f64,
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

/// So many letters of the list fit a line that has the whole width.
const ACROSS: usize = 160;

/// The happenings in two columns, or in one where some are long; what does not fit a line goes on in the next. Gives where
/// the list ends.
fn list(svg: &mut String, top: f64, listed: &[&Happening], all: usize) -> f64 {
    let texts: Vec<String> = listed.iter().map(|one| told(one)).collect();
    let columns = if texts.iter().any(|text| text.chars().count() > 78) { 1 } else { 2 };
    let half = listed.len().div_ceil(columns).max(1);
    let mut end = top;
    for (column, (ones, texts)) in listed.chunks(half).zip(texts.chunks(half)).enumerate() {
        let x = 20.0 + column as f64 * (WIDTH / 2.0);
        let mut y = top;
        for (one, text) in ones.iter().zip(texts) {
            let _ = writeln!(
                svg,
                "<text x=\"{:.1}\" y=\"{y:.1}\" text-anchor=\"end\" fill=\"#555\" font-size=\"11\">{:.1}</text>",
                x + 52.0,
                one.at_ms
            );
            for line in wrapped(text, ACROSS) {
                let x = x + 60.0;
                let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"11\">{}</text>", escape(&line));
                y += LINE;
            }
        }
        end = end.max(y);
    }
    if all > listed.len() {
        let _ = writeln!(svg, "<text x=\"20\" y=\"{end:.1}\" fill=\"#555\">and {} more</text>", all - listed.len());
        end += LINE;
    }
    end
}

/// The node and what happened to it; a step such as `wait` has no node.
fn told(one: &Happening) -> String {
    match one.node.as_str() {
        "" => one.what.clone(),
        node => format!("{node}: {}", one.what),
    }
}

/// A text in lines of at most so many letters, broken between words; a longer word is broken anywhere.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut length = 0;
    for word in text.split_inclusive(' ') {
        let letters = word.trim_end().chars().count();
        if length > 0 && length + letters > width {
            lines.push(String::new());
            length = 0;
        }
        for letter in word.chars() {
            if length == width && letter != ' ' {
                lines.push(String::new());
                length = 0;
            }
            lines.last_mut().expect("there is a line from the beginning").push(letter);
            length += 1;
        }
    }
    lines
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

    fn story(took_ms: f64, actions: &[(f64, &str)]) -> Story {
        let one =
            |&(at_ms, what): &(f64, &str)| Happening { at_ms, node: "a".into(), kind: Kind::Action, what: what.into() };
        Story { took_ms, happenings: actions.iter().map(one).collect(), lost: Some(2), ..Story::default() }
    }

    #[test]
    fn idle_times_are_folded_and_say_how_long_they_are() {
        let story = story(60_000.0, &[(0.0, "kill a"), (500.0, "wait"), (59_000.0, "heal")]);
        let scale = Scale::of(&story);
        assert_eq!(scale.folds, [(500.0, 59_000.0)]);
        assert!(scale.x(59_000.0) - scale.x(500.0) < 0.95 * (WIDTH - LEFT), "it leaves room for the rest");
        assert!(scale.x(500.0) - scale.x(0.0) > 20.0, "half a second is seen");
        assert!([-1e9, 0.0, 250.0, 30_000.0, 1e9].windows(2).all(|two| scale.x(two[0]) <= scale.x(two[1])));
        let svg = picture("t", "redis 7, today", &story);
        assert!(svg.contains("// 58.5 s //") && svg.contains("redis 7, today"), "{svg}");
    }

    #[test]
    fn names_of_actions_do_not_cover_each_other_and_losses_are_red() {
        let svg =
            picture("t", "", &story(1000.0, &[(10.0, "kill @master"), (11.0, "heal"), (999.0, "restart replica-1")]));
        let heights: Vec<&str> =
            svg.lines().filter(|line| line.contains("#b22")).map(|line| line.rsplit("y=\"").next().unwrap()).collect();
        assert_eq!(heights.len(), 3);
        assert_ne!(heights[0].split('"').next(), heights[1].split('"').next(), "{svg}");
        assert!(svg.contains("fill=\"#b00\" font-weight=\"700\">0 writes acknowledged, 2 lost"), "{svg}");
    }

    #[test]
    fn a_long_happening_goes_on_in_the_next_line_and_nothing_of_it_is_lost() {
        let words: Vec<String> = (0..60).map(|number| format!("word-{number}")).collect();
        let long = words.join(" ");
        let svg = picture("t", "", &story(1000.0, &[(10.0, &long), (500.0, "heal")]));
        let list: Vec<&str> = svg.lines().skip_while(|line| !line.contains(">a: word-0")).collect();
        let texts: Vec<&str> =
            list.iter().filter_map(|line| line.split_once("\"11\">")?.1.strip_suffix("</text>")).collect();
        let at = texts.iter().position(|text| *text == "500.0").expect("the next one is listed");
        assert_eq!(texts[..at].concat(), format!("a: {long}"));
        assert!(texts[..at].iter().all(|text| text.chars().count() <= ACROSS + 1), "{texts:?}");
        assert_eq!(wrapped(&"x".repeat(170), ACROSS).iter().map(String::len).collect::<Vec<_>>(), [160, 10]);
        let y = |line: &str| line.split_once(" y=\"").and_then(|(_, rest)| rest.split_once('"')?.0.parse::<f64>().ok());
        let ys: Vec<f64> = list.iter().filter_map(|line| y(line)).collect();
        let height = svg.split_once("height=\"").and_then(|(_, rest)| rest.split_once('"')?.0.parse::<f64>().ok());
        assert!(ys.iter().all(|y| Some(*y) < height), "{ys:?} within {height:?}");
        assert!(svg.contains(">a: heal<"), "{svg}");
        let mut nobodys = story(1000.0, &[(10.0, "wait 1s")]);
        nobodys.happenings[0].node.clear();
        let svg = picture("t", "", &nobodys);
        assert!(svg.contains("font-size=\"11\">wait 1s<") && !svg.contains(": wait 1s"), "{svg}");
    }

    #[test]
    fn a_long_heading_is_neither_cut_nor_covered() {
        let title = format!("t: {}", "kill @master; ".repeat(20));
        let facts = format!("redis 7; runner timeline --do '{}'", "kill @master; ".repeat(20));
        let svg = picture(&title, &facts, &story(1000.0, &[(10.0, "kill @master")]));
        let (head, rest) = svg.split_once("<g ").expect("the head stands in front");
        let texts =
            head.lines().filter_map(|line| line.strip_prefix("<text ")?.split_once('>')?.1.strip_suffix("</text>"));
        let texts: Vec<&str> = texts.collect();
        assert!(texts.concat().starts_with(&title) && texts.concat().ends_with(&facts), "{texts:?}");
        assert!(texts.iter().all(|text| text.chars().count() <= ACROSS + 1), "{texts:?}");
        assert!(
            rest.starts_with("transform=\"translate(0 57)\""),
            "two lines more of the title, one of the facts: {rest}"
        );
        let short = picture("t", "", &story(1000.0, &[]));
        assert!(short.contains("translate(0 0)") && short.contains("y=\"80\">master</text>"), "{short}");
    }

    #[test]
    fn a_text_with_markup_is_escaped_in_the_picture() {
        assert_eq!(escape("a<b> & \"c\""), "a&lt;b&gt; &amp; &quot;c&quot;");
    }
}
