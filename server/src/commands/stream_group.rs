//! Consumer groups of streams: creating, moving and removing them, and XACK.

use crate::base::numbers::parse_i64;
use crate::commands::stream_args::{looked_up, no_group, strict_id, write, write_groups};
use crate::commands::stream_info::wrong_options;
use crate::config::NotifyFlags;
use crate::resp::Args;
use crate::server::error::*;
use crate::server::{CommandError, CommandResult, DataContext, Family, Handler};
use crate::store::types::stream::Stream;
use crate::store::types::stream_group::Group;
use crate::store::types::stream_id::StreamId;
use crate::store::value::Object;

/// Handlers of the family.
pub static FAMILY: Family = &[
    ("xack", Handler::Data(xack)),
    ("xgroup|create", Handler::Data(create)),
    ("xgroup|createconsumer", Handler::Data(create_consumer)),
    ("xgroup|delconsumer", Handler::Data(delete_consumer)),
    ("xgroup|destroy", Handler::Data(destroy)),
    ("xgroup|help", Handler::Data(help)),
    ("xgroup|setid", Handler::Data(set_id)),
];

const NO_STREAM: CommandError = CommandError::Static(
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.",
);

/// The options that follow the id.
#[derive(Default)]
struct Options {
    make_stream: bool,
    entries_read: Option<u64>,
}

impl Options {
    fn parse(args: &Args<'_>, create: bool) -> CommandResult<Self> {
        let mut options = Self::default();
        let mut at = 5;
        while at < args.len() {
            if create && args.is(at, "mkstream") {
                options.make_stream = true;
                at += 1;
            } else if args.is(at, "entriesread") && at + 1 < args.len() {
                options.entries_read = match parse_i64(args.get(at + 1)).ok_or(NOT_INTEGER)? {
                    read @ 0.. => Some(read as u64),
                    -1 => None,
                    _ => return Err(CommandError::Static("ERR value for ENTRIESREAD must be positive or -1")),
                };
                at += 2;
            } else {
                return Err(wrong_options(args.get(1), "XGROUP"));
            }
        }
        Ok(options)
    }
}

/// The stream under a key, which must be there.
fn existing<'a>(ctx: &'a mut DataContext<'_>, key: &[u8]) -> CommandResult<&'a mut Stream> {
    write(ctx.keyspace, ctx.db, key)?.ok_or(NO_STREAM)
}

/// A group that must be there, and the last id of its stream.
fn existing_group<'a>(ctx: &'a mut DataContext<'_>, args: &Args<'_>) -> CommandResult<(&'a mut Group, StreamId)> {
    let (key, name) = (args.get(2), args.get(3));
    let stream = existing(ctx, key)?;
    let last_id = stream.counters.last_id;
    let group = stream.groups.get_mut(name).ok_or_else(|| no_group(key, name))?;
    Ok((group, last_id))
}

/// `XGROUP CREATE key group id|$ [MKSTREAM] [ENTRIESREAD number]`.
fn create(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let (key, name) = (args.get(2), args.get(3));
    let options = Options::parse(args, true)?;
    let last_id = write(ctx.keyspace, ctx.db, key)?.map(|stream| stream.counters.last_id);
    if last_id.is_none() && !options.make_stream {
        return Err(NO_STREAM);
    }
    if args.len() > 8 {
        return Err(wrong_options(args.get(1), "XGROUP"));
    }
    let id = match args.get(4) {
        b"$" => last_id.unwrap_or_default(),
        word => strict_id(word, 0)?,
    };
    if last_id.is_none() {
        ctx.store_object(key, Object::Stream(Box::default()));
        ctx.touched(key);
    }
    let stream = looked_up(ctx.keyspace, ctx.db, key)?.ok_or(NO_STREAM)?;
    if stream.groups.contains_key(name) {
        return Err(CommandError::Static("BUSYGROUP Consumer Group name already exists"));
    }
    stream.groups.insert(name.to_vec(), Group::new(id, options.entries_read));
    ctx.dirty();
    ctx.notify(NotifyFlags::STREAM, "xgroup-create", key);
    ctx.reply.ok();
    Ok(())
}

/// `XGROUP SETID key group id|$ [ENTRIESREAD number]`.
fn set_id(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let options = Options::parse(args, false)?;
    let (group, last_id) = existing_group(ctx, args)?;
    if args.len() != 5 && args.len() != 7 {
        return Err(wrong_options(args.get(1), "XGROUP"));
    }
    group.last_id = match args.get(4) {
        b"$" => last_id,
        word => crate::commands::stream_args::id(word, 0)?,
    };
    group.entries_read = options.entries_read;
    ctx.dirty();
    ctx.notify(NotifyFlags::STREAM, "xgroup-setid", args.get(2));
    ctx.reply.ok();
    Ok(())
}

/// `XGROUP DESTROY key group`: clients that are blocked on the group get an error.
fn destroy(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let key = args.get(2);
    let there = existing(ctx, key)?.groups.remove(args.get(3)).is_some();
    if there {
        ctx.dirty();
        ctx.notify(NotifyFlags::STREAM, "xgroup-destroy", key);
        ctx.wake(key);
    }
    ctx.reply.integer(i64::from(there));
    Ok(())
}

/// `XGROUP CREATECONSUMER key group consumer`.
fn create_consumer(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let now = ctx.now();
    let (_, new) = existing_group(ctx, args)?.0.consumer(args.get(4), now);
    if new {
        ctx.dirty();
        ctx.notify(NotifyFlags::STREAM, "xgroup-createconsumer", args.get(2));
    }
    ctx.reply.integer(i64::from(new));
    Ok(())
}

/// `XGROUP DELCONSUMER key group consumer`: entries that it has not acknowledged are no longer pending.
fn delete_consumer(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let pending = existing_group(ctx, args)?.0.remove_consumer(args.get(4));
    if pending.is_some() {
        ctx.dirty();
        ctx.notify(NotifyFlags::STREAM, "xgroup-delconsumer", args.get(2));
    }
    ctx.reply.integer(pending.unwrap_or(0) as i64);
    Ok(())
}

/// `XGROUP HELP`.
fn help(ctx: &mut DataContext<'_>, _args: &Args<'_>) -> CommandResult {
    super::help(
        &mut ctx.reply,
        "XGROUP",
        &[
            "CREATE <key> <groupname> <id|$> [option]",
            "    Create a group that reads from an id on. Options are:",
            "    * MKSTREAM",
            "      Create the stream if it is not there.",
            "    * ENTRIESREAD entries_read",
            "      How many entries the group has read, for its lag.",
            "CREATECONSUMER <key> <groupname> <consumer>",
            "    Create a consumer in a group.",
            "DELCONSUMER <key> <groupname> <consumer>",
            "    Remove a consumer from a group.",
            "DESTROY <key> <groupname>",
            "    Remove a group.",
            "SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
            "    Set the id that a group goes on after.",
        ],
    );
    Ok(())
}

/// `XACK key group id [id ...]`.
fn xack(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let group = write_groups(ctx, args.get(1))?.and_then(|stream| stream.groups.get_mut(args.get(2)));
    let Some(group) = group else {
        ctx.reply.integer(0);
        return Ok(());
    };
    // All ids are parsed first, so that an invalid one cannot leave the work half done.
    for word in args.from(3) {
        strict_id(word, 0)?;
    }
    let mut acknowledged = 0;
    for word in args.from(3) {
        acknowledged += u64::from(group.acknowledge(strict_id(word, 0)?));
    }
    ctx.effects.dirty += acknowledged;
    ctx.reply.integer(acknowledged as i64);
    Ok(())
}
