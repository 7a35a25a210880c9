//! Nothing but a directory that the runner made for this topology is ever cleared.

use crate::user::{User, text};
use std::path::Path;

const TOPOLOGY: &str = "nodes: {a: {}}\n";

/// A user with files that must outlive whatever the runner does: in the home, in the state directory, and in directories
/// of the state directory that look like a topology's but are not the runner's.
fn user_with_files() -> User {
    let user = User::new(TOPOLOGY);
    for dir in ["nodes/a", "redis-runner/nodes/a", "redis-runner/foreign/nodes/a", "elsewhere/nodes/a"] {
        write(&user.home.path().join(dir).join("precious"));
    }
    for (link, target) in [("link", "../elsewhere"), ("linked", "foreign")] {
        std::os::unix::fs::symlink(target, user.home.path().join("redis-runner").join(link)).expect("a link");
    }
    user
}

fn write(file: &Path) {
    std::fs::create_dir_all(file.parent().expect("a folder")).expect("create the folder");
    std::fs::write(file, "precious").expect("write the file");
}

fn assert_all_there(user: &User) {
    for dir in ["nodes/a", "redis-runner/nodes/a", "redis-runner/foreign/nodes/a", "elsewhere/nodes/a"] {
        assert!(user.home.path().join(dir).join("precious").exists(), "{dir} was cleared");
    }
}

#[test]
fn a_name_that_is_a_path_or_empty_is_refused_by_every_command() {
    let user = user_with_files();
    let absolute = user.home.path().join("nodes").display().to_string();
    for name in ["..", ".", "", "a/b", "../elsewhere", absolute.as_str(), "-x", "a b"] {
        let option = format!("--name={name}");
        for command in [
            &["up", &option, "t.yaml"][..],
            &["up", "-d", &option, "t.yaml"],
            &["run", &option, "t.yaml", "--", "true"],
            &["timeline", &option, "--do", "wait 1ms", "t.yaml"],
            &["plan", &option, "t.yaml"],
            &["down", &option],
            &["status", &option],
        ] {
            let output = user.run(command);
            assert_eq!(output.status.code(), Some(2), "{command:?}: {}", text(&output.stderr));
            assert!(text(&output.stderr).contains("--name"), "{command:?}: {}", text(&output.stderr));
        }
    }
    assert_all_there(&user);
}

#[test]
fn a_name_in_the_file_obeys_the_same_rule() {
    let user = user_with_files();
    for name in ["..", "", "a/b", "/tmp/x"] {
        std::fs::write(user.home.path().join("t.yaml"), format!("name: '{name}'\n{TOPOLOGY}")).expect("write");
        let output = user.run(&["up", "t.yaml"]);
        assert_eq!(output.status.code(), Some(2), "{name:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains("--> t.yaml:1:7"), "{name:?}: {}", text(&output.stderr));
    }
    assert_all_there(&user);
}

#[test]
fn the_name_of_a_file_is_made_to_fit_or_refused() {
    let user = user_with_files();
    let plan = |file: &str| {
        std::fs::write(user.home.path().join(file), TOPOLOGY).expect("write the topology");
        user.run(&["plan", file])
    };
    assert!(text(&plan("my topology v1.2.yaml").stdout).starts_with("topology my-topology-v1-2 in "));
    for file in ["...yaml", "-.yaml", "\u{e9}.yaml"] {
        let output = plan(&format!("./{file}"));
        assert_eq!(output.status.code(), Some(2), "{file}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains("`name: NAME`"), "{}", text(&output.stderr));
    }
    assert_all_there(&user);
}

#[test]
fn a_directory_without_our_marker_is_left_alone() {
    let user = user_with_files();
    for name in ["foreign", "nodes", "link", "linked"] {
        for command in [&["up", "--name", name, "t.yaml"][..], &["up", "-d", "--keep", "--name", name, "t.yaml"]] {
            let output = user.run(command);
            assert_eq!(output.status.code(), Some(1), "{command:?}: {}", text(&output.stderr));
            assert!(text(&output.stderr).contains("was not made by the runner"), "{}", text(&output.stderr));
        }
    }
    user.ok(&["gc", "--all"]);
    assert_all_there(&user);
}

#[test]
fn a_topology_that_cannot_be_planned_leaves_no_directory() {
    let user = User::new("nodes: {a: {port: 65000}}\n");
    let output = user.run(&["up", "--port-offset", "1000", "t.yaml"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    user.assert_nothing_left(&[]);
}
