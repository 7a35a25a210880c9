//! The interpreters of scripts and functions, the libraries, and the script that runs.

use super::error::{CommandError, CommandResult};
use super::functions::Functions;
use crate::base::log::{Level, log};
use crate::resp::request::OwnedArgs;
use crate::scripting::Engine;
use crate::scripting::engine::Purpose;
use crate::scripting::stack::ScriptStack;

/// All that concerns scripts.
pub struct Scripting {
    /// The interpreter of EVAL, and its cache.
    pub scripts: Box<Engine>,
    /// Libraries, and their interpreter.
    pub functions: Box<Functions>,
    /// The script that runs.
    pub running: Option<Running>,
    /// The stack that it runs on.
    pub stack: ScriptStack,
    /// Libraries that were replaced while a script runs, which may be one of theirs (CVE-2026-23631).
    #[expect(clippy::vec_box, reason = "the script that runs was given its address")]
    pub(crate) retired: Vec<Box<Functions>>,
    /// DEBUG SET-DISABLE-DENY-SCRIPTS: scripts may call everything.
    pub(crate) allows_everything: bool,
    /// What a script leaves to the next one.
    pub(crate) spare: Spare,
}

/// What the next script need not allocate anew.
#[derive(Default)]
pub(crate) struct Spare {
    /// Room for the replies of its commands.
    pub calls: Vec<u8>,
    /// Room for its own reply.
    pub reply: Vec<u8>,
    /// Room for its name.
    pub name: Vec<u8>,
    /// Where the session's output waits.
    pub aside: Option<Box<Aside>>,
    /// Room for the words of the command that it comes with.
    pub words: OwnedArgs,
}

/// The script that runs, as others see it.
pub struct Running {
    /// Its SHA1, or the function's name.
    pub name: Vec<u8>,
    /// Whether EVAL runs it, and not FCALL.
    pub is_eval: bool,
    /// When it began, on the monotonic clock.
    pub started: u64,
    /// It called a command that writes.
    pub wrote: bool,
    /// SCRIPT KILL or FUNCTION KILL came.
    pub killed: bool,
    /// It runs for longer than `busy-reply-threshold`.
    pub busy: bool,
    /// Our primary sent it, or the append-only file holds it.
    pub obeyed: bool,
    /// The command that it came with; filled in when it is busy.
    pub words: OwnedArgs,
}

/// Where a session's output waits while its script runs.
#[derive(Default)]
pub struct Aside {
    /// What was written before.
    pub out: Vec<u8>,
    /// The session speaks RESP3.
    pub resp3: bool,
}

/// What `redis.log` of a script calls.
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
    /// The interpreters can be used or replaced: no script runs. Scripts may call what does so only after DEBUG
    /// SET-DISABLE-DENY-SCRIPTS.
    ///
    /// # Errors
    /// A script runs.
    pub fn is_idle(&self) -> CommandResult {
        match &self.running {
            None => Ok(()),
            Some(running) if running.busy => Err(running.busy_error()),
            Some(_) => Err(CommandError::Static("ERR This Redis command is not allowed from script")),
        }
    }

    /// The script that keeps others waiting.
    pub fn busy(&self) -> Option<&Running> {
        self.running.as_ref().filter(|running| running.busy)
    }

    /// DEBUG SET-DISABLE-DENY-SCRIPTS: whether scripts may call everything.
    pub fn allow_everything(&mut self, allow: bool) {
        self.allows_everything = allow;
    }

    /// SCRIPT FLUSH: forgets all cached scripts.
    pub fn flush_scripts(&mut self) {
        *self.scripts = Engine::new(Purpose::Scripts, write_log);
    }

    /// Replaces all libraries by those of a snapshot.
    ///
    /// # Errors
    /// Why one of them cannot be loaded; nothing has changed then.
    pub fn install_functions(&mut self, codes: &[Vec<u8>]) -> CommandResult {
        let mut arriving = Box::new(Functions::new(write_log));
        codes.iter().try_for_each(|code| arriving.load(code, false, false).map(drop))?;
        let old = std::mem::replace(&mut self.functions, arriving);
        if self.running.is_some() {
            self.retired.push(old);
        }
        Ok(())
    }
}

impl Running {
    /// What others hear while it is busy.
    pub fn busy_error(&self) -> CommandError {
        CommandError::Static(if self.is_eval {
            "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE."
        } else {
            "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE."
        })
    }
}
