//! COMMAND: what the server knows about its commands.

use crate::base::glob;
use crate::commands::command_reply;
use crate::dispatch::keys::{KeyRef, keys_of};
use crate::resp::Args;
use crate::server::doc::{AclCategories, Internal};
use crate::server::error::*;
use crate::server::registry::{Command, Registry};
use crate::server::{CommandError, CommandResult, Family, Handler, ServerContext};

/// Handlers of the family.
pub static FAMILY: Family = &[
    ("command", Handler::Server(command)),
    ("command|count", Handler::Server(count)),
    ("command|docs", Handler::Server(docs)),
    ("command|getkeys", Handler::Server(getkeys)),
    ("command|getkeysandflags", Handler::Server(getkeysandflags)),
    ("command|help", Handler::Server(help)),
    ("command|info", Handler::Server(info)),
    ("command|list", Handler::Server(list)),
];

/// Looks up a command or subcommand by name: `get`, `config|get`.
fn find(registry: &Registry, name: &[u8]) -> Option<&'static Command> {
    let mut parts = name.splitn(2, |byte| *byte == b'|');
    let command = registry.find(parts.next()?)?;
    match parts.next() {
        Some(sub) => command.subcommand(sub),
        None => Some(command),
    }
}

/// All commands, each followed by its subcommands.
fn everything(registry: &Registry) -> impl Iterator<Item = &'static Command> + '_ {
    let all = registry.all().flat_map(|command| std::iter::once(command).chain(command.subcommands()));
    all.filter(|command| !command.doc.is(Internal::OURS))
}

/// `COMMAND`: all commands.
fn command(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    let mut reply = ctx.client.reply();
    reply.array(ctx.server.registry.len());
    for command in ctx.server.registry.all() {
        command_reply::info(&mut reply, command.doc, command.name.as_bytes());
    }
    Ok(())
}

/// `COMMAND COUNT`.
fn count(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    let count = ctx.server.registry.len();
    ctx.reply().integer(count as i64);
    Ok(())
}

/// `COMMAND INFO [name ...]`.
fn info(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    if args.len() == 2 {
        return command(ctx, args);
    }
    let mut reply = ctx.client.reply();
    reply.array(args.len() - 2);
    for name in args.from(2) {
        match find(&ctx.server.registry, name) {
            Some(command) => command_reply::info(&mut reply, command.doc, command.name.as_bytes()),
            None => reply.null(),
        }
    }
    Ok(())
}

/// `COMMAND DOCS [name ...]`: unknown names are left out.
fn docs(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let registry = &ctx.server.registry;
    let commands: Vec<&'static Command> = if args.len() == 2 {
        registry.all().collect()
    } else {
        args.from(2).filter_map(|name| find(registry, name)).collect()
    };
    let mut reply = ctx.client.reply();
    reply.map(commands.len());
    for command in commands {
        command_reply::docs(&mut reply, command.doc, command.name.as_bytes());
    }
    Ok(())
}

/// `COMMAND LIST [FILTERBY MODULE name | ACLCAT category | PATTERN pattern]`: subcommands are listed, too.
fn list(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let registry = &ctx.server.registry;
    let names: Vec<&'static str> = match args.len() {
        2 => everything(registry).map(|command| command.name).collect(),
        5 if args.is(2, "filterby") => {
            let word = args.get(4);
            let all = everything(registry);
            let category =
                AclCategories::all().iter_names().find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes()));
            let category = category.map_or(AclCategories::empty(), |(_, category)| category);
            if args.is(3, "module") {
                Vec::new()
            } else if args.is(3, "aclcat") {
                all.filter(|command| command.doc.acl.intersects(category)).map(|command| command.name).collect()
            } else if args.is(3, "pattern") {
                let matches = |command: &&Command| glob::matches(word, command.name.as_bytes(), true);
                all.filter(matches).map(|command| command.name).collect()
            } else {
                return Err(SYNTAX);
            }
        }
        _ => return Err(SYNTAX),
    };
    ctx.reply().bulks(names.iter().map(|name| name.as_bytes()));
    Ok(())
}

/// The keys of the command line that follows the first two words, and that command line.
fn keys<'a>(ctx: &ServerContext<'_>, args: &Args<'a>) -> Result<(Vec<KeyRef>, Args<'a>), CommandError> {
    let line = args.skip(2);
    let registry = &ctx.server.registry;
    let mut command = registry.find(line.get(0)).ok_or(CommandError::Static("ERR Invalid command specified"))?;
    if command.is_container()
        && let Some(sub) = line.at(1)
    {
        match command.subcommand(sub) {
            Some(found) => command = found,
            None => return Err(CommandError::Static("ERR Invalid command specified")),
        }
    }
    if !command.doc.has_keys() {
        return Err(CommandError::Static("ERR The command has no key arguments"));
    }
    if !command.accepts(line.len()) {
        return Err(CommandError::Static("ERR Invalid number of arguments specified for command"));
    }
    let words: Vec<&[u8]> = line.from(0).collect();
    match keys_of(command.doc, &words, false) {
        Ok(keys) => Ok((keys, line)),
        Err(invalid) => Err(CommandError::text(format!("ERR {invalid}"))),
    }
}

/// `COMMAND GETKEYS command [argument ...]`.
fn getkeys(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let (keys, line) = keys(ctx, args)?;
    ctx.reply().bulks(keys.iter().map(|key| line.get(key.index)));
    Ok(())
}

/// `COMMAND GETKEYSANDFLAGS command [argument ...]`.
fn getkeysandflags(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let (keys, line) = keys(ctx, args)?;
    let mut reply = ctx.client.reply();
    reply.array(keys.len());
    for found in keys {
        reply.array(2);
        reply.bulk(line.get(found.index));
        let names: Vec<String> = found.flags.names().collect();
        reply.set(names.len());
        names.iter().for_each(|name| reply.simple(name));
    }
    Ok(())
}

/// `COMMAND HELP`.
fn help(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    super::help(&mut ctx.client.reply(), "COMMAND", HELP);
    Ok(())
}

const HELP: &[&str] = &[
    "(no subcommand)",
    "    Everything about all commands.",
    "COUNT",
    "    How many commands there are.",
    "LIST [FILTERBY MODULE <name>|ACLCAT <category>|PATTERN <pattern>]",
    "    Names of commands and subcommands.",
    "INFO [<command-name> ...]",
    "    Arity, flags and keys of the commands named, or of all.",
    "DOCS [<command-name> ...]",
    "    Documentation of the commands named, or of all.",
    "GETKEYS <full-command>",
    "    The keys in a command line.",
    "GETKEYSANDFLAGS <full-command>",
    "    The keys in a command line, and what happens to them.",
];
