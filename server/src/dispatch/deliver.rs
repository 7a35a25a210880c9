//! Messages to sessions other than the one whose command runs: pub/sub, keyspace notifications, MONITOR.

use crate::base::words::quote;
use crate::config::NotifyFlags;
use crate::dispatch::redact::shown_words;
use crate::resp::Args;
use crate::server::client::{Client, ClientFlags, ClientId};
use crate::server::clients::Clients;
use crate::server::effects::Notification;
use crate::server::registry::Command;
use crate::server::state::Server;

impl Server {
    /// Runs `f` on a client's session, whether it is the one whose command runs or another, which is woken.
    pub fn with_client(&mut self, current: &mut Client, id: ClientId, f: impl FnOnce(&mut Client)) {
        Sessions { current, others: &mut self.clients }.with(id, f);
    }

    /// PUBLISH: sends a message to a channel's subscribers, and to those of patterns that match. Returns their number.
    pub fn publish(&mut self, current: &mut Client, channel: &[u8], message: &[u8]) -> usize {
        if self.audience.pubsub.is_silent() {
            return 0;
        }
        let mut sessions = Sessions { current, others: &mut self.clients };
        let mut receivers = sessions.push(self.audience.pubsub.channel(channel), &[b"message", channel, message]);
        for (pattern, subscribers) in self.audience.pubsub.matching(channel) {
            receivers += sessions.push(subscribers, &[b"pmessage", pattern, channel, message]);
        }
        receivers
    }

    /// SPUBLISH: sends a message to a shard channel's subscribers. Returns their number.
    pub fn publish_shard(&mut self, current: &mut Client, channel: &[u8], message: &[u8]) -> usize {
        let mut sessions = Sessions { current, others: &mut self.clients };
        sessions.push(self.audience.pubsub.shard_channel(channel), &[b"smessage", channel, message])
    }

    /// Publishes the keyspace notifications that the last unit left.
    pub fn publish_notifications(&mut self, current: &mut Client) {
        if !self.effects.has_notifications() {
            return;
        }
        let flags = self.effects.notify_classes();
        let notifications = self.effects.take_notifications();
        if self.audience.pubsub.is_silent() {
            return;
        }
        for Notification { event, db, key, .. } in notifications {
            if flags.intersects(NotifyFlags::KEYSPACE) {
                let channel = [format!("__keyspace@{db}__:").as_bytes(), &key].concat();
                self.publish(current, &channel, event.as_bytes());
            }
            if flags.intersects(NotifyFlags::KEYEVENT) {
                let channel = format!("__keyevent@{db}__:{event}");
                self.publish(current, channel.as_bytes(), &key);
            }
        }
    }

    /// Delivers what happened outside any command: notifications, and changes that watchers and blocked clients wait for.
    pub fn deliver_without_client(&mut self) {
        if !self.effects.has_notifications() && self.effects.touched().is_empty() {
            return;
        }
        let mut nobody = self.nobody();
        self.publish_notifications(&mut nobody);
        self.tell_watchers(&mut nobody);
    }

    /// MONITOR: shows a command to all monitors. Words are quoted, and secrets are left out.
    pub fn feed_monitors(&mut self, current: &mut Client, db: usize, command: &Command, args: &Args<'_>) {
        let micros = crate::base::clock::now_us();
        let mut line = format!("{}.{:06} [{db} ", micros / 1_000_000, micros % 1_000_000).into_bytes();
        let source = if current.aside.is_some() {
            "lua".to_owned()
        } else if current.flags.intersects(ClientFlags::UNIX_SOCKET) {
            format!("unix:{}", self.config.unixsocket)
        } else {
            current.addr.clone()
        };
        line.extend_from_slice(source.as_bytes());
        line.push(b']');
        for word in shown_words(command, args) {
            line.push(b' ');
            quote(&mut line, word);
        }
        let mut sessions = Sessions { current, others: &mut self.clients };
        for &id in &self.audience.pubsub.monitors {
            sessions.with(id, |client| {
                if client.is_silent() {
                    return;
                }
                client.out.push(b'+');
                client.out.extend_from_slice(&line);
                client.out.extend_from_slice(b"\r\n");
            });
        }
    }
}

/// All sessions, borrowed separately from the server so that its lists of subscribers can be read while messages are
/// written.
struct Sessions<'a> {
    /// The one whose command runs.
    current: &'a mut Client,
    others: &'a mut Clients,
}

impl Sessions<'_> {
    /// Runs `f` on a client's session; another one than the current is woken.
    fn with(&mut self, id: ClientId, f: impl FnOnce(&mut Client)) {
        if self.current.id == id {
            exchange_aside(self.current);
            f(self.current);
            exchange_aside(self.current);
        } else if let Some(client) = self.others.by_id_mut(id) {
            f(client);
            self.others.wake(id);
        }
    }

    /// Sends a message to subscribers; returns their number.
    fn push(&mut self, subscribers: &[ClientId], parts: &[&[u8]]) -> usize {
        for &id in subscribers {
            self.with(id, |client| {
                let mut reply = client.reply();
                reply.push(parts.len());
                parts.iter().for_each(|part| reply.bulk(part));
            });
        }
        subscribers.len()
    }
}

/// Swaps the output of a session whose script is running, so that a message to the session does not end up as a reply to the
/// script.
fn exchange_aside(client: &mut Client) {
    if let Some(aside) = &mut client.aside {
        std::mem::swap(&mut client.out, &mut aside.out);
        std::mem::swap(&mut client.resp3, &mut aside.resp3);
    }
}
