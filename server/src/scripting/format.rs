//! Numbers as C's library prints and reads them.

use std::ffi::{CStr, c_char};
use std::io::Write;

use crate::base::numbers::parse_i64;

/// `%.Ng`.
pub(super) fn general(out: &mut Vec<u8>, number: f64, precision: i32) {
    // Most numbers are integers of fewer digits than the precision, which C prints as they are; -0 is `-0`.
    let whole = number as i64;
    if precision >= 14 && whole.unsigned_abs() < 100_000_000_000_000 && (whole as f64).to_bits() == number.to_bits() {
        out.extend_from_slice(itoa::Buffer::new().format(whole).as_bytes());
        return;
    }
    if ((14..=MOST_DIGITS).contains(&precision) && few_decimals(out, number)) || shortest(out, number, precision) {
        return;
    }
    let mut text = [0_u8; 64];
    // SAFETY: the buffer is larger than what `%.17g` can print, and its length is given.
    let len = unsafe { libc::snprintf(text.as_mut_ptr().cast(), text.len(), c"%.*g".as_ptr(), precision, number) };
    out.extend_from_slice(&text[..(len.max(0) as usize).min(text.len() - 1)]);
}

/// `%.14g` of a number of few digits and up to three decimals, as prices have; false for others. As in [`shortest`], a decimal of
/// so few digits that reads back as the number is the one that C prints.
fn few_decimals(out: &mut Vec<u8>, number: f64) -> bool {
    let size = number.abs();
    if !(1e-3..1e10).contains(&size) {
        return false;
    }
    for (decimals, power) in [(1, 10.0), (2, 100.0), (3, 1000.0)] {
        let digits = (size * power).round();
        // Both are integers that a double holds exactly, so their quotient is what the decimal reads as.
        if digits / power == size {
            let digits = digits as u64;
            let power = power as u64;
            if number < 0.0 {
                out.push(b'-');
            }
            out.extend_from_slice(itoa::Buffer::new().format(digits / power).as_bytes());
            out.push(b'.');
            let fraction = digits % power + power;
            out.extend_from_slice(&itoa::Buffer::new().format(fraction).as_bytes()[1..=decimals]);
            return true;
        }
    }
    false
}

/// With as many digits, or fewer, decimals are ten times as far apart as a double is from the one that it stands for.
const MOST_DIGITS: i32 = 15;

/// `%.Ng` of a number whose shortest decimal that reads back as it has no more than N digits; false for others.
///
/// A double is nearer than 1.2e-16 of itself to that decimal, and decimals of N digits are at least ten times as far apart while N
/// is at most [`MOST_DIGITS`]: so no other is nearer to it, and C prints this one.
fn shortest(out: &mut Vec<u8>, number: f64, precision: i32) -> bool {
    if !(1..=MOST_DIGITS).contains(&precision) || !number.is_finite() || number == 0.0 {
        return false;
    }
    // `-1.25e-7`: at most 17 digits, a sign, a point and an exponent.
    let mut text = [0_u8; 32];
    let mut rest = &mut text[..];
    if write!(rest, "{number:e}").is_err() {
        return false;
    }
    let len = 32 - rest.len();
    let (negative, text) = text[..len].strip_prefix(b"-").map_or((false, &text[..len]), |text| (true, text));
    let Some(at) = text.iter().position(|&byte| byte == b'e') else { return false };
    let (mantissa, exponent) = (&text[..at], &text[at + 1..]);
    let (first, others) = (mantissa[0], mantissa.get(2..).unwrap_or_default());
    let Some(exponent) = parse_i64(exponent).and_then(|exponent| i32::try_from(exponent).ok()) else { return false };
    if others.len() as i32 + 1 > precision {
        return false;
    }
    if negative {
        out.push(b'-');
    }
    let zeros = |count: i32| std::iter::repeat_n(b'0', count.max(0) as usize);
    if exponent < -4 || exponent >= precision {
        out.push(first);
        if !others.is_empty() {
            out.push(b'.');
            out.extend_from_slice(others);
        }
        out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
        out.extend(zeros(i32::from(exponent.abs() < 10)));
        out.extend_from_slice(itoa::Buffer::new().format(exponent.abs()).as_bytes());
    } else if exponent < 0 {
        out.extend_from_slice(b"0.");
        out.extend(zeros(-exponent - 1));
        out.push(first);
        out.extend_from_slice(others);
    } else {
        let (whole, fraction) = others.split_at(others.len().min(exponent as usize));
        out.push(first);
        out.extend_from_slice(whole);
        out.extend(zeros(exponent - whole.len() as i32));
        if !fraction.is_empty() {
            out.push(b'.');
            out.extend_from_slice(fraction);
        }
    }
    true
}

/// Reads the number at the start of `text` as `strtod` does, and how many bytes it takes; 0 where there is none. It looks at no
/// more of the text than that.
pub(super) fn read_prefix(text: &[u8]) -> (f64, usize) {
    let digits = |from: usize| text[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let at = |index: usize| text.get(index).copied().unwrap_or(0);
    let start = usize::from(matches!(at(0), b'-' | b'+'));
    let whole = digits(start);
    let is_hex = whole == 1 && at(start) == b'0' && matches!(at(start + 1), b'x' | b'X');
    if whole == 0 || is_hex {
        // Hexadecimal numbers, words, or nothing: what belongs to one of these is copied for C.
        let belongs =
            |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.' | b'(' | b')' | b'_');
        let mut copy: Vec<u8> = text.iter().take_while(belongs).copied().collect();
        copy.push(0);
        return CStr::from_bytes_until_nul(&copy).map_or((0.0, 0), read);
    }
    let mut end = start + whole;
    if at(end) == b'.' {
        end += 1 + digits(end + 1);
    }
    if matches!(at(end), b'e' | b'E') {
        let sign = usize::from(matches!(at(end + 1), b'-' | b'+'));
        let power = digits(end + 1 + sign);
        if power > 0 {
            end += 1 + sign + power;
        }
    }
    if let Some(number) = few_digits(&text[..end]) {
        return (number, end);
    }
    // Both round to the nearest.
    let number = std::str::from_utf8(&text[..end]).ok().and_then(|text| text.parse().ok());
    number.map_or((0.0, 0), |number| (number, end))
}

/// A number of at most 15 digits without an exponent: digits and the power of ten are integers that a double holds exactly, so their
/// quotient is rounded once, as `strtod` rounds. `None` for others.
fn few_digits(text: &[u8]) -> Option<f64> {
    const POWERS: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.len() >= POWERS.len() {
        return None;
    }
    let (mut number, mut decimals) = (0_u64, None);
    for &byte in digits {
        match byte {
            b'0'..=b'9' => {
                number = number * 10 + u64::from(byte - b'0');
                decimals = decimals.map(|count: usize| count + 1);
            }
            b'.' => decimals = Some(0),
            _ => return None,
        }
    }
    let number = number as f64 / POWERS[decimals.unwrap_or(0)];
    Some(if negative { -number } else { number })
}

/// `strtod`: the number at the start of `text` and how many bytes it takes; 0 where there is none.
fn read(text: &CStr) -> (f64, usize) {
    let start = text.as_ptr();
    let mut end: *mut c_char = std::ptr::null_mut();
    // SAFETY: the text ends with a NUL, and `end` is written with an address within it.
    unsafe {
        let number = libc::strtod(start, &mut end);
        (number, end.offset_from(start).unsigned_abs())
    }
}

/// `strtod` of bytes that hold nothing else.
pub(super) fn read_bytes(text: &[u8]) -> f64 {
    let mut text = text.to_vec();
    text.push(0);
    CStr::from_bytes_until_nul(&text).map_or(0.0, |text| read(text).0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;

    /// C itself, on the same text.
    fn by_c(text: &[u8]) -> (f64, usize) {
        read(&std::ffi::CString::new(text).unwrap())
    }

    #[test]
    fn numbers_are_read_as_c_reads_them() {
        let mut random = Random::from_seed(1);
        let parts: [&[u8]; 18] = [
            b"-",
            b"+",
            b"0",
            b"1",
            b"9007199254740993",
            b"123456789012345678901234567890",
            b".",
            b"e",
            b"E",
            b"5",
            b"308",
            b"324",
            b"0x",
            b"1p3",
            b"inf",
            b"nan",
            b",",
            b"]",
        ];
        let mut seen = 0;
        for _ in 0..200_000 {
            let text: Vec<u8> =
                (0..1 + random.below(6)).flat_map(|_| parts[random.below(parts.len())].to_vec()).collect();
            let ((ours, length), (theirs, expected)) = (read_prefix(&text), by_c(&text));
            let same = ours.to_bits() == theirs.to_bits() || (ours.is_nan() && theirs.is_nan());
            assert!(same && length == expected, "{}: {ours} {length}, {theirs} {expected}", text.escape_ascii());
            seen += usize::from(length > 0);
        }
        assert!(seen > 50_000, "{seen}");
    }

    #[test]
    fn numbers_are_written_as_c_writes_them() {
        let mut random = Random::from_seed(2);
        let by_c = |number: f64, precision: i32| {
            let mut text = [0_u8; 64];
            // SAFETY: as in `general`.
            let len =
                unsafe { libc::snprintf(text.as_mut_ptr().cast(), text.len(), c"%.*g".as_ptr(), precision, number) };
            text[..len as usize].to_vec()
        };
        for round in 0..200_000_u64 {
            let number = match round % 6 {
                4 => (random.below(2_000_000) as f64 - 1e6) / [10.0, 100.0, 1000.0][random.below(3)],
                5 => format!("{}.{}e{}", random.below(10), random.below(100_000), random.below(60) as i32 - 30)
                    .parse()
                    .unwrap(),
                0 => f64::from_bits(random.next_u64()),
                1 => (random.next_u64() >> random.below(64)) as f64,
                2 => -((random.next_u64() >> random.below(64)) as f64),
                _ => random.below(1000) as f64 / 8.0,
            };
            for precision in [1, 5, 14, 15, 16, 17] {
                let mut ours = Vec::new();
                general(&mut ours, number, precision);
                assert_eq!(ours, by_c(number, precision), "{number:?} {precision}");
            }
        }
        for number in [0.0, -0.0, 99_999_999_999_999.0, 1e14, -1e14, f64::INFINITY] {
            let mut ours = Vec::new();
            general(&mut ours, number, 14);
            assert_eq!(ours, by_c(number, 14), "{number:?}");
        }
    }
}
