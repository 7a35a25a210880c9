//! The subscriptions: which clients listen to which channels and patterns. Not the delivery of messages, which is in
//! `dispatch/deliver.rs`.

use std::collections::HashMap;

use crate::base::glob;
use crate::base::ids::ClientId;

/// Subscribers of one channel or pattern, in the order of their subscription.
pub type Subscribers = Vec<ClientId>;

/// The three kinds of subscriptions, whose names are independent of each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Space {
    /// Channels: SUBSCRIBE and PUBLISH.
    Channel,
    /// Patterns of channels: PSUBSCRIBE.
    Pattern,
    /// Shard channels: SSUBSCRIBE and SPUBLISH.
    Shard,
}

/// All channels and patterns with their subscribers, and the clients that MONITOR.
#[derive(Debug, Default)]
pub struct PubSub {
    channels: HashMap<Vec<u8>, Subscribers>,
    patterns: HashMap<Vec<u8>, Subscribers>,
    shard_channels: HashMap<Vec<u8>, Subscribers>,
    /// Clients in MONITOR mode, which get every command.
    pub monitors: Subscribers,
}

impl PubSub {
    fn space(&mut self, space: Space) -> &mut HashMap<Vec<u8>, Subscribers> {
        match space {
            Space::Channel => &mut self.channels,
            Space::Pattern => &mut self.patterns,
            Space::Shard => &mut self.shard_channels,
        }
    }

    /// Adds a subscriber, which must not be one already.
    pub fn add(&mut self, space: Space, name: &[u8], client: ClientId) {
        self.space(space).entry(name.to_vec()).or_default().push(client);
    }

    /// Removes a subscriber, and the name with its last one.
    pub fn remove(&mut self, space: Space, name: &[u8], client: ClientId) {
        let names = self.space(space);
        if let Some(subscribers) = names.get_mut(name) {
            subscribers.retain(|&id| id != client);
            if subscribers.is_empty() {
                names.remove(name);
            }
        }
    }

    /// Whether there are no subscribers at all, so that publishing can be skipped.
    pub fn is_silent(&self) -> bool {
        self.channels.is_empty() && self.patterns.is_empty()
    }

    /// The subscribers of a channel, not counting those of patterns.
    pub fn channel(&self, name: &[u8]) -> &[ClientId] {
        self.channels.get(name).map_or(&[], Vec::as_slice)
    }

    /// Subscribers of a shard channel.
    pub fn shard_channel(&self, name: &[u8]) -> &[ClientId] {
        self.shard_channels.get(name).map_or(&[], Vec::as_slice)
    }

    /// Patterns that match a channel, with their subscribers.
    pub fn matching<'a>(&'a self, channel: &'a [u8]) -> impl Iterator<Item = (&'a [u8], &'a [ClientId])> {
        self.patterns
            .iter()
            .filter(move |(pattern, _)| glob::matches(pattern, channel, false))
            .map(|(pattern, subscribers)| (pattern.as_slice(), subscribers.as_slice()))
    }

    /// Active channels that match a pattern, or all.
    pub fn active<'a>(&'a self, space: Space, pattern: Option<&'a [u8]>) -> impl Iterator<Item = &'a [u8]> {
        let names = if space == Space::Shard { &self.shard_channels } else { &self.channels };
        names.keys().map(Vec::as_slice).filter(move |name| pattern.is_none_or(|p| glob::matches(p, name, false)))
    }

    /// All shard channels with their subscribers.
    pub fn shard_channels(&self) -> impl Iterator<Item = (&[u8], &[ClientId])> {
        self.shard_channels.iter().map(|(name, subscribers)| (name.as_slice(), subscribers.as_slice()))
    }

    /// Number of channels with subscribers.
    pub fn channel_count(&self) -> usize {
        self.channels.len()
    }

    /// Number of shard channels with subscribers.
    pub fn shard_channel_count(&self) -> usize {
        self.shard_channels.len()
    }

    /// Number of patterns with subscribers.
    pub fn pattern_count(&self) -> usize {
        self.patterns.len()
    }
}
