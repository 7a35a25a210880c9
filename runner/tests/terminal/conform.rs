//! `runner conform`: verdicts, reports, exit codes; known differences are played, too.

use crate::user::{User, text};

/// The exit code, and all that it says.
fn conform(user: &User, arguments: &[&str]) -> (i32, String) {
    let output = user.run(&[&["conform"], arguments].concat());
    (output.status.code().expect("an exit code"), text(&[output.stdout, output.stderr].concat()))
}

#[test]
fn our_server_is_as_it_is_known_to_be_and_the_reports_agree() {
    let user = User::new("");
    let arguments =
        ["types", "clients/migrate", "--html", "pages/", "--junit", "r.xml", "--json", "r.json", "--markdown", "r.md"];
    let (code, said) = conform(&user, &arguments);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("server (our server 0.1.0, as Redis 7.0.15): 3 same, 1 different"), "{said}");
    let read = |name: &str| std::fs::read_to_string(user.home.path().join(name)).expect("the report is written");
    let report: serde_json::Value = serde_json::from_str(&read("r.json")).expect("it is JSON");
    let results = report["engines"][0]["results"].as_array().expect("results");
    let names: Vec<&str> = results.iter().map(|result| result["scenario"].as_str().expect("a name")).collect();
    assert_eq!(names, ["clients/migrate", "types/blocking_lists", "types/blocking_streams", "types/known_edges"]);
    assert_eq!(results[3]["verdict"], "different");
    assert!(results[3]["known"].as_str().is_some_and(|reason| reason.contains("Upstream does not look")));
    assert!(read("r.xml").contains("tests=\"4\" failures=\"0\" skipped=\"0\""));
    assert!(read("r.md").contains("| types/known_edges | different (known) |"));
    let page = read("pages/index.html");
    assert!(page.contains(">≠ different, known</a>") && page.contains("<section id=\"e0r3\">"));
    // Every cell cites its requirement, in every form of the report: those that are the same, too.
    for (row, result) in results.iter().enumerate() {
        let cites = result["cites"].as_str().filter(|cites| !cites.is_empty()).expect("a requirement");
        let escaped = cites.replace('&', "&amp;").replace('"', "&quot;");
        assert!(page.contains(&format!("<a href=\"#e0r{row}\" title=\"{escaped}\">")), "{row}: {page}");
        assert!(page.contains(&format!("<section id=\"e0r{row}\">")), "{row}");
        assert_eq!(page.matches(&format!("<cite>{escaped}</cite>")).count(), 1, "{row}");
        assert!(read("r.md").contains(&format!(" {cites} |")), "{row}");
        assert!(read("r.xml").contains(&format!("<property name=\"cites\" value=\"{escaped}\"/>")), "{row}");
    }
    assert!(page.contains("<table class=\"steps\">") && page.contains("<del>    (empty array)</del>"), "{page}");
    assert!(!page.contains("<script") && !page.contains("http-equiv"), "the page needs nothing");
}

#[test]
fn what_an_engine_does_not_know_fails_unless_it_is_known() {
    let user = User::new("");
    // A program with redis-server's command line that knows fewer commands.
    let engine = user.engine("lesser", "--rename-command LCS '' --rename-command WAIT ''");
    let engine = format!("lesser={}", engine.display());
    let arguments = ["replication/wait", "types/blocking_lists", "--engine", &engine, "--json", "r.json"];
    let (code, said) = conform(&user, &arguments);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("lesser: replication/wait: unsupported") && said.contains("1 same, 1 unsupported"), "{said}");
    let text = std::fs::read_to_string(user.home.path().join("r.json")).expect("the report");
    let report: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    let lines = report["engines"][0]["results"][0]["difference"].as_array().expect("lines");
    let lines: Vec<String> = lines.iter().map(|line| format!("    {}\n", line.as_str().expect("a text"))).collect();
    let known = |scenario: &str| {
        let text = format!(
            "- scenario: {scenario}\n  cast: lesser\n  reason: it has no WAIT\n  difference: |\n{}",
            lines.concat()
        );
        std::fs::write(user.home.path().join("known.yaml"), text).expect("a file");
    };
    let (code, _) = conform(&user, &["replication/wait", "--beside", &engine]);
    assert_eq!(code, 0, "it is only shown");
    let arguments = [&arguments[..4], &["--known", "known.yaml"]].concat();
    known("replication/wait");
    let (code, said) = conform(&user, &arguments);
    assert_eq!(code, 0, "{said}");
    known("types/blocking_lists");
    let (code, said) = conform(&user, &arguments);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("a known difference has vanished; it was there because: it has no WAIT"), "{said}");
}

#[test]
fn what_is_asked_for_in_vain_is_said() {
    let user = User::new("");
    let (code, said) = conform(&user, &["nosuch/thing"]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("no scenario fits `nosuch/thing`"), "{said}");
    let (code, said) = conform(&user, &["types", "--engine", "x=./nowhere"]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("nowhere"), "{said}");
}

#[test]
fn a_report_that_cannot_be_written_is_refused_before_anything_is_played() {
    let (code, said) = conform(&User::new(""), &["sentinel/walkthrough", "--json", "nowhere/r.json"]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("cannot write nowhere/r.json: No such file or directory"), "{said}");
    assert!(!said.contains("sentinel/walkthrough: "), "nothing is played: {said}");
}
