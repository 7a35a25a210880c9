//! Users: who may log in, and what each may run, read, write, publish and subscribe to.
//!
//! For: the rules of ACL SETUSER and of ACL files, the check of one request against a user, the description of a user as
//! rules, and the log of refusals. Not for: I/O, sessions, and which words of a request are keys, which the caller
//! determines.
//!
//! # Background
//! A user has passwords and selectors. A selector allows some commands, on some keys, and some channels; a request is
//! allowed if one selector allows all of it, so permissions of two selectors never add up. The first selector, the root, is
//! the one that rules outside parentheses change.
//!
//! The commands that a selector allows are kept as a set of bits, not as the list of rules that led there, because a later
//! rule may undo an earlier one. ACL LIST therefore has to derive rules from the set (`describe.rs`).
//!
//! | file | noun |
//! | --- | --- |
//! | `catalogue.rs` | what there is to allow: commands, their categories |
//! | `selector.rs` | what is allowed, and the rules that change it |
//! | `check.rs` | a request, held against a user |
//! | `describe.rs` | the rules that lead to a set of commands |
//! | `user.rs` | a user: passwords, selectors, and its rules |
//! | `users.rs` | all users, ACL files, `user` lines |
//! | `log.rs` | what was refused lately |

pub mod catalogue;
pub mod check;
mod describe;
pub mod log;
pub mod password;
pub mod selector;
pub mod user;
pub mod users;

pub use catalogue::{Catalogue, CommandId};
pub use check::{Access, ChannelUse, Denial, KeyUse, Request};
pub use selector::{RuleError, Rulebook, Selector};
pub use user::User;
pub use users::Users;

#[cfg(test)]
mod tests;
