//! Connections: `https://redis.io/commands/?group=connection`. CLIENT is in `client.rs`.

use crate::acl::user::DEFAULT;
use crate::base::numbers::parse_i64;
use crate::resp::Args;
use crate::server::client::ClientFlags;
use crate::server::error::*;
use crate::server::{CommandError, CommandResult, Family, Handler, ServerContext};

/// Handlers of the family.
pub static FAMILY: Family = &[
    ("auth", Handler::Server(auth)),
    ("echo", Handler::Server(echo)),
    ("hello", Handler::Server(hello)),
    ("ping", Handler::Server(ping)),
    ("quit", Handler::Server(quit)),
    ("reset", Handler::Server(reset)),
    ("select", Handler::Server(select)),
];

/// `PING [message]`.
fn ping(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    if args.len() > 2 {
        return Err(wrong_arity("ping"));
    }
    let message = args.at(1);
    if ctx.client.flags.intersects(ClientFlags::PUBSUB_RESP2) {
        ctx.reply().array(2);
        ctx.reply().bulk(b"pong");
        ctx.reply().bulk(message.unwrap_or(b""));
    } else {
        match message {
            Some(message) => ctx.reply().bulk(message),
            None => ctx.reply().raw(b"+PONG\r\n"),
        }
    }
    Ok(())
}

/// `ECHO message`.
fn echo(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    ctx.reply().bulk(args.get(1));
    Ok(())
}

/// `QUIT`.
fn quit(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    ctx.reply().ok();
    ctx.client.flags.insert(ClientFlags::CLOSE_AFTER_REPLY);
    Ok(())
}

/// `SELECT index`.
fn select(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let index = i64::from(super::int(args.get(1))?);
    if ctx.server.config.cluster_enabled && index != 0 {
        return Err(CommandError::Static("ERR SELECT is not allowed in cluster mode"));
    }
    ctx.client.db = database(ctx, index)?;
    ctx.reply().ok();
    Ok(())
}

fn database(ctx: &ServerContext<'_>, index: i64) -> CommandResult<usize> {
    usize::try_from(index).ok().filter(|&db| db < ctx.server.keyspace.databases()).ok_or(DB_OUT_OF_RANGE)
}

/// `AUTH [username] password`.
fn auth(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    if args.len() > 3 {
        return Err(SYNTAX);
    }
    if args.len() == 2 && ctx.server.acl.users().default_user().nopass {
        return Err(CommandError::Static(
            "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?",
        ));
    }
    let (user, password) = if args.len() == 3 { (args.get(1), args.get(2)) } else { (DEFAULT, args.get(1)) };
    authenticate(ctx, args.get(0), user, password)?;
    ctx.reply().ok();
    Ok(())
}

/// Logs a session in; `command` is the name of the command that does so, for ACL LOG.
fn authenticate(ctx: &mut ServerContext<'_>, command: &[u8], name: &[u8], password: &[u8]) -> CommandResult {
    let Some(user) = ctx.server.acl.users().get(name).filter(|user| user.accepts(password)) else {
        ctx.server.note_failed_login(ctx.client, command, name);
        return Err(CommandError::Static("WRONGPASS invalid username-password pair or user is disabled."));
    };
    ctx.client.become_user(user);
    ctx.client.flags.remove(ClientFlags::NEEDS_AUTH);
    ctx.client.flags.insert(ClientFlags::AUTHENTICATED);
    Ok(())
}

/// `HELLO [protover [AUTH username password] [SETNAME name]]`.
fn hello(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let version = match args.at(1) {
        None => None,
        Some(word) => {
            let version = parse_i64(word)
                .ok_or(CommandError::Static("ERR Protocol version is not an integer or out of range"))?;
            if !(2..=3).contains(&version) {
                return Err(CommandError::Static("NOPROTO unsupported protocol version"));
            }
            Some(version)
        }
    };
    let mut name = None;
    let mut at = 2;
    while at < args.len() {
        let left = args.len() - at - 1;
        if args.is(at, "auth") && left >= 2 {
            authenticate(ctx, args.get(0), args.get(at + 1), args.get(at + 2))?;
            at += 2;
        } else if args.is(at, "setname") && left >= 1 {
            super::client::check_name(args.get(at + 1))?;
            name = Some(args.get(at + 1).to_vec());
            at += 1;
        } else {
            return Err(CommandError::text([b"ERR Syntax error in HELLO option '", args.get(at), b"'"].concat()));
        }
        at += 1;
    }
    if ctx.client.flags.intersects(ClientFlags::NEEDS_AUTH) {
        return Err(CommandError::Static(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time",
        ));
    }
    if let Some(name) = name {
        ctx.client.name = name;
    }
    if let Some(version) = version {
        ctx.client.resp3 = version == 3;
        ctx.client.refresh_pubsub_flags();
    }
    reply_hello(ctx);
    Ok(())
}

fn reply_hello(ctx: &mut ServerContext<'_>) {
    let mode = ctx.server.mode_name();
    let is_sentinel = ctx.server.mode.is_sentinel();
    let role = if ctx.server.replication.is_replica() { "replica" } else { "master" };
    let id = ctx.client.id.0 as i64;
    let version = if ctx.client.resp3 { 3 } else { 2 };
    let mut reply = ctx.reply();
    reply.map(if is_sentinel { 6 } else { 7 });
    for (field, value) in [("server", "redis"), ("version", crate::base::REDIS_VERSION)] {
        reply.bulk(field.as_bytes());
        reply.bulk(value.as_bytes());
    }
    reply.bulk(b"proto");
    reply.integer(version);
    reply.bulk(b"id");
    reply.integer(id);
    for (field, value) in [("mode", mode), ("role", role)].into_iter().take(if is_sentinel { 1 } else { 2 }) {
        reply.bulk(field.as_bytes());
        reply.bulk(value.as_bytes());
    }
    reply.bulk(b"modules");
    reply.array(0);
}

/// `RESET`: returns the connection to its initial state.
fn reset(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    let client = &mut *ctx.client;
    let keep = client.flags.intersects(ClientFlags::UNIX_SOCKET);
    let local = client.flags.intersects(ClientFlags::LOCAL);
    // CLIENT REPLY SKIP covers the reply to this command, too.
    let skipped = client.flags.intersects(ClientFlags::REPLY_SKIP);
    ctx.server.discard_transaction(client);
    ctx.server.forget_client(client);
    client.flags = ClientFlags::default();
    client.flags.set(ClientFlags::UNIX_SOCKET, keep);
    client.flags.set(ClientFlags::LOCAL, local);
    client.flags.set(ClientFlags::REPLY_SKIP, skipped);
    ctx.server.acl.greet(client);
    client.resp3 = false;
    client.name.clear();
    client.db = 0;
    client.reply().raw(b"+RESET\r\n");
    Ok(())
}
