//! `oom-score-adj`: which process the kernel kills first when memory runs out. A replica may be killed before its primary.

use std::io;

use super::state::Server;
use crate::config::values::OomScoreAdj;

const FILE: &str = "/proc/self/oom_score_adj";

/// The score that the kernel has been given.
#[derive(Debug, Default)]
pub struct OomScore {
    /// The score that the process was started with, once it is needed.
    base: Option<i32>,
    /// The score that we set, if any.
    set: Option<i32>,
}

impl Server {
    /// Sets the score that the settings require for the role, unless it is already set.
    ///
    /// # Errors
    /// Any error of the kernel, which allows only privileged processes to lower their score.
    pub fn adjust_oom_score(&mut self) -> io::Result<()> {
        let value = self.config.oom_score_adj_values.0[usize::from(self.replication.is_replica())];
        let relative = match self.config.oom_score_adj {
            OomScoreAdj::No if self.process.oom.set.is_none() => return Ok(()),
            OomScoreAdj::No => None,
            OomScoreAdj::Absolute => Some(0),
            OomScoreAdj::Yes | OomScoreAdj::Relative => Some(self.oom_base()?),
        };
        let wanted = match relative {
            Some(base) => base.saturating_add(value).clamp(-1000, 1000),
            None => self.oom_base()?,
        };
        if self.process.oom.set == Some(wanted) {
            return Ok(());
        }
        self.oom_base()?;
        std::fs::write(FILE, wanted.to_string())?;
        self.process.oom.set = relative.map(|_| wanted);
        Ok(())
    }

    fn oom_base(&mut self) -> io::Result<i32> {
        if let Some(base) = self.process.oom.base {
            return Ok(base);
        }
        let base = std::fs::read_to_string(FILE)?.trim().parse().map_err(io::Error::other)?;
        self.process.oom.base = Some(base);
        Ok(base)
    }
}
