//! What an operator, or a client's library, does to a whole server: each play has the outcome that the real one has, and is
//! held against it where one is installed.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[expect(dead_code, reason = "other tests need more of it")]
mod support;
#[path = "support/wire.rs"]
mod wire;

use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use support::*;
use wire::*;

const NO_DISK: [&str; 2] = ["--appendonly", "no"];

fn files_of(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap().flatten();
    names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// Runs a server that is expected to refuse; its exit code and everything that it says.
fn refusal(options: &[&str]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let (mut command, _) = command(OURS, folder.path(), &[]);
    let output = output_of(command.args(options));
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn what_is_not_supported_is_refused_at_the_start_and_by_config_set() {
    for (options, reason) in [
        (["--loadmodule", "/tmp/module.so"], "Modules are not supported"),
        (["--socket-mark-id", "7"], "marking packets is not supported"),
        (["--logfile", "/no/such/folder/log"], "Can't open the log file: No such file or directory"),
    ] {
        let (code, said) = refusal(&options);
        assert_eq!(code, Some(1), "{options:?}: {said}");
        assert!(said.contains("FATAL CONFIG FILE ERROR") && said.contains(reason), "{options:?}: {said}");
    }
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(OURS, folder.path(), &NO_DISK);
    let refused = server.ask("CONFIG SET activedefrag yes");
    assert!(refused.to_lowercase().contains("active defragmentation cannot be enabled"), "{refused}");
    assert_eq!(server.ask("CONFIG SET activedefrag no"), "+OK");
}

#[test]
fn a_relative_configuration_file_is_found_again_after_dir() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    std::fs::write(folder.path().join("r.conf"), "dir ./data\nmaxmemory 7mb\n").unwrap();
    let (base, port) = command(OURS, folder.path(), &[]);
    drop(base);
    let mut command = Command::new(OURS);
    command.current_dir(folder.path()).args(["./r.conf", "--port", &port.to_string(), "--save", ""]);
    let log = std::fs::File::create(folder.path().join("log")).unwrap();
    let server = Server { process: command.stdout(log).spawn().unwrap(), port }.ready(folder.path());
    assert_eq!(server.ask("CONFIG SET maxmemory 8mb"), "+OK");
    assert_eq!(server.ask("CONFIG REWRITE"), "+OK");
    let text = std::fs::read_to_string(folder.path().join("r.conf")).unwrap();
    assert!(text.contains("maxmemory 8mb"), "{text}");
    assert!(server.info("config_file").ends_with("/r.conf"));
    assert!(!server.info("config_file").contains("/data/"));
}

#[test]
fn a_sentinel_starts_from_a_relative_file_and_lets_no_line_be_smuggled_into_it() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    let file = folder.path().join("s.conf");
    std::fs::write(&file, "dir ./data\nsentinel monitor m 127.0.0.1 1 1\n").unwrap();
    let (base, port) = command(OURS, folder.path(), &[]);
    drop(base);
    let mut command = Command::new(OURS);
    command.current_dir(folder.path()).args(["./s.conf", "--sentinel", "--port", &port.to_string()]);
    let log = std::fs::File::create(folder.path().join("log")).unwrap();
    let server = Server { process: command.stdout(log).spawn().unwrap(), port }.ready(folder.path());
    let mut wire = Wire::to(&server);
    let smuggled: &[u8] = b"x\nsentinel notification-script m /bin/true";
    for words in [
        [&b"SENTINEL"[..], b"SET", b"m", b"auth-pass", smuggled].as_slice(),
        &[b"SENTINEL", b"SET", b"m", b"auth-user", b"a\x7fb"],
        &[b"SENTINEL", b"SET", b"m", b"rename-command", b"GET", smuggled],
        &[b"SENTINEL", b"CONFIG", b"SET", b"sentinel-pass", smuggled],
        &[b"SENTINEL", b"MONITOR", smuggled, b"127.0.0.1", b"2", b"1"],
    ] {
        wire.send_words(words);
        let refused = wire.reply();
        assert!(refused.starts_with("-ERR Control characters are not allowed in "), "{words:?}: {refused}");
    }
    assert_eq!(wire.ask("SENTINEL SET m auth-pass \"a b\""), "+OK");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("sentinel auth-pass m \"a b\"") && !text.contains("notification-script"), "{text}");
}

#[test]
fn a_key_that_had_expired_when_it_was_watched_is_no_change_when_it_goes() {
    const GONE: &str = "SET k v PX 1";
    const PLAYS: [(&[&str], &[&str], bool); 14] = [
        (&[GONE], &["GET k"], true),
        (&[GONE], &["DEL k"], true),
        (&[GONE], &["SET k x"], false),
        (&[GONE], &["FLUSHDB"], true),
        (&[GONE], &["FLUSHALL"], true),
        (&[GONE], &["GET k", "SET k v"], false),
        (&[], &["FLUSHALL"], true),
        (&["SET k v"], &["FLUSHDB"], false),
        (&["SELECT 1", "SET k v", "SELECT 0"], &["SWAPDB 0 1"], false),
        (&["SELECT 1", GONE, "SELECT 0"], &["SWAPDB 0 1"], true),
        (&[GONE], &["SWAPDB 0 1"], true),
        (&[GONE, "SELECT 1", GONE, "SELECT 0"], &["SWAPDB 0 1"], true),
        (&[GONE, "SELECT 1", "SET k v", "SELECT 0"], &["SWAPDB 0 1"], false),
        (&["SET k v"], &["SWAPDB 0 1"], false),
    ];
    let expected: Vec<&str> = PLAYS.iter().map(|(_, _, runs)| if *runs { "[+PONG]" } else { "nil" }).collect();
    play(&NO_DISK, &expected, |server, _| {
        let mut other = Wire::to(server);
        let mut outcomes = Vec::new();
        for (prepare, meanwhile, _) in PLAYS {
            other.ask("FLUSHALL");
            other.ask("DEBUG SET-ACTIVE-EXPIRE 0");
            let mut wire = Wire::to(server);
            for line in prepare {
                wire.ask(line);
            }
            // What expires in a millisecond has expired when the clock says so.
            let first: i64 = millis(&other.ask("TIME"));
            until("two milliseconds have passed", || millis(&other.ask("TIME")) > first + 2);
            wire.ask("WATCH k");
            for line in meanwhile {
                other.ask(line);
            }
            wire.ask("MULTI");
            wire.ask("PING");
            outcomes.push(wire.ask("EXEC"));
        }
        outcomes
    });
}

fn millis(time: &str) -> i64 {
    let parts: Vec<i64> = time.trim_matches(['[', ']']).split(' ').map(|part| part.parse().unwrap()).collect();
    parts[0] * 1000 + parts[1] / 1000
}

#[test]
fn a_snapshot_waits_for_the_end_of_a_rewrite() {
    let expected = [
        "+Background append only file rewriting started",
        "-ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a \
         BGSAVE whenever possible.",
        "+Background saving scheduled",
        "0",
    ];
    play(&["--appendonly", "no", "--rdb-key-save-delay", "20000"], &expected, |server, _| {
        server.ask("DEBUG POPULATE 100");
        let requests = ["BGREWRITEAOF", "BGSAVE", "BGSAVE SCHEDULE"];
        let mut seen = requests.map(|request| server.ask(request)).to_vec();
        seen.push(server.info("rdb_bgsave_in_progress"));
        seen
    });
}

#[test]
fn bind_takes_a_list_that_keeps_an_address_and_listens_before_it_says_ok() {
    let expected = ["+OK", "true", "+OK", "false", "127.0.0.1", "error", "127.0.0.1", "+PONG"];
    play(&NO_DISK, &expected, |server, _| {
        let mut wire = Wire::to(server);
        let bound = |wire: &mut Wire| wire.ask("CONFIG GET bind").trim_matches(['[', ']']).replacen("bind ", "", 1);
        let second = || TcpStream::connect(("127.0.0.2", server.port)).is_ok().to_string();
        let mut seen = vec![wire.ask("CONFIG SET bind \"127.0.0.1 127.0.0.2\""), second()];
        seen.extend([wire.ask("CONFIG SET bind \"127.0.0.1\""), second(), bound(&mut wire)]);
        let refused = wire.ask("CONFIG SET bind \"192.0.2.1\"");
        seen.push(if refused.contains("Failed to bind to specified addresses.") { "error".into() } else { refused });
        seen.push(bound(&mut wire));
        seen.push(server.ask("PING"));
        seen
    });
}

#[test]
fn flushall_and_shutdown_end_a_snapshot_and_leave_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(OURS, folder.path(), &NO_DISK);
    let is_left = |name: &String| name.starts_with("temp-");
    server.ask("DEBUG POPULATE 100000");
    server.ask("CONFIG SET rdb-key-save-delay 1000");
    assert_eq!(server.ask("BGSAVE"), "+Background saving started");
    until("the snapshot is being written", || files_of(folder.path()).iter().any(is_left));
    assert_eq!(server.ask("FLUSHALL"), "+OK");
    until("the snapshot has ended", || server.info("rdb_bgsave_in_progress") == "0");
    assert!(!files_of(folder.path()).iter().any(is_left), "{:?}", files_of(folder.path()));
    assert_eq!(server.info("rdb_last_bgsave_status"), "ok");
    server.ask("DEBUG POPULATE 100000");
    server.ask("BGSAVE");
    until("the snapshot is being written", || files_of(folder.path()).iter().any(is_left));
    server.client().try_ask("SHUTDOWN NOSAVE");
    until("the server ends", || server.process.try_wait().unwrap().is_some());
    assert!(!files_of(folder.path()).iter().any(is_left), "{:?}", files_of(folder.path()));
}

#[test]
fn who_asked_for_a_shutdown_that_is_aborted_hears_so_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(OURS, folder.path(), &[NO_DISK[0], NO_DISK[1], "--repl-diskless-sync-delay", "0"]);
    // A replica that never acknowledges what it gets.
    let mut lagging = Wire::to(&server);
    lagging.send("PSYNC ? -1");
    until("the replica is online", || server.info("slave0").contains("state=online"));
    server.ask("SET k v");
    let (mut one, mut two) = (Wire::to(&server), Wire::to(&server));
    one.send("SHUTDOWN");
    two.send("SHUTDOWN NOSAVE");
    until("both wait", || server.info("blocked_clients") == "2");
    assert_eq!(server.ask("SHUTDOWN ABORT"), "+OK");
    for wire in [&mut one, &mut two] {
        assert_eq!(wire.reply(), "-ERR Errors trying to SHUTDOWN. Check logs.");
        assert_eq!(wire.ask("PING"), "+PONG");
    }
    let pid = server.process.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    until("the signal is aborted", || server.ask("SHUTDOWN ABORT") == "+OK");
    assert_eq!(server.ask("PING"), "+PONG");
}

#[test]
fn a_replicas_link_that_would_get_a_reply_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(OURS, folder.path(), &[NO_DISK[0], NO_DISK[1], "--repl-diskless-sync-delay", "0"]);
    let mut replica = Wire::to(&server);
    replica.send("PSYNC ? -1");
    until("the replica is online", || server.info("slave0").contains("state=online"));
    replica.send("PING");
    let stream = replica.rest();
    assert!(!stream.ends_with(b"+PONG\r\n"), "{}", stream.escape_ascii());
    let mut replica = Wire::to(&server);
    replica.send("PSYNC ? -1");
    until("the replica is online", || server.info("slave0").contains("state=online"));
    replica.send("GET k");
    let stream = replica.rest();
    assert!(!stream.windows(5).any(|bytes| bytes == b"-ERR "), "{}", stream.escape_ascii());
    assert!(log(folder.path()).contains("Replica generated a reply to command 'ping', disconnecting it"));
}

#[test]
fn what_is_odd_is_refused_and_the_real_servers_functions_are_loaded() {
    // A hash with one field twice, of the plain encoding: DEBUG lets its checksum pass.
    let mut payload = b"\x04\x02\x01a\x011\x01a\x012\x0a\x00".to_vec();
    payload.extend_from_slice(&[0; 8]);
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(OURS, folder.path(), &NO_DISK);
    let mut wire = Wire::to(&server);
    let restore: [&[u8]; 4] = [b"RESTORE", b"h", b"0", &payload];
    wire.send_words(&restore);
    assert_eq!(wire.reply(), "-ERR DUMP payload version or checksum are wrong");
    assert_eq!(wire.ask("DEBUG SET-SKIP-CHECKSUM-VALIDATION 1"), "+OK");
    wire.send_words(&restore);
    assert_eq!(wire.reply(), "-ERR Bad data format");
    wire.send_words(&[b"CONFIG", b"SET", b"a\xff\x80", b"1"]);
    assert!(wire.reply().ends_with(r"- \'a\xff\x80\'"));
    drop(server);

    if !installed(REAL) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut real = Server::start(REAL, folder.path(), &NO_DISK);
    let mut wire = Wire::to(&real);
    wire.send_words(&[b"FUNCTION", b"LOAD", b"#!lua name=lib\nredis.register_function('f', function() return 1 end)"]);
    assert_eq!(wire.reply(), "lib");
    assert_eq!(real.ask("SAVE"), "+OK");
    real.process.kill().unwrap();
    real.process.wait().unwrap();
    let server = Server::start(OURS, folder.path(), &NO_DISK);
    assert_eq!(server.ask("FCALL f 0"), ":1");
}

#[test]
fn a_shutdown_inside_an_append_only_file_is_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(OURS, folder.path(), &[]);
    server.ask("SET before 1");
    server.kill_now();
    let aof = folder.path().join("appendonlydir");
    let incremental = files_of(&aof).into_iter().find(|name| name.ends_with(".incr.aof")).unwrap();
    let mut file = std::fs::OpenOptions::new().append(true).open(aof.join(incremental)).unwrap();
    file.write_all(b"*2\r\n$8\r\nSHUTDOWN\r\n$3\r\nNOW\r\n*3\r\n$3\r\nSET\r\n$5\r\nafter\r\n$1\r\n1\r\n").unwrap();
    let server = Server::start(OURS, folder.path(), &[]);
    assert_eq!([server.ask("GET before"), server.ask("GET after")], ["1", "1"]);
}

#[test]
fn the_kernel_hears_the_score_and_ps_shows_the_title() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(OURS, folder.path(), &NO_DISK);
    let of_process = |name: &str| std::fs::read_to_string(format!("/proc/{}/{name}", server.process.id())).unwrap();
    let title = || of_process("cmdline").trim_end_matches('\0').to_owned();
    assert_eq!(title(), format!("{OURS} 127.0.0.1:{}", server.port));
    let mut wire = Wire::to(&server);
    assert_eq!(wire.ask("CONFIG SET proc-title-template \"{port} it is\""), "+OK");
    assert_eq!(title(), format!("{} it is", server.port));
    let before = of_process("oom_score_adj");
    assert_eq!(wire.ask("CONFIG SET oom-score-adj absolute oom-score-adj-values \"900 910 920\""), "+OK");
    assert_eq!(of_process("oom_score_adj").trim(), "900");
    if wire.ask("CONFIG SET oom-score-adj no") == "+OK" {
        assert_eq!(of_process("oom_score_adj"), before);
    }
}

#[test]
fn a_client_that_is_killed_is_gone_for_everybody_at_once() {
    play(&NO_DISK, &["nobody left behind", "2"], |server, _| {
        let mut victims: Vec<Wire> = (0..2).map(|_| Wire::to(server)).collect();
        for (at, victim) in victims.iter_mut().enumerate() {
            victim.ask(&format!("CLIENT SETNAME victim{at}"));
        }
        victims[0].ask("SUBSCRIBE news");
        victims[1].send("BLPOP nothing 0");
        until("one waits", || server.info("blocked_clients") == "1");
        // One pipeline: nobody else's task has run when the next command looks.
        let mut killer = Wire::to(server);
        let looks = ["PUBSUB NUMSUB news", "RPUSH nothing 1", "LLEN nothing", "CLIENT LIST"];
        killer.send(&["CLIENT KILL TYPE pubsub", "CLIENT KILL TYPE normal", looks.join("\r\n").as_str()].join("\r\n"));
        assert_eq!([killer.reply(), killer.reply()], ["1", "1"]);
        let seen = [killer.reply(), killer.reply(), killer.reply(), killer.reply()];
        assert_eq!(seen[..3], ["[news 0]", "1", "1"]);
        let left = if seen[3].contains("victim") { seen[3].as_str() } else { "nobody left behind" };
        vec![left.to_string(), victims.into_iter().map(Wire::rest).count().to_string()]
    });
}

/// What both answer to these requests; a word of one byte that is no UTF-8 stands for `?`.
fn answers(server: &Server, requests: &[&str]) -> Vec<String> {
    let mut wire = Wire::to(server);
    let answers = requests.iter().map(|request| {
        let words: Vec<Vec<u8>> = request
            .split(' ')
            .map(|word| word.bytes().map(|byte| if byte == b'?' { 0xff } else { byte }).collect())
            .collect();
        wire.send_words(&words.iter().map(Vec::as_slice).collect::<Vec<_>>());
        format!("{request}: {}", wire.reply())
    });
    answers.collect()
}

#[test]
fn bytes_that_are_no_text_come_back_in_errors_as_they_were() {
    let plain = [
        "?",
        "GET",
        "CONFIG ?",
        "CONFIG SET ? 1",
        "CONFIG SET maxmemory-policy ?",
        "CONFIG SET maxmemory ?",
        "CLIENT ?",
        "CLIENT KILL USER ?",
        "CLIENT KILL ID ?",
        "CLIENT NO-EVICT ?",
        "CLIENT TRACKING ?",
        "CLIENT REPLY ?",
        "OBJECT ? k",
        "XGROUP ? k",
        "XINFO ? k",
        "DEBUG ?",
        "SET k v ?",
        "REPLCONF ? 1",
        "REPLCONF rdb-filter-only ?",
        "LATENCY ?",
        "LATENCY GRAPH ?",
        "MEMORY ?",
        "COMMAND ?",
        "COMMAND GETKEYS ?",
        "COMMAND INFO ?",
        "HELLO ?",
        "HELLO 3 ?",
        "PUBSUB ?",
        "SLOWLOG ?",
        "FUNCTIONS? x",
        "GEOADD k ? 1 m",
        "GEOSEARCH k FROMLONLAT 1 1 BYRADIUS 1 ?",
        "BITOP ? d s",
        "BITFIELD k GET ? 1",
        "SORT k ?",
        "ZADD k ? m",
        "INCRBYFLOAT k ?",
        "EXPIRE k ?",
        "MODULE ?",
        "AUTH ?",
        "SWAPDB ? 1",
        "SELECT ?",
        "FAILOVER TO ? 1",
        "REPLICAOF ? x",
        "MIGRATE h ? k 0 1",
        "CLUSTER ?",
        "RESTORE k ? x",
        "XADD k ? f v",
        "XREAD ?",
        "LPOS k e RANK ?",
        "LMPOP ? k LEFT",
        "FLUSHALL ?",
        "SHUTDOWN ?",
        "WAIT ? 1",
    ];
    let cluster = [
        "CLUSTER MEET ? 1",
        "CLUSTER MEET 127.0.0.1 ?",
        "CLUSTER MEET 127.0.0.1 1 ?",
        "CLUSTER FORGET ?",
        "CLUSTER REPLICATE ?",
        "CLUSTER REPLICAS ?",
        "CLUSTER SETSLOT 1 NODE ?",
        "CLUSTER SETSLOT 1 MIGRATING ?",
        "CLUSTER SETSLOT ? STABLE",
        "CLUSTER SETSLOT 1 ?",
        "CLUSTER ADDSLOTS ?",
        "CLUSTER FAILOVER ?",
        "CLUSTER RESET ?",
        "CLUSTER COUNTKEYSINSLOT ?",
        "CLUSTER COUNT-FAILURE-REPORTS ?",
        "CLUSTER LINKS ?",
    ];
    if !installed(REAL) {
        return;
    }
    for (options, requests) in
        [(&NO_DISK[..], &plain[..]), (&["--appendonly", "no", "--cluster-enabled", "yes"], &cluster)]
    {
        let [real, ours] = [REAL, OURS].map(|program| {
            let folder = tempfile::tempdir().unwrap();
            answers(&Server::start(program, folder.path(), options), requests)
        });
        assert_eq!(ours, real);
    }
}

#[test]
fn a_snapshot_for_replicas_alone_leaves_no_file_where_nothing_is_saved() {
    let options = ["--appendonly", "no", "--rdb-del-sync-files", "yes", "--repl-diskless-sync", "no"];
    play(&options, &["saved, and removed"], |server, folder| {
        server.ask("SET k v");
        let mut replica = Wire::to(server);
        replica.send("SYNC");
        until("the snapshot is written", || log(folder).contains("Background saving terminated with success"));
        let is_there = || files_of(folder).iter().any(|name| name == "dump.rdb");
        until("its file is removed", || !is_there());
        vec!["saved, and removed".into()]
    });
}

#[test]
fn an_error_in_the_append_only_file_is_reported_and_ends_the_server_where_it_is_to() {
    for program in engines() {
        let folder = tempfile::tempdir().unwrap();
        let wrong = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n*3\r\n$5\r\nLPUSH\r\n$1\r\nk\r\n$1\r\nx\r\n";
        std::fs::write(folder.path().join("appendonly.aof"), wrong).unwrap();
        let server = Server::start(program, folder.path(), &[]);
        assert_eq!(server.ask("GET k"), "v", "{program}");
        let said = log(folder.path());
        assert!(
            said.contains("== CRITICAL == This server is sending an error to its AOF-loading-client: '-WRONGTYPE"),
            "{said}"
        );
        drop(server);
        let mut server = Server::start_unready(program, folder.path(), &["--propagation-error-behavior", "panic"]);
        assert!(!server.ended().success(), "{program}");
    }
}

fn status(server: &Server, field: &str) -> String {
    let text = std::fs::read_to_string(format!("/proc/{}/status", server.process.id())).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).unwrap_or("not told");
    line.trim().to_owned()
}

#[test]
fn the_kernel_hears_of_processors() {
    let mut seen = Vec::new();
    for program in engines() {
        let lists = ["0", "0,0", "0-0:3", "0-1:2", "0-3:2", "0-1", "1-0", "99999", "0,", "0-", "0 1", "processors"];
        seen.push(lists.map(|list| {
            let folder = tempfile::tempdir().unwrap();
            let server = Server::start(program, folder.path(), &["--appendonly", "no", "--server_cpulist", list]);
            format!("{list}: {}", status(&server, "Cpus_allowed_list"))
        }));
    }
    assert_eq!(seen[0][..4], ["0: 0", "0,0: 0", "0-0:3: 0", "0-1:2: 0"]);
    assert!(seen.iter().all(|them| *them == seen[0]), "{seen:#?}");
}

#[test]
fn huge_pages_are_switched_off_for_the_process_where_the_system_has_them_on() {
    let system = std::fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled").unwrap_or_default();
    let without = if system.contains("[always]") { "0" } else { "1" };
    let this = std::fs::read_to_string("/proc/self/status").unwrap();
    if !this.contains("THP_enabled:\t1") {
        println!("NOT RUN: the kernel does not tell, or huge pages are off for this process already");
        return;
    }
    for (setting, expected) in [("yes", without), ("no", "1")] {
        play(&["--appendonly", "no", "--disable-thp", setting], &[expected], |server, _| {
            vec![status(server, "THP_enabled")]
        });
    }
}

#[test]
fn a_snapshot_ends_when_the_last_replica_that_waits_for_it_leaves() {
    for diskless in ["yes", "no"] {
        // A diskless snapshot begins when both wait for it, so that neither has one of its own.
        let together = ["--repl-diskless-sync-delay", "60", "--repl-diskless-sync-max-replicas", "2"];
        let options = [&["--appendonly", "no", "--repl-diskless-sync", diskless][..], &together].concat();
        let (told, shared) = if diskless == "yes" { ("told", "from the start") } else { ("not told", "later") };
        play(&options, &["one still waits", told, shared], |server, folder| {
            server.ask("DEBUG POPULATE 5000");
            // It would take a hundred seconds.
            server.ask("CONFIG SET rdb-key-save-delay 20000");
            let mut replicas = [Wire::to(server), Wire::to(server)];
            replicas.iter_mut().for_each(|replica| replica.send("REPLCONF capa eof"));
            replicas.iter_mut().for_each(|replica| assert_eq!(replica.reply(), "+OK"));
            let [mut one, mut two] = replicas;
            one.send("PSYNC ? -1");
            two.send("PSYNC ? -1");
            until("both wait", || {
                server.info("connected_slaves") == "2" && server.info("rdb_bgsave_in_progress") == "1"
            });
            drop(one);
            until("one has left", || server.info("connected_slaves") == "1");
            assert_eq!(server.info("rdb_bgsave_in_progress"), "1", "diskless {diskless}: {}", log(folder));
            let first = "one still waits".to_owned();
            drop(two);
            until("the snapshot ends", || server.info("rdb_bgsave_in_progress") == "0");
            assert!(!files_of(folder).iter().any(|name| name.starts_with("temp-")), "{:?}", files_of(folder));
            let is_told = log(folder).contains("Diskless rdb transfer, last replica dropped, killing fork child");
            let joined = log(folder).contains("Waiting for end of BGSAVE for SYNC");
            vec![
                first,
                if is_told { "told" } else { "not told" }.into(),
                if joined { "later" } else { "from the start" }.into(),
            ]
        });
    }
}

#[test]
fn monitors_see_the_database_that_a_command_leaves_and_what_scripts_call() {
    let expected = [
        r#"[3 client] "SELECT" "3""#,
        r#"[3 client] "MULTI""#,
        r#"[2 client] "SELECT" "2""#,
        r#"[2 client] "set" "a\"b" "\r\n\xff""#,
        r#"[2 client] "EXEC""#,
        r#"[2 client] "EVAL" "redis.call('SELECT', 5) return redis.call('get', 'x')" "0""#,
        r#"[5 lua] "SELECT" "5""#,
        r#"[5 lua] "get" "x""#,
    ];
    play(&NO_DISK, &expected, |server, _| {
        let mut monitor = Wire::to(server);
        assert_eq!(monitor.ask("MONITOR"), "+OK");
        let mut client = Wire::to(server);
        client.ask("SELECT 3");
        client.ask("MULTI");
        client.ask("SELECT 2");
        client.ask(r#"set "a\"b" "\r\n\xff""#);
        client.ask("EXEC");
        client.ask(r#"EVAL "redis.call('SELECT', 5) return redis.call('get', 'x')" 0"#);
        let own = client.stream.local_addr().unwrap().to_string();
        (0..8)
            .map(|_| {
                let line = monitor.reply().replace("\\\\", "\\").replace("\\\"", "\"").replace("\\\'", "'");
                line[line.find('[').unwrap()..].replace(&own, "client")
            })
            .collect()
    });
}

#[test]
fn without_memory_a_transaction_queues_nothing_and_can_be_ended() {
    let oom = "-OOM command not allowed when used memory > \\'maxmemory\\'.";
    let aborted = "-EXECABORT Transaction discarded because of previous errors.";
    let expected = ["+OK", oom, oom, oom, aborted, "+OK", "+OK", "+OK", "+RESET", "+PONG", "nil"];
    play(&NO_DISK, &expected, |server, _| {
        let mut wire = Wire::to(server);
        assert_eq!(wire.ask("CONFIG SET maxmemory 1"), "+OK");
        let lines = "MULTI, GET x, PING, WATCH x, EXEC, MULTI, DISCARD, MULTI, RESET, PING, GET x";
        lines.split(", ").map(|line| wire.ask(line)).collect()
    });
}

#[test]
fn errors_are_counted_by_a_first_word_that_is_short_enough_to_be_a_code() {
    let expected = ["errorstat_A:count=1", "errorstat_ERR:count=3", &format!("errorstat_{}:count=1", "X".repeat(30))];
    play(&NO_DISK, &expected, |server, _| {
        for text in ["plain", "A word", &format!("{} x", "X".repeat(30)), &format!("{} x", "Y".repeat(31)), "-"] {
            server.ask(&format!("EVAL \"return {{err='{text}'}}\" 0"));
        }
        let text = server.ask("INFO errorstats");
        text.lines().filter(|line| line.starts_with("errorstat_")).map(str::to_owned).collect()
    });
}

#[test]
fn what_a_transaction_starts_in_the_background_is_scheduled() {
    let scheduled = ["[+Background saving scheduled]", "[+Background append only file rewriting scheduled]"];
    let log_line = "AOF was enabled during a transaction. An AOF background was scheduled to start when possible.";
    let expected = [scheduled[0], scheduled[1], scheduled[0], "[+OK]", log_line];
    play(&NO_DISK, &expected, |server, folder| {
        let mut wire = Wire::to(server);
        let mut exec = |line: &str| {
            wire.ask("MULTI");
            wire.ask(line);
            wire.ask("EXEC")
        };
        let saved = |times: &str| server.info("rdb_saves") == times && server.info("rdb_bgsave_in_progress") == "0";
        let mut seen = vec![exec("BGSAVE")];
        until("it is saved", || saved("1"));
        seen.push(exec("BGREWRITEAOF"));
        seen.push(exec("BGSAVE SCHEDULE"));
        until("it is saved again", || saved("2"));
        seen.push(exec("CONFIG SET appendonly yes"));
        until("it is on", || {
            server.info("aof_rewrite_in_progress") == "0" && server.info("aof_rewrite_scheduled") == "0"
        });
        let log = log(folder);
        seen.extend(log.lines().find_map(|line| Some(line[line.find("AOF was enabled")?..].to_owned())));
        seen
    });
}

#[test]
fn the_allocator_answers_under_its_own_names() {
    let refusals = [
        "+PONG",
        "-ERR Invalid argument",
        "-ERR No such file or directory",
        "-ERR value is not an integer or out of range",
        "-ERR Operation not permitted",
        "-ERR No such file or directory",
        "-ERR unknown subcommand or wrong number of arguments for \\'MALLCTL\\'. Try DEBUG HELP.",
    ];
    play(&NO_DISK, &refusals, |server, _| {
        let mut wire = Wire::to(server);
        // The figures are the build's own.
        assert!(wire.ask("DEBUG MALLCTL arenas.page").parse::<u64>().unwrap().is_power_of_two());
        assert!(wire.ask("DEBUG MALLCTL-STR version").starts_with('5'));
        assert_eq!(wire.ask("DEBUG MALLCTL-STR thread.tcache.flush VOID"), "+OK");
        let asked = [
            "PING",
            "DEBUG MALLCTL background_thread",
            "DEBUG MALLCTL nosuch",
            "DEBUG MALLCTL arenas.page abc",
            "DEBUG MALLCTL arenas.page 5",
            "DEBUG MALLCTL-STR nosuch",
            "DEBUG MALLCTL",
        ];
        asked.iter().map(|line| wire.ask(line)).collect()
    });
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(OURS, folder.path(), &NO_DISK);
    // Redis follows these as pointers.
    for line in ["DEBUG MALLCTL-STR arenas.page", "DEBUG MALLCTL arena.0.extent_hooks 5", "DEBUG MALLCTL-STR opt.abort"]
    {
        assert!(server.ask(line).starts_with("-ERR "), "{line}");
    }
    assert_eq!(server.ask("PING"), "+PONG");
}

#[test]
fn a_replica_counts_for_writes_from_the_moment_it_is_called_online() {
    let options = [&NO_DISK[..], &["--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0"]].concat();
    play(&options, &["1", "+OK"], |server, _| {
        server.ask("CONFIG SET min-replicas-to-write 1");
        // It reads its snapshot and acknowledges nothing.
        let mut replica = Wire::to(server);
        replica.send("REPLCONF capa eof");
        assert_eq!(replica.reply(), "+OK");
        replica.send("PSYNC ? -1");
        until("it is online", || server.info("slave0").contains("state=online"));
        vec![server.info("min_slaves_good_slaves"), server.ask("SET key value")]
    });
}

#[test]
fn latency_tells_what_held_the_server_up_besides_commands() {
    play(&NO_DISK, &["expire-cycle", "expire-del", "eviction-cycle", "eviction-del"], |server, _| {
        let mut wire = Wire::to(server);
        wire.ask("CONFIG SET latency-monitor-threshold 1");
        let fill = "EVAL \"for i = 1, ARGV[1] do redis.call('SADD', KEYS[1], 'member' .. i) end\" 1 big 300000";
        wire.ask(fill);
        wire.ask("PEXPIRE big 1");
        until("it expires", || server.ask("DBSIZE") == ":0");
        until("its deletion is told", || wire.ask("LATENCY HISTORY expire-del") != "[]");
        wire.ask(fill);
        wire.ask("CONFIG SET maxmemory-policy allkeys-random");
        wire.ask("CONFIG SET maxmemory 1");
        until("it is evicted", || server.ask("DBSIZE") == ":0");
        let latest = wire.ask("LATENCY LATEST");
        let events = ["expire-cycle", "expire-del", "eviction-cycle", "eviction-del"].into_iter();
        events.filter(|event| latest.contains(&format!("[{event} "))).map(str::to_owned).collect()
    });
}

#[test]
fn a_writable_replica_goes_on_where_its_own_data_are_in_the_primarys_way() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for program in engines() {
        let options = [&NO_DISK[..], &["--propagation-error-behavior", "panic"]].concat();
        let primary = Server::start(program, first.path(), &options);
        let mut replica = Server::start(program, second.path(), &options);
        replica.ask("CONFIG SET replica-read-only no");
        replica.ask(&format!("REPLICAOF 127.0.0.1 {}", primary.port));
        until("the link is up", || replica.info("master_link_status") == "up");
        replica.ask("SET list text");
        primary.ask("RPUSH list 1");
        primary.ask("SET last 1");
        until("it goes on", || replica.ask("GET last") == "1");
        assert_eq!(replica.ask("GET list"), "text", "{program}");
        replica.ask("CONFIG SET replica-read-only yes");
        primary.ask("RPUSH list 2");
        assert!(!replica.ended().success(), "{program}");
    }
}

#[test]
fn a_script_that_answers_with_an_error_has_failed_and_the_error_counts_once() {
    let scripts = [
        "return redis.call('INCR', KEYS[1])",
        "return redis.pcall('INCR', KEYS[1])",
        "redis.pcall('INCR', KEYS[1]) return 1",
        "return redis.error_reply('MINE')",
        "return {1, redis.error_reply('MINE')}",
        "error('raised')",
    ];
    let expected = ["failed 1 errors 1", "failed 1 errors 1", "failed 0 errors 1", "failed 1 errors 1"];
    let expected = [&expected[..], &["failed 1 errors 1", "failed 1 errors 1"]].concat();
    play(&NO_DISK, &expected, |server, _| {
        let mut wire = Wire::to(server);
        wire.ask("SET text x");
        let mut outcome = |script: &&str| {
            wire.ask("CONFIG RESETSTAT");
            wire.ask(&format!("EVAL \"{script}\" 1 text"));
            let stats = wire.ask("INFO commandstats");
            let eval = stats.split("cmdstat_eval:").nth(1).unwrap();
            let failed = eval.split("failed_calls=").nth(1).and_then(|rest| rest.chars().next()).unwrap();
            format!("failed {failed} errors {}", server.info("total_error_replies"))
        };
        scripts.iter().map(&mut outcome).collect()
    });
}

#[test]
fn whoever_ends_a_busy_server_finds_its_port_closed_when_the_connection_is() {
    play(&["--appendonly", "no", "--busy-reply-threshold", "10"], &["nobody there"; 2], |server, _| {
        let mut caller = Wire::to(server);
        caller.send("EVAL \"redis.call('SET', 'k', 1) while true do end\" 0");
        until("it is busy", || server.ask("PING").starts_with("-BUSY"));
        let mut killer = Wire::to(server);
        killer.send("SHUTDOWN NOSAVE");
        let refused = || TcpStream::connect(("127.0.0.1", server.port)).map_or("nobody there", |_| "still there");
        let seen = vec![(killer.rest(), refused()).1, (caller.rest(), refused()).1];
        seen.into_iter().map(str::to_owned).collect()
    });
}

#[test]
fn a_replica_that_loads_asynchronously_serves_writes_and_scripts_of_its_own_clients() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for program in engines() {
        let primary = Server::start(program, first.path(), &["--appendonly", "no", "--repl-diskless-sync-delay", "0"]);
        let mut options = vec!["--appendonly", "no", "--replica-read-only", "no", "--repl-diskless-load", "swapdb"];
        options.extend(["--busy-reply-threshold", "10"]);
        let replica = Server::start(program, second.path(), &options);
        replica.ask(&format!("REPLICAOF 127.0.0.1 {}", primary.port));
        until("the link is up", || replica.info("master_link_status") == "up");
        // The same history again, but further on than the backlog reaches; a key comes every fiftieth of a second. The real
        // replica looks at its clients whenever it has read 2 MB.
        primary.ask("DEBUG POPULATE 1000 key 100000");
        primary.ask("CONFIG SET rdbcompression no rdb-key-save-delay 20000");
        let mut wire = Wire::to(&primary);
        wire.ask("MULTI");
        wire.ask("CLIENT KILL TYPE replica");
        wire.ask("CONFIG SET repl-backlog-size 16384");
        for key in [b"a", b"b", b"c", b"d", b"e", b"f", b"g", b"h", b"i", b"j"] {
            wire.send_words(&[b"SET", key, &[b'x'; 16_384]]);
            wire.reply();
        }
        wire.ask("EXEC");
        until("it loads", || replica.info("async_loading") == "1");
        assert_eq!(replica.ask("SET own 1"), "+OK", "{program}");
        let mut caller = Wire::to(&replica);
        caller.send("EVAL \"while true do end\" 0");
        until("it is busy", || replica.ask("PING").starts_with("-BUSY"));
        assert_eq!(replica.ask("SCRIPT KILL"), "+OK", "{program}");
        assert!(caller.reply().contains("Script killed by user"), "{program}");
        assert!(replica.ask("CONFIG SET appendonly no").starts_with("-LOADING"), "{program}");
        assert_eq!([replica.ask("GET own"), replica.info("async_loading")], ["1", "1"], "{program}");
    }
}
