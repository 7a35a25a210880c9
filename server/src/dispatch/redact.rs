//! Secrets in arguments: MONITOR, SLOWLOG and crash reports show `(redacted)` in their place.
//!
//! The command table says which words are secrets: see [`Secrets`].

use crate::config::lookup;
use crate::config::options::REDACTED;
use crate::resp::Args;
use crate::server::doc::Secrets;
use crate::server::registry::Command;

/// The words of a command as they may be shown.
pub fn shown_words<'a>(command: &Command, args: &Args<'a>) -> impl Iterator<Item = &'a [u8]> {
    let args = *args;
    let hidden = hidden_words(command.doc.secrets, &args);
    (0..args.len()).map(move |at| if hidden(at) { b"(redacted)" } else { args.get(at) })
}

/// Returns a function that says whether the word at a position is a secret.
fn hidden_words<'a>(secrets: Secrets, args: &Args<'a>) -> impl Fn(usize) -> bool + use<'a> {
    let args = *args;
    let end = match secrets {
        Secrets::Behind { from, words, until: Some(until) } => plain_from(&args, from, words, until),
        _ => args.len(),
    };
    move |at| match secrets {
        Secrets::None => false,
        Secrets::From(first) => at >= first,
        Secrets::Behind { from, words, .. } => words.iter().any(|&(word, count)| {
            (1..=count).any(|back| at >= from + back && at - back < end && args.is(at - back, word))
        }),
        Secrets::OfOptions => at > 2 && lookup(args.get(at - 1)).is_some_and(|(option, _)| option.has(REDACTED)),
    }
}

/// The position of the first word `until` that is not itself a secret.
fn plain_from(args: &Args<'_>, from: usize, words: &[(&str, usize)], until: &str) -> usize {
    let mut at = from;
    while at < args.len() && !args.is(at, until) {
        let follow = words.iter().find(|(word, _)| args.is(at, word));
        at += 1 + follow.map_or(0, |(_, count)| *count);
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::request::OwnedArgs;
    use crate::server::doc::{Argument, CommandDoc};
    use crate::server::registry::Registry;

    fn shown(registry: &Registry, line: &str) -> String {
        let words = line.split(' ').map(str::as_bytes);
        let request = OwnedArgs::new(words);
        let args = request.as_args();
        let command = registry.find(args.get(0)).unwrap();
        let command = args.at(1).and_then(|word| command.subcommand(word)).unwrap_or(command);
        let words: Vec<_> = shown_words(command, &args).map(String::from_utf8_lossy).collect();
        words.join(" ").replace("(redacted)", "*")
    }

    #[test]
    fn what_follows_certain_words_is_hidden_wherever_they_stand() {
        let registry = Registry::new(crate::commands::catalogue(), false);
        for (line, expected) in [
            ("AUTH pw", "AUTH *"),
            ("auth user pw", "auth * *"),
            ("HELLO 3 AUTH user pw SETNAME auth", "HELLO 3 AUTH * * SETNAME auth"),
            ("HELLO 3 SETNAME AUTH AUTH user pw", "HELLO 3 SETNAME AUTH * * *"),
            ("HELLO 3 AUTH pw", "HELLO 3 AUTH *"),
            ("MIGRATE h 1 k 0 10 AUTH pw", "MIGRATE h 1 k 0 10 AUTH *"),
            ("MIGRATE h 1 k 0 10 COPY AUTH2 keys pw KEYS auth b", "MIGRATE h 1 k 0 10 COPY AUTH2 * * KEYS auth b"),
            ("MIGRATE auth 1 k 0 10 REPLACE", "MIGRATE auth 1 k 0 10 REPLACE"),
            ("CONFIG SET maxmemory 1 requirepass pw", "CONFIG SET maxmemory 1 requirepass *"),
            ("CONFIG SET maxmemory MASTERAUTH pw", "CONFIG SET maxmemory MASTERAUTH *"),
            (
                "CONFIG SET tls-key-file-pass pw tls-client-key-file-pass pw",
                "CONFIG SET tls-key-file-pass * tls-client-key-file-pass *",
            ),
            ("SET auth pw", "SET auth pw"),
        ] {
            assert_eq!(shown(&registry, line), expected);
        }
        let registry = Registry::new(crate::commands::catalogue(), true);
        for (line, expected) in [
            ("SENTINEL SET m quorum 2 AUTH-PASS pw auth-user u", "SENTINEL SET m quorum 2 AUTH-PASS * auth-user *"),
            ("SENTINEL CONFIG SET sentinel-pass pw", "SENTINEL CONFIG SET sentinel-pass *"),
        ] {
            assert_eq!(shown(&registry, line), expected);
        }
    }

    /// Whether the name of an argument, or of one nested in it, says that it is a secret.
    fn names_a_secret(argument: &Argument) -> bool {
        argument.name.contains("password") || argument.arguments.iter().any(names_a_secret)
    }

    /// Commands whose secrets are values of options, which the names of their arguments do not reveal.
    const BY_OPTION: [&str; 4] = ["config|set", "sentinel|set", "sentinel|config", "acl|setuser"];

    #[test]
    fn every_command_that_takes_a_secret_says_where_it_stands() {
        fn walk<'a>(docs: &'a [CommandDoc], found: &mut Vec<&'a CommandDoc>) {
            for doc in docs {
                found.push(doc);
                walk(doc.subcommands, found);
            }
        }
        let mut docs = Vec::new();
        walk(crate::commands::table::COMMANDS, &mut docs);
        let mut seen = 0;
        for doc in docs {
            let takes = BY_OPTION.contains(&doc.name) || doc.arguments.iter().any(names_a_secret);
            assert_eq!(takes, doc.secrets != Secrets::None, "{}", doc.name);
            seen += usize::from(takes);
        }
        assert!(seen > BY_OPTION.len(), "the walk found no argument that is called a password");
    }
}
