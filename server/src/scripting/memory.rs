//! The interpreter's memory, which is counted, and limited while Lua itself allocates.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error, realloc};
use std::ffi::c_void;

use super::engine::Host;
use super::lua::State;

/// The most memory that one interpreter may hold, in bytes.
pub const LIMIT: usize = 1 << 30;

/// The state that an interpreter's functions share.
pub struct Shared {
    /// The memory that the interpreter holds, in bytes.
    pub used: usize,
    /// How many Rust functions are running. Allocation does not fail below them, because the error would cross their frames.
    pub unlimited: u32,
    /// The server, as the running script sees it; `None` if no script runs.
    pub host: Option<*mut dyn Host>,
    /// Where the library that is being loaded registers its functions.
    pub registering: Option<super::engine::Registering>,
    /// When loading a library times out, in monotonic nanoseconds.
    pub deadline: Option<u64>,
    /// The buffers for the next call of a command.
    pub(super) scratch: super::api::Scratch,
    /// The function that `redis.log` writes with.
    pub log: fn(u8, &[u8]),
}

const ALIGN: usize = 16;

/// The allocator of the interpreter (`lua_Alloc` in Lua's manual).
pub(super) extern "C" fn allocate(data: *mut c_void, block: *mut c_void, old: usize, new: usize) -> *mut c_void {
    // SAFETY: `data` is the `Shared` of the interpreter, which lives as long as it; nobody else uses it during this call.
    let shared = unsafe { &mut *data.cast::<Shared>() };
    let old = if block.is_null() { 0 } else { old };
    if new > old && shared.unlimited == 0 && shared.used.saturating_add(new - old) > LIMIT {
        return std::ptr::null_mut();
    }
    let Ok(wanted) = Layout::from_size_align(new, ALIGN) else { return std::ptr::null_mut() };
    // SAFETY: a block was made here with the size that Lua remembers as `old`, so the layouts are those of its allocation.
    unsafe {
        let had = Layout::from_size_align_unchecked(old, ALIGN);
        shared.used = shared.used.wrapping_sub(old).wrapping_add(new);
        if new == 0 {
            if old > 0 {
                dealloc(block.cast(), had);
            }
            return std::ptr::null_mut();
        }
        let made = if old == 0 { alloc(wanted) } else { realloc(block.cast(), had, new) };
        if made.is_null() {
            handle_alloc_error(wanted);
        }
        made.cast()
    }
}

/// The `Shared` of an interpreter. The reference must end before anything else of the interpreter is used.
#[expect(clippy::mut_from_ref, reason = "it lives behind the interpreter, which one thread uses at a time")]
pub(super) fn shared(lua: &State) -> &mut Shared {
    // SAFETY: `Engine` gave the interpreter this address, and keeps it until the interpreter is closed.
    unsafe { &mut *lua.allocator_data().cast::<Shared>() }
}

/// Runs a Rust function that Lua called, without a limit on memory.
pub(super) fn unlimited<R>(lua: State, body: impl FnOnce() -> R) -> R {
    shared(&lua).unlimited += 1;
    let result = body();
    shared(&lua).unlimited -= 1;
    result
}

/// Whether Rust functions have exceeded the limit.
pub(super) fn is_over(lua: State) -> bool {
    let shared = shared(&lua);
    shared.used > LIMIT && shared.unlimited == 0
}
