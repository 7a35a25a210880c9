//! What a connection receives and what it does not: disabled replies, transactions, subscriptions.

#[expect(dead_code, reason = "other tests need more of it")]
mod support;
#[expect(dead_code, reason = "other tests need more of it")]
#[path = "support/wire.rs"]
mod wire;

use support::*;
use wire::*;

const NO_DISK: [&str; 2] = ["--appendonly", "no"];

#[test]
fn confirmations_of_subscriptions_are_no_replies_that_client_reply_turns_off() {
    let expected = [
        "[subscribe ch 1]",
        "[subscribe ch2 2]",
        "[unsubscribe ch 1]",
        "[message ch2 m]",
        "[unsubscribe ch2 0]",
        "+OK",
        "[subscribe ch 1]",
        "[pong ]",
        "+OK",
    ];
    play(&NO_DISK, &expected, |server, _| {
        let mut wire = Wire::to(server);
        let mut seen = Vec::new();
        for line in ["CLIENT REPLY OFF", "SUBSCRIBE ch ch2", "UNSUBSCRIBE ch"] {
            wire.send(line);
        }
        seen.extend((0..3).map(|_| wire.reply()));
        server.ask("PUBLISH ch2 m");
        seen.push(wire.reply());
        for line in ["UNSUBSCRIBE", "CLIENT REPLY ON", "CLIENT REPLY SKIP", "SUBSCRIBE ch", "PING"] {
            wire.send(line);
        }
        seen.extend((0..4).map(|_| wire.reply()));
        // A monitor that turned its replies off is fed nothing.
        let mut monitor = Wire::to(server);
        monitor.send("CLIENT REPLY OFF");
        monitor.send("MONITOR");
        until("it is a monitor", || server.ask("CLIENT LIST").contains("flags=O"));
        server.ask("SET fed 1");
        monitor.send("CLIENT REPLY ON");
        seen.push(monitor.reply());
        seen
    });
}

#[test]
fn replies_that_are_turned_off_stay_away_inside_transactions_waits_and_reset() {
    let expected = ["+OK", "+OK", "+PONG", "+PONG", "[subscribe ch 1]", "+RESET"];
    play(&NO_DISK, &expected, |server, _| {
        let mut seen = Vec::new();
        // A transaction without replies has none for the commands that it queues.
        let mut wire = Wire::to(server);
        for line in
            ["CLIENT REPLY OFF", "MULTI", "SET k 1", "GET", "EXEC", "MULTI", "SET k 1", "CLIENT REPLY ON", "EXEC"]
        {
            wire.send(line);
        }
        wire.send("SET k 2");
        seen.extend((0..2).map(|_| wire.reply()));
        // The reply that is skipped is the one that a blocked client waits for.
        let mut blocked = Wire::to(server);
        blocked.send("CLIENT REPLY SKIP");
        blocked.send("BLPOP list 0");
        until("it waits", || server.info("blocked_clients") == "1");
        server.ask("RPUSH list a");
        blocked.send("PING");
        seen.push(blocked.reply());
        let mut reset = Wire::to(server);
        for line in ["CLIENT REPLY SKIP", "RESET", "PING"] {
            reset.send(line);
        }
        seen.push(reset.reply());
        let mut silent = Wire::to(server);
        for line in ["CLIENT REPLY OFF", "MULTI", "SUBSCRIBE ch", "EXEC", "RESET", "PING"] {
            silent.send(line);
        }
        seen.extend((0..2).map(|_| silent.reply()));
        seen
    });
}

#[test]
fn a_transaction_may_subscribe() {
    let expected = [
        "[[subscribe ch 1] [pong ]]",
        "[[psubscribe p* 1] +OK]",
        r"[-ERR SSUBSCRIBE isn\'t allowed for a DENY BLOCKING client +OK]",
    ];
    play(&NO_DISK, &expected, |server, _| {
        let cases = [("SUBSCRIBE ch", "PING"), ("PSUBSCRIBE p*", "SET k v"), ("SSUBSCRIBE ch", "SET k v")];
        cases
            .map(|(subscribe, other)| {
                let mut wire = Wire::to(server);
                ["MULTI", subscribe, other].into_iter().for_each(|line| drop(wire.ask(line)));
                wire.ask("EXEC")
            })
            .into()
    });
}

#[test]
fn a_transaction_that_ends_with_a_walk_is_still_one() {
    let expected = ["MULTI SET SET EXEC", "MULTI SET SET EXEC", "MULTI DEL EXEC"];
    play(&["--appendonly", "yes", "--appendfsync", "always"], &expected, |server, folder| {
        let written = || -> Vec<u8> {
            let names = std::fs::read_dir(folder.join("appendonlydir")).unwrap().flatten();
            let file =
                names.map(|entry| entry.path()).find(|path| path.to_string_lossy().ends_with(".incr.aof")).unwrap();
            std::fs::read(file).unwrap()
        };
        let commands = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes).into_owned();
            let names = text.lines().filter(|line| ["MULTI", "SET", "DEL", "EXEC"].contains(line));
            names.collect::<Vec<_>>().join(" ")
        };
        server.ask("DEBUG SET-ACTIVE-EXPIRE 0");
        let play = |lines: &[&str]| {
            let before = written().len();
            let mut wire = Wire::to(server);
            lines.iter().for_each(|line| drop(wire.ask(line)));
            commands(&written()[before..])
        };
        let scan = play(&["MULTI", "SET a 1", "SET b 2", "SCAN 0", "EXEC"]);
        let random = play(&["MULTI", "SET a 1", "SET b 2", "RANDOMKEY", "EXEC"]);
        server.ask("FLUSHALL");
        for key in ["a", "b"] {
            server.ask(&format!("SET {key} 1 PX 1"));
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
        let expired = play(&["MULTI", "SCAN 0", "EXEC"]).replace("DEL DEL", "DEL");
        vec![scan, random, expired]
    });
}

#[test]
fn clients_subcommands_refuse_words_too_many() {
    let wrong =
        |name: &str| format!("-ERR unknown subcommand or wrong number of arguments for '{name}'. Try CLIENT HELP.");
    let expected = [wrong("PAUSE"), wrong("UNBLOCK")];
    play(&NO_DISK, &expected.each_ref().map(String::as_str), |server, _| {
        ["CLIENT PAUSE 1 WRITE more", "CLIENT UNBLOCK 1 TIMEOUT more"].map(|request| server.ask(request)).into()
    });
}
