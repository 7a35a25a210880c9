//! `runner conform`: verdicts, reports, exit codes; known differences are played, too.

use assert_cmd::Command;
use std::path::Path;

fn conform(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::cargo_bin("runner").expect("the runner is built");
    command.current_dir(folder).arg("conform").args(arguments).env("NO_COLOR", "1");
    let output = command.output().expect("it runs");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().expect("an exit code"), String::from_utf8(said).expect("the runner speaks UTF-8"))
}

/// A program with redis-server's command line that knows fewer options: ours behind a script.
fn lesser_engine(folder: &Path) -> String {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join("lesser");
    let runner = env!("CARGO_BIN_EXE_runner");
    let script =
        format!("#!/bin/sh\nexec {runner} server \"$@\" --rename-command LCS \"\" --rename-command WAIT \"\"\n");
    std::fs::write(&path, script).expect("a script");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("it may be run");
    format!("lesser={}", path.display())
}

#[test]
fn our_server_is_as_it_is_known_to_be_and_the_reports_agree() {
    let folder = tempfile::tempdir().expect("a folder");
    let arguments =
        ["types", "clients/migrate", "--html", "r.html", "--junit", "r.xml", "--json", "r.json", "--markdown", "r.md"];
    let (code, said) = conform(folder.path(), &arguments);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("server (our server 0.1.0, as Redis 7.0.15): 3 same, 1 different"), "{said}");
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).expect("the report is written");
    let report: serde_json::Value = serde_json::from_str(&read("r.json")).expect("it is JSON");
    let results = report["engines"][0]["results"].as_array().expect("results");
    let names: Vec<&str> = results.iter().map(|result| result["scenario"].as_str().expect("a name")).collect();
    assert_eq!(names, ["clients/migrate", "types/blocking_lists", "types/blocking_streams", "types/known_edges"]);
    assert_eq!(results[3]["verdict"], "different");
    assert!(results[3]["known"].as_str().is_some_and(|reason| reason.contains("Upstream does not look")));
    assert!(read("r.xml").contains("tests=\"4\" failures=\"0\" skipped=\"0\""));
    assert!(read("r.md").contains("| types/known_edges | different (known) |"));
    let page = read("r.html");
    assert!(page.contains("<a href=\"#e0r3\">≠ different, known</a>") && page.contains("<section id=\"e0r3\">"));
    assert!(!page.contains("<script") && !page.contains("http-equiv"), "the page needs nothing");
}

#[test]
fn what_an_engine_does_not_know_fails_unless_it_is_known() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = lesser_engine(folder.path());
    let arguments = ["replication/wait", "types/blocking_lists", "--engine", &engine, "--json", "r.json"];
    let (code, said) = conform(folder.path(), &arguments);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("lesser: replication/wait: unsupported") && said.contains("1 same, 1 unsupported"), "{said}");
    let text = std::fs::read_to_string(folder.path().join("r.json")).expect("the report");
    let report: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    let lines = report["engines"][0]["results"][0]["difference"].as_array().expect("lines");
    let lines: Vec<String> = lines.iter().map(|line| format!("    {}\n", line.as_str().expect("a text"))).collect();
    let known = |scenario: &str| {
        let text = format!(
            "- scenario: {scenario}\n  cast: lesser\n  reason: it has no WAIT\n  difference: |\n{}",
            lines.concat()
        );
        std::fs::write(folder.path().join("known.yaml"), text).expect("a file");
    };
    let (code, _) = conform(folder.path(), &["replication/wait", "--beside", &engine]);
    assert_eq!(code, 0, "it is only shown");
    let arguments = [&arguments[..4], &["--known", "known.yaml"]].concat();
    known("replication/wait");
    let (code, said) = conform(folder.path(), &arguments);
    assert_eq!(code, 0, "{said}");
    known("types/blocking_lists");
    let (code, said) = conform(folder.path(), &arguments);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("a known difference has vanished; it was there because: it has no WAIT"), "{said}");
}

#[test]
fn what_is_asked_for_in_vain_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let (code, said) = conform(folder.path(), &["nosuch/thing"]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("no scenario fits `nosuch/thing`"), "{said}");
    let (code, said) = conform(folder.path(), &["types", "--engine", "x=./nowhere"]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("nowhere"), "{said}");
}
