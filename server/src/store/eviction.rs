//! Which key to evict: sampled approximations of LRU, LFU, TTL order, and random choice, by `maxmemory-policy`.

use super::access::{AccessRule, idle_ms};
use super::entry::EntryRef;
use super::keyspace::Keyspace;

/// What `maxmemory-policy` means for choosing keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    /// Evict nothing, and refuse writes instead.
    #[default]
    NoEviction,
    /// Evict keys by `order`; only those with an expiry if `volatile`.
    Evict {
        /// Only keys with an expiry.
        volatile: bool,
        /// Which keys are evicted first.
        order: Order,
    },
}

/// Which keys are evicted first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The key used longest ago.
    LeastRecent,
    /// The key used least often.
    LeastFrequent,
    /// The key that expires first.
    SoonestExpiry,
    /// Any key, at random.
    Random,
}

/// How many candidates are remembered between evictions.
const POOL: usize = 16;

/// The eviction pool: the best candidates seen so far, by score; the highest is evicted first.
#[derive(Debug, Default)]
pub struct Pool {
    candidates: Vec<Candidate>,
    next_db: usize,
}

#[derive(Debug)]
struct Candidate {
    score: u64,
    db: usize,
    key: Vec<u8>,
}

impl Keyspace {
    /// The database and key to evict next; `None` if the policy allows no key.
    pub fn pick_victim(&mut self, volatile: bool, order: Order, samples: usize) -> Option<(usize, Vec<u8>)> {
        if order == Order::Random {
            return self.random_victim(volatile);
        }
        loop {
            let mut any = false;
            for db in 0..self.dbs.len() {
                let keys = if volatile { self.dbs[db].expires() } else { self.dbs[db].len() };
                any |= keys > 0;
                for _ in 0..samples.min(keys) {
                    let Some(entry) = self.dbs[db].table.random(&mut self.random, volatile) else { break };
                    self.eviction_pool.offer(score(entry, order, self.access, self.now), db, entry.key());
                }
            }
            if !any {
                return None;
            }
            while let Some(best) = self.eviction_pool.candidates.pop() {
                let entry = self.dbs[best.db].get(&best.key);
                if entry.is_some_and(|entry| !volatile || entry.expire().is_some()) {
                    return Some((best.db, best.key));
                }
            }
        }
    }

    fn random_victim(&mut self, volatile: bool) -> Option<(usize, Vec<u8>)> {
        for _ in 0..self.dbs.len() {
            let db = self.eviction_pool.next_db % self.dbs.len();
            self.eviction_pool.next_db += 1;
            if let Some(entry) = self.dbs[db].table.random(&mut self.random, volatile) {
                return Some((db, entry.key().to_vec()));
            }
        }
        None
    }
}

fn score(entry: EntryRef<'_>, order: Order, access: AccessRule, now: i64) -> u64 {
    match order {
        Order::LeastRecent => idle_ms(entry.access(), now),
        Order::LeastFrequent => 255 - u64::from(access.decayed(entry.access(), now)),
        Order::SoonestExpiry => u64::MAX - entry.expire().unwrap_or(i64::MAX) as u64,
        Order::Random => 0,
    }
}

impl Pool {
    fn offer(&mut self, score: u64, db: usize, key: &[u8]) {
        let at = self.candidates.partition_point(|candidate| candidate.score < score);
        let full = self.candidates.len() >= POOL;
        if (full && at == 0) || self.candidates.iter().any(|candidate| candidate.db == db && candidate.key == key) {
            return;
        }
        if full {
            self.candidates.remove(0);
        }
        let at = if full { at - 1 } else { at };
        self.candidates.insert(at, Candidate { score, db, key: key.to_vec() });
    }
}
