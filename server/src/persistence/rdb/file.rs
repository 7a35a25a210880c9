//! A whole RDB file as a sequence of items.

use std::io::Read;

use super::{
    RDB_VERSION,
    error::{ErrorKind, RdbError},
    object::RdbValue,
    primitives::{self, ValueType},
    reader::Reader,
};

/// What a file consists of.
#[derive(Debug)]
pub enum Item {
    /// A named text about the file: `redis-ver`, `ctime`, `used-mem`, `repl-id`, `repl-offset`, `repl-stream-db`,
    /// `aof-base`, … Unknown names are to be ignored.
    Aux {
        /// The name.
        name: Vec<u8>,
        /// The text.
        value: Vec<u8>,
    },
    /// The following entries belong to this database.
    SelectDb(u64),
    /// How much the selected database will hold: a hint for sizing tables, which must not be trusted with memory.
    ResizeDb {
        /// The number of keys.
        keys: u64,
        /// The number of keys with an expiry.
        expires: u64,
    },
    /// The code of a function library.
    Function(Vec<u8>),
    /// A key with its value.
    Entry(Entry),
    /// A key whose collection has no elements: to be counted and skipped.
    EmptyKey(Vec<u8>),
    /// The end; the checksum was right or absent.
    End,
}

/// A key with its value and what is known about it.
#[derive(Debug)]
pub struct Entry {
    /// The key's name.
    pub key: Vec<u8>,
    /// The decoded value, which is never an empty collection.
    pub value: RdbValue,
    /// When it expires, in milliseconds since 1970.
    pub expires_at: Option<i64>,
    /// Seconds since the last access, under an LRU policy.
    pub idle: Option<u64>,
    /// Access frequency, under an LFU policy.
    pub freq: Option<u8>,
}

/// Reads a file item by item.
pub struct FileReader<R> {
    reader: Reader<R>,
    version: u16,
    deep: bool,
}

impl<R: Read> FileReader<R> {
    /// Reads the signature. `checksum` is the `rdbchecksum` setting, `deep` whether `sanitize-dump-payload` covers this source.
    ///
    /// # Errors
    /// A wrong signature or version, or too few bytes.
    pub fn open(source: R, checksum: bool, deep: bool) -> Result<Self, RdbError> {
        let mut reader = Reader::new(source);
        if checksum {
            reader.start_checksum();
        }
        let signature: [u8; 9] = reader.array()?;
        if !signature.starts_with(b"REDIS") {
            return Err(reader.error(ErrorKind::Signature));
        }
        let digits = &signature[5..];
        if !digits.iter().all(u8::is_ascii_digit) {
            return Err(reader.error(ErrorKind::Signature));
        }
        let version = digits.iter().fold(0u16, |sum, digit| sum * 10 + u16::from(digit - b'0'));
        if !(1..=RDB_VERSION).contains(&version) {
            return Err(reader.error(ErrorKind::Version(u32::from(version))));
        }
        Ok(Self { reader, version, deep })
    }

    /// The RDB version of the file, 1 to 10.
    pub fn version(&self) -> u16 {
        self.version
    }

    /// Bytes consumed so far.
    pub fn offset(&self) -> u64 {
        self.reader.offset()
    }

    /// The reader, to make errors at the present offset or to take back what was read ahead (an AOF continues after its
    /// preamble).
    pub fn into_reader(self) -> Reader<R> {
        self.reader
    }

    /// The reader, to make errors at the present offset.
    pub fn reader(&self) -> &Reader<R> {
        &self.reader
    }

    /// Reads the next item. After [`Item::End`] or an error there is none.
    ///
    /// # Errors
    /// Whatever makes the file unreadable from here on.
    pub fn next_item(&mut self) -> Result<Item, RdbError> {
        let (mut expires_at, mut idle, mut freq) = (None, None, None);
        loop {
            let code = self.reader.u8()?;
            match code {
                primitives::OP_EXPIRE_SECONDS => {
                    let seconds = i32::from_le_bytes(self.reader.array()?);
                    expires_at = Some(i64::from(seconds) * 1000);
                }
                primitives::OP_EXPIRE_MS => {
                    let at = self.reader.millis()?;
                    // Little-endian since version 9. Before that the byte order was the writer's, which in practice is
                    // little-endian, too.
                    expires_at = Some(at);
                }
                primitives::OP_FREQ => freq = Some(self.reader.u8()?),
                primitives::OP_IDLE => idle = Some(self.reader.length()?),
                primitives::OP_EOF => return self.end(),
                primitives::OP_SELECT_DB => return Ok(Item::SelectDb(self.reader.length()?)),
                primitives::OP_RESIZE_DB => {
                    return Ok(Item::ResizeDb { keys: self.reader.length()?, expires: self.reader.length()? });
                }
                primitives::OP_AUX => {
                    return Ok(Item::Aux { name: self.reader.text()?, value: self.reader.text()? });
                }
                primitives::OP_FUNCTION2 => return Ok(Item::Function(self.reader.text()?)),
                primitives::OP_FUNCTION_PRE_GA => {
                    // The release candidates of 7.0 wrote name, engine and code separately. The description is dropped.
                    let (name, engine) = (self.reader.text()?, self.reader.text()?);
                    if self.reader.length()? != 0 {
                        self.reader.text()?;
                    }
                    let code = self.reader.text()?;
                    return Ok(Item::Function([b"#!", &engine[..], b" name=", &name, b"\n", &code].concat()));
                }
                primitives::OP_MODULE_AUX => {
                    let name = module_name(self.reader.length()?);
                    return Err(self.reader.error(ErrorKind::Module { name, auxiliary: true }));
                }
                _ => {
                    let Some(value_type) = ValueType::from_code(code) else {
                        return Err(self.reader.error(ErrorKind::UnknownType(code)));
                    };
                    let key = self.reader.text()?;
                    return match self.reader.value(value_type, self.deep) {
                        Ok(value) => Ok(Item::Entry(Entry { key, value, expires_at, idle, freq })),
                        Err(error) if error.is_empty_key() => Ok(Item::EmptyKey(key)),
                        Err(error) => Err(error),
                    };
                }
            }
        }
    }

    fn end(&mut self) -> Result<Item, RdbError> {
        if self.version < 5 {
            return Ok(Item::End);
        }
        let found = self.reader.checksum();
        let expected = u64::from_le_bytes(self.reader.array()?);
        match found {
            Some(found) if expected != 0 && found != expected => {
                Err(self.reader.error(ErrorKind::Checksum { expected, found }))
            }
            _ => Ok(Item::End),
        }
    }
}

/// Decodes the name in a module type's id: nine characters of six bits each, above ten bits of version.
pub(super) fn module_name(id: u64) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    (0..9).rev().map(|place| char::from(LETTERS[(id >> (10 + 6 * place) & 63) as usize])).collect()
}
