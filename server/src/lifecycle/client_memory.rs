//! `maxmemory-clients`: closing the sessions that use the most memory when all of them together exceed the limit.
//!
//! As in Redis, sessions are not evicted when a command ends: its reply is written first, as far as the socket accepts it,
//! and a session counts only once it has executed a command. So even if a session that is exempt exceeds the limit
//! permanently, an operator can still connect and raise it.

use std::cmp::Reverse;

use crate::base::log::{Level, log};
use crate::server::client::{Client, ClientFlags, ClientId};
use crate::server::client_line::client_line;
use crate::server::network::Order;
use crate::server::state::Server;

impl Server {
    /// The memory that all sessions together may use, in bytes; `None` without a limit. A negative setting is a percentage
    /// of `maxmemory`.
    fn client_memory_limit(&self) -> Option<usize> {
        match self.config.maxmemory_clients {
            0 => None,
            limit if limit > 0 => Some(limit as usize),
            percent => {
                let limit = self.config.maxmemory as u128 * u128::from(percent.unsigned_abs()) / 100;
                (limit > 0).then_some(usize::try_from(limit).unwrap_or(usize::MAX))
            }
        }
    }

    /// Recounts a session's memory. Replication links are excluded, because they have limits of their own.
    pub fn count_client_memory(&mut self, client: &mut Client) {
        if client.flags.intersects(ClientFlags::ENDED) {
            return;
        }
        let spared = [ClientFlags::REPLICA, ClientFlags::PRIMARY, ClientFlags::CLOSE_ASAP];
        let counts = !spared.iter().any(|&flag| client.flags.intersects(flag));
        let memory = if counts { client.memory() } else { 0 };
        self.clients.memory = self.clients.memory + memory - client.counted_memory;
        client.counted_memory = memory;
    }

    /// Stops counting a session, which has ended.
    pub(crate) fn forget_client_memory(&mut self, client: &mut Client) {
        let counted = std::mem::take(&mut client.counted_memory);
        if client.flags.intersects(ClientFlags::ENDED) {
            self.clients.ending_memory -= counted;
        } else {
            self.clients.memory -= counted;
        }
    }

    /// Counts the memory of a session whose task has still to end as already freed.
    pub(crate) fn count_ending_memory(&mut self, client: &mut Client) {
        client.counted_memory = client.memory();
        self.clients.ending_memory += client.counted_memory;
    }

    /// Recounts all sessions, because the setting changed or some may have grown.
    pub(crate) fn count_all_client_memory(&mut self) {
        let ids: Vec<ClientId> = self.clients.iter().map(|client| client.id).collect();
        self.recount(&ids);
    }

    pub(crate) fn recount(&mut self, ids: &[ClientId]) {
        for &id in ids {
            let Some(slot) = self.clients.index_of(id) else { continue };
            let Some(mut client) = self.clients.take(slot) else { continue };
            self.count_client_memory(&mut client);
            self.clients.put(slot, client);
        }
    }

    /// Whether all sessions together exceed the limit.
    #[inline]
    pub(crate) fn exceeds_client_limit(&self) -> bool {
        self.config.maxmemory_clients != 0
            && self.client_memory_limit().is_some_and(|limit| self.clients.memory > limit)
    }

    /// Orders an eviction if sessions exceed the limit, to be carried out after pending output was written.
    pub(crate) fn order_client_eviction(&mut self) {
        if self.exceeds_client_limit() && !self.clients.eviction_ordered {
            self.clients.eviction_ordered = true;
            self.network.order(Order::EvictClients);
        }
    }

    /// Closes the largest sessions until the others fit.
    pub fn evict_clients(&mut self) {
        self.clients.eviction_ordered = false;
        if !self.exceeds_client_limit() {
            return;
        }
        // Sockets may have accepted output since these were counted.
        let counted: Vec<ClientId> =
            self.clients.iter().filter(|client| client.counted_memory > 0).map(|client| client.id).collect();
        self.recount(&counted);
        let mut largest: Vec<(usize, ClientId)> = self
            .clients
            .iter()
            .filter(|client| client.counted_memory > 0 && !client.flags.intersects(ClientFlags::NO_EVICT))
            .map(|client| (client.counted_memory, client.id))
            .collect();
        largest.sort_unstable_by_key(|&(memory, id)| (Reverse(memory), id));
        for (_, id) in largest {
            if !self.exceeds_client_limit() {
                return;
            }
            let Some(client) = self.clients.by_id(id) else { continue };
            log(Level::Notice, &format!("Evicting client: {}", client_line(self, client)));
            self.end_session(id);
            self.stats.evicted_clients += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::catalogue;
    use crate::config::Config;

    fn session(server: &mut Server, output: usize, flags: ClientFlags) -> ClientId {
        let id = server.clients.next_id();
        let mut client = Client::new(id, 0, Default::default());
        client.out = vec![0; output];
        client.flags.insert(flags);
        server.clients.add(client);
        id
    }

    #[test]
    fn the_largest_go_until_the_others_fit_and_some_are_spared() {
        let mut server = Server::new(Config { maxmemory_clients: 400_000, ..Config::default() }, catalogue(), false);
        let small = session(&mut server, 100_000, ClientFlags::default());
        let large = session(&mut server, 300_000, ClientFlags::default());
        let larger = session(&mut server, 500_000, ClientFlags::default());
        let spared = session(&mut server, 200_000, ClientFlags::NO_EVICT);
        let replica = session(&mut server, 900_000, ClientFlags::REPLICA);
        server.count_all_client_memory();
        // Output is counted in units of 16 kilobytes.
        assert!((1_050_000..1_200_000).contains(&server.clients.memory), "{}", server.clients.memory);
        server.evict_clients();
        let closes = |id| server.clients.by_id(id).is_none();
        assert_eq!([small, large, larger, spared, replica].map(closes), [false, true, true, false, false]);
        assert_eq!(server.stats.evicted_clients, 2);
        assert!(server.clients.memory < 400_000);
    }

    #[test]
    fn a_percentage_is_one_of_maxmemory() {
        let limit = |maxmemory_clients, maxmemory| {
            Server::new(Config { maxmemory_clients, maxmemory, ..Config::default() }, catalogue(), false)
                .client_memory_limit()
        };
        assert_eq!(limit(0, 1000), None);
        assert_eq!(limit(-5, 1000), Some(50));
        assert_eq!(limit(-5, 0), None);
        assert_eq!(limit(77, 0), Some(77));
    }
}
