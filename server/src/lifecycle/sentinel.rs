//! Sentinel mode: the machine, and what it wants done that is not done yet.

use crate::base::clock::Millis;
use crate::base::log::{Level, log};
use crate::sentinel::{Effect, Sentinel};
use crate::server::client::Client;
use crate::server::state::{Order, Server};

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
}
