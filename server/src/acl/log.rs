//! What was refused lately: ACL LOG.

use std::collections::VecDeque;

use crate::base::clock::Millis;

/// So many entries are looked at for one like a new one.
const LOOKED_AT: usize = 10;
/// What happens farther apart is told apart.
const GROUPED_WITHIN: Millis = 60_000;

/// What was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// A command.
    Command,
    /// A key.
    Key,
    /// A channel.
    Channel,
    /// A login.
    Auth,
}

impl Reason {
    /// The name in replies.
    pub fn name(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Key => "key",
            Self::Channel => "channel",
            Self::Auth => "auth",
        }
    }
}

/// Where it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Context {
    /// By a client.
    TopLevel,
    /// In a transaction, when it was queued or when it ran.
    Multi,
    /// By a script or function.
    Script,
}

impl Context {
    /// The name in replies.
    pub fn name(self) -> &'static str {
        match self {
            Self::TopLevel => "toplevel",
            Self::Multi => "multi",
            Self::Script => "lua",
        }
    }
}

/// A refusal, or several alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// How many.
    pub count: u64,
    /// What was refused.
    pub reason: Reason,
    /// Where it was asked for.
    pub context: Context,
    /// The command, the key, the channel; of a login the command.
    pub object: Vec<u8>,
    /// Who asked, or wanted to be.
    pub username: Vec<u8>,
    /// The last one's time, Unix milliseconds.
    pub at: Millis,
    /// The last one's line in CLIENT LIST.
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
    /// Notes a refusal, of which `limit` are kept (`acllog-max-len`). One like a recent entry joins it.
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

    /// Forgets all.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The entries, the latest first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.0.iter()
    }
}
