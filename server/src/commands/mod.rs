//! The commands, one file a family. Each exports `FAMILY`: its handlers by command name.

use crate::base::numbers::parse_i64;
use crate::dispatch::error::{NOT_INT, NOT_INTEGER};
use crate::dispatch::{CommandResult, Family};

pub mod client;
pub mod command;
pub mod config;
pub mod connection;
pub mod debug;
pub mod docs;
pub mod expiry;
pub mod generic;
pub mod hash;
pub mod lcs;
pub mod list;
pub mod memory;
pub mod pubsub;
pub mod replication;
pub mod scan;
pub mod sentinel;
pub mod sentinel_view;
pub mod server;
pub mod set;
pub mod slowlog;
pub mod sorted_set;
pub mod sorted_set_range;
pub mod string;
pub mod transaction;

/// All families.
pub static FAMILIES: &[Family] = &[
    client::FAMILY,
    command::FAMILY,
    config::FAMILY,
    connection::FAMILY,
    debug::FAMILY,
    expiry::FAMILY,
    generic::FAMILY,
    hash::FAMILY,
    list::FAMILY,
    memory::FAMILY,
    pubsub::FAMILY,
    replication::FAMILY,
    scan::FAMILY,
    sentinel::FAMILY,
    server::FAMILY,
    set::FAMILY,
    slowlog::FAMILY,
    sorted_set::FAMILY,
    sorted_set_range::FAMILY,
    string::FAMILY,
    transaction::FAMILY,
];

/// A HELP reply: the head and the foot that all of them share.
pub fn help(reply: &mut crate::resp::Reply<'_>, command: &str, lines: &[&str]) {
    let head = format!("{command} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
    let mut all = vec![head.as_str()];
    all.extend_from_slice(lines);
    all.extend(["HELP", "    Print this help."]);
    reply.help(&all);
}

/// A number that Redis keeps as a C `int`, such as the index of a database.
///
/// # Errors
/// No integer, or one of more than 32 bits.
pub fn int(word: &[u8]) -> CommandResult<i32> {
    let number = parse_i64(word).ok_or(NOT_INTEGER)?;
    i32::try_from(number).map_err(|_| NOT_INT)
}

/// Thresholds of encodings, from the settings.
pub fn encodings(config: &crate::config::Config) -> crate::persistence::codec::Encodings {
    crate::dispatch::persist::encodings(config)
}
