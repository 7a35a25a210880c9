//! Peers that stall, read slowly, ask for too much or come in too great a number: nobody else must notice.
//!
//! Each test runs the server as a process. Where it says "goes on", it means that other clients are answered all the while.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;

#[expect(dead_code, reason = "other tests need more of it")]
mod support;

use support::*;

const VALUE: usize = 10_000;

fn start(options: &[&str]) -> (Server, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let fixed = ["--appendonly", "no", "--repl-diskless-sync-delay", "0"];
    let server = Server::start(OURS, directory.path(), &[&fixed[..], options].concat());
    (server, directory)
}

fn set_commands(count: usize, size: usize) -> Vec<u8> {
    let value = "x".repeat(size);
    (0..count).flat_map(|number| format!("SET key:{number} {value}\r\n").into_bytes()).collect()
}

/// Sends the pipeline over and over, reading replies as they come, until `bytes` were written.
fn write_pipelines(port: u16, bytes: usize) {
    let mut client = Client::open(port).unwrap();
    let pipeline = set_commands(100, VALUE);
    for _ in 0..bytes / pipeline.len() {
        client.0.get_mut().write_all(&pipeline).unwrap();
        for _ in 0..100 {
            assert_eq!(client.reply().unwrap(), "+OK");
        }
    }
}

/// Asks to be a replica and does not read on.
fn silent_replica(port: u16) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(b"REPLCONF capa eof capa psync2\r\n").unwrap();
    let mut reply = [0; 5];
    stream.read_exact(&mut reply).unwrap();
    assert_eq!(&reply, b"+OK\r\n");
    stream.write_all(b"PSYNC ? -1\r\n").unwrap();
    stream
}

fn signal(server: &Server, name: &str) {
    let pid = server.process.id().to_string();
    assert!(std::process::Command::new("kill").args([name, &pid]).status().unwrap().success());
}

fn replica_of(port: u16) -> (Server, tempfile::TempDir) {
    let (replica, directory) = start(&["--replicaof", &format!("127.0.0.1 {port}")]);
    until("the replica is in sync", || replica.info("master_link_status") == "up");
    (replica, directory)
}

/// Bytes until the end of the connection.
fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let (mut bytes, mut part) = (Vec::new(), [0; 65_536]);
    loop {
        match stream.read(&mut part) {
            Ok(0) => return bytes,
            Ok(count) => bytes.extend_from_slice(&part[..count]),
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => return bytes,
            Err(error) => panic!("neither bytes nor an end: {error}"),
        }
    }
}

fn a_primary_goes_on_beside_replicas(io_threads: &str) {
    let (primary, _directory) = start(&["--io-threads", io_threads]);
    let (healthy, _healthy_directory) = replica_of(primary.port);
    let (stopped, _stopped_directory) = replica_of(primary.port);
    let _silent = silent_replica(primary.port);
    signal(&stopped, "-STOP");
    let writers: Vec<_> = (0..3)
        .map(|_| {
            let port = primary.port;
            thread::spawn(move || write_pipelines(port, 40_000_000))
        })
        .collect();
    let mut pings = 0;
    while !writers.iter().all(thread::JoinHandle::is_finished) {
        assert_eq!(primary.ask("PING"), "+PONG");
        pings += 1;
    }
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    assert!(pings > 0);
    until("the healthy replica has everything", || primary.ask("DEBUG DIGEST") == healthy.ask("DEBUG DIGEST"));
    signal(&stopped, "-CONT");
    until("the stopped one catches up", || primary.ask("DEBUG DIGEST") == stopped.ask("DEBUG DIGEST"));
}

#[test]
fn a_primary_goes_on_beside_healthy_stopped_and_silent_replicas() {
    a_primary_goes_on_beside_replicas("1");
}

#[test]
fn a_primary_with_io_threads_goes_on_beside_healthy_stopped_and_silent_replicas() {
    a_primary_goes_on_beside_replicas("4");
}

/// A primary with 30 MB, and a replica that reads nothing of its snapshot.
/// Bytes that the stream's recent part takes.
fn kept(server: &Server) -> u64 {
    server.info("mem_total_replication_buffers").parse().unwrap()
}

#[test]
fn the_stream_is_given_up_while_writes_go_on_and_no_replica_asks_for_it() {
    let limit = ["--client-output-buffer-limit", "replica 64mb 0 0", "--repl-backlog-size", "1mb"];
    let (primary, _directory) = start(&limit);
    let (healthy, _healthy_directory) = replica_of(primary.port);
    let stopped = replica_of(primary.port);
    signal(&stopped.0, "-STOP");
    write_pipelines(primary.port, 400_000_000);
    until("the stopped replica is dropped", || primary.info("connected_slaves") == "1");
    assert!(kept(&primary) < 80_000_000, "{}", kept(&primary));
    // A replica records its primary's stream for replicas of its own.
    assert!(kept(&healthy) < 4_000_000, "{}", kept(&healthy));
    drop(healthy);
    until("the other replica is gone", || primary.info("connected_slaves") == "0");
    write_pipelines(primary.port, 200_000_000);
    assert!(kept(&primary) < 4_000_000, "{}", kept(&primary));
}

fn with_stalled_transfer(diskless: &str, options: &[&str]) -> (Server, tempfile::TempDir, TcpStream) {
    let (primary, directory) = start(&[&["--repl-diskless-sync", diskless], options].concat());
    write_incompressible(&primary);
    let stalled = silent_replica(primary.port);
    until("the snapshot is being sent", || {
        let line = primary.info("slave0");
        line.contains("state=send_bulk") || (diskless == "yes" && line.contains("state=wait_bgsave"))
    });
    (primary, directory, stalled)
}

fn write_incompressible(primary: &Server) {
    let mut client = primary.client();
    for number in 0..300 {
        assert_eq!(client.ask(&format!("SETRANGE big:{number} 100000 end")), ":100003");
    }
    assert_eq!(client.ask("CONFIG SET rdbcompression no"), "+OK");
}

#[test]
fn a_replica_that_stalls_inside_its_snapshot_is_dropped_when_its_output_limit_is_passed() {
    for diskless in ["yes", "no"] {
        let limits = ["--client-output-buffer-limit", "replica 4mb 0 0", "--repl-backlog-size", "1mb"];
        let (primary, _directory, _stalled) = with_stalled_transfer(diskless, &limits);
        write_pipelines(primary.port, 8_000_000);
        until("the link is dropped", || primary.info("connected_slaves") == "0");
        until("its memory is back", || {
            primary.info("mem_total_replication_buffers").parse::<usize>().unwrap() < 3_000_000
        });
    }
}

#[test]
fn a_replica_that_stalls_inside_its_snapshot_is_dropped_by_client_kill() {
    for diskless in ["yes", "no"] {
        let (primary, _directory, _stalled) = with_stalled_transfer(diskless, &[]);
        assert_eq!(primary.ask("CLIENT KILL TYPE replica"), ":1");
        until("the link is dropped", || primary.info("connected_slaves") == "0");
    }
}

#[test]
fn a_replica_that_stalls_inside_its_snapshot_is_dropped_after_repl_timeout() {
    for diskless in ["yes", "no"] {
        let (primary, directory, _stalled) = with_stalled_transfer(diskless, &["--repl-timeout", "2"]);
        until("the link is dropped", || primary.info("connected_slaves") == "0");
        assert!(log(directory.path()).contains("Disconnecting timedout replica (full sync)"));
    }
}

#[test]
fn a_pipeline_that_is_written_whole_before_it_is_read_comes_back_in_full() {
    const COUNT: usize = 500_000;
    let (server, _directory) = start(&[]);
    assert_eq!(server.ask(&format!("SET key {}", "v".repeat(1000))), "+OK");
    let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    stream.write_all(&b"*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n".repeat(COUNT)).unwrap();
    stream.write_all(b"QUIT\r\n").unwrap();
    let bytes = read_to_end(&mut stream);
    assert_eq!(bytes.len(), COUNT * "$1000\r\n\r\n".len() + COUNT * 1000 + "+OK\r\n".len());
    let reply = format!("$1000\r\n{}\r\n", "v".repeat(1000));
    assert!(bytes.strip_suffix(b"+OK\r\n").unwrap().chunks(reply.len()).all(|part| part == reply.as_bytes()));
}

#[test]
fn a_reply_that_breaks_the_output_limit_closes_its_client_and_sends_nothing_of_itself() {
    let (server, directory) = start(&["--client-output-buffer-limit", "normal 1mb 0 0"]);
    let mut filler = server.client();
    let value = "v".repeat(20_000);
    for number in 0..100 {
        assert_eq!(filler.ask(&format!("SET k{number:0>40000} {value}")), "+OK");
        assert_eq!(filler.ask(&format!("RPUSH list {value}")), format!(":{}", number + 1));
        assert_eq!(filler.ask(&format!("HSET hash {number} {value}")), ":1");
    }
    assert_eq!(filler.ask("SADD members a b"), ":2");
    assert_eq!(filler.ask("ZADD sorted 1 a 2 b"), ":2");
    let keys: Vec<String> = (0..100).map(|number| format!("k{number:0>40000}")).collect();
    let mget: String = keys.iter().map(|key| format!("${}\r\n{key}\r\n", key.len())).collect();
    let cases = [
        ("LRANGE list 0 -1".to_string(), ""),
        (format!("*101\r\n$4\r\nMGET\r\n{mget}"), ""),
        ("KEYS *".to_string(), ""),
        ("HRANDFIELD hash 100 WITHVALUES".to_string(), ""),
        ("HRANDFIELD hash -999999999".to_string(), ""),
        ("SRANDMEMBER members -999999999".to_string(), ""),
        ("ZRANDMEMBER sorted -999999999 WITHSCORES".to_string(), ""),
        ("HGETALL hash".to_string(), ""),
        ("SORT list ALPHA".to_string(), ""),
        (format!("MULTI\r\nSET done 1\r\n{}SET done 2\r\nEXEC", "LRANGE list 0 -1\r\n".repeat(2)), "2"),
        (format!("{}LPUSH after x", "GET k\r\nLRANGE list 0 20\r\n".repeat(10)), ""),
    ];
    for (request, done) in cases {
        let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        // The server may close the connection while this is written.
        let _ = stream.write_all(format!("{request}\r\n").as_bytes());
        let bytes = read_to_end(&mut stream);
        assert!(!bytes.contains(&b'$'), "{}: {} bytes came", &request[..20], bytes.len());
        if !done.is_empty() {
            assert_eq!(server.ask("GET done"), done, "a transaction runs to its end");
        }
    }
    assert_eq!(server.ask("EXISTS after"), ":0", "what follows in a pipeline is not executed");
    let closed =
        log(directory.path()).matches("scheduled to be closed ASAP for overcoming of output buffer limits").count();
    assert_eq!(closed, 11);
}

#[test]
fn a_subscriber_that_does_not_read_is_dropped_and_its_publisher_goes_on() {
    let (server, _directory) = start(&["--client-output-buffer-limit", "pubsub 1mb 0 0"]);
    let mut slow = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    slow.write_all(b"SUBSCRIBE news\r\n").unwrap();
    until("it is subscribed", || {
        server.ask("PUBSUB NUMSUB news").starts_with('*') && server.info("pubsub_channels") == "1"
    });
    let mut publisher = server.client();
    let message = "m".repeat(VALUE);
    until("the subscriber is dropped", || publisher.ask(&format!("PUBLISH news {message}")) == ":0");
    assert_eq!(server.ask("PING"), "+PONG");
}

#[test]
fn maxclients_is_exact_however_many_connect_at_once() {
    let (server, _directory) = start(&["--maxclients", "10"]);
    until("the first connections are gone", || server.info("connected_clients") == "1");
    signal(&server, "-STOP");
    let mut streams: Vec<_> = (0..200).map(|_| TcpStream::connect(("127.0.0.1", server.port)).unwrap()).collect();
    for stream in &mut streams {
        stream.write_all(b"PING\r\n").unwrap();
    }
    signal(&server, "-CONT");
    let mut served = 0;
    for stream in &mut streams {
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut reply = [0; 7];
        stream.read_exact(&mut reply).unwrap();
        served += usize::from(&reply == b"+PONG\r\n");
        assert!(&reply == b"+PONG\r\n" || &reply == b"-ERR ma", "{}", String::from_utf8_lossy(&reply));
    }
    assert_eq!(served, 10);
}

#[test]
fn more_clients_than_the_system_has_descriptors_for_are_refused() {
    let (server, _directory) = start(&["--maxclients", "100"]);
    let pid = server.process.id().to_string();
    let limited = std::process::Command::new("prlimit").args(["--pid", &pid, "--nofile=300:300"]).status().unwrap();
    assert!(limited.success());
    let refused = server.ask("CONFIG SET maxclients 5000");
    assert!(
        refused.contains("The operating system is not able to handle the specified number of clients, try with 268")
    );
    assert_eq!(server.info("maxclients"), "100");
    assert_eq!(server.ask("CONFIG SET maxclients 200"), "+OK");
}

#[test]
fn a_connection_that_finds_no_descriptor_waits_until_there_is_one() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(OURS, directory.path(), &["--appendonly", "no"]);
    let mut first = server.client();
    let pid = server.process.id().to_string();
    let open = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
    let limit = (open + 3).to_string();
    assert!(
        std::process::Command::new("prlimit")
            .args(["--pid", &pid, &format!("--nofile={limit}")])
            .status()
            .unwrap()
            .success()
    );
    let mut crowd: Vec<_> = (0..20).map(|_| TcpStream::connect(("127.0.0.1", server.port)).unwrap()).collect();
    until("the log says so", || log(directory.path()).contains("Accepting client connection: "));
    assert_eq!(first.ask("PING"), "+PONG");
    let mut last = crowd.pop().unwrap();
    drop(crowd);
    last.set_read_timeout(Some(DEADLINE)).unwrap();
    last.write_all(b"PING\r\n").unwrap();
    let mut reply = [0; 7];
    last.read_exact(&mut reply).unwrap();
    assert_eq!(&reply, b"+PONG\r\n");
}

#[test]
fn a_client_that_is_killed_goes_although_it_does_not_read() {
    let (server, _directory) = start(&[]);
    assert_eq!(server.ask("SETRANGE key 1000000 end"), ":1000003");
    let mut stalled = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    stalled.write_all(&b"GET key\r\n".repeat(50)).unwrap();
    until("replies wait", || server.ask("CLIENT LIST").lines().any(|line| !line.contains(" omem=0 ")));
    assert_eq!(server.ask("CLIENT KILL TYPE normal SKIPME yes").as_bytes()[0], b':');
    until("only the one that asks is left", || server.info("connected_clients") == "1");
}

#[test]
fn a_shutdown_that_is_aborted_leaves_the_pause_of_an_operator() {
    let (primary, _directory) = start(&[]);
    let (replica, _replica_directory) = replica_of(primary.port);
    assert_eq!(primary.ask("SET first write"), "+OK");
    until("the replica has acknowledged something", || !primary.info("slave0").contains("offset=0,"));
    signal(&replica, "-STOP");
    write_pipelines(primary.port, 3_000_000);
    assert_eq!(primary.ask("CLIENT PAUSE 1000000 WRITE"), "+OK");
    let mut ending = primary.client();
    ending.0.get_mut().write_all(b"SHUTDOWN NOSAVE\r\n").unwrap();
    until("the shutdown waits for the replica", || primary.ask("INFO server").contains("shutdown_in_milliseconds"));
    assert_eq!(primary.ask("SHUTDOWN ABORT"), "+OK");
    let mut writer = primary.client();
    assert_eq!(writer.ask("CLIENT SETNAME writer"), "+OK");
    writer.0.get_mut().write_all(b"SET key value\r\n").unwrap();
    until("the write is held back", || {
        primary.ask("CLIENT LIST").lines().any(|line| line.contains("name=writer") && line.contains("flags=b"))
    });
    assert_eq!(primary.ask("EXISTS key"), ":0");
    assert_eq!(primary.ask("CLIENT UNPAUSE"), "+OK");
    assert_eq!(writer.reply().unwrap(), "+OK");
    signal(&replica, "-CONT");
}

#[test]
fn buffers_of_silent_clients_are_freed() {
    let (server, _directory) = start(&[]);
    assert_eq!(server.ask("SETRANGE key 200000 end"), ":200003");
    let mut silent = server.client();
    assert_eq!(silent.ask("CLIENT SETNAME silent"), "+OK");
    assert_eq!(silent.ask("GET key").len(), 200_003);
    let line = || {
        let list = server.ask("CLIENT LIST");
        list.lines().find(|line| line.contains("name=silent")).unwrap().to_owned()
    };
    until("nothing is left", || line().contains("qbuf=0 qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 "));
    assert_eq!(silent.ask("PING"), "+PONG");
}

#[test]
fn client_list_tells_what_a_client_holds() {
    let (server, _directory) = start(&[]);
    let mut client = server.client();
    let field = |name: &str| -> usize {
        let list = server.ask("CLIENT LIST");
        let line = list.lines().find(|line| line.contains("name=holder")).unwrap();
        line.split(' ').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).unwrap().parse().unwrap()
    };
    assert_eq!(client.ask("CLIENT SETNAME holder"), "+OK");
    let before = field("tot-mem");
    client.ask("MULTI");
    client.ask(&format!("SET key {}", "v".repeat(30_000)));
    assert!(field("multi-mem") >= 30_000 && field("tot-mem") >= before + 30_000);
    client.ask("DISCARD");
    assert_eq!(field("multi-mem"), 0);
    client
        .0
        .get_mut()
        .write_all(format!("*3\r\n$3\r\nSET\r\n$20000\r\n{}\r\n$5\r\n", "k".repeat(20_000)).as_bytes())
        .unwrap();
    until("the arguments that arrived are told", || field("argv-mem") >= 20_003);
    client.0.get_mut().write_all(b"value\r\n").unwrap();
    assert_eq!(client.reply().unwrap(), "+OK");
    client.0.get_mut().write_all(format!("SET {}", "x".repeat(5_000)).as_bytes()).unwrap();
    until("the query buffer is told", || field("qbuf") == 5_004);
}

#[test]
fn maxmemory_clients_evicts_the_largest_first_and_each_once() {
    let (server, _directory) = start(&[]);
    let holders: Vec<_> = [10_000, 400_000, 200_000]
        .iter()
        .map(|&size| {
            let mut client = server.client();
            client.ask("MULTI");
            for _ in 0..size / 10_000 {
                assert_eq!(client.ask(&format!("SET key {}", "v".repeat(10_000))), "+QUEUED");
            }
            client
        })
        .collect();
    assert_eq!(server.ask("CONFIG SET maxmemory-clients 350000"), "+OK");
    until("the largest is gone", || server.info("evicted_clients") == "1");
    let mut alive = holders.into_iter().map(|mut client| client.try_ask("PING").is_some());
    assert_eq!([alive.next(), alive.next(), alive.next()], [Some(true), Some(false), Some(true)]);
    assert_eq!(server.info("evicted_clients"), "1");
}

#[test]
fn a_client_that_exceeds_maxmemory_clients_gets_its_reply_first() {
    let options = ["--maxmemory-clients", "100kb", "--save", "", "--appendonly", "no"];
    let play = |program: &str| {
        let directory = tempfile::tempdir().unwrap();
        let server = Server::start(program, directory.path(), &options);
        let mut spared = server.client();
        spared.ask("CLIENT NO-EVICT on");
        let mut reader = server.client();
        reader.ask("PING");
        // The spared client holds more than all may take together, for good.
        spared.ask("MULTI");
        (0..20).for_each(|_| drop(spared.ask(&format!("SET k {}", "v".repeat(10_000)))));
        until("the others are evicted", || reader.try_ask("PING").is_none());
        // Before a second command in the same packet is executed, its sender is evicted, with the first reply unsent.
        let mut pipeline = server.client();
        pipeline.0.get_mut().write_all(b"PING\r\nPING\r\n").unwrap();
        let served = [pipeline.reply().unwrap_or_default(), pipeline.reply().unwrap_or_default()];
        let raised = server.client().ask("CONFIG SET maxmemory-clients 100mb");
        let mut after = server.client();
        let held = [after.ask("PING"), after.ask("PING"), spared.ask("DISCARD")];
        (served, raised, held)
    };
    let ours = play(OURS);
    assert_eq!(ours.0, ["", ""].map(str::to_owned));
    assert_eq!((ours.1.as_str(), ours.2.clone()), ("+OK", ["+PONG", "+PONG", "+OK"].map(str::to_owned)));
    if installed(REAL) {
        assert_eq!(play(REAL), ours);
    }
}

/// Whoever leaves too many replies unread goes, and no key with them: what clients hold is counted in full, including the room
/// that their buffers have left.
#[test]
fn clients_are_evicted_before_keys() {
    for program in engines() {
        let directory = tempfile::tempdir().unwrap();
        let options = ["--maxmemory", "11mb", "--maxmemory-policy", "allkeys-lru", "--maxmemory-clients", "3mb"];
        let server = Server::start(program, directory.path(), &[&options[..], &["--appendonly", "no"]].concat());
        let mut control = server.client();
        assert_eq!(control.ask("CLIENT NO-EVICT ON"), "+OK");
        for key in 0..50 {
            control.ask(&format!("SETRANGE {key} 100000 x"));
        }
        let mut greedy: Vec<Client> = (0..20).map(|_| server.client()).collect();
        let requests = b"MGET 1\r\n".repeat(17);
        until("a client is evicted", || {
            // All at once, so that one batch has many replies. Those that have been evicted do not matter any more.
            signal(&server, "-STOP");
            greedy.iter_mut().for_each(|client| drop(client.0.get_mut().write_all(&requests)));
            signal(&server, "-CONT");
            server.info("evicted_clients") != "0"
        });
        assert_eq!(control.ask("DBSIZE"), ":50", "{program}");
        assert_eq!(server.info("evicted_keys"), "0", "{program}");
    }
}

#[test]
fn the_limit_of_descriptors_is_told_as_redis_tells_it() {
    let lines = |program: &str, limit: u32| {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).display().to_string();
        let nofile = format!("--nofile={limit}:{limit}");
        let options = ["--port", "0", "--unixsocket", &path("socket"), "--logfile", &path("told"), "--save", ""];
        let process = std::process::Command::new("prlimit").args([&nofile, program]).args(options).spawn().unwrap();
        let _server = Server { process, port: 0 };
        let text = || std::fs::read_to_string(path("told")).unwrap_or_default();
        until("it is ready, or gone", || text().contains("ready to accept") || text().contains("Exiting."));
        let told = |line: &&str| line.contains("maxclients") || line.contains("open file");
        let words = |line: &str| line.split(['#', '*']).nth(1).unwrap_or(line).trim().to_owned();
        text().lines().filter(told).map(words).collect::<Vec<_>>()
    };
    for limit in [32, 40, 1024] {
        let ours = lines(OURS, limit);
        // A privileged process raises the limit and has nothing to tell but that.
        assert!(!ours.is_empty(), "nothing is told of {limit}");
        if installed(REAL) {
            assert_eq!(ours, lines(REAL, limit), "{limit}");
        }
    }
}
