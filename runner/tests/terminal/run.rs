//! `runner run`: the command's own output, its own signals, its own exit code.

use crate::user::{User, text};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Output, Stdio};

const TOPOLOGY: &str = "nodes: {a: {}}\n";

fn run(user: &User, script: &str) -> Child {
    let mut command = user.command(&["run", "t.yaml", "--", "sh", "-c", script]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("start the runner")
}

/// Reads lines until one holds `wanted`.
fn read_until(reader: &mut impl BufRead, wanted: &str) {
    let mut all = String::new();
    while !all.contains(wanted) {
        let read = reader.read_line(&mut all).expect("read a line");
        assert!(read > 0, "the output ended before `{wanted}`: {all}");
    }
}

fn send(process: &Child, signal: &str) {
    let status = Command::new("kill").args([signal, &process.id().to_string()]).status();
    assert!(status.expect("run kill").success());
}

fn assert_nothing_left(user: &User) {
    let left = std::fs::read_dir(user.home.path().join("redis-runner")).map_or(0, |entries| entries.count());
    assert_eq!(left, 0);
}

#[test]
fn run_writes_only_the_output_of_the_command_to_standard_output() {
    let user = User::new(TOPOLOGY);
    let output = run(&user, "echo '{}'").wait_with_output().expect("its end");
    assert_eq!(text(&output.stdout), "{}\n");
    assert!(text(&output.stderr).contains("ready"), "{}", text(&output.stderr));
}

#[test]
fn a_signal_is_passed_on_and_the_commands_exit_code_is_ours() {
    for signal in ["-INT", "-TERM", "-HUP", "-QUIT"] {
        let user = User::new(TOPOLOGY);
        let script = format!("trap 'echo caught; exit 9' {}; echo begun; while :; do sleep 0.01; done", &signal[1..]);
        let mut process = run(&user, &script);
        let mut output = BufReader::new(process.stdout.take().expect("its output"));
        read_until(&mut output, "begun");
        send(&process, signal);
        read_until(&mut output, "caught");
        assert_eq!(process.wait().expect("its end").code(), Some(9), "{signal}");
        assert_nothing_left(&user);
    }
}

#[test]
fn a_second_signal_kills_a_command_that_ignores_them() {
    let user = User::new(TOPOLOGY);
    let mut process = run(&user, "trap 'echo ignored' TERM; echo begun; while :; do sleep 0.01; done");
    let mut output = BufReader::new(process.stdout.take().expect("its output"));
    read_until(&mut output, "begun");
    send(&process, "-TERM");
    read_until(&mut output, "ignored");
    send(&process, "-TERM");
    assert_eq!(process.wait().expect("its end").code(), Some(128 + 9));
    assert_nothing_left(&user);
}

#[test]
fn a_prompt_lives_through_ctrl_c() {
    let user = User::new(TOPOLOGY);
    // `script` gives the runner a terminal.
    let prompt =
        "trap 'echo caught' INT; echo begun; until [ \"$line\" = quit ]; do read line; echo \"<$line>\"; done; exit 5";
    let file = user.home.path().join("prompt.sh");
    std::fs::write(&file, prompt).expect("write the script");
    // `exec`, since `script` runs the line with whatever $SHELL is, and a shell that stays would die of the Ctrl-C.
    let line = format!("exec {} run -q t.yaml -- sh prompt.sh", env!("CARGO_BIN_EXE_runner"));
    let mut command = Command::new("script");
    command.args(["-q", "-e", "-c", &line, "/dev/null"]).current_dir(user.home.path());
    command.env("XDG_STATE_HOME", user.home.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let Ok(mut terminal) = command.spawn() else {
        eprintln!("not run: `script` is not installed");
        return;
    };
    let mut keys = terminal.stdin.take().expect("its input");
    let mut screen = BufReader::new(terminal.stdout.take().expect("its output"));
    read_until(&mut screen, "begun");
    for _ in 0..3 {
        keys.write_all(b"\x03").expect("type Ctrl-C");
        read_until(&mut screen, "caught");
    }
    keys.write_all(b"quit\n").expect("type a line");
    read_until(&mut screen, "<quit>");
    // Dropping the keys would be an end of input while the prompt still reads.
    std::io::copy(&mut screen, &mut std::io::sink()).expect("the rest");
    drop(keys);
    assert_eq!(terminal.wait().expect("its end").code(), Some(5));
    assert_nothing_left(&user);
}

#[test]
fn a_command_that_does_not_exist_is_127_before_anything_is_brought_up() {
    let user = User::new(TOPOLOGY);
    std::fs::write(user.home.path().join("plain"), "text").expect("write a file");
    let code = |command: &str| {
        let Output { status, stdout, stderr } = user.run(&["run", "t.yaml", "--", command]);
        assert_eq!(text(&stdout), "");
        assert!(!text(&stderr).contains("ready"), "{}", text(&stderr));
        status.code()
    };
    assert_eq!(code("no-such-command"), Some(127));
    assert_eq!(code("./no-such-command"), Some(127));
    assert_eq!(code("./plain"), Some(126));
    assert!(!user.home.path().join("redis-runner").exists(), "something was brought up");
}

#[test]
fn down_ends_the_command_of_run_too() {
    let user = User::new(TOPOLOGY);
    let mut process = run(&user, "trap 'exit 6' TERM; echo begun; while :; do sleep 0.01; done");
    let mut output = BufReader::new(process.stdout.take().expect("its output"));
    read_until(&mut output, "begun");
    user.ok(&["down"]);
    output.read_to_string(&mut String::new()).expect("the rest");
    assert_eq!(process.wait().expect("its end").code(), Some(6));
    assert_nothing_left(&user);
}
