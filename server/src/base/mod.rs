//! Foundations that know nothing of Redis: numbers, checksums, patterns, clocks.
