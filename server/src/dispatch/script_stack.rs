//! The stack that scripts run on, so that one that takes long can be set aside while others are served.
//!
//! Background. A script runs in the turn of the connection that asked for it. After `busy-reply-threshold` others must be
//! answered (with BUSY, mostly), though the script is in the middle of its work. So commands that run scripts run on a stack of
//! their own: its hook switches back to the connection's task, which ends its turn and takes another one soon to let the script go
//! on. Meanwhile the script's session is in nobody's hands but that task's, no other command on data is admitted
//! (`admission.rs`), nothing is expired or saved, and what the script has queued for replicas waits for its end.
//!
//! The stack is larger than those of threads, too: replies may nest as deep as Lua's own stack allows.

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

/// Words of more than this give their room back.
const SPARE: usize = 1 << 16;

/// Whether a command runs a script.
fn is_script(command: &Command) -> bool {
    command.is(Internal::SCRIPT_TEXT | Internal::SCRIPT_SHA | Internal::FUNCTION | Internal::REPLAYS)
}

impl Server {
    /// Whether a command that was admitted runs scripts: itself, or EXEC one of its queue. All of them are `noscript`.
    pub(crate) fn runs_scripts(&self, client: &Client, command: &Command) -> bool {
        is_script(command)
            || (command.is(Internal::RUNS_QUEUE)
                && client
                    .transaction
                    .as_ref()
                    .is_some_and(|transaction| transaction.queue.iter().any(|(queued, _)| is_script(queued))))
    }

    /// Runs a command on the stack for scripts. If it is set aside there, the session is marked as blocked, and whoever holds it
    /// calls [`Self::resume_script`] until that says that it has ended.
    pub(crate) fn run_on_script_stack(&mut self, client: &mut Client, command: &'static Command, args: &Args<'_>) {
        if self.scripting.stack.yielder.is_some() {
            return self.run_admitted(client, command, args);
        }
        let stack = self.scripting.stack.idle.take();
        let Some(stack) = stack.or_else(|| DefaultStack::new(SIZE).ok()) else {
            return self.reply_error(client, b"ERR no memory for the stack of scripts");
        };
        // Arguments outlive the read buffer if the script is set aside.
        let mut words = std::mem::take(&mut self.scripting.spare.words);
        words.copy_from(args);
        let (server, session) = (std::ptr::from_mut(self), std::ptr::from_mut(client));
        let task = Task::with_stack(stack, move |yielder, ()| {
            // SAFETY: both stay where they are until the command has ended: the server is behind its lock, the session is boxed.
            // While this runs nobody else uses them; while it is set aside it does not run.
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

    /// Lets a client's script run; true when its command has ended.
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

    /// Whether a script was set aside that this session asked for.
    pub fn is_suspended_for(&self, client: &Client) -> bool {
        self.scripting.stack.suspended.as_ref().is_some_and(|suspended| suspended.client == client.id)
    }

    /// Lets the script that was set aside go on for a moment; true when its command has ended.
    pub fn resume_script(&mut self) -> bool {
        let Some(Suspended { task, now, client }) = self.scripting.stack.suspended.take() else { return true };
        // Time stands still in a script.
        (self.time.now, self.keyspace.now) = (now, now);
        self.scripting.stack.can_suspend = true;
        let ended = self.go_on(task, client);
        self.scripting.stack.can_suspend = false;
        if ended {
            // The primary's stream has waited.
            self.clients
                .iter()
                .filter(|client| client.flags.intersects(ClientFlags::MASTER))
                .for_each(|it| it.signal.raise());
        }
        ended
    }

    /// Called by a script that is busy: sets it aside, if its caller can let it go on.
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
