//! `client-output-buffer-limit`: closing clients that do not read what they are sent.
//!
//! A hard limit is enforced where output is added: [`Client::room`] bounds what a reply may add, and a client whose command
//! exceeds it is closed before anything of the reply is sent. Messages from others and the replication stream are checked
//! after they were added, and soft limits are checked by the cron. The sources are Redis's `client-output-buffer-limit`
//! directive and, for replicas, its note that a limit below `repl-backlog-size` would make a partial resync pointless.

use crate::base::log::{Level, log};
use crate::config::special::BufferLimit;
use crate::server::client::{Client, ClientFlags, ClientId};
use crate::server::client_line::client_line;
use crate::server::state::Server;

impl Server {
    /// The limits of a client's class. A replica may always lag by as much as the backlog holds.
    fn output_limit(&self, client: &Client) -> BufferLimit {
        let limits = &self.config.client_output_buffer_limit;
        if client.is_replica() && !client.flags.intersects(ClientFlags::MONITOR) {
            self.replica_output_limit()
        } else if client.flags.intersects(ClientFlags::PUBSUB) {
            limits.pubsub
        } else {
            limits.normal
        }
    }

    pub(crate) fn replica_output_limit(&self) -> BufferLimit {
        let mut limit = self.config.client_output_buffer_limit.replica;
        if limit.hard > 0 {
            limit.hard = limit.hard.max(self.config.repl_backlog_size);
        }
        limit
    }

    /// Sets how much a client's next replies may add to its output.
    #[inline]
    pub fn measure_room(&self, client: &mut Client) {
        let hard = self.output_limit(client).hard;
        client.room = match hard {
            0 => usize::MAX,
            hard => (hard as usize).saturating_sub(1).saturating_sub(client.signal.unsent()),
        };
    }

    /// Closes a client whose output has reached the hard limit of its class. Returns whether it did.
    pub fn close_if_over_limit(&mut self, client: &mut Client) -> bool {
        let hard = self.output_limit(client).hard;
        if hard == 0 || (self.output_of(client) as u64) < hard || client.flags.intersects(ClientFlags::CLOSE_ASAP) {
            return false;
        }
        self.close_for_output(client);
        true
    }

    /// Closes a client that has exceeded its limit at once, without sending pending output.
    fn close_for_output(&mut self, client: &mut Client) {
        let line = client_line(self, client);
        log(
            Level::Warning,
            &format!("Client {line} scheduled to be closed ASAP for overcoming of output buffer limits."),
        );
        self.stats.output_limit_reached();
        client.out = Vec::new();
        client.close();
        self.count_client_memory(client);
    }

    /// Checks the hard limits of these clients, after output was added for them.
    pub(crate) fn limit_outputs_of(&mut self, ids: &[ClientId]) {
        for &id in ids {
            self.with_session(id, |server, client| {
                server.close_if_over_limit(client);
            });
        }
    }

    /// Checks both limits of all clients.
    pub fn limit_outputs(&mut self) {
        let now = self.time.now;
        let mut over = Vec::new();
        for client in self.clients.iter() {
            let waiting = self.output_of(client) as u64;
            if waiting == 0 && client.over_soft_limit_since.is_none() {
                continue;
            }
            let limit = self.output_limit(client);
            let reaches = |bytes: u64| bytes > 0 && waiting >= bytes;
            if reaches(limit.hard) || reaches(limit.soft) || client.over_soft_limit_since.is_some() {
                over.push((client.id, limit, waiting));
            }
        }
        for (id, limit, waiting) in over {
            self.with_session(id, |server, client| {
                let over_soft = limit.soft > 0 && waiting >= limit.soft;
                client.over_soft_limit_since = over_soft.then(|| client.over_soft_limit_since.unwrap_or(now));
                let too_long =
                    client.over_soft_limit_since.is_some_and(|since| now - since > limit.soft_seconds * 1000);
                let over_hard = limit.hard > 0 && waiting >= limit.hard;
                if (over_hard || too_long) && !client.flags.intersects(ClientFlags::CLOSE_ASAP) {
                    server.close_for_output(client);
                }
            });
        }
    }
}
