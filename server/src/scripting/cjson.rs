//! `cjson`: JSON both ways, as lua-cjson 2.1.0 does it.

use super::format;
use super::lua::{Kind, Raise, Results, State, function};

/// What to do with numbers that JSON does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Invalid {
    Refuse,
    Write,
    Null,
}

/// What scripts can set in an instance of the library; that of all scripts lasts until the interpreter is made anew.
#[derive(Debug, Clone, Copy)]
struct Settings {
    sparse_convert: bool,
    sparse_ratio: i32,
    sparse_safe: i32,
    encode_depth: i32,
    decode_depth: i32,
    encode_invalid: Invalid,
    decode_invalid: bool,
    precision: i32,
    keep_buffer: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            sparse_convert: false,
            sparse_ratio: 2,
            sparse_safe: 10,
            encode_depth: 1000,
            decode_depth: 1000,
            encode_invalid: Invalid::Refuse,
            decode_invalid: true,
            precision: 14,
            keep_buffer: true,
        }
    }
}

/// The settings of the instance whose function runs. The reference must end before anything else of the interpreter is used.
#[expect(clippy::mut_from_ref, reason = "they live in the interpreter, which one thread uses at a time")]
fn settings(lua: &State) -> &mut Settings {
    // SAFETY: `push` gave each of these functions userdata that holds them, and the collector keeps it while the function is there.
    unsafe { &mut *lua.own_data().cast::<Settings>() }
}

/// How many bytes at the start stand in a JSON text as they are. Looks at whole blocks first, which the compiler turns into a few
/// instructions each.
fn plain_len(text: &[u8]) -> usize {
    const BLOCK: usize = 16;
    const fn is_escaped(byte: u8) -> bool {
        byte < 32 || matches!(byte, 127 | b'"' | b'\\' | b'/')
    }
    const ESCAPED: [bool; 256] = {
        let (mut table, mut byte) = ([false; 256], 0);
        while byte < 256 {
            table[byte] = is_escaped(byte as u8);
            byte += 1;
        }
        table
    };
    let is_plain = |block: &&[u8]| !block.iter().fold(false, |any, &byte| any | is_escaped(byte));
    let blocks = text.chunks_exact(BLOCK).take_while(is_plain).count() * BLOCK;
    let rest = &text[blocks..];
    blocks + rest.iter().position(|&byte| ESCAPED[usize::from(byte)]).unwrap_or(rest.len())
}

/// As long are most strings of documents.
const SHORT: usize = 16;
/// Bytes that a buffer begins with: enough for most documents.
const ROOM: usize = 1024;

struct Writer {
    lua: State,
    out: Vec<u8>,
    settings: Settings,
}

impl Writer {
    fn refuse<T>(&self, index: i32, reason: &str) -> Result<T, Raise> {
        Err(Raise::here(format!("Cannot serialise {}: {reason}", self.lua.type_name(index))))
    }

    fn text(&mut self, text: &[u8]) -> Result<(), Raise> {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        self.out.push(b'"');
        // Memory beyond what Lua may hold is not to be had here either.
        for chunk in text.chunks(1 << 16) {
            self.check_memory()?;
            let mut rest = chunk;
            loop {
                let (plain, escaped) = rest.split_at(plain_len(rest));
                self.out.extend_from_slice(plain);
                let Some((&byte, behind)) = escaped.split_first() else { break };
                rest = behind;
                match byte {
                    b'"' | b'\\' | b'/' => self.out.extend_from_slice(&[b'\\', byte]),
                    8 => self.out.extend_from_slice(b"\\b"),
                    9 => self.out.extend_from_slice(b"\\t"),
                    10 => self.out.extend_from_slice(b"\\n"),
                    12 => self.out.extend_from_slice(b"\\f"),
                    13 => self.out.extend_from_slice(b"\\r"),
                    0..32 | 127 => {
                        let digits = [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
                        self.out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digits[0], digits[1]]);
                    }
                    _ => self.out.push(byte),
                }
            }
        }
        self.out.push(b'"');
        Ok(())
    }

    fn check_memory(&self) -> Result<(), Raise> {
        if self.out.len() <= super::memory::LIMIT / 2 {
            return Ok(());
        }
        self.lua.push_text(b"not enough memory");
        Err(Raise::Top)
    }

    fn number(&mut self, index: i32) -> Result<(), Raise> {
        let number = self.lua.number(index).unwrap_or_default();
        match self.settings.encode_invalid {
            Invalid::Refuse if !number.is_finite() => return self.refuse(index, "must not be NaN or Inf"),
            Invalid::Write if number.is_nan() => self.out.extend_from_slice(b"nan"),
            Invalid::Null if !number.is_finite() => self.out.extend_from_slice(b"null"),
            _ => format::general(&mut self.out, number, self.settings.precision),
        }
        Ok(())
    }

    /// The length of the table on top, if it is an array: 0 for an empty table too.
    fn array_len(&self) -> Result<Option<i32>, Raise> {
        let lua = self.lua;
        let (mut max, mut items) = (0_i32, 0_i32);
        lua.push_nil();
        while lua.next(-2) {
            let key = if lua.kind(-2) == Kind::Number { lua.number(-2) } else { None };
            match key {
                Some(key) if key.fract() == 0.0 && key >= 1.0 => {
                    // What does not fit is the smallest integer where C casts it, and so never the largest key.
                    if key > f64::from(max) {
                        max = if key <= f64::from(i32::MAX) { key as i32 } else { i32::MIN };
                    }
                    items += 1;
                    lua.pop(1);
                }
                _ => {
                    lua.pop(2);
                    return Ok(None);
                }
            }
        }
        let Settings { sparse_ratio, sparse_safe, sparse_convert, .. } = self.settings;
        if sparse_ratio > 0 && max > items.wrapping_mul(sparse_ratio) && max > sparse_safe {
            if !sparse_convert {
                return self.refuse(-1, "excessively sparse array");
            }
            return Ok(None);
        }
        Ok(Some(max))
    }

    /// Writes the value on top, which stays.
    fn value(&mut self, depth: i32) -> Result<(), Raise> {
        let lua = self.lua;
        match lua.kind(-1) {
            Kind::Text => self.text(lua.text(-1).unwrap_or_default())?,
            Kind::Number => self.number(-1)?,
            Kind::Boolean => self.out.extend_from_slice(if lua.truth(-1) { b"true" } else { b"false" }),
            Kind::Nil => self.out.extend_from_slice(b"null"),
            Kind::LightUserdata if lua.userdata(-1).is_null() => self.out.extend_from_slice(b"null"),
            Kind::Table => {
                let depth = depth + 1;
                if depth > self.settings.encode_depth || !lua.reserve(3) {
                    return Err(Raise::here(format!("Cannot serialise, excessive nesting ({depth})")));
                }
                match self.array_len()? {
                    Some(len) if len > 0 => self.array(depth, len)?,
                    _ => self.object(depth)?,
                }
            }
            _ => return self.refuse(-1, "type not supported"),
        }
        self.check_memory()
    }

    fn array(&mut self, depth: i32, len: i32) -> Result<(), Raise> {
        self.out.push(b'[');
        for item in 1..=len {
            if item > 1 {
                self.out.push(b',');
            }
            self.lua.item(-1, item);
            self.value(depth)?;
            self.lua.pop(1);
        }
        self.out.push(b']');
        Ok(())
    }

    fn object(&mut self, depth: i32) -> Result<(), Raise> {
        let lua = self.lua;
        self.out.push(b'{');
        let mut first = true;
        lua.push_nil();
        while lua.next(-2) {
            if !std::mem::take(&mut first) {
                self.out.push(b',');
            }
            match lua.kind(-2) {
                Kind::Number => {
                    self.out.push(b'"');
                    self.number(-2)?;
                    self.out.push(b'"');
                }
                Kind::Text => self.text(lua.text(-2).unwrap_or_default())?,
                _ => return self.refuse(-2, "table key must be a number or string"),
            }
            self.out.push(b':');
            self.value(depth)?;
            lua.pop(1);
        }
        self.out.push(b'}');
        Ok(())
    }
}

fn one_argument(lua: State) -> Result<(), Raise> {
    if lua.top() == 1 { Ok(()) } else { Err(Raise::Argument(1, "expected 1 argument".into())) }
}

fn encode(lua: State) -> Results {
    one_argument(lua)?;
    let mut writer = Writer { lua, out: Vec::with_capacity(ROOM), settings: *settings(&lua) };
    writer.value(0)?;
    lua.push_text(&writer.out);
    Ok(1)
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    ObjectBegin,
    ObjectEnd,
    ArrayBegin,
    ArrayEnd,
    /// Its bytes are in the reader's scratch.
    Text,
    Number(f64),
    Boolean(bool),
    Null,
    Colon,
    Comma,
    End,
    Error(&'static str),
}

impl Token {
    fn name(&self) -> &'static str {
        match self {
            Self::ObjectBegin => "T_OBJ_BEGIN",
            Self::ObjectEnd => "T_OBJ_END",
            Self::ArrayBegin => "T_ARR_BEGIN",
            Self::ArrayEnd => "T_ARR_END",
            Self::Text => "T_STRING",
            Self::Number(_) => "T_NUMBER",
            Self::Boolean(_) => "T_BOOLEAN",
            Self::Null => "T_NULL",
            Self::Colon => "T_COLON",
            Self::Comma => "T_COMMA",
            Self::End => "T_END",
            Self::Error(text) => text,
        }
    }
}

/// Reads tokens. The text ends with a NUL, and so does what is understood of it.
struct Reader<'a> {
    lua: State,
    /// The argument, which stays on the stack.
    text: &'a [u8],
    at: usize,
    /// Where the last token began, or where it went wrong.
    token_at: usize,
    scratch: Vec<u8>,
    depth: i32,
    most_depth: i32,
    invalid_numbers: bool,
}

impl Reader<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.text.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn wrong(&mut self, text: &'static str) -> Token {
        self.token_at = self.at;
        Token::Error(text)
    }

    fn token(&mut self) -> Token {
        while matches!(self.peek(0), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
        self.token_at = self.at;
        let single = match self.peek(0) {
            b'{' => Token::ObjectBegin,
            b'}' => Token::ObjectEnd,
            b'[' => Token::ArrayBegin,
            b']' => Token::ArrayEnd,
            b',' => Token::Comma,
            b':' => Token::Colon,
            0 => return Token::End,
            b'"' => return self.string(),
            b'-' | b'0'..=b'9' => {
                if !self.invalid_numbers && self.is_invalid_number() {
                    return self.wrong("invalid number");
                }
                return self.number();
            }
            b'f' | b'i' | b'I' | b'n' | b'N' | b't' | b'+' => return self.word(),
            _ => return self.wrong("invalid token"),
        };
        self.at += 1;
        single
    }

    fn word(&mut self) -> Token {
        let words = [("true", Token::Boolean(true)), ("false", Token::Boolean(false)), ("null", Token::Null)];
        for (word, token) in words {
            if self.text[self.at..].starts_with(word.as_bytes()) {
                self.at += word.len();
                return token;
            }
        }
        if self.invalid_numbers && self.is_invalid_number() { self.number() } else { self.wrong("invalid token") }
    }

    fn number(&mut self) -> Token {
        let (number, len) = format::read_prefix(&self.text[self.at..]);
        if len == 0 {
            return self.wrong("invalid number");
        }
        self.at += len;
        Token::Number(number)
    }

    /// Numbers that C reads and JSON does not have.
    fn is_invalid_number(&self) -> bool {
        let mut at = 0;
        match self.peek(0) {
            b'+' => return true,
            b'-' => at = 1,
            _ => {}
        }
        match self.peek(at) {
            b'0' => matches!(self.peek(at + 1), b'x' | b'X' | b'0'..=b'9'),
            // Bytes are signed here.
            first if (first as i8) <= b'9' as i8 => false,
            _ => {
                let word = [0, 1, 2].map(|ahead| self.peek(at + ahead).to_ascii_lowercase());
                &word == b"inf" || &word == b"nan"
            }
        }
    }

    fn string(&mut self) -> Token {
        self.at += 1;
        self.scratch.clear();
        loop {
            let rest = &self.text[self.at..];
            // Most strings are short; a search that looks at many bytes at once pays for the others.
            let is_end = |byte: &u8| matches!(byte, b'"' | b'\\' | 0);
            let near = rest.iter().take(SHORT).position(is_end);
            let far = || Some(SHORT + memchr::memchr3(b'"', b'\\', 0, rest.get(SHORT..)?)?);
            let plain = near.or_else(far).unwrap_or(rest.len());
            self.scratch.extend_from_slice(&rest[..plain]);
            self.at += plain;
            match self.peek(0) {
                b'"' => break,
                0 => return self.wrong("unexpected end of string"),
                b'\\' => {
                    let plain = match self.peek(1) {
                        escaped @ (b'"' | b'\\' | b'/') => escaped,
                        b'b' => 8,
                        b't' => 9,
                        b'n' => 10,
                        b'f' => 12,
                        b'r' => 13,
                        b'u' => match self.unicode() {
                            Some(()) => continue,
                            None => return self.wrong("invalid unicode escape code"),
                        },
                        _ => return self.wrong("invalid escape code"),
                    };
                    self.scratch.push(plain);
                    self.at += 2;
                }
                _ => {}
            }
        }
        self.at += 1;
        Token::Text
    }

    fn hex(&self, ahead: usize) -> Option<u32> {
        (0..4).try_fold(0, |number, digit| Some(number << 4 | (self.peek(ahead + digit) as char).to_digit(16)?))
    }

    /// `\uXXXX`, or two of them that are a pair of surrogates.
    fn unicode(&mut self) -> Option<()> {
        let mut point = self.hex(2)?;
        let mut len = 6;
        if point & 0xf800 == 0xd800 {
            if point & 0x400 != 0 || self.peek(6) != b'\\' || self.peek(7) != b'u' {
                return None;
            }
            let low = self.hex(8)?;
            if low & 0xfc00 != 0xdc00 {
                return None;
            }
            point = ((point & 0x3ff) << 10 | (low & 0x3ff)) + 0x1_0000;
            len = 12;
        }
        let mut utf8 = [0; 4];
        self.scratch.extend_from_slice(char::from_u32(point)?.encode_utf8(&mut utf8).as_bytes());
        self.at += len;
        Some(())
    }

    fn unexpected<T>(&self, expected: &str, token: &Token) -> Result<T, Raise> {
        let text = format!("Expected {expected} but found {} at character {}", token.name(), self.token_at + 1);
        Err(Raise::here(text))
    }

    fn descend(&mut self, slots: i32) -> Result<(), Raise> {
        self.depth += 1;
        if self.depth <= self.most_depth && self.lua.reserve(slots) {
            return Ok(());
        }
        let text = format!("Found too many nested data structures ({}) at character {}", self.depth, self.at);
        Err(Raise::here(text))
    }

    /// Pushes the value that begins with a token.
    fn value(&mut self, token: Token) -> Result<(), Raise> {
        match token {
            Token::Text => self.lua.push_text(&self.scratch),
            Token::Number(number) => self.lua.push_number(number),
            Token::Boolean(truth) => self.lua.push_truth(truth),
            Token::Null => self.lua.push_null(),
            Token::ObjectBegin => return self.object(),
            Token::ArrayBegin => return self.array(),
            other => return self.unexpected("value", &other),
        }
        Ok(())
    }

    fn object(&mut self) -> Result<(), Raise> {
        self.descend(3)?;
        self.lua.push_table(0, 0);
        let mut token = self.token();
        if token != Token::ObjectEnd {
            loop {
                if token != Token::Text {
                    return self.unexpected("object key string", &token);
                }
                self.lua.push_text(&self.scratch);
                token = self.token();
                if token != Token::Colon {
                    return self.unexpected("colon", &token);
                }
                token = self.token();
                self.value(token)?;
                self.lua.set(-3);
                match self.token() {
                    Token::ObjectEnd => break,
                    Token::Comma => token = self.token(),
                    other => return self.unexpected("comma or object end", &other),
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn array(&mut self) -> Result<(), Raise> {
        self.descend(2)?;
        self.lua.push_table(0, 0);
        let mut token = self.token();
        if token != Token::ArrayEnd {
            for item in 1.. {
                self.value(token)?;
                self.lua.set_item(-2, item);
                match self.token() {
                    Token::ArrayEnd => break,
                    Token::Comma => token = self.token(),
                    other => return self.unexpected("comma or array end", &other),
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }
}

fn decode(lua: State) -> Results {
    one_argument(lua)?;
    let text = lua.want_text(1)?;
    if text.len() >= 2 && text[..2].contains(&0) {
        return Err(Raise::here("JSON parser does not support UTF-16 or UTF-32"));
    }
    let Settings { decode_depth, decode_invalid, .. } = *settings(&lua);
    let mut reader = Reader {
        lua,
        text,
        at: 0,
        token_at: 0,
        scratch: Vec::with_capacity(ROOM),
        depth: 0,
        most_depth: decode_depth,
        invalid_numbers: decode_invalid,
    };
    let token = reader.token();
    reader.value(token)?;
    match reader.token() {
        Token::End => Ok(1),
        other => reader.unexpected("the end", &other),
    }
}

/// Pads the arguments of a setting with nil.
fn arguments(lua: State, most: i32) -> Result<(), Raise> {
    if lua.top() > most {
        return Err(Raise::Argument(most + 1, "found too many arguments".into()));
    }
    lua.set_top(most);
    Ok(())
}

fn integer(lua: State, index: i32, setting: fn(&mut Settings) -> &mut i32, range: (i32, i32)) -> Results {
    if lua.kind(index) != Kind::Nil {
        let value = lua.want_int(index)?;
        if value < range.0 || value > range.1 {
            return Err(Raise::Argument(1, format!("expected integer between {} and {}", range.0, range.1).into()));
        }
        *setting(settings(&lua)) = value;
    }
    lua.push_number(f64::from(*setting(settings(&lua))));
    Ok(1)
}

/// The place of a word among those that a setting knows; a truth value is the first or the second.
fn choice(lua: State, index: i32, words: &[&str]) -> Result<Option<usize>, Raise> {
    match lua.kind(index) {
        Kind::Nil => Ok(None),
        Kind::Boolean => Ok(Some(usize::from(lua.truth(index)))),
        _ => {
            // To C, a text ends with its first NUL.
            let text = lua.want_text(index)?.split(|&byte| byte == 0).next().unwrap_or_default();
            let place = words.iter().position(|word| word.as_bytes() == text);
            place.map(Some).ok_or_else(|| Raise::Argument(index, [b"invalid option '", text, b"'"].concat()))
        }
    }
}

fn switch(lua: State, index: i32, setting: fn(&mut Settings) -> &mut bool) -> Results {
    if let Some(place) = choice(lua, index, &["off", "on"])? {
        *setting(settings(&lua)) = place == 1;
    }
    lua.push_truth(*setting(settings(&lua)));
    Ok(1)
}

fn encode_sparse_array(lua: State) -> Results {
    arguments(lua, 3)?;
    switch(lua, 1, |settings| &mut settings.sparse_convert)?;
    integer(lua, 2, |settings| &mut settings.sparse_ratio, (0, i32::MAX))?;
    integer(lua, 3, |settings| &mut settings.sparse_safe, (0, i32::MAX))?;
    Ok(3)
}

fn encode_max_depth(lua: State) -> Results {
    arguments(lua, 1)?;
    integer(lua, 1, |settings| &mut settings.encode_depth, (1, i32::MAX))
}

fn decode_max_depth(lua: State) -> Results {
    arguments(lua, 1)?;
    integer(lua, 1, |settings| &mut settings.decode_depth, (1, i32::MAX))
}

fn encode_number_precision(lua: State) -> Results {
    arguments(lua, 1)?;
    integer(lua, 1, |settings| &mut settings.precision, (1, 14))
}

fn encode_keep_buffer(lua: State) -> Results {
    arguments(lua, 1)?;
    switch(lua, 1, |settings| &mut settings.keep_buffer)
}

fn decode_invalid_numbers(lua: State) -> Results {
    arguments(lua, 1)?;
    switch(lua, 1, |settings| &mut settings.decode_invalid)
}

fn encode_invalid_numbers(lua: State) -> Results {
    arguments(lua, 1)?;
    const ALL: [Invalid; 3] = [Invalid::Refuse, Invalid::Write, Invalid::Null];
    if let Some(place) = choice(lua, 1, &["off", "on", "null"])? {
        settings(&lua).encode_invalid = ALL[place];
    }
    match settings(&lua).encode_invalid {
        Invalid::Refuse => lua.push_truth(false),
        Invalid::Write => lua.push_truth(true),
        Invalid::Null => lua.push_text(b"null"),
    }
    Ok(1)
}

/// `cjson.new()`: another instance, with settings of its own.
fn new(lua: State) -> Results {
    push(lua);
    Ok(1)
}

/// Pushes an instance of the library.
pub(super) fn push(lua: State) {
    lua.push_table(0, 13);
    let place = lua.push_userdata(size_of::<Settings>()).cast::<Settings>();
    // SAFETY: the block is new, as large as this, and aligned for any value; nothing in it has to be dropped.
    unsafe { place.write(Settings::default()) };
    let functions = [
        ("encode", function!(encode)),
        ("decode", function!(decode)),
        ("encode_sparse_array", function!(encode_sparse_array)),
        ("encode_max_depth", function!(encode_max_depth)),
        ("decode_max_depth", function!(decode_max_depth)),
        ("encode_number_precision", function!(encode_number_precision)),
        ("encode_keep_buffer", function!(encode_keep_buffer)),
        ("encode_invalid_numbers", function!(encode_invalid_numbers)),
        ("decode_invalid_numbers", function!(decode_invalid_numbers)),
        ("new", function!(new)),
    ];
    for (name, raw) in functions {
        lua.push_value(-1);
        lua.push_function_with(raw);
        lua.set_field(-3, name);
    }
    lua.pop(1);
    lua.push_null();
    lua.set_field(-2, "null");
    for (name, text) in [("_NAME", "cjson"), ("_VERSION", "2.1.0")] {
        lua.push_text(text.as_bytes());
        lua.set_field(-2, name);
    }
}
