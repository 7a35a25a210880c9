//! What there is to allow: commands by their original names, whatever `rename-command` calls them, and their categories.

use std::collections::HashMap;

/// A command's or subcommand's place in the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CommandId(pub u16);

/// What rules ask about a command.
#[derive(Debug)]
pub struct Fact {
    /// Lower-case name; `parent|sub` for subcommands.
    pub name: &'static str,
    /// The categories that it is in, as bits in the order of [`Catalogue::categories`].
    pub categories: u32,
    /// Redis has it, too: it counts when categories are weighed against each other, so that both servers describe a user alike.
    pub is_standard: bool,
    /// It is a subcommand.
    pub is_subcommand: bool,
    /// Its subcommands.
    pub subcommands: Vec<CommandId>,
}

/// All commands.
#[derive(Debug)]
pub struct Catalogue {
    /// Names of the categories.
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

    /// Adds a command. Subcommands are listed with their parent, and added by themselves.
    pub fn add(&mut self, id: CommandId, fact: Fact) {
        self.names.insert(fact.name, id);
        if !fact.is_subcommand {
            self.top.push(id);
        }
        self.facts[usize::from(id.0)] = Some(fact);
    }

    /// Number of ids.
    pub fn size(&self) -> usize {
        self.facts.len()
    }

    /// What is known about a command.
    ///
    /// # Panics
    /// No such command was added.
    pub fn fact(&self, id: CommandId) -> &Fact {
        self.facts[usize::from(id.0)].as_ref().expect("ids are those of commands that were added")
    }

    /// The command or subcommand (`parent|sub`) of that name, whatever its case.
    pub fn find(&self, name: &[u8]) -> Option<CommandId> {
        let name = std::str::from_utf8(name).ok()?.to_ascii_lowercase();
        self.names.get(name.as_str()).copied()
    }

    /// The category of that name, as a bit.
    pub fn category(&self, name: &[u8]) -> Option<u32> {
        let place = self.categories.iter().position(|known| name.eq_ignore_ascii_case(known.as_bytes()));
        place.map(|bit| 1 << bit)
    }

    /// Commands that are no subcommands, by name.
    pub fn top(&self) -> &[CommandId] {
        &self.top
    }

    /// All commands, each in front of its subcommands.
    pub fn all(&self) -> impl Iterator<Item = CommandId> + '_ {
        self.top.iter().flat_map(|&id| std::iter::once(id).chain(self.fact(id).subcommands.iter().copied()))
    }

    /// The commands of a category.
    pub fn of_category(&self, category: u32) -> impl Iterator<Item = CommandId> + '_ {
        self.all().filter(move |&id| self.fact(id).categories & category != 0)
    }
}
