//! Sentinel mode: the machine, and what it wants done that is not done yet.

use super::client::Client;
use super::server::{Order, Server};
use crate::base::clock::{Millis, monotonic_ns, now_ms};
use crate::info::log::{Level, log};
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

impl Server {
    /// Has the machine do something; its effects are carried out when the batch ends. `None` outside of Sentinel mode.
    pub fn with_sentinel<R>(&mut self, f: impl FnOnce(&mut Sentinel, Millis, &mut Vec<Effect>) -> R) -> Option<R> {
        let mode = self.sentinel.as_mut()?;
        let now = mode.now();
        let result = f(&mut mode.core, now, &mut mode.effects);
        self.orders.push(Order::Sentinel);
        Some(result)
    }

    /// An event: to the log, and unless it is for debugging to its channel.
    pub fn tell_event(&mut self, current: &mut Client, level: Level, name: &str, payload: &str) {
        log(level, &format!("{name} {payload}"));
        if level != Level::Debug {
            self.publish(current, name.as_bytes(), payload.as_bytes());
        }
    }

    /// `standalone`, `cluster` or `sentinel`.
    pub fn mode(&self) -> &'static str {
        match (&self.sentinel, self.config.cluster_enabled) {
            (Some(_), _) => "sentinel",
            (None, true) => "cluster",
            (None, false) => "standalone",
        }
    }

    /// The machine of Sentinel mode.
    pub fn sentinel_core(&self) -> Option<&Sentinel> {
        self.sentinel.as_ref().map(|mode| &mode.core)
    }
}
