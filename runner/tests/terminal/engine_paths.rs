//! An engine is found wherever its path starts: at the working directory, at the file's folder, at home, on PATH.

use crate::user::{User, eventually, text};

const TOPOLOGY: &str = "nodes: {a: {}}\n";

#[test]
fn a_path_on_the_command_line_starts_at_the_working_directory() {
    let user = User::new(TOPOLOGY);
    user.engine("bin/engine", "");
    for engine in ["./bin/engine", "bin/engine", "bin/../bin/engine"] {
        user.ok(&["up", "-d", "--engine", engine, "t.yaml"]);
        user.ok(&["down"]);
    }
}

#[test]
fn a_name_is_found_on_path_and_a_tilde_is_the_home_directory() {
    let user = User::new(TOPOLOGY);
    user.engine("bin/my-engine", "");
    let path = format!("bin:{}", std::env::var("PATH").expect("PATH"));
    for engine in ["my-engine", "~/bin/my-engine"] {
        let mut command = user.command(&["up", "-d", &format!("--engine={engine}"), "t.yaml"]);
        let output = command.env("PATH", &path).env("HOME", user.home.path()).output().expect("run the runner");
        assert!(output.status.success(), "{engine}: {}", text(&output.stderr));
        user.ok(&["down"]);
    }
}

#[test]
fn a_path_in_a_file_starts_at_the_files_folder() {
    let user = User::new(TOPOLOGY);
    user.engine("project/bin/engine", "");
    for topology in [
        "engine: ./bin/engine\nnodes: {a: {}}\n",
        "nodes: {a: {engine: bin/engine}}\n",
        "cluster: {masters: 1, nodes: {node-1: {engine: ./bin/engine}}}\n",
        "nodes: {a: {}}\nsentinels: {count: 1, monitor: m, master: a, quorum: 1, engine: ./bin/engine}\n",
    ] {
        user.write("project/t.yaml", topology);
        user.ok(&["up", "-d", "project/t.yaml"]);
        user.ok(&["down"]);
    }
}

#[test]
fn an_engine_that_is_not_there_is_refused_before_anything_starts() {
    let user = User::new("nodes:\n  a:\n    engine: ./missing\n");
    let error = user.refused(2, &["up", "t.yaml"]);
    assert!(error.contains("there is no program") && error.contains("t.yaml:3:13"), "{error}");
    for (engine, why) in
        [("./missing", "there is no program"), ("rediss", "did you mean `redis`"), ("/etc", "is a directory")]
    {
        user.write("t.yaml", TOPOLOGY);
        let error = user.refused(2, &["up", "--engine", engine, "t.yaml"]);
        assert!(error.contains(why), "{error}");
    }
    // The one on the command line takes the place of the file's.
    user.write("t.yaml", "engine: ./missing\nnodes: {a: {}}\n");
    user.ok(&["plan", "--engine", "server", "t.yaml"]);
}

fn server_pid(user: &User) -> i64 {
    let info = user.ok(&["cli", "a", "INFO", "server"]);
    let line = info.lines().find_map(|line| line.strip_prefix("process_id:")).expect("a pid");
    line.trim().parse().expect("a number")
}

#[test]
fn a_script_that_does_not_become_the_server_is_an_engine_too() {
    let user = User::new(TOPOLOGY);
    user.script("engine", &format!("{} server \"$@\"\nexit $?", env!("CARGO_BIN_EXE_runner")));
    user.ok(&["up", "-d", "--keep", "--engine", "./engine", "t.yaml"]);
    let mut pids = user.pids();
    pids.push(server_pid(&user));
    user.ok(&["cli", "a", "SET", "k", "v"]);
    user.ok(&["pause", "a"]);
    user.ok(&["resume", "a"]);
    user.ok(&["restart", "a"]);
    eventually("it is back with its data, which SIGTERM made it save", || {
        text(&user.run(&["cli", "a", "GET", "k"]).stdout).trim() == "v"
    });
    pids.extend(user.pids());
    pids.push(server_pid(&user));
    user.ok(&["kill", "a"]);
    user.ok(&["restart", "a"]);
    pids.extend(user.pids());
    user.ok(&["down"]);
    user.ok(&["gc", "--all"]);
    user.assert_nothing_left(&pids);
}

#[test]
fn an_engine_that_refuses_to_end_is_asked_again() {
    let user = User::new(TOPOLOGY);
    user.script("engine", "trap 'asked=$((asked + 1)); [ $asked -ge 3 ] && exit 0' TERM\nwhile :; do sleep 0.01; done");
    let output = user.run(&["up", "--engine", "./engine", "--wait", "500ms", "t.yaml"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let shown = text(&output.stdout);
    assert!(shown.contains("down") && !shown.contains("killed"), "{shown}");
}

#[test]
fn an_engine_has_a_name_in_the_file_or_for_all_files() {
    let user =
        User::new("engines: {mine: {program: ./bin/mine, configuration: options}}\nengine: mine\nnodes: {a: {}}\n");
    user.engine("bin/mine", "--maxmemory 77mb");
    user.engine("bin/everywhere", "--maxmemory 88mb");
    user.write("config/redis-runner/engines.yaml", "everywhere: {program: ../../bin/everywhere, omit: [save]}\n");
    let limit = |user: &User| user.ok(&["cli", "a", "CONFIG", "GET", "maxmemory"]);
    for (arguments, megabytes) in
        [(&["t.yaml"][..], 77), (&["t.yaml", "--engine", "everywhere"], 88), (&["t.yaml", "--engine", "mine"], 77)]
    {
        user.ok(&[&["up", "-d"], arguments].concat());
        assert!(limit(&user).contains(&(megabytes << 20).to_string()), "{arguments:?}: {}", limit(&user));
        user.ok(&["down"]);
    }
    let shown = user.ok(&["plan", "t.yaml"]);
    assert!(shown.contains("bin/mine --port "), "it takes options: {shown}");
    let watched = "engine: mine\nengines: {mine: {program: ./bin/mine, configuration: options}}\nnodes: {a: {}}\n\
                   sentinels: {count: 1, monitor: m, master: a, quorum: 1}\n";
    user.write("t.yaml", watched);
    assert!(user.refused(2, &["up", "t.yaml"]).contains("`mine` takes no configuration file"));
    user.write("t.yaml", "nodes: {a: {engine: everywere}}\n");
    let error = user.refused(2, &["up", "t.yaml"]);
    assert!(error.contains("did you mean `everywhere`?") && error.contains("t.yaml:1:21"), "{error}");
    user.write("config/redis-runner/engines.yaml", "everywhere: {programme: x}\n");
    let error = user.refused(2, &["up", "t.yaml"]);
    assert!(error.contains("unknown key `programme`") && error.contains("engines.yaml:1:"), "{error}");
}

#[test]
fn an_engine_that_lacks_a_command_is_listed_without_what_needs_it() {
    let user = User::new("engines: {lesser: {program: ./lesser}}\nnodes: {a: {}}\n");
    user.engine("lesser", "--rename-command FUNCTION ''");
    let shown = user.ok(&["engines", "--json", "--file", "t.yaml", "server", "lesser"]);
    let found: serde_json::Value = serde_json::from_str(&shown).expect("JSON");
    let can = |index: usize, word: &str| found[index]["can"].as_array().expect("a list").contains(&word.into());
    for index in [0, 1] {
        assert!(["cluster", "TLS", "users"].iter().all(|word| can(index, word)), "{shown}");
    }
    assert!(can(0, "functions") && can(0, "Sentinel") && !can(1, "functions"), "{shown}");
    user.script("lesser", "exit 3");
    assert_eq!(user.run(&["engines", "--file", "t.yaml", "lesser"]).status.code(), Some(1));
}
