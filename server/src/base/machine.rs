//! What machines have in common: parts that decide without I/O.
//!
//! A machine hears what time it is, what happened and what operators ask for, and says what is to be done about it. Whoever
//! drives it carries that out: what concerns sessions and data at once, what concerns files and connections when the turn
//! ends. Simulations drive the same machines with a clock and a network of their own.

use super::clock::Millis;

/// Something that a machine wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect<D, N> {
    /// To sessions and data, at once.
    Data(D),
    /// To files and connections, when the turn ends.
    Network(N),
}

/// See the module's comment.
pub trait Machine {
    /// What happens to it.
    type Input;
    /// What it must know of the data before it decides.
    type Facts;
    /// What it wants done to sessions and data.
    type OnData;
    /// What it wants done to files and connections.
    type OnNetwork;
    /// One or the other, in the order in which it was decided.
    type Effect: Into<Effect<Self::OnData, Self::OnNetwork>>;

    /// Lets an operator's word, or anything else, act on the machine at this time; what it decides goes to `out`.
    fn act<R>(
        &mut self,
        now: Millis,
        facts: &Self::Facts,
        out: &mut Vec<Self::Effect>,
        f: impl FnOnce(&mut Self) -> R,
    ) -> R;

    /// Takes in what happened, within [`Self::act`].
    fn take(&mut self, input: Self::Input);

    /// Takes in what happened, and decides.
    fn handle(&mut self, now: Millis, facts: &Self::Facts, input: Self::Input, out: &mut Vec<Self::Effect>) {
        self.act(now, facts, out, |machine| machine.take(input));
    }

    /// When the machine must hear what time it is at the latest; `None`: not before something happens.
    fn next_wakeup(&self) -> Option<Millis>;
}
