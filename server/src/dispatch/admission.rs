//! Whether a command may run now: the gates between lookup and execution, in Redis's order, and the first one that applies
//! decides.
//!
//! Most commands are held by no gate, so two summaries are kept: [`Gate::is_closed`](crate::server::gate::Gate::is_closed)
//! for conditions of the server, and [`ClientFlags::GATED`] for conditions of the session. The gates are checked one by one
//! only if either is set.

use crate::acl::log::Context;
use crate::base::allocator::used_memory;
use crate::base::clock::monotonic_ns;
use crate::dispatch::acl::{no_permission, permits};
use crate::resp::Args;
use crate::server::client::{Client, ClientFlags};
use crate::server::doc::{Flags, Internal};
use crate::server::error::{self, CommandError};
use crate::server::registry::Command;
use crate::server::state::Server;
use crate::store::eviction::{Order, Policy};

/// What a gate decided.
pub enum Admission {
    /// Run the command now.
    Run,
    /// Keep it for EXEC.
    Queue,
    /// Hold it back until the pause ends.
    Postpone,
    /// Answer with this error.
    Refuse(CommandError),
    /// Another node of the cluster serves it, or no node does: answer with this redirection or error.
    Elsewhere(CommandError),
}

/// The commands that a client's transaction has queued.
fn queue_of(client: &Client) -> impl Iterator<Item = (&'static Command, Args<'_>)> {
    let queue = client.transaction.iter().flat_map(|transaction| &transaction.queue);
    queue.map(|(command, args)| (*command, args.as_args()))
}

impl Server {
    /// Checks the gates one by one.
    pub fn admit(&mut self, client: &mut Client, command: &'static Command, args: &Args<'_>) -> Admission {
        if let Some(error) = self.early_refusal(client, command) {
            return Admission::Refuse(error);
        }
        if client.flags.intersects(ClientFlags::RESTRICTED)
            && let Err(denial) = permits(client, command, args)
            && !self.writes_only_arriving_slots(client, command, args)
        {
            let context = if client.flags.intersects(ClientFlags::MULTI) { Context::Multi } else { Context::TopLevel };
            client.last_command = Some(command);
            self.note_denial(client, command, args, denial, context);
            return Admission::Refuse(no_permission(command, denial));
        }
        if let Some(error) = self.redirection(client, command, args) {
            return Admission::Elsewhere(error);
        }
        if self.waits_for_loading(client, command) {
            return Admission::Postpone;
        }
        match self.refusal(client, command, args) {
            Some(error) => Admission::Refuse(error),
            None if self.is_paused_for(client, command, args) => Admission::Postpone,
            None if client.flags.intersects(ClientFlags::MULTI) && !command.is(Internal::NOT_QUEUED) => {
                Admission::Queue
            }
            None => Admission::Run,
        }
    }

    /// The gates that Redis checks before cluster redirection.
    fn early_refusal(&self, client: &Client, command: &Command) -> Option<CommandError> {
        let flags = command.flags;
        if client.flags.intersects(ClientFlags::NEEDS_AUTH) && !flags.intersects(Flags::NO_AUTH) {
            return Some(error::NO_AUTH);
        }
        if client.flags.intersects(ClientFlags::MULTI) && flags.intersects(Flags::NO_MULTI) {
            return Some(error::NO_MULTI);
        }
        None
    }

    fn refusal(&mut self, client: &mut Client, command: &Command, args: &Args<'_>) -> Option<CommandError> {
        let flags = command.flags;
        let from_primary = client.flags.intersects(ClientFlags::PRIMARY);
        let write = self.writes(client, command, args);
        if let Some(refused) = self.out_of_memory(client, command, args, from_primary) {
            return Some(refused);
        }
        if !from_primary
            && (write || command.is(Internal::TELLS_DISK_ERRORS))
            && let Some(refused) = self.disk_error()
        {
            return Some(refused);
        }
        if write && !from_primary && self.lacks_replicas() {
            return Some(error::NO_REPLICAS);
        }
        if write && !from_primary && self.replication.is_replica() && self.config.replica_read_only {
            return Some(error::READ_ONLY);
        }
        if client.flags.intersects(ClientFlags::PUBSUB_RESP2) && !command.is(Internal::WHILE_SUBSCRIBED) {
            return Some(CommandError::text(format!(
                "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context",
                command.name
            )));
        }
        if !from_primary && self.is_stale() && self.lacks(client, command, args, Flags::STALE) {
            return Some(error::MASTER_DOWN);
        }
        if self.persistence.is_loading()
            && self.lacks(client, command, args, Flags::LOADING)
            && (!self.persistence.loads_beside_old_data() || flags.intersects(Flags::NO_ASYNC_LOADING))
        {
            return Some(error::LOADING);
        }
        if let Some(running) = self.scripting.busy()
            && !flags.intersects(Flags::ALLOW_BUSY)
        {
            return Some(running.busy_error());
        }
        if client.is_replica() && !client.flags.intersects(ClientFlags::MONITOR) && command.first_key != 0 {
            return Some(error::REPLICA_KEYSPACE);
        }
        None
    }

    /// Whether a command has a flag; for EXEC, whether any queued command has it.
    fn any_has(&self, client: &Client, command: &Command, args: &Args<'_>, flag: Flags) -> bool {
        self.flags_of(command, args).intersects(flag)
            || (command.is(Internal::RUNS_QUEUE)
                && queue_of(client).any(|(queued, args)| self.flags_of(queued, &args).intersects(flag)))
    }

    /// Whether a command lacks a flag; for EXEC, whether any queued command lacks it.
    fn lacks(&self, client: &Client, command: &Command, args: &Args<'_>, flag: Flags) -> bool {
        !self.flags_of(command, args).intersects(flag)
            || (command.is(Internal::RUNS_QUEUE)
                && queue_of(client).any(|(queued, args)| !self.flags_of(queued, &args).intersects(flag)))
    }

    /// Whether a command changes data; for EXEC, whether any queued command does.
    fn writes(&self, client: &Client, command: &Command, args: &Args<'_>) -> bool {
        self.any_has(client, command, args, Flags::WRITE)
    }

    fn out_of_memory(
        &mut self,
        client: &mut Client,
        command: &Command,
        args: &Args<'_>,
        from_primary: bool,
    ) -> Option<CommandError> {
        if self.config.maxmemory == 0
            || (self.replication.is_replica() && self.config.replica_ignore_maxmemory)
            || from_primary
        {
            return None;
        }
        let fits = self.evict_until_it_fits();
        if self.audience.tracking.is_used() {
            // Invalidations of evicted keys precede the command's reply, which may already show a new value of the same key.
            self.invalidate_changed(client);
            self.end_invalidation(client);
        }
        let queued = client.flags.intersects(ClientFlags::MULTI) && !command.is(Internal::ENDS_TRANSACTION);
        let denied = queued || self.any_has(client, command, args, Flags::DENYOOM);
        (!fits && denied).then_some(error::OOM)
    }

    /// Whether a replica has to refuse a write of the stream because it cannot persist it.
    /// `replica-ignore-disk-write-errors` overrides that.
    pub fn must_not_apply(&self, args: &Args<'_>) -> bool {
        !self.config.replica_ignore_disk_write_errors
            && self.disk_error().is_some()
            && self.resolve(args).is_ok_and(|command| command.flags.intersects(Flags::WRITE))
    }

    /// Whether a command of the primary's stream has to wait for the end of a pause, as in Redis. The session's signal tells
    /// the caller when the pause is over.
    pub fn holds_back_primary(&mut self, id: crate::server::client::ClientId, args: &Args<'_>) -> bool {
        if !self.gate.pauses().hold_writes(self.time.now) {
            return false;
        }
        let may_write = || {
            self.resolve(args)
                .is_ok_and(|command| command.flags.intersects(Flags::WRITE) || command.is(Internal::MAY_REPLICATE))
        };
        let holds = self.gate.pauses().hold_all(self.time.now) || may_write();
        if holds {
            self.gate.hold_back_primary(Some(id));
        }
        holds
    }

    pub(crate) fn disk_error(&self) -> Option<CommandError> {
        if self.config.stop_writes_on_bgsave_error
            && !self.config.save.0.is_empty()
            && self.persistence.last_save_failed()
        {
            return Some(error::MISCONF);
        }
        let error = self.persistence.aof_write_error()?;
        Some(CommandError::text(format!("MISCONF Errors writing to the AOF file: {error}")))
    }

    pub(crate) fn lacks_replicas(&self) -> bool {
        let wanted = self.config.min_replicas_to_write as usize;
        wanted > 0
            && self.config.min_replicas_max_lag > 0
            && !self.replication.is_replica()
            && self.good_replicas() < wanted
    }

    /// Replicas that are online and acknowledged within `min-replicas-max-lag`.
    pub fn good_replicas(&self) -> usize {
        let lag = i64::from(self.config.min_replicas_max_lag);
        let now = self.replication.now();
        self.replication.replicas().filter(|peer| peer.is_online() && peer.lag_seconds(now) <= lag).count()
    }

    /// Whether a command waits for a small dataset to finish loading, unless a script in it takes long. Replicas that want to
    /// synchronise retry by themselves and do not wait.
    fn waits_for_loading(&self, client: &Client, command: &Command) -> bool {
        if !self.persistence.is_loading()
            || self.persistence.loads_beside_old_data()
            || self.scripting.busy().is_some()
            || command.flags.intersects(Flags::LOADING)
        {
            return false;
        }
        let interval = self.config.loading_process_events_interval_bytes;
        let young = self.persistence.loading().is_some_and(|loading| loading.is_young(self.time.now, interval));
        let synchronises = command.is(Internal::SYNCHRONISES);
        young && !synchronises && !client.flags.intersects(ClientFlags::PRIMARY) && !client.is_replica()
    }

    fn is_paused_for(&self, client: &Client, command: &Command, args: &Args<'_>) -> bool {
        if client.flags.intersects(ClientFlags::PRIMARY) || client.is_replica() {
            return false;
        }
        let queued = client.flags.intersects(ClientFlags::MULTI) && !command.is(Internal::NOT_QUEUED);
        if !queued && self.waits_for_handover(client, command, args) {
            return true;
        }
        if !self.gate.pauses().hold_writes(self.time.now) {
            return false;
        }
        // Commands that may write count as writes: PUBLISH and PFCOUNT propagate too.
        let may_write = self.writes(client, command, args)
            || self.may_replicate(command, args)
            || (command.is(Internal::RUNS_QUEUE)
                && queue_of(client).any(|(queued, args)| self.may_replicate(queued, &args)));
        let queued = client.flags.intersects(ClientFlags::MULTI) && !command.is(Internal::RUNS_QUEUE);
        let control = command.is(Internal::NEVER_PAUSED);
        (self.gate.pauses().hold_all(self.time.now) && !control) || (may_write && !queued)
    }

    /// Evicts keys until memory is below `maxmemory`; false if that is impossible.
    pub fn evict_until_it_fits(&mut self) -> bool {
        let limit = self.config.maxmemory as usize;
        if limit == 0 {
            return true;
        }
        let Some(excess) = self.memory_for_eviction().checked_sub(limit).filter(|&excess| excess > 0) else {
            return true;
        };
        let Policy::Evict { volatile, order } = self.config.maxmemory_policy.policy() else { return false };
        if self.gate.pauses().hold_writes(self.time.now) || self.persistence.is_loading() {
            return false;
        }
        let began = monotonic_ns();
        let fits = self.evict(excess, limit, volatile, order);
        self.note_latency("eviction-cycle", began);
        fits
    }

    /// Evicts until `excess` bytes are freed or the time limit is reached; false if there is nothing left to evict.
    fn evict(&mut self, excess: usize, limit: usize, volatile: bool, order: Order) -> bool {
        let samples = self.config.maxmemory_samples as usize;
        // One command evicts for a limited time at most; the next one continues.
        let end = self.eviction_nanos().map(|nanos| monotonic_ns().saturating_add(nanos));
        // Messages about the deleted key (to replicas, to subscribers) may take more memory than the key did. They are
        // transient and do not count.
        let mut freed = 0;
        for evicted in 1_u32.. {
            let Some((db, key)) = self.keyspace.pick_victim(volatile, order, samples) else {
                return false;
            };
            let began = monotonic_ns();
            freed += self.keyspace.evict(db, &key);
            self.note_latency("eviction-del", began);
            crate::server::context::settle(&mut self.keyspace, &mut self.effects);
            self.flush_propagation(false);
            // The background thread may free the rest in the meantime.
            let looks_again = self.config.lazyfree_lazy_eviction && evicted.is_multiple_of(16);
            if freed >= excess || (looks_again && self.memory_for_eviction() <= limit) {
                return true;
            }
            if evicted.is_multiple_of(16) && end.is_some_and(|end| monotonic_ns() >= end) {
                break;
            }
        }
        true
    }

    /// How many nanoseconds a command may spend on eviction (`maxmemory-eviction-tenacity`); `None` means no limit.
    fn eviction_nanos(&self) -> Option<u64> {
        match self.config.maxmemory_eviction_tenacity {
            tenacity @ 0..=10 => Some(50_000 * u64::from(tenacity)),
            tenacity @ 11..=99 => Some((500_000.0 * 1.15_f64.powi(tenacity.cast_signed() - 10)) as u64),
            _ => None,
        }
    }

    /// The bytes that count towards `maxmemory`.
    fn memory_for_eviction(&self) -> usize {
        used_memory().saturating_sub(self.memory_not_counted())
    }
}
