//! Active expiry: finding and deleting expired keys that no client accesses, with bounded effort.
//!
//! Background. Redis samples a hash table of expiries. Here the slots of the table say which entries expire, so a cycle
//! walks the slots in order and examines only those entries. It continues while more than a tenth of them had expired, until
//! the caller's clock stops it.

use super::keyspace::Keyspace;
use super::table::CURSOR_END;

/// How many slots are examined between two checks of the time.
const STEP: usize = 2048;

/// What a cycle did.
#[derive(Debug, Clone, Copy, Default)]
pub struct ExpiryCycle {
    /// The number of keys deleted.
    pub expired: usize,
    /// Whether the time limit stopped the cycle before it was done.
    pub out_of_time: bool,
    /// The fraction of examined keys that had expired, 0 to 1.
    pub stale: f64,
}

impl Keyspace {
    /// Deletes expired keys in all databases until few are left or `time_is_up`.
    pub fn expire_cycle(&mut self, mut time_is_up: impl FnMut() -> bool) -> ExpiryCycle {
        let mut cycle = ExpiryCycle::default();
        let (mut seen, mut stale) = (0usize, 0usize);
        for db in 0..self.dbs.len() {
            loop {
                if self.dbs[db].expires() == 0 {
                    self.dbs[db].average_ttl = 0;
                    break;
                }
                let (step_seen, step_stale) = self.expire_step(db);
                seen += step_seen;
                stale += step_stale;
                if time_is_up() {
                    cycle.out_of_time = true;
                    break;
                }
                if step_stale * 10 <= step_seen {
                    break;
                }
            }
            if cycle.out_of_time {
                break;
            }
        }
        cycle.expired = stale;
        cycle.stale = if seen > 0 { stale as f64 / seen as f64 } else { 0.0 };
        cycle
    }

    fn expire_step(&mut self, number: usize) -> (usize, usize) {
        let now = self.now;
        let db = &mut self.dbs[number];
        let mut victims: Vec<Vec<u8>> = Vec::new();
        let (mut seen, mut ttl_sum, mut live) = (0, 0i64, 0i64);
        let next = db.table.walk_expiring(db.expire_cursor, STEP, |entry| {
            let Some(at) = entry.expire() else { return };
            seen += 1;
            if at < now {
                victims.push(entry.key().to_vec());
            } else {
                ttl_sum = ttl_sum.saturating_add(at - now);
                live += 1;
            }
        });
        db.expire_cursor = if next >= CURSOR_END { 0 } else { next };
        if live > 0 {
            let sample = ttl_sum / live;
            // A moving average with Redis's weight of 2 % for the new sample.
            db.average_ttl = if db.average_ttl == 0 { sample } else { db.average_ttl / 50 * 49 + sample / 50 };
        }
        victims.retain(|key| !self.is_incoming(key));
        for key in &victims {
            self.expire_now(number, key);
        }
        (seen, victims.len())
    }
}
