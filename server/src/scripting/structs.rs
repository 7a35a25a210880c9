//! The library `struct`: packing and unpacking values by formats.

use super::lua::{Raise, Results, State, function, to_integer};

const BIGGEST_INTEGER: usize = 32;
const MOST_ALIGNMENT: i32 = 8;

struct Format<'a> {
    text: &'a [u8],
    big: bool,
    align: usize,
}

impl<'a> Format<'a> {
    fn new(text: &'a [u8]) -> Self {
        // A C string ends at its first NUL.
        let end = text.iter().position(|&byte| byte == 0).unwrap_or(text.len());
        Self { text: &text[..end], big: false, align: 1 }
    }

    fn next(&mut self) -> Option<u8> {
        let (&first, rest) = self.text.split_first()?;
        self.text = rest;
        Some(first)
    }

    fn number(&mut self, default: i32) -> Result<i32, Raise> {
        if !self.text.first().is_some_and(u8::is_ascii_digit) {
            return Ok(default);
        }
        let mut number: i32 = 0;
        while let Some(digit) = self.text.first().filter(|byte| byte.is_ascii_digit()) {
            number = number
                .checked_mul(10)
                .and_then(|number| number.checked_add(i32::from(digit - b'0')))
                .ok_or_else(|| Raise::here("integral size overflow"))?;
            self.text = &self.text[1..];
        }
        Ok(number)
    }

    fn size(&mut self, option: u8) -> Result<usize, Raise> {
        Ok(match option {
            b'B' | b'b' | b'x' => 1,
            b'H' | b'h' => 2,
            b'L' | b'l' | b'T' | b'd' => 8,
            b'f' => 4,
            b'c' => self.number(1)? as usize,
            b'i' | b'I' => {
                let size = self.number(4)? as usize;
                if size > BIGGEST_INTEGER {
                    let text = format!("integral size {size} is larger than limit of {BIGGEST_INTEGER}");
                    return Err(Raise::here(text));
                }
                size
            }
            _ => 0,
        })
    }

    fn padding(&self, at: usize, option: u8, size: usize) -> usize {
        if size == 0 || option == b'c' {
            return 0;
        }
        let size = size.min(self.align);
        size.wrapping_sub(at & size.wrapping_sub(1)) & size.wrapping_sub(1)
    }

    fn control(&mut self, option: u8) -> Result<(), Raise> {
        match option {
            b' ' => {}
            b'>' => self.big = true,
            b'<' => self.big = false,
            b'!' => {
                let align = self.number(MOST_ALIGNMENT)?;
                if align <= 0 || align & (align - 1) != 0 {
                    return Err(Raise::here(format!("alignment {align} is not a power of 2")));
                }
                self.align = align as usize;
            }
            _ => return Err(Raise::Argument(1, [b"invalid format option '", &[option][..], b"'"].concat())),
        }
        Ok(())
    }

    fn order<const N: usize>(&self, mut bytes: [u8; N]) -> [u8; N] {
        if self.big {
            bytes.reverse();
        }
        bytes
    }
}

/// Whether an option stands for an integer.
fn is_integer(option: u8) -> bool {
    matches!(option, b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I')
}

/// Converts a number to 64 bits as C's casts do.
fn as_bits(number: f64) -> u64 {
    if number < 0.0 {
        to_integer(number) as u64
    } else if number >= 9_223_372_036_854_775_808.0 {
        // x86 converts numbers of the upper half by subtracting 2^63 first.
        (to_integer(number - 9_223_372_036_854_775_808.0) as u64) ^ (1 << 63)
    } else {
        to_integer(number) as u64
    }
}

fn pack(lua: State) -> Results {
    let mut format = Format::new(lua.want_text(1)?);
    let mut argument = 2;
    // A single missing argument reads as nil.
    lua.push_nil();
    let mut out: Vec<u8> = Vec::new();
    let mut total = 0_usize;
    while let Some(option) = format.next() {
        let mut size = format.size(option)?;
        let padding = format.padding(total, option, size);
        total += padding;
        out.resize(out.len() + padding, 0);
        match option {
            _ if is_integer(option) => {
                let bits = as_bits(lua.want_number(argument)?);
                argument += 1;
                let start = out.len();
                out.extend((0..size).map(|at| if at < 8 { (bits >> (8 * at)) as u8 } else { 0 }));
                if format.big {
                    out[start..].reverse();
                }
            }
            b'x' => out.push(0),
            b'f' => {
                out.extend_from_slice(&format.order((lua.want_number(argument)? as f32).to_le_bytes()));
                argument += 1;
            }
            b'd' => {
                out.extend_from_slice(&format.order(lua.want_number(argument)?.to_le_bytes()));
                argument += 1;
            }
            b'c' | b's' => {
                let text = lua.want_text(argument)?;
                argument += 1;
                if size == 0 {
                    size = text.len();
                }
                if text.len() < size {
                    return Err(Raise::Argument(argument, "string too short".into()));
                }
                out.extend_from_slice(&text[..size]);
                if option == b's' {
                    out.push(0);
                    size += 1;
                }
            }
            _ => format.control(option)?,
        }
        total = total.wrapping_add(size);
    }
    lua.push_text(&out);
    Ok(1)
}

fn integer(bytes: &[u8], big: bool, signed: bool) -> f64 {
    let mut bits = 0_u64;
    let mut add = |byte: &u8| bits = bits << 8 | u64::from(*byte);
    if big {
        bytes.iter().for_each(&mut add)
    } else {
        bytes.iter().rev().for_each(&mut add)
    }
    if !signed {
        return bits as f64;
    }
    // A shift by more than 64 bits is taken modulo 64, as the processor does.
    let mask = u64::MAX << ((bytes.len() as u32 * 8).wrapping_sub(1) & 63);
    if bits & mask != 0 {
        bits |= mask;
    }
    bits as i64 as f64
}

fn unpack(lua: State) -> Results {
    let too_short = || Raise::Argument(2, "data string too short".into());
    let mut format = Format::new(lua.want_text(1)?);
    let data = lua.want_text(2)?;
    let start = match lua.kind(3) {
        super::lua::Kind::None | super::lua::Kind::Nil => 1,
        _ => to_integer(lua.want_number(3)?),
    };
    if start == 0 {
        return Err(Raise::Argument(3, "offset must be 1 or greater".into()));
    }
    let mut at = (start as u64 as usize).wrapping_sub(1);
    let mut results = 0;
    while let Some(option) = format.next() {
        let mut size = format.size(option)?;
        at = at.wrapping_add(format.padding(at, option, size));
        if size > data.len() || at > data.len() - size {
            return Err(too_short());
        }
        if !lua.reserve(2) {
            return Err(Raise::here("stack overflow (too many results)"));
        }
        let bytes = &data[at..at + size];
        match option {
            _ if is_integer(option) => {
                lua.push_number(integer(bytes, format.big, option.is_ascii_lowercase()));
                results += 1;
            }
            b'x' => {}
            b'f' => {
                let bytes: [u8; 4] = bytes.try_into().expect("a float has four bytes");
                lua.push_number(f64::from(f32::from_le_bytes(format.order(bytes))));
                results += 1;
            }
            b'd' => {
                let bytes: [u8; 8] = bytes.try_into().expect("a double has eight bytes");
                lua.push_number(f64::from_le_bytes(format.order(bytes)));
                results += 1;
            }
            b'c' => {
                if size == 0 {
                    let wanted = if results > 0 { lua.number(-1) } else { None };
                    let wanted = wanted.ok_or_else(|| Raise::here("format 'c0' needs a previous size"))?;
                    size = as_bits(wanted) as usize;
                    lua.pop(1);
                    results -= 1;
                    if size > data.len() || at > data.len() - size {
                        return Err(too_short());
                    }
                }
                lua.push_text(&data[at..at + size]);
                results += 1;
            }
            b's' => {
                let rest = &data[at..];
                let end = memchr::memchr(0, rest).ok_or_else(|| Raise::here("unfinished string in data"))?;
                lua.push_text(&rest[..end]);
                size = end + 1;
                results += 1;
            }
            _ => format.control(option)?,
        }
        at += size;
    }
    lua.push_number(at.wrapping_add(1) as i64 as f64);
    Ok(results + 1)
}

fn size(lua: State) -> Results {
    let mut format = Format::new(lua.want_text(1)?);
    let mut at = 0_usize;
    while let Some(option) = format.next() {
        let size = format.size(option)?;
        at = at.wrapping_add(format.padding(at, option, size));
        if option == b's' {
            return Err(Raise::Argument(1, "option 's' has no fixed size".into()));
        }
        if option == b'c' && size == 0 {
            return Err(Raise::Argument(1, "option 'c0' has no fixed size".into()));
        }
        if !option.is_ascii_alphanumeric() {
            format.control(option)?;
        }
        at = at.wrapping_add(size);
    }
    lua.push_number(at as i64 as f64);
    Ok(1)
}

/// Pushes the table of the library.
pub(super) fn push(lua: State) {
    lua.push_table(0, 3);
    for (name, raw) in [("pack", function!(pack)), ("unpack", function!(unpack)), ("size", function!(size))] {
        lua.push_function(raw);
        lua.set_field(-2, name);
    }
}
