//! The smallest parts of RDB: op codes, type codes, and writers that append to a `Vec<u8>`.

use crate::base::{crc64::Crc64, lzf, numbers};

use super::RDB_VERSION;

/// A Lua function library follows.
pub const OP_FUNCTION2: u8 = 245;
/// A function library in the form of the release candidates of 7.0; refused.
pub const OP_FUNCTION_PRE_GA: u8 = 246;
/// A module's auxiliary field follows.
pub const OP_MODULE_AUX: u8 = 247;
/// The next key's idle time in seconds follows.
pub const OP_IDLE: u8 = 248;
/// The next key's LFU frequency follows.
pub const OP_FREQ: u8 = 249;
/// An auxiliary field follows: name and text.
pub const OP_AUX: u8 = 250;
/// The sizes of the database follow: keys, and keys with an expiry.
pub const OP_RESIZE_DB: u8 = 251;
/// The next key's expiry in milliseconds follows.
pub const OP_EXPIRE_MS: u8 = 252;
/// The next key's expiry in seconds follows.
pub const OP_EXPIRE_SECONDS: u8 = 253;
/// The number of the database follows.
pub const OP_SELECT_DB: u8 = 254;
/// The end; the checksum follows.
pub const OP_EOF: u8 = 255;

/// How a value is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names are those of the format; older ones say what they hold")]
pub enum ValueType {
    String = 0,
    List = 1,
    Set = 2,
    ZsetText = 3,
    Hash = 4,
    Zset = 5,
    ModulePreGa = 6,
    Module = 7,
    HashZipmap = 9,
    ListZiplist = 10,
    SetIntset = 11,
    ZsetZiplist = 12,
    HashZiplist = 13,
    ListQuicklist = 14,
    StreamListpacks = 15,
    HashListpack = 16,
    ZsetListpack = 17,
    ListQuicklist2 = 18,
    StreamListpacks2 = 19,
}

impl ValueType {
    /// The type of a code byte.
    pub fn from_code(code: u8) -> Option<Self> {
        use ValueType as V;
        const ALL: [V; 19] = [
            V::String,
            V::List,
            V::Set,
            V::ZsetText,
            V::Hash,
            V::Zset,
            V::ModulePreGa,
            V::Module,
            V::HashZipmap,
            V::ListZiplist,
            V::SetIntset,
            V::ZsetZiplist,
            V::HashZiplist,
            V::ListQuicklist,
            V::StreamListpacks,
            V::HashListpack,
            V::ZsetListpack,
            V::ListQuicklist2,
            V::StreamListpacks2,
        ];
        ALL.into_iter().find(|known| known.code() == code)
    }

    /// The code byte.
    pub fn code(self) -> u8 {
        self as u8
    }
}

/// The encodings of strings that are not plain bytes, in the low bits of a `11xxxxxx` length.
pub(super) const STRING_INT8: u8 = 0xc0;
pub(super) const STRING_INT16: u8 = 0xc1;
pub(super) const STRING_INT32: u8 = 0xc2;
pub(super) const STRING_LZF: u8 = 0xc3;
pub(super) const LENGTH_32: u8 = 0x80;
pub(super) const LENGTH_64: u8 = 0x81;

/// The length in bytes from which strings are compressed; shorter ones are not worth it.
const COMPRESS_FROM: usize = 21;

/// Appends a length: one byte below 64, two below 16384, else five or nine.
#[inline]
pub fn write_length(out: &mut Vec<u8>, length: u64) {
    if length < 1 << 6 {
        out.push(length as u8);
    } else if length < 1 << 14 {
        out.extend_from_slice(&[0x40 | (length >> 8) as u8, length as u8]);
    } else if let Ok(short) = u32::try_from(length) {
        out.push(LENGTH_32);
        out.extend_from_slice(&short.to_be_bytes());
    } else {
        out.push(LENGTH_64);
        out.extend_from_slice(&length.to_be_bytes());
    }
}

/// Appends a string: as an integer if it is the text of one of up to 32 bits, compressed if that is enabled and saves space,
/// or as it is.
#[inline]
pub fn write_string(out: &mut Vec<u8>, text: &[u8], compress: bool) {
    if text.len() <= 11
        && let Some(value) = numbers::parse_i64(text)
        && write_small_int(out, value)
    {
        return;
    }
    if compress && text.len() >= COMPRESS_FROM && write_compressed(out, text) {
        return;
    }
    write_length(out, text.len() as u64);
    out.extend_from_slice(text);
}

/// Appends an integer as a string: in one, two or four bytes if possible, else as its text.
pub fn write_int_string(out: &mut Vec<u8>, value: i64) {
    if !write_small_int(out, value) {
        let mut buffer = itoa::Buffer::new();
        let text = buffer.format(value).as_bytes();
        write_length(out, text.len() as u64);
        out.extend_from_slice(text);
    }
}

fn write_small_int(out: &mut Vec<u8>, value: i64) -> bool {
    let (mark, width) = match value {
        -0x80..=0x7f => (STRING_INT8, 1),
        -0x8000..=0x7fff => (STRING_INT16, 2),
        -0x8000_0000..=0x7fff_ffff => (STRING_INT32, 4),
        _ => return false,
    };
    out.push(mark);
    out.extend_from_slice(&value.to_le_bytes()[..width]);
    true
}

fn write_compressed(out: &mut Vec<u8>, text: &[u8]) -> bool {
    thread_local! {
        static PACKED: std::cell::RefCell<Vec<u8>> = const { std::cell::RefCell::new(Vec::new()) };
    }
    PACKED.with_borrow_mut(|packed| {
        packed.clear();
        let pays = lzf::compress(text, text.len() - 4, packed);
        if pays {
            write_lzf(out, packed, text.len());
        }
        if packed.capacity() > 1 << 20 {
            *packed = Vec::new();
        }
        pays
    })
}

/// Appends a string that is compressed already, with its length before compression.
pub fn write_lzf(out: &mut Vec<u8>, packed: &[u8], plain_length: usize) {
    out.push(STRING_LZF);
    write_length(out, packed.len() as u64);
    write_length(out, plain_length as u64);
    out.extend_from_slice(packed);
}

/// Appends a time in milliseconds.
#[inline]
pub fn write_millis(out: &mut Vec<u8>, time: i64) {
    out.extend_from_slice(&time.to_le_bytes());
}

/// Appends a score in binary.
#[inline]
pub fn write_double(out: &mut Vec<u8>, value: f64) {
    out.extend_from_slice(&value.to_le_bytes());
}

/// Appends the nine bytes that start a file.
pub fn write_header(out: &mut Vec<u8>) {
    out.extend_from_slice(format!("REDIS{RDB_VERSION:04}").as_bytes());
}

/// Appends an auxiliary field.
pub fn write_aux(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.push(OP_AUX);
    write_string(out, name.as_bytes(), false);
    write_string(out, value, false);
}

/// Appends an auxiliary field that holds an integer.
pub fn write_aux_int(out: &mut Vec<u8>, name: &str, value: i64) {
    out.push(OP_AUX);
    write_string(out, name.as_bytes(), false);
    write_int_string(out, value);
}

/// Appends the switch to a database.
pub fn write_select_db(out: &mut Vec<u8>, db: u64) {
    out.push(OP_SELECT_DB);
    write_length(out, db);
}

/// Appends the sizes of the database just selected.
pub fn write_resize_db(out: &mut Vec<u8>, keys: u64, expires: u64) {
    out.push(OP_RESIZE_DB);
    write_length(out, keys);
    write_length(out, expires);
}

/// Appends the expiry of the next key, in milliseconds since 1970.
pub fn write_expiry(out: &mut Vec<u8>, at: i64) {
    out.push(OP_EXPIRE_MS);
    write_millis(out, at);
}

/// Appends the idle time of the next key, in seconds (under an LRU policy).
pub fn write_idle(out: &mut Vec<u8>, seconds: u64) {
    out.push(OP_IDLE);
    write_length(out, seconds);
}

/// Appends the access frequency of the next key (under an LFU policy).
pub fn write_freq(out: &mut Vec<u8>, frequency: u8) {
    out.extend_from_slice(&[OP_FREQ, frequency]);
}

/// Appends the code of a function library.
pub fn write_function(out: &mut Vec<u8>, code: &[u8], compress: bool) {
    out.push(OP_FUNCTION2);
    write_string(out, code, compress);
}

/// Appends the start of an entry: type and key. The value's bytes follow (see [`super::encode`]).
pub fn write_entry_head(out: &mut Vec<u8>, value_type: ValueType, key: &[u8], compress: bool) {
    out.push(value_type.code());
    write_string(out, key, compress);
}

/// Appends the end of a file. `checksum` covers everything before it; `None` writes zero, which means 'not checked'.
pub fn write_end(out: &mut Vec<u8>, checksum: Option<Crc64>) {
    out.push(OP_EOF);
    let value = checksum.map_or(0, |mut digest| {
        digest.update(&[OP_EOF]);
        digest.value()
    });
    out.extend_from_slice(&value.to_le_bytes());
}
