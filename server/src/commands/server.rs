//! Commands on the server as a whole: databases, saving, time, shutdown, INFO, MONITOR.

use crate::resp::Args;
use crate::server::client::{Block, BlockKind, ClientFlags, TimeoutReply};
use crate::server::error::*;
use crate::server::shutdown::ShutdownOptions;
use crate::server::{CommandError, CommandResult, Family, Handler, ServerContext};

/// Handlers of the family.
pub static FAMILY: Family = &[
    ("bgrewriteaof", Handler::Server(bgrewriteaof)),
    ("bgsave", Handler::Server(bgsave)),
    ("dbsize", Handler::Server(dbsize)),
    ("flushall", Handler::Server(flushall)),
    ("flushdb", Handler::Server(flushdb)),
    ("info", Handler::Server(info)),
    ("lastsave", Handler::Server(lastsave)),
    ("lolwut", Handler::Server(lolwut)),
    ("monitor", Handler::Server(monitor)),
    ("save", Handler::Server(save)),
    ("shutdown", Handler::Server(shutdown)),
    ("swapdb", Handler::Server(swapdb)),
    ("time", Handler::Server(time)),
];

/// `INFO [section ...]`.
fn info(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let sections: Vec<&[u8]> = args.from(1).collect();
    // The calling client is taken out of the sessions while its command runs, so it is added here.
    let text = super::info::info(ctx.server, &sections);
    if ctx.server.mode.is_sentinel() {
        ctx.reply().bulk(text.as_bytes());
    } else {
        ctx.reply().verbatim("txt", text.as_bytes());
    }
    Ok(())
}

/// `DBSIZE`.
fn dbsize(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    let keys = ctx.server.keyspace.db(ctx.client.db).len();
    ctx.reply().integer(keys as i64);
    Ok(())
}

/// `FLUSHDB [ASYNC|SYNC]`.
fn flushdb(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let db = ctx.client.db;
    flush(ctx, args, Some(db))
}

/// `FLUSHALL [ASYNC|SYNC]`.
fn flushall(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    flush(ctx, args, None)?;
    if ctx.server.persistence.saving_since().is_some() {
        ctx.server.finish_running_snapshot();
    }
    if !ctx.server.config.save.0.is_empty() && !ctx.server.persistence.is_loading() {
        // Saves at once, so that the old file cannot bring the data back. A failure is logged and counts like that of any
        // save.
        if ctx.server.save_now().is_ok() && ctx.server.effects.take_changes() > 0 {
            // The change has been saved already, but must still be propagated.
            let db = ctx.client.db;
            ctx.server.effects.queue_words(db, args.len(), args.from(0));
        }
    }
    Ok(())
}

fn flush(ctx: &mut ServerContext<'_>, args: &Args<'_>, db: Option<usize>) -> CommandResult {
    let lazy = match args.at(1) {
        None => ctx.server.config.lazyfree_lazy_user_flush,
        Some(word) if args.len() == 2 && word.eq_ignore_ascii_case(b"async") => true,
        Some(word) if args.len() == 2 && word.eq_ignore_ascii_case(b"sync") => false,
        Some(_) => return Err(SYNTAX),
    };
    ctx.server.touch_all(ctx.client, db, None);
    ctx.server.touch_awaited(db.map_or(0..ctx.server.keyspace.databases(), |db| db..db + 1));
    ctx.server.invalidate_all(ctx.client);
    let removed = ctx.server.keyspace.flush(db, lazy);
    ctx.server.give_up_arrivals();
    ctx.server.effects.changed(removed as u64);
    if removed == 0 {
        // Propagated even if nothing was removed, because replicas may hold keys that we do not.
        let db = ctx.client.db;
        ctx.server.effects.queue_words(db, args.len(), args.from(0));
    }
    ctx.reply().ok();
    Ok(())
}

/// `SWAPDB index1 index2`.
fn swapdb(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    if ctx.server.config.cluster_enabled {
        return Err(CommandError::Static("ERR SWAPDB is not allowed in cluster mode"));
    }
    let parse = |at: usize, text: &'static str| super::int(args.get(at)).map_err(|_| CommandError::Static(text));
    let first = parse(1, "ERR invalid first DB index")?;
    let second = parse(2, "ERR invalid second DB index")?;
    let databases = ctx.server.keyspace.databases();
    let check = |db: i32| usize::try_from(db).ok().filter(|&db| db < databases).ok_or(DB_OUT_OF_RANGE);
    let (first, second) = (check(first)?, check(second)?);
    if first != second {
        ctx.server.touch_all(ctx.client, Some(first), Some(second));
        ctx.server.touch_all(ctx.client, Some(second), Some(first));
        for swapped in [false, true] {
            if swapped {
                ctx.server.keyspace.swap(first, second);
            }
            ctx.server.touch_awaited(first..first + 1);
            ctx.server.touch_awaited(second..second + 1);
        }
    }
    ctx.server.effects.changed(1);
    ctx.reply().ok();
    Ok(())
}

/// `TIME`.
fn time(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    let micros = crate::base::clock::now_us();
    ctx.reply().array(2);
    ctx.reply().bulk_integer(micros / 1_000_000);
    ctx.reply().bulk_integer(micros % 1_000_000);
    Ok(())
}

/// `LASTSAVE`.
fn lastsave(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    let last = ctx.server.persistence.last_save();
    ctx.reply().integer(last);
    Ok(())
}

/// `SAVE`.
fn save(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    if ctx.server.persistence.saving_since().is_some() {
        return Err(CommandError::Static("ERR Background save already in progress"));
    }
    // The reason is in the log, as with Redis.
    ctx.server.save_now().map_err(|_| CommandError::Static("ERR"))?;
    ctx.reply().ok();
    Ok(())
}

/// `BGREWRITEAOF`.
fn bgrewriteaof(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    if ctx.server.persistence.aof.rewrite().is_running() {
        return Err(CommandError::Static("ERR Background append only file rewriting already in progress"));
    }
    if !ctx.client.flags.intersects(ClientFlags::IN_EXEC) && ctx.server.begin_aof_rewrite() {
        ctx.server.persistence.aof.allow_rewrites();
        ctx.reply().simple("Background append only file rewriting started");
    } else {
        ctx.server.persistence.aof.schedule_rewrite();
        ctx.reply().simple("Background append only file rewriting scheduled");
    }
    Ok(())
}

/// `BGSAVE [SCHEDULE]`.
fn bgsave(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let schedule = match args.len() {
        1 => false,
        2 if args.is(1, "schedule") => true,
        _ => return Err(SYNTAX),
    };
    if ctx.server.persistence.saving_since().is_some() {
        return Err(CommandError::Static("ERR Background save already in progress"));
    }
    let in_exec = ctx.client.flags.intersects(ClientFlags::IN_EXEC);
    let must_wait = in_exec || ctx.server.persistence.aof.rewrite().is_running();
    if !must_wait && ctx.server.begin_background_save() {
        ctx.reply().simple("Background saving started");
    } else if schedule || in_exec {
        ctx.server.persistence.schedule_save();
        ctx.reply().simple("Background saving scheduled");
    } else {
        return Err(CommandError::Static(
            "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a BGSAVE whenever possible.",
        ));
    }
    Ok(())
}

/// `SHUTDOWN [NOSAVE|SAVE] [NOW] [FORCE] | ABORT`.
fn shutdown(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let mut options = ShutdownOptions::default();
    let mut abort = false;
    for word in args.from(1) {
        match word.to_ascii_lowercase().as_slice() {
            b"nosave" if options.save != Some(true) => options.save = Some(false),
            b"save" if options.save != Some(false) => options.save = Some(true),
            b"now" => options.now = true,
            b"force" => options.force = true,
            b"abort" if args.len() == 2 => abort = true,
            _ => return Err(SYNTAX),
        }
    }
    if ctx.client.flags.intersects(ClientFlags::PRIMARY) {
        // An append-only file or a primary's stream cannot wait for the shutdown.
        return Err(CommandError::Static("ERR SHUTDOWN without NOW or ABORT isn't allowed for DENY BLOCKING client"));
    }
    if abort {
        if !ctx.server.abort_shutdown() {
            return Err(CommandError::Static("ERR No shutdown in progress."));
        }
        ctx.reply().ok();
        return Ok(());
    }
    if let Some(running) = ctx.server.scripting.busy()
        && options.save != Some(false)
    {
        return Err(running.busy_error());
    }
    if !ctx.server.begin_shutdown(options) {
        return Err(CommandError::Static("ERR Errors trying to SHUTDOWN. Check logs."));
    }
    if ctx.server.process.shutdown().deadline().is_some() {
        return Err(CommandError::Block(Box::new(Block {
            kind: BlockKind::Shutdown,
            deadline: None,
            timeout_reply: TimeoutReply::Nothing,
            request: Default::default(),
        })));
    }
    // The connection ends with the process, without a reply.
    ctx.client.flags.insert(ClientFlags::CLOSE_AFTER_REPLY);
    Ok(())
}

/// `MONITOR`.
fn monitor(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    if ctx.client.flags.intersects(ClientFlags::IN_EXEC) {
        return Err(CommandError::Static("ERR MONITOR isn't allowed for DENY BLOCKING client"));
    }
    if !ctx.client.flags.intersects(ClientFlags::MONITOR) {
        ctx.client.flags.insert(ClientFlags::MONITOR);
        ctx.server.audience.pubsub.monitors.push(ctx.client.id);
    }
    ctx.reply().ok();
    Ok(())
}

/// `LOLWUT [VERSION version]`: a small drawing, and the version.
fn lolwut(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    if args.len() > 2 && args.get(1).eq_ignore_ascii_case(b"version") {
        // There is one picture only; the version is parsed and ignored.
        super::int(args.get(2))?;
    }
    let mut text = String::new();
    for row in 0..6 {
        let bits = ctx.server.keyspace.random.next_u64();
        let line: String =
            (0..40).map(|column| if bits >> ((column + row) % 64) & 1 == 1 { '/' } else { '\\' }).collect();
        text.push_str(&line);
        text.push('\n');
    }
    text.push_str(&format!("\nRedis ver. {}\n", crate::base::REDIS_VERSION));
    ctx.reply().verbatim("txt", text.as_bytes());
    Ok(())
}
