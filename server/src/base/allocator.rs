//! The process's allocator: jemalloc, with a running count of allocated bytes, and access to jemalloc's controls.
//!
//! Background: `maxmemory` needs the figure before every write, and reading jemalloc's own statistics costs microseconds.
//! The count is of usable bytes (requests rounded up to jemalloc's size classes), as Redis counts them. Sanitizers bring an
//! allocator of their own, which must see every request: `ci/sanitizers` builds with `--cfg sanitizers`.

use std::alloc::{GlobalAlloc, Layout};
use std::ffi::CStr;
use std::sync::atomic::{AtomicUsize, Ordering};

#[cfg(sanitizers)]
use std::alloc::System as Jemalloc;
#[cfg(not(sanitizers))]
use tikv_jemalloc_sys::mallctl;
#[cfg(not(sanitizers))]
use tikv_jemallocator::Jemalloc;

/// Reads one of jemalloc's numeric controls, such as `arenas.page`, and sets it if there is a `value`. Returns `None` if the
/// control can only be written, and was. Like DEBUG MALLCTL in Redis, it tries ever smaller integers until one fits.
///
/// # Errors
/// The error number (`errno`) that jemalloc returns.
#[cfg(not(sanitizers))]
pub fn control(name: &CStr, value: Option<i64>) -> Result<Option<i64>, i32> {
    // These controls hold pointers that jemalloc calls or dereferences, so they must not be set.
    let points = |name: &[u8]| name.windows(5).any(|part| part == b"hooks") || name.starts_with(b"experimental");
    if points(name.to_bytes()) {
        return Err(libc::EPERM);
    }
    let mut value = value;
    let new: *mut std::ffi::c_void =
        value.as_mut().map_or(std::ptr::null_mut(), |value| std::ptr::from_mut(value).cast());
    let mut size = size_of::<i64>();
    while size > 0 {
        let (mut old, new_size) = (0_i64, if new.is_null() { 0 } else { size });
        // SAFETY: both places hold eight bytes, and at most `size` of them are read and written.
        let failed = unsafe { mallctl(name.as_ptr(), (&raw mut old).cast(), &raw mut size, new, new_size) };
        match failed {
            0 => return Ok(Some(old)),
            libc::EPERM if !new.is_null() => {
                // SAFETY: as above; nothing is read.
                let failed = unsafe { mallctl(name.as_ptr(), std::ptr::null_mut(), std::ptr::null_mut(), new, size) };
                return if failed == 0 { Ok(None) } else { Err(failed) };
            }
            libc::EINVAL => size /= 2,
            _ => return Err(failed),
        }
    }
    Err(libc::EINVAL)
}

/// Reads one of jemalloc's textual controls, or triggers one that is an action, such as `thread.tcache.flush`, and then
/// returns `None`. Accepts only names that are known to be of these kinds, because jemalloc does not tell the kind of a
/// control.
///
/// # Errors
/// The error number (`errno`) that jemalloc returns.
#[cfg(not(sanitizers))]
pub fn control_text(name: &CStr) -> Result<Option<Vec<u8>>, i32> {
    const TEXTS: [&[u8]; 7] = [
        b"version",
        b"config.malloc_conf",
        b"opt.dss",
        b"opt.junk",
        b"opt.metadata_thp",
        b"opt.percpu_arena",
        b"opt.thp",
    ];
    const ACTS: [&[u8]; 2] = [b"thread.tcache.flush", b"thread.idle"];
    let nothing = std::ptr::null_mut();
    if ACTS.contains(&name.to_bytes()) {
        // SAFETY: these take and give nothing.
        let failed = unsafe { mallctl(name.as_ptr(), nothing, std::ptr::null_mut(), nothing, 0) };
        return if failed == 0 { Ok(None) } else { Err(failed) };
    }
    let (mut text, mut size) = (std::ptr::null::<std::ffi::c_char>(), size_of::<*const std::ffi::c_char>());
    if !TEXTS.contains(&name.to_bytes()) {
        // SAFETY: nothing is read and nothing is written: it only tells whether there is such a name.
        let failed = unsafe { mallctl(name.as_ptr(), nothing, std::ptr::null_mut(), nothing, 0) };
        return Err(if failed == 0 { libc::EINVAL } else { failed });
    }
    // SAFETY: these names stand for pointers to texts that live as long as the process.
    let failed = unsafe { mallctl(name.as_ptr(), (&raw mut text).cast(), &raw mut size, nothing, 0) };
    if failed != 0 || text.is_null() {
        return Err(if failed == 0 { libc::ENOENT } else { failed });
    }
    // SAFETY: jemalloc's texts end with a zero byte.
    Ok(Some(unsafe { CStr::from_ptr(text) }.to_bytes().to_vec()))
}

/// Sanitizers' allocators have no controls.
#[cfg(sanitizers)]
pub fn control(_: &CStr, _: Option<i64>) -> Result<Option<i64>, i32> {
    Err(libc::ENOENT)
}

/// Sanitizers' allocators have no controls.
#[cfg(sanitizers)]
pub fn control_text(_: &CStr) -> Result<Option<Vec<u8>>, i32> {
    Err(libc::ENOENT)
}

static USED: AtomicUsize = AtomicUsize::new(0);

/// Bytes allocated at this moment by the whole process, rounded up to size classes.
#[inline]
pub fn used_memory() -> usize {
    USED.load(Ordering::Relaxed)
}

/// The number of allocations so far, for the test that allows none on the hot path.
#[cfg(debug_assertions)]
pub fn allocations() -> usize {
    ALLOCATIONS.load(Ordering::Relaxed)
}

#[cfg(debug_assertions)]
static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

/// The largest allocation since [`reset_largest`], in bytes, for the fuzzer, which checks that length fields do not decide
/// how much is allocated.
#[cfg(debug_assertions)]
pub fn largest() -> usize {
    LARGEST.load(Ordering::Relaxed)
}

/// Resets [`largest`] to zero.
#[cfg(debug_assertions)]
pub fn reset_largest() {
    LARGEST.store(0, Ordering::Relaxed);
}

#[cfg(debug_assertions)]
static LARGEST: AtomicUsize = AtomicUsize::new(0);

/// The highest value of [`used_memory`] since [`reset_peak`], for the test of how costs grow.
#[cfg(debug_assertions)]
pub fn peak() -> usize {
    PEAK.load(Ordering::Relaxed)
}

/// Resets [`peak`] to the present value.
#[cfg(debug_assertions)]
pub fn reset_peak() {
    PEAK.store(used_memory(), Ordering::Relaxed);
}

#[cfg(debug_assertions)]
static PEAK: AtomicUsize = AtomicUsize::new(0);

#[inline]
fn count(size: usize) {
    #[cfg(debug_assertions)]
    LARGEST.fetch_max(size, Ordering::Relaxed);
    USED.fetch_add(size_class(size), Ordering::Relaxed);
    #[cfg(debug_assertions)]
    PEAK.fetch_max(used_memory(), Ordering::Relaxed);
    #[cfg(debug_assertions)]
    ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
}

/// The size that jemalloc reserves for a request of `size` bytes: four classes for each doubling, multiples of 16 up to 128.
#[inline]
pub const fn size_class(size: usize) -> usize {
    if size <= 8 {
        8
    } else if size <= 128 {
        (size + 15) & !15
    } else {
        let step = 1usize << (usize::BITS - 1 - (size - 1).leading_zeros() - 2);
        (size + step - 1) & !(step - 1)
    }
}

/// jemalloc, wrapped to count allocated bytes.
pub struct Counting;

// SAFETY: every call goes to jemalloc unchanged; the counter does not touch the memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's contract is jemalloc's.
        unsafe { Jemalloc.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        USED.fetch_sub(size_class(layout.size()), Ordering::Relaxed);
        // SAFETY: the caller's contract is jemalloc's.
        unsafe { Jemalloc.dealloc(ptr, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's contract is jemalloc's.
        unsafe { Jemalloc.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count(new_size);
        USED.fetch_sub(size_class(layout.size()), Ordering::Relaxed);
        // SAFETY: the caller's contract is jemalloc's.
        unsafe { Jemalloc.realloc(ptr, layout, new_size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_classes_are_jemallocs() {
        let classes = [
            (1, 8),
            (8, 8),
            (9, 16),
            (17, 32),
            (33, 48),
            (100, 112),
            (129, 160),
            (256, 256),
            (257, 320),
            (1025, 1280),
            (4097, 5120),
        ];
        for (request, class) in classes {
            assert_eq!(size_class(request), class, "class of {request}");
        }
    }

    #[test]
    fn the_count_follows_a_large_allocation() {
        let before = used_memory();
        let block = vec![1u8; 64 << 20];
        assert!(used_memory() >= before + (60 << 20));
        drop(block);
    }
}
