//! The recent refusals that ACL LOG shows.

use std::collections::VecDeque;

use crate::base::clock::Millis;

/// How many of the latest entries are searched for one like a new one.
const LOOKED_AT: usize = 10;
/// Refusals further apart than this, in milliseconds, get separate entries.
const GROUPED_WITHIN: Millis = 60_000;

/// What was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// A command that the user may not run.
    Command,
    /// A key that the user may not access in this way.
    Key,
    /// A channel that the user may not use.
    Channel,
    /// A login with a wrong name or password.
    Auth,
}

impl Reason {
    /// The name that ACL LOG shows.
    pub fn name(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Key => "key",
            Self::Channel => "channel",
            Self::Auth => "auth",
        }
    }
}

/// Where the request came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Context {
    /// From a client, outside a transaction.
    TopLevel,
    /// In a transaction, when it was queued or when it ran.
    Multi,
    /// From a script or function.
    Script,
}

impl Context {
    /// The name that ACL LOG shows.
    pub fn name(self) -> &'static str {
        match self {
            Self::TopLevel => "toplevel",
            Self::Multi => "multi",
            Self::Script => "lua",
        }
    }
}

/// A refusal, or several similar ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// How many refusals this entry stands for.
    pub count: u64,
    /// What was refused.
    pub reason: Reason,
    /// Where the request came from.
    pub context: Context,
    /// The name of the command, key or channel; for a login, that of the command.
    pub object: Vec<u8>,
    /// The user that was refused, or that the client tried to log in as.
    pub username: Vec<u8>,
    /// The time of the latest refusal, in Unix milliseconds.
    pub at: Millis,
    /// The client's line in CLIENT LIST at the latest refusal.
    pub client: Vec<u8>,
}

impl Entry {
    fn is_like(&self, other: &Self) -> bool {
        self.reason == other.reason
            && self.context == other.context
            && self.at.abs_diff(other.at) <= GROUPED_WITHIN.unsigned_abs()
            && self.object == other.object
            && self.username == other.username
    }
}

/// The entries, the latest first.
#[derive(Debug, Default)]
pub struct AclLog(VecDeque<Entry>);

impl AclLog {
    /// Adds a refusal, or counts it in a recent entry like it. At most `limit` entries are kept (`acllog-max-len`).
    pub fn add(&mut self, mut entry: Entry, limit: usize) {
        let like = self.0.iter().take(LOOKED_AT).position(|known| known.is_like(&entry));
        if let Some(known) = like.and_then(|place| self.0.remove(place)) {
            entry.count += known.count;
            self.0.push_front(entry);
            return;
        }
        self.0.push_front(entry);
        self.0.truncate(limit);
    }

    /// Removes all entries: ACL LOG RESET.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The entries, the latest first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.0.iter()
    }
}
