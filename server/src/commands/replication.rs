//! Replication's commands: REPLICAOF, PSYNC, REPLCONF, WAIT, ROLE.

use crate::base::log::{Level, log};
use crate::base::numbers::parse_i64;
use crate::base::offset::Offset;
use crate::replication::{FailoverRefusal, Follower, Peer, PeerInput, Replication, Resync, Said, SyncRefusal};
use crate::resp::Args;
use crate::server::client::{Block, BlockKind, Client, ClientFlags, TimeoutReply};
use crate::server::error::*;
use crate::server::state::Server;
use crate::server::{CommandError, CommandResult, Family, Handler, ServerContext};

/// Handlers of the family.
pub static FAMILY: Family = &[
    ("failover", Handler::Server(failover)),
    ("psync", Handler::Server(psync)),
    ("replconf", Handler::Server(replconf)),
    ("replicaof", Handler::Server(replicaof)),
    ("role", Handler::Server(role)),
    ("slaveof", Handler::Server(replicaof)),
    ("sync", Handler::Server(sync)),
    ("wait", Handler::Server(wait)),
];

/// `REPLICAOF host port | NO ONE`.
fn replicaof(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    if ctx.server.config.cluster_enabled {
        return Err(CommandError::Static("ERR REPLICAOF not allowed in cluster mode."));
    }
    if ctx.server.replication.is_failing_over() {
        return Err(CommandError::Static("ERR REPLICAOF not allowed while failing over."));
    }
    if args.is(1, "no") && args.is(2, "one") {
        if ctx.server.replication.is_replica() {
            ctx.server.with_replication(Some(ctx.client), Replication::promote);
            log(Level::Notice, &format!("MASTER MODE enabled (user request from '{}')", describe(ctx.client)));
        }
        ctx.reply().ok();
        return Ok(());
    }
    if ctx.client.is_replica() {
        return Err(CommandError::Static("ERR Command is not valid when client is a replica."));
    }
    let port = parse_i64(args.get(2)).and_then(|port| u16::try_from(port).ok());
    let port = port.ok_or(CommandError::Static("ERR Invalid master port"))?;
    let host = String::from_utf8_lossy(args.get(1)).into_owned();
    let same = |follower: &Follower| follower.host().eq_ignore_ascii_case(&host) && follower.port() == port;
    if ctx.server.replication.follower().is_some_and(same) {
        log(
            Level::Notice,
            "REPLICAOF would result into synchronization with the master we are already connected with. No operation performed.",
        );
        ctx.reply().simple("OK Already connected to specified master");
        return Ok(());
    }
    let text = format!("REPLICAOF {host}:{port} enabled (user request from '{}')", describe(ctx.client));
    ctx.server.with_replication(Some(ctx.client), |machine| machine.follow(host, port));
    log(Level::Notice, &text);
    ctx.reply().ok();
    Ok(())
}

fn describe(client: &Client) -> String {
    format!("id={} addr={} laddr={}", client.id, client.addr, client.laddr)
}

/// `ROLE`.
fn role(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    let server = &*ctx.server;
    let mut reply = ctx.client.reply();
    if let Some(core) = server.sentinel_core() {
        reply.array(2);
        reply.bulk(b"sentinel");
        reply.bulks(core.primaries.iter().map(|primary| primary.name().as_bytes()));
        return Ok(());
    }
    match server.replication.follower() {
        None => {
            let online: Vec<&Peer> =
                server.replication.replicas().filter(|peer| peer.stage_name() == Some("online")).collect();
            reply.array(3);
            reply.bulk(b"master");
            reply.integer(server.replication.history().offset().0);
            reply.array(online.len());
            for peer in online {
                reply.array(3);
                reply.bulk(peer.ip().as_bytes());
                reply.bulk_integer(i64::from(peer.port()));
                reply.bulk_integer(peer.ack_offset().0);
            }
        }
        Some(follower) => {
            reply.array(5);
            reply.bulk(b"slave");
            reply.bulk(follower.host().as_bytes());
            reply.integer(i64::from(follower.port()));
            reply.bulk(follower.stage_name().as_bytes());
            reply.integer(if follower.is_up() { server.replication.history().offset().0 } else { -1 });
        }
    }
    Ok(())
}

/// `WAIT numreplicas timeout`.
fn wait(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    if ctx.server.replication.is_replica() {
        return Err(CommandError::Static(
            "ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a replica is configured to be writable (which is not the default) writes to replicas are just local and are not propagated.",
        ));
    }
    let wanted = parse_i64(args.get(1)).ok_or(NOT_INTEGER)?;
    let timeout = parse_i64(args.get(2)).ok_or(TIMEOUT_NOT_INTEGER)?;
    if timeout < 0 {
        return Err(TIMEOUT_NEGATIVE);
    }
    let offset = ctx.client.last_write_offset;
    let count = ctx.server.replicas_at(offset);
    if count as i64 >= wanted || ctx.client.flags.intersects(ClientFlags::IN_EXEC) {
        ctx.reply().integer(count as i64);
        return Ok(());
    }
    ctx.server.ask_for_acknowledgements();
    Err(CommandError::Block(Box::new(Block {
        kind: BlockKind::Replicas { wanted: wanted.max(0) as usize, offset },
        deadline: (timeout > 0).then(|| ctx.server.time.now.saturating_add(timeout)),
        timeout_reply: TimeoutReply::Replicas,
        request: Default::default(),
    })))
}

/// `FAILOVER [TO host port [FORCE]] [ABORT] [TIMEOUT milliseconds]`.
fn failover(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let refuse = |text| Err(CommandError::Static(text));
    if ctx.server.config.cluster_enabled {
        return refuse("ERR FAILOVER not allowed in cluster mode. Use CLUSTER FAILOVER command instead.");
    }
    let (mut timeout, mut target, mut force, mut abort) = (None, None, false, false);
    let mut at = 1;
    while at < args.len() {
        let left = args.len() - at - 1;
        if args.is(at, "timeout") && left >= 1 && timeout.is_none() {
            let milliseconds = parse_i64(args.get(at + 1)).ok_or(NOT_INTEGER)?;
            if milliseconds <= 0 {
                return refuse("ERR FAILOVER timeout must be greater than 0");
            }
            timeout = Some(milliseconds);
            at += 1;
        } else if args.is(at, "abort") && args.len() == 2 {
            abort = true;
        } else if args.is(at, "to") && left >= 2 && target.is_none() {
            let port = parse_i64(args.get(at + 2)).ok_or(NOT_INTEGER)?;
            target = Some((String::from_utf8_lossy(args.get(at + 1)).into_owned(), port));
            at += 2;
        } else if args.is(at, "force") && !force {
            force = true;
        } else {
            return Err(SYNTAX);
        }
        at += 1;
    }
    if abort {
        let machine = |machine: &mut Replication| machine.abort_failover("Failover manually aborted");
        if !ctx.server.with_replication(Some(ctx.client), machine) {
            return refuse("ERR No failover in progress.");
        }
        ctx.reply().ok();
        return Ok(());
    }
    // A number that is not a port matches no replica.
    let target = target.map(|(host, port)| (host, u16::try_from(port).unwrap_or(0)));
    let begun = ctx.server.with_replication(Some(ctx.client), |machine| machine.fail_over(target, timeout, force));
    match begun {
        Ok(()) => ctx.reply().ok(),
        Err(FailoverRefusal::AlreadyRuns) => return refuse("ERR FAILOVER already in progress."),
        Err(FailoverRefusal::IsReplica) => return refuse("ERR FAILOVER is not valid when server is a replica."),
        Err(FailoverRefusal::NoReplicas) => return refuse("ERR FAILOVER requires connected replicas."),
        Err(FailoverRefusal::ForceNeedsTarget) => {
            return refuse("ERR FAILOVER with force option requires both a timeout and target HOST and IP.");
        }
        Err(FailoverRefusal::UnknownTarget) => return refuse("ERR FAILOVER target HOST and PORT is not a replica."),
        Err(FailoverRefusal::TargetNotOnline) => return refuse("ERR FAILOVER target replica is not online."),
    }
    Ok(())
}

/// `SYNC`: the old protocol, without ids and offsets.
fn sync(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    attach(ctx, None)
}

/// `PSYNC replid offset`.
fn psync(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    if ctx.client.is_replica() {
        return Ok(());
    }
    if args.len() > 3 && args.is(3, "failover") {
        if !ctx.server.replication.is_replica() {
            return Err(CommandError::Static("ERR PSYNC FAILOVER can't be sent to a master."));
        }
        if !args.get(1).eq_ignore_ascii_case(ctx.server.replication.history().replid().as_bytes()) {
            return Err(CommandError::Static("ERR PSYNC FAILOVER replid must match my replid."));
        }
        ctx.server.with_replication(Some(ctx.client), Replication::promote);
        log(
            Level::Notice,
            &format!("Failover request was accepted. Became a primary (request from '{}')", describe(ctx.client)),
        );
    }
    let Some(offset) = parse_i64(args.get(2)).map(Offset) else {
        let text = format!("Replica {} asks for synchronization but with a wrong offset", ctx.client.addr);
        log(Level::Warning, &text);
        return Err(NOT_INTEGER);
    };
    attach(ctx, Some((args.get(1), offset)))
}

/// Turns the client into a replica's link: online at once if the stream can continue from its offset, otherwise waiting for
/// a snapshot.
fn attach(ctx: &mut ServerContext<'_>, from: Option<(&[u8], Offset)>) -> CommandResult {
    if ctx.client.is_replica() {
        return Ok(());
    }
    ctx.server.replication.may_serve().map_err(refusal)?;
    if ctx.client.output() > 0 {
        return Err(CommandError::Static("ERR SYNC and PSYNC are invalid with pending output"));
    }
    let (id, addr) = (ctx.client.id, ctx.client.addr.clone());
    let attached = ctx.server.with_replication(Some(ctx.client), |machine| machine.synchronize(id, &addr, from));
    match attached.map_err(refusal)? {
        Resync::Partial => ctx.server.stats.partial_resync(),
        Resync::Full { refused } => ctx.server.stats.full_resync(refused),
    }
    ctx.client.flags.insert(ClientFlags::REPLICA);
    ctx.client.signal.raise();
    Ok(())
}

fn refusal(refusal: SyncRefusal) -> CommandError {
    CommandError::Static(match refusal {
        SyncRefusal::FailingOver => "NOMASTERLINK Can't SYNC while failing over",
        SyncRefusal::NoPrimary => "NOMASTERLINK Can't SYNC while not connected with my master",
        SyncRefusal::FilterNeedsEof => "ERR Filtered replica requires EOF capability",
    })
}

/// `REPLCONF option value ...`.
fn replconf(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    if args.len().is_multiple_of(2) {
        return Err(SYNTAX);
    }
    let mut at = 1;
    while at < args.len() {
        let value = args.get(at + 1);
        match args.get(at).to_ascii_lowercase().as_slice() {
            b"ack" => return acknowledge(ctx, value),
            b"getack" => {
                ctx.server.with_replication(Some(ctx.client), Replication::acknowledge);
                return Ok(());
            }
            option => set_peer_option(ctx, option, value)?,
        }
        at += 2;
    }
    ctx.reply().ok();
    Ok(())
}

fn set_peer_option(ctx: &mut ServerContext<'_>, option: &[u8], value: &[u8]) -> CommandResult {
    let said = match option {
        b"listening-port" => Said::Port(parse_i64(value).ok_or(NOT_INTEGER)? as u16),
        b"ip-address" => {
            if value.len() > 255 {
                return Err(CommandError::text(format!(
                    "ERR REPLCONF ip-address provided by replica instance is too long: {} bytes",
                    value.len()
                )));
            }
            if crate::base::words::has_control(value) {
                // A line break would corrupt the field of INFO from which Sentinels read it.
                return Err(CommandError::Static("ERR Control characters are not allowed in REPLCONF ip-address"));
            }
            Said::Ip(String::from_utf8_lossy(value).into_owned())
        }
        b"capa" if value.eq_ignore_ascii_case(b"eof") => Said::CapaEof,
        b"capa" if value.eq_ignore_ascii_case(b"psync2") => Said::CapaPsync2,
        b"capa" => return Ok(()),
        b"rdb-only" => {
            let flag = parse_i64(value).ok_or(NOT_INTEGER)?;
            if !(0..=1).contains(&flag) {
                return Err(CommandError::Static("ERR value is out of range, value must between 0 and 1"));
            }
            Said::RdbOnly(flag == 1)
        }
        b"rdb-filter-only" => {
            let words = || value.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty());
            if let Some(word) = words().find(|word| !word.eq_ignore_ascii_case(b"functions")) {
                return Err(CommandError::text([b"ERR Unsupported rdb-filter-only option: ", word].concat()));
            }
            Said::Filtered { functions: words().next().is_some() }
        }
        other => {
            return Err(CommandError::text([b"ERR Unrecognized REPLCONF option: ", other].concat()));
        }
    };
    let (id, addr) = (ctx.client.id, ctx.client.addr.clone());
    ctx.server.with_replication(Some(ctx.client), |machine| machine.introduce(id, &addr, said));
    Ok(())
}

fn acknowledge(ctx: &mut ServerContext<'_>, offset: &[u8]) -> CommandResult {
    if let Some(offset) = parse_i64(offset).filter(|_| ctx.client.is_replica()) {
        ctx.server.tell_of_replica(ctx.client, PeerInput::Acknowledged(Offset(offset)));
        ctx.server.serve_replica_waiters();
    }
    Ok(())
}

impl Server {
    /// Asks all replicas for their offsets with a GETACK in the stream.
    pub fn ask_for_acknowledgements(&mut self) {
        self.propagate_internal(&[b"REPLCONF", b"GETACK", b"*"]);
    }
}
