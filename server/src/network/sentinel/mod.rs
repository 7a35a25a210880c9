//! Sentinel mode: carrying out the machine's effects on the network, and passing it what happens.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc};

use super::Shared;
use super::machines::call;
use crate::base::log::{Level, log};
use crate::commands::config::save_sentinel;
use crate::sentinel::{ConnId, Effect, Input, Sentinel};
use crate::server::effects::encode_command;
use crate::server::state::Server;

mod link;
mod names;
mod script;

/// The open connections and running scripts, and the channels to their tasks.
#[derive(Default)]
pub struct Connections {
    links: Mutex<HashMap<ConnId, mpsc::UnboundedSender<Vec<u8>>>>,
    scripts: Mutex<HashMap<u64, u32>>,
    /// Notified when the machine may have to be called sooner.
    rearm: Notify,
}

/// Calls the machine whenever its time has come.
pub async fn run(shared: Shared) -> std::convert::Infallible {
    call::<Sentinel>(shared, || Input::Tick, |node| &node.sentinel.rearm).await
}

/// Carries out the machine's effects on the network, in order: what it saves is on disk before anyone is told.
pub fn carry_out(shared: &Shared, server: &mut Server) {
    let Some(driver) = server.mode.sentinel_mut() else { return };
    let effects = std::mem::take(driver.outbox());
    let mut saved = false;
    for effect in effects {
        match effect {
            // The first one of a batch writes what all of the batch changed.
            Effect::Save if saved => {}
            Effect::Save => {
                saved = true;
                save_sentinel(server);
            }
            Effect::Connect { conn, channel: _, host, port } => {
                let (sender, outbox) = mpsc::unbounded_channel();
                shared.sentinel.links.lock().insert(conn, sender);
                tokio::spawn(link::run(Arc::clone(shared), conn, host, port, outbox));
            }
            Effect::Disconnect(conn) => drop(shared.sentinel.links.lock().remove(&conn)),
            Effect::Send { conn, words } => {
                let mut bytes = Vec::new();
                encode_command(&mut bytes, words.len(), words.iter().map(Vec::as_slice));
                if let Some(link) = shared.sentinel.links.lock().get(&conn) {
                    // A link that has just ended reports that itself.
                    let _ = link.send(bytes);
                }
            }
            Effect::Event { level, name, payload } => {
                let mut nobody = server.nobody();
                server.tell_event(&mut nobody, level, name, &payload);
            }
            Effect::Log { level, text } => log(level, &text),
            Effect::LogDelay(until) => {
                let until = crate::base::log::long_time(until / 1000);
                log(Level::Warning, &format!("Next failover delay: I will not start a failover before {until}"));
            }
            Effect::RunScript { job, argv } => {
                tokio::spawn(script::run(Arc::clone(shared), job, argv));
            }
            Effect::KillScript(job) => script::kill(shared, job),
            Effect::Crash(code) => std::process::exit(code),
        }
    }
    shared.sentinel.rearm.notify_one();
}
