//! The files that documents show, and those that `runner init` writes, are good; what `runner explain` tells.

use assert_cmd::Command;
use std::path::Path;

fn runner() -> Command {
    let mut command = Command::cargo_bin("runner").expect("the runner is built");
    command.env("COLUMNS", "120");
    command
}

fn said(command: &mut Command) -> String {
    let output = command.assert().success().get_output().stdout.clone();
    String::from_utf8(output).expect("the runner speaks UTF-8")
}

/// The YAML blocks of a document.
fn examples(document: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(document);
    let text = std::fs::read_to_string(path).expect("the document is there");
    let blocks = text.split("```yaml\n").skip(1).filter_map(|rest| rest.split_once("```"));
    blocks.map(|(block, _)| block.to_owned()).collect()
}

#[test]
fn every_topology_in_the_documents_can_be_planned() {
    let folder = tempfile::tempdir().expect("a folder");
    let examples = examples("topologies.md");
    assert!(examples.len() > 5, "the document shows topologies");
    for (number, text) in examples.iter().enumerate() {
        let file = folder.path().join(format!("example-{number}.yaml"));
        std::fs::write(&file, text).expect("a file");
        let plan = said(runner().arg("plan").arg(&file));
        assert!(plan.contains("master") || plan.contains("node-1"), "{text}\n{plan}");
    }
}

#[test]
fn a_topology_comes_from_standard_input_too() {
    let state = tempfile::tempdir().expect("a folder");
    let with_input = |arguments: &[&str]| {
        let mut command = runner();
        command.env("XDG_STATE_HOME", state.path()).args(arguments).write_stdin("nodes: {only: {}}");
        command
    };
    assert!(said(&mut with_input(&["plan", "-"])).contains("only: master"));
    assert!(said(&mut with_input(&["run", "-", "--", "env"])).contains("REDIS_ONLY_PORT="));
    let up = said(&mut with_input(&["up", "-d", "-"]));
    assert!(up.contains("only"), "{up}");
    assert!(said(runner().env("XDG_STATE_HOME", state.path()).arg("status")).contains("only"));
    said(runner().env("XDG_STATE_HOME", state.path()).arg("down"));
    let wrong = runner().args(["plan", "-"]).write_stdin("node: {}").assert().code(2).get_output().stderr.clone();
    assert!(String::from_utf8_lossy(&wrong).contains("standard input:1:1"));
}

#[test]
fn the_scenario_in_the_documents_can_be_played() {
    let folder = tempfile::tempdir().expect("a folder");
    for text in examples("scenarios.md") {
        let file = folder.path().join("example.yaml");
        std::fs::write(&file, text).expect("a file");
        let transcript = said(runner().arg("play").arg(&file));
        assert!(transcript.contains("READONLY You can't write against a read only replica."), "{transcript}");
    }
}

#[test]
fn what_init_writes_can_be_planned_and_is_not_overwritten() {
    let folder = tempfile::tempdir().expect("a folder");
    for kind in ["replication", "sentinel", "cluster"] {
        let init = || {
            let mut command = runner();
            command.current_dir(folder.path()).args(["init", kind]);
            command
        };
        assert!(said(&mut init()).contains(&format!("next: runner up {kind}.yaml")));
        said(runner().current_dir(folder.path()).args(["plan", &format!("{kind}.yaml")]));
        let text = std::fs::read_to_string(folder.path().join(format!("{kind}.yaml"))).expect("it is written");
        assert!(text.starts_with("# yaml-language-server: $schema=topology.schema.json\n"));
        let refused = init().assert().code(2).get_output().stderr.clone();
        assert!(String::from_utf8_lossy(&refused).contains("File exists"));
    }
    let schema = std::fs::read_to_string(folder.path().join("topology.schema.json")).expect("it is written");
    assert_eq!(schema, said(runner().arg("schema")));
}

#[test]
fn a_key_is_explained_by_its_path_or_its_name() {
    let master = said(runner().args(["explain", "sentinels.masters.NAME.master"]));
    assert!(master.contains("sentinels.masters.NAME.master: a text, required"), "{master}");
    let slots = said(runner().args(["explain", "cluster.nodes.NAME.slots"]));
    assert_eq!(slots, said(runner().args(["explain", "slots"])));
    assert_eq!(
        said(runner().args(["explain", "nodes.master.port"])),
        said(runner().args(["explain", "nodes.NAME.port"])),
        "names that the file chooses may be any"
    );
    assert!(said(runner().args(["explain", "tls"])).contains("tls.auth-clients"), "and what is inside of it");
    assert!(said(runner().arg("explain")).contains("cluster.masters"));
    let wrong = runner().args(["explain", "quorums"]).assert().code(2).get_output().stderr.clone();
    assert!(String::from_utf8_lossy(&wrong).contains("did you mean sentinels.quorum"));
}

#[test]
fn every_command_has_a_manual_page_with_its_options_and_the_exit_codes_are_on_the_first() {
    let folder = tempfile::tempdir().expect("a folder");
    let pages = folder.path().join("man1");
    said(runner().arg("man").arg(&pages));
    let page = |name: &str| std::fs::read_to_string(pages.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(page("runner.1").contains("130  interrupted"), "{}", page("runner.1"));
    let help = said(runner().arg("--help"));
    let commands = help.lines().filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next());
    let commands: Vec<&str> = commands.filter(|word| word.starts_with(|c: char| c.is_ascii_lowercase())).collect();
    assert!(commands.contains(&"up") && commands.contains(&"man"), "{commands:?}");
    let listed = |command: &&&str| page("runner.1").contains(&format!("runner\\-{command}(1)"));
    assert!(commands.iter().filter(listed).count() > 30, "{}", page("runner.1"));
    assert!(page("runner-up.1").contains("port\\-offset"), "{}", page("runner-up.1"));
}
