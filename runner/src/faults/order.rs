//! What can be done about faults.

use super::rules::{Ends, Fault};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What the supervisor is asked to do about faults, with nodes by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Adds a fault, which lasts.
    Add {
        fault: Fault,
        /// The ends where the traffic comes from.
        left: Ends,
        /// The ends where it goes.
        right: Ends,
        /// Whether traffic from right to left is left alone.
        one_way: bool,
        /// It heals by itself after so long.
        lasts: Option<Duration>,
    },
    /// Connections between the two sides are reset once.
    Reset { left: Ends, right: Ends },
    /// One fault is healed, or all.
    Heal {
        /// The number of the fault; `None` heals all of them.
        id: Option<u64>,
    },
    /// Lists the faults that are in force.
    List,
}
