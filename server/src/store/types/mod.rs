//! The data types and their compact encodings.
pub mod hash;
