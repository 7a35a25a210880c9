//! A shutdown: what was asked for, whether it waits, and whether it can still be called off.

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

/// A shutdown, from the request to the end of the process.
#[derive(Debug, Clone, Copy, Default)]
pub struct Shutdown {
    /// Until when it waits, Unix milliseconds; `None` where none is running.
    deadline: Option<Millis>,
    options: ShutdownOptions,
    is_final: bool,
    /// What a signal asked for, before it is begun.
    requested: Option<ShutdownOptions>,
}

impl Shutdown {
    /// A signal asks for it.
    pub fn request(&mut self, options: ShutdownOptions) {
        self.requested = Some(options);
    }

    /// What a signal asked for, which is begun now.
    pub fn take_request(&mut self) -> Option<ShutdownOptions> {
        self.requested.take()
    }

    /// Begins a shutdown, whatever was going on before.
    pub fn begin(&mut self, options: ShutdownOptions) {
        *self = Self { options, ..Self::default() };
    }

    /// Waits for replicas until then, Unix milliseconds.
    pub fn wait_until(&mut self, deadline: Millis) {
        self.deadline = Some(deadline);
    }

    /// Calls the shutdown off: the process goes on.
    pub fn call_off(&mut self) {
        *self = Self::default();
    }

    /// From now on nothing can call it off.
    pub fn finish(&mut self) {
        self.is_final = true;
    }

    /// Until when replicas are waited for, Unix milliseconds; `None` where nobody waits.
    #[inline]
    pub fn deadline(&self) -> Option<Millis> {
        self.deadline
    }

    /// Whether it was asked for or waits, so that it can be called off.
    pub fn is_pending(&self) -> bool {
        self.deadline.is_some() || self.requested.is_some()
    }

    /// The process is about to exit: nothing may begin that leaves files behind.
    #[inline]
    pub fn is_final(&self) -> bool {
        self.is_final
    }

    /// What was asked for when it began.
    pub fn options(&self) -> ShutdownOptions {
        self.options
    }
}
