//! Scripts and functions on a whole server: busy scripts, what they propagate to replicas and files, and vulnerabilities of
//! other servers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[expect(dead_code, reason = "other tests need more of it")]
mod support;

use std::io::Write;

use support::{Client, OURS, REAL, Server, until};

/// Values as the protocol sends them, printed on one line.
fn read(client: &mut Client) -> String {
    use std::io::{BufRead, Read};
    let mut line = String::new();
    client.0.read_line(&mut line).unwrap();
    let line = line.trim_end();
    match line.split_at(1) {
        ("$", length) => {
            let Ok(length) = length.parse::<usize>() else { return "nil".into() };
            let mut bytes = vec![0; length + 2];
            client.0.read_exact(&mut bytes).unwrap();
            bytes.truncate(length);
            String::from_utf8_lossy(&bytes).into_owned()
        }
        ("*", count) => {
            let items: Vec<String> = (0..count.parse::<i64>().unwrap()).map(|_| read(client)).collect();
            format!("[{}]", items.join(" "))
        }
        _ => line.to_owned(),
    }
}

fn send(client: &mut Client, words: &[&[u8]]) {
    let mut request = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        request.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        request.extend_from_slice(word);
        request.extend_from_slice(b"\r\n");
    }
    client.0.get_mut().write_all(&request).unwrap();
}

fn call(client: &mut Client, words: &[&str]) -> String {
    let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
    send(client, &words);
    read(client)
}

fn eval(client: &mut Client, script: &str) -> String {
    call(client, &["EVAL", script, "0"])
}

fn start(options: &[&str]) -> (tempfile::TempDir, Server, Client) {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(OURS, directory.path(), options);
    let client = server.client();
    (directory, server, client)
}

#[test]
fn other_clients_get_busy_and_can_kill_the_script() {
    for threads in ["1", "2"] {
        let (_directory, server, mut other) = start(&["--busy-reply-threshold", "50", "--io-threads", threads]);
        let mut busy = server.client();
        send(&mut busy, &[b"EVAL", b"while true do end", b"0"]);
        until("others hear BUSY", || {
            call(&mut other, &["GET", "a"]).starts_with("-BUSY Redis is busy running a script.")
        });
        assert!(call(&mut other, &["FUNCTION", "KILL"]).contains("SCRIPT KILL"));
        assert!(call(&mut other, &["SHUTDOWN"]).starts_with("-BUSY"));
        // Clients that come now are served as well.
        assert!(call(&mut server.client(), &["PING"]).starts_with("-BUSY"));
        assert_eq!(call(&mut other, &["SCRIPT", "KILL"]), "+OK");
        assert!(read(&mut busy).starts_with("-ERR Script killed by user with SCRIPT KILL..."));
        assert_eq!(call(&mut busy, &["SET", "a", "1"]), "+OK");
        assert_eq!(call(&mut other, &["SCRIPT", "KILL"]), "-NOTBUSY No scripts in execution right now.");
        // A pcall cannot keep it alive, and it may be one of a transaction.
        assert_eq!(call(&mut busy, &["MULTI"]), "+OK");
        assert_eq!(
            call(&mut busy, &["EVAL", "while true do pcall(function() while true do end end) end", "0"]),
            "+QUEUED"
        );
        send(&mut busy, &[b"EXEC"]);
        until("others hear BUSY", || call(&mut other, &["GET", "a"]).starts_with("-BUSY"));
        assert_eq!(call(&mut other, &["SCRIPT", "KILL"]), "+OK");
        assert!(read(&mut busy).starts_with("[-ERR Script killed"));
    }
}

#[test]
fn a_function_is_ended_by_its_own_command_and_one_that_wrote_by_nothing() {
    let (_directory, server, mut other) = start(&["--busy-reply-threshold", "50"]);
    let code = "#!lua name=lib\nredis.register_function('spin', function(keys) if keys[1] then redis.call('set', keys[1], 1) end while true do end end)";
    assert_eq!(call(&mut other, &["FUNCTION", "LOAD", code]), "lib");
    let mut busy = server.client();
    send(&mut busy, &[b"FCALL", b"spin", b"0"]);
    until("others hear BUSY", || call(&mut other, &["GET", "a"]).contains("FUNCTION KILL"));
    assert!(call(&mut other, &["SCRIPT", "KILL"]).contains("FUNCTION KILL"));
    let stats = call(&mut other, &["FUNCTION", "STATS"]);
    assert!(stats.contains("[name spin command [FCALL spin 0] duration_ms"), "{stats}");
    assert_eq!(call(&mut other, &["FUNCTION", "KILL"]), "+OK");
    assert!(read(&mut busy).starts_with("-ERR Script killed"));
    send(&mut busy, &[b"FCALL", b"spin", b"1", b"key"]);
    until("others hear BUSY", || call(&mut other, &["GET", "a"]).starts_with("-BUSY"));
    assert!(call(&mut other, &["FUNCTION", "KILL"]).starts_with("-UNKILLABLE"));
    send(&mut other, &[b"SHUTDOWN", b"NOSAVE"]);
    let mut server = server;
    until("the server ends", || server.process.try_wait().unwrap().is_some());
}

#[test]
fn the_holes_that_others_had_are_closed() {
    let (_directory, server, mut client) = start(&[]);
    let client = &mut client;
    // CVE-2022-0543: no way to load code of the system.
    for name in ["package", "require", "io", "os", "dofile", "loadfile", "debug", "newproxy", "getfenv", "setfenv"] {
        let reply = eval(client, &format!("return {name}"));
        assert!(reply.contains(&format!("Script attempted to access nonexistent global variable '{name}'")), "{reply}");
    }
    // CVE-2022-24735, CVE-2022-24736, CVE-2025-46818: nothing that scripts share can be changed.
    for change in [
        "x = 1",
        "rawset(_G, 'x', 1)",
        "setmetatable(_G, {})",
        "getmetatable(_G).__index = nil",
        "string.sub = nil",
        "rawset(string, 'x', 1)",
        "table.insert(math, 1)",
        "table.sort(redis)  redis.x = 1",
        "getmetatable('').__index = nil",
        "cjson.decode = nil",
        "KEYS = nil",
        "setmetatable(table, {})",
    ] {
        let reply = eval(client, change);
        assert!(reply.contains("Attempt to modify a readonly table"), "{change}: {reply}");
    }
    // Compiled code.
    let reply = eval(client, "return {loadstring(string.dump(function() return 1 end))}");
    assert_eq!(reply, "[]");
    assert!(eval(client, "return {pcall(loadstring('\\27Lua'))}").contains("nil value"));
    // CVE-2025-46817.
    for range in ["1, 1e8", "-2147483648, 2147483647", "0, 2147483647", "2147483640, 2147483647 + 1e9"] {
        let reply = eval(client, &format!("return #{{unpack({{}}, {range})}}"));
        assert!(reply.contains("too many results to unpack") || reply.starts_with(':'), "{range}: {reply}");
    }
    // CVE-2025-46819.
    let reply = eval(client, "return loadstring('return [' .. string.rep('=', 1000000) .. '[')");
    assert_eq!(reply, "nil");
    // CVE-2024-31449, CVE-2020-14147.
    assert_eq!(eval(client, "return bit.tohex(65535, -2147483648)"), "0000FFFF");
    assert!(eval(client, "return struct.pack('>I2147483648', '10')").contains("integral size overflow"));
    assert!(eval(client, "return struct.unpack('c2147483647', 'abc')").contains("data string too short"));
    // CVE-2022-24834: what does not fit ends in an error.
    let reply = eval(client, "local s = string.rep('\\1', 100*1024*1024) return #cjson.encode(s)");
    assert!(reply.contains("not enough memory"), "{reply}");
    assert!(eval(client, "return #string.rep('x', 2^31 - 1)").contains("not enough memory"));
    // CVE-2025-67733: a reply is one line.
    assert_eq!(eval(client, "return {err = 'MY a\\r\\n+OK\\r\\nb'}"), "-MY a  +OK  b");
    assert_eq!(eval(client, "return {ok = 'a\\r\\nb'}"), "+a  b");
    // Deep recursion, in Lua, in patterns, in data, in replies.
    assert!(eval(client, "local function f() return f() + 1 end return f()").contains("stack overflow"));
    assert!(
        eval(client, "return string.find(string.rep('a', 60000), string.rep('a?', 60000))").contains("too complex")
    );
    assert!(eval(client, "cjson.decode_max_depth(1e9) return cjson.decode(string.rep('[', 1e6))").contains("nested"));
    let deep = "local t = {} for i = 1, 100000 do t = {t} end ";
    assert!(eval(client, &format!("{deep} cjson.encode_max_depth(1e9) return cjson.encode(t)")).contains("nesting"));
    assert!(eval(client, &format!("{deep} return #cmsgpack.pack(t)")).starts_with(':'));
    // Nested as deep as that, the reply is not for `read`.
    let mut other = server.client();
    send(&mut other, &[b"EVAL", format!("{deep} return t").as_bytes(), b"0"]);
    let mut line = String::new();
    while !line.starts_with("-ERR reached lua stack limit") {
        line.clear();
        std::io::BufRead::read_line(&mut other.0, &mut line).unwrap();
        assert!(line.starts_with('*') || line.starts_with('-'), "{line}");
    }
    assert!(
        eval(client, &format!("return {}1{}", "(".repeat(100_000), ")".repeat(100_000))).contains("chunk has too many")
    );
    // A collection while a chunk is parsed (CVE-2025-49844): names of chunks are garbage at once.
    let reply = eval(
        client,
        "for i = 1, 200 do loadstring('local a' .. i .. ' = {' .. string.rep('\"x' .. i .. '\",', 2000) .. '} return a', 'n' .. i) collectgarbage() end return 1",
    );
    assert_eq!(reply, ":1");
    // CVE-2024-46981: what a library keeps aside is reached again when its instances have gone, and is collected but once.
    let reply = eval(
        client,
        "local kept for i = 1, 2000 do local j = cjson.new() j.encode_max_depth(i) kept = j.encode_max_depth j = nil \
         if i % 50 == 0 then collectgarbage() end end collectgarbage() collectgarbage() return kept()",
    );
    assert_eq!(reply, ":2000");
    // Weak tables, threads and closures that hold one another.
    let reply = eval(
        client,
        "local weak = setmetatable({}, {__mode = 'kv'}) \
         for i = 1, 3000 do local t = {} t.me = t weak[t] = function() return t, weak end weak[i] = t \
         local c = coroutine.create(function(x) coroutine.yield(x) end) coroutine.resume(c, t) t.c = c \
         if i % 100 == 0 then collectgarbage('step', i) end end \
         collectgarbage() local n = 0 for _ in pairs(weak) do n = n + 1 end return n < 20",
    );
    assert_eq!(reply, ":1");
    // An error without a text crashes Redis.
    assert!(eval(client, "error({})").starts_with('-'));
    assert_eq!(call(client, &["PING"]), "+PONG");
}

#[test]
fn only_effects_are_replicated_in_one_transaction() {
    let (directory, _server, mut client) = start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let script = "redis.call('set', 'a', math.random()) redis.set_repl(redis.REPL_NONE) redis.call('set', 'hidden', 1) redis.set_repl(redis.REPL_ALL) redis.call('expire', 'a', 100) return redis.call('incr', 'b')";
    assert_eq!(eval(&mut client, script), ":1");
    assert_eq!(eval(&mut client, "return redis.call('get', 'a')").len(), 19);
    let log = std::fs::read(directory.path().join("appendonlydir/appendonly.aof.1.incr.aof")).unwrap();
    let log = String::from_utf8_lossy(&log);
    assert!(!log.contains("hidden") && !log.to_lowercase().contains("eval"), "{log}");
    assert!(log.contains("MULTI") && log.contains("PEXPIREAT") && log.ends_with("EXEC\r\n"), "{log}");
    assert_eq!(call(&mut client, &["DEBUG", "LOADAOF"]), "+OK");
    assert_eq!(call(&mut client, &["MGET", "b", "hidden"]), "[1 nil]");
}

#[test]
fn functions_go_wherever_data_go() {
    let (directory, server, mut client) = start(&["--enable-debug-command", "yes", "--appendonly", "yes"]);
    let code = "#!lua name=lib\nredis.register_function{function_name='F', callback=function(k, a) return a[1] end, flags={'no-writes'}, description='d'}";
    assert_eq!(call(&mut client, &["FUNCTION", "LOAD", code]), "lib");
    assert_eq!(call(&mut client, &["FCALL_RO", "f", "0", "x"]), "x");
    let list = call(&mut client, &["FUNCTION", "LIST", "WITHCODE"]);
    assert!(list.contains("[name F description d flags [+no-writes]]"), "{list}");
    // A snapshot, a rewrite, the append-only file.
    assert_eq!(call(&mut client, &["DEBUG", "RELOAD"]), "+OK");
    assert_eq!(call(&mut client, &["FUNCTION", "LIST", "WITHCODE"]), list);
    assert_eq!(call(&mut client, &["DEBUG", "LOADAOF"]), "+OK");
    assert_eq!(call(&mut client, &["FUNCTION", "LIST", "WITHCODE"]), list);
    // A payload.
    send(&mut client, &[b"FUNCTION", b"DUMP"]);
    let payload = {
        use std::io::{BufRead, Read};
        let mut head = String::new();
        client.0.read_line(&mut head).unwrap();
        let mut bytes = vec![0; head.trim_end()[1..].parse::<usize>().unwrap() + 2];
        client.0.read_exact(&mut bytes).unwrap();
        bytes.truncate(bytes.len() - 2);
        bytes
    };
    let mut restore = |policy: &[u8]| {
        send(&mut client, &[b"FUNCTION", b"RESTORE", &payload, policy]);
        read(&mut client)
    };
    assert_eq!(restore(b"APPEND"), "-ERR Library lib already exists");
    assert_eq!(restore(b"REPLACE"), "+OK");
    assert_eq!(restore(b"FLUSH"), "+OK");
    // A replica, by full synchronisation and by the stream.
    let other = tempfile::tempdir().unwrap();
    let replica = Server::start(OURS, other.path(), &["--replicaof", &format!("127.0.0.1 {}", server.port)]);
    let mut reader = replica.client();
    until("the replica has the library", || call(&mut reader, &["FUNCTION", "LIST", "WITHCODE"]) == list);
    assert_eq!(call(&mut reader, &["FCALL_RO", "F", "0", "y"]), "y");
    assert_eq!(call(&mut client, &["FUNCTION", "DELETE", "lib"]), "+OK");
    until("the replica has lost the library", || call(&mut reader, &["FUNCTION", "LIST"]) == "[]");
    assert_eq!(call(&mut client, &["FUNCTION", "LOAD", code]), "lib");
    until("the replica has the library", || call(&mut reader, &["FUNCTION", "LIST", "WITHCODE"]) == list);
    // Failover: what was the replica keeps it.
    assert_eq!(call(&mut reader, &["REPLICAOF", "NO", "ONE"]), "+OK");
    drop(server);
    assert_eq!(call(&mut reader, &["FCALL", "F", "0", "z"]), "z");
    drop(directory);
}

#[test]
fn a_full_synchronisation_does_not_free_a_running_function() {
    // CVE-2026-23631, on a replica that takes writes.
    let (_one, primary, mut source) = start(&[]);
    let (_two, replica, mut client) = start(&["--replica-read-only", "no", "--busy-reply-threshold", "20"]);
    let code = "#!lua name=lib\nredis.register_function('long', function(k, a) local n = 0 while n < 3e7 do n = n + 1 end return redis.call('ping') end)";
    assert_eq!(call(&mut client, &["FUNCTION", "LOAD", code]), "lib");
    assert_eq!(call(&mut source, &["SET", "a", "1"]), "+OK");
    send(&mut client, &[b"REPLICAOF", b"127.0.0.1", primary.port.to_string().as_bytes()]);
    assert_eq!(read(&mut client), "+OK");
    send(&mut client, &[b"FCALL", b"long", b"0"]);
    assert_eq!(read(&mut client), "+PONG");
    let mut other = replica.client();
    until("the replica has the data", || call(&mut other, &["GET", "a"]) == "1");
    assert_eq!(call(&mut other, &["FUNCTION", "LIST"]), "[]");
}

/// A file with one library, and with nothing else: as 7.0 writes it, or as its release candidates did.
fn rdb_of_library(engine: &str, candidate: bool) -> Vec<u8> {
    let body = "redis.register_function('f', function() return 'here' end)";
    let text = |text: &str| {
        let len = text.len();
        [&[0x40 | (len >> 8) as u8, len as u8], text.as_bytes()].concat()
    };
    let mut bytes = b"REDIS0010".to_vec();
    if candidate {
        bytes.push(246);
        bytes.extend([text("lib"), text(engine), vec![1], text("what it is for"), text(body)].concat());
    } else {
        bytes.push(245);
        bytes.extend(text(&format!("#!{engine} name=lib\n{body}")));
    }
    bytes.push(255);
    // No checksum.
    bytes.extend([0; 8]);
    bytes
}

#[test]
fn a_library_that_cannot_be_loaded_ends_the_load() {
    for program in support::engines() {
        for candidate in [false, true] {
            let directory = tempfile::tempdir().unwrap();
            std::fs::write(directory.path().join("dump.rdb"), rdb_of_library("lua", candidate)).unwrap();
            let server = Server::start(program, directory.path(), &["--appendonly", "no"]);
            assert_eq!(call(&mut server.client(), &["FCALL", "f", "0"]), "here", "{program}");
            drop(server);
            std::fs::write(directory.path().join("dump.rdb"), rdb_of_library("lux", candidate)).unwrap();
            let mut server = Server::start_unready(program, directory.path(), &["--appendonly", "no"]);
            // Redis looks the file over then, finds it well formed, and so ends as if all were well.
            let code = if program == OURS { 1 } else { 0 };
            assert_eq!(server.ended().code(), Some(code), "{program}");
            let log = support::log(directory.path());
            assert!(log.contains("Failed loading library, Engine 'lux' not found"), "{program}: {log}");
        }
    }
}

/// A primary that sends this snapshot to every replica.
fn primary_with(snapshot: Vec<u8>) -> u16 {
    use std::io::BufRead;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        // Whatever fails here, the replica has gone.
        for stream in listener.incoming().flatten() {
            let mut client = Client(std::io::BufReader::new(stream));
            let mut line = String::new();
            while client.0.read_line(&mut line).is_ok_and(|len| len > 0) {
                let answer = match line.trim_end().to_ascii_uppercase().as_str() {
                    "PING" => b"+PONG\r\n".to_vec(),
                    "REPLCONF" => b"+OK\r\n".to_vec(),
                    "PSYNC" => {
                        let head = format!("+FULLRESYNC {} 0\r\n${}\r\n", "a".repeat(40), snapshot.len());
                        [head.as_bytes(), &snapshot].concat()
                    }
                    _ => Vec::new(),
                };
                line.clear();
                if client.0.get_mut().write_all(&answer).is_err() {
                    break;
                }
            }
        }
    });
    port
}

#[test]
fn a_library_that_cannot_be_loaded_ends_a_full_synchronisation() {
    let (directory, server, mut client) = start(&["--appendonly", "no"]);
    assert_eq!(call(&mut client, &["SET", "a", "1"]), "+OK");
    let port = primary_with(rdb_of_library("lux", false)).to_string();
    assert_eq!(call(&mut client, &["REPLICAOF", "127.0.0.1", &port]), "+OK");
    until("the replica tells of the library", || {
        support::log(directory.path()).contains("Failed loading library, Engine 'lux' not found")
    });
    assert_eq!(server.info("master_link_status"), "down");
    let port = primary_with(rdb_of_library("lua", false)).to_string();
    assert_eq!(call(&mut client, &["REPLICAOF", "127.0.0.1", &port]), "+OK");
    until("the replica has the library", || call(&mut client, &["FUNCTION", "LIST"]).contains("library_name lib"));
    assert_eq!(call(&mut client, &["GET", "a"]), "nil");
}

/// A file with a script that takes more than a second, and what comes behind it.
fn file_with_a_slow_script(directory: &std::path::Path) {
    let folder = directory.join("appendonlydir");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("appendonly.aof.manifest"), "file appendonly.aof.1.incr.aof seq 1 type i\n").unwrap();
    let script = "redis.call('set', KEYS[1], 'y') local start = redis.call('time')[1] \
        repeat until redis.call('time')[1] - start >= 2";
    let mut file = String::new();
    for words in [&["SELECT", "0"][..], &["EVAL", script, "1", "x"], &["APPEND", "x", "z"]] {
        file += &format!("*{}\r\n", words.len());
        words.iter().for_each(|word| file += &format!("${}\r\n{word}\r\n", word.len()));
    }
    std::fs::write(folder.join("appendonly.aof.1.incr.aof"), file).unwrap();
}

#[test]
fn other_clients_get_loading_while_a_script_of_the_file_runs() {
    for program in support::engines() {
        let directory = tempfile::tempdir().unwrap();
        let server = Server::start(program, directory.path(), &["--busy-reply-threshold", "1"]);
        file_with_a_slow_script(directory.path());
        let (mut loader, mut client) = (server.client(), server.client());
        assert_eq!(call(&mut client, &["PING"]), "+PONG");
        loader.0.get_mut().write_all(b"DEBUG LOADAOF\r\n").unwrap();
        until("the script takes long", || support::log(directory.path()).contains("Slow script detected"));
        for words in [&["PING"][..], &["EVAL", "return 1", "0"]] {
            let reply = call(&mut client, words);
            assert!(reply.starts_with("-LOADING"), "{program}: {reply}");
        }
        assert_eq!(loader.reply().unwrap(), "+OK", "{program}");
        assert_eq!(call(&mut client, &["PING"]), "+PONG");
        assert_eq!(call(&mut client, &["GET", "x"]), "yz");
    }
}

#[test]
fn new_connections_get_loading_while_a_script_of_the_file_runs_at_the_start() {
    for program in support::engines() {
        let directory = tempfile::tempdir().unwrap();
        file_with_a_slow_script(directory.path());
        let options = ["--appendonly", "yes", "--busy-reply-threshold", "1"];
        let server = Server::start_unready(program, directory.path(), &options);
        until("the script takes long", || support::log(directory.path()).contains("Slow script detected"));
        let reply = call(&mut server.client(), &["PING"]);
        assert!(reply.starts_with("-LOADING"), "{program}: {reply}");
        let server = server.ready(directory.path());
        assert_eq!(call(&mut server.client(), &["GET", "x"]), "yz");
    }
}

#[test]
fn an_instance_of_cjson_has_settings_of_its_own() {
    let script = "local j = cjson.new() j.encode_number_precision(3) j.decode_max_depth(1) \
        local deep = pcall(j.decode, '[[1]]') and 'deep' or 'flat' \
        return {j.encode(1/3), cjson.encode(1/3), deep, cjson.encode(cjson.decode('[[1]]')), cjson.new().encode(1/3)}";
    for program in support::engines() {
        let directory = tempfile::tempdir().unwrap();
        let server = Server::start(program, directory.path(), &[]);
        let expected = "[0.333 0.33333333333333 flat [[1]] 0.33333333333333]";
        assert_eq!(eval(&mut server.client(), script), expected, "{program}");
    }
}

#[test]
fn a_session_gets_messages_of_its_own_script() {
    let (_directory, _server, mut client) = start(&[]);
    let client = &mut client;
    send(client, &[b"HELLO", b"3"]);
    let head = client.reply().unwrap();
    for _ in 0..head.trim_start_matches('%').parse::<usize>().unwrap() * 2 {
        client.reply().unwrap();
    }
    send(client, &[b"SUBSCRIBE", b"ch"]);
    assert_eq!(client.reply().unwrap(), ">3");
    (0..3).for_each(|_| drop(client.reply()));
    send(client, &[b"EVAL", b"return {redis.call('publish', 'ch', 'hello'), 'end'}", b"0"]);
    let lines: Vec<String> = (0..5).map(|_| client.reply().unwrap()).collect();
    assert_eq!(lines[0], ">3");
    assert_eq!(&lines[1..4], ["message", "ch", "hello"]);
}

/// Integers become texts, and texts integers, by a way of their own; at its edges, and beyond, both ways say what C's do.
#[test]
fn numbers_and_texts_convert_as_c_converts_them() {
    const SCRIPT: &str = "local shown = {}
        for _, text in ipairs(ARGV) do
          local number = tonumber(text)
          local worked, product = pcall(function() return text * 1 end)
          shown[#shown + 1] = tostring(number) .. '|' .. (worked and tostring(product) or '-') .. '|' .. (number and '' .. number or '-')
            .. '|' .. (number and string.format('%.17g', number) or '-')
        end
        return table.concat(shown, '\\n')";
    // What C reads and prints where the two ways meet: 15 digits that are read, 14 that are printed.
    let texts = [
        ("0", "0|0|0|0"),
        ("-0", "-0|-0|-0|-0"),
        ("7", "7|7|7|7"),
        ("00012", "12|12|12|12"),
        ("-12", "-12|-12|-12|-12"),
        ("99999999999999", "99999999999999|99999999999999|99999999999999|99999999999999"),
        ("-99999999999999", "-99999999999999|-99999999999999|-99999999999999|-99999999999999"),
        ("100000000000000", "1e+14|1e+14|1e+14|100000000000000"),
        ("999999999999999", "1e+15|1e+15|1e+15|999999999999999"),
        ("9007199254740993", "9.007199254741e+15|9.007199254741e+15|9.007199254741e+15|9007199254740992"),
        ("0.5", "0.5|0.5|0.5|0.5"),
        ("1e3", "1000|1000|1000|1000"),
        ("0x10", "16|16|16|16"),
        (" 5 ", "5|5|5|5"),
        ("5 ", "5|5|5|5"),
    ];
    let refused = ["", " ", "5a", "1 2", "12\\0", "--1"];
    let ask = |server: &Server| {
        let words: Vec<&str> = texts.iter().map(|(text, _)| *text).chain(refused).collect();
        call(&mut server.client(), &[&["EVAL", SCRIPT, "0"], words.as_slice()].concat())
    };
    let (_directory, server, _client) = start(&[]);
    let shown = ask(&server);
    for ((text, expected), line) in texts.iter().zip(shown.lines()) {
        assert_eq!(line, *expected, "{text}");
    }
    assert!(shown.lines().skip(texts.len()).all(|line| line.starts_with("nil|")), "{shown}");
    if support::installed(REAL) {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(shown, ask(&Server::start(REAL, folder.path(), &[])));
    }
}

/// FUNCTION FLUSH, RESTORE FLUSH and the load of a snapshot remove libraries and leave the interpreter as it is; SCRIPT FLUSH makes a new one.
#[test]
fn settings_of_cjson_outlive_the_libraries_and_not_the_scripts() {
    const LIBRARY: &str = "#!lua name=l
        redis.register_function('set', function() cjson.encode_invalid_numbers('null') return 1 end)
        redis.register_function('get', function() return cjson.encode({0/0}) end)";
    let play = |program: &str| {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(program, folder.path(), &[]);
        let mut client = server.client();
        let mut ask = |words: &[&str]| call(&mut client, words);
        let mut seen = vec![ask(&["FUNCTION", "LOAD", LIBRARY]), ask(&["FCALL", "set", "0"])];
        for how in ["SYNC", "ASYNC"] {
            seen.push(ask(&["FUNCTION", "FLUSH", how]));
            seen.push(ask(&["FUNCTION", "LOAD", LIBRARY]));
            seen.push(ask(&["FCALL", "get", "0"]));
        }
        seen.push(ask(&["DEBUG", "RELOAD"]));
        seen.push(ask(&["FCALL", "get", "0"]));
        let encode = ["EVAL", "return cjson.encode({0/0})", "0"];
        ask(&["EVAL", "cjson.encode_invalid_numbers('null')", "0"]);
        seen.push(ask(&encode));
        ask(&["SCRIPT", "FLUSH"]);
        seen.push(ask(&encode).split(" script:").next().unwrap().to_owned());
        seen
    };
    let ours = play(OURS);
    assert_eq!([&ours[4], &ours[7], &ours[9], &ours[10]], ["[null]"; 4], "{ours:?}");
    assert!(ours[11].starts_with("-ERR"), "{ours:?}");
    if support::installed(REAL) {
        assert_eq!(ours, play(REAL));
    }
}

/// The length of a table with holes depends on how the table grew.
#[test]
fn replies_with_nulls_become_tables_as_long_as_in_redis() {
    const SCRIPT: &str = "redis.setresp(3) redis.call('SET', 'there', 'x') local lengths = {}
        for bits = 0, 63 do
          local keys = {}
          for key = 0, 5 do keys[#keys + 1] = (math.floor(bits / 2 ^ key) % 2 == 1) and 'there' or 'gone' end
          local reply = redis.call('MGET', unpack(keys))
          lengths[#lengths + 1] = #reply .. ' ' .. table.getn(reply)
        end
        return table.concat(lengths, ',')";
    let (_directory, _server, mut client) = start(&[]);
    let ours = eval(&mut client, SCRIPT);
    assert!(ours.starts_with("0 0,") && ours.ends_with(",6 6"), "{ours}");
    if support::installed(REAL) {
        let folder = tempfile::tempdir().unwrap();
        let real = Server::start(REAL, folder.path(), &[]);
        assert_eq!(ours, eval(&mut real.client(), SCRIPT));
    }
}
