//! Client-side caching: who may hold which key in a cache of its own, and who must hear that a key changed.
//!
//! A client that tracks by default is remembered with each key that it reads, once; a change of the key tells it so and
//! forgets it. A client that tracks by broadcast names prefixes instead, and hears of every change under them, once for
//! each batch of commands. Messages stand behind the reply of the command that caused them.

use crate::dispatch::keys::keys_of;
use crate::resp::Args;
use crate::server::client::{Client, ClientFlags, ClientId};
use crate::server::doc::{Flags, Internal};
use crate::server::registry::Command;
use crate::server::state::Server;
use crate::server::tracking::ClientTracking;

/// Where clients that speak RESP2 hear of changes.
const CHANNEL: &[u8] = b"__redis__:invalidate";

/// Commands that read no keys as data, and those that run scripts: what a script reads is remembered when it does.
const READS_ELSEWHERE: Flags = Flags::PUBSUB.union(Flags::SKIP_MONITOR);

/// Whether what a client reads now is remembered.
fn remembers(client: &Client) -> bool {
    client.tracking.as_deref().is_some_and(|wanted| match (wanted.opt_in, wanted.opt_out) {
        (true, _) => wanted.caching,
        (_, true) => !wanted.caching,
        _ => !wanted.broadcast,
    })
}

impl Server {
    /// CLIENT TRACKING ON.
    pub fn track(&mut self, client: &mut Client, mut wanted: ClientTracking) {
        let known = client.tracking.take();
        if known.is_none() {
            self.tracking.add_client();
        }
        if wanted.broadcast {
            let new = std::mem::take(&mut wanted.prefixes);
            wanted.prefixes = known.map(|known| known.prefixes).unwrap_or_default();
            let new = if new.is_empty() { vec![Vec::new()] } else { new };
            for prefix in new {
                if !wanted.prefixes.contains(&prefix) {
                    self.tracking.listen(&prefix, client.id);
                    wanted.prefixes.push(prefix);
                }
            }
        }
        client.tracking = Some(Box::new(wanted));
        self.refresh_watched();
    }

    /// CLIENT TRACKING OFF, RESET, the end of a connection.
    pub fn untrack(&mut self, client: &mut Client) {
        let Some(known) = client.tracking.take() else { return };
        self.tracking.remove_client(client.id, &known.prefixes);
        self.refresh_watched();
    }

    /// A command of a client that tracks has run: it may hold now what it read.
    pub(crate) fn remember_reads(&mut self, client: &Client, command: &Command, args: &Args<'_>) {
        if !remembers(client) || !command.flags.intersects(Flags::READONLY) || command.flags.intersects(READS_ELSEWHERE)
        {
            return;
        }
        let words: Vec<&[u8]> = args.from(0).collect();
        for key in keys_of(command.doc, &words, false).unwrap_or_default() {
            if let Some(key) = words.get(key.index) {
                self.tracking.remember(key, client.id);
            }
        }
    }

    /// A script of a client that tracks has read something: it may hold all that the script declared.
    pub(crate) fn remember_declared_keys(&mut self, client: &Client, args: &Args<'_>) {
        let count = args.at(2).and_then(crate::base::numbers::parse_i64).and_then(|count| usize::try_from(count).ok());
        if remembers(client) {
            args.from(3).take(count.unwrap_or(0)).for_each(|key| self.tracking.remember(key, client.id));
        }
    }

    /// What follows a command while anybody tracks: the table keeps to its size, and CLIENT CACHING has had its command.
    #[cold]
    pub(crate) fn end_tracked_unit(&mut self, client: &mut Client, command: &Command) {
        let limit = self.config.tracking_table_max_keys as usize;
        while limit > 0
            && let Some(key) = self.tracking.key_beyond(limit)
        {
            self.invalidate_holders(client, &key, None);
        }
        self.end_invalidation(client);
        let keeps = client.flags.intersects(ClientFlags::MULTI) || command.is(Internal::KEEPS_CACHING);
        if let Some(wanted) = client.tracking.as_deref_mut().filter(|_| !keeps) {
            wanted.caching = false;
        }
    }

    /// A command has run, maybe one of several in a transaction: whoever held what it changed hears of it. What is read
    /// later in the same transaction is new already.
    pub(crate) fn invalidate_changed(&mut self, current: &mut Client) {
        let told = self.tracking.tell_up_to(self.effects.touched().len());
        let changed = self.effects.touched().get(told..).unwrap_or_default();
        let changed: Vec<Vec<u8>> = changed.iter().map(|(_, key)| key.clone()).collect();
        for key in changed {
            self.tracking.note_change(&key, current.id);
            let by = current.id;
            self.invalidate_holders(current, &key, Some(by));
        }
    }

    /// The unit has ended, and its reply is written.
    pub(crate) fn end_invalidation(&mut self, current: &mut Client) {
        let id = current.id;
        for key in self.tracking.take_own() {
            match key {
                Some(key) => self.send_invalidation(current, id, Some(&[&key])),
                None => self.send_invalidation(current, id, None),
            }
        }
    }

    fn invalidate_holders(&mut self, current: &mut Client, key: &[u8], by: Option<ClientId>) {
        for id in self.tracking.forget(key) {
            let Some(client) = self.session(current, id) else { continue };
            let Some(wanted) = client.tracking.as_deref() else { continue };
            if !(wanted.broadcast || wanted.no_loop && by == Some(id)) {
                if id == current.id {
                    self.tracking.tell_own(Some(key));
                } else {
                    self.send_invalidation(current, id, Some(&[key]));
                }
            }
        }
    }

    /// Everything went: FLUSHALL, FLUSHDB, a new dataset.
    pub fn invalidate_all(&mut self, current: &mut Client) {
        if !self.tracking.is_used() {
            return;
        }
        self.tracking.forget_keys();
        let tracks = |client: &Client| client.tracking.is_some().then_some(client.id);
        let mut ids: Vec<ClientId> = self.clients.iter().filter_map(tracks).chain(tracks(current)).collect();
        ids.sort_unstable();
        ids.dedup();
        for id in ids {
            // The client's own reply comes first.
            if id == current.id {
                self.tracking.tell_own(None);
            } else {
                self.send_invalidation(current, id, None);
            }
        }
    }

    /// Tells listeners of prefixes what changed since the last time.
    pub(crate) fn broadcast_changes(&mut self) {
        let changes = self.tracking.take_changes();
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

    /// Tells a client, or the one that it redirects to, that keys changed; `None`: all of them.
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
                // RESP2 has no messages outside subscriptions.
                return;
            }
            match keys {
                Some(keys) => reply.bulks(keys.iter().copied()),
                None => reply.raw(if resp3 { b"_\r\n" } else { b"$-1\r\n" }),
            }
        });
    }
}
