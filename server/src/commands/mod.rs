//! The handlers of the commands, one file per family. Each file exports `FAMILY`, its handlers by command name. What COMMAND
//! tells about them, arity and flags included, is data: `server/data/commands/`.

use std::sync::OnceLock;

use crate::base::numbers::parse_i64;
use crate::resp::Reply;
use crate::server::error::{NOT_INT, NOT_INTEGER};
use crate::server::registry::Catalogue;
use crate::server::{CommandError, CommandResult, Family};

pub mod acl;
pub mod bitfield;
pub mod bitmap;
pub mod client;
pub mod client_tracking;
pub mod cluster;
pub mod cluster_client;
pub mod cluster_handover;
mod cluster_view;
pub mod command;
mod command_reply;
pub mod config;
pub mod connection;
pub mod debug;
pub mod expiry;
pub mod function;
pub mod generic;
pub mod geo;
pub mod hash;
pub mod hyperloglog;
pub mod info;
pub mod lcs;
pub mod list;
pub mod list_blocking;
pub mod memory;
pub mod migrate;
pub mod module;
pub mod pubsub;
pub mod replication;
pub mod scan;
pub mod scripting;
pub mod sentinel;
pub mod sentinel_view;
pub mod server;
pub mod set;
pub mod slowlog;
pub mod sort;
pub mod sorted_set;
pub mod sorted_set_combine;
pub mod sorted_set_pop;
pub mod sorted_set_range;
pub mod stream;
pub mod stream_args;
pub mod stream_group;
pub mod stream_info;
pub mod stream_pending;
pub mod stream_read;
pub mod string;
pub mod table;
pub mod transaction;

/// The commands of this build as ACL rules name them.
pub fn catalogue() -> &'static Catalogue {
    static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
    CATALOGUE.get_or_init(|| Catalogue::new(table::COMMANDS, FAMILIES))
}

static FAMILIES: &[Family] = &[
    acl::FAMILY,
    bitmap::FAMILY,
    client::FAMILY,
    cluster::FAMILY,
    cluster_client::FAMILY,
    cluster_handover::FAMILY,
    command::FAMILY,
    config::FAMILY,
    connection::FAMILY,
    debug::FAMILY,
    expiry::FAMILY,
    function::FAMILY,
    generic::FAMILY,
    geo::FAMILY,
    hash::FAMILY,
    hyperloglog::FAMILY,
    list::FAMILY,
    list_blocking::FAMILY,
    memory::FAMILY,
    migrate::FAMILY,
    module::FAMILY,
    pubsub::FAMILY,
    replication::FAMILY,
    scan::FAMILY,
    scripting::FAMILY,
    sentinel::FAMILY,
    server::FAMILY,
    set::FAMILY,
    slowlog::FAMILY,
    sort::FAMILY,
    sorted_set::FAMILY,
    sorted_set_combine::FAMILY,
    sorted_set_pop::FAMILY,
    sorted_set_range::FAMILY,
    stream::FAMILY,
    stream_group::FAMILY,
    stream_info::FAMILY,
    stream_pending::FAMILY,
    stream_read::FAMILY,
    string::FAMILY,
    transaction::FAMILY,
];

/// Writes a HELP reply with the header and the footer that all of them share.
pub fn help(reply: &mut crate::resp::Reply<'_>, command: &str, lines: &[&str]) {
    let head = format!("{command} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
    let mut all = vec![head.as_str()];
    all.extend_from_slice(lines);
    all.extend(["HELP", "    Prints this help."]);
    reply.help(&all);
}

/// Parses a number that Redis keeps in a C `int`, such as the index of a database.
///
/// # Errors
/// Redis's error text for a non-integer or one of more than 32 bits.
pub fn int(word: &[u8]) -> CommandResult<i32> {
    let number = parse_i64(word).ok_or(NOT_INTEGER)?;
    i32::try_from(number).map_err(|_| NOT_INT)
}

/// Parses the count of commands that choose elements at random. A negative count, which allows repetitions, must have an
/// absolute value. More than 2^31 repetitions are refused, although Redis starts writing them: no memory holds such a reply.
///
/// # Errors
/// Redis's error text for a non-integer, `i64::MIN`, or too many repetitions.
pub fn random_count(word: &[u8]) -> CommandResult<i64> {
    match parse_i64(word).ok_or(NOT_INTEGER)? {
        i64::MIN => Err(CommandError::Static(
            "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
        )),
        count if count < i64::from(i32::MIN) => Err(CommandError::Static("ERR value is out of range")),
        count => Ok(count),
    }
}

/// Replies with `total` elements drawn one by one, as a negative count requests. Nothing bounds their number, so this stops
/// early once the client exceeds its output limit. With `pairs`, `draw` writes two values per element.
fn reply_drawn(reply: &mut Reply<'_>, total: usize, pairs: bool, mut draw: impl FnMut(&mut Reply<'_>)) {
    let nested = pairs && reply.is_resp3();
    reply.array(if pairs && !nested { total * 2 } else { total });
    for _ in 0..total {
        if reply.is_over() {
            return;
        }
        if nested {
            reply.array(2);
        }
        draw(reply);
    }
}
