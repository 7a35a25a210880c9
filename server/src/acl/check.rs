//! A request, held against a user.

use super::catalogue::CommandId;
use super::selector::Selector;
use super::user::User;
use crate::base::glob;

/// What may be done with a key, or what is going to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access(u8);

impl Access {
    /// It is only named: whoever may do anything with it may name it.
    pub const NONE: Self = Self(0);
    /// Its value is read.
    pub const READ: Self = Self(1);
    /// It is written.
    pub const WRITE: Self = Self(2);
    /// Both.
    pub const BOTH: Self = Self(3);

    /// Whether all of `other` is part of it.
    #[inline]
    pub fn covers(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both together.
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// A key that a request touches.
#[derive(Debug, Clone, Copy)]
pub struct KeyUse<'a> {
    /// Its place among the words.
    pub index: usize,
    /// The key.
    pub key: &'a [u8],
    /// What happens to it.
    pub access: Access,
}

/// A channel that a request publishes or subscribes to.
#[derive(Debug, Clone, Copy)]
pub struct ChannelUse<'a> {
    /// Its place among the words.
    pub index: usize,
    /// Its name, or the pattern.
    pub name: &'a [u8],
    /// PSUBSCRIBE: only the very same pattern allows it.
    pub is_pattern: bool,
}

/// What is to be allowed.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The command or subcommand.
    pub command: CommandId,
    /// Whoever is connected may run it: AUTH and the like.
    pub is_free: bool,
    /// The word behind the command's name.
    pub first_arg: Option<&'a [u8]>,
    /// All its keys. May be left out where [`User::allows_all_keys`].
    pub keys: &'a [KeyUse<'a>],
    /// All its channels. May be left out where [`User::allows_all_channels`].
    pub channels: &'a [ChannelUse<'a>],
}

/// What is not allowed, in rising order of how far the request got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Denial {
    /// The command.
    Command,
    /// The key at this place among the words.
    Key(usize),
    /// The channel at this place among the words.
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

    /// Whether its patterns allow a channel.
    fn allows_channel(&self, name: &[u8], is_pattern: bool) -> bool {
        let fits = |known: &[u8]| if is_pattern { known == name } else { glob::matches(known, name, false) };
        self.all_channels || self.channels.iter().any(|known| fits(known))
    }
}

impl User {
    /// Whether the user may make a request.
    ///
    /// # Errors
    /// What is not allowed: of all selectors, what the one says that got farthest.
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

    /// Whether one selector allows the request, and besides what is named any other key: SORT's BY and GET.
    pub fn allows_with_any_key(&self, request: &Request<'_>, access: Access) -> bool {
        self.selectors().any(|selector| selector.check(request).is_ok() && selector.allows_any_key(access))
    }

    /// Whether keys need not be looked at.
    pub fn allows_all_keys(&self) -> bool {
        self.selectors().all(|selector| selector.all_keys)
    }

    /// Whether channels need not be looked at.
    pub fn allows_all_channels(&self) -> bool {
        self.selectors().all(|selector| selector.all_channels)
    }

    /// Whether the user may be subscribed to a channel or pattern.
    pub fn allows_channel(&self, name: &[u8], is_pattern: bool) -> bool {
        self.selectors().any(|selector| selector.allows_channel(name, is_pattern))
    }

    /// Whether nothing is ever refused.
    pub fn is_unrestricted(&self) -> bool {
        self.selectors().any(Selector::is_unrestricted)
    }
}
