//! Configuration: every option of Redis 7.0, the configuration file, the command line, and CONFIG GET, SET and REWRITE.
//!
//! [`Config`] is a plain struct whose fields the server reads directly. What is known *about* an option (its name and
//! aliases, range, whether it may be set at run time) is one line in `options.rs`, from which texts and errors follow. Not
//! for: carrying out what a changed option requires. [`Config::plan_set`] only says which options would change; the server
//! applies them, and keeps the old [`Config`] if that fails.
//!
//! | file | noun |
//! | --- | --- |
//! | `options.rs` | the table: one line an option |
//! | `values.rs`, `special.rs` | how a field's type reads and prints: plain types; those with rules of their own |
//! | `set.rs` | CONFIG GET and SET |
//! | `file.rs` | configuration files |
//! | `cli.rs` | the command line |
//! | `rewrite.rs` | CONFIG REWRITE |

pub mod cli;
pub mod file;
pub mod options;
mod policy;
pub mod rewrite;
mod set;
pub mod special;
pub mod values;

pub use options::{Config, OPTIONS, OptionSpec, lookup};
pub use set::{Change, SetContext, SetError};
pub use special::{BufferLimit, BufferLimits, NotifyFlags, SavePoint};
pub use values::{Access, AppendFsync, DisklessLoad, LogLevel, MaxmemoryPolicy, Sanitize, Text};

#[cfg(test)]
mod tests;
