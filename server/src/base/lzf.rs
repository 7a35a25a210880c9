//! LZF, the byte-oriented compression of long strings in RDB files and of inner list nodes.
//!
//! The format is a sequence of runs. A control byte below 32 announces `n + 1` literal bytes; any other one is a back
//! reference: three bits of length (7 means that another byte of length follows), five high bits of distance, then a byte of
//! low bits. The format leaves the choice of references to the compressor. This one makes the same choices as Redis's,
//! because clients compare DUMP payloads, which should not depend on the engine that wrote them.

const HASH_BITS: u32 = 16;
const MAX_LITERALS: usize = 32;
const MAX_DISTANCE: usize = 1 << 13;
const MAX_LENGTH: usize = (1 << 8) + (1 << 3);

/// Compresses `data` onto the end of `out` if the result takes at most `limit` bytes.
///
/// Returns false, and appends nothing, if it does not fit.
pub fn compress(data: &[u8], limit: usize, out: &mut Vec<u8>) -> bool {
    thread_local! {
        static TABLE: std::cell::RefCell<Positions> = std::cell::RefCell::default();
    }
    if data.is_empty() || limit == 0 || data.len() >= u32::MAX as usize {
        return false;
    }
    let start = out.len();
    let fits = TABLE.with_borrow_mut(|table| {
        table.begin(data.len());
        Compressor { data, out, start, limit, literals: 0 }.run(table)
    });
    if !fits {
        out.truncate(start);
    }
    fits
}

/// The last position of each hash.
///
/// Clearing 256 KiB before each string of a few dozen bytes would cost far more than compressing it. So positions are stored
/// relative to a base that grows with every string: values below it belong to earlier strings and read as 0.
#[derive(Default)]
struct Positions {
    slots: Vec<u32>,
    base: u32,
    /// The length of the present string, by which the base grows next.
    length: u32,
}

impl Positions {
    fn begin(&mut self, length: usize) {
        // The caller refuses longer strings.
        let length = length as u32;
        match self.base.checked_add(self.length + 1).filter(|base| base.checked_add(length).is_some()) {
            Some(base) if !self.slots.is_empty() => self.base = base,
            _ => {
                self.slots.clear();
                self.slots.resize(1 << HASH_BITS, 0);
                self.base = 1;
            }
        }
        self.length = length;
    }

    fn replace(&mut self, slot: usize, at: usize) -> usize {
        std::mem::replace(&mut self.slots[slot], self.base + at as u32).saturating_sub(self.base) as usize
    }
}

struct Compressor<'a> {
    data: &'a [u8],
    out: &'a mut Vec<u8>,
    start: usize,
    limit: usize,
    /// Literals in the open run; its control byte is already in `out`.
    literals: usize,
}

impl Compressor<'_> {
    fn used(&self) -> usize {
        self.out.len() - self.start
    }

    fn slot(&self, at: usize) -> usize {
        let window = &self.data[at..at + 3];
        let hash = u32::from(window[0]) << 16 | u32::from(window[1]) << 8 | u32::from(window[2]);
        (((hash >> (24 - HASH_BITS)).wrapping_sub(hash.wrapping_mul(5))) & ((1 << HASH_BITS) - 1)) as usize
    }

    fn run(mut self, table: &mut Positions) -> bool {
        let data = self.data;
        self.out.push(0);
        let last = data.len().saturating_sub(2);
        let mut at = 0;
        while at < last {
            let slot = self.slot(at);
            let candidate = table.replace(slot, at);
            // An empty slot reads as position 0, which is therefore never referred to.
            let usable = candidate > 0 && candidate < at && at - candidate - 1 < MAX_DISTANCE;
            if !usable || data[candidate..candidate + 3] != data[at..at + 3] {
                if !self.literal(data[at]) {
                    return false;
                }
                at += 1;
                continue;
            }
            let length = match_length(data, candidate, at);
            if !self.reference(at - candidate - 1, length) {
                return false;
            }
            at += length;
            if at >= last {
                break;
            }
            // Only the last two positions of a match are entered into the table.
            for back in [2, 1] {
                let slot = self.slot(at - back);
                table.replace(slot, at - back);
            }
        }
        if self.used() + 3 > self.limit {
            return false;
        }
        for &byte in &data[at..] {
            self.push_literal(byte);
        }
        self.close_run();
        self.used() <= self.limit
    }

    fn literal(&mut self, byte: u8) -> bool {
        if self.used() >= self.limit {
            return false;
        }
        self.push_literal(byte);
        true
    }

    fn push_literal(&mut self, byte: u8) {
        self.literals += 1;
        self.out.push(byte);
        if self.literals == MAX_LITERALS {
            self.close_run();
            self.out.push(0);
        }
    }

    /// Writes the open run's control byte, or drops it if the run is empty.
    fn close_run(&mut self) {
        if self.literals == 0 {
            self.out.pop();
        } else {
            let control = self.out.len() - self.literals - 1;
            self.out[control] = (self.literals - 1) as u8;
            self.literals = 0;
        }
    }

    fn reference(&mut self, distance: usize, length: usize) -> bool {
        if self.used() - usize::from(self.literals == 0) + 4 >= self.limit {
            return false;
        }
        self.close_run();
        let code = length - 2;
        let high = (distance >> 8) as u8;
        if code < 7 {
            self.out.push(high + ((code as u8) << 5));
        } else {
            self.out.push(high + (7 << 5));
            self.out.push((code - 7) as u8);
        }
        self.out.push(distance as u8);
        self.out.push(0);
        true
    }
}

/// How many bytes at `at` repeat those at `candidate`; the first three are known to match.
///
/// The last two bytes of the data are left to literals, except that a long candidate's first sixteen bytes are compared
/// regardless of that limit.
fn match_length(data: &[u8], candidate: usize, at: usize) -> usize {
    let limit = (data.len() - at - 2).min(MAX_LENGTH);
    let mut length = 2;
    if limit > 16 {
        for _ in 0..16 {
            length += 1;
            if data[candidate + length] != data[at + length] {
                return length;
            }
        }
    }
    loop {
        length += 1;
        if length >= limit || data[candidate + length] != data[at + length] {
            return length;
        }
    }
}

/// The error for malformed compressed data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid LZF compressed data")]
pub struct LzfError;

/// Expands `data` onto the end of `out`; the result must take exactly `length` bytes.
///
/// # Errors
/// [`LzfError`] if the data is malformed or of another length; `out` is then as it was. Memory is allocated as the data
/// requires it, not as `length` announces.
pub fn decompress(data: &[u8], length: usize, out: &mut Vec<u8>) -> Result<(), LzfError> {
    let start = out.len();
    // Three bytes expand to at most MAX_LENGTH.
    if length > data.len().saturating_mul(MAX_LENGTH) {
        return Err(LzfError);
    }
    out.reserve(length);
    let done = expand(data, start, length, out);
    if done.is_none() || out.len() - start != length {
        out.truncate(start);
        return Err(LzfError);
    }
    Ok(())
}

fn expand(data: &[u8], start: usize, length: usize, out: &mut Vec<u8>) -> Option<()> {
    let mut rest = data;
    while let [control, tail @ ..] = rest {
        let control = usize::from(*control);
        if control < MAX_LITERALS {
            let literals = tail.get(..control + 1)?;
            if out.len() - start + literals.len() > length {
                return None;
            }
            out.extend_from_slice(literals);
            rest = &tail[control + 1..];
            continue;
        }
        let mut count = control >> 5;
        let mut tail = tail;
        if count == 7 {
            count += usize::from(*tail.first()?);
            tail = &tail[1..];
        }
        let distance = ((control & 0x1f) << 8 | usize::from(*tail.first()?)) + 1;
        rest = &tail[1..];
        count += 2;
        let produced = out.len() - start;
        if distance > produced || produced + count > length {
            return None;
        }
        let from = out.len() - distance;
        if distance >= count {
            out.extend_from_within(from..from + count);
        } else {
            for at in from..from + count {
                out.push(out[at]);
            }
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(data: &[u8]) {
        let mut packed = Vec::new();
        if compress(data, data.len() * 2 + 16, &mut packed) {
            let mut plain = b"x".to_vec();
            decompress(&packed, data.len(), &mut plain).unwrap();
            assert_eq!(&plain[1..], data);
        }
    }

    #[test]
    fn repetition_is_compressed_as_redis_does() {
        let mut packed = Vec::new();
        assert!(compress(&[b'a'; 30], 26, &mut packed));
        assert_eq!(packed, [1, b'a', b'a', 0xe0, 17, 0, 1, b'a', b'a']);
    }

    /// A deterministic generator of compressible text.
    fn sample(seed: u64, length: usize, letters: u64) -> Vec<u8> {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut data = Vec::with_capacity(length);
        while data.len() < length {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let pick = state >> 33;
            if pick.is_multiple_of(3) && data.len() > 8 {
                let from = (pick >> 8) as usize % (data.len() - 4);
                let count = (pick >> 4) as usize % 300 % (data.len() - from);
                data.extend_from_within(from..from + count);
            } else {
                data.push((pick >> 2) as u8 % letters as u8);
            }
        }
        data.truncate(length);
        data
    }

    #[test]
    fn dump_payloads_equal_the_real_servers() {
        let Some(mut redis) = crate::upstream::Upstream::start(&[]) else {
            return;
        };
        for seed in 0..400u64 {
            let length = 21 + (seed * seed) as usize % 20000;
            let data = sample(seed, length, 2 + seed % 200);
            redis.call(&[b"SET", b"k".as_slice(), &data]);
            let payload = redis.dump(b"k");
            let mut packed = Vec::new();
            let fits = compress(&data, data.len() - 4, &mut packed);
            assert_eq!(fits, payload[1] == 0xc3, "seed {seed}");
            if fits {
                let body = &payload[2..payload.len() - 10];
                assert!(body.ends_with(&packed), "seed {seed} length {length}");
                let header = body.len() - packed.len();
                assert!(header <= 10, "seed {seed}: the real payload is longer");
            }
        }
    }

    #[test]
    fn what_does_not_fit_leaves_the_output_alone() {
        let data: Vec<u8> = (0..=255).collect();
        let mut out = b"keep".to_vec();
        assert!(!compress(&data, 252, &mut out));
        assert_eq!(out, b"keep");
    }

    #[test]
    fn malformed_input_is_refused() {
        for bad in [&[5u8, 1][..], &[0x20, 0], &[0xe0], &[0xe0, 1], &[0, 1, 0x20, 5], &[0, 1, 0, 2]] {
            let mut out = Vec::new();
            assert_eq!(decompress(bad, 1, &mut out), Err(LzfError));
            assert!(out.is_empty());
        }
        assert_eq!(decompress(&[0, 1], usize::MAX, &mut Vec::new()), Err(LzfError));
    }

    proptest::proptest! {
        #[test]
        fn what_is_compressed_expands_to_itself(data in proptest::collection::vec(0u8..4, 0..3000)) {
            round_trip(&data);
        }

        #[test]
        fn any_bytes_expand_without_panic(data: Vec<u8>, length in 0usize..5000) {
            let mut out = Vec::new();
            let _ = decompress(&data, length, &mut out);
        }
    }
}
