//! Crash reports: a bug leaves a report in the log and ends the process, while the watchdog reports and lets the server
//! continue.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::os::unix::process::ExitStatusExt;
use std::process::Command;

#[expect(dead_code, reason = "other tests need more of it")]
mod support;

use support::*;

fn start(options: &[&str]) -> (Server, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(OURS, directory.path(), &[&["--appendonly", "no"], options].concat());
    (server, directory)
}

/// The signal that ended the server, or its exit code, and its log.
fn ended(mut server: Server, directory: &tempfile::TempDir) -> (Option<i32>, Option<i32>, String) {
    let status = server.ended();
    (status.signal(), status.code(), log(directory.path()))
}

fn assert_is_report(log: &str) {
    for part in [
        "=== REDIS BUG REPORT START: Cut & paste starting from here ===",
        "------ STACK TRACE ------",
        "------ INFO OUTPUT ------",
        "redis_version:7.0.15",
        "------ CLIENT LIST OUTPUT ------",
        "=== REDIS BUG REPORT END. Make sure to include from START to END. ===",
    ] {
        assert!(log.contains(part), "{part} is missing in:\n{log}");
    }
}

#[test]
fn a_panic_inside_a_command_ends_the_process_with_a_report_without_secrets() {
    for io_threads in ["1", "4"] {
        let (server, directory) = start(&["--io-threads", io_threads]);
        let mut client = server.client();
        assert_eq!(client.try_ask("DEBUG PANIC"), None);
        let (signal, _, log) = ended(server, &directory);
        assert_eq!(signal, Some(libc::SIGABRT));
        assert_is_report(&log);
        assert!(log.contains("Guru Meditation: called by user request: DEBUG PANIC #"), "{log}");
        assert!(log.contains("------ CURRENT CLIENT INFO ------") && log.contains("argv[1]: 'PANIC'"), "{log}");
    }
}

#[test]
fn a_panic_inside_a_transaction_reports_the_command_that_ran() {
    let (server, directory) = start(&[]);
    let mut client = server.client();
    client.ask("MULTI");
    client.ask("SET key value");
    client.ask("DEBUG PANIC");
    assert_eq!(client.try_ask("EXEC"), None);
    let (_, _, log) = ended(server, &directory);
    assert!(log.contains("argv[1]: 'PANIC'"), "{log}");
}

#[test]
fn use_exit_on_panic_exits_instead_of_aborting() {
    let (server, directory) = start(&["--use-exit-on-panic", "yes"]);
    assert_eq!(server.client().try_ask("DEBUG PANIC"), None);
    let (_, code, log) = ended(server, &directory);
    assert_eq!(code, Some(1));
    assert_is_report(&log);
}

#[test]
fn a_fatal_signal_is_reported_from_inside_and_from_outside() {
    let (server, directory) = start(&[]);
    assert_eq!(server.client().try_ask("DEBUG SEGFAULT"), None);
    let (signal, _, log) = ended(server, &directory);
    assert_eq!(signal, Some(libc::SIGSEGV));
    assert_is_report(&log);
    assert!(log.contains("crashed by signal: 11"), "{log}");
    for (name, number) in [("-ABRT", 6), ("-BUS", 7), ("-FPE", 8)] {
        let (server, directory) = start(&[]);
        let pid = server.process.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
        let (signal, _, log) = ended(server, &directory);
        assert_eq!(signal, Some(number));
        assert_is_report(&log);
        assert!(log.contains(&format!("crashed by signal: {number}")), "{log}");
        assert!(log.contains("Killed by PID: "), "{log}");
    }
}

#[test]
fn without_crash_log_enabled_a_signal_ends_the_process_silently() {
    let (server, directory) = start(&[]);
    assert_eq!(server.ask("CONFIG SET crash-log-enabled no"), "+OK");
    assert_eq!(server.client().try_ask("DEBUG SEGFAULT"), None);
    let (signal, _, log) = ended(server, &directory);
    assert_eq!(signal, Some(libc::SIGSEGV));
    assert!(!log.contains("REDIS BUG REPORT"), "{log}");
}

#[test]
fn the_watchdog_reports_a_blocked_event_loop_and_the_server_continues() {
    for io_threads in ["1", "4"] {
        let (server, directory) = start(&["--io-threads", io_threads]);
        assert_eq!(server.ask("CONFIG SET watchdog-period 500"), "+OK");
        assert_eq!(server.ask("DEBUG SLEEP 2"), "+OK");
        assert_eq!(server.ask("PING"), "+PONG");
        let log = log(directory.path());
        assert!(log.contains("--- WATCHDOG TIMER EXPIRED ---") && log.contains("sleep"), "{log}");
        assert_eq!(server.ask("CONFIG SET watchdog-period 0"), "+OK");
    }
}
