//! Consumer groups of a stream: which entries were delivered to which consumers and are not acknowledged.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::stream_id::StreamId;

/// A consumer group, and its position in the stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Group {
    /// The last id delivered.
    pub last_id: StreamId,
    /// Entries read so far; `None` if not known.
    pub entries_read: Option<u64>,
    /// Entries delivered and not acknowledged. Change this through the methods only, because each consumer also has a list.
    pub pending: BTreeMap<StreamId, Pending>,
    /// Consumers by name.
    pub consumers: BTreeMap<Arc<[u8]>, Consumer>,
}

/// An entry delivered and not acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// The consumer that it was delivered to.
    pub consumer: Arc<[u8]>,
    /// When it was last delivered, in Unix milliseconds.
    pub delivered_at: i64,
    /// How often it was delivered.
    pub deliveries: u64,
}

/// A consumer of a group, and its pending entries.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Consumer {
    /// When it was last seen, in Unix milliseconds.
    pub seen_at: i64,
    /// The entries that it has not acknowledged.
    pub pending: BTreeSet<StreamId>,
}

impl Group {
    /// A group that continues after an id.
    pub fn new(last_id: StreamId, entries_read: Option<u64>) -> Self {
        Self { last_id, entries_read, ..Self::default() }
    }

    /// The approximate memory of the group, in bytes; see [`sampled`](super::sampled).
    pub fn memory(&self, samples: usize) -> usize {
        let consumers = self.consumers.keys().map(|name| name.len() + 64);
        super::sampled(self.consumers.len(), consumers, samples)
            + self.pending.len() * (size_of::<Pending>() + 2 * size_of::<StreamId>() + 16)
    }

    /// Creates a consumer unless it exists; true if it is new. Also returns its name, shared.
    pub fn consumer(&mut self, name: &[u8], now: i64) -> (Arc<[u8]>, bool) {
        if let Some((known, _)) = self.consumers.get_key_value(name) {
            return (Arc::clone(known), false);
        }
        let name: Arc<[u8]> = name.into();
        self.consumers.insert(Arc::clone(&name), Consumer { seen_at: now, ..Consumer::default() });
        (name, true)
    }

    /// Notes that a consumer was seen.
    pub fn seen(&mut self, name: &[u8], now: i64) {
        if let Some(consumer) = self.consumers.get_mut(name) {
            consumer.seen_at = now;
        }
    }

    /// Makes an entry pending for an existing consumer, even if it was pending for another.
    pub fn assign(&mut self, id: StreamId, consumer: &Arc<[u8]>, delivered_at: i64, deliveries: u64) {
        let pending = Pending { consumer: Arc::clone(consumer), delivered_at, deliveries };
        if let Some(old) = self.pending.insert(id, pending)
            && old.consumer != *consumer
            && let Some(before) = self.consumers.get_mut(&old.consumer)
        {
            before.pending.remove(&id);
        }
        if let Some(owner) = self.consumers.get_mut(consumer) {
            owner.pending.insert(id);
        }
    }

    /// Notes one more delivery of an entry that is pending.
    pub fn redelivered(&mut self, id: StreamId, now: i64) {
        if let Some(pending) = self.pending.get_mut(&id) {
            pending.delivered_at = now;
            pending.deliveries = pending.deliveries.wrapping_add(1);
        }
    }

    /// Removes a pending entry; false if it was not pending.
    pub fn acknowledge(&mut self, id: StreamId) -> bool {
        let Some(pending) = self.pending.remove(&id) else { return false };
        if let Some(owner) = self.consumers.get_mut(&pending.consumer) {
            owner.pending.remove(&id);
        }
        true
    }

    /// Removes a consumer and forgets its pending entries; returns how many they were, `None` if there is no such consumer.
    pub fn remove_consumer(&mut self, name: &[u8]) -> Option<usize> {
        let consumer = self.consumers.remove(name)?;
        for id in &consumer.pending {
            self.pending.remove(id);
        }
        Some(consumer.pending.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_belong_to_one_consumer_at_a_time() {
        let mut group = Group::new(StreamId::MIN, None);
        let (a, new) = group.consumer(b"a", 1);
        assert!(new && !group.consumer(b"a", 2).1);
        let (b, _) = group.consumer(b"b", 1);
        let id = StreamId { ms: 1, seq: 1 };
        group.assign(id, &a, 5, 1);
        group.assign(id, &b, 6, 2);
        assert!(group.consumers[&a].pending.is_empty() && group.consumers[&b].pending.contains(&id));
        group.redelivered(id, 7);
        assert_eq!(group.pending[&id], Pending { consumer: b, delivered_at: 7, deliveries: 3 });
        assert_eq!(group.remove_consumer(b"b"), Some(1));
        assert!(group.pending.is_empty() && !group.acknowledge(id));
        group.assign(id, &a, 5, 1);
        assert!(group.acknowledge(id) && group.consumers[&a].pending.is_empty());
        assert_eq!(group.remove_consumer(b"x"), None);
    }
}
