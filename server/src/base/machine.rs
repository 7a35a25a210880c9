//! The interface of machines: parts of the server that make decisions without I/O.
//!
//! A machine is given the time, what happened and what operators request, and returns effects: what is to be done about it.
//! Its driver carries these out: effects on sessions and data at once, effects on files and connections when the turn ends.
//! Simulations drive the same machines with a clock and a network of their own.

use super::clock::Millis;

/// Something that a machine wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect<D, N> {
    /// To sessions and data, at once.
    Data(D),
    /// To files and connections, when the turn ends.
    Network(N),
}

/// A part that makes decisions without I/O. Sentinel, the cluster and replication are machines.
pub trait Machine {
    /// What can happen to the machine.
    type Input;
    /// What it has to know about the data in order to decide.
    type Facts;
    /// Effects on sessions and data.
    type OnData;
    /// Effects on files and connections.
    type OnNetwork;
    /// An effect of either kind, so that `out` keeps the order in which they were decided.
    type Effect: Into<Effect<Self::OnData, Self::OnNetwork>>;

    /// Runs `f`, such as an operator's request, on the machine at the given time. The resulting effects go to `out`.
    fn act<R>(
        &mut self,
        now: Millis,
        facts: &Self::Facts,
        out: &mut Vec<Self::Effect>,
        f: impl FnOnce(&mut Self) -> R,
    ) -> R;

    /// Processes an input, within [`Self::act`].
    fn take(&mut self, input: Self::Input);

    /// Processes an input at the given time. The resulting effects go to `out`.
    fn handle(&mut self, now: Millis, facts: &Self::Facts, input: Self::Input, out: &mut Vec<Self::Effect>) {
        self.act(now, facts, out, |machine| machine.take(input));
    }

    /// The latest time at which the machine has to be run again; `None` if it only waits for inputs.
    fn next_wakeup(&self) -> Option<Millis>;
}
