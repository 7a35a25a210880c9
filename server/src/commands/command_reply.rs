//! How COMMAND INFO and COMMAND DOCS describe a command.

use crate::resp::Reply;

use crate::server::doc::{Argument, Begin, CommandDoc, Find, Internal, KeySpec};

/// Writes a set of simple strings.
fn status_set(reply: &mut Reply<'_>, names: impl Iterator<Item = String>) {
    let names: Vec<String> = names.collect();
    reply.set(names.len());
    names.iter().for_each(|name| reply.simple(name));
}

/// The names of the bits that are on, as clients see them.
fn names<B: bitflags::Flags>(bits: &B) -> impl Iterator<Item = String> {
    bits.iter_names().map(|(name, _)| name.to_lowercase())
}

/// The subcommands that Redis has, too; our own are not shown.
fn shown(command: &CommandDoc) -> impl Iterator<Item = &CommandDoc> {
    command.subcommands.iter().filter(|sub| !sub.is(Internal::OURS))
}

/// An entry of COMMAND and COMMAND INFO; `name` is the name that clients use.
pub fn info(reply: &mut Reply<'_>, command: &CommandDoc, name: &[u8]) {
    reply.array(10);
    reply.bulk(name);
    reply.integer(i64::from(command.arity));
    status_set(reply, names(&command.flags));
    let (first, last, step) = command.legacy_keys;
    for number in [first, last, step] {
        reply.integer(i64::from(number));
    }
    status_set(reply, names(&command.acl).map(|name| format!("@{name}")));
    reply.set(command.tips.len());
    command.tips.iter().for_each(|tip| reply.bulk(tip.as_bytes()));
    reply.set(command.key_specs.len());
    command.key_specs.iter().for_each(|spec| key_spec(reply, spec));
    reply.set(shown(command).count());
    shown(command).for_each(|sub| info(reply, sub, sub.name.as_bytes()));
}

fn key_spec(reply: &mut Reply<'_>, spec: &KeySpec) {
    reply.map(3 + usize::from(!spec.notes.is_empty()));
    if !spec.notes.is_empty() {
        reply.bulk(b"notes");
        reply.bulk(spec.notes.as_bytes());
    }
    reply.bulk(b"flags");
    status_set(reply, spec.flags.names());
    reply.bulk(b"begin_search");
    match spec.begin {
        Begin::Index(index) => typed(reply, "index", &[("index", index)]),
        Begin::Keyword(word, from) => {
            head(reply, "keyword", 2);
            reply.bulk(b"keyword");
            reply.bulk(word.as_bytes());
            reply.bulk(b"startfrom");
            reply.integer(i64::from(from));
        }
        Begin::Unknown => typed(reply, "unknown", &[]),
    }
    reply.bulk(b"find_keys");
    match spec.find {
        Find::Range(last, step, limit) => {
            typed(reply, "range", &[("lastkey", last), ("keystep", step), ("limit", limit)]);
        }
        Find::KeyNum(number, first, step) => {
            typed(reply, "keynum", &[("keynumidx", number), ("firstkey", first), ("keystep", step)]);
        }
        Find::Unknown => typed(reply, "unknown", &[]),
    }
}

fn head(reply: &mut Reply<'_>, kind: &str, fields: usize) {
    reply.map(2);
    reply.bulk(b"type");
    reply.bulk(kind.as_bytes());
    reply.bulk(b"spec");
    reply.map(fields);
}

fn typed(reply: &mut Reply<'_>, kind: &str, fields: &[(&str, i32)]) {
    head(reply, kind, fields.len());
    for (name, number) in fields {
        reply.bulk(name.as_bytes());
        reply.integer(i64::from(*number));
    }
}

/// Writes a text field of a map, unless it is empty.
fn text(reply: &mut Reply<'_>, name: &str, value: &str) {
    if !value.is_empty() {
        reply.bulk(name.as_bytes());
        reply.bulk(value.as_bytes());
    }
}

fn count(present: &[bool]) -> usize {
    present.iter().filter(|present| **present).count()
}

/// An entry of COMMAND DOCS: the name, and a map of what is known.
pub fn docs(reply: &mut Reply<'_>, command: &CommandDoc, name: &[u8]) {
    reply.bulk(name);
    reply.map(count(&[
        !command.summary.is_empty(),
        !command.since.is_empty(),
        !command.group.is_empty(),
        !command.complexity.is_empty(),
        !command.doc_flags.is_empty(),
        !command.deprecated_since.is_empty(),
        !command.replaced_by.is_empty(),
        !command.history.is_empty(),
        !command.arguments.is_empty(),
        !command.subcommands.is_empty(),
    ]));
    text(reply, "summary", command.summary);
    text(reply, "since", command.since);
    text(reply, "group", command.group);
    text(reply, "complexity", command.complexity);
    if !command.doc_flags.is_empty() {
        reply.bulk(b"doc_flags");
        status_set(reply, names(&command.doc_flags));
    }
    text(reply, "deprecated_since", command.deprecated_since);
    text(reply, "replaced_by", command.replaced_by);
    if !command.history.is_empty() {
        reply.bulk(b"history");
        reply.set(command.history.len());
        for (version, change) in command.history {
            reply.bulks([version.as_bytes(), change.as_bytes()].into_iter());
        }
    }
    if !command.arguments.is_empty() {
        reply.bulk(b"arguments");
        arguments(reply, command.arguments);
    }
    if !command.subcommands.is_empty() {
        reply.bulk(b"subcommands");
        reply.map(shown(command).count());
        shown(command).for_each(|sub| docs(reply, sub, sub.name.as_bytes()));
    }
}

fn arguments(reply: &mut Reply<'_>, list: &[Argument]) {
    reply.array(list.len());
    for argument in list {
        reply.map(
            2 + count(&[
                argument.key_spec.is_some(),
                argument.token.is_some(),
                !argument.since.is_empty(),
                !argument.deprecated_since.is_empty(),
                !argument.flags.is_empty(),
                !argument.arguments.is_empty(),
            ]),
        );
        text(reply, "name", argument.name);
        text(reply, "type", argument.kind.name());
        if let Some(index) = argument.key_spec {
            reply.bulk(b"key_spec_index");
            reply.integer(index as i64);
        }
        if let Some(token) = argument.token {
            reply.bulk(b"token");
            reply.bulk(token.as_bytes());
        }
        text(reply, "since", argument.since);
        text(reply, "deprecated_since", argument.deprecated_since);
        if !argument.flags.is_empty() {
            reply.bulk(b"flags");
            status_set(reply, names(&argument.flags));
        }
        if !argument.arguments.is_empty() {
            reply.bulk(b"arguments");
            arguments(reply, argument.arguments);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        commands::table::COMMANDS,
        upstream::{Reply as Theirs, Upstream},
    };

    /// Blanks out prose, and sorts what Redis replies in the order of a hash table.
    fn normal(value: Theirs) -> Theirs {
        let Theirs::Array(items) = value else { return value };
        let mut items: Vec<Theirs> = items.into_iter().map(normal).collect();
        for at in 1..items.len() {
            let (before, after) = items.split_at_mut(at);
            let Theirs::Bulk(name) = &before[at - 1] else { continue };
            match (name.as_slice(), &mut after[0]) {
                (b"summary" | b"complexity" | b"notes", Theirs::Bulk(text)) => text.clear(),
                (b"history", Theirs::Array(changes)) => {
                    for change in changes {
                        let Theirs::Array(pair) = change else { continue };
                        pair.truncate(1);
                    }
                }
                (b"subcommands", Theirs::Array(flat)) => {
                    let mut pairs: Vec<_> = flat.chunks(2).map(<[Theirs]>::to_vec).collect();
                    pairs.sort_by_key(|pair| format!("{:?}", pair[0]));
                    *flat = pairs.concat();
                }
                _ => {}
            }
        }
        // An entry of COMMAND INFO: its last part lists subcommands.
        if items.len() == 10
            && let Some(Theirs::Array(subs)) = items.last_mut()
        {
            subs.sort_by_key(|sub| format!("{sub:?}"));
        }
        Theirs::Array(items)
    }

    fn ours(write: impl FnOnce(&mut Reply<'_>)) -> Theirs {
        let mut bytes = Vec::new();
        write(&mut Reply::new(&mut bytes, false));
        Theirs::parse(&bytes)
    }

    #[test]
    fn every_command_is_described_as_the_real_server_describes_it() {
        let Some(mut redis) = Upstream::start(&[]) else { return };
        let mut commands: Vec<_> = COMMANDS.iter().filter(|command| command.name != "sentinel").collect();
        commands.sort_by_key(|command| command.name);
        assert_eq!(redis.call(&["COMMAND", "COUNT"]), Theirs::Integer(commands.len() as i64));
        for command in commands {
            let name = command.name;
            let theirs = redis.call(&["COMMAND", "INFO", name]).array().remove(0);
            let described = ours(|reply| info(reply, command, name.as_bytes()));
            assert_eq!(normal(described), normal(theirs), "INFO {name}");
            let theirs = redis.call(&["COMMAND", "DOCS", name]);
            let described = ours(|reply| {
                reply.map(1);
                docs(reply, command, name.as_bytes());
            });
            assert_eq!(normal(described), normal(theirs), "DOCS {name}");
        }
    }
}
