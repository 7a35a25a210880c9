//! The line that describes a client in CLIENT LIST, CLIENT INFO and the log.

use super::client::{Client, ClientFlags};
use super::state::Server;

/// What CLIENT LIST shows as `redir`: the client that gets the invalidation messages; 0 for the client itself, -1 without
/// tracking.
pub fn redirection(client: &Client) -> i64 {
    client.tracking.as_deref().map_or(-1, |wanted| wanted.redirect.map_or(0, |id| id.0 as i64))
}

/// The line without its end. Sizes are in bytes, times in seconds.
pub fn client_line(server: &Server, client: &Client) -> String {
    let counts = client.subscriptions.as_deref().map_or((0, 0, 0), |subscriptions| {
        (subscriptions.channels.len(), subscriptions.patterns.len(), subscriptions.shard_channels.len())
    });
    let multi = if client.flags.intersects(ClientFlags::MULTI) {
        client.transaction.as_ref().map_or(0, |transaction| transaction.queue.len() as i64)
    } else {
        -1
    };
    let events = match (client.flags.intersects(ClientFlags::CLOSE_AFTER_REPLY), client.output() > 0) {
        (false, false) => "r",
        (false, true) => "rw",
        (true, _) => "w",
    };
    format!(
        "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db={} sub={} psub={} ssub={} multi={multi} qbuf={} qbuf-free={} argv-mem={} multi-mem={} rbs={} rbp={} obl={} oll={} omem={} tot-mem={} events={events} cmd={} user={} redir={} resp={}",
        client.id,
        client.addr,
        client.laddr,
        client.fd.unwrap_or(-1),
        String::from_utf8_lossy(&client.name),
        (server.time.now - client.created).max(0) / 1000,
        (server.time.now - client.last_interaction).max(0) / 1000,
        letters(client),
        client.db,
        counts.0,
        counts.1,
        counts.2,
        client.input.unparsed,
        client.input.free,
        client.input.arguments,
        client.queued_memory(),
        client.out.capacity(),
        client.peak_output,
        client.out.len(),
        usize::from(client.signal.unsent() > 0),
        server.output_of(client).saturating_sub(client.out.len()),
        client.memory() + (server.output_of(client) - client.output()),
        client.last_command.map_or("NULL", |command| command.name),
        String::from_utf8_lossy(client.user_name()),
        redirection(client),
        if client.resp3 { 3 } else { 2 },
    )
}

/// The letters of a client's flags, as CLIENT LIST prints them.
fn letters(client: &Client) -> String {
    const LETTERS: [(ClientFlags, char); 11] = [
        (ClientFlags::REPLICA, 'S'),
        (ClientFlags::PRIMARY, 'M'),
        (ClientFlags::PUBSUB, 'P'),
        (ClientFlags::MULTI, 'x'),
        (ClientFlags::BLOCKED, 'b'),
        (ClientFlags::DIRTY_CAS, 'd'),
        (ClientFlags::CLOSE_AFTER_REPLY, 'c'),
        (ClientFlags::CLOSE_ASAP, 'A'),
        (ClientFlags::UNIX_SOCKET, 'U'),
        (ClientFlags::READONLY, 'r'),
        (ClientFlags::NO_EVICT, 'e'),
    ];
    let monitor = client.flags.intersects(ClientFlags::MONITOR);
    let mut letters = String::new();
    for (flag, letter) in LETTERS {
        if flag == ClientFlags::DIRTY_CAS
            && let Some(tracking) = client.tracking.as_deref()
        {
            letters.push('t');
            letters.extend(tracking.broken_redirect.then_some('R'));
            letters.extend(tracking.broadcast.then_some('B'));
        }
        if client.flags.intersects(flag) {
            // A monitor counts as a replica, but has a letter of its own.
            letters.push(if letter == 'S' && monitor { 'O' } else { letter });
        }
    }
    if monitor && !client.is_replica() {
        letters.insert(0, 'O');
    }
    if letters.is_empty() { "N".into() } else { letters }
}
