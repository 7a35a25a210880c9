//! The cache of sessions that clients may resume: `tls-session-caching`, `tls-session-cache-size`,
//! `tls-session-cache-timeout`.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use rustls::server::StoresServerSessions;

use crate::base::clock::monotonic_ns;

/// The number of sessions that a size of 0 stands for, which means no limit in OpenSSL.
const NO_LIMIT: usize = 1 << 20;

/// Sessions by key. Each has a limited lifetime; the oldest are dropped first.
#[derive(Debug)]
pub struct Cache {
    size: usize,
    /// How long a session is kept, in nanoseconds.
    lifetime: u64,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    sessions: HashMap<Vec<u8>, (u64, Vec<u8>)>,
    /// Keys with the time at which they were added, oldest first. A key stays here after its session was taken.
    order: VecDeque<(u64, Vec<u8>)>,
}

impl Inner {
    fn forget_oldest(&mut self) {
        if let Some((at, key)) = self.order.pop_front()
            && self.sessions.get(&key).is_some_and(|(stored, _)| *stored == at)
        {
            self.sessions.remove(&key);
        }
    }
}

impl Cache {
    /// A cache for `size` sessions, each of which is kept for `seconds`.
    pub fn shared(size: u32, seconds: u32) -> Arc<Self> {
        let size = if size == 0 { NO_LIMIT } else { size as usize };
        Arc::new(Self { size, lifetime: u64::from(seconds) * 1_000_000_000, inner: Mutex::default() })
    }

    fn is_fresh(&self, stored: u64) -> bool {
        monotonic_ns().saturating_sub(stored) < self.lifetime
    }
}

impl StoresServerSessions for Cache {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        let now = monotonic_ns();
        let mut inner = self.inner.lock();
        while inner.order.len() >= self.size || inner.order.front().is_some_and(|(stored, _)| !self.is_fresh(*stored)) {
            inner.forget_oldest();
        }
        inner.order.push_back((now, key.clone()));
        inner.sessions.insert(key, (now, value));
        true
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        let inner = self.inner.lock();
        let (stored, value) = inner.sessions.get(key)?;
        self.is_fresh(*stored).then(|| value.clone())
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        let (stored, value) = self.inner.lock().sessions.remove(key)?;
        self.is_fresh(stored).then_some(value)
    }

    fn can_cache(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_session_makes_room_and_old_ones_are_forgotten() {
        let cache = Cache::shared(2, 60);
        for key in 0..3u8 {
            assert!(cache.put(vec![key], vec![key]));
        }
        assert_eq!((cache.get(&[0]), cache.get(&[1]), cache.take(&[2])), (None, Some(vec![1]), Some(vec![2])));
        assert_eq!(cache.take(&[2]), None);
        let short = Cache::shared(0, 0);
        short.put(vec![1], vec![1]);
        assert_eq!(short.get(&[1]), None);
    }
}
