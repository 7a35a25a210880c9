//! MULTI, EXEC, DISCARD, WATCH, UNWATCH.

use std::collections::hash_map::Entry;

use crate::acl::log::Context;
use crate::dispatch::acl::{no_longer_permitted, permits};
use crate::resp::Args;
use crate::server::client::ClientFlags;
use crate::server::error::*;
use crate::server::{CommandError, CommandResult, Family, Handler, ServerContext};
use crate::store::entry::EntryRef;

/// Handlers of the family.
pub static FAMILY: Family = &[
    ("discard", Handler::Server(discard)),
    ("exec", Handler::Server(exec)),
    ("multi", Handler::Server(multi)),
    ("unwatch", Handler::Server(unwatch)),
    ("watch", Handler::Server(watch)),
];

fn in_multi(ctx: &ServerContext<'_>) -> bool {
    ctx.client.flags.intersects(ClientFlags::MULTI)
}

/// `MULTI`.
fn multi(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    if in_multi(ctx) {
        return Err(CommandError::Static("ERR MULTI calls can not be nested"));
    }
    ctx.client.flags.insert(ClientFlags::MULTI);
    ctx.client.transaction_mut().queue.clear();
    ctx.reply().ok();
    Ok(())
}

/// `DISCARD`.
fn discard(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    if !in_multi(ctx) {
        return Err(CommandError::Static("ERR DISCARD without MULTI"));
    }
    ctx.server.discard_transaction(ctx.client);
    ctx.reply().ok();
    Ok(())
}

/// `EXEC`: all queued commands, one after the other, with nothing in between.
fn exec(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    if !in_multi(ctx) {
        return Err(CommandError::Static("ERR EXEC without MULTI"));
    }
    if watched_key_expired(ctx) {
        ctx.client.flags.insert(ClientFlags::DIRTY_CAS);
    }
    let flags = ctx.client.flags;
    if flags.intersects(ClientFlags::DIRTY_EXEC) {
        ctx.server.discard_transaction(ctx.client);
        return Err(EXEC_ABORT);
    }
    if flags.intersects(ClientFlags::DIRTY_CAS) {
        ctx.server.discard_transaction(ctx.client);
        if !ctx.client.is_silent() {
            ctx.reply().null_array();
        }
        return Ok(());
    }
    let queue = std::mem::take(&mut ctx.client.transaction_mut().queue);
    ctx.server.discard_transaction(ctx.client);
    ctx.client.flags.insert(ClientFlags::IN_EXEC);
    // Without replies, the output holds only messages, such as SUBSCRIBE's, which are not part of an array.
    if !ctx.client.is_silent() {
        ctx.reply().array(queue.len());
    }
    let exec = ctx.client.last_command;
    for (command, request) in &queue {
        let args = request.as_args();
        // Permissions may have changed since the command was queued, even by an earlier command of this transaction.
        if ctx.client.flags.intersects(ClientFlags::RESTRICTED)
            && let Err(denial) = permits(ctx.client, command, &args)
            && !ctx.server.writes_only_arriving_slots(ctx.client, command, &args)
        {
            ctx.client.last_command = exec;
            ctx.server.note_denial(ctx.client, command, &args, denial, Context::Multi);
            let error = no_longer_permitted(denial);
            ctx.server.reply_error(ctx.client, error.bytes());
            continue;
        }
        ctx.server.call(ctx.client, command, &args);
    }
    // The unit that ends here is the transaction, not its last command.
    ctx.client.last_command = exec;
    ctx.client.flags.remove(ClientFlags::IN_EXEC);
    Ok(())
}

/// Whether a watched key has expired since WATCH, which counts as a change. One that had already expired then does not.
fn watched_key_expired(ctx: &ServerContext<'_>) -> bool {
    let now = ctx.server.time.now;
    ctx.client.transaction.as_ref().is_some_and(|transaction| {
        transaction.watched.iter().any(|((db, key), was_expired)| !was_expired && is_expired(ctx, *db, key, now))
    })
}

fn is_expired(ctx: &ServerContext<'_>, db: usize, key: &[u8], now: i64) -> bool {
    let entry = ctx.server.keyspace.db(db).get(key);
    entry.and_then(EntryRef::expire).is_some_and(|at| at < now)
}

/// `WATCH key [key ...]`.
fn watch(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    if in_multi(ctx) {
        return Err(CommandError::Static("ERR WATCH inside MULTI is not allowed"));
    }
    if !ctx.client.flags.intersects(ClientFlags::DIRTY_CAS) {
        let (db, now) = (ctx.client.db, ctx.server.time.now);
        for key in args.from(1) {
            let was_expired = is_expired(ctx, db, key, now);
            let watched = (db, key.to_vec());
            if let Entry::Vacant(new) = ctx.client.transaction_mut().watched.entry(watched.clone()) {
                new.insert(was_expired);
                ctx.server.waiting.watch(watched, ctx.client.id);
            }
        }
        ctx.server.refresh_watched();
    }
    ctx.reply().ok();
    Ok(())
}

/// `UNWATCH`.
fn unwatch(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    ctx.server.unwatch(ctx.client);
    ctx.client.flags.remove(ClientFlags::DIRTY_CAS);
    ctx.reply().ok();
    Ok(())
}
