//! A disk whose fsync does not return. A preloaded library blocks every fsync of a file whose name contains a word, for as
//! long as the test wants. In the meantime, everything that does not promise durability must continue.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[expect(dead_code, reason = "other tests need more of it")]
mod support;

#[expect(dead_code, reason = "other tests need more of it")]
#[path = "support/wire.rs"]
mod wire;

use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use support::*;
use wire::Wire;

/// `fsync`, `fdatasync` and `sync_file_range` stand still while the folder `HOLD` has a file `hold`: the text in it is what
/// the names of held files contain. `HOLD/held` is made when one stands still.
const HOLDER: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int is_held(int fd) {
    char path[4096], link[64], name[4096], word[256];
    const char *folder = getenv("HOLD");
    if (!folder) return 0;
    snprintf(path, sizeof path, "%s/hold", folder);
    int file = open(path, O_RDONLY);
    if (file < 0) return 0;
    ssize_t size = read(file, word, sizeof word - 1);
    close(file);
    if (size <= 0) return 0;
    word[size] = 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    size = readlink(link, name, sizeof name - 1);
    if (size <= 0) return 0;
    name[size] = 0;
    return strstr(name, word) != 0;
}

static void hold(int fd) {
    char path[4096];
    if (!is_held(fd)) return;
    snprintf(path, sizeof path, "%s/held", getenv("HOLD"));
    close(open(path, O_CREAT | O_WRONLY, 0600));
    while (is_held(fd)) usleep(1000);
}

int fsync(int fd) {
    int (*real)(int) = dlsym(RTLD_NEXT, "fsync");
    hold(fd);
    return real(fd);
}

int fdatasync(int fd) {
    int (*real)(int) = dlsym(RTLD_NEXT, "fdatasync");
    hold(fd);
    return real(fd);
}

int sync_file_range(int fd, off_t from, off_t count, unsigned flags) {
    int (*real)(int, off_t, off_t, unsigned) = dlsym(RTLD_NEXT, "sync_file_range");
    hold(fd);
    return real(fd, from, count, flags);
}
"#;

/// A server on a disk that can be held.
struct Held {
    server: Server,
    folder: tempfile::TempDir,
}

impl Held {
    /// `None` if there is no C compiler.
    fn start(options: &[&str]) -> Option<Self> {
        if !installed("cc") {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let library = compiled(folder.path());
        let (mut command, port) = command(OURS, folder.path(), options);
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        command.env("LD_PRELOAD", library).env("HOLD", folder.path()).stdout(log);
        let server = Server { process: command.spawn().unwrap(), port }.ready(folder.path());
        Some(Self { server, folder })
    }

    /// Syncs of files with `word` in their names stand still from now on.
    fn hold(&self, word: &str) {
        let (new, file) = (self.folder.path().join("hold-new"), self.folder.path().join("hold"));
        std::fs::write(&new, word).unwrap();
        std::fs::rename(new, file).unwrap();
    }

    fn until_one_is_held(&self) {
        until("a sync is held", || self.folder.path().join("held").exists());
    }

    fn let_go(&self) {
        std::fs::remove_file(self.folder.path().join("hold")).unwrap();
    }

    /// Requests that do not depend on the disk are answered.
    fn goes_on(&self) {
        let mut client = self.server.client();
        for round in 0..100 {
            assert_eq!(client.ask("PING"), "+PONG");
            assert!(client.ask("GET key").len() < 1000, "round {round}");
        }
        assert!(self.folder.path().join("hold").exists(), "nobody let go meanwhile");
    }
}

fn compiled(folder: &Path) -> PathBuf {
    let (source, library) = (folder.join("holder.c"), folder.join("holder.so"));
    std::fs::write(&source, HOLDER).unwrap();
    let mut command = Command::new("cc");
    command.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(&source).arg("-ldl").stdout(Stdio::null());
    assert!(output_of(&mut command).status.success());
    library
}

#[test]
fn only_the_snapshot_waits_for_a_slow_disk() {
    let Some(held) = Held::start(&["--appendonly", "no"]) else { return };
    held.server.ask("SET key value");
    held.hold("rdb");
    assert_eq!(held.server.ask("BGSAVE"), "+Background saving started");
    held.until_one_is_held();
    held.goes_on();
    assert_eq!(held.server.ask("SET key other"), "+OK");
    assert_eq!(held.server.info("rdb_bgsave_in_progress"), "1");
    held.let_go();
    until("the snapshot ends", || held.server.info("rdb_bgsave_in_progress") == "0");
    assert_eq!(held.server.info("rdb_last_bgsave_status"), "ok");
}

#[test]
fn a_process_ends_only_when_a_change_of_the_manifest_is_complete() {
    let Some(mut held) = Held::start(&["--appendonly", "yes"]) else { return };
    held.server.ask("SET before rewrite");
    held.hold("manifest");
    assert!(held.server.ask("BGREWRITEAOF").starts_with('+'));
    held.until_one_is_held();
    held.server.ask("SET during rewrite");
    Wire::to(&held.server).send("SHUTDOWN");
    until("it is about to end", || log(held.folder.path()).contains("bye bye"));
    assert!(held.server.process.try_wait().unwrap().is_none());
    held.let_go();
    assert_eq!(held.server.ended().code(), Some(0));
    let entries = std::fs::read_dir(held.folder.path().join("appendonlydir")).unwrap();
    let names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(!names.iter().any(|name| name.starts_with("temp-")), "{names:?}");
    let server = Server::start(OURS, held.folder.path(), &["--appendonly", "yes"]);
    assert_eq!(server.ask("DBSIZE"), ":2");
}

#[test]
fn a_replica_that_stores_its_snapshot_answers_while_its_disk_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let primary = Server::start(OURS, folder.path(), &["--appendonly", "no", "--repl-diskless-sync-delay", "0"]);
    for diskless in ["no", "yes"] {
        let options = ["--appendonly", "no", "--repl-diskless-load", "disabled", "--replica-serve-stale-data", "yes"];
        let Some(held) = Held::start(&options) else { return };
        primary.ask(&format!("CONFIG SET repl-diskless-sync {diskless}"));
        primary.ask("DEBUG POPULATE 1000 key 10000");
        held.hold("rdb");
        held.server.ask(&format!("REPLICAOF 127.0.0.1 {}", primary.port));
        held.until_one_is_held();
        held.goes_on();
        assert_eq!(held.server.info("master_link_status"), "down");
        held.let_go();
        until("the replica is in sync", || held.server.info("master_link_status") == "up");
        assert_eq!(held.server.ask("DBSIZE"), ":1000");
    }
}

#[test]
fn a_primary_answers_while_the_file_for_its_replica_is_synced() {
    let options = ["--appendonly", "no", "--repl-diskless-sync", "no"];
    let Some(held) = Held::start(&options) else { return };
    held.server.ask("DEBUG POPULATE 1000 key 10000");
    held.hold("rdb");
    let folder = tempfile::tempdir().unwrap();
    let replica = Server::start(OURS, folder.path(), &["--appendonly", "no"]);
    replica.ask(&format!("REPLICAOF 127.0.0.1 {}", held.server.port));
    held.until_one_is_held();
    held.goes_on();
    held.let_go();
    until("the replica is in sync", || replica.info("master_link_status") == "up");
    assert_eq!(replica.ask("DBSIZE"), ":1000");
}

#[test]
fn with_everysec_writes_continue_during_a_slow_sync_and_are_kept() {
    let Some(held) = Held::start(&["--appendfsync", "everysec"]) else { return };
    held.hold("appendonly");
    let mut client = held.server.client();
    let mut written = 0;
    until("a sync is held", || {
        written += 1;
        assert_eq!(client.ask(&format!("SET key:{written} value")), "+OK");
        held.folder.path().join("held").exists()
    });
    // Redis gives a sync two seconds, and then writes without waiting for it.
    until("the log tells of it", || {
        written += 1;
        assert_eq!(client.ask(&format!("SET key:{written} value")), "+OK");
        held.server.info("aof_delayed_fsync") == "1"
    });
    held.goes_on();
    held.let_go();
    until("all is in the file", || held.server.info("aof_buffer_length") == "0");
    let folder = held.folder;
    held.server.kill_now();
    let again = Server::start(OURS, folder.path(), &[]);
    assert_eq!(again.ask("DBSIZE"), format!(":{written}"));
}

#[test]
fn with_always_no_client_sees_what_is_not_durable() {
    let Some(held) = Held::start(&["--appendfsync", "always", "--latency-monitor-threshold", "1"]) else { return };
    assert_eq!(held.server.ask("SET key value"), "+OK");
    held.hold("appendonly");
    let (mut writer, mut reader) = (held.server.client(), held.server.client());
    writer.0.get_mut().write_all(b"SET key other\r\n").unwrap();
    held.until_one_is_held();
    reader.0.get_mut().write_all(b"GET key\r\n").unwrap();
    for client in [&mut writer, &mut reader] {
        client.0.get_ref().set_nonblocking(true).unwrap();
        assert!(client.0.fill_buf().is_err(), "a promise that nobody can keep yet");
        client.0.get_ref().set_nonblocking(false).unwrap();
    }
    held.let_go();
    assert_eq!(writer.reply().unwrap(), "+OK");
    assert_eq!(reader.reply().unwrap(), "other");
    until("LATENCY tells of it", || held.server.ask("LATENCY LATEST") != "*0");
    let mut wire = Wire::to(&held.server);
    assert!(wire.ask("LATENCY LATEST").contains("[aof-fsync-always "));
}

#[test]
fn only_the_rewrite_waits_for_a_slow_disk() {
    let Some(held) = Held::start(&["--appendfsync", "no"]) else { return };
    held.server.ask("DEBUG POPULATE 1000 key 100");
    held.hold("/temp-");
    assert!(held.server.ask("BGREWRITEAOF").starts_with('+'));
    held.until_one_is_held();
    held.goes_on();
    assert_eq!(held.server.ask("SET another value"), "+OK");
    held.let_go();
    until("the rewrite ends", || held.server.info("aof_rewrite_in_progress") == "0");
    assert_eq!(held.server.info("aof_last_bgrewrite_status"), "ok");
}
