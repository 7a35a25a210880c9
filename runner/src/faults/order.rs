//! What can be done about faults.

use super::rules::{Ends, Fault};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What the supervisor is asked to do about faults, with nodes by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// A new fault.
    Add {
        /// What.
        fault: Fault,
        /// From here.
        left: Ends,
        /// To there.
        right: Ends,
        /// Only this way.
        one_way: bool,
        /// It heals by itself after so long.
        lasts: Option<Duration>,
    },
    /// Connections between the two sides are reset once.
    Reset {
        /// One side.
        left: Ends,
        /// The other.
        right: Ends,
    },
    /// One fault is healed, or all.
    Heal {
        /// Which.
        id: Option<u64>,
    },
    /// What is wrong just now.
    List,
}
