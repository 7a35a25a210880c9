//! Scenarios from the command line: `play` and `diff`, with their exit codes.

use crate::user::{User, text};

const HEAD: &str = "\
description: A test of the runner
cites: nothing
topology: {nodes: {node: {}}}
steps:
";

/// A user with a scenario of one node in `s.yaml`.
fn scenario(steps: &str) -> User {
    let user = User::new("");
    user.write("s.yaml", &format!("{HEAD}{steps}"));
    user
}

#[test]
fn play_shows_the_transcript_and_stops_where_a_condition_is_not_met() {
    let steps = r#"
  - {on: node, send: 'SET k "a b"'}
  - {on: node, until: GET k, is: other, within: 0}
  - {on: node, send: PING}
"#;
    let output = scenario(steps).run(&["play", "s.yaml"]);
    assert_eq!(output.status.code(), Some(1));
    let shown = text(&output.stdout);
    assert!(shown.ends_with("node: SET k \"a b\"\n    OK\n"), "{shown}");
    let error = text(&output.stderr);
    let expected = "step 2 of 3 failed: node: `GET k`: condition `is other` was not met within 0 s (last reply: a b)";
    assert!(error.contains(expected) && error.contains("--> s.yaml:7:5"), "{error}");
}

#[test]
fn diff_exits_with_0_1_or_2() {
    let diff = |steps: &str| scenario(steps).run(&["diff", "--left", "server", "--right", "server", "s.yaml"]);
    assert_eq!(diff("  - {on: node, send: [SET k 1, INCR k]}\n  - digest: [node]\n").status.code(), Some(0));
    // A step that both engines fail leaves the rest in the dark.
    let output = diff("  - {on: node, until: PING, is: other, within: 0}\n  - {on: node, send: PING}\n");
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(
        said.contains("step 1 of 2 failed on both engines: node: `PING`") && said.contains("--> s.yaml:5:5"),
        "{said}"
    );
    assert!(text(&output.stdout).contains("0 the same, 0 different (in 0 steps), 1 could not run"));
    // Two processes never share a pid.
    let output = diff("  - {on: node, info: server, fields: [process_id]}\n");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("  ! node: INFO server"));
    let output = diff("  - {on: nobody, send: PING}\n");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("there is no node `nobody`"));
}

#[test]
fn what_is_wrong_is_found_before_anything_is_played() {
    for action in ["on: node, send: 'SET k \"open'", "tool: '-p 1 SET k \"open'", "on: node, until: 'GET \"k', is: x"] {
        let user = scenario(&format!("  - {{on: node, send: PING}}\n  - {{{action}}}\n"));
        let output = user.run(&["play", "s.yaml"]);
        assert_eq!(output.status.code(), Some(2));
        let error = text(&output.stderr);
        assert!(error.contains("a quote is not closed") && error.contains("--> s.yaml:6:5"), "{error}");
        assert!(!text(&output.stdout).contains("PONG"));
    }
    let error = scenario("  - {on: node, info: server, repeat: 3}\n").refused(2, &["play", "s.yaml"]);
    assert!(error.contains("`repeat` has no meaning for `info`") && error.contains("--> s.yaml:5:5"), "{error}");
    let error = scenario("  - {on: node, send: {a: PING}}\n").refused(2, &["play", "s.yaml"]);
    assert!(error.contains("expected a text, or a list of texts") && error.contains("--> s.yaml:5:"), "{error}");
    let error = scenario("  - {on: node, send: PING}\n").refused(2, &["play", "--cast", "nod=server", "s.yaml"]);
    assert!(error.contains("`nod`, which is not a node") && error.contains("did you mean `node`?"), "{error}");
}

#[test]
fn equal_steps_fold_and_a_summary_comes_last() {
    let steps = "  - {on: node, send: PING}\n  - {on: node, send: PING}\n  - {on: node, send: PING}\n\
                 \u{20} - {on: node, info: server, fields: [process_id]}\n";
    let shown = text(&scenario(steps).run(&["diff", "--left", "server", "s.yaml"]).stdout);
    assert!(shown.contains("  = 2 equal steps\n  = node: PING\n  ! node: INFO server\n"), "{shown}");
    assert!(shown.ends_with("1 scenario: 0 the same, 1 different (in 1 step), 0 could not run\n"), "{shown}");
}
