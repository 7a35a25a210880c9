//! Selectors: what one allows, and the rules that change it.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::catalogue::{Catalogue, CommandId};
use super::check::Access;

/// Why a rule is refused. The texts are Redis's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// The rule has no valid form, or a pattern contains characters that it must not.
    #[error("Syntax error")]
    Syntax,
    /// An unknown command or category.
    #[error("Unknown command or category name in ACL")]
    Unknown,
    /// A key pattern, although all keys are already allowed.
    #[error(
        "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. Try 'resetkeys' to start with an empty list of patterns"
    )]
    AfterAllKeys,
    /// A channel pattern, although all channels are already allowed.
    #[error(
        "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect. Try 'resetchannels' to start with an empty list of channels"
    )]
    AfterAllChannels,
    /// The password to be removed does not exist.
    #[error("The password you are trying to remove from the user does not exist")]
    NoSuchPassword,
    /// The text is not the hash of a password.
    #[error("The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters")]
    BadHash,
    /// A first argument for what is already a subcommand.
    #[error("Allowing first-arg of a subcommand is not supported")]
    FirstArgOfSubcommand,
    /// A second `user` line for one user.
    #[error("Duplicate user found. A user can only be defined once in config files")]
    Duplicate,
}

/// What the interpretation of rules depends on.
#[derive(Debug)]
pub struct Rulebook<'a> {
    /// All commands and categories.
    pub catalogue: &'a Catalogue,
    /// Whether new selectors allow all channels (`acl-pubsub-default`).
    pub allows_channels: bool,
    /// The rules so far that allow a command with one first argument only. This is discouraged, so they are logged.
    pub discouraged: Vec<Vec<u8>>,
}

impl<'a> Rulebook<'a> {
    /// A rulebook for these commands.
    pub fn new(catalogue: &'a Catalogue, allows_channels: bool) -> Self {
        Self { catalogue, allows_channels, discouraged: Vec::new() }
    }
}

/// A set of commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CommandSet {
    bits: Vec<u64>,
    /// Whether the set was built from `+@all`, and so includes commands that are added in the future.
    pub(super) with_future: bool,
}

impl CommandSet {
    pub(super) fn all_or_none(catalogue: &Catalogue, all: bool) -> Self {
        let word = if all { u64::MAX } else { 0 };
        Self { bits: vec![word; catalogue.size().div_ceil(64)], with_future: all }
    }

    #[inline]
    pub(super) fn has(&self, CommandId(id): CommandId) -> bool {
        self.bits[usize::from(id) / 64] & (1 << (id % 64)) != 0
    }

    fn set_one(&mut self, CommandId(id): CommandId, on: bool) {
        let (word, bit) = (&mut self.bits[usize::from(id) / 64], 1 << (id % 64));
        if on { *word |= bit } else { *word &= !bit }
    }

    /// Adds or removes a command together with its subcommands.
    pub(super) fn set(&mut self, catalogue: &Catalogue, id: CommandId, on: bool) {
        self.set_one(id, on);
        for &sub in &catalogue.fact(id).subcommands {
            self.set_one(sub, on);
        }
    }

    /// Whether the set contains all commands.
    pub(super) fn is_everything(&self) -> bool {
        self.bits.iter().all(|&word| word == u64::MAX)
    }
}

/// A pattern of keys, and the access that it allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPattern {
    /// The glob-style pattern.
    pub pattern: Vec<u8>,
    /// What may be done with keys that match it.
    pub access: Access,
}

impl KeyPattern {
    /// The pattern as a rule, such as `~a*` or `%R~a*`.
    pub fn describe(&self) -> Vec<u8> {
        let mark: &[u8] = match self.access {
            Access::BOTH => b"~",
            Access::READ => b"%R~",
            _ => b"%W~",
        };
        [mark, &self.pattern].concat()
    }
}

/// One set of permissions of a user. A request has to be allowed by a single selector.
#[derive(Debug, Clone)]
pub struct Selector {
    pub(super) commands: CommandSet,
    /// Commands that are allowed with certain first arguments only.
    pub(super) first_args: BTreeMap<CommandId, Vec<Vec<u8>>>,
    pub(super) all_keys: bool,
    pub(super) keys: Vec<KeyPattern>,
    /// The index of each pattern in `keys`, so that adding one takes constant time.
    key_places: HashMap<Vec<u8>, usize>,
    pub(super) all_channels: bool,
    pub(super) channels: Vec<Vec<u8>>,
    /// The contents of `channels`, so that adding one takes constant time.
    known_channels: HashSet<Vec<u8>>,
}

/// A word up to its first NUL; what follows counts only in passwords.
pub(super) fn up_to_nul(word: &[u8]) -> &[u8] {
    &word[..word.iter().position(|&byte| byte == 0).unwrap_or(word.len())]
}

/// Whether a name or pattern contains blanks or NULs, which a line of an ACL file cannot hold.
pub fn has_blanks(word: &[u8]) -> bool {
    word.iter().any(|byte| matches!(byte, 0 | b' ' | b'\t'..=b'\r'))
}

impl Selector {
    /// A selector that allows nothing, except all channels if `acl-pubsub-default` says so.
    pub fn new(book: &Rulebook<'_>) -> Self {
        Self {
            commands: CommandSet::all_or_none(book.catalogue, false),
            first_args: BTreeMap::new(),
            all_keys: false,
            keys: Vec::new(),
            key_places: HashMap::new(),
            all_channels: book.allows_channels,
            channels: Vec::new(),
            known_channels: HashSet::new(),
        }
    }

    /// Whether the selector allows everything.
    pub fn is_unrestricted(&self) -> bool {
        self.all_keys && self.all_channels && self.commands.is_everything()
    }

    /// Applies one rule. A rule that fails may still have changed the selector, so apply rules to a copy.
    ///
    /// # Errors
    /// Why the rule is refused.
    pub fn apply(&mut self, book: &mut Rulebook<'_>, rule: &[u8]) -> Result<(), RuleError> {
        let word = up_to_nul(rule);
        match word.to_ascii_lowercase().as_slice() {
            b"allkeys" | b"~*" => self.set_all_keys(true),
            b"resetkeys" => self.set_all_keys(false),
            b"allchannels" | b"&*" => self.set_all_channels(true),
            b"resetchannels" => self.set_all_channels(false),
            b"allcommands" | b"+@all" => self.set_all_commands(book, true),
            b"nocommands" | b"-@all" => self.set_all_commands(book, false),
            _ => match (rule.first(), word.get(1)) {
                (Some(b'~'), _) => return self.add_keys(Access::BOTH, &rule[1..]),
                (Some(b'%'), _) => return self.add_keys_for(&rule[1..]),
                (Some(b'&'), _) => return self.add_channels(&rule[1..]),
                (Some(sign @ (b'+' | b'-')), Some(b'@')) => {
                    let category = book.catalogue.category(&word[2..]).ok_or(RuleError::Unknown)?;
                    self.set_category(book.catalogue, category, *sign == b'+');
                }
                (Some(b'+'), _) => return self.allow(book, &word[1..]),
                (Some(b'-'), _) => {
                    let id = book.catalogue.find(&word[1..]).ok_or(RuleError::Unknown)?;
                    self.set_command(book.catalogue, id, false);
                }
                _ => return Err(RuleError::Syntax),
            },
        }
        Ok(())
    }

    fn set_all_keys(&mut self, all: bool) {
        self.all_keys = all;
        self.keys.clear();
        self.key_places.clear();
    }

    pub(super) fn set_all_channels(&mut self, all: bool) {
        self.all_channels = all;
        self.channels.clear();
        self.known_channels.clear();
    }

    fn set_all_commands(&mut self, book: &Rulebook<'_>, all: bool) {
        self.commands = CommandSet::all_or_none(book.catalogue, all);
        self.first_args.clear();
    }

    fn set_command(&mut self, catalogue: &Catalogue, id: CommandId, on: bool) {
        self.commands.set(catalogue, id, on);
        self.first_args.remove(&id);
    }

    fn set_category(&mut self, catalogue: &Catalogue, category: u32, on: bool) {
        for id in catalogue.of_category(category) {
            self.set_command(catalogue, id, on);
        }
    }

    /// Applies `+command`, `+container|subcommand` or `+command|first-argument`, given without the `+`.
    fn allow(&mut self, book: &mut Rulebook<'_>, name: &[u8]) -> Result<(), RuleError> {
        let Some(bar) = name.iter().rposition(|&byte| byte == b'|') else {
            let id = book.catalogue.find(name).ok_or(RuleError::Unknown)?;
            self.set_command(book.catalogue, id, true);
            return Ok(());
        };
        let (command, argument) = (&name[..bar], &name[bar + 1..]);
        let id = book.catalogue.find(command).ok_or(RuleError::Unknown)?;
        let fact = book.catalogue.fact(id);
        if fact.is_subcommand {
            return Err(RuleError::FirstArgOfSubcommand);
        }
        if argument.is_empty() {
            return Err(RuleError::Syntax);
        }
        if !fact.subcommands.is_empty() {
            let id = book.catalogue.find(name).ok_or(RuleError::Unknown)?;
            self.set_command(book.catalogue, id, true);
            return Ok(());
        }
        book.discouraged.push(name.to_vec());
        let allowed = self.first_args.entry(id).or_default();
        if !allowed.iter().any(|known| known.eq_ignore_ascii_case(argument)) {
            allowed.push(argument.to_vec());
        }
        Ok(())
    }

    /// Applies `%R~pattern` and the like, given without the `%`.
    fn add_keys_for(&mut self, rule: &[u8]) -> Result<(), RuleError> {
        if self.all_keys {
            return Err(RuleError::AfterAllKeys);
        }
        let mut access = Access::NONE;
        let mut rest = rule;
        while let [letter, tail @ ..] = rest {
            let wanted = match letter {
                b'R' | b'r' => Access::READ,
                b'W' | b'w' => Access::WRITE,
                b'~' => break,
                _ => return Err(RuleError::Syntax),
            };
            if access.covers(wanted) {
                return Err(RuleError::Syntax);
            }
            access = access.and(wanted);
            rest = tail;
        }
        // An empty permission is refused; describing one once crashed Redis (CVE-2024-51741).
        if access == Access::NONE {
            return Err(RuleError::Syntax);
        }
        self.add_keys(access, rest.strip_prefix(b"~").unwrap_or(rest))
    }

    fn add_keys(&mut self, access: Access, pattern: &[u8]) -> Result<(), RuleError> {
        if self.all_keys {
            return Err(RuleError::AfterAllKeys);
        }
        if has_blanks(pattern) {
            return Err(RuleError::Syntax);
        }
        match self.key_places.get(pattern) {
            Some(&place) => self.keys[place].access = self.keys[place].access.and(access),
            None => {
                self.key_places.insert(pattern.to_vec(), self.keys.len());
                self.keys.push(KeyPattern { pattern: pattern.to_vec(), access });
            }
        }
        Ok(())
    }

    fn add_channels(&mut self, pattern: &[u8]) -> Result<(), RuleError> {
        if self.all_channels {
            return Err(RuleError::AfterAllChannels);
        }
        if has_blanks(pattern) {
            return Err(RuleError::Syntax);
        }
        if self.known_channels.insert(pattern.to_vec()) {
            self.channels.push(pattern.to_vec());
        }
        Ok(())
    }

    /// The channel patterns; `None` if all channels are allowed.
    pub fn channels(&self) -> Option<&[Vec<u8>]> {
        (!self.all_channels).then_some(&self.channels)
    }

    /// The keys as rules: `~*`, or patterns with blanks between them.
    pub fn describe_keys(&self) -> Vec<u8> {
        if self.all_keys {
            return b"~*".to_vec();
        }
        self.keys.iter().map(KeyPattern::describe).collect::<Vec<_>>().join(&b' ')
    }

    /// The channels as rules: `&*`, or patterns with blanks between them.
    pub fn describe_channels(&self) -> Vec<u8> {
        if self.all_channels {
            return b"&*".to_vec();
        }
        self.channels.iter().map(|pattern| [b"&", &**pattern].concat()).collect::<Vec<_>>().join(&b' ')
    }

    /// The whole selector as rules.
    pub fn describe(&self, catalogue: &Catalogue) -> Vec<u8> {
        let mut parts = Vec::new();
        let keys = self.describe_keys();
        if self.all_keys || !self.keys.is_empty() {
            parts.push(keys);
        }
        if !self.all_channels {
            parts.push(b"resetchannels".to_vec());
        }
        if self.all_channels || !self.channels.is_empty() {
            parts.push(self.describe_channels());
        }
        parts.push(self.describe_commands(catalogue));
        parts.join(&b' ')
    }
}
