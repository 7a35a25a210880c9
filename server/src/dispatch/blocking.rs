//! Blocked clients: those that wait for keys, for replicas, or for the end of a pause. They are served in order of arrival.
//!
//! # Background
//! Changed keys are examined when the unit of execution (a command, or a whole transaction) is over: keys in the order in
//! which they changed, and for each key its waiting clients in order of arrival. A client is served from that key; its
//! command is not simply run again, because it might then prefer another key or fail on one whose type has changed. Keys
//! that change while clients are served are examined in a further round, so a chain of moves takes rounds, not recursion.
//! Each served client is a unit of its own in the replication stream, under the name of the non-blocking command.

use crate::base::ids::ClientId;
use crate::base::long_double::LongDouble;
use crate::base::offset::Offset;
use crate::resp::Args;
use crate::server::client::{Block, BlockKind, Client, ClientFlags, TimeoutReply, Unblock};
use crate::server::error::{CommandError, CommandResult};
use crate::server::state::Server;
use crate::store::keyspace::value_type;
use crate::store::value::ValueType;

impl Server {
    /// Blocks a client. Its later requests stay in the read buffer.
    pub fn block(&mut self, client: &mut Client, mut block: Block, args: &Args<'_>) {
        if block.request.is_empty() {
            block.request = args.to_owned_args();
        }
        if self.waiting.begin(client.id, client.db, &block) {
            self.network.order(crate::server::network::Order::Rearm);
        }
        client.flags.insert(ClientFlags::BLOCKED);
        client.block = Some(Box::new(block));
        if let Some(mode) = self.mode.cluster_mut().filter(|mode| !mode.core.is_ok()) {
            // The command was admitted as a read, and must not wait in a cluster that is down.
            mode.followed = 0;
        }
        self.refresh_watched();
    }

    /// Holds a request back until the pause ends.
    pub fn postpone(&mut self, client: &mut Client, args: &Args<'_>) {
        let block = Block {
            kind: BlockKind::Pause,
            deadline: None,
            timeout_reply: TimeoutReply::Nothing,
            request: Default::default(),
        };
        self.block(client, block, args);
    }

    /// Ends a client's wait; returns what it waited for.
    pub fn stop_waiting(&mut self, client: &mut Client) -> Option<Box<Block>> {
        let block = client.block.take()?;
        client.flags.remove(ClientFlags::BLOCKED);
        self.waiting.end(client.id, client.db, &block);
        self.refresh_watched();
        Some(block)
    }

    /// Ends a client's wait from outside. The client's task then continues with its read buffer.
    pub fn unblock(&mut self, client: &mut Client, how: Unblock) {
        let Some(block) = self.stop_waiting(client) else { return };
        let mark = client.out.len();
        match how {
            Unblock::Timeout => {
                match block.timeout_reply {
                    TimeoutReply::NullArray => client.reply().null_array(),
                    TimeoutReply::Replicas => {
                        let BlockKind::Replicas { offset, .. } = block.kind else { return };
                        let count = self.replicas_at(offset);
                        client.reply().integer(count as i64);
                    }
                    TimeoutReply::Nothing => {}
                }
                self.finish_reply(client, mark);
            }
            Unblock::Error(text) => {
                if let Some(command) = client.last_command {
                    self.stats.command_failed(command.index);
                }
                self.reply_error(client, text.as_bytes());
            }
            Unblock::Retry => self.execute(client, &block.request.as_args()),
        }
        client.signal.raise();
    }

    /// Ends the wait of the client with that id, if it waits.
    pub fn unblock_by_id(&mut self, id: ClientId, how: Unblock) {
        let Some(slot) = self.clients.index_of(id) else { return };
        let Some(mut client) = self.clients.take(slot) else { return };
        self.unblock(&mut client, how);
        self.clients.put(slot, client);
    }

    /// Marks transactions that watch a key changed by the last unit, and serves clients blocked on such keys.
    pub fn tell_watchers(&mut self, current: &mut Client) {
        // Serving a client may change keys that others wait for.
        while self.effects.has_news_of_keys() {
            if self.audience.tracking.is_used() {
                // Changes made outside any command, such as expiry.
                self.invalidate_changed(current);
                self.end_invalidation(current);
            }
            self.audience.tracking.forget_told();
            let (mut touched, mut awaited) = self.effects.take_news_of_keys();
            if self.waiting.are_watching() {
                self.mark_watchers(current, &touched);
            }
            touched.append(&mut awaited);
            for (db, key) in &touched {
                if !self.waiting.are_waiting() {
                    break;
                }
                self.serve_key(*db, key);
            }
        }
    }

    fn mark_watchers(&mut self, current: &mut Client, touched: &[(usize, Vec<u8>)]) {
        for watched in touched {
            for &id in self.waiting.watchers_of(watched) {
                let client = if id == current.id { Some(&mut *current) } else { self.clients.by_id_mut(id) };
                let Some(client) = client else { continue };
                let known = client.transaction.as_mut().and_then(|transaction| transaction.watched.get_mut(watched));
                let Some(was_expired) = known else { continue };
                if *was_expired && !self.keyspace.db(watched.0).contains(&watched.1) {
                    // The key had already expired when WATCH came, so its deletion is no change; whatever happens to it next
                    // is one.
                    *was_expired = false;
                } else {
                    client.flags.insert(ClientFlags::DIRTY_CAS);
                }
            }
        }
    }

    /// Serves the clients that wait for a changed key, in order of arrival, for as long as the key holds what they want.
    fn serve_key(&mut self, db: usize, key: &[u8]) {
        // Clients that block again while others are served wait for the next change.
        let mut left = self.waiting.waiters().count(db, key);
        let mut place = 0;
        while left > 0
            && let Some(id) = self.waiting.waiters().at(db, key, place)
        {
            left -= 1;
            self.keyspace.treat_expired_by(self.expiry_rule(false));
            let held = self.keyspace.peek(db, key).map(|entry| value_type(entry.value()));
            if held.is_none() && !self.waiting.waiters().care_whether_gone(db, key) {
                return;
            }
            // A client that is being killed must not consume an element.
            if let Some(slot) = self.clients.index_of(id)
                && let Some(mut client) = self.clients.take(slot)
            {
                if !client.flags.intersects(ClientFlags::CLOSE_ASAP) {
                    self.serve_waiter(&mut client, key, held);
                }
                self.clients.put(slot, client);
            }
            // If this client has left the queue, the next one now has its place.
            place += usize::from(self.waiting.waiters().at(db, key, place) == Some(id));
        }
    }

    fn serve_waiter(&mut self, client: &mut Client, key: &[u8], held: Option<ValueType>) {
        let Some(Block { kind: BlockKind::Keys(wait), .. }) = client.block.as_deref() else { return };
        if held == Some(wait.awaited) {
            if let Some(error) = self.lost_right(client) {
                return self.unblock(client, Unblock::Error(error));
            }
            self.serve(client, key);
        } else if wait.until_gone {
            self.unblock(client, Unblock::Error("UNBLOCKED the stream key no longer exists".into()));
        }
    }

    /// Marks as changed all keys of these databases that exist and that clients wait for, because SWAPDB or FLUSHALL changes
    /// them all at once. Call before and after the change.
    pub fn touch_awaited(&mut self, dbs: std::ops::Range<usize>) {
        if !self.waiting.are_waiting() {
            return;
        }
        for db in dbs {
            let held = self.keyspace.db(db);
            let there = self.waiting.waiters().keys(db).filter(|key| held.contains(key));
            there.for_each(|key| self.effects.wake_waiters(db, key));
        }
    }

    /// Ends waits whose timeout has passed, and those for the end of a pause that is over.
    pub fn end_due_waits(&mut self) {
        self.end_due_pauses();
        if !self.gate.pauses().any() && !self.waiting.blocked().is_empty() {
            self.retry_held_back();
        }
        while let Some(id) = self.waiting.waiters().first_due(self.time.now) {
            self.unblock_by_id(id, Unblock::Timeout);
        }
    }

    /// When the next wait times out, in Unix milliseconds.
    pub fn next_deadline(&self) -> Option<i64> {
        self.waiting.waiters().next_deadline().into_iter().chain(self.gate.pauses().next_end()).min()
    }

    /// The number of replicas that have acknowledged an offset.
    pub fn replicas_at(&self, offset: Offset) -> usize {
        self.replication.replicas().filter(|peer| peer.is_online() && peer.ack_offset() >= offset).count()
    }

    /// Ends the waits (WAIT) that a new acknowledgement from a replica fulfils.
    pub fn serve_replica_waiters(&mut self) {
        let served: Vec<(ClientId, usize)> = self
            .waiting
            .blocked()
            .iter()
            .filter_map(|id| {
                let BlockKind::Replicas { wanted, offset } = self.clients.by_id(id)?.block.as_ref()?.kind else {
                    return None;
                };
                let count = self.replicas_at(offset);
                (count >= wanted).then_some((id, count))
            })
            .collect();
        for (id, count) in served {
            let Some(slot) = self.clients.index_of(id) else { continue };
            let Some(mut client) = self.clients.take(slot) else { continue };
            self.stop_waiting(&mut client);
            client.reply().integer(count as i64);
            client.signal.raise();
            self.clients.put(slot, client);
        }
    }

    /// Unblocks clients that wait for keys with an error and closes them, as Redis does when a primary becomes a replica.
    pub fn unblock_for_demotion(&mut self) {
        const TEXT: &str =
            "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)";
        let waiting: Vec<ClientId> = self.waiting.blocked().iter().collect();
        for id in waiting {
            let keys =
                |client: &Client| client.block.as_ref().is_some_and(|block| !matches!(block.kind, BlockKind::Pause));
            if self.clients.by_id(id).is_some_and(keys) {
                self.unblock_by_id(id, Unblock::Error(TEXT.into()));
                if let Some(client) = self.clients.by_id_mut(id) {
                    client.flags.insert(ClientFlags::CLOSE_AFTER_REPLY);
                }
            }
        }
    }

    /// Notes, for FLUSHDB, FLUSHALL and SWAPDB, that a database is about to be emptied (every database if `db` is `None`) or
    /// replaced by another. A watched key changes if it exists before or after; an expired one counts as absent.
    pub fn touch_all(&mut self, current: &mut Client, db: Option<usize>, replaced_by: Option<usize>) {
        if !self.waiting.are_watching() {
            return;
        }
        let (keyspace, now) = (&self.keyspace, self.time.now);
        let mark = |client: &mut Client| {
            let Some(transaction) = &mut client.transaction else { return };
            let mut changed = false;
            for ((at, key), was_expired) in
                transaction.watched.iter_mut().filter(|((at, _), _)| db.is_none_or(|db| db == *at))
            {
                let before = keyspace.db(*at).contains(key);
                let after = replaced_by.and_then(|db| keyspace.db(db).get(key));
                let after_expired = after.is_some_and(|entry| entry.expire().is_some_and(|at| at < now));
                match (*was_expired, before, after.is_some()) {
                    (_, false, false) => {}
                    (true, _, false) => *was_expired = false,
                    (true, _, true) if after_expired => {}
                    (false, false, true) if after_expired => *was_expired = true,
                    _ => changed = true,
                }
            }
            if changed {
                client.flags.insert(ClientFlags::DIRTY_CAS);
            }
        };
        mark(current);
        self.clients.iter_mut().for_each(mark);
    }

    /// Drops the commands queued since MULTI.
    pub fn discard_transaction(&mut self, client: &mut Client) {
        self.unwatch(client);
        if let Some(transaction) = &mut client.transaction {
            transaction.queue.clear();
            transaction.queued_bytes = 0;
        }
        client.flags.remove(ClientFlags::MULTI);
        client.flags.remove(ClientFlags::DIRTY_CAS);
        client.flags.remove(ClientFlags::DIRTY_EXEC);
    }
}

/// Turns a number of seconds, possibly with a fraction, into a deadline in Unix milliseconds; 0 means no deadline.
///
/// # Errors
/// Redis's texts for something that is not a number and for a negative one. Numbers beyond 64 bits of milliseconds count as
/// negative.
pub fn deadline_of(seconds: &[u8], now: i64) -> CommandResult<Option<i64>> {
    const NO_NUMBER: CommandError = CommandError::Static("ERR timeout is not a float or out of range");
    if let Some(whole) = crate::base::numbers::parse_i64(seconds) {
        return match whole.checked_mul(1000) {
            Some(millis @ 0..) => Ok(deadline_after(millis, now)),
            _ => Err(crate::server::error::TIMEOUT_NEGATIVE),
        };
    }
    let seconds = match crate::base::numbers::parse_f64(seconds) {
        Some(seconds) => seconds,
        // Redis computes this in an 80-bit float, which accepts values that a double cannot hold.
        None => match LongDouble::parse(seconds) {
            Some(_) if seconds.first() == Some(&b'-') || !seconds.contains(&b'-') => f64::NEG_INFINITY,
            Some(_) => f64::MIN_POSITIVE,
            None => return Err(NO_NUMBER),
        },
    };
    let millis = (seconds * 1000.0).ceil();
    if millis < 0.0 || millis >= i64::MAX as f64 {
        return Err(crate::server::error::TIMEOUT_NEGATIVE);
    }
    Ok(deadline_after(millis as i64, now))
}

/// Turns a number of milliseconds into a deadline in Unix milliseconds; 0 means no deadline.
///
/// # Errors
/// Redis's texts for something that is not a number and for a negative one.
pub fn deadline_of_millis(millis: &[u8], now: i64) -> CommandResult<Option<i64>> {
    match crate::base::numbers::parse_i64(millis) {
        None => Err(crate::server::error::TIMEOUT_NOT_INTEGER),
        Some(..0) => Err(crate::server::error::TIMEOUT_NEGATIVE),
        Some(millis) => Ok(deadline_after(millis, now)),
    }
}

fn deadline_after(millis: i64, now: i64) -> Option<i64> {
    (millis > 0).then(|| now.saturating_add(millis))
}
