//! Costs grow as documented: for each row of the table in `rows.rs` the work is measured for n elements and for several
//! times as many, and the ratio of the two costs shows how it grows.
//!
//! # Background
//! Nothing here asserts a speed. The cost is the processor time of this thread (other processes, and waiting, do not count),
//! each figure is the least of several runs, and only the ratio of two figures of the same run is judged, against a bound
//! that lies far from both sides: four times the elements cost 4 times as much where the cost is linear, 16 where it is
//! quadratic, and 9 is the bound; eight times as many cost the same where it is constant or logarithmic, 8 times as much where
//! it is linear, and 4 is the bound. A row that is over it is measured again before it fails. Peak memory needs none of this: the
//! allocator counts it.
//!
//! `COMPLEXITY=word` in the environment plays the rows whose names hold the word, and prints their figures.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::panic::catch_unwind;

mod play;
mod rows;

use play::{Cost, Play};
use rows::{CODECS, ENCODINGS, Growth, ROWS};

/// Runs at most, of which the least counts.
const ATTEMPTS: usize = 20;

/// A row with its two scripts.
struct Case {
    name: String,
    growth: Growth,
    elements: usize,
    build: String,
    measure: String,
}

fn cases() -> Vec<Case> {
    let rows = ROWS.iter().map(|&(name, documented, growth, elements, build, measure)| Case {
        name: format!("{name}, documented as {documented}"),
        growth,
        elements,
        build: build.into(),
        measure: measure.into(),
    });
    let codecs = ENCODINGS.iter().flat_map(|&(encoding, elements, build)| {
        CODECS.iter().map(move |&(codec, prepare, measure)| Case {
            name: format!("{codec} of {encoding}"),
            growth: Growth::Linear,
            elements,
            build: format!("{build} {prepare}"),
            measure: measure.into(),
        })
    });
    rows.chain(codecs).collect()
}

/// How many times more elements the second measurement has, and how many times more time and memory it may take.
fn bounds(growth: Growth) -> (usize, f64, f64) {
    match growth {
        Growth::Linear => (4, 9.0, 6.0),
        Growth::Flat => (8, 4.0, 2.0),
        Growth::Amortised => (8, 4.0, 12.0),
    }
}

/// Nanoseconds that a larger value may cost because the caches are cold; a row that is linear against its word costs far more.
const COLD_NANOS: f64 = 20_000.0;
/// What a measurement needs beside its elements.
const SLACK: f64 = 128.0 * 1024.0;

fn check(case: &Case) -> Result<String, String> {
    let (factor, time_bound, memory_bound) = bounds(case.growth);
    let play = |elements: usize| Play::new(&case.build, &case.measure, elements);
    let (few, many) = (play(case.elements), play(case.elements * factor));
    let least = |a: Cost, b: Cost| Cost { nanos: a.nanos.min(b.nanos), peak: a.peak.min(b.peak) };
    let mut small = least(few.run(), few.run());
    let mut large = many.run();
    let over = |small: Cost, large: Cost| {
        let time = large.nanos as f64 / (small.nanos as f64).max(1.0);
        let memory = large.peak as f64 / (small.peak as f64 * memory_bound + SLACK);
        let slow = large.nanos as f64 > small.nanos as f64 * time_bound + COLD_NANOS;
        (slow, memory > 1.0, time)
    };
    for _ in 1..ATTEMPTS {
        if over(small, large) == (false, false, over(small, large).2) {
            break;
        }
        small = least(small, few.run());
        large = least(large, many.run());
    }
    let (slow, fat, time) = over(small, large);
    let figures = format!(
        "{}: {} elements {} us, {} KB; {} elements {} us, {} KB: {time:.1} times the time",
        case.name,
        case.elements,
        small.nanos / 1000,
        small.peak / 1024,
        case.elements * factor,
        large.nanos / 1000,
        large.peak / 1024,
    );
    if slow || fat { Err(figures) } else { Ok(figures) }
}

// One test, in a binary of its own: the allocator's peak is the process's.
#[test]
fn costs_grow_as_documented() {
    let wanted = std::env::var("COMPLEXITY").ok();
    let mut failed = Vec::new();
    let mut played = 0;
    for case in cases().iter().filter(|case| wanted.as_ref().is_none_or(|word| case.name.contains(word.as_str()))) {
        played += 1;
        match catch_unwind(|| check(case)) {
            Ok(Ok(figures)) if wanted.is_some() => println!("{figures}"),
            Ok(Ok(_)) => {}
            Ok(Err(figures)) => failed.push(figures),
            Err(_) => failed.push(format!("{}: its script does not run", case.name)),
        }
    }
    assert!(failed.is_empty(), "{} of {played} rows cost more than documented:\n{}", failed.len(), failed.join("\n"));
}
