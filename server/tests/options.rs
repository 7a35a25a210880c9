//! The table of options compared with the code that reads them, and with the documentation.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::{Path, PathBuf};

use server::config::OPTIONS;
use server::config::options::Support;

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

/// The code, without the table itself and its tests.
fn code() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    files.retain(|path| !["config/options.rs", "config/tests.rs"].iter().any(|end| path.ends_with(end)));
    files.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

fn is_read(code: &str, option: &str) -> bool {
    let field = format!(".{}", option.replace('-', "_"));
    code.match_indices(&field).any(|(at, _)| {
        let next = code[at + field.len()..].chars().next();
        !next.is_some_and(|next| next.is_alphanumeric() || next == '_')
    })
}

#[test]
fn an_option_is_read_or_says_why_it_is_not() {
    let code = code();
    let wrong: Vec<_> = OPTIONS
        .iter()
        .filter(|option| match option.support {
            Support::Works => !is_read(&code, option.name),
            Support::Inert(_) => is_read(&code, option.name),
            Support::Refused(_) => false,
        })
        .map(|option| format!("{}: {:?}", option.name, option.support))
        .collect();
    assert!(wrong.is_empty(), "nobody reads these, or somebody reads what is said to be inert: {wrong:#?}");
}

const BEGIN: &str = "<!-- options: written by server/tests/options.rs with UPDATE=1 -->\n";
const END: &str = "<!-- options: end -->\n";

fn list() -> String {
    let mut text = String::from("\n| option | here | because |\n| --- | --- | --- |\n");
    for option in OPTIONS {
        let (what, reason) = match option.support {
            Support::Works => continue,
            Support::Inert(reason) => ("changes nothing", reason),
            Support::Refused(reason) => ("only its default is accepted", reason),
        };
        text.push_str(&format!("| `{}` | {what} | {reason} |\n", option.name));
    }
    text + "\n"
}

#[test]
fn the_documentation_lists_the_options_that_do_not_work() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/compatibility.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("the page has the mark where the list begins");
    let (found, after) = rest.split_once(END).expect("the page has the mark where the list ends");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, [before, BEGIN, &list(), END, after].concat()).unwrap();
        return;
    }
    assert_eq!(found, list(), "docs/compatibility.md is out of date: run this test with UPDATE=1");
}
