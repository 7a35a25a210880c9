//! The tree itself: directions of dependency, sizes of files, words that have no place.
//!
//! Every exception is listed here with its reason; one that is no longer needed fails, too.

use ci::directions::{self, Exception};
use ci::habits;
use ci::source::{SourceFile, is_tests, read_tree};
use std::path::Path;

/// Imports against the orders of the crates: none.
const AGAINST_THE_ORDER: &[Exception] = &[];

/// Who reads the clock of the operating system.
const READS_THE_CLOCK: &[habits::Exception] = &[
    habits::Exception { path: "base/clock.rs", reason: "it is the clock" },
    habits::Exception {
        path: "network/timers.rs",
        reason: "the budget of active expiry is real time spent, not a decision",
    },
    habits::Exception { path: "network/startup.rs", reason: "how long loading took, for a log line" },
];

/// Modules that decide and do no I/O.
const DECIDE: &[&str] =
    &["acl", "cluster", "replication", "sentinel", "store", "pubsub", "resp", "base", "persistence"];

const LIMIT: usize = 900;

fn tree(folder: &str) -> Vec<SourceFile> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder);
    read_tree(&root).expect("the tree can be read")
}

/// Code without files of tests.
fn code(folder: &str) -> Vec<SourceFile> {
    let files = tree(folder).into_iter().filter(|file| !is_tests(&file.path));
    // The server's `upstream.rs` drives a real redis-server for unit tests.
    files.filter(|file| folder != "server/src" || file.path != "upstream.rs").collect()
}

fn check(violations: Vec<String>) {
    assert!(violations.is_empty(), "{} violations:\n{}", violations.len(), violations.join("\n"));
}

/// Every crate with the order of its modules.
const CRATES: [(&str, directions::Order); 4] = [
    ("server/src", directions::SERVER),
    ("runner/src", directions::RUNNER),
    ("conformance/src", directions::CONFORMANCE),
    ("ci/src", directions::CI),
];

#[test]
fn each_module_of_a_crate_uses_only_what_stands_to_its_left() {
    for (folder, order) in CRATES {
        check(directions::violations(order, &code(folder), AGAINST_THE_ORDER));
    }
}

#[test]
fn no_module_of_the_server_calls_a_method_of_the_server_that_is_defined_to_its_right() {
    check(directions::calls_to_the_right(directions::SERVER, &code("server/src"), "Server", "server"));
}

#[test]
fn a_requests_path_knows_no_files_sockets_or_exits() {
    let files: Vec<SourceFile> = code("server/src").into_iter().filter(|file| file.module() == "dispatch").collect();
    let outside = ["std::fs", "std::net", "std::process", "tokio"];
    check(habits::words(&files, &outside, "dispatch is a request's path; what waits is network's", &[]));
}

#[test]
fn every_module_of_a_crate_has_its_place_in_the_order() {
    for (folder, order) in CRATES {
        check(directions::lost(order, &code(folder)));
    }
}

#[test]
fn no_file_is_too_long() {
    let mut files = Vec::new();
    for folder in ["server", "runner", "conformance", "ci"] {
        files.extend(
            tree(folder).into_iter().map(|file| SourceFile { path: format!("{folder}/{}", file.path), ..file }),
        );
    }
    check(habits::too_long(&files, LIMIT));
}

#[test]
fn modules_that_decide_know_no_runtime() {
    let files: Vec<SourceFile> =
        code("server/src").into_iter().filter(|file| DECIDE.contains(&file.module())).collect();
    check(habits::words(&files, &["tokio"], "this module decides; I/O is network's", &[]));
}

#[test]
fn nothing_unwraps_outside_tests() {
    for folder in ["server/src", "runner/src", "conformance/src", "ci/src"] {
        check(habits::words(&code(folder), &[".unwrap()"], "say why it cannot fail, with expect", &[]));
    }
}

#[test]
fn only_the_clock_reads_the_clock() {
    const READINGS: &[&str] = &["Instant::now", "SystemTime::now", "clock_gettime"];
    let files = code("server/src");
    check(habits::words(&files, READINGS, "time comes from base/clock.rs", READS_THE_CLOCK));
    let needs = |file: &SourceFile| READINGS.iter().any(|reading| file.code.contains(reading));
    check(habits::idle(&files, needs, READS_THE_CLOCK));
}

mod the_checks_themselves {
    use super::*;

    fn file(path: &str, text: &str) -> SourceFile {
        SourceFile::new(path, text)
    }

    #[test]
    fn an_import_to_the_right_is_found_however_it_is_spelt() {
        let texts = [
            "use crate::network::run;",
            "fn f() { crate::network::run() }",
            "use crate::{\n    base::clock,\n    network::{self, run},\n};",
            "use super::super::network;",
        ];
        for text in texts {
            let found = directions::violations(directions::SERVER, &[file("store/table.rs", text)], &[]);
            assert_eq!(found.len(), 1, "{text}: {found:?}");
            assert!(found[0].contains("must not use `network`"), "{found:?}");
        }
    }

    #[test]
    fn a_call_of_a_method_that_is_defined_to_the_right_is_found() {
        let defines = file("lifecycle/cron.rs", "impl Server {\n    pub fn cron(&mut self) {}\n}\n");
        let calls =
            file("dispatch/execute.rs", "impl Server {\n    fn f(&mut self) {\n        self.cron();\n    }\n}\n");
        let other = file("dispatch/keys.rs", "impl Keys {\n    fn f(&mut self) {\n        self.cron();\n    }\n}\n");
        let by_name = file("server/clients.rs", "fn f(server: &mut Server) {\n    server.cron();\n}\n");
        let found =
            directions::calls_to_the_right(directions::SERVER, &[defines, calls, other, by_name], "Server", "server");
        let expected = ["dispatch/execute.rs:3", "server/clients.rs:2"];
        assert_eq!(found, expected.map(|place| format!("{place}: must not call `cron` of `lifecycle`")));
    }

    #[test]
    fn a_module_without_a_place_and_a_place_without_a_module_are_found() {
        let found = directions::lost(directions::CONFORMANCE, &["a.rs", "b.rs"].map(|path| file(path, "")));
        assert_eq!(found[0], "`a` has no place in the order");
        assert!(found.contains(&"the order names `verdict`, which is not a module".to_owned()), "{found:?}");
    }

    #[test]
    fn imports_to_the_left_and_of_oneself_are_fine() {
        let text = "use crate::{base::clock, store::Entry};\nuse super::table;\nuse other_crate::network;";
        assert_eq!(directions::violations(directions::SERVER, &[file("store/keyspace.rs", text)], &[]), [""; 0]);
        let sibling =
            directions::violations(directions::SERVER, &[file("pubsub/mod.rs", "use crate::persistence::rdb;")], &[]);
        assert_eq!(sibling, ["pubsub/mod.rs:1: must not use `persistence`"]);
    }

    #[test]
    fn exceptions_cover_what_they_name_and_must_be_needed() {
        let exception = Exception { from: "dispatch/", to: "commands", reason: "a test" };
        let files = [file("dispatch/registry.rs", "use crate::commands::FAMILIES;")];
        assert_eq!(directions::violations(directions::SERVER, &files, &[exception]), [""; 0]);
        let idle = directions::violations(directions::SERVER, &[], &[exception]);
        assert_eq!(idle, ["dispatch/ uses `commands` no more: take the exception out"]);
    }

    #[test]
    fn comments_texts_and_tests_are_not_code() {
        let text = r##"
            //! crate::network
            /* crate::network /* x.unwrap() */ crate::network */
            const A: &str = "crate::network \" x.unwrap()";
            const B: &str = r#"crate::network " x.unwrap()"#;
            const C: char = '"';
            fn f<'a>(x: &'a str) {}
            #[cfg(test)]
            mod tests { use crate::network; fn f() { x.unwrap(); } }
            #[cfg(test)]
            use crate::network;
            fn g() { y.unwrap() }
        "##;
        let file = file("store/table.rs", text);
        assert_eq!(directions::violations(directions::SERVER, std::slice::from_ref(&file), &[]), [""; 0]);
        let unwraps = habits::words(&[file], &[".unwrap()"], "no", &[]);
        assert_eq!(unwraps, ["store/table.rs:12: `.unwrap()`: no"]);
    }

    #[test]
    fn words_are_whole_and_long_files_are_found() {
        let files = [file("a.rs", "use tokio::net;\nlet mytokio = tokio_x;"), file("b.rs", &"\n".repeat(5))];
        assert_eq!(habits::words(&files, &["tokio"], "no", &[]), ["a.rs:1: `tokio`: no"]);
        assert_eq!(habits::too_long(&files, 4).len(), 1);
        let excepted = habits::Exception { path: "b.rs", reason: "a test" };
        assert_eq!(habits::idle(&files, |file| file.lines > 4, &[excepted]), [""; 0]);
    }
}
