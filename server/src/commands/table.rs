//! What COMMAND tells about each command. The build makes the table of `data/commands/`: see `build/commands.rs`.

use crate::server::Family;
use crate::server::doc::{
    AclCategories, Argument, ArgumentFlags, ArgumentKind, Begin, Channels, CommandDoc, DocFlags, Find, Flags, Internal,
    KeyFlags, KeyRule, KeySpec, Secrets,
};

/// All names in the order of their bytes, and whether the command needs a handler: one with subcommands may do without.
const NAMES: &[(&str, bool)] = &include!(concat!(env!("OUT_DIR"), "/command_names.rs"));

/// Ends the build where a handler has no facts, or a command no handler.
const fn agree(families: &[Family]) {
    let mut handled = [false; NAMES.len()];
    let mut family = 0;
    while family < families.len() {
        let mut at = 0;
        while at < families[family].len() {
            let name = families[family][at].0;
            match place(name.as_bytes()) {
                Some(place) if !handled[place] => handled[place] = true,
                // Two handlers, or no facts.
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

/// Negative, zero or positive as the first word stands in front of the second, is equal, or stands behind it.
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

/// All commands of 7.0.15, and our own, by family and name.
pub static COMMANDS: &[CommandDoc] = &include!(concat!(env!("OUT_DIR"), "/commands.rs"));
