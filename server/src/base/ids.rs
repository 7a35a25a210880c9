//! Ids, a type for each: client numbers, and the forty-hex-digit names of runs, replication histories, cluster nodes and
//! handovers.

use std::fmt;

/// A client's number, as CLIENT ID shows it, unique within a run of the process. It also identifies the replica if the
/// client is a replica's link.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(pub u64);

impl ClientId {
    /// Stands in for a client where no client is involved.
    pub const NOBODY: Self = Self(0);
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Length of every id, in bytes of text.
pub const ID_LENGTH: usize = 40;

/// The error for a text that is not forty lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id is forty lower-case hexadecimal digits")]
pub struct IdError;

fn is_hex(byte: &u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; ID_LENGTH]);

        impl $name {
            /// Forty zeros, which stand for no id.
            pub const ZERO: Self = Self([b'0'; ID_LENGTH]);

            /// Forms an id from twenty random bytes.
            pub fn from_random(bytes: [u8; 20]) -> Self {
                let mut text = [0; ID_LENGTH];
                for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
                    pair[0] = b"0123456789abcdef"[usize::from(byte >> 4)];
                    pair[1] = b"0123456789abcdef"[usize::from(byte & 15)];
                }
                Self(text)
            }

            /// Parses forty lower-case hexadecimal digits.
            ///
            /// # Errors
            /// [`IdError`] for anything else.
            pub fn parse(text: &[u8]) -> Result<Self, IdError> {
                let text: [u8; ID_LENGTH] = text.try_into().map_err(|_| IdError)?;
                if text.iter().all(is_hex) { Ok(Self(text)) } else { Err(IdError) }
            }

            /// The forty digits as bytes.
            pub fn as_bytes(&self) -> &[u8; ID_LENGTH] {
                &self.0
            }

            /// The forty digits as text.
            pub fn as_str(&self) -> &str {
                std::str::from_utf8(&self.0).expect("an id holds hexadecimal digits only")
            }

            /// Whether this is [`Self::ZERO`].
            pub fn is_zero(&self) -> bool {
                *self == Self::ZERO
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::parse(text.as_bytes())
            }
        }
    };
}

id_type! {
    /// Names one run of a process; new at every start.
    RunId
}
id_type! {
    /// Names one history of writes; replicas with the same id and offset hold the same data.
    ReplId
}
id_type! {
    /// Names a cluster node for its whole life.
    NodeId
}
id_type! {
    /// Names one handover of slots from one primary to another.
    HandoverId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_round_trip_and_refuse_other_text() {
        let id = ReplId::from_random([0xab; 20]);
        assert_eq!(id.to_string(), "ab".repeat(20));
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!(ReplId::ZERO.is_zero());
        for bad in ["", "ab", &"AB".repeat(20), &"zz".repeat(20), &"a".repeat(41)] {
            assert_eq!(NodeId::parse(bad.as_bytes()), Err(IdError));
        }
    }
}
