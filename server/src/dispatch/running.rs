//! Which command this thread runs, for crash reports. The cost is a few stores per command.

use std::cell::Cell;
use std::ptr::NonNull;

use crate::resp::Args;
use crate::server::client::Client;
use crate::server::registry::Command;

#[derive(Clone, Copy)]
struct Registration {
    client: NonNull<Client>,
    command: &'static Command,
    args: NonNull<Args<'static>>,
}

thread_local! {
    static RUNNING: Cell<Option<Registration>> = const { Cell::new(None) };
}

/// Registers a command as running until this guard is dropped, when the command that called it counts again.
pub struct RunningCommand(Option<Registration>);

impl RunningCommand {
    /// Registers `command` as the one that this thread runs. The guard must be dropped before `client` and `args` are.
    #[inline]
    pub fn enter(client: &Client, command: &'static Command, args: &Args<'_>) -> Self {
        let running = Registration { client: NonNull::from(client), command, args: NonNull::from(args).cast() };
        Self(RUNNING.replace(Some(running)))
    }
}

impl Drop for RunningCommand {
    #[inline]
    fn drop(&mut self) {
        RUNNING.set(self.0);
    }
}

/// Calls `look` with the command that this thread runs, if any.
///
/// # Safety
/// The process must be about to end: the client is in use, and what `look` reads may be in the middle of a change.
pub unsafe fn look_at_running_command(look: impl FnOnce(&Client, &'static Command, &Args<'_>)) {
    if let Some(running) = RUNNING.get() {
        // SAFETY: both are borrowed by a caller further up on this thread's stack, which does not go on behind us.
        let (client, args) = unsafe { (running.client.as_ref(), running.args.as_ref()) };
        look(client, running.command, args);
    }
}

/// The registration that [`take`] removed, to be handed to [`put`].
pub struct Taken(Option<Registration>);

/// Removes this thread's registration, because its command is suspended and another thread may resume it. Not inlined, so
/// that thread-local variables are looked up again after a switch of threads.
#[inline(never)]
pub fn take() -> Taken {
    Taken(RUNNING.take())
}

/// Registers a suspended command again, on the thread that resumes it.
#[inline(never)]
pub fn put(taken: Taken) {
    RUNNING.set(taken.0);
}
