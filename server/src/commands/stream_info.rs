//! XINFO: facts about a stream, its groups and their consumers.

use crate::base::numbers::parse_i64;
use crate::commands::stream_args::{no_group, reply_entry, reply_id, reply_range};
use crate::resp::{Args, Reply};
use crate::server::error::*;
use crate::server::{CommandError, CommandResult, DataContext, Family, Handler};
use crate::store::entry::ValueRef;
use crate::store::types::stream::Stream;
use crate::store::types::stream_group::Group;
use crate::store::types::stream_id::StreamId;
use crate::store::value::Object;

/// Handlers of the family.
pub static FAMILY: Family = &[
    ("xinfo|consumers", Handler::Data(consumers)),
    ("xinfo|groups", Handler::Data(groups)),
    ("xinfo|help", Handler::Data(help)),
    ("xinfo|stream", Handler::Data(stream)),
];

/// Calls `show` with the stream under a key, which must be there.
fn with_stream(
    ctx: &mut DataContext<'_>,
    key: &[u8],
    show: impl FnOnce(&mut Reply<'_>, &Stream, i64) -> CommandResult,
) -> CommandResult {
    let now = ctx.now();
    let DataContext { keyspace, db, reply, .. } = ctx;
    match keyspace.lookup_read(*db, key).map(|entry| entry.value()) {
        None => Err(NO_SUCH_KEY),
        Some(ValueRef::Object(Object::Stream(stream))) => show(reply, stream, now),
        Some(_) => Err(WRONG_TYPE),
    }
}

fn field(reply: &mut Reply<'_>, name: &str, number: u64) {
    reply.bulk(name.as_bytes());
    reply.integer(number as i64);
}

fn field_or_null(reply: &mut Reply<'_>, name: &str, number: Option<u64>) {
    reply.bulk(name.as_bytes());
    match number {
        Some(number) => reply.integer(number as i64),
        None => reply.null(),
    }
}

fn field_id(reply: &mut Reply<'_>, name: &str, id: StreamId) {
    reply.bulk(name.as_bytes());
    reply_id(reply, id);
}

fn field_text(reply: &mut Reply<'_>, name: &str, text: &[u8]) {
    reply.bulk(name.as_bytes());
    reply.bulk(text);
}

/// `XINFO CONSUMERS key group`.
fn consumers(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let (key, name) = (args.get(2), args.get(3));
    with_stream(ctx, key, |reply, stream, now| {
        let group = stream.groups.get(name).ok_or_else(|| no_group(key, name))?;
        reply.array(group.consumers.len());
        for (name, consumer) in &group.consumers {
            reply.map(3);
            field_text(reply, "name", name);
            field(reply, "pending", consumer.pending.len() as u64);
            field(reply, "idle", now.saturating_sub(consumer.seen_at).max(0) as u64);
        }
        Ok(())
    })
}

/// `XINFO GROUPS key`.
fn groups(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    with_stream(ctx, args.get(2), |reply, stream, _| {
        reply.array(stream.groups.len());
        for (name, group) in &stream.groups {
            reply.map(6);
            field_text(reply, "name", name);
            field(reply, "consumers", group.consumers.len() as u64);
            field(reply, "pending", group.pending.len() as u64);
            field_id(reply, "last-delivered-id", group.last_id);
            field_or_null(reply, "entries-read", group.entries_read);
            field_or_null(reply, "lag", stream.lag(group));
        }
        Ok(())
    })
}

/// `XINFO STREAM key [FULL [COUNT count]]`.
fn stream(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    // As in Redis, the key is looked up before the options are parsed.
    with_stream(ctx, args.get(2), |reply, stream, _| {
        let full = full_count(args)?;
        let counters = &stream.counters;
        reply.map(if full.is_some() { 9 } else { 10 });
        field(reply, "length", counters.length);
        field(reply, "radix-tree-keys", stream.nodes().len() as u64);
        field(reply, "radix-tree-nodes", stream.radix_tree_nodes() as u64);
        field_id(reply, "last-generated-id", counters.last_id);
        field_id(reply, "max-deleted-entry-id", counters.max_deleted_id);
        field(reply, "entries-added", counters.entries_added);
        field_id(reply, "recorded-first-entry-id", counters.first_id);
        match full {
            Some(count) => {
                reply.bulk(b"entries");
                reply_range(reply, stream, (StreamId::MIN, StreamId::MAX), false, count);
                reply.bulk(b"groups");
                reply.array(stream.groups.len());
                for (name, group) in &stream.groups {
                    full_group(reply, stream, name, group, count);
                }
            }
            None => {
                field(reply, "groups", stream.groups.len() as u64);
                for (name, last) in [("first-entry", false), ("last-entry", true)] {
                    reply.bulk(name.as_bytes());
                    let mut found = false;
                    stream.visit(StreamId::MIN, StreamId::MAX, last, |entry| {
                        reply_entry(reply, entry);
                        found = true;
                        false
                    });
                    if !found {
                        reply.null();
                    }
                }
            }
        }
        Ok(())
    })
}

/// How many entries FULL shows at most; `None` without FULL.
fn full_count(args: &Args<'_>) -> CommandResult<Option<u64>> {
    match args.len() {
        3 => return Ok(None),
        4 | 6 if args.is(3, "full") => {}
        _ => return Err(wrong_options(args.get(1), "XINFO")),
    }
    if args.len() == 4 {
        return Ok(Some(10));
    }
    if !args.is(4, "count") {
        return Err(wrong_options(args.get(1), "XINFO"));
    }
    Ok(Some(match parse_i64(args.get(5)).ok_or(NOT_INTEGER)? {
        0 => u64::MAX,
        count @ 1.. => count as u64,
        _ => 10,
    }))
}

/// The error for options that a subcommand does not know.
pub(super) fn wrong_options(subcommand: &[u8], command: &str) -> CommandError {
    CommandError::text(
        [
            b"ERR unknown subcommand or wrong number of arguments for '",
            shown(subcommand, 128),
            format!("'. Try {command} HELP.").as_bytes(),
        ]
        .concat(),
    )
}

fn full_group(reply: &mut Reply<'_>, stream: &Stream, name: &[u8], group: &Group, count: u64) {
    let most = usize::try_from(count).unwrap_or(usize::MAX);
    reply.map(7);
    field_text(reply, "name", name);
    field_id(reply, "last-delivered-id", group.last_id);
    field_or_null(reply, "entries-read", group.entries_read);
    field_or_null(reply, "lag", stream.lag(group));
    field(reply, "pel-count", group.pending.len() as u64);
    reply.bulk(b"pending");
    reply.array(group.pending.len().min(most));
    for (id, pending) in group.pending.iter().take(most) {
        reply.array(4);
        reply_id(reply, *id);
        reply.bulk(&pending.consumer);
        reply.integer(pending.delivered_at);
        reply.integer(pending.deliveries as i64);
    }
    reply.bulk(b"consumers");
    reply.array(group.consumers.len());
    for (name, consumer) in &group.consumers {
        reply.map(4);
        field_text(reply, "name", name);
        field(reply, "seen-time", consumer.seen_at as u64);
        field(reply, "pel-count", consumer.pending.len() as u64);
        reply.bulk(b"pending");
        reply.array(consumer.pending.len().min(most));
        for id in consumer.pending.iter().take(most) {
            reply.array(3);
            reply_id(reply, *id);
            let pending = group.pending.get(id);
            reply.integer(pending.map_or(0, |pending| pending.delivered_at));
            reply.integer(pending.map_or(0, |pending| pending.deliveries as i64));
        }
    }
}

/// `XINFO HELP`.
fn help(ctx: &mut DataContext<'_>, _args: &Args<'_>) -> CommandResult {
    super::help(
        &mut ctx.reply,
        "XINFO",
        &[
            "CONSUMERS <key> <groupname>",
            "    Show the consumers of a group.",
            "GROUPS <key>",
            "    Show the groups of a stream.",
            "STREAM <key> [FULL [COUNT <count>]]",
            "    Show what is known of a stream; all of it with FULL.",
        ],
    );
    Ok(())
}
