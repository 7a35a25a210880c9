//! The library `bit`: 32-bit operations.

use super::lua::{Raise, Results, State, function};

/// Lua's number as 32 bits: modulo 2^32, rounded to the nearest, halves to even.
fn bits(lua: State, index: i32) -> Result<u32, Raise> {
    /// Added to a number whose magnitude is below 2^51, it moves the integer part into the low bits of the representation.
    const MAGIC: f64 = 6_755_399_441_055_744.0;
    Ok((lua.want_number(index)? + MAGIC).to_bits() as u32)
}

fn answer(lua: State, bits: u32) -> Results {
    lua.push_number(f64::from(bits as i32));
    Ok(1)
}

fn tobit(lua: State) -> Results {
    answer(lua, bits(lua, 1)?)
}

fn bnot(lua: State) -> Results {
    answer(lua, !bits(lua, 1)?)
}

fn fold(lua: State, f: fn(u32, u32) -> u32) -> Results {
    let mut all = bits(lua, 1)?;
    for index in (2..=lua.top()).rev() {
        all = f(all, bits(lua, index)?);
    }
    answer(lua, all)
}

fn band(lua: State) -> Results {
    fold(lua, |a, b| a & b)
}

fn bor(lua: State) -> Results {
    fold(lua, |a, b| a | b)
}

fn bxor(lua: State) -> Results {
    fold(lua, |a, b| a ^ b)
}

fn shift(lua: State, f: fn(u32, u32) -> u32) -> Results {
    let (word, by) = (bits(lua, 1)?, bits(lua, 2)?);
    answer(lua, f(word, by & 31))
}

fn lshift(lua: State) -> Results {
    shift(lua, |word, by| word << by)
}

fn rshift(lua: State) -> Results {
    shift(lua, |word, by| word >> by)
}

fn arshift(lua: State) -> Results {
    shift(lua, |word, by| ((word as i32) >> by) as u32)
}

fn rol(lua: State) -> Results {
    shift(lua, u32::rotate_left)
}

fn ror(lua: State) -> Results {
    shift(lua, u32::rotate_right)
}

fn bswap(lua: State) -> Results {
    answer(lua, bits(lua, 1)?.swap_bytes())
}

/// `bit.tohex(number, digits)`: at most eight digits; a negative count selects capitals.
fn tohex(lua: State) -> Results {
    let word = bits(lua, 1)?;
    let digits = if lua.top() < 2 { 8 } else { bits(lua, 2)? as i32 };
    let mut text = if digits < 0 { format!("{word:08X}") } else { format!("{word:08x}") };
    let wanted = digits.unsigned_abs().min(8) as usize;
    text.drain(..8 - wanted);
    lua.push_text(text.as_bytes());
    Ok(1)
}

/// Pushes the table of the library.
pub(super) fn push(lua: State) {
    lua.push_table(0, 12);
    let functions = [
        ("tobit", function!(tobit)),
        ("bnot", function!(bnot)),
        ("band", function!(band)),
        ("bor", function!(bor)),
        ("bxor", function!(bxor)),
        ("lshift", function!(lshift)),
        ("rshift", function!(rshift)),
        ("arshift", function!(arshift)),
        ("rol", function!(rol)),
        ("ror", function!(ror)),
        ("bswap", function!(bswap)),
        ("tohex", function!(tohex)),
    ];
    for (name, raw) in functions {
        lua.push_function(raw);
        lua.set_field(-2, name);
    }
}
