//! The MODULE command. Modules cannot be loaded, so the list is always empty.

use crate::base::log::{Level, log};
use crate::resp::Args;
use crate::server::error::MODULE_REFUSED;
use crate::server::{CommandError, CommandResult, Family, Handler, ServerContext};

/// Handlers of the family.
pub static FAMILY: Family = &[
    ("module|help", Handler::Server(help)),
    ("module|list", Handler::Server(list)),
    ("module|load", Handler::Server(load)),
    ("module|loadex", Handler::Server(load)),
    ("module|unload", Handler::Server(unload)),
];

/// `MODULE LIST`.
fn list(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    ctx.reply().array(0);
    Ok(())
}

fn guarded(ctx: &ServerContext<'_>) -> CommandResult {
    if super::config::allows(ctx.server.config.enable_module_command, ctx) { Ok(()) } else { Err(MODULE_REFUSED) }
}

/// `MODULE LOAD path [arg ...]`, `MODULE LOADEX path [CONFIG name value ...] [ARGS arg ...]`.
fn load(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    guarded(ctx)?;
    let path = String::from_utf8_lossy(args.get(2));
    log(Level::Warning, &format!("Module {path} failed to load: modules are not supported by this server"));
    Err(CommandError::Static("ERR Error loading the extension. Please check the server logs."))
}

/// `MODULE UNLOAD name`.
fn unload(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    guarded(ctx)?;
    Err(CommandError::Static("ERR Error unloading module: no such module with that name"))
}

fn help(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    super::help(
        &mut ctx.reply(),
        "MODULE",
        &[
            "LIST",
            "    Show the loaded modules: none.",
            "LOAD <path> [<arg> ...]",
            "    Load a module; this server refuses.",
            "LOADEX <path> [[CONFIG NAME VALUE] ...] [ARGS ...]",
            "    Load a module with settings; this server refuses.",
            "UNLOAD <name>",
            "    Unload a module.",
        ],
    );
    Ok(())
}
