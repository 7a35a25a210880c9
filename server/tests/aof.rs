//! The append-only file: exchanged with the real server, cut, killed, rewritten under writes, on a disk that is full.
//!
//! If a tool is not installed, its test says so and is skipped.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

mod support;

use support::*;

impl Server {
    fn rewrite(&self) {
        let reply = self.ask("BGREWRITEAOF");
        assert!(reply.starts_with("+Background"), "{reply}");
        self.rewritten();
    }

    fn rewritten(&self) {
        until("the rewrite ends", || {
            self.info("aof_rewrite_in_progress") == "0" && self.info("aof_rewrite_scheduled") == "0"
        });
        assert_eq!(self.info("aof_last_bgrewrite_status"), "ok");
    }

    /// Sends SIGKILL once nothing is left to be written: with `everysec`, writes wait for a running sync.
    fn kill(self) {
        until("all is written", || self.info("aof_buffer_length").parse().unwrap_or(0) == 0);
        self.kill_now();
    }
}

/// A start that must fail: its exit code and log.
fn refused(directory: &Path, options: &[&str]) -> String {
    let (mut command, _) = command(OURS, directory, options);
    let Output { status, stdout, .. } = output_of(&mut command);
    let log = String::from_utf8_lossy(&stdout).into_owned();
    assert_eq!(status.code(), Some(1), "{log}");
    log
}

fn aof(directory: &Path, name: &str) -> PathBuf {
    directory.join("appendonlydir").join(name)
}

fn manifest(directory: &Path) -> String {
    std::fs::read_to_string(aof(directory, "appendonly.aof.manifest")).unwrap()
}

fn check_aof(directory: &Path) {
    if installed("redis-check-aof") {
        let output = Command::new("redis-check-aof").arg(aof(directory, "appendonly.aof.manifest")).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("All AOF files and manifest are valid"), "{text}");
    }
}

/// Writes of all types, into several databases, some in transactions. `round` makes them different.
fn fill(server: &Server, round: usize) {
    let mut client = server.client();
    let mut send = |line: String| {
        let reply = client.ask(&line);
        assert!(!reply.starts_with('-'), "{line}: {reply}");
    };
    for number in 0..120 {
        send(format!("SELECT {}", number % 3));
        send(format!("SET string:{round}:{number} {}", "x".repeat(number + 1)));
        send(format!("SET number:{number} {}", number * round));
        send(format!("SET expiring:{number} v PX {}", 10_000_000 + number));
        send(format!("APPEND log {round}-{number}"));
        send(format!("RPUSH list:{} e{round}-{number}", number % 5));
        send(format!("SADD set:{} m{round}-{number} {number}", number % 5));
        send(format!("SADD numbers {round}{number}"));
        send(format!("ZADD zset:{} {}.5 m{round}-{number}", number % 5, number));
        send(format!("HSET hash:{} f{number} v{round}", number % 5));
        send(format!("XADD stream {round}-{} field value{number}", number + 1));
        send("INCRBYFLOAT float 0.1".into());
        if number % 10 == 0 {
            send("MULTI".into());
            send(format!("SET in:transaction {number}"));
            send("SELECT 5".into());
            send(format!("SET in:transaction {number}"));
            send("EXEC".into());
        }
    }
}

fn digest(server: &Server) -> String {
    server.ask("DEBUG DIGEST")
}

#[test]
fn what_each_writes_the_other_loads() {
    if !installed(REAL) {
        return;
    }
    for (writer, reader) in [(OURS, REAL), (REAL, OURS)] {
        for preamble in ["yes", "no"] {
            let home = tempfile::tempdir().unwrap();
            let directory = home.path();
            let options = ["--aof-use-rdb-preamble", preamble, "--aof-timestamp-enabled", "yes"];
            let server = Server::start(writer, directory, &options);
            fill(&server, 1);
            let written = digest(&server);
            server.kill();
            check_aof(directory);
            let server = Server::start(reader, directory, &options);
            assert_eq!(digest(&server), written, "{reader} loads {writer}'s commands, preamble {preamble}");
            server.kill();
            let server = Server::start(writer, directory, &options);
            fill(&server, 2);
            server.rewrite();
            fill(&server, 3);
            let written = digest(&server);
            server.kill();
            check_aof(directory);
            assert_eq!(manifest(directory).lines().count(), 2, "{}", manifest(directory));
            let server = Server::start(reader, directory, &options);
            assert_eq!(digest(&server), written, "{reader} loads {writer}'s rewrite, preamble {preamble}");
        }
    }
}

/// `KILLS=200` makes it long. Every other round has threads for the sockets.
#[test]
fn with_always_no_acknowledged_write_is_lost_by_a_kill() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path();
    let mut last = vec![0_usize; 8];
    for round in 0..from_environment("KILLS", 6) as usize {
        let threads = if round % 2 == 0 { "1" } else { "4" };
        let server = Server::start(OURS, directory, &["--appendfsync", "always", "--io-threads", threads]);
        // The kill may have interrupted a write that was not acknowledged; the restart has removed its beginning.
        check_aof(directory);
        for (writer, &acknowledged) in last.iter().enumerate() {
            let found = server.ask(&format!("GET w{writer}")).parse::<usize>().unwrap_or(0);
            assert!(found >= acknowledged, "round {round}: w{writer} is {found}, {acknowledged} was acknowledged");
        }
        let writers: Vec<_> = (0..last.len())
            .map(|writer| {
                let (mut client, from) = (server.client(), last[writer]);
                std::thread::spawn(move || {
                    let mut acknowledged = from;
                    // Until the server is gone.
                    while client.try_ask(&format!("SET w{writer} {}", acknowledged + 1)).is_some_and(|it| it == "+OK") {
                        acknowledged += 1;
                    }
                    acknowledged
                })
            })
            .collect();
        let mut client = server.client();
        until("enough was written", || {
            client.ask("GET w7").parse::<usize>().is_ok_and(|found| found > last[7] + 100 * (round % 5 + 1))
        });
        server.kill_now();
        last = writers.into_iter().map(|writer| writer.join().unwrap()).collect();
    }
}

#[test]
fn rewrites_under_writes_lose_nothing_and_a_kill_in_the_middle_does_no_harm() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path();
    let mut totals = [0_i64; 4];
    for round in 0..4 {
        let server = Server::start(OURS, directory, &["--appendfsync", "no"]);
        server.ask("DEBUG POPULATE 20000 filler 64");
        for (writer, total) in totals.iter().enumerate() {
            assert_eq!(server.ask(&format!("GET counter{writer}")).parse().unwrap_or(0), *total, "round {round}");
        }
        let writers: Vec<_> = (0..totals.len())
            .map(|writer| {
                let (mut client, from) = (server.client(), totals[writer]);
                std::thread::spawn(move || {
                    let mut total = from;
                    while let Some(reply) = client.try_ask(&format!("INCR counter{writer}")) {
                        total = reply.strip_prefix(':').unwrap().parse().unwrap();
                    }
                    total
                })
            })
            .collect();
        (0..3).for_each(|_| server.rewrite());
        // The kill arrives while another rewrite is running.
        server.ask("BGREWRITEAOF");
        server.kill_now();
        let acknowledged: Vec<i64> = writers.into_iter().map(|writer| writer.join().unwrap()).collect();
        let server = Server::start(OURS, directory, &[]);
        // As above.
        check_aof(directory);
        for (writer, &acknowledged) in acknowledged.iter().enumerate() {
            let found: i64 = server.ask(&format!("GET counter{writer}")).parse().unwrap();
            // One write may have been executed without its reply having arrived.
            assert!((acknowledged..=acknowledged + 1).contains(&found), "round {round}: {found} of {acknowledged}");
            totals[writer] = found;
        }
        server.kill();
    }
}

#[test]
fn a_cut_end_is_truncated_and_anything_else_that_is_wrong_stops_the_start() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path();
    let server = Server::start(OURS, directory, &[]);
    server.ask("SET a 1");
    server.ask("SET b 2");
    server.kill();
    let incr = aof(directory, "appendonly.aof.1.incr.aof");
    let whole = std::fs::read(&incr).unwrap();
    for tail in [&b"*3\r\n$3\r\nSET\r\n$1\r\nc"[..], b"*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$1\r\nc\r\n$1\r\n3\r\n"]
    {
        std::fs::write(&incr, [&whole, tail].concat()).unwrap();
        let text = refused(directory, &["--aof-load-truncated", "no"]);
        assert!(
            text.contains("Unexpected end of file reading the append only file appendonly.aof.1.incr.aof"),
            "{text}"
        );
        let server = Server::start(OURS, directory, &[]);
        assert_eq!(server.ask("DBSIZE"), ":2");
        server.kill();
        assert_eq!(std::fs::read(&incr).unwrap(), whole);
        let text = log(directory);
        let expected = format!("!!! Truncating the AOF appendonly.aof.1.incr.aof at offset {} !!!", whole.len());
        assert!(text.contains(&expected), "{text}");
    }
    let mut corrupt = whole.clone();
    let place = whole.len() / 2 - whole[..whole.len() / 2].iter().rev().position(|&byte| byte == b'*').unwrap() - 1;
    corrupt[place] = b'?';
    std::fs::write(&incr, &corrupt).unwrap();
    assert!(refused(directory, &[]).contains("Bad file format reading the append only file appendonly.aof.1.incr.aof"));
    std::fs::remove_file(&incr).unwrap();
    assert!(refused(directory, &[]).contains("appendonly.aof.1.incr.aof"));
    std::fs::write(&incr, b"").unwrap();
    assert_eq!(Server::start(OURS, directory, &[]).ask("DBSIZE"), ":0");
}

#[test]
fn a_single_file_of_an_older_version_becomes_the_base() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path();
    let old = b"*2\r\n$6\r\nSELECT\r\n$1\r\n4\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n";
    std::fs::write(directory.join("appendonly.aof"), old).unwrap();
    let server = Server::start(OURS, directory, &[]);
    assert_eq!(manifest(directory), "file appendonly.aof seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n");
    server.ask("SET b 2");
    server.kill();
    check_aof(directory);
    let server = Server::start(OURS, directory, &[]);
    assert_eq!(server.info("db4").split(',').next(), Some("keys=1"));
    assert_eq!(server.ask("GET b"), "2");
    server.rewrite();
    assert!(!aof(directory, "appendonly.aof").exists());
    assert!(
        manifest(directory).starts_with("file appendonly.aof.2.base.rdb seq 2 type b\n"),
        "{}",
        manifest(directory)
    );
}

#[test]
fn it_is_turned_on_and_off_while_the_server_runs() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path();
    let server = Server::start(OURS, directory, &["--appendonly", "no"]);
    fill(&server, 1);
    assert_eq!(server.ask("CONFIG SET appendonly yes"), "+OK");
    fill(&server, 2);
    server.rewritten();
    assert_eq!(server.info("aof_enabled"), "1");
    let written = digest(&server);
    assert_eq!(server.ask("DEBUG LOADAOF"), "+OK");
    assert_eq!(digest(&server), written);
    assert_eq!(server.ask("CONFIG SET appendonly no"), "+OK");
    server.ask("SET only:in:memory 1");
    server.kill();
    check_aof(directory);
    let mut server = Server::start(OURS, directory, &[]);
    assert_eq!(digest(&server), written);
    server.ask("SET last 1");
    let written = digest(&server);
    server.client().try_ask("SHUTDOWN");
    assert!(server.ended().success());
    let server = Server::start(OURS, directory, &[]);
    assert_eq!(digest(&server), written);
}

#[test]
fn a_replica_whose_disk_is_full_ends_unless_configured_to_continue() {
    if !installed("prlimit") {
        return;
    }
    // (The limit's signal ends the real server before it can say anything.)
    for ignore in ["no", "yes"] {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let primary = Server::start(OURS, first.path(), &["--appendonly", "no", "--repl-diskless-sync-delay", "0"]);
        let mut replica = Server::start(OURS, second.path(), &["--replica-ignore-disk-write-errors", ignore]);
        replica.ask(&format!("REPLICAOF 127.0.0.1 {}", primary.port));
        until("the link is up", || replica.info("master_link_status") == "up");
        until("its new file is there", || replica.info("aof_rewrite_in_progress") == "0");
        let process = replica.process.id().to_string();
        let done = Command::new("prlimit").args(["--pid", &process, "--fsize=16384:unlimited"]).status();
        assert!(done.unwrap().success());
        let (mut client, mut written) = (primary.client(), 0);
        until("the disk is full", || {
            assert_eq!(client.ask(&format!("SET key{written} {}", "x".repeat(400))), "+OK");
            written += 1;
            match ignore {
                "yes" => replica.info("aof_last_write_status") == "err",
                _ => replica.process.try_wait().unwrap().is_some(),
            }
        });
        if ignore == "yes" {
            client.ask("SET last 1");
            until("it goes on", || replica.ask("GET last") == "1");
        } else {
            assert!(!replica.ended().success());
            assert!(
                log(second.path()).contains("Replica was unable to write command to disk"),
                "{}",
                log(second.path())
            );
        }
    }
}

#[test]
fn the_file_is_rewritten_when_it_has_grown() {
    let home = tempfile::tempdir().unwrap();
    let options = ["--auto-aof-rewrite-percentage", "100", "--auto-aof-rewrite-min-size", "10kb"];
    let server = Server::start(OURS, home.path(), &options);
    let mut client = server.client();
    until("a rewrite begins by itself", || {
        (0..100).for_each(|number| drop(client.ask(&format!("SET key {number}{}", "x".repeat(100)))));
        server.info("aof_rewrites") != "0"
    });
    server.rewritten();
    // The base holds one key. (`aof_base_size` counts what was written while the rewrite ran, too: on a slow machine that is a lot.)
    let manifest = manifest(home.path());
    let base = manifest.split_whitespace().find(|word| word.contains(".base.")).unwrap();
    let (written, size) = (aof(home.path(), base), |path: PathBuf| path.metadata().unwrap().len());
    assert!(size(written) < 1_000, "{manifest}");
    assert!(!aof(home.path(), "appendonly.aof.1.base.rdb").exists(), "{manifest}");
}

#[test]
fn a_replica_begins_a_new_file_with_a_full_sync() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let primary = Server::start(OURS, first.path(), &["--repl-diskless-sync-delay", "0"]);
    fill(&primary, 1);
    let replica = Server::start(OURS, second.path(), &[]);
    replica.ask("SET gone 1");
    replica.ask(&format!("REPLICAOF 127.0.0.1 {}", primary.port));
    until("the link is up", || replica.info("master_link_status") == "up");
    fill(&primary, 2);
    let wanted = digest(&primary);
    until("the replica has it all", || digest(&replica) == wanted);
    until("its file has begun anew", || replica.info("aof_rewrites") != "0");
    replica.rewritten();
    replica.kill();
    check_aof(second.path());
    assert_eq!(digest(&Server::start(OURS, second.path(), &[])), wanted);
}

#[test]
fn on_a_full_disk_writes_are_refused_and_no_acknowledged_write_is_lost() {
    if !installed("prlimit") {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let directory = home.path();
    let server = Server::start(OURS, directory, &[]);
    let process = server.process.id().to_string();
    let limit = |bytes: &str| {
        let done = Command::new("prlimit").args(["--pid", &process, &format!("--fsize={bytes}:unlimited")]).status();
        assert!(done.unwrap().success());
    };
    limit("4096");
    let (mut client, mut written) = (server.client(), 0);
    let error = loop {
        let reply = client.ask(&format!("SET key{written} {}", "x".repeat(100)));
        match reply.as_str() {
            "+OK" => written += 1,
            _ => break reply,
        }
    };
    assert!(error.starts_with("-MISCONF Errors writing to the AOF file: File too large"), "{error}");
    assert_eq!(server.info("aof_last_write_status"), "err");
    limit("unlimited");
    until("writes are taken again", || client.ask("SET after 1") == "+OK");
    assert_eq!(server.info("aof_last_write_status"), "ok");
    let wanted = digest(&server);
    server.kill();
    check_aof(directory);
    let server = Server::start(OURS, directory, &[]);
    assert_eq!(digest(&server), wanted);
    assert_eq!(server.ask("DBSIZE"), format!(":{}", written + 1));
}

fn lines_of(manifest: &str) -> Vec<&str> {
    manifest.lines().collect()
}

#[test]
fn a_name_with_blanks_and_line_ends_is_quoted_in_the_manifest() {
    const NAME: &str = " file seq \n\n.aof ";
    on_both(|program, folder| {
        for reader in [REAL, OURS] {
            if !installed(reader) {
                continue;
            }
            let server = Server::start(program, folder, &["--appendfilename", NAME]);
            server.ask("INCR count");
            let text = std::fs::read_to_string(aof(folder, &format!("{NAME}.manifest"))).unwrap();
            let base = r#"file " file seq \n\n.aof .1.base.rdb" seq 1 type b"#;
            let incr = r#"file " file seq \n\n.aof .1.incr.aof" seq 1 type i"#;
            assert_eq!(lines_of(&text), [base, incr], "{program}");
            let before = digest(&server);
            server.client().try_ask("SHUTDOWN NOSAVE NOW FORCE");
            drop(server);
            let server = Server::start(reader, folder, &["--appendfilename", NAME]);
            assert_eq!(digest(&server), before, "{reader} reads {program}'s");
        }
    });
}

#[test]
fn a_rewrite_waits_for_a_save_and_ends_when_the_file_is_turned_off() {
    on_both(|program, folder| {
        let server = Server::start(program, folder, &[]);
        server.ask("DEBUG POPULATE 5000");
        server.ask("CONFIG SET rdb-key-save-delay 1000");
        assert_eq!(server.ask("BGSAVE"), "+Background saving started");
        assert_eq!(server.ask("BGREWRITEAOF"), "+Background append only file rewriting scheduled", "{program}");
        assert_eq!(server.info("aof_rewrite_scheduled"), "1", "{program}");
        assert_eq!(server.info("aof_rewrite_in_progress"), "0", "{program}");
        server.ask("FLUSHALL");
        until("the rewrite begins", || server.info("aof_rewrite_scheduled") == "0");
        until("the rewrite ends", || server.info("aof_rewrite_in_progress") == "0");
        server.ask("DEBUG POPULATE 5000");
        server.ask("BGREWRITEAOF");
        until("it rewrites", || lines_of(&manifest(folder)).len() == 3);
        assert_eq!(server.ask("CONFIG SET appendonly no"), "+OK");
        until("it says so", || log(folder).contains("Killing running AOF rewrite child"));
        until("the rewrite ends", || server.info("aof_rewrite_in_progress") == "0");
        server.ask("CONFIG SET rdb-key-save-delay 0");
        server.ask("SET k v");
        server.ask("BGREWRITEAOF");
        until("there is a base alone", || lines_of(&manifest(folder)).len() == 1);
        assert!(manifest(folder).ends_with(".base.rdb seq 3 type b\n"), "{program}: {}", manifest(folder));
        server.ask("CONFIG SET appendonly yes");
        until("there is an incremental file again", || lines_of(&manifest(folder)).len() == 2);
        check_aof(folder);
    });
}

#[test]
fn history_files_stay_if_garbage_collection_is_disabled() {
    on_both(|program, folder| {
        let server = Server::start(program, folder, &["--aof-disable-auto-gc", "yes"]);
        for round in 1..=2 {
            server.ask(&format!("SET k {round}"));
            server.ask("BGREWRITEAOF");
            until("the rewrite ends", || server.info("aof_rewrite_in_progress") == "0");
        }
        until("history is named", || lines_of(&manifest(folder)).len() == 6);
        for name in ["1.base.rdb", "1.incr.aof", "2.base.rdb", "2.incr.aof"] {
            assert!(aof(folder, &format!("appendonly.aof.{name}")).exists(), "{program}: {name}");
        }
        server.ask("CONFIG SET aof-disable-auto-gc no");
        server.ask("BGREWRITEAOF");
        until("history is gone", || lines_of(&manifest(folder)).len() == 2);
        until("its files too", || !aof(folder, "appendonly.aof.1.base.rdb").exists());
    });
}

#[test]
fn rewrites_that_fail_keep_every_write_and_pause_after_the_third() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let options = ["--auto-aof-rewrite-percentage", "1", "--auto-aof-rewrite-min-size", "1kb"];
    let server = Server::start(OURS, folder, &options);
    // A directory is in the place of the new base.
    let obstacle = aof(folder, &format!("temp-rewriteaof-bg-{}.aof", server.process.id()));
    std::fs::create_dir(&obstacle).unwrap();
    for round in 1..=3 {
        server.ask(&format!("SET k{round} v"));
        server.ask("BGREWRITEAOF");
        until("it has failed", || log(folder).matches("rewrite terminated with error").count() == round);
        assert_eq!(lines_of(&manifest(folder)).len(), 2 + round, "each try begins a file");
    }
    assert_eq!(server.info("aof_last_bgrewrite_status"), "err");
    server.ask(&format!("SET x {}", "x".repeat(2048)));
    until("it says that it waits", || log(folder).contains("triggered the limit, will retry in 1 minutes"));
    assert_eq!(lines_of(&manifest(folder)).len(), 5, "no other one was tried");
    std::fs::remove_dir(&obstacle).unwrap();
    server.ask("BGREWRITEAOF");
    until("one succeeds", || server.info("aof_last_bgrewrite_status") == "ok");
    assert_eq!(lines_of(&manifest(folder)).len(), 2);
    let before = digest(&server);
    server.kill_now();
    assert_eq!(digest(&Server::start(OURS, folder, &options)), before);
}
