//! TILT: after the clock has jumped, conclusions that depend on time are not trusted for a while.
//!
//! Inside the machine time never goes back: a clock that was set back counts as a jump, and the time continues from where it
//! was.

use super::state::Sentinel;
use crate::base::clock::Millis;
use crate::base::level::Level;

/// Whether we are in TILT, and how the machine's time differs from the time outside.
#[derive(Debug, Default)]
pub struct Tilt {
    since: Option<Millis>,
    skew: Millis,
    started: bool,
}

impl Tilt {
    /// Our time at a time outside.
    pub fn inside(&self, outside: Millis) -> Millis {
        outside.saturating_add(self.skew)
    }

    /// The time outside at a time of ours.
    pub fn outside(&self, inside: Millis) -> Millis {
        inside.saturating_sub(self.skew)
    }
}

impl Sentinel {
    /// Takes the new time over, and mistrusts it where it jumped.
    pub(super) fn watch_the_clock(&mut self, outside: Millis) {
        let (last, mut now) = (self.moment.now, self.tilt.inside(outside));
        let back = now < last;
        if back {
            self.tilt.skew += last - now;
            now = last;
        }
        self.moment.now = now;
        let jumped = self.tilt.started && (back || now - last > self.timing.tilt_trigger);
        self.tilt.started = true;
        if jumped {
            self.tilt.since = Some(now);
            self.emit_text(Level::Warning, "+tilt", None, "#tilt mode entered".into());
        } else if self.tilt.since.is_some_and(|since| now - since >= self.timing.tilt_period) {
            self.tilt.since = None;
            self.emit_text(Level::Warning, "-tilt", None, "#tilt mode exited".into());
        }
    }

    /// Whether time is not trusted now. Asks to be woken when it is again.
    pub(super) fn is_tilted(&self) -> bool {
        let Some(since) = self.tilt.since else { return false };
        self.moment.has_come(since + self.timing.tilt_period);
        true
    }

    /// Since when time is not trusted.
    pub fn tilted_since(&self) -> Option<Millis> {
        self.tilt.since
    }
}
