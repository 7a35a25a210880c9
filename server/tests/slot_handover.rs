//! CLUSTER MIGRATESLOTS on whole servers: under load, cancelled, and with either side killed in the middle.
//!
//! Redis does not have it, so these tests run on our server only.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::string_slice, reason = "replies are ASCII")]

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

#[path = "support/nodes.rs"]
mod nodes;
#[expect(dead_code, reason = "other tests need more of it")]
mod support;

use nodes::*;
use support::*;

/// Slots that move in these tests; of three primaries the first one keeps one slot: without any it would become a replica.
const MOVING: std::ops::RangeInclusive<u16> = 0..=5459;

/// A client that follows MOVED, and takes nothing else for an answer.
struct Follower {
    nodes: HashMap<u16, Client>,
    at: u16,
    moved: usize,
}

impl Follower {
    fn new(port: u16) -> Self {
        Self { nodes: HashMap::new(), at: port, moved: 0 }
    }

    fn ask(&mut self, line: &str) -> String {
        for _ in 0..100 {
            let port = self.at;
            let client = self.nodes.entry(port).or_insert_with(|| Client::open(port).unwrap());
            let reply = client.ask(line);
            match reply.strip_prefix("-MOVED ") {
                Some(rest) => {
                    self.moved += 1;
                    self.at = rest.rsplit(':').next().unwrap().parse().unwrap();
                }
                None => return reply,
            }
        }
        panic!("{line}: nobody answers");
    }
}

#[test]
fn nothing_is_lost_or_doubled_under_load_and_no_client_gets_ask() {
    const WRITERS: usize = 3;
    let nodes = Nodes::start(2, 2);
    nodes.be_patient();
    let mut filler = Follower::new(nodes[0].port);
    for number in 0..3000 {
        let tag = tag(|slot| MOVING.contains(&slot), number % 300);
        assert_eq!(filler.ask(&format!("SET {{{tag}}}:{number} {number}")), "+OK");
    }
    // A large value of each kind: they go piece by piece.
    let big = tag(|slot| MOVING.contains(&slot), 7);
    for number in 0..1500 {
        filler.ask(&format!("RPUSH {{{big}}}list {number}"));
        filler.ask(&format!("HSET {{{big}}}hash f{number} {number}"));
        filler.ask(&format!("ZADD {{{big}}}zset {number} m{number}"));
        filler.ask(&format!("SADD {{{big}}}set m{number}"));
        filler.ask(&format!("XADD {{{big}}}stream {}-1 f {number}", number + 1));
    }
    filler.ask(&format!("PEXPIRE {{{big}}}set 10000000"));
    filler.ask(&format!("XGROUP CREATE {{{big}}}stream group 0"));
    filler.ask(&format!("SET {{{big}}}short x PX 300"));
    let stop = Arc::new(AtomicBool::new(false));
    let followed: Arc<[AtomicUsize; WRITERS]> = Arc::default();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (stop, followed, port) = (Arc::clone(&stop), Arc::clone(&followed), nodes[0].port);
            thread::spawn(move || {
                let mut client = Follower::new(port);
                let tags: Vec<String> =
                    (0..20).map(|seed| tag(|slot| MOVING.contains(&slot), seed * 3 + writer)).collect();
                let mut rounds = 0;
                while !stop.load(Ordering::Relaxed) {
                    let tag = &tags[rounds % tags.len()];
                    let key = |name: &str| format!("{{{tag}}}:{writer}:{name}");
                    let count = rounds / tags.len() + 1;
                    assert_eq!(client.ask(&format!("INCR {}", key("count"))), format!(":{count}"));
                    assert_eq!(client.ask(&format!("RPUSH {} {rounds}", key("list"))), format!(":{count}"));
                    assert_eq!(client.ask(&format!("MSET {} {rounds} {} {rounds}", key("a"), key("b"))), "+OK");
                    assert_eq!(client.ask(&format!("SET {} {rounds} EX 1000", key("expiring"))), "+OK");
                    assert_eq!(client.ask(&format!("SADD {} {rounds}", key("set"))), ":1");
                    assert_eq!(client.ask(&format!("SPOP {}", key("set"))), rounds.to_string());
                    let read = client.ask(&format!("GET {}", key("b")));
                    assert_eq!(read, rounds.to_string());
                    rounds += 1;
                    followed[writer].store(client.moved, Ordering::Relaxed);
                }
                (tags, rounds)
            })
        })
        .collect();
    for round in 0..6 {
        let (from, to) = (round % 2, (round + 1) % 2);
        until("the node sees its slots", || nodes.migrate(from, to, "0 2000 2001 5459") == "+OK");
        assert_eq!(nodes.ended(from), ("done".to_owned(), String::new()));
        let written: usize = nodes.last(from)["keys"][1..].parse().unwrap();
        assert!(written >= 3000, "{written}");
        // The next handover waits for the writers, however quick the machine is: each is redirected once a round.
        until("every writer followed the slots", || followed.iter().all(|it| it.load(Ordering::Relaxed) > round));
    }
    stop.store(true, Ordering::Relaxed);
    let mut reader = Follower::new(nodes[0].port);
    let mut keys = 3005;
    for (writer, (tags, rounds)) in writers.into_iter().map(|it| it.join().unwrap()).enumerate() {
        for (at, tag) in tags.iter().enumerate() {
            let mine = (rounds + tags.len() - 1 - at) / tags.len();
            assert_eq!(reader.ask(&format!("GET {{{tag}}}:{writer}:count")), mine.to_string());
            assert_eq!(reader.ask(&format!("LLEN {{{tag}}}:{writer}:list")), format!(":{mine}"));
            keys += 5;
        }
    }
    for (question, answer) in [
        (format!("LLEN {{{big}}}list"), ":1500"),
        (format!("HLEN {{{big}}}hash"), ":1500"),
        (format!("ZSCORE {{{big}}}zset m7"), "7"),
        (format!("SCARD {{{big}}}set"), ":1500"),
        (format!("XLEN {{{big}}}stream"), ":1500"),
    ] {
        assert_eq!(reader.ask(&question), answer, "{question}");
    }
    until("the key with a time to live expires at its last owner", || {
        reader.ask(&format!("GET {{{big}}}short")) == "nil"
    });
    assert!(reader.ask(&format!("PTTL {{{big}}}set"))[1..].parse::<i64>().unwrap() > 9_000_000);
    for number in 0..3000 {
        let tag = tag(|slot| MOVING.contains(&slot), number % 300);
        assert_eq!(reader.ask(&format!("GET {{{tag}}}:{number}")), number.to_string());
    }
    until("each key is once there", || nodes.keys(0) + nodes.keys(1) == keys);
    for (primary, replica) in [(0, 2), (1, 3)] {
        until("the replica has what its master has", || {
            nodes[primary].ask("DEBUG DIGEST") == nodes[replica].ask("DEBUG DIGEST")
        });
    }
}

/// A first primary with so much in slot 0 and others that no buffer between the nodes takes it.
fn loaded(primaries: usize, replicas: usize) -> Nodes {
    let nodes = Nodes::start(primaries, replicas);
    let mut client = nodes[0].client();
    let value = "v".repeat(20_000);
    for number in 0..1200 {
        let tag = tag(|slot| MOVING.contains(&slot), number % 50);
        assert_eq!(client.ask(&format!("SET {{{tag}}}:{number} {value}")), "+OK");
    }
    nodes
}

/// Begins a migration of all that stops in the middle: the target sleeps.
fn begin_and_stop(nodes: &Nodes) {
    assert_eq!(nodes.migrate(0, 1, "0 5459"), "+OK");
    until("the target has got something", || nodes[1].ask("DBSIZE") != ":0");
    nodes.signal(1, "-STOP");
    assert_eq!(nodes.last(0)["state"], "snapshot", "it was quicker than the test");
}

#[test]
fn a_migration_that_is_given_up_leaves_everything_with_the_source() {
    let nodes = loaded(3, 0);
    begin_and_stop(&nodes);
    assert!(nodes.migrate(0, 2, "5 5").contains("Slot 5 is already being migrated"));
    assert_eq!(nodes[0].ask("CLUSTER CANCELSLOTMIGRATIONS"), "+OK");
    assert_eq!(nodes.ended(0), ("cancelled".to_owned(), "cancelled by an operator".to_owned()));
    nodes.signal(1, "-CONT");
    until("the target has removed what came", || nodes.keys(1) == 0);
    assert_eq!(nodes.ended(1).0, "failed");
    assert_eq!(nodes.keys(0), 1200);
    // Nothing prevents the next one.
    assert_eq!(nodes.migrate(0, 2, "0 5459"), "+OK");
    assert_eq!(nodes.ended(0).0, "done");
    assert_eq!(nodes.keys(2), 1200);
    until("the source has removed what went", || nodes.keys(0) == 0);
    // The last slot: its primary becomes a replica of the new owner, as with Redis's resharding.
    assert_eq!(nodes.migrate(0, 2, "5460 5460"), "+OK");
    until("it follows the new owner", || {
        nodes[0].info("role") == "slave" && nodes[0].info("master_link_status") == "up"
    });
    assert_eq!(nodes.keys(0), 1200);
}

#[test]
fn a_target_that_dies_in_the_middle_has_nothing_left_of_it_when_it_is_back() {
    let mut nodes = loaded(2, 0);
    begin_and_stop(&nodes);
    nodes.restart(1);
    let (state, message) = nodes.ended(0);
    assert_eq!(state, "failed", "{message}");
    until("the cluster is fine", || nodes[0].ask("CLUSTER INFO").contains("cluster_state:ok"));
    assert_eq!(nodes.keys(0), 1200);
    assert_eq!(nodes.keys(1), 0, "{}", log(nodes.folders[1].path()));
    assert!(!nodes[1].ask("CLUSTER NODES").contains("-<-"), "no slot stands open");
}

#[test]
fn a_target_whose_source_dies_removes_the_keys_that_arrived() {
    let mut nodes = loaded(3, 0);
    begin_and_stop(&nodes);
    let lost = nodes.servers.remove(0);
    lost.kill_now();
    // The numbers have moved up by one.
    nodes.signal(0, "-CONT");
    until("the target has removed what came", || nodes.keys(0) == 0);
    assert!(nodes[0].ask("CLUSTER NODES").contains(" 0-5460"), "the slots are the source's");
}

#[test]
fn a_replica_that_replaces_the_target_removes_the_keys_that_arrived() {
    let nodes = loaded(2, 0);
    let folder = tempfile::tempdir().unwrap();
    let replica = start(&folder);
    let bus = bus(replica.port);
    assert_eq!(nodes[1].ask(&format!("CLUSTER MEET 127.0.0.1 {} {bus}", replica.port)), "+OK");
    let target = nodes.id(1);
    until("it follows", || replica.ask(&format!("CLUSTER REPLICATE {target}")) == "+OK");
    until("it is in sync", || replica.info("master_link_status") == "up");
    assert_eq!(nodes.migrate(0, 1, "0 5459"), "+OK");
    until("the replica has got something, too", || replica.ask("DBSIZE") != ":0");
    nodes.signal(1, "-STOP");
    assert_eq!(replica.ask("CLUSTER FAILOVER TAKEOVER"), "+OK");
    until("the replica is the master", || replica.ask("ROLE").contains("master") || replica.info("role") == "master");
    until("it has removed what came", || replica.ask("DBSIZE") == ":0");
    assert_eq!(nodes.ended(0).0, "failed");
    assert_eq!(nodes.keys(0), 1200);
    nodes.signal(1, "-CONT");
    until("the old target follows, with nothing", || {
        nodes[1].info("role") == "slave" && nodes[1].ask("DBSIZE") == ":0"
    });
}

#[test]
fn a_flush_in_the_middle_empties_both() {
    let nodes = loaded(2, 0);
    begin_and_stop(&nodes);
    assert_eq!(nodes[0].ask("FLUSHALL"), "+OK");
    let tag = tag(|slot| MOVING.contains(&slot), 1);
    assert_eq!(nodes[0].ask(&format!("SET {{{tag}}}later 1")), "+OK");
    nodes.signal(1, "-CONT");
    assert_eq!(nodes.ended(0), ("done".to_owned(), String::new()));
    assert_eq!(nodes[1].ask(&format!("GET {{{tag}}}later")), "1");
    assert_eq!(nodes.keys(1), 1);
}

#[test]
fn changes_during_a_handover_reach_the_target() {
    let nodes = loaded(2, 0);
    let tag = tag(|slot| MOVING.contains(&slot), 1);
    let mut client = nodes[0].client();
    client.ask(&format!("RPUSH {{{tag}}}list 3 1 2"));
    client.ask(&format!("SET {{{tag}}}gone 1"));
    begin_and_stop(&nodes);
    for line in [
        "XADD #stream 1-1 f v",
        "XGROUP CREATE #stream group 0",
        "XGROUP CREATECONSUMER #stream group me",
        "XREADGROUP GROUP group me COUNT 1 STREAMS #stream >",
        "SORT #list STORE #sorted",
        "LMOVE #list #other LEFT RIGHT",
        "GETDEL #gone",
        "SETEX #expiring 1000 v",
        "BITFIELD #bits SET u8 0 65",
        "GEOADD #places 13.361389 38.115556 Palermo",
        "PFADD #unique a b c",
        "RENAME #bits #bytes",
        "COPY #bytes #copied",
        "INCRBYFLOAT #float 1.5",
    ] {
        let reply = client.ask(&line.replace('#', &format!("{{{tag}}}")));
        assert!(!reply.starts_with('-'), "{line}: {reply}");
    }
    nodes.signal(1, "-CONT");
    assert_eq!(nodes.ended(0), ("done".to_owned(), String::new()));
    for (line, answer) in [
        ("XLEN #stream", ":1"),
        ("XACK #stream group 1-1", ":1"),
        ("LINDEX #sorted 0", "1"),
        ("LLEN #list", ":2"),
        ("LINDEX #other 0", "3"),
        ("EXISTS #gone", ":0"),
        ("GET #expiring", "v"),
        ("GET #bytes", "A"),
        ("GET #copied", "A"),
        ("EXISTS #bits", ":0"),
        ("ZCARD #places", ":1"),
        ("PFCOUNT #unique", ":3"),
        ("GET #float", "1.5"),
    ] {
        assert_eq!(nodes[1].ask(&line.replace('#', &format!("{{{tag}}}"))), answer, "{line}");
    }
}

#[test]
fn slots_that_return_at_once_are_complete() {
    let nodes = Nodes::start(2, 0);
    nodes.be_patient();
    let mut client = nodes[0].client();
    for many in 0..200 {
        let tag = tag(|slot| MOVING.contains(&slot), many);
        let pairs: Vec<String> = (0..100).map(|number| format!("{{{tag}}}:{many}:{number} {number}")).collect();
        assert_eq!(client.ask(&format!("MSET {}", pairs.join(" "))), "+OK");
    }
    // The source has not removed everything when the first of it returns.
    for round in 0..6 {
        let (from, to) = (round % 2, (round + 1) % 2);
        assert_eq!(nodes.migrate(from, to, "0 5459"), "+OK");
        assert_eq!(nodes.ended(from), ("done".to_owned(), String::new()));
        assert_eq!(nodes.last(from)["keys"], ":20000");
    }
    until("each key is once there", || (nodes.keys(0), nodes.keys(1)) == (20_000, 0));
}

#[test]
fn a_flush_of_the_target_ends_an_arrival() {
    let nodes = loaded(2, 0);
    assert_eq!(nodes.migrate(0, 1, "0 5459"), "+OK");
    until("the target has got something", || nodes[1].ask("DBSIZE") != ":0");
    assert_eq!(nodes[1].ask("FLUSHALL"), "+OK");
    assert_eq!(nodes.ended(0).0, "failed");
    assert_eq!(nodes.keys(0), 1200);
    until("the target has removed what came", || nodes.keys(1) == 0);
}

#[test]
fn clients_that_wait_are_sent_to_the_new_owner() {
    let nodes = Nodes::start(2, 0);
    let tag = tag(|slot| MOVING.contains(&slot), 1);
    let mut waiter = nodes[0].client();
    std::io::Write::write_all(waiter.0.get_mut(), format!("BLPOP {tag} 0\r\n").as_bytes()).unwrap();
    until("it waits", || nodes[0].info("blocked_clients") == "1");
    let mut watcher = nodes[0].client();
    watcher.ask(&format!("WATCH {tag}"));
    watcher.ask("MULTI");
    assert_eq!(watcher.ask(&format!("SET {tag} x")), "+QUEUED");
    assert_eq!(nodes.migrate(0, 1, "0 5459"), "+OK");
    assert_eq!(nodes.ended(0).0, "done");
    assert!(waiter.reply().unwrap().starts_with("-MOVED "));
    assert!(watcher.ask("EXEC").starts_with("-MOVED "));
}

#[test]
fn impossible_handovers_are_refused_with_a_reason() {
    let nodes = Nodes::start(2, 0);
    let (one, two) = (nodes.id(0), nodes.id(1));
    for (line, part) in [
        (format!("CLUSTER MIGRATESLOTS SLOTSRANGE 0 9 NODE {one}"), "this node"),
        (format!("CLUSTER MIGRATESLOTS SLOTSRANGE 9000 9001 NODE {two}"), "I'm not the owner of hash slot 9000"),
        (format!("CLUSTER MIGRATESLOTS SLOTSRANGE 9 0 NODE {two}"), "greater than end"),
        (format!("CLUSTER MIGRATESLOTS SLOTSRANGE 0 9 9 10 NODE {two}"), "Slot 9 specified multiple times"),
        (format!("CLUSTER MIGRATESLOTS SLOTSRANGE 0 9 NODE {two} SLOTSRANGE 3 3 NODE {two}"), "Slot 3 specified"),
        (format!("CLUSTER MIGRATESLOTS SLOTSRANGE 0 16384 NODE {two}"), "Invalid or out of range slot"),
        (format!("CLUSTER MIGRATESLOTS SLOTSRANGE NODE {two} 1 2"), "syntax error"),
        (format!("CLUSTER MIGRATESLOTS SLOTSRANGE 0 9 NODE {}", "0".repeat(40)), "Unknown node"),
        ("CLUSTER SYNCSLOTS FINISH 9".to_owned(), "Nothing arrives here"),
        ("CLUSTER SYNCSLOTS EXPECT 1-2".to_owned(), "syntax error"),
    ] {
        let reply = nodes[0].ask(&line);
        assert!(reply.starts_with('-') && reply.contains(part), "{line}: {reply}");
    }
    nodes[0].ask(&format!("CLUSTER SETSLOT 5 MIGRATING {two}"));
    assert!(nodes.migrate(0, 1, "0 9").contains("Slot 5 is being moved by CLUSTER SETSLOT"));
    assert!(nodes[0].ask("COMMAND LIST FILTERBY PATTERN cluster|migrateslots") == "*0");
}

#[test]
fn a_target_that_is_redis_itself_is_refused_and_says_why() {
    if !installed(REAL) {
        return;
    }
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let ours = start(&folders[0]);
    let (mut command, port) = command(REAL, folders[1].path(), &OPTIONS);
    command.args(["--cluster-port", &bus(port).to_string()]).stdout(std::process::Stdio::null());
    let real = Server { process: command.spawn().unwrap(), port }.ready(folders[1].path());
    ours.ask("CLUSTER ADDSLOTSRANGE 0 8000");
    real.ask("CLUSTER ADDSLOTSRANGE 8001 16383");
    let nodes = Nodes { servers: vec![ours, real], folders: folders.into() };
    nodes.introduce();
    assert_eq!(nodes.migrate(0, 1, "0 9"), "+OK");
    let ended = nodes.ended(0);
    assert_eq!(ended, ("failed".to_owned(), "the target is not a node that knows CLUSTER SYNCSLOTS".to_owned()));
}

#[test]
fn the_right_to_bring_slots_is_a_right_to_their_keys_and_to_no_others() {
    let nodes = Nodes::start(2, 0);
    assert_eq!(nodes[1].ask("ACL SETUSER mover on nopass +cluster|syncslots +multi +exec"), "+OK");
    let arriving = tag(|slot| slot < 10, 1);
    let others = [tag(|slot| (10..8192).contains(&slot), 2), tag(|slot| slot >= 8192, 3)];
    let mut mover = nodes[1].client();
    assert_eq!(mover.ask("AUTH mover x"), "+OK");
    assert!(mover.ask(&format!("SET {arriving} early")).starts_with("-NOPERM"), "nothing arrives yet");
    let begin = format!("CLUSTER SYNCSLOTS BEGIN {} {} 0 9", "a".repeat(40), nodes.id(0));
    assert!(!mover.ask(&begin).starts_with('-'), "{begin}");
    assert_eq!(mover.ask(&format!("SET {arriving} 1")), "+OK");
    for other in &others {
        assert!(mover.ask(&format!("SET {other} 1")).starts_with("-NOPERM"), "{other}");
        assert!(mover.ask(&format!("MSET {arriving} 1 {other} 1")).starts_with("-NOPERM"), "{other}");
    }
    for line in [format!("GET {arriving}"), "FLUSHALL".into(), "CONFIG GET port".into(), "ACL WHOAMI".into()] {
        assert!(mover.ask(&line).starts_with("-NOPERM"), "{line}");
    }
    assert_eq!(mover.ask("MULTI"), "+OK");
    assert_eq!(mover.ask(&format!("SET {arriving} 2")), "+QUEUED");
    assert!(mover.ask(&format!("SET {} 2", others[1])).starts_with("-NOPERM"));
    assert!(mover.ask("EXEC").starts_with("-EXECABORT"));
    // Another session of the same user has brought nothing.
    let mut stranger = nodes[1].client();
    assert_eq!(stranger.ask("AUTH mover x"), "+OK");
    assert!(stranger.ask(&format!("SET {arriving} 3")).starts_with("-NOPERM"));
}
