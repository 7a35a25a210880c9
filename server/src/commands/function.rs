//! FUNCTION, FCALL, `FCALL_RO`.

use std::sync::Arc;

use super::scripting::key_count;
use crate::base::glob;
use crate::dispatch::script::Script;
use crate::persistence::rdb::dump as payload;
use crate::persistence::rdb::primitives::{OP_FUNCTION2, write_function};
use crate::persistence::rdb::reader::Reader;
use crate::resp::{Args, Reply};
use crate::scripting::engine::Function;
use crate::scripting::shebang::ScriptFlags;
use crate::server::error::*;
use crate::server::functions::RestorePolicy;
use crate::server::{CommandError, CommandResult, Family, Handler, ServerContext};

/// Handlers of the family.
pub static FAMILY: Family = &[
    ("fcall", Handler::Server(|ctx, args| fcall(ctx, args, false))),
    ("fcall_ro", Handler::Server(|ctx, args| fcall(ctx, args, true))),
    ("function|delete", Handler::Server(delete)),
    ("function|dump", Handler::Server(dump)),
    ("function|flush", Handler::Server(flush)),
    ("function|help", Handler::Server(help)),
    ("function|kill", Handler::Server(kill)),
    ("function|list", Handler::Server(list)),
    ("function|load", Handler::Server(load)),
    ("function|restore", Handler::Server(restore)),
    ("function|stats", Handler::Server(stats)),
];

fn syntax(args: &Args<'_>) -> CommandError {
    let word = shown(args.get(1), 128);
    let head = &b"ERR unknown subcommand or wrong number of arguments for '"[..];
    CommandError::Text([head, word, b"'. Try FUNCTION HELP."].concat())
}

/// `FCALL function numkeys [key ...] [arg ...]`, `FCALL_RO`.
fn fcall(ctx: &mut ServerContext<'_>, args: &Args<'_>, read_only: bool) -> CommandResult {
    ctx.show_script(args);
    let found = ctx.server.scripting.functions.find(args.get(1));
    let (name, place, flags) = found
        .map(|found| (Arc::clone(&found.name), found.place, found.flags))
        .ok_or(CommandError::Static("ERR Function not found"))?;
    let keys = key_count(args, CommandError::Static("ERR Bad number of keys provided"))?;
    ctx.server.run_script(ctx.client, args, Script::Function(&name, place), flags, keys, read_only)
}

/// `FUNCTION LOAD [REPLACE] code`.
fn load(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    ctx.server.scripting.is_idle()?;
    let code = args.len() - 1;
    let mut replace = false;
    for word in (2..code).map(|index| args.get(index)) {
        if !word.eq_ignore_ascii_case(b"replace") {
            return Err(CommandError::Text([b"ERR Unknown option given: ", shown(word, usize::MAX)].concat()));
        }
        replace = true;
    }
    let limited = !ctx.server.persistence.is_loading()
        && !ctx.client.flags.intersects(crate::server::client::ClientFlags::PRIMARY);
    let name = ctx.server.scripting.functions.load(args.get(code), replace, limited)?;
    ctx.server.effects.changed(1);
    ctx.reply().bulk(&name);
    Ok(())
}

/// `FUNCTION DELETE library`.
fn delete(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    ctx.server.scripting.is_idle()?;
    if !ctx.server.scripting.functions.delete(args.get(2)) {
        return Err(CommandError::Static("ERR Library not found"));
    }
    ctx.server.effects.changed(1);
    ctx.reply().ok();
    Ok(())
}

/// `FUNCTION FLUSH [ASYNC | SYNC]`.
fn flush(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    if args.len() > 3 {
        return Err(syntax(args));
    }
    if args.len() == 3 && !args.is(2, "sync") && !args.is(2, "async") {
        return Err(CommandError::Static("ERR FUNCTION FLUSH only supports SYNC|ASYNC option"));
    }
    ctx.server.scripting.is_idle()?;
    ctx.server.scripting.functions.flush();
    ctx.server.effects.changed(1);
    ctx.reply().ok();
    Ok(())
}

fn list_function(reply: &mut Reply<'_>, name: &[u8], function: &Function) {
    reply.map(3);
    reply.bulk(b"name");
    reply.bulk(name);
    reply.bulk(b"description");
    match &function.description {
        Some(text) => reply.bulk(text),
        None => reply.null(),
    }
    reply.bulk(b"flags");
    let flags = || ScriptFlags::NAMES.iter().filter(|(flag, _)| function.flags.intersects(*flag));
    reply.set(flags().count());
    flags().for_each(|(_, name)| reply.simple(name));
}

/// `FUNCTION LIST [LIBRARYNAME pattern] [WITHCODE]`.
fn list(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let (mut with_code, mut pattern) = (false, None);
    let mut index = 2;
    while index < args.len() {
        if !with_code && args.is(index, "withcode") {
            with_code = true;
        } else if pattern.is_none() && args.is(index, "libraryname") {
            index += 1;
            pattern = Some(args.at(index).ok_or(CommandError::Static("ERR library name argument was not given"))?);
        } else {
            return Err(CommandError::Text([b"ERR Unknown argument ", shown(args.get(index), usize::MAX)].concat()));
        }
        index += 1;
    }
    let libraries = ctx.server.scripting.functions.libraries();
    let listed: Vec<_> =
        libraries.iter().filter(|(name, _)| pattern.is_none_or(|pattern| glob::matches(pattern, name, true))).collect();
    let mut reply = Reply::bounded(&mut ctx.client.out, ctx.client.resp3, ctx.client.room);
    reply.array(listed.len());
    for (name, library) in listed {
        reply.map(if with_code { 4 } else { 3 });
        reply.bulk(b"library_name");
        reply.bulk(name);
        reply.bulk(b"engine");
        reply.bulk(b"LUA");
        reply.bulk(b"functions");
        reply.array(library.functions.len());
        library.functions.iter().for_each(|(name, function)| list_function(&mut reply, name, function));
        if with_code {
            reply.bulk(b"library_code");
            reply.bulk(&library.code);
        }
    }
    Ok(())
}

/// `FUNCTION STATS`.
fn stats(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    let scripting = &ctx.server.scripting;
    if let Some(running) = scripting.running.as_ref().filter(|running| running.is_eval) {
        return Err(running.busy_error());
    }
    let mut reply = Reply::bounded(&mut ctx.client.out, ctx.client.resp3, ctx.client.room);
    reply.map(2);
    reply.bulk(b"running_script");
    match &scripting.running {
        None => reply.null(),
        Some(running) => {
            reply.map(3);
            reply.bulk(b"name");
            reply.bulk(&running.name);
            reply.bulk(b"command");
            let words = running.words.as_args();
            reply.array(words.len());
            words.from(0).for_each(|word| reply.bulk(word));
            reply.bulk(b"duration_ms");
            let nanos = crate::base::clock::monotonic_ns().saturating_sub(running.started);
            reply.integer((nanos / 1_000_000) as i64);
        }
    }
    reply.bulk(b"engines");
    reply.map(1);
    reply.bulk(b"LUA");
    reply.map(2);
    reply.bulk(b"libraries_count");
    reply.integer(scripting.functions.libraries().len() as i64);
    reply.bulk(b"functions_count");
    reply.integer(scripting.functions.count() as i64);
    Ok(())
}

/// `FUNCTION KILL`.
fn kill(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    ctx.server.kill_script(false)?;
    ctx.reply().ok();
    Ok(())
}

/// `FUNCTION DUMP`.
fn dump(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    let mut bytes = Vec::new();
    let compress = ctx.server.config.rdbcompression;
    for library in ctx.server.scripting.functions.libraries().values() {
        write_function(&mut bytes, &library.code, compress);
    }
    payload::finish(&mut bytes);
    ctx.reply().bulk(&bytes);
    Ok(())
}

/// `FUNCTION RESTORE payload [FLUSH | APPEND | REPLACE]`.
fn restore(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    if args.len() > 4 {
        return Err(syntax(args));
    }
    let policy = match args.at(3).map(<[u8]>::to_ascii_lowercase).as_deref() {
        None | Some(b"append") => RestorePolicy::Append,
        Some(b"replace") => RestorePolicy::Replace,
        Some(b"flush") => RestorePolicy::Flush,
        Some(_) => {
            return Err(CommandError::Static(
                "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.",
            ));
        }
    };
    ctx.server.scripting.is_idle()?;
    let body = payload::verify(args.get(2), payload::skips_checksums())
        .map_err(|_| CommandError::Static("ERR DUMP payload version or checksum are wrong"))?;
    let mut reader = Reader::over(body);
    let mut codes = Vec::new();
    while reader.offset() < body.len() as u64 {
        let kind = reader.u8().map_err(|_| CommandError::Static("ERR can not read data type"))?;
        if kind != OP_FUNCTION2 {
            return Err(CommandError::Static("ERR given type is not a function"));
        }
        let code = reader.text();
        codes.push(code.map_err(|_| CommandError::Static("ERR Failed loading library data"))?);
    }
    ctx.server.scripting.functions.restore(&codes, policy)?;
    ctx.server.effects.changed(1);
    ctx.reply().ok();
    Ok(())
}

/// `FUNCTION HELP`.
fn help(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    super::help(
        &mut ctx.reply(),
        "FUNCTION",
        &[
            "LOAD [REPLACE] <FUNCTION CODE>",
            "    Create a new library with the given library name and code.",
            "DELETE <LIBRARY NAME>",
            "    Delete the given library.",
            "LIST [LIBRARYNAME PATTERN] [WITHCODE]",
            "    Return general information on all the libraries:",
            "    * Library name",
            "    * The engine used to run the Library",
            "    * Library description",
            "    * Functions list",
            "    * Library code (if WITHCODE is given)",
            "    It also possible to get only function that matches a pattern using LIBRARYNAME argument.",
            "STATS",
            "    Return information about the current function running:",
            "    * Function name",
            "    * Command used to run the function",
            "    * Duration in MS that the function is running",
            "    If no function is running, return nil",
            "    In addition, returns a list of available engines.",
            "KILL",
            "    Kill the current running function.",
            "FLUSH [ASYNC|SYNC]",
            "    Delete all the libraries.",
            "    When called without the optional mode argument, the behavior is determined by the",
            "    lazyfree-lazy-user-flush configuration directive. Valid modes are:",
            "    * ASYNC: Asynchronously flush the libraries.",
            "    * SYNC: Synchronously flush the libraries.",
            "DUMP",
            "    Return a serialized payload representing the current libraries, can be restored using FUNCTION RESTORE command",
            "RESTORE <PAYLOAD> [FLUSH|APPEND|REPLACE]",
            "    Restore the libraries represented by the given payload, it is possible to give a restore policy to",
            "    control how to handle existing libraries (default APPEND):",
            "    * FLUSH: delete all existing libraries.",
            "    * APPEND: appends the restored libraries to the existing libraries. On collision, abort.",
            "    * REPLACE: appends the restored libraries to the existing libraries, On collision, replace the old",
            "      libraries with the new libraries (notice that even on this option there is a chance of failure",
            "      in case of functions name collision with another library).",
        ],
    );
    Ok(())
}
