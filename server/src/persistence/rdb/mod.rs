//! The RDB format, version 10: written as Redis 7.0 writes it, read with every older encoding.
//!
//! # Background
//! The codec knows nothing of the keyspace. Reading yields [`RdbValue`]s, neutral owned values which the store takes over
//! with little copying; writing takes borrowed slices and iterators and appends to a `Vec<u8>`, so that a snapshot can be
//! encoded without holding the data lock. The same value codec serves files, replication and DUMP/RESTORE.
//!
//! Bytes that are read may come from anywhere: nothing here panics, loops, or reserves memory that the input has not
//! justified by its own length. Compact encodings are always validated once, so that later code may trust them; `deep` adds
//! the more expensive check for duplicates.
//!
//! | file | noun |
//! | --- | --- |
//! | `primitives.rs` | op codes, type codes, and the writers of lengths, strings, times, file parts |
//! | `reader.rs` | a checked reader over any `std::io::Read`, with offset and checksum |
//! | `object.rs` | values as read; `legacy.rs` the encodings that Redis 7.0 no longer writes |
//! | `encode.rs` | values as written |
//! | `stream.rs` | both ways for streams |
//! | `file.rs` | a whole file as a sequence of items |
//! | `dump.rs` | the payload of DUMP, RESTORE and MIGRATE |

pub mod dump;
pub mod encode;
pub mod error;
pub mod file;
mod legacy;
pub mod object;
pub mod primitives;
pub mod reader;
pub mod stream;

pub use error::{ErrorKind, RdbError};
pub use file::{Entry, FileReader, Item};
pub use object::{ListNode, RdbValue};
pub use reader::{RdbString, Reader};

/// The version that is written, and the newest that is read.
pub const RDB_VERSION: u16 = 10;

#[cfg(test)]
mod tests;
