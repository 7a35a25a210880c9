//! The table of commands: names, arities, flags, keys, documentation. The build generates it from `data/commands/` (see
//! `build/commands.rs`).

use crate::server::Family;
use crate::server::doc::{
    AclCategories, Argument, ArgumentFlags, ArgumentKind, Begin, Channels, CommandDoc, DocFlags, Find, Flags, Internal,
    KeyFlags, KeyRule, KeySpec, Secrets,
};

/// All names in byte order, and whether the command needs a handler; one with subcommands may lack it.
const NAMES: &[(&str, bool)] = &include!(concat!(env!("OUT_DIR"), "/command_names.rs"));

/// Fails the build if a handler is missing from the table, or a command has no handler.
const fn agree(families: &[Family]) {
    let mut handled = [false; NAMES.len()];
    let mut family = 0;
    while family < families.len() {
        let mut at = 0;
        while at < families[family].len() {
            let name = families[family][at].0;
            match place(name.as_bytes()) {
                Some(place) if !handled[place] => handled[place] = true,
                // Two handlers of one name, or a handler that is missing from the table.
                _ => panic!("{}", name),
            }
            at += 1;
        }
        family += 1;
    }
    let mut place = 0;
    while place < NAMES.len() {
        assert!(handled[place] || !NAMES[place].1, "{}", NAMES[place].0);
        place += 1;
    }
}

const fn place(name: &[u8]) -> Option<usize> {
    let (mut low, mut high) = (0, NAMES.len());
    while low < high {
        let middle = usize::midpoint(low, high);
        match order(name, NAMES[middle].0.as_bytes()) {
            0 => return Some(middle),
            ..0 => high = middle,
            1.. => low = middle + 1,
        }
    }
    None
}

/// Compares two words by their bytes: negative, zero or positive.
const fn order(one: &[u8], other: &[u8]) -> i32 {
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    let one = if at < one.len() { one[at] as i32 } else { -1 };
    let other = if at < other.len() { other[at] as i32 } else { -1 };
    one - other
}

const _: () = agree(super::FAMILIES);

/// All commands of Redis 7.0.15 and our own, by family and name.
pub static COMMANDS: &[CommandDoc] = &include!(concat!(env!("OUT_DIR"), "/commands.rs"));
