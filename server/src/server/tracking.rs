//! Client-side caching: the table of who may hold which key, and who listens to which prefix.

use std::collections::{BTreeMap, HashMap};

use super::client::ClientId;

/// What a client asked for with CLIENT TRACKING ON.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientTracking {
    /// Who gets the messages instead: REDIRECT.
    pub redirect: Option<ClientId>,
    /// Whether that client has gone.
    pub broken_redirect: bool,
    /// BCAST: it hears of all changes under its prefixes.
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

/// Changed keys, each with the client that changed it last.
pub(crate) type ChangedKeys = BTreeMap<Vec<u8>, ClientId>;

/// Who listens to a prefix, and what is to be said of it when the batch ends.
#[derive(Debug, Default)]
struct Prefix {
    clients: Vec<ClientId>,
    /// Changed keys, and who changed them last.
    changed: ChangedKeys,
}

/// All that is tracked.
#[derive(Debug, Default)]
pub struct Tracking {
    /// How many clients track.
    clients: usize,
    keys: HashMap<Vec<u8>, Vec<ClientId>, ahash::RandomState>,
    items: usize,
    prefixes: BTreeMap<Vec<u8>, Prefix>,
    changed: bool,
    /// How many of the unit's changed keys were told already.
    told: usize,
    /// Keys that the client whose command runs must hear of, behind its reply; `None`: all of them.
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

    /// A client begins to track.
    pub(crate) fn add_client(&mut self) {
        self.clients += 1;
    }

    /// A client, which may be tracking already, listens to one more prefix.
    pub(crate) fn listen(&mut self, prefix: &[u8], id: ClientId) {
        self.prefixes.entry(prefix.to_vec()).or_default().clients.push(id);
    }

    /// A client that listened to these prefixes tracks no more. Where it was the last, nothing is remembered any more.
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
            // Its last words may be due yet.
            *self = Self { told: self.told, own: std::mem::take(&mut self.own), ..Self::default() };
        }
    }

    /// A key to be dropped from the table, if it has more than `limit`.
    pub(crate) fn key_beyond(&self, limit: usize) -> Option<Vec<u8>> {
        if self.keys.len() > limit { self.keys.keys().next().cloned() } else { None }
    }

    /// The unit has changed so many keys by now: how many of them were told before.
    pub(crate) fn tell_up_to(&mut self, touched: usize) -> usize {
        std::mem::replace(&mut self.told, touched)
    }

    /// The client whose command runs must hear of a key behind its reply; `None`: of all.
    pub(crate) fn tell_own(&mut self, key: Option<&[u8]>) {
        self.own.push(key.map(<[u8]>::to_vec));
    }

    /// What the client whose command runs must hear of.
    pub(crate) fn take_own(&mut self) -> Vec<Option<Vec<u8>>> {
        std::mem::take(&mut self.own)
    }

    /// Everything went: nobody holds anything.
    pub(crate) fn forget_keys(&mut self) {
        self.keys.clear();
        self.items = 0;
    }

    /// What changed under each prefix since this was last asked, and who listens to it.
    pub(crate) fn take_changes(&mut self) -> Vec<(Vec<ClientId>, ChangedKeys)> {
        if !std::mem::take(&mut self.changed) {
            return Vec::new();
        }
        let changed = self.prefixes.values_mut().filter(|listeners| !listeners.changed.is_empty());
        changed.map(|listeners| (listeners.clients.clone(), std::mem::take(&mut listeners.changed))).collect()
    }

    /// Whether the client whose command runs must hear of something behind its reply.
    #[inline]
    pub fn has_own_messages(&self) -> bool {
        !self.own.is_empty()
    }

    /// The unit has ended, and its changed keys with it.
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
