//! Converting replies to Lua values, and Lua values to replies.

use super::lua::{Kind, State, to_integer};
use crate::base::numbers::parse_i64;
use crate::resp::Reply;

/// The error for a reply that is nested too deeply for Lua's stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooDeep;

fn line<'a>(bytes: &mut &'a [u8]) -> &'a [u8] {
    let end = memchr::memchr(b'\r', bytes).unwrap_or(bytes.len());
    let line = &bytes[..end];
    *bytes = bytes.get(end + 2..).unwrap_or_default();
    line
}

fn block<'a>(bytes: &mut &'a [u8], len: usize) -> &'a [u8] {
    let len = len.min(bytes.len());
    let block = &bytes[..len];
    *bytes = bytes.get(len + 2..).unwrap_or_default();
    block
}

/// Pushes a table with one field.
fn push_single(lua: State, name: &str, text: &[u8]) {
    lua.push_table(0, 1);
    lua.push_text(text);
    lua.set_field(-2, name);
}

/// Pushes the table that stands for an error. A text that begins with `-` has its code; others get `ERR`.
pub fn push_error(lua: State, text: &[u8], counted: bool) {
    let end = text.iter().position(|&byte| byte == 0).unwrap_or(text.len());
    let (code, message): (&[u8], &[u8]) = match text[..end].strip_prefix(b"-") {
        Some(text) => match text.iter().position(|&byte| byte == b' ') {
            Some(blank) => (&text[..blank], &text[blank + 1..]),
            None => (b"ERR", text),
        },
        None => (b"ERR", &text[..end]),
    };
    let is_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let start = message.iter().position(|byte| !is_end(byte)).unwrap_or(message.len());
    let end = message.iter().rposition(|byte| !is_end(byte)).map_or(start, |last| last + 1);
    push_single(lua, "err", &[code, b" ", &message[start..end]].concat());
    if counted {
        lua.push_truth(true);
        lua.set_field(-2, "ignore_error_stats_update");
    }
}

/// Pushes the value of the reply at the start of `bytes`, and advances `bytes` past it.
///
/// # Errors
/// The stack is full; what it then contains is unspecified.
pub fn push_reply(lua: State, bytes: &mut &[u8]) -> Result<(), TooDeep> {
    if !lua.reserve(8) {
        return Err(TooDeep);
    }
    let head = line(bytes);
    let Some((&kind, rest)) = head.split_first() else {
        lua.push_nil();
        return Ok(());
    };
    let number = || parse_i64(rest).unwrap_or(0);
    match kind {
        b':' => lua.push_number(number() as f64),
        b'+' => push_single(lua, "ok", rest),
        b'-' => push_error(lua, head, true),
        b'$' | b'*' if rest.first() == Some(&b'-') => lua.push_truth(false),
        b'$' => lua.push_text(block(bytes, number() as usize)),
        b'*' | b'>' => {
            let len = number();
            lua.push_table(len as usize, 0);
            let mut has_nil = false;
            for item in 1..=len {
                push_reply(lua, bytes)?;
                has_nil |= lua.kind(-1) == Kind::Nil;
                lua.set_item(-2, item as i32);
            }
            if has_nil {
                // How long such a table is depends on how it grew: in Redis it had no room from the start.
                lua.push_table(0, 0);
                for item in 1..=len {
                    lua.item(-2, item as i32);
                    lua.set_item(-2, item as i32);
                }
                lua.remove(-2);
            }
        }
        b'%' => {
            lua.push_table(0, 1);
            lua.push_table(0, number() as usize);
            for _ in 0..number() {
                push_reply(lua, bytes)?;
                push_reply(lua, bytes)?;
                set_unless_nil(lua);
            }
            lua.set_field(-2, "map");
        }
        b'~' => {
            lua.push_table(0, 1);
            lua.push_table(0, number() as usize);
            for _ in 0..number() {
                push_reply(lua, bytes)?;
                lua.push_truth(true);
                set_unless_nil(lua);
            }
            lua.set_field(-2, "set");
        }
        b'#' => lua.push_truth(rest == b"t"),
        b',' => {
            lua.push_table(0, 1);
            lua.push_number(super::format::read_bytes(rest));
            lua.set_field(-2, "double");
        }
        b'(' => push_single(lua, "big_number", rest),
        b'|' => {
            // Attributes are hidden from scripts; the reply itself follows them.
            for _ in 0..number() * 2 {
                push_reply(lua, bytes)?;
                lua.pop(1);
            }
            push_reply(lua, bytes)?;
        }
        b'=' => {
            let text = block(bytes, number() as usize);
            let (format, text) = text.split_at(4.min(text.len()));
            lua.push_table(0, 1);
            lua.push_table(0, 2);
            lua.push_text(text);
            lua.set_field(-2, "string");
            lua.push_text(&format[..3.min(format.len())]);
            lua.set_field(-2, "format");
            lua.set_field(-2, "verbatim_string");
        }
        _ => lua.push_nil(),
    }
    Ok(())
}

/// Pops value and key and sets them in the table below, unless the key is nil, which Lua does not allow.
fn set_unless_nil(lua: State) {
    let nan = lua.kind(-2) == Kind::Number && lua.number(-2).is_some_and(f64::is_nan);
    if lua.kind(-2) == Kind::Nil || nan { lua.pop(2) } else { lua.set(-3) }
}

/// A text without line ends, as status replies must be.
fn on_one_line(text: &[u8]) -> Vec<u8> {
    text.iter().map(|&byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { byte }).collect()
}

fn until_nul(text: &[u8]) -> &[u8] {
    &text[..text.iter().position(|&byte| byte == 0).unwrap_or(text.len())]
}

/// Writes the values that scripts return as replies.
pub struct ReplyWriter<'a, 'b> {
    /// Where the reply is written.
    pub reply: &'a mut Reply<'b>,
    /// Whether `redis.setresp(3)` was called, which keeps booleans.
    pub resp3: bool,
    /// Errors that were written and still have to be counted.
    pub errors: Vec<Vec<u8>>,
}

impl ReplyWriter<'_, '_> {
    /// Writes and pops the value on top.
    pub fn write(&mut self, lua: State) {
        if !lua.reserve(6) {
            self.error(b"ERR reached lua stack limit", false);
            return lua.pop(1);
        }
        match lua.kind(-1) {
            Kind::Text => self.reply.bulk(lua.text(-1).unwrap_or_default()),
            Kind::Boolean if self.resp3 => self.reply.boolean(lua.truth(-1)),
            Kind::Boolean if lua.truth(-1) => self.reply.integer(1),
            Kind::Number => self.reply.integer(to_integer(lua.number(-1).unwrap_or_default())),
            Kind::Table => self.table(lua),
            _ => self.reply.null(),
        }
        lua.pop(1);
    }

    fn error(&mut self, text: &[u8], counted: bool) {
        self.reply.error(text);
        if !counted {
            self.errors.push(text.to_vec());
        }
    }

    /// Pushes a field of the table on top, if it is of the given kind.
    fn field(lua: State, name: &str, kind: Kind) -> bool {
        lua.field(-1, name);
        let found = lua.kind(-1) == kind;
        if !found {
            lua.pop(1);
        }
        found
    }

    fn table(&mut self, lua: State) {
        if Self::field(lua, "err", Kind::Text) {
            lua.pop(1);
            let (text, counted) = error_text(lua);
            return self.error(&text, counted);
        }
        if Self::field(lua, "ok", Kind::Text) {
            let text = on_one_line(until_nul(lua.text(-1).unwrap_or_default()));
            self.reply.raw(&[b"+", text.as_slice(), b"\r\n"].concat());
            return lua.pop(1);
        }
        if Self::field(lua, "double", Kind::Number) {
            self.reply.double(lua.number(-1).unwrap_or_default());
            return lua.pop(1);
        }
        if Self::field(lua, "big_number", Kind::Text) {
            let digits = on_one_line(lua.text(-1).unwrap_or_default());
            if self.reply.is_resp3() {
                self.reply.raw(&[b"(", digits.as_slice(), b"\r\n"].concat());
            } else {
                self.reply.bulk(&digits);
            }
            return lua.pop(1);
        }
        if Self::field(lua, "verbatim_string", Kind::Table) {
            if Self::field(lua, "format", Kind::Text) {
                let mut format = until_nul(lua.text(-1).unwrap_or_default()).to_vec();
                lua.pop(1);
                if Self::field(lua, "string", Kind::Text) {
                    format.resize(3, b' ');
                    let text = lua.text(-1).unwrap_or_default();
                    if self.reply.is_resp3() {
                        self.reply.raw(format!("={}\r\n", text.len() + 4).as_bytes());
                        self.reply.raw(&[format.as_slice(), b":", text, b"\r\n"].concat());
                    } else {
                        self.reply.bulk(text);
                    }
                    return lua.pop(2);
                }
            }
            lua.pop(1);
        }
        if Self::field(lua, "map", Kind::Table) {
            let place = self.reply.deferred_array();
            let mut pairs = 0;
            lua.push_nil();
            while lua.next(-2) {
                lua.push_value(-2);
                self.write(lua);
                self.write(lua);
                pairs += 1;
            }
            self.reply.set_deferred_map(place, pairs);
            return lua.pop(1);
        }
        if Self::field(lua, "set", Kind::Table) {
            let place = self.reply.deferred_array();
            let mut members = 0;
            lua.push_nil();
            while lua.next(-2) {
                lua.pop(1);
                lua.push_value(-1);
                self.write(lua);
                members += 1;
            }
            self.reply.set_deferred_set(place, members);
            return lua.pop(1);
        }
        let place = self.reply.deferred_array();
        let mut len = 0;
        loop {
            lua.item(-1, len + 1);
            if lua.kind(-1) == Kind::Nil {
                lua.pop(1);
                break;
            }
            self.write(lua);
            len += 1;
        }
        self.reply.set_deferred_array(place, len as usize);
    }
}

/// The text of the error table on top, which stays, and whether it was counted already.
pub(super) fn error_text(lua: State) -> (Vec<u8>, bool) {
    lua.field(-1, "err");
    let text = until_nul(lua.text(-1).unwrap_or_default()).to_vec();
    lua.pop(1);
    lua.field(-1, "ignore_error_stats_update");
    let counted = lua.kind(-1) == Kind::Boolean && lua.truth(-1);
    lua.pop(1);
    (text, counted)
}
