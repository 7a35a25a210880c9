//! The 24-bit access clock of an entry: when it was last used (LRU), or how often (LFU).
//!
//! LRU: seconds modulo 2^24. LFU: sixteen bits of minutes since the last decay, eight bits of a logarithmic counter that a
//! hit raises with probability `1 / (base * log_factor + 1)`.

use crate::base::clock::Millis;
use crate::base::random::Random;

/// The counter of a new key: high enough not to be evicted at once.
pub const LFU_INIT: u32 = 5;
const CLOCK_MAX: u32 = (1 << 24) - 1;

/// How accesses are recorded: the policy's kind and its parameters.
#[derive(Debug, Clone, Copy)]
pub struct AccessRule {
    /// LFU instead of LRU.
    pub lfu: bool,
    /// `lfu-log-factor`.
    pub log_factor: u32,
    /// `lfu-decay-time`, in minutes.
    pub decay_minutes: u32,
}

impl AccessRule {
    /// The clock of a key that is created now.
    #[inline]
    pub fn fresh(self, now: Millis) -> u32 {
        if self.lfu { minutes(now) << 8 | LFU_INIT } else { lru_clock(now) }
    }

    /// The clock after an access.
    #[inline]
    pub fn touched(self, clock: u32, now: Millis, random: &mut Random) -> u32 {
        if !self.lfu {
            return lru_clock(now);
        }
        let counter = self.decayed(clock, now);
        let base = f64::from(counter.saturating_sub(LFU_INIT));
        let raised = counter < 255 && random.unit() < 1.0 / (base * f64::from(self.log_factor) + 1.0);
        minutes(now) << 8 | (counter + u32::from(raised))
    }

    /// The LFU counter after the decay that is due.
    pub fn decayed(self, clock: u32, now: Millis) -> u32 {
        let elapsed = minutes(now).wrapping_sub(clock >> 8) & 0xffff;
        let periods = elapsed.checked_div(self.decay_minutes).unwrap_or(0);
        (clock & 0xff).saturating_sub(periods)
    }
}

fn minutes(now: Millis) -> u32 {
    (now / 60_000) as u32 & 0xffff
}

/// The time in seconds modulo 2^24, the form of an LRU clock.
#[inline]
pub fn lru_clock(now: Millis) -> u32 {
    (now / 1000) as u32 & CLOCK_MAX
}

/// Milliseconds since the access that `clock` recorded.
pub fn idle_ms(clock: u32, now: Millis) -> u64 {
    u64::from(lru_clock(now).wrapping_sub(clock) & CLOCK_MAX) * 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lru_wraps_without_negative_idle_times() {
        assert_eq!(idle_ms(CLOCK_MAX, 0), 1000);
        assert_eq!(idle_ms(lru_clock(50_000), 53_000), 3000);
    }

    #[test]
    fn lfu_decays_by_the_minutes_that_passed() {
        let rule = AccessRule { lfu: true, log_factor: 10, decay_minutes: 1 };
        assert_eq!(rule.decayed(rule.fresh(0), 3 * 60_000), LFU_INIT - 3);
        let mut random = Random::from_seed(1);
        assert!((0..100).fold(rule.fresh(0), |clock, _| rule.touched(clock, 0, &mut random)) & 0xff > LFU_INIT);
    }
}
