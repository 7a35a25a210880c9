//! The engine of the fuzz tests: seeds, mutations, the limits that an input must keep. `runner/tests/fuzz.rs` shares it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use server::base::allocator;
use server::base::clock::thread_ns;
use server::base::random::Random;

/// No input is longer than this, so no allocation may be much larger.
const MAX_INPUT: usize = 64 * 1024;
/// The largest single allocation that an input may cause: a length field must not decide.
const MAX_ALLOCATION: usize = 32 << 20;
/// An input that takes more processor time is a hang.
const MAX_TIME: Duration = Duration::from_secs(5);

fn corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(target)
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(corpus(target)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "target {target} has no corpus");
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

fn mutate(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut input = seeds[random.below(seeds.len())].clone();
    for _ in 0..1 + random.below(8) {
        if input.is_empty() {
            input.push(random.next_u64() as u8);
        }
        let at = random.below(input.len());
        match random.below(8) {
            0 => input[at] ^= 1 << random.below(8),
            1 => input[at] = random.next_u64() as u8,
            2 => input[at] = [0, 1, 0x7f, 0x80, 0x81, 0xc0, 0xc3, 0xfe, 0xff, b'9', b'\r', b'\n'][random.below(12)],
            3 => input.truncate(at),
            4 => input.insert(at, random.next_u64() as u8),
            5 => {
                // A length field that lies.
                for offset in 0..random.below(9) {
                    if let Some(byte) = input.get_mut(at + offset) {
                        *byte = 0xff;
                    }
                }
            }
            6 => {
                let other = &seeds[random.below(seeds.len())];
                let from = random.below(other.len().max(1)).min(other.len());
                let to = (from + random.below(64)).min(other.len());
                input.splice(at..at, other[from..to].iter().copied());
            }
            _ => {
                let to = (at + random.below(32)).min(input.len());
                let part = input[at..to].to_vec();
                input.splice(at..at, part);
            }
        }
    }
    input.truncate(MAX_INPUT);
    input
}

/// Runs a target on its corpus, then on mutations of it for `FUZZ_SECONDS` from `FUZZ_SEED`. `FUZZ_TARGETS` names those to
/// run, where not all of them are wanted.
pub fn fuzz(target: &str, mut run: impl FnMut(&[u8])) {
    let number = |name: &str, default: u64| std::env::var(name).map_or(default, |text| text.parse().expect("a number"));
    if std::env::var("FUZZ_TARGETS").is_ok_and(|names| !names.split(',').any(|name| name == target)) {
        println!("{target}: left out by FUZZ_TARGETS");
        return;
    }
    let (seconds, seed) = (number("FUZZ_SECONDS", 1), number("FUZZ_SEED", 1));
    let seeds = seeds(target);
    let mut random = Random::from_seed(seed);
    let until = Instant::now() + Duration::from_secs(seconds);
    let mut inputs = 0u64;
    let mut check = |input: &[u8]| {
        allocator::reset_largest();
        let started = thread_ns();
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(input)));
        let (largest, took) = (allocator::largest(), Duration::from_nanos(thread_ns() - started));
        if outcome.is_err() || largest > MAX_ALLOCATION || took > MAX_TIME {
            let name = format!("found-{:016x}", server::base::crc64::crc64(0, input));
            let path = corpus(target).join(name);
            std::fs::write(&path, input).unwrap();
            panic!("{target}: {} broke it (allocated {largest} at once, took {took:?})", path.display());
        }
    };
    seeds.iter().for_each(|seed| check(seed));
    while Instant::now() < until {
        for _ in 0..64 {
            check(&mutate(&mut random, &seeds));
        }
        inputs += 64;
    }
    println!("{target}: {inputs} inputs from seed {seed} in {seconds} s, nothing found");
}
