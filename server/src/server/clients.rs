//! The sessions of all clients, by their place (which their connection's task knows) and by id.

use std::collections::HashMap;

use super::client::{Client, ClientFlags, ClientId};
use crate::base::clock::Millis;

/// Where a client's session is kept: its connection's task knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionIndex(usize);

/// All sessions. The session whose commands are running is taken out meanwhile.
#[derive(Default)]
pub struct Clients {
    slots: Vec<Option<Box<Client>>>,
    by_id: HashMap<ClientId, SessionIndex, ahash::RandomState>,
    vacant: Vec<SessionIndex>,
    next_id: ClientId,
    /// Clients whose tasks must be woken when the batch ends.
    woken: Vec<ClientId>,
    /// Bytes that sessions take, while `maxmemory-clients` is set.
    pub memory: usize,
    /// Whether the sessions that take too much are to be evicted soon.
    pub eviction_ordered: bool,
    /// Bytes that ended sessions take until their tasks have freed them.
    pub ending_memory: usize,
    /// DEBUG REPLYBUFFER RESIZING 0: buffers of silent clients stay as large as they are.
    keeps_buffers: bool,
    /// When the log was last told of a web client, Unix milliseconds.
    web_client_logged: Option<Millis>,
}

impl Clients {
    /// A client's task must be woken when the batch ends.
    #[inline]
    pub fn wake(&mut self, id: ClientId) {
        self.woken.push(id);
    }

    /// Whether any task must be woken when the batch ends.
    #[inline]
    pub fn has_woken(&self) -> bool {
        !self.woken.is_empty()
    }

    /// The clients whose tasks must be woken. Give the list back with [`Self::keep_woken`], for its room or to be taken again.
    #[inline]
    pub fn take_woken(&mut self) -> Vec<ClientId> {
        std::mem::take(&mut self.woken)
    }

    /// Puts a list back, in front of those who were added meanwhile.
    #[inline]
    pub fn keep_woken(&mut self, mut woken: Vec<ClientId>) {
        woken.append(&mut self.woken);
        self.woken = woken;
    }

    /// DEBUG REPLYBUFFER RESIZING: whether buffers of silent clients stay as large as they are.
    pub fn keep_buffers(&mut self, keep: bool) {
        self.keeps_buffers = keep;
    }

    /// Whether buffers of silent clients stay as large as they are.
    pub fn keeps_buffers(&self) -> bool {
        self.keeps_buffers
    }

    /// Whether the log may be told of a web client: at most once in `pause` milliseconds. It is told then.
    pub fn may_log_web_client(&mut self, now: Millis, pause: Millis) -> bool {
        let may = self.web_client_logged.is_none_or(|logged| (now - logged).abs() > pause);
        if may {
            self.web_client_logged = Some(now);
        }
        may
    }

    /// The number for the next client.
    pub fn next_id(&mut self) -> ClientId {
        self.next_id.0 += 1;
        self.next_id
    }

    /// Adds a session and returns where it is kept.
    pub fn add(&mut self, client: Client) -> SessionIndex {
        let id = client.id;
        let at = self.vacant.pop().unwrap_or_else(|| {
            self.slots.push(None);
            SessionIndex(self.slots.len() - 1)
        });
        self.slots[at.0] = Some(Box::new(client));
        self.by_id.insert(id, at);
        at
    }

    /// Removes a session; its place is given to a later one.
    pub fn remove(&mut self, at: SessionIndex) -> Option<Box<Client>> {
        let client = self.slots[at.0].take()?;
        self.by_id.remove(&client.id);
        self.vacant.push(at);
        Some(client)
    }

    /// Hides a session whose task has still to come to its end and [remove](Self::remove) it.
    pub fn hide(&mut self, at: SessionIndex) {
        let Some(client) = self.slots[at.0].as_mut() else { return };
        client.flags.insert(ClientFlags::ENDED);
        self.by_id.remove(&client.id);
    }

    /// Takes a session out while its commands run. Put it back with [`Self::put`].
    #[inline]
    pub fn take(&mut self, at: SessionIndex) -> Option<Box<Client>> {
        self.slots.get_mut(at.0)?.take()
    }

    /// Puts a session back.
    #[inline]
    pub fn put(&mut self, at: SessionIndex, client: Box<Client>) {
        self.slots[at.0] = Some(client);
    }

    /// The session in a slot.
    pub fn get(&self, at: SessionIndex) -> Option<&Client> {
        self.slots.get(at.0)?.as_deref()
    }

    /// The session in a slot, to be changed.
    pub fn get_mut(&mut self, at: SessionIndex) -> Option<&mut Client> {
        self.slots.get_mut(at.0)?.as_deref_mut()
    }

    /// The slot of a client.
    pub fn index_of(&self, id: ClientId) -> Option<SessionIndex> {
        self.by_id.get(&id).copied()
    }

    /// The session of a client; `None` also while its commands run.
    pub fn by_id(&self, id: ClientId) -> Option<&Client> {
        self.get(self.index_of(id)?)
    }

    /// The session of a client, to be changed.
    pub fn by_id_mut(&mut self, id: ClientId) -> Option<&mut Client> {
        self.get_mut(self.index_of(id)?)
    }

    /// All sessions that are neither taken out nor hidden.
    pub fn iter(&self) -> impl Iterator<Item = &Client> {
        self.slots.iter().filter_map(Option::as_deref).filter(|client| !client.flags.intersects(ClientFlags::ENDED))
    }

    /// All sessions that are neither taken out nor hidden, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Client> {
        self.slots
            .iter_mut()
            .filter_map(Option::as_deref_mut)
            .filter(|client| !client.flags.intersects(ClientFlags::ENDED))
    }

    /// Number of sessions, those taken out included and those hidden not.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there are no sessions.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }
}
