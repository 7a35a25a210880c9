//! Seeds of a simulation: which are played, and the verdict.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// Fresh seeds are played until so much time went by.
const PATIENCE: Duration = Duration::from_secs(20);

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

/// Plays the seeds 0, 1, 2, ... up to `fixed`, then fresh ones as long as there is time. In the environment `{name}_SEED=N`
/// has one replayed, `{name}_SEEDS=N` the first N and no more. A play answers with the number of `events` in it: on average
/// there must be one in two worlds, for a world in which nothing happens shows nothing.
pub fn play_all(name: &str, fixed: u64, events: &str, play: impl Fn(u64) -> Result<usize, String>) {
    let started = Instant::now();
    let (fixed, fresh) = match (number(&format!("{name}_SEED")), number(&format!("{name}_SEEDS"))) {
        (Some(seed), _) => (seed..seed + 1, false),
        (None, Some(count)) => (0..count, false),
        (None, None) => (0..fixed, true),
    };
    let first = server::base::clock::now_us() as u64;
    let fresh = (first..).take_while(|_| fresh && started.elapsed() < PATIENCE);
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
