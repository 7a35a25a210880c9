//! Options, CONFIG SET, files and REWRITE against the real server.

use std::{collections::BTreeMap, ffi::OsString, fs, process::Command};

use crate::upstream::{Reply, Upstream};

use super::{
    cli::{Arguments, Startup},
    file::{ConfigError, FatalError},
    rewrite::Rewrite,
    *,
};

fn probe_values(spec: &OptionSpec) -> Vec<&'static str> {
    match spec.name {
        // These have effects on the server itself.
        "bind" | "port" | "tls-port" | "dir" | "maxclients" | "appendonly" | "requirepass" | "watchdog-period" => {
            vec![]
        }
        name if name.starts_with("tls-") => vec![],
        "client-output-buffer-limit" => vec![
            "normal 1mb 2 3",
            "foo 1 2 3",
            "normal 1 2",
            "normal x 1 2",
            "",
            "replica 1 2 3 slave 4k 5 6",
            "pubsub 1 2 -1",
        ],
        "save" => vec!["", "900 1", "900  1", "0 1", "1 0", "a b", "60 1 70 2", "1", "+1 2"],
        "notify-keyspace-events" => vec!["KEA", "q", "Kx", "g$lshzxetdmnKE", "gnm", "", "A"],
        "latency-tracking-info-percentiles" => {
            vec!["a", "101", "", "50 99.9999999 100.0 0.0", "33.33333333 0.001 99.99", "-1"]
        }
        "oom-score-adj-values" => vec!["1 2", "1 2 3000", "3 2 1", "-5 0 5", "a b c"],
        "shutdown-on-sigterm" | "shutdown-on-sigint" => {
            vec!["save now", "default", "save nosave", "", "FORCE", "x"]
        }
        "cluster-announce-hostname" => vec!["a.b-c", "a b", "", "x_y"],
        "proc-title-template" => vec!["{title} {port}", "{foo}", "{title", "plain"],
        _ => vec![
            "yes",
            "no",
            "0",
            "1",
            "-1",
            "5",
            "1gb",
            "5%",
            "101%",
            "abc",
            "",
            "99999999999",
            "18446744073709551615",
            "01",
            "100k",
            "NOTICE",
            "always",
            "local",
            "allkeys-lru",
            "swapdb",
            "clients",
        ],
    }
}

#[test]
fn every_option_answers_set_and_get_as_the_real_server_does() {
    let Some(mut redis) = Upstream::start(&[]) else {
        return;
    };
    let mut config = Config { save: special::SavePoints(Vec::new()), port: 0, ..Config::default() };
    for spec in OPTIONS {
        for name in std::iter::once(&spec.name).chain(spec.aliases) {
            for value in probe_values(spec) {
                let reply = redis.call(&["CONFIG", "SET", name, value]);
                let planned = config.plan_set(&[(*name, value)], SetContext { protected: true, loading: false });
                match planned {
                    Ok(change) => {
                        assert_eq!(reply, Reply::Status("OK".to_owned()), "{name} '{value}'");
                        config = change.config;
                    }
                    Err(error) => assert_eq!(reply, Reply::Error(format!("ERR {error}")), "{name} '{value}'"),
                }
                let mut get = redis.call(&["CONFIG", "GET", name]).array();
                if matches!(spec.name, "unixsocket" | "enable-debug-command" | "enable-protected-configs") {
                    continue;
                }
                let theirs = get.pop().unwrap().bytes();
                let ours = config.get(&[name]).pop().unwrap().1;
                assert_eq!(ours.escape_ascii().to_string(), theirs.escape_ascii().to_string(), "{name} '{value}'");
            }
        }
    }
}

#[test]
fn defaults_and_names_equal_the_real_servers() {
    let Some(mut redis) = Upstream::start(&[]) else {
        return;
    };
    let map = |pairs: Vec<(Vec<u8>, Vec<u8>)>| -> BTreeMap<String, String> {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        pairs.into_iter().map(|(name, value)| (text(name), text(value))).collect()
    };
    let theirs = redis.call(&["CONFIG", "GET", "*"]).array();
    let theirs: Vec<_> =
        theirs.as_chunks::<2>().0.iter().map(|[name, value]| (name.clone().bytes(), value.clone().bytes())).collect();
    let (ours, theirs) = (map(Config::default().get(&["*"])), map(theirs));
    assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
    for (name, value) in &ours {
        let given = ["save", "port", "unixsocket", "dir", "enable-debug-command", "enable-protected-configs"];
        if !given.contains(&name.as_str()) {
            assert_eq!(value, &theirs[name], "{name}");
        }
    }
    assert_eq!(Config::default().get(&["PORT", "port", "nosuch", "watchdog-period"]).len(), 2);
}

#[test]
fn set_is_all_or_nothing_and_says_what_changed() {
    let config = Config::default();
    let error = config.plan_set(&[("maxmemory", "1mb"), ("hz", "x")], SetContext::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "CONFIG SET failed (possibly related to argument 'hz') - argument couldn't be parsed into an integer"
    );
    let change = config
        .plan_set(&[("maxmemory", "1mb"), ("slave-read-only", "yes"), ("Timeout", "5")], SetContext::default())
        .unwrap();
    let names: Vec<_> = change.changed.iter().map(|(spec, _)| spec.name).collect();
    assert_eq!(names, ["maxmemory", "timeout"]);
    assert_eq!((change.config.maxmemory, change.config.timeout), (1 << 20, 5));
    for (pairs, text) in [
        (vec![("nosuch", "1")], "Unknown option or number of arguments for CONFIG SET - 'nosuch'"),
        (vec![("hz", "1"), ("HZ", "2")], "CONFIG SET failed (possibly related to argument 'hz') - duplicate parameter"),
        (
            vec![("dbfilename", "x")],
            "CONFIG SET failed (possibly related to argument 'dbfilename') - can't set protected config",
        ),
        (
            vec![("databases", "1")],
            "CONFIG SET failed (possibly related to argument 'databases') - can't set immutable config",
        ),
    ] {
        assert_eq!(config.plan_set(&pairs, SetContext::default()).unwrap_err().to_string(), text);
    }
}

fn command_line(arguments: &[&str]) -> Startup {
    let argv: Vec<OsString> =
        std::iter::once("redis-server").chain(arguments.iter().copied()).map(OsString::from).collect();
    cli::parse(&argv)
}

fn load(arguments: &[&str]) -> Result<file::StartupConfig, ConfigError> {
    let Startup::Serve(arguments) = command_line(arguments) else { panic!("{arguments:?} does not serve") };
    arguments.load(Config::default(), std::io::empty(), &mut |_| Ok(()))
}

#[test]
fn wrong_command_lines_print_what_the_real_server_prints() {
    let cases: &[&[&str]] = &[
        &["--port", "abc"],
        &["--port", "1", "2"],
        &["--port", ""],
        &["--foo", "\"a"],
        &["--user"],
        &["-x"],
        &["--save", "--port", "x"],
        &["--port", "x", "--save"],
        &["--sentinel-x", "1"],
        &["--port x"],
        &["--client-output-buffer-limit", "normal 1 2"],
        &["--requirepass", "--port", "x"],
        &["--save", "900", "1", "300"],
        &["--save", "900 1", "300 10"],
        &["--replicaof", "a"],
        &["--replicaof", "a", "x"],
        &["--unixsocketperm", "9"],
        &["--replicaof", "a", "1", "--cluster-enabled", "yes"],
        &["--unixsocketperm", "1000"],
        &["--databases", "0"],
        &["--appendfilename", "a/b"],
        &["--appenddirname", "a/b"],
        &["--appendfilename", ""],
        &["--appenddirname", ""],
        &["--include", "a", "b"],
        &["--lua-replicate-commands", "yes", "--port", "x"],
        &["--port", "0", "-x"],
        &["--latency-tracking-info-percentiles", "--port", "x"],
        &["--oom-score-adj-values", "1"],
        &["--maxmemory", "1", "--foo"],
        &["sentinel monitor"],
        &["--sentinel monitor a b 1 2"],
        &["--supervised", "x"],
        &["--io-threads", "129"],
        &["--enable-debug-command", "x"],
        &["--syslog-facility", "x"],
        &["--loadmodule"],
        &["--rename-command", "a"],
        &["--activedefrag", "yes"],
        &["--port", "1", "--port", "'x"],
    ];
    for case in cases {
        let output = Command::new("redis-server").args(*case).output();
        let ours = match load(case) {
            Err(ConfigError::Fatal(error)) => error.to_string(),
            Err(ConfigError::Open(..)) => continue,
            Ok(_) => panic!("{case:?} was accepted"),
        };
        if let Ok(output) = output {
            assert_eq!(ours, String::from_utf8_lossy(&output.stderr), "{case:?}");
        }
    }
}

#[test]
fn command_lines_choose_what_to_do() {
    assert_eq!(command_line(&["-v"]), Startup::Version);
    assert_eq!(command_line(&["--help"]), Startup::Help);
    assert_eq!(command_line(&["--test-memory", "10"]), Startup::TestMemory(Some(10)));
    assert_eq!(command_line(&["--test-memory"]), Startup::TestMemory(None));
    assert_eq!(cli::parse(&["/x/redis-check-rdb".into(), "a".into()]), Startup::CheckRdb(vec!["a".into()]));
    let Startup::Serve(sentinel) = cli::parse(&["/usr/bin/redis-sentinel".into(), "s.conf".into()]) else { panic!() };
    assert_eq!((sentinel.sentinel, sentinel.file), (true, Some("s.conf".into())));
    let expected = Arguments { stdin: true, options: b"port \"1\" \nsave \"\"".to_vec(), ..Arguments::default() };
    assert_eq!(command_line(&["-", "--port", "1", "--save"]), Startup::Serve(expected));
    let loaded =
        load(&["--port", "7000", "--save", "900 1", "--sentinel", "--bind", "127.0.0.1 -::1", "--user", "a +get"])
            .unwrap();
    assert_eq!((loaded.config.port, loaded.config.bind.0.len(), loaded.users.len()), (7000, 2, 1));
    assert_eq!(loaded.config.save.0, [SavePoint { seconds: 900, changes: 1 }]);
}

#[test]
fn files_include_others_and_collect_what_is_not_an_option() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::write(path("b.conf"), "port 2\nsave 1 1\n").unwrap();
    fs::write(path("a.conf"), "port 1\nsave 2 2").unwrap();
    let main = format!(
        "# comment\r\n\n  MAXMEMORY 2gb \r\nrename-command CONFIG \"\"\nuser alice on +@all\nsave 3 3\ninclude {}/?.conf\nm.x 1\n",
        directory.path().display()
    );
    fs::write(path("main"), main).unwrap();
    let loaded = load(&[path("main").to_str().unwrap(), "--hz", "1000"]).unwrap();
    assert_eq!((loaded.config.maxmemory, loaded.config.port, loaded.config.hz), (2 << 30, 2, 500));
    assert_eq!(loaded.config.save.0.len(), 3);
    assert_eq!((loaded.renames[0].line, loaded.renames[0].words.len()), (4, 3));
    assert_eq!((loaded.users.len(), loaded.module_options.len()), (1, 1));
    fs::write(path("loop"), format!("include {}", path("loop").display())).unwrap();
    assert!(matches!(load(&[path("loop").to_str().unwrap()]), Err(ConfigError::Fatal(FatalError { .. }))));
    let error = load(&["/nonexistent/x.conf"]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Fatal error, can't open config file '/nonexistent/x.conf': No such file or directory"
    );
}

const OLD_FILE: &str = "\
# my server
port 0
maxmemory 1073741824

# limits
client-output-buffer-limit normal 0 0 0
client-output-buffer-limit replica 512mb 64mb 60
save 900 1
save 300 10
save 60 1000


slave-priority 50
hash-max-ziplist-entries 100
rename-command FLUSHALL \"\"
# the end
logfile \"\"
appendfsync everysec
bind 127.0.0.1
MaxClients 77
";

/// Lines of a rewritten file up to the mark, and those after it in alphabetic order: Redis appends them in random order.
fn normal(text: &str) -> (String, Vec<&str>) {
    let (head, tail) = text.split_once("# Generated by CONFIG REWRITE").unwrap_or((text, ""));
    let mut tail: Vec<_> = tail.lines().filter(|line| !line.starts_with("user ")).collect();
    tail.sort_unstable();
    let head = head.lines().filter(|line| !line.starts_with("user ")).map(|line| format!("{line}\n")).collect();
    (head, tail)
}

#[test]
fn rewritten_files_equal_the_real_servers() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("redis.conf");
    let socket = directory.path().join("s2");
    let old = format!("{OLD_FILE}unixsocket {0}\ndir {1}\n", socket.display(), directory.path().display());
    fs::write(&path, &old).unwrap();
    let Ok(mut child) = Command::new("redis-server").arg(&path).stdout(std::process::Stdio::null()).spawn() else {
        return;
    };
    let mut config = load(&[path.to_str().unwrap()]).unwrap().config;
    let changes = [
        ("save", "100 1 200 2"),
        ("maxmemory", "12345"),
        ("requirepass", "a \"quoted\" pass\n"),
        ("maxmemory-clients", "5%"),
        ("repl-backlog-size", "3mb"),
        ("notify-keyspace-events", "KEA"),
        ("latency-tracking-info-percentiles", ""),
        ("oom-score-adj-values", "1 2 3"),
        ("shutdown-on-sigterm", "save now"),
        ("bind-source-addr", ""),
        ("client-output-buffer-limit", "pubsub 1kb 7 1"),
        ("slowlog-log-slower-than", "-1"),
        ("replica-read-only", "no"),
    ];
    let cli = |arguments: &[&str]| {
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while !socket.exists() && std::time::Instant::now() < deadline {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        let output = Command::new("redis-cli")
            .arg("-s")
            .arg(&socket)
            .args(["-a", "a \"quoted\" pass\n"])
            .args(arguments)
            .output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    for (name, value) in changes {
        assert!(cli(&["config", "set", name, value]).contains("OK"), "{name}");
        config = config.plan_set(&[(name, value)], SetContext::default()).unwrap().config;
    }
    assert!(cli(&["config", "rewrite"]).contains("OK"));
    let theirs = fs::read_to_string(&path).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let new = Rewrite {
        config: &config,
        lines: &[],
        others: &["user", "loadmodule"],
        sentinel_mode: false,
        force_all: false,
    };
    let ours = String::from_utf8(rewrite::rewrite(old.as_bytes(), &new)).unwrap();
    let (ours_head, ours_tail) = normal(&ours);
    let (theirs_head, theirs_tail) = normal(&theirs);
    assert_eq!(ours_head, theirs_head);
    assert_eq!(ours_tail, theirs_tail);
    let again = rewrite::rewrite(ours.as_bytes(), &new);
    // Redis also adds an empty line at the end of a file that it wrote itself, but only once.
    assert_eq!(String::from_utf8(again.clone()).unwrap(), format!("{ours}\n"));
    assert_eq!(rewrite::rewrite(&again, &new), again);
    rewrite::write_atomically(&path, ours.as_bytes()).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), ours);
    assert_eq!(load(&[path.to_str().unwrap()]).unwrap().config, config);
}

#[test]
fn sentinels_lines_are_known_in_any_case() {
    let line = b"sentinel monitor m 127.0.0.1 6379 2".to_vec();
    let new = Rewrite {
        config: &Config::default(),
        lines: &[("sentinel monitor".into(), line)],
        others: &["sentinel known-replica"],
        sentinel_mode: true,
        force_all: false,
    };
    let text =
        rewrite::rewrite(b"Sentinel Monitor m 127.0.0.1 6379 1\nSENTINEL Known-Replica m 127.0.0.1 6380\n", &new);
    let text = String::from_utf8(text).unwrap();
    let kept: Vec<&str> = text.lines().filter(|line| line.to_ascii_lowercase().starts_with("sentinel")).collect();
    assert_eq!(kept, ["sentinel monitor m 127.0.0.1 6379 2"]);
}

#[test]
fn unknown_lines_become_comments() {
    let new = Rewrite {
        config: &Config::default(),
        lines: &[("user".into(), b"user default on".to_vec())],
        others: &[],
        sentinel_mode: false,
        force_all: false,
    };
    let text = rewrite::rewrite(b"foo bar\nport 6379\nuser a on\nuser b on\n\"open\n", &new);
    let text = String::from_utf8(text).unwrap();
    assert!(
        text.starts_with(
            "# ??? foo bar\nport 6379\nuser default on\n\n# ??? \"open\n\n# Generated by CONFIG REWRITE\n"
        ),
        "{text}"
    );
}

proptest::proptest! {
    #[test]
    fn any_file_is_read_without_panic(text in "([a-z-]{1,12}( |\"|'|[0-9]|\\\\x){0,6}\n){0,6}", bytes: Vec<u8>) {
        for text in [text.as_bytes(), &bytes] {
            let mut change_dir = |_: &std::path::Path| Ok(());
            let _ = file::Loader::new(Config::default(), false, &mut change_dir).text(text);
            let new = Rewrite { config: &Config::default(), lines: &[], others: &[], sentinel_mode: false, force_all: true };
            rewrite::rewrite(text, &new);
        }
    }
}
