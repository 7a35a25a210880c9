//! The library `cmsgpack`: packing and unpacking `MessagePack`.

use super::lua::{Kind, Raise, Results, State, function, to_integer};

/// Tables nested deeper than this are packed as nil, which also ends cycles.
const DEPTH: usize = 16;

fn check_stack(lua: State, more: i32, text: &str) -> Result<(), Raise> {
    if lua.reserve(more) { Ok(()) } else { Err(Raise::here(format!("stack overflow ({text})"))) }
}

fn pack_text(out: &mut Vec<u8>, text: &[u8]) {
    match text.len() {
        len @ 0..32 => out.push(0xa0 | len as u8),
        len @ 32..=0xff => out.extend_from_slice(&[0xd9, len as u8]),
        len @ 0x100..=0xffff => {
            out.push(0xda);
            out.extend_from_slice(&(len as u16).to_be_bytes());
        }
        len => {
            out.push(0xdb);
            out.extend_from_slice(&(len as u32).to_be_bytes());
        }
    }
    out.extend_from_slice(text);
}

fn pack_integer(out: &mut Vec<u8>, number: i64) {
    match number {
        -32..=0x7f => out.push(number as u8),
        0x80..=0xff => out.extend_from_slice(&[0xcc, number as u8]),
        0x100..=0xffff => {
            out.push(0xcd);
            out.extend_from_slice(&(number as u16).to_be_bytes());
        }
        0x1_0000..=0xffff_ffff => {
            out.push(0xce);
            out.extend_from_slice(&(number as u32).to_be_bytes());
        }
        0x1_0000_0000.. => {
            out.push(0xcf);
            out.extend_from_slice(&number.to_be_bytes());
        }
        -0x80..=-33 => out.extend_from_slice(&[0xd0, number as u8]),
        -0x8000..=-0x81 => {
            out.push(0xd1);
            out.extend_from_slice(&(number as i16).to_be_bytes());
        }
        -0x8000_0000..=-0x8001 => {
            out.push(0xd2);
            out.extend_from_slice(&(number as i32).to_be_bytes());
        }
        _ => {
            out.push(0xd3);
            out.extend_from_slice(&number.to_be_bytes());
        }
    }
}

fn pack_number(out: &mut Vec<u8>, number: f64) {
    if number.is_finite() && to_integer(number) as f64 == number {
        return pack_integer(out, to_integer(number));
    }
    let short = number as f32;
    if f64::from(short) == number {
        out.push(0xca);
        out.extend_from_slice(&short.to_be_bytes());
    } else {
        out.push(0xcb);
        out.extend_from_slice(&number.to_be_bytes());
    }
}

fn pack_head(out: &mut Vec<u8>, fixed: u8, medium: u8, long: u8, len: usize) {
    match len {
        0..=15 => out.push(fixed | len as u8),
        16..=0xffff => {
            out.push(medium);
            out.extend_from_slice(&(len as u16).to_be_bytes());
        }
        _ => {
            out.push(long);
            out.extend_from_slice(&(len as u32).to_be_bytes());
        }
    }
}

/// Whether the keys of the table on top are exactly the numbers from 1 on.
fn is_array(lua: State) -> Result<bool, Raise> {
    let top = lua.top();
    check_stack(lua, 2, "in function table_is_an_array")?;
    let (mut count, mut max) = (0_i32, 0_i32);
    lua.push_nil();
    while lua.next(-2) {
        lua.pop(1);
        let number = if lua.kind(-1) == Kind::Number { lua.number(-1) } else { None };
        match number {
            Some(number) if number > 0.0 && number <= f64::from(i32::MAX) && number.fract() == 0.0 => {
                max = max.max(number as i32);
                count += 1;
            }
            _ => {
                lua.set_top(top);
                return Ok(false);
            }
        }
    }
    lua.set_top(top);
    Ok(max == count)
}

fn pack_table(lua: State, out: &mut Vec<u8>, depth: usize) -> Result<(), Raise> {
    if is_array(lua)? {
        let len = lua.len(-1);
        pack_head(out, 0x90, 0xdc, 0xdd, len);
        check_stack(lua, 1, "in function mp_encode_lua_table_as_array")?;
        for item in 1..=len {
            lua.item(-1, item as i32);
            pack_value(lua, out, depth + 1)?;
        }
        return Ok(());
    }
    check_stack(lua, 3, "in function mp_encode_lua_table_as_map")?;
    let mut len = 0;
    lua.push_nil();
    while lua.next(-2) {
        lua.pop(1);
        len += 1;
    }
    pack_head(out, 0x80, 0xde, 0xdf, len);
    lua.push_nil();
    while lua.next(-2) {
        lua.push_value(-2);
        pack_value(lua, out, depth + 1)?;
        pack_value(lua, out, depth + 1)?;
    }
    Ok(())
}

/// Packs and pops the value on top.
fn pack_value(lua: State, out: &mut Vec<u8>, depth: usize) -> Result<(), Raise> {
    match lua.kind(-1) {
        Kind::Text => pack_text(out, lua.text(-1).unwrap_or_default()),
        Kind::Boolean => out.push(if lua.truth(-1) { 0xc3 } else { 0xc2 }),
        Kind::Number => pack_number(out, lua.number(-1).unwrap_or_default()),
        Kind::Table if depth < DEPTH => pack_table(lua, out, depth)?,
        _ => out.push(0xc0),
    }
    lua.pop(1);
    Ok(())
}

fn pack(lua: State) -> Results {
    let count = lua.top();
    if count == 0 {
        return Err(Raise::Argument(0, "MessagePack pack needs input.".into()));
    }
    if !lua.reserve(count) {
        return Err(Raise::Argument(0, "Too many arguments for MessagePack pack.".into()));
    }
    let mut out = Vec::new();
    for index in 1..=count {
        check_stack(lua, 1, "in function mp_check")?;
        lua.push_value(index);
        pack_value(lua, &mut out, 0)?;
    }
    lua.push_text(&out);
    Ok(1)
}

enum Bad {
    Short,
    Format,
    Raise(Raise),
}

impl From<Raise> for Bad {
    fn from(raise: Raise) -> Self {
        Self::Raise(raise)
    }
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Bad> {
        let taken = self.0.get(..count).ok_or(Bad::Short)?;
        self.0 = &self.0[count..];
        Ok(taken)
    }

    /// Reads a big-endian number of `N` bytes after the first byte.
    fn number<const N: usize>(&mut self) -> Result<u64, Bad> {
        let bytes = self.take(1 + N)?;
        Ok(bytes[1..].iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    fn text(&mut self, lua: State, len: u64) -> Result<(), Bad> {
        lua.push_text(self.take(len as usize)?);
        Ok(())
    }

    fn array(&mut self, lua: State, len: u64) -> Result<(), Bad> {
        check_stack(lua, 1, "in function mp_decode_to_lua_array")?;
        lua.push_table(0, 0);
        for item in 1..=len {
            check_stack(lua, 2, "in function mp_decode_to_lua_array")?;
            self.value(lua)?;
            lua.set_item(-2, item as i32);
        }
        Ok(())
    }

    fn map(&mut self, lua: State, len: u64) -> Result<(), Bad> {
        lua.push_table(0, 0);
        for _ in 0..len {
            check_stack(lua, 3, "in function mp_decode_to_lua_hash")?;
            self.value(lua)?;
            self.value(lua)?;
            let text = match lua.kind(-2) {
                Kind::Nil => "table index is nil",
                Kind::Number if lua.number(-2).is_some_and(f64::is_nan) => "table index is NaN",
                _ => {
                    lua.set(-3);
                    continue;
                }
            };
            lua.push_text(text.as_bytes());
            return Err(Bad::Raise(Raise::Top));
        }
        Ok(())
    }

    fn value(&mut self, lua: State) -> Result<(), Bad> {
        let first = *self.0.first().ok_or(Bad::Short)?;
        check_stack(lua, 1, "too many return values at once; use unpack_one or unpack_limit instead.")?;
        let mut fixed = || self.0 = &self.0[1..];
        match first {
            0xcc => lua.push_number(self.number::<1>()? as f64),
            0xcd => lua.push_number(self.number::<2>()? as f64),
            0xce => lua.push_number(self.number::<4>()? as f64),
            // As in Redis, unsigned 64-bit numbers are read as signed ones.
            0xcf | 0xd3 => lua.push_number(self.number::<8>()? as i64 as f64),
            0xd0 => lua.push_number(f64::from(self.number::<1>()? as i8)),
            0xd1 => lua.push_number(f64::from(self.number::<2>()? as i16)),
            0xd2 => lua.push_number(f64::from(self.number::<4>()? as i32)),
            0xca => lua.push_number(f64::from(f32::from_bits(self.number::<4>()? as u32))),
            0xcb => lua.push_number(f64::from_bits(self.number::<8>()?)),
            0xc0 => {
                fixed();
                lua.push_nil();
            }
            0xc2 | 0xc3 => {
                fixed();
                lua.push_truth(first == 0xc3);
            }
            0xd9 => {
                let len = self.number::<1>()?;
                self.text(lua, len)?;
            }
            0xda => {
                let len = self.number::<2>()?;
                self.text(lua, len)?;
            }
            0xdb => {
                let len = self.number::<4>()?;
                self.text(lua, len)?;
            }
            0xdc => {
                let len = self.number::<2>()?;
                self.array(lua, len)?;
            }
            0xdd => {
                let len = self.number::<4>()?;
                self.array(lua, len)?;
            }
            0xde => {
                let len = self.number::<2>()?;
                self.map(lua, len)?;
            }
            0xdf => {
                let len = self.number::<4>()?;
                self.map(lua, len)?;
            }
            0x00..=0x7f => {
                fixed();
                lua.push_number(f64::from(first));
            }
            0xe0..=0xff => {
                fixed();
                lua.push_number(f64::from(first as i8));
            }
            0xa0..=0xbf => {
                fixed();
                self.text(lua, u64::from(first & 0x1f))?;
            }
            0x90..=0x9f => {
                fixed();
                self.array(lua, u64::from(first & 0xf))?;
            }
            0x80..=0x8f => {
                fixed();
                self.map(lua, u64::from(first & 0xf))?;
            }
            _ => return Err(Bad::Format),
        }
        Ok(())
    }
}

fn unpack_from(lua: State, limit: i64, offset: i64) -> Results {
    let all = limit == 0 && offset == 0;
    let text = lua.want_text(1)?;
    if offset < 0 || limit < 0 {
        let (offset, len) = (offset as i32, text.len() as i32);
        return Err(Raise::here(format!("Invalid request to unpack with offset of {offset} and limit of {len}.")));
    }
    if offset as usize > text.len() {
        let (offset, len) = (offset as i32, text.len() as i32);
        return Err(Raise::here(format!("Start offset {offset} greater than input length {len}.")));
    }
    let limit = if all { i64::from(i32::MAX) } else { limit };
    let mut cursor = Cursor(&text[offset as usize..]);
    let mut count = 0;
    while !cursor.0.is_empty() && i64::from(count) < limit {
        cursor.value(lua).map_err(|bad| match bad {
            Bad::Short => Raise::here("Missing bytes in input."),
            Bad::Format => Raise::here("Bad data format in input."),
            Bad::Raise(raise) => raise,
        })?;
        count += 1;
    }
    if !all {
        check_stack(lua, 1, "in function mp_unpack_full")?;
        let next = if cursor.0.is_empty() { -1 } else { (text.len() - cursor.0.len()) as i64 };
        lua.push_number(next as f64);
        lua.insert(2);
        count += 1;
    }
    Ok(count)
}

fn optional(lua: State, index: i32) -> Result<i64, Raise> {
    match lua.kind(index) {
        Kind::None | Kind::Nil => Ok(0),
        _ => Ok(to_integer(lua.want_number(index)?)),
    }
}

fn unpack(lua: State) -> Results {
    unpack_from(lua, 0, 0)
}

fn unpack_one(lua: State) -> Results {
    let offset = optional(lua, 2)?;
    lua.set_top(1);
    unpack_from(lua, 1, offset)
}

fn unpack_limit(lua: State) -> Results {
    let (limit, offset) = (to_integer(lua.want_number(2)?), optional(lua, 3)?);
    lua.set_top(1);
    unpack_from(lua, limit, offset)
}

/// Pushes the table of the library.
pub(super) fn push(lua: State) {
    lua.push_table(0, 8);
    let functions = [
        ("pack", function!(pack)),
        ("unpack", function!(unpack)),
        ("unpack_one", function!(unpack_one)),
        ("unpack_limit", function!(unpack_limit)),
    ];
    for (name, raw) in functions {
        lua.push_function(raw);
        lua.set_field(-2, name);
    }
    let texts = [
        ("_NAME", "cmsgpack"),
        ("_VERSION", "lua-cmsgpack 0.4.0"),
        ("_COPYRIGHT", "Copyright (C) 2012, Salvatore Sanfilippo"),
        ("_DESCRIPTION", "MessagePack C implementation for Lua"),
    ];
    for (name, text) in texts {
        lua.push_text(text.as_bytes());
        lua.set_field(-2, name);
    }
}
