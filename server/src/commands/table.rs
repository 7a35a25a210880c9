//! What COMMAND tells about each command. The build makes the table of `data/commands/`: see `build/commands.rs`.

use crate::dispatch::doc::{
    AclCategories, Argument, ArgumentFlags, ArgumentKind, Begin, CommandDoc, DocFlags, Find, Flags, Internal, KeyFlags,
    KeySpec, Secrets,
};

/// All commands of 7.0.15, and our own, by family and name.
pub static COMMANDS: &[CommandDoc] = &include!(concat!(env!("OUT_DIR"), "/commands.rs"));
