//! What counts as an access to a key: under LFU, and in `keyspace_hits` and `keyspace_misses`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[expect(dead_code, reason = "other tests need more of it")]
mod support;
#[expect(dead_code, reason = "other tests need more of it")]
#[path = "support/wire.rs"]
mod wire;

use support::*;
use wire::*;

/// Each access adds one to the frequency.
const EACH_COUNTS: [&str; 8] =
    ["--appendonly", "no", "--maxmemory-policy", "allkeys-lfu", "--lfu-decay-time", "0", "--lfu-log-factor", "0"];

/// How often `k` has been accessed.
fn frequency(wire: &mut Wire) -> u32 {
    wire.ask("OBJECT FREQ k").parse().unwrap()
}

#[test]
fn how_often_a_key_is_used_outlives_its_value_and_its_name() {
    let options = ["--appendonly", "no", "--maxmemory-policy", "allkeys-lfu", "--lfu-decay-time", "0"];
    let commands = [
        ("SET k w", "k"),
        ("GETSET k w", "k"),
        ("MSET k w", "k"),
        ("SETEX k 100 w", "k"),
        ("APPEND k w", "k"),
        ("SETBIT k 1 1", "k"),
        ("BITOP NOT k k", "k"),
        ("SUNIONSTORE k s", "k"),
        ("SORT l STORE k", "k"),
        ("GEOSEARCHSTORE k g FROMMEMBER a BYRADIUS 1 km", "k"),
        ("RENAME k other", "other"),
        ("COPY k other REPLACE", "other"),
    ];
    let expected: Vec<String> =
        commands.iter().map(|(line, _)| format!("{line}: {}", !line.starts_with("COPY"))).collect();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    play(&options, &expected, |server, _| {
        let mut wire = Wire::to(server);
        let play_one = |(line, key): &(&str, &str)| {
            for prepare in ["FLUSHALL", "SADD s a", "RPUSH l 1", "GEOADD g 1 1 a", "SET k v"] {
                wire.ask(prepare);
            }
            let uses = from_environment("USES", 3000);
            (0..uses).for_each(|_| wire.send("GET k"));
            (0..uses).for_each(|_| drop(wire.reply()));
            wire.ask(line);
            let frequency: u32 = wire.ask(&format!("OBJECT FREQ {key}")).parse().unwrap();
            format!("{line}: {}", frequency > 12)
        };
        commands.iter().map(play_one).collect()
    });
}

#[test]
fn a_write_counts_as_an_access_even_if_it_changes_nothing() {
    let using = [
        "SET k v",
        "SETEX k 100 v",
        "MSET k v",
        "SET k v XX",
        "GETSET k v",
        "SETNX k v",
        "MSETNX k v j w",
        "SET k v NX",
        "GET k",
        "APPEND k \"\"",
        "GETEX k",
        "RENAMENX k j",
        "COPY k j",
    ];
    let looking = ["EXISTS k", "TTL k", "TYPE k", "OBJECT ENCODING k", "OBJECT FREQ k", "MEMORY USAGE k"];
    let lines = || using.iter().map(|line| (*line, true)).chain(looking.iter().map(|line| (*line, false)));
    let expected: Vec<String> = lines().map(|(line, uses)| format!("{line}: {uses}")).collect();
    play(&EACH_COUNTS, &expected.iter().map(String::as_str).collect::<Vec<_>>(), |server, _| {
        let mut wire = Wire::to(server);
        let play_one = |(line, _)| {
            for prepare in ["FLUSHALL", "SET k v", "SET j v"] {
                wire.ask(prepare);
            }
            let fresh = frequency(&mut wire);
            (0..10).for_each(|_| drop(wire.ask(line)));
            format!("{line}: {}", frequency(&mut wire) > fresh)
        };
        lines().map(play_one).collect()
    });
}

#[test]
fn a_command_counts_one_access_and_one_hit_or_miss_for_each_key_it_looks_up() {
    // What makes `k`, the command, and accesses, hits and misses of it.
    let commands = [
        ("SET k v", "GETEX k PERSIST", "1 1 0"),
        ("SET k v", "APPEND k w", "1 0 0"),
        ("SET k v", "SETBIT k 1 1", "1 0 0"),
        ("SET k v", "SETRANGE k 0 w", "1 0 0"),
        ("SET k v", "BITFIELD k SET u8 0 1", "1 0 0"),
        ("SET k v", "OBJECT ENCODING k", "0 1 0"),
        ("SET k v", "OBJECT FREQ nosuch", "0 0 1"),
        ("SET k v", "MGET k nosuch", "1 1 1"),
        ("HSET k f 1", "HINCRBY k f 1", "1 0 0"),
        ("HSET k f 1", "HINCRBYFLOAT k f 1", "1 0 0"),
        ("SADD k a b", "SINTER k", "1 1 0"),
        ("SADD k a b", "SINTERCARD 2 k nosuch", "1 1 1"),
        ("SADD k a b", "SDIFFSTORE d k", "1 1 0"),
        ("RPUSH k a b", "LMOVE k d LEFT RIGHT", "1 0 0"),
        ("RPUSH k a b", "LMOVE k k LEFT RIGHT", "2 0 0"),
        ("XADD k 1-1 f v", "XGROUP CREATE k g 0", "1 0 0"),
        ("XADD k 1-1 f v", "XAUTOCLAIM k g c 0 0", "1 1 0"),
        ("XADD k 1-1 f v | XGROUP CREATE k g 0", "XREADGROUP GROUP g c STREAMS k >", "2 2 0"),
        ("XADD k 1-1 f v | XGROUP CREATE k g 0", "XCLAIM k g c 0 1-1 FORCE", "1 1 0"),
        ("XADD k 1-1 f v | XGROUP CREATE k g 0", "XACK k g 1-1", "1 1 0"),
        ("PFADD k a", "PFADD k b", "1 0 0"),
        ("PFADD k a", "PFCOUNT k", "1 1 0"),
        ("PFADD k a", "PFMERGE k", "2 1 0"),
        ("GEOADD k 1 1 a 2 2 b", "GEODIST k a b", "1 1 0"),
        ("GEOADD k 1 1 a 2 2 b", "GEOSEARCH k FROMMEMBER a BYRADIUS 1 km", "1 1 0"),
        ("GEOADD k 1 1 a 2 2 b", "GEOSEARCH nosuch FROMMEMBER a BYRADIUS 1 km", "0 0 1"),
    ];
    let expected: Vec<String> = commands.iter().map(|(_, line, counts)| format!("{line}: {counts}")).collect();
    play(&EACH_COUNTS, &expected.iter().map(String::as_str).collect::<Vec<_>>(), |server, _| {
        let mut wire = Wire::to(server);
        let play_one = |(make, line, _): &(&str, &str, &str)| {
            std::iter::once("FLUSHALL").chain(make.split(" | ")).for_each(|prepare| drop(wire.ask(prepare)));
            let before = frequency(&mut wire);
            wire.ask("CONFIG RESETSTAT");
            wire.ask(line);
            let [hits, misses] = ["keyspace_hits", "keyspace_misses"].map(|field| server.info(field));
            format!("{line}: {} {hits} {misses}", frequency(&mut wire) - before)
        };
        commands.iter().map(play_one).collect()
    });
}
