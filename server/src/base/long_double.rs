//! The 80-bit float type that INCRBYFLOAT and HINCRBYFLOAT compute in.
//!
//! Redis computes them in C's `long double`, which on x86 has 64 bits of precision; a plain double would print other
//! digits. For: parse, add, print. Not for: general arithmetic.

use rustc_apfloat::{
    Float as _, FloatConvert as _,
    ieee::{Double, X87DoubleExtended},
};

use super::numbers::{FloatShape, float_shape, is_invalid, parse_hex, write_u64};

/// Redis copies the text into a buffer of this size, so longer text is refused.
const TEXT_LIMIT: usize = 5 * 1024;
/// `%.17Lf`: decimals printed before trailing zeros are cut.
const DECIMALS: u32 = 17;

/// An x87 extended-precision float.
#[derive(Debug, Clone, Copy)]
pub struct LongDouble(X87DoubleExtended);

impl LongDouble {
    /// Positive zero: the value of a missing key.
    pub const ZERO: LongDouble = LongDouble(X87DoubleExtended::ZERO);

    /// Parses the whole text as C's `strtold` does; NaN, surrounding space, overflow, underflow to zero and over-long text
    /// give `None`.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.len() >= TEXT_LIMIT {
            return None;
        }
        let (value, zero) = match float_shape(text)? {
            FloatShape::Infinity(negative) => {
                let infinity = X87DoubleExtended::INFINITY;
                return Some(Self(if negative { -infinity } else { infinity }));
            }
            FloatShape::Decimal { zero } => (std::str::from_utf8(text).ok()?.parse().ok()?, zero),
            FloatShape::Hex { zero, exponent } => (parse_hex::<X87DoubleExtended>(text, exponent)?, zero),
        };
        (value.is_finite() && (zero || !value.is_zero())).then_some(Self(value))
    }

    /// Converts an integer exactly.
    pub fn from_i64(value: i64) -> Self {
        Self(X87DoubleExtended::from_i128(i128::from(value)).value)
    }

    /// Converts a double exactly.
    pub fn from_f64(value: f64) -> Self {
        let double = Double::from_bits(u128::from(value.to_bits()));
        Self(double.convert(&mut false).value)
    }

    /// The sum, rounded to nearest even. Opposite infinities give a value for which [`Self::is_finite`] is false.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let sum = self.0 + other.0;
        if is_invalid(sum.status) { Self(X87DoubleExtended::NAN) } else { Self(sum.value) }
    }

    /// Whether this is neither NaN nor an infinity.
    pub fn is_finite(self) -> bool {
        self.0.is_finite()
    }

    /// Appends the human form: `%.17Lf` with trailing zeros and a bare point cut, and never `-0`.
    pub fn write_human(self, out: &mut Vec<u8>) {
        if self.0.is_nan() {
            out.extend_from_slice(b"nan");
            return;
        }
        let negative = self.0.is_negative();
        if self.0.is_infinite() {
            out.extend_from_slice(if negative { b"-inf" } else { b"inf" });
            return;
        }
        let bits = self.0.to_bits();
        let significand = bits as u64;
        let biased = ((bits >> 64) & 0x7fff) as i32;
        let exponent = biased.max(1) - 16383 - 63;
        let start = out.len();
        if negative {
            out.push(b'-');
        }
        if exponent >= 0 {
            write_shifted(out, significand, exponent as u32);
        } else {
            write_fraction(out, significand, exponent.unsigned_abs());
        }
        if out[start..] == *b"-0" {
            out.truncate(start);
            out.push(b'0');
        }
    }
}

/// Prints `significand * 2^shift`.
fn write_shifted(out: &mut Vec<u8>, significand: u64, shift: u32) {
    const BASE: u64 = 1_000_000_000;
    let mut limbs = vec![significand % BASE, significand / BASE % BASE, significand / BASE / BASE];
    let mut left = shift;
    while left > 0 {
        let step = left.min(32);
        let mut carry = 0u64;
        for limb in &mut limbs {
            let value = (*limb << step) + carry;
            *limb = value % BASE;
            carry = value / BASE;
        }
        while carry > 0 {
            limbs.push(carry % BASE);
            carry /= BASE;
        }
        left -= step;
    }
    let top = limbs.iter().rposition(|&limb| limb != 0).unwrap_or(0);
    write_u64(out, limbs[top]);
    for limb in limbs[..top].iter().rev() {
        write_padded(out, *limb, 9);
    }
}

/// Prints `significand / 2^shift` to [`DECIMALS`] places, half to even, without trailing zeros.
fn write_fraction(out: &mut Vec<u8>, significand: u64, shift: u32) {
    let scale = 10u128.pow(DECIMALS);
    // A 64-bit significand shifted by more than 126 bits does not reach the seventeenth decimal, not even by rounding.
    if shift > 126 {
        out.push(b'0');
        return;
    }
    let wide = u128::from(significand);
    let mut whole = wide >> shift;
    let scaled = (wide & ((1u128 << shift) - 1)) * scale;
    let mut decimals = scaled >> shift;
    let rest = scaled & ((1u128 << shift) - 1);
    let half = 1u128 << (shift - 1);
    if rest > half || (rest == half && decimals & 1 == 1) {
        decimals += 1;
        if decimals == scale {
            decimals = 0;
            whole += 1;
        }
    }
    write_u64(out, whole as u64);
    if decimals == 0 {
        return;
    }
    let mut width = DECIMALS as usize;
    while decimals.is_multiple_of(10) {
        decimals /= 10;
        width -= 1;
    }
    out.push(b'.');
    write_padded(out, decimals as u64, width);
}

/// Prints with leading zeros to at least `width` digits.
fn write_padded(out: &mut Vec<u8>, value: u64, width: usize) {
    let mut buffer = itoa::Buffer::new();
    let text = buffer.format(value);
    out.extend(std::iter::repeat_n(b'0', width.saturating_sub(text.len())));
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn human(text: &str) -> String {
        let mut out = Vec::new();
        LongDouble::parse(text.as_bytes()).unwrap().write_human(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn values_print_as_incrbyfloat_prints_them() {
        for (text, printed) in [
            ("1", "1"),
            ("1.5", "1.5"),
            ("0.1", "0.1"),
            ("1e-18", "0"),
            ("1e-17", "0.00000000000000001"),
            ("5e-18", "0"),
            ("1.5e-17", "0.00000000000000002"),
            ("-0", "0"),
            ("-1e-30", "0"),
            ("0x10", "16"),
            ("0x1p-3", "0.125"),
            ("3.0e5", "300000"),
            ("1e-4950", "0"),
            ("-2.50", "-2.5"),
            ("1e20", "100000000000000000000"),
            ("18446744073709551616", "18446744073709551616"),
            ("0.99999999999999999999", "1"),
            ("10.00", "10"),
        ] {
            assert_eq!(human(text), printed, "{text}");
        }
        let huge = human("1e4931");
        assert_eq!(huge.len(), 4932);
        assert!(huge.starts_with("1000000000000000000006018949387963891323837774254533114773785041352533019486"));
    }

    #[test]
    fn sums_keep_sixty_four_bits() {
        let sum = LongDouble::parse(b"3.0").unwrap().plus(LongDouble::parse(b"1.1").unwrap());
        let mut out = Vec::new();
        sum.write_human(&mut out);
        assert_eq!(out, b"4.1");
        assert!(!LongDouble::parse(b"inf").unwrap().plus(LongDouble::ZERO).is_finite());
        assert!(!LongDouble::parse(b"inf").unwrap().plus(LongDouble::parse(b"-inf").unwrap()).is_finite());
        out.clear();
        LongDouble::from_i64(i64::MIN).plus(LongDouble::from_i64(-1)).write_human(&mut out);
        assert_eq!(out, b"-9223372036854775809");
    }

    #[test]
    fn refused_text() {
        for bad in ["", "nan", " 1", "1 ", "1e4933", "abc", "1e-5000"] {
            assert!(LongDouble::parse(bad.as_bytes()).is_none(), "{bad}");
        }
        assert!(LongDouble::parse(&[b'1'; 5120]).is_none());
    }
}
