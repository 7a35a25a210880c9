//! The state of a shutdown: what was requested, whether it waits, and whether it can still be aborted.

use crate::base::clock::Millis;

/// The options of SHUTDOWN, or of a signal.
#[derive(Debug, Clone, Copy, Default)]
pub struct ShutdownOptions {
    /// SAVE or NOSAVE; `None`: if save points are configured.
    pub save: Option<bool>,
    /// NOW: do not wait for replicas.
    pub now: bool,
    /// FORCE: end even if saving fails.
    pub force: bool,
}

/// A shutdown, from the request to the end of the process.
#[derive(Debug, Clone, Copy, Default)]
pub struct Shutdown {
    /// Until when it waits, in Unix milliseconds; `None` if none is in progress.
    deadline: Option<Millis>,
    options: ShutdownOptions,
    is_final: bool,
    /// What a signal requested, until it begins.
    requested: Option<ShutdownOptions>,
}

impl Shutdown {
    /// Records the request of a signal.
    pub fn request(&mut self, options: ShutdownOptions) {
        self.requested = Some(options);
    }

    /// Takes the request of a signal, which begins now.
    pub fn take_request(&mut self) -> Option<ShutdownOptions> {
        self.requested.take()
    }

    /// Begins a shutdown, replacing any previous state.
    pub fn begin(&mut self, options: ShutdownOptions) {
        *self = Self { options, ..Self::default() };
    }

    /// Waits for replicas until a time in Unix milliseconds.
    pub fn wait_until(&mut self, deadline: Millis) {
        self.deadline = Some(deadline);
    }

    /// Aborts the shutdown, so that the process continues.
    pub fn call_off(&mut self) {
        *self = Self::default();
    }

    /// Makes the shutdown final, so that it can no longer be aborted.
    pub fn finish(&mut self) {
        self.is_final = true;
    }

    /// Until when the shutdown waits for replicas, in Unix milliseconds; `None` if it does not.
    #[inline]
    pub fn deadline(&self) -> Option<Millis> {
        self.deadline
    }

    /// Whether it was requested or is waiting, so that it can be aborted.
    pub fn is_pending(&self) -> bool {
        self.deadline.is_some() || self.requested.is_some()
    }

    /// Whether the process is about to exit, so that nothing may begin that leaves files behind.
    #[inline]
    pub fn is_final(&self) -> bool {
        self.is_final
    }

    /// The options with which it began.
    pub fn options(&self) -> ShutdownOptions {
        self.options
    }
}
