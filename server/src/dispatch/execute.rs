//! Runs requests: lookup, admission, the handler, and what must follow it.

use crate::base::clock::{Millis, monotonic_ns, now_ms};
use crate::base::log::{Level, log};
use crate::config::values::PropagationError;
use crate::dispatch::acl::may_read_by_pattern;
use crate::dispatch::admission::Admission;
use crate::dispatch::redact::shown_words;
use crate::dispatch::running::RunningCommand;
use crate::resp::{Args, Reply};
use crate::server::client::{BlockKind, Client, ClientFlags};
use crate::server::context::{DataContext, ServerContext, settle};
use crate::server::doc::{Flags, Internal};
use crate::server::effects::Rewrite;
use crate::server::error::{self, CommandError, CommandResult};
use crate::server::registry::{Command, Handler};
use crate::server::state::Server;
use crate::store::keyspace::ExpiryRule;

/// MONITOR leaves out administrative commands, which may carry secrets, and shows EXEC's commands one by one.
const HIDDEN_FROM_MONITORS: Flags = Flags::SKIP_MONITOR.union(Flags::ADMIN);

/// The recipients that expect no reply, and therefore no error: a primary, a replica, the append-only file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Recipient {
    Primary,
    Replica,
    Aof,
}

/// Nanoseconds in a millisecond, which is the resolution of expiry.
const MILLISECOND: u64 = 1_000_000;

impl Server {
    /// Runs one request of a client. An empty request does nothing.
    #[inline]
    pub fn execute(&mut self, client: &mut Client, args: &Args<'_>) {
        if args.is_empty() {
            return;
        }
        match self.resolve(args) {
            Ok(command) => self.admit_and_run(client, command, args),
            Err(_) if is_http(args) => self.turn_away(client),
            Err(error) => self.refuse(client, self.named(args), &error),
        }
        if client.flags.intersects(ClientFlags::ASKING) {
            self.end_asking(client, args);
        }
    }

    /// Closes the connection of an HTTP client without a reply. A browser may have been tricked into sending commands of an
    /// attacker's choice.
    #[cold]
    fn turn_away(&mut self, client: &mut Client) {
        const PAUSE: Millis = 60_000;
        if self.clients.may_log_web_client(self.time.now, PAUSE) {
            log(
                Level::Warning,
                "Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host: commands to Redis. This is likely due to an attacker attempting to use Cross Protocol Scripting to compromise your Redis instance. Connection aborted.",
            );
        }
        client.close();
    }

    /// Clears ASKING, which holds for one command or, given before MULTI, for the whole transaction.
    #[cold]
    fn end_asking(&self, client: &mut Client, args: &Args<'_>) {
        let asked_just_now = self.registry.find(args.get(0)).is_some_and(|command| command.is(Internal::ASKS));
        if !asked_just_now && !client.flags.intersects(ClientFlags::MULTI) {
            client.flags.remove(ClientFlags::ASKING);
        }
    }

    /// Looks up the command or subcommand that a request names, without checking its arity.
    #[cold]
    pub(crate) fn named(&self, args: &Args<'_>) -> Option<&'static Command> {
        let command = self.registry.find(args.get(0))?;
        match args.at(1) {
            Some(word) if command.is_container() => command.subcommand(word),
            _ => Some(command),
        }
    }

    /// Looks up the command or subcommand that a request names and checks its arity.
    #[inline]
    pub fn resolve(&self, args: &Args<'_>) -> CommandResult<&'static Command> {
        let Some(command) = self.registry.find(args.get(0)) else { return Err(unknown_command(args)) };
        let command = match args.at(1) {
            Some(word) if command.is_container() => {
                command.subcommand(word).ok_or_else(|| error::unknown_subcommand(word, command.name))?
            }
            _ => command,
        };
        if command.accepts(args.len()) { Ok(command) } else { Err(error::wrong_arity(command.name)) }
    }

    #[inline]
    fn admit_and_run(&mut self, client: &mut Client, command: &'static Command, args: &Args<'_>) {
        if self.gate.is_closed() || client.flags.intersects(ClientFlags::GATED) {
            match self.admit(client, command, args) {
                Admission::Run => {}
                Admission::Elsewhere(error) => return self.send_elsewhere(client, command, &error),
                Admission::Refuse(error) => return self.refuse(client, Some(command), &error),
                Admission::Postpone => return self.postpone(client, args),
                Admission::Queue => return self.enqueue(client, command, args),
            }
        } else if let Some(error) = self.redirection(client, command, args) {
            return self.send_elsewhere(client, command, &error);
        }
        if command.flags.intersects(Flags::NOSCRIPT) && self.runs_scripts(client, command) {
            return self.run_on_script_stack(client, command, args);
        }
        self.run_admitted(client, command, args);
    }

    /// Runs a command that was admitted, and ends its unit.
    #[inline]
    pub(crate) fn run_admitted(&mut self, client: &mut Client, command: &'static Command, args: &Args<'_>) {
        self.call(client, command, args);
        self.end_unit(client);
        if self.audience.tracking.is_used() {
            self.end_tracked_unit(client, command);
        }
    }

    /// Ends a unit of execution: a single command, or a whole transaction.
    #[inline]
    fn end_unit(&mut self, client: &mut Client) {
        if self.time.tick.saturating_sub(self.time.read()) >= MILLISECOND {
            // Time stands still within a unit. It moves on for the clients that waited for its end and for the rest of a
            // pipeline.
            self.begin_batch(now_ms());
        }
        if self.effects.queued() > 0 && self.scripting.running.is_none() {
            // Keys that a scan finds expired are unrelated, so no transaction is put around their deletions.
            let walks = client.last_command.is_some_and(|command| command.is(Internal::ARBITRARY_KEYS));
            self.flush_propagation(!walks);
        }
        // Redis does this after reads, too: what a client saw may be another client's write.
        client.last_write_offset = self.replication.history().offset();
        if self.effects.has_news_of_keys() && self.scripting.running.is_none() {
            self.tell_watchers(client);
        }
        if self.audience.tracking.has_own_messages() {
            self.end_invalidation(client);
        }
    }

    fn enqueue(&mut self, client: &mut Client, command: &'static Command, args: &Args<'_>) {
        let mark = client.out.len();
        let (transaction, args) = (client.transaction_mut(), args.to_owned_args());
        transaction.queued_bytes += args.memory();
        transaction.queue.push((command, args));
        client.reply().raw(b"+QUEUED\r\n");
        self.finish_reply(client, mark);
    }

    /// Answers with an error instead of running the command.
    pub fn refuse(&mut self, client: &mut Client, command: Option<&'static Command>, error: &CommandError) {
        if client.flags.intersects(ClientFlags::PRIMARY) {
            self.note_propagation_error(
                command.map_or("<unknown>", |command| command.name),
                error.bytes(),
                Recipient::Primary,
            );
        }
        if let Some(command) = command {
            client.last_command = Some(command);
            self.stats.command_refused(command.index);
            if command.is(Internal::RUNS_QUEUE) {
                // A refused EXEC ends its transaction.
                self.discard_transaction(client);
                let text = [b"EXECABORT Transaction discarded because of: ", strip_code(error.bytes())].concat();
                return self.reply_error(client, &text);
            }
        }
        if client.flags.intersects(ClientFlags::MULTI) {
            client.flags.insert(ClientFlags::DIRTY_EXEC);
        }
        self.reply_error(client, error.bytes());
    }

    /// Writes an error, and counts it by its code.
    pub fn reply_error(&mut self, client: &mut Client, text: &[u8]) {
        let mark = client.out.len();
        client.reply().error(text);
        self.stats.count_error(text);
        if client.is_replica() && !client.flags.intersects(ClientFlags::MONITOR) {
            let command = client.last_command.map_or("<unknown>", |command| command.name);
            self.note_propagation_error(command, text, Recipient::Replica);
            cut_replica(client, mark);
        }
        self.finish_reply(client, mark);
    }

    /// Runs a command that was admitted: inside or outside a transaction.
    pub fn call(&mut self, client: &mut Client, command: &'static Command, args: &Args<'_>) {
        let started = self.time.tick;
        let mark = client.out.len();
        let db = client.db;
        let outer = self.effects.begin_command(Rewrite::Verbatim);
        client.last_command = Some(command);
        let feeds_replica = client.is_replica() && !client.flags.intersects(ClientFlags::MONITOR);
        let result = {
            let _running = RunningCommand::enter(client, command, args);
            self.run_handler(client, command, args)
        };
        let failed = match result {
            Ok(()) => false,
            Err(CommandError::Block(block)) => {
                self.block(client, *block, args);
                false
            }
            Err(CommandError::Answered) => true,
            Err(error) => {
                client.reply().error(error.bytes());
                self.stats.count_error(error.bytes());
                if client.flags.intersects(ClientFlags::PRIMARY) {
                    self.note_propagation_error(command.name, error.bytes(), Recipient::Primary);
                }
                true
            }
        };
        if feeds_replica && client.out.len() > mark {
            cut_replica(client, mark);
        }
        if !self.audience.pubsub.monitors.is_empty()
            && !self.persistence.is_loading()
            && !command.flags.intersects(HIDDEN_FROM_MONITORS)
        {
            self.feed_monitors(client, client.db, command, args);
        }
        self.after_handler(client, db, command, args);
        if self.audience.tracking.is_used() {
            self.invalidate_changed(client);
            // A script's reads are remembered by the keys that it declared.
            if self.scripting.running.is_none() {
                self.remember_reads(client, command, args);
            }
        }
        self.effects.end_command(outer);
        self.time.command_ended();
        self.account(client, command, args, self.time.tick.saturating_sub(started), failed);
        if failed || !command.is(Internal::PUSHES) {
            self.finish_reply(client, mark);
        } else {
            self.finish_reply(client, client.out.len());
        }
    }

    /// Serves a blocked client from a key that is ready. The client may remain blocked.
    pub fn serve(&mut self, client: &mut Client, key: &[u8]) {
        let (Some(block), Some(command)) = (client.block.take(), client.last_command) else { return };
        let BlockKind::Keys(wait) = &block.kind else { return };
        let (mark, started) = (client.out.len(), monotonic_ns());
        let outer = self.effects.begin_command(Rewrite::Replaced);
        self.keyspace.treat_expired_by(self.expiry_rule(false));
        let args = block.request.as_args();
        let mut context = DataContext {
            keyspace: &mut self.keyspace,
            db: client.db,
            reply: Reply::bounded(&mut client.out, client.resp3, client.room),
            config: &self.config,
            effects: &mut self.effects,
            may_block: false,
            trusted: false,
            // No command that blocks reads keys by pattern.
            reads_only_named_keys: false,
            scripted: false,
        };
        let result = (wait.serve)(&mut context, &args, key);
        self.after_handler(client, client.db, command, &args);
        self.effects.end_command(outer);
        if matches!(result, Ok(false)) {
            client.out.truncate(mark);
            client.block = Some(block);
            return;
        }
        let spent = monotonic_ns().saturating_sub(started);
        self.note_duration(client, command, &args, spent, "command-unblocking");
        if let Err(error) = result {
            self.stats.command_failed(command.index);
            client.reply().error(error.bytes());
            self.stats.count_error(error.bytes());
        }
        client.block = Some(block);
        self.stop_waiting(client);
        self.finish_reply(client, mark);
        if self.effects.queued() > 0 {
            self.flush_propagation(true);
            client.last_write_offset = self.replication.history().offset();
        }
        client.signal.raise();
    }

    /// Runs a command of the append-only file. Its changes are kept but neither propagated nor published.
    pub fn replay_command(&mut self, client: &mut Client, command: &'static Command, args: &Args<'_>) {
        // An error, if any, was reported to the client when the command first ran.
        if let Err(error) = self.run_handler(client, command, args) {
            self.note_propagation_error(command.name, error.bytes(), Recipient::Aof);
        }
        self.persistence.changed(self.effects.take_changes());
        self.keyspace.happenings.clear();
        self.effects.forget_all();
        client.out.clear();
    }

    /// Handles a command that succeeded where it came from and fails here, which means that the data differ:
    /// `propagation-error-behavior` decides what happens.
    #[cold]
    fn note_propagation_error(&self, command: &str, error: &[u8], to: Recipient) {
        let (from, to_name) = match to {
            Recipient::Primary => ("replica", "master"),
            Recipient::Replica => ("master", "replica"),
            Recipient::Aof => ("server", "AOF-loading-client"),
        };
        let error = String::from_utf8_lossy(error);
        let text = format!(
            "This {from} is sending an error to its {to_name}: '-{error}' after processing the command '{command}'"
        );
        log(Level::Warning, &format!("== CRITICAL == {text}"));
        // A writable replica has data of its own, with which the stream may conflict.
        let strict_replica = to == Recipient::Primary && self.config.replica_read_only;
        match self.config.propagation_error_behavior {
            PropagationError::Panic if strict_replica || to == Recipient::Aof => panic!("{text}"),
            PropagationError::PanicOnReplicas if strict_replica => panic!("{text}"),
            _ => {}
        }
    }

    #[inline]
    fn run_handler(&mut self, client: &mut Client, command: &'static Command, args: &Args<'_>) -> CommandResult {
        let trusted = client.flags.intersects(ClientFlags::PRIMARY) || client.flags.intersects(ClientFlags::ARRIVAL);
        self.keyspace.treat_expired_by(self.expiry_rule(trusted));
        match command.handler {
            Handler::Data(handler) => {
                let reads_only_named_keys =
                    client.flags.intersects(ClientFlags::RESTRICTED) && !may_read_by_pattern(client, command, args);
                let mut context = DataContext {
                    keyspace: &mut self.keyspace,
                    db: client.db,
                    reply: Reply::bounded(&mut client.out, client.resp3, client.room),
                    config: &self.config,
                    effects: &mut self.effects,
                    may_block: !client.flags.intersects(ClientFlags::IN_EXEC) && !trusted,
                    trusted,
                    reads_only_named_keys,
                    scripted: client.aside.is_some(),
                };
                handler(&mut context, args)
            }
            Handler::Server(handler) => {
                let result = handler(&mut ServerContext { server: self, client }, args);
                // The handler may have changed what admission checks; handlers of data commands cannot.
                self.refresh_gate();
                result
            }
            Handler::Container => Err(error::wrong_arity(command.name)),
        }
    }

    #[inline]
    pub(crate) fn expiry_rule(&self, trusted: bool) -> ExpiryRule {
        if trusted || self.persistence.is_loading() {
            ExpiryRule::Ignore
        } else if self.replication.is_replica() {
            if self.config.replica_read_only { ExpiryRule::Hide } else { ExpiryRule::HideUnlessWritten }
        } else if self.gate.pauses().hold_writes(self.time.now) {
            ExpiryRule::Hide
        } else {
            ExpiryRule::Delete
        }
    }

    #[inline]
    fn after_handler(&mut self, client: &mut Client, db: usize, command: &Command, args: &Args<'_>) {
        settle(&mut self.keyspace, &mut self.effects);
        let dirty = self.effects.changes();
        if dirty > 0 {
            self.persistence.changed(dirty);
            if self.effects.propagates_verbatim() && !command.is(Internal::RUNS_QUEUE) {
                self.effects.queue_words(db, args.len(), args.from(0));
            }
        }
        if self.effects.has_notifications() {
            self.publish_notifications(client);
        }
    }

    #[inline]
    fn account(&mut self, client: &mut Client, command: &'static Command, args: &Args<'_>, nanos: u64, failed: bool) {
        self.stats.command_ran(command.index, failed);
        // The cost of a blocking command is known only once it has been served.
        if !client.flags.intersects(ClientFlags::BLOCKED) {
            let event = if command.flags.intersects(Flags::FAST) { "fast-command" } else { "command" };
            self.note_duration(client, command, args, nanos, event);
        }
    }

    /// Adds the time that a command took to the statistics, and to SLOWLOG and LATENCY if it was long.
    #[inline]
    fn note_duration(&mut self, client: &Client, command: &Command, args: &Args<'_>, nanos: u64, event: &'static str) {
        let stats = &mut self.stats.commands[command.index];
        stats.nanos += nanos;
        if self.config.latency_tracking {
            stats.record_latency(nanos);
        }
        let micros = (nanos / 1000) as i64;
        let threshold = self.config.slowlog_log_slower_than;
        if threshold >= 0 && micros >= threshold && !command.flags.intersects(Flags::SKIP_SLOWLOG) {
            let words: Vec<&[u8]> = shown_words(command, args).collect();
            self.stats.slowlog.add(self.time.now, micros, &words, &client.addr, &client.name);
        }
        self.stats.latency.add_if_slow(
            event,
            micros / 1000,
            self.config.latency_monitor_threshold as i64,
            self.time.now,
        );
    }

    /// Discards the reply after CLIENT REPLY OFF or SKIP, and on the link to the primary. SKIP lasts until the reply of a
    /// blocked command.
    #[inline]
    pub(crate) fn finish_reply(&mut self, client: &mut Client, mark: usize) {
        const SILENT: [ClientFlags; 3] = [ClientFlags::REPLY_OFF, ClientFlags::REPLY_SKIP, ClientFlags::PRIMARY];
        if !client.flags.intersects(ClientFlags::GATED) || client.block.is_some() {
            return;
        }
        if SILENT.iter().any(|&flag| client.flags.intersects(flag)) {
            client.out.truncate(mark);
        }
        client.flags.remove(ClientFlags::REPLY_SKIP);
        if client.flags.intersects(ClientFlags::REPLY_SKIP_NEXT) {
            client.flags.remove(ClientFlags::REPLY_SKIP_NEXT);
            client.flags.insert(ClientFlags::REPLY_SKIP);
        }
    }
}

/// Closes the link of a replica that would be sent a reply: among the bytes of the stream, the replica would read it as a
/// command.
#[cold]
fn cut_replica(client: &mut Client, mark: usize) {
    client.out.truncate(mark);
    let (id, addr) = (client.id, &client.addr);
    let name = client.last_command.map_or("<NULL>", |command| command.name);
    let text = format!("Replica generated a reply to command '{name}', disconnecting it: id={id} addr={addr}");
    log(Level::Warning, &text);
    client.close();
}

/// Whether the first word is `POST` or `Host:`, by which Redis recognises an HTTP request.
fn is_http(args: &Args<'_>) -> bool {
    [&b"post"[..], b"host:"].iter().any(|word| args.get(0).eq_ignore_ascii_case(word))
}

fn strip_code(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"ERR ").unwrap_or(text)
}

/// The error for an unknown command, which quotes its name and the beginning of its arguments up to a limit.
fn unknown_command(args: &Args<'_>) -> CommandError {
    const LIMIT: usize = 128;
    let mut words = Vec::new();
    for word in args.from(1) {
        if words.len() >= LIMIT {
            break;
        }
        let room = LIMIT - words.len();
        words.extend([b"'", error::shown(word, room), b"' "].concat());
    }
    let name = error::shown(args.get(0), LIMIT);
    CommandError::text([b"ERR unknown command '", name, b"', with args beginning with: ", &words].concat())
}
