//! Foundations that know nothing of Redis: numbers, checksums, patterns, clocks.

pub mod allocator;
pub mod clock;
pub mod random;
