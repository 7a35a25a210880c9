//! A sequence of commands as a scenario file.

use super::grammar::Command;

/// The scenario: one node, the commands, and what is there in the end.
pub fn scenario(seed: u64, protocol: u8, commands: &[Command]) -> String {
    let mut text = format!(
        "description: Found by the differential test with seed {seed} in RESP{protocol}\n\
         cites: \"the real server's behaviour\"\n\
         topology: {{nodes: {{node: {{}}}}}}\n\
         steps:\n  - {{on: node, send: HELLO {protocol}}}\n"
    );
    for command in commands {
        let line = line(&command.words).replace('\'', "''");
        text.push_str(&format!("  - {{on: node, send: '{line}'}}\n"));
    }
    text.push_str("  - {on: node, send: RESET}\n  - digest: [node]\n");
    text
}

/// A command as one types it, quoted where need be.
pub(super) fn line(words: &[Vec<u8>]) -> String {
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &[u8]) -> String {
    let plain = |byte: &u8| byte.is_ascii_graphic() && !b"\"'\\${}".contains(byte);
    if !word.is_empty() && word.iter().all(plain) {
        return String::from_utf8_lossy(word).into_owned();
    }
    let mut text = String::from('"');
    for &byte in word {
        match byte {
            b'"' | b'\\' => text.extend(['\\', char::from(byte)]),
            b' '..=b'~' => text.push(char::from(byte)),
            other => text.push_str(&format!("\\x{other:02x}")),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::differential::grammar::Order;
    use runner::scenario::Scenario;
    use runner::yaml::Source;

    #[test]
    fn what_is_written_is_a_scenario() {
        let words = ["SET", "it's", "\"\r\n\\ $"].map(|word| word.as_bytes().to_vec()).to_vec();
        let text = scenario(7, 3, &[Command { words, order: Order::Fixed }]);
        let scenario = Scenario::parse(&Source::new("found", text)).expect("a scenario");
        assert_eq!(scenario.steps.len(), 4);
    }
}
