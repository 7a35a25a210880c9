//! CLIENT.

use crate::dispatch::{CommandError, CommandResult};

/// A client's name must be printable and without blanks.
///
/// # Errors
/// The text of Redis.
pub fn check_name(name: &[u8]) -> CommandResult {
    if name.iter().all(|byte| (b'!'..=b'~').contains(byte)) {
        return Ok(());
    }
    Err(CommandError::Static("ERR Client names cannot contain spaces, newlines or special characters."))
}
