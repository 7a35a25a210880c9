//! What a topology file says reaches the nodes, and what `runner env` says reaches a shell, as it stands.

use crate::user::{User, WATCHED, engines, eventually, text};
use std::process::Command;

const NASTY: &str = r#"it's "$(touch here)" `y` \ a@b:/?#%"#;

fn topology(password: &str) -> String {
    // JSON is YAML.
    let password = serde_json::to_string(password).expect("JSON");
    format!("nodes: {{a: {{config: {{requirepass: {password}, save: '900 1 300 10'}}}}}}\n")
}

#[test]
fn every_password_reaches_the_node_and_a_shell_unchanged() {
    for engine in engines() {
        for password in ["a b", "it's", "\"", "\\", "tab\there", NASTY] {
            let user = User::new(&topology(password));
            user.ok(&["up", "-d", "--engine", engine, "t.yaml"]);
            let shown = user.ok(&["cli", "a", "CONFIG", "GET", "requirepass"]);
            assert_eq!(shown.lines().nth(1), Some(password), "{engine}");
            assert_eq!(user.ok(&["cli", "a", "CONFIG", "GET", "save"]).lines().nth(1), Some("900 1 300 10"));
            let script = "eval \"$(\"$RUNNER\" env)\" && printf %s \"$REDIS_A_URL\"";
            let mut shell = Command::new("sh");
            shell.args(["-c", script]).env("RUNNER", env!("CARGO_BIN_EXE_runner"));
            let output = shell.current_dir(user.home.path()).env("XDG_STATE_HOME", user.home.path()).output();
            let url = text(&output.expect("run a shell").stdout);
            let (shown, _) =
                url.strip_prefix("redis://default:").and_then(|rest| rest.rsplit_once('@')).expect("a URL");
            assert_eq!(percent_encoding::percent_decode_str(shown).decode_utf8_lossy(), password);
            assert!(!user.home.path().join("here").exists(), "the shell ran the password");
        }
    }
}

#[test]
fn numbers_reach_the_node_as_they_are_written() {
    let passwords = ["0123", "1.0", "1e3", "0x10", "1_000", "12345678901234567890123", "+5", "-0"];
    let nodes: Vec<String> =
        passwords.iter().enumerate().map(|(i, p)| format!("n{i}: {{config: {{requirepass: {p}}}}}")).collect();
    let user = User::new(&format!("nodes: {{{}}}\n", nodes.join(", ")));
    let plan: serde_json::Value = serde_json::from_str(&user.ok(&["plan", "--json", "t.yaml"])).expect("JSON");
    for (index, password) in passwords.iter().enumerate() {
        assert_eq!(plan["nodes"][index]["password"], *password);
        let config = plan["nodes"][index]["config"].as_str().expect("a text");
        assert!(config.contains(&format!("requirepass {password}\n")), "{config}");
    }
}

#[test]
fn every_format_of_the_environment_names_the_node() {
    let user = User::new(&topology("a b"));
    user.ok(&["up", "-d", "t.yaml"]);
    let shown = |format: &str| user.ok(&["env", "--format", format]);
    let json: serde_json::Value = serde_json::from_str(&shown("json")).expect("JSON");
    let url = json["REDIS_A_URL"].as_str().expect("a URL").to_owned();
    assert!(url.starts_with("redis://default:a%20b@127.0.0.1:"), "{url}");
    assert_eq!(json["REDIS_URL"], url.as_str());
    assert!(shown("sh").contains("export REDIS_A_URL="));
    assert!(shown("fish").contains(&format!("set -gx REDIS_A_URL '{url}'\n")));
    assert!(shown("dotenv").contains(&format!("REDIS_A_URL=\"{url}\"\n")));
    assert!(shown("github").contains(&format!("REDIS_A_URL={url}\n")));
}

#[test]
fn after_a_failover_the_environment_names_the_new_master() {
    let user = User::new(WATCHED);
    user.ok(&["up", "-d", "t.yaml"]);
    let value = |name: &str| {
        let shown: serde_json::Value = serde_json::from_str(&user.ok(&["env", "--format", "json"])).expect("JSON");
        shown[name].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(value("REDIS_URL"), value("REDIS_MASTER_URL"));
    user.ok(&["kill", "@master"]);
    eventually("the replica is the master", || value("REDIS_URL") == value("REDIS_REPLICA_URL"));
}
