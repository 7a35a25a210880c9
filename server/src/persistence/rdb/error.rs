//! What can be wrong with RDB bytes, and where.

use std::{fmt, io};

/// An error with the offset in the input at which it was noticed.
#[derive(Debug)]
pub struct RdbError {
    /// What is wrong.
    pub kind: ErrorKind,
    /// The position at which it was noticed, in bytes.
    pub offset: u64,
}

/// What is wrong with the bytes.
#[derive(Debug)]
pub enum ErrorKind {
    /// The input ended too early.
    UnexpectedEnd,
    /// Reading from the source failed.
    Io(io::Error),
    /// The file does not start with `REDIS` and four digits.
    Signature,
    /// The file's version is not one of 1 to 10.
    Version(u32),
    /// A byte that is neither an op code nor a type.
    UnknownType(u8),
    /// The data contradict the format; the text says how.
    Corrupt(&'static str),
    /// The value is an aggregate without elements. It was read completely: a loader skips the key and continues.
    EmptyKey,
    /// A value or auxiliary field of a module, by the module type's name.
    Module {
        /// The module type's nine-character name.
        name: String,
        /// Whether it is an auxiliary field rather than a value.
        auxiliary: bool,
    },
    /// The checksum at the end differs from that of the bytes.
    Checksum {
        /// The checksum in the file.
        expected: u64,
        /// The computed checksum.
        found: u64,
    },
}

impl RdbError {
    /// Whether this is [`ErrorKind::EmptyKey`], after which reading may go on.
    pub fn is_empty_key(&self) -> bool {
        matches!(self.kind, ErrorKind::EmptyKey)
    }

    /// Whether the input merely ended too early.
    pub fn is_unexpected_end(&self) -> bool {
        matches!(self.kind, ErrorKind::UnexpectedEnd)
    }
}

impl fmt::Display for RdbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ErrorKind::UnexpectedEnd => {
                write!(f, "Short read loading DB at offset {}. Unrecoverable error, aborting now.", self.offset)
            }
            ErrorKind::Io(error) => {
                write!(f, "Error reading DB at offset {}: {error}", self.offset)
            }
            ErrorKind::Signature => f.write_str("Wrong signature trying to load DB from file"),
            ErrorKind::Version(version) => write!(f, "Can't handle RDB format version {version}"),
            ErrorKind::UnknownType(code) => {
                write!(f, "Internal error in RDB reading offset {}: Unknown RDB encoding type {code}", self.offset)
            }
            ErrorKind::Corrupt(what) => write!(f, "Internal error in RDB reading offset {}: {what}", self.offset),
            ErrorKind::EmptyKey => write!(f, "Empty key at RDB offset {}", self.offset),
            ErrorKind::Module { name, auxiliary: false } => {
                write!(f, "The RDB file contains module data I can't load: no matching module type '{name}'")
            }
            ErrorKind::Module { name, auxiliary: true } => {
                write!(f, "The RDB file contains AUX module data I can't load: no matching module '{name}'")
            }
            ErrorKind::Checksum { expected, found } => {
                write!(
                    f,
                    "RDB CRC error. Wrong RDB checksum expected: ({expected:x}) but got ({found:x}). Aborting now."
                )
            }
        }
    }
}

impl std::error::Error for RdbError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            ErrorKind::Io(error) => Some(error),
            _ => None,
        }
    }
}
