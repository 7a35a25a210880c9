//! The CRC-64 that ends RDB files and DUMP payloads (Jones's polynomial, reflected, no final inversion).

use crc::{CRC_64_REDIS, Crc, Digest, Table};

static CRC: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_REDIS);

/// The checksum of `data` after a prefix whose checksum was `crc` (0 for none).
pub fn crc64(crc: u64, data: &[u8]) -> u64 {
    let mut digest = Crc64::resume(crc);
    digest.update(data);
    digest.value()
}

/// A checksum in progress.
#[derive(Clone)]
pub struct Crc64(Digest<'static, u64, Table<16>>);

impl Crc64 {
    /// The checksum of empty input.
    pub fn new() -> Self {
        Self::resume(0)
    }

    /// Continues from a checksum taken earlier.
    pub fn resume(crc: u64) -> Self {
        // The `crc` crate expects the initial value in unreflected form.
        Self(CRC.digest_with_initial(crc.reverse_bits()))
    }

    /// Extends the checksum by these bytes.
    pub fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    /// The checksum of everything added so far.
    pub fn value(&self) -> u64 {
        self.0.clone().finalize()
    }
}

impl Default for Crc64 {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Crc64 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Crc64({:016x})", self.value())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_holds_whole_and_in_parts() {
        assert_eq!(crc64(0, b"123456789"), 0xe9c6d914c4b8d9ca);
        let half = crc64(0, b"12345");
        assert_eq!(crc64(half, b"6789"), 0xe9c6d914c4b8d9ca);
        let mut digest = Crc64::new();
        b"123456789".iter().for_each(|byte| digest.update(&[*byte]));
        assert_eq!(digest.value(), 0xe9c6d914c4b8d9ca);
        assert_eq!(crc64(0, b""), 0);
    }
}
