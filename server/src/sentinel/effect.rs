//! The inputs and effects of the machine.

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

/// What the machine is told.
#[derive(Debug, Clone)]
pub enum Input {
    /// The time that was asked for has come.
    Tick,
    /// A connection that we asked for is open.
    Connected {
        /// The connection that is open.
        conn: ConnId,
        /// Our own address on it.
        local: String,
        /// The peer's address, without the port.
        peer: String,
    },
    /// A connection ended, or could not be made.
    Lost {
        /// The connection that ended.
        conn: ConnId,
        /// Why it ended, for the log.
        reason: String,
    },
    /// A reply to a command, or a message of a subscription.
    Reply {
        /// The connection that it came on.
        conn: ConnId,
        /// The reply or message.
        value: Value,
    },
    /// Another Sentinel sent its hello by PUBLISH.
    Hello(Vec<u8>),
    /// A script was started.
    ScriptStarted {
        /// The name that [`Effect::RunScript`] gave it.
        job: u64,
        /// The id of its process.
        pid: u32,
    },
    /// A script's process has ended.
    ScriptEnded {
        /// The name that [`Effect::RunScript`] gave it.
        job: u64,
        /// How it ended.
        end: ScriptEnd,
    },
}

/// How a script ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScriptEnd {
    /// It exited with this code.
    Code(i32),
    /// It was killed by this signal.
    Signal(i32),
    /// It could not be started.
    NotStarted,
}

/// Something to do, in this order: what is saved must be on disk before the next effect is carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Open a connection to an instance.
    Connect {
        /// Its name from now on.
        conn: ConnId,
        /// Whether it is for commands or for hellos.
        channel: Channel,
        /// Host name or address.
        host: String,
        /// The port for clients.
        port: u16,
    },
    /// Close a connection; no further events of it are reported.
    Disconnect(ConnId),
    /// Send a command on a connection that is open.
    Send {
        /// The connection to send it on.
        conn: ConnId,
        /// The command's name and arguments.
        words: Vec<Vec<u8>>,
    },
    /// Write the configuration to disk.
    Save,
    /// Publish an event under its name, and log it.
    Event {
        /// The severity.
        level: Level,
        /// The name of the event, which is also its channel: `+sdown`, ...
        name: &'static str,
        /// Whom it concerns, as Redis words it.
        payload: String,
    },
    /// Write a line to the log.
    Log {
        /// The severity.
        level: Level,
        /// The text of the line.
        text: String,
    },
    /// Log that no failover starts before this time.
    LogDelay(Millis),
    /// Run a user's script.
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
