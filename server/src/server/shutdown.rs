//! How the end of the process stands: what was asked for, and whether it waits.

use crate::base::clock::Millis;

/// What SHUTDOWN or a signal asks.
#[derive(Debug, Clone, Copy, Default)]
pub struct ShutdownOptions {
    /// SAVE or NOSAVE; `None`: if save points are configured.
    pub save: Option<bool>,
    /// NOW: do not wait for replicas.
    pub now: bool,
    /// FORCE: end even if saving fails.
    pub force: bool,
}

/// A shutdown that waits for replicas.
#[derive(Debug, Clone, Copy, Default)]
pub struct Shutdown {
    /// Until when it waits, Unix milliseconds; 0: none is running.
    pub deadline: Millis,
    /// SAVE, NOSAVE as asked.
    pub save: Option<bool>,
    /// FORCE.
    pub force: bool,
    /// The process is about to exit: nothing may begin that leaves files behind.
    pub is_final: bool,
    /// What a signal asked for, before it is begun.
    pub requested: Option<ShutdownOptions>,
}
