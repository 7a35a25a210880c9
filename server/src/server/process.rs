//! The process that the server runs in, and how its end stands.

use super::oom::OomScore;
use super::shutdown::Shutdown;
use crate::base::clock::Millis;
use crate::base::ids::RunId;
use crate::base::random::fill_from_os;

/// See the module's comment.
pub struct Process {
    /// The process's id for Sentinel and INFO.
    run_id: RunId,
    /// When it started, Unix milliseconds.
    started: Millis,
    /// Path of the executable, for INFO.
    pub(crate) executable: String,
    /// Path of the configuration file; empty without.
    pub(crate) config_file: String,
    /// The score that the kernel was told for when memory runs out.
    pub(super) oom: OomScore,
    /// A shutdown that was asked for or waits.
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

    /// The shutdown, to move it on.
    pub(crate) fn shutdown_mut(&mut self) -> &mut Shutdown {
        &mut self.shutdown
    }
}
