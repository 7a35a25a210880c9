//! Scripts and functions as commands of a client: what must hold before one runs, what its calls may do, what it leaves behind.
//!
//! Background. A script's calls are run by the session that asked for it: keys that it reads are tracked for that session, and
//! changes are its own. While they run, the session's output is set aside, so that replies go to the script; messages to the
//! session itself (it may publish to its own channel) go to the output that was set aside (`deliver.rs`). Effects are
//! queued as those of any command, and one MULTI and EXEC is put around them when the unit ends.

use super::acl::{denied_in_script, permits};
use super::client::{Client, ClientFlags};
use super::context::ServerContext;
use super::doc::{Flags, Internal};
use super::error::{self, CommandError, CommandResult};
use super::keys::keys_of;
use super::registry::Command;
use super::server::Server;
use crate::acl::log::Context;
use crate::base::clock::monotonic_ns;
use crate::cluster::key_slot;
use crate::info::log::{Level, log};
use crate::resp::request::OwnedArgs;
use crate::resp::{Args, Reply};
use crate::scripting::engine::{Purpose, Sha};
use crate::scripting::shebang::{self, ScriptFlags};
use crate::scripting::{Engine, Host};

/// All that concerns scripts.
pub struct Scripting {
    /// The interpreter of EVAL, and its cache.
    pub scripts: Box<Engine>,
    /// Libraries, and their interpreter.
    pub functions: Box<super::functions::Functions>,
    /// The script that runs.
    pub running: Option<Running>,
    /// The stack that it runs on.
    pub stack: super::script_stack::ScriptStack,
    /// Libraries that were replaced while a script runs, which may be one of theirs (CVE-2026-23631).
    #[expect(clippy::vec_box, reason = "the script that runs was given its address")]
    retired: Vec<Box<super::functions::Functions>>,
    /// DEBUG SET-DISABLE-DENY-SCRIPTS: scripts may call everything.
    pub allows_everything: bool,
    /// Room for the replies of the next script's commands, and for its own.
    spare: [Vec<u8>; 2],
}

/// Room that a large reply took is given back.
const SPARE: usize = 1 << 16;

/// Keeps what a buffer has room for, if that is not much.
fn spare(mut buffer: Vec<u8>) -> Vec<u8> {
    buffer.clear();
    buffer.shrink_to(SPARE);
    buffer
}

/// The script that runs, as others see it.
pub struct Running {
    /// Its SHA1, or the function's name.
    pub name: Vec<u8>,
    /// EVAL, not FCALL.
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
pub struct Aside {
    /// What was written before.
    pub out: Vec<u8>,
    /// The session speaks RESP3.
    pub resp3: bool,
}

/// `redis.log`.
fn write_log(level: u8, text: &[u8]) {
    let level = [Level::Debug, Level::Verbose, Level::Notice, Level::Warning][usize::from(level.min(3))];
    log(level, &String::from_utf8_lossy(text));
}

impl Default for Scripting {
    fn default() -> Self {
        Self {
            scripts: Box::new(Engine::new(Purpose::Scripts, write_log)),
            functions: Box::new(super::functions::Functions::new(write_log)),
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

    /// SCRIPT FLUSH.
    pub fn flush_scripts(&mut self) {
        *self.scripts = Engine::new(Purpose::Scripts, write_log);
    }

    /// Replaces all libraries by those of a snapshot.
    ///
    /// # Errors
    /// Why one of them cannot be loaded; nothing has changed then.
    pub fn install_functions(&mut self, codes: &[Vec<u8>]) -> CommandResult {
        let mut arriving = Box::new(super::functions::Functions::new(write_log));
        codes.iter().try_for_each(|code| arriving.load(code, false, false).map(drop))?;
        let old = std::mem::replace(&mut self.functions, arriving);
        if self.running.is_some() {
            self.retired.push(old);
        }
        Ok(())
    }
}

/// What is to be run.
#[derive(Debug, Clone, Copy)]
pub enum Script<'a> {
    /// A cached script.
    Cached(&'a Sha),
    /// A function: its name as it was registered, and its place.
    Function(&'a [u8], i32),
}

/// What a script's calls may do.
struct Run {
    server: *mut Server,
    client: *mut Client,
    read_only: bool,
    allow_oom: bool,
    allow_cross_slot: bool,
    /// Memory was short when it began.
    out_of_memory: bool,
    obeyed: bool,
    resp3: bool,
    slot: Option<u16>,
    /// What the session asked for, as long as the script runs.
    words: Args<'static>,
}

const STALE_SCRIPT: CommandError = CommandError::Static(
    "MASTERDOWN Link with MASTER is down, replica-serve-stale-data is set to 'no' and 'allow-stale' flag is not set on the script.",
);
const READ_ONLY_SCRIPT: CommandError =
    CommandError::Static("READONLY Can not run script with write flag on readonly replica");
const SNAPSHOT_FAILED: CommandError = CommandError::Static(
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Writable scripts are blocked. Use 'no-writes' flag for read only scripts.",
);
const OOM_SCRIPT: CommandError =
    CommandError::Static("OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'");

impl Server {
    /// Whether a replica must not show its data, which are those of a primary that it lost.
    pub(super) fn is_stale(&self) -> bool {
        !self.config.replica_serve_stale_data && self.replication.follower().is_some_and(|follower| !follower.is_up())
    }

    /// What a script or function declares; `None` for other commands, and where it is not known.
    pub(super) fn declared(&self, command: &Command, args: &Args<'_>) -> Option<ScriptFlags> {
        if !command.flags.intersects(Flags::NOSCRIPT) {
            return None;
        }
        let flags = match command.name {
            "eval" | "eval_ro" => {
                let text = args.at(1)?;
                // Only a text that declares something is looked at.
                if !text.starts_with(b"#!") {
                    return None;
                }
                shebang::of_script(text).ok()?.0
            }
            "evalsha" | "evalsha_ro" => self.scripting.scripts.script(&sha_word(args.at(1)?)?)?.flags,
            "fcall" | "fcall_ro" => self.scripting.functions.find(args.at(1)?)?.1.flags,
            _ => return None,
        };
        (!flags.intersects(ScriptFlags::COMPATIBLE)).then_some(flags)
    }

    /// A command's flags; those of a script are what it declares.
    pub(super) fn flags_of(&self, command: &Command, args: &Args<'_>) -> Flags {
        let Some(declared) = self.declared(command, args) else { return command.flags };
        let writes = !declared.intersects(ScriptFlags::NO_WRITES);
        let mut flags = command.flags;
        flags.set(Flags::DENYOOM, writes && !declared.intersects(ScriptFlags::ALLOW_OOM));
        flags.set(Flags::WRITE, writes);
        flags.set(Flags::STALE, declared.intersects(ScriptFlags::ALLOW_STALE));
        flags
    }

    /// Whether a command may put something into the stream without saying so.
    pub(super) fn may_replicate(&self, command: &Command, args: &Args<'_>) -> bool {
        command.doc.is(Internal::MAY_REPLICATE) && self.declared(command, args).is_none()
    }

    /// Why a script must not run now.
    fn refuse_script(&mut self, flags: ScriptFlags, read_only: bool, obeyed: bool, oom: bool) -> CommandResult {
        if flags.intersects(ScriptFlags::COMPATIBLE) {
            return if self.is_stale() { Err(error::MASTER_DOWN) } else { Ok(()) };
        }
        if flags.intersects(ScriptFlags::NO_CLUSTER) && self.cluster.is_some() {
            return Err(CommandError::Static("ERR Can not run script on cluster, 'no-cluster' flag is set."));
        }
        if self.is_stale() && !flags.intersects(ScriptFlags::ALLOW_STALE) {
            return Err(STALE_SCRIPT);
        }
        if !flags.intersects(ScriptFlags::NO_WRITES) {
            if self.replication.is_replica() && self.config.replica_read_only && !obeyed {
                return Err(READ_ONLY_SCRIPT);
            }
            if !obeyed && let Some(error) = self.disk_error() {
                return Err(match &self.persistence.aof_write_error {
                    Some(why) if !matches!(error, CommandError::Static(_)) => CommandError::text(format!(
                        "MISCONF Redis is configured to persist data to AOF, but it's currently unable to persist to disk. Writable scripts are blocked. Use 'no-writes' flag for read only scripts. AOF error: {why}"
                    )),
                    _ => SNAPSHOT_FAILED,
                });
            }
            if read_only {
                return Err(CommandError::Static("ERR Can not execute a script with write flag using *_ro command."));
            }
            if self.lacks_replicas() {
                return Err(error::NO_REPLICAS);
            }
        }
        if oom && !flags.intersects(ScriptFlags::ALLOW_OOM) && !flags.intersects(ScriptFlags::NO_WRITES) {
            return Err(OOM_SCRIPT);
        }
        Ok(())
    }

    /// Runs a script or function and writes its reply. `args` are those of EVAL or FCALL: the keys begin at word 3.
    ///
    /// # Errors
    /// Why it did not run, or how it failed.
    pub fn run_script(
        &mut self,
        client: &mut Client,
        args: &Args<'_>,
        script: Script<'_>,
        flags: ScriptFlags,
        keys: usize,
        read_only: bool,
    ) -> CommandResult {
        // The append-only file's commands come while nobody else's do; an asynchronous load serves clients.
        let from_file = self.loading && !self.async_loading;
        let obeyed = client.flags.intersects(ClientFlags::MASTER) || from_file;
        let oom = self.config.maxmemory > 0
            && !(obeyed || (self.replication.is_replica() && self.config.replica_ignore_maxmemory))
            && !self.evict_until_it_fits();
        self.refuse_script(flags, read_only, obeyed, oom)?;
        self.scripting.is_idle()?;
        let declared = |flag| !flags.intersects(ScriptFlags::COMPATIBLE) && flags.intersects(flag);
        let keys_end = 3 + keys;
        let mut run = Run {
            server: std::ptr::from_mut(self),
            client: std::ptr::from_mut(client),
            read_only: read_only || declared(ScriptFlags::NO_WRITES),
            allow_oom: declared(ScriptFlags::ALLOW_OOM),
            allow_cross_slot: flags.intersects(ScriptFlags::COMPATIBLE)
                || flags.intersects(ScriptFlags::ALLOW_CROSS_SLOT),
            out_of_memory: oom,
            obeyed,
            resp3: false,
            slot: (keys > 0 && self.cluster.is_some()).then(|| key_slot(args.get(3))),
            // SAFETY: only the lifetime changes; `run` ends before this function does, and the words are the caller's.
            words: unsafe { std::mem::transmute::<Args<'_>, Args<'static>>(*args) },
        };
        let (name, is_eval) = match script {
            Script::Cached(sha) => (sha.to_vec(), true),
            Script::Function(name, _) => (name.to_vec(), false),
        };
        self.scripting.running = Some(Running {
            name,
            is_eval,
            started: self.tick,
            wrote: false,
            killed: false,
            busy: false,
            obeyed,
            words: OwnedArgs::default(),
        });
        let [room, mut out] = std::mem::take(&mut self.scripting.spare);
        let session = Session::set_aside(client, room);
        let withheld = std::mem::take(&mut self.effects.withheld);
        let dirty = std::mem::take(&mut self.effects.dirty);
        let resp3 = session.resp3;
        let mut reply = Reply::bounded(&mut out, resp3, session.room);
        let hooked = self.config.busy_reply_threshold > 0;
        let host: *mut dyn Host = &mut run;
        let (key_words, rest) = (args.from(3).take(keys), args.from(keys_end));
        // SAFETY: the engine is used by nobody else meanwhile: a script cannot run another one, and what would replace the
        // engines is not allowed in scripts or waits until the script has ended. `run` outlives the call.
        let result = unsafe {
            match script {
                Script::Cached(sha) => {
                    let engine: *mut Engine = &mut *(*run.server).scripting.scripts;
                    (*engine).run_script(sha, key_words, rest, host, &mut reply, hooked)
                }
                Script::Function(name, place) => {
                    let engine: *mut Engine = &mut (*run.server).scripting.functions.engine;
                    (*engine).run_function(name, place, key_words, rest, host, &mut reply, hooked)
                }
            }
        };
        let room = session.restore(client);
        self.effects.withheld = withheld;
        // Its commands have counted their changes; the script itself is not propagated.
        self.effects.dirty = dirty;
        self.effects.replace();
        self.scripting.running = None;
        self.scripting.retired.clear();
        self.wake_held_back_primary();
        let failed = out.starts_with(b"-");
        if result.is_ok() {
            client.reply().raw(&out);
        }
        self.scripting.spare = [spare(room), spare(out)];
        match result {
            Ok(errors) => {
                for error in &errors {
                    self.stats.count_error(error);
                }
                // An error that a command gave the script, which hands it on, was counted when the command failed.
                if errors.is_empty() && !failed { Ok(()) } else { Err(CommandError::Answered) }
            }
            Err(failure) if failure.counted => {
                client.reply().error(&failure.text);
                Err(CommandError::Answered)
            }
            Err(failure) => Err(CommandError::Text(failure.text)),
        }
    }

    /// The script that keeps others waiting.
    pub fn busy_script(&self) -> Option<&Running> {
        self.scripting.running.as_ref().filter(|running| running.busy)
    }

    /// SCRIPT KILL and FUNCTION KILL.
    ///
    /// # Errors
    /// Why not.
    pub fn kill_script(&mut self, is_eval: bool) -> CommandResult {
        let Some(running) = &mut self.scripting.running else {
            return Err(CommandError::Static("NOTBUSY No scripts in execution right now."));
        };
        if running.obeyed {
            return Err(CommandError::Static(
                "UNKILLABLE The busy script was sent by a master instance in the context of replication and cannot be killed.",
            ));
        }
        if running.wrote {
            return Err(CommandError::Static(
                "UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.",
            ));
        }
        if is_eval != running.is_eval {
            return Err(running.busy_error());
        }
        running.killed = true;
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

/// A session's state while its script runs.
struct Session {
    resp3: bool,
    flags: ClientFlags,
    db: usize,
    room: usize,
    last_command: Option<&'static Command>,
}

/// What of a session's flags holds for the calls of its script.
const KEPT: ClientFlags = ClientFlags::KEPT_IN_SCRIPTS;

impl Session {
    /// The session's commands write into `spare` from now on.
    fn set_aside(client: &mut Client, spare: Vec<u8>) -> Self {
        let Client { resp3, flags, db, room, last_command, .. } = *client;
        client.aside = Some(Box::new(Aside { out: std::mem::replace(&mut client.out, spare), resp3 }));
        client.flags = flags & KEPT;
        // No command waits in a script.
        client.flags.insert(ClientFlags::IN_EXEC);
        client.room = usize::MAX;
        client.resp3 = false;
        Self { resp3, flags, db, room, last_command }
    }

    /// Returns the room that its commands wrote into.
    fn restore(&self, client: &mut Client) -> Vec<u8> {
        let Self { resp3, flags, db, room, last_command } = *self;
        let ended = client.flags & ClientFlags::ENDS;
        client.flags = flags;
        client.flags.insert(ended);
        client.refresh_user_flag();
        (client.resp3, client.db, client.room, client.last_command) = (resp3, db, room, last_command);
        let out = client.aside.take().map_or_else(Vec::new, |aside| aside.out);
        std::mem::replace(&mut client.out, out)
    }
}

/// The word as a SHA1 in lower case, if it can be one.
pub fn sha_word(word: &[u8]) -> Option<Sha> {
    let mut sha: Sha = word.try_into().ok()?;
    sha.make_ascii_lowercase();
    Some(sha)
}

impl Run {
    /// The server and the session that runs the script.
    fn both(&mut self) -> (&mut Server, &mut Client) {
        // SAFETY: `run_script` holds both and does not touch them until the script has ended or calls.
        unsafe { (&mut *self.server, &mut *self.client) }
    }

    /// Why a command must not be called; the text is that of the script's error.
    fn refusal(&mut self, command: &'static Command, args: &Args<'_>) -> Option<Vec<u8>> {
        let text = |text: &str| Some(text.as_bytes().to_vec());
        let coded = |error: CommandError| Some([b"-", error.bytes()].concat());
        let Self { read_only, allow_oom, allow_cross_slot, out_of_memory, obeyed, slot, words, .. } = *self;
        let (server, client) = self.both();
        if command.flags.intersects(Flags::NOSCRIPT) && !server.scripting.allows_everything {
            return text("This Redis command is not allowed from script");
        }
        if server.is_stale() && !command.flags.intersects(Flags::STALE) {
            return text("Can not execute the command on a stale replica");
        }
        if client.flags.intersects(ClientFlags::RESTRICTED)
            && let Err(denial) = permits(client, command, args)
        {
            client.last_command = server.named(&words);
            server.note_denial(client, command, args, denial, Context::Script);
            return text(denied_in_script(denial));
        }
        let writes = command.flags.intersects(Flags::WRITE);
        if read_only && (writes || command.doc.is(Internal::MAY_REPLICATE)) {
            return text("Write commands are not allowed from read-only scripts.");
        }
        let wrote = server.scripting.running.as_ref().is_some_and(|running| running.wrote);
        if writes && !wrote {
            if server.replication.is_replica() && server.config.replica_read_only && !obeyed {
                return coded(error::READ_ONLY);
            }
            if let Some(error) = server.disk_error() {
                return coded(error);
            }
            if server.lacks_replicas() {
                return coded(error::NO_REPLICAS);
            }
        }
        if !allow_oom && out_of_memory && !wrote && command.flags.intersects(Flags::DENYOOM) {
            return coded(error::OOM);
        }
        if writes && let Some(running) = &mut server.scripting.running {
            running.wrote = true;
        }
        if server.cluster.is_none() || obeyed {
            return None;
        }
        if let Some(error) = server.redirection(client, command, args) {
            return text(match error.bytes() {
                b"CLUSTERDOWN The cluster is down and only accepts read commands" => {
                    "Script attempted to execute a write command while the cluster is down and readonly"
                }
                b"CLUSTERDOWN The cluster is down" => "Script attempted to execute a command while the cluster is down",
                _ => "Script attempted to access a non local key in a cluster node",
            });
        }
        if !allow_cross_slot {
            let words: Vec<&[u8]> = args.from(0).collect();
            let first = keys_of(command.doc, &words, true).ok().and_then(|keys| keys.first().map(|key| key.index));
            let called = first.map(|index| key_slot(words[index]));
            match (slot, called) {
                (Some(slot), Some(called)) if slot != called => {
                    return text("Script attempted to access keys that do not hash to the same slot");
                }
                (None, Some(called)) => self.slot = Some(called),
                _ => {}
            }
        }
        None
    }
}

impl Host for Run {
    fn call(&mut self, words: &OwnedArgs, reply: &mut Vec<u8>) -> Result<(), Vec<u8>> {
        let args = words.as_args();
        let server = self.both().0;
        let found = server.registry.find(args.get(0)).and_then(|command| match args.at(1) {
            Some(word) if command.is_container() => command.subcommand(word),
            _ => Some(command),
        });
        let refusal = match found {
            None => Some(b"Unknown Redis command called from script".to_vec()),
            Some(command) if !command.accepts(args.len()) => {
                Some(b"Wrong number of args calling Redis command from script".to_vec())
            }
            Some(command) => self.refusal(command, &args),
        };
        let resp3 = self.resp3;
        let (server, client) = self.both();
        if let Some(text) = refusal {
            server.stats.count_error(text.strip_prefix(b"-").unwrap_or(b"ERR"));
            if let Some(command) = found {
                server.stats.commands[command.index].rejected += 1;
            }
            return Err(text);
        }
        let Some(command) = found else { return Ok(()) };
        client.resp3 = resp3;
        client.out.clear();
        server.call(client, command, &args);
        *reply = std::mem::take(&mut client.out);
        if command.flags.intersects(Flags::READONLY) {
            let declared = self.words;
            let (server, client) = self.both();
            server.remember_declared_keys(client, &declared);
        }
        Ok(())
    }

    fn set_resp3(&mut self, on: bool) {
        self.resp3 = on;
    }

    fn is_resp3(&self) -> bool {
        self.resp3
    }

    fn set_repl(&mut self, targets: u8) {
        self.both().0.effects.withheld = !targets & 3;
    }

    fn may_call(&mut self, words: &OwnedArgs) -> Option<bool> {
        let args = words.as_args();
        let command = self.both().0.registry.find(args.get(0))?;
        let command = if command.is_container() { command.subcommand(args.at(1)?)? } else { command };
        Some(permits(self.both().1, command, &args).is_ok())
    }

    fn interrupt(&mut self) -> Option<&'static str> {
        let words = self.words;
        let server = self.both().0;
        let threshold = server.config.busy_reply_threshold;
        let running = server.scripting.running.as_mut()?;
        if !running.busy {
            let elapsed = monotonic_ns().saturating_sub(running.started) / 1_000_000;
            if elapsed < threshold {
                return None;
            }
            running.busy = true;
            running.words = words.to_owned_args();
            let command = if running.is_eval { "SCRIPT KILL" } else { "FUNCTION KILL" };
            let name = String::from_utf8_lossy(&running.name).into_owned();
            log(
                Level::Warning,
                &format!(
                    "Slow script detected: still in execution after {elapsed} milliseconds. You can try killing the script using the {command} command. Script name is: {name}."
                ),
            );
            server.refresh_gate();
        }
        server.let_others_run();
        let running = self.both().0.scripting.running.as_ref()?;
        if !running.killed {
            return None;
        }
        log(Level::Warning, "Lua script killed by user with SCRIPT KILL.");
        Some("Script killed by user with SCRIPT KILL...")
    }
}

impl ServerContext<'_> {
    /// Shows EVAL and the like to monitors, in front of what they call.
    pub fn show_script(&mut self, args: &Args<'_>) {
        let Some(command) = self.client.last_command else { return };
        if !self.server.monitors.is_empty() && !self.server.loading {
            self.server.feed_monitors(self.client, self.client.db, command, args);
        }
    }
}
