//! The append-only file as Redis 7.0 keeps it: a directory with a base, incremental files and the manifest that names them.
//!
//! # Background
//! A set of files is loaded in the manifest's order: the base (an RDB, or commands), then the incremental files. A rewrite
//! opens a new incremental file first, then writes the state of that moment as a new base, then replaces the manifest by
//! rename: whenever the process dies, the manifest on disk names a set that holds every write. Files that a manifest no
//! longer needs are named in it as history until they are deleted.
//!
//! | file | noun |
//! | --- | --- |
//! | `manifest.rs` | which files there are, and in which order |
//! | `writer.rs` | the file that is appended to |
//! | `syncer.rs` | the thread that makes written bytes durable, and who waits for it |
//! | `reader.rs` | files read back as commands |
//! | `base.rs` | a snapshot written as a base |
//! | `log.rs` | what gathers, what is written when, how far it is written and synced |
//! | `rewrite.rs` | when a rewrite is due, and how rewrites went |
//! | `files.rs` | the files on disk: made, put in place, removed |

pub mod base;
pub mod files;
pub mod log;
pub mod manifest;
pub mod reader;
pub mod rewrite;
pub mod syncer;
pub mod writer;

pub use base::{BaseEncoder, KeyEncoder};
pub use files::{FileSet, cannot_open};
pub use log::{Aof, AofState, Write};
pub use manifest::{AofFile, Manifest, ManifestError};
pub use reader::{Commands, ReadError, ReadOptions, Step, read_set};
pub use syncer::Syncer;
pub use writer::Writer;
