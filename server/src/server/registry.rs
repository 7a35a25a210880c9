//! The table of commands, which joins facts and handlers by name, and case-insensitive lookup without allocation.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::context::{DataContext, ServerContext};
use super::doc::{AclCategories, Begin, CommandDoc, Find, Flags, Internal, KeyRule, KeySpec};
use super::error::CommandResult;
use crate::acl::CommandId;
use crate::acl::catalogue::Fact;
use crate::resp::Args;

/// A handler; its signature says what it may touch.
#[derive(Clone, Copy)]
pub enum Handler {
    /// Keys of the selected database, and a reply.
    Data(fn(&mut DataContext<'_>, &Args<'_>) -> CommandResult),
    /// The whole server, and the session that sent the command.
    Server(fn(&mut ServerContext<'_>, &Args<'_>) -> CommandResult),
    /// No handler of its own: a container of subcommands.
    Container,
}

/// A family's handlers by the names of their commands (`parent|sub` for subcommands).
pub type Family = &'static [(&'static str, Handler)];

/// Where a request's keys (and shard channels) are, in the cheapest form that the command allows, for routing in a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Routing {
    /// The command has no keys, so every node serves it.
    Nowhere,
    /// In the queue of its transaction: EXEC.
    Queue,
    /// From the first to the last (negative: counted from the end), every `step`-th word.
    Range {
        /// Position of the first.
        first: i16,
        /// Position of the last.
        last: i16,
        /// The distance between two of them.
        step: i16,
    },
    /// They depend on the arguments.
    Words,
}

fn routing(doc: &CommandDoc) -> Routing {
    match doc.key_specs {
        [] if doc.is(Internal::RUNS_QUEUE) => Routing::Queue,
        [] => Routing::Nowhere,
        &[KeySpec { begin: Begin::Index(first), find: Find::Range(last, step, 0), .. }]
            if !matches!(doc.key_rule, KeyRule::Migrate | KeyRule::Sort) =>
        {
            // The last position is relative to the first, unless it is counted from the end.
            let (first, last) = (first as i16, last as i16);
            Routing::Range { first, last: if last < 0 { last } else { first + last }, step: step as i16 }
        }
        _ => Routing::Words,
    }
}

/// One command or subcommand.
pub struct Command {
    /// Lower-case name; `parent|sub` for subcommands.
    pub name: &'static str,
    /// Index into per-command statistics.
    pub index: usize,
    /// The number of words, including the name; negative for a minimum.
    pub arity: i16,
    /// The flags of the command table.
    pub flags: Flags,
    /// The position of the first key; 0 if there is none.
    pub first_key: i16,
    /// Position of the last key; negative counts from the end.
    pub last_key: i16,
    /// The distance between two keys.
    pub key_step: i16,
    /// How its keys are found in cluster mode.
    pub routing: Routing,
    /// Properties that COMMAND does not show.
    internal: Internal,
    /// The function that executes it.
    pub handler: Handler,
    /// What COMMAND tells about it, and where its keys are.
    pub doc: &'static CommandDoc,
    subcommands: HashMap<&'static [u8], &'static Command>,
}

impl Command {
    /// Whether a property that COMMAND does not show applies.
    #[inline]
    pub fn is(&self, flag: Internal) -> bool {
        self.internal.intersects(flag)
    }

    /// Whether the arity allows this number of words.
    #[inline]
    pub fn accepts(&self, words: usize) -> bool {
        if self.arity >= 0 { words == self.arity as usize } else { words >= self.arity.unsigned_abs() as usize }
    }

    /// Its id in the rules of users.
    #[inline]
    pub fn id(&self) -> CommandId {
        CommandId(self.index as u16)
    }

    /// Whether the command only exists as a container of subcommands.
    pub fn is_container(&self) -> bool {
        !self.subcommands.is_empty()
    }

    /// The subcommands, in no order.
    pub fn subcommands(&self) -> impl Iterator<Item = &'static Command> {
        self.subcommands.values().copied()
    }

    /// Looks up a subcommand by name, ignoring case.
    pub fn subcommand(&self, name: &[u8]) -> Option<&'static Command> {
        fold(name, |folded| self.subcommands.get(folded).copied())
    }
}

/// Longest command name that can be looked up.
const LONGEST: usize = 64;

#[inline]
fn fold<R>(name: &[u8], look: impl FnOnce(&[u8]) -> Option<R>) -> Option<R> {
    let mut folded = [0; LONGEST];
    let target = folded.get_mut(..name.len())?;
    target.copy_from_slice(name);
    target.make_ascii_lowercase();
    look(target)
}

type Names = HashMap<&'static [u8], &'static Command, ahash::RandomState>;

/// Commands by the names that clients use: renamed ones by their new name.
pub struct Registry {
    names: Names,
    catalogue: &'static Catalogue,
}

/// All commands that exist in this build.
pub struct Catalogue {
    top: Vec<&'static Command>,
    size: usize,
    /// What rules of users can name, outside and in Sentinel mode.
    for_rules: [OnceLock<crate::acl::Catalogue>; 2],
}

impl Catalogue {
    /// Joins facts and handlers by name. The build has checked that each command has a handler of its own or subcommands
    /// (`commands/table.rs`).
    pub fn new(docs: &'static [CommandDoc], families: &[Family]) -> Self {
        let handlers: HashMap<&str, Handler> = families.iter().flat_map(|family| family.iter().copied()).collect();
        let mut size = 0;
        let mut add = |doc: &'static CommandDoc, subcommands| -> &'static Command {
            let handler = handlers.get(doc.name).copied().unwrap_or(Handler::Container);
            size += 1;
            Box::leak(Box::new(command(doc, size - 1, handler, subcommands)))
        };
        let mut top = Vec::new();
        for doc in docs {
            let parent = doc.name.len() + 1;
            let subcommands =
                doc.subcommands.iter().map(|sub| (&sub.name.as_bytes()[parent..], add(sub, HashMap::new()))).collect();
            top.push(add(doc, subcommands));
        }
        top.sort_unstable_by_key(|command| command.name);
        Self { top, size, for_rules: [OnceLock::new(), OnceLock::new()] }
    }

    /// The commands that rules of users may name: by their original names, regardless of `rename-command`.
    pub fn for_rules(&self, in_sentinel: bool) -> &crate::acl::Catalogue {
        self.for_rules[usize::from(in_sentinel)].get_or_init(|| {
            let mut facts = crate::acl::Catalogue::new(category_names(), self.size);
            for command in self.top.iter().filter(|command| exists(command.doc, in_sentinel)) {
                let mut subcommands: Vec<_> = command.subcommands().collect();
                subcommands.sort_unstable_by_key(|sub| sub.name);
                let fact = |command: &Command, is_subcommand, subcommands| Fact {
                    name: command.name,
                    categories: command.doc.acl.bits(),
                    is_standard: !command.doc.is(Internal::OURS),
                    is_subcommand,
                    subcommands,
                };
                let ids = subcommands.iter().map(|sub| sub.id()).collect();
                facts.add(command.id(), fact(command, false, ids));
                for sub in subcommands {
                    facts.add(sub.id(), fact(sub, true, Vec::new()));
                }
            }
            facts
        })
    }
}

fn command(
    doc: &'static CommandDoc,
    index: usize,
    handler: Handler,
    subcommands: HashMap<&'static [u8], &'static Command>,
) -> Command {
    let &CommandDoc { name, arity, flags, legacy_keys: (first_key, last_key, key_step), .. } = doc;
    Command {
        name,
        index,
        arity,
        flags,
        first_key,
        last_key,
        key_step,
        routing: routing(doc),
        internal: doc.internal,
        handler,
        doc,
        subcommands,
    }
}

/// Whether a command exists in Sentinel mode, or otherwise.
fn exists(doc: &CommandDoc, in_sentinel: bool) -> bool {
    if in_sentinel { doc.is(Internal::SENTINEL) } else { !doc.is(Internal::ONLY_SENTINEL) }
}

/// The names of all categories, in the order of their bits.
fn category_names() -> Vec<String> {
    AclCategories::all().iter_names().map(|(name, _)| name.to_lowercase()).collect()
}

impl Registry {
    /// The commands of Sentinel mode, or of all others.
    pub fn new(catalogue: &'static Catalogue, in_sentinel: bool) -> Self {
        let commands = catalogue.top.iter().filter(|command| exists(command.doc, in_sentinel));
        let names = commands.map(|&command| (command.name.as_bytes(), command)).collect();
        Self { names, catalogue }
    }

    /// Looks up a command by name, ignoring case.
    #[inline]
    pub fn find(&self, name: &[u8]) -> Option<&'static Command> {
        fold(name, |folded| self.names.get(folded).copied())
    }

    /// Number of commands and subcommands: the size of per-command statistics.
    pub fn size(&self) -> usize {
        self.catalogue.size
    }

    /// The number of names under which clients find commands.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether no command can be found.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// All commands, in the order of their original names.
    pub fn all(&self) -> impl Iterator<Item = &'static Command> + '_ {
        self.catalogue
            .top
            .iter()
            .copied()
            .filter(|command| self.names.values().any(|known| std::ptr::eq(*known, *command)))
    }

    /// Renames a command (`rename-command`); an empty `new` removes it.
    ///
    /// # Errors
    /// The reason, as the configuration error prints it.
    pub fn rename(&mut self, old: &[u8], new: &[u8]) -> Result<(), &'static str> {
        let old = old.to_ascii_lowercase();
        let Some(command) = self.names.remove(old.as_slice()) else { return Err("No such command in rename-command") };
        if new.is_empty() {
            return Ok(());
        }
        let new: &'static [u8] = Box::leak(new.to_ascii_lowercase().into_boxed_slice());
        if self.names.contains_key(new) {
            return Err("Target command name already exists");
        }
        self.names.insert(new, command);
        Ok(())
    }
}
