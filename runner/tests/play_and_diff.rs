//! Scenarios from the command line: `play` and `diff`, with their exit codes.

use std::path::Path;
use std::process::{Command, Output};

const HEAD: &str = "\
description: A test of the runner
cites: nothing
topology: {nodes: {node: {}}}
steps:
";

fn runner(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_runner"));
    command.args(arguments).current_dir(folder).env("NO_COLOR", "1");
    command.output().expect("run the runner")
}

fn scenario(folder: &Path, name: &str, steps: &str) {
    std::fs::write(folder.join(name), format!("{HEAD}{steps}")).expect("write the scenario");
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn play_shows_the_transcript_and_stops_where_a_condition_is_not_met() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let steps = r#"
  - {on: node, send: 'SET k "a b"'}
  - {on: node, until: GET k, is: other, within: 0}
  - {on: node, send: PING}
"#;
    scenario(dir.path(), "s.yaml", steps);
    let output = runner(dir.path(), &["play", "s.yaml"]);
    assert_eq!(output.status.code(), Some(1));
    let shown = text(&output.stdout);
    assert!(shown.ends_with("node: SET k \"a b\"\n    OK\n"), "{shown}");
    let error = text(&output.stderr);
    let expected = "step 2 of 3 failed: node: `GET k`: condition `is other` was not met within 0 s (last reply: a b)";
    assert!(error.contains(expected) && error.contains("--> s.yaml:7:5"), "{error}");
}

#[test]
fn diff_exits_with_0_1_or_2() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let diff = |file: &str| runner(dir.path(), &["diff", "--left", "server", "--right", "server", file]);
    scenario(dir.path(), "same.yaml", "  - {on: node, send: [SET k 1, INCR k]}\n  - digest: [node]\n");
    assert_eq!(diff("same.yaml").status.code(), Some(0));
    // Two processes never share a pid.
    scenario(dir.path(), "other.yaml", "  - {on: node, info: server, fields: [process_id]}\n");
    let output = diff("other.yaml");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("  ! node: INFO server"));
    scenario(dir.path(), "broken.yaml", "  - {on: nobody, send: PING}\n");
    let output = diff("broken.yaml");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("there is no node `nobody`"));
}

#[test]
fn what_is_wrong_is_found_before_anything_is_played() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    scenario(dir.path(), "s.yaml", "  - {on: node, send: PING}\n  - {on: node, send: 'SET k \"open'}\n");
    let output = runner(dir.path(), &["play", "s.yaml"]);
    assert_eq!(output.status.code(), Some(2));
    let error = text(&output.stderr);
    assert!(error.contains("a quote is not closed") && error.contains("--> s.yaml:6:5"), "{error}");
    assert!(!text(&output.stdout).contains("PONG"));
    scenario(dir.path(), "s.yaml", "  - {on: node, send: PING}\n");
    let output = runner(dir.path(), &["play", "--cast", "nod=server", "s.yaml"]);
    assert_eq!(output.status.code(), Some(2));
    let error = text(&output.stderr);
    assert!(error.contains("`nod`, which is no node") && error.contains("did you mean `node`?"), "{error}");
}

#[test]
fn equal_steps_fold_and_a_summary_comes_last() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let steps = "  - {on: node, send: PING}\n  - {on: node, send: PING}\n  - {on: node, send: PING}\n\
                 \u{20} - {on: node, info: server, fields: [process_id]}\n";
    scenario(dir.path(), "s.yaml", steps);
    let output = runner(dir.path(), &["diff", "--left", "server", "s.yaml"]);
    let shown = text(&output.stdout);
    assert!(shown.contains("  = 2 equal steps\n  = node: PING\n  ! node: INFO server\n"), "{shown}");
    assert!(shown.ends_with("1 scenario: 0 the same, 1 different (in 1 step), 0 could not run\n"), "{shown}");
}
