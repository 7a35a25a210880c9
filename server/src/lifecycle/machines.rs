//! How the three machines are driven: time, what happened and operators' words go in here, and what they want done to
//! sessions and data is carried out here. What they want done to the network is carried out when the turn ends.

use crate::base::machine::Machine;
use crate::server::client::Client;
use crate::server::driver::Driver;
use crate::server::state::{Order, Server};

/// A machine of this server.
pub trait Driven: Machine + Sized {
    /// Has the network layer carry out what is in its outbox.
    const ORDER: Order;

    /// The machine, where this server has one.
    fn driver(server: &Server) -> Option<&Driver<Self>>;

    /// The machine, to be called.
    fn driver_mut(server: &mut Server) -> Option<&mut Driver<Self>>;

    /// What it must know of the data.
    fn facts(server: &Server) -> Self::Facts;

    /// Carries out an effect on sessions or data. `current` is the session whose commands run.
    fn carry_out(server: &mut Server, effect: Self::OnData, current: Option<&mut Client>);

    /// Called after each use of the machine, whatever it decided.
    fn afterwards(_: &mut Server) {}
}

impl Server {
    /// Calls a machine, and carries out its effects on sessions and data at once. `None` where this server has no such
    /// machine.
    pub fn drive<M: Driven, R>(&mut self, mut current: Option<&mut Client>, f: impl FnOnce(&mut M) -> R) -> Option<R> {
        M::driver(self)?;
        let facts = M::facts(self);
        let (result, effects) = M::driver_mut(self)?.act(&facts, f);
        for effect in effects {
            M::carry_out(self, effect, current.as_deref_mut());
        }
        if self.orders.last() != Some(&M::ORDER) {
            self.orders.push(M::ORDER);
        }
        M::afterwards(self);
        Some(result)
    }
}
