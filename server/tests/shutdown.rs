//! How a server ends: signals at awkward moments, and what is left on the disk. Each test expects the outcome that the real
//! server has, and also runs on that server if it is installed.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[expect(dead_code, reason = "other tests need more of it")]
mod support;

use std::path::Path;
use std::process::Command;

use support::*;

/// Saves, rewrites and loads take seconds: a millisecond for each of so many keys.
const POPULATE: &str = "DEBUG POPULATE 5000";
const SLOW: &str = "CONFIG SET rdb-key-save-delay 1000";

fn signal(server: &Server, name: &str) {
    let status = Command::new("kill").args([name, &server.process.id().to_string()]).status();
    assert!(status.unwrap().success());
}

/// The exit code, when the process has ended.
fn end(server: &mut Server) -> Option<i32> {
    server.ended().code()
}

fn temporary_files(folder: &Path) -> Vec<String> {
    let parts = [folder.to_path_buf(), folder.join("appendonlydir")];
    let entries = parts.iter().filter_map(|part| std::fs::read_dir(part).ok()).flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("temp")).collect()
}

fn assert_logged(folder: &Path, text: &str) {
    let log = log(folder);
    assert!(log.contains(text), "{text} is not in {log}");
}

#[test]
fn a_second_sigint_ends_a_save_at_once_and_leaves_no_file() {
    on_both(|program, folder| {
        let mut server = Server::start(program, folder, &["--appendonly", "no", "--save", "3600 1"]);
        server.ask(POPULATE);
        server.ask("SET counts as-a-change");
        server.ask(SLOW);
        signal(&server, "-INT");
        let temporary = format!("temp-{}.rdb", server.process.id());
        until("the save has begun", || temporary_files(folder).contains(&temporary));
        signal(&server, "-INT");
        assert_eq!(end(&mut server), Some(1), "{program}");
        assert_eq!(temporary_files(folder), [""; 0], "{program}");
        assert_logged(folder, "You insist... exiting now.");
        assert!(!folder.join("dump.rdb").exists(), "{program} did not wait for the save");
    });
}

#[test]
fn a_signal_during_loading_ends_at_once_and_touches_nothing() {
    on_both(|program, folder| {
        let mut server = Server::start(program, folder, &["--appendonly", "no"]);
        server.ask(POPULATE);
        assert_eq!(server.ask("SAVE"), "+OK");
        signal(&server, "-KILL");
        server.process.wait().unwrap();
        let saved = std::fs::read(folder.join("dump.rdb")).unwrap();
        let slow = ["--key-load-delay", "1000", "--loading-process-events-interval-bytes", "1024", "--save", "3600 1"];
        for name in ["-TERM", "-INT"] {
            let options = [&["--appendonly", "no"], &slow[..]].concat();
            let mut server = Server::start_unready(program, folder, &options);
            let is_loading = |mut client: Client| client.try_ask("GET k").is_some_and(|it| it.starts_with("-LOADING"));
            until("it loads", || Client::open(server.port).is_some_and(is_loading));
            signal(&server, name);
            assert_eq!(end(&mut server), Some(0), "{program}, {name}");
            assert_logged(folder, "Received shutdown signal during loading, scheduling shutdown.");
            assert_eq!(std::fs::read(folder.join("dump.rdb")).unwrap(), saved, "{program}, {name}");
        }
    });
}

#[test]
fn a_signal_that_waits_for_the_cron_can_be_called_off() {
    on_both(|program, folder| {
        let mut server = Server::start(program, folder, &["--appendonly", "no"]);
        assert_eq!(server.ask("SHUTDOWN ABORT"), "-ERR No shutdown in progress.");
        server.ask("DEBUG PAUSE-CRON 1");
        signal(&server, "-TERM");
        until("the signal is called off", || server.ask("SHUTDOWN ABORT") == "+OK");
        assert_logged(folder, "Shutdown manually aborted");
        server.ask("DEBUG PAUSE-CRON 0");
        assert_eq!(server.ask("PING"), "+PONG", "{program}");
        signal(&server, "-TERM");
        assert_eq!(end(&mut server), Some(0), "{program}");
    });
}

#[test]
fn a_paused_cron_expires_nothing_and_begins_no_save() {
    on_both(|program, folder| {
        let server = Server::start(program, folder, &["--appendonly", "no"]);
        server.ask("DEBUG PAUSE-CRON 1");
        server.ask("CONFIG SET save \"1 1\"");
        server.ask("SET k v PX 1");
        server.ask("SET other v PX 1500");
        until("its time has passed", || server.ask("EXISTS other") == ":0");
        assert_eq!(server.ask("DBSIZE"), ":1", "{program}: what nobody asks for stays");
        assert_eq!(server.info("rdb_bgsave_in_progress"), "0", "{program}");
        assert!(!folder.join("dump.rdb").exists(), "{program}");
        server.ask("DEBUG PAUSE-CRON 0");
        until("the key is expired", || server.ask("DBSIZE") == ":0");
        until("it saves", || folder.join("dump.rdb").exists());
    });
}

#[test]
fn a_node_that_writes_its_first_append_only_file_stays_until_it_is_written() {
    on_both(|program, folder| {
        let mut server = Server::start(program, folder, &["--appendonly", "no"]);
        server.ask(POPULATE);
        server.ask(SLOW);
        assert_eq!(server.ask("CONFIG SET appendonly yes"), "+OK");
        until("the file is being written", || server.info("aof_rewrite_in_progress") == "1");
        signal(&server, "-TERM");
        until("it says why it stays", || log(folder).contains("Writing initial AOF, can't exit."));
        assert_eq!(server.ask("PING"), "+PONG", "{program}");
        server.ask("CONFIG SET rdb-key-save-delay 0");
        until("the file is written", || server.info("aof_rewrite_in_progress") == "0");
        signal(&server, "-TERM");
        assert_eq!(end(&mut server), Some(0), "{program}");
        assert_eq!(temporary_files(folder), [""; 0], "{program}");
        let server = Server::start(program, folder, &[]);
        assert_eq!(server.ask("DBSIZE"), ":5000", "{program}");
    });
}

#[test]
fn the_end_of_a_process_ends_its_rewrite_and_loses_nothing() {
    on_both(|program, folder| {
        for way in ["SHUTDOWN", "SHUTDOWN NOSAVE", "SIGTERM"] {
            let folder = &folder.join(way.replace(' ', "-"));
            std::fs::create_dir(folder).unwrap();
            let mut server = Server::start(program, folder, &[]);
            server.ask(POPULATE);
            server.ask("BGREWRITEAOF");
            until("the keys are in the file", || server.info("aof_rewrite_in_progress") == "0");
            server.ask("SET before rewrite");
            server.ask(SLOW);
            server.ask("BGREWRITEAOF");
            until("it rewrites", || !temporary_files(folder).is_empty());
            server.ask("SET during rewrite");
            if way == "SIGTERM" {
                signal(&server, "-TERM");
            } else {
                server.client().try_ask(way);
            }
            assert_eq!(end(&mut server), Some(0), "{program}, {way}");
            assert_eq!(temporary_files(folder), [""; 0], "{program}, {way}");
            let server = Server::start(program, folder, &[]);
            assert_eq!(server.ask("MGET before during"), "*2", "{program}, {way}");
            assert_eq!(server.ask("DBSIZE"), ":5002", "{program}, {way}");
        }
    });
}
