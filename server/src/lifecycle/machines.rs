//! Driving the three machines: the time, inputs and operators' requests are passed to them here, and their effects on
//! sessions and data are carried out here. Their effects on the network are carried out when the turn ends.

use crate::base::machine::Machine;
use crate::server::client::Client;
use crate::server::driver::Driver;
use crate::server::network::Order;
use crate::server::state::Server;

/// A machine of this server.
pub trait Driven: Machine + Sized {
    /// The order by which the network layer carries out the machine's outbox.
    const ORDER: Order;

    /// The machine with its outbox, if this server has one.
    fn driver(server: &Server) -> Option<&Driver<Self>>;

    /// The machine with its outbox, for calling it.
    fn driver_mut(server: &mut Server) -> Option<&mut Driver<Self>>;

    /// The facts about the data that it needs.
    fn facts(server: &Server) -> Self::Facts;

    /// Carries out an effect on sessions or data. `current` is the session whose commands run.
    fn carry_out(server: &mut Server, effect: Self::OnData, current: Option<&mut Client>);

    /// Called after each use of the machine, whatever the effects.
    fn afterwards(_: &mut Server) {}
}

impl Server {
    /// Calls a machine, and carries out its effects on sessions and data at once. `None` if this server has no such machine.
    pub fn drive<M: Driven, R>(&mut self, mut current: Option<&mut Client>, f: impl FnOnce(&mut M) -> R) -> Option<R> {
        M::driver(self)?;
        let facts = M::facts(self);
        let (result, effects) = M::driver_mut(self)?.act(&facts, f);
        for effect in effects {
            M::carry_out(self, effect, current.as_deref_mut());
        }
        self.network.order_once(M::ORDER);
        M::afterwards(self);
        Some(result)
    }
}
