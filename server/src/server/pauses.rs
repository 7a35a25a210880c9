//! Why commands of clients are held back: CLIENT PAUSE, FAILOVER, a shutdown that waits, a manual failover of a cluster.
//!
//! Each purpose has a pause of its own, and ending one leaves the others. What counts is the strictest kind among the active
//! ones, until the latest of their ends: as in Redis, CLIENT UNPAUSE must not let writes through in the middle of a
//! failover, nor may an aborted shutdown end what an operator had paused.

use crate::base::clock::Millis;

/// The purpose of a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PausePurpose {
    /// An operator, with CLIENT PAUSE.
    Client,
    /// SHUTDOWN while it waits for replicas.
    Shutdown,
    /// The command FAILOVER, until a replica has caught up.
    Failover,
    /// CLUSTER FAILOVER: our replica is about to take over.
    Takeover,
}

const PURPOSES: usize = 4;

/// A pause for one purpose.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pause {
    /// When it ends, in Unix milliseconds.
    pub(crate) until: Millis,
    /// Whether it holds back all commands, not only those that may write.
    pub(crate) all: bool,
}

/// All active pauses.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pauses {
    by_purpose: [Option<Pause>; PURPOSES],
}

impl Pauses {
    fn running(&self, now: Millis) -> impl Iterator<Item = Pause> {
        self.by_purpose.into_iter().flatten().filter(move |pause| pause.until > now)
    }

    /// Whether commands that may write are held back.
    #[inline]
    pub fn hold_writes(&self, now: Millis) -> bool {
        self.running(now).next().is_some()
    }

    /// Whether all commands are held back.
    pub fn hold_all(&self, now: Millis) -> bool {
        self.running(now).any(|pause| pause.all)
    }

    /// Whether there is a pause whose end has not been noticed yet.
    #[inline]
    pub fn any(&self) -> bool {
        self.by_purpose.iter().any(Option::is_some)
    }

    /// When the first of the pauses ends, Unix milliseconds.
    pub fn next_end(&self) -> Option<Millis> {
        self.by_purpose.iter().flatten().map(|pause| pause.until).min()
    }

    /// Begins a pause for a purpose, or extends the active one, which is never shortened or weakened.
    pub(crate) fn begin(&mut self, purpose: PausePurpose, pause: Pause, now: Millis) {
        let slot = &mut self.by_purpose[purpose as usize];
        *slot = Some(match *slot {
            Some(old) if old.until > now => Pause { until: old.until.max(pause.until), all: old.all || pause.all },
            _ => pause,
        });
    }

    pub(crate) fn end(&mut self, purpose: PausePurpose) -> bool {
        self.by_purpose[purpose as usize].take().is_some()
    }

    pub(crate) fn forget_ended(&mut self, now: Millis) -> bool {
        let mut ended = false;
        for slot in &mut self.by_purpose {
            ended |= slot.take_if(|pause| pause.until <= now).is_some();
        }
        ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pause(until: Millis, all: bool) -> Pause {
        Pause { until, all }
    }

    #[test]
    fn the_strictest_pause_holds_and_ending_one_leaves_the_others() {
        let mut pauses = Pauses::default();
        pauses.begin(PausePurpose::Client, pause(100, true), 0);
        pauses.begin(PausePurpose::Takeover, pause(300, false), 0);
        assert!(pauses.hold_all(50) && pauses.hold_writes(50));
        assert!(!pauses.hold_all(150) && pauses.hold_writes(150));
        assert!(pauses.end(PausePurpose::Client));
        assert!(!pauses.hold_all(50) && pauses.hold_writes(50));
        assert!(!pauses.end(PausePurpose::Shutdown));
        assert!(pauses.forget_ended(300) && !pauses.any());
    }

    #[test]
    fn a_pause_that_runs_is_never_shortened_or_softened() {
        let mut pauses = Pauses::default();
        pauses.begin(PausePurpose::Client, pause(100, true), 0);
        pauses.begin(PausePurpose::Client, pause(50, false), 0);
        assert!(pauses.hold_all(99));
        pauses.begin(PausePurpose::Client, pause(150, false), 100);
        assert!(!pauses.hold_all(120) && pauses.hold_writes(120));
    }
}
