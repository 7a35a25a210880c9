//! EVAL and its kin, SCRIPT.

use crate::base::numbers::parse_i64;
use crate::dispatch::script::{Script, sha_word};
use crate::resp::Args;
use crate::server::error::*;
use crate::server::{CommandError, CommandResult, Family, Handler, ServerContext};

/// Handlers of the family.
pub static FAMILY: Family = &[
    ("eval", Handler::Server(|ctx, args| eval(ctx, args, false))),
    ("eval_ro", Handler::Server(|ctx, args| eval(ctx, args, true))),
    ("evalsha", Handler::Server(|ctx, args| evalsha(ctx, args, false))),
    ("evalsha_ro", Handler::Server(|ctx, args| evalsha(ctx, args, true))),
    ("script|debug", Handler::Server(script_debug)),
    ("script|exists", Handler::Server(script_exists)),
    ("script|flush", Handler::Server(script_flush)),
    ("script|help", Handler::Server(script_help)),
    ("script|kill", Handler::Server(script_kill)),
    ("script|load", Handler::Server(script_load)),
];

const NO_SCRIPT: CommandError = CommandError::Static("NOSCRIPT No matching script. Please use EVAL.");

/// Parses the number of keys, which is word 2.
pub(super) fn key_count(args: &Args<'_>, not_a_number: CommandError) -> CommandResult<usize> {
    let count = parse_i64(args.get(2)).ok_or(not_a_number)?;
    if count > args.len() as i64 - 3 {
        return Err(CommandError::Static("ERR Number of keys can't be greater than number of args"));
    }
    usize::try_from(count).map_err(|_| CommandError::Static("ERR Number of keys can't be negative"))
}

/// `EVAL script numkeys [key ...] [arg ...]`, `EVAL_RO`.
fn eval(ctx: &mut ServerContext<'_>, args: &Args<'_>, read_only: bool) -> CommandResult {
    ctx.show_script(args);
    let keys = key_count(args, NOT_INTEGER)?;
    ctx.server.scripting.is_idle()?;
    let (sha, script) = ctx
        .server
        .scripting
        .scripts
        .load(args.get(1))
        .map_err(|text| CommandError::Text([b"ERR ", text.as_slice()].concat()))?;
    ctx.server.run_script(ctx.client, args, Script::Cached(&sha, script), script.flags, keys, read_only)
}

/// `EVALSHA sha1 numkeys [key ...] [arg ...]`, `EVALSHA_RO`.
fn evalsha(ctx: &mut ServerContext<'_>, args: &Args<'_>, read_only: bool) -> CommandResult {
    ctx.show_script(args);
    let sha = sha_word(args.get(1)).ok_or(NO_SCRIPT)?;
    let keys = key_count(args, NOT_INTEGER)?;
    let script = ctx.server.scripting.scripts.script(&sha).ok_or(NO_SCRIPT)?;
    ctx.server.run_script(ctx.client, args, Script::Cached(&sha, script), script.flags, keys, read_only)
}

/// `SCRIPT LOAD script`.
fn script_load(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    ctx.server.scripting.is_idle()?;
    let loaded = ctx.server.scripting.scripts.load(args.get(2));
    let (sha, _) = loaded.map_err(|text| CommandError::Text([b"ERR ", text.as_slice()].concat()))?;
    ctx.reply().bulk(&sha);
    Ok(())
}

/// `SCRIPT EXISTS sha1 [sha1 ...]`.
fn script_exists(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    ctx.reply().array(args.len() - 2);
    for word in args.from(2) {
        let known = sha_word(word).is_some_and(|sha| ctx.server.scripting.scripts.script(&sha).is_some());
        ctx.reply().integer(i64::from(known));
    }
    Ok(())
}

/// `SCRIPT FLUSH [ASYNC | SYNC]`.
fn script_flush(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    if args.len() > 3 || (args.len() == 3 && !args.is(2, "sync") && !args.is(2, "async")) {
        return Err(CommandError::Static("ERR SCRIPT FLUSH only support SYNC|ASYNC option"));
    }
    ctx.server.scripting.is_idle()?;
    ctx.server.scripting.flush_scripts();
    ctx.reply().ok();
    Ok(())
}

/// `SCRIPT KILL`.
fn script_kill(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    ctx.server.kill_script(true)?;
    ctx.reply().ok();
    Ok(())
}

/// `SCRIPT DEBUG YES | SYNC | NO`: accepts NO only, as there is no debugger.
fn script_debug(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    if args.is(2, "no") {
        ctx.reply().ok();
        Ok(())
    } else if args.is(2, "yes") || args.is(2, "sync") {
        Err(CommandError::Static("ERR SCRIPT DEBUG is not available: this server has no debugger for scripts"))
    } else {
        Err(CommandError::Static("ERR Use SCRIPT DEBUG YES/SYNC/NO"))
    }
}

/// `SCRIPT HELP`.
fn script_help(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    super::help(
        &mut ctx.reply(),
        "SCRIPT",
        &[
            "DEBUG (YES|SYNC|NO)",
            "    Set the debug mode for subsequent scripts executed.",
            "EXISTS <sha1> [<sha1> ...]",
            "    Return information about the existence of the scripts in the script cache.",
            "FLUSH [ASYNC|SYNC]",
            "    Flush the Lua scripts cache. Very dangerous on replicas.",
            "    When called without the optional mode argument, the behavior is determined by the",
            "    lazyfree-lazy-user-flush configuration directive. Valid modes are:",
            "    * ASYNC: Asynchronously flush the scripts cache.",
            "    * SYNC: Synchronously flush the scripts cache.",
            "KILL",
            "    Kill the currently executing Lua script.",
            "LOAD <script>",
            "    Load a script into the scripts cache without executing it.",
        ],
    );
    Ok(())
}
