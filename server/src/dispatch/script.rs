//! Scripts and functions as commands of a client: the conditions under which one runs, what its calls may do, and what it
//! propagates.
//!
//! Background. A script's calls are run by the session that asked for it: keys that it reads are tracked for that session,
//! and changes are its own. While they run, the session's output is set aside, so that replies go to the script; messages to
//! the session itself (it may publish to its own channel) go to the output that was set aside (`deliver.rs`). Effects are
//! queued like those of any command, and wrapped in one MULTI and EXEC when the unit ends.

use crate::acl::log::Context;
use crate::base::clock::monotonic_ns;
use crate::base::log::{Level, log};
use crate::base::slot::Slot;
use crate::cluster::key_slot;
use crate::dispatch::acl::{denied_in_script, permits};
use crate::dispatch::keys::keys_of;
use crate::resp::request::OwnedArgs;
use crate::resp::{Args, Reply};
use crate::scripting::engine::{self, Sha};
use crate::scripting::shebang::{self, ScriptFlags};
use crate::scripting::{Engine, Host};
use crate::server::client::{Client, ClientFlags};
use crate::server::context::ServerContext;
use crate::server::doc::{Flags, Internal};
use crate::server::error::{self, CommandError, CommandResult};
use crate::server::registry::Command;
use crate::server::scripts::{Aside, RunningScript, Spare};
use crate::server::state::Server;

/// Bytes of capacity that a reply buffer may keep between calls; the memory of a larger reply is released.
const SPARE: usize = 1 << 16;

/// Empties a buffer for reuse, and releases its memory if that exceeds [`SPARE`].
fn spare(mut buffer: Vec<u8>) -> Vec<u8> {
    buffer.clear();
    buffer.shrink_to(SPARE);
    buffer
}

/// What EVAL, EVALSHA or FCALL runs.
#[derive(Debug, Clone, Copy)]
pub enum Script<'a> {
    /// A cached script, and its SHA1.
    Cached(&'a Sha, engine::Script),
    /// A function: its registered name, and its reference in the interpreter's registry.
    Function(&'a [u8], i32),
}

/// A running script, and what its calls may do.
struct Run {
    server: *mut Server,
    client: *mut Client,
    read_only: bool,
    allow_oom: bool,
    allow_cross_slot: bool,
    /// Memory exceeded `maxmemory` when the script began.
    out_of_memory: bool,
    obeyed: bool,
    resp3: bool,
    slot: Option<Slot>,
    /// The words of the request, for as long as the script runs.
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
    /// Whether this is a replica that has lost its primary and must not serve its data (`replica-serve-stale-data no`).
    pub(crate) fn is_stale(&self) -> bool {
        !self.config.replica_serve_stale_data && self.replication.follower().is_some_and(|follower| !follower.is_up())
    }

    /// The flags that a script or function declares; `None` for other commands, and if the script is unknown.
    pub(crate) fn declared(&self, command: &Command, args: &Args<'_>) -> Option<ScriptFlags> {
        if !command.flags.intersects(Flags::NOSCRIPT) {
            return None;
        }
        let flags = if command.is(Internal::SCRIPT_TEXT) {
            let text = args.at(1)?;
            // Only a script with a shebang line declares anything.
            if !text.starts_with(b"#!") {
                return None;
            }
            shebang::of_script(text).ok()?.0
        } else if command.is(Internal::SCRIPT_SHA) {
            self.scripting.scripts.script(&sha_word(args.at(1)?)?)?.flags
        } else if command.is(Internal::FUNCTION) {
            self.scripting.functions.find(args.at(1)?)?.flags
        } else {
            return None;
        };
        (!flags.intersects(ScriptFlags::COMPATIBLE)).then_some(flags)
    }

    /// A command's flags, in which those that a script declares replace those of EVAL or FCALL.
    pub(crate) fn flags_of(&self, command: &Command, args: &Args<'_>) -> Flags {
        let Some(declared) = self.declared(command, args) else { return command.flags };
        let writes = !declared.intersects(ScriptFlags::NO_WRITES);
        let mut flags = command.flags;
        flags.set(Flags::DENYOOM, writes && !declared.intersects(ScriptFlags::ALLOW_OOM));
        flags.set(Flags::WRITE, writes);
        flags.set(Flags::STALE, declared.intersects(ScriptFlags::ALLOW_STALE));
        flags
    }

    /// Whether a command may add to the replication stream without being flagged as a write.
    pub(crate) fn may_replicate(&self, command: &Command, args: &Args<'_>) -> bool {
        command.is(Internal::MAY_REPLICATE) && self.declared(command, args).is_none()
    }

    /// Checks whether a script may run now.
    fn refuse_script(&mut self, flags: ScriptFlags, read_only: bool, obeyed: bool, oom: bool) -> CommandResult {
        if flags.intersects(ScriptFlags::COMPATIBLE) {
            return if self.is_stale() { Err(error::MASTER_DOWN) } else { Ok(()) };
        }
        if flags.intersects(ScriptFlags::NO_CLUSTER) && self.mode.is_cluster() {
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
    /// Why the script did not run, or the error that it raised.
    pub fn run_script(
        &mut self,
        client: &mut Client,
        args: &Args<'_>,
        script: Script<'_>,
        flags: ScriptFlags,
        keys: usize,
        read_only: bool,
    ) -> CommandResult {
        // While the append-only file is loaded, only its commands run; during an asynchronous load, clients are served, too.
        let from_file = self.persistence.is_loading() && !self.persistence.loads_beside_old_data();
        let obeyed = client.flags.intersects(ClientFlags::PRIMARY) || from_file;
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
            slot: (keys > 0 && self.mode.is_cluster()).then(|| key_slot(args.get(3))),
            // SAFETY: only the lifetime changes; `run` ends before this function does, and the words are the caller's.
            words: unsafe { std::mem::transmute::<Args<'_>, Args<'static>>(*args) },
        };
        let (called, is_eval) = match script {
            Script::Cached(sha, _) => (&sha[..], true),
            Script::Function(name, _) => (name, false),
        };
        let mut name = std::mem::take(&mut self.scripting.spare.name);
        name.clear();
        name.extend_from_slice(called);
        self.scripting.running = Some(RunningScript {
            name,
            is_eval,
            started: self.time.tick,
            wrote: false,
            killed: false,
            busy: false,
            obeyed,
            words: OwnedArgs::default(),
        });
        let room = std::mem::take(&mut self.scripting.spare.calls);
        let mut out = std::mem::take(&mut self.scripting.spare.reply);
        let session = Session::redirect_output(client, room, self.scripting.spare.aside.take());
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
                Script::Cached(sha, script) => {
                    let engine: *mut Engine = &mut *(*run.server).scripting.scripts;
                    (*engine).run_script(sha, script, key_words, rest, host, &mut reply, hooked)
                }
                Script::Function(name, place) => {
                    let engine: *mut Engine = &mut (*run.server).scripting.functions.engine;
                    (*engine).run_function(name, place, key_words, rest, host, &mut reply, hooked)
                }
            }
        };
        let (room, aside) = session.restore(client);
        self.effects.withheld = withheld;
        // The script's commands have counted their changes; the script itself is not propagated.
        self.effects.dirty = dirty;
        self.effects.replace();
        let name = self.scripting.running.take().map_or_else(Vec::new, |running| running.name);
        self.scripting.retired.clear();
        self.wake_held_back_primary();
        let failed = out.starts_with(b"-");
        if result.is_ok() {
            client.reply().raw(&out);
        }
        let words = std::mem::take(&mut self.scripting.spare.words);
        self.scripting.spare = Spare { calls: spare(room), reply: spare(out), name, aside, words };
        match result {
            Ok(errors) => {
                for error in &errors {
                    self.stats.count_error(error);
                }
                // An error that the script passes on from a command was counted when that command failed.
                if errors.is_empty() && !failed { Ok(()) } else { Err(CommandError::Answered) }
            }
            Err(failure) if failure.counted => {
                client.reply().error(&failure.text);
                Err(CommandError::Answered)
            }
            Err(failure) => Err(CommandError::Text(failure.text)),
        }
    }

    /// SCRIPT KILL and FUNCTION KILL.
    ///
    /// # Errors
    /// `NOTBUSY` if no script runs, `UNKILLABLE` if it has written or belongs to the primary's stream, `BUSY` if a function
    /// runs and a script was meant, or the other way round.
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

/// What was saved of a session while its script runs, to be restored afterwards.
struct Session {
    resp3: bool,
    flags: ClientFlags,
    db: usize,
    room: usize,
    last_command: Option<&'static Command>,
}

/// The flags of a session that also apply to the calls of its script.
const KEPT: ClientFlags = ClientFlags::KEPT_IN_SCRIPTS;

impl Session {
    /// Redirects the session's replies into `room_of_calls`.
    fn redirect_output(client: &mut Client, room_of_calls: Vec<u8>, aside: Option<Box<Aside>>) -> Self {
        let Client { resp3, flags, db, room, last_command, .. } = *client;
        let mut aside = aside.unwrap_or_default();
        *aside = Aside { out: std::mem::replace(&mut client.out, room_of_calls), resp3 };
        client.aside = Some(aside);
        client.flags = flags & KEPT;
        // No command blocks in a script.
        client.flags.insert(ClientFlags::IN_EXEC);
        client.room = usize::MAX;
        client.resp3 = false;
        Self { resp3, flags, db, room, last_command }
    }

    /// Restores the session. Returns the buffer of its calls, and the one that held its own output, for reuse.
    fn restore(&self, client: &mut Client) -> (Vec<u8>, Option<Box<Aside>>) {
        let Self { resp3, flags, db, room, last_command } = *self;
        let ended = client.flags & ClientFlags::ENDS;
        client.flags = flags;
        client.flags.insert(ended);
        client.refresh_user_flag();
        (client.resp3, client.db, client.room, client.last_command) = (resp3, db, room, last_command);
        let mut aside = client.aside.take();
        let out = aside.as_mut().map_or_else(Vec::new, |aside| std::mem::take(&mut aside.out));
        (std::mem::replace(&mut client.out, out), aside)
    }
}

/// The word as a lower-case SHA1; `None` if it is not 40 bytes long.
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

    /// Why a script must not call a command: the text of the error that is raised; `None` if it may.
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
        if read_only && (writes || command.is(Internal::MAY_REPLICATE)) {
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
        if !server.mode.is_cluster() || obeyed {
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
        // The next call reuses the buffer that held this reply before.
        std::mem::swap(reply, &mut client.out);
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
            if server.persistence.is_loading() {
                server.retry_held_back();
            }
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
    /// Shows EVAL and its kin to monitors, before the commands that they call.
    pub fn show_script(&mut self, args: &Args<'_>) {
        let Some(command) = self.client.last_command else { return };
        if !self.server.audience.pubsub.monitors.is_empty() && !self.server.persistence.is_loading() {
            self.server.feed_monitors(self.client, self.client.db, command, args);
        }
    }
}
