//! An entry: one key with its value, in a single allocation if the value is small.
//!
//! Background: a key of 16 bytes and a value of 32 take four allocations in Redis (dict entry, key, object, value).
//! Here the header, the optional expiry, the key and a small value stand one after the other in one block:
//!
//! ```text
//! tag:1  lru:3  key length:1 or 4  [expiry:8]  key  value
//! tag:1  key length:1  key                                   a member of a set, up to 255 bytes
//! ```
//!
//! `tag` holds the kind of the value (low four bits) and flags. A value is an integer (8 bytes), a short string (length:1,
//! bytes), a string (length:4, bytes), a shared reference to an [`Object`] (8 bytes), or nothing (members of sets). Blocks
//! are rounded up to the allocator's size class, so that a value can be overwritten in place by one of about the same size.
//!
//! This file and `table.rs` contain the only unsafe code of the store, which the memory targets require.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::marker::PhantomData;
use std::ptr::NonNull;

use triomphe::Arc;

use super::value::Object;
use crate::base::allocator::size_class;
use crate::base::clock::Millis;

const KIND: u8 = 0x0f;
const EXPIRES: u8 = 0x10;
const RAW: u8 = 0x20;
const MARKED: u8 = 0x40;
const LONG_KEY: u8 = 0x80;

const INT: u8 = 0;
const SHORT: u8 = 1;
const LONG: u8 = 2;
const OBJECT: u8 = 3;
/// The kind of entries without a value; no other kind has this bit.
const UNIT: u8 = 4;

/// Strings above this many bytes live in an [`Object`] of their own: growing them does not copy the key, and a snapshot
/// shares them instead of copying.
pub const MAX_INLINE: usize = 1024;

/// A value about to be stored.
#[derive(Debug)]
pub enum NewValue<'a> {
    /// A string that is a canonical 64-bit integer.
    Int(i64),
    /// Bytes, stored inline up to [`MAX_INLINE`].
    Bytes(&'a [u8]),
    /// Bytes that were edited in place: `OBJECT ENCODING` says `raw` whatever their length.
    RawBytes(&'a [u8]),
    /// An aggregate or a large string.
    Object(Arc<Object>),
    /// No value: a member of a set.
    Unit,
}

impl<'a> NewValue<'a> {
    /// [`Self::RawBytes`], but a large string is taken over instead of copied.
    pub fn raw(bytes: &'a mut Vec<u8>) -> Self {
        if bytes.len() <= MAX_INLINE {
            return Self::RawBytes(bytes);
        }
        Self::Object(Arc::new(Object::String(std::mem::take(bytes))))
    }
}

/// A stored value, borrowed.
#[derive(Debug, Clone, Copy)]
pub enum ValueRef<'a> {
    /// A string that is an integer.
    Int(i64),
    /// A string.
    Bytes(&'a [u8]),
    /// An aggregate or a large string.
    Object(&'a Object),
    /// No value: a member of a set.
    Unit,
}

/// A borrowed entry: a thin pointer to its block.
#[derive(Clone, Copy)]
pub struct EntryRef<'a> {
    block: NonNull<u8>,
    lifetime: PhantomData<&'a u8>,
}

/// An owned entry: frees its block, and lets go of its object, when dropped.
pub struct OwnedEntry {
    block: NonNull<u8>,
}

// SAFETY: a block holds plain bytes and at most one `Arc<Object>`; `Object` is Send + Sync.
unsafe impl Send for OwnedEntry {}
// SAFETY: shared access only reads.
unsafe impl Sync for OwnedEntry {}

/// The sizes of the parts of a block.
struct Shape {
    tag: u8,
    key_at: usize,
    value_at: usize,
    size: usize,
}

impl Shape {
    fn of(key_len: usize, value: &NewValue<'_>, expires: bool) -> Self {
        let (mut tag, value_size) = match value {
            NewValue::Int(_) => (INT, 8),
            NewValue::Bytes(bytes) if bytes.len() <= 255 => (SHORT, 1 + bytes.len()),
            NewValue::Bytes(bytes) => (LONG, 4 + bytes.len()),
            NewValue::RawBytes(bytes) if bytes.len() <= 255 => (SHORT | RAW, 1 + bytes.len()),
            NewValue::RawBytes(bytes) => (LONG | RAW, 4 + bytes.len()),
            NewValue::Object(_) => (OBJECT, 8),
            NewValue::Unit => (UNIT, 0),
        };
        let mut key_at = if key_len > 255 {
            tag |= LONG_KEY;
            8
        } else if tag & UNIT != 0 {
            2
        } else {
            5
        };
        if expires {
            tag |= EXPIRES;
            key_at += 8;
        }
        let value_at = key_at + key_len;
        Self { tag, key_at, value_at, size: size_class(value_at + value_size) }
    }
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 8).expect("an entry is smaller than the address space")
}

impl OwnedEntry {
    /// Builds an entry in a new block.
    ///
    /// Strings longer than [`MAX_INLINE`] must come as an [`Object`]; keys are at most `u32::MAX` bytes (requests are bounded below that).
    pub fn new(key: &[u8], value: NewValue<'_>, expire: Option<Millis>) -> Self {
        let shape = Shape::of(key.len(), &value, expire.is_some());
        let layout = layout(shape.size);
        // SAFETY: the layout's size is at least 8.
        let Some(block) = NonNull::new(unsafe { alloc(layout) }) else { handle_alloc_error(layout) };
        let entry = Self { block };
        // SAFETY: all writes are inside the block: `Shape::of` summed up exactly these parts.
        unsafe {
            let base = block.as_ptr();
            base.write(shape.tag);
            if shape.key_at == 2 {
                base.add(1).write(key.len() as u8);
            } else {
                base.add(1).write_bytes(0, 3);
                if shape.tag & LONG_KEY != 0 {
                    base.add(4).cast::<u32>().write_unaligned(key.len() as u32);
                } else {
                    base.add(4).write(key.len() as u8);
                }
            }
            if let Some(at) = expire {
                base.add(shape.key_at - 8).cast::<i64>().write_unaligned(at);
            }
            base.add(shape.key_at).copy_from_nonoverlapping(key.as_ptr(), key.len());
            write_value(base.add(shape.value_at), shape.tag & KIND, value);
        }
        entry
    }

    /// Copies an entry under another key, with its value, expiry and access clock.
    pub fn renamed(entry: EntryRef<'_>, key: &[u8]) -> Self {
        let copy = Self::new(key, entry.to_new_value(), entry.expire());
        // SAFETY: the copy is owned here alone.
        unsafe { copy.as_ref().set_access(entry.access()) };
        copy
    }

    /// The entry behind the pointer that [`Self::into_raw`] gave.
    ///
    /// # Safety
    /// The pointer came from `into_raw` and no other owner exists.
    pub unsafe fn from_raw(block: NonNull<u8>) -> Self {
        Self { block }
    }

    /// Gives up ownership to a table's slot.
    pub fn into_raw(self) -> NonNull<u8> {
        let block = self.block;
        std::mem::forget(self);
        block
    }

    /// The entry, borrowed.
    pub fn as_ref(&self) -> EntryRef<'_> {
        EntryRef { block: self.block, lifetime: PhantomData }
    }

    /// Consumes the entry and returns its object, if the value is one.
    pub fn into_object(self) -> Option<Arc<Object>> {
        self.as_ref().share_object()
    }
}

impl Drop for OwnedEntry {
    fn drop(&mut self) {
        let entry = self.as_ref();
        let size = entry.block_size();
        // SAFETY: this is the only owner; the object pointer was made by `Arc::into_raw` in `write_value`.
        unsafe {
            if entry.kind() == OBJECT {
                let object = entry.value_ptr().cast::<*const Object>().read_unaligned();
                drop(Arc::from_raw(object));
            }
            dealloc(self.block.as_ptr(), layout(size));
        }
    }
}

/// # Safety
/// `at` has room for the value in the form that `kind` says.
unsafe fn write_value(at: *mut u8, kind: u8, value: NewValue<'_>) {
    // SAFETY: see the function's contract.
    unsafe {
        match value {
            NewValue::Int(number) => at.cast::<i64>().write_unaligned(number),
            NewValue::Bytes(bytes) | NewValue::RawBytes(bytes) => {
                let data = if kind == SHORT {
                    at.write(bytes.len() as u8);
                    at.add(1)
                } else {
                    at.cast::<u32>().write_unaligned(bytes.len() as u32);
                    at.add(4)
                };
                data.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            }
            NewValue::Object(object) => at.cast::<*const Object>().write_unaligned(Arc::into_raw(object)),
            NewValue::Unit => {}
        }
    }
}

impl<'a> EntryRef<'a> {
    /// # Safety
    /// `block` is a live entry's block for the whole of `'a`.
    pub unsafe fn from_raw(block: NonNull<u8>) -> Self {
        Self { block, lifetime: PhantomData }
    }

    #[inline]
    fn tag(self) -> u8 {
        // SAFETY: every block starts with its tag.
        unsafe { self.block.as_ptr().read() }
    }

    #[inline]
    fn kind(self) -> u8 {
        self.tag() & KIND
    }

    #[inline]
    fn key_span(self) -> (usize, usize) {
        let tag = self.tag();
        // SAFETY: the length stands at offset 4 in the width that the tag says, or at offset 1 of a short member.
        let (at, len) = unsafe {
            let base = self.block.as_ptr();
            if tag & (LONG_KEY | UNIT) == 0 {
                (5, usize::from(base.add(4).read()))
            } else if tag & LONG_KEY != 0 {
                (8, base.add(4).cast::<u32>().read_unaligned() as usize)
            } else {
                (2, usize::from(base.add(1).read()))
            }
        };
        (at + usize::from(tag & EXPIRES != 0) * 8, len)
    }

    /// The key's bytes.
    #[inline]
    pub fn key(self) -> &'a [u8] {
        let (at, len) = self.key_span();
        // SAFETY: the key stands inside the block, which lives for `'a`.
        unsafe { std::slice::from_raw_parts(self.block.as_ptr().add(at), len) }
    }

    #[inline]
    fn value_ptr(self) -> *mut u8 {
        let (at, len) = self.key_span();
        // SAFETY: the value follows the key inside the block.
        unsafe { self.block.as_ptr().add(at + len) }
    }

    /// The value.
    #[inline]
    pub fn value(self) -> ValueRef<'a> {
        let at = self.value_ptr();
        // SAFETY: the kind says which form was written there; the entry keeps its object alive.
        unsafe {
            match self.kind() {
                INT => ValueRef::Int(at.cast::<i64>().read_unaligned()),
                SHORT => ValueRef::Bytes(std::slice::from_raw_parts(at.add(1), usize::from(at.read()))),
                LONG => {
                    ValueRef::Bytes(std::slice::from_raw_parts(at.add(4), at.cast::<u32>().read_unaligned() as usize))
                }
                OBJECT => ValueRef::Object(&*at.cast::<*const Object>().read_unaligned()),
                _ => ValueRef::Unit,
            }
        }
    }

    /// Another reference to the object, if the value is one.
    pub fn share_object(self) -> Option<Arc<Object>> {
        if self.kind() != OBJECT {
            return None;
        }
        // SAFETY: the slot holds the raw pointer of a live `Arc<Object>`; the count is raised before a second handle exists.
        unsafe {
            let object = self.value_ptr().cast::<*const Object>().read_unaligned();
            Some(Arc::clone(&std::mem::ManuallyDrop::new(Arc::from_raw(object))))
        }
    }

    /// When the key expires, in Unix milliseconds.
    #[inline]
    pub fn expire(self) -> Option<Millis> {
        let tag = self.tag();
        (tag & EXPIRES != 0).then(|| {
            let at = if tag & LONG_KEY != 0 { 8 } else { 5 };
            // SAFETY: the flag says that the expiry stands there.
            unsafe { self.block.as_ptr().add(at).cast::<i64>().read_unaligned() }
        })
    }

    /// Whether the string was edited in place (`OBJECT ENCODING` says `raw`).
    pub fn is_raw(self) -> bool {
        self.tag() & RAW != 0
    }

    /// Whether a running snapshot already has this entry, or the entry is newer than the snapshot.
    #[inline]
    pub fn is_marked(self) -> bool {
        self.tag() & MARKED != 0
    }

    /// The 24-bit access clock: LRU time or LFU counter, as the policy says. Members of sets have none.
    #[inline]
    pub fn access(self) -> u32 {
        if self.kind() == UNIT {
            return 0;
        }
        // SAFETY: bytes 0..4 are the tag and the clock; blocks are aligned to 8.
        unsafe { self.block.as_ptr().cast::<u32>().read() >> 8 }
    }

    /// The size of the entry's block, in bytes.
    pub fn block_size(self) -> usize {
        let (at, len) = self.key_span();
        let value = match self.value() {
            ValueRef::Int(_) | ValueRef::Object(_) => 8,
            ValueRef::Bytes(bytes) => bytes.len() + if self.kind() == SHORT { 1 } else { 4 },
            ValueRef::Unit => 0,
        };
        size_class(at + len + value)
    }

    /// The value as it would be stored again: small values borrowed, objects shared.
    pub fn to_new_value(self) -> NewValue<'a> {
        match self.value() {
            ValueRef::Int(number) => NewValue::Int(number),
            ValueRef::Bytes(bytes) if self.is_raw() => NewValue::RawBytes(bytes),
            ValueRef::Bytes(bytes) => NewValue::Bytes(bytes),
            ValueRef::Object(_) => self.share_object().map_or(NewValue::Unit, NewValue::Object),
            ValueRef::Unit => NewValue::Unit,
        }
    }

    /// An independent copy: small values are copied, objects are shared.
    pub fn to_owned_entry(self) -> OwnedEntry {
        OwnedEntry::renamed(self, self.key())
    }

    /// # Safety
    /// No other reference reads the entry's clock at the same time: the caller owns the table.
    #[inline]
    pub unsafe fn set_access(self, clock: u32) {
        if self.kind() == UNIT {
            return;
        }
        // SAFETY: as in `access`; exclusive by the contract.
        unsafe {
            let word = self.block.as_ptr().cast::<u32>();
            word.write((word.read() & 0xff) | clock << 8);
        }
    }

    /// # Safety
    /// The caller owns the table.
    #[inline]
    pub unsafe fn set_marked(self, marked: bool) {
        // SAFETY: the tag is the first byte; exclusive by the contract.
        unsafe {
            let tag = self.block.as_ptr();
            tag.write(if marked { tag.read() | MARKED } else { tag.read() & !MARKED });
        }
    }

    /// Overwrites the expiry if the entry has one; false if it has none.
    ///
    /// # Safety
    /// The caller owns the table.
    pub unsafe fn overwrite_expire(self, at: Millis) -> bool {
        let tag = self.tag();
        if tag & EXPIRES == 0 {
            return false;
        }
        let offset = if tag & LONG_KEY != 0 { 8 } else { 5 };
        // SAFETY: the flag says that the expiry stands there; exclusive by the contract.
        unsafe { self.block.as_ptr().add(offset).cast::<i64>().write_unaligned(at) };
        true
    }

    /// Overwrites the value in the same block if it fits the same size class; otherwise returns the value.
    ///
    /// # Safety
    /// The caller owns the table, and holds no reference to the old value other than through `value` itself, which must
    /// not point into this block.
    pub unsafe fn overwrite_value<'v>(self, value: NewValue<'v>) -> Result<(), NewValue<'v>> {
        let (key_at, key_len) = self.key_span();
        let shape = Shape::of(key_len, &value, self.tag() & EXPIRES != 0);
        if shape.key_at != key_at || self.kind() == OBJECT || shape.size != self.block_size() {
            return Err(value);
        }
        // SAFETY: same size class, so the block has room; the old value needs no drop as it is no object.
        unsafe {
            let base = self.block.as_ptr();
            base.write(shape.tag | (base.read() & MARKED));
            write_value(base.add(shape.value_at), shape.tag & KIND, value);
        }
        Ok(())
    }

    /// Overwrites an integer value by another.
    ///
    /// # Safety
    /// The caller owns the table; the value is an integer.
    #[inline]
    pub unsafe fn overwrite_int(self, number: i64) {
        debug_assert_eq!(self.kind(), INT);
        // SAFETY: integers occupy eight bytes at the value's place.
        unsafe { self.value_ptr().cast::<i64>().write_unaligned(number) };
    }

    /// The object, for changes. A snapshot that shares it keeps the old state (copy on write).
    ///
    /// # Safety
    /// The caller owns the table and holds no other reference to the object.
    pub unsafe fn object_mut(self) -> Option<&'a mut Object> {
        if self.kind() != OBJECT {
            return None;
        }
        // SAFETY: the slot holds an `Arc<Object>` made by `into_raw`. It is taken out, made unique and put back: the
        // entry stays its only owner here.
        unsafe {
            let slot = self.value_ptr().cast::<*const Object>();
            let mut object = Arc::from_raw(slot.read_unaligned());
            let target: *mut Object = Arc::make_mut(&mut object);
            slot.write_unaligned(Arc::into_raw(object));
            Some(&mut *target)
        }
    }

    /// Edits an inline string in place without changing its length; `None` if the value is not an inline string.
    ///
    /// # Safety
    /// The caller owns the table and holds no other reference to the value.
    pub unsafe fn bytes_mut(self) -> Option<&'a mut [u8]> {
        let ValueRef::Bytes(bytes) = self.value() else { return None };
        // SAFETY: the bytes stand inside the block; exclusive by the contract.
        Some(unsafe { std::slice::from_raw_parts_mut(bytes.as_ptr().cast_mut(), bytes.len()) })
    }
}
