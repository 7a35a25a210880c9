//! Writing replies straight into the connection's output buffer, in the protocol version that the client uses.

use crate::base::long_double::LongDouble;
use crate::base::numbers::{write_f64_17g, write_i64};

/// An error from another server, without the arguments that it quotes if it does not know the command: those of AUTH are
/// secrets.
pub fn without_arguments(error: &[u8]) -> &[u8] {
    let end = memchr::memmem::find(error, b", with args beginning with");
    &error[..end.unwrap_or(error.len())]
}

/// A writer of replies. It borrows the output buffer; nothing is buffered twice.
///
/// Once the buffer exceeds its limit, further elements are left out: the client has exceeded its output limit, and will be
/// closed without receiving any of the reply.
pub struct Reply<'a> {
    out: &'a mut Vec<u8>,
    resp3: bool,
    room: usize,
}

/// The position of an array header whose length is not known yet. See [`Reply::deferred_array`].
#[must_use = "a deferred length must be set"]
pub struct Deferred(usize);

impl<'a> Reply<'a> {
    /// A writer that appends to `out`, without a limit.
    pub fn new(out: &'a mut Vec<u8>, resp3: bool) -> Self {
        Self { out, resp3, room: usize::MAX }
    }

    /// A writer that appends to `out` until it holds more than `room` bytes.
    pub fn bounded(out: &'a mut Vec<u8>, resp3: bool, room: usize) -> Self {
        Self { out, resp3, room }
    }

    /// Whether the buffer exceeds its limit, so that nothing of this reply will be sent.
    pub fn is_over(&self) -> bool {
        self.out.len() > self.room
    }

    /// Whether the client speaks RESP3.
    pub fn is_resp3(&self) -> bool {
        self.resp3
    }

    /// Borrows the writer again, to pass it to a callee.
    pub fn reborrow(&mut self) -> Reply<'_> {
        Reply { out: self.out, resp3: self.resp3, room: self.room }
    }

    /// The length of the output so far, in bytes, as a mark for [`Self::truncate`].
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// True while nothing is in the buffer.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// Removes what was written after `mark`.
    pub fn truncate(&mut self, mark: usize) {
        self.out.truncate(mark);
    }

    fn prefixed(&mut self, kind: u8, number: i64) {
        if self.is_over() {
            return;
        }
        self.out.push(kind);
        if (0..10).contains(&number) {
            self.out.push(b'0' + number as u8);
        } else {
            write_i64(self.out, number);
        }
        self.out.extend_from_slice(b"\r\n");
    }

    /// Appends bytes that are already in the protocol's form.
    #[inline]
    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// Writes `+OK`.
    #[inline]
    pub fn ok(&mut self) {
        self.raw(b"+OK\r\n");
    }

    /// Writes a simple string, which must not contain line ends.
    pub fn simple(&mut self, text: &str) {
        self.out.push(b'+');
        self.raw(text.as_bytes());
        self.raw(b"\r\n");
    }

    /// Writes an error; `text` starts with its code. Line ends in it become blanks.
    pub fn error(&mut self, text: &[u8]) {
        let end = text.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |last| last + 1);
        self.out.push(b'-');
        self.out.extend(text[..end].iter().map(|&byte| if byte == b'\r' || byte == b'\n' { b' ' } else { byte }));
        self.raw(b"\r\n");
    }

    /// Writes an integer: `:1`.
    #[inline]
    pub fn integer(&mut self, number: i64) {
        self.prefixed(b':', number);
    }

    /// Writes a bulk string, which may contain any bytes.
    #[inline]
    pub fn bulk(&mut self, bytes: &[u8]) {
        if self.is_over() {
            return;
        }
        self.out.reserve(bytes.len() + 24);
        self.prefixed(b'$', bytes.len() as i64);
        self.out.extend_from_slice(bytes);
        self.out.extend_from_slice(b"\r\n");
    }

    /// Writes an integer as a bulk string.
    pub fn bulk_integer(&mut self, number: i64) {
        self.bulk(itoa::Buffer::new().format(number).as_bytes());
    }

    /// Writes a null: `_` in RESP3, a null bulk in RESP2.
    #[inline]
    pub fn null(&mut self) {
        self.raw(if self.resp3 { b"_\r\n" } else { b"$-1\r\n" });
    }

    /// Writes a null array: `_` in RESP3, a null array in RESP2.
    pub fn null_array(&mut self) {
        self.raw(if self.resp3 { b"_\r\n" } else { b"*-1\r\n" });
    }

    /// Writes the header of an array; `len` elements must follow.
    #[inline]
    pub fn array(&mut self, len: usize) {
        self.prefixed(b'*', len as i64);
    }

    /// Writes the header of a map; `pairs` keys and values must follow. A flat array in RESP2.
    pub fn map(&mut self, pairs: usize) {
        if self.resp3 {
            self.prefixed(b'%', pairs as i64);
        } else {
            self.array(pairs * 2);
        }
    }

    /// Writes the header of a set; an array in RESP2.
    pub fn set(&mut self, len: usize) {
        self.prefixed(if self.resp3 { b'~' } else { b'*' }, len as i64);
    }

    /// Writes the header of a push message; an array in RESP2.
    pub fn push(&mut self, len: usize) {
        self.prefixed(if self.resp3 { b'>' } else { b'*' }, len as i64);
    }

    /// Writes a boolean; the integer 1 or 0 in RESP2.
    pub fn boolean(&mut self, truth: bool) {
        match (self.resp3, truth) {
            (true, true) => self.raw(b"#t\r\n"),
            (true, false) => self.raw(b"#f\r\n"),
            (false, truth) => self.integer(i64::from(truth)),
        }
    }

    /// Writes a double; a bulk string in RESP2.
    pub fn double(&mut self, number: f64) {
        let mut text = Vec::with_capacity(32);
        write_f64_17g(&mut text, number);
        self.double_text(&text);
    }

    /// Writes a double with all its digits and without an exponent, the form of coordinates.
    pub fn human_double(&mut self, number: f64) {
        let mut text = Vec::with_capacity(32);
        LongDouble::from_f64(number).write_human(&mut text);
        self.double_text(&text);
    }

    fn double_text(&mut self, text: &[u8]) {
        if self.resp3 {
            self.out.push(b',');
            self.raw(text);
            self.raw(b"\r\n");
        } else {
            self.bulk(text);
        }
    }

    /// Writes an integer of any size, given in digits; a bulk string in RESP2.
    pub fn big_number(&mut self, digits: &str) {
        if self.resp3 {
            self.out.push(b'(');
            self.raw(digits.as_bytes());
            self.raw(b"\r\n");
        } else {
            self.bulk(digits.as_bytes());
        }
    }

    /// Writes a verbatim string, that is, text with a three-letter format; a bulk string in RESP2.
    pub fn verbatim(&mut self, format: &str, text: &[u8]) {
        debug_assert_eq!(format.len(), 3);
        if self.resp3 {
            self.prefixed(b'=', text.len() as i64 + 4);
            self.raw(format.as_bytes());
            self.out.push(b':');
            self.raw(text);
            self.raw(b"\r\n");
        } else {
            self.bulk(text);
        }
    }

    /// Writes an array of bulk strings.
    pub fn bulks<'b>(&mut self, items: impl ExactSizeIterator<Item = &'b [u8]>) {
        self.array(items.len());
        items.for_each(|item| self.bulk(item));
    }

    /// Writes the lines of a HELP subcommand as an array of simple strings.
    pub fn help(&mut self, lines: &[&str]) {
        self.array(lines.len());
        lines.iter().for_each(|line| self.simple(line));
    }

    /// Reserves room for the header of an array. Set it with [`Self::set_deferred_array`] once the length is known.
    pub fn deferred_array(&mut self) -> Deferred {
        Deferred(self.out.len())
    }

    /// Fills in the header of a deferred array of `len` elements.
    pub fn set_deferred_array(&mut self, place: Deferred, len: usize) {
        self.insert_head(place, b'*', len);
    }

    /// Fills in the header of a deferred map of `pairs`.
    pub fn set_deferred_map(&mut self, place: Deferred, pairs: usize) {
        if self.resp3 { self.insert_head(place, b'%', pairs) } else { self.insert_head(place, b'*', pairs * 2) }
    }

    /// Fills in the header of a deferred map whose pairs are arrays of two in RESP2, each with a header of its own.
    pub fn set_deferred_map_of_pairs(&mut self, place: Deferred, pairs: usize) {
        self.insert_head(place, if self.resp3 { b'%' } else { b'*' }, pairs);
    }

    /// Fills in the header of a deferred set of `len` members.
    pub fn set_deferred_set(&mut self, place: Deferred, len: usize) {
        self.insert_head(place, if self.resp3 { b'~' } else { b'*' }, len);
    }

    fn insert_head(&mut self, place: Deferred, kind: u8, len: usize) {
        let mut digits = itoa::Buffer::new();
        let head = [&[kind], digits.format(len).as_bytes(), b"\r\n"].concat();
        let end = self.out.len();
        self.out.extend_from_slice(&head);
        self.out.copy_within(place.0..end, place.0 + head.len());
        self.out[place.0..place.0 + head.len()].copy_from_slice(&head);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(resp3: bool, write: impl FnOnce(&mut Reply<'_>)) -> String {
        let mut out = Vec::new();
        write(&mut Reply::new(&mut out, resp3));
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn an_error_is_shown_without_what_it_repeats() {
        let error = b"ERR unknown command 'AUTH', with args beginning with: 'user' 'pw' ";
        assert_eq!(without_arguments(error), b"ERR unknown command 'AUTH'");
        assert_eq!(without_arguments(b"WRONGPASS invalid"), b"WRONGPASS invalid");
    }

    #[test]
    fn each_version_has_its_form() {
        assert_eq!(written(false, |reply| reply.null()), "$-1\r\n");
        assert_eq!(written(true, |reply| reply.null()), "_\r\n");
        assert_eq!(written(false, |reply| reply.map(2)), "*4\r\n");
        assert_eq!(written(true, |reply| reply.map(2)), "%2\r\n");
        assert_eq!(written(true, |reply| reply.boolean(true)), "#t\r\n");
        assert_eq!(written(false, |reply| reply.verbatim("txt", b"hi")), "$2\r\nhi\r\n");
        assert_eq!(written(true, |reply| reply.verbatim("txt", b"hi")), "=6\r\ntxt:hi\r\n");
    }

    #[test]
    fn a_deferred_head_stands_in_front() {
        let text = written(false, |reply| {
            let place = reply.deferred_array();
            (0..12).for_each(|number| reply.integer(number));
            reply.set_deferred_array(place, 12);
        });
        assert!(text.starts_with("*12\r\n:0\r\n:1\r\n"), "{text}");
        assert!(text.ends_with(":11\r\n"));
    }

    #[test]
    fn errors_stay_on_one_line() {
        assert_eq!(written(false, |reply| reply.error(b"ERR a\r\nb\r\n")), "-ERR a  b\r\n");
    }
}
