//! The separate stack on which scripts run, so that a slow one can be suspended while other clients are served.
//!
//! Background. A script runs in the turn of the connection that asked for it. After `busy-reply-threshold` other clients
//! must be answered (mostly with BUSY) although the script is in the middle of its work. So commands that run scripts run on
//! a stack of their own: the interpreter's hook switches back to the connection's task, which ends its turn and soon takes
//! another one to resume the script. In between, only that task holds the script's session, no other data command is
//! admitted (`admission.rs`), nothing is expired or saved, and what the script has queued for replicas waits until it ends.
//!
//! The stack is also larger than a thread's, because replies may nest as deeply as Lua's own stack allows.

use corosensei::CoroutineResult;
use corosensei::stack::DefaultStack;

use crate::base::ids::ClientId;
use crate::dispatch::running;
use crate::resp::Args;
use crate::scripting::stack::{SIZE, Suspended, Task};
use crate::server::client::{Client, ClientFlags};
use crate::server::doc::Internal;
use crate::server::registry::Command;
use crate::server::state::Server;

/// Bytes of capacity that the buffer for arguments may keep between scripts; a larger one is released.
const SPARE: usize = 1 << 16;

/// Whether a command runs a script.
fn is_script(command: &Command) -> bool {
    command.is(Internal::SCRIPT_TEXT | Internal::SCRIPT_SHA | Internal::FUNCTION | Internal::REPLAYS)
}

impl Server {
    /// Whether an admitted command runs scripts; for EXEC, whether any queued command does. All of these have the flag
    /// `noscript`.
    pub(crate) fn runs_scripts(&self, client: &Client, command: &Command) -> bool {
        is_script(command)
            || (command.is(Internal::RUNS_QUEUE)
                && client
                    .transaction
                    .as_ref()
                    .is_some_and(|transaction| transaction.queue.iter().any(|(queued, _)| is_script(queued))))
    }

    /// Runs a command on the stack for scripts. If it is suspended there, the session is marked as blocked, and its holder
    /// calls [`Self::resume_script`] until that returns true.
    pub(crate) fn run_on_script_stack(&mut self, client: &mut Client, command: &'static Command, args: &Args<'_>) {
        if self.scripting.stack.yielder.is_some() {
            return self.run_admitted(client, command, args);
        }
        let stack = self.scripting.stack.idle.take();
        let Some(stack) = stack.or_else(|| DefaultStack::new(SIZE).ok()) else {
            return self.reply_error(client, b"ERR no memory for the stack of scripts");
        };
        // The arguments must outlive the read buffer if the script is suspended.
        let mut words = std::mem::take(&mut self.scripting.spare.words);
        words.copy_from(args);
        let (server, session) = (std::ptr::from_mut(self), std::ptr::from_mut(client));
        let task = Task::with_stack(stack, move |yielder, ()| {
            // SAFETY: both stay where they are until the command has ended: the server is behind its lock, the session is
            // boxed. While this runs, nothing else uses them; while it is suspended, it does not run.
            let (server, session) = unsafe { (&mut *server, &mut *session) };
            server.scripting.stack.yielder = Some(std::ptr::from_ref(yielder));
            server.run_admitted(session, command, &words.as_args());
            server.scripting.stack.yielder = None;
            words.clear(SPARE);
            server.scripting.spare.words = words;
        });
        if !self.go_on(task, client.id) {
            client.flags.insert(ClientFlags::BLOCKED);
        }
    }

    /// Starts or resumes a client's script; true once its command has ended.
    fn go_on(&mut self, mut task: Task, client: ClientId) -> bool {
        match task.resume(()) {
            CoroutineResult::Yield(()) => {
                self.scripting.stack.suspended = Some(Suspended { task, now: self.time.now, client });
                false
            }
            CoroutineResult::Return(()) => {
                self.scripting.stack.idle = Some(task.into_stack());
                true
            }
        }
    }

    /// Whether a script of this session is suspended.
    pub fn is_suspended_for(&self, client: &Client) -> bool {
        self.scripting.stack.suspended.as_ref().is_some_and(|suspended| suspended.client == client.id)
    }

    /// Resumes the suspended script for a while; true once its command has ended.
    pub fn resume_script(&mut self) -> bool {
        let Some(Suspended { task, now, client }) = self.scripting.stack.suspended.take() else { return true };
        // Time stands still in a script.
        (self.time.now, self.keyspace.now) = (now, now);
        self.scripting.stack.can_suspend = true;
        let ended = self.go_on(task, client);
        self.scripting.stack.can_suspend = false;
        if ended {
            // The primary's stream has been waiting for the script.
            self.clients
                .iter()
                .filter(|client| client.flags.intersects(ClientFlags::MASTER))
                .for_each(|it| it.signal.raise());
        }
        ended
    }

    /// Called by the hook of a slow script: suspends it if its caller is able to resume it.
    pub(crate) fn let_others_run(&mut self) {
        if !self.scripting.stack.can_suspend {
            return;
        }
        let Some(yielder) = self.scripting.stack.yielder.take() else { return };
        let command = running::take();
        // SAFETY: the script runs on the stack that this belongs to, and so it is there.
        unsafe { (*yielder).suspend(()) };
        running::put(command);
        self.scripting.stack.yielder = Some(yielder);
    }
}
