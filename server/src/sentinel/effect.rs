//! What comes in and what goes out.

use std::convert::Infallible;

use super::link::ConnId;
use crate::base::clock::Millis;
use crate::base::level::Level;
use crate::base::machine;
use crate::resp::Value;

/// Which of an instance's two connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Channel {
    /// Commands and their replies.
    Commands,
    /// Hellos of other Sentinels.
    Hellos,
}

/// Something happened.
#[derive(Debug, Clone)]
pub enum Input {
    /// The time that was asked for has come.
    Tick,
    /// A connection is there.
    Connected {
        /// Which.
        conn: ConnId,
        /// Our own address on it.
        local: String,
        /// The peer's address.
        peer: String,
    },
    /// A connection ended, or could not be made.
    Lost {
        /// Which.
        conn: ConnId,
        /// Why.
        reason: String,
    },
    /// A reply to a command, or a message of a subscription.
    Reply {
        /// The connection.
        conn: ConnId,
        /// What it says.
        value: Value,
    },
    /// Another Sentinel sent its hello by PUBLISH.
    Hello(Vec<u8>),
    /// A script runs.
    ScriptStarted {
        /// Which.
        job: u64,
        /// Its process id.
        pid: u32,
    },
    /// A script ended.
    ScriptEnded {
        /// Which.
        job: u64,
        /// How.
        end: ScriptEnd,
    },
}

/// How a script ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScriptEnd {
    /// With this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// It could not be started.
    NotStarted,
}

/// Something to do, in this order: what is saved must be on disk before the next effect is carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Open a connection.
    Connect {
        /// Its name from now on.
        conn: ConnId,
        /// Commands or hellos.
        channel: Channel,
        /// Host name or address.
        host: String,
        /// Port.
        port: u16,
    },
    /// Close a connection; nothing is heard of it any more.
    Disconnect(ConnId),
    /// Send a command.
    Send {
        /// On this connection.
        conn: ConnId,
        /// Its words.
        words: Vec<Vec<u8>>,
    },
    /// Write the configuration to disk.
    Save,
    /// Publish an event under its name, and log it.
    Event {
        /// How much it matters.
        level: Level,
        /// `+sdown`.
        name: &'static str,
        /// Whom it concerns.
        payload: String,
    },
    /// Log a line.
    Log {
        /// How much it matters.
        level: Level,
        /// The line.
        text: String,
    },
    /// Log that no failover starts before this time.
    LogDelay(Millis),
    /// Run a script.
    RunScript {
        /// Its name from now on.
        job: u64,
        /// The program and its arguments.
        argv: Vec<String>,
    },
    /// Kill a script that takes too long.
    KillScript(u64),
    /// End the process at once with this code: a simulated failure.
    Crash(i32),
}

impl From<Effect> for machine::Effect<Infallible, Effect> {
    fn from(effect: Effect) -> Self {
        Self::Network(effect)
    }
}
