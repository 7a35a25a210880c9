//! The sessions of all clients, by index (which the connection's task knows) and by client id.

use std::collections::HashMap;

use super::client::{Client, ClientFlags, ClientId};
use crate::base::clock::Millis;

/// The index of a client's session, by which its connection's task refers to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionIndex(usize);

/// All sessions. The session whose command is running is taken out for that time.
#[derive(Default)]
pub struct Clients {
    slots: Vec<Option<Box<Client>>>,
    by_id: HashMap<ClientId, SessionIndex, ahash::RandomState>,
    vacant: Vec<SessionIndex>,
    next_id: ClientId,
    /// Clients whose tasks must be woken when the batch ends.
    woken: Vec<ClientId>,
    /// The memory of all sessions in bytes, while `maxmemory-clients` is set.
    pub memory: usize,
    /// Whether an eviction of sessions has been ordered.
    pub eviction_ordered: bool,
    /// The memory of ended sessions that their tasks have not freed yet, in bytes.
    pub ending_memory: usize,
    /// Whether buffers of idle clients keep their size: DEBUG REPLYBUFFER RESIZING 0.
    keeps_buffers: bool,
    /// When an HTTP client was last logged, in Unix milliseconds.
    web_client_logged: Option<Millis>,
}

impl Clients {
    /// Has a client's task woken when the batch ends.
    #[inline]
    pub fn wake(&mut self, id: ClientId) {
        self.woken.push(id);
    }

    /// Whether any task must be woken when the batch ends.
    #[inline]
    pub fn has_woken(&self) -> bool {
        !self.woken.is_empty()
    }

    /// The clients whose tasks must be woken. Return the list with [`Self::keep_woken`], to reuse its memory or to have it
    /// taken again.
    #[inline]
    pub fn take_woken(&mut self) -> Vec<ClientId> {
        std::mem::take(&mut self.woken)
    }

    /// Returns a list, before those that were added in the meantime.
    #[inline]
    pub fn keep_woken(&mut self, mut woken: Vec<ClientId>) {
        woken.append(&mut self.woken);
        self.woken = woken;
    }

    /// Sets whether buffers of idle clients keep their size: DEBUG REPLYBUFFER RESIZING.
    pub fn keep_buffers(&mut self, keep: bool) {
        self.keeps_buffers = keep;
    }

    /// Whether buffers of idle clients keep their size.
    pub fn keeps_buffers(&self) -> bool {
        self.keeps_buffers
    }

    /// Whether an HTTP client may be logged, which is allowed once in `pause` milliseconds. Counts as logging it.
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

    /// Removes a session; its index may be given to a later one.
    pub fn remove(&mut self, at: SessionIndex) -> Option<Box<Client>> {
        let client = self.slots[at.0].take()?;
        self.by_id.remove(&client.id);
        self.vacant.push(at);
        Some(client)
    }

    /// Hides a session whose task has still to end and to [remove](Self::remove) it.
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

    /// The session at an index.
    pub fn get(&self, at: SessionIndex) -> Option<&Client> {
        self.slots.get(at.0)?.as_deref()
    }

    /// The session at an index, for changes.
    pub fn get_mut(&mut self, at: SessionIndex) -> Option<&mut Client> {
        self.slots.get_mut(at.0)?.as_deref_mut()
    }

    /// The index of a client's session.
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
