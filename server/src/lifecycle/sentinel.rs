//! Driving Sentinel's machine, and publishing its events.

use std::convert::Infallible;

use super::machines::Driven;
use crate::base::log::{Level, log};
use crate::sentinel::Sentinel;
use crate::server::client::Client;
use crate::server::driver::Driver;
use crate::server::network::Order;
use crate::server::state::Server;

impl Driven for Sentinel {
    const ORDER: Order = Order::Sentinel;

    fn driver(server: &Server) -> Option<&Driver<Self>> {
        server.mode.sentinel()
    }

    fn driver_mut(server: &mut Server) -> Option<&mut Driver<Self>> {
        server.mode.sentinel_mut()
    }

    fn facts(_: &Server) {}

    fn carry_out(_: &mut Server, effect: Infallible, _: Option<&mut Client>) {
        match effect {}
    }
}

impl Server {
    /// Runs an operation of the machine. `None` outside Sentinel mode.
    pub fn with_sentinel<R>(&mut self, f: impl FnOnce(&mut Sentinel) -> R) -> Option<R> {
        self.drive(None, f)
    }

    /// Logs an event and, unless its level is debug, publishes it on its channel.
    pub fn tell_event(&mut self, current: &mut Client, level: Level, name: &str, payload: &str) {
        log(level, &format!("{name} {payload}"));
        if level != Level::Debug {
            self.publish(current, name.as_bytes(), payload.as_bytes());
        }
    }
}
