//! What is allowed, and the rules that change it.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::catalogue::{Catalogue, CommandId};
use super::check::Access;

/// Why a rule is refused. The texts are Redis's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// It follows no form, or a pattern holds what it must not.
    #[error("Syntax error")]
    Syntax,
    /// A command or category that is not there.
    #[error("Unknown command or category name in ACL")]
    Unknown,
    /// A pattern of keys where all are allowed already.
    #[error(
        "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. Try 'resetkeys' to start with an empty list of patterns"
    )]
    AfterAllKeys,
    /// A pattern of channels where all are allowed already.
    #[error(
        "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect. Try 'resetchannels' to start with an empty list of channels"
    )]
    AfterAllChannels,
    /// The password that is to be removed is not there.
    #[error("The password you are trying to remove from the user does not exist")]
    NoSuchPassword,
    /// No hash of a password.
    #[error("The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters")]
    BadHash,
    /// A first argument of what is a subcommand already.
    #[error("Allowing first-arg of a subcommand is not supported")]
    FirstArgOfSubcommand,
    /// A second `user` line for one user.
    #[error("Duplicate user found. A user can only be defined once in config files")]
    Duplicate,
}

/// What rules are read by.
#[derive(Debug)]
pub struct Rulebook<'a> {
    /// The commands that there are.
    pub catalogue: &'a Catalogue,
    /// `acl-pubsub-default`: new selectors allow all channels.
    pub allows_channels: bool,
    /// Rules so far that allow a command with one first argument, which is discouraged: the log names them.
    pub discouraged: Vec<Vec<u8>>,
}

impl<'a> Rulebook<'a> {
    /// For rules on these commands.
    pub fn new(catalogue: &'a Catalogue, allows_channels: bool) -> Self {
        Self { catalogue, allows_channels, discouraged: Vec::new() }
    }
}

/// A set of commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CommandSet {
    bits: Vec<u64>,
    /// Whether it began with all commands, and so holds those as well that may come with time.
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

    /// A command, and with it its subcommands.
    pub(super) fn set(&mut self, catalogue: &Catalogue, id: CommandId, on: bool) {
        self.set_one(id, on);
        for &sub in &catalogue.fact(id).subcommands {
            self.set_one(sub, on);
        }
    }

    /// Whether nothing is missing.
    pub(super) fn is_everything(&self) -> bool {
        self.bits.iter().all(|&word| word == u64::MAX)
    }
}

/// A pattern of keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPattern {
    /// The pattern.
    pub pattern: Vec<u8>,
    /// What may be done with keys that match it.
    pub access: Access,
}

impl KeyPattern {
    /// As a rule.
    pub fn describe(&self) -> Vec<u8> {
        let mark: &[u8] = match self.access {
            Access::BOTH => b"~",
            Access::READ => b"%R~",
            _ => b"%W~",
        };
        [mark, &self.pattern].concat()
    }
}

/// What one part of a user allows.
#[derive(Debug, Clone)]
pub struct Selector {
    pub(super) commands: CommandSet,
    /// Commands that are allowed with certain first arguments only.
    pub(super) first_args: BTreeMap<CommandId, Vec<Vec<u8>>>,
    pub(super) all_keys: bool,
    pub(super) keys: Vec<KeyPattern>,
    /// Where in `keys` a pattern stands: many patterns are to cost no more each than few.
    key_places: HashMap<Vec<u8>, usize>,
    pub(super) all_channels: bool,
    pub(super) channels: Vec<Vec<u8>>,
    /// What is in `channels`.
    known_channels: HashSet<Vec<u8>>,
}

/// A word up to its first NUL: the rest counts only in passwords.
pub(super) fn up_to_nul(word: &[u8]) -> &[u8] {
    &word[..word.iter().position(|&byte| byte == 0).unwrap_or(word.len())]
}

/// Whether a name or pattern holds what would not survive a line of a file.
pub fn has_blanks(word: &[u8]) -> bool {
    word.iter().any(|byte| matches!(byte, 0 | b' ' | b'\t'..=b'\r'))
}

impl Selector {
    /// A selector that allows nothing, unless `acl-pubsub-default` says otherwise of channels.
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

    /// Whether it allows everything.
    pub fn is_unrestricted(&self) -> bool {
        self.all_keys && self.all_channels && self.commands.is_everything()
    }

    /// Follows one rule. Where that fails it may have been changed: apply rules to a copy.
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

    /// `+command`, `+container|subcommand`, `+command|first-argument`.
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

    /// `%R~pattern` and the like, without the `%`.
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
        // A right to nothing would be no right; Redis once broke on describing it (CVE-2024-51741).
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

    /// The patterns of channels; `None`: all channels.
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

    /// All of it as rules.
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
