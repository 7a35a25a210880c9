//! The path of a request: lookup, admission, routing, execution, and what follows it: propagation, delivery, serving blocked
//! clients.
//!
//! Not here: the commands' handlers (`commands/`), the state that they change (`server/`), and what happens without a
//! request (`lifecycle/`).

pub mod acl;
pub mod admission;
pub mod blocking;
pub mod deliver;
pub mod execute;
pub mod handover;
pub mod keys;
pub mod pauses;
pub mod propagate;
pub mod redact;
mod route;
pub mod running;
pub mod script;
pub mod script_stack;
pub mod tracking;
