//! Messages to sessions other than the one that asks: pub/sub, keyspace notifications, MONITOR.

use super::client::{Client, ClientFlags, ClientId};
use super::effects::{Notification, class};
use super::redact::shown_words;
use super::registry::Command;
use super::server::Server;
use crate::resp::{Args, Reply};

impl Server {
    /// Runs `f` on a client's session, be it the one whose command runs or another; another one is woken.
    pub fn with_client(&mut self, current: &mut Client, id: ClientId, f: impl FnOnce(&mut Client)) {
        if current.id == id {
            f(current);
        } else if let Some(client) = self.clients.by_id_mut(id) {
            f(client);
            self.woken.push(id);
        }
    }

    /// PUBLISH: sends a message to a channel's subscribers, and to those of patterns that match. Returns their number.
    pub fn publish(&mut self, current: &mut Client, channel: &[u8], message: &[u8]) -> usize {
        if self.pubsub.is_silent() {
            return 0;
        }
        let subscribers = self.pubsub.channel(channel).to_vec();
        let matching: Vec<(Vec<u8>, Vec<u64>)> =
            self.pubsub.matching(channel).map(|(pattern, clients)| (pattern.to_vec(), clients.to_vec())).collect();
        let mut receivers = 0;
        for id in subscribers {
            receivers += 1;
            self.with_client(current, id, |client| {
                let mut reply = push(client);
                reply.push(3);
                [&b"message"[..], channel, message].iter().for_each(|part| reply.bulk(part));
            });
        }
        for (pattern, clients) in matching {
            for id in clients {
                receivers += 1;
                self.with_client(current, id, |client| {
                    let mut reply = push(client);
                    reply.push(4);
                    [&b"pmessage"[..], &pattern, channel, message].iter().for_each(|part| reply.bulk(part));
                });
            }
        }
        receivers
    }

    /// SPUBLISH: sends a message to a shard channel's subscribers. Returns their number.
    pub fn publish_shard(&mut self, current: &mut Client, channel: &[u8], message: &[u8]) -> usize {
        let subscribers = self.pubsub.shard_channel(channel).to_vec();
        for &id in &subscribers {
            self.with_client(current, id, |client| {
                let mut reply = push(client);
                reply.push(3);
                [&b"smessage"[..], channel, message].iter().for_each(|part| reply.bulk(part));
            });
        }
        subscribers.len()
    }

    /// Publishes the keyspace notifications that the last unit left.
    pub fn publish_notifications(&mut self, current: &mut Client) {
        if self.effects.notifications.is_empty() {
            return;
        }
        let flags = self.effects.notify;
        for Notification { event, db, key, .. } in std::mem::take(&mut self.effects.notifications) {
            if flags & class::KEYSPACE != 0 {
                let channel = [format!("__keyspace@{db}__:").as_bytes(), &key].concat();
                self.publish(current, &channel, event.as_bytes());
            }
            if flags & class::KEYEVENT != 0 {
                let channel = format!("__keyevent@{db}__:{event}");
                self.publish(current, channel.as_bytes(), &key);
            }
        }
    }

    /// MONITOR: shows a command to all monitors. Words are printed quoted, secrets not at all.
    pub fn feed_monitors(&mut self, current: &mut Client, db: usize, command: &Command, args: &Args<'_>) {
        let micros = crate::base::clock::now_us();
        let mut line = format!("{}.{:06} [{db} ", micros / 1_000_000, micros % 1_000_000).into_bytes();
        let source = if current.flags.has(ClientFlags::UNIX_SOCKET) {
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
        for id in self.monitors.clone() {
            self.with_client(current, id, |client| {
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

/// A writer for messages that are no replies.
fn push(client: &mut Client) -> Reply<'_> {
    client.reply()
}

/// Appends a word in double quotes with escapes, as redis-cli prints and reads it.
pub fn quote(out: &mut Vec<u8>, word: &[u8]) {
    out.push(b'"');
    for &byte in word {
        match byte {
            b'\\' | b'"' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            7 => out.extend_from_slice(b"\\a"),
            8 => out.extend_from_slice(b"\\b"),
            b' '..=b'~' => out.push(byte),
            _ => out.extend_from_slice(format!("\\x{byte:02x}").as_bytes()),
        }
    }
    out.push(b'"');
}
