//! Foundations that know nothing of Redis: numbers, checksums, patterns, clocks.

pub mod allocator;
pub mod clock;
pub mod crc64;
pub mod glob;
pub mod ids;
pub mod level;
pub mod long_double;
pub mod lzf;
pub mod numbers;
pub mod partial_sort;
pub mod random;
pub mod signals;
pub mod slot;
pub mod words;
