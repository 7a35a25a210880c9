//! HyperLogLogs: strings that estimate how many different elements they have seen, bit for bit as Redis keeps them.
//!
//! # Background
//! 16384 registers, each the longest run of zero bits (plus one) seen in the hashes that chose it. A string starts with a
//! header of sixteen bytes: `HYLL`, the representation, three unused bytes, and the last estimate, whose top bit says that
//! it is out of date. The dense representation packs six bits a register. The sparse one is a list of runs: zeros (one byte
//! up to 64, two bytes beyond) and values up to 32 (one byte for up to four equal registers). Clients copy these strings,
//! and DUMP shows them, so runs are split and merged exactly as in Redis.
//!
//! Everything works on the string's bytes; they may have been written by SET, so each walk checks what it reads.

const REGISTERS: usize = 1 << 14;
const REGISTER_BITS: usize = 6;
const REGISTER_MAX: u8 = 63;
/// The number of hash bits in which zeros are counted.
const Q: usize = 50;
const HEADER: usize = 16;
const DENSE_SIZE: usize = HEADER + REGISTERS * REGISTER_BITS / 8;
const MAGIC: &[u8; 4] = b"HYLL";
const DENSE: u8 = 0;
const SPARSE: u8 = 1;
const HASH_SEED: u64 = 0xadc8_3b19;
const ALPHA: f64 = 0.721_347_520_444_481_7;

/// The longest run of zeros that one byte can stand for.
const ZERO_MAX: usize = 64;
/// The highest value of a register in a sparse string.
const VALUE_MAX: u8 = 32;
/// The longest run of equal registers that one byte can stand for.
const VALUE_RUN_MAX: usize = 4;

/// A string looked like a HyperLogLog but is damaged: `INVALIDOBJ Corrupted HLL object detected`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("INVALIDOBJ Corrupted HLL object detected")]
pub struct CorruptHll;

/// All registers, a byte each.
pub type Registers = Box<[u8; REGISTERS]>;

/// All registers at zero.
pub fn no_registers() -> Registers {
    Box::new([0; REGISTERS])
}

/// A new, empty, sparse HyperLogLog.
pub fn create() -> Vec<u8> {
    let mut bytes = vec![0; HEADER + 2];
    bytes[..4].copy_from_slice(MAGIC);
    bytes[4] = SPARSE;
    bytes[HEADER..].copy_from_slice(&Run::Zeros(REGISTERS).encode().0[..2]);
    bytes
}

/// Whether a string is a HyperLogLog, judging by its header and size.
pub fn is_hll(bytes: &[u8]) -> bool {
    bytes.len() >= HEADER
        && bytes.starts_with(MAGIC)
        && (bytes[4] == SPARSE || (bytes[4] == DENSE && bytes.len() == DENSE_SIZE))
}

/// Whether a HyperLogLog is dense.
pub fn is_dense(bytes: &[u8]) -> bool {
    bytes[4] == DENSE
}

/// The estimate that the string remembers, if nothing was added since.
pub fn cached_count(bytes: &[u8]) -> Option<u64> {
    let mut card = [0; 8];
    card.copy_from_slice(&bytes[8..HEADER]);
    (card[7] & 0x80 == 0).then(|| u64::from_le_bytes(card))
}

/// Remembers an estimate.
pub fn cache_count(bytes: &mut [u8], count: u64) {
    bytes[8..HEADER].copy_from_slice(&count.to_le_bytes());
}

/// Marks the remembered estimate as out of date.
pub fn invalidate(bytes: &mut [u8]) {
    bytes[HEADER - 1] |= 0x80;
}

/// MurmurHash2, the 64-bit variant.
fn murmur64(data: &[u8]) -> u64 {
    const M: u64 = 0xc6a4_a793_5bd1_e995;
    const R: u32 = 47;
    let mut hash = HASH_SEED ^ (data.len() as u64).wrapping_mul(M);
    let (blocks, tail) = data.as_chunks::<8>();
    for block in blocks {
        let mut word = u64::from_le_bytes(*block).wrapping_mul(M);
        word ^= word >> R;
        hash = (hash ^ word.wrapping_mul(M)).wrapping_mul(M);
    }
    if !tail.is_empty() {
        let word = tail.iter().rev().fold(0u64, |word, byte| (word << 8) | u64::from(*byte));
        hash = (hash ^ word).wrapping_mul(M);
    }
    hash ^= hash >> R;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> R)
}

/// The register that an element chooses, and the value that it asks for.
fn place(element: &[u8]) -> (usize, u8) {
    let hash = murmur64(element);
    let index = hash as usize & (REGISTERS - 1);
    // The bit after the last counted one ends every run.
    let rest = (hash >> 14) | (1 << Q);
    (index, rest.trailing_zeros() as u8 + 1)
}

/// Adds an element; true if the string changed. `sparse_limit` is `hll-sparse-max-bytes`.
///
/// # Errors
/// [`CorruptHll`] if a sparse string is damaged.
pub fn add(bytes: &mut Vec<u8>, element: &[u8], sparse_limit: usize) -> Result<bool, CorruptHll> {
    let (index, value) = place(element);
    let changed = set(bytes, index, value, sparse_limit)?;
    if changed {
        invalidate(bytes);
    }
    Ok(changed)
}

/// Raises a register to a value; true if it was lower.
fn set(bytes: &mut Vec<u8>, index: usize, value: u8, sparse_limit: usize) -> Result<bool, CorruptHll> {
    if is_dense(bytes) {
        Ok(dense_set(&mut bytes[HEADER..], index, value))
    } else {
        sparse_set(bytes, index, value, sparse_limit)
    }
}

fn dense_get(registers: &[u8], index: usize) -> u8 {
    let (byte, bit) = (index * REGISTER_BITS / 8, index * REGISTER_BITS % 8);
    let low = u16::from(registers[byte]);
    let high = u16::from(registers.get(byte + 1).copied().unwrap_or(0));
    ((low | high << 8) >> bit) as u8 & REGISTER_MAX
}

fn dense_set(registers: &mut [u8], index: usize, value: u8) -> bool {
    if dense_get(registers, index) >= value {
        return false;
    }
    let (byte, bit) = (index * REGISTER_BITS / 8, index * REGISTER_BITS % 8);
    let (mask, value) = (u16::from(REGISTER_MAX) << bit, u16::from(value) << bit);
    registers[byte] = registers[byte] & !(mask as u8) | value as u8;
    if let Some(next) = registers.get_mut(byte + 1) {
        *next = *next & !((mask >> 8) as u8) | (value >> 8) as u8;
    }
    true
}

/// A run of a sparse string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Run {
    Zeros(usize),
    Values(u8, usize),
}

impl Run {
    /// The run that starts `bytes`, and its bytes.
    fn decode(bytes: &[u8]) -> Option<(Run, usize)> {
        match *bytes {
            [head, ..] if head & 0x80 != 0 => Some((Run::Values((head >> 2 & 31) + 1, usize::from(head & 3) + 1), 1)),
            [head, low, ..] if head & 0x40 != 0 => {
                Some((Run::Zeros((usize::from(head & 0x3f) << 8 | usize::from(low)) + 1), 2))
            }
            [head, ..] if head & 0x40 == 0 => Some((Run::Zeros(usize::from(head) + 1), 1)),
            _ => None,
        }
    }

    fn encode(self) -> ([u8; 2], usize) {
        match self {
            Run::Values(value, length) => ([0x80 | (value - 1) << 2 | (length - 1) as u8, 0], 1),
            Run::Zeros(length) if length <= ZERO_MAX => ([(length - 1) as u8, 0], 1),
            Run::Zeros(length) => ([0x40 | ((length - 1) >> 8) as u8, (length - 1) as u8], 2),
        }
    }

    fn length(self) -> usize {
        match self {
            Run::Zeros(length) | Run::Values(_, length) => length,
        }
    }

    fn with_length(self, length: usize) -> Run {
        match self {
            Run::Zeros(_) => Run::Zeros(length),
            Run::Values(value, _) => Run::Values(value, length),
        }
    }
}

fn sparse_set(bytes: &mut Vec<u8>, index: usize, value: u8, limit: usize) -> Result<bool, CorruptHll> {
    if value > VALUE_MAX {
        return promote(bytes, index, value);
    }
    let (mut at, mut first, mut previous) = (HEADER, 0, None);
    let (run, size) = loop {
        let (run, size) = Run::decode(&bytes[at..]).ok_or(CorruptHll)?;
        if index < first + run.length() {
            break (run, size);
        }
        previous = Some(at);
        at += size;
        first += run.length();
    };
    if matches!(run, Run::Values(old, _) if old >= value) {
        return Ok(false);
    }
    let mut new = [0u8; 5];
    let mut used = 0;
    let (before, after) = (index - first, first + run.length() - 1 - index);
    let parts = [
        (before > 0, run.with_length(before.max(1))),
        (true, Run::Values(value, 1)),
        (after > 0, run.with_length(after.max(1))),
    ];
    for (_, part) in parts.into_iter().filter(|(there, _)| *there) {
        let (encoded, length) = part.encode();
        new[used..used + length].copy_from_slice(&encoded[..length]);
        used += length;
    }
    if used > size && bytes.len() + used - size > limit {
        return promote(bytes, index, value);
    }
    bytes.splice(at..at + size, new[..used].iter().copied());
    merge_runs(bytes, previous.unwrap_or(HEADER));
    invalidate(bytes);
    Ok(true)
}

/// Joins neighbouring runs of one value, looking at five runs.
fn merge_runs(bytes: &mut Vec<u8>, from: usize) {
    let mut at = from;
    let mut left = 5;
    while at < bytes.len() && left > 0 {
        left -= 1;
        let Some((run, size)) = Run::decode(&bytes[at..]) else { return };
        if let (Run::Values(value, length), Some((Run::Values(next, more), _))) = (run, Run::decode(&bytes[at + 1..]))
            && value == next
            && length + more <= VALUE_RUN_MAX
        {
            bytes[at + 1] = Run::Values(value, length + more).encode().0[0];
            bytes.remove(at);
            continue;
        }
        at += size;
    }
}

fn promote(bytes: &mut Vec<u8>, index: usize, value: u8) -> Result<bool, CorruptHll> {
    to_dense(bytes)?;
    Ok(dense_set(&mut bytes[HEADER..], index, value))
}

/// Makes a HyperLogLog dense.
///
/// # Errors
/// [`CorruptHll`] if a sparse string is damaged.
pub fn to_dense(bytes: &mut Vec<u8>) -> Result<(), CorruptHll> {
    if is_dense(bytes) {
        return Ok(());
    }
    let registers = registers(bytes)?;
    let mut dense = vec![0; DENSE_SIZE];
    dense[..HEADER].copy_from_slice(&bytes[..HEADER]);
    dense[4] = DENSE;
    for (index, value) in registers.iter().enumerate().filter(|(_, value)| **value > 0) {
        dense_set(&mut dense[HEADER..], index, *value);
    }
    *bytes = dense;
    Ok(())
}

/// Calls `visit` with each run of equal registers.
fn for_each_run(bytes: &[u8], mut visit: impl FnMut(usize, u8, usize)) -> Result<(), CorruptHll> {
    if is_dense(bytes) {
        (0..REGISTERS).for_each(|index| visit(index, dense_get(&bytes[HEADER..], index), 1));
        return Ok(());
    }
    let (mut at, mut index) = (HEADER, 0);
    while at < bytes.len() {
        let (run, size) = Run::decode(&bytes[at..]).ok_or(CorruptHll)?;
        if index + run.length() > REGISTERS {
            return Err(CorruptHll);
        }
        let value = if let Run::Values(value, _) = run { value } else { 0 };
        visit(index, value, run.length());
        index += run.length();
        at += size;
    }
    if index == REGISTERS { Ok(()) } else { Err(CorruptHll) }
}

/// All registers of a HyperLogLog.
///
/// # Errors
/// [`CorruptHll`] if a sparse string is damaged.
pub fn registers(bytes: &[u8]) -> Result<Registers, CorruptHll> {
    let mut registers = no_registers();
    merge(&mut registers, bytes)?;
    Ok(registers)
}

/// Raises registers to those of a HyperLogLog.
///
/// # Errors
/// [`CorruptHll`] if a sparse string is damaged.
pub fn merge(registers: &mut Registers, bytes: &[u8]) -> Result<(), CorruptHll> {
    for_each_run(bytes, |index, value, length| {
        if value > 0 {
            registers[index..index + length].iter_mut().for_each(|register| *register = value.max(*register));
        }
    })
}

/// Raises a HyperLogLog's registers to those given, one after the other.
///
/// # Errors
/// [`CorruptHll`] if a sparse string is damaged.
pub fn raise(bytes: &mut Vec<u8>, registers: &Registers, sparse_limit: usize) -> Result<(), CorruptHll> {
    for (index, value) in registers.iter().enumerate().filter(|(_, value)| **value > 0) {
        set(bytes, index, *value, sparse_limit)?;
    }
    invalidate(bytes);
    Ok(())
}

/// Estimates how many different elements a HyperLogLog has seen.
///
/// # Errors
/// [`CorruptHll`] if a sparse string is damaged.
pub fn count(bytes: &[u8]) -> Result<u64, CorruptHll> {
    let mut histogram = [0u32; 64];
    for_each_run(bytes, |_, value, length| histogram[usize::from(value)] += length as u32)?;
    Ok(estimate(&histogram))
}

/// Estimates how many different elements lead to these registers.
pub fn count_registers(registers: &Registers) -> u64 {
    let mut histogram = [0u32; 64];
    registers.iter().for_each(|value| histogram[usize::from(value & REGISTER_MAX)] += 1);
    estimate(&histogram)
}

/// Ertl's improved estimator (arXiv:1702.01284), from how many registers have each value.
fn estimate(histogram: &[u32; 64]) -> u64 {
    let m = REGISTERS as f64;
    let mut z = m * tau((m - f64::from(histogram[Q + 1])) / m);
    for value in (1..=Q).rev() {
        z = (z + f64::from(histogram[value])) * 0.5;
    }
    z += m * sigma(f64::from(histogram[0]) / m);
    (ALPHA * m * m / z).round() as u64
}

fn tau(x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut x, mut y, mut z) = (x, 1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x).powi(2) * y;
        if before == z {
            return z / 3.0;
        }
    }
}

fn sigma(x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut x, mut y, mut z) = (x, 1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if before == z {
            return z;
        }
    }
}

/// The runs of a sparse string as PFDEBUG DECODE prints them, damaged ones included, as far as they can be read.
pub fn describe(bytes: &[u8]) -> String {
    let mut parts = Vec::new();
    let mut at = HEADER;
    while at < bytes.len() {
        // A truncated run ends in the NUL that Redis keeps after every string.
        let cut = [bytes[at], 0];
        let Some((run, size)) = Run::decode(&bytes[at..]).or_else(|| Run::decode(&cut)) else { break };
        parts.push(match run {
            Run::Zeros(length) if size == 1 => format!("z:{length}"),
            Run::Zeros(length) => format!("Z:{length}"),
            Run::Values(value, length) => format!("v:{value},{length}"),
        });
        at += size;
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::{Reply, Upstream};

    #[test]
    fn strings_and_estimates_equal_the_real_servers() {
        let Some(mut redis) = Upstream::start(&[]) else { return };
        for (key, step, total) in [("a", 1, 50), ("b", 7, 3000), ("c", 1000, 120_000)] {
            let mut ours = create();
            for start in (0..total).step_by(step) {
                let elements: Vec<String> =
                    (start..(start + step).min(total)).map(|n| format!("{key}-element-{n}")).collect();
                let mut words = vec!["PFADD".to_owned(), key.to_owned()];
                words.extend(elements.iter().cloned());
                let reply = redis.call(&words);
                let changed =
                    elements.iter().fold(false, |changed, it| add(&mut ours, it.as_bytes(), 3000).unwrap() | changed);
                // The first call creates the key, which is a change in itself.
                assert!(start == 0 || reply == Reply::Integer(i64::from(changed)));
            }
            assert!(redis.call(&["GET", key]).bytes() == ours, "{key}");
            assert_eq!(redis.call(&["PFCOUNT", key]), Reply::Integer(count(&ours).unwrap() as i64));
            let estimated = count(&ours).unwrap();
            cache_count(&mut ours, estimated);
            assert!(redis.call(&["GET", key]).bytes() == ours, "{key} with its estimate");
            assert_eq!(cached_count(&ours), Some(estimated));
            if !is_dense(&ours) {
                let theirs = redis.call(&["PFDEBUG", "DECODE", key]).bytes();
                assert_eq!(describe(&ours).as_bytes(), theirs);
            }
        }
        for sources in [&["a"][..], &["a", "b"], &["a", "c"]] {
            let mut registers = no_registers();
            let mut words = vec!["PFMERGE", "d"];
            words.extend(sources);
            redis.call(&["DEL", "d"]);
            let mut dense = false;
            for source in sources {
                let bytes = redis.call(&["GET", source]).bytes();
                dense |= is_dense(&bytes);
                merge(&mut registers, &bytes).unwrap();
            }
            let mut merged = create();
            if dense {
                to_dense(&mut merged).unwrap();
            }
            raise(&mut merged, &registers, 3000).unwrap();
            redis.call(&words);
            assert!(redis.call(&["GET", "d"]).bytes() == merged, "{sources:?}");
            assert_eq!(redis.call(&["PFCOUNT", "d"]), Reply::Integer(count_registers(&registers) as i64));
        }
    }

    #[test]
    fn other_strings_are_recognised() {
        assert!(!is_hll(b"HYLL") && !is_hll(b"") && !is_hll(&[0; 20]));
        assert!(is_hll(&create()));
        let mut dense = create();
        to_dense(&mut dense).unwrap();
        assert!(is_hll(&dense) && !is_hll(&dense[..dense.len() - 1]));
        assert_eq!(count(&create()), Ok(0));
    }

    proptest::proptest! {
        #[test]
        fn damaged_strings_fail_without_panic(body: Vec<u8>, element: Vec<u8>) {
            let mut bytes = create();
            bytes.truncate(HEADER);
            bytes.extend_from_slice(&body);
            let _ = (count(&bytes), registers(&bytes), describe(&bytes));
            let _ = add(&mut bytes.clone(), &element, 3000);
            let _ = to_dense(&mut bytes);
        }
    }
}
