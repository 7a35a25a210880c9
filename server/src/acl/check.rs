//! The check of a request against a user.

use super::catalogue::CommandId;
use super::selector::Selector;
use super::user::User;
use crate::base::glob;

/// What may be done with a key, or what a command does with it: reading, writing, both or neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access(u8);

impl Access {
    /// The key is only named, which any permission on the key allows.
    pub const NONE: Self = Self(0);
    /// The key's value is read.
    pub const READ: Self = Self(1);
    /// The key is written.
    pub const WRITE: Self = Self(2);
    /// The key is read and written.
    pub const BOTH: Self = Self(3);

    /// Whether this includes all of `other`.
    #[inline]
    pub fn covers(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The union of both.
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// A key that a request touches.
#[derive(Debug, Clone, Copy)]
pub struct KeyUse<'a> {
    /// Its index among the words.
    pub index: usize,
    /// The key's name.
    pub key: &'a [u8],
    /// What the request does with it.
    pub access: Access,
}

/// A channel that a request publishes or subscribes to.
#[derive(Debug, Clone, Copy)]
pub struct ChannelUse<'a> {
    /// Its index among the words.
    pub index: usize,
    /// The channel's name, or the pattern.
    pub name: &'a [u8],
    /// Whether this is a pattern (PSUBSCRIBE), which is allowed only by an identical pattern of the user.
    pub is_pattern: bool,
}

/// A request, reduced to what permissions depend on.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The command or subcommand to run.
    pub command: CommandId,
    /// Whether every connection may run it, as with AUTH.
    pub is_free: bool,
    /// The word after the command's name.
    pub first_arg: Option<&'a [u8]>,
    /// All its keys. May be empty if [`User::allows_all_keys`].
    pub keys: &'a [KeyUse<'a>],
    /// All its channels. May be empty if [`User::allows_all_channels`].
    pub channels: &'a [ChannelUse<'a>],
}

/// What is not allowed. The order is that of the checks, so a greater value means that the request got further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Denial {
    /// The user may not run the command itself.
    Command,
    /// The key at this index among the words.
    Key(usize),
    /// The channel at this index among the words.
    Channel(usize),
}

impl Selector {
    fn check(&self, request: &Request<'_>) -> Result<(), Denial> {
        if !request.is_free && !self.commands.has(request.command) {
            let allowed = self.first_args.get(&request.command).into_iter().flatten();
            let is_allowed =
                |argument: &[u8]| allowed.into_iter().any(|allowed| allowed.eq_ignore_ascii_case(argument));
            if !request.first_arg.is_some_and(is_allowed) {
                return Err(Denial::Command);
            }
        }
        if let Some(denied) = request.keys.iter().find(|used| !self.allows_key(used.key, used.access)) {
            return Err(Denial::Key(denied.index));
        }
        match request.channels.iter().find(|used| !self.allows_channel(used.name, used.is_pattern)) {
            Some(denied) => Err(Denial::Channel(denied.index)),
            None => Ok(()),
        }
    }

    fn allows_key(&self, key: &[u8], access: Access) -> bool {
        let fits = |pattern: &[u8]| glob::matches(pattern, key, false);
        self.all_keys || self.keys.iter().any(|known| known.access.covers(access) && fits(&known.pattern))
    }

    fn allows_any_key(&self, access: Access) -> bool {
        self.all_keys || self.keys.iter().any(|known| known.access.covers(access) && known.pattern == b"*")
    }

    /// Whether the patterns of this selector allow a channel or pattern.
    fn allows_channel(&self, name: &[u8], is_pattern: bool) -> bool {
        let fits = |known: &[u8]| if is_pattern { known == name } else { glob::matches(known, name, false) };
        self.all_channels || self.channels.iter().any(|known| fits(known))
    }
}

impl User {
    /// Whether the user may make a request.
    ///
    /// # Errors
    /// What is not allowed, according to the selector with which the request got furthest.
    pub fn check(&self, request: &Request<'_>) -> Result<(), Denial> {
        let mut denial = Denial::Command;
        for selector in self.selectors() {
            match selector.check(request) {
                Ok(()) => return Ok(()),
                Err(denied) => denial = denial.max(denied),
            }
        }
        Err(denial)
    }

    /// Whether one selector allows both the request and this access to any key, as SORT's BY and GET need.
    pub fn allows_with_any_key(&self, request: &Request<'_>, access: Access) -> bool {
        self.selectors().any(|selector| selector.check(request).is_ok() && selector.allows_any_key(access))
    }

    /// Whether one selector allows all keys, so that they need not be checked.
    pub fn allows_all_keys(&self) -> bool {
        self.selectors().all(|selector| selector.all_keys)
    }

    /// Whether one selector allows all channels, so that they need not be checked.
    pub fn allows_all_channels(&self) -> bool {
        self.selectors().all(|selector| selector.all_channels)
    }

    /// Whether the user may be subscribed to a channel or pattern.
    pub fn allows_channel(&self, name: &[u8], is_pattern: bool) -> bool {
        self.selectors().any(|selector| selector.allows_channel(name, is_pattern))
    }

    /// Whether this user is never refused anything.
    pub fn is_unrestricted(&self) -> bool {
        self.selectors().any(Selector::is_unrestricted)
    }
}
