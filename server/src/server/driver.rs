//! The driver of a machine: its clock, and its outbox of effects on the network.

use std::ops::{Deref, DerefMut};

use crate::base::clock::{Millis, monotonic_ns, now_ms};
use crate::base::machine::{Effect, Machine};

/// A clock that starts at wall-clock time and continues monotonically: it is not affected by changes of the system's clock,
/// and shows a jump when the process was stopped.
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

/// A machine with its clock and its outbox. It dereferences to the machine, for reading and for operations that need no time
/// and have no effects, such as appending to the replication stream.
pub struct Driver<M: Machine> {
    machine: M,
    clock: Clock,
    outbox: Vec<M::OnNetwork>,
}

impl<M: Machine> Driver<M> {
    /// A driver for a machine that was created with this clock.
    pub fn new(machine: M, clock: Clock) -> Self {
        Self { machine, clock, outbox: Vec::new() }
    }

    /// The present by the machine's own clock, in milliseconds.
    pub fn now(&self) -> Millis {
        self.clock.now()
    }

    /// After how many milliseconds the machine has to be called at the latest; `None` if it only waits for inputs.
    pub fn pause(&self) -> Option<Millis> {
        self.machine.next_wakeup().map(|time| time.saturating_sub(self.now()))
    }

    /// Runs `f` on the machine now. Effects on the network are put into the outbox; effects on sessions and data are
    /// returned.
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

    /// The effects on the network, to be carried out in this order.
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
