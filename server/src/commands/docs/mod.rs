//! What COMMAND tells about each command, a file for each group. Data only.

mod bitmap;
mod cluster;
mod connection;
mod containers;
mod expiry;
mod generic;
mod geo;
mod hash;
mod hyperloglog;
mod list;
mod pubsub;
mod scripting;
mod sentinel;
mod server;
mod set;
mod sorted_set;
mod sorted_set_ranges;
mod stream;
mod string;
mod transactions;

use crate::dispatch::doc::CommandDoc;

/// All commands of 7.0.15 by group. Sentinel's own stand last.
pub static GROUPS: &[&[CommandDoc]] = &[
    bitmap::DOCS,
    cluster::DOCS,
    connection::DOCS,
    containers::DOCS,
    expiry::DOCS,
    generic::DOCS,
    geo::DOCS,
    hash::DOCS,
    hyperloglog::DOCS,
    list::DOCS,
    pubsub::DOCS,
    scripting::DOCS,
    server::DOCS,
    set::DOCS,
    sorted_set::DOCS,
    sorted_set_ranges::DOCS,
    stream::DOCS,
    string::DOCS,
    transactions::DOCS,
    sentinel::DOCS,
];
