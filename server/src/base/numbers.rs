//! Text to number and back, with the strictness and the digits that clients of Redis rely on.
//!
//! For: integers, doubles and memory sizes in requests, compact encodings, configuration files.
//! Not for: 80-bit floats (see [`super::long_double`]), nor for lenient parsing of human input.

use std::io::Write as _;

pub use super::long_double::LongDouble;
use rustc_apfloat::{Float as _, Status, ieee};

/// The length of the longest text of an `i64`, sign included.
pub const I64_TEXT_MAX: usize = 20;

/// Parses a canonical signed decimal: what [`write_i64`] would print, and nothing else.
///
/// Spaces, `+`, leading zeros, `-0`, and values outside `i64` give `None`.
#[inline]
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    if digits == b"0" {
        return (!negative).then_some(0);
    }
    let magnitude = canonical_digits(digits)?;
    if negative { 0i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}

/// Parses a canonical unsigned decimal, with the strictness of [`parse_i64`].
#[inline]
pub fn parse_u64(text: &[u8]) -> Option<u64> {
    if text == b"0" { Some(0) } else { canonical_digits(text) }
}

/// Parses one to twenty digits that do not begin with a zero.
#[inline]
fn canonical_digits(digits: &[u8]) -> Option<u64> {
    if !matches!(digits.first(), Some(b'1'..=b'9')) || digits.len() > I64_TEXT_MAX {
        return None;
    }
    let mut value = 0u64;
    let (safe, rest) = digits.split_at(digits.len().min(19));
    for &byte in safe {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u64::from(digit);
    }
    for &byte in rest {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some(value)
}

/// The form of a text that is a floating point literal as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FloatShape {
    /// `inf` or `infinity` in any case; true for the negative one.
    Infinity(bool),
    /// Decimal digits with an optional point and exponent.
    Decimal {
        /// Whether every digit of the significand is zero.
        zero: bool,
    },
    /// `0x` digits with an optional point and binary exponent.
    Hex {
        /// Whether every digit of the significand is zero.
        zero: bool,
        /// Whether the literal has its `p` exponent.
        exponent: bool,
    },
}

/// Recognises what C's `strtod` would consume as a whole, NaN and leading space excluded.
pub(super) fn float_shape(text: &[u8]) -> Option<FloatShape> {
    let (negative, body) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    if body.eq_ignore_ascii_case(b"inf") || body.eq_ignore_ascii_case(b"infinity") {
        return Some(FloatShape::Infinity(negative));
    }
    let hex = matches!(body, [b'0', b'x' | b'X', ..]);
    let body = if hex { &body[2..] } else { body };
    let is_digit = |byte: u8| {
        if hex { byte.is_ascii_hexdigit() } else { byte.is_ascii_digit() }
    };
    let (mut digits, mut zero, mut point) = (0usize, true, false);
    let mut at = 0;
    while let Some(&byte) = body.get(at) {
        if is_digit(byte) {
            digits += 1;
            zero &= byte == b'0';
        } else if byte == b'.' && !point {
            point = true;
        } else {
            break;
        }
        at += 1;
    }
    if digits == 0 {
        return None;
    }
    let tail = &body[at..];
    let exponent = match tail {
        [] => false,
        [mark, rest @ ..] if mark.eq_ignore_ascii_case(if hex { &b'p' } else { &b'e' }) => {
            let rest = match rest {
                [b'+' | b'-', rest @ ..] => rest,
                _ => rest,
            };
            if rest.is_empty() || !rest.iter().all(u8::is_ascii_digit) {
                return None;
            }
            true
        }
        _ => return None,
    };
    Some(if hex { FloatShape::Hex { zero, exponent } } else { FloatShape::Decimal { zero } })
}

/// Parses a double as Redis 7.0 does for scores and timeouts: C's `strtod` over the whole text.
///
/// Infinities, hexadecimal floats and a leading `+` are accepted; NaN, surrounding space, overflow and underflow
/// to zero give `None`.
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    if let Some(value) = small_integer(text) {
        return Some(value);
    }
    let shape = float_shape(text)?;
    let (value, zero) = match shape {
        FloatShape::Infinity(negative) => {
            return Some(if negative { f64::NEG_INFINITY } else { f64::INFINITY });
        }
        FloatShape::Decimal { zero } => (std::str::from_utf8(text).ok()?.parse::<f64>().ok()?, zero),
        FloatShape::Hex { zero, exponent } => {
            let parsed: ieee::Double = parse_hex(text, exponent)?;
            (f64::from_bits(parsed.to_bits() as u64), zero)
        }
    };
    (value.is_finite() && (zero || value != 0.0)).then_some(value)
}

/// Fast path for scores of up to fifteen digits, which a double represents exactly.
#[inline]
fn small_integer(text: &[u8]) -> Option<f64> {
    if text.is_empty() || text.len() > 15 {
        return None;
    }
    let mut value = 0u64;
    for &byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u64::from(digit);
    }
    Some(value as f64)
}

/// Parses an already recognised hexadecimal literal to the nearest value, ties to even.
pub(super) fn parse_hex<F: rustc_apfloat::Float>(text: &[u8], exponent: bool) -> Option<F> {
    let text = std::str::from_utf8(text).ok()?;
    let parsed = if exponent { F::from_str(text) } else { F::from_str(&format!("{text}p0")) };
    parsed.ok()
}

/// Appends a signed decimal.
#[inline]
pub fn write_i64(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends an unsigned decimal.
#[inline]
pub fn write_u64(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends a double as C's `%.17g` prints it: the form of scores in replies. Infinities are `inf` and `-inf`.
pub fn write_f64_17g(out: &mut Vec<u8>, value: f64) {
    if let Some(integer) = exact_integer(value, 9_007_199_254_740_992.0) {
        return write_i64(out, integer);
    }
    if value.is_nan() {
        out.extend_from_slice(if value.is_sign_negative() { b"-nan" } else { b"nan" });
        return;
    }
    if value.is_infinite() {
        out.extend_from_slice(if value > 0.0 { b"inf" } else { b"-inf" });
        return;
    }
    let mut scratch = [0u8; 32];
    let mut cursor = &mut scratch[..];
    write!(cursor, "{:.16e}", value.abs()).expect("a double in scientific form takes at most 23 bytes");
    let used = 32 - cursor.len();
    let text = &scratch[..used];
    let mark = text.iter().position(|&byte| byte == b'e').expect("scientific form has an exponent");
    let exponent = std::str::from_utf8(&text[mark + 1..])
        .ok()
        .and_then(|digits| digits.parse::<i32>().ok())
        .expect("the exponent is a small integer");
    let mut digits = [0u8; 17];
    digits[0] = text[0];
    digits[1..].copy_from_slice(&text[2..mark]);
    let significant = digits.iter().rposition(|&digit| digit != b'0').map_or(1, |last| last + 1);
    if value.is_sign_negative() {
        out.push(b'-');
    }
    place_digits(out, &digits, significant, exponent);
}

/// Lays out seventeen digits, of which `significant` matter, by the rules of `%g`.
fn place_digits(out: &mut Vec<u8>, digits: &[u8; 17], significant: usize, exponent: i32) {
    if !(-4..17).contains(&exponent) {
        out.push(digits[0]);
        if significant > 1 {
            out.push(b'.');
            out.extend_from_slice(&digits[1..significant]);
        }
        let sign = if exponent < 0 { '-' } else { '+' };
        write!(out, "e{sign}{:02}", exponent.abs()).expect("writing to a Vec cannot fail");
        return;
    }
    if exponent < 0 {
        out.extend_from_slice(b"0.");
        out.extend(std::iter::repeat_n(b'0', exponent.unsigned_abs() as usize - 1));
        out.extend_from_slice(&digits[..significant]);
        return;
    }
    let whole = exponent as usize + 1;
    out.extend_from_slice(&digits[..whole]);
    if significant > whole {
        out.push(b'.');
        out.extend_from_slice(&digits[whole..significant]);
    }
}

/// The integer that equals the double, if it is within `±limit` and not a negative zero.
#[inline]
fn exact_integer(value: f64, limit: f64) -> Option<i64> {
    if !(-limit..=limit).contains(&value) {
        return None;
    }
    let integer = value as i64;
    (integer as f64 == value && (integer != 0 || value.is_sign_positive())).then_some(integer)
}

/// The integer as which Redis 7.0 stores a score in a compact sorted set; `None` means the text of
/// [`write_f64_17g`] is stored.
///
/// Negative zero is stored as zero, as Redis does.
#[inline]
pub fn score_as_integer(score: f64) -> Option<i64> {
    const LIMIT: f64 = (i64::MAX / 2) as f64;
    if score == 0.0 { Some(0) } else { exact_integer(score, LIMIT) }
}

/// Parses a memory size: decimal digits and an optional unit of `b`, `k`, `kb`, `m`, `mb`, `g`, `gb` in any case
/// (`k` is 1000, `kb` 1024, and so on).
///
/// As in Redis, an empty number is zero and the product wraps, so a value above `i64::MAX` comes back as the
/// negative number with the same bits.
pub fn parse_memory(text: &[u8]) -> Option<i64> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, unit) = text.split_at(digits);
    let scale: u64 = match unit.to_ascii_lowercase().as_slice() {
        b"" | b"b" => 1,
        b"k" => 1000,
        b"kb" => 1 << 10,
        b"m" => 1_000_000,
        b"mb" => 1 << 20,
        b"g" => 1_000_000_000,
        b"gb" => 1 << 30,
        _ => return None,
    };
    if digits >= 128 {
        return None;
    }
    let number = number.iter().fold(0u64, |sum, digit| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0')));
    Some(number.wrapping_mul(scale) as i64)
}

/// Whether the result is unusable, rather than merely rounded.
pub(super) fn is_invalid(status: Status) -> bool {
    status.intersects(Status::INVALID_OP | Status::DIV_BY_ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_17g(value: f64) -> String {
        let mut out = Vec::new();
        write_f64_17g(&mut out, value);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn integers_are_parsed_only_in_canonical_form() {
        for good in [0, 1, -1, 9, 10, -10, i64::MAX, i64::MIN, 1234567890123456789] {
            assert_eq!(parse_i64(good.to_string().as_bytes()), Some(good));
        }
        for bad in [
            "",
            "-",
            "+1",
            "01",
            "-0",
            "-01",
            " 1",
            "1 ",
            "1a",
            "a",
            "9223372036854775808",
            "-9223372036854775809",
            "99999999999999999999",
            "123456789012345678901",
            "00",
            "1-",
            "--1",
        ] {
            assert_eq!(parse_i64(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(parse_u64(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(parse_u64(b"18446744073709551616"), None);
        assert_eq!(parse_u64(b"-1"), None);
        assert_eq!(parse_u64(b"0"), Some(0));
    }

    #[test]
    fn doubles_follow_strtod_over_the_whole_text() {
        for (text, value) in [
            ("1", 1.0),
            ("+5", 5.0),
            ("1.", 1.0),
            (".5", 0.5),
            ("0x10", 16.0),
            ("0x1p3", 8.0),
            ("0x1.8", 1.5),
            ("-0x.8P1", -1.0),
            ("3.0e5", 3e5),
            ("4e-320", 4e-320),
            ("inf", f64::INFINITY),
            ("-Infinity", f64::NEG_INFINITY),
            ("0e999999999999", 0.0),
            ("0x0p-99999999999", 0.0),
            ("0x1.00000000000008p0", 1.0),
            ("0x1.00000000000018p0", 1.0 + 2.0 * f64::EPSILON),
            ("0x0.0000000000001p-1022", 5e-324),
        ] {
            assert_eq!(parse_f64(text.as_bytes()), Some(value), "{text}");
        }
        for bad in [
            "",
            ".",
            "0x",
            "0x.",
            "1e",
            "1e+",
            "1_0",
            "nan",
            "-nan",
            "infinit",
            " 1",
            "1 ",
            "1e400",
            "-1e400",
            "1e-400",
            "0x1p99999",
            "0x1p-99999",
            "e5",
            "0xg",
            "0x1p",
            "1..2",
            "--1",
            "1\0",
        ] {
            assert_eq!(parse_f64(bad.as_bytes()), None, "{bad}");
        }
        assert!(parse_f64(b"-0").unwrap().is_sign_negative());
    }

    #[test]
    fn doubles_print_as_percent_17g() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (1.5, "1.5"),
            (0.1, "0.10000000000000001"),
            (1e-7, "9.9999999999999995e-08"),
            (1e22, "1e+22"),
            (1e16, "10000000000000000"),
            (1e17, "1e+17"),
            (123456789012345678.0, "1.2345678901234568e+17"),
            (2f64.powi(50) + 0.25, "1125899906842624.2"),
            (2f64.powi(50) + 0.75, "1125899906842624.8"),
            (5e-324, "4.9406564584124654e-324"),
            (0.0001, "0.0001"),
            (0.00001, "1.0000000000000001e-05"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (-3.25, "-3.25"),
            (12345678901234568.0, "12345678901234568"),
        ] {
            assert_eq!(text_17g(value), text);
        }
    }

    #[test]
    fn scores_that_are_integers_are_stored_as_such() {
        assert_eq!(score_as_integer(-0.0), Some(0));
        assert_eq!(score_as_integer(1e17), Some(100_000_000_000_000_000));
        assert_eq!(score_as_integer(4611686018427387904.0), Some(4611686018427387904));
        assert_eq!(score_as_integer(4.611686018427389e18), None);
        assert_eq!(score_as_integer(0.5), None);
        assert_eq!(score_as_integer(f64::INFINITY), None);
    }

    #[test]
    fn memory_units_are_decimal_or_binary() {
        for (text, value) in [
            ("0", 0),
            ("", 0),
            ("100", 100),
            ("1b", 1),
            ("1k", 1000),
            ("1KB", 1024),
            ("2m", 2_000_000),
            ("2mb", 2 << 20),
            ("1g", 1_000_000_000),
            ("1Gb", 1 << 30),
            ("18446744073709551615", -1),
        ] {
            assert_eq!(parse_memory(text.as_bytes()), Some(value), "{text}");
        }
        for bad in ["-1", "1 kb", "1t", "x", "1kbb"] {
            assert_eq!(parse_memory(bad.as_bytes()), None, "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn printed_doubles_read_back_equal(bits: u64) {
            let value = f64::from_bits(bits);
            proptest::prop_assume!(!value.is_nan());
            proptest::prop_assert_eq!(parse_f64(text_17g(value).as_bytes()), Some(value));
        }

        #[test]
        fn any_bytes_are_parsed_without_panic(text: Vec<u8>) {
            let _ = (parse_f64(&text), parse_i64(&text), parse_memory(&text), LongDouble::parse(&text));
        }

        #[test]
        fn floatish_text_is_parsed_without_panic(text in "[-+]?(0x)?[0-9a-f.]{0,40}([ep][-+]?[0-9]{1,20})?") {
            let _ = (parse_f64(text.as_bytes()), LongDouble::parse(text.as_bytes()));
        }
    }
}
