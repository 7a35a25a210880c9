//! The payload of DUMP, RESTORE and MIGRATE: type, value, and a footer of version and checksum.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::base::crc64::crc64;

use super::{RDB_VERSION, error::RdbError, object::RdbValue, primitives::ValueType, reader::Reader};

const FOOTER: usize = 10;

/// Why a payload is refused.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// The payload is too short, of a newer version, or its checksum is wrong.
    #[error("DUMP payload version or checksum are wrong")]
    Footer,
    /// The value is malformed (or an empty collection).
    #[error("Bad data format")]
    Value(#[source] Option<RdbError>),
}

impl DumpError {
    /// What is wrong in detail, for the log.
    pub fn reason(&self) -> String {
        match self {
            Self::Value(Some(error)) => error.to_string(),
            _ => self.to_string(),
        }
    }
}

/// Appends version and checksum to `payload`, which consists of type and value.
pub fn finish(payload: &mut Vec<u8>) {
    payload.extend_from_slice(&RDB_VERSION.to_le_bytes());
    let checksum = crc64(0, payload);
    payload.extend_from_slice(&checksum.to_le_bytes());
}

/// DEBUG SET-SKIP-CHECKSUM-VALIDATION, for test suites that change payloads.
static SKIPS_CHECKSUMS: AtomicBool = AtomicBool::new(false);

/// Whether checksums are ignored.
pub fn skips_checksums() -> bool {
    SKIPS_CHECKSUMS.load(Ordering::Relaxed)
}

/// Sets whether checksums are ignored from now on.
pub fn skip_checksums(skip: bool) {
    SKIPS_CHECKSUMS.store(skip, Ordering::Relaxed);
}

/// Checks the footer; returns type and value without it. `skip_checksum` is DEBUG SET-SKIP-CHECKSUM-VALIDATION.
///
/// # Errors
/// [`DumpError::Footer`].
pub fn verify(payload: &[u8], skip_checksum: bool) -> Result<&[u8], DumpError> {
    let body_length = payload.len().checked_sub(FOOTER).ok_or(DumpError::Footer)?;
    let (body, footer) = payload.split_at(body_length);
    let version = u16::from_le_bytes([footer[0], footer[1]]);
    if version > RDB_VERSION {
        return Err(DumpError::Footer);
    }
    if !skip_checksum && footer[2..] != crc64(0, &payload[..payload.len() - 8]).to_le_bytes() {
        return Err(DumpError::Footer);
    }
    Ok(body)
}

/// Decodes what [`verify`] returned.
///
/// # Errors
/// [`DumpError::Value`].
pub fn decode(body: &[u8], deep: bool) -> Result<RdbValue, DumpError> {
    let (code, rest) = body.split_first().ok_or(DumpError::Value(None))?;
    let value_type = ValueType::from_code(*code).ok_or(DumpError::Value(None))?;
    Reader::over(rest).value(value_type, deep).map_err(|error| DumpError::Value(Some(error)))
}
