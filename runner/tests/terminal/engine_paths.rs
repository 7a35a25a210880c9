//! An engine is found wherever its path starts: at the working directory, at the file's folder, at home, on PATH.

use crate::user::{User, eventually, text};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const TOPOLOGY: &str = "nodes: {a: {}}\n";

/// A program that becomes our server.
fn program(file: &Path) {
    std::fs::create_dir_all(file.parent().expect("a folder")).expect("create the folder");
    let script = format!("#!/bin/sh\nexec {} server \"$@\"\n", env!("CARGO_BIN_EXE_runner"));
    std::fs::write(file, script).expect("write the program");
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)).expect("make it executable");
}

#[test]
fn a_path_on_the_command_line_starts_at_the_working_directory() {
    let user = User::new(TOPOLOGY);
    program(&user.home.path().join("bin/engine"));
    for engine in ["./bin/engine", "bin/engine", "bin/../bin/engine"] {
        user.ok(&["up", "-d", "--engine", engine, "t.yaml"]);
        user.ok(&["down"]);
    }
}

#[test]
fn a_name_is_found_on_path_and_a_tilde_is_the_home_directory() {
    let user = User::new(TOPOLOGY);
    program(&user.home.path().join("bin/my-engine"));
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
    program(&user.home.path().join("project/bin/engine"));
    let file = user.home.path().join("project/t.yaml");
    for topology in [
        "engine: ./bin/engine\nnodes: {a: {}}\n",
        "nodes: {a: {engine: bin/engine}}\n",
        "cluster: {masters: 1, nodes: {node-1: {engine: ./bin/engine}}}\n",
        "nodes: {a: {}}\nsentinels: {count: 1, monitor: m, master: a, quorum: 1, engine: ./bin/engine}\n",
    ] {
        std::fs::write(&file, topology).expect("write the topology");
        user.ok(&["up", "-d", "project/t.yaml"]);
        user.ok(&["down"]);
    }
}

#[test]
fn an_engine_that_is_not_there_is_refused_before_anything_starts() {
    let user = User::new("nodes:\n  a:\n    engine: ./missing\n");
    let output = user.run(&["up", "t.yaml"]);
    assert_eq!(output.status.code(), Some(2));
    let error = text(&output.stderr);
    assert!(error.contains("there is no program") && error.contains("t.yaml:3:13"), "{error}");
    for (engine, why) in
        [("./missing", "there is no program"), ("rediss", "did you mean `redis`"), ("/etc", "is a directory")]
    {
        std::fs::write(user.home.path().join("t.yaml"), TOPOLOGY).expect("write the topology");
        let output = user.run(&["up", "--engine", engine, "t.yaml"]);
        assert_eq!(output.status.code(), Some(2), "{engine}");
        assert!(text(&output.stderr).contains(why), "{}", text(&output.stderr));
    }
    // The one on the command line takes the place of the file's.
    std::fs::write(user.home.path().join("t.yaml"), "engine: ./missing\nnodes: {a: {}}\n").expect("write the topology");
    user.ok(&["plan", "--engine", "server", "t.yaml"]);
}

/// A script that starts our server and waits for it, instead of becoming it.
fn waiting_program(file: &Path, before: &str) {
    let runner = env!("CARGO_BIN_EXE_runner");
    let script = format!("#!/bin/sh\n{before}\n{runner} server \"$@\"\nexit $?\n");
    std::fs::write(file, script).expect("write the program");
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)).expect("make it executable");
}

fn server_pid(user: &User) -> i64 {
    let info = user.ok(&["cli", "a", "INFO", "server"]);
    let line = info.lines().find_map(|line| line.strip_prefix("process_id:")).expect("a pid");
    line.trim().parse().expect("a number")
}

#[test]
fn a_script_that_does_not_become_the_server_is_an_engine_too() {
    let user = User::new(TOPOLOGY);
    waiting_program(&user.home.path().join("engine"), "");
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
    let file = user.home.path().join("engine");
    let script =
        "#!/bin/sh\ntrap 'asked=$((asked + 1)); [ $asked -ge 3 ] && exit 0' TERM\nwhile :; do sleep 0.01; done\n";
    std::fs::write(&file, script).expect("write the program");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).expect("make it executable");
    let output = user.run(&["up", "--engine", "./engine", "--wait", "500ms", "t.yaml"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let shown = text(&output.stdout);
    assert!(shown.contains("down") && !shown.contains("killed"), "{shown}");
}
