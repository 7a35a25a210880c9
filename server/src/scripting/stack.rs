//! The separate stack that scripts run on, and what is suspended on it. How it is used: `dispatch/script_stack.rs`.

use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, Yielder};

use crate::base::clock::Millis;
use crate::base::ids::ClientId;

/// The size of the stack in bytes of address space; memory is committed only as it is used.
pub(crate) const SIZE: usize = 32 << 20;

pub(crate) type Task = Coroutine<(), (), (), DefaultStack>;

/// The stack, and the command that runs or is suspended on it.
#[derive(Default)]
pub struct ScriptStack {
    pub(crate) idle: Option<DefaultStack>,
    /// The suspended script, if any.
    pub(crate) suspended: Option<Suspended>,
    /// The handle by which the running script switches back.
    pub(crate) yielder: Option<*const Yielder<(), ()>>,
    /// Whether the caller is able to resume a script later.
    pub can_suspend: bool,
}

/// A command that was suspended in the middle of a script.
pub(crate) struct Suspended {
    pub(crate) task: Task,
    /// The time at which the script began, in Unix milliseconds; it stands still within a script.
    pub(crate) now: Millis,
    /// The client whose command it is.
    pub(crate) client: ClientId,
}

// SAFETY: what is on the stack is used by whoever holds the server's lock, one thread at a time.
unsafe impl Send for ScriptStack {}

impl Drop for ScriptStack {
    fn drop(&mut self) {
        if let Some(Suspended { task, .. }) = self.suspended.take() {
            // The process ends in the middle of a script. Its stack is not unwound, because that would cross C frames.
            std::mem::forget(task);
        }
    }
}
