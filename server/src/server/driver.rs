//! A machine at work: its clock, and what it has decided for the network and was not carried out yet.

use std::ops::{Deref, DerefMut};

use crate::base::clock::{Millis, monotonic_ns, now_ms};
use crate::base::machine::{Effect, Machine};

/// Wall-clock time at the start and monotonic time since: setting the system's clock does not disturb it, and it shows when the
/// process was stopped.
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

/// See the module's comment. It dereferences to the machine for whoever only reads it, and for what needs neither the time
/// nor has effects, such as appending to the replication stream.
pub struct Driver<M: Machine> {
    machine: M,
    clock: Clock,
    outbox: Vec<M::OnNetwork>,
}

impl<M: Machine> Driver<M> {
    /// A machine with the clock that it was made by.
    pub fn new(machine: M, clock: Clock) -> Self {
        Self { machine, clock, outbox: Vec::new() }
    }

    /// The present by the machine's own clock, in milliseconds.
    pub fn now(&self) -> Millis {
        self.clock.now()
    }

    /// When the machine must be called at the latest, in milliseconds from now; `None`: not before something happens.
    pub fn pause(&self) -> Option<Millis> {
        self.machine.next_wakeup().map(|time| time.saturating_sub(self.now()))
    }

    /// Lets `f` act on the machine now. What it wants done to the network waits in the outbox; what it wants done to sessions
    /// and data is returned.
    pub fn act<R>(&mut self, facts: &M::Facts, f: impl FnOnce(&mut M) -> R) -> (R, Vec<M::OnData>) {
        let mut effects = Vec::new();
        let result = self.machine.act(self.clock.now(), facts, &mut effects, f);
        let mut at_once = Vec::new();
        for effect in effects {
            match effect.into() {
                Effect::Data(effect) => at_once.push(effect),
                Effect::Network(effect) => self.outbox.push(effect),
            }
        }
        (result, at_once)
    }

    /// What is to be done to the network, in this order.
    pub fn outbox(&mut self) -> &mut Vec<M::OnNetwork> {
        &mut self.outbox
    }
}

impl<M: Machine> Deref for Driver<M> {
    type Target = M;

    #[inline]
    fn deref(&self) -> &M {
        &self.machine
    }
}

impl<M: Machine> DerefMut for Driver<M> {
    #[inline]
    fn deref_mut(&mut self) -> &mut M {
        &mut self.machine
    }
}
