//! Mutational fuzzing of everything that reads foreign bytes: requests, RDB files, RESTORE payloads, configuration files.
//!
//! In `cargo test` each target runs for a second from a fixed seed. For a long run:
//! `FUZZ_SECONDS=900 FUZZ_SEED=7 cargo test -p server --test fuzz -- --nocapture`. The seeds are in `tests/corpus/`; an
//! input that breaks a target is written there, and so becomes a test.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use server::base::allocator;
use server::base::clock::now_ms;
use server::base::random::Random;
use server::config::Config;
use server::config::cli::Arguments;
use server::dispatch::Server;
use server::dispatch::client::{Client, Signal};
use server::persistence::load::load;
use server::resp::RequestParser;
use server::resp::request::{Limits, OwnedArgs, Parsed};

/// No input is longer than this, so no allocation may be much larger.
const MAX_INPUT: usize = 64 * 1024;
/// The largest single allocation that an input may cause: a length field must not decide.
const MAX_ALLOCATION: usize = 32 << 20;
/// An input that takes longer is a hang.
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

fn fuzz(target: &str, mut run: impl FnMut(&[u8])) {
    let number = |name: &str, default: u64| std::env::var(name).map_or(default, |text| text.parse().expect("a number"));
    let (seconds, seed) = (number("FUZZ_SECONDS", 1), number("FUZZ_SEED", 1));
    let seeds = seeds(target);
    let mut random = Random::from_seed(seed);
    let until = Instant::now() + Duration::from_secs(seconds);
    let mut inputs = 0u64;
    let mut check = |input: &[u8]| {
        allocator::reset_largest();
        let started = Instant::now();
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(input)));
        let (largest, took) = (allocator::largest(), started.elapsed());
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

// One test: the allocator's record is the process's.
#[test]
fn foreign_bytes_break_nothing() {
    requests();
    rdb_files();
    restore_payloads();
    configuration_files();
}

/// A stream of requests, fed at once and byte by byte, gives the same requests or the same error.
fn requests() {
    let parse = |input: &[u8], step: usize, authenticated: bool| {
        let limits = Limits { max_bulk: 1 << 20, authenticated };
        let mut parser = RequestParser::default();
        let (mut start, mut end) = (0, 0);
        let mut found: Vec<Vec<Vec<u8>>> = Vec::new();
        loop {
            match parser.parse(&input[start..end], limits) {
                Err(error) => return (found, Some(error)),
                Ok(Parsed::Request { consumed }) => {
                    found.push(parser.args(&input[start..end]).from(0).map(<[u8]>::to_vec).collect());
                    start += consumed;
                }
                Ok(Parsed::Incomplete) if end == input.len() => return (found, None),
                Ok(Parsed::Incomplete) => end = (end + step).min(input.len()),
            }
        }
    };
    fuzz("request", |input| {
        for authenticated in [true, false] {
            let whole = parse(input, usize::MAX / 2, authenticated);
            assert_eq!(whole, parse(input, 1, authenticated), "split input parses differently");
        }
    });
}

fn rdb_files() {
    let options = Server::new(Config::default()).load_options(false);
    fuzz("rdb", |input| {
        for (checksum, deep) in [(false, false), (false, true), (true, false)] {
            let options = server::persistence::load::LoadOptions { checksum, deep, ..options };
            // Either it loads or it says why not.
            let _ = load(input, &options, &AtomicU64::new(0));
        }
    });
}

/// A payload goes through RESTORE as a client would send it, its checksum made right, and what was stored must be usable.
fn restore_payloads() {
    let mut server = Server::new(Config::default());
    let mut client = Client::new(1, now_ms(), Arc::new(Signal::default()));
    fuzz("restore", |input| {
        let mut payload = input[..input.len().saturating_sub(10)].to_vec();
        server::persistence::rdb::dump::finish(&mut payload);
        let mut send = |words: &[&[u8]]| {
            server.begin_batch(now_ms());
            server.execute(&mut client, &OwnedArgs::new(words.iter().copied()).as_args());
            server.end_batch();
            std::mem::take(&mut client.out)
        };
        send(&[b"CONFIG", b"SET", b"sanitize-dump-payload", b"yes"]);
        let reply = send(&[b"RESTORE", b"k", b"0", &payload, b"REPLACE"]);
        if reply == b"+OK\r\n" {
            for words in [
                &[&b"TYPE"[..], b"k"][..],
                &[b"OBJECT", b"ENCODING", b"k"],
                &[b"DUMP", b"k"],
                &[b"HGETALL", b"k"],
                &[b"HSET", b"k", b"f", b"v"],
                &[b"APPEND", b"k", b"x"],
                &[b"DEBUG", b"DIGEST"],
                &[b"DEL", b"k"],
            ] {
                assert!(!send(words).is_empty());
            }
        }
    });
}

fn configuration_files() {
    fuzz("config", |input| {
        let arguments = Arguments { stdin: true, ..Arguments::default() };
        // An include reads other files, which is not what is tested here.
        if !input.windows(7).any(|word| word.eq_ignore_ascii_case(b"include")) {
            let _ = arguments.load(Config::default(), input, &mut |_| Ok(()));
        }
    });
}
