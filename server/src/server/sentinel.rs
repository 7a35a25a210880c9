//! Sentinel mode: the machine, its clock, and what it wants done that is not done yet.

use crate::base::clock::{Millis, monotonic_ns, now_ms};
use crate::sentinel::{Effect, Input, Sentinel};

/// The machine of Sentinel mode with its clock.
pub struct SentinelMode {
    /// What decides.
    pub core: Sentinel,
    /// What it decided and nobody carried out yet.
    pub effects: Vec<Effect>,
    clock: Clock,
}

/// Wall-clock time at the start and monotonic time since: a clock that is set does not disturb it, a process that was stopped
/// shows.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    wall: Millis,
    monotonic: u64,
}

impl Clock {
    /// A clock that begins now.
    pub fn start() -> Self {
        Self { wall: now_ms(), monotonic: monotonic_ns() }
    }

    /// The time, in milliseconds.
    pub fn now(self) -> Millis {
        self.wall + (monotonic_ns().saturating_sub(self.monotonic) / 1_000_000) as Millis
    }
}

impl SentinelMode {
    /// A machine with the clock that it was made by.
    pub fn new(core: Sentinel, clock: Clock) -> Self {
        Self { core, effects: Vec::new(), clock }
    }

    /// The machine's time.
    pub fn now(&self) -> Millis {
        self.clock.now()
    }

    /// Something happened.
    pub fn take(&mut self, input: Input) {
        self.core.handle(self.clock.now(), input, &mut self.effects);
    }

    /// When the machine must be called at the latest, in milliseconds from now.
    pub fn pause(&self) -> Millis {
        self.core.next_wakeup() - self.now()
    }
}
