//! Publish and subscribe: `https://redis.io/commands/?group=pubsub`.

use std::collections::HashSet;

use crate::base::machine::Machine;
use crate::pubsub::Space;
use crate::resp::Args;
use crate::sentinel::{HELLO_CHANNEL, Input};
use crate::server::client::{Client, ClientFlags, Subscriptions};
use crate::server::{CommandError, CommandResult, Family, Handler, ServerContext};

/// Handlers of the family.
pub static FAMILY: Family = &[
    ("psubscribe", Handler::Server(psubscribe)),
    ("publish", Handler::Server(publish)),
    ("pubsub|channels", Handler::Server(channels)),
    ("pubsub|help", Handler::Server(help)),
    ("pubsub|numpat", Handler::Server(numpat)),
    ("pubsub|numsub", Handler::Server(numsub)),
    ("pubsub|shardchannels", Handler::Server(shard_channels)),
    ("pubsub|shardnumsub", Handler::Server(shard_numsub)),
    ("punsubscribe", Handler::Server(punsubscribe)),
    ("spublish", Handler::Server(spublish)),
    ("ssubscribe", Handler::Server(ssubscribe)),
    ("subscribe", Handler::Server(subscribe)),
    ("sunsubscribe", Handler::Server(sunsubscribe)),
    ("unsubscribe", Handler::Server(unsubscribe)),
];

fn names(client: &mut Client, space: Space) -> &mut HashSet<Vec<u8>> {
    let subscriptions = client.subscriptions_mut();
    match space {
        Space::Channel => &mut subscriptions.channels,
        Space::Pattern => &mut subscriptions.patterns,
        Space::Shard => &mut subscriptions.shard_channels,
    }
}

/// The number of subscriptions in a confirmation; shard channels are counted separately.
fn count(client: &Client, space: Space) -> usize {
    let count = |subscriptions: &Subscriptions| {
        if space == Space::Shard { subscriptions.shard_channels.len() } else { subscriptions.count() }
    };
    client.subscriptions.as_deref().map_or(0, count)
}

fn confirm(client: &mut Client, space: Space, event: &str, name: Option<&[u8]>) {
    let count = count(client, space);
    let mut reply = client.reply();
    reply.push(3);
    reply.bulk(event.as_bytes());
    match name {
        Some(name) => reply.bulk(name),
        None => reply.null(),
    }
    reply.integer(count as i64);
}

fn add(ctx: &mut ServerContext<'_>, args: &Args<'_>, space: Space, event: &str) -> CommandResult {
    for name in args.from(1) {
        if names(ctx.client, space).insert(name.to_vec()) {
            ctx.server.audience.pubsub.add(space, name, ctx.client.id);
        }
        confirm(ctx.client, space, event, Some(name));
    }
    ctx.client.refresh_pubsub_flags();
    Ok(())
}

fn remove(ctx: &mut ServerContext<'_>, args: &Args<'_>, space: Space, event: &str) -> CommandResult {
    let wanted: Vec<Vec<u8>> = if args.len() > 1 {
        args.from(1).map(<[u8]>::to_vec).collect()
    } else {
        names(ctx.client, space).iter().cloned().collect()
    };
    for name in &wanted {
        if names(ctx.client, space).remove(name) {
            ctx.server.audience.pubsub.remove(space, name, ctx.client.id);
        }
        confirm(ctx.client, space, event, Some(name));
    }
    if wanted.is_empty() {
        confirm(ctx.client, space, event, None);
    }
    ctx.client.refresh_pubsub_flags();
    Ok(())
}

fn subscribe(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    add(ctx, args, Space::Channel, "subscribe")
}

fn psubscribe(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    add(ctx, args, Space::Pattern, "psubscribe")
}

fn ssubscribe(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    // For backward compatibility, SUBSCRIBE and PSUBSCRIBE are allowed in a transaction.
    if ctx.client.flags.intersects(ClientFlags::IN_EXEC) {
        return Err(CommandError::Static("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client"));
    }
    add(ctx, args, Space::Shard, "ssubscribe")
}

fn unsubscribe(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    remove(ctx, args, Space::Channel, "unsubscribe")
}

fn punsubscribe(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    remove(ctx, args, Space::Pattern, "punsubscribe")
}

fn sunsubscribe(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    remove(ctx, args, Space::Shard, "sunsubscribe")
}

/// `PUBLISH channel message`. Propagated to replicas. A Sentinel accepts only hello messages, which it processes itself.
fn publish(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    if ctx.server.mode.is_sentinel() {
        if args.get(1) != HELLO_CHANNEL.as_bytes() {
            return Err(CommandError::Static("ERR Only HELLO messages are accepted by Sentinel instances."));
        }
        let hello = Input::Hello(args.get(2).to_vec());
        ctx.server.with_sentinel(|core| {
            let names = core.names_in(&hello);
            super::sentinel::look_up(core, names);
            core.take(hello);
        });
        ctx.reply().integer(1);
        return Ok(());
    }
    let receivers = ctx.server.publish(ctx.client, args.get(1), args.get(2));
    tell_others(ctx, args, false);
    ctx.reply().integer(receivers as i64);
    Ok(())
}

/// `SPUBLISH channel message`.
fn spublish(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let receivers = ctx.server.publish_shard(ctx.client, args.get(1), args.get(2));
    tell_others(ctx, args, true);
    ctx.reply().integer(receivers as i64);
    Ok(())
}

/// Forwards a message: to replicas by the stream, to nodes of a cluster by the bus.
fn tell_others(ctx: &mut ServerContext<'_>, args: &Args<'_>, sharded: bool) {
    let (channel, message) = (args.get(1), args.get(2));
    if ctx.server.with_cluster(None, |core| core.publish(channel, message, sharded)).is_none() {
        ctx.server.effects.queue(ctx.client.db, &[args.get(0), channel, message]);
    }
}

fn list_active(ctx: &mut ServerContext<'_>, args: &Args<'_>, space: Space) -> CommandResult {
    if args.len() > 3 {
        return Err(crate::server::error::unknown_subcommand(args.get(1), "pubsub"));
    }
    let active: Vec<Vec<u8>> = ctx.server.audience.pubsub.active(space, args.at(2)).map(<[u8]>::to_vec).collect();
    ctx.reply().bulks(active.iter().map(Vec::as_slice));
    Ok(())
}

fn channels(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    list_active(ctx, args, Space::Channel)
}

fn shard_channels(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    list_active(ctx, args, Space::Shard)
}

fn numsub(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let counts: Vec<usize> = args.from(2).map(|name| ctx.server.audience.pubsub.channel(name).len()).collect();
    reply_counts(ctx, args, &counts)
}

fn shard_numsub(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let counts: Vec<usize> = args.from(2).map(|name| ctx.server.audience.pubsub.shard_channel(name).len()).collect();
    reply_counts(ctx, args, &counts)
}

fn reply_counts(ctx: &mut ServerContext<'_>, args: &Args<'_>, counts: &[usize]) -> CommandResult {
    let mut reply = ctx.reply();
    reply.array(counts.len() * 2);
    for (name, &count) in args.from(2).zip(counts) {
        reply.bulk(name);
        reply.integer(count as i64);
    }
    Ok(())
}

fn numpat(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    let patterns = ctx.server.audience.pubsub.pattern_count();
    ctx.reply().integer(patterns as i64);
    Ok(())
}

fn help(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    super::help(
        &mut ctx.reply(),
        "PUBSUB",
        &[
            "CHANNELS [<pattern>]",
            "    List the channels that have subscribers and match <pattern> (default: '*').",
            "NUMPAT",
            "    Count the patterns that clients subscribed to.",
            "NUMSUB [<channel> ...]",
            "    Count the subscribers of each channel, patterns left out.",
            "SHARDCHANNELS [<pattern>]",
            "    List the shard channels that have subscribers and match <pattern> (default: '*').",
            "SHARDNUMSUB [<shardchannel> ...]",
            "    Count the subscribers of each shard channel.",
        ],
    );
    Ok(())
}
