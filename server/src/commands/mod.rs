//! The commands, one file a family. Each exports `FAMILY`: its handlers by command name.

use crate::dispatch::Family;

pub mod client;
pub mod connection;
pub mod expiry;
pub mod lcs;
pub mod string;

/// All families.
pub static FAMILIES: &[Family] = &[connection::FAMILY, expiry::FAMILY, string::FAMILY];
