//! The state of scripting: the interpreters, cached scripts, function libraries, and the script that is running.

use super::error::{CommandError, CommandResult};
use super::functions::{Functions, RestorePolicy};
use crate::base::log::{Level, log};
use crate::resp::request::OwnedArgs;
use crate::scripting::Engine;
use crate::scripting::engine::Purpose;
use crate::scripting::stack::ScriptStack;

/// The interpreters, the libraries, and the running script.
pub struct Scripting {
    /// The interpreter of EVAL, and its cache.
    pub scripts: Box<Engine>,
    /// Libraries, and their interpreter.
    pub functions: Box<Functions>,
    /// The script that runs.
    pub running: Option<RunningScript>,
    /// The stack that it runs on.
    pub stack: ScriptStack,
    /// Libraries that were replaced while a script is running, which may belong to one of them (CVE-2026-23631).
    #[expect(clippy::vec_box, reason = "the script that runs was given its address")]
    pub(crate) retired: Vec<Box<Functions>>,
    /// Whether scripts may call every command: DEBUG SET-DISABLE-DENY-SCRIPTS.
    pub(crate) allows_everything: bool,
    /// Buffers that a script leaves to the next one.
    pub(crate) spare: Spare,
}

/// Buffers that scripts reuse.
#[derive(Default)]
pub(crate) struct Spare {
    /// The buffer for replies to its calls.
    pub calls: Vec<u8>,
    /// The buffer for its own reply.
    pub reply: Vec<u8>,
    /// The buffer for its name.
    pub name: Vec<u8>,
    /// Where the session's own output is kept.
    pub aside: Option<Box<Aside>>,
    /// The buffer for the words of its command.
    pub words: OwnedArgs,
}

/// The running script, as others see it.
pub struct RunningScript {
    /// Its SHA1, or the function's name.
    pub name: Vec<u8>,
    /// Whether EVAL runs it, and not FCALL.
    pub is_eval: bool,
    /// When it began, in monotonic nanoseconds.
    pub started: u64,
    /// Whether it has called a command that writes.
    pub wrote: bool,
    /// Whether SCRIPT KILL or FUNCTION KILL has been sent.
    pub killed: bool,
    /// Whether it has been running for longer than `busy-reply-threshold`.
    pub busy: bool,
    /// Whether it comes from our primary or the append-only file.
    pub obeyed: bool,
    /// The command that runs it; filled in when it is busy.
    pub words: OwnedArgs,
}

/// A session's output while its script is running.
#[derive(Default)]
pub struct Aside {
    /// The output from before the script.
    pub out: Vec<u8>,
    /// Whether the session uses RESP3.
    pub resp3: bool,
}

/// The function that `redis.log` of a script calls.
fn write_log(level: u8, text: &[u8]) {
    let level = [Level::Debug, Level::Verbose, Level::Notice, Level::Warning][usize::from(level.min(3))];
    log(level, &String::from_utf8_lossy(text));
}

impl Default for Scripting {
    fn default() -> Self {
        Self {
            scripts: Box::new(Engine::new(Purpose::Scripts, write_log)),
            functions: Box::new(Functions::new(write_log)),
            stack: Default::default(),
            retired: Vec::new(),
            running: None,
            allows_everything: false,
            spare: Default::default(),
        }
    }
}

impl Scripting {
    /// Checks that no script is running, so that the interpreters can be used or replaced. Scripts can reach such commands
    /// only after DEBUG SET-DISABLE-DENY-SCRIPTS.
    ///
    /// # Errors
    /// A script is running.
    pub fn is_idle(&self) -> CommandResult {
        match &self.running {
            None => Ok(()),
            Some(running) if running.busy => Err(running.busy_error()),
            Some(_) => Err(CommandError::Static("ERR This Redis command is not allowed from script")),
        }
    }

    /// The running script, if it is busy.
    pub fn busy(&self) -> Option<&RunningScript> {
        self.running.as_ref().filter(|running| running.busy)
    }

    /// DEBUG SET-DISABLE-DENY-SCRIPTS: sets whether scripts may call every command.
    pub fn allow_everything(&mut self, allow: bool) {
        self.allows_everything = allow;
    }

    /// SCRIPT FLUSH: forgets all cached scripts.
    pub fn flush_scripts(&mut self) {
        *self.scripts = Engine::new(Purpose::Scripts, write_log);
    }

    /// Replaces all libraries by those of a snapshot. The interpreter stays, as in Redis, unless a script runs, which may be a
    /// function of an old library.
    ///
    /// # Errors
    /// Why one of them cannot be loaded; nothing has changed then.
    pub fn install_functions(&mut self, codes: &[Vec<u8>]) -> CommandResult {
        if self.running.is_none() {
            return self.functions.restore(codes, RestorePolicy::Flush);
        }
        let mut arriving = Box::new(Functions::new(write_log));
        codes.iter().try_for_each(|code| arriving.load(code, false, false).map(drop))?;
        self.retired.push(std::mem::replace(&mut self.functions, arriving));
        Ok(())
    }
}

impl RunningScript {
    /// The `BUSY` error that other clients get.
    pub fn busy_error(&self) -> CommandError {
        CommandError::Static(if self.is_eval {
            "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE."
        } else {
            "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE."
        })
    }
}
