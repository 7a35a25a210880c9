//! Topologies come up, can be seen and broken from another terminal, and leave nothing behind.

use crate::user::{User, WATCHED, eventually, text};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The engine of these tests: ours, as a user gets it. `conformance` plays the real one.
const ENGINE: &str = "server";

const TOPOLOGY: &str = "\
nodes:
  master: {}
  replica: {replicaof: master}
config: {save: '', repl-diskless-sync-delay: 0}
";

fn up(user: &User) {
    user.ok(&["up", "-d", "--engine", ENGINE, "t.yaml"]);
}

/// The names and states that `runner ls` shows.
fn listed(user: &User) -> Vec<(String, String)> {
    let rows: Vec<serde_json::Value> = serde_json::from_str(&user.ok(&["ls", "--json"])).expect("JSON");
    let text = |row: &serde_json::Value, field: &str| row[field].as_str().unwrap_or_default().to_owned();
    rows.iter().map(|row| (text(row, "name"), text(row, "state"))).collect()
}

fn interrupt(process: &Child, signal: &str) {
    let status = Command::new("kill").args([signal, &process.id().to_string()]).status();
    assert!(status.expect("run kill").success());
}

#[test]
fn a_detached_topology_is_seen_from_another_terminal_and_leaves_nothing() {
    let user = User::new(TOPOLOGY);
    up(&user);
    let status = user.status();
    assert_eq!(status["nodes"][1]["role"], "replica");
    assert_eq!(status["nodes"][1]["link"], "up");
    assert_eq!(status["nodes"][1]["upstream"], "master");
    let pids = user.pids();
    assert_eq!(pids.len(), 2);
    assert_eq!(user.ok(&["cli", "@master", "SET", "user:1", "Alice"]).trim(), "OK");
    eventually("the write arrived", || user.ok(&["cli", "@replica", "GET", "user:1"]).trim() == "Alice");
    assert_eq!(user.ok(&["cli", "@master", "DBSIZE"]).trim(), "1", "the probe's keys are gone");
    assert_eq!(user.run(&["cli", "replica", "SET", "a", "b"]).status.code(), Some(1));
    assert_eq!(user.run(&["cli", "slave", "PING"]).status.code(), Some(2));
    user.ok(&["down"]);
    user.assert_nothing_left(&pids);
    user.ok(&["down"]);
    assert_eq!(user.run(&["status"]).status.code(), Some(3));
}

#[test]
fn a_killed_node_is_shown_as_ended_and_comes_back_by_restart() {
    let user = User::new(TOPOLOGY);
    up(&user);
    user.ok(&["kill", "@replica"]);
    assert_eq!(user.status()["nodes"][1]["state"], "ended");
    assert_eq!(user.run(&["kill", "replica"]).status.code(), Some(1));
    user.ok(&["restart", "replica"]);
    eventually("the replica is in sync again", || user.status()["nodes"][1]["link"] == "up");
    user.ok(&["pause", "master"]);
    assert_eq!(user.status()["nodes"][0]["state"], "paused");
    user.ok(&["resume", "master"]);
    assert_eq!(user.status()["nodes"][0]["state"], "running");
}

/// A node that starts once and then no more, as one does whose data are damaged.
#[test]
fn a_restart_waits_for_the_node_and_fails_at_once_where_its_process_ends() {
    let user = User::new(TOPOLOGY);
    let runner = env!("CARGO_BIN_EXE_runner");
    user.script("once", &format!("[ -e ../spoilt ] && echo 'Bad file format' && exit 3\nexec {runner} server \"$@\""));
    user.ok(&["up", "-d", "--engine", "./once", "t.yaml"]);
    user.ok(&["restart", "replica"]);
    assert_eq!(user.ok(&["cli", "replica", "PING"]).trim(), "PONG", "it answers as soon as the command is done");
    std::fs::write(user.directory().join("nodes/spoilt"), "").expect("write the file");
    let began = Instant::now();
    let said = user.refused(1, &["restart", "replica"]);
    assert!(said.contains("replica exited with code 3 while starting"), "{said}");
    assert!(said.contains("| Bad file format"), "{said}");
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    assert_eq!(user.status()["nodes"][1]["state"], "ended");
}

#[test]
fn sentinels_are_ready_when_they_agree_and_fail_over_when_the_master_is_killed() {
    let user = User::new(WATCHED);
    up(&user);
    let pids = user.pids();
    let is = |node: usize, field: &str, wanted: &str| user.status()["nodes"][node][field].as_str() == Some(wanted);
    let view = user.status()["nodes"][2]["link"].as_str().unwrap_or_default().to_owned();
    assert_eq!(view, "mymaster ok");
    user.ok(&["kill", "@master"]);
    eventually("the replica is the master", || is(1, "role", "master"));
    user.ok(&["restart", "master"]);
    eventually("the old master follows it", || is(0, "upstream", "replica"));
    user.ok(&["down"]);
    user.assert_nothing_left(&pids);
}

#[test]
fn ctrl_c_takes_a_topology_in_the_foreground_down() {
    let user = User::new(TOPOLOGY);
    let mut command = user.command(&["up", "--engine", ENGINE, "t.yaml"]);
    let mut process = command.stdout(Stdio::null()).spawn().expect("start the runner");
    eventually("it is ready", || {
        let output = user.run(&["status", "--json"]);
        let status: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        status["ready"] == true
    });
    let pids = user.pids();
    interrupt(&process, "-INT");
    assert!(process.wait().expect("its end").success());
    user.assert_nothing_left(&pids);
}

#[test]
fn nodes_die_with_a_runner_that_is_killed_and_gc_clears_the_rest() {
    let user = User::new(TOPOLOGY);
    up(&user);
    let pids = user.pids();
    let lock = std::fs::read_to_string(user.directory().join("lock")).expect("the lock");
    let supervisor: serde_json::Value = serde_json::from_str(&lock).expect("JSON");
    let killed = Command::new("kill").args(["-9", &supervisor["pid"].to_string()]).status();
    assert!(killed.expect("run kill").success());
    eventually("it is seen as down", || user.run(&["status"]).status.code() == Some(3));
    assert_eq!(listed(&user), [("t".into(), "crashed".into())]);
    user.ok(&["gc"]);
    user.assert_nothing_left(&pids);
}

#[test]
fn a_node_that_cannot_start_is_named_with_its_last_words() {
    let user = User::new(TOPOLOGY);
    let broken = format!("{TOPOLOGY}engine: {ENGINE}\n").replace("{replicaof: master}", "{config: [nonsense 1]}");
    std::fs::write(user.home.path().join("t.yaml"), broken).expect("write the topology");
    let output = user.run(&["up", "t.yaml"]);
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(error.contains("replica exited with code 1"), "{error}");
    assert!(error.contains("Bad directive or wrong number of arguments"), "{error}");
    assert!(error.contains("--> t.yaml:3:22") && error.contains("replica: {config: [nonsense 1]}"), "{error}");
    assert!(user.directory().join("failed/replica.log").exists(), "the logs are kept");
    assert_eq!(listed(&user), [("t".into(), "failed".into())]);
    user.ok(&["gc"]);
    user.assert_nothing_left(&[]);
}

#[test]
fn a_gate_that_stays_shut_is_named_when_the_time_is_over() {
    let user = User::new(TOPOLOGY);
    // A replica that must authenticate and does not gets no answer.
    let shut = TOPOLOGY.replace("master: {}", "master: {config: {requirepass: secret}}");
    std::fs::write(user.home.path().join("t.yaml"), shut).expect("write the topology");
    let output = user.run(&["up", "--engine", ENGINE, "--wait", "700ms", "t.yaml"]);
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(error.contains("replica is not ready after 700ms: `link to the master is up`"), "{error}");
    assert!(error.contains("NOAUTH"), "the log is shown: {error}");
    assert!(error.contains("set `masterauth` of replica to the `requirepass` of master"), "{error}");
    let logs = user.directory().join("failed");
    assert!(text(&output.stdout).contains(&format!("logs kept in {}", logs.display())), "{}", text(&output.stdout));
    assert!(logs.join("master.log").exists() && logs.join("replica.log").exists());
    // The next start removes them.
    std::fs::write(user.home.path().join("t.yaml"), TOPOLOGY).expect("write the topology");
    up(&user);
    assert!(!logs.exists());
    user.ok(&["down"]);
    user.assert_nothing_left(&[]);
}

#[test]
fn up_names_the_process_that_holds_a_port() {
    let user = User::new(TOPOLOGY);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    std::fs::write(user.home.path().join("t.yaml"), format!("nodes: {{a: {{port: {port}}}}}")).expect("write");
    let output = user.run(&["up", "--engine", ENGINE, "t.yaml"]);
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(error.contains(&format!("is held by pid {}", std::process::id())), "{error}");
}

#[test]
fn all_ports_that_are_held_are_named_at_once() {
    let user = User::new(TOPOLOGY);
    let listeners: Vec<_> = (0..2).map(|_| std::net::TcpListener::bind("127.0.0.1:0").expect("a port")).collect();
    let ports: Vec<u16> = listeners.iter().map(|l| l.local_addr().expect("its address").port()).collect();
    let topology = format!("nodes: {{a: {{port: {}}}, b: {{port: {}}}}}", ports[0], ports[1]);
    std::fs::write(user.home.path().join("t.yaml"), topology).expect("write");
    let error = text(&user.run(&["up", "t.yaml"]).stderr);
    assert!(error.contains("2 ports are not available"), "{error}");
    for (port, name) in ports.iter().zip(["a", "b"]) {
        assert!(error.contains(&format!("port {port} of {name} is held by pid {}", std::process::id())), "{error}");
    }
}

#[test]
fn a_port_that_needs_privileges_is_not_said_to_be_held() {
    let user = User::new("nodes: {a: {port: 80}}");
    let privileged = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").unwrap_or_default();
    let is_allowed = std::net::TcpListener::bind("127.0.0.1:80").is_ok();
    if is_allowed {
        eprintln!("not run: this user may listen on port 80 (privileged ports end at {})", privileged.trim());
        return;
    }
    let error = text(&user.run(&["up", "t.yaml"]).stderr);
    assert!(error.contains("port 80 of a is not for this user") && error.contains("below 1024"), "{error}");
}

#[test]
fn two_topologies_stand_side_by_side_and_the_same_name_is_refused() {
    let user = User::new(TOPOLOGY);
    up(&user);
    let again = user.run(&["up", "--engine", ENGINE, "t.yaml"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("`t` is up already"));
    user.ok(&["up", "-d", "--engine", ENGINE, "--name", "second", "t.yaml"]);
    assert_eq!(user.run(&["status"]).status.code(), Some(2), "which one is not said");
    user.ok(&["down", "--name", "second"]);
    user.ok(&["status"]);
}

#[test]
fn run_gives_the_addresses_to_a_command_and_its_exit_code_back() {
    let user = User::new(TOPOLOGY);
    let script = "test -n \"$REDIS_URL\" && test \"$REDIS_MASTER_PORT\" -gt 0 && exit 7";
    let output = user.run(&["run", "-q", "--engine", ENGINE, "t.yaml", "--", "sh", "-c", script]);
    assert_eq!(output.status.code(), Some(7), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), "");
    let left = std::fs::read_dir(user.home.path().join("redis-runner")).expect("the state").count();
    assert_eq!(left, 0);
}

#[test]
fn data_that_up_keep_kept_are_there_at_the_next_up() {
    let user = User::new(TOPOLOGY);
    user.ok(&["up", "-d", "--keep", "--engine", ENGINE, "t.yaml"]);
    user.ok(&["cli", "master", "SET", "k", "kept"]);
    user.ok(&["cli", "master", "SAVE"]);
    user.ok(&["down"]);
    assert!(user.directory().join("nodes/master/dump.rdb").exists());
    assert!(user.ok(&["gc"]).contains("kept data"));
    user.ok(&["gc", "--all"]);
    assert!(!user.directory().exists());
}

#[test]
fn following_the_logs_ends_when_standard_output_is_closed() {
    let user = User::new(TOPOLOGY);
    up(&user);
    let mut follower = user.command(&["logs", "-f"]).stdout(Stdio::piped()).spawn().expect("start the runner");
    let mut lines = std::io::BufReader::new(follower.stdout.take().expect("its output"));
    std::io::BufRead::read_line(&mut lines, &mut String::new()).expect("a line");
    drop(lines);
    let mut status = None;
    eventually("it has ended", || {
        status = follower.try_wait().expect("its state");
        status.is_some()
    });
    assert!(status.is_some_and(|status| status.success()));
}

#[test]
fn topologies_are_listed_and_taken_down_by_file_or_all_at_once() {
    let user = User::new(TOPOLOGY);
    assert_eq!(user.ok(&["ls"]).trim(), "no topology is up");
    up(&user);
    user.ok(&["up", "-d", "--keep", "--name", "second", "t.yaml"]);
    user.ok(&["up", "-d", "--name", "third", "t.yaml"]);
    let states = || listed(&user);
    let expected = |rows: &[(&str, &str)]| -> Vec<(String, String)> {
        rows.iter().map(|&(name, state)| (name.into(), state.into())).collect()
    };
    assert_eq!(states(), expected(&[("second", "up"), ("t", "up"), ("third", "up")]));
    assert!(user.ok(&["ls"]).lines().all(|line| line.trim_end().chars().count() <= 80));
    user.ok(&["down", "t.yaml"]);
    assert_eq!(user.run(&["down", "t.yaml"]).status.code(), Some(3));
    let said = user.refused(2, &["down", "third"]);
    assert!(said.contains("`runner down --name third`"), "a name is not a file: {said}");
    assert_eq!(states(), expected(&[("second", "up"), ("third", "up")]));
    user.ok(&["down", "--all"]);
    user.ok(&["down", "--all"]);
    assert_eq!(states(), expected(&[("second", "kept")]));
}

#[test]
fn several_nodes_are_acted_on_in_one_call() {
    let user = User::new(TOPOLOGY);
    up(&user);
    let output = user.run(&["kill", "replica", "nobody"]);
    assert_eq!(output.status.code(), Some(2), "a wrong name is found before anything is done");
    assert_eq!(user.status()["nodes"][1]["state"], "running");
    user.ok(&["kill", "@master", "replica"]);
    assert_eq!(
        (&user.status()["nodes"][0]["state"], &user.status()["nodes"][1]["state"]),
        (&"ended".into(), &"ended".into())
    );
    user.ok(&["restart", "master", "replica"]);
}

/// A program that is an engine by its command line, and never answers.
fn hangs(user: &User) -> Child {
    user.script("hangs", "exec sleep 1000");
    let mut command = user.command(&["up", "-d", "--engine", "./hangs", "--wait", "60s", "t.yaml"]);
    let process = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("start the runner");
    eventually("it is starting", || {
        let said = user.run(&["status"]);
        text(&said.stdout).contains("is starting")
    });
    process
}

#[test]
fn a_topology_that_is_not_ready_yet_can_be_seen_and_taken_down() {
    let user = User::new(TOPOLOGY);
    let process = hangs(&user);
    let pids = user.pids();
    assert_eq!(pids.len(), 2);
    assert_eq!(listed(&user), [("t".into(), "starting".into())]);
    assert!(user.refused(1, &["kill", "master"]).contains("`t` is not ready yet"));
    assert_eq!(user.ok(&["down"]), "t is down\n");
    let output = process.wait_with_output().expect("its end");
    assert_eq!(output.status.code(), Some(130));
    assert!(text(&output.stderr).contains("`runner down` took it down before it was ready"));
    user.assert_nothing_left(&pids);
}

#[test]
fn two_ask_for_the_same_end_and_both_are_told_of_it() {
    let user = User::new(TOPOLOGY);
    up(&user);
    let down = || user.command(&["down", "--name", "t"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let asked: Vec<Child> = (0..2).map(|_| down().expect("start the runner")).collect();
    for process in asked {
        let output = process.wait_with_output().expect("its end");
        let said = text(&output.stderr);
        // Who comes when it is down already is told that it is not up.
        let is_told = output.status.success() || said.contains("`t` is not up");
        assert!(is_told, "{}: {said}", output.status);
    }
}

#[test]
fn the_file_may_come_behind_two_hyphens() {
    let user = User::new(TOPOLOGY);
    user.write("-d", TOPOLOGY);
    user.ok(&["up", "--name", "t", "--detach", "--", "-d"]);
    let pids = user.pids();
    user.ok(&["down"]);
    user.assert_nothing_left(&pids);
}

#[test]
fn what_cannot_be_written_to_standard_output_is_a_failure() {
    let user = User::new(TOPOLOGY);
    up(&user);
    for command in [&["env"][..], &["status", "--json"], &["logs"], &["schema"], &["plan", "t.yaml"]] {
        let full = std::fs::File::options().write(true).open("/dev/full").expect("the full device");
        let output = user.command(command).stdout(full).output().expect("run the runner");
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{command:?}: {said}");
        assert!(said.contains("write to standard output: No space left on device"), "{command:?}: {said}");
    }
}
