//! Commands by which a client of a cluster sets flags of its session: ASKING, READONLY, READWRITE.

use crate::resp::Args;
use crate::server::client::ClientFlags;
use crate::server::{CommandError, CommandResult, Family, Handler, ServerContext};

/// Handlers of the family.
pub static FAMILY: Family = &[
    ("asking", Handler::Server(asking)),
    ("readonly", Handler::Server(readonly)),
    ("readwrite", Handler::Server(readwrite)),
];

fn set(ctx: &mut ServerContext<'_>, flag: ClientFlags, on: bool) -> CommandResult {
    if !ctx.server.mode.is_cluster() {
        return Err(CommandError::Static("ERR This instance has cluster support disabled"));
    }
    ctx.client.flags.set(flag, on);
    ctx.reply().ok();
    Ok(())
}

/// `ASKING`: the next command may name keys of a slot that this node is only importing.
fn asking(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    set(ctx, ClientFlags::ASKING, true)
}

/// `READONLY`: a replica answers reads itself, perhaps with older data.
fn readonly(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    set(ctx, ClientFlags::READONLY, true)
}

/// `READWRITE`: reverts READONLY.
fn readwrite(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    set(ctx, ClientFlags::READONLY, false)
}
