//! Why commands of clients are held back: CLIENT PAUSE, FAILOVER, a shutdown that waits, a manual failover of a cluster.
//!
//! Each purpose has a pause of its own, and taking one back leaves the others. What counts is the strictest kind among those
//! that run, until the latest of their ends: as in Redis, CLIENT UNPAUSE must not let writes through in the middle of a
//! failover, nor may an aborted shutdown end what an operator had paused.

use super::client::BlockKind;
use super::client::Unblock;
use super::server::{Order, Server};
use crate::base::clock::Millis;

/// Who holds commands back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// CLIENT PAUSE.
    Client,
    /// SHUTDOWN while it waits for replicas.
    Shutdown,
    /// FAILOVER.
    Failover,
    /// CLUSTER FAILOVER: our replica is about to take over.
    Takeover,
}

const PURPOSES: usize = 4;

/// A pause for one purpose.
#[derive(Debug, Clone, Copy)]
struct Pause {
    /// Until when, Unix milliseconds.
    until: Millis,
    /// All commands, not only those that may write.
    all: bool,
}

/// All pauses that run.
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

    /// Whether any pause was begun and has not been noticed to have ended.
    #[inline]
    pub fn any(&self) -> bool {
        self.by_purpose.iter().any(Option::is_some)
    }

    /// When the first of the pauses ends, Unix milliseconds.
    pub fn next_end(&self) -> Option<Millis> {
        self.by_purpose.iter().flatten().map(|pause| pause.until).min()
    }

    /// Prolongs and tightens the pause for a purpose, or begins it: one that runs is never shortened or softened.
    fn begin(&mut self, purpose: Purpose, pause: Pause, now: Millis) {
        let slot = &mut self.by_purpose[purpose as usize];
        *slot = Some(match *slot {
            Some(old) if old.until > now => Pause { until: old.until.max(pause.until), all: old.all || pause.all },
            _ => pause,
        });
    }

    fn end(&mut self, purpose: Purpose) -> bool {
        self.by_purpose[purpose as usize].take().is_some()
    }

    fn forget_ended(&mut self, now: Millis) -> bool {
        let mut ended = false;
        for slot in &mut self.by_purpose {
            ended |= slot.take_if(|pause| pause.until <= now).is_some();
        }
        ended
    }
}

impl Server {
    /// Holds commands back until then, Unix milliseconds: all, or those that may write.
    pub fn pause_clients(&mut self, purpose: Purpose, until: Millis, all: bool) {
        self.pauses.begin(purpose, Pause { until, all }, self.now);
        self.refresh_gate();
        self.orders.push(Order::Rearm);
    }

    /// Takes the pause for a purpose back; the others stay.
    pub fn resume_clients(&mut self, purpose: Purpose) {
        if self.pauses.end(purpose) {
            self.pauses_changed();
        }
    }

    /// Forgets pauses whose time is up.
    pub(super) fn end_due_pauses(&mut self) {
        if self.pauses.any() && self.pauses.forget_ended(self.now) {
            self.pauses_changed();
        }
    }

    fn pauses_changed(&mut self) {
        self.refresh_gate();
        self.orders.push(Order::Rearm);
        self.retry_held_back();
    }

    /// What held the primary's stream back may be over.
    pub(super) fn wake_held_back_primary(&mut self) {
        if let Some(primary) = self.held_back_primary.take().and_then(|id| self.clients.by_id(id)) {
            primary.signal.raise();
        }
    }

    /// Whoever was held back tries again; one for whom another pause holds waits on.
    pub(super) fn retry_held_back(&mut self) {
        self.wake_held_back_primary();
        let held_back = |id: &u64| {
            let block = self.clients.by_id(*id).and_then(|client| client.block.as_deref());
            block.is_some_and(|block| matches!(block.kind, BlockKind::Pause))
        };
        let waiting: Vec<u64> = self.blocked.iter().filter(held_back).collect();
        waiting.into_iter().for_each(|id| self.unblock_by_id(id, Unblock::Retry));
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
        pauses.begin(Purpose::Client, pause(100, true), 0);
        pauses.begin(Purpose::Takeover, pause(300, false), 0);
        assert!(pauses.hold_all(50) && pauses.hold_writes(50));
        assert!(!pauses.hold_all(150) && pauses.hold_writes(150));
        assert!(pauses.end(Purpose::Client));
        assert!(!pauses.hold_all(50) && pauses.hold_writes(50));
        assert!(!pauses.end(Purpose::Shutdown));
        assert!(pauses.forget_ended(300) && !pauses.any());
    }

    #[test]
    fn a_pause_that_runs_is_never_shortened_or_softened() {
        let mut pauses = Pauses::default();
        pauses.begin(Purpose::Client, pause(100, true), 0);
        pauses.begin(Purpose::Client, pause(50, false), 0);
        assert!(pauses.hold_all(99));
        pauses.begin(Purpose::Client, pause(150, false), 100);
        assert!(!pauses.hold_all(120) && pauses.hold_writes(120));
    }
}
