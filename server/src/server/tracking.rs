//! Client-side caching: the table of which clients may hold which keys and which clients listen to which prefixes. How it is
//! used is in `dispatch/tracking.rs`.

use std::collections::{BTreeMap, HashMap};

use super::client::ClientId;

/// The options of CLIENT TRACKING ON.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientTracking {
    /// The client that gets the messages instead: REDIRECT.
    pub redirect: Option<ClientId>,
    /// Whether that client no longer exists.
    pub broken_redirect: bool,
    /// BCAST: the client is told of all changes under its prefixes.
    pub broadcast: bool,
    /// OPTIN: only reads after CLIENT CACHING YES count.
    pub opt_in: bool,
    /// OPTOUT: reads after CLIENT CACHING NO do not count.
    pub opt_out: bool,
    /// NOLOOP: the client's own changes do not count.
    pub no_loop: bool,
    /// Whether CLIENT CACHING was sent before this command.
    pub caching: bool,
    /// PREFIX, in their order; an empty one means everything.
    pub prefixes: Vec<Vec<u8>>,
}

/// Changed keys, each with the client that changed it last.
pub(crate) type ChangedKeys = BTreeMap<Vec<u8>, ClientId>;

/// The listeners of a prefix, and the keys under it that changed during the batch.
#[derive(Debug, Default)]
struct Prefix {
    clients: Vec<ClientId>,
    /// Changed keys, and who changed them last.
    changed: ChangedKeys,
}

/// The table of tracking.
#[derive(Debug, Default)]
pub struct Tracking {
    /// How many clients track.
    clients: usize,
    keys: HashMap<Vec<u8>, Vec<ClientId>, ahash::RandomState>,
    items: usize,
    prefixes: BTreeMap<Vec<u8>, Prefix>,
    changed: bool,
    /// How many of the unit's changed keys have already been reported.
    told: usize,
    /// Invalidations for the client whose command is running, to be sent after its reply; `None` stands for all keys.
    own: Vec<Option<Vec<u8>>>,
}

impl Tracking {
    /// Whether any client tracks.
    #[inline]
    pub fn is_used(&self) -> bool {
        self.clients > 0
    }

    /// Number of clients that track.
    pub fn client_count(&self) -> usize {
        self.clients
    }

    /// Counts a client that begins to track.
    pub(crate) fn add_client(&mut self) {
        self.clients += 1;
    }

    /// Adds a prefix that a client listens to.
    pub(crate) fn listen(&mut self, prefix: &[u8], id: ClientId) {
        self.prefixes.entry(prefix.to_vec()).or_default().clients.push(id);
    }

    /// Removes a client that listened to these prefixes. With the last client, the table is emptied.
    pub(crate) fn remove_client(&mut self, id: ClientId, prefixes: &[Vec<u8>]) {
        self.clients -= 1;
        for prefix in prefixes {
            let Some(listeners) = self.prefixes.get_mut(prefix) else { continue };
            listeners.clients.retain(|&other| other != id);
            if listeners.clients.is_empty() {
                self.prefixes.remove(prefix);
            }
        }
        if self.clients == 0 {
            // Its last invalidations may still have to be sent.
            *self = Self { told: self.told, own: std::mem::take(&mut self.own), ..Self::default() };
        }
    }

    /// A key to be dropped from the table, if it has more than `limit`.
    pub(crate) fn key_beyond(&self, limit: usize) -> Option<Vec<u8>> {
        if self.keys.len() > limit { self.keys.keys().next().cloned() } else { None }
    }

    /// Marks this many of the unit's changed keys as reported, and returns how many had been before.
    pub(crate) fn tell_up_to(&mut self, touched: usize) -> usize {
        std::mem::replace(&mut self.told, touched)
    }

    /// Adds an invalidation for the client whose command is running, to be sent after its reply; `None` stands for all keys.
    pub(crate) fn tell_own(&mut self, key: Option<&[u8]>) {
        self.own.push(key.map(<[u8]>::to_vec));
    }

    /// Takes the invalidations for the client whose command is running.
    pub(crate) fn take_own(&mut self) -> Vec<Option<Vec<u8>>> {
        std::mem::take(&mut self.own)
    }

    /// Forgets all keys, because no cache holds anything any more.
    pub(crate) fn forget_keys(&mut self) {
        self.keys.clear();
        self.items = 0;
    }

    /// Takes the changes under each prefix since the last call, with its listeners.
    pub(crate) fn take_changes(&mut self) -> Vec<(Vec<ClientId>, ChangedKeys)> {
        if !std::mem::take(&mut self.changed) {
            return Vec::new();
        }
        let changed = self.prefixes.values_mut().filter(|listeners| !listeners.changed.is_empty());
        changed.map(|listeners| (listeners.clients.clone(), std::mem::take(&mut listeners.changed))).collect()
    }

    /// Whether there are invalidations for the client whose command is running.
    #[inline]
    pub fn has_own_messages(&self) -> bool {
        !self.own.is_empty()
    }

    /// Resets the count of reported keys at the end of a unit.
    pub fn forget_told(&mut self) {
        self.told = 0;
    }

    /// The number of keys that any client may hold.
    pub fn key_count(&self) -> usize {
        self.keys.len()
    }

    /// Number of pairs of key and client.
    pub fn item_count(&self) -> usize {
        self.items
    }

    /// The number of prefixes with listeners.
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
