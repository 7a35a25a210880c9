//! Client-side caching: which clients may hold which keys in caches of their own, and whom to tell that a key changed.
//!
//! A client that tracks by default is remembered with each key that it reads, once; a change of the key tells it so and
//! forgets it. A client that tracks by broadcast names prefixes instead, and is told of every change under them, once for
//! each batch of commands. Messages follow the reply of the command that caused them.

use crate::dispatch::keys::keys_of;
use crate::resp::Args;
use crate::server::client::{Client, ClientFlags, ClientId};
use crate::server::doc::{Flags, Internal};
use crate::server::registry::Command;
use crate::server::state::Server;
use crate::server::tracking::ClientTracking;

/// The channel on which clients that speak RESP2 receive invalidations.
const CHANNEL: &[u8] = b"__redis__:invalidate";

/// Commands that read no keys as data, and those that run scripts, whose reads are recorded when the script's calls make
/// them.
const READS_ELSEWHERE: Flags = Flags::PUBSUB.union(Flags::SKIP_MONITOR);

/// Whether the keys that a client reads now are to be recorded (see CLIENT CACHING).
fn remembers(client: &Client) -> bool {
    client.tracking.as_deref().is_some_and(|wanted| match (wanted.opt_in, wanted.opt_out) {
        (true, _) => wanted.caching,
        (_, true) => !wanted.caching,
        _ => !wanted.broadcast,
    })
}

impl Server {
    /// Turns tracking on, or changes its options: CLIENT TRACKING ON.
    pub fn track(&mut self, client: &mut Client, mut wanted: ClientTracking) {
        let known = client.tracking.take();
        if known.is_none() {
            self.audience.tracking.add_client();
        }
        if wanted.broadcast {
            let new = std::mem::take(&mut wanted.prefixes);
            wanted.prefixes = known.map(|known| known.prefixes).unwrap_or_default();
            let new = if new.is_empty() { vec![Vec::new()] } else { new };
            for prefix in new {
                if !wanted.prefixes.contains(&prefix) {
                    self.audience.tracking.listen(&prefix, client.id);
                    wanted.prefixes.push(prefix);
                }
            }
        }
        client.tracking = Some(Box::new(wanted));
        self.refresh_watched();
    }

    /// Turns tracking off: CLIENT TRACKING OFF, RESET, the end of a connection.
    pub fn untrack(&mut self, client: &mut Client) {
        let Some(known) = client.tracking.take() else { return };
        self.audience.tracking.remove_client(client.id, &known.prefixes);
        self.refresh_watched();
    }

    /// Records the keys that a command of a tracking client has read, as the client may now cache them.
    pub(crate) fn remember_reads(&mut self, client: &Client, command: &Command, args: &Args<'_>) {
        if !remembers(client) || !command.flags.intersects(Flags::READONLY) || command.flags.intersects(READS_ELSEWHERE)
        {
            return;
        }
        let words: Vec<&[u8]> = args.from(0).collect();
        for key in keys_of(command.doc, &words, false).unwrap_or_default() {
            if let Some(key) = words.get(key.index) {
                self.audience.tracking.remember(key, client.id);
            }
        }
    }

    /// Records all keys that a script declared, once it has read anything for a tracking client.
    pub(crate) fn remember_declared_keys(&mut self, client: &Client, args: &Args<'_>) {
        let count = args.at(2).and_then(crate::base::numbers::parse_i64).and_then(|count| usize::try_from(count).ok());
        if remembers(client) {
            args.from(3).take(count.unwrap_or(0)).for_each(|key| self.audience.tracking.remember(key, client.id));
        }
    }

    /// Ends a command while any client tracks: limits the table's size, and clears CLIENT CACHING, which applies to one
    /// command.
    #[cold]
    pub(crate) fn end_tracked_unit(&mut self, client: &mut Client, command: &Command) {
        let limit = self.config.tracking_table_max_keys as usize;
        while limit > 0
            && let Some(key) = self.audience.tracking.key_beyond(limit)
        {
            self.invalidate_holders(client, &key, None);
        }
        self.end_invalidation(client);
        let keeps = client.flags.intersects(ClientFlags::MULTI) || command.is(Internal::KEEPS_CACHING);
        if let Some(wanted) = client.tracking.as_deref_mut().filter(|_| !keeps) {
            wanted.caching = false;
        }
    }

    /// Notifies the clients that may cache what a command has changed. This happens after each command of a transaction,
    /// because what is read later in it is already new.
    pub(crate) fn invalidate_changed(&mut self, current: &mut Client) {
        let told = self.audience.tracking.tell_up_to(self.effects.touched().len());
        let changed = self.effects.touched().get(told..).unwrap_or_default();
        let changed: Vec<Vec<u8>> = changed.iter().map(|(_, key)| key.clone()).collect();
        for key in changed {
            self.audience.tracking.note_change(&key, current.id);
            let by = current.id;
            self.invalidate_holders(current, &key, Some(by));
        }
    }

    /// Sends the client its own invalidations, once the unit has ended and its reply is written.
    pub(crate) fn end_invalidation(&mut self, current: &mut Client) {
        let id = current.id;
        for key in self.audience.tracking.take_own() {
            match key {
                Some(key) => self.send_invalidation(current, id, Some(&[&key])),
                None => self.send_invalidation(current, id, None),
            }
        }
    }

    fn invalidate_holders(&mut self, current: &mut Client, key: &[u8], by: Option<ClientId>) {
        for id in self.audience.tracking.forget(key) {
            let Some(client) = self.session(current, id) else { continue };
            let Some(wanted) = client.tracking.as_deref() else { continue };
            if !(wanted.broadcast || wanted.no_loop && by == Some(id)) {
                if id == current.id {
                    self.audience.tracking.tell_own(Some(key));
                } else {
                    self.send_invalidation(current, id, Some(&[key]));
                }
            }
        }
    }

    /// Tells all tracking clients to drop everything: FLUSHALL, FLUSHDB, a new dataset.
    pub fn invalidate_all(&mut self, current: &mut Client) {
        if !self.audience.tracking.is_used() {
            return;
        }
        self.audience.tracking.forget_keys();
        let tracks = |client: &Client| client.tracking.is_some().then_some(client.id);
        let mut ids: Vec<ClientId> = self.clients.iter().filter_map(tracks).chain(tracks(current)).collect();
        ids.sort_unstable();
        ids.dedup();
        for id in ids {
            // The client's own reply comes first.
            if id == current.id {
                self.audience.tracking.tell_own(None);
            } else {
                self.send_invalidation(current, id, None);
            }
        }
    }

    /// Tells clients in broadcast mode what changed under their prefixes since the last call.
    pub(crate) fn broadcast_changes(&mut self) {
        let changes = self.audience.tracking.take_changes();
        if changes.is_empty() {
            return;
        }
        let mut nobody = self.nobody();
        for (listeners, changed) in changes {
            let all: Vec<&[u8]> = changed.keys().map(Vec::as_slice).collect();
            for id in listeners {
                let own = self.clients.by_id(id).and_then(|client| client.tracking.as_deref());
                if !own.is_some_and(|wanted| wanted.no_loop) {
                    self.send_invalidation(&mut nobody, id, Some(&all));
                    continue;
                }
                let others = changed.iter().filter(|(_, by)| **by != id);
                let others: Vec<&[u8]> = others.map(|(key, _)| key.as_slice()).collect();
                if !others.is_empty() {
                    self.send_invalidation(&mut nobody, id, Some(&others));
                }
            }
        }
    }

    fn session<'c>(&'c mut self, current: &'c mut Client, id: ClientId) -> Option<&'c mut Client> {
        if current.id == id { Some(current) } else { self.clients.by_id_mut(id) }
    }

    /// Tells a client, or the one it redirects to, that keys changed; `None` stands for all keys.
    fn send_invalidation(&mut self, current: &mut Client, id: ClientId, keys: Option<&[&[u8]]>) {
        let Some(client) = self.session(current, id) else { return };
        let resp3 = client.resp3;
        let redirect = client.tracking.as_deref().and_then(|wanted| wanted.redirect);
        if let Some(to) = redirect
            && self.session(current, to).is_none()
        {
            self.with_client(current, id, |client| {
                if let Some(wanted) = client.tracking.as_deref_mut() {
                    wanted.broken_redirect = true;
                }
                if resp3 {
                    let mut reply = client.reply();
                    reply.push(2);
                    reply.bulk(b"tracking-redir-broken");
                    reply.integer(to.0 as i64);
                }
            });
            return;
        }
        self.with_client(current, redirect.unwrap_or(id), |client| {
            let subscribed = client.flags.intersects(ClientFlags::PUBSUB);
            let mut reply = client.reply();
            if reply.is_resp3() {
                reply.push(2);
                reply.bulk(b"invalidate");
            } else if redirect.is_some() && subscribed {
                reply.push(3);
                reply.bulk(b"message");
                reply.bulk(CHANNEL);
            } else {
                // RESP2 carries messages only within subscriptions.
                return;
            }
            match keys {
                Some(keys) => reply.bulks(keys.iter().copied()),
                None => reply.raw(if resp3 { b"_\r\n" } else { b"$-1\r\n" }),
            }
        });
    }
}
