//! The runner's own help: its commands in groups, by what a user wants.

use clap::Command;
use owo_colors::OwoColorize;

/// Where no terminal says how wide it is.
const COLUMNS: usize = 100;

const GROUPS: [(&str, &[&str]); 6] = [
    ("Bring up and take down", &["up", "down", "run", "ls", "gc"]),
    ("Look", &["status", "watch", "logs", "cli", "env", "check", "slots"]),
    ("Break", &["kill", "stop", "pause", "resume", "restart", "fault", "timeline"]),
    ("Reshape a cluster", &["failover", "reshard", "rebalance", "scale"]),
    ("Write topology files", &["init", "explain", "plan", "schema", "engines"]),
    ("Compare engines", &["play", "diff", "conform", "bench"]),
];

/// What is in no group: it needs none to be found.
const OTHERS: [&str; 4] = ["completions", "man", "server", "help"];

/// The command with help in groups.
pub(super) fn grouped(command: Command) -> Command {
    let columns = terminal_size::terminal_size().map_or(COLUMNS, |(width, _)| usize::from(width.0).max(40));
    let mut text = String::from("{about-with-newline}\n{usage-heading} {usage}\n");
    for (title, names) in GROUPS.into_iter().chain([("More", &OTHERS[..])]) {
        text.push_str(&format!("\n{}\n", format!("{title}:").bold().underline()));
        for name in names {
            let about = command.find_subcommand(name).and_then(Command::get_about).map(ToString::to_string);
            let about = about.unwrap_or_else(|| "Print this, or the help of a command".to_owned());
            text.push_str(&format!("  {name:<13}"));
            text.push_str(&wrapped(&first_sentence(&about), 15, columns));
            text.push('\n');
        }
    }
    text.push_str("\n{options}{after-help}");
    command.help_template(text)
}

/// A sentence ends at a stop or a colon; details are for the command's own help.
fn first_sentence(text: &str) -> String {
    let end = text.find(". ").unwrap_or(text.len());
    text[..end].trim_end_matches('.').replace('\n', " ")
}

/// A text in lines, of which all but the first are indented.
pub(super) fn wrapped(text: &str, indent: usize, columns: usize) -> String {
    let mut out = String::new();
    let mut at = indent;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if at > indent && at + 1 + length > columns {
            out.push_str(&format!("\n{}", " ".repeat(indent)));
            at = indent;
        } else if at > indent {
            out.push(' ');
            at += 1;
        }
        out.push_str(word);
        at += length;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn every_command_is_in_one_group() {
        let command = super::super::CommandLine::command();
        let mut grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| *names).chain(&OTHERS).copied().collect();
        let mut known: Vec<&str> = command.get_subcommands().map(Command::get_name).chain(["help"]).collect();
        grouped.sort_unstable();
        known.sort_unstable();
        assert_eq!(grouped, known);
    }

    #[test]
    fn help_fits_a_narrow_terminal() {
        assert_eq!(wrapped("one two three", 4, 12), "one two\n    three");
        assert_eq!(first_sentence("Does this. And that."), "Does this");
    }
}
