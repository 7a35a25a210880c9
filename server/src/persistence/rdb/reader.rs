//! A checked reader of RDB primitives over any byte source.

use std::io::{self, Read};

use crate::base::{crc64::Crc64, lzf, numbers};

use super::{
    error::{ErrorKind, RdbError},
    primitives::{LENGTH_32, LENGTH_64, STRING_INT8, STRING_INT16, STRING_INT32, STRING_LZF},
};

/// The size of the buffer for reading ahead, in bytes.
const BUFFER: usize = 64 * 1024;
/// Memory for a long string is taken in steps of this size, as bytes arrive.
const STEP: usize = 1 << 20;

/// A string as encoded: an integer, or bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RdbString {
    /// Encoded as an integer.
    Int(i64),
    /// Encoded as bytes, compressed or not.
    Bytes(Vec<u8>),
}

impl RdbString {
    /// The string's bytes; an integer becomes its decimal text.
    pub fn into_bytes(self) -> Vec<u8> {
        match self {
            RdbString::Int(value) => value.to_string().into_bytes(),
            RdbString::Bytes(bytes) => bytes,
        }
    }
}

/// A length, or the encoding of a special string.
enum Length {
    Plain(u64),
    Special(u8),
}

/// Reads primitives from a source, counts bytes and, if requested, computes their checksum.
///
/// It reads ahead; [`Reader::into_rest`] returns what was not consumed.
pub struct Reader<R> {
    source: R,
    buffer: Vec<u8>,
    at: usize,
    filled: usize,
    /// Bytes consumed before the start of the buffer.
    before: u64,
    /// Everything before this position in the buffer is included in the checksum.
    summed: usize,
    checksum: Option<Crc64>,
}

impl<'a> Reader<&'a [u8]> {
    /// A reader of a payload in memory.
    pub fn over(bytes: &'a [u8]) -> Self {
        Self::with_buffer(bytes, bytes.len().clamp(16, BUFFER))
    }
}

impl<R: Read> Reader<R> {
    /// A reader of a file, a connection, or the end of a channel.
    pub fn new(source: R) -> Self {
        Self::with_buffer(source, BUFFER)
    }

    fn with_buffer(source: R, size: usize) -> Self {
        Self { source, buffer: vec![0; size], at: 0, filled: 0, before: 0, summed: 0, checksum: None }
    }

    /// Starts the checksum at the next byte.
    pub fn start_checksum(&mut self) {
        self.checksum = Some(Crc64::new());
        self.summed = self.at;
    }

    /// The checksum of everything consumed since [`Self::start_checksum`], if it was called.
    pub fn checksum(&mut self) -> Option<u64> {
        self.sum_up();
        self.checksum.as_ref().map(Crc64::value)
    }

    /// Bytes consumed so far.
    pub fn offset(&self) -> u64 {
        self.before + self.at as u64
    }

    /// The source, and the bytes that were read ahead from it but not consumed.
    pub fn into_rest(self) -> (R, Vec<u8>) {
        let rest = self.buffer[self.at..self.filled].to_vec();
        (self.source, rest)
    }

    /// An error at the present offset.
    pub fn error(&self, kind: ErrorKind) -> RdbError {
        RdbError { kind, offset: self.offset() }
    }

    /// The error that the data contradict the format.
    pub fn corrupt(&self, what: &'static str) -> RdbError {
        self.error(ErrorKind::Corrupt(what))
    }

    /// Reads one byte.
    ///
    /// # Errors
    /// The source fails or ends, as for all methods that read.
    #[inline]
    pub fn u8(&mut self) -> Result<u8, RdbError> {
        if self.at == self.filled {
            self.require(1)?;
        }
        let byte = self.buffer[self.at];
        self.at += 1;
        Ok(byte)
    }

    /// Reads a fixed number of bytes (at most 16).
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], RdbError> {
        const { assert!(N <= 16, "the smallest buffer holds sixteen bytes") };
        if self.filled - self.at < N {
            self.require(N)?;
        }
        let mut bytes = [0; N];
        bytes.copy_from_slice(&self.buffer[self.at..self.at + N]);
        self.at += N;
        Ok(bytes)
    }

    /// Reads a number of bytes onto the end of `out`.
    pub fn bytes_into(&mut self, length: u64, out: &mut Vec<u8>) -> Result<(), RdbError> {
        let mut left = usize::try_from(length).map_err(|_| self.error(ErrorKind::UnexpectedEnd))?;
        while left > 0 {
            if self.at == self.filled && left >= self.buffer.len() {
                left -= self.read_direct(left, out)?;
                continue;
            }
            if self.at == self.filled {
                self.require(1)?;
            }
            let part = left.min(self.filled - self.at);
            if out.capacity() - out.len() < part {
                out.reserve_exact(left.min(STEP));
            }
            out.extend_from_slice(&self.buffer[self.at..self.at + part]);
            self.at += part;
            left -= part;
        }
        Ok(())
    }

    /// Reads a time in milliseconds.
    pub fn millis(&mut self) -> Result<i64, RdbError> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    /// Reads a score in binary.
    pub fn double(&mut self) -> Result<f64, RdbError> {
        Ok(f64::from_le_bytes(self.array()?))
    }

    /// Reads a score as text, the form before Redis 4.0.
    pub(super) fn double_text(&mut self) -> Result<f64, RdbError> {
        let length = match self.u8()? {
            255 => return Ok(f64::NEG_INFINITY),
            254 => return Ok(f64::INFINITY),
            253 => return Ok(f64::NAN),
            length => length,
        };
        let mut text = Vec::new();
        self.bytes_into(u64::from(length), &mut text)?;
        numbers::parse_f64(&text).ok_or_else(|| self.corrupt("Invalid score"))
    }

    /// Reads a length.
    #[inline]
    pub fn length(&mut self) -> Result<u64, RdbError> {
        match self.length_or_special()? {
            Length::Plain(length) => Ok(length),
            Length::Special(_) => Err(self.corrupt("Invalid length")),
        }
    }

    #[inline]
    fn length_or_special(&mut self) -> Result<Length, RdbError> {
        let head = self.u8()?;
        Ok(Length::Plain(match head {
            0..=0x3f => u64::from(head),
            0x40..=0x7f => u64::from(head & 0x3f) << 8 | u64::from(self.u8()?),
            LENGTH_32 => u64::from(u32::from_be_bytes(self.array()?)),
            LENGTH_64 => u64::from_be_bytes(self.array()?),
            0xc0.. => return Ok(Length::Special(head)),
            _ => return Err(self.corrupt("Unknown length encoding in RDB")),
        }))
    }

    /// Reads a string in whatever form it has.
    pub fn string(&mut self) -> Result<RdbString, RdbError> {
        let special = match self.length_or_special()? {
            Length::Plain(length) => {
                let mut bytes = Vec::with_capacity(length.min(STEP as u64) as usize);
                self.bytes_into(length, &mut bytes)?;
                return Ok(RdbString::Bytes(bytes));
            }
            Length::Special(special) => special,
        };
        match self.small_int(special)? {
            Some(value) => Ok(RdbString::Int(value)),
            None => {
                let mut bytes = Vec::new();
                self.lzf_into(&mut bytes)?;
                Ok(RdbString::Bytes(bytes))
            }
        }
    }

    /// Reads a string's text.
    pub fn text(&mut self) -> Result<Vec<u8>, RdbError> {
        self.string().map(RdbString::into_bytes)
    }

    /// Reads a string's text onto the end of `out`.
    pub fn text_into(&mut self, out: &mut Vec<u8>) -> Result<(), RdbError> {
        match self.length_or_special()? {
            Length::Plain(length) => self.bytes_into(length, out),
            Length::Special(special) => match self.small_int(special)? {
                Some(value) => {
                    numbers::write_i64(out, value);
                    Ok(())
                }
                None => self.lzf_into(out),
            },
        }
    }

    /// Reads the integer of a special encoding; `None` for a compressed string, which is still to be read.
    fn small_int(&mut self, special: u8) -> Result<Option<i64>, RdbError> {
        Ok(Some(match special {
            STRING_INT8 => i64::from(i8::from_le_bytes(self.array()?)),
            STRING_INT16 => i64::from(i16::from_le_bytes(self.array()?)),
            STRING_INT32 => i64::from(i32::from_le_bytes(self.array()?)),
            STRING_LZF => return Ok(None),
            _ => return Err(self.corrupt("Unknown RDB string encoding type")),
        }))
    }

    fn lzf_into(&mut self, out: &mut Vec<u8>) -> Result<(), RdbError> {
        let packed_length = self.length()?;
        let plain_length = self.length()?;
        let mut packed = Vec::new();
        self.bytes_into(packed_length, &mut packed)?;
        usize::try_from(plain_length)
            .ok()
            .and_then(|length| lzf::decompress(&packed, length, out).ok())
            .ok_or_else(|| self.corrupt("Invalid LZF compressed string"))
    }

    /// Reads straight into `out`, bypassing the buffer; returns the number of bytes.
    fn read_direct(&mut self, left: usize, out: &mut Vec<u8>) -> Result<usize, RdbError> {
        let step = left.min(STEP);
        let start = out.len();
        out.reserve_exact(step);
        out.resize(start + step, 0);
        let got = self.read_source(ReadInto::Tail(out, start));
        let got = match got {
            Ok(got) => got,
            Err(error) => {
                out.truncate(start);
                return Err(error);
            }
        };
        out.truncate(start + got);
        self.sum_up();
        if let Some(checksum) = &mut self.checksum {
            checksum.update(&out[start..]);
        }
        self.before += got as u64;
        Ok(got)
    }

    /// Makes `count` bytes available in the buffer.
    #[cold]
    fn require(&mut self, count: usize) -> Result<(), RdbError> {
        self.sum_up();
        self.buffer.copy_within(self.at..self.filled, 0);
        self.before += self.at as u64;
        self.filled -= self.at;
        self.at = 0;
        self.summed = 0;
        while self.filled < count {
            let got = self.read_source(ReadInto::Buffer)?;
            self.filled += got;
        }
        Ok(())
    }

    /// Reads once from the source, retrying if interrupted; an empty read is an error.
    fn read_source(&mut self, target: ReadInto<'_>) -> Result<usize, RdbError> {
        let space = match target {
            ReadInto::Buffer => &mut self.buffer[self.filled..],
            ReadInto::Tail(out, start) => &mut out[start..],
        };
        loop {
            match self.source.read(space) {
                Ok(0) => return Err(self.error(ErrorKind::UnexpectedEnd)),
                Ok(got) => return Ok(got),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Err(self.error(ErrorKind::UnexpectedEnd));
                }
                Err(error) => return Err(self.error(ErrorKind::Io(error))),
            }
        }
    }

    fn sum_up(&mut self) {
        if let Some(checksum) = &mut self.checksum {
            checksum.update(&self.buffer[self.summed..self.at]);
        }
        self.summed = self.at;
    }
}

enum ReadInto<'a> {
    Buffer,
    Tail(&'a mut Vec<u8>, usize),
}
