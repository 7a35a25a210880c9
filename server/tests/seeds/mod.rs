//! The seeds of a simulation: which ones are run, and the verdict.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// A number from the environment.
pub fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// What `play` counts in a world, or what went wrong there; a panic is a thing that went wrong.
fn played(seed: u64, play: impl Fn(u64) -> Result<usize, String>) -> Result<usize, String> {
    catch_unwind(AssertUnwindSafe(|| play(seed))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        Err(text.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned())).unwrap_or("a panic".into()))
    })
}

/// Plays the seeds 0, 1, 2, ... up to `fixed`: the same worlds in every run, so that a change which breaks nothing never
/// fails because of a world that was not run before. In the environment `{name}_SEED=N` replays one seed, `{name}_SEEDS=N`
/// plays the first N instead, and `FRESH_SECONDS=N` adds new seeds for so long: CI's own job does that. A play returns the
/// number of `events` in it. There must be at least one per two worlds on average, because a world in which nothing happens
/// proves nothing.
pub fn play_all(name: &str, fixed: u64, events: &str, play: impl Fn(u64) -> Result<usize, String>) {
    let started = Instant::now();
    let (fixed, fresh) = match (number(&format!("{name}_SEED")), number(&format!("{name}_SEEDS"))) {
        (Some(seed), _) => (seed..seed + 1, false),
        (None, Some(count)) => (0..count, false),
        (None, None) => (0..fixed, true),
    };
    let first = server::base::clock::now_us() as u64;
    let patience = Duration::from_secs(number("FRESH_SECONDS").unwrap_or(0));
    let fresh = (first..).take_while(|_| fresh && started.elapsed() < patience);
    let (mut worlds, mut happened, mut failed) = (0, 0, Vec::new());
    for seed in fixed.chain(fresh) {
        worlds += 1;
        match played(seed, &play) {
            Ok(count) => happened += count,
            Err(error) => failed.push((seed, error)),
        }
    }
    println!("{worlds} seeds, {happened} {events}");
    if let Some((seed, error)) = failed.first() {
        let all: Vec<u64> = failed.iter().map(|(seed, _)| *seed).collect();
        let test = format!("{}_simulation", name.to_lowercase());
        panic!(
            "{} of {worlds} seeds fail: {all:?}\nreplay with {name}_SEED={seed} cargo test -p server --test {test}\n{error}",
            failed.len(),
        );
    }
    assert!(happened >= worlds / 2, "{happened} {events} in {worlds} seeds");
}
