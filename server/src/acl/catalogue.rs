//! The commands and categories that rules can name. Commands have their original names, regardless of `rename-command`.

use std::collections::HashMap;

/// The index of a command or subcommand in the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CommandId(pub u16);

/// What rules need to know about a command.
#[derive(Debug)]
pub struct Fact {
    /// Lower-case name; `parent|sub` for subcommands.
    pub name: &'static str,
    /// The categories that it is in, as bits in the order of [`Catalogue::categories`].
    pub categories: u32,
    /// Whether Redis has the command, too. Only such commands count when categories are chosen to describe a user, so that
    /// both servers describe it alike.
    pub is_standard: bool,
    /// Whether this is a subcommand.
    pub is_subcommand: bool,
    /// The ids of its subcommands.
    pub subcommands: Vec<CommandId>,
}

/// All commands and categories.
#[derive(Debug)]
pub struct Catalogue {
    /// The names of the categories, in the order of their bits.
    pub categories: Vec<String>,
    facts: Vec<Option<Fact>>,
    names: HashMap<&'static str, CommandId>,
    top: Vec<CommandId>,
}

impl Catalogue {
    /// A catalogue without commands, whose ids will be less than `size`.
    pub fn new(categories: Vec<String>, size: usize) -> Self {
        let mut facts = Vec::new();
        facts.resize_with(size, || None);
        Self { categories, facts, names: HashMap::new(), top: Vec::new() }
    }

    /// Adds a command. A subcommand has to be listed by its parent and to be added on its own.
    pub fn add(&mut self, id: CommandId, fact: Fact) {
        self.names.insert(fact.name, id);
        if !fact.is_subcommand {
            self.top.push(id);
        }
        self.facts[usize::from(id.0)] = Some(fact);
    }

    /// The number of ids, including unused ones.
    pub fn size(&self) -> usize {
        self.facts.len()
    }

    /// The facts about a command.
    ///
    /// # Panics
    /// The id was never added.
    pub fn fact(&self, id: CommandId) -> &Fact {
        self.facts[usize::from(id.0)].as_ref().expect("ids are those of commands that were added")
    }

    /// Looks up a command or subcommand (`parent|sub`), ignoring case.
    pub fn find(&self, name: &[u8]) -> Option<CommandId> {
        let name = std::str::from_utf8(name).ok()?.to_ascii_lowercase();
        self.names.get(name.as_str()).copied()
    }

    /// Looks up a category by name, and returns its bit.
    pub fn category(&self, name: &[u8]) -> Option<u32> {
        let place = self.categories.iter().position(|known| name.eq_ignore_ascii_case(known.as_bytes()));
        place.map(|bit| 1 << bit)
    }

    /// The commands that are not subcommands, by name.
    pub fn top(&self) -> &[CommandId] {
        &self.top
    }

    /// All commands, each followed by its subcommands.
    pub fn all(&self) -> impl Iterator<Item = CommandId> + '_ {
        self.top.iter().flat_map(|&id| std::iter::once(id).chain(self.fact(id).subcommands.iter().copied()))
    }

    /// The commands of a category.
    pub fn of_category(&self, category: u32) -> impl Iterator<Item = CommandId> + '_ {
        self.all().filter(move |&id| self.fact(id).categories & category != 0)
    }
}
