//! Damaged input for everything that reads foreign bytes: nothing may panic, hang, or take memory without end.
//!
//! Inputs are the fixtures and mutations of them, from a seed that a failure prints. `FUZZ_SECONDS` says how long each test goes on
//! (two by default), `FUZZ_SEED` where it starts.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use server::{
    base::{clock::thread_ns, random::Random},
    config::{
        Config, SetContext,
        file::Loader,
        rewrite::{Rewrite, rewrite},
    },
    persistence::rdb::{FileReader, Item, ListNode, RdbValue, dump, encode},
    store::types::list::{List, ListLimits, Node},
};

fn fixtures(directory: &str) -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(directory);
    let mut paths: Vec<PathBuf> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| fs::read(path).unwrap()).collect()
}

/// A copy of one of the inputs with some bytes changed, cut out, doubled, or taken from another one.
fn mutated(random: &mut Random, inputs: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = inputs[random.below(inputs.len())].clone();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        let end = (at + random.below(16)).min(bytes.len());
        match random.below(7) {
            0 | 1 if at < bytes.len() => bytes[at] = random.next_u64() as u8,
            2 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            3 => drop(bytes.drain(at..end)),
            4 => {
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            5 => {
                let other = &inputs[random.below(inputs.len())];
                let from = random.below(other.len() + 1);
                let part = &other[from..(from + random.below(32)).min(other.len())];
                bytes.splice(at..end, part.iter().copied());
            }
            _ => {
                const SPECIAL: [u8; 12] = [0, 1, 0x3f, 0x40, 0x7f, 0x80, 0x81, 0xc3, 0xf0, 0xf4, 0xfe, 0xff];
                bytes.splice(at..at, [SPECIAL[random.below(SPECIAL.len())]]);
            }
        }
    }
    bytes
}

fn fuzz(mut each: impl FnMut(&mut Random)) {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let end = Instant::now() + Duration::from_secs(number("FUZZ_SECONDS").unwrap_or(2));
    let mut seed = number("FUZZ_SEED").unwrap_or(0);
    while Instant::now() < end {
        let started = thread_ns();
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| each(&mut Random::from_seed(seed))));
        assert!(outcome.is_ok(), "failed with FUZZ_SEED={seed}");
        assert!(thread_ns() - started < 5_000_000_000, "took too long with FUZZ_SEED={seed}");
        seed += 1;
    }
    eprintln!("up to seed {seed}");
}

/// Uses a value as the store would.
fn use_value(value: RdbValue) {
    let mut out = Vec::new();
    encode::value(&mut out, &value, true);
    match value {
        RdbValue::HashListpack(pack) | RdbValue::ZsetListpack(pack) => {
            assert_eq!(pack.pairs().count() * 2, pack.len());
            assert_eq!(pack.iter_rev().count(), pack.len());
        }
        RdbValue::ListNodes(nodes) => {
            let nodes = nodes.into_iter().map(|node| match node {
                ListNode::Packed(pack) => Node::Packed(pack),
                ListNode::Plain(bytes) => Node::Plain(bytes),
            });
            let list = List::from_nodes(nodes, ListLimits::new(-2, 1));
            let mut count = 0;
            list.visit(0, false, |_, _| {
                count += 1;
                true
            });
            assert_eq!(count, list.len());
        }
        RdbValue::SetIntset(set) => assert_eq!(set.iter().count(), set.len()),
        RdbValue::Stream(mut stream) => {
            use server::store::types::{stream::Trim, stream_id::StreamId};
            let mut ids = Vec::new();
            stream.visit(StreamId::MIN, StreamId::MAX, true, |entry| {
                entry.fields().for_each(drop);
                ids.push(entry.id);
                true
            });
            ids.iter().step_by(2).for_each(|id| {
                stream.delete(*id);
            });
            stream.trim(Trim::MaxLength(1), false, 0);
        }
        _ => {}
    }
}

#[test]
fn payloads_of_restore() {
    let inputs = fixtures("corpus/dump");
    fuzz(|random| {
        let payload = mutated(random, &inputs);
        if let Ok(body) = dump::verify(&payload, true)
            && let Ok(value) = dump::decode(body, random.below(2) == 0)
        {
            use_value(value);
        }
        let _ = dump::verify(&payload, false);
    });
}

#[test]
fn files_of_rdb() {
    let mut inputs = fixtures("rdb");
    // Each payload as the only key of a file.
    for payload in fixtures("corpus/dump") {
        let mut file = b"REDIS0010\xfa\x09redis-ver\x057.0.15\xfe\x00\xfb\x01\x00".to_vec();
        file.push(payload[0]);
        file.extend_from_slice(b"\x03key");
        file.extend_from_slice(&payload[1..payload.len() - 10]);
        file.extend_from_slice(&[255, 0, 0, 0, 0, 0, 0, 0, 0]);
        inputs.push(file);
    }
    fuzz(|random| {
        let bytes = mutated(random, &inputs);
        let Ok(mut file) = FileReader::open(bytes.as_slice().take(1 << 20), random.below(2) == 0, true) else { return };
        while let Ok(item) = file.next_item() {
            match item {
                Item::End => break,
                Item::Entry(entry) => use_value(entry.value),
                _ => {}
            }
        }
    });
}

#[test]
fn files_and_commands_of_configuration() {
    let inputs: Vec<Vec<u8>> = [
        "port 1\nbind 127.0.0.1 -::1\nsave 900 1\nsave \"\"\n# comment\n",
        "client-output-buffer-limit replica 256mb 64mb 60\nmaxmemory 1gb\nmaxmemory-clients 5%\n",
        "user alice on >pass ~* +@all\nrename-command CONFIG \"\"\nlogfile \"a\\x41\\n\"\n",
        "replicaof 127.0.0.1 6379\nnotify-keyspace-events KEA\noom-score-adj-values 1 2 3\nunixsocketperm 777\n",
        "latency-tracking-info-percentiles 50 99 99.9\nshutdown-on-sigterm save now\nproc-title-template '{title}'\n",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec();
    fuzz(|random| {
        let text = mutated(random, &inputs);
        let mut change_dir = |_: &Path| Ok(());
        let mut loader = Loader::new(Config::default(), random.below(2) == 0, &mut change_dir);
        // Nothing of this machine is to be read.
        if !text.windows(7).any(|window| window.eq_ignore_ascii_case(b"include")) && loader.text(&text).is_ok() {
            let _ = loader.finish();
        }
        let config = Config::default();
        let new = Rewrite { config: &config, lines: &[], others: &["user"], sentinel_mode: false, force_all: true };
        let once = rewrite(&text, &new);
        rewrite(&once, &new);
        let words: Vec<&[u8]> = text.split(|byte| byte.is_ascii_whitespace()).collect();
        let pairs: Vec<(&[u8], &[u8])> = words.as_chunks::<2>().0.iter().map(|[name, value]| (*name, *value)).collect();
        let _ = config.plan_set(&pairs, SetContext::default());
        config.get(&words);
    });
}
