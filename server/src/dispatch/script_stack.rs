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
        // The arguments must outlive the read buffer if the script is suspended.
        let mut words = std::mem::take(&mut self.scripting.spare.words);
        words.copy_from(args);
        let session = std::ptr::from_mut(client);
        let ended = self.run_on_stack(client.id, move |server| {
            // SAFETY: the session is boxed, and so it stays where it is until the command has ended. While this runs, nothing
            // else uses it; while it is suspended, it does not run.
            server.run_admitted(unsafe { &mut *session }, command, &words.as_args());
            words.clear(SPARE);
            server.scripting.spare.words = words;
        });
        match ended {
            Ok(true) => {}
            Ok(false) => client.flags.insert(ClientFlags::BLOCKED),
            Err(error) => self.reply_error(client, format!("ERR {error}").as_bytes()),
        }
    }

    /// Runs work that may run scripts on the stack for scripts, for a client. False if it was suspended there.
    ///
    /// # Errors
    /// There is no memory for the stack.
    pub(crate) fn run_on_stack(
        &mut self,
        client: ClientId,
        work: impl FnOnce(&mut Self) + 'static,
    ) -> Result<bool, &'static str> {
        let stack = self.scripting.stack.idle.take().or_else(|| DefaultStack::new(SIZE).ok());
        let stack = stack.ok_or("no memory for the stack of scripts")?;
        let server = std::ptr::from_mut(self);
        let task = Task::with_stack(stack, move |yielder, ()| {
            // SAFETY: the server is behind its lock, and so it stays where it is. While this runs, nothing else uses it; while
            // it is suspended, it does not run.
            let server = unsafe { &mut *server };
            server.scripting.stack.yielder = Some(std::ptr::from_ref(yielder));
            work(server);
            server.scripting.stack.yielder = None;
        });
        Ok(self.go_on(task, client))
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
                .filter(|client| client.flags.intersects(ClientFlags::PRIMARY))
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
