//! Network faults without root.
//!
//! # Background
//!
//! Packets cannot be dropped without privileges, but connections can be led through us. A topology with faults gives every
//! node a loopback address of its own (its front, 127.0.1.N). The node itself listens on 127.0.0.1 as ever; it announces its
//! front, and opens its own connections from there (`bind-source-addr`). The runner listens on the front, at the same port,
//! and hands on what comes; by the source address it knows who calls, so that every connection has two named ends, and each
//! direction can be held up, slowed, or cut. A connection that comes from no front is a `client`'s.
//!
//! What is held up is not lost but late, as under TCP: when the fault is healed it flows on. A connection that is opened
//! across a partition seems to open, because the kernel answers for us, and then stays silent; what its opener sent before
//! giving up is never delivered. The runner's own commands go past the faults, to 127.0.0.1.

mod order;
mod pipe;
mod proxy;
mod rules;

pub use order::Order;
pub use proxy::Proxies;
pub use rules::{Ends, Fault, Rule};
