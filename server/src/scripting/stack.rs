//! The stack of its own that scripts run on: see `dispatch/script_stack.rs`.

use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, Yielder};

use crate::base::clock::Millis;
use crate::base::ids::ClientId;

/// Bytes of address space; memory is taken as it is used.
pub(crate) const SIZE: usize = 32 << 20;

pub(crate) type Task = Coroutine<(), (), (), DefaultStack>;

/// The stack, and what is on it.
#[derive(Default)]
pub struct ScriptStack {
    pub(crate) idle: Option<DefaultStack>,
    /// A script that was set aside.
    pub(crate) suspended: Option<Suspended>,
    /// How the script that runs switches back.
    pub(crate) yielder: Option<*const Yielder<(), ()>>,
    /// The caller can let a script go on later.
    pub can_suspend: bool,
}

/// A command that was set aside in the middle of a script.
pub(crate) struct Suspended {
    pub(crate) task: Task,
    /// The time, which stands still in scripts.
    pub(crate) now: Millis,
    /// The client whose command it is.
    pub(crate) client: ClientId,
}

// SAFETY: what is on the stack is used by whoever holds the server's lock, one thread at a time.
unsafe impl Send for ScriptStack {}

impl Drop for ScriptStack {
    fn drop(&mut self) {
        if let Some(Suspended { task, .. }) = self.suspended.take() {
            // The process ends in the middle of a script. To unwind its stack would lead through frames of C.
            std::mem::forget(task);
        }
    }
}
