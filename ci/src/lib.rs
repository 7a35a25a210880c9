//! Checks of the tree itself, for `tests/tidy.rs`: what a file imports, and the habits that no compiler knows of.

pub mod directions;
pub mod habits;
pub mod source;
