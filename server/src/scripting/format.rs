//! Numbers as C's library prints and reads them.

use std::ffi::{CStr, c_char};

/// `%.Ng`.
pub(super) fn general(out: &mut Vec<u8>, number: f64, precision: i32) {
    let mut text = [0_u8; 64];
    // SAFETY: the buffer is larger than what `%.17g` can print, and its length is given.
    let len = unsafe { libc::snprintf(text.as_mut_ptr().cast(), text.len(), c"%.*g".as_ptr(), precision, number) };
    out.extend_from_slice(&text[..(len.max(0) as usize).min(text.len() - 1)]);
}

/// `strtod`: the number at the start of `text` and how many bytes it takes; 0 where there is none.
pub(super) fn read(text: &CStr) -> (f64, usize) {
    let start = text.as_ptr();
    let mut end: *mut c_char = std::ptr::null_mut();
    // SAFETY: the text ends with a NUL, and `end` is written with an address within it.
    unsafe {
        let number = libc::strtod(start, &mut end);
        (number, end.offset_from(start).unsigned_abs())
    }
}

/// `strtod` of bytes that hold nothing else.
pub(super) fn read_bytes(text: &[u8]) -> f64 {
    let mut text = text.to_vec();
    text.push(0);
    CStr::from_bytes_until_nul(&text).map_or(0.0, |text| read(text).0)
}
