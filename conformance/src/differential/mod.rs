//! Random command sequences, sent as bytes to upstream and to ours: every reply and the data at the end must be equal.
//!
//! | file | noun |
//! | --- | --- |
//! | `table.rs` | the table of commands, one line each |
//! | `grammar.rs` | its little language |
//! | `words.rs` | what may stand for a key, a value, a number: mostly the edges |
//! | `case.rs` | a sequence of commands made from a seed |
//! | `users.rs` | users with random rights, who play parts of some cases |
//! | `engines.rs` | the two servers, and a case played on both |
//! | `sameness.rs` | when two replies are the same, where that is not 'byte for byte' |
//! | `known.rs` | differences that are known, with reasons |
//! | `shrink.rs` | the shortest sequence that still differs |
//! | `report.rs` | a failing case as a scenario file |
//! | `random.rs` | random numbers from a seed |
//!
//! It leaves out commands whose outcome depends on the clock or on chance, and bytes that are not requests (the
//! protocol's own tests have those).

mod case;
mod engines;
mod grammar;
mod known;
mod random;
mod report;
mod run;
mod sameness;
mod shrink;
mod table;
mod users;
mod words;

pub use case::{Case, Request};
pub use engines::{Difference, Engines};
pub use report::to_scenario;
pub use run::{Totals, run_seed};
pub use shrink::shrink;
