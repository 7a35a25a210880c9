//! Client-side caching: the table of who may hold which key, and who listens to which prefix.

use std::collections::{BTreeMap, HashMap};

use super::client::ClientId;

/// What a client asked for with CLIENT TRACKING ON.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientTracking {
    /// Who gets the messages instead: REDIRECT.
    pub redirect: Option<ClientId>,
    /// That client is gone.
    pub broken_redirect: bool,
    /// BCAST.
    pub broadcast: bool,
    /// OPTIN: only reads behind CLIENT CACHING YES count.
    pub opt_in: bool,
    /// OPTOUT: reads behind CLIENT CACHING NO do not count.
    pub opt_out: bool,
    /// NOLOOP: the client's own changes do not count.
    pub no_loop: bool,
    /// CLIENT CACHING came before this command.
    pub caching: bool,
    /// PREFIX, in their order; an empty one means everything.
    pub prefixes: Vec<Vec<u8>>,
}

/// Who listens to a prefix, and what is to be said of it when the batch ends.
#[derive(Debug, Default)]
pub(crate) struct Prefix {
    pub(crate) clients: Vec<ClientId>,
    /// Changed keys, and who changed them last.
    pub(crate) changed: BTreeMap<Vec<u8>, ClientId>,
}

/// All that is tracked.
#[derive(Debug, Default)]
pub struct Tracking {
    /// Clients that track.
    pub clients: usize,
    pub(crate) keys: HashMap<Vec<u8>, Vec<ClientId>, ahash::RandomState>,
    pub(crate) items: usize,
    pub(crate) prefixes: BTreeMap<Vec<u8>, Prefix>,
    pub(crate) changed: bool,
    /// How many of the unit's changed keys were told already.
    pub(crate) told: usize,
    /// Keys that the client whose command runs must hear of, behind its reply; `None`: all of them.
    pub(crate) own: Vec<Option<Vec<u8>>>,
}

impl Tracking {
    /// Whether the client whose command runs must hear of something behind its reply.
    #[inline]
    pub fn has_own_messages(&self) -> bool {
        !self.own.is_empty()
    }

    /// The changed keys of the unit are gone.
    pub fn forget_told(&mut self) {
        self.told = 0;
    }

    /// Number of keys that somebody may hold.
    pub fn key_count(&self) -> usize {
        self.keys.len()
    }

    /// Number of pairs of key and client.
    pub fn item_count(&self) -> usize {
        self.items
    }

    /// Number of prefixes that somebody listens to.
    pub fn prefix_count(&self) -> usize {
        self.prefixes.len()
    }

    pub(crate) fn remember(&mut self, key: &[u8], client: ClientId) {
        let clients = match self.keys.get_mut(key) {
            Some(clients) => clients,
            None => self.keys.entry(key.to_vec()).or_default(),
        };
        if !clients.contains(&client) {
            clients.push(client);
            self.items += 1;
        }
    }

    pub(crate) fn forget(&mut self, key: &[u8]) -> Vec<ClientId> {
        let clients = self.keys.remove(key).unwrap_or_default();
        self.items -= clients.len();
        clients
    }

    pub(crate) fn note_change(&mut self, key: &[u8], by: ClientId) {
        for (prefix, listeners) in &mut self.prefixes {
            if key.starts_with(prefix) {
                listeners.changed.insert(key.to_vec(), by);
                self.changed = true;
            }
        }
    }
}
