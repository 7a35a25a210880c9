//! The sessions of all clients, by slot (their connection's task knows it) and by id.

use std::collections::HashMap;

use super::client::{Client, ClientFlags, ClientId};
use crate::base::clock::Millis;

/// Where a client's session is kept.
pub type Slot = usize;

/// All sessions. The one whose commands run is taken out for as long.
#[derive(Default)]
pub struct Clients {
    slots: Vec<Option<Box<Client>>>,
    by_id: HashMap<ClientId, Slot, ahash::RandomState>,
    vacant: Vec<Slot>,
    next_id: ClientId,
    /// Clients whose tasks must be woken when the batch ends.
    pub woken: Vec<ClientId>,
    /// Bytes that sessions take, while `maxmemory-clients` is set.
    pub memory: usize,
    /// Bytes that ended sessions take until their tasks have freed them.
    pub ending_memory: usize,
    /// DEBUG REPLYBUFFER RESIZING 0: buffers of silent clients stay as large as they are.
    pub keeps_buffers: bool,
    /// When the log was last told of a web client, Unix milliseconds.
    pub web_client_logged: Option<Millis>,
}

impl Clients {
    /// The number for the next client.
    pub fn next_id(&mut self) -> ClientId {
        self.next_id += 1;
        self.next_id
    }

    /// Adds a session.
    pub fn add(&mut self, client: Client) -> Slot {
        let id = client.id;
        let slot = self.vacant.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        self.slots[slot] = Some(Box::new(client));
        self.by_id.insert(id, slot);
        slot
    }

    /// Ends a session.
    pub fn remove(&mut self, slot: Slot) -> Option<Box<Client>> {
        let client = self.slots[slot].take()?;
        self.by_id.remove(&client.id);
        self.vacant.push(slot);
        Some(client)
    }

    /// Hides a session whose task has still to come to its end and [remove](Self::remove) it.
    pub fn hide(&mut self, slot: Slot) {
        let Some(client) = self.slots[slot].as_mut() else { return };
        client.flags.insert(ClientFlags::ENDED);
        self.by_id.remove(&client.id);
    }

    /// Takes a session out while its commands run. Put it back with [`Self::put`].
    #[inline]
    pub fn take(&mut self, slot: Slot) -> Option<Box<Client>> {
        self.slots.get_mut(slot)?.take()
    }

    /// Puts a session back.
    #[inline]
    pub fn put(&mut self, slot: Slot, client: Box<Client>) {
        self.slots[slot] = Some(client);
    }

    /// The session in a slot.
    pub fn get(&self, slot: Slot) -> Option<&Client> {
        self.slots.get(slot)?.as_deref()
    }

    /// The session in a slot, to be changed.
    pub fn get_mut(&mut self, slot: Slot) -> Option<&mut Client> {
        self.slots.get_mut(slot)?.as_deref_mut()
    }

    /// The slot of a client.
    pub fn slot_of(&self, id: ClientId) -> Option<Slot> {
        self.by_id.get(&id).copied()
    }

    /// The session of a client; `None` also while its commands run.
    pub fn by_id(&self, id: ClientId) -> Option<&Client> {
        self.get(self.slot_of(id)?)
    }

    /// The session of a client, to be changed.
    pub fn by_id_mut(&mut self, id: ClientId) -> Option<&mut Client> {
        let slot = self.slot_of(id)?;
        self.get_mut(slot)
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

    /// True without sessions.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }
}
