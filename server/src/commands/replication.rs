//! Replication's commands: REPLICAOF, PSYNC, REPLCONF, WAIT, ROLE.

use crate::base::numbers::parse_i64;
use crate::dispatch::client::{Block, BlockKind, Client, ClientFlags, TimeoutReply};
use crate::dispatch::error::*;
use crate::dispatch::server::{Order, Server};
use crate::dispatch::{CommandError, CommandResult, Family, Handler, ServerContext};
use crate::info::log::{Level, log};
use crate::replication::Role;
use crate::replication::primary::{Peer, PeerState};
use crate::replication::replica::Link;
use crate::resp::Args;

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
    if ctx.server.is_failing_over() {
        return Err(CommandError::Static("ERR REPLICAOF not allowed while failing over."));
    }
    if args.is(1, "no") && args.is(2, "one") {
        if ctx.server.replication.is_replica() {
            ctx.server.promote(Some(ctx.client));
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
    let same = |link: &Link| link.host.eq_ignore_ascii_case(&host) && link.port == port;
    if ctx.server.replication.link().is_some_and(same) {
        log(
            Level::Notice,
            "REPLICAOF would result into synchronization with the master we are already connected with. No operation performed.",
        );
        ctx.reply().simple("OK Already connected to specified master");
        return Ok(());
    }
    ctx.server.follow(host.clone(), port, Some(ctx.client));
    log(Level::Notice, &format!("REPLICAOF {host}:{port} enabled (user request from '{}')", describe(ctx.client)));
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
        reply.bulks(core.masters.iter().map(|master| master.name().as_bytes()));
        return Ok(());
    }
    match &server.replication.role {
        Role::Primary => {
            let online: Vec<&Client> = server
                .replicas
                .iter()
                .filter_map(|&id| server.clients.by_id(id))
                .filter(|client| client.peer.as_ref().is_some_and(|peer| peer.state.name() == Some("online")))
                .collect();
            reply.array(3);
            reply.bulk(b"master");
            reply.integer(server.replication.offset);
            reply.array(online.len());
            for client in online {
                let Some(peer) = &client.peer else { continue };
                reply.array(3);
                reply.bulk(peer_ip(client, peer).as_bytes());
                reply.bulk_integer(i64::from(peer.port));
                reply.bulk_integer(peer.ack_offset);
            }
        }
        Role::Replica(link) => {
            reply.array(5);
            reply.bulk(b"slave");
            reply.bulk(link.host.as_bytes());
            reply.integer(i64::from(link.port));
            reply.bulk(link.state.name().as_bytes());
            reply.integer(if link.is_up() { server.replication.offset } else { -1 });
        }
    }
    Ok(())
}

/// The address that a replica announced, or its socket's.
pub fn peer_ip(client: &Client, peer: &Peer) -> String {
    if !peer.announced_ip.is_empty() {
        return peer.announced_ip.clone();
    }
    client.addr.rsplit_once(':').map_or_else(String::new, |(ip, _)| ip.trim_matches(['[', ']']).to_string())
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
    if count as i64 >= wanted || ctx.client.flags.has(ClientFlags::IN_EXEC) {
        ctx.reply().integer(count as i64);
        return Ok(());
    }
    ctx.server.ask_for_acknowledgements();
    Err(CommandError::Block(Box::new(Block {
        kind: BlockKind::Replicas { wanted: wanted.max(0) as usize, offset },
        deadline: (timeout > 0).then(|| ctx.server.now.saturating_add(timeout)),
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
        if !ctx.server.is_failing_over() {
            return refuse("ERR No failover in progress.");
        }
        ctx.server.abort_failover("Failover manually aborted");
        ctx.reply().ok();
        return Ok(());
    }
    if ctx.server.is_failing_over() {
        return refuse("ERR FAILOVER already in progress.");
    }
    if ctx.server.replication.is_replica() {
        return refuse("ERR FAILOVER is not valid when server is a replica.");
    }
    if ctx.server.replicas.is_empty() {
        return refuse("ERR FAILOVER requires connected replicas.");
    }
    if force && (timeout.is_none() || target.is_none()) {
        return refuse("ERR FAILOVER with force option requires both a timeout and target HOST and IP.");
    }
    let target = match target {
        None => None,
        Some((host, port)) => {
            let port = u16::try_from(port).unwrap_or(0);
            let Some(id) = ctx.server.replica_at(&host, port) else {
                return refuse("ERR FAILOVER target HOST and PORT is not a replica.");
            };
            let peer = ctx.server.clients.by_id(id).and_then(|client| client.peer.as_deref());
            if peer.is_none_or(|peer| peer.state != PeerState::Online) {
                return refuse("ERR FAILOVER target replica is not online.");
            }
            Some((host, port))
        }
    };
    let deadline = timeout.map(|milliseconds| ctx.server.now.saturating_add(milliseconds));
    ctx.server.begin_failover(target, deadline, force);
    ctx.reply().ok();
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
        if !args.get(1).eq_ignore_ascii_case(ctx.server.replication.replid.as_bytes()) {
            return Err(CommandError::Static("ERR PSYNC FAILOVER replid must match my replid."));
        }
        ctx.server.promote(None);
        log(
            Level::Notice,
            &format!("Failover request was accepted. Became a primary (request from '{}')", describe(ctx.client)),
        );
    }
    let offset = parse_i64(args.get(2)).ok_or(NOT_INTEGER)?;
    attach(ctx, Some((args.get(1), offset)))
}

/// Makes the client a replica's link: online at once where its offset can be served, else waiting for a snapshot.
fn attach(ctx: &mut ServerContext<'_>, from: Option<(&[u8], i64)>) -> CommandResult {
    if ctx.client.is_replica() {
        return Ok(());
    }
    if ctx.server.replication.link().is_some_and(|link| !link.is_up()) {
        return Err(CommandError::Static("NOMASTERLINK Can't SYNC while not connected with my master"));
    }
    if ctx.client.output() > 0 {
        return Err(CommandError::Static("ERR SYNC and PSYNC are invalid with pending output"));
    }
    let now = ctx.server.now;
    let peer = ctx.client.peer.get_or_insert_with(|| Box::new(Peer::new(now)));
    peer.ack_time = now;
    peer.waiting_since = now;
    log(Level::Notice, &format!("Replica {}:{} asks for synchronization", ctx.client.addr, peer.port));
    if let Some((replid, offset)) = from {
        if ctx.server.replication.accepts(replid, offset) {
            continue_from(ctx, offset);
            return Ok(());
        }
        if !replid.starts_with(b"?") {
            ctx.server.stats.sync_partial_err += 1;
        }
    }
    if peer.without_keys && !peer.capa_eof {
        return Err(CommandError::Static("ERR Filtered replica requires EOF capability"));
    }
    peer.old_sync = from.is_none();
    peer.state = PeerState::WaitSnapshotStart;
    ctx.server.stats.sync_full += 1;
    enlist(ctx);
    let size = ctx.server.config.repl_backlog_size as usize;
    ctx.server.replication.open_backlog(size);
    ctx.server.refresh_listening();
    ctx.server.orders.push(Order::ServeReplicas);
    Ok(())
}

fn enlist(ctx: &mut ServerContext<'_>) {
    ctx.client.flags.insert(ClientFlags::REPLICA);
    ctx.server.replicas.push(ctx.client.id);
}

/// A partial resync: the stream goes on from `offset`.
fn continue_from(ctx: &mut ServerContext<'_>, offset: i64) {
    enlist(ctx);
    ctx.server.stats.sync_partial_ok += 1;
    let replid = ctx.server.replication.replid;
    let Some(peer) = &mut ctx.client.peer else { return };
    peer.state = PeerState::Online;
    peer.cursor = offset;
    let line = if peer.capa_psync2 { format!("+CONTINUE {replid}\r\n") } else { "+CONTINUE\r\n".to_string() };
    ctx.client.out.extend_from_slice(line.as_bytes());
    let bytes = ctx.server.replication.offset + 1 - offset;
    log(
        Level::Notice,
        &format!(
            "Partial resynchronization request from {} accepted. Sending {bytes} bytes of backlog starting from offset {offset}.",
            ctx.client.addr
        ),
    );
    ctx.client.signal.raise();
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
                // Answered by our link to the primary, which knows the offset. See `network/primary_link.rs`.
                ctx.server.acknowledgement_asked = true;
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
    let now = ctx.server.now;
    let peer = ctx.client.peer.get_or_insert_with(|| Box::new(Peer::new(now)));
    match option {
        b"listening-port" => {
            let port = parse_i64(value).ok_or(NOT_INTEGER)?;
            peer.port = port as u16;
        }
        b"ip-address" => {
            if value.len() > 255 {
                return Err(CommandError::text(format!(
                    "ERR REPLCONF ip-address provided by replica instance is too long: {} bytes",
                    value.len()
                )));
            }
            if crate::base::words::has_control(value) {
                // It would end the line of INFO in which Sentinels read it.
                return Err(CommandError::Static("ERR Control characters are not allowed in REPLCONF ip-address"));
            }
            peer.announced_ip = String::from_utf8_lossy(value).into_owned();
        }
        b"capa" => {
            peer.capa_eof |= value.eq_ignore_ascii_case(b"eof");
            peer.capa_psync2 |= value.eq_ignore_ascii_case(b"psync2");
        }
        b"rdb-only" => {
            let flag = parse_i64(value).ok_or(NOT_INTEGER)?;
            if !(0..=1).contains(&flag) {
                return Err(CommandError::Static("ERR value is out of range, value must between 0 and 1"));
            }
            peer.rdb_only = flag == 1;
        }
        b"rdb-filter-only" => {
            (peer.without_keys, peer.without_functions) = (true, true);
            for word in value.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty()) {
                if !word.eq_ignore_ascii_case(b"functions") {
                    return Err(CommandError::text([b"ERR Unsupported rdb-filter-only option: ", word].concat()));
                }
                peer.without_functions = false;
            }
        }
        other => {
            return Err(CommandError::text([b"ERR Unrecognized REPLCONF option: ", other].concat()));
        }
    }
    Ok(())
}

fn acknowledge(ctx: &mut ServerContext<'_>, offset: &[u8]) -> CommandResult {
    if !ctx.client.is_replica() {
        return Ok(());
    }
    let (Some(offset), Some(peer)) = (parse_i64(offset), &mut ctx.client.peer) else { return Ok(()) };
    peer.ack_offset = peer.ack_offset.max(offset);
    peer.ack_time = ctx.server.now;
    if peer.state == PeerState::WaitAck {
        peer.state = PeerState::Online;
        ctx.client.signal.raise();
    }
    ctx.server.serve_replica_waiters(ctx.client);
    Ok(())
}

impl Server {
    /// Asks all replicas how far they are, by way of the stream.
    pub fn ask_for_acknowledgements(&mut self) {
        self.propagate_internal(&[b"REPLCONF", b"GETACK", b"*"]);
    }

    /// Follows a primary from now on.
    pub fn follow(&mut self, host: String, port: u16, current: Option<&mut Client>) {
        // What we applied, or wrote ourselves, is where a partial resync can go on: a primary becomes a cached one.
        let cached = match self.replication.link() {
            None => Some((self.replication.replid, self.replication.offset)),
            Some(link) if link.is_up() => Some((self.replication.replid, self.replication.offset)),
            Some(link) => link.cached,
        };
        let stream_db = match self.replication.link() {
            None => self.replication.selected_db.unwrap_or(0),
            Some(link) => link.stream_db,
        };
        self.unblock_for_demotion();
        let _ = current;
        self.replication.generation += 1;
        let generation = self.replication.generation;
        self.replication.role = Role::Replica(Box::new(Link::new(host, port, generation, cached, stream_db)));
        crate::info::log::set_role(b'S');
        self.orders.push(Order::FollowPrimary(generation));
        self.refresh_listening();
        self.refresh_gate();
    }

    /// Becomes a primary. Replicas ask again, and go on by the second id.
    pub fn promote(&mut self, current: Option<&mut Client>) {
        self.replication.generation += 1;
        self.replication.role = Role::Primary;
        self.replication.shift_id();
        crate::info::log::set_role(b'M');
        self.disconnect_replicas(current);
        self.replication.no_replicas_since = self.now;
        self.refresh_listening();
        self.refresh_gate();
    }

    /// Closes all replicas' links: they reconnect and learn the new id.
    pub fn disconnect_replicas(&mut self, current: Option<&mut Client>) {
        if let Some(client) = current
            && client.is_replica()
        {
            client.close();
        }
        for id in self.replicas.clone() {
            if let Some(client) = self.clients.by_id_mut(id) {
                client.close();
            }
        }
    }
}
