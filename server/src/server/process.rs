//! The process that the server runs in, and the state of its shutdown.

use super::oom::OomScore;
use super::shutdown::Shutdown;
use crate::base::clock::Millis;
use crate::base::ids::RunId;
use crate::base::random::fill_from_os;

/// The process: its id, its start, its files, its shutdown.
pub struct Process {
    /// The process's id for Sentinel and INFO.
    run_id: RunId,
    /// When it started, Unix milliseconds.
    started: Millis,
    /// Path of the executable, for INFO.
    pub(crate) executable: String,
    /// The path of the configuration file; empty if there is none.
    pub(crate) config_file: String,
    /// The score that the kernel's OOM killer was given.
    pub(super) oom: OomScore,
    /// A shutdown that was requested or is waiting.
    shutdown: Shutdown,
}

impl Process {
    /// A process that started now.
    pub fn new(now: Millis) -> Self {
        let mut id = [0; 20];
        fill_from_os(&mut id);
        Self {
            run_id: RunId::from_random(id),
            started: now,
            executable: String::new(),
            config_file: String::new(),
            oom: OomScore::default(),
            shutdown: Shutdown::default(),
        }
    }

    /// The process's id for Sentinel and INFO.
    pub fn run_id(&self) -> RunId {
        self.run_id
    }

    /// When it started, Unix milliseconds.
    pub fn started(&self) -> Millis {
        self.started
    }

    /// The shutdown that was requested or is going on.
    #[inline]
    pub fn shutdown(&self) -> &Shutdown {
        &self.shutdown
    }

    /// The shutdown, for advancing it.
    pub(crate) fn shutdown_mut(&mut self) -> &mut Shutdown {
        &mut self.shutdown
    }
}
