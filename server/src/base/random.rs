//! Randomness: a small, fast generator, and the process's hash secret. The generator is not for secrets that leave the
//! process: those come from [`fill_from_os`].

use std::fs::File;
use std::io::Read;
use std::sync::OnceLock;

/// A wyrand-style generator: 64 bits of state and one multiplication per number.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// A generator that yields the same numbers for the same seed.
    pub fn from_seed(seed: u64) -> Self {
        Self(seed)
    }

    /// A generator seeded by the operating system.
    pub fn from_os() -> Self {
        let mut seed = [0; 8];
        fill_from_os(&mut seed);
        Self(u64::from_le_bytes(seed))
    }

    /// The next 64 random bits.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0xa076_1d64_78bd_642f);
        let wide = u128::from(self.0) * u128::from(self.0 ^ 0xe703_7ed1_a0b4_28db);
        (wide >> 64) as u64 ^ wide as u64
    }

    /// A random number below `bound`, which must not be zero. The bias is below 2^-32 for bounds that fit in memory.
    #[inline]
    pub fn below(&mut self, bound: usize) -> usize {
        debug_assert!(bound > 0, "an empty range has no member");
        ((u128::from(self.next_u64()) * bound as u128) >> 64) as usize
    }

    /// A random number in `[0, 1)`.
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// `N` hexadecimal digits, as run ids and replication ids use.
    pub fn hex<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| b"0123456789abcdef"[self.below(16)])
    }
}

/// Fills `bytes` from the operating system's generator.
pub fn fill_from_os(bytes: &mut [u8]) {
    let filled = File::open("/dev/urandom").and_then(|mut source| source.read_exact(bytes));
    if filled.is_err() {
        // Without the device, mix values that differ between processes. Only resistance to hash flooding depends on them.
        let mut fallback =
            Random(super::clock::monotonic_ns() ^ super::clock::now_us() as u64 ^ u64::from(std::process::id()));
        bytes.fill_with(|| fallback.next_u64() as u8);
    }
}

/// The keys of the keyspace's hash function: one secret per process, so that clients cannot provoke collisions.
pub fn hash_secret() -> &'static [u64; 4] {
    static SECRET: OnceLock<[u64; 4]> = OnceLock::new();
    SECRET.get_or_init(|| {
        let mut bytes = [0; 32];
        fill_from_os(&mut bytes);
        std::array::from_fn(|i| u64::from_le_bytes(std::array::from_fn(|j| bytes[i * 8 + j])))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn below_stays_below_and_reaches_every_number() {
        let mut random = Random::from_seed(7);
        let mut seen = [false; 10];
        (0..1000).for_each(|_| seen[random.below(10)] = true);
        assert!(seen.iter().all(|&hit| hit));
    }

    #[test]
    fn one_seed_replays_one_sequence() {
        let (mut a, mut b) = (Random::from_seed(1), Random::from_seed(1));
        assert!((0..100).all(|_| a.next_u64() == b.next_u64()));
    }
}
