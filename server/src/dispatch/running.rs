//! Which command this thread runs, for the report of a crash. It costs a few stores a command.

use std::cell::Cell;
use std::ptr::NonNull;

use crate::resp::Args;
use crate::server::client::Client;
use crate::server::registry::Command;

#[derive(Clone, Copy)]
struct Running {
    client: NonNull<Client>,
    command: &'static Command,
    args: NonNull<Args<'static>>,
}

thread_local! {
    static RUNNING: Cell<Option<Running>> = const { Cell::new(None) };
}

/// Remembers a command for as long as this lives; then the one that called it counts again.
pub struct RunningCommand(Option<Running>);

impl RunningCommand {
    /// This thread runs `command` now. The guard must end before `client` and `args` do.
    #[inline]
    pub fn enter(client: &Client, command: &'static Command, args: &Args<'_>) -> Self {
        let running = Running { client: NonNull::from(client), command, args: NonNull::from(args).cast() };
        Self(RUNNING.replace(Some(running)))
    }
}

impl Drop for RunningCommand {
    #[inline]
    fn drop(&mut self) {
        RUNNING.set(self.0);
    }
}

/// Shows `look` the command that this thread runs, if any.
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

/// What [`take`] found.
pub struct Taken(Option<Running>);

/// The command that this thread runs is set aside, maybe for another thread to go on with. Not inlined: a thread's own variables
/// must be found anew.
#[inline(never)]
pub fn take() -> Taken {
    Taken(RUNNING.take())
}

/// The command that was set aside goes on.
#[inline(never)]
pub fn put(taken: Taken) {
    RUNNING.set(taken.0);
}
